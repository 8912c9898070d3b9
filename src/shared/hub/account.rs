//! A connected account: its personal facts, and its rows over the timelines that are there.

use smallvec::SmallVec;

use crate::inbox::Inbox;
use crate::inbox::apply::tracker::RowChange;
use crate::inbox::conversation::row::{PINNED, Row};
use crate::inbox::list::ranking::{ListCursor, ListKey, Ranking};
use crate::inbox::timeline::entry::Position;
use crate::inbox::timeline::order::contribution::{Contribution, Look as _};
use crate::model::badge::{BadgeRule, Sums};
use crate::model::change::{Attribute, Attributes, OrderKeys, Totals, TotalsChange};
use crate::model::event::{GroupType, Membership};
use crate::model::id::{ConversationKind, MessageId, UserId};
use crate::model::stream::SharedId;
use crate::shared::directory::Directory;
use crate::shared::hub::delivery::AccountChange;
use crate::shared::hub::kept::{Changed, Kept, are_many};
use crate::shared::hub::rooms::Rooms;
use crate::shared::memberships::Memberships;
use crate::shared::row::{Look, group_type, lets_count};
use crate::shared::taken::Taken;
use crate::shared::timeline::{Recalled, Timeline};

/// A connected account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) memberships: Memberships,
    /// How many sessions it has.
    pub(crate) sessions: u32,
    /// The rooms of its conversations, by the number of the conversation among the personal facts.
    rooms: Vec<u32>,
    /// By the number of the conversation among the personal facts.
    seats: Vec<Seat>,
    list: Ranking,
    sums: Sums,
    kept: Kept,
}

/// One conversation of a connected account.
#[derive(Clone, Copy, Debug)]
struct Seat {
    row: Row,
    /// Nothing up to this first field counts.
    floor: i64,
    /// The first field behind which everything to come is seen; the greatest where nothing is.
    open_after: i64,
    /// The account's number in the timeline, if it is named there.
    number: Option<u32>,
    /// How far the peer of a direct chat has read, -1 for not at all.
    peer_read: i64,
    membership: Option<Membership>,
    group_type: Option<GroupType>,
    stays_archived: bool,
    /// Whether the account read the last message by name.
    last_is_read: bool,
    /// Whether the account's own facts name no message of it.
    names_none: bool,
}

impl Default for Seat {
    fn default() -> Self {
        Self {
            row: Row::default(),
            floor: -1,
            open_after: i64::MAX,
            number: None,
            peer_read: -1,
            membership: None,
            group_type: None,
            stays_archived: false,
            last_is_read: false,
            names_none: false,
        }
    }
}

impl Seat {
    /// What an account sees of a timeline now.
    fn of(look: &Look<'_>, taken: Option<&Taken>) -> Self {
        let row = look.row(taken);
        Self {
            row,
            floor: look.floor(row.marker),
            open_after: look.windows.open_after(),
            number: look.number,
            peer_read: look.peer_read(),
            membership: look.timeline.people.membership(look.owner),
            group_type: look.group_type,
            stays_archived: look.personal().stays_archived(),
            last_is_read: row.last.is_some_and(|last| look.is_read_by_name(last)),
            names_none: look.own.is_none_or(|own| own.facts().arena.len() == 0),
        }
    }

    /// Which attributes two seats show otherwise.
    fn differences(&self, other: &Self) -> Attributes {
        let mut attributes = self.row.differences(&other.row);
        attributes.insert_if(Attribute::PeerRead, self.peer_read != other.peer_read);
        attributes.insert_if(Attribute::Membership, self.membership != other.membership);
        attributes.insert_if(Attribute::GroupType, self.group_type != other.group_type);
        attributes.insert_if(Attribute::Archived, self.stays_archived != other.stays_archived);
        attributes.insert_if(Attribute::LastMessage, self.last_is_read != other.last_is_read);
        attributes
    }
}

/// A message that was added behind all others, as any member's row asks of it.
#[derive(Debug)]
pub(crate) struct Added {
    slot: u32,
    author: u32,
    position: Position,
    contribution: Contribution,
    /// The users whom it mentions, others than its author, and what the mention adds for them.
    mentioned: SmallVec<[(u32, Contribution); 2]>,
    group_type: Option<GroupType>,
    kind: ConversationKind,
}

