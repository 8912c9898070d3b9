//! Where two inboxes differ, in words.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write};

use chatfold::check::Digest;
use chatfold::{ConversationView, Inbox, v2tim};
use serde_json::Value;

use crate::text::{cut, escape};

/// A value of a difference is cut to this many cells.
const MAX_VALUE: usize = 60;

/// What an inbox holds and shows, as hashes: two that show anything else differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    digest: Digest,
    shown: u64,
}

impl Seen {
    /// What this one holds and shows.
    pub fn of(inbox: &Inbox) -> Self {
        let mut shown = Hashed(DefaultHasher::new());
        for row in inbox.known_conversations() {
            (row.id().as_str(), row.is_listed()).hash(&mut shown.0);
            // A hash takes whatever is written to it.
            let _ = serde_json::to_writer(&mut shown, &v2tim::ConversationJson::new(row));
        }
        inbox.conversations().for_each(|row| row.id().as_str().hash(&mut shown.0));
        inbox.totals().hash(&mut shown.0);
        Self { digest: inbox.digest(), shown: shown.0.finish() }
    }
}

/// A hash that bytes are written to.
struct Hashed(DefaultHasher);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What differs between `expected` and `found`; nothing where they are the same inbox.
pub fn difference(expected: &Inbox, found: &Inbox) -> Option<String> {
    let shown = first_shown(expected, found);
    match (expected.digest() == found.digest(), shown) {
        (true, None) => None,
        (true, Some(shown)) => Some(format!("{shown}, although the digests agree")),
        (false, Some(shown)) => Some(format!("digest {}; {shown}", found.digest())),
        (false, None) => Some(format!(
            "digest {}, although nothing shown differs: facts that wait or are masked do",
            found.digest()
        )),
    }
}

/// The first thing shown that differs.
fn first_shown(expected: &Inbox, found: &Inbox) -> Option<String> {
    let (mut left, mut right) = (expected.known_conversations(), found.known_conversations());
    loop {
        match (left.next(), right.next()) {
            (None, None) => break,
            (Some(only), None) => return Some(format!("{} is missing", id(&only))),
            (None, Some(only)) => return Some(format!("{} is there too", id(&only))),
            (Some(one), Some(other)) if one.id() < other.id() => {
                return Some(format!("{} is missing", id(&one)));
            }
            (Some(one), Some(other)) if one.id() > other.id() => {
                return Some(format!("{} is there too", id(&other)));
            }
            (Some(one), Some(other)) => {
                if let Some(difference) = between(&one, &other) {
                    return Some(format!("{}: {difference}", id(&one)));
                }
            }
        }
    }
    let order = |inbox: &Inbox| inbox.conversations().map(|row| row.id().clone()).collect::<Vec<_>>();
    if order(expected) != order(found) {
        return Some("the list is in another order".to_owned());
    }
    let (one, other) = (expected.totals(), found.totals());
    if one != other {
        return Some(format!(
            "totals {}/{}, expected {}/{}",
            other.unread, other.unread_all, one.unread, one.unread_all
        ));
    }
    None
}

fn id(conversation: &ConversationView<'_>) -> String {
    escape(conversation.id().as_str()).into_owned()
}

fn between(one: &ConversationView<'_>, other: &ConversationView<'_>) -> Option<String> {
    if one.is_listed() != other.is_listed() {
        let word = |listed| if listed { "listed" } else { "not listed" };
        return Some(format!("{}, expected {}", word(other.is_listed()), word(one.is_listed())));
    }
    let object = |conversation| match serde_json::to_value(v2tim::ConversationJson::new(conversation)) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (expected, found) = (object(*one), object(*other));
    let (key, value) = expected.iter().find(|(key, value)| found.get(key.as_str()) != Some(value))?;
    let there = found.get(key.as_str()).unwrap_or(&Value::Null);
    Some(format!("{key} is {}, expected {}", short(there), short(value)))
}

fn short(value: &Value) -> String {
    cut(&escape(&value.to_string()), MAX_VALUE, "…").into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test panics")]
mod tests {
    use chatfold::event::Watermark;
    use chatfold::{ConversationId, Envelope, Event, EventId, Message, MessageId, Policy, Timestamp, UserId};

    use super::*;

    fn event(number: u8, by: &str, make: impl FnOnce(Envelope, ConversationId) -> Event) -> Event {
        let at = Timestamp::from_millis(1_000 + i64::from(number)).unwrap();
        let bob = ConversationId::parse("c2c_bob").unwrap();
        make(Envelope::new(EventId::from_bytes([number; 16]), at, UserId::parse(by).unwrap()), bob)
    }

    fn inbox(events: &[&Event]) -> Inbox {
        Inbox::replay(UserId::parse("alice").unwrap(), Policy::default(), events.iter().copied())
    }

    #[test]
    fn what_differs_is_named() {
        let text = |text: &str| Message::text(MessageId::from_bytes([1; 16]), text);
        let hello = event(1, "bob", |by, bob| by.message_received(bob, text("Hi")).unwrap());
        let other = event(1, "bob", |by, bob| by.message_received(bob, text("Ho")).unwrap());
        let pin = event(2, "alice", |by, bob| by.conversation_pinned(bob, true).unwrap());
        let epoch = Watermark::Time(Timestamp::EPOCH);
        let waits = event(3, "alice", |by, bob| by.history_cleared(bob, epoch).unwrap());
        let whole = inbox(&[&hello, &pin]);
        assert_eq!(difference(&whole, &inbox(&[&pin, &hello, &pin])), None);
        assert_eq!(Seen::of(&whole), Seen::of(&inbox(&[&pin, &hello, &pin])));
        for (found, said) in [
            (inbox(&[]), "c2c_bob is missing"),
            (inbox(&[&hello]), "c2c_bob: isPinned is false, expected true"),
            (inbox(&[&pin]), "c2c_bob: lastMessage is null, expected {"),
            (inbox(&[&other, &pin]), "c2c_bob: lastMessage is {"),
            (inbox(&[&hello, &pin, &waits]), "nothing shown differs"),
        ] {
            let difference = difference(&whole, &found).unwrap();
            assert_ne!(Seen::of(&whole), Seen::of(&found), "{said}");
            assert!(difference.contains(said) && difference.contains("digest "), "{said}: {difference}");
        }
        assert!(difference(&inbox(&[]), &whole).unwrap().contains("c2c_bob is there too"));
    }
}
