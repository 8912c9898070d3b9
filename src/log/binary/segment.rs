//! A segment being read: columns in place, events one after the other.

use crate::inbox::{Introduced, Received, Replay, SegmentIntake};
use crate::log::binary::body::values::BodyContext;
use crate::log::binary::body::{self, code, extended};
use crate::log::binary::columns::tag;
use crate::log::jsonl;
use crate::log::logged::LoggedEvent;
use crate::model::event::message::MAX_TEXT_LEN_BYTES;
use crate::model::event::{Body, Envelope, Event, Fact, MAX_SEQ, Message, Meta};
use crate::model::id::{ConversationId, ConversationKind, EventId, IdError, MessageId, UserId};
use crate::model::time::{Stamp, Timestamp};
use crate::register::bytes::{In, signed};

/// The columns of a segment, in the bytes of its record: nothing is copied.
#[derive(Clone, Debug)]
pub(crate) struct Segment<'a> {
    version: u16,
    users: Vec<&'a str>,
    conversations: Vec<&'a str>,
    columns: Columns<'a>,
}

/// What is left of each column. A column ends before its first value that is malformed, is no instant, or is the length of a
/// text that is cut off or longer than any message.
#[derive(Clone, Debug)]
struct Columns<'a> {
    tags: &'a [u8],
    places: &'a [[u8; 2]],
    actors: &'a [[u8; 2]],
    times: std::vec::IntoIter<i64>,
    ids: &'a [[u8; 16]],
    message_ids: &'a [[u8; 16]],
    seqs: std::vec::IntoIter<u64>,
    /// Where each text ends.
    ends: std::vec::IntoIter<u32>,
    /// Where the next begins.
    begin: u32,
    texts: &'a str,
    rest: In<'a>,
    /// No column had bytes that are no value.
    is_whole: bool,
}

/// Takes the next of a column.
#[inline]
fn next<const N: usize>(column: &mut &[[u8; N]]) -> Option<[u8; N]> {
    let (value, rest) = column.split_first()?;
    *column = rest;
    Some(*value)
}

impl<'a> Segment<'a> {
    /// Finds the columns of a payload with so many events, laid out as this version has it.
    pub(crate) fn open(payload: &'a [u8], version: u16, events: u32) -> Option<Self> {
        let mut from = In(payload);
        // A text takes at least its length and a byte.
        let counts = [from.count(2)?, from.count(2)?];
        let mut lens = [0; 12];
        for len in &mut lens {
            *len = from.count(1)?;
        }
        let mut columns = [&payload[..0]; 12];
        for (column, len) in columns.iter_mut().zip(lens) {
            *column = from.raw(len)?;
        }
        from.end()?;
        let [users, conversations, tags, places, actors, times, ids, message_ids, seqs, lens, texts, rest] =
            columns;
        let fits = u32::try_from(tags.len()).is_ok_and(|len| len == events);
        // No column has more values than there are events.
        let [mut times, mut seqs, mut lens] = [In(times), In(seqs), In(lens)];
        let texts = std::str::from_utf8(texts).ok()?;
        let instants = instants(&mut times, tags.len());
        let named = seqs.uints(tags.len());
        let ends = ends(&mut lens, tags.len(), texts);
        let [(places, a), (actors, b)] = [places.as_chunks(), actors.as_chunks()];
        let [(ids, c), (message_ids, d)] = [ids.as_chunks(), message_ids.as_chunks()];
        let is_whole = [a, b, c, d, times.0, seqs.0, lens.0].iter().all(|rest| rest.is_empty());
        let (times, seqs, ends) = (instants.into_iter(), named.into_iter(), ends.into_iter());
        let (begin, rest) = (0, In(rest));
        let columns = Columns {
            tags,
            places,
            actors,
            times,
            ids,
            message_ids,
            seqs,
            ends,
            begin,
            texts,
            rest,
            is_whole,
        };
        let [users, conversations] = [dictionary(users, counts[0])?, dictionary(conversations, counts[1])?];
        fits.then_some(Self { version, users, conversations, columns })
    }

