//! How a command ends: its verdict, or why it could not be carried out, each with its exit code.

use std::error::Error;
use std::io;
use std::process::ExitCode;

/// What a command that was carried out found, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything in order: exit code 0.
    Sound,
    /// The input has faults that were passed over, or compared things differ: exit code 1.
    Faulty,
    /// One of several inputs is named so that it cannot be read by this program, which was said already: exit code 2.
    Misused,
    /// A part of a command was refused, which was said already: exit code 3.
    Refused,
    /// One of several inputs could not be read, which was said already: exit code 4.
    Unreadable,
    /// A signal ended it: the process ends as the signal would have ended it.
    Signal(i32),
}

impl Verdict {
    /// [`Verdict::Sound`] if `sound`.
    pub fn of(sound: bool) -> Self {
        if sound { Self::Sound } else { Self::Faulty }
    }

    /// The exit code.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Sound => ExitCode::SUCCESS,
            Self::Faulty => ExitCode::from(1),
            Self::Misused => ExitCode::from(2),
            Self::Refused => ExitCode::from(3),
            Self::Unreadable => ExitCode::from(4),
            Self::Signal(signal) => {
                die(signal);
                // What shells report where that did not end it.
                ExitCode::from(u8::try_from(128 + signal).unwrap_or(1))
            }
        }
    }
}

/// Ends the process as the signal does by default, so that whoever started it sees why.
#[cfg(unix)]
fn die(signal: i32) {
    // Where the system refuses, the exit code says it.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

#[cfg(not(unix))]
fn die(_signal: i32) {}

/// Why a command was not carried out. The text is for people; whatever of a log or a path stands in it is
/// escaped by whoever prints it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input has a fault: exit code 1.
    #[error("{place}: {what}")]
    Fault {
        /// The log.
        place: String,
        /// Line, column, expected and found; or what is wrong with the whole.
        what: String,
    },
    /// The input is no log: exit code 1.
    #[error("{place}: {what}")]
    NoLog {
        /// What was read.
        place: String,
        /// Where it ceases to be one.
        what: String,
    },
    /// Two logs do not belong together: exit code 1.
    #[error("{place}: {what}")]
    Unlike {
        /// The second log.
        place: String,
        /// What was expected and found.
        what: String,
    },
    /// The command line contradicts itself: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// What was asked for does not exist: exit code 3.
    #[error("{0}")]
    NotFound(String),
    /// The command was refused: exit code 3.
    #[error("{0}")]
    Refused(String),
    /// The input could not be read, or a log not be written: exit code 4.
    #[error("{place}: {what}")]
    Input {
        /// The log.
        place: String,
        /// What could not be done.
        what: String,
        /// What the system reported.
        source: Option<io::Error>,
    },
    /// Standard output could not be written: exit code 4.
    #[error("writing standard output failed")]
    Output(#[from] io::Error),
}

impl Failure {
    /// The input could not be read: exit code 4.
    pub fn unread(place: impl std::fmt::Display, error: io::Error) -> Self {
        Self::Input { place: place.to_string(), what: "cannot be read".to_owned(), source: Some(error) }
    }

    /// This program was built without `what`: how to get it. Exit code 2.
    #[allow(dead_code, reason = "a program with every feature lacks nothing")]
    pub fn not_built(what: &str, feature: &str) -> Self {
        Self::Usage(format!(
            "this chatfold was built without {what}: in the repository of chatfold, \
             cargo install --path crates/chatfold-cli --features {feature} makes one with it (--features full: with everything)"
        ))
    }

    /// The verdict of a command that says this of one of its inputs and goes on with the others.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Fault { .. } | Self::NoLog { .. } | Self::Unlike { .. } => Verdict::Faulty,
            Self::Usage(_) => Verdict::Misused,
            Self::NotFound(_) | Self::Refused(_) => Verdict::Refused,
            Self::Input { .. } | Self::Output(_) => Verdict::Unreadable,
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        self.verdict().exit_code()
    }

    /// The failure and everything behind it, in one line.
    pub fn describe(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
