//! What the cloud keeps: its bounds, and that what never reaches it does not count (R95).

use std::collections::BTreeSet;

use chatfold::event::{Body, Fact, Mark, Through, Watermark};
use chatfold::retention::{CloudView, Eviction, RetentionPolicy, view_cloud};
use chatfold::{
    ConversationId, Envelope, Event, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};

use crate::harness::{MIX, cases, ensure, hold, replay};
use crate::histories::History;

const DAY_MS: i64 = 86_400_000;
/// The first of March 2026.
const MARCH: i64 = 1_772_323_200_000;

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

/// Makes a log of `alice`, every event and message with an id of its own.
#[derive(Default)]
struct Log {
    events: Vec<Event>,
}

impl Log {
    fn push(&mut self, millis: i64, by: &str, conversation: &str, fact: Fact) -> &mut Self {
        let envelope =
            Envelope::new(EventId::from_bytes(self.id()), time(millis), UserId::parse(by).unwrap());
        let id: ConversationId = conversation.parse().unwrap();
        self.events.push(Event::new(envelope, Body::Conversation(id, fact)).unwrap());
        self
    }

    fn id(&self) -> [u8; 16] {
        u128::try_from(self.events.len() + 1).unwrap().to_be_bytes()
    }

    fn mine(&mut self, millis: i64, conversation: &str, fact: Fact) -> &mut Self {
        self.push(millis, "alice", conversation, fact)
    }

    fn message(&self) -> Message {
        Message::text(MessageId::from_bytes(self.id()), "hi").with_seq(self.events.len() as u64 + 1)
    }

    /// A message that bob wrote arrives.
    fn received(&mut self, millis: i64, conversation: &str) -> &mut Self {
        let by = conversation.strip_prefix("c2c_").unwrap_or("bob").to_owned();
        let message = self.message();
        self.push(millis, &by, conversation, Fact::MessageReceived(Box::new(message)))
    }

    fn pinned(&mut self, millis: i64, conversation: &str) -> &mut Self {
        self.mine(millis, conversation, Fact::Pinned { on: true })
    }

    fn draft(&mut self, millis: i64, conversation: &str) -> &mut Self {
        self.mine(millis, conversation, Fact::DraftSet { text: Some("…".into()), replaces: None })
    }

    fn imported(&mut self, millis: i64, conversation: &str) -> &mut Self {
        let message = Box::new(self.message());
        self.mine(millis, conversation, Fact::MessageImported { sender: None, message })
    }

    fn inbox(&self) -> Inbox {
        Inbox::replay(UserId::parse("alice").unwrap(), Policy::default(), &self.events)
    }

    fn view(&self, policy: &RetentionPolicy, now: i64) -> CloudView {
        view_cloud(&self.inbox(), policy, time(now))
    }
}

fn kept(view: &CloudView) -> Vec<&str> {
    view.kept.iter().map(|conversation| conversation.id.as_str()).collect()
}

fn evicted(view: &CloudView) -> Vec<(&str, Eviction)> {
    view.evicted.iter().map(|evicted| (evicted.conversation.id.as_str(), evicted.reason)).collect()
}

const STANDARD: RetentionPolicy = RetentionPolicy::standard();

#[test]
fn r95_the_most_recently_active_are_kept_up_to_the_count() {
    for (policy, limit) in [(STANDARD, 100), (RetentionPolicy::ultimate(), 500)] {
        for over in [-1_i64, 0, 1, 3] {
            let mut log = Log::default();
            let number = limit + over;
            for n in 0..number {
                log.received(MARCH + n, &format!("group_{n:03}"));
            }
            let view = log.view(&policy, MARCH + DAY_MS);
            assert_eq!(view.kept.len() as i64, number.min(limit), "{limit} and {over}");
            assert_eq!(view.kept[0].id.as_str(), format!("group_{:03}", number - 1));
            let gone: Vec<String> = (0..over.max(0)).rev().map(|n| format!("group_{n:03}")).collect();
            let reasons: Vec<_> = gone
                .iter()
                .enumerate()
                .map(|(n, id)| (id.as_str(), Eviction::Count { place: limit as usize + 1 + n }))
                .collect();
            assert_eq!(evicted(&view), reasons, "{limit} and {over}");
        }
    }
}

