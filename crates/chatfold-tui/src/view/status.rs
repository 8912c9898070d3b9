//! The lines above and below: whose inbox it is, what is filtered; totals and place; what is asked or told.

use chatfold::id::ConversationKind;
use chatfold::list::{ArchiveFilter, FolderFilter, MarkFilter};
use chatfold_words::text::{cut, escape, one_line, tail, width};
use chatfold_words::words;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::cells::{put, put_parts};
use super::conversation::wrap;
use super::style;
use crate::app::{App, Focus, Panel};

/// Whose inbox it is, and which conversations of it are shown.
pub(super) fn header(buffer: &mut Buffer, area: Rect, app: &App) {
    if area.is_empty() {
        return;
    }
    buffer.set_style(area, style::selected());
    let owner = escape(app.past.inbox().owner().as_str()).into_owned();
    let hint = "? why  h keys  q quit ";
    let hint_room = u16::try_from(width(hint)).unwrap_or(0);
    let parts = [(style::strong(), format!(" {owner}")), (style::PLAIN, format!("  {}", filters(app)))];
    let used = put_parts(buffer, (area.x, area.y), area.width, parts, app.look.ellipsis());
    if used + hint_room + 1 < area.width {
        put(buffer, (area.right() - hint_room, area.y), hint_room, hint, style::PLAIN);
    }
}

/// What is filtered and searched, in words.
fn filters(app: &App) -> String {
    let filter = &app.filter;
    let mut parts: Vec<String> = Vec::new();
    parts.extend(filter.has_unread.then(|| "unread".to_owned()));
    parts.extend(filter.has_mention.then(|| "mentions".to_owned()));
    parts.extend(filter.kind.map(|kind| match kind {
        ConversationKind::Direct => "direct chats".to_owned(),
        ConversationKind::Group => "groups".to_owned(),
    }));
    match filter.folder {
        FolderFilter::Any => {}
        FolderFilter::InNone => parts.push("in no folder".to_owned()),
        FolderFilter::In(id) => {
            let folders = app.past.inbox().folders();
            let name = folders.iter().find(|folder| folder.id == id).map(|folder| one_line(&folder.name));
            parts.push(format!("folder {}", name.unwrap_or_else(|| "that is not there".to_owned())));
        }
    }
    match filter.mark {
        MarkFilter::Any => {}
        MarkFilter::Unmarked => parts.push("unmarked".to_owned()),
        MarkFilter::With(mark) => parts.push(format!("marked {}", words::mark(mark))),
    }
    match filter.archived {
        ArchiveFilter::Any => {}
        ArchiveFilter::LeaveOut => parts.push("not archived".to_owned()),
        ArchiveFilter::Only => parts.push("archived".to_owned()),
    }
    if !app.search.is_empty() {
        parts.push(format!("\"{}\"", one_line(app.search.text())));
    }
    if parts.is_empty() { "all conversations".to_owned() } else { parts.join(", ") }
}

/// Totals, how many rows, and the place in the log.
pub(super) fn paint(buffer: &mut Buffer, area: Rect, app: &App) {
    if area.is_empty() {
        return;
    }
    let (past, dot) = (&app.past, if app.look.ascii { " | " } else { " · " });
    let totals = past.inbox().totals();
    let muted = totals.unread_all.saturating_sub(totals.unread);
    let counted = if totals.unread > 0 { style::counted(app.look) } else { style::PLAIN };
    let mut parts = vec![(style::PLAIN, " ".to_owned()), (counted, format!("{} unread", totals.unread))];
    if muted > 0 {
        parts.push((style::faint(), format!(" + {muted} muted")));
    }
    parts.push((style::PLAIN, format!("{dot}{} shown", app.rows.len())));
    parts.push((style::PLAIN, format!("{dot}event {} of {}", past.position(), past.end())));
    if !past.is_present() {
        parts.push((style::moved(app.look), format!("{dot}the past")));
    }
    if app.is_following {
        parts.push((style::moved(app.look), format!("{dot}following")));
    }
    if app.access.no_acts().is_some() {
        parts.push((style::faint(), format!("{dot}read only")));
    }
    // What an icon would show, where it is another number (R55).
    if totals.badge != totals.unread {
        parts.push((style::faint(), format!("{dot}badge {}", totals.badge)));
    }
    put_parts(buffer, (area.x, area.y), area.width, parts, app.look.ellipsis());
}

