//! Events that are brought to logs whose inboxes nobody has loaded.

use chatfold::UserId;
use chatfold::shared::StreamId;
use chatfold::store::{EventStore, NewEvent, Received};

use crate::decoded::checked;
use crate::error::{AccountError, Failure};

/// Brings events to the logs of many inboxes without loading any: each gets those that it does not have, in their order.
/// Returns what came of each owner, in the order of `owners`. No snapshot is made.
///
/// It is as if each had [received](crate::Account::receive_encoded) them, one after the other. [`encode`](crate::encode)
/// makes of an event what is given here. Accounts of these inboxes that are open notice with what they do next.
///
/// ```
/// use chatfold::store::{MemoryStore, Received};
/// use chatfold::{ConversationId, Envelope, EventId, Message, MessageId, Timestamp, UserId};
/// use chatfold_account::{Account, Options, encode, receive_many};
///
/// let mut store = MemoryStore::new();
/// let members = ["alice", "bob"].map(|name| UserId::parse(name).expect("a name"));
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, UserId::parse("carol")?);
/// let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?").with_seq(1);
/// let event = envelope.message_received("group_dev".parse()?, lunch)?;
/// let received = receive_many(&mut store, &members, vec![encode(&event)])?;
/// assert_eq!(received, vec![Received::Appended { first: 1, last: 1 }; 2]);
/// let bob = Account::open(store, members[1].clone(), Options::default())?;
/// assert_eq!(bob.inbox().totals().unread, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`AccountError::Undecodable`] or [`AccountError::Damaged`] if an event is not what its id says, with its place among
/// `events`, and nothing was written; [`AccountError::Store`] if the store fails: some of the logs may have the events
/// then, so bring them again.
pub fn receive_many<S: EventStore>(
    store: &mut S,
    owners: &[UserId],
    events: Vec<NewEvent>,
) -> Result<Vec<Received>, AccountError<S::Error>> {
    let events = checked(events).map_err(Failure::widen)?;
    let streams: Vec<_> = owners.iter().map(StreamId::from).collect();
    store.receive_many(&streams, &events).map_err(AccountError::Store)
}
