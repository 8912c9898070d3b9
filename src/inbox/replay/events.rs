//! The bulk path: fold a whole log with plain structures, derive order and totals once at the end.

use std::sync::Arc;

use crate::inbox::containers::interner::Interner;
use crate::inbox::containers::lazy::Lazy;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::effects::{introduced, traits};
use crate::inbox::list::folders;
use crate::inbox::list::ranking::{ListKey, Ranking};
use crate::inbox::replay::pending::{Pending, PendingFact, by_conversation};
use crate::inbox::replay::stretch_parts::{Dealt, Piece};
use crate::inbox::route::{Route, fold_group, fold_member, fold_profile, route};
use crate::inbox::state::Inbox;
use crate::inbox::timeline::chunk::Chunk;
use crate::inbox::timeline::content;
use crate::inbox::timeline::entry::Entry;
use crate::inbox::timeline::facts::fields;
use crate::inbox::timeline::introduction::Introduction;
use crate::model::badge::Sums;
use crate::model::event::Event;
use crate::model::id::{Address, ConversationId, UserId};
use crate::model::impossible::impossible;
use crate::model::policy::Policy;

/// Of so many conversations the memory is read at once, before any of them is written to.
const AT_ONCE: usize = 16;

/// An inbox in the middle of a bulk replay.
///
/// A type of its own, because nothing derived may be read before [`Replay::finish`]. The outcome is the same
/// as [`Inbox::apply`] of every event. On several cores, replay the log in stretches and
/// [share out](Replay::share_out) what they have.
///
/// ```
/// use chatfold::{Event, Policy, Replay, UserId};
/// let mut replay = Replay::new(UserId::parse("alice")?, Policy::default());
/// let events: Vec<Event> = Vec::new(); // as they come from a reader
/// for event in &events {
///     replay.push(event);
/// }
/// assert_eq!(replay.finish().totals().unread, 0);
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Debug)]
pub struct Replay {
    /// Everything but the conversations, whose numbers it gives out.
    pub(crate) inbox: Inbox,
    pub(crate) conversations: Vec<Arc<Conversation>>,
    /// By conversation the chunk of messages being filled: nearly all events write to one of these and look at nothing
    /// else of the conversation. In a replay nothing is looked up: see `Facts::build_index`.
    pub(crate) tails: Vec<Chunk>,
    /// What other stretches of the log have of these conversations, by number: see [`Replay::share_out`].
    pub(crate) pieces: Vec<(u32, Piece)>,
    /// What names messages waits until all are there and can be found: order means nothing to the fold.
    pub(crate) deferred: Vec<PendingFact>,
    /// The same of other stretches of the log.
    pub(crate) dealt: Vec<Dealt>,
    last: Option<(ConversationId, u32)>,
    pub(crate) pending: Pending,
}

impl Replay {
    /// A replay of nothing yet.
    pub fn new(owner: UserId, policy: Policy) -> Self {
        Self::with_users(owner, policy, Interner::plain())
    }

    /// The same, whose users are numbered already.
    pub(crate) fn with_users(owner: UserId, policy: Policy, users: Interner<UserId>) -> Self {
        let mut inbox = Inbox::new(owner, policy);
        inbox.users = users;
        inbox.ids = Interner::plain();
        Self {
            inbox,
            conversations: Vec::new(),
            tails: Vec::new(),
            pieces: Vec::new(),
            deferred: Vec::new(),
            dealt: Vec::new(),
            last: None,
            pending: Pending::default(),
        }
    }

    /// Takes in one event.
    pub fn push(&mut self, event: &Event) {
        self.take_in(event);
        self.fold_if_full();
    }