#[test]
fn r95_none_is_kept_that_was_idle_for_too_long() {
    let mut log = Log::default();
    log.received(MARCH, "group_a");
    let week = 7 * DAY_MS;
    for (later, is_kept) in
        [(-DAY_MS, true), (0, true), (week - 1_000, true), (week - 1, true), (week, true), (week + 1, false)]
    {
        let view = log.view(&STANDARD, MARCH + later);
        assert_eq!(view.kept.len(), usize::from(is_kept), "{later} ms later");
        if !is_kept {
            assert_eq!(evicted(&view), [("group_a", Eviction::Age { idle_ms: later })]);
        }
    }
    let hour = STANDARD.with_idle_s(3_600);
    assert_eq!(kept(&log.view(&hour, MARCH + 3_600_000)), ["group_a"]);
    assert!(kept(&log.view(&hour, MARCH + 3_600_001)).is_empty());
    let never = STANDARD.with_idle_s(u64::MAX);
    assert_eq!(kept(&log.view(&never, Timestamp::MAX.as_millis())), ["group_a"]);
}

#[test]
fn r95_what_is_both_too_old_and_too_many_is_too_old() {
    let mut log = Log::default();
    log.received(MARCH, "group_old")
        .received(MARCH + DAY_MS, "group_b")
        .received(MARCH + 2 * DAY_MS, "group_c");
    let one = STANDARD.with_max_conversations(1);
    let view = log.view(&one, MARCH + 8 * DAY_MS);
    assert_eq!(kept(&view), ["group_c"]);
    assert_eq!(
        evicted(&view),
        [("group_b", Eviction::Count { place: 2 }), ("group_old", Eviction::Age { idle_ms: 8 * DAY_MS })]
    );
    assert!(kept(&log.view(&STANDARD.with_max_conversations(0), MARCH)).is_empty());
}

#[test]
fn r95_ties_stay_in_list_order() {
    let mut log = Log::default();
    for id in ["group_c", "group_a", "c2c_z", "group_b"] {
        log.received(MARCH, id);
    }
    log.pinned(MARCH - DAY_MS, "group_b");
    let inbox = log.inbox();
    let list: Vec<&str> = inbox.conversations().map(|row| row.id().as_str()).collect();
    let two = STANDARD.with_max_conversations(2);
    let view = view_cloud(&inbox, &two, time(MARCH));
    assert_eq!([kept(&view), evicted(&view).iter().map(|(id, _)| *id).collect()].concat(), list);
    assert_eq!(list, ["group_b", "c2c_z", "group_a", "group_c"]);
}

#[test]
fn r95_a_pin_does_not_protect() {
    let mut log = Log::default();
    log.received(MARCH, "group_old").received(MARCH + 1, "group_new");
    log.pinned(MARCH + 2, "group_old").pinned(MARCH + 2, "group_bare");
    let one = STANDARD.with_max_conversations(1);
    let view = log.view(&one, MARCH + 2);
    assert_eq!(kept(&view), ["group_new"]);
    let never = Eviction::Age { idle_ms: MARCH + 2 };
    assert_eq!(evicted(&view), [("group_old", Eviction::Count { place: 2 }), ("group_bare", never)]);
    assert!(view.evicted[0].conversation.pinned);
    assert!(kept(&log.view(&STANDARD, MARCH + 8 * DAY_MS)).is_empty());
}

