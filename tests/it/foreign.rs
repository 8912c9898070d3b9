//! Ids and positions of other systems (R110–R117).

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Mark, Membership, ReceiveOption, Through, Watermark};
use chatfold::foreign::{
    DISCORD_EPOCH_MS, EventKey, ForeignError, META_FOREIGN, Network, Profile, ReactionKey, SlackTs,
    derive_seq, observe, read_id, read_number, read_snowflake_time,
};
use chatfold::jsonl::{decode_line, encode_event};
use chatfold::testing::Random;
use chatfold::{
    ConversationId, Envelope, Event, EventId, GroupId, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};
use proptest::prelude::*;

use crate::model;

fn network(name: &str) -> Network {
    Network::parse(name).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).unwrap()
}

const HASHED: &str = "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg";

/// A message of a Matrix room as a writer makes it, from what the server said alone.
fn matrix_event(foreign: &str, by: &str, ms: i64, text: &str) -> Event {
    let matrix = network("matrix");
    let room = ConversationId::group(&matrix.group("!r:hs").unwrap().id);
    let derived = matrix.message_id(foreign).unwrap();
    let id = EventKey::Introduced(foreign).id(&matrix, Some(&room));
    let mut envelope = Envelope::new(id, at(ms), matrix.user(by).unwrap().id);
    if let Some(foreign) = derived.keep {
        envelope.meta.insert(META_FOREIGN.to_owned(), foreign.into());
    }
    let mut message = Message::text(derived.id, text);
    message.seq = Some(derive_seq(at(ms)));
    envelope.message_received(room, message).unwrap()
}

#[test]
fn r110_a_network_is_a_word_and_an_instance() {
    for good in ["matrix", "slack/t024", "mattermost/chat.example.org", "a", "0123456789abcdef", "x/Ä b"] {
        assert_eq!(network(good).name(), good);
    }
    for (bad, error) in [
        ("", ForeignError::Word { found: String::new() }),
        ("Slack", ForeignError::Word { found: "Slack".into() }),
        ("0123456789abcdefg", ForeignError::Word { found: "0123456789abcdefg".into() }),
        ("a b/c", ForeignError::Word { found: "a b".into() }),
        ("slack/", ForeignError::Instance { found: String::new() }),
        ("irc/host:6697", ForeignError::Instance { found: "host:6697".into() }),
        ("irc/a\u{85}b", ForeignError::Instance { found: "a\u{85}b".into() }),
    ] {
        assert_eq!(Network::parse(bad), Err(error), "{bad:?}");
    }
    let long = format!("a/{}", "x".repeat(63));
    assert_eq!(Network::parse(&long), Err(ForeignError::NetworkTooLong { len_bytes: 65 }));
    assert!(Network::parse(&long[..64]).is_ok());
}

#[test]
fn r110_an_inbox_of_several_networks_tells_their_users_apart() {
    let (one, other) = (network("slack/t024").prefixing(), network("slack/t025").prefixing());
    assert_eq!(one.user("U061").unwrap().id.as_str(), "slack/t024:U061");
    assert_ne!(one.group("C1").unwrap().id, other.group("C1").unwrap().id);
    // Messages are scoped to their conversation, and their ids are the same with and without it.
    assert_eq!(one.message_id(HASHED), network("slack/t024").message_id(HASHED));
}

