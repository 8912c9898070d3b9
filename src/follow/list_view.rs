//! A filtered, windowed list that is kept by differences.

mod rows;

use std::cmp::Ordering;

use self::rows::{Rows, order};
use crate::inbox::{Inbox, ListCursor};
use crate::model::change::{Attributes, ChangeSet, ConversationChange, Revisions};
use crate::model::filter::Filter;
use crate::model::id::ConversationId;

/// Which of the rows that pass a filter a view shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// All of them.
    #[default]
    Whole,
    /// So many from the top.
    First(usize),
    /// So many from just after a place in the list (R51); rows before it are not the view's.
    After(ListCursor, usize),
}

impl Window {
    fn parts(&self) -> (Option<&ListCursor>, usize) {
        match self {
            Self::Whole => (None, usize::MAX),
            Self::First(len) => (None, *len),
            Self::After(cursor, len) => (Some(cursor), *len),
        }
    }
}

/// One step from the rows a view showed to those it shows now.
///
/// Steps are valid in sequence: an index counts in the list as the steps before left it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListDiff {
    /// A row came.
    Insert {
        /// Where it stands now.
        index: usize,
        /// Its conversation.
        id: ConversationId,
    },
    /// A row was taken out and put in elsewhere.
    Move {
        /// Where it stood.
        from: usize,
        /// Where it stands now, counted once it was taken out.
        to: usize,
        /// Its conversation.
        id: ConversationId,
        /// What else differs from before; its activity or pin always does.
        attributes: Attributes,
    },
    /// A row shows something else and stands where it stood.
    Update {
        /// Where it stands.
        index: usize,
        /// Its conversation.
        id: ConversationId,
        /// What differs from before.
        attributes: Attributes,
    },
    /// A row went.
    Remove {
        /// Where it stood.
        index: usize,
        /// Its conversation.
        id: ConversationId,
    },
    /// The list is another: these are its rows.
    Reset {
        /// The rows, in list order.
        ids: Vec<ConversationId>,
    },
}

impl ListDiff {
    /// Carries the step over to a list of rows of one's own; `make` reads what a row is to show, of one that came
    /// or shows something else.
    ///
    /// A step that does not fit, because it was told of another list, leaves out what it cannot do.
    pub fn apply_to<T>(&self, rows: &mut Vec<T>, mut make: impl FnMut(&ConversationId) -> T) {
        match self {
            Self::Insert { index, id } => rows.insert((*index).min(rows.len()), make(id)),
            Self::Move { from, to, id, .. } if *from < rows.len() => {
                rows.remove(*from);
                rows.insert((*to).min(rows.len()), make(id));
            }
            Self::Update { index, id, .. } => {
                if let Some(row) = rows.get_mut(*index) {
                    *row = make(id);
                }
            }
            Self::Remove { index, .. } if *index < rows.len() => {
                rows.remove(*index);
            }
            Self::Move { .. } | Self::Remove { .. } => {}
            Self::Reset { ids } => *rows = ids.iter().map(make).collect(),
        }
    }
}

/// The rows of the list that pass a filter, or a window of them, kept up to date by differences.
///
/// **The mirror law** (R61): a list of rows kept by applying every [`ListDiff`] in turn shows what the list computed
/// afresh shows, after every batch. A view that missed a change set, because its reader fell behind, or because
/// the inbox was healed, tells one [`ListDiff::Reset`] with all its rows: never a gap.
///
/// A view belongs to one inbox and its clones; it borrows nothing of it, so it may live on another thread and follow
/// frozen copies. Of each row of its window it holds the order key and the id, and of the others nothing.
///
/// ```
/// use chatfold::live::{ListView, Window};
/// use chatfold::{ConversationId, Envelope, EventId, Filter, Inbox, Message, MessageId, Policy, Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let mut inbox = Inbox::new(alice, Policy::default());
/// let unread = Filter::default().with_has_unread(true);
/// let mut view = ListView::new(&inbox, unread, Window::First(20));
/// let mut screen: Vec<String> = Vec::new();
///
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob.clone());
/// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?");
/// let changes = inbox.apply(&envelope.message_received(ConversationId::direct(&bob), lunch)?);
/// for diff in view.follow(&inbox, &changes) {
///     diff.apply_to(&mut screen, |id| {
///         inbox.conversation(id).map_or(String::new(), |row| format!("{} ({})", row.show_name(), row.unread_count()))
///     });
/// }
/// assert_eq!(screen, ["bob (1)"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ListView {
    filter: Filter,
    window: Window,
    rows: Rows,
    revision: u64,
}

