//! What a command has to overtake: the registers behind what shows, and the drafts that lost.

use std::collections::BTreeSet;

use crate::inbox::conversation::personal::{Coverage, Personal, reach};
use crate::inbox::conversation::reported::Reported;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::effects::Class;
use crate::inbox::list::folders::FolderState;
use crate::inbox::state::Inbox;
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::rare_facts::{Aside, Social};
use crate::inbox::views::conversation::{ConversationView, Draft};
use crate::inbox::views::message::MessageView;
use crate::inbox::views::partial::Gap;
use crate::model::event::{Mark, Message};
use crate::model::id::{ConversationId, EventId, FolderId, MessageId, UserId};
use crate::model::time::Stamp;

impl<'a> ConversationView<'a> {
    /// The drafts that lost to a concurrent write, by stamp: kept, not the one that shows, and not replaced,
    /// directly or through others, by one that is kept (R27). Clearing or sending ends them all.
    ///
    /// Two drafts are concurrent when neither's writer knew of the other: a draft names the one it replaces,
    /// and whoever did not see a draft does not name it.
    pub fn drafts_lost(&self) -> Vec<Draft<'a>> {
        let mut kept = self.drafts_kept();
        let replaced: BTreeSet<EventId> =
            kept.iter().filter_map(|d| d.replaces.filter(|id| *id != d.stamp.event)).collect();
        kept.pop();
        kept.retain(|draft| !replaced.contains(&draft.stamp.event));
        kept
    }
}

impl Inbox {
    /// The registers of a conversation, all of them empty if no event named it.
    pub(crate) fn registers(&self, id: &ConversationId) -> Registers<'_> {
        let number = self.ids.get(id);
        let conversation = number.and_then(|number| self.conversations.get(number));
        Registers { inbox: self, conversation: conversation.map(|c| &**c) }
    }

    /// The registers of a folder that any event named.
    pub(crate) fn folder_registers(&self, id: FolderId) -> Option<FolderRegisters<'_>> {
        Some(FolderRegisters { inbox: self, state: self.folders.get(id)? })
    }

    pub(crate) fn quiet_hours_at(&self) -> Option<Stamp> {
        self.quiet_hours.stamp()
    }

    /// The owner's name for a user, blank or not, and when it was given.
    pub(crate) fn remark(&self, user: &UserId) -> Option<(Stamp, &str)> {
        let (stamp, remark) = self.profile(self.users.get(user)?)?.remark.entry()?;
        Some((stamp, remark))
    }
}

/// The registers of one conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers<'a> {
    inbox: &'a Inbox,
    conversation: Option<&'a Conversation>,
}

