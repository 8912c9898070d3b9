//! Binary logs whose checksums fit whatever they say: for tests and fuzzers that have to get behind them.

use crate::log::binary::header::{Header, LogHead};
use crate::log::binary::{Writer, seal_record};
use crate::model::id::UserId;

/// What a record of a binary log claims and carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// How many events it claims to hold.
    pub events: u32,
    /// Laid out as version 1 has it, not as the newest.
    pub old: bool,
    /// The flags of its head.
    pub flags: u8,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A binary log of `owner` with these records, whose checksums and chain fit.
///
/// ```
/// use chatfold::binary::Log;
/// use chatfold::testing::{Claim, sealed_log};
/// let nonsense = Claim { events: 3, payload: vec![0xff; 40], ..Claim::default() };
/// let bytes = sealed_log(&chatfold::UserId::parse("alice")?, &[nonsense])?;
/// let log = Log::open(&bytes)?;
/// assert!(log.verify().is_ok(), "the checksums fit");
/// assert!(log.events().all(|event| event.is_err()), "and yet no event is there");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// An error of the output.
pub fn sealed_log(owner: &UserId, records: &[Claim]) -> std::io::Result<Vec<u8>> {
    let writer = Writer::new(Vec::new(), &Header::new(owner.clone()))?;
    let mut head = writer.head();
    let mut bytes = writer.into_inner();
    for Claim { events, old, flags, payload } in records {
        let kind = if *old { 1 } else { 2 };
        let check = seal_record(&mut bytes, head, (kind, *flags), *events, payload);
        head = LogHead { events: head.events + u64::from(*events), check };
    }
    Ok(bytes)
}
