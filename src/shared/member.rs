//! One account's view of a shared conversation, and its messages.

use std::ops::Deref;

use crate::inbox::conversation::personal::reach;
use crate::inbox::conversation::row::Row;
use crate::inbox::list::folders::Folder;
use crate::inbox::list::ranking::ListCursor;
use crate::inbox::timeline::entry::{Position, bits, timestamp};
use crate::inbox::timeline::order::contribution::Look as _;
use crate::inbox::timeline::order::range::Range;
use crate::inbox::{Direction, Draft, Inbox, Mention, MentionKind, MessageCursor, MessageView, Recall};
use crate::model::badge::{BadgeRule, Counted};
use crate::model::event::{GroupType, Mark, Membership, ReceiveOption, Watermark};
use crate::model::filter::{Filter, Filtered};
use crate::model::id::{ConversationId, ConversationKind, FolderId, MessageId, UserId};
use crate::model::time::Timestamp;
use crate::register::lattice::shown;
use crate::shared::directory::Directory;
use crate::shared::row::Look;
use crate::shared::timeline::Timeline;

/// A shared conversation as one account sees it: what a [`ConversationView`](crate::ConversationView) is of an inbox that
/// holds all that the account may see, and equal to it in everything (R120).
///
/// Making one costs what its row costs: O(log n) in the messages, those that the account deleted or read by name behind its
/// marker, and the messages that it ever named.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    pub(crate) id: ConversationId,
    pub(crate) inbox: &'a Inbox,
    pub(crate) number: Option<u32>,
    pub(crate) directory: &'a Directory,
    pub(crate) look: Look<'a>,
    pub(crate) row: Row,
}

/// Some messages of a history, as [`Member::messages`] returns them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemberPage<'a> {
    /// The messages, in the direction asked for.
    pub messages: Vec<MemberMessage<'a>>,
    /// Where the next page begins; `None` at the end of the history.
    pub next: Option<MessageCursor>,
}

impl<'a> Member<'a> {
    pub(crate) fn new(inbox: &'a Inbox, timeline: &'a Timeline, directory: &'a Directory) -> Option<Self> {
        let mut member = Self::with_row(inbox, timeline, directory, Row::default())?;
        member.row = member.look.row(None);
        Some(member)
    }

    /// The same with a row that was made before, from all that it follows from.
    pub(crate) fn with_row(
        inbox: &'a Inbox,
        timeline: &'a Timeline,
        directory: &'a Directory,
        row: Row,
    ) -> Option<Self> {
        let id = timeline.id().as_seen_by(inbox.owner())?;
        let number = inbox.number_of(&id);
        let own = number.and_then(|number| inbox.numbered(number));
        let look = Look::new((inbox.owner(), inbox.policy()), own, timeline, directory)?;
        Some(Self { id, inbox, number, directory, look, row })
    }

    pub(crate) fn counted(&self) -> Counted {
        self.row.counted()
    }

    /// The conversation's id, as the account sees it.
    pub fn id(&self) -> &ConversationId {
        &self.id
    }

    /// Whether it is direct or a group's.
    pub fn kind(&self) -> ConversationKind {
        self.id.kind()
    }

    /// Whether it is in the list (R36).
    pub fn is_listed(&self) -> bool {
        self.row.listed
    }

    /// The name to show: a group's name, else its id; a friend's remark, else nickname, else user id (R21).
    pub fn show_name(&self) -> &str {
        let name = match self.id.peer() {
            None => self.directory.group(self.id.target()).and_then(|group| shown(&group.name)),
            Some(peer) => {
                let remark = self.directory.remark(self.inbox.owner(), &peer);
                remark.or_else(|| self.directory.nickname(&peer))
            }
        };
        name.unwrap_or_else(|| self.id.target())
    }

