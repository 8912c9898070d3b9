//! The rules of shared histories, a story each.

use chatfold::command::Role;
use chatfold::event::{Fact, Membership, Mentions, Through, Watermark};
use chatfold::shared::{
    Directory, Hub, Member, Memberships, OwnMessagesRead, SharedId, StreamId, Timeline, Unplaced, streams_of,
};
use chatfold::view::Direction;
use chatfold::{
    Command, Context, ConversationId, Envelope, Event, EventId, GroupId, Message, MessageId, Policy,
    Timestamp, UserId,
};

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn by(n: u8, name: &str) -> Envelope {
    let at = Timestamp::from_millis(i64::from(n) * 1_000).unwrap();
    Envelope::new(EventId::from_bytes([n; 16]), at, user(name))
}

fn id(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

fn team() -> SharedId {
    SharedId::group(&GroupId::parse("team").unwrap())
}

/// A message of this number and seq in the group.
fn said(n: u8, name: &str, change: impl FnOnce(&mut Message)) -> Event {
    let mut message = Message::text(id(n), "hello").with_seq(n.into());
    change(&mut message);
    by(n, name).message_received(team().conversation().clone(), message).unwrap()
}

/// A group of these events, and the facts of one member.
struct Group {
    timeline: Timeline,
    directory: Directory,
    member: Memberships,
}

impl Group {
    fn of(events: &[Event]) -> Self {
        let member = Memberships::new(user("alice"), Policy::default()).unwrap();
        Self { timeline: Timeline::replay(&team(), events), directory: Directory::new(), member }
    }

    /// The same after something of the member's own.
    fn own(mut self, n: u8, fact: impl FnOnce(Envelope, ConversationId) -> Event) -> Self {
        self.member.apply(&fact(by(n, "alice"), team().conversation().clone()));
        self
    }

    fn window(self, n: u8, after: u64, through: Option<u64>) -> Self {
        let through = through.map(Watermark::Seq);
        self.own(n, |by, team| by.history_window(team, Watermark::Seq(after), through).unwrap())
    }

    fn view(&self) -> Member<'_> {
        self.member.member(&self.timeline, &self.directory).unwrap()
    }

    /// Unread, mentions, and the number of the last message.
    fn row(&self) -> (u64, u64, Option<u8>) {
        let view = self.view();
        let last = view.last_message().map(|message| message.id().as_bytes()[0]);
        (view.unread_count(), view.mention_count(), last)
    }
}

#[test]
fn r121_every_event_has_its_streams() {
    let alice = user("alice");
    let place = |event: Event| {
        let placed = streams_of(&alice, &event)?;
        Ok(placed.into_iter().map(|(stream, _)| stream.to_string()).collect::<Vec<_>>())
    };
    let group = team().conversation().clone();
    let streams = |events: &[&str]| Ok(events.iter().map(|stream| (*stream).to_owned()).collect());
    assert_eq!(place(said(1, "bob", |_| ())), streams(&["c:group_team"]));
    assert_eq!(
        place(by(2, "alice").conversation_pinned(group.clone(), true).unwrap()),
        streams(&["a:alice"])
    );
    let named = by(3, "bob").user_profile_changed(user("bob"), Some("Bob".into()), None, None).unwrap();
    assert_eq!(place(named), streams(&["d"]));
    assert_eq!(
        place(by(4, "alice").conversation_opened(group.clone(), None).unwrap()),
        streams(&["a:alice"])
    );
    let others = by(5, "bob").conversation_pinned(group.clone(), true).unwrap();
    assert_eq!(place(others), Err(Unplaced::OfAnother));
    let queued = by(6, "alice").message_queued(group, Message::text(id(6), "hi").with_seq(1)).unwrap();
    assert_eq!(place(queued), Err(Unplaced::OfADevice { type_name: "message_queued" }));
    for text in ["a:alice", "c:group_team", "c:c2c_bob\talice", "d"] {
        assert_eq!(text.parse::<StreamId>().unwrap().to_string(), text);
    }
    for text in ["", "x:alice", "c:c2c_bob", "c:c2c_alice\tbob", "a:", "dd"] {
        assert!(text.parse::<StreamId>().is_err(), "{text}");
    }
}

