//! A segment being read: columns in place, events one after the other.

use crate::inbox::{Introduced, Replay, SegmentIntake};
use crate::log::binary::body::values::BodyContext;
use crate::log::binary::body::{self, code, extended};
use crate::log::binary::columns::tag;
use crate::log::jsonl;
use crate::log::logged::LoggedEvent;
use crate::model::event::{Body, Envelope, Event, Fact, MAX_SEQ, MAX_TEXT_LEN_BYTES, Message, Meta};
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

/// What is left of each column. A value that is malformed is none, nor are those behind it.
#[derive(Clone, Debug)]
struct Columns<'a> {
    tags: &'a [u8],
    places: &'a [[u8; 2]],
    actors: &'a [[u8; 2]],
    times: std::vec::IntoIter<u64>,
    ids: &'a [[u8; 16]],
    message_ids: &'a [[u8; 16]],
    seqs: std::vec::IntoIter<u64>,
    lens: std::vec::IntoIter<u64>,
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
        let integers = [times.uints(tags.len()), seqs.uints(tags.len()), lens.uints(tags.len())];
        let [(places, a), (actors, b)] = [places.as_chunks(), actors.as_chunks()];
        let [(ids, c), (message_ids, d)] = [ids.as_chunks(), message_ids.as_chunks()];
        let is_whole = [a, b, c, d, times.0, seqs.0, lens.0].iter().all(|rest| rest.is_empty());
        let [times, seqs, lens] = integers.map(Vec::into_iter);
        let texts = std::str::from_utf8(texts).ok()?;
        let rest = In(rest);
        let columns =
            Columns { tags, places, actors, times, ids, message_ids, seqs, lens, texts, rest, is_whole };
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
            at: 0,
            newest: -1,
            conversation: None,
        }
    }

    /// Returns the instants of the events in order; `None` where one of them is kept as a line and so has none here.
    pub(crate) fn times(self) -> Option<Vec<Timestamp>> {
        let Columns { tags, times, is_whole, .. } = self.columns;
        (is_whole && times.len() == tags.len()).then_some(())?;
        let mut at = 0_i64;
        let time = |change| {
            at = at.wrapping_add(signed(change));
            Timestamp::from_millis(at).ok()
        };
        times.map(time).collect()
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

/// A message that is a text and nothing else, as it lies in the columns.
struct Plain {
    stamp: Stamp,
    actor: usize,
    queued: bool,
    conversation: usize,
    id: MessageId,
    seq: Option<u64>,
    len: usize,
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
    at: i64,
    /// The latest instant so far, below 0 for none.
    newest: i64,
    conversation: Option<usize>,
}

impl<'a> Rows<'a> {
    /// Takes all events into `batch` and counts them; `None` where one cannot be decoded.
    fn batch(&mut self, batch: &mut SegmentIntake<'_, '_>, folded: &mut Folded) -> Option<()> {
        let texts = self.columns.texts.len();
        while let Some(tag) = self.tag() {
            if tag & (tag::PLAIN | tag::META) == tag::PLAIN {
                let Plain { stamp, actor, queued, conversation, id, seq, len } = self.plain(tag)?;
                let offset = (texts - self.columns.texts.len()) as u32;
                self.text(len)?;
                let introduced = Introduced { queued, stamp, id, seq, offset, len: len as u32 };
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

    /// Takes in the next event, which is one of those that [`is_bare_fact`].
    fn fact(&mut self, tag: u8, batch: &mut SegmentIntake<'_, '_>) -> Option<()> {
        let (stamp, actor) = self.envelope()?;
        let (conversation, kind, last_seq) = self.place(tag)?;
        let place = BodyContext { version: self.version, kind, at: self.at, last_seq };
        let fact = body::fact(&mut self.columns.rest, place, tag & tag::TYPE)?;
        let text = self.conversations.get(conversation)?;
        let known = |text: &str| {
            batch.conversation(conversation).cloned().map_or_else(|| ConversationId::parse(text), Ok)
        };
        let id = made(text, self.conversation_ids.get_mut(conversation)?, known)?;
        fact.validate(id.kind()).ok()?;
        let known = |text: &str| batch.user(actor).cloned().map_or_else(|| UserId::parse(text), Ok);
        let by = made(self.users.get(actor)?, self.user_ids.get_mut(actor)?, known)?;
        batch.push_fact((conversation, id), (stamp, by), fact)
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
        let Columns { tags, places, actors, times, ids, message_ids, seqs, lens, texts, rest, is_whole } =
            &self.columns;
        let integers = [times, seqs, lens].iter().all(|column| column.len() == 0);
        let ids = ids.is_empty() && message_ids.is_empty() && places.is_empty() && actors.is_empty();
        (*is_whole && integers && ids && tags.is_empty() && texts.is_empty() && rest.0.is_empty())
            .then_some(())
    }

    /// When the next event happened, its id, and who did it.
    #[inline]
    fn envelope(&mut self) -> Option<(Stamp, usize)> {
        self.at = self.at.wrapping_add(signed(self.columns.times.next()?));
        self.newest = self.newest.max(self.at);
        let at = Timestamp::from_millis(self.at).ok()?;
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

    /// The next event, which is a plain message; its text is still to be taken.
    #[inline(always)]
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
        let len = usize::try_from(self.columns.lens.next()?).ok()?;
        Some(Plain { stamp, actor, queued, conversation, id, seq, len })
    }

    /// The next text, which is of this length.
    #[inline]
    fn text(&mut self, len: usize) -> Option<&'a str> {
        // A message of more is none: its event would be refused.
        let len = Some(len).filter(|len| *len <= MAX_TEXT_LEN_BYTES)?;
        let (text, rest) = self.columns.texts.split_at_checked(len)?;
        self.columns.texts = rest;
        Some(text)
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
            let Plain { stamp, actor, queued, conversation, id, seq, len } = self.plain(tag)?;
            let text = self.text(len)?;
            let message = Box::new(Message { seq, ..Message::text(id, text) });
            let fact = if queued { Fact::MessageQueued(message) } else { Fact::MessageReceived(message) };
            (stamp, actor, Body::Conversation(self.conversation_id(conversation)?, fact))
        } else {
            let (stamp, actor) = self.envelope()?;
            (stamp, actor, self.body(tag)?)
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
    fn body(&mut self, tag: u8) -> Option<Body> {
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
            let place = BodyContext { version: self.version, kind, at: self.at, last_seq };
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