#[test]
fn r95_drafts_imports_and_what_was_never_sent_do_not_count() {
    let mut log = Log::default();
    log.received(MARCH, "group_a").received(MARCH + 1, "group_b");
    log.draft(MARCH + 9, "group_a").imported(MARCH + 9, "group_a").draft(MARCH + 9, "group_draft");
    log.imported(MARCH + 9, "group_import");
    let queued = Box::new(log.message());
    let failed = Fact::MessageFailed { target: queued.id, reason: None };
    log.mine(MARCH + 9, "group_queued", Fact::MessageQueued(queued));
    log.mine(MARCH + 10, "group_queued", failed);
    let view = log.view(&STANDARD, MARCH + 10);
    assert_eq!(kept(&view), ["group_b", "group_a"], "in the list a stands first");
    assert_eq!(log.inbox().conversations().count(), 5);
    assert_eq!(view.kept[1].activity, time(MARCH), "of the message, not of the draft");
    assert!(view.evicted.is_empty());
    let local: Vec<&str> = view.local_only.iter().map(ConversationId::as_str).collect();
    assert_eq!(local, ["group_draft", "group_import", "group_queued"]);
    // What keeps a conversation active in the list alone does not keep it in the cloud.
    let view = log.view(&STANDARD, MARCH + 7 * DAY_MS + 1);
    assert_eq!(kept(&view), ["group_b"]);
}

#[test]
fn r95_what_is_acknowledged_counts_from_then_on() {
    let mut log = Log::default();
    let message = Box::new(log.message());
    let target = message.id;
    log.mine(MARCH, "c2c_bob", Fact::MessageQueued(message));
    assert!(kept(&log.view(&STANDARD, MARCH)).is_empty());
    let sent_at = time(MARCH + 5);
    log.mine(MARCH + 6, "c2c_bob", Fact::MessageSent { target, sent_at, seq: None, members: None });
    let view = log.view(&STANDARD, MARCH + 6);
    assert_eq!((kept(&view), view.kept[0].activity), (vec!["c2c_bob"], sent_at));
}

#[test]
fn r95_marks_data_and_openings() {
    let mut log = Log::default();
    let bob = "c2c_bob";
    log.mine(MARCH, bob, Fact::MarkSet { mark: Mark::STAR, on: true });
    log.mine(MARCH, bob, Fact::CustomDataSet { data: b"x".to_vec() });
    assert_eq!(log.view(&STANDARD, MARCH), CloudView::default(), "marks list nothing");
    log.mine(MARCH + 3, bob, Fact::Opened { group_type: None });
    let view = log.view(&STANDARD, MARCH + 3);
    assert_eq!((kept(&view), view.kept[0].activity), (vec![bob], time(MARCH + 3)));
}

#[test]
fn r95_deletions_stay_here_unless_configured() {
    let sends = STANDARD.with_deletes_conversations(true);
    for keep_messages in [false, true] {
        let mut log = Log::default();
        log.received(MARCH, "c2c_bob").pinned(MARCH, "c2c_bob").pinned(MARCH, "group_g");
        let through = Watermark::Time(time(MARCH));
        log.mine(MARCH + 1, "c2c_bob", Fact::Deleted { through, keep_messages, also: Vec::new() });
        assert!(!log.inbox().conversation(&"c2c_bob".parse().unwrap()).unwrap().is_listed());
        let view = log.view(&STANDARD, MARCH + 1);
        assert_eq!(kept(&view), ["c2c_bob"], "deleted here alone");
        assert!(view.kept[0].pinned && view.direct_unread[0].unread == 1);
        let view = log.view(&sends, MARCH + 1);
        assert!(kept(&view).is_empty() && view.direct_unread.is_empty(), "deleted there too");
        // Back with the next message, and that one alone is unread.
        log.received(MARCH + 2, "c2c_bob");
        let view = log.view(&sends, MARCH + 2);
        assert_eq!((kept(&view), view.direct_unread[0].unread), (vec!["c2c_bob"], 1));
        assert!(!view.kept[0].pinned);
        assert_eq!(log.view(&STANDARD, MARCH + 2).direct_unread[0].unread, 2);
    }
}

#[test]
fn r95_deleted_messages_are_still_there() {
    let mut log = Log::default();
    log.received(MARCH, "c2c_bob");
    let targets = vec![MessageId::from_bytes(1_u128.to_be_bytes())];
    log.mine(MARCH + 1, "c2c_bob", Fact::MessagesDeleted { targets });
    let inbox = log.inbox();
    assert_eq!(inbox.totals().unread, 0);
    let view = view_cloud(&inbox, &STANDARD, time(MARCH + 1));
    assert_eq!((kept(&view), view.direct_unread[0].unread), (vec!["c2c_bob"], 1));
}

