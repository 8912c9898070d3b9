//! What was merely found is written where it says something new, and what a list no longer names is taken back.

use chatfold::event::ReceiveOption;
use chatfold::{Inbox, Policy};
use serde_json::{Value, json};

use crate::story::{STORIES, Story, adapter, at, shown};

fn take_in(
    adapter: &dyn chatfold_adapters::Adapter,
    inbox: &mut Inbox,
    when: &str,
    payload: &Value,
) -> usize {
    let taken = adapter.take(payload.to_string().as_bytes(), at(when)).unwrap();
    assert_eq!(taken.faults, []);
    let events = adapter.settle(taken, inbox);
    inbox.apply_batch(&events);
    events.len()
}

#[test]
fn what_the_inbox_shows_already_is_not_observed_again() {
    let mut compared = 0;
    for (system, name) in STORIES {
        let story = Story::read(system, name);
        let mut inbox = story.settled();
        let before = shown(&inbox);
        for (received_at, payload) in &story.payloads {
            let taken = story.adapter.take(payload, *received_at).unwrap();
            let (derived, found) = (taken.events.len(), taken.observations.len() + taken.markers.len());
            let claims = taken.claims.len();
            let events = story.adapter.settle(taken, &inbox);
            assert!(events.len() <= derived + claims, "{system}/{name}: {found} were found before");
            inbox.apply_batch(&events);
            compared += found;
        }
        assert_eq!(shown(&inbox), before, "{system}/{name}");
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn a_marker_of_slack_goes_back() {
    let slack = adapter("slack", "U1", "slack/t1", &Value::Null);
    let mut inbox = Inbox::new(slack.scope().owner().clone(), Policy::default());
    for n in 1..=5 {
        let message = json!({"type": "message", "channel": "C1", "user": "U2", "text": "x", "ts": format!("100{n}.000000")});
        take_in(&*slack, &mut inbox, "2026-03-01T09:00:00.000Z", &message);
    }
    let marked = |ts: &str| json!({"type": "channel_marked", "channel": "C1", "ts": ts});
    for (when, ts, unread) in [
        ("2026-03-01T09:00:01.000Z", "1004.000000", 1),
        ("2026-03-01T09:00:02.000Z", "1002.000000", 3),
        ("2026-03-01T09:00:03.000Z", "1000.000000", 5),
        ("2026-03-01T09:00:04.000Z", "1005.000000", 0),
    ] {
        assert_eq!(take_in(&*slack, &mut inbox, when, &marked(ts)), 1);
        assert_eq!(inbox.totals().unread_all, unread, "marked at {ts}");
    }
}

#[test]
fn what_a_whole_list_does_not_name_is_taken_back() {
    let slack = adapter("slack", "U1", "slack/t1", &Value::Null);
    let mut inbox = Inbox::new(slack.scope().owner().clone(), Policy::default());
    let muted = |channels: &str| json!({"type": "pref_change", "name": "muted_channels", "value": channels});
    let option = |inbox: &Inbox, id: &str| inbox.conversation(&id.parse().unwrap()).unwrap().receive_option();
    take_in(&*slack, &mut inbox, "2026-03-01T09:00:01.000Z", &muted("C1,C2"));
    take_in(&*slack, &mut inbox, "2026-03-01T09:00:02.000Z", &muted("C2,C3"));
    let options = ["group_C1", "group_C2", "group_C3"].map(|id| option(&inbox, id));
    let silent = ReceiveOption::NotNotifyExceptAt;
    assert_eq!(options, [ReceiveOption::Receive, silent, silent]);

    let matrix = adapter("matrix", "@a:hs", "matrix", &Value::Null);
    let mut inbox = Inbox::new(matrix.scope().owner().clone(), Policy::default());
    let tags = |names: &[&str]| {
        let tags: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        json!({"next_batch": "s", "rooms": {"join": {"!r:hs": {
            "account_data": {"events": [{"type": "m.tag", "content": {"tags": tags}}]}}}}})
    };
    take_in(&*matrix, &mut inbox, "2026-03-01T09:00:01.000Z", &tags(&["u.Work", "u.Home", "m.favourite"]));
    take_in(&*matrix, &mut inbox, "2026-03-01T09:00:02.000Z", &tags(&["u.Home"]));
    let row = inbox.conversation(&"group_!r:hs".parse().unwrap()).unwrap();
    let folders: Vec<String> = row.folders().into_iter().map(|folder| folder.name).collect();
    assert_eq!((folders, row.is_pinned()), (vec!["Home".to_owned()], false));
}

#[test]
fn who_takes_a_reaction_away_in_xmpp_sends_the_rest() {
    let xmpp = adapter("xmpp", "a@hs", "xmpp", &Value::Null);
    let mut inbox = Inbox::new(xmpp.scope().owner().clone(), Policy::default());
    let room = |id: &str, inner: &str| {
        format!(
            "<message from='r@hs/bob' type='groupchat' id='{id}'>{inner}<stanza-id xmlns='urn:xmpp:sid:0' by='r@hs' id='s{id}'/></message>"
        )
    };
    let reactions = |names: &[&str]| {
        let inner: String = names.iter().map(|name| format!("<reaction>{name}</reaction>")).collect();
        format!("<reactions xmlns='urn:xmpp:reactions:0' id='s1'>{inner}</reactions>")
    };
    let shown = |inbox: &Inbox| -> Vec<String> {
        let row = inbox.conversation(&"group_r@hs".parse().unwrap()).unwrap();
        let page = row.messages(chatfold::view::Direction::OldestFirst, None, 1);
        page.messages[0].reactions().iter().map(|reaction| reaction.name.to_owned()).collect()
    };
    for (when, payload, expected) in [
        ("2026-03-01T09:00:01.000Z", room("1", "<body>x</body>"), vec![]),
        ("2026-03-01T09:00:02.000Z", room("2", &reactions(&["a", "b"])), vec!["a", "b"]),
        ("2026-03-01T09:00:03.000Z", room("3", &reactions(&["b", "c"])), vec!["b", "c"]),
        ("2026-03-01T09:00:04.000Z", room("4", &reactions(&[])), vec![]),
    ] {
        let taken = xmpp.take(payload.as_bytes(), at(when)).unwrap();
        assert_eq!(taken.faults, []);
        let events = xmpp.settle(taken, &inbox);
        inbox.apply_batch(&events);
        assert_eq!(shown(&inbox), expected);
    }
}

/// Who edits a message of another in Matrix, where servers do not check it, edits nothing: whether the message is held or not.
#[test]
fn matrix_edits_count_from_the_author_alone() {
    let matrix = adapter("matrix", "@a:hs", "matrix", &Value::Null);
    let mut inbox = Inbox::new(matrix.scope().owner().clone(), Policy::default());
    let sync = |events: Value| json!({"next_batch": "s", "rooms": {"join": {"!r:hs": {"timeline": {"events": events}}}}});
    let edit = |id: &str, by: &str, text: &str| {
        json!({"type": "m.room.message", "event_id": id, "sender": by, "origin_server_ts": 9, "content": {
            "body": "*", "m.new_content": {"body": text}, "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}}})
    };
    let written = json!({"type": "m.room.message", "event_id": "$1", "sender": "@b:hs", "origin_server_ts": 5,
                         "content": {"body": "hello"}});
    let text = |inbox: &Inbox| {
        let row = inbox.conversation(&"group_!r:hs".parse().unwrap()).unwrap();
        row.last_message().and_then(|last| last.text().map(str::to_owned))
    };
    let when = "2026-03-01T09:00:00.000Z";
    take_in(&*matrix, &mut inbox, when, &sync(json!([edit("$2", "@eve:hs", "early")])));
    take_in(&*matrix, &mut inbox, when, &sync(json!([written])));
    take_in(&*matrix, &mut inbox, when, &sync(json!([edit("$3", "@eve:hs", "late")])));
    assert_eq!(text(&inbox).as_deref(), Some("hello"));
    take_in(&*matrix, &mut inbox, when, &sync(json!([edit("$4", "@b:hs", "hello, all")])));
    assert_eq!(text(&inbox).as_deref(), Some("hello, all"));
}

/// A clock that is ahead does not make a report reach over what comes later.
#[test]
fn a_clock_that_is_ahead_is_not_reported() {
    let matrix = adapter("matrix", "@a:hs", "matrix", &Value::Null);
    let event = |id: &str, ts: i64| json!({"type": "m.room.message", "event_id": id, "sender": "@b:hs", "origin_server_ts": ts, "content": {"body": "x"}});
    let now = at("2026-03-01T09:00:00.000Z");
    let events = [event("$1", now.as_millis() - 5), event("$2", now.as_millis() + 120_001)];
    let payload = json!({"next_batch": "s", "rooms": {"join": {"!r:hs": {"timeline": {"limited": true, "prev_batch": "p", "events": events},
        "unread_notifications": {"notification_count": 7}}}}});
    let taken = matrix.take(payload.to_string().as_bytes(), now).unwrap();
    let through: Vec<i64> = taken
        .events
        .iter()
        .filter_map(|event| match event.body() {
            chatfold::event::Body::Conversation(_, chatfold::event::Fact::UnreadReported(report)) => {
                Some(report.through.first_field())
            }
            _ => None,
        })
        .collect();
    assert_eq!(through, [now.as_millis() - 5]);
}
