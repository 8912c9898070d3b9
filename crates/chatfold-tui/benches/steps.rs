//! How long does a step through a log of a million events take, from the key to the picture?
//!
//! Time of the processor, so that a busy machine does not count. `--test` runs it on a small log.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::time::Duration;

use chatfold::testing::Workload;
use chatfold::{Event, Policy};
use chatfold_tui::{Access, App, Input, Look, draw};
use cpu_time::ThreadTime;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

const SIZE: (u16, u16) = (120, 40);

/// What a frame of 60 a second may take.
const FRAME: Duration = Duration::from_millis(16);

struct Bench {
    app: App,
    terminal: Terminal<TestBackend>,
}

impl Bench {
    /// A key and the picture after it.
    fn press(&mut self, code: KeyCode) -> Duration {
        let started = ThreadTime::now();
        self.app.on(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        let app = &self.app;
        self.terminal.draw(|frame| draw(frame, app)).unwrap();
        started.elapsed()
    }

    /// Presses a key many times and prints how long that took.
    fn times(&mut self, what: &str, codes: &[KeyCode], times: usize) {
        let mut taken: Vec<Duration> =
            codes.iter().cycle().take(times).map(|code| self.press(*code)).collect();
        taken.sort_unstable();
        let ms = |at: usize| taken.get(at.min(taken.len() - 1)).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        let over = taken.iter().filter(|time| **time > FRAME).count();
        println!(
            "  {what:<28} median {:7.3} ms, 99 of 100 {:7.3} ms, longest {:7.3} ms, {over} of {times} over {} ms",
            ms(taken.len() / 2),
            ms(taken.len() * 99 / 100),
            ms(taken.len() - 1),
            FRAME.as_millis(),
        );
    }
}

fn main() {
    let is_smoke = std::env::args().any(|argument| argument == "--test");
    let many = Workload::desk().with_conversations(100_000);
    let shapes = [Workload::desk(), Workload::hall(), many];
    for workload in shapes {
        let workload = workload.with_events(if is_smoke { 2_000 } else { 1_000_000 });
        let events: Vec<Event> = workload.iter().collect();
        let (count, started) = (events.len(), ThreadTime::now());
        let look = Look { color: true, ascii: false, width: SIZE.0.into() };
        let app = App::new(workload.owner(), Policy::default(), events, Access::Full, look);
        println!(
            "{}: {count} events, {} conversations shown, opened in {:.2} s",
            workload.name,
            app.past().inbox().conversations().count(),
            started.elapsed().as_secs_f64(),
        );
        let mut bench = Bench { app, terminal: Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap() };
        bench.app.on(Input::Resize(SIZE.0, SIZE.1));
        let times = if is_smoke { 10 } else { 1_000 };
        let hours = times / 10;
        bench.times("an event back", &[KeyCode::Left], times);
        bench.times("an event on", &[KeyCode::Right], times);
        bench.times("two hours back, one on", &['[', '[', ']'].map(KeyCode::Char), hours);
        bench.times("a day back, and on", &['{', '}'].map(KeyCode::Char), hours);
        bench.times("start, an event on, end", &[KeyCode::Home, KeyCode::Right, KeyCode::End], hours);
        bench.press(KeyCode::End);
        assert!(bench.app.past().is_present(), "the keys did what they are for");
    }
}
