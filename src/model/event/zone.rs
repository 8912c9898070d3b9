//! Names of time zones.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a zone of the IANA time zone database, such as `Europe/Berlin`: its form is checked, not whether any
/// database has it.
///
/// One to 64 bytes in components of ASCII letters, digits, `_`, `+`, `-` and `.`, with `/` between them; no component is
/// empty or begins with a dot. Comparing is comparing bytes.
///
/// ```
/// use chatfold::event::ZoneName;
/// assert_eq!(ZoneName::parse("Europe/Berlin")?.as_str(), "Europe/Berlin");
/// assert!(ZoneName::parse("Europe//Berlin").is_err());
/// # Ok::<(), chatfold::event::ZoneNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneName(Arc<str>);

/// Why a text is not a [`ZoneName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is named as in Europe/Berlin, with at most 64 bytes")]
pub struct ZoneNameError;

impl ZoneName {
    /// The longest name in bytes.
    pub const MAX_LEN: usize = 64;

    /// Parses a name. Complexity: O(length).
    ///
    /// # Errors
    ///
    /// Where the text has another form.
    pub fn parse(name: &str) -> Result<Self, ZoneNameError> {
        let fits = |part: &str| {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(legal)
        };
        if name.len() <= Self::MAX_LEN && name.split('/').all(fits) {
            Ok(Self(name.into()))
        } else {
            Err(ZoneNameError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZoneName({})", self.0)
    }
}

impl FromStr for ZoneName {
    type Err = ZoneNameError;

    fn from_str(text: &str) -> Result<Self, ZoneNameError> {
        Self::parse(text)
    }
}
