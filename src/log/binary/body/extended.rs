//! The types that a tag has no room for: since version 2 they are one number in a tag and a byte of their own.

use crate::log::binary::body::values::{
    BodyContext, put_targets, put_text, put_through, put_time, put_watermark, targets, through, time, user,
    watermark,
};
use crate::model::event::tables::{MEMBERSHIPS, number_of, value_of};
use crate::model::event::{
    AccountFact, Body, Fact, QuietHours, ReportedMention, ReportedMentions, UnreadReport,
};
use crate::model::id::UserId;
use crate::register::bytes::{In, Out};

/// The number of a line of the text log that its writer did not know.
pub(crate) const LINE: u8 = 0;
pub(crate) const MEMBERSHIP: u8 = 1;
pub(crate) const MESSAGES_READ: u8 = 2;
pub(crate) const ARCHIVED: u8 = 3;
pub(crate) const UNREAD_REPORTED: u8 = 4;
pub(crate) const HISTORY_COMPLETE: u8 = 5;
pub(crate) const HISTORY_WINDOW: u8 = 6;

/// Whether version 1 has no form for this.
pub(crate) fn needs_version_2(body: &Body) -> bool {
    match body {
        Body::Conversation(_, fact) => match fact {
            Fact::MembershipSet { .. }
            | Fact::MessagesRead { .. }
            | Fact::Archived { .. }
            | Fact::UnreadReported(_)
            | Fact::HistoryComplete { .. }
            | Fact::HistoryWindow { .. } => true,
            Fact::MessageModified { edit, .. } => edit.mentions.is_some(),
            Fact::ReceiveOptionSet { until, .. } => until.is_some(),
            Fact::HistoryCleared { also, .. } | Fact::Deleted { also, .. } => !also.is_empty(),
            _ => false,
        },
        Body::Account(fact) => {
            matches!(fact, AccountFact::QuietHoursSet { hours: Some(QuietHours::DailyIn { .. }) })
        }
    }
}

/// A type that a tag has no room for: its number, then what it says.
pub(crate) fn put(out: &mut Out, place: BodyContext, fact: &Fact) {
    match fact {
        Fact::MembershipSet { state, user } => {
            out.u8(MEMBERSHIP).u8(number_of(&MEMBERSHIPS, state));
            put_text(out, user.as_ref().map(UserId::as_str));
        }
        Fact::MessagesRead { targets, on } => {
            put_targets(out.u8(MESSAGES_READ), targets);
            out.flag(*on);
        }
        Fact::Archived { on, stay } => {
            out.u8(ARCHIVED).flag(*on).flag(*stay);
        }
        Fact::UnreadReported(report) => put_report(out.u8(UNREAD_REPORTED), place, report),
        Fact::HistoryComplete { from, through } => {
            put_watermark(out.u8(HISTORY_COMPLETE), place, *from);
            put_watermark(out, place, *through);
        }
        Fact::HistoryWindow { after, through } => {
            put_watermark(out.u8(HISTORY_WINDOW), place, *after);
            out.option(*through, |out, through| put_watermark(out, place, through));
        }
        // The caller knows these to be all.
        _ => {}
    }
}

fn put_report(out: &mut Out, place: BodyContext, report: &UnreadReport) {
    put_watermark(out, place, report.through);
    out.uint(report.unread).option(report.read, |out, read| put_through(out, place, read));
    out.flag(report.at_least);
    match &report.mentions {
        None => {
            out.u8(0);
        }
        Some(ReportedMentions::Count(count)) => {
            out.u8(1).uint(*count);
        }
        Some(ReportedMentions::At(places)) => {
            out.u8(2).len(places.len());
            for one in places {
                out.uint(one.seq).u8(one.at_type);
            }
        }
    }
    put_time(out, place, report.active_at);
}

/// A fact of a type that a tag has no room for.
pub(crate) fn fact(from: &mut In<'_>, place: BodyContext) -> Option<Fact> {
    Some(match from.u8()? {
        MEMBERSHIP => {
            let state = value_of(&MEMBERSHIPS, from.u8()?)?;
            Fact::MembershipSet { state, user: from.option(user)? }
        }
        MESSAGES_READ => Fact::MessagesRead { targets: targets(from)?, on: from.flag()? },
        ARCHIVED => Fact::Archived { on: from.flag()?, stay: from.flag()? },
        UNREAD_REPORTED => Fact::UnreadReported(Box::new(report(from, place)?)),
        HISTORY_COMPLETE => {
            Fact::HistoryComplete { from: watermark(from, place)?, through: watermark(from, place)? }
        }
        HISTORY_WINDOW => Fact::HistoryWindow {
            after: watermark(from, place)?,
            through: from.option(|from| watermark(from, place))?,
        },
        _ => return None,
    })
}

fn report(from: &mut In<'_>, place: BodyContext) -> Option<UnreadReport> {
    Some(UnreadReport {
        through: watermark(from, place)?,
        unread: from.uint()?,
        read: from.option(|from| through(from, place))?,
        at_least: from.flag()?,
        mentions: match from.u8()? {
            0 => None,
            1 => Some(ReportedMentions::Count(from.uint()?)),
            // A place takes at least two bytes of a log and sixteen of memory.
            2 => Some(ReportedMentions::At(reported_mentions(from)?)),
            _ => return None,
        },
        active_at: time(from, place)?,
    })
}

fn reported_mentions(from: &mut In<'_>) -> Option<Vec<ReportedMention>> {
    let count = from.count(2)?;
    let mut places = Vec::with_capacity(count);
    for _ in 0..count {
        places.push(ReportedMention { seq: from.uint()?, at_type: from.u8()? });
    }
    Some(places)
}
