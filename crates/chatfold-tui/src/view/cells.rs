//! Text in cells of the screen.

use chatfold_words::text::{cut, width};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// Puts text at a place, cut to so many cells. Returns how many it took. The text must be harmless already.
pub(super) fn put(buffer: &mut Buffer, (x, y): (u16, u16), room: u16, text: &str, style: Style) -> u16 {
    if !buffer.area.contains(Position::new(x, y)) {
        return 0;
    }
    let room = room.min(buffer.area.right() - x);
    let (end, _) = buffer.set_stringn(x, y, text, usize::from(room), style);
    end - x
}

/// Puts parts one after the other, cut to so many cells with an ellipsis. Returns how many they took.
pub(super) fn put_parts<S: AsRef<str>>(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    room: u16,
    parts: impl IntoIterator<Item = (Style, S)>,
    ellipsis: &str,
) -> u16 {
    let mut used = 0;
    for (style, part) in parts {
        let left = room.saturating_sub(used);
        let text = cut(part.as_ref(), left.into(), ellipsis);
        used += put(buffer, (x + used, y), left, &text, style);
        if width(part.as_ref()) > usize::from(left) {
            break;
        }
    }
    used
}

/// Makes an area empty.
pub(super) fn clear(buffer: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
}
