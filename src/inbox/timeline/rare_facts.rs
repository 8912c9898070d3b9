//! What few messages have, beside their entry: deliveries with more than one event, recalls, edits,
//! receipts, reactions, extensions, pins. A fact about a message not yet known waits here too.

use std::sync::Arc;

use crate::model::event::Edit;
use crate::model::id::EventId;
use crate::model::time::Stamp;
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
    pub(crate) failed: Lww<Option<Arc<str>>>,
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
    pub(crate) reason: Option<Arc<str>>,
}

/// An edit of one field: the greatest `(version, stamp, value)` counts (R40).
pub(crate) type FieldEdit<T> = Option<(u64, Stamp, T)>;

/// The edits of a message, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edits {
    pub(crate) text: FieldEdit<Arc<str>>,
    pub(crate) custom: FieldEdit<Arc<[u8]>>,
    pub(crate) cloud_custom: FieldEdit<Arc<[u8]>>,
    /// The greatest version of any edit.
    pub(crate) version: u64,
}

impl Edits {
    pub(crate) fn add(&mut self, stamp: Stamp, edit: &Edit) {
        let version = edit.version;
        raise(&mut self.version, version);
        if let Some(text) = &edit.text {
            raise(&mut self.text, Some((version, stamp, text.as_str().into())));
        }
        if let Some(custom) = &edit.custom {
            raise(&mut self.custom, Some((version, stamp, custom.as_slice().into())));
        }
        if let Some(data) = &edit.cloud_custom {
            raise(&mut self.cloud_custom, Some((version, stamp, data.as_slice().into())));
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        raise(&mut self.version, other.version);
        raise(&mut self.text, other.text.clone());
        raise(&mut self.custom, other.custom.clone());
        raise(&mut self.cloud_custom, other.cloud_custom.clone());
    }
}

/// One extension: the greatest `(seq, stamp, value)`; `None` deletes it (R44).
pub(crate) type Extension = (u64, Stamp, Option<Arc<str>>);

/// What people did with a message (R34, R44). Users by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Social {
    pub(crate) readers: im::OrdSet<u32>,
    pub(crate) reactions: im::OrdMap<(Arc<str>, u32), Lww<bool>>,
    pub(crate) extensions: im::OrdMap<Arc<str>, Extension>,
    /// Extensions up to this seq are cleared; 0: none.
    pub(crate) extensions_cleared: u64,
    /// Whether any clearing came: seq 0 hides an extension of seq 0.
    pub(crate) was_cleared: bool,
    pub(crate) pinned: Lww<bool>,
}

impl Social {
    pub(crate) fn set_extension(&mut self, key: &str, extension: Extension) {
        match self.extensions.get_mut(key) {
            Some(old) => {
                raise(old, extension);
            }
            None => {
                self.extensions.insert(key.into(), extension);
            }
        }
    }

    pub(crate) fn clear_extensions(&mut self, seq: u64) {
        self.was_cleared = true;
        raise(&mut self.extensions_cleared, seq);
    }

    /// The extensions that show: neither deleted nor cleared.
    pub(crate) fn shown_extensions(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.extensions.iter().filter_map(|(key, (seq, _, value))| {
            let cleared = self.was_cleared && *seq <= self.extensions_cleared;
            Some((&**key, value.as_deref()?, *seq)).filter(|_| !cleared)
        })
    }

    pub(crate) fn react(&mut self, reaction: &str, actor: u32, stamp: Stamp, on: bool) {
        self.reactions.entry((reaction.into(), actor)).or_default().set(stamp, on);
    }

    /// Joins `other`, whose users `number` maps to ours.
    pub(crate) fn join(&mut self, other: &Self, number: impl Fn(u32) -> u32) {
        self.readers.extend(other.readers.iter().map(|&user| number(user)));
        for ((reaction, actor), on) in &other.reactions {
            self.reactions.entry((reaction.clone(), number(*actor))).or_default().join(on);
        }
        for (key, extension) in &other.extensions {
            self.set_extension(key, extension.clone());
        }
        raise(&mut self.extensions_cleared, other.extensions_cleared);
        self.was_cleared |= other.was_cleared;
        self.pinned.join(&other.pinned);
    }
}
