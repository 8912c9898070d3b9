//! Moving the older events of a log to an archive, and putting them back.

use std::path::{Path, PathBuf};

use chatfold::UserId;
use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::shared::StreamId;
use chatfold::snapshot::{LogPrefix, SnapshotInfo};
use chatfold::store::{StoredEvent, Trim, Trimmed};
use chatfold::{Inbox, Replay};
use chatfold_layout::segment::{self, Lines};

use crate::archive::{Archived, Draft, failed};
use crate::heads::{SEGMENT, SegmentHead};
use crate::log::Log;
use crate::schema::{Snapshots, begin};
use crate::trimmed::{self, Cut, Ids, Written};
use crate::{SqliteError, SqliteStore, pages, rows};

/// How many rows are held at once.
const CHUNK: usize = 1_000;

/// What is to be moved, as of one moment.
struct Plan {
    /// Where the log was cut before.
    before: Option<Cut>,
    /// What the snapshot stands for, and its bytes.
    base: LogPrefix,
    snapshot: Vec<u8>,
    /// The segments that are moved.
    segments: Vec<SegmentHead>,
}

impl Plan {
    fn cut_before(&self) -> LogPrefix {
        self.before.as_ref().map_or(LogPrefix::EMPTY, |cut| cut.prefix)
    }

    fn cut_after(&self) -> LogPrefix {
        self.segments.last().map_or(self.cut_before(), |segment| segment.last)
    }
}

/// A replay of the log beside the archive that is written.
struct Course {
    replay: Replay,
    draft: Draft,
    /// The log up to what was taken in.
    prefix: LogPrefix,
}

impl SqliteStore {
    /// Moves the sealed events that a snapshot stands for to an archive: a binary log in a file of its own, which any
    /// command that reads logs reads. They leave the store once the archive is on the disk under its name and was read
    /// back; what stays is the snapshot, the ids and commands (about 16 bytes an event), by which doubles are told as
    /// before, and the hashes between which each segment stood.
    ///
    /// The snapshot is the newest that stands for no more than `through` events. It is restored, verified and its digest
    /// held against a replay of all events that it stands for, those in the archive too; it is then never removed, in
    /// whatever way, before the events are [put back](Self::restore_archive). An archive is one file of the whole log up to
    /// where that was cut: to trim further, name the same file (or a copy). A file that holds anything but the beginning
    /// of this log is not written over. A new one has the mode of the one that it replaces, else of the store's file as far
    /// as the user's mask leaves it; while it is written it lies beside, named `NAME.chatfold-draft-N`.
    ///
    /// From then on what asks for events up to there is answered with [`SqliteError::Trimmed`], and rewriting events that
    /// the snapshot stands for is refused. An inbox is shown from the snapshot; where it cannot be used (another policy, a
    /// version of this library that does not read snapshots of this one), the events are to be put back first. Erasing
    /// forgets the archive and does not remove its file.
    ///
    /// A process that ends in the middle leaves the log whole, with or without an archive beside it.
    ///
    /// Complexity: replays the log up to the snapshot and writes the archive anew; the file is held for writing for as
    /// long as it takes to remove the segments.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Unverified`] if there is no such snapshot, or it is not what the events say;
    /// [`SqliteError::Archive`] if the archive cannot be written, does not hold what was trimmed before, or an event is
    /// not a line as this library writes it, which a binary log cannot hold byte for byte. Nothing was moved then.
    pub fn trim(
        &mut self,
        owner: &UserId,
        through: u64,
        archive: impl AsRef<Path>,
    ) -> Result<Trimmed, SqliteError> {
        let (archive, inbox) = (archive.as_ref(), &StreamId::from(owner));
        let plan = self.plan_trimming(inbox, through)?;
        let base = plan.before.as_ref().map_or(0, |cut| cut.base.events);
        if plan.segments.is_empty() {
            return Ok(Trimmed::new(0, plan.cut_before().events, base));
        }
        let (ids, draft) = self.write_archive(owner, &plan, archive)?;
        let cut = Cut { prefix: plan.cut_after(), base: plan.base, archive: archive.display().to_string() };
        self.cut(inbox, &plan, &cut, &ids, draft)?;
        let events = cut.prefix.events - plan.cut_before().events;
        Ok(Trimmed::new(events, cut.prefix.events, cut.base.events))
    }

