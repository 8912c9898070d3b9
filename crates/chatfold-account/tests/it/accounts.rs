//! What an account does with conflicts, refusals, snapshots that do not verify, redaction and erasure.

use std::time::Duration;

use chatfold::foreign::{EventKey, META_FOREIGN, Network};
use chatfold::redact::Redaction;
use chatfold::shared::StreamId;
use chatfold::snapshot::{LogPrefix, SnapshotPolicy};
use chatfold::store::{Closed, EventStore, MemoryStore, SnapshotStore, StoredSnapshot};
use chatfold::{
    Command, ConversationId, Envelope, Event, EventId, Message, MessageId, Policy, Timestamp, UserId,
};
use chatfold_account::{Account, AccountError, Options, Report};
use chatfold_sqlite::SqliteStore;

use crate::support::{alice, command, context, is_of, log, message_id, open, options};

fn pin(n: u64, on: bool) -> Command {
    Command::Pin { conversation: format!("c2c_p{n}").parse().unwrap(), on }
}

fn send(n: u64, text: &str) -> Command {
    let message = Box::new(Message::text(message_id(1, n), text));
    Command::Send { conversation: format!("c2c_p{}", n % 5).parse().unwrap(), message }
}

/// An account that has carried out so many commands.
fn filled(store: &MemoryStore, commands: u64) -> Account<MemoryStore> {
    let mut account = open(store);
    for n in 0..commands {
        account.execute(command(3, n), context(3, n)).unwrap();
    }
    account
}

#[test]
fn a_conflict_is_decided_again_on_what_came() {
    let store = MemoryStore::new();
    let (mut phone, mut laptop) = (open(&store), open(&store));
    phone.execute(pin(1, true), context(1, 1)).unwrap();
    let executed = laptop.execute(pin(2, true), context(2, 1)).unwrap();
    assert_eq!(executed.positions, Some((2, 2)));
    let rows = executed.changes.set.conversations.len();
    assert_eq!((executed.changes.events, rows), (2, 2), "the other's and its own");
    let executed = laptop.execute(pin(1, true), context(2, 2)).unwrap();
    assert_eq!((executed.positions, executed.changes.events), (None, 0), "true already, by the other");
}

#[test]
fn no_and_nothing_are_said_on_the_newest_state_only() {
    let store = MemoryStore::new();
    let (mut phone, mut laptop) = (open(&store), open(&store));
    for n in 0..50 {
        phone.execute(pin(n, true), context(1, n)).unwrap();
    }
    let refused = phone.execute(pin(50, true), context(1, 50));
    assert!(matches!(refused, Err(AccountError::Rejected(_))), "{refused:?}");
    laptop.execute(pin(7, false), context(2, 1)).unwrap();
    // The phone has not heard of it, and would refuse; and it would have nothing to do about the other.
    assert!(phone.execute(pin(7, true), context(1, 52)).unwrap().positions.is_some());
    laptop.execute(pin(8, false), context(2, 2)).unwrap();
    assert!(phone.execute(pin(50, true), context(1, 51)).unwrap().positions.is_some());
}

#[test]
fn a_command_given_again_is_done_once() {
    let store = MemoryStore::new();
    let mut phone = open(&store);
    let draft = |text: &str| Command::SetDraft {
        conversation: "c2c_bob".parse().unwrap(),
        text: text.into(),
        replaces: chatfold::command::Replaces::Shown,
    };
    let first = phone.execute(draft("one"), context(1, 1)).unwrap();
    phone.execute(draft("two"), context(1, 2)).unwrap();
    let again = phone.execute(draft("one"), context(1, 1)).unwrap();
    assert_eq!((again.positions, again.repeated), (first.positions, true));
    assert!(again.events.is_empty() && again.changes.events == 0);
    // Also by another account that has yet to hear of it all.
    let mut cold = Account::open(store.clone(), alice(), Options::default()).unwrap();
    let again = cold.execute(draft("one"), context(1, 1)).unwrap();
    assert_eq!((again.positions, again.repeated), (first.positions, true));
    assert_eq!(log(&mut cold).len(), 2);
}

