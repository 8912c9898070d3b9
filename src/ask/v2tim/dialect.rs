//! Whose classes rows are shaped like, and what every dialect writes alike.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::inbox::ConversationView;
use crate::model::badge::BadgeRule;
use crate::model::event::{Membership, Watermark};
use crate::model::id::ConversationKind;
use crate::model::time::Timestamp;

/// How V2TIM spells, in a list of mentioned users, that everybody is mentioned.
pub const AT_ALL: &str = "__kImSDK_MesssageAtALL__";

/// Whose classes rows are shaped like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// The class `V2TimConversation` of the Flutter plugin, which it reads everywhere up to version 8.2, and from 8.5 on in
    /// the browser.
    Flutter(DataForm),
    /// The structure `ConvInfo` of the interface in C, which the Flutter plugin reads on devices from version 8.5 on. Data is
    /// [text](DataForm::Text).
    Native,
    /// The interface `Conversation` of the npm package `@tencentcloud/chat` 3. Data is [text](DataForm::Text).
    Web(Language),
}

impl Default for Dialect {
    /// Flutter, data in base64.
    fn default() -> Self {
        Self::Flutter(DataForm::Base64)
    }
}

/// How bytes (custom data, cloud custom data, the data of a custom element) become text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataForm {
    /// As base64 in the standard alphabet.
    #[default]
    Base64,
    /// As the text that they are, as the reference has them; base64 where they are not UTF-8. Which of the two a text is
    /// cannot be told from it.
    Text,
}

impl DataForm {
    pub(crate) fn text_of(self, bytes: &[u8]) -> String {
        match (self, std::str::from_utf8(bytes)) {
            (Self::Text, Ok(text)) => text.to_owned(),
            _ => STANDARD.encode(bytes),
        }
    }
}

/// The language of the words that stand for what is no text, such as those for an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// Chinese. The UI kit of the reference translates exactly these words into the language it is set to.
    #[default]
    Chinese,
    /// English.
    English,
}

/// The keys that only this library has, as they stand in a row of any dialect: each is left out unless all keys are asked
/// for, or unless it is so.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Beside {
    #[serde(skip_serializing_if = "Option::is_none")]
    archived: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<Option<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recv_opt_until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    badge: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mention_count: Option<u64>,
    // What is known of messages that are not held: each only where it is so.
    #[serde(skip_serializing_if = "is_not")]
    unread_is_lower_bound: bool,
    #[serde(skip_serializing_if = "is_not")]
    mention_is_lower_bound: bool,
    #[serde(skip_serializing_if = "is_not")]
    last_message_is_older: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_not(flag: &bool) -> bool {
    !*flag
}

impl Beside {
    pub(crate) fn of(conversation: ConversationView<'_>, all_keys: bool) -> Self {
        Self {
            archived: all_keys.then(|| conversation.is_archived()),
            membership: all_keys.then(|| conversation.membership().map(Membership::as_str)),
            recv_opt_until: all_keys
                .then(|| conversation.receive_option_until().map_or(0, Timestamp::as_secs)),
            badge: all_keys.then(|| conversation.badge(BadgeRule::default())),
            mention_count: (all_keys || conversation.mention_is_lower_bound())
                .then(|| conversation.mention_count()),
            unread_is_lower_bound: conversation.unread_is_lower_bound(),
            mention_is_lower_bound: conversation.mention_is_lower_bound(),
            last_message_is_older: conversation.last_message_is_older(),
        }
    }
}

/// The peer of a direct conversation, or the group.
pub(crate) fn user_and_group(conversation: ConversationView<'_>) -> (Option<&str>, Option<&str>) {
    let id = conversation.id();
    match id.kind() {
        ConversationKind::Direct => (Some(id.target()), None),
        ConversationKind::Group => (None, Some(id.target())),
    }
}

/// The read marker in seconds and as a number (R32).
pub(crate) fn read_marker(conversation: ConversationView<'_>) -> (i64, u64) {
    match conversation.read_marker() {
        Some(Watermark::Time(time)) => (time.as_secs(), 0),
        Some(Watermark::Seq(seq)) => (0, seq),
        None => (0, 0),
    }
}
