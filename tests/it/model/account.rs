//! What belongs to the whole account: profiles, folders, quiet hours.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{AccountFact, Body, Fact, GroupType, QuietHours};
use chatfold::time::Stamp;
use chatfold::{ConversationId, Event, FolderId, UserId};

use super::{Terms, latest, not_blank};

/// What is known of a user; blank counts as absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub nickname: Option<String>,
    pub remark: Option<String>,
    pub face_url: Option<String>,
}

pub struct Account<'a> {
    facts: Vec<(Stamp, &'a AccountFact)>,
    users: BTreeMap<&'a UserId, Profile>,
    /// The live folders, by name and id.
    pub folders: Vec<(FolderId, String)>,
    /// Folder, conversation, when, and in or out: the owner's facts.
    memberships: Vec<(FolderId, &'a ConversationId, Stamp, bool)>,
}

impl<'a> Account<'a> {
    pub fn of(terms: Terms<'a>, events: &[&'a Event]) -> Self {
        let mut facts = Vec::new();
        let mut memberships = Vec::new();
        for event in events {
            let by_owner = event.by() == terms.owner;
            match event.body() {
                Body::Account(fact) => {
                    let shared = matches!(
                        fact,
                        AccountFact::UserProfileChanged { .. } | AccountFact::GroupProfileChanged { .. }
                    );
                    // R17
                    if shared || by_owner {
                        facts.push((event.stamp(), fact, by_owner));
                    }
                }
                Body::Conversation(id, Fact::FolderMemberSet { folder, on }) if by_owner => {
                    memberships.push((*folder, id, event.stamp(), *on));
                }
                _ => {}
            }
        }
        let users = profiles(&facts);
        let facts: Vec<_> = facts.into_iter().map(|(stamp, fact, _)| (stamp, fact)).collect();
        let folders = live_folders(&facts);
        Self { facts, users, folders, memberships }
    }

    pub fn profile(&self, user: &UserId) -> Profile {
        self.users.get(user).cloned().unwrap_or_default()
    }

    pub fn profiles(&self) -> BTreeMap<UserId, Profile> {
        self.users.iter().map(|(user, profile)| ((*user).clone(), profile.clone())).collect()
    }

    /// The conversations of every group that a profile names.
    pub fn groups(&self) -> BTreeSet<ConversationId> {
        let named = self.facts.iter().filter_map(|(_, fact)| match fact {
            AccountFact::GroupProfileChanged { group, .. } => Some(ConversationId::group(group)),
            _ => None,
        });
        named.collect()
    }

    /// R21: the group's name, if any.
    pub fn group_name(&self, group: &str) -> Option<String> {
        let named = self.facts.iter().filter_map(|(stamp, fact)| match fact {
            AccountFact::GroupProfileChanged { group: of, name: Some(name), .. } if of.as_str() == group => {
                Some((*stamp, name))
            }
            _ => None,
        });
        latest(named).and_then(|(_, name)| not_blank(name)).map(str::to_owned)
    }

    /// R22
    pub fn group_face_url(&self, group: &str) -> Option<String> {
        let faces = self.facts.iter().filter_map(|(stamp, fact)| match fact {
            AccountFact::GroupProfileChanged { group: of, face_url: Some(url), .. }
                if of.as_str() == group =>
            {
                Some((*stamp, url))
            }
            _ => None,
        });
        latest(faces).and_then(|(_, url)| not_blank(url)).map(str::to_owned)
    }

    /// R20: what profiles say of the group's type.
    pub fn group_types(&self, group: &str) -> Vec<(Stamp, GroupType)> {
        let named = self.facts.iter().filter_map(|(stamp, fact)| match fact {
            AccountFact::GroupProfileChanged { group: of, group_type: Some(kind), .. }
                if of.as_str() == group =>
            {
                Some((*stamp, *kind))
            }
            _ => None,
        });
        named.collect()
    }

    /// R31, R54: the live folders that hold the conversation.
    pub fn folders_of(&self, conversation: &ConversationId) -> Vec<(FolderId, String)> {
        let holds = |folder: FolderId| {
            let written = self.memberships.iter().filter(|(id, of, ..)| *id == folder && *of == conversation);
            latest(written.map(|(_, _, stamp, on)| (*stamp, *on))).is_some_and(|(_, on)| on)
        };
        self.folders.iter().filter(|(folder, _)| holds(*folder)).cloned().collect()
    }

    /// R90: last writer.
    pub fn quiet_hours(&self) -> Option<QuietHours> {
        let set = self.facts.iter().filter_map(|(stamp, fact)| match fact {
            AccountFact::QuietHoursSet { hours } => Some((*stamp, hours.clone())),
            _ => None,
        });
        latest(set).and_then(|(_, hours)| hours)
    }
}

/// R21: each field last writer, blank counting as absent; only the owner's remarks count (R17).
fn profiles<'a>(facts: &[(Stamp, &'a AccountFact, bool)]) -> BTreeMap<&'a UserId, Profile> {
    type Written<'a> = Vec<(Stamp, &'a String)>;
    let mut written: BTreeMap<&UserId, [Written<'_>; 3]> = BTreeMap::new();
    for (stamp, fact, by_owner) in facts {
        if let AccountFact::UserProfileChanged { user, nickname, remark, face_url } = fact {
            let remark = remark.as_ref().filter(|_| *by_owner);
            let fields = [nickname.as_ref(), remark, face_url.as_ref()];
            for (written, value) in written.entry(user).or_default().iter_mut().zip(fields) {
                written.extend(value.map(|value| (*stamp, value)));
            }
        }
    }
    let last =
        |written: Written<'_>| latest(written).and_then(|(_, text)| not_blank(text)).map(str::to_owned);
    let profile = |[nickname, remark, face_url]: [Written<'_>; 3]| Profile {
        nickname: last(nickname),
        remark: last(remark),
        face_url: last(face_url),
    };
    written.into_iter().map(|(user, fields)| (user, profile(fields))).collect()
}

/// R54: alive by the last of created and deleted, named by the last of created and renamed.
fn live_folders(facts: &[(Stamp, &AccountFact)]) -> Vec<(FolderId, String)> {
    let created = facts.iter().filter_map(|(_, fact)| match fact {
        AccountFact::FolderCreated { folder, .. } => Some(*folder),
        _ => None,
    });
    let mut live: Vec<(String, FolderId)> = Vec::new();
    for folder in created.collect::<BTreeSet<_>>() {
        let alive = latest(facts.iter().filter_map(|(stamp, fact)| match fact {
            AccountFact::FolderCreated { folder: id, .. } if *id == folder => Some((*stamp, true)),
            AccountFact::FolderDeleted { folder: id } if *id == folder => Some((*stamp, false)),
            _ => None,
        }));
        let name = latest(facts.iter().filter_map(|(stamp, fact)| match fact {
            AccountFact::FolderCreated { folder: id, name }
            | AccountFact::FolderRenamed { folder: id, name }
                if *id == folder =>
            {
                Some((*stamp, name.clone()))
            }
            _ => None,
        }));
        if let (Some((_, true)), Some((_, name))) = (alive, name) {
            live.push((name, folder));
        }
    }
    live.sort();
    live.into_iter().map(|(name, folder)| (folder, name)).collect()
}
