//! What a row says, owned: taken from an inbox, or read back from what a dialect wrote.

use crate::ask::v2tim::dialect::{AT_ALL, DataForm, Dialect, read_marker};
use crate::ask::v2tim::native;
use crate::inbox::{ConversationView, MentionKind, MessageStatus, MessageView};
use crate::model::event::{GroupType, MessageKind, ReceiveOption};
use crate::model::id::{ConversationId, ConversationKind, MessageId, UserId};

/// What a row says, in Flutter's dialect or the native one: the value that both are written from.
///
/// [`Row::of`] takes it from an inbox as a dialect would write it; [`Row::from_flutter`] and [`Row::from_native`] read it
/// back, and what they return equals what was taken. Data (custom data, cloud custom data, custom elements) is a text here, as
/// it is at the reference: base64 or plain, as the [`DataForm`] of the writer said. Times are whole seconds.
///
/// ```
/// use chatfold::v2tim::{ConversationJson, Dialect, Row};
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
///
/// let bob = UserId::parse("bob")?;
/// let mut inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob.clone());
/// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?");
/// inbox.apply(&envelope.message_received(ConversationId::direct(&bob), lunch)?);
///
/// for conversation in inbox.conversations() {
///     let json = ConversationJson::new(conversation).with_dialect(Dialect::Native).to_string();
///     let row = Row::from_native(&json)?;
///     assert_eq!(row, Row::of(conversation, Dialect::Native));
///     assert_eq!(row.last_message.and_then(|message| message.text).as_deref(), Some("Lunch?"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The conversation.
    pub conversation: ConversationId,
    /// The name to show (R21).
    pub show_name: String,
    /// Where the picture of the group or the peer is (R22).
    pub face_url: Option<String>,
    /// The group's type, if anybody said (R20).
    pub group_type: Option<GroupType>,
    /// The number of unread messages (R23).
    pub unread_count: u64,
    /// The last message (R25).
    pub last_message: Option<LastMessage>,
    /// The draft (R27).
    pub draft: Option<RowDraft>,
    /// Whether it is pinned (R28).
    pub is_pinned: bool,
    /// How the owner wants to be told of messages (R24).
    pub receive_option: ReceiveOption,
    /// The unread mentions of the owner (R26).
    pub mentions: Vec<RowMention>,
    /// By which the list is sorted (R33).
    pub order_key: u64,
    /// The marks, a bit each (R29).
    pub marks: Vec<u64>,
    /// Custom data (R30).
    pub custom_data: Option<String>,
    /// The names of the folders that hold it (R31).
    pub folders: Vec<String>,
    /// The read marker of a direct chat in seconds, else 0 (R32).
    pub read_time_s: i64,
    /// The read marker of a group, else 0 (R32).
    pub read_seq: u64,
    /// What is known of messages that are not held (R46–R48).
    pub bounds: RowBounds,
}

/// The draft of a [`Row`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowDraft {
    /// The text.
    pub text: String,
    /// When it was written, in seconds.
    pub time_s: i64,
}

/// A mention of a [`Row`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowMention {
    /// The message's sequence number.
    pub seq: u64,
    /// Whom it mentions.
    pub kind: MentionKind,
}

/// What a [`Row`] says of messages that are not held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowBounds {
    /// There may be more unread messages.
    pub unread_is_lower_bound: bool,
    /// There may be more mentions.
    pub mention_is_lower_bound: bool,
    /// There may be a newer last message.
    pub last_message_is_older: bool,
    /// The number of mentions, where it is a lower bound.
    pub mention_count: Option<u64>,
}

/// The last message of a [`Row`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastMessage {
    /// Its id.
    pub id: MessageId,
    /// When it was sent, in seconds.
    pub time_s: i64,
    /// Who wrote it.
    pub sender: UserId,
    /// The sender's own name.
    pub nickname: Option<String>,
    /// The owner's name for the sender.
    pub remark: Option<String>,
    /// Where the sender's picture is.
    pub face_url: Option<String>,
    /// What became of it.
    pub status: MessageStatus,
    /// Its kind.
    pub kind: MessageKind,
    /// What a preview shows; none without text, or once recalled.
    pub text: Option<String>,
    /// The data of a custom element.
    pub custom: Option<String>,
    /// The data that rides on the message.
    pub cloud_custom: Option<String>,
    /// Its sequence number.
    pub seq: u64,
    /// Whether the owner wrote it.
    pub is_own: bool,
    /// Whether the peer has read it.
    pub is_peer_read: bool,
    /// Whom it mentions, by id.
    pub at_users: Vec<String>,
    /// Whether it mentions everybody.
    pub at_all: bool,
    /// It never counts as unread.
    pub is_excluded_from_unread: bool,
    /// It never becomes the last message.
    pub is_excluded_from_last: bool,
    /// Who recalled it and why.
    pub recall: Option<RowRecall>,
    /// What only the native dialect has keys for; none in Flutter's.
    pub only_native: Option<OnlyNative>,
}

