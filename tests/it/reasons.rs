//! Explanations on random histories: what is named is in the log, and is what the model says (R43).

use std::collections::BTreeMap;

use chatfold::event::{Body, Fact};
use chatfold::explain::{Explanation, ReadReason, Reason};
use chatfold::{Event, EventId, Inbox, MessageId, Timestamp};

use crate::harness::{MIX, cases, ensure, hold, replay};
use crate::model::{self, Row};

/// Every event that the explanation names.
fn events(told: &Explanation) -> Vec<EventId> {
    let mut events: Vec<EventId> = told
        .unread
        .iter()
        .chain(&told.mentions)
        .chain(&told.read_by_name)
        .map(|because| because.event)
        .collect();
    events.extend(told.read_marker.iter().filter_map(|reason| match reason {
        ReadReason::Read(event) | ReadReason::MarkedUnread(event) => Some(*event),
        _ => None,
    }));
    if let Some(last) = &told.last_message {
        events.push(last.introduced);
        events.extend([last.acknowledged, last.failed, last.recalled].into_iter().flatten());
        events.extend(&last.edits);
    }
    events.extend(told.activity.iter().chain(&told.listed).filter_map(event_of));
    let single = [told.pinned, told.draft, told.cleared, told.deleted, told.receive_option, told.custom_data];
    events.extend(single.into_iter().flatten());
    events.extend([told.show_name, told.face_url, told.group_type].into_iter().flatten());
    events.extend(told.marks.iter().map(|(_, event)| *event));
    events.extend(told.folders.iter().map(|(_, event)| *event));
    events
}

fn event_of(reason: &Reason) -> Option<EventId> {
    match reason {
        Reason::Message { event, .. }
        | Reason::Draft(event)
        | Reason::Pin(event)
        | Reason::Opening(event)
        | Reason::Report(event) => Some(*event),
        _ => None,
    }
}

/// The instants that an event can move a conversation to.
fn moves_to(event: &Event) -> Vec<Timestamp> {
    match event.body() {
        Body::Conversation(_, Fact::MessageSent { sent_at, .. }) => vec![*sent_at],
        Body::Conversation(_, Fact::UnreadReported(report)) => report.active_at.into_iter().collect(),
        _ => vec![event.at()],
    }
}

type Log<'a> = BTreeMap<EventId, Vec<&'a Event>>;

fn check_row(told: &Explanation, row: &Row, log: &Log<'_>) -> Result<(), String> {
    let wrong = |what: &str| format!("{}: {what}: {told:?}", row.id);
    let stranger = events(told).into_iter().find(|event| !log.contains_key(event));
    ensure(stranger.is_none(), || wrong(&format!("{stranger:?} is not in the log")))?;
    let introduced = |id: &MessageId| row.history.iter().find(|line| line.id == *id).map(|line| line.event);
    let unread: Vec<_> = row.unread.iter().map(|id| (*id, introduced(id))).collect();
    let because: Vec<_> = told.unread.iter().map(|because| (because.message, Some(because.event))).collect();
    ensure(unread == because, || wrong(&format!("unread are {unread:?}")))?;
    let mentions: Vec<_> =
        row.mentions.iter().filter_map(|(id, ..)| *id).map(|id| (id, introduced(&id))).collect();
    let because: Vec<_> =
        told.mentions.iter().map(|because| (because.message, Some(because.event))).collect();
    ensure(mentions == because, || wrong(&format!("mentions are {mentions:?}")))?;
    let unread_by_name = told.read_by_name.iter().find(|because| {
        let line = row.history.iter().find(|line| line.id == because.message);
        line.is_none_or(|line| !line.read_by_name || line.own || unread.iter().any(|(id, _)| *id == line.id))
    });
    ensure(unread_by_name.is_none(), || wrong(&format!("{unread_by_name:?} is not read by name")))?;
    ensure(!row.pinned || told.pinned.is_some(), || wrong("pinned"))?;
    ensure(told.draft == row.draft.as_ref().map(|(stamp, ..)| stamp.event), || wrong("draft"))?;
    ensure(told.listed.is_empty() != row.listed, || wrong("listed"))?;
    let marks: Vec<_> = told.marks.iter().map(|(mark, _)| mark.bits()).collect();
    ensure(marks == row.marks, || wrong("marks"))?;
    let folders: Vec<_> = told.folders.iter().map(|(folder, _)| *folder).collect();
    ensure(row.folders.iter().all(|(id, _)| folders.contains(id)), || wrong("folders"))?;
    ensure(folders.len() == row.folders.len(), || wrong("folders"))?;
    ensure(told.show_name.is_some() || row.show_name == row.id.target(), || wrong("show_name"))?;
    ensure(told.face_url.is_some() || row.face_url.is_none(), || wrong("face_url"))?;
    ensure(told.group_type.is_some() == row.group_type.is_some(), || wrong("group_type"))?;
    ensure(told.custom_data.is_some() || row.custom_data.is_none(), || wrong("custom_data"))?;
    ensure(!told.read_marker.is_empty() || row.read_marker.is_none(), || wrong("read_marker"))?;
    let at = told.activity.as_ref().and_then(event_of).and_then(|event| log.get(&event));
    let moved = at.is_some_and(|events| events.iter().any(|event| moves_to(event).contains(&row.activity)));
    ensure(moved || row.activity == Timestamp::EPOCH, || wrong("activity"))?;
    let last = told.last_message.as_ref();
    let found = last.map(|last| (last.message, last.introduced, last.recalled, last.edits.is_empty()));
    let shown = row.last.as_ref().map(|line| {
        let recalled = line.recall.as_ref().map(|(_, _, stamp)| stamp.event);
        (line.id, line.event, recalled, line.edit_version.is_none() || line.recall.is_some())
    });
    // An edit of no field, or one overtaken in each, shows nothing.
    let fits = match (found, shown) {
        (Some((message, event, recalled, no_edits)), Some((id, introduced, recall, none_expected))) => {
            (message, event, recalled) == (id, introduced, recall) && (no_edits || !none_expected)
        }
        (found, shown) => found == shown,
    };
    ensure(fits, || wrong(&format!("last message is {shown:?}")))?;
    let failed = row.last.as_ref().is_some_and(|line| line.status == 3);
    ensure(!failed || last.is_some_and(|last| last.failed.is_some()), || wrong("failed"))
}

#[test]
fn r43_explanations_name_the_messages_and_events_behind_what_is_shown() {
    hold("R43", MIX, cases(500), &|history| {
        let inbox: Inbox = replay(history, &history.events);
        let model = model::shown(&history.owner, history.policy, &history.events);
        let mut log: Log<'_> = BTreeMap::new();
        for event in &history.events {
            log.entry(event.id()).or_default().push(event);
        }
        for row in model.rows.values() {
            match inbox.explain(&row.id) {
                Some(told) => check_row(&told, row, &log)?,
                None => ensure(row.is_void(), || format!("{} is not explained", row.id))?,
            }
        }
        Ok(())
    });
}