impl Added {
    pub(crate) fn of(timeline: &mut Timeline, directory: &Directory, slot: u32) -> Option<Self> {
        let mentioned = timeline.mentioned(slot);
        let facts = timeline.facts()?;
        let entry = facts.arena.get(slot)?;
        let contribution = facts.contribution(slot);
        Some(Self {
            slot,
            author: entry.author,
            position: entry.position(),
            contribution,
            mentioned,
            group_type: group_type(timeline, directory),
            kind: facts.kind,
        })
    }
}

/// Whether an account's own facts about the conversation with this number name a message. Complexity: O(1).
fn names(inbox: &Inbox, number: u32, message: MessageId) -> bool {
    inbox.numbered_once(number).is_some_and(|own| own.facts().slot(message).is_some())
}

impl Account {
    pub(crate) fn new(memberships: Memberships) -> Self {
        Self {
            memberships,
            sessions: 0,
            rooms: Vec::new(),
            seats: Vec::new(),
            list: Ranking::default(),
            sums: Sums::default(),
            kept: Kept::default(),
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        self.sums.totals()
    }

    pub(crate) fn badge(&self, rule: BadgeRule) -> u64 {
        self.sums.badges.count(rule)
    }

    /// Gives every conversation that its facts name and that has none a seat; `me` is the account's number.
    pub(crate) fn sit_down(&mut self, me: u32, rooms: &mut Rooms) {
        let inbox = self.memberships.inbox();
        let mut key = String::new();
        for number in self.rooms.len() as u32..inbox.numbers() {
            let Some(id) = inbox.id_of(number) else { break };
            SharedId::put_key_of(&mut key, inbox.owner(), id);
            let known = rooms.find_key(&key);
            let room = known.unwrap_or_else(|| rooms.number(&SharedId::of(inbox.owner(), id)));
            rooms.sit_down(room, (me, number));
            self.rooms.push(room);
        }
        self.seats.resize_with(self.rooms.len(), Seat::default);
    }

    /// Gives up all seats; `me` is the account's number.
    pub(crate) fn stand_up(&self, me: u32, rooms: &mut Rooms) {
        for (number, room) in (0..).zip(&self.rooms) {
            rooms.stand_up(*room, (me, number));
        }
    }

    /// The number of the room of a conversation.
    pub(crate) fn room(&self, number: u32) -> Option<u32> {
        self.rooms.get(number as usize).copied()
    }

    /// Makes all rows whose timelines are there anew, the list and the totals with them. What lies in a snapshot stays there.
    ///
    /// Complexity: O(n log n) in the rows, and what each of them costs.
    pub(crate) fn look_at_all(&mut self, rooms: &Rooms, directory: &Directory) {
        let inbox = self.memberships.inbox();
        let (mut sums, mut listed) = (Sums::default(), Vec::with_capacity(self.seats.len()));
        for ((number, room), seat) in (0..).zip(&self.rooms).zip(&mut self.seats) {
            let Some(timeline) = rooms.timeline(*room) else { continue };
            let own = inbox.numbered_once(number);
            let look = Look::new((inbox.owner(), inbox.policy()), own.as_deref(), timeline, directory);
            if let Some(look) = look {
                if are_many(&look) {
                    // Held from now on, and not decoded anew whenever something is asked of it.
                    inbox.numbered(number);
                }
                *seat = Seat::of(&look, self.kept.follow(number, &look, Changed::All));
            }
            if let (Some(key), Some(id)) = (seat.row.key(), inbox.id_of(number)) {
                sums.add(&seat.row.counted());
                listed.push((ListKey::new(key, id.clone()), number));
            }
        }
        listed.sort_unstable();
        (self.sums, self.list) = (sums, Ranking::of(listed));
    }

    pub(crate) fn row(&self, number: u32) -> Option<Row> {
        self.seats.get(number as usize).map(|seat| seat.row)
    }

    /// The numbers of the listed conversations, in list order from just after a place.
    pub(crate) fn rows_after(&self, after: Option<&ListCursor>) -> impl Iterator<Item = u32> + '_ {
        let key = after.map(|cursor| ListKey::new(cursor.order_key, cursor.id.clone()));
        self.list.after(key.as_ref()).map(|(_, number)| *number)
    }

