//! The digest: a hash of the canonical whole state, names not numbers (R08).
//!
//! A sum of the hashes of its parts (owner and policy, each user's profile, each folder, each conversation's
//! registers, each message), so that parts can be hashed in any order and, one day, exchanged one by one.

use std::fmt;

use crate::inbox::containers::interner::Interner;
use crate::inbox::conversation::personal::Personal;
use crate::inbox::conversation::report::Report;
use crate::inbox::conversation::reported::Reported;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::list::folders::FolderState;
use crate::inbox::list::profile::Profile;
use crate::inbox::state::Inbox;
use crate::inbox::timeline::entry::{Entry, bits};
use crate::inbox::timeline::rare_facts::{Aside, Delivery, Edits, FieldEdit, Social};
use crate::model::event::{QuietHours, ReportedMentions, Through, Watermark};
use crate::model::id::UserId;
use crate::register::canonical_form::CanonicalBytes;

/// A hash of everything an inbox holds, what waits and what is masked included (R08).
///
/// Equal for equal sets of events, in whatever order and however often they came; different when anything
/// shown differs. It guards against accidents, not against someone who crafts events to collide. The
/// algorithm may change with a version: compare digests, do not store them for ever.
///
/// ```
/// use chatfold::{Inbox, Policy, UserId};
/// let alice = Inbox::new(UserId::parse("alice")?, Policy::default());
/// assert_eq!(alice.digest(), alice.clone().digest());
/// assert_eq!(alice.digest().to_string().len(), 32);
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// What a part is, so that two parts of unlike kind never hash alike.
#[repr(u8)]
enum PartKind {
    Inbox = 1,
    Profile = 2,
    Folder = 3,
    Conversation = 4,
    Message = 5,
}

impl Inbox {
    /// The digest of the inbox. Complexity: everything it holds is hashed once.
    pub fn digest(&self) -> Digest {
        let mut canon = CanonicalBytes::default();
        let mut sum = self.own_hash(&mut canon);
        for (user, profile) in self.profiles.numbered() {
            canon.clear().u8(PartKind::Profile as u8).str(name(&self.users, user));
            put_profile(&mut canon, profile);
            sum = sum.wrapping_add(canon.hash128());
        }
        for (id, folder) in self.folders.iter() {
            canon.clear().u8(PartKind::Folder as u8).raw(id.as_bytes());
            self.put_folder(&mut canon, folder);
            sum = sum.wrapping_add(canon.hash128());
        }
        for conversation in self.conversations.iter() {
            sum = sum.wrapping_add(self.conversation_hash(&mut canon, conversation));
        }
        Digest(sum)
    }

    fn own_hash(&self, canon: &mut CanonicalBytes) -> u128 {
        canon.clear().u8(PartKind::Inbox as u8).str(self.owner.as_str());
        canon.u8(u8::from(self.policy.meeting_unread)).u8(u8::from(self.policy.own_message_reads));
        canon.lww(&self.quiet_hours, |c, hours| {
            c.option(hours.as_ref(), |c, hours| match hours {
                QuietHours::Daily { start_s, duration_s, utc_offset_s } => {
                    c.u8(0).i64((*start_s).into()).i64((*duration_s).into()).i64((*utc_offset_s).into());
                }
                QuietHours::Once { start, duration_s } => {
                    c.u8(1).i64(start.as_millis()).u64(*duration_s);
                }
                QuietHours::DailyIn { start_s, duration_s, zone } => {
                    c.u8(2).i64((*start_s).into()).i64((*duration_s).into()).str(zone.as_str());
                }
            });
        });
        canon.hash128()
    }

    fn put_folder(&self, canon: &mut CanonicalBytes, folder: &FolderState) {
        canon.lww(&folder.alive, |c, alive| {
            c.u8(u8::from(*alive));
        });
        canon.lww(&folder.name, |c, name| {
            c.str(name);
        });
        let mut members: Vec<_> = folder
            .members()
            .iter()
            .filter_map(|(number, on)| Some((self.conversations.get(*number)?.id.as_str(), on)))
            .collect();
        members.sort_unstable_by_key(|(id, _)| *id);
        canon.list(members.into_iter(), |c, (id, on)| {
            c.str(id).lww(on, |c, on| {
                c.u8(u8::from(*on));
            });
        });
    }

    fn conversation_hash(&self, canon: &mut CanonicalBytes, conversation: &Conversation) -> u128 {
        canon.clear().u8(PartKind::Conversation as u8).str(conversation.id.as_str());
        let shared = &conversation.shared;
        canon.lww(&shared.group_type, |c, kind| {
            c.u8(*kind as u8);
        });
        canon.lww(&shared.name, |c, name| {
            c.str(name);
        });
        canon.lww(&shared.face_url, |c, url| {
            c.str(url);
        });
        canon.i64(conversation.reads.peer);
        canon.list(conversation.reads.own.iter().collect::<Vec<_>>().into_iter(), |c, (first, stamp)| {
            c.i64(first).stamp(stamp);
        });
        put_personal(canon, &conversation.personal);
        let mut sum = canon.hash128();
        for (slot, entry) in conversation.facts().arena.iter().filter(|(_, e)| !e.is_void()) {
            canon.clear().u8(PartKind::Message as u8).str(conversation.id.as_str());
            self.put_message(canon, conversation, slot, &entry);
            sum = sum.wrapping_add(canon.hash128());
        }
        // What is corrupt was not hashed: such an inbox equals none that is whole.
        if conversation.fault().is_some() { !sum } else { sum }
    }

