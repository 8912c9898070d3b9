//! Inputs as writers write them: ordinary ones, and those that are costliest to hold for their length.

use chatfold::binary::{Header, Log, Packing, Writer};
use chatfold::event::Mark;
use chatfold::snapshot::LogPrefix;
use chatfold::testing::Workload;
use chatfold::{
    ConversationId, Envelope, Event, EventId, FolderId, Inbox, Message, MessageId, Policy, Replay, Timestamp,
    UserId, jsonl,
};

pub fn owner() -> UserId {
    Workload::phone().owner()
}

fn envelope(n: u64) -> Envelope {
    let at = Timestamp::from_millis(n as i64).unwrap();
    Envelope::new(EventId::from_bytes((u128::from(n) + 1).to_be_bytes()), at, owner())
}

fn message_id(n: u64) -> MessageId {
    MessageId::from_bytes((u128::from(n) << 64).to_be_bytes())
}

fn group() -> ConversationId {
    "group_g".parse().unwrap()
}

/// Messages without text, each with one of every rare fact aside: the most structure for the fewest bytes.
fn aside(count: u64) -> Vec<Event> {
    let mut events = Vec::new();
    for n in 0..count {
        let id = message_id(n);
        let of = |step: u64| envelope(n * 10 + step);
        events.push(of(0).message_received(group(), Message::new(id).with_seq(n + 1)).unwrap());
        events.push(of(1).reaction_set(group(), id, "+".into(), true).unwrap());
        events.push(of(2).extension_set(group(), id, "k".into(), None, 0).unwrap());
        events.push(of(3).message_recalled(group(), id, None).unwrap());
        events.push(of(4).message_read_by(group(), vec![id]).unwrap());
    }
    events
}

/// Folders with one member each, conversations with one mark and a draft: small maps, many of them.
fn small_maps(count: u64) -> Vec<Event> {
    let mut events = Vec::new();
    for n in 0..count {
        let folder = FolderId::from_bytes(u128::from(n).to_be_bytes());
        let chat: ConversationId = format!("c2c_{n}").parse().unwrap();
        let of = |step: u64| envelope(n * 10 + step);
        events.push(of(0).folder_member_set(chat.clone(), folder, true).unwrap());
        events.push(of(1).mark_set(chat.clone(), Mark::STAR, true).unwrap());
        let read = chatfold::event::Through::Message(message_id(n));
        events.push(of(2).conversation_read(chat.clone(), read).unwrap());
        events.push(of(3).marked_unread_from(chat.clone(), message_id(n)).unwrap());
        events.push(of(4).draft_set(chat, Some("d".into()), None).unwrap());
        events.push(
            of(5)
                .user_profile_changed(format!("{n}").parse().unwrap(), None, None, Some("f".into()))
                .unwrap(),
        );
    }
    events
}

fn histories() -> [Vec<Event>; 5] {
    let workload = Workload::phone().with_conversations(20);
    [
        workload.with_events(300).iter().collect(),
        workload.with_events(10_000).iter().collect(),
        aside(40),
        aside(5_000),
        small_maps(3_000),
    ]
}

pub fn snapshots() -> Vec<Vec<u8>> {
    let snapshot = |events: Vec<Event>| {
        let mut replay = Replay::new(owner(), Policy::default());
        events.iter().for_each(|event| replay.push(event));
        let inbox: Inbox = replay.finish();
        inbox.snapshot(LogPrefix::EMPTY).unwrap()
    };
    histories().into_iter().map(snapshot).collect()
}

/// A snapshot with long histories.
pub fn long_snapshot() -> Vec<u8> {
    let workload = chatfold::testing::Workload::phone().with_events(20_000).with_conversations(20);
    let mut replay = Replay::new(owner(), Policy::default());
    workload.iter().for_each(|event| replay.push(&event));
    replay.finish().snapshot(LogPrefix::EMPTY).unwrap()
}

