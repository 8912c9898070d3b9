//! What shows of a message, computed from its facts.

use crate::inbox::conversation::personal::Coverage;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::timeline::content::Content;
use crate::inbox::timeline::entry::{Class, Entry, bits};
use crate::inbox::timeline::facts::Facts;
use crate::inbox::timeline::rare_facts::{Aside, RecallFact};
use crate::inbox::views::message::MessageStatus;
use crate::model::time::Stamp;
use crate::register::canon::Canon;

/// A message's content as it shows: after edits, and nothing of it once recalled (R25, R40).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownContent<'a> {
    /// What its introduction carried; texts and data below stand in front of it.
    pub(crate) original: Content<'a>,
    pub(crate) text: Option<&'a str>,
    pub(crate) custom: Option<&'a [u8]>,
    pub(crate) cloud_custom: Option<&'a [u8]>,
}

impl Facts {
    pub(crate) fn shown_content(&self, slot: u32, entry: &Entry) -> ShownContent<'_> {
        let original = self.content(slot);
        let mut shown = ShownContent {
            original,
            text: original.text,
            custom: original.custom,
            cloud_custom: original.cloud_custom,
        };
        if entry.has(bits::RECALLED) {
            (shown.text, shown.custom, shown.cloud_custom) = (None, None, None);
        } else if let Some(edits) = self.aside(slot).and_then(|a| a.edits.as_deref()) {
            shown.text = edits.text.as_ref().map(|(_, _, t)| &**t).or(shown.text);
            shown.custom = edits.custom.as_ref().map(|(_, _, d)| &**d).or(shown.custom);
            shown.cloud_custom = edits.cloud_custom.as_ref().map(|(_, _, d)| &**d).or(shown.cloud_custom);
        }
        shown
    }

    /// The recall that counts.
    pub(crate) fn recall_of(&self, slot: u32) -> Option<(Stamp, &RecallFact)> {
        self.aside(slot)?.recall.as_deref()?.entry()
    }

    /// The group's size when the message was sent: the acknowledgement's word before the message's (R34).
    pub(crate) fn members(&self, slot: u32) -> Option<u64> {
        let sent = self.delivery(slot).and_then(|d| d.sent.entry()).and_then(|(_, sent)| sent.members);
        sent.or_else(|| self.content(slot).members)
    }

    /// The failure that counts: later than every queueing, of a message neither received nor sent.
    pub(crate) fn failure(&self, slot: u32, entry: &Entry) -> Option<(Stamp, Option<&str>)> {
        if entry.class() != Class::Queued || entry.rank() == 0 {
            return None;
        }
        let (stamp, reason) = self.delivery(slot)?.failed.entry()?;
        (Some(stamp) >= self.last_queued(slot, entry)).then_some((stamp, reason.as_deref()))
    }

    /// The status (R15, R25).
    pub(crate) fn status(&self, slot: u32, entry: &Entry) -> MessageStatus {
        if entry.has(bits::RECALLED) {
            MessageStatus::Recalled
        } else if entry.rank() == 0 {
            MessageStatus::Sent
        } else if entry.class() == Class::Imported {
            MessageStatus::Imported
        } else if self.failure(slot, entry).is_some() {
            MessageStatus::Failed
        } else {
            MessageStatus::Sending
        }
    }
}

impl Conversation {
    /// A hash of all that shows of a message, read marks of others in a direct chat apart; `None` where it
    /// cannot be seen with `cleared` away. Only for comparing two moments of one inbox: it uses numbers of
    /// users.
    pub(crate) fn shown_hash(&self, slot: u32, cleared: &Coverage) -> Option<u64> {
        let facts = self.facts();
        let entry = facts.arena.get(slot).filter(|_| self.was_visible(slot, cleared))?;
        let mut canon = Canon::with_room(256 + entry.len as usize);
        let status = facts.status(slot, &entry);
        let hidden = bits::ASIDE | bits::NAMED | bits::ACKNOWLEDGED;
        canon.i64(entry.first).i64(entry.second).event(entry.event);
        canon.u64(entry.author.into()).u64((entry.bits & !hidden).into()).u8(status as u8);
        let content = facts.shown_content(slot, &entry);
        canon.option(content.text, |c, text| {
            c.str(text);
        });
        for data in [content.custom, content.cloud_custom] {
            canon.option(data, |c, data| {
                c.bytes(data);
            });
        }
        let original = content.original;
        canon.list(original.mentioned().collect::<Vec<_>>().into_iter(), |c, user| {
            c.str(user);
        });
        canon.list(original.recipients().collect::<Vec<_>>().into_iter(), |c, user| {
            c.str(user);
        });
        canon.option(original.reply_to, |c, id| {
            c.raw(id.as_bytes());
        });
        canon.option(facts.members(slot), |c, members| {
            c.u64(members);
        });
        canon.option(facts.failure(slot, &entry).and_then(|(_, reason)| reason), |c, reason| {
            c.str(reason);
        });
        if let Some(aside) = facts.aside(slot) {
            put_aside(&mut canon, aside, &entry);
        }
        Some(canon.hash64())
    }
}

fn put_aside(canon: &mut Canon, aside: &Aside, entry: &Entry) {
    if let Some((stamp, recall)) = aside.recall.as_deref().and_then(|r| r.entry()) {
        canon.stamp(stamp).str(recall.by.as_str()).str(recall.reason.as_deref().unwrap_or_default());
    }
    if let Some(edits) = aside.edits.as_deref() {
        canon.u64(edits.version);
    }
    let Some(social) = aside.social.as_deref() else { return };
    for reader in social.readers.iter().filter(|reader| **reader != entry.author) {
        canon.u8(1).u64((*reader).into());
    }
    for ((reaction, actor), on) in &social.reactions {
        if on.get() == Some(&true) {
            canon.u8(2).str(reaction).u64((*actor).into());
        }
    }
    for (key, value, seq) in social.shown_extensions() {
        canon.u8(3).str(key).str(value).u64(seq);
    }
    if social.pinned.get() == Some(&true) {
        canon.u8(4);
    }
}
