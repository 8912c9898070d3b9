//! The archive, options for a time, and what only members do (R56–R58).

use chatfold::command::{ExtensionWrite, Rejection, Role};
use chatfold::event::{Edit, Membership, ReceiveOption};
use chatfold::testing::Given;
use chatfold::{Command, Context, Event, Inbox, Message, MessageId, Policy, Timestamp, decide};

use super::kit::{alice, at, by, conversation, event, id, in_alices, received, received_as, user};

const GROUP: &str = "group_dev";

fn archive(on: bool, stay: bool) -> Command {
    Command::Archive { conversations: vec![conversation(GROUP)], on, stay }
}

/// R65: messages that lie in the future of the owner's clock are overtaken, or they would take it out at once.
#[test]
fn r56_r65_archiving_overtakes_what_is_there() {
    let outlier = event(9, "bob", 86_400_000, |envelope| {
        envelope.message_received(conversation(GROUP), Message::text(id(9), "tomorrow").with_seq(9))
    });
    let known = || in_alices([received(1, "bob", GROUP), outlier.clone()]);
    let done = known().when(&archive(true, false), &alice()).then_events(1);
    let view = done.inbox().conversation(&conversation(GROUP)).unwrap();
    assert!(view.is_archived() && !view.stays_archived());
    let done =
        done.and_again_nothing().when(&archive(true, true), &alice()).then_events(1).and_again_nothing();
    assert!(done.inbox().conversation(&conversation(GROUP)).unwrap().stays_archived());
    let done = done.when(&archive(false, true), &alice()).then_events(1).and_again_nothing();
    assert!(!done.inbox().conversation(&conversation(GROUP)).unwrap().is_archived());
}

/// An archiving that overtook a message of a faster clock goes with a deletion all the same.
#[test]
fn r56_r65_a_deletion_overtakes_an_archiving() {
    let outlier = event(9, "bob", 86_400_000, |envelope| {
        envelope.message_received(conversation(GROUP), Message::text(id(9), "tomorrow").with_seq(9))
    });
    for stay in [false, true] {
        let known = in_alices([received(1, "bob", GROUP), outlier.clone()]);
        let done = known.when(&archive(true, stay), &by("alice", Role::Member, 86_500_000)).then_events(1);
        let delete =
            Command::DeleteConversations { conversations: vec![conversation(GROUP)], keep_messages: true };
        let done = done.when(&delete, &alice()).then_events(1).and_again_nothing();
        let view = done.inbox().conversation(&conversation(GROUP)).unwrap();
        assert!(!view.is_archived() && !view.stays_archived(), "{stay}");
    }
}

#[test]
fn r56_archiving_many_says_which_were_refused() {
    let conversations = [GROUP, "group_no"].map(conversation).to_vec();
    let command = Command::Archive { conversations, on: true, stay: false };
    let when = in_alices([received(1, "bob", GROUP)]).when(&command, &alice());
    let decision = when.decision().clone().unwrap();
    assert_eq!((decision.events.len(), decision.refused.len()), (1, 1));
    assert_eq!(decision.refused[0].conversation, conversation("group_no"));
}

/// Muted by alice at 10:00, until 11:00.
fn muted() -> Event {
    event(5, "alice", 0, |envelope| {
        envelope.receive_option_set_until(conversation("c2c_bob"), ReceiveOption::NotReceive, at(3_600_000))
    })
}

fn inbox(events: &[Event]) -> Inbox {
    Inbox::replay(user("alice"), Policy::default(), events)
}

fn later(millis: i64, seed: u8) -> Context {
    Context::new(user("alice"), Role::Member, at(millis), [seed; 16])
}

#[test]
fn r57_what_is_due_and_when_to_look_next() {
    let other = event(6, "alice", 0, |envelope| {
        envelope.receive_option_set_until(conversation(GROUP), ReceiveOption::NotReceive, at(7_200_000))
    });
    let inbox = inbox(&[muted(), other]);
    let found = |millis: i64| {
        let expiries = inbox.expiries(at(millis));
        let due: Vec<_> = expiries.due.iter().map(|expiry| expiry.conversation.to_string()).collect();
        (due, expiries.next)
    };
    assert_eq!(found(3_599_999), (vec![], Some(at(3_600_000))));
    assert_eq!(found(3_600_000), (vec!["c2c_bob".to_owned()], Some(at(7_200_000))));
    assert_eq!(found(9_000_000).0, ["c2c_bob", GROUP]);
    assert_eq!(found(9_000_000).1, None);
}

