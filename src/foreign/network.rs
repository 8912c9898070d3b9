//! Networks, and the ids of messages, users and groups that are derived in them (R110–R112, R115).

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::model::id::{GroupId, MAX_ID_LEN_BYTES, MessageId, UserId, control_character};

/// The key in an event's meta under which the server's id of a message, user or group stands where the id here does not
/// give it back (R112).
pub const META_FOREIGN: &str = "foreign";

/// The key in an event's meta under which the server's id of the event itself may stand (R112).
pub const META_FOREIGN_EVENT: &str = "foreign_event";

/// The greatest length of another system's id, in bytes. The longest that a known system allows has 3,071.
pub const MAX_FOREIGN_LEN_BYTES: usize = 4_096;

/// The namespace of hashed message ids, and of users and groups whose id is too long.
const MESSAGES: Uuid = Uuid::from_u128(0x9576_e135_e2ef_53a2_87e2_5611_be4e_fa13);

/// What fills the 58 lowest bits of an embedded id: `CFOLDID` and two zero bits.
const EMBEDDED: u64 = 0x43_46_4f_4c_44_49_44 << 2;
const EMBEDDED_BITS: u32 = 58;

/// The longest beginning of a user's or group's id that is kept where the whole is too long: `~` and 32 hexadecimal
/// digits follow it.
const MAX_KEPT_LEN_BYTES: usize = MAX_ID_LEN_BYTES - 33;

/// Why a text is no network, or an id of another system cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// The network's word is not 1 to 16 of `a`–`z`, `0`–`9`, `.` and `-`.
    #[error("expected a network as 1 to 16 of a-z, 0-9, '.' and '-', found {found:?}")]
    Word {
        /// The word.
        found: String,
    },
    /// The network's instance, behind the `/`, is empty or has a `:` or a control character.
    #[error(
        "expected the network's instance behind '/' as text without ':' and control characters, found {found:?}"
    )]
    Instance {
        /// The instance.
        found: String,
    },
    /// The network's name with its instance is longer than 64 bytes.
    #[error("a network has at most 64 bytes, this one has {len_bytes}")]
    NetworkTooLong {
        /// Its length.
        len_bytes: usize,
    },
    /// An empty id.
    #[error("an id must have at least one byte")]
    Empty,
    /// An id over [`MAX_FOREIGN_LEN_BYTES`].
    #[error("an id of another system has at most {MAX_FOREIGN_LEN_BYTES} bytes, this one has {len_bytes}")]
    TooLong {
        /// Its length.
        len_bytes: usize,
    },
    /// A control character in an id.
    #[error("an id has no control characters, this one has U+{:04X} at byte {offset}", u32::from(*.found))]
    ControlCharacter {
        /// The first control character found.
        found: char,
        /// Where it stands, in bytes.
        offset: usize,
    },
}

/// Where ids of another system are unique (R110): a word for the system and, where its ids are unique only inside a
/// workspace or server, `/` and that instance: `matrix`, `slack/t024`, `mattermost/chat.example.org`.
///
/// It is part of what ids are derived from, so it must never change for a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    name: String,
    /// Whether the ids of users and groups begin with the name.
    prefixes: bool,
}

/// An id derived from one of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign<I> {
    /// The id here.
    pub id: I,
    /// The other system's id where `id` does not give it back: it goes into the meta of the event that introduces what
    /// is named, under [`META_FOREIGN`].
    pub keep: Option<Box<str>>,
}

impl Network {
    /// Parses the name of a network: a word, or a word and an instance behind a `/`.
    ///
    /// # Errors
    ///
    /// [`ForeignError::Word`], [`ForeignError::Instance`] or [`ForeignError::NetworkTooLong`]. A `:` is refused in an
    /// instance because it ends the network's name before a user's id ([`Network::prefixing`]): write a port with `-`.
    pub fn parse(name: &str) -> Result<Self, ForeignError> {
        let (word, instance) = match name.split_once('/') {
            Some((word, instance)) => (word, Some(instance)),
            None => (name, None),
        };
        let of_word = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if !(1..=16).contains(&word.len()) || !word.bytes().all(of_word) {
            return Err(ForeignError::Word { found: word.to_owned() });
        }
        let refused = |c: char| c == ':' || c.is_control();
        if let Some(instance) = instance.filter(|text| text.is_empty() || text.contains(refused)) {
            return Err(ForeignError::Instance { found: instance.to_owned() });
        }
        if name.len() > 64 {
            return Err(ForeignError::NetworkTooLong { len_bytes: name.len() });
        }
        Ok(Self { name: name.to_owned(), prefixes: false })
    }

    /// The same network for an inbox that several networks share: its name and a `:` stand before the id of every user
    /// and group (`slack/t024:U061`). An inbox of one network may leave them out; it must do so for ever.
    #[must_use]
    pub fn prefixing(mut self) -> Self {
        self.prefixes = true;
        self
    }

