//! R08's other half: a constant digest passes every law of convergence, so for each thing shown there is a
//! pair of inboxes that differ in it alone, and their digests differ.

use chatfold::event::{
    Body, Edit, Fact, GroupType, InvalidEvent, Mark, Membership, Mentions, MessageKind, QuietHours,
    ReceiveOption, ReportedMention, ReportedMentions, Through, UnreadReport, Watermark,
};
use chatfold::{
    ConversationId, Envelope, Event, EventId, FolderId, GroupId, Inbox, Message, MessageId, Policy,
    Timestamp, UserId,
};

use crate::model::{Shown, shown};
use crate::shown::{Names, shown as read};

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn direct() -> ConversationId {
    "c2c_bob".parse().unwrap()
}

fn group() -> ConversationId {
    "group_g".parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000).unwrap()
}

fn id(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

/// Event number `n`, at second `second`, by `by`.
fn by(by: &str, n: u8, second: i64) -> Envelope {
    Envelope::new(EventId::from_bytes([n; 16]), at(second), user(by))
}

/// Event number `n` by the owner, at second `n`.
fn own(n: u8) -> Envelope {
    by("alice", n, i64::from(n))
}

/// Event number `n` by bob, at second `n`.
fn bobs(n: u8) -> Envelope {
    by("bob", n, i64::from(n))
}

/// Message `n` of the group, with seq `n`.
fn text(n: u8) -> Message {
    Message::text(id(n), "text").with_seq(u64::from(n))
}

fn message(n: u8, change: impl FnOnce(&mut Message)) -> Message {
    let mut message = text(n);
    change(&mut message);
    message
}

type Made = Result<Event, InvalidEvent>;

/// What is common, and what one has and the other has instead.
struct Pair {
    /// The fields of the row, or of its messages, that differ.
    differ: &'static [&'static str],
    common: Vec<Made>,
    left: Vec<Made>,
    right: Vec<Made>,
}

fn pair(differ: &'static [&'static str], common: Vec<Made>, left: Vec<Made>, right: Vec<Made>) -> Pair {
    Pair { differ, common, left, right }
}

fn events(parts: [&[Made]; 2]) -> Vec<Event> {
    parts.concat().into_iter().map(Result::unwrap).collect()
}

/// In which fields of rows and messages, or of the whole, the two differ.
fn fields(left: &Shown, right: &Shown) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut note = |field, differs: bool| {
        if differs {
            found.push(field);
        }
    };
    note("list", left.list != right.list);
    note("all folders", left.folders != right.folders);
    note("quiet_hours", left.quiet_hours != right.quiet_hours);
    note("totals", (left.unread, left.unread_all) != (right.unread, right.unread_all));
    for (id, row) in &left.rows {
        let Some(twin) = right.rows.get(id) else { continue };
        found.extend(
            row.changed(twin).into_iter().filter(|field| !["history", "online_only"].contains(field)),
        );
        for (line, twin) in
            row.history.iter().zip(&twin.history).chain(row.online_only.iter().zip(&twin.online_only))
        {
            found.extend(line.changed(twin));
        }
        let lengths = |row: &crate::model::Row| (row.history.len(), row.online_only.len());
        if lengths(row) != lengths(twin) {
            found.push("history");
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn check(pairs: Vec<Pair>) {
    let alice = user("alice");
    for Pair { differ, common, left, right } in pairs {
        let (left, right) = (events([&common, &left]), events([&common, &right]));
        let names = Names::of(left.iter().chain(&right));
        let [one, two] = [&left, &right].map(|events| {
            let inbox = Inbox::replay(alice.clone(), Policy::default(), events);
            let model = shown(&alice, Policy::default(), events).without_void();
            assert_eq!(model.differences(&read(&inbox, &names)), Vec::<String>::new(), "{differ:?}");
            (model, inbox.digest())
        });
        let mut expected = differ.to_vec();
        expected.sort_unstable();
        assert_eq!(fields(&one.0, &two.0), expected, "the pair does not differ in {differ:?} alone");
        assert_ne!(one.1, two.1, "{differ:?} is not in the digest");
    }
}

fn received(n: u8, change: impl FnOnce(&mut Message)) -> Made {
    bobs(n).message_received(group(), message(n, change))
}

fn opened() -> Vec<Made> {
    vec![own(1).conversation_opened(group(), None), own(1).conversation_opened(direct(), None)]
}

#[test]
fn r08_names_and_faces_are_in_the_digest() {
    let profile = |name: Option<&str>, face: Option<&str>, kind| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        bobs(2).group_profile_changed(GroupId::parse("g").unwrap(), text(name), text(face), kind)
    };
    let peer = |nickname: Option<&str>, remark: Option<&str>, face: Option<&str>| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        own(2).user_profile_changed(user("bob"), text(nickname), text(remark), text(face))
    };
    check(vec![
        pair(
            &["show_name"],
            opened(),
            vec![profile(Some("a"), None, None)],
            vec![profile(Some("b"), None, None)],
        ),
        pair(&["show_name"], opened(), vec![peer(Some("a"), None, None)], vec![peer(Some("b"), None, None)]),
        pair(&["show_name"], opened(), vec![peer(None, Some("a"), None)], vec![peer(None, Some("b"), None)]),
        pair(
            &["face_url"],
            opened(),
            vec![profile(None, Some("a"), None)],
            vec![profile(None, Some("b"), None)],
        ),
        pair(&["face_url"], opened(), vec![peer(None, None, Some("a"))], vec![peer(None, None, Some("b"))]),
        pair(&["group_type"], opened(), vec![profile(None, None, Some(GroupType::Work))], vec![]),
    ]);
}

