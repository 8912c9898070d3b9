//! Logs cut at every byte, with every bit flipped, with records removed, repeated and moved.

use std::num::NonZero;

use chatfold::binary::{
    FaultEnd, FaultReason, Header, HeaderError, Log, Reader, RecordFault, Writer, recover,
};
use chatfold::jsonl::LoggedEvent;
use chatfold::{Policy, Replay};

use super::{alice, everything, log_of};

/// What can be read of a log, and its faults.
fn survey(bytes: &[u8]) -> Result<(Vec<LoggedEvent>, Vec<RecordFault>), HeaderError> {
    let (mut events, mut faults) = (Vec::new(), Vec::new());
    for event in Log::open(bytes)?.events() {
        match event {
            Ok(event) => events.push(event),
            Err(fault) => faults.push(fault),
        }
    }
    Ok((events, faults))
}

/// What a stream gives before its first fault.
fn streamed(bytes: &[u8]) -> (usize, bool) {
    let Ok(mut reader) = Reader::new(bytes) else { return (0, true) };
    let mut events = 0;
    loop {
        match reader.next_record() {
            Ok(Some(record)) => events += record.events().filter(Result::is_ok).count(),
            Ok(None) => return (events, false),
            Err(_) => return (events, true),
        }
    }
}

/// Where the records of a log begin, its end included.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let index = Log::open(bytes).unwrap().index();
    index.iter().map(|place| place.offset as usize).chain([bytes.len()]).collect()
}

const EACH: usize = 6;

#[test]
fn r99_cut_at_every_byte_what_stands_before_is_read() {
    let events = everything();
    let bytes = log_of(&alice(), &events, EACH);
    let ends = ends(&bytes);
    for cut in 0..bytes.len() {
        let part = &bytes[..cut];
        let Ok((read, faults)) = survey(part) else {
            assert!(cut < ends[0], "cut at {cut} the header is there");
            assert!(streamed(part).1);
            continue;
        };
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(read, events[..whole * EACH], "cut at {cut}");
        assert_eq!(streamed(part), (read.len(), !ends.contains(&cut)));
        if ends.contains(&cut) {
            assert!(faults.is_empty(), "cut at {cut}: {faults:?}");
        } else {
            let [fault] = &faults[..] else { panic!("cut at {cut}: {faults:?}") };
            assert!(fault.is_torn_tail(), "{fault}");
            assert!(matches!(fault.reason, FaultReason::Short { .. }), "{fault}");
            assert_eq!((fault.offset as usize, fault.position), (ends[whole], (whole * EACH) as u64));
            assert_eq!(fault.offset + fault.len_bytes, cut as u64);
        }
    }
}

#[test]
fn r99_every_flipped_bit_is_told_and_the_rest_is_read() {
    let events = everything();
    let bytes = log_of(&alice(), &events, EACH);
    let ends = ends(&bytes);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok((read, faults)) = survey(&flipped) else {
            assert!(bit / 8 < ends[0], "bit {bit} is not in the header");
            continue;
        };
        assert!(bit / 8 >= ends[0], "bit {bit} of the header is not told");
        let broken = ends.iter().filter(|end| **end <= bit / 8).count() - 1;
        let [fault] = &faults[..] else { panic!("bit {bit}: {faults:?}") };
        assert_eq!(fault.offset as usize, ends[broken], "bit {bit}: {fault}");
        let (before, after) =
            (&events[..broken * EACH], events.get((broken + 1) * EACH..).unwrap_or_default());
        assert_eq!(read, [before, after].concat(), "bit {bit}");
        if after.is_empty() {
            assert!(fault.is_torn_tail());
        } else {
            assert_eq!(fault.after, FaultEnd::Record { position: ((broken + 1) * EACH) as u64 });
            assert_eq!((fault.offset + fault.len_bytes) as usize, ends[broken + 1]);
        }
        assert_eq!(streamed(&flipped), (before.len(), true));
    }
}

