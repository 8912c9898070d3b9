//! The shared facts about a conversation's messages: who wrote what where, and what became of it.

use std::cmp::Ordering;
use std::ops::Range;

use crate::inbox::containers::interner::Interner;
use crate::inbox::effects::Class;
use crate::inbox::timeline::arena::Arena;
use crate::inbox::timeline::chunk::Entries;
use crate::inbox::timeline::content::Content;
use crate::inbox::timeline::entry::{Entry, Position, bits, timestamp};
use crate::inbox::timeline::id_index::{self, Index};
use crate::inbox::timeline::introduction::Introduction;
use crate::inbox::timeline::order::build::Builder;
use crate::inbox::timeline::order::contribution::{Contribution, Look};
use crate::inbox::timeline::order::tree::Order;
use crate::inbox::timeline::rare_facts::{
    Activity, Aside, Delivery, Edits, Introduced, ReasonText, RecallFact, SentFact, Social,
};
use crate::model::event::Edit;
use crate::model::id::{ConversationKind, MessageId, UserId};
use crate::model::time::Stamp;

/// Histories of so few messages have no index: looking at every one is as fast.
const FEW: usize = 16;

/// Entries, the way from id to slot, and the rare facts aside: the truth about messages.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) kind: ConversationKind,
    pub(crate) arena: Arena,
    pub(crate) index: Index,
    /// The messages pinned in the group.
    pub(crate) pinned: im::OrdSet<u32>,
}

/// The slot of a message that an event introduces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pushed {
    /// Some fact named it before; the introduction is still to be joined.
    Known(u32),
    /// It took this slot.
    New(u32),
}

/// The facts and, once they are indexed, their order.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) facts: Facts,
    /// Absent in a bulk replay, which builds it once at the end.
    pub(crate) order: Option<Order>,
}

impl Timeline {
    /// Lets go of what was loaded from a snapshot and not written.
    pub(crate) fn release(&mut self) {
        self.facts.arena.full.release();
        self.facts.arena.tail.release(|_| {});
        self.facts.index.release();
        if let Some(order) = &mut self.order {
            order.release();
        }
    }
}

impl Facts {
    pub(crate) fn slot(&self, id: MessageId) -> Option<u32> {
        if self.index.is_empty() && self.arena.full.len() == 0 {
            let entries = &self.arena.tail.get().entries;
            return (0..entries.len()).find(|at| entries.id(*at) == Some(id)).map(|at| at as u32);
        }
        self.index.find(id, |slot| self.arena.id(slot))
    }

    /// The slot of a message, known or not.
    pub(crate) fn slot_or_new(&mut self, id: MessageId) -> u32 {
        if !self.index.is_empty() {
            let Self { arena, index, .. } = self;
            let known = index.find_or_insert(id, arena.len() as u32, |slot| arena.id(slot));
            return known.unwrap_or_else(|| arena.push_unknown(id));
        }
        self.slot(id).unwrap_or_else(|| {
            let slot = self.arena.push_unknown(id);
            self.index_slot(id, slot);
            slot
        })
    }

    /// Notes where a message lies whose slot was just made.
    fn index_slot(&mut self, id: MessageId, slot: u32) {
        if !self.index.is_empty() {
            let Self { arena, index, .. } = self;
            index.insert(id, slot, |slot| arena.id(slot));
        } else if slot as usize >= FEW {
            self.index_all();
        }
    }

    /// Makes an index of what is there, if that is not found faster without one.
    pub(crate) fn index_all(&mut self) {
        if self.arena.len() <= FEW {
            return;
        }
        let Self { arena, index, .. } = self;
        for (slot, entry) in arena.iter() {
            // Of several slots of one message the first has it.
            index.find_or_insert(entry.id, slot, |slot| arena.id(slot));
        }
    }

    pub(crate) fn aside(&self, slot: u32) -> Option<&Aside> {
        let has = self.arena.get(slot)?.has(bits::ASIDE);
        if has { self.arena.aside(slot) } else { None }
    }

    /// Changes what lies aside of a message.
    pub(crate) fn change_aside(&mut self, slot: u32, change: impl FnOnce(&mut Aside)) {
        self.set_bit(slot, bits::ASIDE);
        if let Some(aside) = self.arena.aside_mut(slot) {
            change(aside);
        }
    }