impl<'a> Registers<'a> {
    fn personal(&self) -> Option<&'a Personal> {
        self.conversation.map(|c| &*c.personal)
    }

    pub(crate) fn is_known(&self) -> bool {
        self.conversation.is_some()
    }

    pub(crate) fn pinned_at(&self) -> Option<Stamp> {
        self.personal()?.pinned.stamp()
    }

    /// The latest write to the draft, clearings included.
    pub(crate) fn drafts_at(&self) -> Option<Stamp> {
        let drafts = &self.personal()?.drafts;
        drafts.current().map(|draft| draft.stamp).max(drafts.cleared)
    }

    pub(crate) fn opened_at(&self) -> Option<Stamp> {
        self.personal()?.opened
    }

    /// The latest deletion.
    pub(crate) fn deleted_at(&self) -> Option<Stamp> {
        self.personal()?.deleted_at
    }

    /// The deletion that reaches furthest.
    pub(crate) fn deleted(&self) -> Coverage {
        self.personal()?.deleted
    }

    /// The clearing, or deletion with messages, that reaches furthest.
    pub(crate) fn cleared(&self) -> Coverage {
        self.personal()?.cleared
    }

    pub(crate) fn mark_at(&self, mark: Mark) -> Option<Stamp> {
        self.personal()?.marks.get(&mark)?.stamp()
    }

    pub(crate) fn custom_data_at(&self) -> Option<Stamp> {
        self.personal()?.custom_data.stamp()
    }

    pub(crate) fn receive_option_at(&self) -> Option<Stamp> {
        self.personal()?.receive_option.stamp()
    }

    pub(crate) fn archived_at(&self) -> Option<Stamp> {
        self.personal()?.archived.stamp()
    }

    /// The activity that messages gave it, -1 for none (R35, R56).
    pub(crate) fn messages_active_ms(&self) -> i64 {
        let told =
            self.personal().and_then(|personal| personal.reported.written()).map_or(-1, Reported::active_ms);
        self.conversation.and_then(|c| c.order()).map_or(-1, |order| order.activity()).max(told)
    }

    pub(crate) fn group_type_at(&self) -> Option<Stamp> {
        self.conversation?.shared.group_type.stamp()
    }

    /// The latest read, those that wait for their message included.
    pub(crate) fn reads_at(&self) -> Option<Stamp> {
        let conversation = self.conversation?;
        let (resolved, _) = conversation.derived.fronts();
        let numbered = conversation.reads.own.iter().chain(resolved.iter()).map(|(_, stamp)| stamp).max();
        numbered.max(conversation.personal.named_reads.values().copied().max())
    }

    /// The latest mark from a message on, those that wait for their message included.
    pub(crate) fn unread_marks_at(&self) -> Option<Stamp> {
        self.personal()?.unread_marks.values().copied().max()
    }

    /// The read marker as a first field, -1 for none.
    pub(crate) fn marker(&self) -> i64 {
        self.conversation.map_or(-1, |c| c.row.marker)
    }

    /// The read marker that the unread number follows from: the one that shows, but beside a report whose read is not
    /// known that of the reads and marks since (R46).
    pub(crate) fn counted_marker(&self) -> i64 {
        let rule = self.conversation.and_then(|c| c.rule());
        rule.map_or_else(|| self.marker(), |rule| rule.shown_marker())
    }

    /// Up to where a server reported, and when (R45).
    pub(crate) fn reported(&self) -> Option<(i64, Stamp)> {
        let report = self.personal()?.reported.written()?.report.as_ref()?;
        Some((report.through, report.stamp))
    }

    /// When a server reported: what is to take effect over that is written later.
    pub(crate) fn reported_at(&self) -> Option<Stamp> {
        self.reported().map(|(_, stamp)| stamp)
    }

    /// Whether a server reported of messages behind everything that was cleared, or after it, so that what was cleared counts
    /// until it is cleared again (R46).
    pub(crate) fn reports_uncleared(&self) -> bool {
        let cleared = reach(&self.cleared());
        let counts = self.conversation.is_some_and(|c| c.row.unread > 0 || c.row.mentions > 0);
        self.reported().is_some_and(|(through, _)| through > cleared || counts)
    }

    /// Up to where a read reaches that is to go as far as a target: to the last delivered message that is no outlier, and
    /// anywhere up to where a server reported, whose messages need not be held (R66).
    pub(crate) fn readable(&self, target: i64, horizon: i64) -> Option<i64> {
        let reported = self.reported().map(|(through, _)| through.min(target)).filter(|first| *first >= 0);
        self.newest_delivered(target.min(horizon)).max(reported)
    }

    /// The newest gap that touches the number, or the newest of all: where a message may be that is not held.
    pub(crate) fn gap_to_fetch(&self, id: &ConversationId) -> Option<Gap> {
        let view = self.inbox.conversation(id)?;
        let newest = view.gaps().next();
        view.gaps().find(|gap| gap.touches_number).or(newest)
    }

    /// The known messages at or before a first field, the last first.
    fn backwards(&self, through: i64) -> impl Iterator<Item = MessageRegisters<'a>> + use<'a> {
        let registers = *self;
        let from = Position::end_of(through);
        let ordered = self.conversation.and_then(|c| Some((c.order()?, c.facts())));
        let slots = ordered.into_iter().flat_map(move |(order, facts)| order.backwards(Some(from), facts));
        slots.filter_map(move |slot| registers.at(slot))
    }

    /// The known messages after a first field, the first first.
    fn forwards(&self, after: i64) -> impl Iterator<Item = MessageRegisters<'a>> + use<'a> {
        let registers = *self;
        let from = Position::end_of(after);
        let ordered = self.conversation.and_then(|c| Some((c.order()?, c.facts())));
        let slots = ordered.into_iter().flat_map(move |(order, facts)| order.forwards(Some(from), facts));
        slots.filter_map(move |slot| registers.at(slot))
    }

    /// The last message at or before a first field.
    pub(crate) fn newest(&self, through: i64) -> Option<MessageRegisters<'a>> {
        self.backwards(through).next()
    }

    /// The delivered messages after one first field and at or before another that can be looked at and are not read,
    /// the first first.
    pub(crate) fn not_read(
        &self,
        after: i64,
        through: i64,
    ) -> impl Iterator<Item = MessageRegisters<'a>> + use<'a> {
        let marker = self.counted_marker();
        let between = self.forwards(after).take_while(move |m| m.first() <= through);
        let is_read =
            move |m: &MessageRegisters<'_>| m.entry.has(bits::OWN | bits::READ) || m.first() <= marker;
        between.filter(move |m| m.entry.rank() == 0 && !is_read(m) && m.is_visible())
    }

    /// The messages after a first field that are read by name, the first first (R59).
    pub(crate) fn read_by_name(&self, after: i64) -> impl Iterator<Item = MessageRegisters<'a>> + use<'a> {
        self.forwards(after).filter(|m| m.entry.has(bits::READ))
    }

    /// What a clearing up to a first field does not surely take, in order: what stands after it, what was imported just
    /// there, and what is queued, because that moves when it is acknowledged. Of these, what is still there.
    ///
    /// Complexity: the messages of the conversation are looked at.
    fn left(&self, through: i64, is_there: impl Fn(&Conversation, u32, &Entry) -> bool) -> Vec<MessageId> {
        let Some(conversation) = self.conversation else { return Vec::new() };
        let is_left = |entry: &Entry| match entry.rank() {
            0 => entry.first > through,
            1 => entry.first >= through,
            _ => true,
        };
        let known = conversation.facts().arena.iter().filter(|(_, entry)| entry.is_known() && is_left(entry));
        let left = known.filter(|(slot, entry)| is_there(conversation, *slot, entry));
        let mut left: Vec<Position> = left.map(|(_, entry)| entry.position()).collect();
        left.sort_unstable();
        left.into_iter().map(|position| position.id).collect()
    }

    /// What a clearing of the history up to a first field has to name besides (R66).
    pub(crate) fn left_by_clearing(&self, through: i64) -> Vec<MessageId> {
        self.left(through, |conversation, slot, _| conversation.is_visible(slot))
    }

    /// What a deletion of the conversation up to a first field has to name besides (R66).
    pub(crate) fn left_by_deletion(&self, through: i64, keep_messages: bool) -> Vec<MessageId> {
        self.left(through, |conversation, slot, entry| {
            !conversation.is_deleted(slot, entry) || !keep_messages && conversation.is_visible(slot)
        })
    }

    /// The first field of the last message of rank 0 at or before a first field.
    pub(crate) fn newest_delivered(&self, through: i64) -> Option<i64> {
        self.backwards(through).find(|m| m.entry.rank() == 0).map(|m| m.first())
    }

    /// Whether a message can be looked at.
    pub(crate) fn shows_any_message(&self) -> bool {
        let reach = reach(&self.cleared());
        self.backwards(i64::MAX).take_while(|m| m.first() >= reach).any(|m| m.is_visible())
    }

    /// The messages pinned in the group, whether this inbox shows them or not.
    pub(crate) fn pinned_messages(&self) -> usize {
        self.conversation.map_or(0, |c| c.facts().pinned.len())
    }

    /// A message that any event named.
    pub(crate) fn message(&self, id: MessageId) -> Option<MessageRegisters<'a>> {
        self.at(self.conversation?.facts().slot(id)?)
    }

    fn at(&self, slot: u32) -> Option<MessageRegisters<'a>> {
        let conversation = self.conversation?;
        let entry = conversation.facts().arena.get(slot)?;
        Some(MessageRegisters { inbox: self.inbox, conversation, slot, entry })
    }
}

