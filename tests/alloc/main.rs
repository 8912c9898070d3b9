//! R99: decoding never allocates more than a small multiple of its input, whatever that says.
//!
//! A program of its own, and in it one test, because the allocator counts for all threads.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "../fuzzed/mend.rs"]
mod mend;

mod inputs;

use chatfold::testing::{Claim, sealed_log};
use chatfold::view::Direction;
use chatfold::{Inbox, Policy, binary, jsonl};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What decoding an input of so many bytes may hold, the input itself not counted.
fn bound(len_bytes: usize) -> usize {
    64 * len_bytes + (1 << 20)
}

/// Something that decodes bytes of strangers. A new format is one more row of `DECODERS`.
struct Decoder {
    name: &'static str,
    /// Decodes all there is, keeps all of it to the end, and says whether any of it was valid.
    decode: fn(&[u8]) -> bool,
    /// Inputs as a writer writes them, the costliest to hold among them.
    valid: fn() -> Vec<Vec<u8>>,
    /// Makes the checksums fit after some bytes were changed.
    mend: fn(&mut [u8]),
}

const DECODERS: [Decoder; 5] = [
    Decoder { name: "text log", decode: text_log, valid: inputs::text_logs, mend: |_| () },
    Decoder {
        name: "a line",
        decode: |line| jsonl::decode_line(line).is_ok(),
        valid: inputs::lines,
        mend: |_| (),
    },
    Decoder { name: "binary log", decode: binary_log, valid: inputs::binary_logs, mend: |_| () },
    Decoder { name: "payload of a binary log", decode: payload, valid: inputs::payloads, mend: |_| () },
    Decoder { name: "snapshot", decode: snapshot, valid: inputs::snapshots, mend: mend::mend },
];

fn text_log(bytes: &[u8]) -> bool {
    let Ok(mut reader) = jsonl::Reader::new(bytes) else { return false };
    let (mut records, mut faults) = (Vec::new(), 0);
    while let Some(record) = reader.next_record() {
        match record {
            Ok(record) => records.push(record),
            Err(_) => faults += 1,
        }
    }
    faults == 0 || !records.is_empty()
}

fn binary_log(bytes: &[u8]) -> bool {
    let Ok(log) = binary::Log::open(bytes) else { return false };
    let events: Vec<_> = log.events().filter_map(Result::ok).collect();
    streamed(bytes) > 0 && !events.is_empty()
}

/// Reads record by record and keeps no event.
fn streamed(bytes: &[u8]) -> usize {
    let Ok(mut reader) = binary::Reader::new(bytes) else { return 0 };
    let mut events = 0;
    while let Ok(Some(record)) = reader.next_record() {
        events += record.events().filter(Result::is_ok).count();
    }
    events
}

/// A payload, packed or not and of which version by its first byte, behind checksums that fit; the events of a packed one are not kept,
/// since what they hold follows from what was packed.
fn payload(bytes: &[u8]) -> bool {
    let Some((flags, payload)) = bytes.split_first() else { return false };
    let first = payload.get(..4).map_or(0, |head| head.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)));
    let body = payload.get(4..).unwrap_or_default();
    let claim = Claim { events: first, old: flags & 2 != 0, flags: flags & 1, payload: body.to_vec() };
    streamed(&sealed_log(&inputs::owner(), &[claim]).unwrap()) > 0
}

/// Restores, and decodes everything that lies in it.
fn snapshot(bytes: &[u8]) -> bool {
    let owner =
        chatfold::snapshot::SnapshotInfo::read(bytes).map_or_else(|_| inputs::owner(), |info| info.owner);
    let Ok((inbox, _)) = Inbox::restore(bytes.to_vec(), &owner, Policy::default()) else { return false };
    let sound = inbox.verify().is_ok();
    let names = inbox.known_conversations().map(|row| row.show_name().len()).sum::<usize>();
    let listed = inbox.conversations().count();
    sound && names >= listed
}

/// The most that was held at once while decoding.
fn peak(decode: fn(&[u8]) -> bool, input: &[u8]) -> (usize, bool) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let valid = decode(input);
    (MEMORY.peak_usage() - before, valid)
}

