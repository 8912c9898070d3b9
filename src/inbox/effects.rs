//! What a kind of fact does, question by question: whether it has an effect at all (R17), whether it introduces a
//! message, names messages, numbers its author, changes details. Whoever adds a kind answers each of them here: the
//! compiler asks.

use crate::model::event::{Fact, Message, Through};
use crate::model::id::{ConversationId, ConversationKind, UserId};

/// Whether a message that was received or queued has any effect in an inbox (R17): the owner's own always has, that
/// of another was received, in a group or from the peer of the direct chat.
#[inline]
pub(crate) fn message_counts(own: bool, queued: bool, group_or_peer: bool) -> bool {
    own || !queued && group_or_peer
}

/// Whether a fact has any effect in the inbox of `owner` (R17).
pub(crate) fn has_effect(owner: &UserId, id: &ConversationId, by: &UserId, fact: &Fact) -> bool {
    let direct = id.kind() == ConversationKind::Direct;
    let group_or_peer = |author: &UserId| !direct || author.as_str() == id.target();
    match fact {
        Fact::MessageReceived(_) => message_counts(by == owner, false, group_or_peer(by)),
        Fact::MessageQueued(_) => message_counts(by == owner, true, group_or_peer(by)),
        Fact::MessageImported { sender, .. } => {
            let author = sender.as_ref().unwrap_or(by);
            by == owner && message_counts(author == owner, false, group_or_peer(author))
        }
        Fact::Opened { group_type } => by == owner || group_type.is_some(),
        Fact::PeerRead { .. } => by.as_str() == id.target(),
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
        | Fact::HistoryComplete { .. } => by == owner,
    }
}

/// Whether a fact names messages, which only an index can find.
pub(crate) fn names_messages(fact: &Fact) -> bool {
    match fact {
        Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessageReadBy { .. }
        | Fact::ReactionSet { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::MessagePinned { .. }
        | Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::MarkedUnreadFrom { .. }
        | Fact::MessagesRead { .. } => true,
        Fact::HistoryCleared { also, .. } | Fact::Deleted { also, .. } => !also.is_empty(),
        Fact::Read { through } | Fact::PeerRead { through } => matches!(through, Through::Message(_)),
        // No `_` here: whoever adds a type must say, or a replay would look for messages before they are there.
        Fact::Opened { .. }
        | Fact::MessageReceived(_)
        | Fact::MessageQueued(_)
        | Fact::MessageImported { .. }
        | Fact::MembershipSet { .. }
        | Fact::Pinned { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::Archived { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. } => false,
    }
}

/// Whether folding a fact that names messages gives its author a number.
pub(crate) fn numbers_author(fact: &Fact) -> bool {
    match fact {
        Fact::MessageReadBy { .. } | Fact::ReactionSet { .. } => true,
        // No `_` here: whoever adds a type must say, or the author would not have a number when it is folded.
        Fact::Opened { .. }
        | Fact::MessageReceived(_)
        | Fact::MessageQueued(_)
        | Fact::MessageImported { .. }
        | Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::MessagePinned { .. }
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
        | Fact::HistoryComplete { .. } => false,
    }
}

/// Whether a fact may change what only a glance with details tells.
pub(crate) fn is_detail(fact: &Fact) -> bool {
    match fact {
        Fact::Opened { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::Deleted { .. } => true,
        // No `_` here: whoever adds a type must say, or what it changes would not be told.
        Fact::MessageReceived(_)
        | Fact::MessageQueued(_)
        | Fact::MessageImported { .. }
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
        | Fact::ReceiveOptionSet { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::MembershipSet { .. }
        | Fact::MessagesRead { .. }
        | Fact::Archived { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. } => false,
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
        | Fact::HistoryComplete { .. } => None,
    }
}
