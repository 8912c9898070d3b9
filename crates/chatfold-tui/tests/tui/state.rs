//! The state machine: keys in, state and effects out.

use chatfold::binary::{Header, Log, RecordPlace, Writer};
use chatfold::event::{Through, UnreadReport, Watermark};
use chatfold::testing::Workload;
use chatfold::{
    ConversationId, Envelope, Event, EventId, Filter, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};
use chatfold_tui::{Access, App, Effect, Input, Past, RecordSource, Step};
use ratatui::style::{Color, Modifier};

use super::support::{LETTERS, PICTURES, buffer, fixture, open, press, read, screen};

const SIZE: (u16, u16) = (80, 24);

fn past(name: &str) -> Past {
    let (owner, events) = read(&std::fs::read_to_string(fixture(name)).unwrap());
    Past::new(owner, Policy::default(), events)
}

#[test]
fn every_position_shows_what_folding_so_many_events_makes() {
    let (owner, events) = read(&std::fs::read_to_string(fixture("team-at-work.jsonl")).unwrap());
    let mut past = Past::new(owner.clone(), Policy::default(), events.clone());
    // Far and near, on and back.
    let positions = (0..=events.len()).chain((0..=events.len()).rev()).chain([150, 3, 199, 0, 200, 77, 78]);
    for position in positions {
        past.go(position);
        assert_eq!(past.position(), position);
        let folded = Inbox::replay(owner.clone(), Policy::default(), &events[..position]);
        assert_eq!(past.inbox().digest(), folded.digest(), "position {position}");
        assert_eq!(past.inbox().totals(), folded.totals(), "position {position}");
    }
}

#[test]
fn a_log_that_grew_is_the_log_it_became() {
    let (owner, events) = read(&std::fs::read_to_string(fixture("family.jsonl")).unwrap());
    for cut in [0, 1, 70, events.len()] {
        let mut past = Past::new(owner.clone(), Policy::default(), events[..cut].to_vec());
        past.append(events[cut..].to_vec());
        assert_eq!((past.position(), past.end()), (cut, events.len()), "the position stays");
        past.go(events.len());
        let folded = Inbox::replay(owner.clone(), Policy::default(), &events);
        assert_eq!(past.inbox().digest(), folded.digest());
        past.go(50);
        let folded = Inbox::replay(owner.clone(), Policy::default(), &events[..50]);
        assert_eq!(past.inbox().digest(), folded.digest());
    }
}

#[test]
fn hours_and_days_end_where_they_end_and_always_move() {
    for name in ["team-at-work.jsonl", "family.jsonl", "mass-recall.jsonl"] {
        let mut past = past(name);
        for (back, on, ms) in
            [(Step::HourBack, Step::HourOn, 3_600_000), (Step::DayBack, Step::DayOn, 86_400_000)]
        {
            past.go(past.end());
            let mut stops = vec![past.position()];
            while past.position() > 0 {
                let target = past.target(back);
                assert!(target < past.position(), "{name}: back moves");
                past.go(target);
                stops.push(target);
                // Everything before is of an earlier hour than everything behind.
                if let (Some(now), Some(next)) = (past.now(), past.time_at(target + 1)) {
                    assert!(
                        now.as_millis().div_euclid(ms) < next.as_millis().div_euclid(ms),
                        "{name}: {target}"
                    );
                }
            }
            stops.reverse();
            for stop in &stops[1..] {
                past.go(past.target(on));
                assert_eq!(past.position(), *stop, "{name}: on is back, backwards");
            }
            assert_eq!(past.target(on), past.end());
        }
    }
}

#[test]
fn keys_move_through_time_and_the_selection_stays_with_its_conversation() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    press(&mut app, "down down");
    for (keys, position) in
        [("left", 199), ("left", 198), ("right", 199), ("home", 0), ("left", 0), ("end", 200)]
    {
        press(&mut app, keys);
        assert_eq!(app.past().position(), position, "{keys}");
    }
    press(&mut app, "S-left");
    let hour = app.past().position();
    press(&mut app, "end [");
    assert_eq!(app.past().position(), hour, "both keys of an hour");
    press(&mut app, "end C-left");
    let day = app.past().position();
    press(&mut app, "end {");
    assert_eq!(app.past().position(), day, "both keys of a day");
    assert!(day < hour && hour < 200);

    let mut app = open("team-at-work.jsonl", PICTURES);
    press(&mut app, "down");
    assert!(screen(&mut app, SIZE).contains("Aiko Tanaka  direct chat"));
    press(&mut app, "left left left left left left");
    assert!(screen(&mut app, SIZE).contains("Aiko Tanaka  direct chat"), "it stays selected while rows move");
}

