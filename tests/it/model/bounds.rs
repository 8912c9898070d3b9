//! What the number of unread messages (or mentions) may be where part of the history is not held (R45–R47), by
//! definition: sets are counted anew for every question, nothing is kept.
//!
//! It knows nothing of events: whoever asks says what the log holds, so that the laws can be asserted on worlds
//! whose whole history is known.

/// More than any number of messages: what an upper end is where nothing bounds it.
pub const ENDLESS: i128 = 1 << 100;

/// A number known to lie between two ends, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub lo: i128,
    pub hi: i128,
}

impl Interval {
    pub const fn exactly(number: i128) -> Self {
        Self { lo: number, hi: number }
    }

    fn plus(self, other: Self) -> Self {
        Self { lo: self.lo + other.lo, hi: (self.hi + other.hi).min(ENDLESS) }
    }
}

/// A message id of which the log says something; `S` is a stamp.
#[derive(Clone, Debug)]
pub struct Named<S> {
    /// The first field of a known message; `None`: no event introduces it.
    pub first: Option<i64>,
    /// Known with rank 0.
    pub delivered: bool,
    /// Known, and counts but for its being removed or switched off, the marker and coverage.
    pub countable: bool,
    /// The earliest recall, deletion, or clearing that names it.
    pub removed: Option<S>,
    /// Standing switches: when last written, and whether it keeps the message from counting (read by name; for
    /// mentions also an edit).
    pub switches: Vec<(S, bool)>,
}

impl<S: Ord + Copy> Named<S> {
    fn counts(&self) -> bool {
        self.countable && self.removed.is_none() && self.switches.iter().all(|(_, off)| !off)
    }

    /// What takes it out of a number stands, and all of it was written later than `s`.
    fn left_since(&self, s: S) -> bool {
        let switched = self.switches.iter().filter(|(_, off)| *off).map(|(stamp, _)| *stamp);
        let mut reasons = self.removed.into_iter().chain(switched).peekable();
        reasons.peek().is_some() && reasons.all(|stamp| stamp > s)
    }

    fn is_switched_off(&self) -> bool {
        self.switches.iter().any(|(_, off)| *off)
    }

    fn is_switched_on_since(&self, s: S) -> bool {
        self.switches.iter().any(|(stamp, off)| !off && *stamp > s)
    }
}

/// What the server said to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Count(i128),
    /// The seqs of mentions.
    Places(Vec<i64>),
}

/// The report that stands.
#[derive(Clone, Debug)]
pub struct Report<S> {
    pub through: i64,
    pub stamp: S,
    /// `None`: not said, or a message not known with rank 0.
    pub read: Option<i64>,
    pub said: Said,
    pub at_least: bool,
}

/// What a log holds of one conversation.
#[derive(Clone, Debug)]
pub struct Held<S> {
    pub group: bool,
    pub named: Vec<Named<S>>,
    /// Reads that resolve: when, and up to which first field.
    pub reads: Vec<(S, i64)>,
    pub waiting_reads: Vec<S>,
    /// Marks whose target is known: when, and the target's first field.
    pub marks: Vec<(S, i64)>,
    pub waiting_marks: Vec<S>,
    /// The greater of clearings and deletions.
    pub coverage: Option<(i64, S)>,
    pub report: Option<Report<S>>,
    /// Stretches said to be complete.
    pub complete: Vec<(i64, i64)>,
}

/// A fault planted in the rules, to see that the laws notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    ReadsOnly,
    WaitingRemovals,
    LateRemovals,
    EarlyRemovals,
    WaitingMarks,
    WaitingReads,
    ClearingsBefore,
    ClearingsAfter,
    ShareAboveClearing,
    Places,
    ReadByNameSince,
    ReadByNameTaken,
    ReportBesideAll,
    KnownBelowDespiteClearing,
    AtLeast,
    UnknownRead,
}

/// The interval of one conversation.
pub fn interval<S: Ord + Copy>(held: &Held<S>, fault: Fault) -> Interval {
    let Some(report) = &held.report else {
        let m = marker(held, None, &held.reads, fault).max(through(held.coverage));
        return Interval::exactly(held.known(m.max(0), i64::MAX));
    };
    Rule { held, report, fault }.interval()
}

/// m: the marker that counts, or what the clearing covers.
pub fn m<S: Ord + Copy>(held: &Held<S>) -> i64 {
    let rule = |report| Rule { held, report, fault: Fault::None };
    let none = || marker(held, None, &held.reads, Fault::None).max(through(held.coverage));
    held.report.as_ref().map_or_else(none, |report| rule(report).m())
}

