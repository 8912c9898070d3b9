//! One message: which introduction counts, where it stands, what it shows.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Fact, Mentions};
use chatfold::id::ConversationKind;
use chatfold::time::Stamp;
use chatfold::{Event, Message, MessageId, Timestamp, UserId};

use super::account::Account;
use super::shown::Line;
use super::{Terms, earliest, latest};

/// The value of a `message_sent`: `sent_at`, `seq`, `members`.
type Sent = (Timestamp, Option<u64>, Option<u64>);

/// What rank a message has (R10).
pub const DELIVERED: u8 = 0;
pub const IMPORTED: u8 = 1;
pub const QUEUED: u8 = 2;

/// A known message: introduced (R15), and not hidden from this inbox (R18).
pub struct Known<'a> {
    pub id: MessageId,
    pub kind: ConversationKind,
    /// The introduction that counts.
    pub introduced: Stamp,
    pub content: &'a Message,
    pub author: &'a UserId,
    pub own: bool,
    pub rank: u8,
    pub time: Timestamp,
    pub seq: u64,
    pub sent: Option<Sent>,
    /// Deleted for the owner.
    pub deleted: bool,
    /// The earliest recall.
    pub recall: Option<(Stamp, (&'a UserId, Option<&'a str>))>,
    /// What this message's events say of the conversation's activity (R35).
    pub activity: Vec<Timestamp>,
    /// 1 sending, 2 sent, 3 failed, 5 imported; recall apart.
    pub delivery: u8,
    /// Every fact that names the message.
    pub facts: Vec<(&'a Event, &'a Fact)>,
}

/// What the line of a message needs to know of its conversation.
pub struct Around {
    /// First field of the read marker.
    pub read: i64,
    /// First field of the greatest peer read.
    pub peer_read: Option<i64>,
}

/// The messages a fact names, whether it introduces them or tells about them.
pub fn named(fact: &Fact) -> Vec<MessageId> {
    match fact {
        Fact::MessageReceived(message)
        | Fact::MessageQueued(message)
        | Fact::MessageImported { message, .. } => vec![message.id],
        Fact::MessageModified { target, .. }
        | Fact::MessageRecalled { target, .. }
        | Fact::ReactionSet { target, .. }
        | Fact::ExtensionSet { target, .. }
        | Fact::ExtensionsCleared { target, .. }
        | Fact::MessagePinned { target, .. }
        | Fact::MessageSent { target, .. }
        | Fact::MessageFailed { target, .. } => vec![*target],
        Fact::MessageReadBy { targets }
        | Fact::MessagesDeleted { targets }
        | Fact::MessagesRead { targets, .. } => targets.clone(),
        Fact::HistoryCleared { also, .. } | Fact::Deleted { also, .. } => also.clone(),
        _ => Vec::new(),
    }
}

pub type Facts<'a> = [(&'a Event, &'a Fact)];

/// The stamps and values of the facts that `value` picks.
pub fn pick<'a, V>(facts: &Facts<'a>, value: impl Fn(&'a Event, &'a Fact) -> Option<V>) -> Vec<(Stamp, V)> {
    let picked = facts.iter().filter_map(|(event, fact)| Some((event.stamp(), value(event, fact)?)));
    picked.collect()
}

/// An introduction: when, what, and by whom.
type Introduction<'a> = (Stamp, (&'a Message, &'a UserId));

