//! Stories: payloads of a system in the order in which they came, and what an inbox shows after them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use chatfold::view::Direction;
use chatfold::{Event, Inbox, Policy, Timestamp};
use chatfold_adapters::matrix::Matrix;
use chatfold_adapters::slack::Slack;
use chatfold_adapters::telegram::Telegram;
use chatfold_adapters::v2tim::V2tim;
use chatfold_adapters::xmpp::Xmpp;
use chatfold_adapters::{Adapter, Scope, Taken};
use serde_json::Value;

/// Every story, by system and name.
pub(crate) const STORIES: [(&str, &str); 7] = [
    ("slack", "story"),
    ("telegram", "bot"),
    ("telegram", "tdlib"),
    ("matrix", "story"),
    ("xmpp", "story"),
    ("v2tim", "native"),
    ("v2tim", "web"),
];

pub(crate) struct Story {
    pub(crate) adapter: Box<dyn Adapter>,
    pub(crate) payloads: Vec<(Timestamp, Vec<u8>)>,
    /// What an inbox is to show.
    pub(crate) expected: String,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An adapter of a system for this owner.
pub(crate) fn adapter(system: &str, owner: &str, network: &str, told: &Value) -> Box<dyn Adapter> {
    let scope = Scope::new(owner, network).unwrap();
    match system {
        "slack" => Box::new(Slack::new(scope)),
        "telegram" => {
            Box::new(Telegram::new(scope).with_username(told["username"].as_str().unwrap_or("nobody")))
        }
        "matrix" => Box::new(Matrix::new(scope)),
        "v2tim" => Box::new(V2tim::new(scope)),
        "xmpp" => {
            let occupants = told["occupants"].as_array().into_iter().flatten();
            let texts = occupants.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
            Box::new(texts.fold(Xmpp::new(scope), |xmpp, (room, name)| xmpp.with_occupant(room, name)))
        }
        other => panic!("no system {other}"),
    }
}

impl Story {
    pub(crate) fn read(system: &str, name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/adapters").join(system);
        let told: Value =
            serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap();
        let payloads = told["payloads"].as_array().unwrap().iter().map(|line| {
            let payload = &line["payload"];
            let bytes = payload.as_str().map_or_else(|| payload.to_string(), str::to_owned);
            (at(line["received_at"].as_str().unwrap()), bytes.into_bytes())
        });
        let mut adapter =
            adapter(system, told["owner"].as_str().unwrap(), told["network"].as_str().unwrap(), &told);
        let payloads: Vec<_> = payloads.collect();
        // What names stand for is known from the log.
        for (received_at, payload) in &payloads {
            let taken = adapter.take(payload, *received_at).unwrap();
            taken.all().for_each(|event| adapter.learn(event));
        }
        let expected = fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap_or_default();
        Self { adapter, payloads, expected }
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.payloads.iter().map(|(at, payload)| self.adapter.take(payload, *at).unwrap()).collect()
    }

    /// Every event that the payloads make, under whatever condition.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.taken().iter().flat_map(|taken| taken.all().cloned().collect::<Vec<_>>()).collect()
    }

    /// The inbox of a client that takes the payloads as they come.
    pub(crate) fn settled(&self) -> Inbox {
        let mut inbox = Inbox::new(self.adapter.scope().owner().clone(), Policy::default());
        for taken in self.taken() {
            let events = self.adapter.settle(taken, &inbox);
            inbox.apply_batch(&events);
        }
        inbox
    }
}

/// The inbox of these events.
pub(crate) fn folded<'a>(adapter: &dyn Adapter, events: impl IntoIterator<Item = &'a Event>) -> Inbox {
    Inbox::replay(adapter.scope().owner().clone(), Policy::default(), events)
}

/// Everything that an inbox shows of its conversations, as text.
pub(crate) fn shown(inbox: &Inbox) -> String {
    let mut text = String::new();
    for row in inbox.known_conversations() {
        let _ = write!(text, "{} {:?}", row.id(), row.show_name());
        let or_more = |bounded: bool| if bounded { "+" } else { "" };
        let _ = write!(text, " unread {}{}", row.unread_count(), or_more(row.unread_is_lower_bound()));
        let _ = write!(text, " mentions {}{}", row.mention_count(), or_more(row.mention_is_lower_bound()));
        let mut say = |condition: bool, what: String| {
            if condition {
                text.push(' ');
                text.push_str(&what);
            }
        };
        say(!row.is_listed(), "unlisted".to_owned());
        say(row.is_pinned(), "pinned".to_owned());
        say(row.is_archived(), "archived".to_owned());
        say(!row.marks().is_empty(), format!("marks {:?}", row.marks()));
        let folders: Vec<String> = row.folders().into_iter().map(|folder| folder.name).collect();
        say(!folders.is_empty(), format!("folders {folders:?}"));
        say(row.receive_option() as u8 != 0, format!("{:?}", row.receive_option()));
        let until = row.receive_option_until();
        say(until.is_some(), format!("until {}", until.map(|at| at.to_string()).unwrap_or_default()));
        say(row.membership().is_some(), format!("{:?}", row.membership()));
        say(row.draft().is_some(), format!("draft {:?}", row.draft().map(|draft| draft.text)));
        say(row.read_marker().is_some(), format!("read {:?}", row.read_marker()));
        say(row.last_message_is_older(), "last may be older".to_owned());
        say(row.peer_read_marker().is_some(), format!("peer {:?}", row.peer_read_marker()));
        text.push('\n');
        for message in row.messages(Direction::OldestFirst, None, usize::MAX).messages {
            let _ = write!(text, "  {} {}", message.time(), message.author());
            if message.in_group() {
                let _ = write!(text, " #{}", message.seq());
            }
            let _ = write!(text, " {:?} {:?}", message.kind(), message.text().unwrap_or_default());
            if let Some(version) = message.edit_version() {
                let _ = write!(text, " edited {version}");
            }
            if let Some(recall) = message.recall() {
                let _ = write!(text, " recalled by {} {:?}", recall.by, recall.reason);
            }
            for reaction in message.reactions() {
                let _ = write!(text, " {}{:?}", reaction.name, reaction.users);
            }
            let readers = message.readers();
            if !readers.is_empty() {
                let _ = write!(text, " read by {readers:?}");
            }
            for (flag, name) in [
                (message.is_pinned(), "pinned"),
                (message.is_excluded_from_unread(), "quiet"),
                (message.is_excluded_from_last(), "aside"),
                (message.reply_to().is_some(), "answer"),
            ] {
                if flag {
                    let _ = write!(text, " {name}");
                }
            }
            text.push('\n');
        }
    }
    text
}
