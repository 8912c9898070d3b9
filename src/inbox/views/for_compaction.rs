//! Which messages of a conversation a report can take the place of, and what it says of them (R49).

use std::collections::{HashMap, HashSet};

use crate::inbox::conversation::ledger::Number;
use crate::inbox::conversation::personal::reach;
use crate::inbox::conversation::row::Row;
use crate::inbox::timeline::entry::{Entry, bits, timestamp};
use crate::inbox::timeline::order::contribution::{Contribution, Sum};
use crate::inbox::views::conversation::ConversationView;
use crate::model::event::{ReportedMention, ReportedMentions, Through, UnreadReport};
use crate::model::id::{ConversationKind, MessageId};
use crate::register::lattice::raise;

/// What is given up, and the report of it.
pub(crate) struct GivenUp {
    /// Complete stretches begin behind this first field.
    pub(crate) through: i64,
    pub(crate) messages: HashSet<MessageId>,
    pub(crate) report: UnreadReport,
}

/// Why no report can take the place of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The position lies behind everything held; the last one held, -1 for none.
    NotHeld(i64),
    /// A report reaches further, so that one that reaches less would not count.
    Report(i64),
    /// A report does not say, or not yet, which read it was counted for.
    UnknownRead,
    /// A read or a mark waits for its message.
    Waiting,
    /// Server and messages contradict each other, at this marker or at another.
    Contradicted,
}

