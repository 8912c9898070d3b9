//! A segment being read: columns in place, events one after the other.

use crate::bytes::In;
use crate::event::{Body, Envelope, Event, Fact, MAX_SEQ, Message, Meta};
use crate::id::{ConversationId, ConversationKind, IdError, MessageId, UserId};
use crate::inbox::{Batch, Introduced, Replay};
use crate::log::jsonl;
use crate::log::logged::LoggedEvent;
use crate::time::{Stamp, Timestamp};

use super::body::{self, Place, code};
use super::columns::tag;
use super::records::Folded;

/// The columns of a segment, in the bytes of its record: nothing is copied.
#[derive(Clone, Debug)]
pub(super) struct Segment<'a> {
    users: Vec<&'a str>,
    conversations: Vec<&'a str>,
    columns: Columns<'a>,
}

/// What is left of each column.
#[derive(Clone, Debug)]
struct Columns<'a> {
    tags: &'a [u8],
    places: In<'a>,
    actors: In<'a>,
    times: In<'a>,
    ids: In<'a>,
    message_ids: In<'a>,
    seqs: In<'a>,
    lens: In<'a>,
    texts: &'a str,
    rest: In<'a>,
}

impl<'a> Segment<'a> {
    /// Finds the columns of a payload with so many events.
    pub(super) fn open(payload: &'a [u8], events: u32) -> Option<Self> {
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
        let columns = Columns {
            tags,
            places: In(places),
            actors: In(actors),
            times: In(times),
            ids: In(ids),
            message_ids: In(message_ids),
            seqs: In(seqs),
            lens: In(lens),
            texts: std::str::from_utf8(texts).ok()?,
            rest: In(rest),
        };
        let fits = u32::try_from(tags.len()).is_ok_and(|len| len == events);
        let [users, conversations] = [dictionary(users, counts[0])?, dictionary(conversations, counts[1])?];
        fits.then_some(Self { users, conversations, columns })
    }

    pub(super) fn into_rows(self) -> Rows<'a> {
        let Self { users, conversations, columns } = self;
        Rows {
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

    /// Folds the events into `replay`; on a fault the index of the event that cannot be decoded, those
    /// before it having been folded.
    pub(super) fn fold(self, replay: &mut Replay) -> Result<Folded, u64> {
        let texts = self.columns.texts;
        let mut batch = Batch::new(replay, &self.users, self.conversations.len(), texts);
        let mut folded = Folded::default();
        let mut rows = self.into_rows();
        let outcome = rows.batch(&mut batch, &mut folded).ok_or(folded.events);
        batch.finish();
        folded.newest = Timestamp::from_millis(rows.newest).ok();
        outcome.and(rows.end().map(|()| folded).ok_or(folded.events))
    }
}

fn dictionary(column: &[u8], count: usize) -> Option<Vec<&str>> {
    let mut from = In(column);
    // Exactly what is needed: an id takes at least two bytes.
    let mut texts = Vec::with_capacity(count.min(column.len() / 2));
    for _ in 0..count {
        texts.push(from.text().filter(|text| !text.is_empty())?);
    }
    from.end().map(|()| texts)
}

/// A message that is a text and nothing else, as it lies in the columns.
struct Plain<'a> {
    stamp: Stamp,
    actor: usize,
    queued: bool,
    conversation: usize,
    id: MessageId,
    seq: Option<u64>,
    text: &'a str,
}

