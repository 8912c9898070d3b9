//! One member's row over a shared history: rank questions to the timeline, less what is the member's own (R126, R127).

use crate::inbox::containers::sparse::Absent as _;
use crate::inbox::conversation::personal::{Personal, reach};
use crate::inbox::conversation::resolved::Gives;
use crate::inbox::conversation::row::{Derived, PINNED, Row};
use crate::inbox::conversation::state::Conversation;
use crate::inbox::timeline::entry::{Entry, bits};
use crate::inbox::timeline::facts::Facts;
use crate::inbox::timeline::order::contribution::{Contribution, Look as _, Sum};
use crate::inbox::timeline::order::range::Range;
use crate::inbox::timeline::order::tree::Order;
use crate::model::event::{GroupType, Mark};
use crate::model::id::{ConversationKind, MessageId, UserId};
use crate::model::policy::Policy;
use crate::model::time::Stamp;
use crate::register::lattice::{Front, Join as _, Lww};
use crate::shared::directory::Directory;
use crate::shared::lists::{List, ListsLook, list_of, seen_by};
use crate::shared::ranked::{Elements as _, Key};
use crate::shared::taken::{self, Taken};
use crate::shared::timeline::{Timeline, is_for};
use crate::shared::windows::Windows;

/// What keeps a message from counting as unread or as a mention.
const OUT_OF_COUNT: u32 = bits::DELETED | bits::CLEARED | bits::UNLISTED | bits::READ;

/// What keeps it from being seen.
const OUT_OF_SIGHT: u32 = bits::DELETED | bits::CLEARED;

/// After so many messages in a row that are taken out the next one is found by counting.
const STEPS: usize = if cfg!(debug_assertions) { 1 } else { 64 };

/// A member's look at a timeline: everything that rows and histories ask.
#[derive(Clone, Debug)]
pub(crate) struct Look<'a> {
    pub(crate) owner: &'a UserId,
    pub(crate) policy: Policy,
    pub(crate) timeline: &'a Timeline,
    pub(crate) facts: &'a Facts,
    pub(crate) order: &'a Order,
    /// What is the member's own of the conversation, if it said anything.
    pub(crate) own: Option<&'a Conversation>,
    pub(crate) windows: Windows,
    pub(crate) group_type: Option<GroupType>,
    /// The member's number in the timeline, if it is named there.
    pub(crate) number: Option<u32>,
}

/// The type of a timeline's group, by its stream and by the directory, and the write that gave it (R20).
pub(crate) fn type_register(timeline: &Timeline, directory: &Directory) -> Lww<GroupType> {
    let said = timeline.conversation().map(|conversation| conversation.shared.group_type.clone());
    let mut group_type = said.unwrap_or_default();
    let id = timeline.id().conversation();
    if let Some(profile) = directory.group(id.target()).filter(|_| id.kind() == ConversationKind::Group) {
        group_type.join(&profile.group_type);
    }
    group_type
}

/// The type of a timeline's group.
pub(crate) fn group_type(timeline: &Timeline, directory: &Directory) -> Option<GroupType> {
    type_register(timeline, directory).get().copied()
}

/// Whether messages count as unread, and whether they mention anybody, in a conversation of this type (R23, R26).
pub(crate) fn lets_count(
    group_type: Option<GroupType>,
    kind: ConversationKind,
    policy: Policy,
) -> (bool, bool) {
    let group = kind == ConversationKind::Group;
    match group_type.filter(|_| group) {
        Some(GroupType::AvChatRoom) => (false, false),
        Some(GroupType::Meeting) => (policy.meeting_unread, true),
        _ => (true, group),
    }
}

/// The personal registers of a conversation, as they are where the account said nothing of it.
fn personal_of(own: Option<&Conversation>) -> &Personal {
    match own {
        Some(own) => &own.personal,
        None => Personal::absent(),
    }
}

impl<'a> Look<'a> {
    /// The look of `owner`; `None` where part of the timeline is corrupt.
    pub(crate) fn new(
        (owner, policy): (&'a UserId, Policy),
        own: Option<&'a Conversation>,
        timeline: &'a Timeline,
        directory: &Directory,
    ) -> Option<Self> {
        let conversation = timeline.conversation()?;
        let personal = personal_of(own);
        Some(Self {
            owner,
            policy,
            timeline,
            facts: conversation.facts(),
            order: conversation.order()?,
            own,
            windows: Windows::of(&personal.windows),
            group_type: group_type(timeline, directory),
            number: timeline.number_of(owner),
        })
    }

    /// The member's own facts of the conversation, if they name messages.
    pub(crate) fn named(&self) -> Option<&'a Facts> {
        self.own.map(Conversation::facts).filter(|facts| facts.arena.len() > 0)
    }

