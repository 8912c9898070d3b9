//! What the values of an inbox are called for people, and text on its way to a terminal.
//!
//! The command line and the terminal inbox speak with one voice because both take their words from here. Nothing
//! is read and nothing printed: every function makes text from what an inbox shows.
//!
//! - [`text`] makes text from a log harmless, measures it in cells, cuts and aligns it.
//! - [`words`] has names and signs; [`instant`] times; [`sentence`] what an event says.
//! - [`preview`] is the last message or draft of a row, [`remarks`] what is known about a message, [`why`] the
//!   events behind every value.
//!
//! ```
//! use chatfold::event::Mark;
//! use chatfold_words::{text, words};
//! assert_eq!(words::mark(Mark::STAR), "star");
//! assert_eq!(text::one_line("two\nlines \u{1b}[31m"), "two lines \\u{1b}[31m");
//! assert_eq!(text::cut("你好世界", 7, "…"), "你好世…");
//! ```

pub mod instant;
pub mod preview;
pub mod remarks;
pub mod sentence;
pub mod text;
pub mod why;
pub mod words;
