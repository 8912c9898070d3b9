//! The bulk path: fold a whole log with plain structures, derive order and totals once at the end.

use std::sync::Arc;

use super::arena::Entry;
use super::chunk::Chunk;
use super::content;
use super::conversation::{Conversation, names_messages};
use super::lazy::Lazy;
use super::names::Interner;
use super::ranking::{ListKey, Ranking};
use super::route::{Route, fold_group, fold_member, fold_profile, peer, route};
use super::said::{Introduction, introduced};
use super::timeline::fields;
use super::window::{Held, Window, by_conversation};
use super::{Inbox, folders};
use crate::change::Totals;
use crate::event::Event;
use crate::id::{Address, ConversationId, UserId};
use crate::policy::Policy;

/// An inbox in the middle of a bulk replay.
///
/// A type of its own, because nothing derived may be read before [`Replay::finish`]. The outcome is the same
/// as [`Inbox::apply`] of every event.
///
/// ```
/// use chatfold::{Event, Policy, Replay, UserId};
/// let mut replay = Replay::new(UserId::new("alice")?, Policy::default());
/// let events: Vec<Event> = Vec::new(); // as they come from a reader
/// for event in &events {
///     replay.push(event);
/// }
/// assert_eq!(replay.finish().totals().unread, 0);
/// # Ok::<(), chatfold::IdError>(())
/// ```
#[derive(Debug)]
pub struct Replay {
    /// Everything but the conversations, whose numbers it gives out.
    pub(super) inbox: Inbox,
    conversations: Vec<Arc<Conversation>>,
    /// By conversation the chunk of messages being filled: nearly all events write to one of these and look at nothing
    /// else of the conversation. In a replay nothing is looked up: see `Facts::build_index`.
    tails: Vec<Chunk>,
    /// What names messages waits until all are there and can be found: order means nothing to the fold.
    deferred: Vec<Held>,
    last: Option<(ConversationId, u32)>,
    pub(super) window: Window,
}

impl Replay {
    /// A replay of nothing yet.
    pub fn new(owner: UserId, policy: Policy) -> Self {
        let mut inbox = Inbox::new(owner, policy);
        inbox.users = Interner::plain();
        inbox.ids = Interner::plain();
        Self {
            inbox,
            conversations: Vec::new(),
            tails: Vec::new(),
            deferred: Vec::new(),
            last: None,
            window: Window::default(),
        }
    }

    /// Takes in one event.
    pub fn push(&mut self, event: &Event) {
        self.take_in(event);
        self.fold_if_full();
    }

    /// Takes in one event and folds nothing.
    pub(super) fn take_in(&mut self, event: &Event) {
        let Some(route) = route(&self.inbox.owner, event) else { return };
        let stamp = event.stamp();
        match route {
            Route::Conversation(id, fact) if let Some((class, author, message)) = introduced(fact) => {
                let number = self.number(id);
                let author = author.unwrap_or(event.by());
                let author = (author, self.inbox.users.intern(author));
                let intro = Introduction::of(&self.inbox.owner, class, stamp, author, message);
                let fields = fields(id.kind(), stamp.at.as_millis(), intro.seq());
                let entry = Entry::introduced(&intro, fields);
                self.window.push(number, entry, |bytes| content::encode(message, bytes));
            }
            Route::Conversation(id, fact) => {
                let number = self.number(id);
                self.hold(Held { number, by: event.by().clone(), stamp, fact: fact.clone() });
            }
            Route::Member { conversation, folder, on } => {
                let number = self.number(conversation);
                fold_member(&mut self.inbox.folders, stamp, folder, number, on);
            }
            Route::User { user, fields } => {
                let user = self.inbox.users.intern(user);
                if let Some(profile) = self.inbox.profiles.get_or_default(user) {
                    fold_profile(profile, stamp, fields);
                }
            }
            Route::Group { group, fields, group_type } => {
                let number = self.number(&ConversationId::group(group));
                if let Some(conversation) = at(&mut self.conversations, number) {
                    fold_group(&mut conversation.shared, stamp, fields, group_type);
                }
            }
            Route::Folder(fact) => folders::fold(&mut self.inbox.folders, stamp, fact),
            Route::QuietHours(hours) => {
                self.inbox.quiet_hours.set(stamp, hours);
            }
        }
    }

    /// Takes in a fact that has an effect and introduces no message.
    pub(super) fn hold(&mut self, held: Held) {
        if names_messages(&held.fact) {
            self.deferred.push(held);
        } else {
            self.window.hold(held);
        }
    }

    /// Folds what waits once there is enough of it.
    pub(super) fn fold_if_full(&mut self) {
        if self.window.is_full() {
            self.fold_window(&[]);
        }
    }

