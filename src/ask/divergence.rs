//! In what two inboxes of one account differ, and which events each lacks (R96).
//!
//! Two devices that have seen the same events show the same (R04), so whatever differs is explained by events
//! that one has not seen yet; merging the inboxes, or handing the events over, ends it.

pub(crate) mod difference;
mod messages;
mod words;

use std::collections::BTreeSet;
use std::fmt;

use crate::ask::divergence::difference::{
    Difference, Differences, MessageDivergence, bytes, number, some_list, yes,
};
use crate::inbox::{ConversationView, Draft, Folder, Gap, Inbox, Mention};
use crate::model::change::Totals;
use crate::model::event::{Event, Mark};
use crate::model::id::{ConversationId, UserId};
use crate::model::time::Timestamp;

/// In what two inboxes differ: see [`compare`].
///
/// Printed, it is a text for people, a line a difference. In a fixed order: users, conversations by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// What differs of the account as a whole: owner, policy, totals, folders, quiet hours.
    pub account: Vec<Difference>,
    /// Users who look unlike beside messages that both inboxes show.
    pub users: Vec<UserDivergence>,
    /// Every conversation that differs, listed or not.
    pub conversations: Vec<ConversationDivergence>,
}

/// A user whose names or picture differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserDivergence {
    /// The user.
    pub user: UserId,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// A conversation that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationDivergence {
    /// The conversation.
    pub id: ConversationId,
    /// The attributes that differ.
    pub differences: Vec<Difference>,
    /// The messages that differ, or that only one can show, in the first one's order, then the other's.
    pub messages: Vec<MessageDivergence>,
}

/// Everything shown in which two inboxes differ, with both values (R96); empty when nothing is.
///
/// Looked at are the account, every conversation that either knows, listed or not, and every message that either
/// can show. What follows from a value told already is not told again message by message: whether it is read
/// follows from the read markers.
///
/// Facts that wait or are masked show nowhere and are not told; [`Inbox::digest`] is where they tell. [`Inbox::merge`]
/// both ways ends every divergence of inboxes of one owner and policy.
///
/// Complexity: the messages of all conversations are looked at.
///
/// ```
/// use chatfold::divergence::compare;
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Policy, Timestamp, UserId};
///
/// let alice = UserId::parse("alice")?;
/// let phone = Inbox::new(alice.clone(), Policy::default());
/// let mut laptop = phone.clone();
/// let pin = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, alice);
/// laptop.apply(&pin.conversation_pinned(ConversationId::parse("group_dev")?, true)?);
///
/// let found = compare(&phone, &laptop);
/// assert_eq!(found.conversations[0].differences[0].to_string(), "listed: no | yes");
/// let mut merged = phone.clone();
/// merged.merge(&laptop)?;
/// assert!(compare(&merged, &laptop).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compare(left: &Inbox, right: &Inbox) -> Divergence {
    let mut users = messages::Users::default();
    let mut conversations = Vec::new();
    for id in ids(left, right) {
        let (ours, theirs) = (left.conversation(id), right.conversation(id));
        let messages = messages::divergences(ours, theirs, &mut users);
        let differences = attributes(id, ours, theirs);
        if !differences.is_empty() || !messages.is_empty() {
            conversations.push(ConversationDivergence { id: id.clone(), differences, messages });
        }
    }
    let users = users.differing().into_iter();
    let users = users.map(|(user, differences)| UserDivergence { user: user.clone(), differences });
    Divergence { account: account(left, right), users: users.collect(), conversations }
}

/// The events of one log that the other lacks (R96): see [`compare_logs`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventsLacked<'a> {
    /// What only the other log holds, by stamp.
    pub left: Vec<&'a Event>,
    /// What only the first log holds, by stamp.
    pub right: Vec<&'a Event>,
}

