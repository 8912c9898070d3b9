//! What the fuzzers assert, on every stable run: for every input that once broke a law, and for some random ones.
//!
//! Inputs lie in `regressions/<target>/`, append only, named for what they broke.

#[path = "../fuzzed/mod.rs"]
mod checks;

use std::path::Path;

use chatfold::snapshot::LogPrefix;

pub use self::checks::mend::mend;
use self::checks::{apply, binary_log, snapshot, text_log};
use crate::harness::{cases, replay};
use crate::histories::{Rng, USUAL, history};

/// Panics where bytes break a law.
type Check = fn(&[u8]);

/// Each target by the name it bears in `fuzz/`.
const TARGETS: [(&str, Check); 4] = [
    ("apply", apply::check),
    ("binary_log", binary_log::check),
    ("snapshot", snapshot::check),
    ("text_log", text_log::check),
];

#[test]
fn what_fuzzers_found_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("it").join("regressions");
    for (name, check) in TARGETS {
        let Ok(inputs) = std::fs::read_dir(folder.join(name)) else { continue };
        for input in inputs {
            let path = input.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| check(&bytes));
            assert!(held.is_ok(), "{} breaks a law again", path.display());
        }
    }
}

/// Changes some bytes of a valid input.
fn changed(mut input: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    for _ in 0..rng.below(5) {
        let at = rng.below(input.len());
        input[at] = rng.below(256) as u8;
    }
    input
}

#[test]
fn r01_the_fold_holds_its_laws_on_any_bytes() {
    let mut rng = Rng::new(5);
    for _ in 0..cases(100) {
        let data: Vec<u8> = (0..rng.below(800)).map(|_| rng.below(256) as u8).collect();
        apply::check(&data);
    }
}

#[test]
fn r99_a_text_log_of_any_bytes_is_read_to_its_end() {
    let mut rng = Rng::new(6);
    for seed in 0..cases(50) {
        let history = history(seed, USUAL);
        let mut writer = chatfold::jsonl::Writer::new(Vec::new(), &history.owner).unwrap();
        history.events.iter().take(12).for_each(|event| writer.write_event(event).unwrap());
        text_log::check(&changed(writer.into_inner(), &mut rng));
    }
}

#[test]
fn r99_a_snapshot_of_any_bytes_panics_nowhere() {
    let mut rng = Rng::new(7);
    for seed in 0..cases(50) {
        let history = history(seed, USUAL);
        let inbox = replay(&history, &history.events[..history.events.len().min(40)]);
        snapshot::check(&changed(inbox.snapshot(LogPrefix::EMPTY).unwrap(), &mut rng));
    }
}

#[test]
fn r99_a_binary_log_of_any_bytes_is_read_alike_in_every_way() {
    let mut rng = Rng::new(8);
    for seed in 0..cases(50) {
        let history = history(seed, USUAL);
        let events: Vec<_> = history.events.into_iter().map(chatfold::jsonl::LoggedEvent::Known).collect();
        let log = crate::binary::log_of(&history.owner, &events, 1 + rng.below(20));
        binary_log::check(&changed(log, &mut rng));
        let data: Vec<u8> = (0..rng.below(300)).map(|_| rng.below(256) as u8).collect();
        binary_log::check(&data);
    }
}

/// Makes the checksums of a binary log fit whatever its records say, as far as their lengths lead.
fn mend_log(bytes: &mut [u8]) {
    use xxhash_rust::xxh3::xxh3_64;
    let number =
        |bytes: &[u8], at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let Some(mut at) = number(bytes, 10).map(|len| len + 22).filter(|at| *at <= bytes.len()) else { return };
    let check = xxh3_64(&bytes[..at - 8]);
    bytes[at - 8..at].copy_from_slice(&check.to_le_bytes());
    let mut previous = check;
    while let Some(end) = number(bytes, at + 8).map(|len| at + 36 + len).filter(|end| end + 8 <= bytes.len())
    {
        bytes[at + 24..at + 32].copy_from_slice(&previous.to_le_bytes());
        let head = xxh3_64(&bytes[at..at + 32]) as u32;
        bytes[at + 32..at + 36].copy_from_slice(&head.to_le_bytes());
        previous = xxh3_64(&bytes[at..end]);
        bytes[end..end + 8].copy_from_slice(&previous.to_le_bytes());
        at = end + 8;
    }
}

/// An adversary over logs: changed bytes, with checksums that fit and without, in text, plain and packed logs, and in
/// snapshots. `CHATFOLD_CASES` sets how many thousands of each.
#[test]
fn r99_an_adversary_over_logs_and_snapshots() {
    use chatfold::binary::{Header, Packing, Writer};
    use chatfold::jsonl::LoggedEvent;
    let mut rng = Rng::new(9);
    for seed in 0..cases(25) {
        let history = history(seed, USUAL);
        let events: Vec<_> = history.events.iter().take(60).cloned().collect();
        let mut text = chatfold::jsonl::Writer::new(Vec::new(), &history.owner).unwrap();
        events.iter().for_each(|event| text.write_event(event).unwrap());
        text_log::check(&changed(text.into_inner(), &mut rng));
        for packing in [Packing::Plain, Packing::Zstd] {
            let writer = Writer::new(Vec::new(), &Header::new(history.owner.clone())).unwrap();
            let mut writer = writer.with_packing(packing);
            for (n, event) in events.iter().enumerate() {
                writer.write(&LoggedEvent::Known(event.clone())).unwrap();
                if n % 20 == 19 {
                    writer.flush().unwrap();
                }
            }
            writer.flush().unwrap();
            let log = writer.into_inner();
            let mut mended = changed(log.clone(), &mut rng);
            mend_log(&mut mended);
            binary_log::check(&mended);
            binary_log::check(&changed(log, &mut rng));
        }
        let mut snapshot = changed(replay(&history, &events).snapshot(LogPrefix::EMPTY).unwrap(), &mut rng);
        snapshot::check(&snapshot);
        mend(&mut snapshot);
        snapshot::check(&snapshot);
    }
}