    /// Returns the last position of the events that are in an archive and not in the store any more, and where that was
    /// when they were moved; `None` if the log was never trimmed.
    ///
    /// # Errors
    ///
    /// If the file is damaged or cannot be read.
    pub fn trimmed(&self, inbox: &StreamId) -> Result<Option<(LogPrefix, String)>, SqliteError> {
        let moment = self.connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(None) };
        Ok(trimmed::cut(&moment, number)?.map(|cut| (cut.prefix, cut.archive)))
    }

    fn plan_trimming(&mut self, inbox: &StreamId, through: u64) -> Result<Plan, SqliteError> {
        if self.options.read_only || self.snapshots == Snapshots::Whole {
            return Err(SqliteError::read_only());
        }
        let moment = self.connection.unchecked_transaction()?;
        let unverified = |what: &str| SqliteError::Unverified {
            inbox: inbox.clone(),
            position: through,
            what: what.into(),
        };
        let found = Log::find_inbox(&moment, &mut self.cache, inbox)?;
        let Some((log, _)) = found else { return Err(unverified("nobody wrote such an inbox")) };
        let before = trimmed::cut(&moment, log.number)?;
        let kept = pages::kept(&moment, inbox, log.number, through)?;
        let mut whole = None;
        for (prefix, directory) in kept.into_iter().filter_map(|kept| kept.list) {
            if let Ok(bytes) = pages::whole(&moment, log.number, &directory)? {
                whole = Some((prefix, bytes));
                break;
            }
        }
        let (base, snapshot) = whole.ok_or_else(|| unverified("there is no snapshot of it"))?;
        let mut plan = Plan { before, base, snapshot, segments: Vec::new() };
        while let Some(head) = log.sealed_behind(plan.cut_after().events)? {
            if head.before != plan.cut_after() {
                return Err(log.damaged(SEGMENT, head.before.events + 1, "a segment is missing"));
            }
            if head.last.events > base.events {
                break;
            }
            plan.segments.push(head);
        }
        Ok(plan)
    }

    /// Writes the archive, which has no name yet, and holds the snapshot against the events. Returns the ids of each segment
    /// that is moved, and the archive.
    fn write_archive(
        &mut self,
        owner: &UserId,
        plan: &Plan,
        archive: &Path,
    ) -> Result<(Vec<Written>, Draft), SqliteError> {
        let inbox = &StreamId::from(owner);
        let unverified =
            |what: String| SqliteError::Unverified { inbox: inbox.clone(), position: plan.base.events, what };
        let info = SnapshotInfo::read(&plan.snapshot).map_err(|error| unverified(error.to_string()))?;
        let restored = Inbox::restore(plan.snapshot.clone(), owner, info.policy);
        let (restored, _) = restored.map_err(|error| unverified(error.to_string()))?;
        restored.verify().map_err(|fault| unverified(fault.to_string()))?;
        let may_replace = self.may_replace(owner, plan, archive)?;
        let store = self.connection.path().filter(|path| !path.is_empty()).map(Path::new);
        let draft = Draft::begin(archive, owner, store)?;
        let replay = Replay::new(owner.clone(), info.policy);
        let mut course = Course { replay, draft, prefix: LogPrefix::EMPTY };
        if let Some(mut archived) = may_replace {
            course.take_archived(&mut archived, plan.cut_before(), archive)?;
        }
        let ids = self.take_segments(inbox, plan, &mut course, archive)?;
        let Course { replay, mut draft, prefix } = self.take_rows_behind(inbox, plan, course)?;
        let changed = || unverified("the log was changed meanwhile".to_owned());
        if prefix != plan.base {
            return Err(changed());
        }
        if replay.finish().digest() != restored.digest() {
            return Err(unverified("it is not what its events say".to_owned()));
        }
        draft.verify(owner, plan.cut_after())?;
        Ok((ids, draft))
    }

    /// The archive that is there, if events of it are to be in the new one. One that holds anything but the beginning of
    /// this log is not to be written over.
    fn may_replace(
        &mut self,
        owner: &UserId,
        plan: &Plan,
        archive: &Path,
    ) -> Result<Option<Archived>, SqliteError> {
        if plan.before.is_some() {
            return Archived::open(archive, owner).map(Some);
        }
        if !archive.try_exists().map_err(|error| failed(archive, error.to_string()))? {
            return Ok(None);
        }
        let end = Archived::open(archive, owner)?.skip_to(u64::MAX)?;
        let moment = self.connection.unchecked_transaction()?;
        let inbox = StreamId::from(owner);
        let found = Log::find_inbox(&moment, &mut self.cache, &inbox)?;
        let same = match found {
            Some((mut log, _)) => log.prefix_at(end.events)? == Some(end),
            None => false,
        };
        if same {
            Ok(None)
        } else {
            Err(failed(
                archive,
                format!("it is there already, and is not the beginning of the log of {owner}"),
            ))
        }
    }

    /// Takes in the segments that are moved, and returns their ids.
    fn take_segments(
        &mut self,
        inbox: &StreamId,
        plan: &Plan,
        course: &mut Course,
        archive: &Path,
    ) -> Result<Vec<Written>, SqliteError> {
        let mut ids = Vec::new();
        for head in &plan.segments {
            let moment = self.connection.unchecked_transaction()?;
            let Some((mut log, _)) = Log::find_inbox(&moment, &mut self.cache, inbox)? else { break };
            let events = log.events_of(head)?;
            for event in events.iter() {
                let logged = segment::in_columns(event, Lines::Compared).ok_or_else(|| {
                    let position = event.position();
                    let what =
                        "is no line as this library writes it, which an archive cannot hold byte for byte";
                    failed(archive, format!("the event of {inbox:#} at position {position} {what}"))
                })?;
                course.draft.write(&logged)?;
                course.take(&logged);
            }
            course.prefix = head.last;
            let bytes = Ids::of_events(&events).encode();
            let checksum = segment::checksum(inbox, head.before, head.last, &bytes);
            ids.push((bytes, checksum));
        }
        Ok(ids)
    }

    /// Takes in the events between the last segment that is moved and what the snapshot stands for.
    fn take_rows_behind(
        &mut self,
        inbox: &StreamId,
        plan: &Plan,
        mut course: Course,
    ) -> Result<Course, SqliteError> {
        while course.prefix.events < plan.base.events {
            let missing = usize::try_from(plan.base.events - course.prefix.events).unwrap_or(usize::MAX);
            let page =
                chatfold::store::EventStore::read(self, inbox, course.prefix.events, missing.min(CHUNK))?;
            if page.events.is_empty() {
                break;
            }
            for event in &page.events {
                if !event.follows(course.prefix) {
                    let what = "the event does not follow what is before it";
                    let position = event.position();
                    let inbox = inbox.clone();
                    return Err(SqliteError::DamagedAt { inbox, table: "chatfold_event", position, what });
                }
                course.prefix = event.prefix;
                if let Ok(logged) = decode_line(&event.bytes) {
                    course.take(&logged);
                }
            }
        }
        Ok(course)
    }

    /// Gives the archive its name and removes the events that are in it, if the log is still the one that was archived.
    ///
    /// The name is given within the transaction that removes them: of two who trim the same log at once, the one that
    /// comes second finds it changed, and must not replace the archive of the first by one of fewer events.
    fn cut(
        &mut self,
        inbox: &StreamId,
        plan: &Plan,
        cut: &Cut,
        ids: &[Written],
        draft: Draft,
    ) -> Result<(), SqliteError> {
        let changed = || SqliteError::Unverified {
            inbox: inbox.clone(),
            position: plan.base.events,
            what: "the log or the snapshot was changed meanwhile".to_owned(),
        };
        let transaction = begin(&mut self.connection)?;
        let found = Log::find_inbox(&transaction, &mut self.cache, inbox)?;
        let (mut log, _) = found.ok_or_else(changed)?;
        let kept = pages::kept(&transaction, inbox, log.number, u64::MAX)?;
        let base_is_kept = |kept: &pages::Kept| kept.list.as_ref().is_some_and(|(at, _)| *at == plan.base);
        let same = trimmed::cut(&transaction, log.number)? == plan.before
            && log.prefix_at(plan.base.events)? == Some(plan.base)
            && kept.iter().any(base_is_kept);
        if !same {
            return Err(changed());
        }
        let sql = "DELETE FROM chatfold_segment_bytes WHERE segment = ?";
        for (head, ids) in plan.segments.iter().zip(ids) {
            if log.sealed_behind(head.before.events)? != Some(*head) {
                return Err(changed());
            }
            trimmed::set_ids(&transaction, head.number, ids)?;
            transaction.prepare_cached(sql)?.execute([head.number])?;
        }
        trimmed::set_cut(&transaction, log.number, cut)?;
        // What a snapshot lacks that stands for less is nowhere here any more.
        let before: Vec<_> = kept
            .iter()
            .map(|kept| kept.position)
            .filter(|at| *at < rows::signed(cut.prefix.events))
            .collect();
        if !before.is_empty() {
            pages::drop_some(&transaction, (inbox, log.number), &before)?;
        }
        draft.keep()?;
        transaction.commit()?;
        self.cache.clear();
        Ok(())
    }

    /// Puts the events that were moved to an archive back into the store: each is held against its id and the hashes
    /// between which its segment stood, all or none. The archive may hold more, and its file stays. Returns how many were
    /// put back.
    ///
    /// Complexity: reads the archive once, and writes each segment anew.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Archive`] if the archive cannot be read, is another's, ends too early or holds other events;
    /// [`SqliteError::DamagedAt`] if the ids that stayed here are damaged. Nothing was put back then.
    pub fn restore_archive(&mut self, owner: &UserId, archive: impl AsRef<Path>) -> Result<u64, SqliteError> {
        let archive = archive.as_ref();
        if self.options.read_only || self.snapshots == Snapshots::Whole {
            return Err(SqliteError::read_only());
        }
        let transaction = begin(&mut self.connection)?;
        let inbox = &StreamId::from(owner);
        let Some((log, _)) = Log::find_inbox(&transaction, &mut self.cache, inbox)? else { return Ok(0) };
        let Some(cut) = trimmed::cut(&transaction, log.number)? else { return Ok(0) };
        let mut archived = Archived::open(archive, owner)?;
        while archived.prefix.events < cut.prefix.events {
            let next = log.sealed_behind(archived.prefix.events)?;
            let next = next.filter(|head| head.before == archived.prefix);
            let head = next.ok_or_else(|| {
                let position = archived.prefix.events + 1;
                log.damaged(SEGMENT, position, "a segment is missing, or does not follow what is before it")
            })?;
            log.put_back(&head, &mut archived, archive)?;
        }
        trimmed::clear(&transaction, log.number)?;
        transaction.commit()?;
        self.cache.clear();
        Ok(cut.prefix.events)
    }
}

