//! Folding on several cores: what stretches of a log have of conversations is shared out by conversation.
//!
//! Nothing here looks at a message. What several stretches have of a conversation stays apart until the conversation is
//! finished, on whatever thread that is; then it is put one behind the other, and what the stretches have in common is
//! found like any other double.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZero;
use std::sync::Arc;

use crate::inbox::containers::interner::Interner;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::replay::events::Replay;
use crate::inbox::replay::pending::PendingFact;
use crate::inbox::replay::stretch_parts::{Dealt, Destination, Piece, UNKNOWN};
use crate::inbox::state::{Inbox, MergeError};
use crate::inbox::timeline::chunk::{CHUNK, Chunk};
use crate::model::id::UserId;
use crate::model::impossible::impossible;
use crate::register::lattice::Join;

/// What finishing a conversation costs, in messages, however few it has.
const LEAST_COST: usize = 8;

impl Replay {
    /// Shares the conversations of some replays out to so many, each to one of them, so that each has about as many
    /// messages; what several have of a conversation comes together. Each can be finished on a thread of its own then,
    /// and one of the inboxes [`absorb`](Inbox::absorb) the others. With no replay there is no part.
    ///
    /// So a log is folded on several cores: cut it anywhere, in as many stretches as there are threads, and replay each
    /// on its own. Any split of the events does, whatever the stretches have in common (R03, R04); stretches that follow
    /// each other are joined at least cost. A conversation is finished by one thread: of a log of one, only the first
    /// half of the work is done by several. A part goes on like any replay.
    ///
    /// ```
    /// use std::num::NonZero;
    /// use std::thread;
    ///
    /// use chatfold::{ConversationId, Envelope, Event, EventId, Inbox, Message, MessageId, Policy, Replay};
    /// use chatfold::{Timestamp, UserId};
    ///
    /// let alice = UserId::parse("alice")?;
    /// let event = |n: u8| -> Result<Event, Box<dyn std::error::Error>> {
    ///     let by = UserId::parse(if n % 3 == 0 { "bob" } else { "carol" })?;
    ///     let at = Timestamp::from_millis(i64::from(n) * 1_000)?;
    ///     let hello = Message::text(MessageId::from_bytes([n; 16]), "Hello!");
    ///     let envelope = Envelope::new(EventId::from_bytes([n; 16]), at, by.clone());
    ///     Ok(envelope.message_received(ConversationId::direct(&by), hello)?)
    /// };
    /// let log: Vec<Event> = (0..100).map(event).collect::<Result<_, _>>()?;
    ///
    /// let threads = NonZero::new(2).ok_or("two")?;
    /// let replay = |stretch: &[Event]| {
    ///     let mut replay = Replay::new(alice.clone(), Policy::default());
    ///     stretch.iter().for_each(|event| replay.push(event));
    ///     replay.flush();
    ///     replay
    /// };
    /// let stretches = log.chunks(log.len().div_ceil(threads.get()));
    /// let replays: Vec<Replay> = thread::scope(|scope| {
    ///     let started: Vec<_> = stretches.map(|stretch| scope.spawn(move || replay(stretch))).collect();
    ///     started.into_iter().map(thread::ScopedJoinHandle::join).collect::<Result<_, _>>()
    /// })
    /// .map_err(|_| "a thread panicked")?;
    ///
    /// let parts = Replay::share_out(replays, threads)?;
    /// let finished: Vec<_> = parts.into_iter().map(|part| thread::spawn(|| part.finish())).collect();
    /// let mut inbox = Inbox::new(alice.clone(), Policy::default());
    /// for part in finished {
    ///     inbox.absorb(part.join().map_err(|_| "a thread panicked")?)?;
    /// }
    /// assert_eq!(inbox.digest(), Inbox::replay(alice, Policy::default(), &log).digest());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Complexity: O(users + conversations) over all replays, and nothing for messages: those are moved in whole chunks
    /// when they are finished.
    ///
    /// # Errors
    ///
    /// Replays of unlike owner or policy.
    pub fn share_out(
        replays: impl IntoIterator<Item = Self>,
        parts: NonZero<usize>,
    ) -> Result<Vec<Self>, MergeError> {
        let mut replays: Vec<Self> = replays.into_iter().collect();
        let Some((first, others)) = replays.split_first() else { return Ok(replays) };
        others.iter().try_for_each(|other| first.inbox.check_alike(&other.inbox))?;
        let fresh = || Self::with_users(first.inbox.owner.clone(), first.inbox.policy, Interner::shared());
        let contributions = std::iter::repeat_with(fresh).take(parts.get()).collect();
        replays.iter_mut().for_each(Self::flush);
        let mut dealer = Dealer::new(contributions, &mut replays);
        for (replay, numbers) in replays.into_iter().zip(std::mem::take(&mut dealer.numbers)) {
            dealer.deal(replay, &numbers);
        }
        Ok(dealer.close())
    }