#[test]
fn r99_a_record_removed_repeated_or_moved_is_seen() {
    let events = everything();
    let bytes = log_of(&alice(), &events, EACH);
    let ends = ends(&bytes);
    let record = |n: usize| &bytes[ends[n]..ends[n + 1]];
    let header = &bytes[..ends[0]];
    let (first, second, third) = (record(0), record(1), record(2));
    for (what, records, at, found) in [
        ("removed", vec![first, third], 1, 2 * EACH),
        ("the first removed", vec![second, third], 0, EACH),
        ("repeated", vec![first, first, second], 1, 0),
        ("swapped", vec![first, third, second], 1, 2 * EACH),
    ] {
        let log = [header, &records.concat()].concat();
        let (read, faults) = survey(&log).unwrap();
        assert_eq!(read.len(), records.len() * EACH, "{what}: every record is valid by itself");
        let fault = &faults[0];
        assert_eq!(fault.reason, FaultReason::Chain { position: found as u64 }, "{what}");
        assert_eq!((fault.position, fault.len_bytes), ((at * EACH) as u64, 0), "{what}");
        assert!(streamed(&log).1, "{what}");
    }
    // A record of another log of the same owner, in its right place.
    let mut other = everything();
    other.rotate_left(EACH);
    let other = log_of(&alice(), &other, EACH);
    let foreign = &other[ends_of(&other, 1)];
    let (_, faults) = survey(&[header, first, foreign].concat()).unwrap();
    assert_eq!(faults[0].reason, FaultReason::Chain { position: EACH as u64 });
}

fn ends_of(bytes: &[u8], record: usize) -> std::ops::Range<usize> {
    let ends = ends(bytes);
    ends[record]..ends[record + 1]
}

#[test]
fn r99_what_is_recovered_is_all_that_is_valid_in_a_sound_log() {
    let events = everything();
    let mut bytes = log_of(&alice(), &events, EACH);
    let ends = ends(&bytes);
    bytes[ends[2] + 50] ^= 1;
    bytes[ends[4] + 3] ^= 1;
    bytes.truncate(bytes.len() - 5);
    let before = bytes.clone();
    let log = Log::open(&bytes).unwrap();
    let mut writer = Writer::new(Vec::new(), &Header::new(log.owner().clone())).unwrap();
    let found = recover(&log, &mut writer).unwrap();
    writer.flush().unwrap();
    assert_eq!(bytes, before);
    let recovered = writer.into_inner();
    assert_eq!(Log::open(&recovered).unwrap().verify().unwrap().events, found.events);
    let expected =
        [&events[..2 * EACH], &events[3 * EACH..4 * EACH], &events[5 * EACH..(ends.len() - 2) * EACH]];
    assert_eq!(super::read(&recovered), expected.concat());
    let places: Vec<_> =
        found.faults.iter().map(|fault| (fault.offset as usize, fault.is_torn_tail())).collect();
    assert_eq!(places, [(ends[2], false), (ends[4], false), (ends[ends.len() - 2], true)]);
    let told = found.faults[0].to_string();
    let expected = format!(
        "byte {}, event 12: expected a record, found a record whose checksum does not fit; the next valid \
         record begins at byte {}, 6 events on",
        ends[2], ends[3]
    );
    assert_eq!(told, expected);
}

#[test]
fn r99_a_log_without_its_header_is_read_once_its_owner_is_named() {
    let events = everything();
    let bytes = log_of(&alice(), &events, EACH);
    let ends = ends(&bytes);
    for (from, lost) in [(0, 0), (10, 0), (ends[0] - 1, 0), (ends[0], 0), (ends[0] + 1, 1), (ends[2], 2)] {
        let log = Log::without_header(&bytes[from..], alice());
        let read: Vec<_> = log.events().filter_map(Result::ok).collect();
        assert_eq!(read, events[lost * EACH..], "from byte {from}");
        let first = log.records().next().unwrap();
        assert_eq!(first.is_err(), lost > 0, "events before the first record are told to be missing");
    }
    assert_eq!(Log::without_header(b"nothing of the kind", alice()).events().count(), 0);
}

/// A message may carry a whole log, as when one is sent as a file: nothing of it becomes part of this log.
#[test]
fn r99_a_record_within_a_message_is_none_of_the_logs() {
    let foreign = log_of(&alice(), &everything(), EACH);
    let mut message = chatfold::Message::new(chatfold::MessageId::from_bytes([9; 16]));
    message.custom = Some(foreign);
    let envelope = chatfold::Envelope::new(
        chatfold::EventId::from_bytes([8; 16]),
        chatfold::Timestamp::EPOCH,
        chatfold::UserId::parse("mallory").unwrap(),
    );
    let carrier = envelope.message_received("c2c_mallory".parse().unwrap(), message).unwrap();
    let events = [LoggedEvent::Known(carrier), everything().remove(0)];
    let bytes = log_of(&alice(), &events, 1);
    let ends = ends(&bytes);
    let mut flipped = bytes.clone();
    flipped[ends[1] - 9] ^= 1;
    let (read, faults) = survey(&flipped).unwrap();
    assert_eq!((read.as_slice(), faults.len()), (&events[1..], 1), "{faults:?}");
    assert_eq!(faults[0].after, FaultEnd::Record { position: 1 });
    // Torn by a crash it is a torn tail, whatever the torn record carries.
    let (read, faults) = survey(&bytes[..ends[1] - 9]).unwrap();
    assert!(read.is_empty() && faults.len() == 1 && faults[0].is_torn_tail(), "{faults:?}");
}

