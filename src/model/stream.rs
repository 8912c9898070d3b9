//! Streams: what a log is of, and the key that stores keep it by (R121, R122).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::model::id::{ConversationId, ConversationKind, GroupId, IdError, UserId};

/// The name of a conversation that has a stream of its own: a group, or the two of a direct chat.
///
/// Ordered and compared as text. In the stream of a direct chat events name the conversation as the lesser of the two, by
/// bytes, sees it: `c2c_<greater>` (R122).
///
/// ```
/// use chatfold::shared::SharedId;
/// use chatfold::UserId;
/// let [alice, bob] = [UserId::parse("alice")?, UserId::parse("bob")?];
/// let chat = SharedId::direct(&bob, &alice);
/// assert_eq!(chat, SharedId::direct(&alice, &bob), "one stream for the pair");
/// assert_eq!(chat.conversation().as_str(), "c2c_bob");
/// assert_eq!(chat.as_seen_by(&bob).map(|id| id.to_string()).as_deref(), Some("c2c_alice"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SharedId {
    /// The key of its stream, of which all else follows.
    key: Arc<str>,
    conversation: ConversationId,
    /// The one of a direct chat whom the conversation's id does not name.
    lesser: Option<UserId>,
}

impl SharedId {
    fn new(conversation: ConversationId, lesser: Option<UserId>) -> Self {
        let mut key = String::new();
        put_key(&mut key, conversation.as_str(), lesser.as_ref());
        Self { key: key.into(), conversation, lesser }
    }

    /// Puts the key of what `owner` calls `conversation` in the place of a text.
    pub(crate) fn put_key_of(key: &mut String, owner: &UserId, conversation: &ConversationId) {
        match conversation.peer() {
            Some(peer) => {
                key.clear();
                key.push_str(Self::direct(owner, &peer).key());
            }
            None => put_key(key, conversation.as_str(), None),
        }
    }

    /// The conversation of a group.
    pub fn group(group: &GroupId) -> Self {
        Self::new(ConversationId::group(group), None)
    }

    /// The direct chat of two users; both may be one, who then is its only member.
    pub fn direct(one: &UserId, other: &UserId) -> Self {
        let (lesser, greater) = if one < other { (one, other) } else { (other, one) };
        Self::new(ConversationId::direct(greater), Some(lesser.clone()))
    }

    /// What `owner` calls `conversation`.
    pub fn of(owner: &UserId, conversation: &ConversationId) -> Self {
        match conversation.peer() {
            Some(peer) => Self::direct(owner, &peer),
            None => Self::new(conversation.clone(), None),
        }
    }

    /// The key of its stream, by which it is ordered, compared and found.
    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The conversation's id as events of its stream have it.
    pub fn conversation(&self) -> &ConversationId {
        &self.conversation
    }

    /// The conversation's id as a user sees it; `None` where it is a direct chat of others.
    pub fn as_seen_by(&self, user: &UserId) -> Option<ConversationId> {
        match &self.lesser {
            Some(lesser) if user.as_str() == self.conversation.target() => {
                Some(ConversationId::direct(lesser))
            }
            Some(lesser) if user != lesser => None,
            _ => Some(self.conversation.clone()),
        }
    }

    /// The two of a direct chat, the lesser first.
    pub fn pair(&self) -> Option<(UserId, UserId)> {
        Some((self.lesser.clone()?, self.conversation.peer()?))
    }

    /// Whether it is a direct chat and a user one of its two.
    pub(crate) fn is_of_pair(&self, user: &UserId) -> bool {
        let lesser = self.lesser.as_ref();
        lesser.is_some_and(|lesser| lesser == user || user.as_str() == self.conversation.target())
    }

    /// The one of a direct chat whom the conversation's id does not name.
    pub(crate) fn lesser(&self) -> Option<&UserId> {
        self.lesser.as_ref()
    }
}

/// What stands between the two of a direct chat in a stream's text: no id has it.
const BETWEEN: char = '\t';

/// What the key of a conversation's stream begins with; a tab, which no user's id has.
const CONVERSATION: &str = "\tc:";

/// The key of the directory.
const DIRECTORY: &str = "\td";

/// Puts the key of a conversation, as events of its stream have it, in the place of a text.
fn put_key(key: &mut String, conversation: &str, lesser: Option<&UserId>) {
    key.clear();
    key.push_str(CONVERSATION);
    key.push_str(conversation);
    if let Some(lesser) = lesser {
        key.push(BETWEEN);
        key.push_str(lesser.as_str());
    }
}

impl PartialEq for SharedId {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for SharedId {}

impl Hash for SharedId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for SharedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedId").field(&self.to_string()).finish()
    }
}

impl PartialOrd for SharedId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SharedId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl fmt::Display for SharedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key.strip_prefix(CONVERSATION).unwrap_or_default())
    }
}

impl FromStr for SharedId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once(BETWEEN) {
            None => {
                let conversation = ConversationId::parse(text)?;
                match conversation.kind() {
                    ConversationKind::Group => Ok(Self::new(conversation, None)),
                    ConversationKind::Direct => Err(IdError::Empty),
                }
            }
            Some((conversation, lesser)) => {
                let (conversation, lesser) = (ConversationId::parse(conversation)?, UserId::parse(lesser)?);
                let pair = conversation.peer().map(|greater| Self::direct(&lesser, &greater));
                pair.filter(|pair| pair.conversation == conversation).ok_or(IdError::Prefix)
            }
        }
    }
}

