//! Instants as people write and read them.
//!
//! Everything is in UTC, so that the same log prints the same list everywhere, and nothing here reads a
//! clock but [`Span::parse_or_now`] of the word `now`.

use std::time::{SystemTime, UNIX_EPOCH};

use chatfold::Timestamp;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// An instant as coarse as it was written: all of a day, a minute, a second, or one millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first millisecond.
    pub from: Timestamp,
    /// Its last millisecond.
    pub to: Timestamp,
}

/// The forms [`Span::parse`] reads, for help and errors.
const FORMS: &str = "expected a time such as 2026-03-01, 2026-03-01T09:00, 2026-03-01T09:00:05, \
    2026-03-01T09:00:05.250Z or 2026-03-01T09:00:05+08:00 (UTC unless an offset is given)";

impl Span {
    /// Reads the form of the log, RFC 3339 with any offset, and dates and times without an offset (UTC).
    ///
    /// # Errors
    ///
    /// What was expected, in words for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(exact) = text.parse::<Timestamp>() {
            return Ok(Self { from: exact, to: exact });
        }
        let (start, length_ms) = Self::start_and_length_ms(text).ok_or(FORMS)?;
        let at = |ms: i64| Timestamp::from_millis(ms).map_err(|error| error.to_string());
        Ok(Self { from: at(start)?, to: at(start + length_ms - 1)? })
    }

    /// As [`Span::parse`], and the word `now` for the clock's time.
    ///
    /// # Errors
    ///
    /// What was expected, in words for people.
    pub fn parse_or_now(text: &str) -> Result<Self, String> {
        if text != "now" {
            return Self::parse(text).map_err(|error| format!("{error}; or the word now"));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
        let millis = i64::try_from(since.as_millis()).map_err(|error| error.to_string())?;
        let exact = Timestamp::from_millis(millis).map_err(|error| error.to_string())?;
        Ok(Self { from: exact, to: exact })
    }

    fn start_and_length_ms(text: &str) -> Option<(i64, i64)> {
        const SECOND: i64 = 1_000;
        let precision = |fraction: bool| if fraction { 1 } else { SECOND };
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some((date.and_time(NaiveTime::MIN).and_utc().timestamp_millis(), 86_400 * SECOND));
        }
        let text = text.replacen(' ', "T", 1);
        if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
            return Some((time.timestamp_millis(), precision(text.contains('.'))));
        }
        let bare = text.strip_suffix('Z').unwrap_or(&text);
        if let Ok(time) = NaiveDateTime::parse_from_str(bare, "%Y-%m-%dT%H:%M") {
            return Some((time.and_utc().timestamp_millis(), 60 * SECOND));
        }
        let time = NaiveDateTime::parse_from_str(bare, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
        Some((time.and_utc().timestamp_millis(), precision(bare.contains('.'))))
    }
}

/// `2026-03-01 09:00`, or nothing for the epoch, which stands for "never".
pub fn minute(at: Timestamp) -> String {
    if at == Timestamp::EPOCH {
        return String::new();
    }
    at.to_datetime().format("%Y-%m-%d %H:%M").to_string()
}

/// How long before `now` it was, as short as a list wants it; a date where that is more than a week or after
/// `now`; nothing for the epoch.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    if at == Timestamp::EPOCH {
        return String::new();
    }
    let passed = TimeDelta::milliseconds(now.as_millis() - at.as_millis());
    let (then, today) = (at.to_datetime(), now.to_datetime());
    match passed {
        p if p < TimeDelta::zero() => minute(at),
        p if p < TimeDelta::minutes(1) => "now".to_owned(),
        p if p < TimeDelta::hours(1) => format!("{} min", p.num_minutes()),
        p if p < TimeDelta::days(1) => format!("{} h", p.num_hours()),
        p if p < TimeDelta::weeks(1) => format!("{} d", p.num_days()),
        _ if then.year() == today.year() => then.format("%-d %b").to_string(),
        _ => then.format("%Y-%m-%d").to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test panics")]
mod tests {
    use super::*;

    fn span(text: &str) -> (String, String) {
        let span = Span::parse(text).unwrap();
        (span.from.to_string(), span.to.to_string())
    }

    #[test]
    fn a_coarse_time_covers_all_of_itself() {
        for (text, from, to) in [
            ("2026-03-01", "2026-03-01T00:00:00.000Z", "2026-03-01T23:59:59.999Z"),
            ("2026-03-01T09:00", "2026-03-01T09:00:00.000Z", "2026-03-01T09:00:59.999Z"),
            ("2026-03-01 09:00Z", "2026-03-01T09:00:00.000Z", "2026-03-01T09:00:59.999Z"),
            ("2026-03-01 09:00:05", "2026-03-01T09:00:05.000Z", "2026-03-01T09:00:05.999Z"),
            ("2026-03-01T09:00:05Z", "2026-03-01T09:00:05.000Z", "2026-03-01T09:00:05.999Z"),
            ("2026-03-01T09:00:05+08:00", "2026-03-01T01:00:05.000Z", "2026-03-01T01:00:05.999Z"),
            ("2026-03-01T09:00:05.25Z", "2026-03-01T09:00:05.250Z", "2026-03-01T09:00:05.250Z"),
            ("2026-03-01T09:00:05.250Z", "2026-03-01T09:00:05.250Z", "2026-03-01T09:00:05.250Z"),
        ] {
            assert_eq!(span(text), (from.to_owned(), to.to_owned()), "{text}");
        }
        for bad in ["", "yesterday", "2026-02-30", "2026-03-01T25:00", "9999-01-01", "1969-12-31", "12:00"] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_passed_is_said_shortly() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-03-10T12:00:00.000Z");
        for (then, said) in [
            ("2026-03-10T12:00:00.000Z", "now"),
            ("2026-03-10T11:59:00.001Z", "now"),
            ("2026-03-10T11:59:00.000Z", "1 min"),
            ("2026-03-10T11:00:00.001Z", "59 min"),
            ("2026-03-10T11:00:00.000Z", "1 h"),
            ("2026-03-09T12:00:00.000Z", "1 d"),
            ("2026-03-03T12:00:00.001Z", "6 d"),
            ("2026-03-03T12:00:00.000Z", "3 Mar"),
            ("2025-12-31T00:00:00.000Z", "2025-12-31"),
            ("2026-03-10T12:00:00.001Z", "2026-03-10 12:00"),
            ("1970-01-01T00:00:00.000Z", ""),
        ] {
            assert_eq!(ago(at(then), now), said, "{then}");
        }
    }
}
