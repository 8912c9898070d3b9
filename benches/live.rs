//! How long does a live event take, with list order, totals and change set up to date (P5)?
//!
//! Percentiles of single events; what follows the inbox (a view, subscriptions) is timed beside it, and the floor: a
//! counter in a hash map and the order of the list in an ordered map, kept after every event. The inbox is checked
//! against a replay of the same events before anything is printed. `-- --csv FILE` keeps the figures.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

mod floor;
mod percentiles;

use std::sync::Arc;

use chatfold::event::Mark;
use chatfold::id::ConversationKind;
use chatfold::list::{FolderFilter, MarkFilter};
use chatfold::live::{ListView, UnreadSubscriptions, Window};
use chatfold::snapshot::LogPrefix;
use chatfold::testing::Workload;
use chatfold::{
    ConversationId, Envelope, Event, EventId, Filter, FolderId, Inbox, Message, MessageId, Policy, Timestamp,
    UserId,
};
use cpu_time::ThreadTime;

use self::floor::{Ordered, Report};
use self::percentiles::{Percentiles, allocations, is_smoke};

/// Bytes with several owners, so that one snapshot is restored again and again.
#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The floor.
const ORDERED: &str = "counters and an ordered map";

fn filters() -> Vec<Filter> {
    let mut filters = vec![Filter::default()];
    for kind in [None, Some(ConversationKind::Direct), Some(ConversationKind::Group)] {
        for mark in [MarkFilter::Any, MarkFilter::Unmarked, MarkFilter::With(Mark::STAR)] {
            for has_mention in [false, true] {
                filters.push(
                    Filter::default()
                        .with_kind(kind)
                        .with_mark(mark)
                        .with_has_mention(has_mention)
                        .with_has_unread(true),
                );
            }
        }
    }
    filters
}

/// The last `live` events of a workload, one by one onto the replay of those before.
fn apply(report: &mut Report, name: &str, workload: &Workload, live: usize) {
    let all_events: Vec<Event> = workload.iter().collect();
    let (before, events) = all_events.split_at(all_events.len() - live);
    // No copy of it may be held: writes would copy what they share.
    let start = || Inbox::replay(workload.owner(), Policy::default(), before);
    let mut inbox = start();
    let mut view = ListView::new(&inbox, Filter::default(), Window::First(20));
    let mut whole = ListView::new(&inbox, Filter::default(), Window::Whole);
    let mut unread = UnreadSubscriptions::new(&inbox);
    for filter in filters() {
        unread.subscribe(filter);
    }
    let mut many = unread.clone();
    for n in 0..10_000u128 {
        let folder = FolderFilter::In(FolderId::from_bytes(n.to_be_bytes()));
        many.subscribe(Filter::default().with_folder(folder));
    }
    let [mut alone, mut first, mut all, mut totals, mut idle] = [(); 5].map(|()| Percentiles::new());
    let (mut ordered, mut floor) = (Ordered::default(), Percentiles::new());
    before.iter().for_each(|event| ordered.apply(event));
    for event in events {
        floor.time(|| ordered.apply(event));
        let changes = alone.time(|| inbox.apply(event));
        first.time(|| view.follow(&inbox, &changes));
        all.time(|| whole.follow(&inbox, &changes));
        totals.time(|| unread.follow(&inbox, &changes));
        idle.time(|| many.follow(&inbox, &changes));
    }
    let expected = Inbox::replay(workload.owner(), Policy::default(), &all_events);
    assert!(inbox.digest() == expected.digest() && inbox.audit().is_ok(), "the work timed was done right");
    drop(expected);
    assert!(inbox.conversations().map(|row| row.id()).eq(whole.ids()), "the mirror law holds");
    assert!(filters().iter().all(|filter| unread.totals(filter) == Some(inbox.totals_of(filter))));

    drop(inbox);
    let mut again = start();
    let started = ThreadTime::now();
    let made = allocations(events.len(), || events.iter().for_each(|event| drop(again.apply(event))));
    let each = started.elapsed().as_nanos() as f64 / events.len() as f64;
    println!("{}", floor.line(&format!("{name}: the floor"), ""));
    println!("{}", alone.line(&format!("{name}: apply"), &made));
    println!("{}", first.line(&format!("{name}: a view of 20 rows follows"), ""));
    println!("{}", all.line(&format!("{name}: a view of the whole list follows"), ""));
    println!("{}", totals.line(&format!("{name}: {} subscribed filters follow", filters().len()), ""));
    println!("{}", idle.line(&format!("{name}: the same and 10,000 that no event touches"), ""));
    println!("{:<58} mean {each:.0} ns of processor time", format!("{name}: apply"));
    let mut row = |what: &str, value: &Percentiles, floor: &Percentiles| {
        report.row(
            name,
            &format!("{what} (median)"),
            value.median() as f64,
            "ns",
            Some((ORDERED, floor.median() as f64)),
        );
        report.row(
            name,
            &format!("{what} (99 of 100)"),
            value.p99() as f64,
            "ns",
            Some((ORDERED, floor.p99() as f64)),
        );
    };
    row("an event applied", &alone, &floor);
    row("a view of 20 rows follows", &first, &floor);
    row("19 subscribed filters follow", &totals, &floor);
}

