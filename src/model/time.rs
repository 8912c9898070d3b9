//! Instants and stamps: integers inside, chrono at the edge.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::model::digits::two;
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

    /// The text form.
    #[inline]
    pub(crate) fn to_text(self) -> [u8; TIMESTAMP_LEN_BYTES] {
        // Digits by table: every line of a text log has one, and a format string takes several times as long.
        const DAY_MS: i64 = 86_400_000;
        // No instant lies before 1970.
        let (days, millis) = ((self.0 / DAY_MS) as u32, (self.0 % DAY_MS) as u32);
        let (year, month, day) = date_of(days);
        let (second, milli) = (millis / 1_000, millis % 1_000);
        let (minute, hour) = (second / 60, second / 3_600);
        let [[y0, y1], [y2, y3], [mo0, mo1], [d0, d1]] = [year / 100, year, month, day].map(two);
        let [[h0, h1], [mi0, mi1], [s0, s1]] = [hour, minute % 60, second % 60].map(two);
        let [ms1, ms2] = two(milli);
        let ms0 = b'0' + (milli / 100) as u8;
        let [y, mo, d] = [[y0, y1, y2, y3], [b'-', mo0, mo1, b'-'], [d0, d1, b'T', h0]];
        let [h, mi, s] = [[h1, b':', mi0, mi1], [b':', s0, s1, b'.'], [ms0, ms1, ms2, b'Z']];
        let mut text = [0; TIMESTAMP_LEN_BYTES];
        text.as_chunks_mut().0.copy_from_slice(&[y, mo, d, h, mi, s]);
        text
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
        let text = self.to_text();
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

/// The year, month and day that lie so many days behind the first of January 1970.
///
/// After Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms" (2022): years
/// begin in March, so that the leap day is their last, and each division is one by a constant.
#[inline]
fn date_of(days: u32) -> (u32, u32, u32) {
    const DAYS_FROM_MARCH_OF_YEAR_0: u32 = 719_468;
    let quarters = 4 * (days + DAYS_FROM_MARCH_OF_YEAR_0) + 3;
    let (century, of_century) = (quarters / 146_097, quarters % 146_097 / 4);
    let scaled = 2_939_745 * u64::from(4 * of_century + 3);
    let (year, of_year) = ((scaled >> 32) as u32, scaled as u32 / 2_939_745 / 4);
    let scaled = 2_141 * of_year + 197_913;
    let (month, day) = (scaled >> 16, (scaled & 0xffff) / 2_141 + 1);
    let is_next_year = of_year >= 306;
    let month = if is_next_year { month - 12 } else { month };
    (100 * century + year + u32::from(is_next_year), month, day)
}

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

/// Reads times of which most are of the day of the one before, as those of a log are: its date is not worked out again.
#[cfg(feature = "jsonl")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimesOfDay {
    /// The date as it is written, up to the `T`.
    date: [u8; DATE_LEN_BYTES],
    /// When that day begins.
    start: Timestamp,
}

#[cfg(feature = "jsonl")]
const DATE_LEN_BYTES: usize = 11;

#[cfg(feature = "jsonl")]
impl TimesOfDay {
    pub(crate) const fn new() -> Self {
        Self { date: *b"1970-01-01T", start: Timestamp::EPOCH }
    }

    /// What [`Timestamp::parse_bytes`] makes of a text.
    #[inline]
    pub(crate) fn parse(&mut self, text: &[u8; TIMESTAMP_LEN_BYTES]) -> Result<Timestamp, TimestampError> {
        let (date, time) = (text.first_chunk(), text.last_chunk());
        if date == Some(&self.date)
            && let Some(millis) = time.and_then(millis_of_day)
        {
            return Ok(Timestamp(self.start.0 + millis));
        }
        self.parse_date_too(text)
    }

    #[cold]
    fn parse_date_too(&mut self, text: &[u8; TIMESTAMP_LEN_BYTES]) -> Result<Timestamp, TimestampError> {
        const DAY_MS: i64 = 86_400_000;
        let time = Timestamp::parse_bytes(text)?;
        if let Some(date) = text.first_chunk() {
            *self = Self { date: *date, start: Timestamp(time.0 - time.0 % DAY_MS) };
        }
        Ok(time)
    }
}

