//! Where a message stands in a group whose server has no `seq` (R117), and what numbers of servers say of time.

use std::fmt;
use std::str::FromStr;

use crate::model::time::{Timestamp, TimestampError};

/// The instant from which Discord's snowflakes count, in milliseconds.
pub const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

/// Returns the `seq` of a group message of a server that counts none (R117 b): the server's instant of the message in
/// milliseconds, at least 1. A watermark up to an instant is the same number.
///
/// A server's own number serves instead if it rises in the group or everywhere and stays below 2^53 (R117 a). One of
/// the two is fixed for a network for ever.
pub fn derive_seq(at: Timestamp) -> u64 {
    at.as_millis().unsigned_abs().max(1)
}

/// Returns the instant that a snowflake says: its bits above the lowest 22 are milliseconds since `epoch_ms`, which is
/// [`DISCORD_EPOCH_MS`] for Discord.
///
/// ```
/// use chatfold::foreign::{DISCORD_EPOCH_MS, derive_seq, read_snowflake_time};
/// let at = read_snowflake_time(1_175_168_000_000_000_123, DISCORD_EPOCH_MS)?;
/// assert_eq!(at.to_string(), "2023-11-17T20:18:04.765Z");
/// assert_eq!(derive_seq(at), 1_700_252_284_765);
/// # Ok::<(), chatfold::time::TimestampError>(())
/// ```
///
/// # Errors
///
/// [`TimestampError::OutOfRange`] where the instant lies outside the years 1970 to 9998.
pub fn read_snowflake_time(snowflake: u64, epoch_ms: i64) -> Result<Timestamp, TimestampError> {
    // 42 bits fit.
    let since = (snowflake >> 22) as i64;
    Timestamp::from_millis(epoch_ms.checked_add(since).ok_or(TimestampError::OutOfRange)?)
}

/// Slack's `ts` of a message: seconds and six decimals, which name the message in its conversation and say when it was
/// sent.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SlackTs {
    text: String,
    micros: u64,
}

/// A text is no `ts` as Slack writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a ts as up to 12 digits, '.' and six digits, found {found:?}")]
pub struct SlackTsError {
    /// The text.
    pub found: String,
}

impl SlackTs {
    /// Returns the `ts` as one number of microseconds since 1970: what [`Network::message_id`](super::Network::message_id)
    /// embeds.
    pub fn number(&self) -> u64 {
        self.micros
    }

    /// Returns the instant, rounded down to the millisecond.
    ///
    /// # Errors
    ///
    /// [`TimestampError::OutOfRange`] behind the year 9998.
    pub fn time(&self) -> Result<Timestamp, TimestampError> {
        let millis = i64::try_from(self.micros / 1_000).map_err(|_| TimestampError::OutOfRange)?;
        Timestamp::from_millis(millis)
    }

    /// Returns the `ts` as Slack wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for SlackTs {
    type Err = SlackTsError;

    fn from_str(text: &str) -> Result<Self, SlackTsError> {
        let number = |text: &str, most: usize| {
            let digits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            // Twelve digits fit.
            if digits { text.parse::<u64>().ok() } else { None }
        };
        let micros = text.split_once('.').and_then(|(seconds, decimals)| {
            let leading_zero = seconds.len() > 1 && seconds.starts_with('0');
            let decimals = number(decimals, 6).filter(|_| decimals.len() == 6 && !leading_zero)?;
            Some(number(seconds, 12)? * 1_000_000 + decimals)
        });
        match micros {
            Some(micros) => Ok(Self { text: text.to_owned(), micros }),
            None => Err(SlackTsError { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for SlackTs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for SlackTs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
