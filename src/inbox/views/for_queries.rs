//! What an inbox knows beside what it shows, for judging notices, the cloud's view and divergence: messages
//! that were deleted or cleared away, and what of a conversation ever reaches a server.

use crate::inbox::conversation::personal::reach;
use crate::inbox::effects::Class;
use crate::inbox::timeline::entry::{Entry, bits, timestamp};
use crate::inbox::views::conversation::ConversationView;
use crate::inbox::views::message::MessageView;
use crate::model::id::MessageId;
use crate::model::time::Timestamp;

/// A message and whether it stands behind everything its owner has put away.
pub(crate) struct Standing<'a> {
    pub(crate) message: MessageView<'a>,
    /// Deleted, cleared away, or covered by a deletion of the conversation.
    pub(crate) put_away: bool,
}

/// What of a conversation reaches a server: no draft, no import, nothing queued, no deletion of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InCloud {
    /// Something of it is there since it was last deleted.
    pub(crate) listed: bool,
    pub(crate) pinned: bool,
    /// When the server last saw it move; the epoch if never.
    pub(crate) activity: Timestamp,
}

impl<'a> ConversationView<'a> {
    /// A message that is known, also when it was put away; `None` for what waits or is targeted at others.
    pub(crate) fn standing(&self, id: MessageId) -> Option<Standing<'a>> {
        let conversation = self.state();
        let facts = conversation.facts();
        let slot = facts.slot(id)?;
        let entry = facts.arena.get(slot).filter(|entry| entry.is_known())?;
        let deleted = conversation.is_deleted(slot, &entry);
        let put_away = deleted || !conversation.is_visible(slot);
        Some(Standing { message: self.view(slot)?, put_away })
    }

    /// Every message that can be looked at, the online-only ones too, oldest first.
    pub(crate) fn visible_messages(&self) -> impl Iterator<Item = MessageView<'a>> + use<'a> {
        let view = *self;
        let conversation = self.state();
        let slots = conversation.order().into_iter();
        slots
            .flat_map(|order| order.forwards(None, conversation.facts()))
            .filter(move |slot| conversation.is_visible(*slot))
            .filter_map(move |slot| view.view(slot))
    }

    /// What of it reaches a server; `deletions` says whether the deletion of a conversation does.
    ///
    /// Complexity: the messages of the conversation are looked at.
    pub(crate) fn in_cloud(&self, deletions: bool) -> InCloud {
        let conversation = self.state();
        let (facts, personal) = (conversation.facts(), &conversation.personal);
        let outlives = |stamp: &crate::model::time::Stamp| !deletions || Some(*stamp) > personal.deleted_at;
        let opened = personal.opened.filter(outlives);
        let pinned = personal.pinned.entry().is_some_and(|(stamp, on)| *on && outlives(&stamp));
        let told = &personal.reported;
        let mut activity = opened.map_or(0, |stamp| stamp.at.as_millis()).max(told.active_ms());
        let mut present = told.lists(if deletions { reach(&personal.deleted) } else { -1 });
        for (slot, entry) in facts.arena.iter() {
            if !entry.is_known() || entry.rank() != 0 || entry.has(bits::ONLINE_ONLY) {
                continue;
            }
            present = present || !deletions || !conversation.is_deleted(slot, &entry);
            if entry.has(bits::EXCLUDED_FROM_LAST) {
                continue;
            }
            let acknowledged = facts.delivery(slot).and_then(|delivery| delivery.sent_activity);
            let received = (entry.class() == Class::Received).then(|| facts.time(&entry));
            activity = activity.max(acknowledged.map_or(0, |(at, _)| at)).max(received.unwrap_or(0));
        }
        InCloud { listed: present || pinned || opened.is_some(), pinned, activity: timestamp(activity) }
    }

    /// How many messages not older than `since` a server counts as unread in a direct chat, at most `limit`.
    pub(crate) fn cloud_unread(&self, since: i64, limit: u64, deletions: bool) -> u64 {
        let conversation = self.state();
        let (facts, personal) = (conversation.facts(), &conversation.personal);
        // What reaches further than every deletion is a clearing; the rest may be a deletion's own.
        let cleared = personal.cleared.filter(|_| deletions || personal.cleared > personal.deleted);
        let deleted = personal.deleted.filter(|_| deletions);
        let floor = conversation.row.marker.max(reach(&cleared)).max(reach(&deleted)).max(since - 1);
        let mut uncounted = bits::OWN
            | bits::READ
            | bits::RECALLED
            | bits::ONLINE_ONLY
            | bits::EXCLUDED_FROM_UNREAD
            | bits::TARGETED;
        if deletions {
            uncounted |= bits::UNLISTED;
        }
        // What both a clearing and a deletion may have named counts as the deletion's own, as above.
        let named = |entry: &Entry| entry.has(bits::CLEARED) && (deletions || !entry.has(bits::UNLISTED));
        let slots = conversation.order().into_iter().flat_map(|order| order.backwards(None, facts));
        let entries = slots.filter_map(|slot| facts.arena.get(slot));
        let counted = entries
            .take_while(|entry| entry.first > floor)
            .filter(|entry| entry.rank() == 0 && !entry.has(uncounted) && !named(entry));
        counted.take(usize::try_from(limit).unwrap_or(usize::MAX)).count() as u64
    }
}