#[test]
fn r122_a_direct_chat_is_one_stream_for_the_pair() {
    let (alice, bob) = (user("alice"), user("bob"));
    let chat = SharedId::direct(&alice, &bob);
    let from_bob = by(1, "bob").message_received(ConversationId::direct(&bob), Message::text(id(1), "hi"));
    let from_alice =
        by(2, "alice").message_received(ConversationId::direct(&bob), Message::text(id(2), "ho"));
    let mut timeline = Timeline::new(&chat);
    let [mut ours, mut theirs] =
        [&alice, &bob].map(|user| Memberships::new(user.clone(), Policy::default()).unwrap());
    let through = Through::Watermark(Watermark::Time(Timestamp::from_millis(2_000).unwrap()));
    let read = by(3, "bob").conversation_read(ConversationId::direct(&alice), through);
    let logs = [(&alice, from_bob.unwrap()), (&alice, from_alice.unwrap()), (&bob, read.unwrap())];
    for (owner, event) in logs {
        for (stream, event) in streams_of(owner, &event).unwrap() {
            match stream {
                StreamId::Account(user) if user == alice => ours.apply(&event),
                StreamId::Account(_) => theirs.apply(&event),
                StreamId::Conversation(id) => {
                    assert_eq!((&id, event.type_name() == "peer_read"), (&chat, owner == &bob));
                    timeline.apply(&event);
                }
                StreamId::Directory => panic!("no profile"),
            }
        }
    }
    let stranger = by(4, "carol").message_received(chat.conversation().clone(), Message::text(id(4), "hey"));
    timeline.apply(&stranger.unwrap());
    let directory = Directory::new();
    let [ours, theirs] = [&ours, &theirs].map(|member| member.member(&timeline, &directory).unwrap());
    assert_eq!((ours.id().as_str(), theirs.id().as_str()), ("c2c_bob", "c2c_alice"));
    assert_eq!((ours.unread_count(), theirs.unread_count()), (1, 0), "bob read, carol is no party (R17)");
    assert!(ours.last_message().unwrap().is_peer_read() && ours.peer_read_marker().is_some());
    assert!(theirs.peer_read_marker().is_none());
    let carol = Memberships::new(user("carol"), Policy::default()).unwrap();
    assert!(carol.member(&timeline, &directory).is_none(), "a direct chat of others");
}

#[test]
fn r123_r124_joining_leaving_and_joining_again() {
    let events: Vec<Event> = (1..=9).map(|n| said(n, "bob", |_| ())).collect();
    assert_eq!(Group::of(&events).row(), (9, 0, Some(9)), "without a window all is seen");
    let late = Group::of(&events).window(20, 6, None);
    assert_eq!(late.row(), (3, 0, Some(9)));
    let left = Group::of(&events).window(20, 2, None).window(21, 2, Some(5));
    assert_eq!(left.row(), (3, 0, Some(5)), "what came after leaving is unknown");
    let again = left.window(22, 8, None);
    assert_eq!(again.row(), (4, 0, Some(9)));
    let ids: Vec<u8> = again.view().unread().map(|message| message.id().as_bytes()[0]).collect();
    assert_eq!(ids, [3, 4, 5, 9]);
    assert!(again.view().message(id(7)).is_none());
    // A recall of what is seen counts whenever it was written.
    let mut again = again;
    again
        .timeline
        .apply(&by(30, "bob").message_recalled(team().conversation().clone(), id(4), None).unwrap());
    assert_eq!(again.row(), (3, 0, Some(9)));
    // With the whole history open, joining is also a read: else a newcomer has all of it unread.
    let open = Group::of(&events)
        .own(23, |by, team| by.conversation_read(team, Through::Watermark(Watermark::Seq(9))).unwrap());
    assert_eq!(open.row(), (0, 0, Some(9)));
}