impl Trim for SqliteStore {
    type Archive = PathBuf;

    fn trim(&mut self, owner: &UserId, through: u64, archive: &PathBuf) -> Result<Trimmed, SqliteError> {
        Self::trim(self, owner, through, archive)
    }

    fn trimmed_prefix(&mut self, owner: &UserId) -> Result<LogPrefix, SqliteError> {
        Ok(self.trimmed(&StreamId::from(owner))?.map_or(LogPrefix::EMPTY, |(prefix, _)| prefix))
    }

    fn restore_archive(&mut self, owner: &UserId, archive: &PathBuf) -> Result<u64, SqliteError> {
        Self::restore_archive(self, owner, archive)
    }
}

impl Course {
    fn take(&mut self, logged: &LoggedEvent) {
        if let LoggedEvent::Known(event) = logged {
            self.replay.push(event);
        }
    }

    /// Takes in the events that were trimmed before.
    fn take_archived(
        &mut self,
        archived: &mut Archived,
        through: LogPrefix,
        archive: &Path,
    ) -> Result<(), SqliteError> {
        while archived.prefix.events < through.events {
            let Some((_, _, logged)) = archived.next()? else { break };
            self.draft.write(&logged)?;
            self.take(&logged);
        }
        if archived.prefix != through {
            let through = through.events;
            let what =
                format!("it does not hold the events through position {through} that were trimmed before");
            return Err(failed(archive, what));
        }
        self.prefix = through;
        Ok(())
    }
}

