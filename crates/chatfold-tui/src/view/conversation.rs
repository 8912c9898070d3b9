//! The conversation: its messages, oldest above, with everything known about each.

use chatfold::id::ConversationKind;
use chatfold::view::Direction;
use chatfold::{ConversationView, MessageId, MessageView};
use chatfold_words::remarks::remarks;
use chatfold_words::text::{clusters, escape, one_line, width};
use chatfold_words::words::{self, first_chars};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::cells::put_parts;
use super::style;
use crate::app::{App, Focus};

/// Where what was said begins: behind `09:14 `.
const INDENT: u16 = 6;

/// How many characters of a text are looked at for each cell that it may fill: some take no cell.
const CHARS_PER_CELL: usize = 4;

/// How many stretches that are not held are named.
const MAX_GAPS: usize = 3;

/// A line of the history, and the message it belongs to.
struct Line {
    message: Option<MessageId>,
    indent: u16,
    parts: Vec<(Style, String)>,
}

pub(super) fn paint(buffer: &mut Buffer, area: Rect, app: &App) {
    let Some(row) = app.conversation() else { return };
    let ellipsis = app.look.ellipsis();
    let not_held = not_held(row, area.height);
    let (area, room) = rooms(area, not_held.len());
    let kind = words::kind(row.kind() == ConversationKind::Group, row.group_type());
    let title = [
        (style::strong(), words::name(&row)),
        (style::faint(), format!("  {kind}, {}", escape(row.id().as_str()))),
    ];
    put_parts(buffer, (area.x, area.y), area.width, title, ellipsis);
    for (text, y) in not_held.into_iter().zip(area.y + 1..) {
        put_parts(buffer, (area.x, y), area.width, [(style::faint(), text)], ellipsis);
    }
    let lines = history(app, row, room.width, usize::from(room.height));
    for (line, y) in window(&lines, app, usize::from(room.height)).iter().zip(room.top()..) {
        let x = area.x + line.indent;
        let parts = line.parts.iter().map(|(style, text)| (*style, text));
        put_parts(buffer, (x, y), area.width.saturating_sub(line.indent), parts, ellipsis);
        if app.focus == Focus::Messages && line.message.is_some() && line.message == app.message {
            buffer.set_style(Rect::new(area.x, y, area.width, 1), style::selected());
        }
    }
}

/// The stretches that are not held, a line each, in no more than a quarter of so many lines.
fn not_held(row: ConversationView<'_>, height: u16) -> Vec<String> {
    let (mut gaps, more) = words::not_held(&row, MAX_GAPS.min(usize::from(height / 4)));
    gaps.iter_mut().for_each(|gap| gap.insert_str(0, "not held: "));
    if let Some(last) = gaps.last_mut().filter(|_| more) {
        last.push_str("; and others");
    }
    gaps
}

/// Without the column beside the list: all of it, and what lies below the title and so many lines more.
fn rooms(area: Rect, head: usize) -> (Rect, Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    let head = u16::try_from(head + 1).unwrap_or(u16::MAX).min(area.height);
    (area, Rect { y: area.y + head, height: area.height - head, ..area })
}

/// The message that shows on a line of the screen.
pub(super) fn message_at(area: Rect, app: &App, y: u16) -> Option<MessageId> {
    let row = app.conversation()?;
    let (_, room) = rooms(area, not_held(row, area.height).len());
    let lines = history(app, row, room.width, usize::from(room.height));
    let shown = window(&lines, app, usize::from(room.height));
    shown.get(usize::from(y.checked_sub(room.y)?))?.message
}

/// The lines that fit, the selected message among them.
fn window<'l>(lines: &'l [Line], app: &App, height: usize) -> &'l [Line] {
    let of_selected = |line: &Line| line.message.is_some() && line.message == app.message;
    let newest = lines.len().saturating_sub(height);
    let from = match lines.iter().position(of_selected) {
        Some(first) if first < newest => first.saturating_sub(height / 3),
        _ => whole(lines, newest, height),
    };
    lines.get(from..(from + height).min(lines.len())).unwrap_or_default()
}

/// The first line from `from` on that begins a message or a day, if one does before half of the screen is gone.
fn whole(lines: &[Line], from: usize, height: usize) -> usize {
    let begins = lines.iter().skip(from).take(height / 2).position(|line| line.indent == 0);
    from + begins.unwrap_or(0)
}

