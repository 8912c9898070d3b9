//! What shows of a conversation, cheap to keep and to compare: the before and after of a change set.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::inbox::conversation::ledger::Number;
use crate::inbox::conversation::personal::{Coverage, DraftFact, covers, mark_bits, reach};
use crate::inbox::conversation::row::Row;
use crate::inbox::conversation::state::{Conversation, Touched};
use crate::inbox::timeline::entry::{Entry, Position};
use crate::model::change::{Attribute, Attributes};
use crate::model::event::{GroupType, Mark, Membership};
use crate::model::time::Timestamp;
use crate::register::lattice::{Lww, shown};

/// What showed of each conversation touched, by number. Most batches touch one: it is kept in place.
#[derive(Debug, Default)]
pub(crate) struct Appearances {
    first: Option<(u32, Appearance)>,
    others: FxHashMap<u32, Appearance>,
}

impl Appearances {
    /// The appearance of a conversation, which `look` takes if it was not taken before.
    pub(crate) fn get_or(&mut self, number: u32, look: impl FnOnce() -> Appearance) -> &mut Appearance {
        match &mut self.first {
            Some((first, _)) if *first != number => self.others.entry(number).or_insert_with(look),
            first => &mut first.get_or_insert_with(|| (number, look())).1,
        }
    }

    pub(crate) fn remove(&mut self, number: u32) {
        if self.first.as_ref().is_some_and(|(first, _)| *first == number) {
            self.first = None;
        }
        self.others.remove(&number);
    }

    /// In no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Appearance)> {
        let first = self.first.iter().map(|(number, appearance)| (*number, appearance));
        first.chain(self.others.iter().map(|(number, appearance)| (*number, appearance)))
    }
}

/// The shown attributes of a conversation at one moment, those of users and folders apart.
#[derive(Clone, Debug)]
pub(crate) struct Appearance {
    pub(crate) row: Row,
    /// When an event is to end the receive option, which the row has.
    option_until: Option<Timestamp>,
    pinned: bool,
    peer_read: i64,
    last_is_peer_read: bool,
    pub(crate) cleared: Coverage,
    /// Which stretches are not held.
    gaps: u64,
    /// How many unread messages and mentions there may be at most, where that is not how many there are.
    most: [Option<u64>; 2],
    /// Absent while no fact came that can change them: nearly none does.
    details: Option<Box<Details>>,
}

/// What no message, read or pin changes: see [`Traits::is_detail`].
#[derive(Clone, Debug)]
struct Details {
    /// The drafts kept, of which the latest shows.
    drafts: im::OrdSet<DraftFact>,
    marks: im::OrdMap<Mark, Lww<bool>>,
    custom_data: Option<Arc<[u8]>>,
    group_type: Option<GroupType>,
    name: Option<Arc<str>>,
    face_url: Option<Arc<str>>,
    stays_archived: bool,
    membership: Option<Membership>,
}

impl Appearance {
    /// Notes the details too, which nothing has changed since the appearance was taken.
    pub(crate) fn look_closer(&mut self, conversation: &Conversation) {
        self.details.get_or_insert_with(|| Box::new(conversation.details()));
    }
}

impl Conversation {
    /// What shows now, given that the row is up to date.
    pub(crate) fn appearance(&self) -> Appearance {
        Appearance { details: Some(Box::new(self.details())), ..self.glimpse() }
    }

    /// The same without the details.
    pub(crate) fn glimpse(&self) -> Appearance {
        let personal = &self.personal;
        Appearance {
            row: self.row,
            option_until: personal.option_setting().until,
            pinned: personal.is_pinned(),
            peer_read: self.derived.peer_read,
            last_is_peer_read: self.last_is_peer_read(),
            cleared: personal.cleared,
            gaps: if personal.reported.written().is_some() { self.gaps_hash() } else { 0 },
            most: self.at_most(),
            details: None,
        }
    }

    fn details(&self) -> Details {
        let personal = &self.personal;
        let text = |text: &Lww<Arc<str>>| text.get().filter(|_| shown(text).is_some()).cloned();
        Details {
            drafts: personal.drafts.kept.clone(),
            marks: personal.marks.clone(),
            custom_data: personal.custom_data.get().filter(|d| !d.is_empty()).cloned(),
            group_type: self.group_type(),
            name: text(&self.shared.name),
            face_url: text(&self.shared.face_url),
            stays_archived: personal.stays_archived(),
            membership: personal.membership.get().copied(),
        }
    }

    fn at_most(&self) -> [Option<u64>; 2] {
        let bounded =
            [(Number::Unread, self.row.unread_bounded), (Number::Mentions, self.row.mentions_bounded)];
        bounded.map(|(number, bounded)| {
            let rule = if bounded { self.rule() } else { None };
            rule.and_then(|rule| rule.interval(number).bounded())
        })
    }