#[test]
fn rows_that_moved_are_marked_for_a_moment() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    app.on(Input::Tick(1_000));
    press(&mut app, "{");
    assert!(screen(&mut app, SIZE).contains("▼"), "some fell back");
    app.on(Input::Tick(2_400));
    assert!(screen(&mut app, SIZE).contains("▼"));
    app.take_stale();
    app.on(Input::Tick(2_500));
    assert!(app.take_stale(), "the marks go without a key");
    assert!(!screen(&mut app, SIZE).contains("▼"));
    press(&mut app, "}");
    assert!(screen(&mut app, SIZE).contains("▲ 📌"), "some rose");
    assert!(screen(&mut app, SIZE).contains("●"), "some are new");
}

#[test]
fn filters_conjoin_and_are_cleared() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    let mut shown = |keys: &str| {
        press(&mut app, keys);
        let screen = screen(&mut app, SIZE);
        let at = screen.find(" shown").unwrap();
        let number = screen[..at].rsplit(' ').next().unwrap().parse::<usize>().unwrap();
        (number, screen.lines().next().unwrap().to_owned())
    };
    assert_eq!(shown("u").0, 7);
    let (number, header) = shown("@");
    assert_eq!(number, 1);
    assert!(header.contains("unread, mentions"), "{header}");
    assert_eq!(shown("c").0, 16);
    let (direct, groups) = (shown("d").0, shown("g").0);
    assert_eq!(direct + groups, 16);
    assert_eq!(shown("g").0, 16, "the same key again takes it away");
    let (starred, header) = shown("m");
    assert!(starred > 0 && starred < 16 && header.contains("marked star"), "{header}");
    let (_, header) = shown("c o");
    assert!(header.contains("folder "), "{header}");
    assert_eq!(shown("esc").0, 16);
}

#[test]
fn folders_come_round_to_all() {
    let mut app = open("support-desk.jsonl", PICTURES);
    let folders = app.past().inbox().folders().len();
    assert!(folders > 0);
    let mut headers = Vec::new();
    for _ in 0..folders + 2 {
        press(&mut app, "o");
        headers.push(screen(&mut app, SIZE).lines().next().unwrap().to_owned());
    }
    assert!(headers[..folders].iter().all(|header| header.contains("folder ")));
    assert!(headers[folders].contains("in no folder"));
    assert!(headers[folders + 1].contains("all conversations"));
}

#[test]
fn searching_looks_at_names_then_at_every_message() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    press(&mut app, "/ \"BACKPACK");
    assert!(screen(&mut app, SIZE).contains("none passes"), "not in a name or preview");
    press(&mut app, "enter");
    let found = screen(&mut app, SIZE);
    assert!(found.contains("1 shown") && found.contains("Aiko Tanaka"), "{found}");
    press(&mut app, "n");
    let lit = buffer(&mut app, SIZE);
    let reversed = lit.content.iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED));
    let text: String = reversed.map(|cell| cell.symbol()).collect();
    assert!(text.contains("backpack"), "the message is selected: {text}");
    press(&mut app, "n");
    assert!(screen(&mut app, SIZE).contains("no such message further that way"));
    press(&mut app, "esc esc");
    assert!(screen(&mut app, SIZE).contains("16 shown"));
}

