//! Drafts on many devices: what lost to a concurrent write can still be offered (R27).

use chatfold::command::{Replaces, Role};
use chatfold::{Command, Context, Inbox, Message, Policy, decide};

use super::kit::{by, conversation, id, user};

const CHAT: &str = "c2c_bob";

/// A device: its inbox, and a number its ids come from.
#[derive(Clone)]
struct Device {
    inbox: Inbox,
    number: u8,
    commands: u8,
}

impl Device {
    fn new(number: u8) -> Self {
        Self { inbox: Inbox::new(user("alice"), Policy::default()), number, commands: 0 }
    }

    fn context(&mut self, millis: i64) -> Context {
        self.commands += 1;
        let context = by("alice", Role::Member, millis);
        Context::new(context.actor, context.role, context.time, [self.number * 16 + self.commands; 16])
    }

    fn does(&mut self, command: &Command, millis: i64) {
        let context = self.context(millis);
        let decision = decide(&self.inbox, command, &context).unwrap();
        self.inbox.apply_batch(&decision.events);
    }

    fn writes(&mut self, text: &str, millis: i64) {
        self.does(&draft(text, Replaces::Shown), millis);
    }

    fn hears_of(&mut self, other: &Self) {
        self.inbox.merge(&other.inbox).unwrap();
    }

    fn draft(&self) -> Option<String> {
        let draft = self.inbox.conversation(&conversation(CHAT))?.draft()?;
        Some(draft.text.to_owned())
    }

    fn lost(&self) -> Vec<String> {
        let view = self.inbox.conversation(&conversation(CHAT)).unwrap();
        view.drafts_lost().iter().map(|draft| draft.text.to_owned()).collect()
    }
}

fn draft(text: &str, replaces: Replaces) -> Command {
    Command::SetDraft { conversation: conversation(CHAT), text: text.to_owned(), replaces }
}

fn two() -> (Device, Device) {
    (Device::new(1), Device::new(2))
}

#[test]
fn r27_typing_on_loses_nothing() {
    let (mut phone, _) = two();
    for (n, text) in ["D", "De", "Dear Bob"].iter().enumerate() {
        phone.writes(text, n as i64 * 1_000);
        assert_eq!((phone.draft().as_deref(), phone.lost().len()), (Some(*text), 0));
    }
}

#[test]
fn r27_two_thousand_words_lost_to_a_sync_are_still_there() {
    let (mut phone, mut laptop) = two();
    phone.writes("Dear", 0);
    laptop.hears_of(&phone);
    laptop.writes("Dear Bob, two thousand words", 1_000);
    phone.writes("Dear x", 2_000);
    laptop.hears_of(&phone);
    phone.hears_of(&laptop);
    for device in [&phone, &laptop] {
        assert_eq!(device.draft().unwrap(), "Dear x");
        assert_eq!(device.lost(), ["Dear Bob, two thousand words"], "and not what both replaced");
    }
}

#[test]
fn r27_whoever_saw_both_and_writes_on_replaces_the_one_that_shows() {
    let (mut phone, mut laptop) = two();
    phone.writes("one", 0);
    laptop.writes("two", 1_000);
    phone.hears_of(&laptop);
    phone.writes("two and on", 2_000);
    assert_eq!((phone.draft().as_deref(), phone.lost()), (Some("two and on"), vec!["one".to_owned()]));
}

#[test]
fn r27_an_editor_opened_before_the_other_draft_came_says_so() {
    let (mut phone, mut laptop) = two();
    phone.writes("one", 0);
    let view = phone.inbox.conversation(&conversation(CHAT)).unwrap();
    let seen = view.draft().unwrap().stamp.event;
    laptop.hears_of(&phone);
    laptop.writes("one, from the laptop", 1_000);
    phone.hears_of(&laptop);
    phone.does(&draft("one, from the phone", Replaces::Draft(seen)), 2_000);
    assert_eq!(phone.lost(), ["one, from the laptop"]);
    phone.does(&draft("from nowhere", Replaces::Nothing), 3_000);
    assert_eq!(phone.lost(), ["one, from the laptop", "one, from the phone"]);
}

#[test]
fn r27_sending_clearing_and_deleting_end_lost_drafts_too() {
    let send = Command::Send {
        conversation: conversation(CHAT),
        message: Box::new(Message::text(id(900), "Dear Bob")),
    };
    let delete =
        Command::DeleteConversations { conversations: vec![conversation(CHAT)], keep_messages: true };
    for command in [send, draft("", Replaces::Shown), delete] {
        let (mut phone, mut laptop) = two();
        phone.writes("one", 0);
        laptop.writes("two", 1_000);
        phone.hears_of(&laptop);
        assert_eq!(phone.lost(), ["one"]);
        phone.does(&command, -3_600_000);
        assert_eq!((phone.draft(), phone.lost()), (None, Vec::new()), "{command:?}, an hour slow");
    }
}

/// A save that was under way when the message was sent names a draft that is gone by then.
#[test]
fn r27_an_autosave_after_the_send_does_not_bring_the_draft_back() {
    let shown = |phone: &Device| {
        let view = phone.inbox.conversation(&conversation(CHAT)).unwrap();
        view.draft().unwrap().stamp.event
    };
    let (mut phone, mut laptop) = two();
    phone.writes("Dear", 0);
    let first = shown(&phone);
    phone.does(&draft("Dear Bob", Replaces::Draft(first)), 1_000);
    let second = shown(&phone);
    laptop.hears_of(&phone);
    let send = Command::Send {
        conversation: conversation(CHAT),
        message: Box::new(Message::text(id(900), "Dear Bob")),
    };
    phone.does(&send, 2_000);
    for gone in [first, second] {
        let context = phone.context(9);
        let late = draft("Dear Bob,", Replaces::Draft(gone));
        assert_eq!(decide(&phone.inbox, &late, &context).unwrap().events, []);
    }
    // A save of another device that has not heard of it is there until it does, and a new draft is a new one.
    laptop.does(&draft("Dear Bob,", Replaces::Draft(second)), 1_500);
    assert_eq!(laptop.draft().as_deref(), Some("Dear Bob,"));
    laptop.hears_of(&phone);
    assert_eq!(laptop.draft(), None, "written before it was sent");
    phone.does(&draft("One more thing", Replaces::Nothing), 3_000);
    assert_eq!(phone.draft().as_deref(), Some("One more thing"));
}

#[test]
fn r27_the_same_text_again_is_no_event() {
    let (mut phone, _) = two();
    phone.writes("one", 0);
    let context = phone.context(9);
    for replaces in [Replaces::Shown, Replaces::Nothing] {
        assert_eq!(decide(&phone.inbox, &draft("one", replaces), &context).unwrap().events, []);
    }
}