    pub(crate) fn into_rows(self) -> Rows<'a> {
        let Self { version, users, conversations, columns } = self;
        Rows {
            version,
            states: conversations.iter().map(|id| (kind_of(id), 0)).collect(),
            columns,
            user_ids: vec![None; users.len()],
            conversation_ids: vec![None; conversations.len()],
            users,
            conversations,
            newest: -1,
            conversation: None,
        }
    }

    /// Returns the instants of the events in order; `None` where one of them is kept as a line and so has none here.
    pub(crate) fn times(self) -> Option<Vec<Timestamp>> {
        let Columns { tags, times, is_whole, .. } = self.columns;
        (is_whole && times.len() == tags.len()).then_some(())?;
        times.map(|at| Timestamp::from_millis(at).ok()).collect()
    }

    /// Folds the events into `replay`; on a fault the index of the event that cannot be decoded, those
    /// before it having been folded.
    pub(crate) fn fold(self, replay: &mut Replay) -> Result<Folded, u64> {
        let texts = self.columns.texts;
        let events = self.columns.tags.len();
        let (users, conversations) = (self.users.clone(), self.conversations.clone());
        let mut batch = SegmentIntake::new(replay, (&users, &conversations), texts, events);
        let mut folded = Folded::default();
        let mut rows = self.into_rows();
        let outcome = rows.batch(&mut batch, &mut folded).ok_or(folded.events);
        batch.finish();
        folded.newest = Timestamp::from_millis(rows.newest).ok();
        outcome.and(rows.end().map(|()| folded).ok_or(folded.events))
    }
}

/// A column of instants, each kept as its difference to the one before: at most so many.
fn instants(column: &mut In<'_>, most: usize) -> Vec<i64> {
    let mut at = 0_i64;
    let next = |change| {
        at = at.wrapping_add(signed(change));
        Timestamp::from_millis(at).is_ok().then_some(at)
    };
    column.uints_as(most, next)
}

/// Where texts end whose lengths these are: at most so many. A text of more than a message may have is none: its event
/// would be refused.
fn ends(lens: &mut In<'_>, most: usize, texts: &str) -> Vec<u32> {
    let mut end = 0_usize;
    let next = |len: u64| {
        let len = usize::try_from(len).ok().filter(|len| *len <= MAX_TEXT_LEN_BYTES)?;
        end += len;
        texts.is_char_boundary(end).then_some(end as u32)
    };
    lens.uints_as(most, next)
}

fn dictionary(column: &[u8], count: usize) -> Option<Vec<&str>> {
    // Exactly what is needed: an id takes at least two bytes.
    let mut texts = Vec::with_capacity(count.min(column.len() / 2));
    // The length of an id is a byte that is a character too: all texts are verified at once.
    if let Ok(column) = std::str::from_utf8(column) {
        let mut rest = column;
        for _ in 0..count {
            let (&len, _) = rest.as_bytes().split_first()?;
            let (text, behind) = rest.get(1..)?.split_at_checked(usize::from(len))?;
            texts.push(Some(text).filter(|text| !text.is_empty())?);
            rest = behind;
        }
        return rest.is_empty().then_some(texts);
    }
    let mut from = In(column);
    for _ in 0..count {
        texts.push(from.text().filter(|text| !text.is_empty())?);
    }
    from.end().map(|()| texts)
}

/// How many received messages are taken in at once.
const MOST_RECEIVED: usize = 64;

/// A message that is a text and nothing else, as it lies in the columns.
struct Plain {
    stamp: Stamp,
    actor: usize,
    queued: bool,
    conversation: usize,
    id: MessageId,
    seq: Option<u64>,
    /// Where its text lies.
    text: (u32, u32),
}

/// Reads events off the columns.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    version: u16,
    columns: Columns<'a>,
    users: Vec<&'a str>,
    conversations: Vec<&'a str>,
    /// Ids, made of their texts at their first use.
    user_ids: Vec<Option<UserId>>,
    conversation_ids: Vec<Option<ConversationId>>,
    /// By number of the conversation: its kind, if its id has one, and the seq named last.
    states: Vec<(Option<ConversationKind>, i64)>,
    /// The latest instant so far, below 0 for none.
    newest: i64,
    conversation: Option<usize>,
}

