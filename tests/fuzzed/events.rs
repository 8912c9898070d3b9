//! Histories drawn from any bytes: ids come from small pools, so that facts collide, wait and tie.

use arbitrary::{Arbitrary as _, Result, Unstructured};
use chatfold::event::{Edit, GroupType, Mark, MessageKind, QuietHours, ReceiveOption, Through, Watermark};
use chatfold::{
    ConversationId, Envelope, Event, EventId, FolderId, Message, MessageId, Policy, Timestamp, UserId,
};

/// No history is longer, or a law would take too long to be tried often.
const MOST: usize = 48;

/// A log and its owner, and bytes that say how it is shuffled and split.
pub struct History {
    pub owner: UserId,
    pub policy: Policy,
    pub events: Vec<Event>,
    pub cut: usize,
    pub order: Vec<u8>,
}

/// The history that `data` stands for.
pub fn history(data: &[u8]) -> Option<History> {
    let mut u = Unstructured::new(data);
    let policy = Policy::default()
        .with_meeting_unread(u.arbitrary().ok()?)
        .with_own_message_reads(u.arbitrary().ok()?);
    let cut = usize::from(u8::arbitrary(&mut u).ok()?);
    let order = <[u8; 16]>::arbitrary(&mut u).ok()?.to_vec();
    let mut events = Vec::new();
    while !u.is_empty() && events.len() < MOST {
        match event(&mut u) {
            Ok(event) => events.extend(event),
            Err(_) => break,
        }
    }
    let cut = cut % (events.len() + 1);
    Some(History { owner: user(0), policy, events, cut, order })
}

fn user(number: u8) -> UserId {
    UserId::parse(["alice", "bob", "carol"][usize::from(number) % 3]).unwrap()
}

fn draw_user(u: &mut Unstructured<'_>) -> Result<UserId> {
    u.int_in_range(0..=2).map(user)
}

fn message_id(u: &mut Unstructured<'_>) -> Result<MessageId> {
    Ok(MessageId::from_bytes([u.int_in_range(1..=6)?; 16]))
}

fn instant(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(Timestamp::from_millis(i64::from(u.int_in_range(0..=15u8)?) * 400).unwrap())
}

fn seq(u: &mut Unstructured<'_>) -> Result<u64> {
    u.int_in_range(0..=9)
}

fn text(u: &mut Unstructured<'_>) -> Result<Option<String>> {
    Ok(u.choose(&[None, Some(""), Some(" "), Some("a"), Some("b")])?.map(str::to_owned))
}

fn data(u: &mut Unstructured<'_>) -> Result<Option<Vec<u8>>> {
    Ok(u.choose(&[None, Some(vec![]), Some(vec![1])])?.clone())
}

fn conversation(u: &mut Unstructured<'_>) -> Result<ConversationId> {
    let ids = ["c2c_bob", "group_g", "c2c_alice", "group_h"];
    Ok(u.choose(&ids)?.parse().unwrap())
}

fn group_type(u: &mut Unstructured<'_>) -> Result<Option<GroupType>> {
    let types =
        [GroupType::Work, GroupType::Public, GroupType::Meeting, GroupType::AvChatRoom, GroupType::Community];
    Ok(if u.arbitrary()? { Some(*u.choose(&types)?) } else { None })
}

fn watermark(u: &mut Unstructured<'_>) -> Result<Watermark> {
    Ok(if u.arbitrary()? { Watermark::Seq(seq(u)?) } else { Watermark::Time(instant(u)?) })
}

fn through(u: &mut Unstructured<'_>) -> Result<Through> {
    Ok(if u.arbitrary()? { Through::Message(message_id(u)?) } else { Through::Watermark(watermark(u)?) })
}

fn message(u: &mut Unstructured<'_>) -> Result<Message> {
    let mut message = Message::new(message_id(u)?);
    message.seq = if u.ratio(4, 5)? { Some(seq(u)?) } else { None };
    message.kind = *u.choose(&[MessageKind::Text, MessageKind::Custom, MessageKind::Image])?;
    message.text = text(u)?;
    let rare: u16 = u.arbitrary()?;
    let is = |bit: u16| rare >> bit & 3 == 3;
    message.online_only = is(0);
    message.excluded_from_unread = is(2);
    message.excluded_from_last = is(4);
    message.need_receipt = rare & 1 == 1;
    message.supports_extensions = rare & 4 == 4;
    message.mentions.all = is(6);
    if is(8) {
        message.mentions.users.push(draw_user(u)?);
    }
    if is(10) {
        message.recipients.push(draw_user(u)?);
    }
    if is(12) {
        (message.custom, message.cloud_custom) = (data(u)?, data(u)?);
        (message.reply_to, message.members) = (Some(message_id(u)?), Some(seq(u)?));
    }
    Ok(message)
}

