//! A shared history, folded by nobody (R120): what all members see of a conversation, and what their numbers differ by.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::inbox::conversation::state::Conversation;
use crate::inbox::effects::about;
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::facts::Facts;
use crate::inbox::timeline::order::contribution::{Contribution, Look as _};
use crate::inbox::timeline::order::tree::Order;
use crate::inbox::{Inbox, MergeError, MessageView, Replay};
use crate::model::event::{Body, Event, Fact, GroupType, Membership, Through};
use crate::model::id::{MessageId, UserId};
use crate::model::policy::Policy;
use crate::model::stream::SharedId;
use crate::model::time::Stamp;
use crate::register::lattice::Lww;
use crate::shared::lists::{Cause, Lists, Places};
use crate::shared::people::People;
use crate::shared::stream::is_shared;

/// The number of a timeline's conversation in its inbox, which has no other.
const NUMBER: u32 = 0;

/// A shared history without an owner, folded from the conversation's stream: apply a message once, and every member's
/// numbers can be asked for in O(log n).
///
/// It is a function of the set of its events, as an [`Inbox`] is: they may come late, twice and in any order (R02–R04). It
/// knows no policy, no clock and nobody's personal facts. Cloning is O(1).
///
/// ```
/// use chatfold::shared::{Directory, Memberships, SharedId, Timeline};
/// use chatfold::{Envelope, EventId, GroupId, Message, MessageId, Policy, Timestamp, UserId};
///
/// let [alice, bob] = [UserId::parse("alice")?, UserId::parse("bob")?];
/// let team = SharedId::group(&GroupId::parse("team")?);
/// let mut timeline = Timeline::new(&team);
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob.clone());
/// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?").with_seq(1);
/// timeline.apply(&envelope.message_received(team.conversation().clone(), lunch)?);
///
/// // One fold, and a row for each member.
/// let directory = Directory::new();
/// for (user, unread) in [(alice, 1), (bob, 0)] {
///     let memberships = Memberships::new(user, Policy::default())?;
///     let member = memberships.member(&timeline, &directory).ok_or("a group is open to all")?;
///     assert_eq!(member.unread_count(), unread);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Timeline {
    id: SharedId,
    inbox: Inbox,
    pub(crate) people: People,
    pub(crate) lists: Lists,
    version: u64,
}

/// What an event changed of a timeline: whose rows may show something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Touched {
    /// Nothing that a row shows by numbers.
    #[default]
    Nothing,
    /// A message was added behind all others: its slot.
    Added(u32),
    /// A message was recalled that mentions nobody and is for all.
    Recalled(Recalled),
    /// Rows of these users.
    Some(SmallVec<[UserId; 1]>),
    /// Rows of everybody.
    Everyone,
}

/// A recalled message as any member's row asks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recalled {
    pub(crate) message: MessageId,
    pub(crate) author: u32,
    pub(crate) first: i64,
    /// What is added to the unread messages of others than its author: -1 where it counted, else 0.
    pub(crate) unread: i32,
}

impl Touched {
    /// What two events after each other touched.
    fn join(&mut self, other: Self) {
        *self = match (std::mem::take(self), other) {
            (Self::Nothing, touched) | (touched, Self::Nothing) => touched,
            (Self::Some(mut users), Self::Some(others)) => {
                users.extend(others);
                Self::Some(users)
            }
            _ => Self::Everyone,
        }
    }
}

/// What an event changed of a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimelineChange {
    pub(crate) touched: Touched,
    /// The slots of messages of which something else shows, ascending.
    pub(crate) shown: SmallVec<[u32; 1]>,
}

impl TimelineChange {
    /// Whether nobody's row or history shows anything else than before.
    pub fn is_empty(&self) -> bool {
        self.touched == Touched::Nothing && self.shown.is_empty()
    }

    /// Whether rows of members may show other numbers, another last message or another place.
    pub fn concerns_rows(&self) -> bool {
        self.touched != Touched::Nothing
    }

