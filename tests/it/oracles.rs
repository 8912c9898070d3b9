//! Other systems' behaviour: scenarios restated from their test suites, held against the engine and the model.
//!
//! They lie outside the repository, in the folder that `CHATFOLD_SHARED` names; without it the test says that
//! it was skipped, or fails where `CHATFOLD_REQUIRE_SHARED` is 1.

use std::path::PathBuf;

use chatfold::event::{Membership, ReceiveOption};
use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::{ConversationId, Event, Inbox, MessageId, Policy, UserId};
use serde_json::Value;

use crate::harness::told;
use crate::model::{Row, Shown, shown};
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
    Policy::default()
        .with_meeting_unread(names.contains(&"meeting_unread"))
        .with_own_message_reads(names.contains(&"own_message_reads"))
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

/// A log and whose it is.
struct Case {
    owner: UserId,
    policy: Policy,
    events: Vec<Event>,
}

impl Case {
    fn of(case: &Value) -> Self {
        Self {
            owner: UserId::parse(case["owner"].as_str().unwrap()).unwrap(),
            policy: policy(&case["policy"]),
            events: case["events"].as_array().unwrap().iter().map(decode).collect(),
        }
    }

    /// What shows after the first `after` events, or all: by the model, in bulk and one by one.
    fn shown_after(&self, after: Option<usize>) -> [(&'static str, Shown); 3] {
        let (prefix, _) = self.events.split_at(after.unwrap_or(self.events.len()));
        let names = Names::of(&self.events);
        let mut live = Inbox::new(self.owner.clone(), self.policy);
        for event in prefix {
            live.apply(event);
        }
        let replayed = Inbox::replay(self.owner.clone(), self.policy, prefix);
        [
            ("model", shown(&self.owner, self.policy, prefix)),
            ("replay", read(&replayed, &names)),
            ("apply", read(&live, &names)),
        ]
    }
}

/// Every expectation of one case that does not hold.
fn broken(case: &Value) -> Vec<String> {
    let log = Case::of(case);
    let mut broken = Vec::new();
    for expect in case["expect"].as_array().unwrap() {
        let after = expect["after"].as_u64().unwrap() as usize;
        let all_shown = log.shown_after(Some(after));
        for (id, expected) in expect["conversations"].as_object().unwrap() {
            let id: ConversationId = id.parse().unwrap();
            for (key, expected) in expected.as_object().unwrap() {
                for (who, shown) in &all_shown {
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
        broken.insert(
            0,
            format!("{} ({}, {}):\n{}", case["id"], case["source"], case["test"], told(&log.events)),
        );
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

/// What `shown` has for one attribute of a situation: of a conversation, or of the list.
fn attribute(shown: &Shown, id: Option<&ConversationId>, key: &str) -> Value {
    let row = id.and_then(|id| shown.rows.get(id));
    let last = row.and_then(|row| row.last.as_ref());
    let draft = row.and_then(|row| row.draft.as_ref());
    let rows = || shown.list.iter().map(|id| &shown.rows[id]);
    match key {
        "listed" => row.is_some_and(|row| row.listed).into(),
        "unreadCount" => row.map_or(0, |row| row.unread_count).into(),
        "mentions" => row.map_or(0, |row| row.mentions.len()).into(),
        "last" => last.map(|line| line.id.to_string()).into(),
        "lastText" => last.and_then(|line| line.text.clone()).into(),
        "lastStatus" => last.map(|line| line.status).into(),
        "lastPeerRead" => last.map(|line| line.peer_read).into(),
        "draftText" => draft.map(|(_, text, _)| text.clone()).into(),
        "draftTimestamp" => draft.map_or(0, |(stamp, ..)| stamp.at.as_secs()).into(),
        "recvOpt" => row.map_or(0, |row| row.receive_option as u8).into(),
        "showName" => row.map(|row| row.show_name.clone()).into(),
        "badge" => {
            let [of_all, ..] = shown.badges;
            assert_eq!(shown.rows.len(), 1, "the badge is that of the one conversation there is");
            of_all.into()
        }
        "archived" => row.is_some_and(|row| row.archived).into(),
        "membership" => row.and_then(|row| row.membership).map(Membership::as_str).into(),
        "order" => shown.list.iter().map(ToString::to_string).collect::<Vec<_>>().into(),
        "totalUnreadCount" => shown.unread.into(),
        "totalUnreadCountAll" => shown.unread_all.into(),
        "sumIsTotal" => {
            let sum = |all: bool| -> u64 {
                let notifying = |row: &&Row| all || row.receive_option == ReceiveOption::Receive;
                rows().filter(notifying).map(|row| row.unread_count).sum()
            };
            ((sum(false), sum(true)) == (shown.unread, shown.unread_all)).into()
        }
        _ => panic!("an expectation of {key}, which this test does not know"),
    }
}

/// Every expectation of one reported situation that does not hold.
fn misreported(case: &Value) -> Vec<String> {
    let log = Case::of(case);
    let mut broken = Vec::new();
    for expect in case["expect"].as_array().unwrap() {
        let after = expect["after"].as_u64().map(|after| after as usize);
        let id = expect["conversation"].as_str().map(|id| id.parse::<ConversationId>().unwrap());
        for (who, shown) in log.shown_after(after) {
            for (key, expected) in expect["expect"].as_object().unwrap() {
                let found = attribute(&shown, id.as_ref(), key);
                if found != *expected {
                    broken.push(format!(
                        "{who} after {after:?}: {id:?} {key}: expected {expected}, found {found}"
                    ));
                }
            }
        }
    }
    if !broken.is_empty() {
        broken.insert(0, format!("{} ({}):\n{}", case["id"], case["source"], told(&log.events)));
    }
    broken
}

#[test]
fn situations_of_public_reports() {
    let Some(folder) = shared("situations of public reports") else { return };
    let text = std::fs::read_to_string(folder.join("oracles").join("reports.json")).unwrap();
    let reports: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(reports["format"], "report-scenarios/1");
    let cases = reports["cases"].as_array().unwrap();
    assert!(cases.len() >= 42, "{} situations", cases.len());
    let broken: Vec<String> = cases.iter().flat_map(misreported).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