    /// Folds what waits, one conversation after the other; `lent` are the contents that were not copied.
    pub(super) fn fold_window(&mut self, lent: &[u8]) {
        let mut window = std::mem::take(&mut self.window);
        let (order, contents) = (window.order(), window.contents(lent));
        for turn in window.turns(&order) {
            let mut left = turn.len;
            for mut entries in turn.runs() {
                while !entries.is_empty() {
                    let Some(tail) = self.room(turn.number) else { break };
                    tail.reserve(left);
                    let later = tail.extend(entries, contents);
                    left -= entries.len() - later.len();
                    entries = later;
                }
            }
        }
        for held in window.held() {
            if let Some(conversation) = at(&mut self.conversations, held.number) {
                held.fold(&mut self.inbox, conversation);
            }
        }
        window.clear();
        self.window = window;
    }

    /// The chunk of a conversation that takes the next message.
    #[inline]
    fn room(&mut self, number: u32) -> Option<&mut Chunk> {
        let tail = self.tails.get_mut(number as usize)?;
        if tail.is_full() {
            let next = tail.successor();
            let full = std::mem::replace(tail, next);
            let timeline = at(&mut self.conversations, number)?.timeline.get_mut()?;
            timeline.facts.arena.push_full(full);
        }
        Some(tail)
    }

    fn number(&mut self, id: &ConversationId) -> u32 {
        // Chats come in bursts: the last conversation is the likeliest.
        if let Some((last, number)) = &self.last
            && (last.address() == id.address() || last == id)
        {
            return *number;
        }
        let number = self.inbox.ids.intern(id);
        self.make_if_new(number, id);
        self.last = Some((id.clone(), number));
        number
    }

    /// Makes the conversation with this number, if it is the next.
    fn make_if_new(&mut self, number: u32, id: &ConversationId) {
        if number as usize == self.conversations.len() {
            let peer = peer(id).map(|peer| self.inbox.users.intern_once(&peer));
            self.conversations.push(Arc::new(Conversation::new(id.clone(), peer, false)));
            self.tails.push(Chunk::default());
        }
    }

    /// Derives order, rows and totals: the inbox.
    pub fn finish(mut self) -> Inbox {
        self.fold_window(&[]);
        let Self { mut inbox, mut conversations, tails, deferred, .. } = self;
        let mut turns = by_conversation(deferred.iter().map(|held| held.number)).into_iter().peekable();
        let mut keys = Vec::new();
        let mut totals = Totals::default();
        // All of a conversation, then the next, so that each is at hand while it is finished.
        for ((number, conversation), tail) in (0u32..).zip(&mut conversations).zip(tails) {
            // Nobody else has it yet.
            let Some(conversation) = Arc::get_mut(conversation) else { continue };
            if let Some(timeline) = conversation.timeline.get_mut() {
                timeline.facts.arena.tail = Lazy::new(tail);
                timeline.facts.build_index(&inbox.users);
            }
            while let Some(turn) = turns.next_if(|turn| turn.number() == number) {
                if let Some(held) = deferred.get(turn.at()) {
                    held.fold(&mut inbox, conversation);
                }
            }
            conversation.rebuild(inbox.policy);
            if let Some(timeline) = conversation.timeline.get_mut() {
                timeline.facts.arena.pack();
            }
            let row = conversation.row;
            if row.listed {
                keys.push((ListKey::new(row.order_key, conversation.id.clone()), number));
                totals.add(row.unread.into(), conversation.personal.receive_option());
            }
        }
        keys.sort_unstable();
        inbox.list = Ranking::of(keys);
        inbox.totals = totals;
        conversations.into_iter().for_each(|conversation| inbox.conversations.push_shared(conversation));
        inbox.users = inbox.users.share();
        inbox.ids = inbox.ids.share();
        inbox
    }
}

impl Replay {
    /// The number of a conversation, by the text of its id; `None` where that is no id.
    pub(super) fn number_of(&mut self, id: &str) -> Option<u32> {
        let id = ConversationId::new(id).ok()?;
        let number = self.inbox.ids.intern_once(&id);
        self.make_if_new(number, &id);
        Some(number)
    }

    /// The same of a user.
    pub(super) fn user_of(&mut self, id: &str) -> Option<u32> {
        Some(self.inbox.users.intern_once(&UserId::new(id).ok()?))
    }
}

/// The conversation with this number, which nobody else has yet.
fn at(conversations: &mut [Arc<Conversation>], number: u32) -> Option<&mut Conversation> {
    conversations.get_mut(number as usize).and_then(Arc::get_mut)
}
