//! The events of a log segment on their way into a replay: the text of an id is hashed once a segment, and what has
//! columns of its own becomes no event first.

use super::arena::{Class, Entry, bits};
use super::conversation::has_effect;
use super::replay::Replay;
use super::window::Held;
use crate::event::{Event, Fact};
use crate::id::{ConversationId, MessageId, UserId};
use crate::time::Stamp;

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

/// A segment on its way into a replay. Numbers of users and conversations are those of the segment's dictionaries.
#[derive(Debug)]
pub(crate) struct Batch<'r> {
    replay: &'r mut Replay,
    /// The numbers in the inbox.
    users: Vec<u32>,
    conversations: Vec<u32>,
    /// By conversation an author who is known to be a party of it.
    parties: Vec<u32>,
    /// The number of the inbox's owner.
    owner: u32,
    /// Where the texts of the segment lie.
    texts: u32,
}

impl<'r> Batch<'r> {
    /// Nothing yet of a segment with these users, so many conversations, and these texts.
    pub(crate) fn new(replay: &'r mut Replay, users: &[&str], conversations: usize, texts: &str) -> Self {
        let owner = users.iter().position(|user| *user == replay.inbox.owner.as_str());
        Self {
            users: vec![UNKNOWN; users.len()],
            conversations: vec![UNKNOWN; conversations],
            parties: vec![UNKNOWN; conversations],
            owner: owner.map_or(UNKNOWN, |owner| owner as u32),
            texts: replay.window.push_contents(texts.as_bytes()),
            replay,
        }
    }

    /// Takes in a message whose conversation and author have these numbers and ids; `None` where one of them is no
    /// id.
    #[inline]
    pub(crate) fn introduce(
        &mut self,
        (conversation, conversation_id): (usize, &str),
        (author, author_id): (usize, &str),
        introduced: Introduced,
    ) -> Option<()> {
        let Introduced { queued, stamp, id, seq, offset, len } = introduced;
        let peer = conversation_id.strip_prefix("c2c_");
        let direct = peer.is_some();
        let own = author as u32 == self.owner;
        let party = self.parties.get_mut(conversation)?;
        if !own && *party != author as u32 {
            if peer.is_none_or(|peer| peer == author_id) {
                *party = author as u32;
            } else {
                return no_effect(conversation_id, author_id);
            }
        }
        if queued && !own {
            return no_effect(conversation_id, author_id);
        }
        let place = self.number(conversation, conversation_id)?;
        let number = self.users.get_mut(author)?;
        if *number == UNKNOWN {
            *number = self.replay.user_of(author_id)?;
        }
        let class = if queued { Class::Queued } else { Class::Received };
        let own = if own { bits::OWN } else { 0 };
        let has_seq = if seq.is_some() { bits::HAS_SEQ } else { 0 };
        let time = stamp.at.as_millis();
        let seq = seq.map_or(0, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let (first, second) = if direct { (time, seq) } else { (seq, time) };
        let bits = class as u32 | own | has_seq | bits::HAS_TEXT;
        let offset = self.texts.wrapping_add(offset);
        let entry = Entry { id, event: stamp.event, first, second, author: *number, bits, offset, len };
        self.replay.window.push_placed(place, entry);
        Some(())
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
        let number = self.number(conversation, id.as_str())?;
        self.replay.hold(Held { number, by: by.clone(), stamp, fact });
        Some(())
    }

    /// The number in the inbox of a conversation with this number and id; `None` where that is no id.
    #[inline]
    fn number(&mut self, conversation: usize, id: &str) -> Option<u32> {
        let number = self.conversations.get_mut(conversation)?;
        if *number == UNKNOWN {
            *number = self.replay.number_of(id)?;
        }
        Some(*number)
    }

    /// Takes in any other event.
    pub(crate) fn push(&mut self, event: &Event) {
        self.replay.take_in(event);
    }

    /// What was taken in may be folded: not before, because the texts of the segment go with it.
    pub(crate) fn finish(self) {
        self.replay.fold_if_full();
    }
}

/// It has no effect (R17), but has to be an event all the same.
fn no_effect(conversation: &str, author: &str) -> Option<()> {
    UserId::new(author).and(ConversationId::new(conversation).map(|_| ())).ok()
}
