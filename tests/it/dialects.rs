//! Rows in the dialects of other clients: what each writes, and what is read back.

mod modelled;

use std::collections::BTreeSet;

use chatfold::v2tim::{ConversationJson, DataForm, Dialect, InboxJson, Language, ReadError, ReadPlace, Row};
use chatfold::{Filter, Inbox};
use serde_json::{Value, json};

use self::modelled::{Modelled, native, web};
use crate::fixtures::{Fixture, differences, fixtures, root_of_fixtures};
use crate::harness::{MIX, cases, ensure, hold, replay};
use crate::v2tim::inbox;

const FLUTTER: Dialect = Dialect::Flutter(DataForm::Base64);
const FLUTTER_TEXT: Dialect = Dialect::Flutter(DataForm::Text);
const WEB: Dialect = Dialect::Web(Language::Chinese);

/// The rows of the list in this dialect.
fn rows(inbox: &Inbox, dialect: Dialect) -> Vec<Value> {
    let text = InboxJson::new(inbox, 0, &Filter::default()).with_dialect(dialect).to_string();
    let inbox: Value = serde_json::from_str(&text).unwrap();
    inbox["conversationList"].as_array().unwrap().clone()
}

/// The only row of a short log, as `dialect` writes it.
fn only(log: &[(&str, &str, &str)], dialect: Dialect) -> Value {
    let rows = rows(&inbox(log), dialect);
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    row.clone()
}

/// What the golden file beside the fixture says; where there is none yet, what the reference model says, if that is asked for.
fn golden(fixture: &Fixture, dialect: &str, modelled: &[Value]) -> Value {
    let path = root_of_fixtures().join("dialects").join(format!("{}.{dialect}.json", fixture.name));
    if !path.exists() && std::env::var("CHATFOLD_BLESS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, serde_json::to_string_pretty(modelled).unwrap() + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_log_makes_the_rows_kept_for_it() {
    for fixture in fixtures() {
        let inbox = fixture.replay(&fixture.events);
        let model = Modelled::of(&fixture.owner, inbox.policy(), &fixture.events);
        for (name, dialect, modelled) in
            [("native", Dialect::Native, model.rows(native)), ("web", WEB, model.rows(web))]
        {
            let golden = golden(&fixture, name, &modelled);
            let written = Value::Array(rows(&inbox, dialect));
            let differ = differences(&golden, &written);
            assert!(differ.is_empty(), "{}, {name}:\n{}", fixture.name, differ.join("\n"));
            let differ = differences(&golden, &Value::Array(modelled));
            assert!(differ.is_empty(), "{}, the model of {name}:\n{}", fixture.name, differ.join("\n"));
        }
    }
}

#[test]
fn every_inbox_is_written_as_the_model_says() {
    hold("the rows of the dialects", MIX, cases(100), &|history| {
        let inbox = replay(history, &history.events);
        let model = Modelled::of(&history.owner, history.policy, &history.events);
        for (dialect, modelled) in [(Dialect::Native, model.rows(native)), (WEB, model.rows(web))] {
            let differ = differences(&Value::Array(modelled), &Value::Array(rows(&inbox, dialect)));
            ensure(differ.is_empty(), || format!("{dialect:?}: {}", differ.join("\n")))?;
        }
        Ok(())
    });
}

#[test]
fn a_row_is_read_back_to_what_it_was_written_from() {
    hold("rows read back", MIX, cases(200), &|history| {
        let inbox = replay(history, &history.events);
        let told = |error: ReadError| error.to_string();
        for conversation in inbox.known_conversations() {
            for dialect in [FLUTTER, FLUTTER_TEXT, Dialect::Native] {
                let written = ConversationJson::new(conversation).with_dialect(dialect);
                for text in [written.to_string(), written.with_all_keys().to_string()] {
                    let read = match dialect {
                        Dialect::Native => Row::from_native(&text),
                        _ => Row::from_flutter(&text),
                    };
                    let (read, taken) = (read.map_err(told)?, Row::of(conversation, dialect));
                    ensure(read == taken, || format!("{text}\nread {read:?}\nfrom {taken:?}"))?;
                }
            }
        }
        let whole = |dialect| InboxJson::new(&inbox, 0, &Filter::default()).with_dialect(dialect).to_string();
        let taken = |dialect| inbox.conversations().map(|row| Row::of(row, dialect)).collect::<Vec<_>>();
        ensure(Row::list_from_flutter(&whole(FLUTTER)).map_err(told)? == taken(FLUTTER), || {
            "flutter".to_owned()
        })?;
        let native = Row::list_from_native(&whole(Dialect::Native)).map_err(told)?;
        ensure(native == taken(Dialect::Native), || "native".to_owned())
    });
}

/// Every place of a value, as JSON pointers.
fn pointers(value: &Value) -> Vec<String> {
    fn walk(pointer: &str, value: &Value, found: &mut Vec<String>) {
        found.push(pointer.to_owned());
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(key, value)| walk(&format!("{pointer}/{key}"), value, found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, value)| walk(&format!("{pointer}/{n}"), value, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", value, &mut found);
    found
}

/// The value without what stands at the pointer.
fn without(value: &Value, pointer: &str) -> Value {
    let mut value = value.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(object) => drop(object.remove(key)),
        Value::Array(items) => drop(items.remove(key.parse().unwrap())),
        other => panic!("{other}"),
    }
    value
}

type Reader = fn(&str) -> Result<Row, ReadError>;

/// Reads every row of every fixture with one thing wrong; returns the keys that may be wrong or missing.
fn tolerated(dialect: Dialect, read: Reader) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut any, mut missing) = (BTreeSet::new(), BTreeSet::new());
    for fixture in fixtures() {
        for row in rows(&fixture.replay(&fixture.events), dialect) {
            for pointer in pointers(&row) {
                let key = pointer.rsplit('/').next().unwrap().to_owned();
                let mut wrong = row.clone();
                *wrong.pointer_mut(&pointer).unwrap() = json!(-1.5);
                match read(&wrong.to_string()) {
                    Ok(_) => drop(any.insert(key.clone())),
                    Err(error) => {
                        assert_eq!(error.place, ReadPlace::Pointer(pointer.clone()), "{error}: {wrong}");
                        assert_eq!(error.found, "-1.5", "{error}");
                    }
                }
                // An item that is gone leaves another list.
                if pointer.is_empty() || key.parse::<usize>().is_ok() {
                    continue;
                }
                match read(&without(&row, &pointer).to_string()) {
                    Ok(_) => drop(missing.insert(key)),
                    Err(error) => {
                        assert_eq!(error.place, ReadPlace::Pointer(pointer.clone()), "{error}: {row}");
                        assert_eq!(error.found, "nothing", "{error}");
                    }
                }
            }
        }
    }
    (any, missing)
}

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn what_is_wrong_in_a_row_is_told_with_its_place() {
    let (any, missing) = tolerated(FLUTTER, Row::from_flutter);
    assert_eq!((any, missing), (set(&[]), set(&["revokeReason", "revokerInfo"])));
    let (any, missing) = tolerated(Dialect::Native, Row::from_native);
    // That of a draft's message is not asked for.
    let of_drafts =
        ["message_conv_id", "message_conv_type", "message_is_from_self", "draft_user_define", "elem_type"];
    let unread = ["message_risk_type_identified", "user_profile_identifier"];
    assert_eq!(any, set(&[&of_drafts[..], &unread].concat()));
    // No fixture's last message has cloud custom data; random rows have (`a_row_is_read_back…`).
    let absent = [
        "conv_face_url",
        "conv_group_type",
        "conv_custom_data",
        "user_profile_nick_name",
        "user_profile_face_url",
        "user_profile_friend_remark",
        "message_revoker_user_id",
        "message_revoke_reason",
        "text_elem_content",
        "custom_elem_data",
    ];
    assert_eq!(missing, set(&[&of_drafts[..], &unread, &absent].concat()));
}

