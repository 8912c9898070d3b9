//! Which key does what.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::past::Step;

/// What a key asks for, outside a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// One row up, or one message older.
    Up,
    /// One row down, or one message newer.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// From the list to the conversation and back.
    Switch,
    /// Into what is selected.
    Enter,
    /// Out of a panel, the conversation, the search, the filters: whichever is open, in this order.
    Escape,
    /// Along the log.
    Go(Step),
    /// Only those with unread messages, or all.
    Unread,
    /// Only those that mention the owner, or all.
    Mentions,
    /// Only direct chats, or all.
    Direct,
    /// Only groups, or all.
    Groups,
    /// The next folder.
    Folder,
    /// The next mark.
    Mark,
    /// Without archived conversations, only them, or all.
    Archived,
    /// No filter, no search.
    Clear,
    /// Searches.
    Search,
    /// The next older message that the search finds.
    Older,
    /// The next newer one.
    Newer,
    /// Why.
    Why,
    /// The keys.
    Help,
    /// Follows the log, or no longer.
    Follow,
    /// Pins or unpins.
    Pin,
    /// Puts into the archive or takes out.
    Archive,
    /// Stars or takes the star away.
    Star,
    /// Sets or takes away a mark that is asked for.
    SetMark,
    /// Reads.
    Read,
    /// Makes unread from a message on.
    UnreadFrom,
    /// Edits the draft.
    Draft,
    /// Writes a message.
    Send,
    /// Recalls a message.
    Recall,
    /// Deletes a message or a conversation.
    Delete,
    /// Ends.
    Quit,
}

/// The keys by what they are for: a title, then keys and what they do.
pub(crate) const HELP: &[(&str, &[(&str, &str)])] = &[
    (
        "Time",
        &[
            ("← →", "an event back, on"),
            ("[ ] or ⇧← ⇧→", "an hour"),
            ("{ } or ^← ^→", "a day"),
            ("Home End", "start, end"),
            ("f", "follow the log"),
        ],
    ),
    (
        "Look",
        &[
            ("↑ ↓ PgUp PgDn", "select"),
            ("Tab Enter", "list, messages"),
            ("Esc", "back"),
            ("?", "why is it so?"),
            ("h  q", "keys, quit"),
        ],
    ),
    (
        "Filter",
        &[
            ("u  @", "unread, mentions"),
            ("d  g", "direct, groups"),
            ("o  m", "next folder, mark"),
            ("A", "archived or not"),
            ("/  n N", "find, older, newer"),
            ("c", "clear all of it"),
        ],
    ),
    (
        "Act",
        &[
            ("p  s  M", "pin, star, mark"),
            ("a", "archive"),
            ("r  U", "read, unread from"),
            ("i  e", "send, draft"),
            ("R  x", "recall, delete"),
        ],
    ),
];

/// What the mouse does, where it is used.
pub(crate) const MOUSE: (&str, &[(&str, &str)]) =
    ("Mouse", &[("wheel", "scroll, step"), ("click", "select, go there"), ("Shift", "select text")]);

/// What a key asks for.
pub fn action(key: KeyEvent) -> Option<Action> {
    let has = |modifier| key.modifiers.contains(modifier);
    let control = has(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if control => Action::Quit,
        KeyCode::Left if control => Action::Go(Step::DayBack),
        KeyCode::Right if control => Action::Go(Step::DayOn),
        KeyCode::Left if has(KeyModifiers::SHIFT) => Action::Go(Step::HourBack),
        KeyCode::Right if has(KeyModifiers::SHIFT) => Action::Go(Step::HourOn),
        KeyCode::Left => Action::Go(Step::EventBack),
        KeyCode::Right => Action::Go(Step::EventOn),
        KeyCode::Home => Action::Go(Step::Start),
        KeyCode::End => Action::Go(Step::End),
        KeyCode::Up => Action::Up,
        KeyCode::Down => Action::Down,
        KeyCode::PageUp => Action::PageUp,
        KeyCode::PageDown => Action::PageDown,
        KeyCode::Tab | KeyCode::BackTab => Action::Switch,
        KeyCode::Enter => Action::Enter,
        KeyCode::Esc => Action::Escape,
        KeyCode::F(1) => Action::Help,
        KeyCode::Char(_) if control || has(KeyModifiers::ALT) => return None,
        KeyCode::Char(c) => return letter(c),
        _ => return None,
    })
}

fn letter(c: char) -> Option<Action> {
    Some(match c {
        '[' => Action::Go(Step::HourBack),
        ']' => Action::Go(Step::HourOn),
        '{' => Action::Go(Step::DayBack),
        '}' => Action::Go(Step::DayOn),
        '<' => Action::Go(Step::Start),
        '>' => Action::Go(Step::End),
        'k' => Action::Up,
        'j' => Action::Down,
        'u' => Action::Unread,
        '@' => Action::Mentions,
        'd' => Action::Direct,
        'g' => Action::Groups,
        'o' => Action::Folder,
        'm' => Action::Mark,
        'A' => Action::Archived,
        'c' => Action::Clear,
        '/' => Action::Search,
        'n' => Action::Older,
        'N' => Action::Newer,
        '?' => Action::Why,
        'h' => Action::Help,
        'f' => Action::Follow,
        'p' => Action::Pin,
        'a' => Action::Archive,
        's' => Action::Star,
        'M' => Action::SetMark,
        'r' => Action::Read,
        'U' => Action::UnreadFrom,
        'e' => Action::Draft,
        'i' => Action::Send,
        'R' => Action::Recall,
        'x' => Action::Delete,
        'q' => Action::Quit,
        _ => return None,
    })
}
