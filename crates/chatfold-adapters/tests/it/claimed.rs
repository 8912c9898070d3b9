//! The number that a server claims is shown until held messages say better.

use chatfold::{Event, Inbox, Policy};
use serde_json::{Value, json};

use crate::story::{Story, adapter, at};

/// What a row says is unread: `37`, or `37+` where there may be more.
fn number(inbox: &Inbox, conversation: &str) -> String {
    let row = inbox.conversation(&conversation.parse().unwrap()).unwrap();
    format!("{}{}", row.unread_count(), if row.unread_is_lower_bound() { "+" } else { "" })
}

#[test]
fn the_claimed_number_is_shown_by_the_payload_that_claims_it() {
    for (system, name, payload, conversation, claimed) in [
        ("slack", "story", 2, "group_C01GENERAL", "4"),
        ("slack", "story", 4, "c2c_U02BOB", "2"),
        ("telegram", "tdlib", 3, "group_-1001234567890", "37"),
        ("telegram", "tdlib", 5, "c2c_5002", "1"),
        ("telegram", "tdlib", 16, "group_-777", "3"),
        ("matrix", "story", 0, "group_!r:hs", "37+"),
        // Nobody counts, and how far it was read is not known.
        ("xmpp", "story", 0, "c2c_romeo@montague.example", "0+"),
    ] {
        let story = Story::read(system, name);
        let (received_at, payload) = &story.payloads[payload];
        let taken = story.adapter.take(payload, *received_at).unwrap();
        let mut inbox = Inbox::new(story.adapter.scope().owner().clone(), Policy::default());
        let events = story.adapter.settle(taken, &inbox);
        inbox.apply_batch(&events);
        assert_eq!(number(&inbox, conversation), claimed, "{system}/{name}: {conversation}");
    }
}

/// A supergroup of Telegram, page by page: the server's number stands while messages are missing, never more than the truth is claimed,
/// and with every page held the number is what the messages say.
#[test]
fn held_messages_say_better_page_by_page() {
    let id = |number: u64| number << 20;
    let message = |number: u64| {
        // Every fifth is the owner's own, and so are none of the server's unread ones.
        let own = number.is_multiple_of(5);
        json!({"id": id(number), "chat_id": -1_000_000_000_005_i64, "date": 1_772_355_000 + number, "is_outgoing": own,
            "sender_id": {"user_id": if own { 4001 } else { 5 }},
            "content": {"@type": "messageText", "text": {"text": format!("m{number}")}}})
    };
    let truth = |read: u64| (read + 1..=60).filter(|number| !number.is_multiple_of(5)).count();
    // The server counts right, too low and too high.
    for wrong_by in [0_i64, -3, 4] {
        let read = 20;
        let telegram = adapter("telegram", "4001", "telegram", &Value::Null);
        let mut inbox = Inbox::new(telegram.scope().owner().clone(), Policy::default());
        let take = |inbox: &mut Inbox, payload: Value| {
            let taken =
                telegram.take(payload.to_string().as_bytes(), at("2026-03-01T09:00:00.000Z")).unwrap();
            assert_eq!(taken.faults, []);
            let events: Vec<Event> = telegram.settle(taken, inbox);
            inbox.apply_batch(&events);
        };
        let claimed = truth(read) as i64 + wrong_by;
        take(
            &mut inbox,
            json!({"@type": "chat", "id": -1_000_000_000_005_i64, "title": "Design", "last_message": message(60),
            "unread_count": claimed, "last_read_inbox_message_id": id(read)}),
        );
        let group = "group_-1000000000005";
        assert_eq!(number(&inbox, group), claimed.to_string(), "one message is held");
        for newest in [60_u64, 50, 40, 30] {
            let page: Vec<Value> = (newest - 10..newest).rev().map(message).collect();
            take(
                &mut inbox,
                json!({"request": {"@type": "getChatHistory", "chat_id": -1_000_000_000_005_i64,
                "from_message_id": id(newest)}, "response": {"messages": page}}),
            );
            let shown = number(&inbox, group);
            if wrong_by == 0 {
                assert_eq!(shown, truth(read).to_string(), "the server was right all along");
            }
        }
        // Everything behind the marker is held: the server's number means nothing any more.
        assert_eq!(number(&inbox, group), truth(read).to_string(), "the server was wrong by {wrong_by}");
    }
}
