//! R45 to R48: what a conversation shows where a server reported and not every message is held.

use std::collections::BTreeMap;

use chatfold::event::{Fact, GroupType, ReportedMentions, Through, UnreadReport};
use chatfold::id::ConversationKind;
use chatfold::time::Stamp;
use chatfold::{MessageId, Timestamp};

use super::bounds::{Fault, Held, Interval, Named, Report, Said, interval, m, shown_marker};
use super::conversation::Conversation;
use super::message::{DELIVERED, Facts, Known, pick};
use super::shown::Begins;
use super::{earliest, latest};

/// Which of the two numbers is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Number {
    Unread,
    Mentions,
}

impl<'a> Conversation<'a> {
    /// R45: the greatest of the reports, by how far they reach, then stamp, then value.
    pub fn report(&self) -> Option<(i64, Stamp, &'a UnreadReport)> {
        let reports = self.pick(|fact| match fact {
            Fact::UnreadReported(report) => Some(&**report),
            _ => None,
        });
        reports.into_iter().map(|(stamp, said)| (said.through.first_field(), stamp, said)).max()
    }

    /// R35, R48: the latest activity of any report.
    pub fn reported_activity(&self) -> Option<Timestamp> {
        let reports = self.pick(|fact| match fact {
            Fact::UnreadReported(report) => report.active_at,
            _ => None,
        });
        reports.into_iter().map(|(_, at)| at).max()
    }

    /// R36, R48: whether the report lists the conversation.
    pub fn is_listed_by_report(&self) -> bool {
        let Some((through, ..)) = self.report() else { return false };
        let deleted = self.deleted.reach.map_or(-1, |(through, _)| through);
        through > deleted && !self.complete().iter().any(|(from, to)| *from <= through && through <= *to)
    }

    fn complete(&self) -> Vec<(i64, i64)> {
        let stretches = self.pick(|fact| match fact {
            Fact::HistoryComplete { from, through } => Some((from.first_field(), through.first_field())),
            _ => None,
        });
        stretches.into_iter().map(|(_, stretch)| stretch).collect()
    }

    /// What the log holds as far as it concerns a number; `None` without a report.
    pub fn held(&self, number: Number) -> Option<Held<Stamp>> {
        let (through, stamp, said) = self.report()?;
        let group = self.id.kind() == ConversationKind::Group;
        let count = |count: u64| Said::Count(count.into());
        let (said_number, silent) = match (number, &said.mentions) {
            (Number::Unread, _) => (count(said.unread), false),
            (Number::Mentions, None) => (count(0), true),
            (Number::Mentions, Some(ReportedMentions::Count(said))) => (count(*said), false),
            (Number::Mentions, Some(ReportedMentions::At(listed))) => {
                (Said::Places(listed.iter().map(|one| one.seq.cast_signed()).collect()), false)
            }
        };
        let known: BTreeMap<MessageId, &Known<'a>> = self.messages.iter().map(|m| (m.id, m)).collect();
        let named = self.about.iter();
        let named =
            named.filter_map(|(id, facts)| self.named(known.get(id).copied(), facts, number)).collect();
        let waiting = |target: fn(&Fact) -> Option<MessageId>, holds: &dyn Fn(MessageId) -> bool| {
            let written = self.pick(target).into_iter().filter(|(_, target)| !holds(*target));
            written.map(|(stamp, _)| stamp).collect::<Vec<_>>()
        };
        let delivered = |id| self.message(id).is_some_and(|message| message.rank == DELIVERED);
        let read: fn(&Fact) -> Option<MessageId> = |fact| match fact {
            Fact::Read { through: Through::Message(target) } => Some(*target),
            Fact::UnreadReported(report) => match report.read {
                Some(Through::Message(target)) => Some(target),
                _ => None,
            },
            _ => None,
        };
        let mark: fn(&Fact) -> Option<MessageId> = |fact| match fact {
            Fact::MarkedUnreadFrom { target } => Some(*target),
            _ => None,
        };
        Some(Held {
            group,
            named,
            reads: self.reads(),
            waiting_reads: waiting(read, &delivered),
            marks: self.unread_marks(),
            waiting_marks: waiting(mark, &|id| self.message(id).is_some()),
            coverage: self.deleted.reach.max(self.cleared.reach),
            report: Some(Report {
                through,
                stamp,
                read: said.read.as_ref().and_then(|read| self.reaches(read)),
                said: said_number,
                at_least: said.at_least || silent,
            }),
            complete: self.complete(),
        })
    }

