//! What is being made of one response, and what events of a room have in common.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::{ConversationId, MessageId, Timestamp, UserId};

use crate::fault::Fault;
use crate::json::At;
use crate::maker::{Maker, MessageName, Said};

/// How far ahead of the response the clock of an event may be, in milliseconds, to be believed in reports.
const CLOCK_TOLERANCE_MS: i64 = 120_000;

/// A reaction that somebody gave.
#[derive(Clone, Debug)]
pub(super) struct GivenReaction {
    pub(super) target: MessageId,
    pub(super) reaction: String,
    pub(super) by: UserId,
}

/// Events that are no messages, by room and id.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// Reactions by the event that gave them.
    pub(super) reactions: BTreeMap<(ConversationId, String), GivenReaction>,
    /// Edits, and what else of a payload is no message.
    pub(super) others: BTreeSet<(ConversationId, String)>,
}

/// What is being made of one payload.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) maker: Maker<'a>,
    /// What was learned before.
    pub(super) learned: &'a Named,
    /// What this payload itself has.
    pub(super) here: Named,
}

/// From when to when events are, those left out whose clock is ahead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    /// The earliest and latest event.
    pub(super) events: Option<(Timestamp, Timestamp)>,
    /// The latest message.
    pub(super) message: Option<Timestamp>,
}

impl Session<'_> {
    /// Returns the reaction that the event gave, if that is known.
    pub(super) fn reaction(&self, of: &(ConversationId, String)) -> Option<GivenReaction> {
        [&self.here, self.learned].into_iter().find_map(|named| named.reactions.get(of)).cloned()
    }

    /// Whether the event is known to be no message.
    pub(super) fn is_other(&self, of: &(ConversationId, String)) -> bool {
        [&self.here, self.learned].into_iter().any(|named| named.others.contains(of))
    }

    /// Returns the room of this id.
    pub(super) fn room(&self, at: &At<'_, '_>, id: &str) -> Result<ConversationId, Fault> {
        if !id.starts_with('!') {
            return Err(at.refused("a room id, which begins with !", crate::fault::cut(id)));
        }
        self.maker.group(at, id)
    }

    /// Returns the event of this id, as a message has it.
    pub(super) fn event_named(&self, at: &At<'_, '_>, id: &str) -> Result<MessageName, Fault> {
        if !id.starts_with('$') {
            return Err(at.refused("an event id, which begins with $", crate::fault::cut(id)));
        }
        self.maker.message(at, id, id)
    }

    /// Returns the event whose id stands under the key.
    pub(super) fn event(&self, at: &At<'_, '_>, key: &str) -> Result<MessageName, Fault> {
        let at = at.need(key)?;
        self.event_named(&at, at.as_text()?)
    }

    /// Returns who sent an event and when: its server's clock, within the years that a log may name.
    pub(super) fn said(&self, event: &At<'_, '_>, conversation: &ConversationId) -> Result<Said, Fault> {
        let by = self.maker.user(event, "sender")?;
        Ok(Said { conversation: conversation.clone(), time: instant(event)?, by })
    }

    /// Whether the clock of an instant is ahead of the response by more than clocks may differ.
    pub(super) fn is_ahead(&self, time: Timestamp) -> bool {
        time.as_millis() > self.maker.received_at.as_millis().saturating_add(CLOCK_TOLERANCE_MS)
    }
}

/// Returns the instant of an event.
pub(super) fn instant(event: &At<'_, '_>) -> Result<Timestamp, Fault> {
    let millis = event.integer("origin_server_ts")?;
    Ok(Timestamp::from_millis(millis.max(0)).unwrap_or(Timestamp::MAX))
}

impl Span {
    /// Reaches over an event.
    pub(super) fn reach(&mut self, time: Timestamp, is_message: bool) {
        self.events = Some(match self.events {
            Some((first, last)) => (first.min(time), last.max(time)),
            None => (time, time),
        });
        if is_message {
            self.message = self.message.max(Some(time));
        }
    }
}