#[test]
fn r08_the_owners_own_attributes_are_in_the_digest() {
    let draft =
        |n: u8, second, text: &str| by("alice", n, second).draft_set(direct(), Some(text.into()), None);
    check(vec![
        pair(
            &["receive_option"],
            opened(),
            vec![own(2).receive_option_set(direct(), ReceiveOption::NotReceive)],
            vec![own(2).receive_option_set(direct(), ReceiveOption::ReceiveNotNotify)],
        ),
        pair(
            &["receive_option_until"],
            opened(),
            vec![own(2).receive_option_set_until(direct(), ReceiveOption::NotReceive, at(9))],
            vec![own(2).receive_option_set_until(direct(), ReceiveOption::NotReceive, at(10))],
        ),
        pair(
            &["receive_option_until"],
            opened(),
            vec![own(2).receive_option_set_until(direct(), ReceiveOption::NotReceive, at(9))],
            vec![own(2).receive_option_set(direct(), ReceiveOption::NotReceive)],
        ),
        pair(&["archived"], opened(), vec![own(2).conversation_archived(direct(), true, false)], vec![]),
        pair(
            &["stays_archived"],
            opened(),
            vec![own(2).conversation_archived(direct(), true, true)],
            vec![own(2).conversation_archived(direct(), true, false)],
        ),
        pair(
            &["membership"],
            opened(),
            vec![bobs(2).membership_set(group(), Membership::Removed, Some(user("alice")))],
            vec![bobs(2).membership_set(group(), Membership::Dissolved, None)],
        ),
        pair(&["draft", "drafts_kept"], opened(), vec![draft(2, 2, "a")], vec![draft(2, 2, "b")]),
        pair(&["drafts_kept"], vec![draft(2, 2, "a")], vec![draft(1, 1, "b")], vec![]),
        pair(
            &["draft", "drafts_kept", "activity", "order_key"],
            opened(),
            vec![draft(2, 2, "a")],
            vec![draft(2, 3, "a")],
        ),
        pair(
            &["pinned", "order_key", "list"],
            opened(),
            vec![own(2).conversation_pinned(group(), true)],
            vec![],
        ),
        pair(&["marks"], opened(), vec![own(2).mark_set(group(), Mark::STAR, true)], vec![]),
        pair(
            &["marks"],
            opened(),
            vec![own(2).mark_set(group(), Mark::STAR, true)],
            vec![own(2).mark_set(group(), Mark::FOLD, true)],
        ),
        pair(
            &["custom_data"],
            opened(),
            vec![own(2).custom_data_set(group(), vec![1])],
            vec![own(2).custom_data_set(group(), vec![2])],
        ),
    ]);
}

