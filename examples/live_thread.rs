//! A writer thread folds what streams in; the screen's thread keeps a list by the steps it is told.
//!
//! The library has no thread and no channel: the writer owns the inbox and a view, and sends whatever its channel
//! carries. Here that is the steps with the rows already made, so that the screen needs no inbox at all, and a frozen
//! copy for a reader that wants one.
//!
//! `cargo run --example live_thread --features testing`
#![allow(clippy::print_stdout, missing_docs)]

use std::sync::mpsc;
use std::thread;

use chatfold::live::{ListDiff, ListView, LiveInbox, Notice, Window};
use chatfold::testing::Workload;
use chatfold::{ConversationId, Event, Filter, Inbox, Policy};

/// What the screen shows of a conversation.
fn row(inbox: &Inbox, id: &ConversationId) -> String {
    inbox.conversation(id).map_or_else(String::new, |row| {
        let last = row.last_message().and_then(|message| message.text()).unwrap_or_default();
        format!("{:>4} {}: {last}", row.unread_count(), row.show_name())
    })
}

/// What goes to the screen.
enum ToScreen {
    /// A step, with the row it brings, if it brings one.
    Step(ListDiff, Option<String>),
    /// The badge.
    Unread(u64),
    /// The whole inbox as it was at the end, to be read at leisure.
    Frozen(Box<Inbox>),
}

/// Folds batches and tells the screen.
fn write(mut live: LiveInbox, batches: Vec<Vec<Event>>, screen: &mpsc::Sender<ToScreen>) {
    let mut view = ListView::new(live.inbox(), Filter::default(), Window::First(8));
    let tell = |notices: Vec<Notice>, live: &LiveInbox, view: &mut ListView| {
        for notice in notices {
            let diffs = match &notice {
                Notice::Changed(changes) => view.follow(live.inbox(), changes),
                Notice::Reset => vec![view.reset(live.inbox())],
                _ => continue,
            };
            for diff in diffs {
                let made = match &diff {
                    ListDiff::Insert { id, .. } | ListDiff::Move { id, .. } | ListDiff::Update { id, .. } => {
                        Some(row(live.inbox(), id))
                    }
                    _ => None,
                };
                // Whoever has gone wants no more steps.
                let _ = screen.send(ToScreen::Step(diff, made));
            }
            let _ = screen.send(ToScreen::Unread(live.inbox().totals().unread));
        }
    };
    let mut batches = batches.into_iter();
    // What happened while we were away is told as one.
    let notices = live.begin_sync(None);
    tell(notices, &live, &mut view);
    for batch in batches.by_ref().take(10) {
        let notices = live.apply(&batch);
        tell(notices, &live, &mut view);
    }
    let notices = live.finish_sync();
    tell(notices, &live, &mut view);
    for batch in batches {
        let notices = live.apply(&batch);
        tell(notices, &live, &mut view);
    }
    let _ = screen.send(ToScreen::Frozen(Box::new(live.into_inbox())));
}

fn main() {
    let workload = Workload::phone().with_conversations(30).with_events(2_000);
    let events: Vec<Event> = workload.iter().collect();
    let batches = events.chunks(7).map(<[Event]>::to_vec).collect();
    let live = LiveInbox::new(Inbox::new(workload.owner(), Policy::default()));
    let (to_screen, steps) = mpsc::channel();
    let writer = thread::spawn(move || write(live, batches, &to_screen));

    let (mut screen, mut unread): (Vec<String>, u64) = (Vec::new(), 0);
    for step in steps {
        match step {
            ToScreen::Step(diff, made) => diff.apply_to(&mut screen, |_| made.clone().unwrap_or_default()),
            ToScreen::Unread(count) => unread = count,
            ToScreen::Frozen(inbox) => {
                let page = inbox.page(&Filter::default(), None, 8);
                let expected: Vec<String> =
                    page.conversations.iter().map(|view| row(&inbox, view.id())).collect();
                assert_eq!((&screen, unread), (&expected, inbox.totals().unread), "the screen is the list");
            }
        }
    }
    assert!(writer.join().is_ok());
    println!("{unread} unread");
    screen.iter().for_each(|row| println!("{row}"));
}
