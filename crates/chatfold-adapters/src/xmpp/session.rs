//! What is being made of one payload, and which names stand for which messages.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::{ConversationId, MessageId, Timestamp, UserId};

use super::jid::bare;
use super::stanza;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{Maker, MessageName};

/// The key in an event's meta under which the id stands that the sender of a message chose.
pub(super) const META_SENDERS_ID: &str = "xmpp_id";

/// What is being made of one payload.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) maker: Maker<'a>,
    /// What was learned before.
    pub(super) learned: &'a Named,
    /// What this payload itself introduces.
    pub(super) here: Named,
    pub(super) occupants: &'a BTreeMap<String, BTreeSet<String>>,
}

/// Whose reactions to which message.
pub(super) type ReactionsOf = (ConversationId, MessageId, UserId);

/// All reactions that somebody had to a message, and since when.
#[derive(Clone, Debug)]
pub(super) struct Reactions {
    pub(super) at: Timestamp,
    pub(super) names: BTreeSet<String>,
}

/// Who gave a message the id by which it is named.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sender<'u> {
    /// This user, and nobody else.
    Is(&'u UserId),
    /// Somebody other than this user, or else this user.
    RatherNot(&'u UserId),
}

/// Messages by the names that others use for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// The archive's id of a message, by conversation, the id that its sender chose, and sender. The first counts.
    by_sender: BTreeMap<(ConversationId, String), BTreeMap<UserId, String>>,
    /// Who wrote a message, by conversation and the archive's id of it.
    authors: BTreeMap<ConversationId, BTreeMap<String, UserId>>,
    /// The newest reactions of somebody to a message.
    reactions: BTreeMap<ReactionsOf, Reactions>,
}

impl Named {
    /// Learns of a message.
    pub(super) fn insert(
        &mut self,
        conversation: &ConversationId,
        by: &UserId,
        foreign: &str,
        senders_id: Option<&str>,
    ) {
        let authors = self.authors.entry(conversation.clone()).or_default();
        authors.entry(foreign.to_owned()).or_insert_with(|| by.clone());
        if let Some(id) = senders_id {
            let key = (conversation.clone(), id.to_owned());
            let senders = self.by_sender.entry(key).or_default();
            senders.entry(by.clone()).or_insert_with(|| foreign.to_owned());
        }
    }

    /// Learns of reactions that somebody had at an instant: all of them, in one or several calls.
    pub(super) fn reacted(
        &mut self,
        of: ReactionsOf,
        at: Timestamp,
        names: impl IntoIterator<Item = String>,
    ) {
        let newest = self.reactions.entry(of).or_insert_with(|| Reactions { at, names: BTreeSet::new() });
        if newest.at < at {
            *newest = Reactions { at, names: BTreeSet::new() };
        }
        if newest.at == at {
            newest.names.extend(names);
        }
    }
}

/// A message that something names.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: MessageId,
    pub(super) key: String,
}

impl Session<'_> {
    /// Returns the account's bare JID.
    pub(super) fn account(&self) -> &str {
        bare(self.maker.scope.account())
    }

    /// Returns the message that its sender called so.
    pub(super) fn by_senders_id(
        &self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        id: &str,
        sender: Sender<'_>,
    ) -> Result<Target, Fault> {
        let key = (conversation.clone(), id.to_owned());
        let all = [&self.here, self.learned].into_iter();
        let all = all.filter_map(|named| named.by_sender.get(&key)).flatten();
        let found = match sender {
            Sender::Is(sender) => all.clone().find(|(by, _)| *by == sender),
            Sender::RatherNot(user) => all.clone().find(|(by, _)| *by != user).or(all.clone().next()),
        };
        let found = found.map(|(_, foreign)| foreign);
        let foreign =
            found.ok_or_else(|| at.refused("the id of a message that was learned", crate::fault::cut(id)))?;
        self.by_archive_id(at, foreign)
    }

    /// Returns the message that the archive calls so.
    pub(super) fn by_archive_id(&self, at: &At<'_, '_>, foreign: &str) -> Result<Target, Fault> {
        let name = self.maker.message(at, foreign, foreign)?;
        Ok(Target { id: name.id, key: name.key })
    }

    /// Returns the newest reactions of somebody to a message, if they are later than this.
    pub(super) fn later_reactions(&self, of: &ReactionsOf, than: Timestamp) -> Option<Reactions> {
        let known = [&self.here, self.learned].into_iter().filter_map(|named| named.reactions.get(of));
        known.filter(|known| known.at > than).max_by_key(|known| known.at).cloned()
    }

    /// Returns who wrote the message that the archive calls so, if it was learned.
    pub(super) fn author_of(&self, conversation: &ConversationId, foreign: &str) -> Option<&UserId> {
        let named = [&self.here, self.learned].into_iter();
        named.filter_map(|named| named.authors.get(conversation)?.get(foreign)).next()
    }

    /// Returns the id that an archive gave a message (XEP-0359), if this archive did: ids of others are whatever somebody wrote.
    pub(super) fn archive_id<'v>(&self, at: &At<'v, '_>, archive: &str) -> Result<Option<&'v str>, Fault> {
        for child in at.children().filter(|child| stanza::is(child, "stanza-id", "urn:xmpp:sid:0")) {
            if stanza::attribute(&child, "by")?.map(bare) == Some(archive) {
                return stanza::needed(&child, "id").map(Some);
            }
        }
        Ok(None)
    }

    /// Returns the names of a message under its archive's id.
    pub(super) fn named(&self, at: &At<'_, '_>, foreign: &str) -> Result<MessageName, Fault> {
        self.maker.message(at, foreign, foreign)
    }
}
