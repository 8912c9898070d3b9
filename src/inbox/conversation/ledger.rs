//! What the rules of partial histories count beside the messages that count (R46, R47): kept only where a report
//! stands, made anew from the facts wherever it is missing, and never the truth.

use std::sync::Arc;

use crate::inbox::conversation::report::Report;
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::facts::{Facts, Timeline};
use crate::inbox::timeline::order::contribution::Look as _;
use crate::model::event::{ReportedMention, ReportedMentions, UnreadReport};
use crate::model::id::{ConversationKind, MessageId};
use crate::model::time::Stamp;
use crate::register::canonical_form::hash_of_two;
use crate::register::plane::Plane;
use crate::register::runs::Runs;
use crate::register::summed::{Summary, Summed};

/// What the owner said that a ledger depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// The report that counts.
    pub(crate) report: &'a Report,
    /// The stretches that are complete.
    pub(crate) complete: &'a Runs,
    /// Reads and marks by message.
    pub(crate) reads: &'a im::OrdMap<u32, Stamp>,
    pub(crate) marks: &'a im::OrdMap<u32, Stamp>,
}

/// Which of a conversation's two numbers is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Unread,
    Mentions,
}

/// What is known of a message's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// No event introduces it.
    Unknown,
    /// It is targeted at others.
    Hidden,
    /// Its first field.
    Known(i64),
}

/// What was written of a message that changes one number, and when: which of it counts depends on the report's stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turns {
    /// When it left the number first: it would count, but for what was written then or later.
    left: Option<Stamp>,
    /// The server may not have counted it, because it is read by name, or no longer mentions anybody.
    is_off: bool,
    /// When it was last made to count again.
    back: Option<Stamp>,
}

impl Turns {
    /// Given whether it counts but for these: its earliest removal, and when it was switched on or off.
    fn of(counts: bool, removed: Option<Stamp>, switches: &[Option<(Stamp, bool)>]) -> Self {
        let switches = || switches.iter().copied().flatten();
        let stamps = |wanted: bool| switches().filter(move |(_, off)| *off == wanted).map(|(stamp, _)| stamp);
        let left = removed.into_iter().chain(stamps(true)).min().filter(|_| counts);
        Self { left, is_off: stamps(true).next().is_some(), back: stamps(false).max() }
    }

    /// What it adds to the sums of those that left, those that surely did, and those that may count again, each for all
    /// reports that are earlier than a stamp.
    fn weights(self) -> impl Iterator<Item = (Stamp, [i32; 3])> {
        let Self { left, is_off, back } = self;
        let leaves = left.map(|stamp| (stamp, [1, i32::from(!is_off), 0]));
        // It surely left only if the report saw it made to count again.
        let unsure = left.zip(back).filter(|_| !is_off).map(|(left, back)| (left.min(back), [0, -1, 0]));
        let back = back.map(|stamp| (stamp, [0, 0, 1]));
        leaves.into_iter().chain(unsure).chain(back)
    }
}

/// What the ledger has of one message of which more was said than its introduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Noted {
    place: Place,
    unread: Turns,
    mentions: Turns,
    /// The latest read and the latest mark that name it, while they wait for it.
    read: Option<Stamp>,
    mark: Option<Stamp>,
}

impl Noted {
    /// What there is to note of a message; `None` where nothing was said that is counted here.
    fn of(slot: u32, facts: &Facts, owner: Said<'_>) -> Option<Self> {
        let said = bits::PUT_AWAY | bits::RECALLED | bits::READ_SAID | bits::MENTIONS_EDITED | bits::NAMED;
        let entry = facts.arena.get(slot).filter(|entry| entry.has(said))?;
        let place = match (entry.bits & bits::CLASS, entry.has(bits::HIDDEN)) {
            (0, _) => Place::Unknown,
            (_, true) => Place::Hidden,
            _ => Place::Known(entry.first),
        };
        let removed = facts.removed_at(slot);
        let read = facts.arena.named_read(slot).and_then(|read| Some((read.stamp()?, *read.get()?)));
        let edited = edited_at(slot, &entry, facts);
        let delivered = matches!(place, Place::Known(_)) && entry.rank() == 0;
        let (unread, mentions) = if place == Place::Hidden {
            (Turns::default(), Turns::default())
        } else {
            let counts = place == Place::Unknown || delivered && counts_as_unread(&entry);
            let unread = Turns::of(counts, removed, &[read]);
            let counts = place == Place::Unknown || delivered && counts_as_mention(&entry);
            let mentions = match facts.kind {
                ConversationKind::Group => Turns::of(counts, removed, &[read, edited]),
                ConversationKind::Direct => Turns::default(),
            };
            (unread, mentions)
        };
        Some(Self {
            place,
            unread,
            mentions,
            read: owner.reads.get(&slot).copied().filter(|_| !delivered),
            mark: owner.marks.get(&slot).copied().filter(|_| !matches!(place, Place::Known(_))),
        })
    }
}

