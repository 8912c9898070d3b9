//! The outbox: queueing, what becomes of what is queued, forwarding, importing.

use crate::decide::desk::{Desk, Verdict, after, at_most, member, party};
use crate::decide::rejection::Rejection;
use crate::inbox::{MessageRegisters, MessageStatus, MessageView, Registers};
use crate::model::event::{Fact, GroupType, Message, MessageKind};
use crate::model::id::{ConversationId, ConversationKind, MessageId, UserId};
use crate::model::time::Timestamp;

/// Whether the message of this id was sent already; an error where the id is another message's.
fn is_sent(registers: Registers<'_>, message: MessageId) -> Result<bool, Rejection> {
    match registers.message(message) {
        Some(known) if known.is_own_sent() => Ok(true),
        Some(known) if known.view().is_some() || known.is_spent() => {
            Err(Rejection::MessageIdTaken { message })
        }
        _ => Ok(false),
    }
}

/// R77
fn check_addressees(desk: &Desk<'_>, id: &ConversationId, message: &Message) -> Verdict {
    let limits = &desk.context.limits;
    let mentions = message.mentions.users.len();
    at_most(limits.mentions, mentions, |found, limit| Rejection::TooManyMentions { found, limit })?;
    let recipients = message.recipients.len();
    if recipients == 0 {
        return Ok(());
    }
    at_most(limits.recipients, recipients, |found, limit| Rejection::TooManyRecipients { found, limit })?;
    if !message.mentions.is_empty() {
        return Err(Rejection::TargetedWithMentions { recipients });
    }
    if id.kind() == ConversationKind::Direct {
        return Err(Rejection::TargetedElsewhere { recipients, conversation: id.clone() });
    }
    match desk.view(id).and_then(|view| view.group_type()) {
        Some(GroupType::AvChatRoom) => Err(Rejection::InLiveRoom { what: "a targeted message" }),
        _ => Ok(()),
    }
}

/// The first instant at which what is introduced shows, whatever was cleared away or deleted (R38). In a direct chat it is
/// enough to stand behind what was cleared: a clearing whose own stamp is ahead drags nothing after it.
fn after_clearing(desk: &Desk<'_>, id: &ConversationId) -> i64 {
    let (registers, horizon) = (desk.registers(id), desk.horizon(id));
    let coverages = [registers.cleared(), registers.deleted()].into_iter().flatten();
    let least = coverages.map(|(through, stamp)| {
        let least = after([Some(stamp)]);
        match id.kind() {
            ConversationKind::Direct if least > horizon => through + 1,
            ConversationKind::Direct => least.max(through + 1),
            ConversationKind::Group => least,
        }
    });
    least.max().unwrap_or(0)
}

/// The first instant at which what is queued stands last, outliers apart (R65).
fn after_newest(desk: &Desk<'_>, id: &ConversationId) -> i64 {
    let registers = desk.registers(id);
    let newest = registers.newest(desk.horizon(id)).map_or(0, |newest| newest.time() + 1);
    newest.max(after_clearing(desk, id))
}

/// The message, in a group with the highest seq known, outliers apart (R12).
fn placed(desk: &Desk<'_>, id: &ConversationId, mut message: Message) -> Message {
    if id.kind() == ConversationKind::Group {
        let registers = desk.registers(id);
        let coverages = [registers.cleared(), registers.deleted()].into_iter().flatten();
        let covered = coverages.map(|(through, _)| through).max();
        let newest = registers.newest(desk.horizon(id)).map(|newest| newest.first());
        message.seq = Some(newest.max(covered).unwrap_or(0).unsigned_abs());
    }
    message
}

pub(crate) fn send(desk: &mut Desk<'_>, id: &ConversationId, message: &Message) -> Verdict {
    let registers = desk.registers(id);
    if is_sent(registers, message.id)? {
        return Ok(());
    }
    member(desk, id)?;
    check_addressees(desk, id, message)?;
    let failed = registers.message(message.id).and_then(|waiting| waiting.failed_at());
    let least = after_newest(desk, id).max(after([failed]));
    let queued = placed(desk, id, message.clone());
    desk.put(least, id, Fact::MessageQueued(Box::new(queued)))?;
    if desk.view(id).is_some_and(|view| view.draft().is_some()) {
        desk.put(after([registers.drafts_at()]), id, Fact::DraftSet { text: None, replaces: None })?;
    }
    Ok(())
}

/// A message that may be forwarded (R78).
fn source<'a>(
    desk: &Desk<'a>,
    from: &ConversationId,
    message: MessageId,
) -> Result<MessageView<'a>, Rejection> {
    let found = desk.view(from).and_then(|view| view.message(message));
    let Some(found) = found else { return Err(Rejection::UnknownMessage { message }) };
    match found.status() {
        MessageStatus::Sent => Ok(found),
        status => Err(Rejection::NotSent { message, status }),
    }
}

fn check_sources(desk: &Desk<'_>, messages: &[MessageId]) -> Verdict {
    let refuse = |found, limit| Rejection::TooManyForwarded { found, limit };
    at_most(desk.context.limits.forwarded_messages, messages.len(), refuse)
}

