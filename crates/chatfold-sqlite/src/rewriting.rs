//! Other bytes in the place of events, and whatever hangs on their hashes.

use std::collections::BTreeMap;

use chatfold::snapshot::LogPrefix;
use chatfold::store::RewriteError;
use chatfold_layout::segment::{self, Segment};
use rusqlite::params;

use crate::SqliteError;
use crate::heads::SegmentHead;
use crate::log::Log;
use crate::pages;
use crate::rows::{self, signed};
use crate::trimmed::{self, Cut};

/// How many rows are held at once while the hashes of a log are computed anew.
const CHUNK: usize = 1_000;

/// The log up to some position: as it was, and as it will be.
#[derive(Clone, Copy, Debug)]
struct Both {
    old: LogPrefix,
    new: LogPrefix,
}

type Changes<'a> = BTreeMap<u64, &'a [u8]>;

impl Log<'_> {
    /// Puts other bytes in the place of events. Returns the log up to its end.
    ///
    /// Segments and rows that hold a changed event are written anew; of those behind only where they stand: the hash of
    /// the log before and up to them. All from the first changed event on is read and held against its hashes before,
    /// since hashes computed anew would make damage sound.
    pub(crate) fn rewrite(
        &mut self,
        head: LogPrefix,
        changes: &[(u64, Vec<u8>)],
    ) -> Result<LogPrefix, RewriteError<SqliteError>> {
        let there = 1..=head.events;
        if let Some((position, _)) = changes.iter().find(|(position, _)| !there.contains(position)) {
            return Err(RewriteError::NoSuchEvent { position: *position });
        }
        let changes: Changes<'_> =
            changes.iter().map(|(position, bytes)| (*position, bytes.as_slice())).collect();
        let Some((first, _)) = changes.first_key_value() else { return Ok(head) };
        if let Some(cut) = trimmed::cut(self.connection, self.number)?
            && *first <= cut.base.events
        {
            let Cut { base, archive, .. } = cut;
            let (inbox, position) = (self.owner.clone(), base.events);
            let what = "what it stands for cannot be rewritten";
            return Err(SqliteError::Base { inbox, position, archive, what }.into());
        }
        Ok(self.rewrite_from(*first, head, &changes)?)
    }

    fn rewrite_from(
        &mut self,
        first: u64,
        head: LogPrefix,
        changes: &Changes<'_>,
    ) -> Result<LogPrefix, SqliteError> {
        let mut next = self.segment_behind(first - 1)?;
        let before = match &next {
            Some(segment) => segment.before,
            None => self.prefix_at(first - 1)?.unwrap_or(LogPrefix::EMPTY),
        };
        let mut both = Both { old: before, new: before };
        while let Some(segment) = next {
            self.rewrite_segment(&segment, &mut both, changes)?;
            next = self.segment_behind(segment.last.events)?;
        }
        self.rewrite_rows(&mut both, changes)?;
        if both.old == head {
            Ok(both.new)
        } else {
            Err(self.damaged(
                "chatfold_event",
                both.old.events + 1,
                "the log does not end where its head says",
            ))
        }
    }

    fn rewrite_segment(
        &mut self,
        head: &SegmentHead,
        both: &mut Both,
        changes: &Changes<'_>,
    ) -> Result<(), SqliteError> {
        let position = head.before.events + 1;
        if head.before != both.old {
            return Err(self.damaged(
                head.table(),
                position,
                "the segment does not follow what is before it",
            ));
        }
        let bytes = self.bytes(head)?;
        let events = Segment::open(&bytes).and_then(|segment| segment.events(self.owner, head.before));
        let mut events =
            events.ok_or_else(|| self.damaged(head.table(), position, "the segment cannot be decoded"))?;
        if events.last().map(|event| event.prefix) != Some(head.last) {
            return Err(self.damaged(head.table(), position, "the segment does not end where it says"));
        }
        let mut rewritten = false;
        let before = both.new;
        for event in &mut events {
            if let Some(bytes) = changes.get(&event.position()) {
                event.bytes = bytes.to_vec();
                rewritten = true;
            }
            both.new.push(&event.bytes);
            event.prefix = both.new;
        }
        both.old = head.last;
        let encoded = rewritten.then(|| segment::encoded(self.owner, before, &events));
        let bytes = match encoded {
            Some(Some(encoded)) => encoded,
            None => bytes,
            Some(None) => {
                return Err(self.damaged(head.table(), position, "what was rewritten cannot be read back"));
            }
        };
        self.replace_segment(head, (before, both.new), (&bytes, rewritten))
    }

    fn rewrite_rows(&mut self, both: &mut Both, changes: &Changes<'_>) -> Result<(), SqliteError> {
        let connection = self.connection;
        let sql = "UPDATE chatfold_event SET hash = ?, bytes = ? WHERE inbox = ? AND position = ?";
        let mut change = connection.prepare_cached(sql)?;
        loop {
            let rows = rows::events(self.connection, self.number, both.old.events, CHUNK)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                if !row.follows(both.old) {
                    let what = "the event does not follow what is before it";
                    return Err(self.damaged("chatfold_event", both.old.events + 1, what));
                }
                both.old = row.prefix;
                let bytes = changes.get(&row.position()).copied().unwrap_or(&row.bytes);
                both.new.push(bytes);
                let hash = both.new.hash.to_be_bytes();
                change.execute(params![hash, bytes, self.number, signed(row.position())])?;
            }
        }
    }

    /// Drops all snapshots but the one that stands for trimmed events, and all of their pages.
    pub(crate) fn drop_snapshots(&self) -> Result<(), SqliteError> {
        let Some(cut) = trimmed::cut(self.connection, self.number)? else {
            return pages::drop_all(self.connection, self.number);
        };
        let kept = pages::kept(self.connection, self.owner, self.number, u64::MAX)?;
        let others = kept.iter().map(|kept| kept.position).filter(|at| *at != signed(cut.base.events));
        pages::drop_some(self.connection, (self.owner, self.number), &others.collect::<Vec<_>>())
    }

    /// Removes all events, batches, segments and snapshots of the log.
    ///
    /// Complexity: reads the keys of all inboxes of the file.
    pub(crate) fn erase(&self) -> Result<(), SqliteError> {
        trimmed::clear(self.connection, self.number)?;
        for sql in [
            "DELETE FROM chatfold_event WHERE inbox = ?",
            "DELETE FROM chatfold_batch WHERE inbox = ?",
            "DELETE FROM chatfold_sealed WHERE key & 0xfffffff IN (SELECT segment FROM chatfold_segment WHERE inbox = ?1) \
             AND EXISTS (SELECT 1 FROM chatfold_segment WHERE inbox = ?1)",
            "DELETE FROM chatfold_sealed_new WHERE key & 0xfffffff IN (SELECT segment FROM chatfold_segment WHERE inbox = ?1)",
            "DELETE FROM chatfold_sealed_newest WHERE key & 0xfffffff IN (SELECT segment FROM chatfold_segment WHERE inbox = ?1)",
            "DELETE FROM chatfold_segment_bytes WHERE segment IN (SELECT segment FROM chatfold_segment WHERE inbox = ?)",
            "DELETE FROM chatfold_segment WHERE inbox = ?",
        ] {
            self.connection.prepare_cached(sql)?.execute([self.number])?;
        }
        pages::drop_all(self.connection, self.number)
    }
}
