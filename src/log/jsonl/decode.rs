//! From a line to an event, and to the place of any fault in it.

mod body;
mod canonical;
mod message;
mod report;
mod rest;
mod watermark;

use crate::log::jsonl::cache::Cache;
pub(crate) use crate::log::jsonl::decode::rest::Rest;
use crate::log::jsonl::error::DecodeError;
use crate::log::jsonl::json::value::{Fault, Object, Parsed, Value};
use crate::log::jsonl::json::{self};
use crate::log::jsonl::key::Key;
use crate::log::jsonl::upcast::{OLDEST, upcast, upcast_line};
use crate::log::jsonl::{LOG_NAME, LoggedEvent, SkipReason, SkippedEvent, VERSION};
use crate::model::event::{Body, Envelope, Event, InvalidEvent, MAX_MESSAGE_LEN_BYTES, MAX_SEQ, Meta};
use crate::model::id::{ConversationId, EventId, IdError, UserId};
use crate::model::time::{TimesOfDay, Timestamp};

const EVENT_ID: &str = "the id of an event, a lower-case hyphenated UUID";
const MESSAGE_ID: &str = "the id of a message, a lower-case hyphenated UUID";
const FOLDER_ID: &str = "the id of a folder, a lower-case hyphenated UUID";
const TIME: &str = "a time as \"YYYY-MM-DDTHH:MM:SS.mmmZ\" in the years 1970 to 9998";
const STRING: &str = "a string";
const COUNT: &str = "an integer from 0 to 2^64-1";
const EDIT_VERSION: &str = "the version of an edit, an integer from 1";
const SEQ: &str = "an integer from 0 to 2^53";

/// The event on one line of a text log; a `\n` at its end is allowed. The error's line is always 1.
///
/// For many lines [`Reader`](crate::log::jsonl::Reader) is faster, and knows the header.
///
/// ```
/// use chatfold::jsonl::{LoggedEvent, decode_line};
/// let line = br#"{"v":1,"id":"018f0e2a-0000-7000-8000-000000000001","at":"2026-03-01T09:00:00.000Z","by":"alice","conversation":"c2c_bob","type":"conversation_pinned","on":true}"#;
/// let LoggedEvent::Known(event) = decode_line(line)? else { panic!("a known type") };
/// assert_eq!(event.type_name(), "conversation_pinned");
/// # Ok::<(), chatfold::jsonl::DecodeError>(())
/// ```
///
/// # Errors
///
/// [`DecodeError`]: the column, what was expected there and what was found.
pub fn decode_line(line: &[u8]) -> Result<LoggedEvent, DecodeError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    match Decoder::forgetful().line(line) {
        Ok(Line::Event(event)) => Ok(event),
        Ok(Line::Header(header)) => Err(Fault::new(header.at, "an event", "a header")),
        Err(fault) => Err(fault),
    }
    .map_err(|fault| DecodeError::new(1, *fault))
}

/// Whether a line is whole: one JSON object by the grammar of the [`Reader`](super::Reader), whatever it says; a
/// `\n` at its end is allowed. A line that was torn by a crash is not. Complexity: O(bytes).
///
/// ```
/// use chatfold::jsonl::is_whole_line;
/// assert!(is_whole_line(br#"{"v":2,"id":"x","k":1e400}"#));
/// assert!(!is_whole_line(br#"{"v":2,"id":"x","k":1e4"#));
/// ```
pub fn is_whole_line(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    json::text(line).is_ok_and(|text| {
        let (mut object, mut message) = (Object::new(text), Object::new(text));
        json::line(text, &mut object, &mut message).is_ok()
    })
}

impl SkippedEvent {
    /// The id of its event, if it names one as version 1 does.
    pub fn id(&self) -> Option<EventId> {
        self.value(Key::Id)?.parse(EVENT_ID).ok()
    }

    /// When its event happened, if it says so as version 1 does.
    pub fn at(&self) -> Option<Timestamp> {
        self.value(Key::At)?.parse(TIME).ok()
    }

