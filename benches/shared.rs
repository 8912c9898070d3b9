//! What does a group of many members cost as one history? Bytes a message, a connected member and one that is not; a message and
//! a recall told to all who are connected; connecting; and the same messages folded into an inbox each (fan-out on write).
//! The figures of a real run are 1,000,000 messages, 100,000 members, 1,000 connected. `-- --csv FILE` keeps the figures,
//! `-- one-group`, `connecting` or `fan-out` takes only that part.
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

use self::floor::{Report, has};
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

fn held<T>(make: impl FnOnce() -> T) -> (f64, T) {
    let mut made = None;
    let info = allocation_counter::measure(|| made = Some(make()));
    (info.bytes_current.max(0) as f64, made.unwrap())
}

/// How much of everything.
struct Sizes {
    messages: u64,
    members: usize,
    connected: usize,
    turns: u64,
    conversations: usize,
    connections: usize,
    fanned: u64,
}

/// Messages and recalls told to all who are connected, over one large history; the bytes that it takes.
fn one_group(report: &mut Report, sizes: &Sizes) {
    let &Sizes { messages, members, connected, turns, .. } = sizes;
    let group = Group::new("hall", members);
    let (bytes, mut timeline) = held(|| {
        let mut timeline = Timeline::new(&group.id);
        (0..messages).for_each(|n| drop(timeline.apply(&group.said(n))));
        timeline
    });
    let beyond = |bytes: f64| bytes / messages as f64 - TEXT.len() as f64;
    report.row("hall", "a message applied once, beyond its content", beyond(bytes), "bytes", None);
    let events: Vec<Event> = (0..messages).map(|n| group.said(n)).collect();
    let (bytes, replayed) = held(|| Timeline::replay(&group.id, &events));
    report.row("hall", "a message replayed once, beyond its content", beyond(bytes), "bytes", None);
    drop((events, replayed));

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
    let each = bytes / connected as f64;
    report.row("hall", "a connected account with one conversation", each, "bytes", None);

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
    assert!(changes > connected, "they are told");
    for (what, times) in [("a message", added), ("a recall", recalls)] {
        println!("{}", times.line(&format!("{what}, told to {connected} connected"), ""));
        for (quantile, nanos) in [("median", times.median()), ("p99", times.p99())] {
            let what = format!("{what} told to {connected} connected ({quantile})");
            report.row("hall", &what, nanos as f64 / 1e3, "µs", None);
        }
    }
}

/// An account connects whose many conversations are all stale.
fn connecting(report: &mut Report, sizes: &Sizes) {
    let mut hub = Hub::new(Directory::new());
    let groups: Vec<Group> =
        (0..sizes.conversations).map(|n| Group::new(&format!("group{n}"), 100)).collect();
    for group in &groups {
        hub.provide(Timeline::replay(&group.id, &(0..200).map(|n| group.said(n)).collect::<Vec<_>>()));
    }
    let all: Vec<&Group> = groups.iter().collect();
    let newcomer = UserId::parse("member000007").unwrap();
    let count = sizes.conversations as f64;
    let (bytes, applied) = held(|| Group::member(&newcomer, &all, 90));
    report.row("desk", "a membership whose facts were applied", bytes / count, "bytes", None);
    let (bytes, member) = held(|| restored(&applied));
    report.row("desk", "the same restored from a snapshot", bytes / count, "bytes", None);

    let mut times = Percentiles::new();
    for _ in 0..sizes.connections {
        let member = restored(&applied);
        let session = times.time(|| hub.connect(member)).unwrap();
        assert!(hub.totals(session).is_some_and(|totals| totals.unread > 0));
        hub.disconnect(session);
    }
    let what = format!("connecting with {} conversations, all stale", sizes.conversations);
    println!("{}", times.line(&what, ""));
    report.row("desk", &format!("{what} (median)"), times.median() as f64 / 1e3, "µs", None);
    let (bytes, _) = held(|| hub.connect(member).unwrap());
    report.row("desk", "what connecting adds to a membership", bytes / count, "bytes", None);
}

/// The same messages brought to an inbox each, in memory.
fn fanned_out(report: &mut Report, sizes: &Sizes) {
    let group = Group::new("hall", sizes.members);
    let users = group.users.iter().take(sizes.connected);
    let mut inboxes: Vec<Inbox> =
        users.clone().map(|user| Inbox::new(user.clone(), Policy::default())).collect();
    let started = Instant::now();
    for n in 0..sizes.fanned {
        let event = group.said(n);
        inboxes.iter_mut().for_each(|inbox| drop(inbox.apply(&event)));
    }
    let each = |since: Instant| since.elapsed().as_secs_f64() * 1e6 / sizes.fanned as f64;
    let fan_out = each(started);
    let mut hub = Hub::new(Directory::new());
    hub.provide(Timeline::new(&group.id));
    for user in users {
        hub.connect(Group::member(user, &[&group], 0)).unwrap();
    }
    let started = Instant::now();
    for n in 0..sizes.fanned {
        hub.shared(&group.id, &[group.said(n)]);
    }
    let what = format!("a message folded into {} inboxes", sizes.connected);
    let floor = Some(("folded once and told to the same accounts", each(started)));
    report.row("hall", &what, fan_out, "µs", floor);
}

type Part = fn(&mut Report, &Sizes);

fn main() {
    let sizes = if has("--test") {
        Sizes {
            messages: 20_000,
            members: 2_000,
            connected: 50,
            turns: 50,
            conversations: 20,
            connections: 2,
            fanned: 20,
        }
    } else {
        Sizes {
            messages: 1_000_000,
            members: 100_000,
            connected: 1_000,
            turns: 5_000,
            conversations: 1_000,
            connections: 200,
            fanned: 200,
        }
    };
    let mut report = Report::new();
    let parts: [(&str, Part); 3] =
        [("one-group", one_group), ("connecting", connecting), ("fan-out", fanned_out)];
    let some = parts.iter().any(|(name, _)| has(name));
    for (_, part) in parts.iter().filter(|(name, _)| !some || has(name)) {
        part(&mut report, &sizes);
    }
    report.finish();
}
