//! What few messages have, beside their entry: deliveries with more than one event, recalls, edits,
//! receipts, reactions, extensions, pins. A fact about a message not yet known waits here too.

use std::borrow::Borrow;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use xxhash_rust::xxh3::xxh3_64;

use crate::model::event::{Edit, Mentions};
use crate::model::id::{EventId, UserId};
use crate::model::time::Stamp;
use crate::register::canonical_form::CanonicalBytes;
use crate::register::lattice::{Earliest, Join, Lww, raise};

/// An instant at which a message moved its conversation, and the event that did.
pub(crate) type Activity = (i64, EventId);

/// The rare facts of one message; each part is absent until something of it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aside {
    pub(crate) delivery: Option<Box<Delivery>>,
    pub(crate) recall: Option<Box<Earliest<RecallFact>>>,
    pub(crate) edits: Option<Box<Edits>>,
    pub(crate) social: Option<Box<Social>>,
}

/// How a message came, beyond its one introduction (R13, R15, R35).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The latest activity of its receptions and imports; absent where the entry says the same.
    pub(crate) introduced: Option<Activity>,
    /// The latest activity of its queueings, while it is neither received nor sent.
    pub(crate) queued: Option<Activity>,
    /// The latest queueing, likewise; absent where the entry says the same.
    pub(crate) last_queued: Option<Stamp>,
    /// The latest failure and its reason, likewise.
    pub(crate) failed: Lww<Option<ReasonText>>,
    /// The earliest acknowledgement.
    pub(crate) sent: Earliest<SentFact>,
    /// The latest time any acknowledgement gave.
    pub(crate) sent_activity: Option<Activity>,
    /// The introduction's own time and seq, where an acknowledgement placed the message.
    pub(crate) introduction: Option<(i64, i64)>,
}

impl Delivery {
    /// Drops what can never count again, and what the entry says itself.
    pub(crate) fn normalise(&mut self, entry: &Introduced) {
        if entry.received || self.sent.entry().is_some() {
            self.queued = None;
            self.last_queued = None;
            self.failed = Lww::default();
        }
        if self.introduced <= entry.introduced {
            self.introduced = None;
        }
        if self.queued <= entry.queued {
            self.queued = None;
        }
        if self.last_queued <= entry.last_queued {
            self.last_queued = None;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an entry alone says of its delivery.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Introduced {
    pub(crate) received: bool,
    pub(crate) introduced: Option<Activity>,
    pub(crate) queued: Option<Activity>,
    pub(crate) last_queued: Option<Stamp>,
}

/// What an acknowledgement says; ordered as the fixed order of values (R07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SentFact {
    pub(crate) sent_at: i64,
    pub(crate) seq: Option<u64>,
    pub(crate) members: Option<u64>,
}

/// Who recalled a message and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecallFact {
    pub(crate) by: crate::model::id::UserId,
    pub(crate) reason: Option<ReasonText>,
}

/// Why a message was recalled or failed, and the hash of that, so that no event about the message hashes it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReasonText {
    text: Arc<str>,
    hash: u64,
}

impl ReasonText {
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}

impl From<&str> for ReasonText {
    fn from(text: &str) -> Self {
        Self { text: text.into(), hash: xxh3_64(text.as_bytes()) }
    }
}

impl Deref for ReasonText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// An edit of one field: the greatest `(version, stamp, value)` counts (R40).
pub(crate) type FieldEdit<T> = (u64, Stamp, T);

/// The edits of a message, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edits {
    pub(crate) text: Option<FieldEdit<Arc<str>>>,
    /// The payloads lie by themselves, because few edits have any.
    pub(crate) custom: Option<Box<FieldEdit<Arc<[u8]>>>>,
    pub(crate) cloud_custom: Option<Box<FieldEdit<Arc<[u8]>>>>,
    /// Whom the message mentions now, which few edits say; shared, because it may be long.
    pub(crate) mentioned: Option<Arc<MentionsEdit>>,
    /// The greatest version of any edit.
    pub(crate) version: u64,
    /// Hashes of the values that there are, mentions apart, so that no event about the message hashes them again.
    pub(crate) hashes: [u64; 3],
    /// Hashes of what the introduction says instead, once somebody asked for them.
    pub(crate) originals: Originals,
}

/// An edit of whom a message mentions: the greatest `(version, stamp, value)` counts (R40). The hash follows from the
/// value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MentionsEdit {
    pub(crate) version: u64,
    pub(crate) stamp: Stamp,
    pub(crate) mentions: Mentions,
    hash: u64,
}

impl MentionsEdit {
    pub(crate) fn new(version: u64, stamp: Stamp, mentions: Mentions) -> Self {
        let hash = mentions_hash(mentions.users.iter().map(UserId::as_str), mentions.all);
        Self { version, stamp, mentions, hash }
    }

