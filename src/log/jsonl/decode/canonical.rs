//! Lines as this library writes them: keys in their order, no space between them, nothing escaped but in texts.
//!
//! Nearly every line of a log stands so. The commonest types of events are read from them in one pass, and nothing is looked
//! up by name. Any other line is left to the decoder that takes keys in any order and tells faults with their column; in
//! debug builds it is asked besides, and has to make the same event of each line that is read here.

use crate::log::jsonl::VERSION;
use crate::log::jsonl::decode::Decoder;
use crate::log::jsonl::decode::rest::{Rest, TIME_LEN_BYTES, UUID_LEN_BYTES};
use crate::model::event::{Body, Edit, Envelope, Event, Fact, Mark, Mentions, Message, Through, Watermark};
use crate::model::id::{ConversationId, EventId, MessageId, UserId};

/// What every event of this version begins with.
const BEGIN: &[u8] = br#"{"v":1,"id":""#;
/// What stands between an event's id and its time.
const AT: &[u8] = br#"","at":""#;
/// What stands between an event's time and its actor.
const BY: &[u8] = br#"","by":""#;
/// How far the bytes reach of which there are as many in every event.
const HEAD_LEN_BYTES: usize = BEGIN.len() + UUID_LEN_BYTES + AT.len() + TIME_LEN_BYTES + BY.len();

/// What every message begins with.
const MESSAGE: &[u8] = br#"{"id":""#;
const MESSAGE_HEAD_LEN_BYTES: usize = MESSAGE.len() + UUID_LEN_BYTES + 1;

const _: () = assert!(VERSION == 1);

