//! What does a group of many members cost as one history? Bytes a message, a connected member and one that is not; a message and
//! a recall told to all who are connected; connecting; and the same messages folded into an inbox each (fan-out on write).
//! The figures of a real run are 1,000,000 messages, 100,000 members, 1,000 connected.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod floor;
mod percentiles;

use std::time::Instant;

use chatfold::event::{Through, Watermark};
use chatfold::shared::{Directory, Hub, Memberships, SharedId, Timeline};
use chatfold::snapshot::LogPrefix;
use chatfold::{
    ConversationId, Envelope, Event, EventId, GroupId, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};

use self::floor::has;
use self::percentiles::Percentiles;

/// The number of the first event of a member's own: behind all messages.
const OF_MEMBERS: u64 = 3_000_000_000;

const TEXT: &str = "forty-four bytes of what people say in groups";

/// A group of so many members, and who says what in it.
struct Group {
    id: SharedId,
    users: Vec<UserId>,
}

impl Group {
    fn new(name: &str, members: usize) -> Self {
        let users = (0..members).map(|n| UserId::parse(&format!("member{n:06}")).unwrap());
        Self { id: SharedId::group(&GroupId::parse(name).unwrap()), users: users.collect() }
    }

    fn conversation(&self) -> ConversationId {
        self.id.conversation().clone()
    }

    /// Who wrote message `n`: few write much, most hardly ever.
    fn author(&self, n: u64) -> &UserId {
        let draw = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let of =
            if draw.is_multiple_of(4) { self.users.len() as u64 } else { 200.min(self.users.len() as u64) };
        &self.users[(draw / 4 % of) as usize]
    }

    fn message(&self, n: u64) -> MessageId {
        let id = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        MessageId::from_bytes(id.to_be_bytes())
    }

    fn envelope(&self, n: u64, by: &UserId) -> Envelope {
        let id = u128::from(n + 1).wrapping_mul(0xc2b2_ae3d_27d4_eb4f_1656_67b1_9e37_79f9);
        let at = Timestamp::from_millis(1_700_000_000_000 + n as i64 * 1_000).unwrap();
        Envelope::new(EventId::from_bytes(id.to_be_bytes()), at, by.clone())
    }

    fn said(&self, n: u64) -> Event {
        let message = Message::text(self.message(n), TEXT).with_seq(n + 1);
        self.envelope(n, self.author(n)).message_received(self.conversation(), message).unwrap()
    }

    fn recalled(&self, n: u64, of: u64) -> Event {
        self.envelope(n, self.author(of))
            .message_recalled(self.conversation(), self.message(of), None)
            .unwrap()
    }

    /// What a member of `groups` holds of its own: a window and a read of each.
    fn member(user: &UserId, groups: &[&Self], read: u64) -> Memberships {
        let mut member = Memberships::new(user.clone(), Policy::default()).unwrap();
        for group in groups {
            let window = group.envelope(OF_MEMBERS, user);
            let window = window.history_window(group.conversation(), Watermark::Seq(0), None).unwrap();
            let through = Through::Watermark(Watermark::Seq(read));
            let read = group.envelope(OF_MEMBERS + 1, user).conversation_read(group.conversation(), through);
            member.apply(&window);
            member.apply(&read.unwrap());
        }
        member
    }
}

/// The same as a server has it that was started anew: from a snapshot of which nothing was looked at.
fn restored(member: &Memberships) -> Memberships {
    let bytes = member.inbox().snapshot(LogPrefix::EMPTY).unwrap();
    let (inbox, _) = Inbox::restore(bytes, member.owner(), Policy::default()).unwrap();
    Memberships::of(inbox).unwrap()
}

fn told(what: &str, value: f64, unit: &str) {
    println!("{what:<58} {value:>12.1} {unit}");
}

fn held<T>(make: impl FnOnce() -> T) -> (usize, T) {
    let mut made = None;
    let info = allocation_counter::measure(|| made = Some(make()));
    (info.bytes_current.max(0) as usize, made.unwrap())
}