/// The marker that counts.
pub fn shown_marker<S: Ord + Copy>(held: &Held<S>) -> i64 {
    let counted = |report| {
        let rule = Rule { held, report, fault: Fault::None };
        marker(held, Some(rule.report.stamp), &rule.reads(), Fault::None)
    };
    held.report.as_ref().map_or_else(|| marker(held, None, &held.reads, Fault::None), counted)
}

/// R42 over the reads given and those marks that are later than `after`.
fn marker<S: Ord + Copy>(held: &Held<S>, after: Option<S>, reads: &[(S, i64)], fault: Fault) -> i64 {
    let greatest = |later: Option<S>| {
        reads.iter().filter(|(s, _)| later.is_none_or(|l| *s > l)).map(|(_, to)| *to).max()
    };
    let counted = |mark: &&(S, i64)| after.is_none_or(|after| mark.0 > after) && fault != Fault::ReadsOnly;
    let marks = held.marks.iter().filter(counted);
    let back = marks.map(|(mark, target)| greatest(Some(*mark)).unwrap_or(-1).max(target - 1));
    back.chain([greatest(None).unwrap_or(-1)]).min().unwrap_or(-1)
}

fn through<S>(coverage: Option<(i64, S)>) -> i64 {
    coverage.map_or(-1, |(through, _)| through)
}

impl<S: Ord + Copy> Held<S> {
    fn within(&self, a: i64, b: i64) -> impl Iterator<Item = &Named<S>> {
        self.named.iter().filter(move |m| m.first.is_some_and(|first| first > a && first <= b && first >= 1))
    }

    /// K of (a, b].
    pub fn known(&self, a: i64, b: i64) -> i128 {
        self.within(a, b).filter(|m| m.counts()).count() as i128
    }

    /// P of (a, b].
    pub fn unheld(&self, a: i64, b: i64) -> i128 {
        let from = a.max(0) + 1;
        if from > b {
            return 0;
        }
        if !self.group {
            let mut at = from;
            // The union joins adjacent stretches: walk along it.
            while let Some((_, end)) = self.complete.iter().find(|(f, t)| *f <= at && at <= *t) {
                if *end >= b {
                    return 0;
                }
                at = *end + 1;
            }
            return ENDLESS;
        }
        (from..=b).filter(|at| self.is_unheld_place(*at)).count() as i128
    }

    /// The first unheld place at or after `from`; in a direct chat every instant is one that no stretch covers.
    fn next_unheld(&self, from: i64) -> i64 {
        let mut at = from;
        while !self.is_unheld_place(at) {
            let ends = self.complete.iter().filter(|(first, last)| *first <= at && at <= *last);
            at = ends.map(|(_, last)| *last).max().unwrap_or(at) + 1;
        }
        at
    }

    /// The last unheld place at or before `to`, at least 1.
    fn last_unheld(&self, to: i64) -> Option<i64> {
        let mut at = to;
        while at >= 1 && !self.is_unheld_place(at) {
            let begins = self.complete.iter().filter(|(first, last)| *first <= at && at <= *last);
            at = begins.map(|(first, _)| *first).min().unwrap_or(at) - 1;
        }
        (at >= 1).then_some(at)
    }

    /// The maximal unheld stretches behind `after` up to the report, the oldest first (R48).
    pub fn gaps(&self, after: i64) -> Vec<(i64, i64)> {
        let t = self.report.as_ref().map_or(0, |report| report.through);
        let (mut gaps, mut at) = (Vec::new(), self.next_unheld(after.max(0) + 1));
        while at <= t {
            // It ends before the next stretch, or the next place of a message.
            let stretches = self.complete.iter().map(|(from, _)| *from);
            let places = self.named.iter().filter(|m| self.group && m.delivered).filter_map(|m| m.first);
            let next = stretches.chain(places).filter(|from| *from > at).min();
            let last = next.map_or(t, |next| (next - 1).min(t));
            gaps.push((at, last));
            at = self.next_unheld(last + 1);
        }
        gaps
    }

    /// Whether a message that is not held may lie there.
    pub fn is_unheld_place(&self, at: i64) -> bool {
        let complete = self.complete.iter().any(|(from, to)| *from <= at && at <= *to);
        let held = self.group && self.named.iter().any(|m| m.delivered && m.first == Some(at));
        !complete && !held
    }
}

struct Rule<'a, S> {
    held: &'a Held<S>,
    report: &'a Report<S>,
    fault: Fault,
}

