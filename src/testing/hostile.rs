//! Logs that a stranger, or a client gone wrong, may write so that they cost much: each of any length, the same for a
//! length for ever. What they cost is measured in `benches/growth.rs`, what they mean is held against the model.

mod by_name;
mod maker;
mod reported;

use std::hash::BuildHasher as _;

use rustc_hash::FxBuildHasher;
use xxhash_rust::xxh3::xxh3_64;

use self::maker::{FUTURE, Fault, Maker, at_seq, folder, id, time};
use super::Random;
use crate::model::event::{
    Edit, Envelope, Event, GroupType, InvalidEvent, Mark, Message, QuietHours, Through, Watermark,
};
use crate::model::id::{ConversationId, EventId, GroupId, MessageId, UserId};
use crate::model::policy::Policy;
use crate::model::time::Timestamp;

/// A kind of hostile or merely odd log.
#[derive(Clone, Copy, Debug)]
pub struct Hostile {
    /// What it is called in reports.
    pub name: &'static str,
    /// The policy under which it costs most.
    pub policy: Policy,
    make: fn(&mut Maker) -> Result<(), Fault>,
}

impl Hostile {
    /// All kinds. The first is harmless: what it costs is what the others are measured by.
    pub const ALL: &[Self] = &[
        Self::new("harmless", harmless),
        Self::new("marks of messages to come", marks_to_come),
        Self::new("marks and reads of messages to come", marks_and_reads_to_come),
        Self::new("fronts of marks and reads", fronts),
        Self::new("reads with falling positions", falling_reads),
        Self::new("reads of messages to come", reads_to_come),
        Self::new("peer reads of messages to come", peer_reads_to_come),
        Self::new("a named message that moves", moving_read),
        Self::new("a message read by the peer that moves", moving_peer_read),
        Self::new("a marked message that moves", moving_mark),
        Self { policy: OWN_READS, ..Self::new("an own message that moves", moving_own) },
        Self::new("message ids that collide", colliding_messages),
        Self::new("user ids that collide", colliding_users),
        Self::new("conversation ids that collide", colliding_conversations),
        Self::new("ids that collide in a snapshot", colliding_in_snapshots),
        Self::new("drafts of the future, cleared", |m| future_drafts(m, false)),
        Self::new("drafts of the future, deleted", |m| future_drafts(m, true)),
        Self::new("drafts that replace each other in circles", circular_drafts),
        Self::new("drafts that replace nothing", lone_drafts),
        Self::new("readers of one message", readers),
        Self::new("reactions to one message", reactions),
        Self::new("extensions of one message", extensions),
        Self::new("extensions, cleared one by one", cleared_extensions),
        Self::new("reactions to a long message", long_message),
        Self::new("a long message and its doubles", long_doubles),
        Self::new("pins of messages", message_pins),
        Self::new("edits of one message", edits),
        Self::new("recalls of unknown messages", unknown_recalls),
        Self::new("facts that wait for one message", waiting_facts),
        Self::new("introductions of one message", introductions),
        Self::new("deliveries of own messages", deliveries),
        Self::new("imports at one position, cleared", |m| imports(m, false, 1)),
        Self::new("imports at one position, deleted", |m| imports(m, true, 1)),
        Self::new("imports of one instant, cleared", |m| imports(m, false, 0)),
        Self::new("messages deleted from the last on", deleted_from_last),
        Self::new("deleted messages, cleared step by step", deleted_then_cleared),
        Self::new("members of one folder", folder_members),
        Self::new("renames of a folder", folder_renames),
        Self::new("folders of one conversation", many_folders),
        Self::new("profiles of many", profiles),
        Self::new("deletions of conversations", deleted_conversations),
        Self::new("marks, pins, openings, options", owner_facts),
        Self::new("types and names of groups", group_profiles),
        Self::new("reads by name", by_name::reads_by_name),
        Self::new("reads by name of messages to come", by_name::reads_by_name_to_come),
        Self::new("edits of mentions", by_name::edited_mentions),
        Self::new("clearings that name messages", |m| by_name::taken_by_name(m, false)),
        Self::new("deletions that name messages", |m| by_name::taken_by_name(m, true)),
        Self::new("archives between late messages", by_name::archives),
        Self::new("memberships, options that end", by_name::memberships),
        Self::new("reports with stamps that zigzag", reported::zigzag),
        Self::new("reports between what is removed", reported::between),
        Self::new("reports between reads and marks", reported::reads_and_marks),
        Self::new("reports that list many mentions", reported::listed),
        Self::new("stretches of one place each", reported::stretches),
        Self::new("stretches in a direct chat", reported::stretches_in_direct),
        Self::new("messages that fill gaps", reported::filled),
    ];

