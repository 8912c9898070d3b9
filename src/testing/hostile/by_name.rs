//! Logs of facts that name messages one by one, and of what changes with every message that comes.

use super::maker::{Fault, Maker, at_seq, id, time};
use crate::model::event::{Body, Edit, Event, Fact, Membership, Mentions, ReceiveOption, Watermark};
use crate::model::id::UserId;

/// Messages that are read by name and made unread again, from the first on.
pub(super) fn reads_by_name(m: &mut Maker) -> Result<(), Fault> {
    let third = m.part(3);
    m.messages(1..third + 1)?;
    (1..=third).try_for_each(|n| m.own(|e, group| e.messages_read(group, vec![id(n)], true)))?;
    (1..=third).try_for_each(|n| m.own(|e, group| e.messages_read(group, vec![id(n)], n % 2 == 0)))
}

/// Messages that are read by name before they come, each by several facts.
pub(super) fn reads_by_name_to_come(m: &mut Maker) -> Result<(), Fault> {
    let quarter = m.part(4);
    for turn in 0..3 {
        (1..=quarter).try_for_each(|n| {
            let targets = vec![id(n), id(quarter + 1 - n)];
            m.own(|e, group| e.messages_read(group, targets, turn != 1))
        })?;
    }
    m.messages(1..quarter + 1)
}

/// Edits of one message that bring and take the owner's mention, among those of others.
pub(super) fn edited_mentions(m: &mut Maker) -> Result<(), Fault> {
    m.message(1)?;
    let others = (0..20).map(|n| UserId::parse(&format!("u{n}"))).collect::<Result<Vec<_>, _>>()?;
    for version in 1..=m.count as u64 {
        let mut users = others.clone();
        if version % 2 == 0 {
            users.push(m.owner.clone());
        }
        let mentions = Some(Mentions { users, all: version % 3 == 0 });
        let edit = Edit { version, mentions, ..Edit::default() };
        m.other(|e, group| e.message_modified(group, id(1), edit))?;
    }
    Ok(())
}

/// Clearings, or deletions, that end before all messages and name one of them each, the last first.
pub(super) fn taken_by_name(m: &mut Maker, deleted: bool) -> Result<(), Fault> {
    let half = m.part(2);
    m.messages(1..half + 1)?;
    for n in (1..=half).rev() {
        let (through, also) = (Watermark::Seq(0), vec![id(n)]);
        let fact = if deleted {
            Fact::Deleted { through, keep_messages: n % 2 == 0, also }
        } else {
            Fact::HistoryCleared { through, also }
        };
        m.own(|e, group| Event::new(e, Body::Conversation(group, fact)))?;
    }
    Ok(())
}

/// Archivings between messages that were sent long before, so that each of them may end one or not.
pub(super) fn archives(m: &mut Maker) -> Result<(), Fault> {
    let half = m.part(2);
    let (peer, owner, group) = (m.peer.clone(), m.owner.clone(), m.group.clone());
    for n in 1..=half {
        m.say_at(n as i64, &owner, |e| e.conversation_archived(group.clone(), n % 3 > 0, n % 5 == 0))?;
        let at = (n * 7_919 % half) as i64;
        m.say_at(at, &peer, |e| e.message_received(group.clone(), at_seq(n, n)))?;
    }
    Ok(())
}

/// Memberships of many, and options of the owner's that are to end.
pub(super) fn memberships(m: &mut Maker) -> Result<(), Fault> {
    let (third, owner) = (m.part(3), m.owner.clone());
    for n in 0..third {
        let user = UserId::parse(&format!("u{n}"))?;
        m.other(|e, group| e.membership_set(group, Membership::Joined, Some(user)))?;
        let own = if n % 2 == 0 { Membership::Left } else { Membership::Joined };
        let user = owner.clone();
        m.other(|e, group| e.membership_set(group, own, Some(user)))?;
        let until = time(1_000 + n as i64)?;
        m.own(|e, group| e.receive_option_set_until(group, ReceiveOption::NotReceive, until))?;
    }
    Ok(())
}