/// Queues messages of fresh ids one after the other.
fn queue_all(desk: &mut Desk<'_>, to: &ConversationId, messages: Vec<Message>) -> Verdict {
    if messages.is_empty() {
        return Ok(());
    }
    member(desk, to)?;
    let first = desk.at(after_newest(desk, to))?.as_millis();
    for (at, message) in (first..).zip(messages) {
        let queued = placed(desk, to, message);
        desk.put(at, to, Fact::MessageQueued(Box::new(queued)))?;
    }
    Ok(())
}

pub(crate) fn forward(
    desk: &mut Desk<'_>,
    from: &ConversationId,
    messages: &[MessageId],
    to: &ConversationId,
) -> Verdict {
    check_sources(desk, messages)?;
    let registers = desk.registers(to);
    let mut copies = Vec::new();
    for (n, message) in (0..).zip(messages) {
        let id = desk.message_id(n);
        if is_sent(registers, id)? {
            continue;
        }
        let source = source(desk, from, *message)?;
        let mut copy = Message::new(id).with_kind(source.kind());
        copy.text = source.text().map(str::to_owned);
        copy.custom = source.custom().map(<[u8]>::to_vec);
        copy.cloud_custom = source.cloud_custom().map(<[u8]>::to_vec);
        copies.push(copy);
    }
    queue_all(desk, to, copies)
}

pub(crate) fn forward_merged(
    desk: &mut Desk<'_>,
    from: &ConversationId,
    messages: &[MessageId],
    to: &ConversationId,
    (text, custom): (&str, Option<&[u8]>),
) -> Verdict {
    check_sources(desk, messages)?;
    let id = desk.message_id(0);
    if messages.is_empty() || is_sent(desk.registers(to), id)? {
        return Ok(());
    }
    for message in messages {
        source(desk, from, *message)?;
    }
    let mut bundle = Message::text(id, text).with_kind(MessageKind::Merger);
    bundle.custom = custom.map(<[u8]>::to_vec);
    queue_all(desk, to, vec![bundle])
}

/// The registers of a known message, and the message as it shows.
fn known<'a>(
    desk: &Desk<'a>,
    id: &ConversationId,
    message: MessageId,
) -> Result<(MessageRegisters<'a>, MessageView<'a>), Rejection> {
    let registers = desk.registers(id).message(message);
    let found = registers.and_then(|registers| Some((registers, registers.view()?)));
    found.ok_or(Rejection::UnknownMessage { message })
}

pub(crate) fn acknowledge(
    desk: &mut Desk<'_>,
    id: &ConversationId,
    message: MessageId,
    (sent_at, seq, members): (Timestamp, Option<u64>, Option<u64>),
) -> Verdict {
    let (registers, view) = known(desk, id, message)?;
    if !registers.is_own_sent() {
        return Err(Rejection::NotQueued { message });
    }
    if view.rank() == 0 {
        return Ok(());
    }
    desk.put(0, id, Fact::MessageSent { target: message, sent_at, seq, members })
}

pub(crate) fn fail(
    desk: &mut Desk<'_>,
    id: &ConversationId,
    message: MessageId,
    reason: Option<&str>,
) -> Verdict {
    let (registers, view) = known(desk, id, message)?;
    if !registers.is_own_sent() || view.rank() == 0 {
        return Err(Rejection::NotQueued { message });
    }
    if registers.has_failed() {
        return Ok(());
    }
    let fact = Fact::MessageFailed { target: message, reason: reason.map(str::to_owned) };
    desk.put(after([registers.queued_at()]), id, fact)
}

pub(crate) fn retry(desk: &mut Desk<'_>, id: &ConversationId, message: MessageId) -> Verdict {
    let (registers, view) = known(desk, id, message)?;
    if !registers.is_own_sent() || view.recall().is_some() {
        return Err(Rejection::NotQueued { message });
    }
    if !registers.is_visible() {
        return Err(Rejection::UnknownMessage { message });
    }
    if !registers.has_failed() {
        return Ok(());
    }
    member(desk, id)?;
    let least = after([registers.failed_at(), registers.queued_at()]);
    let least = least.max(after_newest(desk, id));
    desk.put(least, id, Fact::MessageQueued(Box::new(registers.original())))
}

pub(crate) fn import(
    desk: &mut Desk<'_>,
    id: &ConversationId,
    sender: Option<&UserId>,
    message: &Message,
) -> Verdict {
    let author = sender.unwrap_or(&desk.context.actor);
    party(desk, id, author)?;
    let (owner, recipients) = (desk.inbox.owner(), &message.recipients);
    if !recipients.is_empty() && author != owner && !recipients.contains(owner) {
        let recipients = recipients.len();
        return Err(Rejection::TargetedElsewhere { recipients, conversation: id.clone() });
    }
    let registers = desk.registers(id);
    if let Some(known) = registers.message(message.id) {
        if known.view().is_some() {
            return Ok(());
        }
        if known.is_spent() {
            return Err(Rejection::MessageIdTaken { message: message.id });
        }
    }
    let message = Box::new(placed(desk, id, message.clone()));
    let fact = Fact::MessageImported { sender: sender.cloned(), message };
    desk.put(after_clearing(desk, id), id, fact)
}