    const fn new(name: &'static str, make: fn(&mut Maker) -> Result<(), Fault>) -> Self {
        Self { name, policy: DEFAULT, make }
    }

    /// Whose inbox it is.
    ///
    /// # Errors
    ///
    /// Never: the id is one.
    pub fn owner() -> Result<UserId, Fault> {
        Ok(UserId::parse("owner")?)
    }

    /// A log of about so many events, the first of which name what the others are about.
    ///
    /// # Errors
    ///
    /// Never with fewer than a million events.
    pub fn events(&self, count: usize) -> Result<Vec<Event>, Fault> {
        let mut maker = Maker {
            count: count.max(8),
            events: Vec::with_capacity(count + 8),
            owner: Self::owner()?,
            peer: UserId::parse("peer")?,
            group: ConversationId::parse("group_g")?,
            direct: ConversationId::parse("c2c_peer")?,
        };
        (self.make)(&mut maker)?;
        Ok(maker.events)
    }
}

const DEFAULT: Policy = Policy { meeting_unread: false, own_message_reads: false };
const OWN_READS: Policy = Policy { meeting_unread: false, own_message_reads: true };

fn harmless(m: &mut Maker) -> Result<(), Fault> {
    let mut random = Random::new(1);
    for n in 1..=m.count as u64 {
        let group = ConversationId::group(&GroupId::parse(&format!("g{}", random.below(64)))?);
        let by = UserId::parse(&format!("u{}", random.below(256)))?;
        m.say(&by, |e| e.message_received(group, at_seq(n, n)))?;
    }
    Ok(())
}

fn marks_to_come(m: &mut Maker) -> Result<(), Fault> {
    let half = m.part(2);
    (1..=half).try_for_each(|n| m.own(|e, group| e.marked_unread_from(group, id(n))))?;
    m.messages(1..half + 1)
}

fn marks_and_reads_to_come(m: &mut Maker) -> Result<(), Fault> {
    let third = m.part(3);
    for n in 1..=third {
        m.own(|e, group| e.marked_unread_from(group, id(n)))?;
        m.own(|e, group| e.conversation_read(group, Through::Message(id(third + 1 - n))))?;
    }
    m.messages(1..third + 1)
}

fn fronts(m: &mut Maker) -> Result<(), Fault> {
    let third = m.part(3);
    m.messages(1..third + 1)?;
    for n in 1..=third {
        m.own(|e, group| e.conversation_read(group, Through::Watermark(Watermark::Seq(2 * third - n))))?;
        m.own(|e, group| e.marked_unread_from(group, id(n)))?;
    }
    Ok(())
}

fn falling_reads(m: &mut Maker) -> Result<(), Fault> {
    let count = m.count as u64;
    (0..count).try_for_each(|n| {
        m.own(|e, group| e.conversation_read(group, Through::Watermark(Watermark::Seq(count - n))))
    })
}

fn reads_to_come(m: &mut Maker) -> Result<(), Fault> {
    let half = m.part(2);
    (1..=half)
        .rev()
        .try_for_each(|n| m.own(|e, group| e.conversation_read(group, Through::Message(id(n)))))?;
    m.messages(1..half + 1)
}

fn peer_reads_to_come(m: &mut Maker) -> Result<(), Fault> {
    let (half, peer, owner, direct) = (m.part(2), m.peer.clone(), m.owner.clone(), m.direct.clone());
    for n in 1..=half {
        m.say(&peer, |e| e.peer_read(direct.clone(), Through::Message(id(n))))?;
    }
    (1..=half)
        .try_for_each(|n| m.say(&owner, |e| e.message_received(direct.clone(), Message::text(id(n), "x"))))
}

