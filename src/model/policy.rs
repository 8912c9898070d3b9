//! The fold's only configuration.

/// What an inbox may be told about its fold: fixed when it is made, part of every snapshot, and the same for
/// all inboxes that are ever merged (R41).
///
/// ```
/// use chatfold::Policy;
/// let policy = Policy { own_message_reads: true, ..Policy::default() };
/// assert!(!policy.meeting_unread);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Messages in a Meeting group count as unread (R23).
    pub meeting_unread: bool,
    /// The owner's own delivered message is a read of its position (R39).
    pub own_message_reads: bool,
}
