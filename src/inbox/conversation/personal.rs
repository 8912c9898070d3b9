//! What is the owner's alone: pin, draft, marks, receive option, archive, membership, deletion, reads by name.
//!
//! Kept apart from the shared facts, so that one day a shared timeline can serve many owners.

use std::sync::{Arc, LazyLock};

use crate::inbox::containers::sparse::{Absent, FewByKey, Rare};
use crate::inbox::conversation::ledger::{Ledger, Said};
use crate::inbox::conversation::reported::{Kept, Reported};
use crate::inbox::timeline::entry::Position;
use crate::model::event::{Mark, Membership, ReceiveOption};
use crate::model::id::EventId;
use crate::model::time::{Stamp, Timestamp};
use crate::register::lattice::{Join, Lww, raise};

/// What a clearing or deletion covers: `(through, stamp)`, the greatest counts (R38).
pub(crate) type Coverage = Option<(i64, Stamp)>;

/// Whether `coverage` covers a message at `position` that was introduced at `introduced` (R38).
pub(crate) fn covers(coverage: &Coverage, position: Position, introduced: impl FnOnce() -> Stamp) -> bool {
    coverage.is_some_and(|(through, stamp)| {
        position.first < through || position.first == through && (position.rank == 0 || introduced() <= stamp)
    })
}

/// The first field up to which `coverage` covers everything of rank 0; -1 for none.
pub(crate) fn reach(coverage: &Coverage) -> i64 {
    coverage.map_or(-1, |(through, _)| through)
}

/// A draft written after the latest clearing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DraftFact {
    pub(crate) stamp: Stamp,
    pub(crate) text: Arc<str>,
    pub(crate) replaces: Option<EventId>,
}

/// The drafts of a conversation (R27): those later than the latest clearing, in order of stamp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drafts {
    pub(crate) cleared: Option<Stamp>,
    pub(crate) kept: im::OrdSet<DraftFact>,
}

impl Drafts {
    /// A draft was written, or cleared; `deleted` is the latest deletion of the conversation.
    pub(crate) fn set(
        &mut self,
        stamp: Stamp,
        text: Option<&str>,
        replaces: Option<EventId>,
        deleted: Option<Stamp>,
    ) {
        match text {
            Some(text) if !text.is_empty() => {
                // At equal stamps a text is greater than no text, so it stands.
                if self.cleared <= Some(stamp) && deleted < Some(stamp) {
                    let draft = DraftFact { stamp, text: text.into(), replaces };
                    // What is there is not written again: whether anything changed is told by that.
                    if !self.kept.contains(&draft) {
                        self.kept.insert(draft);
                    }
                }
            }
            _ => {
                if raise(&mut self.cleared, Some(stamp)) {
                    self.drop_while(|draft| draft.stamp < stamp);
                }
            }
        }
    }

    /// Drops what was written at or before a deletion.
    pub(crate) fn delete(&mut self, deleted: Stamp) {
        self.drop_while(|draft| draft.stamp <= deleted);
    }

    /// Drops the first drafts that are `gone`: each once, so that those that stay cost nothing.
    fn drop_while(&mut self, gone: impl Fn(&DraftFact) -> bool) {
        while let Some(first) = self.kept.get_min().filter(|draft| gone(draft)).cloned() {
            self.kept.remove(&first);
        }
    }

    /// The draft that shows.
    pub(crate) fn current(&self) -> Option<&DraftFact> {
        self.kept.get_max()
    }
}

/// Whether a conversation was put into the archive, and whether new messages leave it there (R56). The greater value
/// settles ties of equal stamps (R07).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Archiving {
    pub(crate) on: bool,
    pub(crate) stay: bool,
}

/// A receive option, and when an event is to end it (R57).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OptionSetting {
    pub(crate) option: ReceiveOption,
    pub(crate) until: Option<Timestamp>,
}

/// The owner's own facts about one conversation, reads by number apart: of most there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Personal {
    /// The parts of a shared history that the owner may see: behind which first field, and up to which (R123). It stands
    /// first because fields are compared in order, and every membership of a server has one: nothing else is compared then.
    pub(crate) windows: FewByKey<i64, Lww<Option<i64>>>,
    /// Reads by message: the latest that names it.
    pub(crate) named_reads: im::OrdMap<u32, Stamp>,
    /// Marks unread from a message: the latest that names it.
    pub(crate) unread_marks: im::OrdMap<u32, Stamp>,
    pub(crate) pinned: Lww<bool>,
    pub(crate) drafts: Drafts,
    pub(crate) marks: im::OrdMap<Mark, Lww<bool>>,
    pub(crate) custom_data: Lww<Arc<[u8]>>,
    pub(crate) receive_option: Lww<OptionSetting>,
    pub(crate) archived: Lww<Archiving>,
    /// What became of the owner as a member of the group. Whoever wrote it, it names the owner or all (R58).
    pub(crate) membership: Lww<Membership>,
    /// The latest opening by the owner.
    pub(crate) opened: Option<Stamp>,
    /// All deletions.
    pub(crate) deleted: Coverage,
    /// The latest deletion of all.
    pub(crate) deleted_at: Option<Stamp>,
    /// Clearings, and deletions that did not keep the messages.
    pub(crate) cleared: Coverage,
    /// What a server told of messages that are not all held.
    pub(crate) reported: Rare<Reported>,
}

