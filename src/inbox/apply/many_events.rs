//! The live path: apply events, keep everything up to date, and tell what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::inbox::apply::tracker::{Profiles, RowChange, Tracker, Written, of_conversation};
use crate::inbox::conversation::appearance::Appearance;
use crate::inbox::conversation::state::{Around, Conversation, Touched};
use crate::inbox::list::authors::LastAuthors;
use crate::inbox::list::folders::{self, FolderState, Folders};
use crate::inbox::list::profile::Profile;
use crate::inbox::route::{Route, fold_group, fold_member, fold_profile, route};
use crate::inbox::state::Inbox;
use crate::model::change::{
    Attribute, Attributes, ChangeSet, FolderChange, MessageChange, OrderKeys, RemovalReason, TotalsChange,
};
use crate::model::event::Event;
use crate::model::id::{ConversationId, FolderId, UserId};
use crate::model::impossible::impossible;
use crate::model::told::Told;

impl Inbox {
    pub(crate) fn take_in<'a>(&mut self, event: &'a Event, tracker: &mut Tracker<'a>) {
        let Some(route) = route(&self.owner, event) else { return };
        let stamp = event.stamp();
        match route {
            Route::Conversation(id, fact) => {
                let number = self.number(id);
                let Self { owner, policy, users, conversations, .. } = self;
                let Some(conversation) = conversations.get_mut(number) else {
                    impossible!("a conversation that has a number is in the table");
                    return;
                };
                if !ready(conversation, event) {
                    return;
                }
                let cleared = tracker.appearance_for(fact, number, conversation).cleared;
                tracker.note(number, conversation, event);
                let trace = tracker.trace();
                let mut around = Around { owner, policy: *policy, users, number, cleared, trace };
                Arc::make_mut(conversation).fold(&mut around, event.by(), stamp, fact);
            }
            Route::Member { conversation, folder, on } => {
                let number = self.number(conversation);
                tracker.folder(&self.folders, folder, &Written::Members([number].into()));
                fold_member(&mut self.folders, stamp, folder, number, on);
            }
            Route::User { user, fields } => {
                let user = self.users.intern(user);
                tracker.profile(&self.profiles, user);
                if let Some(profile) = self.profiles.get_or_default(user) {
                    fold_profile(profile, stamp, fields);
                }
            }
            Route::Group { group, fields, group_type } => {
                let number = self.number(&ConversationId::group(group));
                let Some(conversation) = self.conversations.get_mut(number) else {
                    impossible!("a conversation that has a number is in the table");
                    return;
                };
                if !ready(conversation, event) {
                    return;
                }
                tracker.appearance(number, conversation);
                tracker.note(number, conversation, event);
                fold_group(&mut Arc::make_mut(conversation).shared, stamp, fields, group_type);
            }
            Route::Folder(fact) => {
                use crate::model::event::AccountFact::{FolderCreated, FolderDeleted, FolderRenamed};
                let (FolderCreated { folder, .. } | FolderRenamed { folder, .. } | FolderDeleted { folder }) =
                    fact
                else {
                    return;
                };
                tracker.folder(&self.folders, *folder, &Written::Members(BTreeSet::new()));
                folders::fold(&mut self.folders, stamp, fact);
            }
            Route::QuietHours(hours) => {
                self.quiet_hours.set(stamp, hours.cloned());
            }
        }
    }

    /// Brings rows, list and totals up to date and tells the differences.
    pub(crate) fn settle(&mut self, mut tracker: Tracker<'_>) -> ChangeSet {
        self.settle_rows(&mut tracker);
        let mut changes = self.tell(&tracker);
        let before = self.revision;
        self.revision += u64::from(!changes.is_empty());
        changes.revisions = (before, self.revision);
        changes
    }

    /// Brings rows, list and totals up to date.
    pub(crate) fn settle_rows(&mut self, tracker: &mut Tracker<'_>) {
        self.put_corrupt_back(tracker);
        tracker.touched.sort_by_key(|t| (t.conversation, t.slot));
        tracker.touched.dedup_by_key(|t| (t.conversation, t.slot));
        for (number, before) in tracker.appearances.iter() {
            self.settle_row(number, before);
        }
        self.note_corrupt();
        if tracker.profiles.is_some() && self.last_authors.is_none() {
            let mut authors = LastAuthors::default();
            for (number, conversation) in self.conversations.numbered() {
                authors.note(number, conversation.last_author());
            }
            self.last_authors = Some(authors);
        }
    }

    /// What is otherwise than when the tracker took note of it, given that everything is up to date.
    pub(crate) fn tell(&self, tracker: &Tracker<'_>) -> ChangeSet {
        let corrupt = self.faults_told.iter().filter(|number| !tracker.faults_told.contains(*number));
        let mut elsewhere: Vec<(u32, Attribute)> =
            corrupt.map(|number| (*number, Attribute::Fault)).collect();
        let mut changes = ChangeSet {
            messages: self.message_changes(&tracker.touched),
            quiet_hours: self.quiet_hours() != tracker.quiet_hours,
            ..ChangeSet::default()
        };
        let mut differs = |number: u32, attribute: Attribute| elsewhere.push((number, attribute));
        if let Some((before, written)) = &tracker.profiles {
            changes.profiles = self.profile_changes(before, written, &mut differs);
        }
        if let Some((before, written)) = &tracker.folders {
            changes.folders = self.folder_changes(before, written, &mut differs);
        }
        let rows = tracker.appearances.iter().filter_map(|(number, before)| {
            let change = self.row_change(number, before, of_conversation(&tracker.touched, number))?;
            Some((number, change))
        });
        let tell = |(number, change): (u32, RowChange)| {
            let id = &self.conversations.get(number)?.id;
            change.told(id)
        };
        changes.conversations = match elsewhere.is_empty() {
            true => rows.filter_map(tell).collect(),
            false => self.with_elsewhere(rows, elsewhere).into_iter().filter_map(tell).collect(),
        };
        changes.conversations.as_mut_slice().sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let (before, after) = (tracker.totals, self.sums.totals());
        changes.totals = (before != after).then_some(TotalsChange { before, after });
        changes
    }

    /// The rows' changes and what profiles and folders changed of rows, which may be others.
    fn with_elsewhere(
        &self,
        rows: impl Iterator<Item = (u32, RowChange)>,
        elsewhere: Vec<(u32, Attribute)>,
    ) -> FxHashMap<u32, RowChange> {
        let mut rows: FxHashMap<u32, RowChange> = rows.collect();
        for (number, attribute) in elsewhere {
            let Some(conversation) = self.conversations.get(number) else { continue };
            let change = rows.entry(number).or_insert_with(|| {
                let key = conversation.row.key();
                RowChange {
                    attributes: Attributes::default(),
                    order_keys: OrderKeys { before: key, after: key },
                }
            });
            change.attributes.insert_if(attribute, true);
        }
        rows
    }

    /// Undoes the batch in conversations that turned out corrupt: their events wait (R99).
    fn put_corrupt_back(&mut self, tracker: &mut Tracker<'_>) {
        for (number, (front, events)) in std::mem::take(&mut tracker.fronts) {
            let Some(conversation) = self.conversations.get_mut(number) else { continue };
            let conversation = Arc::make_mut(conversation);
            conversation.refresh(self.policy);
            conversation.appearance();
            if conversation.fault().is_some() {
                conversation.put_back(front);
                events.into_iter().for_each(|event| conversation.wait(event));
                tracker.appearances.remove(number);
                tracker.touched.retain(|t| t.conversation != number);
            }
        }
    }

    /// Puts another conversation in the place of one.
    pub(crate) fn replace(&mut self, number: u32, conversation: Conversation) {
        let mut tracker = Tracker::new(self);
        if let Some(place) = self.conversations.get_mut(number) {
            tracker.appearance(number, place);
            *place = Arc::new(conversation);
        }
        self.settle(tracker);
    }

    /// Derives one conversation's row anew and carries it over to list and totals.
    fn settle_row(&mut self, number: u32, before: &Appearance) {
        let Self { conversations, policy, sums, list, last_authors, .. } = self;
        if let Some(conversation) = conversations.get_mut(number) {
            Arc::make_mut(conversation).settle(number, before, *policy, (sums, list, last_authors));
        }
    }

    /// What is otherwise about one conversation.
    fn row_change(&self, number: u32, before: &Appearance, touched: &[Touched]) -> Option<RowChange> {
        Some(self.conversations.get(number)?.row_change(before, touched))
    }

    fn message_changes(&self, touched: &[Touched]) -> Told<MessageChange> {
        let change = |t: &Touched| self.conversations.get(t.conversation)?.message_change(t);
        let mut changes: Told<_> = touched.iter().filter_map(change).collect();
        changes
            .as_mut_slice()
            .sort_unstable_by(|a, b| (&a.conversation, a.message).cmp(&(&b.conversation, b.message)));
        changes
    }

    /// Which users show otherwise than before, and where that shows in the list.
    fn profile_changes(
        &self,
        before: &Profiles,
        written: &BTreeSet<u32>,
        differs: &mut impl FnMut(u32, Attribute),
    ) -> Vec<UserId> {
        let nothing = Profile::default();
        let mut changed: Vec<(u32, [bool; 2])> = Vec::new();
        let mut users = Vec::new();
        for user in written {
            let old = before.get(*user).map_or(&nothing, |p| &**p).shown();
            let new = self.profile(*user).unwrap_or(&nothing).shown();
            if old != new {
                let name = |[nickname, remark, _]: [Option<_>; 3]| remark.or(nickname);
                changed.push((*user, [name(old) != name(new), old[2] != new[2]]));
                users.extend(self.users.name(*user).cloned());
            }
        }
        users.sort_unstable();
        for (user, [name, face]) in changed {
            let direct = self.users.name(user).and_then(|id| self.ids.get(ConversationId::direct(id)));
            if let Some(number) = direct {
                if name {
                    differs(number, Attribute::ShowName);
                }
                if face {
                    differs(number, Attribute::FaceUrl);
                }
            }
            let last = self.last_authors.iter().flat_map(|authors| authors.conversations_of(user));
            last.for_each(|number| differs(number, Attribute::LastMessage));
        }
        users
    }

    /// What happened to the folders written, and where that shows in the list.
    fn folder_changes(
        &self,
        before: &Folders,
        written: &BTreeMap<FolderId, Written>,
        differs: &mut impl FnMut(u32, Attribute),
    ) -> Vec<FolderChange> {
        let mut changes = Vec::new();
        let nothing = FolderState::default();
        for (id, written) in written {
            let old = before.get(*id).unwrap_or(&nothing);
            let new = self.folders.get(*id).unwrap_or(&nothing);
            let (old_name, new_name) = (old.shown(), new.shown());
            // Of a folder that stays and keeps its name, only those written can differ.
            let some = match written {
                Written::Members(some) if old_name.is_some() && old_name == new_name => Some(some),
                _ => None,
            };
            let members = |state: &FolderState| -> BTreeSet<u32> {
                match (state.shown(), some) {
                    (None, _) => BTreeSet::new(),
                    (Some(_), None) => state.live_members().collect(),
                    (Some(_), Some(some)) => some.iter().copied().filter(|n| state.holds(*n)).collect(),
                }
            };
            let (had, has) = (members(old), members(new));
            let (folder, renamed) = (*id, old_name != new_name);
            match (old_name, new_name) {
                (None, Some(name)) => changes.push(FolderChange::Created { folder, name: name.to_string() }),
                (Some(name), None) => changes.push(FolderChange::Deleted { folder, name: name.to_string() }),
                (Some(from), Some(to)) if renamed => {
                    changes.push(FolderChange::Renamed {
                        folder,
                        from: from.to_string(),
                        to: to.to_string(),
                    });
                }
                _ => {}
            }
            let added = self.names_of(has.difference(&had));
            if !added.is_empty() {
                changes.push(FolderChange::MembersAdded { folder, conversations: added });
            }
            if new_name.is_some() && !had.is_subset(&has) {
                changes.extend(self.removals(folder, new, (&had, &has)));
            }
            let moved = had.symmetric_difference(&has).copied();
            let kept = had.intersection(&has).copied().filter(|_| renamed);
            for number in moved.chain(kept) {
                differs(number, Attribute::Folders);
            }
        }
        changes
    }

    /// Who left a live folder, by reason: to make room goes what goes at the very instant at which another comes.
    fn removals(
        &self,
        folder: FolderId,
        now: &FolderState,
        (had, has): (&BTreeSet<u32>, &BTreeSet<u32>),
    ) -> impl Iterator<Item = FolderChange> {
        let (evicted, taken): (Vec<u32>, Vec<u32>) = had
            .difference(has)
            .partition(|number| now.written_at(**number).is_some_and(|at| now.any_came_at(at)));
        [(taken, RemovalReason::TakenOut), (evicted, RemovalReason::MadeRoom)]
            .map(|(numbers, reason)| (self.names_of(numbers.iter()), reason))
            .into_iter()
            .filter(|(conversations, _)| !conversations.is_empty())
            .map(move |(conversations, reason)| FolderChange::MembersRemoved {
                folder,
                conversations,
                reason,
            })
    }

    fn names_of<'a>(&self, numbers: impl Iterator<Item = &'a u32>) -> Vec<ConversationId> {
        let mut ids: Vec<_> =
            numbers.filter_map(|n| self.conversations.get(*n)).map(|c| c.id.clone()).collect();
        ids.sort_unstable();
        ids
    }
}

/// Histories of so many full chunks are loaded whole before their first event.
const LOADED_WHOLE: usize = 1;

/// Whether a conversation can take in an event: where its history is corrupt, the event waits.
fn ready(conversation: &mut Arc<Conversation>, event: &Event) -> bool {
    if conversation.restored.is_none() {
        return true;
    }
    let small = conversation.facts().arena.full.len() <= LOADED_WHOLE;
    if small {
        conversation.load_all();
    }
    let faulty = conversation.fault().is_some();
    if faulty {
        Arc::make_mut(conversation).wait(event);
    } else if small {
        Arc::make_mut(conversation).restored = None;
    }
    !faulty
}
