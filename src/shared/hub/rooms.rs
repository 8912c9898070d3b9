//! The timelines of a hub, by number, and who of the connected accounts sees each.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::id::UserId;
use crate::model::stream::SharedId;
use crate::shared::timeline::Timeline;

/// A timeline and who of the connected accounts sees it: the account's number, and that of its conversation.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: SharedId,
    pub(crate) timeline: Option<Timeline>,
    pub(crate) seats: BTreeSet<(u32, u32)>,
}

/// The rooms, by number: an account keeps the numbers of those that it sees.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    /// Those that are gone are `None`.
    rooms: Vec<Option<Room>>,
    /// By the key of the stream.
    numbers: HashMap<Arc<str>, u32>,
    free: Vec<u32>,
    /// Those that somebody sees and whose timelines are not there.
    missing: BTreeSet<SharedId>,
    /// Who is named in which timeline, or is one of the two of a direct chat.
    named: BTreeSet<(UserId, u32)>,
}

impl Rooms {
    /// The number of a conversation, which has a room from now on. Complexity: O(1).
    pub(crate) fn number(&mut self, id: &SharedId) -> u32 {
        if let Some(number) = self.numbers.get(id.key()) {
            return *number;
        }
        let room = Some(Room { id: id.clone(), timeline: None, seats: BTreeSet::new() });
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(place) = self.rooms.get_mut(number as usize) {
                    *place = room;
                }
                number
            }
            None => {
                self.rooms.push(room);
                self.rooms.len() as u32 - 1
            }
        };
        self.numbers.insert(Arc::clone(id.key()), number);
        self.name_pair(id, number);
        number
    }

    fn name_pair(&mut self, id: &SharedId, number: u32) {
        let pair = id.pair().map(|(one, other)| [one, other]);
        self.named.extend(pair.into_iter().flatten().map(|user| (user, number)));
    }

    /// A user is named in the timeline of a room. Complexity: O(log n).
    pub(crate) fn name(&mut self, number: u32, user: &UserId) {
        let is_there = self.timeline(number).is_some_and(|timeline| timeline.number_of(user).is_some());
        let named = (user.clone(), number);
        if is_there && !self.named.contains(&named) {
            self.named.insert(named);
        }
    }

    /// The rooms in which a user is named, or whose direct chat is the user's, and perhaps some more of those in which somebody
    /// was. Complexity: O(log n), and O(1) each.
    pub(crate) fn naming(&self, user: &UserId) -> impl Iterator<Item = &Room> {
        let of = (user.clone(), 0)..=(user.clone(), u32::MAX);
        self.named.range(of).filter_map(|(_, number)| self.get(*number))
    }

    /// What is known of who is named in a room goes.
    fn forget_names(&mut self, number: u32, room: &Room) {
        let users = room.timeline.iter().flat_map(Timeline::users).cloned();
        let pair = room.id.pair().map(|(one, other)| [one, other]);
        for user in users.chain(pair.into_iter().flatten()) {
            self.named.remove(&(user, number));
        }
    }

    pub(crate) fn find(&self, id: &SharedId) -> Option<u32> {
        self.find_key(id.key())
    }

    /// The same, by the key of its stream.
    pub(crate) fn find_key(&self, key: &str) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Room> {
        self.rooms.get(number as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Room> {
        self.rooms.get_mut(number as usize)?.as_mut()
    }

    /// A timeline that is there.
    pub(crate) fn timeline(&self, number: u32) -> Option<&Timeline> {
        self.get(number)?.timeline.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Room> {
        self.rooms.iter().flatten()
    }

    /// The conversations that somebody sees and whose timelines are not there, by id.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &SharedId> {
        self.missing.iter()
    }

    /// A conversation of a connected account gets a seat.
    pub(crate) fn sit_down(&mut self, number: u32, seat: (u32, u32)) {
        let Some(Some(room)) = self.rooms.get_mut(number as usize) else { return };
        if room.timeline.is_none() && room.seats.is_empty() {
            self.missing.insert(room.id.clone());
        }
        room.seats.insert(seat);
    }

    /// A seat is given up: a room that nobody sees and that has no timeline goes.
    pub(crate) fn stand_up(&mut self, number: u32, seat: (u32, u32)) {
        let Some(room) = self.get_mut(number) else { return };
        room.seats.remove(&seat);
        if room.seats.is_empty() && room.timeline.is_none() {
            let id = room.id.clone();
            self.missing.remove(&id);
            self.take(number, &id);
        }
    }

    /// Takes a timeline, in the place of one that was there. Returns the number of its room. Complexity: O(log n) for each user
    /// whom it names.
    pub(crate) fn provide(&mut self, timeline: Timeline) -> u32 {
        let id = timeline.id().clone();
        let number = self.number(&id);
        self.missing.remove(&id);
        self.named.extend(timeline.users().map(|user| (user.clone(), number)));
        if let Some(room) = self.get_mut(number) {
            room.timeline = Some(timeline);
        }
        number
    }

    /// Gives back a timeline that nobody sees.
    pub(crate) fn evict(&mut self, id: &SharedId) -> Option<Timeline> {
        let number = self.find(id)?;
        if !self.get(number)?.seats.is_empty() {
            return None;
        }
        self.take(number, id)?.timeline
    }

    fn take(&mut self, number: u32, id: &SharedId) -> Option<Room> {
        self.numbers.remove(id.key());
        self.free.push(number);
        let room = self.rooms.get_mut(number as usize)?.take()?;
        self.forget_names(number, &room);
        Some(room)
    }
}
