//! The registers of an inbox as bytes: what is the owner's, what is shared, what lies aside of a message.

use std::sync::Arc;

use crate::inbox::containers::sparse::{FewByKey, Rare};
use crate::inbox::conversation::personal::{Archiving, Coverage, DraftFact, Drafts, OptionSetting, Personal};
use crate::inbox::conversation::report::Report;
use crate::inbox::conversation::reported::{Kept, Reported};
use crate::inbox::conversation::row::{Derived, Row};
use crate::inbox::conversation::shared::Shared;
use crate::inbox::list::folders::{FolderState, Folders};
use crate::inbox::list::profile::Profile;
use crate::inbox::registers;
use crate::inbox::timeline::rare_facts::{
    Activity, Aside, Delivery, Edits, FieldEdit, MentionsEdit, RecallFact, SentFact, Social,
};
use crate::model::badge::{BadgeClass, Badges, Running, Sums};
use crate::model::change::Totals;
use crate::model::event::tables::{GROUP_TYPES, MEMBERSHIPS, RECEIVE_OPTIONS, number_of, value_of};
use crate::model::event::{
    Mark, Mentions, QuietHours, ReportedMention, ReportedMentions, Through, UnreadReport, Watermark, ZoneName,
};
use crate::model::id::{FolderId, MessageId, UserId};
use crate::model::time::{Stamp, Timestamp};
use crate::register::bytes::{In, Out};
use crate::register::lattice::{Front, Lww};

fn put_front(out: &mut Out, front: &Front) {
    out.len(front.iter().count());
    for (value, stamp) in front.iter() {
        out.int(value).stamp(stamp);
    }
}

fn take_front(from: &mut In<'_>) -> Option<Front> {
    let mut front = Front::default();
    for _ in 0..from.count(18)? {
        let (value, stamp) = (from.int()?, from.stamp()?);
        if !(-(1 << 60)..=1 << 60).contains(&value) {
            return None;
        }
        front.insert(value, stamp);
    }
    Some(front)
}

/// The lowest bit of a row's first byte that the number of its receive option takes; below it stand four flags.
const OPTION_SHIFT: u32 = 4;

/// The flags of a row in one byte, and its receive option, since a cold start reads the bytes of all rows.
fn row_flags(row: &Row) -> u8 {
    let bounds = if row_bounds(row) == 0 { 0 } else { BOUNDED };
    let flags = bits([row.listed, row.archived, row.hidden, row.marked]);
    flags | number_of(&RECEIVE_OPTIONS, &row.option) << OPTION_SHIFT | bounds
}

/// The bit of a row's first byte that says whether a byte of bounds follows behind the row: few have one.
const BOUNDED: u8 = 1 << 7;

fn row_bounds(row: &Row) -> u8 {
    bits([row.unread_bounded, row.mentions_bounded, row.last_is_older])
}

fn bits<const N: usize>(flags: [bool; N]) -> u8 {
    flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag))
}

pub(crate) fn put_row(out: &mut Out, row: &Row) {
    out.u8(row_flags(row)).uint(row.order_key).int(row.activity).uint(row.unread).uint(row.mentions);
    out.fixed(row.mention_sig).int(row.marker).uint(row.last.map_or(0, |slot| u64::from(slot) + 1));
    let bounds = row_bounds(row);
    if bounds != 0 {
        out.u8(bounds);
    }
}

pub(crate) fn take_row(from: &mut In<'_>) -> Option<Row> {
    let flags = from.u8()?;
    let flag = |place: u32| flags >> place & 1 == 1;
    let mut row = Row {
        listed: flag(0),
        archived: flag(1),
        hidden: flag(2),
        marked: flag(3),
        option: value_of(&RECEIVE_OPTIONS, (flags & !BOUNDED) >> OPTION_SHIFT)?,
        order_key: from.uint()?,
        activity: from.place()?,
        unread: from.number()?,
        mentions: from.number()?,
        mention_sig: from.fixed()?,
        marker: from.place()?,
        last: u32::try_from(from.uint()?).ok()?.checked_sub(1),
        unread_bounded: false,
        mentions_bounded: false,
        last_is_older: false,
    };
    if flags & BOUNDED != 0 {
        let bounds = from.u8()?;
        (row.unread_bounded, row.mentions_bounded) = (bounds & 1 != 0, bounds & 2 != 0);
        row.last_is_older = bounds & 4 != 0;
    }
    Some(row)
}

pub(crate) fn put_sums(out: &mut Out, sums: &Sums) {
    let Totals { unread, unread_all, badge, .. } = sums.totals();
    out.uint(unread).uint(unread_all).uint(badge);
    for bounded in sums.running.bounded {
        out.uint(bounded);
    }
    for class in &sums.badges.0 {
        out.uint(class.messages).uint(class.chats).uint(class.marked);
        out.uint(class.bounded).uint(class.bounded_silent);
    }
}

