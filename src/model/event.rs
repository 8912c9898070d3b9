//! Events: facts that have happened, in the past tense.
//!
//! An [`Event`] is an envelope (id, instant, actor) and a [`Body`]: a [`Fact`] about one conversation or an
//! [`AccountFact`] about the whole account. It can only be built well-formed, so the fold never meets a
//! watermark of the wrong kind or a mark of two bits. [`Envelope`] has one constructor an event type.

mod constructors;
pub(crate) mod message;
mod report;
pub(crate) mod tables;
mod validate;
mod watermark;
mod zone;

use std::collections::BTreeMap;
use std::fmt;

pub use self::constructors::Envelope;
pub use self::message::{Mentions, Message, MessageKind};
pub use self::report::{ReportedMention, ReportedMentions, UnreadReport};
pub use self::validate::InvalidEvent;
pub use self::watermark::Watermark;
pub use self::zone::{ZoneName, ZoneNameError};
use crate::model::id::{ConversationId, EventId, FolderId, GroupId, MessageId, UserId};
use crate::model::time::{Stamp, Timestamp};

/// The greatest sequence number a log may name: 2^53, the greatest that a double holds exactly.
pub const MAX_SEQ: u64 = 1 << 53;

/// The most that a message may carry: 31 MiB of text, payloads and ids of users together, counted as
/// [`InvalidEvent::TooLarge`] says. The text log's readers have room for the line of every such message.
pub const MAX_MESSAGE_LEN_BYTES: usize = 31 << 20;

/// Text values beside an event (device, causation, correlation): kept, ignored by the fold.
pub type Meta = BTreeMap<String, String>;

/// Something that has happened to an account: the only input of the fold.
///
/// Well-formed by construction: see [`Envelope`] for one constructor a type, and [`InvalidEvent`] for what is
/// refused. Never changed, never removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    envelope: Envelope,
    body: Body,
}

impl Event {
    /// The event of this envelope and body; an error where the body does not fit its conversation.
    ///
    /// # Errors
    ///
    /// [`InvalidEvent`]: what of the body does not fit its conversation, or is too long.
    #[inline]
    pub fn new(envelope: Envelope, body: Body) -> Result<Self, InvalidEvent> {
        body.validate()?;
        Ok(Self { envelope, body })
    }

    /// The event's id.
    pub fn id(&self) -> EventId {
        self.envelope.id
    }

    /// When it happened, by the clock of whoever ordered it.
    pub fn at(&self) -> Timestamp {
        self.envelope.at
    }

    /// Who did it.
    pub fn by(&self) -> &UserId {
        &self.envelope.by
    }

    /// Its place in the order of events: `(at, id)`.
    pub fn stamp(&self) -> Stamp {
        Stamp::new(self.envelope.at, self.envelope.id)
    }

    /// Values beside the event that the fold ignores.
    pub fn meta(&self) -> &Meta {
        &self.envelope.meta
    }

    /// The envelope: id, instant, actor, meta.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// What happened.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The conversation it is about; `None` for an account-wide event.
    pub fn conversation(&self) -> Option<&ConversationId> {
        match &self.body {
            Body::Conversation(id, _) => Some(id),
            Body::Account(_) => None,
        }
    }

    /// The type's name in the text log, such as `message_received`.
    pub fn type_name(&self) -> &'static str {
        match &self.body {
            Body::Conversation(_, fact) => fact.type_name(),
            Body::Account(fact) => fact.type_name(),
        }
    }
}

/// What happened: to one conversation, or to the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Body {
    /// A fact about one conversation.
    Conversation(ConversationId, Fact),
    /// A fact about the whole account.
    Account(AccountFact),
}

