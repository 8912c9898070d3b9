//! Identifiers: parsed strictly, never drawn from chance.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

/// The greatest length of a user or group id, in bytes.
pub const MAX_ID_LEN_BYTES: usize = 128;

/// The namespace of the event ids that follow from what the events say (R57, R113).
pub(crate) const DERIVED_EVENTS: Uuid = Uuid::from_u128(0x35cd_40d0_81ce_5712_b422_d169_d887_fbf7);

/// Why a text is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// An empty user or group id.
    #[error("an id must have at least one byte")]
    Empty,
    /// A user or group id over [`MAX_ID_LEN_BYTES`].
    #[error("an id has at most {MAX_ID_LEN_BYTES} bytes, this one has {len_bytes}")]
    TooLong {
        /// Its length.
        len_bytes: usize,
    },
    /// A control character (U+0000–001F or U+007F) in a user or group id.
    #[error("an id has no control characters, this one has U+{:04X} at byte {offset}", u32::from(*.found))]
    ControlCharacter {
        /// The first control character found.
        found: char,
        /// Where it stands, in bytes.
        offset: usize,
    },
    /// Neither `c2c_` nor `group_` at the start of a conversation id.
    #[error("a conversation id begins with c2c_ or group_")]
    Prefix,
    /// Not a UUID in its lower-case, hyphenated form.
    #[error("expected a UUID, lower-case and hyphenated")]
    Uuid,
}

/// What the id of nobody begins with, and no id may have.
const NOBODY: char = '\0';

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_LEN_BYTES {
        return Err(IdError::TooLong { len_bytes: text.len() });
    }
    // Nearly no text has one: all bytes are looked at before the first such character is sought.
    if text.bytes().fold(false, |any, byte| any | byte.is_ascii_control())
        && let Some((offset, found)) = control_character(text)
    {
        return Err(IdError::ControlCharacter { found, offset });
    }
    Ok(())
}

/// The first control character (U+0000–001F or U+007F) of a text, which no id may have, and where it stands in bytes.
pub(crate) fn control_character(text: &str) -> Option<(usize, char)> {
    text.char_indices().find(|(_, c)| c.is_ascii_control())
}

/// Where an id's text lies: two ids at one address are equal while both live.
pub(crate) trait Address {
    fn address(&self) -> usize;
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 128 bytes without control characters, compared as bytes; cloning is cheap.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses an id (R20).
            ///
            /// # Errors
            ///
            /// [`IdError`]: why the text is no such id.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Address for $name {
            fn address(&self) -> usize {
                Arc::as_ptr(&self.0).cast::<u8>().addr()
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// The id of a user: an account that writes messages.
    UserId
}

impl UserId {
    /// The owner of a timeline, who is nobody (R120): no parsed id is equal to it, and it writes no event. That of a direct
    /// chat bears the id of the one of both whom the conversation's id does not name.
    pub(crate) fn nobody(lesser: Option<&Self>) -> Self {
        Self(format!("{NOBODY}{}", lesser.map_or("", Self::as_str)).into())
    }

    /// The owner that a snapshot names: a user, or nobody.
    pub(crate) fn of_owner(text: &str) -> Option<Self> {
        match text.strip_prefix(NOBODY) {
            Some("") => Some(Self::nobody(None)),
            Some(lesser) => Self::parse(lesser).ok().map(|lesser| Self::nobody(Some(&lesser))),
            None => Self::parse(text).ok(),
        }
    }

    /// Whether it is the owner of a timeline.
    pub(crate) fn is_nobody(&self) -> bool {
        self.0.starts_with(NOBODY)
    }

    /// Whether it is the owner of a direct chat's timeline, of which `user` is the one that its id does not name.
    pub(crate) fn stands_for(&self, user: &Self) -> bool {
        self.0.strip_prefix(NOBODY).is_some_and(|lesser| lesser == user.as_str())
    }

    /// Whether a text without control characters is one.
    pub(crate) fn has_form(text: &str) -> bool {
        (1..=MAX_ID_LEN_BYTES).contains(&text.len())
    }
}

text_id! {
    /// The id of a chat group.
    GroupId
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A UUID of any version, compared as bytes; its text form is lower-case and hyphenated, nothing
        /// else parses.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The id as a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The id's 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }
    };
}