    fn last_is_peer_read(&self) -> bool {
        self.row.last.is_some_and(|slot| self.is_peer_read(slot))
    }

    /// Whether the peer of a direct chat has read an own message (R34).
    pub(crate) fn is_peer_read(&self, slot: u32) -> bool {
        use crate::inbox::timeline::entry::bits::OWN;
        let is_read = |e: Entry| e.has(OWN) && e.rank() == 0 && e.first <= self.derived.peer_read;
        // Of a group nothing is loaded for it.
        self.peer.is_some() && self.facts().arena.get(slot).is_some_and(is_read)
    }

    /// Whether raising the clearing from `before` to what it is now took a message away that showed. What was
    /// `touched` is told message by message.
    fn lost_history(&self, before: &Coverage, touched: &[Touched]) -> bool {
        let facts = self.facts();
        let Some(order) = self.order() else { return false };
        let told = |slot: u32| touched.binary_search_by_key(&slot, |t| t.slot).is_ok();
        if let Some((boundary, from, to)) = self.edge_between(before) {
            let is_there = |slot: u32| facts.arena.get(slot).is_some_and(|entry| !entry.is_gone());
            return boundary.between(from, to).any(|slot| is_there(slot) && !told(slot));
        }
        let from = Position::end_of(reach(&self.personal.cleared));
        for slot in order.backwards(Some(from), facts) {
            let Some(entry) = facts.arena.get(slot) else { continue };
            let (position, stamp) = (entry.position(), || facts.stamp(slot, &entry));
            if position.first < reach(before) {
                return false;
            }
            if !entry.is_gone()
                && covers(&self.personal.cleared, position, stamp)
                && !covers(before, position, stamp)
                && !told(slot)
            {
                return true;
            }
        }
        false
    }

    /// Which attributes differ from `before`; `touched` are this conversation's messages that changed.
    pub(crate) fn differences(&self, before: &Appearance, touched: &[Touched]) -> Attributes {
        use Attribute as A;
        let mut set = Attributes::default();
        let (old, new, personal) = (&before.row, &self.row, &self.personal);
        let ([unread_before, mentions_before], [unread_now, mentions_now]) = (before.most, self.at_most());
        let unread = |row: &Row, most| (row.unread, row.unread_bounded, most);
        set.insert_if(A::UnreadCount, unread(old, unread_before) != unread(new, unread_now));
        let mentions = |row: &Row, most| (row.mentions, row.mention_sig, row.mentions_bounded, most);
        set.insert_if(A::Mentions, mentions(old, mentions_before) != mentions(new, mentions_now));
        set.insert_if(A::ReadMarker, old.marker != new.marker);
        set.insert_if(A::Activity, old.activity != new.activity);
        set.insert_if(A::Pinned, before.pinned != personal.is_pinned());
        let until = personal.option_setting().until;
        set.insert_if(A::ReceiveOption, (old.option, before.option_until) != (new.option, until));
        set.insert_if(A::Archived, old.archived != new.archived);
        set.insert_if(A::PeerRead, before.peer_read != self.derived.peer_read);
        let touched_last = || {
            let last = touched.iter().find(|t| Some(t.slot) == new.last);
            last.is_some_and(|t| t.before != self.shown_hash(t.slot, &self.personal.cleared))
        };
        set.insert_if(
            A::LastMessage,
            old.last != new.last
                || old.last_is_older != new.last_is_older
                || before.last_is_peer_read != self.last_is_peer_read()
                || touched_last(),
        );
        if personal.reported.written().is_some() {
            set.insert_if(A::Gaps, before.gaps != self.gaps_hash());
        }
        if before.cleared != personal.cleared {
            set.insert_if(A::History, self.lost_history(&before.cleared, touched));
        }
        if let Some(before) = before.details.as_deref() {
            self.detail_differences(before, &mut set);
        }
        set
    }

    fn detail_differences(&self, before: &Details, set: &mut Attributes) {
        use Attribute as A;
        let personal = &self.personal;
        let kept = &personal.drafts.kept;
        set.insert_if(A::Draft, !before.drafts.ptr_eq(kept) && before.drafts != *kept);
        let marks_written = !before.marks.ptr_eq(&personal.marks);
        set.insert_if(A::Marks, marks_written && mark_bits(&before.marks) != personal.mark_bits());
        set.insert_if(A::CustomData, before.custom_data.as_deref() != personal.custom_data());
        set.insert_if(A::GroupType, before.group_type != self.group_type());
        set.insert_if(A::ShowName, before.name.as_deref() != shown(&self.shared.name));
        set.insert_if(A::FaceUrl, before.face_url.as_deref() != shown(&self.shared.face_url));
        set.insert_if(A::Archived, before.stays_archived != personal.stays_archived());
        set.insert_if(A::Membership, before.membership.as_ref() != personal.membership.get());
    }
}