#[test]
fn r111_message_ids_have_three_forms() {
    let id = |network: &str, foreign: &str| Network::parse(network).unwrap().message_id(foreign).unwrap();
    // Computed by an independent program.
    assert_eq!(id("matrix", HASHED).id.to_string(), "a73b56f6-dea9-5fe7-927c-6a94a14d5473");
    assert_eq!(id("matrix", HASHED).keep.as_deref(), Some(HASHED));
    assert_eq!(id("slack/t024", "1700000000000100").id.to_string(), "00060a24-181e-8406-910d-193d31112510");
    assert_eq!(id("discord", "1175168000000000123").id.to_string(), "104f0911-d768-8007-ad0d-193d31112510");
    // A UUID is itself: of any version but 5, and unless it reads as an embedded number.
    let uuid = "0194f1e2-0000-7000-8000-0000000000a1";
    assert_eq!((id("x", uuid).id.to_string().as_str(), id("x", uuid).keep), (uuid, None));
    for hashed in [
        "a73b56f6-dea9-5fe7-927c-6a94a14d5473",
        "00060a24-181e-8406-910d-193d31112510",
        "0194F1E2-0000-7000-8000-0000000000A1",
        "0194f1e2000070008000-0000000000a1",
        "01",
        "18446744073709551616",
        "-1",
        "+1",
        "1.0",
        "٣",
        " 1",
    ] {
        let derived = id("x", hashed);
        assert_eq!(derived.keep.as_deref(), Some(hashed));
        assert_eq!(derived.id.uuid().get_version_num(), 5);
        assert_ne!(derived.id, id("y", hashed).id, "the network is part of it");
        assert_eq!(read_id(derived.id), None);
    }
    for plain in ["0", "7", "18446744073709551615", uuid] {
        assert_eq!(id("x", plain).keep, None);
        assert_eq!(read_id(id("x", plain).id).as_deref(), Some(plain));
    }
}

proptest! {
    #[test]
    fn r111_embedding_is_reversible_and_keeps_order(a: u64, b: u64, near in 0u64..64) {
        let id = |number: u64| network("x").message_id(&number.to_string()).unwrap().id;
        for (a, b) in [(a, b), (a, a.wrapping_add(near)), (a, a ^ (1 << near))] {
            prop_assert_eq!(read_number(id(a)), Some(a));
            prop_assert_eq!(id(a).cmp(&id(b)), a.cmp(&b));
        }
    }

    /// No two texts share an id, and what is kept and what the id tells together are the text.
    #[test]
    fn r112_the_way_back_is_complete(text in "[0-9]{1,21}|[0-9a-f-]{36}|\\PC{1,40}") {
        let derived = network("x").message_id(&text).unwrap();
        let back = derived.keep.map(String::from).or_else(|| read_id(derived.id));
        prop_assert_eq!(back, Some(text));
    }

    #[test]
    fn r115_every_user_has_an_id_of_at_most_128_bytes(text in "\\PC{1,300}") {
        let derived = network("x").user(&text).unwrap();
        prop_assert!(derived.id.as_str().len() <= 128);
        prop_assert_eq!(derived.keep.as_deref().unwrap_or(derived.id.as_str()), text);
    }
}

#[test]
fn r112_r113_r116_an_event_of_a_server_is_what_every_writer_makes() {
    let event = matrix_event(HASHED, "@bob:hs", 1_700_000_000_000, "hi");
    let line = concat!(
        r#"{"v":1,"id":"aac72c3e-7727-596f-817e-e1a4ba3007cf","at":"2023-11-14T22:13:20.000Z","by":"@bob:hs","#,
        r#""conversation":"group_!r:hs","type":"message_received","message":{"id":"a73b56f6-dea9-5fe7-927c-6a94a14d5473","#,
        r#""seq":1700000000000,"text":"hi"},"meta":{"foreign":"$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"}}"#,
    );
    assert_eq!(decode_line(line.as_bytes()).unwrap().known(), Some(&event));
}

#[test]
fn r115_long_ids_are_cut_and_kept_whole() {
    let id = format!("{}ß{}", "a".repeat(94), "b".repeat(40));
    let derived = network("xmpp").user(&id).unwrap();
    let (kept, hash) = derived.id.as_str().split_once('~').unwrap();
    assert_eq!((kept, hash.len()), ("a".repeat(94).as_str(), 32), "cut on the boundary of a character");
    assert_eq!(derived.keep.as_deref(), Some(id.as_str()));
    let other = network("xmpp").user(&format!("{id}c")).unwrap();
    assert_ne!(derived.id, other.id, "another end is another user");
    let whole = "a".repeat(128);
    assert_eq!(network("xmpp").group(&whole).unwrap().id.as_str(), whole);
    assert_eq!(network("xmpp").prefixing().user(&whole).unwrap().keep.as_deref(), Some(whole.as_str()));
}