    /// Makes the row of a conversation anew and tells what is otherwise, given what may be since it was made; `known` are
    /// attributes that differ anyway.
    pub(crate) fn look(
        &mut self,
        number: u32,
        (timeline, directory): (&Timeline, &Directory),
        mut known: Attributes,
        changed: Changed<'_>,
    ) -> Option<AccountChange> {
        let inbox = self.memberships.inbox();
        let own = inbox.numbered_once(number);
        let look = Look::new((inbox.owner(), inbox.policy()), own.as_deref(), timeline, directory)?;
        let seat = Seat::of(&look, self.kept.follow(number, &look, changed));
        let old = std::mem::replace(self.seats.get_mut(number as usize)?, seat);
        known.join(old.differences(&seat));
        self.carry(number, &old.row, &seat.row, known)
    }

    /// Counts a message that was added behind all others; `known` are attributes that differ anyway.
    pub(crate) fn add(
        &mut self,
        number: u32,
        (timeline, directory): (&Timeline, &Directory),
        added: &Added,
        known: Attributes,
    ) -> Option<AccountChange> {
        let seat = self.seats.get_mut(number as usize)?;
        // A message targeted at the account may stand behind the one that stands behind all others.
        let is_behind = seat.row.last.is_none_or(|last| timeline.position(last) < Some(added.position));
        let covered = seat.floor.max(seat.open_after);
        let is_named = !seat.names_none && names(self.memberships.inbox(), number, added.position.id);
        if is_named || seat.row.archived || !is_behind || added.position.first <= covered {
            let changed = Changed::Messages(std::slice::from_ref(&added.position.id));
            return self.look(number, (timeline, directory), known, changed);
        }
        if seat.number.is_none() {
            seat.number = timeline.number_of(self.memberships.owner());
        }
        let old = seat.row;
        let policy = self.memberships.inbox().policy();
        seat.last_is_read &= !added.contribution.has(Contribution::SHOWN);
        seat.row.count(added, seat.number, lets_count(added.group_type, added.kind, policy));
        self.counted(number, &old, known, (timeline, directory))
    }

    /// Counts a message that was recalled, where that is all; `known` are attributes that differ anyway.
    pub(crate) fn recall(
        &mut self,
        number: u32,
        (timeline, directory): (&Timeline, &Directory),
        recalled: Recalled,
        known: Attributes,
    ) -> Option<AccountChange> {
        let seat = self.seats.get_mut(number as usize)?;
        let is_named = || !seat.names_none && names(self.memberships.inbox(), number, recalled.message);
        if recalled.first > seat.floor && (recalled.first <= seat.open_after || is_named()) {
            let changed = Changed::Messages(std::slice::from_ref(&recalled.message));
            return self.look(number, (timeline, directory), known, changed);
        }
        let old = seat.row;
        let policy = self.memberships.inbox().policy();
        let (counts, _) = lets_count(seat.group_type, timeline.id().conversation().kind(), policy);
        if recalled.first > seat.floor && seat.number != Some(recalled.author) && counts {
            seat.row.unread = seat.row.unread.saturating_add_signed(recalled.unread);
        }
        self.counted(number, &old, known, (timeline, directory))
    }

    /// Carries a row over that was counted without asking the timeline, given what it was. Debug builds ask it, and assert that
    /// it says the same.
    fn counted(
        &mut self,
        number: u32,
        old: &Row,
        known: Attributes,
        (timeline, directory): (&Timeline, &Directory),
    ) -> Option<AccountChange> {
        let row = self.row(number)?;
        if cfg!(debug_assertions) {
            let inbox = self.memberships.inbox();
            let own = inbox.numbered_once(number);
            let look = Look::new((inbox.owner(), inbox.policy()), own.as_deref(), timeline, directory);
            debug_assert_eq!(Some(row), look.map(|look| look.row(None)), "what is counted is what there is");
        }
        let mut attributes = old.differences(&row);
        attributes.join(known);
        self.carry(number, old, &row, attributes)
    }

    /// What of a row shows a message that shows otherwise than before, given the slots of these, ascending.
    pub(crate) fn shows_last(&self, number: u32, shown: &[u32]) -> Attributes {
        let last = self.row(number).and_then(|row| row.last);
        let shows = last.is_some_and(|last| shown.binary_search(&last).is_ok());
        shows.then_some(Attribute::LastMessage).into_iter().collect()
    }