    /// How many messages each conversation has, with those of its pieces.
    fn lens(&self) -> impl Iterator<Item = (u32, usize)> {
        let own = (0u32..).zip(self.conversations.iter().zip(&self.tails));
        let own = own.map(|(number, (conversation, tail))| (number, len(conversation, tail)));
        own.chain(self.pieces.iter().map(|(number, piece)| (*number, len(&piece.conversation, &piece.tail))))
    }
}

fn len(conversation: &Conversation, tail: &Chunk) -> usize {
    conversation.facts().arena.full.len() * CHUNK + tail.entries.len()
}

/// Which numbers the users and conversations of one replay have among all.
#[derive(Debug)]
struct Numbers {
    /// `None` where they keep their own.
    users: Option<Arc<[u32]>>,
    conversations: Vec<u32>,
}

/// The parts being dealt to.
#[derive(Debug)]
struct Dealer {
    parts: Vec<Replay>,
    /// Those of all replays, and in the end of every part.
    users: Interner<UserId>,
    numbers: Vec<Numbers>,
    /// By the number of a conversation among all.
    destinations: Vec<Destination>,
}

impl Dealer {
    /// Decides which conversation of the replays goes to which of the parts.
    fn new(parts: Vec<Replay>, replays: &mut [Replay]) -> Self {
        let (mut users, mut ids) = (Interner::shared(), Interner::shared());
        if let Some(Replay { inbox, .. }) = replays.first_mut() {
            // Its numbers are kept.
            (users, ids) = (inbox.users.clone(), inbox.ids.clone());
            (inbox.users, inbox.ids) = (Interner::shared(), Interner::shared());
        }
        let mut numbers = Vec::new();
        let mut costs = Vec::new();
        for (at, replay) in replays.iter().enumerate() {
            let keeps = at == 0 || users.continues(&replay.inbox.users);
            let of_users = (!keeps).then(|| replay.inbox.users.numbers_in(&mut users).into());
            let conversations = match at {
                0 => (0..ids.len() as u32).collect(),
                _ => replay.inbox.ids.numbers_in(&mut ids),
            };
            costs.resize(ids.len(), LEAST_COST);
            for (number, len) in replay.lens() {
                if let Some(cost) =
                    conversations.get(number as usize).and_then(|of| costs.get_mut(*of as usize))
                {
                    *cost += len;
                }
            }
            numbers.push(Numbers { users: of_users, conversations });
        }
        let destinations = deal(&costs, parts.len());
        Self { parts, users, numbers, destinations }
    }

    /// Gives each part what a replay has for it.
    fn deal(&mut self, replay: Replay, numbers: &Numbers) {
        let Replay { inbox, conversations, tails, pieces, mut deferred, dealt, .. } = replay;
        let of_all = |number: u32| numbers.conversations.get(number as usize).copied().unwrap_or(UNKNOWN);
        for ((number, conversation), tail) in (0u32..).zip(conversations).zip(tails) {
            self.give(of_all(number), Piece { conversation, tail, users: numbers.users.clone() });
        }
        for (number, piece) in pieces {
            self.give(of_all(number), Piece { users: numbers.users.clone(), ..piece.renumbered() });
        }
        for (number, held) in dealt.iter().flat_map(Dealt::held) {
            deferred.push(PendingFact {
                number,
                by: held.by.clone(),
                stamp: held.stamp,
                fact: held.fact.clone(),
            });
        }
        if !deferred.is_empty() {
            let destinations =
                numbers.conversations.iter().filter_map(|of_all| self.destinations.get(*of_all as usize));
            let (held, destinations) = (Arc::new(deferred), Arc::new(destinations.copied().collect()));
            for (part, replay) in self.parts.iter_mut().enumerate() {
                replay.dealt.push(Dealt {
                    held: Arc::clone(&held),
                    destinations: Arc::clone(&destinations),
                    part,
                });
            }
        }
        self.account(&inbox, numbers);
    }

