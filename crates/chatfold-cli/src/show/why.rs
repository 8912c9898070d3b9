//! Why a conversation shows what it shows: the messages and events behind each value.

use std::collections::HashMap;

use chatfold::jsonl::LoggedEvent;
use chatfold::{Because, ConversationView, EventId, Explanation, MessageId, ReadReason, Reason};
use serde_json::{Value, json as object};

use crate::input::Source;
use crate::log::{Choice, OpenLog};
use crate::text::{cut, escape, one_line};
use crate::words;

/// The first words of a message are cut to this many cells.
const MAX_QUOTE: usize = 24;

/// Where events stand in a log and what they are: `line 12: message_received by bob`, in a binary log `event 11: …`.
pub type Places = HashMap<EventId, String>;

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

/// One row an event, the label on the first row of each value; of long lists `limit` rows.
pub fn rows(
    conversation: ConversationView<'_>,
    explanation: &Explanation,
    places: &Places,
    limit: usize,
    ellipsis: &'static str,
) -> Vec<(&'static str, String)> {
    let mut rows = Rows { rows: Vec::new(), conversation, places, ellipsis };
    rows.many("unread", &explanation.unread, limit);
    if let Some(kind) = explanation.uncounted {
        rows.push("unread", format!("nothing counts in {} groups", kind.as_str()));
    }
    rows.many("mentions", &explanation.mentions, limit);
    for reason in &explanation.read_marker {
        let text = match reason {
            ReadReason::Read(event) => format!("read {}", rows.event(*event)),
            ReadReason::MarkedUnread(event) => format!("marked unread {}", rows.event(*event)),
            _ => "an own message, by the policy own_message_reads".to_owned(),
        };
        rows.push("read up to", text);
    }
    if let Some(last) = &explanation.last_message {
        let introduced = format!("{} introduced {}", rows.message(last.message), rows.event(last.introduced));
        rows.push("last message", introduced);
        let edits = last.edits.iter().map(|event| ("edited", *event));
        let others = [("sent", last.acknowledged), ("failed", last.failed), ("recalled", last.recalled)];
        let others = others.into_iter().filter_map(|(what, event)| Some((what, event?)));
        for (what, event) in others.chain(edits).collect::<Vec<_>>() {
            let text = format!("{what} {}", rows.event(event));
            rows.push("last message", text);
        }
    }
    for reason in explanation.activity.iter() {
        let text = rows.reason(*reason);
        rows.push("last active", text);
    }
    for reason in &explanation.listed {
        let text = rows.reason(*reason);
        rows.push("listed", text);
    }
    rows.singles(explanation);
    rows.rows
}

/// Every event that [`rows`] names.
fn events(explanation: &Explanation, limit: usize) -> Vec<EventId> {
    let lists = [&explanation.unread, &explanation.mentions];
    let mut events: Vec<EventId> =
        lists.into_iter().flat_map(|list| list.iter().take(limit)).map(|because| because.event).collect();
    events.extend(explanation.read_marker.iter().filter_map(|reason| match reason {
        ReadReason::Read(event) | ReadReason::MarkedUnread(event) => Some(*event),
        _ => None,
    }));
    if let Some(last) = &explanation.last_message {
        events.extend(
            [Some(last.introduced), last.acknowledged, last.failed, last.recalled].into_iter().flatten(),
        );
        events.extend(&last.edits);
    }
    let reasons = explanation.listed.iter().chain(&explanation.activity);
    events.extend(reasons.filter_map(|reason| event_of(*reason)));
    events.extend(singles(explanation).into_iter().map(|(_, _, event)| event));
    events.sort_unstable();
    events.dedup();
    events
}

fn event_of(reason: Reason) -> Option<EventId> {
    match reason {
        Reason::Message { event, .. }
        | Reason::Draft(event)
        | Reason::Pin(event)
        | Reason::Opening(event) => Some(event),
        _ => None,
    }
}

/// The values that one event each gave: what, which one of several, and the event.
fn singles(explanation: &Explanation) -> Vec<(&'static str, String, EventId)> {
    let one = |label, event: Option<EventId>| event.map(|event| (label, String::new(), event));
    let mut singles: Vec<_> = [
        one("pinned", explanation.pinned),
        one("draft", explanation.draft),
        one("cleared", explanation.cleared),
        one("deleted", explanation.deleted),
        one("receive option", explanation.receive_option),
        one("custom data", explanation.custom_data),
        one("name", explanation.show_name),
        one("face", explanation.face_url),
        one("group type", explanation.group_type),
    ]
    .into_iter()
    .flatten()
    .collect();
    singles.extend(explanation.marks.iter().map(|(mark, event)| ("mark", words::mark(*mark), *event)));
    singles.extend(explanation.folders.iter().map(|(folder, event)| ("folder", folder.to_string(), *event)));
    singles
}

/// The rows made so far, and what is needed to make more.
struct Rows<'a> {
    rows: Vec<(&'static str, String)>,
    conversation: ConversationView<'a>,
    places: &'a Places,
    ellipsis: &'static str,
}

impl Rows<'_> {
    fn push(&mut self, label: &'static str, text: String) {
        self.rows.push((label, text));
    }

    fn event(&self, event: EventId) -> String {
        match self.places.get(&event) {
            Some(place) => format!("by {event} ({place})"),
            None => format!("by {event}"),
        }
    }

    /// The message's first words, and its id.
    fn message(&self, id: MessageId) -> String {
        let text = self.conversation.message(id).and_then(|message| message.text()).unwrap_or_default();
        let text = one_line(words::head(text));
        if text.is_empty() {
            return format!("{id},");
        }
        format!("\"{}\", {id},", cut(&text, MAX_QUOTE, self.ellipsis))
    }

    fn reason(&self, reason: Reason) -> String {
        match reason {
            Reason::Message { message, event } => format!("{} {}", self.message(message), self.event(event)),
            Reason::Draft(event) => format!("the draft, {}", self.event(event)),
            Reason::Pin(event) => format!("the pin, {}", self.event(event)),
            Reason::Opening(event) => format!("opened, {}", self.event(event)),
            _ => "something this program does not know".to_owned(),
        }
    }

    fn many(&mut self, label: &'static str, list: &[Because], limit: usize) {
        for because in list.iter().take(limit) {
            let text = format!("{} {}", self.message(because.message), self.event(because.event));
            self.push(label, text);
        }
        if list.len() > limit {
            self.push(label, format!("and {} more", list.len() - limit));
        }
    }

    fn singles(&mut self, explanation: &Explanation) {
        for (label, which, event) in singles(explanation) {
            let text = format!("{which} {}", self.event(event));
            self.push(label, text.trim_start().to_owned());
        }
    }
}

/// The whole explanation, nothing left out.
pub fn json(explanation: &Explanation) -> Value {
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
        "readMarker": explanation.read_marker.iter().map(|reason| read_reason(*reason)).collect::<Vec<_>>(),
        "lastMessage": last,
        "activity": explanation.activity.map(reason),
        "listed": explanation.listed.iter().map(|listed| reason(*listed)).collect::<Vec<_>>(),
        "pinned": id(explanation.pinned),
        "draft": id(explanation.draft),
        "cleared": id(explanation.cleared),
        "deleted": id(explanation.deleted),
        "recvOpt": id(explanation.receive_option),
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
        _ => ("unknown", None),
    };
    object!({"because": because, "msgID": message, "event": id(event_of(reason))})
}
