//! What each type says, as bytes and back. The numbers of types and the order of their parts never change.

pub(crate) mod extended;
pub(crate) mod values;

use crate::log::binary::body::values::{
    BodyContext, bytes, put_bytes, put_targets, put_text, put_through, put_time, put_uint, put_watermark,
    target, targets, text, through, time, uint, user, watermark,
};
use crate::model::event::tables::{GROUP_TYPES, KINDS, RECEIVE_OPTIONS, number_of, value_of};
use crate::model::event::{
    AccountFact, Edit, Fact, GroupType, Mark, Mentions, Message, QuietHours, ZoneName,
};
use crate::model::id::{FolderId, GroupId, MessageId, UserId};
use crate::model::time::Timestamp;
use crate::register::bytes::{In, Out};

/// The numbers of the types in a tag.
pub(crate) mod code {
    pub(in crate::log::binary) const OPENED: u8 = 0;
    pub(in crate::log::binary) const RECEIVED: u8 = 1;
    pub(in crate::log::binary) const QUEUED: u8 = 2;
    pub(in crate::log::binary) const IMPORTED: u8 = 3;
    pub(in crate::log::binary) const MODIFIED: u8 = 4;
    pub(in crate::log::binary) const RECALLED: u8 = 5;
    pub(in crate::log::binary) const READ_BY: u8 = 6;
    pub(in crate::log::binary) const PEER_READ: u8 = 7;
    pub(in crate::log::binary) const REACTION: u8 = 8;
    pub(in crate::log::binary) const EXTENSION: u8 = 9;
    pub(in crate::log::binary) const EXTENSIONS_CLEARED: u8 = 10;
    pub(in crate::log::binary) const MESSAGE_PINNED: u8 = 11;
    pub(in crate::log::binary) const SENT: u8 = 12;
    pub(in crate::log::binary) const FAILED: u8 = 13;
    pub(in crate::log::binary) const MESSAGES_DELETED: u8 = 14;
    pub(in crate::log::binary) const CLEARED: u8 = 15;
    pub(in crate::log::binary) const READ: u8 = 16;
    pub(in crate::log::binary) const MARKED_UNREAD: u8 = 17;
    pub(in crate::log::binary) const PINNED: u8 = 18;
    pub(in crate::log::binary) const DRAFT: u8 = 19;
    pub(in crate::log::binary) const MARK: u8 = 20;
    pub(in crate::log::binary) const CUSTOM_DATA: u8 = 21;
    pub(in crate::log::binary) const RECEIVE_OPTION: u8 = 22;
    pub(in crate::log::binary) const FOLDER_MEMBER: u8 = 23;
    pub(in crate::log::binary) const DELETED: u8 = 24;
    pub(in crate::log::binary) const USER_PROFILE: u8 = 25;
    pub(in crate::log::binary) const GROUP_PROFILE: u8 = 26;
    pub(in crate::log::binary) const FOLDER_CREATED: u8 = 27;
    pub(in crate::log::binary) const FOLDER_RENAMED: u8 = 28;
    pub(in crate::log::binary) const FOLDER_DELETED: u8 = 29;
    pub(in crate::log::binary) const QUIET_HOURS: u8 = 30;
    /// In version 1 a line of the text log that its writer did not know; since version 2 one of [`super::more`].
    pub(in crate::log::binary) const MORE: u8 = 31;
}

/// The type of a fact; messages, which have columns of their own, apart.
pub(crate) fn put_fact(out: &mut Out, place: BodyContext, fact: &Fact) -> u8 {
    match fact {
        Fact::Opened { group_type } => {
            put_group_type(out, *group_type);
            code::OPENED
        }
        Fact::MessageReceived(_) => code::RECEIVED,
        Fact::MessageQueued(_) => code::QUEUED,
        Fact::MessageImported { .. } => code::IMPORTED,
        Fact::PeerRead { through } => {
            put_through(out, place, *through);
            code::PEER_READ
        }
        Fact::HistoryCleared { through, also } => {
            put_watermark(out, place, *through);
            put_also(out, place, also);
            code::CLEARED
        }
        Fact::Read { through } => {
            put_through(out, place, *through);
            code::READ
        }
        Fact::Pinned { on } => {
            out.flag(*on);
            code::PINNED
        }
        Fact::DraftSet { text, replaces } => {
            put_text(out, text.as_deref()).option(*replaces, |out, event| {
                out.raw(event.as_bytes());
            });
            code::DRAFT
        }
        Fact::MarkSet { mark, on } => {
            out.u8(mark.bits().trailing_zeros() as u8).flag(*on);
            code::MARK
        }
        Fact::CustomDataSet { data } => {
            out.bytes(data);
            code::CUSTOM_DATA
        }
        Fact::ReceiveOptionSet { option, until } => {
            out.u8(number_of(&RECEIVE_OPTIONS, option));
            if place.version >= 2 {
                put_time(out, place, *until);
            }
            code::RECEIVE_OPTION
        }
        Fact::FolderMemberSet { folder, on } => {
            out.raw(folder.as_bytes()).flag(*on);
            code::FOLDER_MEMBER
        }
        Fact::Deleted { through, keep_messages, also } => {
            put_watermark(out, place, *through);
            out.flag(*keep_messages);
            put_also(out, place, also);
            code::DELETED
        }
        Fact::MembershipSet { .. }
        | Fact::MessagesRead { .. }
        | Fact::Archived { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. }
        | Fact::HistoryWindow { .. } => {
            extended::put(out, place, fact);
            code::MORE
        }
        _ => put_fact_about_message(out, place, fact),
    }
}

