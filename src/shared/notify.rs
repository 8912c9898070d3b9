//! Whether a message of a shared history notifies a member (R90).

use crate::ask::notify::{Arrived, Notification, NotificationReason, zone_offset_s};
use crate::model::event::ZoneName;
use crate::model::id::MessageId;
use crate::model::time::Timestamp;
use crate::shared::member::Member;

impl Member<'_> {
    /// Whether a message notifies the account at the instant `at`, by the table of [`notify::judge`](crate::notify::judge): it
    /// is what that tells of an inbox that holds all that the account may see (R90).
    ///
    /// A server asks it of members who are not connected, to know whom to push; the rows of all others need not be made for it.
    ///
    /// Complexity: O(log n) in the messages; the account's read of the message by name, if it named any.
    pub fn judge_notification(&self, message: MessageId, at: Timestamp) -> Notification {
        self.explain_notification(message, at).notification()
    }

    /// Why a message notifies the account at the instant `at`, or why it does not.
    pub fn explain_notification(&self, message: MessageId, at: Timestamp) -> NotificationReason {
        self.explain_notification_in_zone(message, at, |zone| zone_offset_s(zone, at).unwrap_or(0))
    }

    /// The same, given by how many seconds a zone is ahead of UTC at `at`: it is asked where the account's quiet hours lie in the
    /// clock of a named zone (R57).
    pub fn explain_notification_in_zone(
        &self,
        message: MessageId,
        at: Timestamp,
        offset_s: impl FnOnce(&ZoneName) -> i32,
    ) -> NotificationReason {
        let look = &self.look;
        let slot = look.facts.slot(message);
        let entry = slot.and_then(|slot| look.entry(slot));
        let (Some(entry), Some(view)) = (entry, slot.and_then(|slot| self.view(slot))) else {
            return NotificationReason::Unknown;
        };
        let arrived = Arrived {
            owner: self.inbox.owner(),
            quiet_hours: self.inbox.quiet_hours(),
            option: self.receive_option(),
            option_until: self.receive_option_until(),
            group_type: self.group_type(),
            message: *view,
            put_away: look.is_put_away(&entry),
            is_read: view.is_read(),
        };
        arrived.explain(at, offset_s)
    }
}