#[test]
fn r95_direct_unread_is_what_shows_within_the_bounds() {
    let mut log = Log::default();
    log.received(MARCH, "c2c_bob").received(MARCH + 1, "c2c_bob").received(MARCH + 2, "group_g");
    log.received(MARCH + 3, "c2c_carol");
    let one = |unread: &CloudView| -> Vec<(String, u64)> {
        unread.direct_unread.iter().map(|direct| (direct.id.to_string(), direct.unread)).collect()
    };
    let expect = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
        rows.iter().map(|(id, unread)| ((*id).to_owned(), *unread)).collect()
    };
    let now = MARCH + 3;
    assert_eq!(one(&log.view(&STANDARD, now)), expect(&[("c2c_carol", 1), ("c2c_bob", 2)]));
    let week = 7 * DAY_MS;
    assert_eq!(one(&log.view(&STANDARD, MARCH + week)), expect(&[("c2c_carol", 1), ("c2c_bob", 2)]));
    assert_eq!(one(&log.view(&STANDARD, MARCH + week + 1)), expect(&[("c2c_carol", 1), ("c2c_bob", 1)]));
    let long = STANDARD.with_idle_s(u64::MAX);
    assert_eq!(one(&log.view(&long, MARCH + week + 2)), expect(&[("c2c_carol", 1)]));
    let ever = STANDARD.with_idle_s(u64::MAX).with_unread_age_s(u64::MAX);
    assert_eq!(one(&log.view(&ever, MARCH + 2 * week)), expect(&[("c2c_carol", 1), ("c2c_bob", 2)]));
    let few = STANDARD.with_max_unread_conversations(1).with_max_unread_messages(1);
    assert_eq!(one(&log.view(&few, now)), expect(&[("c2c_carol", 1)]));
    let read = Fact::Read { through: Through::Watermark(Watermark::Time(time(MARCH))) };
    log.mine(now, "c2c_bob", read);
    log.mine(
        now,
        "c2c_carol",
        Fact::HistoryCleared { through: Watermark::Time(time(now)), also: Vec::new() },
    );
    assert_eq!(one(&log.view(&STANDARD, now)), expect(&[("c2c_bob", 1)]));
    // An import, an own message and a recalled one never count.
    log.imported(now + 1, "c2c_bob");
    let own = Box::new(log.message());
    log.mine(now + 1, "c2c_bob", Fact::MessageReceived(own));
    let target = MessageId::from_bytes(2_u128.to_be_bytes());
    log.push(now + 2, "bob", "c2c_bob", Fact::MessageRecalled { target, reason: None });
    assert!(log.view(&STANDARD, now + 2).direct_unread.is_empty());
}

#[test]
fn r95_direct_unread_has_its_default_bounds() {
    let mut log = Log::default();
    for n in 0..251 {
        log.received(MARCH + n, "c2c_a");
        if n < 250 {
            log.received(MARCH + n, "c2c_b");
        }
        if n < 249 {
            log.received(MARCH + n, "c2c_c");
        }
    }
    let unread = |view: &CloudView| view.direct_unread.iter().map(|direct| direct.unread).collect::<Vec<_>>();
    assert_eq!(unread(&log.view(&STANDARD, MARCH + 300)), [250, 250, 249]);
    for n in 0..101 {
        log.received(MARCH + 1_000 + n, &format!("c2c_user{n}"));
    }
    let larger = RetentionPolicy::ultimate();
    assert_eq!(unread(&log.view(&larger, MARCH + 2_000)), [1; 100]);
}

type Key = (ConversationId, MessageId);

