//! What messages say.

use chatfold::event::MessageKind;

use super::chat::Session;
use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;

/// The longest text of a mention that is looked at: usernames are shorter.
const MAX_MENTION_UNITS: usize = 64;

/// The kinds of messages: by the key under which they stand in one of the Bot API, and by the type of the content in TDLib.
const KINDS: [(MessageKind, &[&str]); 14] = [
    (MessageKind::Text, &["messageText"]),
    (MessageKind::Image, &["photo", "messagePhoto"]),
    (MessageKind::Video, &["animation", "video", "video_note"]),
    (MessageKind::Video, &["messageAnimation", "messageVideo", "messageVideoNote"]),
    (MessageKind::Sound, &["voice", "audio", "messageVoiceNote", "messageAudio"]),
    (MessageKind::File, &["document", "messageDocument"]),
    (MessageKind::Face, &["sticker", "dice", "messageSticker", "messageAnimatedEmoji", "messageDice"]),
    (MessageKind::Location, &["venue", "location", "messageVenue", "messageLocation"]),
    (MessageKind::Custom, &["contact", "poll", "invoice"]),
    // Notices about a chat.
    (MessageKind::GroupTips, &["new_chat_members", "left_chat_member", "pinned_message"]),
    (MessageKind::GroupTips, &["new_chat_title", "new_chat_photo", "delete_chat_photo"]),
    (MessageKind::GroupTips, &["group_chat_created", "supergroup_chat_created", "channel_chat_created"]),
    (MessageKind::GroupTips, &["migrate_to_chat_id", "migrate_from_chat_id", "messagePinMessage"]),
    (MessageKind::GroupTips, &["message_auto_delete_timer_changed"]),
];

/// Returns the kind of a message that has any of these names.
fn kind_of(has: impl Fn(&str) -> bool) -> Option<MessageKind> {
    KINDS.iter().find(|(_, names)| names.iter().any(|name| has(name))).map(|(kind, _)| *kind)
}

/// Returns what a message of the Bot API says.
pub(super) fn of_bot(session: &Session<'_>, message: &At<'_, '_>) -> Result<Content, Fault> {
    let mut content = Content::default();
    for (text, entities) in [("text", "entities"), ("caption", "caption_entities")] {
        let Some(said) = message.text_if(text)? else { continue };
        content.text = Some(said.to_owned());
        mentions(session, message, said, entities, &mut content)?;
    }
    if content.text.is_none() || message.has("caption") {
        content.kind = kind_of(|key| message.has(key)).unwrap_or(MessageKind::Custom);
    }
    if let Some(sticker) = message.get("sticker") {
        content.text = content.text.take().or(sticker.text_if("emoji")?.map(str::to_owned));
    }
    if let Some(answered) = message.get("reply_to_message") {
        let number = session.number(&answered, "message_id")?;
        content.reply_to = Some(session.message_of(&answered, number)?.id);
    }
    Ok(content)
}

/// Returns what the content of a message of TDLib says.
pub(super) fn of_tdlib(session: &Session<'_>, at: &At<'_, '_>) -> Result<Content, Fault> {
    let name = at.text("@type")?;
    let of_chat =
        ["messageChat", "messageBasicGroup", "messageSupergroup"].iter().any(|of| name.starts_with(of));
    let notice = if of_chat { MessageKind::GroupTips } else { MessageKind::Custom };
    let mut content = Content { kind: kind_of(|of| of == name).unwrap_or(notice), ..Content::default() };
    for key in ["text", "caption"] {
        let Some(said) = at.get(key) else { continue };
        // Formatted text is an object; some notices have plain text.
        if said.has("text") {
            let text = said.text("text")?;
            content.text = Some(text.to_owned()).filter(|text| !text.is_empty());
            mentions(session, &said, text, "entities", &mut content)?;
        }
    }
    match (name, at.get("sticker")) {
        ("messageAnimatedEmoji", _) => content.text = at.text_if("emoji")?.map(str::to_owned),
        (_, Some(sticker)) => content.text = sticker.text_if("emoji")?.map(str::to_owned),
        _ => {}
    }
    Ok(content)
}

/// Finds whom a text mentions, by the entities under the key: users by number, and the owner by username.
fn mentions(
    session: &Session<'_>,
    at: &At<'_, '_>,
    text: &str,
    key: &str,
    content: &mut Content,
) -> Result<(), Fault> {
    let mut units = None;
    let mut seen = std::collections::BTreeSet::new();
    at.try_each(key, |entity| {
        let user = mentioned(session, entity, text, &mut units)?;
        content.mentions.users.extend(user.filter(|user| seen.insert(user.clone())));
        Ok(())
    })
}

fn mentioned(
    session: &Session<'_>,
    entity: &At<'_, '_>,
    text: &str,
    units: &mut Option<Vec<u16>>,
) -> Result<Option<chatfold::UserId>, Fault> {
    let inner = entity.get("type").filter(|at| at.has("@type"));
    let kind = match &inner {
        Some(inner) => inner.text("@type")?,
        None => entity.text("type")?,
    };
    match kind {
        "text_mention" => Ok(Some(session.speaker(&entity.need("user")?, "id")?)),
        "textEntityTypeMentionName" => {
            let inner = inner.as_ref().unwrap_or(entity);
            Ok(Some(session.speaker(inner, "user_id")?))
        }
        "mention" | "textEntityTypeMention" => {
            let Some(username) = session.username else { return Ok(None) };
            let number = |key| {
                entity.count_if(key).map(|count| usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX))
            };
            let (offset, length) = (number("offset")?, number("length")?.min(MAX_MENTION_UNITS));
            // Places in a text are counted in units of UTF-16.
            let units = units.get_or_insert_with(|| text.encode_utf16().collect());
            let said = units.get(offset..offset.saturating_add(length)).map(String::from_utf16_lossy);
            let is_own = said.and_then(|said| Some(said.strip_prefix('@')?.eq_ignore_ascii_case(username)));
            Ok(Some(session.maker.owner().clone()).filter(|_| is_own == Some(true)))
        }
        _ => Ok(None),
    }
}
