//! Which answer an error becomes: a status, a word that a program tells it by, and a sentence for people.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chatfold::store::Closed;
use chatfold_account::shared::SharedError;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Something that is not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    word: &'static str,
    what: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, word: &'static str, what: impl ToString) -> Self {
        Self { status, word, what: what.to_string() }
    }

    /// What was asked cannot be read.
    pub(crate) fn bad(what: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", what)
    }

    /// It is not there, or nobody who asks may know of it.
    pub(crate) fn not_found(what: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", what)
    }

    /// It is not for who asks.
    pub(crate) fn forbidden(what: impl ToString) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", what)
    }

    /// It cannot be done now. Given again, with the same ids, it is done once.
    pub(crate) fn later(what: impl ToString) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "try_again", what)
    }
}

impl From<SharedError> for Refusal {
    fn from(error: SharedError) -> Self {
        let (status, word) = match &error {
            SharedError::Rejected(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            SharedError::NotAMember { .. } => (StatusCode::FORBIDDEN, "not_a_member"),
            SharedError::NoConversation { .. } => (StatusCode::NOT_FOUND, "not_found"),
            SharedError::IdTaken { .. } => (StatusCode::CONFLICT, "id_taken"),
            SharedError::Invalid(_) | SharedError::Id(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            SharedError::Closed(Closed::Erased) => (StatusCode::GONE, "erased"),
            // A product would name the place where it went.
            SharedError::Closed(_) => (StatusCode::MISDIRECTED_REQUEST, "moved"),
            SharedError::Overloaded(_)
            | SharedError::Contention { .. }
            | SharedError::Store(_)
            | SharedError::Gone => (StatusCode::SERVICE_UNAVAILABLE, "try_again"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, word, error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.word, "what": self.what }));
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A body of JSON.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = Json::from_request(request, state).await;
        body.map(|Json(body)| Self(body)).map_err(|error: JsonRejection| match error.status() {
            status @ StatusCode::PAYLOAD_TOO_LARGE => Refusal::new(status, "too_large", error.body_text()),
            status @ StatusCode::UNSUPPORTED_MEDIA_TYPE => Refusal::new(status, "no_json", error.body_text()),
            _ => Refusal::bad(error.body_text()),
        })
    }
}

/// The parameters behind the question mark.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let asked = Query::from_request_parts(parts, state).await;
        asked.map(|Query(asked)| Self(asked)).map_err(|error: QueryRejection| Refusal::bad(error.body_text()))
    }
}
