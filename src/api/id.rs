//! What belongs to ids: the kinds of conversations, the id of a command, and why a text is no id.
//!
//! You need this module to handle a refused id, and to tell direct chats from groups.
//!
//! ```
//! use chatfold::ConversationId;
//! use chatfold::id::{ConversationKind, IdError};
//!
//! let dev: ConversationId = "group_dev".parse()?;
//! assert_eq!((dev.kind(), dev.target()), (ConversationKind::Group, "dev"));
//! assert_eq!("dev".parse::<ConversationId>(), Err(IdError::Prefix));
//! # Ok::<(), IdError>(())
//! ```

pub use crate::model::id::{CommandId, ConversationKind, IdError, MAX_ID_LEN_BYTES};