    /// Where the picture of the group or the peer is (R22).
    pub fn face_url(&self) -> Option<&'a str> {
        match self.id.peer() {
            None => shown(&self.directory.group(self.id.target())?.face_url),
            Some(peer) => self.directory.face_url(&peer),
        }
    }

    /// The group's type, if anybody said (R20).
    pub fn group_type(&self) -> Option<GroupType> {
        self.look.group_type.filter(|_| self.kind() == ConversationKind::Group)
    }

    /// The number of unread messages (R23).
    pub fn unread_count(&self) -> u64 {
        self.row.unread.into()
    }

    /// How many unread mentions there are.
    pub fn mention_count(&self) -> u64 {
        self.row.mentions.into()
    }

    /// The unread mentions of the account, in position order (R26).
    pub fn mentions(&self) -> Vec<Mention> {
        let mention = |(slot, me, all): (u32, bool, bool)| {
            let kind = match (me, all) {
                (true, true) => MentionKind::Both,
                (true, false) => MentionKind::Me,
                _ => MentionKind::All,
            };
            let entry = self.look.facts.arena.get(slot)?;
            Some(Mention { message: Some(entry.id), seq: entry.first.unsigned_abs(), kind })
        };
        self.look.mentioned(self.floor()).into_iter().filter_map(mention).collect()
    }

    pub(crate) fn floor(&self) -> i64 {
        self.look.floor(self.row.marker)
    }

    /// The last message that may show (R25).
    pub fn last_message(&self) -> Option<MemberMessage<'_>> {
        self.view(self.row.last?)
    }

    /// The draft that shows (R27).
    pub fn draft(&self) -> Option<Draft<'_>> {
        let draft = self.look.personal().drafts.current()?;
        Some(Draft { text: &draft.text, stamp: draft.stamp, replaces: draft.replaces })
    }

    /// All drafts later than the latest clearing, by stamp: those that lost to a concurrent write too (R27).
    pub fn drafts_kept(&self) -> Vec<Draft<'_>> {
        let kept = self.look.personal().drafts.kept.iter();
        kept.map(|d| Draft { text: &d.text, stamp: d.stamp, replaces: d.replaces }).collect()
    }

    /// Whether it is pinned (R28).
    pub fn is_pinned(&self) -> bool {
        self.look.personal().is_pinned()
    }

    /// How the account wants to be told of its messages (R24).
    pub fn receive_option(&self) -> ReceiveOption {
        self.row.option
    }

    /// When an event is to end the receive option, where it was set for a time (R57).
    pub fn receive_option_until(&self) -> Option<Timestamp> {
        self.look.personal().option_setting().until
    }

    /// What it gives to the badge by a rule of the reader's own (R55): 0 where it is not listed.
    pub fn badge(&self, rule: BadgeRule) -> u64 {
        if self.is_listed() { self.counted().badge(rule) } else { 0 }
    }

    /// Whether it is archived (R56).
    pub fn is_archived(&self) -> bool {
        self.row.archived
    }

    /// Whether it is archived and new messages leave it so.
    pub fn stays_archived(&self) -> bool {
        self.look.personal().stays_archived()
    }

    /// What became of the account as a member of the group, if anybody said (R58).
    pub fn membership(&self) -> Option<Membership> {
        self.look.timeline.people.membership(self.inbox.owner())
    }

    pub(crate) fn mark_bits(&self) -> u64 {
        self.look.personal().mark_bits()
    }

    /// The marks on it, ascending (R29).
    pub fn marks(&self) -> Vec<Mark> {
        let bits = self.mark_bits();
        (0..u64::BITS).filter_map(|bit| Mark::from_bits(bits & (1 << bit))).collect()
    }

    /// The custom data, if any (R30).
    pub fn custom_data(&self) -> Option<&[u8]> {
        self.look.personal().custom_data()
    }

    /// The live folders that hold it, by name (bytes) and id (R31).
    pub fn folders(&self) -> Vec<Folder> {
        self.number.map(|number| self.inbox.folders_holding(number)).unwrap_or_default()
    }

    /// How far the account has read (R32, R42); `None` where not at all.
    pub fn read_marker(&self) -> Option<Watermark> {
        (self.row.marker >= 0).then(|| self.watermark(self.row.marker))
    }

    /// How far the peer of a direct chat has read (R34).
    pub fn peer_read_marker(&self) -> Option<Timestamp> {
        let marker = self.look.peer_read();
        (marker >= 0).then(|| timestamp(marker))
    }

    /// How far the peer of a direct chat is shown that the account has read (R34, R122): behind the account's own marker where that
    /// was never told in the shared stream.
    pub fn read_shown_to_peer(&self) -> Option<Timestamp> {
        let marker = self.look.own_read_shown();
        (marker >= 0).then(|| timestamp(marker))
    }

    fn watermark(&self, first: i64) -> Watermark {
        match self.kind() {
            ConversationKind::Direct => Watermark::Time(timestamp(first)),
            ConversationKind::Group => Watermark::Seq(first.unsigned_abs()),
        }
    }

    /// When it was last active (R35); the epoch if never.
    pub fn activity(&self) -> Timestamp {
        timestamp(self.row.activity)
    }

    /// Its key in the list's order: activity in milliseconds, plus 2^52 when pinned (R33).
    pub fn order_key(&self) -> u64 {
        self.row.order_key
    }

    /// Its place in the list.
    pub fn cursor(&self) -> ListCursor {
        ListCursor { order_key: self.order_key(), id: self.id.clone() }
    }

    pub(crate) fn view(&self, slot: u32) -> Option<MemberMessage<'_>> {
        MemberMessage::new(self, slot)
    }

    /// A message, if it is known to the account and neither deleted nor cleared away.
    pub fn message(&self, id: MessageId) -> Option<MemberMessage<'_>> {
        let slot = self.look.facts.slot(id)?;
        let entry = self.look.entry(slot)?;
        if self.look.is_visible(&entry) { self.view(slot) } else { None }
    }

    fn in_history(&self, slot: u32) -> bool {
        let entry = self.look.entry(slot).filter(|entry| !entry.has(bits::ONLINE_ONLY));
        entry.is_some_and(|entry| self.look.is_visible(&entry))
    }

    /// The slots of the history in a range from just after a position, whether they are in it or not.
    pub(crate) fn slots(
        &self,
        direction: Direction,
        range: Range,
        from: Option<Position>,
    ) -> Vec<Box<dyn Iterator<Item = u32> + '_>> {
        let (order, facts) = (self.look.order, self.look.facts);
        match direction {
            Direction::OldestFirst => {
                let from = from.max(Some(Position::end_of(range.after)));
                let within = move |slot: &u32| facts.position(*slot).first <= range.through;
                let behind = move |slot: &u32| Some(facts.position(*slot)) > from;
                let shared = order.forwards(from, facts).filter(behind).take_while(within);
                vec![Box::new(shared), Box::new(self.look.targeted(range).filter(behind))]
            }
            Direction::NewestFirst => {
                let end = Position::end_of(range.through);
                let from = from.map_or(end, |from| from.min(end));
                let within = move |slot: &u32| facts.position(*slot).first > range.after;
                let before = move |slot: &u32| facts.position(*slot) < from;
                let shared = order.backwards(Some(from), facts).filter(before).take_while(within);
                let mut targeted: Vec<u32> = self.look.targeted(range).filter(before).collect();
                targeted.reverse();
                vec![Box::new(shared), Box::new(targeted.into_iter())]
            }
        }
    }

    fn history(&self, direction: Direction, from: Option<MessageCursor>) -> impl Iterator<Item = u32> + '_ {
        let from = from.map(|cursor| cursor.0);
        let cleared = reach(&self.look.personal().cleared);
        let mut ranges: Vec<Range> = self.look.windows.behind(cleared).collect();
        if direction == Direction::NewestFirst {
            ranges.reverse();
        }
        let of = move |range: Range| {
            let mut both =
                self.slots(direction, range, from).into_iter().map(Iterator::peekable).collect::<Vec<_>>();
            std::iter::from_fn(move || {
                let position = |slot: u32| self.look.facts.position(slot);
                let heads = both
                    .iter_mut()
                    .enumerate()
                    .filter_map(|(at, slots)| Some((at, position(*slots.peek()?))));
                let next = match direction {
                    Direction::OldestFirst => heads.min_by_key(|(_, position)| *position),
                    Direction::NewestFirst => heads.max_by_key(|(_, position)| *position),
                };
                both.get_mut(next?.0)?.next()
            })
        };
        ranges.into_iter().flat_map(of).filter(|slot| self.in_history(*slot))
    }

    /// Returns up to `limit` messages of the history that the account may see from just after `from`, in `direction`: those that
    /// are neither deleted, nor cleared away, nor online-only. Recalled ones stay.
    ///
    /// Complexity: O(log n) to find the place, every message from there on that is not in the history, and, newest first, the
    /// messages targeted at the account.
    pub fn messages(
        &self,
        direction: Direction,
        from: Option<&MessageCursor>,
        limit: usize,
    ) -> MemberPage<'_> {
        let mut rest = self.history(direction, from.copied()).filter_map(|slot| self.view(slot));
        let messages: Vec<_> = rest.by_ref().take(limit).collect();
        let more = messages.last().filter(|_| rest.next().is_some());
        let next = more.map(|message| message.cursor());
        MemberPage { next, messages }
    }

    /// The messages that count as unread, oldest first.
    pub fn unread(&self) -> impl Iterator<Item = MemberMessage<'_>> {
        self.look.unread(self.floor()).filter_map(|slot| self.view(slot))
    }

    /// The messages of the history that are pinned in the group, oldest first.
    pub fn pinned_messages(&self) -> Vec<MemberMessage<'_>> {
        let pinned = self.look.facts.pinned.iter().copied();
        let mut pinned: Vec<_> =
            pinned.filter(|slot| self.in_history(*slot)).filter_map(|slot| self.view(slot)).collect();
        pinned.sort_unstable_by_key(|message| message.cursor());
        pinned
    }
}

