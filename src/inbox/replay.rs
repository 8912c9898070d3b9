//! The bulk path: fold a whole log with plain structures, derive order and totals once at the end.

use super::arena::{Class, bits};
use super::conversation::{Around, Conversation, names_messages};
use super::names::Interner;
use super::ranking::{ListKey, Ranking};
use super::route::{Route, fold_group, fold_member, fold_profile, peer, route};
use super::said::{Introduction, Said};
use super::{Inbox, folders};
use crate::change::Totals;
use crate::event::{Event, Fact};
use crate::id::{Address, ConversationId, MessageId, UserId};
use crate::policy::Policy;
use crate::time::Stamp;

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
    inbox: Inbox,
    conversations: Vec<Conversation>,
    /// What names messages waits until all are there and can be found: order means nothing to the fold.
    deferred: Vec<Deferred>,
    last: Option<(ConversationId, u32)>,
}

#[derive(Debug)]
struct Deferred {
    number: u32,
    by: UserId,
    stamp: Stamp,
    fact: Fact,
}

impl Replay {
    /// A replay of nothing yet.
    pub fn new(owner: UserId, policy: Policy) -> Self {
        let mut inbox = Inbox::new(owner, policy);
        inbox.users = Interner::plain();
        inbox.ids = Interner::plain();
        Self { inbox, conversations: Vec::new(), deferred: Vec::new(), last: None }
    }

    /// Takes in one event.
    pub fn push(&mut self, event: &Event) {
        let Some(route) = route(&self.inbox.owner, event) else { return };
        let stamp = event.stamp();
        match route {
            Route::Conversation(id, fact) if names_messages(fact) => {
                let number = self.number(id);
                let (by, fact) = (event.by().clone(), fact.clone());
                self.deferred.push(Deferred { number, by, stamp, fact });
            }
            Route::Conversation(id, fact) => {
                let number = self.number(id);
                let Inbox { owner, policy, users, .. } = &mut self.inbox;
                let mut around = Around { owner, policy: *policy, users, number, cleared: None, trace: None };
                if let Some(conversation) = self.conversations.get_mut(number as usize) {
                    conversation.fold(&mut around, event.by(), stamp, fact);
                }
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
                if let Some(conversation) = self.conversations.get_mut(number as usize) {
                    fold_group(&mut conversation.shared, stamp, fields, group_type);
                }
            }
            Route::Folder(fact) => folders::fold(&mut self.inbox.folders, stamp, fact),
            Route::QuietHours(hours) => {
                self.inbox.quiet_hours.set(stamp, hours);
            }
        }
    }

    fn number(&mut self, id: &ConversationId) -> u32 {
        // Chats come in bursts: the last conversation is the likeliest.
        if let Some((last, number)) = &self.last
            && (last.address() == id.address() || last == id)
        {
            return *number;
        }
        let number = self.inbox.ids.intern(id);
        if number as usize == self.conversations.len() {
            let peer = peer(id).map(|peer| self.inbox.users.intern(&peer));
            self.conversations.push(Conversation::new(id.clone(), peer, false));
        }
        self.last = Some((id.clone(), number));
        number
    }

    /// Derives order, rows and totals: the inbox.
    pub fn finish(self) -> Inbox {
        let Self { mut inbox, mut conversations, mut deferred, .. } = self;
        for conversation in &mut conversations {
            if let Some(timeline) = conversation.timeline.get_mut() {
                timeline.facts.build_index(&inbox.users);
            }
        }
        // One conversation after the other, so that each is at hand while its facts are taken in.
        deferred.sort_by_key(|deferred| deferred.number);
        for Deferred { number, by, stamp, fact } in deferred {
            let Inbox { owner, policy, users, .. } = &mut inbox;
            let mut around = Around { owner, policy: *policy, users, number, cleared: None, trace: None };
            if let Some(conversation) = conversations.get_mut(number as usize) {
                conversation.fold(&mut around, &by, stamp, &fact);
            }
        }
        let mut keys = Vec::new();
        let mut totals = Totals::default();
        for (number, conversation) in conversations.iter_mut().enumerate() {
            conversation.rebuild(inbox.policy);
            let row = conversation.row;
            if row.listed {
                keys.push((ListKey::new(row.order_key, conversation.id.clone()), number as u32));
                totals.add(row.unread.into(), conversation.personal.receive_option());
            }
        }
        keys.sort_unstable();
        inbox.list = Ranking::of(keys);
        inbox.totals = totals;
        inbox.conversations = conversations.into_iter().collect();
        inbox.users = inbox.users.share();
        inbox.ids = inbox.ids.share();
        inbox
    }
}

/// A text message as a log holds it: received, or queued by the owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduced<'a> {
    pub(crate) queued: bool,
    pub(crate) stamp: Stamp,
    pub(crate) id: MessageId,
    pub(crate) seq: Option<u64>,
    pub(crate) text: &'a str,
}

/// The numbers of the ids of a log segment by their numbers there, so that a text is hashed once a segment and not
/// once an event.
#[derive(Debug)]
pub(crate) struct Names {
    users: Vec<u32>,
    conversations: Vec<u32>,
}

/// Not looked up yet.
const UNKNOWN: u32 = u32::MAX;

impl Names {
    /// For so many users and conversations.
    pub(crate) fn new(users: usize, conversations: usize) -> Self {
        Self { users: vec![UNKNOWN; users], conversations: vec![UNKNOWN; conversations] }
    }

    /// Takes in a message whose conversation and author have these numbers and ids in the segment; `None` where
    /// one of them is no id.
    #[inline]
    pub(crate) fn introduce(
        &mut self,
        replay: &mut Replay,
        (conversation, conversation_id): (usize, &str),
        (author, author_id): (usize, &str),
        introduced: Introduced<'_>,
    ) -> Option<()> {
        let own = author_id == replay.inbox.owner.as_str();
        let is_party = own || conversation_id.strip_prefix("c2c_").is_none_or(|peer| peer == author_id);
        if !is_party || introduced.queued && !own {
            // It has no effect (R17), but has to be an event all the same.
            return UserId::new(author_id).and(ConversationId::new(conversation_id).map(|_| ())).ok();
        }
        let place = self.conversations.get_mut(conversation)?;
        if *place == UNKNOWN {
            *place = replay.number_of(conversation_id)?;
        }
        let number = *place;
        let place = self.users.get_mut(author)?;
        if *place == UNKNOWN {
            *place = replay.user_of(author_id)?;
        }
        let author = *place;
        let Introduced { queued, stamp, id, seq, text } = introduced;
        let class = if queued { Class::Queued } else { Class::Received };
        let viewer_bits = if own { bits::OWN } else { 0 };
        let intro = Introduction { class, stamp, author, said: Said::Text { id, seq, text }, viewer_bits };
        let Inbox { owner, policy, users, .. } = &mut replay.inbox;
        let mut around = Around { owner, policy: *policy, users, number, cleared: None, trace: None };
        replay.conversations.get_mut(number as usize)?.take_in(&mut around, &intro);
        Some(())
    }
}

impl Replay {
    fn number_of(&mut self, id: &str) -> Option<u32> {
        match self.inbox.ids.get(id) {
            Some(number) => Some(number),
            None => Some(self.number(&ConversationId::new(id).ok()?)),
        }
    }

    fn user_of(&mut self, id: &str) -> Option<u32> {
        match self.inbox.users.get(id) {
            Some(number) => Some(number),
            None => Some(self.inbox.users.intern(&UserId::new(id).ok()?)),
        }
    }
}
