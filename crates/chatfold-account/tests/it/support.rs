//! Commands drawn from a seed, contexts without a clock, and what must hold of every log.

use chatfold::command::{ReadUpTo, Replaces, Role};
use chatfold::event::Mark;
use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::snapshot::{LogPrefix, SnapshotPolicy};
use chatfold::store::{MemoryStore, SnapshotStore, StoredEvent};
use chatfold::testing::Random;
use chatfold::{
    Command, Context, ConversationId, Event, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};
use chatfold_account::{Account, Options};

use crate::{model, shown};

pub(crate) fn alice() -> UserId {
    UserId::parse("alice").unwrap()
}

/// Snapshots often, so that they come into everything.
pub(crate) fn options() -> Options {
    let snapshots = SnapshotPolicy::default().with_every_events(Some(7));
    Options { snapshots, page_len: 5, ..Options::default() }
}

pub(crate) fn open(store: &MemoryStore) -> Account<MemoryStore> {
    Account::open(store.clone(), alice(), options()).unwrap()
}

/// The context of the n-th command of a writer: the seed is its own.
pub(crate) fn context(writer: u64, n: u64) -> Context {
    let mut random = Random::new(writer.wrapping_mul(0x1_0000_0001) ^ (n << 20));
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&random.next().to_be_bytes());
    seed[8..].copy_from_slice(&random.next().to_be_bytes());
    let time = Timestamp::from_millis(1_772_355_600_000 + n as i64).unwrap();
    Context::new(alice(), Role::Member, time, seed)
}

pub(crate) fn message_id(writer: u64, n: u64) -> MessageId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&writer.to_be_bytes());
    id[8..].copy_from_slice(&n.to_be_bytes());
    MessageId::from_bytes(id)
}

fn chat(n: u64) -> ConversationId {
    let name = if n.is_multiple_of(2) { format!("c2c_peer{n}") } else { format!("group_team{n}") };
    name.parse().unwrap()
}

/// The n-th command of a writer. Every third sends a message of its own, which nothing else can bring about.
pub(crate) fn command(writer: u64, n: u64) -> Command {
    let mut random = Random::new(writer ^ (n << 32));
    let conversation = chat(random.below(6));
    if n.is_multiple_of(3) {
        let message = Box::new(Message::text(message_id(writer, n), format!("{writer} says {n}")));
        return Command::Send { conversation, message };
    }
    let on = random.below(2) == 0;
    match random.below(5) {
        0 => Command::Pin { conversation, on },
        1 => Command::SetDraft { conversation, text: format!("draft {n}"), replaces: Replaces::Shown },
        2 => Command::Mark { conversations: vec![conversation], mark: Mark::STAR, on },
        3 => Command::MarkRead { conversation, up_to: ReadUpTo::Newest },
        _ => Command::Open { conversation, group_type: None },
    }
}

/// The whole log; its hashes verified, no id twice.
pub(crate) fn log<S: SnapshotStore>(account: &mut Account<S>) -> Vec<StoredEvent> {
    let events = account.events(0, usize::MAX).unwrap();
    let mut prefix = LogPrefix::EMPTY;
    let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
    for event in &events {
        assert!(event.follows(prefix), "the hash at {} fits", event.position());
        prefix = event.prefix;
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "no event is there twice");
    events
}

pub(crate) fn known(events: &[StoredEvent]) -> Vec<Event> {
    let known = |event: &StoredEvent| match decode_line(&event.bytes).unwrap() {
        LoggedEvent::Known(event) => Some(event),
        LoggedEvent::Skipped(_) => None,
    };
    events.iter().filter_map(known).collect()
}

/// An inbox is what its log says: by a replay, and by the reference model.
pub(crate) fn is_of(inbox: &Inbox, events: &[StoredEvent]) {
    let events = known(events);
    let replayed = Inbox::replay(alice(), Policy::default(), &events);
    assert_eq!(inbox.digest(), replayed.digest(), "the inbox is the fold of its log");
    let expected = model::shown(&alice(), Policy::default(), &events);
    let found = shown::shown(inbox, &shown::Names::of(&events));
    assert!(expected == found, "differs from the model:\n  {}", expected.differences(&found).join("\n  "));
}

/// Which messages of a writer the log has, in its order.
pub(crate) fn sent(events: &[StoredEvent], writer: u64) -> Vec<u64> {
    let number = |event: &Event| {
        let chatfold::event::Body::Conversation(_, chatfold::event::Fact::MessageQueued(message)) =
            event.body()
        else {
            return None;
        };
        let id = *message.id.as_bytes();
        let (by, n) = id.split_at(8);
        (by == writer.to_be_bytes()).then(|| u64::from_be_bytes(n.try_into().unwrap()))
    };
    known(events).iter().filter_map(number).collect()
}
