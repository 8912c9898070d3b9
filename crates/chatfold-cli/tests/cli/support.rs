//! Logs written as rows, and the program run on them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// The day on which rows that give only a time of day happened.
const DAY: &str = "2026-03-01";

/// A log of `owner` from rows `actor time conversation type {keys}`, one an event.
///
/// A time of day stands for that time on 2026-03-01; a conversation of `-` is none; `"M7"` stands for a
/// message id, `"F7"` for a folder id. Event ids count the rows from 1.
pub fn log(owner: &str, rows: &str) -> String {
    let mut log = format!("{{\"log\":\"chatfold\",\"v\":1,\"owner\":\"{owner}\"}}\n");
    let rows = rows.lines().map(str::trim).filter(|row| !row.is_empty());
    for (index, row) in rows.enumerate() {
        log.push_str(&line(index as u64 + 1, row));
        log.push('\n');
    }
    log
}

/// The line of event `number`, written as a row.
pub fn line(number: u64, row: &str) -> String {
    let mut parts = row.splitn(5, char::is_whitespace);
    let mut part = || parts.next().unwrap_or_default();
    let (by, at, conversation, kind, keys) = (part(), part(), part(), part(), part());
    let at = match at.len() {
        8 => format!("{DAY}T{at}.000Z"),
        _ => at.to_owned(),
    };
    let conversation = match conversation {
        "-" => String::new(),
        id => format!("\"conversation\":\"{id}\","),
    };
    let keys = ids(keys.trim().trim_start_matches('{'));
    let separator = if keys == "}" { "" } else { "," };
    let id = event_id(number);
    format!(
        "{{\"v\":1,\"id\":\"{id}\",\"at\":\"{at}\",\"by\":\"{by}\",{conversation}\"type\":\"{kind}\"{separator}{keys}"
    )
}

/// The id of event `number`.
pub fn event_id(number: u64) -> String {
    format!("018f0e2a-0000-7000-8000-{number:012x}")
}

/// The id that `"M<number>"` stands for.
pub fn message_id(number: u64) -> String {
    format!("018f0e2a-0000-7000-9000-{number:012x}")
}

/// The id that `"F<number>"` stands for.
pub fn folder_id(number: u64) -> String {
    format!("018f0e2a-0000-7000-a000-{number:012x}")
}

fn ids(keys: &str) -> String {
    let mut out = String::new();
    for (index, part) in keys.split('"').enumerate() {
        if index > 0 {
            out.push('"');
        }
        let number = |prefix| part.strip_prefix(prefix).and_then(|digits: &str| digits.parse().ok());
        match (number('M'), number('F')) {
            (Some(number), _) => out.push_str(&message_id(number)),
            (_, Some(number)) => out.push_str(&folder_id(number)),
            _ => out.push_str(part),
        }
    }
    out
}

/// A folder for files, gone at the end of the test.
pub struct Files(TempDir);

impl Files {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The program, with nothing in its environment that could change its output.
pub fn chatfold() -> Command {
    let mut command = Command::cargo_bin("chatfold").unwrap();
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM"] {
        command.env_remove(name);
    }
    command.timeout(std::time::Duration::from_secs(300));
    command
}

/// How the program ended and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs `chatfold` with `args`, `input` on its standard input.
pub fn run(args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    run_in(chatfold(), args, input)
}

/// As [`run`], with a command made beforehand.
pub fn run_in(mut command: Command, args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    let output = command.args(args).write_stdin(input).output().unwrap();
    Ran {
        code: output.status.code().expect("ended by itself"),
        out: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
        err: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
    }
}

impl Ran {
    /// The output of a run that ended with 0 and said nothing on standard error.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{self:?}");
        self.out
    }

    /// The standard error of a run that printed nothing and ended with `code`.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        self.err
    }
}

/// The JSON of a run that went well.
#[track_caller]
pub fn json(args: &[&str], input: &str) -> Value {
    serde_json::from_str(&run(args, input).ok()).unwrap()
}