    /// A message of which the log says something; `None` where it is targeted at others.
    fn named(&self, known: Option<&Known<'a>>, facts: &Facts<'a>, number: Number) -> Option<Named<Stamp>> {
        let introduces = |fact: &Fact| {
            matches!(fact, Fact::MessageReceived(_) | Fact::MessageQueued(_) | Fact::MessageImported { .. })
        };
        if known.is_none() && facts.iter().any(|(_, fact)| introduces(fact)) {
            return None;
        }
        let removals = pick(facts, |_, fact| {
            let removes = matches!(
                fact,
                Fact::MessageRecalled { .. }
                    | Fact::MessagesDeleted { .. }
                    | Fact::HistoryCleared { .. }
                    | Fact::Deleted { .. }
            );
            removes.then_some(())
        });
        let by_name = latest(pick(facts, |_, fact| match fact {
            Fact::MessagesRead { on, .. } => Some(*on),
            _ => None,
        }));
        let owner = self.terms.owner;
        let edits = pick(facts, |_, fact| match fact {
            Fact::MessageModified { edit, .. } => Some((edit.version, edit.mentions.as_ref()?)),
            _ => None,
        });
        let edit = edits.into_iter().map(|(stamp, (version, mentions))| (version, stamp, mentions)).max();
        let edit = edit.map(|(_, stamp, mentions)| (stamp, !mentions.users.contains(owner) && !mentions.all));
        let edit = edit.filter(|_| number == Number::Mentions);
        let countable = known.is_some_and(|m| {
            let mine = m.rank == DELIVERED && !m.own && !m.content.online_only;
            let at_first = m.content.mentions.users.contains(owner) || m.content.mentions.all;
            mine && match number {
                Number::Unread => !m.content.excluded_from_unread && m.content.recipients.is_empty(),
                Number::Mentions => at_first || edit.is_some(),
            }
        });
        Some(Named {
            first: known.map(Known::first_field),
            delivered: known.is_some_and(|m| m.rank == DELIVERED),
            countable,
            removed: earliest(removals).map(|(stamp, ())| stamp),
            switches: by_name.into_iter().chain(edit).collect(),
        })
    }

    /// R45: the marker beside a report whose read is known; `None` where all reads and marks count.
    pub fn reported_marker(&self) -> Option<i64> {
        let held = self.held(Number::Unread)?;
        held.report.as_ref()?.read.map(|_| shown_marker(&held))
    }

    /// R46, R47; `None` without a report.
    pub fn interval(&self, number: Number, group_type: Option<GroupType>) -> Option<Interval> {
        let counts = match number {
            Number::Unread => self.counts(group_type),
            Number::Mentions => {
                self.id.kind() == ConversationKind::Group && group_type != Some(GroupType::AvChatRoom)
            }
        };
        counts.then(|| self.held(number)).flatten().map(|held| interval(&held, Fault::None))
    }

    /// R47: what the report lists of messages that are not held, behind m: seq and type.
    pub fn listed_mentions(&self, group_type: Option<GroupType>) -> Vec<(u64, u8)> {
        let Some((_, _, UnreadReport { mentions: Some(ReportedMentions::At(listed)), .. })) = self.report()
        else {
            return Vec::new();
        };
        let Some(held) = self.held(Number::Mentions) else { return Vec::new() };
        let shows = |seq: u64| seq.cast_signed() > m(&held) && held.is_unheld_place(seq.cast_signed());
        let listed = listed.iter().filter(|one| group_type != Some(GroupType::AvChatRoom) && shows(one.seq));
        listed.map(|one| (one.seq, one.at_type)).collect()
    }

    fn cleared_to(&self) -> i64 {
        self.cleared.reach.map_or(-1, |(through, _)| through)
    }

    /// R48: whether a message may stand behind the last that is held.
    pub fn last_is_older(&self, last: Option<i64>) -> bool {
        let Some(held) = self.held(Number::Unread) else { return false };
        let t = held.report.as_ref().map_or(0, |report| report.through);
        held.unheld(last.unwrap_or(-1).max(self.cleared_to()), t) > 0
    }

    /// R48: the gaps, the newest first, each with whether it touches the number of unread messages, where that is a lower bound.
    pub fn gaps(&self, bounded: bool) -> Vec<(i64, i64, bool)> {
        let Some(held) = self.held(Number::Unread) else { return Vec::new() };
        let m = m(&held);
        let mut gaps = held.gaps(self.cleared_to());
        gaps.reverse();
        gaps.into_iter().map(|(from, to)| (from, to, bounded && to > m)).collect()
    }

    /// R48: where the unread messages begin, given those that are held.
    pub fn begins(
        &self,
        counted: Option<(MessageId, i64)>,
        unread: Option<Interval>,
        bounded: bool,
    ) -> Option<Begins> {
        let message = counted.map(|(id, _)| Begins::Message(id));
        let (Some(held), Some(unread)) = (self.held(Number::Unread), unread) else { return message };
        let t = held.report.as_ref().map_or(0, |report| report.through);
        let m = m(&held).max(self.cleared_to());
        // Where a report contradicts what is held, a number is shown all the same, and what is held is what it begins with.
        if (unread.lo, unread.hi) == (0, 0) {
            return None;
        }
        let before = counted.map_or(t, |(_, first)| first.min(t));
        let gap = held.gaps(m).into_iter().next();
        match (message, gap) {
            (Some(message), _) if held.unheld(m, before) == 0 => Some(message),
            (_, Some((from, to))) => Some(Begins::Within(from, to, bounded)),
            (message, None) => message,
        }
    }
}

/// The facts that name each message.
pub type About<'a> = BTreeMap<MessageId, Vec<(&'a chatfold::Event, &'a Fact)>>;
