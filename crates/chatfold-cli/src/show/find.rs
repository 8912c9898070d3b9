//! From what a person typed to a conversation.

use chatfold::{ConversationView, Inbox};

use crate::failure::Failure;
use crate::words;

/// How alike a name has to be to be suggested, from 0 to 1.
const LIKENESS: f64 = 0.72;

/// How many names are suggested.
const MAX_SUGGESTIONS: usize = 3;

/// The conversation with this id; else the only one whose user id, group id or shown name it is.
pub fn find<'a>(inbox: &'a Inbox, wanted: &str) -> Result<ConversationView<'a>, Failure> {
    if let Some(found) = wanted.parse().ok().and_then(|id| inbox.conversation(&id)) {
        return Ok(found);
    }
    let mut called = inbox
        .known_conversations()
        .filter(|conversation| conversation.id().target() == wanted || conversation.show_name() == wanted);
    match (called.next(), called.next()) {
        (Some(found), None) => Ok(found),
        (Some(one), Some(other)) => {
            let mut ids = vec![one, other];
            ids.extend(called);
            let ids: Vec<String> = ids.iter().map(|found| found.id().to_string()).collect();
            Err(Failure::NotFound(format!(
                "more than one conversation is called {wanted:?}: give its id, one of {}",
                ids.join(", ")
            )))
        }
        (None, _) => {
            Err(Failure::NotFound(format!("no conversation {wanted:?}{}", suggestions(inbox, wanted))))
        }
    }
}

/// `; did you mean …?`, or nothing.
fn suggestions(inbox: &Inbox, wanted: &str) -> String {
    // The prefixes of ids are alike, whatever stands behind them.
    let bare = ["c2c_", "group_"].into_iter().find_map(|prefix| wanted.strip_prefix(prefix));
    let wanted = bare.unwrap_or(wanted).to_lowercase();
    // One slip of the finger is near however short the name is.
    let likeness = |name: &str| match name.to_lowercase() {
        name if strsim::osa_distance(&wanted, &name) <= 1 => 1.0,
        name => strsim::jaro_winkler(&wanted, &name),
    };
    let mut near: Vec<(f64, ConversationView<'_>)> = inbox
        .known_conversations()
        .map(|found| {
            let names = [found.id().target(), found.show_name()];
            (names.into_iter().map(likeness).fold(0.0, f64::max), found)
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .collect();
    // Best first; the ids come in order, and the sort keeps it among equals.
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let names: Vec<String> = near.iter().take(MAX_SUGGESTIONS).map(|(_, found)| name_both(found)).collect();
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(" or ")) }
}

fn name_both(found: &ConversationView<'_>) -> String {
    let name = words::name(found);
    if name == found.id().target() { found.id().to_string() } else { format!("{} ({name})", found.id()) }
}
