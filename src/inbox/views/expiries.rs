//! Receive options that were set for a time: which are due, and when to look again (R57).

use crate::inbox::state::Inbox;
use crate::model::id::ConversationId;
use crate::model::time::Timestamp;

/// A receive option that is to end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Expiry {
    /// When it is to end.
    pub until: Timestamp,
    /// Its conversation.
    pub conversation: ConversationId,
}

/// What [`Inbox::expiries`] finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expiries {
    /// The options that are due, by when and then by conversation.
    pub due: Vec<Expiry>,
    /// When the next of the others is due: the instant to look again at, unless one is set before.
    pub next: Option<Timestamp>,
}

impl Inbox {
    /// Which receive options were to end at `now` or before, and when the next is to (R57).
    ///
    /// An option stands until an event ends it: [`Command::EndTimedOptions`](crate::Command::EndTimedOptions) writes those
    /// that are due. The inbox has no clock: who keeps one asks when `next` has come.
    ///
    /// Complexity: every conversation is looked at, listed or not.
    ///
    /// ```
    /// use chatfold::event::ReceiveOption;
    /// use chatfold::{ConversationId, Envelope, EventId, Inbox, Policy, Timestamp, UserId};
    /// let alice = UserId::parse("alice")?;
    /// let mut inbox = Inbox::new(alice.clone(), Policy::default());
    /// let at = |text: &str| text.parse::<Timestamp>();
    /// let envelope = Envelope::new(EventId::from_bytes([1; 16]), at("2026-03-01T09:00:00.000Z")?, alice);
    /// let until = at("2026-03-01T17:00:00.000Z")?;
    /// inbox.apply(&envelope.receive_option_set_until("c2c_bob".parse()?, ReceiveOption::NotReceive, until)?);
    /// assert_eq!(inbox.expiries(at("2026-03-01T12:00:00.000Z")?).next, Some(until));
    /// assert_eq!(inbox.expiries(until).due.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expiries(&self, now: Timestamp) -> Expiries {
        let mut expiries = Expiries::default();
        for conversation in self.conversations.iter() {
            let Some(until) = conversation.personal.option_setting().until else { continue };
            if until <= now {
                expiries.due.push(Expiry { until, conversation: conversation.id.clone() });
            } else if expiries.next.is_none_or(|next| until < next) {
                expiries.next = Some(until);
            }
        }
        expiries.due.sort_unstable();
        expiries
    }
}
