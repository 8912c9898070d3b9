//! What becomes of a conversation whose history turns out rotten (R99).

use std::sync::Arc;

use crate::inbox::Inbox;
use crate::inbox::containers::lazy::Source;
use crate::inbox::containers::sparse::Rare;
use crate::inbox::conversation::derive::{Derived, Row};
use crate::inbox::conversation::personal::Personal;
use crate::inbox::conversation::state::{Conversation, Reads, Shared};
use crate::inbox::route::peer;
use crate::inbox::snapshot::parts::load_all;
use crate::inbox::views::conversation::ConversationView;
use crate::model::event::Event;
use crate::model::id::ConversationId;
use crate::store::snapshot::HistoryFault;

/// Where a conversation was restored from, and the events that wait if that turned out rotten.
#[derive(Clone, Debug)]
pub(crate) struct Restored(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    source: Arc<Source>,
    number: u32,
    waiting: Vec<Event>,
}

impl Restored {
    pub(crate) fn new(source: Arc<Source>, number: u32) -> Self {
        Self(Box::new(Parts { source, number, waiting: Vec::new() }))
    }

    fn fault(&self) -> Option<HistoryFault> {
        self.0.source.fault(self.0.number)
    }
}

/// All of a conversation but its history.
pub(crate) type Front = (Rare<Shared>, Rare<Personal>, Reads, Derived, Row);

impl Conversation {
    /// The fault of its history, if one was found.
    pub(crate) fn fault(&self) -> Option<HistoryFault> {
        self.restored.as_ref().and_then(Restored::fault)
    }

    /// Keeps an event for when the conversation was replayed.
    pub(crate) fn wait(&mut self, event: &Event) {
        if let Some(restored) = &mut self.restored {
            restored.0.waiting.push(event.clone());
        }
    }

    /// What is put back if a fault is found: everything that was verified.
    pub(crate) fn front(&self) -> Front {
        (self.shared.clone(), self.personal.clone(), self.reads.clone(), self.derived.clone(), self.row)
    }

    pub(crate) fn put_back(&mut self, front: Front) {
        (self.shared, self.personal, self.reads, self.derived, self.row) = front;
    }

    /// Loads all of a history, so that what is rotten in it is known.
    pub(crate) fn load_all(&self) {
        if self.restored.is_some() {
            load_all(self.timeline.get());
        }
    }
}

impl Inbox {
    /// The conversations part of whose history or registers, restored from a snapshot, turned out rotten when they
    /// were first touched (R99).
    ///
    /// The list keeps their rows as they were verified, their histories show only what was verified, and
    /// their events wait: [`Inbox::heal`] takes them from a replay of the log. Only what was touched is known:
    /// [`Inbox::verify`] touches everything. The next change set tells of each once, by
    /// [`Attribute::Fault`](crate::Attribute::Fault).
    pub fn faults(&self) -> impl Iterator<Item = (&ConversationId, HistoryFault)> {
        let conversations = self.rotten().into_iter().filter_map(|number| self.conversations.get(number));
        conversations.filter_map(|conversation| Some((&conversation.id, conversation.fault()?)))
    }

    /// The numbers of the same.
    pub(crate) fn rotten(&self) -> Vec<u32> {
        let mut numbers = self.conversations.source().map(|source| source.faulty()).unwrap_or_default();
        numbers.retain(|number| self.conversations.get(*number).is_some_and(|c| c.fault().is_some()));
        numbers
    }

    /// Notes the conversations found rotten by now, whoever touched them, so that each is told of once.
    pub(crate) fn note_rotten(&mut self) {
        let rotten = self.rotten();
        if !rotten.is_empty() {
            self.faults_told.extend(rotten);
        }
    }

    /// Loads and verifies all registers and histories that were restored from a snapshot; the first fault, if there is
    /// one.
    ///
    /// Complexity: everything that lies in the snapshot is decoded.
    pub fn verify(&self) -> Result<(), HistoryFault> {
        self.conversations.iter().for_each(|conversation| conversation.load_all());
        self.faults().next().map_or(Ok(()), |(_, fault)| Err(fault))
    }

    /// Takes every faulty conversation from `replayed`, an inbox folded from the log, and applies the events
    /// that waited; how many conversations were healed.
    ///
    /// Every history is looked at first. Everything else `replayed` has seen is merged too, as by
    /// [`Inbox::merge`].
    pub fn heal(&mut self, replayed: &Self) -> Result<usize, crate::inbox::MergeError> {
        self.conversations.iter().for_each(|conversation| conversation.load_all());
        let faulty = self.rotten();
        let mut waiting = Vec::new();
        for number in &faulty {
            let Some(conversation) = self.conversations.get(*number).cloned() else { continue };
            let restored = conversation.restored.iter();
            waiting.extend(restored.flat_map(|restored| restored.0.waiting.iter().cloned()));
            let peer = peer(&conversation.id).map(|peer| self.users.intern(&peer));
            self.replace(*number, Conversation::new(conversation.id.clone(), peer, true));
        }
        self.merge(replayed)?;
        self.apply_batch(&waiting);
        Ok(faulty.len())
    }
}

impl ConversationView<'_> {
    /// The fault found in the history, if it was restored from a snapshot and part of it is rotten (R99).
    pub fn fault(&self) -> Option<HistoryFault> {
        self.state().fault()
    }

    /// How many events wait because the history is faulty.
    pub fn waiting_events(&self) -> usize {
        self.state().restored.as_ref().map_or(0, |restored| restored.0.waiting.len())
    }
}
