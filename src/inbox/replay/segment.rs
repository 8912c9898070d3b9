//! The events of a log segment on their way into a replay: the text of an id is hashed once a segment, and what has
//! columns of its own becomes no event first.

use crate::inbox::effects::{Class, has_effect, message_counts};
use crate::inbox::replay::events::Replay;
use crate::inbox::replay::pending::PendingFact;
use crate::inbox::timeline::entry::{Entry, bits};
use crate::model::event::{Event, Fact};
use crate::model::id::{ConversationId, MessageId, UserId};
use crate::model::time::Stamp;

/// A text message as a log holds it: received, or queued by the owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduced {
    pub(crate) queued: bool,
    pub(crate) stamp: Stamp,
    pub(crate) id: MessageId,
    pub(crate) seq: Option<u64>,
    /// Where the text lies among those of the segment.
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// Not looked up yet.
const UNKNOWN: u32 = u32::MAX;

/// A segment of so many events is folded at once, others wait until there is enough.
const ENOUGH: usize = 1 << 13;

/// What is known of a conversation of a segment.
#[derive(Clone, Copy, Debug)]
struct Met {
    /// Its number in the inbox.
    number: u32,
    /// An author other than the owner whose messages in it have an effect.
    party: u32,
    is_direct: bool,
}

/// A segment on its way into a replay. Numbers of users and conversations are those of the segment's dictionaries.
#[derive(Debug)]
pub(crate) struct SegmentIntake<'r, 's> {
    replay: &'r mut Replay,
    user_ids: &'s [&'s str],
    conversation_ids: &'s [&'s str],
    /// The numbers in the inbox.
    users: Vec<u32>,
    conversations: Vec<Met>,
    /// The number of the inbox's owner.
    owner: u32,
    /// The texts of the segment, and where they lie in the replay.
    texts: &'s str,
    texts_at: u32,
    /// They are not copied there.
    is_lent: bool,
}

impl<'r, 's> SegmentIntake<'r, 's> {
    /// Nothing yet of a segment with these users, conversations, texts, and so many events.
    pub(crate) fn new(
        replay: &'r mut Replay,
        (user_ids, conversation_ids): (&'s [&str], &'s [&str]),
        texts: &'s str,
        events: usize,
    ) -> Self {
        let is_lent = events >= ENOUGH && replay.pending.expect_contents(texts.as_bytes());
        let texts_at = if is_lent { 0 } else { replay.pending.push_contents(texts.as_bytes()) };
        let inbox = &replay.inbox;
        let owner = user_ids.iter().position(|user| *user == inbox.owner.as_str());
        // All at once: one waits for the memory of many.
        let users = user_ids.iter().map(|id| inbox.users.get(*id).unwrap_or(UNKNOWN)).collect();
        let met = |id: &&str| Met {
            number: inbox.ids.get(*id).unwrap_or(UNKNOWN),
            party: UNKNOWN,
            is_direct: id.starts_with("c2c_"),
        };
        Self {
            user_ids,
            conversation_ids,
            users,
            conversations: conversation_ids.iter().map(met).collect(),
            owner: owner.map_or(UNKNOWN, |owner| owner as u32),
            texts,
            texts_at,
            is_lent,
            replay,
        }
    }

    /// Takes in a message of the conversation and the author with these numbers; `None` where one of them is no id.
    #[inline]
    pub(crate) fn introduce(
        &mut self,
        conversation: usize,
        author: usize,
        introduced: Introduced,
    ) -> Option<()> {
        let Introduced { queued, stamp, id, seq, offset, len } = introduced;
        let mut met = *self.conversations.get(conversation)?;
        let mut number = *self.users.get(author)?;
        let own = author as u32 == self.owner;
        let counts = message_counts(own, queued, !met.is_direct || met.party == author as u32);
        if met.number == UNKNOWN || number == UNKNOWN || !counts {
            match self.look_up(conversation, author, queued)? {
                Some(found) => (met, number) = found,
                None => return Some(()),
            }
        }
        let class = if queued { Class::Queued } else { Class::Received };
        let own = if own { bits::OWN } else { 0 };
        let has_seq = if seq.is_some() { bits::HAS_SEQ } else { 0 };
        let time = stamp.at.as_millis();
        let seq = seq.map_or(0, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let (first, second) = if met.is_direct { (time, seq) } else { (seq, time) };
        let bits = class as u32 | own | has_seq | bits::HAS_TEXT;
        let offset = self.texts_at.wrapping_add(offset);
        let entry = Entry { id, event: stamp.event, first, second, author: number, bits, offset, len };
        self.replay.pending.push_placed(met.number, entry);
        Some(())
    }

    /// The conversation of a message and its author's number in the inbox; none where it has no effect (R17).
    #[cold]
    #[inline(never)]
    fn look_up(&mut self, conversation: usize, author: usize, queued: bool) -> Option<Option<(Met, u32)>> {
        let id = *self.conversation_ids.get(conversation)?;
        let author_id = *self.user_ids.get(author)?;
        let own = author as u32 == self.owner;
        let group_or_peer = id.strip_prefix("c2c_").is_none_or(|peer| peer == author_id);
        if !message_counts(own, queued, group_or_peer) {
            // It has to be an event all the same.
            return UserId::parse(author_id).and(ConversationId::parse(id).map(|_| None)).ok();
        }
        self.number(conversation)?;
        let user = self.users.get_mut(author)?;
        if *user == UNKNOWN {
            *user = self.replay.user_of(author_id)?;
        }
        let met = self.conversations.get_mut(conversation)?;
        if !own {
            met.party = author as u32;
        }
        Some(Some((*met, *user)))
    }

    /// Takes in a fact about the conversation with this number that introduces no message, written at `stamp`.
    pub(crate) fn push_fact(
        &mut self,
        (conversation, id): (usize, &ConversationId),
        (stamp, by): (Stamp, &UserId),
        fact: Fact,
    ) -> Option<()> {
        if !has_effect(&self.replay.inbox.owner, id, by, &fact) {
            return Some(());
        }
        let number = self.number(conversation)?;
        self.replay.hold(PendingFact { number, by: by.clone(), stamp, fact });
        Some(())
    }

    /// The number in the inbox of a conversation; `None` where it has no id.
    #[inline]
    fn number(&mut self, conversation: usize) -> Option<u32> {
        let met = self.conversations.get_mut(conversation)?;
        if met.number == UNKNOWN {
            met.number = self.replay.number_of(self.conversation_ids.get(conversation)?)?;
        }
        Some(met.number)
    }

    /// The id of a user that the inbox knows already.
    pub(crate) fn user(&self, user: usize) -> Option<&UserId> {
        self.replay.inbox.users.name(*self.users.get(user)?)
    }

    /// The same of a conversation.
    pub(crate) fn conversation(&self, conversation: usize) -> Option<&ConversationId> {
        self.replay.inbox.ids.name(self.conversations.get(conversation)?.number)
    }

    /// Takes in any other event.
    pub(crate) fn push(&mut self, event: &Event) {
        self.replay.take_in(event);
    }

    /// What was taken in may be folded: not before, because the texts of the segment go with it.
    pub(crate) fn finish(self) {
        if self.is_lent {
            self.replay.fold_pending(self.texts.as_bytes());
        } else {
            self.replay.fold_if_full();
        }
    }
}
