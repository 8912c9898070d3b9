//! The mirror law (R61): a list kept by applying the steps a view tells shows what the list computed afresh shows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chatfold::change::Attribute;
use chatfold::list::ListCursor;
use chatfold::live::{ListDiff, ListView, Window};
use chatfold::{
    ChangeSet, ConversationId, ConversationView, Event, Filter, Inbox, Message, MessageId, Policy,
};

use crate::harness::{MANY, MIX, SPREAD, apply_each, cases, ensure, hold, replay, subset};
use crate::histories::{History, Rng};
use crate::pages::{any_filter, passes};
use crate::shown::line;
use crate::snapshot::{self, restored};

/// All that a row shows.
fn face(view: ConversationView<'_>) -> String {
    let last = view.last_message().map(line);
    let names = (view.id(), view.show_name(), view.face_url(), view.group_type());
    let counts = (view.unread_count(), view.mentions(), view.receive_option());
    let own = (view.draft(), view.drafts_kept(), view.marks(), view.custom_data(), view.folders());
    let place =
        (view.is_pinned(), view.activity(), view.order_key(), view.is_archived(), view.stays_archived());
    let read = (view.read_marker(), view.peer_read_marker(), view.receive_option_until(), view.membership());
    format!("{names:?} {counts:?} {own:?} {place:?} {read:?} {last:?}")
}

fn face_of(inbox: &Inbox, id: &ConversationId) -> String {
    inbox.conversation(id).map_or_else(|| format!("{id} is gone"), face)
}

/// A window drawn at random.
fn any_window(rng: &mut Rng, inbox: &Inbox) -> Window {
    match rng.below(6) {
        0 | 1 => Window::Whole,
        2 => {
            let rows: Vec<ListCursor> = inbox.known_conversations().map(|row| row.cursor()).collect();
            let anywhere = ListCursor { order_key: rng.below(20_000) as u64, id: "c2c_bob".parse().unwrap() };
            let cursor = if rows.is_empty() { anywhere } else { rng.pick(&rows).clone() };
            Window::After(cursor, rng.below(4))
        }
        _ => Window::First(rng.below(5)),
    }
}

/// The rows by definition (R50–R52).
fn expected(inbox: &Inbox, filter: &Filter, window: &Window) -> Vec<String> {
    let (after, limit) = match window {
        Window::Whole => (None, usize::MAX),
        Window::First(len) => (None, *len),
        Window::After(cursor, len) => (Some(cursor), *len),
        other => panic!("{other:?}"),
    };
    let place = |row: &ListCursor| (std::cmp::Reverse(row.order_key), row.id.clone());
    let below = |row: &ConversationView<'_>| after.is_none_or(|after| place(&row.cursor()) > place(after));
    inbox.conversations().filter(|row| passes(filter, row) && below(row)).take(limit).map(face).collect()
}

/// A view, and a screen kept by what it tells.
struct Mirror {
    view: ListView,
    screen: Vec<String>,
}

impl Mirror {
    fn new(inbox: &Inbox, filter: Filter, window: Window) -> Self {
        let view = ListView::new(inbox, filter, window);
        let screen = view.ids().map(|id| face_of(inbox, id)).collect();
        Self { view, screen }
    }

    fn carry_out(&mut self, inbox: &Inbox, diffs: &[ListDiff]) -> Result<(), String> {
        // A window made smaller is emptied row by row.
        let limit = expected_limit(self.view.window()).max(self.screen.len());
        for diff in diffs {
            let fits = match diff {
                ListDiff::Insert { index, id } => *index <= self.screen.len() && !self.shows(id),
                ListDiff::Update { index, id, .. } | ListDiff::Remove { index, id } => self.is_at(*index, id),
                ListDiff::Move { from, to, id, attributes } => {
                    self.is_at(*from, id) && *to < self.screen.len() && from != to && !attributes.is_empty()
                }
                ListDiff::Reset { .. } => true,
                _ => false,
            };
            ensure(fits, || format!("{diff:?} in {:#?}", self.screen))?;
            diff.apply_to(&mut self.screen, |id| face_of(inbox, id));
            ensure(self.screen.len() <= limit, || format!("{diff:?} exceeds {limit} rows"))?;
        }
        let (filter, window) = (self.view.filter(), self.view.window());
        let expected = expected(inbox, filter, window);
        ensure(self.screen == expected, || {
            format!(
                "{filter:?} {window:?}: after {diffs:?}\nexpected {expected:#?}\nfound {:#?}",
                self.screen
            )
        })?;
        let ids: Vec<_> = self.view.ids().map(|id| face_of(inbox, id)).collect();
        ensure(ids == expected && self.view.len() == ids.len(), || "the view holds other rows".into())
    }

    fn is_at(&self, index: usize, id: &ConversationId) -> bool {
        self.screen.get(index).is_some_and(|row| row.starts_with(&format!("({id:?}, ")))
    }

    fn shows(&self, id: &ConversationId) -> bool {
        (0..self.screen.len()).any(|index| self.is_at(index, id))
    }