fn moving_read(m: &mut Maker) -> Result<(), Fault> {
    let (third, peer, group) = (m.part(3), m.peer.clone(), m.group.clone());
    m.messages(1..third + 1)?;
    (1..=third)
        .rev()
        .try_for_each(|n| m.own(|e, group| e.conversation_read(group, Through::Message(id(n)))))?;
    m.move_about(third / 2, third, &peer, group)
}

fn moving_peer_read(m: &mut Maker) -> Result<(), Fault> {
    let (third, peer, owner, direct) = (m.part(3), m.peer.clone(), m.owner.clone(), m.direct.clone());
    for n in 1..=third {
        m.say(&owner, |e| e.message_received(direct.clone(), Message::text(id(n), "x")))?;
        m.say(&peer, |e| e.peer_read(direct.clone(), Through::Message(id(n))))?;
    }
    m.move_about(third + 1, 1, &owner, direct.clone())?;
    m.say(&peer, |e| e.peer_read(direct.clone(), Through::Message(id(third + 1))))?;
    m.move_about(third + 1, third, &owner, direct)
}

fn moving_mark(m: &mut Maker) -> Result<(), Fault> {
    let (third, peer, group) = (m.part(3), m.peer.clone(), m.group.clone());
    m.messages(1..third + 1)?;
    (1..=third).try_for_each(|n| m.own(|e, group| e.marked_unread_from(group, id(n))))?;
    m.move_about(third / 2, third, &peer, group)
}

fn moving_own(m: &mut Maker) -> Result<(), Fault> {
    let (half, owner, group) = (m.part(2), m.owner.clone(), m.group.clone());
    for n in 1..=half {
        m.say(&owner, |e| e.message_received(group.clone(), at_seq(n, half - n + 1)))?;
    }
    m.move_about(half / 2 + 1, half, &owner, group)
}

fn colliding_messages(m: &mut Maker) -> Result<(), Fault> {
    for n in 0..m.count as u64 {
        // Both halves go into the hash as one sum without carry.
        let high = 0x0123_4567_89ab_cdef_u64 ^ n.rotate_left(29);
        let id = MessageId::from_bytes((u128::from(high) << 64 | u128::from(n)).to_be_bytes());
        m.other(|e, group| e.message_received(group, Message::text(id, "x").with_seq(n + 1)))?;
    }
    Ok(())
}

/// Texts whose hashes have the same nine lowest bits, so that a table of them has long rows and is empty elsewhere.
fn colliding(count: usize, prefix: &str, hash: impl Fn(&str) -> u64) -> Vec<String> {
    let texts = (0u64..).map(|n| format!("{prefix}{n:x}"));
    texts.filter(|text| hash(text) & 0x1ff == 77).take(count).collect()
}

fn colliding_users(m: &mut Maker) -> Result<(), Fault> {
    let users = colliding(m.count, "", |text| FxBuildHasher.hash_one(text));
    let group = m.group.clone();
    for (n, user) in (1..).zip(users) {
        m.say(&UserId::parse(&user)?, |e| e.message_received(group.clone(), at_seq(n, n)))?;
    }
    Ok(())
}

fn colliding_conversations(m: &mut Maker) -> Result<(), Fault> {
    let groups = colliding(m.count, "group_", |text| FxBuildHasher.hash_one(text));
    let peer = m.peer.clone();
    for (n, group) in (1..).zip(groups) {
        let group = ConversationId::parse(&group)?;
        m.say(&peer, |e| e.message_received(group, at_seq(n, n)))?;
    }
    Ok(())
}

fn colliding_in_snapshots(m: &mut Maker) -> Result<(), Fault> {
    let half = m.count / 2;
    let users = colliding(half, "", |text| xxh3_64(text.as_bytes()));
    let groups = colliding(half, "group_", |text| xxh3_64(text.as_bytes()));
    for (n, (user, group)) in (1..).zip(users.iter().zip(&groups)) {
        let group = ConversationId::parse(group)?;
        m.say(&UserId::parse(user)?, |e| e.message_received(group.clone(), at_seq(n, n)))?;
        m.say(&UserId::parse(user)?, |e| e.message_received(group, at_seq(n + 1, n + 1)))?;
    }
    Ok(())
}