pub(crate) fn take_sums(from: &mut In<'_>) -> Option<Sums> {
    let (unread, unread_all, badge) = (from.uint()?, from.uint()?, from.uint()?);
    let bounded = [from.number()?, from.number()?, from.number()?];
    let [unread_is_lower_bound, unread_all_is_lower_bound, badge_is_lower_bound] =
        bounded.map(|count| count > 0);
    #[rustfmt::skip]
    let totals = Totals {
        unread, unread_all, badge, unread_is_lower_bound, unread_all_is_lower_bound, badge_is_lower_bound,
    };
    let mut badges = Badges::default();
    for class in &mut badges.0 {
        let (messages, chats, marked) = (from.uint()?, from.number()?, from.number()?);
        *class =
            BadgeClass { messages, chats, marked, bounded: from.number()?, bounded_silent: from.number()? };
    }
    Some(Sums { running: Running { totals, bounded }, badges })
}

pub(crate) fn put_derived(out: &mut Out, derived: &Derived) {
    let (reads, marks) = derived.fronts();
    put_front(out, &reads);
    put_front(out, &marks);
    out.int(derived.peer_read).flag(derived.stale).int(derived.floor);
    out.uint(derived.unread).uint(derived.mentions).fixed(derived.mention_sig);
}

pub(crate) fn take_derived(from: &mut In<'_>) -> Option<Derived> {
    let (reads, marks) = (take_front(from)?, take_front(from)?);
    Some(Derived {
        peer_read: from.place()?,
        stale: from.flag()?,
        floor: from.place()?,
        unread: from.number()?,
        mentions: from.number()?,
        mention_sig: from.fixed()?,
        ..Derived::of_fronts(reads, marks)
    })
}

pub(crate) fn put_shared(out: &mut Out, shared: &Shared, peer_read: i64) {
    registers::put_shared(out, shared);
    out.int(peer_read).len(shared.named_peer_reads.len());
    for slot in &shared.named_peer_reads {
        out.uint(*slot);
    }
}

/// What is shared, and how far the peer has read.
pub(crate) fn take_shared(from: &mut In<'_>) -> Option<(Shared, i64)> {
    let group_type = from.lww(|from| value_of(&GROUP_TYPES, from.u8()?))?;
    let (name, face_url, peer_read) = (from.lww_text()?, from.lww_text()?, from.place()?);
    let named_peer_reads = from.list(1, In::number)?;
    Some((Shared { group_type, name, face_url, named_peer_reads }, peer_read))
}

fn put_stamps(out: &mut Out, stamps: &im::OrdMap<u32, Stamp>) {
    out.len(stamps.len());
    for (slot, stamp) in stamps {
        out.uint(*slot).stamp(*stamp);
    }
}

fn take_stamps(from: &mut In<'_>) -> Option<im::OrdMap<u32, Stamp>> {
    from.list(18, |from| Some((from.number()?, from.stamp()?)))
}

fn take_coverage(from: &mut In<'_>) -> Option<Coverage> {
    from.option(|from| Some((from.place()?, from.stamp()?)))
}

fn take_watermark(from: &mut In<'_>) -> Option<Watermark> {
    let (is_time, first) = (from.flag()?, from.place()?);
    match is_time {
        true => Timestamp::from_millis(first).ok().map(Watermark::Time),
        false => u64::try_from(first).ok().map(Watermark::Seq),
    }
}

fn take_report(from: &mut In<'_>) -> Option<Report> {
    let (stamp, through) = (from.stamp()?, take_watermark(from)?);
    let unread = from.uint()?;
    let read = from.option(|from| match from.u8()? {
        0 => take_watermark(from).map(Through::Watermark),
        1 => from.array().map(MessageId::from_bytes).map(Through::Message),
        _ => None,
    })?;
    let at_least = from.flag()?;
    let mentions = from.option(|from| match from.u8()? {
        0 => from.uint().map(ReportedMentions::Count),
        1 => from
            .list(2, |from| Some(ReportedMention { seq: from.uint()?, at_type: from.u8()? }))
            .map(ReportedMentions::At),
        _ => None,
    })?;
    let active_at = from.option(|from| Timestamp::from_millis(from.int()?).ok())?;
    let said = UnreadReport { through, unread, read, at_least, mentions, active_at };
    Some(Report { through: through.first_field(), stamp, said: Arc::new(said) })
}

