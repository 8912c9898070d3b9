//! The binary log: what goes in comes out, whatever lies in between is told.

mod damage;
mod lies;
mod planted;

use std::path::{Path, PathBuf};

use chatfold::binary::{FaultReason, Header, Log, LogHead, Packing, Reader, Writer, is_binary_log};
use chatfold::jsonl::{self, LoggedEvent, decode_line};
use chatfold::testing::Workload;
use chatfold::{
    ConversationId, Envelope, Event, EventId, FolderId, Inbox, Message, MessageId, Policy, Replay, Timestamp,
    UserId,
};

use crate::harness::{FEW, MANY, MIX, cases, ensure, hold, replay, same_digest};
use crate::histories::History;

fn alice() -> UserId {
    UserId::parse("alice").unwrap()
}

/// A log of these events, a record after every so many.
pub fn log_of(owner: &UserId, events: &[LoggedEvent], each: usize) -> Vec<u8> {
    log_of_version(&Header::new(owner.clone()), events, each)
}

fn log_of_version(header: &Header, events: &[LoggedEvent], each: usize) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), header).unwrap();
    for chunk in events.chunks(each) {
        chunk.iter().for_each(|event| writer.write(event).unwrap());
        writer.flush().unwrap();
    }
    assert_eq!(writer.position(), events.len() as u64);
    writer.into_inner()
}

fn known(events: &[Event]) -> Vec<LoggedEvent> {
    events.iter().cloned().map(LoggedEvent::Known).collect()
}

pub(super) fn read(bytes: &[u8]) -> Vec<LoggedEvent> {
    Log::open(bytes).unwrap().events().map(Result::unwrap).collect()
}

