//! Trimming: events that a verified snapshot stands for are moved to an archive, and put back from it.

use std::fs;
use std::path::{Path, PathBuf};

use chatfold::binary::Log;
use chatfold::jsonl::{LoggedEvent, decode_line, encode_event};
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{
    Append, AppendError, EventStore, NewEvent, Received, RewriteError, SnapshotStore, StoredSnapshot,
};
use chatfold::testing::Workload;
use chatfold::{Inbox, Policy, Replay};
use chatfold_sqlite::{Damage, SqliteError, SqliteStore, Trimmed};

use crate::laws::{append, event, sealing};
use crate::segments::{command, count, execute};

/// A folder with a store that seals tens, of a log of a workload: batches of three, every second with a command.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    pub(crate) owner: StreamId,
    pub(crate) events: Vec<NewEvent>,
}

/// Lines of a workload as they are appended.
pub(crate) fn lines(workload: &Workload) -> Vec<NewEvent> {
    let line = |event: chatfold::Event| NewEvent::new(event.id(), encode_event(&event).into_bytes());
    workload.iter().map(line).collect()
}

/// Folds lines.
pub(crate) fn folded(owner: &StreamId, events: &[NewEvent]) -> Inbox {
    let mut replay = Replay::new(owner.account().unwrap().clone(), Policy::default());
    for event in events {
        if let Ok(LoggedEvent::Known(event)) = decode_line(&event.bytes) {
            replay.push(&event);
        }
    }
    replay.finish()
}

/// The snapshot of the first of some events.
pub(crate) fn snapshot(owner: &StreamId, events: &[NewEvent]) -> StoredSnapshot {
    let mut prefix = LogPrefix::EMPTY;
    events.iter().for_each(|event| prefix.push(&event.bytes));
    StoredSnapshot::new(prefix, folded(owner, events).snapshot(prefix).unwrap())
}

