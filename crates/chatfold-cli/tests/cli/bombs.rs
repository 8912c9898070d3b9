//! Packed logs that unpack to far more than they hold, read with little memory.
#![cfg(target_os = "linux")]

use std::io::Write as _;

use chatfold::binary::{Header, Writer};
use chatfold::jsonl::LoggedEvent;
use chatfold::{Envelope, EventId, Message, MessageId, Timestamp, UserId};

use crate::disk::limited_by;
use crate::support::{Files, run};

const MIB: usize = 1 << 20;

/// What all memory of the program may come to, its code included.
const MEMORY_LEN_KIB: u32 = 400 << 10;

/// Packs a beginning and so many mebibytes of one byte behind it.
fn zstd(begin: &[u8], mebibytes: usize, byte: u8) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(begin).unwrap();
    (0..mebibytes).for_each(|_| encoder.write_all(&vec![byte; MIB]).unwrap());
    encoder.finish().unwrap()
}

fn gzip(begin: &[u8], mebibytes: usize, byte: u8) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(begin).unwrap();
    (0..mebibytes).for_each(|_| encoder.write_all(&vec![byte; MIB]).unwrap());
    encoder.finish().unwrap()
}

#[test]
fn r99_what_unpacks_without_end_is_not_read_to_its_end() {
    let alice = UserId::parse("alice").unwrap();
    let text = b"{\"log\":\"chatfold\",\"v\":1,\"owner\":\"alice\"}\n";
    let binary = Writer::new(Vec::new(), &Header::new(alice)).unwrap().into_inner();
    let files = Files::new();
    for (name, packed) in [
        ("line.zst", zstd(text, 1_024, b'a')),
        ("lines.zst", zstd(text, 1_024, b'\n')),
        ("line.gz", gzip(text, 512, b'a')),
        ("binary.zst", zstd(&binary, 1_024, 0)),
        ("binary.gz", gzip(&binary, 512, 0)),
    ] {
        assert!(packed.len() < 5 * MIB);
        let log = files.write(name, &packed);
        let log = log.to_str().unwrap();
        let limit = format!("ulimit -v {MEMORY_LEN_KIB}");
        // The first fault ends it, or the bound is met while its end is looked for.
        let ran = limited_by(&limit, &["inbox", log]);
        let code = if name.starts_with("line.") { 4 } else { 1 };
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{name}: {ran:?}");
        if name == "lines.zst" {
            // Seventy million faults would be listed.
            continue;
        }
        let ran = limited_by(&limit, &["inbox", log, "--keep-going"]);
        assert!(ran.code == 4 && ran.err.contains("--max-unpacked allows more"), "{name}: {ran:?}");
        let new = files.path().join("new.jsonl").to_str().unwrap().to_owned();
        let ran = limited_by(&limit, &["recover", log, "--out", &new]);
        assert!(ran.code == 4 && !std::path::Path::new(&new).exists(), "{name}: {ran:?}");
    }
}

/// 192 MiB of records, taken over with less memory than that.
#[test]
fn r99_a_packed_binary_log_is_held_by_record() {
    let mut writer = Writer::new(Vec::new(), &Header::new(UserId::parse("alice").unwrap())).unwrap();
    for n in 0..24_u8 {
        let mut message = Message::new(MessageId::from_bytes([n + 1; 16]));
        message.text = Some("ha ".repeat(8 * MIB / 3));
        let at = Timestamp::from_millis(1_772_355_600_000 + i64::from(n)).unwrap();
        let envelope = Envelope::new(EventId::from_bytes([n + 101; 16]), at, UserId::parse("bob").unwrap());
        let event = envelope.message_received("c2c_bob".parse().unwrap(), message).unwrap();
        writer.write(&LoggedEvent::Known(event)).unwrap();
        writer.flush().unwrap();
    }
    let bytes = writer.into_inner();
    assert!(bytes.len() > 190 * MIB);
    let files = Files::new();
    for (name, packed) in [("a.zst", zstd(&bytes, 0, 0)), ("a.gz", gzip(&bytes, 0, 0))] {
        let log = files.write(name, &packed);
        let (log, new) = (log.to_str().unwrap(), files.path().join("new.chatfold"));
        let err = run(&["stats", log], "").refused(4);
        assert!(err.contains("--max-unpacked allows more"), "{err}");
        let args =
            ["convert", log, new.to_str().unwrap(), "--pack", "--force", "--max-unpacked", "300000000"];
        let ran = limited_by("ulimit -v 150000", &args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}: {ran:?}");
        assert!(ran.out.contains("24 events"), "{ran:?}");
    }
}