    pub(crate) fn delivery(&self, slot: u32) -> Option<&Delivery> {
        self.aside(slot)?.delivery.as_deref()
    }

    pub(crate) fn change_social(&mut self, slot: u32, change: impl FnOnce(&mut Social)) {
        self.change_aside(slot, |aside| change(aside.social.get_or_insert_default()));
    }

    /// The message was pinned in its group, or unpinned.
    pub(crate) fn pin(&mut self, slot: u32, stamp: Stamp, on: bool) {
        self.change_social(slot, |social| {
            social.pinned.set(stamp, on);
        });
        self.note_pin(slot);
    }

    /// Carries whether a message is pinned over to the set of those that are.
    pub(crate) fn note_pin(&mut self, slot: u32) {
        let social = self.aside(slot).and_then(|aside| aside.social.as_deref());
        if social.is_some_and(|social| social.pinned.get() == Some(&true)) {
            self.pinned.insert(slot);
        } else {
            self.pinned.remove(&slot);
        }
    }

    pub(crate) fn content(&self, slot: u32) -> Content<'_> {
        self.arena.content(slot)
    }

    /// The time of an entry's position.
    pub(crate) fn time(&self, entry: &Entry) -> i64 {
        match self.kind {
            ConversationKind::Direct => entry.first,
            ConversationKind::Group => entry.second,
        }
    }

    /// The seq of an entry's position, 0 if absent.
    pub(crate) fn seq(&self, entry: &Entry) -> i64 {
        match self.kind {
            ConversationKind::Direct => entry.second,
            ConversationKind::Group => entry.first,
        }
    }

    pub(crate) fn fields(&self, time: i64, seq: i64) -> (i64, i64) {
        fields(self.kind, time, seq)
    }

    /// The introduction's own time and seq, wherever an acknowledgement placed the message.
    pub(crate) fn introduction(&self, slot: u32, entry: &Entry) -> (i64, i64) {
        let aside = if entry.has(bits::ACKNOWLEDGED) { self.delivery(slot) } else { None };
        aside.and_then(|d| d.introduction).unwrap_or_else(|| (self.time(entry), self.seq(entry)))
    }

    /// The stamp of the introduction that counts.
    pub(crate) fn stamp(&self, slot: u32, entry: &Entry) -> Stamp {
        Stamp::new(timestamp(self.introduction(slot, entry).0), entry.event)
    }

    /// What the entry alone says of its delivery.
    fn introduced(&self, slot: u32, entry: &Entry) -> Introduced {
        let stamp = self.stamp(slot, entry);
        let active = !entry.has(bits::ONLINE_ONLY | bits::EXCLUDED_FROM_LAST);
        let activity = active.then_some((stamp.at.as_millis(), stamp.event));
        match entry.class() {
            Class::Unknown => Introduced::default(),
            Class::Queued => {
                Introduced { queued: activity, last_queued: Some(stamp), ..Introduced::default() }
            }
            class => Introduced {
                received: class == Class::Received,
                introduced: activity,
                ..Introduced::default()
            },
        }
    }

    /// The latest queueing, while the message is neither received nor sent.
    pub(crate) fn last_queued(&self, slot: u32, entry: &Entry) -> Option<Stamp> {
        let own = self.introduced(slot, entry).last_queued;
        own.max(self.delivery(slot).and_then(|d| d.last_queued))
    }

    /// Everything by which a known message moves its conversation (R35).
    pub(crate) fn activity(&self, slot: u32, entry: &Entry) -> Option<Activity> {
        let own = self.introduced(slot, entry);
        let Some(delivery) = self.delivery(slot) else { return own.introduced.max(own.queued) };
        let mut activity = own.introduced.max(delivery.introduced);
        if entry.rank() != 0 {
            activity = activity.max(own.queued).max(delivery.queued);
        }
        if !entry.has(bits::ONLINE_ONLY | bits::EXCLUDED_FROM_LAST) {
            activity = activity.max(delivery.sent_activity);
        }
        activity
    }

    /// All activities of the message's receptions and imports, and of its queueings.
    pub(crate) fn activities(&self, slot: u32, entry: &Entry) -> (Option<Activity>, Option<Activity>) {
        let own = self.introduced(slot, entry);
        let delivery = self.delivery(slot);
        let introduced = own.introduced.max(delivery.and_then(|d| d.introduced));
        let queued = own.queued.max(delivery.and_then(|d| d.queued));
        (introduced, if entry.rank() == 0 { None } else { queued })
    }

    /// Adds an introduction of the message at `slot` (R15): the greatest class counts, of it the earliest.
    pub(crate) fn introduce(&mut self, slot: u32, intro: &Introduction<'_>, users: &Interner<UserId>) {
        // A corrupt part of a snapshot stands here without its entries (R99).
        let Some(entry) = self.arena.get(slot) else { return };
        let (old_at, old_seq) = self.introduction(slot, &entry);
        let old_stamp = Stamp::new(timestamp(old_at), entry.event);
        let same_stamp = || self.compare_values(slot, old_seq, intro, users);
        let wins =
            match intro.class.cmp(&entry.class()).then(old_stamp.cmp(&intro.stamp)).then_with(same_stamp) {
                Ordering::Equal => return,
                order => order.is_gt(),
            };
        let old = self.introduced(slot, &entry);
        let mut delivery = self.delivery(slot).cloned().unwrap_or_default();
        let activity = intro.is_active().then_some((intro.stamp.at.as_millis(), intro.stamp.event));
        delivery.introduced = delivery.introduced.max(old.introduced);
        delivery.queued = delivery.queued.max(old.queued);
        delivery.last_queued = delivery.last_queued.max(old.last_queued);
        if intro.class == Class::Queued {
            delivery.queued = delivery.queued.max(activity);
            delivery.last_queued = delivery.last_queued.max(Some(intro.stamp));
        } else {
            delivery.introduced = delivery.introduced.max(activity);
        }
        if wins {
            let at = intro.stamp.at.as_millis();
            let (first, second) = self.fields(at, intro.seq());
            self.arena.introduce(slot, intro, first, second);
            if self.aside(slot).is_some_and(|aside| aside.edits.is_some()) {
                self.change_aside(slot, |aside| {
                    aside.edits.as_deref_mut().into_iter().for_each(Edits::forget_originals);
                });
            }
            delivery.introduction = None;
        }
        self.place(slot, delivery);
    }

    /// How `intro` compares with the one that counts where class and stamp are equal (R07).
    fn compare_values(
        &self,
        slot: u32,
        old_seq: i64,
        intro: &Introduction<'_>,
        users: &Interner<UserId>,
    ) -> Ordering {
        // A corrupt part of a snapshot stands here without its entries (R99).
        let Some(entry) = self.arena.get(slot) else { return Ordering::Equal };
        let message = intro.message;
        // What is first in the order of messages is compared where it lies: a long text is not copied to be told from a
        // short one.
        let old_seq_said = entry.has(bits::HAS_SEQ).then(|| old_seq.unsigned_abs());
        let content = self.arena.raw_text(slot);
        let first = (message.seq, message.kind).cmp(&(old_seq_said, entry.kind()));
        let first = first.then_with(|| message.text.as_deref().map(str::as_bytes).cmp(&content));
        first.then_with(|| {
            let old = self.arena.message(slot, old_seq);
            (message, users.name(intro.author)).cmp(&(&old, users.name(entry.author)))
        })
    }

    /// The server acknowledged the message.
    pub(crate) fn acknowledge(&mut self, slot: u32, stamp: Stamp, fact: SentFact) {
        let mut delivery = self.delivery(slot).cloned().unwrap_or_default();
        delivery.sent.set(stamp, fact);
        delivery.sent_activity = delivery.sent_activity.max(Some((fact.sent_at, stamp.event)));
        self.place(slot, delivery);
    }

    /// Sending the message failed.
    pub(crate) fn fail(&mut self, slot: u32, stamp: Stamp, reason: Option<ReasonText>) {
        let mut delivery = self.delivery(slot).cloned().unwrap_or_default();
        delivery.failed.set(stamp, reason);
        self.place(slot, delivery);
    }

    /// Puts the message where its introduction and its acknowledgement say, and keeps `delivery`.
    pub(crate) fn place(&mut self, slot: u32, mut delivery: Delivery) {
        // A corrupt part of a snapshot stands here without its entries (R99).
        let Some(mut entry) = self.arena.get(slot) else { return };
        let (at, seq) = delivery.introduction.unwrap_or_else(|| {
            if entry.has(bits::ACKNOWLEDGED) {
                self.introduction(slot, &entry)
            } else {
                (self.time(&entry), self.seq(&entry))
            }
        });
        let placed = matches!(entry.class(), Class::Queued | Class::Imported);
        let sent = delivery.sent.entry().map(|(_, sent)| *sent).filter(|_| placed);
        let (time, new_seq) = match sent {
            Some(sent) => (sent.sent_at, sent.seq.map_or(seq, |seq| i64::try_from(seq).unwrap_or(i64::MAX))),
            None => (at, seq),
        };
        (entry.first, entry.second) = self.fields(time, new_seq);
        entry.bits &= !bits::ACKNOWLEDGED;
        delivery.introduction = None;
        if sent.is_some() {
            entry.bits |= bits::ACKNOWLEDGED;
            delivery.introduction = Some((at, seq));
        }
        // The introduction's stamp is asked of the delivery aside, so that goes first.
        self.arena.update(slot, |e| *e = entry);
        if delivery.introduction.is_some() {
            self.change_aside(slot, |aside| aside.delivery = Some(Box::new(delivery.clone())));
        }
        delivery.normalise(&self.introduced(slot, &entry));
        if !delivery.is_empty() {
            self.change_aside(slot, |aside| aside.delivery = Some(Box::new(delivery)));
        } else if self.delivery(slot).is_some() {
            self.change_aside(slot, |aside| aside.delivery = None);
        }
    }

    /// The message was recalled.
    pub(crate) fn recall(&mut self, slot: u32, stamp: Stamp, fact: RecallFact) {
        self.set_bit(slot, bits::RECALLED);
        self.change_aside(slot, |aside| {
            aside.recall.get_or_insert_default().set(stamp, fact);
        });
    }

    /// The message's content was edited.
    pub(crate) fn edit(&mut self, slot: u32, stamp: Stamp, edit: &Edit, owner: &UserId) {
        let mut mentions_changed = false;
        self.change_aside(slot, |aside| {
            mentions_changed = aside.edits.get_or_insert_default().add(stamp, edit);
        });
        if mentions_changed {
            self.note_mentions(slot, owner);
        }
    }

    /// Carries whom the edits of a message mention over to its bits.
    pub(crate) fn note_mentions(&mut self, slot: u32, owner: &UserId) {
        let edits = self.aside(slot).and_then(|aside| aside.edits.as_deref());
        let Some(mentions) = edits.and_then(Edits::mentions) else { return };
        let mut bits = bits::MENTIONS_EDITED;
        if mentions.users.contains(owner) {
            bits |= bits::EDITED_AT_ME;
        }
        if mentions.all {
            bits |= bits::EDITED_AT_ALL;
        }
        self.put_bits(slot, bits::MENTIONS_EDITED | bits::EDITED_AT_ME | bits::EDITED_AT_ALL, bits);
    }

    pub(crate) fn set_bit(&mut self, slot: u32, bit: u32) {
        self.put_bits(slot, bit, bit);
    }

    /// Of these bits, leaves set those of `bits`.
    pub(crate) fn put_bits(&mut self, slot: u32, of: u32, bits: u32) {
        if self.arena.get(slot).is_some_and(|e| e.bits & of != bits) {
            self.arena.update(slot, |e| e.bits = e.bits & !of | bits);
        }
    }

    /// The first field of a message that a read may name: known, with rank 0.
    pub(crate) fn read_target(&self, slot: u32) -> Option<i64> {
        self.arena.get(slot).filter(|e| e.is_known() && e.rank() == 0).map(|e| e.first)
    }

    /// The first field of a known message.
    pub(crate) fn known_first(&self, slot: u32) -> Option<i64> {
        self.arena.get(slot).filter(|e| e.is_known()).map(|e| e.first)
    }

    /// Adds a message, unless somebody mentioned it before: the path nearly every event takes.
    pub(crate) fn slot_or_push(&mut self, intro: &Introduction<'_>) -> Pushed {
        let (id, next) = (intro.message.id, self.arena.len() as u32);
        let arena = &self.arena;
        let is_few = self.index.is_empty();
        let known =
            if is_few { self.slot(id) } else { self.index.find_or_insert(id, next, |slot| arena.id(slot)) };
        if let Some(slot) = known {
            return Pushed::Known(slot);
        }
        self.arena.push_introduced(intro, self.fields(intro.stamp.at.as_millis(), intro.seq()));
        if is_few {
            self.index_slot(id, next);
        }
        Pushed::New(next)
    }

    /// Indexes all messages at once, after a bulk replay pushed every introduction to a slot of its own:
    /// where several introduce one message, the first slot takes them all.
    pub(crate) fn build_index(&mut self, users: &Interner<UserId>) {
        let mut hashes = Vec::with_capacity(self.arena.len());
        self.arena.runs().for_each(|(_, entries)| hash_ids(entries, &mut hashes));
        self.build_index_of(&hashes, users);
    }

    /// The same, given the hashes of the ids by slot.
    pub(crate) fn build_index_of(&mut self, hashes: &[u32], users: &Interner<UserId>) {
        let id = |slot| self.arena.id(slot);
        let mut doubles = Vec::new();
        if hashes.len() > FEW {
            (self.index, doubles) = Index::of(hashes, id);
        } else {
            Index::doubles_of_few(hashes, id, &mut doubles);
        }
        for (slot, double) in doubles {
            if !self.arena.is_same(slot, double)
                && let Some(entry) = self.arena.get(double)
            {
                let message = self.arena.message(double, self.seq(&entry));
                let intro = Introduction {
                    class: entry.class(),
                    stamp: self.stamp(double, &entry),
                    author: entry.author,
                    message: &message,
                    viewer_bits: entry.bits & bits::VIEWER,
                };
                self.introduce(slot, &intro, users);
            }
            self.arena.update(double, |e| e.bits = 0);
        }
    }
}

