//! The binary log: any bytes, and any payloads behind checksums that fit. Nothing panics; reading by bytes, by stream
//! and by folding agree; what is recovered is sound.

use chatfold::binary::{Header, Log, Reader, Writer, recover};
use chatfold::jsonl::LoggedEvent;
use chatfold::testing::{Claim, sealed_log};
use chatfold::{Event, Inbox, Policy, Replay, UserId};

/// Holds the laws against any bytes.
pub fn check(data: &[u8]) {
    laws(data);
    let owner = UserId::parse("alice").unwrap();
    for old in [false, true] {
        laws(&sealed_log(&owner, &claims(data, old)).unwrap());
    }
}

/// The records that bytes claim: each the number of its events, flags, length of the payload, payload.
fn claims(mut data: &[u8], old: bool) -> Vec<Claim> {
    let mut claims = Vec::new();
    while let Some(([events, flags, len, more], rest)) = data.split_first_chunk() {
        let len = (usize::from(*len) << 3 | usize::from(*more)).min(rest.len());
        let (payload, rest) = rest.split_at(len);
        claims.push(Claim { events: u32::from(*events), old, flags: *flags, payload: payload.to_vec() });
        data = rest;
    }
    claims
}

fn laws(bytes: &[u8]) {
    let Ok(log) = Log::open(bytes) else {
        assert!(Reader::new(bytes).is_err(), "a header is one for both");
        return;
    };
    let (mut all, mut before_fault) = (Vec::new(), None);
    for event in log.events() {
        match event {
            Ok(event) => all.push(event),
            Err(fault) => {
                assert!(!fault.to_string().is_empty());
                before_fault.get_or_insert(all.len());
            }
        }
    }
    let sound = before_fault.is_none();
    let before = &all[..before_fault.unwrap_or(all.len())];

    let mut replay = Replay::new(log.owner().clone(), Policy::default());
    let folded = log.fold(&mut replay);
    assert_eq!(folded.is_ok(), sound, "folding meets the faults that reading meets");
    let known: Vec<Event> = before.iter().filter_map(|event| event.known().cloned()).collect();
    let inbox = Inbox::replay(log.owner().clone(), Policy::default(), &known);
    let by_fold = replay.finish();
    assert_eq!(by_fold.digest(), inbox.digest(), "folded as it lies and as events");
    by_fold.audit().unwrap();
    if let Ok(folded) = folded {
        assert_eq!(folded.events - folded.skipped, known.len() as u64);
        assert_eq!(folded.newest, known.iter().map(Event::at).max());
        assert_eq!(log.verify().unwrap().events, folded.events);
    }
    assert_eq!(streamed(bytes), (before.to_vec(), sound), "by stream and by bytes");

    let mut writer = Writer::new(Vec::new(), &Header::new(log.owner().clone())).unwrap();
    let recovered = recover(&log, &mut writer).unwrap();
    writer.flush().unwrap();
    assert_eq!((recovered.events, recovered.faults.is_empty()), (all.len() as u64, sound));
    let again = writer.into_inner();
    let read: Vec<LoggedEvent> = Log::open(&again).unwrap().events().map(Result::unwrap).collect();
    assert_eq!(read, all, "written and read again");
}

/// What a stream gives before its first fault, and whether there was none.
fn streamed(bytes: &[u8]) -> (Vec<LoggedEvent>, bool) {
    let mut reader = Reader::new(bytes).unwrap();
    let mut events = Vec::new();
    loop {
        match reader.next_record() {
            Ok(None) => return (events, true),
            Err(_) => return (events, false),
            Ok(Some(record)) => {
                for event in record.events() {
                    match event {
                        Ok(event) => events.push(event),
                        Err(_) => return (events, false),
                    }
                }
            }
        }
    }
}