#[test]
fn r08_folders_markers_and_the_order_are_in_the_digest() {
    let folder = FolderId::from_bytes([9; 16]);
    let created = || own(2).folder_created(folder, "work".into());
    check(vec![
        pair(
            &["folders"],
            [opened(), vec![created()]].concat(),
            vec![own(3).folder_member_set(group(), folder, true)],
            vec![],
        ),
        pair(&["all folders"], opened(), vec![created()], vec![own(2).folder_created(folder, "home".into())]),
        pair(&["all folders"], opened(), vec![created()], vec![]),
        pair(
            &["read_marker"],
            opened(),
            vec![own(2).conversation_read(group(), Through::Watermark(Watermark::Seq(1)))],
            vec![own(2).conversation_read(group(), Through::Watermark(Watermark::Seq(2)))],
        ),
        pair(
            &["peer_read_marker"],
            opened(),
            vec![bobs(2).peer_read(direct(), Through::Watermark(Watermark::Time(at(1))))],
            vec![bobs(2).peer_read(direct(), Through::Watermark(Watermark::Time(at(2))))],
        ),
        pair(
            &["activity", "order_key", "list"],
            opened(),
            vec![own(2).conversation_opened(group(), None)],
            vec![],
        ),
        pair(
            &["list"],
            vec![own(1).conversation_opened(direct(), None)],
            vec![bobs(3).conversation_opened(group(), None)],
            vec![by("alice", 3, 0).conversation_opened(group(), None)],
        ),
        pair(
            &["quiet_hours"],
            opened(),
            vec![own(2).quiet_hours_set(Some(QuietHours::Once { start: at(1), duration_s: 5 }))],
            vec![own(2).quiet_hours_set(Some(QuietHours::Once { start: at(1), duration_s: 6 }))],
        ),
    ]);
}

#[test]
fn r08_each_attribute_of_a_message_is_in_the_digest() {
    let two = |field: &'static [&'static str], left: Made, right: Made| {
        pair(field, vec![own(1).conversation_opened(group(), None)], vec![left], vec![right])
    };
    let alone = |change: fn(&mut Message)| (received(5, change), received(5, |_| ()));
    let versus = |field: &'static [&'static str], change: fn(&mut Message)| {
        let (left, right) = alone(change);
        two(field, left, right)
    };
    check(vec![
        versus(&["last", "text"], |m| m.text = Some("other".into())),
        versus(&["last", "text"], |m| m.text = None),
        versus(&["last", "custom"], |m| m.custom = Some(vec![1])),
        versus(&["last", "cloud_custom"], |m| m.cloud_custom = Some(vec![1])),
        versus(&["last", "kind"], |m| m.kind = MessageKind::Face),
        versus(&["last", "mentions"], |m| m.mentions.users = vec![user("bob")]),
        versus(&["last", "mention_count", "mentions"], |m| m.mentions.users = vec![user("alice")]),
        versus(&["last", "mention_count", "mentions"], |m| m.mentions.all = true),
        versus(&["last", "reply_to"], |m| m.reply_to = Some(id(1))),
        versus(&["last", "need_receipt"], |m| m.need_receipt = true),
        versus(&["last", "supports_extensions"], |m| m.supports_extensions = true),
        versus(&["last", "members", "unread_receipts"], |m| m.members = Some(7)),
        versus(&["last", "seq"], |m| m.seq = Some(6)),
        versus(&["last", "excluded_from_unread", "first_unread", "unread", "totals", "unread_count"], |m| {
            m.excluded_from_unread = true;
        }),
        versus(&["last", "recipients", "first_unread", "unread", "totals", "unread_count"], |m| {
            m.recipients = vec![user("alice")];
        }),
        two(&["last", "author"], received(5, |_| ()), by("carol", 5, 5).message_received(group(), text(5))),
        two(&["last", "event"], received(5, |_| ()), by("bob", 6, 5).message_received(group(), text(5))),
        two(
            &[
                "last",
                "own",
                "author",
                "rank",
                "status",
                "event",
                "time",
                "read",
                "first_unread",
                "unread",
                "totals",
                "unread_count",
                "activity",
                "order_key",
            ],
            received(5, |_| ()),
            own(6).message_queued(group(), text(5)),
        ),
    ]);
}

