//! Two logs in memory, and what they differ in.

use std::collections::BTreeSet;

use chatfold::divergence::{ConversationDivergence, Divergence, EventsLacked};
use chatfold::{Event, Inbox};

use crate::input::Source;
use crate::log::Tally;
use crate::text::escape;
use crate::words;

/// A log in memory.
pub struct Device {
    pub source: Source,
    pub tally: Tally,
    pub events: Vec<Event>,
    pub skipped: BTreeSet<String>,
    pub inbox: Inbox,
}

/// What two logs differ in.
pub struct Found<'a> {
    pub left: &'a Device,
    pub right: &'a Device,
    pub shown: Divergence,
    pub lacked: EventsLacked<'a>,
    /// How many lines of unknown type or newer version each lacks.
    pub skipped: [usize; 2],
}

impl Found<'_> {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        let EventsLacked { left, right, .. } = &self.lacked;
        self.shown.is_empty() && left.is_empty() && right.is_empty() && self.skipped == [0, 0]
    }

    /// What a conversation is called, on either device.
    pub fn name(&self, differs: &ConversationDivergence) -> String {
        let views = [self.left, self.right].map(|device| device.inbox.conversation(&differs.id));
        let mut names: Vec<String> = views.into_iter().flatten().map(|view| words::name(&view)).collect();
        names.dedup();
        names.retain(|name| name != differs.id.target());
        names.push(escape(differs.id.as_str()).into_owned());
        names.join("  ")
    }
}
