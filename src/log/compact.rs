//! Compacting: a smaller log that shows the same, where a report takes the place of old messages (R49).

use std::borrow::Cow;
use std::collections::HashSet;

use uuid::Uuid;

use crate::inbox::effects::about;
use crate::inbox::{GivenUp, Inbox, Obstacle};
use crate::model::event::{Body, Envelope, Event, Fact, Through, UnreadReport, Watermark};
use crate::model::id::{ConversationId, ConversationKind, DERIVED_EVENTS, EventId, MessageId, UserId};
use crate::model::policy::Policy;
use crate::model::time::{Stamp, Timestamp};

/// Why a conversation is not compacted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompactError {
    /// No event with an effect names the conversation.
    #[error("no event names the conversation {0}")]
    UnknownConversation(ConversationId),
    /// A time in a group, or a seq in a direct chat.
    #[error("a position in {0} is {1}")]
    WrongPosition(ConversationId, &'static str),
    /// The position lies behind everything that is held.
    #[error("the position is not held: {}", last_held(newest))]
    NotHeld {
        /// The last position that is held, or that a server reported; `None`: no message is held.
        newest: Option<Watermark>,
    },
    /// A report reaches further than the position, so that the report written here would not count.
    #[error("a report reaches up to {through}: only from there on anything can be given up")]
    ReportReachesFurther {
        /// Where it ends.
        through: Watermark,
    },
    /// A report does not say which read its number was counted for, so no part of it can be told from another.
    #[error("a report does not say which read it was counted for")]
    UnknownRead,
    /// A read, or a mark unread, names a message that is not held: it may be one that would be given up.
    #[error("a read or a mark waits for a message that is not held")]
    Waiting,
    /// What is held contradicts the report, so that nothing bounds the number: another report would seem to.
    #[error("what is held contradicts what the server reported")]
    Contradicted,
    /// An event of the conversation bears the last instant that there is, so that none can be later.
    #[error("an event bears the last instant there is, none can follow it")]
    EndOfTime,
    /// No report says all that shows: some number is exact and another a floor, or a message stands at the epoch.
    #[error("a report cannot say all that shows of the conversation")]
    ShowsOtherwise,
}

fn last_held(newest: &Option<Watermark>) -> String {
    newest.map_or("no message is".to_owned(), |newest| format!("the last one is {newest}"))
}

/// A compaction to be: events are [noted](Self::note), then it is [planned](Self::plan).
///
/// ```
/// use chatfold::compact::Compaction;
/// use chatfold::event::Watermark;
/// use chatfold::{Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let team: chatfold::ConversationId = "group_team".parse()?;
/// let mut log = Vec::new();
/// for n in 1..=50 {
///     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, bob.clone());
///     let mut message = Message::text(MessageId::from_bytes([n; 16]), "hello");
///     message.seq = Some(n.into());
///     log.push(envelope.message_received(team.clone(), message)?);
/// }
/// let mut compaction = Compaction::new(alice.clone(), Policy::default(), team.clone(), Watermark::Seq(40));
/// log.iter().for_each(|event| compaction.note(event));
/// let plan = compaction.plan()?;
/// let smaller: Vec<_> = log.iter().filter_map(|event| plan.rewrite(event)).map(|event| event.into_owned()).collect();
/// assert_eq!((plan.given_up(), smaller.len()), (40, 10));
///
/// let inbox = Inbox::replay(alice, Policy::default(), smaller.iter().chain(plan.report()));
/// let row = inbox.conversation(&team).expect("it is there");
/// assert_eq!((row.unread_count(), row.unread_is_lower_bound()), (50, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compaction {
    owner: UserId,
    policy: Policy,
    conversation: ConversationId,
    through: Watermark,
    /// The events of the conversation, without the group's type: it may change, and what counts then is reported too.
    events: Vec<Event>,
    latest: Option<Stamp>,
}

impl Compaction {
    /// A compaction of one conversation of an owner's log through a position, itself included.
    ///
    /// The policy is that of the inbox that the log is folded into: where own messages are reads, a report has to say so.
    pub fn new(owner: UserId, policy: Policy, conversation: ConversationId, through: Watermark) -> Self {
        Self { owner, policy, conversation, through, events: Vec::new(), latest: None }
    }

    /// Notes an event of the log, in any order. Those of other conversations are passed over.
    pub fn note(&mut self, event: &Event) {
        let Body::Conversation(id, fact) = event.body() else { return };
        if *id != self.conversation {
            return;
        }
        let stamp = event.stamp();
        self.latest = self.latest.max(Some(stamp));
        let mut event = event.clone();
        match fact {
            // An own message is a read of its own instant, which is the server's.
            Fact::MessageSent { sent_at, .. } => {
                self.latest = self.latest.max(Some(Stamp::new(*sent_at, stamp.event)));
            }
            Fact::Opened { group_type: Some(_) } => {
                let untyped = Body::Conversation(id.clone(), Fact::Opened { group_type: None });
                event = Event::new(event.envelope().clone(), untyped).unwrap_or(event);
            }
            _ => {}
        }
        self.events.push(event);
    }

