//! What a server reports of unread messages.

use crate::log::jsonl::decode::message::flag;
use crate::log::jsonl::decode::watermark::{through_of, watermark};
use crate::log::jsonl::decode::{COUNT, SEQ, TIME};
use crate::log::jsonl::json::value::{Object, Parsed, Value};
use crate::log::jsonl::key::Key;
use crate::model::event::{ReportedMention, ReportedMentions, UnreadReport};

/// The keys of `unread_reported`.
pub(crate) fn unread(keys: &mut Object<'_>) -> Parsed<UnreadReport> {
    Ok(UnreadReport {
        through: watermark(keys, Key::Through)?,
        unread: keys.need(Key::Unread)?.integer(COUNT)?,
        read: keys.take(Key::Read).map(through_of).transpose()?,
        at_least: flag(keys, Key::AtLeast)?,
        mentions: keys.take(Key::Mentions).map(mentions).transpose()?,
        active_at: keys.take(Key::ActiveAt).map(|time| time.parse(TIME)).transpose()?,
    })
}

/// A number, or a list of places.
fn mentions(value: Value<'_>) -> Parsed<ReportedMentions> {
    const MENTIONS: &str = "a number of mentions, or a list of objects of seq and type";
    if value.is_array() {
        let places = value.array(MENTIONS, |place| {
            let mut fields = place.object("an object of seq and type")?;
            let seq = fields.need(Key::Seq)?.integer(SEQ)?;
            let at_type = fields.need(Key::Type)?.integer("a type of mention from 1 to 3")?;
            fields.finish("a reported mention")?;
            Ok(ReportedMention { seq, at_type })
        });
        return places.map(ReportedMentions::At);
    }
    value.integer(MENTIONS).map(ReportedMentions::Count)
}
