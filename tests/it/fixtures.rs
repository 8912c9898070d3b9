//! The logs in `fixtures/` and the inbox that each makes, as JSON kept beside it.
//!
//! What is expected was written by the reference model, not by the engine (`fixtures/view.rs`). Files once there
//! are never changed; a log that has no JSON yet gets one when `CHATFOLD_BLESS=1`.

mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chatfold::jsonl::{LoggedEvent, Reader, Writer};
use chatfold::{Event, Filter, Inbox, Policy, UserId, v2tim};
use serde_json::Value;

use crate::histories::Rng;
use crate::model;

pub fn root_of_fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The fixtures of the first version of the text log.
fn folder() -> PathBuf {
    root_of_fixtures().join("logs").join("v1")
}

/// The names of the files with this extension, without it.
fn names(extension: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|found| found == extension));
    files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn read(name: &str, extension: &str) -> String {
    let path = folder().join(name).with_extension(extension);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A log and the JSON beside it.
pub struct Fixture {
    pub name: String,
    pub owner: UserId,
    /// In the order of the log.
    pub events: Vec<Event>,
    pub skipped: u64,
    expected: Value,
}

impl Fixture {
    fn read(name: &str) -> Self {
        let text = read(name, "jsonl");
        let mut reader = Reader::new(text.as_bytes()).unwrap();
        let (mut events, mut skipped) = (Vec::new(), 0);
        while let Some(record) = reader.next_record() {
            match record.unwrap_or_else(|error| panic!("{name}: {error}")).event {
                LoggedEvent::Known(event) => events.push(event),
                LoggedEvent::Skipped(_) => skipped += 1,
            }
        }
        let owner = reader.owner().clone();
        let mut fixture = Self { name: name.to_owned(), owner, events, skipped, expected: Value::Null };
        fixture.expected = serde_json::from_str(&fixture.expected_text()).unwrap();
        fixture
    }

    /// The JSON beside the log; where there is none yet, what the reference model says, if that is asked for.
    fn expected_text(&self) -> String {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock();
        let path = folder().join(&self.name).with_extension("json");
        if !path.exists() && std::env::var("CHATFOLD_BLESS").is_ok_and(|value| value == "1") {
            std::fs::write(&path, self.modelled()).unwrap();
        }
        read(&self.name, "json")
    }

    /// What the reference model says.
    fn modelled(&self) -> String {
        let shown = model::shown(&self.owner, Policy::default(), &self.events);
        view::inbox_json(&self.owner, &shown, self.skipped, self.has_all_keys())
    }

    /// Logs that say what the reference has no key for are held in all keys.
    fn has_all_keys(&self) -> bool {
        let types = ["conversation_archived", "membership_set"];
        self.events.iter().any(|event| types.contains(&event.type_name()))
    }

    /// The inbox as the library writes it, the digest apart.
    fn written(&self, inbox: &Inbox) -> Value {
        let filter = Filter::default();
        let json = v2tim::InboxJson::new(inbox, self.skipped, &filter);
        without_digest(&if self.has_all_keys() { json.with_all_keys() } else { json }.to_string())
    }

    pub fn replay(&self, events: &[Event]) -> Inbox {
        Inbox::replay(self.owner.clone(), Policy::default(), events)
    }

    fn apply(&self, events: &[Event]) -> Inbox {
        let mut inbox = Inbox::new(self.owner.clone(), Policy::default());
        events.iter().for_each(|event| drop(inbox.apply(event)));
        inbox
    }

    /// In what the inbox differs from what is expected.
    fn differences(&self, inbox: &Inbox) -> Vec<String> {
        differences(&self.expected, &self.written(inbox))
    }

    /// The same events on many ways.
    fn folds(&self) -> Vec<(&'static str, Inbox)> {
        let backwards: Vec<Event> = self.events.iter().rev().cloned().collect();
        let doubled: Vec<Event> = self.events.iter().flat_map(|e| [e.clone(), e.clone()]).collect();
        let mut shuffled = self.events.clone();
        Rng::new(self.events.len() as u64).shuffle(&mut shuffled);
        let (front, back) = self.events.split_at(self.events.len() / 2);
        let (odd, even): (Vec<_>, Vec<_>) = self.events.iter().enumerate().partition(|(i, _)| i % 2 == 1);
        let part = |part: Vec<(usize, &Event)>| part.into_iter().map(|(_, e)| e.clone()).collect::<Vec<_>>();
        let merged = |left: &[Event], right: &[Event]| {
            let mut inbox = self.replay(left);
            inbox.merge(&self.apply(right)).unwrap();
            inbox
        };
        vec![
            ("replay", self.replay(&self.events)),
            ("apply", self.apply(&self.events)),
            ("replay backwards", self.replay(&backwards)),
            ("apply backwards", self.apply(&backwards)),
            ("replay doubled", self.replay(&doubled)),
            ("replay shuffled", self.replay(&shuffled)),
            ("apply shuffled", self.apply(&shuffled)),
            ("merge of halves", merged(front, back)),
            ("merge of halves, swapped", merged(back, front)),
            ("merge of every other event", merged(&part(odd), &part(even))),
            ("merge with itself", merged(&self.events, &shuffled)),
        ]
    }
}

pub fn fixtures() -> Vec<Fixture> {
    names("jsonl").iter().map(|name| Fixture::read(name)).collect()
}

/// An inbox as JSON, the digest apart: its algorithm may change with a version.
fn without_digest(json: &str) -> Value {
    let mut value: Value = serde_json::from_str(json).unwrap();
    let digest = value.as_object_mut().unwrap().remove("digest");
    assert!(digest.is_some_and(|digest| digest.as_str().is_some_and(|hex| hex.len() >= 32)), "{json}");
    value
}

/// Every place in which two values differ, with both.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    fn walk(path: &str, expected: &Value, found: &Value, differ: &mut Vec<String>) {
        match (expected, found) {
            (Value::Object(left), Value::Object(right)) => {
                for key in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
                    let path = format!("{path}.{key}");
                    match (left.get(key), right.get(key)) {
                        (Some(left), Some(right)) => walk(&path, left, right, differ),
                        (Some(left), None) => differ.push(format!("{path}: expected {left}, not there")),
                        (None, right) => differ.push(format!("{path}: not expected, found {right:?}")),
                    }
                }
            }
            (Value::Array(left), Value::Array(right)) => {
                if left.len() != right.len() {
                    differ.push(format!("{path}: expected {} items, found {}", left.len(), right.len()));
                }
                for (index, (left, right)) in left.iter().zip(right).enumerate() {
                    walk(&format!("{path}[{index}]"), left, right, differ);
                }
            }
            _ if expected == found => {}
            _ => differ.push(format!("{path}: expected {expected}, found {found}")),
        }
    }
    let mut differ = Vec::new();
    walk("", expected, found, &mut differ);
    differ
}