/// Reads events off the columns.
#[derive(Debug)]
pub(super) struct Rows<'a> {
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
    fn batch(&mut self, batch: &mut Batch<'_>, folded: &mut Folded) -> Option<()> {
        let len = self.columns.texts.len();
        while let Some(tag) = self.tag() {
            if tag & (tag::PLAIN | tag::META) == tag::PLAIN {
                let Plain { stamp, actor, queued, conversation, id, seq, text } = self.plain(tag)?;
                let offset = (len - self.columns.texts.len() - text.len()) as u32;
                let introduced = Introduced { queued, stamp, id, seq, offset, len: text.len() as u32 };
                let conversation = (conversation, *self.conversations.get(conversation)?);
                batch.introduce(conversation, (actor, *self.users.get(actor)?), introduced)?;
            } else if is_bare_fact(tag) {
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
    fn fact(&mut self, tag: u8, batch: &mut Batch<'_>) -> Option<()> {
        let (stamp, actor) = self.envelope()?;
        let (conversation, kind, last_seq) = self.place(tag)?;
        let place = Place { kind, at: self.at, last_seq };
        let fact = body::fact(&mut self.columns.rest, place, tag & tag::TYPE)?;
        let text = self.conversations.get(conversation)?;
        let id = made(text, self.conversation_ids.get_mut(conversation)?, ConversationId::new)?;
        fact.validate(id.kind()).ok()?;
        let by = made(self.users.get(actor)?, self.user_ids.get_mut(actor)?, UserId::new)?;
        batch.push_fact((conversation, id), (stamp, by), fact)
    }

    /// The tag of the next event.
    #[inline]
    pub(super) fn tag(&mut self) -> Option<u8> {
        let (&tag, rest) = self.columns.tags.split_first()?;
        self.columns.tags = rest;
        Some(tag)
    }

    /// Nothing is left in any column.
    pub(super) fn end(&self) -> Option<()> {
        let Columns { tags, places, actors, times, ids, message_ids, seqs, lens, texts, rest } =
            &self.columns;
        let columns = [places, actors, times, ids, message_ids, seqs, lens, rest];
        (tags.is_empty() && texts.is_empty() && columns.iter().all(|column| column.0.is_empty()))
            .then_some(())
    }

    /// When the next event happened, its id, and who did it.
    #[inline]
    fn envelope(&mut self) -> Option<(Stamp, usize)> {
        self.at = self.at.wrapping_add(self.columns.times.int()?);
        self.newest = self.newest.max(self.at);
        let at = Timestamp::from_millis(self.at).ok()?;
        let id = self.columns.ids.event()?;
        let actor = usize::from(u16::from_le_bytes(self.columns.actors.array()?));
        Some((Stamp::new(at, id), actor))
    }

    /// The conversation of the next event, its kind, and the seq named last in it.
    #[inline]
    fn place(&mut self, tag: u8) -> Option<(usize, ConversationKind, i64)> {
        if tag & tag::SAME == 0 {
            self.conversation = Some(usize::from(u16::from_le_bytes(self.columns.places.array()?)));
        }
        let conversation = self.conversation?;
        let (kind, last_seq) = *self.states.get(conversation)?;
        Some((conversation, kind?, last_seq))
    }

    /// The next event, which is a plain message.
    #[inline]
    fn plain(&mut self, tag: u8) -> Option<Plain<'a>> {
        let code = tag & tag::TYPE;
        let queued = code == code::QUEUED;
        if !queued && code != code::RECEIVED {
            return None;
        }
        let (stamp, actor) = self.envelope()?;
        let (conversation, kind, last_seq) = self.place(tag)?;
        let id = MessageId::from_bytes(self.columns.message_ids.array()?);
        let seq = match kind {
            ConversationKind::Direct => None,
            ConversationKind::Group => {
                let seq = last_seq.wrapping_add(self.columns.seqs.int()?);
                self.states.get_mut(conversation)?.1 = seq;
                let least = u64::from(!queued);
                Some(u64::try_from(seq).ok().filter(|seq| (least..=MAX_SEQ).contains(seq))?)
            }
        };
        let len = usize::try_from(self.columns.lens.uint()?).ok()?;
        let (text, rest) = self.columns.texts.split_at_checked(len)?;
        self.columns.texts = rest;
        Some(Plain { stamp, actor, queued, conversation, id, seq, text })
    }

    /// The next event, owned.
    pub(super) fn event(&mut self, tag: u8) -> Result<LoggedEvent, Undecodable> {
        if tag & tag::TYPE == code::KEPT {
            let line = self.columns.rest.text().filter(|_| tag == code::KEPT).ok_or(Undecodable::Rest)?;
            return kept(line).ok_or(Undecodable::This);
        }
        self.known(tag).map(LoggedEvent::Known).ok_or(Undecodable::Rest)
    }

    fn known(&mut self, tag: u8) -> Option<Event> {
        let (stamp, actor, body) = if tag & tag::PLAIN != 0 {
            let Plain { stamp, actor, queued, conversation, id, seq, text } = self.plain(tag)?;
            let message = Box::new(Message { seq, ..Message::text(id, text) });
            let fact = if queued { Fact::MessageQueued(message) } else { Fact::MessageReceived(message) };
            (stamp, actor, Body::Conversation(self.conversation_id(conversation)?, fact))
        } else {
            let (stamp, actor) = self.envelope()?;
            (stamp, actor, self.body(tag)?)
        };
        let meta = if tag & tag::META == 0 { Meta::new() } else { self.meta()? };
        let by = made(self.users.get(actor)?, self.user_ids.get_mut(actor)?, UserId::new)?.clone();
        Event::new(Envelope::new(stamp.event, stamp.at, by).with_meta(meta), body).ok()
    }

    fn conversation_id(&mut self, number: usize) -> Option<ConversationId> {
        let text = self.conversations.get(number)?;
        made(text, self.conversation_ids.get_mut(number)?, ConversationId::new).cloned()
    }

    /// What an event says that is no plain message.
    fn body(&mut self, tag: u8) -> Option<Body> {
        let code = tag & tag::TYPE;
        if code >= code::USER_PROFILE {
            let fact = body::account_fact(&mut self.columns.rest, code)?;
            return (tag & tag::SAME == 0).then_some(Body::Account(fact));
        }
        let (conversation, kind, last_seq) = self.place(tag)?;
        let id = self.conversation_id(conversation)?;
        let fact = if matches!(code, code::RECEIVED | code::QUEUED | code::IMPORTED) {
            self.message(conversation, code)?
        } else {
            let place = Place { kind, at: self.at, last_seq };
            body::fact(&mut self.columns.rest, place, code)?
        };
        Some(Body::Conversation(id, fact))
    }

    /// A message that is more than a text.
    fn message(&mut self, conversation: usize, code: u8) -> Option<Fact> {
        let id = MessageId::from_bytes(self.columns.message_ids.array()?);
        let (users, ids) = (&self.users, &mut self.user_ids);
        let user = |number: usize| made(users.get(number)?, ids.get_mut(number)?, UserId::new).cloned();
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
pub(super) enum Undecodable {
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
