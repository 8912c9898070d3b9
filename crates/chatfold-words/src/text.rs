//! Text on its way to a terminal: made harmless, measured, cut, aligned.
//!
//! Nothing that a log holds reaches the terminal unseen: control characters and the marks that turn the
//! direction of text around are written as escapes, so that a log can neither drive the terminal nor pass one
//! name off as another. Widths are those of the terminal's cells, and cuts fall between grapheme clusters.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Returns whether `c` could move the cursor, drive the terminal, reorder what stands around it, or stand in a name
/// without being seen, wherever it stands.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ') // other spaces look like the space, or break lines
        || matches!(c,
            '\u{ad}' // soft hyphen
            | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' // fillers
            | '\u{61c}' | '\u{200e}' | '\u{200f}' // marks of direction
            | '\u{180b}'..='\u{180f}' // Mongolian selectors
            | '\u{200b}' // zero width space
            | '\u{202a}'..='\u{202e}' // embeddings and overrides
            | '\u{2060}'..='\u{206f}' // joiners, invisible operators, isolates
            | '\u{2800}' // blank pattern
            | '\u{feff}' // byte order mark
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{1d173}'..='\u{1d17a}' // musical controls
            | '\u{e0000}'..='\u{e007f}') // tags
}

/// Returns whether `c` is seen only by what it does to its neighbours: a joiner or a variation selector.
fn is_joining(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Returns whether a joining character does nothing between its neighbours, so that a name with it passes for one
/// without. Joiners do something in scripts whose letters join, and the zero width joiner between pictures; selectors
/// of pictures behind a picture, behind signs such as © and in keycaps; other selectors behind a letter that has
/// variants.
fn is_idle(before: Option<char>, c: char, after: Option<char>) -> bool {
    let Some(before) = before else { return true };
    match c {
        '\u{200c}' | '\u{200d}' => {
            let Some(after) = after else { return true };
            let pictures =
                c == '\u{200d}' && (is_picture(before) || before == '\u{fe0f}') && is_picture(after);
            !(pictures || (is_of_joining_script(before) && is_of_joining_script(after)))
        }
        '\u{fe0e}' | '\u{fe0f}' => {
            let keycap =
                after == Some('\u{20e3}') && (before.is_ascii_digit() || matches!(before, '#' | '*'));
            !keycap && !matches!(before, '\u{a9}' | '\u{ae}') && !is_picture(before)
        }
        _ => before < '\u{600}' || is_harmful(before) || is_joining(before),
    }
}

/// Returns whether `c` may show as a picture: an arrow, a sign or an emoji, of the blocks where Unicode has those that
/// take a selector.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{245f}' | '\u{24c2}'
        | '\u{2500}'..='\u{27ff}' | '\u{2900}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

/// Returns whether `c` is of a script whose letters take other shapes where they join: Arabic to Myanmar, Tagalog to
/// Vedic, and the like beyond.
fn is_of_joining_script(c: char) -> bool {
    let blocks = matches!(c, '\u{600}'..='\u{109f}' | '\u{1700}'..='\u{1cff}' | '\u{a800}'..='\u{abff}'
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}');
    blocks && !is_harmful(c)
}

/// Returns `text` with every harmful or unseen character written as `\u{1b}`; ids, names, paths.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_harmful(c) || is_joining(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        push_escaped(&mut out, before, c, chars.peek().copied());
        before = Some(c);
    }
    Cow::Owned(out)
}

/// Returns `text`, which may have several lines, with every harmful character but the line feed escaped.
pub fn escape_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(escape).collect();
    lines.join("\n")
}

/// Returns `text` on one line: runs of spaces of any kind, tabs and line breaks become one space, the rest as
/// [`escape`]. A text of nothing but such characters is empty.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let previous = before.replace(c);
        if c.is_whitespace() {
            space = true;
            continue;
        }
        if space && !out.is_empty() {
            out.push(' ');
        }
        space = false;
        push_escaped(&mut out, previous, c, chars.peek().copied());
    }
    out
}