#[test]
fn r08_each_fact_about_a_message_is_in_the_digest() {
    let base = || vec![received(5, |_| ()), received(6, |m| m.excluded_from_last = true)];
    let queued = || vec![own(5).message_queued(group(), text(5))];
    let edit = |text: &str| Edit { version: 2, text: Some(text.into()), ..Edit::default() };
    let mentioning = |name: &str| {
        let mentions = Some(Mentions { users: vec![user(name)], all: false });
        Edit { version: 2, mentions, ..Edit::default() }
    };
    let extension =
        |value: &str, seq| bobs(9).extension_set(group(), id(6), "k".into(), Some(value.into()), seq);
    let reaction = |name: &str, on| bobs(9).reaction_set(group(), id(6), name.into(), on);
    let failed = |reason: Option<&str>| own(6).message_failed(group(), id(5), reason.map(str::to_owned));
    let recalled = |reason: &str| bobs(9).message_recalled(group(), id(6), Some(reason.into()));
    check(vec![
        pair(
            &["text"],
            base(),
            vec![bobs(9).message_modified(group(), id(6), edit("a"))],
            vec![bobs(9).message_modified(group(), id(6), edit("b"))],
        ),
        pair(
            &["edit_version"],
            base(),
            vec![bobs(9).message_modified(group(), id(6), Edit { version: 3, ..edit("a") })],
            vec![bobs(9).message_modified(group(), id(6), edit("a"))],
        ),
        pair(
            &["mentions"],
            base(),
            vec![bobs(9).message_modified(group(), id(6), mentioning("carol"))],
            vec![bobs(9).message_modified(group(), id(6), mentioning("dave"))],
        ),
        pair(
            &["read", "read_by_name", "totals", "unread_count", "unread"],
            base(),
            vec![own(9).messages_read(group(), vec![id(6)], true)],
            vec![own(9).messages_read(group(), vec![id(6)], false)],
        ),
        pair(&["recall"], base(), vec![recalled("a")], vec![recalled("b")]),
        pair(&["extensions"], base(), vec![extension("a", 1)], vec![extension("b", 1)]),
        pair(&["extensions"], base(), vec![extension("a", 1)], vec![extension("a", 2)]),
        pair(&["reactions"], base(), vec![reaction("a", true)], vec![reaction("b", true)]),
        pair(
            &["reactions"],
            base(),
            vec![reaction("a", true)],
            vec![by("carol", 9, 9).reaction_set(group(), id(6), "a".into(), true)],
        ),
        pair(&["readers"], base(), vec![by("carol", 9, 9).message_read_by(group(), vec![id(6)])], vec![]),
        pair(
            &["pinned", "pinned_messages"],
            base(),
            vec![bobs(9).message_pinned(group(), id(6), true)],
            vec![],
        ),
        pair(
            &["history", "totals", "unread_count", "unread"],
            base(),
            vec![own(9).messages_deleted(group(), vec![id(6)])],
            vec![],
        ),
        pair(&["last", "status", "failure_reason"], queued(), vec![failed(Some("a"))], vec![]),
        pair(&["last", "failure_reason"], queued(), vec![failed(Some("a"))], vec![failed(Some("b"))]),
        pair(
            &["peer_read", "last", "peer_read_marker"],
            vec![own(5).message_received(direct(), text(5))],
            vec![bobs(9).peer_read(direct(), Through::Watermark(Watermark::Time(at(5))))],
            vec![bobs(9).peer_read(direct(), Through::Watermark(Watermark::Time(at(4))))],
        ),
        pair(
            &["members", "last", "unread_receipts"],
            queued(),
            vec![own(9).message_sent(group(), id(5), at(6), Some(5), Some(3))],
            vec![own(9).message_sent(group(), id(5), at(6), Some(5), Some(4))],
        ),
        pair(
            &["nickname", "last", "remark", "face_url"],
            base(),
            vec![own(9).user_profile_changed(
                user("bob"),
                Some("B".into()),
                Some("b".into()),
                Some("f".into()),
            )],
            vec![],
        ),
    ]);
}

/// What servers told, each report another in one of its fields.
fn told() -> Vec<Made> {
    let said = UnreadReport {
        through: Watermark::Seq(5),
        unread: 0,
        read: None,
        at_least: false,
        mentions: None,
        active_at: None,
    };
    let places = |at_type| Some(ReportedMentions::At(vec![ReportedMention { seq: 2, at_type }]));
    let reports = [
        said.clone(),
        UnreadReport { through: Watermark::Seq(6), ..said.clone() },
        UnreadReport { unread: 1, ..said.clone() },
        UnreadReport { read: Some(Through::Watermark(Watermark::Seq(0))), ..said.clone() },
        UnreadReport { read: Some(Through::Message(id(7))), ..said.clone() },
        UnreadReport { at_least: true, ..said.clone() },
        UnreadReport { mentions: Some(ReportedMentions::Count(0)), ..said.clone() },
        UnreadReport { mentions: places(1), ..said.clone() },
        UnreadReport { mentions: places(2), ..said.clone() },
        UnreadReport { active_at: Some(at(1)), ..said.clone() },
    ];
    let complete =
        |from, through| own(9).history_complete(group(), Watermark::Seq(from), Watermark::Seq(through));
    let reports = reports.into_iter().map(|said| own(9).unread_reported(group(), said));
    let window = |after, through: Option<u64>| {
        own(9).history_window(group(), Watermark::Seq(after), through.map(Watermark::Seq))
    };
    let windows = [window(1, None), window(2, None), window(1, Some(2)), window(1, Some(3))];
    let others = [own(10).unread_reported(group(), said), complete(1, 2), complete(1, 3)];
    reports.chain(others).chain(windows).collect()
}

