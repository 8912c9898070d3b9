//! The server as its clients meet it: over HTTP and WebSocket, on a PostgreSQL that the tests start themselves.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use chatfold_server::client::{Client, Live};
use chatfold_server::shown::{Changed, Frame, List, Row, Totals};
use chatfold_server::{Chat, PasswordCost, Settings};
use postgres_scratch::Server;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use uuid::Uuid;

/// A server over a database, and its address.
async fn begin(database: &Server) -> SocketAddr {
    begin_with(database, |_| ()).await.0
}

/// The same with other settings, and the server itself.
async fn begin_with(database: &Server, set: impl FnOnce(&mut Settings)) -> (SocketAddr, Chat) {
    let mut settings = Settings::new(b"a secret of the tests".to_vec());
    settings.passwords = PasswordCost::Least;
    set(&mut settings);
    let chat = Chat::open(&database.config().parse().unwrap(), settings).await.unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (keeping, serving) = (chat.clone(), chat.router());
    tokio::spawn(async move { keeping.keep_up().await });
    tokio::spawn(async move { axum::serve(listener, serving).await });
    (address, chat)
}

/// Somebody who is signed in.
struct Person {
    client: Client,
    token: String,
}

impl Person {
    async fn new(at: SocketAddr, name: &str) -> Self {
        let client = Client::new(at);
        let body = json!({ "user": name, "password": format!("{name}'s password") });
        let token = client.post("/accounts", "", &body).await.unwrap()["token"].as_str().unwrap().to_owned();
        Self { client, token }
    }

    /// The same person on another server.
    fn at(&self, at: SocketAddr) -> Self {
        Self { client: Client::new(at), token: self.token.clone() }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let (status, answer) = self.client.ask(method, path, (&self.token, None), &body).await.unwrap();
        (status.as_u16(), answer)
    }

