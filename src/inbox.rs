//! One owner's inbox: the fold of a log of events, and what can be read from it.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod containers;
pub(crate) mod conversation;
pub(crate) mod list;
pub(crate) mod merge;
pub(crate) mod replay;
pub(crate) mod route;
pub(crate) mod snapshot;
pub(crate) mod timeline;
pub(crate) mod views;

pub(crate) use self::apply::span::Span;
pub use self::check::audit::AuditError;
pub use self::check::digest::Digest;
pub use self::merge::union::MergeError;
pub use self::replay::events::Replay;
#[cfg(feature = "binary")]
pub(crate) use self::replay::segment::{Batch, Introduced};
pub use self::views::conversation::{
    ConversationView, Direction, Draft, Folder, Mention, MentionKind, MessagePage,
};
pub use self::views::explain::{Because, Explanation, LastMessageReason, ReadReason, Reason};
pub(crate) use self::views::for_decide::{FolderRegisters, MessageRegisters, Registers};
pub use self::views::message::{Extension, MessageCursor, MessageStatus, MessageView, Reaction, Recall};
pub use self::views::page::{ListCursor, ListPage};

use self::containers::interner::Interner;
use self::containers::seats::Seats;
use self::conversation::state::Conversation;
use self::list::authors::LastAuthors;
use self::list::folders::Folders;
use self::list::profile::Profile;
use self::list::ranking::Ranking;
use crate::model::change::Totals;
use crate::model::event::{Event, QuietHours};
use crate::model::id::{ConversationId, UserId};
use crate::model::policy::Policy;
use crate::register::lattice::Lww;

/// The conversation list of one owner, folded from events.
///
/// An inbox is a join-semilattice: events may come late, twice and in any order, and two inboxes that have
/// seen the same events show the same (R02–R04). Nothing in it is a counter that could drift; every number is
/// derived from what events said.
///
/// Cloning is O(1): copies share structure, so a frozen copy can be read elsewhere while the original goes on.
/// Applying an event costs O(log n), whatever the length of the history; it never fails and never panics (R01).
///
/// ```
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
///
/// let (alice, bob) = (UserId::new("alice")?, UserId::new("bob")?);
/// let mut inbox = Inbox::new(alice, Policy::default());
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob.clone());
/// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?");
/// let event = envelope.message_received(ConversationId::direct(&bob), lunch)?;
///
/// assert!(!inbox.apply(&event).is_empty());
/// assert!(inbox.apply(&event).is_empty(), "the same event again changes nothing");
/// assert_eq!(inbox.totals().unread, 1);
/// let first = inbox.conversations().next().and_then(|c| c.last_message());
/// assert_eq!(first.and_then(|m| m.text()), Some("Lunch?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inbox {
    owner: UserId,
    policy: Policy,
    users: Interner<UserId>,
    ids: Interner<ConversationId>,
    conversations: Seats<Conversation>,
    profiles: Seats<Profile>,
    folders: Folders,
    quiet_hours: Lww<Option<QuietHours>>,
    list: Ranking,
    /// Once a profile changed.
    last_authors: Option<LastAuthors>,
    totals: Totals,
    /// The rotten histories that a change set told of.
    faults_told: im::OrdSet<u32>,
    revision: u64,
}

impl Inbox {
    /// An empty inbox.
    pub fn new(owner: UserId, policy: Policy) -> Self {
        Self {
            owner,
            policy,
            users: Interner::shared(),
            ids: Interner::shared(),
            conversations: Seats::default(),
            profiles: Seats::default(),
            folders: Folders::default(),
            quiet_hours: Lww::default(),
            list: Ranking::default(),
            last_authors: None,
            totals: Totals::default(),
            faults_told: im::OrdSet::new(),
            revision: 0,
        }
    }

    /// Folds a whole log: the same inbox as applying the events one by one, several times faster, because
    /// order and totals are built once at the end.
    ///
    /// For events that come as a stream, see [`Replay`].
    pub fn replay<'a>(owner: UserId, policy: Policy, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut replay = Replay::new(owner, policy);
        for event in events {
            replay.push(event);
        }
        replay.finish()
    }

    /// The account whose inbox this is.
    pub fn owner(&self) -> &UserId {
        &self.owner
    }

    /// The policy it was made with.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Unread messages over the whole list: O(1).
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// How often what this inbox shows has changed since it was made, replayed or restored: of one inbox and its
    /// clones, as long as they take in the same, equal revisions show the same. Each change set tells between
    /// which two it stands, so that what follows an inbox by change sets sees when it missed one.
    ///
    /// Bookkeeping of this inbox, not part of its state: merges, digests and snapshots know nothing of it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The owner's quiet hours, if any are set.
    pub fn quiet_hours(&self) -> Option<QuietHours> {
        self.quiet_hours.get().cloned().flatten()
    }

    /// The live folders, by name (bytes) and id (R54).
    pub fn folders(&self) -> Vec<Folder> {
        let mut folders: Vec<_> = self
            .folders
            .iter()
            .filter_map(|(id, state)| Some(Folder { name: state.shown()?.to_string(), id: *id }))
            .collect();
        folders.sort_unstable();
        folders
    }

    /// What a user is called: the owner's remark, else the nickname, else the id (R21).
    ///
    /// ```
    /// use chatfold::{Envelope, EventId, Inbox, Policy, Timestamp, UserId};
    /// let (alice, bob) = (UserId::new("alice")?, UserId::new("bob")?);
    /// let mut inbox = Inbox::new(alice.clone(), Policy::default());
    /// assert_eq!(inbox.name_of(&bob), "bob");
    /// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, alice);
    /// inbox.apply(&envelope.user_profile_changed(bob.clone(), Some("Bob B.".into()), Some(" ".into()), None)?);
    /// assert_eq!(inbox.name_of(&bob), "Bob B.", "a blank remark counts as none");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name_of<'a>(&'a self, user: &'a UserId) -> &'a str {
        let profile = self.users.get(user).and_then(|number| self.profile(number));
        let [nickname, remark, _] = profile.map(Profile::shown).unwrap_or_default();
        remark.or(nickname).unwrap_or(user.as_str())
    }

    fn profile(&self, user: u32) -> Option<&Profile> {
        self.profiles.get(user).map(|profile| &**profile)
    }
}