fn future_drafts(m: &mut Maker, deleted: bool) -> Result<(), Fault> {
    let (half, owner, group) = (m.part(2), m.owner.clone(), m.group.clone());
    for n in 0..half {
        m.say_at(FUTURE + n as i64, &owner, |e| e.draft_set(group.clone(), Some("later".to_owned()), None))?;
    }
    for _ in 0..half {
        match deleted {
            true => m.own(|e, group| e.conversation_deleted(group, Watermark::Seq(0), true))?,
            false => m.own(|e, group| e.draft_set(group, None, None))?,
        }
    }
    Ok(())
}

fn circular_drafts(m: &mut Maker) -> Result<(), Fault> {
    let count = m.count as u128;
    for n in 0..count {
        let next = EventId::from_bytes(((n + 1) % count + 1).to_be_bytes());
        m.own(|e, group| e.draft_set(group, Some("round".to_owned()), Some(next)))?;
    }
    Ok(())
}

fn lone_drafts(m: &mut Maker) -> Result<(), Fault> {
    (0..m.count).try_for_each(|n| m.own(|e, group| e.draft_set(group, Some(format!("draft {n}")), None)))
}

/// So many users do something with one message.
fn each_user(
    m: &mut Maker,
    make: impl Fn(Envelope, ConversationId, u64) -> Result<Event, InvalidEvent>,
) -> Result<(), Fault> {
    m.message(1)?;
    let group = m.group.clone();
    for n in 0..m.count as u64 {
        let user = UserId::parse(&format!("user{n}"))?;
        m.say(&user, |e| make(e, group.clone(), n))?;
    }
    Ok(())
}

fn readers(m: &mut Maker) -> Result<(), Fault> {
    each_user(m, |e, group, _| e.message_read_by(group, vec![id(1)]))
}

fn reactions(m: &mut Maker) -> Result<(), Fault> {
    each_user(m, |e, group, n| e.reaction_set(group, id(1), format!("kind{}", n % 100), !n.is_multiple_of(5)))
}

fn extensions(m: &mut Maker) -> Result<(), Fault> {
    each_user(m, |e, group, n| e.extension_set(group, id(1), format!("key{n}"), Some("v".to_owned()), n))
}

fn cleared_extensions(m: &mut Maker) -> Result<(), Fault> {
    let half = m.part(2);
    each_user(m, |e, group, n| match n.checked_sub(half) {
        None => e.extension_set(group, id(1), format!("key{n}"), Some("v".to_owned()), n),
        Some(n) => e.extensions_cleared(group, id(1), n),
    })
}

fn long_message(m: &mut Maker) -> Result<(), Fault> {
    let text = "long ".repeat(m.count * 16);
    m.other(|e, group| e.message_received(group, Message::text(id(1), text).with_seq(1)))?;
    for n in 1..m.count as u64 {
        let by = UserId::parse(&format!("user{n}"))?;
        let group = m.group.clone();
        m.say(&by, |e| e.reaction_set(group, id(1), "+1".to_owned(), true))?;
    }
    Ok(())
}

fn long_doubles(m: &mut Maker) -> Result<(), Fault> {
    // All of one stamp, so that values decide (R07).
    let (peer, group, text) = (m.peer.clone(), m.group.clone(), "long ".repeat(m.count * 16));
    let envelope = || -> Result<Envelope, Fault> {
        Ok(Envelope::new(EventId::from_bytes([1; 16]), time(1)?, peer.clone()))
    };
    let said = |text: String| Message::text(id(1), text).with_seq(1);
    m.events.push(envelope()?.message_received(group.clone(), said(text))?);
    for n in 1..m.count {
        m.events.push(envelope()?.message_received(group.clone(), said(format!("a{n}")))?);
    }
    Ok(())
}

fn message_pins(m: &mut Maker) -> Result<(), Fault> {
    let third = m.part(3);
    m.messages(1..third + 1)?;
    (1..=third).try_for_each(|n| m.other(|e, group| e.message_pinned(group, id(n), true)))?;
    (1..=third).rev().try_for_each(|n| m.other(|e, group| e.message_pinned(group, id(n), n % 2 == 0)))
}