/// R35: the instants to which a known message moves its conversation.
fn activity(
    content: &Message,
    received: &[Introduction<'_>],
    imported: &[Introduction<'_>],
    queued: &[Introduction<'_>],
    sent: &[(Stamp, Sent)],
) -> Vec<Timestamp> {
    let moves = |message: &Message| !message.online_only && !message.excluded_from_last;
    let waiting = if received.is_empty() && sent.is_empty() { queued } else { &[] };
    let introductions = received.iter().chain(imported).chain(waiting);
    let mut activity: Vec<_> =
        introductions.filter(|(_, (message, _))| moves(message)).map(|(stamp, _)| stamp.at).collect();
    activity.extend(sent.iter().filter(|_| moves(content)).map(|(_, (sent_at, ..))| *sent_at));
    activity
}

impl<'a> Known<'a> {
    /// The message of which `facts` tell; `None` while it is unknown.
    pub fn of(
        terms: Terms<'a>,
        id: MessageId,
        kind: ConversationKind,
        facts: Vec<(&'a Event, &'a Fact)>,
    ) -> Option<Self> {
        let received = pick(&facts, |event, fact| match fact {
            Fact::MessageReceived(message) => Some((&**message, event.by())),
            _ => None,
        });
        let imported = pick(&facts, |event, fact| match fact {
            Fact::MessageImported { sender, message } => {
                Some((&**message, sender.as_ref().unwrap_or(event.by())))
            }
            _ => None,
        });
        let queued = pick(&facts, |event, fact| match fact {
            Fact::MessageQueued(message) => Some((&**message, event.by())),
            _ => None,
        });
        // R15
        let counting = earliest(received.iter().copied());
        let counting = counting.or_else(|| earliest(imported.iter().copied()));
        let counting = counting.or_else(|| earliest(queued.iter().copied()));
        let (introduced, (content, author)) = counting?;
        let own = author == terms.owner;
        // R18
        if !own && !content.recipients.is_empty() && !content.recipients.contains(terms.owner) {
            return None;
        }
        let sent = pick(&facts, |_, fact| match fact {
            Fact::MessageSent { sent_at, seq, members, .. } => Some((*sent_at, *seq, *members)),
            _ => None,
        });
        let first_sent = earliest(sent.iter().copied()).map(|(_, sent)| sent);
        let (rank, time, seq) = match first_sent {
            _ if !received.is_empty() => (DELIVERED, introduced.at, content.seq),
            Some((sent_at, seq, _)) => (DELIVERED, sent_at, seq.or(content.seq)),
            None if !imported.is_empty() => (IMPORTED, introduced.at, content.seq),
            None => (QUEUED, introduced.at, content.seq),
        };
        let activity = activity(content, &received, &imported, &queued, &sent);
        // R15: at equal stamps a failure is greater than a queueing.
        let attempts = queued.iter().map(|(stamp, _)| (*stamp, false));
        let failures = pick(&facts, |_, fact| matches!(fact, Fact::MessageFailed { .. }).then_some(true));
        let delivery = match latest(attempts.chain(failures)) {
            _ if rank == DELIVERED => 2,
            _ if rank == IMPORTED => 5,
            Some((_, true)) => 3,
            _ => 1,
        };
        let deleted = facts.iter().any(|(_, fact)| matches!(fact, Fact::MessagesDeleted { .. }));
        let recall = earliest(pick(&facts, |event, fact| match fact {
            Fact::MessageRecalled { reason, .. } => Some((event.by(), reason.as_deref())),
            _ => None,
        }));
        let seq = seq.unwrap_or(0);
        #[rustfmt::skip]
        let known = Self {
            id, kind, introduced, content, author, own, rank, time, seq, sent: first_sent, deleted, recall,
            activity, delivery, facts,
        };
        Some(known)
    }

    /// The first field of its position: what watermarks compare with.
    pub fn first_field(&self) -> i64 {
        self.position().0
    }

    /// R10
    pub fn position(&self) -> (i64, u8, i64, MessageId) {
        let (time, seq) = (self.time.as_millis(), i64::try_from(self.seq).unwrap());
        match self.kind {
            ConversationKind::Group => (seq, self.rank, time, self.id),
            ConversationKind::Direct => (time, self.rank, seq, self.id),
        }
    }

    /// R34: of `message_sent` if given, else of the message.
    fn members(&self) -> Option<u64> {
        self.sent.and_then(|(_, _, members)| members).or(self.content.members)
    }

    /// R40: whom it mentions: what the edit with the greatest `(version, stamp, value)` says, else as introduced.
    pub fn mentions(&self) -> Mentions {
        let written = self.edits().filter_map(|(version, (stamp, edit))| {
            edit.mentions.as_ref().map(|mentions| (version, stamp, mentions))
        });
        written.max().map_or_else(|| self.content.mentions.clone(), |(_, _, mentions)| mentions.clone())
    }

    /// R59: last writer.
    pub fn read_by_name(&self) -> bool {
        latest(pick(&self.facts, |_, fact| match fact {
            Fact::MessagesRead { on, .. } => Some(*on),
            _ => None,
        }))
        .is_some_and(|(_, on)| on)
    }

    /// Whom it mentions of interest to `owner`: 1 the owner, 2 all, 3 both (R26).
    pub fn mention_of(&self, owner: &UserId) -> Option<u8> {
        let mentions = self.mentions();
        match (mentions.users.contains(owner), mentions.all) {
            (true, false) => Some(1),
            (false, true) => Some(2),
            (true, true) => Some(3),
            (false, false) => None,
        }
    }

    /// R44: pinned in its group.
    pub fn pinned(&self) -> bool {
        let written = pick(&self.facts, |_, fact| match fact {
            Fact::MessagePinned { on, .. } => Some(*on),
            _ => None,
        });
        latest(written).is_some_and(|(_, on)| on)
    }

    pub fn line(&self, account: &Account<'_>, around: &Around) -> Line {
        let profile = account.profile(self.author);
        let delivered = self.rank == DELIVERED;
        let readers = self.readers();
        let others = self.members().map(|members| members.saturating_sub(1));
        Line {
            id: self.id,
            author: self.author.clone(),
            own: self.own,
            time: self.time,
            seq: self.seq,
            rank: self.rank,
            kind: self.content.kind,
            text: self.edited(|edit| edit.text.as_ref(), &self.content.text),
            custom: self.edited(|edit| edit.custom.as_ref(), &self.content.custom),
            cloud_custom: self.edited(|edit| edit.cloud_custom.as_ref(), &self.content.cloud_custom),
            // R40: editing a recalled message shows nothing.
            mentions: if self.recall.is_some() { self.content.mentions.clone() } else { self.mentions() },
            recipients: self.content.recipients.clone(),
            reply_to: self.content.reply_to,
            status: if self.recall.is_some() { 6 } else { self.delivery },
            recall: self.recall.map(|(stamp, (by, reason))| (by.clone(), reason.map(str::to_owned), stamp)),
            edit_version: self.edits().map(|(version, _)| version).max(),
            failure_reason: self.failure_reason(),
            read: self.own || self.first_field() <= around.read || self.read_by_name(),
            read_by_name: self.read_by_name(),
            peer_read: self.own && delivered && around.peer_read.is_some_and(|to| self.first_field() <= to),
            unread_receipts: others.map(|others| others.saturating_sub(readers.len() as u64)),
            readers,
            reactions: self.reactions(),
            extensions: self.extensions(),
            pinned: self.pinned(),
            online_only: self.content.online_only,
            excluded_from_unread: self.content.excluded_from_unread,
            excluded_from_last: self.content.excluded_from_last,
            need_receipt: self.content.need_receipt,
            supports_extensions: self.content.supports_extensions,
            members: self.members(),
            event: self.introduced.event,
            nickname: profile.nickname,
            remark: profile.remark,
            face_url: profile.face_url,
        }
    }

    /// Every edit: its version, when, and what.
    pub fn edits(&self) -> impl Iterator<Item = (u64, (Stamp, &'a chatfold::event::Edit))> {
        self.facts.iter().filter_map(|(event, fact)| match fact {
            Fact::MessageModified { edit, .. } => Some((edit.version, (event.stamp(), edit))),
            _ => None,
        })
    }

    /// R40: the field of the edit with the greatest `(version, stamp, value)`, else as introduced; of a recalled
    /// message nothing is shown (R25).
    fn edited<V: Ord + Clone + 'a>(
        &self,
        field: impl Fn(&'a chatfold::event::Edit) -> Option<&'a V>,
        introduced: &Option<V>,
    ) -> Option<V> {
        if self.recall.is_some() {
            return None;
        }
        let edits = self.edits();
        let written = edits.filter_map(|(version, (stamp, edit))| Some((version, stamp, field(edit)?)));
        written.max().map(|(_, _, value)| value.clone()).or_else(|| introduced.clone())
    }

    /// Why the latest attempt failed, recalled since or not.
    fn failure_reason(&self) -> Option<String> {
        if self.delivery != 3 {
            return None;
        }
        let failures = pick(&self.facts, |_, fact| match fact {
            Fact::MessageFailed { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        latest(failures).and_then(|(_, reason)| reason)
    }

    /// R34: the readers other than the author.
    fn readers(&self) -> Vec<UserId> {
        let read = self.facts.iter().filter(|(_, fact)| matches!(fact, Fact::MessageReadBy { .. }));
        let readers: BTreeSet<&UserId> = read.map(|(event, _)| event.by()).collect();
        readers.into_iter().filter(|reader| *reader != self.author).cloned().collect()
    }

    /// R44: last writer per reaction and actor; those that are on.
    fn reactions(&self) -> Vec<(String, Vec<UserId>)> {
        let mut written: BTreeMap<(&String, &UserId), Vec<(Stamp, bool)>> = BTreeMap::new();
        for (event, fact) in &self.facts {
            if let Fact::ReactionSet { reaction, on, .. } = fact {
                written.entry((reaction, event.by())).or_default().push((event.stamp(), *on));
            }
        }
        let mut shown: BTreeMap<&String, Vec<UserId>> = BTreeMap::new();
        for ((reaction, user), written) in written {
            if latest(written).is_some_and(|(_, on)| on) {
                shown.entry(reaction).or_default().push(user.clone());
            }
        }
        shown.into_iter().map(|(reaction, users)| (reaction.clone(), users)).collect()
    }

    /// R44: greatest `(seq, stamp, value)` per key; hidden if null or cleared.
    fn extensions(&self) -> Vec<(String, String, u64)> {
        type Written<'a> = Vec<(u64, Stamp, &'a Option<String>)>;
        let cleared = self.facts.iter().filter_map(|(_, fact)| match fact {
            Fact::ExtensionsCleared { seq, .. } => Some(*seq),
            _ => None,
        });
        let cleared = cleared.max();
        let mut written: BTreeMap<&String, Written<'_>> = BTreeMap::new();
        for (event, fact) in &self.facts {
            if let Fact::ExtensionSet { key, value, seq, .. } = fact {
                written.entry(key).or_default().push((*seq, event.stamp(), value));
            }
        }
        let mut shown = Vec::new();
        for (key, written) in written {
            if let Some((seq, _, Some(value))) = written.into_iter().max()
                && Some(seq) > cleared
            {
                shown.push((key.clone(), value.clone(), seq));
            }
        }
        shown
    }
}
