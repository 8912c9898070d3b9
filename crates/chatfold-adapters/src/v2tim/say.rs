//! What messages say, however they are written.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Fact, Mentions, MessageKind, Meta, Through, Watermark};
use chatfold::foreign::EventKey;
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, Timestamp, UserId};

use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{As, Maker, MessageName, Said};

/// What is being made of one payload.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) maker: Maker<'a>,
    pub(super) messages: &'a BTreeMap<String, Known>,
}

/// A message that was learned of.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) conversation: ConversationId,
    pub(super) time: Timestamp,
    pub(super) author: UserId,
}

/// A message as a client has it.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) name: MessageName,
    pub(super) said: Said,
    pub(super) seq: u64,
    pub(super) content: Content,
    /// How often it was edited; 0 never.
    pub(super) version: u64,
    /// It was edited, by its version or by its own word.
    pub(super) is_modified: bool,
    pub(super) recalled: Option<Recalled>,
    /// What its author is called and looks like.
    pub(super) profile: Looks,
}

/// Who recalled a message, where that is said, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Recalled {
    pub(super) by: Option<UserId>,
    pub(super) reason: Option<String>,
}

/// What somebody is called and looks like.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    pub(super) nickname: Option<String>,
    pub(super) face_url: Option<String>,
    /// What the owner calls them.
    pub(super) remark: Option<String>,
}

/// The end of a second.
pub(super) fn end_of(second: Timestamp) -> Timestamp {
    Timestamp::from_millis(second.as_millis().saturating_add(999)).unwrap_or(Timestamp::MAX)
}