/// The messages that a clearing or deletion takes besides.
fn put_also(out: &mut Out, place: BodyContext, also: &[MessageId]) {
    if place.version >= 2 {
        put_targets(out, also);
    }
}

fn put_fact_about_message(out: &mut Out, place: BodyContext, fact: &Fact) -> u8 {
    match fact {
        Fact::MessageModified { target, edit } => {
            put_text(out.raw(target.as_bytes()).uint(edit.version), edit.text.as_deref());
            put_bytes(out, edit.custom.as_deref());
            put_bytes(out, edit.cloud_custom.as_deref());
            if place.version >= 2 {
                out.option(edit.mentions.as_ref(), |out, mentions| {
                    out.flag(mentions.all).len(mentions.users.len());
                    mentions.users.iter().for_each(|user| {
                        out.bytes(user.as_str().as_bytes());
                    });
                });
            }
            code::MODIFIED
        }
        Fact::MessageRecalled { target, reason } => {
            put_text(out.raw(target.as_bytes()), reason.as_deref());
            code::RECALLED
        }
        Fact::MessageFailed { target, reason } => {
            put_text(out.raw(target.as_bytes()), reason.as_deref());
            code::FAILED
        }
        Fact::MessageReadBy { targets } => {
            put_targets(out, targets);
            code::READ_BY
        }
        Fact::MessagesDeleted { targets } => {
            put_targets(out, targets);
            code::MESSAGES_DELETED
        }
        Fact::ReactionSet { target, reaction, on } => {
            out.raw(target.as_bytes()).bytes(reaction.as_bytes()).flag(*on);
            code::REACTION
        }
        Fact::ExtensionSet { target, key, value, seq } => {
            out.raw(target.as_bytes()).bytes(key.as_bytes());
            put_text(out, value.as_deref()).uint(*seq);
            code::EXTENSION
        }
        Fact::ExtensionsCleared { target, seq } => {
            out.raw(target.as_bytes()).uint(*seq);
            code::EXTENSIONS_CLEARED
        }
        Fact::MessagePinned { target, on } => {
            out.raw(target.as_bytes()).flag(*on);
            code::MESSAGE_PINNED
        }
        Fact::MessageSent { target, sent_at, seq, members } => {
            out.raw(target.as_bytes()).int(sent_at.as_millis().wrapping_sub(place.at));
            put_uint(put_uint(out, *seq), *members);
            code::SENT
        }
        Fact::MarkedUnreadFrom { target } => {
            out.raw(target.as_bytes());
            code::MARKED_UNREAD
        }
        // Everything else was told by the caller.
        _ => code::MORE,
    }
}

pub(crate) fn put_account_fact(out: &mut Out, fact: &AccountFact) -> u8 {
    match fact {
        AccountFact::UserProfileChanged { user, nickname, remark, face_url } => {
            put_text(out.bytes(user.as_str().as_bytes()), nickname.as_deref());
            put_text(put_text(out, remark.as_deref()), face_url.as_deref());
            code::USER_PROFILE
        }
        AccountFact::GroupProfileChanged { group, name, face_url, group_type } => {
            put_text(out.bytes(group.as_str().as_bytes()), name.as_deref());
            put_group_type(put_text(out, face_url.as_deref()), *group_type);
            code::GROUP_PROFILE
        }
        AccountFact::FolderCreated { folder, name } => {
            out.raw(folder.as_bytes()).bytes(name.as_bytes());
            code::FOLDER_CREATED
        }
        AccountFact::FolderRenamed { folder, name } => {
            out.raw(folder.as_bytes()).bytes(name.as_bytes());
            code::FOLDER_RENAMED
        }
        AccountFact::FolderDeleted { folder } => {
            out.raw(folder.as_bytes());
            code::FOLDER_DELETED
        }
        AccountFact::QuietHoursSet { hours } => {
            match hours {
                None => out.u8(0),
                Some(QuietHours::Daily { start_s, duration_s, utc_offset_s }) => {
                    out.u8(1).uint(*start_s).uint(*duration_s).int(i64::from(*utc_offset_s))
                }
                Some(QuietHours::Once { start, duration_s }) => {
                    out.u8(2).int(start.as_millis()).uint(*duration_s)
                }
                Some(QuietHours::DailyIn { start_s, duration_s, zone }) => {
                    out.u8(3).uint(*start_s).uint(*duration_s).bytes(zone.as_str().as_bytes())
                }
            };
            code::QUIET_HOURS
        }
    }
}

