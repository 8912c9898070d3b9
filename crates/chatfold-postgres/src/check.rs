//! Looking at all of the tables: the hash of every event, what finds the sealed ones, and snapshots with their pages; and
//! mending what follows from the log.

use std::collections::BTreeMap;

use chatfold::shared::StreamId;
use chatfold::store::{DamagedLog, LogCursor};
use chatfold_layout::keys::of_events;
use chatfold_layout::pages::Fault;

use crate::error::PostgresError;
use crate::keys;
use crate::pages::{self, LIST, PAGE};
use crate::pool::PostgresStore;
use crate::rows::signed;
use crate::segments::{self, SEGMENT};
use crate::session::Session;

/// How many events, and how many owners, are looked at at once.
const CHUNK: usize = 4_000;

/// How many segments and pages are.
const SOME: usize = 64;

/// Something wrong with the tables.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// An event is not what was appended, or one before it is missing; of a segment that is not what was written it is the
    /// first. What is before it is sound.
    #[error("the log of {inbox:#} is damaged at position {position}, in table {table}: {what}")]
    Event {
        /// Whose log.
        inbox: StreamId,
        /// The table that the damage is in.
        table: &'static str,
        /// The first position that is not what was appended.
        position: u64,
        /// What is wrong.
        what: String,
    },
    /// Sealed events are not found by their id or command: appended again, they would stand twice. It follows from the
    /// log and can be [mended](PostgresStore::repair).
    #[error(
        "{missing} keys are missing in table chatfold_sealed of the events of {inbox:#} from position {position} on"
    )]
    Keys {
        /// Whose log.
        inbox: StreamId,
        /// The first position of the first segment of which keys are missing.
        position: u64,
        /// How many.
        missing: usize,
    },
    /// A snapshot is not of the log beside it. It will not be used, and can be [dropped](PostgresStore::repair).
    #[error("the snapshot of {inbox:#} at position {position} is not of this log")]
    Snapshot {
        /// Whose log.
        inbox: StreamId,
        /// What it says it stands for.
        position: u64,
    },
    /// Pages of a snapshot are missing or are not what was written, or the list of its pages is not. It will not be used;
    /// it is a cache of the log and can be [dropped](PostgresStore::repair).
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
    /// Pages are there that no snapshot names. They take room and do nothing else; they can be
    /// [removed](PostgresStore::repair).
    #[error("{pages} pages of {inbox:#} in table chatfold_snapshot_page are of no snapshot")]
    Unnamed {
        /// Whose pages.
        inbox: StreamId,
        /// How many.
        pages: usize,
    },
}

