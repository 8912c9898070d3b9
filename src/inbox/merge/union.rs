//! Joining two inboxes into the one that has seen the events of both (R04).

use std::sync::Arc;

use crate::inbox::apply::tracker::{Tracker, Written};
use crate::inbox::conversation::state::{Around, Conversation};
use crate::inbox::effects::Class;
use crate::inbox::state::{Inbox, MergeError};
use crate::inbox::timeline::entry::bits;
use crate::inbox::timeline::facts::{Facts, Timeline};
use crate::inbox::timeline::introduction::Introduction;
use crate::inbox::timeline::rare_facts::Aside;
use crate::model::change::ChangeSet;
use crate::model::impossible::impossible;
use crate::register::lattice::{Join, raise};

/// Our numbers for their users and conversations.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) users: Vec<u32>,
    pub(crate) conversations: Vec<u32>,
}

impl Map {
    pub(crate) fn user(&self, theirs: u32) -> u32 {
        self.users.get(theirs as usize).copied().unwrap_or(theirs)
    }

    fn conversation(&self, theirs: u32) -> u32 {
        self.conversations.get(theirs as usize).copied().unwrap_or(theirs)
    }
}

impl Inbox {
    /// Takes in everything `other` has seen, and says what changed: afterwards this is the inbox of both sets
    /// of events (R04). Commutative, associative, idempotent.
    ///
    /// Complexity: proportional to the messages of the conversations in which the two differ; what they share
    /// since one was cloned from the other costs nothing.
    ///
    /// ```
    /// use chatfold::{Inbox, Policy, UserId};
    /// let mut phone = Inbox::new(UserId::parse("alice")?, Policy::default());
    /// let laptop = phone.clone();
    /// assert!(phone.merge(&laptop)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MergeError`] if the inboxes belong to two owners, have unlike policies, or one of them is corrupt in a part.
    /// Nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<ChangeSet, MergeError> {
        self.check_joins(other)?;
        let mut tracker = Tracker::new(self);
        let map =
            Map { users: self.numbers_of_users(other), conversations: self.numbers_of_conversations(other) };
        self.join(other, 0..other.conversations.len() as u32, &map, &mut tracker);
        Ok(self.settle(tracker))
    }

    /// Whether the two can be joined. Where they differ, all of both histories is at hand and sound then.
    pub(crate) fn check_joins(&self, other: &Self) -> Result<(), MergeError> {
        self.check_alike(other)?;
        let numbers = 0..other.conversations.len() as u32;
        for (theirs, id) in numbers.filter_map(|theirs| Some((theirs, other.ids.name(theirs)?))) {
            let ours = self.ids.get(id);
            if ours.is_some_and(|ours| self.conversations.is_same(ours, &other.conversations, theirs)) {
                continue;
            }
            let ours = ours.and_then(|ours| self.conversations.get(ours));
            for conversation in ours.into_iter().chain(other.conversations.get(theirs)) {
                conversation.load_all();
                if let Some(fault) = conversation.fault() {
                    return Err(MergeError::Faulty { conversation: id.clone(), fault });
                }
            }
        }
        Ok(())
    }

    /// Our numbers for the other's users.
    pub(crate) fn numbers_of_users(&mut self, other: &Self) -> Vec<u32> {
        other.users.numbers_in(&mut self.users)
    }

    /// Our numbers for the other's conversations, which are made where they are not here.
    pub(crate) fn numbers_of_conversations(&mut self, other: &Self) -> Vec<u32> {
        let ids = (0..other.ids.len() as u32).filter_map(|n| other.ids.name(n));
        ids.map(|id| self.number(id)).collect()
    }

    /// Joins the other's conversations with these numbers, and what stands beside conversations.
    pub(crate) fn join(
        &mut self,
        other: &Self,
        numbers: impl IntoIterator<Item = u32>,
        map: &Map,
        tracker: &mut Tracker<'_>,
    ) {
        for (user, profile) in other.profiles.numbered() {
            let user = map.user(user);
            tracker.profile(&self.profiles, user);
            if let Some(ours) = self.profiles.get_or_default(user) {
                ours.join(profile);
            }
        }
        for (id, folder) in other.folders.iter() {
            tracker.folder(&self.folders, *id, &Written::Whole);
            self.folders.join(*id, folder, |number| map.conversation(number));
        }
        self.quiet_hours.join(&other.quiet_hours);
        for theirs in numbers {
            if !self.conversations.is_same(map.conversation(theirs), &other.conversations, theirs) {
                self.merge_conversation(theirs, other, map, tracker);
            }
        }
    }

    fn merge_conversation(&mut self, theirs: u32, other: &Self, map: &Map, tracker: &mut Tracker<'_>) {
        let number = map.conversation(theirs);
        let Some(theirs) = other.conversations.get(theirs) else {
            impossible!("a conversation that has a number is in the table");
            return;
        };
        let Self { owner, policy, users, conversations, .. } = self;
        let Some(ours) = conversations.get_mut(number) else {
            impossible!("the map gives numbers of this inbox's conversations");
            return;
        };
        let cleared = tracker.appearance(number, ours).cleared;
        let trace = Some(&mut tracker.touched);
        let mut around = Around { owner, policy: *policy, users, number, cleared, trace };
        let ours = Arc::make_mut(ours);
        // In bulk: the order is built anew once, not kept message by message.
        if let Some(timeline) = ours.timeline.get_mut() {
            timeline.order = None;
        }
        ours.join(theirs, map, &mut around);
        ours.rebuild(*policy);
    }
}

