//! The panel of reasons: what made each value so, and the event behind it.

use chatfold_words::text::{cut, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cells::{clear, put};
use super::style;
use crate::app::App;
use crate::reasons::Reasons;

/// Where the reason begins.
const COLUMN: u16 = 15;

pub(super) fn paint(buffer: &mut Buffer, area: Rect, app: &App, reasons: &Reasons) {
    clear(buffer, area);
    let ellipsis = app.look.ellipsis();
    let wide = area.width.saturating_sub(1);
    let title = format!("{}  (Enter: to the event, Esc: back)", reasons.title);
    put(buffer, (area.x + 1, area.y), wide, &cut(&title, wide.into(), ellipsis), style::strong());
    let room = usize::from(area.height.saturating_sub(1));
    let from = reasons.first_shown(area.height);
    // Events stand in a column of their own, behind the widest reason that leaves them three fifths of the line.
    let widest = reasons.rows.iter().map(|row| width(&row.text)).max().unwrap_or(0);
    let text_room = u16::try_from(widest).unwrap_or(u16::MAX).min(wide.saturating_sub(COLUMN) * 2 / 5);
    let shown = reasons.rows.iter().enumerate().skip(from).take(room);
    for ((index, row), y) in shown.zip(area.y + 1..) {
        put(buffer, (area.x + 1, y), COLUMN - 2, &row.label, style::faint());
        let text = cut(&row.text, text_room.into(), ellipsis);
        put(buffer, (area.x + COLUMN, y), text_room, &text, style::PLAIN);
        let x = area.x + COLUMN + text_room + 2;
        let left = area.right().saturating_sub(x);
        put(buffer, (x, y), left, &cut(&row.event, left.into(), ellipsis), style::sender(app.look));
        if index == reasons.selected {
            buffer.set_style(Rect::new(area.x, y, area.width, 1), style::selected());
        }
    }
}
