//! Golden screens. What stands in `screens/` is append-only: a screen that is meant to change gets a new name.
//!
//! `CHATFOLD_NEW_SCREENS=1` writes those that are not there yet, and never one that is.

use std::fs;
use std::path::Path;

use chatfold_tui::{App, Look};

use super::support::{LETTERS, PICTURES, open, press, screen};

const SMALL: (u16, u16) = (80, 24);

/// Compares a screen with its golden; a failure says the first line that differs.
fn compare(golden: &str, shown: &str) -> Result<(), String> {
    let (mut expected, mut found) = (golden.lines(), shown.lines());
    for number in 1.. {
        match (expected.next(), found.next()) {
            (None, None) => return Ok(()),
            (expected, found) if expected == found => {}
            (expected, found) => {
                return Err(format!(
                    "line {number}:\n  expected {expected:?}\n  found    {found:?}\n{shown}"
                ));
            }
        }
    }
    Ok(())
}

fn check(name: &str, log: &str, look: Look, keys: &str, size: (u16, u16)) {
    check_app(name, &mut open(log, look), keys, size);
}

fn check_app(name: &str, app: &mut App, keys: &str, size: (u16, u16)) {
    screen(app, size);
    press(app, keys);
    let shown = screen(app, size);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tui/screens").join(format!("{name}.txt"));
    if !path.exists() && std::env::var_os("CHATFOLD_NEW_SCREENS").is_some() {
        fs::write(&path, &shown).unwrap();
    }
    let golden =
        fs::read_to_string(&path).unwrap_or_else(|_| panic!("there is no golden {}", path.display()));
    compare(&golden, &shown).unwrap_or_else(|why| panic!("{name}, {why}"));
}

#[test]
fn the_whole_inbox_at_80_by_24() {
    check("team", "team-at-work.jsonl", PICTURES, "", SMALL);
}

#[test]
fn ascii_without_colour() {
    check("team-ascii", "team-at-work.jsonl", LETTERS, "", SMALL);
}

#[test]
fn a_wide_terminal() {
    check("team-wide", "team-at-work.jsonl", PICTURES, "down", (120, 36));
}

#[test]
fn a_narrow_terminal_shows_the_list_or_the_messages() {
    check("team-narrow-hints", "team-at-work.jsonl", PICTURES, "", (46, 16));
    check("team-narrow-messages-hints", "team-at-work.jsonl", PICTURES, "enter", (46, 16));
}

#[test]
fn a_step_back_marks_what_moved() {
    check("team-back", "team-at-work.jsonl", PICTURES, "left left left", SMALL);
    check("team-day-back", "team-at-work.jsonl", PICTURES, "{", SMALL);
}

#[test]
fn before_the_first_event() {
    check("team-start", "team-at-work.jsonl", PICTURES, "home", SMALL);
}

#[test]
fn filters_and_search() {
    check("team-unread", "team-at-work.jsonl", PICTURES, "u", SMALL);
    check("team-groups", "team-at-work.jsonl", PICTURES, "g", SMALL);
    check("team-search", "team-at-work.jsonl", PICTURES, "/ \"re", SMALL);
}

#[test]
fn why_the_keys_and_a_question() {
    check("team-why", "team-at-work.jsonl", PICTURES, "?", SMALL);
    check("team-message-why", "team-at-work.jsonl", PICTURES, "enter up ?", SMALL);
    check("team-keys", "team-at-work.jsonl", PICTURES, "h", SMALL);
    check("team-keys-ascii", "team-at-work.jsonl", LETTERS, "h", (120, 24));
    check("team-delete", "team-at-work.jsonl", PICTURES, "x", SMALL);
}

#[test]
fn other_logs() {
    check("family", "family.jsonl", PICTURES, "", SMALL);
    check("support-desk", "support-desk.jsonl", PICTURES, "down enter", SMALL);
    check("mass-recall", "mass-recall.jsonl", PICTURES, "enter up up", SMALL);
    check("names-and-drafts", "names-and-drafts.jsonl", PICTURES, "", SMALL);
    check("everything-deleted", "everything-deleted.jsonl", PICTURES, "", SMALL);
}

#[test]
fn a_golden_that_differs_in_one_character_is_seen() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    let shown = screen(&mut app, SMALL);
    assert_eq!(compare(&shown, &shown), Ok(()));
    for (at, c) in shown.char_indices().step_by(97).filter(|(_, c)| *c != '\n') {
        let other = format!("{}{}{}", &shown[..at], '\u{2021}', &shown[at + c.len_utf8()..]);
        assert!(compare(&other, &shown).is_err(), "byte {at}");
    }
    assert!(compare(&format!("{shown}x"), &shown).is_err());
    assert!(compare(&shown, &format!("{shown}x")).is_err());
}

#[test]
fn the_keys_and_the_mouse() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    app.use_mouse();
    check_app("team-keys-mouse", &mut app, "h", SMALL);
}