/// The n-th event of somebody who pins conversations.
pub fn pin(n: u32, conversation: ConversationId) -> Event {
    let id = EventId::from_bytes((u128::from(n) | 7 << 100).to_be_bytes());
    let at = Timestamp::from_millis(1_800_000_000_000 + i64::from(n)).unwrap();
    Envelope::new(id, at, owner()).conversation_pinned(conversation, true).unwrap()
}

pub fn text_logs() -> Vec<Vec<u8>> {
    let log = |events: Vec<Event>| {
        let mut writer = jsonl::Writer::new(Vec::new(), &owner()).unwrap();
        events.iter().for_each(|event| writer.write_event(event).unwrap());
        writer.into_inner()
    };
    histories().into_iter().map(log).collect()
}

/// Lines that say much in few bytes: lists of the shortest ids, an object of the shortest keys.
pub fn lines() -> Vec<Vec<u8>> {
    const ID: &str = "018f0e2a-0000-7000-8000-000000000001";
    let before = format!(r#"{{"v":1,"id":"{ID}","at":"2026-03-01T09:00:00.000Z","by":"a","#);
    let message = |rest: &str| {
        let head = r#""conversation":"group_g","type":"message_received","message":"#;
        format!(r#"{before}{head}{{"id":"{ID}","seq":1,{rest}}}}}"#)
    };
    let names: Vec<String> = (0..20_000).map(|n| format!(r#""{n:x}""#)).collect();
    let keys: Vec<String> = (0..20_000).map(|n| format!(r#""{n:x}":"""#)).collect();
    let ids: Vec<String> = (0..2_000).map(|n| format!(r#""018f0e2a-0000-7000-8000-{n:012x}""#)).collect();
    let lines = [
        format!(r#"{before}"conversation":"c2c_b","type":"conversation_pinned","on":true}}"#),
        message(r#""text":"hello""#),
        message(&format!(r#""recipients":[{}]"#, names.join(","))),
        format!(
            r#"{before}"conversation":"c2c_b","type":"conversation_pinned","on":true,"meta":{{{}}}}}"#,
            keys.join(",")
        ),
        format!(
            r#"{before}"conversation":"c2c_b","type":"messages_deleted","targets":[{}]}}"#,
            ids.join(",")
        ),
        format!(r#"{before}"type":"poll","votes":[{}]}}"#, names.join(",")),
    ];
    lines.into_iter().map(String::into_bytes).collect()
}

/// One message for many: a user takes one byte of a payload.
fn targeted() -> Vec<Event> {
    let mut message = Message::new(message_id(1)).with_seq(1);
    message.recipients = vec![owner(); 50_000];
    vec![envelope(1).message_received(group(), message).unwrap()]
}

fn written(events: &[Event], packing: Packing) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Header::new(owner())).unwrap().with_packing(packing);
    events.iter().for_each(|event| writer.write_event(event).unwrap());
    writer.flush().unwrap();
    writer.into_inner()
}

pub fn binary_logs() -> Vec<Vec<u8>> {
    let plain = |events: &Vec<Event>| written(events, Packing::Plain);
    histories().iter().chain([&targeted()]).map(plain).collect()
}

/// The payloads of the first records of logs, plain and packed: flags, number of events, payload.
pub fn payloads() -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for events in histories().iter().chain([&targeted()]) {
        for packing in [Packing::Plain, Packing::Zstd] {
            let log = written(events, packing);
            let place = Log::open(&log).unwrap().index()[0];
            let record = &log[place.offset as usize..(place.offset + place.len_bytes) as usize];
            let mut payload = vec![record[5]];
            payload.extend_from_slice(&place.events.to_be_bytes());
            payload.extend_from_slice(&record[36..record.len() - 8]);
            payloads.push(payload);
        }
    }
    assert!(payloads.iter().any(|payload| payload[0] == 1), "some are packed");
    payloads
}
