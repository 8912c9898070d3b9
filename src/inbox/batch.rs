//! The events of a log segment, taken apart by conversation before they are folded: the memory of a conversation is
//! then touched once a segment, and the text of an id hashed once.

use super::arena::{Class, Entry, bits};
use super::replay::Replay;
use crate::event::Event;
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

/// What waits to be folded, in order of arrival.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// A message, its text among those of the segment. Without bits it is no message, but another event, whose place
    /// among those the author's number is.
    entry: Entry,
    /// The number of the conversation in the segment.
    conversation: u32,
}

/// Room that one segment leaves to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    rows: Vec<Row>,
    order: Vec<u32>,
    events: Vec<Event>,
}

/// Not looked up yet.
const UNKNOWN: u32 = u32::MAX;

/// A segment on its way into a replay. Numbers of users and conversations are those of the segment's dictionaries.
#[derive(Debug)]
pub(crate) struct Batch<'r> {
    replay: &'r mut Replay,
    scratch: Scratch,
    /// The numbers in the inbox.
    users: Vec<u32>,
    conversations: Vec<u32>,
    /// By conversation an author who is known to be a party of it.
    parties: Vec<u32>,
    /// The number of the inbox's owner.
    owner: u32,
}

impl<'r> Batch<'r> {
    /// Nothing yet of a segment with these users and so many conversations.
    pub(crate) fn new(replay: &'r mut Replay, users: &[&str], conversations: usize) -> Self {
        let owner = users.iter().position(|user| *user == replay.inbox.owner.as_str());
        Self {
            scratch: std::mem::take(&mut replay.scratch),
            users: vec![UNKNOWN; users.len()],
            conversations: vec![UNKNOWN; conversations],
            parties: vec![UNKNOWN; conversations],
            owner: owner.map_or(UNKNOWN, |owner| owner as u32),
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
        let number = self.conversations.get_mut(conversation)?;
        if *number == UNKNOWN {
            *number = self.replay.number_of(conversation_id)?;
        }
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
        let entry = Entry { id, event: stamp.event, first, second, author: *number, bits, offset, len };
        self.scratch.rows.push(Row { entry, conversation: conversation as u32 });
        Some(())
    }

    /// Takes in any other event; `conversation` is the number of the one that it names.
    pub(crate) fn push(&mut self, conversation: Option<usize>, event: Event) {
        let Some(conversation) = conversation.filter(|c| *c < self.conversations.len()) else {
            self.replay.push(&event);
            return;
        };
        let author = self.scratch.events.len() as u32;
        let entry = Entry { author, ..Entry::unknown(MessageId::from_bytes([0; 16])) };
        self.scratch.events.push(event);
        self.scratch.rows.push(Row { entry, conversation: conversation as u32 });
    }

    /// Folds what was taken in, one conversation after the other, each in order of arrival; `texts` are those of
    /// the segment.
    pub(crate) fn fold(self, texts: &str) {
        let Self { replay, mut scratch, conversations, .. } = self;
        let Scratch { rows, order, events } = &mut scratch;
        let mut ends = vec![0; conversations.len() + 1];
        for row in &*rows {
            if let Some(end) = ends.get_mut(row.conversation as usize + 1) {
                *end += 1;
            }
        }
        let mut sum = 0;
        ends.iter_mut().for_each(|end| {
            sum += *end;
            *end = sum;
        });
        order.clear();
        order.resize(rows.len(), 0);
        // Each begins where the one before it ends; what is placed moves that on to its own end.
        for (at, row) in (0u32..).zip(&*rows) {
            if let Some(next) = ends.get_mut(row.conversation as usize)
                && let Some(place) = order.get_mut(*next)
            {
                *place = at;
                *next += 1;
            }
        }
        let mut begin = 0;
        for (number, end) in conversations.iter().zip(ends) {
            let turns = order.get(begin..end).unwrap_or_default();
            begin = end;
            for turns in turns.chunk_by(|a, b| is_message(rows, *a) && is_message(rows, *b)) {
                match turns.first().and_then(|at| rows.get(*at as usize)) {
                    Some(Row { entry, .. }) if entry.is_void() => {
                        if let Some(event) = events.get(entry.author as usize) {
                            replay.push(event);
                        }
                    }
                    Some(_) => introduce(replay, *number, turns, rows, texts),
                    None => {}
                }
            }
        }
        rows.clear();
        events.clear();
        replay.scratch = scratch;
    }
}

/// It has no effect (R17), but has to be an event all the same.
fn no_effect(conversation: &str, author: &str) -> Option<()> {
    UserId::new(author).and(ConversationId::new(conversation).map(|_| ())).ok()
}

fn is_message(rows: &[Row], at: u32) -> bool {
    rows.get(at as usize).is_some_and(|row| !row.entry.is_void())
}

/// Adds messages to the conversation with this number.
fn introduce(replay: &mut Replay, number: u32, mut turns: &[u32], rows: &[Row], texts: &str) {
    let entry = |at: &u32| {
        rows.get(*at as usize).map_or(Entry::unknown(MessageId::from_bytes([0; 16])), |row| row.entry)
    };
    let text = |at: &u32| {
        let Entry { offset, len, .. } = entry(at);
        texts.get(offset as usize..offset as usize + len as usize).unwrap_or_default()
    };
    while !turns.is_empty() {
        let Some(tail) = replay.room(number) else { return };
        turns = tail.extend(turns, entry, text);
    }
}
