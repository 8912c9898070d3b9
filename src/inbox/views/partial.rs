//! What is known of the messages of a conversation that are not held: lower bounds, and where the gaps are (R46–R48).

use crate::inbox::conversation::bounds::{Interval, Rule};
use crate::inbox::conversation::ledger::Number;
use crate::inbox::views::conversation::ConversationView;
use crate::inbox::views::message::MessageView;
use crate::model::badge::BadgeRule;
use crate::model::event::Watermark;
use crate::model::id::{EventId, MessageId};

/// A stretch of a conversation's positions at which messages may be that are not held (R48).
///
/// Whoever fetches it ends with a `history_complete` over what the server's answer proves, the ends of the answer
/// included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Where it begins, itself part of it.
    pub from: Watermark,
    /// Where it ends, itself part of it.
    pub through: Watermark,
    /// The number of unread messages is a lower bound, and what lies in this gap may be among them.
    pub touches_number: bool,
}

/// Where the unread messages of a conversation begin.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum FirstUnread<'a> {
    /// With this message.
    Message(MessageView<'a>),
    /// With a message that is not held, in this gap or behind it.
    Within(Gap),
}

/// What a server reported of a conversation, and what became of it since (R43, R46).
///
/// What the report said is counted after `counted_after` and up to `through`; the messages held that count are
/// [`Explanation::unread`](crate::explain::Explanation::unread).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportReason {
    /// The event of the report.
    pub event: EventId,
    /// Up to where it speaks.
    pub through: Watermark,
    /// How many unread messages it told of.
    pub unread: u64,
    /// Whether its numbers are floors.
    pub at_least: bool,
    /// The read that it was counted for; `None`: not said, or a message that is not held.
    pub read: Option<Watermark>,
    /// Behind here counts what it said: its read, or what was cleared before it; without a read, the marker.
    pub counted_after: Option<Watermark>,
    /// Messages held that are taken from the number, because they were removed or read by name since.
    pub left: Vec<MessageId>,
    /// Messages that are not held and may be taken from it, for the same reason.
    pub may_have_left: Vec<MessageId>,
    /// Messages that a read or a mark names since, which waits for them.
    pub waits_for: Vec<MessageId>,
    /// The least and the most unread messages that follow.
    pub unread_bounds: Bounds,
    /// The same of mentions.
    pub mention_bounds: Bounds,
    /// Server and messages contradict each other: what is held is believed, and nothing bounds the number.
    pub is_contradicted: bool,
}

/// Between which numbers one lies that is not known exactly (R46, R47).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// The least that it may be: the number that shows, unless that is cut at 2^32 - 1.
    pub least: u64,
    /// The most that it may be; `None` where nothing bounds it.
    pub most: Option<u64>,
}

impl From<Interval> for Bounds {
    fn from(found: Interval) -> Self {
        Self { least: u64::try_from(found.lo).unwrap_or(0), most: found.bounded() }
    }
}

impl Bounds {
    fn exactly(number: u32) -> Self {
        Self { least: number.into(), most: Some(number.into()) }
    }
}

impl<'a> ConversationView<'a> {
    /// Whether there may be more unread messages than [`unread_count`](Self::unread_count), because some are not held
    /// (R46): O(1).
    pub fn unread_is_lower_bound(&self) -> bool {
        self.state().row.unread_bounded
    }

    /// Whether there may be more unread mentions than [`mention_count`](Self::mention_count) (R47): O(1).
    pub fn mention_is_lower_bound(&self) -> bool {
        self.state().row.mentions_bounded
    }

    /// Whether there may be a message behind [`last_message`](Self::last_message) that is not held (R48): O(1).
    pub fn last_message_is_older(&self) -> bool {
        self.state().row.last_is_older
    }

    /// Whether it may give more to a badge than [`badge`](Self::badge) (R55).
    pub fn badge_is_lower_bound(&self, rule: BadgeRule) -> bool {
        self.is_listed() && self.counted().badge_is_lower_bound(rule)
    }

    /// The least and the most unread messages that there may be (R46): both the same where the number is exact.
    pub fn unread_bounds(&self) -> Bounds {
        let row = &self.state().row;
        match self.rule().filter(|_| self.counts_unread()) {
            Some(rule) => rule.interval(Number::Unread).into(),
            None => Bounds::exactly(row.unread),
        }
    }

    /// The least and the most unread mentions that there may be (R47).
    pub fn mention_bounds(&self) -> Bounds {
        let row = &self.state().row;
        match self.rule().filter(|_| self.state().lets_mention()) {
            Some(rule) => rule.interval(Number::Mentions).into(),
            None => Bounds::exactly(row.mentions),
        }
    }

    pub(crate) fn rule(&self) -> Option<Rule<'a>> {
        self.state().rule()
    }

    /// The stretches that are not held up to where the server reported, the newest first; none without a report (R48).
    ///
    /// A client fetches them in this order until none touches the number any more.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> + use<'a> {
        let (view, conversation) = (*self, self.state());
        let gaps = conversation.gaps();
        gaps.map(move |(first, last, touches_number)| view.gap(first, last, touches_number))
    }

    fn gap(&self, first: i64, last: i64, touches_number: bool) -> Gap {
        Gap { from: self.watermark(first), through: self.watermark(last), touches_number }
    }

    pub(crate) fn report_reason(&self) -> Option<ReportReason> {
        let (rule, facts) = (self.rule()?, self.state().facts());
        let (report, ledger) = (rule.report(), rule.ledger());
        let ids = |slots: Vec<u32>| -> Vec<MessageId> {
            let mut ids: Vec<_> = slots.into_iter().filter_map(|slot| facts.arena.id(slot)).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let after = rule.counted_after();
        let (left, may_have_left) = ledger.left_slots(Number::Unread, after, report.through);
        Some(ReportReason {
            event: report.stamp.event,
            through: report.said.through,
            unread: report.said.unread,
            at_least: report.said.at_least,
            read: rule.reported_read().map(|(first, _)| self.watermark(first)),
            counted_after: (after >= 0).then(|| self.watermark(after)),
            left: ids(left),
            may_have_left: ids(may_have_left),
            waits_for: ids(ledger.waiting_names().map(|(_, slot)| slot).collect()),
            unread_bounds: self.unread_bounds(),
            mention_bounds: self.mention_bounds(),
            is_contradicted: self.counts_unread() && rule.contradicts(Number::Unread),
        })
    }

    /// Where the unread messages begin: with the oldest that counts, or in the oldest gap behind the read marker where
    /// one lies before it (R48).
    pub fn first_unread(&self) -> Option<FirstUnread<'a>> {
        let conversation = self.state();
        if let Some((from, through)) = conversation.first_gap() {
            return Some(FirstUnread::Within(self.gap(from, through, self.unread_is_lower_bound())));
        }
        let surely_none = conversation.row.has_none_unread() && self.rule().is_some();
        self.unread().next().filter(|_| !surely_none).map(FirstUnread::Message)
    }
}
