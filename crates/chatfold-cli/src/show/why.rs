//! Why a conversation shows what it shows: where the events stand in the log, and all of it as JSON.

use std::collections::HashMap;

use chatfold::explain::{Because, Explanation, ReadReason, Reason, ReportReason};
use chatfold::jsonl::LoggedEvent;
use chatfold::view::Bounds;
use chatfold::{EventId, MessageId};
use chatfold_words::why::{ReasonRow, event_of, events};
use serde_json::{Value, json as object};

use crate::input::Source;
use crate::log::{Choice, OpenLog};
use crate::text::escape;

/// Where events stand in a log and what they are: `line 12: message_received by bob`, in a binary log `event 11: …`.
pub type Places = HashMap<EventId, String>;

/// A reason and the event behind it, in one line: the event's id, and where it stands; without `ids` only where it
/// stands, or the id where nothing else can be said.
pub fn sentence(row: &ReasonRow, places: &Places, ids: bool) -> String {
    let Some(event) = row.event else { return row.text.clone() };
    let said = match (places.get(&event), ids) {
        (Some(place), true) => format!("{} by {event} ({place})", row.text),
        (Some(place), false) => format!("{} in {place}", row.text),
        (None, false) if !row.text.is_empty() => row.text.trim_end_matches(',').to_owned(),
        (None, _) => format!("{} by {event}", row.text),
    };
    said.trim_start().to_owned()
}

/// Reads the log once more to find the events of `explanation`. Standard input cannot be read again: then, and
/// where the log has gone, events are named by their ids alone.
pub fn places(source: &Source, explanation: &Explanation, limit: usize) -> Places {
    let mut places = Places::new();
    let wanted = events(explanation, limit);
    if *source == Source::Stdin || wanted.is_empty() {
        return places;
    }
    // Faults were told when the log was folded.
    let choice = Choice { keep_going: true, silent: true, ..Choice::default() };
    let Ok(log) = OpenLog::open(source, &choice) else { return places };
    let unit = log.unit();
    // What cannot be read any more is named by its id alone.
    let _ = log.read(|number, event| {
        if let LoggedEvent::Known(event) = event
            && wanted.contains(&event.id())
        {
            let by = escape(event.by().as_str()).into_owned();
            let place = format!("{unit} {number}: {} by {by}", event.type_name());
            places.entry(event.id()).or_insert(place);
        }
    });
    places
}

/// The whole explanation, nothing left out; of a report only where there is one.
pub fn json(explanation: &Explanation) -> Value {
    let mut object = without_report(explanation);
    if let (Some(told), Some(object)) = (&explanation.report, object.as_object_mut()) {
        object.insert("report".to_owned(), report(told));
    }
    object
}

fn report(told: &ReportReason) -> Value {
    let ids = |ids: &[MessageId]| ids.iter().map(MessageId::to_string).collect::<Vec<_>>();
    let bounds = |bounds: Bounds| object!({"least": bounds.least, "most": bounds.most});
    object!({
        "event": told.event.to_string(),
        "through": told.through.first_field(),
        "unread": told.unread,
        "atLeast": told.at_least,
        "read": told.read.map(|read| read.first_field()),
        "countedAfter": told.counted_after.map(|after| after.first_field()),
        "left": ids(&told.left),
        "mayHaveLeft": ids(&told.may_have_left),
        "waitsFor": ids(&told.waits_for),
        "unreadBounds": bounds(told.unread_bounds),
        "mentionBounds": bounds(told.mention_bounds),
        "isContradicted": told.is_contradicted,
    })
}

fn without_report(explanation: &Explanation) -> Value {
    let because = |list: &[Because]| -> Vec<Value> {
        list.iter()
            .map(
                |because| object!({"msgID": because.message.to_string(), "event": because.event.to_string()}),
            )
            .collect()
    };
    let last = explanation.last_message.as_ref().map(|last| {
        object!({
            "msgID": last.message.to_string(),
            "introduced": last.introduced.to_string(),
            "acknowledged": id(last.acknowledged),
            "failed": id(last.failed),
            "edits": last.edits.iter().map(EventId::to_string).collect::<Vec<_>>(),
            "recalled": id(last.recalled),
        })
    });
    object!({
        "unread": because(&explanation.unread),
        "uncounted": explanation.uncounted.map(|kind| kind.as_str()),
        "mentions": because(&explanation.mentions),
        "readByName": because(&explanation.read_by_name),
        "readMarker": explanation.read_marker.iter().map(|reason| read_reason(*reason)).collect::<Vec<_>>(),
        "lastMessage": last,
        "activity": explanation.activity.map(reason),
        "listed": explanation.listed.iter().map(|listed| reason(*listed)).collect::<Vec<_>>(),
        "pinned": id(explanation.pinned),
        "draft": id(explanation.draft),
        "cleared": id(explanation.cleared),
        "deleted": id(explanation.deleted),
        "recvOpt": id(explanation.receive_option),
        "archived": id(explanation.archived),
        "membership": id(explanation.membership),
        "customData": id(explanation.custom_data),
        "marks": explanation
            .marks
            .iter()
            .map(|(mark, event)| object!({"mark": mark.bits(), "event": event.to_string()}))
            .collect::<Vec<_>>(),
        "folders": explanation
            .folders
            .iter()
            .map(|(folder, event)| object!({"folder": folder.to_string(), "event": event.to_string()}))
            .collect::<Vec<_>>(),
        "showName": id(explanation.show_name),
        "faceUrl": id(explanation.face_url),
        "groupType": id(explanation.group_type),
    })
}

fn id(event: Option<EventId>) -> Option<String> {
    event.map(|event| event.to_string())
}

fn read_reason(reason: ReadReason) -> Value {
    match reason {
        ReadReason::Read(event) => object!({"because": "read", "event": event.to_string()}),
        ReadReason::MarkedUnread(event) => object!({"because": "markedUnread", "event": event.to_string()}),
        _ => object!({"because": "ownMessage"}),
    }
}

fn reason(reason: Reason) -> Value {
    let (because, message) = match reason {
        Reason::Message { message, .. } => ("message", Some(message.to_string())),
        Reason::Draft(_) => ("draft", None),
        Reason::Pin(_) => ("pin", None),
        Reason::Opening(_) => ("opening", None),
        Reason::Report(_) => ("report", None),
        _ => ("unknown", None),
    };
    object!({"because": because, "msgID": message, "event": id(event_of(reason))})
}
