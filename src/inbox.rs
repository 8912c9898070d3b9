//! One owner's inbox: the fold of a log of events, and what can be read from it.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod containers;
pub(crate) mod conversation;
pub(crate) mod effects;
pub(crate) mod faults;
pub(crate) mod list;
pub(crate) mod merge;
pub(crate) mod registers;
pub(crate) mod replay;
pub(crate) mod route;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod timeline;
pub(crate) mod views;

pub use self::apply::change_span::ChangeSpan;
pub use self::check::audit::AuditError;
pub use self::check::digest::Digest;
pub use self::conversation::shown::MessageStatus;
pub use self::list::folders::Folder;
pub use self::list::ranking::ListCursor;
pub use self::replay::events::Replay;
#[cfg(feature = "binary")]
pub(crate) use self::replay::segment::{Introduced, Received, SegmentIntake};
pub use self::state::{Inbox, MergeError};
pub use self::views::conversation::{ConversationView, Direction, Draft, Mention, MentionKind, MessagePage};
pub use self::views::expiries::{Expiries, Expiry};
pub use self::views::explain::{Because, Explanation, LastMessageReason, ReadReason, Reason};
pub(crate) use self::views::for_compaction::{GivenUp, Obstacle};
pub(crate) use self::views::for_decide::{FolderRegisters, MessageRegisters, Registers};
pub use self::views::message::{Extension, MessageCursor, MessageView, Reaction, Recall};
pub use self::views::page::ListPage;
pub use self::views::partial::{Bounds, FirstUnread, Gap, ReportReason};