impl Facts {
    /// What a known message adds to the totals.
    #[inline]
    pub(crate) fn contribution_of(&self, slot: u32, entry: &Entry) -> Contribution {
        if entry.is_ordinary() {
            let position = Position { first: entry.first, rank: 0, second: entry.second, id: entry.id };
            return Contribution::ordinary(position, entry.has(bits::OWN), self.time(entry));
        }
        self.odd_share_of(slot, entry)
    }

    /// The same, whatever the message is.
    fn odd_share_of(&self, slot: u32, entry: &Entry) -> Contribution {
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        let position = entry.position();
        let gone = bits::DELETED | bits::RECALLED | bits::ONLINE_ONLY | bits::CLEARED | bits::UNLISTED;
        let counts = position.rank == 0 && !entry.has(bits::OWN | bits::READ | gone);
        let in_group = self.kind == ConversationKind::Group;
        let (at_me, at_all) = entry.mentions();
        let mention = counts && in_group && (at_me || at_all);
        let unseen = bits::DELETED | bits::CLEARED | bits::ONLINE_ONLY | bits::EXCLUDED_FROM_LAST;
        let flags =
            flag(counts && !entry.has(bits::EXCLUDED_FROM_UNREAD | bits::TARGETED), Contribution::UNREAD)
                | flag(mention, Contribution::MENTION)
                | flag(!entry.has(unseen), Contribution::SHOWN)
                | flag(!entry.has(bits::ONLINE_ONLY | bits::UNLISTED), Contribution::PRESENT)
                | flag(position.rank == 0 && entry.has(bits::OWN), Contribution::OWN_READ);
        let mention_sig = if mention {
            let kind = if at_me { u64::from(bits::AT_ME) } else { 0 };
            let kind = kind | if at_all { u64::from(bits::AT_ALL) } else { 0 };
            (u64::from(slot) << 20 | kind).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ entry.first.unsigned_abs()
        } else {
            0
        };
        // Without anything aside, the introduction is all that ever moved the conversation.
        let activity = if entry.has(bits::ASIDE) {
            self.activity(slot, entry).map_or(-1, |(at, _)| at)
        } else if entry.has(bits::ONLINE_ONLY | bits::EXCLUDED_FROM_LAST) {
            -1
        } else {
            self.time(entry)
        };
        Contribution { position: Some(position), flags, mention_sig, activity }
    }

