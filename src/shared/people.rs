//! What a shared stream says of single users: who opened the conversation, who is a member, how far each has read.

use crate::inbox::timeline::order::range::Range;
use crate::model::event::tables::{MEMBERSHIPS, number_of, value_of};
use crate::model::event::{Fact, Membership, Through};
use crate::model::id::{MessageId, UserId};
use crate::model::stream::SharedId;
use crate::model::time::Stamp;
use crate::register::bytes::{In, Out};
use crate::register::lattice::{Join as _, Lww, raise};

/// How far one of the two of a direct chat has read, as the other is shown it (R34).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerReads {
    /// The greatest first field, -1 for none.
    pub(crate) through: i64,
    /// The messages read by name.
    named: im::OrdSet<MessageId>,
    /// Those of them that the other knows, each behind the first field of where it stands.
    known: im::OrdSet<(i64, MessageId)>,
}

impl Default for PeerReads {
    fn default() -> Self {
        Self { through: -1, named: im::OrdSet::new(), known: im::OrdSet::new() }
    }
}

impl PeerReads {
    /// How far the other is shown that it was read, of the messages in these parts of the history: the greatest first field,
    /// -1 for not at all. The parts ascend. Complexity: O(log n) each.
    pub(crate) fn shown(&self, parts: impl DoubleEndedIterator<Item = Range>) -> i64 {
        let last = MessageId::from_bytes([u8::MAX; 16]);
        let within = |part: Range| {
            let known = self.known.range(..=(part.through, last)).next_back();
            known.map(|(first, _)| *first).filter(|first| *first > part.after)
        };
        self.through.max(parts.rev().find_map(within).unwrap_or(-1))
    }
}

/// The registers of a timeline that name a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct People {
    /// When each opened the conversation last.
    opened: im::OrdMap<UserId, Stamp>,
    memberships: im::OrdMap<UserId, Lww<Membership>>,
    /// What holds for all members: that the group was dissolved.
    dissolved: Lww<Membership>,
    peer_reads: im::OrdMap<UserId, PeerReads>,
}

impl People {
    /// Takes in a fact if it is one about a single user, or about the membership of all. That somebody has read counts of
    /// the two of a direct chat alone (R17). Returns whether that changed anything.
    pub(crate) fn apply(&mut self, id: &SharedId, by: &UserId, stamp: Stamp, fact: &Fact) -> bool {
        match fact {
            Fact::Opened { .. } => match self.opened.get_mut(by) {
                Some(opened) => raise(opened, stamp),
                None => self.opened.insert(by.clone(), stamp).is_none(),
            },
            Fact::MembershipSet { state, user: Some(user) } => {
                self.memberships.entry(user.clone()).or_default().set(stamp, *state)
            }
            Fact::MembershipSet { state, user: None } => self.dissolved.set(stamp, *state),
            Fact::PeerRead { through } if id.is_of_pair(by) => {
                let reads = self.peer_reads.entry(by.clone()).or_default();
                match through {
                    Through::Watermark(watermark) => raise(&mut reads.through, watermark.first_field()),
                    Through::Message(message) => reads.named.insert(*message).is_none(),
                }
            }
            _ => false,
        }
    }

    /// When a user opened the conversation last.
    pub(crate) fn opened(&self, user: &UserId) -> Option<Stamp> {
        self.opened.get(user).copied()
    }

    /// What became of a user as a member (R58), and the write that says so.
    pub(crate) fn membership_register(&self, user: &UserId) -> Lww<Membership> {
        let mut last = self.dissolved.clone();
        if let Some(own) = self.memberships.get(user) {
            last.join(own);
        }
        last
    }

    /// What became of a user as a member (R58).
    pub(crate) fn membership(&self, user: &UserId) -> Option<Membership> {
        self.membership_register(user).get().copied()
    }

    /// How far a user has read.
    pub(crate) fn peer_reads(&self, user: &UserId) -> Option<&PeerReads> {
        self.peer_reads.get(user)
    }

    /// Whether one of the two of a direct chat read a message by name.
    pub(crate) fn names(&self, message: MessageId) -> bool {
        self.peer_reads.values().any(|reads| reads.named.contains(&message))
    }

    /// The messages that a user read by name, of none of which it is said any more where it stands.
    pub(crate) fn displaced(&mut self, reader: &UserId) -> Vec<MessageId> {
        let Some(reads) = self.peer_reads.get_mut(reader) else { return Vec::new() };
        reads.known = im::OrdSet::new();
        reads.named.iter().copied().collect()
    }

    /// Says where a message stands that a user read by name, as the other knows it: the first fields before and now.
    pub(crate) fn place(
        &mut self,
        reader: &UserId,
        message: MessageId,
        (before, now): (Option<i64>, Option<i64>),
    ) {
        let Some(reads) = self.peer_reads.get_mut(reader).filter(|reads| reads.named.contains(&message))
        else {
            return;
        };
        if let Some(first) = before {
            reads.known.remove(&(first, message));
        }
        if let Some(first) = now {
            reads.known.insert((first, message));
        }
    }

    /// Joins what another timeline of the same conversation knows.
    pub(crate) fn join(&mut self, other: &Self) {
        for (user, stamp) in &other.opened {
            raise(self.opened.entry(user.clone()).or_insert(*stamp), *stamp);
        }
        for (user, membership) in &other.memberships {
            self.memberships.entry(user.clone()).or_default().join(membership);
        }
        self.dissolved.join(&other.dissolved);
        for (user, reads) in &other.peer_reads {
            let own = self.peer_reads.entry(user.clone()).or_default();
            raise(&mut own.through, reads.through);
            own.named.extend(reads.named.iter().copied());
        }
    }

    /// Writes all registers, by name.
    pub(crate) fn put(&self, out: &mut Out) {
        fn put_membership(out: &mut Out, membership: &Lww<Membership>) {
            out.lww(membership, |out, state| {
                out.u8(number_of(&MEMBERSHIPS, state));
            });
        }
        out.len(self.opened.len());
        for (user, stamp) in &self.opened {
            out.bytes(user.as_str().as_bytes()).stamp(*stamp);
        }
        out.len(self.memberships.len());
        for (user, membership) in &self.memberships {
            put_membership(out.bytes(user.as_str().as_bytes()), membership);
        }
        put_membership(out, &self.dissolved);
        out.len(self.peer_reads.len());
        for (user, reads) in &self.peer_reads {
            out.bytes(user.as_str().as_bytes()).int(reads.through).len(reads.named.len());
            for message in &reads.named {
                out.raw(message.as_bytes());
            }
        }
    }

    /// Reads what [`People::put`] wrote.
    pub(crate) fn take(from: &mut In<'_>) -> Option<Self> {
        fn user(from: &mut In<'_>) -> Option<UserId> {
            UserId::parse(from.text()?).ok()
        }
        fn membership(from: &mut In<'_>) -> Option<Lww<Membership>> {
            from.lww(|from| value_of(&MEMBERSHIPS, from.u8()?))
        }
        Some(Self {
            opened: from.list(18, |from| Some((user(from)?, from.stamp()?)))?,
            memberships: from.list(2, |from| Some((user(from)?, membership(from)?)))?,
            dissolved: membership(from)?,
            peer_reads: from.list(3, |from| {
                let (user, through) = (user(from)?, from.int()?);
                let named = from.list(16, |from| from.array().map(MessageId::from_bytes))?;
                Some((user, PeerReads { through, named, known: im::OrdSet::new() }))
            })?,
        })
    }
}
