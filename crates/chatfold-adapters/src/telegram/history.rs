//! Messages as TDLib describes them, and pages of them.

use chatfold::event::Fact;
use chatfold::{Message, Timestamp, UserId};

use super::chat::{Chat, Session};
use super::content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{Said, at_instant, beginning, behind};

/// The bits of a message's number that the server leaves free.
const LOCAL_BITS: u32 = 20;

/// A message as TDLib numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// The server's number.
    Server(u64),
    /// A number of this device, for a message that stands after the one of the server's number.
    Local {
        /// The whole of it.
        whole: u64,
        /// The server's number of the message before.
        after: u64,
    },
}

impl Number {
    /// Returns the number of a message that stands here; `None` for 0, which names none.
    pub(super) fn of(at: &At<'_, '_>) -> Result<Option<Self>, Fault> {
        let id = u64::try_from(at.as_integer()?).map_err(|_| at.fault("the number of a message"))?;
        let server = id >> LOCAL_BITS;
        Ok(match id {
            0 => None,
            _ if server << LOCAL_BITS == id => Some(Self::Server(server)),
            _ => Some(Self::Local { whole: id, after: server }),
        })
    }

    /// Returns the server's number.
    pub(super) fn of_server(self) -> Option<u64> {
        if let Self::Server(server) = self { Some(server) } else { None }
    }
}

/// Returns the server's number of a message that stands under the key, if it has one.
pub(super) fn server_number(at: &At<'_, '_>, key: &str) -> Result<Option<u64>, Fault> {
    Ok(Number::of(&at.need(key)?)?.and_then(Number::of_server))
}

/// What was taken of a message: its number and instant.
pub(super) type Stands = (u64, Timestamp);

/// Takes a message in; returns where it stands, if the server has it.
pub(super) fn message(session: &mut Session<'_>, message: &At<'_, '_>) -> Result<Option<Stands>, Fault> {
    let chat = session.chat(message, "chat_id")?;
    let by = author(session, message)?;
    let time = message.seconds("date")?;
    let said = Said { conversation: chat.conversation.clone(), time, by };
    let at = message.need("content")?;
    let mut content = content::of_tdlib(session, &at)?;
    if let Some(answered) = message.get("reply_to").filter(|answered| answered.has("message_id"))
        && let Some(number) = server_number(&answered, "message_id")?
    {
        content.reply_to = Some(session.message_of(&answered, number)?.id);
    }
    match Number::of(&message.need("id")?)? {
        Some(Number::Server(number)) => {
            session.written(message, (&chat, &said, number), content, true)?;
            Ok(Some((number, time)))
        }
        Some(Number::Local { whole, after }) if message.has("sending_state") => {
            queued(session, message, (&chat, &said), (whole, after), content.text)?;
            Ok(None)
        }
        _ => {
            session.maker.left_out("message of this device alone");
            Ok(None)
        }
    }
}

fn author(session: &Session<'_>, message: &At<'_, '_>) -> Result<UserId, Fault> {
    if message.flag("is_outgoing")? {
        return Ok(session.maker.owner().clone());
    }
    let sender = message.need("sender_id")?;
    session.speaker(&sender, if sender.is("@type", "messageSenderChat") { "chat_id" } else { "user_id" })
}

/// Takes in a message that is being sent. Its number says after which it stands.
fn queued(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    (chat, said): (&Chat, &Said),
    (whole, after): (u64, u64),
    text: Option<String>,
) -> Result<(), Fault> {
    let name = session.local_message(at, whole)?;
    let mut message = Message::new(name.id);
    message.text = text;
    if !chat.is_direct() {
        let instant = at_instant(&chat.conversation, said.time).first_field().unsigned_abs();
        message.seq = Some(if chat.is_numbered { after } else { instant });
    }
    session.maker.say_of_parts(at, said, &[&name.key], Fact::MessageQueued(Box::new(message)))
}

/// Takes a page of a history, and what it proves. A page with nothing in it is the end, unless only this device was asked; one without a message of the
/// server's proves nothing.
pub(super) fn page(session: &mut Session<'_>, payload: &At<'_, '_>) -> Result<(), Fault> {
    let request = payload.need("request")?;
    if !request.is("@type", "getChatHistory") {
        return Err(request.refused("a request of getChatHistory", "another"));
    }
    let chat = session.chat(&request, "chat_id")?;
    let asked_from =
        if request.has("from_message_id") { server_number(&request, "from_message_id")? } else { None };
    let response = payload.need("response")?;
    let messages = response.need("messages")?;
    let is_end = messages.is_empty() && !request.flag("only_local")?;
    let faults = session.maker.taken.faults.len();
    let mut held: Vec<Stands> = Vec::new();
    session.each(&messages, |session, item| {
        if item.is_null() {
            return Ok(());
        }
        let taken = session.chat(item, "chat_id").and_then(|of| match of.conversation == chat.conversation {
            true => message(session, item),
            false => Err(item.refused("a message of the chat that was asked for", "one of another")),
        });
        held.extend(taken?);
        Ok(())
    })?;
    if session.maker.taken.faults.len() > faults {
        // A page of which a message is missing proves nothing.
        return Ok(());
    }
    let conversation = &chat.conversation;
    let newest = held.iter().max().map(|(number, time)| chat.position(*number, *time));
    let through = if chat.is_numbered {
        // The message that one asks from may or may not be in the page.
        let before = asked_from.map(|number| chatfold::event::Watermark::Seq(number.saturating_sub(1)));
        before.max(newest)
    } else if payload.has("through") {
        Some(at_instant(conversation, payload.millis("through")?))
    } else {
        newest
    };
    let Some(through) = through else { return Ok(()) };
    let from = match held.iter().min() {
        Some((number, time)) if chat.is_numbered => chat.position(*number, *time),
        // Older messages may stand in the same second.
        Some((number, time)) => behind(chat.position(*number, *time)),
        None if is_end => beginning(conversation),
        None => return Ok(()),
    };
    session.maker.complete(&response, conversation, from, through)
}
