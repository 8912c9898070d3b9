//! Applies one event of one conversation, which nearly every live event is.
//!
//! The steps are those of a batch, with the conversation at hand from the first to the last. An ordinary message takes a
//! shorter way: what it adds to order, counts and row is known without deriving them anew. Debug builds derive them anew and
//! assert that the outcome is the same.

use std::sync::Arc;

use crate::inbox::containers::interner::Interner;
use crate::inbox::conversation::personal::{Personal, reach};
use crate::inbox::conversation::row::Row;
use crate::inbox::conversation::state::{Around, Conversation, Touches};
use crate::inbox::effects::{Class, traits};
use crate::inbox::route::{Route, route};
use crate::inbox::state::Inbox;
use crate::inbox::timeline::entry::{Position, bits};
use crate::inbox::timeline::facts::{Pushed, Timeline};
use crate::inbox::timeline::introduction::Introduction;
use crate::inbox::timeline::order::contribution::Contribution;
use crate::model::change::{
    Attribute, Attributes, ChangeKind, ChangeSet, ConversationChange, MessageChange, MessageChangeKind,
    OrderKeys, TotalsChange,
};
use crate::model::event::{Event, Fact, Message};
use crate::model::id::{MessageId, UserId};
use crate::model::policy::Policy;
use crate::model::told::Told;

impl Inbox {
    /// Takes in an event that concerns one conversation, all of which is at hand; `None`, and nothing was done, where
    /// the event is another or a history may turn out corrupt.
    pub(crate) fn apply_one(&mut self, event: &Event) -> Option<ChangeSet> {
        let Some(Route::Conversation(id, fact)) = route(&self.owner, event) else { return None };
        if self.conversations.source().is_some() && !self.corrupt().is_empty() {
            return None;
        }
        let number = self.number(id);
        let Self { owner, policy, users, conversations, sums, list, last_authors, .. } = self;
        let conversation = conversations.get_mut(number).filter(|c| c.restored.is_none())?;
        let conversation = Arc::make_mut(conversation);
        let totals_before = sums.totals();
        let (conversations, messages) = if let Fact::MessageReceived(message) = fact
            && let Some(before) = conversation.append(owner, *policy, users, (event, message))
        {
            conversation.carry(&before, number, (sums, list, last_authors));
            let (change, message) = conversation.appended(&before, message.id);
            (Told::one(change), Told::one(message))
        } else {
            let mut before = conversation.glimpse();
            if traits(fact).is_detail {
                before.look_closer(conversation);
            }
            let mut touched = Touches::new();
            let (cleared, trace) = (before.cleared, Some(&mut touched));
            let mut around = Around { owner, policy: *policy, users, number, cleared, trace };
            conversation.fold(&mut around, event.by(), event.stamp(), fact);
            conversation.settle(number, &before, *policy, (sums, list, last_authors));

            touched.sort_by_key(|t| t.slot);
            touched.dedup_by_key(|t| t.slot);
            let mut messages: Told<_> = match &*touched {
                [] => Told::default(),
                [one] => conversation.message_change(one).into_iter().collect(),
                all => all.iter().filter_map(|t| conversation.message_change(t)).collect(),
            };
            messages.as_mut_slice().sort_unstable_by_key(|change| change.message);
            let change = conversation.row_change(&before, &touched).told(&conversation.id);
            (change.into_iter().collect(), messages)
        };
        let after = sums.totals();
        let totals = (totals_before != after).then_some(TotalsChange { before: totals_before, after });
        let mut changes = ChangeSet { conversations, messages, totals, ..ChangeSet::default() };
        let revision = self.revision;
        self.revision += u64::from(!changes.is_empty());
        changes.revisions = (revision, self.revision);
        Some(changes)
    }
}

impl Conversation {
    /// Takes in an ordinary received message: for everybody, without a mention of the owner, not heard of before, behind all
    /// others and whatever was deleted or cleared away. Returns the row before, or `None` for any other message, and then
    /// nothing was done.
    fn append(
        &mut self,
        owner: &UserId,
        policy: Policy,
        users: &mut Interner<UserId>,
        (event, message): (&Event, &Message),
    ) -> Option<Row> {
        let (by, stamp) = (event.by(), event.stamp());
        let own = by == owner;
        if !is_plain(owner, message) || own && policy.own_message_reads || self.derived.stale {
            return None;
        }
        let author = match self.peer {
            Some(peer) if !own && !owner.is_nobody() => peer,
            _ => users.intern(by),
        };
        let viewer_bits = if own { bits::OWN } else { 0 };
        let intro = Introduction { class: Class::Received, stamp, author, message, viewer_bits };
        let Timeline { facts, order: Some(order) } = self.timeline.get_mut()? else { return None };
        let (at, id) = (stamp.at.as_millis(), message.id);
        let (first, second) = facts.fields(at, intro.seq());
        let position = Position { first, rank: 0, second, id };
        let covered = self.personal.written().map_or(-1, covered_to);
        if first <= covered || !order.is_behind_all(position, facts) {
            return None;
        }
        let Pushed::New(slot) = facts.slot_or_push(&intro) else { return None };
        let contribution = Contribution::ordinary(position, own, at);
        order.append(slot, position, &contribution);
        self.derived.account(&Contribution::NONE, &contribution);
        let before = self.row;
        self.append_row(policy, slot, at);
        Some(before)
    }

    /// What a message that was appended changed, given the row before.
    fn appended(&self, before: &Row, message: MessageId) -> (ConversationChange, MessageChange) {
        let row = &self.row;
        let mut attributes = Attributes::default();
        attributes.insert_if(Attribute::LastMessage, true);
        attributes.insert_if(Attribute::UnreadCount, before.unread != row.unread);
        attributes.insert_if(Attribute::Activity, before.activity != row.activity);
        attributes.insert_if(Attribute::Archived, before.archived != row.archived);
        let kind = if before.listed { ChangeKind::Changed } else { ChangeKind::New };
        let order_keys = OrderKeys { before: before.key(), after: row.key() };
        let of_message =
            MessageChange { conversation: self.id.clone(), message, kind: MessageChangeKind::Added };
        (ConversationChange { id: self.id.clone(), kind, attributes, order_keys }, of_message)
    }
}

/// Up to where a message is no ordinary one: where something was cleared or deleted, and anywhere beside a report.
fn covered_to(personal: &Personal) -> i64 {
    let reported = personal.reported.written().is_some_and(|told| told.report.is_some());
    if reported { i64::MAX } else { reach(&personal.cleared).max(reach(&personal.deleted)) }
}

/// Whether a message is for everybody, names not the owner and counts like any.
fn is_plain(owner: &UserId, message: &Message) -> bool {
    let hidden = message.online_only || message.excluded_from_unread || message.excluded_from_last;
    !hidden
        && message.recipients.is_empty()
        && !message.mentions.all
        && !message.mentions.users.contains(owner)
}
