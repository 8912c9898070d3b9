//! A Matrix client's base, matrix-sdk-base with its memory store, fed with the responses of a simplified sliding sync.
//!
//! It folds no log: a server has decided the order of rooms (a stamp of recency) and sends what is new. Of these
//! events it has messages, own messages and reads; what else there is (drafts, pins, stars, edits, recalls,
//! deletions) it either leaves to its caller or counts otherwise (a message taken back stays counted), so the peer is
//! given the others only. There an own message is a read of its place, which chatfold does by policy
//! (`own_message_reads`). The text of the last message is its caller's to keep and is not compared.

use std::collections::{BTreeMap, HashMap};

use chatfold::{Event, Filter, Inbox, Policy};
use futures_executor::block_on;
use matrix_sdk_base::deserialized_responses::TimelineEvent;
use matrix_sdk_base::store::{RoomLoadSettings, StoreConfig};
use matrix_sdk_base::{BaseClient, RequestedRequiredStates, SessionMeta, ThreadingSupport};
use ruma::api::client::sync::sync_events::v5::Response;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde_json::json;

use crate::facts::{Fact, Id};
use crate::measure::{Done, Outcome, Peak, Row, Work, median, spent};

/// Events that the model has.
fn modelled(work: &Work) -> Vec<&Event> {
    let is_modelled = |event: &&Event| {
        matches!(Fact::of(&work.owner, event), Some((_, Fact::Message { .. } | Fact::Read { .. })))
    };
    work.events.iter().filter(is_modelled).collect()
}

fn user(name: &str) -> String {
    format!("@{name}:peer")
}

fn room(id: &str) -> String {
    format!("!{id}:peer")
}

fn event_id(id: &Id) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("${hex}:peer")
}

/// What a server sends of some events.
#[derive(Default)]
struct Batch<'a> {
    timelines: BTreeMap<&'a str, (Vec<serde_json::Value>, i64)>,
    /// The message up to which was read.
    receipts: BTreeMap<&'a str, String>,
}

/// What a server knows to name the message that was read: the positions of a room.
type Positions<'a> = HashMap<&'a str, Vec<(i64, Id)>>;

impl<'a> Batch<'a> {
    fn of(work: &'a Work, events: &[&'a Event], positions: &mut Positions<'a>) -> Option<Self> {
        let mut batch = Self::default();
        for event in events {
            let (id, fact) = Fact::of(&work.owner, event)?;
            let known = positions.entry(id).or_default();
            match fact {
                Fact::Message { id: message, position, at, author, text, .. } => {
                    known.push((position, message));
                    let (timeline, recency) = batch.timelines.entry(id).or_default();
                    *recency = at.max(*recency);
                    timeline.push(json!({
                        "type": "m.room.message", "event_id": event_id(&message), "sender": user(author),
                        "origin_server_ts": at, "content": { "msgtype": "m.text", "body": text },
                    }));
                }
                Fact::Read { through } => {
                    if let Some((_, read)) = known.iter().rev().find(|(position, _)| *position <= through) {
                        batch.receipts.insert(id, event_id(read));
                    }
                }
                _ => return None,
            }
        }
        Some(batch)
    }

    fn response(self, owner: &str, number: usize) -> Outcome<Sent> {
        let mut read = HashMap::new();
        for (id, event) in &self.receipts {
            read.insert(room(id).parse()?, event.parse()?);
        }
        let rooms: BTreeMap<String, _> = self
            .timelines
            .into_iter()
            .map(|(id, (timeline, recency))| {
                (room(id), json!({ "timeline": timeline, "bump_stamp": recency }))
            })
            .collect();
        let receipts: BTreeMap<String, _> = self
            .receipts
            .into_iter()
            .map(|(id, read)| {
                let by = json!({ read: { "m.read": { user(owner): { "ts": 0 } } } });
                (room(id), json!({ "type": "m.receipt", "content": by }))
            })
            .collect();
        let mut response = Response::new(number.to_string());
        response.rooms = serde_json::from_str(&serde_json::to_string(&rooms)?)?;
        let extensions = json!({ "receipts": { "rooms": receipts } });
        response.extensions = serde_json::from_str(&extensions.to_string())?;
        Ok((response, read))
    }
}

