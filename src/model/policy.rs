//! The fold's only configuration.

use crate::model::setters::setters;

/// What an inbox may be told about its fold: fixed when it is made, part of every snapshot, and the same for
/// all inboxes that are ever merged (R41).
///
/// ```
/// use chatfold::Policy;
/// let policy = Policy::default().with_own_message_reads(true);
/// assert!(!policy.meeting_unread);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Policy {
    /// Messages in a Meeting group count as unread (R23).
    pub meeting_unread: bool,
    /// The owner's own delivered message is a read of its position (R39).
    pub own_message_reads: bool,
}

setters!(Policy {
    /// Returns the same with [`meeting_unread`](Policy::meeting_unread) as given.
    with_meeting_unread: meeting_unread: bool,
    /// Returns the same with [`own_message_reads`](Policy::own_message_reads) as given.
    with_own_message_reads: own_message_reads: bool,
});