uuid_id! {
    /// The id of an event. Unique within a log: two events that bear the same id are a fault of their writer
    /// (R07).
    EventId
}
uuid_id! {
    /// The id of a message, scoped to its conversation (R10).
    MessageId
}
uuid_id! {
    /// The id of a folder.
    FolderId
}
uuid_id! {
    /// The id of a command: what a store knows it by when it is given again. A command's seed
    /// ([`Context::seed`](crate::Context::seed)) serves as one.
    CommandId
}

fn parse_uuid(text: &str) -> Result<Uuid, IdError> {
    let bytes = text.as_bytes().try_into().ok().and_then(uuid_bytes);
    bytes.map(Uuid::from_bytes).ok_or(IdError::Uuid)
}

/// The bytes of a UUID from its text, which is lower-case and hyphenated.
#[inline]
pub(crate) fn uuid_bytes(text: &[u8; 36]) -> Option<[u8; 16]> {
    let (a, rest) = text.split_first_chunk::<8>()?;
    let (hyphen_1, rest) = rest.split_first_chunk::<1>()?;
    let (b, rest) = rest.split_first_chunk::<4>()?;
    let (hyphen_2, rest) = rest.split_first_chunk::<1>()?;
    let (c, rest) = rest.split_first_chunk::<4>()?;
    let (hyphen_3, rest) = rest.split_first_chunk::<1>()?;
    let (d, rest) = rest.split_first_chunk::<4>()?;
    let (hyphen_4, rest) = rest.split_first_chunk::<1>()?;
    let (e, rest) = rest.split_first_chunk::<4>()?;
    let f = rest.first_chunk::<8>()?;
    if [hyphen_1, hyphen_2, hyphen_3, hyphen_4] != [b"-"; 4] {
        return None;
    }
    let halves = |word: &[u8; 8]| word.as_chunks::<4>().0.first_chunk::<2>().copied();
    let ([a, a_2], [f, f_2]) = (halves(a)?, halves(f)?);
    hex_bytes([a, a_2, *b, *c, *d, *e, f, f_2].as_flattened().first_chunk()?)
}

/// The sixteen bytes that 32 lower-case hexadecimal digits write. A function of its own, since it is compiled to few
/// instructions, each on sixteen digits, only where the digits lie in one piece.
#[inline(never)]
fn hex_bytes(digits: &[u8; 32]) -> Option<[u8; 16]> {
    // A digit's value is at most 15, that of any other character is greater.
    let values = digits.map(|digit| {
        let decimal = digit.wrapping_sub(b'0');
        let letter = digit.wrapping_sub(b'a').saturating_add(10);
        if decimal > 9 { letter } else { decimal }
    });
    let (mut bytes, mut all) = ([0; 16], 0);
    for (byte, pair) in bytes.iter_mut().zip(values.as_chunks::<2>().0) {
        // The lower byte of the shifted pair: its first digit is the greater.
        let pair = u16::from_le_bytes(*pair);
        all |= pair;
        *byte = (pair << 4 | pair >> 8) as u8;
    }
    (all & 0xf0f0 == 0).then_some(bytes)
}

/// Whether a conversation is between two people or in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConversationKind {
    /// Between the owner and one peer (`c2c_<userID>`).
    Direct,
    /// In a chat group (`group_<groupID>`).
    Group,
}

/// The id of a conversation: `c2c_<userID>` or `group_<groupID>` (R20).
///
/// Compared as bytes, so direct conversations come before groups. Cloning is cheap.
///
/// ```
/// use chatfold::id::ConversationKind;
/// use chatfold::ConversationId;
/// let id: ConversationId = "c2c_bob".parse()?;
/// assert_eq!(id.kind(), ConversationKind::Direct);
/// assert_eq!(id.target(), "bob");
/// assert!("bob".parse::<ConversationId>().is_err());
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(Arc<str>);

const DIRECT: &str = "c2c_";
const GROUP: &str = "group_";

impl ConversationId {
    /// The peer of a direct conversation; `None` for a group's.
    pub fn peer(&self) -> Option<UserId> {
        let direct = self.kind() == ConversationKind::Direct;
        // What follows the prefix of a conversation id was parsed as a user id.
        if direct { UserId::parse(self.target()).ok() } else { None }
    }

