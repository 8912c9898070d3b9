//! One line being typed.

use chatfold::command::Replaces;
use chatfold::{ConversationId, MessageId};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a line is typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The text to search for.
    Search,
    /// A message to send.
    Send,
    /// The draft.
    Draft,
    /// The mark to set or take away.
    Mark,
    /// Yes or no to recalling a message.
    Recall,
    /// Yes or no to deleting a message for the owner.
    DeleteMessage,
    /// Yes or no to deleting a conversation.
    DeleteConversation,
}

impl Purpose {
    /// What is asked.
    pub(crate) fn question(self) -> &'static str {
        match self {
            Self::Search => "search: ",
            Self::Send => "send: ",
            Self::Draft => "draft: ",
            Self::Mark => "mark (star, unread, fold, hide, 32 to 63): ",
            Self::Recall => "recall this message? y/n ",
            Self::DeleteMessage => "delete this message for yourself? y/n ",
            Self::DeleteConversation => "delete this conversation and its messages? y/n ",
        }
    }

    /// Whether one key answers it.
    pub(crate) fn is_yes_or_no(self) -> bool {
        matches!(self, Self::Recall | Self::DeleteMessage | Self::DeleteConversation)
    }
}

/// What a line is about: whatever moves meanwhile, the answer is about what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) conversation: ConversationId,
    pub(crate) message: Option<MessageId>,
    /// The draft that showed when it was asked (R27).
    pub(crate) draft: Replaces,
}

/// A line being typed, its cursor always at its end.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) purpose: Purpose,
    pub(crate) text: String,
    /// None where it is about the whole list.
    pub(crate) subject: Option<Subject>,
}

/// What a key makes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// It goes on.
    On,
    /// It is done.
    Entered,
    /// It is given up.
    Left,
}

impl Prompt {
    pub(crate) fn search(text: &str) -> Self {
        Self { purpose: Purpose::Search, text: text.to_owned(), subject: None }
    }

    pub(crate) fn on(&mut self, key: KeyEvent) -> Typed {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Typed::Left,
            KeyCode::Char('c') if control => return Typed::Left,
            KeyCode::Char('y' | 'Y') | KeyCode::Enter if self.purpose.is_yes_or_no() => {
                // Enter alone is too easily pressed for what cannot be taken back.
                return if key.code == KeyCode::Enter { Typed::Left } else { Typed::Entered };
            }
            _ if self.purpose.is_yes_or_no() => return Typed::Left,
            KeyCode::Enter => return Typed::Entered,
            KeyCode::Char('u') if control => self.text.clear(),
            KeyCode::Char('w') if control => {
                let kept = self.text.trim_end().rfind(' ').map_or(0, |space| space + 1);
                self.text.truncate(kept);
            }
            KeyCode::Backspace => drop(self.text.pop()),
            KeyCode::Char(c) if !control => self.text.push(c),
            _ => {}
        }
        Typed::On
    }
}
