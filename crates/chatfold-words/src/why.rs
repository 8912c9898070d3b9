//! Why a conversation shows what it shows: the messages and events behind each value, one row each.

use chatfold::explain::{Because, Explanation, ReadReason, Reason, ReportReason};
use chatfold::id::ConversationKind;
use chatfold::{ConversationView, EventId, MessageId};

use crate::text::{cut, one_line};
use crate::words;

/// The first words of a message are cut to this many cells.
const MAX_QUOTE: usize = 24;

/// One reason for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonRow {
    /// The value.
    pub label: &'static str,
    /// What made it so, to be followed by the event; may be empty where the event says it all.
    pub text: String,
    /// The event behind it, where one is.
    pub event: Option<EventId>,
}

/// How much of a reason is said.
#[derive(Clone, Copy, Debug)]
pub struct Detail {
    /// How many rows a long list has.
    pub limit: usize,
    /// Whether messages are named by their ids beside their first words.
    pub ids: bool,
    /// The sign for text that was cut.
    pub ellipsis: &'static str,
}

/// One row an event, in the order of the attributes.
pub fn rows(conversation: ConversationView<'_>, explanation: &Explanation, detail: Detail) -> Vec<ReasonRow> {
    let mut rows = Rows { rows: Vec::new(), conversation, detail };
    rows.many("unread", &explanation.unread);
    if let Some(kind) = explanation.uncounted {
        rows.push("unread", format!("nothing counts in {} groups", kind.as_str()), None);
    }
    rows.many("mentions", &explanation.mentions);
    if let Some(report) = &explanation.report {
        rows.report(report);
    }
    rows.many("read by name", &explanation.read_by_name);
    for reason in &explanation.read_marker {
        match reason {
            ReadReason::Read(event) => rows.push("read up to", "read", Some(*event)),
            ReadReason::MarkedUnread(event) => rows.push("read up to", "marked unread", Some(*event)),
            _ => rows.push("read up to", "an own message, by the policy own_message_reads", None),
        }
    }
    if let Some(last) = &explanation.last_message {
        let introduced = rows.message(last.message, "introduced");
        rows.push("last message", introduced, Some(last.introduced));
        let edits = last.edits.iter().map(|event| ("edited", *event));
        let others = [("sent", last.acknowledged), ("failed", last.failed), ("recalled", last.recalled)];
        let others = others.into_iter().filter_map(|(what, event)| Some((what, event?)));
        for (what, event) in others.chain(edits) {
            rows.push("last message", what, Some(event));
        }
    }
    for reason in explanation.activity.iter() {
        rows.reason("last active", *reason);
    }
    for reason in &explanation.listed {
        rows.reason("listed", *reason);
    }
    for (label, which, event) in singles(explanation, Some((conversation, detail.ids))) {
        rows.push(label, which, Some(event));
    }
    rows.rows
}

/// Every event that [`rows`] names, ascending.
pub fn events(explanation: &Explanation, limit: usize) -> Vec<EventId> {
    let lists = [&explanation.unread, &explanation.mentions, &explanation.read_by_name];
    let mut events: Vec<EventId> =
        lists.into_iter().flat_map(|list| list.iter().take(limit)).map(|because| because.event).collect();
    events.extend(explanation.read_marker.iter().filter_map(|reason| match reason {
        ReadReason::Read(event) | ReadReason::MarkedUnread(event) => Some(*event),
        _ => None,
    }));
    events.extend(explanation.report.iter().map(|report| report.event));
    if let Some(last) = &explanation.last_message {
        events.extend(
            [Some(last.introduced), last.acknowledged, last.failed, last.recalled].into_iter().flatten(),
        );
        events.extend(&last.edits);
    }
    let reasons = explanation.listed.iter().chain(&explanation.activity);
    events.extend(reasons.filter_map(|reason| event_of(*reason)));
    events.extend(singles(explanation, None).into_iter().map(|(_, _, event)| event));
    events.sort_unstable();
    events.dedup();
    events
}

/// The event of a reason; `None` where this version knows no such reason.
pub fn event_of(reason: Reason) -> Option<EventId> {
    match reason {
        Reason::Message { event, .. }
        | Reason::Draft(event)
        | Reason::Pin(event)
        | Reason::Opening(event)
        | Reason::Report(event) => Some(event),
        _ => None,
    }
}

