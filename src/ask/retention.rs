//! What the cloud still holds of an inbox (R95).

use std::cmp::Reverse;

use crate::inbox::Inbox;
use crate::model::id::{ConversationId, ConversationKind};
use crate::model::setters::setters;
use crate::model::time::Timestamp;

const WEEK_S: u64 = 7 * 86_400;

/// How much a cloud keeps: every bound of R95, each to be set.
///
/// ```
/// use chatfold::retention::RetentionPolicy;
/// let patient = RetentionPolicy::ultimate().with_idle_s(30 * 86_400);
/// assert_eq!(patient.max_conversations, 500);
/// assert_eq!(RetentionPolicy::default(), RetentionPolicy::standard());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RetentionPolicy {
    /// How many conversations are kept: those most recently active.
    pub max_conversations: usize,
    /// A conversation not active for longer than this many seconds is not kept.
    pub idle_s: u64,
    /// Whether deleting a conversation deletes it in the cloud too. Off in the reference.
    pub deletes_conversations: bool,
    /// For how many direct chats unread messages are reported: the most recently active ones that have any.
    pub max_unread_conversations: usize,
    /// How many unread messages are reported of one direct chat at most.
    pub max_unread_messages: u64,
    /// Messages older than this many seconds are not reported as unread.
    pub unread_age_s: u64,
}

setters!(RetentionPolicy {
    /// Returns the same with [`max_conversations`](RetentionPolicy::max_conversations) as given.
    with_max_conversations: max_conversations: usize,
    /// Returns the same with [`idle_s`](RetentionPolicy::idle_s) as given.
    with_idle_s: idle_s: u64,
    /// Returns the same with [`deletes_conversations`](RetentionPolicy::deletes_conversations) as given.
    with_deletes_conversations: deletes_conversations: bool,
    /// Returns the same with [`max_unread_conversations`](RetentionPolicy::max_unread_conversations) as given.
    with_max_unread_conversations: max_unread_conversations: usize,
    /// Returns the same with [`max_unread_messages`](RetentionPolicy::max_unread_messages) as given.
    with_max_unread_messages: max_unread_messages: u64,
    /// Returns the same with [`unread_age_s`](RetentionPolicy::unread_age_s) as given.
    with_unread_age_s: unread_age_s: u64,
});

impl RetentionPolicy {
    /// The standard plan: 100 conversations, 7 days; direct unread 100 × 250 × 7 days.
    pub const fn standard() -> Self {
        Self {
            max_conversations: 100,
            idle_s: WEEK_S,
            deletes_conversations: false,
            max_unread_conversations: 100,
            max_unread_messages: 250,
            unread_age_s: WEEK_S,
        }
    }

    /// The larger plan: 500 conversations, else as [`RetentionPolicy::standard`].
    pub const fn ultimate() -> Self {
        Self { max_conversations: 500, ..Self::standard() }
    }
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self::standard()
    }
}

/// What a cloud holds of an inbox at one instant: see [`view_cloud`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloudView {
    /// The conversations kept, the most recently active first.
    pub kept: Vec<CloudConversation>,
    /// Those it held once and holds no longer, the most recently active first.
    pub evicted: Vec<Evicted>,
    /// Listed conversations of which nothing ever reached it, in list order: only a draft, only imports, only
    /// messages that were never sent.
    pub local_only: Vec<ConversationId>,
    /// The unread messages it reports for direct chats, in the order of [`CloudView::kept`]; chats without are
    /// left out.
    pub direct_unread: Vec<DirectUnread>,
}

/// A conversation as the cloud sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloudConversation {
    /// The conversation.
    pub id: ConversationId,
    /// When the cloud last saw it move, which may be earlier than its activity in the list: drafts and imports
    /// move it there alone. The epoch if never.
    pub activity: Timestamp,
    /// Whether it is pinned, which orders it before others of the same instant and protects it from nothing.
    pub pinned: bool,
}

/// A conversation that the cloud no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evicted {
    /// The conversation.
    pub conversation: CloudConversation,
    /// Why.
    pub reason: Eviction,
}

/// Why a conversation was evicted. One both too old and too far down is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Eviction {
    /// Too many others were active since.
    Count {
        /// Its place among those not too old, from 1.
        place: usize,
    },
    /// It was not active for too long.
    Age {
        /// How long, in milliseconds.
        idle_ms: i64,
    },
}

/// The unread messages a cloud reports for a direct chat.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectUnread {
    /// The chat.
    pub id: ConversationId,
    /// How many, at most [`RetentionPolicy::max_unread_messages`].
    pub unread: u64,
}

