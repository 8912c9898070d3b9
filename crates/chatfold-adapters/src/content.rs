//! What messages say.

use chatfold::event::{Edit, Mentions, MessageKind};
use chatfold::{MessageId, UserId};
use serde_json::json;

/// What a message says, whether it is introduced or edited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) kind: MessageKind,
    pub(crate) text: Option<String>,
    pub(crate) mentions: Mentions,
    pub(crate) reply_to: Option<MessageId>,
    /// The payload of a custom element.
    pub(crate) custom: Option<Vec<u8>>,
    /// Data that rides on the message.
    pub(crate) cloud_custom: Option<Vec<u8>>,
    /// Whom it is for, where it is not for all.
    pub(crate) recipients: Vec<UserId>,
    /// Only for who is online.
    pub(crate) online_only: bool,
    pub(crate) need_receipt: bool,
    pub(crate) supports_extensions: bool,
    /// Never counts as unread.
    pub(crate) excluded_from_unread: bool,
    /// Never becomes the last message.
    pub(crate) excluded_from_last: bool,
}

impl Content {
    /// The edit of this version that makes a message say this, mentions included.
    pub(crate) fn edit(&self, version: u64) -> Edit {
        Edit {
            version,
            // A text that is gone is said too: what an edit does not say stays (R40).
            text: Some(self.text.clone().unwrap_or_default()),
            custom: self.custom.clone(),
            cloud_custom: self.cloud_custom.clone(),
            mentions: Some(self.mentions.clone()),
        }
    }

    /// Returns all that an edit may change as one text, in which no two contents are alike.
    pub(crate) fn as_text(&self) -> String {
        let users: Vec<&str> = self.mentions.users.iter().map(UserId::as_str).collect();
        json!([self.text, self.custom, self.cloud_custom, users, self.mentions.all]).to_string()
    }
}
