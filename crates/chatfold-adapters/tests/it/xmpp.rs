//! XMPP: lists of reactions in any order, whose instants and ids are believed, and what archives have of retracted messages.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::Watermark;
use chatfold::testing::Random;
use chatfold::view::Direction;
use chatfold::{ConversationId, Event, Inbox, Policy, Timestamp};
use chatfold_adapters::Adapter;
use serde_json::Value;

use crate::story::{adapter, at};

const NOW: &str = "2026-03-01T09:00:00.000Z";

fn xmpp() -> Box<dyn Adapter> {
    adapter("xmpp", "a@hs", "xmpp", &Value::Null)
}

/// The log and inbox of a client that takes these payloads, and how many faults they have.
fn taken(payloads: &[&str]) -> (Vec<Event>, Inbox, usize) {
    let mut xmpp = xmpp();
    let mut inbox = Inbox::new(xmpp.scope().owner().clone(), Policy::default());
    let (mut log, mut faults) = (Vec::new(), 0);
    for payload in payloads {
        let Ok(taken) = xmpp.take(payload.as_bytes(), at(NOW)) else {
            faults += 1;
            continue;
        };
        taken.all().for_each(|event| xmpp.learn(event));
        faults += taken.faults.len();
        let events = xmpp.settle(taken, &inbox);
        inbox.apply_batch(&events);
        log.extend(events);
    }
    (log, inbox, faults)
}

fn id(text: &str) -> ConversationId {
    text.parse().unwrap()
}

/// A result of the archive of `by`, of the millisecond `ms`.
fn archived(by: &str, id: &str, ms: i64, message: &str) -> String {
    let stamp = Timestamp::from_millis(ms).unwrap();
    format!(
        "<message from='{by}'><result xmlns='urn:xmpp:mam:2' id='{id}'><forwarded xmlns='urn:xmpp:forward:0'>\
         <delay xmlns='urn:xmpp:delay' stamp='{stamp}'/>{message}</forwarded></result></message>"
    )
}

fn in_room(nick: &str, id: &str, inner: &str) -> String {
    format!("<message xmlns='jabber:client' from='r@hs/{nick}' type='groupchat' id='{id}'>{inner}</message>")
}

/// A message of `from` in a chat, live.
fn live(from: &str, id: &str, inner: &str) -> String {
    format!(
        "<message xmlns='jabber:client' from='{from}' to='a@hs' type='chat' id='{id}'>{inner}\
         <stanza-id xmlns='urn:xmpp:sid:0' by='a@hs' id='s-{id}'/></message>"
    )
}

