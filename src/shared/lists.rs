//! What of a shared history concerns one user each: messages written, mentions, targeted messages (R125).
//!
//! Everything here follows from the timeline's facts. A timeline is folded as nobody: it counts no message as its own, takes
//! no mention for one of its own, and every targeted message is unknown to it. So what a user's numbers differ by is kept
//! by user, and asked for by rank.

use std::collections::BTreeSet;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::inbox::containers::interner::Interner;
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::facts::Facts;
use crate::inbox::timeline::order::contribution::{Contribution, Look as _};
use crate::model::id::{ConversationKind, UserId};
use crate::shared::ranked::{Elements, Key, Ranked};

/// Which list of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum List {
    /// Messages of the user that mention everybody and would count for others.
    ForAll = 0,
    /// Messages of others that mention the user; those that mention everybody too count with these.
    Mentions = 1,
    /// Targeted messages that are for the user, or that the user wrote.
    Targeted = 2,
}

/// A list of a user, as one number.
pub(crate) fn list_of(list: List, user: u32) -> u64 {
    (list as u64) << 32 | u64::from(user)
}

/// The list of an element: which, and whose.
fn parts_of(list: u64) -> (u64, u32) {
    (list >> 32, list as u32)
}

/// A message in a list of a user.
type Listed = (u64, u32);

/// The lists of a timeline.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    /// The messages that count as unread for others, by author.
    pub(crate) written: Ranked<u32>,
    /// All other lists.
    pub(crate) others: Ranked<Listed>,
    /// The places of messages whose contents are long.
    long: im::OrdMap<u32, Arc<Places>>,
}

/// Where a message stands in lists, and what it adds there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    written: Option<(Key, Contribution)>,
    others: SmallVec<[(Key, Contribution); 2]>,
}

/// Reads what the lists ask for from the facts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListsLook<'a>(pub(crate) &'a Facts);

impl Elements<u32> for ListsLook<'_> {
    fn key(&self, slot: u32) -> Key {
        let list = self.0.arena.get(slot).map_or(0, |entry| entry.author.into());
        Key { list, position: self.0.position(slot) }
    }

    fn slot(&self, slot: u32) -> u32 {
        slot
    }

    fn contribution(&self, slot: u32) -> Contribution {
        Contribution { activity: -1, ..self.0.contribution(slot) }
    }
}

impl Elements<Listed> for ListsLook<'_> {
    fn key(&self, (list, slot): Listed) -> Key {
        Key { list, position: self.0.position(slot) }
    }

    fn slot(&self, (_, slot): Listed) -> u32 {
        slot
    }

    fn contribution(&self, (list, slot): Listed) -> Contribution {
        let Some(entry) = self.0.arena.get(slot) else { return Contribution::NONE };
        let (list, user) = parts_of(list);
        match list {
            list if list == List::ForAll as u64 => for_all(self.0, slot, &entry),
            list if list == List::Mentions as u64 => mention(self.0, slot, &entry),
            _ => self.0.contribution_of(slot, &seen_by(&entry, user)),
        }
    }
}

/// The entry as a user sees it: its own, known though it is targeted, not mentioning by what the entry says.
pub(crate) fn seen_by(entry: &Entry, user: u32) -> Entry {
    let own = if entry.author == user { bits::OWN } else { 0 };
    Entry { bits: entry.bits & !bits::HIDDEN | own, ..*entry }
}

/// Whether a message may count as a mention of others (R26): delivered, in a group, neither recalled nor for those online
/// only.
fn may_mention(entry: &Entry, kind: ConversationKind) -> bool {
    kind == ConversationKind::Group
        && entry.bits & bits::CLASS != 0
        && entry.rank() == 0
        && !entry.has(bits::RECALLED | bits::ONLINE_ONLY)
}

/// A mention of everybody, as its author subtracts it.
fn for_all(facts: &Facts, slot: u32, entry: &Entry) -> Contribution {
    let mut contribution = facts.contribution_of(slot, entry);
    contribution.flags &= Contribution::MENTION;
    contribution.activity = -1;
    contribution
}

