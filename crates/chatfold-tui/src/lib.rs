//! A terminal inbox: the conversation list of a log, scrubbed through time, with the reason for every number.
//!
//! - [`App`] is the state machine: an [`Input`] goes in, its state changes, at most one [`Effect`] comes out. It
//!   reads no clock, no file and no terminal, so everything it does can be tested as values.
//! - [`Past`] is a log, kept in memory by an [`Opening`] or read from a [`RecordSource`] as it is looked at, with frozen
//!   inboxes along it once somebody steps back.
//! - [`draw`] shows the state; [`keys`] says which key does what.
//! - [`Desk`] is what reads and writes the log; whoever runs the inbox brings one.
//! - [`run`] is the thin driver that ties these to a terminal, which [`Screen`] restores whatever happens.
//!
//! ```
//! use chatfold::{Policy, UserId};
//! use chatfold_tui::{Access, App, Input, Look};
//! use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
//!
//! let look = Look { color: false, ascii: true, width: 80 };
//! let owner = UserId::parse("alice")?;
//! let mut app = App::new(owner, Policy::default(), Vec::new(), Access::Full, look);
//! let quit = app.on(Input::Key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE)));
//! assert_eq!(quit, Some(chatfold_tui::Effect::Quit));
//! # Ok::<(), chatfold::id::IdError>(())
//! ```

mod act;
mod app;
mod areas;
mod desk;
mod driver;
mod kept;
pub mod keys;
mod mouse;
mod past;
mod prompt;
mod reasons;
mod rows;
mod search;
mod view;

pub use chatfold_words::text::Look;

pub use self::app::{App, Effect, Input};
pub use self::desk::{Access, Desk, Done, Wish};
pub use self::driver::{Ending, Screen, run};
pub use self::kept::RecordSource;
pub use self::past::{Opening, Past, Step};
pub use self::view::draw;
