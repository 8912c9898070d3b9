//! What the mouse does: the wheel scrolls what is under the pointer, a click selects it or goes to its time.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use crate::app::{App, Focus, Panel};
use crate::areas::{Areas, ROW_LINES};
use crate::past::Step;
use crate::view;

impl App {
    /// Uses the mouse too: [`run`](crate::run) asks the terminal for it, the page of keys says what it does. A
    /// terminal then selects text only with a key held, most with Shift.
    pub fn use_mouse(&mut self) {
        self.has_mouse = true;
    }

    /// Takes what the mouse did. While a question is open it does nothing: an answer is about what was asked.
    pub(crate) fn moused(&mut self, event: MouseEvent) {
        if self.prompt.is_some() {
            return;
        }
        let (areas, at) = (Areas::of(self.size), Position::new(event.column, event.row));
        match event.kind {
            MouseEventKind::ScrollUp => self.wheel(&areas, at, -1),
            MouseEventKind::ScrollDown => self.wheel(&areas, at, 1),
            MouseEventKind::Down(MouseButton::Left) => self.click(&areas, at),
            // The time line is pulled.
            MouseEventKind::Drag(MouseButton::Left) if areas.timeline.contains(at) => self.click(&areas, at),
            _ => {}
        }
    }

    fn wheel(&mut self, areas: &Areas, at: Position, by: isize) {
        if areas.timeline.contains(at) {
            self.step(if by < 0 { Step::EventBack } else { Step::EventOn });
        } else if let Some(panel) = &mut self.panel {
            if let Panel::Why(reasons) = panel {
                reasons.step(by);
            }
        } else if self.is_list(areas, at) {
            let last = self.rows.len().saturating_sub(areas.rows());
            self.top = self.top.saturating_add_signed(by).min(last);
        } else if areas.conversation.contains(at) {
            self.enter();
            self.move_message(by);
        }
    }

    fn click(&mut self, areas: &Areas, at: Position) {
        self.notice = None;
        if areas.timeline.contains(at) {
            if let Some(position) = view::position_at(self, areas, at.x) {
                self.go(position);
            }
        } else if let Some(panel) = &mut self.panel {
            match panel {
                Panel::Why(reasons) if areas.body.contains(at) => {
                    reasons.select(at.y.saturating_sub(areas.body.y), areas.body.height);
                }
                Panel::Why(_) => {}
                Panel::Help => self.panel = None,
            }
        } else if self.is_list(areas, at) {
            // The last line of a list of odd height has no row.
            let row = usize::from((at.y - areas.list.y) / ROW_LINES);
            let shown = usize::from(areas.list.height / ROW_LINES);
            if let Some(id) = self.rows.get(self.top + row).filter(|_| row < shown).cloned() {
                self.focus = Focus::List;
                self.select(Some(id));
            }
        } else if areas.conversation.contains(at)
            && let Some(message) = view::message_at(self, areas, at.y)
        {
            self.focus = Focus::Messages;
            self.message = Some(message);
        }
    }

    /// Whether the list shows there: it and the conversation may share their place.
    fn is_list(&self, areas: &Areas, at: Position) -> bool {
        areas.list.contains(at) && (areas.list != areas.conversation || self.focus == Focus::List)
    }
}