    /// Adds what a later event changed.
    pub(crate) fn join(&mut self, other: Self) {
        self.touched.join(other.touched);
        self.shown.extend(other.shown);
    }
}

impl Timeline {
    /// The timeline of a conversation of which nothing was said yet.
    pub fn new(id: &SharedId) -> Self {
        let inbox = Inbox::new(UserId::nobody(id.lesser()), Policy::default());
        Self::of(id, inbox, People::default())
    }

    /// A timeline of these registers; the lists follow from them.
    pub(crate) fn of(id: &SharedId, mut inbox: Inbox, people: People) -> Self {
        inbox.number(id.conversation());
        let mut timeline = Self { id: id.clone(), inbox, people, lists: Lists::default(), version: 0 };
        timeline.rebuild_lists();
        timeline
    }

    /// Folds a whole stream: the same as applying the events one by one, several times faster.
    pub fn replay<'a>(id: &SharedId, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut replay = Replay::new(UserId::nobody(id.lesser()), Policy::default());
        let (mut people, mut version) = (People::default(), 0);
        for event in events {
            if let Some(fact) = shared_fact(id, event) {
                people.apply(id, event.by(), event.stamp(), fact);
                replay.push(event);
                version += 1;
            }
        }
        Self { version, ..Self::of(id, replay.finish(), people) }
    }

    /// The same at another version.
    pub(crate) fn at_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    fn rebuild_lists(&mut self) {
        if let Some((conversation, users)) = self.inbox.with_users(NUMBER) {
            self.lists = Lists::of(conversation.facts(), users);
        }
        if let Some((lesser, greater)) = self.id.pair() {
            for reader in [lesser, greater] {
                for message in self.people.displaced(&reader) {
                    self.place_reads(message, None);
                }
            }
        }
    }

    /// Says where a message stands to those of a direct chat's two who read it by name; `before` is the first field of where
    /// it stood.
    fn place_reads(&mut self, message: MessageId, before: Option<i64>) {
        let Some((lesser, greater)) = self.id.pair().filter(|_| self.people.names(message)) else { return };
        for (reader, other) in [(&lesser, &greater), (&greater, &lesser)] {
            let first = self.first_field_for(other, message);
            self.people.place(reader, message, (before, first));
        }
    }

    /// The first field of where a message stands, if a user knows it, windows apart.
    fn first_field_for(&self, user: &UserId, message: MessageId) -> Option<i64> {
        let facts = self.facts()?;
        let slot = facts.slot(message)?;
        let entry = facts.arena.get(slot).filter(|entry| entry.bits & bits::CLASS != 0)?;
        is_for(facts, (slot, &entry), (user, self.number_of(user))).then_some(entry.first)
    }

    /// The conversation.
    pub fn id(&self) -> &SharedId {
        &self.id
    }

    /// How many events it took in, doubles among them: a row of a member made at this version is current (R128).
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Takes in an event of the stream. What is not shared, or of another conversation, says nothing here: see
    /// [`streams_of`](crate::shared::streams_of). Applied again, an event changes nothing but the version.
    ///
    /// Complexity: O(log n) in messages; of a message that mentions or is targeted at many, also what it names, once.
    pub fn apply(&mut self, event: &Event) -> TimelineChange {
        let Some(fact) = shared_fact(&self.id, event) else { return TimelineChange::default() };
        self.version += 1;
        let about_people = self.people.apply(&self.id, event.by(), event.stamp(), fact);
        let before: SmallVec<[Before; 1]> = about(fact).iter().map(|id| self.before(*id, fact)).collect();
        let (is_one, last) = (before.len() == 1, self.last());
        let type_before = self.type_register();
        let told = self.inbox.apply(event);
        let mut change = TimelineChange::default();
        for before in before {
            let Some(slot) = self.facts().and_then(|facts| facts.slot(before.id)) else { continue };
            let hidden = self.hidden_aside(slot);
            let shows = match &hidden {
                Some(sign) => before.hidden.as_ref() != Some(sign),
                // All are of one conversation, so they stand by id.
                None => told.messages.binary_search_by_key(&before.id, |told| told.message).is_ok(),
            };
            let id = before.id;
            let stood = before.cause.filter(Cause::is_introduced).map(|cause| cause.stands().1);
            let moved = self.carry_over(slot, before);
            if moved != Moved::No {
                self.place_reads(id, stood);
            }
            if shows || moved != Moved::No {
                change.shown.push(slot);
            }
            change.touched.join(match moved {
                Moved::No => Touched::Nothing,
                Moved::Added if self.people.names(id) => Touched::Everyone,
                Moved::Added if is_one && self.last() != last && self.last() == Some(slot) => {
                    Touched::Added(slot)
                }
                Moved::Recalled(recalled) => Touched::Recalled(recalled),
                Moved::Added | Moved::Yes => Touched::Everyone,
            });
        }
        if let Fact::PeerRead { through: Through::Message(message) } = fact {
            self.place_reads(*message, None);
        }
        change.shown.sort_unstable();
        // The directory may name a type too: by which write counts the stream's is told from it.
        if self.type_register() != type_before {
            change.touched = Touched::Everyone;
        } else if about_people {
            change.touched.join(match fact {
                Fact::Opened { .. } => Touched::Some([event.by().clone()].into()),
                Fact::MembershipSet { user: Some(user), .. } => Touched::Some([user.clone()].into()),
                _ => Touched::Everyone,
            });
        }
        change
    }

    /// What shows of a message that is targeted at some beside its entry, so that nobody's change set says nothing of it: sums
    /// and stamps, however much was said of it.
    fn hidden_aside(&self, slot: u32) -> Option<AsideSign> {
        let facts = self.facts()?;
        let entry = facts.arena.get(slot).filter(|entry| entry.has(bits::HIDDEN))?;
        let mut sign = AsideSign::default();
        if let Some(aside) = facts.aside(slot) {
            if let Some(social) = aside.social.as_deref() {
                sign.social = (social.shown_hash(entry.author), social.pinned.get() == Some(&true));
            }
            sign.edits = aside.edits.as_deref().map(|edits| (edits.version, edits.edited_hashes()));
            sign.recall = aside.recall.as_deref().and_then(|recall| Some(recall.entry()?.0));
        }
        Some(sign)
    }

    fn type_register(&self) -> Option<Lww<GroupType>> {
        self.conversation().map(|conversation| conversation.shared.group_type.clone())
    }

    /// What a message was before a fact about it.
    fn before(&mut self, id: MessageId, fact: &Fact) -> Before {
        let nothing = Before { id, cause: None, places: None, hidden: None };
        let places = matches!(
            fact,
            Fact::MessageReceived(_) | Fact::MessageRecalled { .. } | Fact::MessageModified { .. }
        );
        let Some((conversation, users)) = self.inbox.with_users(NUMBER) else { return nothing };
        let facts = conversation.facts();
        let Some(slot) = facts.slot(id) else { return nothing };
        let places = places.then(|| self.lists.places(slot, facts, users));
        let cause = Some(Cause::of(facts, slot));
        Before { id, cause, places, hidden: self.hidden_aside(slot) }
    }

    /// Carries what an event changed of a message over to the lists.
    fn carry_over(&mut self, slot: u32, before: Before) -> Moved {
        let Some((conversation, users)) = self.inbox.with_users(NUMBER) else { return Moved::No };
        let facts = conversation.facts();
        let cause = Cause::of(facts, slot);
        if !cause.is_introduced() || before.cause == Some(cause) {
            return Moved::No;
        }
        let (message, places) = (before.id, before.places.unwrap_or_default());
        let counted = self.lists.carry_over(slot, &places, facts, users);
        match (before.cause, counted) {
            (None, _) => Moved::Added,
            (Some(before), Some(unread)) if cause.is_recalled_since(&before) => {
                let (author, first) = cause.stands();
                Moved::Recalled(Recalled { message, author, first, unread })
            }
            _ => Moved::Yes,
        }
    }

    /// The message behind all others, those targeted at some apart.
    fn last(&self) -> Option<u32> {
        self.order()?.last()
    }

    /// Joins what another timeline of the same conversation took in (R04). Complexity: the messages of both.
    ///
    /// # Errors
    ///
    /// [`MergeError`]: it is of another direct chat of this name, or a part of it is corrupt. Nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        self.inbox.merge(&other.inbox)?;
        self.people.join(&other.people);
        self.rebuild_lists();
        self.version += other.version;
        Ok(())
    }

    /// The inbox that nobody owns: what [`decide`](fn@crate::decide) judges those commands on that concern what all share, as a
    /// recall, an edit or a reaction. What in it depends on who looks (unread messages, mentions) says nothing.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// What became of a user as a member of the group, if anybody said (R58).
    pub fn membership(&self, user: &UserId) -> Option<Membership> {
        self.people.membership(user)
    }

    pub(crate) fn conversation(&self) -> Option<&Conversation> {
        self.inbox.numbered(NUMBER)
    }

    pub(crate) fn facts(&self) -> Option<&Facts> {
        self.conversation().map(Conversation::facts)
    }

    pub(crate) fn order(&self) -> Option<&Order> {
        self.conversation()?.order()
    }

    /// The users in whose lists of mentions a message stands, and what it adds there.
    pub(crate) fn mentioned(&mut self, slot: u32) -> SmallVec<[(u32, Contribution); 2]> {
        let Some((conversation, users)) = self.inbox.with_users(NUMBER) else { return SmallVec::new() };
        self.lists.places(slot, conversation.facts(), users).mentions().collect()
    }

    /// Where a message stands.
    pub(crate) fn position(&self, slot: u32) -> Option<Position> {
        Some(self.facts()?.position(slot))
    }

    /// The message at a slot, its entry as somebody sees it.
    pub(crate) fn message_as(&self, slot: u32, entry: Entry) -> Option<MessageView<'_>> {
        Some(self.inbox.message_at(NUMBER, slot)?.with_entry(entry))
    }

    /// The users who wrote, or are named, here.
    pub(crate) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.inbox.users_named()
    }

    /// The number of a user who wrote, or is named, here.
    pub(crate) fn number_of(&self, user: &UserId) -> Option<u32> {
        self.inbox.user_number(user)
    }
}