/// Every type in every form, and what a newer program wrote.
pub fn everything() -> Vec<LoggedEvent> {
    let newer = [
        r#"{"v":2,"anything": [1, {"log":"x"}]}"#.to_owned(),
        crate::jsonl::line(r#"D "mood_set","mood":"\u00e9""#),
    ];
    let lines = crate::jsonl::CANONICAL.iter().map(|short| crate::jsonl::line(short)).chain(newer);
    lines.map(|line| decode_line(line.as_bytes()).unwrap()).collect()
}

/// A history written, read and folded in every way.
fn round_trip(history: &History) -> Result<(), String> {
    let events = known(&history.events);
    let whole = replay(history, &history.events);
    for each in [1, 7, usize::MAX] {
        let bytes = log_of(&history.owner, &events, each.min(events.len().max(1)));
        ensure(read(&bytes) == events, || format!("other events come back, {each} a record"))?;
        let log = Log::open_for(&bytes, &history.owner).map_err(|error| error.to_string())?;
        let times = log.records().filter_map(|record| record.ok()?.times()).flatten();
        let as_told = times.eq(history.events.iter().map(Event::at));
        ensure(as_told, || format!("other times come back, {each} a record"))?;
        let mut folded = Replay::new(history.owner.clone(), history.policy);
        let told = log.fold(&mut folded).map_err(|fault| fault.to_string())?;
        let newest = history.events.iter().map(Event::at).max();
        let as_told = (told.events, told.skipped, told.newest) == (events.len() as u64, 0, newest);
        ensure(as_told, || format!("it tells {told:?}"))?;
        let inbox = folded.finish();
        same_digest("folded from its binary log", &whole, &inbox)?;
        inbox.audit().map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[test]
fn r99_every_history_comes_back_and_folds_to_the_same() {
    hold("binary", MIX, cases(300), &round_trip);
    hold("binary, short", FEW, cases(100), &round_trip);
    hold("binary, thousands", MANY, cases(2), &round_trip);
}

#[test]
fn every_type_comes_back_and_what_is_unknown_byte_for_byte() {
    let events = everything();
    assert!(events.iter().filter(|event| event.known().is_none()).count() == 2);
    for each in [1, 3, events.len()] {
        let bytes = log_of(&alice(), &events, each);
        assert_eq!(read(&bytes), events);
        let mut replay = Replay::new(alice(), Policy::default());
        let folded = Log::open(&bytes).unwrap().fold(&mut replay).unwrap();
        assert_eq!((folded.events, folded.skipped), (events.len() as u64, 2));
    }
}

fn version_1() -> Header {
    let mut header = Header::new(alice());
    header.version = 1;
    header
}

#[test]
fn r99_version_1_is_read_and_appended_to_for_ever() {
    let events = everything();
    for each in [1, 3, events.len()] {
        let bytes = log_of_version(&version_1(), &events, each);
        assert_eq!((bytes[8], Log::open(&bytes).unwrap().header().version), (1, 1));
        assert_eq!(read(&bytes), events, "what it has no form for stands there as a line");
        let mut folded = Replay::new(alice(), Policy::default());
        Log::open(&bytes).unwrap().fold(&mut folded).unwrap();
        let known: Vec<_> = events.iter().filter_map(LoggedEvent::known).collect();
        let expected = Inbox::replay(alice(), Policy::default(), known);
        assert_eq!(folded.finish().digest(), expected.digest());
        // What is appended is of the log's version too, whoever appends it.
        let log = Log::open(&bytes).unwrap();
        let (header, head) = (log.header().clone(), log.verify().unwrap());
        let mut writer = Writer::resume(bytes, &header, head);
        events.iter().for_each(|event| writer.write(event).unwrap());
        writer.flush().unwrap();
        let bytes = writer.into_inner();
        let places = Log::open(&bytes).unwrap().index();
        assert!(places.iter().all(|place| bytes[place.offset as usize + 4] == 1));
        assert_eq!(read(&bytes), [&events[..], &events[..]].concat());
        let from = places[0].offset as usize;
        assert_eq!(Log::without_header(&bytes[from..], alice()).header().version, 1);
    }
    // In their own form they take less.
    let lens = [&version_1(), &Header::new(alice())].map(|header| log_of_version(header, &events, 999).len());
    assert!(lens[1] < lens[0], "{lens:?}");
    let mut header = Header::new(alice());
    header.version = 3;
    assert!(Writer::new(Vec::new(), &header).is_err());
}

#[test]
fn an_empty_log_is_a_log() {
    let bytes = log_of(&alice(), &[], 1);
    assert!(is_binary_log(&bytes) && !is_binary_log(b"{\"log\""));
    let log = Log::open(&bytes).unwrap();
    assert_eq!((log.records().count(), log.index().len(), log.owner()), (0, 0, &alice()));
    assert_eq!(log.verify().unwrap().events, 0);
    assert!(Reader::new(&bytes[..]).unwrap().next_record().unwrap().is_none());
}

#[test]
fn a_stream_gives_what_the_bytes_give() {
    let events = everything();
    let bytes = log_of(&alice(), &events, 5);
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let mut read = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        assert_eq!(record.place().position, read.len() as u64);
        read.extend(record.events().map(Result::unwrap));
    }
    assert_eq!(read, events);
    assert_eq!(reader.head(), Log::open(&bytes).unwrap().verify().unwrap());
}

#[test]
fn any_record_is_reached_by_its_place() {
    let events = everything();
    let bytes = log_of(&alice(), &events, 4);
    let log = Log::open(&bytes).unwrap();
    let index = log.index();
    assert_eq!(index.len(), events.len().div_ceil(4));
    for place in index.into_iter().rev() {
        let record = log.record_at(place).unwrap();
        assert_eq!(record.place(), place);
        let from = place.position as usize;
        let read: Vec<_> = record.events().map(Result::unwrap).collect();
        assert_eq!(read, events[from..from + place.events as usize]);
    }
}

#[test]
fn the_times_of_a_record_that_keeps_a_line_are_not_told() {
    let events = everything();
    let bytes = log_of(&alice(), &events, 1);
    let records = Log::open(&bytes).unwrap().records().map(Result::unwrap).collect::<Vec<_>>();
    for (record, event) in records.iter().zip(&events) {
        assert_eq!(record.times(), event.known().map(|event| vec![event.at()]), "{event:?}");
    }
    let bytes = log_of(&alice(), &events, events.len());
    assert_eq!(Log::open(&bytes).unwrap().records().next().unwrap().unwrap().times(), None);
}

#[test]
fn r99_an_append_after_a_crash_goes_on_where_the_log_is_sound() {
    let events = everything();
    let sound = log_of(&alice(), &events, 10);
    let more = log_of(&alice(), &events[..3], 3);
    for torn in [0, 1, 20, 60] {
        let mut bytes = sound.clone();
        bytes.extend_from_slice(&more[more.len() - 80..more.len() - 80 + torn]);
        let log = Log::open(&bytes).unwrap();
        let mut records = log.records();
        let faults: Vec<_> = records.by_ref().filter_map(Result::err).collect();
        assert_eq!(faults.len(), usize::from(torn > 0));
        assert!(faults.iter().all(|fault| fault.is_torn_tail() && fault.len_bytes == torn as u64));
        let head = records.head();
        assert_eq!(records.offset(), sound.len() as u64);
        bytes.truncate(records.offset() as usize);
        let mut writer = Writer::resume(bytes, &Header::new(alice()), head);
        events[..2].iter().for_each(|event| writer.write(event).unwrap());
        writer.flush().unwrap();
        let again = writer.into_inner();
        assert_eq!(read(&again), [&events[..], &events[..2]].concat());
        assert_eq!(Log::open(&again).unwrap().verify().unwrap().events, events.len() as u64 + 2);
    }
}

#[test]
fn full_segments_are_written_without_a_flush() {
    let folder = |n: u32| {
        let id = EventId::from_bytes(u128::from(n).to_be_bytes());
        let envelope = Envelope::new(id, Timestamp::from_millis(i64::from(n)).unwrap(), alice());
        envelope.folder_created(FolderId::from_bytes([1; 16]), format!("folder {n}")).unwrap()
    };
    let mut writer = Writer::new(Vec::new(), &Header::new(alice())).unwrap();
    (0..40_000).for_each(|n| writer.write_event(&folder(n)).unwrap());
    assert!(writer.head().events > 0 && writer.position() == 40_000);
    writer.flush().unwrap();
    let bytes = writer.into_inner();
    assert!(Log::open(&bytes).unwrap().index().len() > 1);
    assert_eq!(read(&bytes), known(&(0..40_000).map(folder).collect::<Vec<_>>()));
}

#[test]
fn the_longest_ids_come_back() {
    // Their lengths take two bytes in a segment's dictionary.
    let users = [1, 31, 126, 127, 128].map(|len| UserId::parse(&"u".repeat(len)).unwrap());
    let chats =
        [5, 126, 127, 128].map(|len| ConversationId::parse(&format!("group_{}", "g".repeat(len - 4))));
    let chats = chats.map(Result::ok).into_iter().flatten();
    let pairs = chats.flat_map(|chat| users.iter().map(move |user| (chat.clone(), user)));
    let events: Vec<Event> = (1u128..)
        .zip(pairs)
        .map(|(n, (chat, user))| {
            let at = Timestamp::from_millis(n as i64).unwrap();
            let mut message = Message::text(MessageId::from_bytes(n.to_be_bytes()), "a");
            message.seq = Some(n as u64);
            let envelope = Envelope::new(EventId::from_bytes(n.to_be_bytes()), at, user.clone());
            envelope.message_received(chat, message).unwrap()
        })
        .collect();
    assert!(events.len() >= 10, "{}", events.len());
    let bytes = log_of(&alice(), &known(&events), events.len());
    assert_eq!(read(&bytes), known(&events));
    let mut folded = Replay::new(alice(), Policy::default());
    Log::open(&bytes).unwrap().fold(&mut folded).unwrap();
    assert_eq!(folded.finish().digest(), Inbox::replay(alice(), Policy::default(), &events).digest());
}

#[test]
fn what_follows_the_last_text_of_a_long_segment_keeps_its_content() {
    // Its texts are lent while it is folded; what a message carries beside a text is copied, and never runs on from them.
    let event = |n: u128| {
        let mut message = Message::text(MessageId::from_bytes(n.to_be_bytes()), format!("text {n}"));
        message.seq = Some(n as u64);
        message.custom = (n > 9_000).then(|| vec![n as u8; 3]);
        let at = Timestamp::from_millis(n as i64).unwrap();
        let envelope = Envelope::new(EventId::from_bytes(n.to_be_bytes()), at, alice());
        envelope.message_received(ConversationId::parse("group_long").unwrap(), message).unwrap()
    };
    let events: Vec<Event> = (1..=9_010).map(event).collect();
    let bytes = log_of(&alice(), &known(&events), events.len());
    let mut folded = Replay::new(alice(), Policy::default());
    Log::open(&bytes).unwrap().fold(&mut folded).unwrap();
    assert_eq!(folded.finish().digest(), Inbox::replay(alice(), Policy::default(), &events).digest());
}

#[test]
fn packed_segments_come_back_and_are_smaller() {
    let mut events = Vec::new();
    (0..4).for_each(|_| events.extend(everything()));
    let plain = log_of(&alice(), &events, events.len());
    let mut writer = Writer::new(Vec::new(), &Header::new(alice())).unwrap().with_packing(Packing::Zstd);
    events.iter().for_each(|event| writer.write(event).unwrap());
    writer.flush().unwrap();
    let packed = writer.into_inner();
    assert!(packed.len() * 3 < plain.len() * 2, "{} of {}", packed.len(), plain.len());
    assert_eq!(read(&packed), events);
    // What would unpack to more than any reader takes is left as it is.
    let mut long = crate::jsonl::line(r#"D "draft_set","text":"$""#);
    long = long.replace('$', &"same ".repeat(20_000));
    let long = [decode_line(long.as_bytes()).unwrap()];
    let mut writer = Writer::new(Vec::new(), &Header::new(alice())).unwrap().with_packing(Packing::Zstd);
    writer.write(&long[0]).unwrap();
    writer.flush().unwrap();
    assert!(writer.into_inner() == log_of(&alice(), &long, 1));
    for at in 0..packed.len() {
        let mut flipped = packed.clone();
        flipped[at] ^= 0x10;
        assert!(Log::open(&flipped).is_err() || Log::open(&flipped).unwrap().verify().is_err(), "byte {at}");
    }
}

#[test]
fn a_writer_that_failed_writes_no_more() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = self.0.min(bytes.len());
            self.0 -= room;
            if room == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(room) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(Full(60), &Header::new(alice())).unwrap();
    let events = everything();
    writer.write(&events[0]).unwrap();
    assert!(writer.flush().is_err());
    let head = writer.head();
    writer.write(&events[1]).unwrap();
    assert!(writer.flush().unwrap_err().to_string().contains("earlier write failed"));
    assert_eq!(writer.head(), head, "nothing was acknowledged");
}

#[test]
fn a_log_says_what_it_was_redacted_from() {
    let header = |redacted_from| {
        let mut header = Header::new(alice());
        header.redacted_from = redacted_from;
        header
    };
    for redacted_from in [None, Some(LogHead { events: 7, check: u64::MAX })] {
        let bytes = Writer::new(Vec::new(), &header(redacted_from)).unwrap().into_inner();
        assert_eq!(*Log::open(&bytes).unwrap().header(), header(redacted_from));
    }
}

#[test]
fn a_line_that_became_known_is_an_event() {
    // As an older program would have kept it: a line of a type it did not know.
    let line = crate::jsonl::line(r#"D "conversation_pinned","on":true"#);
    let mut payload = vec![0, 0, 0, 0, 1];
    payload.extend([0; 8]);
    payload.push(line.len() as u8 + 2);
    payload.push(31);
    payload.extend([line.len() as u8 | 0x80, (line.len() >> 7) as u8]);
    payload.extend_from_slice(line.as_bytes());
    assert!(line.len() >= 128 && line.len() + 2 < 256, "{}", line.len());
    // The length of the last column takes two bytes.
    let len = line.len() + 2;
    payload[13] = len as u8 & 0x7f | 0x80;
    payload.insert(14, (len >> 7) as u8);
    let claim = chatfold::testing::Claim { events: 1, old: true, flags: 0, payload };
    let bytes = chatfold::testing::sealed_log(&alice(), &[claim]).unwrap();
    let read = read(&bytes);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0], decode_line(line.as_bytes()).unwrap());
    let mut replay = Replay::new(alice(), Policy::default());
    assert_eq!(Log::open(&bytes).unwrap().fold(&mut replay).unwrap().skipped, 0);
    assert!(replay.finish().conversations().next().unwrap().is_pinned());
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The text logs among the fixtures, and where the same log lies in the binary form of each version.
fn golden() -> Vec<(PathBuf, u16, PathBuf)> {
    let mut texts: Vec<_> = std::fs::read_dir(fixtures().join("logs/v1"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == "jsonl"))
        .collect();
    texts.sort();
    assert!(texts.len() >= 9);
    let binary = |text: &Path, version: u16| {
        let name = text.file_name().unwrap();
        fixtures().join(format!("binary/v{version}")).join(name).with_extension("chatfold")
    };
    let each = |text: PathBuf| [1, 2].map(|version| (text.clone(), version, binary(&text, version)));
    texts.into_iter().flat_map(each).collect()
}

#[test]
fn golden_logs_are_written_byte_for_byte_and_read_for_ever() {
    for (text, version, binary) in golden() {
        let text = std::fs::read(text).unwrap();
        let mut reader = jsonl::Reader::new(&text[..]).unwrap();
        let events: Vec<_> = reader.by_ref().map(|record| record.unwrap().event).collect();
        let mut header = Header::new(reader.owner().clone());
        header.version = version;
        let written = log_of_version(&header, &events, events.len());
        if !binary.exists() && std::env::var("CHATFOLD_BLESS").is_ok_and(|value| value == "1") {
            std::fs::create_dir_all(binary.parent().unwrap()).unwrap();
            std::fs::write(&binary, &written).unwrap();
        }
        let kept = std::fs::read(&binary).unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        assert!(kept == written, "{} is written otherwise now", binary.display());
        let log = Log::open(&kept).unwrap();
        let mut back = jsonl::Writer::new(Vec::new(), log.owner()).unwrap();
        log.events().for_each(|event| back.write(&event.unwrap()).unwrap());
        assert!(back.into_inner() == text, "{} says something else", binary.display());
        let mut folded = Replay::new(log.owner().clone(), Policy::default());
        log.fold(&mut folded).unwrap();
        let events: Vec<_> = events.iter().filter_map(LoggedEvent::known).collect();
        let inbox = chatfold::Inbox::replay(log.owner().clone(), Policy::default(), events.iter().copied());
        assert_eq!(folded.finish().digest(), inbox.digest());
    }
}

#[test]
fn a_newer_version_and_another_owner_are_refused() {
    use chatfold::binary::HeaderError;
    let mut bytes = log_of(&alice(), &everything(), 9);
    let error = Log::open_for(&bytes, &UserId::parse("bob").unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "byte 14: expected the log of bob, found that of alice");
    bytes[8] = 3;
    assert_eq!(Log::open(&bytes).unwrap_err(), HeaderError::Checksum, "damaged, not newer");
    let end = 14 + usize::from(bytes[10]);
    let check = xxhash_rust::xxh3::xxh3_64(&bytes[..end]).to_le_bytes();
    bytes[end..end + 8].copy_from_slice(&check);
    let error = Log::open(&bytes).unwrap_err();
    assert_eq!(error, HeaderError::Version { expected: 2, found: 3 });
    assert!(matches!(Reader::new(&bytes[..]), Err(chatfold::binary::ReadError::Header(_))));
    assert_eq!(Log::open(b"CFOLDSNPxxxx").unwrap_err(), HeaderError::Magic);
}

#[test]
fn a_record_of_another_kind_is_told_apart_from_a_broken_one() {
    let claim = chatfold::testing::Claim { flags: 2, ..Default::default() };
    let bytes = chatfold::testing::sealed_log(&alice(), &[claim]).unwrap();
    let fault = Log::open(&bytes).unwrap().verify().unwrap_err();
    assert!(matches!(fault.reason, FaultReason::Unreadable(_)), "{fault}");
}

#[test]
fn r99_a_kept_line_that_is_none_ends_nothing_but_itself() {
    let events = everything();
    let mut bytes = log_of(&alice(), &events, events.len());
    let place = Log::open(&bytes).unwrap().index()[0];
    let from = place.offset as usize;
    let at = bytes.windows(10).position(|window| window == b"\"anything\"").unwrap();
    bytes[at] = b'!';
    let payload = bytes[from + 36..bytes.len() - 8].to_vec();
    let claim = chatfold::testing::Claim { events: place.events, payload, ..Default::default() };
    let bytes = chatfold::testing::sealed_log(&alice(), &[claim]).unwrap();
    let read: Vec<_> = Log::open(&bytes).unwrap().events().collect();
    assert_eq!(read.len(), events.len());
    let lost = events.iter().position(|event| event.known().is_none()).unwrap();
    for (index, (read, event)) in read.iter().zip(&events).enumerate() {
        match read {
            Ok(read) => assert_eq!(read, event),
            Err(fault) => assert_eq!((index, fault.position), (lost, lost as u64), "{fault}"),
        }
    }
    assert!(read[lost].is_err());
    let mut replay = Replay::new(alice(), Policy::default());
    assert!(Log::open(&bytes).unwrap().fold(&mut replay).is_err());
}

/// More than a replay holds back at once, with what has no column of its own all over it.
#[test]
fn a_long_log_folds_like_its_events() {
    let workload = Workload::phone().with_events(45_000);
    let owner = workload.owner();
    let mut events = Vec::new();
    for (n, event) in (0u128..).zip(workload.iter()) {
        if n % 61 == 0 {
            let id = EventId::from_bytes((n << 64 | 1).to_be_bytes());
            let envelope = Envelope::new(id, event.at(), owner.clone());
            events.push(match n % 3 {
                0 => envelope.folder_created(FolderId::from_bytes(n.to_be_bytes()), format!("{n}")).unwrap(),
                1 => {
                    let id = MessageId::from_bytes((n << 64 | 2).to_be_bytes());
                    let mut message = Message::text(id, "with more");
                    message.cloud_custom = Some(vec![n as u8; 9]);
                    let peer = ConversationId::direct(&UserId::parse(&format!("peer{}", n % 7)).unwrap());
                    envelope.message_received(peer, message).unwrap()
                }
                _ => envelope.quiet_hours_set(None).unwrap(),
            });
        }
        events.push(event);
    }
    let expected = Inbox::replay(owner.clone(), Policy::default(), &events);
    assert_eq!(expected.audit(), Ok(()));
    for each in [1_000, 16_000, 60_000] {
        let log = log_of(&owner, &known(&events), each);
        let mut replay = Replay::new(owner.clone(), Policy::default());
        Log::open(&log).unwrap().fold(&mut replay).unwrap();
        assert_eq!(replay.finish().digest(), expected.digest(), "{each} events a record");
    }
    // Taken in live, one after the other.
    let mut live = Inbox::new(owner, Policy::default());
    live.apply_batch(&events);
    assert_eq!(live.digest(), expected.digest());
}