/// A message of a shared history as one account sees it.
///
/// It is a [`MessageView`] in all that members share, and says itself what depends on who looks.
#[derive(Clone, Copy, Debug)]
pub struct MemberMessage<'a> {
    member: &'a Member<'a>,
    slot: u32,
    view: MessageView<'a>,
}

impl<'a> Deref for MemberMessage<'a> {
    type Target = MessageView<'a>;

    fn deref(&self) -> &MessageView<'a> {
        &self.view
    }
}

impl<'a> MemberMessage<'a> {
    fn new(member: &'a Member<'a>, slot: u32) -> Option<Self> {
        let entry = member.look.entry(slot)?;
        let view = member.look.timeline.message_as(slot, entry)?;
        Some(Self { member, slot, view })
    }

    /// Whether it is read: the account's own, at or before its read marker, or read by name.
    pub fn is_read(&self) -> bool {
        self.is_own() || self.is_read_by_name() || self.view.first_field() <= self.member.row.marker
    }

    /// Whether the peer of a direct chat has read this own message; false in a group (R34).
    pub fn is_peer_read(&self) -> bool {
        let delivered = self.is_own() && self.rank() == 0;
        delivered && self.view.first_field() <= self.member.look.peer_read()
    }

    /// Whether it counts as unread now.
    pub fn counts_as_unread(&self) -> bool {
        self.member.look.counts_as_unread(self.slot, self.member.floor())
    }