/// When an edit last said whom a message mentions, and whether that is neither the owner nor all.
fn edited_at(slot: u32, entry: &Entry, facts: &Facts) -> Option<(Stamp, bool)> {
    let aside = facts.aside(slot).filter(|_| entry.has(bits::MENTIONS_EDITED))?;
    let edit = aside.edits.as_deref()?.mentioned.as_deref()?;
    Some((edit.stamp, !entry.has(bits::EDITED_AT_ME | bits::EDITED_AT_ALL)))
}

/// Whether a delivered message counts as unread but for what was said of it later.
fn counts_as_unread(entry: &Entry) -> bool {
    !entry.has(bits::OWN | bits::ONLINE_ONLY | bits::EXCLUDED_FROM_UNREAD | bits::TARGETED)
}

/// Whether a delivered message may mention the owner but for what was said of it later.
fn counts_as_mention(entry: &Entry) -> bool {
    let may = entry.has(bits::AT_ME | bits::AT_ALL | bits::MENTIONS_EDITED);
    may && !entry.has(bits::OWN | bits::ONLINE_ONLY)
}

/// The place of what is unknown in the plane: before all others.
const UNKNOWN: i64 = i64::MIN;

/// The sum of the hashes of some reported mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signature(pub(crate) u64);

impl Summary<i64, u8> for Signature {
    fn of(seq: &i64, at_type: &u8) -> Self {
        Self(hash_of_two(*seq, (*at_type).into()))
    }

    fn followed_by(&self, later: &Self) -> Self {
        Self(self.0.wrapping_add(later.0))
    }
}

/// What is counted beside the messages that count.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    /// What the report said that it is kept for, and when.
    said: Arc<UnreadReport>,
    since: Stamp,
    /// The first fields at which nothing can be that is not held: complete stretches, and in a group the seqs of
    /// delivered messages.
    held: Runs,
    /// What the report lists that is not held, by seq.
    entries: Summed<i64, u8, Signature>,
    noted: im::OrdMap<u32, Noted>,
    /// What left the numbers or may count again, by first field and stamp: of unread messages and of mentions those that
    /// left, those that surely did, and those that may count again.
    turns: Plane<6>,
    /// The reads and marks that wait for their messages.
    reads: im::OrdSet<(Stamp, u32)>,
    marks: im::OrdSet<(Stamp, u32)>,
}

impl Ledger {
    /// The ledger of a conversation. Complexity: its messages are looked at.
    pub(crate) fn of(timeline: &Timeline, owner: Said<'_>) -> Self {
        let (facts, report) = (&timeline.facts, owner.report);
        let mut ledger = Self {
            said: Arc::clone(&report.said),
            since: report.stamp,
            held: owner.complete.clone(),
            entries: Summed::default(),
            noted: im::OrdMap::new(),
            turns: Plane::default(),
            reads: im::OrdSet::new(),
            marks: im::OrdSet::new(),
        };
        for (slot, entry) in facts.arena.iter() {
            ledger.write(slot, Noted::of(slot, facts, owner));
            if facts.kind == ConversationKind::Group && entry.is_known() && entry.rank() == 0 {
                ledger.held.add(entry.first, entry.first);
            }
        }
        ledger.list(report);
        ledger
    }

    /// Takes over what the report lists of what is not held.
    fn list(&mut self, report: &Report) {
        self.entries = Summed::default();
        let listed = listed(report).iter().map(|one| (one.seq.cast_signed(), one.at_type));
        for (seq, at_type) in listed.filter(|(seq, _)| !self.held.contains(*seq)) {
            self.entries.insert(seq, at_type);
        }
    }