impl Conversation {
    fn join(&mut self, theirs: &Self, map: &Map, around: &mut Around<'_>) {
        let slots: Vec<u32> = theirs
            .facts()
            .arena
            .iter()
            .map(|(slot, _)| self.join_message(theirs, slot, map, around))
            .collect();
        self.join_registers(theirs, |slot| slots.get(slot as usize).copied().unwrap_or_default());
    }

    /// Joins one of their messages. Returns its slot here.
    fn join_message(&mut self, theirs: &Self, slot: u32, map: &Map, around: &mut Around<'_>) -> u32 {
        let (their_facts, their_slot) = (theirs.facts(), slot);
        let Some(entry) = their_facts.arena.get(their_slot).filter(|e| !e.is_void()) else { return 0 };
        let Some(timeline) = self.timeline.get_mut() else { return 0 };
        let slot = timeline.facts.slot_or_new(entry.id);
        self.before(around, slot);
        let Some(Timeline { facts, .. }) = self.timeline.get_mut() else { return 0 };
        if entry.class() != Class::Unknown {
            let (_, seq) = their_facts.introduction(their_slot, &entry);
            let message = their_facts.arena.message(their_slot, seq);
            let intro = Introduction {
                class: entry.class(),
                stamp: their_facts.stamp(their_slot, &entry),
                author: map.user(entry.author),
                message: &message,
                viewer_bits: entry.bits & bits::VIEWER,
            };
            facts.introduce(slot, &intro, around.users);
        }
        for bit in [bits::DELETED, bits::RECALLED, bits::NAMED, bits::CLEARED, bits::UNLISTED] {
            if entry.has(bit) {
                facts.set_bit(slot, bit);
            }
        }
        if let Some(stamp) = their_facts.arena.put_away_at(their_slot) {
            facts.arena.put_away(slot, stamp, true);
        }
        if let Some(said) = their_facts.arena.named_read(their_slot) {
            facts.join_named_read(slot, said);
        }
        if let Some(aside) = their_facts.aside(their_slot) {
            facts.join_aside(slot, aside, map);
            facts.note_mentions(slot, around.owner);
        }
        slot
    }
}

impl Facts {
    fn join_aside(&mut self, slot: u32, theirs: &Aside, map: &Map) {
        if let Some(theirs) = &theirs.delivery {
            let mut delivery = self.delivery(slot).cloned().unwrap_or_default();
            raise(&mut delivery.introduced, theirs.introduced);
            raise(&mut delivery.queued, theirs.queued);
            raise(&mut delivery.last_queued, theirs.last_queued);
            delivery.failed.join(&theirs.failed);
            delivery.sent.join(&theirs.sent);
            raise(&mut delivery.sent_activity, theirs.sent_activity);
            self.place(slot, delivery);
        }
        if let Some(theirs) = &theirs.recall {
            self.change_aside(slot, |aside| {
                aside.recall.get_or_insert_default().join(theirs);
            });
        }
        if let Some(theirs) = &theirs.edits {
            self.change_aside(slot, |aside| {
                aside.edits.get_or_insert_default().join(theirs);
            });
        }
        if let Some(theirs) = &theirs.social {
            self.change_social(slot, |social| social.join(theirs, |user| map.user(user)));
            self.note_pin(slot);
        }
    }
}
