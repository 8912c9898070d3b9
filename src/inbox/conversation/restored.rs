//! Where a conversation was restored from, and the events that wait if that turns out corrupt (R99).

use std::sync::Arc;

use crate::inbox::containers::lazy::Source;
use crate::model::event::Event;
use crate::store::snapshot::HistoryFault;

/// Where a conversation was restored from, and the events that wait if that turned out corrupt.
#[derive(Clone, Debug)]
pub(crate) struct Restored(Box<Parts>);

#[derive(Clone, Debug)]
pub(crate) struct Parts {
    source: Arc<Source>,
    number: u32,
    waiting: Vec<Event>,
}

impl Restored {
    pub(crate) fn new(source: Arc<Source>, number: u32) -> Self {
        Self(Box::new(Parts { source, number, waiting: Vec::new() }))
    }

    /// Keeps an event for when the conversation was replayed.
    pub(crate) fn wait(&mut self, event: &Event) {
        self.0.waiting.push(event.clone());
    }

    /// The events kept.
    pub(crate) fn waiting(&self) -> &[Event] {
        &self.0.waiting
    }

    pub(crate) fn fault(&self) -> Option<HistoryFault> {
        self.0.source.fault(self.0.number)
    }
}
