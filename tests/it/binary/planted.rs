//! What a stranger plants in a message's payload, and one damaged place later.

use chatfold::binary::{FaultEnd, FaultReason, Header, Log, RecordFault, Writer, recover};
use chatfold::jsonl::LoggedEvent;
use chatfold::{Envelope, EventId, Message, MessageId, Timestamp, UserId};

use super::{alice, everything, log_of};

/// The index of the event that carries what was planted.
const CARRIER: usize = 3;

/// A message of `mallory` with this payload.
fn carrier(payload: Vec<u8>) -> LoggedEvent {
    let mut message = Message::new(MessageId::from_bytes([9; 16]));
    message.custom = Some(payload);
    let mallory = UserId::parse("mallory").unwrap();
    let envelope = Envelope::new(EventId::from_bytes([8; 16]), Timestamp::EPOCH, mallory);
    LoggedEvent::Known(envelope.message_received("c2c_mallory".parse().unwrap(), message).unwrap())
}

/// A log of 30 events, one a record, whose fourth carries the payload; and where its records begin, its end included.
fn planted(payload: Vec<u8>) -> (Vec<LoggedEvent>, Vec<u8>, Vec<usize>) {
    let mut events = everything();
    events.truncate(29);
    events.insert(CARRIER, carrier(payload));
    let bytes = log_of(&alice(), &events, 1);
    let index = Log::open(&bytes).unwrap().index();
    let ends = index.iter().map(|place| place.offset as usize).chain([bytes.len()]).collect();
    (events, bytes, ends)
}

/// A head that fits and claims a payload of this length.
fn head(len: u32, position: u64) -> Vec<u8> {
    let mut head = vec![0xc4, b'F', b'R', 0x0a, 1, 0, 0, 0];
    head.extend_from_slice(&len.to_le_bytes());
    head.extend_from_slice(&1u32.to_le_bytes());
    head.extend_from_slice(&position.to_le_bytes());
    head.extend_from_slice(&7u64.to_le_bytes());
    let check = xxhash_rust::xxh3::xxh3_64(&head) as u32;
    head.extend_from_slice(&check.to_le_bytes());
    head
}

/// A whole record in another's name.
fn forged(position: u64, previous: u64) -> Vec<u8> {
    let forged = log_of(&alice(), &[carrier(b"I owe mallory money".to_vec())], 1);
    let begin = Log::open(&forged).unwrap().index()[0].offset as usize;
    let mut record = forged[begin..].to_vec();
    record[16..24].copy_from_slice(&position.to_le_bytes());
    record[24..32].copy_from_slice(&previous.to_le_bytes());
    let check = xxhash_rust::xxh3::xxh3_64(&record[..32]) as u32;
    record[32..36].copy_from_slice(&check.to_le_bytes());
    let end = record.len() - 8;
    let check = xxhash_rust::xxh3::xxh3_64(&record[..end]);
    record[end..].copy_from_slice(&check.to_le_bytes());
    record
}

fn survey(log: &Log<'_>) -> (Vec<LoggedEvent>, Vec<RecordFault>) {
    let mut writer = Writer::new(Vec::new(), &Header::new(log.owner().clone())).unwrap();
    let found = recover(log, &mut writer).unwrap();
    writer.flush().unwrap();
    (super::read(&writer.into_inner()), found.faults)
}

fn without(events: &[LoggedEvent], lost: &[usize]) -> Vec<LoggedEvent> {
    events.iter().enumerate().filter(|(n, _)| !lost.contains(n)).map(|(_, event)| event.clone()).collect()
}

#[test]
fn r99_heads_that_claim_much_hide_nothing() {
    for claim in [64 << 20, 1 << 20, 3_000, 600, 0] {
        let (events, bytes, ends) = planted(head(claim, 4).repeat(40));
        for bit in ((ends[CARRIER] * 8)..(ends[CARRIER + 1] * 8)).step_by(13) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (read, faults) = survey(&Log::open(&flipped).unwrap());
            assert_eq!(read, without(&events, &[CARRIER]), "claim {claim}, bit {bit}: {faults:?}");
            let [fault] = &faults[..] else { panic!("claim {claim}, bit {bit}: {faults:?}") };
            assert_eq!(fault.after, FaultEnd::Record { position: CARRIER as u64 + 1 });
            assert_eq!(fault.unproven, 0, "{fault}");
        }
    }
}

/// Whatever the planted record claims to follow, and wherever the damage is: it is not in what is recovered.
#[test]
fn r99_a_whole_record_that_was_planted_is_not_recovered() {
    let (_, sound, ends) = planted(Vec::new());
    let header_check = u64::from_le_bytes(sound[ends[0] - 8..ends[0]].try_into().unwrap());
    for (position, previous) in [(0, header_check), (CARRIER as u64, 7), (CARRIER as u64 + 1, 9), (99, 0)] {
        let record = forged(position, previous);
        let (events, bytes, ends) = planted([record.clone(), record].concat());
        for bit in ((ends[CARRIER] * 8)..(ends[CARRIER + 1] * 8)).step_by(13) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (read, _) = survey(&Log::open(&flipped).unwrap());
            assert_eq!(read, without(&events, &[CARRIER]), "bit {bit}");
        }
    }
}

