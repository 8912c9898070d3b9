//! Which texts show nothing (R21), by Unicode 16.0 for ever: what a name shows must not change with a library.

/// What shows nothing, as ranges of code points, ascending: White_Space and Default_Ignorable_Code_Point of Unicode
/// 16.0, and the braille pattern without dots. The Hangul fillers are ignorable already.
const SHOWS_NOTHING: [(u32, u32); 24] = [
    (0x0009, 0x000d),
    (0x0020, 0x0020),
    (0x0085, 0x0085),
    (0x00a0, 0x00a0),
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x061c, 0x061c),
    (0x115f, 0x1160),
    (0x1680, 0x1680),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x2000, 0x200f),
    (0x2028, 0x202f),
    (0x205f, 0x206f),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfff8),
    (0x1_bca0, 0x1_bca3),
    (0x1_d173, 0x1_d17a),
    (0xe_0000, 0xe_0fff),
];

fn shows_nothing(c: char) -> bool {
    let code = u32::from(c);
    let at = SHOWS_NOTHING.partition_point(|(_, last)| *last < code);
    SHOWS_NOTHING.get(at).is_some_and(|(first, _)| *first <= code)
}

/// Whether a text is empty or holds nothing but white space and characters that show nothing (R21).
///
/// Complexity: up to the first character that shows.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(shows_nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r21_the_ranges_ascend_and_hold_as_many_as_unicode_says() {
        assert!(SHOWS_NOTHING.iter().all(|(first, last)| first <= last));
        assert!(SHOWS_NOTHING.windows(2).all(|pair| pair[0].1 < pair[1].0));
        // 25 of White_Space, 4174 of Default_Ignorable_Code_Point, which share none, and one more.
        let count: u32 = SHOWS_NOTHING.iter().map(|(first, last)| last - first + 1).sum();
        assert_eq!(count, 25 + 4_174 + 1);
    }

    #[test]
    fn r21_what_shows_nothing_is_blank() {
        for blank in
            ["", " \t\n", "\u{3000}", "\u{200b}\u{feff}", "\u{2800}", "\u{3164}\u{1160}", "\u{e0001}"]
        {
            assert!(is_blank(blank), "{blank:?}");
        }
        for seen in
            ["a", " a", "\u{200b}a\u{200b}", "\u{301}", "\u{27ff}", "\u{2801}", "\u{ffff}", "👨\u{200d}👩"]
        {
            assert!(!is_blank(seen), "{seen:?}");
        }
    }
}