/// A fact about one conversation. Personal facts count only when the owner is their actor (R17).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// The conversation was opened; a group may say its type.
    Opened {
        /// The group's type; `None` says nothing about it.
        group_type: Option<GroupType>,
    },
    /// A message was delivered by the server: the event's instant is its time, the actor its author.
    ///
    /// Where no server orders a direct chat, an adapter writes the earlier of two instants: the sender's clock and that
    /// of the device which received it. A clock that is ahead must not decide; of the introductions of several devices
    /// the earliest counts (R15), so that they agree.
    MessageReceived(Box<Message>),
    /// A message's content was edited.
    MessageModified {
        /// The message.
        target: MessageId,
        /// The edit.
        edit: Edit,
    },
    /// A message was recalled.
    MessageRecalled {
        /// The message.
        target: MessageId,
        /// Why.
        reason: Option<String>,
    },
    /// The actor read these messages (receipts in a group).
    MessageReadBy {
        /// The messages.
        targets: Vec<MessageId>,
    },
    /// The peer of a direct chat has read up to there.
    PeerRead {
        /// Up to where.
        through: Through,
    },
    /// The actor put a reaction on a message or took it away.
    ReactionSet {
        /// The message.
        target: MessageId,
        /// The reaction's name.
        reaction: String,
        /// Put on, or taken away.
        on: bool,
    },
    /// An extension of a message was set or deleted.
    ExtensionSet {
        /// The message.
        target: MessageId,
        /// The extension's key.
        key: String,
        /// Its value; `None` deletes it.
        value: Option<String>,
        /// The server's number for the write.
        seq: u64,
    },
    /// All extensions of a message up to `seq` were cleared.
    ExtensionsCleared {
        /// The message.
        target: MessageId,
        /// The server's number for the write.
        seq: u64,
    },
    /// A message was pinned in its group or unpinned.
    MessagePinned {
        /// The message.
        target: MessageId,
        /// Pinned, or unpinned.
        on: bool,
    },
    /// A user joined a group, left it, was invited or removed; or the group was dissolved (R58).
    MembershipSet {
        /// What became of the user.
        state: Membership,
        /// The user; `None` exactly where the group was dissolved, which holds for all.
        user: Option<UserId>,
    },
    /// Personal: the owner queued a message for sending.
    MessageQueued(Box<Message>),
    /// Personal: the server acknowledged a queued message.
    MessageSent {
        /// The message.
        target: MessageId,
        /// The server's time for it.
        sent_at: Timestamp,
        /// The server's number for it; required in a group.
        seq: Option<u64>,
        /// The group's size at send time.
        members: Option<u64>,
    },
    /// Personal: sending a queued message failed.
    MessageFailed {
        /// The message.
        target: MessageId,
        /// Why.
        reason: Option<String>,
    },
    /// Personal: a message was imported locally.
    MessageImported {
        /// Its author; `None`: the actor.
        sender: Option<UserId>,
        /// The message.
        message: Box<Message>,
    },
    /// Personal: messages were deleted for the owner.
    MessagesDeleted {
        /// The messages.
        targets: Vec<MessageId>,
    },
    /// Personal: the history up to there was cleared.
    HistoryCleared {
        /// Up to where.
        through: Watermark,
        /// Messages that it also takes, wherever they stand (R37).
        also: Vec<MessageId>,
    },
    /// Personal: the owner has read up to there.
    Read {
        /// Up to where.
        through: Through,
    },
    /// Personal: these messages were read one by one, whatever the marker says, or made unread again (R59).
    MessagesRead {
        /// The messages.
        targets: Vec<MessageId>,
        /// Read, or no longer read by name.
        on: bool,
    },
    /// Personal: the owner marked the conversation unread from this message on.
    MarkedUnreadFrom {
        /// The first message to be unread again.
        target: MessageId,
    },
    /// Personal: the conversation was pinned or unpinned.
    Pinned {
        /// Pinned, or unpinned.
        on: bool,
    },
    /// Personal: a draft was set or cleared.
    DraftSet {
        /// The draft; `None` or empty clears it.
        text: Option<String>,
        /// The draft its writer saw and replaces.
        replaces: Option<EventId>,
    },
    /// Personal: a mark was set or taken away.
    MarkSet {
        /// The mark.
        mark: Mark,
        /// Set, or taken away.
        on: bool,
    },
    /// Personal: custom data was set; empty clears it.
    CustomDataSet {
        /// The data.
        data: Vec<u8>,
    },
    /// Personal: how the owner wants to be told of messages.
    ReceiveOptionSet {
        /// The option.
        option: ReceiveOption,
        /// When an event is to end it (R57); never with [`ReceiveOption::Receive`].
        until: Option<Timestamp>,
    },
    /// Personal: the conversation was archived or taken out of the archive (R56).
    Archived {
        /// Archived, or taken out.
        on: bool,
        /// New messages leave it archived.
        stay: bool,
    },
    /// Personal: the conversation was put into a folder or taken out.
    FolderMemberSet {
        /// The folder.
        folder: FolderId,
        /// Put in, or taken out.
        on: bool,
    },
    /// Personal: the conversation was deleted.
    Deleted {
        /// The messages up to there go with it.
        through: Watermark,
        /// The messages stay in the history.
        keep_messages: bool,
        /// Messages that count as covered wherever they stand (R37).
        also: Vec<MessageId>,
    },
    /// Personal: how many messages are unread among those that are not all held here.
    UnreadReported(Box<UnreadReport>),
    /// Personal: every message of a stretch is held in this log.
    HistoryComplete {
        /// Where the stretch begins, itself part of it.
        from: Watermark,
        /// Where it ends, itself part of it.
        through: Watermark,
    },
    /// Personal: the part of a shared history that the owner may see, written by the server as the owner (R123). An inbox
    /// that holds all that its owner may see keeps it and shows nothing of it.
    HistoryWindow {
        /// What stands behind this is seen.
        after: Watermark,
        /// Up to where, itself part of it; `None`: without an end.
        through: Option<Watermark>,
    },
}

