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
use crate::register::runs::Runs;
use crate::register::summed::{Counted, Summary, Summed};

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

/// What was written of a message since the report, as far as it concerns one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    /// It would count, and all that keeps it from that was written since.
    left: bool,
    /// The same, and the server surely counted it.
    surely_left: bool,
    /// It may count again.
    back: bool,
}

impl Standing {
    /// Given whether it counts but for these: its earliest removal, and when it was switched on or off.
    fn of(counts: bool, removed: Option<Stamp>, switches: &[Option<(Stamp, bool)>], since: Stamp) -> Self {
        let switches = || switches.iter().copied().flatten();
        let is_off = switches().any(|(_, off)| off);
        let back = switches().any(|(stamp, off)| !off && stamp > since);
        let off = switches().filter(|(_, off)| *off).map(|(stamp, _)| stamp);
        let earliest = removed.into_iter().chain(off).min();
        let left = counts && earliest.is_some_and(|stamp| stamp > since);
        Self { left, surely_left: left && !is_off && !back, back }
    }
}

/// What the ledger has of one message of which more was said than its introduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Noted {
    place: Place,
    /// When it was removed, read by name, and when its mentions were edited.
    stamps: [Option<Stamp>; 3],
    unread: Standing,
    mentions: Standing,
    /// The latest read and the latest mark that name it, while they wait for it.
    read: Option<Stamp>,
    mark: Option<Stamp>,
}

impl Noted {
    /// What there is to note of a message; `None` where nothing was said that is counted here.
    fn of(slot: u32, facts: &Facts, owner: Said<'_>, since: Stamp) -> Option<Self> {
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
            (Standing::default(), Standing::default())
        } else {
            let counts = place == Place::Unknown || delivered && counts_as_unread(&entry);
            let unread = Standing::of(counts, removed, &[read], since);
            let counts = place == Place::Unknown || delivered && counts_as_mention(&entry);
            let in_group = facts.kind == ConversationKind::Group;
            let mentions = match in_group {
                true => Standing::of(counts, removed, &[read, edited], since),
                false => Standing::default(),
            };
            (unread, mentions)
        };
        Some(Self {
            place,
            stamps: [removed, read.map(|(stamp, _)| stamp), edited.map(|(stamp, _)| stamp)],
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

/// Messages by first field and slot.
type Placed = Counted<(i64, u32)>;

/// How many of them stand after one first field, itself at least 0, and up to another.
fn count(placed: &Placed, after: i64, through: i64) -> i64 {
    let up_to = |first: i64| i64::from(placed.count_before(|(at, _)| *at > first));
    if after.max(0) >= through { 0 } else { up_to(through) - up_to(after.max(0)) }
}

/// The messages whose standing concerns one number.
#[derive(Clone, Debug, Default)]
struct Since {
    left: Placed,
    surely_left: Placed,
    back: Placed,
    /// How many unknown ones left, and how many of them may count again.
    waiting: u32,
    waiting_back: u32,
}

impl Since {
    fn change(&mut self, slot: u32, place: Place, standing: Standing, is_in: bool) {
        let Standing { left, surely_left, back } = standing;
        match place {
            Place::Hidden => {}
            Place::Unknown => {
                let changed = |count: u32, by: bool| match is_in {
                    true => count + u32::from(by),
                    false => count.saturating_sub(u32::from(by)),
                };
                self.waiting = changed(self.waiting, left);
                self.waiting_back = changed(self.waiting_back, back);
            }
            Place::Known(first) => {
                let sets =
                    [(&mut self.left, left), (&mut self.surely_left, surely_left), (&mut self.back, back)];
                for (set, _) in sets.into_iter().filter(|(_, holds)| *holds) {
                    match is_in {
                        true => set.insert((first, slot), ()),
                        false => set.remove(&(first, slot)),
                    }
                }
            }
        }
    }
}

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
    /// All stamps of those noted, so that another report finds those whose standing it changes.
    stamps: im::OrdSet<(Stamp, u32)>,
    unread: Since,
    mentions: Since,
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
            stamps: im::OrdSet::new(),
            unread: Since::default(),
            mentions: Since::default(),
            reads: im::OrdSet::new(),
            marks: im::OrdSet::new(),
        };
        for (slot, entry) in facts.arena.iter() {
            ledger.write(slot, Noted::of(slot, facts, owner, report.stamp));
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

    /// Another report counts from now on. Complexity: what was written between the stamps of the two is looked at.
    pub(crate) fn follow(&mut self, facts: &Facts, owner: Said<'_>) {
        let report = owner.report;
        let (from, to) = (self.since.min(report.stamp), self.since.max(report.stamp));
        (self.said, self.since) = (Arc::clone(&report.said), report.stamp);
        let between = self.stamps.range((from, 0)..=(to, u32::MAX));
        let mut slots: Vec<u32> = between.map(|(_, slot)| *slot).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            self.write(slot, Noted::of(slot, facts, owner, self.since));
        }
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
        self.write(slot, Noted::of(slot, facts, owner, self.since));
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
            let Some(Noted { place, stamps, unread, mentions, read, mark }) = noted else { continue };
            self.unread.change(slot, place, unread, is_in);
            self.mentions.change(slot, place, mentions, is_in);
            let change = |set: &mut im::OrdSet<(Stamp, u32)>, stamp: Stamp| {
                if is_in {
                    set.insert((stamp, slot))
                } else {
                    set.remove(&(stamp, slot))
                };
            };
            stamps.into_iter().flatten().for_each(|stamp| change(&mut self.stamps, stamp));
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

    fn of_number(&self, number: Number) -> &Since {
        match number {
            Number::Unread => &self.unread,
            Number::Mentions => &self.mentions,
        }
    }

    /// Where nothing can be that is not held.
    pub(crate) fn held(&self) -> &Runs {
        &self.held
    }

    /// How many known messages of a stretch left the number since the report: d.
    pub(crate) fn left(&self, number: Number, after: i64, through: i64) -> i64 {
        count(&self.of_number(number).left, after, through)
    }

    /// How many of these the server surely counted: d′.
    pub(crate) fn surely_left(&self, number: Number, after: i64, through: i64) -> i64 {
        count(&self.of_number(number).surely_left, after, through)
    }

    /// How many unknown messages left it: w.
    pub(crate) fn waiting(&self, number: Number) -> i64 {
        self.of_number(number).waiting.into()
    }

    /// How many messages, unknown or up to a first field, may count again: o.
    pub(crate) fn back(&self, number: Number, through: i64) -> i64 {
        let since = self.of_number(number);
        i64::from(since.back.count_before(|(first, _)| *first > through)) + i64::from(since.waiting_back)
    }

    /// How many of these are unknown.
    pub(crate) fn waiting_back(&self, number: Number) -> i64 {
        self.of_number(number).waiting_back.into()
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

    /// The slots of what left a number since the report: known ones of a stretch, and unknown ones.
    pub(crate) fn left_slots(&self, number: Number, after: i64, through: i64) -> (Vec<u32>, Vec<u32>) {
        let known = self.of_number(number).left.backwards_from(|(first, _)| *first > through);
        let known = known.take_while(|((first, _), ())| *first > after.max(0));
        let waits = |noted: &Noted| match number {
            Number::Unread => noted.unread.left,
            Number::Mentions => noted.mentions.left,
        };
        let unknown = self.noted.iter().filter(|(_, noted)| noted.place == Place::Unknown && waits(noted));
        (known.map(|((_, slot), ())| *slot).collect(), unknown.map(|(slot, _)| *slot).collect())
    }
}