/// A mention of a user. One that everybody knows of, because the message mentions all, is counted with the others already
/// and only tells lists of mentions apart. A targeted one that mentions all tells them apart as one for everybody does, so that
/// a message that is no longer targeted is the same mention.
fn mention(facts: &Facts, slot: u32, entry: &Entry) -> Contribution {
    let (_, at_all) = entry.mentions();
    let hidden = entry.has(bits::HIDDEN);
    let flags = if at_all && !hidden { 0 } else { Contribution::MENTION };
    let mention_sig = if at_all && hidden {
        facts.contribution_of(slot, &seen_by(entry, u32::MAX)).mention_sig
    } else {
        let sign = u64::from(slot) << 2 | u64::from(at_all) << 1 | 1;
        sign.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ entry.first.unsigned_abs().rotate_left(32)
    };
    Contribution { position: Some(entry.position()), flags, mention_sig, activity: -1 }
}

impl Lists {
    /// The lists of all messages. Complexity: O(n log n).
    pub(crate) fn of(facts: &Facts, users: &mut Interner<UserId>) -> Self {
        let look = ListsLook(facts);
        let (mut written, mut others) = (Vec::new(), Vec::new());
        let mut long = im::OrdMap::new();
        for (slot, _) in facts.arena.iter() {
            let places = Places::of(facts, slot, users);
            if Cause::of(facts, slot).is_long(&places) {
                long.insert(slot, Arc::new(places.clone()));
            }
            written.extend(places.written.map(|(key, _)| (key, slot)));
            others.extend(places.others.iter().map(|(key, _)| (*key, (key.list, slot))));
        }
        written.sort_unstable();
        others.sort_unstable();
        let written: Vec<_> = written.into_iter().map(|(_, slot)| slot).collect();
        let others: Vec<_> = others.into_iter().map(|(_, listed)| listed).collect();
        Self { written: Ranked::of(&written, &look), others: Ranked::of(&others, &look), long }
    }

    /// Where the message at `slot` stands in the lists.
    pub(crate) fn places(&self, slot: u32, facts: &Facts, users: &mut Interner<UserId>) -> Arc<Places> {
        let kept = self.long.get(&slot).cloned();
        kept.unwrap_or_else(|| Arc::new(Places::of(facts, slot, users)))
    }

    /// Puts a message where it stands now, given where it stood. Returns by how much it counts more as unread for others than its
    /// author, if that is all it does in any list.
    pub(crate) fn carry_over(
        &mut self,
        slot: u32,
        before: &Places,
        facts: &Facts,
        users: &mut Interner<UserId>,
    ) -> Option<i32> {
        let after = Places::of(facts, slot, users);
        let look = ListsLook(facts);
        let counts = |places: &Places| i32::from(places.written.is_some());
        let counted = counts(&after) - counts(before);
        let is_plain = before.others.is_empty() && after.others.is_empty();
        if before.written != after.written {
            if let Some((key, contribution)) = &before.written {
                self.written.remove(slot, *key, contribution, &look);
            }
            if after.written.is_some() {
                self.written.insert(slot, &look);
            }
        }
        if before.others != after.others {
            for (key, contribution) in &before.others {
                self.others.remove((key.list, slot), *key, contribution, &look);
            }
            for (key, _) in &after.others {
                self.others.insert((key.list, slot), &look);
            }
        }
        if Cause::of(facts, slot).is_long(&after) {
            self.long.insert(slot, Arc::new(after));
        } else if !self.long.is_empty() {
            self.long.remove(&slot);
        }
        is_plain.then_some(counted)
    }
}

/// Contents longer than this have their places kept, so that no event about their message reads them again.
const LONG: u32 = 1024;

/// What the places of a message follow from, cheap to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cause {
    bits: u32,
    author: u32,
    position: Option<Position>,
    content: (u32, u32),
    edited: Option<u64>,
    activity: i64,
}

impl Cause {
    /// The bits on which nothing here depends.
    const BESIDE: u32 = bits::ASIDE | bits::NAMED | bits::READ | bits::READ_SAID;

    pub(crate) fn of(facts: &Facts, slot: u32) -> Self {
        let Some(entry) = facts.arena.get(slot) else { return Self::default() };
        let edits = facts.aside(slot).and_then(|aside| aside.edits.as_deref());
        Self {
            bits: entry.bits & !Self::BESIDE,
            author: entry.author,
            position: Some(entry.position()),
            content: (entry.offset, entry.len),
            edited: edits.and_then(|edits| Some(edits.mentioned.as_deref()?.hash())),
            activity: facts.contribution_of(slot, &entry).activity,
        }
    }

