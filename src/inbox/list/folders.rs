//! Folders: what V2TIM calls conversation groups (R54).

use std::sync::Arc;

use crate::model::event::AccountFact;
use crate::model::id::FolderId;
use crate::model::time::{Stamp, Timestamp};
use crate::register::lattice::{Join, Lww};

/// One folder, alive or not; members by conversation number.
#[derive(Clone, Debug, Default)]
pub(crate) struct FolderState {
    pub(crate) alive: Lww<bool>,
    pub(crate) name: Lww<Arc<str>>,
    members: im::OrdMap<u32, Lww<bool>>,
    /// Those that are in it.
    live: im::OrdSet<u32>,
    /// How many of these came at an instant.
    came: im::OrdMap<Timestamp, u32>,
}

/// All folders, and in which of them each conversation is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folders {
    by_id: im::OrdMap<FolderId, Arc<FolderState>>,
    /// Conversations by number, and folders, whether alive or not.
    holding: im::OrdSet<(u32, FolderId)>,
}

impl FolderState {
    /// The folder's name, if it is there.
    pub(crate) fn shown(&self) -> Option<&Arc<str>> {
        let alive = self.alive.get() == Some(&true);
        self.name.get().filter(|_| alive)
    }

    pub(crate) fn holds(&self, conversation: u32) -> bool {
        self.live.contains(&conversation)
    }

    pub(crate) fn live_members(&self) -> impl Iterator<Item = u32> + '_ {
        self.live.iter().copied()
    }

    /// What was said of the membership of each conversation, by number.
    pub(crate) fn members(&self) -> &im::OrdMap<u32, Lww<bool>> {
        &self.members
    }

    /// When the last word on a conversation's membership was written.
    pub(crate) fn written_at(&self, conversation: u32) -> Option<Timestamp> {
        self.members.get(&conversation)?.stamp().map(|stamp| stamp.at)
    }

    /// Whether any that is in it came at this instant.
    pub(crate) fn any_came_at(&self, at: Timestamp) -> bool {
        self.came.contains_key(&at)
    }

    /// Writes what is said of a membership. Returns whether the conversation is in it now.
    fn change_member(&mut self, number: u32, write: impl FnOnce(&mut Lww<bool>)) -> bool {
        let register = self.members.entry(number).or_default();
        let came = |register: &Lww<bool>| register.entry().filter(|(_, on)| **on).map(|(stamp, _)| stamp.at);
        let before = came(register);
        write(register);
        let after = came(register);
        if before == after {
            return after.is_some();
        }
        if let Some(at) = before {
            match self.came.get_mut(&at) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    self.came.remove(&at);
                }
            }
        }
        match after {
            Some(at) => {
                *self.came.entry(at).or_default() += 1;
                self.live.insert(number);
            }
            None => {
                self.live.remove(&number);
            }
        }
        after.is_some()
    }
}

impl Folders {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn get(&self, id: FolderId) -> Option<&FolderState> {
        self.by_id.get(&id).map(|state| &**state)
    }

    /// All, by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FolderId, &Arc<FolderState>)> {
        self.by_id.iter()
    }

    /// The state of a folder, whose members are written by [`Folders::change_member`].
    pub(crate) fn folder_mut(&mut self, id: FolderId) -> &mut FolderState {
        Arc::make_mut(self.by_id.entry(id).or_default())
    }

    /// Writes what is said of the membership of a conversation: O(log n).
    pub(crate) fn change_member(&mut self, id: FolderId, number: u32, write: impl FnOnce(&mut Lww<bool>)) {
        let state = self.folder_mut(id);
        let held = state.holds(number);
        match (held, state.change_member(number, write)) {
            (false, true) => {
                self.holding.insert((number, id));
            }
            (true, false) => {
                self.holding.remove(&(number, id));
            }
            _ => {}
        }
    }

    /// Joins a folder of another inbox, whose conversations `number` maps to ours.
    pub(crate) fn join(&mut self, id: FolderId, theirs: &FolderState, number: impl Fn(u32) -> u32) {
        let ours = self.folder_mut(id);
        ours.alive.join(&theirs.alive);
        ours.name.join(&theirs.name);
        for (member, on) in &theirs.members {
            self.change_member(id, number(*member), |ours| {
                ours.join(on);
            });
        }
    }

    /// The live folders that hold a conversation, by id.
    pub(crate) fn holding(&self, conversation: u32) -> impl Iterator<Item = (FolderId, &Arc<str>)> {
        let from = (conversation, FolderId::from_bytes([0; 16]));
        let to = (conversation, FolderId::from_bytes([0xff; 16]));
        let held = self.holding.range(from..=to).map(|(_, id)| *id);
        held.filter_map(|id| Some((id, self.get(id)?.shown()?)))
    }
}

/// Takes in a fact about a folder as a whole.
pub(crate) fn fold(folders: &mut Folders, stamp: Stamp, fact: &AccountFact) {
    match fact {
        AccountFact::FolderCreated { folder, name } => {
            let state = folders.folder_mut(*folder);
            state.alive.set(stamp, true);
            state.name.set(stamp, name.as_str().into());
        }
        AccountFact::FolderRenamed { folder, name } => {
            folders.folder_mut(*folder).name.set(stamp, name.as_str().into());
        }
        AccountFact::FolderDeleted { folder } => {
            folders.folder_mut(*folder).alive.set(stamp, false);
        }
        _ => {}
    }
}

/// A live folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: FolderId,
}
