//! Filters: which conversations of a list one wants to see.

use crate::model::event::Mark;
use crate::model::id::{ConversationKind, FolderId};

/// Which conversations a list shows; what is given conjoins (R52).
///
/// A value: two filters are the same subscription exactly when they are equal.
///
/// ```
/// use chatfold::{ConversationKind, Filter};
/// let unread_groups = Filter { kind: Some(ConversationKind::Group), has_unread: true, ..Filter::default() };
/// assert_ne!(unread_groups, Filter::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Filter {
    /// Only direct chats, or only groups.
    pub kind: Option<ConversationKind>,
    /// By folder.
    pub folder: FolderFilter,
    /// By mark.
    pub mark: MarkFilter,
    /// Only those with unread messages.
    pub has_unread: bool,
    /// Only those with an unread mention of the owner.
    pub has_mention: bool,
}

/// Which folder a conversation is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FolderFilter {
    /// Any or none.
    #[default]
    Any,
    /// In no live folder.
    InNone,
    /// In this one, which must be alive.
    In(FolderId),
}

/// Which mark a conversation bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MarkFilter {
    /// Any or none.
    #[default]
    Any,
    /// No mark at all.
    Unmarked,
    /// This one.
    With(Mark),
}
