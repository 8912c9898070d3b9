//! What can be asked for of conversations: the list, a history, and what somebody does with them.

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chatfold::command::{ReadScope, Replaces};
use chatfold::event::{Edit, Mentions, ReceiveOption, Watermark};
use chatfold::list::ListCursor;
use chatfold::shared::Member;
use chatfold::view::{Direction, MessageCursor};
use chatfold::{Command, Context, ConversationId, Filter, Message, MessageId, Timestamp, UserId, owned};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Chat;
use crate::auth::{Given, SignedIn};
use crate::error::{Asked, Body, Refusal};
use crate::shown::{History, List, Row, Sent};

/// No part of a list or a history is longer.
const MOST: usize = 200;

/// No message and no draft says more.
const MOST_TEXT_BYTES: usize = 8 << 10;

/// A place in a list or a history, as a client gives it back.
fn to_token(place: impl Serialize) -> Option<String> {
    serde_json::to_vec(&place).ok().map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn from_token<T: DeserializeOwned>(token: &str) -> Result<T, Refusal> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(|| Refusal::bad("this is not a place that the server gave"))
}

fn conversation(text: &str) -> Result<ConversationId, Refusal> {
    ConversationId::parse(text).map_err(Refusal::bad)
}

fn message_id(text: &str) -> Result<MessageId, Refusal> {
    text.parse().map_err(Refusal::bad)
}

/// A text that is not too long; a message has one that is not empty.
fn no_longer(text: String) -> Result<String, Refusal> {
    match text.len() {
        found if found > MOST_TEXT_BYTES => {
            Err(Refusal::bad(format!("{found} bytes of text: at most {MOST_TEXT_BYTES}")))
        }
        _ => Ok(text),
    }
}

fn checked(text: String) -> Result<String, Refusal> {
    if text.is_empty() {
        return Err(Refusal::bad("a message says something"));
    }
    no_longer(text)
}