    /// What a message takes out of the member's numbers by the member's own facts, and where it stands; `None` where it takes
    /// out nothing.
    pub(crate) fn taken(&self, slot: u32) -> Option<(Key, Contribution)> {
        let (seen, all) = (self.entry(slot)?, self.facts.contribution(slot));
        if !seen.has(OUT_OF_COUNT) {
            return None;
        }
        let of = |list, number| ListsLook(self.facts).contribution((list_of(list, number), slot));
        let is_targeted = all.position.is_none();
        let (mut flags, mut mention_sig) = (0, 0);
        if !seen.has(bits::OWN) {
            flags |= all.flags & (Contribution::UNREAD | Contribution::MENTION);
            mention_sig = all.mention_sig;
            let (me, everybody) = self.mentions(slot, &seen);
            if let Some(number) = self.number.filter(|_| me || is_targeted && everybody) {
                let mine = of(List::Mentions, number);
                flags |= mine.flags & Contribution::MENTION;
                mention_sig = mention_sig.wrapping_add(mine.mention_sig);
            }
        }
        let targeted = || self.number.map_or(0, |number| of(List::Targeted, number).flags);
        let shows = if is_targeted { targeted() } else { all.flags };
        if seen.has(OUT_OF_SIGHT) {
            flags |= shows & Contribution::SHOWN;
        }
        if seen.has(bits::UNLISTED) {
            flags |= shows & Contribution::PRESENT;
        }
        let list = if is_targeted { taken::TARGETED } else { taken::SHARED };
        let key = Key { list, position: seen.position() };
        Some((key, Contribution { position: Some(key.position), flags, mention_sig, activity: -1 }))
    }