/// Two devices, of whatever clock and seed, write one event; nobody writes it before it is due.
#[test]
fn r57_every_device_writes_the_same_end() {
    let inbox = inbox(&[muted()]);
    let ends = |context: Context| decide(&inbox, &Command::EndTimedOptions, &context).unwrap().events;
    assert!(ends(later(3_599_999, 1)).is_empty());
    let (one, other) = (ends(later(3_600_000, 1)), ends(later(90_000_000, 2)));
    assert_eq!(one, other);
    assert_eq!((one.len(), one[0].at()), (1, at(1)));
    // The UUID of version 5 over "\nc2c_bob\nreceive_option_expired\n05050505-0505-0505-0505-050505050505".
    assert_eq!(one[0].id().to_string(), END);
    let mut ended = inbox.clone();
    ended.apply_batch(&one);
    let view = ended.conversation(&conversation("c2c_bob")).unwrap();
    assert_eq!((view.receive_option(), view.receive_option_until()), (ReceiveOption::Receive, None));
    assert!(decide(&ended, &Command::EndTimedOptions, &later(90_000_000, 3)).unwrap().events.is_empty());
}

const END: &str = "17a34542-c4d1-5ffe-893c-e0f32eb34fa2";

/// A choice that was made before the end is written outlives it, though its maker's clock is slow and the end comes later.
#[test]
fn r57_r66_a_later_choice_outlives_the_end_of_an_earlier_one() {
    let mut inbox = inbox(&[muted()]);
    let end = decide(&inbox, &Command::EndTimedOptions, &later(3_600_000, 1)).unwrap().events;
    let option = ReceiveOption::ReceiveNotNotify;
    let choose =
        Command::SetReceiveOption { conversations: vec![conversation("c2c_bob")], option, until: None };
    let chosen = decide(&inbox, &choose, &later(-7_200_000, 2)).unwrap().events;
    assert_eq!(chosen[0].at(), at(2));
    inbox.apply_batch(&chosen);
    inbox.apply_batch(&end);
    assert_eq!(inbox.conversation(&conversation("c2c_bob")).unwrap().receive_option(), option);
}

#[test]
fn r57_receiving_does_not_end() {
    let option = ReceiveOption::Receive;
    let command =
        Command::SetReceiveOption { conversations: vec![conversation(GROUP)], option, until: Some(at(5)) };
    let when = in_alices([received(1, "bob", GROUP)]).when(&command, &alice());
    let decision = when.decision().clone().unwrap();
    assert!(decision.events.is_empty() && matches!(decision.refused[0].rejection, Rejection::Invalid(_)));
}

fn said(state: Membership) -> Event {
    let named = Some(user("alice")).filter(|_| state != Membership::Dissolved);
    event(7, "bob", -500, |envelope| envelope.membership_set(conversation(GROUP), state, named))
}

/// A group in which everything has happened that a member can go on with.
fn group(membership: Option<Membership>) -> Given {
    let mut own = Message::text(id(1), "mine").with_seq(1);
    own.supports_extensions = true;
    let mut events = vec![received_as("alice", GROUP, own), received(2, "bob", GROUP)];
    events.extend(membership.map(said));
    let queued = Message::text(id(3), "failed").with_seq(2);
    events.push(event(8, "alice", -400, |envelope| envelope.message_queued(conversation(GROUP), queued)));
    events
        .push(event(9, "alice", -300, |envelope| envelope.message_failed(conversation(GROUP), id(3), None)));
    in_alices(events)
}