    /// Adds the known ones of some entries to an order, given by their places in a row of entries and the slot of the
    /// first. Returns whether each stands behind all before it, as they must.
    fn push_all(&self, builder: &mut Builder, first: u32, entries: &Entries, places: Range<usize>) -> bool {
        let open = entries.as_open().and_then(|open| open.get(places.clone())).unwrap_or_default();
        let mut at = 0;
        while at < places.len() {
            let slot = first + at as u32;
            let run = builder.push_run(slot, open.get(at..).unwrap_or_default(), |entry| self.time(entry));
            at += run.max(1);
            if run == 0
                && let Some(entry) = entries.get(places.start + at - 1).filter(Entry::is_known)
                && !builder.push(slot, &self.contribution_of(slot, &entry))
            {
                return false;
            }
        }
        true
    }

    /// All known messages in order, by sorting.
    fn sorted(&self) -> Order {
        let mut known = Vec::with_capacity(self.arena.len());
        for (first, entries) in self.arena.runs() {
            let key = |(slot, entry): (u32, &Entry)| entry.is_known().then_some((entry.first, slot));
            match entries.as_open() {
                Some(open) => known.extend((first..).zip(open).filter_map(key)),
                None => known.extend((first..).zip(entries.iter()).filter_map(|(slot, e)| key((slot, &e)))),
            }
        }
        // Few have an equal first field, and less is to be moved about than with whole positions.
        let position = |slot: u32| self.position(slot);
        known.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| position(a.1).cmp(&position(b.1))));
        let mut builder = Builder::default();
        for (_, slot) in known {
            builder.push(slot, &self.contribution(slot));
        }
        builder.finish()
    }
}

