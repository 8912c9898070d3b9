//! Looking at all of a file: SQLite's own structure, and the hash of every event.

use std::collections::BTreeSet;

use chatfold::UserId;
use chatfold::store::{DamagedLog, EventStore, LogCursor, SnapshotStore};

use crate::{SqliteError, SqliteStore, owner_id, rows};

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
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn check_inbox(&mut self, owner: &str) -> Result<Vec<Damage>, SqliteError> {
        let inbox = owner_id(owner)?;
        let moment = self.connection.unchecked_transaction()?;
        let known = rows::find(&moment, &inbox)?;
        moment.commit()?;
        let Some((number, _)) = known else { return Ok(Vec::new()) };
        let mut found: Vec<_> = self.check_log(&inbox)?.into_iter().collect();
        let mut through = u64::MAX;
        while let Some(snapshot) = self.latest(&inbox, through)? {
            let position = snapshot.prefix.events;
            if rows::prefix_at(&self.connection, number, position)? != Some(snapshot.prefix) {
                found.push(Damage::Snapshot { inbox: inbox.clone(), position });
            }
            let Some(below) = position.checked_sub(1) else { break };
            through = below;
        }
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
}