/// Enough of the history around the selected message, or of its end, to fill so many lines.
fn history(app: &App, row: ConversationView<'_>, room: u16, height: usize) -> Vec<Line> {
    let around = app.message.and_then(|id| row.messages_around(id, height, height));
    let messages = around.unwrap_or_else(|| {
        let mut page = row.messages(Direction::NewestFirst, None, height).messages;
        page.reverse();
        page
    });
    let first_unread = row.unread().next().map(|message| message.id());
    let mut lines = Vec::new();
    let mut day = None;
    for message in &messages {
        let this = message.time().to_datetime().date_naive();
        if day.replace(this) != Some(this) {
            lines.push(separator(app, &this.format("%a %-d %b %Y").to_string()));
        }
        if first_unread == Some(message.id()) {
            lines.push(separator(app, &format!("{} unread", words::unread(&row))));
        }
        lines.extend(said(app, row, message, (room, height)));
    }
    if lines.is_empty() {
        lines.push(Line {
            message: None,
            indent: 0,
            parts: vec![(style::faint(), "no messages".to_owned())],
        });
    }
    lines.extend(draft(app, row, room, (height / 3).max(1)));
    lines
}

fn separator(app: &App, text: &str) -> Line {
    let dash = if app.look.ascii { "--" } else { "──" };
    Line { message: None, indent: 0, parts: vec![(style::faint(), format!("{dash} {text} {dash}"))] }
}

/// A message: who said what when, wrapped, and below it what is known about it. Each is cut where it takes more than
/// `height` lines, which is as many as show.
fn said(
    app: &App,
    row: ConversationView<'_>,
    message: &MessageView<'_>,
    (room, height): (u16, usize),
) -> Vec<Line> {
    let (look, owner) = (app.look, app.past.inbox().owner().as_str());
    let id = Some(message.id());
    let is_recalled = message.recall().is_some();
    let author = if is_recalled { String::new() } else { format!("{}: ", words::author(message)) };
    let wide = usize::from(room.saturating_sub(INDENT).max(1));
    let whole = message.text().filter(|_| !is_recalled).unwrap_or_default();
    let text = head(whole, wide, height);
    let content = if text.trim().is_empty() {
        vec![words::content(message, owner)]
    } else {
        text.lines().take(height.saturating_add(1)).map(one_line).collect()
    };
    let tone = match (is_recalled, app.search.finds(message)) {
        (true, _) => style::faint(),
        (false, true) => style::mention(look).add_modifier(Modifier::UNDERLINED),
        (false, false) => style::PLAIN,
    };
    let name = if message.is_own() { style::own(look) } else { style::sender(look) };
    let mut texts = Vec::new();
    let mut is_cut = text.len() < whole.len();
    for (index, line) in content.iter().enumerate() {
        let first = if index == 0 { wide.saturating_sub(width(&author)) } else { wide };
        is_cut |= !wrap(line, (first, wide), height, &mut texts);
    }
    texts.extend(is_cut.then(|| look.ellipsis().to_owned()));
    let time = message.time().to_datetime().format("%H:%M ").to_string();
    let mut lines: Vec<Line> = texts
        .into_iter()
        .map(|text| Line { message: id, indent: INDENT, parts: vec![(tone, text)] })
        .collect();
    if let Some(first) = lines.first_mut() {
        first.indent = 0;
        first.parts.insert(0, (style::faint(), time));
        first.parts.insert(1, (name, author));
    }
    let remarks = remarks(look, row, message, owner).join(&format!("{} ", look.dot()));
    let mut texts = Vec::new();
    if !remarks.is_empty() && !wrap(&remarks, (wide, wide), height, &mut texts) {
        texts.push(look.ellipsis().to_owned());
    }
    lines.extend(texts.into_iter().map(|text| Line {
        message: id,
        indent: INDENT,
        parts: vec![(style::faint(), text)],
    }));
    lines
}