impl<S: Ord + Copy> Rule<'_, S> {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn known(&self, a: i64, b: i64) -> i128 {
        self.held.known(a, b)
    }

    fn unheld(&self, a: i64, b: i64) -> i128 {
        if self.has(Fault::Places) { 0 } else { self.held.unheld(a, b) }
    }

    fn upper(&self, a: i64, b: i64) -> i128 {
        (self.known(a, b) + self.unheld(a, b)).min(ENDLESS)
    }

    /// The reads that count (R45): the report's own and later ones.
    fn reads(&self) -> Vec<(S, i64)> {
        let own = self.report.read.map(|read| (self.report.stamp, read));
        let later = self.held.reads.iter().filter(|(s, _)| *s > self.report.stamp).copied();
        own.into_iter().chain(later).collect()
    }

    /// The coverage that counts.
    fn coverage(&self) -> Option<(i64, S)> {
        let report = self.report;
        let counts = |(through, stamp): &(i64, S)| {
            report.read.is_some() || *stamp > report.stamp || *through > report.through
        };
        self.held.coverage.filter(counts)
    }

    fn c(&self) -> i64 {
        through(self.coverage())
    }

    fn m(&self) -> i64 {
        marker(self.held, Some(self.report.stamp), &self.reads(), self.fault).max(self.c())
    }

    /// r̂
    fn base(&self, read: i64) -> i64 {
        let before = self.held.coverage.filter(|(_, stamp)| {
            if self.has(Fault::ClearingsAfter) { true } else { *stamp < self.report.stamp }
        });
        let before = before.filter(|_| !self.has(Fault::ClearingsBefore));
        read.max(through(before)).min(self.report.through)
    }

    fn left(&self, a: i64, b: i64) -> i128 {
        if self.has(Fault::LateRemovals) {
            return 0;
        }
        let s = self.report.stamp;
        let left = |m: &&Named<S>| {
            let since = if self.has(Fault::EarlyRemovals) { !m.counts() } else { m.left_since(s) };
            let since = since && !(self.has(Fault::ReadByNameSince) && m.is_switched_off());
            m.countable && since
        };
        self.held.within(a, b).filter(left).count() as i128
    }

    /// d′ over (a, b].
    fn surely_left(&self, a: i64, b: i64) -> i128 {
        let s = self.report.stamp;
        let left = |m: &&Named<S>| {
            let named = m.is_switched_off() && !self.has(Fault::ReadByNameTaken);
            m.countable && m.left_since(s) && !named && !(m.is_switched_on_since(s))
        };
        let above = if self.has(Fault::ShareAboveClearing) { a } else { a.max(self.c()) };
        self.held.within(above, b).filter(left).count() as i128
    }

    /// w
    fn waiting(&self) -> i128 {
        if self.has(Fault::WaitingRemovals) {
            return 0;
        }
        let unknown = self.held.named.iter().filter(|m| m.first.is_none());
        unknown.filter(|m| m.left_since(self.report.stamp)).count() as i128
    }

    /// o
    fn returned(&self) -> i128 {
        let near = |m: &&Named<S>| m.first.is_none_or(|first| first <= self.report.through);
        let named = self.held.named.iter().filter(near);
        named.filter(|m| m.is_switched_on_since(self.report.stamp)).count() as i128
    }

    /// The unknown ones of o: a held message decides for its own place.
    fn returned_unknown(&self) -> i128 {
        let unknown = self.held.named.iter().filter(|m| m.first.is_none());
        unknown.filter(|m| m.is_switched_on_since(self.report.stamp)).count() as i128
    }

    /// E above `a`.
    fn entries(&self, places: &[i64], a: i64) -> i128 {
        let within = |at: &&i64| **at > a && **at <= self.report.through && self.held.is_unheld_place(**at);
        places.iter().filter(within).count() as i128
    }

    fn at_least(&self) -> bool {
        self.report.at_least && !self.has(Fault::AtLeast)
    }

    /// What is left of the list over (a, T].
    fn of_places(&self, places: &[i64], a: i64) -> Interval {
        let t = self.report.through;
        let (known, entries) = (self.known(a, t), self.entries(places, a));
        let hi = if self.at_least() {
            self.upper(a, t)
        } else {
            (known + entries + self.returned_unknown()).min(self.upper(a, t))
        };
        Interval { lo: known.max(known + entries - self.waiting()), hi }
    }

    /// N
    fn rest(&self, base: i64) -> Interval {
        let t = self.report.through;
        if base >= t {
            return Interval::exactly(0);
        }
        let n = match &self.report.said {
            Said::Places(places) => return self.of_places(places, base),
            Said::Count(n) => *n,
        };
        let lo = (n - self.left(base, t) - self.waiting()).max(self.known(base, t));
        let said = n - self.surely_left(base, t) + self.returned();
        let hi = if self.at_least() { self.upper(base, t) } else { said.min(self.upper(base, t)) };
        Interval { lo, hi }
    }

    /// F
    fn at(&self, m: i64) -> Interval {
        let beyond = Interval::exactly(self.known(m.max(self.report.through), i64::MAX));
        self.up_to_report(m).plus(beyond)
    }

    fn up_to_report(&self, m: i64) -> Interval {
        let t = self.report.through;
        if m >= t {
            return Interval::exactly(0);
        }
        let Some(read) = self.report.read else { return self.without_read(m) };
        if self.unheld(m, t) == 0 && !self.has(Fault::ReportBesideAll) {
            return Interval::exactly(self.known(m, t));
        }
        let base = self.base(read);
        let rest = self.rest(base);
        let found = if m <= base {
            rest.plus(Interval { lo: self.known(m, base), hi: self.upper(m, base) })
        } else if let Said::Places(places) = &self.report.said {
            self.of_places(places, m)
        } else {
            let below = match self.c() > base && !self.has(Fault::KnownBelowDespiteClearing) {
                true => 0,
                false => self.known(base, m),
            };
            let lo = (rest.lo - self.upper(base, m)).max(self.known(m, t));
            Interval { lo, hi: (rest.hi - below).min(self.upper(m, t)) }
        };
        if found.lo > found.hi { Interval { lo: self.known(m, t), hi: ENDLESS } } else { found }
    }

    /// F where r is unknown.
    fn without_read(&self, m: i64) -> Interval {
        let t = self.report.through;
        let n = match &self.report.said {
            Said::Count(n) => *n,
            Said::Places(places) => places.len() as i128,
        };
        let waiting = if self.unheld(m, t) == 0 { 0 } else { self.waiting() };
        let least = (n - self.left(m, t) - waiting).max(0);
        let capped = m >= 0 && !self.has(Fault::UnknownRead);
        let lo = if capped { least.min(self.known(m, t)) } else { least };
        let later = |stamp: &S| *stamp > self.report.stamp;
        let marked = self.held.marks.iter().any(|(stamp, _)| later(stamp));
        let marked = marked || self.held.waiting_marks.iter().any(later);
        let upper = self.upper(m, t);
        let hi = if self.at_least() || marked { upper } else { upper.min(n + self.returned()) };
        Interval { lo, hi: if lo > hi { ENDLESS } else { hi } }
    }

    /// F at the marker that these reads make. Where a mark sets it, it stands there whatever r is: what is known
    /// after it counts.
    fn at_marker(&self, m: i64, reads: &[(S, i64)]) -> Interval {
        let mut found = self.at(m);
        let after = Some(self.report.stamp);
        let greatest = reads.iter().map(|(_, to)| *to).max().unwrap_or(-1);
        let set = greatest > marker(self.held, after, reads, self.fault);
        if self.report.read.is_none() && set {
            let floor = m.max(through(self.held.coverage));
            found.lo = found.lo.max(self.known(floor, i64::MAX));
        }
        found
    }

    fn interval(&self) -> Interval {
        let (s, t, m) = (self.report.stamp, self.report.through, self.m());
        let reads = self.reads();
        let mut found = self.at_marker(m, &reads);
        // Their messages lie at unheld places, so no read of them reaches beyond the last of these.
        let last = self.held.last_unheld(t);
        if let Some(last) = last.filter(|_| !self.has(Fault::WaitingReads)) {
            let waiting = self.held.waiting_reads.iter().filter(|stamp| **stamp > s);
            let stood: Vec<_> = reads.iter().copied().chain(waiting.map(|stamp| (*stamp, last))).collect();
            let high = marker(self.held, Some(s), &stood, self.fault).max(self.c());
            if high > m {
                found.lo = found.lo.min(self.at_marker(high, &stood).lo);
            }
        }
        let waiting = self.held.waiting_marks.iter().filter(|stamp| **stamp > s);
        let later = |mark: &S| reads.iter().filter(|(read, _)| read > mark).map(|(_, to)| *to).max();
        let low = waiting.map(|mark| later(mark).unwrap_or(-1).max(self.c())).min();
        // Its target lies at an unheld place, so the marker cannot fall below the first of them.
        let place = Some(self.held.next_unheld(1)).filter(|at| *at <= m.min(t));
        if let (Some(low), Some(place)) = (low, place)
            && low.max(place - 1) < m
            && !self.has(Fault::WaitingMarks)
        {
            found.hi = found.hi.max(self.at(low.max(place - 1)).hi);
        }
        found
    }
}