fn main() {
    let is_smoke = has("--test");
    let (messages, members, connected) =
        if is_smoke { (20_000, 2_000, 50) } else { (1_000_000, 100_000, 1_000) };
    let group = Group::new("hall", members);
    let (bytes, mut timeline) = held(|| {
        let mut timeline = Timeline::new(&group.id);
        (0..messages).for_each(|n| drop(timeline.apply(&group.said(n))));
        timeline
    });
    let each = bytes as f64 / messages as f64 - TEXT.len() as f64;
    told("a message, once, beyond its content", each, "bytes");

    let frozen = timeline.clone();
    timeline.apply(&group.said(messages));
    drop(frozen);
    let messages = messages + 1;
    let mut hub = Hub::new(Directory::new());
    hub.provide(timeline);
    let (bytes, ()) = held(|| {
        for user in group.users.iter().take(connected) {
            hub.connect(restored(&Group::member(user, &[&group], messages - 100))).unwrap();
        }
    });
    told("a connected account with one membership", bytes as f64 / connected as f64, "bytes");

    let turns = if is_smoke { 50 } else { 5_000 };
    let (mut added, mut recalls) = (Percentiles::new(), Percentiles::new());
    let mut changes = 0;
    for n in messages..messages + turns {
        let event = [group.said(n)];
        changes += added.time(|| hub.shared(&group.id, &event)).changes.len();
    }
    for n in 0..turns {
        let event = [group.recalled(messages + turns + n, messages - 2_000.min(messages) + n * 2 / 3)];
        changes += recalls.time(|| hub.shared(&group.id, &event)).changes.len();
    }
    println!("{}", added.line(&format!("a message, told to {connected} connected"), ""));
    println!("{}", recalls.line(&format!("a recall, told to {connected} connected"), ""));
    assert!(changes > connected, "they are told");

    let conversations = if is_smoke { 20 } else { 1_000 };
    let groups: Vec<Group> = (0..conversations).map(|n| Group::new(&format!("group{n}"), 100)).collect();
    for group in &groups {
        hub.provide(Timeline::replay(&group.id, &(0..200).map(|n| group.said(n)).collect::<Vec<_>>()));
    }
    let all: Vec<&Group> = groups.iter().collect();
    let newcomer = UserId::parse("member000007").unwrap();
    let mut connecting = Percentiles::new();
    let member = Group::member(&newcomer, &all, 90);
    for _ in 0..if is_smoke { 2 } else { 50 } {
        let member = restored(&member);
        let session = connecting.time(|| hub.connect(member)).unwrap();
        assert!(hub.totals(session).is_some_and(|totals| totals.unread > 0));
        hub.disconnect(session);
    }
    println!("{}", connecting.line(&format!("connecting with {conversations} conversations, all stale"), ""));
    let (bytes, _member) = held(|| Group::member(&newcomer, &all, 90));
    told("a membership among personal facts that were applied", bytes as f64 / conversations as f64, "bytes");
    let (bytes, member) = held(|| restored(&member));
    told("the same, restored from a snapshot", bytes as f64 / conversations as f64, "bytes");
    let (bytes, _) = held(|| hub.connect(member).unwrap());
    told("what connecting it adds", bytes as f64 / conversations as f64, "bytes");

    // The same messages brought to an inbox each, in memory.
    let few = if is_smoke { 20 } else { 200 };
    let mut inboxes: Vec<Inbox> =
        group.users.iter().take(connected).map(|user| Inbox::new(user.clone(), Policy::default())).collect();
    let (started, mut hub) = (Instant::now(), Hub::new(Directory::new()));
    for n in 0..few {
        let event = group.said(n);
        inboxes.iter_mut().for_each(|inbox| drop(inbox.apply(&event)));
    }
    let fan_out = started.elapsed();
    hub.provide(Timeline::new(&group.id));
    for user in group.users.iter().take(connected) {
        hub.connect(Group::member(user, &[&group], 0)).unwrap();
    }
    let started = Instant::now();
    for n in 0..few {
        hub.shared(&group.id, &[group.said(n)]);
    }
    let once = started.elapsed();
    told("a message into an inbox each", fan_out.as_secs_f64() * 1e6 / few as f64, "µs");
    told("the same once, told to the same accounts", once.as_secs_f64() * 1e6 / few as f64, "µs");
}
