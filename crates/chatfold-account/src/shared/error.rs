//! Why something was not done.

use std::sync::Arc;

use chatfold::command::Rejection;
use chatfold::event::InvalidEvent;
use chatfold::id::IdError;
use chatfold::jsonl::DecodeError;
use chatfold::shared::{SharedId, StreamId, Unplaced};
use chatfold::store::Closed;
use chatfold::{ConversationId, MessageId, UserId};
use chatfold_postgres::PostgresError;

/// Why a desk could not do what was asked, and who is at fault.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedError {
    /// The command is refused: nothing is wrong but the wish. It was judged on the newest state.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The user is no member of the group, or no party of the direct chat.
    #[error("{user} is no member of {conversation}")]
    NotAMember {
        /// Who.
        user: UserId,
        /// Of what.
        conversation: SharedId,
    },
    /// The user knows nothing of the conversation.
    #[error("{user} has no conversation {conversation}")]
    NoConversation {
        /// Who.
        user: UserId,
        /// What is not there.
        conversation: ConversationId,
    },
    /// The message's id is that of something else in the conversation.
    #[error("the id of message {message} is taken")]
    IdTaken {
        /// The message.
        message: MessageId,
    },
    /// The event belongs to a stream that accounts share, and was to be written to an account's own (R121).
    #[error("{type_name} belongs to a shared stream, and not to the account's own")]
    Misplaced {
        /// The event's type.
        type_name: &'static str,
    },
    /// The event has no place in the streams of a server.
    #[error(transparent)]
    Unplaced(#[from] Unplaced),
    /// The event is none.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// A name is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The command is carried out by another method of the desk.
    #[error("this command is another method of the desk: {0}")]
    OtherMethod(&'static str),
    /// More waits for the conversation than may wait. Nothing was written; answer that the server is busy.
    #[error("too much waits for {0}")]
    Overloaded(SharedId),
    /// Other nodes were faster, time after time. Nothing was written; give it again.
    #[error("other writers came first {attempts} times")]
    Contention {
        /// How often it was tried.
        attempts: u32,
    },
    /// The log takes no more events: it moved elsewhere, or was erased.
    #[error("the log is closed: {0}")]
    Closed(Closed),
    /// The log is damaged: from here on it is not what was appended.
    #[error("the log of {stream} is damaged at position {position}")]
    Damaged {
        /// Which log.
        stream: StreamId,
        /// The first damaged position.
        position: u64,
    },
    /// An event is what was appended, but cannot be decoded.
    #[error("the event at position {position} of {stream} cannot be decoded: {error}")]
    Undecodable {
        /// Which log.
        stream: StreamId,
        /// Its position.
        position: u64,
        /// What is wrong with it.
        error: Box<DecodeError>,
    },
    /// The desk ended, or a task of it was given up.
    #[error("the desk is gone")]
    Gone,
    /// The store failed. Whether the last write is there is not known: give the same again, and it is done once.
    #[error("the store failed")]
    Store(#[source] Arc<PostgresError>),
}

impl From<PostgresError> for SharedError {
    fn from(error: PostgresError) -> Self {
        Self::Store(Arc::new(error))
    }
}
