//! One difference, and how values are written in it.

use std::fmt;

use crate::model::id::MessageId;

/// A value that two inboxes show differently.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// What it is called, such as `unread_count`.
    pub attribute: &'static str,
    /// What the first inbox shows, readable; `None` where nothing is there.
    pub left: Option<String>,
    /// What the other shows.
    pub right: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |value: &'_ Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        write!(f, "{}: {} | {}", self.attribute, said(&self.left), said(&self.right))
    }
}

/// Gathers the values that differ.
#[derive(Default)]
pub(crate) struct Differences(pub(crate) Vec<Difference>);

impl Differences {
    /// Notes `attribute` where its values differ, which `say` makes readable.
    pub(crate) fn compare<T: PartialEq>(
        &mut self,
        attribute: &'static str,
        (left, right): (T, T),
        say: impl Fn(T) -> Option<String>,
    ) {
        if left != right {
            self.0.push(Difference { attribute, left: say(left), right: say(right) });
        }
    }
}

/// A message that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageDivergence {
    /// The message.
    pub id: MessageId,
    /// What differs; where only one inbox can show it, one difference called `message`.
    pub differences: Vec<Difference>,
}

pub(crate) fn yes(value: bool) -> Option<String> {
    Some(if value { "yes" } else { "no" }.to_owned())
}

pub(crate) fn number(value: u64) -> Option<String> {
    Some(value.to_string())
}

/// What a list holds; nothing of an empty one.
pub(crate) fn some_list(items: Vec<String>) -> Option<String> {
    (!items.is_empty()).then(|| items.join(", "))
}

/// Bytes as text where they are text, else in hexadecimal.
pub(crate) fn bytes(data: &[u8]) -> String {
    match std::str::from_utf8(data) {
        Ok(text) => format!("{text:?}"),
        Err(_) => data.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}
