//! Commands: what somebody wishes, in the imperative, and in which circumstances.

use crate::decide::limits::Limits;
use crate::model::event::{Edit, GroupType, Mark, Message, QuietHours, ReceiveOption, Watermark};
use crate::model::id::{ConversationId, ConversationKind, EventId, FolderId, MessageId, UserId};
use crate::model::time::Timestamp;

/// A wish, judged by [`decide`](crate::decide()): events come of it, or a rejection.
///
/// A command whose outcome is already true yields no events, so a command may be given again at any time.
/// Those about shared facts (recall, edit, reaction, extension, message pin, receipt) may come from anyone in
/// the conversation; all others only from the owner of the inbox.
///
/// ```
/// use chatfold::{Command, ConversationId};
/// let bob: ConversationId = "c2c_bob".parse()?;
/// let command = Command::Pin { conversation: bob, on: true };
/// assert!(command.is_personal());
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Opens a conversation: it comes into the list, if it is not there.
    Open {
        /// The conversation.
        conversation: ConversationId,
        /// The group's type, where it is known.
        group_type: Option<GroupType>,
    },
    /// Queues a message for sending and clears the draft (R65, R77). A message id already sent is a no-op. In
    /// a group the message's `seq` is replaced by the highest known.
    Send {
        /// The conversation.
        conversation: ConversationId,
        /// The message; its id makes sending it twice a no-op.
        message: Box<Message>,
    },
    /// Sends copies of messages, one by one, in the order given (R78). Copied are kind, text and data; the
    /// copies' ids come from the context's seed.
    Forward {
        /// Where they stand.
        from: ConversationId,
        /// The messages.
        messages: Vec<MessageId>,
        /// Where the copies go.
        to: ConversationId,
    },
    /// Sends messages bundled into one of kind [`Merger`](crate::event::MessageKind::Merger) (R78).
    ForwardMerged {
        /// Where they stand.
        from: ConversationId,
        /// The messages.
        messages: Vec<MessageId>,
        /// Where the bundle goes.
        to: ConversationId,
        /// What a preview of the bundle shows.
        text: String,
        /// The bundle as the application encodes it.
        custom: Option<Vec<u8>>,
    },
    /// Notes that the server took a queued message (R13).
    Acknowledge {
        /// The conversation.
        conversation: ConversationId,
        /// The queued message.
        message: MessageId,
        /// The server's time for it.
        sent_at: Timestamp,
        /// The server's number for it; required in a group.
        seq: Option<u64>,
        /// The group's size at send time.
        members: Option<u64>,
    },
    /// Notes that a queued message could not be sent.
    Fail {
        /// The conversation.
        conversation: ConversationId,
        /// The queued message.
        message: MessageId,
        /// Why.
        reason: Option<String>,
    },
    /// Queues a failed message again, where it stands (R15).
    Retry {
        /// The conversation.
        conversation: ConversationId,
        /// The failed message.
        message: MessageId,
    },
    /// Puts a message into the local history, at the context's time. In a group the message's `seq` is
    /// replaced by the highest known (R12).
    Import {
        /// The conversation.
        conversation: ConversationId,
        /// Its author; `None`: the actor.
        sender: Option<UserId>,
        /// The message.
        message: Box<Message>,
    },
    /// Edits a message (R75). `edit.version` is the version the edit makes: one more than the version its
    /// author saw ([`MessageView::edit_version`](crate::MessageView::edit_version), 0 if never edited).
    Modify {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
        /// The edit.
        edit: Edit,
    },
    /// Recalls a message (R74).
    Recall {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
        /// Why.
        reason: Option<String>,
    },
    /// Deletes messages of one conversation for the owner (R76).
    DeleteMessages {
        /// The conversation.
        conversation: ConversationId,
        /// The messages.
        messages: Vec<MessageId>,
    },
    /// Clears the history of a conversation for the owner; it stays in the list (R38, R66).
    ClearHistory {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Reads a conversation; read wholly, it also loses its UNREAD mark (R66).
    MarkRead {
        /// The conversation.
        conversation: ConversationId,
        /// How far.
        up_to: ReadUpTo,
    },
    /// Reads many conversations to their newest message: a watermark for each; their UNREAD marks go too (R66).
    MarkAllRead {
        /// Which.
        scope: ReadScope,
    },
    /// Reads messages one by one, wherever the read marker stands, or takes that back (R59). The marker does not move, so
    /// what stands at or before it stays read.
    ReadMessages {
        /// The conversation.
        conversation: ConversationId,
        /// The messages.
        messages: Vec<MessageId>,
        /// Read, or no longer read by name.
        on: bool,
    },
    /// Makes a message and what follows it unread again (R42); what was read by name from there on is so too (R59).
    MarkUnreadFrom {
        /// The conversation.
        conversation: ConversationId,
        /// The first message to be unread.
        message: MessageId,
    },
    /// Pins or unpins a conversation (R70).
    Pin {
        /// The conversation.
        conversation: ConversationId,
        /// Pin, or unpin.
        on: bool,
    },
    /// Sets the draft; an empty text clears it (R27).
    ///
    /// A client that saves while somebody types keeps the event of the draft that its editor holds: the one that
    /// showed when the writing began, then that of each save of its own, whether it showed meanwhile or not. It
    /// gives that event as [`Replaces::Draft`] with every save. So an autosave that comes after the send which
    /// cleared the draft names a draft that the clearing ended too; and one that comes from another device, whose
    /// editor never saw this text, names another one and is kept as concurrent.
    SetDraft {
        /// The conversation.
        conversation: ConversationId,
        /// The text.
        text: String,
        /// The draft that its writer saw: another one then counts as concurrent.
        replaces: Replaces,
    },
    /// Sets or takes away a mark of many conversations (R72, R73).
    Mark {
        /// The conversations.
        conversations: Vec<ConversationId>,
        /// The mark: one of the four named, or `1 << n` with 32 ≤ n < 64.
        mark: Mark,
        /// Set, or take away.
        on: bool,
    },
    /// Sets the custom data of many conversations; empty data clears it (R72, R73).
    SetCustomData {
        /// The conversations.
        conversations: Vec<ConversationId>,
        /// The data.
        data: Vec<u8>,
    },
    /// Sets how the owner wants to be told of the messages of one or many conversations (R24).
    SetReceiveOption {
        /// The conversations.
        conversations: Vec<ConversationId>,
        /// The option.
        option: ReceiveOption,
        /// When it is to end; not with [`ReceiveOption::Receive`]. Whoever sets one looks when it is due
        /// ([`Inbox::expiries`](crate::Inbox::expiries)) and then gives [`Command::EndTimedOptions`] (R57).
        until: Option<Timestamp>,
    },
    /// Ends every receive option that is due at the context's time (R57). Each device may give it: all make the same
    /// events, whatever their clocks and seeds, and an option chosen since stays.
    EndTimedOptions,
    /// Puts one or many conversations into the archive or takes them out (R56, R72).
    Archive {
        /// The conversations.
        conversations: Vec<ConversationId>,
        /// Put in, or take out.
        on: bool,
        /// New messages leave them in the archive; says nothing where they are taken out.
        stay: bool,
    },
    /// Sets the quiet hours, or turns them off (R90).
    SetQuietHours {
        /// The hours; `None`: off.
        hours: Option<QuietHours>,
    },
    /// Creates a folder, whose id comes from the context's seed, and puts conversations into it (R71, R72).
    CreateFolder {
        /// Its name.
        name: String,
        /// Its first members.
        conversations: Vec<ConversationId>,
    },
    /// Renames a folder (R71).
    RenameFolder {
        /// The folder.
        folder: FolderId,
        /// Its new name.
        name: String,
    },
    /// Deletes a folder; its conversations stay.
    DeleteFolder {
        /// The folder.
        folder: FolderId,
    },
    /// Puts conversations into a folder; a full folder loses those added first (R71, R72).
    AddToFolder {
        /// The folder.
        folder: FolderId,
        /// The conversations.
        conversations: Vec<ConversationId>,
    },
    /// Takes conversations out of a folder (R72).
    RemoveFromFolder {
        /// The folder.
        folder: FolderId,
        /// The conversations.
        conversations: Vec<ConversationId>,
    },
    /// Deletes one or many conversations from the list (R37, R66, R72).
    DeleteConversations {
        /// The conversations.
        conversations: Vec<ConversationId>,
        /// The messages stay in the history.
        keep_messages: bool,
    },
    /// Puts a reaction on a message or takes it away (R80).
    React {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
        /// The reaction's name.
        reaction: String,
        /// Put on, or take away.
        on: bool,
    },
    /// Sets or deletes extensions of a message, each compared with what its author saw (R79).
    SetExtensions {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
        /// The writes; of several under one key the last counts.
        extensions: Vec<ExtensionWrite>,
    },
    /// Clears all extensions of a message.
    ClearExtensions {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
    },
    /// Pins a message in its group or unpins it: an admin's or the owner's right (R80).
    PinMessage {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
        /// Pin, or unpin.
        on: bool,
    },
    /// Tells the authors of messages of a group that the actor has read them (R34).
    SendReceipts {
        /// The conversation.
        conversation: ConversationId,
        /// The messages.
        messages: Vec<MessageId>,
    },
    /// Gives a user a name of the owner's own; a blank one takes it away (R21).
    SetRemark {
        /// The user.
        user: UserId,
        /// The name.
        remark: String,
    },
}