/// Each term of the sum: messages, own ones, those recalled, excluded, targeted or online-only, tombstones, reads by name,
/// the marker, clearings and deletions.
#[test]
fn r126_unread_is_asked_by_rank() {
    let mut events: Vec<Event> = (1..=9).map(|n| said(n, "bob", |_| ())).collect();
    events.push(said(10, "alice", |_| ()));
    events.push(said(11, "bob", |message| message.excluded_from_unread = true));
    events.push(said(12, "bob", |message| message.online_only = true));
    events.push(said(13, "bob", |message| message.recipients = vec![user("alice")]));
    events.push(by(14, "bob").message_recalled(team().conversation().clone(), id(9), None).unwrap());
    assert_eq!(Group::of(&events).row().0, 8);
    let read = |n| {
        move |by: Envelope, team| by.conversation_read(team, Through::Watermark(Watermark::Seq(n))).unwrap()
    };
    assert_eq!(Group::of(&events).own(40, read(3)).row().0, 5);
    let deleted =
        |targets: Vec<MessageId>| move |by: Envelope, team| by.messages_deleted(team, targets).unwrap();
    // Of what is deleted, one was read anyway, one is own and one recalled: each is taken off once, where it counted.
    let taken = Group::of(&events).own(40, read(3)).own(41, deleted(vec![id(2), id(5), id(9), id(10)]));
    assert_eq!(taken.row().0, 4);
    let named = |on| move |by: Envelope, team| by.messages_read(team, vec![id(5), id(6)], on).unwrap();
    let taken = taken.own(42, named(true));
    assert_eq!(taken.row().0, 3, "deleted and read by name is taken off once");
    assert_eq!(taken.own(43, named(false)).row().0, 4);
    let cleared = |by: Envelope, team| by.history_cleared(team, Watermark::Seq(7)).unwrap();
    assert_eq!(Group::of(&events).own(40, cleared).row(), (1, 0, Some(13)));
    let kept = |by: Envelope, team| {
        let fact = Fact::Deleted { through: Watermark::Seq(4), keep_messages: true, also: vec![id(8)] };
        Event::new(by, chatfold::event::Body::Conversation(team, fact)).unwrap()
    };
    let kept = Group::of(&events).own(40, kept);
    assert_eq!((kept.row().0, kept.view().message(id(2)).is_some()), (3, true));
    let back = |by: Envelope, team| by.marked_unread_from(team, id(7)).unwrap();
    assert_eq!(Group::of(&events).own(40, read(13)).own(41, back).row().0, 2);
}

#[test]
fn r127_mentions_last_message_and_targets() {
    let mention =
        |users: &[&str], all| Mentions { users: users.iter().map(|name| user(name)).collect(), all };
    let events = [
        said(1, "bob", |message| message.mentions = mention(&["alice"], false)),
        said(2, "bob", |message| message.mentions = mention(&[], true)),
        said(3, "bob", |message| message.mentions = mention(&["alice", "carol"], true)),
        said(4, "alice", |message| message.mentions = mention(&["alice"], true)),
        said(5, "bob", |message| message.mentions = mention(&["carol"], false)),
        said(6, "bob", |message| {
            message.recipients = vec![user("alice")];
            message.mentions = mention(&[], true);
        }),
        said(7, "bob", |message| message.recipients = vec![user("carol")]),
        said(8, "alice", |message| message.recipients = vec![user("carol")]),
    ];
    let group = Group::of(&events);
    assert_eq!(group.row(), (4, 4, Some(8)), "own targeted messages are the author's");
    let seqs =
        |group: &Group| group.view().mentions().iter().map(|at| (at.seq, at.kind as u8)).collect::<Vec<_>>();
    assert_eq!(seqs(&group), [(1, 1), (2, 2), (3, 3), (6, 2)]);
    assert!(group.view().message(id(7)).is_none(), "targeted at others (R18)");
    let targets = vec![id(8), id(6), id(5), id(3)];
    let group = group.own(40, |by, team| by.messages_deleted(team, targets).unwrap());
    assert_eq!(group.row(), (2, 2, Some(4)));
    assert_eq!(seqs(&group), [(1, 1), (2, 2)]);
    let mut group = group;
    let edit =
        chatfold::event::Edit { version: 1, mentions: Some(mention(&[], false)), ..Default::default() };
    group
        .timeline
        .apply(&by(41, "bob").message_modified(team().conversation().clone(), id(1), edit).unwrap());
    assert_eq!(seqs(&group), [(2, 2)]);
    let live = chatfold::event::GroupType::AvChatRoom;
    group
        .timeline
        .apply(&by(42, "bob").conversation_opened(team().conversation().clone(), Some(live)).unwrap());
    assert_eq!(group.row(), (0, 0, Some(4)));
}

