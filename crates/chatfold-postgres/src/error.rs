//! What can fail.

use std::time::Duration;

use chatfold::shared::StreamId;
use chatfold::store::{AppendError, OutboxError, RewriteError};
use tokio_postgres::error::SqlState;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The server refused, or cannot be reached, or the connection broke.
    #[error("PostgreSQL: {}", told(.0))]
    Postgres(#[source] tokio_postgres::Error),
    /// No encrypted connection came about, and none in plain text was allowed: no bytes of a command were sent.
    #[error("no encrypted connection: {fault} ({})", told(.source))]
    Tls {
        /// Why.
        fault: TlsFault,
        /// What the driver says.
        source: tokio_postgres::Error,
    },
    /// No connection could be had: no host was reached in time.
    #[error("no connection: {0}")]
    Pool(String),
    /// As many callers as may ([`Options::waiting`](crate::Options::waiting)) wait for a connection already. Nothing was
    /// asked of the server, and nothing written: shed load, or give the same again later.
    #[error("{waiting} callers wait for a connection already, and no more than {limit} may")]
    Overloaded {
        /// How many waited.
        waiting: usize,
        /// How many may.
        limit: usize,
    },
    /// All connections were in use for [`Options::connect_timeout`](crate::Options::connect_timeout). Nothing was asked
    /// of the server, and nothing written: it is busy, or the pool is too small; that it was reached says the pool.
    #[error("none of {connections} connections came free within {waited:?}")]
    PoolTimeout {
        /// How long it was waited.
        waited: Duration,
        /// How many connections the pool has at most.
        connections: usize,
    },
    /// Appends cannot be heard of through a pooler ([`Options::pooled`](crate::Options::pooled)): it would give the
    /// connection that listens to others.
    #[error(
        "appends cannot be heard of through a pooler: name the server itself as the address to listen at"
    )]
    CannotListen,
    /// There are no tables, or those of an older version, and they were not made or changed: the role may not, or
    /// [`Options::migrate`](crate::Options::migrate) is false. Nothing was changed.
    #[error(
        "{}, expected schema version {newest}: {why}. Run `chatfold store migrate` (or PostgresStore::migrate) as a role \
         that may make and change tables",
        there(*found)
    )]
    MigrationNeeded {
        /// The schema version of the tables; 0 where there are none.
        found: i32,
        /// The version that this crate works with.
        newest: i32,
        /// Why they were not made or changed.
        why: String,
    },
    /// Another transaction came in between, and the server ended the caller's transaction, in which the append was: roll it
    /// back, and do all of it again.
    #[error("another transaction came in between, and the caller's was ended: {0}")]
    Aborted(#[source] tokio_postgres::Error),
    /// A newer version of this crate made the tables.
    #[error("the tables have schema {found}, this version knows up to {newest}")]
    NewerSchema {
        /// The newest schema this version knows.
        newest: i32,
        /// The schema of the tables.
        found: i32,
    },
    /// A row is not what this crate writes.
    #[error("the tables are damaged: {0}")]
    Damaged(String),
    /// A row of an inbox is not what was written.
    #[error("table {table} is damaged at position {position} of {inbox:#}: {what}")]
    DamagedAt {
        /// Whose inbox.
        inbox: StreamId,
        /// The table that the damage is in.
        table: &'static str,
        /// The position in the log: of the event, of the first event of a segment, or of what a snapshot stands for.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The server did not answer in time ([`Options::answer_timeout`](crate::Options::answer_timeout)). Whether
    /// anything was written is not known: append the same again.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// Transactions of others came in between, time after time.
    #[error("other transactions came in between {0} times")]
    Contention(u32),
}

/// The driver's error alone does not say what the server said.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => {
            std::error::Error::source(error).map_or(error.to_string(), |source| format!("{error}: {source}"))
        }
    }
}

/// Why no encrypted connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server does not encrypt, and the address requires it.
    #[error("the server does not encrypt")]
    NotOffered,
    /// The server's certificate is signed by nobody who is trusted: name the file of its authority.
    #[error("the server's certificate is signed by no authority that is trusted")]
    UnknownAuthority,
    /// The server's certificate is for another host than the one that was asked for.
    #[error("the server's certificate is for another host")]
    OtherHost,
    /// Anything else, as the driver says it.
    #[error("the server and this program did not agree")]
    Other,
}

