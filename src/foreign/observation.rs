//! States that were merely found (R114).

use crate::inbox::Inbox;
use crate::model::event::Event;

/// Returns the event if it would change what the inbox shows, and `None` if the inbox shows it already (R114).
///
/// What a device finds in a snapshot of another system's state (a flag, a marker, a name), without an event or instant
/// of the server behind it, is an observation: its event has a fresh random id and the observer's clock, and is written
/// only where it says something new. Observations of two devices are two facts, which join (R04).
///
/// Costs what folding one live event costs; the inbox itself stays as it is.
///
/// ```
/// use chatfold::foreign::observe;
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Policy, Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let pinned = |id: u8, second: i64| {
///     let at = Timestamp::from_millis(second * 1_000)?;
///     let found = Envelope::new(EventId::from_bytes([id; 16]), at, alice.clone());
///     Ok::<_, Box<dyn std::error::Error>>(found.conversation_pinned(ConversationId::direct(&bob), true)?)
/// };
/// let mut inbox = Inbox::new(alice.clone(), Policy::default());
/// let first = observe(&inbox, pinned(1, 10)?).ok_or("it was not pinned")?;
/// inbox.apply(&first);
/// assert_eq!(observe(&inbox, pinned(2, 20)?), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the event is to be appended where there is one"]
pub fn observe(inbox: &Inbox, event: Event) -> Option<Event> {
    let mut tried = inbox.clone();
    let changes = tried.apply(&event);
    (!changes.is_empty()).then_some(event)
}
