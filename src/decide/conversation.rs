//! What an owner sets on a conversation, and on the account.

use crate::decide::command::Replaces;
use crate::decide::desk::{Desk, Verdict, after, at_most};
use crate::decide::fresh_ids::expired_id;
use crate::decide::rejection::Rejection;
use crate::model::blank_text::is_blank;
use crate::model::event::{AccountFact, Fact, GroupType, Mark, QuietHours, ReceiveOption};
use crate::model::id::{ConversationId, UserId};
use crate::model::time::Timestamp;

pub(crate) fn open(desk: &mut Desk<'_>, id: &ConversationId, group_type: Option<GroupType>) -> Verdict {
    let view = desk.view(id);
    let listed = view.is_some_and(|view| view.is_listed());
    if listed && (group_type.is_none() || view.and_then(|view| view.group_type()) == group_type) {
        return Ok(());
    }
    let registers = desk.registers(id);
    let type_at = group_type.and_then(|_| registers.group_type_at());
    let least = after([registers.opened_at(), registers.deleted_at(), type_at]);
    desk.put(least, id, Fact::Opened { group_type })
}

pub(crate) fn pin(desk: &mut Desk<'_>, id: &ConversationId, on: bool) -> Verdict {
    if desk.view(id).is_some_and(|view| view.is_pinned()) == on {
        return Ok(());
    }
    if on {
        let pinned = desk.inbox.conversations().take_while(|row| row.is_pinned()).count();
        let refuse = |found, limit| Rejection::TooManyPins { found, limit };
        at_most(desk.context.limits.pinned_conversations, pinned + 1, refuse)?;
    }
    let registers = desk.registers(id);
    desk.put(after([registers.pinned_at(), registers.deleted_at()]), id, Fact::Pinned { on })
}

pub(crate) fn set_draft(desk: &mut Desk<'_>, id: &ConversationId, text: &str, replaces: Replaces) -> Verdict {
    let shown = desk.view(id).and_then(|view| view.draft());
    if shown.map_or("", |draft| draft.text) == text {
        return Ok(());
    }
    let registers = desk.registers(id);
    if let Replaces::Draft(event) = replaces
        && !desk
            .view(id)
            .is_some_and(|view| view.drafts_kept().iter().any(|draft| draft.stamp.event == event))
    {
        return Ok(());
    }
    let replaces = match replaces {
        Replaces::Shown => shown.map(|draft| draft.stamp.event),
        Replaces::Draft(event) => Some(event),
        Replaces::Nothing => None,
    };
    let text = Some(text.to_owned()).filter(|text| !text.is_empty());
    let least = after([registers.drafts_at(), registers.deleted_at()]);
    desk.put(least, id, Fact::DraftSet { text, replaces })
}

pub(crate) fn mark<'a>(desk: &mut Desk<'a>, ids: &'a [ConversationId], mark: Mark, on: bool) -> Verdict {
    let named = [Mark::STAR, Mark::UNREAD, Mark::FOLD, Mark::HIDE].contains(&mark);
    if !named && mark.bits() < 1 << 32 {
        return Err(Rejection::ReservedMark { mark });
    }
    let ids = desk.request(ids)?;
    desk.each_known(&ids, |desk, id| {
        if desk.view(id).is_some_and(|view| view.marks().contains(&mark)) == on {
            return Ok(());
        }
        desk.put(after([desk.registers(id).mark_at(mark)]), id, Fact::MarkSet { mark, on })
    });
    Ok(())
}

pub(crate) fn set_custom_data<'a>(desk: &mut Desk<'a>, ids: &'a [ConversationId], data: &[u8]) -> Verdict {
    let refuse = |len_bytes, limit| Rejection::CustomDataTooLong { len_bytes, limit };
    at_most(desk.context.limits.custom_data_bytes, data.len(), refuse)?;
    let ids = desk.request(ids)?;
    desk.each_known(&ids, |desk, id| {
        if desk.view(id).and_then(|view| view.custom_data()).unwrap_or_default() == data {
            return Ok(());
        }
        let least = after([desk.registers(id).custom_data_at()]);
        desk.put(least, id, Fact::CustomDataSet { data: data.to_vec() })
    });
    Ok(())
}

/// So long after an option that was set for a time an event ends it, whatever any clock says (R57).
const END_AFTER_MS: i64 = 1;

pub(crate) fn set_receive_option<'a>(
    desk: &mut Desk<'a>,
    ids: &'a [ConversationId],
    (option, until): (ReceiveOption, Option<Timestamp>),
) -> Verdict {
    let ids = desk.request(ids)?;
    desk.each_sound(&ids, |desk, id| {
        let view = desk.view(id);
        let shown = view.map(|view| (view.receive_option(), view.receive_option_until())).unwrap_or_default();
        if shown == (option, until) {
            return Ok(());
        }
        // A choice overtakes the end of an option for a time too, which another device may have written.
        let ends = if shown.1.is_some() { END_AFTER_MS } else { 0 };
        let least = after([desk.registers(id).receive_option_at()]) + ends;
        desk.put(least, id, Fact::ReceiveOptionSet { option, until })
    });
    Ok(())
}

/// Ends what is due: see [`expired_id`].
pub(crate) fn end_timed_options(desk: &mut Desk<'_>) {
    let due = desk.inbox.expiries(desk.context.time).due;
    let ids: Vec<_> = due.iter().map(|expiry| &expiry.conversation).collect();
    desk.each_sound(&ids, |desk, id| {
        let Some(setting) = desk.registers(id).receive_option_at() else { return Ok(()) };
        let fact = Fact::ReceiveOptionSet { option: ReceiveOption::Receive, until: None };
        desk.put_as(expired_id(id, setting.event), setting.at.as_millis() + END_AFTER_MS, id, fact)
    });
}

pub(crate) fn archive<'a>(
    desk: &mut Desk<'a>,
    ids: &'a [ConversationId],
    (on, stay): (bool, bool),
) -> Verdict {
    let stay = on && stay;
    let ids = desk.request(ids)?;
    desk.each_known(&ids, |desk, id| {
        if desk.view(id).is_some_and(|view| view.is_archived() == on && view.stays_archived() == stay) {
            return Ok(());
        }
        let registers = desk.registers(id);
        // What messages would take out again is overtaken, outliers too.
        let newest = if on && !stay { registers.messages_active_ms() + 1 } else { 0 };
        let least = after([registers.archived_at(), registers.deleted_at()]).max(newest);
        desk.put(least, id, Fact::Archived { on, stay })
    });
    Ok(())
}

pub(crate) fn set_quiet_hours(desk: &mut Desk<'_>, hours: Option<&QuietHours>) -> Verdict {
    if desk.inbox.quiet_hours().as_ref() == hours {
        return Ok(());
    }
    let hours = hours.cloned();
    desk.put_account(after([desk.inbox.quiet_hours_at()]), AccountFact::QuietHoursSet { hours })
}

pub(crate) fn set_remark(desk: &mut Desk<'_>, user: &UserId, remark: &str) -> Verdict {
    let old = desk.inbox.remark(user);
    let same = match old {
        Some((_, old)) => old == remark || is_blank(old) && is_blank(remark),
        None => is_blank(remark),
    };
    if same {
        return Ok(());
    }
    let fact = AccountFact::UserProfileChanged {
        user: user.clone(),
        nickname: None,
        remark: Some(remark.to_owned()),
        face_url: None,
    };
    desk.put_account(after([old.map(|(stamp, _)| stamp)]), fact)
}