    /// Another report counts from now on. Complexity: what it lists.
    pub(crate) fn follow(&mut self, report: &Report) {
        (self.said, self.since) = (Arc::clone(&report.said), report.stamp);
        self.list(report);
    }

    /// Every message of a stretch is held, as somebody said.
    pub(crate) fn complete(&mut self, first: i64, last: i64) {
        self.held.add(first, last);
        while let Some(seq) = self.entries.first_behind(|seq| *seq >= first).map(|(seq, _)| *seq)
            && seq <= last
        {
            self.entries.remove(&seq);
        }
    }

    /// Takes note of what a message is now; it stood at `before`, and the order is up to date.
    pub(crate) fn note(&mut self, slot: u32, before: Option<Position>, timeline: &Timeline, owner: Said<'_>) {
        let facts = &timeline.facts;
        self.write(slot, Noted::of(slot, facts, owner));
        let now = facts.contribution(slot).position;
        if facts.kind == ConversationKind::Group && before != now {
            for place in [before, now].into_iter().flatten().filter(|place| place.rank == 0) {
                self.note_place(place.first, timeline, owner);
            }
        }
    }

    /// Takes note of whether a place is held.
    fn note_place(&mut self, first: i64, timeline: &Timeline, owner: Said<'_>) {
        let begin = Position { first, rank: 0, second: i64::MIN, id: MessageId::from_bytes([0; 16]) };
        let at = timeline.order.iter().flat_map(|order| order.forwards(Some(begin), &timeline.facts)).next();
        let delivered = at.map(|slot| timeline.facts.position(slot));
        let delivered = delivered.is_some_and(|position| position.first == first && position.rank == 0);
        if delivered || owner.complete.contains(first) {
            self.complete(first, first);
            return;
        }
        self.held.take_out(first);
        let listed = listed(owner.report);
        let found = listed.binary_search_by_key(&first, |one| one.seq.cast_signed());
        if let Some(one) = found.ok().and_then(|at| listed.get(at)) {
            self.entries.insert(first, one.at_type);
        }
    }

    /// Puts what there is to note of a message in the place of what was noted.
    fn write(&mut self, slot: u32, new: Option<Noted>) {
        let old = self.noted.get(&slot).copied();
        if old == new {
            return;
        }
        for (noted, is_in) in [(old, false), (new, true)] {
            let Some(Noted { place, unread, mentions, read, mark }) = noted else { continue };
            let first = match place {
                Place::Hidden => None,
                Place::Unknown => Some(UNKNOWN),
                Place::Known(first) => Some(first),
            };
            let sign = if is_in { 1 } else { -1 };
            for (at, turns) in [(0, unread), (3, mentions)] {
                for (stamp, weights) in first.map(|_| turns.weights()).into_iter().flatten() {
                    let mut all = [0; 6];
                    all.iter_mut().skip(at).zip(weights).for_each(|(all, weight)| *all = sign * weight);
                    self.turns.add(first.unwrap_or(UNKNOWN), stamp, all);
                }
            }
            let change = |set: &mut im::OrdSet<(Stamp, u32)>, stamp: Stamp| {
                if is_in {
                    set.insert((stamp, slot))
                } else {
                    set.remove(&(stamp, slot))
                };
            };
            read.into_iter().for_each(|stamp| change(&mut self.reads, stamp));
            mark.into_iter().for_each(|stamp| change(&mut self.marks, stamp));
        }
        match new {
            Some(new) => self.noted.insert(slot, new),
            None => self.noted.remove(&slot),
        };
    }
}

/// The mentions that a report lists, by seq.
fn listed(report: &Report) -> &[ReportedMention] {
    match &report.said.mentions {
        Some(ReportedMentions::At(listed)) => listed,
        _ => &[],
    }
}

/// What the rules ask: each O(log n).
impl Ledger {
    /// Whether it is kept for this report.
    pub(crate) fn is_for(&self, report: &Report) -> bool {
        Arc::ptr_eq(&self.said, &report.said)
    }

    /// How many messages, unknown or up to a first field, left a number since the report, surely did, and may count again.
    fn turned(&self, number: Number, through: i64) -> [i64; 3] {
        let [left, surely, back, left_mentions, surely_mentions, back_mentions] =
            self.turns.sum(through, self.since);
        match number {
            Number::Unread => [left, surely, back],
            Number::Mentions => [left_mentions, surely_mentions, back_mentions],
        }
        .map(i64::from)
    }

