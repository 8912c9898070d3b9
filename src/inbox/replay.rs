//! The bulk path: fold a whole log with plain structures, derive order and totals once at the end.

use super::conversation::{Around, Conversation, names_messages};
use super::names::Interner;
use super::ranking::{ListKey, Ranking};
use super::route::{Route, fold_group, fold_member, fold_profile, peer, route};
use super::{Inbox, folders};
use crate::change::Totals;
use crate::event::{Event, Fact};
use crate::id::{Address, ConversationId, UserId};
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