/// A fact about the whole account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AccountFact {
    /// A user's profile changed; absent fields stay as they are.
    UserProfileChanged {
        /// The user.
        user: UserId,
        /// The name the user chose.
        nickname: Option<String>,
        /// Personal: the name the owner gave the user.
        remark: Option<String>,
        /// Where the user's picture is.
        face_url: Option<String>,
    },
    /// A group's profile changed; absent fields stay as they are.
    GroupProfileChanged {
        /// The group.
        group: GroupId,
        /// The group's name.
        name: Option<String>,
        /// Where the group's picture is.
        face_url: Option<String>,
        /// The group's type.
        group_type: Option<GroupType>,
    },
    /// Personal: a folder was created.
    FolderCreated {
        /// The folder.
        folder: FolderId,
        /// Its name.
        name: String,
    },
    /// Personal: a folder was renamed.
    FolderRenamed {
        /// The folder.
        folder: FolderId,
        /// Its new name.
        name: String,
    },
    /// Personal: a folder was deleted.
    FolderDeleted {
        /// The folder.
        folder: FolderId,
    },
    /// Personal: the owner's quiet hours.
    QuietHoursSet {
        /// The hours; `None`: off.
        hours: Option<QuietHours>,
    },
}

/// An edit of a message's content: each field present is replaced, by the greatest `(version, stamp)` (R40).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edit {
    /// The version of the message this edit makes, ≥ 1.
    pub version: u64,
    /// The new text.
    pub text: Option<String>,
    /// The new payload of a custom element.
    pub custom: Option<Vec<u8>>,
    /// The new data riding on the message.
    pub cloud_custom: Option<Vec<u8>>,
    /// Whom it mentions now; empty mentions are a value too and take all away.
    pub mentions: Option<Mentions>,
}

/// How far a read reaches: a watermark, or up to and including a message (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Through {
    /// Up to a watermark.
    Watermark(Watermark),
    /// Up to this message; it waits until the message is known.
    Message(MessageId),
}

/// A group's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GroupType {
    /// A private group of colleagues or friends.
    Work,
    /// A public group.
    Public,
    /// A meeting: its messages count as unread only when the policy says so.
    Meeting,
    /// A live room: nothing counts as unread.
    AvChatRoom,
    /// A community.
    Community,
}

impl GroupType {
    /// The name as V2TIM spells it, such as `AVChatRoom`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Work => "Work",
            Self::Public => "Public",
            Self::Meeting => "Meeting",
            Self::AvChatRoom => "AVChatRoom",
            Self::Community => "Community",
        }
    }
}

/// How the owner wants to be told of a conversation's messages (R24).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum ReceiveOption {
    /// Messages arrive and notify.
    #[default]
    Receive = 0,
    /// Messages do not arrive.
    NotReceive = 1,
    /// Messages arrive without notifying.
    ReceiveNotNotify = 2,
    /// Messages arrive; only mentions notify.
    NotNotifyExceptAt = 3,
    /// Only mentions arrive.
    NotReceiveExceptAt = 4,
}