    /// Whether the message was recalled since, and nothing else of it is otherwise.
    pub(crate) fn is_recalled_since(&self, before: &Self) -> bool {
        Self { bits: self.bits ^ bits::RECALLED, ..*self } == *before
    }

    /// Who wrote it, and the first field of where it stands.
    pub(crate) fn stands(&self) -> (u32, i64) {
        (self.author, self.position.map_or(-1, |position| position.first))
    }

    /// Whether an event introduced it.
    pub(crate) fn is_introduced(&self) -> bool {
        self.bits & bits::CLASS != 0
    }

    fn is_long(&self, places: &Places) -> bool {
        self.content.1 > LONG || places.others.len() > 64
    }
}

impl Places {
    /// The users whom it mentions, others than its author, and what that adds.
    pub(crate) fn mentions(&self) -> impl Iterator<Item = (u32, Contribution)> + '_ {
        let listed = self.others.iter().map(|(key, contribution)| (parts_of(key.list), *contribution));
        let mentions = listed.filter(|((list, _), _)| *list == List::Mentions as u64);
        mentions.map(|((_, user), contribution)| (user, contribution))
    }

    /// Where the message at `slot` stands now.
    pub(crate) fn of(facts: &Facts, slot: u32, users: &mut Interner<UserId>) -> Self {
        let Some(entry) = facts.arena.get(slot) else { return Self::default() };
        if entry.is_ordinary() && !entry.has(bits::RICH) {
            return Self { written: Some(written(facts, slot, &entry)), ..Self::default() };
        }
        let known = facts.contribution(slot);
        let counts = known.has(Contribution::UNREAD);
        let mut lists = SmallVec::<[u64; 4]>::new();
        if known.has(Contribution::MENTION) {
            lists.push(list_of(List::ForAll, entry.author));
        }
        if entry.bits & bits::CLASS != 0 {
            put_lists(facts, slot, &entry, users, &mut lists);
        }
        lists.sort_unstable();
        lists.dedup();
        let look = ListsLook(facts);
        let place = |list: &u64| (look.key((*list, slot)), look.contribution((*list, slot)));
        Self {
            written: counts.then(|| written(facts, slot, &entry)),
            others: lists.iter().map(place).collect(),
        }
    }
}

/// Adds the lists of users in which a message stands because it is for them alone or mentions them.
fn put_lists(
    facts: &Facts,
    slot: u32,
    entry: &Entry,
    users: &mut Interner<UserId>,
    lists: &mut SmallVec<[u64; 4]>,
) {
    let content = facts.content(slot);
    let hidden = entry.has(bits::HIDDEN);
    let mut number = |user: &str| UserId::parse(user).ok().map(|user| users.intern(&user));
    let recipients: SmallVec<[u32; 4]> = match hidden {
        true => content.recipients().filter_map(&mut number).chain([entry.author]).collect(),
        false => SmallVec::new(),
    };
    lists.extend(recipients.iter().map(|user| list_of(List::Targeted, *user)));
    if !may_mention(entry, facts.kind) {
        return;
    }
    let mut mentioned: SmallVec<[u32; 4]> = match facts.edited_mentions(slot, entry) {
        Some(mentions) => mentions.users.iter().filter_map(|user| number(user.as_str())).collect(),
        None => content.mentioned().filter_map(&mut number).collect(),
    };
    if hidden && entry.mentions().1 {
        mentioned = recipients;
    } else if hidden {
        let named: BTreeSet<u32> = recipients.into_iter().collect();
        mentioned.retain(|user| named.contains(user));
    }
    let others = mentioned.iter().filter(|user| **user != entry.author);
    lists.extend(others.map(|user| list_of(List::Mentions, *user)));
}

fn written(facts: &Facts, slot: u32, entry: &Entry) -> (Key, Contribution) {
    let contribution = Contribution { activity: -1, ..facts.contribution_of(slot, entry) };
    (Key { list: entry.author.into(), position: entry.position() }, contribution)
}