/// A generator of numbers, so that a failure can be repeated.
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) as usize % limit.max(1)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// Changes a few bytes: numbers and lengths lie afterwards.
fn mutate(input: &mut Vec<u8>, rng: &mut Rng) {
    const LIES: [u8; 8] = [0xff, 0x7f, 0x80, 0x00, 0x01, 0xfe, b'[', b'"'];
    for _ in 0..=rng.below(6) {
        let at = rng.below(input.len());
        match rng.below(5) {
            0 => input[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
            1 => input.truncate(at + 1),
            2 => input[at] = rng.below(256) as u8,
            3 => input[at] ^= 1 << rng.below(8),
            _ => input[at] = LIES[rng.below(LIES.len())],
        }
    }
}

fn cases(least: usize) -> usize {
    let wanted = std::env::var("CHATFOLD_CASES").ok().and_then(|cases| cases.parse().ok());
    wanted.unwrap_or(least)
}

/// The peak over the bound, as a message, if it is.
fn over(name: &str, what: &str, decode: fn(&[u8]) -> bool, input: &[u8]) -> Result<bool, String> {
    let (held, valid) = peak(decode, input);
    let len = input.len();
    if held <= bound(len) {
        Ok(valid)
    } else {
        let head = input.get(..64).unwrap_or(input);
        Err(format!("{name}, {what}: {held} bytes held for {len}, allowed {}; begins {head:?}", bound(len)))
    }
}

fn hold(decoder: &Decoder) -> Result<(), String> {
    let Decoder { name, decode, valid, mend } = decoder;
    let check = |what: &str, input: &[u8]| over(name, what, *decode, input);
    let mut rng = Rng(7);
    for len in [0, 1, 2, 7, 100, 4_000, 300_000] {
        for _ in 0..20 {
            check("random bytes", &rng.bytes(len))?;
        }
    }
    for (number, input) in valid().iter().enumerate() {
        assert!(check(&format!("valid input {number}"), input)?, "{name}: valid input {number} is none");
        let rounds = if input.len() > 200_000 { 20 } else { cases(500) };
        for _ in 0..rounds {
            let mut lying = input.clone();
            mutate(&mut lying, &mut rng);
            check(&format!("mutation of {number}"), &lying)?;
            mend(&mut lying);
            check(&format!("mended mutation of {number}"), &lying)?;
        }
    }
    Ok(())
}

/// What is let go of is given back: an inbox holds no more then than one that was just restored and whose registers were read.
fn released_parts_are_given_back() {
    let bytes = inputs::long_snapshot();
    let before = MEMORY.current_usage();
    let (mut inbox, _) = Inbox::restore(bytes, &inputs::owner(), Policy::default()).unwrap();
    let restored = MEMORY.current_usage() - before;
    assert!(inbox.verify().is_ok());
    let loaded = MEMORY.current_usage() - before;
    inbox.release_parts();
    let released = MEMORY.current_usage() - before;
    assert!(loaded > restored + (1 << 20), "loading took {restored} to {loaded} bytes");
    assert!(released - restored < (loaded - restored) / 10, "{restored}, {loaded} and {released} bytes");
}

/// An inbox with a bound holds little more than that, whatever is read of it between two events.
fn a_bound_of_loaded_parts_bounds_memory() {
    const BOUND: usize = 256 << 10;
    let bytes = inputs::long_snapshot();
    let before = MEMORY.current_usage();
    let held = |bound: u64| {
        let (inbox, _) = Inbox::restore(bytes.clone(), &inputs::owner(), Policy::default()).unwrap();
        let mut inbox = inbox.with_parts_bound(bound);
        let mut most = 0;
        let ids: Vec<_> = inbox.conversations().map(|conversation| conversation.id().clone()).collect();
        for (n, id) in (0..).zip(ids) {
            let conversation = inbox.conversation(&id).unwrap();
            assert!(!conversation.messages(Direction::OldestFirst, None, 10_000).messages.is_empty());
            inbox.apply(&inputs::pin(n, id));
            most = most.max(MEMORY.current_usage() - before);
        }
        most
    };
    let (bounded, unbounded) = (held(BOUND as u64), held(u64::MAX));
    // The bytes themselves are there both times, and what events wrote and the registers that were looked at stay.
    assert!(bounded < bytes.len() + 2 * BOUND, "{bounded} bytes with a bound of {BOUND}");
    assert!(unbounded > bounded + 4 * BOUND, "{unbounded} bytes without a bound, {bounded} with one");
}

#[test]
fn r99_decoding_never_holds_more_than_64_times_its_input_and_a_mebibyte() {
    // The measure can fail.
    let greedy = |input: &[u8]| vec![0u8; bound(input.len()) + 1].len() > 1;
    over("greedy", "anything", greedy, &[0; 100]).expect_err("more than allowed");
    for decoder in &DECODERS {
        if let Err(message) = hold(decoder) {
            panic!("{message}");
        }
    }
    released_parts_are_given_back();
    a_bound_of_loaded_parts_bounds_memory();
}