fn push_escaped(out: &mut String, before: Option<char>, c: char, after: Option<char>) {
    if is_harmful(c) || (is_joining(c) && is_idle(before, c, after)) {
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

/// Returns the grapheme clusters of `text`, each with the number of terminal cells it takes.
pub fn clusters(text: &str) -> impl DoubleEndedIterator<Item = (&str, usize)> {
    text.graphemes(true).map(|cluster| (cluster, width(cluster)))
}

/// Returns the end of `text` that takes at most `limit` cells; it begins between grapheme clusters.
///
/// Complexity: O(n) in what is returned, however long the text is.
pub fn tail(text: &str, limit: usize) -> &str {
    let (mut from, mut used) = (text.len(), 0);
    for (cluster, cells) in clusters(text).rev() {
        used += cells;
        if used > limit {
            break;
        }
        from -= cluster.len();
    }
    text.get(from..).unwrap_or_default()
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

/// Returns `text` cut to at most `limit` cells with its beginning and its end kept and `ellipsis` between them: for
/// names whose beginnings are alike. As [`cut`] where there is no room for both.
pub fn cut_middle<'a>(text: &'a str, limit: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= limit {
        return Cow::Borrowed(text);
    }
    let room = limit.saturating_sub(width(ellipsis));
    if room < 4 {
        return cut(text, limit, ellipsis);
    }
    let tail = tail(text, room / 2).trim_start();
    let head = cut(text, room - width(tail), "");
    Cow::Owned(format!("{head}{ellipsis}{tail}"))
}

/// Returns for each of the names in view whether another one would look the same, both cut at their end to `limit`
/// cells: such names are for [`cut_middle`].
///
/// Complexity: O(n log n) in the number of names.
pub fn cut_alike(names: &[String], limit: usize, ellipsis: &str) -> Vec<bool> {
    let mut by_look: BTreeMap<Cow<'_, str>, &str> = BTreeMap::new();
    let mut alike = BTreeSet::new();
    for name in names {
        let look = cut(name, limit, ellipsis);
        if *by_look.entry(look.clone()).or_insert(name) != name {
            alike.insert(look);
        }
    }
    names.iter().map(|name| alike.contains(&cut(name, limit, ellipsis))).collect()
}

/// Returns `names`, each cut to at most `limit` cells: in the middle where another one cut at its end would look the
/// same, at the end otherwise.
pub fn cut_names(names: &[String], limit: usize, ellipsis: &str) -> Vec<String> {
    let cut_one = |(name, alike): (&String, bool)| {
        if alike { cut_middle(name, limit, ellipsis) } else { cut(name, limit, ellipsis) }.into_owned()
    };
    names.iter().zip(cut_alike(names, limit, ellipsis)).map(cut_one).collect()
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
        assert_eq!(escape("家族 👨‍👩‍👧 ok"), "家族 👨‍👩‍👧 ok");
        assert_eq!(escape_lines("error: '\u{1b}[2J'\nusage\n"), "error: '\\u{1b}[2J'\nusage\n");
    }

    #[test]
    fn no_name_passes_for_another_by_what_is_not_seen() {
        for unseen in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2063}',
            '\u{2066}',
            '\u{2069}',
            '\u{206a}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0061}',
            '\u{e007f}',
            '\u{e0100}',
        ] {
            let code = format!("\\u{{{:x}}}", u32::from(unseen));
            for (name, shown) in [
                (format!("ali{unseen}ce"), format!("ali{code}ce")),
                (format!("{unseen}alice"), format!("{code}alice")),
                (format!("alice{unseen}"), format!("alice{code}")),
                (format!("alice{unseen}{unseen}"), format!("alice{code}{code}")),
            ] {
                assert_eq!(escape(&name), shown);
                assert_eq!(one_line(&name), shown);
            }
        }
        assert_eq!(escape("Bo\u{a0}Li"), "Bo\\u{a0}Li");
        // Nor does any do something between letters that do not join, or behind letters without a picture.
        for (name, shown) in [
            ("你\u{200c}好", "你\\u{200c}好"),
            ("你\u{200d}好", "你\\u{200d}好"),
            ("你\u{fe0f}好", "你\\u{fe0f}好"),
            ("क\u{fe0f}", "क\\u{fe0f}"),
            ("ộ\u{200d}n", "ộ\\u{200d}n"),
            ("好。\u{fe0f}", "好。\\u{fe0f}"),
            ("👨\u{200c}👩", "👨\\u{200c}👩"),
            ("👨\u{200d}\u{200d}👩", "👨\\u{200d}\\u{200d}👩"),
            ("❤\u{fe0f}\u{fe0f}", "❤\u{fe0f}\\u{fe0f}"),
            ("葛\u{e0100}\u{e0100}", "葛\u{e0100}\\u{e0100}"),
        ] {
            assert_eq!((escape(name).as_ref(), one_line(name).as_str()), (shown, shown));
        }
        // What these do is seen: a family, a heart, a keycap, a sign, Persian, Devanagari.
        for seen in [
            "👨\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "©\u{fe0f}",
            "🅰\u{fe0f}",
            "ℹ\u{fe0f}",
            "㊗\u{fe0f}",
            "☎\u{fe0e}",
            "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
            "👩🏽\u{200d}🚀",
            "🏃\u{200d}♀\u{fe0f}\u{200d}➡\u{fe0f}",
            "葛\u{e0100}飾",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
        ] {
            assert_eq!((escape(seen).as_ref(), one_line(seen).as_str()), (seen, seen));
        }
        assert_eq!(escape("می\u{200c}"), "می\\u{200c}", "at the end it joins nothing");
    }

    #[test]
    fn spaces_of_any_kind_alone_are_nothing() {
        for space in ['\u{a0}', '\u{1680}', '\u{2003}', '\u{202f}', '\u{205f}', '\u{3000}', '\u{85}'] {
            assert_eq!(one_line(&space.to_string()), "");
            assert_eq!(one_line(&format!("a{space}{space}b")), "a b");
        }
    }

    #[test]
    fn names_that_begin_alike_are_cut_in_the_middle() {
        let names =
            ["ecosystem-projects/alpha", "ecosystem-projects/beta", "a name that is long but alone", "short"];
        let names = names.map(str::to_owned);
        let cut = cut_names(&names, 15, "…");
        assert_eq!(cut, ["ecosyst…s/alpha", "ecosyst…ts/beta", "a name that is…", "short"]);
        assert_eq!(
            cut_names(&[names[0].clone(), names[0].clone()], 8, "…"),
            ["ecosyst…", "ecosyst…"],
            "one name"
        );
        assert_eq!(cut_middle("你好世界你好", 9, "…"), "你好…你好");
        assert_eq!(cut_middle("abcdef", 4, "…"), "abc…", "no room for both");
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
    fn the_end_of_a_text_begins_between_clusters() {
        assert_eq!(tail("abcdef", 6), "abcdef");
        assert_eq!(tail("abcdef", 2), "ef");
        assert_eq!(tail("你好世界", 5), "世界");
        assert_eq!(tail("a👨‍👩‍👧👨‍👩‍👧", 4), "👨‍👩‍👧👨‍👩‍👧");
        assert_eq!(tail("a👨‍👩‍👧", 1), "");
        assert_eq!((tail("abc", 0), tail("", 5)), ("", ""));
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
