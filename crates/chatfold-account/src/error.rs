//! Why an account could not do what was asked.

use std::convert::Infallible;

use chatfold::EventId;
use chatfold::command::Rejection;
use chatfold::jsonl::DecodeError;
use chatfold::store::{Closed, DamagedLog};

/// Why an account could not do what was asked, and who is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError<E> {
    /// The command is refused: nothing is wrong but the wish. It was judged on the newest state.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Other writers were faster, time after time. Nothing was written; give the command again.
    #[error("other writers came first {attempts} times")]
    Contention {
        /// How often it was tried.
        attempts: u32,
    },
    /// The log takes no more events.
    #[error("the log is closed: {0}")]
    Closed(Closed),
    /// The log is damaged: from here on it is not what was appended. What is before it is sound.
    #[error("the log is damaged at position {position}")]
    Damaged {
        /// The first damaged position.
        position: u64,
    },
    /// An event is what was appended, but cannot be decoded.
    #[error("the event at position {position} cannot be decoded: {error}")]
    Undecodable {
        /// Its position.
        position: u64,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// Events of these ids are in the log already, from something else: a seed was used twice.
    #[error("{} events of this command are in the log already: its seed was used before", ids.len())]
    SeedReused {
        /// The ids.
        ids: Vec<EventId>,
    },
    /// The store refuses what no account writes, or was answered with what it was not asked: a fault of the driver.
    #[error("the store and the account do not understand each other: {0}")]
    Protocol(String),
    /// The store failed. Whether the last write is there is not known: give the same command in the same context
    /// again, and it is done once. Where a store's pool was full (`PostgresError::Overloaded`, `PostgresError::PoolTimeout`)
    /// nothing was written.
    #[error("the store failed")]
    Store(#[source] E),
}

/// What the machine itself can fail with: everything but the store.
pub type Failure = AccountError<Infallible>;

impl<E> From<DamagedLog> for AccountError<E> {
    fn from(DamagedLog { position }: DamagedLog) -> Self {
        Self::Damaged { position }
    }
}

impl Failure {
    /// The same among a store's errors.
    pub fn widen<E>(self) -> AccountError<E> {
        match self {
            Self::Rejected(rejection) => AccountError::Rejected(rejection),
            Self::Contention { attempts } => AccountError::Contention { attempts },
            Self::Closed(closed) => AccountError::Closed(closed),
            Self::Damaged { position } => AccountError::Damaged { position },
            Self::Undecodable { position, error } => AccountError::Undecodable { position, error },
            Self::SeedReused { ids } => AccountError::SeedReused { ids },
            Self::Protocol(what) => AccountError::Protocol(what),
            Self::Store(never) => match never {},
        }
    }
}
