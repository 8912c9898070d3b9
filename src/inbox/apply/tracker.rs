//! What a batch may have changed, with what was there before, and how one conversation's change is told.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::inbox::containers::dense_table::DenseTable;
use crate::inbox::conversation::appearance::{Appearance, Appearances};
use crate::inbox::conversation::row::Row;
use crate::inbox::conversation::state::{Conversation, Touched, Touches, VerifiedParts};
use crate::inbox::effects::traits;
use crate::inbox::list::authors::LastAuthors;
use crate::inbox::list::folders::Folders;
use crate::inbox::list::profile::Profile;
use crate::inbox::list::ranking::Ranking;
use crate::inbox::state::Inbox;
use crate::model::badge::Sums;
use crate::model::change::{
    Attributes, ChangeKind, ConversationChange, MessageChange, MessageChangeKind, OrderKeys, Totals,
};
use crate::model::event::{Event, Fact, QuietHours};
use crate::model::id::{ConversationId, FolderId};
use crate::model::policy::Policy;

pub(crate) type Profiles = DenseTable<Profile>;

/// Where the row of a conversation shows.
pub(crate) type Places<'a> = (&'a mut Sums, &'a mut Ranking, &'a mut Option<LastAuthors>);

/// What a batch may have changed, with what was there before.
#[derive(Debug, Default)]
pub(crate) struct Tracker<'a> {
    /// Whether anybody is to be told. Otherwise it keeps what the rows were, and what to put back.
    pub(crate) tells: bool,
    pub(crate) totals: Totals,
    pub(crate) quiet_hours: Option<QuietHours>,
    pub(crate) appearances: Appearances,
    pub(crate) touched: Touches,
    /// Of conversations that may turn out corrupt, what to put back then, and the events that then wait.
    pub(crate) fronts: FxHashMap<u32, (VerifiedParts, Vec<&'a Event>)>,
    /// The profiles before, and whose were written.
    pub(crate) profiles: Option<(Profiles, BTreeSet<u32>)>,
    /// The folders before, and what of them was written.
    pub(crate) folders: Option<(Folders, BTreeMap<FolderId, Written>)>,
    /// The corrupt histories that were told of before.
    pub(crate) faults_told: im::OrdSet<u32>,
}

impl<'a> Tracker<'a> {
    pub(crate) fn new(inbox: &Inbox) -> Self {
        Self {
            tells: true,
            totals: inbox.sums.totals(),
            quiet_hours: inbox.quiet_hours(),
            faults_told: inbox.faults_told.clone(),
            ..Self::default()
        }
    }

    /// One that nobody asks what changed.
    pub(crate) fn untold() -> Self {
        Self::default()
    }

    /// Where the messages touched are noted, if anybody is to be told of them.
    pub(crate) fn trace(&mut self) -> Option<&mut Touches> {
        self.tells.then_some(&mut self.touched)
    }

    /// Notes what shows of a conversation before its first change.
    pub(crate) fn appearance(&mut self, number: u32, conversation: &Conversation) -> &Appearance {
        let appearance = self.appearances.get_or(number, || conversation.glimpse());
        if self.tells {
            appearance.look_closer(conversation);
        }
        appearance
    }

    /// The same, as far as `fact` may change it.
    pub(crate) fn appearance_for(
        &mut self,
        fact: &Fact,
        number: u32,
        conversation: &Conversation,
    ) -> &Appearance {
        if traits(fact).is_detail {
            return self.appearance(number, conversation);
        }
        self.appearances.get_or(number, || conversation.glimpse())
    }

    /// Notes an event for a conversation that may turn out corrupt, before it is folded.
    pub(crate) fn note(&mut self, number: u32, conversation: &Conversation, event: &'a Event) {
        if conversation.restored.is_some() {
            self.fronts.entry(number).or_insert_with(|| (conversation.front(), Vec::new())).1.push(event);
        }
    }

    pub(crate) fn profile(&mut self, profiles: &Profiles, user: u32) {
        if !self.tells {
            return;
        }
        self.profiles.get_or_insert_with(|| (profiles.clone(), BTreeSet::new())).1.insert(user);
    }

