//! The registers of an inbox written as bytes in one fixed form, by name and never by number: snapshots hold these bytes and
//! the digest hashes them, so that both walk every register by the same code. Equal registers give equal bytes.

use crate::inbox::containers::sparse::{Absent as _, FewByKey};
use crate::inbox::conversation::personal::{Coverage, Personal};
use crate::inbox::conversation::report::Report;
use crate::inbox::conversation::reported::Reported;
use crate::inbox::conversation::shared::Shared;
use crate::inbox::list::profile::Profile;
use crate::inbox::timeline::rare_facts::{Activity, Delivery, Edits, FieldEdit, RecallFact, Social};
use crate::model::event::tables::{GROUP_TYPES, MEMBERSHIPS, RECEIVE_OPTIONS, number_of};
use crate::model::event::{QuietHours, ReportedMentions, Through, Watermark};
use crate::model::id::EventId;
use crate::model::time::Stamp;
use crate::register::bytes::Out;
use crate::register::lattice::{Earliest, Lww};

pub(crate) fn put_quiet_hours(out: &mut Out, hours: &Lww<Option<QuietHours>>) {
    out.lww(hours, |out, hours| {
        out.option(hours.as_ref(), |out, hours| match hours {
            QuietHours::Daily { start_s, duration_s, utc_offset_s } => {
                out.u8(0).uint(*start_s).uint(*duration_s).int((*utc_offset_s).into());
            }
            QuietHours::Once { start, duration_s } => {
                out.u8(1).int(start.as_millis()).uint(*duration_s);
            }
            QuietHours::DailyIn { start_s, duration_s, zone } => {
                out.u8(2).uint(*start_s).uint(*duration_s).bytes(zone.as_str().as_bytes());
            }
        });
    });
}

pub(crate) fn put_profile(out: &mut Out, profile: &Profile) {
    out.lww_text(&profile.nickname).lww_text(&profile.remark).lww_text(&profile.face_url);
}

/// Writes what is shared of a conversation.
pub(crate) fn put_shared(out: &mut Out, shared: &Shared) {
    out.lww(&shared.group_type, |out, kind| {
        out.u8(number_of(&GROUP_TYPES, kind));
    });
    out.lww_text(&shared.name).lww_text(&shared.face_url);
}

/// Writes what is the owner's of a conversation, but for the reads and marks that name messages.
pub(crate) fn put_personal(out: &mut Out, personal: &Personal) {
    out.lww_flag(&personal.pinned);
    put_stamp(out, personal.drafts.cleared);
    out.len(personal.drafts.kept.len());
    for draft in &personal.drafts.kept {
        out.stamp(draft.stamp).bytes(draft.text.as_bytes());
        put_event(out, draft.replaces);
    }
    out.len(personal.marks.len());
    for (mark, on) in &personal.marks {
        out.uint(mark.bits()).lww_flag(on);
    }
    out.lww(&personal.custom_data, |out, data| {
        out.bytes(data);
    });
    out.lww(&personal.receive_option, |out, setting| {
        out.u8(number_of(&RECEIVE_OPTIONS, &setting.option)).option(setting.until, |out, until| {
            out.int(until.as_millis());
        });
    });
    out.lww(&personal.archived, |out, archiving| {
        out.flag(archiving.on).flag(archiving.stay);
    });
    out.lww(&personal.membership, |out, membership| {
        out.u8(number_of(&MEMBERSHIPS, membership));
    });
    put_stamp(out, personal.opened);
    put_coverage(out, personal.deleted);
    put_stamp(out, personal.deleted_at);
    put_coverage(out, personal.cleared);
    put_windows(out, &personal.windows);
    let reported = personal.reported.written().filter(|reported| *reported != Reported::absent());
    out.option(reported, put_reported);
}

/// What stands in the place of an option's first byte where windows come before the option: few have any, and the bytes of
/// others stay what they were before there were such.
pub(crate) const WINDOWS: u8 = 2;

fn put_windows(out: &mut Out, windows: &FewByKey<i64, Lww<Option<i64>>>) {
    if windows.is_empty() {
        return;
    }
    out.u8(WINDOWS).len(windows.len());
    for (after, through) in windows.iter() {
        out.int(after).lww(through, |out, through| {
            out.option(*through, |out, through| {
                out.int(through);
            });
        });
    }
}