    /// In which attributes of a row the profile of `user` shows, given the directory before it changed and after.
    pub(crate) fn shows_profile(
        &self,
        (number, timeline): (u32, &Timeline),
        user: &UserId,
        (before, after): (&Directory, &Directory),
    ) -> Attributes {
        let mut attributes = Attributes::default();
        let owner = self.memberships.owner();
        let face = before.face_url(user) != after.face_url(user);
        let seen = timeline.id().as_seen_by(owner);
        if seen.is_some_and(|id| id.kind() == ConversationKind::Direct && id.target() == user.as_str()) {
            let name = before.name_of(owner, user) != after.name_of(owner, user);
            attributes.insert_if(Attribute::ShowName, name);
            attributes.insert_if(Attribute::FaceUrl, face);
        }
        let last = self.row(number).and_then(|row| timeline.facts()?.arena.get(row.last?));
        let wrote = last.is_some_and(|last| Some(last.author) == timeline.number_of(user));
        let names = |directory: &Directory| {
            let name = directory.nickname(user).map(str::to_owned);
            (name, directory.remark(owner, user).map(str::to_owned))
        };
        attributes.insert_if(Attribute::LastMessage, wrote && (face || names(before) != names(after)));
        attributes
    }

    /// Tells that these attributes of a row differ.
    pub(crate) fn tell(&self, number: u32, attributes: Attributes) -> Option<AccountChange> {
        if attributes.is_empty() {
            return None;
        }
        let key = self.row(number)?.key();
        self.told(number, RowChange { attributes, order_keys: OrderKeys { before: key, after: key } }, None)
    }

    fn told(&self, number: u32, change: RowChange, totals: Option<TotalsChange>) -> Option<AccountChange> {
        let id = self.memberships.inbox().id_of(number)?;
        let account = self.memberships.owner().clone();
        Some(AccountChange { account, change: change.told(id)?, totals })
    }

    /// Carries a row over to list and totals, and tells what is otherwise.
    fn carry(&mut self, number: u32, old: &Row, row: &Row, attributes: Attributes) -> Option<AccountChange> {
        let before = self.sums.totals();
        if !old.is_counted_like(row) {
            if old.listed {
                self.sums.sub(&old.counted());
            }
            if row.listed {
                self.sums.add(&row.counted());
            }
        } else if row.listed && (old.unread != row.unread || old.mentions != row.mentions) {
            self.sums.recount(&old.counted(), &row.counted());
        }
        let id = self.memberships.inbox().id_of(number)?;
        self.list.shift(id, number, (old.key(), row.key()));
        let after = self.sums.totals();
        let totals = (before != after).then_some(TotalsChange { before, after });
        let order_keys = OrderKeys { before: old.key(), after: row.key() };
        self.told(number, RowChange { attributes, order_keys }, totals)
    }
}

impl Row {
    /// Which attributes of a shared conversation two rows show otherwise.
    fn differences(&self, other: &Self) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.insert_if(Attribute::UnreadCount, self.unread != other.unread);
        let mentions = (self.mentions, self.mention_sig) != (other.mentions, other.mention_sig);
        attributes.insert_if(Attribute::Mentions, mentions);
        attributes.insert_if(Attribute::LastMessage, self.last != other.last);
        attributes.insert_if(Attribute::Activity, self.activity != other.activity);
        attributes.insert_if(Attribute::Archived, self.archived != other.archived);
        attributes.insert_if(Attribute::ReceiveOption, self.option != other.option);
        attributes.insert_if(Attribute::ReadMarker, self.marker != other.marker);
        attributes
    }

    /// Counts a message that stands behind all others and everything that may cover it.
    fn count(&mut self, added: &Added, me: Option<u32>, (counts, mentions): (bool, bool)) {
        let all = &added.contribution;
        if me != Some(added.author) {
            self.unread += u32::from(counts && all.has(Contribution::UNREAD));
            if mentions && all.has(Contribution::MENTION) {
                self.mentions += 1;
                self.mention_sig = self.mention_sig.wrapping_add(all.mention_sig);
            }
        }
        let mine = added.mentioned.iter().find(|(user, _)| mentions && Some(*user) == me);
        if let Some((_, mine)) = mine {
            self.mentions += u32::from(mine.has(Contribution::MENTION));
            self.mention_sig = self.mention_sig.wrapping_add(mine.mention_sig);
        }
        if all.has(Contribution::SHOWN) {
            self.last = Some(added.slot);
        }
        self.listed |= all.has(Contribution::PRESENT);
        self.activity = self.activity.max(all.activity);
        self.order_key = self.activity.unsigned_abs() + if self.order_key >= PINNED { PINNED } else { 0 };
    }
}
