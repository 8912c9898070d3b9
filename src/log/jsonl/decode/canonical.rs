//! Lines as this library writes them: keys in their order, no space between them, nothing escaped.
//!
//! Nearly every line of a log stands so. The commonest types of events are read from them in one pass, and nothing is looked
//! up by name. Any other line is left to the decoder that takes keys in any order and tells faults with their column; in
//! debug builds it is asked besides, and has to make the same event of each line that is read here.

use crate::log::jsonl::VERSION;
use crate::log::jsonl::decode::Decoder;
use crate::log::jsonl::json::plain_len;
use crate::model::event::{Body, Envelope, Event, Fact, Message, Through, Watermark};
use crate::model::id::{ConversationId, EventId, MessageId, UserId};
use crate::model::time::{TIMESTAMP_LEN_BYTES, Timestamp};

/// How a UUID stands, in bytes.
const UUID_LEN_BYTES: usize = 36;

/// What every event of this version begins with.
const BEGIN: &[u8] = br#"{"v":1,"id":""#;

const _: () = assert!(VERSION == 1);

impl Decoder {
    /// The event of a line that stands as this library writes it, and is of one of the commonest types; `None` for any
    /// other line, whether well-formed or not.
    #[inline]
    pub(super) fn canonical(&mut self, line: &[u8]) -> Option<Event> {
        let mut rest = Rest(line);
        rest.pass(BEGIN)?;
        let id: EventId = rest.uuid(EventId::from_bytes)?;
        rest.pass(br#"","at":""#)?;
        let at = rest.time()?;
        rest.pass(br#"","by":""#)?;
        let by = self.users.of_bytes(rest.plain()?, UserId::parse)?;
        rest.pass(br#"","conversation":""#)?;
        let conversation = self.conversations.of_bytes(rest.plain()?, ConversationId::parse)?;
        rest.pass(br#"","type":""#)?;
        let fact = rest.fact()?;
        rest.pass(b"}")?;
        if !rest.0.is_empty() {
            return None;
        }
        Event::new(Envelope::new(id, at, by), Body::Conversation(conversation, fact)).ok()
    }
}

/// What of a line has not been read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Goes past what has to stand here.
    #[inline]
    fn pass(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    #[inline]
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    #[inline]
    fn uuid<T>(&mut self, id: impl FnOnce([u8; 16]) -> T) -> Option<T> {
        let written = self.take(UUID_LEN_BYTES)?.first_chunk()?;
        crate::model::id::uuid_bytes(written).map(id)
    }

    #[inline]
    fn time(&mut self) -> Option<Timestamp> {
        Timestamp::parse_bytes(self.take(TIMESTAMP_LEN_BYTES)?.first_chunk()?).ok()
    }

    /// The bytes up to the quote that ends a text, where nothing in it is escaped; the quote is left, and has to stand
    /// there: they end before a backslash or a control character as well.
    #[inline]
    fn plain(&mut self) -> Option<&'a [u8]> {
        self.take(plain_len(self.0))
    }

    /// The text that these are.
    #[inline]
    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.plain()?).ok()
    }

    /// A number of at most sixteen digits, which fits its type.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let len = self.0.iter().take(17).take_while(|byte| byte.is_ascii_digit()).count();
        let digits = self.take(len)?;
        let leads = len == 1 || digits.first() != Some(&b'0');
        (leads && (1..=16).contains(&len))
            .then(|| digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.pass(b"true") {
            Some(()) => Some(true),
            None => self.pass(b"false").map(|()| false),
        }
    }

    /// The type, and what comes behind it up to the brace that ends the event.
    #[inline]
    fn fact(&mut self) -> Option<Fact> {
        if self.pass(br#"message_received","message":"#).is_some() {
            return Some(Fact::MessageReceived(Box::new(self.message()?)));
        }
        self.other_fact()
    }

    fn other_fact(&mut self) -> Option<Fact> {
        Some(match self.text()? {
            "message_queued" => {
                self.pass(br#"","message":"#)?;
                Fact::MessageQueued(Box::new(self.message()?))
            }
            "conversation_read" => Fact::Read { through: self.through()? },
            "peer_read" => Fact::PeerRead { through: self.through()? },
            "message_read_by" => Fact::MessageReadBy { targets: self.targets()? },
            "message_recalled" => Fact::MessageRecalled { target: self.target()?, reason: None },
            "message_sent" => {
                let target = self.target()?;
                self.pass(br#","sent_at":""#)?;
                let sent_at = self.time()?;
                self.pass(b"\"")?;
                let seq = self.pass(br#","seq":"#).map_or(Some(None), |()| self.number().map(Some))?;
                Fact::MessageSent { target, sent_at, seq, members: None }
            }
            "reaction_set" => {
                let target = self.target()?;
                self.pass(br#","reaction":""#)?;
                let reaction = self.text()?.to_owned();
                self.pass(b"\"")?;
                Fact::ReactionSet { target, reaction, on: self.on()? }
            }
            "conversation_pinned" => {
                self.pass(b"\"")?;
                Fact::Pinned { on: self.on()? }
            }
            _ => return None,
        })
    }

    /// Behind the type: the one message that it is about.
    fn target(&mut self) -> Option<MessageId> {
        self.pass(br#"","target":""#)?;
        let target = self.uuid(MessageId::from_bytes)?;
        self.pass(b"\"")?;
        Some(target)
    }

    /// Behind the type: the messages that it is about.
    fn targets(&mut self) -> Option<Vec<MessageId>> {
        self.pass(br#"","targets":["#)?;
        let mut targets = Vec::new();
        loop {
            self.pass(b"\"")?;
            targets.push(self.uuid(MessageId::from_bytes)?);
            self.pass(b"\"")?;
            if self.pass(b"]").is_some() {
                return Some(targets);
            }
            self.pass(b",")?;
        }
    }

    fn on(&mut self) -> Option<bool> {
        self.pass(br#","on":"#)?;
        self.boolean()
    }

    /// Behind the type: how far it reaches.
    fn through(&mut self) -> Option<Through> {
        self.pass(br#"","through":{""#)?;
        let through = if self.pass(br#"seq":"#).is_some() {
            Through::Watermark(Watermark::Seq(self.number()?))
        } else if self.pass(br#"message":""#).is_some() {
            let message = self.uuid(MessageId::from_bytes)?;
            self.pass(b"\"")?;
            Through::Message(message)
        } else {
            self.pass(br#"time":""#)?;
            let time = self.time()?;
            self.pass(b"\"")?;
            Through::Watermark(Watermark::Time(time))
        };
        self.pass(b"}")?;
        Some(through)
    }

    /// A message that has no more than an id, a seq and a text.
    #[inline]
    fn message(&mut self) -> Option<Message> {
        self.pass(br#"{"id":""#)?;
        let mut message = Message::new(self.uuid(MessageId::from_bytes)?);
        self.pass(b"\"")?;
        if self.pass(br#","seq":"#).is_some() {
            message.seq = Some(self.number()?);
        }
        if self.pass(br#","text":""#).is_some() {
            message.text = Some(self.text()?.to_owned());
            self.pass(b"\"")?;
        }
        self.pass(b"}")?;
        Some(message)
    }
}
