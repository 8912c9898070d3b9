//! Every limit: at it, one under, one over (R70–R80).

use chatfold::command::{ExtensionWrite, Rejection, Role};
use chatfold::event::{Edit, Mark, Mentions, ReceiveOption};
use chatfold::{Command, Context, ConversationId, Event, FolderId, Message, MessageId};

use super::kit::{alice, at, by, conversation, event, id, in_alices, limited, received, received_as, user};

fn groups(n: usize) -> Vec<ConversationId> {
    (0..n).map(|n| conversation(&format!("group_{n}"))).collect()
}

fn pinned(n: usize) -> Vec<Event> {
    let pin = |(n, id): (usize, ConversationId)| {
        event(n as u8, "alice", -(n as i64), |envelope| envelope.conversation_pinned(id, true))
    };
    groups(n).into_iter().enumerate().map(pin).collect()
}

fn opened(n: usize) -> Vec<Event> {
    let open = |(n, id): (usize, ConversationId)| {
        event(n as u8, "alice", -9_000, |envelope| envelope.conversation_opened(id, None))
    };
    groups(n).into_iter().enumerate().map(open).collect()
}

/// How many events come of a command, or why none do.
fn judged(events: Vec<Event>, command: &Command, context: &Context) -> Result<usize, Rejection> {
    let when = in_alices(events).when(command, context);
    when.decision().clone().map(|decision| decision.events.len())
}

fn pin_another() -> Command {
    Command::Pin { conversation: conversation("c2c_bob"), on: true }
}

#[test]
fn r70_the_49th_and_the_50th_pin_are_accepted() {
    assert_eq!(judged(pinned(48), &pin_another(), &alice()), Ok(1));
    assert_eq!(judged(pinned(49), &pin_another(), &alice()), Ok(1));
}

#[test]
fn r70_the_51st_pin_is_refused() {
    let refused = Rejection::TooManyPins { found: 51, limit: 50 };
    in_alices(pinned(50)).when(&pin_another(), &alice()).then(refused);
    let again = Command::Pin { conversation: conversation("group_3"), on: true };
    in_alices(pinned(50)).when(&again, &alice()).then_nothing();
    let off = Command::Pin { conversation: conversation("group_3"), on: false };
    assert_eq!(judged(pinned(50), &off, &alice()), Ok(1));
    assert_eq!(judged(pinned(50), &pin_another(), &limited(|l| l.pinned_conversations = 51)), Ok(1));
}

fn folder(n: usize) -> FolderId {
    FolderId::from_bytes([n as u8 + 1; 16])
}

fn folders(n: usize) -> Vec<Event> {
    let create = |n: usize| {
        event(100 + n as u8, "alice", -5_000, |envelope| envelope.folder_created(folder(n), format!("f{n}")))
    };
    (0..n).map(create).collect()
}

fn create(name: &str) -> Command {
    Command::CreateFolder { name: name.to_owned(), conversations: Vec::new() }
}

#[test]
fn r71_the_21st_folder_is_refused() {
    assert_eq!(judged(folders(18), &create("new"), &alice()), Ok(1));
    assert_eq!(judged(folders(19), &create("new"), &alice()), Ok(1));
    let refused = Rejection::TooManyFolders { found: 21, limit: 20 };
    assert_eq!(refused.code(), Some(51010));
    in_alices(folders(20)).when(&create("new"), &alice()).then(refused);
    let mut one_less = folders(20);
    one_less.push(event(99, "alice", -1, |envelope| envelope.folder_deleted(folder(4))));
    assert_eq!(judged(one_less, &create("new"), &alice()), Ok(1));
}

#[test]
fn r71_a_folders_name_has_1_to_32_bytes() {
    for good in ["a", &"x".repeat(31), &"x".repeat(32), "好好好好好好好好好好"] {
        assert_eq!(judged(Vec::new(), &create(good), &alice()), Ok(1), "{good}");
    }
    for bad in ["", &"x".repeat(33), "好好好好好好好好好好好"] {
        let refused = Rejection::FolderNameLength { len_bytes: bad.len(), limit: 32 };
        assert_eq!(refused.code(), Some(51011));
        in_alices([]).when(&create(bad), &alice()).then(refused.clone());
        let rename = Command::RenameFolder { folder: folder(0), name: bad.to_owned() };
        in_alices(folders(1)).when(&rename, &alice()).then(refused);
    }
}