impl Absent for Personal {
    fn absent() -> &'static Self {
        static ABSENT: LazyLock<Personal> = LazyLock::new(Personal::default);
        &ABSENT
    }
}

impl Rare<Personal> {
    /// Changes the ledger of a report, if there is one, given what it depends on.
    pub(crate) fn change_ledger(&mut self, change: impl FnOnce(&mut Ledger, Said<'_>)) {
        if !self.written().is_some_and(Personal::has_ledger) {
            return;
        }
        let Some(mut ledger) = std::mem::take(&mut self.reported.ledger.0).into_inner() else { return };
        if let Some(said) = self.said() {
            change(&mut ledger, said);
        }
        self.reported.ledger = Kept(ledger.into());
    }
}

impl Personal {
    /// Whether something written at `stamp` outlives every deletion (R37).
    fn outlives(&self, stamp: Option<Stamp>) -> bool {
        stamp.is_some() && stamp > self.deleted_at
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned.get() == Some(&true) && self.outlives(self.pinned.stamp())
    }

    /// The opening that stands.
    pub(crate) fn opening(&self) -> Option<Stamp> {
        self.opened.filter(|&stamp| self.outlives(Some(stamp)))
    }

    /// The receive option as it stands, and when an event is to end it.
    pub(crate) fn option_setting(&self) -> OptionSetting {
        self.receive_option.get().copied().unwrap_or_default()
    }

    /// The archiving that stands: no deletion took it (R56), though messages may have.
    fn archiving(&self) -> Option<(Stamp, Archiving)> {
        let (stamp, archiving) = self.archived.entry()?;
        (archiving.on && self.outlives(Some(stamp))).then_some((stamp, *archiving))
    }

    /// Whether it shows as archived, where `active_ms` is the activity that messages gave it, -1 for none (R56).
    pub(crate) fn is_archived(&self, active_ms: i64) -> bool {
        self.archiving().is_some_and(|(stamp, archiving)| archiving.stay || active_ms <= stamp.at.as_millis())
    }

    /// Whether it is archived and new messages leave it so.
    pub(crate) fn stays_archived(&self) -> bool {
        self.archiving().is_some_and(|(_, archiving)| archiving.stay)
    }

    /// The custom data, if any.
    pub(crate) fn custom_data(&self) -> Option<&[u8]> {
        self.custom_data.get().map(|data| &**data).filter(|data| !data.is_empty())
    }

    /// The marks that are set, as one number.
    pub(crate) fn mark_bits(&self) -> u64 {
        mark_bits(&self.marks)
    }

    pub(crate) fn has_mark(&self, mark: Mark) -> bool {
        self.marks.get(&mark).and_then(Lww::get) == Some(&true)
    }

    /// The conversation was deleted.
    pub(crate) fn delete(&mut self, through: i64, stamp: Stamp, keep_messages: bool) {
        raise(&mut self.deleted, Some((through, stamp)));
        if !keep_messages {
            raise(&mut self.cleared, Some((through, stamp)));
        }
        if raise(&mut self.deleted_at, Some(stamp)) {
            self.drafts.delete(stamp);
        }
    }

    pub(crate) fn has_ledger(&self) -> bool {
        self.reported.written().is_some_and(|told| told.ledger.0.get().is_some())
    }

    /// Makes the ledger anew when it is asked for next.
    pub(crate) fn forget_ledger(&mut self) {
        self.reported.ledger = Kept::default();
    }

    /// What the ledger of a report depends on; `None` without a report.
    pub(crate) fn said(&self) -> Option<Said<'_>> {
        let told = self.reported.written()?;
        let (reads, marks) = (&self.named_reads, &self.unread_marks);
        Some(Said { report: told.report.as_ref()?, complete: &told.complete, reads, marks })
    }

    /// Joins everything but what names messages, which only their conversation can map.
    pub(crate) fn join(&mut self, other: &Self) {
        self.pinned.join(&other.pinned);
        for (mark, on) in &other.marks {
            self.marks.entry(*mark).or_default().join(on);
        }
        self.custom_data.join(&other.custom_data);
        self.receive_option.join(&other.receive_option);
        self.archived.join(&other.archived);
        self.membership.join(&other.membership);
        raise(&mut self.opened, other.opened);
        raise(&mut self.deleted, other.deleted);
        raise(&mut self.deleted_at, other.deleted_at);
        raise(&mut self.cleared, other.cleared);
        if let Some(told) = other.reported.written() {
            self.reported.join(told);
        }
        for (after, through) in other.windows.iter() {
            self.windows.value(after).join(through);
        }
        if let Some(stamp) = self.deleted_at {
            self.drafts.delete(stamp);
        }
        if let Some(stamp) = other.drafts.cleared {
            self.drafts.set(stamp, None, None, self.deleted_at);
        }
        for draft in &other.drafts.kept {
            self.drafts.set(draft.stamp, Some(&draft.text), draft.replaces, self.deleted_at);
        }
    }
}

/// The marks that are set, as one number.
pub(crate) fn mark_bits(marks: &im::OrdMap<Mark, Lww<bool>>) -> u64 {
    marks.iter().filter(|(_, on)| on.get() == Some(&true)).fold(0, |bits, (mark, _)| bits | mark.bits())
}