fn social(aside: &Aside) -> Option<&Social> {
    aside.social.as_deref()
}

/// The registers of one message, known or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageRegisters<'a> {
    inbox: &'a Inbox,
    conversation: &'a Conversation,
    slot: u32,
    entry: Entry,
}

impl<'a> MessageRegisters<'a> {
    /// The message as it shows, if it is known, though it may be deleted or cleared away.
    pub(crate) fn view(&self) -> Option<MessageView<'a>> {
        let known = self.entry.is_known();
        MessageView::new(self.inbox, self.conversation, self.slot).filter(|_| known)
    }

    pub(crate) fn is_visible(&self) -> bool {
        self.conversation.is_visible(self.slot)
    }

    pub(crate) fn id(&self) -> MessageId {
        self.entry.id
    }

    /// Whether it is the owner's own, at or before the read marker, or read by name.
    pub(crate) fn is_read(&self) -> bool {
        self.entry.has(bits::OWN | bits::READ) || self.entry.first <= self.conversation.row.marker
    }

    pub(crate) fn is_read_by_name(&self) -> bool {
        self.entry.has(bits::READ)
    }

    /// When it was last said whether it is read by name.
    pub(crate) fn named_read_at(&self) -> Option<Stamp> {
        self.conversation.facts().arena.named_read(self.slot)?.stamp()
    }

    /// Introduced by an own queueing or delivered by the server.
    pub(crate) fn is_own_sent(&self) -> bool {
        let sent = matches!(self.entry.class(), Class::Queued | Class::Received);
        sent && self.entry.is_known() && self.entry.has(bits::OWN)
    }

    /// Not introduced, but facts wait that would hide or move it.
    pub(crate) fn is_spent(&self) -> bool {
        let delivery = self.conversation.facts().delivery(self.slot);
        let acknowledged = delivery.is_some_and(|d| d.sent.entry().is_some());
        let hidden = bits::DELETED | bits::CLEARED | bits::UNLISTED | bits::RECALLED | bits::HIDDEN;
        acknowledged || self.entry.has(hidden)
    }

    /// Its place: seq in a group, time in a direct chat.
    pub(crate) fn first(&self) -> i64 {
        self.entry.first
    }

    /// The time of its position.
    pub(crate) fn time(&self) -> i64 {
        self.conversation.facts().time(&self.entry)
    }

    pub(crate) fn queued_at(&self) -> Option<Stamp> {
        self.conversation.facts().last_queued(self.slot, &self.entry)
    }

    /// Whether the latest of its queueings and failures is a failure.
    pub(crate) fn has_failed(&self) -> bool {
        self.conversation.facts().failure(self.slot, &self.entry).is_some()
    }

    pub(crate) fn failed_at(&self) -> Option<Stamp> {
        self.conversation.facts().delivery(self.slot)?.failed.stamp()
    }

    /// The message as the introduction that counts brought it.
    pub(crate) fn original(&self) -> Message {
        let facts = self.conversation.facts();
        facts.arena.message(self.slot, facts.introduction(self.slot, &self.entry).1)
    }

    fn social(&self) -> Option<&'a Social> {
        social(self.conversation.facts().aside(self.slot)?)
    }

    pub(crate) fn is_read_by(&self, user: &UserId) -> bool {
        let number = self.inbox.users.get(user);
        self.social().zip(number).is_some_and(|(social, number)| social.readers().contains(&number))
    }

    pub(crate) fn reaction_at(&self, reaction: &str, actor: &UserId) -> Option<Stamp> {
        let key = (reaction.into(), self.inbox.users.get(actor)?);
        self.social()?.reactions().get(&key)?.stamp()
    }

    pub(crate) fn pinned_at(&self) -> Option<Stamp> {
        self.social()?.pinned.stamp()
    }

    /// The number of the latest write to an extension, be it deleted or cleared since.
    pub(crate) fn extension_seq(&self, key: &str) -> Option<u64> {
        self.social()?.extensions().get(key).map(|(seq, ..)| *seq)
    }

    /// The greatest number of any write to the extensions.
    pub(crate) fn extensions_seq(&self) -> u64 {
        let Some(social) = self.social() else { return 0 };
        social.extensions().values().map(|(seq, ..)| *seq).fold(social.extensions_cleared, u64::max)
    }
}

