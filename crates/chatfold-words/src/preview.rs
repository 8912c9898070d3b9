//! What a row of the list shows beside its name: mentions, and the draft or who said what last.

use std::borrow::Cow;

use chatfold::ConversationView;
use chatfold::id::ConversationKind;
use chatfold::view::{MentionKind, MessageStatus};

use crate::text::{cut, one_line, width};
use crate::words::{self, Signs};

/// A sender's name may take this many cells of a preview, if [`MIN_TEXT`] are left.
const MAX_SENDER: usize = 12;

/// So many cells of a preview are for what was said, where a sender's name takes more than half of it.
const MIN_TEXT: usize = 5;

/// What stands between a sender and what was said.
const SAYS: &str = ": ";

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

/// Returns the draft, or else who said what last, on one line and as long as it is. Where that does not fit into `room`
/// cells, a long sender's name is cut, so that something of what was said is seen.
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
    let said = words::content(&message, owner);
    if !recalled && (message.is_own() || conversation.kind() == ConversationKind::Group) {
        let before: usize = parts.iter().map(|(_, part): &(Tone, String)| width(part)).sum();
        let room = room.saturating_sub(before + SAYS.len());
        let sender = words::author(&message);
        let sender = cut_sender(&sender, width(&said), room, ellipsis);
        parts.push((Tone::Sender, format!("{sender}{SAYS}")));
    }
    parts.push((if recalled { Tone::Faint } else { Tone::Plain }, said));
    parts
}

/// Cuts a sender's name where it and `said` cells do not fit into `room`: to half of the room, or to [`MAX_SENDER`] if
/// [`MIN_TEXT`] are left.
fn cut_sender<'a>(sender: &'a str, said: usize, room: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(sender) + said <= room {
        return Cow::Borrowed(sender);
    }
    cut(sender, (room / 2).max(MAX_SENDER.min(room.saturating_sub(MIN_TEXT))), ellipsis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sender_leaves_room_for_what_was_said() {
        for (sender, said, room, shown) in [
            ("Dele Adeyemi", 40, 17, "Dele Adeyemi"),
            ("Dele Adeyemi", 2, 14, "Dele Adeyemi"),
            ("Anna Berg (5b)", 40, 15, "Anna Berg…"),
            ("ecosystem-projects/alpha", 40, 40, "ecosystem-projects/…"),
            ("ecosystem-projects/alpha", 10, 40, "ecosystem-projects/alpha"),
            ("ecosystem", 40, 6, "ec…"),
            ("ecosystem", 40, 0, ""),
        ] {
            assert_eq!(cut_sender(sender, said, room, "…"), shown, "{sender}, {said} in {room}");
        }
    }
}
