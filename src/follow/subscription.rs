//! Unread totals by filter, kept up to date.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::inbox::{ConversationView, Inbox};
use crate::model::badge::{Counted, Running};
use crate::model::change::{Attribute, ChangeKind, ChangeSet, ConversationChange, Revisions, Totals};
use crate::model::event::{Mark, Membership};
use crate::model::filter::{Filter, FolderFilter, MarkFilter};
use crate::model::id::{ConversationId, ConversationKind, FolderId};

/// The unread totals and the badge of a filter before and after (R53, R55).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterTotals {
    /// The filter.
    pub filter: Filter,
    /// Before the batch.
    pub before: Totals,
    /// After it.
    pub after: Totals,
}

/// Unread totals of any number of filters, each told only when its number changes (R53, R60).
///
/// Filters are values: equal ones share one subscription, which ends when all who asked for it have let go.
///
/// What a change set costs grows with the filters whose folder and mark the changed conversations have, before or after, or
/// that ask for neither; not with the others, nor with the conversations. Memory: the conversations with unread messages or mentions or the
/// mark UNREAD, and the filters.
///
/// ```
/// use chatfold::id::ConversationKind;
/// use chatfold::live::UnreadSubscriptions;
/// use chatfold::{ConversationId, Envelope, EventId, Filter, Inbox, Message, MessageId, Policy, Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let mut inbox = Inbox::new(alice, Policy::default());
/// let mut unread = UnreadSubscriptions::new(&inbox);
/// let direct = Filter::default().with_kind(Some(ConversationKind::Direct));
/// let groups = Filter::default().with_kind(Some(ConversationKind::Group));
/// unread.subscribe(direct);
/// unread.subscribe(groups);
///
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob.clone());
/// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?");
/// let changes = inbox.apply(&envelope.message_received(ConversationId::direct(&bob), lunch)?);
/// let told = unread.follow(&inbox, &changes);
/// assert_eq!((told.len(), told[0].filter, told[0].after.unread), (1, direct, 1));
/// assert_eq!(unread.totals(&direct).map(|t| t.unread), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct UnreadSubscriptions {
    /// Of each listed conversation that can add to any total, what it adds and where.
    shares: BTreeMap<ConversationId, Share>,
    subscriptions: Subscriptions,
    revision: u64,
}

/// What a conversation adds to the totals of the filters it passes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Share {
    counted: Counted,
    kind: ConversationKind,
    /// By id.
    folders: Arc<[FolderId]>,
    marks: u64,
    membership: Option<Membership>,
}

impl Share {
    /// The share of a conversation; none if it adds nothing to any total. `folders`: those that hold it, if known.
    fn of(view: ConversationView<'_>, folders: Option<Arc<[FolderId]>>) -> Option<Self> {
        let counted = view.counted();
        let counted_any = counted.unread > 0 || counted.mentioned || counted.marked;
        let counts = counted_any || counted.unread_bounded || counted.mentions_bounded;
        (view.is_listed() && counts).then(|| Self {
            counted,
            kind: view.kind(),
            folders: folders.unwrap_or_else(|| view.folder_ids().collect()),
            marks: view.mark_bits(),
            membership: view.membership(),
        })
    }

    /// Whether it passes what a filter says of folders and marks.
    fn passes(&self, folder: FolderFilter, mark: MarkFilter) -> bool {
        let in_folder = match folder {
            FolderFilter::Any => true,
            FolderFilter::InNone => self.folders.is_empty(),
            FolderFilter::In(folder) => self.folders.binary_search(&folder).is_ok(),
        };
        let marked = match mark {
            MarkFilter::Any => true,
            MarkFilter::Unmarked => self.marks == 0,
            MarkFilter::With(mark) => self.marks & mark.bits() != 0,
        };
        in_folder && marked
    }

    /// What a filter may say of folders so that this passes.
    fn folder_filters(&self) -> impl Iterator<Item = FolderFilter> {
        let in_none = self.folders.is_empty().then_some(FolderFilter::InNone);
        let within = self.folders.iter().map(|folder| FolderFilter::In(*folder));
        [FolderFilter::Any].into_iter().chain(in_none).chain(within)
    }

