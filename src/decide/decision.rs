//! What comes of a command: the events to append and what was refused of it.

use crate::decide::rejection::Rejection;
use crate::model::event::Event;
use crate::model::id::ConversationId;

/// What comes of an accepted command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "the events are to be appended and applied"]
pub struct Decision {
    /// The events, in the order to append them; none where the outcome is true already.
    pub events: Vec<Event>,
    /// Of a command over many conversations, those that were refused.
    pub refused: Vec<Refusal>,
}

/// One conversation of many for which a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The conversation.
    pub conversation: ConversationId,
    /// Why.
    pub rejection: Rejection,
}