impl TlsFault {
    /// Why, if it was for that.
    fn of(error: &tokio_postgres::Error) -> Option<Self> {
        // The driver has no other way to tell.
        if !error.to_string().starts_with("error performing TLS handshake") {
            return None;
        }
        let source = std::error::Error::source(error);
        if source.is_some_and(|source| source.to_string() == "server does not support TLS") {
            return Some(Self::NotOffered);
        }
        Some(source.and_then(Self::of_certificate).unwrap_or(Self::Other))
    }

    #[cfg(feature = "rustls")]
    fn of_certificate(source: &(dyn std::error::Error + 'static)) -> Option<Self> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext, UnknownIssuer};
        let inner = source.downcast_ref::<std::io::Error>()?.get_ref()?;
        match inner.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(UnknownIssuer) => Some(Self::UnknownAuthority),
            rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
                Some(Self::OtherHost)
            }
            _ => None,
        }
    }

    #[cfg(not(feature = "rustls"))]
    fn of_certificate(_: &(dyn std::error::Error + 'static)) -> Option<Self> {
        None
    }
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        match TlsFault::of(&error) {
            Some(fault) => Self::Tls { fault, source: error },
            None => Self::Postgres(error),
        }
    }
}

/// What tables there are.
fn there(version: i32) -> String {
    match version {
        0 => "there are no tables".into(),
        version => format!("the tables have schema version {version}"),
    }
}

impl PostgresError {
    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }

    /// Whether what the tables hold is not what this crate writes; else the server could not be reached, did not answer in
    /// time or refused.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::DamagedAt { .. })
    }

    /// Whether another transaction came in between: look again.
    pub(crate) fn is_contention(&self) -> bool {
        matches!(self, Self::Postgres(error) if is_contention(error))
    }

    /// The same error within a transaction of the caller's own, which cannot be tried again here.
    pub(crate) fn within_transaction(self) -> Self {
        match self {
            Self::Postgres(error) if is_contention(&error) => Self::Aborted(error),
            other => other,
        }
    }

    /// Whether the server takes no writes: it is a standby, or was made read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
    }

    /// Whether the role may not do what was asked.
    pub(crate) fn is_denied(&self) -> bool {
        self.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
    }

    /// Whether the engine has no such statement or setting.
    pub(crate) fn is_unsupported(&self) -> bool {
        let codes = [SqlState::FEATURE_NOT_SUPPORTED, SqlState::SYNTAX_ERROR, SqlState::UNDEFINED_OBJECT];
        self.code().is_some_and(|code| codes.contains(code))
    }

    /// Whether somebody else made the same table at the same moment.
    pub(crate) fn is_made_already(&self) -> bool {
        let codes = [
            SqlState::DUPLICATE_TABLE,
            SqlState::DUPLICATE_OBJECT,
            SqlState::DUPLICATE_SCHEMA,
            SqlState::UNIQUE_VIOLATION,
        ];
        self.code().is_some_and(|code| codes.contains(code))
    }
}

fn is_contention(error: &tokio_postgres::Error) -> bool {
    let codes =
        [SqlState::UNIQUE_VIOLATION, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|code| codes.contains(code))
}

/// What an append returns.
pub(crate) type AppendResult<T> = Result<T, AppendError<PostgresError>>;

/// An error that may be the store's own.
pub(crate) trait StoreFailure: From<PostgresError> {
    /// The store's own error, if it is one.
    fn of_store(&self) -> Option<&PostgresError>;
}

impl StoreFailure for PostgresError {
    fn of_store(&self) -> Option<&PostgresError> {
        Some(self)
    }
}

impl StoreFailure for AppendError<PostgresError> {
    fn of_store(&self) -> Option<&PostgresError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl StoreFailure for OutboxError<PostgresError> {
    fn of_store(&self) -> Option<&PostgresError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl StoreFailure for RewriteError<PostgresError> {
    fn of_store(&self) -> Option<&PostgresError> {
        match self {
            Self::Store(error) => Some(error),
            Self::NoSuchEvent { .. } => None,
        }
    }
}
