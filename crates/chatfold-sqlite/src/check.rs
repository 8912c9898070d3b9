//! Looking at all of a file: SQLite's own structure, the hash of every event, and what finds them; and mending what
//! follows from the log.

use std::collections::BTreeSet;

use chatfold::UserId;
use chatfold::store::{DamagedLog, EventStore, LogCursor, SnapshotStore};

use crate::log::Log;
use crate::{SqliteError, SqliteStore, keys, owner_id, rows};

/// How many events are held at once.
const CHUNK: usize = 1_000;

/// Something wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// SQLite finds its own structure damaged.
    #[error("{0}")]
    Structure(String),
    /// An event is not what was appended, or one before it is missing. What is before it is sound.
    #[error("the log of {inbox} is damaged at position {position}")]
    Event {
        /// Whose log.
        inbox: UserId,
        /// The first position that does not follow what is before it.
        position: u64,
    },
    /// Sealed events are not found by their id or command: appended again, they would stand twice. It follows from the
    /// log and can be [mended](SqliteStore::repair).
    #[error("{missing} keys are missing of the events of {inbox} from position {position} on")]
    Keys {
        /// Whose log.
        inbox: UserId,
        /// The first position of the segment whose keys are missing.
        position: u64,
        /// How many.
        missing: usize,
    },
    /// A snapshot is not of the log beside it. It will not be used.
    #[error("the snapshot of {inbox} at position {position} is not of this log")]
    Snapshot {
        /// Whose log.
        inbox: UserId,
        /// What it says it stands for.
        position: u64,
    },
}

impl SqliteStore {
    /// Looks at all of the file: empty if it is sound.
    ///
    /// Complexity: reads everything once.
    ///
    /// # Errors
    ///
    /// If it is too damaged to be read, or cannot be read for another reason.
    pub fn check(&mut self) -> Result<Vec<Damage>, SqliteError> {
        let mut found = Vec::new();
        let mut statement = self.connection.prepare("PRAGMA integrity_check")?;
        for line in statement.query_map([], |row| row.get::<_, String>(0))? {
            let line = line?;
            if line != "ok" {
                found.push(Damage::Structure(line));
            }
        }
        drop(statement);
        let moment = self.connection.unchecked_transaction()?;
        let owners = [self.owners("inbox")?, self.owners("head")?];
        moment.commit()?;
        let owners: BTreeSet<_> = owners.into_iter().flatten().collect();
        for owner in owners {
            match self.check_inbox(&owner) {
                Ok(damage) => found.extend(damage),
                Err(SqliteError::Damaged(what)) => found.push(Damage::Structure(what)),
                Err(SqliteError::DamagedAt { inbox, position, .. }) => {
                    found.push(Damage::Event { inbox, position });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn check_inbox(&mut self, owner: &str) -> Result<Vec<Damage>, SqliteError> {
        let inbox = owner_id(owner)?;
        let mut found: Vec<_> = self.check_log(&inbox)?.into_iter().collect();
        found.extend(self.check_keys(&inbox, false)?);
        found.extend(self.alien_snapshots(&inbox)?);
        Ok(found)
    }

    fn check_log(&mut self, inbox: &UserId) -> Result<Option<Damage>, SqliteError> {
        let mut cursor = LogCursor::default();
        loop {
            let page = self.read(inbox, cursor.position(), CHUNK)?;
            match cursor.take_in(&page) {
                Ok(true) => return Ok(None),
                Ok(false) => {}
                Err(DamagedLog { position }) => {
                    return Ok(Some(Damage::Event { inbox: inbox.clone(), position }));
                }
            }
        }
    }

    /// Looks for the keys of every sealed event, and writes those that are missing if asked to.
    fn check_keys(&mut self, inbox: &UserId, mend: bool) -> Result<Vec<Damage>, SqliteError> {
        let moment = self.connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(Vec::new()) };
        let mut log = Log { connection: &moment, cache: &mut self.cache, owner: inbox, number };
        let (mut found, mut after) = (Vec::new(), 0);
        while let Some(head) = log.segment_behind(after)? {
            let events = log.events_of(&head)?;
            let keys = keys::of_events(number, head.number, &events);
            let missing = keys::missing(&moment, &keys)?;
            if missing > 0 {
                found.push(Damage::Keys { inbox: inbox.clone(), position: head.before.events + 1, missing });
                if mend {
                    keys::insert(&moment, &keys)?;
                }
            }
            after = head.last.events;
        }
        moment.commit()?;
        Ok(found)
    }

    /// The snapshots that are not of the log beside them.
    fn alien_snapshots(&mut self, inbox: &UserId) -> Result<Vec<Damage>, SqliteError> {
        let (mut found, mut through) = (Vec::new(), u64::MAX);
        while let Some(snapshot) = self.latest(inbox, through)? {
            let position = snapshot.prefix.events;
            let moment = self.connection.unchecked_transaction()?;
            let Some((number, _)) = rows::find(&moment, inbox)? else { break };
            let mut log = Log { connection: &moment, cache: &mut self.cache, owner: inbox, number };
            if log.prefix_at(position)? != Some(snapshot.prefix) {
                found.push(Damage::Snapshot { inbox: inbox.clone(), position });
            }
            moment.commit()?;
            let Some(below) = position.checked_sub(1) else { break };
            through = below;
        }
        Ok(found)
    }

    /// Mends what follows from the log of an inbox, if that is sound: the keys of its sealed events are written where
    /// they are missing, and snapshots that are not of this log are dropped. Returns what was mended.
    ///
    /// Complexity: reads the log once.
    ///
    /// # Errors
    ///
    /// [`SqliteError::DamagedAt`] or [`SqliteError::Damaged`] where the log itself is damaged, which nothing mends: take
    /// it from where it was copied to. Otherwise if the file cannot be read or written.
    pub fn repair(&mut self, inbox: &UserId) -> Result<Vec<Damage>, SqliteError> {
        if let Some(Damage::Event { inbox, position }) = self.check_log(inbox)? {
            let what = "the event does not follow what is before it";
            return Err(SqliteError::DamagedAt { inbox, table: "event", position, what });
        }
        let mut mended = self.check_keys(inbox, true)?;
        for damage in self.alien_snapshots(inbox)? {
            if let Damage::Snapshot { position, .. } = &damage
                && let Some((number, _)) = rows::find(&self.connection, inbox)?
            {
                let sql = "DELETE FROM snapshot WHERE inbox = ? AND position = ?";
                self.connection.execute(sql, [number, rows::signed(*position)])?;
            }
            mended.push(damage);
        }
        Ok(mended)
    }
}