#[test]
fn every_log_makes_the_json_beside_it() {
    for fixture in fixtures() {
        let digest = fixture.replay(&fixture.events).digest();
        for (way, inbox) in fixture.folds() {
            let differ = fixture.differences(&inbox);
            assert!(differ.is_empty(), "{}, {way}:\n{}", fixture.name, differ.join("\n"));
            assert_eq!(inbox.digest(), digest, "{}, {way}", fixture.name);
            inbox.audit().unwrap();
        }
    }
}

#[test]
fn the_reference_model_says_the_same() {
    for fixture in fixtures() {
        let modelled: Value = serde_json::from_str(&fixture.modelled()).unwrap();
        let differ = differences(&fixture.expected, &modelled);
        assert!(differ.is_empty(), "{}:\n{}", fixture.name, differ.join("\n"));
    }
}

#[test]
fn every_log_has_its_json_and_a_word_about_it() {
    let logs: BTreeSet<String> = fixtures().into_iter().map(|fixture| fixture.name).collect();
    let expected = names("json");
    assert_eq!(logs, expected, "a log without its JSON, or the reverse");
    assert!(logs.len() >= 12);
    let about = std::fs::read_to_string(folder().join("../../README.md")).unwrap();
    for name in &logs {
        assert!(about.contains(&format!("`{name}`")), "fixtures/README.md does not speak of {name}");
    }
}

#[test]
fn every_log_is_written_back_byte_for_byte() {
    for name in names("jsonl") {
        let text = read(&name, "jsonl");
        let mut reader = Reader::new(text.as_bytes()).unwrap();
        let mut writer = Writer::new(Vec::new(), reader.owner()).unwrap();
        while let Some(record) = reader.next_record() {
            writer.write(&record.unwrap().event).unwrap();
        }
        let written = String::from_utf8(writer.into_inner()).unwrap();
        let other = text.lines().zip(written.lines()).find(|(before, after)| before != after);
        assert_eq!(other, None, "{name}");
        assert_eq!(text, written, "{name}");
    }
}

#[test]
fn together_the_logs_use_every_type_of_event() {
    let logs = fixtures();
    let used: BTreeSet<&str> =
        logs.iter().flat_map(|fixture| fixture.events.iter().map(Event::type_name)).collect();
    assert_eq!(used.len(), 33, "{used:?}");
    assert!(logs.iter().any(|fixture| fixture.skipped > 0));
    for fixture in &logs {
        let lines = fixture.events.len();
        assert!((40..=300).contains(&lines), "{} has {lines} events", fixture.name);
    }
}

/// The comparison can fail: an event left out is seen, unless nothing shown depends on it.
#[test]
fn a_missing_event_is_seen() {
    for fixture in fixtures() {
        let seen = |index: usize| {
            let mut events = fixture.events.clone();
            let dropped = events.remove(index);
            // Delivered twice, it is not missing.
            events.contains(&dropped) || !fixture.differences(&fixture.replay(&events)).is_empty()
        };
        let count = (0..fixture.events.len()).filter(|index| seen(*index)).count();
        assert!(count * 5 > fixture.events.len(), "{}: {count} of {}", fixture.name, fixture.events.len());
    }
}

/// The comparison can fail: a flipped byte of what is expected is seen.
#[test]
fn a_flipped_byte_of_the_json_is_seen() {
    for fixture in fixtures() {
        let text = read(&fixture.name, "json").into_bytes();
        let found = fixture.written(&fixture.replay(&fixture.events));
        let places = (0..text.len()).filter(|at| !text[*at].is_ascii_whitespace());
        for at in places.step_by(text.len() / 200 + 1) {
            let mut flipped = text.clone();
            flipped[at] ^= 1;
            let seen = match serde_json::from_slice::<Value>(&flipped) {
                Ok(expected) => !differences(&expected, &found).is_empty(),
                Err(_) => true,
            };
            assert!(seen, "{}: byte {at}, {:?}", fixture.name, char::from(text[at]));
        }
    }
}