/// Appends the hashes of the ids of some entries.
pub(crate) fn hash_ids(entries: &Entries, hashes: &mut Vec<u32>) {
    match entries.as_open() {
        Some(open) => hashes.extend(open.iter().map(|entry| id_index::hash(entry.id))),
        None => hashes.extend((0..entries.len()).filter_map(|at| entries.id(at)).map(id_index::hash)),
    }
}

/// The first and the second field of a position (R10).
pub(crate) fn fields(kind: ConversationKind, time: i64, seq: i64) -> (i64, i64) {
    match kind {
        ConversationKind::Direct => (time, seq),
        ConversationKind::Group => (seq, time),
    }
}

impl Look for Facts {
    fn contribution(&self, slot: u32) -> Contribution {
        let known = self.arena.get(slot).filter(|e| e.is_known());
        known.map_or(Contribution::NONE, |entry| self.contribution_of(slot, &entry))
    }

    fn position(&self, slot: u32) -> Position {
        self.arena
            .get(slot)
            .map_or(Position { first: 0, rank: 0, second: 0, id: MessageId::from_bytes([0; 16]) }, |entry| {
                entry.position()
            })
    }
}

impl Timeline {
    /// No message yet; it is kept in order from the start.
    pub(crate) fn new(kind: ConversationKind) -> Self {
        Self { order: Some(Order::default()), ..Self::bulk(kind) }
    }

