//! Real histories, in whatever order: they lie outside the repository (see [`shared`]).

use std::io::BufReader;
use std::path::Path;

use chatfold::jsonl::{LoggedEvent, Reader};
use chatfold::{Event, Inbox, Policy, UserId};

use crate::histories::Rng;
use crate::oracles::shared;

fn read(path: &Path) -> (UserId, Vec<Event>) {
    let name = path.display();
    let file = std::fs::File::open(path).unwrap();
    let text = BufReader::new(zstd::Decoder::new(file).unwrap());
    let mut reader = Reader::new(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let owner = reader.owner().clone();
    let mut events = Vec::new();
    while let Some(record) = reader.next_record() {
        match record.unwrap_or_else(|error| panic!("{name}: {error}")).event {
            LoggedEvent::Known(event) => events.push(event),
            skipped => panic!("{name}: {skipped:?}"),
        }
    }
    (owner, events)
}

fn fold<'a>(owner: &UserId, events: impl IntoIterator<Item = &'a Event>) -> Inbox {
    Inbox::replay(owner.clone(), Policy::default(), events)
}

/// One log in several orders and splits: one digest, one list.
fn check(owner: &UserId, events: &[Event]) {
    let forward = fold(owner, events);
    assert_eq!(forward.audit(), Ok(()));
    assert!(forward.conversations().count() > 0);
    let summary = |inbox: &Inbox| -> Vec<_> {
        let rows = inbox.conversations();
        rows.map(|view| {
            (view.id().clone(), view.order_key(), view.unread_count(), view.last_message().map(|m| m.id()))
        })
        .collect()
    };
    let same = |what: &str, inbox: &Inbox| {
        assert_eq!(inbox.digest(), forward.digest(), "{what}");
        assert_eq!(summary(inbox), summary(&forward), "{what}");
        assert_eq!(inbox.totals(), forward.totals(), "{what}");
    };
    same("backwards", &fold(owner, events.iter().rev()));
    let mut shuffled: Vec<&Event> = events.iter().collect();
    let mut rng = Rng::new(7);
    rng.shuffle(&mut shuffled);
    same("shuffled", &fold(owner, shuffled.iter().copied()));
    let (head, tail) = events.split_at(events.len() / 3);
    let mut merged = fold(owner, tail);
    merged.merge(&fold(owner, head)).unwrap();
    same("cut and merged", &merged);
    let (one, two) = shuffled.split_at(shuffled.len() / 2);
    let mut merged = fold(owner, one.iter().copied());
    merged.merge(&fold(owner, two.iter().copied())).unwrap();
    same("split at random and merged", &merged);
    assert_eq!(merged.audit(), Ok(()));
    // The last events live, each telling what it changed.
    let (most, few) = events.split_at(events.len() - 500.min(events.len()));
    let mut live = fold(owner, most);
    for event in few {
        live.apply(event);
    }
    same("the end live", &live);
}

#[test]
fn real_histories_converge() {
    let Some(folder) = shared("real histories") else { return };
    let mut checked = 0;
    for entry in std::fs::read_dir(folder.join("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".jsonl.zst") {
            let (owner, events) = read(&path);
            check(&owner, &events);
            checked += 1;
        }
    }
    assert!(checked > 0, "no real histories in the folder");
}
