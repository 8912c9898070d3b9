//! How long do the first page, the totals and the totals by filter take over 100,000 conversations (P7)?
//!
//! The floor: reading twenty rows that lie in order in a slice, and one number. `-- --csv FILE` keeps the figures.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

mod floor;
mod percentiles;

use std::hint::black_box;

use chatfold::id::ConversationKind;
use chatfold::live::{ListView, UnreadSubscriptions, Window};
use chatfold::testing::Workload;
use chatfold::{Filter, Inbox, Policy, Replay};

use self::floor::Report;
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
    let direct = all.with_kind(Some(ConversationKind::Direct)).with_has_unread(true);
    let mut unread = UnreadSubscriptions::new(&inbox);
    unread.subscribe(direct);
    assert_eq!(unread.totals(&direct), Some(inbox.totals_of(&direct)), "the totals timed are right");
    assert_eq!(inbox.totals(), inbox.totals_of(&all));
    let middle = inbox.conversations().nth(listed / 2).unwrap().cursor();

    // The rows as somebody would keep them to be shown.
    let shown: Vec<(String, u64, String)> = inbox
        .conversations()
        .map(|row| {
            let text = row.last_message().and_then(|message| message.text().map(str::to_owned));
            (row.show_name().to_owned(), row.unread_count(), text.unwrap_or_default())
        })
        .collect();
    let slice = |from: usize| -> usize {
        let rows = black_box(&shown).iter().skip(from).take(20);
        rows.map(|(name, unread, text)| name.len() + text.len() + *unread as usize).sum()
    };
    let total = inbox.totals().unread;
    let (mut report, workload) = (Report::new(), format!("{listed} rows"));
    let mut time =
        |what: &str, count: u64, floor: Option<(&'static str, f64)>, call: &mut dyn FnMut() -> usize| {
            let mut each = Percentiles::new();
            (0..times / count).for_each(|_| each.time_each(count, &mut *call));
            let made = allocations(1, || {
                black_box(call());
            });
            println!("{}", each.line(&format!("{workload}: {what}"), &made));
            report.row(&workload, &format!("{what} (median)"), each.median() as f64, "ns", floor);
            each.median() as f64
        };
    let rows = Some(("20 rows of a slice", time("20 rows of a slice", 100, None, &mut || slice(0))));
    let number =
        Some(("a number read", time("a number read", 100, None, &mut || *black_box(&total) as usize)));
    time("the first page of 20 rows", 1, rows, &mut || inbox.page(&all, None, 20).conversations.len());
    time("the first page, and what a screen reads of each row", 1, rows, &mut || read(&inbox, &all));
    time("20 rows from the middle of the list", 1, rows, &mut || {
        inbox.page(&all, Some(&middle), 20).conversations.len()
    });
    time("the first page of direct chats with unread", 1, rows, &mut || read(&inbox, &direct));
    time("a new view of 20 rows", 1, rows, &mut || ListView::new(&inbox, all, Window::First(20)).len());
    time("the total", 100, number, &mut || black_box(&inbox).totals().unread as usize);
    time("the total by a subscribed filter", 100, number, &mut || {
        unread.totals(black_box(&direct)).map_or(0, |totals| totals.unread as usize)
    });
    let mut counted = Percentiles::new();
    for _ in 0..if smoke { 3 } else { 20 } {
        assert_eq!(Some(counted.time(|| inbox.totals_of(&direct))), unread.totals(&direct));
    }
    println!("{}", counted.line(&format!("{listed} rows: the total by a filter counted anew"), ""));
    report.finish();
}