    /// What becomes of the log. All its events must have been noted.
    ///
    /// Complexity: that of folding the conversation's events twice.
    ///
    /// # Errors
    ///
    /// [`CompactError`]: why the log is to stay as it is.
    pub fn plan(self) -> Result<Compacted, CompactError> {
        let Self { owner, policy, conversation, through, events, latest } = &self;
        let unknown = || CompactError::UnknownConversation(conversation.clone());
        let (whole, latest) = (Inbox::replay(owner.clone(), *policy, events), latest.ok_or_else(unknown)?);
        let view = whole.conversation(conversation).ok_or_else(unknown)?;
        let expected = match (conversation.kind(), through) {
            (ConversationKind::Group, Watermark::Time(_)) => Some("a seq"),
            (ConversationKind::Direct, Watermark::Seq(_)) => Some("a time"),
            _ => None,
        };
        if let Some(expected) = expected {
            return Err(CompactError::WrongPosition(conversation.clone(), expected));
        }
        let given_up = view.give_up(through.first_field()).map_err(|obstacle| match obstacle {
            Obstacle::NotHeld(newest) => {
                CompactError::NotHeld { newest: (newest >= 0).then(|| view.watermark(newest)) }
            }
            Obstacle::Report(through) => {
                CompactError::ReportReachesFurther { through: view.watermark(through) }
            }
            Obstacle::UnknownRead => CompactError::UnknownRead,
            Obstacle::Waiting => CompactError::Waiting,
            Obstacle::Contradicted => CompactError::Contradicted,
        })?;
        let GivenUp { through, messages, report } = given_up;
        let mut plan = Compacted {
            conversation: conversation.clone(),
            through: view.watermark(through.max(0)),
            first_kept: view.watermark(through.max(0) + 1),
            messages,
            report: None,
        };
        if plan.messages.is_empty() {
            return Ok(plan);
        }
        plan.report = Some(self.report(report, latest)?);
        let kept: Vec<_> = events.iter().filter_map(|event| plan.rewrite(event)).collect();
        let kept = kept.iter().map(AsRef::as_ref).chain(plan.report());
        let compacted = Inbox::replay(owner.clone(), *policy, kept);
        let same = compacted.conversation(conversation).is_some_and(|found| found.shows_like(&view));
        if same { Ok(plan) } else { Err(CompactError::ShowsOtherwise) }
    }

    /// The report, stamped after every event of the conversation.
    fn report(&self, said: UnreadReport, latest: Stamp) -> Result<Event, CompactError> {
        let at = Timestamp::from_millis(latest.at.as_millis() + 1).map_err(|_| CompactError::EndOfTime)?;
        let read = said.read.map_or_else(String::new, |read| match read {
            Through::Watermark(watermark) => watermark.first_field().to_string(),
            Through::Message(message) => message.to_string(),
        });
        let through = said.through.first_field();
        let id = derived(
            &self.conversation,
            &format!("compacted\n{through} {read} {}\n{}", said.unread, latest.event),
        );
        let envelope = Envelope::new(id, at, self.owner.clone());
        // What was counted of valid events is valid, unless it lies at the epoch.
        envelope.unread_reported(self.conversation.clone(), said).map_err(|_| CompactError::ShowsOtherwise)
    }
}

/// The id of an event that follows from what it is of: a UUID of version 5 over an empty network, the conversation, the
/// event's kind and what else it is of.
fn derived(conversation: &ConversationId, of: &str) -> EventId {
    EventId::new(Uuid::new_v5(&DERIVED_EVENTS, format!("\n{conversation}\n{of}").as_bytes()))
}

/// What becomes of a log that is compacted.
#[derive(Clone, Debug)]
pub struct Compacted {
    conversation: ConversationId,
    through: Watermark,
    first_kept: Watermark,
    messages: HashSet<MessageId>,
    report: Option<Event>,
}

impl Compacted {
    /// The event as the new log has it; `None` if it is left out.
    ///
    /// Left out are the messages given up and what is about nothing else. A complete stretch begins behind them, by an
    /// event of another id.
    pub fn rewrite<'a>(&self, event: &'a Event) -> Option<Cow<'a, Event>> {
        let Body::Conversation(id, fact) = event.body() else { return Some(Cow::Borrowed(event)) };
        if *id != self.conversation || self.messages.is_empty() {
            return Some(Cow::Borrowed(event));
        }
        if let Fact::HistoryComplete { from, through } = fact
            && *from <= self.through
        {
            return self.clipped(event, *through).map(Cow::Owned);
        }
        let about = about(fact);
        let gone = !about.is_empty() && about.iter().all(|message| self.messages.contains(message));
        (!gone).then_some(Cow::Borrowed(event))
    }

    /// What is left of a complete stretch that ends at `through`.
    fn clipped(&self, event: &Event, through: Watermark) -> Option<Event> {
        if through <= self.through {
            return None;
        }
        let mut envelope = event.envelope().clone();
        let of = format!("compacted\n{}\n{}", self.through.first_field(), envelope.id);
        envelope.id = derived(&self.conversation, &of);
        envelope.history_complete(self.conversation.clone(), self.first_kept, through).ok()
    }

    /// The report that takes the place of what is left out: the last event of the new log. `None` where nothing is.
    pub fn report(&self) -> Option<&Event> {
        self.report.as_ref()
    }

    /// Up to which position messages are given up: never behind the last message that shows, so perhaps not as far as asked.
    pub fn through(&self) -> Watermark {
        self.through
    }

    /// How many messages are given up; 0: the log stays as it is.
    pub fn given_up(&self) -> usize {
        self.messages.len()
    }
}

/// The events of `log` without the messages of a conversation up to a position, and the report in their place.
///
/// What shows stays the same: see the [module](crate::compact). Compacting again changes nothing.
///
/// # Errors
///
/// [`CompactError`]: why the log is to stay as it is.
pub fn compact(
    owner: &UserId,
    policy: Policy,
    log: &[Event],
    conversation: &ConversationId,
    through: Watermark,
) -> Result<Vec<Event>, CompactError> {
    let mut compaction = Compaction::new(owner.clone(), policy, conversation.clone(), through);
    log.iter().for_each(|event| compaction.note(event));
    let plan = compaction.plan()?;
    let kept = log.iter().filter_map(|event| plan.rewrite(event)).map(Cow::into_owned);
    Ok(kept.chain(plan.report().cloned()).collect())
}
