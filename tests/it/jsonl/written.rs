//! The line of an event, held against what another library writes: of every type, with random ids, instants, numbers and
//! texts, whatever JSON escapes among them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chatfold::Timestamp;
use chatfold::jsonl::{LoggedEvent, Writer, decode_line, encode_event};
use chatfold::testing::Random;

use super::{CANONICAL, line};

/// What texts are made of: what is escaped, what is nearly so, and characters of every length.
const CHARACTERS: [char; 20] = [
    '"', '\\', '\n', '\r', '\t', '\u{8}', '\u{c}', '\0', '\u{b}', '\u{1f}', ' ', '!', '/', 'a', '~',
    '\u{7f}', 'é', '李', '\u{2028}', '👍',
];

/// A text of any length, of which many have nothing to escape.
fn text(random: &mut Random) -> String {
    let bound = if random.below(4) == 0 { 300 } else { 40 };
    let len = random.below(bound);
    let is_plain = random.below(2) == 0;
    let characters = (0..len).map(|_| match random.below(CHARACTERS.len() as u64) as usize {
        at if is_plain => char::from(b'a' + at as u8),
        at => CHARACTERS[at],
    });
    characters.collect()
}

/// The same without what no id may have.
fn id(random: &mut Random) -> String {
    let text: String = text(random).chars().filter(|c| !c.is_ascii_control()).take(30).collect();
    if text.is_empty() { "x".to_owned() } else { text }
}

fn number(random: &mut Random) -> u64 {
    random.next() >> random.below(64)
}

fn instant(random: &mut Random) -> String {
    let at = Timestamp::from_millis((number(random) % 253_370_764_800_000).cast_signed()).unwrap();
    at.to_datetime().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn uuid(random: &mut Random) -> String {
    uuid::Uuid::from_u64_pair(random.next(), random.next()).to_string()
}

/// What stands in the place of a string under this key.
fn string(random: &mut Random, key: &str, old: &str) -> String {
    let is_uuid = old.len() == 36 && uuid::Uuid::parse_str(old).is_ok();
    let new = match key {
        _ if is_uuid => uuid(random),
        "at" | "time" | "sent_at" | "until" | "active_at" => instant(random),
        "start" if old.len() == 24 => instant(random),
        "type" | "state" | "option" | "kind" | "group_type" | "start" | "zone" => old.to_owned(),
        "custom" | "cloud_custom" | "data" => STANDARD.encode(text(random)),
        "by" | "user" | "users" | "sender" | "recipients" | "group" => id(random),
        "conversation" => old.split_inclusive('_').next().unwrap().to_owned() + &id(random),
        _ => text(random),
    };
    serde_json::to_string(&new).unwrap()
}

/// The line with other values in place of its own, each written by another library.
fn varied(random: &mut Random, line: &str) -> String {
    let (mut varied, mut key, mut rest) = (String::new(), String::new(), line);
    while let Some(first) = rest.chars().next() {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        let value = if matches!(first, '"' | '0'..='9' | '-') { values.next() } else { None };
        let Some(value) = value else {
            varied.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let after = &rest[values.byte_offset()..];
        match value.unwrap() {
            serde_json::Value::String(name) if after.starts_with(':') => {
                varied += &rest[..values.byte_offset()];
                key = name;
            }
            serde_json::Value::String(old) => varied += &string(random, &key, &old),
            _ if matches!(&*key, "seq" | "version" | "unread" | "members") => {
                varied += &number(random).to_string();
            }
            _ => varied += &rest[..values.byte_offset()],
        }
        rest = after;
    }
    varied
}

#[test]
fn lines_of_every_type_are_written_as_another_library_writes_them() {
    let mut random = Random::new(23);
    let (mut held, mut written, mut expected) = (BTreeMap::new(), Writer::append(Vec::new()), Vec::new());
    for short in CANONICAL {
        for _ in 0..300 {
            let line = varied(&mut random, &line(short));
            // Not every random value makes an event: a seq may be too great, a watermark before another.
            let Ok(LoggedEvent::Known(event)) = decode_line(line.as_bytes()) else { continue };
            assert_eq!(encode_event(&event), line);
            written.write_event(&event).unwrap();
            expected.extend_from_slice(line.as_bytes());
            expected.push(b'\n');
            *held.entry(*short).or_insert(0) += 1;
        }
    }
    assert_eq!(written.into_inner(), expected);
    let few: Vec<_> = CANONICAL.iter().filter(|short| held.get(*short).copied().unwrap_or(0) < 10).collect();
    assert!(few.is_empty(), "hardly held against anything: {few:?}");
}