/// Lists of reactions of two occupants to two messages, read in any order, the messages among them, by clients that begin anew from their
/// logs: what shows of each is its newest list.
#[test]
fn the_newest_list_of_reactions_shows_in_whatever_order_an_archive_is_read() {
    let mut random = Random::new(0x5eed);
    let (mut backwards, mut emptied) = (0, 0);
    for _ in 0..300 {
        let mut newest: BTreeMap<(u64, &str), BTreeSet<String>> = BTreeMap::new();
        let mut payloads: Vec<(i64, String)> = (0..2_u64)
            .map(|n| {
                (
                    n as i64,
                    archived("r@hs", &format!("m{n}"), n as i64, &in_room("bob", "x", "<body>x</body>")),
                )
            })
            .collect();
        for ms in 10..10 + 2 + random.below(8) as i64 {
            let (message, nick) = (random.below(2), ["bob", "carol"][random.below(2) as usize]);
            let names: BTreeSet<String> =
                ["p", "q"].iter().filter(|_| random.below(2) == 0).map(|name| (*name).to_owned()).collect();
            let inner: String = names.iter().map(|name| format!("<reaction>{name}</reaction>")).collect();
            let inner =
                format!("<reactions xmlns='urn:xmpp:reactions:0' id='m{message}'>{inner}</reactions>");
            payloads.push((ms, archived("r@hs", &format!("l{ms}"), ms, &in_room(nick, "y", &inner))));
            emptied += usize::from(names.is_empty());
            newest.insert((message, nick), names);
        }
        for at in (1..payloads.len()).rev() {
            payloads.swap(at, random.below(at as u64 + 1) as usize);
        }
        backwards += payloads.windows(2).filter(|pair| pair[0].0 > pair[1].0).count();
        let mut adapter = xmpp();
        let mut inbox = Inbox::new(adapter.scope().owner().clone(), Policy::default());
        let mut log: Vec<Event> = Vec::new();
        for (_, payload) in &payloads {
            if random.below(3) == 0 {
                adapter = xmpp();
                log.iter().for_each(|event| adapter.learn(event));
            }
            let taken = adapter.take(payload.as_bytes(), at(NOW)).unwrap();
            assert_eq!(taken.faults, []);
            taken.all().for_each(|event| adapter.learn(event));
            let events = adapter.settle(taken, &inbox);
            inbox.apply_batch(&events);
            log.extend(events);
        }
        let row = inbox.conversation(&id("group_r@hs")).unwrap();
        let page = row.messages(Direction::OldestFirst, None, 2);
        for ((message, nick), names) in &newest {
            let reactions = page.messages[*message as usize].reactions();
            let user = format!("r@hs/{nick}");
            let shown = reactions.iter().filter(|given| given.users.iter().any(|by| by.as_str() == user));
            let shown: BTreeSet<String> = shown.map(|given| given.name.to_owned()).collect();
            assert_eq!(&shown, names, "of {nick} to m{message} after {payloads:#?}");
        }
    }
    assert!(backwards > 500 && emptied > 100, "{backwards} {emptied}");
}

/// Only the room, the account and its server date a message, and never later than it came.
#[test]
fn a_delay_is_believed_from_the_server_and_never_ahead() {
    let now = at(NOW);
    let early = at("2026-03-01T08:00:00.000Z");
    let shown = |message: &str| {
        let (_, inbox, faults) = taken(&[message]);
        assert_eq!(faults, 0);
        inbox.conversations().next().unwrap().last_message().unwrap().time()
    };
    let delay = |from: &str, stamp: &str| {
        format!("<body>x</body><delay xmlns='urn:xmpp:delay' {from} stamp='{stamp}'/>")
    };
    for (from, stamp, time) in [
        ("from='a@hs'", "2026-03-01T08:00:00Z", early),
        ("from='a@hs/x'", "2026-03-01T08:00:00Z", early),
        ("from='hs'", "2026-03-01T08:00:00Z", early),
        ("from='b@other'", "2026-03-01T08:00:00Z", now),
        ("from='other'", "1970-01-01T00:00:00Z", now),
        ("", "1970-01-01T00:00:00Z", now),
        ("", "yesterday", now),
        ("from='a@hs'", "9998-01-01T00:00:00Z", now),
    ] {
        assert_eq!(shown(&live("b@other/x", "1", &delay(from, stamp))), time, "{from} {stamp}");
    }
    // What the server says counts, whatever stands before it.
    let both = delay("from='b@other'", "1970-01-01T00:00:00Z") + &delay("from='hs'", "2026-03-01T08:00:00Z");
    assert_eq!(shown(&live("b@other/x", "1", &both)), early);
    let room = |from: &str| {
        in_room("bob", "1", &delay(from, "2026-03-01T08:00:00Z"))
            .replace("</message>", "<stanza-id xmlns='urn:xmpp:sid:0' by='r@hs' id='s'/></message>")
    };
    assert_eq!([shown(&room("from='r@hs'")), shown(&room("from='q@hs'"))], [early, now]);
}