/// The next event; `None` where what was drawn is none.
fn event(u: &mut Unstructured<'_>) -> Result<Option<Event>> {
    let id = EventId::from_bytes([u.int_in_range(1..=24)?; 16]);
    let envelope = Envelope::new(id, instant(u)?, draw_user(u)?);
    let kind = u.int_in_range(0..=33u8)?;
    let event =
        if kind < 27 { about_conversation(u, envelope, kind)? } else { about_account(u, envelope, kind)? };
    Ok(event.ok())
}

type Made = std::result::Result<Event, chatfold::event::InvalidEvent>;

fn about_conversation(u: &mut Unstructured<'_>, envelope: Envelope, kind: u8) -> Result<Made> {
    let id = conversation(u)?;
    Ok(match kind {
        0..=4 => envelope.message_received(id, message(u)?),
        5 => envelope.message_queued(id, message(u)?),
        6 => {
            let sender = if u.arbitrary()? { Some(draw_user(u)?) } else { None };
            envelope.message_imported(id, sender, message(u)?)
        }
        7 => {
            let seq = if u.arbitrary()? { Some(seq(u)?) } else { None };
            envelope.message_sent(id, message_id(u)?, instant(u)?, seq, None)
        }
        8 => envelope.message_failed(id, message_id(u)?, text(u)?),
        9 => {
            let edit = Edit {
                version: seq(u)?,
                text: text(u)?,
                custom: data(u)?,
                cloud_custom: data(u)?,
                mentions: None,
            };
            envelope.message_modified(id, message_id(u)?, edit)
        }
        10 => envelope.message_recalled(id, message_id(u)?, text(u)?),
        11 => envelope.message_read_by(id, vec![message_id(u)?, message_id(u)?]),
        12 => envelope.peer_read(id, through(u)?),
        13 => envelope.reaction_set(id, message_id(u)?, "+".into(), u.arbitrary()?),
        14 => envelope.extension_set(id, message_id(u)?, "k".into(), text(u)?, seq(u)?),
        15 => envelope.extensions_cleared(id, message_id(u)?, seq(u)?),
        16 => envelope.message_pinned(id, message_id(u)?, u.arbitrary()?),
        17 => envelope.messages_deleted(id, vec![message_id(u)?]),
        18 => envelope.history_cleared(id, watermark(u)?),
        19 => envelope.conversation_read(id, through(u)?),
        20 => envelope.marked_unread_from(id, message_id(u)?),
        21 => envelope.conversation_pinned(id, u.arbitrary()?),
        22 => {
            let replaces =
                if u.arbitrary()? { Some(EventId::from_bytes([u.int_in_range(1..=24)?; 16])) } else { None };
            envelope.draft_set(id, text(u)?, replaces)
        }
        23 => envelope.mark_set(id, *u.choose(&[Mark::STAR, Mark::UNREAD])?, u.arbitrary()?),
        24 => envelope.custom_data_set(id, data(u)?.unwrap_or_default()),
        25 => {
            let options =
                [ReceiveOption::Receive, ReceiveOption::NotReceive, ReceiveOption::ReceiveNotNotify];
            envelope.receive_option_set(id, *u.choose(&options)?)
        }
        _ => envelope.conversation_deleted(id, watermark(u)?, u.arbitrary()?),
    })
}

fn about_account(u: &mut Unstructured<'_>, envelope: Envelope, kind: u8) -> Result<Made> {
    let folder = FolderId::from_bytes([u.int_in_range(1..=2)?; 16]);
    Ok(match kind {
        27 => envelope.folder_member_set(conversation(u)?, folder, u.arbitrary()?),
        28 => envelope.folder_created(folder, "one".into()),
        29 => envelope.folder_renamed(folder, "two".into()),
        30 => envelope.folder_deleted(folder),
        31 => envelope.user_profile_changed(draw_user(u)?, text(u)?, text(u)?, text(u)?),
        32 => envelope.group_profile_changed("g".parse().unwrap(), text(u)?, text(u)?, group_type(u)?),
        _ if u.arbitrary()? => envelope.conversation_opened(conversation(u)?, group_type(u)?),
        _ => {
            let hours = QuietHours::Once { start: instant(u)?, duration_s: seq(u)? };
            envelope.quiet_hours_set(if u.arbitrary()? { Some(hours) } else { None })
        }
    })
}