#[test]
fn reasons_lead_to_their_events() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    press(&mut app, "?");
    let why = screen(&mut app, SIZE);
    assert!(why.contains("Why Launch 2.0") && why.contains("event 163 by jonas: message_received"), "{why}");
    press(&mut app, "enter");
    assert_eq!(app.past().position(), 163);
    press(&mut app, "end ?");
    press(&mut app, &"down ".repeat(60));
    let totals = screen(&mut app, SIZE);
    assert!(totals.contains("muted: not counted in the badge"), "the totals, too: {totals}");
    // A number of the totals leads to the reasons of its conversation, and those to events.
    let last = app.past().end();
    press(&mut app, "enter");
    let why = screen(&mut app, SIZE);
    assert!(why.contains("Why ") && !why.contains("Why Launch 2.0"), "{why}");
    assert_eq!(app.past().position(), last);
    press(&mut app, "enter");
    assert!(app.past().position() < last, "to the event");
    press(&mut app, "esc");
    assert!(!screen(&mut app, SIZE).contains("Why "));
}

#[test]
fn a_message_is_read_by_an_event_that_does_not_name_it() {
    let rows = |app: &mut App, keys: &str| -> Vec<String> {
        press(app, keys);
        let why = screen(app, (120, 40));
        why.lines().skip(2).map(|line| line.trim().to_owned()).take_while(|line| !line.is_empty()).collect()
    };
    // "Until seven", of the owner, read by the peer of a direct chat.
    let mut app = open("family.jsonl", PICTURES);
    let own = rows(&mut app, "down down down enter up up ?");
    assert!(own.iter().any(|row| row.contains("peer read")), "{own:?}");
    assert!(own.iter().all(|row| !row.contains("conversation read")), "{own:?}");
    // "home", of the peer, read by the owner.
    let peers = rows(&mut app, "esc down ?");
    assert!(peers.iter().any(|row| row.contains("conversation read")), "{peers:?}");
    assert_eq!(peers.len(), 2, "the first reading that reaches it, not every later one: {peers:?}");
    press(&mut app, "down enter");
    assert!(app.past().position() < app.past().end());
    // Unread messages of a group are read by nothing.
    let mut app = open("family.jsonl", PICTURES);
    let unread = rows(&mut app, "enter ?");
    assert!(unread.iter().all(|row| !row.contains("read")), "{unread:?}");
}

#[test]
fn r59_a_message_read_by_name_says_so_and_leads_to_the_event() {
    let mut app = open("one-by-one.jsonl", PICTURES);
    press(&mut app, "enter");
    let shown = screen(&mut app, (120, 40));
    assert!(shown.contains("read by name"), "{shown}");
    press(&mut app, "?");
    let why = screen(&mut app, (120, 40));
    assert!(why.contains("messages read"), "{why}");
}

#[test]
fn what_was_appended_comes_in_where_one_stands_at_the_end() {
    let (owner, events) = read(&std::fs::read_to_string(fixture("family.jsonl")).unwrap());
    let (front, back) = events.split_at(140);
    let mut app = App::new(owner, Policy::default(), front.to_vec(), Access::Full, PICTURES);
    assert_eq!(app.on(Input::Tick(0)), None, "nobody asked to follow");
    assert_eq!(press(&mut app, "f"), Some(Effect::Look));
    assert_eq!(app.on(Input::Tick(100)), Some(Effect::Look));
    app.on(Input::Arrived(back[..3].to_vec()));
    assert_eq!(app.past().position(), 143);
    assert!(screen(&mut app, SIZE).contains("following"));
    press(&mut app, "left");
    app.on(Input::Arrived(back[3..].to_vec()));
    assert_eq!((app.past().position(), app.past().end()), (142, 146), "the past stays where it is");
    assert_eq!(press(&mut app, "f"), None);
    assert_eq!(app.on(Input::Tick(200)), None);
    press(&mut app, "left f");
    assert_eq!(app.past().position(), 146, "following begins at the end");
    app.on(Input::Trouble("it went away".to_owned()));
    assert_eq!(app.on(Input::Tick(300)), None, "trouble ends it");
    assert!(screen(&mut app, SIZE).contains("it went away"));
}

