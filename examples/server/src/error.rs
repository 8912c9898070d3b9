//! Which answer an error becomes: a status, a word that a program tells it by, and a sentence for people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chatfold::store::Closed;
use chatfold_account::shared::SharedError;
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
