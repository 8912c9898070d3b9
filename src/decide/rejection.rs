//! Why a command is refused.

use crate::decide::command::Role;
use crate::inbox::MessageStatus;
use crate::model::event::{InvalidEvent, Mark, Membership, Watermark};
use crate::model::id::{ConversationId, FolderId, MessageId, UserId};
use crate::model::time::Timestamp;
use crate::store::snapshot::HistoryFault;

/// What may need a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Recalling a message.
    Recall,
    /// Editing a message.
    Modify,
    /// Pinning a message in a group, or unpinning it.
    PinMessage,
}

impl Action {
    /// The action as a word for people, such as `recalled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recall => "recalled",
            Self::Modify => "edited",
            Self::PinMessage => "pinned",
        }
    }
}

/// A refusal: what was wrong, the offending value, and the limit where there is one.
///
/// Its text is for people. It is the giver of the command who is at fault: nothing was changed, nothing is
/// corrupt, and the same command may do tomorrow.
///
/// ```
/// use chatfold::command::Rejection;
/// let rejection = Rejection::TooManyFolders { found: 21, limit: 20 };
/// assert_eq!(rejection.to_string(), "too many folders: 21, the limit is 20");
/// assert_eq!(rejection.code(), Some(51010));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// A personal command by someone else (R17).
    #[error("only {owner} may do this, not {actor}")]
    NotTheOwner {
        /// Who gave it.
        actor: UserId,
        /// Whose inbox it is.
        owner: UserId,
    },
    /// A direct chat between two others (R17).
    #[error("{user} is not in the conversation {conversation}")]
    NotAParty {
        /// Who is not in it.
        user: UserId,
        /// The conversation.
        conversation: ConversationId,
    },
    /// What only members of a group do, by an owner who is known to be none (R58).
    #[error("the owner is no member of {conversation}: {}", .membership.as_str())]
    NotAMember {
        /// The group.
        conversation: ConversationId,
        /// What became of the owner.
        membership: Membership,
    },
    /// A conversation that no event named.
    #[error("no conversation {conversation}")]
    UnknownConversation {
        /// The conversation.
        conversation: ConversationId,
    },
    /// A conversation whose history is corrupt in the snapshot that it was restored from (R99).
    #[error(
        "the history of {conversation} is faulty ({fault}): nothing can be done in it before it is replayed"
    )]
    FaultyHistory {
        /// The conversation.
        conversation: ConversationId,
        /// Its fault.
        fault: HistoryFault,
    },
    /// A message that is not known, or no longer to be seen.
    #[error("no message {message}")]
    UnknownMessage {
        /// The message.
        message: MessageId,
    },
    /// A message that is not known, in a conversation whose messages are not all held: it may lie in this gap, which is
    /// to be fetched first (R48).
    #[error("no message {message} is held; it may lie in what is to be fetched, from {from} to {through}")]
    NotHeld {
        /// The message.
        message: MessageId,
        /// Where the gap begins.
        from: Watermark,
        /// Where it ends.
        through: Watermark,
    },
    /// A folder that is not there (R54).
    #[error("no folder {folder}")]
    UnknownFolder {
        /// The folder.
        folder: FolderId,
    },
    /// What the command has to overtake lies at the end of time (R65).
    #[error("this would have to happen after {limit}, the last instant there is")]
    EndOfTime {
        /// The last instant.
        limit: Timestamp,
    },
    /// A number that cannot be raised any more: an edit's version, an extension's seq.
    #[error("the number {found} cannot be raised, the limit is {limit}")]
    EndOfNumbers {
        /// The greatest number known.
        found: u64,
        /// The greatest there is.
        limit: u64,
    },
    /// The command would make an event that is malformed.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// Too many pinned conversations (R70).
    #[error("too many pinned conversations: {found}, the limit is {limit}")]
    TooManyPins {
        /// How many there would be.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many live folders (R71).
    #[error("too many folders: {found}, the limit is {limit}")]
    TooManyFolders {
        /// How many there would be.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// More conversations to be added than a folder holds (R71).
    #[error("too many conversations for a folder: {found}, the limit is {limit}")]
    TooManyMembers {
        /// How many were to be added.
        found: usize,
        /// How many it holds.
        limit: usize,
    },
    /// A folder's name that is empty or too long (R71).
    #[error("a folder's name has 1 to {limit} bytes, this one has {len_bytes}")]
    FolderNameLength {
        /// Its length.
        len_bytes: usize,
        /// The greatest length.
        limit: usize,
    },
    /// Another live folder has the name (R71).
    #[error("there is a folder {name:?} already")]
    FolderNameTaken {
        /// The name.
        name: String,
        /// The folder that has it.
        folder: FolderId,
    },
    /// Too many conversations in one request (R72).
    #[error("too many conversations at once: {found}, the limit is {limit}")]
    TooManyConversations {
        /// How many were named.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// Custom data too long (R73).
    #[error("custom data has at most {limit} bytes, this has {len_bytes}")]
    CustomDataTooLong {
        /// Its length.
        len_bytes: usize,
        /// The greatest length.
        limit: usize,
    },
    /// A mark that is neither one of the four named nor one of the application's (R73).
    #[error("the mark {:#x} is reserved: use 1, 2, 4, 8, or one bit from 2^32 to 2^63", mark.bits())]
    ReservedMark {
        /// The mark.
        mark: Mark,
    },
    /// A right that the actor lacks (R74, R75).
    #[error("the message cannot be {} by {actor}, {}", action.as_str(), lacking(*role))]
    NotAllowed {
        /// What for.
        action: Action,
        /// Who lacks it.
        actor: UserId,
        /// The actor's role; `None` in a direct chat.
        role: Option<Role>,
    },
    /// A message too old to be recalled by its sender (R74).
    #[error("a message can be recalled for {limit_s} s, this one is {age_ms} ms old")]
    RecallTooLate {
        /// Its age in milliseconds.
        age_ms: u64,
        /// For how many seconds it could be.
        limit_s: u64,
        /// Whether it stands in a group.
        in_group: bool,
    },
    /// An online-only message (R74, R75).
    #[error("the message {message} was for those online only and cannot be {}", action.as_str())]
    OnlineOnly {
        /// What was to be done.
        action: Action,
        /// The message.
        message: MessageId,
        /// Whether it stands in a group.
        in_group: bool,
    },
    /// Something that an AVChatRoom does not know (R75, R77).
    #[error("{what} is not possible in an AVChatRoom")]
    InLiveRoom {
        /// What.
        what: &'static str,
    },
    /// A message that is not (or no longer) sent successfully (R78).
    #[error("the message {message} is not sent: it is {}", status_word(*status))]
    NotSent {
        /// The message.
        message: MessageId,
        /// Its status.
        status: MessageStatus,
    },
    /// A message that was not queued by the owner, or is sent already.
    #[error("the message {message} is not waiting to be sent")]
    NotQueued {
        /// The message.
        message: MessageId,
    },
    /// A message id that another message has.
    #[error("the message id {message} is taken")]
    MessageIdTaken {
        /// The id.
        message: MessageId,
    },
    /// The message was edited since its editor saw it (R75).
    #[error("the message was edited meanwhile: its version is {current}, version {given} cannot follow")]
    VersionConflict {
        /// The version the edit would make.
        given: u64,
        /// The version it has.
        current: u64,
    },
    /// Too many messages deleted in one request (R76).
    #[error("too many messages at once: {found}, the limit is {limit}")]
    TooManyMessages {
        /// How many were named.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// Too many users mentioned (R77).
    #[error("too many mentions: {found}, the limit is {limit}")]
    TooManyMentions {
        /// How many are mentioned.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// A message targeted at too many (R77).
    #[error("too many recipients: {found}, the limit is {limit}")]
    TooManyRecipients {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A targeted message that mentions somebody (R77).
    #[error("a message for {recipients} recipients cannot mention anybody")]
    TargetedWithMentions {
        /// How many it is for.
        recipients: usize,
    },
    /// A targeted message in a direct chat, or an imported one that is not for the owner (R18, R77).
    #[error("a message for {recipients} recipients cannot stand in {conversation}")]
    TargetedElsewhere {
        /// How many it is for.
        recipients: usize,
        /// Where it was to stand.
        conversation: ConversationId,
    },
    /// Too many messages forwarded in one request (R78).
    #[error("too many messages to forward: {found}, the limit is {limit}")]
    TooManyForwarded {
        /// How many were named.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// A message that takes no extensions (R79).
    #[error("the message {message} takes no extensions")]
    NoExtensions {
        /// The message.
        message: MessageId,
    },
    /// An extension's key that is empty or too long (R79).
    #[error("an extension's key has 1 to {limit} bytes, this one has {len_bytes}")]
    ExtensionKeyLength {
        /// Its length.
        len_bytes: usize,
        /// The greatest length.
        limit: usize,
    },
    /// An extension's value too long (R79).
    #[error("the value of {key:?} has {len_bytes} bytes, the limit is {limit}")]
    ExtensionValueTooLong {
        /// The extension's key.
        key: String,
        /// The value's length.
        len_bytes: usize,
        /// The greatest length.
        limit: usize,
    },
    /// Too many extensions written in one request (R79).
    #[error("too many extensions at once: {found}, the limit is {limit}")]
    TooManyExtensionWrites {
        /// How many were named.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// Too many extensions of one message (R79).
    #[error("too many extensions of a message: {found}, the limit is {limit}")]
    TooManyExtensions {
        /// How many there would be.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The extension was written since its writer saw it (R79).
    #[error("the extension {key:?} was written meanwhile: its number is {current}, not {seen}")]
    ExtensionConflict {
        /// The extension's key.
        key: String,
        /// The number its writer saw.
        seen: u64,
        /// The number it has.
        current: u64,
        /// The value it has; `None`: deleted.
        value: Option<String>,
    },
    /// An extension to be deleted that never was there (R79).
    #[error("no extension {key:?}")]
    UnknownExtension {
        /// The extension's key.
        key: String,
    },
    /// Too many kinds of reactions on one message (R80).
    #[error("too many kinds of reactions: {found}, the limit is {limit}")]
    TooManyReactions {
        /// How many there would be.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many users with one reaction (R80).
    #[error("too many users with the reaction {reaction:?}: {found}, the limit is {limit}")]
    TooManyReactionUsers {
        /// The reaction.
        reaction: String,
        /// How many there would be.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many messages pinned in a group (R80).
    #[error("too many pinned messages: {found}, the limit is {limit}")]
    TooManyPinnedMessages {
        /// How many there would be.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A message whose author asks for no receipts (R34).
    #[error("the author of {message} asks for no receipts")]
    NoReceiptAsked {
        /// The message.
        message: MessageId,
    },
}

impl Rejection {
    /// The error code of the reference (Tencent Cloud Chat) for this, where it has one.
    pub fn code(&self) -> Option<u32> {
        let code = match self {
            Self::VersionConflict { .. } => 8006,
            Self::NotAllowed { role: Some(_), .. } => 10007,
            Self::RecallTooLate { in_group: true, .. } => 10031,
            Self::OnlineOnly { action: Action::Recall, in_group: true, .. } => 10032,
            Self::TooManyPinnedMessages { .. } => 10070,
            Self::RecallTooLate { in_group: false, .. } => 20016,
            Self::ExtensionConflict { .. } => 23001,
            Self::UnknownExtension { .. } => 23004,
            Self::TooManyReactions { .. } => 23005,
            Self::TooManyReactionUsers { .. } => 23006,
            Self::TooManyConversations { .. } => 51006,
            Self::TooManyMembers { .. } => 51008,
            Self::UnknownFolder { .. } => 51009,
            Self::TooManyFolders { .. } => 51010,
            Self::FolderNameLength { .. } => 51011,
            _ => return None,
        };
        Some(code)
    }
}

fn lacking(role: Option<Role>) -> &'static str {
    match role {
        None => "who did not write it",
        Some(Role::Member) => "who is no more than a member of the group",
        Some(Role::Admin | Role::Owner) => "for all that they are an admin of the group",
    }
}

fn status_word(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Sending => "being sent",
        MessageStatus::Sent => "sent",
        MessageStatus::Failed => "failed",
        MessageStatus::Imported => "imported",
        MessageStatus::Recalled => "recalled",
    }
}