    /// No message yet, in a bulk replay.
    pub(crate) fn bulk(kind: ConversationKind) -> Self {
        let (arena, index, pinned) = (Arena::default(), Index::default(), im::OrdSet::new());
        Self { facts: Facts { kind, arena, index, pinned }, order: None }
    }

    /// Puts all known messages in order, from nothing. They came in these runs of slots, one after the other; without
    /// one, in that of slots: if that is their order, none of them is sorted.
    pub(crate) fn build_order(&mut self, runs: &[Range<u32>]) {
        let facts = &self.facts;
        let all = 0..facts.arena.len() as u32;
        let runs = if runs.is_empty() { std::slice::from_ref(&all) } else { runs };
        let mut builder = Builder::default();
        let mut parts = runs.iter().flat_map(|run| facts.arena.parts(run.clone()));
        let ascends =
            parts.all(|(first, entries, places)| facts.push_all(&mut builder, first, entries, places));
        self.order = Some(if ascends { builder.finish() } else { facts.sorted() });
    }

    /// Whether both hold the same messages in the same order, with the same totals.
    pub(crate) fn is_in_same_order(&self, other: &Self) -> bool {
        match (&self.order, &other.order) {
            (Some(ours), Some(theirs)) => {
                ours.sum() == theirs.sum()
                    && ours.forwards(None, &self.facts).eq(theirs.forwards(None, &other.facts))
            }
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        }
    }
}

/// Loads every part of a history, so that whatever is corrupt in it is known.
pub(crate) fn load_all(timeline: &Timeline) {
    let Facts { arena, index, .. } = &timeline.facts;
    let groups = timeline.order.iter().flat_map(|order| order.groups());
    let blocks = groups.flat_map(|group| &group.lazy().get().0);
    blocks.for_each(|block| {
        block.slots().next();
    });
    arena.iter().for_each(drop);
    index.load_all();
}
