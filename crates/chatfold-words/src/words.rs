//! What values are called, in words and signs.

use chatfold::event::{GroupType, Mark, MessageKind, ReceiveOption};
use chatfold::view::{Bounds, Gap, MessageStatus};
use chatfold::{ConversationView, MessageView};

use crate::text::one_line;

/// How many characters of a message are looked at for a preview; more than any terminal line shows.
const MAX_PREVIEW_CHARS: usize = 600;

/// The signs beside a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Signs {
    /// Pinned to the top.
    pub pinned: &'static str,
    /// Any receive option but "receive": its unread messages are not in the first total.
    pub muted: &'static str,
    /// Put away into the archive.
    pub archived: &'static str,
    /// The owner's last message is on its way.
    pub sending: &'static str,
    /// The owner's last message did not get through.
    pub failed: &'static str,
    star: &'static str,
    unread: &'static str,
    fold: &'static str,
    hide: &'static str,
}

/// Pictures that are two cells wide in every terminal that has them.
const PICTURES: Signs = Signs {
    pinned: "\u{1f4cc}",
    muted: "\u{1f515}",
    archived: "\u{1f4e6}",
    sending: "\u{23f3}",
    failed: "\u{274c}",
    star: "\u{2b50}",
    unread: "\u{1f535}",
    fold: "\u{1f4c1}",
    hide: "\u{1f648}",
};

/// One ASCII character each.
const LETTERS: Signs = Signs {
    pinned: "^",
    muted: "-",
    archived: "a",
    sending: "~",
    failed: "!",
    star: "*",
    unread: "o",
    fold: ">",
    hide: ".",
};

impl Signs {
    /// Pictures, or ASCII.
    pub fn of(ascii: bool) -> Self {
        if ascii { LETTERS } else { PICTURES }
    }

    /// The signs of the archive and of the marks that a conversation bears.
    pub fn marks(&self, conversation: &ConversationView<'_>) -> String {
        let archived = if conversation.is_archived() { self.archived } else { "" };
        conversation.marks().into_iter().fold(archived.to_owned(), |signs, mark| signs + &self.mark(mark))
    }

    /// The sign of a mark.
    pub fn mark(&self, mark: Mark) -> String {
        let sign = match mark {
            Mark::STAR => self.star,
            Mark::UNREAD => self.unread,
            Mark::FOLD => self.fold,
            Mark::HIDE => self.hide,
            other => return format!("#{}", other.bits().trailing_zeros()),
        };
        sign.to_owned()
    }
}

/// The name of a mark.
pub fn mark(mark: Mark) -> String {
    let name = match mark {
        Mark::STAR => "star",
        Mark::UNREAD => "unread",
        Mark::FOLD => "fold",
        Mark::HIDE => "hide",
        other => return format!("custom 1<<{}", other.bits().trailing_zeros()),
    };
    name.to_owned()
}

/// The receive option, and what it means for the totals.
pub fn receive_option(option: ReceiveOption) -> &'static str {
    match option {
        ReceiveOption::Receive => "receive",
        ReceiveOption::NotReceive => "not_receive (muted)",
        ReceiveOption::ReceiveNotNotify => "receive_not_notify (muted)",
        ReceiveOption::NotNotifyExceptAt => "not_notify_except_at (muted but for mentions)",
        ReceiveOption::NotReceiveExceptAt => "not_receive_except_at (muted but for mentions)",
        _ => "an option of a newer version",
    }
}

/// What a conversation is: `direct chat`, `Work group`.
pub fn kind(group: bool, group_type: Option<GroupType>) -> String {
    match (group, group_type) {
        (false, _) => "direct chat".to_owned(),
        (true, None) => "group".to_owned(),
        (true, Some(group_type)) => format!("{} group", group_type.as_str()),
    }
}

/// The kind of a message, as it stands for a message without text.
pub fn message_kind(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "text",
        MessageKind::Custom => "custom",
        MessageKind::Image => "image",
        MessageKind::Sound => "sound",
        MessageKind::Video => "video",
        MessageKind::File => "file",
        MessageKind::Location => "location",
        MessageKind::Face => "face",
        MessageKind::GroupTips => "group tips",
        MessageKind::Merger => "forwarded messages",
        _ => "message",
    }
}

/// The status of a message.
pub fn status(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Sending => "sending",
        MessageStatus::Sent => "sent",
        MessageStatus::Failed => "failed",
        MessageStatus::Imported => "imported",
        MessageStatus::Recalled => "recalled",
        _ => "unknown",
    }
}

/// What the author of a message is called: `You`, the owner's remark, the nickname, or the user id.
pub fn author(message: &MessageView<'_>) -> String {
    if message.is_own() {
        return "You".to_owned();
    }
    let name = message.remark().or(message.nickname()).unwrap_or(message.author().as_str());
    one_line(name)
}

/// The number of unread messages: with a plus where there may be more, empty where there surely is none.
pub fn unread(conversation: &ConversationView<'_>) -> String {
    match (conversation.unread_count(), conversation.unread_is_lower_bound()) {
        (0, false) => String::new(),
        (count, false) => count.to_string(),
        (count, true) => format!("{count}+"),
    }
}

/// A stretch that is not held, in words.
pub fn gap(gap: Gap) -> String {
    let Gap { from, through, .. } = gap;
    let settles = if gap.touches_number { ", which would settle the number" } else { "" };
    if from == through { format!("{from}{settles}") } else { format!("{from} to {through}{settles}") }
}

/// The stretches of a conversation that are not held, the newest first, at most so many; and whether there are more.
pub fn not_held(conversation: &ConversationView<'_>, most: usize) -> (Vec<String>, bool) {
    let mut gaps = conversation.gaps();
    let told: Vec<String> = gaps.by_ref().take(most).map(gap).collect();
    (told, gaps.next().is_some())
}

/// A number of which some may not be held: exact, at least so many, or between two.
pub fn bounds(bounds: Bounds) -> String {
    match bounds.most {
        Some(most) if most == bounds.least => most.to_string(),
        Some(most) => format!("{} to {most}", bounds.least),
        None => format!("at least {}", bounds.least),
    }
}

/// What a conversation is called, on one line.
pub fn name(conversation: &ConversationView<'_>) -> String {
    one_line(head(conversation.show_name()))
}

/// What a message says, on one line: its text, what it is instead of text, or that it was recalled.
pub fn content(message: &MessageView<'_>, owner: &str) -> String {
    if let Some(recall) = message.recall() {
        let who = match recall.by {
            by if by.as_str() == owner => "You".to_owned(),
            _ => one_line(recall.name),
        };
        let why = recall.reason.map(|reason| format!(": {}", one_line(head(reason)))).unwrap_or_default();
        return format!("{who} recalled a message{why}");
    }
    match message.text().map(|text| one_line(head(text))).filter(|text| !text.is_empty()) {
        Some(text) => text,
        None => format!("[{}]", message_kind(message.kind())),
    }
}

/// The beginning of a text, as much of it as a preview may need.
pub fn head(text: &str) -> &str {
    first_chars(text, MAX_PREVIEW_CHARS)
}

/// The beginning of a text, at most so many characters of it.
pub fn first_chars(text: &str, most: usize) -> &str {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}