fn put_reported(out: &mut Out, told: &Reported) {
    out.option(told.report.as_ref(), put_report).len(told.complete.len());
    for (first, last) in told.complete.backwards() {
        out.int(first).int(last);
    }
    out.option(told.active_at, |out, (at, event)| {
        out.int(at.as_millis()).raw(event.as_bytes());
    });
}

fn put_report(out: &mut Out, Report { stamp, said, .. }: &Report) {
    put_watermark(out.stamp(*stamp), said.through);
    out.uint(said.unread).option(said.read, |out, read| match read {
        Through::Watermark(watermark) => put_watermark(out.u8(0), watermark),
        Through::Message(message) => {
            out.u8(1).raw(message.as_bytes());
        }
    });
    out.flag(said.at_least).option(said.mentions.as_ref(), |out, mentions| match mentions {
        ReportedMentions::Count(count) => {
            out.u8(0).uint(*count);
        }
        ReportedMentions::At(places) => {
            out.u8(1).len(places.len());
            for place in places {
                out.uint(place.seq).u8(place.at_type);
            }
        }
    });
    out.option(said.active_at, |out, at| {
        out.int(at.as_millis());
    });
}

fn put_watermark(out: &mut Out, watermark: Watermark) {
    let (is_time, first) = (matches!(watermark, Watermark::Time(_)), watermark.first_field());
    out.flag(is_time).int(first);
}

fn put_coverage(out: &mut Out, coverage: Coverage) {
    out.option(coverage, |out, (through, stamp)| {
        out.int(through).stamp(stamp);
    });
}

fn put_stamp(out: &mut Out, stamp: Option<Stamp>) {
    out.option(stamp, |out, stamp| {
        out.stamp(stamp);
    });
}

fn put_event(out: &mut Out, event: Option<EventId>) {
    out.option(event, |out, event| {
        out.raw(event.as_bytes());
    });
}

fn put_text(out: &mut Out, text: Option<&str>) {
    out.option(text, |out, text| {
        out.bytes(text.as_bytes());
    });
}

/// Writes an instant at which a message moved its conversation, and the event that did.
pub(crate) fn put_activity(out: &mut Out, activity: Option<Activity>) {
    out.option(activity, |out, (at, event)| {
        out.int(at).raw(event.as_bytes());
    });
}

/// Writes what became of a message that was queued, given when it was queued last.
pub(crate) fn put_outcome(out: &mut Out, last_queued: Option<Stamp>, delivery: &Delivery) {
    put_stamp(out, last_queued);
    out.lww(&delivery.failed, |out, reason| put_text(out, reason.as_deref()));
    out.earliest(&delivery.sent, |out, sent| {
        out.int(sent.sent_at);
        for number in [sent.seq, sent.members] {
            out.option(number, |out, number| {
                out.uint(number);
            });
        }
    });
}

pub(crate) fn put_recall(out: &mut Out, recall: &Earliest<RecallFact>) {
    out.earliest(recall, |out, fact| {
        put_text(out.bytes(fact.by.as_str().as_bytes()), fact.reason.as_deref())
    });
}

pub(crate) fn put_edits(out: &mut Out, edits: &Edits) {
    out.uint(edits.version);
    put_edit(out, edits.text.as_ref(), |text| text.as_bytes());
    put_edit(out, edits.custom.as_deref(), |data| data);
    put_edit(out, edits.cloud_custom.as_deref(), |data| data);
    out.option(edits.mentioned.as_deref(), |out, edit| {
        out.uint(edit.version).stamp(edit.stamp).flag(edit.mentions.all).len(edit.mentions.users.len());
        for user in &edit.mentions.users {
            out.bytes(user.as_str().as_bytes());
        }
    });
}

fn put_edit<T>(out: &mut Out, edit: Option<&FieldEdit<T>>, bytes: impl Fn(&T) -> &[u8]) {
    out.option(edit, |out, (version, stamp, value)| {
        out.uint(*version).stamp(*stamp).bytes(bytes(value));
    });
}

/// Writes what lies aside of a message but for who read it and who reacted.
pub(crate) fn put_social(out: &mut Out, social: &Social) {
    out.len(social.extensions().len());
    for (key, (seq, stamp, value)) in social.extensions() {
        put_text(out.bytes(key.as_bytes()).uint(*seq).stamp(*stamp), value.as_deref());
    }
    out.uint(social.extensions_cleared).flag(social.was_cleared).lww_flag(&social.pinned);
}