    /// Returns the network's name, with its instance.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the id of the message that the server calls `foreign` (R111). It is scoped to its conversation, as all
    /// message ids are.
    ///
    /// - A decimal number below 2^64 without leading zeros is embedded: [`read_number`] gives it back, and embedded
    ///   ids compare as their numbers do.
    /// - A UUID in its lower-case, hyphenated form is taken as it is, unless it could be mistaken for an id of the
    ///   other two forms.
    /// - Any other text is hashed, and [`Foreign::keep`] has it.
    ///
    /// ```
    /// use chatfold::foreign::{Network, read_number};
    /// let discord = Network::parse("discord")?;
    /// let derived = discord.message_id("1175168000000000123")?;
    /// assert_eq!(derived.id.to_string(), "104f0911-d768-8007-ad0d-193d31112510");
    /// assert_eq!(read_number(derived.id), Some(1_175_168_000_000_000_123));
    /// assert_eq!(derived.keep, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ForeignError::Empty`], [`ForeignError::TooLong`] or [`ForeignError::ControlCharacter`].
    pub fn message_id(&self, foreign: &str) -> Result<Foreign<MessageId>, ForeignError> {
        check(foreign)?;
        if let Some(number) = plain_number(foreign) {
            return Ok(Foreign { id: embed(number), keep: None });
        }
        if let Ok(id) = MessageId::from_str(foreign)
            && id.uuid().get_version_num() != 5
            && read_number(id).is_none()
        {
            return Ok(Foreign { id, keep: None });
        }
        let id = MessageId::new(self.hash(foreign));
        Ok(Foreign { id, keep: Some(foreign.into()) })
    }

    /// Returns the user that the server calls `foreign` (R115): the id of an account, never a name that people see. Of an
    /// id of more than 128 bytes its beginning and a hash are taken, and [`Foreign::keep`] has the whole.
    ///
    /// # Errors
    ///
    /// [`ForeignError::Empty`], [`ForeignError::TooLong`] or [`ForeignError::ControlCharacter`].
    pub fn user(&self, foreign: &str) -> Result<Foreign<UserId>, ForeignError> {
        self.derived(foreign, |text| UserId::parse(text).ok())
    }

    /// Returns the group that the server calls `foreign`, as [`Network::user`] does a user.
    ///
    /// Everything is a group in which the system does not itself guarantee one conversation for a pair of users for ever
    /// (R116): a "direct" room of a server with rooms is one. Its name and face are then written from its members.
    ///
    /// # Errors
    ///
    /// [`ForeignError::Empty`], [`ForeignError::TooLong`] or [`ForeignError::ControlCharacter`].
    pub fn group(&self, foreign: &str) -> Result<Foreign<GroupId>, ForeignError> {
        self.derived(foreign, |text| GroupId::parse(text).ok())
    }

    fn derived<I>(
        &self,
        foreign: &str,
        parse: impl Fn(&str) -> Option<I>,
    ) -> Result<Foreign<I>, ForeignError> {
        check(foreign)?;
        let whole = if self.prefixes { format!("{}:{foreign}", self.name) } else { foreign.to_owned() };
        let (text, keep) = if whole.len() <= MAX_ID_LEN_BYTES {
            (whole, None)
        } else {
            let ends = (0..=MAX_KEPT_LEN_BYTES).rev().find(|end| whole.is_char_boundary(*end));
            let kept = whole.get(..ends.unwrap_or(0)).unwrap_or_default();
            (format!("{kept}~{}", self.hash(foreign).simple()), Some(foreign.into()))
        };
        // The text was checked above: it has 1 to 128 bytes and no control characters.
        parse(&text).map(|id| Foreign { id, keep }).ok_or(ForeignError::Empty)
    }

    fn hash(&self, foreign: &str) -> Uuid {
        Uuid::new_v5(&MESSAGES, format!("{}\n{foreign}", self.name).as_bytes())
    }
}

impl FromStr for Network {
    type Err = ForeignError;

    fn from_str(text: &str) -> Result<Self, ForeignError> {
        Self::parse(text)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// Checks an id of another system: 1 to [`MAX_FOREIGN_LEN_BYTES`] bytes without control characters.
fn check(foreign: &str) -> Result<(), ForeignError> {
    if foreign.is_empty() {
        return Err(ForeignError::Empty);
    }
    if foreign.len() > MAX_FOREIGN_LEN_BYTES {
        return Err(ForeignError::TooLong { len_bytes: foreign.len() });
    }
    match control_character(foreign) {
        Some((offset, found)) => Err(ForeignError::ControlCharacter { found, offset }),
        None => Ok(()),
    }
}

/// Returns the number that the text writes in decimal, below 2^64 and without leading zeros.
fn plain_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// Returns the id that holds the number: its 64 bits in order (48, the version, 12, the variant, 4), then [`EMBEDDED`].
fn embed(number: u64) -> MessageId {
    let high = number >> 16 << 16 | 0x8000 | number >> 4 & 0xfff;
    let low = 0b10 << 62 | (number & 0xf) << EMBEDDED_BITS | EMBEDDED;
    MessageId::new(Uuid::from_u64_pair(high, low))
}

/// Returns the server's id of a message where the message's own id tells it: the number that it embeds, or the UUID that
/// it is (R111); `None` for a hashed one, whose server's id the event that introduced it keeps as [`META_FOREIGN`].
pub fn read_id(id: MessageId) -> Option<String> {
    match read_number(id) {
        Some(number) => Some(number.to_string()),
        None => (id.uuid().get_version_num() != 5).then(|| id.to_string()),
    }
}

/// Returns the number that a message id holds, as [`Network::message_id`] embedded it (R111); `None` for an id of another
/// form. Embedded ids compare as their numbers do.
pub fn read_number(id: MessageId) -> Option<u64> {
    let (high, low) = id.uuid().as_u64_pair();
    let number = high >> 16 << 16 | (high & 0xfff) << 4 | low >> EMBEDDED_BITS & 0xf;
    (embed(number) == id).then_some(number)
}
