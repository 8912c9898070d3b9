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
    pub(crate) members: im::OrdMap<u32, Lww<bool>>,
}

pub(crate) type Folders = im::OrdMap<FolderId, Arc<FolderState>>;

impl FolderState {
    /// The folder's name, if it is there.
    pub(crate) fn shown(&self) -> Option<&Arc<str>> {
        let alive = self.alive.get() == Some(&true);
        self.name.get().filter(|_| alive)
    }

    pub(crate) fn holds(&self, conversation: u32) -> bool {
        self.members.get(&conversation).is_some_and(|on| on.get() == Some(&true))
    }

    pub(crate) fn live_members(&self) -> impl Iterator<Item = u32> + '_ {
        self.members.iter().filter(|(_, on)| on.get() == Some(&true)).map(|(number, _)| *number)
    }

    /// When the last word on a conversation's membership was written.
    pub(crate) fn written_at(&self, conversation: u32) -> Option<Timestamp> {
        self.members.get(&conversation)?.stamp().map(|stamp| stamp.at)
    }

    /// Joins `other`, whose conversations `number` maps to ours.
    pub(crate) fn join(&mut self, other: &Self, number: impl Fn(u32) -> u32) {
        self.alive.join(&other.alive);
        self.name.join(&other.name);
        for (member, on) in &other.members {
            self.members.entry(number(*member)).or_default().join(on);
        }
    }
}

/// The state of a folder, to be written.
pub(crate) fn folder_mut(folders: &mut Folders, id: FolderId) -> &mut FolderState {
    Arc::make_mut(folders.entry(id).or_default())
}

/// Takes in a fact about a folder as a whole.
pub(crate) fn fold(folders: &mut Folders, stamp: Stamp, fact: &AccountFact) {
    match fact {
        AccountFact::FolderCreated { folder, name } => {
            let state = folder_mut(folders, *folder);
            state.alive.set(stamp, true);
            state.name.set(stamp, name.as_str().into());
        }
        AccountFact::FolderRenamed { folder, name } => {
            folder_mut(folders, *folder).name.set(stamp, name.as_str().into());
        }
        AccountFact::FolderDeleted { folder } => {
            folder_mut(folders, *folder).alive.set(stamp, false);
        }
        _ => {}
    }
}

/// The live folders that hold a conversation, by name (bytes) and id (R31).
pub(crate) fn holding(folders: &Folders, conversation: u32) -> Vec<(Arc<str>, FolderId)> {
    let mut held: Vec<_> = folders
        .iter()
        .filter(|(_, state)| state.holds(conversation))
        .filter_map(|(id, state)| Some((state.shown()?.clone(), *id)))
        .collect();
    held.sort_unstable();
    held
}