    /// Parses `c2c_<userID>` or `group_<groupID>`.
    ///
    /// # Errors
    ///
    /// [`IdError`]: why the text is no such id.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        check(Self::target_of(text).ok_or(IdError::Prefix)?)?;
        Ok(Self(text.into()))
    }

    /// What follows the prefix of a conversation id, if it has one.
    pub(crate) fn target_of(text: &str) -> Option<&str> {
        text.strip_prefix(DIRECT).or_else(|| text.strip_prefix(GROUP))
    }

    /// Whether a text without control characters is one.
    pub(crate) fn has_form(text: &str) -> bool {
        Self::target_of(text).is_some_and(UserId::has_form)
    }

    /// The direct conversation with `peer`.
    pub fn direct(peer: &UserId) -> Self {
        Self(format!("{DIRECT}{peer}").into())
    }

    /// The conversation of `group`.
    pub fn group(group: &GroupId) -> Self {
        Self(format!("{GROUP}{group}").into())
    }

    /// Whether the conversation is direct or a group's.
    pub fn kind(&self) -> ConversationKind {
        if self.0.starts_with(DIRECT) { ConversationKind::Direct } else { ConversationKind::Group }
    }

    /// The user id of the peer or the id of the group, without the prefix.
    pub fn target(&self) -> &str {
        let prefix = match self.kind() {
            ConversationKind::Direct => DIRECT,
            ConversationKind::Group => GROUP,
        };
        self.0.get(prefix.len()..).unwrap_or_default()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Address for ConversationId {
    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).cast::<u8>().addr()
    }
}

impl FromStr for ConversationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for ConversationId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for ConversationId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_strictly() {
        assert_eq!(UserId::parse(""), Err(IdError::Empty));
        assert_eq!(UserId::parse(&"x".repeat(129)), Err(IdError::TooLong { len_bytes: 129 }));
        assert!(UserId::parse(&"x".repeat(128)).is_ok());
        assert_eq!(UserId::parse("a\u{7f}b"), Err(IdError::ControlCharacter { found: '\u{7f}', offset: 1 }));
        assert!(UserId::parse("a\0").is_err() && UserId::parse("李 雷\u{80}").is_ok());
        assert_eq!(ConversationId::parse("C2C_bob"), Err(IdError::Prefix));
        assert_eq!(ConversationId::parse("c2c_"), Err(IdError::Empty));
        assert!(ConversationId::parse(&format!("group_{}", "g".repeat(128))).is_ok());
        assert!(ConversationId::parse(&format!("group_{}", "g".repeat(129))).is_err());
        let nested: ConversationId = "c2c_group_x".parse().unwrap();
        assert_eq!((nested.kind(), nested.target()), (ConversationKind::Direct, "group_x"));
    }

    /// Each byte in each place of a UUID, held against the crate that knows all of their forms.
    #[test]
    fn uuids_are_what_the_uuid_crate_reads() {
        let good = *b"0189abcd-ef32-7654-b0f9-8e7d6c5b4a1f";
        for at in 0..good.len() {
            for byte in 0..=255 {
                let mut text = good;
                text[at] = byte;
                let expected = std::str::from_utf8(&text).ok().filter(|_| !byte.is_ascii_uppercase());
                let expected = expected.and_then(|text| Uuid::try_parse(text).ok());
                assert_eq!(uuid_bytes(&text), expected.map(Uuid::into_bytes), "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn uuids_parse_in_one_form_only() {
        let good = "018f0e2a-0000-7000-8000-0000000000a1";
        assert_eq!(good.parse::<EventId>().unwrap().to_string(), good);
        for bad in [
            "018F0E2A-0000-7000-8000-0000000000A1",
            "018f0e2a000070008000000000000000a1",
            "{018f0e2a-0000-7000-8000-0000000000a1}",
            "urn:uuid:018f0e2a-0000-7000-8000-0000000000a1",
            "018f0e2a-0000-7000-8000-0000000000g1",
            "",
        ] {
            assert_eq!(bad.parse::<MessageId>(), Err(IdError::Uuid), "{bad}");
        }
    }
}
