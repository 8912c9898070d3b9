//! What a row of the list shows beside its name: mentions, and the draft or who said what last.

use chatfold::{ConversationKind, ConversationView, MentionKind, MessageStatus};

use crate::text::{cut_middle, one_line};
use crate::words::{self, Signs};

/// A sender's name in a preview takes at most this many cells, and a third of the room.
const MAX_SENDER: usize = 16;

/// So many cells of a sender's name are shown however narrow it is.
const MIN_SENDER: usize = 4;

/// What a part of a text is, for whoever paints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What was said.
    Plain,
    /// What steps back.
    Faint,
    /// Who said it.
    Sender,
    /// What waits for the owner: a draft, a failure.
    Alarm,
}

/// `@` where a message since the owner last read mentions the owner, `@all` where one only mentions everybody.
pub fn mention(conversation: &ConversationView<'_>) -> &'static str {
    if conversation.mention_count() == 0 {
        return "";
    }
    let me = conversation.mentions().iter().any(|mention| mention.kind != MentionKind::All);
    if me { "@" } else { "@all" }
}

/// Returns the draft, or else who said what last, on one line and as long as it is. Of `room` cells a sender's name
/// leaves most to what was said.
pub fn preview(
    signs: &Signs,
    ellipsis: &str,
    conversation: &ConversationView<'_>,
    owner: &str,
    room: usize,
) -> Vec<(Tone, String)> {
    if let Some(draft) = conversation.draft() {
        return vec![(Tone::Alarm, "Draft: ".to_owned()), (Tone::Plain, one_line(words::head(draft.text)))];
    }
    let Some(message) = conversation.last_message() else {
        return Vec::new();
    };
    let mut parts = Vec::with_capacity(3);
    match message.status() {
        MessageStatus::Sending => parts.push((Tone::Faint, format!("{} ", signs.sending))),
        MessageStatus::Failed => parts.push((Tone::Alarm, format!("{} ", signs.failed))),
        _ => {}
    }
    let recalled = message.recall().is_some();
    if !recalled && (message.is_own() || conversation.kind() == ConversationKind::Group) {
        let sender = words::author(&message);
        parts.push((
            Tone::Sender,
            format!("{}: ", cut_middle(&sender, (room / 3).clamp(MIN_SENDER, MAX_SENDER), ellipsis)),
        ));
    }
    parts.push((if recalled { Tone::Faint } else { Tone::Plain }, words::content(&message, owner)));
    parts
}