fn edits(m: &mut Maker) -> Result<(), Fault> {
    m.message(1)?;
    for version in 1..=m.count as u64 {
        let edit = Edit { version, text: Some(format!("version {version}")), ..Edit::default() };
        m.other(|e, group| e.message_modified(group, id(1), edit))?;
    }
    Ok(())
}

fn unknown_recalls(m: &mut Maker) -> Result<(), Fault> {
    (0..m.count as u64).try_for_each(|n| m.other(|e, group| e.message_recalled(group, id(n), None)))
}

fn waiting_facts(m: &mut Maker) -> Result<(), Fault> {
    for n in 0..m.part(6) {
        m.other(|e, group| e.message_recalled(group, id(1), Some(format!("reason {n}"))))?;
        m.own(|e, group| e.message_failed(group, id(1), Some(format!("reason {n}"))))?;
        m.own(|e, group| e.messages_deleted(group, vec![id(2), id(3)]))?;
        m.own(|e, group| e.message_sent(group, id(1), Timestamp::EPOCH, Some(n + 1), None))?;
        m.own(|e, group| e.conversation_read(group, Through::Message(id(1))))?;
        m.own(|e, group| e.marked_unread_from(group, id(1)))?;
    }
    m.own(|e, group| e.message_queued(group, at_seq(1, 1)))
}

fn introductions(m: &mut Maker) -> Result<(), Fault> {
    let (half, peer, owner, group) = (m.part(2), m.peer.clone(), m.owner.clone(), m.group.clone());
    m.messages(2..half + 2)?;
    m.move_about(1, half / 2, &peer, group.clone())?;
    for n in 0..half / 2 {
        m.say_at(FUTURE - n as i64, &owner, |e| e.message_queued(group.clone(), at_seq(1, n)))?;
    }
    Ok(())
}

fn deliveries(m: &mut Maker) -> Result<(), Fault> {
    let third = m.part(3);
    for n in 1..=third {
        m.own(|e, group| e.message_queued(group, at_seq(n, 0)))?;
        m.own(|e, group| e.marked_unread_from(group, id(n)))?;
    }
    for n in (1..=third).rev() {
        m.own(|e, group| e.message_sent(group, id(n), Timestamp::EPOCH, Some(n), None))?;
    }
    Ok(())
}

fn imports(m: &mut Maker, deleted: bool, step_ms: i64) -> Result<(), Fault> {
    let (half, owner, group) = (m.part(2), m.owner.clone(), m.group.clone());
    m.message(half + 1)?;
    for n in 1..=half {
        let message = at_seq(n, half + 1);
        m.say_at(1_000 + n as i64 * step_ms, &owner, |e| e.message_imported(group.clone(), None, message))?;
    }
    for n in 1..=half {
        let (at, through) = (1_000 + n as i64, Watermark::Seq(half + 1));
        m.say_at(at, &owner, |e| match deleted {
            true => e.conversation_deleted(group.clone(), through, false),
            false => e.history_cleared(group.clone(), through),
        })?;
    }
    Ok(())
}

fn deleted_from_last(m: &mut Maker) -> Result<(), Fault> {
    let half = m.part(2);
    m.messages(1..half + 1)?;
    (1..=half).rev().try_for_each(|n| m.own(|e, group| e.messages_deleted(group, vec![id(n)])))
}

fn deleted_then_cleared(m: &mut Maker) -> Result<(), Fault> {
    let third = m.part(3);
    m.messages(1..third + 1)?;
    (1..=third).try_for_each(|n| m.own(|e, group| e.messages_deleted(group, vec![id(n)])))?;
    (1..=third).try_for_each(|n| m.own(|e, group| e.history_cleared(group, Watermark::Seq(n))))
}

fn folder_members(m: &mut Maker) -> Result<(), Fault> {
    let owner = m.owner.clone();
    m.say(&owner, |e| e.folder_created(folder(1), "one".to_owned()))?;
    let half = m.part(2);
    for (n, on) in (0..half).map(|n| (n, true)).chain((0..half).map(|n| (n, n % 3 == 0))) {
        let group = ConversationId::group(&GroupId::parse(&format!("g{n}"))?);
        m.say(&owner, |e| e.folder_member_set(group, folder(1), on))?;
    }
    Ok(())
}

