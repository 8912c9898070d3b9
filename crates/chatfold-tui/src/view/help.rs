//! The keys, in columns by what they are for.

use chatfold_words::text::width;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cells::{clear, put};
use super::style;
use crate::app::App;
use crate::keys::{HELP, MOUSE};

/// How wide a column is.
const COLUMN: u16 = 38;

pub(super) fn paint(buffer: &mut Buffer, area: Rect, app: &App) {
    clear(buffer, area);
    let columns = (area.width / COLUMN).max(1);
    let (mut column, mut y) = (0, area.y);
    let mouse = app.has_mouse.then_some(&MOUSE);
    for (title, keys) in HELP.iter().chain(mouse) {
        let lines = keys.len() as u16 + 2;
        if y > area.y && y + lines > area.bottom() + 1 && column + 1 < columns {
            (column, y) = (column + 1, area.y);
        }
        let x = area.x + 1 + column * COLUMN;
        let end = area.bottom();
        let mut line = |y: u16, offset: u16, text: &str, style| {
            if y < end {
                put(buffer, (x + offset, y), COLUMN - 2 - offset, text, style);
            }
        };
        line(y, 0, title, style::strong());
        for ((key, what), y) in keys.iter().zip(y + 1..) {
            let key = if app.look.ascii { ascii(key) } else { (*key).to_owned() };
            line(y, 1, &key, style::sender(app.look));
            line(y, 17.max(width(&key) as u16 + 2), what, style::PLAIN);
        }
        y += lines;
    }
}

/// Arrows in words.
fn ascii(key: &str) -> String {
    [("⇧← ⇧→", "S-arrows"), ("^← ^→", "C-arrows"), ("←", "Left"), ("→", "Right"), ("↑", "Up"), ("↓", "Down")]
        .iter()
        .fold(key.to_owned(), |key, (sign, word)| key.replace(sign, word))
}