impl Chat {
    /// The list of an account from a place on.
    pub(crate) fn list(
        &self,
        session: chatfold::shared::Session,
        filter: &Filter,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Option<List> {
        let (rows, next) = self.desk().list(session, filter, after, limit.min(MOST), |list| {
            let rows: Vec<_> = list.members.iter().map(Row::of).collect();
            (rows, list.next.clone().map(owned::ListCursor::from).and_then(to_token))
        })?;
        Some(List { rows, next, totals: self.desk().totals(session)?.into() })
    }

    /// What of a conversation an account sees.
    pub(crate) async fn look<T>(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        ask: impl FnOnce(&Member<'_>) -> T,
    ) -> Result<T, Refusal> {
        let connection = self.inner.sessions.of(user).await?;
        let seen = self.desk().member(connection.session(), conversation, ask);
        seen.ok_or_else(|| Refusal::not_found(format!("there is no conversation {conversation}")))
    }

    /// Refuses an account that has nothing to say of a conversation: a group that the server gave it no part of, or a direct
    /// chat with nobody. What an account says of a conversation puts it into its list, and without a window it sees all of it.
    async fn may_touch(&self, user: &UserId, conversation: &ConversationId) -> Result<(), Refusal> {
        match conversation.peer() {
            Some(peer) => self.inner.auth.all_known(std::slice::from_ref(&peer)).await,
            None => self.look(user, conversation, |_| ()).await,
        }
    }

    /// Carries out a command.
    async fn carry_out(&self, context: Context, command: Command) -> Result<(), Refusal> {
        let user = context.actor.clone();
        self.desk().execute(&user, command, context).await?;
        Ok(())
    }

    /// Carries out a command about what is the account's own of a conversation, and returns the row that it leaves.
    async fn row_after(
        &self,
        Given(context): Given,
        conversation: &ConversationId,
        command: Command,
    ) -> Result<Json<Row>, Refusal> {
        let user = context.actor.clone();
        self.may_touch(&user, conversation).await?;
        self.carry_out(context, command).await?;
        Ok(Json(self.look(&user, conversation, Row::of).await?))
    }
}

/// Which part of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    /// From which place on: what the part before gave as `next`.
    after: Option<String>,
    limit: Option<usize>,
    /// Only conversations with unread messages.
    #[serde(default)]
    unread: bool,
}

/// `GET /conversations`.
pub(crate) async fn list(
    State(chat): State<Chat>,
    SignedIn(user): SignedIn,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<List>, Refusal> {
    let after = query.after.as_deref().map(from_token::<owned::ListCursor>).transpose()?;
    let after = after.map(ListCursor::try_from).transpose().map_err(Refusal::bad)?;
    let filter = Filter::default().with_has_unread(query.unread);
    let connection = chat.inner.sessions.of(&user).await?;
    let list = chat.list(connection.session(), &filter, after.as_ref(), query.limit.unwrap_or(50));
    list.map(Json).ok_or_else(|| Refusal::later("the session has ended"))
}

/// `GET /conversations/{conversation}`.
pub(crate) async fn row(
    State(chat): State<Chat>,
    SignedIn(user): SignedIn,
    Path(id): Path<String>,
) -> Result<Json<Row>, Refusal> {
    chat.look(&user, &conversation(&id)?, Row::of).await.map(Json)
}

/// Which part of a history.
#[derive(Debug, Deserialize)]
pub(crate) struct HistoryQuery {
    /// Before which place: what the part after it gave as `next`.
    before: Option<String>,
    limit: Option<usize>,
}

/// `GET /conversations/{conversation}/messages`: the newest first.
pub(crate) async fn history(
    State(chat): State<Chat>,
    SignedIn(user): SignedIn,
    Path(id): Path<String>,
    Asked(query): Asked<HistoryQuery>,
) -> Result<Json<History>, Refusal> {
    let before = query.before.as_deref().map(from_token::<owned::MessageCursor>).transpose()?;
    let before = before.map(MessageCursor::try_from).transpose().map_err(Refusal::bad)?;
    let limit = query.limit.unwrap_or(50).min(MOST);
    let page = |member: &Member<'_>| {
        let page = member.messages(Direction::NewestFirst, before.as_ref(), limit);
        let messages = page.messages.iter().map(crate::shown::Message::of).collect();
        History { messages, next: page.next.map(owned::MessageCursor::from).and_then(to_token) }
    };
    chat.look(&user, &conversation(&id)?, page).await.map(Json)
}

/// A message to be sent.
#[derive(Debug, Deserialize)]
pub(crate) struct Sending {
    /// Its id, a UUID that the client draws. Sent again under the same id, it is there once.
    id: String,
    text: String,
    #[serde(default)]
    mentions: Vec<String>,
    #[serde(default)]
    mentions_all: bool,
    reply_to: Option<String>,
}

/// `POST /conversations/{conversation}/messages`: durable, and told to whoever is connected, once this answers.
pub(crate) async fn send(
    State(chat): State<Chat>,
    Given(context): Given,
    Path(id): Path<String>,
    Body(given): Body<Sending>,
) -> Result<Json<Sent>, Refusal> {
    let id = conversation(&id)?;
    if let Some(peer) = id.peer() {
        chat.inner.auth.all_known(std::slice::from_ref(&peer)).await?;
    }
    let mut message = Message::text(message_id(&given.id)?, checked(given.text)?);
    let users = given.mentions.iter().map(|name| UserId::parse(name)).collect::<Result<_, _>>();
    message.mentions = Mentions { users: users.map_err(Refusal::bad)?, all: given.mentions_all };
    message.reply_to = given.reply_to.as_deref().map(message_id).transpose()?;
    let written = chat.desk().send(&context, &id, message).await?;
    Ok(Json(Sent { id: given.id, seq: written.seq, repeated: written.repeated }))
}

/// A message's new text.
#[derive(Debug, Deserialize)]
pub(crate) struct Editing {
    text: String,
    /// The `edits` of the message that was seen: an edit of another one is refused.
    edits: u64,
}

/// `PUT /conversations/{conversation}/messages/{message}`: its author's right.
pub(crate) async fn edit(
    State(chat): State<Chat>,
    Given(mut context): Given,
    Path((id, message)): Path<(String, String)>,
    Body(given): Body<Editing>,
) -> Result<(), Refusal> {
    let (conversation, message) = (conversation(&id)?, message_id(&message)?);
    let version = given.edits.checked_add(1).ok_or_else(|| Refusal::bad("no message has so many edits"))?;
    let edit = Edit { version, text: Some(checked(given.text)?), ..Edit::default() };
    context.limits = context.limits.with_anyone_modifies(false);
    chat.carry_out(context, Command::Modify { conversation, message, edit }).await
}

/// `POST /conversations/{conversation}/messages/{message}/recall`: for everybody; its author's right, for a while.
pub(crate) async fn recall(
    State(chat): State<Chat>,
    Given(context): Given,
    Path((id, message)): Path<(String, String)>,
) -> Result<(), Refusal> {
    let (conversation, message) = (conversation(&id)?, message_id(&message)?);
    let command = Command::Recall { conversation, message, reason: None };
    chat.carry_out(context, command).await
}

/// `DELETE /conversations/{conversation}/messages/{message}`: for who asks alone.
pub(crate) async fn delete(
    State(chat): State<Chat>,
    Given(context): Given,
    Path((id, message)): Path<(String, String)>,
) -> Result<(), Refusal> {
    let (conversation, message) = (conversation(&id)?, message_id(&message)?);
    chat.may_touch(&context.actor, &conversation).await?;
    chat.desk().delete_messages(&context, &conversation, vec![message]).await?;
    Ok(())
}

async fn reacted(
    chat: &Chat,
    Given(context): Given,
    (id, message, reaction): (String, String, String),
    on: bool,
) -> Result<(), Refusal> {
    let (conversation, message) = (conversation(&id)?, message_id(&message)?);
    let command = Command::React { conversation, message, reaction, on };
    chat.carry_out(context, command).await
}

/// `PUT /conversations/{conversation}/messages/{message}/reactions/{name}`.
pub(crate) async fn react(
    State(chat): State<Chat>,
    given: Given,
    Path(of): Path<(String, String, String)>,
) -> Result<(), Refusal> {
    reacted(&chat, given, of, true).await
}

/// `DELETE /conversations/{conversation}/messages/{message}/reactions/{name}`.
pub(crate) async fn unreact(
    State(chat): State<Chat>,
    given: Given,
    Path(of): Path<(String, String, String)>,
) -> Result<(), Refusal> {
    reacted(&chat, given, of, false).await
}

/// How far somebody has read.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Reading {
    /// In a group: up to this number.
    seq: Option<u64>,
    /// In a direct chat: up to this instant.
    at_ms: Option<i64>,
}