impl Command {
    /// Whether only the owner of the inbox may give it (R17).
    pub fn is_personal(&self) -> bool {
        !matches!(
            self,
            Self::Modify { .. }
                | Self::Recall { .. }
                | Self::React { .. }
                | Self::SetExtensions { .. }
                | Self::ClearExtensions { .. }
                | Self::PinMessage { .. }
                | Self::SendReceipts { .. }
        )
    }

    /// The conversations that the command as a whole depends on; a request over many depends on none.
    pub(crate) fn depends_on(&self) -> impl Iterator<Item = &ConversationId> {
        let (one, other) = match self {
            Self::Forward { from, to, .. } | Self::ForwardMerged { from, to, .. } => (Some(from), Some(to)),
            Self::Open { conversation, .. }
            | Self::Send { conversation, .. }
            | Self::Acknowledge { conversation, .. }
            | Self::Fail { conversation, .. }
            | Self::Retry { conversation, .. }
            | Self::Import { conversation, .. }
            | Self::Modify { conversation, .. }
            | Self::Recall { conversation, .. }
            | Self::DeleteMessages { conversation, .. }
            | Self::ClearHistory { conversation }
            | Self::MarkRead { conversation, .. }
            | Self::ReadMessages { conversation, .. }
            | Self::MarkUnreadFrom { conversation, .. }
            | Self::Pin { conversation, .. }
            | Self::SetDraft { conversation, .. }
            | Self::React { conversation, .. }
            | Self::SetExtensions { conversation, .. }
            | Self::ClearExtensions { conversation, .. }
            | Self::PinMessage { conversation, .. }
            | Self::SendReceipts { conversation, .. } => (Some(conversation), None),
            Self::MarkAllRead { .. }
            | Self::Mark { .. }
            | Self::SetCustomData { .. }
            | Self::SetReceiveOption { .. }
            | Self::EndTimedOptions
            | Self::Archive { .. }
            | Self::SetQuietHours { .. }
            | Self::CreateFolder { .. }
            | Self::RenameFolder { .. }
            | Self::DeleteFolder { .. }
            | Self::AddToFolder { .. }
            | Self::RemoveFromFolder { .. }
            | Self::DeleteConversations { .. }
            | Self::SetRemark { .. } => (None, None),
        };
        one.into_iter().chain(other)
    }