/// Which events each of two logs lacks (R96), in order of stamp, each once.
///
/// An event is its whole content (R07): where one id is borne by two different events, each log that lacks one of
/// them lacks it.
///
/// Complexity: O(n log n); only references are held.
///
/// ```
/// use chatfold::divergence::compare_logs;
/// use chatfold::{Envelope, Event, EventId, FolderId, Timestamp, UserId};
/// let alice = UserId::parse("alice")?;
/// let event = |n: u8| Envelope::new(EventId::from_bytes([n; 16]), Timestamp::EPOCH, alice.clone());
/// let folder = FolderId::from_bytes([7; 16]);
/// let (one, two) = (event(1).folder_created(folder, "Work".into())?, event(2).folder_deleted(folder)?);
///
/// let lacked = compare_logs([&one, &two], [&one]);
/// assert!(lacked.left.is_empty());
/// assert_eq!(lacked.right, [&two]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compare_logs<'a>(
    left: impl IntoIterator<Item = &'a Event>,
    right: impl IntoIterator<Item = &'a Event>,
) -> EventsLacked<'a> {
    let (left, right): (BTreeSet<&Event>, BTreeSet<&Event>) =
        (left.into_iter().collect(), right.into_iter().collect());
    EventsLacked { left: only_in(&right, &left), right: only_in(&left, &right) }
}

fn only_in<'a>(held: &BTreeSet<&'a Event>, lacking: &BTreeSet<&'a Event>) -> Vec<&'a Event> {
    let mut lacked: Vec<_> = held.difference(lacking).copied().collect();
    lacked.sort_by_key(|event| event.stamp());
    lacked
}

impl Divergence {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.account.is_empty() && self.users.is_empty() && self.conversations.is_empty()
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.account {
            writeln!(f, "{difference}")?;
        }
        for UserDivergence { user, differences } in &self.users {
            differences.iter().try_for_each(|difference| writeln!(f, "{user}: {difference}"))?;
        }
        for ConversationDivergence { id, differences, messages } in &self.conversations {
            differences.iter().try_for_each(|difference| writeln!(f, "{id}: {difference}"))?;
            for message in messages {
                let (name, differences) = (message.id, &message.differences);
                differences.iter().try_for_each(|difference| writeln!(f, "{id}: {name}: {difference}"))?;
            }
        }
        Ok(())
    }
}

/// Every conversation that either knows, by id.
fn ids<'a>(left: &'a Inbox, right: &'a Inbox) -> BTreeSet<&'a ConversationId> {
    left.known_conversations().chain(right.known_conversations()).map(|known| known.id()).collect()
}

fn account(left: &Inbox, right: &Inbox) -> Vec<Difference> {
    let mut found = Differences::default();
    found.compare("owner", (left.owner(), right.owner()), |owner| Some(owner.to_string()));
    found.compare("policy", (left.policy(), right.policy()), |policy| Some(words::policy(policy)));
    let (ours, theirs) = (left.totals(), right.totals());
    found.compare("total_unread", (ours.unread, theirs.unread), number);
    found.compare("total_unread_all", (ours.unread_all, theirs.unread_all), number);
    let bounds = |totals: Totals| (totals.unread_is_lower_bound, totals.unread_all_is_lower_bound);
    let (ours, theirs) = (bounds(ours), bounds(theirs));
    found.compare("total_unread_is_lower_bound", (ours.0, theirs.0), yes);
    found.compare("total_unread_all_is_lower_bound", (ours.1, theirs.1), yes);
    found.compare("folders", (left.folders(), right.folders()), folders);
    found.compare("quiet_hours", (left.quiet_hours(), right.quiet_hours()), |hours| {
        hours.map(words::quiet_hours)
    });
    found.0
}

