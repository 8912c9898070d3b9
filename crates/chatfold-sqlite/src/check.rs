//! Looking at all of a file: SQLite's own structure, the hash of every event, and what finds them; and mending what
//! follows from the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{DamagedLog, EventStore, LogCursor};
use chatfold_layout::keys::{of_events, of_ids};
use chatfold_layout::pages::Fault;

use crate::log::{Known, Log};
use crate::pages;
use crate::schema::{Found, Snapshots, begin};
use crate::trimmed::{self, Cut};
use crate::{SqliteError, SqliteStore, batches, keys, outbox, rows, stream_of};

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
    #[error("the log of {inbox:#} is damaged at position {position}")]
    Event {
        /// Whose log.
        inbox: StreamId,
        /// The first position that does not follow what is before it.
        position: u64,
    },
    /// Sealed events are not found by their id or command: appended again, they would stand twice. It follows from the
    /// log and can be [mended](SqliteStore::repair).
    #[error("{missing} keys are missing of the events of {inbox:#} from position {position} on")]
    Keys {
        /// Whose log.
        inbox: StreamId,
        /// The first position of the segment whose keys are missing.
        position: u64,
        /// How many.
        missing: usize,
    },
    /// A snapshot is not of the log beside it. It will not be used.
    #[error("the snapshot of {inbox:#} at position {position} is not of this log")]
    Snapshot {
        /// Whose log.
        inbox: StreamId,
        /// What it says it stands for.
        position: u64,
    },
    /// Pages of a snapshot are missing or are not what was written, or the list of its pages is not. It will not be used;
    /// it is a cache of the log and can be [dropped](SqliteStore::repair).
    #[error(
        "{pages} pages of the snapshot of {inbox:#} at position {position} are damaged in table {table}: {what}"
    )]
    Page {
        /// Whose snapshot.
        inbox: StreamId,
        /// The table that the damage is in.
        table: &'static str,
        /// What the snapshot says it stands for.
        position: u64,
        /// How many pages are damaged so; of a damaged list it is not known, and 0 stands here.
        pages: usize,
        /// What is wrong with them.
        what: &'static str,
    },
    /// The snapshot that stands for trimmed events is missing or damaged. If no newer one is sound, the inbox cannot be shown
    /// before the events are [put back](SqliteStore::restore_archive); then the snapshot is a cache like others, and can
    /// be [dropped](SqliteStore::repair).
    #[error(
        "the snapshot of {inbox:#} at position {position} is damaged, which stands for the events through position {through} \
         that were moved to the archive {archive}: put them back (chatfold store unarchive)"
    )]
    Base {
        /// Whose snapshot.
        inbox: StreamId,
        /// What it stands for.
        position: u64,
        /// The position of the last event that was moved.
        through: u64,
        /// Where to, as it was named then.
        archive: String,
    },
    /// Pages lie in the file that no snapshot names, and that are not waiting to be removed. They take room and do nothing
    /// else; they can be [removed](SqliteStore::repair).
    #[error("{pages} pages of {inbox:#} in table {table}, from page {first} on, are of no snapshot")]
    Unnamed {
        /// Whose pages.
        inbox: StreamId,
        /// The table that they are in.
        table: &'static str,
        /// The number of the first of them.
        first: u64,
        /// How many.
        pages: usize,
    },
}

