//! A client of a server that has pages, gaps and counts of its own.

use std::error::Error;

use chatfold::command::{ReadUpTo, Role};
use chatfold::event::{Body, Fact, Through, UnreadReport, Watermark};
use chatfold::foreign::{EventKey, Network, observe};
use chatfold::view::{Direction, FirstUnread, MessageStatus};
use chatfold::{Command, Context, ConversationId, Envelope, Event, EventId, GroupId, Inbox, Message};
use chatfold::{MessageId, Policy, Timestamp, decide, jsonl};

use super::server::{self, MOST, News, Room, Server};

pub type Done<T = ()> = Result<T, Box<dyn Error>>;

pub struct Client {
    network: Network,
    inbox: Inbox,
    /// The log as text, in place of a store. Everything else follows from it.
    pub log: Vec<u8>,
    /// Up to when the server's news were taken.
    asked: i64,
    /// Where fresh ids come from: an application draws them.
    fresh: u128,
}

impl Client {
    /// Starts with a log, which is empty the first time.
    pub fn start(owner: &str, mut log: Vec<u8>) -> Done<Self> {
        let network = Network::parse("example")?;
        let owner = network.user(owner)?.id;
        if log.is_empty() {
            jsonl::Writer::new(&mut log, &owner)?.flush()?;
        }
        let (mut inbox, mut asked, mut fresh) = (Inbox::new(owner, Policy::default()), 0, 0);
        for record in jsonl::Reader::new(log.as_slice())? {
            let Some(event) = record?.event.known().cloned() else { continue };
            if let Body::Conversation(_, Fact::MessageReceived(_) | Fact::UnreadReported(_)) = event.body() {
                asked = asked.max(event.at().as_millis());
            }
            inbox.apply(&event);
            fresh += 1 << 32;
        }
        Ok(Self { network, inbox, log, asked, fresh })
    }

    /// Appends events to the log and folds them: the only way in which anything changes.
    fn take(&mut self, events: impl IntoIterator<Item = Event>) -> Done {
        let events: Vec<Event> = events.into_iter().collect();
        for event in &events {
            self.log.extend_from_slice(jsonl::encode_event(event).as_bytes());
            self.log.push(b'\n');
        }
        self.inbox.apply_batch(&events);
        Ok(())
    }

    fn conversation(&self, room: &str) -> Done<ConversationId> {
        Ok(ConversationId::group(&self.network.group(room)?.id))
    }

    /// A message of the server's, of which every device makes the same event.
    fn received(&self, room: &str, said: &server::Message) -> Done<Event> {
        let (conversation, number) = (self.conversation(room)?, said.number.to_string());
        let id = EventKey::Introduced(&number).id(&self.network, Some(&conversation));
        let envelope =
            Envelope::new(id, Timestamp::from_millis(said.at)?, self.network.user(&said.author)?.id);
        let message = Message::text(self.network.message_id(&number)?.id, &said.text).with_seq(said.number);
        Ok(envelope.message_received(conversation, message)?)
    }

    fn fresh(&mut self) -> [u8; 16] {
        self.fresh += 1;
        self.fresh.to_be_bytes()
    }
    fn envelope(&mut self, now: i64) -> Done<Envelope> {
        let id = EventId::from_bytes(self.fresh());
        Ok(Envelope::new(id, Timestamp::from_millis(now)?, self.inbox.owner().clone()))
    }

    /// How many are unread up to the newest message that the server knows.
    fn report(&mut self, room: &Room, now: i64) -> Done {
        let report = UnreadReport {
            through: Watermark::Seq(room.newest.number),
            unread: room.unread,
            read: Some(Through::Watermark(Watermark::Seq(room.read))),
            at_least: false,
            mentions: None,
            active_at: Some(Timestamp::from_millis(room.newest.at)?),
        };
        let report = self.envelope(now)?.unread_reported(self.conversation(&room.id)?, report)?;
        self.take([report])
    }

    /// What happened since, the first time the list itself. The outbox goes first, so that what the server answers counts it in.
    pub fn sync(&mut self, server: &mut Server) -> Done {
        self.empty_outbox(server)?;
        for News { room, messages, has_more } in server.news(self.inbox.owner().as_str(), self.asked)? {
            // What is merely found, a name or a marker, is written where it says something new.
            let (id, name) = (GroupId::parse(&room.id)?, Some(room.name.clone()));
            let named = self.envelope(server.now)?.group_profile_changed(id, name, None, None)?;
            self.take(observe(&self.inbox, named))?;
            let first = messages.first().filter(|_| has_more);
            let all = first.map(|first| (first.number, room.newest.number));
            self.hold(&room.id, &messages, all, server.now)?;
            if all.is_some() {
                // There is a gap before them: the server's count stands for what is in it.
                self.report(&room, server.now)?;
            } else {
                let through = Through::Watermark(Watermark::Seq(room.read));
                let read =
                    self.envelope(server.now)?.conversation_read(self.conversation(&room.id)?, through)?;
                self.take(observe(&self.inbox, read))?;
            }
        }
        self.asked = server.now;
        Ok(())
    }

