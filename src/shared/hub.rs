//! The connected accounts of a server over the timelines that they share: what to load, and whose rows changed.

pub(crate) mod account;
pub(crate) mod delivery;
pub(crate) mod kept;
pub(crate) mod rooms;

use std::collections::BTreeMap;

use crate::inbox::MergeError;
use crate::inbox::list::ranking::ListCursor;
use crate::model::badge::BadgeRule;
use crate::model::change::{Attribute, Attributes, Totals};
use crate::model::event::Event;
use crate::model::filter::Filter;
use crate::model::id::{ConversationId, UserId};
use crate::model::stream::{SharedId, StreamId};
use crate::register::lattice::shown;
use crate::shared::directory::{Directory, DirectoryChange};
use crate::shared::hub::account::{Account, Added};
use crate::shared::hub::delivery::Delivery;
use crate::shared::hub::kept::Changed;
use crate::shared::hub::rooms::{Room, Rooms};
use crate::shared::member::Member;
use crate::shared::memberships::Memberships;
use crate::shared::timeline::{Timeline, TimelineChange, Touched};

/// A connection of an account: several of one account share what the hub holds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session(u64);

/// The rows of all connected accounts over the timelines that they share, kept current: sans-I/O, the caller loads what
/// [`needs`](Hub::needs) names and hands in what is appended to the streams.
///
/// A shared event is folded once; what it tells is told of connected accounts alone, and costs nothing for any other
/// member. An ordinary message costs O(1) a connected member and a step in its list, anything else a few rank questions.
///
/// ```
/// use chatfold::shared::{Directory, Hub, Memberships, SharedId, StreamId, Timeline};
/// use chatfold::event::Watermark;
/// use chatfold::{Envelope, EventId, GroupId, Message, MessageId, Policy, Timestamp, UserId};
///
/// let [alice, bob] = [UserId::parse("alice")?, UserId::parse("bob")?];
/// let team = SharedId::group(&GroupId::parse("team")?);
/// let by = |n: u8, user: &UserId| -> Result<Envelope, chatfold::time::TimestampError> {
///     Ok(Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, user.clone()))
/// };
/// // What the server writes when a member joins: the window through which it sees the history.
/// let mut memberships = Memberships::new(alice.clone(), Policy::default())?;
/// let window = by(1, &alice)?.history_window(team.conversation().clone(), Watermark::Seq(0), None)?;
/// memberships.apply(&window);
///
/// let mut hub = Hub::new(Directory::new());
/// let session = hub.connect(memberships)?;
/// assert_eq!(hub.needs().collect::<Vec<_>>(), [StreamId::Conversation(team.clone())]);
/// hub.provide(Timeline::new(&team));
///
/// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?").with_seq(1);
/// let received = by(2, &bob)?.message_received(team.conversation().clone(), lunch)?;
/// let delivery = hub.shared(&team, &[received]);
/// assert_eq!(delivery.changes[0].account, alice);
/// assert_eq!(hub.totals(session).map(|totals| totals.unread), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Hub {
    directory: Directory,
    rooms: Rooms,
    /// By number; those that left are `None`.
    accounts: Vec<Option<Account>>,
    numbers: BTreeMap<UserId, u32>,
    free: Vec<u32>,
    sessions: BTreeMap<Session, u32>,
    next_session: u64,
}

/// Some rows of an account's list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemberList<'a> {
    /// The rows, in list order.
    pub members: Vec<Member<'a>>,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<ListCursor>,
}

impl Hub {
    /// A hub without connections.
    pub fn new(directory: Directory) -> Self {
        Self { directory, ..Self::default() }
    }

