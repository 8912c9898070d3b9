//! Logs in stores: `sqlite:PATH#OWNER` and `postgres://…#OWNER`, read as text logs, appended to as accounts.

pub mod account;
pub mod check;
pub mod migrate;
pub mod outbox;
pub mod trim;

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chatfold::jsonl::Writer;
use chatfold::shared::StreamId;
use chatfold::store::{
    Append, AppendError, Appended, EventStore, FoundSnapshot, Head, LogCursor, Outbox, OutboxCursor,
    OutboxError, OutboxPage, OutboxStatus, Page, RewriteError, SealedPage, SnapshotStore, StoredEvent,
    StoredSnapshot,
};
use chatfold::{EventId, UserId};
#[cfg(feature = "postgres")]
use chatfold_postgres::tls::{Address, AddressError, MakeRustlsConnect, connector};
#[cfg(feature = "postgres")]
use chatfold_postgres::{Blocking, PostgresError, PostgresStore, TlsFault};
#[cfg(feature = "sqlite")]
use chatfold_sqlite::SqliteStore;
#[cfg(feature = "postgres")]
use tokio::runtime::Runtime;
#[cfg(feature = "postgres")]
use tokio_postgres::config::Host;

use crate::failure::Failure;
use crate::text::escape;

/// How many owners are named to whom named none.
const NAMED: usize = 20;

/// How many events are read at once.
const PAGE: usize = 1_000;

/// An inbox in a store.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreAddress {
    at: At,
    /// Whose inbox.
    pub owner: String,
}

#[derive(Clone, PartialEq, Eq)]
enum At {
    Sqlite(PathBuf),
    Postgres(String),
}

