//! What went wrong once: commands that depend on messages, members who join and leave in any way, logs that are replaced while
//! sessions are open, and readings that break off.

use std::pin::pin;
use std::task::Poll;

use chatfold::command::ReadUpTo;
use chatfold::event::{Mark, Membership, Through, Watermark};
use chatfold::jsonl::encode_event;
use chatfold::store::{EventStore as _, NewEvent};
use chatfold_postgres::Blocking;

use super::*;

fn direct(name: &str) -> ConversationId {
    ConversationId::direct(&user(name))
}

fn event(n: u8, by: &str) -> Envelope {
    let time = Timestamp::from_millis(1_772_355_600_000 + i64::from(n)).unwrap();
    Envelope::new(EventId::from_bytes([n; 16]), time, user(by))
}

fn encoded(event: &Event) -> NewEvent {
    NewEvent::new(event.id(), encode_event(event).into_bytes())
}

/// Whether a session hears that it lags, now or soon.
async fn lags(connection: &mut Connection) -> bool {
    let told = async {
        while let Some(told) = connection.deliveries.next().await {
            if matches!(told, Told::Lagged) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap_or(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn r56_what_messages_took_out_of_the_archive_is_archived_again() {
    let Some(server) = postgres_scratch::server() else { return };
    let desk = node(&server, |_| {}).await;
    create(&desk).await;
    let archive = Command::Archive { conversations: vec![in_team()], on: true, stay: false };
    let bob = user("bob");
    // Written by a clock that is ahead of the one who archives.
    desk.send(&context("alice", 900), &in_team(), message(900)).await.unwrap();
    for (n, connected) in [(10, false), (20, true), (30, true)] {
        assert_eq!(desk.execute(&bob, archive.clone(), context("bob", n)).await.unwrap(), 1, "{n}");
        assert_eq!(desk.execute(&bob, archive.clone(), context("bob", n + 1)).await.unwrap(), 0, "it is");
        let connection = desk.connect(&bob).await.unwrap();
        let archived = || desk.member(connection.session(), &in_team(), |row| row.is_archived()).unwrap();
        assert!(archived());
        desk.send(&context("alice", n + 950), &in_team(), message(n + 950)).await.unwrap();
        assert!(!archived(), "a message takes it out");
        if !connected {
            drop(connection);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r65_r66_reads_go_no_further_than_what_is_there_and_win_over_marks() {
    let Some(server) = postgres_scratch::server() else { return };
    let (desk, store) = (node(&server, |_| {}).await, store(&server).await);
    create(&desk).await;
    let shared = [SharedId::group(&team()), SharedId::direct(&user("alice"), &user("bob"))];
    for n in 10..15 {
        desk.send(&context("alice", n), &in_team(), message(n)).await.unwrap();
        desk.send(&context("alice", n + 50), &direct("bob"), message(n + 50)).await.unwrap();
    }
    let [alice, bob] =
        [desk.connect(&user("alice")).await.unwrap(), desk.connect(&user("bob")).await.unwrap()];
    let marked = Command::Mark { conversations: vec![in_team()], mark: Mark::UNREAD, on: true };
    assert_eq!(desk.execute(&user("bob"), marked, context("bob", 100)).await.unwrap(), 1);
    desk.read(&context("bob", 101), &in_team(), None).await.unwrap();
    let row = desk.member(bob.session(), &in_team(), |row| (row.unread_count(), row.marks().len())).unwrap();
    assert_eq!(row, (0, 0), "the mark is taken off");
    // A mark of a clock that is far ahead.
    let from = Command::MarkUnreadFrom { conversation: in_team(), message: message(12).id };
    assert_eq!(desk.execute(&user("bob"), from, context("bob", 9_000)).await.unwrap(), 1);
    assert_eq!(desk.totals(bob.session()).unwrap().unread, 3 + 5);
    desk.read(&context("bob", 102), &in_team(), Some(Watermark::Seq(u64::from(u32::MAX)))).await.unwrap();
    assert_eq!(desk.totals(bob.session()).unwrap().unread, 5, "it wins over the mark");
    let far = Watermark::Time(Timestamp::from_millis(7_000_000_000_000).unwrap());
    desk.read(&context("bob", 103), &direct("alice"), Some(far)).await.unwrap();
    assert_eq!(desk.totals(bob.session()).unwrap().unread, 0);
    let shown = |read: fn(&chatfold::shared::Member<'_>) -> Option<Timestamp>| {
        desk.member(alice.session(), &direct("bob"), read).unwrap()
    };
    let last = shown(|row| row.last_message().map(|last| last.time()));
    assert_eq!(shown(|row| row.peer_read_marker()), last, "no message to come is read");
    desk.send(&context("alice", 104), &in_team(), message(104)).await.unwrap();
    desk.send(&context("alice", 105), &direct("bob"), message(105)).await.unwrap();
    assert_eq!(desk.totals(bob.session()).unwrap().unread, 2);
    let all = Command::MarkAllRead { scope: chatfold::command::ReadScope::Everything };
    assert_eq!(desk.execute(&user("bob"), all, context("bob", 106)).await.unwrap(), 2);
    assert_eq!(desk.totals(bob.session()).unwrap().unread, 0);
    assert!(shown(|row| row.peer_read_marker()) > last, "reading all shows it too");
    // A mention that counts as no unread message is read too, and what could not be shown before is shown now.
    let mut said = message(120);
    said.excluded_from_unread = true;
    said.mentions = chatfold::event::Mentions { users: vec![user("bob")], all: false };
    desk.send(&context("alice", 120), &in_team(), said).await.unwrap();
    let sent = desk.send(&context("alice", 121), &direct("bob"), message(121)).await.unwrap();
    let through = Through::Watermark(Watermark::Time(sent.at.unwrap()));
    let half = event(50, "bob").conversation_read(direct("alice"), through).unwrap();
    desk.append_own(&user("bob"), &[half]).await.unwrap();
    assert!(shown(|row| row.peer_read_marker()) < sent.at);
    let all = Command::MarkAllRead { scope: chatfold::command::ReadScope::Everything };
    assert_eq!(desk.execute(&user("bob"), all, context("bob", 122)).await.unwrap(), 1);
    assert_eq!(shown(|row| row.peer_read_marker()), sent.at);
    let row = desk.member(bob.session(), &in_team(), |row| row.mention_count()).unwrap();
    assert_eq!(row, 0);
    let clear = Command::ClearHistory { conversation: in_team() };
    assert_eq!(desk.execute(&user("bob"), clear.clone(), context("bob", 107)).await.unwrap(), 1);
    assert_eq!(desk.execute(&user("bob"), clear, context("bob", 108)).await.unwrap(), 0);
    let delete = Command::DeleteConversations { conversations: vec![direct("alice")], keep_messages: false };
    assert_eq!(desk.execute(&user("bob"), delete, context("bob", 109)).await.unwrap(), 1);
    let named = Command::ReadMessages { conversation: in_team(), messages: vec![message(104).id], on: false };
    desk.execute(&user("bob"), named, context("bob", 110)).await.unwrap();
    for connection in [&alice, &bob] {
        check(&desk, &store, connection, &shared).await;
    }
    // Nobody reads, or clears, what is none of theirs.
    for n in [200, 201] {
        let read = Command::MarkRead { conversation: in_team(), up_to: ReadUpTo::Newest };
        let done = desk.execute(&user("mallory"), read, context("mallory", n)).await;
        assert!(matches!(done, Ok(0) | Err(SharedError::Rejected(_))), "{done:?}");
    }
    assert_eq!(events(&store, &user("mallory").into()).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn r123_r124_members_join_and_leave_in_any_way() {
    let Some(server) = postgres_scratch::server() else { return };
    let desk = node(&server, |_| {}).await;
    let twice = ["bob", "bob", "alice", "carol"].map(user);
    desk.create_group(&context("alice", 1), &team(), GroupType::Work, &twice).await.unwrap();
    for n in 10..15 {
        desk.send(&context("alice", n), &in_team(), message(n)).await.unwrap();
    }
    let bob = desk.connect(&user("bob")).await.unwrap();
    let unread = |connection: &Connection| desk.totals(connection.session()).unwrap().unread;
    for (n, history) in [(20, History::Whole), (21, History::FromNow)] {
        let again = desk.join_group(&context("alice", n), &team(), &user("bob"), history).await.unwrap();
        assert_eq!((again.position, again.repeated, unread(&bob)), (0, true, 5), "a member already");
    }
    let joined =
        desk.join_group(&context("alice", 22), &team(), &user("dave"), History::FromNow).await.unwrap();
    let dave = desk.connect(&user("dave")).await.unwrap();
    for n in 30..33 {
        desk.send(&context("alice", n), &in_team(), message(n)).await.unwrap();
    }
    let again =
        desk.join_group(&context("alice", 22), &team(), &user("dave"), History::FromNow).await.unwrap();
    assert_eq!((again.position, again.reached), (joined.position, joined.reached), "the same joining");
    assert_eq!((unread(&bob), unread(&dave)), (8, 3));
    // Made a member by a server that ended before it gave a window.
    let made = event(41, "alice").membership_set(in_team(), Membership::Joined, Some(user("erin"))).unwrap();
    let stream = StreamId::from(SharedId::group(&team()));
    let tool = store(&server).await;
    tool.receive_many(std::slice::from_ref(&stream), &[encoded(&made)]).await.unwrap();
    desk.join_group(&context("alice", 42), &team(), &user("erin"), History::FromNow).await.unwrap();
    desk.send(&context("erin", 43), &in_team(), message(43)).await.unwrap();
    let erin = desk.connect(&user("erin")).await.unwrap();
    assert_eq!(rows(&desk, &erin).len(), 1, "it has the group in its list");
    assert_eq!((unread(&bob), unread(&dave), unread(&erin)), (9, 4, 0));
    // A second window, as one that another server gave: all that are open close.
    let open = event(40, "bob").history_window(in_team(), Watermark::Seq(7), None).unwrap();
    desk.append_own(&user("bob"), &[open]).await.unwrap();
    desk.leave_group(&context("bob", 50), &team(), &user("bob")).await.unwrap();
    let stranger = user("mallory");
    desk.leave_group(&context("alice", 51), &team(), &stranger).await.unwrap();
    desk.send(&context("alice", 52), &in_team(), message(52)).await.unwrap();
    assert_eq!((unread(&bob), unread(&dave)), (9, 5), "nothing is seen after leaving");
    let banned = desk.connect(&stranger).await.unwrap();
    assert_eq!(rows(&desk, &banned), [], "who never was a member sees nothing");
    desk.join_group(&context("alice", 60), &team(), &user("bob"), History::FromNow).await.unwrap();
    // Leaving is given again, late: what was opened since stays open.
    desk.leave_group(&context("bob", 50), &team(), &user("bob")).await.unwrap();
    desk.send(&context("alice", 61), &in_team(), message(61)).await.unwrap();
    assert_eq!(unread(&bob), 10);
    let state = desk.member(bob.session(), &in_team(), |row| row.membership()).unwrap();
    assert_eq!(state, Some(Membership::Joined));
    // Joining is given again, late, after leaving: it opens nothing.
    desk.leave_group(&context("dave", 70), &team(), &user("dave")).await.unwrap();
    desk.join_group(&context("alice", 22), &team(), &user("dave"), History::FromNow).await.unwrap();
    desk.create_group(&context("alice", 1), &team(), GroupType::Work, &twice).await.unwrap();
    let before = unread(&dave);
    desk.send(&context("alice", 71), &in_team(), message(71)).await.unwrap();
    assert_eq!((unread(&dave), unread(&bob)), (before, 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_group_begins_at_about_one_instant() {
    let Some(server) = postgres_scratch::server() else { return };
    let (desk, store) = (node(&server, |_| {}).await, store(&server).await);
    let members: Vec<UserId> = (0..1_500).map(|n| user(&format!("member{n}"))).collect();
    desk.create_group(&context("alice", 1), &team(), GroupType::Work, &members).await.unwrap();
    let stream = events(&store, &SharedId::group(&team()).into()).await;
    let last = stream.iter().map(Event::at).max().unwrap();
    assert_eq!(stream.len(), 1_502);
    assert!(last.as_millis() - context("alice", 1).time.as_millis() < 10, "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_follow_logs_that_are_replaced() {
    let Some(server) = postgres_scratch::server() else { return };
    let nodes = [node(&server, |_| {}).await, node(&server, |_| {}).await];
    let (desk, store) = (&nodes[0], store(&server).await);
    create(desk).await;
    desk.send(&context("alice", 10), &in_team(), message(10)).await.unwrap();
    let pin = Command::Pin { conversation: in_team(), on: true };
    for name in ["bob", "carol"] {
        desk.execute(&user(name), pin.clone(), context(name, 11)).await.unwrap();
    }
    let mut here = [desk.connect(&user("bob")).await.unwrap(), desk.connect(&user("carol")).await.unwrap()];
    let mut there =
        [nodes[1].connect(&user("bob")).await.unwrap(), nodes[1].connect(&user("carol")).await.unwrap()];
    let mut redaction = Redaction::default();
    redaction.choose_author(user("alice"));
    desk.redact(&SharedId::group(&team()).into(), redaction).await.unwrap();
    for session in here.iter_mut().chain(&mut there) {
        assert!(lags(session).await, "{}: what a message says is read anew", session.owner());
    }
    desk.erase(&user("bob").into()).await.unwrap();
    assert!(lags(&mut here[0]).await && lags(&mut there[0]).await);
    assert_eq!((rows(desk, &here[0]), rows(&nodes[1], &there[0])), (vec![], vec![]), "nothing is left");
    // A tool without a desk: servers hear of it all the same.
    let runtime = tokio::runtime::Handle::current();
    let mut tool = Blocking::new(store.clone(), runtime);
    tokio::task::spawn_blocking(move || tool.erase(&user("carol").into()).unwrap()).await.unwrap();
    assert!(lags(&mut here[1]).await && lags(&mut there[1]).await);
    assert_eq!((rows(desk, &here[1]), rows(&nodes[1], &there[1])), (vec![], vec![]));
    // The directory is written anew by hand.
    let named = |n: u8, name: &str| {
        event(n, "alice").user_profile_changed(user("alice"), Some(name.to_owned()), None, None).unwrap()
    };
    let alice = desk.connect(&user("alice")).await.unwrap();
    desk.set_profile(&named(1, "Alice")).await.unwrap();
    let other = encoded(&named(1, "Alix")).bytes;
    store.rewrite(&StreamId::Directory, &[(1, other)]).await.unwrap();
    let begun = Instant::now();
    let nickname = || {
        let nickname = |row: &chatfold::shared::Member<'_>| {
            row.last_message().and_then(|message| message.nickname().map(str::to_owned))
        };
        desk.member(alice.session(), &in_team(), nickname).unwrap()
    };
    while nickname().as_deref() != Some("Alix") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", nickname());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    desk.set_profile(&named(2, "Al")).await.unwrap();
    assert_eq!(nickname().as_deref(), Some("Al"), "and it goes on");
}

/// Whoever asks goes away at any moment: what was read by then is told to those who stay.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_where_reading_breaks_off() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, options) = (store(&server).await, DeskOptions::default());
    // It hears of nothing by itself.
    let desk = Desk::open(store.clone(), options).await.unwrap();
    create(&desk).await;
    let bob = desk.connect(&user("bob")).await.unwrap();
    let mut number = 0_u32;
    for polls in 1..=14 {
        let pins = (0..2_500).map(|_| {
            number += 1;
            let mut id = [8; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            let at = Timestamp::from_millis(1_772_355_700_000 + i64::from(number)).unwrap();
            let group = ConversationId::group(&GroupId::parse(&format!("g{}", number % 700)).unwrap());
            let pinned =
                Envelope::new(EventId::from_bytes(id), at, user("bob")).conversation_pinned(group, true);
            encoded(&pinned.unwrap())
        });
        let pins: Vec<NewEvent> = pins.collect();
        store.receive_many(&[user("bob").into()], &pins).await.unwrap();
        let bob = user("bob");
        let mut reading = pin!(desk.connect(&bob));
        for _ in 0..polls {
            let polled = std::future::poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await;
            if polled.is_ready() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    }
    let star = Command::Mark { conversations: vec![in_team()], mark: Mark::STAR, on: true };
    assert_eq!(desk.execute(&user("bob"), star, context("bob", 9_000)).await.unwrap(), 1);
    // The timelines of the other groups come by and by.
    let begun = Instant::now();
    while rows(&desk, &bob).len() != 700 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", rows(&desk, &bob).len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    check(&desk, &store, &bob, &[SharedId::group(&team())]).await;
}
