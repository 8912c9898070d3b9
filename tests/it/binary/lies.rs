//! Records whose checksums fit and whose payloads lie: they are refused with a reason or read as events, and
//! folding them and reading them agree.

use chatfold::binary::{FaultReason, Log, RecordFault};
use chatfold::jsonl::LoggedEvent;
use chatfold::testing::{Claim, Workload, sealed_log};
use chatfold::{Event, Inbox, Policy, Replay};
use proptest::prelude::*;

use super::{alice, everything, log_of};

/// The payload of the only record of a log.
fn payload(bytes: &[u8]) -> (u32, Vec<u8>) {
    let place = Log::open(bytes).unwrap().index()[0];
    let from = place.offset as usize + 36;
    (place.events, bytes[from..from + place.len_bytes as usize - 44].to_vec())
}

/// Reads a lie in every way; whether it was read as events.
fn look(claim: Claim) -> bool {
    let bytes = sealed_log(&alice(), &[claim]).unwrap();
    let log = Log::open(&bytes).unwrap();
    let (mut events, mut fault): (Vec<Event>, Option<RecordFault>) = (Vec::new(), None);
    for event in log.events() {
        match event {
            Ok(event) if fault.is_none() => events.extend(event.known().cloned()),
            // Behind a kept line that is none, events go on; folding ends at the first fault.
            Ok(_) => {}
            Err(error) => {
                fault.get_or_insert(error);
            }
        }
    }
    let mut folded = Replay::new(alice(), Policy::default());
    let outcome = log.fold(&mut folded);
    assert_eq!(outcome.as_ref().err(), fault.as_ref(), "folding and reading disagree");
    let inbox = folded.finish();
    assert_eq!(inbox.digest(), Inbox::replay(alice(), Policy::default(), &events).digest());
    assert!(fault.as_ref().is_none_or(|fault| matches!(
        fault.reason,
        FaultReason::Undecodable { .. } | FaultReason::Unreadable(_)
    )));
    if fault.is_none() {
        // What was read can be written and read again.
        let events: Vec<_> = log.events().map(Result::unwrap).collect();
        assert_eq!(super::read(&log_of(&alice(), &events, events.len().max(1))), events);
    }
    fault.is_none()
}

#[test]
fn r99_every_byte_of_a_payload_may_lie() {
    let events = everything();
    let (count, honest) = payload(&log_of(&alice(), &events, events.len()));
    assert!(look(Claim { events: count, old: false, flags: 0, payload: honest.clone() }));
    let mut read = 0;
    for at in 0..honest.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff, honest[at] ^ 1, honest[at] ^ 0x20, honest[at].wrapping_add(1)] {
            let mut payload = honest.clone();
            payload[at] = value;
            read += usize::from(look(Claim { events: count, old: false, flags: 0, payload }));
        }
    }
    assert!(read > 0 && read < honest.len() * 8, "some lies are events, some are not: {read}");
    for cut in 0..honest.len() {
        assert!(
            !look(Claim { events: count, old: false, flags: 0, payload: honest[..cut].to_vec() }),
            "cut at {cut}"
        );
    }
    for events in [0, 1, count - 1, count + 1, u32::MAX] {
        assert!(!look(Claim { events, old: false, flags: 0, payload: honest.clone() }), "{events} claimed");
    }
    let mut longer = honest;
    longer.push(0);
    assert!(!look(Claim { events: count, old: false, flags: 0, payload: longer }));
}

#[test]
fn r99_a_long_segment_may_lie_too() {
    // Its texts are lent while it is folded, and what stands before a lie is folded all the same.
    let events: Vec<_> = Workload::phone().with_events(9_000).iter().map(LoggedEvent::Known).collect();
    let owner = Workload::phone().owner();
    let (count, honest) = payload(&log_of(&owner, &events, events.len()));
    let mut refused = 0;
    for at in (0..honest.len()).step_by(honest.len() / 40) {
        let mut payload = honest.clone();
        payload[at] ^= 0x81;
        refused += usize::from(!look(Claim { events: count, old: false, flags: 0, payload }));
    }
    assert!(refused > 0, "some of the lies are none that can be read");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r99_nothing_that_is_claimed_panics(
        events in 0..40_u32,
        flags in prop::sample::select(&[0_u8, 0, 0, 1, 2]),
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        look(Claim { events, old: false, flags, payload: payload.clone() });
        look(Claim { events, old: true, flags, payload });
    }

    #[test]
    fn r99_spoilt_payloads_are_refused_or_read(
        spoils in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let events = everything();
        let (count, mut payload) = payload(&log_of(&alice(), &events, events.len()));
        for (at, value) in spoils {
            let at = at.index(payload.len());
            payload[at] = value;
        }
        look(Claim { events: count, old: false, flags: 0, payload });
    }
}