/// A stream of events, by what it is of: no order between streams is needed (R03). Stores keep a log a stream.
///
/// As text, for people: `a:` and the user, `c:` and the conversation (of a direct chat, a tab and the other user behind it), or
/// `d`. As a [key](StreamId::key), for stores: an account's is the user's id and nothing else. Ordered as the bytes of keys.
///
/// ```
/// use chatfold::shared::{SharedId, StreamId};
/// use chatfold::{GroupId, UserId};
/// let group = StreamId::Conversation(SharedId::group(&GroupId::parse("team")?));
/// assert_eq!((group.to_string().as_str(), group.key()), ("c:group_team", "\tc:group_team"));
/// assert_eq!("c:group_team".parse(), Ok(group));
/// let alice = StreamId::from(UserId::parse("alice")?);
/// assert_eq!((alice.to_string().as_str(), alice.key()), ("a:alice", "alice"));
/// assert_eq!(StreamId::from_key("alice"), Ok(alice));
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StreamId {
    /// What is one account's own.
    Account(UserId),
    /// What all members of a conversation share.
    Conversation(SharedId),
    /// The profiles of users and groups.
    Directory,
}

impl StreamId {
    /// The text that stores keep a stream by, at most 265 bytes: of an account the user's id, of any other one that begins with
    /// a tab and so is no user's. Keys are the same for ever.
    pub fn key(&self) -> &str {
        match self {
            Self::Account(user) => user.as_str(),
            Self::Conversation(id) => &id.key,
            Self::Directory => DIRECTORY,
        }
    }

    /// The stream of a key.
    ///
    /// # Errors
    ///
    /// [`IdError`]: why the text is no stream's key.
    pub fn from_key(key: &str) -> Result<Self, IdError> {
        match key.strip_prefix(CONVERSATION) {
            Some(id) => id.parse().map(Self::Conversation),
            None if key == DIRECTORY => Ok(Self::Directory),
            None => UserId::parse(key).map(Self::Account),
        }
    }

    /// The account whose own stream it is; `None` of one that accounts share.
    pub fn account(&self) -> Option<&UserId> {
        match self {
            Self::Account(user) => Some(user),
            Self::Conversation(_) | Self::Directory => None,
        }
    }

    /// Whom readers of columns take for the owner of a log of this stream: the account, or an id that no user has. Columns
    /// say nothing of it, and no header is written with it.
    pub fn columns_owner(&self) -> UserId {
        self.account().cloned().unwrap_or_else(|| UserId::nobody(None))
    }
}

impl From<UserId> for StreamId {
    fn from(user: UserId) -> Self {
        Self::Account(user)
    }
}

impl From<&UserId> for StreamId {
    fn from(user: &UserId) -> Self {
        Self::Account(user.clone())
    }
}

impl From<SharedId> for StreamId {
    fn from(id: SharedId) -> Self {
        Self::Conversation(id)
    }
}

impl From<&SharedId> for StreamId {
    fn from(id: &SharedId) -> Self {
        Self::Conversation(id.clone())
    }
}

impl PartialOrd for StreamId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StreamId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(other.key())
    }
}

/// With `#` an account's stream is the user's id alone, as whoever keeps inboxes calls it.
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(user) if f.alternate() => write!(f, "{user}"),
            Self::Account(user) => write!(f, "a:{user}"),
            Self::Conversation(id) => write!(f, "c:{id}"),
            Self::Directory => f.write_str("d"),
        }
    }
}

impl FromStr for StreamId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match (text.split_once(':'), text) {
            (Some(("a", user)), _) => UserId::parse(user).map(Self::Account),
            (Some(("c", id)), _) => id.parse().map(Self::Conversation),
            (_, "d") => Ok(Self::Directory),
            _ => Err(IdError::Prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    /// Streams of all kinds whose names are alike, or as long as can be.
    fn streams() -> Vec<StreamId> {
        let long = "x".repeat(128);
        let mut all = vec![StreamId::Directory];
        for name in ["d", "a", "c:group_d", "c2c_a", "group_a", "a:d", "c:c2c_b", "*", " ", &long] {
            all.push(user(name).into());
            all.push(SharedId::group(&GroupId::parse(name).unwrap()).into());
            for other in ["d", "a", "c:group_d", &long] {
                all.push(SharedId::direct(&user(name), &user(other)).into());
            }
        }
        all.sort();
        all.dedup();
        all
    }

    #[test]
    fn keys_and_texts_come_back_as_the_stream_they_are_of() {
        for stream in streams() {
            assert_eq!(StreamId::from_key(stream.key()), Ok(stream.clone()));
            assert_eq!(stream.to_string().parse(), Ok(stream.clone()));
            assert!(stream.key().len() <= 265, "{stream}");
            assert_eq!(UserId::parse(stream.key()).is_ok(), stream.account().is_some(), "{stream}");
        }
    }

    #[test]
    fn no_two_streams_have_one_key_and_their_order_is_that_of_keys() {
        let (streams, keys) = (streams(), |all: &[StreamId]| -> Vec<String> {
            all.iter().map(|stream| stream.key().to_owned()).collect()
        });
        let mut sorted = keys(&streams);
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted, keys(&streams));
    }

    #[test]
    fn other_texts_are_no_key() {
        for text in
            ["", "\t", "\tx", "\td ", "\tc:", "\tc:group_", "\tc:c2c_bob", "\tc:c2c_a\tb", "\ta:alice"]
        {
            assert!(StreamId::from_key(text).is_err(), "{text:?}");
        }
    }
}
