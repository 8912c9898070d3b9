//! The events of a world: what a log holds of it, for an inbox to be folded from.

use chatfold::event::{
    Body, Edit, Fact, Mentions, ReportedMention, ReportedMentions, Through, UnreadReport, Watermark,
};
use chatfold::{ConversationId, Envelope, Event, EventId, Message, MessageId, Timestamp, UserId};

use super::world::{Reach, World};
use crate::model::bounds::Said;

/// Whose inbox it is.
pub fn owner() -> UserId {
    UserId::parse("alice").unwrap()
}

fn message_id(index: usize) -> MessageId {
    MessageId::from_bytes([index as u8 + 1; 16])
}

impl World {
    pub fn conversation(&self) -> ConversationId {
        if self.group { "group_g" } else { "c2c_bob" }.parse().unwrap()
    }

    fn watermark(&self, first: i64) -> Watermark {
        match self.group {
            true => Watermark::Seq(first.unsigned_abs()),
            false => Watermark::Time(Timestamp::from_millis(first).unwrap()),
        }
    }

    fn reach(&self, reach: Reach) -> Through {
        match reach {
            Reach::To(first) => Through::Watermark(self.watermark(first)),
            Reach::Message(index) => Through::Message(message_id(index)),
        }
    }

    /// An event by a user at a stamp of the world.
    fn at(&self, by: &str, at: u32, fact: Fact) -> Event {
        let time = Timestamp::from_millis(1_000_000 + i64::from(at)).unwrap();
        let envelope = Envelope::new(EventId::from_bytes([at as u8; 16]), time, UserId::parse(by).unwrap());
        Event::new(envelope, Body::Conversation(self.conversation(), fact)).unwrap()
    }

    /// What a server delivers of a message: in a direct chat its instant is its place.
    pub fn delivery(&self, index: usize) -> Event {
        let message = &self.messages[index];
        let mut content = Message::text(message_id(index), "text");
        content.excluded_from_unread = !message.counts;
        // What does not count for the one number does not for the other: it is the owner's own.
        let by = if message.counts { "bob" } else { "alice" };
        content.mentions = Mentions { users: Vec::new(), all: message.mentions };
        let mut time = 500;
        if self.group {
            content.seq = Some(message.first.unsigned_abs());
        } else {
            time = message.first;
        }
        let id = EventId::from_bytes([100 + index as u8; 16]);
        let envelope = Envelope::new(id, Timestamp::from_millis(time).unwrap(), UserId::parse(by).unwrap());
        envelope.message_received(self.conversation(), content).unwrap()
    }

    /// Everything that the log holds.
    pub fn events(&self) -> Vec<Event> {
        let s = self.report.as_ref().map_or(0, |report| report.stamp);
        let here = |at: u32| at > s || self.old[at as usize];
        let mut events = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            if message.held {
                events.push(self.delivery(index));
            }
            events.extend(self.facts_about(index, s));
        }
        for (at, reach) in self.reads.iter().filter(|(at, _)| here(*at)) {
            events.push(self.at("alice", *at, Fact::Read { through: self.reach(*reach) }));
        }
        for (at, index) in self.marks.iter().filter(|(at, _)| here(*at)) {
            events.push(self.at("alice", *at, Fact::MarkedUnreadFrom { target: message_id(*index) }));
        }
        for (at, through) in &self.clearings {
            let through = self.watermark(*through);
            events.push(self.at("alice", *at, Fact::HistoryCleared { through, also: Vec::new() }));
        }
        for (nth, (from, to)) in self.complete.iter().enumerate() {
            events.push(self.completion(nth, *from, *to));
        }
        events.extend(self.reported());
        events
    }

    /// That a stretch is complete.
    pub fn completion(&self, nth: usize, from: i64, to: i64) -> Event {
        let (from, through) = (self.watermark(from), self.watermark(to));
        self.at("alice", 200 + nth as u32, Fact::HistoryComplete { from, through })
    }

    /// What the log holds of a message beside its delivery.
    pub fn facts_about(&self, index: usize, s: u32) -> Vec<Event> {
        let (message, target) = (&self.messages[index], message_id(index));
        let known = |at: u32| message.held || at > s || message.rumour;
        let mut events = Vec::new();
        if let Some(at) = message.removed.filter(|at| known(*at)) {
            // Either removes it.
            events.push(match at % 3 {
                0 => self.at("bob", at, Fact::MessageRecalled { target, reason: None }),
                1 => self.at("alice", at, Fact::MessagesDeleted { targets: vec![target] }),
                _ => {
                    let through = self.watermark(0);
                    self.at("alice", at, Fact::HistoryCleared { through, also: vec![target] })
                }
            });
        }
        for (at, on) in message.named.iter().filter(|(at, _)| known(*at)) {
            events.push(self.at("alice", *at, Fact::MessagesRead { targets: vec![target], on: *on }));
        }
        for (at, off) in message.edits.iter().filter(|(at, _)| known(*at) && self.group) {
            let mentions = Some(Mentions { users: Vec::new(), all: !off });
            let edit = Edit { version: u64::from(*at) + 1, mentions, ..Edit::default() };
            events.push(self.at("bob", *at, Fact::MessageModified { target, edit }));
        }
        events
    }

    fn reported(&self) -> Option<Event> {
        let report = self.report.as_ref()?;
        let mentions = match &report.mentions {
            _ if !self.group => None,
            Said::Count(count) => Some(ReportedMentions::Count(u64::try_from(*count).unwrap())),
            Said::Places(places) => {
                let listed = |place: &i64| ReportedMention { seq: place.unsigned_abs(), at_type: 2 };
                Some(ReportedMentions::At(places.iter().map(listed).collect()))
            }
        };
        let said = UnreadReport {
            through: self.watermark(report.through),
            unread: u64::try_from(report.unread).unwrap(),
            read: report.read.map(|read| self.reach(read)),
            at_least: report.at_least,
            mentions,
            active_at: None,
        };
        Some(self.at("alice", report.stamp, Fact::UnreadReported(Box::new(said))))
    }
}
