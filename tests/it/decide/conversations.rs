//! What an owner sets on conversations and on the account.

use chatfold::command::{Rejection, Role};
use chatfold::event::{GroupType, InvalidEvent, Mark, QuietHours, ReceiveOption};
use chatfold::{Command, Event};

use super::kit::{alice, by, conversation, event, in_alices, received, user};

const GROUP: &str = "group_dev";

fn slow() -> chatfold::Context {
    by("alice", Role::Member, -7_200_000)
}

/// Two commands that undo each other: each wins over the other with a clock two hours slow (R65).
fn to_and_fro(events: Vec<Event>, one: &Command, other: &Command) {
    in_alices(events)
        .when(one, &alice())
        .then_events(1)
        .and_again_nothing()
        .when(other, &slow())
        .then_events(1)
        .and_again_nothing()
        .when(one, &slow())
        .then_events(1)
        .and_again_nothing();
}

#[test]
fn r65_what_was_set_last_counts_though_the_clock_is_slow() {
    let ids = || vec![conversation(GROUP)];
    let known = || vec![received(1, "bob", GROUP)];
    let pin = |on| Command::Pin { conversation: conversation(GROUP), on };
    to_and_fro(known(), &pin(true), &pin(false));
    let mark = |on| Command::Mark { conversations: ids(), mark: Mark::FOLD, on };
    to_and_fro(known(), &mark(true), &mark(false));
    let data = |data: &[u8]| Command::SetCustomData { conversations: ids(), data: data.to_vec() };
    to_and_fro(known(), &data(b"x"), &data(b""));
    let option = |option| Command::SetReceiveOption { conversations: ids(), option, until: None };
    to_and_fro(known(), &option(ReceiveOption::NotReceive), &option(ReceiveOption::Receive));
    let archive = |on| Command::Archive { conversations: ids(), on, stay: on };
    to_and_fro(known(), &archive(true), &archive(false));
    let remark = |text: &str| Command::SetRemark { user: user("bob"), remark: text.to_owned() };
    to_and_fro(Vec::new(), &remark("Bobby"), &remark(" "));
    let hours = QuietHours::Daily { start_s: 79_200, duration_s: 3_600, utc_offset_s: 0 };
    let quiet = |hours| Command::SetQuietHours { hours };
    to_and_fro(Vec::new(), &quiet(Some(hours)), &quiet(None));
    let open = Command::Open { conversation: conversation(GROUP), group_type: None };
    let delete = Command::DeleteConversations { conversations: ids(), keep_messages: false };
    to_and_fro(Vec::new(), &open, &delete);
}

#[test]
fn opening_what_is_listed_is_a_no_op_unless_it_says_the_type() {
    let open = |group_type| Command::Open { conversation: conversation(GROUP), group_type };
    let known = || in_alices([received(1, "bob", GROUP)]);
    known().when(&open(None), &alice()).then_nothing();
    known().when(&open(Some(GroupType::Work)), &alice()).then_events(1).and_again_nothing();
    let direct = Command::Open { conversation: conversation("c2c_bob"), group_type: Some(GroupType::Work) };
    let refused = Rejection::Invalid(InvalidEvent::NotInDirect { what: "group_type" });
    in_alices([]).when(&direct, &alice()).then(refused);
}

#[test]
fn marking_many_says_which_were_refused() {
    let mark = Command::Mark {
        conversations: ["group_dev", "group_no", "c2c_no"].map(conversation).to_vec(),
        mark: Mark::STAR,
        on: true,
    };
    let when = in_alices([received(1, "bob", GROUP)]).when(&mark, &alice());
    let decision = when.decision().clone().unwrap();
    assert_eq!(decision.events.len(), 1);
    let refused: Vec<_> = decision.refused.iter().map(|refusal| refusal.conversation.as_str()).collect();
    assert_eq!(refused, ["group_no", "c2c_no"]);
    when.then_events(1).and_again_nothing();
}

#[test]
fn quiet_hours_fit_a_day() {
    let hours = |start_s, duration_s| {
        let hours = QuietHours::Daily { start_s, duration_s, utc_offset_s: 0 };
        Command::SetQuietHours { hours: Some(hours) }
    };
    in_alices([]).when(&hours(86_399, 86_399), &alice()).then_events(1);
    for command in [hours(86_400, 1), hours(0, 86_400)] {
        let refused = Rejection::Invalid(InvalidEvent::QuietHours);
        in_alices([]).when(&command, &alice()).then(refused);
    }
    in_alices([]).when(&Command::SetQuietHours { hours: None }, &alice()).then_nothing();
}

#[test]
fn a_remark_is_the_owners_name_for_a_user() {
    let profile = event(1, "bob", 60_000, |envelope| {
        envelope.user_profile_changed(user("bob"), Some("Bob".to_owned()), Some("no".to_owned()), None)
    });
    let remark = Command::SetRemark { user: user("bob"), remark: "Bobby".to_owned() };
    let done = in_alices([profile, received(1, "bob", "c2c_bob")]).when(&remark, &slow()).then_events(1);
    assert_eq!(done.inbox().conversations().next().unwrap().show_name(), "Bobby");
}
