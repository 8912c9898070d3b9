//! The events of a log segment on their way into a replay: the text of an id is hashed once a segment, and what has
//! columns of its own becomes no event first.

use crate::inbox::effects::{Class, has_effect, message_counts};
use crate::inbox::replay::events::Replay;
use crate::inbox::replay::pending::PendingFact;
use crate::inbox::timeline::entry::{Entry, bits};
use crate::model::event::{Event, Fact, MAX_SEQ};
use crate::model::id::{ConversationId, ConversationKind, EventId, MessageId, UserId};
use crate::model::time::Stamp;
use crate::register::bytes::signed;

/// A text message as a log holds it: received, or queued by the owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduced {
    pub(crate) queued: bool,
    pub(crate) stamp: Stamp,
    pub(crate) id: MessageId,
    pub(crate) seq: Option<u64>,
    /// Where the text begins and ends among those of the segment.
    pub(crate) text: (u32, u32),
}

impl Introduced {
    /// Its entry, given the author's number, whether that is the owner, and where the texts of the segment lie.
    fn entry(self, is_direct: bool, (author, own): (u32, bool), texts_at: u32) -> Entry {
        let Self { queued, stamp, id, seq, text: (begin, end) } = self;
        let class = if queued { Class::Queued } else { Class::Received };
        let own = if own { bits::OWN } else { 0 };
        let has_seq = if seq.is_some() { bits::HAS_SEQ } else { 0 };
        let time = stamp.at.as_millis();
        let seq = seq.map_or(0, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let (first, second) = if is_direct { (time, seq) } else { (seq, time) };
        let bits = class as u32 | own | has_seq | bits::HAS_TEXT;
        let (offset, len) = (texts_at.wrapping_add(begin), end.saturating_sub(begin));
        Entry { id, event: stamp.event, first, second, author, bits, offset, len }
    }
}

/// Text messages of one conversation in a row, all of them received, by column: each has a value for each message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'c> {
    pub(crate) events: &'c [[u8; 16]],
    pub(crate) ids: &'c [[u8; 16]],
    /// The numbers of their authors in the segment.
    pub(crate) actors: &'c [[u8; 2]],
    pub(crate) times: &'c [i64],
    /// Where the first text begins among those of the segment, and where each ends.
    pub(crate) begin: u32,
    pub(crate) ends: &'c [u32],
    /// The seq of the message before them, if they have any.
    pub(crate) last_seq: i64,
    /// In a group by how much each seq is more than the one before, zigzag.
    pub(crate) seqs: Option<&'c [u64]>,
}

impl Received<'_> {
    /// Appends the entries of the first so many, authors given by their numbers in the segment. Returns the last seq.
    fn put(
        &self,
        count: usize,
        author: impl Fn(usize) -> (u32, u32),
        texts_at: u32,
        entries: &mut Vec<Entry>,
    ) -> i64 {
        const BITS: u32 = Class::Received as u32 | bits::HAS_TEXT;
        let mut begin = self.begin;
        let rows = self.events.iter().zip(self.ids).zip(self.actors).zip(self.times.iter().zip(self.ends));
        let plain = rows.take(count).map(|(((event, id), actor), (at, end))| {
            let begin = std::mem::replace(&mut begin, *end);
            let (author, own) = author(u16::from_le_bytes(*actor).into());
            let (id, event) = (MessageId::from_bytes(*id), EventId::from_bytes(*event));
            let (first, second, bits) = (*at, 0, BITS | own);
            let (offset, len) = (texts_at.wrapping_add(begin), end.wrapping_sub(begin));
            Entry { id, event, first, second, author, bits, offset, len }
        });
        let mut seq = self.last_seq;
        match self.seqs {
            None => entries.extend(plain),
            Some(seqs) => entries.extend(plain.zip(seqs).map(|(entry, change)| {
                seq = seq.wrapping_add(signed(*change));
                Entry { first: seq, second: entry.first, bits: entry.bits | bits::HAS_SEQ, ..entry }
            })),
        }
        seq
    }
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
        let mut users = Vec::with_capacity(user_ids.len());
        inbox.users.get_all(user_ids, |_, number| users.push(number.unwrap_or(UNKNOWN)));
        let mut conversations = Vec::with_capacity(conversation_ids.len());
        inbox.ids.get_all(conversation_ids, |id, number| {
            let (number, is_direct) = (number.unwrap_or(UNKNOWN), id.starts_with("c2c_"));
            conversations.push(Met { number, party: UNKNOWN, is_direct });
        });
        Self {
            user_ids,
            conversation_ids,
            users,
            conversations,
            owner: owner.map_or(UNKNOWN, |owner| owner as u32),
            texts,
            texts_at,
            is_lent,
            replay,
        }
    }

    /// Takes in messages of the conversation with this number, up to the first of which something has to be looked up, that
    /// has no effect, or whose seq no message may have. Returns the seq of the last that was taken and how many those are;
    /// `None` if none was.
    pub(crate) fn receive(&mut self, conversation: usize, received: Received<'_>) -> Option<(i64, usize)> {
        let Met { number, party, is_direct } = *self.conversations.get(conversation)?;
        let (users, owner) = (self.users.as_slice(), self.owner);
        let author = |actor: usize| {
            let own = if actor as u32 == owner { bits::OWN } else { 0 };
            (users.get(actor).copied().unwrap_or(UNKNOWN), own)
        };
        let is_known = |actor: &[u8; 2]| {
            let actor = usize::from(u16::from_le_bytes(*actor));
            let (user, own) = author(actor);
            user != UNKNOWN && message_counts(own != 0, false, !is_direct || party == actor as u32)
        };
        let known = received.actors.iter().take_while(|actor| is_known(actor)).count();
        if known == 0 || number == UNKNOWN {
            return None;
        }
        let offset = self.texts_at.wrapping_add(received.begin);
        let entries = self.replay.pending.open_run(number, offset);
        let before = entries.len();
        let mut last_seq = received.put(known, author, self.texts_at, entries);
        if !is_direct {
            let is_seq = |entry: &Entry| (1..=MAX_SEQ.cast_signed()).contains(&entry.first);
            let put = entries.get(before..).unwrap_or_default();
            let sound = put.iter().take_while(|entry| is_seq(entry)).count();
            if let Some(last) = put.get(..sound).and_then(<[Entry]>::last) {
                last_seq = last.first;
            }
            entries.truncate(before + sound);
        }
        let taken = self.replay.pending.close_run() - before;
        (taken > 0).then_some((last_seq, taken))
    }

    /// Takes in a message of the conversation and the author with these numbers; `None` where one of them is no id.
    pub(crate) fn introduce(
        &mut self,
        conversation: usize,
        author: usize,
        introduced: Introduced,
    ) -> Option<()> {
        let Some((met, number)) = self.look_up(conversation, author, introduced.queued)? else {
            return Some(());
        };
        let entry = introduced.entry(met.is_direct, (number, author as u32 == self.owner), self.texts_at);
        self.replay.pending.push_placed(met.number, entry);
        Some(())
    }

    /// The conversation of a message and its author's number in the inbox; none where it has no effect (R17).
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
        (conversation, kind): (usize, ConversationKind),
        (stamp, by): (Stamp, &UserId),
        fact: Fact,
    ) -> Option<()> {
        let id = *self.conversation_ids.get(conversation)?;
        let target = ConversationId::target_of(id)?;
        if !has_effect(&self.replay.inbox.owner, (kind, target), by, &fact) {
            // It has to be an event all the same.
            let is_known = self.conversations.get(conversation)?.number != UNKNOWN;
            return (is_known || ConversationId::parse(id).is_ok()).then_some(());
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