    /// What it may say of marks.
    fn mark_filters(&self) -> impl Iterator<Item = MarkFilter> {
        let unmarked = (self.marks == 0).then_some(MarkFilter::Unmarked);
        let mut bits = self.marks;
        let marks = std::iter::from_fn(move || {
            let lowest = Mark::from_bits(bits & bits.wrapping_neg())?;
            bits &= bits - 1;
            Some(MarkFilter::With(lowest))
        });
        [MarkFilter::Any].into_iter().chain(unmarked).chain(marks)
    }
}

/// Subscriptions by what their filters say of folders and marks; those of one group differ in little else.
#[derive(Clone, Debug, Default)]
struct Subscriptions {
    groups: FxHashMap<(FolderFilter, MarkFilter), Vec<Subscription>>,
    /// The groups that the change set at hand touched.
    touched: Vec<(FolderFilter, MarkFilter)>,
}

#[derive(Clone, Debug)]
struct Subscription {
    filter: Filter,
    holders: usize,
    sum: Running,
    /// The totals when the change set at hand first touched them.
    before: Option<Totals>,
}

impl Subscriptions {
    /// The subscriptions whose totals a share counts in.
    fn each_passed(&mut self, share: &Share, mut change: impl FnMut(&mut Running)) {
        let touched = &mut self.touched;
        let mut change_all = |key: (FolderFilter, MarkFilter), group: &mut Vec<Subscription>| {
            for subscription in group.iter_mut().filter(|s| s.counts(share)) {
                if subscription.before.is_none() {
                    subscription.before = Some(subscription.sum.totals);
                    touched.push(key);
                }
                change(&mut subscription.sum);
            }
        };
        // Whatever there is less of: a conversation may be in any number of folders.
        if self.groups.len() <= share.folders.len() {
            for (key, group) in
                self.groups.iter_mut().filter(|((folder, mark), _)| share.passes(*folder, *mark))
            {
                change_all(*key, group);
            }
            return;
        }
        for folder in share.folder_filters() {
            for mark in share.mark_filters() {
                if let Some(group) = self.groups.get_mut(&(folder, mark)) {
                    change_all((folder, mark), group);
                }
            }
        }
    }

    /// What has changed since the last time this was asked, by filter.
    fn told(&mut self) -> Vec<FilterTotals> {
        let mut told = Vec::new();
        for key in std::mem::take(&mut self.touched) {
            for subscription in self.groups.get_mut(&key).into_iter().flatten() {
                let (filter, after) = (subscription.filter, subscription.sum.totals);
                let before = subscription.before.take().filter(|before| *before != after);
                told.extend(before.map(|before| FilterTotals { filter, before, after }));
            }
        }
        told.sort_unstable_by_key(|totals| totals.filter);
        told
    }

    fn group(&self, filter: &Filter) -> impl Iterator<Item = &Subscription> {
        self.groups.get(&(filter.folder, filter.mark)).into_iter().flatten()
    }
}

impl Subscription {
    /// Whether a share that passes what the filter says of folders and marks passes all of it.
    fn counts(&self, share: &Share) -> bool {
        let Share { counted, kind, marks, membership, folders: _ } = share;
        let filter = &self.filter;
        filter.kind.is_none_or(|wanted| wanted == *kind)
            && (!filter.has_unread || counted.unread > 0)
            && (!filter.has_mention || counted.mentioned)
            && (!filter.unread_or_marked || counted.unread > 0 || counted.marked)
            && marks & filter.without_marks == 0
            && filter.archived.passes(counted.archived)
            && filter.membership.passes(*membership)
    }
}

impl UnreadSubscriptions {
    /// No filters yet, over the inbox as it is now. Complexity: O(list).
    pub fn new(inbox: &Inbox) -> Self {
        let mut all = Self { shares: BTreeMap::new(), subscriptions: Subscriptions::default(), revision: 0 };
        all.read(inbox);
        all
    }

    fn read(&mut self, inbox: &Inbox) {
        let share = |view: ConversationView<'_>| Some((view.id().clone(), Share::of(view, None)?));
        self.shares = inbox.conversations().filter_map(share).collect();
        self.revision = inbox.revision();
    }