/// Who recalled a [`LastMessage`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowRecall {
    /// Who.
    pub by: UserId,
    /// Why, if they said.
    pub reason: Option<String>,
}

/// What the native dialect says of a [`LastMessage`] and Flutter's does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnlyNative {
    /// Only for who is online.
    pub is_online_only: bool,
    /// The sender asks for receipts.
    pub need_receipt: bool,
    /// Extensions can be set on it.
    pub supports_extensions: bool,
    /// For whom it is, by id; empty: for all.
    pub recipients: Vec<String>,
}

impl Row {
    /// Returns what a row of this conversation says in the dialect. The web's has no way back and says what the native one does.
    pub fn of(conversation: ConversationView<'_>, dialect: Dialect) -> Self {
        let data = match dialect {
            Dialect::Flutter(data) => data,
            Dialect::Native | Dialect::Web(_) => DataForm::Text,
        };
        let (read_time_s, read_seq) = read_marker(conversation);
        let mentions = conversation.mentions().into_iter();
        let mention_is_lower_bound = conversation.mention_is_lower_bound();
        Self {
            conversation: conversation.id().clone(),
            show_name: conversation.show_name().to_owned(),
            face_url: owned(conversation.face_url()),
            group_type: conversation.group_type().filter(|_| conversation.kind() == ConversationKind::Group),
            unread_count: conversation.unread_count(),
            last_message: conversation.last_message().map(|message| LastMessage::of(message, data, dialect)),
            draft: conversation
                .draft()
                .map(|draft| RowDraft { text: draft.text.to_owned(), time_s: draft.stamp.at.as_secs() }),
            is_pinned: conversation.is_pinned(),
            receive_option: conversation.receive_option(),
            mentions: mentions.map(|mention| RowMention { seq: mention.seq, kind: mention.kind }).collect(),
            order_key: conversation.order_key(),
            marks: conversation.marks().into_iter().map(|mark| mark.bits()).collect(),
            custom_data: conversation.custom_data().map(|bytes| data.text_of(bytes)),
            folders: conversation.folders().into_iter().map(|folder| folder.name).collect(),
            read_time_s,
            read_seq,
            bounds: RowBounds {
                unread_is_lower_bound: conversation.unread_is_lower_bound(),
                mention_is_lower_bound,
                last_message_is_older: conversation.last_message_is_older(),
                mention_count: mention_is_lower_bound.then(|| conversation.mention_count()),
            },
        }
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

impl LastMessage {
    fn of(message: MessageView<'_>, data: DataForm, dialect: Dialect) -> Self {
        let recalled = message.status() == MessageStatus::Recalled;
        let (is_flutter, everybody) = match dialect {
            Dialect::Flutter(_) => (true, AT_ALL),
            Dialect::Native | Dialect::Web(_) => (false, native::AT_ALL),
        };
        // A user whose id is the word for everybody is everybody to whoever reads the row.
        let (all, at_users): (Vec<String>, Vec<String>) =
            message.mentions().users.iter().map(ToString::to_string).partition(|user| user == everybody);
        let custom = message.custom().filter(|_| !recalled && message.kind() == MessageKind::Custom);
        Self {
            id: message.id(),
            time_s: message.time().as_secs(),
            sender: message.author().clone(),
            nickname: owned(message.nickname()),
            remark: owned(message.remark()),
            face_url: owned(message.face_url()),
            status: message.status(),
            kind: message.kind(),
            text: owned(message.text().filter(|_| !recalled)),
            custom: custom.map(|bytes| data.text_of(bytes)),
            cloud_custom: message.cloud_custom().filter(|_| !recalled).map(|bytes| data.text_of(bytes)),
            seq: message.seq(),
            is_own: message.is_own(),
            is_peer_read: message.is_peer_read(),
            at_users,
            at_all: message.mentions().all || !all.is_empty(),
            is_excluded_from_unread: message.is_excluded_from_unread(),
            is_excluded_from_last: message.is_excluded_from_last(),
            recall: message
                .recall()
                .map(|recall| RowRecall { by: recall.by.clone(), reason: owned(recall.reason) }),
            only_native: (!is_flutter).then(|| OnlyNative {
                is_online_only: message.is_online_only(),
                need_receipt: message.need_receipt(),
                supports_extensions: message.supports_extensions(),
                recipients: message.recipients().iter().map(ToString::to_string).collect(),
            }),
        }
    }
}
