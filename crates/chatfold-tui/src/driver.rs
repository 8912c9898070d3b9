//! The thin driver between an [`App`] and a terminal.

use std::io::{self, IsTerminal as _, Stdout, Write, stdout};
use std::panic;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event,
};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::{App, Effect, Input};
use crate::desk::Desk;
use crate::view::{draw, uncover};

/// How long a key is waited for before the clock and the signals are looked at.
const TICK: Duration = Duration::from_millis(100);

/// How long a key is waited for that came with another: not zero, which would be answered without a look.
const MOMENT: Duration = Duration::from_millis(1);

/// How long after a signal the inbox may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a [`Screen`] has the terminal.
static HAS_TERMINAL: AtomicBool = AtomicBool::new(false);

/// Whether the terminal tells what the mouse does.
static HAS_MOUSE: AtomicBool = AtomicBool::new(false);

/// The terminal in raw mode and on its other screen, for as long as this lives: put back as it was when it is
/// dropped, and before the message of a panic is printed.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Takes the terminal of standard output.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be put into raw mode.
    pub fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        enable_raw_mode()?;
        HAS_TERMINAL.store(true, Ordering::SeqCst);
        let screen = Self(());
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        Ok(screen)
    }

    /// Has the terminal tell what the mouse does, until it is put back.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn take_mouse(&self) -> io::Result<()> {
        HAS_MOUSE.store(true, Ordering::SeqCst);
        execute!(stdout(), EnableMouseCapture)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Puts the terminal back as it was, once. Whatever fails, the rest is tried.
fn restore() {
    if !HAS_TERMINAL.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing is to be done for a terminal that has gone. Modes come first: writing may never end.
    let _ = disable_raw_mode();
    if HAS_MOUSE.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), DisableMouseCapture);
    }
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = stdout().flush();
}

/// How the inbox ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// By a key.
    Quit,
    /// By this signal; the terminal was restored before.
    Signal(i32),
}

/// The signals that end the inbox.
struct Signals(Arc<AtomicUsize>);

impl Signals {
    #[cfg(unix)]
    fn watch() -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
        let seen = Arc::new(AtomicUsize::new(0));
        let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
        for signal in all {
            signal_hook::flag::register_usize(signal, Arc::clone(&seen), signal as usize)?;
        }
        let mut told = signal_hook::iterator::Signals::new(all)?;
        std::thread::spawn(move || {
            if let Some(signal) = told.forever().next() {
                // A terminal that takes nothing more, or a log that cannot be read, may hold up whoever would end,
                // and the former whoever restores it.
                std::thread::sleep(PATIENCE);
                std::thread::spawn(restore);
                std::thread::sleep(PATIENCE);
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        });
        Ok(Self(seen))
    }

    #[cfg(not(unix))]
    fn watch() -> io::Result<Self> {
        Ok(Self(Arc::default()))
    }

    fn seen(&self) -> Option<i32> {
        i32::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|signal| *signal != 0)
    }
}

/// Runs the inbox on the terminal of standard output until it is quit or a signal ends it.
///
/// # Errors
///
/// The terminal cannot be taken, read or written; it is restored all the same.
pub fn run(app: &mut App, desk: &mut dyn Desk) -> io::Result<Ending> {
    let signals = Signals::watch()?;
    let screen = Screen::enter()?;
    if app.has_mouse {
        screen.take_mouse()?;
    }
    let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
    let ending = turn(app, desk, &mut terminal, &signals);
    drop(screen);
    ending
}

fn turn(
    app: &mut App,
    desk: &mut dyn Desk,
    terminal: &mut Terminal<CrosstermBackend<Stdout>>,
    signals: &Signals,
) -> io::Result<Ending> {
    let started = Instant::now();
    let mut before = Buffer::empty(Rect::ZERO);
    loop {
        if let Some(signal) = signals.seen() {
            return Ok(Ending::Signal(signal));
        }
        // One that was hung up reads as empty for ever, and nobody needs to have sent a signal.
        if !stdout().is_terminal() {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "it has gone"));
        }
        // Asked for and not only told: a size that changes before keys are first waited for is told by nobody.
        let size = terminal.size()?;
        if (app.size.width, app.size.height) != (size.width, size.height) {
            app.on(Input::Resize(size.width, size.height));
        }
        if app.take_stale() {
            terminal.draw(|frame| {
                draw(frame, app);
                uncover(&before, frame.buffer_mut());
                before.clone_from(frame.buffer_mut());
            })?;
        }
        // All keys that wait are taken before the next picture, so that a held key never lags behind.
        let mut wait = TICK;
        while signals.seen().is_none() && interrupted(event::poll(wait), false)? {
            wait = MOMENT;
            let input = match event::read()? {
                Event::Key(key) => Input::Key(key),
                Event::Mouse(event) => Input::Mouse(event),
                Event::Paste(text) => Input::Paste(text),
                Event::Resize(width, height) => Input::Resize(width, height),
                _ => continue,
            };
            if step(app, desk, input) == Some(Ending::Quit) {
                return Ok(Ending::Quit);
            }
        }
        let passed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        step(app, desk, Input::Tick(passed_ms));
    }
}

/// A signal interrupts waiting, which is no failure.
fn interrupted<T>(result: io::Result<T>, otherwise: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(otherwise),
        result => result,
    }
}

/// Hands an input on and carries out what follows from it.
fn step(app: &mut App, desk: &mut dyn Desk, input: Input) -> Option<Ending> {
    let mut next = app.on(input);
    while let Some(effect) = next {
        let answer = match effect {
            Effect::Quit => return Some(Ending::Quit),
            Effect::Look => match desk.look() {
                Ok(events) if events.is_empty() => return None,
                Ok(events) => Input::Arrived(events),
                Err(trouble) => Input::Trouble(trouble),
            },
            Effect::Act(wish) => match desk.act(app.past().present(), &wish) {
                Ok(done) => Input::Done(done),
                Err(trouble) => Input::Trouble(trouble),
            },
        };
        next = app.on(answer);
    }
    None
}
