//! Acting: from a key to a wish, and from what was decided to words.

use chatfold::command::{ReadUpTo, Rejection, Replaces};
use chatfold::event::Mark;
use chatfold::{Command, Decision};
use chatfold_words::sentence::{refusal, sentence};
use chatfold_words::text::escape;

use crate::app::{App, Effect, Focus};
use crate::desk::Wish;
use crate::keys::Action;
use crate::prompt::{Prompt, Purpose, Subject};

impl App {
    /// What a key that acts comes to: a wish, a question, or a notice why not.
    pub(crate) fn wish(&mut self, action: Action) -> Option<Effect> {
        if let Some(why) = self.why_not() {
            self.alarm(why);
            return None;
        }
        let row = self.conversation()?;
        let conversation = row.id().clone();
        let (is_pinned, is_starred) = (row.is_pinned(), row.marks().contains(&Mark::STAR));
        let draft = row.draft().map(|draft| draft.text.to_owned()).unwrap_or_default();
        let seen = row.draft().map_or(Replaces::Nothing, |draft| Replaces::Draft(draft.stamp.event));
        let selected = self.message.filter(|_| self.focus == Focus::Messages);
        let subject = Subject { conversation: conversation.clone(), message: selected, draft: seen };
        let command = match action {
            Action::Pin => Command::Pin { conversation, on: !is_pinned },
            Action::Archive => {
                let on = !row.is_archived();
                Command::Archive { conversations: vec![conversation], on, stay: false }
            }
            Action::Star => {
                Command::Mark { conversations: vec![conversation], mark: Mark::STAR, on: !is_starred }
            }
            Action::Read => {
                let up_to = selected.map_or(ReadUpTo::Newest, ReadUpTo::Message);
                Command::MarkRead { conversation, up_to }
            }
            Action::UnreadFrom => match self.message() {
                Some(message) => Command::MarkUnreadFrom { conversation, message },
                None => return self.ask_for_a_message(),
            },
            Action::Send => return self.ask(Purpose::Send, String::new(), subject),
            Action::Draft => return self.ask(Purpose::Draft, draft, subject),
            Action::SetMark => return self.ask(Purpose::Mark, String::new(), subject),
            Action::Recall if selected.is_none() => return self.ask_for_a_message(),
            Action::Recall => return self.ask(Purpose::Recall, String::new(), subject),
            Action::Delete if selected.is_some() => {
                return self.ask(Purpose::DeleteMessage, String::new(), subject);
            }
            Action::Delete => return self.ask(Purpose::DeleteConversation, String::new(), subject),
            _ => return None,
        };
        Some(Effect::Act(Wish::Command(command)))
    }

    /// Why one cannot act now.
    fn why_not(&self) -> Option<String> {
        if let Some(why) = self.access.no_acts() {
            return Some(format!("this log is only read: {why}"));
        }
        (!self.past.is_present()).then(|| "this is the past: End goes to where one can act".to_owned())
    }

    fn ask(&mut self, purpose: Purpose, text: String, subject: Subject) -> Option<Effect> {
        self.prompt = Some(Prompt { purpose, text, subject: Some(subject) });
        None
    }

    fn ask_for_a_message(&mut self) -> Option<Effect> {
        self.tell("select a message first: Enter goes to the messages");
        None
    }

    /// What an answered question comes to.
    pub(crate) fn entered(&mut self, prompt: Prompt) -> Option<Effect> {
        let (text, Subject { conversation, message, draft }) = (prompt.text, prompt.subject?);
        let command = match prompt.purpose {
            Purpose::Search => return None,
            Purpose::Send if text.is_empty() => return None,
            Purpose::Send => {
                return Some(Effect::Act(Wish::Send { conversation, text, reply_to: message }));
            }
            Purpose::Draft => Command::SetDraft { conversation, text, replaces: draft },
            Purpose::Mark => {
                let Some(mark) = mark(&text) else {
                    self.alarm(format!("no mark is called {}", escape(&text)));
                    return None;
                };
                let row = self.past.inbox().conversation(&conversation)?;
                Command::Mark { on: !row.marks().contains(&mark), conversations: vec![conversation], mark }
            }
            Purpose::Recall => Command::Recall { conversation, message: message?, reason: None },
            Purpose::DeleteMessage => Command::DeleteMessages { conversation, messages: vec![message?] },
            Purpose::DeleteConversation => {
                Command::DeleteConversations { conversations: vec![conversation], keep_messages: false }
            }
        };
        Some(Effect::Act(Wish::Command(command)))
    }

    /// Says what was decided or refused.
    pub(crate) fn report(&mut self, judged: Result<Decision, Rejection>, note: Option<String>) {
        let beside = note.map(|note| format!(" ({note})")).unwrap_or_default();
        let decision = match judged {
            Ok(decision) => decision,
            Err(why) => return self.alarm(format!("{}{beside}", escape(&refusal(&why)))),
        };
        if let Some(refused) = decision.refused.first() {
            let text = format!("{}: {}{beside}", refused.conversation, refusal(&refused.rejection));
            return self.alarm(escape(&text).into_owned());
        }
        let inbox = self.past.inbox();
        let said: Vec<String> = decision.events.iter().map(|event| sentence(event, inbox)).collect();
        let said =
            if said.is_empty() { "nothing to do: it is so already".to_owned() } else { said.join("; ") };
        self.tell(format!("{}{beside}", escape(&said)));
    }
}

/// The mark of this name, or the custom one of this bit.
fn mark(text: &str) -> Option<Mark> {
    match text.trim() {
        "star" => Some(Mark::STAR),
        "unread" => Some(Mark::UNREAD),
        "fold" => Some(Mark::FOLD),
        "hide" => Some(Mark::HIDE),
        other => {
            let bit: u32 =
                other.strip_prefix("1<<").or(other.strip_prefix('#')).unwrap_or(other).parse().ok()?;
            Mark::from_bits(1u64.checked_shl(bit)?)
        }
    }
}