/// Bytes that look like the beginning of a long record at every place do not take longer than their length asks.
#[test]
fn r99_hostile_heads_are_not_hashed_again_and_again() {
    let bytes = log_of(&alice(), &everything(), EACH);
    let ends = ends(&bytes);
    let head = &bytes[ends[0]..ends[0] + 36];
    let mut hostile = bytes[..ends[0]].to_vec();
    // Eight megabytes of heads: a scan that hashed from each of them would take hours.
    (0..200_000).for_each(|n: u32| {
        let mut head = head.to_vec();
        head[8..12].copy_from_slice(&7_200_000_u32.saturating_sub(36 * n + 44).to_le_bytes());
        let check = xxhash_rust::xxh3::xxh3_64(&head[..32]) as u32;
        head[32..36].copy_from_slice(&check.to_le_bytes());
        hostile.extend_from_slice(&head);
    });
    hostile[ends[0]] ^= 1;
    let (read, faults) = survey(&hostile).unwrap();
    assert_eq!((read.len(), faults.len()), (0, 1));
    // They cannot all be looked at, so nobody can say that it is a torn tail.
    assert_eq!(faults[0].after, FaultEnd::Unproven);
}

/// The stretches of a log fold to what the log does, and tell of the same first fault: whatever bit is flipped,
/// whatever record is removed, repeated or moved.
#[test]
fn r99_stretches_see_the_fault_that_the_log_has() {
    let bytes = log_of(&alice(), &everything(), EACH);
    let ends = ends(&bytes);
    let record = |n: usize| &bytes[ends[n]..ends[n + 1]];
    let last = ends.len() - 2;
    let mut logs = vec![bytes.clone()];
    logs.extend((ends[0]..bytes.len()).step_by(3).map(|at| {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        flipped
    }));
    logs.extend((ends[0]..bytes.len()).step_by(7).map(|cut| bytes[..cut].to_vec()));
    for n in 0..=last {
        let (before, after) = (&bytes[..ends[n]], &bytes[ends[n + 1]..]);
        logs.push([before, after].concat());
        logs.push([before, record(n), record(n), after].concat());
        logs.push([before, record(last - n), after].concat());
    }
    let replay = || Replay::new(alice(), Policy::default());
    let mut faulty = 0;
    for (n, bytes) in logs.iter().enumerate() {
        let log = Log::open(bytes).unwrap();
        let mut whole = replay();
        let expected = log.fold(&mut whole);
        faulty += usize::from(expected.is_err());
        for count in [1, 2, 3, 100] {
            let count = NonZero::new(count).unwrap();
            let stretches = log.stretches(count);
            assert!(stretches.len() <= count.get() && stretches.len() <= log.index().len().max(1));
            let mut replays = Vec::new();
            let folded: Result<Vec<_>, _> = stretches
                .into_iter()
                .map(|stretch| {
                    replays.push(replay());
                    stretch.fold_into(replays.last_mut().unwrap())
                })
                .collect();
            match (&expected, folded) {
                (Err(expected), Err(fault)) => assert_eq!(*expected, fault, "log {n} in {count}"),
                (Ok(expected), Ok(folded)) => {
                    let events: u64 = folded.iter().map(|part| part.events).sum();
                    let newest = folded.iter().filter_map(|part| part.newest).max();
                    assert_eq!((events, newest), (expected.events, expected.newest), "log {n} in {count}");
                    let mut parts = Replay::share_out(replays, NonZero::new(2).unwrap()).unwrap().into_iter();
                    let mut inbox = parts.next().unwrap().finish();
                    inbox.absorb(parts.next().unwrap().finish()).unwrap();
                    assert_eq!(inbox.digest(), std::mem::replace(&mut whole, replay()).finish().digest());
                }
                (expected, folded) => panic!("log {n} in {count}: {expected:?}, {folded:?}"),
            }
            if expected.is_ok() {
                log.fold(&mut whole).unwrap();
            }
        }
    }
    assert!(faulty > 200 && faulty < logs.len(), "{faulty} of {}", logs.len());
}