impl<'a> Rows<'a> {
    /// Takes all events into `batch` and counts them; `None` where one cannot be decoded.
    fn batch(&mut self, batch: &mut SegmentIntake<'_, '_>, folded: &mut Folded) -> Option<()> {
        loop {
            let received = self.received(batch).unwrap_or_default();
            folded.events += received as u64;
            if received > 0 {
                continue;
            }
            let Some(tag) = self.tag() else { break };
            if tag & (tag::PLAIN | tag::META) == tag::PLAIN {
                let Plain { stamp, actor, queued, conversation, id, seq, text } = self.plain(tag)?;
                let introduced = Introduced { queued, stamp, id, seq, text };
                batch.introduce(conversation, actor, introduced)?;
            } else if is_bare_fact(tag) || (tag & !tag::SAME == code::MORE && !self.is_line()) {
                self.fact(tag, batch)?;
            } else {
                match self.event(tag).ok()? {
                    LoggedEvent::Known(event) => {
                        self.newest = self.newest.max(event.at().as_millis());
                        batch.push(&event);
                    }
                    LoggedEvent::Skipped(_) => folded.skipped += 1,
                }
            }
            folded.events += 1;
        }
        Some(())
    }

    /// Takes in the messages that come next, as long as they are plain ones of one conversation, received, and nothing
    /// of them has to be looked up. Returns how many those were; of none it reads nothing.
    fn received(&mut self, batch: &mut SegmentIntake<'_, '_>) -> Option<usize> {
        const NEXT: u8 = code::RECEIVED | tag::PLAIN;
        let columns = &mut self.columns;
        let (first, others) = columns.tags.split_first()?;
        if first & !tag::SAME != NEXT {
            return None;
        }
        // At most so many tags are looked at, however few messages are taken.
        let others = others.get(..MOST_RECEIVED - 1).unwrap_or(others);
        let count = 1 + others.iter().take_while(|tag| **tag == NEXT | tag::SAME).count();
        let of_place = || columns.places.first().map(|place| u16::from_le_bytes(*place).into());
        let conversation = if first & tag::SAME == 0 { of_place()? } else { self.conversation? };
        let (kind, last_seq) = *self.states.get(conversation)?;
        let is_group = kind? == ConversationKind::Group;
        let seqs = columns.seqs.as_slice();
        let received = Received {
            events: columns.ids.get(..count)?,
            ids: columns.message_ids.get(..count)?,
            actors: columns.actors.get(..count)?,
            times: columns.times.as_slice().get(..count)?,
            begin: columns.begin,
            ends: columns.ends.as_slice().get(..count)?,
            last_seq,
            seqs: if is_group { Some(seqs.get(..count)?) } else { None },
        };
        let (last_seq, count) = batch.receive(conversation, received)?;
        if first & tag::SAME == 0 {
            next(&mut columns.places)?;
            self.conversation = Some(conversation);
        }
        self.newest = columns.times.as_slice().get(..count)?.iter().fold(self.newest, |a, b| a.max(*b));
        columns.tags = columns.tags.get(count..)?;
        columns.ids = columns.ids.get(count..)?;
        columns.message_ids = columns.message_ids.get(count..)?;
        columns.actors = columns.actors.get(count..)?;
        columns.times.nth(count - 1)?;
        columns.begin = columns.ends.nth(count - 1)?;
        if is_group {
            columns.seqs.nth(count - 1)?;
            self.states.get_mut(conversation)?.1 = last_seq;
        }
        Some(count)
    }

    /// Takes in the next event, which is one of those that [`is_bare_fact`].
    fn fact(&mut self, tag: u8, batch: &mut SegmentIntake<'_, '_>) -> Option<()> {
        let (stamp, actor) = self.envelope()?;
        let (conversation, kind, last_seq) = self.place(tag)?;
        let place = BodyContext { version: self.version, kind, at: stamp.at.as_millis(), last_seq };
        let fact = body::fact(&mut self.columns.rest, place, tag & tag::TYPE)?;
        fact.validate(kind).ok()?;
        let known = |text: &str| batch.user(actor).cloned().map_or_else(|| UserId::parse(text), Ok);
        let by = made(self.users.get(actor)?, self.user_ids.get_mut(actor)?, known)?;
        batch.push_fact((conversation, kind), (stamp, by), fact)
    }

    /// The tag of the next event.
    #[inline]
    pub(crate) fn tag(&mut self) -> Option<u8> {
        let (&tag, rest) = self.columns.tags.split_first()?;
        self.columns.tags = rest;
        Some(tag)
    }