impl Log<'_> {
    /// Puts the events of a segment back, the next ones of the archive.
    fn put_back(
        &self,
        head: &SegmentHead,
        archived: &mut Archived,
        archive: &Path,
    ) -> Result<(), SqliteError> {
        let ids = self.trimmed_ids(head)?;
        let mut events = Vec::with_capacity(ids.len());
        for (index, expected) in (0..).zip(ids.ids()) {
            let position = archived.prefix.events + 1;
            let (id, line, _) = archived.next()?.ok_or_else(|| {
                failed(archive, format!("it ends before position {position}, which was trimmed"))
            })?;
            if id != expected {
                return Err(failed(
                    archive,
                    format!("its event at position {position} is not the one that was trimmed"),
                ));
            }
            events.push(StoredEvent::new(id, ids.command_at(index), archived.prefix, line));
        }
        let first = head.before.events + 1;
        if archived.prefix != head.last {
            let last = head.last.events;
            let what =
                format!("its events at the positions {first} to {last} are not those that were trimmed");
            return Err(failed(archive, what));
        }
        let bytes = segment::encoded(self.owner, head.before, &events);
        let bytes =
            bytes.ok_or_else(|| self.damaged(SEGMENT, first, "what was sealed cannot be read back"))?;
        let sql = "INSERT OR REPLACE INTO chatfold_segment_bytes (segment, bytes) VALUES (?, ?)";
        self.connection.prepare_cached(sql)?.execute(rusqlite::params![head.number, bytes])?;
        self.replace_segment(head, (head.before, head.last), (&bytes, false))
    }
}
