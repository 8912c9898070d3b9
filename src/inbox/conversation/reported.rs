//! What a server told of a conversation whose messages are not all held (R45): its report, and which stretches are whole.

use std::sync::{Arc, LazyLock, OnceLock};

use crate::inbox::containers::sparse::Absent;
use crate::inbox::conversation::ledger::Ledger;
use crate::inbox::conversation::report::Report;
use crate::model::event::UnreadReport;
use crate::model::id::EventId;
use crate::model::time::{Stamp, Timestamp};
use crate::register::lattice::raise;
use crate::register::runs::Runs;

/// The registers of what was told. Reads that reports name are reads like others, and lie with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reported {
    /// The report that counts.
    pub(crate) report: Option<Report>,
    /// The first fields of which every message is held, as anybody said.
    pub(crate) complete: Runs,
    /// The latest activity that any report gave, and the report that gave it (R48).
    pub(crate) active_at: Option<(Timestamp, EventId)>,
    /// What the report is held against, once somebody asked.
    pub(crate) ledger: Kept,
}

/// A ledger that is made when it is asked for, and no part of the value: two that differ in it alone are equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(pub(crate) OnceLock<Box<Ledger>>);

impl PartialEq for Kept {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Kept {}

impl Absent for Reported {
    fn absent() -> &'static Self {
        static ABSENT: LazyLock<Reported> = LazyLock::new(Reported::default);
        &ABSENT
    }
}

impl Reported {
    /// A server reported; the read that it names apart.
    pub(crate) fn report(&mut self, stamp: Stamp, said: &UnreadReport) {
        raise(&mut self.active_at, said.active_at.map(|at| (at, stamp.event)));
        let through = said.through.first_field();
        let is_greater = |old: &Report| (through, stamp, said) > (old.through, old.stamp, &*old.said);
        if self.report.as_ref().is_none_or(is_greater) {
            self.report = Some(Report { through, stamp, said: Arc::new(said.clone()) });
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        if other.report > self.report {
            self.report.clone_from(&other.report);
        }
        raise(&mut self.active_at, other.active_at);
        for (first, last) in other.complete.backwards() {
            self.complete.add(first, last);
        }
    }

    /// Whether a report keeps the conversation in the list, given how far the deletion reaches (R48).
    pub(crate) fn lists(&self, deleted: i64) -> bool {
        let reported = |report: &Report| report.through > deleted && !self.complete.contains(report.through);
        self.report.as_ref().is_some_and(reported)
    }

    /// The activity that reports gave, in ms; -1 for none.
    pub(crate) fn active_ms(&self) -> i64 {
        self.active_at.map_or(-1, |(at, _)| at.as_millis())
    }
}
