//! Filters: which conversations of a list one wants to see.

use crate::model::event::{Mark, Membership};
use crate::model::id::{ConversationKind, FolderId};
use crate::model::setters::setters;

/// Which conversations a list shows; what is given conjoins (R52).
///
/// A value: two filters are the same subscription exactly when they are equal.
///
/// ```
/// use chatfold::id::ConversationKind;
/// use chatfold::Filter;
/// let unread_groups = Filter::default().with_kind(Some(ConversationKind::Group)).with_has_unread(true);
/// assert_ne!(unread_groups, Filter::default());
/// let inbox = Filter::default().leaving_out_archived().without_mark(chatfold::event::Mark::HIDE);
/// assert_eq!(inbox, inbox.without_mark(chatfold::event::Mark::HIDE));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
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
    /// Only those with unread messages or the mark [`UNREAD`](Mark::UNREAD).
    pub unread_or_marked: bool,
    /// Only those that bear none of these marks, given as bits.
    pub without_marks: u64,
    /// By archive.
    pub archived: ArchiveFilter,
    /// By what became of the owner as a member.
    pub membership: MembershipFilter,
}

setters!(Filter {
    /// Returns the same with [`kind`](Filter::kind) as given.
    with_kind: kind: Option<ConversationKind>,
    /// Returns the same with [`folder`](Filter::folder) as given.
    with_folder: folder: FolderFilter,
    /// Returns the same with [`mark`](Filter::mark) as given.
    with_mark: mark: MarkFilter,
    /// Returns the same with [`has_unread`](Filter::has_unread) as given.
    with_has_unread: has_unread: bool,
    /// Returns the same with [`has_mention`](Filter::has_mention) as given.
    with_has_mention: has_mention: bool,
    /// Returns the same with [`unread_or_marked`](Filter::unread_or_marked) as given.
    with_unread_or_marked: unread_or_marked: bool,
    /// Returns the same with [`without_marks`](Filter::without_marks) as given.
    without_marks: without_marks: u64,
    /// Returns the same with [`archived`](Filter::archived) as given.
    with_archived: archived: ArchiveFilter,
    /// Returns the same with [`membership`](Filter::membership) as given.
    with_membership: membership: MembershipFilter,
});

/// What a filter asks of a conversation.
pub(crate) trait Filtered {
    /// Whether it is direct or a group's.
    fn kind(&self) -> ConversationKind;
    fn unread(&self) -> u64;
    fn is_mentioned(&self) -> bool;
    fn mark_bits(&self) -> u64;
    fn is_archived(&self) -> bool;
    fn membership(&self) -> Option<Membership>;
    /// Whether it is in a live folder, or in this one.
    fn is_in(&self, folder: Option<FolderId>) -> bool;
}

impl Filter {
    /// Whether a conversation passes (R52).
    pub(crate) fn takes(&self, row: &impl Filtered) -> bool {
        let marked = |mark: Mark| row.mark_bits() & mark.bits() != 0;
        self.kind.is_none_or(|kind| kind == row.kind())
            && (!self.has_unread || row.unread() > 0)
            && (!self.has_mention || row.is_mentioned())
            && (!self.unread_or_marked || row.unread() > 0 || marked(Mark::UNREAD))
            && (self.without_marks == 0 || row.mark_bits() & self.without_marks == 0)
            && self.archived.passes(row.is_archived())
            && self.membership.passes(row.membership())
            && match self.mark {
                MarkFilter::Any => true,
                MarkFilter::Unmarked => row.mark_bits() == 0,
                MarkFilter::With(mark) => marked(mark),
            }
            && match self.folder {
                FolderFilter::Any => true,
                FolderFilter::InNone => !row.is_in(None),
                FolderFilter::In(folder) => row.is_in(Some(folder)),
            }
    }

    /// The same without conversations that bear `mark`.
    #[must_use]
    pub const fn without_mark(mut self, mark: Mark) -> Self {
        self.without_marks |= mark.bits();
        self
    }

    /// The same without archived conversations.
    #[must_use]
    pub const fn leaving_out_archived(mut self) -> Self {
        self.archived = ArchiveFilter::LeaveOut;
        self
    }

    /// The same with archived conversations only.
    #[must_use]
    pub const fn only_archived(mut self) -> Self {
        self.archived = ArchiveFilter::Only;
        self
    }
}

/// Whether a conversation is archived (R56).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArchiveFilter {
    /// It or not.
    #[default]
    Any,
    /// It is not.
    LeaveOut,
    /// It is.
    Only,
}

impl ArchiveFilter {
    pub(crate) fn passes(self, archived: bool) -> bool {
        match self {
            Self::Any => true,
            Self::LeaveOut => !archived,
            Self::Only => archived,
        }
    }
}

/// What became of the owner as a member of a group (R58).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MembershipFilter {
    /// Anything.
    #[default]
    Any,
    /// Nobody said; so it is in every direct chat.
    Unknown,
    /// This.
    Is(Membership),
}

impl MembershipFilter {
    pub(crate) fn passes(self, membership: Option<Membership>) -> bool {
        match self {
            Self::Any => true,
            Self::Unknown => membership.is_none(),
            Self::Is(state) => membership == Some(state),
        }
    }
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
