//! Instants and stamps: integers inside, chrono at the edge.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, TimeZone, Timelike, Utc};

use crate::model::id::EventId;

/// An instant in whole milliseconds since 1970-01-01T00:00:00Z, between the years 1970 and 9998.
///
/// Ordered by time. The text form is exactly `YYYY-MM-DDTHH:MM:SS.mmmZ`; nothing else parses. A timestamp
/// never comes from a clock: it is always given by the caller.
///
/// ```
/// use chatfold::Timestamp;
/// let t: Timestamp = "2026-03-01T09:00:05.250Z".parse()?;
/// assert_eq!(t.as_millis(), 1_772_355_605_250);
/// assert_eq!(t.to_string(), "2026-03-01T09:00:05.250Z");
/// assert!("2026-03-01T09:00:05Z".parse::<Timestamp>().is_err());
/// # Ok::<(), chatfold::time::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z.
    pub const EPOCH: Self = Self(0);
    /// 9998-12-31T23:59:59.999Z, the last instant a log may name.
    pub const MAX: Self = Self(253_370_764_799_999);

    /// The instant `millis` milliseconds after the epoch; an error outside the years 1970 to 9998.
    ///
    /// # Errors
    ///
    /// [`TimestampError::OutOfRange`] outside the years 1970 to 9998.
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        if (0..=Self::MAX.0).contains(&millis) { Ok(Self(millis)) } else { Err(TimestampError::OutOfRange) }
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The same instant as a chrono date and time.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl TryFrom<DateTime<Utc>> for Timestamp {
    type Error = TimestampError;

    /// Rounds down to the millisecond.
    fn try_from(value: DateTime<Utc>) -> Result<Self, TimestampError> {
        Self::from_millis(value.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.to_datetime();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.timestamp_subsec_millis()
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        parse(text.as_bytes())
    }
}

/// Why a text or number is not a [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// The text does not have the form `YYYY-MM-DDTHH:MM:SS.mmmZ`.
    #[error("expected a time as YYYY-MM-DDTHH:MM:SS.mmmZ")]
    Form,
    /// A month, day, hour, minute or second that does not exist.
    #[error("no such date or time of day")]
    NoSuchTime,
    /// Before 1970 or after 9998.
    #[error("a time must lie in the years 1970 to 9998")]
    OutOfRange,
}

fn parse(text: &[u8]) -> Result<Timestamp, TimestampError> {
    let bytes: &[u8; 24] = text.try_into().map_err(|_| TimestampError::Form)?;
    let shape = b"dddd-dd-ddTdd:dd:dd.dddZ";
    for (byte, expected) in bytes.iter().zip(shape) {
        let fits = if *expected == b'd' { byte.is_ascii_digit() } else { byte == expected };
        if !fits {
            return Err(TimestampError::Form);
        }
    }
    let number = |from: usize, to: usize| {
        bytes.iter().take(to).skip(from).fold(0u32, |n, b| n * 10 + u32::from(b - b'0'))
    };
    let year = number(0, 4);
    let date = chrono::NaiveDate::from_ymd_opt(year as i32, number(5, 7), number(8, 10));
    let time =
        chrono::NaiveTime::from_hms_milli_opt(number(11, 13), number(14, 16), number(17, 19), number(20, 23));
    let (Some(date), Some(time)) = (date, time) else {
        return Err(TimestampError::NoSuchTime);
    };
    Timestamp::from_millis(Utc.from_utc_datetime(&date.and_time(time)).timestamp_millis())
}

/// When and by which event a fact was written: the total order behind "later" and "earlier" everywhere.
///
/// Compared by time first, by event id where times are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// When the event happened.
    pub at: Timestamp,
    /// The event that wrote the fact.
    pub event: EventId,
}

impl Stamp {
    /// The stamp of event `event`, which happened at `at`.
    pub const fn new(at: Timestamp, event: EventId) -> Self {
        Self { at, event }
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.at, self.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_parses() {
        for bad in [
            "",
            "2026-03-01T09:00:05.25Z",
            "2026-03-01T09:00:05.2500Z",
            "2026-03-01 09:00:05.250Z",
            "2026-03-01T09:00:05.250z",
            "2026-03-01T09:00:05.250+",
            "+026-03-01T09:00:05.250Z",
        ] {
            assert_eq!(bad.parse::<Timestamp>(), Err(TimestampError::Form), "{bad}");
        }
        for bad in [
            "2026-02-29T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
            "2026-01-01T23:59:60.000Z",
        ] {
            assert_eq!(bad.parse::<Timestamp>(), Err(TimestampError::NoSuchTime), "{bad}");
        }
        for bad in ["1969-12-31T23:59:59.999Z", "9999-01-01T00:00:00.000Z"] {
            assert_eq!(bad.parse::<Timestamp>(), Err(TimestampError::OutOfRange), "{bad}");
        }
    }

    #[test]
    fn the_ends_of_the_range_round_trip() {
        for (text, millis) in
            [("1970-01-01T00:00:00.000Z", 0), ("9998-12-31T23:59:59.999Z", Timestamp::MAX.0)]
        {
            let t: Timestamp = text.parse().unwrap();
            assert_eq!((t.as_millis(), t.to_string().as_str()), (millis, text));
        }
        assert!(Timestamp::from_millis(-1).is_err());
        assert!(Timestamp::from_millis(Timestamp::MAX.0 + 1).is_err());
    }
}