#[test]
fn an_error_says_where_what_and_what_instead() {
    let row =
        only(&[("bob", "01.000", r#"D "message_received","message":{"id":#a,"text":"Lunch?"}"#)], FLUTTER);
    let with = |pointer: &str, value: Value| {
        let mut row = row.clone();
        *row.pointer_mut(pointer).unwrap() = value;
        Row::from_flutter(&row.to_string()).unwrap_err().to_string()
    };
    for (pointer, value, told) in [
        (
            "/conversationID",
            json!("bob"),
            r#"/conversationID: expected the id of a conversation, found "bob""#,
        ),
        ("/type", json!(2), "/type: expected the type that the conversation's id has, found 2"),
        ("/userID", json!("carol"), r#"/userID: expected what the conversation's id names, found "carol""#),
        ("/groupID", json!("g"), r#"/groupID: expected null, found "g""#),
        ("/groupType", json!("Private"), r#"/groupType: expected the type of a group, found "Private""#),
        ("/recvOpt", json!(5), "/recvOpt: expected a number from 0 to 4, found 5"),
        ("/markList", json!([1, "2"]), r#"/markList/1: expected a number, found "2""#),
        ("/lastMessage/status", json!(4), "/lastMessage/status: expected 1, 2, 3, 5 or 6, found 4"),
        ("/lastMessage/seq", json!(7), "/lastMessage/seq: expected a text, found 7"),
        (
            "/lastMessage/msgID",
            json!("x"),
            r#"/lastMessage/msgID: expected the id of a message, a UUID, found "x""#,
        ),
        ("/lastMessage/textElem", json!([]), "/lastMessage/textElem: expected an object, found an array"),
        ("", json!([]), "the whole value: expected an object, found an array"),
    ] {
        assert_eq!(with(pointer, value), told);
    }
    let error = Row::from_native("{\"conv_id\":\n x}").unwrap_err();
    assert_eq!(error.place, ReadPlace::Text { line: 2, column: 2 });
    let error = Row::list_from_native(r#"{"conversationList":[{"conv_type":3}]}"#).unwrap_err();
    assert_eq!(error.to_string(), "/conversationList/0/conv_type: expected 1 or 2, found 3");
    let long = format!("{:?}", "ü".repeat(100));
    let error = Row::from_flutter(&format!("{{\"conversationID\":{long}}}")).unwrap_err();
    assert!(error.found.len() < 80, "{error}");
}

#[test]
fn data_is_text_where_it_is_text() {
    // {"a":1} and 00 FF.
    for (bytes, text) in [("eyJhIjoxfQ==", "{\"a\":1}"), ("AP8=", "AP8=")] {
        let data = format!(r#"D "custom_data_set","data":"{bytes}""#);
        let message = format!(
            r#"D "message_received","message":{{"id":#a,"kind":"custom","custom":"{bytes}","cloud_custom":"{bytes}"}}"#
        );
        let log = [("alice", "00.000", data.as_str()), ("bob", "01.000", message.as_str())];
        let places = |dialect, places: [&str; 3]| {
            places.map(|place| only(&log, dialect).pointer(place).cloned().unwrap())
        };
        let flutter = ["/customData", "/lastMessage/cloudCustomData", "/lastMessage/customElem/data"];
        assert_eq!(places(FLUTTER, flutter), [bytes, bytes, bytes]);
        assert_eq!(places(FLUTTER_TEXT, flutter), [text, text, text]);
        let native = [
            "/conv_custom_data",
            "/conv_last_msg/message_cloud_custom_str",
            "/conv_last_msg/message_elem_array/0/custom_elem_data",
        ];
        assert_eq!(places(Dialect::Native, native), [text, text, text]);
        let web = ["/customData", "/lastMessage/cloudCustomData", "/lastMessage/payload/data"];
        assert_eq!(places(WEB, web), [text, text, text]);
    }
}

#[test]
fn the_words_for_what_is_no_text_are_the_clients() {
    let kinds =
        ["text", "image", "sound", "video", "file", "location", "face", "custom", "group_tips", "merger"];
    let chinese = [
        "",
        "[图片]",
        "[语音]",
        "[视频]",
        "[文件]",
        "[位置]",
        "[动画表情]",
        "[自定义消息]",
        "[群提示消息]",
        "[聊天记录]",
    ];
    let english = [
        "",
        "[Image]",
        "[Voice]",
        "[Video]",
        "[File]",
        "[Location]",
        "[Animated Sticker]",
        "[Custom Messages]",
        "[Group Notification]",
        "[Chat Record]",
    ];
    for (language, words) in [(Language::Chinese, chinese), (Language::English, english)] {
        for (kind, word) in kinds.iter().zip(words) {
            for (text, recalled, shown) in [("", false, word), ("x", false, "x"), ("x", true, word)] {
                let text = if text.is_empty() { String::new() } else { format!(r#","text":"{text}""#) };
                let message = format!(r#"D "message_received","message":{{"id":#a,"kind":"{kind}"{text}}}"#);
                let mut log = vec![("bob", "01.000", message.as_str())];
                if recalled {
                    log.push(("bob", "02.000", r#"D "message_recalled","target":#a"#));
                }
                let row = only(&log, Dialect::Web(language));
                assert_eq!(row["lastMessage"]["messageForShow"], shown, "{kind} {row}");
                assert!(!row["lastMessage"]["payload"].is_null());
            }
        }
    }
}

#[test]
fn r25_nothing_of_what_was_recalled_is_written() {
    let log = [
        (
            "bob",
            "01.000",
            r#"D "message_received","message":{"id":#a,"kind":"custom","text":"secret","custom":"c2VjcmV0","cloud_custom":"c2VjcmV0"}"#,
        ),
        ("bob", "02.000", r#"D "message_recalled","target":#a,"reason":"why""#),
    ];
    for dialect in [FLUTTER, FLUTTER_TEXT, Dialect::Native, WEB] {
        let row = only(&log, dialect).to_string();
        assert!(!row.contains("secret") && !row.contains("c2VjcmV0"), "{row}");
    }
    let text = ("bob", "01.000", r#"D "message_received","message":{"id":#a,"text":"secret"}"#);
    let row = only(&[text, log[1]], WEB);
    assert_eq!(row["lastMessage"]["payload"], json!({"text": ""}));
    assert_eq!(
        (&row["lastMessage"]["isRevoked"], &row["lastMessage"]["revoker"]),
        (&json!(true), &json!("bob"))
    );
}

#[test]
fn a_draft_of_the_web_is_html_that_runs_nothing() {
    let draft = r#"D "draft_set","text":"<img src=x onerror='a()'> & \"b\"""#;
    let row = only(&[("alice", "01.000", draft)], WEB);
    let draft: Value = serde_json::from_str(row["draftText"].as_str().unwrap()).unwrap();
    assert_eq!(draft["html"], "&lt;img src=x onerror=&#39;a()&#39;&gt; &amp; &quot;b&quot;");
    assert_eq!(draft["abstract"], "<img src=x onerror='a()'> & \"b\"");
}
