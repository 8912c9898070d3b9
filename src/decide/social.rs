//! What people do with a message: reactions, extensions, pins, receipts (R79, R80).

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::command::ExtensionWrite;
use crate::decide::desk::{Desk, Verdict, after, at_most, member, party};
use crate::decide::messages::{is_admin, known, lasting, not_allowed, sent};
use crate::decide::rejection::{Action, Rejection};
use crate::inbox::MessageRegisters;
use crate::model::event::{Fact, InvalidEvent, MAX_SEQ};
use crate::model::id::{ConversationId, ConversationKind, MessageId};

/// The registers of a message that is known.
fn registers<'a>(
    desk: &Desk<'a>,
    id: &ConversationId,
    message: MessageId,
) -> Result<MessageRegisters<'a>, Rejection> {
    desk.registers(id).message(message).ok_or(Rejection::UnknownMessage { message })
}

fn groups_only(id: &ConversationId, what: &'static str) -> Verdict {
    match id.kind() {
        ConversationKind::Group => Ok(()),
        ConversationKind::Direct => Err(InvalidEvent::NotInDirect { what }.into()),
    }
}

pub(crate) fn react(
    desk: &mut Desk<'_>,
    id: &ConversationId,
    target: MessageId,
    reaction: &str,
    on: bool,
) -> Verdict {
    let actor = &desk.context.actor;
    party(desk, id, actor)?;
    let view = known(desk, id, target)?;
    let reactions = view.reactions();
    let same = reactions.iter().find(|given| given.name == reaction);
    if same.is_some_and(|same| same.users.contains(&actor)) == on {
        return Ok(());
    }
    member(desk, id)?;
    if on {
        sent(view)?;
        let limits = &desk.context.limits;
        let kinds = reactions.len() + usize::from(same.is_none());
        let too_many = |found, limit| Rejection::TooManyReactions { found, limit };
        at_most(limits.reaction_kinds, kinds, too_many)?;
        let users = same.map_or(0, |same| same.users.len()) + 1;
        at_most(limits.reaction_users, users, |found, limit| Rejection::TooManyReactionUsers {
            reaction: reaction.to_owned(),
            found,
            limit,
        })?;
    }
    let least = after([registers(desk, id, target)?.reaction_at(reaction, actor)]);
    desk.put(least, id, Fact::ReactionSet { target, reaction: reaction.to_owned(), on })
}

/// The writes of a request that are well-formed, the last of each key (R79).
fn distinct<'w>(
    desk: &Desk<'_>,
    writes: &'w [ExtensionWrite],
) -> Result<BTreeMap<&'w str, &'w ExtensionWrite>, Rejection> {
    let limits = &desk.context.limits;
    let distinct: BTreeMap<&str, &ExtensionWrite> = writes.iter().map(|w| (w.key.as_str(), w)).collect();
    let refuse = |found, limit| Rejection::TooManyExtensionWrites { found, limit };
    at_most(limits.extension_writes, distinct.len(), refuse)?;
    for write in distinct.values() {
        let (len_bytes, limit) = (write.key.len(), limits.extension_key_bytes);
        if len_bytes == 0 || len_bytes > limit {
            return Err(Rejection::ExtensionKeyLength { len_bytes, limit });
        }
        let len_bytes = write.value.as_ref().map_or(0, String::len);
        at_most(limits.extension_value_bytes, len_bytes, |len_bytes, limit| {
            Rejection::ExtensionValueTooLong { key: write.key.clone(), len_bytes, limit }
        })?;
    }
    Ok(distinct)
}

