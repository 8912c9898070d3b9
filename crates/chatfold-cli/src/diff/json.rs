//! What differs, as JSON.

use chatfold::Event;
use chatfold::divergence::Difference;
use serde_json::{Value, json};

use super::found::Found;

/// Everything that differs.
pub fn object(found: &Found<'_>) -> Value {
    let shown = &found.shown;
    let users = shown.users.iter();
    let conversations = shown.conversations.iter();
    json!({
        "same": found.is_empty(),
        "a": found.left.inbox.owner().as_str(),
        "b": found.right.inbox.owner().as_str(),
        "digests": {
            "a": found.left.inbox.digest().to_string(),
            "b": found.right.inbox.digest().to_string(),
        },
        "account": differences(&shown.account),
        "users": users
            .map(|user| json!({"userID": user.user.as_str(), "differences": differences(&user.differences)}))
            .collect::<Vec<_>>(),
        "conversations": conversations
            .map(|differs| {
                let messages = differs.messages.iter();
                json!({
                    "conversationID": differs.id.as_str(),
                    "differences": differences(&differs.differences),
                    "messages": messages
                        .map(|message| {
                            json!({"msgID": message.id.to_string(), "differences": differences(&message.differences)})
                        })
                        .collect::<Vec<_>>(),
                })
            })
            .collect::<Vec<_>>(),
        "lacks": {"a": events(&found.lacked.left), "b": events(&found.lacked.right)},
        "lacksSkippedLines": {"a": found.skipped[0], "b": found.skipped[1]},
    })
}

fn differences(differences: &[Difference]) -> Vec<Value> {
    differences.iter().map(|one| json!({"attribute": one.attribute, "a": one.left, "b": one.right})).collect()
}

fn events(events: &[&Event]) -> Vec<Value> {
    events
        .iter()
        .map(|event| {
            json!({
                "id": event.id().to_string(),
                "at": event.at().to_string(),
                "by": event.by().as_str(),
                "conversation": event.conversation().map(|id| id.as_str()),
                "type": event.type_name(),
            })
        })
        .collect()
}
