//! How chatfold's durable stores lay out what they keep: bytes alone, and no database.
//!
//! - [`segment`]: many events as one value, in the columns of the binary log, each coming back byte for byte.
//! - [`keys`]: which segments may hold an event or a command, as integers.
//! - [`pages`]: where a snapshot is cut into pages, and whether a page is what was written.
//! - [`directory`]: the list of a snapshot's pages.
//! - [`uint`]: numbers in as few bytes as they take.
//!
//! What is written by one of these is read by every later version of it: each value begins with the number of its form. An
//! application has no use for this crate; `chatfold-sqlite` and `chatfold-postgres` keep what it makes in their tables.

pub mod directory;
pub mod keys;
pub mod pages;
pub mod segment;
pub mod uint;