    /// The directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The streams whose timelines connected accounts see and that are not there: the caller loads each and
    /// [provides](Hub::provide) it. Until then the account's list and totals lack these conversations.
    ///
    /// Complexity: O(1) each.
    pub fn needs(&self) -> impl Iterator<Item = StreamId> + '_ {
        self.rooms.missing().map(|id| StreamId::Conversation(id.clone()))
    }

    /// The timelines that no connected account sees.
    ///
    /// Complexity: O(timelines).
    pub fn idle(&self) -> impl Iterator<Item = &SharedId> {
        self.rooms.iter().filter(|room| room.seats.is_empty()).map(|room| &room.id)
    }

    /// Gives back a timeline that no connected account sees; `None` where one does, or it is not there.
    pub fn evict(&mut self, id: &SharedId) -> Option<Timeline> {
        self.rooms.evict(id)
    }

    /// A timeline that is there.
    pub fn timeline(&self, id: &SharedId) -> Option<&Timeline> {
        self.rooms.timeline(self.rooms.find(id)?)
    }

    /// Takes a timeline, in the place of one that was there, and tells the rows that it gives to connected accounts. What the
    /// messages themselves say is not compared with what they said before: where one of another log takes the place of an older one, as
    /// after a redaction, the accounts that [`see`](Hub::seeing) it read its messages anew.
    pub fn provide(&mut self, timeline: Timeline) -> Delivery {
        let room = self.rooms.provide(timeline);
        self.look_again(room, Attributes::default(), Changed::All)
    }

    /// An account connects: its personal facts, as its stream (and a snapshot of it) gives them. If it is connected already,
    /// they are joined with what is there; rows that this changes are not told to its other sessions, which read them anew.
    ///
    /// Complexity: a row for each of its conversations whose timeline is there.
    ///
    /// # Errors
    ///
    /// [`MergeError`]: the account is connected under another policy. Nothing is changed then.
    pub fn connect(&mut self, memberships: Memberships) -> Result<Session, MergeError> {
        let number = match self.numbers.get(memberships.owner()) {
            Some(number) => {
                let number = *number;
                if let Some(Some(account)) = self.accounts.get_mut(number as usize) {
                    account.memberships.merge(&memberships)?;
                }
                number
            }
            None => self.add(memberships),
        };
        self.sit_down(number);
        Ok(self.open(number))
    }

    fn add(&mut self, memberships: Memberships) -> u32 {
        let owner = memberships.owner().clone();
        let account = Some(Account::new(memberships));
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.accounts.push(None);
                self.accounts.len() as u32 - 1
            }
        };
        if let Some(place) = self.accounts.get_mut(number as usize) {
            *place = account;
        }
        self.numbers.insert(owner, number);
        number
    }

    fn open(&mut self, number: u32) -> Session {
        let session = Session(self.next_session);
        self.next_session += 1;
        self.sessions.insert(session, number);
        if let Some(Some(account)) = self.accounts.get_mut(number as usize) {
            account.sessions += 1;
        }
        session
    }

    /// Gives an account a seat in each of its conversations, and looks at every one anew.
    fn sit_down(&mut self, number: u32) {
        let Some(Some(account)) = self.accounts.get_mut(number as usize) else { return };
        account.sit_down(number, &mut self.rooms);
        account.look_at_all(&self.rooms, &self.directory);
    }

    /// A session of an account that is connected already; `None` where it is not.
    pub fn join(&mut self, owner: &UserId) -> Option<Session> {
        let number = *self.numbers.get(owner)?;
        Some(self.open(number))
    }

    /// Takes the personal facts of an account that is connected in the place of those that are held, as where its stream was
    /// erased or put back since: nothing of the old ones stays. Rows that this changes are not told, so its sessions read them
    /// anew. Returns whether the account is connected.
    ///
    /// Complexity: as [`connect`](Hub::connect).
    pub fn replace(&mut self, memberships: Memberships) -> bool {
        let Some(number) = self.numbers.get(memberships.owner()).copied() else { return false };
        let Some(Some(account)) = self.accounts.get_mut(number as usize) else { return false };
        account.stand_up(number, &mut self.rooms);
        let sessions = account.sessions;
        *account = Account::new(memberships);
        account.sessions = sessions;
        self.sit_down(number);
        true
    }

    /// Takes a directory in the place of the one that is held, as where its stream was rewritten or put back since. Rows that
    /// this changes are not told, so all sessions read them anew.
    ///
    /// Complexity: all rows of connected accounts are made anew.
    pub fn replace_directory(&mut self, directory: Directory) {
        self.directory = directory;
        for account in self.accounts.iter_mut().flatten() {
            account.look_at_all(&self.rooms, &self.directory);
        }
    }

    /// The connected accounts that see a timeline, or would if it were there.
    ///
    /// Complexity: O(1) each.
    pub fn seeing(&self, id: &SharedId) -> impl Iterator<Item = &UserId> {
        let room = self.rooms.find(id).and_then(|room| self.rooms.get(room));
        let numbers = room.into_iter().flat_map(|room| &room.seats).map(|(number, _)| *number);
        numbers.filter_map(|number| Some(self.accounts.get(number as usize)?.as_ref()?.memberships.owner()))
    }

    /// A session ends. With the last of an account everything held of it goes, timelines apart; its personal facts are
    /// returned.
    pub fn disconnect(&mut self, session: Session) -> Option<Memberships> {
        let number = self.sessions.remove(&session)?;
        let place = self.accounts.get_mut(number as usize)?;
        let open = &mut place.as_mut()?.sessions;
        *open = open.saturating_sub(1);
        if *open > 0 {
            return None;
        }
        let account = place.take()?;
        self.free.push(number);
        self.numbers.remove(account.memberships.owner());
        account.stand_up(number, &mut self.rooms);
        Some(account.memberships)
    }

    /// Takes in events appended to the stream of a conversation, in its order, and tells which rows changed. Where the timeline
    /// is not there nobody is told: [`provide`](Hub::provide) one that holds them.
    ///
    /// Complexity: each event is folded once. Then, for each connected member: O(1) and a step in its list where one message
    /// was added behind all others, or one that mentions nobody was recalled; a few rank questions where anything else changed
    /// that its row may show, else nothing.
    pub fn shared(&mut self, id: &SharedId, events: &[Event]) -> Delivery {
        let Self { rooms, accounts, directory, .. } = self;
        let Some(room) = rooms.find(id) else { return Delivery::default() };
        let Some(Room { timeline: Some(timeline), .. }) = rooms.get_mut(room) else {
            return Delivery::default();
        };
        let mut change = TimelineChange::default();
        for event in events {
            change.join(timeline.apply(event));
        }
        events.iter().for_each(|event| rooms.name(room, event.by()));
        let Some(Room { timeline: Some(timeline), seats, .. }) = rooms.get_mut(room) else {
            return Delivery::default();
        };
        change.shown.sort_unstable();
        change.shown.dedup();
        let mut delivery = Delivery { version: timeline.version(), ..Delivery::default() };
        let shown = change.shown.iter().filter_map(|slot| timeline.facts()?.arena.id(*slot));
        delivery.messages.extend(shown);
        let changed = Changed::Messages(&delivery.messages);
        let added = match change.touched {
            Touched::Added(slot) => Added::of(timeline, directory, slot),
            Touched::Nothing if change.shown.is_empty() => return delivery,
            _ => None,
        };
        for (number, conversation) in seats.iter() {
            let Some(Some(account)) = accounts.get_mut(*number as usize) else { continue };
            let last = account.shows_last(*conversation, &change.shown);
            let told = match (&change.touched, &added) {
                (_, Some(added)) => account.add(*conversation, (timeline, directory), added, last),
                (Touched::Some(users), _) if !users.contains(account.memberships.owner()) => {
                    account.tell(*conversation, last)
                }
                (Touched::Nothing, _) => account.tell(*conversation, last),
                (Touched::Recalled(recalled), _) => {
                    account.recall(*conversation, (timeline, directory), *recalled, last)
                }
                _ => account.look(*conversation, (timeline, directory), last, changed),
            };
            delivery.changes.extend(told);
        }
        delivery
    }

    /// Takes in events appended to an account's personal stream and tells what they changed of its rows; nothing where the
    /// account is not connected.
    ///
    /// Complexity: a few rank questions for each conversation that they are about, and O(log n) for each message that they name;
    /// a window makes anew what the account named in its conversation.
    pub fn personal(&mut self, owner: &UserId, events: &[Event]) -> Delivery {
        let mut delivery = Delivery::default();
        let Some(number) = self.numbers.get(owner).copied() else { return delivery };
        let Some(Some(account)) = self.accounts.get_mut(number as usize) else { return delivery };
        let told = account.memberships.take_in(events);
        (delivery.folders, delivery.quiet_hours) = (told.folders, told.quiet_hours);
        account.sit_down(number, &mut self.rooms);
        for (id, change) in told.conversations {
            let Some(conversation) = account.memberships.inbox().number_of(&id) else { continue };
            let room = account.room(conversation);
            if let Some(timeline) = room.and_then(|room| self.rooms.timeline(room)) {
                let changed = if change.windows { Changed::All } else { Changed::Messages(&change.messages) };
                let over = (timeline, &self.directory);
                delivery.changes.extend(account.look(conversation, over, change.attributes, changed));
            }
        }
        delivery
    }

    /// Takes in an event of the directory's stream and tells the rows in which it shows.
    ///
    /// Complexity: of a group, its connected members; of a user, the connected members of the conversations in which the user
    /// is named.
    pub fn profile(&mut self, event: &Event) -> Delivery {
        let before = self.directory.clone();
        match self.directory.apply(event) {
            Some(DirectoryChange::Group(group)) => {
                let mut attributes = Attributes::default();
                let shown = |directory: &Directory| {
                    let profile = directory.group(group.as_str())?;
                    let text = |text: Option<&str>| text.map(str::to_owned);
                    Some((text(shown(&profile.name)), text(shown(&profile.face_url))))
                };
                let [(old_name, old_face), (name, face)] =
                    [&before, &self.directory].map(|directory| shown(directory).unwrap_or_default());
                attributes.insert_if(Attribute::ShowName, old_name != name);
                attributes.insert_if(Attribute::FaceUrl, old_face != face);
                let room = self.rooms.find(&SharedId::group(&group));
                let changed = Changed::Messages(&[]);
                room.map(|room| self.look_again(room, attributes, changed)).unwrap_or_default()
            }
            Some(DirectoryChange::User(user)) => self.profile_shows(&before, &user, None),
            Some(DirectoryChange::Remark { writer, user }) => {
                self.profile_shows(&before, &user, Some(&writer))
            }
            None => Delivery::default(),
        }
    }

    /// Tells the rows in which a user's profile shows otherwise than before, to all or to one account.
    fn profile_shows(&self, before: &Directory, user: &UserId, to: Option<&UserId>) -> Delivery {
        let mut delivery = Delivery::default();
        let (first, last) = match to.map(|to| self.numbers.get(to)) {
            None => (0, u32::MAX),
            Some(Some(to)) => (*to, *to),
            Some(None) => return delivery,
        };
        for room in self.rooms.naming(user) {
            let Some(timeline) = &room.timeline else { continue };
            for (number, conversation) in room.seats.range((first, 0)..=(last, u32::MAX)) {
                let Some(Some(account)) = self.accounts.get(*number as usize) else { continue };
                let shows = account.shows_profile((*conversation, timeline), user, (before, &self.directory));
                delivery.changes.extend(account.tell(*conversation, shows));
            }
        }
        delivery
    }

    /// Looks anew at the rows that a timeline gives to connected accounts; these attributes differ anyway.
    fn look_again(&mut self, room: u32, attributes: Attributes, changed: Changed<'_>) -> Delivery {
        let Self { rooms, accounts, directory, .. } = self;
        let Some(Room { timeline: Some(timeline), seats, .. }) = rooms.get(room) else {
            return Delivery::default();
        };
        let mut delivery = Delivery { version: timeline.version(), ..Delivery::default() };
        for (number, conversation) in seats {
            if let Some(Some(account)) = accounts.get_mut(*number as usize) {
                let over = (timeline, &*directory);
                delivery.changes.extend(account.look(*conversation, over, attributes, changed));
            }
        }
        delivery
    }
}

