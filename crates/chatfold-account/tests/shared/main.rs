//! Shared histories over a PostgreSQL that the tests start themselves: two nodes, crashes, restarts, and what accounts see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod faults;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chatfold::command::{Replaces, Role};
use chatfold::event::{Body, Fact, GroupType};
use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::redact::Redaction;
use chatfold::shared::{SharedId, StreamId};
use chatfold::store::Closed;
use chatfold::{
    Command, Context, ConversationId, Envelope, Event, EventId, Filter, GroupId, Inbox, Message, MessageId,
    Policy, Timestamp, UserId,
};
use chatfold_account::shared::{Connection, Desk, DeskOptions, History, SharedError, Told};
use chatfold_postgres::PostgresStore;
use postgres_scratch::Server;
use tokio_postgres::{Config, NoTls};

/// Writers have no need of each message being synced: what is proved is that none is lost between them.
async fn store(server: &Server) -> PostgresStore {
    let mut config: Config = server.config().parse().unwrap();
    config.options("-c synchronous_commit=off");
    PostgresStore::open(config, NoTls, chatfold_postgres::Options::default()).await.unwrap()
}

/// A node: a desk that hears of what others write.
async fn node(server: &Server, set: impl FnOnce(&mut DeskOptions)) -> Desk {
    let mut options = DeskOptions::default();
    set(&mut options);
    let desk = Desk::open(store(server).await, options).await.unwrap();
    let keeping = desk.clone();
    tokio::spawn(async move { keeping.keep_up().await.unwrap_err() });
    desk
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn team() -> GroupId {
    GroupId::parse("team").unwrap()
}

fn in_team() -> ConversationId {
    ConversationId::group(&team())
}

/// A command's context; each number is another command, a second later.
fn context(actor: &str, n: u32) -> Context {
    let time = Timestamp::from_millis(1_772_355_600_000 + i64::from(n) * 1_000).unwrap();
    let mut seed = [7; 16];
    seed[..4].copy_from_slice(&n.to_be_bytes());
    Context::new(user(actor), Role::Member, time, seed)
}

fn message(n: u32) -> Message {
    let mut id = [1; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    Message::text(MessageId::from_bytes(id), format!("message {n}"))
}

/// A group of alice, bob and carol.
async fn create(desk: &Desk) {
    let members = ["bob", "carol"].map(user);
    desk.create_group(&context("alice", 1), &team(), GroupType::Work, &members).await.unwrap();
}

async fn events(store: &PostgresStore, stream: &StreamId) -> Vec<Event> {
    let page = store.read(stream, 0, usize::MAX).await.unwrap();
    let decoded = page.events.iter().map(|event| match decode_line(&event.bytes).unwrap() {
        LoggedEvent::Known(event) => event,
        other => panic!("{other:?}"),
    });
    decoded.collect()
}

/// What a conversation's stream says to an account (R120): messages outside of its windows are unknown to it.
async fn visible(store: &PostgresStore, own: &[Event], id: &SharedId, owner: &UserId) -> Vec<Event> {
    let seen = id.as_seen_by(owner).unwrap();
    let mut windows = Vec::new();
    for event in own {
        if let Body::Conversation(of, Fact::HistoryWindow { after, through }) = event.body()
            && *of == seen
        {
            let (after, through) = (after.first_field(), through.map_or(i64::MAX, |at| at.first_field()));
            windows.retain(|(known, _): &(i64, i64)| *known != after);
            windows.push((after, through));
        }
    }
    let mut visible = Vec::new();
    for event in events(store, &id.into()).await {
        let Body::Conversation(_, fact) = event.body() else { continue };
        let first = match fact {
            Fact::MessageReceived(message) if id.pair().is_none() => message.seq.map(|seq| seq as i64),
            Fact::MessageReceived(_) => Some(event.stamp().at.as_millis()),
            _ => None,
        };
        if first
            .is_none_or(|first| windows.iter().any(|(after, through)| *after < first && first <= *through))
        {
            visible.push(
                Event::new(event.envelope().clone(), Body::Conversation(seen.clone(), fact.clone())).unwrap(),
            );
        }
    }
    visible
}

/// What an inbox would show that was folded of all that the account may see, and what the account's view shows.
async fn check(desk: &Desk, store: &PostgresStore, connection: &Connection, shared: &[SharedId]) {
    let owner = connection.owner();
    let own = events(store, &owner.into()).await;
    let mut all = events(store, &StreamId::Directory).await;
    for id in shared.iter().filter(|id| id.as_seen_by(owner).is_some()) {
        all.extend(visible(store, &own, id, owner).await);
    }
    all.extend(own);
    let mut inbox = Inbox::new(owner.clone(), Policy::default());
    inbox.apply_batch(&all);
    let expected: Vec<_> = inbox.conversations().map(|view| row_of_inbox(&view)).collect();
    assert_eq!(rows(desk, connection), expected, "the rows of {owner}");
    let totals = desk.totals(connection.session()).unwrap();
    assert_eq!(totals.unread, inbox.totals().unread, "the totals of {owner}");
}

/// Id, unread, mentions, last message, draft, and whether it is pinned.
type Row = (String, u64, u64, Option<MessageId>, Option<String>, bool);

fn row_of_inbox(view: &chatfold::ConversationView<'_>) -> Row {
    (
        view.id().to_string(),
        view.unread_count(),
        view.mention_count(),
        view.last_message().map(|message| message.id()),
        view.draft().map(|draft| draft.text.to_owned()),
        view.is_pinned(),
    )
}

fn rows(desk: &Desk, connection: &Connection) -> Vec<Row> {
    let rows = desk.list(connection.session(), &Filter::default(), None, usize::MAX, |list| {
        let row = |member: &chatfold::shared::Member<'_>| {
            (
                member.id().to_string(),
                member.unread_count(),
                member.mention_count(),
                member.last_message().map(|message| message.id()),
                member.draft().map(|draft| draft.text.to_owned()),
                member.is_pinned(),
            )
        };
        list.members.iter().map(row).collect()
    });
    rows.unwrap()
}

/// Waits until a connection shows so many unread messages.
async fn until_unread(desk: &Desk, connection: &Connection, unread: u64) {
    let begun = Instant::now();
    while desk.totals(connection.session()).unwrap().unread != unread {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{}: {:?} and not {unread}",
            connection.owner(),
            desk.totals(connection.session())
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_write_to_one_group_at_once() {
    let Some(server) = postgres_scratch::server() else { return };
    let nodes = [node(&server, |_| {}).await, node(&server, |_| {}).await];
    create(&nodes[0]).await;
    let watching =
        [nodes[0].connect(&user("carol")).await.unwrap(), nodes[1].connect(&user("carol")).await.unwrap()];
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..6_u32 {
        let nodes = nodes.clone();
        tasks.spawn(async move {
            let mut first = Vec::new();
            for n in 0..40 {
                let number = 100 + writer * 100 + n;
                let context = context(["alice", "bob"][writer as usize % 2], number);
                let [one, other] = [&nodes[(n % 2) as usize], &nodes[1 - (n % 2) as usize]];
                let sent = one.send(&context, &in_team(), message(number)).await.unwrap();
                if n % 5 == 0 {
                    let again = other.send(&context, &in_team(), message(number)).await.unwrap();
                    assert_eq!((again.position, again.seq, again.repeated), (sent.position, sent.seq, true));
                }
                first.push((sent.position, sent.seq.unwrap(), message(number).id));
            }
            first
        });
    }
    let mut sent: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    sent.sort();
    let store = store(&server).await;
    let log = events(&store, &SharedId::group(&team()).into()).await;
    let told = (1..).zip(&log).filter_map(|(position, event)| match event.body() {
        Body::Conversation(_, Fact::MessageReceived(message)) => {
            Some((position, message.seq.unwrap(), message.id))
        }
        _ => None,
    });
    let told: Vec<(u64, u64, MessageId)> = told.collect();
    assert_eq!(told, sent, "each is where its sender was told, and once");
    assert_eq!(
        told.iter().map(|sent| sent.1).collect::<Vec<_>>(),
        (1..=240).collect::<Vec<_>>(),
        "seqs are dense"
    );
    for (desk, connection) in nodes.iter().zip(&watching) {
        until_unread(desk, connection, 240).await;
        check(desk, &store, connection, &[SharedId::group(&team())]).await;
    }
    let taken = nodes[0].send(&context("carol", 9_000), &in_team(), message(100)).await;
    assert!(matches!(taken, Err(SharedError::IdTaken { .. })), "another's message id: {taken:?}");
    let refused = nodes[0].send(&context("dave", 9_001), &in_team(), message(9_001)).await;
    assert!(matches!(refused, Err(SharedError::NotAMember { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_stopped_between_its_two_appends_is_finished_when_given_again() {
    let Some(server) = postgres_scratch::server() else { return };
    let (desk, store) = (node(&server, |_| {}).await, store(&server).await);
    create(&desk).await;
    let (alice, own) = (user("alice"), StreamId::from(user("alice")));
    let draft =
        Command::SetDraft { conversation: in_team(), text: "half a".into(), replaces: Replaces::default() };
    assert_eq!(desk.execute(&alice, draft, context("alice", 2)).await.unwrap(), 1);
    // Her own stream takes nothing, so the second append fails behind the first.
    store.fence(&own, "nowhere").await.unwrap();
    let failed = desk.send(&context("alice", 3), &in_team(), message(3)).await;
    assert!(matches!(failed, Err(SharedError::Closed(Closed::Moved { .. }))), "{failed:?}");
    store.reopen(&own).await.unwrap();
    // Another node, which knows nothing of it, is given the same.
    let other = node(&server, |_| {}).await;
    let connection = other.connect(&alice).await.unwrap();
    assert_eq!(rows(&other, &connection)[0].4.as_deref(), Some("half a"));
    for _ in 0..2 {
        let sent = other.send(&context("alice", 3), &in_team(), message(3)).await.unwrap();
        assert_eq!((sent.seq, sent.repeated), (Some(1), true));
    }
    assert_eq!(rows(&other, &connection)[0].4, None, "the draft is gone");
    check(&other, &store, &connection, &[SharedId::group(&team())]).await;
    let last = events(&store, &own).await.iter().filter(|event| event.type_name() == "draft_set").count();
    assert_eq!(last, 2, "set once, cleared once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_begins_anew_goes_on_from_snapshots() {
    let Some(server) = postgres_scratch::server() else { return };
    let (desk, store) = (node(&server, |options| options.snapshot_every = 16).await, store(&server).await);
    create(&desk).await;
    for n in 10..110 {
        desk.send(&context("alice", n), &in_team(), message(n)).await.unwrap();
    }
    desk.read(&context("bob", 200), &in_team(), Some(chatfold::event::Watermark::Seq(40))).await.unwrap();
    let stream = StreamId::from(SharedId::group(&team()));
    let begun = Instant::now();
    let kept = loop {
        match store.latest(&stream, u64::MAX).await.unwrap() {
            Some(kept) if kept.prefix.events > 32 => break kept,
            _ => assert!(begun.elapsed() < Duration::from_secs(20), "a snapshot is kept"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let restored = chatfold::shared::Timeline::restore(kept.bytes, &SharedId::group(&team()));
    assert!(restored.is_ok());
    let anew = node(&server, |_| {}).await;
    let bob = anew.connect(&user("bob")).await.unwrap();
    assert_eq!(anew.totals(bob.session()).unwrap().unread, 60);
    check(&anew, &store, &bob, &[SharedId::group(&team())]).await;
    let sent = anew.send(&context("carol", 300), &in_team(), message(300)).await.unwrap();
    assert_eq!(sent.seq, Some(101), "seqs go on where they ended");
    let again = anew.send(&context("alice", 17), &in_team(), message(17)).await.unwrap();
    assert_eq!((again.seq, again.repeated), (Some(8), true), "what was sent before is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_see_what_an_inbox_of_all_they_may_see_shows() {
    let Some(server) = postgres_scratch::server() else { return };
    let nodes = [node(&server, |_| {}).await, node(&server, |_| {}).await];
    let (desk, store) = (&nodes[0], store(&server).await);
    create(desk).await;
    let shared = [SharedId::group(&team()), SharedId::direct(&user("alice"), &user("bob"))];
    for n in 10..20 {
        desk.send(&context("alice", n), &in_team(), message(n)).await.unwrap();
    }
    // One joins with the history, one without.
    desk.join_group(&context("dave", 20), &team(), &user("dave"), History::Whole).await.unwrap();
    desk.join_group(&context("erin", 21), &team(), &user("erin"), History::FromNow).await.unwrap();
    let mut connections = Vec::new();
    for (n, name) in ["alice", "bob", "carol", "dave", "erin"].iter().enumerate() {
        connections.push((n % 2, nodes[n % 2].connect(&user(name)).await.unwrap()));
    }
    let mentions = chatfold::event::Mentions { users: vec![user("erin")], all: false };
    for n in 30..40 {
        let mut said = message(n);
        said.mentions = mentions.clone();
        nodes[1].send(&context("bob", n), &in_team(), said).await.unwrap();
    }
    let recall = Command::Recall { conversation: in_team(), message: message(31).id, reason: None };
    assert_eq!(desk.execute(&user("bob"), recall.clone(), context("bob", 41)).await.unwrap(), 1);
    assert_eq!(desk.execute(&user("bob"), recall, context("bob", 41)).await.unwrap(), 0, "it is recalled");
    let other = Command::Recall { conversation: in_team(), message: message(32).id, reason: None };
    let refused = desk.execute(&user("carol"), other, context("carol", 42)).await;
    assert!(matches!(refused, Err(SharedError::Rejected(_))), "another's message: {refused:?}");
    // A direct chat, which the greater of the two sees by another name.
    let [to_bob, to_alice] = ["bob", "alice"].map(|name| ConversationId::direct(&user(name)));
    for n in 50..55 {
        desk.send(&context("alice", n), &to_bob, message(n)).await.unwrap();
        nodes[1].send(&context("bob", n + 10), &to_alice, message(n + 10)).await.unwrap();
    }
    let recall = Command::Recall { conversation: to_bob.clone(), message: message(50).id, reason: None };
    assert_eq!(desk.execute(&user("alice"), recall, context("alice", 80)).await.unwrap(), 1, "the lesser's");
    let recall = Command::Recall { conversation: to_alice.clone(), message: message(61).id, reason: None };
    assert_eq!(desk.execute(&user("bob"), recall, context("bob", 81)).await.unwrap(), 1, "the greater's");
    desk.read(&context("bob", 82), &to_alice, None).await.unwrap();
    desk.read(&context("carol", 83), &in_team(), None).await.unwrap();
    desk.execute(&user("carol"), Command::Pin { conversation: in_team(), on: true }, context("carol", 84))
        .await
        .unwrap();
    desk.delete_messages(&context("dave", 85), &in_team(), vec![message(33).id]).await.unwrap();
    let sent = desk.send(&context("erin", 89), &in_team(), message(89)).await.unwrap();
    let recall = Command::Recall { conversation: in_team(), message: message(89).id, reason: None };
    desk.execute(&user("erin"), recall, context("erin", 90)).await.unwrap();
    desk.leave_group(&context("erin", 86), &team(), &user("erin")).await.unwrap();
    for node in &nodes {
        // Whoever did not hear of it before leaving hears of it still; nobody else does.
        let again = node.send(&context("erin", 89), &in_team(), message(89)).await.unwrap();
        assert_eq!((again.position, again.seq, again.repeated), (sent.position, sent.seq, true));
        let refused = node.send(&context("mallory", 89), &in_team(), message(89)).await;
        assert!(matches!(refused, Err(SharedError::NotAMember { .. })), "{refused:?}");
    }
    desk.send(&context("alice", 87), &in_team(), message(87)).await.unwrap();
    let refused = desk.send(&context("erin", 88), &in_team(), message(88)).await;
    assert!(matches!(refused, Err(SharedError::NotAMember { .. })), "{refused:?}");
    let unread = [13, 11, 1, 9, 9];
    for ((at, connection), unread) in connections.iter().zip(unread) {
        until_unread(&nodes[*at], connection, unread).await;
        check(&nodes[*at], &store, connection, &shared).await;
    }
    let of_alice = &connections[0].1;
    let read = nodes[0].member(of_alice.session(), &to_bob, |member| member.peer_read_marker()).unwrap();
    assert!(read.is_some(), "the other of a direct chat is shown what was read");
}

/// What a write had come to is told again whatever came since, in whatever order it is asked of.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_write_came_to_is_told_again() {
    let Some(server) = postgres_scratch::server() else { return };
    let nodes = [node(&server, |_| {}).await, node(&server, |_| {}).await];
    let desk = &nodes[0];
    create(desk).await;
    let join = async |desk: &Desk, n: u32| {
        let who = user(&format!("guest{n}"));
        desk.join_group(&context("alice", 1_000 + n), &team(), &who, History::FromNow).await.unwrap()
    };
    let mut first = Vec::new();
    for n in 0..120 {
        // Nobody writes for a while at first, in the middle and at the end.
        if (20..30).contains(&n) || n == 75 {
            desk.send(&context("alice", 100 + n), &in_team(), message(100 + n)).await.unwrap();
        }
        first.push(join(desk, n).await);
    }
    assert_eq!((first[0].reached, first[40].reached, first[119].reached), (0, 10, 11));
    for (n, node) in
        [(119, 1), (0, 1), (60, 1), (25, 0), (61, 1), (119, 0), (3, 1), (75, 1), (60, 1), (74, 0)]
    {
        let again = join(&nodes[node], n).await;
        let before = &first[n as usize];
        assert_eq!((again.position, again.reached, again.repeated), (before.position, before.reached, true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_moved_redacted_and_erased_streams_are_told() {
    let Some(server) = postgres_scratch::server() else { return };
    let nodes = [node(&server, |_| {}).await, node(&server, |_| {}).await];
    let (desk, store) = (&nodes[0], store(&server).await);
    create(desk).await;
    let (group, own) = (StreamId::from(SharedId::group(&team())), StreamId::from(user("bob")));
    for n in 10..14 {
        desk.send(&context("alice", n), &in_team(), message(n)).await.unwrap();
    }
    let carol = nodes[1].connect(&user("carol")).await.unwrap();
    let text = |connection: &Connection| {
        nodes[1].member(connection.session(), &in_team(), |member| {
            member.last_message().and_then(|message| message.text().map(str::to_owned))
        })
    };
    assert_eq!(text(&carol).unwrap().as_deref(), Some("message 13"));
    let mut redaction = Redaction::default();
    redaction.choose_author(user("alice"));
    desk.redact(&group, redaction).await.unwrap();
    let begun = Instant::now();
    while text(&carol).unwrap().is_some_and(|text| text.contains("13")) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the other node shows it no more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(desk.send(&context("bob", 20), &in_team(), message(20)).await.unwrap().seq, Some(5));
    store.fence(&group, "db7").await.unwrap();
    let moved = nodes[1].send(&context("bob", 21), &in_team(), message(21)).await;
    assert!(matches!(&moved, Err(SharedError::Closed(Closed::Moved { to })) if to == "db7"), "{moved:?}");
    let known = nodes[1].send(&context("bob", 20), &in_team(), message(20)).await.unwrap();
    assert_eq!((known.seq, known.repeated), (Some(5), true), "what was sent before is still told");
    desk.erase(&own).await.unwrap();
    let pin = Command::Pin { conversation: in_team(), on: true };
    let erased = desk.execute(&user("bob"), pin, context("bob", 22)).await;
    assert!(matches!(erased, Err(SharedError::Closed(Closed::Erased))), "{erased:?}");
    store.reopen(&group).await.unwrap();
    desk.erase(&group).await.unwrap();
    let erased = nodes[1].send(&context("carol", 23), &in_team(), message(23)).await;
    assert!(
        matches!(erased, Err(SharedError::Closed(Closed::Erased) | SharedError::NotAMember { .. })),
        "{erased:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r121_what_is_shared_is_refused_in_an_accounts_own_stream() {
    let Some(server) = postgres_scratch::server() else { return };
    let desk = node(&server, |_| {}).await;
    let envelope = Envelope::new(EventId::from_bytes([9; 16]), context("bob", 1).time, user("bob"));
    let received = envelope.clone().message_received(in_team(), message(1).with_seq(1)).unwrap();
    let refused = desk.append_own(&user("bob"), &[received]).await;
    assert!(matches!(refused, Err(SharedError::Misplaced { type_name: "message_received" })), "{refused:?}");
    let head = store(&server).await.head(&user("bob").into()).await.unwrap();
    assert_eq!(head.prefix.events, 0, "nothing was written");
    let send = Command::Send { conversation: in_team(), message: Box::new(message(2)) };
    let refused = desk.execute(&user("bob"), send, context("bob", 2)).await;
    assert!(matches!(refused, Err(SharedError::OtherMethod("send"))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_a_slow_session_is_told_that_it_lags() {
    let Some(server) = postgres_scratch::server() else { return };
    let desk = node(&server, |options| (options.queue_len, options.session_len) = (2, 4)).await;
    create(&desk).await;
    let mut carol = desk.connect(&user("carol")).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 10..110 {
        let desk = desk.clone();
        tasks.spawn(async move { (n, desk.send(&context("alice", n), &in_team(), message(n)).await) });
    }
    let (mut sent, mut refused) = (BTreeSet::new(), Vec::new());
    for (n, outcome) in tasks.join_all().await {
        match outcome {
            Ok(written) => assert!(sent.insert(written.seq.unwrap())),
            Err(SharedError::Overloaded(_)) => refused.push(n),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(!refused.is_empty(), "more was asked at once than may wait");
    for n in refused {
        sent.insert(desk.send(&context("alice", n), &in_team(), message(n)).await.unwrap().seq.unwrap());
    }
    assert_eq!(sent, (1..=100).collect());
    let mut told = Vec::new();
    while let Ok(Some(one)) = tokio::time::timeout(Duration::from_secs(5), carol.deliveries.next()).await {
        let lags = matches!(one, Told::Lagged);
        told.push(one);
        if lags {
            break;
        }
    }
    assert!(told.len() <= 5, "a queue does not grow: {}", told.len());
    assert!(matches!(told.last(), Some(Told::Lagged)));
    assert_eq!(desk.totals(carol.session()).unwrap().unread, 100, "what it shows is current");
    desk.send(&context("alice", 500), &in_team(), message(500)).await.unwrap();
    assert!(matches!(carol.deliveries.next().await, Some(Told::Row { .. })), "and it is told again");
}
