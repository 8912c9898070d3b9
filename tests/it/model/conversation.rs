//! One conversation: which facts count, what they add up to.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Fact, GroupType, Membership, ReceiveOption, Through, Watermark};
use chatfold::id::ConversationKind;
use chatfold::time::Stamp;
use chatfold::{ConversationId, Event, EventId, MessageId, Timestamp, UserId};

use super::account::Account;
use super::bounds::{ENDLESS, Interval};
use super::message::{Around, DELIVERED, Known, named};
use super::partial::{About, Number};
use super::shown::{Draft, Row};
use super::{Terms, latest};

/// R17: whether the fact has any effect.
pub fn has_effect(owner: &UserId, id: &ConversationId, event: &Event, fact: &Fact) -> bool {
    let by_owner = event.by() == owner;
    let is_peer = |user: &UserId| id.kind() == ConversationKind::Direct && user.as_str() == id.target();
    let may_write = |user: &UserId| id.kind() == ConversationKind::Group || user == owner || is_peer(user);
    match fact {
        Fact::MessageReceived(_) => may_write(event.by()),
        Fact::MessageImported { sender, .. } => by_owner && may_write(sender.as_ref().unwrap_or(event.by())),
        Fact::PeerRead { .. } => is_peer(event.by()),
        // By another it can give the group's type, and nothing else.
        Fact::Opened { group_type } => by_owner || group_type.is_some(),
        Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessageReadBy { .. }
        | Fact::ReactionSet { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::MessagePinned { .. } => true,
        Fact::MembershipSet { user, .. } => user.as_ref().is_none_or(|user| user == owner),
        _ => by_owner,
    }
}

/// A draft's text and what it replaces.
type DraftText = (String, Option<EventId>);

/// Clearings or deletions: up to which first field and when the greatest reaches, and which messages any names (R37,
/// R38).
#[derive(Clone, Default)]
pub struct Coverage {
    pub reach: Option<(i64, Stamp)>,
    pub also: BTreeSet<MessageId>,
}

/// What a fact clears or deletes, if it does: up to where, and which messages besides.
type Takes<'f> = Option<(Watermark, &'f [MessageId])>;

/// R38: what a clearing or deletion covers; R37: what it names counts as covered wherever it stands.
pub fn covers(coverage: &Coverage, message: &Known<'_>) -> bool {
    let reached = coverage.reach.is_some_and(|(through, stamp)| {
        let first = message.first_field();
        first < through || first == through && (message.rank == DELIVERED || message.introduced <= stamp)
    });
    reached || coverage.also.contains(&message.id)
}

pub struct Conversation<'a> {
    pub id: ConversationId,
    pub terms: Terms<'a>,
    facts: Vec<(&'a Event, &'a Fact)>,
    /// The facts that name each message.
    pub about: About<'a>,
    /// The known messages, in position order.
    pub messages: Vec<Known<'a>>,
    /// All deletions.
    pub deleted: Coverage,
    /// Deletions that keep no messages, and clearings.
    pub cleared: Coverage,
    /// The greatest stamp of a deletion.
    pub last_deletion: Option<Stamp>,
}