impl Desk {
    pub(crate) fn new(events: usize) -> Self {
        let workload = Workload::phone().with_events(events as u64);
        let folder = tempfile::tempdir().unwrap();
        Self { folder, owner: workload.owner().into(), events: lines(&workload) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("chat.db")
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.folder.path().join("alice.chatfold")
    }

    pub(crate) fn open(&self) -> SqliteStore {
        sealing(&self.path(), 10)
    }

    /// Appends the events up to some position.
    pub(crate) fn write(&self, store: &mut SqliteStore, through: usize) {
        let from = store.head(&self.owner).unwrap().prefix.events as usize;
        for (n, batch) in (from..).step_by(3).zip(self.events[from..through].chunks(3)) {
            let command = (n % 2 == 0).then(|| command(n as u32));
            store.append(&self.owner, &Append::new(n as u64, batch).with_command(command)).unwrap();
        }
    }

    pub(crate) fn save(&self, store: &mut SqliteStore, through: usize) {
        assert!(store.save(&self.owner, &snapshot(&self.owner, &self.events[..through])).unwrap());
    }

    /// A store with so many events and a snapshot of so many.
    fn with(events: usize, snapshot: usize) -> (Self, SqliteStore) {
        let desk = Self::new(events);
        let mut store = desk.open();
        desk.write(&mut store, events);
        desk.save(&mut store, snapshot);
        (desk, store)
    }

    fn trim(&self, store: &mut SqliteStore) -> Result<Trimmed, SqliteError> {
        store.trim(self.owner.account().unwrap(), u64::MAX, self.archive())
    }

    /// Whether the events behind a cut are all there, and those before it are told to be elsewhere.
    fn holds(&self, store: &mut SqliteStore, through: usize, end: usize) {
        let stored = store.read(&self.owner, through as u64, usize::MAX).unwrap();
        assert_eq!(stored.head.prefix.events, end as u64);
        let found: Vec<_> =
            stored.events.iter().map(|event| NewEvent::new(event.id, event.bytes.clone())).collect();
        assert_eq!(found, self.events[through..end]);
        for after in 0..through as u64 {
            self.is_trimmed(store.read(&self.owner, after, 1), through);
        }
        if through > 0 {
            self.is_trimmed(store.read_sealed(&self.owner, 0), through);
        }
        for (n, event) in self.events[..end].iter().enumerate() {
            match store.find(&self.owner, event.id) {
                Ok(found) => {
                    assert!(n >= through);
                    assert_eq!(found.unwrap().position(), n as u64 + 1);
                }
                Err(error) => self.is_trimmed::<()>(Err(error), through),
            }
        }
        assert_eq!(store.check().unwrap(), []);
    }

    fn is_trimmed<T: std::fmt::Debug>(&self, found: Result<T, SqliteError>, at: usize) {
        let error = found.unwrap_err();
        assert!(!error.is_damaged());
        match error {
            SqliteError::Trimmed { inbox, through, archive } => {
                assert_eq!((inbox, through), (self.owner.clone(), at as u64));
                assert_eq!(Path::new(&archive), self.archive());
            }
            other => panic!("{other}"),
        }
    }

    /// Whether doubles of everything are told, by id and by command.
    fn knows_doubles(&self, store: &mut SqliteStore, end: usize) {
        for (n, one) in self.events[..end].chunks(3).enumerate() {
            let first = n as u64 * 3 + 1;
            let again = store.append(&self.owner, &Append::new(end as u64, one)).unwrap();
            assert_eq!((again.repeated, again.first), (true, first));
            let more = [one, &[event(200, n as u32)]].concat();
            let known = store.append(&self.owner, &Append::new(end as u64, &more)).unwrap_err();
            assert!(matches!(&known, AppendError::Known { known } if known.len() == one.len()), "{known}");
            if n % 2 == 0 {
                let again = Append::new(0, one).with_command(Some(command(n as u32 * 3)));
                let appended = store.append(&self.owner, &again).unwrap();
                assert!(appended.repeated);
                assert_eq!((appended.first, appended.last), (first, first + one.len() as u64 - 1));
            }
        }
        let received = store.receive_many(std::slice::from_ref(&self.owner), &self.events[..end]).unwrap();
        assert_eq!(received, [Received::Known]);
    }
}

#[test]
fn what_is_trimmed_is_in_the_archive_and_known_here() {
    let (desk, mut store) = Desk::with(90, 57);
    let trimmed = desk.trim(&mut store).unwrap();
    assert_eq!((trimmed.events, trimmed.through, trimmed.base), (50, 50, 57));
    assert_eq!(count(&desk.path(), "chatfold_segment_bytes"), 4);
    for mut store in [store, desk.open()] {
        desk.holds(&mut store, 50, 90);
        desk.knows_doubles(&mut store, 90);
        assert_eq!(store.trimmed(&desk.owner).unwrap().unwrap().0.events, 50);
    }
    let bytes = fs::read(desk.archive()).unwrap();
    let log = Log::open_for(&bytes, desk.owner.account().unwrap()).unwrap();
    assert_eq!(log.verify().unwrap().events, 50);
    let ids = log.events().map(|event| match event.unwrap() {
        LoggedEvent::Known(event) => event.id(),
        LoggedEvent::Skipped(line) => line.id().unwrap(),
    });
    assert_eq!(ids.collect::<Vec<_>>(), desk.events[..50].iter().map(|event| event.id).collect::<Vec<_>>());
    assert_eq!(fs::read_dir(desk.folder.path()).unwrap().count(), 2, "the file and the archive");
}

#[test]
fn an_inbox_is_shown_from_the_snapshot_for_ever() {
    let (desk, mut store) = Desk::with(300, 57);
    desk.trim(&mut store).unwrap();
    let show = |store: &mut SqliteStore| {
        let found = store.latest(&desk.owner, u64::MAX).unwrap().unwrap();
        let (mut inbox, _) =
            Inbox::restore(found.bytes, desk.owner.account().unwrap(), Policy::default()).unwrap();
        for event in store.read(&desk.owner, found.prefix.events, usize::MAX).unwrap().events {
            if let LoggedEvent::Known(event) = decode_line(&event.bytes).unwrap() {
                inbox.apply(&event);
            }
        }
        assert_eq!(inbox.digest(), folded(&desk.owner, &desk.events).digest());
    };
    show(&mut store);
    let base = snapshot(&desk.owner, &desk.events[..57]);
    for newer in (60..300).step_by(40) {
        desk.save(&mut store, newer);
        show(&mut store);
        assert_eq!(
            store.latest(&desk.owner, 58).unwrap(),
            Some(base.clone()),
            "it stays beside the two newest"
        );
        assert_eq!(store.check().unwrap(), []);
    }
    assert_eq!(count(&desk.path(), "chatfold_kept_snapshot"), 3);
    // What stands for less can be kept no more, and the one that was verified has no other in its place.
    assert!(!store.save(&desk.owner, &snapshot(&desk.owner, &desk.events[..43])).unwrap());
    assert!(store.save(&desk.owner, &StoredSnapshot::new(base.prefix, vec![1; 5_000])).unwrap());
    assert_eq!(store.latest(&desk.owner, 58).unwrap(), Some(base));
    // Nor do rewriting and repairing take it away.
    match store.rewrite(&desk.owner, &[(57, b"-".to_vec())]) {
        Err(RewriteError::Store(SqliteError::Base { position: 57, .. })) => {}
        other => panic!("{other:?}"),
    }
    store.rewrite(&desk.owner, &[(58, desk.events[57].bytes.clone())]).unwrap();
    assert_eq!(count(&desk.path(), "chatfold_kept_snapshot"), 1);
    show(&mut store);
    assert_eq!(store.repair(&desk.owner).unwrap(), []);
    show(&mut store);
    store.erase(&desk.owner).unwrap();
    assert_eq!(store.check().unwrap(), []);
    for table in ["trimmed", "trimmed_ids", "segment", "kept_snapshot", "snapshot_page", "sealed"] {
        assert_eq!(count(&desk.path(), &format!("chatfold_{table}")), 0, "{table}");
    }
}

#[test]
fn trimming_goes_on_in_the_same_archive_and_comes_back_from_it() {
    let (desk, mut store) = Desk::with(60, 33);
    assert_eq!(desk.trim(&mut store).unwrap().through, 30);
    let again = desk.trim(&mut store).unwrap();
    assert_eq!((again.events, again.through, again.base), (0, 30, 33), "there is nothing more");
    let first = fs::read(desk.archive()).unwrap();
    desk.save(&mut store, 60);
    // To go on, what was trimmed before has to be there.
    let other = desk.folder.path().join("other.chatfold");
    let error = store.trim(desk.owner.account().unwrap(), u64::MAX, &other).unwrap_err();
    assert!(matches!(error, SqliteError::Archive { .. }), "{error}");
    let trimmed = desk.trim(&mut store).unwrap();
    assert_eq!((trimmed.events, trimmed.through, trimmed.base), (30, 60, 60));
    desk.holds(&mut store, 60, 60);
    desk.knows_doubles(&mut store, 60);
    append(&mut store, &desk.owner, &[event(9, 1)]);
    // The first archive ends too early to put all back.
    fs::write(&other, &first).unwrap();
    let error = store.restore_archive(desk.owner.account().unwrap(), &other).unwrap_err();
    assert!(matches!(&error, SqliteError::Archive { what, .. } if what.contains("position 31")), "{error}");
    assert_eq!(store.read(&desk.owner, 60, 9).unwrap().events.len(), 1, "nothing is half there");
    assert_eq!(store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap(), 60);
    assert_eq!(store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap(), 0);
    let found = store.read(&desk.owner, 0, usize::MAX).unwrap().events;
    let expected: Vec<_> = desk.events.iter().map(|event| event.id).chain([event(9, 1).id]).collect();
    assert_eq!(found.iter().map(|event| event.id).collect::<Vec<_>>(), expected);
    assert_eq!(store.check().unwrap(), []);
}

#[cfg(unix)]
#[test]
fn an_archive_has_the_mode_of_what_it_replaces_or_of_the_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let change = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let (desk, mut store) = Desk::with(60, 33);
    change(&desk.path(), 0o600);
    desk.trim(&mut store).unwrap();
    assert_eq!(mode(&desk.archive()), 0o600);
    change(&desk.archive(), 0o640);
    change(&desk.path(), 0o644);
    desk.save(&mut store, 60);
    desk.trim(&mut store).unwrap();
    assert_eq!(mode(&desk.archive()), 0o640);
}