/// A response, and which message each receipt in it names.
type Sent = (Response, HashMap<OwnedRoomId, OwnedEventId>);

/// Takes in a response as matrix-sdk does: the rooms first, then the counts of those that have anything new.
async fn receive(
    client: &BaseClient,
    (response, read): &Sent,
    known: &mut HashMap<OwnedRoomId, Vec<TimelineEvent>>,
) -> Outcome<()> {
    let updates = client.process_sliding_sync(response, &RequestedRequiredStates::default()).await?;
    let mut rooms: Vec<OwnedRoomId> = response.rooms.keys().cloned().collect();
    let receipts = &response.extensions.receipts.rooms;
    rooms.extend(receipts.keys().filter(|id| !response.rooms.contains_key(*id)).cloned());
    for id in rooms {
        let new = updates.rooms.joined.get(&id).map(|room| room.timeline.events.clone()).unwrap_or_default();
        // The SDK brings all earlier events each time. Only where somebody read are they looked at, so only there
        // are they given: the peer is spared copying them.
        let before = known.entry(id.clone()).or_default();
        let given = if receipts.contains_key(&id) { before.clone() } else { Vec::new() };
        before.extend(new.iter().cloned());
        client.process_sliding_sync_receipts_extension_for_room(&id, response, new, given).await?;
        // What lies before a receipt is asked for no more.
        let at = read
            .get(&id)
            .and_then(|read| before.iter().position(|event| event.event_id().as_ref() == Some(read)));
        before.drain(..at.unwrap_or_default());
    }
    Ok(())
}

/// The first rows of the list: by recency, then by id.
fn list(client: &BaseClient, most: usize) -> Vec<Row> {
    let mut rooms: Vec<_> = client
        .rooms()
        .into_iter()
        .map(|room| {
            let id = room.room_id().as_str().trim_start_matches('!').trim_end_matches(":peer").to_owned();
            (std::cmp::Reverse(room.recency_stamp().map(u64::from)), id, room)
        })
        .collect();
    rooms.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    rooms.into_iter().take(most).map(|(_, id, room)| (id, room.num_unread_messages(), None)).collect()
}

/// What chatfold shows of the same events, without texts.
fn expected(work: &Work, events: &[&Event]) -> Vec<Row> {
    let policy = Policy::default().with_own_message_reads(true);
    let inbox = Inbox::replay(work.owner.clone(), policy, events.iter().copied());
    let page = inbox.page(&Filter::default(), None, usize::MAX);
    page.conversations.iter().map(|row| (row.id().to_string(), row.unread_count(), None)).collect()
}

/// So many events a sync.
pub fn run(work: &Work, in_one: usize) -> Outcome<Done> {
    let events = modelled(work);
    let (mut responses, mut positions) = (Vec::new(), Positions::new());
    for (number, some) in events.chunks(in_one).enumerate() {
        let batch = Batch::of(work, some, &mut positions).ok_or("an event that no peer models")?;
        responses.push(batch.response(work.owner.as_str(), number)?);
    }
    let client = BaseClient::new(StoreConfig::new("peers".to_owned()), ThreadingSupport::Disabled);
    let user_id: OwnedUserId = user(work.owner.as_str()).parse()?;
    let meta = SessionMeta { user_id, device_id: "PEERS".into() };
    block_on(client.activate(meta, RoomLoadSettings::default()))?;
    let peak = Peak::start()?;
    let ((), fold) = spent(|| {
        let mut known = HashMap::new();
        responses.iter().try_for_each(|response| block_on(receive(&client, response, &mut known)))
    })?;
    Ok(Done {
        fold,
        events: events.len(),
        peak_bytes: peak.bytes()?,
        page: median(|| {
            Ok((list(&client, 20), client.rooms().iter().map(|room| room.num_unread_messages()).sum::<u64>()))
        })?,
        cold: None,
        list: list(&client, usize::MAX),
        expected: expected(work, &events),
    })
}