impl<'a> Conversation<'a> {
    /// The conversation of these facts, all of which have an effect.
    pub fn of(terms: Terms<'a>, id: ConversationId, facts: Vec<(&'a Event, &'a Fact)>) -> Self {
        let mut about = About::new();
        for (event, fact) in &facts {
            for message in named(fact).into_iter().collect::<BTreeSet<_>>() {
                about.entry(message).or_default().push((event, fact));
            }
        }
        let known = about.clone().into_iter();
        let known = known.filter_map(|(message, facts)| Known::of(terms, message, id.kind(), facts));
        let mut messages: Vec<_> = known.collect();
        messages.sort_by_key(Known::position);
        let coverage = |counts: fn(&Fact) -> Takes<'_>| {
            let counting = || facts.iter().filter_map(|(event, fact)| Some((event.stamp(), counts(fact)?)));
            Coverage {
                reach: counting().map(|(stamp, (through, _))| (through.first_field(), stamp)).max(),
                also: counting().flat_map(|(_, (_, also))| also).copied().collect(),
            }
        };
        let deleted = coverage(|fact| match fact {
            Fact::Deleted { through, also, .. } => Some((*through, also)),
            _ => None,
        });
        let cleared = coverage(|fact| match fact {
            Fact::Deleted { through, keep_messages: false, also }
            | Fact::HistoryCleared { through, also } => Some((*through, also)),
            _ => None,
        });
        let deletions = facts.iter().filter(|(_, fact)| matches!(fact, Fact::Deleted { .. }));
        let last_deletion = deletions.map(|(event, _)| event.stamp()).max();
        Self { id, terms, facts, about, messages, deleted, cleared, last_deletion }
    }

    /// The stamps and values of the facts that `value` picks.
    pub fn pick<V>(&self, value: impl Fn(&'a Fact) -> Option<V>) -> Vec<(Stamp, V)> {
        let picked = self.facts.iter().filter_map(|(event, fact)| Some((event.stamp(), value(fact)?)));
        picked.collect()
    }

    pub fn message(&self, id: MessageId) -> Option<&Known<'a>> {
        self.messages.iter().find(|message| message.id == id)
    }

    /// R37: whether what was written at `stamp` outlives every deletion.
    pub fn stands(&self, stamp: Stamp) -> bool {
        self.last_deletion.is_none_or(|deletion| stamp > deletion)
    }

    /// R14: how far it reaches; `None` while it waits.
    pub fn reaches(&self, through: &Through) -> Option<i64> {
        match through {
            Through::Watermark(watermark) => Some(watermark.first_field()),
            Through::Message(id) => {
                self.message(*id).filter(|message| message.rank == DELIVERED).map(Known::first_field)
            }
        }
    }

    /// Every read that does not wait: its stamp and how far it reaches. With the policy, own messages too (R39).
    pub fn reads(&self) -> Vec<(Stamp, i64)> {
        let mut reads = self.pick(|fact| match fact {
            Fact::Read { through } => self.reaches(through),
            // R45: a report is also a read.
            Fact::UnreadReported(report) => self.reaches(report.read.as_ref()?),
            _ => None,
        });
        if self.terms.policy.own_message_reads {
            let nil = EventId::from_bytes([0; 16]);
            let own = self.messages.iter().filter(|message| message.own && message.rank == DELIVERED);
            reads.extend(own.map(|message| (Stamp::new(message.time, nil), message.first_field())));
        }
        reads
    }

    /// Every mark that does not wait: its stamp and the first field of its target.
    pub fn unread_marks(&self) -> Vec<(Stamp, i64)> {
        self.pick(|fact| match fact {
            Fact::MarkedUnreadFrom { target } => self.message(*target).map(Known::first_field),
            _ => None,
        })
    }

    /// R42, to the letter; −1 where nothing was read. Beside a report only some reads and marks count (R45).
    pub fn read_marker(&self) -> i64 {
        if let Some(marker) = self.reported_marker() {
            return marker;
        }
        let reads = self.reads();
        let greatest = |later_than: Option<Stamp>| {
            let reads = reads.iter().filter(|(stamp, _)| later_than.is_none_or(|mark| *stamp > mark));
            reads.map(|(_, to)| *to).max()
        };
        let marks = self.unread_marks();
        let set_back = marks.iter().map(|(mark, target)| greatest(Some(*mark)).max(Some(target - 1)));
        let marker = set_back.flatten().chain([greatest(None).unwrap_or(-1)]).min();
        marker.unwrap_or(-1)
    }

    /// R34: the greatest peer read.
    fn peer_read(&self) -> Option<i64> {
        let reads = self.pick(|fact| match fact {
            Fact::PeerRead { through } => self.reaches(through),
            _ => None,
        });
        reads.into_iter().map(|(_, to)| to).max()
    }

    /// R20: last writer of all that name one.
    fn group_type(&self, account: &Account<'_>) -> Option<GroupType> {
        if self.id.kind() == ConversationKind::Direct {
            return None;
        }
        let mut named = self.pick(|fact| match fact {
            Fact::Opened { group_type } => *group_type,
            _ => None,
        });
        named.extend(account.group_types(self.id.target()));
        latest(named).map(|(_, kind)| kind)
    }

    /// R21
    fn show_name(&self, account: &Account<'_>) -> String {
        let name = match UserId::parse(self.id.target()) {
            Ok(peer) if self.id.kind() == ConversationKind::Direct => {
                let profile = account.profile(&peer);
                profile.remark.or(profile.nickname)
            }
            _ => account.group_name(self.id.target()),
        };
        name.unwrap_or_else(|| self.id.target().to_owned())
    }

    /// R22
    fn face_url(&self, account: &Account<'_>) -> Option<String> {
        match UserId::parse(self.id.target()) {
            Ok(peer) if self.id.kind() == ConversationKind::Direct => account.profile(&peer).face_url,
            _ => account.group_face_url(self.id.target()),
        }
    }

    /// R23: the messages that count, for a conversation where they count at all.
    pub fn countable(&self, marker: i64) -> impl Iterator<Item = &Known<'a>> {
        self.messages.iter().filter(move |message| {
            message.rank == DELIVERED
                && !message.own
                && !message.deleted
                && message.recall.is_none()
                && !covers(&self.cleared, message)
                && !covers(&self.deleted, message)
                && message.first_field() > marker
                && !message.read_by_name()
                && !message.content.online_only
                && !message.content.excluded_from_unread
                && message.content.recipients.is_empty()
        })
    }

    /// R23: whether the group's type lets messages count.
    pub fn counts(&self, group_type: Option<GroupType>) -> bool {
        match group_type {
            Some(GroupType::AvChatRoom) => false,
            Some(GroupType::Meeting) => self.terms.policy.meeting_unread,
            _ => true,
        }
    }

    /// R26
    fn mentions(&self, marker: i64, group_type: Option<GroupType>) -> Vec<(Option<MessageId>, u64, u8)> {
        if self.id.kind() == ConversationKind::Direct || group_type == Some(GroupType::AvChatRoom) {
            return Vec::new();
        }
        let candidates = self.messages.iter().filter(|message| {
            message.rank == DELIVERED
                && !message.own
                && !message.deleted
                && message.recall.is_none()
                && !covers(&self.cleared, message)
                && !covers(&self.deleted, message)
                && !message.content.online_only
                && !message.read_by_name()
                && message.first_field() > marker
        });
        let mention = |message: &Known<'a>| {
            message.mention_of(self.terms.owner).map(|kind| (Some(message.id), message.seq, kind))
        };
        let mut mentions: Vec<_> = candidates.filter_map(mention).collect();
        mentions.extend(self.listed_mentions(group_type).into_iter().map(|(seq, kind)| (None, seq, kind)));
        mentions.sort_by_key(|(_, seq, _)| *seq);
        mentions
    }

    /// Every writing of the draft: its text, if not cleared, and what it replaces.
    fn draft_writings(&self) -> Vec<(Stamp, Option<DraftText>)> {
        self.pick(|fact| match fact {
            Fact::DraftSet { text, replaces } => {
                let text = text.clone().filter(|text| !text.is_empty());
                Some(text.map(|text| (text, *replaces)))
            }
            _ => None,
        })
    }

    /// R27: the last writer, if it set one and no deletion took it.
    fn draft(&self) -> Option<Draft> {
        let (stamp, draft) = latest(self.draft_writings())?;
        let (text, replaces) = draft.filter(|_| self.stands(stamp))?;
        Some((stamp, text, replaces))
    }

    /// R27: every draft that stands and is later than the latest clearing, by stamp.
    fn drafts_kept(&self) -> Vec<Draft> {
        let written = self.draft_writings();
        let clearing = latest(written.iter().filter(|(_, draft)| draft.is_none()).cloned());
        let later = written.into_iter().filter(|draft| clearing.as_ref().is_none_or(|c| draft > c));
        let standing = later.filter(|(stamp, _)| self.stands(*stamp));
        let drafts =
            standing.filter_map(|(stamp, draft)| draft.map(|(text, replaces)| (stamp, text, replaces)));
        drafts.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The latest opening by the owner that no deletion took.
    pub fn opened(&self) -> Option<Stamp> {
        let openings = self
            .facts
            .iter()
            .filter(|(event, fact)| matches!(fact, Fact::Opened { .. }) && event.by() == self.terms.owner);
        openings.map(|(event, _)| event.stamp()).max().filter(|stamp| self.stands(*stamp))
    }

    /// R28: the last writer of the pin.
    pub fn last_pin(&self) -> Option<(Stamp, bool)> {
        latest(self.pick(|fact| match fact {
            Fact::Pinned { on } => Some(*on),
            _ => None,
        }))
    }

    /// R28, R37
    pub fn is_pinned(&self) -> bool {
        self.last_pin().is_some_and(|(stamp, on)| on && self.stands(stamp))
    }

    /// The ids that a fact introduces, known or hidden (R18).
    pub fn introduced(&self) -> BTreeSet<MessageId> {
        let introductions = self.facts.iter().filter_map(|(_, fact)| match fact {
            Fact::MessageReceived(message)
            | Fact::MessageQueued(message)
            | Fact::MessageImported { message, .. } => Some(message.id),
            _ => None,
        });
        introductions.collect()
    }

    /// The ids of the known messages.
    pub fn known(&self) -> BTreeSet<MessageId> {
        self.messages.iter().map(|message| message.id).collect()
    }

    /// R35
    fn activity(&self, draft: Option<Stamp>) -> Timestamp {
        let messages = self.messages.iter().flat_map(|message| message.activity.iter().copied());
        let rest = [draft, self.opened()].into_iter().flatten().map(|stamp| stamp.at);
        messages.chain(rest).chain(self.reported_activity()).max().unwrap_or(Timestamp::EPOCH)
    }

    /// R56: the last writer of the archive: whether it is on, and whether it stays.
    pub fn last_archiving(&self) -> Option<(Stamp, (bool, bool))> {
        latest(self.pick(|fact| match fact {
            Fact::Archived { on, stay } => Some((*on, *stay)),
            _ => None,
        }))
    }

    /// R56: the last archiving, while no deletion and no later message took it; whether it stays whatever comes.
    fn archived(&self) -> Option<bool> {
        let (stamp, (on, stay)) = self.last_archiving()?;
        let active = self.messages.iter().flat_map(|message| message.activity.iter().copied());
        let taken_out = !stay && active.chain(self.reported_activity()).any(|at| at > stamp.at);
        (on && self.stands(stamp) && !taken_out).then_some(stay)
    }

    /// R58: the last of what was said of the owner, or of all.
    fn membership(&self) -> Option<Membership> {
        let said = self.pick(|fact| match fact {
            Fact::MembershipSet { state, user }
                if user.as_ref().is_none_or(|user| user == self.terms.owner) =>
            {
                Some(*state)
            }
            _ => None,
        });
        latest(said).map(|(_, state)| state)
    }

    /// R24, R57: the last option, and when it is to end.
    fn receive_option(&self) -> (ReceiveOption, Option<Timestamp>) {
        let set = self.pick(|fact| match fact {
            Fact::ReceiveOptionSet { option, until } => Some((*option, *until)),
            _ => None,
        });
        latest(set).map(|(_, setting)| setting).unwrap_or_default()
    }

    /// R36: a message that lists the conversation.
    pub fn brought_back_by_message(&self) -> bool {
        let candidates = self.messages.iter().filter(|message| !message.content.online_only);
        candidates.into_iter().any(|message| !covers(&self.deleted, message))
    }

    /// Neither deleted nor cleared away: it can still be looked at.
    pub fn is_kept(&self, message: &Known<'_>) -> bool {
        !message.deleted && !covers(&self.cleared, message)
    }

    /// R29: the bits that are set, ascending.
    fn marks(&self) -> Vec<u64> {
        let mut written: BTreeMap<u64, Vec<(Stamp, bool)>> = BTreeMap::new();
        for (stamp, (bits, on)) in self.pick(|fact| match fact {
            Fact::MarkSet { mark, on } => Some((mark.bits(), *on)),
            _ => None,
        }) {
            written.entry(bits).or_default().push((stamp, on));
        }
        let set = written
            .into_iter()
            .filter(|(_, written)| latest(written.iter().copied()).is_some_and(|(_, on)| on));
        set.map(|(bits, _)| bits).collect()
    }

    pub fn row(&self, account: &Account<'_>) -> Row {
        let kind = self.id.kind();
        let group_type = self.group_type(account);
        let marker = self.read_marker();
        let peer_read = self.peer_read();
        let around = Around { read: marker, peer_read };
        let draft = self.draft();
        let counted: Vec<_> = self.countable(marker).filter(|_| self.counts(group_type)).collect();
        let kept = || self.messages.iter().filter(|message| self.is_kept(message));
        let history = || kept().filter(|message| !message.content.online_only);
        let last = history().rfind(|message| !message.content.excluded_from_last);
        let pinned = self.is_pinned();
        let (receive_option, receive_option_until) = self.receive_option();
        let [unread, mentioned] =
            [Number::Unread, Number::Mentions].map(|number| self.interval(number, group_type));
        let bounded = |found: Option<Interval>| found.is_some_and(|found| found.lo != found.hi);
        let at_most = |found: Option<Interval>| {
            let open = found.filter(|found| found.lo != found.hi && found.hi < ENDLESS / 2)?;
            u64::try_from(open.hi).ok()
        };
        let least = |found: Option<Interval>, held: usize| found.map_or(held as u64, |found| found.lo as u64);
        let mentions = self.mentions(marker, group_type);
        let first_counted = counted.first().map(|message| (message.id, message.first_field()));
        let activity = self.activity(draft.as_ref().map(|(stamp, ..)| *stamp));
        Row {
            id: self.id.clone(),
            kind,
            listed: self.brought_back_by_message()
                || draft.is_some()
                || pinned
                || self.opened().is_some()
                || self.is_listed_by_report(),
            show_name: self.show_name(account),
            face_url: self.face_url(account),
            group_type,
            unread_count: least(unread, counted.len()),
            unread_is_lower_bound: bounded(unread),
            unread_at_most: at_most(unread),
            last_is_older: self.last_is_older(last.map(Known::first_field)),
            last: last.map(|message| message.line(account, &around)),
            receive_option,
            receive_option_until,
            archived: self.archived().is_some(),
            stays_archived: self.archived() == Some(true),
            membership: self.membership(),
            mention_count: least(mentioned, mentions.len()),
            mention_is_lower_bound: bounded(mentioned),
            mentions_at_most: at_most(mentioned),
            gaps: self.gaps(bounded(unread)),
            mentions,
            draft,
            pinned,
            marks: self.marks(),
            custom_data: latest(self.pick(|fact| match fact {
                Fact::CustomDataSet { data } => Some(data.clone()),
                _ => None,
            }))
            .map(|(_, data)| data)
            .filter(|data| !data.is_empty()),
            folders: account.folders_of(&self.id),
            // R32
            read_marker: u64::try_from(marker).ok().map(|seq| match kind {
                ConversationKind::Group => Watermark::Seq(seq),
                ConversationKind::Direct => Watermark::Time(Timestamp::from_millis(marker).unwrap()),
            }),
            peer_read_marker: peer_read.and_then(|millis| Timestamp::from_millis(millis).ok()),
            activity,
            // R33
            order_key: activity.as_millis() as u64 + if pinned { 1 << 52 } else { 0 },
            unread: counted.iter().map(|message| message.id).collect(),
            first_unread: self.begins(first_counted, unread, bounded(unread)),
            drafts_kept: self.drafts_kept(),
            pinned_messages: history().filter(|message| message.pinned()).map(|message| message.id).collect(),
            history: history().map(|message| message.line(account, &around)).collect(),
            online_only: kept()
                .filter(|message| message.content.online_only)
                .map(|message| message.line(account, &around))
                .collect(),
        }
    }
}