impl SqliteStore {
    /// Looks at all of the file, or of a file of an application's own at what is ours: empty if it is sound.
    ///
    /// Complexity: reads everything once.
    ///
    /// # Errors
    ///
    /// If it is too damaged to be read, or cannot be read for another reason.
    pub fn check(&mut self) -> Result<Vec<Damage>, SqliteError> {
        self.look_again()?;
        let mut found = Vec::new();
        for pragma in self.integrity_checks()? {
            let mut statement = self.connection.prepare(&pragma)?;
            for line in statement.query_map([], |row| row.get::<_, String>(0))? {
                let line = line?;
                if line != "ok" {
                    found.push(Damage::Structure(line));
                }
            }
        }
        let moment = self.connection.unchecked_transaction()?;
        let owners = [self.owners("chatfold_inbox")?, self.owners("chatfold_head")?];
        match outbox::check(&moment) {
            Err(SqliteError::Damaged(what)) => found.push(Damage::Structure(what)),
            looked => looked?,
        }
        moment.commit()?;
        let owners: BTreeSet<_> = owners.into_iter().flatten().collect();
        for owner in owners {
            match stream_of(&owner) {
                Ok(inbox) => found.extend(self.check_inbox(&inbox)?),
                Err(SqliteError::Damaged(what)) => found.push(Damage::Structure(what)),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Looks at one inbox: its log, what finds its sealed events, its snapshots and their pages. Empty if they are sound.
    ///
    /// Complexity: reads log and snapshots once.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::check`].
    pub fn check_inbox(&mut self, inbox: &StreamId) -> Result<Vec<Damage>, SqliteError> {
        self.look_again()?;
        match self.damage_of(inbox) {
            Err(SqliteError::Damaged(what)) => Ok(vec![Damage::Structure(what)]),
            Err(SqliteError::DamagedAt { inbox, position, .. }) => {
                Ok(vec![Damage::Event { inbox, position }])
            }
            looked => looked,
        }
    }

    /// What asks SQLite about its structure: of the whole file, or of our own tables where others are an application's.
    fn integrity_checks(&self) -> Result<Vec<String>, SqliteError> {
        if !Found::look(&self.connection)?.shared {
            return Ok(vec!["PRAGMA main.integrity_check".to_owned()]);
        }
        let sql = r"SELECT format('PRAGMA main.integrity_check(%s)', name) FROM main.sqlite_schema
            WHERE type = 'table' AND name LIKE 'chatfold\_%' ESCAPE '\' ORDER BY name";
        let mut statement = self.connection.prepare(sql)?;
        let pragmas = statement.query_map([], |row| row.get(0))?;
        Ok(pragmas.collect::<Result<_, _>>()?)
    }

    fn damage_of(&mut self, inbox: &StreamId) -> Result<Vec<Damage>, SqliteError> {
        let mut found: Vec<_> = self.check_log(inbox)?.into_iter().collect();
        found.extend(self.check_keys(inbox, false)?);
        let mut caches = self.alien_snapshots(inbox)?;
        caches.extend(self.damaged_pages(inbox)?);
        found.extend(self.damaged_base(inbox, &caches)?);
        found.extend(caches);
        Ok(found)
    }

    /// What is wrong with the snapshot that stands for trimmed events, by what is wrong with all.
    fn damaged_base(&self, inbox: &StreamId, caches: &[Damage]) -> Result<Option<Damage>, SqliteError> {
        let moment = self.connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(None) };
        let Some(Cut { prefix, base, archive }) = trimmed::cut(&moment, number)? else { return Ok(None) };
        let kept = pages::kept(&moment, inbox, number, base.events)?;
        let there = kept.iter().any(|kept| kept.list.as_ref().is_some_and(|(at, _)| *at == base));
        let position = base.events;
        let is_of_base = |damage: &Damage| match damage {
            Damage::Snapshot { position: at, .. } | Damage::Page { position: at, .. } => *at == position,
            _ => false,
        };
        let damaged = !there || caches.iter().any(is_of_base);
        let through = prefix.events;
        Ok(damaged.then(|| Damage::Base { inbox: inbox.clone(), position, through, archive }))
    }

    /// Where the log of an inbox begins here: behind what was trimmed.
    fn beginning(&self, inbox: &StreamId) -> Result<LogPrefix, SqliteError> {
        Ok(self.trimmed(inbox)?.map_or(LogPrefix::EMPTY, |(prefix, _)| prefix))
    }

    fn check_log(&mut self, inbox: &StreamId) -> Result<Option<Damage>, SqliteError> {
        let mut cursor = LogCursor::after(self.beginning(inbox)?);
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
    fn check_keys(&mut self, inbox: &StreamId, mend: bool) -> Result<Vec<Damage>, SqliteError> {
        let moment = self.connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(Vec::new()) };
        let mut log = Log { connection: &moment, cache: &mut self.cache, owner: inbox, number };
        let (mut found, mut after) = (Vec::new(), LogPrefix::EMPTY);
        while let Some(head) = log.segment_behind(after.events)? {
            if head.before != after {
                let what = "the segment does not follow what is before it";
                return Err(log.damaged(head.table(), after.events + 1, what));
            }
            let missing = match log.known_of(&head)? {
                Known::Events(events) if head.is_batch() => batches::missing(&moment, number, &events, mend)?,
                Known::Events(events) => {
                    keys::missing(&moment, &of_events(number, head.number, &events), mend)?
                }
                Known::Ids(_, ids) => {
                    let keys = of_ids(number, head.number, ids.ids(), ids.commands());
                    keys::missing(&moment, &keys, mend)?
                }
            };
            if missing > 0 {
                found.push(Damage::Keys { inbox: inbox.clone(), position: head.before.events + 1, missing });
            }
            after = head.last;
        }
        moment.commit()?;
        Ok(found)
    }

    /// The snapshots that are not of the log beside them.
    fn alien_snapshots(&mut self, inbox: &StreamId) -> Result<Vec<Damage>, SqliteError> {
        let moment = self.connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(Vec::new()) };
        let table = match self.snapshots {
            Snapshots::Paged => pages::LIST,
            Snapshots::Whole => "snapshot",
        };
        let sql = format!("SELECT position, hash FROM {table} WHERE inbox = ? ORDER BY position DESC");
        let mut statement = moment.prepare(&sql)?;
        let mut rows = statement.query([number])?;
        let mut log = Log { connection: &moment, cache: &mut self.cache, owner: inbox, number };
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let prefix = rows::prefix(row)?;
            if log.prefix_at(prefix.events)? != Some(prefix) {
                found.push(Damage::Snapshot { inbox: inbox.clone(), position: prefix.events });
            }
        }
        Ok(found)
    }

