//! What an event says, in the terms of a design with tables and counters.

use chatfold::event::{Body, Fact as Said, Mark, Through, Watermark};
use chatfold::{Event, UserId};
use serde::{Deserialize, Serialize};

/// The id of a message.
pub type Id = [u8; 16];

/// A fact about one conversation; texts are borrowed or owned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact<T> {
    /// A message came.
    Message { id: Id, position: i64, at: i64, own: bool, author: T, text: T },
    /// The owner has read everything up to this position.
    Read { through: i64 },
    /// A draft was set, or cleared.
    Draft { text: Option<T>, at: i64 },
    /// The conversation was pinned, or unpinned.
    Pin { on: bool },
    /// The star was set, or taken away.
    Star { on: bool },
    /// A message has a new text.
    Edit { id: Id, version: i64, text: T },
    /// A message was recalled.
    Recall { id: Id },
    /// A message was deleted for the owner.
    Delete { id: Id },
}

impl<'a> Fact<&'a str> {
    /// The conversation and what was said of it; `None` for what no peer models (a workload has none of it).
    pub fn of(owner: &UserId, event: &'a Event) -> Option<(&'a str, Self)> {
        let Body::Conversation(conversation, said) = event.body() else { return None };
        let at = event.at().as_millis();
        let fact = match said {
            Said::MessageReceived(message) => Self::Message {
                id: *message.id.as_bytes(),
                // A group orders by seq, a direct chat by time.
                position: match message.seq {
                    Some(seq) => i64::try_from(seq).ok()?,
                    None => at,
                },
                at,
                own: event.by() == owner,
                author: event.by().as_str(),
                text: message.text.as_deref()?,
            },
            Said::Read { through: Through::Watermark(Watermark::Seq(seq)) } => {
                Self::Read { through: i64::try_from(*seq).ok()? }
            }
            Said::Read { through: Through::Watermark(Watermark::Time(time)) } => {
                Self::Read { through: time.as_millis() }
            }
            Said::DraftSet { text, .. } => Self::Draft { text: text.as_deref(), at },
            Said::Pinned { on } => Self::Pin { on: *on },
            Said::MarkSet { mark, on } if *mark == Mark::STAR => Self::Star { on: *on },
            Said::MessageModified { target, edit } => Self::Edit {
                id: *target.as_bytes(),
                version: i64::try_from(edit.version).ok()?,
                text: edit.text.as_deref()?,
            },
            Said::MessageRecalled { target, .. } => Self::Recall { id: *target.as_bytes() },
            Said::MessagesDeleted { targets } => match targets.as_slice() {
                [target] => Self::Delete { id: *target.as_bytes() },
                _ => return None,
            },
            _ => return None,
        };
        Some((conversation.as_str(), fact))
    }

    /// The same with texts of its own.
    pub fn owned(self) -> Fact<String> {
        match self {
            Self::Message { id, position, at, own, author, text } => {
                Fact::Message { id, position, at, own, author: author.to_owned(), text: text.to_owned() }
            }
            Self::Read { through } => Fact::Read { through },
            Self::Draft { text, at } => Fact::Draft { text: text.map(str::to_owned), at },
            Self::Pin { on } => Fact::Pin { on },
            Self::Star { on } => Fact::Star { on },
            Self::Edit { id, version, text } => Fact::Edit { id, version, text: text.to_owned() },
            Self::Recall { id } => Fact::Recall { id },
            Self::Delete { id } => Fact::Delete { id },
        }
    }
}