/// What nothing shows yet is state all the same: waiting facts, masked ones, marks that lost.
#[test]
fn r08_what_waits_or_is_masked_is_in_the_digest() {
    let base = || vec![received(5, |_| ())];
    let mentions = |mentions| Edit { version: 1, mentions: Some(mentions), ..Edit::default() };
    let taking = |fact| Event::new(own(9), Body::Conversation(group(), fact));
    let facts = [
        bobs(9).message_recalled(group(), id(7), None),
        bobs(9).message_modified(
            group(),
            id(7),
            Edit { version: 1, text: Some("x".into()), ..Edit::default() },
        ),
        bobs(9).message_read_by(group(), vec![id(7)]),
        bobs(9).reaction_set(group(), id(7), "+1".into(), true),
        bobs(9).extension_set(group(), id(7), "k".into(), Some("v".into()), 1),
        bobs(9).message_pinned(group(), id(7), true),
        own(9).messages_deleted(group(), vec![id(7)]),
        own(9).conversation_read(group(), Through::Message(id(7))),
        own(9).marked_unread_from(group(), id(7)),
        own(9).message_sent(group(), id(7), at(1), Some(1), None),
        own(9).message_failed(group(), id(7), None),
        bobs(9).message_received(group(), message(7, |m| m.recipients = vec![user("carol")])),
        own(9).folder_renamed(FolderId::from_bytes([1; 16]), "later".into()),
        own(9).folder_member_set(group(), FolderId::from_bytes([1; 16]), true),
        own(9).marked_unread_from(group(), id(5)),
        own(9).history_cleared(group(), Watermark::Seq(0)),
        own(9).conversation_deleted(group(), Watermark::Seq(0), true),
        own(9).messages_read(group(), vec![id(7)], true),
        own(9).messages_read(group(), vec![id(7)], false),
        own(10).messages_read(group(), vec![id(7)], false),
        bobs(9).message_modified(group(), id(7), mentions(Mentions::default())),
        bobs(9).message_modified(group(), id(7), mentions(Mentions { users: vec![user("bob")], all: false })),
        bobs(9).message_modified(group(), id(7), mentions(Mentions { users: vec![], all: true })),
        own(8).messages_deleted(group(), vec![id(7)]),
        taking(Fact::HistoryCleared { through: Watermark::Seq(0), also: vec![id(7)] }),
        taking(Fact::Deleted { through: Watermark::Seq(0), keep_messages: true, also: vec![id(7)] }),
        taking(Fact::Deleted { through: Watermark::Seq(0), keep_messages: false, also: vec![id(7)] }),
    ];
    let facts = facts.into_iter().chain(told()).collect::<Vec<_>>();
    let alice = user("alice");
    let mut digests = Vec::new();
    let mut logs = vec![events([&base(), &[]])];
    logs.extend(facts.iter().map(|fact| events([&base(), std::slice::from_ref(fact)])));
    for log in &logs {
        let inbox = Inbox::replay(alice.clone(), Policy::default(), log);
        let names = Names::of(log);
        let model = shown(&alice, Policy::default(), log).without_void();
        assert_eq!(model.differences(&read(&inbox, &names)), Vec::<String>::new());
        assert!(!digests.contains(&inbox.digest()), "not in the digest: {:?}", log.last());
        digests.push(inbox.digest());
    }
}

#[test]
fn r08_owner_and_policy_are_in_the_digest() {
    let mut digests = Vec::new();
    for owner in ["alice", "bob"] {
        for bits in 0..4 {
            let policy =
                Policy::default().with_meeting_unread(bits & 1 == 1).with_own_message_reads(bits & 2 == 2);
            digests.push(Inbox::new(user(owner), policy).digest());
        }
    }
    let all = digests.len();
    digests.sort_by_key(ToString::to_string);
    digests.dedup();
    assert_eq!(digests.len(), all);
}