impl Session<'_> {
    /// Returns the conversation of this kind.
    pub(super) fn conversation(
        &self,
        at: &At<'_, '_>,
        kind: ConversationKind,
        target: &str,
    ) -> Result<ConversationId, Fault> {
        match kind {
            ConversationKind::Direct => Ok(ConversationId::direct(&self.maker.user_named(at, target)?)),
            ConversationKind::Group => self.maker.group(at, target),
        }
    }

    /// Returns whom a message mentions: `everybody` has several spellings.
    pub(super) fn mentions(
        &self,
        at: &At<'_, '_>,
        key: &str,
        kind: ConversationKind,
    ) -> Result<Mentions, Fault> {
        let mut mentions = Mentions::default();
        let mut seen = BTreeSet::new();
        at.try_each(key, |user| {
            let text = user.as_text()?;
            if matches!(text, "__kImSDK_MesssageAtALL__" | "__kImSDK_MessageAtALL__" | "kImSDK_MesssageAtALL")
            {
                mentions.all = true;
            } else {
                let user = self.maker.user_named(user, text)?;
                if seen.insert(user.clone()) {
                    mentions.users.push(user);
                }
            }
            Ok(())
        })?;
        Ok(if kind == ConversationKind::Group { mentions } else { Mentions::default() })
    }

    pub(super) fn users(&self, at: &At<'_, '_>, key: &str) -> Result<Vec<UserId>, Fault> {
        let mut users = Vec::new();
        at.try_each(key, |user| {
            users.push(self.maker.user_named(user, user.as_text()?)?);
            Ok(())
        })?;
        Ok(users)
    }

    /// Takes a message in: as it was written, or changed since.
    pub(super) fn message(&mut self, at: &At<'_, '_>, spoken: Spoken) -> Result<(), Fault> {
        let Spoken { name, said, seq, mut content, version, is_modified, recalled, profile } = spoken;
        self.looks(at, &said.by, &profile)?;
        // Without a version it is what it says that tells one modification from another.
        let how = if version > 0 { version.to_string() } else { format!("0 {}", content.as_text()) };
        let state = match (&recalled, is_modified) {
            (Some(_), _) => As::Changed("recalled"),
            (None, true) => As::Changed(&how),
            (None, false) => As::Written,
        };
        if let Some(recalled) = &recalled {
            // Nothing of what it said shows any more; what kind it was and whom it mentioned does.
            (content.text, content.custom, content.cloud_custom) = (None, None, None);
            self.recall(at, &said, &name.key, &name, recalled)?;
        } else if is_modified {
            // Data that is gone is said too: what an edit does not say stays (R40).
            let custom = content.custom.clone().or((content.kind == MessageKind::Custom).then(Vec::new));
            let cloud_custom = content.cloud_custom.clone().or(Some(Vec::new()));
            let edited = Content { custom, cloud_custom, ..content.clone() };
            self.edited(at, &said, &name, version, &edited)?;
        }
        self.maker.introduce(at, &said, &name, (Some(seq), state), content, Meta::new())
    }

    /// Makes the edit that a message has had last.
    fn edited(
        &mut self,
        at: &At<'_, '_>,
        said: &Said,
        name: &MessageName,
        version: u64,
        content: &Content,
    ) -> Result<(), Fault> {
        if version > 0 {
            return self.maker.edit(at, said, name, version, content);
        }
        let edit = content.edit(1);
        let found = Said { time: self.maker.received_at, ..said.clone() };
        let text = content.as_text();
        let parts = [name.key.as_str(), text.as_str()];
        let key = EventKey::Other { type_name: "message_modified", parts: &parts, at: found.time };
        self.maker.observe_of(at, &found, &key, Fact::MessageModified { target: name.id, edit })
    }

    /// Makes the recall of a message, at the message's instant, since no other is said.
    pub(super) fn recall(
        &mut self,
        at: &At<'_, '_>,
        written: &Said,
        foreign: &str,
        name: &MessageName,
        recalled: &Recalled,
    ) -> Result<(), Fault> {
        let by = recalled.by.clone().unwrap_or_else(|| written.by.clone());
        let parts = [foreign, by.as_str(), recalled.reason.as_deref().unwrap_or_default()];
        let key = EventKey::Other { type_name: "message_recalled", parts: &parts, at: written.time };
        let fact = Fact::MessageRecalled { target: name.id, reason: recalled.reason.clone() };
        let said = Said { by: by.clone(), ..written.clone() };
        self.maker.say(at, &said, &key, fact)
    }

    /// Takes the recall of a message of which only the id is said.
    pub(super) fn recall_of_learned(
        &mut self,
        at: &At<'_, '_>,
        foreign: &str,
        recalled: &Recalled,
    ) -> Result<(), Fault> {
        let known = self.messages.get(foreign).ok_or_else(|| at.fault("a message that was learned"))?;
        let name = self.maker.message(at, foreign, foreign)?;
        let Known { conversation, time, author } = known.clone();
        self.recall(at, &Said { conversation, time, by: author }, foreign, &name, recalled)
    }

    /// Tells that the peer of a direct chat has read up to an instant that the server says.
    pub(super) fn peer_read(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        second: Timestamp,
    ) -> Result<(), Fault> {
        let Some(peer) = conversation.peer() else {
            self.maker.left_out("how many of a group have read");
            return Ok(());
        };
        let through = Through::Watermark(Watermark::Time(end_of(second)));
        let said = Said { conversation: conversation.clone(), time: second, by: peer.clone() };
        let key = EventKey::PeerRead { actor: &peer, through, at: second };
        self.maker.say(at, &said, &key, Fact::PeerRead { through })
    }

    /// Finds that the peer of a direct chat has read this message.
    pub(super) fn peer_has_read(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        name: &MessageName,
    ) -> Result<(), Fault> {
        let Some(peer) = conversation.peer() else {
            self.maker.left_out("how many of a group have read");
            return Ok(());
        };
        let through = Through::Message(name.id);
        let mut said = self.maker.found(conversation);
        said.by = peer.clone();
        let key = EventKey::PeerRead { actor: &peer, through, at: said.time };
        self.maker.observe_of(at, &said, &key, Fact::PeerRead { through })
    }

    /// Tells what somebody is found to be called and to look like.
    pub(super) fn looks(&mut self, at: &At<'_, '_>, user: &UserId, looks: &Looks) -> Result<(), Fault> {
        self.maker.user_profile(at, user, (looks.nickname.as_deref(), looks.face_url.as_deref()), None)?;
        self.maker.remark(at, user, looks.remark.as_deref())
    }
}