/// The milliseconds since midnight of a time written `HH:MM:SS.mmmZ`, eight bytes at a time; `None` if there is no such
/// time.
#[cfg(feature = "jsonl")]
#[inline]
fn millis_of_day(text: &[u8; TIMESTAMP_LEN_BYTES - DATE_LEN_BYTES]) -> Option<i64> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // Each digit becomes its value, each other byte that stands in its place 0.
    let start = u64::from_le_bytes(*text.first_chunk()?) ^ u64::from_le_bytes(*b"00:00:00");
    let end = u64::from_le_bytes(*text.last_chunk()?) ^ u64::from_le_bytes(*b":00.000Z");
    // The high bit of each byte above 9 is set; above such a byte perhaps others too, which does not matter here.
    let above = |digits: u64| (digits | digits.wrapping_add(ONES * (0x80 - 10))) & HIGHS;
    let between = start & 0x0000_ff00_00ff_0000 | end & 0xff00_0000_ff00_00ff;
    if above(start) | above(end) | between != 0 {
        return None;
    }
    // Each byte becomes the number that it writes with the next one.
    let pairs = |digits: u64| digits * 10 + (digits >> 8);
    let (start, tens) = (pairs(start), pairs(end) >> 32 & 0xff);
    // The high bit of each byte of hours, minutes and seconds that is too great.
    const BOUNDS: u64 = (0x80 - 24) | (0x80 - 60) << 24 | (0x80 - 60) << 48;
    if (start + BOUNDS) & 0x0080_0000_8000_0080 != 0 {
        return None;
    }
    let (hour, minute, second) = (start & 0xff, start >> 24 & 0xff, start >> 48 & 0xff);
    let millis = tens * 10 + (end >> 48 & 0xff);
    Some((hour * 3_600_000 + minute * 60_000 + second * 1_000 + millis).cast_signed())
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
    fn every_day_is_written_as_another_library_does() {
        // Every day of 400 years, and days so far apart that each century has many.
        let days = (0..146_097).chain((146_097..2_932_896).step_by(11)).chain([2_932_531, 2_932_532]);
        for day in days.filter(|day| *day * 86_400_000 <= Timestamp::MAX.0) {
            let at = Timestamp(day * 86_400_000 + day * 7_919 % 86_400_000);
            let expected = at.to_datetime().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            assert_eq!(at.to_string(), expected);
        }
        assert_eq!(Timestamp::MAX.to_string(), "9998-12-31T23:59:59.999Z");
    }

    /// Every byte in every place of times, read behind one of the same day and of another.
    #[test]
    fn times_of_a_day_are_what_they_are_without_the_one_before() {
        let mut good = 0;
        for before in ["2026-03-01T23:59:59.999Z", "2024-02-29T00:00:00.000Z", "1970-01-01T00:00:00.000Z"] {
            for text in [before, "2026-03-01T19:48:35.250Z", "9998-12-31T09:00:00.000Z"] {
                for (at, byte) in (0..text.len()).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
                    let mut times = TimesOfDay::new();
                    times.parse(before.as_bytes().try_into().unwrap()).unwrap();
                    let mut text: [u8; TIMESTAMP_LEN_BYTES] = text.as_bytes().try_into().unwrap();
                    text[at] = byte;
                    let expected = Timestamp::parse_bytes(&text);
                    assert_eq!(times.parse(&text), expected, "{:?}", String::from_utf8_lossy(&text));
                    // And behind a text that is a time or none.
                    assert_eq!(times.parse(&text), expected);
                    good += u32::from(expected.is_ok());
                }
            }
        }
        assert!(good > 500, "{good}");
    }

    #[test]
    fn every_second_of_a_day_is_read_and_none_beyond_it() {
        let day = |text: &str| millis_of_day(text.as_bytes().try_into().unwrap());
        let mut seconds = 0;
        for (hour, minute, second) in (0..100)
            .flat_map(|hour| (0..100).flat_map(move |minute| (0..100).map(move |s| (hour, minute, s))))
        {
            let millis = seconds % 1_000;
            let expected = (hour < 24 && minute < 60 && second < 60)
                .then_some(((hour * 60 + minute) * 60 + second) * 1_000 + millis);
            assert_eq!(day(&format!("{hour:02}:{minute:02}:{second:02}.{millis:03}Z")), expected);
            seconds += i64::from(expected.is_some());
        }
        assert_eq!(seconds, 86_400);
        for bad in [
            "23:59:60.000Z",
            "24:00:00.000Z",
            "12:00:00,000Z",
            "12.00:00.000Z",
            "12:00:00.000z",
            "12:00:00.00:Z",
        ] {
            assert_eq!(day(bad), None, "{bad}");
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
