//! What is found before what it names is held: it waits, once, and shows when the message or folder comes (R03, R14).

use chatfold::event::{Body, Fact, Watermark};
use chatfold::{Event, Inbox, Policy, Timestamp};
use chatfold_adapters::Adapter;
use serde_json::{Value, json};

use crate::story::{STORIES, Story, adapter, at, shown};

fn empty(adapter: &dyn Adapter) -> Inbox {
    Inbox::new(adapter.scope().owner().clone(), Policy::default())
}

/// Takes a payload in as a client does; returns how many events that makes.
fn take_in(adapter: &dyn Adapter, inbox: &mut Inbox, when: Timestamp, payload: &str) -> usize {
    let taken = adapter.take(payload.as_bytes(), when).unwrap();
    assert_eq!(taken.faults, [], "{payload}");
    let events = adapter.settle(taken, inbox);
    inbox.apply_batch(&events);
    events.len()
}

fn is_introduction(event: &Event) -> bool {
    matches!(event.body(), Body::Conversation(_, Fact::MessageReceived(_) | Fact::MessageQueued(_)))
}

/// Every payload of a story settled, first without any message, which all come at the end. Claims are left out, since they count where
/// the message is held, and markers, which go back to messages that are held.
#[test]
fn a_story_whose_messages_come_last_shows_the_same() {
    let mut waited = 0;
    for (system, name) in STORIES {
        let story = Story::read(system, name);
        let [mut in_order, mut late] = [empty(&*story.adapter), empty(&*story.adapter)];
        let mut introductions = Vec::new();
        for mut taken in story.taken() {
            taken.claims.clear();
            taken.markers.clear();
            let mut without = taken.clone();
            introductions.extend(without.events.extract_if(.., |event| is_introduction(event)));
            let events = story.adapter.settle(taken, &in_order);
            in_order.apply_batch(&events);
            let held = late.clone();
            let events = story.adapter.settle(without.clone(), &late);
            late.apply_batch(&events);
            let found = events.iter().filter(|event| without.observations.contains(event));
            waited +=
                found.filter(|event| chatfold::foreign::observe(&held, (*event).clone()).is_none()).count();
            // What waits is not found again.
            without.events.clear();
            assert_eq!(story.adapter.settle(without, &late), [], "{system}/{name}");
        }
        late.apply_batch(&introductions);
        assert_eq!(shown(&late), shown(&in_order), "{system}/{name}");
    }
    assert!(waited >= 2, "{waited}");
}

fn displayed(id: &str) -> String {
    format!(
        "<message from='a@hs'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:mds:displayed:0'>\
         <item id='b@hs'><displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='a@hs' id='{id}'/></displayed></item>\
         </items></event></message>"
    )
}

#[test]
fn what_was_displayed_is_known_before_the_archive() {
    let xmpp = adapter("xmpp", "a@hs", "xmpp", &Value::Null);
    let mut inbox = empty(&*xmpp);
    let when = |second: u8| at(&format!("2026-03-01T09:00:0{second}.000Z"));
    assert_eq!(take_in(&*xmpp, &mut inbox, when(1), &displayed("s1")), 1);
    assert_eq!(take_in(&*xmpp, &mut inbox, when(2), &displayed("s1")), 0, "it waits already");
    assert_eq!(take_in(&*xmpp, &mut inbox, when(3), &displayed("s2")), 1, "that is another");
    let message = |id: &str| {
        format!(
            "<message from='b@hs' type='chat'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='a@hs' id='{id}'/></message>"
        )
    };
    for (second, id, unread) in [(4, "s1", 0), (5, "s2", 0), (6, "s3", 1)] {
        take_in(&*xmpp, &mut inbox, when(second), &message(id));
        assert_eq!(inbox.totals().unread, unread, "{id}");
    }
}

#[test]
fn telegram_says_what_became_of_messages_that_are_not_held() {
    let telegram = adapter("telegram", "4001", "telegram", &Value::Null);
    let mut inbox = empty(&*telegram);
    let update = |kind: &str, rest: Value| {
        let mut update = json!({"@type": kind, "chat_id": 5});
        update.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        update.to_string()
    };
    let when = at("2026-03-01T09:00:01.000Z");
    let later = at("2026-03-01T09:00:02.000Z");
    for update in [
        update("updateChatReadOutbox", json!({"last_read_outbox_message_id": 7_u64 << 20})),
        update("updateDeleteMessages", json!({"is_permanent": true, "message_ids": [8_u64 << 20]})),
    ] {
        assert_eq!(take_in(&*telegram, &mut inbox, when, &update), 1, "{update}");
        assert_eq!(take_in(&*telegram, &mut inbox, later, &update), 0, "{update} waits already");
    }
    let message = |n: u64, own: bool| {
        json!({"@type": "updateNewMessage", "message": {"id": n << 20, "chat_id": 5, "date": n, "is_outgoing": own,
            "sender_id": {"user_id": 5}, "content": {"@type": "messageText", "text": {"text": format!("m{n}")}}}})
        .to_string()
    };
    take_in(&*telegram, &mut inbox, later, &message(7, true));
    take_in(&*telegram, &mut inbox, later, &message(8, false));
    let row = inbox.conversation(&"c2c_5".parse().unwrap()).unwrap();
    let last = row.last_message().unwrap();
    assert_eq!((last.text(), last.is_peer_read(), row.unread_count()), (Some("m7"), true, 0));
}