#[test]
fn without_colour_there_is_none_and_what_matters_stands_out_all_the_same() {
    let colours = |app: &mut App, keys: &str| {
        press(app, keys);
        let drawn = buffer(app, SIZE);
        let colours = drawn.content.iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        let lit = drawn.content.iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED));
        (colours.count(), lit.count())
    };
    let mut plain = open("team-at-work.jsonl", LETTERS);
    for keys in ["", "{", "?", "esc h", "esc enter", "x"] {
        let (colours, lit) = colours(&mut plain, keys);
        assert_eq!(colours, 0, "{keys}");
        assert!(lit >= 80, "{keys}: the line above all, at least");
    }
    assert!(colours(&mut open("team-at-work.jsonl", PICTURES), "").0 > 50);
}

#[test]
fn nothing_from_a_log_reaches_the_terminal_as_it_is() {
    for name in ["names-and-drafts.jsonl", "mass-recall.jsonl", "support-desk.jsonl"] {
        let mut app = open(name, PICTURES);
        for keys in ["", "down", "enter up", "?", "esc", "home", "] ] ]", "? esc end"] {
            press(&mut app, keys);
            for cell in &buffer(&mut app, (100, 30)).content {
                assert!(!cell.symbol().chars().any(char::is_control), "{name}, {keys}");
            }
        }
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    for size in [(19, 24), (20, 5)] {
        assert!(screen(&mut app, size).starts_with("too small: 20 × 6"), "{}", screen(&mut app, size));
    }
    press(&mut app, "x");
    assert!(screen(&mut app, (20, 6)).contains("delete this"), "a question is seen wherever it can be asked");
}

#[test]
fn any_size_can_be_drawn() {
    let mut app = open("team-at-work.jsonl", PICTURES);
    for keys in ["", "?", "esc h", "esc enter", "x", "n / \"text", "esc esc home"] {
        press(&mut app, keys);
        for size in [(1, 1), (2, 40), (3, 3), (10, 2), (19, 7), (59, 9), (60, 10), (80, 24), (300, 90)] {
            buffer(&mut app, size);
        }
    }
}

#[test]
fn whatever_is_pressed_the_inbox_goes_on() {
    // A small generator of pseudo-random numbers, the same every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).unwrap()
    };
    let keys = [
        "left", "right", "S-left", "S-right", "C-left", "C-right", "home", "end", "up", "down", "pgup",
        "pgdn", "tab", "enter", "esc", "back", "u", "@", "d", "g", "o", "m", "A", "a", "c", "/", "n", "N",
        "?", "h", "f", "p", "s", "M", "r", "U", "e", "i", "R", "x", "y", "1", "q",
    ];
    let mut app = open("mass-recall.jsonl", PICTURES);
    let mut effects = 0;
    for step in 0..4_000 {
        effects += usize::from(press(&mut app, keys[next(keys.len())]).is_some());
        if step % 10 == 0 {
            let size = (u16::try_from(1 + next(120)).unwrap(), u16::try_from(1 + next(40)).unwrap());
            let drawn = screen(&mut app, size);
            assert_eq!(drawn.lines().count(), usize::from(size.1));
        }
        assert!(app.past().position() <= app.past().end());
    }
    assert!(effects > 100, "keys had effects: {effects}");
}

/// More events than are kept as values: what is read back is what was put in, and every way to a position leads to the
/// same inbox.
#[test]
fn a_long_log_is_kept_and_read_back_as_it_is() {
    let workload = Workload::desk().with_conversations(40).with_events(3_000);
    let events: Vec<Event> = workload.iter().collect();
    let (front, back) = events.split_at(2_500);
    check_kept(Past::new(workload.owner(), Policy::default(), front.iter().cloned()), back, &events);

    let mut writer = Writer::new(Vec::new(), &Header::new(workload.owner())).unwrap();
    for (index, event) in front.iter().enumerate() {
        writer.write_event(event).unwrap();
        if index % 900 == 7 {
            writer.flush().unwrap();
        }
    }
    writer.flush().unwrap();
    let inbox = Inbox::replay(workload.owner(), Policy::default(), front);
    let times = front.iter().map(Event::at).collect();
    let log = writer.into_inner();
    let records = Log::open(&log).unwrap().index();
    check_kept(Past::of_binary_log(Box::new(log), records, inbox, times), back, &events);
}