#[test]
fn r71_a_full_folder_loses_those_added_first() {
    // One second after the other: what was added first is told by the stamps.
    let context = |second: i64| {
        let mut context = limited(|limits| limits.folder_members = 3);
        context.time = at(second * 1_000);
        context
    };
    let add = |from: usize, n: usize| Command::AddToFolder {
        folder: folder(0),
        conversations: groups(from + n).split_off(from),
    };
    let members = |given: chatfold::testing::Then| -> Vec<String> {
        let ids = given.inbox().known_conversations().filter(|view| !view.folders().is_empty());
        ids.map(|view| view.id().to_string()).collect()
    };
    let base = || in_alices([folders(1), opened(9)].concat());
    let full =
        base().when(&add(0, 2), &context(1)).then_events(2).when(&add(2, 1), &context(2)).then_events(1);
    assert_eq!(members(full.clone()), ["group_0", "group_1", "group_2"]);
    let over = full.when(&add(3, 1), &context(3)).then_events(2).and_again_nothing();
    assert_eq!(members(over.clone()), ["group_1", "group_2", "group_3"]);
    // What the request names stays, though it was added first.
    let named = Command::AddToFolder {
        folder: folder(0),
        conversations: vec![groups(2)[1].clone(), groups(5)[4].clone()],
    };
    let kept = over.when(&named, &context(4)).then_events(2).and_again_nothing();
    assert_eq!(members(kept), ["group_1", "group_3", "group_4"]);
    let refused = Rejection::TooManyMembers { found: 4, limit: 3 };
    assert_eq!(refused.code(), Some(51008));
    base().when(&add(0, 4), &context(5)).then(refused);
}

/// R71: what goes says that it made room, though a clock that was ahead put it in; only one far ahead dates nothing else.
#[test]
fn r71_what_makes_room_goes_at_the_instant_of_what_comes() {
    let mut context = limited(|limits| limits.folder_members = 1);
    context.time = at(20_000);
    for (ahead_ms, together) in [(1_500, true), (40 * 86_400_000, false)] {
        let put = event(90, "alice", 20_000 + ahead_ms, |envelope| {
            envelope.folder_member_set(groups(1)[0].clone(), folder(0), true)
        });
        let given = in_alices([folders(1), opened(2), vec![put]].concat());
        let add = Command::AddToFolder { folder: folder(0), conversations: vec![groups(2)[1].clone()] };
        let when = given.when(&add, &context);
        let events = when.decision().clone().unwrap().events;
        assert_eq!(events[0].stamp().at == events[1].stamp().at, together);
        assert!(together || events.iter().any(|event| event.stamp().at == context.time));
    }
}

#[test]
fn r72_the_101st_conversation_of_a_request_is_refused() {
    let commands: [fn(Vec<ConversationId>) -> Command; 7] = [
        |conversations| Command::Mark { conversations, mark: Mark::STAR, on: true },
        |conversations| Command::SetCustomData { conversations, data: vec![1] },
        |conversations| Command::SetReceiveOption {
            conversations,
            option: ReceiveOption::NotReceive,
            until: None,
        },
        |conversations| Command::Archive { conversations, on: true, stay: false },
        |conversations| Command::AddToFolder { folder: folder(0), conversations },
        |conversations| Command::CreateFolder { name: "new".to_owned(), conversations },
        |conversations| Command::DeleteConversations { conversations, keep_messages: false },
    ];
    for command in commands {
        for n in [99, 100] {
            let extra = usize::from(matches!(command(Vec::new()), Command::CreateFolder { .. }));
            let base = [folders(1), opened(101)].concat();
            assert_eq!(judged(base, &command(groups(n)), &alice()), Ok(n + extra));
        }
        let refused = Rejection::TooManyConversations { found: 101, limit: 100 };
        assert_eq!(refused.code(), Some(51006));
        in_alices([folders(1), opened(101)].concat()).when(&command(groups(101)), &alice()).then(refused);
    }
    let twice =
        Command::Mark { conversations: [groups(60), groups(60)].concat(), mark: Mark::STAR, on: true };
    assert_eq!(judged(opened(60), &twice, &alice()), Ok(60), "each conversation counts once");
}

#[test]
fn r73_custom_data_has_at_most_256_bytes() {
    let set = |n: usize| Command::SetCustomData { conversations: groups(1), data: vec![9; n] };
    assert_eq!(judged(opened(1), &set(255), &alice()), Ok(1));
    assert_eq!(judged(opened(1), &set(256), &alice()), Ok(1));
    let refused = Rejection::CustomDataTooLong { len_bytes: 257, limit: 256 };
    in_alices(opened(1)).when(&set(257), &alice()).then(refused);
}

