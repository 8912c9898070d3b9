//! Elements of a stanza: their names, namespaces, attributes and texts.

use chatfold::Timestamp;
use serde_json::Value;

use super::jid::instant;
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

/// Returns the instant of a `delay` (XEP-0203) in the element, if there is one.
pub(super) fn delay(at: &At<'_, '_>) -> Result<Option<Timestamp>, Fault> {
    let Some(delay) = child(at, "delay", "urn:xmpp:delay") else { return Ok(None) };
    let stamp = needed(&delay, "stamp")?;
    let found = Value::from(stamp);
    let time = instant(stamp).ok_or_else(|| {
        delay.refused(
            "a stamp such as 2026-03-01T09:00:00Z in the attribute stamp",
            crate::fault::in_words(&found),
        )
    })?;
    Ok(Some(time))
}
