//! A small chat server over HTTP and WebSocket, to begin one's own from.
//!
//! It is what `chatfold_account::shared` leaves to a product: who somebody is, what may be asked, and how that travels. All
//! that it keeps is in PostgreSQL, so any number of servers may run beside each other over the same database.
//!
//! - `auth.rs`: names and passwords, and the tokens that stand for them. Put your own in its place.
//! - `conversations.rs`, `groups.rs`: what can be asked for over HTTP, a function a path.
//! - `live.rs`: the WebSocket, over which the list comes, and then what changes of it.
//! - `shown.rs`: the JSON of rows and messages.
//! - `error.rs`: which answer an error becomes.
//! - `client.rs`: what the tests and the load generator ask with.
//! - `sessions.rs`: which accounts are at hand for questions over HTTP.

mod auth;
pub mod client;
mod conversations;
mod error;
mod groups;
mod live;
mod sessions;
pub mod shown;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use chatfold_account::shared::{Desk, DeskOptions, SharedError};
use chatfold_postgres::PostgresStore;
use tokio::sync::watch;
use tokio_postgres::{Config, NoTls};

use self::auth::Auth;
pub use self::auth::PasswordCost;
use self::error::Refusal;
use self::sessions::Sessions;

/// No request is longer, but one that names the members of a group.
const MOST_BODY_BYTES: usize = 64 << 10;

/// Enough for some thousands of members.
const MOST_GROUP_BYTES: usize = 1 << 20;

/// How the server works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key that tokens are signed with: the same for all servers over one database.
    pub secret: Vec<u8>,
    /// What a password costs to check.
    pub passwords: PasswordCost,
    /// For how long a live connection gathers what happened before it is told: more of it then goes into one frame.
    pub gather: Duration,
    /// How the desk works.
    pub desk: DeskOptions,
}

impl Settings {
    /// The settings of a server in service.
    pub fn new(secret: Vec<u8>) -> Self {
        Self {
            secret,
            passwords: PasswordCost::Usual,
            gather: Duration::from_millis(20),
            desk: DeskOptions::default(),
        }
    }
}

/// Why the server could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Database(#[from] chatfold_postgres::PostgresError),
    /// What lies in it cannot be read.
    #[error(transparent)]
    Desk(#[from] SharedError),
    /// The names and passwords cannot be kept there.
    #[error("names and passwords cannot be kept: {0}")]
    Auth(#[from] auth::AuthError),
}

struct Inner {
    desk: Desk,
    auth: Auth,
    sessions: Sessions,
    gather: Duration,
    ends: watch::Sender<bool>,
}

/// The server. A clone is the same one.
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").field("desk", &self.inner.desk).finish_non_exhaustive()
    }
}

impl Chat {
    /// Begins over a database, and makes the tables that it lacks.
    ///
    /// # Errors
    ///
    /// [`StartError`] where the database cannot be reached, lacks a right, or holds what this version cannot read.
    pub async fn open(database: &Config, settings: Settings) -> Result<Self, StartError> {
        let store =
            PostgresStore::open(database.clone(), NoTls, chatfold_postgres::Options::default()).await?;
        let auth = Auth::open(database, settings.secret, settings.passwords).await?;
        let desk = Desk::open(store, settings.desk).await?;
        let sessions = Sessions::new(desk.clone(), settings.desk.accounts);
        let (ends, _) = watch::channel(false);
        Ok(Self { inner: Arc::new(Inner { desk, auth, sessions, gather: settings.gather, ends }) })
    }

    /// Takes in what other servers over the same database write. It returns when the connection for that is lost: call it
    /// again, and it takes in first what was missed.
    ///
    /// # Errors
    ///
    /// [`SharedError::Store`] when the connection is lost.
    pub async fn keep_up(&self) -> Result<Infallible, SharedError> {
        self.inner.desk.keep_up().await
    }

    /// Ends all live connections, so that the server can stop.
    pub fn end(&self) {
        self.inner.ends.send_replace(true);
    }

    /// All that can be asked.
    pub fn router(&self) -> Router {
        let conversation = Router::new()
            .route("/", get(conversations::row).delete(conversations::take_away))
            .route("/messages", get(conversations::history).post(conversations::send))
            .route("/messages/{message}", put(conversations::edit).delete(conversations::delete))
            .route("/messages/{message}/recall", post(conversations::recall))
            .route(
                "/messages/{message}/reactions/{name}",
                put(conversations::react).delete(conversations::unreact),
            )
            .route("/read", put(conversations::read))
            .route("/pin", put(conversations::pin))
            .route("/draft", put(conversations::draft))
            .route("/mute", put(conversations::mute))
            .route("/archive", put(conversations::archive))
            .route("/clear", post(conversations::clear));
        Router::new()
            .route("/accounts", post(auth::register))
            .route("/sign-in", post(auth::sign_in))
            .route("/profile", put(groups::profile))
            .route("/groups", post(groups::create).layer(DefaultBodyLimit::max(MOST_GROUP_BYTES)))
            .route("/groups/{group}/members/{user}", put(groups::join))
            .route("/groups/{group}/members/{user}", delete(groups::leave))
            .route("/conversations", get(conversations::list))
            .route("/conversations/read", put(conversations::read_all))
            .nest("/conversations/{conversation}", conversation)
            .route("/live", get(live::live))
            .fallback(async || Refusal::not_found("nothing has this path"))
            .method_not_allowed_fallback(async || {
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "not_allowed", "this path takes other methods")
            })
            .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
            .with_state(self.clone())
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.inner.desk
    }
}
