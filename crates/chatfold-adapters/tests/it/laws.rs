//! Payloads in any order, twice, one by one or together, give one inbox.

use chatfold::event::{Body, Fact};
use chatfold::testing::Random;
use chatfold::{Event, Inbox, Policy};

use serde_json::{Value, json};

use crate::story::{STORIES, Story, adapter, at, folded, shown};

/// In how many orders each story is told.
const ORDERS: u64 = 60;

#[test]
fn a_story_shows_what_it_says() {
    for (system, name) in STORIES {
        let story = Story::read(system, name);
        for (taken, (_, payload)) in story.taken().iter().zip(&story.payloads) {
            assert_eq!(taken.faults, [], "{system}/{name}: {}", String::from_utf8_lossy(payload));
        }
        let shown = shown(&story.settled());
        assert_eq!(shown, story.expected, "{system}/{name} shows\n{shown}");
    }
}

#[test]
fn payloads_in_any_order_and_twice_give_one_inbox() {
    for (system, name) in STORIES {
        let story = Story::read(system, name);
        let whole = folded(&*story.adapter, &story.events());
        let mut random = Random::new(0x5eed);
        let mut orders = 0;
        for round in 0..ORDERS {
            let mut payloads: Vec<usize> = (0..story.payloads.len()).collect();
            // A third of them comes twice.
            let again: Vec<usize> = payloads.iter().copied().filter(|_| random.below(3) == 0).collect();
            payloads.extend(again);
            for at in (1..payloads.len()).rev() {
                payloads.swap(at, random.below(at as u64 + 1) as usize);
            }
            orders += u64::from(!payloads.is_sorted());
            let mut inbox = Inbox::new(story.adapter.scope().owner().clone(), Policy::default());
            for index in payloads {
                let (at, payload) = &story.payloads[index];
                let taken = story.adapter.take(payload, *at).unwrap();
                let events: Vec<&Event> = taken.all().collect();
                inbox.apply_batch(events);
            }
            assert_eq!(shown(&inbox), shown(&whole), "{system}/{name}, order {round}");
            assert_eq!(inbox.digest(), whole.digest(), "{system}/{name}, order {round}");
        }
        assert!(orders > ORDERS / 2, "other orders than the first were tried");
    }
}

/// What the server said is the same event whenever and wherever it is heard; only what was found has the instant of finding it.
#[test]
fn what_a_server_said_is_one_event_whenever_it_is_heard() {
    let mut compared = 0;
    for (system, name) in STORIES {
        let story = Story::read(system, name);
        for (at, payload) in &story.payloads {
            let later = chatfold::Timestamp::from_millis(at.as_millis() + 3_600_000).unwrap();
            let (first, again) =
                (story.adapter.take(payload, *at).unwrap(), story.adapter.take(payload, later).unwrap());
            let derived = |events: &[Event]| -> Vec<Event> {
                // Of these the server says no instant: when the payload came is theirs, and part of their id.
                let found = |event: &&Event| event.at() == *at || event.at() == later;
                events.iter().filter(|event| !found(event)).cloned().collect()
            };
            assert_eq!(derived(&first.events), derived(&again.events), "{system}/{name}");
            assert_eq!(first.claims, again.claims, "{system}/{name}");
            compared += derived(&first.events).len();
            let own = |events: &[Event]| events.iter().all(|event| event.at() == *at);
            assert!(own(&first.observations) && own(&first.markers), "{system}/{name}: found at {at}");
            for (one, other) in first.observations.iter().zip(&again.observations) {
                assert_ne!(one.id(), other.id(), "two observations are two facts");
            }
        }
    }
    assert!(compared > 60, "{compared} events were compared");
}

/// Two events of one id are one event: nothing that was made under one id differs (R07, R114).
#[test]
fn no_id_has_two_contents() {
    for (system, name) in STORIES {
        let story = Story::read(system, name);
        let mut events = story.events();
        events.sort_by_key(Event::id);
        for pair in events.windows(2) {
            assert!(pair[0].id() != pair[1].id() || pair[0] == pair[1], "{system}/{name}: {pair:#?}");
        }
    }
}

/// What the reports claim, as `conversation: through unread mentions at_least`.
fn claims(story: &Story) -> Vec<String> {
    let mut claims = Vec::new();
    for event in story.events() {
        if let Body::Conversation(conversation, Fact::UnreadReported(report)) = event.body() {
            let (through, unread) = (report.through.first_field(), report.unread);
            let floor = if report.at_least { "+" } else { "" };
            let mentions = match &report.mentions {
                Some(chatfold::event::ReportedMentions::Count(count)) => format!(", {count} mentions"),
                _ => String::new(),
            };
            claims.push(format!("{conversation}: {unread}{floor} up to {through}{mentions}"));
        }
    }
    claims
}