#[test]
fn r115_ids_that_cannot_be_are_refused() {
    let network = network("x");
    let too_long = "a".repeat(4_097);
    for (bad, error) in [
        ("", ForeignError::Empty),
        ("a\nb", ForeignError::ControlCharacter { found: '\n', offset: 1 }),
        ("\u{7f}", ForeignError::ControlCharacter { found: '\u{7f}', offset: 0 }),
        (too_long.as_str(), ForeignError::TooLong { len_bytes: 4_097 }),
    ] {
        assert_eq!(network.message_id(bad), Err(error.clone()));
        assert_eq!(network.user(bad).map(|user| user.id), Err(error.clone()));
        assert_eq!(network.group(bad).map(|group| group.id), Err(error));
    }
    assert!(network.message_id(&too_long[1..]).is_ok());
}

/// One key of each kind, and others that differ in one thing alone: all their ids differ.
#[test]
fn r113_whatever_differs_has_another_event_id() {
    let (bob, carol, group) = (user("bob"), user("carol"), GroupId::parse("g").unwrap());
    let (name, both) =
        (BTreeMap::from([("nickname", "B")]), BTreeMap::from([("nickname", "B"), ("remark", "")]));
    let quoted = BTreeMap::from([("nickname", "B\",\"remark\":\"")]);
    let reaction = ReactionKey { message: "m", reaction: "+1", actor: &bob, on: true, event: "5" };
    let seq = Through::Watermark(Watermark::Seq(5));
    let keys = [
        EventKey::Introduced("m"),
        EventKey::Introduced("n"),
        EventKey::Edited("m", 1),
        EventKey::Edited("m", 2),
        EventKey::Recalled("m"),
        EventKey::Reacted(reaction),
        EventKey::Reacted(ReactionKey { message: "n", ..reaction }),
        EventKey::Reacted(ReactionKey { reaction: "-1", ..reaction }),
        EventKey::Reacted(ReactionKey { reaction: "+1\nbob", ..reaction }),
        EventKey::Reacted(ReactionKey { reaction: "\"+1\\nbob\"", ..reaction }),
        EventKey::Reacted(ReactionKey { actor: &carol, ..reaction }),
        EventKey::Reacted(ReactionKey { on: false, ..reaction }),
        EventKey::Reacted(ReactionKey { event: "6", ..reaction }),
        EventKey::Read { actor: &bob, through: seq, at: at(5) },
        EventKey::Read { actor: &bob, through: seq, at: at(6) },
        EventKey::Read { actor: &carol, through: seq, at: at(5) },
        EventKey::Read { actor: &bob, through: Through::Message(MessageId::from_bytes([1; 16])), at: at(5) },
        EventKey::PeerRead { actor: &bob, through: seq, at: at(5) },
        EventKey::ReadByName { targets: &["m", "n"], on: true, at: at(5) },
        EventKey::ReadByName { targets: &["m", "n"], on: false, at: at(5) },
        EventKey::ReadByName { targets: &["m"], on: true, at: at(5) },
        EventKey::Deleted { targets: &["m", "n"], at: at(5) },
        EventKey::Deleted { targets: &["mn"], at: at(5) },
        EventKey::Pinned { on: true, at: at(5) },
        EventKey::Pinned { on: false, at: at(5) },
        EventKey::Marked { mark: Mark::STAR, on: true, at: at(5) },
        EventKey::Marked { mark: Mark::HIDE, on: true, at: at(5) },
        EventKey::ReceiveOption { option: ReceiveOption::NotReceive, until: None, at: at(5) },
        EventKey::ReceiveOption { option: ReceiveOption::NotReceive, until: Some(at(9)), at: at(5) },
        EventKey::ReceiveOption { option: ReceiveOption::Receive, until: None, at: at(5) },
        EventKey::CustomData { data: b"", at: at(5) },
        EventKey::CustomData { data: b"\n5", at: at(5) },
        EventKey::Archived { on: true, stay: true, at: at(5) },
        EventKey::Archived { on: true, stay: false, at: at(5) },
        EventKey::Membership { user: Some(&bob), state: Membership::Joined, at: at(5) },
        EventKey::Membership { user: Some(&bob), state: Membership::Left, at: at(5) },
        EventKey::Membership { user: None, state: Membership::Dissolved, at: at(5) },
        EventKey::Profile { of: Profile::User(&bob), changed: &name, at: at(5) },
        EventKey::Profile { of: Profile::User(&bob), changed: &both, at: at(5) },
        EventKey::Profile { of: Profile::User(&bob), changed: &quoted, at: at(5) },
        EventKey::Profile { of: Profile::Group(&group), changed: &name, at: at(5) },
        EventKey::Other { type_name: "draft_set", parts: &["m", "n"], at: at(5) },
        EventKey::Other { type_name: "draft_set", parts: &["m\nn"], at: at(5) },
        EventKey::Other { type_name: "draft_set", parts: &["m", "n"], at: at(6) },
        EventKey::Other { type_name: "unread_reported", parts: &["m", "n"], at: at(5) },
    ];
    let rooms = [None, Some("group_g"), Some("c2c_bob")].map(|id| id.map(|id| id.parse().unwrap()));
    let mut ids = BTreeSet::new();
    for network in [network("x"), network("y"), network("x/y")] {
        for (room, key) in rooms.iter().flat_map(|room| keys.iter().map(move |key| (room.as_ref(), key))) {
            assert!(ids.insert(key.id(&network, room)), "{key:?} in {room:?} of {network}");
            assert_eq!(key.id(&network, room), key.clone().id(&network.clone().prefixing(), room));
        }
    }
    assert_eq!(ids.len(), 3 * 3 * keys.len());
}

