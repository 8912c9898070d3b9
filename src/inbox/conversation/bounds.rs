//! What the number of unread messages, or of mentions, may be where part of the history is not held (R46, R47).
//!
//! The letters in the docs are those of the rules: T is the first field up to which the report speaks, s its stamp, r the
//! read that it was counted for, n what it says; K counts held messages, P places at which nothing is held, U both;
//! m is the marker, c the clearing or deletion that reaches furthest.

use std::cell::RefCell;

use smallvec::SmallVec;

use crate::inbox::conversation::ledger::{Ledger, Number};
use crate::inbox::conversation::personal::{Coverage, Personal, reach};
use crate::inbox::conversation::report::Report;
use crate::inbox::conversation::row::Derived;
use crate::inbox::timeline::facts::Timeline;
use crate::inbox::timeline::order::contribution::Sum;
use crate::model::event::{ReportedMentions, Through};
use crate::model::id::ConversationKind;
use crate::model::time::Stamp;

/// More than any number of messages: what an upper end is where nothing bounds it.
const ENDLESS: i64 = 1 << 60;

/// A number known to lie between two ends, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) lo: i64,
    pub(crate) hi: i64,
}

impl Interval {
    const fn exactly(number: i64) -> Self {
        Self { lo: number, hi: number }
    }

    fn plus(self, other: Self) -> Self {
        Self { lo: self.lo + other.lo, hi: (self.hi + other.hi).min(ENDLESS) }
    }

    /// The upper end, if anything bounds it.
    pub(crate) fn bounded(self) -> Option<u64> {
        // What is taken from an upper end without bounds leaves it without any.
        if self.hi >= ENDLESS / 2 { None } else { u64::try_from(self.hi).ok() }
    }

    /// The lower end as a row has it, and whether the number may be more.
    pub(crate) fn shown(self) -> (u32, bool) {
        let lo = u32::try_from(self.lo.max(0)).ok();
        (lo.unwrap_or(u32::MAX), self.lo != self.hi || lo.is_none())
    }
}

/// What the server said to count.
enum Said {
    Count(i64),
    /// It listed so many mentions.
    Listed(i64),
}

/// The rules over one conversation with a report.
pub(crate) struct Rule<'a> {
    report: &'a Report,
    ledger: &'a Ledger,
    timeline: &'a Timeline,
    derived: &'a Derived,
    kind: ConversationKind,
    /// r, where it is known.
    read: Option<i64>,
    /// The greater of clearings and deletions.
    coverage: Coverage,
    /// What counts after the first fields that were asked for.
    sums: RefCell<SmallVec<[(i64, Sum); 6]>>,
}

/// The read that a report was counted for, if it is known: a number, or the first field of a delivered message.
pub(crate) fn read_of(report: &Report, timeline: &Timeline) -> Option<i64> {
    match report.said.read? {
        Through::Watermark(watermark) => Some(watermark.first_field()),
        Through::Message(id) => timeline.facts.read_target(timeline.facts.slot(id)?),
    }
}

impl<'a> Rule<'a> {
    pub(crate) fn new(
        report: &'a Report,
        ledger: &'a Ledger,
        timeline: &'a Timeline,
        derived: &'a Derived,
        personal: &Personal,
    ) -> Self {
        let (read, coverage) = (read_of(report, timeline), personal.deleted.max(personal.cleared));
        let (kind, sums) = (timeline.facts.kind, RefCell::new(SmallVec::new()));
        Self { report, ledger, timeline, derived, kind, read, coverage, sums }
    }

    fn sum_after(&self, first: i64) -> Sum {
        let mut sums = self.sums.borrow_mut();
        if let Some((_, sum)) = sums.iter().find(|(at, _)| *at == first) {
            return *sum;
        }
        let order = self.timeline.order.as_ref();
        let sum = order.map_or(Sum::ZERO, |order| order.sum_after(first, &self.timeline.facts));
        sums.push((first, sum));
        sum
    }