#[test]
fn the_number_that_a_server_claims_is_reported() {
    let of = |system, name| claims(&Story::read(system, name));
    assert_eq!(
        of("slack", "story"),
        ["group_C01GENERAL: 4 up to 1772355500000", "c2c_U02BOB: 2 up to 1772355600000"]
    );
    assert_eq!(
        of("telegram", "tdlib"),
        [
            "group_-1001234567890: 37 up to 300, 2 mentions",
            "c2c_5002: 1 up to 1772355550000",
            "group_-777: 3 up to 1772355640000, 0 mentions"
        ]
    );
    assert_eq!(of("matrix", "story"), ["group_!r:hs: 37+ up to 1772355530000, 2 mentions"]);
    assert_eq!(of("xmpp", "story"), ["c2c_romeo@montague.example: 0+ up to 1772352060000"]);
}

/// One device heard of a message as it was written, another only once it was changed: what they introduce are two facts, and which came
/// first does not show.
#[test]
fn a_message_heard_of_before_and_after_its_edit_is_one_message() {
    let slack = |edited: Value| {
        let text = if edited.is_null() { "one" } else { "two" };
        json!({"type": "message", "channel": "C1", "user": "U2", "ts": "1.000000", "text": text, "edited": edited})
    };
    let bot = |edited: Value| {
        let text = if edited.is_null() { "one" } else { "two" };
        json!({"update_id": 1, "message": {"message_id": 7, "date": 1, "edit_date": edited, "text": text,
            "chat": {"id": 5}, "from": {"id": 5}}})
    };
    let tdlib = |edited: Value| {
        let text = if edited.is_null() { "one" } else { "two" };
        json!({"@type": "updateNewMessage", "message": {"id": 7 << 20, "chat_id": 5, "date": 1, "edit_date": edited,
            "sender_id": {"user_id": 5}, "content": {"@type": "messageText", "text": {"text": text}}}})
    };
    let matrix = |redacted: Value| {
        let content = if redacted.is_null() { json!({"body": "one"}) } else { json!({}) };
        json!({"next_batch": "s", "rooms": {"join": {"!r:hs": {"timeline": {"events": [
            {"type": "m.room.message", "event_id": "$1", "sender": "@b:hs", "origin_server_ts": 1,
             "content": content, "unsigned": {"redacted_because": redacted}}]}}}}})
    };
    let because = json!({"sender": "@b:hs", "origin_server_ts": 2, "content": {}});
    for (system, owner, network, payloads, text) in [
        (
            "slack",
            "U1",
            "slack/t1",
            [slack(Value::Null), slack(json!({"user": "U2", "ts": "2.000000"}))],
            "two",
        ),
        ("telegram", "4001", "telegram", [bot(Value::Null), bot(json!(2))], "two"),
        ("telegram", "4001", "telegram", [tdlib(Value::Null), tdlib(json!(2))], "two"),
        ("matrix", "@a:hs", "matrix", [matrix(Value::Null), matrix(because)], ""),
    ] {
        let adapter = adapter(system, owner, network, &Value::Null);
        let take = |payload: &Value| {
            let taken = adapter.take(payload.to_string().as_bytes(), at("2026-03-01T09:00:00.000Z")).unwrap();
            assert_eq!(taken.faults, [], "{system}");
            taken.events
        };
        let [before, after] = [take(&payloads[0]), take(&payloads[1])];
        let mut ids: Vec<_> = before.iter().chain(&after).map(Event::id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{system}: two introductions and a change");
        let inboxes = [[&before, &after], [&after, &before]]
            .map(|order| folded(&*adapter, order.into_iter().flatten()));
        for inbox in &inboxes {
            let row = inbox.conversations().next().unwrap();
            let last = row.last_message().and_then(|last| last.text().map(str::to_owned));
            assert_eq!(
                (row.unread_count(), last.unwrap_or_default().as_str()),
                (u64::from(!text.is_empty()), text),
                "{system}"
            );
        }
        assert_eq!(inboxes[0].digest(), inboxes[1].digest(), "{system}");
        assert_eq!(
            shown(&inboxes[0]),
            shown(&folded(&*adapter, &after)),
            "{system}: what came before adds nothing"
        );
    }
}