impl Hub {
    fn account(&self, session: Session) -> Option<&Account> {
        self.accounts.get(*self.sessions.get(&session)? as usize)?.as_ref()
    }

    /// The personal facts of a session's account.
    pub fn memberships(&self, session: Session) -> Option<&Memberships> {
        Some(&self.account(session)?.memberships)
    }

    /// The sessions of an account, if it is connected.
    pub fn sessions_of(&self, owner: &UserId) -> impl Iterator<Item = Session> + '_ {
        let number = self.numbers.get(owner).copied();
        let open = self.sessions.iter().filter(move |(_, of)| Some(**of) == number);
        open.map(|(session, _)| *session)
    }

    /// Unread messages over the whole list of a session's account (R53): O(1).
    pub fn totals(&self, session: Session) -> Option<Totals> {
        Some(self.account(session)?.totals())
    }

    /// The badge of a session's account, by a rule of the reader's own (R55): O(1).
    pub fn badge(&self, session: Session, rule: BadgeRule) -> Option<u64> {
        Some(self.account(session)?.badge(rule))
    }

    /// A conversation as a session's account sees it, if its timeline is there.
    pub fn member(&self, session: Session, id: &ConversationId) -> Option<Member<'_>> {
        let account = self.account(session)?;
        let conversation = account.memberships.inbox().number_of(id)?;
        self.member_of(account, conversation)
    }

    fn member_of<'a>(&'a self, account: &'a Account, conversation: u32) -> Option<Member<'a>> {
        let timeline = self.rooms.timeline(account.room(conversation)?)?;
        let row = account.row(conversation)?;
        Member::with_row(account.memberships.inbox(), timeline, &self.directory, row)
    }

    /// Up to `limit` rows of a session's account that pass `filter`, in list order from just after `after` (R50–R52).
    ///
    /// Complexity: O(log n) to find the place, and every row from there on that does not pass is looked at.
    pub fn list(
        &self,
        session: Session,
        filter: &Filter,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Option<MemberList<'_>> {
        let account = self.account(session)?;
        let rows = account.rows_after(after).filter_map(|number| self.member_of(account, number));
        let mut rows = rows.filter(|member| member.passes(filter));
        let members: Vec<_> = rows.by_ref().take(limit).collect();
        let more = members.last().filter(|_| rows.next().is_some());
        let next = more.map(Member::cursor);
        Some(MemberList { members, next })
    }
}