#[test]
fn a_chat_is_in_a_folder_that_is_told_of_later() {
    let telegram = adapter("telegram", "4001", "telegram", &Value::Null);
    let position = |order: &str| {
        json!({"@type": "updateChatPosition", "chat_id": 5, "position": {"order": order,
            "list": {"@type": "chatListFolder", "chat_folder_id": 3}}})
        .to_string()
    };
    let folders =
        json!({"@type": "updateChatFolders", "chat_folders": [{"id": 3, "title": "Work"}]}).to_string();
    let when = |second: u8| at(&format!("2026-03-01T09:00:0{second}.000Z"));
    for (orders, made, held) in
        [(&["9", "8"][..], [1, 0].as_slice(), &["Work"][..]), (&["9", "0", "0"], &[1, 1, 0], &[])]
    {
        let mut inbox = empty(&*telegram);
        let taken = orders
            .iter()
            .zip(1..)
            .map(|(order, second)| take_in(&*telegram, &mut inbox, when(second), &position(order)));
        assert_eq!(taken.collect::<Vec<_>>(), made);
        take_in(&*telegram, &mut inbox, when(4), &folders);
        let row = inbox.conversation(&"c2c_5".parse().unwrap()).unwrap();
        let names: Vec<String> = row.folders().into_iter().map(|folder| folder.name).collect();
        assert_eq!(names, held, "{orders:?}");
    }
}

#[test]
fn matrix_was_read_up_to_a_message_that_a_page_brings() {
    let matrix = adapter("matrix", "@a:hs", "matrix", &Value::Null);
    let mut inbox = empty(&*matrix);
    let event = |n: i64| json!({"type": "m.room.message", "event_id": format!("${n}"), "sender": "@b:hs", "origin_server_ts": n, "content": {"body": "x"}});
    let sync = |room: Value| json!({"next_batch": "s", "rooms": {"join": {"!r:hs": room}}}).to_string();
    let read =
        sync(json!({"account_data": {"events": [{"type": "m.fully_read", "content": {"event_id": "$3"}}]}}));
    let limited = sync(json!({"timeline": {"limited": true, "prev_batch": "p", "events": [event(5)]}}));
    let page =
        json!({"room_id": "!r:hs", "through": 5, "response": {"chunk": [event(4), event(3), event(2)]}});
    let made = [read.clone(), read, limited, page.to_string()]
        .map(|payload| take_in(&*matrix, &mut inbox, at("2026-03-01T09:00:01.000Z"), &payload));
    assert_eq!(made[..2], [1, 0]);
    let row = inbox.conversation(&"group_!r:hs".parse().unwrap()).unwrap();
    assert_eq!(row.read_marker(), Some(Watermark::Seq(3)));
}

/// A draft is told with its second, in which it was cleared before.
#[test]
fn a_draft_is_written_anew_in_the_second_in_which_it_was_cleared() {
    let telegram = |text: Option<&str>| {
        let draft =
            text.map(|text| json!({"date": 1_772_355_600, "input_message_text": {"text": {"text": text}}}));
        json!({"@type": "updateChatDraftMessage", "chat_id": 5, "draft_message": draft})
    };
    let v2tim = |text: Option<&str>| {
        let draft = text.map(|text| {
            json!({"draft_edit_time": 1_772_355_600, "draft_msg": {"message_elem_array": [{"elem_type": 0, "text_elem_content": text}]}})
        });
        json!({"callback": "onConversationChanged", "args": [[{"conv_id": "5", "conv_type": 1, "conv_is_has_draft": text.is_some(),
            "conv_draft": draft}]]})
    };
    type Draft = fn(Option<&str>) -> Value;
    let systems: [(&str, Draft); 2] = [("telegram", telegram), ("v2tim", v2tim)];
    for (system, payload) in systems {
        let adapter = adapter(system, "4001", system, &Value::Null);
        let mut inbox = empty(&*adapter);
        let mut take = |when: &str, text: Option<&str>| {
            let made = take_in(&*adapter, &mut inbox, at(when), &payload(text).to_string());
            let row = inbox.conversation(&"c2c_5".parse().unwrap()).unwrap();
            (made, row.draft().map(|draft| draft.text.to_owned()))
        };
        let draft = |text: &str| Some(text.to_owned());
        assert_eq!(take("2026-03-01T09:00:00.200Z", Some("one")), (1, draft("one")), "{system}");
        assert_eq!(take("2026-03-01T09:00:00.400Z", None), (1, None), "{system}");
        assert_eq!(take("2026-03-01T09:00:00.700Z", Some("two")), (2, draft("two")), "{system}");
        // The same again is nothing new but the event, which is the same.
        assert_eq!(take("2026-03-01T09:00:05.000Z", Some("two")), (1, draft("two")), "{system}");
        assert_eq!(take("2026-03-01T09:00:00.200Z", Some("one")), (1, draft("two")), "{system}: it is older");
    }
}

/// What is left of being muted is told in whole seconds, a little later each time.
#[test]
fn the_end_of_being_muted_is_one_within_a_second() {
    let telegram = adapter("telegram", "4001", "telegram", &Value::Null);
    let mut inbox = empty(&*telegram);
    let muted = |seconds: u64| {
        json!({"@type": "updateChatNotificationSettings", "chat_id": 5, "notification_settings": {"mute_for": seconds}})
            .to_string()
    };
    for (when, seconds, made) in [
        ("2026-03-01T09:00:00.000Z", 3_600, 1),
        ("2026-03-01T09:00:00.123Z", 3_600, 0),
        ("2026-03-01T09:10:00.900Z", 3_000, 0),
        ("2026-03-01T09:10:00.900Z", 3_002, 1),
    ] {
        assert_eq!(take_in(&*telegram, &mut inbox, at(when), &muted(seconds)), made, "{when}");
    }
}