fn folder_renames(m: &mut Maker) -> Result<(), Fault> {
    let (owner, half) = (m.owner.clone(), m.part(2));
    m.say(&owner, |e| e.folder_created(folder(1), "one".to_owned()))?;
    m.say(&owner, |e| e.folder_created(folder(2), "two".to_owned()))?;
    for n in 0..half {
        let group = ConversationId::group(&GroupId::parse(&format!("g{n}"))?);
        // Few are in the folder that gets other names; many were in it.
        let by = owner.clone();
        m.say(&by, |e| e.folder_member_set(group, folder(1), n < 4))?;
    }
    (0..half).try_for_each(|n| m.say(&owner, |e| e.folder_renamed(folder(1), format!("name {n}"))))
}

fn many_folders(m: &mut Maker) -> Result<(), Fault> {
    let (third, owner, group) = (m.part(3), m.owner.clone(), m.group.clone());
    for n in 0..third {
        m.say(&owner, |e| e.folder_created(folder(n), format!("folder {n}")))?;
        m.say(&owner, |e| e.folder_member_set(group.clone(), folder(n), true))?;
    }
    m.messages(1..third + 1)
}

fn profiles(m: &mut Maker) -> Result<(), Fault> {
    let half = m.part(2);
    for n in 0..half {
        let user = UserId::parse(&format!("user{n}"))?;
        let direct = ConversationId::direct(&user);
        m.say(&user, |e| e.message_received(direct, Message::text(id(n), "x")))?;
    }
    for n in 0..half {
        let user = UserId::parse(&format!("user{}", n % 7))?;
        m.say(&user.clone(), |e| e.user_profile_changed(user, Some(format!("name {n}")), None, None))?;
    }
    Ok(())
}

fn deleted_conversations(m: &mut Maker) -> Result<(), Fault> {
    let (third, owner, peer) = (m.part(3), m.owner.clone(), m.peer.clone());
    for n in 0..third {
        let group = ConversationId::group(&GroupId::parse(&format!("g{n}"))?);
        m.say(&peer, |e| e.message_received(group.clone(), at_seq(1, 1)))?;
        m.say(&owner, |e| e.conversation_deleted(group.clone(), Watermark::Seq(1), false))?;
        m.say(&peer, |e| e.message_received(group, at_seq(2, 2)))?;
    }
    Ok(())
}

fn owner_facts(m: &mut Maker) -> Result<(), Fault> {
    let owner = m.owner.clone();
    for n in 0..m.part(6) {
        let bit = Mark::from_bits(1 << (32 + n % 32)).unwrap_or(Mark::STAR);
        m.own(|e, group| e.mark_set(group, bit, n % 3 != 0))?;
        m.own(|e, group| e.conversation_pinned(group, n % 2 == 0))?;
        m.own(|e, group| e.conversation_opened(group, Some(GroupType::Work)))?;
        m.own(|e, group| e.custom_data_set(group, vec![n as u8; 8]))?;
        m.own(|e, group| e.receive_option_set(group, crate::model::event::ReceiveOption::NotReceive))?;
        let hours = QuietHours::Once { start: time(n as i64)?, duration_s: 60 };
        m.say(&owner, |e| e.quiet_hours_set(Some(hours)))?;
    }
    Ok(())
}

fn group_profiles(m: &mut Maker) -> Result<(), Fault> {
    let (half, peer) = (m.part(2), m.peer.clone());
    for n in 0..half {
        let name = GroupId::parse(&format!("g{n}"))?;
        m.say(&peer, |e| e.message_received(ConversationId::group(&name), at_seq(1, 1)))?;
    }
    for n in 0..half {
        let name = GroupId::parse(&format!("g{}", n % 5))?;
        m.say(&peer, |e| {
            e.group_profile_changed(name, Some(format!("name {n}")), None, Some(GroupType::Public))
        })?;
    }
    Ok(())
}
