//! A message as an event brings it.

#[cfg(feature = "binary")]
use crate::model::event::MAX_MESSAGE_LEN_BYTES;
use crate::model::id::{MessageId, UserId};

/// What kind of element a message carries; its preview text, if any, is [`Message::text`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// Plain text.
    #[default]
    Text,
    /// An application's own element ([`Message::custom`]).
    Custom,
    /// A picture.
    Image,
    /// A voice message.
    Sound,
    /// A video.
    Video,
    /// A file.
    File,
    /// A place on earth.
    Location,
    /// A sticker or emoticon.
    Face,
    /// A notice about the group: joined, left, renamed.
    GroupTips,
    /// Several messages forwarded as one.
    Merger,
}

/// Whom a message mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mentions {
    /// The users mentioned by name, in the order written.
    pub users: Vec<UserId>,
    /// Whether everybody is mentioned.
    pub all: bool,
}

impl Mentions {
    /// Whether nobody is mentioned.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && !self.all
    }
}

/// A message as `message_received`, `message_queued` and `message_imported` introduce it.
///
/// Author, time and status are not part of it: they follow from the event. `Ord` is the fixed total order of
/// values that settles ties between equal stamps (R07); it has no other meaning.
///
/// ```
/// use chatfold::{Message, MessageId, UserId};
/// let id = MessageId::from_bytes([1; 16]);
/// let message = Message::text(id, "@alice lunch?").with_seq(7).with_mention(UserId::parse("alice")?);
/// assert_eq!(message.seq, Some(7));
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Message {
    /// The message's id, unique within its conversation.
    pub id: MessageId,
    /// In a group the server's sequence number, or for a queued or imported message the one it stands after;
    /// in a direct chat the sender's number.
    pub seq: Option<u64>,
    /// What element it carries.
    pub kind: MessageKind,
    /// What a preview shows, for any kind.
    pub text: Option<String>,
    /// The payload of a custom element.
    pub custom: Option<Vec<u8>>,
    /// Data riding on a message of any kind.
    pub cloud_custom: Option<Vec<u8>>,
    /// Whom it mentions.
    pub mentions: Mentions,
    /// Whom a targeted message is for; empty: everybody.
    pub recipients: Vec<UserId>,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// Only for those online when it was sent: never counted, listed or previewed.
    pub online_only: bool,
    /// Never counts as unread.
    pub excluded_from_unread: bool,
    /// Never becomes the last message and does not move the conversation.
    pub excluded_from_last: bool,
    /// The author asks for read receipts.
    pub need_receipt: bool,
    /// Extensions may be set on it.
    pub supports_extensions: bool,
    /// The group's size when it was sent.
    pub members: Option<u64>,
}

/// What the rest of a message takes at most beside texts, payloads and users.
const REST_LEN_BYTES: usize = 128;

/// The longest text of a message that carries nothing else.
#[cfg(feature = "binary")]
pub(crate) const MAX_TEXT_LEN_BYTES: usize = MAX_MESSAGE_LEN_BYTES - REST_LEN_BYTES;

/// What a user takes beside the id.
const USER_LEN_BYTES: usize = 8;

impl Message {
    /// How many bytes it carries, at least as many as it takes in an inbox.
    pub(crate) fn content_len_bytes(&self) -> usize {
        let users = self.mentions.users.iter().chain(&self.recipients);
        let users: usize = users.map(|user| user.as_str().len() + USER_LEN_BYTES).sum();
        let text = self.text.as_deref().map_or(0, str::len);
        let payloads = [&self.custom, &self.cloud_custom].into_iter().flatten().map(Vec::len).sum::<usize>();
        text + payloads + users + REST_LEN_BYTES
    }

    /// A message without content.
    pub fn new(id: MessageId) -> Self {
        Self {
            id,
            seq: None,
            kind: MessageKind::Text,
            text: None,
            custom: None,
            cloud_custom: None,
            mentions: Mentions::default(),
            recipients: Vec::new(),
            reply_to: None,
            online_only: false,
            excluded_from_unread: false,
            excluded_from_last: false,
            need_receipt: false,
            supports_extensions: false,
            members: None,
        }
    }

    /// A text message.
    pub fn text(id: MessageId, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::new(id) }
    }

    /// The same with sequence number `seq`.
    #[must_use]
    pub fn with_seq(mut self, seq: u64) -> Self {
        self.seq = Some(seq);
        self
    }

    /// The same as an element of `kind`.
    #[must_use]
    pub fn with_kind(mut self, kind: MessageKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same, mentioning `user` too.
    #[must_use]
    pub fn with_mention(mut self, user: UserId) -> Self {
        self.mentions.users.push(user);
        self
    }

    /// The same, mentioning everybody.
    #[must_use]
    pub fn with_mention_all(mut self) -> Self {
        self.mentions.all = true;
        self
    }

    /// The same as an answer to `target`.
    #[must_use]
    pub fn with_reply_to(mut self, target: MessageId) -> Self {
        self.reply_to = Some(target);
        self
    }
}