impl ConversationView<'_> {
    /// What can be given up of the messages up to a first field.
    ///
    /// The group's type is not asked: what counts where the type lets it is what is reported.
    pub(crate) fn give_up(&self, through: i64) -> Result<GivenUp, Obstacle> {
        let (conversation, personal) = (self.state(), &self.state().personal);
        let delivered: Vec<(u32, Entry)> = self.delivered().collect();
        let reaches = personal.reported.report.as_ref().map_or(-1, |report| report.through);
        let newest = delivered.iter().map(|(_, entry)| entry.first).max().unwrap_or(-1).max(reaches);
        if through > newest {
            return Err(Obstacle::NotHeld(newest));
        }
        if reaches > through {
            return Err(Obstacle::Report(reaches));
        }
        if self.rule().is_some_and(|rule| !rule.knows_read() && rule.m() < reaches) {
            return Err(Obstacle::UnknownRead);
        }
        if self.waits() {
            return Err(Obstacle::Waiting);
        }
        let numbers = [Number::Unread, Number::Mentions];
        if self.rule().is_some_and(|rule| numbers.into_iter().any(|number| rule.contradicts_anywhere(number)))
        {
            return Err(Obstacle::Contradicted);
        }
        let listing =
            |entry: &Entry| entry.first <= through && !entry.has(bits::ONLINE_ONLY | bits::UNLISTED);
        let listing =
            delivered.iter().map(|(_, entry)| *entry).filter(listing).map(|entry| entry.first).max();
        // Behind what shows as the last message nothing is given up, or that would seem older than something not held.
        let shown = conversation.row.last.and_then(|slot| conversation.facts().arena.get(slot));
        let last = shown.map_or(-1, |entry| entry.first).max(reach(&personal.cleared));
        let bound = listing.unwrap_or(-1).min(if conversation.row.last_is_older { through } else { last });
        let end = bound.max(reaches);
        let (mentions, spoken_for) = self.mentions_reported(end);
        let kept = self.kept(&delivered, spoken_for);
        // No report reaches the very beginning of time, so what stands there stays.
        let given_up =
            |(slot, entry): &&(u32, Entry)| (1..=bound).contains(&entry.first) && !kept.contains(slot);
        let given_up = delivered.iter().filter(given_up);
        let (mut messages, mut active) = (HashSet::new(), None);
        for (slot, entry) in given_up {
            messages.insert(entry.id);
            raise(&mut active, conversation.facts().activity(*slot, entry).map(|(at, _)| at));
        }
        let beyond = self.counted_beyond(end);
        let report = UnreadReport {
            through: self.watermark(end.max(0)),
            unread: conversation.row.unread.saturating_sub(beyond.unread).into(),
            read: Some(Through::Watermark(self.watermark(conversation.row.marker.max(0)))),
            at_least: conversation.row.unread_bounded,
            mentions,
            active_at: active.map(timestamp),
        };
        Ok(GivenUp { through: bound, messages, report })
    }

    /// The messages with a place that the server gave, in order of arrival.
    fn delivered(&self) -> impl Iterator<Item = (u32, Entry)> {
        let entries = self.state().facts().arena.iter();
        entries.filter(|(_, entry)| entry.is_known() && entry.rank() == 0)
    }

    /// Whether a read or a mark that may still count waits for its message.
    fn waits(&self) -> bool {
        let (facts, personal) = (self.state().facts(), &self.state().personal);
        if let Some(rule) = self.rule().filter(|rule| rule.knows_read()) {
            let ledger = rule.ledger();
            return ledger.latest_waiting_read().or(ledger.latest_waiting_mark()).is_some();
        }
        personal.named_reads.keys().any(|slot| facts.read_target(*slot).is_none())
            || personal.unread_marks.keys().any(|slot| facts.known_first(*slot).is_none())
    }

    /// What counts of the messages held behind a first field.
    fn counted_beyond(&self, first: i64) -> Sum {
        let (conversation, floor) = (self.state(), self.state().derived.floor().max(first));
        let order = conversation.order();
        order.map_or(Sum::ZERO, |order| order.sum_after(floor, conversation.facts()))
    }

    /// What a report through a first field says of mentions, and whether it speaks for those of messages held: else these
    /// are to be kept.
    fn mentions_reported(&self, through: i64) -> (Option<ReportedMentions>, bool) {
        let row = &self.state().row;
        if self.kind() == ConversationKind::Direct {
            return (None, true);
        }
        let mentions =
            self.mentions().into_iter().filter(|mention| mention.seq <= through.max(0).unsigned_abs());
        let listed: Vec<_> =
            mentions.map(|one| ReportedMention { seq: one.seq, at_type: one.kind as u8 }).collect();
        let least = row.mentions.saturating_sub(self.counted_beyond(through).mentions);
        match (row.mentions_bounded, row.unread_bounded) {
            // The report's numbers are floors or are not, both: only silence says a floor of mentions beside a number.
            (true, false) => (None, false),
            (true, true) if least as usize > listed.len() => {
                (Some(ReportedMentions::Count(least.into())), false)
            }
            _ => (Some(ReportedMentions::At(listed)), true),
        }
    }

    /// The messages that stay wherever they stand: the last; the one that the peer has read up to; those at one seq, which
    /// is one place to a report; and mentions of which the report does not speak.
    fn kept(&self, delivered: &[(u32, Entry)], mentions_spoken_for: bool) -> HashSet<u32> {
        let conversation = self.state();
        let mut kept: HashSet<u32> = conversation.row.last.into_iter().collect();
        let peers = conversation.shared.named_peer_reads.iter().copied();
        let read =
            |slot: &u32| conversation.facts().read_target(*slot) == Some(conversation.derived.peer_read);
        kept.extend(peers.filter(read));
        if self.kind() == ConversationKind::Group {
            let mut at: HashMap<i64, u32> = HashMap::new();
            delivered.iter().for_each(|(_, entry)| *at.entry(entry.first).or_default() += 1);
            let shares = |entry: &Entry| at.get(&entry.first).is_some_and(|count| *count > 1);
            kept.extend(delivered.iter().filter(|(_, entry)| shares(entry)).map(|(slot, _)| *slot));
        }
        if !mentions_spoken_for {
            let mention = |slot: &u32| conversation.counts(*slot, Contribution::MENTION);
            kept.extend(delivered.iter().map(|(slot, _)| *slot).filter(mention));
        }
        kept
    }

    /// Whether both show the same in the list; which messages are held apart.
    pub(crate) fn shows_like(&self, other: &Self) -> bool {
        let row = |view: &Self| {
            let row = view.state().row;
            Row { marker: row.marker.max(0), last: None, mention_sig: 0, ..row }
        };
        let last = |view: &Self| view.last_message().map(|message| (message.id(), message.status()));
        let mentions = |view: &Self| -> Vec<_> {
            view.mentions().into_iter().map(|mention| (mention.seq, mention.kind)).collect()
        };
        let peer = |view: &Self| view.state().derived.peer_read;
        (row(self), last(self), mentions(self), peer(self))
            == (row(other), last(other), mentions(other), peer(other))
    }
}
