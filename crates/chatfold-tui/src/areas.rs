//! Where the parts of the screen stand.

use ratatui::layout::Rect;

/// Narrower than this, the list and the conversation do not stand side by side.
const MIN_WIDTH: u16 = 60;

/// The list takes two fifths of the width, within these bounds.
const LIST_WIDTHS: (u16, u16) = (30, 48);

/// How many lines a row of the list takes.
pub(crate) const ROW_LINES: u16 = 2;

/// Where everything stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Areas {
    pub(crate) header: Rect,
    /// List and conversation together.
    pub(crate) body: Rect,
    pub(crate) list: Rect,
    /// The line between them; empty where they do not stand side by side.
    pub(crate) rule: Rect,
    pub(crate) conversation: Rect,
    pub(crate) timeline: Rect,
    pub(crate) status: Rect,
    pub(crate) prompt: Rect,
}

impl Areas {
    /// The layout of a terminal of this size. What does not fit is left out from below the list upwards.
    pub(crate) fn of(size: Rect) -> Self {
        let line = |y: u16, height: u16| Rect::new(0, y, size.width, height).intersection(size);
        let below = if size.height >= 10 { 4 } else { size.height.saturating_sub(4).min(2) };
        let top = u16::from(size.height >= 5);
        let body = line(top, size.height.saturating_sub(top + below));
        let end = body.bottom();
        let (timeline, status, prompt) = match below {
            4 => (line(end, 2), line(end + 2, 1), line(end + 3, 1)),
            _ => (line(end, 0), line(end, below.min(1)), line(end + 1, below.saturating_sub(1))),
        };
        let (list, rule, conversation) = if size.width < MIN_WIDTH {
            (body, Rect::ZERO, body)
        } else {
            let wide = (size.width * 2 / 5).clamp(LIST_WIDTHS.0, LIST_WIDTHS.1);
            let part = |x: u16, width: u16| Rect::new(x, body.y, width, body.height);
            (part(0, wide), part(wide, 1), part(wide + 1, size.width - wide - 1))
        };
        Self { header: line(0, top), body, list, rule, conversation, timeline, status, prompt }
    }

    /// How many rows of the list fit.
    pub(crate) fn rows(&self) -> usize {
        usize::from((self.list.height / ROW_LINES).max(1))
    }
}
