//! The place of a snapshot in its log: kept in the header, found again, read on from.

use chatfold::binary::{self, LogHead};
use chatfold::jsonl::{self, LogBytes, LoggedEvent};
use chatfold::snapshot::{LogPlace, SnapshotError, SnapshotInfo, SnapshotSource, read_later};
use chatfold::testing::Workload;
use chatfold::{Inbox, Policy, Timestamp, UserId};

use crate::binary::{everything, log_of};
use crate::fuzzed::mend;
use crate::snapshot::{PREFIX, stays};

fn place() -> LogPlace {
    LogPlace::new(0x0102_0304_0506, 0xfedc_ba98_7654_3210).with_newest(Some(Timestamp::MAX))
}

fn owner() -> UserId {
    Workload::phone().owner()
}

fn inbox() -> Inbox {
    let events: Vec<_> = Workload::phone().with_events(300).with_conversations(12).iter().collect();
    Inbox::replay(owner(), Policy::default(), &events)
}

/// Where the header of a snapshot ends.
fn header_end(bytes: &[u8]) -> usize {
    22 + u32::from_le_bytes(bytes[10..14].try_into().unwrap()) as usize
}

/// Whatever the place, it is read as it was written, and the longest header has room for it.
#[test]
fn a_place_is_kept_in_the_header_and_nowhere_else() {
    let without = inbox().snapshot(PREFIX).unwrap();
    assert_eq!((without[8], SnapshotInfo::read(&without).unwrap().place), (7, None));
    let last = LogPlace::new(u64::MAX, u64::MAX).with_newest(Some(Timestamp::MAX));
    for place in [LogPlace::new(0, 0), place(), place().with_newest(Some(Timestamp::EPOCH)), last] {
        let bytes = inbox().snapshot_at(PREFIX, place).unwrap();
        assert_eq!(bytes[8], 8);
        let info = SnapshotInfo::read(&bytes).unwrap();
        assert_eq!((info.prefix, info.place, info.owner), (PREFIX, Some(place), owner()));
        let (end, ends) = (header_end(&bytes), header_end(&without));
        let histories_and_front = |bytes: &[u8], end: usize| bytes[end..bytes.len() - 32].to_vec();
        assert!(histories_and_front(&bytes, end) == histories_and_front(&without, ends));
        assert!(read_later(&bytes).is_some());
        let (restored, prefix) = Inbox::restore(bytes, &owner(), Policy::default()).unwrap();
        restored.verify().unwrap();
        assert_eq!((restored.digest(), prefix), (inbox().digest(), PREFIX));
        // Whoever goes on from it and keeps no file has none to name.
        assert!(restored.snapshot(PREFIX).unwrap() == without);
    }
    let longest = UserId::parse(&"x".repeat(128)).unwrap();
    let bytes = Inbox::new(longest.clone(), Policy::default()).snapshot_at(PREFIX, last).unwrap();
    assert_eq!(SnapshotInfo::read(&bytes).unwrap().owner, longest);
}

/// R99: every byte of the header as anything else, with a checksum that fits and with the old one.
#[test]
fn r99_every_other_byte_of_the_header_is_refused_or_read() {
    let events: Vec<_> = Workload::phone().with_events(9).with_conversations(2).iter().collect();
    let healthy = Inbox::replay(owner(), Policy::default(), &events).snapshot_at(PREFIX, place()).unwrap();
    let (mut refused, mut read) = (0, 0);
    for at in 0..header_end(&healthy) {
        for change in 1..=255_u8 {
            let mut bytes = healthy.clone();
            bytes[at] ^= change;
            assert!(SnapshotInfo::read(&bytes).is_err(), "byte {at}, {change}");
            mend(&mut bytes);
            match SnapshotInfo::read(&bytes) {
                Err(_) => refused += 1,
                Ok(info) => {
                    read += 1;
                    let _ = Inbox::restore(bytes, &info.owner, info.policy);
                }
            }
        }
    }
    assert!(refused > 5_000 && read > 5_000, "{refused} refused, {read} read");
}

/// R99: no instant outside of what a log may name, and no byte behind the place.
#[test]
fn r99_a_header_that_no_writer_writes_is_refused() {
    let healthy = inbox().snapshot_at(PREFIX, place()).unwrap();
    let end = header_end(&healthy) - 8;
    let undecodable =
        |bytes: &[u8]| matches!(SnapshotInfo::read(bytes), Err(SnapshotError::Undecodable { offset: 14 }));
    let mut later = healthy.clone();
    // The instant stands last, as the eight bytes of a varint.
    later[end - 8..end].copy_from_slice(&u64::MAX.to_le_bytes());
    mend(&mut later);
    assert!(undecodable(&later));
    let mut longer = healthy.clone();
    longer.insert(end, 0);
    longer[10] += 1;
    mend(&mut longer);
    assert!(undecodable(&longer));
    // A place in a header of version 7 is too long, and the header of version 7 too short for a place.
    for (mut bytes, version) in [(healthy, 7), (inbox().snapshot(PREFIX).unwrap(), 8)] {
        bytes[8] = version;
        mend(&mut bytes);
        assert!(undecodable(&bytes), "version {version}");
    }
}

