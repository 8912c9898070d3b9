//! Channels, instants and messages, however they come.

use std::collections::BTreeMap;

use chatfold::event::{MessageKind, Meta, Watermark};
use chatfold::foreign::SlackTs;
use chatfold::{ConversationId, Timestamp, UserId};

use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{As, Maker, MessageName, Said, at_instant};

/// The key in an event's meta under which the direct channel stands that its conversation is.
pub(super) const META_CHANNEL: &str = "slack_channel";

/// What is being made of one payload.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) maker: Maker<'a>,
    pub(super) directs: &'a BTreeMap<String, UserId>,
}

/// A `ts`: the name of a message and its instant.
#[derive(Clone, Debug)]
pub(super) struct Ts {
    pub(super) name: MessageName,
    pub(super) time: Timestamp,
    /// In microseconds.
    pub(super) number: u64,
}

impl Session<'_> {
    /// Returns the conversation that the channel under the key is. `other` is somebody who spoke in it.
    pub(super) fn conversation(
        &mut self,
        at: &At<'_, '_>,
        key: &str,
        other: Option<&UserId>,
    ) -> Result<ConversationId, Fault> {
        let at = at.need(key)?;
        // An object with an id, or the id.
        let inner = at.get("id");
        let at = inner.as_ref().unwrap_or(&at);
        let channel = at.as_text()?;
        self.channel(at, channel, other)
    }

    /// The same for a channel's id.
    pub(super) fn channel(
        &mut self,
        at: &At<'_, '_>,
        channel: &str,
        other: Option<&UserId>,
    ) -> Result<ConversationId, Fault> {
        self.maker.beside = Meta::new();
        if !channel.starts_with('D') {
            return self.maker.group(at, channel);
        }
        let owner = self.maker.owner();
        let peer = self.directs.get(channel).or(other.filter(|user| *user != owner));
        let peer = peer.ok_or_else(|| at.fault("a direct channel whose user was learned"))?;
        // An id that is none in a text of ours would be refused as a group's.
        self.maker.group(at, channel)?;
        self.maker.beside.insert(META_CHANNEL.to_owned(), channel.to_owned());
        Ok(ConversationId::direct(peer))
    }

    /// Returns the `ts` under the key.
    pub(super) fn ts(&self, at: &At<'_, '_>, key: &str) -> Result<Ts, Fault> {
        let at = at.need(key)?;
        let ts: SlackTs = at.as_text()?.parse().map_err(|_| at.fault("a ts such as 1700000000.000100"))?;
        let time = ts.time().map_err(|_| at.fault("a ts of the years 1970 to 9998"))?;
        let name = self.maker.message(&at, &ts.number().to_string(), ts.as_str())?;
        Ok(Ts { name, time, number: ts.number() })
    }

    /// Returns the `ts` under the key, if anything stands there.
    pub(super) fn ts_if(&self, at: &At<'_, '_>, key: &str) -> Result<Option<Ts>, Fault> {
        if at.has(key) { self.ts(at, key).map(Some) } else { Ok(None) }
    }

    /// Returns where a `ts` stands in its conversation.
    pub(super) fn position(conversation: &ConversationId, ts: &Ts) -> Watermark {
        at_instant(conversation, ts.time)
    }

    /// Returns who wrote a message: a user or a bot.
    pub(super) fn author(&self, message: &At<'_, '_>) -> Result<UserId, Fault> {
        let key = if message.has("user") || !message.has("bot_id") { "user" } else { "bot_id" };
        self.maker.user(message, key)
    }

    /// Takes a message of a channel in: as it was written, or edited since.
    pub(super) fn message(
        &mut self,
        message: &At<'_, '_>,
        conversation: &ConversationId,
    ) -> Result<(), Fault> {
        let ts = self.ts(message, "ts")?;
        let by = self.author(message)?;
        let said = Said { conversation: conversation.clone(), time: ts.time, by };
        let content = self.content(message, &ts)?;
        let Some(edited) = message.get("edited") else {
            return self.maker.introduce(message, &said, &ts.name, (None, As::Written), content, Meta::new());
        };
        let when = edited.text("ts")?;
        self.edit(message, &said, &ts, &content)?;
        self.maker.introduce(message, &said, &ts.name, (None, As::Changed(when)), content, Meta::new())
    }

    /// Makes the edit that a message says was its last.
    pub(super) fn edit(
        &mut self,
        message: &At<'_, '_>,
        written: &Said,
        ts: &Ts,
        content: &Content,
    ) -> Result<(), Fault> {
        let edited = message.need("edited")?;
        let when = self.ts(&edited, "ts")?;
        let by = if edited.has("user") { self.maker.user(&edited, "user")? } else { written.by.clone() };
        let said = Said { time: when.time, by, ..written.clone() };
        self.maker.edit(message, &said, &ts.name, when.number, content)
    }

    /// Returns what a message says.
    pub(super) fn content(&self, message: &At<'_, '_>, ts: &Ts) -> Result<Content, Fault> {
        let subtype = message.text_if("subtype")?.unwrap_or_default();
        let text = message.text_if("text")?.unwrap_or_default();
        let mut content =
            Content { text: Some(plain(text)).filter(|text| !text.is_empty()), ..Content::default() };
        self.mentions(message, text, &mut content)?;
        let mut files = 0;
        message.each("files", |file| {
            files += 1;
            if files == 1 {
                let mime = file.text_if("mimetype").ok().flatten().unwrap_or_default();
                content.kind = match mime.split('/').next() {
                    Some("image") => MessageKind::Image,
                    Some("video") => MessageKind::Video,
                    Some("audio") => MessageKind::Sound,
                    _ => MessageKind::File,
                };
                let title = file.text_if("title").ok().flatten().map(str::to_owned);
                content.text = content.text.take().or(title);
            }
        })?;
        if is_notice(subtype) {
            content.kind = MessageKind::GroupTips;
            content.excluded_from_unread = true;
        }
        if message.has("thread_ts") {
            let parent = self.ts(message, "thread_ts")?;
            if parent.number != ts.number {
                content.reply_to = Some(parent.name.id);
                let in_thread = subtype != "thread_broadcast";
                content.excluded_from_unread |= in_thread;
                content.excluded_from_last |= in_thread;
            }
        }
        Ok(content)
    }

    /// Finds whom a text mentions: `<@U061>`, `<@U061|name>`, `<!here>`, `<!channel>`, `<!everyone>`.
    fn mentions(&self, at: &At<'_, '_>, text: &str, content: &mut Content) -> Result<(), Fault> {
        let mut seen = std::collections::BTreeSet::new();
        for part in text.split('<').skip(1) {
            let Some((inner, _)) = part.split_once('>') else { continue };
            let inner = inner.split('|').next().unwrap_or_default();
            if matches!(inner, "!here" | "!channel" | "!everyone") {
                content.mentions.all = true;
            } else if let Some(id) = inner.strip_prefix('@').filter(|id| !id.is_empty())
                && seen.insert(id)
            {
                content.mentions.users.push(self.maker.user_named(at, id)?);
            }
        }
        Ok(())
    }
}

/// Whether a message of this subtype is a notice about the channel.
pub(super) fn is_notice(subtype: &str) -> bool {
    let of = ["channel_", "group_"].iter().find_map(|prefix| subtype.strip_prefix(prefix));
    let notices = [
        "join",
        "leave",
        "topic",
        "purpose",
        "name",
        "archive",
        "unarchive",
        "convert_to_private",
        "posting_permissions",
    ];
    of.is_some_and(|rest| notices.contains(&rest)) || matches!(subtype, "pinned_item" | "unpinned_item")
}

/// Returns a text without Slack's three escapes.
fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