    /// Takes messages, and that they are all that there is in a stretch.
    fn hold(&mut self, room: &str, page: &[server::Message], all: Option<(u64, u64)>, now: i64) -> Done {
        let mut events = page.iter().map(|said| self.received(room, said)).collect::<Done<Vec<_>>>()?;
        if let Some((from, through)) = all {
            let (from, through) = (Watermark::Seq(from), Watermark::Seq(through));
            events.push(self.envelope(now)?.history_complete(self.conversation(room)?, from, through)?);
        }
        self.take(events)
    }

    /// Opens a conversation at its first unread message: pages are fetched from the newest gap on until it is held.
    pub fn open(&mut self, server: &Server, room: &str) -> Done<Option<String>> {
        let conversation = self.conversation(room)?;
        loop {
            let row = self.inbox.conversation(&conversation).ok_or("no such room")?;
            let gap = match row.first_unread() {
                Some(FirstUnread::Message(first)) => return Ok(first.text().map(str::to_owned)),
                Some(_) => row.gaps().next().ok_or("no gap")?,
                None => return Ok(None),
            };
            let through = gap.through.first_field().unsigned_abs();
            let page = server.page(room, through)?;
            // A page that is not full reaches the beginning.
            let from = page.last().filter(|_| page.len() == MOST).map_or(0, |oldest| oldest.number);
            self.hold(room, &page, Some((from, through)), server.now)?;
        }
    }

    fn carry_out(&mut self, command: &Command, now: i64) -> Done {
        let (owner, seed) = (self.inbox.owner().clone(), self.fresh());
        let context = Context::new(owner, Role::Member, Timestamp::from_millis(now)?, seed);
        self.take(decide(&self.inbox, command, &context)?.events)
    }

    /// Queues a message, which shows at once, and sends it if the server is there.
    pub fn send(&mut self, server: &mut Server, room: &str, text: &str) -> Done {
        let message = Box::new(Message::text(MessageId::from_bytes(self.fresh()), text));
        let command = Command::Send { conversation: self.conversation(room)?, message };
        self.carry_out(&command, server.now)?;
        if server.is_reachable { self.empty_outbox(server) } else { Ok(()) }
    }

    /// Sends what is queued: the outbox is in the log, like everything else.
    fn empty_outbox(&mut self, server: &mut Server) -> Done {
        let mut queued = Vec::new();
        for row in self.inbox.conversations() {
            // What is not sent yet stands behind everything that is.
            let newest = row.messages(Direction::NewestFirst, None, 100).messages.into_iter();
            let own = newest.take_while(|message| message.status() == MessageStatus::Sending);
            queued.extend(own.map(|one| (row.id().clone(), one.id(), one.text().unwrap_or("").to_owned())));
        }
        for (conversation, local, text) in queued.into_iter().rev() {
            let room = conversation.target();
            let sent = server.send(room, self.inbox.owner().as_str(), &text)?;
            // The server's message takes the place of the one that was queued.
            let gone = self.envelope(server.now)?.messages_deleted(conversation.clone(), vec![local])?;
            let received = self.received(room, &sent)?;
            self.take([received, gone])?;
        }
        Ok(())
    }

    /// Reads a conversation, here and for the other devices.
    pub fn read(&mut self, server: &mut Server, room: &str) -> Done {
        let conversation = self.conversation(room)?;
        let command = Command::MarkRead { conversation: conversation.clone(), up_to: ReadUpTo::Newest };
        self.carry_out(&command, server.now)?;
        let marker = self.inbox.conversation(&conversation).and_then(|row| row.read_marker());
        if let Some(Watermark::Seq(seq)) = marker { Ok(server.read(room, seq)?) } else { Ok(()) }
    }

    /// A row as people see it: `37 unread`, or `37+` where there may be more.
    pub fn shown(&self, room: &str) -> Done<String> {
        let row = self.inbox.conversation(&self.conversation(room)?).ok_or("no such room")?;
        let more = if row.unread_is_lower_bound() { "+" } else { "" };
        let last = row.last_message().and_then(|last| last.text()).unwrap_or_default();
        Ok(format!("{}: {}{more} unread, {last:?}", row.show_name(), row.unread_count()))
    }
}
