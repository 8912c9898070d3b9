//! Editing, recalling and deleting messages (R74–R76).

use std::collections::BTreeSet;

use crate::decide::command::Role;
use crate::decide::desk::{Desk, Verdict, after, at_most, member, party};
use crate::decide::reading::not_held;
use crate::decide::rejection::{Action, Rejection};
use crate::inbox::{MessageStatus, MessageView};
use crate::model::event::{Edit, Fact, GroupType};
use crate::model::id::{ConversationId, ConversationKind, MessageId};

/// A message that is known, though the owner may have deleted it or cleared it away.
pub(crate) fn known<'a>(
    desk: &Desk<'a>,
    id: &ConversationId,
    message: MessageId,
) -> Result<MessageView<'a>, Rejection> {
    let found = desk.registers(id).message(message).and_then(|registers| registers.view());
    found.ok_or(Rejection::UnknownMessage { message })
}

/// Refuses a message that is not sent successfully.
pub(crate) fn sent(view: MessageView<'_>) -> Verdict {
    match view.status() {
        MessageStatus::Sent => Ok(()),
        status => Err(Rejection::NotSent { message: view.id(), status }),
    }
}

/// Refuses a message that was for those online only.
pub(crate) fn lasting(view: MessageView<'_>, action: Action) -> Verdict {
    let (message, in_group) = (view.id(), view.in_group());
    if view.is_online_only() { Err(Rejection::OnlineOnly { action, message, in_group }) } else { Ok(()) }
}

/// Whether the actor runs the group.
pub(crate) fn is_admin(desk: &Desk<'_>, id: &ConversationId) -> bool {
    id.kind() == ConversationKind::Group && desk.context.role >= Role::Admin
}

pub(crate) fn not_allowed(desk: &Desk<'_>, id: &ConversationId, action: Action) -> Rejection {
    let role = Some(desk.context.role).filter(|_| id.kind() == ConversationKind::Group);
    Rejection::NotAllowed { action, actor: desk.context.actor.clone(), role }
}

pub(crate) fn modify(desk: &mut Desk<'_>, id: &ConversationId, target: MessageId, edit: &Edit) -> Verdict {
    party(desk, id, &desk.context.actor)?;
    let view = known(desk, id, target)?;
    if desk.view(id).and_then(|view| view.group_type()) == Some(GroupType::AvChatRoom) {
        return Err(Rejection::InLiveRoom { what: "editing a message" });
    }
    lasting(view, Action::Modify)?;
    sent(view)?;
    let is_author = *view.author() == desk.context.actor;
    if !is_author && !is_admin(desk, id) && !desk.context.limits.anyone_modifies {
        return Err(not_allowed(desk, id, Action::Modify));
    }
    if let Some(mentions) = &edit.mentions {
        let refuse = |found, limit| Rejection::TooManyMentions { found, limit };
        at_most(desk.context.limits.mentions, mentions.users.len(), refuse)?;
        match view.recipients().len() {
            recipients if recipients > 0 && !mentions.is_empty() => {
                return Err(Rejection::TargetedWithMentions { recipients });
            }
            _ => {}
        }
    }
    let is_new = |new: Option<&[u8]>, old: Option<&[u8]>| new.is_some() && new != old;
    let differs = is_new(edit.text.as_deref().map(str::as_bytes), view.text().map(str::as_bytes))
        || is_new(edit.custom.as_deref(), view.custom())
        || is_new(edit.cloud_custom.as_deref(), view.cloud_custom())
        || edit.mentions.as_ref().is_some_and(|mentions| *mentions != view.mentions());
    if !differs {
        return Ok(());
    }
    member(desk, id)?;
    let current = view.edit_version().unwrap_or(0);
    if current == u64::MAX {
        return Err(Rejection::EndOfNumbers { found: current, limit: u64::MAX });
    }
    if edit.version != current + 1 {
        return Err(Rejection::VersionConflict { given: edit.version, current });
    }
    desk.put(0, id, Fact::MessageModified { target, edit: edit.clone() })
}

pub(crate) fn recall(
    desk: &mut Desk<'_>,
    id: &ConversationId,
    target: MessageId,
    reason: Option<&str>,
) -> Verdict {
    party(desk, id, &desk.context.actor)?;
    let view = known(desk, id, target).map_err(|_| not_held(desk, id, target))?;
    if view.recall().is_some() {
        return Ok(());
    }
    lasting(view, Action::Recall)?;
    sent(view)?;
    if !is_admin(desk, id) {
        if *view.author() != desk.context.actor {
            return Err(not_allowed(desk, id, Action::Recall));
        }
        let age_ms = desk.context.time.as_millis() - view.time().as_millis();
        let (age_ms, limit_s) = (u64::try_from(age_ms).unwrap_or(0), desk.context.limits.recall_s);
        if age_ms > limit_s.saturating_mul(1_000) {
            return Err(Rejection::RecallTooLate { age_ms, limit_s, in_group: view.in_group() });
        }
    }
    let least = after([desk.registers(id).reported_at()]);
    desk.put(least, id, Fact::MessageRecalled { target, reason: reason.map(str::to_owned) })
}

pub(crate) fn delete(desk: &mut Desk<'_>, id: &ConversationId, messages: &[MessageId]) -> Verdict {
    let mut seen = BTreeSet::new();
    let mut targets: Vec<_> = messages.iter().copied().filter(|message| seen.insert(*message)).collect();
    let refuse = |found, limit| Rejection::TooManyMessages { found, limit };
    at_most(desk.context.limits.deleted_messages, targets.len(), refuse)?;
    for target in &targets {
        known(desk, id, *target)?;
    }
    let view = desk.view(id);
    targets.retain(|target| view.is_some_and(|view| view.message(*target).is_some()));
    if targets.is_empty() {
        return Ok(());
    }
    let least = after([desk.registers(id).reported_at()]);
    desk.put(least, id, Fact::MessagesDeleted { targets })
}
