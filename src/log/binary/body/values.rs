//! The values that bodies are made of.

use crate::model::event::{Through, Watermark};
use crate::model::id::{ConversationKind, MessageId, UserId};
use crate::model::time::Timestamp;
use crate::register::bytes::{In, Out};

/// Where an event stands: what its numbers are told as differences to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyContext {
    /// The version of the layout.
    pub(crate) version: u16,
    pub(crate) kind: ConversationKind,
    pub(crate) at: i64,
    /// The seq named last in this conversation in this segment.
    pub(crate) last_seq: i64,
}

/// A time, as the difference to the event's.
pub(crate) fn put_time(out: &mut Out, place: BodyContext, time: Option<Timestamp>) {
    out.option(time, |out, time| {
        out.int(time.as_millis().wrapping_sub(place.at));
    });
}

pub(crate) fn put_bytes<'o>(out: &'o mut Out, bytes: Option<&[u8]>) -> &'o mut Out {
    out.option(bytes, |out, bytes| {
        out.bytes(bytes);
    })
}

pub(crate) fn put_text<'o>(out: &'o mut Out, text: Option<&str>) -> &'o mut Out {
    put_bytes(out, text.map(str::as_bytes))
}

pub(crate) fn put_uint(out: &mut Out, value: Option<u64>) -> &mut Out {
    out.option(value, |out, value| {
        out.uint(value);
    })
}

pub(crate) fn put_targets(out: &mut Out, targets: &[MessageId]) {
    out.len(targets.len());
    targets.iter().for_each(|target| {
        out.raw(target.as_bytes());
    });
}

pub(crate) fn put_watermark(out: &mut Out, place: BodyContext, watermark: Watermark) {
    let base = match watermark {
        Watermark::Seq(_) => place.last_seq,
        Watermark::Time(_) => place.at,
    };
    out.int(watermark.first_field().wrapping_sub(base));
}

pub(crate) fn put_through(out: &mut Out, place: BodyContext, through: Through) {
    match through {
        Through::Watermark(watermark) => put_watermark(out.u8(0), place, watermark),
        Through::Message(message) => {
            out.u8(1).raw(message.as_bytes());
        }
    }
}

pub(crate) fn time(from: &mut In<'_>, place: BodyContext) -> Option<Option<Timestamp>> {
    from.option(|from| Timestamp::from_millis(from.int()?.wrapping_add(place.at)).ok())
}

pub(crate) fn through(from: &mut In<'_>, place: BodyContext) -> Option<Through> {
    match from.u8()? {
        0 => watermark(from, place).map(Through::Watermark),
        1 => target(from).map(Through::Message),
        _ => None,
    }
}

pub(crate) fn watermark(from: &mut In<'_>, place: BodyContext) -> Option<Watermark> {
    let difference = from.int()?;
    match place.kind {
        ConversationKind::Group => {
            u64::try_from(place.last_seq.wrapping_add(difference)).ok().map(Watermark::Seq)
        }
        ConversationKind::Direct => {
            Timestamp::from_millis(place.at.wrapping_add(difference)).ok().map(Watermark::Time)
        }
    }
}

pub(crate) fn target(from: &mut In<'_>) -> Option<MessageId> {
    from.array().map(MessageId::from_bytes)
}

pub(crate) fn targets(from: &mut In<'_>) -> Option<Vec<MessageId>> {
    from.list(16, target)
}

pub(crate) fn user(from: &mut In<'_>) -> Option<UserId> {
    UserId::parse(from.text()?).ok()
}

pub(crate) fn text(from: &mut In<'_>) -> Option<Option<String>> {
    from.option(|from| from.text().map(str::to_owned))
}

pub(crate) fn bytes(from: &mut In<'_>) -> Option<Option<Vec<u8>>> {
    from.option(|from| from.bytes().map(<[u8]>::to_vec))
}

pub(crate) fn uint(from: &mut In<'_>) -> Option<Option<u64>> {
    from.option(In::uint)
}