#[test]
fn r117_positions_of_servers_without_a_seq() {
    assert_eq!(derive_seq(Timestamp::EPOCH), 1);
    assert_eq!(derive_seq(at(1_700_000_000_000)), 1_700_000_000_000);
    let ts: SlackTs = "1700000000.000100".parse().unwrap();
    assert_eq!((ts.number(), ts.time().unwrap()), (1_700_000_000_000_100, at(1_700_000_000_000)));
    assert_eq!(ts.to_string(), "1700000000.000100");
    for bad in [
        "",
        "1700000000",
        "1700000000.1",
        "1700000000.0001000",
        ".000100",
        "017.000100",
        "1e9.000100",
        "-1.000100",
    ] {
        assert!(bad.parse::<SlackTs>().is_err(), "{bad}");
    }
    let snowflake = 1_175_168_000_000_000_123;
    let ms = (snowflake >> 22) as i64 + 1_420_070_400_000;
    assert_eq!(read_snowflake_time(snowflake, DISCORD_EPOCH_MS), Ok(at(ms)));
    assert!(read_snowflake_time(u64::MAX, i64::MAX).is_err() && read_snowflake_time(0, -1).is_err());
}

/// Messages of a room whose seqs are milliseconds, several in one: a list folded in any order is the reference model's,
/// and embedded ids keep the server's order inside one millisecond.
#[test]
fn r117_equal_seqs_are_ordered_by_the_rest_of_the_position() {
    let mut random = Random::new(117);
    let alice = user("alice");
    for _ in 0..200 {
        let mut events: Vec<Event> = (0..12u64)
            .map(|n| matrix_event(&(1_000 + n).to_string(), "bob", 1_000 + n as i64 / 4, &n.to_string()))
            .collect();
        for n in (1..events.len()).rev() {
            events.swap(n, random.below(n as u64 + 1) as usize);
        }
        let inbox = Inbox::replay(alice.clone(), Policy::default(), &events);
        let shown = model::shown(&alice, Policy::default(), &events);
        assert_eq!(inbox.totals().unread, shown.unread);
        let view = inbox.conversations().next().unwrap();
        let texts: Vec<_> = view
            .messages(chatfold::view::Direction::OldestFirst, None, 20)
            .messages
            .iter()
            .map(|message| message.text().unwrap().to_owned())
            .collect();
        assert_eq!(texts, (0..12).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn r114_two_writers_of_one_server_write_the_same_lines() {
    let said: Vec<(String, &str, i64)> = (0..40)
        .map(|n| {
            let foreign = if n % 3 == 0 { format!("$event{n}") } else { (7_000 + n).to_string() };
            (foreign, if n % 2 == 0 { "@bob:hs" } else { "@carol:hs" }, 1_000 + n)
        })
        .collect();
    let line = |(foreign, by, ms): &(String, &str, i64)| encode_event(&matrix_event(foreign, by, *ms, "x"));
    let one: BTreeSet<String> = said.iter().map(line).collect();
    let other: BTreeSet<String> = said.iter().rev().chain(&said).map(line).collect();
    assert_eq!((one.len(), &one), (40, &other));
}

#[test]
fn r114_an_observation_is_written_where_it_says_something_new() {
    let alice = user("alice");
    let chat: ConversationId = "c2c_bob".parse().unwrap();
    let envelope = |n: u8| Envelope::new(EventId::from_bytes([n; 16]), at(i64::from(n)), alice.clone());
    let pinned = |n: u8, on| envelope(n).conversation_pinned(chat.clone(), on).unwrap();
    let mut inbox = Inbox::new(alice.clone(), Policy::default());
    assert_eq!(observe(&inbox, pinned(1, false)), None, "it is not pinned");
    let found = observe(&inbox, pinned(2, true)).expect("it is new");
    assert_eq!(inbox.conversations().count(), 0, "the inbox stays as it is");
    inbox.apply(&found);
    assert_eq!(observe(&inbox, pinned(3, true)), None);
    assert_eq!(observe(&inbox, pinned(1, false)), None, "an older one changes nothing");
    assert!(observe(&inbox, pinned(4, false)).is_some());
}

/// The queued message and the received one may both show until the server answers; then there is one, and it is not
/// unread, whichever comes first.
#[test]
fn r118_an_own_message_takes_the_servers_id_when_it_answers() {
    let alice = user("alice");
    let matrix = network("matrix");
    let room = ConversationId::group(&matrix.group("!r:hs").unwrap().id);
    let envelope = |n: u8, ms| Envelope::new(EventId::from_bytes([n; 16]), at(ms), alice.clone());
    let local = MessageId::from_bytes([9; 16]);
    let mut draft = Message::text(local, "hi");
    draft.seq = Some(0);
    let queued = envelope(1, 1_000).message_queued(room.clone(), draft).unwrap();
    let received = matrix_event(HASHED, "alice", 1_005, "hi");
    let deleted = envelope(2, 1_010).messages_deleted(room, vec![local]).unwrap();
    for order in
        [[&queued, &received, &deleted], [&deleted, &queued, &received], [&received, &deleted, &queued]]
    {
        let inbox = Inbox::replay(alice.clone(), Policy::default(), order);
        let view = inbox.conversations().next().unwrap();
        let shown = view.messages(chatfold::view::Direction::OldestFirst, None, 9).messages;
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].id(), matrix.message_id(HASHED).unwrap().id);
        assert_eq!(view.unread_count(), 0);
    }
}