/// Where a head and what it names are both damaged and no chain leads on to the log's end, nobody can tell what was
/// planted from what was written: nothing is invented, nothing is called a torn tail, and all of it can be had.
#[test]
fn r99_what_cannot_be_told_is_set_aside_and_reported() {
    let record = forged(CARRIER as u64 + 1, 7);
    let (events, mut bytes, ends) = planted(record);
    bytes[ends[CARRIER]] ^= 1;
    bytes[ends[CARRIER + 1] - 1] ^= 1;
    let whole = bytes.clone();
    // The chain that ends with the last byte is the log's own all the same.
    let (read, faults) = survey(&Log::open(&bytes).unwrap());
    assert_eq!(read, without(&events, &[CARRIER]));
    assert_eq!((faults.len(), faults[0].unproven), (1, 1), "{faults:?}");
    assert!(
        faults[0]
            .to_string()
            .ends_with("1 whole record stands before that which nothing proves to be this log's")
    );
    // Torn besides, the rest is as good as what was planted.
    bytes.pop();
    let (read, faults) = survey(&Log::open(&bytes).unwrap());
    assert_eq!(read, events[..CARRIER]);
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((fault.after, fault.unproven), (FaultEnd::Unproven, 1 + 30 - CARRIER as u64 - 2));
    assert_eq!(fault.offset + fault.len_bytes, bytes.len() as u64);
    let (read, _) = survey(&Log::open(&bytes).unwrap().taking_unproven());
    assert_eq!(read.len(), CARRIER + 1 + 30 - CARRIER - 2);
    // The header lost too, the chain that ends with the last byte still proves itself.
    let log = Log::without_header(&whole[ends[0] - 3..], alice());
    assert_eq!(survey(&log).0, events[CARRIER + 1..]);
}

/// A torn append, and another behind it: the second follows what the first did.
#[test]
fn r99_a_record_behind_a_torn_one_follows_what_stands_before() {
    let (events, bytes, ends) = planted(Vec::new());
    for cut in [1, 20, 36, 50] {
        for rest in [bytes.len(), bytes.len() - 3] {
            let torn = &bytes[ends[5]..(ends[5] + cut).min(ends[6] - 1)];
            let log = [&bytes[..ends[5]], torn, &bytes[ends[5]..rest]].concat();
            let (read, faults) = survey(&Log::open(&log).unwrap());
            let end = if rest == bytes.len() { 30 } else { 29 };
            assert_eq!(read, events[..end], "cut {cut}: {faults:?}");
            assert_eq!(faults[0].offset as usize, ends[5]);
        }
    }
}

/// Several damaged records in a row, each with a sound head, and damaged heads among sound ones.
#[test]
fn r99_records_damaged_in_a_row_cost_no_other() {
    let (events, sound, ends) = planted(vec![0; 100]);
    let payload = |n: usize| ends[n] + 40;
    for (lost, at) in [
        (vec![1, 2, 3], vec![payload(1), payload(2), payload(3)]),
        (vec![0, 2, 4], vec![ends[0], ends[2] + 9, ends[4] + 33]),
        (vec![0, 1], vec![payload(0), ends[1] + 2]),
        (vec![6, 7], vec![ends[6] + 2, payload(7)]),
        (vec![6, 8], vec![ends[6] + 2, payload(8)]),
    ] {
        let mut bytes = sound.clone();
        at.iter().for_each(|at| bytes[*at] ^= 1);
        let (read, faults) = survey(&Log::open(&bytes).unwrap());
        assert_eq!(read, without(&events, &lost), "{lost:?}: {faults:?}");
        assert!(faults.iter().all(|fault| fault.unproven == 0));
    }
}

/// As many faults as records, in 17 MB of which every record imitates many: what is not linear in them takes minutes.
#[test]
fn r99_as_many_faults_as_records_take_linear_time() {
    let events: Vec<LoggedEvent> = (0..20_000).map(|_| carrier(head(1_000, 4).repeat(20))).collect();
    let mut bytes = log_of(&alice(), &events, 1);
    let places = Log::open(&bytes).unwrap().index();
    for (n, place) in places.iter().enumerate().filter(|(n, _)| n % 2 == 0) {
        bytes[place.offset as usize + if n % 4 == 0 { 1 } else { 60 }] ^= 1;
    }
    let faults = Log::open(&bytes).unwrap().records().filter(Result::is_err).count();
    assert_eq!(faults, 10_000);
    let log = Log::open(&bytes).unwrap();
    assert!(log.records().filter_map(Result::err).all(|fault| fault.reason != FaultReason::Head));
    assert_eq!(log.records().filter(Result::is_ok).count(), 10_000);
}
