//! Places in the list and in a history, which come back from outside.

use serde::{Deserialize, Serialize};

use crate::model::id::{ConversationId, IdError};
use crate::{list, view};

/// Why a place that came from outside is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a place in a list or history names no valid id: {0}")]
pub struct CursorError(#[from] pub IdError);

/// A place in the list, to be given back with the request for the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListCursor {
    /// The row's order key.
    pub order_key: u64,
    /// The row's conversation.
    pub id: String,
}

impl From<list::ListCursor> for ListCursor {
    fn from(list::ListCursor { order_key, id }: list::ListCursor) -> Self {
        Self { order_key, id: id.to_string() }
    }
}

impl TryFrom<ListCursor> for list::ListCursor {
    type Error = CursorError;

    fn try_from(ListCursor { order_key, id }: ListCursor) -> Result<Self, CursorError> {
        Ok(Self { order_key, id: ConversationId::parse(&id)? })
    }
}

/// A place in a history, to be given back with the request for the next page. Its fields are the message's position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageCursor {
    /// The sequence number in a group, the time in a direct chat.
    pub first: i64,
    /// The rank.
    pub rank: u8,
    /// The time in a group, the sequence number in a direct chat.
    pub second: i64,
    /// The message.
    pub id: String,
}

impl From<view::MessageCursor> for MessageCursor {
    fn from(cursor: view::MessageCursor) -> Self {
        let (first, rank, second, id) = cursor.parts();
        Self { first, rank, second, id: id.to_string() }
    }
}

impl TryFrom<MessageCursor> for view::MessageCursor {
    type Error = CursorError;

    fn try_from(MessageCursor { first, rank, second, id }: MessageCursor) -> Result<Self, CursorError> {
        Ok(Self::of_parts(first, rank, second, id.parse()?))
    }
}
