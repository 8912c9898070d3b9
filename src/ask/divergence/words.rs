//! Values in words, for people.

use std::fmt::Debug;

use crate::model::event::QuietHours;
use crate::model::policy::Policy;
use crate::model::time::Stamp;

/// What a value without fields is called, in words: `NotReceive` is `not receive`.
pub(super) fn unit(value: impl Debug) -> String {
    let mut words = String::new();
    for c in format!("{value:?}").chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

pub(super) fn policy(policy: Policy) -> String {
    let set = [(policy.own_message_reads, "own_message_reads"), (policy.meeting_unread, "meeting_unread")];
    let set: Vec<&str> = set.into_iter().filter_map(|(on, name)| on.then_some(name)).collect();
    if set.is_empty() { "the default".to_owned() } else { set.join(", ") }
}

pub(super) fn stamp(stamp: Stamp) -> String {
    format!("{} (event {})", stamp.at, stamp.event)
}

/// Such as `every day from 22:00:00 for 9:00:00 hours, UTC+01:00`.
pub(super) fn quiet_hours(hours: QuietHours) -> String {
    let clock = |seconds: u64| format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        QuietHours::Daily { start_s, duration_s, utc_offset_s } => {
            let sign = if utc_offset_s < 0 { '-' } else { '+' };
            let minutes = utc_offset_s.unsigned_abs() / 60;
            let (start, length) = (clock(start_s.into()), clock(duration_s.into()));
            let offset = format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            format!("every day from {start} for {length} hours, {offset}")
        }
        QuietHours::Once { start, duration_s } => {
            format!("once from {start} for {} hours", clock(duration_s))
        }
        QuietHours::DailyIn { start_s, duration_s, zone } => {
            let (start, length) = (clock(start_s.into()), clock(duration_s.into()));
            format!("every day from {start} for {length} hours, in {zone}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{MessageKind, ReceiveOption};

    #[test]
    fn r96_values_are_said_in_words() {
        assert_eq!(unit(ReceiveOption::NotReceiveExceptAt), "not receive except at");
        assert_eq!(unit(MessageKind::GroupTips), "group tips");
        let night = QuietHours::Daily { start_s: 79_200, duration_s: 32_400, utc_offset_s: -12_600 };
        assert_eq!(quiet_hours(night), "every day from 22:00:00 for 9:00:00 hours, UTC-03:30");
        assert_eq!(policy(Policy::default()), "the default");
    }
}
