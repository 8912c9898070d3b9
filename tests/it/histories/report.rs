//! Memberships, quiet hours, and what a server reports.

use chatfold::event::{
    Fact, Membership, QuietHours, ReportedMention, ReportedMentions, UnreadReport, ZoneName,
};

use super::Maker;

impl Maker {
    pub(super) fn report(&mut self, group: bool) -> UnreadReport {
        let through = self.watermark(group);
        let (seq, at_type) = (through.first_field().cast_unsigned(), 1 + self.rng.below(3) as u8);
        UnreadReport {
            through,
            unread: self.rng.below(6) as u64,
            read: self.rng.percent(70).then(|| self.through(group)),
            at_least: self.rng.percent(20),
            mentions: (group && self.rng.percent(50)).then(|| match self.rng.below(2) {
                0 => ReportedMentions::Count(self.rng.below(3) as u64),
                _ => ReportedMentions::At(vec![ReportedMention { seq, at_type }]),
            }),
            active_at: self.rng.percent(50).then(|| self.instant()),
        }
    }

    pub(super) fn membership(&mut self) -> Fact {
        use Membership::{Dissolved, Invited, Joined, Left, Removed};
        let state = *self.rng.pick(&[Joined, Joined, Invited, Left, Removed, Dissolved]);
        let user = if self.rng.percent(70) { self.owner.clone() } else { self.users().remove(0) };
        Fact::MembershipSet { state, user: Some(user).filter(|_| state != Dissolved) }
    }

    pub(super) fn quiet_hours(&mut self) -> Option<QuietHours> {
        match self.rng.below(4) {
            0 => None,
            3 => Some(QuietHours::DailyIn {
                start_s: self.rng.below(86_400) as u32,
                duration_s: 3_600,
                zone: ZoneName::parse(self.rng.pick::<&str>(&["UTC", "Europe/Berlin"])).unwrap(),
            }),
            1 => Some(QuietHours::Daily {
                start_s: self.rng.below(86_400) as u32,
                duration_s: 3_600,
                utc_offset_s: -7_200,
            }),
            _ => Some(QuietHours::Once { start: self.instant(), duration_s: 60 }),
        }
    }
}
