//! Which part of an inbox an event concerns; what has no effect is stopped here (R17).

use crate::inbox::effects::has_effect;
use crate::inbox::list::folders::Folders;
use crate::inbox::list::profile::Profile;
use crate::model::event::{AccountFact, Body, Event, Fact, GroupType, QuietHours};
use crate::model::id::{ConversationId, FolderId, GroupId, UserId};
use crate::model::time::Stamp;

/// An event with an effect, by what it concerns.
#[derive(Debug)]
pub(crate) enum Route<'a> {
    Conversation(&'a ConversationId, &'a Fact),
    Member { conversation: &'a ConversationId, folder: FolderId, on: bool },
    User { user: &'a UserId, fields: [Option<&'a str>; 3] },
    Group { group: &'a GroupId, fields: [Option<&'a str>; 2], group_type: Option<GroupType> },
    Folder(&'a AccountFact),
    QuietHours(Option<&'a QuietHours>),
}

/// Where `event` goes in the inbox of `owner`; `None` where it has no effect.
pub(crate) fn route<'a>(owner: &UserId, event: &'a Event) -> Option<Route<'a>> {
    let own = event.by() == owner;
    match event.body() {
        Body::Conversation(id, fact) if !has_effect(owner, (id.kind(), id.target()), event.by(), fact) => {
            counts_for_nobody(owner, event.by(), fact).then_some(Route::Conversation(id, fact))
        }
        Body::Conversation(conversation, Fact::FolderMemberSet { folder, on }) => {
            Some(Route::Member { conversation, folder: *folder, on: *on })
        }
        Body::Conversation(id, fact) => Some(Route::Conversation(id, fact)),
        Body::Account(AccountFact::UserProfileChanged { user, nickname, remark, face_url }) => {
            let remark = remark.as_deref().filter(|_| own);
            let fields = [nickname.as_deref(), remark, face_url.as_deref()];
            fields.iter().any(Option::is_some).then_some(Route::User { user, fields })
        }
        Body::Account(AccountFact::GroupProfileChanged { group, name, face_url, group_type }) => {
            let fields = [name.as_deref(), face_url.as_deref()];
            let any = fields.iter().any(Option::is_some) || group_type.is_some();
            any.then_some(Route::Group { group, fields, group_type: *group_type })
        }
        Body::Account(AccountFact::QuietHoursSet { hours }) => {
            own.then_some(Route::QuietHours(hours.as_ref()))
        }
        Body::Account(fact) => own.then_some(Route::Folder(fact)),
    }
}

/// Whether a message of a direct chat counts in its timeline, whose owner is nobody, because the one of both wrote it whom the
/// conversation's id does not name (R122). Apart, so that events of accounts pass without it.
#[cold]
#[inline(never)]
fn counts_for_nobody(owner: &UserId, by: &UserId, fact: &Fact) -> bool {
    matches!(fact, Fact::MessageReceived(_)) && owner.stands_for(by)
}

/// Writes the fields of [`Route::User`].
pub(crate) fn fold_profile(profile: &mut Profile, stamp: Stamp, fields: [Option<&str>; 3]) {
    let registers = [&mut profile.nickname, &mut profile.remark, &mut profile.face_url];
    for (register, value) in registers.into_iter().zip(fields) {
        if let Some(value) = value {
            register.set(stamp, value.into());
        }
    }
}

/// Writes what [`Route::Group`] says of a group's conversation.
pub(crate) fn fold_group(
    shared: &mut crate::inbox::conversation::shared::Shared,
    stamp: Stamp,
    fields: [Option<&str>; 2],
    group_type: Option<GroupType>,
) {
    for (register, value) in [&mut shared.name, &mut shared.face_url].into_iter().zip(fields) {
        if let Some(value) = value {
            register.set(stamp, value.into());
        }
    }
    if let Some(group_type) = group_type {
        shared.group_type.set(stamp, group_type);
    }
}

/// Writes [`Route::Member`].
pub(crate) fn fold_member(folders: &mut Folders, stamp: Stamp, folder: FolderId, number: u32, on: bool) {
    folders.change_member(folder, number, |member| {
        member.set(stamp, on);
    });
}