    /// The part of a conversation, and its number there.
    fn place(&mut self, of_all: u32) -> Option<(&mut Replay, u32)> {
        let destination = self.destinations.get(of_all as usize)?;
        Some((self.parts.get_mut(destination.part)?, destination.number))
    }

    fn give(&mut self, of_all: u32, piece: Piece) {
        let Some(destination) = self.destinations.get_mut(of_all as usize) else {
            impossible!("every conversation of every stretch was given to a part");
            return;
        };
        let Some(part) = self.parts.get_mut(destination.part) else {
            impossible!("conversations are given to parts that are there");
            return;
        };
        if destination.number == UNKNOWN {
            let Conversation { id, peer, .. } = &*piece.conversation;
            destination.number = part.inbox.ids.intern(id);
            let Some(users) = &piece.users else {
                part.conversations.push(piece.conversation);
                part.tails.push(piece.tail);
                return;
            };
            let peer = peer.and_then(|peer| users.get(peer as usize).copied());
            part.conversations.push(Arc::new(Conversation::new(id.clone(), peer, false)));
            part.tails.push(Chunk::default());
        }
        part.pieces.push((destination.number, piece));
    }

    /// What stands beside conversations goes to the first part, membership in folders to that of the member.
    fn account(&mut self, theirs: &Inbox, numbers: &Numbers) {
        for (id, folder) in theirs.folders.iter() {
            for (member, on) in folder.members() {
                let of_all = numbers.conversations.get(*member as usize).copied().unwrap_or(UNKNOWN);
                if let Some((part, number)) = self.place(of_all) {
                    part.inbox.folders.change_member(*id, number, |member| {
                        member.join(on);
                    });
                }
            }
        }
        let Some(Replay { inbox: ours, .. }) = self.parts.first_mut() else {
            impossible!("there is at least one part");
            return;
        };
        for (id, folder) in theirs.folders.iter() {
            let ours = ours.folders.folder_mut(*id);
            ours.alive.join(&folder.alive);
            ours.name.join(&folder.name);
        }
        ours.quiet_hours.join(&theirs.quiet_hours);
        for (user, profile) in theirs.profiles.numbered() {
            let user =
                numbers.users.as_ref().and_then(|users| users.get(user as usize)).copied().unwrap_or(user);
            if let Some(ours) = ours.profiles.get_or_default(user) {
                ours.join(profile);
            }
        }
    }

    /// The parts. All number users alike, so that what one absorbs of another is only moved.
    fn close(self) -> Vec<Replay> {
        let Self { mut parts, users, .. } = self;
        let users = users.share();
        parts.iter_mut().for_each(|part| part.inbox.users = users.clone());
        parts
    }
}

/// Where conversations of these costs go: the dearest first, to whoever has least.
fn deal(costs: &[usize], parts: usize) -> Vec<Destination> {
    let mut order: Vec<(Reverse<usize>, usize)> =
        costs.iter().enumerate().map(|(number, cost)| (Reverse(*cost), number)).collect();
    order.sort_unstable();
    let mut destinations = vec![Destination { part: 0, number: UNKNOWN }; costs.len()];
    let mut loads: BinaryHeap<_> = (0..parts).map(|part| Reverse((0, part))).collect();
    for (Reverse(cost), number) in order {
        let Some(mut least) = loads.peek_mut() else { break };
        let Reverse((load, part)) = &mut *least;
        *load += cost;
        if let Some(destination) = destinations.get_mut(number) {
            destination.part = *part;
        }
    }
    destinations
}