    /// Nothing is left in any column.
    pub(crate) fn end(&self) -> Option<()> {
        let Columns {
            tags,
            places,
            actors,
            times,
            ids,
            message_ids,
            seqs,
            ends,
            begin,
            texts,
            rest,
            is_whole,
        } = &self.columns;
        let integers = times.len() == 0 && seqs.len() == 0 && ends.len() == 0;
        let texts = texts.get(*begin as usize..)?;
        let ids = ids.is_empty() && message_ids.is_empty() && places.is_empty() && actors.is_empty();
        (*is_whole && integers && ids && tags.is_empty() && texts.is_empty() && rest.0.is_empty())
            .then_some(())
    }

    /// When the next event happened, its id, and who did it.
    #[inline]
    fn envelope(&mut self) -> Option<(Stamp, usize)> {
        let at = Timestamp::from_millis(self.columns.times.next()?).ok()?;
        self.newest = self.newest.max(at.as_millis());
        let id = EventId::from_bytes(next(&mut self.columns.ids)?);
        let actor = usize::from(u16::from_le_bytes(next(&mut self.columns.actors)?));
        Some((Stamp::new(at, id), actor))
    }

    /// The conversation of the next event, its kind, and the seq named last in it.
    #[inline]
    fn place(&mut self, tag: u8) -> Option<(usize, ConversationKind, i64)> {
        if tag & tag::SAME == 0 {
            self.conversation = Some(usize::from(u16::from_le_bytes(next(&mut self.columns.places)?)));
        }
        let conversation = self.conversation?;
        let (kind, last_seq) = *self.states.get(conversation)?;
        Some((conversation, kind?, last_seq))
    }

    /// The next event, which is a plain message.
    fn plain(&mut self, tag: u8) -> Option<Plain> {
        let code = tag & tag::TYPE;
        let queued = code == code::QUEUED;
        if !queued && code != code::RECEIVED {
            return None;
        }
        let (stamp, actor) = self.envelope()?;
        let (conversation, kind, last_seq) = self.place(tag)?;
        let id = MessageId::from_bytes(next(&mut self.columns.message_ids)?);
        let seq = match kind {
            ConversationKind::Direct => None,
            ConversationKind::Group => {
                let seq = last_seq.wrapping_add(signed(self.columns.seqs.next()?));
                self.states.get_mut(conversation)?.1 = seq;
                let least = u64::from(!queued);
                Some(u64::try_from(seq).ok().filter(|seq| (least..=MAX_SEQ).contains(seq))?)
            }
        };
        let end = self.columns.ends.next()?;
        let text = (std::mem::replace(&mut self.columns.begin, end), end);
        Some(Plain { stamp, actor, queued, conversation, id, seq, text })
    }

    /// The next event, owned.
    pub(crate) fn event(&mut self, tag: u8) -> Result<LoggedEvent, Undecodable> {
        if tag & tag::TYPE == code::MORE && self.is_line() {
            if self.version >= 2 {
                self.columns.rest.u8();
            }
            let line = self.columns.rest.text().filter(|_| tag == code::MORE).ok_or(Undecodable::Rest)?;
            return kept(line).ok_or(Undecodable::This);
        }
        self.known(tag).map(LoggedEvent::Known).ok_or(Undecodable::Rest)
    }

    /// Whether the next event, which is one that a tag has no room for, is a line.
    fn is_line(&self) -> bool {
        self.version < 2 || self.columns.rest.0.first() == Some(&extended::LINE)
    }

    fn known(&mut self, tag: u8) -> Option<Event> {
        let (stamp, actor, body) = if tag & tag::PLAIN != 0 {
            let Plain { stamp, actor, queued, conversation, id, seq, text: (begin, end) } =
                self.plain(tag)?;
            let text = self.columns.texts.get(begin as usize..end as usize)?;
            let message = Box::new(Message { seq, ..Message::text(id, text) });
            let fact = if queued { Fact::MessageQueued(message) } else { Fact::MessageReceived(message) };
            (stamp, actor, Body::Conversation(self.conversation_id(conversation)?, fact))
        } else {
            let (stamp, actor) = self.envelope()?;
            (stamp, actor, self.body(tag, stamp.at)?)
        };
        let meta = if tag & tag::META == 0 { Meta::new() } else { self.meta()? };
        let by = made(self.users.get(actor)?, self.user_ids.get_mut(actor)?, UserId::parse)?.clone();
        Event::new(Envelope::new(stamp.event, stamp.at, by).with_meta(meta), body).ok()
    }