    /// The same of known ones that stand after a first field.
    fn turned_within(&self, number: Number, after: i64, through: i64) -> [i64; 3] {
        if after.max(0) >= through {
            return [0; 3];
        }
        let (before, all) = (self.turned(number, after.max(0)), self.turned(number, through));
        std::array::from_fn(|at| all.get(at).unwrap_or(&0) - before.get(at).unwrap_or(&0))
    }

    /// Where nothing can be that is not held.
    pub(crate) fn held(&self) -> &Runs {
        &self.held
    }

    /// How many known messages of a stretch left the number since the report: d.
    pub(crate) fn left(&self, number: Number, after: i64, through: i64) -> i64 {
        let [left, ..] = self.turned_within(number, after, through);
        left
    }

    /// How many of these the server surely counted: d′.
    pub(crate) fn surely_left(&self, number: Number, after: i64, through: i64) -> i64 {
        let [_, surely, _] = self.turned_within(number, after, through);
        surely
    }

    /// How many unknown messages left it: w.
    pub(crate) fn waiting(&self, number: Number) -> i64 {
        let [left, ..] = self.turned(number, UNKNOWN);
        left
    }

    /// How many messages, unknown or up to a first field, may count again: o.
    pub(crate) fn back(&self, number: Number, through: i64) -> i64 {
        let [.., back] = self.turned(number, through);
        back
    }

    /// How many of these are unknown.
    pub(crate) fn waiting_back(&self, number: Number) -> i64 {
        let [.., back] = self.turned(number, UNKNOWN);
        back
    }

    /// How many listed mentions after a seq are not held: E.
    pub(crate) fn entries_after(&self, seq: i64) -> i64 {
        i64::from(self.entries.len() - self.entries.count_before(|at| *at > seq))
    }

    /// The listed mentions after a seq that are not held, the first first: seq and type.
    pub(crate) fn listed_after(&self, seq: i64) -> Vec<(i64, u8)> {
        let mut after: Vec<_> = self
            .entries
            .backwards()
            .take_while(|(at, _)| **at > seq)
            .map(|(at, at_type)| (*at, *at_type))
            .collect();
        after.reverse();
        after
    }

    /// What tells these apart from others: 0 for none.
    pub(crate) fn listed_signature(&self, seq: i64) -> u64 {
        self.entries.behind(|at| *at > seq).map_or(0, |Signature(sum)| sum)
    }

    /// The latest read that waits for its message, if it was written since the report.
    pub(crate) fn latest_waiting_read(&self) -> Option<Stamp> {
        self.reads.get_max().map(|(stamp, _)| *stamp).filter(|stamp| *stamp > self.since)
    }

    /// The latest mark that waits for its message, likewise.
    pub(crate) fn latest_waiting_mark(&self) -> Option<Stamp> {
        self.marks.get_max().map(|(stamp, _)| *stamp).filter(|stamp| *stamp > self.since)
    }

    /// The slots of the reads and marks that wait since the report.
    pub(crate) fn waiting_names(&self) -> impl Iterator<Item = (Stamp, u32)> + '_ {
        let since = self.since;
        let later =
            move |set: &im::OrdSet<(Stamp, u32)>| set.range((since, u32::MAX)..).copied().collect::<Vec<_>>();
        later(&self.reads).into_iter().chain(later(&self.marks))
    }

    /// The slots of what left a number since the report: known ones of a stretch, and unknown ones. Complexity: all that is
    /// noted is looked at.
    pub(crate) fn left_slots(&self, number: Number, after: i64, through: i64) -> (Vec<u32>, Vec<u32>) {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for (slot, noted) in &self.noted {
            let turns = match number {
                Number::Unread => noted.unread,
                Number::Mentions => noted.mentions,
            };
            if turns.left <= Some(self.since) {
                continue;
            }
            match noted.place {
                Place::Unknown => unknown.push(*slot),
                Place::Known(first) if first > after.max(0) && first <= through => known.push(*slot),
                Place::Known(_) | Place::Hidden => {}
            }
        }
        (known, unknown)
    }
}