#[test]
fn snapshots_come_by_policy() {
    let store = MemoryStore::new();
    let mut account = filled(&store, 30);
    let newest = store
        .clone()
        .latest(&StreamId::from(alice()), u64::MAX)
        .unwrap()
        .expect("a snapshot is due every seven events");
    assert!(account.prefix().events - newest.prefix.events < 7);
    account.save().unwrap();
    let saved = store.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap().unwrap();
    assert_eq!(saved.prefix, account.prefix());
    assert_eq!(account.take_reports(), []);
    let never = Options { snapshots: SnapshotPolicy::default(), ..options() };
    let other = MemoryStore::new();
    let mut without = Account::open(other.clone(), alice(), never).unwrap();
    (0..30).for_each(|n| drop(without.execute(command(3, n), context(3, n)).unwrap()));
    assert_eq!(other.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap(), None);
    assert_eq!(without.inbox().digest(), account.inbox().digest());
}

#[test]
fn a_snapshot_that_does_not_verify_costs_a_replay_and_is_reported() {
    let store = MemoryStore::new();
    let mut account = filled(&store, 60);
    account.save().unwrap();
    let good = store.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap().unwrap();
    let events = log(&mut account);
    let digest = account.inbox().digest();
    let (mut reported, mut touched) = (0, 0);
    for at in (0..good.bytes.len()).step_by(11) {
        let mut bad = good.clone();
        bad.bytes[at] ^= 0x10;
        assert!(store.clone().save(&StreamId::from(alice()), &bad).unwrap(), "the store does not know");
        let mut account = open(&store);
        reported += usize::from(!account.take_reports().is_empty());
        // A corrupt history is found when it is touched: by commands, here.
        let mut beside = MemoryStore::new();
        beside.import(&StreamId::from(alice()), &events).unwrap();
        beside.save(&StreamId::from(alice()), &bad).unwrap();
        let mut account = Account::open(beside, alice(), options()).unwrap();
        for n in 0..12 {
            account.execute(command(3, 100 + n), context(3, 100 + n)).unwrap();
        }
        touched += usize::from(!account.take_reports().is_empty());
        if account.inbox().verify().is_err() {
            account.heal().unwrap();
        }
        let log = log(&mut account);
        is_of(account.inbox(), &log);
    }
    assert!(reported > 10 && touched > reported, "{reported} reported when opened, {touched} when touched");
    // With every snapshot of another account, of no account, of a policy of its own: the log is replayed.
    for bytes in [Vec::new(), b"nonsense".to_vec(), good.bytes[..good.bytes.len() / 2].to_vec()] {
        store.clone().save(&StreamId::from(alice()), &StoredSnapshot::new(good.prefix, bytes)).unwrap();
        let mut account = open(&store);
        assert_eq!(account.inbox().digest(), digest);
        assert!(matches!(account.take_reports()[..], [Report::Snapshot { .. }, ..]));
    }
    let policy = Policy::default().with_own_message_reads(true);
    let mut other = Account::open(store, alice(), Options { policy, ..options() }).unwrap();
    assert!(other.take_reports().iter().all(|report| matches!(report, Report::Snapshot { .. })));
    assert_eq!(other.inbox().policy(), policy);
}

#[test]
fn r99_a_corrupt_snapshot_stops_no_command_over_many_conversations() {
    let store = MemoryStore::new();
    let mut account = filled(&store, 60);
    account.save().unwrap();
    let good = store.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap().unwrap();
    let events = log(&mut account);
    let conversations: Vec<_> = account.inbox().conversations().map(|row| row.id().clone()).collect();
    let mut healed = 0;
    for at in (0..good.bytes.len()).step_by(11) {
        let mut bad = good.clone();
        bad.bytes[at] ^= 0x10;
        let mut beside = MemoryStore::new();
        beside.import(&StreamId::from(alice()), &events).unwrap();
        beside.save(&StreamId::from(alice()), &bad).unwrap();
        let mut account = Account::open(beside, alice(), options()).unwrap();
        let mark = Command::Mark {
            conversations: conversations.clone(),
            mark: chatfold::event::Mark::HIDE,
            on: true,
        };
        let executed = account.execute(mark, context(3, 1_000)).unwrap();
        assert_eq!(executed.refused, [], "byte {at}: the log is sound, so nothing is refused");
        assert_eq!(executed.events.len(), conversations.len(), "byte {at}");
        healed += usize::from(account.take_reports().iter().any(|r| matches!(r, Report::Corrupt { .. })));
        let log = log(&mut account);
        is_of(account.inbox(), &log);
    }
    assert!(healed > 0, "none was found corrupt");
}