/// What was told, in lines of so many columns, at most so many; nothing while something is asked.
pub(super) fn told(app: &App, columns: u16, most: u16) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(notice), None) = (&app.notice, &app.prompt) {
        let room = usize::from(columns.saturating_sub(2)).max(1);
        wrap(&notice.text, (room, room), most.into(), &mut lines);
    }
    lines
}

/// What is asked, else what was told, else what can be done. Returns where the cursor stands.
pub(super) fn prompt(buffer: &mut Buffer, area: Rect, app: &App, told: &[String]) -> Option<Position> {
    if area.is_empty() {
        return None;
    }
    if let Some(prompt) = &app.prompt {
        return Some(ask(buffer, area, prompt.purpose.question(), &prompt.text));
    }
    let (room, ellipsis) = (area.width - 1, app.look.ellipsis());
    if let Some(notice) = &app.notice {
        let tone = if notice.is_alarm { style::alarm(app.look) } else { style::PLAIN };
        for (index, y) in (area.top()..area.bottom()).enumerate() {
            // The last line tells that there is more.
            let is_last = y + 1 == area.bottom();
            let lines = told.get(index..).unwrap_or_default();
            let text = if is_last { lines.join(" ") } else { lines.first().cloned().unwrap_or_default() };
            put(buffer, (area.x + 1, y), room, &cut(&text, room.into(), ellipsis), tone);
        }
        return None;
    }
    let (text, tone) = match &app.panel {
        // What the panel may have had to cut.
        Some(Panel::Why(reasons)) => (cut(reasons.event(), room.into(), ellipsis), style::PLAIN),
        _ => (whole(hint(app), room.into()).into(), style::faint()),
    };
    put(buffer, (area.x + 1, area.y), room, &text, tone);
    None
}

/// As many of the hints as fit; two spaces stand between them.
fn whole(hints: &str, room: usize) -> &str {
    let ends = hints.match_indices("  ").map(|(end, _)| end).chain([hints.len()]);
    let fits = ends.filter_map(|end| hints.get(..end)).take_while(|hints| width(hints) <= room).last();
    fits.unwrap_or_default()
}

/// The question and the end of what was typed, the cursor behind it.
fn ask(buffer: &mut Buffer, area: Rect, question: &str, typed: &str) -> Position {
    let used = put(buffer, (area.x + 1, area.y), area.width.saturating_sub(2), question, style::strong());
    let room = usize::from(area.width.saturating_sub(used + 2));
    // Of a long text its end, where the cursor is. What is escaped takes more cells than before, and so shows less.
    let typed = escape(tail(typed, room));
    let shown = tail(&typed, room);
    let end = area.x + 1 + used;
    let end = end + put(buffer, (end, area.y), area.width.saturating_sub(used + 1), shown, style::PLAIN);
    Position::new(end.min(area.right().saturating_sub(1)), area.y)
}

fn hint(app: &App) -> &'static str {
    match (app.look.ascii, app.past.is_present(), app.focus) {
        (_, true, Focus::Messages) => {
            "Esc list  i send  r read up to here  U unread from here  R recall  x delete"
        }
        (false, true, Focus::List) => {
            "← through time  ↑↓ select  Enter messages  / search  u unread  p pin  f follow"
        }
        (true, true, Focus::List) => {
            "Left: through time  Enter messages  / search  u unread  p pin  f follow"
        }
        (false, false, _) => "← → an event  [ ] an hour  { } a day  Home End  ? why",
        (true, false, _) => "Left, Right: an event  [ ] an hour  { } a day  Home End  ? why",
    }
}
