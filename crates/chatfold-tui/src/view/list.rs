//! The list: two lines a row.
//!
//! ```text
//! ▲ 📌🔕 Design crew ⭐             3 min
//!        Bob: see you tomorrow      @ 12
//! ```

use chatfold::ConversationView;
use chatfold::event::ReceiveOption;
use chatfold_words::instant::ago;
use chatfold_words::preview::{mention, preview};
use chatfold_words::text::{cut, cut_alike, cut_middle, width};
use chatfold_words::words::{self, Signs};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::cells::{put, put_parts};
use super::style;
use crate::app::{App, Change, Focus};
use crate::areas::ROW_LINES;

/// The cells of a row that signs, time and spaces take beside the name.
const AROUND_NAME: usize = 16;

pub(super) fn paint(buffer: &mut Buffer, area: Rect, app: &App) {
    let inbox = app.past.inbox();
    if app.rows.is_empty() {
        let text = if inbox.conversations().next().is_none() {
            "no conversations"
        } else {
            "none passes (c: show all)"
        };
        put(buffer, (area.x + 1, area.y), area.width.saturating_sub(1), text, style::faint());
        return;
    }
    let shown = app.rows.window(app.top, usize::from(area.height / ROW_LINES));
    let shown: Vec<_> = shown.into_iter().filter_map(|id| inbox.conversation(id)).collect();
    let names: Vec<String> = shown.iter().map(words::name).collect();
    let room = usize::from(area.width).saturating_sub(AROUND_NAME);
    let alike = cut_alike(&names, room, app.look.ellipsis());
    let mut y = area.y;
    for (row, alike) in shown.into_iter().zip(alike) {
        let lines = Rect::new(area.x, y, area.width, ROW_LINES);
        paint_row(buffer, lines, app, row, alike);
        if app.selected.as_ref() == Some(row.id()) {
            buffer.set_style(lines, mark_of_selection(app));
        }
        y += ROW_LINES;
    }
}

/// The selected row stands out most where the keys go to the list.
fn mark_of_selection(app: &App) -> Style {
    if app.focus == Focus::List { style::selected() } else { style::strong() }
}

fn paint_row(buffer: &mut Buffer, area: Rect, app: &App, row: ConversationView<'_>, alike: bool) {
    let (look, signs) = (app.look, Signs::of(app.look.ascii));
    let (x, above, below, end) = (area.x, area.y, area.y + 1, area.right().saturating_sub(1));
    let sign = change_sign(app, row);
    put(buffer, (x, above), 1, sign, style::moved(look));
    if app.selected.as_ref() == Some(row.id()) {
        put(buffer, (x, below), 1, if look.ascii { ">" } else { "▌" }, style::PLAIN);
    }
    let wide = |sign: &str| u16::try_from(width(sign)).unwrap_or(2);
    let (pin, mute) = (x + 2, x + 2 + wide(signs.pinned));
    if row.is_pinned() {
        put(buffer, (pin, above), wide(signs.pinned), signs.pinned, style::PLAIN);
    }
    let is_muted = row.receive_option() != ReceiveOption::Receive;
    if is_muted {
        put(buffer, (mute, above), wide(signs.muted), signs.muted, style::PLAIN);
    }
    let text = mute + wide(signs.muted) + 1;

    let when = ago(row.activity(), app.past.now().unwrap_or(row.activity()));
    let at = right(buffer, end, above, &when, style::faint());
    let marks = signs.marks(&row);
    let room = at.saturating_sub(text + 1);
    let name_room = usize::from(room).saturating_sub(if marks.is_empty() { 0 } else { width(&marks) + 1 });
    let name = words::name(&row);
    let cut = if alike { cut_middle } else { cut };
    let name = cut(&name, name_room, look.ellipsis());
    let unread = words::unread(&row);
    let weight = if !unread.is_empty() { style::strong() } else { style::PLAIN };
    let used = put(buffer, (text, above), room, &name, weight);
    put(buffer, (text + used + 1, above), room.saturating_sub(used + 1), &marks, style::PLAIN);

    let counted = if is_muted { style::faint() } else { style::counted(look) };
    let at = right(buffer, end, below, &unread, counted);
    let end = if unread.is_empty() { at } else { at.saturating_sub(1) };
    let at = right(buffer, end, below, mention(&row), style::mention(look));
    let room = at.saturating_sub(text + 1);
    let parts = preview(&signs, look.ellipsis(), &row, app.past.inbox().owner().as_str(), room.into());
    let parts = parts.into_iter().map(|(tone, part)| (style::of(look, tone), part));
    put_parts(buffer, (text, below), room, parts, look.ellipsis());
}

/// Puts text so that it ends before a column. Returns where it begins.
fn right(buffer: &mut Buffer, end: u16, y: u16, text: &str, style: Style) -> u16 {
    let x = end.saturating_sub(u16::try_from(width(text)).unwrap_or(end));
    put(buffer, (x, y), end - x, text, style);
    x
}

fn change_sign(app: &App, row: ConversationView<'_>) -> &'static str {
    match (app.change(&row), app.look.ascii) {
        (None, _) => " ",
        (Some(Change::New), false) => "●",
        (Some(Change::Up), false) => "▲",
        (Some(Change::Down), false) => "▼",
        (Some(Change::New), true) => "+",
        (Some(Change::Up), true) => "/",
        (Some(Change::Down), true) => "\\",
    }
}
