//! What follows an inbox as it changes: a live inbox, kept lists, unread totals by filter.
//!
//! You need this module in a program that stays open. [`LiveInbox`] folds what streams in and brackets catch-ups,
//! [`ListView`] keeps the rows of a screen by single steps, [`UnreadSubscriptions`] keeps totals by filter.
//!
//! ```
//! use chatfold::live::{ListDiff, ListView, LiveInbox, Notice, Window};
//! use chatfold::{ConversationId, Envelope, EventId, Filter, Inbox, Message, MessageId, Policy, Timestamp, UserId};
//!
//! let bob = UserId::parse("bob")?;
//! let chat = ConversationId::direct(&bob);
//! let mut live = LiveInbox::new(Inbox::new(UserId::parse("alice")?, Policy::default()));
//! let mut screen = ListView::new(live.inbox(), Filter::default(), Window::First(20));
//! let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob);
//! let event = envelope.message_received(chat.clone(), Message::text(MessageId::from_bytes([2; 16]), "Lunch?"))?;
//! for notice in live.apply([&event]) {
//!     if let Notice::Changed(changes) = notice {
//!         let steps = screen.follow(live.inbox(), &changes);
//!         assert_eq!(steps, [ListDiff::Insert { index: 0, id: chat.clone() }]);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Every callback of the reference's conversation listener
//!
//! | `V2TIMConversationListener` | here |
//! |---|---|
//! | `onSyncServerStart` | [`Notice::SyncStarted`], told by [`LiveInbox::begin_sync`] |
//! | `onSyncServerFinish` | [`Notice::SyncFinished`], by [`LiveInbox::finish_sync`], after what changed |
//! | `onSyncServerFailed` | [`Notice::SyncFailed`], by [`LiveInbox::fail_sync`], after what changed until then |
//! | `onNewConversation` | [`ChangeSet::conversations`] with [`ChangeKind::New`]; in a view [`ListDiff::Insert`] |
//! | `onConversationChanged` | the same with [`ChangeKind::Changed`], and which [`Attributes`]; in a view [`ListDiff::Update`] and [`ListDiff::Move`] |
//! | `onConversationDeleted` | the same with [`ChangeKind::Removed`]; in a view [`ListDiff::Remove`] |
//! | `onTotalUnreadMessageCountChanged` | [`ChangeSet::totals`], next to it the total over muted conversations too |
//! | `onUnreadMessageCountChangedByFilter` | [`Notice::UnreadByFilter`]; without a live inbox [`UnreadSubscriptions::follow`] |
//! | `onConversationGroupCreated` | [`FolderChange::Created`] in [`ChangeSet::folders`], and its conversations as added |
//! | `onConversationGroupDeleted` | [`FolderChange::Deleted`] |
//! | `onConversationGroupNameChanged` | [`FolderChange::Renamed`], with both names |
//! | `onConversationsAddedToGroup` | [`FolderChange::MembersAdded`] |
//! | `onConversationsDeletedFromGroup` | [`FolderChange::MembersRemoved`], with its [`RemovalReason`]: taken out, or evicted to make room |
//!
//! What its other listeners tell of conversations is in the change set too: `onRecvC2CReadReceipt` is
//! [`Attribute::PeerRead`], `onRecvMessageReadReceipts`, `onRecvMessageRevoked` and `onRecvMessageModified` are
//! [`ChangeSet::messages`], profiles [`ChangeSet::profiles`]. The reference tells `onConversationChanged` whenever a
//! conversation was written; here an event that changes nothing observable tells nothing.
//!
//! [`ChangeKind::New`]: crate::change::ChangeKind::New
//! [`ChangeKind::Changed`]: crate::change::ChangeKind::Changed
//! [`ChangeKind::Removed`]: crate::change::ChangeKind::Removed
//! [`Attributes`]: crate::change::Attributes
//! [`Attribute::PeerRead`]: crate::change::Attribute::PeerRead
//! [`FolderChange::Created`]: crate::change::FolderChange::Created
//! [`FolderChange::Deleted`]: crate::change::FolderChange::Deleted
//! [`FolderChange::Renamed`]: crate::change::FolderChange::Renamed
//! [`FolderChange::MembersAdded`]: crate::change::FolderChange::MembersAdded
//! [`FolderChange::MembersRemoved`]: crate::change::FolderChange::MembersRemoved
//! [`RemovalReason`]: crate::change::RemovalReason
//! [`ChangeSet::conversations`]: crate::ChangeSet::conversations
//! [`ChangeSet::folders`]: crate::ChangeSet::folders
//! [`ChangeSet::messages`]: crate::ChangeSet::messages
//! [`ChangeSet::profiles`]: crate::ChangeSet::profiles
//! [`ChangeSet::totals`]: crate::ChangeSet::totals

pub use crate::follow::list_view::{ListDiff, ListView, Window};
pub use crate::follow::session::{LiveInbox, Notice};
pub use crate::follow::subscription::{FilterTotals, UnreadSubscriptions};