    pub(crate) fn folder(&mut self, folders: &Folders, folder: FolderId, written: &Written) {
        if !self.tells {
            return;
        }
        let (_, all) = self.folders.get_or_insert_with(|| (folders.clone(), BTreeMap::new()));
        note_written(all, folder, written);
    }
}

/// What of a folder was written.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    /// Whether these conversations are in it, and perhaps its name or whether it is there.
    Members(BTreeSet<u32>),
    /// Anything.
    Whole,
}

impl Written {
    fn join(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Members(ours), Self::Members(theirs)) => ours.extend(theirs),
            _ => *self = Self::Whole,
        }
    }
}

/// Adds to what was written of folders.
pub(crate) fn note_written(all: &mut BTreeMap<FolderId, Written>, folder: FolderId, written: &Written) {
    all.entry(folder).or_insert_with(|| Written::Members(BTreeSet::new())).join(written);
}

/// What changed of one conversation.
pub(crate) struct RowChange {
    pub(crate) attributes: Attributes,
    /// Its order key before and now, where it was and is listed.
    pub(crate) order_keys: OrderKeys,
}

impl RowChange {
    /// The change as it is told, if there is one.
    pub(crate) fn told(self, id: &ConversationId) -> Option<ConversationChange> {
        let Self { attributes, order_keys } = self;
        let kind = match (order_keys.before, order_keys.after) {
            (None, Some(_)) => ChangeKind::New,
            (Some(_), None) => ChangeKind::Removed,
            _ if attributes.is_empty() => return None,
            (Some(_), Some(_)) => ChangeKind::Changed,
            (None, None) => ChangeKind::Unlisted,
        };
        Some(ConversationChange { id: id.clone(), kind, attributes, order_keys })
    }
}

/// The part of `touched`, which is sorted, that belongs to one conversation.
pub(crate) fn of_conversation(touched: &[Touched], number: u32) -> &[Touched] {
    let from = touched.partition_point(|t| t.conversation < number);
    let to = touched.partition_point(|t| t.conversation <= number);
    touched.get(from..to).unwrap_or_default()
}

impl Conversation {
    /// Derives the row anew and carries it over to totals and list.
    pub(crate) fn settle(&mut self, number: u32, before: &Appearance, policy: Policy, places: Places<'_>) {
        self.refresh(policy);
        self.carry(&before.row, number, places);
    }

    /// Carries the row over to totals and list, given what it was before.
    pub(crate) fn carry(&self, old: &Row, number: u32, (sums, list, last_authors): Places<'_>) {
        let new = &self.row;
        if !old.is_counted_like(new) {
            if old.listed {
                sums.sub(&old.counted());
            }
            if new.listed {
                sums.add(&new.counted());
            }
        } else if new.listed && (old.unread != new.unread || old.mentions != new.mentions) {
            sums.recount(&old.counted(), &new.counted());
        }
        list.shift(&self.id, number, (old.key(), new.key()));
        if let Some(authors) = last_authors {
            authors.note(number, self.last_author());
        }
    }

    /// Who wrote the last message.
    pub(crate) fn last_author(&self) -> Option<u32> {
        self.facts().arena.get(self.row.last?).map(|entry| entry.author)
    }

    pub(crate) fn row_change(&self, before: &Appearance, touched: &[Touched]) -> RowChange {
        let attributes = self.differences(before, touched);
        RowChange { attributes, order_keys: OrderKeys { before: before.row.key(), after: self.row.key() } }
    }

    /// What happened to a message that was touched, if anything shows of it.
    pub(crate) fn message_change(&self, touched: &Touched) -> Option<MessageChange> {
        let Touched { slot, before, .. } = *touched;
        let message = self.facts().arena.get(slot)?.id;
        let visible = self.is_visible(slot);
        let kind = match before {
            None if visible => MessageChangeKind::Added,
            Some(_) if !visible => MessageChangeKind::Removed,
            Some(_) if before != self.shown_hash(slot, &self.personal.cleared) => MessageChangeKind::Changed,
            _ => return None,
        };
        Some(MessageChange { conversation: self.id.clone(), message, kind })
    }
}