    fn value(&self, key: Key) -> Option<Value<'_>> {
        let (mut object, mut message) = (Object::new(&self.raw), Object::new(&self.raw));
        json::line(&self.raw, &mut object, &mut message).ok()?;
        object.take(key)
    }
}

/// What a line holds.
#[derive(Debug)]
pub(crate) enum Line {
    Header(Header),
    Event(LoggedEvent),
}

/// A header of this version, and where it names its owner.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) owner: UserId,
    pub(crate) at: usize,
    version: u64,
}

/// Decodes line after line; ids that come again are shared.
#[derive(Debug)]
pub(crate) struct Decoder {
    users: Cache<UserId>,
    conversations: Cache<ConversationId>,
    /// The conversation of the last line that was read as this library writes it: nothing in its id is escaped.
    recent: Option<ConversationId>,
    times: TimesOfDay,
    /// The oldest version a line may have: that of the header, and never more than the current one.
    oldest: u64,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self::with(Cache::new(), Cache::new())
    }

    fn forgetful() -> Self {
        Self::with(Cache::none(), Cache::none())
    }

    fn with(users: Cache<UserId>, conversations: Cache<ConversationId>) -> Self {
        Self { users, conversations, recent: None, times: TimesOfDay::new(), oldest: VERSION }
    }

    /// The header that the first line of a log is.
    pub(crate) fn header(&mut self, line: &[u8]) -> Parsed<Header> {
        let text = json::text(line)?;
        let (mut object, mut message) = (Object::new(text), Object::new(text));
        json::line(text, &mut object, &mut message)?;
        if is_header(&object) {
            let header = self.header_of(&mut object, OLDEST)?;
            self.oldest = header.version;
            return Ok(header);
        }
        let expected = format!("the header {{\"log\":\"{LOG_NAME}\",\"v\":{VERSION},\"owner\":…}}");
        Err(Fault::new(0, expected, "an object that is no header"))
    }

    /// What any other line is.
    pub(crate) fn line(&mut self, line: &[u8]) -> Parsed<Line> {
        let mut rest = Rest(line);
        match self.canonical(&mut rest, b"}", |event| event) {
            Some(event) if rest.0.is_empty() => {
                debug_assert!(self.says(line, &event));
                Ok(Line::Event(LoggedEvent::Known(event)))
            }
            _ => self.general(line),
        }
    }

    /// Whether a line says this event in whatever form it stands.
    pub(crate) fn says(&mut self, line: &[u8], event: &Event) -> bool {
        matches!(self.general(line), Ok(Line::Event(LoggedEvent::Known(same))) if same == *event)
    }

    /// The same for a line in whatever form.
    pub(crate) fn general(&mut self, line: &[u8]) -> Parsed<Line> {
        let text = json::text(line)?;
        let (mut object, mut message) = (Object::new(text), Object::new(text));
        json::line(text, &mut object, &mut message)?;
        if is_header(&object) {
            return self.header_of(&mut object, self.oldest).map(Line::Header);
        }
        object.once()?;
        let (version, _) = version(&mut object, self.oldest)?;
        let event = if version <= VERSION {
            upcast(version, &mut object)?;
            match self.event(text, &mut object, &mut message)? {
                LoggedEvent::Skipped(old) if version < VERSION => {
                    skipped(&upcast_line(version, text)?, old.reason().clone())
                }
                event => event,
            }
        } else {
            skipped(text, SkipReason::NewerVersion(version))
        };
        Ok(Line::Event(event))
    }

    fn header_of(&mut self, object: &mut Object<'_>, oldest: u64) -> Parsed<Header> {
        let log = object.need(Key::Log)?;
        if log.text(STRING)? != LOG_NAME {
            return Err(log.fault(format!("{LOG_NAME:?}")));
        }
        let (version, place) = version(object, oldest)?;
        if version > VERSION {
            return Err(place.fault(format!("version {VERSION} of the log's format, the newest known")));
        }
        let owner = object.need(Key::Owner)?;
        let header = Header { owner: self.user(owner)?, at: owner.start(), version };
        object.finish("the header")?;
        Ok(header)
    }

    /// The event of a line of this version, and the object under its key `message`.
    fn event(
        &mut self,
        line: &str,
        object: &mut Object<'_>,
        message: &mut Object<'_>,
    ) -> Parsed<LoggedEvent> {
        let id = object.need(Key::Id)?.parse(EVENT_ID)?;
        let at = object.need(Key::At)?.parse(TIME)?;
        let by = self.user(object.need(Key::By)?)?;
        let place = object.take(Key::Conversation);
        let conversation = place.map(|place| self.conversation(place)).transpose()?;
        let type_place = object.need(Key::Type)?;
        let type_name = type_place.text(STRING)?;
        let mut envelope = Envelope::new(id, at, by);
        if let Some(place) = object.take(Key::Meta) {
            envelope.meta = meta(place)?;
        }
        let body = match (self.fact(&type_name, object, message)?, conversation) {
            (Some(fact), Some(conversation)) => Body::Conversation(conversation, fact),
            (Some(_), None) => return Err(object.missing("the key \"conversation\"")),
            (None, conversation) => match (self.account_fact(&type_name, object)?, conversation) {
                (Some(fact), None) => Body::Account(fact),
                (Some(_), Some(_)) => {
                    let expected = format!("no conversation, for {type_name} is about the whole account");
                    return Err(place.unwrap_or(type_place).fault(expected));
                }
                (None, _) => return Ok(skipped(line, SkipReason::UnknownType(type_name.into_owned()))),
            },
        };
        object.finish(&type_name)?;
        match Event::new(envelope, body) {
            Ok(event) => Ok(LoggedEvent::Known(event)),
            Err(invalid) => Err(invalid_fault(line, invalid, type_place)),
        }
    }

    fn user(&mut self, value: Value<'_>) -> Parsed<UserId> {
        const USER: &str = "a user id of 1 to 128 bytes without control characters";
        self.users.get(&value.text(USER)?, UserId::parse).map_err(|_| value.fault(USER))
    }

    fn users(&mut self, value: Value<'_>) -> Parsed<Vec<UserId>> {
        value.array("a list of user ids", |element| self.user(element))
    }

    fn conversation(&mut self, value: Value<'_>) -> Parsed<ConversationId> {
        const CONVERSATION: &str = "a conversation id, c2c_<user id> or group_<group id>";
        let text = value.text(CONVERSATION)?;
        self.conversations.get(&text, ConversationId::parse).map_err(|error| match error {
            IdError::Prefix => value.fault(CONVERSATION),
            _ => value.fault("a conversation id with 1 to 128 bytes after its prefix, no control characters"),
        })
    }
}