#[test]
fn r73_a_mark_is_one_of_four_or_from_2_to_the_32() {
    for bit in 0..64 {
        let mark = Mark::from_bits(1 << bit).unwrap();
        let command = Command::Mark { conversations: groups(1), mark, on: true };
        let expected = if (4..32).contains(&bit) { Err(Rejection::ReservedMark { mark }) } else { Ok(1) };
        assert_eq!(judged(opened(1), &command, &alice()), expected, "bit {bit}");
    }
}

fn recall(to: &str) -> Command {
    Command::Recall { conversation: conversation(to), message: id(1), reason: None }
}

#[test]
fn r74_a_sender_recalls_for_120_seconds() {
    for (to, in_group, code) in [("c2c_bob", false, 20016), ("group_dev", true, 10031)] {
        let sent = || {
            vec![event(1, "alice", -120_000, |envelope| {
                envelope.message_received(conversation(to), Message::text(id(1), "hi").with_seq(1))
            })]
        };
        assert_eq!(judged(sent(), &recall(to), &by("alice", Role::Member, -1)), Ok(1));
        assert_eq!(judged(sent(), &recall(to), &alice()), Ok(1));
        let late = Rejection::RecallTooLate { age_ms: 120_001, limit_s: 120, in_group };
        assert_eq!(late.code(), Some(code));
        in_alices(sent()).when(&recall(to), &by("alice", Role::Member, 1)).then(late);
        let slow = by("alice", Role::Member, -3_600_000);
        assert_eq!(judged(sent(), &recall(to), &slow), Ok(1), "a slow clock forbids nothing");
    }
}

#[test]
fn r76_the_51st_message_of_a_deletion_is_refused() {
    let events: Vec<Event> = (1..=51).map(|n| received(n, "bob", "c2c_bob")).collect();
    let delete = |n: usize| Command::DeleteMessages {
        conversation: conversation("c2c_bob"),
        messages: (1..=n).map(id).collect(),
    };
    assert_eq!(judged(events.clone(), &delete(49), &alice()), Ok(1));
    assert_eq!(judged(events.clone(), &delete(50), &alice()), Ok(1));
    let refused = Rejection::TooManyMessages { found: 51, limit: 50 };
    in_alices(events).when(&delete(51), &alice()).then(refused);
}

fn send(to: &str, change: impl FnOnce(&mut Message)) -> Command {
    let mut message = Message::text(id(900), "hi");
    change(&mut message);
    Command::Send { conversation: conversation(to), message: Box::new(message) }
}

fn users(n: usize) -> Vec<chatfold::UserId> {
    (0..n).map(|n| user(&format!("u{n}"))).collect()
}

#[test]
fn r77_the_31st_mention_and_the_51st_recipient_are_refused() {
    for (n, expected) in
        [(29, Ok(1)), (30, Ok(1)), (31, Err(Rejection::TooManyMentions { found: 31, limit: 30 }))]
    {
        let command = send("group_dev", |message| message.mentions.users = users(n));
        assert_eq!(judged(Vec::new(), &command, &alice()), expected);
    }
    for (n, expected) in
        [(49, Ok(1)), (50, Ok(1)), (51, Err(Rejection::TooManyRecipients { found: 51, limit: 50 }))]
    {
        let command = send("group_dev", |message| message.recipients = users(n));
        assert_eq!(judged(Vec::new(), &command, &alice()), expected);
    }
}

#[test]
fn r77_a_targeted_message_mentions_nobody_and_stays_out_of_live_rooms() {
    let both = |message: &mut Message| {
        message.recipients = users(2);
        message.mentions.all = true;
    };
    let refused = Rejection::TargetedWithMentions { recipients: 2 };
    in_alices([]).when(&send("group_dev", both), &alice()).then(refused);
    let live = event(1, "bob", -9, |envelope| {
        envelope.conversation_opened(conversation("group_live"), Some(chatfold::event::GroupType::AvChatRoom))
    });
    let targeted = |to: &str| send(to, |message| message.recipients = users(2));
    let refused = Rejection::InLiveRoom { what: "a targeted message" };
    in_alices([live]).when(&targeted("group_live"), &alice()).then(refused);
    let refused = Rejection::TargetedElsewhere { recipients: 2, conversation: conversation("c2c_bob") };
    in_alices([]).when(&targeted("c2c_bob"), &alice()).then(refused);
}

