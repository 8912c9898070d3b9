//! What shows of a message, computed from its facts.

use xxhash_rust::xxh3::xxh3_64;

use crate::inbox::conversation::personal::{Coverage, covers};
use crate::inbox::effects::Class;
use crate::inbox::timeline::content::Content;
use crate::inbox::timeline::entry::{Entry, bits};
use crate::inbox::timeline::facts::Facts;
use crate::inbox::timeline::rare_facts::{Aside, Edits, MentionsEdit, ReasonText, RecallFact, mentions_hash};
use crate::model::event::Mentions;
use crate::model::time::Stamp;
use crate::register::canonical_form::CanonicalBytes;

/// A message's content as it shows: after edits, and nothing of it once recalled (R25, R40).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownContent<'a> {
    pub(crate) text: Option<&'a str>,
    pub(crate) custom: Option<&'a [u8]>,
    pub(crate) cloud_custom: Option<&'a [u8]>,
}

impl Facts {
    pub(crate) fn shown_content(&self, slot: u32, entry: &Entry) -> ShownContent<'_> {
        let original = self.content(slot);
        let mut shown = ShownContent {
            text: original.text,
            custom: original.custom,
            cloud_custom: original.cloud_custom,
        };
        if entry.has(bits::RECALLED) {
            (shown.text, shown.custom, shown.cloud_custom) = (None, None, None);
        } else if let Some(edits) = self.aside(slot).and_then(|a| a.edits.as_deref()) {
            shown.text = edits.text.as_ref().map(|(_, _, t)| &**t).or(shown.text);
            shown.custom = edits.custom.as_deref().map(|(_, _, d)| &**d).or(shown.custom);
            shown.cloud_custom = edits.cloud_custom.as_deref().map(|(_, _, d)| &**d).or(shown.cloud_custom);
        }
        shown
    }

    /// Whom the edits of a message say that it mentions: nothing where it is recalled (R40).
    pub(crate) fn edited_mentions(&self, slot: u32, entry: &Entry) -> Option<&Mentions> {
        let edited = entry.has(bits::MENTIONS_EDITED) && !entry.has(bits::RECALLED);
        self.edits(slot).filter(|_| edited)?.mentions()
    }

    /// The edits of a message, if there are any.
    fn edits(&self, slot: u32) -> Option<&Edits> {
        self.aside(slot)?.edits.as_deref()
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
    pub(crate) fn failure(&self, slot: u32, entry: &Entry) -> Option<(Stamp, Option<&ReasonText>)> {
        if entry.class() != Class::Queued || entry.rank() == 0 {
            return None;
        }
        let (stamp, reason) = self.delivery(slot)?.failed.entry()?;
        (Some(stamp) >= self.last_queued(slot, entry)).then_some((stamp, reason.as_ref()))
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

/// The bits that do not show, or show by something else that is hashed.
const UNSHOWN: u32 = bits::ASIDE
    | bits::NAMED
    | bits::ACKNOWLEDGED
    | bits::UNLISTED
    | bits::READ_SAID
    | bits::AT_ME
    | bits::AT_ALL
    | bits::MENTIONS_EDITED
    | bits::EDITED_AT_ME
    | bits::EDITED_AT_ALL;

/// Longer contents are not hashed whenever something happens to their message: where they lie tells them apart, since
/// whatever takes their place lies elsewhere.
const LONG: usize = 512;

impl Facts {
    /// Whether a message can be looked at with `cleared` away: known, neither deleted nor cleared.
    pub(crate) fn is_visible(&self, slot: u32, cleared: &Coverage) -> bool {
        self.arena.get(slot).is_some_and(|entry| {
            let there = entry.is_known() && !entry.is_gone();
            there && !covers(cleared, entry.position(), || self.stamp(slot, &entry))
        })
    }

    /// A hash of all that shows of a message, read marks of others in a direct chat apart; `None` where it
    /// cannot be seen with `cleared` away. Only for comparing two moments of one inbox: it uses numbers of
    /// users and where long contents lie.
    ///
    /// Complexity: O(log n), whatever was said of the message and however long it is.
    pub(crate) fn shown_hash(&self, slot: u32, cleared: &Coverage) -> Option<u64> {
        let facts = self;
        let entry = facts.arena.get(slot).filter(|_| facts.is_visible(slot, cleared))?;
        let is_long = entry.len as usize > LONG;
        let mut canon = CanonicalBytes::with_room(256 + LONG.min(entry.len as usize));
        let status = facts.status(slot, &entry);
        canon.i64(entry.first).i64(entry.second).event(entry.event);
        canon.u64(entry.author.into()).u64((entry.bits & !UNSHOWN).into()).u8(status as u8);
        let edits = facts.edits(slot).filter(|_| status != MessageStatus::Recalled);
        let members = if is_long {
            canon.u64(entry.offset.into()).u64(entry.len.into());
            if let Some(edits) = edits {
                let original = || {
                    let content = facts.content(slot);
                    (field_hashes(&content), mentions_hash(content.mentioned(), entry.has(bits::AT_ALL)))
                };
                let (fields, mentions) = edits.shown_hashes(original);
                fields.into_iter().for_each(|hash| put_hash(&mut canon, hash));
                canon.u64(mentions);
            }
            facts.delivery(slot).and_then(|delivery| delivery.sent.entry()?.1.members)
        } else {
            put_content(&mut canon, &facts.content(slot), entry.has(bits::AT_ALL), status, edits);
            facts.members(slot)
        };
        canon.option(members, |c, members| {
            c.u64(members);
        });
        let failed = facts.failure(slot, &entry).and_then(|(_, reason)| reason);
        put_hash(&mut canon, failed.map(ReasonText::hash));
        if let Some(aside) = facts.aside(slot) {
            put_aside(&mut canon, aside, &entry);
        }
        Some(canon.hash64())
    }
}

fn put_hash(canon: &mut CanonicalBytes, hash: Option<u64>) {
    canon.option(hash, |c, hash| {
        c.u64(hash);
    });
}

/// The hashes of text, custom data and cloud custom data.
fn field_hashes(content: &Content<'_>) -> [Option<u64>; 3] {
    [content.text.map(str::as_bytes), content.custom, content.cloud_custom].map(|field| field.map(xxh3_64))
}

/// What an introduction carries as it shows: its fields, or what edits made of them, by their hashes, and none once
/// recalled.
fn put_content(
    canon: &mut CanonicalBytes,
    original: &Content<'_>,
    at_all: bool,
    status: MessageStatus,
    edits: Option<&Edits>,
) {
    let fields = [original.text.map(str::as_bytes), original.custom, original.cloud_custom];
    for (field, edited) in fields.into_iter().zip(edits.map(Edits::edited_hashes).unwrap_or_default()) {
        if status != MessageStatus::Recalled {
            // An edit to what was there before shows what showed.
            put_hash(canon, edited.or_else(|| field.map(xxh3_64)));
        }
    }
    let edited = edits.and_then(|edits| edits.mentioned.as_deref());
    canon.u64(edited.map_or_else(|| mentions_hash(original.mentioned(), at_all), MentionsEdit::hash));
    canon.list(original.recipients().collect::<Vec<_>>().into_iter(), |c, user| {
        c.str(user);
    });
    canon.option(original.reply_to, |c, id| {
        c.raw(id.as_bytes());
    });
}

fn put_aside(canon: &mut CanonicalBytes, aside: &Aside, entry: &Entry) {
    if let Some((stamp, recall)) = aside.recall.as_deref().and_then(|r| r.entry()) {
        canon.stamp(stamp).str(recall.by.as_str());
        put_hash(canon, recall.reason.as_ref().map(ReasonText::hash));
    }
    if let Some(edits) = aside.edits.as_deref() {
        canon.u64(edits.version);
    }
    let Some(social) = aside.social.as_deref() else { return };
    // What nobody did, or has taken back, is as good as never done.
    let (shown, pinned) = (social.shown_hash(entry.author), social.pinned.get() == Some(&true));
    if shown != 0 || pinned {
        canon.u64(shown).u8(pinned.into());
    }
}

/// The status of a message (R15, R25), with V2TIM's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum MessageStatus {
    /// Queued, not yet acknowledged.
    Sending = 1,
    /// Received from the server or acknowledged by it.
    Sent = 2,
    /// Sending failed.
    Failed = 3,
    /// Imported locally.
    Imported = 5,
    /// Recalled; its content no longer shows.
    Recalled = 6,
}