    /// Asks for the totals of a filter. Returns them as of the last change set followed.
    ///
    /// Complexity: of a filter that is subscribed already, as many as are subscribed with its folder and mark; else also
    /// O(conversations that add to any total).
    pub fn subscribe(&mut self, filter: Filter) -> Totals {
        let group = self.subscriptions.groups.entry((filter.folder, filter.mark)).or_default();
        if let Some(subscription) = group.iter_mut().find(|s| s.filter == filter) {
            subscription.holders += 1;
            return subscription.sum.totals;
        }
        let mut subscription = Subscription { filter, holders: 1, sum: Running::default(), before: None };
        for share in self.shares.values() {
            if share.passes(filter.folder, filter.mark) && subscription.counts(share) {
                subscription.sum.add(&share.counted);
            }
        }
        let totals = subscription.sum.totals;
        group.push(subscription);
        totals
    }

    /// Lets go of a filter. Returns whether somebody else still holds it.
    pub fn unsubscribe(&mut self, filter: &Filter) -> bool {
        let key = (filter.folder, filter.mark);
        let Some(group) = self.subscriptions.groups.get_mut(&key) else { return false };
        let Some(at) = group.iter().position(|s| s.filter == *filter) else { return false };
        if let Some(subscription) = group.get_mut(at).filter(|s| s.holders > 1) {
            subscription.holders -= 1;
            return true;
        }
        group.swap_remove(at);
        if group.is_empty() {
            self.subscriptions.groups.remove(&key);
        }
        false
    }

    /// The totals of a subscribed filter: O(1).
    pub fn totals(&self, filter: &Filter) -> Option<Totals> {
        self.subscriptions.group(filter).find(|s| s.filter == *filter).map(|s| s.sum.totals)
    }

    /// The filters subscribed, in their order.
    pub fn filters(&self) -> Vec<Filter> {
        let groups = self.subscriptions.groups.values();
        let mut filters: Vec<Filter> = groups.flatten().map(|s| s.filter).collect();
        filters.sort_unstable();
        filters
    }

    /// Follows a change set to the inbox as it is right after it, and tells the filters whose totals are others
    /// than before, in the order of filters. After a change set that was missed, everything is counted anew.
    pub fn follow(&mut self, inbox: &Inbox, changes: &ChangeSet) -> Vec<FilterTotals> {
        let Revisions { before: from, after: to } = changes.revisions();
        if inbox.revision() == self.revision {
            return Vec::new();
        }
        if (from, to) != (self.revision, inbox.revision()) {
            return self.recount(inbox);
        }
        self.revision = to;
        for change in changes.conversations.iter().filter(|change| may_count(change)) {
            let same_folders = !change.attributes.contains(Attribute::Folders);
            let known =
                self.shares.get(&change.id).filter(|_| same_folders).map(|share| share.folders.clone());
            let now = inbox.conversation(&change.id).and_then(|view| Share::of(view, known));
            let before = match &now {
                Some(now) => self.shares.insert(change.id.clone(), now.clone()),
                None => self.shares.remove(&change.id),
            };
            if before == now {
                continue;
            }
            let subscriptions = &mut self.subscriptions;
            if let Some(share) = before {
                subscriptions.each_passed(&share, |sum| sum.sub(&share.counted));
            }
            if let Some(share) = now {
                subscriptions.each_passed(&share, |sum| sum.add(&share.counted));
            }
        }
        self.subscriptions.told()
    }

    fn recount(&mut self, inbox: &Inbox) -> Vec<FilterTotals> {
        let before = std::mem::take(&mut self.shares);
        self.read(inbox);
        for share in before.values() {
            self.subscriptions.each_passed(share, |sum| sum.sub(&share.counted));
        }
        for share in self.shares.values() {
            self.subscriptions.each_passed(share, |sum| sum.add(&share.counted));
        }
        self.subscriptions.told()
    }
}

/// Whether a change can be one of what a conversation adds to totals.
fn may_count(change: &ConversationChange) -> bool {
    use Attribute::{Archived, Folders, Marks, Membership, Mentions, ReceiveOption, UnreadCount};
    let told = |attribute| change.attributes.contains(attribute);
    match change.kind {
        ChangeKind::New | ChangeKind::Removed => true,
        ChangeKind::Unlisted => false,
        ChangeKind::Changed => {
            let counted = [UnreadCount, ReceiveOption, Marks, Mentions, Folders, Archived, Membership];
            counted.into_iter().any(told)
        }
    }
}