/// A mark on a conversation: a single bit (R29).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u64);

impl Mark {
    /// Starred.
    pub const STAR: Self = Self(1);
    /// Marked unread; never changes the unread count.
    pub const UNREAD: Self = Self(2);
    /// Folded away.
    pub const FOLD: Self = Self(4);
    /// Hidden.
    pub const HIDE: Self = Self(8);

    /// The mark with these bits; `None` unless exactly one is set.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits.is_power_of_two() { Some(Self(bits)) } else { None }
    }

    /// The mark's bit.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({:#x})", self.0)
    }
}

/// What became of a member of a group (R58).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Membership {
    /// A member.
    Joined,
    /// Invited, and no member yet.
    Invited,
    /// Left of one's own will.
    Left,
    /// Removed by another.
    Removed,
    /// The group is no more.
    Dissolved,
}

impl Membership {
    /// The name in the text log, such as `joined`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Invited => "invited",
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Dissolved => "dissolved",
        }
    }
}

/// When the owner does not want to be notified (R90).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum QuietHours {
    /// A window every day; it may cross midnight.
    Daily {
        /// Start, in seconds after midnight at `utc_offset_s`, below 86,400.
        start_s: u32,
        /// Length in seconds, below 86,400.
        duration_s: u32,
        /// The owner's offset from UTC in seconds, less than a day either way.
        utc_offset_s: i32,
    },
    /// One window.
    Once {
        /// Its start, which is part of it.
        start: Timestamp,
        /// Its length in seconds; the end is not part of it.
        duration_s: u64,
    },
    /// A window every day by the clock of a named zone, whose offset from UTC changes over a year (R57).
    DailyIn {
        /// Start, in seconds after midnight in the zone, below 86,400.
        start_s: u32,
        /// Length in seconds, below 86,400.
        duration_s: u32,
        /// The zone.
        zone: ZoneName,
    },
}

impl Fact {
    /// The type's name in the text log.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "conversation_opened",
            Self::MessageReceived(_) => "message_received",
            Self::MessageModified { .. } => "message_modified",
            Self::MessageRecalled { .. } => "message_recalled",
            Self::MessageReadBy { .. } => "message_read_by",
            Self::PeerRead { .. } => "peer_read",
            Self::ReactionSet { .. } => "reaction_set",
            Self::ExtensionSet { .. } => "extension_set",
            Self::ExtensionsCleared { .. } => "extensions_cleared",
            Self::MessagePinned { .. } => "message_pinned",
            Self::MembershipSet { .. } => "membership_set",
            Self::MessageQueued(_) => "message_queued",
            Self::MessageSent { .. } => "message_sent",
            Self::MessageFailed { .. } => "message_failed",
            Self::MessageImported { .. } => "message_imported",
            Self::MessagesDeleted { .. } => "messages_deleted",
            Self::HistoryCleared { .. } => "history_cleared",
            Self::Read { .. } => "conversation_read",
            Self::MessagesRead { .. } => "messages_read",
            Self::MarkedUnreadFrom { .. } => "marked_unread_from",
            Self::Pinned { .. } => "conversation_pinned",
            Self::DraftSet { .. } => "draft_set",
            Self::MarkSet { .. } => "mark_set",
            Self::CustomDataSet { .. } => "custom_data_set",
            Self::ReceiveOptionSet { .. } => "receive_option_set",
            Self::Archived { .. } => "conversation_archived",
            Self::FolderMemberSet { .. } => "folder_member_set",
            Self::Deleted { .. } => "conversation_deleted",
            Self::UnreadReported(_) => "unread_reported",
            Self::HistoryComplete { .. } => "history_complete",
            Self::HistoryWindow { .. } => "history_window",
        }
    }
}

impl AccountFact {
    /// The type's name in the text log.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::UserProfileChanged { .. } | Self::GroupProfileChanged { .. } => "profile_changed",
            Self::FolderCreated { .. } => "folder_created",
            Self::FolderRenamed { .. } => "folder_renamed",
            Self::FolderDeleted { .. } => "folder_deleted",
            Self::QuietHoursSet { .. } => "quiet_hours_set",
        }
    }
}