#[test]
fn a_draft_that_another_writes_is_left_alone_and_one_that_nobody_writes_is_removed() {
    let (desk, mut store) = Desk::with(60, 33);
    let drafts = ["alice.chatfold.chatfold-draft", "alice.chatfold.chatfold-draft-0"];
    let drafts = drafts.map(|name| desk.folder.path().join(name));
    let held = drafts.each_ref().map(|path| {
        fs::write(path, "a draft").unwrap();
        let file = fs::File::open(path).unwrap();
        file.lock().unwrap();
        file
    });
    assert_eq!(desk.trim(&mut store).unwrap().through, 30);
    drafts.iter().for_each(|path| assert_eq!(fs::read(path).unwrap(), b"a draft"));
    drop(held);
    desk.save(&mut store, 60);
    assert_eq!(desk.trim(&mut store).unwrap().through, 60);
    let names = fs::read_dir(desk.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("draft")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap(), 60);
}

#[test]
fn of_two_who_trim_at_once_neither_loses_an_event() {
    for round in 0..8 {
        let (desk, mut store) = Desk::with(300, 200);
        desk.save(&mut store, 300);
        let trim = |through| {
            let mut store = desk.open();
            store.trim(desk.owner.account().unwrap(), through, desk.archive())
        };
        let trimmed = std::thread::scope(|scope| {
            let both = [200, u64::MAX].map(|through| scope.spawn(move || trim(through)));
            both.map(|thread| thread.join().unwrap())
        });
        assert!(trimmed.iter().any(Result::is_ok), "round {round}: {trimmed:?}");
        let restored = store.restore_archive(desk.owner.account().unwrap(), desk.archive());
        assert!(matches!(restored, Ok(200 | 300)), "round {round}: {restored:?} after {trimmed:?}");
        desk.holds(&mut store, 0, 300);
    }
}

