//! What a kind of fact does: whether it has an effect at all (R17), which message it introduces, and its traits. Whoever
//! adds a kind answers each of these here: the compiler asks.

use crate::model::event::{Fact, Message, Through};
use crate::model::id::{ConversationKind, MessageId, UserId};

/// Whether a message that was received or queued has any effect in an inbox (R17): the owner's own always has, that
/// of another was received, in a group or from the peer of the direct chat.
#[inline]
pub(crate) fn message_counts(own: bool, queued: bool, group_or_peer: bool) -> bool {
    own || !queued && group_or_peer
}

/// Whether a fact has any effect in the inbox of `owner` (R17), given the peer or the group of its conversation.
pub(crate) fn has_effect(
    owner: &UserId,
    (kind, target): (ConversationKind, &str),
    by: &UserId,
    fact: &Fact,
) -> bool {
    let direct = kind == ConversationKind::Direct;
    let group_or_peer = |author: &UserId| !direct || author.as_str() == target;
    match fact {
        Fact::MessageReceived(_) => message_counts(by == owner, false, group_or_peer(by)),
        Fact::MessageQueued(_) => message_counts(by == owner, true, group_or_peer(by)),
        Fact::MessageImported { sender, .. } => {
            let author = sender.as_ref().unwrap_or(by);
            by == owner && message_counts(author == owner, false, group_or_peer(author))
        }
        Fact::Opened { group_type } => by == owner || group_type.is_some(),
        Fact::PeerRead { .. } => by.as_str() == target,
        Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessageReadBy { .. }
        | Fact::ReactionSet { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::MessagePinned { .. } => true,
        Fact::MembershipSet { user, .. } => user.as_ref().is_none_or(|user| user == owner),
        Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::HistoryCleared { .. }
        | Fact::Read { .. }
        | Fact::MarkedUnreadFrom { .. }
        | Fact::Pinned { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::MessagesRead { .. }
        | Fact::Archived { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::Deleted { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. }
        | Fact::HistoryWindow { .. } => by == owner,
    }
}

/// What must be known of a fact before it is folded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits {
    /// It names messages, which only an index can find.
    pub(crate) names_messages: bool,
    /// Folding it gives its author a number.
    pub(crate) numbers_author: bool,
    /// It may change what only an appearance with details tells.
    pub(crate) is_detail: bool,
}

/// Returns what must be known of a fact before it is folded.
#[inline]
pub(crate) fn traits(fact: &Fact) -> Traits {
    let nothing = Traits::default();
    match fact {
        Fact::MessageReadBy { .. } | Fact::ReactionSet { .. } => {
            Traits { names_messages: true, numbers_author: true, ..nothing }
        }
        Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::MessagePinned { .. }
        | Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::MarkedUnreadFrom { .. }
        | Fact::MessagesRead { .. } => Traits { names_messages: true, ..nothing },
        Fact::HistoryCleared { also, .. } => Traits { names_messages: !also.is_empty(), ..nothing },
        Fact::Deleted { also, .. } => Traits { names_messages: !also.is_empty(), is_detail: true, ..nothing },
        Fact::Read { through } | Fact::PeerRead { through } => {
            Traits { names_messages: matches!(through, Through::Message(_)), ..nothing }
        }
        Fact::UnreadReported(report) => {
            Traits { names_messages: matches!(report.read, Some(Through::Message(_))), ..nothing }
        }
        Fact::Opened { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::MembershipSet { .. }
        | Fact::Archived { .. } => Traits { is_detail: true, ..nothing },
        // No `_` here: whoever adds a type must say. A replay would look for messages before they are there, an author
        // would not have a number when the fact is folded, or what it changes would not be told.
        Fact::MessageReceived(_)
        | Fact::MessageQueued(_)
        | Fact::MessageImported { .. }
        | Fact::Pinned { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::HistoryComplete { .. }
        | Fact::HistoryWindow { .. } => nothing,
    }
}

/// By which class of event a message is known; the greatest counts (R15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Only facts about it have come so far.
    Unknown = 0,
    Queued = 1,
    Imported = 2,
    Received = 3,
}

/// The message that a fact introduces, its class, and who wrote it where that is not who did it.
pub(crate) fn introduced(fact: &Fact) -> Option<(Class, Option<&UserId>, &Message)> {
    match fact {
        Fact::MessageReceived(message) => Some((Class::Received, None, message)),
        Fact::MessageQueued(message) => Some((Class::Queued, None, message)),
        Fact::MessageImported { sender, message } => Some((Class::Imported, sender.as_ref(), message)),
        // No `_` here: whoever adds a type must say, or a message would be overlooked.
        Fact::Opened { .. }
        | Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessageReadBy { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::MessagePinned { .. }
        | Fact::ReactionSet { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::HistoryCleared { .. }
        | Fact::Read { .. }
        | Fact::PeerRead { .. }
        | Fact::MarkedUnreadFrom { .. }
        | Fact::Pinned { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::Deleted { .. }
        | Fact::MembershipSet { .. }
        | Fact::MessagesRead { .. }
        | Fact::Archived { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. }
        | Fact::HistoryWindow { .. } => None,
    }
}

/// The messages without which a fact means nothing; none for what concerns the conversation besides, such as reads,
/// marks, clearings and deletions, whatever messages they name.
pub(crate) fn about(fact: &Fact) -> &[MessageId] {
    match fact {
        Fact::MessageReceived(message)
        | Fact::MessageQueued(message)
        | Fact::MessageImported { message, .. } => std::slice::from_ref(&message.id),
        Fact::MessageSent { target, .. }
        | Fact::MessageFailed { target, .. }
        | Fact::MessageModified { target, .. }
        | Fact::MessageRecalled { target, .. }
        | Fact::MessagePinned { target, .. }
        | Fact::ReactionSet { target, .. }
        | Fact::ExtensionSet { target, .. }
        | Fact::ExtensionsCleared { target, .. } => std::slice::from_ref(target),
        Fact::MessageReadBy { targets }
        | Fact::MessagesDeleted { targets }
        | Fact::MessagesRead { targets, .. } => targets,
        // No `_` here: whoever adds a type must say, or a compacted log would keep what nothing needs, or lose it.
        Fact::Opened { .. }
        | Fact::HistoryCleared { .. }
        | Fact::Read { .. }
        | Fact::PeerRead { .. }
        | Fact::MarkedUnreadFrom { .. }
        | Fact::Pinned { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::Deleted { .. }
        | Fact::MembershipSet { .. }
        | Fact::Archived { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. }
        | Fact::HistoryWindow { .. } => &[],
    }
}

/// The messages that a fact names, whatever it says of them.
pub(crate) fn names(fact: &Fact) -> &[MessageId] {
    match fact {
        Fact::Read { through: Through::Message(message) }
        | Fact::PeerRead { through: Through::Message(message) } => std::slice::from_ref(message),
        Fact::MarkedUnreadFrom { target } => std::slice::from_ref(target),
        Fact::HistoryCleared { also, .. } | Fact::Deleted { also, .. } => also,
        // No `_` here: whoever adds a type must say, or what is kept of a message would be old.
        Fact::MessageReceived(_)
        | Fact::MessageQueued(_)
        | Fact::MessageImported { .. }
        | Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessagePinned { .. }
        | Fact::ReactionSet { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::MessageReadBy { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::MessagesRead { .. } => about(fact),
        Fact::Opened { .. }
        | Fact::Read { .. }
        | Fact::PeerRead { .. }
        | Fact::Pinned { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::MembershipSet { .. }
        | Fact::Archived { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. }
        | Fact::HistoryWindow { .. } => &[],
    }
}
