//! One constructor an event type.

use crate::model::event::{
    AccountFact, Body, Edit, Event, Fact, GroupType, InvalidEvent, Mark, Membership, Message, Meta,
    QuietHours, ReceiveOption, Through, UnreadReport, Watermark,
};
use crate::model::id::{ConversationId, EventId, FolderId, GroupId, MessageId, UserId};
use crate::model::time::Timestamp;

/// What every event has: its id, when it happened, who did it, and values beside it.
///
/// Turn it into an event with the constructor of the type:
///
/// ```
/// use chatfold::{ConversationId, Envelope, EventId, Message, MessageId, Timestamp, UserId};
/// let bob = UserId::parse("bob")?;
/// let envelope = Envelope::new(EventId::from_bytes([7; 16]), Timestamp::from_millis(1_000)?, bob.clone());
/// let message = Message::text(MessageId::from_bytes([1; 16]), "Lunch?");
/// let event = envelope.message_received(ConversationId::direct(&bob), message)?;
/// assert_eq!(event.type_name(), "message_received");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Envelope {
    /// The event's id.
    pub id: EventId,
    /// When it happened, by the clock of whoever ordered it.
    pub at: Timestamp,
    /// The actor.
    pub by: UserId,
    /// Values beside the event that the fold ignores.
    pub meta: Meta,
}

impl Event {
    /// The event of a message that was delivered: validated before the event is made, which is large and so need not be
    /// moved.
    #[cfg(feature = "jsonl")]
    #[inline(always)]
    pub(crate) fn received(
        id: EventId,
        at: Timestamp,
        by: UserId,
        conversation: ConversationId,
        message: Box<Message>,
    ) -> Result<Self, InvalidEvent> {
        message.validate_received(conversation.kind())?;
        let body = Body::Conversation(conversation, Fact::MessageReceived(message));
        Ok(Self { envelope: Envelope::new(id, at, by), body })
    }
}

/// The constructors about one conversation.
macro_rules! conversation_events {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) => $fact:expr;)*) => {
        impl Envelope {$(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// [`InvalidEvent`] if it does not fit the conversation, or is too long.
            pub fn $name(self, conversation: ConversationId $(, $arg: $type)*) -> Result<Event, InvalidEvent> {
                Event::new(self, Body::Conversation(conversation, $fact))
            }
        )*}
    };
}

/// The constructors about the whole account.
macro_rules! account_events {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) => $fact:expr;)*) => {
        impl Envelope {$(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// [`InvalidEvent`] if a value is out of bounds.
            pub fn $name(self $(, $arg: $type)*) -> Result<Event, InvalidEvent> {
                Event::new(self, Body::Account($fact))
            }
        )*}
    };
}

impl Envelope {
    /// An envelope without values beside it.
    pub fn new(id: EventId, at: Timestamp, by: UserId) -> Self {
        Self { id, at, by, meta: Meta::new() }
    }

    /// The same with `meta` beside it.
    #[must_use]
    pub fn with_meta(mut self, meta: Meta) -> Self {
        self.meta = meta;
        self
    }
}