pub(crate) fn set_extensions(
    desk: &mut Desk<'_>,
    id: &ConversationId,
    target: MessageId,
    writes: &[ExtensionWrite],
) -> Verdict {
    party(desk, id, &desk.context.actor)?;
    let view = known(desk, id, target)?;
    if !view.supports_extensions() {
        return Err(Rejection::NoExtensions { message: target });
    }
    sent(view)?;
    let registers = registers(desk, id, target)?;
    let shown = view.extensions();
    let mut due = Vec::new();
    let (mut count, mut added) = (shown.len(), false);
    for (key, write) in distinct(desk, writes)? {
        let old = shown.iter().find(|extension| extension.key == key);
        let hidden = registers.extension_seq(key).filter(|_| old.is_none());
        match (&write.value, old) {
            (Some(value), Some(old)) if old.value == value => continue,
            (None, None) if hidden.is_some() => continue,
            (None, None) => return Err(Rejection::UnknownExtension { key: key.to_owned() }),
            (None, Some(_)) => count -= 1,
            (Some(_), None) => (count, added) = (count + 1, true),
            (Some(_), Some(_)) => {}
        }
        // One who saw no extension does not know that there once was one.
        let current = old.map(|old| old.seq).or(hidden).unwrap_or(0);
        if write.seen != current && (old.is_some() || write.seen != 0) {
            let value = old.map(|old| old.value.to_owned());
            return Err(Rejection::ExtensionConflict {
                key: key.to_owned(),
                seen: write.seen,
                current,
                value,
            });
        }
        due.push((key, &write.value));
    }
    if !due.is_empty() {
        member(desk, id)?;
    }
    if added {
        let refuse = |found, limit| Rejection::TooManyExtensions { found, limit };
        at_most(desk.context.limits.extensions, count, refuse)?;
    }
    let found = registers.extensions_seq();
    if found >= MAX_SEQ && !due.is_empty() {
        return Err(Rejection::EndOfNumbers { found, limit: MAX_SEQ });
    }
    for (key, value) in due {
        let fact = Fact::ExtensionSet { target, key: key.to_owned(), value: value.clone(), seq: found + 1 };
        desk.put(0, id, fact)?;
    }
    Ok(())
}

pub(crate) fn clear_extensions(desk: &mut Desk<'_>, id: &ConversationId, target: MessageId) -> Verdict {
    party(desk, id, &desk.context.actor)?;
    if known(desk, id, target)?.extensions().is_empty() {
        return Ok(());
    }
    member(desk, id)?;
    let seq = registers(desk, id, target)?.extensions_seq();
    desk.put(0, id, Fact::ExtensionsCleared { target, seq })
}

pub(crate) fn pin(desk: &mut Desk<'_>, id: &ConversationId, target: MessageId, on: bool) -> Verdict {
    groups_only(id, "message_pinned")?;
    let view = known(desk, id, target)?;
    if !is_admin(desk, id) {
        return Err(not_allowed(desk, id, Action::PinMessage));
    }
    if view.is_pinned() == on {
        return Ok(());
    }
    member(desk, id)?;
    if on {
        lasting(view, Action::PinMessage)?;
        sent(view)?;
        let refuse = |found, limit| Rejection::TooManyPinnedMessages { found, limit };
        let pinned = desk.registers(id).pinned_messages();
        at_most(desk.context.limits.pinned_messages, pinned + 1, refuse)?;
    }
    let least = after([registers(desk, id, target)?.pinned_at()]);
    desk.put(least, id, Fact::MessagePinned { target, on })
}

pub(crate) fn send_receipts(desk: &mut Desk<'_>, id: &ConversationId, messages: &[MessageId]) -> Verdict {
    groups_only(id, "message_read_by")?;
    let actor = &desk.context.actor;
    let mut seen = BTreeSet::new();
    let mut targets = Vec::new();
    for message in messages.iter().copied().filter(|message| seen.insert(*message)) {
        let view = known(desk, id, message)?;
        if view.author() == actor || registers(desk, id, message)?.is_read_by(actor) {
            continue;
        }
        if !view.need_receipt() {
            return Err(Rejection::NoReceiptAsked { message });
        }
        sent(view)?;
        targets.push(message);
    }
    if targets.is_empty() {
        return Ok(());
    }
    desk.put(0, id, Fact::MessageReadBy { targets })
}
