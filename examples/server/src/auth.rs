//! Names and passwords, and the signed tokens that stand for them. This is what a product has already: put that in its place,
//! and leave [`SignedIn`], which says who asks.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::Json;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chatfold::command::Role;
use chatfold::{Context, UserId};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio_postgres::{Config, NoTls};
use uuid::Uuid;

use crate::Chat;
use crate::error::{Body, Refusal};

/// How long a token is taken.
const LASTS: Duration = Duration::from_secs(30 * 24 * 3_600);

/// No password is longer, since hashing costs by length.
const MOST_PASSWORD_BYTES: usize = 256;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS server_accounts (
    name text COLLATE \"C\" PRIMARY KEY,
    password text NOT NULL
)";

/// What a password costs to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCost {
    /// What argon2 recommends.
    Usual,
    /// As little as it takes: for tests and measurements, where thousands of accounts are made.
    Least,
}

/// Why names and passwords cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The pool of connections is none.
    #[error(transparent)]
    Build(#[from] deadpool_postgres::BuildError),
    /// The database gives no connection.
    #[error(transparent)]
    Pool(#[from] deadpool_postgres::PoolError),
    /// The database refuses.
    #[error(transparent)]
    Database(#[from] tokio_postgres::Error),
    /// The key is none.
    #[error("the secret is no key")]
    Secret,
    /// The parameters of argon2 are none.
    #[error(transparent)]
    Cost(#[from] argon2::Error),
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Self::later(error)
    }
}

/// Who there is.
pub(crate) struct Auth {
    pool: Pool,
    key: Hmac<Sha256>,
    argon: Argon2<'static>,
    /// Each takes memory, so that no more passwords are checked at once than there are processors.
    checking: Semaphore,
    /// The password of nobody, checked where there is no such name: an answer takes as long then.
    nobody: String,
}

impl Auth {
    pub(crate) async fn open(
        database: &Config,
        secret: Vec<u8>,
        cost: PasswordCost,
    ) -> Result<Self, AuthError> {
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(database.clone(), NoTls, ManagerConfig { recycling_method });
        let pool = Pool::builder(manager).max_size(4).build()?;
        pool.get().await?.batch_execute(TABLE).await?;
        let key = Hmac::new_from_slice(&secret).map_err(|_| AuthError::Secret)?;
        let params = match cost {
            PasswordCost::Usual => Params::default(),
            PasswordCost::Least => {
                Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None)?
            }
        };
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon.hash_password(&secret).map_err(|_| AuthError::Secret)?.to_string();
        let checking = Semaphore::new(available_parallelism().map_or(1, NonZero::get));
        Ok(Self { pool, key, argon, checking, nobody })
    }

    async fn add(&self, name: &UserId, password: &str) -> Result<bool, AuthError> {
        let sql = "INSERT INTO server_accounts VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let rows = self.pool.get().await?.execute(sql, &[&name.as_str(), &password]).await?;
        Ok(rows == 1)
    }

    async fn password_of(&self, name: &UserId) -> Result<Option<String>, AuthError> {
        let sql = "SELECT password FROM server_accounts WHERE name = $1";
        Ok(self.pool.get().await?.query_opt(sql, &[&name.as_str()]).await?.map(|row| row.get(0)))
    }

    /// Those of these names that nobody has.
    async fn unknown(&self, names: &[UserId]) -> Result<Vec<String>, AuthError> {
        let sql = "SELECT name FROM unnest($1::text[]) AS given (name) \
                   WHERE NOT EXISTS (SELECT FROM server_accounts AS there WHERE there.name = given.name)";
        let names: Vec<_> = names.iter().map(UserId::as_str).collect();
        let rows = self.pool.get().await?.query(sql, &[&names]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Refuses names that nobody has.
    pub(crate) async fn all_known(&self, names: &[UserId]) -> Result<(), Refusal> {
        match self.unknown(names).await?.first() {
            Some(name) => Err(Refusal::not_found(format!("there is no account {name}"))),
            None => Ok(()),
        }
    }

    fn sign(&self, what: &str) -> String {
        let mut mac = self.key.clone();
        mac.update(what.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// A token: whose it is, until which second it is taken, and the signature of both.
    fn token(&self, name: &UserId) -> String {
        let until = now() + LASTS;
        let what = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(name.as_str()), until.as_secs());
        let signature = self.sign(&what);
        format!("{what}.{signature}")
    }

    /// Whose token it is, if it is one of ours and still taken.
    fn owner_of(&self, token: &str) -> Option<UserId> {
        let (what, signature) = token.rsplit_once('.')?;
        let mut mac = self.key.clone();
        mac.update(what.as_bytes());
        mac.verify_slice(&BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let (name, until) = what.split_once('.')?;
        let until = Duration::from_secs(until.parse().ok()?);
        let name = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(name).ok()?).ok()?;
        if until > now() { UserId::parse(&name).ok() } else { None }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What somebody signs in with.
#[derive(Debug, Deserialize)]
pub(crate) struct Credentials {
    user: String,
    password: String,
}

/// What stands for a name and its password.
#[derive(Debug, Serialize)]
pub(crate) struct Token {
    token: String,
}

impl Auth {
    /// Hashes or checks a password, where it holds nobody up.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let _permit = self.checking.acquire().await.map_err(Refusal::later)?;
        let argon = self.argon.clone();
        tokio::task::spawn_blocking(|| work(argon)).await.map_err(Refusal::later)
    }
}

/// `POST /accounts`: a new account.
pub(crate) async fn register(
    State(chat): State<Chat>,
    Body(given): Body<Credentials>,
) -> Result<(StatusCode, Json<Token>), Refusal> {
    let auth = &chat.inner.auth;
    let name = UserId::parse(&given.user).map_err(Refusal::bad)?;
    if given.password.is_empty() || given.password.len() > MOST_PASSWORD_BYTES {
        return Err(Refusal::bad(format!("a password has 1 to {MOST_PASSWORD_BYTES} bytes")));
    }
    let hash =
        move |argon: Argon2<'_>| argon.hash_password(given.password.as_bytes()).map(|hash| hash.to_string());
    let hashed = auth.apart(hash).await?.map_err(Refusal::later)?;
    if !auth.add(&name, &hashed).await? {
        return Err(Refusal::new(StatusCode::CONFLICT, "name_taken", format!("{name} is taken")));
    }
    Ok((StatusCode::CREATED, Json(Token { token: auth.token(&name) })))
}

/// `POST /sign-in`: a token for a name and its password.
pub(crate) async fn sign_in(
    State(chat): State<Chat>,
    Body(given): Body<Credentials>,
) -> Result<Json<Token>, Refusal> {
    let auth = &chat.inner.auth;
    // Who does not exist and whose password is another get the same answer.
    let refused = || Refusal::new(StatusCode::UNAUTHORIZED, "not_signed_in", "no such name and password");
    let name = UserId::parse(&given.user).map_err(|_| refused())?;
    if given.password.len() > MOST_PASSWORD_BYTES {
        return Err(refused());
    }
    let known = auth.password_of(&name).await?;
    let (exists, hashed) = (known.is_some(), known.unwrap_or_else(|| auth.nobody.clone()));
    let is_right = auth.apart(move |argon| {
        let hash = PasswordHash::new(&hashed);
        hash.is_ok_and(|hash| argon.verify_password(given.password.as_bytes(), &hash).is_ok())
    });
    if !is_right.await? || !exists {
        return Err(refused());
    }
    Ok(Json(Token { token: auth.token(&name) }))
}

/// Who asks: told by the header `Authorization: Bearer …`, or by the parameter `token` where a browser opens a WebSocket and can
/// give no header.
#[derive(Debug)]
pub(crate) struct SignedIn(pub(crate) UserId);

#[derive(Deserialize)]
struct TokenParameter {
    token: Option<String>,
}

impl FromRequestParts<Chat> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, chat: &Chat) -> Result<Self, Refusal> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = match header.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) => Some(token.to_owned()),
            None => Query::<TokenParameter>::try_from_uri(&parts.uri).ok().and_then(|given| given.0.token),
        };
        let owner = token.and_then(|token| chat.inner.auth.owner_of(&token));
        let refused = || Refusal::new(StatusCode::UNAUTHORIZED, "not_signed_in", "sign in first");
        owner.map(Self).ok_or_else(refused)
    }
}

/// A command that somebody gives: who, when, and under which key. Given again under the same `Idempotency-Key`, a UUID, it is done
/// once.
#[derive(Debug)]
pub(crate) struct Given(pub(crate) Context);

impl FromRequestParts<Chat> for Given {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, chat: &Chat) -> Result<Self, Refusal> {
        let SignedIn(user) = SignedIn::from_request_parts(parts, chat).await?;
        let mut context = chatfold_account::system_context(user, Role::Member).map_err(Refusal::later)?;
        if let Some(key) = parts.headers.get("idempotency-key") {
            let key = key.to_str().ok().and_then(|key| Uuid::parse_str(key).ok());
            let key = key.ok_or_else(|| Refusal::bad("an Idempotency-Key is a UUID"))?;
            context.seed = seed(&context.actor, key);
        }
        Ok(Self(context))
    }
}

/// The seed of a key: no two users have one in common.
fn seed(user: &UserId, key: Uuid) -> [u8; 16] {
    Uuid::new_v5(&key, user.as_str().as_bytes()).into_bytes()
}