/// Every event has a type; a newer one may have any other key, `log` too.
fn is_header(object: &Object<'_>) -> bool {
    object.has(Key::Log) && !object.has(Key::Type)
}

fn skipped(line: &str, reason: SkipReason) -> LoggedEvent {
    LoggedEvent::Skipped(SkippedEvent { raw: line.into(), reason })
}

/// The version of a line or header, `oldest` or newer.
fn version<'a>(object: &mut Object<'a>, oldest: u64) -> Parsed<(u64, Value<'a>)> {
    const AT_LEAST_ONE: &str = "a version, an integer from 1";
    let place = object.need(Key::V)?;
    match place.integer(AT_LEAST_ONE)? {
        version if version < oldest => Err(place.fault(AT_LEAST_ONE)),
        version => Ok((version, place)),
    }
}

fn meta(value: Value<'_>) -> Parsed<Meta> {
    let mut meta = Meta::new();
    value.members("an object of strings", |name, value| {
        let text = value.text(STRING)?.into_owned();
        match meta.insert(name.text(STRING)?.into_owned(), text) {
            None => Ok(()),
            Some(_) => Err(Fault::new(name.start(), "each key once", format!("a second {}", name.excerpt()))),
        }
    })?;
    Ok(meta)
}

/// The place of what makes an event invalid, and what should stand there. The line has been decoded.
fn invalid_fault(line: &str, invalid: InvalidEvent, type_place: Value<'_>) -> Box<Fault> {
    let place = |path: &[Key]| find(line, path).unwrap_or(type_place);
    match invalid {
        InvalidEvent::NotInDirect { what: "group_type" } => {
            place(&[Key::GroupType]).fault("no group_type, for this is a direct chat")
        }
        InvalidEvent::NotInDirect { what: "a seq watermark" } => {
            watermark_place(line, Key::Seq).unwrap_or(type_place).fault("a time, for this is a direct chat")
        }
        InvalidEvent::NotInGroup { what: "a time watermark" } => {
            watermark_place(line, Key::Time).unwrap_or(type_place).fault("a seq, for this is a group")
        }
        InvalidEvent::NotInDirect { what: "mentions" } => {
            place(&[Key::Mentions]).fault("no mentions, for this is a direct chat")
        }
        InvalidEvent::NotInDirect { .. } => type_place.fault("a type that a direct chat has"),
        InvalidEvent::NotInGroup { .. } => type_place.fault("a type that a group has"),
        InvalidEvent::MissingSeq => {
            let start = find(line, &[Key::Message]).map_or(0, Value::start);
            Fault::new(start, "the key \"seq\", for this is a group", "an object without it")
        }
        InvalidEvent::ZeroSeq => {
            seq_place(line).unwrap_or(type_place).fault("a seq of at least 1, for this message was delivered")
        }
        InvalidEvent::SeqTooLarge { .. } => seq_place(line).unwrap_or(type_place).fault(SEQ),
        InvalidEvent::TooLarge { .. } => {
            place(&[Key::Message]).fault(format!("a message of at most {MAX_MESSAGE_LEN_BYTES} bytes"))
        }
        InvalidEvent::ZeroVersion => place(&[Key::Version]).fault(EDIT_VERSION),
        InvalidEvent::QuietHours => place(&[Key::Daily]).fault(
            "quiet hours that start within a day, last less than a day and lie less than a day from UTC",
        ),
        InvalidEvent::UntilOfReceive => {
            place(&[Key::Until]).fault("no until, for the option receive has no end")
        }
        InvalidEvent::MembershipUser => {
            place(&[Key::User]).fault("no user, for a dissolved group is so for all")
        }
        InvalidEvent::EmptyReport => place(&[Key::Through]).fault("a seq of at least 1"),
        InvalidEvent::CountTooLarge { .. } => count_place(line).unwrap_or(type_place).fault(SEQ),
        InvalidEvent::ReportedMentions => {
            place(&[Key::Mentions]).fault("rising seqs from 1 up to that of through, and types from 1 to 3")
        }
        InvalidEvent::EmptyStretch => place(&[Key::From]).fault("a place not behind that of through"),
        InvalidEvent::EmptyWindow => place(&[Key::After]).fault("a place not behind that of through"),
    }
}