    /// The conversations that it names: what judging it looks into, but for what is said of all that are unread, say.
    pub fn conversations(&self) -> impl Iterator<Item = &ConversationId> {
        let many: &[ConversationId] = match self {
            Self::Mark { conversations, .. }
            | Self::SetCustomData { conversations, .. }
            | Self::SetReceiveOption { conversations, .. }
            | Self::Archive { conversations, .. }
            | Self::CreateFolder { conversations, .. }
            | Self::AddToFolder { conversations, .. }
            | Self::RemoveFromFolder { conversations, .. }
            | Self::DeleteConversations { conversations, .. } => conversations,
            _ => &[],
        };
        self.depends_on().chain(many)
    }
}

/// How far a conversation is read. Whatever it is, the event names the greatest known position within it that is no outlier,
/// and outliers within it are read by name (R66).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReadUpTo {
    /// To its newest message.
    #[default]
    Newest,
    /// To a position.
    Position(Watermark),
    /// To the end of a second since the epoch, in a direct chat (R66).
    Second(u64),
    /// To and including a message.
    Message(MessageId),
}

impl ReadUpTo {
    /// The first field up to which it goes; `None` where a message says it.
    pub(crate) fn first_field(&self) -> Option<i64> {
        match self {
            Self::Newest => Some(i64::MAX),
            Self::Position(watermark) => Some(watermark.first_field()),
            Self::Second(second) => {
                Some(i64::try_from(second.saturating_mul(1_000).saturating_add(999)).unwrap_or(i64::MAX))
            }
            Self::Message(_) => None,
        }
    }
}

