//! JIDs and instants.

use chatfold::Timestamp;

/// Returns a JID without its resource.
pub(super) fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or_default()
}

/// Returns the resource of a JID: in a room the nick.
pub(super) fn resource(jid: &str) -> Option<&str> {
    jid.split_once('/').map(|(_, resource)| resource).filter(|resource| !resource.is_empty())
}

/// Returns the instant of a text as XEP-0082 writes it in UTC, with any number of decimals, of which three count.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if decimals.is_empty() || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: String = decimals.chars().chain("00".chars()).take(3).collect();
    format!("{seconds}.{millis}Z").parse().ok()
}
