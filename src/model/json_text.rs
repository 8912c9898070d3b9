//! Text as JSON writes it.

use std::fmt::Write as _;

/// Writes a text as a JSON string: quotes, backslashes and control characters escaped as briefly as JSON allows,
/// everything else as it is (RFC 8785).
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = escaped.chars();
        match chars.next() {
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control @ '\0'..='\u{1f}') => {
                // Writing to a string never fails.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            Some(character) => out.extend(['\\', character]),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}