#[test]
fn r78_the_301st_message_to_forward_is_refused() {
    let events: Vec<Event> = (1..=301).map(|n| received(n, "bob", "c2c_bob")).collect();
    let messages = |n: usize| (1..=n).map(id).collect::<Vec<MessageId>>();
    let (from, to) = (conversation("c2c_bob"), conversation("group_dev"));
    let forward = |n| Command::Forward { from: from.clone(), messages: messages(n), to: to.clone() };
    let merge = |n| Command::ForwardMerged {
        from: from.clone(),
        messages: messages(n),
        to: to.clone(),
        text: "Chat history".to_owned(),
        custom: None,
    };
    for n in [299, 300] {
        assert_eq!(judged(events.clone(), &forward(n), &alice()), Ok(n));
        assert_eq!(judged(events.clone(), &merge(n), &alice()), Ok(1));
    }
    let refused = Rejection::TooManyForwarded { found: 301, limit: 300 };
    in_alices(events.clone()).when(&forward(301), &alice()).then(refused.clone());
    in_alices(events).when(&merge(301), &alice()).then(refused);
}

fn extensible() -> Event {
    let mut message = Message::text(id(1), "poll").with_seq(1);
    message.supports_extensions = true;
    received_as("bob", "group_dev", message)
}

fn write(key: String, value_bytes: usize) -> ExtensionWrite {
    ExtensionWrite { key, value: Some("v".repeat(value_bytes)), seen: 0 }
}

fn extend(extensions: Vec<ExtensionWrite>) -> Command {
    Command::SetExtensions { conversation: conversation("group_dev"), message: id(1), extensions }
}

#[test]
fn r79_an_extensions_key_has_100_bytes_and_its_value_1024() {
    for (key, value, expected) in [
        (99, 1_023, Ok(1)),
        (100, 1_024, Ok(1)),
        (0, 1, Err(Rejection::ExtensionKeyLength { len_bytes: 0, limit: 100 })),
        (101, 1, Err(Rejection::ExtensionKeyLength { len_bytes: 101, limit: 100 })),
        (
            1,
            1_025,
            Err(Rejection::ExtensionValueTooLong { key: "k".to_owned(), len_bytes: 1_025, limit: 1_024 }),
        ),
    ] {
        let command = extend(vec![write("k".repeat(key), value)]);
        assert_eq!(judged(vec![extensible()], &command, &alice()), expected);
    }
}

#[test]
fn r79_the_21st_extension_of_a_call_and_the_301st_of_a_message_are_refused() {
    let some = |from: usize, n: usize| extend((from..from + n).map(|n| write(format!("k{n}"), 1)).collect());
    assert_eq!(judged(vec![extensible()], &some(0, 19), &alice()), Ok(19));
    assert_eq!(judged(vec![extensible()], &some(0, 20), &alice()), Ok(20));
    let refused = Rejection::TooManyExtensionWrites { found: 21, limit: 20 };
    in_alices([extensible()]).when(&some(0, 21), &alice()).then(refused);
    let mut full = vec![extensible()];
    for n in 0..299_u64 {
        let mut bytes = [3; 16];
        bytes[8..].copy_from_slice(&n.to_be_bytes());
        let envelope = chatfold::Envelope::new(chatfold::EventId::from_bytes(bytes), at(-1), user("bob"));
        let (to, key) = (conversation("group_dev"), format!("old{n}"));
        full.push(envelope.extension_set(to, id(1), key, Some("x".to_owned()), n + 1).unwrap());
    }
    assert_eq!(judged(full.clone(), &some(0, 1), &alice()), Ok(1));
    let refused = Rejection::TooManyExtensions { found: 301, limit: 300 };
    in_alices(full.clone()).when(&some(0, 2), &alice()).then(refused);
    let swap = vec![
        write("new".to_owned(), 1),
        write("newer".to_owned(), 1),
        ExtensionWrite { key: "old7".to_owned(), value: None, seen: 8 },
    ];
    assert_eq!(judged(full, &extend(swap), &alice()), Ok(3), "one goes, two come");
}

fn react(reaction: &str) -> Command {
    Command::React {
        conversation: conversation("group_dev"),
        message: id(1),
        reaction: reaction.to_owned(),
        on: true,
    }
}

