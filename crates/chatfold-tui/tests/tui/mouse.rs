//! The mouse: what it does to what is under the pointer.

use chatfold_tui::{App, Input};
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::support::{LETTERS, PICTURES, open, press, screen};

const SIZE: (u16, u16) = (80, 24);
const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);
const PULL: MouseEventKind = MouseEventKind::Drag(MouseButton::Left);

fn mouse(app: &mut App, kind: MouseEventKind, (column, row): (u16, u16)) {
    let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
    assert_eq!(app.on(Input::Mouse(event)), None);
}

/// Where a text first stands on the screen.
fn place(app: &mut App, text: &str) -> (u16, u16) {
    let shown = screen(app, SIZE);
    let (row, line) = shown.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
    let column = chatfold_words::text::width(&line[..line.find(text).unwrap()]);
    (column.try_into().unwrap(), row.try_into().unwrap())
}

/// The conversation that is shown, by the title over its messages.
fn title(app: &mut App) -> String {
    let shown = screen(app, SIZE);
    shown.lines().nth(1).unwrap().split('│').nth(1).unwrap().trim().to_owned()
}

#[test]
fn a_click_selects_a_conversation_and_a_message() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    let first = title(&mut app);
    let jonas = place(&mut app, "Jonas Weber  ");
    mouse(&mut app, CLICK, jonas);
    let second = title(&mut app);
    assert_ne!(first, second);
    assert!(second.contains("Jonas"), "{second}");
    // A click on the second line of the row is one on the row.
    let mut again = open("team-at-work.jsonl", PICTURES);
    mouse(&mut again, CLICK, (jonas.0, jonas.1 + 1));
    assert_eq!(title(&mut again), second);
    // A message: the keys go to it, and to the list when that is clicked.
    mouse(&mut app, CLICK, (60, 16));
    assert!(screen(&mut app, SIZE).contains("Esc list"), "{}", screen(&mut app, SIZE));
    press(&mut app, "?");
    assert!(screen(&mut app, SIZE).contains("Message "));
    press(&mut app, "esc");
    mouse(&mut app, CLICK, jonas);
    assert!(screen(&mut app, SIZE).contains("Enter messages"));
}

#[test]
fn the_line_below_the_last_row_selects_none() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    // Nineteen lines hold nine rows; the tenth does not show.
    let shown = screen(&mut app, SIZE);
    mouse(&mut app, CLICK, (5, 19));
    assert_eq!(screen(&mut app, SIZE), shown);
    mouse(&mut app, CLICK, (5, 18));
    assert_ne!(screen(&mut app, SIZE), shown);
}

#[test]
fn every_line_of_a_message_is_the_message() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    screen(&mut app, SIZE);
    let mut reasons = Vec::new();
    for row in 2..20 {
        let mut app = open("team-at-work.jsonl", PICTURES);
        screen(&mut app, SIZE);
        mouse(&mut app, CLICK, (60, row));
        let shown = screen(&mut app, SIZE);
        if !shown.contains("Esc list") {
            continue; // A day or nothing.
        }
        press(&mut app, "?");
        let why = screen(&mut app, SIZE);
        reasons.push(why.lines().nth(1).unwrap().to_owned());
    }
    let lines = reasons.len();
    reasons.dedup();
    assert!(reasons.len() > 3 && reasons.len() < lines, "messages of more than a line: {reasons:?}");
    let mut once = reasons.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), reasons.len(), "each is in one piece");
}