#[test]
fn a_snapshot_of_another_log_is_not_believed() {
    let (store, other) = (MemoryStore::new(), MemoryStore::new());
    let (mut account, mut alien) = (filled(&store, 20), open(&other));
    (0..20).for_each(|n| drop(alien.execute(command(4, n), context(4, n)).unwrap()));
    alien.save().unwrap();
    let snapshot = other.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap().unwrap();
    // Under a position and hash of this log, which the store accepts.
    let bytes = snapshot.bytes;
    account.save().unwrap();
    store.clone().save(&StreamId::from(alice()), &StoredSnapshot::new(account.prefix(), bytes)).unwrap();
    let mut cold = open(&store);
    assert!(matches!(cold.take_reports()[..], [Report::AlienSnapshot { .. }]));
    assert_eq!(cold.inbox().digest(), account.inbox().digest());
}

/// Everything that alice wrote.
fn redaction() -> Redaction {
    let mut redaction = Redaction::default();
    redaction.choose_author(alice());
    redaction
}

#[test]
fn redaction_reaches_log_snapshots_and_caches() {
    let store = MemoryStore::new();
    let (mut phone, mut laptop) = (open(&store), open(&store));
    for n in 0..20 {
        phone.execute(send(n, "the secret"), context(1, n)).unwrap();
    }
    phone.save().unwrap();
    laptop.follow().unwrap();
    let holds = |bytes: &[u8]| bytes.windows(10).any(|window| window == b"the secret");
    let shows = |account: &Account<MemoryStore>| {
        let texts =
            account.inbox().conversations().filter_map(|row| row.last_message()?.text().map(str::to_owned));
        texts.collect::<Vec<_>>().contains(&"the secret".to_owned())
    };
    assert!(shows(&laptop));
    let changes = phone.redact(redaction()).unwrap();
    assert_eq!((changes.events, changes.reset), (20, true));
    assert!(!shows(&phone));
    assert!(!log(&mut phone).iter().any(|event| holds(&event.bytes)), "the log");
    if let Some(snapshot) = store.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap() {
        assert!(!holds(&snapshot.bytes), "snapshots");
    }
    // The laptop learns of it with the next thing it does, and cannot bring the old back.
    laptop.save().unwrap();
    assert!(matches!(laptop.take_reports()[..], [Report::NotSaved(_)]));
    let executed = laptop.execute(pin(1, true), context(2, 1)).unwrap();
    assert!(executed.changes.reset && !shows(&laptop), "caches");
    phone.follow().unwrap();
    assert_eq!(laptop.inbox().digest(), phone.inbox().digest());
    assert_eq!(phone.redact(redaction()).unwrap().events, 0, "there is nothing left to redact");
}

#[test]
fn one_message_is_redacted_and_nothing_else() {
    let store = MemoryStore::new();
    let (mut phone, mut laptop) = (filled(&store, 40), open(&store));
    for n in 0..10 {
        phone.execute(send(n, &format!("text {n}")), context(1, n)).unwrap();
    }
    // What the account has not heard of is taken in, too.
    laptop.execute(send(77, "the newest"), context(2, 1)).unwrap();
    let before = log(&mut phone);
    let mut redaction = Redaction::default();
    redaction.choose_message("c2c_p4".parse().unwrap(), message_id(1, 4));
    assert!(!redaction.needs_notes());
    let changes = phone.redact(redaction.clone()).unwrap();
    assert_eq!((changes.events, changes.reset), (1, true));
    let after = log(&mut phone);
    let others = before.iter().zip(&after).filter(|(before, after)| before.bytes != after.bytes);
    assert_eq!((before.len(), others.count()), (after.len(), 1));
    is_of(phone.inbox(), &after);
    assert_eq!(phone.prefix(), after.last().unwrap().prefix);
    laptop.follow().unwrap();
    assert_eq!(laptop.inbox().digest(), phone.inbox().digest());
    assert_eq!(open(&store).inbox().digest(), phone.inbox().digest());
    assert_eq!(phone.redact(redaction).unwrap(), Default::default(), "there is nothing left to redact");
}

