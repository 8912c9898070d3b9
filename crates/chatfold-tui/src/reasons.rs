//! Why a value is what it is, as rows that lead to the events behind it.

use chatfold::event::{Body, Fact, ReceiveOption, Through};
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, ConversationView, Event, EventId, Filter, Inbox, MessageId, UserId};
use chatfold_words::text::escape;
use chatfold_words::why::{Detail, events, rows};
use chatfold_words::{instant, words};

use crate::past::Past;

/// How many events of one value are named.
const LIMIT: usize = 50;

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The value; empty where it is that of the row above.
    pub(crate) label: String,
    /// What made it so.
    pub(crate) text: String,
    /// The event behind it, in words.
    pub(crate) event: String,
    /// The position that event makes.
    pub(crate) position: Option<usize>,
    /// The conversation whose reasons are behind it.
    pub(crate) conversation: Option<ConversationId>,
}

/// An open panel of reasons.
#[derive(Clone, Debug)]
pub(crate) struct Reasons {
    pub(crate) title: String,
    pub(crate) rows: Vec<Reason>,
    pub(crate) selected: usize,
}

impl Reasons {
    fn new(title: String, rows: Vec<Reason>) -> Self {
        Self { title, rows, selected: 0 }
    }

    /// Moves the selection by so many rows.
    pub(crate) fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// The first row that shows where so many lines do, the title among them.
    pub(crate) fn first_shown(&self, height: u16) -> usize {
        (self.selected + 1).saturating_sub(usize::from(height.saturating_sub(1)))
    }

    /// Selects the row on this line of so many, the title being line 0.
    pub(crate) fn select(&mut self, line: u16, height: u16) {
        let row = self.first_shown(height) + usize::from(line);
        if line > 0 && row <= self.rows.len() {
            self.selected = row - 1;
        }
    }

    /// The event of the selected row, in words.
    pub(crate) fn event(&self) -> &str {
        self.rows.get(self.selected).map_or("", |row| &row.event)
    }

    /// The conversation that the selected row counts.
    pub(crate) fn conversation(&self) -> Option<&ConversationId> {
        self.rows.get(self.selected)?.conversation.as_ref()
    }

    /// Where the event of the selected row is.
    pub(crate) fn position(&self) -> Option<usize> {
        self.rows.get(self.selected)?.position
    }
}

fn event_words(past: &Past, position: usize) -> String {
    let Some(event) = past.event(position) else { return String::new() };
    let (by, at) = (escape(event.by().as_str()).into_owned(), instant::minute(event.at()));
    format!("event {position} by {by}: {}, {at}", event.type_name())
}

/// Why a conversation shows what it shows, then what the totals are made of.
pub(crate) fn of_conversation(past: &Past, id: &ConversationId, ellipsis: &'static str) -> Option<Reasons> {
    let inbox = past.inbox();
    let (view, explanation) = (inbox.conversation(id)?, inbox.explain(id)?);
    let mut places: Vec<(EventId, usize)> = past.places(&events(&explanation, LIMIT));
    // Of an event that stands in the log twice, the first.
    places.sort_unstable();
    places.dedup_by_key(|(event, _)| *event);
    let place = |event: EventId| {
        let found = places.binary_search_by_key(&event, |(id, _)| *id).ok()?;
        places.get(found).map(|(_, position)| *position)
    };
    let mut made: Vec<Reason> = Vec::new();
    let mut above = "";
    for row in rows(view, &explanation, Detail { limit: LIMIT, ids: false, ellipsis }) {
        let position = row.event.and_then(place);
        let text = row.text.trim_end_matches(',').to_owned();
        let event = position.map(|position| event_words(past, position)).unwrap_or_default();
        let label = if row.label == above { "" } else { row.label }.to_owned();
        made.push(Reason { label, text, event, position, conversation: None });
        above = row.label;
    }
    made.extend(totals(inbox));
    Some(Reasons::new(format!("Why {} stands so", words::name(&view)), made))
}

/// Which conversations the totals count.
fn totals(inbox: &Inbox) -> Vec<Reason> {
    let unread = Filter::default().with_has_unread(true);
    let page = inbox.page(&unread, None, LIMIT);
    let more = page.next.is_some();
    let mut rows: Vec<Reason> = page
        .conversations
        .iter()
        .map(|row| {
            let counted = row.receive_option() == ReceiveOption::Receive;
            let event = if counted { "counted in the badge" } else { "muted: not counted in the badge" };
            let conversation = Some(row.id().clone());
            let text = format!("{} in {}", row.unread_count(), words::name(row));
            Reason { label: String::new(), text, event: event.to_owned(), position: None, conversation }
        })
        .collect();
    if let Some(first) = rows.first_mut() {
        "all unread".clone_into(&mut first.label);
    }
    if more {
        let text = "and in more conversations".to_owned();
        rows.push(Reason {
            label: String::new(),
            text,
            event: String::new(),
            position: None,
            conversation: None,
        });
    }
    rows
}