fn check_kept(mut past: Past, back: &[Event], events: &[Event]) {
    let (owner, front) = (past.inbox().owner().clone(), events.len() - back.len());
    past.append(back.to_vec());
    assert_eq!((past.position(), past.end()), (front, events.len()));
    for (index, event) in events.iter().enumerate() {
        assert_eq!(past.event(index + 1).as_ref(), Some(event), "event {index}");
    }
    assert_eq!((past.event(0), past.event(events.len() + 1)), (None, None));
    for position in [3_000, 0, 1_024, 1_023, 1_025, 2_047, 2_900, 2_048, 1, 2_999, 3_000, 908, 5_000] {
        past.go(position);
        let position = position.min(events.len());
        let folded = Inbox::replay(owner.clone(), Policy::default(), &events[..position]);
        assert_eq!(past.position(), position);
        assert_eq!(past.inbox().digest(), folded.digest(), "position {position}");
        let latest = events[..position].iter().map(Event::at).max();
        assert_eq!(past.now(), latest, "position {position}");
        let mut seen = Vec::new();
        past.for_each_so_far(|at, event| seen.push((at, event.id())));
        assert!(seen.into_iter().eq((1..).zip(events[..position].iter().map(Event::id))), "{position}");
    }
    let wanted = [events[7].id(), events[1_500].id(), events[2_800].id()];
    let places: Vec<usize> = past.places(&wanted).into_iter().map(|(_, position)| position).collect();
    assert_eq!(places, [8, 1_501, 2_801]);
}

/// Steps near and far, with and without a filter: debug builds assert that the rows kept are the rows read anew.
#[test]
fn rows_kept_through_steps_are_as_many_as_pass() {
    let workload = Workload::desk().with_conversations(60).with_events(1_500);
    let mut app = App::new(workload.owner(), Policy::default(), workload.iter(), Access::Full, PICTURES);
    for (keys, has_unread) in [
        ("left", false),
        ("left left right", false),
        ("home", false),
        ("right right ]", false),
        ("u right", true),
        ("} right right", true),
        ("left end", true),
        ("c [ right", false),
    ] {
        press(&mut app, keys);
        let filter = Filter::default().with_has_unread(has_unread);
        let passing = app.past().inbox().page(&filter, None, usize::MAX).conversations.len();
        let shown = screen(&mut app, (120, 40));
        let count = format!("{passing} shown");
        assert!(shown.contains(&count), "after {keys}: {count} in {shown}");
    }
}

/// A group of which a server told more than is held: a message every ten seqs, and a report of at least 12.
fn with_gaps(messages: u8) -> App {
    let (alice, bob) = (UserId::parse("alice").unwrap(), UserId::parse("bob").unwrap());
    let group: ConversationId = "group_team".parse().unwrap();
    let at = |n: u8, by: &UserId| {
        Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into()).unwrap(), by.clone())
    };
    let mut events: Vec<Event> = (1..=messages)
        .map(|n| {
            let mut message = Message::text(MessageId::from_bytes([n; 16]), "hello");
            message.seq = Some(u64::from(n) * 10);
            at(n, &bob).message_received(group.clone(), message).unwrap()
        })
        .collect();
    let said = UnreadReport {
        through: Watermark::Seq(u64::from(messages) * 10),
        unread: 12,
        read: Some(Through::Watermark(Watermark::Seq(5))),
        at_least: true,
        mentions: None,
        active_at: None,
    };
    events.push(at(200, &alice).unread_reported(group, said).unwrap());
    App::new(alice, Policy::default(), events, Access::Full, PICTURES)
}

