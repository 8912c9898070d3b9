//! An inbox on a log, keys as text, and the screen as text.

use std::fs;
use std::path::{Path, PathBuf};

use chatfold::jsonl::Reader;
use chatfold::{Event, Policy, UserId};
use chatfold_tui::{Access, App, Effect, Input, Look, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub(crate) const PICTURES: Look = Look { color: true, ascii: false, width: 80 };
pub(crate) const LETTERS: Look = Look { color: false, ascii: true, width: 80 };

/// The fixtures of the repository.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1").join(name)
}

/// The owner and the events of a text log.
pub(crate) fn read(log: &str) -> (UserId, Vec<Event>) {
    let reader = Reader::new(log.as_bytes()).unwrap();
    let owner = reader.owner().clone();
    let events = reader.filter_map(|record| record.unwrap().event.known().cloned());
    (owner, events.collect())
}

/// The inbox of a fixture.
pub(crate) fn open(name: &str, look: Look) -> App {
    let (owner, events) = read(&fs::read_to_string(fixture(name)).unwrap());
    App::new(owner, Policy::default(), events, Access::Full, look)
}

/// A key by its name, or the character.
fn key(name: &str) -> KeyEvent {
    let (name, modifiers) = match (name.strip_prefix("S-"), name.strip_prefix("C-")) {
        (Some(rest), _) => (rest, KeyModifiers::SHIFT),
        (_, Some(rest)) => (rest, KeyModifiers::CONTROL),
        _ => (name, KeyModifiers::NONE),
    };
    let code = match name {
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "tab" => KeyCode::Tab,
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "back" => KeyCode::Backspace,
        "space" => KeyCode::Char(' '),
        one => KeyCode::Char(one.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

/// Presses keys, separated by spaces: names, single characters, or `"several characters`. The last effect.
pub(crate) fn press(app: &mut App, keys: &str) -> Option<Effect> {
    let mut effect = None;
    for word in keys.split_whitespace() {
        if let Some(text) = word.strip_prefix('"') {
            for c in text.chars() {
                effect = app.on(Input::Key(key(&c.to_string())));
            }
        } else {
            effect = app.on(Input::Key(key(word)));
        }
    }
    effect
}

/// What is drawn on a terminal of this size.
pub(crate) fn buffer(app: &mut App, (width, height): (u16, u16)) -> Buffer {
    app.on(Input::Resize(width, height));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    terminal.backend().buffer().clone()
}

/// The same as lines of text without spaces at their ends.
pub(crate) fn screen(app: &mut App, size: (u16, u16)) -> String {
    let buffer = buffer(app, size);
    let mut text = String::new();
    for y in 0..size.1 {
        let mut line = String::new();
        let mut x = 0;
        while x < size.0 {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(chatfold_words::text::width(symbol)).unwrap().max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