fn reacted(kinds: usize, givers: usize) -> Vec<Event> {
    let mut events = vec![received(1, "bob", "group_dev")];
    for n in 0..kinds.max(givers) {
        let (kind, by) = (n % kinds.max(1), n % givers.max(1));
        events.push(event(n as u8, &format!("u{by}"), -50, |envelope| {
            envelope.reaction_set(conversation("group_dev"), id(1), format!("r{kind}"), true)
        }));
    }
    events
}

#[test]
fn r80_the_11th_reaction_and_its_101st_user_are_refused() {
    assert_eq!(judged(reacted(8, 1), &react("new"), &alice()), Ok(1));
    assert_eq!(judged(reacted(9, 1), &react("new"), &alice()), Ok(1));
    let refused = Rejection::TooManyReactions { found: 11, limit: 10 };
    assert_eq!(refused.code(), Some(23005));
    in_alices(reacted(10, 1)).when(&react("new"), &alice()).then(refused);
    assert_eq!(judged(reacted(10, 1), &react("r3"), &alice()), Ok(1), "a kind that is there");
    assert_eq!(judged(reacted(1, 98), &react("r0"), &alice()), Ok(1));
    assert_eq!(judged(reacted(1, 99), &react("r0"), &alice()), Ok(1));
    let refused = Rejection::TooManyReactionUsers { reaction: "r0".to_owned(), found: 101, limit: 100 };
    assert_eq!(refused.code(), Some(23006));
    in_alices(reacted(1, 100)).when(&react("r0"), &alice()).then(refused);
}

#[test]
fn r80_the_11th_pinned_message_is_refused() {
    let with_pins = |n: usize| -> Vec<Event> {
        let mut events: Vec<_> = (1..=12).map(|n| received(n, "bob", "group_dev")).collect();
        events.extend((1..=n).map(|n| {
            event(n as u8, "bob", -9, |envelope| {
                envelope.message_pinned(conversation("group_dev"), id(n), true)
            })
        }));
        events
    };
    let pin = Command::PinMessage { conversation: conversation("group_dev"), message: id(12), on: true };
    let admin = by("alice", Role::Admin, 0);
    assert_eq!(judged(with_pins(8), &pin, &admin), Ok(1));
    assert_eq!(judged(with_pins(9), &pin, &admin), Ok(1));
    let refused = Rejection::TooManyPinnedMessages { found: 11, limit: 10 };
    assert_eq!(refused.code(), Some(10070));
    in_alices(with_pins(10)).when(&pin, &admin).then(refused);
}

#[test]
fn r40_r77_an_edit_mentions_as_a_message_does() {
    let edit = |mentions: Mentions| Command::Modify {
        conversation: conversation("group_dev"),
        message: id(1),
        edit: Edit { version: 1, mentions: Some(mentions), ..Edit::default() },
    };
    let admin = by("alice", Role::Admin, 0);
    let many = |count: usize| Mentions { users: users(count), all: false };
    let events = || vec![received(1, "bob", "group_dev")];
    assert_eq!(judged(events(), &edit(many(30)), &admin), Ok(1));
    let refused = Rejection::TooManyMentions { found: 31, limit: 30 };
    assert_eq!(judged(events(), &edit(many(31)), &admin), Err(refused));
    assert_eq!(judged(events(), &edit(Mentions::default()), &admin), Ok(0), "it mentions nobody already");
    let mut message = Message::text(id(1), "hi").with_seq(1);
    message.recipients.push(user("alice"));
    let targeted = || vec![received_as("bob", "group_dev", message.clone())];
    let refused = Rejection::TargetedWithMentions { recipients: 1 };
    assert_eq!(judged(targeted(), &edit(many(1)), &admin), Err(refused));
}

#[test]
fn r75_the_limits_say_whether_anyone_edits() {
    let modify = Command::Modify {
        conversation: conversation("group_dev"),
        message: id(1),
        edit: Edit { version: 1, text: Some("new".to_owned()), ..Edit::default() },
    };
    let events = || vec![received(1, "bob", "group_dev")];
    let refused = judged(events(), &modify, &alice()).unwrap_err();
    assert!(matches!(refused, Rejection::NotAllowed { role: Some(Role::Member), .. }), "{refused}");
    assert_eq!(refused.code(), Some(10007));
    assert_eq!(judged(events(), &modify, &limited(|limits| limits.anyone_modifies = true)), Ok(1));
    assert_eq!(judged(events(), &modify, &by("alice", Role::Admin, 0)), Ok(1));
}
