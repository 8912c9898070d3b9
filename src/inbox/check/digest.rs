//! The digest: a hash of the canonical whole state, names not numbers (R08).
//!
//! A sum of the hashes of its parts (owner and policy, each user's profile, each folder, each conversation's
//! registers, each message), so that parts can be hashed in any order and, one day, exchanged one by one.

use std::fmt;

use crate::inbox::containers::interner::Interner;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::list::folders::FolderState;
use crate::inbox::registers;
use crate::inbox::state::Inbox;
use crate::inbox::timeline::entry::{Entry, bits};
use crate::inbox::timeline::rare_facts::{Aside, Social};
use crate::model::id::UserId;
use crate::model::policy::Policy;
use crate::register::bytes::Out;

/// A hash of everything an inbox holds, what waits and what is masked included (R08).
///
/// Equal for equal sets of events, in whatever order and however often they came; different when anything
/// shown differs. It guards against accidents, not against someone who crafts events to collide. The
/// algorithm may change with a version: compare digests, do not store them for ever.
///
/// ```
/// use chatfold::{Inbox, Policy, UserId};
/// let alice = Inbox::new(UserId::parse("alice")?, Policy::default());
/// assert_eq!(alice.digest(), alice.clone().digest());
/// assert_eq!(alice.digest().to_string().len(), 32);
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// What a part is, so that two parts of unlike kind never hash alike.
#[repr(u8)]
enum PartKind {
    Inbox = 1,
    Profile = 2,
    Folder = 3,
    Conversation = 4,
    Message = 5,
}

impl Inbox {
    /// The digest of the inbox. Complexity: everything it holds is hashed once.
    pub fn digest(&self) -> Digest {
        let mut out = Out::default();
        let mut sum = self.own_hash(&mut out);
        for (user, profile) in self.profiles.numbered() {
            registers::put_profile(part(&mut out, PartKind::Profile).text(name(&self.users, user)), profile);
            sum = sum.wrapping_add(out.hash128());
        }
        for (id, folder) in self.folders.iter() {
            self.put_folder(part(&mut out, PartKind::Folder).raw(id.as_bytes()), folder);
            sum = sum.wrapping_add(out.hash128());
        }
        for conversation in self.conversations.iter() {
            sum = sum.wrapping_add(self.conversation_hash(&mut out, conversation));
        }
        Digest(sum)
    }

    fn own_hash(&self, out: &mut Out) -> u128 {
        let Policy { meeting_unread, own_message_reads, .. } = self.policy;
        part(out, PartKind::Inbox).text(self.owner.as_str()).flag(meeting_unread).flag(own_message_reads);
        registers::put_quiet_hours(out, &self.quiet_hours);
        out.hash128()
    }

    fn put_folder(&self, out: &mut Out, folder: &FolderState) {
        out.lww_flag(&folder.alive).lww_text(&folder.name);
        let mut members: Vec<_> = folder
            .members()
            .iter()
            .filter_map(|(number, on)| Some((self.conversations.get(*number)?.id.as_str(), on)))
            .collect();
        members.sort_unstable_by_key(|(id, _)| *id);
        out.len(members.len());
        for (id, on) in members {
            out.text(id).lww_flag(on);
        }
    }

    fn conversation_hash(&self, out: &mut Out, conversation: &Conversation) -> u128 {
        part(out, PartKind::Conversation).text(conversation.id.as_str());
        registers::put_shared(out, &conversation.shared);
        out.int(conversation.reads.peer).len(conversation.reads.own.iter().count());
        for (first, stamp) in conversation.reads.own.iter() {
            out.int(first).stamp(stamp);
        }
        registers::put_personal(out, &conversation.personal);
        let mut sum = out.hash128();
        for (slot, entry) in conversation.facts().arena.iter().filter(|(_, e)| !e.is_void()) {
            part(out, PartKind::Message).text(conversation.id.as_str());
            self.put_message(out, conversation, slot, &entry);
            sum = sum.wrapping_add(out.hash128());
        }
        // What is corrupt was not hashed: such an inbox equals none that is whole.
        if conversation.fault().is_some() { !sum } else { sum }
    }

    fn put_message(&self, out: &mut Out, conversation: &Conversation, slot: u32, entry: &Entry) {
        let facts = conversation.facts();
        let (at, seq) = facts.introduction(slot, entry);
        // Whether it is placed by an acknowledgement follows from the acknowledgement itself.
        let looks = bits::ACKNOWLEDGED | bits::ASIDE;
        out.raw(entry.id.as_bytes()).uint(entry.bits & !looks);
        if entry.class() != crate::inbox::effects::Class::Unknown {
            out.raw(entry.event.as_bytes()).int(at).int(seq).text(name(&self.users, entry.author));
            out.bytes(facts.arena.bytes(slot));
        }
        if entry.has(bits::NAMED) {
            let personal = &conversation.personal;
            for stamps in [&personal.named_reads, &personal.unread_marks] {
                out.option(stamps.get(&slot), |out, stamp| {
                    out.stamp(*stamp);
                });
            }
            out.flag(conversation.shared.named_peer_reads.contains(&slot));
        }
        let (introduced, queued) = facts.activities(slot, entry);
        out.option(facts.delivery(slot), |out, delivery| {
            for activity in [introduced, queued, delivery.sent_activity] {
                registers::put_activity(out, activity);
            }
            registers::put_outcome(out, facts.last_queued(slot, entry), delivery);
        });
        // An aside that became empty again is as good as none.
        let nothing = Aside::default();
        let aside = facts.aside(slot).unwrap_or(&nothing);
        out.option(aside.recall.as_deref(), registers::put_recall);
        out.option(aside.edits.as_deref(), registers::put_edits);
        out.option(aside.social.as_deref(), |out, social| put_social(out, social, &self.users));
        // What most messages have nothing of stands behind all else, each kind under a number of its own.
        if let Some(read) = facts.arena.named_read(slot) {
            out.u8(1).lww_flag(read);
        }
        if let Some(stamp) = facts.arena.put_away_at(slot) {
            out.u8(3).stamp(stamp);
        }
    }
}

/// Begins another part.
fn part(out: &mut Out, kind: PartKind) -> &mut Out {
    out.0.clear();
    out.u8(kind as u8)
}

fn name(users: &Interner<UserId>, number: u32) -> &str {
    users.name(number).map(UserId::as_str).unwrap_or_default()
}

fn put_social(out: &mut Out, social: &Social, users: &Interner<UserId>) {
    let mut readers: Vec<_> = social.readers().iter().map(|user| name(users, *user)).collect();
    readers.sort_unstable();
    out.len(readers.len());
    for reader in readers {
        out.text(reader);
    }
    let mut reactions: Vec<_> = social
        .reactions()
        .iter()
        .map(|((reaction, actor), on)| (&**reaction, name(users, *actor), on))
        .collect();
    reactions.sort_unstable_by_key(|(reaction, actor, _)| (*reaction, *actor));
    out.len(reactions.len());
    for (reaction, actor, on) in reactions {
        out.text(reaction).text(actor).lww_flag(on);
    }
    registers::put_social(out, social);
}