    /// Follows a change set that it must be able to follow.
    fn follow(&mut self, inbox: &Inbox, changes: &ChangeSet) -> Result<Vec<ListDiff>, String> {
        let diffs = self.view.follow(inbox, changes);
        let silent = !changes.is_empty() || diffs.is_empty();
        ensure(silent, || format!("nothing changed, told {diffs:?}"))?;
        let reset = diffs.iter().any(|diff| matches!(diff, ListDiff::Reset { .. }));
        ensure(!reset, || format!("a reset, though nothing was missed: {changes:?}"))?;
        self.carry_out(inbox, &diffs)?;
        Ok(diffs)
    }
}

fn expected_limit(window: &Window) -> usize {
    match window {
        Window::First(len) | Window::After(_, len) => *len,
        _ => usize::MAX,
    }
}

/// Batches that end where an event's own id says so: a history made smaller keeps its batches.
pub fn batches(events: &[Event], percent: usize) -> Vec<&[Event]> {
    let goes_on = |event: &Event, _: &Event| Rng::new(u64::from(event.id().as_bytes()[15])).percent(percent);
    events.chunk_by(goes_on).collect()
}

fn mirrors(inbox: &Inbox, rng: &mut Rng, count: usize) -> Vec<Mirror> {
    (0..count).map(|_| Mirror::new(inbox, any_filter(rng), any_window(rng, inbox))).collect()
}