impl PostgresStore {
    /// Looks at all inboxes: empty if they are sound. Complexity: reads everything once.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn check(&self) -> Result<Vec<Damage>, PostgresError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let owners = self.streams(after.as_ref(), CHUNK).await?;
            for owner in &owners {
                found.extend(self.check_inbox(owner).await?);
            }
            match owners.last() {
                Some(last) if owners.len() == CHUNK => after = Some(last.clone()),
                _ => return Ok(found),
            }
        }
    }

    /// Looks at one inbox: its log, what finds its sealed events, its snapshots and their pages.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::check`].
    pub async fn check_inbox(&self, inbox: &StreamId) -> Result<Vec<Damage>, PostgresError> {
        let mut found: Vec<_> = self.check_log(inbox).await?.into_iter().collect();
        if found.is_empty() {
            found.extend(self.bounded(self.check_keys(inbox)).await?);
        }
        found.extend(self.bounded(self.check_snapshots(inbox, found.is_empty())).await?);
        Ok(found)
    }

    async fn check_log(&self, inbox: &StreamId) -> Result<Option<Damage>, PostgresError> {
        let mut cursor = LogCursor::default();
        let damage = |table, position, what: &str| {
            Ok(Some(Damage::Event { inbox: inbox.clone(), table, position, what: what.to_owned() }))
        };
        loop {
            let taken = match self.read(inbox, cursor.position(), CHUNK).await {
                Ok(page) => cursor.take_in(&page),
                Err(PostgresError::DamagedAt { table, position, what, .. }) => {
                    return damage(table, position, what);
                }
                Err(PostgresError::Damaged(what)) => {
                    return damage("chatfold_event", cursor.position() + 1, &what);
                }
                Err(error) => return Err(error),
            };
            match taken {
                Ok(true) => return Ok(None),
                Ok(false) => {}
                Err(DamagedLog { position }) => {
                    return damage("chatfold_event", position, "the event does not follow what is before it");
                }
            }
        }
    }

    /// The keys of all segments of a log, and the first position of each, the log being sound.
    async fn keys_of_segments(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
    ) -> Result<Vec<(u64, Vec<i64>)>, PostgresError> {
        let (mut all, mut at) = (Vec::new(), 0);
        loop {
            let heads = segments::heads_behind(session, inbox.key(), at, SOME as i64).await?;
            let Some(last) = heads.last() else { return Ok(all) };
            at = last.last.events;
            for head in heads {
                let events = segments::events_of(session, &self.decoded, inbox, &head).await?;
                all.push((head.first(), of_events(0, signed(head.last.events), &events)));
            }
        }
    }

    async fn check_keys(&self, inbox: &StreamId) -> Result<Option<Damage>, PostgresError> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        session.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let there = keys::all(session, inbox.key()).await?;
        let (mut missing, mut first) = (0, None);
        for (position, keys) in self.keys_of_segments(session, inbox).await? {
            let lacking = keys.iter().filter(|key| !there.contains(key)).count();
            if lacking > 0 {
                first.get_or_insert(position);
                missing += lacking;
            }
        }
        session.batch_execute("COMMIT").await?;
        taken.give_back();
        Ok(first.map(|position| Damage::Keys { inbox: inbox.clone(), position, missing }))
    }

    /// What is wrong with snapshots; whether they are of the log is looked at where that is sound.
    async fn check_snapshots(&self, inbox: &StreamId, is_sound: bool) -> Result<Vec<Damage>, PostgresError> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        session.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let mut found = Vec::new();
        for (position, kept) in pages::kept(session, inbox, u64::MAX).await? {
            let mut faults: BTreeMap<Fault, usize> = BTreeMap::new();
            match kept {
                Err(_) => drop(faults.insert(Fault::List, 0)),
                Ok(kept) => {
                    if is_sound && self.prefix_at(session, inbox, position).await? != Some(kept.prefix) {
                        found.push(Damage::Snapshot { inbox: inbox.clone(), position });
                    }
                    for named in kept.directory.pages() {
                        let read = pages::read(session, inbox.key(), std::slice::from_ref(named)).await?;
                        read.err().into_iter().for_each(|fault| *faults.entry(fault).or_default() += 1);
                    }
                }
            }
            found.extend(faults.into_iter().map(|(fault, pages)| {
                let table = if fault == Fault::List { LIST } else { PAGE };
                Damage::Page { inbox: inbox.clone(), table, position, pages, what: fault.what() }
            }));
        }
        let unnamed = pages::unnamed(session, inbox.key()).await?.len();
        if unnamed > 0 {
            found.push(Damage::Unnamed { inbox: inbox.clone(), pages: unnamed });
        }
        session.batch_execute("COMMIT").await?;
        taken.give_back();
        Ok(found)
    }

    /// Mends what follows from the log of an inbox, if that is sound: the keys of its sealed events are written anew where some
    /// are missing, snapshots that are not of this log or of which a page is damaged are dropped, and pages that no snapshot
    /// names are removed. Returns what was mended. Complexity: reads log and snapshots once.
    ///
    /// # Errors
    ///
    /// [`PostgresError::DamagedAt`] where the log itself is damaged, which nothing mends: take it from where it was copied to.
    /// Otherwise where the server cannot be reached, does not answer in time or refuses.
    pub async fn repair(&self, inbox: &StreamId) -> Result<Vec<Damage>, PostgresError> {
        let damage = self.check_inbox(inbox).await?;
        if let Some(Damage::Event { table, position, .. }) = damage.first() {
            let (table, position) = (*table, *position);
            let what = if table == SEGMENT { "the segment is damaged" } else { "the event is damaged" };
            return Err(segments::damaged(inbox, table, position, what));
        }
        if !damage.is_empty() {
            self.bounded(self.mend(inbox, &damage)).await?;
        }
        Ok(damage)
    }

    async fn mend(&self, inbox: &StreamId, damage: &[Damage]) -> Result<(), PostgresError> {
        // What seals or keeps snapshots meanwhile waits.
        let (taken, _) = self.begin(inbox).await?;
        let (session, owner) = (&taken.session()?, inbox.key());
        if damage.iter().any(|damage| matches!(damage, Damage::Keys { .. })) {
            let keys: Vec<_> = self.keys_of_segments(session, inbox).await?;
            let keys: Vec<_> = keys.into_iter().map(|(_, keys)| keys).collect();
            keys::write_anew(session, owner, &keys).await?;
        }
        let positions = damage.iter().filter_map(|damage| match damage {
            Damage::Snapshot { position, .. } | Damage::Page { position, .. } => Some(signed(*position)),
            _ => None,
        });
        let positions: Vec<_> = positions.collect();
        pages::drop_some(session, owner, &positions).await?;
        session.batch_execute("COMMIT").await?;
        taken.give_back();
        Ok(())
    }
}
