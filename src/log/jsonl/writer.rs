//! Writing a log line by line.

use std::io::{self, Write};

use crate::log::jsonl::LoggedEvent;
use crate::log::jsonl::encode::{put_event, put_header};
use crate::model::event::Event;
use crate::model::id::UserId;

/// Writes a text log, one line at a time.
///
/// Each event is one call of `write_all`, its line feed included; writing to a file wants a
/// [`BufWriter`](std::io::BufWriter), and [`flush`](Self::flush) at the end.
///
/// ```
/// use chatfold::jsonl::Writer;
/// use chatfold::{Envelope, EventId, FolderId, Timestamp, UserId};
/// let alice = UserId::parse("alice")?;
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, alice.clone());
/// let event = envelope.folder_created(FolderId::from_bytes([2; 16]), "Work".to_owned())?;
///
/// let mut writer = Writer::new(Vec::new(), &alice)?;
/// writer.write_event(&event)?;
/// let log = String::from_utf8(writer.into_inner())?;
/// assert!(log.starts_with("{\"log\":\"chatfold\",\"v\":1,\"owner\":\"alice\"}\n"));
/// assert_eq!(log.lines().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins the log of `owner`: writes its header.
    ///
    /// # Errors
    ///
    /// An error of the output.
    pub fn new(output: W, owner: &UserId) -> io::Result<Self> {
        let mut writer = Self::append(output);
        writer.put(|line| put_header(line, owner))?;
        Ok(writer)
    }

    /// Goes on with a log that already has its header and ends with a line feed: writes nothing yet.
    pub fn append(output: W) -> Self {
        Self { output, line: Vec::new() }
    }

    /// Writes a record as it was read: an event in the fixed order of keys, a skipped line byte for byte.
    ///
    /// # Errors
    ///
    /// An error of the output.
    pub fn write(&mut self, event: &LoggedEvent) -> io::Result<()> {
        match event {
            LoggedEvent::Known(event) => self.write_event(event),
            LoggedEvent::Skipped(skipped) => {
                self.put(|line| line.extend_from_slice(skipped.raw().as_bytes()))
            }
        }
    }

    /// Writes an event.
    ///
    /// # Errors
    ///
    /// An error of the output.
    pub fn write_event(&mut self, event: &Event) -> io::Result<()> {
        self.put(|line| put_event(line, event))
    }

    /// Flushes the output.
    ///
    /// # Errors
    ///
    /// An error of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// The output. It is not flushed.
    pub fn into_inner(self) -> W {
        self.output
    }

    fn put(&mut self, push: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.line.clear();
        push(&mut self.line);
        self.line.push(b'\n');
        self.output.write_all(&self.line)
    }
}
