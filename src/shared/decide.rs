//! What an account decides about conversations that it shares with others: judged as over an inbox of all that it may see.

use std::collections::BTreeSet;

use crate::decide::command::{Command, Context, ReadScope, ReadUpTo};
use crate::decide::decision::Decision;
use crate::decide::{Rejection, decide};
use crate::inbox::Direction;
use crate::inbox::conversation::personal::reach;
use crate::inbox::timeline::entry::timestamp;
use crate::inbox::timeline::order::contribution::Look as _;
use crate::inbox::timeline::order::range::Range;
use crate::model::event::{Body, Envelope, Event, Fact, Message};
use crate::model::id::{ConversationId, ConversationKind, EventId, MessageId};
use crate::model::stream::SharedId;
use crate::shared::directory::Directory;
use crate::shared::member::Member;
use crate::shared::memberships::Memberships;
use crate::shared::timeline::Timeline;

impl Memberships {
    /// Judges a command that the account's own facts alone do not answer: reads, marks from a message on, clearings, deletions and
    /// archivings, which depend on the messages that it may see. What comes of it is what [`decide`](crate::decide()) says over an
    /// inbox that holds all of these (R120). Any other command is judged by the own facts. The events belong to the streams
    /// that [`streams_of`](crate::shared::streams_of) names; those of [`Command::MarkAllRead`] come in any order.
    ///
    /// `timeline` gives the timelines of [`judges_over`](Memberships::judges_over); of a conversation whose timeline it lacks nothing is known.
    ///
    /// Complexity: O(log n) in the messages of each conversation, and the messages that the account ever named there, or that
    /// the command names; in direct chats also those that are later than the context's time and the tolerance of clocks.
    ///
    /// # Errors
    ///
    /// [`Rejection`]: as of [`decide`](crate::decide()).
    pub fn decide<'t>(
        &self,
        command: &Command,
        context: &Context,
        timeline: impl Fn(&SharedId) -> Option<&'t Timeline>,
        directory: &Directory,
    ) -> Result<Decision, Rejection> {
        let mut all_seen = self.inbox().clone();
        for id in self.judges_over(command) {
            let member = timeline(&id).and_then(|timeline| self.member(timeline, directory));
            if let Some(member) = member {
                all_seen.apply_batch(&member.judged_by(command, context));
            }
        }
        decide(&all_seen, command, context)
    }

    /// The shared conversations whose messages [`decide`](Memberships::decide) asks for to judge a command, each once; none where the
    /// account's own facts say all, or do not name the conversation.
    pub fn judges_over(&self, command: &Command) -> Vec<SharedId> {
        let of = |ids: &[ConversationId]| {
            let own: BTreeSet<_> = ids.iter().filter(|id| self.inbox().number_of(id).is_some()).collect();
            own.into_iter().map(|id| SharedId::of(self.owner(), id)).collect()
        };
        match command {
            Command::MarkRead { conversation, .. }
            | Command::ReadMessages { conversation, .. }
            | Command::MarkUnreadFrom { conversation, .. }
            | Command::ClearHistory { conversation }
            | Command::DeleteMessages { conversation, .. } => of(std::slice::from_ref(conversation)),
            Command::DeleteConversations { conversations, .. } | Command::Archive { conversations, .. } => {
                of(conversations)
            }
            Command::MarkAllRead { scope } => {
                let takes = |id: &SharedId| match scope {
                    ReadScope::Direct => id.pair().is_some(),
                    ReadScope::Groups => id.pair().is_none(),
                    ReadScope::Everything => true,
                };
                self.conversations().filter(takes).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Member<'_> {
    /// The introductions of messages that judging a command asks for: of all that the account may see these and no other
    /// change what comes of it.
    fn judged_by(&self, command: &Command, context: &Context) -> Vec<Event> {
        let look = &self.look;
        if let Command::Archive { .. } = command {
            return self.last_active(context).into_iter().collect();
        }
        let own = look.named().into_iter().flat_map(|own| own.arena.iter().map(|(_, entry)| entry.id));
        let named: &[MessageId] = match command {
            Command::ReadMessages { messages, .. } | Command::DeleteMessages { messages, .. } => messages,
            Command::MarkUnreadFrom { message, .. } => std::slice::from_ref(message),
            _ => &[],
        };
        let (through, of) = self.reach(command);
        let ids = own.chain(named.iter().copied()).chain(of);
        let mut slots: Vec<u32> = ids.filter_map(|id| look.facts.slot(id)).collect();
        slots.extend(look.newest(None).into_iter().chain(self.row.last));
        slots.extend(self.late(through, context));
        if matches!(command, Command::ClearHistory { .. } | Command::DeleteConversations { .. }) {
            slots.extend(self.visible());
        }
        slots.sort_unstable();
        slots.dedup();
        let introductions = slots.into_iter().filter_map(|slot| self.introduction(slot));
        introductions.chain(self.opened()).collect()
    }

    /// The account's opening of the conversation, which may be said in the shared stream.
    fn opened(&self) -> Option<Event> {
        let stamp = self.look.timeline.people.opened(self.owner())?;
        let envelope = Envelope::new(stamp.event, stamp.at, self.owner().clone());
        envelope.conversation_opened(self.id.clone(), None).ok()
    }

    /// How far a command that reads goes, and the message that it names for that.
    fn reach(&self, command: &Command) -> (i64, Option<MessageId>) {
        let Command::MarkRead { up_to, .. } = command else { return (i64::MAX, None) };
        let ReadUpTo::Message(id) = up_to else { return (up_to.first_field().unwrap_or(i64::MAX), None) };
        let slot = self.look.facts.slot(*id);
        (slot.map_or(i64::MAX, |slot| self.look.facts.position(slot).first), Some(*id))
    }

    /// The messages that are too late to be read or cleared up to (R66), all of them, and before these the last that is not later
    /// than `through` either.
    fn late(&self, through: i64, context: &Context) -> Vec<u32> {
        let horizon = context.horizon(self.kind());
        let seen = |slot: &u32| self.look.entry(*slot).is_some_and(|entry| entry.rank() == 0);
        let mut late = Vec::new();
        for (range, above) in [(Range { after: horizon, ..Range::ALL }, true), (Range::ALL, false)] {
            let through = if above { i64::MAX } else { through.min(horizon) };
            for part in self.newest_first(range.after, through) {
                late.extend(part.filter(seen).take(if above { usize::MAX } else { 1 }));
            }
        }
        late
    }

    /// The messages behind a first field and up to another, newest first: of each window those that everybody knows, and those
    /// targeted at the account.
    fn newest_first(
        &self,
        after: i64,
        through: i64,
    ) -> impl Iterator<Item = Box<dyn Iterator<Item = u32> + '_>> + '_ {
        let windows = self.look.windows.behind(after).rev();
        let within = windows.map(move |range| Range { through: range.through.min(through), ..range });
        let within = within.filter(|range| !range.is_empty());
        within.flat_map(|range| self.slots(Direction::NewestFirst, range, None))
    }

    /// A message that can be looked at, if there is one, whatever it counts for.
    fn visible(&self) -> Option<u32> {
        let cleared = reach(&self.look.personal().cleared);
        let can_be_seen =
            |slot: &u32| self.look.entry(*slot).is_some_and(|entry| self.look.is_visible(&entry));
        self.newest_first(cleared, i64::MAX).find_map(|mut part| part.find(can_be_seen))
    }

    /// Whether no delivered message stands behind the marker: reading all of it would add nothing (R66).
    ///
    /// Complexity: O(log n), and O(1) for each message behind the last delivered one.
    pub fn is_read_wholly(&self) -> bool {
        let is_delivered = |slot: u32| self.look.entry(slot).is_some_and(|entry| entry.rank() == 0);
        !self.newest_first(self.row.marker, i64::MAX).any(|mut part| part.any(is_delivered))
    }

    /// What stands for all messages where nothing is asked of them but when the last activity was: one message then.
    fn last_active(&self, context: &Context) -> Option<Event> {
        let active = Some(self.look.activity()).filter(|active| *active >= 0)?;
        let message = Message::text(MessageId::from_bytes(context.seed), String::new());
        let message = if self.kind() == ConversationKind::Group { message.with_seq(1) } else { message };
        let by = self.id.peer().unwrap_or_else(|| self.owner().clone());
        let envelope = Envelope::new(EventId::from_bytes(context.seed), timestamp(active), by);
        envelope.message_received(self.id.clone(), message).ok()
    }

    /// The introduction of a message that the account may see.
    fn introduction(&self, slot: u32) -> Option<Event> {
        let (facts, entry) = (self.look.facts, self.look.entry(slot)?);
        let (_, seq) = facts.introduction(slot, &entry);
        let stamp = facts.stamp(slot, &entry);
        let author = self.look.timeline.message_as(slot, entry)?.author().clone();
        let fact = Fact::MessageReceived(Box::new(facts.arena.message(slot, seq)));
        let body = Body::Conversation(self.id.clone(), fact);
        Event::new(Envelope::new(stamp.event, stamp.at, author), body).ok()
    }
}