/// A message that is more than a text, its id apart; `number` numbers users.
pub(crate) fn put_message(
    out: &mut Out,
    mut number: impl FnMut(&UserId) -> u32,
    sender: Option<&UserId>,
    message: &Message,
) {
    let flags = [
        message.mentions.all,
        message.online_only,
        message.excluded_from_unread,
        message.excluded_from_last,
        message.need_receipt,
        message.supports_extensions,
    ];
    let set = flags.into_iter().rev().fold(0, |set, on| set << 1 | u8::from(on));
    out.u8(number_of(&KINDS, &message.kind)).u8(set);
    out.option(sender, |out, sender| {
        out.uint(number(sender));
    });
    put_text(put_uint(out, message.seq), message.text.as_deref());
    put_bytes(put_bytes(out, message.custom.as_deref()), message.cloud_custom.as_deref());
    for users in [&message.mentions.users, &message.recipients] {
        out.len(users.len());
        users.iter().for_each(|user| {
            out.uint(number(user));
        });
    }
    out.option(message.reply_to, |out, target| {
        out.raw(target.as_bytes());
    });
    put_uint(out, message.members);
}

fn put_group_type(out: &mut Out, group_type: Option<GroupType>) -> &mut Out {
    out.u8(group_type.map_or(0, |group_type| 1 + number_of(&GROUP_TYPES, &group_type)))
}

/// The fact of this type, messages apart.
pub(crate) fn fact(from: &mut In<'_>, place: BodyContext, code: u8) -> Option<Fact> {
    Some(match code {
        code::OPENED => Fact::Opened { group_type: group_type(from)? },
        code::PEER_READ => Fact::PeerRead { through: through(from, place)? },
        code::READ => Fact::Read { through: through(from, place)? },
        code::CLEARED => Fact::HistoryCleared { through: watermark(from, place)?, also: also(from, place)? },
        code::PINNED => Fact::Pinned { on: from.flag()? },
        code::DRAFT => Fact::DraftSet { text: text(from)?, replaces: from.option(In::event)? },
        code::MARK => {
            let bit = from.u8()?;
            let mark = Mark::from_bits(1_u64.checked_shl(u32::from(bit))?)?;
            Fact::MarkSet { mark, on: from.flag()? }
        }
        code::CUSTOM_DATA => Fact::CustomDataSet { data: from.bytes()?.to_vec() },
        code::RECEIVE_OPTION => {
            let option = value_of(&RECEIVE_OPTIONS, from.u8()?)?;
            let until = if place.version < 2 { None } else { time(from, place)? };
            Fact::ReceiveOptionSet { option, until }
        }
        code::FOLDER_MEMBER => Fact::FolderMemberSet { folder: folder(from)?, on: from.flag()? },
        code::DELETED => Fact::Deleted {
            through: watermark(from, place)?,
            keep_messages: from.flag()?,
            also: also(from, place)?,
        },
        code::MORE if place.version >= 2 => extended::fact(from, place)?,
        code::READ_BY => Fact::MessageReadBy { targets: targets(from)? },
        code::MESSAGES_DELETED => Fact::MessagesDeleted { targets: targets(from)? },
        _ => fact_about_message(from, place, code)?,
    })
}

/// What a clearing or deletion takes besides.
fn also(from: &mut In<'_>, place: BodyContext) -> Option<Vec<MessageId>> {
    if place.version < 2 { Some(Vec::new()) } else { targets(from) }
}

fn fact_about_message(from: &mut In<'_>, place: BodyContext, code: u8) -> Option<Fact> {
    let target = target(from)?;
    Some(match code {
        code::MODIFIED => {
            let version = from.uint()?;
            let (text, custom, cloud_custom) = (text(from)?, bytes(from)?, bytes(from)?);
            let mentions = if place.version < 2 { None } else { from.option(mentions)? };
            Fact::MessageModified { target, edit: Edit { version, text, custom, cloud_custom, mentions } }
        }
        code::RECALLED => Fact::MessageRecalled { target, reason: text(from)? },
        code::FAILED => Fact::MessageFailed { target, reason: text(from)? },
        code::REACTION => Fact::ReactionSet { target, reaction: from.text()?.to_owned(), on: from.flag()? },
        code::EXTENSION => {
            let key = from.text()?.to_owned();
            Fact::ExtensionSet { target, key, value: text(from)?, seq: from.uint()? }
        }
        code::EXTENSIONS_CLEARED => Fact::ExtensionsCleared { target, seq: from.uint()? },
        code::MESSAGE_PINNED => Fact::MessagePinned { target, on: from.flag()? },
        code::SENT => {
            let sent_at = Timestamp::from_millis(from.int()?.wrapping_add(place.at)).ok()?;
            Fact::MessageSent { target, sent_at, seq: uint(from)?, members: uint(from)? }
        }
        code::MARKED_UNREAD => Fact::MarkedUnreadFrom { target },
        _ => return None,
    })
}