/// What a cloud that keeps to `policy` still holds of `inbox` at `now`, and what it evicted and why (R95).
///
/// Kept are the most recently active conversations, as many as the policy says, none idle for longer than it
/// says (exactly as long is not too long). Of conversations active at one instant those before in the list stay;
/// a pin protects none.
///
/// What never reaches a cloud does not count there: drafts, imports and what is queued or failed move and list
/// nothing; deleted messages still list their conversation and count as unread; and a deleted conversation is
/// still there, unless the policy says that deletions reach the cloud. A message's activity in the cloud is the
/// time the server gave it.
///
/// A clearing of the history reaches the cloud, but one that reaches no further than a deletion that does not is
/// taken for part of the deletion: what it cleared counts as unread there.
///
/// Complexity: the messages of all conversations are looked at.
///
/// ```
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy};
/// use chatfold::retention::{Eviction, RetentionPolicy, view_cloud};
/// use chatfold::{Timestamp, UserId};
///
/// let bob = UserId::parse("bob")?;
/// let mut inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
/// let sent: Timestamp = "2026-03-01T09:00:00.000Z".parse()?;
/// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?");
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), sent, bob.clone());
/// inbox.apply(&envelope.message_received(ConversationId::direct(&bob), lunch)?);
///
/// let policy = RetentionPolicy::standard();
/// let week_later = view_cloud(&inbox, &policy, "2026-03-08T09:00:00.000Z".parse()?);
/// assert_eq!((week_later.kept.len(), week_later.direct_unread[0].unread), (1, 1));
/// let later_still = view_cloud(&inbox, &policy, "2026-03-08T09:00:00.001Z".parse()?);
/// assert_eq!(later_still.evicted[0].reason, Eviction::Age { idle_ms: 7 * 86_400_000 + 1 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn view_cloud(inbox: &Inbox, policy: &RetentionPolicy, now: Timestamp) -> CloudView {
    let mut view = CloudView::default();
    let mut held = Vec::new();
    for conversation in inbox.known_conversations() {
        let seen = conversation.in_cloud(policy.deletes_conversations);
        if seen.listed {
            let (activity, pinned) = (seen.activity, seen.pinned);
            held.push(CloudConversation { id: conversation.id().clone(), activity, pinned });
        }
    }
    // The ids come in order, and the sort keeps it among equals.
    held.sort_by_key(|conversation| (Reverse(conversation.activity), Reverse(conversation.pinned)));
    for conversation in held {
        let idle_ms = now.as_millis() - conversation.activity.as_millis();
        let place = view.kept.len() + view.evicted.len() + 1;
        if is_older(idle_ms, policy.idle_s) {
            view.evicted.push(Evicted { conversation, reason: Eviction::Age { idle_ms } });
        } else if view.kept.len() < policy.max_conversations {
            view.kept.push(conversation);
        } else {
            view.evicted.push(Evicted { conversation, reason: Eviction::Count { place } });
        }
    }
    view.local_only = inbox
        .conversations()
        .filter(|conversation| !conversation.in_cloud(policy.deletes_conversations).listed)
        .map(|conversation| conversation.id().clone())
        .collect();
    view.direct_unread = direct_unread(inbox, policy, now, &view.kept);
    view
}

/// Whether `age_ms` is more than `limit_s`; what has yet to happen is not old.
fn is_older(age_ms: i64, limit_s: u64) -> bool {
    u64::try_from(age_ms).is_ok_and(|age_ms| age_ms > limit_s.saturating_mul(1000))
}

fn direct_unread(
    inbox: &Inbox,
    policy: &RetentionPolicy,
    now: Timestamp,
    kept: &[CloudConversation],
) -> Vec<DirectUnread> {
    let age_ms = i64::try_from(policy.unread_age_s.saturating_mul(1000)).unwrap_or(i64::MAX);
    let since = now.as_millis().saturating_sub(age_ms).max(0);
    let (limit, deletions) = (policy.max_unread_messages, policy.deletes_conversations);
    kept.iter()
        .filter(|conversation| conversation.id.kind() == ConversationKind::Direct)
        .filter_map(|conversation| {
            let unread = inbox.conversation(&conversation.id)?.cloud_unread(since, limit, deletions);
            (unread > 0).then(|| DirectUnread { id: conversation.id.clone(), unread })
        })
        .take(policy.max_unread_conversations)
        .collect()
}
