//! Names and faces, once for all accounts (R121).

use std::sync::Arc;

use crate::inbox::list::profile::Profile;
use crate::model::event::{AccountFact, Body, Event, GroupType};
use crate::model::id::{GroupId, UserId};
use crate::register::lattice::{Join as _, Lww, shown};

/// What profiles say of users and groups, folded from the directory's stream. Cloning is O(1).
///
/// A remark counts for its writer alone (R17), so it is kept by writer.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    users: im::OrdMap<UserId, Named>,
    groups: im::OrdMap<GroupId, GroupProfile>,
    version: u64,
}

/// What is known of a user.
#[derive(Clone, Debug, Default)]
struct Named {
    profile: Profile,
    /// Remarks by writer.
    remarks: im::OrdMap<UserId, Lww<Arc<str>>>,
}

/// What is known of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupProfile {
    pub(crate) name: Lww<Arc<str>>,
    pub(crate) face_url: Lww<Arc<str>>,
    pub(crate) group_type: Lww<GroupType>,
}

/// Whom an event of the directory is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryChange {
    /// A user's name or face.
    User(UserId),
    /// What one account calls a user.
    Remark {
        /// Who calls the user so.
        writer: UserId,
        /// The user.
        user: UserId,
    },
    /// A group's name, face or type.
    Group(GroupId),
}

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an event; any but a profile says nothing. Returns whom it is about.
    ///
    /// Complexity: O(log n).
    pub fn apply(&mut self, event: &Event) -> Option<DirectoryChange> {
        let stamp = event.stamp();
        let change = match event.body() {
            Body::Account(AccountFact::UserProfileChanged { user, nickname, remark, face_url }) => {
                let named = self.users.entry(user.clone()).or_default();
                let Profile { nickname: name, face_url: face, .. } = &mut named.profile;
                for (register, value) in [(name, nickname), (face, face_url)] {
                    if let Some(value) = value {
                        register.set(stamp, value.as_str().into());
                    }
                }
                if let Some(remark) = remark {
                    let register = named.remarks.entry(event.by().clone()).or_default();
                    register.set(stamp, remark.as_str().into());
                }
                match nickname.is_none() && face_url.is_none() {
                    true => DirectoryChange::Remark { writer: event.by().clone(), user: user.clone() },
                    false => DirectoryChange::User(user.clone()),
                }
            }
            Body::Account(AccountFact::GroupProfileChanged { group, name, face_url, group_type }) => {
                let profile = self.groups.entry(group.clone()).or_default();
                for (register, value) in [(&mut profile.name, name), (&mut profile.face_url, face_url)] {
                    if let Some(value) = value {
                        register.set(stamp, value.as_str().into());
                    }
                }
                if let Some(group_type) = group_type {
                    profile.group_type.set(stamp, *group_type);
                }
                DirectoryChange::Group(group.clone())
            }
            _ => return None,
        };
        self.version += 1;
        Some(change)
    }

    /// How many events it took in, doubles among them.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A user's own name, if known and not blank.
    pub fn nickname(&self, user: &UserId) -> Option<&str> {
        shown(&self.users.get(user)?.profile.nickname)
    }

    /// Where a user's picture is, if known.
    pub fn face_url(&self, user: &UserId) -> Option<&str> {
        shown(&self.users.get(user)?.profile.face_url)
    }

    /// What `writer` calls a user, if anything.
    pub fn remark(&self, writer: &UserId, user: &UserId) -> Option<&str> {
        shown(self.users.get(user)?.remarks.get(writer)?)
    }

    /// What a user is called as `viewer` sees it: the viewer's remark, else the nickname, else the id (R21).
    pub fn name_of<'a>(&'a self, viewer: &UserId, user: &'a UserId) -> &'a str {
        self.remark(viewer, user).or_else(|| self.nickname(user)).unwrap_or(user.as_str())
    }

    /// What is known of a user, remarks apart.
    pub(crate) fn profile(&self, user: &UserId) -> Option<&Profile> {
        self.users.get(user).map(|named| &named.profile)
    }

    /// The register of what `writer` calls a user.
    pub(crate) fn remark_register(&self, writer: &UserId, user: &UserId) -> Option<&Lww<Arc<str>>> {
        self.users.get(user)?.remarks.get(writer)
    }

    /// What is known of a group.
    pub(crate) fn group(&self, group: &str) -> Option<&GroupProfile> {
        self.groups.get(group)
    }

    /// Joins what another directory knows.
    pub fn merge(&mut self, other: &Self) {
        for (user, theirs) in &other.users {
            let ours = self.users.entry(user.clone()).or_default();
            ours.profile.join(&theirs.profile);
            for (writer, remark) in &theirs.remarks {
                ours.remarks.entry(writer.clone()).or_default().join(remark);
            }
        }
        for (group, theirs) in &other.groups {
            let ours = self.groups.entry(group.clone()).or_default();
            ours.name.join(&theirs.name);
            ours.face_url.join(&theirs.face_url);
            ours.group_type.join(&theirs.group_type);
        }
        self.version += other.version;
    }
}
