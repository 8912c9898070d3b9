//! Other systems' behaviour: scenarios restated from their test suites, held against the engine and the model.
//!
//! They lie outside the repository, in the folder that `CHATFOLD_SHARED` names; without it the test says that
//! it was skipped, or fails where `CHATFOLD_REQUIRE_SHARED` is 1.

use std::path::PathBuf;

use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::{ConversationId, Event, Inbox, MessageId, Policy, UserId};
use serde_json::Value;

use crate::harness::told;
use crate::model::{Shown, shown};
use crate::shown::{Names, shown as read};

/// The folder with `oracles/` and `data/`, or `None` after saying so.
#[allow(clippy::print_stderr)]
pub fn shared(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CHATFOLD_SHARED").map(PathBuf::from);
    if folder.is_none() {
        let required = std::env::var("CHATFOLD_REQUIRE_SHARED").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "CHATFOLD_REQUIRE_SHARED=1, but CHATFOLD_SHARED does not name the folder of {what}"
        );
        eprintln!("SKIPPED: {what}: CHATFOLD_SHARED does not name the folder that holds them");
    }
    folder
}

fn policy(names: &Value) -> Policy {
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for name in &names {
        assert!(["meeting_unread", "own_message_reads"].contains(name), "unknown policy {name}");
    }
    Policy {
        meeting_unread: names.contains(&"meeting_unread"),
        own_message_reads: names.contains(&"own_message_reads"),
    }
}

fn decode(event: &Value) -> Event {
    let line = serde_json::to_vec(event).unwrap();
    match decode_line(&line).unwrap_or_else(|error| panic!("{error}: {event}")) {
        LoggedEvent::Known(event) => event,
        skipped => panic!("{skipped:?}"),
    }
}

/// What `shown` has for one key of an expectation.
fn found(shown: &Shown, id: &ConversationId, key: &str, expected: &Value) -> Value {
    let row = shown.rows.get(id);
    match key {
        "unread" => row.map_or(0, |row| row.unread_count).into(),
        "mentions" => row.map_or(0, |row| row.mentions.len()).into(),
        "last" => row.and_then(|row| row.last.as_ref()).map(|line| line.id.to_string()).into(),
        "read" => {
            let messages = expected.as_object().unwrap().keys().map(|message| {
                let id: MessageId = message.parse().unwrap();
                let line = row.and_then(|row| row.history.iter().find(|line| line.id == id));
                (message.clone(), line.map(|line| line.read).into())
            });
            Value::Object(messages.collect())
        }
        _ => panic!("an expectation of {key}, which this test does not know"),
    }
}

/// Every expectation of one case that does not hold.
fn broken(case: &Value) -> Vec<String> {
    let owner = UserId::new(case["owner"].as_str().unwrap()).unwrap();
    let policy = policy(&case["policy"]);
    let events: Vec<Event> = case["events"].as_array().unwrap().iter().map(decode).collect();
    let names = Names::of(&events);
    let mut broken = Vec::new();
    for expect in case["expect"].as_array().unwrap() {
        let after = expect["after"].as_u64().unwrap() as usize;
        let (prefix, _) = events.split_at(after);
        let model = shown(&owner, policy, prefix);
        let replayed = read(&Inbox::replay(owner.clone(), policy, prefix), &names);
        let mut live = Inbox::new(owner.clone(), policy);
        for event in prefix {
            live.apply(event);
        }
        let live = read(&live, &names);
        for (id, expected) in expect["conversations"].as_object().unwrap() {
            let id: ConversationId = id.parse().unwrap();
            for (key, expected) in expected.as_object().unwrap() {
                for (who, shown) in [("model", &model), ("replay", &replayed), ("apply", &live)] {
                    let found = found(shown, &id, key, expected);
                    if found != *expected {
                        broken.push(format!(
                            "{who} after {after}: {id} {key}: expected {expected}, found {found}"
                        ));
                    }
                }
            }
        }
    }
    if !broken.is_empty() {
        broken
            .insert(0, format!("{} ({}, {}):\n{}", case["id"], case["source"], case["test"], told(&events)));
    }
    broken
}

#[test]
fn scenarios_of_other_systems() {
    let Some(folder) = shared("scenarios of other systems") else { return };
    let text = std::fs::read_to_string(folder.join("oracles").join("scenarios.json")).unwrap();
    let scenarios: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(scenarios["format"], "wire-scenarios/1");
    let cases = scenarios["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    let broken: Vec<String> = cases.iter().flat_map(broken).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