#[test]
fn an_erased_account_is_erased_for_everyone() {
    let store = MemoryStore::new();
    let (mut phone, mut laptop) = (filled(&store, 20), open(&store));
    phone.save().unwrap();
    phone.erase().unwrap();
    assert_eq!(phone.inbox().conversations().count(), 0);
    assert_eq!(store.clone().head(&StreamId::from(alice())).unwrap().prefix, LogPrefix::EMPTY);
    assert_eq!(store.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap(), None);
    for account in [&mut phone, &mut laptop] {
        let refused = account.execute(pin(1, true), context(1, 900));
        assert!(matches!(refused, Err(AccountError::Closed(Closed::Erased))), "{refused:?}");
        let changes = account.follow();
        assert!(changes.is_ok() && account.inbox().conversations().count() == 0);
    }
    store.clone().reopen(&StreamId::from(alice())).unwrap();
    assert_eq!(laptop.execute(pin(1, true), context(1, 901)).unwrap().positions, Some((1, 1)));
}

#[test]
fn an_account_that_moved_says_where() {
    let store = MemoryStore::new();
    let mut phone = filled(&store, 5);
    store.clone().fence(&StreamId::from(alice()), "db7").unwrap();
    let refused = phone.execute(pin(1, true), context(1, 900));
    assert_eq!(refused.unwrap_err(), AccountError::Closed(Closed::Moved { to: "db7".into() }));
}

#[test]
fn a_log_put_back_from_a_backup_is_noticed() {
    let store = MemoryStore::new();
    let mut phone = filled(&store, 20);
    let backup = log(&mut phone)[..9].to_vec();
    store.clone().erase(&StreamId::from(alice())).unwrap();
    store.clone().reopen(&StreamId::from(alice())).unwrap();
    store.clone().import(&StreamId::from(alice()), &backup).unwrap();
    let executed = phone.execute(pin(77, true), context(1, 900)).unwrap();
    assert!(executed.changes.reset);
    assert_eq!(executed.positions, Some((10, 10)));
    assert!(matches!(phone.take_reports()[..], [Report::LogReplaced { .. }]));
    let log = log(&mut phone);
    is_of(phone.inbox(), &log);
}

#[test]
fn a_damaged_log_is_told_with_its_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let open = || SqliteStore::open(&path, &chatfold_sqlite::Options::default()).unwrap();
    let never = Options { snapshots: SnapshotPolicy::default(), ..options() };
    let mut account = Account::open(open(), alice(), never).unwrap();
    (0..20).for_each(|n| drop(account.execute(command(3, n), context(3, n)).unwrap()));
    drop(account);
    let damage = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute(sql, []).unwrap();
    damage(
        "UPDATE chatfold_event SET bytes = CAST(replace(CAST(bytes AS TEXT), 'alice', 'malik') AS BLOB) WHERE position = 11",
    );
    let error = Account::open(open(), alice(), never).unwrap_err();
    assert!(matches!(error, AccountError::Damaged { position: 11 }), "{error}");
    damage("DELETE FROM chatfold_event WHERE position = 8");
    let error = Account::open(open(), alice(), never).unwrap_err();
    assert!(matches!(error, AccountError::Damaged { position: 8 }), "{error}");
}

