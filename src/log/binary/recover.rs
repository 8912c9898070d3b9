//! What is valid of a damaged log, as a new one.

use std::io::{self, Write};

use crate::log::binary::{Log, RecordFault, Writer};

/// What [`recover`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// How many events were valid and written.
    pub events: u64,
    /// Every place where something was not, in order. What lies in it is still in the old log.
    pub faults: Vec<RecordFault>,
}

/// Writes every valid event of `log` to `writer`, in order, and reports every fault. The old log is not touched.
///
/// ```
/// use chatfold::binary::{Header, Log, Writer, recover};
/// # use chatfold::{Envelope, EventId, FolderId, Timestamp, UserId};
/// # let alice = UserId::parse("alice")?;
/// # let folder = |n: u8| Envelope::new(EventId::from_bytes([n; 16]), Timestamp::EPOCH, alice.clone())
/// #     .folder_created(FolderId::from_bytes([n; 16]), "Work".to_owned());
/// # let mut writer = Writer::new(Vec::new(), &Header::new(alice.clone()))?;
/// # writer.write_event(&folder(1)?)?;
/// # writer.flush()?;
/// # writer.write_event(&folder(2)?)?;
/// # writer.flush()?;
/// let mut bytes = writer.into_inner(); // a log of two records …
/// bytes.pop(); // … whose last append was torn
///
/// let log = Log::open(&bytes)?;
/// let mut writer = Writer::new(Vec::new(), log.header())?;
/// let found = recover(&log, &mut writer)?;
/// writer.flush()?;
/// assert_eq!((found.events, found.faults.len()), (1, 1));
/// assert!(found.faults[0].is_torn_tail());
/// assert!(Log::open(&writer.into_inner())?.verify().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// An error of the output.
pub fn recover<W: Write>(log: &Log<'_>, writer: &mut Writer<W>) -> io::Result<Recovered> {
    let mut recovered = Recovered::default();
    for event in log.events() {
        match event {
            Ok(event) => {
                writer.write(&event)?;
                recovered.events += 1;
            }
            Err(fault) => recovered.faults.push(fault),
        }
    }
    Ok(recovered)
}
