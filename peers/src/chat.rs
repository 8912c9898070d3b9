//! A conversation with counters, as one writes it in an afternoon: right as long as events come in order and
//! once.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::facts::{Fact, Id};
use crate::measure::Row;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    position: i64,
    own: bool,
    recalled: bool,
    deleted: bool,
    version: i64,
    author: String,
    text: String,
}

impl Stored {
    fn counts(&self) -> bool {
        !self.own && !self.recalled && !self.deleted
    }
}

/// A conversation: its messages, its counters.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Chat {
    messages: Vec<Stored>,
    by_id: HashMap<Id, usize>,
    read_through: i64,
    unread: u64,
    last: Option<usize>,
    active_at: i64,
    draft: Option<(String, i64)>,
    pinned: bool,
    starred: bool,
}

impl Chat {
    /// Takes in a fact.
    pub fn apply<T: AsRef<str>>(&mut self, fact: &Fact<T>) {
        match fact {
            Fact::Message { id, position, at, own, author, text } => {
                if self.by_id.contains_key(id) {
                    return;
                }
                let index = self.messages.len();
                self.by_id.insert(*id, index);
                self.messages.push(Stored {
                    position: *position,
                    own: *own,
                    recalled: false,
                    deleted: false,
                    version: 0,
                    author: author.as_ref().to_owned(),
                    text: text.as_ref().to_owned(),
                });
                self.unread += u64::from(!own && *position > self.read_through);
                self.active_at = self.active_at.max(*at);
                if self.last.is_none_or(|last| self.messages[last].position <= *position) {
                    self.last = Some(index);
                }
            }
            Fact::Read { through } if *through > self.read_through => {
                self.read_through = *through;
                let after = self.messages.iter().rev().take_while(|message| message.position > *through);
                self.unread = after.filter(|message| message.counts()).count() as u64;
            }
            Fact::Read { .. } => {}
            Fact::Draft { text, at } => {
                self.draft = text.as_ref().map(|text| (text.as_ref().to_owned(), *at))
            }
            Fact::Pin { on } => self.pinned = *on,
            Fact::Star { on } => self.starred = *on,
            Fact::Edit { id, version, text } => {
                if let Some(message) = self.by_id.get(id).and_then(|index| self.messages.get_mut(*index))
                    && message.version < *version
                {
                    message.version = *version;
                    message.text = text.as_ref().to_owned();
                }
            }
            Fact::Recall { id } => self.hide(*id, |message| message.recalled = true),
            Fact::Delete { id } => {
                self.hide(*id, |message| message.deleted = true);
                if self.last.is_some_and(|last| self.messages[last].deleted) {
                    self.last = self.messages.iter().rposition(|message| !message.deleted);
                }
            }
        }
    }

    fn hide(&mut self, id: Id, how: impl FnOnce(&mut Stored)) {
        let Some(message) = self.by_id.get(&id).and_then(|index| self.messages.get_mut(*index)) else {
            return;
        };
        if message.counts() && message.position > self.read_through {
            self.unread = self.unread.saturating_sub(1);
        }
        how(message);
    }

    /// Where it stands: pinned first, then the latest.
    pub fn order(&self) -> (bool, i64) {
        (self.pinned, self.active_at.max(self.draft.as_ref().map_or(0, |(_, at)| *at)))
    }

    /// Unread messages.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// What shows of it.
    pub fn row(&self, id: &str) -> Row {
        let last = self.last.map(|last| &self.messages[last]).filter(|last| !last.recalled);
        (id.to_owned(), self.unread, last.map(|last| last.text.clone()))
    }
}

/// The first rows of the list.
pub fn page<'a>(chats: impl IntoIterator<Item = (&'a str, &'a Chat)>, most: usize) -> Vec<Row> {
    let mut order: Vec<_> = chats
        .into_iter()
        .map(|(id, chat)| {
            let (pinned, at) = chat.order();
            ((!pinned, -at, id), chat)
        })
        .collect();
    let most = most.min(order.len());
    if most < order.len() {
        order.select_nth_unstable_by_key(most, |(key, _)| *key);
    }
    order.truncate(most);
    order.sort_unstable_by_key(|(key, _)| *key);
    order.into_iter().map(|((.., id), chat)| chat.row(id)).collect()
}
