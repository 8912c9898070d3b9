//! The terminal is put back as it was when its program panics.
//!
//! The parent runs this very test binary again in a pseudo-terminal, as a child that takes the terminal and
//! panics.
#![cfg(unix)]

use std::io::Read as _;

use chatfold_tui::Screen;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const CHILD: &str = "CHATFOLD_PANICKING_CHILD";

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    if std::env::var_os(CHILD).is_some() {
        let _screen = Screen::enter().unwrap();
        panic!("said after the terminal is back");
    }
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let before = pair.master.get_termios().unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "guard::a_panic_leaves_the_terminal_as_it_was", "--nocapture"]);
    command.env(CHILD, "1");
    let mut child = pair.slave.spawn_command(command).unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let output = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // The end of a pseudo-terminal is an error on some systems.
        let _ = reader.read_to_end(&mut bytes);
        bytes
    });
    assert!(!child.wait().unwrap().success(), "it panicked");
    let after = pair.master.get_termios().unwrap();
    assert_eq!(before.local_flags, after.local_flags, "echo and lines are back");
    assert_eq!(before.input_flags, after.input_flags);
    drop(pair);
    let bytes = output.join().unwrap();
    let mut terminal = vt100::Parser::new(24, 80, 0);
    terminal.process(&bytes);
    assert!(!terminal.screen().alternate_screen() && !terminal.screen().hide_cursor());
    let text = String::from_utf8_lossy(&bytes);
    let (left, said) = (text.find("\u{1b}[?1049l").unwrap(), text.find("said after").unwrap());
    assert!(text.find("\u{1b}[?1049h").unwrap() < left, "it had been taken");
    assert!(left < said, "the message is on the screen that stays");
}
