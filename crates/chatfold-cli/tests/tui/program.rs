//! The program in a pseudo-terminal.

use std::io::{Read as _, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take on a slow day.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long something is watched that is not to happen.
const WATCH: Duration = Duration::from_millis(400);

pub(crate) fn chatfold() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_chatfold"))
}

pub(crate) struct Program {
    /// Absent once it has hung up.
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
    /// Nothing is read any more once this is set.
    is_over: Arc<AtomicBool>,
    terminal: vt100::Parser,
}

impl Program {
    /// Starts the program in a terminal of 80 columns and 24 rows.
    pub(crate) fn start(arguments: &[String], environment: &[(&str, &str)]) -> Self {
        Self::start_on(arguments, environment, true)
    }

    /// The same. Returns whether the terminal is that of the program's session.
    pub(crate) fn start_on(arguments: &[String], environment: &[(&str, &str)], has_session: bool) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(chatfold());
        command.args(arguments);
        command.set_controlling_tty(has_session);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        environment.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end of a pseudo-terminal is an error on some systems.
            while let Ok(len @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..len].to_vec()).is_err() || over.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        let writer = Some(pair.master.take_writer().unwrap());
        let (master, reader) = (Some(pair.master), Some(reader));
        let terminal = vt100::Parser::new(24, 80, 0);
        Self { master, writer, child, output, reader, is_over, terminal }
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    fn screen(&self) -> String {
        self.terminal.screen().contents()
    }

    /// Reads until the screen is as wanted.
    fn until(&mut self, what: &str, wanted: impl Fn(&str, u16) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(&self.screen(), self.terminal.screen().size().0) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.terminal.process(&bytes),
                Err(error) => panic!("{what}: {error}\n{}", self.screen()),
            }
        }
    }

    pub(crate) fn shows(&mut self, text: &str) {
        self.until(&format!("waiting for {text:?}"), |screen, _| screen.contains(text));
    }

    pub(crate) fn hides(&mut self, text: &str) {
        self.until(&format!("waiting for {text:?} to go"), |screen, _| !screen.contains(text));
    }

    /// Lets time pass and reads what comes.
    pub(crate) fn waits(&mut self) {
        let deadline = Instant::now() + WATCH;
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.terminal.process(&bytes),
                Err(RecvTimeoutError::Timeout) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn resize(&mut self, rows: u16, cols: u16) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.terminal.screen_mut().set_size(rows, cols);
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Reads until the last line of the terminal has this text: with it, a picture is whole.
    pub(crate) fn ends_in(&mut self, text: &str) {
        self.until(&format!("waiting for {text:?} at the end"), |screen, rows| {
            screen.lines().nth(usize::from(rows) - 1).is_some_and(|line| line.contains(text))
        });
    }

    /// Reads no more of what the program writes.
    pub(crate) fn stalls(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // The reader looks up when something is drawn.
        self.keys("h");
        self.reader.take().unwrap().join().unwrap();
    }

    /// Takes the terminal away from the program.
    pub(crate) fn hangs_up(&mut self) {
        // The reader holds the terminal too.
        self.stalls();
        drop((self.writer.take(), self.master.take()));
    }

    /// Waits for the program to end without being read.
    pub(crate) fn ends_unread(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the program runs on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&mut self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the program to end and reads what it wrote last; its exit code.
    pub(crate) fn ends(&mut self) -> u32 {
        let status = self.child.wait().unwrap();
        self.waits_for_silence();
        status.exit_code()
    }

    fn waits_for_silence(&mut self) {
        while let Ok(bytes) = self.output.recv_timeout(WATCH) {
            self.terminal.process(&bytes);
        }
    }

    /// Whether keys come one by one and unechoed.
    pub(crate) fn is_raw(&self) -> bool {
        let flags = format!("{:?}", self.master.as_ref().unwrap().get_termios().unwrap().local_flags);
        !flags.contains("ICANON") && !flags.contains("ECHO |")
    }

    pub(crate) fn has_other_screen(&self) -> bool {
        self.terminal.screen().alternate_screen()
    }

    /// Whether the terminal tells the program what the mouse does.
    pub(crate) fn has_mouse(&self) -> bool {
        self.terminal.screen().mouse_protocol_mode() != vt100::MouseProtocolMode::None
    }

    /// How many cells have a colour of their own.
    pub(crate) fn colours(&self) -> usize {
        let screen = self.terminal.screen();
        let (rows, columns) = screen.size();
        let cells = (0..rows).flat_map(|row| (0..columns).filter_map(move |column| screen.cell(row, column)));
        let plain = vt100::Color::Default;
        cells.filter(|cell| cell.fgcolor() != plain || cell.bgcolor() != plain).count()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A program that has ended already cannot be ended again.
        let _ = self.child.kill();
    }
}