#[test]
fn r125_who_opened_and_who_is_a_member_is_kept_by_user() {
    let group = team().conversation().clone();
    let set = |n, state, of: &str| by(n, "bob").membership_set(group.clone(), state, Some(user(of))).unwrap();
    let work = chatfold::event::GroupType::Work;
    let events = [
        by(1, "alice").conversation_opened(group.clone(), Some(work)).unwrap(),
        set(2, Membership::Joined, "alice"),
        set(3, Membership::Left, "carol"),
    ];
    let opened = Group::of(&events);
    assert!(opened.view().is_listed() && opened.view().membership() == Some(Membership::Joined));
    let carol = Memberships::new(user("carol"), Policy::default()).unwrap();
    let view = carol.member(&opened.timeline, &opened.directory).unwrap();
    assert!(!view.is_listed() && view.membership() == Some(Membership::Left));
    assert_eq!(view.group_type(), Some(work));
}

#[test]
fn r39_own_messages_are_no_reads_in_shared_histories() {
    let policy = Policy::default().with_own_message_reads(true);
    assert_eq!(Memberships::new(user("alice"), policy).err(), Some(OwnMessagesRead));
}

#[test]
fn r128_several_sessions_share_what_the_hub_holds_of_an_account() {
    let group = || Group::of(&[]).window(1, 0, None);
    let mut hub = Hub::new(Directory::new());
    let phone = hub.connect(group().member).unwrap();
    let laptop = hub.join(&user("alice")).unwrap();
    assert!(hub.join(&user("bob")).is_none());
    assert_eq!(hub.sessions_of(&user("alice")).collect::<Vec<_>>(), [phone, laptop]);
    hub.provide(Timeline::new(&team()));
    assert!(hub.evict(&team()).is_none(), "somebody sees it");
    assert_eq!(hub.seeing(&team()).collect::<Vec<_>>(), [&user("alice")]);
    let delivery = hub.shared(&team(), &[said(1, "bob", |_| ())]);
    assert_eq!((delivery.changes.len(), delivery.messages), (1, vec![id(1)]));
    assert!(hub.shared(&team(), &[said(1, "bob", |_| ())]).is_empty(), "told once");
    assert!(hub.disconnect(phone).is_none(), "the laptop is still there");
    assert_eq!(hub.totals(laptop).map(|totals| totals.unread), Some(1));
    let nothing = || Memberships::new(user("alice"), Policy::default()).unwrap();
    assert!(hub.replace(nothing()), "her stream was erased");
    assert_eq!(hub.totals(laptop).map(|totals| totals.unread), Some(0), "the session is the same");
    assert_eq!(hub.seeing(&team()).count(), 0);
    assert!(hub.disconnect(laptop).is_some() && hub.totals(laptop).is_none());
    assert_eq!(hub.idle().collect::<Vec<_>>(), [&team()]);
    assert_eq!(hub.evict(&team()).map(|timeline| timeline.version()), Some(2));
    assert!(hub.shared(&team(), &[said(2, "bob", |_| ())]).is_empty());
}

/// What the account deleted or read by name before it came, or before it was recalled, is asked and not counted along.
#[test]
fn r128_the_hub_asks_of_messages_that_the_account_named() {
    let deleted = |by: Envelope, team| by.messages_deleted(team, vec![id(2)]).unwrap();
    let member = Group::of(&[]).window(1, 0, None).own(9, deleted).member;
    let mut hub = Hub::new(Directory::new());
    let session = hub.connect(member).unwrap();
    hub.provide(Timeline::new(&team()));
    let last = |hub: &Hub| {
        let view = hub.member(session, team().conversation()).unwrap();
        (hub.totals(session).unwrap().unread, view.last_message().map(|message| message.id()))
    };
    hub.shared(&team(), &[said(1, "bob", |_| ())]);
    assert_eq!(last(&hub), (1, Some(id(1))), "another than the one that it named");
    hub.shared(&team(), &[said(2, "bob", |_| ())]);
    assert_eq!(last(&hub), (1, Some(id(1))), "the one that it deleted before it came");
    let recalled =
        |n: u8, of: u8| by(n, "bob").message_recalled(team().conversation().clone(), id(of), None).unwrap();
    hub.shared(&team(), &[recalled(20, 2)]);
    assert_eq!(last(&hub), (1, Some(id(1))), "its recall takes nothing away");
    hub.shared(&team(), &[recalled(21, 1)]);
    assert_eq!(last(&hub), (0, Some(id(1))), "that of the other does");
}