    /// Takes in one event and folds nothing.
    pub(crate) fn take_in(&mut self, event: &Event) {
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
                self.pending.push(number, entry, |bytes| content::encode(message, bytes));
            }
            Route::Conversation(id, fact) => {
                let number = self.number(id);
                self.hold(PendingFact { number, by: event.by().clone(), stamp, fact: fact.clone() });
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
                self.inbox.quiet_hours.set(stamp, hours.cloned());
            }
        }
    }

    /// Takes in a fact that has an effect and introduces no message.
    pub(crate) fn hold(&mut self, held: PendingFact) {
        let traits = traits(&held.fact);
        if traits.names_messages {
            // So that finishing numbers nobody: replays that finish apart would do so in unlike ways.
            if traits.numbers_author {
                self.inbox.users.intern(&held.by);
            }
            self.deferred.push(held);
        } else {
            self.pending.hold(held);
        }
    }

    /// Folds what waits once there is enough of it.
    pub(crate) fn fold_if_full(&mut self) {
        if self.pending.is_full() {
            self.fold_pending(&[]);
        }
    }

    /// Folds what was taken in and still waits, some thousands of events at most. Never needed: [`Replay::finish`] and
    /// [`Replay::share_out`] do so too. But what is shared out by one thread was better folded by each on its own.
    pub fn flush(&mut self) {
        self.fold_pending(&[]);
    }

    /// Folds what waits, one conversation after the other; `lent` are the contents that were not copied.
    pub(crate) fn fold_pending(&mut self, lent: &[u8]) {
        let mut pending = std::mem::take(&mut self.pending);
        let (order, contents) = (pending.order(), pending.contents(lent));
        let turns: Vec<_> = pending.turns(&order).collect();
        for (at, turn) in turns.iter().enumerate() {
            if at.is_multiple_of(AT_ONCE) {
                let next = turns.iter().skip(at).take(AT_ONCE);
                let tails = next.filter_map(|turn| self.tails.get(turn.number as usize));
                // The value is not used: reading it brings the memory of all.
                std::hint::black_box(tails.fold(0, |ends, tail| ends ^ tail.end()));
            }
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
        for held in pending.held() {
            if let Some(conversation) = at(&mut self.conversations, held.number) {
                held.fold(&mut self.inbox, conversation);
            }
        }
        pending.clear();
        self.pending = pending;
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
            let peer = id.peer().map(|peer| self.inbox.users.intern_once(&peer));
            self.conversations.push(Arc::new(Conversation::new(id.clone(), peer, false)));
            self.tails.push(Chunk::default());
        }
    }

    /// Derives order, rows and totals: the inbox.
    pub fn finish(mut self) -> Inbox {
        self.fold_pending(&[]);
        let Self { mut inbox, mut conversations, tails, mut pieces, deferred, dealt, .. } = self;
        // Those of one conversation stay in the order of their stretches.
        pieces.sort_by_key(|(number, _)| *number);
        let mut pieces = pieces.into_iter().peekable();
        let mut waiting: Vec<_> = deferred.iter().map(|held| (held.number, held)).collect();
        waiting.extend(dealt.iter().flat_map(Dealt::held));
        let mut turns = by_conversation(waiting.iter().map(|(number, _)| *number)).into_iter().peekable();
        let mut keys = Vec::new();
        let mut sums = Sums::default();
        // All of a conversation, then the next, so that each is at hand while it is finished.
        for ((number, conversation), tail) in (0u32..).zip(&mut conversations).zip(tails) {
            // Nobody else has it yet.
            let Some(conversation) = Arc::get_mut(conversation) else { continue };
            if let Some(timeline) = conversation.timeline.get_mut() {
                timeline.facts.arena.tail = Lazy::new(tail);
            }
            let mut of_others =
                std::iter::from_fn(|| Some(pieces.next_if(|(of, _)| *of == number)?.1)).peekable();
            let runs = if of_others.peek().is_some() {
                conversation.append_pieces(of_others, &inbox.users)
            } else {
                if let Some(timeline) = conversation.timeline.get_mut() {
                    timeline.facts.build_index(&inbox.users);
                }
                Vec::new()
            };
            while let Some(turn) = turns.next_if(|turn| turn.number() == number) {
                if let Some((_, held)) = waiting.get(turn.at()) {
                    held.fold(&mut inbox, conversation);
                }
            }
            conversation.rebuild_along(inbox.policy, &runs);
            if let Some(timeline) = conversation.timeline.get_mut() {
                timeline.facts.arena.pack();
            }
            let row = conversation.row;
            if row.listed {
                keys.push((ListKey::new(row.order_key, conversation.id.clone()), number));
                sums.add(&row.counted());
            }
        }
        keys.sort_unstable();
        inbox.list = Ranking::of(keys);
        inbox.sums = sums;
        conversations.into_iter().for_each(|conversation| inbox.conversations.push_shared(conversation));
        inbox.users = inbox.users.share();
        inbox.ids = inbox.ids.share();
        inbox
    }
}

impl Replay {
    /// The number of a conversation, by the text of its id; `None` where that is no id.
    #[cfg(feature = "binary")]
    pub(crate) fn number_of(&mut self, id: &str) -> Option<u32> {
        let id = ConversationId::parse(id).ok()?;
        let number = self.inbox.ids.intern_once(&id);
        self.make_if_new(number, &id);
        Some(number)
    }

    /// The same of a user.
    #[cfg(feature = "binary")]
    pub(crate) fn user_of(&mut self, id: &str) -> Option<u32> {
        Some(self.inbox.users.intern_once(&UserId::parse(id).ok()?))
    }
}

/// The conversation with this number, which nobody else has yet.
fn at(conversations: &mut [Arc<Conversation>], number: u32) -> Option<&mut Conversation> {
    let conversation = conversations.get_mut(number as usize).and_then(Arc::get_mut);
    if conversation.is_none() {
        impossible!("a conversation that has a number is in the replay, and nobody else holds it");
    }
    conversation
}

impl Inbox {
    /// Folds a whole log: the same inbox as applying the events one by one, several times faster, because
    /// order and totals are built once at the end.
    ///
    /// For events that come as a stream, see [`Replay`].
    pub fn replay<'a>(owner: UserId, policy: Policy, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut replay = Replay::new(owner, policy);
        for event in events {
            replay.push(event);
        }
        replay.finish()
    }
}