impl StoreAddress {
    /// The place that is named so; `None` if it is the name of a file. The owner is what stands behind the first #.
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.to_str()?;
        let (address, owner) = name.split_once('#').unwrap_or((name, ""));
        let at = match address.strip_prefix("sqlite:") {
            Some(path) => At::Sqlite(path.into()),
            None if address.starts_with("postgres://") || address.starts_with("postgresql://") => {
                At::Postgres(address.to_owned())
            }
            None => return None,
        };
        Some(Self { at, owner: owner.to_owned() })
    }

    /// The store that is named so.
    pub fn of_store(path: &Path) -> Result<Self, Failure> {
        let what = "is no store: it is named sqlite:PATH or postgres://…";
        Self::of_name(path).ok_or_else(|| Failure::Usage(format!("{}: {what}", path.display())))
    }

    /// The owner named. Where none is, the failure lists who is there.
    pub fn owner(&self) -> Result<UserId, Failure> {
        if self.owner.is_empty() {
            return Err(Failure::Usage(format!("{self}: whose inbox? Name it behind #{}", self.who())));
        }
        UserId::parse(&self.owner)
            .map_err(|error| Failure::Usage(format!("{self}: whose inbox? Name it behind #: {error}")))
    }

    /// The stream named: of an account, or one that accounts share; `None` where none is.
    pub fn stream(&self) -> Result<Option<StreamId>, Failure> {
        if self.owner.is_empty() {
            return Ok(None);
        }
        let stream = StreamId::from_key(&self.owner);
        stream.map(Some).map_err(|error| Failure::Usage(format!("{self}: whose inbox? {error}")))
    }

    /// Nobody has written such an inbox.
    pub fn unknown(&self) -> Failure {
        let what = "there is no such inbox".to_owned();
        Failure::Input { place: self.to_string(), what, source: None }
    }

    /// Who has an inbox there, as the end of a sentence; nothing where that cannot be told.
    fn who(&self) -> String {
        let mut owners = match self.open(false).map(|mut store| store.inboxes(None, NAMED + 1)) {
            Ok(Ok(owners)) => owners,
            _ => return String::new(),
        };
        let more = if owners.len() > NAMED { ", and more" } else { "" };
        owners.truncate(NAMED);
        let names: Vec<_> = owners.iter().map(|owner| escape(owner.as_str())).collect();
        if names.is_empty() {
            " (nobody is there)".to_owned()
        } else {
            format!(": {}{more}", names.join(", "))
        }
    }

    /// The store failed: exit code 1 where what it holds is damaged, as in a file; exit code 4 where it could not be
    /// reached, read or written.
    pub fn failed(&self, what: &str, error: StoreError) -> Failure {
        let place = self.to_string();
        if error.is_damaged() {
            return Failure::Fault { place, what: format!("{what}: {error}") };
        }
        Failure::Input { place, what: what.to_owned(), source: Some(io::Error::other(error)) }
    }

    /// Opens the store; makes it only if `create`.
    pub fn open(&self, create: bool) -> Result<Store, Failure> {
        match &self.at {
            At::Sqlite(path) => self.open_sqlite(path, create),
            At::Postgres(url) => self.open_postgres(url),
        }
    }

    #[cfg(feature = "sqlite")]
    fn open_sqlite(&self, path: &Path, create: bool) -> Result<Store, Failure> {
        let options = chatfold_sqlite::Options { read_only: !create, ..Default::default() };
        let store = SqliteStore::open(path, &options);
        store.map(Store::Sqlite).map_err(|error| self.failed("cannot be opened", error.into()))
    }

    #[cfg(not(feature = "sqlite"))]
    fn open_sqlite(&self, _: &Path, _: bool) -> Result<Store, Failure> {
        Err(Failure::not_built("inboxes in SQLite", "sqlite"))
    }

    #[cfg(feature = "postgres")]
    fn open_postgres(&self, url: &str) -> Result<Store, Failure> {
        let (address, runtime) = self.postgres_address(url)?;
        let options = chatfold_postgres::Options { connections: 2, ..Default::default() };
        let store = if address.may_encrypt() {
            let tls = self.connector(&address)?;
            runtime.block_on(PostgresStore::open(address.config, tls, options))
        } else {
            runtime.block_on(PostgresStore::open(address.config, tokio_postgres::NoTls, options))
        };
        let store = store.map_err(|error| self.unopened("cannot be opened", error))?;
        let store = Blocking::new(store, runtime.handle().clone());
        Ok(Store::Postgres { store, _runtime: runtime })
    }

    /// What a URL says, and what runs the futures of a store.
    #[cfg(feature = "postgres")]
    fn postgres_address(&self, url: &str) -> Result<(Address, Runtime), Failure> {
        let address = Address::parse(url).map_err(|error| match error {
            // The parser's own words may repeat a part of a password.
            AddressError::Malformed => {
                let what = "is no address of a PostgreSQL (in a password, write # as %23, & as %26, @ as %40, \
                            / as %2F, % as %25)";
                Failure::Usage(format!("{self}: {what}"))
            }
            other => Failure::Usage(format!("{self}: {other}")),
        })?;
        let runtime = Runtime::new().map_err(|error| Failure::unread(self, error))?;
        Ok((address, runtime))
    }

    #[cfg(feature = "postgres")]
    fn connector(&self, address: &Address) -> Result<MakeRustlsConnect, Failure> {
        connector(&address.authorities)
            .map_err(|error| Failure::Usage(format!("{self}: sslrootcert: {error}")))
    }

    /// The failure of a PostgreSQL that could not be opened for `what`.
    #[cfg(feature = "postgres")]
    fn unopened(&self, what: &str, error: PostgresError) -> Failure {
        match &error {
            PostgresError::Tls { fault: TlsFault::UnknownAuthority, .. } => {
                let how = "(name the file of its authority with ?sslrootcert=FILE, or do not encrypt with \
                           ?sslmode=disable)";
                self.failed(&format!("{what} {how}"), error.into())
            }
            _ => self.failed(what, error.into()),
        }
    }

    #[cfg(not(feature = "postgres"))]
    fn open_postgres(&self, _: &str) -> Result<Store, Failure> {
        Err(Failure::not_built("inboxes in PostgreSQL", "postgres"))
    }

    /// Opens an inbox to be read, and tells where its log stands; one that nobody has written is not there.
    pub fn open_there(&self) -> Result<(Store, UserId, Head), Failure> {
        let owner = self.owner()?;
        let mut store = self.open(false)?;
        let head = store.head(&(&owner).into()).map_err(|error| self.failed("cannot be read", error))?;
        if head == Head::EMPTY {
            return Err(self.unknown());
        }
        Ok((store, owner, head))
    }

    /// The log of an inbox, as text.
    pub fn read(&self) -> Result<impl Read + use<>, Failure> {
        let (store, owner, _) = self.open_there()?;
        let stream = StreamId::from(&owner);
        let header = Writer::new(Vec::new(), &owner).map(Writer::into_inner);
        let lines = io::Cursor::new(header.map_err(|error| Failure::unread(self, error))?);
        Ok(Lines { store, stream, cursor: LogCursor::default(), lines })
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Sqlite(path) => write!(f, "sqlite:{}#{}", path.display(), self.owner),
            At::Postgres(url) => f.write_str(&without_secrets(url, &self.owner)),
        }
    }
}

/// What an address in PostgreSQL is called that may hold a password anywhere.
const NOTHING_SURE: &str = "postgres://…";

/// Without the parser of such addresses nothing of one can be told from a password.
#[cfg(not(feature = "postgres"))]
fn without_secrets(_: &str, _: &str) -> String {
    NOTHING_SURE.to_owned()
}

