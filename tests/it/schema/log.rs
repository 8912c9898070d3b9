//! The schema of a line of the text log, out of one table of the types of events.

use serde_json::{Map, Value, json};

/// In which conversations a type is at home.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Both,
    Direct,
    Group,
    Account,
}

/// Every type with its keys: `?` behind a key that may be absent, behind the colon what stands there. `*` before it: a list
/// of such. Words that end in `!` mean something else in a direct chat than in a group.
const TYPES: &[(&str, In, &str)] = &[
    ("conversation_opened", In::Direct, ""),
    ("conversation_opened", In::Group, "group_type?:group_type"),
    ("message_received", In::Both, "message:received!"),
    ("message_queued", In::Both, "message:placed!"),
    ("message_imported", In::Both, "message:imported!"),
    (
        "message_modified",
        In::Both,
        "target:uuid version:from_one text?:text custom?:base64 cloud_custom?:base64 mentions?:mentions",
    ),
    ("message_recalled", In::Both, "target:uuid reason?:text"),
    ("message_read_by", In::Both, "targets:*uuid"),
    ("peer_read", In::Direct, "through:through!"),
    ("reaction_set", In::Both, "target:uuid reaction:text on:flag"),
    ("extension_set", In::Both, "target:uuid key:text value:nullable_text seq:seq"),
    ("extensions_cleared", In::Both, "target:uuid seq:seq"),
    ("message_pinned", In::Group, "target:uuid on:flag"),
    ("membership_set", In::Group, "state:member_state user:id"),
    ("membership_set", In::Group, "state:dissolved"),
    ("message_sent", In::Direct, "target:uuid sent_at:time seq?:seq members?:count"),
    ("message_sent", In::Group, "target:uuid sent_at:time seq:seq_from_one members?:count"),
    ("message_failed", In::Both, "target:uuid reason?:text"),
    ("messages_deleted", In::Both, "targets:*uuid"),
    ("history_cleared", In::Both, "through:watermark! also?:*uuid"),
    ("conversation_read", In::Both, "through:through!"),
    ("messages_read", In::Both, "targets:*uuid on:flag"),
    ("marked_unread_from", In::Both, "target:uuid"),
    ("conversation_pinned", In::Both, "on:flag"),
    ("draft_set", In::Both, "text:nullable_text replaces?:uuid"),
    ("mark_set", In::Both, "mark:mark on:flag"),
    ("custom_data_set", In::Both, "data:base64"),
    ("receive_option_set", In::Both, "option:receive"),
    ("receive_option_set", In::Both, "option:muting until?:time"),
    ("conversation_archived", In::Both, "on:flag stay?:flag"),
    ("folder_member_set", In::Both, "folder:uuid on:flag"),
    ("conversation_deleted", In::Both, "through:watermark! keep_messages?:flag also?:*uuid"),
    (
        "unread_reported",
        In::Direct,
        "through:watermark! unread:seq read?:through! at_least?:flag active_at?:time",
    ),
    (
        "unread_reported",
        In::Group,
        "through:watermark_from_one unread:seq read?:through! at_least?:flag mentions?:reported_mentions active_at?:time",
    ),
    ("history_complete", In::Both, "from:watermark! through:watermark!"),
    ("history_window", In::Both, "after:watermark! through?:watermark!"),
    ("profile_changed", In::Account, "user:id nickname?:text remark?:text face_url?:text"),
    ("profile_changed", In::Account, "group:id name?:text face_url?:text group_type?:group_type"),
    ("folder_created", In::Account, "folder:uuid name:text"),
    ("folder_renamed", In::Account, "folder:uuid name:text"),
    ("folder_deleted", In::Account, "folder:uuid"),
    ("quiet_hours_set", In::Account, ""),
    ("quiet_hours_set", In::Account, "daily:daily"),
    ("quiet_hours_set", In::Account, "once:once"),
];

/// The keys of a message beside `seq` and `sender`.
const MESSAGE: &str = "id:uuid kind?:kind text?:text custom?:base64 cloud_custom?:base64 mentions?:mentions recipients?:*id reply_to?:uuid \
    online_only?:flag excluded_from_unread?:flag excluded_from_last?:flag need_receipt?:flag supports_extensions?:flag members?:count";

/// Returns the names of the types.
pub fn type_names() -> Vec<&'static str> {
    let mut names: Vec<_> = TYPES.iter().map(|(name, ..)| *name).collect();
    names.dedup();
    names
}

