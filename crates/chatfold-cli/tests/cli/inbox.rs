//! The list as people see it.

use unicode_width::UnicodeWidthStr as _;

use crate::support::{chatfold, log, run, run_in, team};

/// The list of [`team`], as it shows where nothing is known of a terminal.
const TEAM: &str = "
         Conversation          Unread       When  Last message
📌       设计组 🎨                  2  @   5 min  carol: Everybody: 👨‍👩‍👧 day, and…
    ⭐   Bob                        1        now  Bob recalled a message: wrong…
  🔕     News                       2     20 min  carol: Second page
         李雷                             58 min  Draft: 好的， 明天见 👋
    #40  أميرة                      1       12 h  صباح الخير
         Zoë from the climbi…                1 d  ❌ You: Rope?

4 unread (6 with muted) · 6 conversations
alice · 27 events read · as of 2026-03-01 09:00 UTC
";

/// What the previews of [`team`] begin with, in list order.
const PREVIEWS: [&str; 6] = ["carol: Ev", "Bob re", "carol: Se", "Draft: ", "صباح", "❌ You"];

/// The list of `log` in a line of `columns` cells.
fn list(log: &str, columns: usize, args: &[&str]) -> String {
    let mut command = chatfold();
    command.env("COLUMNS", columns.to_string());
    run_in(command, &[&["inbox", "-"], args].concat(), log).ok()
}

/// The cells before `part` in the line that holds it.
#[track_caller]
fn column_of(part: &str, text: &str) -> usize {
    let line = text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part:?} in\n{text}"));
    line[..line.find(part).unwrap()].width()
}

/// Without the sequences that colour text.
fn bare(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |bare, part| bare + part.split_once('m').unwrap().1)
}

#[test]
fn the_list_is_what_a_person_wants_to_see() {
    let out = run(&["inbox", "-"], team()).ok();
    assert_eq!(format!("\n{out}"), TEAM, "\n{out}");
}

#[test]
fn columns_stand_under_each_other_whatever_the_script_and_lines_fit() {
    for columns in [60, 70, 80, 100, 120, 200] {
        for args in [&[][..], &["--ascii"], &["--time", "absolute"]] {
            let out = list(&team(), columns, args);
            for line in out.lines() {
                assert!(line.width() <= columns, "{columns} {args:?}: {} cells in {line:?}", line.width());
                assert_eq!(line, line.trim_end());
            }
            if columns >= 80 && !args.contains(&"--ascii") {
                let starts = PREVIEWS.map(|preview| column_of(preview, &out));
                assert!(starts.windows(2).all(|pair| pair[0] == pair[1]), "{columns}: {starts:?}\n{out}");
                assert_eq!(column_of("Last message", &out), starts[0]);
            }
            let names = ["设计组", "李雷", "News", "أميرة"].map(|name| column_of(name, &out));
            assert!(names.iter().all(|start| *start == names[0]), "{columns}: {names:?}\n{out}");
        }
    }
}

#[test]
fn a_wide_line_shows_more_and_a_narrow_one_cuts() {
    let wide = list(&team(), 200, &[]);
    assert!(wide.contains("too long for any line of eighty cells\n") && wide.contains("gym, the…"), "{wide}");
    let narrow = list(&team(), 30, &[]);
    // The footer is not cut: it has the totals.
    let rows: Vec<&str> = narrow.lines().take_while(|line| !line.is_empty()).collect();
    assert!(rows.len() > 6 && rows.iter().all(|line| line.width() <= 30), "{narrow}");
    // No width is too small to end well, and nonsense counts as nothing known.
    list(&team(), 1, &[]);
    let mut command = chatfold();
    command.env("COLUMNS", "many");
    assert_eq!(run_in(command, &["inbox", "-"], team()).ok(), TEAM.trim_start_matches('\n'));
}

#[test]
fn signs_can_be_letters() {
    let out = run(&["inbox", "-", "--ascii"], team()).ok();
    let rows: Vec<&str> = out.lines().collect();
    assert!(rows[1].starts_with("^") && rows[3].starts_with(" -") && rows[2].starts_with("  *"), "{out}");
    assert!(rows[6].ends_with("! You: Rope?") && rows[1].ends_with("..."), "{out}");
    assert!(!out.contains('·') && !out.contains('…'), "{out}");
}

