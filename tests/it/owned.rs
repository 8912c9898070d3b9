//! Owned forms: they have every field of what they are made of, and survive a round trip through JSON.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;

use chatfold::live::{ListView, LiveInbox, Window};
use chatfold::view::{Direction, MessageCursor};
use chatfold::{ConversationView, Filter, Inbox, owned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::harness::{MIX, cases, ensure, hold, replay};
use crate::histories::{History, Rng};
use crate::house::{root, sources};
use crate::mirror::batches;
use crate::pages::any_filter;
use crate::rules::notation::{OWNER, conversation, given, user};

/// The inbox of a log in the notation of the rules.
fn inbox(log: &str) -> Inbox {
    let given = given(log);
    Inbox::replay(user(OWNER), given.policy, &given.events)
}

/// The names of the methods that take nothing but `&self` in every `impl` of a view.
fn accessors(view: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in sources(&root().join("src/inbox/views")) {
        let text = fs::read_to_string(path).unwrap();
        for block in text.split("\nimpl").skip(1) {
            let body = block.split("\n}").next().unwrap();
            if !body.lines().next().unwrap().contains(&format!("{view}<")) {
                continue;
            }
            let signatures = body.split("\n    pub fn ").skip(1);
            let names = signatures.filter_map(|rest| rest.split_once("(&self)")).map(|(name, _)| name);
            found.extend(names.filter(|name| !name.contains('(')).map(str::to_owned));
        }
    }
    found
}

/// The fields of a struct as serde names them.
fn fields(form: &impl Serialize) -> BTreeSet<String> {
    let value = serde_json::to_value(form).unwrap();
    value.as_object().unwrap().keys().map(|key| key.trim_end_matches("_ms").to_owned()).collect()
}

#[test]
fn a_form_has_every_field_of_its_view() {
    let inbox = inbox("1 bob in c2c_bob: received m1 'a'");
    let row = inbox.conversation(&conversation("c2c_bob")).unwrap();
    let message = row.last_message().unwrap();
    // What is no value of its own: the messages that count are read as messages, see `first_unread`.
    let mut views = accessors("ConversationView");
    assert!(views.remove("unread"), "{views:?}");
    assert_eq!(fields(&owned::Conversation::from(row)), views);
    let views = accessors("MessageView");
    assert!(views.len() > 30, "the views are read: {views:?}");
    assert_eq!(fields(&owned::Message::from(message)), views);
}

#[track_caller]
fn again<T: Serialize + DeserializeOwned + PartialEq + Debug>(form: &T) -> Result<(), String> {
    let text = serde_json::to_string(form).unwrap();
    let read: T = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    ensure(read == *form, || format!("written {form:?}, read {read:?}"))
}

/// The list and a history page by page, each cursor through JSON.
fn pages(inbox: &Inbox, filter: &Filter) -> Result<(), String> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = owned::ListPage::from(&inbox.page(filter, after.as_ref(), 2));
        again(&page)?;
        rows.extend(page.conversations);
        let Some(next) = page.next else { break };
        after = Some(next.try_into().map_err(|error| format!("{error}"))?);
    }
    let whole = owned::ListPage::from(&inbox.page(filter, None, usize::MAX)).conversations;
    ensure(rows == whole, || "pages differ from the list".to_owned())
}

fn messages(row: ConversationView<'_>) -> Result<(), String> {
    let (mut messages, mut from) = (Vec::new(), None::<MessageCursor>);
    loop {
        let page = owned::MessagePage::from(&row.messages(Direction::OldestFirst, from.as_ref(), 3));
        again(&page)?;
        messages.extend(page.messages);
        let Some(next) = page.next else { break };
        from = Some(next.try_into().map_err(|error| format!("{error}"))?);
    }
    let whole = row.messages(Direction::OldestFirst, None, usize::MAX);
    ensure(messages == owned::MessagePage::from(&whole).messages, || {
        "pages differ from the history".to_owned()
    })
}

/// Holds values of a form against the methods of the same names.
macro_rules! same {
    ($form:expr, $view:expr; $($name:ident),+ $(,)?) => {
        $(
            let (form, view) = (&$form[stringify!($name)], json!($view.$name()));
            ensure(*form == view, || format!("{}: {form}, the view shows {view}", stringify!($name)))?;
        )+
    };
}

fn values_of_row(row: ConversationView<'_>) -> Result<(), String> {
    let form = serde_json::to_value(owned::Conversation::from(row)).unwrap();
    same!(
        form, row;
        is_listed, show_name, face_url, unread_count, mention_count, is_pinned, is_archived, stays_archived,
        custom_data, order_key, waiting_events,
    );
    let times = [Some(row.activity()), row.receive_option_until(), row.peer_read_marker()];
    let told =
        ["activity_ms", "receive_option_until_ms", "peer_read_marker_ms"].map(|key| form[key].as_i64());
    ensure(told == times.map(|time| time.map(|time| time.as_millis())), || {
        format!("{told:?} for {times:?}")
    })?;
    for message in row.messages(Direction::OldestFirst, None, usize::MAX).messages {
        let form = serde_json::to_value(owned::Message::from(message)).unwrap();
        same!(
            form, message;
            is_own, seq, rank, text, custom, cloud_custom, edit_version, failure_reason, is_read, is_read_by_name,
            is_peer_read, read_count, unread_receipts, members, is_pinned, is_online_only, is_excluded_from_unread,
            is_excluded_from_last, need_receipt, supports_extensions, counts_as_unread, nickname, remark, face_url,
            in_group,
        );
        let users =
            |users: &[chatfold::UserId]| json!(users.iter().map(|user| user.as_str()).collect::<Vec<_>>());
        let readers: Vec<_> = message.readers().into_iter().cloned().collect();
        let texts = [
            ("id", json!(message.id().to_string())),
            ("author", json!(message.author().as_str())),
            ("event", json!(message.event().to_string())),
            ("time_ms", json!(message.time().as_millis())),
            ("reply_to", json!(message.reply_to().map(|id| id.to_string()))),
            ("recipients", users(&message.recipients())),
            ("readers", users(&readers)),
        ];
        for (key, view) in texts {
            ensure(form[key] == view, || format!("{key}: {}, the view shows {view}", form[key]))?;
        }
    }
    Ok(())
}

