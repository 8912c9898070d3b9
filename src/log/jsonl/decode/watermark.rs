//! How far: watermarks, or messages.

use crate::log::jsonl::decode::{MESSAGE_ID, SEQ, TIME};
use crate::log::jsonl::json::value::{Object, Parsed, Value};
use crate::log::jsonl::key::Key;
use crate::model::event::{Through, Watermark};

/// A watermark, or a message.
pub(crate) fn through(keys: &mut Object<'_>) -> Parsed<Through> {
    through_of(keys.need(Key::Through)?)
}

/// A watermark, which no message can stand for.
pub(crate) fn watermark(keys: &mut Object<'_>, key: Key) -> Parsed<Watermark> {
    let value = keys.need(key)?;
    match through_of(value)? {
        Through::Watermark(watermark) => Ok(watermark),
        Through::Message(_) => Err(value.fault("a seq in a group or a time in a direct chat, not a message")),
    }
}

/// The same where the key may be absent.
pub(crate) fn optional_watermark(keys: &mut Object<'_>, key: Key) -> Parsed<Option<Watermark>> {
    if keys.has(key) { watermark(keys, key).map(Some) } else { Ok(None) }
}

pub(crate) fn through_of(value: Value<'_>) -> Parsed<Through> {
    const THROUGH: &str = "an object of one key: seq in a group, time in a direct chat, or message";
    let mut fields = value.object(THROUGH)?;
    let through = if let Some(seq) = fields.take(Key::Seq) {
        Through::Watermark(Watermark::Seq(seq.integer(SEQ)?))
    } else if let Some(time) = fields.take(Key::Time) {
        Through::Watermark(Watermark::Time(time.parse(TIME)?))
    } else if let Some(message) = fields.take(Key::Message) {
        Through::Message(message.parse(MESSAGE_ID)?)
    } else {
        return Err(value.fault(THROUGH));
    };
    if fields.is_empty() { Ok(through) } else { Err(value.fault(THROUGH)) }
}
