//! Laws of the text log on random lines.

use chatfold::jsonl::{LoggedEvent, decode_line, encode_event};
use proptest::prelude::*;

use super::{CANONICAL, line};

/// Pieces that JSON, and what is nearly JSON, is made of.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"a\"",
    "\"b\":",
    "\\",
    "\\u00e9",
    "\\ud83d",
    "\\n",
    "\\x",
    "\u{1}",
    " ",
    "\t",
    "0",
    "1",
    "-",
    "1.5",
    "e",
    "E+1",
    ".",
    "01",
    "true",
    "false",
    "null",
    "nul",
    "é",
    "{}",
    "[]",
    "{\"c\":[1,{}]}",
    "12345678",
    "\u{7f}",
];

fn decodes(line: &str) -> bool {
    decode_line(line.as_bytes()).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is JSON and what is not is not for this library to invent.
    #[test]
    fn the_grammar_is_that_of_json(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
        let line = format!("{{\"v\":2,\"x\":{}}}", pieces.concat());
        let json = serde_json::from_str::<serde::de::IgnoredAny>(&line).is_ok();
        // A second "v" cannot arise from the pieces, so nothing but grammar is at stake.
        prop_assert_eq!(decodes(&line), json, "{}", line);
    }

    #[test]
    fn strings_are_escaped_as_json_asks(text in "\\PC*|[\\x00-\\x7f]*|(?s:.{0,20})") {
        let quoted = serde_json::to_string(&text).unwrap();
        let written = line(r#"D "draft_set","text":$"#).replace('$', &quoted);
        let event = decode_line(written.as_bytes()).unwrap();
        prop_assert_eq!(encode_event(event.known().unwrap()), written);
    }

    /// A line with some bytes changed is refused or says something else; nothing panics, and what is read can be
    /// written and read again.
    #[test]
    fn r99_spoilt_lines_are_refused_or_round_trip(
        short in prop::sample::select(CANONICAL),
        spoils in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4usize), 1..4),
    ) {
        let mut bytes = line(short).into_bytes();
        for (at, from, how) in spoils {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            let other = bytes[from.index(bytes.len())];
            match how {
                0 => bytes[at] = other,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, other),
                _ => bytes.truncate(at),
            }
        }
        match decode_line(&bytes) {
            Ok(LoggedEvent::Known(event)) => {
                let again = decode_line(encode_event(&event).as_bytes());
                prop_assert_eq!(again, Ok(LoggedEvent::Known(event)));
            }
            Ok(LoggedEvent::Skipped(skipped)) => prop_assert_eq!(skipped.raw().as_bytes(), &bytes[..]),
            Err(fault) => {
                prop_assert_eq!(fault.line, 1);
                prop_assert!(fault.column >= 1 && fault.column <= bytes.len() as u64 + 1, "{}", fault);
            }
        }
    }

    #[test]
    fn r99_arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = decode_line(&bytes);
    }
}