pub(crate) fn account_fact(from: &mut In<'_>, code: u8) -> Option<AccountFact> {
    Some(match code {
        code::USER_PROFILE => AccountFact::UserProfileChanged {
            user: user(from)?,
            nickname: text(from)?,
            remark: text(from)?,
            face_url: text(from)?,
        },
        code::GROUP_PROFILE => AccountFact::GroupProfileChanged {
            group: GroupId::parse(from.text()?).ok()?,
            name: text(from)?,
            face_url: text(from)?,
            group_type: group_type(from)?,
        },
        code::FOLDER_CREATED => {
            AccountFact::FolderCreated { folder: folder(from)?, name: from.text()?.to_owned() }
        }
        code::FOLDER_RENAMED => {
            AccountFact::FolderRenamed { folder: folder(from)?, name: from.text()?.to_owned() }
        }
        code::FOLDER_DELETED => AccountFact::FolderDeleted { folder: folder(from)? },
        code::QUIET_HOURS => AccountFact::QuietHoursSet { hours: quiet_hours(from)? },
        _ => return None,
    })
}

/// A message that is more than a text, and its author if it names one; `user` has the users by number.
pub(crate) fn message(
    from: &mut In<'_>,
    mut user: impl FnMut(usize) -> Option<UserId>,
    id: MessageId,
) -> Option<(Option<UserId>, Message)> {
    let mut user = |from: &mut In<'_>| user(usize::try_from(from.uint()?).ok()?);
    let mut message = Message::new(id);
    message.kind = value_of(&KINDS, from.u8()?)?;
    let set = from.u8()?;
    if set >= 1 << 6 {
        return None;
    }
    let flag = |bit: u8| set & 1 << bit != 0;
    let sender = from.option(&mut user)?;
    message.seq = uint(from)?;
    message.text = text(from)?;
    message.custom = bytes(from)?;
    message.cloud_custom = bytes(from)?;
    message.mentions = Mentions { users: users(from, &mut user)?, all: flag(0) };
    message.recipients = users(from, &mut user)?;
    message.reply_to = from.option(target)?;
    message.members = uint(from)?;
    message.online_only = flag(1);
    message.excluded_from_unread = flag(2);
    message.excluded_from_last = flag(3);
    message.need_receipt = flag(4);
    message.supports_extensions = flag(5);
    Some((sender, message))
}

/// A list of users, in exactly the room it needs: a user takes one byte of a log and sixteen of memory.
fn users(from: &mut In<'_>, user: &mut impl FnMut(&mut In<'_>) -> Option<UserId>) -> Option<Vec<UserId>> {
    let count = from.count(1)?;
    let mut users = Vec::with_capacity(count);
    for _ in 0..count {
        users.push(user(from)?);
    }
    Some(users)
}

/// Whom an edit mentions: a user takes at least two bytes of a log.
fn mentions(from: &mut In<'_>) -> Option<Mentions> {
    let all = from.flag()?;
    let count = from.count(2)?;
    let mut users = Vec::with_capacity(count);
    for _ in 0..count {
        users.push(user(from)?);
    }
    Some(Mentions { users, all })
}

fn quiet_hours(from: &mut In<'_>) -> Option<Option<QuietHours>> {
    Some(match from.u8()? {
        0 => None,
        1 => Some(QuietHours::Daily {
            start_s: from.number()?,
            duration_s: from.number()?,
            utc_offset_s: i32::try_from(from.int()?).ok()?,
        }),
        2 => {
            let start = Timestamp::from_millis(from.int()?).ok()?;
            Some(QuietHours::Once { start, duration_s: from.uint()? })
        }
        3 => Some(QuietHours::DailyIn {
            start_s: from.number()?,
            duration_s: from.number()?,
            zone: ZoneName::parse(from.text()?).ok()?,
        }),
        _ => return None,
    })
}

fn group_type(from: &mut In<'_>) -> Option<Option<GroupType>> {
    match from.u8()? {
        0 => Some(None),
        number => value_of(&GROUP_TYPES, number - 1).map(Some),
    }
}

fn folder(from: &mut In<'_>) -> Option<FolderId> {
    from.array().map(FolderId::from_bytes)
}
