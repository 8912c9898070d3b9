//! The time line: how much happened when, and where one stands.

use chatfold::Timestamp;
use chatfold_words::instant::minute;
use chatfold_words::text::width;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cells::put;
use super::style;
use crate::app::App;

const BARS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_BARS: [&str; 9] = [" ", ".", ".", ":", ":", "-", "=", "#", "#"];

pub(super) fn paint(buffer: &mut Buffer, area: Rect, app: &App) {
    if area.height < 2 || area.width < 4 {
        return;
    }
    let (x, room) = (area.x + 1, area.width - 2);
    let Some((first, last)) = app.past.span() else {
        put(buffer, (x, area.y), room, "no events", style::faint());
        return;
    };
    let axis = Axis { first: first.as_millis(), last: last.as_millis(), cells: room.into() };
    let counts = axis.counts(app);
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bars = if app.look.ascii { ASCII_BARS } else { BARS };
    let here = app.past.now().map_or(0, |now| axis.cell(now));
    for (cell, count) in (0u16..).zip(&counts) {
        // Whatever happened shows, however little it was.
        let height = (count * 8).div_ceil(most);
        let is_past = usize::from(cell) <= here && app.past.position() > 0;
        let tone = if is_past { style::moved(app.look) } else { style::faint() };
        put(buffer, (x + cell, area.y), 1, bars.get(height).copied().unwrap_or("█"), tone);
    }
    labels(buffer, Rect { x, y: area.y + 1, width: room, height: 1 }, app, here);
}

/// The position behind all events of a column.
pub(super) fn position_at(area: Rect, app: &App, x: u16) -> Option<usize> {
    let (first, last) = app.past.span()?;
    let axis =
        Axis { first: first.as_millis(), last: last.as_millis(), cells: area.width.checked_sub(2)?.into() };
    let cell = usize::from(x.saturating_sub(area.x + 1)).min(axis.cells.checked_sub(1)?);
    Some(app.past.before(axis.begin(cell + 1)))
}

/// The begin and the end of the log, and where one stands under its cell.
fn labels(buffer: &mut Buffer, area: Rect, app: &App, here: usize) {
    let Some((first, last)) = app.past.span() else { return };
    let day = |at: Timestamp| at.to_datetime().format("%Y-%m-%d").to_string();
    let at = match app.past.now() {
        Some(now) => minute(now),
        None => "before the first event".to_owned(),
    };
    let pointer = if app.look.ascii { "^ " } else { "▲ " };
    let text = format!("{pointer}{at}");
    let wide = u16::try_from(width(&text)).unwrap_or(area.width);
    let here = u16::try_from(here).unwrap_or(area.width);
    let (begin, end) = (day(first), day(last));
    let (left, right) = (width(&begin) as u16 + 1, width(&end) as u16 + 1);
    // Where the pointer has no room to its right, it stands to the right of its text.
    let fits = here + wide <= area.width;
    let from = if fits { here } else { (here + 1).saturating_sub(wide) };
    let text = if fits { text } else { format!("{at} {}", pointer.trim_end()) };
    if from >= left {
        put(buffer, (area.x, area.y), area.width, &begin, style::faint());
    }
    if from + wide + right <= area.width {
        put(buffer, (area.right() - (right - 1), area.y), right, &end, style::faint());
    }
    put(buffer, (area.x + from, area.y), area.width.saturating_sub(from), &text, style::strong());
}

/// Times on cells.
struct Axis {
    first: i64,
    last: i64,
    cells: usize,
}

impl Axis {
    fn cell(&self, at: Timestamp) -> usize {
        let (past, whole) = (i128::from(at.as_millis() - self.first), i128::from(self.last - self.first) + 1);
        usize::try_from(past * self.cells as i128 / whole).unwrap_or(0).min(self.cells.saturating_sub(1))
    }

    /// Where a cell begins.
    fn begin(&self, cell: usize) -> i64 {
        let (whole, cells) = (i128::from(self.last - self.first) + 1, self.cells as i128);
        let offset = (whole * cell as i128 + cells - 1) / cells;
        i64::try_from(i128::from(self.first) + offset).unwrap_or(i64::MAX)
    }

    /// How many events each cell has. Complexity: O(cells · log events).
    fn counts(&self, app: &App) -> Vec<usize> {
        let before: Vec<usize> = (0..=self.cells).map(|cell| app.past.before(self.begin(cell))).collect();
        before.iter().zip(before.iter().skip(1)).map(|(from, to)| to - from).collect()
    }
}