#[test]
fn the_snapshot_of_version_8_is_written_and_read_for_ever() {
    let written = inbox().snapshot_at(PREFIX, place()).unwrap();
    assert_eq!(SnapshotInfo::read(&written).unwrap().place, Some(place()));
    assert_eq!(written.len_bytes(), written.len() as u64);
    stays("v8", &inbox(), &written);
}

/// From every boundary on, a binary log is read as it is from its beginning.
#[test]
fn a_binary_log_is_read_on_from_every_record() {
    let events = everything();
    let bytes = log_of(&owner(), &events, 7);
    let mut whole = binary::Reader::new(&bytes[..]).unwrap();
    let mut places = Vec::new();
    loop {
        places.push((whole.offset(), whole.head()));
        if whole.next_record().unwrap().is_none() {
            break;
        }
    }
    assert!(places.len() > 4);
    for (offset, head) in places {
        let at = offset as usize;
        assert_eq!(bytes[at - 8..at], head.check.to_le_bytes(), "it stands right before the place");
        let mut reader = binary::Reader::resume(&bytes[at..], whole.header().clone(), head, offset);
        let mut rest: Vec<LoggedEvent> = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            rest.extend(record.events().map(Result::unwrap));
        }
        assert_eq!(rest, events[head.events as usize..]);
        assert_eq!((reader.offset(), reader.head()), (whole.offset(), whole.head()));
        // Held against another head it is another log.
        for other in [LogHead { check: head.check ^ 1, ..head }, LogHead { events: head.events + 1, ..head }]
        {
            let mut reader = binary::Reader::resume(&bytes[at..], whole.header().clone(), other, offset);
            assert!(at == bytes.len() || reader.next_record().is_err());
        }
    }
    let last = LogHead { events: u64::MAX, check: 0 };
    assert!(
        binary::Reader::resume(&bytes[..], whole.header().clone(), last, u64::MAX).next_record().is_err()
    );
}

/// From every line on, a text log is read as it is from its beginning, and faults have the numbers of their lines.
#[test]
fn a_text_log_is_read_on_from_every_line() {
    let mut log = format!("{{\"log\":\"chatfold\",\"v\":1,\"owner\":\"{}\"}}\n", owner());
    for event in everything() {
        match event {
            LoggedEvent::Known(event) => log.push_str(&jsonl::encode_event(&event)),
            LoggedEvent::Skipped(skipped) => log.push_str(skipped.raw()),
        }
        log.push('\n');
    }
    log.push_str("no event\n");
    let lines = |reader: jsonl::Reader<&[u8]>| {
        reader.map(|line| line.map_err(|error| error.to_string())).collect::<Vec<_>>()
    };
    let whole = lines(jsonl::Reader::new(log.as_bytes()).unwrap());
    assert!(whole.last().unwrap().as_ref().unwrap_err().starts_with(&format!("line {},", whole.len() + 1)));
    let ends: Vec<usize> = log.match_indices('\n').map(|(at, _)| at + 1).collect();
    for (before, end) in (1..).zip(ends) {
        let reader = jsonl::Reader::new(log.as_bytes()).unwrap().resume(&log.as_bytes()[end..], before);
        assert_eq!(lines(reader), whole[before as usize - 1..]);
    }
}

#[test]
fn bytes_of_a_log_are_the_same_in_whatever_pieces() {
    let text: Vec<u8> = (0..2_000_u32).flat_map(|n| format!("{}\n", n * n).into_bytes()).collect();
    let mut whole = LogBytes::new();
    whole.push(&text);
    assert_eq!((whole.len_bytes(), whole.lines(), whole.is_whole_lines()), (text.len() as u64, 2_000, true));
    for len in [1, 2, 3, 7, 240, 241, 1_023, 4_096] {
        let mut pieces = LogBytes::default();
        for piece in text.chunks(len) {
            pieces.push(piece);
            pieces.push(&[]);
        }
        assert_eq!(pieces.check(), whole.check());
        assert_eq!((pieces.len_bytes(), pieces.lines()), (whole.len_bytes(), whole.lines()));
    }
    whole.push(b"x");
    assert!(!whole.is_whole_lines() && LogBytes::new().is_whole_lines());
}
