//! How long do the first page, the totals and the totals by filter take over 100,000 conversations (P7)?
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

mod percentiles;

use std::hint::black_box;

use chatfold::testing::Workload;
use chatfold::{ConversationKind, Filter, Inbox, ListView, Policy, Replay, UnreadSubscriptions, Window};

use self::percentiles::{Percentiles, allocations, is_smoke};

/// What a screen reads of a row.
fn read(inbox: &Inbox, filter: &Filter) -> usize {
    let page = inbox.page(filter, None, 20);
    let row = |row: &chatfold::ConversationView<'_>| {
        let text = row.last_message().and_then(|message| message.text()).map_or(0, str::len);
        row.show_name().len() + text + row.unread_count() as usize + usize::from(row.draft().is_some())
    };
    page.conversations.iter().map(row).sum()
}

fn main() {
    let smoke = is_smoke();
    let (conversations, events, times) = if smoke { (200, 2_000, 20) } else { (100_000, 2_000_000, 20_000) };
    let workload = Workload::whale().with_conversations(conversations).with_events(events);
    let mut replay = Replay::new(workload.owner(), Policy::default());
    workload.iter().for_each(|event| replay.push(&event));
    let inbox = replay.finish();
    let listed = inbox.conversations().count();

    let all = Filter::default();
    let direct = Filter { kind: Some(ConversationKind::Direct), has_unread: true, ..all };
    let mut unread = UnreadSubscriptions::new(&inbox);
    unread.subscribe(direct);
    assert_eq!(unread.totals(&direct), Some(inbox.totals_of(&direct)), "the totals timed are right");
    assert_eq!(inbox.totals(), inbox.totals_of(&all));
    let middle = inbox.conversations().nth(listed / 2).unwrap().cursor();

    let time = |what: &str, count: u64, call: &mut dyn FnMut() -> usize| {
        let mut each = Percentiles::new();
        (0..times / count).for_each(|_| each.time_each(count, &mut *call));
        let made = allocations(1, || {
            black_box(call());
        });
        println!("{}", each.line(&format!("{listed} rows: {what}"), &made));
    };
    time("the first page of 20 rows", 1, &mut || inbox.page(&all, None, 20).conversations.len());
    time("the first page, and what a screen reads of each row", 1, &mut || read(&inbox, &all));
    time("20 rows from the middle of the list", 1, &mut || {
        inbox.page(&all, Some(&middle), 20).conversations.len()
    });
    time("the first page of direct chats with unread", 1, &mut || read(&inbox, &direct));
    time("a new view of 20 rows", 1, &mut || ListView::new(&inbox, all, Window::First(20)).len());
    time("the total", 100, &mut || black_box(inbox.totals().unread) as usize);
    time("the total by a subscribed filter", 100, &mut || {
        unread.totals(black_box(&direct)).map_or(0, |totals| totals.unread as usize)
    });
    let mut counted = Percentiles::new();
    for _ in 0..if smoke { 3 } else { 20 } {
        assert_eq!(Some(counted.time(|| inbox.totals_of(&direct))), unread.totals(&direct));
    }
    println!("{}", counted.line(&format!("{listed} rows: the total by a filter counted anew"), ""));
}