fn take_reported(from: &mut In<'_>) -> Option<Reported> {
    Some(Reported {
        report: from.option(take_report)?,
        complete: from.list(2, |from| Some((from.place()?, from.place()?)))?,
        active_at: from.option(|from| Some((Timestamp::from_millis(from.int()?).ok()?, from.event()?)))?,
        ledger: Kept::default(),
    })
}

pub(crate) fn put_personal(out: &mut Out, personal: &Personal, reads: &Front) {
    put_front(out, reads);
    put_stamps(out, &personal.named_reads);
    put_stamps(out, &personal.unread_marks);
    registers::put_personal(out, personal);
}

/// What is the owner's, and the reads by number.
pub(crate) fn take_personal(from: &mut In<'_>) -> Option<(Personal, Front)> {
    let reads = take_front(from)?;
    let personal = Personal {
        named_reads: take_stamps(from)?,
        unread_marks: take_stamps(from)?,
        pinned: from.lww_flag()?,
        drafts: Drafts {
            cleared: from.option(In::stamp)?,
            kept: from.list(19, |from| {
                let (stamp, text) = (from.stamp()?, from.text()?.into());
                Some(DraftFact { stamp, text, replaces: from.option(In::event)? })
            })?,
        },
        marks: from.list(2, |from| Some((Mark::from_bits(from.uint()?)?, from.lww_flag()?)))?,
        custom_data: from.lww(|from| from.bytes().map(Arc::from))?,
        receive_option: from.lww(|from| {
            let option = value_of(&RECEIVE_OPTIONS, from.u8()?)?;
            let until = from.option(|from| Timestamp::from_millis(from.int()?).ok())?;
            Some(OptionSetting { option, until })
        })?,
        archived: from.lww(|from| Some(Archiving { on: from.flag()?, stay: from.flag()? }))?,
        membership: from.lww(|from| value_of(&MEMBERSHIPS, from.u8()?))?,
        opened: from.option(In::stamp)?,
        deleted: take_coverage(from)?,
        deleted_at: from.option(In::stamp)?,
        cleared: take_coverage(from)?,
        reported: Rare::default(),
        windows: FewByKey::default(),
    };
    Some((with_rest(personal, from)?, reads))
}

/// What stands behind the other registers of the owner: windows, where there are any, and a report.
fn with_rest(mut personal: Personal, from: &mut In<'_>) -> Option<Personal> {
    let mut first = from.u8()?;
    if first == registers::WINDOWS {
        personal.windows = from.list(2, |from| {
            let after = from.int()?;
            Some((after, from.lww(|from| from.option(In::int))?))
        })?;
        first = from.u8()?;
    }
    personal.reported = match first {
        0 => Rare::default(),
        1 => take_reported(from)?.into(),
        _ => return None,
    };
    Some(personal)
}

fn take_text<T: for<'t> From<&'t str>>(from: &mut In<'_>) -> Option<Option<T>> {
    from.option(|from| from.text().map(T::from))
}

fn take_activity(from: &mut In<'_>) -> Option<Option<Activity>> {
    from.option(|from| Some((from.place()?, from.event()?)))
}

pub(crate) fn put_aside(out: &mut Out, aside: &Aside) {
    out.option(aside.delivery.as_deref(), put_delivery);
    out.option(aside.recall.as_deref(), registers::put_recall);
    out.option(aside.edits.as_deref(), registers::put_edits);
    out.option(aside.social.as_deref(), put_social);
}

pub(crate) fn take_aside(from: &mut In<'_>) -> Option<Aside> {
    let recall = |from: &mut In<'_>| {
        from.earliest(|from| {
            let by = UserId::parse(from.text()?).ok()?;
            Some(RecallFact { by, reason: take_text(from)? })
        })
    };
    let edits = |from: &mut In<'_>| {
        let mut edits = Edits::default();
        edits.join(&Edits {
            version: from.uint()?,
            text: take_edit(from, |bytes| std::str::from_utf8(bytes).ok().map(Arc::from))?,
            custom: take_edit(from, |bytes| Some(bytes.into()))?.map(Box::new),
            cloud_custom: take_edit(from, |bytes| Some(bytes.into()))?.map(Box::new),
            mentioned: from.option(take_mentions)?.map(Arc::new),
            ..Edits::default()
        });
        Some(edits)
    };
    Some(Aside {
        delivery: from.option(take_delivery)?.map(Box::new),
        recall: from.option(recall)?.map(Box::new),
        edits: from.option(edits)?.map(Box::new),
        social: from.option(take_social)?.map(Box::new),
    })
}

fn take_mentions(from: &mut In<'_>) -> Option<MentionsEdit> {
    let (version, stamp, all) = (from.uint()?, from.stamp()?, from.flag()?);
    let users = from.list(2, |from| UserId::parse(from.text()?).ok())?;
    Some(MentionsEdit::new(version, stamp, Mentions { users, all }))
}