/// The account's archive names what a room said by ids of its own.
#[test]
fn a_message_of_a_room_in_the_own_archive_is_one_message() {
    let stanza_id = "<stanza-id xmlns='urn:xmpp:sid:0' by='r@hs' id='room-1'/>";
    let message = |inner: &str| in_room("bob", "1", &format!("<body>x</body>{inner}"));
    let of_room = archived("r@hs", "room-1", 1_000, &message(""));
    let own = archived("a@hs", "own-7", 1_005, &message(stanza_id));
    let live = message(stanza_id);
    for payloads in [[&of_room, &own, &live], [&own, &live, &of_room], [&live, &of_room, &own]] {
        let (log, inbox, faults) = taken(&payloads.map(String::as_str));
        let row = inbox.conversation(&id("group_r@hs")).unwrap();
        let page = row.messages(Direction::OldestFirst, None, 9);
        let times: Vec<i64> = page.messages.iter().map(|message| message.time().as_millis()).collect();
        assert_eq!((times, row.unread_count(), faults), (vec![1_000], 1, 0), "{payloads:?}");
        let ids: BTreeSet<_> = log.iter().map(Event::id).collect();
        assert_eq!(ids.len(), log.len(), "three facts of one message");
    }
    let (log, _, faults) = taken(&[&archived("a@hs", "own-7", 1_005, &message(""))]);
    assert_eq!((log.len(), faults), (0, 0), "nothing names it for all devices");
}

/// The last item of a node is pushed to who comes online, with when it was published beside the event: a marker of old does not undo what
/// was marked unread since (R42).
#[test]
fn what_was_displayed_long_ago_does_not_undo_a_mark() {
    let displayed = |delay: &str| {
        format!(
            "<message from='a@hs'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:mds:displayed:0'>\
             <item id='b@hs'><displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='a@hs' id='2'/></displayed></item>\
             </items></event>{delay}</message>"
        )
    };
    let chat = |ms: i64| {
        archived(
            "a@hs",
            &ms.to_string(),
            ms,
            "<message from='b@hs/x' to='a@hs' type='chat'><body>x</body></message>",
        )
    };
    for (delay, unread) in [
        ("<delay xmlns='urn:xmpp:delay' stamp='2026-02-01T00:00:00Z'/>", 2),
        ("", 0),
        ("<delay xmlns='urn:xmpp:delay' stamp='2027-01-01T00:00:00Z'/>", 0),
    ] {
        let (_, mut inbox, _) = taken(&[&chat(1), &chat(2)]);
        let row = inbox.conversation(&id("c2c_b@hs")).unwrap();
        let first = row.messages(Direction::OldestFirst, None, 1).messages[0].id();
        let (conversation, owner) = (row.id().clone(), inbox.owner().clone());
        let envelope = |n: u8, when: &str| {
            chatfold::Envelope::new(chatfold::EventId::from_bytes([n; 16]), at(when), owner.clone())
        };
        let through =
            chatfold::event::Through::Watermark(Watermark::Time(Timestamp::from_millis(2).unwrap()));
        let read = envelope(1, "2026-02-01T00:00:00.000Z").conversation_read(conversation.clone(), through);
        let mark = envelope(2, "2026-02-15T00:00:00.000Z").marked_unread_from(conversation, first);
        inbox.apply_batch(&[read.unwrap(), mark.unwrap()]);
        assert_eq!(inbox.totals().unread, 2);
        let xmpp = xmpp();
        let taken = xmpp.take(displayed(delay).as_bytes(), at(NOW)).unwrap();
        assert_eq!(taken.faults, []);
        assert!(taken.observations.iter().all(|event| event.at() <= at(NOW)));
        let events = xmpp.settle(taken, &inbox);
        inbox.apply_batch(&events);
        assert_eq!(inbox.totals().unread, unread, "{delay}");
    }
}

