//! A log without some of its content, as a new one.

use std::io::{self, Write};

use crate::log::binary::header::Header;
use crate::log::binary::{Log, Packing, RecordFault, Writer};
use crate::log::logged::LoggedEvent;
use crate::log::redact::Redaction;

/// What [`redact`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redacted {
    /// How many events there are, as many as before.
    pub events: u64,
    /// How many of them lost content.
    pub redacted: u64,
    /// How many are lines of a type or version that is not known: what is in them was kept.
    pub kept_unknown: u64,
}

/// Why a log was not redacted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedactError {
    /// The log is damaged: recover it first, since what cannot be read cannot be left out.
    #[error(transparent)]
    Fault(#[from] RecordFault),
    /// The output failed.
    #[error("writing failed")]
    Io(#[from] io::Error),
}

/// Writes `log` without the content that `redaction` chooses as a new log, every event at its position.
///
/// The new log is sealed with a chain of its own; its header names the head of the old one, so that who holds both
/// can tell that one was made of the other. The old log is not touched: deleting it, its copies and the snapshots
/// made of it is left to the caller.
///
/// # Errors
///
/// [`RedactError::Fault`] where a record is not sound, [`RedactError::Io`] if the output fails.
pub fn redact<W: Write>(
    log: &Log<'_>,
    redaction: &mut Redaction,
    output: W,
    packing: Packing,
) -> Result<(W, Redacted), RedactError> {
    for event in log.events() {
        if let LoggedEvent::Known(event) = event? {
            redaction.note(&event);
        }
    }
    let mut header = Header::new(log.owner().clone());
    header.redacted_from = Some(log.verify()?);
    let mut writer = Writer::new(output, &header)?.with_packing(packing);
    let mut done = Redacted::default();
    for event in log.events() {
        let event = event?;
        done.events += 1;
        match event.known().map(|event| redaction.redact(event)) {
            Some(Some(redacted)) => {
                done.redacted += 1;
                writer.write_event(&redacted)?;
                continue;
            }
            Some(None) => {}
            None => done.kept_unknown += 1,
        }
        writer.write(&event)?;
    }
    writer.flush()?;
    Ok((writer.into_inner(), done))
}