fn take_edit<T>(from: &mut In<'_>, value: impl Fn(&[u8]) -> Option<T>) -> Option<Option<FieldEdit<T>>> {
    from.option(|from| Some((from.uint()?, from.stamp()?, value(from.bytes()?)?)))
}

fn put_delivery(out: &mut Out, delivery: &Delivery) {
    registers::put_activity(out, delivery.introduced);
    registers::put_activity(out, delivery.queued);
    registers::put_outcome(out, delivery.last_queued, delivery);
    registers::put_activity(out, delivery.sent_activity);
    out.option(delivery.introduction, |out, (at, seq)| {
        out.int(at).int(seq);
    });
}

fn take_delivery(from: &mut In<'_>) -> Option<Delivery> {
    Some(Delivery {
        introduced: take_activity(from)?,
        queued: take_activity(from)?,
        last_queued: from.option(In::stamp)?,
        failed: from.lww(take_text)?,
        sent: from.earliest(|from| {
            let sent_at = from.place()?;
            Some(SentFact { sent_at, seq: from.option(In::uint)?, members: from.option(In::uint)? })
        })?,
        sent_activity: take_activity(from)?,
        introduction: from.option(|from| Some((from.place()?, from.place()?)))?,
    })
}

fn put_social(out: &mut Out, social: &Social) {
    out.len(social.readers().len());
    for reader in social.readers() {
        out.uint(*reader);
    }
    out.len(social.reactions().len());
    for ((reaction, actor), on) in social.reactions() {
        out.bytes(reaction.as_bytes()).uint(*actor).lww_flag(on);
    }
    registers::put_social(out, social);
}

fn take_social(from: &mut In<'_>) -> Option<Social> {
    let mut social = Social::default();
    let readers: Vec<u32> = from.list(1, In::number)?;
    readers.into_iter().for_each(|reader| social.read_by(reader));
    let _: Vec<()> = from.list(3, |from| {
        let (reaction, actor) = (from.text()?.into(), from.number()?);
        let register = from.lww_flag()?;
        social.change_reaction(&reaction, actor, |on| *on = register);
        Some(())
    })?;
    let _: Vec<()> = from.list(20, |from| {
        let key: Arc<str> = from.text()?.into();
        let (seq, stamp) = (from.uint()?, from.stamp()?);
        social.set_extension(&key, (seq, stamp, take_text(from)?));
        Some(())
    })?;
    let cleared = from.uint()?;
    if from.flag()? {
        social.clear_extensions(cleared);
    }
    social.pinned = from.lww_flag()?;
    Some(social)
}

pub(crate) fn take_profile(from: &mut In<'_>) -> Option<Profile> {
    Some(Profile { nickname: from.lww_text()?, remark: from.lww_text()?, face_url: from.lww_text()? })
}

pub(crate) fn put_folder(out: &mut Out, folder: &FolderState) {
    out.lww_flag(&folder.alive).lww_text(&folder.name).len(folder.members().len());
    for (member, on) in folder.members() {
        out.uint(*member).lww_flag(on);
    }
}

pub(crate) fn take_folder(from: &mut In<'_>, id: FolderId, folders: &mut Folders) -> Option<()> {
    let (alive, name) = (from.lww_flag()?, from.lww_text()?);
    let state = folders.folder_mut(id);
    (state.alive, state.name) = (alive, name);
    let members: Vec<(u32, Lww<bool>)> = from.list(2, |from| Some((from.number()?, from.lww_flag()?)))?;
    members.into_iter().for_each(|(number, on)| folders.change_member(id, number, |member| *member = on));
    Some(())
}

pub(crate) fn take_quiet_hours(from: &mut In<'_>) -> Option<Lww<Option<QuietHours>>> {
    let hours = |from: &mut In<'_>| match from.u8()? {
        0 => Some(QuietHours::Daily {
            start_s: from.number().filter(|s| *s < 86_400)?,
            duration_s: from.number().filter(|s| *s < 86_400)?,
            utc_offset_s: i32::try_from(from.int()?).ok().filter(|s| s.abs() < 86_400)?,
        }),
        1 => {
            let start = Timestamp::from_millis(from.int()?).ok()?;
            Some(QuietHours::Once { start, duration_s: from.uint()? })
        }
        2 => Some(QuietHours::DailyIn {
            start_s: from.number().filter(|s| *s < 86_400)?,
            duration_s: from.number().filter(|s| *s < 86_400)?,
            zone: ZoneName::parse(from.text()?).ok()?,
        }),
        _ => None,
    };
    from.lww(|from| from.option(hours))
}