/// What is left of a history can be cleared, whatever it counts for.
#[test]
fn r120_r66_what_shows_in_no_row_is_cleared_too() {
    let events = [said(1, "bob", |message| message.excluded_from_last = true), said(2, "bob", |_| ())];
    let deleted = |by: Envelope, team| by.messages_deleted(team, vec![id(2)]).unwrap();
    let mut group = Group::of(&events).window(3, 0, None).own(4, deleted);
    let seed = [9; 16];
    let context = Context::new(user("alice"), Role::Member, by(20, "alice").at, seed);
    let clear = Command::ClearHistory { conversation: team().conversation().clone() };
    let decided = |group: &Group| {
        let timeline = |id: &SharedId| (*id == team()).then_some(&group.timeline);
        group.member.decide(&clear, &context, timeline, &group.directory).unwrap().events
    };
    let events = decided(&group);
    assert_eq!(events.len(), 1, "{events:?}");
    events.iter().for_each(|event| group.member.apply(event));
    assert_eq!(group.view().messages(Direction::OldestFirst, None, 9).messages.len(), 0);
    assert_eq!(decided(&group), [], "it is cleared");
    // Whoever has nothing to do with the group decides nothing of it.
    let stranger = Memberships::new(user("alice"), Policy::default()).unwrap();
    assert_eq!(stranger.judges_over(&clear), []);
    let timeline = |_: &SharedId| Some(&group.timeline);
    assert!(stranger.decide(&clear, &context, timeline, &group.directory).unwrap().events.is_empty());
}

/// Where a read begins that reads all.
#[test]
fn r66_a_view_says_whether_reading_it_would_add_anything() {
    let excluded = |message: &mut Message| {
        message.excluded_from_unread = true;
        message.mentions = Mentions { users: vec![user("alice")], all: false };
    };
    let group = Group::of(&[said(1, "bob", |_| ()), said(2, "bob", excluded)]).window(3, 0, None);
    assert_eq!((group.row(), group.view().is_read_wholly()), ((1, 1, Some(2)), false));
    let read = |seq| {
        move |by: Envelope, team| by.conversation_read(team, Through::Watermark(Watermark::Seq(seq))).unwrap()
    };
    let group = group.own(4, read(1));
    assert_eq!((group.row(), group.view().is_read_wholly()), ((0, 1, Some(2)), false));
    let group = group.own(5, read(2));
    assert_eq!((group.row(), group.view().is_read_wholly()), ((0, 0, Some(2)), true));
}

/// However many messages the account took out, one by one: the last that it did not is found, among those that everybody knows
/// and those targeted at it.
#[test]
fn r127_r128_the_last_message_is_found_behind_many_that_the_account_took_out() {
    let member = Group::of(&[]).window(1, 0, None).member;
    let mut hub = Hub::new(Directory::new());
    let session = hub.connect(member).unwrap();
    hub.provide(Timeline::new(&team()));
    let to_alice = |message: &mut Message| message.recipients = vec![user("alice")];
    let message = |n| if n % 10 < 4 { said(n, "bob", to_alice) } else { said(n, "bob", |_| ()) };
    let mut messages: Vec<_> = (1..=20).map(message).collect();
    for message in &messages {
        hub.shared(&team(), std::slice::from_ref(message));
    }
    let last = |hub: &Hub| {
        let view = hub.member(session, team().conversation()).unwrap();
        (hub.totals(session).unwrap().unread, view.last_message().map(|message| message.id()))
    };
    // Of twenty 1 to 3, 10 to 13 and 20 are targeted, and count for nobody.
    assert_eq!(last(&hub), (12, Some(id(20))));
    let deletes = |hub: &mut Hub, n: u8| {
        let deleted = by(100 + n, "alice").messages_deleted(team().conversation().clone(), vec![id(n)]);
        hub.personal(&user("alice"), &[deleted.unwrap()]);
    };
    let mut unread = 12;
    for n in (5..=20).rev() {
        deletes(&mut hub, n);
        unread -= u64::from(n % 10 >= 4);
        assert_eq!(last(&hub), (unread, Some(id(n - 1))));
    }
    messages.reverse();
    hub.provide(Timeline::replay(&team(), &messages));
    assert_eq!(last(&hub), (1, Some(id(4))), "in a timeline that took them in otherwise");
    for (n, left) in [(4, Some(3)), (2, Some(3)), (3, Some(1)), (1, None)] {
        deletes(&mut hub, n);
        assert_eq!(last(&hub), (0, left.map(id)));
    }
}
