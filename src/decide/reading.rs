//! Reading, clearing and deleting: how far is the greatest position known that is no outlier, never the clock (R66). What it
//! leaves out, and is to be taken too, is named.

use std::collections::BTreeSet;

use crate::decide::command::{ReadScope, ReadUpTo};
use crate::decide::desk::{Desk, Verdict, after};
use crate::decide::rejection::Rejection;
use crate::inbox::MessageRegisters;
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
        ReadUpTo::Position(Watermark::Seq(_)) if direct => {
            Err(InvalidEvent::NotInDirect { what: "a seq watermark" }.into())
        }
        ReadUpTo::Position(Watermark::Time(_)) | ReadUpTo::Second(_) if !direct => {
            Err(InvalidEvent::NotInGroup { what: "a time watermark" }.into())
        }
        ReadUpTo::Newest | ReadUpTo::Position(_) | ReadUpTo::Second(_) => {
            Ok(up_to.first_field().unwrap_or(i64::MAX))
        }
        ReadUpTo::Message(message) => {
            let known = desk.registers(id).message(message).filter(|m| m.view().is_some());
            known.map(|m| m.first()).ok_or(Rejection::UnknownMessage { message })
        }
    }
}

pub(crate) fn read(desk: &mut Desk<'_>, id: &ConversationId, up_to: ReadUpTo) -> Verdict {
    let (registers, horizon) = (desk.registers(id), desk.horizon(id));
    let target = reach(desk, id, up_to)?;
    let readable = registers.readable(target, horizon);
    if let Some(first) = readable
        && registers.counted_marker() < first
    {
        let through = Through::Watermark(watermark(id, first));
        let least = after([registers.unread_marks_at(), registers.reported_at()]);
        desk.put(least, id, Fact::Read { through })?;
    }
    let covered = horizon.max(readable.unwrap_or(-1));
    let outliers: Vec<_> = registers.not_read(covered, target).collect();
    name_read(desk, id, &outliers, true)?;
    if up_to == ReadUpTo::Newest { unmark_unread(desk, id) } else { Ok(()) }
}

/// Says of messages that they are read by name, or no longer are (R59).
fn name_read(desk: &mut Desk<'_>, id: &ConversationId, found: &[MessageRegisters<'_>], on: bool) -> Verdict {
    let targets: Vec<_> = found.iter().map(MessageRegisters::id).collect();
    let said = found.iter().filter_map(MessageRegisters::named_read_at).max();
    let least = after([said, desk.registers(id).reported_at()]);
    desk.put_named(least, id, &targets, |targets| Fact::MessagesRead { targets, on })
}

pub(crate) fn read_by_name(
    desk: &mut Desk<'_>,
    id: &ConversationId,
    messages: &[MessageId],
    on: bool,
) -> Verdict {
    let registers = desk.registers(id);
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for &message in messages.iter().filter(|message| seen.insert(**message)) {
        let known = registers.message(message).filter(|m| m.view().is_some());
        let known = known.ok_or(Rejection::UnknownMessage { message })?;
        if if on { !known.is_read() } else { known.is_read_by_name() } {
            found.push(known);
        }
    }
    name_read(desk, id, &found, on)
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
    let Some(target) = target else { return Err(not_held(desk, id, message)) };
    if registers.marker() >= target.first() {
        let least = after([registers.reads_at(), registers.reported_at()]);
        desk.put(least, id, Fact::MarkedUnreadFrom { target: message })?;
    }
    let named: Vec<_> = registers.read_by_name(target.first() - 1).collect();
    name_read(desk, id, &named, false)
}

/// The first field up to which a clearing or deletion takes everything: the newest delivered message that is no outlier,
/// or the newest that a server reported.
fn through(desk: &Desk<'_>, id: &ConversationId) -> i64 {
    desk.registers(id).readable(i64::MAX, desk.horizon(id)).unwrap_or(0)
}

/// Why a message that is not held cannot be named: it may lie in a gap, which is to be fetched first.
pub(crate) fn not_held(desk: &Desk<'_>, id: &ConversationId, message: MessageId) -> Rejection {
    match desk.registers(id).gap_to_fetch(id) {
        Some(gap) => Rejection::NotHeld { message, from: gap.from, through: gap.through },
        None => Rejection::UnknownMessage { message },
    }
}

/// Puts down a clearing or deletion that names these messages besides: the fact once, and again where they are many.
fn put_taking(
    desk: &mut Desk<'_>,
    least: i64,
    id: &ConversationId,
    also: &[MessageId],
    fact: impl Fn(Vec<MessageId>) -> Fact,
) -> Verdict {
    if also.is_empty() {
        desk.put(least, id, fact(Vec::new()))
    } else {
        desk.put_named(least, id, also, fact)
    }
}

pub(crate) fn clear(desk: &mut Desk<'_>, id: &ConversationId) -> Verdict {
    let registers = desk.registers(id);
    if !registers.shows_any_message() && !registers.reports_uncleared() {
        return Ok(());
    }
    let first = through(desk, id);
    let (through, also) = (watermark(id, first), registers.left_by_clearing(first));
    let least = after([registers.cleared().map(|(_, stamp)| stamp), registers.reported_at()]);
    put_taking(desk, least, id, &also, |also| Fact::HistoryCleared { through, also })
}

pub(crate) fn delete<'a>(desk: &mut Desk<'a>, ids: &'a [ConversationId], keep_messages: bool) -> Verdict {
    let ids = desk.request(ids)?;
    desk.each_known(&ids, |desk, id| {
        let registers = desk.registers(id);
        let listed = desk.view(id).is_some_and(|view| view.is_listed());
        let is_left = registers.shows_any_message() || registers.reports_uncleared();
        if !listed && (keep_messages || !is_left) {
            return Ok(());
        }
        let stamps = [
            registers.pinned_at(),
            registers.archived_at(),
            registers.drafts_at(),
            registers.opened_at(),
            registers.deleted_at(),
            registers.cleared().map(|(_, stamp)| stamp),
            registers.reported_at(),
        ];
        let first = through(desk, id);
        let (through, also) = (watermark(id, first), registers.left_by_deletion(first, keep_messages));
        let deletion = |also| Fact::Deleted { through, keep_messages, also };
        put_taking(desk, after(stamps), id, &also, deletion)
    });
    Ok(())
}
