//! What an operator sees of accounts: spans and events of `tracing`, counters and times of `metrics`.
//!
//! The drivers tell what they do here and nowhere else. Without the features all of it is empty.

use std::convert::Infallible;
use std::fmt::Display;

use chatfold::UserId;
use chatfold::store::{AppendError, Appended, NewEvent, StoredEvent};

use crate::machine::{Machine, Request};
use crate::outcome::Report;

#[cfg(feature = "metrics")]
mod meters;
#[cfg(feature = "metrics")]
pub(crate) use self::meters::describe;

/// What an account was asked, for as long as it is being carried out.
pub(crate) struct Operation {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Operation {
    pub(crate) fn begin(name: &'static str, owner: &UserId) -> Self {
        let _ = (name, owner);
        Self {
            #[cfg(feature = "tracing")]
            span: tracing::debug_span!("account", operation = name, inbox = owner.as_str()),
        }
    }

    /// Runs what it consists of within its span.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        return self.span.in_scope(work);
        #[cfg(not(feature = "tracing"))]
        work()
    }

    /// The same for a future.
    #[cfg(feature = "postgres")]
    pub(crate) async fn within_async<T>(&self, work: impl Future<Output = T>) -> T {
        #[cfg(feature = "tracing")]
        let work = tracing::Instrument::instrument(work, self.span.clone());
        work.await
    }

    /// It is carried out: tells what the machine noticed in its course, from the report of this number on.
    pub(crate) fn noticed(&self, machine: &Machine, from: usize) {
        self.within(|| machine.reports().iter().skip(from).for_each(noticed));
    }
}

/// One request to the store, until it is answered.
pub(crate) struct Step {
    kind: &'static str,
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    began: std::time::Instant,
}

impl Step {
    pub(crate) fn begin(request: Option<&Request>) -> Self {
        let kind = match request {
            None => "nothing",
            Some(Request::Snapshot { .. }) => "snapshot",
            Some(Request::Read { .. }) => "read",
            Some(Request::Sealed { .. }) => "read_sealed",
            Some(Request::Append(_)) => "append",
            Some(Request::Save(_)) => "save",
            Some(Request::Wait(_)) => "wait",
            Some(Request::Rewrite(_)) => "rewrite",
            Some(Request::Erase) => "erase",
        };
        Self {
            kind,
            #[cfg(any(feature = "metrics", feature = "tracing"))]
            began: std::time::Instant::now(),
        }
    }

    /// The store answered, or failed.
    pub(crate) fn end<E: Display>(self, failure: Option<&E>) {
        let Self { kind, .. } = self;
        let _ = (kind, failure.is_some());
        #[cfg(any(feature = "metrics", feature = "tracing"))]
        let took = self.began.elapsed();
        #[cfg(feature = "metrics")]
        meters::answered(kind, took, failure.is_some());
        #[cfg(feature = "tracing")]
        match failure {
            None => tracing::trace!(request = kind, ?took, "the store answered"),
            Some(error) => tracing::warn!(request = kind, ?took, %error, "the store failed"),
        }
    }
}

/// Events were read.
pub(crate) fn read(events: &[StoredEvent]) {
    let _ = events;
    #[cfg(feature = "metrics")]
    meters::read(events.len(), events.iter().map(|event| event.bytes.len()).sum());
}

/// Events were read as columns, so many bytes of them.
pub(crate) fn read_sealed(events: u64, len_bytes: usize) {
    let _ = (events, len_bytes);
    #[cfg(feature = "metrics")]
    meters::read(usize::try_from(events).unwrap_or(usize::MAX), len_bytes);
}

/// An append was answered.
pub(crate) fn appended(events: &[NewEvent], answer: &Result<Appended, AppendError<Infallible>>) {
    let _ = (events, answer);
    #[cfg(feature = "metrics")]
    meters::appended(events, answer);
    #[cfg(feature = "tracing")]
    match answer {
        Ok(Appended { first, last, repeated, .. }) => tracing::debug!(first, last, repeated, "appended"),
        Err(AppendError::Conflict { .. }) => tracing::debug!("another writer came first"),
        Err(refusal) => tracing::debug!(%refusal, "the append was refused"),
    }
}

/// An account was loaded.
pub(crate) fn loaded(machine: &Machine) {
    let _ = machine;
    #[cfg(feature = "metrics")]
    meters::loaded(machine.restored_from().is_some());
    #[cfg(feature = "tracing")]
    tracing::debug!(events = machine.prefix().events, restored_from = machine.restored_from(), "loaded");
}

/// An account of many was asked for, and was held or had to be loaded.
#[cfg(feature = "postgres")]
pub(crate) fn asked(held: bool) {
    let _ = held;
    #[cfg(feature = "metrics")]
    meters::asked(held);
}

/// What a cache of accounts holds.
#[cfg(feature = "postgres")]
pub(crate) fn holds(accounts: u64, len_bytes: u64) {
    let _ = (accounts, len_bytes);
    #[cfg(feature = "metrics")]
    meters::holds(accounts, len_bytes);
}

/// A snapshot was made, of so many bytes.
pub(crate) fn made(len_bytes: usize) {
    let _ = len_bytes;
    #[cfg(feature = "metrics")]
    meters::made(len_bytes);
}

/// A snapshot was kept.
pub(crate) fn kept() {
    #[cfg(feature = "metrics")]
    meters::kept();
}

/// Something was noticed and dealt with.
pub(crate) fn noticed(report: &Report) {
    let _ = report;
    #[cfg(feature = "metrics")]
    meters::noticed(report);
    #[cfg(feature = "tracing")]
    tracing::warn!(%report, "noticed");
}