/// How often each kind of step was told, and how often a row slid into a full window from below.
#[derive(Default)]
struct Tally(RefCell<BTreeMap<&'static str, usize>>);

impl Tally {
    fn count(&self, window: &Window, diffs: &[ListDiff]) {
        let mut counts = self.0.borrow_mut();
        let limit = expected_limit(window);
        for diff in diffs {
            let kind = match diff {
                ListDiff::Insert { index, .. } if index + 1 == limit => "slid in",
                ListDiff::Insert { .. } => "insert",
                ListDiff::Move { .. } => "move",
                ListDiff::Update { .. } => "update",
                ListDiff::Remove { index, .. } if index + 1 == limit => "pushed out",
                ListDiff::Remove { .. } => "remove",
                _ => "reset",
            };
            *counts.entry(kind).or_default() += 1;
        }
    }

    fn check(&self) {
        let counts = self.0.borrow();
        for kind in ["slid in", "insert", "move", "update", "pushed out", "remove", "reset"] {
            let told = counts.get(kind).copied().unwrap_or_default();
            assert!(told >= 10, "{kind} was told {told} times: {counts:?}");
        }
    }
}

/// R61 over the events that follow on `inbox`.
fn mirrored(
    history: &History,
    mut inbox: Inbox,
    events: &[Event],
    percent: usize,
    tally: &Tally,
) -> Result<(), String> {
    let mut rng = Rng::new(history.seed ^ 0x61);
    let mut mirrors = mirrors(&inbox, &mut rng, 6);
    // One that looks at every other change set only; the others look at frozen copies.
    let mut slow = Mirror::new(&inbox, any_filter(&mut rng), any_window(&mut rng, &inbox));
    for (n, batch) in batches(events, percent).into_iter().enumerate() {
        let changes = inbox.apply_batch(batch);
        let told = |fault: String| format!("batch {n}: {fault}\n{changes:?}");
        let frozen = inbox.clone();
        for mirror in &mut mirrors {
            let diffs = mirror.follow(&frozen, &changes).map_err(told)?;
            tally.count(mirror.view.window(), &diffs);
        }
        if n % 2 == 1 {
            let diffs = slow.view.follow(&inbox, &changes);
            slow.carry_out(&inbox, &diffs).map_err(told)?;
            tally.count(slow.view.window(), &diffs);
        }
        if rng.percent(20) {
            let at = rng.below(mirrors.len());
            let window = any_window(&mut rng, &inbox);
            let diffs = mirrors[at].view.set_window(&inbox, window);
            mirrors[at].carry_out(&inbox, &diffs).map_err(told)?;
        }
    }
    Ok(())
}

#[test]
fn r61_a_mirror_shows_the_list_after_every_event() {
    let tally = Tally::default();
    hold("R61", SPREAD, cases(500), &|history| {
        let inbox = Inbox::new(history.owner.clone(), history.policy);
        mirrored(history, inbox, &history.events, 0, &tally)
    });
    tally.check();
}

#[test]
fn r61_a_mirror_shows_the_list_after_every_batch() {
    let tally = Tally::default();
    hold("R61", SPREAD, cases(500), &|history| {
        let inbox = Inbox::new(history.owner.clone(), history.policy);
        mirrored(history, inbox, &history.events, 75, &tally)
    });
    tally.check();
    hold("R61", MANY, cases(2), &|history| {
        let inbox = Inbox::new(history.owner.clone(), history.policy);
        mirrored(history, inbox, &history.events, 98, &tally)
    });
}

#[test]
fn r61_a_mirror_goes_on_over_an_inbox_restored_from_a_snapshot() {
    hold("R61", MIX, cases(125), &|history| {
        let (front, back) = history.events.split_at(history.events.len() / 2);
        mirrored(history, restored(&replay(history, front))?, back, 50, &Tally::default())
    });
}

#[test]
fn r61_a_mirror_follows_a_merge() {
    hold("R61", MIX, cases(250), &|history| {
        let mut rng = Rng::new(history.seed ^ 0x4d);
        let one = subset(&history.events, history.seed, 60);
        let two = subset(&history.events, !history.seed, 60);
        let mut inbox = apply_each(history, &one);
        let mut mirrors = mirrors(&inbox, &mut rng, 8);
        let changes = inbox.merge(&replay(history, &two)).map_err(|error| error.to_string())?;
        mirrors.iter_mut().try_for_each(|mirror| mirror.follow(&inbox, &changes).map(|_| ()))
    });
}

#[test]
fn r61_whoever_missed_a_change_set_gets_the_whole_list_once() {
    hold("R61", MIX, cases(125), &|history| {
        let mut rng = Rng::new(history.seed ^ 0x51);
        let mut inbox = Inbox::new(history.owner.clone(), history.policy);
        let mut mirrors = mirrors(&inbox, &mut rng, 3);
        let mut seen = inbox.revision();
        for (n, event) in history.events.iter().enumerate() {
            let changes = inbox.apply(event);
            if !rng.percent(30) {
                continue;
            }
            let missed = !changes.is_empty() && inbox.revision() > seen + 1
                || changes.is_empty() && inbox.revision() > seen;
            for mirror in &mut mirrors {
                let diffs = mirror.view.follow(&inbox, &changes);
                let resets = diffs.iter().filter(|diff| matches!(diff, ListDiff::Reset { .. })).count();
                ensure((resets == 1 && diffs.len() == 1) == missed, || {
                    format!("event {n}: missed {missed}, told {diffs:?}")
                })?;
                mirror.carry_out(&inbox, &diffs)?;
                ensure(mirror.view.follow(&inbox, &changes).is_empty(), || "told twice".into())?;
            }
            seen = inbox.revision();
        }
        Ok(())
    });
}

/// R99: rows of a faulty conversation stay as they were verified; once it is healed the list is told anew.
#[test]
fn r61_r99_a_healed_inbox_resets_its_views() {
    let (mut events, mut inbox) = snapshot::corrupt_hall();
    // Looked at before anything else, so that the corruption is known, and told, when the screen is drawn.
    assert!(inbox.verify().is_err());
    let told = inbox.apply_batch(std::iter::empty());
    assert!(
        told.conversations.iter().all(|row| row.attributes.contains(Attribute::Fault)) && !told.is_empty()
    );
    let mut mirrors =
        [Window::Whole, Window::First(1)].map(|window| Mirror::new(&inbox, Filter::default(), window));

    let waits = snapshot::spoken(20_000);
    let changes = inbox.apply(&waits);
    for mirror in &mut mirrors {
        assert_eq!(mirror.follow(&inbox, &changes).unwrap(), [], "its events wait");
    }
    let chat: ConversationId = "c2c_carol".parse().unwrap();
    let more = Message::text(MessageId::from_bytes([4; 16]), "still there?");
    let more = snapshot::envelope(1 << 31, "carol").message_received(chat, more).unwrap();
    let others = inbox.apply_batch([&waits, &more]);
    for mirror in &mut mirrors {
        assert_eq!(mirror.follow(&inbox, &others).unwrap().len(), 1, "the chat beside it goes on");
    }

    let replayed = Inbox::replay(snapshot::alice(), Policy::default(), &events);
    assert_eq!(inbox.heal(&replayed), Ok(1));
    events.extend([waits, more]);
    for mirror in &mut mirrors {
        let diffs = mirror.view.follow(&inbox, &ChangeSet::default());
        assert!(matches!(diffs.as_slice(), [ListDiff::Reset { .. }]), "{diffs:?}");
        mirror.carry_out(&inbox, &diffs).unwrap();
    }
    let whole = Inbox::replay(snapshot::alice(), Policy::default(), &events);
    assert_eq!(mirrors[0].screen, expected(&whole, &Filter::default(), &Window::Whole));
}

/// A step told of another list is left out, not a panic.
#[test]
fn steps_that_do_not_fit_are_left_out() {
    let id: ConversationId = "c2c_bob".parse().unwrap();
    let mut rows = vec![1];
    let attributes = chatfold::change::Attributes::default();
    let steps = [
        ListDiff::Remove { index: 3, id: id.clone() },
        ListDiff::Update { index: 1, id: id.clone(), attributes },
        ListDiff::Move { from: 9, to: 0, id: id.clone(), attributes },
        ListDiff::Insert { index: 7, id },
    ];
    steps.iter().for_each(|step| step.apply_to(&mut rows, |_| 2));
    assert_eq!(rows, [1, 2]);
}
