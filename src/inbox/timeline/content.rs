//! What a message carries, as bytes beside its entry.
//!
//! A plain text is stored as it is. Anything more is a sequence of fields, each a tag, a length (LEB128) and
//! its bytes. The encoding is canonical: equal messages have equal bytes, so it also serves the digest.

use crate::model::event::Message;
use crate::model::id::MessageId;

const TEXT: u8 = 1;
const CUSTOM: u8 = 2;
const CLOUD_CUSTOM: u8 = 3;
const MENTION: u8 = 4;
const RECIPIENT: u8 = 5;
const REPLY_TO: u8 = 6;
const MEMBERS: u8 = 7;

/// A message's content, read in place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Content<'a> {
    pub(crate) text: Option<&'a str>,
    pub(crate) custom: Option<&'a [u8]>,
    pub(crate) cloud_custom: Option<&'a [u8]>,
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) members: Option<u64>,
    bytes: &'a [u8],
}

impl<'a> Content<'a> {
    /// A content of nothing but this text.
    pub(crate) fn plain(bytes: &'a [u8]) -> Self {
        Self { text: Some(text(bytes)), ..Self::default() }
    }

    /// The users mentioned, as written.
    pub(crate) fn mentioned(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        list(self.bytes, MENTION)
    }

    /// The users a targeted message is for, as written.
    pub(crate) fn recipients(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        list(self.bytes, RECIPIENT)
    }
}

fn list(bytes: &[u8], tag: u8) -> impl Iterator<Item = &str> {
    ContentFields(bytes).filter(move |(t, _)| *t == tag).map(|(_, value)| text(value))
}

/// Whether a message carries more than a text.
pub(crate) fn is_rich(message: &Message) -> bool {
    message.custom.is_some()
        || message.cloud_custom.is_some()
        || !message.mentions.users.is_empty()
        || !message.recipients.is_empty()
        || message.reply_to.is_some()
        || message.members.is_some()
}

/// Appends the content of `message`.
pub(crate) fn encode(message: &Message, out: &mut Vec<u8>) {
    let text = message.text.as_deref().map(str::as_bytes);
    if !is_rich(message) {
        out.extend_from_slice(text.unwrap_or_default());
        return;
    }
    let mut put = |tag: u8, value: &[u8]| {
        out.push(tag);
        let mut len = value.len();
        while len >= 0x80 {
            out.push(len as u8 | 0x80);
            len >>= 7;
        }
        out.push(len as u8);
        out.extend_from_slice(value);
    };
    if let Some(text) = text {
        put(TEXT, text);
    }
    if let Some(custom) = &message.custom {
        put(CUSTOM, custom);
    }
    if let Some(cloud_custom) = &message.cloud_custom {
        put(CLOUD_CUSTOM, cloud_custom);
    }
    for user in &message.mentions.users {
        put(MENTION, user.as_str().as_bytes());
    }
    for user in &message.recipients {
        put(RECIPIENT, user.as_str().as_bytes());
    }
    if let Some(target) = message.reply_to {
        put(REPLY_TO, target.as_bytes());
    }
    if let Some(members) = message.members {
        put(MEMBERS, &members.to_le_bytes());
    }
}

/// Reads what [`encode`] wrote for a message with more than a text.
pub(crate) fn decode(bytes: &[u8]) -> Content<'_> {
    let mut content = Content { bytes, ..Content::default() };
    for (tag, value) in ContentFields(bytes) {
        match tag {
            TEXT => content.text = Some(text(value)),
            CUSTOM => content.custom = Some(value),
            CLOUD_CUSTOM => content.cloud_custom = Some(value),
            REPLY_TO => content.reply_to = value.try_into().ok().map(MessageId::from_bytes),
            MEMBERS => content.members = value.try_into().ok().map(u64::from_le_bytes),
            _ => {}
        }
    }
    content
}

/// The text of a content that is more than one, as bytes.
pub(crate) fn raw_text(bytes: &[u8]) -> Option<&[u8]> {
    ContentFields(bytes).find(|(tag, _)| *tag == TEXT).map(|(_, value)| value)
}

/// Stored text; it was valid when it was stored.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

struct ContentFields<'a>(&'a [u8]);

impl<'a> Iterator for ContentFields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, mut rest) = self.0.split_first()?;
        let (mut len, mut shift) = (0usize, 0u32);
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            len |= ((byte & 0x7f) as usize).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (value, after) = rest.split_at_checked(len)?;
        self.0 = after;
        Some((tag, value))
    }
}