    fn put_message(&self, canon: &mut CanonicalBytes, conversation: &Conversation, slot: u32, entry: &Entry) {
        let facts = conversation.facts();
        let (at, seq) = facts.introduction(slot, entry);
        // Whether it is placed by an acknowledgement follows from the acknowledgement itself.
        let looks = bits::ACKNOWLEDGED | bits::ASIDE;
        canon.raw(entry.id.as_bytes()).u64((entry.bits & !looks).into());
        if entry.class() != crate::inbox::effects::Class::Unknown {
            canon.event(entry.event).i64(at).i64(seq).str(name(&self.users, entry.author));
            canon.bytes(facts.arena.bytes(slot));
        }
        if entry.has(bits::NAMED) {
            let personal = &conversation.personal;
            canon.option(personal.named_reads.get(&slot), |c, stamp| {
                c.stamp(*stamp);
            });
            canon.option(personal.unread_marks.get(&slot), |c, stamp| {
                c.stamp(*stamp);
            });
            canon.u8(u8::from(conversation.shared.named_peer_reads.contains(&slot)));
        }
        let (introduced, queued) = facts.activities(slot, entry);
        canon.option(facts.delivery(slot), |c, delivery| {
            for activity in [introduced, queued, delivery.sent_activity] {
                c.option(activity, |c, (at, event)| {
                    c.i64(at).event(event);
                });
            }
            put_delivery(c, delivery, facts.last_queued(slot, entry));
        });
        // An aside that became empty again is as good as none.
        let nothing = Aside::default();
        let aside = facts.aside(slot).unwrap_or(&nothing);
        put_aside(canon, aside, &self.users);
        // What most messages have nothing of stands behind all else, each kind under a number of its own.
        if let Some(read) = facts.arena.named_read(slot) {
            canon.u8(1).lww(read, |c, on| {
                c.u8(u8::from(*on));
            });
        }
        if let Some(stamp) = facts.arena.put_away_at(slot) {
            canon.u8(3).stamp(stamp);
        }
        if let Some(edit) = aside.edits.as_deref().and_then(|edits| edits.mentioned.as_deref()) {
            canon.u8(2).u64(edit.version).stamp(edit.stamp).u8(u8::from(edit.mentions.all));
            canon.list(edit.mentions.users.iter(), |c, user| {
                c.str(user.as_str());
            });
        }
    }
}

fn name(users: &Interner<UserId>, number: u32) -> &str {
    users.name(number).map(UserId::as_str).unwrap_or_default()
}

fn put_profile(canon: &mut CanonicalBytes, profile: &Profile) {
    for register in [&profile.nickname, &profile.remark, &profile.face_url] {
        canon.lww(register, |c, value| {
            c.str(value);
        });
    }
}

fn put_personal(canon: &mut CanonicalBytes, personal: &Personal) {
    canon.lww(&personal.pinned, |c, on| {
        c.u8(u8::from(*on));
    });
    canon.option(personal.drafts.cleared, |c, stamp| {
        c.stamp(stamp);
    });
    canon.list(personal.drafts.kept.iter().collect::<Vec<_>>().into_iter(), |c, draft| {
        c.stamp(draft.stamp).str(&draft.text).option(draft.replaces, |c, event| {
            c.event(event);
        });
    });
    canon.list(personal.marks.iter().collect::<Vec<_>>().into_iter(), |c, (mark, on)| {
        c.u64(mark.bits()).lww(on, |c, on| {
            c.u8(u8::from(*on));
        });
    });
    canon.lww(&personal.custom_data, |c, data| {
        c.bytes(data);
    });
    canon.lww(&personal.receive_option, |c, setting| {
        c.u8(setting.option as u8);
    });
    for stamp in [personal.opened, personal.deleted_at] {
        canon.option(stamp, |c, stamp| {
            c.stamp(stamp);
        });
    }
    for coverage in [personal.deleted, personal.cleared] {
        canon.option(coverage, |c, (through, stamp)| {
            c.i64(through).stamp(stamp);
        });
    }
    put_if_written(canon, personal);
}

