//! The JSON Schemas in `schema/`: made from the tables here, and held against what the library writes and reads.

mod log;
mod rows;
mod validator;

use std::collections::BTreeSet;

use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::v2tim::{DataForm, Dialect, InboxJson, Language};
use chatfold::{Filter, Inbox};
use serde_json::{Value, json};

use self::rows::DIALECTS;
use self::validator::broken;
use crate::fixtures::{fixtures, root_of_fixtures};
use crate::harness::{MIX, cases, ensure, hold, replay};
use crate::house::root;
use crate::jsonl::{CANONICAL, line};

/// Every schema by the name of its file.
fn schemas() -> Vec<(String, Value)> {
    let rows = DIALECTS.iter().map(|of| (of.name.to_owned(), rows::schema(of)));
    std::iter::once(("log".to_owned(), log::schema())).chain(rows).collect()
}

#[test]
fn the_schemas_are_what_is_kept() {
    for (name, schema) in schemas() {
        let path = root().join("schema").join(format!("{name}.schema.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var("CHATFOLD_BLESS").is_ok_and(|value| value == "1") {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, text, "{}: CHATFOLD_BLESS=1 writes it anew", path.display());
    }
}

/// The schema of a dialect and what it is written by.
fn dialects() -> Vec<(Value, Vec<Dialect>)> {
    let by = |name: &str| match name {
        "flutter" => vec![Dialect::Flutter(DataForm::Base64), Dialect::Flutter(DataForm::Text)],
        "native" => vec![Dialect::Native],
        _ => vec![Dialect::Web(Language::Chinese), Dialect::Web(Language::English)],
    };
    DIALECTS.iter().map(|of| (rows::schema(of), by(of.name))).collect()
}

/// The inbox in this dialect, without and with all keys.
fn written(inbox: &Inbox, dialect: Dialect) -> [Value; 2] {
    let filter = Filter::default();
    let json = InboxJson::new(inbox, 0, &filter).with_dialect(dialect);
    [json, json.with_all_keys()].map(|json| serde_json::from_str(&json.to_string()).unwrap())
}

#[test]
fn what_is_written_is_valid() {
    let dialects = dialects();
    let valid = |inbox: &Inbox| {
        for (schema, by) in &dialects {
            for written in by.iter().flat_map(|dialect| written(inbox, *dialect)) {
                if let Some(fault) = broken(schema, &written) {
                    return Err(fault);
                }
            }
        }
        Ok(())
    };
    for fixture in fixtures() {
        valid(&fixture.replay(&fixture.events)).unwrap_or_else(|fault| panic!("{}: {fault}", fixture.name));
    }
    hold("what is written is valid", MIX, cases(40), &|history| valid(&replay(history, &history.events)));
}

#[test]
fn every_line_of_every_log_is_valid() {
    let schema = log::schema();
    for fixture in fixtures() {
        let path = root_of_fixtures().join("logs/v1").join(format!("{}.jsonl", fixture.name));
        for text in std::fs::read_to_string(path).unwrap().lines() {
            let fault = broken(&schema, &serde_json::from_str(text).unwrap());
            assert_eq!(fault, None, "{}: {text}", fixture.name);
        }
    }
    hold("written lines are valid", MIX, cases(20), &|history| {
        for event in &history.events {
            let text = chatfold::jsonl::encode_event(event);
            let fault = broken(&schema, &serde_json::from_str(&text).unwrap());
            ensure(fault.is_none(), || format!("{text}: {fault:?}"))?;
        }
        Ok(())
    });
}

/// Every value that differs from this one in one place: something else there, nothing, or one key more.
fn mutants(value: &Value) -> Vec<(String, Value)> {
    fn walk(
        path: &str,
        value: &Value,
        put: &dyn Fn(Option<Value>) -> Value,
        found: &mut Vec<(String, Value)>,
    ) {
        let others = [
            json!(null),
            json!(true),
            json!(-1),
            json!(1.5),
            json!(0),
            json!(7),
            json!(1u64 << 60),
            json!(""),
            json!("x"),
            json!([]),
            json!([0]),
            json!({}),
        ];
        found.extend(
            others
                .into_iter()
                .filter(|other| other != value)
                .map(|other| (path.to_owned(), put(Some(other)))),
        );
        found.push((path.to_owned(), put(None)));
        if let Value::Object(object) = value {
            let mut more = object.clone();
            more.insert("zzz".to_owned(), json!(1));
            found.push((format!("{path}/zzz"), put(Some(Value::Object(more)))));
            for (key, inner) in object {
                let with = |other: Option<Value>| {
                    let mut object = object.clone();
                    match other {
                        Some(other) => object.insert(key.clone(), other),
                        None => object.remove(key),
                    };
                    put(Some(Value::Object(object)))
                };
                walk(&format!("{path}/{key}"), inner, &with, found);
            }
        }
        if let Value::Array(items) = value {
            for (n, inner) in items.iter().enumerate() {
                let with = |other: Option<Value>| {
                    let mut items = items.clone();
                    match other {
                        Some(other) => items[n] = other,
                        None => drop(items.remove(n)),
                    }
                    put(Some(Value::Array(items)))
                };
                walk(&format!("{path}/{n}"), inner, &with, found);
            }
        }
    }
    let mut found = Vec::new();
    walk("", value, &|other| other.unwrap_or(Value::Null), &mut found);
    found
}

/// What the schema of the log cannot say: that a stretch does not end before it begins, and how mentions of a report lie.
fn beyond(value: &Value, path: &str) -> bool {
    match value["type"].as_str() {
        Some("history_complete" | "history_window") => true,
        Some("unread_reported") => path.starts_with("/mentions") || path.starts_with("/through"),
        _ => false,
    }
}

#[test]
fn the_schema_of_the_log_takes_what_the_reader_takes() {
    let schema = log::schema();
    let (mut taken, mut refused) = (0, 0);
    let mut types = BTreeSet::new();
    for short in CANONICAL {
        let value: Value = serde_json::from_str(&line(short)).unwrap();
        types.insert(value["type"].as_str().unwrap().to_owned());
        assert_eq!(broken(&schema, &value), None, "{short}");
        for (path, mutant) in mutants(&value) {
            let read = decode_line(mutant.to_string().as_bytes());
            let fault = broken(&schema, &mutant);
            assert!(
                read.is_ok() == fault.is_none() || (read.is_err() && beyond(&mutant, &path)),
                "{mutant}\nthe reader: {read:?}\nthe schema: {fault:?}"
            );
            if read.is_ok_and(|event| matches!(event, LoggedEvent::Known(_))) {
                taken += 1
            } else {
                refused += 1
            }
        }
    }
    assert!(taken > 300 && refused > 5_000, "{taken} {refused}");
    let named: BTreeSet<String> = log::type_names().into_iter().map(str::to_owned).collect();
    assert_eq!(types, named);
}

#[test]
fn a_wrong_key_type_or_value_of_a_row_is_seen() {
    for (schema, by) in dialects() {
        let mut seen = BTreeSet::new();
        for fixture in fixtures() {
            let [inbox, _] = written(&fixture.replay(&fixture.events), by[0]);
            for row in inbox["conversationList"].as_array().unwrap() {
                let around = |row: &Value| {
                    let mut inbox = inbox.clone();
                    inbox["conversationList"] = json!([row]);
                    inbox
                };
                for (path, mutant) in mutants(row) {
                    let (parent, key) = path.rsplit_once('/').unwrap_or(("", ""));
                    // A key of another type, and one key more, are always wrong; a key that is gone is where it has to be there.
                    let found = mutant.pointer(&path);
                    let other = |value: &Value| {
                        row.pointer(&path).is_none_or(|was| {
                            std::mem::discriminant(was) != std::mem::discriminant(value)
                                && !value.is_null()
                                && !was.is_null()
                        })
                    };
                    if !path.is_empty()
                        && found.is_some_and(other)
                        && row.pointer(parent).is_some_and(Value::is_object)
                    {
                        let fault = broken(&schema, &around(&mutant));
                        assert!(fault.is_some(), "{path} in {mutant}");
                        seen.insert(key.to_owned());
                    }
                }
            }
        }
        assert!(seen.len() > 40, "{seen:?}");
    }
}