fn forms(history: &History) -> Result<(), String> {
    let mut rng = Rng::new(history.seed ^ 0x0_0ed);
    let mut live = LiveInbox::new(Inbox::new(history.owner.clone(), history.policy));
    let filter = any_filter(&mut rng);
    again(&owned::Filter::from(&filter))?;
    let back = Filter::try_from(&owned::Filter::from(&filter)).map_err(|error| format!("{error}"))?;
    ensure(back == filter, || format!("{filter:?} came back as {back:?}"))?;
    live.subscribe(filter);
    let mut view = ListView::new(live.inbox(), filter, Window::First(3));
    for batch in batches(&history.events, 40) {
        for notice in live.apply(batch) {
            again(&owned::Notice::from(&notice))?;
            if let chatfold::live::Notice::Changed(changes) = &notice {
                for step in view.follow(live.inbox(), changes) {
                    again(&owned::ListDiff::from(&step))?;
                }
            }
        }
    }
    let inbox = replay(history, &history.events);
    pages(&inbox, &filter)?;
    for row in inbox.known_conversations() {
        again(&owned::Conversation::from(row))?;
        messages(row)?;
        values_of_row(row)?;
        let why = inbox.explain(row.id()).ok_or("a known conversation without reasons")?;
        again(&owned::Explanation::from(&why))?;
    }
    Ok(())
}

#[test]
fn forms_survive_a_round_trip() {
    hold("owned forms", MIX, cases(60), &forms);
}

/// Every value is another, so that none can stand in another's place.
#[test]
fn a_row_and_its_last_message_as_json() {
    let mut inbox = inbox(
        "1 bob in group_dev: received m1 #7 'first'
        2 bob in group_dev: received m2 #8 'second' @me
        3 me in group_dev: draft 'half'
        4 me in group_dev: pinned
        5 me in group_dev: marked 1",
    );
    let changes = inbox.apply_batch(&given("6~z me in group_dev: read #7").events);
    let row = inbox.conversation(&conversation("group_dev")).unwrap();
    let form = serde_json::to_value(owned::Conversation::from(row)).unwrap();
    let of = |keys: &[&str]| keys.iter().map(|key| form[*key].clone()).collect::<Vec<_>>();
    assert_eq!(of(&["id", "kind", "show_name"]), [json!("group_dev"), json!("group"), json!("dev")]);
    assert_eq!(of(&["unread_count", "mention_count"]), [json!(1), json!(1)]);
    assert_eq!(of(&["is_listed", "is_pinned", "is_archived"]), [json!(true), json!(true), json!(false)]);
    assert_eq!(of(&["read_marker", "marks"]), [json!({"seq": 7}), json!([1])]);
    assert_eq!(form["draft"]["text"], "half");
    assert_eq!(form["mentions"][0]["kind"], "me");
    let last = &form["last_message"];
    assert_eq!((&last["text"], &last["author"], &last["seq"]), (&json!("second"), &json!("bob"), &json!(8)));
    assert_eq!(
        (&last["time_ms"], &last["status"], &last["is_read"]),
        (&json!(2000), &json!("sent"), &json!(false))
    );
    assert_eq!(form["first_unread"]["message"], last["id"]);
    assert_eq!(form["activity_ms"], 3000);
    let told = serde_json::to_value(owned::ChangeSet::from(&changes)).unwrap();
    let change = &told["conversations"][0];
    assert_eq!((&change["id"], &change["kind"]), (&json!("group_dev"), &json!("changed")));
    assert_eq!(change["attributes"], json!(["unread_count", "read_marker"]));
    assert_eq!(
        (&told["totals"]["before"]["unread"], &told["totals"]["after"]["unread"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        told["revisions"]["after"].as_u64(),
        told["revisions"]["before"].as_u64().map(|before| before + 1)
    );
}

#[test]
fn what_comes_from_outside_is_judged() {
    let cursor: owned::ListCursor = serde_json::from_value(json!({"order_key": 1, "id": "dev"})).unwrap();
    assert!(chatfold::list::ListCursor::try_from(cursor).is_err(), "no id of a conversation");
    let cursor = json!({"first": 1, "rank": 0, "second": 2, "id": "x"});
    let cursor: owned::MessageCursor = serde_json::from_value(cursor).unwrap();
    assert!(MessageCursor::try_from(cursor).is_err(), "no id of a message");
    let filter = |filter| serde_json::from_value::<owned::Filter>(filter).unwrap();
    assert_eq!(Filter::try_from(&filter(json!({}))), Ok(Filter::default()));
    let unread = filter(json!({"has_unread": true, "mark": {"with": 8}}));
    assert!(Filter::try_from(&unread).unwrap().has_unread);
    let marks = filter(json!({"mark": {"with": 3}}));
    assert_eq!(Filter::try_from(&marks), Err(owned::FilterError::Mark { bits: 3 }));
    assert!(Filter::try_from(&filter(json!({"folder": {"in": "work"}}))).is_err(), "no id of a folder");
}
