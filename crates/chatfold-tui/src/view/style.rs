//! Styles. Without colour, what matters is told by weight, inversion and signs alone.

use chatfold_words::preview::Tone;
use chatfold_words::text::Look;
use ratatui::style::{Color, Modifier, Style};

pub(super) const PLAIN: Style = Style::new();

pub(super) fn faint() -> Style {
    PLAIN.add_modifier(Modifier::DIM)
}

pub(super) fn strong() -> Style {
    PLAIN.add_modifier(Modifier::BOLD)
}

/// What is selected: one bar, whatever tones stand in it.
pub(super) fn selected() -> Style {
    PLAIN.fg(Color::Reset).remove_modifier(Modifier::DIM).add_modifier(Modifier::REVERSED)
}

fn colored(look: Look, color: Color) -> Style {
    if look.color { PLAIN.fg(color) } else { PLAIN }
}

pub(super) fn counted(look: Look) -> Style {
    colored(look, Color::Green).add_modifier(Modifier::BOLD)
}

pub(super) fn mention(look: Look) -> Style {
    colored(look, Color::Yellow).add_modifier(Modifier::BOLD)
}

pub(super) fn alarm(look: Look) -> Style {
    colored(look, Color::Red).add_modifier(Modifier::BOLD)
}

pub(super) fn sender(look: Look) -> Style {
    colored(look, Color::Cyan)
}

pub(super) fn own(look: Look) -> Style {
    colored(look, Color::Blue)
}

/// What moved, and the present on the time line.
pub(super) fn moved(look: Look) -> Style {
    colored(look, Color::Magenta).add_modifier(Modifier::BOLD)
}

pub(super) fn of(look: Look, tone: Tone) -> Style {
    match tone {
        Tone::Plain => PLAIN,
        Tone::Faint => faint(),
        Tone::Sender => sender(look),
        Tone::Alarm => colored(look, Color::Red),
    }
}