/// The ids of the conversations that `chatfold inbox - --json` lists with `args` besides.
#[track_caller]
pub fn listed(args: &[&str], input: &str) -> Vec<String> {
    let object = json(&[&["inbox", "-", "--json"], args].concat(), input);
    let rows = object["conversationList"].as_array().unwrap();
    rows.iter().map(|row| row["conversationID"].as_str().unwrap().to_owned()).collect()
}

/// `bytes` packed with gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `bytes` packed with zstd, with a checksum.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A log with `messages` messages in one direct chat.
pub fn long_log(messages: u64) -> String {
    let mut rows = String::new();
    for number in 1..=messages {
        let (hour, minute) = (number / 60 % 24, number % 60);
        writeln!(rows, "bob {hour:02}:{minute:02}:00 c2c_bob message_received {{\"message\":{{\"id\":\"M{number}\",\"text\":\"{number}\"}}}}").unwrap();
    }
    log("alice", &rows)
}

/// An inbox that has one of everything the list has a sign for.
pub fn team() -> String {
    log(
        "alice",
        r#"
        bob 2026-02-20T08:00:00.000Z - profile_changed {"user":"bob","nickname":"Bob"}
        li 2026-02-20T08:00:01.000Z - profile_changed {"user":"li","nickname":"李雷"}
        amira 2026-02-20T08:00:02.000Z - profile_changed {"user":"amira","nickname":"أميرة"}
        alice 2026-02-20T08:00:03.000Z - profile_changed {"user":"zoe","remark":"Zoë from the climbing gym, the tall one"}
        bob 2026-02-20T08:00:04.000Z - profile_changed {"group":"design","name":"设计组 🎨","group_type":"work"}
        bob 2026-02-20T08:00:05.000Z - profile_changed {"group":"news","name":"News","group_type":"community"}
        alice 2026-02-20T08:00:06.000Z - folder_created {"folder":"F1","name":"Work"}
        alice 2026-02-20T08:00:07.000Z group_design folder_member_set {"folder":"F1","on":true}
        alice 2026-02-20T08:00:08.000Z group_design conversation_pinned {"on":true}
        alice 2026-02-20T08:00:09.000Z group_news receive_option_set {"option":"receive_not_notify"}
        alice 2026-02-20T08:00:10.000Z c2c_bob mark_set {"mark":1,"on":true}
        alice 2026-02-20T08:00:11.000Z c2c_amira mark_set {"mark":1099511627776,"on":true}
        zoe 2025-12-31T10:00:00.000Z c2c_zoe message_received {"message":{"id":"M1","text":"See you next year"}}
        alice 2026-02-27T10:00:00.000Z c2c_zoe conversation_read {"through":{"time":"2026-02-27T10:00:00.000Z"}}
        alice 2026-02-27T10:00:01.000Z c2c_zoe message_queued {"message":{"id":"M2","text":"Rope?"}}
        alice 2026-02-27T10:00:02.000Z c2c_zoe message_failed {"target":"M2","reason":"no network"}
        amira 2026-02-28T21:00:00.000Z c2c_amira message_received {"message":{"id":"M3","text":"صباح الخير"}}
        li 08:00:00 c2c_li message_received {"message":{"id":"M4","text":"明天见！"}}
        alice 08:01:00 c2c_li conversation_read {"through":{"message":"M4"}}
        alice 08:02:00 c2c_li draft_set {"text":"好的，\n明天见 👋"}
        bob 08:30:00 group_news message_received {"message":{"id":"M5","seq":1,"kind":"image"}}
        carol 08:40:00 group_news message_received {"message":{"id":"M6","seq":2,"text":"Second page"}}
        bob 08:50:00 group_design message_received {"message":{"id":"M7","seq":1,"text":"@alice a look?","mentions":{"users":["alice"]}}}
        carol 08:55:00 group_design message_received {"message":{"id":"M8","seq":2,"text":"Everybody: 👨‍👩‍👧 day, and a text that is far too long for any line of eighty cells","mentions":{"all":true}}}
        bob 08:59:30 c2c_bob message_received {"message":{"id":"M9","text":"Lunch?"}}
        bob 09:00:00 c2c_bob message_received {"message":{"id":"M10","text":"Noodles"}}
        bob 09:00:10 c2c_bob message_recalled {"target":"M10","reason":"wrong chat"}
        "#,
    )
}