/// What differs of a conversation, its messages apart; one not known shows what an empty one does.
fn attributes(
    id: &ConversationId,
    left: Option<ConversationView<'_>>,
    right: Option<ConversationView<'_>>,
) -> Vec<Difference> {
    let mut found = Differences::default();
    /// The value of both.
    macro_rules! both {
        ($method:ident) => {
            (
                left.map(|view| view.$method()).unwrap_or_default(),
                right.map(|view| view.$method()).unwrap_or_default(),
            )
        };
    }
    let name = |view: Option<ConversationView<'_>>| {
        view.map_or_else(|| id.target().to_owned(), |view| view.show_name().to_owned())
    };
    found.compare("listed", both!(is_listed), yes);
    found.compare("show_name", (name(left), name(right)), |name| Some(format!("{name:?}")));
    found.compare("face_url", both!(face_url), |url| url.map(|url| format!("{url:?}")));
    found.compare("group_type", both!(group_type), |kind| kind.map(|kind| kind.as_str().to_owned()));
    found.compare("unread_count", both!(unread_count), number);
    found.compare("unread_is_lower_bound", both!(unread_is_lower_bound), yes);
    let most = |view: Option<ConversationView<'_>>| {
        Some(view.filter(ConversationView::unread_is_lower_bound)?.unread_bounds().most)
    };
    found.compare("unread_at_most", (most(left), most(right)), at_most);
    let last = |view: Option<ConversationView<'_>>| {
        view.and_then(|view| view.last_message()).map(|message| messages::summary(&message))
    };
    found.compare("last_message", (last(left), last(right)), |last| last);
    found.compare("last_message_is_older", both!(last_message_is_older), yes);
    found.compare("receive_option", both!(receive_option), |option| Some(words::unit(option)));
    found.compare("receive_option_until", both!(receive_option_until), |at| at.map(|at| at.to_string()));
    found.compare("archived", both!(is_archived), yes);
    found.compare("stays_archived", both!(stays_archived), yes);
    found.compare("membership", both!(membership), |state| state.map(words::unit));
    found.compare("mentions", both!(mentions), mentions);
    found.compare("mention_count", both!(mention_count), number);
    found.compare("mention_is_lower_bound", both!(mention_is_lower_bound), yes);
    let most = |view: Option<ConversationView<'_>>| {
        Some(view.filter(ConversationView::mention_is_lower_bound)?.mention_bounds().most)
    };
    found.compare("mentions_at_most", (most(left), most(right)), at_most);
    found.compare("drafts", (drafts(left), drafts(right)), some_list);
    found.compare("pinned", both!(is_pinned), yes);
    found.compare("marks", both!(marks), marks);
    found.compare("custom_data", both!(custom_data), |data| data.map(bytes));
    found.compare("gaps", (gaps(left), gaps(right)), some_list);
    found.compare("folders", both!(folders), folders);
    found.compare("read_marker", both!(read_marker), |marker| marker.map(|marker| marker.to_string()));
    found.compare("peer_read_marker", both!(peer_read_marker), |marker| marker.map(|at| at.to_string()));
    let activity = |view: Option<ConversationView<'_>>| view.map_or(Timestamp::EPOCH, |view| view.activity());
    found.compare("activity", (activity(left), activity(right)), |at| Some(at.to_string()));
    found.compare("order_key", both!(order_key), number);
    found.0
}

/// The stretches that are not held.
fn gaps(view: Option<ConversationView<'_>>) -> Vec<String> {
    let said = |gap: Gap| format!("{} to {}", gap.from, gap.through);
    view.map(|view| view.gaps().map(said).collect()).unwrap_or_default()
}

/// The drafts kept, the one that shows last.
fn drafts(view: Option<ConversationView<'_>>) -> Vec<String> {
    let said = |draft: Draft<'_>| {
        let replaces = draft.replaces.map(|event| format!(" in place of {event}")).unwrap_or_default();
        format!("{:?} of {}{replaces}", draft.text, words::stamp(draft.stamp))
    };
    view.map(|view| view.drafts_kept().into_iter().map(said).collect()).unwrap_or_default()
}

fn folders(folders: Vec<Folder>) -> Option<String> {
    some_list(folders.into_iter().map(|folder| format!("{:?} ({})", folder.name, folder.id)).collect())
}

fn marks(marks: Vec<Mark>) -> Option<String> {
    some_list(marks.into_iter().map(|mark| mark.bits().to_string()).collect())
}

/// How many there may be at most, where that is not the number that shows.
fn at_most(most: Option<Option<u64>>) -> Option<String> {
    most.map(|most| most.map_or_else(|| "any number".to_owned(), |most| most.to_string()))
}

fn mentions(mentions: Vec<Mention>) -> Option<String> {
    let said = |mention: Mention| {
        let message = mention.message.map_or_else(|| "not held".to_owned(), |message| message.to_string());
        format!("{} in seq {} ({message})", words::unit(mention.kind), mention.seq)
    };
    some_list(mentions.into_iter().map(said).collect())
}
