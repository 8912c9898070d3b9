//! Text on its way to a terminal: made harmless, measured, cut, aligned.
//!
//! Nothing that a log holds reaches the terminal unseen: control characters and the marks that turn the
//! direction of text around are written as escapes, so that a log can neither drive the terminal nor pass one
//! name off as another. Widths are those of the terminal's cells, and cuts fall between grapheme clusters.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Whether `c` could move the cursor, drive the terminal, or reorder what stands around it.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{202a}'..='\u{202e}' // embeddings and overrides
            | '\u{2066}'..='\u{2069}' // isolates
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{2028}' | '\u{2029}') // line and paragraph separators
}

/// Whether `c` breaks or spaces lines, and becomes one space in a preview.
fn is_spacing(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// `text` with every harmful character written as `\u{1b}`; ids, names, paths.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    Cow::Owned(out)
}

/// `text` on one line: runs of spaces, tabs and line breaks become one space, the rest as [`escape`].
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars() {
        if is_spacing(c) {
            space = true;
            continue;
        }
        if space && !out.is_empty() {
            out.push(' ');
        }
        space = false;
        push_escaped(&mut out, c);
    }
    out
}

fn push_escaped(out: &mut String, c: char) {
    if is_harmful(c) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
    } else {
        out.push(c);
    }
}

/// The number of terminal cells `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` cut to at most `limit` cells, between grapheme clusters, with `ellipsis` where something is gone.
pub fn cut<'a>(text: &'a str, limit: usize, ellipsis: &str) -> Cow<'a, str> {
    // Most texts are short and plain: their length in bytes is an upper bound worth asking first.
    if text.is_ascii() && text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let room = limit.saturating_sub(width(ellipsis));
    let (mut used, mut kept) = (0, 0);
    for (offset, cluster) in text.grapheme_indices(true) {
        used += width(cluster);
        if used > limit {
            let mut out = text.get(..kept).unwrap_or_default().trim_end().to_owned();
            if width(ellipsis) <= limit {
                out.push_str(ellipsis);
            }
            return Cow::Owned(out);
        }
        if used <= room {
            kept = offset + cluster.len();
        }
    }
    Cow::Borrowed(text)
}

/// `text` in lines of at most `limit` cells, broken at spaces, and within a word only where it is longer than a line.
/// At least one line.
pub fn wrap(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(1);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split(' ') {
        let cells = width(word);
        if used > 0 && used + 1 + cells > limit {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        for cluster in word.graphemes(true) {
            let cells = width(cluster);
            if used > 0 && used + cells > limit {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(cluster);
            used += cells;
        }
    }
    lines.push(line);
    lines
}

/// How output looks: colour or none, pictures or letters, and the width it may take.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether styles are written.
    pub color: bool,
    /// Whether signs keep to ASCII.
    pub ascii: bool,
    /// The number of cells in a line.
    pub width: usize,
}

impl Look {
    /// The sign for text that was cut.
    pub fn ellipsis(self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }

    /// What separates the parts of a remark.
    pub fn dot(self) -> &'static str {
        if self.ascii { "," } else { " ·" }
    }

    /// `text` in `style`, or plain without colour.
    pub fn paint(self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// One line of output, built from the left, never wider than its limit and without spaces at its end.
#[derive(Debug)]
pub struct Line {
    look: Look,
    text: String,
    at: usize,
    pad: usize,
}

impl Line {
    /// An empty line.
    pub fn new(look: Look) -> Self {
        Self { look, text: String::new(), at: 0, pad: 0 }
    }

    /// Adds `text` in `style`, cut to what is left of the line. `text` must be harmless already.
    pub fn push(&mut self, style: Style, text: &str) -> &mut Self {
        let room = self.look.width.saturating_sub(self.at + self.pad);
        let text = cut(text, room, self.look.ellipsis());
        if !text.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', self.pad));
            self.at += self.pad + width(&text);
            self.pad = 0;
            self.text.push_str(&self.look.paint(style, &text));
        }
        self
    }

    /// Moves on to `column`, if the line is not yet there.
    pub fn to(&mut self, column: usize) -> &mut Self {
        self.pad = self.pad.max(column.saturating_sub(self.at));
        self
    }

    /// Adds `text` so that it ends at `column`.
    pub fn right(&mut self, column: usize, style: Style, text: &str) -> &mut Self {
        self.to(column.saturating_sub(width(text))).push(style, text)
    }

    /// The finished line, without a line break.
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style::new();

    #[test]
    fn nothing_from_a_log_drives_the_terminal() {
        assert_eq!(escape("a\u{1b}[31mb\u{7}"), "a\\u{1b}[31mb\\u{7}");
        assert_eq!(escape("safe\u{202e}txt.exe\u{2069}"), "safe\\u{202e}txt.exe\\u{2069}");
        assert_eq!(escape("c1 \u{9b}2J"), "c1 \\u{9b}2J");
        assert_eq!(escape("two\nlines"), "two\\u{a}lines");
        assert_eq!(one_line("  two\r\n\tlines\u{2028}or  three \0"), "two lines or three \\u{0}");
        assert!(matches!(escape("家族 👨‍👩‍👧 ok"), Cow::Borrowed(_)));
    }

    #[test]
    fn cuts_fall_between_clusters_and_measure_cells() {
        assert_eq!(cut("abcdef", 6, "…"), "abcdef");
        assert_eq!(cut("abcdefg", 6, "…"), "abcde…");
        assert_eq!(cut("你好世界", 8, "…"), "你好世界");
        assert_eq!(cut("你好世界", 7, "…"), "你好世…");
        assert_eq!(cut("你好世界", 6, "…"), "你好…");
        let family = "👨‍👩‍👧";
        assert_eq!(width(family), 2);
        assert_eq!(cut(&format!("{family}{family}x"), 4, "…"), format!("{family}…"));
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2, "…"), "e\u{301}…");
        assert_eq!(cut("word and", 6, "…"), "word…");
        assert_eq!(cut("abc", 0, "…"), "");
        assert_eq!(cut("abcd", 2, "..."), "");
    }

    #[test]
    fn text_is_wrapped_at_spaces_and_loses_nothing() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 80), ["one two three"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("你好世界 ok", 5), ["你好", "世界", "ok"]);
        assert_eq!(wrap("a 0123456789 b", 4), ["a", "0123", "4567", "89 b"]);
        for limit in 0..20 {
            let text = "the quick 👨‍👩‍👧 brown extraordinarily fox";
            let lines = wrap(text, limit);
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
            assert!(limit < 2 || lines.iter().all(|line| width(line) <= limit), "{limit}: {lines:?}");
        }
    }

    #[test]
    fn a_line_keeps_its_columns_and_its_limit() {
        let look = Look { color: false, ascii: false, width: 12 };
        let mut line = Line::new(look);
        line.push(PLAIN, "你").to(4).push(PLAIN, "b").right(8, PLAIN, "42").to(10).push(PLAIN, "rest");
        assert_eq!(line.finish(), "你  b 42  r…");
        let mut line = Line::new(look);
        line.push(PLAIN, "a").to(5).push(PLAIN, "").to(7);
        assert_eq!(line.finish(), "a");
    }
}
