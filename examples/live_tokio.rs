//! Readers behind a tokio watch channel: a slow one misses change sets and gets a reset, never a gap.
//!
//! A watch channel keeps the latest value only. What goes into it is a frozen copy, which costs nothing, and the
//! change set that led to it. A reader that saw the copy before follows by steps; one that was too slow for that
//! sees by the revisions that something is missing, and its view tells one reset with the whole list.
//!
//! `cargo run --example live_tokio --features testing`
#![allow(clippy::print_stdout, missing_docs)]

use std::sync::Arc;

use chatfold::live::{ListDiff, ListView, Window};
use chatfold::testing::Workload;
use chatfold::{ChangeSet, ConversationId, Event, Filter, Inbox, Policy};
use tokio::sync::watch;

/// The inbox at one moment, and what led there from the moment before.
type Latest = Arc<(Inbox, ChangeSet)>;

/// Keeps a screen until the writer is gone; how many steps and how many resets it took.
async fn read(
    mut latest: watch::Receiver<Latest>,
    pause_every: usize,
) -> (Vec<ConversationId>, usize, usize) {
    let first = Arc::clone(&latest.borrow_and_update());
    let mut view = ListView::new(&first.0, Filter::default(), Window::First(8));
    let mut screen: Vec<ConversationId> = view.ids().cloned().collect();
    let (mut steps, mut resets) = (0, 0);
    let mut seen: usize = 0;
    while latest.changed().await.is_ok() {
        let now = Arc::clone(&latest.borrow_and_update());
        for diff in view.follow(&now.0, &now.1) {
            steps += 1;
            resets += usize::from(matches!(diff, ListDiff::Reset { .. }));
            diff.apply_to(&mut screen, Clone::clone);
        }
        seen += 1;
        if pause_every > 0 && seen.is_multiple_of(pause_every) {
            // A screen that is busy: others get their turn, many times over.
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
    }
    (screen, steps, resets)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let workload = Workload::phone().with_conversations(30).with_events(2_000);
    let events: Vec<Event> = workload.iter().collect();
    let mut inbox = Inbox::new(workload.owner(), Policy::default());
    let (writer, latest) = watch::channel(Arc::new((inbox.clone(), ChangeSet::default())));
    let quick = tokio::spawn(read(latest.clone(), 0));
    let slow = tokio::spawn(read(latest, 3));
    // Both readers are there before the first batch.
    tokio::task::yield_now().await;

    for batch in events.chunks(5) {
        let changes = inbox.apply_batch(batch);
        if !changes.is_empty() {
            writer.send_replace(Arc::new((inbox.clone(), changes)));
        }
        tokio::task::yield_now().await;
    }
    drop(writer);

    let page = inbox.page(&Filter::default(), None, 8);
    let expected: Vec<ConversationId> = page.conversations.iter().map(|row| row.id().clone()).collect();
    for (name, reader) in [("quick", quick), ("slow", slow)] {
        let Ok((screen, steps, resets)) = reader.await else { panic!("the {name} reader failed") };
        assert_eq!(screen, expected, "the {name} reader's screen is the list");
        assert_eq!(resets > 0, name == "slow", "{name}: {resets} resets");
        println!("the {name} reader took {steps} steps, {resets} of them resets");
    }
}