    /// All messages that the member's own facts take out. Complexity: what the member ever named.
    pub(crate) fn all_taken(&self) -> impl Iterator<Item = (u32, (Key, Contribution))> + '_ {
        let named = self.named().into_iter().flat_map(|own| own.arena.iter());
        let slots = named.filter_map(|(_, entry)| self.facts.slot(entry.id));
        slots.filter_map(|slot| Some((slot, self.taken(slot)?)))
    }

    /// What the member's reads and marks give that name the message at a slot among its own facts (R14, R42).
    pub(crate) fn gives(&self, slot: u32) -> Gives {
        let (personal, named) = (self.personal(), self.named());
        let known = || self.entry(self.facts.slot(named?.arena.id(slot)?)?);
        let [read, mark] = [&personal.named_reads, &personal.unread_marks].map(|stamps| stamps.get(&slot));
        let entry = read.or(mark).and_then(|_| known());
        let at = |stamp: Option<&Stamp>, entry: Option<&Entry>| Some((entry?.first, *stamp?));
        let placed = entry.as_ref().filter(|entry| entry.rank() == 0);
        Gives::named(at(read, placed), at(mark, entry.as_ref()))
    }

    pub(crate) fn personal(&self) -> &'a Personal {
        personal_of(self.own)
    }

    /// What the member's own facts say of a message, as bits of an entry.
    fn own_bits(&self, id: MessageId) -> u32 {
        let own = self.own.map(Conversation::facts).filter(|facts| facts.arena.len() > 0);
        let entry = own.and_then(|facts| facts.arena.get(facts.slot(id)?));
        entry.map_or(0, |entry| entry.bits & OUT_OF_COUNT)
    }

    /// The entry at a slot as the member sees it; `None` where it is unknown to the member: by no introduction, by its
    /// windows (R123), or because it is targeted at others (R18).
    pub(crate) fn entry(&self, slot: u32) -> Option<Entry> {
        let entry = self.facts.arena.get(slot)?;
        let known = entry.bits & bits::CLASS != 0 && self.windows.contain(entry.first);
        if !known || !is_for(self.facts, (slot, &entry), (self.owner, self.number)) {
            return None;
        }
        let mut seen = seen_by(&entry, self.number.unwrap_or(u32::MAX));
        seen.bits |= self.own_bits(entry.id);
        Some(seen)
    }

    /// Whether a message mentions the member, and whether everybody, where it may count as a mention (R26) were it not for
    /// what is the member's own.
    pub(crate) fn mentions(&self, slot: u32, entry: &Entry) -> (bool, bool) {
        let counts = self.facts.kind == ConversationKind::Group
            && entry.rank() == 0
            && !entry.has(bits::OWN | bits::RECALLED | bits::ONLINE_ONLY);
        if !counts {
            return (false, false);
        }
        let me = match self.facts.edited_mentions(slot, entry) {
            Some(mentions) => mentions.users.iter().any(|user| user == self.owner),
            None => self.facts.content(slot).mentioned().any(|user| user == self.owner.as_str()),
        };
        (me, entry.mentions().1)
    }

    /// What of a list of the member's lies in a range.
    fn listed(&self, list: List, range: Range) -> Sum {
        let (look, lists) = (ListsLook(self.facts), &self.timeline.lists);
        let sum = |number| lists.others.sum_within(list_of(list, number), range, &look);
        self.number.map_or(Sum::ZERO, sum)
    }

    /// The targeted messages of the member with `flag` in a range, last first.
    fn last_targeted(&self, flag: u8, range: Range) -> impl Iterator<Item = u32> + use<'a> {
        let (look, others) = (ListsLook(self.facts), &self.timeline.lists.others);
        let of = move |number| others.last_within(list_of(List::Targeted, number), flag, range, look);
        self.number.into_iter().flat_map(of).map(|(_, slot)| slot)
    }

    /// The targeted messages of the member in a range, first first.
    pub(crate) fn targeted(&self, range: Range) -> impl Iterator<Item = u32> + use<'a> {
        let (look, others) = (ListsLook(self.facts), &self.timeline.lists.others);
        let of = move |number| others.within(list_of(List::Targeted, number), range, look);
        self.number.into_iter().flat_map(of).map(|(_, slot)| slot)
    }

    /// The last message with `flag` behind `floor` that the member's own facts do not take out by `bits`.
    fn last_with(&self, flag: u8, floor: i64, bits: u32, taken: Option<&Taken>) -> Option<u32> {
        let stays = |slot: &u32| self.facts.arena.id(*slot).is_some_and(|id| self.own_bits(id) & bits == 0);
        let last = |range: Range, most: usize| {
            let shared = self.order.last_within(flag, range, self.facts).take(most).find(stays);
            let targeted = self.last_targeted(flag, range).take(most).find(stays);
            [shared, targeted]
        };
        self.windows.behind(floor).rev().find_map(|range| {
            let found = match taken {
                None => last(range, usize::MAX),
                Some(taken) => {
                    let mut found = last(range, STEPS);
                    for (list, found) in found.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
                        let rest = self.last_that_stays((list, flag), range, taken);
                        *found = rest.and_then(|range| last(range, usize::MAX)[list]);
                    }
                    found
                }
            };
            found.into_iter().flatten().max_by_key(|slot| self.facts.position(*slot))
        })
    }

    /// Of a range the last first field at which a message of a list with `flag` stands that is not taken out, as a range: found by
    /// halves, since what is in a range and what is taken out of it are counted. Complexity: O(log n) for each bit of a first field.
    fn last_that_stays(&self, (list, flag): (usize, u8), range: Range, taken: &Taken) -> Option<Range> {
        let stay = |after: i64| {
            let range = range.behind(after);
            let all = match list as u64 {
                taken::SHARED => self.order.counts_within(range, self.facts),
                _ => self.listed(List::Targeted, range),
            };
            all.count(flag) > taken.within(range)[list].count(flag)
        };
        // Something stays behind the one, nothing behind the other.
        let (mut some, mut none) = (range.after, range.through);
        if !stay(some) {
            return None;
        }
        while none.saturating_sub(some) > 1 {
            let middle = some + none.saturating_sub(some) / 2;
            if stay(middle) { some = middle } else { none = middle }
        }
        Some(Range { after: some, through: none })
    }

    /// The marker (R42), as a first field; -1 for none.
    fn marker(&self, taken: Option<&Taken>) -> i64 {
        let Some(own) = self.own else { return -1 };
        if let Some(taken) = taken {
            return taken.marker();
        }
        let personal = &own.personal;
        if personal.named_reads.is_empty() && personal.unread_marks.is_empty() {
            return own.reads.own.greatest().map_or(-1, |(first, _)| first);
        }
        let (reads, marks) = self.fronts();
        Derived::of_fronts(reads, marks).marker()
    }

    /// The reads and the marks of the member that resolve and that no other dominates.
    pub(crate) fn fronts(&self) -> (Front, Front) {
        let Some(own) = self.own else { return (Front::default(), Front::default()) };
        let (personal, mut reads, mut marks) = (&own.personal, own.reads.own.clone(), Front::default());
        let known = |slot: &u32| self.entry(self.facts.slot(own.facts().arena.id(*slot)?)?);
        for (slot, stamp) in &personal.named_reads {
            if let Some(entry) = known(slot).filter(|entry| entry.rank() == 0) {
                reads.insert(entry.first, *stamp);
            }
        }
        for (slot, stamp) in &personal.unread_marks {
            if let Some(entry) = known(slot) {
                marks.insert(-entry.first, *stamp);
            }
        }
        (reads, marks)
    }

    /// Nothing up to this first field counts as unread or as a mention.
    pub(crate) fn floor(&self, marker: i64) -> i64 {
        let personal = self.personal();
        marker.max(reach(&personal.deleted)).max(reach(&personal.cleared))
    }

    /// Whether messages count as unread, and whether they mention anybody, in a conversation of its type.
    pub(crate) fn lets_count(&self) -> (bool, bool) {
        lets_count(self.group_type, self.facts.kind, self.policy)
    }

    /// Unread messages, mentions, and what tells lists of these apart (R126, R127).
    fn counts(&self, floor: i64, taken: Option<&Taken>) -> (u32, u32, u64) {
        let (mut unread, mut mentions, mut signature) = (0_u32, 0_u32, 0_u64);
        for range in self.windows.behind(floor) {
            let all = self.order.counts_within(range, self.facts);
            let written = self.number.map_or(Sum::ZERO, |number| {
                let look = ListsLook(self.facts);
                self.timeline.lists.written.sum_within(number.into(), range, &look)
            });
            let (for_all, mine) = (self.listed(List::ForAll, range), self.listed(List::Mentions, range));
            // Totals of a forged snapshot may be anything.
            unread = unread.saturating_add(all.unread.saturating_sub(written.unread));
            let others = all.mentions.saturating_sub(for_all.mentions);
            mentions = mentions.saturating_add(others).saturating_add(mine.mentions);
            let others = all.mention_sig.wrapping_sub(for_all.mention_sig);
            signature = signature.wrapping_add(others).wrapping_add(mine.mention_sig);
        }
        let mut out = Sum::ZERO;
        match taken {
            Some(taken) => {
                self.windows
                    .behind(floor)
                    .flat_map(|range| taken.within(range))
                    .for_each(|sum| out.add_sum(&sum));
            }
            None => {
                let all = self.all_taken().filter(|(_, (key, _))| key.position.first > floor);
                all.for_each(|(_, (_, contribution))| out.add(&contribution));
            }
        }
        unread = unread.saturating_sub(out.unread);
        mentions = mentions.saturating_sub(out.mentions);
        signature = signature.wrapping_sub(out.mention_sig);
        let (counts, mentioning) = self.lets_count();
        let (mentions, signature) = if mentioning { (mentions, signature) } else { (0, 0) };
        (if counts { unread } else { 0 }, mentions, signature)
    }

    /// The greatest instant at which messages moved the conversation, -1 for none (R35).
    pub(crate) fn activity(&self) -> i64 {
        let of = |range: Range| {
            let shared = match range {
                Range::ALL => self.order.activity(),
                _ => self.order.activity_within(range, self.facts),
            };
            shared.max(self.listed(List::Targeted, range).activity)
        };
        self.windows.behind(-1).map(of).max().unwrap_or(-1)
    }

    /// The member's opening that stands.
    pub(crate) fn opening(&self) -> Option<Stamp> {
        let personal = self.personal();
        let opened = personal.opened.max(self.timeline.people.opened(self.owner));
        opened.filter(|stamp| Some(*stamp) > personal.deleted_at)
    }

    /// The last message that keeps the conversation in the list (R36).
    pub(crate) fn newest(&self, taken: Option<&Taken>) -> Option<u32> {
        self.last_with(Contribution::PRESENT, reach(&self.personal().deleted), bits::UNLISTED, taken)
    }

    /// Whether a message keeps the conversation in the list (R36).
    fn is_kept(&self, taken: Option<&Taken>) -> bool {
        if self.named().is_some() {
            return self.newest(taken).is_some();
        }
        // The member took out nothing: it is enough to count.
        let present = |range| {
            let shared = self.order.counts_within(range, self.facts).present;
            shared > 0 || self.listed(List::Targeted, range).present > 0
        };
        self.windows.behind(reach(&self.personal().deleted)).any(present)
    }

    /// The row, given what the member took out if that is kept.
    ///
    /// Complexity: O(log n) a window; what the member ever named, where that is not kept.
    pub(crate) fn row(&self, taken: Option<&Taken>) -> Row {
        let personal = self.personal();
        let (draft, opening) = (personal.drafts.current().map(|draft| draft.stamp), self.opening());
        let at = |stamp: Option<Stamp>| stamp.map_or(-1, |stamp| stamp.at.as_millis());
        let (active, pinned, marker) = (self.activity(), personal.is_pinned(), self.marker(taken));
        let activity = active.max(at(draft)).max(at(opening)).max(0);
        let (unread, mentions, mention_sig) = self.counts(self.floor(marker), taken);
        let stands = pinned || draft.is_some() || opening.is_some();
        Row {
            listed: stands || self.is_kept(taken),
            archived: personal.is_archived(active),
            option: personal.option_setting().option,
            hidden: personal.has_mark(Mark::HIDE),
            marked: personal.has_mark(Mark::UNREAD),
            order_key: activity.unsigned_abs() + if pinned { PINNED } else { 0 },
            activity,
            unread,
            mentions,
            mention_sig,
            marker,
            last: self.last_with(Contribution::SHOWN, reach(&personal.cleared), OUT_OF_SIGHT, taken),
            ..Row::default()
        }
    }

    /// How far the other of a direct chat has read, as a first field; -1 for not at all, and in a group.
    pub(crate) fn peer_read(&self) -> i64 {
        let Some((lesser, greater)) = self.timeline.id().pair() else { return -1 };
        let other = if lesser == *self.owner { greater } else { lesser };
        self.read_by(&other)
    }

    /// How far the other of a direct chat is shown that the member has read, as a first field; -1 for not at all.
    pub(crate) fn own_read_shown(&self) -> i64 {
        self.timeline.id().pair().map_or(-1, |_| self.read_by(self.owner))
    }

    /// How far a user has read by what the shared stream says.
    fn read_by(&self, user: &UserId) -> i64 {
        let reads = self.timeline.people.peer_reads(user);
        reads.map_or(-1, |reads| reads.shown(self.windows.behind(-1)))
    }

    /// The messages that count as unread, oldest first.
    pub(crate) fn unread(&self, floor: i64) -> impl Iterator<Item = u32> + '_ {
        let ranges = self.windows.behind(floor).filter(|_| self.lets_count().0);
        let slots = ranges.flat_map(|range| self.order.first_within(Contribution::UNREAD, range, self.facts));
        slots.filter(|slot| self.is_unread(*slot))
    }

    /// Whether a message that counts for others and stands behind the floor counts for the member.
    fn is_unread(&self, slot: u32) -> bool {
        self.entry(slot).is_some_and(|entry| !entry.has(bits::OWN | OUT_OF_COUNT))
    }

    /// Whether the member read a message by name.
    pub(crate) fn is_read_by_name(&self, slot: u32) -> bool {
        self.facts.arena.id(slot).is_some_and(|id| self.own_bits(id) & bits::READ != 0)
    }

    /// Whether a message counts as unread.
    pub(crate) fn counts_as_unread(&self, slot: u32, floor: i64) -> bool {
        let contribution = self.facts.contribution(slot);
        let counts = contribution.has(Contribution::UNREAD) && contribution.is_after(floor);
        counts && self.lets_count().0 && self.is_unread(slot)
    }

    /// The messages that mention the member and count as such, oldest first: whether it, and whether everybody.
    pub(crate) fn mentioned(&self, floor: i64) -> Vec<(u32, bool, bool)> {
        let mut slots: Vec<u32> = Vec::new();
        for range in self.windows.behind(floor).filter(|_| self.lets_count().1) {
            slots.extend(self.order.first_within(Contribution::MENTION, range, self.facts));
            let (look, others) = (ListsLook(self.facts), &self.timeline.lists.others);
            let list = |number| others.within(list_of(List::Mentions, number), range, look);
            slots.extend(self.number.into_iter().flat_map(list).map(|(_, slot)| slot));
        }
        slots.sort_unstable_by_key(|slot| self.facts.position(*slot));
        slots.dedup();
        let counts = |slot: u32| {
            let entry = self.entry(slot).filter(|entry| !entry.has(OUT_OF_COUNT))?;
            let (me, all) = self.mentions(slot, &entry);
            (me || all).then_some((slot, me, all))
        };
        slots.into_iter().filter_map(counts).collect()
    }

    /// Whether a message can be looked at, given its entry: neither deleted nor cleared away.
    pub(crate) fn is_visible(&self, entry: &Entry) -> bool {
        !entry.has(OUT_OF_SIGHT) && entry.first > reach(&self.personal().cleared)
    }
}