/// What a change set means for a view.
#[derive(Default)]
struct Plan<'a> {
    /// Rows that go, as they stood.
    leaving: Vec<ListCursor>,
    /// Rows that stay, as they stood and as they stand now.
    staying: Vec<(ListCursor, ListCursor, &'a ConversationChange)>,
    /// Rows that stand behind the last row of before now: they stay only where there is room.
    sinking: Vec<(ListCursor, ListCursor, &'a ConversationChange)>,
    /// Rows that come, if there is room.
    coming: Vec<ListCursor>,
}

impl ListView {
    /// A view of the list as it is now; [`ListView::ids`] has the rows to begin with.
    ///
    /// Complexity: the window, and the rows of the list that do not pass in between.
    pub fn new(inbox: &Inbox, filter: Filter, window: Window) -> Self {
        let mut view = Self { filter, window, rows: Rows::default(), revision: 0 };
        view.read(inbox);
        view
    }

    fn read(&mut self, inbox: &Inbox) {
        let (after, limit) = self.window.parts();
        let rows = inbox.rows_after(&self.filter, after).take(limit);
        self.rows = rows.map(|row| row.cursor()).collect();
        self.revision = inbox.revision();
    }

    /// Its filter.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Its window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// The rows it shows, in list order.
    pub fn ids(&self) -> impl Iterator<Item = &ConversationId> {
        self.rows.iter().map(|row| &row.id)
    }

    /// Returns the rows it shows from an index on, in list order.
    ///
    /// Complexity: w / 128 to the first, w being the rows of the view.
    pub fn ids_from(&self, index: usize) -> impl Iterator<Item = &ConversationId> {
        self.rows.iter_from(index).map(|row| &row.id)
    }

    /// Returns the index of a row, given its place in the list; `None` if it shows no such row.
    ///
    /// Complexity: O(log w), and w / 128 to count, w being the rows of the view.
    pub fn index_of(&self, row: &ListCursor) -> Option<usize> {
        self.rows.find(row)
    }

    /// How many rows it shows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it shows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last row it shows: where a view of the rows below would begin.
    pub fn last(&self) -> Option<&ListCursor> {
        self.rows.last()
    }

    /// Reads the list anew and tells it whole.
    pub fn reset(&mut self, inbox: &Inbox) -> ListDiff {
        self.read(inbox);
        ListDiff::Reset { ids: self.ids().cloned().collect() }
    }

    /// Follows a change set to the inbox as it is right after it, and tells the steps that lead there: none where
    /// nothing of the view changed, one reset where a change set between was missed.
    ///
    /// Removals come first, then moves and updates, then insertions, so that a window is never exceeded.
    ///
    /// Complexity: O(log w) for each change, w being the rows of the view; to tell an index, w / 128 more. Where
    /// rows leave a full window, those that slide in from below are looked for in the list from the window's end:
    /// as many rows as lie between and do not pass.
    pub fn follow(&mut self, inbox: &Inbox, changes: &ChangeSet) -> Vec<ListDiff> {
        let Revisions { before: from, after: to } = changes.revisions();
        if inbox.revision() == self.revision {
            return Vec::new();
        }
        if (from, to) != (self.revision, inbox.revision()) {
            return vec![self.reset(inbox)];
        }
        self.revision = to;
        if self.window.parts().1 == 0 {
            return Vec::new();
        }
        let mut plan = self.plan(inbox, &changes.conversations);
        self.fill(inbox, &mut plan);
        self.carry_out(plan)
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= self.window.parts().1
    }

    /// What the changes mean for the rows down to the last one shown before.
    fn plan<'a>(&self, inbox: &Inbox, changes: &'a [ConversationChange]) -> Plan<'a> {
        let mut plan = Plan::default();
        let (after, _) = self.window.parts();
        let last = self.rows.last().filter(|_| self.is_full());
        let is_below = |row: &ListCursor| last.is_some_and(|last| order(row, last) == Ordering::Greater);
        let is_within = |row: &ListCursor| after.is_none_or(|after| order(row, after) == Ordering::Greater);
        let passes = |row: &ListCursor| {
            inbox.conversation(&row.id).is_some_and(|conversation| conversation.passes(&self.filter))
        };
        for change in changes {
            let row = |order_key: u64| ListCursor { order_key, id: change.id.clone() };
            let old = change.order_keys.before.map(row).filter(|old| self.rows.contains(old));
            let new = change.order_keys.after.map(row).filter(is_within);
            // A row that was not shown and is not shown now needs no look at its conversation.
            let new = new.filter(|new| (old.is_some() || !is_below(new)) && passes(new));
            match (old, new) {
                (Some(old), Some(new)) if is_below(&new) => plan.sinking.push((old, new, change)),
                (Some(old), Some(new)) => plan.staying.push((old, new, change)),
                (Some(old), None) => plan.leaving.push(old),
                (None, Some(new)) => plan.coming.push(new),
                (None, None) => {}
            }
        }
        plan
    }

    /// Looks below the last row of before for rows to fill the window with.
    fn fill(&self, inbox: &Inbox, plan: &mut Plan<'_>) {
        let (_, limit) = self.window.parts();
        let within = self.rows.len() + plan.coming.len() - plan.leaving.len() - plan.sinking.len();
        let below: Vec<ListCursor> = match self.rows.last() {
            Some(last) if self.is_full() && within < limit => {
                let rows = inbox.rows_after(&self.filter, Some(last));
                rows.take(limit - within).map(|row| row.cursor()).collect()
            }
            _ => Vec::new(),
        };
        let sinking = std::mem::take(&mut plan.sinking);
        let mut back = Vec::new();
        for (old, new, change) in sinking {
            match below.binary_search_by(|row| order(row, &new)) {
                Ok(at) => {
                    back.push(at);
                    plan.staying.push((old, new, change));
                }
                Err(_) => plan.leaving.push(old),
            }
        }
        back.sort_unstable();
        let new = below.into_iter().enumerate().filter(|(at, _)| back.binary_search(at).is_err());
        plan.coming.extend(new.map(|(_, row)| row));
        plan.coming.sort_unstable_by(order);
    }

    fn carry_out(&mut self, plan: Plan<'_>) -> Vec<ListDiff> {
        let mut diffs = Vec::new();
        for row in plan.leaving {
            if let Some(index) = self.rows.remove(&row) {
                diffs.push(ListDiff::Remove { index, id: row.id });
            }
        }
        // The rows are in order by the keys they have at the moment, old or new.
        for (old, new, change) in plan.staying {
            let (id, attributes) = (change.id.clone(), change.attributes);
            if old == new {
                diffs.extend(self.rows.find(&new).map(|index| ListDiff::Update { index, id, attributes }));
                continue;
            }
            let Some(from) = self.rows.remove(&old) else { continue };
            let to = self.rows.insert(new);
            diffs.push(match from == to {
                true => ListDiff::Update { index: to, id, attributes },
                false => ListDiff::Move { from, to, id, attributes },
            });
        }
        for row in plan.coming {
            if self.is_full() {
                if self.rows.last().is_none_or(|last| order(&row, last) == Ordering::Greater) {
                    break;
                }
                diffs.extend(self.drop_last());
            }
            let id = row.id.clone();
            diffs.push(ListDiff::Insert { index: self.rows.insert(row), id });
        }
        diffs
    }

    fn drop_last(&mut self) -> Option<ListDiff> {
        let row = self.rows.pop()?;
        Some(ListDiff::Remove { index: self.rows.len(), id: row.id })
    }

    /// Shows another window, as when one scrolls; tells the rows that come or go at the end, or a reset where the
    /// window begins elsewhere or a change set was missed.
    ///
    /// Complexity: the rows that come or go, and those that do not pass in between.
    pub fn set_window(&mut self, inbox: &Inbox, window: Window) -> Vec<ListDiff> {
        let same_start = self.window.parts().0 == window.parts().0;
        self.window = window;
        if !same_start || inbox.revision() != self.revision {
            return vec![self.reset(inbox)];
        }
        let mut diffs = Vec::new();
        let (_, limit) = self.window.parts();
        while self.rows.len() > limit {
            diffs.extend(self.drop_last());
        }
        let last = self.rows.last().or(self.window.parts().0).cloned();
        for row in inbox.rows_after(&self.filter, last.as_ref()).take(limit - self.rows.len()) {
            let index = self.rows.insert(row.cursor());
            diffs.push(ListDiff::Insert { index, id: row.id().clone() });
        }
        diffs
    }
}