#[test]
fn waiting_ends_when_another_connection_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let open = || SqliteStore::open(&path, &chatfold_sqlite::Options::default()).unwrap();
    let mut phone = Account::open(open(), alice(), options()).unwrap();
    assert_eq!(phone.wait(Duration::from_millis(1)).unwrap().events, 0, "nobody writes");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut laptop = Account::open(open(), alice(), options()).unwrap();
            laptop.execute(pin(1, true), context(2, 1)).unwrap();
        });
        let changes = phone.wait(Duration::from_secs(600)).unwrap();
        assert_eq!((changes.events, changes.set.conversations.len()), (1, 1));
    });
}

/// An event of a server whose ids are no UUIDs.
fn from_server(network: &Network, foreign: &str, keeps: bool) -> (MessageId, Event) {
    let chat: ConversationId = "c2c_bob".parse().unwrap();
    let derived = network.message_id(foreign).unwrap();
    let id = EventKey::Introduced(foreign).id(network, Some(&chat));
    let mut envelope =
        Envelope::new(id, Timestamp::from_millis(1_000).unwrap(), UserId::parse("bob").unwrap());
    if let Some(foreign) = derived.keep.filter(|_| keeps) {
        envelope.meta.insert(META_FOREIGN.to_owned(), foreign.into());
    }
    let message = Message::text(derived.id, foreign);
    (derived.id, envelope.message_received(chat, message).unwrap())
}

/// The way back from a message to what its server calls it, in a store in memory and in a file.
fn way_back<S: SnapshotStore<Error: Send + Sync>>(store: S) {
    let network = Network::parse("matrix").unwrap();
    let mut account = Account::open(store, alice(), options()).unwrap();
    let chat: ConversationId = "c2c_bob".parse().unwrap();
    let uuid = "0194f1e2-0000-7000-8000-0000000000a1";
    let said: Vec<_> =
        ["$one", "7001", uuid, "$two"].map(|foreign| (foreign, from_server(&network, foreign, true))).into();
    account.receive(said.iter().map(|(_, (_, event))| event)).unwrap();
    for (foreign, (message, event)) in &said {
        assert_eq!(account.foreign_id(&chat, *message).unwrap().as_deref(), Some(*foreign));
        assert_eq!(account.find(event.id()).unwrap().as_ref(), Some(event));
    }
    let (message, event) = from_server(&network, "$three", false);
    assert_eq!(account.foreign_id(&chat, message).unwrap(), None, "it is not known");
    account.receive([&event]).unwrap();
    assert_eq!(account.foreign_id(&chat, message).unwrap(), None, "its writer kept nothing");
    assert_eq!(account.find(EventId::from_bytes([0; 16])).unwrap(), None);
}

#[test]
fn r112_from_a_message_back_to_the_servers_id() {
    way_back(MemoryStore::new());
    let folder = tempfile::tempdir().unwrap();
    way_back(SqliteStore::open(folder.path().join("chat.db"), &chatfold_sqlite::Options::default()).unwrap());
}

/// A store that was changed under its hashes: what is found is told as damage, not as an event.
#[test]
fn what_is_found_is_what_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let store = SqliteStore::open(&path, &chatfold_sqlite::Options::default()).unwrap();
    let network = Network::parse("matrix").unwrap();
    let mut account = Account::open(store, alice(), options()).unwrap();
    let events: Vec<_> = ["$one", "$two", "$three"].map(|id| from_server(&network, id, true).1).into();
    account.receive(&events).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    let sql = "UPDATE chatfold_event SET bytes = CAST(replace(CAST(bytes AS TEXT), '$two', '$six') AS BLOB) WHERE position = 2";
    assert_eq!(other.execute(sql, []).unwrap(), 1);
    assert_eq!(account.find(events[0].id()).unwrap().as_ref(), Some(&events[0]));
    let found = account.find(events[1].id());
    assert!(matches!(found, Err(AccountError::Damaged { position: 2 })), "{found:?}");
    // The hashes speak of the bytes alone: an id that names another event is held against what the event says.
    let id = EventId::from_bytes([9; 16]);
    let sql = "UPDATE chatfold_event SET id = ? WHERE position = 1";
    assert_eq!(other.execute(sql, [id.as_bytes()]).unwrap(), 1);
    let found = account.find(id);
    assert!(matches!(found, Err(AccountError::Damaged { position: 1 })), "{found:?}");
}
