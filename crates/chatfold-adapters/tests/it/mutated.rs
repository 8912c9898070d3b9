//! Payloads that somebody changed: nothing panics, and what is made of them is well-formed.

use chatfold::testing::Random;
use chatfold::{Inbox, Policy, jsonl};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::story::{STORIES, Story};

/// Puts something else somewhere.
fn mutate(value: &mut Value, random: &mut Random) {
    let stop = random.below(5) == 0;
    match value {
        Value::Array(items) if !items.is_empty() && !stop => {
            let index = random.below(items.len() as u64) as usize;
            match random.below(8) {
                0 => drop(items.remove(index)),
                1 => {
                    let item = items[index].clone();
                    items.push(item);
                }
                _ => mutate(&mut items[index], random),
            }
        }
        Value::Object(entries) if !entries.is_empty() && !stop => {
            let index = random.below(entries.len() as u64) as usize;
            let key = entries.keys().nth(index).unwrap().clone();
            match random.below(10) {
                0 => drop(entries.remove(&key)),
                1 => {
                    let value = entries.remove(&key).unwrap();
                    entries.insert(format!("{key}\u{7}"), value);
                }
                _ => mutate(entries.get_mut(&key).unwrap(), random),
            }
        }
        _ => *value = other(random),
    }
}

fn other(random: &mut Random) -> Value {
    match random.below(16) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(0),
        4 => json!(u64::MAX),
        5 => json!(i64::MIN),
        6 => json!(1e300),
        7 => json!(9_007_199_254_740_993_u64),
        8 => json!(""),
        9 => json!("a\u{0}b"),
        10 => json!("x".repeat(5_000)),
        11 => json!("1700000000.000100"),
        12 => json!("D0NOBODY"),
        13 => json!([[], {}]),
        14 => json!({"id": 5, "ts": "1.000000", "text": "y"}),
        _ => json!("2026-03-01T09:00:00Z"),
    }
}

fn check(story: &Story, at: chatfold::Timestamp, payload: &[u8]) -> usize {
    let Ok(taken) = story.adapter.take(payload, at) else { return 0 };
    for event in taken.all() {
        let line = jsonl::encode_event(event);
        let decoded = jsonl::decode_line(line.trim_end().as_bytes()).unwrap();
        assert_eq!(decoded.known(), Some(event), "{line}");
    }
    for fault in &taken.faults {
        assert!(fault.to_string().len() < 1_000, "a fault says too much: {fault}");
    }
    let mut inbox = Inbox::new(story.adapter.scope().owner().clone(), Policy::default());
    let events = story.adapter.settle(taken, &inbox);
    inbox.apply_batch(&events);
    inbox.audit().unwrap();
    events.len()
}

fn cases() -> u32 {
    std::env::var("CHATFOLD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_payloads_never_panic(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        for story in stories() {
            let (at, payload) = &story.payloads[random.below(story.payloads.len() as u64) as usize];
            let bytes = match serde_json::from_slice::<Value>(payload) {
                Ok(mut value) if random.below(5) != 0 => {
                    (0..=random.below(4)).for_each(|_| mutate(&mut value, &mut random));
                    value.to_string().into_bytes()
                }
                // As text: cut, or with a byte changed.
                _ => {
                    let mut bytes = payload.clone();
                    for _ in 0..=random.below(3) {
                        let index = random.below(bytes.len() as u64) as usize;
                        match random.below(4) {
                            0 => bytes.truncate(index.max(1)),
                            1 => drop(bytes.remove(index)),
                            2 => bytes[index] = b"<>&'\"{}[]:0x"[random.below(12) as usize],
                            _ => bytes[index] ^= 1 << random.below(8),
                        }
                        if bytes.is_empty() {
                            break;
                        }
                    }
                    bytes
                }
            };
            check(story, *at, &bytes);
        }
    }
}

fn stories() -> &'static [Story] {
    thread_local! {
        static READ: &'static [Story] =
            Box::leak(STORIES.map(|(system, name)| Story::read(system, name)).into());
    }
    READ.with(|stories| *stories)
}

/// The payloads as they are make events, so that the test above does not merely see refusals.
#[test]
fn unchanged_payloads_make_events() {
    for story in stories() {
        let made: usize = story.payloads.iter().map(|(at, payload)| check(story, *at, payload)).sum();
        assert!(made >= story.payloads.len() / 2);
    }
}