/// Which conversations of the list are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadScope {
    /// All direct chats.
    Direct,
    /// All groups.
    Groups,
    /// Everything.
    Everything,
}

/// Which draft a new one replaces: how a concurrent write is told from a later one (R27).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Replaces {
    /// The one that shows now.
    #[default]
    Shown,
    /// The one of this event: what the editor held when the writing began, or wrote last. Where that draft is gone by
    /// now, sent or cleared or deleted, nothing is written: a save that was under way does not bring back what was sent.
    /// What is written after that replaces nothing.
    Draft(EventId),
    /// None: its writer saw no draft.
    Nothing,
}

/// A write to one extension of a message (R79).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionWrite {
    /// The extension's key.
    pub key: String,
    /// Its new value; `None` deletes it.
    pub value: Option<String>,
    /// The number of the write that its author saw ([`Extension::seq`](crate::view::Extension::seq)); 0: none.
    pub seen: u64,
}

/// What an actor may do in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// No more than any member.
    #[default]
    Member,
    /// Recalls and edits the messages of others, pins messages.
    Admin,
    /// The same as an admin, and the group is theirs.
    Owner,
}

/// Who gives a command, when, and under which limits: all that `decide` knows beside the inbox.
///
/// All fresh ids come from the seed, 16 bytes of chance that are used for one command only. The same call
/// makes the same events.
///
/// ```
/// use chatfold::command::{Limits, Role};
/// use chatfold::{Context, Timestamp, UserId};
/// let alice = UserId::parse("alice")?;
/// let now = Timestamp::from_millis(1_772_355_605_250)?;
/// let context = Context::new(alice, Role::Admin, now, [7; 16]);
/// assert_eq!(context.limits, Limits::default());
/// let strict = context.with_limits(Limits::default().with_recall_s(30));
/// assert_eq!(strict.limits.recall_s, 30);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// Who gives the command.
    pub actor: UserId,
    /// The actor's role in the group that the command is about; of no account in a direct chat.
    pub role: Role,
    /// The time by the actor's clock.
    pub time: Timestamp,
    /// Chance from which fresh ids derive.
    pub seed: [u8; 16],
    /// The bounds to enforce.
    pub limits: Limits,
    /// Whether the seqs of the groups that the command is about are instants in milliseconds, as an adapter writes them
    /// where no server numbers messages: a clock that is ahead makes outliers there too (R66). In direct chats times
    /// decide, so they have outliers anyway.
    pub seqs_are_instants: bool,
}

impl Context {
    /// The greatest first field of a message that is no outlier (R66): where first fields are instants, the context's
    /// time and what clocks may differ by.
    pub(crate) fn horizon(&self, kind: ConversationKind) -> i64 {
        if kind == ConversationKind::Group && !self.seqs_are_instants {
            return i64::MAX;
        }
        self.latest_ms()
    }

    /// The latest instant in milliseconds that a clock may say which is not far ahead: the context's time and what clocks
    /// may differ by.
    pub(crate) fn latest_ms(&self) -> i64 {
        let tolerance_ms =
            i64::try_from(self.limits.clock_tolerance_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
        self.time.as_millis().saturating_add(tolerance_ms)
    }

    /// A context with the default limits.
    pub fn new(actor: UserId, role: Role, time: Timestamp, seed: [u8; 16]) -> Self {
        Self { actor, role, time, seed, limits: Limits::default(), seqs_are_instants: false }
    }

    /// The same where the seqs of groups are instants in milliseconds.
    #[must_use]
    pub fn with_seqs_as_instants(mut self) -> Self {
        self.seqs_are_instants = true;
        self
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