#[test]
fn the_wheel_scrolls_what_is_under_it() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    let (before, selected) = (screen(&mut app, SIZE), title(&mut app));
    mouse(&mut app, MouseEventKind::ScrollDown, (5, 5));
    let after = screen(&mut app, SIZE);
    let line = |screen: &str, number: usize| screen.lines().nth(number).unwrap()[..20].to_owned();
    assert_eq!(line(&before, 3), line(&after, 1), "the list by a row");
    assert_eq!(title(&mut app), selected, "the selection stays");
    for _ in 0..100 {
        mouse(&mut app, MouseEventKind::ScrollDown, (5, 5));
    }
    assert!(!screen(&mut app, SIZE).contains("none passes"), "no further than the end");
    for _ in 0..100 {
        mouse(&mut app, MouseEventKind::ScrollUp, (5, 5));
    }
    assert_eq!(screen(&mut app, SIZE), before);

    mouse(&mut app, MouseEventKind::ScrollUp, (60, 10));
    assert!(screen(&mut app, SIZE).contains("Esc list"), "the messages");
    press(&mut app, "esc");
    mouse(&mut app, MouseEventKind::ScrollUp, (60, 20));
    assert_eq!(app.past().position(), 199, "time");
    mouse(&mut app, MouseEventKind::ScrollDown, (60, 21));
    assert_eq!(app.past().position(), 200);
}

#[test]
fn a_click_on_the_time_line_goes_there_and_it_can_be_pulled() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    screen(&mut app, SIZE);
    mouse(&mut app, CLICK, (1, 20));
    let first = app.past().position();
    assert!(first > 0 && first < 50, "{first}");
    let mut positions = vec![first];
    for column in 2..79 {
        mouse(&mut app, PULL, (column, 20));
        positions.push(app.past().position());
    }
    assert!(positions.is_sorted());
    assert_eq!(app.past().position(), 200, "the last column is the end");
    // Every column goes where the pointer then stands under it, or before it where nothing happened in it.
    for column in 1..79 {
        mouse(&mut app, CLICK, (column, 20));
        let label = screen(&mut app, SIZE).lines().nth(21).unwrap().to_owned();
        let at = chatfold_words::text::width(&label[..label.find('▲').unwrap()]);
        assert!(at <= usize::from(column), "{column}: {label}");
    }
    mouse(&mut app, CLICK, (0, 20));
    mouse(&mut app, CLICK, (79, 20));
    assert_eq!(app.past().position(), 200, "the rims belong to the ends");
    mouse(&mut app, PULL, (5, 5));
    assert_eq!(app.past().position(), 200, "only the time line is pulled");
}

#[test]
fn panels_and_questions_are_not_passed_through() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    press(&mut app, "?");
    let before = screen(&mut app, SIZE);
    mouse(&mut app, CLICK, (5, 4));
    mouse(&mut app, MouseEventKind::ScrollDown, (5, 4));
    let hint = |screen: &str| screen.lines().last().unwrap().to_owned();
    let by_mouse = hint(&screen(&mut app, SIZE));
    press(&mut app, "esc ? down down down");
    assert_eq!(by_mouse, hint(&screen(&mut app, SIZE)), "the third row, and one on");
    press(&mut app, "esc ?");
    assert_eq!(screen(&mut app, SIZE), before);
    press(&mut app, "esc h");
    mouse(&mut app, CLICK, (5, 5));
    assert!(!screen(&mut app, SIZE).contains("an event back"), "a click closes the keys");

    press(&mut app, "x");
    let asked = screen(&mut app, SIZE);
    for kind in [CLICK, MouseEventKind::ScrollUp, PULL] {
        for place in [(5, 8), (60, 10), (5, 20)] {
            mouse(&mut app, kind, place);
        }
    }
    assert_eq!(screen(&mut app, SIZE), asked);
}

#[test]
fn nothing_breaks_wherever_it_is_pressed() {
    for size in [(0, 0), (1, 1), (3, 4), (20, 5), (40, 12), (80, 24), (200, 2), (2, 100)] {
        for keys in ["", "enter", "?", "h", "/ \"zzz enter"] {
            let mut app = open("family.jsonl", LETTERS);
            screen(&mut app, size);
            press(&mut app, keys);
            for kind in [CLICK, PULL, MouseEventKind::ScrollUp, MouseEventKind::ScrollDown] {
                for place in (0..26).flat_map(|row| (0..90).step_by(9).map(move |column| (column, row))) {
                    mouse(&mut app, kind, place);
                    screen(&mut app, size);
                }
            }
        }
    }
}
