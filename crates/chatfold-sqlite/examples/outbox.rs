//! What the outbox costs an append: two files side by side, of which one has it switched on, appended to in turn.
//!
//! `cargo run --release -p chatfold-sqlite --example outbox -- [APPENDS]`
#![allow(missing_docs, clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::store::{Append, EventStore, NewEvent, Outbox};
use chatfold_sqlite::{Options, SqliteStore, Synchronous};

/// The bytes that this process has passed to the system to be written; 0 where the system does not count them.
fn written_bytes() -> u64 {
    let counts = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let count = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// A store, what its appends took in microseconds, and the bytes that they wrote.
struct Side {
    store: SqliteStore,
    took_us: Vec<f64>,
    written_bytes: u64,
}

impl Side {
    fn new(path: &Path, synchronous: Synchronous, is_on: bool) -> Result<Self, Box<dyn Error>> {
        let mut store = SqliteStore::open(path, &Options { synchronous, ..Options::default() })?;
        if is_on {
            store.outbox_on()?;
        }
        Ok(Self { store, took_us: Vec::new(), written_bytes: 0 })
    }

    fn append(&mut self, owner: &StreamId, n: u64) -> Result<(), Box<dyn Error>> {
        let mut id = [7; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        let event = [NewEvent::new(EventId::from_bytes(id), format!("{n:0>250}").into_bytes())];
        let (before, began) = (written_bytes(), Instant::now());
        self.store.append(owner, &Append::new(n, &event))?;
        self.took_us.push(began.elapsed().as_secs_f64() * 1e6);
        self.written_bytes += written_bytes() - before;
        Ok(())
    }

    fn said(&mut self) -> String {
        self.took_us.sort_by(f64::total_cmp);
        let at = |share: f64| self.took_us.get((self.took_us.len() as f64 * share) as usize).copied();
        let (median, late) = (at(0.5).unwrap_or_default(), at(0.99).unwrap_or_default());
        let each = self.written_bytes / self.took_us.len().max(1) as u64;
        format!("median {median:.1} us, 99 of 100 below {late:.0} us, {each} bytes written each")
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let appends = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    let owner = StreamId::from_key("alice")?;
    for synchronous in [Synchronous::Normal, Synchronous::Full] {
        let folder = tempfile::tempdir()?;
        let mut off = Side::new(&folder.path().join("off.db"), synchronous, false)?;
        let mut on = Side::new(&folder.path().join("on.db"), synchronous, true)?;
        for n in 0..appends {
            // Each goes first every other time.
            let (one, other) = if n % 2 == 0 { (&mut off, &mut on) } else { (&mut on, &mut off) };
            one.append(&owner, n)?;
            other.append(&owner, n)?;
        }
        println!("{synchronous:?}, outbox off: {}", off.said());
        println!("{synchronous:?}, outbox on:  {}", on.said());
    }
    Ok(())
}