    /// See [`mentions_hash`].
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}

/// A hash of whom a message mentions, in the order written; 0 where nobody.
pub(crate) fn mentions_hash<'a>(users: impl Iterator<Item = &'a str>, all: bool) -> u64 {
    let mut users = users.peekable();
    if users.peek().is_none() && !all {
        return 0;
    }
    let mut canon = CanonicalBytes::default();
    canon.u8(all.into());
    for user in users {
        canon.str(user);
    }
    canon.hash64()
}

/// Remembered, and no part of the value: two that differ in it alone are equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Originals(OnceLock<Box<Originally>>);

/// Hashes of text, custom data, cloud custom data and mentions as the introduction has them.
pub(crate) type Originally = ([Option<u64>; 3], u64);

impl PartialEq for Originals {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Originals {}

impl Edits {
    /// Adds an edit. Returns whether it changed whom the message mentions.
    pub(crate) fn add(&mut self, stamp: Stamp, edit: &Edit) -> bool {
        self.join(&Self {
            text: edit.text.as_deref().map(|text| (edit.version, stamp, text.into())),
            custom: edit.custom.as_deref().map(|data| Box::new((edit.version, stamp, data.into()))),
            cloud_custom: edit
                .cloud_custom
                .as_deref()
                .map(|data| Box::new((edit.version, stamp, data.into()))),
            mentioned: edit
                .mentions
                .as_ref()
                .map(|mentions| Arc::new(MentionsEdit::new(edit.version, stamp, mentions.clone()))),
            version: edit.version,
            ..Self::default()
        })
    }

    /// Whom the edits say that the message mentions, if any says so.
    pub(crate) fn mentions(&self) -> Option<&Mentions> {
        self.mentioned.as_deref().map(|edit| &edit.mentions)
    }

    /// Hashes of the fields as they show, given those of the introduction. These are asked for once, so that it
    /// costs O(1) from then on, until [`Edits::forget_originals`].
    pub(crate) fn shown_hashes(&self, originals: impl FnOnce() -> Originally) -> Originally {
        let (originals, mentions) = &**self.originals.0.get_or_init(|| Box::new(originals()));
        let mut shown = self.edited_hashes().into_iter().zip(originals.iter());
        let fields =
            std::array::from_fn(|_| shown.next().and_then(|(edited, original)| edited.or(*original)));
        (fields, self.mentioned.as_deref().map_or(*mentions, MentionsEdit::hash))
    }

    /// Hashes of the fields that were edited.
    pub(crate) fn edited_hashes(&self) -> [Option<u64>; 3] {
        let [text, custom, cloud_custom] = self.hashes;
        [
            self.text.as_ref().map(|_| text),
            self.custom.as_ref().map(|_| custom),
            self.cloud_custom.as_ref().map(|_| cloud_custom),
        ]
    }

    /// Another introduction counts now.
    pub(crate) fn forget_originals(&mut self) {
        self.originals = Originals::default();
    }

    /// Takes in other edits. Returns whether they changed whom the message mentions.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        raise(&mut self.version, other.version);
        let [text, custom, cloud_custom] = &mut self.hashes;
        join_edit((&mut self.text, text), &other.text, |text| text.as_bytes());
        join_edit((&mut self.custom, custom), &other.custom, |data| data);
        join_edit((&mut self.cloud_custom, cloud_custom), &other.cloud_custom, |data| data);
        let mentions_changed = other.mentioned > self.mentioned;
        if mentions_changed {
            self.mentioned.clone_from(&other.mentioned);
        }
        mentions_changed
    }
}

fn join_edit<T, E: Ord + Clone + Borrow<FieldEdit<T>>>(
    (ours, hash): (&mut Option<E>, &mut u64),
    theirs: &Option<E>,
    bytes: impl FnOnce(&T) -> &[u8],
) {
    if theirs > ours {
        *ours = theirs.clone();
        *hash = ours.as_ref().map_or(0, |edit| {
            let (.., value) = edit.borrow();
            xxh3_64(bytes(value))
        });
    }
}

/// One extension: the greatest `(seq, stamp, value)`; `None` deletes it (R44).
pub(crate) type Extension = (u64, Stamp, Option<Arc<str>>);

/// What people did with a message (R34, R44). Users by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Social {
    readers: im::OrdSet<u32>,
    reactions: im::OrdMap<(Arc<str>, u32), Lww<bool>>,
    extensions: im::OrdMap<Arc<str>, Extension>,
    /// Extensions up to this seq are cleared; 0: none.
    pub(crate) extensions_cleared: u64,
    /// Whether any clearing came: seq 0 hides an extension of seq 0.
    pub(crate) was_cleared: bool,
    pub(crate) pinned: Lww<bool>,
    /// The extensions that show, by seq, so that clearing them costs what it hides.
    by_seq: im::OrdSet<(u64, Arc<str>)>,
    /// The sum of the hashes of all that shows, pins apart, so that a fact costs no look at the others.
    shown: u64,
}

