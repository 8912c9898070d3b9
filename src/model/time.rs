//! Instants and stamps: integers inside, chrono at the edge.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Timelike, Utc};

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
        // Digit by digit: every line of a text log has one, and a format string takes several times as long.
        let t = self.to_datetime();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let numbers = [
            (0, 4, t.year().unsigned_abs()),
            (5, 2, t.month()),
            (8, 2, t.day()),
            (11, 2, t.hour()),
            (14, 2, t.minute()),
            (17, 2, t.second()),
            (20, 3, t.timestamp_subsec_millis()),
        ];
        for (at, len, mut number) in numbers {
            for digit in text.iter_mut().skip(at).take(len).rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
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

/// How long the text of a [`Timestamp`] is.
pub(crate) const TIMESTAMP_LEN_BYTES: usize = 24;

/// Days before each month of a year, and the days of the month, in a year that is no leap year.
const MONTHS: [(u32, u32); 12] = [
    (0, 31),
    (31, 28),
    (59, 31),
    (90, 30),
    (120, 31),
    (151, 30),
    (181, 31),
    (212, 31),
    (243, 30),
    (273, 31),
    (304, 30),
    (334, 31),
];

impl Timestamp {
    /// The instant that a text of this length says.
    #[inline]
    pub(crate) fn parse_bytes(text: &[u8; TIMESTAMP_LEN_BYTES]) -> Result<Self, TimestampError> {
        let [y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b'T', h0, h1, b':', mi0, mi1, b':', rest @ ..] =
            text
        else {
            return Err(TimestampError::Form);
        };
        let [s0, s1, b'.', ms0, ms1, ms2, b'Z'] = rest else { return Err(TimestampError::Form) };
        let digits = [y0, y1, y2, y3, mo0, mo1, d0, d1, h0, h1, mi0, mi1, s0, s1, ms0, ms1, ms2]
            .map(|digit| digit.wrapping_sub(b'0'));
        if digits.iter().any(|digit| *digit > 9) {
            return Err(TimestampError::Form);
        }
        let [y0, y1, y2, y3, mo0, mo1, d0, d1, h0, h1, mi0, mi1, s0, s1, ms0, ms1, ms2] =
            digits.map(u32::from);
        let (year, month, day) = (1_000 * y0 + 100 * y1 + 10 * y2 + y3, 10 * mo0 + mo1, 10 * d0 + d1);
        let (hour, minute, second) = (10 * h0 + h1, 10 * mi0 + mi1, 10 * s0 + s1);
        let days = days_of(year, month, day).ok_or(TimestampError::NoSuchTime)?;
        if hour > 23 || minute > 59 || second > 59 {
            return Err(TimestampError::NoSuchTime);
        }
        let seconds = days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
        Self::from_millis(seconds * 1_000 + i64::from(100 * ms0 + 10 * ms1 + ms2))
    }
}

/// How many days lie between the first of January 1970 and a day of the Gregorian calendar; `None` if there is no such
/// day.
#[inline]
fn days_of(year: u32, month: u32, day: u32) -> Option<i64> {
    let (before, len) = *MONTHS.get((month as usize).checked_sub(1)?)?;
    let leap = u32::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)));
    let len = if month == 2 { len + leap } else { len };
    if day == 0 || day > len {
        return None;
    }
    // Leap days of all years before this one.
    let past = i64::from(year) - 1;
    let leap_days = past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400);
    let of_year = i64::from(before + day - 1) + if month > 2 { i64::from(leap) } else { 0 };
    const DAYS_TO_1970: i64 = 719_162;
    Some(past * 365 + leap_days + of_year - DAYS_TO_1970)
}

fn parse(text: &[u8]) -> Result<Timestamp, TimestampError> {
    Timestamp::parse_bytes(text.try_into().map_err(|_| TimestampError::Form)?)
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
    fn every_day_is_that_of_the_calendar_and_no_other_is_one() {
        let mut days = 0;
        for year in 1970..9999 {
            for month in 0..=13 {
                for day in 0..=32 {
                    let expected = chrono::NaiveDate::from_ymd_opt(year, month, day)
                        .map(|date| date.signed_duration_since(chrono::NaiveDate::default()).num_days());
                    assert_eq!(days_of(year as u32, month, day), expected, "{year}-{month}-{day}");
                    days += u32::from(expected.is_some());
                }
            }
        }
        assert_eq!(days, 2_932_532, "from 1970 to 9998");
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