/// What only some logs say: each is there only where it was written, behind a number of its own, so that an inbox
/// without any keeps the digest that it had before there was such a thing.
fn put_if_written(canon: &mut CanonicalBytes, personal: &Personal) {
    if let Some(until) = personal.option_setting().until {
        canon.u8(1).i64(until.as_millis());
    }
    if personal.archived.get().is_some() {
        canon.u8(2).lww(&personal.archived, |c, archiving| {
            c.u8(archiving.on.into()).u8(archiving.stay.into());
        });
    }
    if personal.membership.get().is_some() {
        canon.u8(3).lww(&personal.membership, |c, membership| {
            c.u8(*membership as u8);
        });
    }
    if let Some(told) = personal.reported.written() {
        put_reported(canon, told);
    }
}

/// What servers told (R45), each register only where it was written.
fn put_reported(canon: &mut CanonicalBytes, told: &Reported) {
    if let Some(Report { stamp, said, .. }) = &told.report {
        let watermark = |c: &mut CanonicalBytes, watermark: Watermark| {
            c.u8(matches!(watermark, Watermark::Time(_)).into()).i64(watermark.first_field());
        };
        canon.u8(4).stamp(*stamp);
        watermark(canon, said.through);
        canon.u64(said.unread).option(said.read, |c, read| match read {
            Through::Watermark(through) => watermark(c.u8(0), through),
            Through::Message(message) => {
                c.u8(1).raw(message.as_bytes());
            }
        });
        canon.u8(said.at_least.into()).option(said.mentions.as_ref(), |c, mentions| match mentions {
            ReportedMentions::Count(count) => {
                c.u8(0).u64(*count);
            }
            ReportedMentions::At(places) => {
                c.u8(1).list(places.iter(), |c, place| {
                    c.u64(place.seq).u8(place.at_type);
                });
            }
        });
        canon.option(said.active_at, |c, at| {
            c.i64(at.as_millis());
        });
    }
    if told.complete.len() > 0 {
        canon.u8(5).u64(told.complete.len() as u64);
        for (first, last) in told.complete.backwards() {
            canon.i64(first).i64(last);
        }
    }
    if let Some((at, event)) = told.active_at {
        canon.u8(6).i64(at.as_millis()).event(event);
    }
}

fn put_delivery(
    canon: &mut CanonicalBytes,
    delivery: &Delivery,
    last_queued: Option<crate::model::time::Stamp>,
) {
    canon.option(last_queued, |c, stamp| {
        c.stamp(stamp);
    });
    canon.lww(&delivery.failed, |c, reason| {
        c.option(reason.as_deref(), |c, reason| {
            c.str(reason);
        });
    });
    canon.earliest(&delivery.sent, |c, sent| {
        c.i64(sent.sent_at);
        for number in [sent.seq, sent.members] {
            c.option(number, |c, number| {
                c.u64(number);
            });
        }
    });
}

fn put_aside(canon: &mut CanonicalBytes, aside: &Aside, users: &Interner<UserId>) {
    canon.option(aside.recall.as_deref(), |c, recall| {
        c.earliest(recall, |c, fact| {
            c.str(fact.by.as_str()).option(fact.reason.as_deref(), |c, reason| {
                c.str(reason);
            });
        });
    });
    canon.option(aside.edits.as_deref(), put_edits);
    canon.option(aside.social.as_deref(), |c, social| put_social(c, social, users));
}

fn put_edits(canon: &mut CanonicalBytes, edits: &Edits) {
    fn put<T>(
        canon: &mut CanonicalBytes,
        edit: Option<&FieldEdit<T>>,
        value: impl FnOnce(&mut CanonicalBytes, &T),
    ) {
        canon.option(edit, |c, (version, stamp, text)| value(c.u64(*version).stamp(*stamp), text));
    }
    canon.u64(edits.version);
    put(canon, edits.text.as_ref(), |c, text| {
        c.str(text);
    });
    for edit in [&edits.custom, &edits.cloud_custom] {
        put(canon, edit.as_deref(), |c, data| {
            c.bytes(data);
        });
    }
}

fn put_social(canon: &mut CanonicalBytes, social: &Social, users: &Interner<UserId>) {
    let mut readers: Vec<_> = social.readers().iter().map(|user| name(users, *user)).collect();
    readers.sort_unstable();
    canon.list(readers.into_iter(), |c, reader| {
        c.str(reader);
    });
    let mut reactions: Vec<_> = social
        .reactions()
        .iter()
        .map(|((reaction, actor), on)| (&**reaction, name(users, *actor), on))
        .collect();
    reactions.sort_unstable_by_key(|(reaction, actor, _)| (*reaction, *actor));
    canon.list(reactions.into_iter(), |c, (reaction, actor, on)| {
        c.str(reaction).str(actor).lww(on, |c, on| {
            c.u8(u8::from(*on));
        });
    });
    canon.list(
        social.extensions().iter().collect::<Vec<_>>().into_iter(),
        |c, (key, (seq, stamp, value))| {
            c.str(key).u64(*seq).stamp(*stamp).option(value.as_deref(), |c, value| {
                c.str(value);
            });
        },
    );
    canon.u64(social.extensions_cleared).u8(u8::from(social.was_cleared));
    canon.lww(&social.pinned, |c, on| {
        c.u8(u8::from(*on));
    });
}
