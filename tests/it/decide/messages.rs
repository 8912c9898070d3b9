//! Recalling, editing, pinning, reacting, extending, receipts: who may, and what conflicts.

use chatfold::command::{Action, ExtensionWrite, Rejection, Role};
use chatfold::event::{Edit, GroupType, InvalidEvent};
use chatfold::view::MessageStatus;
use chatfold::{Command, Event, Message};

use super::kit::{alice, by, conversation, event, id, in_alices, received, received_as, user};

const GROUP: &str = "group_dev";

fn recall(to: &str) -> Command {
    Command::Recall { conversation: conversation(to), message: id(1), reason: None }
}

fn modify(to: &str, version: u64, text: &str) -> Command {
    let edit = Edit { version, text: Some(text.to_owned()), ..Edit::default() };
    Command::Modify { conversation: conversation(to), message: id(1), edit }
}

fn pin(on: bool) -> Command {
    Command::PinMessage { conversation: conversation(GROUP), message: id(1), on }
}

fn not_allowed(action: Action, actor: &str, role: Option<Role>) -> Rejection {
    Rejection::NotAllowed { action, actor: user(actor), role }
}

#[test]
fn r74_in_a_group_its_owner_and_admins_recall_anything_at_any_time() {
    let old = || [received(1, "bob", GROUP)];
    for role in [Role::Admin, Role::Owner] {
        in_alices(old()).when(&recall(GROUP), &by("alice", role, 0)).then_events(1).and_again_nothing();
    }
    let refused = not_allowed(Action::Recall, "alice", Some(Role::Member));
    in_alices(old()).when(&recall(GROUP), &alice()).then(refused);
    let own = not_allowed(Action::Recall, "alice", None);
    let direct = [received(1, "bob", "c2c_bob")];
    in_alices(direct).when(&recall("c2c_bob"), &by("alice", Role::Owner, 0)).then(own);
}

#[test]
fn r74_the_peer_recalls_through_the_same_judgement() {
    let fresh = || {
        event(1, "bob", -1_000, |envelope| {
            envelope.message_received(conversation("c2c_bob"), Message::text(id(1), "oops"))
        })
    };
    in_alices([fresh()]).when(&recall("c2c_bob"), &by("bob", Role::Member, 0)).then_events(1);
    let stranger = Rejection::NotAParty { user: user("carol"), conversation: conversation("c2c_bob") };
    in_alices([fresh()]).when(&recall("c2c_bob"), &by("carol", Role::Member, 0)).then(stranger);
}

#[test]
fn r74_online_only_and_unsent_messages_are_not_recalled() {
    let mut message = Message::text(id(1), "typing").with_seq(1);
    message.online_only = true;
    let refused = Rejection::OnlineOnly { action: Action::Recall, message: id(1), in_group: true };
    assert_eq!(refused.code(), Some(10032));
    let events = [received_as("alice", GROUP, message)];
    in_alices(events).when(&recall(GROUP), &by("alice", Role::Owner, 0)).then(refused);
    let send =
        Command::Send { conversation: conversation(GROUP), message: Box::new(Message::text(id(1), "hi")) };
    let refused = Rejection::NotSent { message: id(1), status: MessageStatus::Sending };
    in_alices([]).when(&send, &alice()).then_events(1).when(&recall(GROUP), &alice()).then(refused);
    in_alices([]).when(&recall(GROUP), &alice()).then(Rejection::UnknownMessage { message: id(1) });
}

#[test]
fn r75_an_edit_follows_the_version_its_author_saw() {
    let first = in_alices([received(1, "alice", GROUP)])
        .when(&modify(GROUP, 1, "one"), &alice())
        .then_events(1)
        .and_again_nothing();
    let conflict = Rejection::VersionConflict { given: 1, current: 1 };
    assert_eq!(conflict.code(), Some(8006));
    let later = by("alice", Role::Member, 50);
    let second = first.when(&modify(GROUP, 1, "two"), &later).then(conflict);
    let second = second.when(&modify(GROUP, 2, "two"), &later).then_events(1);
    second.when(&modify(GROUP, 4, "four"), &later).then(Rejection::VersionConflict { given: 4, current: 2 });
    let zero = Rejection::VersionConflict { given: 0, current: 0 };
    in_alices([received(1, "alice", GROUP)]).when(&modify(GROUP, 0, "x"), &alice()).then(zero);
}

#[test]
fn r75_no_edit_of_the_recalled_the_fleeting_and_in_live_rooms() {
    let recalled = in_alices([received(1, "alice", GROUP)]);
    let recalled = recalled.when(&recall(GROUP), &by("alice", Role::Admin, 0)).then_events(1);
    let refused = Rejection::NotSent { message: id(1), status: MessageStatus::Recalled };
    recalled.when(&modify(GROUP, 1, "x"), &alice()).then(refused);
    let live = event(1, "bob", -9, |envelope| {
        envelope.conversation_opened(conversation(GROUP), Some(GroupType::AvChatRoom))
    });
    let refused = Rejection::InLiveRoom { what: "editing a message" };
    in_alices([live, received(1, "alice", GROUP)]).when(&modify(GROUP, 1, "x"), &alice()).then(refused);
    let mut fleeting = Message::text(id(1), "typing").with_seq(1);
    fleeting.online_only = true;
    let refused = Rejection::OnlineOnly { action: Action::Modify, message: id(1), in_group: true };
    let events = [received_as("alice", GROUP, fleeting)];
    in_alices(events).when(&modify(GROUP, 1, "x"), &alice()).then(refused);
}