/// The values that one event each gave: what, which one of several, and the event. Folders are named as the
/// conversation names them, with their ids besides where they are asked for.
fn singles(
    explanation: &Explanation,
    names: Option<(ConversationView<'_>, bool)>,
) -> Vec<(&'static str, String, EventId)> {
    let one = |label, event: Option<EventId>| event.map(|event| (label, String::new(), event));
    let mut singles: Vec<_> = [
        one("pinned", explanation.pinned),
        one("draft", explanation.draft),
        one("cleared", explanation.cleared),
        one("deleted", explanation.deleted),
        one("receive option", explanation.receive_option),
        one("archive", explanation.archived),
        one("membership", explanation.membership),
        one("custom data", explanation.custom_data),
        one("name", explanation.show_name),
        one("face", explanation.face_url),
        one("group type", explanation.group_type),
    ]
    .into_iter()
    .flatten()
    .collect();
    singles.extend(explanation.marks.iter().map(|(mark, event)| ("mark", words::mark(*mark), *event)));
    let folders = names.map(|(conversation, _)| conversation.folders()).unwrap_or_default();
    singles.extend(explanation.folders.iter().map(|(id, event)| {
        let name = folders.iter().find(|folder| folder.id == *id).map(|folder| one_line(&folder.name));
        let said = match (name, names) {
            (Some(name), Some((_, true))) => format!("{name} {id}"),
            (Some(name), _) => name,
            (None, _) => id.to_string(),
        };
        ("folder", said, *event)
    }));
    singles
}

/// The rows made so far, and what is needed to make more.
struct Rows<'a> {
    rows: Vec<ReasonRow>,
    conversation: ConversationView<'a>,
    detail: Detail,
}

impl Rows<'_> {
    fn push(&mut self, label: &'static str, text: impl Into<String>, event: Option<EventId>) {
        self.rows.push(ReasonRow { label, text: text.into(), event });
    }

    /// The message's first words, its id, and what became of it.
    fn message(&self, id: MessageId, what: &str) -> String {
        let text = self.conversation.message(id).and_then(|message| message.text()).unwrap_or_default();
        let text = one_line(words::head(text));
        let quote = format!("\"{}\"", cut(&text, MAX_QUOTE, self.detail.ellipsis));
        let parts = match (text.is_empty(), self.detail.ids) {
            (true, true) => vec![id.to_string()],
            (false, true) => vec![quote, id.to_string()],
            (true, false) => vec!["a message".to_owned()],
            (false, false) => vec![quote],
        };
        format!("{}, {what}", parts.join(", ")).trim_end().to_owned()
    }

    fn reason(&mut self, label: &'static str, reason: Reason) {
        let text = match reason {
            Reason::Message { message, .. } => self.message(message, ""),
            Reason::Draft(_) => "the draft,".to_owned(),
            Reason::Pin(_) => "the pin,".to_owned(),
            Reason::Opening(_) => "opened,".to_owned(),
            Reason::Report(_) => "reported by the server,".to_owned(),
            _ => "something this program does not know".to_owned(),
        };
        self.push(label, text, event_of(reason));
    }

    /// What a server reported, what became of it since, and what follows.
    fn report(&mut self, report: &ReportReason) {
        let least = if report.at_least { "at least " } else { "" };
        let read = report
            .read
            .map_or(", read up to nobody knows where".to_owned(), |read| format!(", read up to {read}"));
        let said = format!("{least}{} unread up to {}{read}, reported", report.unread, report.through);
        self.push("report", said, Some(report.event));
        if report.counted_after != report.read
            && let Some(after) = report.counted_after
        {
            self.push("report", format!("counted behind {after}"), None);
        }
        self.some(&report.left, "taken from it: removed or read since");
        self.some(&report.may_have_left, "not held, and perhaps taken from it: removed or read since");
        self.some(&report.waits_for, "not held, and a read or mark waits for it");
        if report.is_contradicted {
            self.push("report", "the server and the messages contradict each other: those held count", None);
        }
        self.push("report", format!("so {} unread", words::bounds(report.unread_bounds)), None);
        if self.conversation.kind() == ConversationKind::Group {
            self.push("report", format!("and mentions: {}", words::bounds(report.mention_bounds)), None);
        }
    }

    /// Messages that a report is corrected by.
    fn some(&mut self, ids: &[MessageId], what: &str) {
        for id in ids.iter().take(self.detail.limit) {
            let text = self.message(*id, what);
            self.push("report", text, None);
        }
        if ids.len() > self.detail.limit {
            self.push("report", format!("and {} more", ids.len() - self.detail.limit), None);
        }
    }

    fn many(&mut self, label: &'static str, list: &[Because]) {
        for because in list.iter().take(self.detail.limit) {
            let text = self.message(because.message, "");
            self.push(label, text, Some(because.event));
        }
        if list.len() > self.detail.limit {
            self.push(label, format!("and {} more", list.len() - self.detail.limit), None);
        }
    }
}
