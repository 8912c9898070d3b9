//! A chat server in one process: rooms whose messages it numbers, a marker for each account, and pages of history. It says so
//! many messages at once and no more.

use std::collections::BTreeMap;

/// How many messages an answer has at most.
pub const MOST: usize = 10;

/// A message as the server has it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number in the room, from 1 on without gaps.
    pub number: u64,
    pub author: String,
    pub text: String,
    /// In milliseconds.
    pub at: i64,
}

/// A room as the list of rooms tells it.
#[derive(Clone, Debug)]
pub struct Room {
    pub id: String,
    pub name: String,
    pub newest: Message,
    /// The number up to which the account has read.
    pub read: u64,
    /// How many of others are behind it.
    pub unread: u64,
}

/// What happened in a room since somebody asked last: its newest messages, and whether there were more.
#[derive(Clone, Debug)]
pub struct News {
    pub room: Room,
    pub messages: Vec<Message>,
    pub has_more: bool,
}

/// The server, as one account sees it.
#[derive(Debug, Default)]
pub struct Server {
    pub is_reachable: bool,
    pub now: i64,
    rooms: BTreeMap<String, (String, Vec<Message>, u64)>,
}

/// Nobody answers.
#[derive(Debug)]
pub struct Offline;

impl std::fmt::Display for Offline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server does not answer")
    }
}

impl std::error::Error for Offline {}

impl Server {
    /// A server with two rooms: of one the account has read a third.
    pub fn with_rooms() -> Self {
        let mut server = Self { is_reachable: true, now: 1_772_355_600_000, ..Self::default() };
        for n in 1..=57 {
            server.somebody_says("design", "bob", &format!("message {n}"));
        }
        server.somebody_says("lunch", "carol", "Noodles?");
        if let Some((_, _, read)) = server.rooms.get_mut("design") {
            *read = 20;
        }
        server
    }

    /// While the account is away 25 messages come, and its other device reads up to 60. Then the server is there again.
    pub fn more_is_said(&mut self) {
        for n in 58..=82 {
            self.somebody_says("design", "bob", &format!("message {n}"));
        }
        if let Some((_, _, read)) = self.rooms.get_mut("design") {
            *read = 60;
        }
        self.is_reachable = true;
    }

    /// Somebody else says something; a room that is not there is made.
    pub fn somebody_says(&mut self, room: &str, author: &str, text: &str) -> u64 {
        self.now += 1_000;
        let (_, messages, _) =
            self.rooms.entry(room.to_owned()).or_insert_with(|| (format!("Room {room}"), Vec::new(), 0));
        let number = messages.len() as u64 + 1;
        messages.push(Message { number, author: author.to_owned(), text: text.to_owned(), at: self.now });
        number
    }

    /// The account sends a message.
    pub fn send(&mut self, room: &str, author: &str, text: &str) -> Result<Message, Offline> {
        self.answer()?;
        self.somebody_says(room, author, text);
        self.rooms.get(room).and_then(|(_, messages, _)| messages.last().cloned()).ok_or(Offline)
    }

    /// The account has read up to there, here or on another device.
    pub fn read(&mut self, room: &str, number: u64) -> Result<(), Offline> {
        self.answer()?;
        if let Some((_, _, read)) = self.rooms.get_mut(room) {
            *read = number.max(*read);
        }
        Ok(())
    }

    /// The rooms of the account.
    pub fn rooms(&self, account: &str) -> Result<Vec<Room>, Offline> {
        self.answer()?;
        Ok(self.rooms.keys().filter_map(|id| self.room(id, account)).collect())
    }

    /// A page of a room: its newest messages up to this number, the newest first.
    pub fn page(&self, room: &str, through: u64) -> Result<Vec<Message>, Offline> {
        self.answer()?;
        let messages = self.rooms.get(room).map_or(&[][..], |(_, messages, _)| messages);
        let until = messages.iter().filter(|message| message.number <= through);
        Ok(until.rev().take(MOST).cloned().collect())
    }

    /// What happened behind this instant, in the rooms in which something did.
    pub fn news(&self, account: &str, after: i64) -> Result<Vec<News>, Offline> {
        let mut news = Vec::new();
        for room in self.rooms(account)? {
            let behind = |message: &&Message| message.at > after;
            let all = self.rooms.get(&room.id).map_or(&[][..], |(_, messages, _)| messages);
            let count = all.iter().filter(behind).count();
            let messages: Vec<Message> = all.iter().rev().take(count.min(MOST)).rev().cloned().collect();
            news.push(News { has_more: count > messages.len(), messages, room });
        }
        Ok(news)
    }

    /// How many of others are unread in a room, in truth.
    pub fn unread(&self, room: &str, account: &str) -> u64 {
        self.room(room, account).map_or(0, |room| room.unread)
    }

    fn room(&self, id: &str, account: &str) -> Option<Room> {
        let (name, messages, read) = self.rooms.get(id)?;
        let unread = messages.iter().filter(|one| one.number > *read && one.author != account).count();
        let newest = messages.last()?.clone();
        Some(Room { id: id.to_owned(), name: name.clone(), newest, read: *read, unread: unread as u64 })
    }

    fn answer(&self) -> Result<(), Offline> {
        if self.is_reachable { Ok(()) } else { Err(Offline) }
    }
}
