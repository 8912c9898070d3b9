//! Elements of a stanza: their names, namespaces, attributes and texts.

use chatfold::Timestamp;
use serde_json::Value;

use super::jid::{bare, instant};
use crate::fault::Fault;
use crate::json::At;

/// Whether the element has this name, and this namespace if one is given.
pub(super) fn is(at: &At<'_, '_>, name: &str, namespace: &str) -> bool {
    at.is("name", name)
        && (namespace.is_empty() || at.get("attrs").is_some_and(|attrs| attrs.is("xmlns", namespace)))
}

/// Returns the first element of this name and namespace in the element.
pub(super) fn child<'v, 'q>(at: &'q At<'v, '_>, name: &str, namespace: &str) -> Option<At<'v, 'q>> {
    at.children().find(|child| is(child, name, namespace))
}

/// Returns the text of an attribute, if it is there.
pub(super) fn attribute<'v>(at: &At<'v, '_>, key: &str) -> Result<Option<&'v str>, Fault> {
    match at.get("attrs") {
        Some(attrs) => attrs.text_if(key),
        None => Ok(None),
    }
}

/// Returns the text of an attribute.
pub(super) fn needed<'v>(at: &At<'v, '_>, key: &str) -> Result<&'v str, Fault> {
    at.need("attrs")?.text(key)
}

/// Returns the texts of an element, without those of elements in it.
pub(super) fn text(at: &At<'_, '_>) -> String {
    at.children().filter_map(|child| child.value().as_str()).collect()
}

/// Returns the text of the first element of this name, of any namespace.
pub(super) fn child_text(at: &At<'_, '_>, name: &str) -> Option<String> {
    child(at, name, "").map(|found| text(&found)).filter(|text| !text.is_empty())
}

/// Returns the instant of a `delay` (XEP-0203) in the element, whoever says it, if there is one.
pub(super) fn delay(at: &At<'_, '_>) -> Result<Option<Timestamp>, Fault> {
    child(at, "delay", "urn:xmpp:delay").map(|delay| stamp(&delay)).transpose()
}

/// Returns the instant of the first `delay` in the element that one of these says, if there is one: what others say of it is no fault.
pub(super) fn delay_by(at: &At<'_, '_>, whom: &[&str]) -> Result<Option<Timestamp>, Fault> {
    for delay in at.children().filter(|child| is(child, "delay", "urn:xmpp:delay")) {
        if attribute(&delay, "from")?.is_some_and(|from| whom.contains(&bare(from))) {
            return stamp(&delay).map(Some);
        }
    }
    Ok(None)
}

/// Returns the instant that the attribute `stamp` of the element says.
pub(super) fn stamp(at: &At<'_, '_>) -> Result<Timestamp, Fault> {
    let stamp = needed(at, "stamp")?;
    let expected = "a stamp such as 2026-03-01T09:00:00Z in the attribute stamp";
    instant(stamp).ok_or_else(|| at.refused(expected, crate::fault::in_words(&Value::from(stamp))))
}
