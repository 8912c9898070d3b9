//! The object that introduces a message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::log::jsonl::decode::{COUNT, Decoder, MESSAGE_ID, SEQ, STRING};
use crate::log::jsonl::json::value::{Object, Parsed, Value};
use crate::log::jsonl::key::Key;
use crate::model::event::tables::{KINDS, named};
use crate::model::event::{Fact, Mentions, Message, MessageKind};

impl Decoder {
    /// The message whose fields stand in `fields`.
    pub(crate) fn message(&mut self, keys: &mut Object<'_>, fields: &mut Object<'_>) -> Parsed<Message> {
        keys.need(Key::Message)?.expect_object("a message")?;
        let message = self.message_fields(fields)?;
        fields.finish("a message")?;
        Ok(message)
    }

    /// The same for a message that may name its author.
    pub(crate) fn imported(&mut self, keys: &mut Object<'_>, fields: &mut Object<'_>) -> Parsed<Fact> {
        keys.need(Key::Message)?.expect_object("a message")?;
        let sender = fields.take(Key::Sender).map(|sender| self.user(sender)).transpose()?;
        let message = Box::new(self.message_fields(fields)?);
        fields.finish("an imported message")?;
        Ok(Fact::MessageImported { sender, message })
    }

    fn message_fields(&mut self, fields: &mut Object<'_>) -> Parsed<Message> {
        let mut message = Message::new(fields.need(Key::Id)?.parse(MESSAGE_ID)?);
        message.seq = fields.take(Key::Seq).map(|seq| seq.integer(SEQ)).transpose()?;
        message.text = string(fields, Key::Text)?;
        if fields.is_empty() {
            return Ok(message);
        }
        if let Some(value) = fields.take(Key::Kind) {
            message.kind = kind(value)?;
        }
        message.custom = bytes(fields, Key::Custom)?;
        message.cloud_custom = bytes(fields, Key::CloudCustom)?;
        if let Some(value) = fields.take(Key::Mentions) {
            message.mentions = self.mentions(value)?;
        }
        if let Some(value) = fields.take(Key::Recipients) {
            message.recipients = self.users(value)?;
        }
        message.reply_to = fields.take(Key::ReplyTo).map(|target| target.parse(MESSAGE_ID)).transpose()?;
        message.online_only = flag(fields, Key::OnlineOnly)?;
        message.excluded_from_unread = flag(fields, Key::ExcludedFromUnread)?;
        message.excluded_from_last = flag(fields, Key::ExcludedFromLast)?;
        message.need_receipt = flag(fields, Key::NeedReceipt)?;
        message.supports_extensions = flag(fields, Key::SupportsExtensions)?;
        message.members = fields.take(Key::Members).map(|members| members.integer(COUNT)).transpose()?;
        Ok(message)
    }

    pub(crate) fn mentions(&mut self, value: Value<'_>) -> Parsed<Mentions> {
        let mut fields = value.object("an object of users and all")?;
        let users = match fields.take(Key::Users) {
            Some(users) => self.users(users)?,
            None => Vec::new(),
        };
        let mentions = Mentions { users, all: flag(&mut fields, Key::All)? };
        fields.finish("mentions")?;
        Ok(mentions)
    }
}

fn kind(value: Value<'_>) -> Parsed<MessageKind> {
    const KIND: &str =
        "one of text, image, sound, video, file, location, face, custom, merger and group_tips";
    named(&KINDS, &value.text(KIND)?).ok_or_else(|| value.fault(KIND))
}

/// An optional boolean, false where it is absent.
pub(crate) fn flag(fields: &mut Object<'_>, key: Key) -> Parsed<bool> {
    fields.take(key).map_or(Ok(false), Value::boolean)
}

/// An optional string.
pub(crate) fn string(fields: &mut Object<'_>, key: Key) -> Parsed<Option<String>> {
    fields.take(key).map(|value| Ok(value.text(STRING)?.into_owned())).transpose()
}

/// Optional bytes in base64.
pub(crate) fn bytes(fields: &mut Object<'_>, key: Key) -> Parsed<Option<Vec<u8>>> {
    fields.take(key).map(base64).transpose()
}

pub(crate) fn base64(value: Value<'_>) -> Parsed<Vec<u8>> {
    const BASE64: &str = "base64 in the standard alphabet, padded";
    STANDARD.decode(value.text(BASE64)?.as_bytes()).map_err(|_| value.fault(BASE64))
}
