//! Chats and the numbers of messages.

use chatfold::event::{Membership, Meta, Through, Watermark};
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, Timestamp, UserId};

use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{As, Maker, MessageName, Said, at_instant};

/// What is being made of one payload.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) maker: Maker<'a>,
    pub(super) username: Option<&'a str>,
    pub(super) device: Option<&'a str>,
}

/// A chat.
#[derive(Clone, Debug)]
pub(super) struct Chat {
    pub(super) conversation: ConversationId,
    /// Whether the numbers of its messages are the same for every account: those of supergroups and channels are.
    pub(super) is_numbered: bool,
}

/// Returns what became of a member whose status stands under the key, as both APIs call it.
pub(super) fn membership(at: &At<'_, '_>, key: &str) -> Result<Membership, Fault> {
    let status = at.text(key)?;
    Ok(match status.strip_prefix("chatMemberStatus").unwrap_or(status).to_ascii_lowercase().as_str() {
        "creator" | "administrator" if !at.has("is_member") => Membership::Joined,
        "creator" | "administrator" | "restricted" if !at.flag("is_member")? => Membership::Left,
        "creator" | "administrator" | "restricted" | "member" => Membership::Joined,
        "left" => Membership::Left,
        "kicked" | "banned" => Membership::Removed,
        _ => return Err(at.need(key)?.fault("the status of a member")),
    })
}

/// Returns the number of the chat that a supergroup or channel is.
pub(super) fn chat_of_supergroup(id: i64) -> Option<i64> {
    (-1_000_000_000_000_i64).checked_sub(id)
}

/// Whether the chat of this number is a supergroup or channel.
fn is_supergroup(id: i64) -> bool {
    matches!(id, -1_997_852_516_352..=-1_000_000_000_001 | -4_000_000_000_000..=-2_002_147_483_649)
}

/// Whether the number is one of a chat: of a user, a basic group, a supergroup or channel, or a secret chat.
fn is_chat(id: i64) -> bool {
    let user = (1..=0xff_ffff_ffff).contains(&id);
    let basic = (-999_999_999_999..=-1).contains(&id);
    let secret = (-2_002_147_483_648..=-1_997_852_516_353).contains(&id);
    user || basic || secret || is_supergroup(id)
}

impl Session<'_> {
    /// Returns the chat whose number stands under the key.
    pub(super) fn chat(&self, at: &At<'_, '_>, key: &str) -> Result<Chat, Fault> {
        let at = at.need(key)?;
        self.chat_of(&at, at.as_integer()?)
    }

    /// Returns the chat of this number.
    pub(super) fn chat_of(&self, at: &At<'_, '_>, id: i64) -> Result<Chat, Fault> {
        if !is_chat(id) {
            return Err(at.refused("the number of a chat", id.to_string()));
        }
        let conversation = if id > 0 {
            ConversationId::direct(&self.maker.user_named(at, &id.to_string())?)
        } else {
            self.maker.group(at, &id.to_string())?
        };
        Ok(Chat { conversation, is_numbered: is_supergroup(id) })
    }

    /// Returns the user, or the chat that speaks as one, whose number stands under the key.
    pub(super) fn speaker(&self, at: &At<'_, '_>, key: &str) -> Result<UserId, Fault> {
        let at = at.need(key)?;
        let id = at.as_integer()?;
        if is_chat(id) {
            self.maker.user_named(&at, &id.to_string())
        } else {
            Err(at.fault("the number of a user or chat"))
        }
    }

    /// Returns the message of this number.
    pub(super) fn message_of(&self, at: &At<'_, '_>, number: u64) -> Result<MessageName, Fault> {
        let number = number.to_string();
        self.maker.message(at, &number, &number)
    }

    /// Returns the message that this device numbers so until the server knows it.
    pub(super) fn local_message(&self, at: &At<'_, '_>, whole: u64) -> Result<MessageName, Fault> {
        let of = self.device.map(|device| format!("{device}:")).unwrap_or_default();
        let name = format!("local:{of}{whole}");
        self.maker.message(at, &name, &name)
    }

    /// Takes each item of an array; a fault in one loses no other.
    pub(super) fn each(
        &mut self,
        items: &At<'_, '_>,
        mut take: impl FnMut(&mut Self, &At<'_, '_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        items.items(|item| {
            let taken = take(self, item);
            self.maker.note(taken);
        })
    }

    /// Takes how a message was edited last, if it was, and if it is `new` the message itself, in the state that it is in.
    pub(super) fn written(
        &mut self,
        at: &At<'_, '_>,
        (chat, said, number): (&Chat, &Said, u64),
        content: Content,
        new: bool,
    ) -> Result<(), Fault> {
        let name = self.message_of(at, number)?;
        let date = at.get("edit_date").map(|at| at.as_integer()).transpose()?.filter(|date| *date > 0);
        let edited = date.map(|_| at.seconds("edit_date")).transpose()?;
        if let Some(time) = edited {
            let said = Said { time, ..said.clone() };
            self.maker.edit(at, &said, &name, time.as_secs().unsigned_abs(), &content)?;
        }
        if !new {
            return Ok(());
        }
        let how = edited.map(|time| time.as_secs().to_string());
        let state = how.as_deref().map_or(As::Written, As::Changed);
        self.maker.introduce(at, said, &name, (chat.seq(number), state), content, Meta::new())
    }

    /// Returns the number of a message of the Bot API, which stands under the key.
    pub(super) fn number(&self, at: &At<'_, '_>, key: &str) -> Result<u64, Fault> {
        let at = at.need(key)?;
        at.as_count().ok().filter(|number| *number > 0).ok_or_else(|| at.fault("the number of a message"))
    }
}

impl Chat {
    /// Returns the `seq` of a message where numbers serve as such.
    pub(super) fn seq(&self, number: u64) -> Option<u64> {
        Some(number).filter(|_| self.is_numbered)
    }

    /// Returns where a message stands.
    pub(super) fn position(&self, number: u64, time: Timestamp) -> Watermark {
        if self.is_numbered { Watermark::Seq(number) } else { at_instant(&self.conversation, time) }
    }

    /// Returns how far somebody has read who has read this message.
    pub(super) fn through(&self, number: u64, name: &MessageName) -> Through {
        if self.is_numbered { Through::Watermark(Watermark::Seq(number)) } else { Through::Message(name.id) }
    }

    pub(super) fn is_direct(&self) -> bool {
        self.conversation.kind() == ConversationKind::Direct
    }
}