#[test]
fn stretches_that_are_not_held_stand_above_the_messages() {
    let shown = screen(&mut with_gaps(2), (120, 24));
    for line in
        ["not held: seq 11 to seq 19, which would", "not held: seq 1 to seq 9, which would", "12+ unread"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(!shown.contains("and others"), "{shown}");
    let shown = screen(&mut with_gaps(9), (120, 24));
    assert!(shown.contains("seq 81 to seq 89") && shown.contains("settle the number; and others"), "{shown}");
    assert_eq!(shown.matches("not held").count(), 3, "{shown}");
    // The messages keep the room that is left.
    assert!(shown.matches("00:00 bob: hello").count() >= 7, "{shown}");
    let low = screen(&mut with_gaps(9), (120, 9));
    assert_eq!(low.matches("not held").count(), 1, "{low}");
    let shown = screen(&mut open("team-at-work.jsonl", PICTURES), SIZE);
    assert!(!shown.contains("not held"), "{shown}");
}

/// A message, a draft and a line that is typed, each of one long word: nobody would wait for a picture, were each line
/// or character of it to cost what is left of the word.
#[test]
fn what_does_not_show_of_a_long_word_costs_little() {
    let (alice, bob) = (UserId::parse("alice").unwrap(), UserId::parse("bob").unwrap());
    let chat = ConversationId::direct(&bob);
    let at = |n: u8, by: &UserId| {
        Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into()).unwrap(), by.clone())
    };
    let word = "x".repeat(1 << 20);
    let message = Message::text(MessageId::from_bytes([1; 16]), &word);
    let events = [
        at(1, &bob).message_received(chat.clone(), message).unwrap(),
        at(2, &alice).draft_set(chat, Some(word.clone()), None).unwrap(),
    ];
    let mut app = App::new(alice, Policy::default(), events, Access::Full, PICTURES);
    let shown = screen(&mut app, SIZE);
    assert!(shown.contains("│ Draft: xxxx") && shown.contains("│ …"), "{shown}");
    press(&mut app, "enter");
    let shown = screen(&mut app, SIZE);
    assert!(shown.contains("│ 00:00 bob: xxxx"), "{shown}");
    press(&mut app, "e");
    app.on(Input::Paste(format!("{word}\u{7} the end")));
    let shown = screen(&mut app, SIZE);
    let last = shown.lines().last().unwrap();
    assert!(last.starts_with(" draft: xxxx") && last.ends_with("xxxx\\u{7} the end"), "{last}");
}

/// A binary log of which records are gone that hold events behind the first so many.
#[derive(Debug)]
struct Gone {
    log: Vec<u8>,
    events: std::ops::Range<u64>,
}

impl RecordSource for Gone {
    fn record(&self, place: RecordPlace) -> Option<Vec<u8>> {
        if self.events.contains(&place.position) { None } else { self.log.record(place) }
    }
}

#[test]
fn events_that_cannot_be_read_are_not_passed_over() {
    let workload = Workload::desk().with_conversations(40).with_events(3_100);
    let events: Vec<Event> = workload.iter().collect();
    let (front, back) = events.split_at(3_000);
    let mut writer = Writer::new(Vec::new(), &Header::new(workload.owner())).unwrap();
    for events in front.chunks(500) {
        events.iter().for_each(|event| writer.write_event(event).unwrap());
        writer.flush().unwrap();
    }
    let log = writer.into_inner();
    let records = Log::open(&log).unwrap().index();
    let folded = |events: &[Event]| Inbox::replay(workload.owner(), Policy::default(), events);
    let (present, times) = (folded(front), front.iter().map(Event::at).collect());
    let log = Box::new(Gone { log, events: 1_000..1_500 });
    let past = Past::of_binary_log(log, records, present, times);
    let mut app = App::open(past, Access::Full, PICTURES);
    // Beyond a step back there is no way on but to the end.
    for (keys, position) in
        [("left", 1_000), ("left", 999), ("right right", 1_000), ("end", 3_000), ("home", 0)]
    {
        press(&mut app, keys);
        let shown = screen(&mut app, SIZE);
        let past = app.past();
        assert_eq!(past.position(), position, "{keys}");
        assert_eq!(past.inbox().digest(), folded(&front[..position]).digest(), "{keys}");
        let is_told = shown.contains("event 1001 cannot be read");
        assert_eq!(is_told, position == 1_000, "{keys}: {shown}");
    }
    // From the beginning to the end is near enough for a step of each event.
    press(&mut app, "end");
    assert_eq!(app.past().inbox().digest(), folded(front).digest());
    press(&mut app, "left");
    app.on(Input::Arrived(back.to_vec()));
    assert_eq!((app.past().position(), app.past().end()), (1_000, 3_100));
    press(&mut app, "end left");
    assert_eq!(app.past().position(), 1_000);
    press(&mut app, "end");
    assert_eq!(app.past().inbox().digest(), folded(&events).digest());
}