/// The watermark of a kind that does not fit its conversation.
fn watermark_place(line: &str, wrong: Key) -> Option<Value<'_>> {
    let keys = [Key::From, Key::After, Key::Through, Key::Read];
    keys.into_iter().find(|key| find(line, &[*key, wrong]).is_some()).and_then(|key| find(line, &[key]))
}

/// The number of messages that is too great.
fn count_place(line: &str) -> Option<Value<'_>> {
    let values = [Key::Unread, Key::Mentions].into_iter().filter_map(|key| find(line, &[key]));
    values.into_iter().find(|value| value.integer(SEQ).is_ok_and(|count: u64| count > MAX_SEQ))
}

fn seq_place(line: &str) -> Option<Value<'_>> {
    let paths: [&[Key]; 5] = [
        &[Key::Seq],
        &[Key::Message, Key::Seq],
        &[Key::Through, Key::Seq],
        &[Key::Read, Key::Seq],
        &[Key::From, Key::Seq],
    ];
    paths.iter().find_map(|path| find(line, path))
}

fn find<'a>(line: &'a str, path: &[Key]) -> Option<Value<'a>> {
    let (first, rest) = path.split_first()?;
    let (mut object, mut message) = (Object::new(line), Object::new(line));
    json::line(line, &mut object, &mut message).ok()?;
    let mut value = object.take(*first)?;
    for key in rest {
        value = value.object(STRING).ok()?.take(*key)?;
    }
    Some(value)
}
