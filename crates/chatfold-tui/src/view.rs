//! What the screen shows: the state of an [`App`], drawn.

mod cells;
mod conversation;
mod help;
mod list;
mod status;
mod style;
mod timeline;
mod why;

use chatfold::MessageId;
use chatfold_words::text::{cut, width};
use ratatui::Frame;
use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::{Position, Rect};

use self::cells::{clear, put};
use crate::app::{App, Focus, Panel};
use crate::areas::Areas;

/// Columns and rows below which nothing of use can be shown.
const MIN_SIZE: (u16, u16) = (20, 6);

/// Draws the inbox. The app has to know the size of the frame: see [`Input::Resize`](crate::Input::Resize).
pub fn draw(frame: &mut Frame<'_>, app: &App) {
    let areas = Areas::of(app.size.intersection(frame.area()));
    let cursor = paint(frame.buffer_mut(), app, &areas);
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Has every cell repainted that a wide cluster of the picture before covered and that nothing covers now.
///
/// A terminal may keep a cluster of several code points, each a column wide for it, in as many cells, and then
/// overwrites one alone. The difference between two pictures takes such a cell for blank in both and leaves it.
pub(crate) fn uncover(before: &Buffer, now: &mut Buffer) {
    if before.area != now.area {
        return;
    }
    for y in now.area.top()..now.area.bottom() {
        for x in now.area.left()..now.area.right() {
            let wide = |buffer: &Buffer| buffer.cell((x, y)).map_or(0, |cell| width(cell.symbol()));
            let (was, is) = (wide(before), wide(now));
            let covered = is.max(1)..was;
            for after in covered.filter_map(|cells| u16::try_from(cells).ok()) {
                if let Some(cell) = now.cell_mut((x + after, y)) {
                    cell.set_diff_option(CellDiffOption::AlwaysUpdate);
                }
            }
        }
    }
}

/// Paints everything. Returns where the cursor stands, if something is typed.
fn paint(buffer: &mut Buffer, app: &App, areas: &Areas) -> Option<Position> {
    if app.size.width < MIN_SIZE.0 || app.size.height < MIN_SIZE.1 {
        let area = app.size.intersection(buffer.area);
        let text = [format!("too small: {} × {}", MIN_SIZE.0, MIN_SIZE.1), "q quits".to_owned()];
        for (text, y) in text.iter().zip(area.top()..area.bottom()) {
            put(buffer, (area.x, y), area.width, &cut(text, area.width.into(), ""), style::PLAIN);
        }
        return None;
    }
    status::header(buffer, areas.header, app);
    let side_by_side = !areas.rule.is_empty();
    if side_by_side || app.focus == Focus::List {
        list::paint(buffer, areas.list, app);
    }
    if side_by_side || app.focus == Focus::Messages {
        conversation::paint(buffer, areas.conversation, app);
    }
    for y in areas.rule.top()..areas.rule.bottom() {
        put(buffer, (areas.rule.x, y), 1, if app.look.ascii { "|" } else { "│" }, style::faint());
    }
    match &app.panel {
        Some(Panel::Why(reasons)) => why::paint(buffer, areas.body, app, reasons),
        Some(Panel::Help) => help::paint(buffer, areas.body, app),
        None => {}
    }
    timeline::paint(buffer, areas.timeline, app);
    // A long notice takes lines of the time line.
    // One line more than fits, so that the last one tells that there is more.
    let told = status::told(app, areas.prompt.width, areas.prompt.height + areas.timeline.height + 1);
    let more = u16::try_from(told.len().saturating_sub(1)).unwrap_or(u16::MAX).min(areas.timeline.height);
    let status = Rect { y: areas.status.y - more, ..areas.status };
    let prompt = Rect { y: areas.prompt.y - more, height: areas.prompt.height + more, ..areas.prompt };
    if more > 0 {
        clear(buffer, status);
        clear(buffer, prompt);
    }
    status::paint(buffer, status, app);
    status::prompt(buffer, prompt, app, &told)
}

/// The message that shows on a line of the screen.
pub(crate) fn message_at(app: &App, areas: &Areas, y: u16) -> Option<MessageId> {
    conversation::message_at(areas.conversation, app, y)
}

/// The position behind all events of a column of the time line.
pub(crate) fn position_at(app: &App, areas: &Areas, x: u16) -> Option<usize> {
    timeline::position_at(areas.timeline, app, x)
}

#[cfg(test)]
mod tests {
    use ratatui::backend::{Backend as _, CrosstermBackend};

    use super::*;

    /// What is written to the terminal between two pictures of one line.
    fn written(before: &str, now: &str) -> Vec<(u16, String)> {
        let picture = |text: &str| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
            put(&mut buffer, (0, 0), 12, text, style::PLAIN);
            buffer
        };
        let (before, mut now) = (picture(before), picture(now));
        uncover(&before, &mut now);
        before.diff(&now).into_iter().map(|(x, _, cell)| (x, cell.symbol().to_owned())).collect()
    }

    #[test]
    fn what_a_wide_cluster_covered_is_repainted() {
        // Two code points of a column each, as Devanagari, Thai and flags have them.
        for cluster in ["का", "กำ", "\u{1f1e9}\u{1f1ea}", "你"] {
            assert_eq!(width(cluster), 2, "{cluster}");
            let all = written(&format!("{cluster}ok"), "B ok");
            assert_eq!(all, [(0, "B".to_owned()), (1, " ".to_owned())], "{cluster}");
            let shifted = written(&format!("a{cluster}"), "a");
            assert_eq!(shifted, [(1, " ".to_owned()), (2, " ".to_owned())], "{cluster}");
        }
        assert_eq!(written("你ok", "好ok"), [(0, "好".to_owned())], "one wide one covers another");
        assert_eq!(written("same", "same"), []);
    }

    /// What a terminal of 12 columns shows after one picture of a line and then another.
    fn on_a_terminal(before: &str, now: &str) -> String {
        let mut terminal = vt100::Parser::new(1, 12, 0);
        let mut last = Buffer::empty(Rect::new(0, 0, 12, 1));
        for text in [before, now] {
            let mut buffer = Buffer::empty(last.area);
            put(&mut buffer, (0, 0), 12, text, style::PLAIN);
            uncover(&last, &mut buffer);
            let mut bytes = Vec::new();
            CrosstermBackend::new(&mut bytes).draw(last.diff(&buffer).into_iter()).unwrap();
            terminal.process(&bytes);
            last = buffer;
        }
        terminal.screen().contents()
    }

    #[test]
    fn a_terminal_that_keeps_a_column_a_code_point_shows_no_rest_of_them() {
        for cluster in ["का", "กำ", "\u{1f1e9}\u{1f1ea}", "你"] {
            for (before, now) in [
                (format!("{cluster}ok"), "B ok"),
                (format!("a{cluster}"), "a"),
                (format!("a{cluster}b"), "a  b"),
                (format!("{cluster}{cluster}"), "Bo / ok"),
            ] {
                assert_eq!(on_a_terminal(&before, now).trim_end(), now, "{before}");
            }
        }
    }
}