/// Names an inbox in PostgreSQL by user, host, database and owner: nothing else of an address is ever shown, as a
/// password may stand in several places of it. Where it cannot be told apart, only the kind of store is named.
#[cfg(feature = "postgres")]
fn without_secrets(url: &str, owner: &str) -> String {
    let Ok(Address { config, .. }) = Address::parse(url) else { return NOTHING_SURE.to_owned() };
    // A # that stands in a password ends the address too early, and the rest of it would pass for the owner.
    let cut_in_user = !url.contains('@') && owner.contains('@');
    let cut_in_query = url.contains("password=") && owner.contains(['&', '#']);
    if cut_in_user || cut_in_query {
        return NOTHING_SURE.to_owned();
    }
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.display().to_string(),
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    format!("postgres://{user}{hosts}{database}#{owner}")
}

/// The lines of a text log, as they come from a store: each held against the hash beside it.
struct Lines {
    store: Store,
    stream: StreamId,
    cursor: LogCursor,
    lines: io::Cursor<Vec<u8>>,
}

impl Lines {
    /// Reads the next page. One without lines is the end: what does not end where the head says is an error.
    fn refill(&mut self) -> io::Result<()> {
        let page = self.store.read(&self.stream, self.cursor.position(), PAGE).map_err(|error| {
            let kind = if error.is_damaged() { io::ErrorKind::InvalidData } else { io::ErrorKind::Other };
            io::Error::new(kind, error)
        })?;
        self.cursor.take_in(&page).map_err(|damage| io::Error::new(io::ErrorKind::InvalidData, damage))?;
        let mut lines = Vec::new();
        for event in page.events {
            lines.extend_from_slice(&event.bytes);
            lines.push(b'\n');
        }
        self.lines = io::Cursor::new(lines);
        Ok(())
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.lines.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        self.refill()?;
        self.lines.read(buffer)
    }
}

/// Either store, as the ports know it; of those that the program was built with.
pub enum Store {
    /// There is none where the program was built without stores.
    #[allow(dead_code, reason = "nobody makes one")]
    Absent(Infallible),
    /// A file.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteStore),
    /// A server.
    #[cfg(feature = "postgres")]
    Postgres {
        /// The store.
        store: Blocking,
        /// Kept as long as the store: it runs what the store waits for.
        _runtime: Runtime,
    },
}

/// What either store fails with.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none where the program was built without stores.
    #[error(transparent)]
    Absent(#[from] Infallible),
    /// A file's.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] chatfold_sqlite::SqliteError),
    /// A server's.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] chatfold_postgres::PostgresError),
}

impl StoreError {
    /// Whether what the store holds is not what it should be; else the store could not be reached, read or written.
    fn is_damaged(&self) -> bool {
        match self {
            Self::Absent(never) => match *never {},
            #[cfg(feature = "sqlite")]
            Self::Sqlite(error) => error.is_damaged(),
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => error.is_damaged(),
        }
    }
}

/// Asks whichever store it is; its error becomes either store's.
macro_rules! ask {
    ($store:expr, $method:ident($($argument:expr),*), $error:expr) => {
        match $store {
            Store::Absent(never) => {
                let _ = ($(&$argument),*);
                match *never {}
            }
            #[cfg(feature = "sqlite")]
            Store::Sqlite(store) => store.$method($($argument),*).map_err($error),
            #[cfg(feature = "postgres")]
            Store::Postgres { store, .. } => store.$method($($argument),*).map_err($error),
        }
    };
}