/// The draft, in no more than so many lines: what was said is to be seen beside it.
fn draft(app: &App, row: ConversationView<'_>, room: u16, most: usize) -> Vec<Line> {
    let Some(draft) = row.draft() else { return Vec::new() };
    let alarm = style::of(app.look, chatfold_words::preview::Tone::Alarm);
    let (wide, mut texts) = (usize::from(room), Vec::new());
    let text = head(draft.text, wide, most);
    let is_whole = wrap(&one_line(text), (wide.saturating_sub(7), wide), most, &mut texts);
    if !is_whole || text.len() < draft.text.len() {
        texts.push(app.look.ellipsis().to_owned());
    }
    let mut lines: Vec<Line> = texts
        .into_iter()
        .map(|text| Line { message: None, indent: 0, parts: vec![(style::PLAIN, text)] })
        .collect();
    if let Some(first) = lines.first_mut() {
        first.parts.insert(0, (alarm, "Draft: ".to_owned()));
    }
    lines
}

/// The beginning of a text, as much of it as may show in so many lines of so many cells.
fn head(text: &str, wide: usize, lines: usize) -> &str {
    first_chars(text, wide.saturating_mul(lines).saturating_mul(CHARS_PER_CELL))
}

/// Breaks a line between words into lines of so many cells, the first and the others; a word that is wider is
/// broken between clusters. Returns whether all of it is in `lines`: it ends where they are `most`.
///
/// Complexity: O(n) in what is written to `lines` and one line more, however long the text is.
pub(super) fn wrap(
    text: &str,
    (first, others): (usize, usize),
    most: usize,
    lines: &mut Vec<String>,
) -> bool {
    let (mut room, before) = (first, lines.len());
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split(' ') {
        if lines.len() >= most {
            return false;
        }
        let gap = usize::from(!line.is_empty());
        let cells = cells_within(word, room.max(others));
        if cells.is_some_and(|cells| used + gap + cells <= room) {
            line.push_str(if gap > 0 { " " } else { "" });
            line.push_str(word);
            used += gap + cells.unwrap_or_default();
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
            (room, used) = (others, 0);
        }
        if cells.is_some_and(|cells| room < cells && cells <= others) {
            lines.push(String::new());
            room = others;
        }
        for (cluster, cells) in clusters(word) {
            if used + cells > room && (used > 0 || room < others) {
                lines.push(std::mem::take(&mut line));
                (room, used) = (others, 0);
            }
            if lines.len() >= most {
                return false;
            }
            line.push_str(cluster);
            used += cells;
        }
    }
    if !line.is_empty() || lines.len() == before {
        if lines.len() >= most {
            return false;
        }
        lines.push(line);
    }
    true
}

/// How many cells a word takes; `None` if more than `limit`, which is found out without looking at the rest of it.
fn cells_within(word: &str, limit: usize) -> Option<usize> {
    let mut used = 0;
    for (_, cells) in clusters(word) {
        used += cells;
        if used > limit {
            return None;
        }
    }
    Some(used)
}

#[cfg(test)]
mod tests {
    use super::wrap;

    fn wrapped(text: &str, first: usize, others: usize) -> Vec<String> {
        let mut lines = Vec::new();
        assert!(wrap(text, (first, others), usize::MAX, &mut lines));
        lines
    }

    #[test]
    fn lines_break_between_words_and_wide_words_between_clusters() {
        assert_eq!(wrapped("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 3, 9), ["one", "two three"]);
        assert_eq!(wrapped("你好世界", 5, 4), ["你好", "世界"]);
        assert_eq!(wrapped("a 👨‍👩‍👧👨‍👩‍👧", 3, 2), ["a", "👨‍👩‍👧", "👨‍👩‍👧"]);
        assert_eq!(wrapped("listing.png", 5, 11), ["", "listing.png"], "whole where it can be");
        assert_eq!(wrapped("", 3, 3), [""]);
        assert_eq!(wrapped("你", 1, 1), ["你"], "never stuck, though it cannot fit");
    }
    #[test]
    fn no_more_is_looked_at_than_fits() {
        let cut = |text: &str, most| {
            let mut lines = Vec::new();
            let is_whole = wrap(text, (3, 4), most, &mut lines);
            (lines, is_whole)
        };
        assert_eq!(cut("one two", 2), (vec!["one".to_owned(), "two".to_owned()], true));
        assert_eq!(cut("one two", 1), (vec!["one".to_owned()], false));
        assert_eq!(cut("one", 0), (vec![], false));
        // Longer than anybody would wait for, were each line to cost what is left of the word.
        let long = "x".repeat(1 << 20);
        assert_eq!(cut(&long, 2), (vec!["xxx".to_owned(), "xxxx".to_owned()], false));
        assert_eq!(wrapped(&long, 3, 1 << 6).len(), (1 << 14) + 1);
    }
}