fn hall(messages: u64) -> (Inbox, Event) {
    let group: ConversationId = "group_hall".parse().unwrap();
    let spoken = |n: u64| {
        let at = Timestamp::from_millis(1_700_000_000_000 + n as i64 * 1_000).unwrap();
        let envelope = Envelope::new(
            EventId::from_bytes(u128::from(n).to_be_bytes()),
            at,
            UserId::parse("bob").unwrap(),
        );
        let id = MessageId::from_bytes(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c).to_be_bytes());
        envelope.message_received(group.clone(), Message::text(id, "a line of text").with_seq(n + 1)).unwrap()
    };
    let mut replay = chatfold::Replay::new(UserId::parse("alice").unwrap(), Policy::default());
    (0..messages).for_each(|n| replay.push(&spoken(n)));
    (replay.finish(), spoken(messages))
}

/// The first event into a conversation that lies cold in a snapshot.
fn cold(messages: u64, times: usize) -> Percentiles {
    let (inbox, next) = hall(messages);
    let bytes = Shared(Arc::new(inbox.snapshot(LogPrefix::EMPTY).unwrap()));
    let mut first = Percentiles::new();
    for _ in 0..times {
        let (mut cold, _) = Inbox::restore(bytes.clone(), inbox.owner(), Policy::default()).unwrap();
        let changes = first.time(|| cold.apply(&next));
        assert_eq!((changes.messages.len(), cold.totals().unread), (1, messages + 1));
    }
    println!("{}", first.line(&format!("the first event into a cold history of {messages}"), ""));
    first
}

fn main() {
    let smoke = is_smoke();
    let mut report = Report::new();
    let live = if smoke { 500 } else { 100_000 };
    let sized = |workload: Workload, events| workload.with_events(if smoke { 2_000 } else { events });
    apply(&mut report, "1,000 conversations", &sized(Workload::desk(), 1_000_000), live);
    apply(&mut report, "100,000 conversations", &sized(Workload::whale(), 2_000_000), live);
    apply(&mut report, "one group, 10,000 events before", &sized(Workload::hall(), 20_000), live.min(10_000));
    apply(
        &mut report,
        "one group, a million events before",
        &sized(Workload::hall(), 1_010_000),
        live.min(10_000),
    );
    let scale = if smoke { 1_000 } else { 1 };
    let (short, long) = (cold(100_000 / scale, 51), cold(1_000_000 / scale, 51));
    println!("ten times the messages: {:.2} times the time", long.median() as f64 / short.median() as f64);
    for (messages, first) in [("100,000 messages", short), ("a million messages", long)] {
        report.row(
            messages,
            "the first event into a cold history (median)",
            first.median() as f64,
            "ns",
            None,
        );
    }
    report.finish();
}