    /// Who recalled it, if anyone.
    pub fn recall(&self) -> Option<Recall<'a>> {
        let recall = self.view.recall()?;
        let name = self.member.directory.name_of(self.member.inbox.owner(), recall.by);
        Some(Recall { name, ..recall })
    }

    /// The author's own name, if known and not blank.
    pub fn nickname(&self) -> Option<&'a str> {
        self.member.directory.nickname(self.author())
    }

    /// The account's name for the author, if any.
    pub fn remark(&self) -> Option<&'a str> {
        self.member.directory.remark(self.member.inbox.owner(), self.author())
    }

    /// Where the author's picture is, if known.
    pub fn face_url(&self) -> Option<&'a str> {
        self.member.directory.face_url(self.author())
    }
}

impl Member<'_> {
    /// Whether the conversation passes `filter` (R52).
    pub fn passes(&self, filter: &Filter) -> bool {
        filter.takes(self)
    }
}

impl Filtered for Member<'_> {
    fn kind(&self) -> ConversationKind {
        Member::kind(self)
    }

    fn unread(&self) -> u64 {
        self.unread_count()
    }

    fn is_mentioned(&self) -> bool {
        self.row.is_mentioned()
    }

    fn mark_bits(&self) -> u64 {
        Member::mark_bits(self)
    }

    fn is_archived(&self) -> bool {
        Member::is_archived(self)
    }

    fn membership(&self) -> Option<Membership> {
        Member::membership(self)
    }

    fn is_in(&self, folder: Option<FolderId>) -> bool {
        let folders = self.folders();
        folder.map_or(!folders.is_empty(), |id| folders.iter().any(|folder| folder.id == id))
    }
}

impl PartialEq for Member<'_> {
    /// Whether both show the same row.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.row == other.row
    }
}

/// The owner of a view.
impl Member<'_> {
    /// The account whose view it is.
    pub fn owner(&self) -> &UserId {
        self.inbox.owner()
    }
}