/// What only members do.
fn members_only() -> Vec<Command> {
    let (conversation, message): (_, MessageId) = (conversation(GROUP), id(1));
    let write = ExtensionWrite { key: "k".to_owned(), value: Some("v".to_owned()), seen: 0 };
    let edit = Edit { version: 1, text: Some("edited".to_owned()), ..Edit::default() };
    vec![
        Command::Send { conversation: conversation.clone(), message: Box::new(Message::text(id(50), "hi")) },
        Command::Forward { from: conversation.clone(), messages: vec![message], to: conversation.clone() },
        Command::ForwardMerged {
            from: conversation.clone(),
            messages: vec![message],
            to: conversation.clone(),
            text: "both".to_owned(),
            custom: None,
        },
        Command::Retry { conversation: conversation.clone(), message: id(3) },
        Command::Modify { conversation: conversation.clone(), message, edit },
        Command::React { conversation: conversation.clone(), message, reaction: "+1".to_owned(), on: true },
        Command::SetExtensions { conversation: conversation.clone(), message, extensions: vec![write] },
        Command::PinMessage { conversation, message, on: true },
    ]
}

#[test]
fn r58_who_is_no_member_does_not_do_what_members_do() {
    let admin = || by("alice", Role::Admin, 0);
    for membership in [None, Some(Membership::Joined)] {
        for command in members_only() {
            group(membership).when(&command, &admin()).then_events(1).and_again_nothing();
        }
    }
    use Membership::{Dissolved, Invited, Left, Removed};
    for membership in [Invited, Left, Removed, Dissolved] {
        for command in members_only() {
            let refused = Rejection::NotAMember { conversation: conversation(GROUP), membership };
            group(Some(membership)).when(&command, &admin()).then(refused);
        }
    }
}

/// The owner's own facts, and what becomes of messages that were queued before, are everybody's.
#[test]
fn r58_what_is_the_owners_own_needs_no_membership() {
    let (conversation, message) = (conversation(GROUP), id(3));
    let own = [
        Command::Pin { conversation: conversation.clone(), on: true },
        Command::MarkRead { conversation: conversation.clone(), up_to: chatfold::command::ReadUpTo::Newest },
        Command::SetDraft {
            conversation: conversation.clone(),
            text: "x".to_owned(),
            replaces: Default::default(),
        },
        Command::DeleteMessages { conversation: conversation.clone(), messages: vec![id(2)] },
        Command::ClearHistory { conversation: conversation.clone() },
        archive(true, false),
        Command::Import {
            conversation: conversation.clone(),
            sender: None,
            message: Box::new(Message::new(id(60))),
        },
        Command::Acknowledge { conversation, message, sent_at: at(0), seq: Some(9), members: None },
    ];
    for command in own {
        group(Some(Membership::Left)).when(&command, &alice()).then_events(1).and_again_nothing();
    }
}

/// What is known is the owner's membership: what another does in the group is not judged by it.
#[test]
fn r58_another_is_not_refused_for_the_owners_membership() {
    let react = Command::React {
        conversation: conversation(GROUP),
        message: id(1),
        reaction: "+1".to_owned(),
        on: true,
    };
    let bob = by("bob", Role::Member, 0);
    group(Some(Membership::Left)).when(&react, &bob).then_events(1);
    let membership = Membership::Dissolved;
    let refused = Rejection::NotAMember { conversation: conversation(GROUP), membership };
    assert_eq!(refused.to_string(), "the owner is no member of group_dev: dissolved");
    group(Some(membership)).when(&react, &bob).then(refused);
}

/// An option that was set at the end of time has no end.
#[test]
fn r57_r65_there_is_nothing_after_the_end_of_time() {
    let envelope =
        chatfold::Envelope::new(chatfold::EventId::from_bytes([1; 16]), Timestamp::MAX, user("alice"));
    let option = ReceiveOption::NotReceive;
    let set = envelope.receive_option_set_until(conversation(GROUP), option, at(0)).unwrap();
    let inbox = inbox(&[set]);
    let decision = decide(&inbox, &Command::EndTimedOptions, &later(1, 1)).unwrap();
    assert!(decision.events.is_empty());
    assert_eq!(decision.refused[0].rejection, Rejection::EndOfTime { limit: Timestamp::MAX });
}