    fn conversation_id(&mut self, number: usize) -> Option<ConversationId> {
        let text = self.conversations.get(number)?;
        made(text, self.conversation_ids.get_mut(number)?, ConversationId::parse).cloned()
    }

    /// What an event says that is no plain message.
    fn body(&mut self, tag: u8, at: Timestamp) -> Option<Body> {
        let code = tag & tag::TYPE;
        if (code::USER_PROFILE..code::MORE).contains(&code) {
            let fact = body::account_fact(&mut self.columns.rest, code)?;
            return (tag & tag::SAME == 0).then_some(Body::Account(fact));
        }
        let (conversation, kind, last_seq) = self.place(tag)?;
        let id = self.conversation_id(conversation)?;
        let fact = if matches!(code, code::RECEIVED | code::QUEUED | code::IMPORTED) {
            self.message(conversation, code)?
        } else {
            let place = BodyContext { version: self.version, kind, at: at.as_millis(), last_seq };
            body::fact(&mut self.columns.rest, place, code)?
        };
        Some(Body::Conversation(id, fact))
    }

    /// A message that is more than a text.
    fn message(&mut self, conversation: usize, code: u8) -> Option<Fact> {
        let id = MessageId::from_bytes(next(&mut self.columns.message_ids)?);
        let (users, ids) = (&self.users, &mut self.user_ids);
        let user = |number: usize| made(users.get(number)?, ids.get_mut(number)?, UserId::parse).cloned();
        let (sender, message) = body::message(&mut self.columns.rest, user, id)?;
        if let Some(seq) = message.seq {
            self.states.get_mut(conversation)?.1 = seq.cast_signed();
        }
        let message = Box::new(message);
        Some(match (code, sender) {
            (code::RECEIVED, None) => Fact::MessageReceived(message),
            (code::QUEUED, None) => Fact::MessageQueued(message),
            (code::IMPORTED, sender) => Fact::MessageImported { sender, message },
            _ => return None,
        })
    }

    fn meta(&mut self) -> Option<Meta> {
        let from = &mut self.columns.rest;
        let count = from.count(2).filter(|count| *count > 0)?;
        let mut meta = Meta::new();
        for _ in 0..count {
            let name = from.text()?;
            // In order, each once.
            let next = meta.last_key_value().is_none_or(|(last, _)| last.as_str() < name);
            next.then_some(())?;
            meta.insert(name.to_owned(), from.text()?.to_owned());
        }
        Some(meta)
    }
}

/// The kind of a conversation whose id may yet prove malformed.
fn kind_of(id: &str) -> Option<ConversationKind> {
    match id.as_bytes() {
        [b'c', ..] => Some(ConversationKind::Direct),
        [b'g', ..] => Some(ConversationKind::Group),
        _ => None,
    }
}

/// What cannot be decoded: one event, or it and all behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecodable {
    This,
    Rest,
}

/// A line that the writer did not know; this library may.
fn kept(line: &str) -> Option<LoggedEvent> {
    jsonl::decode_line(line.as_bytes()).ok().filter(|_| !line.contains('\n'))
}

/// A fact about one conversation that introduces no message, is not its place in a folder, and has no meta.
fn is_bare_fact(tag: u8) -> bool {
    let code = tag & tag::TYPE;
    let message = matches!(code, code::RECEIVED | code::QUEUED | code::IMPORTED);
    tag & tag::META == 0 && code < code::USER_PROFILE && code != code::FOLDER_MEMBER && !message
}

/// The id of a text, made at its first use.
fn made<'p, T>(
    text: &str,
    place: &'p mut Option<T>,
    make: impl FnOnce(&str) -> Result<T, IdError>,
) -> Option<&'p T> {
    if place.is_none() {
        *place = make(text).ok();
    }
    place.as_ref()
}

/// What was folded of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folded {
    /// How many events, skipped ones too.
    pub events: u64,
    /// How many of them were skipped because their type or version is not known.
    pub skipped: u64,
    /// The latest instant of an event that was not skipped.
    pub newest: Option<Timestamp>,
}