#[test]
fn archives_of_others_are_neither_taken_nor_written_over() {
    let (desk, mut store) = Desk::with(60, 40);
    for bytes in [b"notes of somebody".to_vec(), fs::read(desk.path()).unwrap()] {
        fs::write(desk.archive(), &bytes).unwrap();
        let error = desk.trim(&mut store).unwrap_err();
        assert!(matches!(error, SqliteError::Archive { .. }), "{error}");
        assert_eq!(fs::read(desk.archive()).unwrap(), bytes);
        desk.holds(&mut store, 0, 60);
    }
    // The same owner's, of another log; and another owner's.
    for (other, name) in [(Desk::new(60), "alice"), (Desk::new(60), "bob")] {
        let owner = StreamId::from_key(name).unwrap();
        let mut elsewhere = other.open();
        let mut events = other.events.clone();
        events.swap(3, 4);
        append(&mut elsewhere, &owner, &events);
        assert!(elsewhere.save(&owner, &snapshot(&owner, &events)).unwrap());
        elsewhere.trim(owner.account().unwrap(), u64::MAX, other.archive()).unwrap();
        let bytes = fs::read(other.archive()).unwrap();
        fs::write(desk.archive(), &bytes).unwrap();
        let error = desk.trim(&mut store).unwrap_err();
        assert!(matches!(error, SqliteError::Archive { .. }), "{error}");
        assert_eq!(fs::read(desk.archive()).unwrap(), bytes);
        fs::remove_file(desk.archive()).unwrap();
        desk.trim(&mut store).unwrap();
        let error = store.restore_archive(desk.owner.account().unwrap(), other.archive()).unwrap_err();
        assert!(matches!(error, SqliteError::Archive { .. }), "{error}");
        desk.holds(&mut store, 40, 60);
        store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap();
    }
    // A damaged archive is told and changes nothing, wherever the damage is.
    desk.trim(&mut store).unwrap();
    let whole = fs::read(desk.archive()).unwrap();
    for at in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x21;
        fs::write(desk.archive(), &bytes).unwrap();
        let error = store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap_err();
        assert!(matches!(error, SqliteError::Archive { .. }), "byte {at}: {error}");
    }
    fs::write(desk.archive(), &whole).unwrap();
    desk.holds(&mut store, 40, 60);
    assert_eq!(store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap(), 40);
    desk.holds(&mut store, 0, 60);
}

#[test]
fn a_snapshot_that_is_not_what_the_events_say_moves_nothing() {
    let (desk, mut store) = Desk::with(60, 20);
    // One of other events, that says it stands for these.
    let prefix = snapshot(&desk.owner, &desk.events[..45]).prefix;
    let wrong = folded(&desk.owner, &desk.events[..41]).snapshot(prefix).unwrap();
    assert!(store.save(&desk.owner, &StoredSnapshot::new(prefix, wrong)).unwrap());
    for (through, position) in [(u64::MAX, 45), (45, 45)] {
        let error = store.trim(desk.owner.account().unwrap(), through, desk.archive()).unwrap_err();
        assert!(
            matches!(&error, SqliteError::Unverified { position: at, what, .. }
                if *at == position && what.contains("not what its events say")),
            "{error}"
        );
    }
    let error = store.trim(desk.owner.account().unwrap(), 19, desk.archive()).unwrap_err();
    assert!(matches!(error, SqliteError::Unverified { .. }), "no snapshot stands for so few: {error}");
    assert!(!desk.archive().exists());
    assert!(fs::read_dir(desk.folder.path()).unwrap().count() <= 3, "no draft is left");
    desk.holds(&mut store, 0, 60);
    assert_eq!(
        store.trim(desk.owner.account().unwrap(), 44, desk.archive()).unwrap().base,
        20,
        "an older one is sound"
    );
    // What a binary log cannot hold byte for byte stays.
    let desk = Desk::new(60);
    let mut store = desk.open();
    desk.write(&mut store, 30);
    append(&mut store, &desk.owner, &[event(3, 3)]);
    let mut events = desk.events[..30].to_vec();
    events.push(event(3, 3));
    append(&mut store, &desk.owner, &desk.events[30..45]);
    events.extend_from_slice(&desk.events[30..45]);
    assert!(store.save(&desk.owner, &snapshot(&desk.owner, &events)).unwrap());
    let error = desk.trim(&mut store).unwrap_err();
    assert!(matches!(&error, SqliteError::Archive { what, .. } if what.contains("position 31")), "{error}");
}

