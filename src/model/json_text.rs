//! Text as JSON writes it.

/// How JSON writes each control character (RFC 8785).
const CONTROLS: [&str; 32] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007", "\\b", "\\t",
    "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012", "\\u0013",
    "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c",
    "\\u001d", "\\u001e", "\\u001f",
];

/// Appends a text as a JSON string: quotes, backslashes and control characters escaped as briefly as JSON allows,
/// everything else as it is (RFC 8785).
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    escape(text, |part| out.push_str(part));
    out.push('"');
}

/// The same for bytes.
#[cfg(feature = "jsonl")]
#[inline]
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if has_escaped(text.as_bytes()) {
        escape(text, |part| out.extend_from_slice(part.as_bytes()));
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

/// Tells the parts of a text as JSON writes them.
fn escape(text: &str, mut put: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(at) = first_escaped(rest.as_bytes()) {
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or((rest, ""));
        put(plain);
        let mut chars = escaped.chars();
        match chars.next() {
            Some('"') => put("\\\""),
            Some('\\') => put("\\\\"),
            Some(control) => put(CONTROLS.get(control as usize).copied().unwrap_or_default()),
            None => {}
        }
        rest = chars.as_str();
    }
    put(rest);
}

#[inline]
fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether any of sixteen bytes must be escaped: all are compared at once, since no comparison waits for another.
#[inline]
fn is_any(bytes: &[u8; 16]) -> bool {
    let bits = bytes.iter().fold(0, |bits, &byte| {
        bits | u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\')
    });
    bits != 0
}

/// Where the first byte stands that must be escaped.
fn first_escaped(text: &[u8]) -> Option<usize> {
    let plain = text.as_chunks().0.iter().take_while(|chunk| !is_any(chunk)).count() * 16;
    let rest = text.get(plain..).unwrap_or_default();
    rest.iter().position(|byte| is_escaped(*byte)).map(|at| plain + at)
}

/// Whether anything of a text must be escaped.
#[cfg(feature = "jsonl")]
#[inline]
fn has_escaped(text: &[u8]) -> bool {
    if let Some(last) = text.last_chunk() {
        // The last sixteen may be looked at twice in part.
        return text.as_chunks().0.iter().any(is_any) || is_any(last);
    }
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => is_any_of_eight(*first) || is_any_of_eight(*last),
        _ => text.iter().any(|byte| is_escaped(*byte)),
    }
}

#[cfg(feature = "jsonl")]
#[inline]
fn is_any_of_eight(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_le_bytes(bytes);
    // The lowest byte of those below a bound gets its high bit, and none does if there is none.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let [quotes, backslashes] = [b'"', b'\\'].map(|byte| below(word ^ (ONES * u64::from(byte)), 1));
    (below(word, 0x20) | quotes | backslashes) & ONES << 7 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "jsonl")]
    #[test]
    fn whatever_stands_anywhere_is_escaped_as_another_library_does() {
        for len in 0..40 {
            for at in 0..len {
                for other in (0..=0x7f_u8).map(char::from).chain(['é', '李', '👍']) {
                    let text: String = (0..len).map(|place| if place == at { other } else { 'a' }).collect();
                    let (mut string, mut bytes) = (String::new(), Vec::new());
                    push_text(&mut string, &text);
                    put_text(&mut bytes, &text);
                    assert_eq!(string, serde_json::to_string(&text).unwrap());
                    assert_eq!(string.as_bytes(), bytes);
                }
            }
        }
    }
}
