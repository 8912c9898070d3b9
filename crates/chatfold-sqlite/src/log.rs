//! The log of one inbox within a transaction: what is sealed in segments, the batches behind them, and behind those the rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use chatfold_layout::keys::Wanted;
use chatfold_layout::segment::{self, Segment};
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteError;
use crate::batches;
use crate::heads::{SEGMENT, SegmentHead, head};
use crate::keys;
use crate::rows::{self, Number, signed};
use crate::trimmed::{self, Cut, Ids};

/// The segment that was decoded last: who reads page by page asks for it again.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    decoded: Option<(SegmentHead, Arc<[StoredEvent]>)>,
}

impl Cache {
    /// Forgets what was decoded.
    pub(crate) fn clear(&mut self) {
        self.decoded = None;
    }
}

/// The log of one inbox within a transaction.
#[derive(Debug)]
pub(crate) struct Log<'t> {
    pub(crate) connection: &'t Connection,
    pub(crate) cache: &'t mut Cache,
    pub(crate) owner: &'t StreamId,
    pub(crate) number: Number,
}

const HEADS: &str =
    "SELECT segment, before, before_hash, last, last_hash, checksum FROM chatfold_segment WHERE inbox = ?";

impl Log<'_> {
    /// The damage of a row of this log.
    pub(crate) fn damaged(&self, table: &'static str, position: u64, what: &'static str) -> SqliteError {
        SqliteError::DamagedAt { inbox: self.owner.clone(), table, position, what }
    }

    fn segment(&self, more: &str, value: i64) -> Result<Option<SegmentHead>, SqliteError> {
        let mut find = self.connection.prepare_cached(&format!("{HEADS} AND {more}"))?;
        let mut rows = find.query([self.number, value])?;
        rows.next()?.map(head).transpose()
    }

    /// The segment that the event behind this position lies in, or the first one behind that.
    pub(crate) fn sealed_behind(&self, after: u64) -> Result<Option<SegmentHead>, SqliteError> {
        self.segment("last > ? ORDER BY last LIMIT 1", signed(after))
    }

    /// The same of segments and of the batches behind them: where there is none, the event is a row.
    pub(crate) fn segment_behind(&self, after: u64) -> Result<Option<SegmentHead>, SqliteError> {
        match self.sealed_behind(after)? {
            None => batches::behind(self.connection, self.number, after),
            segment => Ok(segment),
        }
    }

    /// The log up to the last event that is sealed: batches and rows stand behind it.
    pub(crate) fn sealed(&self) -> Result<LogPrefix, SqliteError> {
        let last = self.segment("last > ? ORDER BY last DESC LIMIT 1", 0)?;
        Ok(last.map_or(LogPrefix::EMPTY, |segment| segment.last))
    }

    /// The log up to the last event that lies in a batch or is sealed: the rows stand behind it.
    pub(crate) fn batched(&self) -> Result<LogPrefix, SqliteError> {
        match batches::last(self.connection, self.number)? {
            Some(batch) => Ok(batch.last),
            None => self.sealed(),
        }
    }

    /// The same where it is known what is sealed.
    pub(crate) fn batched_behind(&self, sealed: LogPrefix) -> Result<LogPrefix, SqliteError> {
        Ok(batches::last(self.connection, self.number)?.map_or(sealed, |batch| batch.last))
    }

    /// The log up to its last event.
    pub(crate) fn last(&self) -> Result<LogPrefix, SqliteError> {
        match rows::last(self.connection, self.number)? {
            Some(prefix) => Ok(prefix),
            None => self.batched(),
        }
    }

    /// The bytes of a segment, which are what was written.
    pub(crate) fn bytes(&self, head: &SegmentHead) -> Result<Vec<u8>, SqliteError> {
        let bytes: Option<Vec<u8>> = if head.is_batch() {
            batches::bytes(self.connection, self.number, head.last)?
        } else {
            let sql = "SELECT bytes FROM chatfold_segment_bytes WHERE segment = ?";
            self.connection.prepare_cached(sql)?.query_row([head.number], |row| row.get(0)).optional()?
        };
        let position = head.before.events + 1;
        let Some(bytes) = bytes else {
            return Err(match self.cut_behind(head)? {
                Some(cut) => self.trimmed(&cut),
                None => self.damaged("chatfold_segment_bytes", position, "the segment has no bytes"),
            });
        };
        if segment::checksum(self.owner, head.before, head.last, &bytes) != head.checksum {
            return Err(self.damaged(head.table(), position, "the checksum of the segment does not fit"));
        }
        Ok(bytes)
    }

    /// Where the log was cut, if the events of a segment are before that and so in an archive.
    fn cut_behind(&self, head: &SegmentHead) -> Result<Option<Cut>, SqliteError> {
        let cut = trimmed::cut(self.connection, self.number)?;
        Ok(cut.filter(|cut| head.last.events <= cut.prefix.events))
    }

    /// The error of events that are in an archive.
    fn trimmed(&self, cut: &Cut) -> SqliteError {
        let (through, archive) = (cut.prefix.events, cut.archive.clone());
        SqliteError::Trimmed { inbox: self.owner.clone(), through, archive }
    }

    /// The ids and commands of a segment whose events are in an archive.
    pub(crate) fn trimmed_ids(&self, head: &SegmentHead) -> Result<Ids, SqliteError> {
        let damaged = |what| self.damaged(trimmed::IDS, head.before.events + 1, what);
        let found = trimmed::ids(self.connection, head.number)?;
        let (bytes, checksum) = found.ok_or_else(|| damaged("the ids of a trimmed segment are missing"))?;
        let fits = segment::checksum(self.owner, head.before, head.last, &bytes) == checksum;
        let ids = fits.then(|| Ids::decode(&bytes)).flatten();
        let ids = ids.filter(|ids| ids.len() as u64 == head.last.events - head.before.events);
        ids.ok_or_else(|| damaged("the ids of a trimmed segment are not what was written"))
    }

    /// What is known of the events of a segment.
    pub(crate) fn known_of(&mut self, head: &SegmentHead) -> Result<Known, SqliteError> {
        match self.events_of(head) {
            Ok(events) => Ok(Known::Events(events)),
            Err(SqliteError::Trimmed { .. }) => {
                Ok(Known::Ids(head.before.events + 1, self.trimmed_ids(head)?))
            }
            Err(error) => Err(error),
        }
    }

    /// The events of a segment, each held against the log before the first and up to the last.
    pub(crate) fn events_of(&mut self, head: &SegmentHead) -> Result<Arc<[StoredEvent]>, SqliteError> {
        if let Some((decoded, events)) = &self.cache.decoded
            && decoded == head
        {
            return Ok(Arc::clone(events));
        }
        let bytes = self.bytes(head)?;
        let events = Segment::open(&bytes).and_then(|segment| segment.events(self.owner, head.before));
        let last = |events: &Vec<StoredEvent>| events.last().is_some_and(|event| event.prefix == head.last);
        let events: Arc<[_]> = events
            .filter(last)
            .ok_or_else(|| {
                self.damaged(head.table(), head.before.events + 1, "the segment cannot be decoded")
            })?
            .into();
        self.cache.decoded = Some((*head, Arc::clone(&events)));
        Ok(events)
    }

    /// The records of the segment that begins right behind this position, between the log before and up to its last
    /// event, if all of it lies in columns.
    pub(crate) fn records(&self, after: u64) -> Result<Option<(LogPrefix, LogPrefix, Vec<u8>)>, SqliteError> {
        let Some(head) = self.segment_behind(after)?.filter(|head| head.before.events == after) else {
            return Ok(None);
        };
        let bytes = self.bytes(&head)?;
        let segment = Segment::open(&bytes)
            .ok_or_else(|| self.damaged(head.table(), after + 1, "the segment cannot be decoded"))?;
        let records = segment.records();
        Ok(records.map(|records| (head.before, head.last, records.to_vec())))
    }

    /// At most `limit` events behind position `after`.
    pub(crate) fn events(&mut self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, SqliteError> {
        let (mut events, mut after) = (Vec::new(), after);
        while events.len() < limit {
            let Some(head) = self.segment_behind(after)? else { break };
            let skip = after.checked_sub(head.before.events);
            let skip = skip.ok_or_else(|| self.damaged(SEGMENT, after + 1, "a segment is missing"))?;
            let skip = usize::try_from(skip).unwrap_or(usize::MAX);
            let sealed = self.events_of(&head)?;
            events.extend(sealed.iter().skip(skip).take(limit - events.len()).cloned());
            after = head.last.events;
        }
        if events.len() < limit {
            let limit = limit - events.len();
            events.extend(rows::events(self.connection, self.number, after, limit)?);
        }
        Ok(events)
    }

    /// The prefix of so many events, if the log has them and they were not moved to an archive.
    pub(crate) fn prefix_at(&mut self, events: u64) -> Result<Option<LogPrefix>, SqliteError> {
        let Some(before) = events.checked_sub(1) else { return Ok(Some(LogPrefix::EMPTY)) };
        match self.segment_behind(before)? {
            Some(head) if head.last.events == events => Ok(Some(head.last)),
            // Between trimmed events it is not known any more.
            Some(head) => match self.cut_behind(&head)? {
                Some(_) => Ok(None),
                None => Ok(self.events(before, 1)?.first().map(|event| event.prefix)),
            },
            None => rows::prefix_at(self.connection, self.number, events),
        }
    }

    /// The segments and batches that may hold what is wanted.
    fn holding(&mut self, wanted: Wanted) -> Result<Vec<Known>, SqliteError> {
        let mut found = Vec::new();
        for number in keys::segments(self.connection, self.number, wanted)? {
            let Some(head) = self.segment("segment = ?", number)? else { continue };
            found.push(self.known_of(&head)?);
        }
        for (head, _) in batches::holding(self.connection, self.number, &[wanted])? {
            found.push(self.known_of(&head)?);
        }
        Ok(found)
    }

    /// The event of this id, if it is sealed or in a batch.
    fn find_sealed(&mut self, id: EventId) -> Result<Option<StoredEvent>, SqliteError> {
        for known in self.holding(Wanted::Event(id))? {
            match known {
                Known::Events(events) => {
                    if let Some(event) = events.iter().find(|event| event.id == id) {
                        return Ok(Some(event.clone()));
                    }
                }
                Known::Ids(_, ids) => {
                    if ids.index_of(id).is_some()
                        && let Some(cut) = trimmed::cut(self.connection, self.number)?
                    {
                        return Err(self.trimmed(&cut));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The position of the event of this id, if it is sealed, trimmed or not, or in a batch.
    pub(crate) fn sealed_position(&mut self, id: EventId) -> Result<Option<u64>, SqliteError> {
        let held = self.holding(Wanted::Event(id))?;
        Ok(held.iter().find_map(|known| match known {
            Known::Events(events) => events.iter().find(|event| event.id == id).map(StoredEvent::position),
            Known::Ids(first, ids) => ids.index_of(id).map(|index| first + index),
        }))
    }

    /// Those of these ids that are in batches, with their positions: a batch that may hold one is decoded once.
    pub(crate) fn in_batches(&mut self, ids: &[EventId]) -> Result<HashMap<EventId, u64>, SqliteError> {
        let wanted: Vec<_> = ids.iter().map(|id| Wanted::Event(*id)).collect();
        let mut found = HashMap::new();
        for (head, held) in batches::holding(self.connection, self.number, &wanted)? {
            let held: HashSet<_> = held
                .into_iter()
                .filter_map(|wanted| match wanted {
                    Wanted::Event(id) => Some(id),
                    Wanted::Command(_) => None,
                })
                .collect();
            let events = self.events_of(&head)?;
            let of = events.iter().filter(|event| held.contains(&event.id));
            found.extend(of.map(|event| (event.id, event.position())));
        }
        Ok(found)
    }

    /// The event of this id.
    pub(crate) fn find(&mut self, id: EventId) -> Result<Option<StoredEvent>, SqliteError> {
        let sql = "SELECT position, id, command, hash, bytes FROM chatfold_event WHERE inbox = ? AND id = ?";
        let mut find = self.connection.prepare_cached(sql)?;
        let mut rows = find.query(params![self.number, id.as_bytes()])?;
        match rows.next()? {
            Some(row) => rows::event(row).map(Some),
            None => self.find_sealed(id),
        }
    }

    /// First and last position of the events of a command that are sealed or in a batch.
    pub(crate) fn sealed_of_command(
        &mut self,
        command: chatfold::id::CommandId,
    ) -> Result<Option<(u64, u64)>, SqliteError> {
        let held = self.holding(Wanted::Command(command))?;
        let ranges = held.iter().filter_map(|known| match known {
            Known::Events(events) => {
                let mut of = events.iter().filter(|event| event.command == Some(command));
                let first = of.next()?.position();
                Some((first, of.next_back().map_or(first, StoredEvent::position)))
            }
            Known::Ids(at, ids) => ids.of_command(command).map(|(first, last)| (at + first, at + last)),
        });
        Ok(ranges.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))))
    }
}

/// What is known of the events of a segment.
#[derive(Debug)]
pub(crate) enum Known {
    /// All.
    Events(Arc<[StoredEvent]>),
    /// Their ids and commands, and the position of the first: they are in an archive.
    Ids(u64, Ids),
}
