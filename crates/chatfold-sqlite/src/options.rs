//! How a file is opened.

use std::time::Duration;

/// When a commit counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Once the write-ahead log is synced to the disk: survives a loss of power.
    #[default]
    Full,
    /// Once it is handed to the operating system: survives a crash of the process.
    Normal,
}

/// How a file is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// When an append counts as durable.
    pub synchronous: Synchronous,
    /// How long to wait for another writer.
    pub busy_timeout: Duration,
    /// Open an existing file for reading only: appends fail.
    pub read_only: bool,
    /// Whether tables are made where there are none, and a file of an older schema is brought to the newest. Without it the
    /// former is [`SqliteError::Nothing`](crate::SqliteError::Nothing), the latter
    /// [`SqliteError::OldSchema`](crate::SqliteError::OldSchema), and `chatfold store migrate` does it. What is opened for
    /// reading only is never migrated: an older schema is read as it is.
    pub migrate: bool,
    /// How many events of an inbox lie as rows and in batches before they are sealed into a segment, which is so long too: at least 1.
    /// A larger one makes a smaller file, and the append that seals takes longer (about 10 µs for each event). Files may
    /// be opened with another one at any time.
    pub seal_events: usize,
    /// The key of an encrypted file.
    #[cfg(feature = "sqlcipher")]
    pub key: Option<Key>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            busy_timeout: Duration::from_secs(10),
            read_only: false,
            migrate: true,
            seal_events: 2_048,
            #[cfg(feature = "sqlcipher")]
            key: None,
        }
    }
}

/// The key of an encrypted file, a passphrase in SQLCipher's sense. It is not shown by `Debug`.
#[cfg(feature = "sqlcipher")]
#[derive(Clone)]
pub struct Key(pub(crate) String);

#[cfg(feature = "sqlcipher")]
impl Key {
    /// The key with this passphrase.
    pub fn new(passphrase: String) -> Self {
        Self(passphrase)
    }
}

#[cfg(feature = "sqlcipher")]
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}
