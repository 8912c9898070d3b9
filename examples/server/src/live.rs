//! The WebSocket: the beginning of the list, and from then on what changes of it.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message as Packet, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use chatfold::{ConversationId, Filter, MessageId, UserId};
use chatfold_account::shared::{Connection, SharedError, Told};
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep_until};

use crate::Chat;
use crate::auth::SignedIn;
use crate::shown::{Changed, Frame, Message, Row};

/// How many rows the first frame has. More are asked for over HTTP.
const FIRST_ROWS: usize = 50;

/// A connection that says nothing for twice as long is gone.
const ALIVE: Duration = Duration::from_secs(30);

/// Nothing that a client says is longer: it says nothing but that it is there.
const MOST_SAID_BYTES: usize = 1 << 10;

/// `GET /live`.
pub(crate) async fn live(
    State(chat): State<Chat>,
    SignedIn(user): SignedIn,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(MOST_SAID_BYTES).on_upgrade(|socket| async move {
        // Whoever is gone hears nothing of why.
        let _ = serve(chat, user, socket).await;
    })
}

/// Why a live connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Socket(#[from] axum::Error),
    #[error(transparent)]
    Desk(#[from] SharedError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("the session has ended")]
    Session,
}

async fn serve(chat: Chat, user: UserId, mut socket: WebSocket) -> Result<(), Ended> {
    let mut ends = chat.inner.ends.subscribe();
    let mut connection = match chat.desk().connect(&user).await {
        Ok(connection) => connection,
        Err(error) => {
            let reason = "the list cannot be read now, try again".into();
            socket.send(Packet::Close(Some(CloseFrame { code: close_code::AGAIN, reason }))).await?;
            return Err(error.into());
        }
    };
    say(&mut socket, &list(&chat, &connection)?).await?;
    let mut pings = interval(ALIVE);
    let (mut heard, mut next_frame) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            told = next(&mut connection, next_frame) => {
                let Some(told) = told else { return Ok(()) };
                if let Some(frame) = gathered(&chat, &mut connection, told)? {
                    say(&mut socket, &frame).await?;
                }
                next_frame = Instant::now() + chat.inner.gather;
            }
            packet = socket.recv() => match packet {
                None | Some(Err(_) | Ok(Packet::Close(_))) => return Ok(()),
                Some(Ok(_)) => heard = Instant::now(),
            },
            _ = pings.tick() => {
                if heard.elapsed() > 2 * ALIVE {
                    return Ok(());
                }
                socket.send(Packet::Ping(Default::default())).await?;
            }
            () = ended(&mut ends) => {
                let reason = "the server stops".into();
                socket.send(Packet::Close(Some(CloseFrame { code: close_code::RESTART, reason }))).await?;
                return Ok(());
            }
        }
    }
}

/// What happens next, but not before another frame may be said.
async fn next(connection: &mut Connection, not_before: Instant) -> Option<Told> {
    sleep_until(not_before).await;
    connection.deliveries.next().await
}

/// Returns when the server stops.
async fn ended(ends: &mut watch::Receiver<bool>) {
    // An error: the server is gone, which is an end too.
    let _ = ends.wait_for(|ends| *ends).await;
}

async fn say(socket: &mut WebSocket, frame: &Frame) -> Result<(), Ended> {
    Ok(socket.send(Packet::Text(serde_json::to_string(frame)?.into())).await?)
}

/// The beginning of the list.
fn list(chat: &Chat, connection: &Connection) -> Result<Frame, Ended> {
    let list = chat.list(connection.session(), &Filter::default(), None, FIRST_ROWS);
    list.map(Frame::List).ok_or(Ended::Session)
}

/// What happened, and all that happened since, as it shows now.
fn gathered(chat: &Chat, connection: &mut Connection, first: Told) -> Result<Option<Frame>, Ended> {
    let (mut conversations, mut of) = (Vec::new(), HashMap::new());
    let mut told = Some(first);
    while let Some(one) = told {
        match one {
            Told::Row { change, messages, .. } => {
                let all: &mut Vec<MessageId> = of.entry(change.id.clone()).or_insert_with(|| {
                    conversations.push(change.id.clone());
                    Vec::new()
                });
                all.extend(messages.iter().copied());
            }
            // What was taken before may be old, so the list is said anew.
            Told::Lagged => {
                while connection.deliveries.try_next().is_some() {}
                return list(chat, connection).map(Some);
            }
            // Rows do not show folders here.
            _ => {}
        }
        told = connection.deliveries.try_next();
    }
    if conversations.is_empty() {
        return Ok(None);
    }
    let (mut changed, mut gone) = (Vec::new(), Vec::new());
    for id in conversations {
        let mut messages = of.remove(&id).unwrap_or_default();
        messages.sort_unstable();
        messages.dedup();
        match shown(chat, connection, &id, &messages) {
            Some(shown) => changed.push(shown),
            None => gone.push(id.to_string()),
        }
    }
    let totals = chat.desk().totals(connection.session()).ok_or(Ended::Session)?.into();
    Ok(Some(Frame::Changed { changed, gone, totals }))
}

/// What a conversation shows, and messages of it, if it is in the list.
fn shown(
    chat: &Chat,
    connection: &Connection,
    id: &ConversationId,
    messages: &[MessageId],
) -> Option<Changed> {
    let shown = chat.desk().member(connection.session(), id, |member| {
        let messages = messages.iter().filter_map(|id| member.message(*id));
        let shown = Changed {
            row: Row::of(member),
            messages: messages.map(|message| Message::of(&message)).collect(),
        };
        member.is_listed().then_some(shown)
    });
    shown.flatten()
}