/// The hash of one thing that shows, given what kind it is.
fn hash(kind: u8, number: u64, texts: &[&str]) -> u64 {
    let mut canon = CanonicalBytes::default();
    canon.u8(kind).u64(number);
    for text in texts {
        canon.str(text);
    }
    canon.hash64()
}

impl Social {
    pub(crate) fn readers(&self) -> &im::OrdSet<u32> {
        &self.readers
    }

    /// By reaction and actor.
    pub(crate) fn reactions(&self) -> &im::OrdMap<(Arc<str>, u32), Lww<bool>> {
        &self.reactions
    }

    /// By key, those deleted or cleared too.
    pub(crate) fn extensions(&self) -> &im::OrdMap<Arc<str>, Extension> {
        &self.extensions
    }

    /// A hash of what shows where `author` wrote the message, who reads it anyway; pins apart.
    pub(crate) fn shown_hash(&self, author: u32) -> u64 {
        let own = if self.readers.contains(&author) { hash(1, author.into(), &[]) } else { 0 };
        self.shown.wrapping_sub(own)
    }

    pub(crate) fn read_by(&mut self, reader: u32) {
        if !self.readers.contains(&reader) {
            self.readers.insert(reader);
            self.shown = self.shown.wrapping_add(hash(1, reader.into(), &[]));
        }
    }

    /// Writes whether an actor gives a reaction.
    pub(crate) fn change_reaction(
        &mut self,
        reaction: &Arc<str>,
        actor: u32,
        write: impl FnOnce(&mut Lww<bool>),
    ) {
        let on = self.reactions.entry((reaction.clone(), actor)).or_default();
        let shown = |on: &Lww<bool>| on.get() == Some(&true);
        let before = shown(on);
        write(on);
        match (before, shown(on)) {
            (false, true) => self.shown = self.shown.wrapping_add(hash(2, actor.into(), &[reaction])),
            (true, false) => self.shown = self.shown.wrapping_sub(hash(2, actor.into(), &[reaction])),
            _ => {}
        }
    }

    pub(crate) fn react(&mut self, reaction: &str, actor: u32, stamp: Stamp, on: bool) {
        self.change_reaction(&reaction.into(), actor, |register| {
            register.set(stamp, on);
        });
    }

    pub(crate) fn set_extension(&mut self, key: &Arc<str>, extension: Extension) {
        if let Some(old) = self.extensions.get(key) {
            if *old >= extension {
                return;
            }
            let place = (old.0, key.clone());
            self.hide(place);
        }
        let (seq, _, value) = &extension;
        let cleared = self.was_cleared && *seq <= self.extensions_cleared;
        if let Some(value) = value.as_deref().filter(|_| !cleared) {
            self.by_seq.insert((*seq, key.clone()));
            self.shown = self.shown.wrapping_add(hash(3, *seq, &[key, value]));
        }
        self.extensions.insert(key.clone(), extension);
    }

    /// An extension shows no more, if it did.
    fn hide(&mut self, place: (u64, Arc<str>)) {
        if self.by_seq.remove(&place).is_some()
            && let Some((seq, _, Some(value))) = self.extensions.get(&place.1)
        {
            self.shown = self.shown.wrapping_sub(hash(3, *seq, &[&place.1, value]));
        }
    }

    pub(crate) fn clear_extensions(&mut self, seq: u64) {
        self.was_cleared = true;
        raise(&mut self.extensions_cleared, seq);
        let cleared = self.extensions_cleared;
        while let Some(first) = self.by_seq.get_min().filter(|(seq, _)| *seq <= cleared).cloned() {
            self.hide(first);
        }
    }

    /// The extensions that show: neither deleted nor cleared.
    pub(crate) fn shown_extensions(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.extensions.iter().filter_map(|(key, (seq, _, value))| {
            let cleared = self.was_cleared && *seq <= self.extensions_cleared;
            Some((&**key, value.as_deref()?, *seq)).filter(|_| !cleared)
        })
    }

    /// Joins `other`, whose users `number` maps to ours.
    pub(crate) fn join(&mut self, other: &Self, number: impl Fn(u32) -> u32) {
        other.readers.iter().for_each(|user| self.read_by(number(*user)));
        for ((reaction, actor), on) in &other.reactions {
            self.change_reaction(reaction, number(*actor), |ours| {
                ours.join(on);
            });
        }
        for (key, extension) in &other.extensions {
            self.set_extension(key, extension.clone());
        }
        if other.was_cleared {
            self.clear_extensions(other.extensions_cleared);
        }
        self.pinned.join(&other.pinned);
    }
}