    async fn done(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    async fn refused(&self, method: Method, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.ask(method, path, body).await;
        assert!(answer["what"].as_str().is_some_and(|what| !what.is_empty()), "{path}: {status} {answer}");
        (status, answer["error"].as_str().unwrap().to_owned())
    }

    /// Makes a group and returns its conversation's path.
    async fn group(&self, members: &[&str]) -> String {
        let made = self.done(Method::POST, "/groups", json!({ "name": "Team", "members": members })).await;
        format!("/conversations/{}", made["conversation"].as_str().unwrap())
    }

    async fn say(&self, conversation: &str, text: &str) -> String {
        let id = Uuid::new_v4().to_string();
        let body = json!({ "id": id, "text": text });
        self.done(Method::POST, &format!("{conversation}/messages"), body).await;
        id
    }

    async fn row(&self, conversation: &str) -> Row {
        serde_json::from_value(self.done(Method::GET, conversation, Value::Null).await).unwrap()
    }

    async fn list(&self, query: &str) -> List {
        let answer = self.done(Method::GET, &format!("/conversations{query}"), Value::Null).await;
        serde_json::from_value(answer).unwrap()
    }

    async fn live(&self) -> (Live, List) {
        let mut live = self.client.live(&self.token).await.unwrap();
        match live.next().await.unwrap() {
            Frame::List(list) => (live, list),
            other => panic!("{other:?}"),
        }
    }
}

/// What is told until something holds of it, together.
async fn told(live: &mut Live, holds: impl Fn(&Changed, Totals) -> bool) -> (Changed, Totals) {
    let until = async {
        loop {
            if let Frame::Changed { changed, totals, .. } = live.next().await.unwrap()
                && let Some(found) = changed.into_iter().find(|changed| holds(changed, totals))
            {
                return (found, totals);
            }
        }
    };
    timeout(Duration::from_secs(20), until).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_connected_hears_of_messages_reads_pins_and_drafts() {
    let Some(database) = postgres_scratch::server() else { return };
    let at = begin(&database).await;
    let [alice, bob] = [Person::new(at, "alice").await, Person::new(at, "bob").await];
    bob.done(Method::PUT, "/profile", json!({ "nickname": "Bob" })).await;
    let team = alice.group(&["bob"]).await;
    let (mut live, list) = alice.live().await;
    assert_eq!((list.rows.len(), list.rows[0].name.as_str(), list.totals.unread), (1, "Team", 0));

    let id = Uuid::new_v4().to_string();
    let body = json!({ "id": id, "text": "Lunch, @alice?", "mentions": ["alice"] });
    bob.done(Method::POST, &format!("{team}/messages"), body).await;
    let (changed, totals) = told(&mut live, |changed, _| !changed.messages.is_empty()).await;
    assert_eq!((changed.row.unread, changed.row.mentions, totals.unread), (1, 1, 1));
    let message = &changed.messages[0];
    assert_eq!(
        (message.id.as_str(), message.name.as_str(), message.seq, message.own),
        (&*id, "Bob", 1, false)
    );
    assert_eq!(changed.row.last.as_ref(), Some(message));

    let (status, answer) = alice.ask(Method::PUT, &format!("{team}/read"), json!({})).await;
    assert_eq!((status, &answer["unread"]), (200, &json!(0)));
    told(&mut live, |changed, totals| changed.row.unread == 0 && totals == Totals::default()).await;
    alice.done(Method::PUT, &format!("{team}/pin"), json!({ "on": true })).await;
    told(&mut live, |changed, _| changed.row.pinned).await;
    let drafted = alice.done(Method::PUT, &format!("{team}/draft"), json!({ "text": "Noodles" })).await;
    assert_eq!(drafted["draft"]["text"], "Noodles");
    told(&mut live, |changed, _| changed.row.draft.as_ref().is_some_and(|draft| draft.text == "Noodles"))
        .await;
    alice.say(&team, "Noodles!").await;
    let (changed, _) = told(&mut live, |changed, _| changed.row.draft.is_none()).await;
    assert_eq!(changed.row.unread, 0);
    alice.done(Method::PUT, &format!("{team}/mute"), json!({ "on": true })).await;
    bob.say(&team, "See you").await;
    let (_, totals) = told(&mut live, |changed, _| changed.row.unread == 1).await;
    assert_eq!((totals.unread, totals.unread_all), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_archived_cleared_taken_away_and_all_read() {
    let Some(database) = postgres_scratch::server() else { return };
    let at = begin(&database).await;
    let [alice, bob] = [Person::new(at, "alice").await, Person::new(at, "bob").await];
    let team = alice.group(&["bob"]).await;
    let (mut live, _) = alice.live().await;
    for round in 0..2 {
        let row = alice.done(Method::PUT, &format!("{team}/archive"), json!({ "on": true })).await;
        assert_eq!(row["archived"], true, "{round}");
        bob.say(&team, "Hello?").await;
        told(&mut live, |changed, _| !changed.row.archived && changed.row.unread == round + 1).await;
    }
    bob.say("/conversations/c2c_alice", "Are you there?").await;
    told(&mut live, |_, totals| totals.unread == 3).await;
    alice.done(Method::PUT, "/conversations/read", Value::Null).await;
    told(&mut live, |_, totals| totals == Totals::default()).await;
    let part = bob.done(Method::GET, "/conversations/c2c_alice/messages", Value::Null).await;
    assert_eq!(part["messages"][0]["read_by_peer"], true);
    let row = alice.done(Method::POST, &format!("{team}/clear"), Value::Null).await;
    assert_eq!(row["last"], Value::Null);
    let part = alice.done(Method::GET, &format!("{team}/messages"), Value::Null).await;
    assert_eq!(part["messages"], json!([]));
    alice.done(Method::DELETE, "/conversations/c2c_bob", Value::Null).await;
    let list = alice.done(Method::GET, "/conversations", Value::Null).await;
    assert_eq!(list["rows"].as_array().unwrap().len(), 1, "{list}");
    bob.say("/conversations/c2c_alice", "Hello again").await;
    let list = alice.done(Method::GET, "/conversations", Value::Null).await;
    assert_eq!((list["rows"].as_array().unwrap().len(), &list["totals"]["unread"]), (2, &json!(1)), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_edited_recalled_deleted_and_reacted_to() {
    let Some(database) = postgres_scratch::server() else { return };
    let at = begin(&database).await;
    let [alice, bob] = [Person::new(at, "alice").await, Person::new(at, "bob").await];
    let team = alice.group(&["bob"]).await;
    let id = bob.say(&team, "Hello").await;
    let path = format!("{team}/messages/{id}");
    let (mut live, _) = alice.live().await;

    let edit = json!({ "text": "Hello!", "edits": 0 });
    assert_eq!(alice.refused(Method::PUT, &path, edit.clone()).await, (422, "refused".to_owned()));
    bob.done(Method::PUT, &path, edit.clone()).await;
    let (changed, _) = told(&mut live, |changed, _| changed.messages.iter().any(|one| one.edits == 1)).await;
    assert_eq!(changed.messages[0].text.as_deref(), Some("Hello!"));
    bob.done(Method::PUT, &path, edit).await;
    let late = json!({ "text": "Hallo", "edits": 0 });
    assert_eq!(bob.refused(Method::PUT, &path, late).await.0, 422, "of a message that was edited since");
    alice.done(Method::PUT, &format!("{path}/reactions/wave"), Value::Null).await;
    let (changed, _) =
        told(&mut live, |changed, _| changed.messages.iter().any(|one| !one.reactions.is_empty())).await;
    assert_eq!(
        (changed.messages[0].reactions[0].name.as_str(), changed.messages[0].reactions[0].count),
        ("wave", 1)
    );
    alice.done(Method::DELETE, &format!("{path}/reactions/wave"), Value::Null).await;
    assert_eq!(alice.refused(Method::POST, &format!("{path}/recall"), Value::Null).await.0, 422);
    bob.done(Method::POST, &format!("{path}/recall"), Value::Null).await;
    let (changed, totals) =
        told(&mut live, |changed, _| changed.messages.iter().any(|one| one.recalled)).await;
    assert_eq!((changed.messages[0].text.as_deref(), changed.row.unread, totals.unread), (None, 0, 0));

    bob.say(&team, "for bob's eyes").await;
    let last = bob.row(&team).await.last.unwrap();
    alice.done(Method::DELETE, &format!("{team}/messages/{}", last.id), Value::Null).await;
    assert_eq!(alice.row(&team).await.unread, 0);
    assert_ne!(alice.row(&team).await.last.map(|last| last.text), Some(last.text.clone()));
    assert_eq!(bob.row(&team).await.last, Some(last));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_histories_come_in_parts() {
    let Some(database) = postgres_scratch::server() else { return };
    let at = begin(&database).await;
    let [alice, bob] = [Person::new(at, "alice").await, Person::new(at, "bob").await];
    let mut groups = Vec::new();
    for n in 0..5 {
        groups.push(alice.group(&["bob"]).await);
        for m in 0..=n {
            bob.say(&groups[n], &format!("{n} {m}")).await;
        }
    }
    let (mut rows, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let part = alice.list(&query).await;
        assert_eq!(part.totals.unread, 15);
        rows.extend(part.rows);
        let Some(next) = part.next else { break };
        query = format!("?limit=2&after={next}");
    }
    let ids: Vec<_> = rows.iter().map(|row| format!("/conversations/{}", row.id)).collect();
    groups.reverse();
    assert_eq!(ids, groups, "the newest first");
    alice.done(Method::PUT, &format!("{}/read", groups[0]), json!({ "seq": 5 })).await;
    assert_eq!(alice.list("?unread=true").await.rows.len(), 4);

    let (mut seqs, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let path = format!("{}/messages{query}", groups[0]);
        let part = alice.done(Method::GET, &path, Value::Null).await;
        seqs.extend(part["messages"].as_array().unwrap().iter().map(|one| one["seq"].as_u64().unwrap()));
        let Some(next) = part["next"].as_str() else { break };
        query = format!("?limit=2&before={next}");
    }
    assert_eq!(seqs, [5, 4, 3, 2, 1]);
    let nonsense = format!("{}/messages?before=nonsense", groups[0]);
    assert_eq!(alice.refused(Method::GET, &nonsense, Value::Null).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_chats_say_what_the_other_has_read() {
    let Some(database) = postgres_scratch::server() else { return };
    let at = begin(&database).await;
    let [alice, bob] = [Person::new(at, "alice").await, Person::new(at, "bob").await];
    alice.say("/conversations/c2c_bob", "Psst").await;
    assert_eq!(bob.row("/conversations/c2c_alice").await.unread, 1);
    let (mut live, list) = alice.live().await;
    assert!(!list.rows[0].last.as_ref().unwrap().read_by_peer);
    bob.done(Method::PUT, "/conversations/c2c_alice/read", json!({})).await;
    told(&mut live, |changed, _| changed.row.last.as_ref().is_some_and(|last| last.read_by_peer)).await;
    let body = json!({ "id": Uuid::new_v4().to_string(), "text": "Anybody?" });
    let nobody = alice.refused(Method::POST, "/conversations/c2c_nobody/messages", body).await;
    assert_eq!(nobody, (404, "not_found".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_take_others_in_and_leave_and_strangers_learn_nothing() {
    let Some(database) = postgres_scratch::server() else { return };
    let at = begin(&database).await;
    let [alice, bob, carol] =
        [Person::new(at, "alice").await, Person::new(at, "bob").await, Person::new(at, "carol").await];
    let team = alice.group(&[]).await;
    let group = team.rsplit_once("group_").unwrap().1;
    alice.say(&team, "before").await;
    // What a stranger says of a group would put it into the stranger's list, all of it.
    let strangers = [
        (Method::PUT, format!("{team}/read"), json!({})),
        (Method::PUT, format!("{team}/pin"), json!({ "on": true })),
        (Method::PUT, format!("{team}/mute"), json!({ "on": true })),
        (Method::PUT, format!("{team}/archive"), json!({ "on": true })),
        (Method::POST, format!("{team}/clear"), Value::Null),
        (Method::DELETE, team.clone(), Value::Null),
        (Method::PUT, format!("{team}/draft"), json!({ "text": "let me in" })),
        (Method::DELETE, format!("{team}/messages/{}", Uuid::new_v4()), Value::Null),
        (Method::GET, team.clone(), Value::Null),
        (Method::GET, format!("{team}/messages"), Value::Null),
        (Method::PUT, format!("/groups/{group}/members/carol"), json!({})),
        (Method::DELETE, format!("/groups/{group}/members/carol"), Value::Null),
    ];
    for (method, path, body) in strangers {
        assert_eq!(carol.refused(method, &path, body).await, (404, "not_found".to_owned()), "{path}");
    }
    let body = json!({ "id": Uuid::new_v4().to_string(), "text": "let me in" });
    let said = carol.refused(Method::POST, &format!("{team}/messages"), body).await;
    assert_eq!(said, (403, "not_a_member".to_owned()));

    let nobody = format!("/groups/{group}/members/nobody");
    assert_eq!(alice.refused(Method::PUT, &nobody, json!({})).await.0, 404);
    alice.done(Method::PUT, &format!("/groups/{group}/members/bob"), json!({ "history": "whole" })).await;
    bob.done(Method::PUT, &format!("/groups/{group}/members/carol"), json!({})).await;
    bob.say(&team, "welcome").await;
    let texts = async |person: &Person| {
        let part = person.done(Method::GET, &format!("{team}/messages"), Value::Null).await;
        let texts =
            part["messages"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(texts(&bob).await, ["welcome", "before"]);
    assert_eq!(texts(&carol).await, ["welcome"]);
    assert_eq!(
        bob.refused(Method::DELETE, &format!("/groups/{group}/members/carol"), Value::Null).await.0,
        403
    );
    carol.done(Method::DELETE, &format!("/groups/{group}/members/carol"), Value::Null).await;
    bob.say(&team, "she is gone").await;
    assert_eq!(texts(&carol).await, ["welcome"]);
    assert!(!carol.row(&team).await.member);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_again_is_done_once_on_any_server() {
    let Some(database) = postgres_scratch::server() else { return };
    let [one, two] = [begin(&database).await, begin(&database).await];
    let [alice, bob] = [Person::new(one, "alice").await, Person::new(two, "bob").await];
    let key = Uuid::new_v4();
    let body = json!({ "name": "Team", "members": ["bob"] });
    let mut made = Vec::new();
    for at in [one, two] {
        let there = alice.at(at);
        let asked =
            there.client.ask(Method::POST, "/groups", (&there.token, Some(key)), &body).await.unwrap();
        assert_eq!(asked.0, StatusCode::CREATED);
        made.push(asked.1);
    }
    assert_eq!(made[0], made[1]);
    let team = format!("/conversations/{}", made[0]["conversation"].as_str().unwrap());
    let (mut live, list) = bob.live().await;
    assert_eq!(list.rows, [], "nobody has said anything yet");
    let (id, path) = (Uuid::new_v4().to_string(), format!("{team}/messages"));
    let message = json!({ "id": id, "text": "once" });
    let sent = alice.done(Method::POST, &path, message.clone()).await;
    assert_eq!(sent, json!({ "id": id, "seq": 1, "repeated": false }));
    told(&mut live, |changed, _| changed.row.unread == 1).await;
    for at in [two, one] {
        let again = alice.at(at).done(Method::POST, &path, message.clone()).await;
        assert_eq!(again, json!({ "id": id, "seq": 1, "repeated": true }));
    }
    assert_eq!(bob.at(one).row(&team).await.unread, 1);
    let taken = bob.refused(Method::POST, &path, json!({ "id": id, "text": "mine" })).await;
    assert_eq!(taken, (409, "id_taken".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_signed_in_is_refused() {
    let Some(database) = postgres_scratch::server() else { return };
    let at = begin(&database).await;
    let alice = Person::new(at, "alice").await;
    let client = Client::new(at);
    let credentials = |user: &str, password: &str| json!({ "user": user, "password": password });
    let sign_in = async |user: &str, password: &str| {
        client.ask(Method::POST, "/sign-in", ("", None), &credentials(user, password)).await.unwrap()
    };
    let (status, answer) = sign_in("alice", "alice's password").await;
    assert_eq!(status, 200);
    let token = answer["token"].as_str().unwrap();
    assert_eq!(client.ask(Method::GET, "/conversations", (token, None), &Value::Null).await.unwrap().0, 200);
    let [wrong, nobody] = [sign_in("alice", "another").await, sign_in("nobody", "another").await];
    assert_eq!((wrong.0.as_u16(), &wrong), (401, &nobody));
    let again =
        client.ask(Method::POST, "/accounts", ("", None), &credentials("alice", "mine")).await.unwrap();
    assert_eq!((again.0.as_u16(), &again.1["error"]), (409, &json!("name_taken")));

    let (name, rest) = alice.token.split_once('.').unwrap();
    let (until, signature) = rest.split_once('.').unwrap();
    let longer = until.parse::<u64>().unwrap() + 1;
    let forged = [
        String::new(),
        "nonsense".to_owned(),
        format!("Ym9i.{until}.{signature}"),
        format!("{name}.{longer}.{signature}"),
        format!("{name}.{until}.{}", &signature[1..]),
    ];
    for token in forged {
        let asked = client.ask(Method::GET, "/conversations", (&token, None), &Value::Null).await.unwrap();
        assert_eq!((asked.0.as_u16(), &asked.1["error"]), (401, &json!("not_signed_in")), "{token}");
        assert!(client.live(&token).await.is_err(), "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_or_no_request_is_refused() {
    let Some(database) = postgres_scratch::server() else { return };
    let at = begin(&database).await;
    let alice = Person::new(at, "alice").await;
    let team = alice.group(&[]).await;
    let path = format!("{team}/messages");
    let id = Uuid::new_v4().to_string();
    for text in ["", &"x".repeat((8 << 10) + 1)] {
        assert_eq!(alice.refused(Method::POST, &path, json!({ "id": id, "text": text })).await.0, 400);
    }
    let large = json!({ "id": id, "text": "x".repeat(70 << 10) });
    assert_eq!(alice.refused(Method::POST, &path, large).await, (413, "too_large".to_owned()));
    let edit = json!({ "text": "x", "edits": u64::MAX });
    assert_eq!(alice.refused(Method::PUT, &format!("{path}/{id}"), edit).await.0, 400);
    let long = json!({ "text": "x".repeat((8 << 10) + 1) });
    assert_eq!(alice.refused(Method::PUT, &format!("{team}/draft"), long).await.0, 400);
    assert_eq!(alice.refused(Method::PUT, "/profile", json!({ "nickname": "x".repeat(201) })).await.0, 400);
    assert_eq!(alice.refused(Method::POST, "/groups", json!({ "name": "x".repeat(201) })).await.0, 400);
    let no_body = (400, "bad_request".to_owned());
    assert_eq!(alice.refused(Method::PUT, &format!("{team}/pin"), json!({ "on": "yes" })).await, no_body);
    assert_eq!(alice.refused(Method::GET, "/conversations?limit=many", Value::Null).await, no_body);
    assert_eq!(alice.refused(Method::GET, "/nothing", Value::Null).await.0, 404);
    assert_eq!(alice.refused(Method::DELETE, "/groups", Value::Null).await, (405, "not_allowed".to_owned()));
    assert_eq!(alice.refused(Method::POST, &path, json!({ "id": "7", "text": "x" })).await.0, 400);
    assert_eq!(alice.refused(Method::GET, "/conversations/nonsense", Value::Null).await.0, 400);
    let mixed = alice.refused(Method::PUT, &format!("{team}/read"), json!({ "at_ms": 1 })).await;
    assert_eq!(mixed.0, 400);
    assert!(alice.row(&team).await.last.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_little_is_told_the_list_anew_and_a_server_that_stops_says_so() {
    let Some(database) = postgres_scratch::server() else { return };
    let (at, chat) = begin_with(&database, |settings| {
        settings.desk.session_len = 1;
        settings.gather = Duration::from_millis(300);
    })
    .await;
    let [alice, bob] = [Person::new(at, "alice").await, Person::new(at, "bob").await];
    let team = alice.group(&["bob"]).await;
    let (mut live, _) = alice.live().await;
    for n in 1..=10 {
        bob.say(&team, &format!("message {n}")).await;
    }
    let until = async {
        loop {
            if let Frame::List(list) = live.next().await.unwrap()
                && let Some(row) = list.rows.first()
                && row.unread == 10
            {
                return row.last.as_ref().and_then(|last| last.text.clone());
            }
        }
    };
    assert_eq!(timeout(Duration::from_secs(20), until).await.unwrap().as_deref(), Some("message 10"));
    chat.end();
    let ended = timeout(Duration::from_secs(20), async { while live.next().await.is_ok() {} });
    ended.await.unwrap();
}
