//! Reading, clearing and deleting: how far is the greatest position known, never the clock (R66).

use crate::decide::command::{ReadScope, ReadUpTo};
use crate::decide::desk::{Desk, Verdict, after};
use crate::decide::rejection::Rejection;
use crate::model::event::{Fact, InvalidEvent, Mark, Through, Watermark};
use crate::model::id::{ConversationId, ConversationKind, MessageId};
use crate::model::time::Timestamp;

/// The first field of a known position as a watermark.
fn watermark(id: &ConversationId, first: i64) -> Watermark {
    match id.kind() {
        ConversationKind::Group => Watermark::Seq(first.unsigned_abs()),
        ConversationKind::Direct => {
            Watermark::Time(Timestamp::from_millis(first).unwrap_or(Timestamp::EPOCH))
        }
    }
}

/// The first field up to which is to be read.
fn reach(desk: &Desk<'_>, id: &ConversationId, up_to: ReadUpTo) -> Result<i64, Rejection> {
    let direct = id.kind() == ConversationKind::Direct;
    match up_to {
        ReadUpTo::Newest => Ok(i64::MAX),
        ReadUpTo::Position(Watermark::Seq(_)) if direct => {
            Err(InvalidEvent::NotInDirect { what: "a seq watermark" }.into())
        }
        ReadUpTo::Position(Watermark::Time(_)) | ReadUpTo::Second(_) if !direct => {
            Err(InvalidEvent::NotInGroup { what: "a time watermark" }.into())
        }
        ReadUpTo::Position(watermark) => Ok(watermark.first_field()),
        ReadUpTo::Second(second) => {
            Ok(i64::try_from(second.saturating_mul(1_000).saturating_add(999)).unwrap_or(i64::MAX))
        }
        ReadUpTo::Message(message) => {
            let known = desk.registers(id).message(message).filter(|m| m.view().is_some());
            known.map(|m| m.first()).ok_or(Rejection::UnknownMessage { message })
        }
    }
}

pub(crate) fn read(desk: &mut Desk<'_>, id: &ConversationId, up_to: ReadUpTo) -> Verdict {
    let registers = desk.registers(id);
    let through = reach(desk, id, up_to)?;
    if let Some(first) = registers.newest_delivered(through)
        && registers.marker() < first
    {
        let through = Through::Watermark(watermark(id, first));
        desk.put(after([registers.unread_marks_at()]), id, Fact::Read { through })?;
    }
    if up_to == ReadUpTo::Newest { unmark_unread(desk, id) } else { Ok(()) }
}

/// Takes the UNREAD mark off a conversation that was read wholly, be it empty (R66).
fn unmark_unread(desk: &mut Desk<'_>, id: &ConversationId) -> Verdict {
    if !desk.view(id).is_some_and(|view| view.marks().contains(&Mark::UNREAD)) {
        return Ok(());
    }
    let least = after([desk.registers(id).mark_at(Mark::UNREAD)]);
    desk.put(least, id, Fact::MarkSet { mark: Mark::UNREAD, on: false })
}

pub(crate) fn read_all(desk: &mut Desk<'_>, scope: ReadScope) -> Verdict {
    let rows = desk.inbox.conversations().filter(|row| match scope {
        ReadScope::Direct => row.kind() == ConversationKind::Direct,
        ReadScope::Groups => row.kind() == ConversationKind::Group,
        ReadScope::Everything => true,
    });
    let ids: Vec<_> = rows.map(|row| row.id()).collect();
    desk.each_sound(&ids, |desk, id| read(desk, id, ReadUpTo::Newest));
    Ok(())
}

pub(crate) fn unread_from(desk: &mut Desk<'_>, id: &ConversationId, message: MessageId) -> Verdict {
    let registers = desk.registers(id);
    let target = registers.message(message).filter(|m| m.is_visible());
    let Some(target) = target else { return Err(Rejection::UnknownMessage { message }) };
    if registers.marker() < target.first() {
        return Ok(());
    }
    desk.put(after([registers.reads_at()]), id, Fact::MarkedUnreadFrom { target: message })
}

pub(crate) fn clear(desk: &mut Desk<'_>, id: &ConversationId) -> Verdict {
    let registers = desk.registers(id);
    let Some(newest) = registers.newest().filter(|_| registers.shows_any_message()) else { return Ok(()) };
    let cleared = registers.cleared().map(|(_, stamp)| stamp);
    let least = after([registers.last_introduced(), cleared]);
    desk.put(least, id, Fact::HistoryCleared { through: watermark(id, newest.first()), also: Vec::new() })
}

pub(crate) fn delete<'a>(desk: &mut Desk<'a>, ids: &'a [ConversationId], keep_messages: bool) -> Verdict {
    let ids = desk.request(ids)?;
    desk.each_known(&ids, |desk, id| {
        let registers = desk.registers(id);
        let listed = desk.view(id).is_some_and(|view| view.is_listed());
        if !listed && (keep_messages || !registers.shows_any_message()) {
            return Ok(());
        }
        let stamps = [
            registers.pinned_at(),
            registers.drafts_at(),
            registers.opened_at(),
            registers.deleted_at(),
            registers.cleared().map(|(_, stamp)| stamp),
            registers.last_introduced(),
        ];
        let through = watermark(id, registers.newest().map_or(0, |newest| newest.first()));
        desk.put(after(stamps), id, Fact::Deleted { through, keep_messages, also: Vec::new() })
    });
    Ok(())
}