impl Store {
    /// The owners of the inboxes in order of their bytes, from just after one, at most so many.
    fn inboxes(&mut self, after: Option<&UserId>, limit: usize) -> Result<Vec<UserId>, StoreError> {
        match self {
            Self::Absent(never) => {
                let _ = (after, limit);
                match *never {}
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => {
                let owners = store.inboxes()?.into_iter();
                Ok(owners.filter(|owner| after.is_none_or(|after| owner > after)).take(limit).collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres { store, .. } => Ok(store.inboxes(after, limit)?),
        }
    }

    /// All streams, in the order of their keys: those that accounts share, and those of accounts.
    fn streams(&mut self) -> Result<Vec<StreamId>, StoreError> {
        match self {
            Self::Absent(never) => match *never {},
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => Ok(store.streams()?),
            #[cfg(feature = "postgres")]
            Self::Postgres { store, .. } => Ok(store.streams(None, usize::MAX)?),
        }
    }
}

impl EventStore for Store {
    type Error = StoreError;

    fn append(&mut self, inbox: &StreamId, append: &Append<'_>) -> Result<Appended, AppendError<StoreError>> {
        ask!(self, append(inbox, append), |error| error.map_store(StoreError::from))
    }

    fn import(&mut self, inbox: &StreamId, events: &[StoredEvent]) -> Result<Head, AppendError<StoreError>> {
        ask!(self, import(inbox, events), |error| error.map_store(StoreError::from))
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, StoreError> {
        ask!(self, read(inbox, after, limit), StoreError::from)
    }

    fn read_sealed(&mut self, inbox: &StreamId, after: u64) -> Result<Option<SealedPage>, StoreError> {
        ask!(self, read_sealed(inbox, after), StoreError::from)
    }

    fn sealed_end(&mut self, inbox: &StreamId, after: u64) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Absent(never) => {
                let _ = (inbox, after);
                match *never {}
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => Ok(store.sealed_end(inbox, after)?),
            #[cfg(feature = "postgres")]
            Self::Postgres { store, .. } => Ok(store.sealed_end(inbox, after)?),
        }
    }

    fn is_trimmed(&self, error: &StoreError) -> bool {
        match (self, error) {
            #[cfg(feature = "sqlite")]
            (Self::Sqlite(store), StoreError::Sqlite(error)) => store.is_trimmed(error),
            _ => false,
        }
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
        ask!(self, find(inbox, id), StoreError::from)
    }

    fn rewrite(
        &mut self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<StoreError>> {
        ask!(self, rewrite(inbox, events), |error| error.map_store(StoreError::from))
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Result<Head, StoreError> {
        ask!(self, fence(inbox, to), StoreError::from)
    }

    fn erase(&mut self, inbox: &StreamId) -> Result<Head, StoreError> {
        ask!(self, erase(inbox), StoreError::from)
    }

    fn reopen(&mut self, inbox: &StreamId) -> Result<Head, StoreError> {
        ask!(self, reopen(inbox), StoreError::from)
    }
}

impl SnapshotStore for Store {
    fn open_latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<FoundSnapshot>, StoreError> {
        ask!(self, open_latest(inbox, through), StoreError::from)
    }

    fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, StoreError> {
        ask!(self, latest(inbox, through), StoreError::from)
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, StoreError> {
        ask!(self, save(inbox, snapshot), StoreError::from)
    }
}

impl Outbox for Store {
    fn outbox_on(&mut self) -> Result<OutboxCursor, StoreError> {
        ask!(self, outbox_on(), StoreError::from)
    }

    fn outbox_off(&mut self) -> Result<(), StoreError> {
        ask!(self, outbox_off(), StoreError::from)
    }

    fn outbox_after(
        &mut self,
        after: &OutboxCursor,
        limit: usize,
    ) -> Result<OutboxPage, OutboxError<StoreError>> {
        ask!(self, outbox_after(after, limit), |error| error.map_store(StoreError::from))
    }

    fn outbox_forget(&mut self, through: &OutboxCursor) -> Result<u64, OutboxError<StoreError>> {
        ask!(self, outbox_forget(through), |error| error.map_store(StoreError::from))
    }

    fn outbox_status(
        &mut self,
        after: Option<&OutboxCursor>,
    ) -> Result<OutboxStatus, OutboxError<StoreError>> {
        ask!(self, outbox_status(after), |error| error.map_store(StoreError::from))
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_an_address_tells_its_password() {
        for (name, shown) in [
            ("postgres://u:secret@h/db#alice", "postgres://u@h/db#alice"),
            ("postgres://u:%73ecret@h:5433/db#alice", "postgres://u@h/db#alice"),
            ("postgresql://h/db?user=u&password=secret#alice", "postgres://u@h/db#alice"),
            ("postgres:///db?host=h&password=secret&user=u#alice", "postgres://u@h/db#alice"),
            ("postgres://u:a%23secret@h/db#alice#x", "postgres://u@h/db#alice#x"),
            ("postgres://u@h/db#al@ice", "postgres://u@h/db#al@ice"),
            (
                "postgres://u:secret@h/db?sslmode=require&sslrootcert=%2Fca.pem#alice",
                "postgres://u@h/db#alice",
            ),
            // A bare # in the password.
            ("postgres://u:a#secret@h/db#alice", "postgres://…"),
            ("postgres://u:1#secret@h/db#alice", "postgres://…"),
            ("postgres://h/db?password=a#secret&user=u#alice", "postgres://…"),
            ("postgres://h/db?password=a#secret#alice", "postgres://…"),
            // No address at all.
            ("postgres://u:secret@h:port/db#alice", "postgres://…"),
            ("postgres://h/db?passwort=secret#alice", "postgres://…"),
        ] {
            let place = StoreAddress::of_name(Path::new(name)).unwrap();
            assert_eq!(place.to_string(), shown, "{name}");
            assert!(!place.to_string().contains("ecret"), "{name}");
        }
    }
}