    /// How many held messages after a first field count: K.
    fn known_after(&self, number: Number, first: i64) -> i64 {
        let sum = self.sum_after(first.max(0));
        match number {
            Number::Unread => sum.unread.into(),
            Number::Mentions => sum.mentions.into(),
        }
    }

    /// K(a, b].
    fn known(&self, number: Number, a: i64, b: i64) -> i64 {
        if a.max(0) >= b { 0 } else { self.known_after(number, a) - self.known_after(number, b) }
    }

    /// P(a, b]: how many messages that are not held a stretch has room for.
    fn unheld(&self, a: i64, b: i64) -> i64 {
        let a = a.max(0);
        if a >= b {
            return 0;
        }
        let unheld = b - a - self.ledger.held().count(a, b);
        match self.kind {
            ConversationKind::Direct if unheld > 0 => ENDLESS,
            _ => unheld,
        }
    }

    /// How many messages may not be held after a first field, as far as the report speaks.
    pub(crate) fn unheld_to_report(&self, first: i64) -> i64 {
        self.unheld(first, self.report.through)
    }

    /// The gaps behind a first field as far as the report speaks, the newest first, each with whether it lies behind m.
    pub(crate) fn gaps(&self, after: i64) -> impl Iterator<Item = (i64, i64, bool)> + use<'a> {
        let m = self.m();
        let gaps = self.ledger.held().gaps(after.max(0), self.report.through);
        gaps.map(move |(first, last)| (first, last, last > m))
    }

    /// What tells these gaps apart from others, and with `marked` also those behind m.
    pub(crate) fn gaps_hash(&self, after: i64, marked: bool) -> u64 {
        let (held, t, after) = (self.ledger.held(), self.report.through, after.max(0));
        let all = held.gaps_hash(after, t).rotate_left(17);
        if !marked {
            return all;
        }
        let m = self.m().max(after);
        let from = held.gap_of(m + 1, after, t).map_or(m, |(first, _)| first - 1);
        all ^ held.gaps_hash(from, t).wrapping_mul(3)
    }

    /// The oldest gap behind a first field.
    pub(crate) fn oldest_gap(&self, after: i64) -> Option<(i64, i64)> {
        let (held, after) = (self.ledger.held(), after.max(0));
        held.gap_of(held.next_gap(after), after, self.report.through)
    }

    /// What tells the listed mentions apart that show (R47).
    pub(crate) fn listed_signature(&self) -> u64 {
        self.ledger.listed_signature(self.m())
    }

    /// The listed mentions that show though their messages are not held, by seq: each with its type.
    pub(crate) fn listed(&self) -> Vec<(i64, u8)> {
        self.ledger.listed_after(self.m())
    }

    /// U(a, b].
    fn upper(&self, number: Number, a: i64, b: i64) -> i64 {
        (self.known(number, a, b) + self.unheld(a, b)).min(ENDLESS)
    }

    /// r and s, where r is known: the read that the report is.
    pub(crate) fn reported_read(&self) -> Option<(i64, Stamp)> {
        Some((self.read?, self.report.stamp))
    }

    pub(crate) fn report(&self) -> &'a Report {
        self.report
    }

    pub(crate) fn ledger(&self) -> &'a Ledger {
        self.ledger
    }

    /// Whether r is known; where it is not, the shown marker is that of all reads.
    pub(crate) fn knows_read(&self) -> bool {
        self.read.is_some()
    }

    /// The greatest read that counts and is later than a stamp: -1 for none. `waiting`: where the reads that wait would
    /// stand.
    fn greatest_read(&self, later: Option<Stamp>, waiting: Option<i64>) -> i64 {
        let read = self.read.filter(|_| later.is_none()).unwrap_or(-1);
        let after = later.unwrap_or(self.report.stamp);
        let known = self.derived.greatest_read_after(after).map_or(-1, |(first, _)| first);
        let waits = self.ledger.latest_waiting_read().is_some_and(|stamp| stamp > after);
        read.max(known).max(waiting.filter(|_| waits).unwrap_or(-1))
    }

    /// The marker over what counts (R42), and whether a mark set it.
    fn marker(&self, waiting: Option<i64>) -> (i64, bool) {
        let greatest = self.greatest_read(None, waiting);
        let later = |stamp: Stamp| self.greatest_read(Some(stamp), waiting);
        let back = self.derived.set_back_since(self.report.stamp, later);
        let marker = back.map_or(greatest, |back| back.min(greatest));
        (marker, marker < greatest)
    }

    /// The marker that shows where r is known.
    pub(crate) fn shown_marker(&self) -> i64 {
        self.marker(None).0
    }

    /// c, as far as it counts.
    fn c(&self) -> i64 {
        let counts = |(through, stamp): &(i64, Stamp)| {
            self.read.is_some() || *stamp > self.report.stamp || *through > self.report.through
        };
        reach(&self.coverage.filter(counts))
    }

    /// m.
    pub(crate) fn m(&self) -> i64 {
        self.marker(None).0.max(self.c())
    }

    /// r̂.
    fn base(&self, read: i64) -> i64 {
        let before = self.coverage.filter(|(_, stamp)| *stamp < self.report.stamp);
        read.max(reach(&before)).min(self.report.through)
    }

    fn said(&self, number: Number) -> Said {
        let count = |count: u64| Said::Count(i64::try_from(count).unwrap_or(ENDLESS));
        match (number, &self.report.said.mentions) {
            (Number::Unread, _) => count(self.report.said.unread),
            (Number::Mentions, None) => Said::Count(0),
            (Number::Mentions, Some(ReportedMentions::Count(said))) => count(*said),
            (Number::Mentions, Some(ReportedMentions::At(listed))) => Said::Listed(listed.len() as i64),
        }
    }

    /// Whether what was said is a floor.
    fn at_least(&self, number: Number) -> bool {
        let silent = number == Number::Mentions && self.report.said.mentions.is_none();
        self.report.said.at_least || silent
    }

    /// What is left of a list over (a, T].
    fn of_list(&self, number: Number, a: i64) -> Interval {
        let t = self.report.through;
        let (known, entries) = (self.known(number, a, t), self.ledger.entries_after(a));
        let most = known + entries + self.ledger.waiting_back(number);
        let upper = self.upper(number, a, t);
        let hi = if self.at_least(number) { upper } else { most.min(upper) };
        Interval { lo: known.max(known + entries - self.ledger.waiting(number)), hi }
    }

    /// N: what is left of n.
    fn rest(&self, number: Number, base: i64) -> Interval {
        let t = self.report.through;
        if base >= t {
            return Interval::exactly(0);
        }
        let n = match self.said(number) {
            Said::Listed(_) => return self.of_list(number, base),
            Said::Count(n) => n,
        };
        let ledger = self.ledger;
        let left = ledger.left(number, base, t) + ledger.waiting(number);
        let surely = ledger.surely_left(number, base.max(self.c()), t);
        let upper = self.upper(number, base, t);
        let most = n - surely + ledger.back(number, t);
        let hi = if self.at_least(number) { upper } else { most.min(upper) };
        Interval { lo: (n - left).max(self.known(number, base, t)), hi }
    }

    /// F(m).
    fn at(&self, number: Number, m: i64) -> Interval {
        let beyond = self.known_after(number, m.max(self.report.through));
        self.up_to_report(number, m).0.plus(Interval::exactly(beyond))
    }

    /// F(m) as far as the report speaks, and whether server and messages contradict each other.
    fn up_to_report(&self, number: Number, m: i64) -> (Interval, bool) {
        let t = self.report.through;
        if m >= t {
            return (Interval::exactly(0), false);
        }
        let Some(read) = self.read else {
            let found = self.without_read(number, m);
            // More than there are places for: nothing bounds what is believed.
            let contradicts = found.lo > found.hi;
            return (Interval { hi: if contradicts { ENDLESS } else { found.hi }, ..found }, contradicts);
        };
        if self.unheld(m, t) == 0 {
            return (Interval::exactly(self.known(number, m, t)), false);
        }
        let base = self.base(read);
        let found = if m <= base {
            let (lo, hi) = (self.known(number, m, base), self.upper(number, m, base));
            self.rest(number, base).plus(Interval { lo, hi })
        } else if let Said::Listed(_) = self.said(number) {
            self.of_list(number, m)
        } else {
            let rest = self.rest(number, base);
            let below = if self.c() > base { 0 } else { self.known(number, base, m) };
            let lo = (rest.lo - self.upper(number, base, m)).max(self.known(number, m, t));
            Interval { lo, hi: (rest.hi - below).min(self.upper(number, m, t)) }
        };
        match found.lo > found.hi {
            true => (Interval { lo: self.known(number, m, t), hi: ENDLESS }, true),
            false => (found, false),
        }
    }

    /// F(m) where r is unknown.
    fn without_read(&self, number: Number, m: i64) -> Interval {
        let t = self.report.through;
        let (Said::Count(n) | Said::Listed(n)) = self.said(number);
        let waiting = if self.unheld(m, t) == 0 { 0 } else { self.ledger.waiting(number) };
        let least = (n - self.ledger.left(number, m, t) - waiting).max(0);
        let lo = if m >= 0 { least.min(self.known(number, m, t)) } else { least };
        let marked =
            self.derived.has_mark_since(self.report.stamp) || self.ledger.latest_waiting_mark().is_some();
        let upper = self.upper(number, m, t);
        let hi =
            if self.at_least(number) || marked { upper } else { upper.min(n + self.ledger.back(number, t)) };
        Interval { lo, hi }
    }

    /// F at a marker. Where a mark set that, it stands there whatever r is: what is held after it counts.
    fn at_marker(&self, number: Number, m: i64, set_by_mark: bool) -> Interval {
        let mut found = self.at(number, m);
        if self.read.is_none() && set_by_mark {
            found.lo = found.lo.max(self.known_after(number, m.max(reach(&self.coverage))));
        }
        found
    }

    /// The number.
    pub(crate) fn interval(&self, number: Number) -> Interval {
        let (t, c, (marker, set)) = (self.report.through, self.c(), self.marker(None));
        let m = marker.max(c);
        let mut found = self.at_marker(number, m, set);
        // The messages of reads that wait lie where nothing is held, so none reaches beyond the last such place.
        let last = self.ledger.held().last_gap(t);
        if last >= 1 && self.ledger.latest_waiting_read().is_some() {
            let (high, set) = self.marker(Some(last));
            let high = high.max(c);
            if high > m {
                found.lo = found.lo.min(self.at_marker(number, high, set).lo);
            }
        }
        // The message of a mark that waits lies there too, so the marker cannot fall below the first such place.
        let place = self.ledger.held().next_gap(0);
        if let Some(mark) = self.ledger.latest_waiting_mark()
            && place <= m.min(t)
        {
            let low = self.greatest_read(Some(mark), None).max(c).max(place - 1);
            if low < m {
                found.hi = found.hi.max(self.at(number, low).hi);
            }
        }
        found
    }

    /// Whether server and messages contradict each other about the number: what is held then beats what is said.
    pub(crate) fn contradicts(&self, number: Number) -> bool {
        self.up_to_report(number, self.m()).1
    }

    /// Whether they contradict each other about the number at any marker there may come to be: the lowest and the one of the
    /// report stand for all others.
    pub(crate) fn contradicts_anywhere(&self, number: Number) -> bool {
        let reported = self.counted_after();
        [self.m(), self.c(), reported].into_iter().any(|m| self.up_to_report(number, m).1)
    }

    /// r̂, or m where r is unknown: after it, what left the number since the report is taken from what was said.
    pub(crate) fn counted_after(&self) -> i64 {
        self.read.map_or_else(|| self.m(), |read| self.base(read))
    }
}
