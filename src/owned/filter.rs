//! A filter, as it is named in what a live inbox tells and given by whoever asks.

use serde::{Deserialize, Serialize};

use crate::model::id::IdError;
use crate::owned::values::{ConversationKind, Membership};
use crate::{event, list};

/// Which folder a conversation is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FolderFilter {
    /// Any or none.
    #[default]
    Any,
    /// In no live folder.
    InNone,
    /// In this one.
    In(String),
}

/// Which mark a conversation bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MarkFilter {
    /// Any or none.
    #[default]
    Any,
    /// No mark at all.
    Unmarked,
    /// This one, a single bit.
    With(u64),
}

/// Whether a conversation is archived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ArchiveFilter {
    /// It or not.
    #[default]
    Any,
    /// It is not.
    LeaveOut,
    /// It is.
    Only,
}

/// What became of the owner as a member of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MembershipFilter {
    /// Anything.
    #[default]
    Any,
    /// Nobody said.
    Unknown,
    /// This.
    Is(Membership),
}

/// Which conversations a list shows; what is given conjoins. A field that is left out asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Only those with unread messages or the mark UNREAD.
    pub unread_or_marked: bool,
    /// Only those that bear none of these marks, given as bits.
    pub without_marks: u64,
    /// By archive.
    pub archived: ArchiveFilter,
    /// By what became of the owner as a member.
    pub membership: MembershipFilter,
}

/// Why a filter that came from outside is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The folder's id is none.
    #[error("the folder of a filter has no valid id: {0}")]
    Folder(#[from] IdError),
    /// The mark is not a single bit.
    #[error("a mark is a single bit, not {bits:#x}")]
    Mark {
        /// The bits.
        bits: u64,
    },
}

impl From<&crate::Filter> for Filter {
    fn from(filter: &crate::Filter) -> Self {
        let crate::Filter {
            kind,
            folder,
            mark,
            has_unread,
            has_mention,
            unread_or_marked,
            without_marks,
            archived,
            membership,
        } = *filter;
        Self {
            kind: kind.map(ConversationKind::from),
            folder: match folder {
                list::FolderFilter::Any => FolderFilter::Any,
                list::FolderFilter::InNone => FolderFilter::InNone,
                list::FolderFilter::In(folder) => FolderFilter::In(folder.to_string()),
            },
            mark: match mark {
                list::MarkFilter::Any => MarkFilter::Any,
                list::MarkFilter::Unmarked => MarkFilter::Unmarked,
                list::MarkFilter::With(mark) => MarkFilter::With(mark.bits()),
            },
            has_unread,
            has_mention,
            unread_or_marked,
            without_marks,
            archived: match archived {
                list::ArchiveFilter::Any => ArchiveFilter::Any,
                list::ArchiveFilter::LeaveOut => ArchiveFilter::LeaveOut,
                list::ArchiveFilter::Only => ArchiveFilter::Only,
            },
            membership: match membership {
                list::MembershipFilter::Any => MembershipFilter::Any,
                list::MembershipFilter::Unknown => MembershipFilter::Unknown,
                list::MembershipFilter::Is(state) => MembershipFilter::Is(state.into()),
            },
        }
    }
}

impl TryFrom<&Filter> for crate::Filter {
    type Error = FilterError;

    fn try_from(filter: &Filter) -> Result<Self, FilterError> {
        let Filter {
            kind,
            folder,
            mark,
            has_unread,
            has_mention,
            unread_or_marked,
            without_marks,
            archived,
            membership,
        } = filter;
        Ok(Self {
            kind: kind.map(Into::into),
            folder: match folder {
                FolderFilter::Any => list::FolderFilter::Any,
                FolderFilter::InNone => list::FolderFilter::InNone,
                FolderFilter::In(folder) => list::FolderFilter::In(folder.parse()?),
            },
            mark: match *mark {
                MarkFilter::Any => list::MarkFilter::Any,
                MarkFilter::Unmarked => list::MarkFilter::Unmarked,
                MarkFilter::With(bits) => {
                    let mark = event::Mark::from_bits(bits).ok_or(FilterError::Mark { bits })?;
                    list::MarkFilter::With(mark)
                }
            },
            has_unread: *has_unread,
            has_mention: *has_mention,
            unread_or_marked: *unread_or_marked,
            without_marks: *without_marks,
            archived: match archived {
                ArchiveFilter::Any => list::ArchiveFilter::Any,
                ArchiveFilter::LeaveOut => list::ArchiveFilter::LeaveOut,
                ArchiveFilter::Only => list::ArchiveFilter::Only,
            },
            membership: match membership {
                MembershipFilter::Any => list::MembershipFilter::Any,
                MembershipFilter::Unknown => list::MembershipFilter::Unknown,
                MembershipFilter::Is(state) => list::MembershipFilter::Is((*state).into()),
            },
        })
    }
}
