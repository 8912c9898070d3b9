//! Acting: from keys to wishes, through `decide`, back to the screen.

use chatfold::command::{Limits, Role};
use chatfold::{Command, Context, Inbox, Message, MessageId, decide};
use chatfold_tui::{Access, App, Desk, Done, Effect, Input, Wish};

use super::support::{PICTURES, fixture, open, press, read, screen};

const SIZE: (u16, u16) = (100, 24);

/// A log in memory: decides at a fixed time, under limits of its own.
struct Memory {
    limits: Limits,
    acts: u8,
}

impl Desk for Memory {
    fn look(&mut self) -> Result<Vec<chatfold::Event>, String> {
        Ok(Vec::new())
    }

    fn act(&mut self, inbox: &Inbox, wish: &Wish) -> Result<Done, String> {
        self.acts += 1;
        let now = "2026-03-05T16:40:00.000Z".parse().unwrap();
        let context = Context::new(inbox.owner().clone(), Role::Member, now, [self.acts; 16]);
        let context = context.with_limits(self.limits);
        let command = match wish {
            Wish::Command(command) => command.clone(),
            Wish::Send { conversation, text, reply_to } => {
                let mut message = Message::text(MessageId::from_bytes([self.acts; 16]), text.clone());
                message.reply_to = *reply_to;
                Command::Send { conversation: conversation.clone(), message: Box::new(message) }
            }
        };
        let judged = decide(inbox, &command, &context);
        let events = judged.as_ref().map(|decision| decision.events.clone()).unwrap_or_default();
        Ok(Done { events, judged, note: None })
    }
}

/// Presses keys and carries out what they ask for; the screen then.
fn act(app: &mut App, desk: &mut Memory, keys: &str) -> String {
    for key in keys.split_whitespace() {
        if let Some(Effect::Act(wish)) = press(app, key) {
            let done = desk.act(app.past().present(), &wish).unwrap();
            app.on(Input::Done(done));
        }
    }
    screen(app, SIZE)
}

fn desk() -> Memory {
    Memory { limits: Limits::default(), acts: 0 }
}

#[test]
fn a_conversation_is_pinned_starred_marked_and_read() {
    let (mut app, mut desk) = (open("team-at-work.jsonl", PICTURES), desk());
    let shown = act(&mut app, &mut desk, "down down down p");
    assert!(shown.contains("pinned c2c_jonas"), "{shown}");
    assert!(shown.contains("event 201 of 201"));
    let row = |app: &App| {
        let inbox = app.past().inbox();
        let row = inbox.conversation(&"c2c_jonas".parse().unwrap()).unwrap();
        (row.is_pinned(), row.marks().len(), row.unread_count())
    };
    assert_eq!(row(&app), (true, 0, 3));
    assert!(act(&mut app, &mut desk, "s").contains("marked c2c_jonas with star"));
    assert!(act(&mut app, &mut desk, "M \"40 enter").contains("with custom 1<<40"));
    assert_eq!(row(&app), (true, 2, 3));
    assert!(act(&mut app, &mut desk, "s").contains("took the mark star"));
    assert!(act(&mut app, &mut desk, "M \"nonsense enter").contains("no mark is called nonsense"));
    act(&mut app, &mut desk, "r");
    assert_eq!(row(&app), (true, 1, 0));
    let again = act(&mut app, &mut desk, "r");
    assert!(again.contains("nothing to do: it is so already"), "{again}");
    act(&mut app, &mut desk, "p");
    assert!(!row(&app).0, "the same key unpins");
}

#[test]
fn r56_a_conversation_is_archived_and_the_archive_filtered_by() {
    let (mut app, mut desk) = (open("team-at-work.jsonl", PICTURES), desk());
    let shown = act(&mut app, &mut desk, "down down down a");
    assert!(shown.contains("archived c2c_jonas") && shown.contains("\u{1f4e6}"), "{shown}");
    let shown = act(&mut app, &mut desk, "A");
    assert!(shown.contains("not archived") && shown.contains("15 shown"), "{shown}");
    let shown = act(&mut app, &mut desk, "A");
    assert!(shown.contains("1 shown") && shown.contains("Jonas Weber"), "{shown}");
    assert!(act(&mut app, &mut desk, "A").contains("16 shown"));
    let shown = act(&mut app, &mut desk, "a");
    assert!(shown.contains("took c2c_jonas out of the archive"), "{shown}");
}