#[test]
fn r80_messages_are_pinned_by_admins_in_groups() {
    let base = || in_alices([received(1, "bob", GROUP)]);
    let refused = not_allowed(Action::PinMessage, "alice", Some(Role::Member));
    base().when(&pin(true), &alice()).then(refused);
    let admin = by("alice", Role::Admin, 0);
    let pinned = base().when(&pin(true), &admin).then_events(1).and_again_nothing();
    let slow = by("alice", Role::Owner, -3_600_000);
    pinned.when(&pin(false), &slow).then_events(1).and_again_nothing();
    let direct = Command::PinMessage { conversation: conversation("c2c_bob"), message: id(1), on: true };
    let refused = Rejection::Invalid(InvalidEvent::NotInDirect { what: "message_pinned" });
    in_alices([received(1, "bob", "c2c_bob")]).when(&direct, &admin).then(refused);
}

#[test]
fn r17_a_personal_command_is_the_owners() {
    let mark = Command::Pin { conversation: conversation(GROUP), on: true };
    let refused = Rejection::NotTheOwner { actor: user("bob"), owner: user("alice") };
    in_alices([]).when(&mark, &by("bob", Role::Owner, 0)).then(refused);
}

#[test]
fn r80_a_reaction_is_put_on_and_taken_away_with_a_slow_clock() {
    let react = |on| Command::React {
        conversation: conversation(GROUP),
        message: id(1),
        reaction: "+1".to_owned(),
        on,
    };
    let slow = by("alice", Role::Member, -7_200_000);
    in_alices([received(1, "bob", GROUP)])
        .when(&react(false), &alice())
        .then_nothing()
        .when(&react(true), &alice())
        .then_events(1)
        .and_again_nothing()
        .when(&react(false), &slow)
        .then_events(1)
        .and_again_nothing();
}

fn write(value: Option<&str>, seen: u64) -> Command {
    let write = ExtensionWrite { key: "k".to_owned(), value: value.map(str::to_owned), seen };
    Command::SetExtensions { conversation: conversation(GROUP), message: id(1), extensions: vec![write] }
}

fn extensible() -> Event {
    let mut message = Message::text(id(1), "poll").with_seq(1);
    message.supports_extensions = true;
    received_as("bob", GROUP, message)
}

#[test]
fn r79_an_extension_is_compared_and_set() {
    let conflict = |seen, current, value: Option<&str>| {
        let value = value.map(str::to_owned);
        Rejection::ExtensionConflict { key: "k".to_owned(), seen, current, value }
    };
    assert_eq!(conflict(0, 1, None).code(), Some(23001));
    let unknown = Rejection::UnknownExtension { key: "k".to_owned() };
    assert_eq!(unknown.code(), Some(23004));
    let set = in_alices([extensible()])
        .when(&write(None, 0), &alice())
        .then(unknown)
        .when(&write(Some("a"), 3), &alice())
        .then(conflict(3, 0, None))
        .when(&write(Some("a"), 0), &alice())
        .then_events(1)
        .and_again_nothing();
    let deleted = set
        .when(&write(Some("b"), 0), &alice())
        .then(conflict(0, 1, Some("a")))
        .when(&write(Some("b"), 1), &alice())
        .then_events(1)
        .when(&write(None, 2), &alice())
        .then_events(1)
        .and_again_nothing();
    let clear = Command::ClearExtensions { conversation: conversation(GROUP), message: id(1) };
    deleted
        .when(&clear, &alice())
        .then_nothing()
        .when(&write(Some("c"), 0), &alice())
        .then_events(1)
        .when(&clear, &alice())
        .then_events(1)
        .and_again_nothing()
        .when(&write(Some("d"), 4), &alice())
        .then_events(1)
        .and_again_nothing();
    let plain = Rejection::NoExtensions { message: id(1) };
    in_alices([received(1, "bob", GROUP)]).when(&write(Some("a"), 0), &alice()).then(plain);
}

#[test]
fn r34_receipts_go_to_those_who_asked() {
    let mut asked = Message::text(id(1), "read this").with_seq(1);
    asked.need_receipt = true;
    let receipts = |messages: Vec<usize>| Command::SendReceipts {
        conversation: conversation(GROUP),
        messages: messages.into_iter().map(id).collect(),
    };
    let events =
        || [received_as("bob", GROUP, asked.clone()), received(2, "bob", GROUP), received(3, "alice", GROUP)];
    in_alices(events()).when(&receipts(vec![1, 3, 1]), &alice()).then_events(1).and_again_nothing();
    let refused = Rejection::NoReceiptAsked { message: id(2) };
    in_alices(events()).when(&receipts(vec![1, 2]), &alice()).then(refused);
    let direct = Command::SendReceipts { conversation: conversation("c2c_bob"), messages: vec![id(1)] };
    let refused = Rejection::Invalid(InvalidEvent::NotInDirect { what: "message_read_by" });
    in_alices([]).when(&direct, &alice()).then(refused);
}

#[test]
fn deleting_names_only_what_can_be_seen() {
    let delete = |messages: Vec<usize>| Command::DeleteMessages {
        conversation: conversation(GROUP),
        messages: messages.into_iter().map(id).collect(),
    };
    let events = || [received(1, "bob", GROUP), received(2, "bob", GROUP)];
    let done = in_alices(events()).when(&delete(vec![1, 1]), &alice()).then_events(1).and_again_nothing();
    let targets = |events: &[Event]| format!("{:?}", events[0].body());
    let rest = done.when(&delete(vec![1, 2]), &by("alice", Role::Member, 5));
    assert!(!targets(&rest.decision().clone().unwrap().events).contains(&id(1).to_string()));
    let unknown = Rejection::UnknownMessage { message: id(9) };
    in_alices(events()).when(&delete(vec![1, 9]), &alice()).then(unknown);
}