impl Decoder {
    /// What `made` makes of the event that `rest` begins with, where it stands as this library writes it, is of one of the
    /// commonest types and `end` ends it; `rest` is what comes behind that. `None` for anything else, whether well-formed
    /// or not. An event is large: it is handed on from where it is made, so that it need not be moved.
    #[inline]
    pub(crate) fn canonical<T>(
        &mut self,
        rest: &mut Rest<'_>,
        end: &[u8],
        made: impl Fn(Event) -> T,
    ) -> Option<T> {
        let mut head = Rest(rest.chunk::<HEAD_LEN_BYTES>()?);
        head.pass(BEGIN)?;
        let id = head.uuid(EventId::from_bytes)?;
        head.pass(AT)?;
        let at = self.times.parse(head.chunk()?).ok()?;
        head.pass(BY)?;
        let by = self.users.of_bytes(rest.plain()?, UserId::parse)?;
        rest.pass(br#"","conversation":""#)?;
        let conversation = self.canonical_conversation(rest)?;
        rest.pass(br#"","type":""#)?;
        if rest.pass(br#"message_received","message":"#).is_some() {
            let message = self.canonical_message(rest)?;
            rest.pass(end)?;
            return match Event::received(id, at, by, conversation, message) {
                Ok(event) => Some(made(event)),
                Err(_) => None,
            };
        }
        let fact = self.other_fact(rest)?;
        rest.pass(end)?;
        match Event::new(Envelope::new(id, at, by), Body::Conversation(conversation, fact)) {
            Ok(event) => Some(made(event)),
            Err(_) => None,
        }
    }

    /// Up to the quote that ends it. Chats come in bursts: the last conversation is the likeliest.
    #[inline]
    fn canonical_conversation(&mut self, rest: &mut Rest<'_>) -> Option<ConversationId> {
        if let Some(recent) = &self.recent
            && let Some(behind) = rest.0.strip_prefix(recent.as_str().as_bytes())
            && behind.first() == Some(&b'"')
        {
            rest.0 = behind;
            return Some(recent.clone());
        }
        let conversation = self.conversations.of_bytes(rest.plain()?, ConversationId::parse)?;
        self.recent = Some(conversation.clone());
        Some(conversation)
    }

    /// A message that has no more than an id, a seq, a text and mentions.
    #[inline]
    fn canonical_message(&mut self, rest: &mut Rest<'_>) -> Option<Box<Message>> {
        let mut head = Rest(rest.chunk::<MESSAGE_HEAD_LEN_BYTES>()?);
        head.pass(MESSAGE)?;
        let id = head.uuid(MessageId::from_bytes)?;
        head.pass(b"\"")?;
        let seq = match rest.pass(br#","seq":"#) {
            Some(()) => Some(rest.number()?),
            None => None,
        };
        let text = match rest.pass(br#","text":""#) {
            Some(()) => Some(rest.text()?),
            None => None,
        };
        let mentions = match rest.pass(b"}") {
            Some(()) => Mentions::default(),
            None => self.canonical_mentions(rest)?,
        };
        // The memory is there before the message is, so that it is made where it stays.
        let message = Box::new_uninit();
        Some(Box::write(message, Message { seq, text, mentions, ..Message::new(id) }))
    }

    /// Mentions of somebody, up to the brace that ends their message.
    #[inline(never)]
    fn canonical_mentions(&mut self, rest: &mut Rest<'_>) -> Option<Mentions> {
        rest.pass(br#","mentions":{"#)?;
        let mut mentions = Mentions::default();
        if rest.pass(br#""users":["#).is_some() {
            mentions.users = rest.list(|rest| self.users.of_bytes(rest.plain()?, UserId::parse))?;
            mentions.all = rest.pass(br#","all":true"#).is_some();
        } else {
            rest.pass(br#""all":true"#)?;
            mentions.all = true;
        }
        rest.pass(b"}}")?;
        Some(mentions)
    }

    /// The type, and what comes behind it up to the brace that ends the event.
    #[inline(never)]
    fn other_fact(&mut self, rest: &mut Rest<'_>) -> Option<Fact> {
        Some(match rest.plain()? {
            b"message_queued" => {
                rest.pass(br#"","message":"#)?;
                Fact::MessageQueued(self.canonical_message(rest)?)
            }
            b"conversation_read" => Fact::Read { through: through(rest)? },
            b"draft_set" => draft(rest)?,
            b"message_modified" => modified(rest)?,
            b"message_recalled" => Fact::MessageRecalled { target: target(rest)?, reason: None },
            b"messages_deleted" => Fact::MessagesDeleted { targets: targets(rest)? },
            b"conversation_pinned" => {
                rest.pass(b"\"")?;
                Fact::Pinned { on: on(rest)? }
            }
            b"mark_set" => {
                rest.pass(br#"","mark":"#)?;
                let mark = Mark::from_bits(rest.number()?)?;
                Fact::MarkSet { mark, on: on(rest)? }
            }
            b"message_sent" => sent(rest)?,
            b"peer_read" => Fact::PeerRead { through: through(rest)? },
            b"message_read_by" => Fact::MessageReadBy { targets: targets(rest)? },
            b"reaction_set" => {
                let target = target(rest)?;
                rest.pass(br#","reaction":""#)?;
                let reaction = rest.text()?;
                Fact::ReactionSet { target, reaction, on: on(rest)? }
            }
            _ => return None,
        })
    }
}

fn sent(rest: &mut Rest<'_>) -> Option<Fact> {
    let target = target(rest)?;
    rest.pass(br#","sent_at":""#)?;
    let sent_at = rest.time()?;
    rest.pass(b"\"")?;
    let seq = rest.pass(br#","seq":"#).map_or(Some(None), |()| rest.number().map(Some))?;
    Some(Fact::MessageSent { target, sent_at, seq, members: None })
}

fn draft(rest: &mut Rest<'_>) -> Option<Fact> {
    rest.pass(br#"","text":"#)?;
    let text = match rest.pass(b"null") {
        Some(()) => None,
        None => {
            rest.pass(b"\"")?;
            Some(rest.text()?)
        }
    };
    let replaces = match rest.pass(br#","replaces":""#) {
        Some(()) => {
            let replaces = rest.uuid(EventId::from_bytes)?;
            rest.pass(b"\"")?;
            Some(replaces)
        }
        None => None,
    };
    Some(Fact::DraftSet { text, replaces })
}

/// An edit of nothing but the text.
fn modified(rest: &mut Rest<'_>) -> Option<Fact> {
    let target = target(rest)?;
    rest.pass(br#","version":"#)?;
    let version = rest.number()?;
    let text = match rest.pass(br#","text":""#) {
        Some(()) => Some(rest.text()?),
        None => None,
    };
    Some(Fact::MessageModified { target, edit: Edit { version, text, ..Edit::default() } })
}

/// Behind the type: the one message that it is about.
fn target(rest: &mut Rest<'_>) -> Option<MessageId> {
    rest.pass(br#"","target":""#)?;
    let target = rest.uuid(MessageId::from_bytes)?;
    rest.pass(b"\"")?;
    Some(target)
}

/// Behind the type: the messages that it is about.
fn targets(rest: &mut Rest<'_>) -> Option<Vec<MessageId>> {
    rest.pass(br#"","targets":["#)?;
    rest.list(|rest| rest.uuid(MessageId::from_bytes))
}

fn on(rest: &mut Rest<'_>) -> Option<bool> {
    rest.pass(br#","on":"#)?;
    rest.boolean()
}

/// Behind the type: how far it reaches.
fn through(rest: &mut Rest<'_>) -> Option<Through> {
    rest.pass(br#"","through":{""#)?;
    let through = if rest.pass(br#"seq":"#).is_some() {
        Through::Watermark(Watermark::Seq(rest.number()?))
    } else if rest.pass(br#"message":""#).is_some() {
        let message = rest.uuid(MessageId::from_bytes)?;
        rest.pass(b"\"")?;
        Through::Message(message)
    } else {
        rest.pass(br#"time":""#)?;
        let time = rest.time()?;
        rest.pass(b"\"")?;
        Through::Watermark(Watermark::Time(time))
    };
    rest.pass(b"}")?;
    Some(through)
}
