//! What a stranger plants in a message of a binary log, and one damaged place later: nothing of it is believed, and
//! nothing that is the log's is lost.

use std::fs;

use chatfold::binary::{Header, Log, Writer};
use chatfold::jsonl::LoggedEvent;
use chatfold::{Envelope, EventId, Message, MessageId, Timestamp, UserId};

use crate::support::{Files, run};

/// How many events the logs have, one a record.
const EVENTS: u8 = 30;

/// Which of them carries what was planted.
const CARRIER: u8 = 3;

fn message(n: u8, by: &str, text: &str, custom: Option<Vec<u8>>) -> LoggedEvent {
    let mut message = Message::new(MessageId::from_bytes([n + 1; 16]));
    message.text = Some(text.to_owned());
    message.custom = custom;
    let at = Timestamp::from_millis(1_772_355_600_000 + i64::from(n) * 1_000).unwrap();
    let envelope = Envelope::new(EventId::from_bytes([n + 101; 16]), at, UserId::parse(by).unwrap());
    LoggedEvent::Known(envelope.message_received(format!("c2c_{by}").parse().unwrap(), message).unwrap())
}

/// A log of these events, one a record, and where its records begin, its end included.
fn log(events: &[LoggedEvent]) -> (Vec<u8>, Vec<usize>) {
    let mut writer = Writer::new(Vec::new(), &Header::new(UserId::parse("alice").unwrap())).unwrap();
    for event in events {
        writer.write(event).unwrap();
        writer.flush().unwrap();
    }
    let bytes = writer.into_inner();
    let index = Log::open(&bytes).unwrap().index();
    let ends = index.iter().map(|place| place.offset as usize).chain([bytes.len()]).collect();
    (bytes, ends)
}

/// A log of 30 events whose fourth carries the payload.
fn carrying(payload: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let event = |n| match n {
        CARRIER => message(n, "mallory", "hello", Some(payload.to_vec())),
        _ => message(n, "bob", &format!("number {n}."), None),
    };
    log(&(0..EVENTS).map(event).collect::<Vec<_>>())
}

/// A whole record that says what mallory wants to have been said.
fn forged() -> Vec<u8> {
    let (bytes, ends) = log(&[message(77, "bob", "I owe mallory money", None)]);
    bytes[ends[0]..].to_vec()
}

/// What `recover` saves, as text, and what it says.
fn recovered(files: &Files, log: &str, more: &[&str]) -> (String, String) {
    let new = files.path().join("new.jsonl").to_str().unwrap().to_owned();
    let ran = run(&[&["recover", log, "--out", &new, "--force"], more].concat(), "");
    assert_eq!(ran.code, 1, "{ran:?}");
    (fs::read_to_string(&new).unwrap(), ran.err)
}

#[test]
fn r99_heads_in_a_payload_that_claim_megabytes_hide_no_event() {
    let (long, ends) = log(&[message(1, "bob", &"long ".repeat(1 << 20), None)]);
    let head = &long[ends[0]..ends[0] + 36];
    let (bytes, ends) = carrying(&head.repeat(50));
    for lost in [CARRIER, 10, 28] {
        let files = Files::new();
        let mut broken = bytes.clone();
        broken[ends[usize::from(lost) + 1] - 12] ^= 4;
        let log = files.write("a.chatfold", &broken);
        let log = log.to_str().unwrap();
        let (saved, err) = recovered(&files, log, &[]);
        assert_eq!(saved.lines().count(), usize::from(EVENTS), "a header and all events but {lost}: {err}");
        assert!(lost == CARRIER || !saved.contains(&format!("\"number {lost}.\"")));
        // It is no torn tail: nothing is set aside and nothing appended.
        let err = run(&["do", log, "pin", "c2c_bob"], "").refused(1);
        assert!(err.contains("chatfold recover LOG --out NEW"), "{err}");
        assert!(fs::read(log).unwrap() == broken && !files.path().join("a.chatfold.torn").exists());
    }
}

#[test]
fn r99_a_record_in_a_payload_is_neither_recovered_nor_dropped_in_silence() {
    let (bytes, ends) = carrying(&forged());
    let files = Files::new();
    let mut broken = bytes.clone();
    // The carrier's own head and payload: its end cannot be told by itself.
    broken[ends[usize::from(CARRIER)] + 9] ^= 4;
    let log = files.write("a.chatfold", &broken);
    let (saved, err) = recovered(&files, log.to_str().unwrap(), &[]);
    assert!(!saved.contains("I owe mallory money"), "{err}");
    assert_eq!(saved.lines().count(), usize::from(EVENTS), "{err}");
    // With the damage in the last record nothing proves where it ends: what cannot be told is left and counted.
    let cut = &bytes[..ends[usize::from(CARRIER) + 1]];
    let mut broken = cut.to_vec();
    broken[ends[usize::from(CARRIER)] + 9] ^= 4;
    let log = files.write("b.chatfold", &broken);
    let log = log.to_str().unwrap();
    let (saved, err) = recovered(&files, log, &[]);
    assert!(!saved.contains("I owe mallory money") && saved.lines().count() == usize::from(CARRIER) + 1);
    assert!(err.contains("1 whole records follow, and nothing proves that they are this log's"), "{err}");
    let (saved, _) = recovered(&files, log, &["--unproven"]);
    assert!(saved.contains("I owe mallory money"), "taken where it is asked for");
    run(&["do", log, "pin", "c2c_bob"], "").refused(1);
    assert_eq!(fs::read(log).unwrap(), broken);
}

/// Every second record damaged: what is between is saved, each fault is told, and the time is that of the log.
#[test]
fn r99_as_many_faults_as_records_are_each_told() {
    let (mut bytes, ends) = carrying(&forged());
    for n in (0..usize::from(EVENTS) - 1).step_by(2) {
        bytes[ends[n + 1] - 12] ^= 4;
    }
    let files = Files::new();
    let log = files.write("a.chatfold", &bytes);
    let (saved, err) = recovered(&files, log.to_str().unwrap(), &[]);
    assert_eq!((saved.lines().count(), err.lines().count()), (16, 15), "{err}");
}
