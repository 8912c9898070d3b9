//! One owner's inbox: what it is made of, and what is read of it at once.

use crate::inbox::containers::dense_table::DenseTable;
use crate::inbox::containers::interner::Interner;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::list::authors::LastAuthors;
use crate::inbox::list::folders::{Folder, Folders};
use crate::inbox::list::profile::Profile;
use crate::inbox::list::ranking::Ranking;
use crate::model::badge::{BadgeRule, Sums};
use crate::model::change::Totals;
use crate::model::event::QuietHours;
use crate::model::id::{ConversationId, UserId};
use crate::model::policy::Policy;
use crate::register::lattice::Lww;
use crate::store::snapshot::HistoryFault;

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
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
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
    pub(super) owner: UserId,
    pub(super) policy: Policy,
    pub(super) users: Interner<UserId>,
    pub(super) ids: Interner<ConversationId>,
    pub(super) conversations: DenseTable<Conversation>,
    pub(super) profiles: DenseTable<Profile>,
    pub(super) folders: Folders,
    pub(super) quiet_hours: Lww<Option<QuietHours>>,
    pub(super) list: Ranking,
    /// Once a profile changed.
    pub(super) last_authors: Option<LastAuthors>,
    pub(super) sums: Sums,
    /// The corrupt histories that a change set told of.
    pub(super) faults_told: im::OrdSet<u32>,
    pub(super) revision: u64,
    /// How many bytes of parts it may have loaded after it took something in.
    pub(super) parts_bound_len_bytes: u64,
}

impl Inbox {
    /// An empty inbox.
    pub fn new(owner: UserId, policy: Policy) -> Self {
        Self {
            owner,
            policy,
            users: Interner::shared(),
            ids: Interner::shared(),
            conversations: DenseTable::default(),
            profiles: DenseTable::default(),
            folders: Folders::default(),
            quiet_hours: Lww::default(),
            list: Ranking::default(),
            last_authors: None,
            sums: Sums::default(),
            faults_told: im::OrdSet::new(),
            revision: 0,
            parts_bound_len_bytes: u64::MAX,
        }
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
        self.sums.totals()
    }

    /// The badge over the whole list, by a rule of the reader's own (R55): O(1).
    pub fn badge(&self, rule: BadgeRule) -> u64 {
        self.sums.badges.count(rule)
    }

    /// Whether the badge by a rule may be more, because a conversation that gives to it has messages that are not held
    /// (R48): O(1).
    pub fn badge_is_lower_bound(&self, rule: BadgeRule) -> bool {
        self.sums.badges.is_lower_bound(rule)
    }

    /// How often what this inbox shows has changed since it was made, replayed or restored: of one inbox and its
    /// clones, as long as they take in the same, equal revisions show the same. Each change set tells between
    /// which two it stands, so that what follows an inbox by change sets sees when it missed one.
    ///
    /// Bookkeeping of this inbox, not part of its state: merges, digests and snapshots know nothing of it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the same as what takes the place of `before`: its revision is a later one, so whatever followed that inbox
    /// by change sets reads this one anew.
    ///
    /// ```
    /// use chatfold::live::{ListDiff, ListView, Window};
    /// use chatfold::{ChangeSet, Filter, Inbox, Policy, UserId};
    /// let inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
    /// let mut screen = ListView::new(&inbox, Filter::default(), Window::Whole);
    /// let loaded = Inbox::new(UserId::parse("alice")?, Policy::default()).in_place_of(&inbox);
    /// let steps = screen.follow(&loaded, &ChangeSet::default());
    /// assert!(matches!(steps[..], [ListDiff::Reset { .. }]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn in_place_of(mut self, before: &Self) -> Self {
        self.revision = self.revision.max(before.revision + 1);
        self
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
    /// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
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

    pub(crate) fn profile(&self, user: u32) -> Option<&Profile> {
        self.profiles.get(user).map(|profile| &**profile)
    }
}

/// Why two inboxes cannot be joined (R04).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// They belong to two accounts.
    #[error("cannot merge the inbox of {theirs} into that of {ours}")]
    Owner {
        /// The owner of the inbox merged into.
        ours: UserId,
        /// The owner of the other.
        theirs: UserId,
    },
    /// They were folded with unlike policies.
    #[error("cannot merge inboxes folded with unlike policies: {ours:?} and {theirs:?}")]
    Policy {
        /// The policy of the inbox merged into.
        ours: Policy,
        /// The policy of the other.
        theirs: Policy,
    },
    /// A history of one of them lies corrupt in the snapshot that it was restored from: see
    /// [`Inbox::heal`](crate::Inbox::heal).
    #[error("the history of {conversation} is faulty: {fault}")]
    Faulty {
        /// The conversation.
        conversation: ConversationId,
        /// Its fault.
        fault: HistoryFault,
    },
}

impl Inbox {
    /// Whether both are the same owner's, and of the same policy.
    pub(crate) fn check_alike(&self, other: &Self) -> Result<(), MergeError> {
        if self.owner != other.owner {
            return Err(MergeError::Owner { ours: self.owner.clone(), theirs: other.owner.clone() });
        }
        if self.policy != other.policy {
            return Err(MergeError::Policy { ours: self.policy, theirs: other.policy });
        }
        Ok(())
    }
}

impl Inbox {
    /// The number of a conversation, which is made if no event named it before.
    pub(crate) fn number(&mut self, id: &ConversationId) -> u32 {
        let number = self.ids.intern(id);
        if number as usize == self.conversations.len() {
            let peer = id.peer().map(|peer| self.users.intern(&peer));
            self.conversations.push(Conversation::new(id.clone(), peer, true));
        }
        number
    }
}