#[test]
fn times_do_not_come_from_the_clock() {
    let absolute = run(&["inbox", "-", "--time", "absolute"], team()).ok();
    assert!(absolute.contains("2026-03-01 08:55") && absolute.contains("2026-02-27 10:00"), "{absolute}");
    let later = run(&["inbox", "-", "--now", "2027-03-01T09:00:10.000Z"], team()).ok();
    assert!(later.contains("2026-03-01") && later.contains("as of 2027-03-01 09:00 UTC"), "{later}");
    let hour = run(&["inbox", "-", "--now", "2026-03-01T10:00:00.000Z"], team()).ok();
    assert!(hour.contains("1 h") && hour.contains(" 13 h"), "{hour}");
    // The clock only where it is asked for.
    let clock = run(&["inbox", "-", "--now", "now"], team()).ok();
    assert!(clock.contains("as of 2") && !clock.contains("as of 2026-03-01 09:00"), "{clock}");
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let plain = run(&["inbox", "-"], team()).ok();
    assert!(!plain.contains('\u{1b}'));
    for args in [&["inbox", "-"][..], &["show", "-", "c2c_bob"], &["stats", "-"], &["check", "-"]] {
        let plain = run(args, team()).ok();
        let coloured = run(&[args, &["--color", "always"]].concat(), team()).ok();
        assert!(coloured.contains("\u{1b}["), "{args:?}: {coloured}");
        assert_eq!(bare(&coloured), plain, "{args:?}");
        assert_eq!(run(&[args, &["--color", "never"]].concat(), team()).ok(), plain);
    }
    let with = |name: &str, args: &[&str]| {
        let mut command = chatfold();
        command.env(name, "1");
        run_in(command, &[&["inbox", "-"], args].concat(), team()).ok()
    };
    assert_eq!(with("NO_COLOR", &[]), plain);
    assert!(with("NO_COLOR", &["--color", "always"]).contains('\u{1b}'), "what is asked for wins");
    let forced = {
        let mut command = chatfold();
        command.env("CLICOLOR_FORCE", "1");
        run_in(command, &["inbox", "-"], team()).ok()
    };
    assert!(forced.contains('\u{1b}'));
    let mut both = chatfold();
    both.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert_eq!(run_in(both, &["inbox", "-"], team()).ok(), plain);
}

#[test]
fn filters_tell_what_they_left_out() {
    let out = run(&["inbox", "-", "--type", "group"], team()).ok();
    assert!(
        out.contains("\n2 unread (4 with muted) · 2 of 6 conversations · in all 4 unread (6 with muted)\n"),
        "{out}"
    );
    let out = run(&["inbox", "-", "--limit", "2"], team()).ok();
    assert!(out.contains("\n4 unread (6 with muted) · 6 conversations · 2 shown\n"), "{out}");
    let out = run(&["inbox", "-", "--mark", "hide"], team()).ok();
    assert!(out.starts_with("0 unread · 0 of 6 conversations"), "{out}");
}

#[test]
fn an_empty_inbox_is_said_in_words() {
    let out = run(&["inbox", "-"], log("alice", "")).ok();
    assert_eq!(out, "0 unread · 0 conversations\nalice · 0 events read\n");
}

#[test]
fn previews_say_what_is_no_text() {
    let out = run(
        &["inbox", "-"],
        log(
            "alice",
            r#"a 09:00:00 c2c_a message_received {"message":{"id":"M1","kind":"image"}}
               b 09:00:00 c2c_b message_received {"message":{"id":"M2","kind":"file","text":"minutes.pdf"}}
               alice 09:00:00 c2c_c message_queued {"message":{"id":"M3","text":"on its way"}}
               alice 09:00:00 c2c_d conversation_opened {}
               e 09:00:00 c2c_e message_received {"message":{"id":"M4","text":"gone"}}
               alice 09:00:01 c2c_e messages_deleted {"targets":["M4"]}
               alice 09:00:00 group_g message_received {"message":{"id":"M5","seq":1,"text":"mine"}}
               alice 09:00:02 group_g message_recalled {"target":"M5"}
               a 09:00:00 group_h message_received {"message":{"id":"M6","seq":1,"text":"  many\n\n\tlines  "}}"#,
        ),
    )
    .ok();
    let rows: Vec<&str> = out.lines().skip(1).collect();
    for (row, end) in rows.iter().zip([
        "now  [image]",
        "now  minutes.pdf",
        "now  ⏳ You: on its way",
        "now",
        "now",
        "now  You recalled a message",
        "now  a: many lines",
    ]) {
        assert!(row.ends_with(end), "{row:?} does not end with {end:?}\n{out}");
    }
}