conversation_events! {
    /// The conversation was opened.
    conversation_opened(group_type: Option<GroupType>) => Fact::Opened { group_type };
    /// A message was delivered; in a group it needs its `seq`.
    message_received(message: Message) => Fact::MessageReceived(Box::new(message));
    /// A message was edited.
    message_modified(target: MessageId, edit: Edit) => Fact::MessageModified { target, edit };
    /// A message was recalled.
    message_recalled(target: MessageId, reason: Option<String>) => Fact::MessageRecalled { target, reason };
    /// The actor read these messages of a group.
    message_read_by(targets: Vec<MessageId>) => Fact::MessageReadBy { targets };
    /// The peer of a direct chat has read up to there.
    peer_read(through: Through) => Fact::PeerRead { through };
    /// A reaction was put on a message or taken away.
    reaction_set(target: MessageId, reaction: String, on: bool) => Fact::ReactionSet { target, reaction, on };
    /// An extension of a message was set, or deleted with `None`.
    extension_set(target: MessageId, key: String, value: Option<String>, seq: u64) =>
        Fact::ExtensionSet { target, key, value, seq };
    /// All extensions of a message up to `seq` were cleared.
    extensions_cleared(target: MessageId, seq: u64) => Fact::ExtensionsCleared { target, seq };
    /// A message of a group was pinned or unpinned.
    message_pinned(target: MessageId, on: bool) => Fact::MessagePinned { target, on };
    /// A user became a member of a group or is none any more; no user where it was dissolved.
    membership_set(state: Membership, user: Option<UserId>) => Fact::MembershipSet { state, user };
    /// The owner queued a message; in a group its `seq` is the one it stands after.
    message_queued(message: Message) => Fact::MessageQueued(Box::new(message));
    /// The server acknowledged a queued message.
    message_sent(target: MessageId, sent_at: Timestamp, seq: Option<u64>, members: Option<u64>) =>
        Fact::MessageSent { target, sent_at, seq, members };
    /// Sending a queued message failed.
    message_failed(target: MessageId, reason: Option<String>) => Fact::MessageFailed { target, reason };
    /// A message was imported locally; without a sender the actor wrote it.
    message_imported(sender: Option<UserId>, message: Message) =>
        Fact::MessageImported { sender, message: Box::new(message) };
    /// Messages were deleted for the owner.
    messages_deleted(targets: Vec<MessageId>) => Fact::MessagesDeleted { targets };
    /// The history up to there was cleared; [`Fact::HistoryCleared`] has more messages that it took.
    history_cleared(through: Watermark) => Fact::HistoryCleared { through, also: Vec::new() };
    /// The owner has read up to there.
    conversation_read(through: Through) => Fact::Read { through };
    /// The owner read these messages by name, or made them unread again.
    messages_read(targets: Vec<MessageId>, on: bool) => Fact::MessagesRead { targets, on };
    /// The owner marked the conversation unread from this message on.
    marked_unread_from(target: MessageId) => Fact::MarkedUnreadFrom { target };
    /// The conversation was pinned or unpinned.
    conversation_pinned(on: bool) => Fact::Pinned { on };
    /// A draft was set; `None` or empty clears it.
    draft_set(text: Option<String>, replaces: Option<EventId>) => Fact::DraftSet { text, replaces };
    /// A mark was set or taken away.
    mark_set(mark: Mark, on: bool) => Fact::MarkSet { mark, on };
    /// Custom data was set; empty clears it.
    custom_data_set(data: Vec<u8>) => Fact::CustomDataSet { data };
    /// How the owner wants to be told of messages.
    receive_option_set(option: ReceiveOption) => Fact::ReceiveOptionSet { option, until: None };
    /// The same, until then.
    receive_option_set_until(option: ReceiveOption, until: Timestamp) =>
        Fact::ReceiveOptionSet { option, until: Some(until) };
    /// The conversation was archived or taken out of the archive; with `stay` new messages leave it there.
    conversation_archived(on: bool, stay: bool) => Fact::Archived { on, stay };
    /// The conversation was put into a folder or taken out.
    folder_member_set(folder: FolderId, on: bool) => Fact::FolderMemberSet { folder, on };
    /// The conversation was deleted, with its messages up to there unless they are kept; [`Fact::Deleted`] has more
    /// messages that it took.
    conversation_deleted(through: Watermark, keep_messages: bool) =>
        Fact::Deleted { through, keep_messages, also: Vec::new() };
    /// A server said how many messages are unread.
    unread_reported(report: UnreadReport) => Fact::UnreadReported(Box::new(report));
    /// Every message of a stretch is held in this log.
    history_complete(from: Watermark, through: Watermark) => Fact::HistoryComplete { from, through };
    /// The owner may see this part of a shared history, up to its end where that is `None`.
    history_window(after: Watermark, through: Option<Watermark>) => Fact::HistoryWindow { after, through };
}

account_events! {
    /// A user's profile changed; what is `None` stays as it is.
    user_profile_changed(user: UserId, nickname: Option<String>, remark: Option<String>, face_url: Option<String>) =>
        AccountFact::UserProfileChanged { user, nickname, remark, face_url };
    /// A group's profile changed; what is `None` stays as it is.
    group_profile_changed(
        group: GroupId, name: Option<String>, face_url: Option<String>, group_type: Option<GroupType>
    ) => AccountFact::GroupProfileChanged { group, name, face_url, group_type };
    /// A folder was created.
    folder_created(folder: FolderId, name: String) => AccountFact::FolderCreated { folder, name };
    /// A folder was renamed.
    folder_renamed(folder: FolderId, name: String) => AccountFact::FolderRenamed { folder, name };
    /// A folder was deleted.
    folder_deleted(folder: FolderId) => AccountFact::FolderDeleted { folder };
    /// The owner's quiet hours were set, or turned off with `None`.
    quiet_hours_set(hours: Option<QuietHours>) => AccountFact::QuietHoursSet { hours };
}
