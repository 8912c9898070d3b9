//! A progress bar on standard error, for work that takes a person's patience.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long work goes on in silence.
const PATIENCE: Duration = Duration::from_secs(1);

/// Progress of one piece of work: nothing for the first second, nothing where standard error is no terminal.
///
/// The clock is read for this alone; no result depends on it.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    wanted: bool,
    what: String,
    size: Option<u64>,
    bytes: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress of reading `what`, of `size` bytes if that is known.
    pub fn bytes(what: String, size: Option<u64>) -> Self {
        Self::new(what, size, true)
    }

    /// Progress of doing `what` to `size` things.
    pub fn steps(what: String, size: u64) -> Self {
        Self::new(what, Some(size), false)
    }

    fn new(what: String, size: Option<u64>, bytes: bool) -> Self {
        Self { started: Instant::now(), wanted: io::stderr().is_terminal(), what, size, bytes, bar: None }
    }

    /// Says that the work has come to `position`. Cheap enough for every thousandth step, not for every one.
    pub fn tick(&mut self, position: u64) {
        if !self.wanted || (self.bar.is_none() && self.started.elapsed() < PATIENCE) {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            bar(&self.what, self.size, self.bytes).with_elapsed(self.started.elapsed())
        });
        bar.set_position(position);
    }

    /// Does `speak` with the bar out of the way.
    pub fn aside(&self, speak: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(speak),
            None => speak(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &str, size: Option<u64>, bytes: bool) -> ProgressBar {
    let template = match (size.is_some(), bytes) {
        (true, true) => "{msg} {wide_bar} {bytes}/{total_bytes} {eta}",
        (true, false) => "{msg} {wide_bar} {human_pos}/{human_len} {eta}",
        (false, _) => "{spinner} {msg} {bytes} {elapsed}",
    };
    let bar = match size {
        Some(size) => ProgressBar::new(size),
        None => ProgressBar::new_spinner(),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}