#[test]
fn unread_from_here_a_draft_a_message_and_its_recall() {
    let (mut app, mut desk) = (open("team-at-work.jsonl", PICTURES), desk());
    let jonas = "c2c_jonas".parse().unwrap();
    act(&mut app, &mut desk, "down down down r");
    act(&mut app, &mut desk, "enter up U esc");
    let unread = app.past().inbox().conversation(&jonas).unwrap().unread_count();
    assert!(unread >= 1, "from the message on: {unread}");

    act(&mut app, &mut desk, "e \"soon enter");
    let draft = |app: &App| {
        app.past().inbox().conversation(&jonas).unwrap().draft().map(|draft| draft.text.to_owned())
    };
    assert_eq!(draft(&app).as_deref(), Some("soon"));
    act(&mut app, &mut desk, "e \"er enter");
    assert_eq!(draft(&app).as_deref(), Some("sooner"), "the prompt begins with the draft");
    act(&mut app, &mut desk, "e \"xyz esc");
    assert_eq!(draft(&app).as_deref(), Some("sooner"), "given up");

    let shown = act(&mut app, &mut desk, "i \"done enter");
    assert!(shown.contains("queued \"done\" for c2c_jonas"), "{shown}");
    assert_eq!(draft(&app), None, "sending clears the draft");
    // Only what the server took can be recalled: shown with its status.
    let refused = act(&mut app, &mut desk, "enter R y");
    assert!(refused.contains("refused: ") && refused.contains("being sent"), "{refused}");
    let before = app.past().end();
    act(&mut app, &mut desk, "x n");
    assert_eq!(app.past().end(), before, "no is no");
    act(&mut app, &mut desk, "x y");
    assert_eq!(app.past().end(), before + 1);
    act(&mut app, &mut desk, "esc x y");
    assert!(!app.past().inbox().conversation(&jonas).unwrap().is_listed(), "the conversation is deleted");
}

#[test]
fn a_refusal_is_shown_with_its_limit() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    let mut desk = Memory { limits: Limits::default().with_pinned_conversations(2), acts: 0 };
    let shown = act(&mut app, &mut desk, "down down down p");
    assert!(shown.contains("refused: too many pinned conversations: 3, the limit is 2"), "{shown}");
    assert_eq!(app.past().end(), 200, "nothing was appended");
}

#[test]
fn nobody_acts_in_the_past_or_on_what_is_only_read() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    press(&mut app, "left");
    assert_eq!(press(&mut app, "p"), None);
    assert!(screen(&mut app, SIZE).contains("this is the past"));
    let (owner, events) = read(&std::fs::read_to_string(fixture("family.jsonl")).unwrap());
    let access = Access::Fixed("it is packed".to_owned());
    let mut app = App::new(owner, chatfold::Policy::default(), events, access, PICTURES);
    assert_eq!(press(&mut app, "p"), None);
    assert!(screen(&mut app, SIZE).contains("this log is only read: it is packed"));
    assert_eq!(press(&mut app, "f"), None);
    assert!(screen(&mut app, SIZE).contains("cannot be followed: it is packed"));
}

#[test]
fn an_answer_is_about_what_was_asked_whatever_moves_meanwhile() {
    let (owner, events) = read(&std::fs::read_to_string(fixture("everything-deleted.jsonl")).unwrap());
    // Where the selected conversation vanishes with an event that arrives while a question is open.
    let vanishing = (1..events.len()).find_map(|cut| {
        let mut app = App::new(
            owner.clone(),
            chatfold::Policy::default(),
            events[..cut].to_vec(),
            Access::Full,
            PICTURES,
        );
        let listed = |inbox: &Inbox| inbox.conversations().map(|row| row.id().clone()).collect::<Vec<_>>();
        let (before, selected) = (listed(app.past().inbox()), listed(app.past().inbox()).first()?.clone());
        app.on(Input::Arrived(vec![events[cut].clone()]));
        (before.len() > 1 && !listed(app.past().inbox()).contains(&selected)).then_some((cut, selected))
    });
    let (cut, selected) = vanishing.expect("some conversation on top is deleted in this log");
    let mut app =
        App::new(owner, chatfold::Policy::default(), events[..cut].to_vec(), Access::Full, PICTURES);
    assert_eq!(press(&mut app, "x"), None);
    app.on(Input::Arrived(vec![events[cut].clone()]));
    match press(&mut app, "y") {
        Some(Effect::Act(Wish::Command(Command::DeleteConversations { conversations, .. }))) => {
            assert_eq!(conversations, [selected]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_long_refusal_is_shown_whole_and_a_long_draft_leaves_room() {
    let (mut app, mut desk) = (open("team-at-work.jsonl", PICTURES), desk());
    act(&mut app, &mut desk, "enter R y");
    let shown = screen(&mut app, (60, 24));
    let said: Vec<&str> = shown.lines().skip(20).map(str::trim).collect();
    assert!(said.join(" ").contains("no more than a member of the group (code 10007)"), "{shown}");
    assert!(shown.contains("event 200 of 200"), "the totals stay: {shown}");
    press(&mut app, "esc");
    assert!(screen(&mut app, (60, 24)).contains("2026-02-23"), "the time line is back");

    press(&mut app, "e");
    app.on(Input::Paste("word ".repeat(2_000)));
    let shown = act(&mut app, &mut desk, "enter");
    assert!(shown.contains("Draft: word word") && shown.contains("16:29 Dele Adeyemi"), "{shown}");
}

#[test]
fn why_a_message_is_read_tells_each_turn() {
    let (mut app, mut desk) = (open("team-at-work.jsonl", PICTURES), desk());
    let why = act(&mut app, &mut desk, "down down down enter up r r U down r up ?");
    let turns: Vec<&str> = why
        .lines()
        .skip(2)
        .filter_map(|line| Some(line.split_once("  event ")?.0.trim().trim_start_matches("events").trim()))
        .collect();
    assert_eq!(
        turns,
        ["message received", "conversation read", "marked unread from", "conversation read"],
        "{why}"
    );
}