/// Whether a message is for a user, who has this number in the timeline: for all, the user's own, or targeted at the user (R18).
pub(crate) fn is_for(
    facts: &Facts,
    (slot, entry): (u32, &Entry),
    (user, number): (&UserId, Option<u32>),
) -> bool {
    !entry.has(bits::HIDDEN)
        || Some(entry.author) == number
        || facts.content(slot).recipients().any(|other| other == user.as_str())
}

/// A message before a fact about it.
#[derive(Debug)]
struct Before {
    id: MessageId,
    /// `None`: it had no slot.
    cause: Option<Cause>,
    places: Option<Arc<Places>>,
    /// What showed of it beside its entry, if it was targeted at some.
    hidden: Option<AsideSign>,
}

/// What tells apart what shows of a message beside its entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct AsideSign {
    /// The sum of what shows, and whether it is pinned.
    social: (u64, bool),
    edits: Option<(u64, [Option<u64>; 3])>,
    recall: Option<Stamp>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    No,
    /// Nobody had heard of it before.
    Added,
    /// It was recalled, which changes no row but in how many are unread.
    Recalled(Recalled),
    Yes,
}

/// The fact of an event that a timeline of this conversation takes in.
fn shared_fact<'a>(id: &SharedId, event: &'a Event) -> Option<&'a Fact> {
    match event.body() {
        Body::Conversation(conversation, fact) if conversation == id.conversation() && is_shared(fact) => {
            Some(fact)
        }
        _ => None,
    }
}