/// The log as far as it reaches the cloud, and one that has besides everything that never does. Apart from what
/// only a fault of the server makes (two deliveries of one message) and what no client does (importing a
/// message that was sent or received too), that is the whole log.
fn sent_parts(history: &History, deletions: bool) -> (Vec<Event>, Vec<Event>) {
    let (mut received, mut sent, mut queued) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::<Key>::new());
    for event in &history.events {
        let Body::Conversation(id, fact) = event.body() else { continue };
        match fact {
            Fact::MessageReceived(message) => drop(received.insert((id.clone(), message.id))),
            Fact::MessageQueued(message) => drop(queued.insert((id.clone(), message.id))),
            Fact::MessageSent { target, .. } if *event.by() == history.owner => {
                sent.insert((id.clone(), *target));
            }
            _ => {}
        }
    }
    let mut delivered = BTreeSet::new();
    let (mut reaches, mut whole) = (Vec::new(), Vec::new());
    for event in &history.events {
        let (here, there) = match event.body() {
            Body::Conversation(id, fact) => match fact {
                Fact::MessageReceived(message) => {
                    let first = delivered.insert((id.clone(), message.id));
                    (first, first)
                }
                Fact::MessageQueued(message) => (true, sent.contains(&(id.clone(), message.id))),
                Fact::MessageImported { message, .. } => {
                    let key = (id.clone(), message.id);
                    (!received.contains(&key) && !sent.contains(&key) && !queued.contains(&key), false)
                }
                Fact::DraftSet { .. } | Fact::MessagesDeleted { .. } => (true, false),
                Fact::Deleted { .. } => (true, deletions),
                // What names a message in time or takes it away would tell of an import (R42), or hide a clearing.
                Fact::HistoryCleared { .. } | Fact::MarkedUnreadFrom { .. } => (false, false),
                _ => (true, true),
            },
            Body::Account(_) => (true, true),
            _ => (false, false),
        };
        whole.extend(here.then(|| event.clone()));
        reaches.extend(there.then(|| event.clone()));
    }
    (whole, reaches)
}

/// What never reaches the cloud changes nothing there, and of what does the cloud shows the list.
fn check_law(history: &History) -> Result<(), String> {
    for deletes_conversations in [false, true] {
        let policy = STANDARD
            .with_max_conversations(3)
            .with_idle_s(8)
            .with_deletes_conversations(deletes_conversations);
        let (whole, reaches) = sent_parts(history, deletes_conversations);
        let (whole, reaches) = (replay(history, &whole), replay(history, &reaches));
        for now in [0, 9_000, 25_000] {
            let (mut here, mut there) =
                (view_cloud(&whole, &policy, time(now)), view_cloud(&reaches, &policy, time(now)));
            ensure(there.local_only.is_empty(), || format!("local only: {:?}", there.local_only))?;
            here.local_only.clear();
            there.local_only.clear();
            ensure(here == there, || format!("at {now}:\n{here:?}\nis not\n{there:?}"))?;
        }
        let all = policy.with_max_conversations(usize::MAX).with_idle_s(u64::MAX);
        let view = view_cloud(&reaches, &all, time(25_000));
        let mut list: Vec<_> = reaches.conversations().collect();
        list.sort_by_key(|row| std::cmp::Reverse(row.activity()));
        let list: Vec<_> = list.iter().map(|row| (row.id(), row.activity(), row.is_pinned())).collect();
        let found: Vec<_> = view.kept.iter().map(|held| (&held.id, held.activity, held.pinned)).collect();
        ensure(found == list, || format!("kept {found:?}\nlisted {list:?}"))?;
        // Within generous bounds, the unread messages that the cloud reports are those held of the list.
        let unread: u64 = view.direct_unread.iter().map(|direct| direct.unread).sum();
        let direct = reaches.conversations().filter(|row| row.id().as_str().starts_with("c2c_"));
        let expected: u64 = direct.map(|row| row.unread().count() as u64).sum();
        ensure(unread == expected, || format!("{unread} unread reported, {expected} in the list"))?;
    }
    Ok(())
}

#[test]
fn r95_what_never_reaches_the_cloud_changes_nothing_there() {
    hold("R95", MIX, cases(500), &check_law);
}