/// An archive keeps the place of a retracted message without what it said, and the retraction of it.
#[test]
fn what_an_archive_has_of_a_retracted_message_is_known() {
    let retraction = archived(
        "r@hs",
        "r",
        2_000,
        &in_room("bob", "2", "<retract xmlns='urn:xmpp:message-retract:1' id='s'/>"),
    );
    let tombstone = |inner: &str| {
        let retracted = format!(
            "<retracted xmlns='urn:xmpp:message-retract:1' stamp='1970-01-01T00:00:02Z'>{inner}</retracted>"
        );
        archived("r@hs", "s", 1_000, &in_room("bob", "1", &retracted))
    };
    let moderated = "<moderated by='r@hs/eve' xmlns='urn:xmpp:message-moderate:1'/><reason>spam</reason>";
    for (payloads, by, reason) in [
        (vec![tombstone(""), retraction.clone()], "r@hs/bob", None),
        (vec![tombstone("")], "r@hs/bob", None),
        (vec![tombstone(moderated)], "r@hs", Some("spam")),
        (
            vec![archived("r@hs", "s", 1_000, &in_room("bob", "1", "<body>x</body>")), tombstone("")],
            "r@hs/bob",
            None,
        ),
    ] {
        let (_, inbox, faults) = taken(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
        let row = inbox.conversation(&id("group_r@hs")).unwrap();
        let page = row.messages(Direction::OldestFirst, None, 9);
        let recall = page.messages[0].recall().unwrap();
        assert_eq!((page.messages.len(), row.unread_count(), faults), (1, 0, 0), "{payloads:?}");
        assert_eq!((recall.by.as_str(), recall.reason), (by, reason), "{payloads:?}");
    }
    // Whoever writes so himself retracts nothing.
    let live = in_room(
        "eve",
        "1",
        "<retracted xmlns='urn:xmpp:message-retract:1'/><stanza-id xmlns='urn:xmpp:sid:0' by='r@hs' id='s'/>",
    );
    assert_eq!(taken(&[&live]).0, []);
}

/// Both sides of a chat may have chosen one id for their messages: who has read one has read that of the other.
#[test]
fn a_marker_names_a_message_of_the_other() {
    let chat = |from: &str, to: &str, id: &str, inner: &str| {
        format!(
            "<message xmlns='jabber:client' from='{from}' to='{to}' type='chat' id='{id}'>{inner}</message>"
        )
    };
    let own = archived("a@hs", "s1", 1_000, &chat("a@hs/y", "b@hs", "1", "<body>mine</body>"));
    let theirs = archived("a@hs", "s2", 2_000, &chat("b@hs/x", "a@hs", "1", "<body>theirs</body>"));
    let displayed = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>";
    let row = |from: &str, to: &str| {
        let marker = archived("a@hs", "s9", 3_000, &chat(from, to, "9", displayed));
        let (_, inbox, faults) = taken(&[&own, &theirs, &marker]);
        assert_eq!(faults, 0);
        let row = inbox.conversation(&id("c2c_b@hs")).unwrap();
        let page = row.messages(Direction::OldestFirst, None, 9);
        let mine = page.messages.iter().find(|message| message.is_own()).unwrap().is_peer_read();
        (row.unread_count(), mine)
    };
    assert_eq!([row("a@hs/y", "b@hs"), row("b@hs/x", "a@hs")], [(0, false), (1, true)]);
}

#[test]
fn a_correction_says_whom_the_message_mentions_now() {
    let mention =
        |jid: &str| format!("<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:{jid}'/>");
    let message =
        archived("r@hs", "s", 1_000, &in_room("bob", "1", &format!("<body>a</body>{}", mention("a@hs"))));
    for (jid, mentions) in [("a@hs", 1), ("c@hs", 0)] {
        let correction =
            format!("<body>b</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>{}", mention(jid));
        let (_, inbox, faults) =
            taken(&[&message, &archived("r@hs", "t", 2_000, &in_room("bob", "2", &correction))]);
        let row = inbox.conversation(&id("group_r@hs")).unwrap();
        assert_eq!((row.mention_count(), faults), (mentions, 0), "{jid}");
        assert_eq!(row.last_message().unwrap().text(), Some("b"));
    }
}