/// The events of a conversation, up to the position, that are about one message, among them those that made it
/// read or unread without naming it.
///
/// Complexity: the events up to the position are looked at.
pub(crate) fn of_message(past: &Past, id: &ConversationId, message: MessageId) -> Reasons {
    let inbox = past.inbox();
    let mut reading = inbox.conversation(id).and_then(|row| Reading::of(inbox.owner(), row, message));
    let mut about: Vec<(usize, &'static str)> = Vec::new();
    past.for_each_so_far(|position, event| {
        if let Body::Conversation(conversation, fact) = event.body()
            && conversation == id
        {
            let turns = reading.as_mut().is_some_and(|reading| reading.turns(event, fact));
            if turns || names(fact, message) {
                about.push((position, event.type_name()));
            }
        }
    });
    let mut rows: Vec<Reason> = about
        .into_iter()
        .map(|(position, type_name)| Reason {
            label: String::new(),
            text: type_name.replace('_', " "),
            event: event_words(past, position),
            position: Some(position),
            conversation: None,
        })
        .collect();
    if let Some(first) = rows.first_mut() {
        "events".clone_into(&mut first.label);
    }
    Reasons::new(format!("Message {message}"), rows)
}

/// Whether a message has been read, followed along the log.
struct Reading<'a> {
    owner: &'a UserId,
    row: ConversationView<'a>,
    /// Where the message stands (R14).
    first: i64,
    is_own: bool,
    is_read: bool,
}

impl<'a> Reading<'a> {
    fn of(owner: &'a UserId, row: ConversationView<'a>, message: MessageId) -> Option<Self> {
        let is_own = row.message(message)?.is_own();
        Some(Self { owner, row, first: first_field(row, message)?, is_own, is_read: false })
    }

    /// Whether an event turns it: the peer's first reading that reaches an own message, the owner's of another's,
    /// and the owner's taking that back.
    fn turns(&mut self, event: &Event, fact: &Fact) -> bool {
        let reaches = |through: &Through| match through {
            Through::Watermark(watermark) => self.first <= watermark.first_field(),
            Through::Message(id) => first_field(self.row, *id).is_some_and(|read| self.first <= read),
        };
        let is_owner = event.by() == self.owner;
        let is_read = match fact {
            Fact::PeerRead { through } if self.is_own && reaches(through) => true,
            Fact::Read { through } if !self.is_own && is_owner && reaches(through) => true,
            Fact::MarkedUnreadFrom { target } if !self.is_own && is_owner => {
                self.is_read && first_field(self.row, *target).is_none_or(|from| self.first < from)
            }
            _ => return false,
        };
        std::mem::replace(&mut self.is_read, is_read) != is_read
    }
}

/// The first field of where a message stands: its time in a direct chat, its sequence number in a group (R14).
fn first_field(row: ConversationView<'_>, message: MessageId) -> Option<i64> {
    let message = row.message(message)?;
    Some(match row.kind() {
        ConversationKind::Direct => message.time().as_millis(),
        ConversationKind::Group => i64::try_from(message.seq()).unwrap_or(i64::MAX),
    })
}

/// Whether a fact is about a message.
fn names(fact: &Fact, id: MessageId) -> bool {
    match fact {
        Fact::MessageReceived(message) | Fact::MessageQueued(message) => message.id == id,
        Fact::MessageImported { message, .. } => message.id == id,
        Fact::MessageModified { target, .. }
        | Fact::MessageRecalled { target, .. }
        | Fact::ReactionSet { target, .. }
        | Fact::ExtensionSet { target, .. }
        | Fact::ExtensionsCleared { target, .. }
        | Fact::MessagePinned { target, .. }
        | Fact::MessageSent { target, .. }
        | Fact::MessageFailed { target, .. }
        | Fact::MarkedUnreadFrom { target } => *target == id,
        Fact::MessageReadBy { targets }
        | Fact::MessagesDeleted { targets }
        | Fact::MessagesRead { targets, .. } => targets.contains(&id),
        Fact::HistoryCleared { also, .. } | Fact::Deleted { also, .. } => also.contains(&id),
        Fact::PeerRead { through } | Fact::Read { through } => {
            *through == chatfold::event::Through::Message(id)
        }
        _ => false,
    }
}