    /// What is wrong with the pages of snapshots.
    fn damaged_pages(&mut self, inbox: &StreamId) -> Result<Vec<Damage>, SqliteError> {
        let moment = self.connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(Vec::new()) };
        let kept = pages::kept(&moment, inbox, number, u64::MAX)?;
        let mut found = Vec::new();
        // Snapshots share most pages: each is read once.
        let mut looked = HashMap::new();
        for snapshot in &kept {
            let mut faults = BTreeMap::new();
            match &snapshot.list {
                None => drop(faults.insert(Fault::List, 0)),
                Some((_, directory)) => {
                    for named in directory.pages() {
                        let same = (named.page, named.end - named.start, named.mark);
                        let fault = match looked.get(&same) {
                            Some(fault) => *fault,
                            None => pages::page(&moment, number, named)?.err(),
                        };
                        looked.insert(same, fault);
                        fault.into_iter().for_each(|fault| *faults.entry(fault).or_default() += 1);
                    }
                }
            }
            let position = snapshot.position.unsigned_abs();
            found.extend(faults.into_iter().map(|(fault, pages)| Damage::Page {
                inbox: inbox.clone(),
                table: pages::table(fault),
                position,
                pages,
                what: fault.what(),
            }));
        }
        let unnamed = pages::unnamed(&moment, number, &kept)?;
        found.extend(unnamed.first().map(|first| Damage::Unnamed {
            inbox: inbox.clone(),
            table: pages::PAGE,
            first: first.unsigned_abs(),
            pages: unnamed.len(),
        }));
        Ok(found)
    }

    /// Mends what follows from the log of an inbox, if that is sound: the keys of its sealed events are written where
    /// they are missing, snapshots that are not of this log or of which a page is damaged are dropped, and pages that no
    /// snapshot names are removed. Returns what was mended.
    ///
    /// Complexity: reads log and snapshots once.
    ///
    /// # Errors
    ///
    /// [`SqliteError::DamagedAt`] or [`SqliteError::Damaged`] where the log itself is damaged, which nothing mends: take
    /// it from where it was copied to. Otherwise if the file cannot be read or written.
    pub fn repair(&mut self, inbox: &StreamId) -> Result<Vec<Damage>, SqliteError> {
        if let Some(Damage::Event { inbox, position }) = self.check_log(inbox)? {
            let what = "the event does not follow what is before it";
            return Err(SqliteError::DamagedAt { inbox, table: "chatfold_event", position, what });
        }
        let mut mended = self.check_keys(inbox, true)?;
        let mut caches = self.alien_snapshots(inbox)?;
        caches.extend(self.damaged_pages(inbox)?);
        if let Some(Damage::Base { inbox, position, archive, .. }) = self.damaged_base(inbox, &caches)? {
            return Err(SqliteError::Base { inbox, position, archive, what: "is damaged" });
        }
        let positions = caches.iter().filter_map(|damage| match damage {
            Damage::Snapshot { position, .. } | Damage::Page { position, .. } => {
                Some(rows::signed(*position))
            }
            _ => None,
        });
        let positions: Vec<_> = positions.collect();
        if !caches.is_empty() {
            let transaction = begin(&mut self.connection)?;
            if let Some((number, _)) = rows::find(&transaction, inbox)? {
                pages::drop_some(&transaction, (inbox, number), &positions)?;
            }
            transaction.commit()?;
        }
        mended.extend(caches);
        Ok(mended)
    }
}
