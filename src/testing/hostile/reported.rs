//! Logs of what servers report of messages that are not all held, and of stretches that are.

use super::maker::{FUTURE, Fault, Maker, at_seq, id, time};
use crate::model::event::{
    Envelope, Event, InvalidEvent, Message, ReportedMention, ReportedMentions, Through, UnreadReport,
    Watermark,
};
use crate::model::id::ConversationId;

/// A report of the group.
fn report(through: u64, unread: u64, mentions: Option<ReportedMentions>) -> UnreadReport {
    let read = Some(Through::Watermark(Watermark::Seq(0)));
    UnreadReport {
        through: Watermark::Seq(through),
        unread,
        read,
        at_least: false,
        mentions,
        active_at: None,
    }
}

impl Maker {
    /// The `n`th of reports each of which reaches further than the one before, stamped before everything and behind
    /// everything in turn.
    fn zigzag(&mut self, n: u64, said: UnreadReport) -> Result<(), Fault> {
        let at = if n.is_multiple_of(2) { FUTURE + n as i64 } else { n as i64 };
        let (owner, group) = (self.owner.clone(), self.group.clone());
        self.say_at(at, &owner, |e| e.unread_reported(group, said))
    }
}

/// Reports with stamps that zigzag over everything that was removed.
pub(super) fn zigzag(m: &mut Maker) -> Result<(), Fault> {
    let third = m.part(3);
    m.messages(1..third + 1)?;
    (1..=third).try_for_each(|n| m.own(|e, group| e.messages_deleted(group, vec![id(n)])))?;
    (1..=third).try_for_each(|n| m.zigzag(n, report(third + n, n, Some(ReportedMentions::Count(n)))))
}

/// The same, with what is removed, read by name or edited between them, of messages held and not held.
pub(super) fn between(m: &mut Maker) -> Result<(), Fault> {
    let quarter = m.part(4);
    m.messages(1..quarter + 1)?;
    for n in 1..=quarter {
        m.own(|e, group| e.messages_read(group, vec![id(n), id(quarter + n)], n % 3 > 0))?;
        m.zigzag(n, report(2 * quarter + n, 5, None))?;
        m.other(|e, group| e.message_recalled(group, id(n * 7_919 % (2 * quarter)), None))?;
    }
    Ok(())
}

/// The same, with reads and marks between them, of messages held and not held.
pub(super) fn reads_and_marks(m: &mut Maker) -> Result<(), Fault> {
    let quarter = m.part(4);
    m.messages(1..quarter + 1)?;
    for n in 1..=quarter {
        let read = if n % 2 == 0 { Watermark::Seq(2 * quarter - n) } else { Watermark::Seq(n) };
        m.own(|e, group| e.conversation_read(group, Through::Watermark(read)))?;
        m.own(|e, group| e.marked_unread_from(group, id(n + n % 3 * quarter)))?;
        m.zigzag(n, report(2 * quarter + n, 5, None))?;
    }
    Ok(())
}

/// Reports that list mentions, one of them very many; their messages come, move, and are taken away.
pub(super) fn listed(m: &mut Maker) -> Result<(), Fault> {
    let (quarter, peer, group) = (m.part(4), m.peer.clone(), m.group.clone());
    let list = |from: u64, count: u64| {
        let one = |n: u64| ReportedMention { seq: from + n, at_type: 1 + (n % 3) as u8 };
        Some(ReportedMentions::At((1..=count).map(one).collect()))
    };
    m.own(|e, group| e.unread_reported(group, report(2 * quarter, quarter, list(0, quarter))))?;
    m.messages(1..quarter + 1)?;
    m.move_about(quarter / 2, quarter, &peer, group)?;
    (1..=quarter).try_for_each(|n| m.own(|e, group| e.messages_deleted(group, vec![id(n)])))?;
    (1..=quarter).try_for_each(|n| m.zigzag(n, report(2 * quarter + n, 20, list(n, quarter.min(20)))))
}

/// Complete stretches of one place each, scattered, then of three, so that all of them become one.
pub(super) fn stretches(m: &mut Maker) -> Result<(), Fault> {
    let half = m.part(2);
    m.own(|e, group| e.unread_reported(group, report(2 * half, half, None)))?;
    let complete = |m: &mut Maker, first: u64, last: u64| {
        m.own(|e, group| e.history_complete(group, Watermark::Seq(first), Watermark::Seq(last)))
    };
    (0..half).try_for_each(|n| {
        let at = 2 * (n * 7_919 % half) + 1;
        complete(m, at, at)
    })?;
    (0..half).try_for_each(|n| complete(m, 2 * n, 2 * n + 2))
}

/// The same in a direct chat, where messages and reports come between them.
pub(super) fn stretches_in_direct(m: &mut Maker) -> Result<(), Fault> {
    let (quarter, owner, peer, direct) = (m.part(4), m.owner.clone(), m.peer.clone(), m.direct.clone());
    let own = |m: &mut Maker, make: &dyn Fn(Envelope, ConversationId) -> Result<Event, InvalidEvent>| {
        m.say(&owner, |e| make(e, direct.clone()))
    };
    for n in 1..=quarter {
        let at = (n * 7_919 % quarter) as i64 * 3;
        let (from, through) = (Watermark::Time(time(at)?), Watermark::Time(time(at + 1)?));
        own(m, &|e, direct| e.history_complete(direct, from, through))?;
        m.say_at(at + 2, &peer, |e| e.message_received(direct.clone(), Message::text(id(n), "x")))?;
        let said = UnreadReport { through: Watermark::Time(time(3 * n as i64)?), ..report(1, n, None) };
        let read = Some(Through::Watermark(Watermark::Time(time(n as i64)?)));
        own(m, &|e, direct| e.unread_reported(direct, UnreadReport { read, ..said.clone() }))?;
        own(m, &|e, direct| e.conversation_read(direct, Through::Message(id(quarter + 1 - n))))?;
    }
    Ok(())
}

/// Messages that fill the gaps of a report in no order, each moving once.
pub(super) fn filled(m: &mut Maker) -> Result<(), Fault> {
    let (half, peer, group) = (m.part(2), m.peer.clone(), m.group.clone());
    m.own(|e, group| e.unread_reported(group, report(2 * half, half, None)))?;
    for n in 0..half {
        let seq = n * 7_919 % half + 1;
        m.other(|e, group| e.message_received(group, at_seq(n, 2 * seq)))?;
        m.say_at(-(n as i64) + half as i64, &peer, |e| {
            e.message_received(group.clone(), at_seq(n, 2 * seq - 1))
        })?;
    }
    Ok(())
}
