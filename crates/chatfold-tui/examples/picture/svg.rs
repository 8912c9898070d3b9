//! A run of the terminal inbox, drawn as SVG.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chatfold::Policy;
use chatfold::jsonl::Reader;
use chatfold_tui::{Access, App, Input, Look, draw};
use chatfold_words::text::width;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

const SIZE: (u16, u16) = (100, 28);

/// What is pressed before the picture is taken: a day back, then four hours on.
const KEYS: &str = "{]]]]";

/// A cell in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 12.0;

const PAPER: &str = "#16181d";
const INK: &str = "#d8dee9";
const FAINT: &str = "#7b8496";

/// The picture.
pub(crate) fn picture() -> Result<String, Box<dyn Error>> {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1/team-at-work.jsonl");
    let log = fs::read(log)?;
    let mut reader = Reader::new(log.as_slice())?;
    let owner = reader.owner().clone();
    let mut events = Vec::new();
    while let Some(record) = reader.next_record() {
        events.extend(record?.event.known().cloned());
    }
    let look = Look { color: true, ascii: false, width: SIZE.0.into() };
    let mut app = App::new(owner, Policy::default(), events, Access::Full, look);
    app.on(Input::Resize(SIZE.0, SIZE.1));
    for key in KEYS.chars() {
        app.on(Input::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)));
    }
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1))?;
    terminal.draw(|frame| draw(frame, &app))?;
    svg(terminal.backend().buffer())
}

fn svg(buffer: &Buffer) -> Result<String, Box<dyn Error>> {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (wide, high) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let mut out = String::new();
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.0}\" height=\"{high:.0}\" \
         viewBox=\"0 0 {wide:.0} {high:.0}\" role=\"img\" aria-label=\"The terminal inbox\">"
    )?;
    writeln!(out, "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>")?;
    writeln!(
        out,
        "<g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Color Emoji', monospace\" \
         font-size=\"14\">"
    )?;
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            x += run(&mut out, buffer, x, y)?;
        }
    }
    out.push_str("</g>\n</svg>\n");
    Ok(out)
}

/// Cells of one style from a place on, as one element; a wide symbol stands alone, so that no font moves what
/// follows it. How many cells that were.
fn run(out: &mut String, buffer: &Buffer, x: u16, y: u16) -> Result<u16, Box<dyn Error>> {
    let Some(first) = buffer.cell((x, y)) else { return Ok(1) };
    let cells = |cell: &Cell| u16::try_from(width(cell.symbol())).unwrap_or(1).max(1);
    let (mut text, mut len) = (first.symbol().to_owned(), cells(first));
    while len == text.chars().count() as u16
        && let Some(next) = buffer.cell((x + len, y)).filter(|_| x + len < buffer.area.width)
        && cells(next) == 1
        && next.style() == first.style()
    {
        text.push_str(next.symbol());
        len += 1;
    }
    let has = |modifier| first.modifier.contains(modifier);
    let (ink, paper) =
        (color(first.fg, if has(Modifier::DIM) { FAINT } else { INK }), color(first.bg, PAPER));
    let (ink, paper) = if has(Modifier::REVERSED) { (paper, ink) } else { (ink, paper) };
    let (left, top) = (MARGIN + f64::from(x) * CELL.0, MARGIN + f64::from(y) * CELL.1);
    if paper != PAPER {
        let wide = f64::from(len) * CELL.0;
        writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" fill=\"{paper}\"/>",
            CELL.1
        )?;
    }
    let weight = if has(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    // Words apart, so that nothing hangs on how a viewer treats spaces.
    for (offset, word) in words(&text) {
        let cells = if len == 2 && word == text { 2 } else { word.chars().count() };
        let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{ink}\" textLength=\"{:.1}\"{weight}>{word}</text>",
            left + offset as f64 * CELL.0,
            top + CELL.1 * 0.75,
            cells as f64 * CELL.0,
        )?;
    }
    Ok(len)
}

/// The parts of a text between two or more spaces, each with how many characters stand before it.
fn words(text: &str) -> Vec<(usize, &str)> {
    let (mut words, mut at) = (Vec::new(), 0);
    for part in text.split_inclusive("  ") {
        let word = part.trim_start();
        let before = part.chars().count() - word.chars().count();
        if !word.trim_end().is_empty() {
            words.push((at + before, word.trim_end()));
        }
        at += part.chars().count();
    }
    words
}

fn color(color: Color, otherwise: &'static str) -> &'static str {
    match color {
        Color::Red => "#e06c75",
        Color::Green => "#98c379",
        Color::Yellow => "#e5c07b",
        Color::Blue => "#61afef",
        Color::Magenta => "#c678dd",
        Color::Cyan => "#56b6c2",
        _ => otherwise,
    }
}