/// An object of exactly these keys, as the table writes them.
fn object(keys: &str, group: bool) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for key in keys.split_whitespace() {
        let (key, word) = key.split_once(':').unwrap();
        let (list, word) = word.strip_prefix('*').map_or((false, word), |word| (true, word));
        let word = match word.strip_suffix('!') {
            Some(word) => format!("{word}_in_{}", if group { "group" } else { "direct" }),
            None => word.to_owned(),
        };
        let is = json!({"$ref": format!("#/$defs/{word}")});
        let name = key.strip_suffix('?').unwrap_or_else(|| {
            required.push(key);
            key
        });
        properties.insert(name.to_owned(), if list { json!({"type": "array", "items": is}) } else { is });
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A line of an event of this type.
fn event(name: &str, place: In, keys: &str) -> Value {
    let conversation = match place {
        In::Direct => "conversation:direct",
        In::Group => "conversation:group",
        _ => "",
    };
    let envelope = format!("v:one id:uuid at:time by:id type:text meta?:meta {conversation} {keys}");
    let mut event = object(&envelope, place == In::Group);
    event["properties"]["type"] = json!({"const": name});
    event
}

/// The schema.
pub fn schema() -> Value {
    let mut lines = vec![object("log:log v:one owner:id", false)];
    for (name, place, keys) in TYPES {
        match place {
            In::Both => lines.extend([In::Direct, In::Group].map(|place| event(name, place, keys))),
            _ => lines.push(event(name, *place, keys)),
        }
    }
    lines.extend([
        json!({
            "description": "A type that is not known: kept as it is, skipped and counted",
            "type": "object",
            "properties": {
                "v": {"$ref": "#/$defs/one"}, "id": {"$ref": "#/$defs/uuid"}, "at": {"$ref": "#/$defs/time"}, "by": {"$ref": "#/$defs/id"},
                "conversation": {"$ref": "#/$defs/conversation"}, "meta": {"$ref": "#/$defs/meta"},
                "type": {"type": "string", "not": {"enum": type_names()}},
            },
            "required": ["v", "id", "at", "by", "type"],
        }),
        json!({
            "description": "A newer version: kept as it is, skipped and counted",
            "type": "object",
            "properties": {"v": {"type": "integer", "minimum": 2, "maximum": u64::MAX}},
            "required": ["v"],
            "anyOf": [{"required": ["type"]}, {"not": {"required": ["log"]}}],
        }),
    ]);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the text log of chatfold, version 1",
        "description": "docs/LOG.md says what each line means. Not said here: no key twice in an object, ids of at most 128 bytes, \
            messages of at most 64 KiB, stretches that do not end before they begin, mentions of a report rising up to its through.",
        "oneOf": lines,
        "$defs": defs(),
    })
}

fn defs() -> Value {
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let integer = |least: u64, most: u64| json!({"type": "integer", "minimum": least, "maximum": most});
    let no_control = "[^\\u0000-\\u001f\\u007f]{1,128}$";
    let marks: Vec<u64> = (0..64).map(|bit| 1 << bit).collect();
    let flutter = |seq: &str, sender: &str, group| object(&format!("{seq} {sender} {MESSAGE}"), group);
    let mut defs = json!({
        "one": {"const": 1},
        "log": {"const": "chatfold"},
        "flag": {"type": "boolean"},
        "text": {"type": "string"},
        "nullable_text": {"type": ["string", "null"]},
        "uuid": text("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
        "time": text("^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z$"),
        "time_of_day": text("^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"),
        "base64": text("^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"),
        "zone_name": text("^[A-Za-z0-9_+/-]{1,64}$"),
        "id": text(&format!("^{no_control}")),
        "direct": text(&format!("^c2c_{no_control}")),
        "group": text(&format!("^group_{no_control}")),
        "conversation": {"anyOf": [{"$ref": "#/$defs/direct"}, {"$ref": "#/$defs/group"}]},
        "meta": {"type": "object", "additionalProperties": {"type": "string"}},
        "seq": integer(0, 1 << 53),
        "seq_from_one": integer(1, 1 << 53),
        "from_one": integer(1, u64::MAX),
        "count": integer(0, u64::MAX),
        "mark": {"enum": marks},
        "kind": {"enum": ["text", "custom", "image", "sound", "video", "file", "location", "face", "group_tips", "merger"]},
        "group_type": {"enum": ["work", "public", "meeting", "avchatroom", "community"]},
        "member_state": {"enum": ["joined", "invited", "left", "removed"]},
        "dissolved": {"const": "dissolved"},
        "receive": {"const": "receive"},
        "muting": {"enum": ["not_receive", "receive_not_notify", "not_notify_except_at", "not_receive_except_at"]},
        "mentions": object("users?:*id all?:flag", false),
        "reported_mention": object("seq:seq_from_one type:mention_kind", true),
        "mention_kind": integer(1, 3),
        "reported_mentions": {"anyOf": [{"$ref": "#/$defs/seq"}, {"type": "array", "items": {"$ref": "#/$defs/reported_mention"}}]},
        "below_a_day": integer(0, 86_399),
        "offset": {"type": "integer", "minimum": -86_399, "maximum": 86_399},
        "daily": {"anyOf": [object("start:time_of_day duration_s:below_a_day utc_offset_s:offset", false), object("start:time_of_day duration_s:below_a_day zone:zone_name", false)]},
        "once": object("start:time duration_s:count", false),
        "message_of_through": object("message:uuid", false),
        "watermark_in_direct": object("time:time", false),
        "watermark_in_group": object("seq:seq", true),
        "watermark_from_one": object("seq:seq_from_one", true),
    });
    for (group, seq, received) in [(false, "seq?:seq", "seq?:seq"), (true, "seq:seq", "seq:seq_from_one")] {
        let place = if group { "group" } else { "direct" };
        let watermark = format!("#/$defs/watermark_in_{place}");
        defs[format!("through_in_{place}")] =
            json!({"anyOf": [{"$ref": watermark}, {"$ref": "#/$defs/message_of_through"}]});
        defs[format!("received_in_{place}")] = flutter(received, "", group);
        defs[format!("placed_in_{place}")] = flutter(seq, "", group);
        defs[format!("imported_in_{place}")] = flutter(seq, "sender?:id", group);
    }
    defs
}