/// `PUT /conversations/{conversation}/read`: up to a place, or all of it.
pub(crate) async fn read(
    State(chat): State<Chat>,
    Given(context): Given,
    Path(id): Path<String>,
    Body(given): Body<Reading>,
) -> Result<Json<Row>, Refusal> {
    let id = conversation(&id)?;
    let through = match (given.seq, given.at_ms, id.peer()) {
        (None, None, _) => None,
        (Some(seq), None, None) => Some(Watermark::Seq(seq)),
        (None, Some(at), Some(_)) => Some(Watermark::Time(Timestamp::from_millis(at).map_err(Refusal::bad)?)),
        _ => return Err(Refusal::bad("a group is read up to a seq, a direct chat up to at_ms")),
    };
    chat.may_touch(&context.actor, &id).await?;
    chat.desk().read(&context, &id, through).await?;
    chat.look(&context.actor, &id, Row::of).await.map(Json)
}

/// Whether something is to hold.
#[derive(Debug, Deserialize)]
pub(crate) struct Switch {
    on: bool,
}

/// `PUT /conversations/{conversation}/pin`.
pub(crate) async fn pin(
    State(chat): State<Chat>,
    given: Given,
    Path(id): Path<String>,
    Body(Switch { on }): Body<Switch>,
) -> Result<Json<Row>, Refusal> {
    let id = conversation(&id)?;
    chat.row_after(given, &id, Command::Pin { conversation: id.clone(), on }).await
}

/// `PUT /conversations/{conversation}/mute`: its messages come without a noise.
pub(crate) async fn mute(
    State(chat): State<Chat>,
    given: Given,
    Path(id): Path<String>,
    Body(Switch { on }): Body<Switch>,
) -> Result<Json<Row>, Refusal> {
    let id = conversation(&id)?;
    let option = if on { ReceiveOption::ReceiveNotNotify } else { ReceiveOption::Receive };
    let command = Command::SetReceiveOption { conversations: vec![id.clone()], option, until: None };
    chat.row_after(given, &id, command).await
}

/// `PUT /conversations/{conversation}/archive`: away from the list that a client shows, until the next message.
pub(crate) async fn archive(
    State(chat): State<Chat>,
    given: Given,
    Path(id): Path<String>,
    Body(Switch { on }): Body<Switch>,
) -> Result<Json<Row>, Refusal> {
    let id = conversation(&id)?;
    let command = Command::Archive { conversations: vec![id.clone()], on, stay: false };
    chat.row_after(given, &id, command).await
}

/// `POST /conversations/{conversation}/clear`: all messages that are there, for who asks alone.
pub(crate) async fn clear(
    State(chat): State<Chat>,
    given: Given,
    Path(id): Path<String>,
) -> Result<Json<Row>, Refusal> {
    let id = conversation(&id)?;
    chat.row_after(given, &id, Command::ClearHistory { conversation: id.clone() }).await
}

/// `DELETE /conversations/{conversation}`: out of the list of who asks, until the next message.
pub(crate) async fn take_away(
    State(chat): State<Chat>,
    Given(context): Given,
    Path(id): Path<String>,
) -> Result<(), Refusal> {
    let id = conversation(&id)?;
    chat.may_touch(&context.actor, &id).await?;
    let command = Command::DeleteConversations { conversations: vec![id], keep_messages: true };
    chat.carry_out(context, command).await
}

/// `PUT /conversations/read`: all that is unread.
pub(crate) async fn read_all(State(chat): State<Chat>, Given(context): Given) -> Result<(), Refusal> {
    chat.carry_out(context, Command::MarkAllRead { scope: ReadScope::Everything }).await
}

/// What somebody is writing.
#[derive(Debug, Deserialize)]
pub(crate) struct Drafting {
    /// The text; empty takes the draft away.
    text: String,
    /// The draft that the editor held, as its row named it: another device's is then kept beside.
    replaces: Option<String>,
}

/// `PUT /conversations/{conversation}/draft`.
pub(crate) async fn draft(
    State(chat): State<Chat>,
    given: Given,
    Path(id): Path<String>,
    Body(drafting): Body<Drafting>,
) -> Result<Json<Row>, Refusal> {
    let id = conversation(&id)?;
    let replaces = match drafting.replaces {
        Some(draft) => Replaces::Draft(draft.parse().map_err(Refusal::bad)?),
        None => Replaces::Shown,
    };
    let command = Command::SetDraft { conversation: id.clone(), text: no_longer(drafting.text)?, replaces };
    chat.row_after(given, &id, command).await
}