/// The registers of one folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FolderRegisters<'a> {
    inbox: &'a Inbox,
    state: &'a FolderState,
}

impl<'a> FolderRegisters<'a> {
    /// The name, if the folder is there.
    pub(crate) fn name(&self) -> Option<&'a str> {
        self.state.shown().map(|name| &**name)
    }

    pub(crate) fn was_created(&self) -> bool {
        self.state.alive.stamp().is_some()
    }

    pub(crate) fn alive_at(&self) -> Option<Stamp> {
        self.state.alive.stamp()
    }

    pub(crate) fn name_at(&self) -> Option<Stamp> {
        self.state.name.stamp()
    }

    /// Whether it holds a conversation, and since when that was said.
    pub(crate) fn member(&self, id: &ConversationId) -> (bool, Option<Stamp>) {
        let register = self.inbox.ids.get(id).and_then(|number| self.state.members().get(&number));
        register.map_or((false, None), |on| (on.get() == Some(&true), on.stamp()))
    }

    /// The conversations it holds, those added first at the front.
    pub(crate) fn members(&self) -> Vec<(Stamp, ConversationId)> {
        let live = self.state.live_members().filter_map(|n| Some((n, self.state.members().get(&n)?)));
        let named =
            live.filter_map(|(n, on)| Some((on.stamp()?, self.inbox.conversations.get(n)?.id.clone())));
        let mut members: Vec<_> = named.collect();
        members.sort_unstable();
        members
    }
}
