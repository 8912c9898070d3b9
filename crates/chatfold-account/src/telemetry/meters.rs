//! The names of what is counted, and the counting.

use std::convert::Infallible;
use std::time::Duration;

use chatfold::store::{AppendError, Appended, NewEvent};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::outcome::Report;

const LOADS: &str = "chatfold_loads_total";
const HITS: &str = "chatfold_cache_hits_total";
const MISSES: &str = "chatfold_cache_misses_total";
const CACHED_ACCOUNTS: &str = "chatfold_cached_accounts";
const CACHED_BYTES: &str = "chatfold_cached_bytes";
const APPENDS: &str = "chatfold_appends_total";
const APPENDED_EVENTS: &str = "chatfold_appended_events_total";
const APPENDED_BYTES: &str = "chatfold_appended_bytes_total";
const REPEATS: &str = "chatfold_repeated_appends_total";
const CONFLICTS: &str = "chatfold_conflicts_total";
const REFUSALS: &str = "chatfold_refused_appends_total";
const READ_EVENTS: &str = "chatfold_read_events_total";
const READ_BYTES: &str = "chatfold_read_bytes_total";
const MADE_BYTES: &str = "chatfold_snapshot_bytes_total";
const KEPT: &str = "chatfold_snapshots_kept_total";
const REPORTS: &str = "chatfold_reports_total";
const REQUEST_SECONDS: &str = "chatfold_request_seconds";
const FAILURES: &str = "chatfold_request_failures_total";

/// Tells the recorder what each name means, once it is installed.
pub(crate) fn describe() {
    describe_counter!(LOADS, Unit::Count, "accounts loaded, by where from: a snapshot, or the log alone");
    describe_counter!(HITS, Unit::Count, "accounts asked for that were held");
    describe_counter!(MISSES, Unit::Count, "accounts asked for that had to be loaded");
    describe_gauge!(CACHED_ACCOUNTS, Unit::Count, "accounts held, when last asked for");
    describe_gauge!(CACHED_BYTES, Unit::Bytes, "about what they take, when last asked for");
    describe_counter!(APPENDS, Unit::Count, "appends that wrote");
    describe_counter!(APPENDED_EVENTS, Unit::Count, "events that they wrote");
    describe_counter!(APPENDED_BYTES, Unit::Bytes, "bytes of those events");
    describe_counter!(REPEATS, Unit::Count, "appends that had been written before");
    describe_counter!(CONFLICTS, Unit::Count, "appends that another writer came before");
    describe_counter!(REFUSALS, Unit::Count, "appends that were refused for another reason");
    describe_counter!(READ_EVENTS, Unit::Count, "events read");
    describe_counter!(READ_BYTES, Unit::Bytes, "bytes of the events read, as the store keeps them");
    describe_counter!(MADE_BYTES, Unit::Bytes, "bytes of the snapshots made");
    describe_counter!(KEPT, Unit::Count, "snapshots kept");
    describe_counter!(REPORTS, Unit::Count, "what accounts noticed and dealt with, by kind");
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "how long requests to the store took, waits among them"
    );
    describe_counter!(FAILURES, Unit::Count, "requests that the store failed at");
}

pub(super) fn answered(request: &'static str, took: Duration, failed: bool) {
    histogram!(REQUEST_SECONDS, "request" => request).record(took.as_secs_f64());
    if failed {
        counter!(FAILURES, "request" => request).increment(1);
    }
}

pub(super) fn read(events: usize, len_bytes: usize) {
    counter!(READ_EVENTS).increment(events as u64);
    counter!(READ_BYTES).increment(len_bytes as u64);
}

pub(super) fn appended(events: &[NewEvent], answer: &Result<Appended, AppendError<Infallible>>) {
    match answer {
        Ok(appended) if appended.repeated => counter!(REPEATS).increment(1),
        Ok(_) => {
            counter!(APPENDS).increment(1);
            counter!(APPENDED_EVENTS).increment(events.len() as u64);
            let len_bytes: usize = events.iter().map(|event| event.bytes.len()).sum();
            counter!(APPENDED_BYTES).increment(len_bytes as u64);
        }
        Err(AppendError::Conflict { .. }) => counter!(CONFLICTS).increment(1),
        Err(_) => counter!(REFUSALS).increment(1),
    }
}

pub(super) fn loaded(from_snapshot: bool) {
    let from = if from_snapshot { "snapshot" } else { "log" };
    counter!(LOADS, "from" => from).increment(1);
}

#[cfg(feature = "postgres")]
pub(super) fn asked(held: bool) {
    counter!(if held { HITS } else { MISSES }).increment(1);
}

#[cfg(feature = "postgres")]
pub(super) fn holds(accounts: u64, len_bytes: u64) {
    gauge!(CACHED_ACCOUNTS).set(accounts as f64);
    gauge!(CACHED_BYTES).set(len_bytes as f64);
}

pub(super) fn made(len_bytes: usize) {
    counter!(MADE_BYTES).increment(len_bytes as u64);
}

pub(super) fn kept() {
    counter!(KEPT).increment(1);
}

pub(super) fn noticed(report: &Report) {
    let kind = match report {
        Report::Snapshot { .. } => "snapshot_unfit",
        Report::AlienSnapshot { .. } => "snapshot_alien",
        Report::SnapshotUnreadable(_) => "snapshot_unreadable",
        Report::NotSaved(_) => "snapshot_not_kept",
        Report::Corrupt { .. } => "corrupt",
        Report::LogReplaced { .. } => "log_replaced",
    };
    counter!(REPORTS, "kind" => kind).increment(1);
}