#[test]
fn damage_of_what_stands_for_trimmed_events_is_told_and_healed_from_the_archive() {
    for (sql, newer) in [
        ("UPDATE chatfold_snapshot_page SET bytes = zeroblob(length(bytes))", false),
        ("UPDATE chatfold_kept_snapshot SET checksum = zeroblob(16) WHERE position = 57", false),
        ("DELETE FROM chatfold_kept_snapshot WHERE position = 57", true),
        ("DELETE FROM chatfold_kept_snapshot WHERE position = 57", false),
    ] {
        let (desk, mut store) = Desk::with(90, 57);
        desk.trim(&mut store).unwrap();
        if newer {
            desk.save(&mut store, 80);
        }
        execute(&desk.path(), sql);
        let mut store = desk.open();
        let told = store.check().unwrap();
        let is_base = |damage: &Damage| {
            matches!(damage, Damage::Base { position: 57, through: 50, .. })
                && damage.to_string().contains("chatfold store unarchive")
        };
        assert!(told.iter().any(is_base), "{sql}: {told:?}");
        assert_eq!(store.check_inbox(&desk.owner).unwrap(), told, "{sql}");
        match store.latest(&desk.owner, u64::MAX) {
            Ok(found) => assert_eq!(found.map(|found| found.prefix.events), newer.then_some(80)),
            Err(error) => assert!(error.is_damaged(), "{error}"),
        }
        desk.is_trimmed(store.read(&desk.owner, 0, 10), 50);
        let error = store.repair(&desk.owner).unwrap_err();
        assert!(matches!(error, SqliteError::Base { position: 57, .. }), "{error}");
        assert_eq!(store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap(), 50);
        store.repair(&desk.owner).unwrap();
        desk.holds(&mut store, 0, 90);
        desk.knows_doubles(&mut store, 90);
    }
    // The ids that stayed here: told wherever they are needed, and by the check.
    for sql in [
        "UPDATE chatfold_trimmed_ids SET ids = zeroblob(length(ids)) WHERE segment = 2",
        "DELETE FROM chatfold_trimmed_ids WHERE segment = 2",
    ] {
        let (desk, mut store) = Desk::with(90, 57);
        desk.trim(&mut store).unwrap();
        execute(&desk.path(), sql);
        let told = [Damage::Event { inbox: desk.owner.clone(), position: 11 }];
        assert_eq!(store.check().unwrap(), told);
        assert_eq!(store.check_inbox(&desk.owner).unwrap(), told);
        let late = [desk.events[14].clone()];
        let refused = store.append(&desk.owner, &Append::new(90, &late)).unwrap_err();
        assert!(matches!(&refused, AppendError::Store(error) if error.is_damaged()), "{refused}");
        assert!(
            store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap_err().is_damaged()
        );
    }
    let (desk, mut store) = Desk::with(90, 57);
    desk.trim(&mut store).unwrap();
    for table in ["chatfold_sealed", "chatfold_sealed_new", "chatfold_sealed_newest"] {
        execute(&desk.path(), &format!("DELETE FROM {table} WHERE key & 0xfffffff = 2"));
    }
    let lost = store.check().unwrap();
    assert!(matches!(&lost[..], [Damage::Keys { position: 11, missing, .. }] if *missing >= 10), "{lost:?}");
    assert_eq!(store.check_inbox(&desk.owner).unwrap(), lost);
    assert_eq!(store.repair(&desk.owner).unwrap(), lost);
    desk.knows_doubles(&mut store, 90);
}
