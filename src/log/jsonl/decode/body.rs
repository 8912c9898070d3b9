//! What each type says.

use crate::log::jsonl::decode::message::{base64, bytes, flag, string};
use crate::log::jsonl::decode::watermark::{optional_watermark, through, watermark};
use crate::log::jsonl::decode::{
    COUNT, Decoder, EDIT_VERSION, EVENT_ID, FOLDER_ID, MESSAGE_ID, SEQ, STRING, TIME, report,
};
use crate::log::jsonl::json::value::{Object, Parsed, Value};
use crate::log::jsonl::key::Key;
use crate::model::event::tables::{GROUP_TYPES, MEMBERSHIPS, RECEIVE_OPTIONS, named};
use crate::model::event::{
    AccountFact, Edit, Fact, GroupType, Mark, Membership, QuietHours, ReceiveOption, ZoneName,
};
use crate::model::id::{FolderId, GroupId, MessageId};

impl Decoder {
    /// The fact about a conversation of this type; `None` for another type.
    pub(crate) fn fact(
        &mut self,
        type_name: &str,
        keys: &mut Object<'_>,
        message: &mut Object<'_>,
    ) -> Parsed<Option<Fact>> {
        Ok(Some(match type_name {
            "message_received" => Fact::MessageReceived(Box::new(self.message(keys, message)?)),
            "message_queued" => Fact::MessageQueued(Box::new(self.message(keys, message)?)),
            "message_imported" => self.imported(keys, message)?,
            "message_modified" => self.modified(keys)?,
            "membership_set" => self.membership(keys)?,
            _ => match shared_fact(type_name, keys)? {
                None => return personal_fact(type_name, keys),
                fact => return Ok(fact),
            },
        }))
    }

    /// The fact about the account of this type; `None` for another type.
    pub(crate) fn account_fact(
        &mut self,
        type_name: &str,
        keys: &mut Object<'_>,
    ) -> Parsed<Option<AccountFact>> {
        Ok(Some(match type_name {
            "profile_changed" => self.profile(keys)?,
            "folder_created" => AccountFact::FolderCreated { folder: folder(keys)?, name: name(keys)? },
            "folder_renamed" => AccountFact::FolderRenamed { folder: folder(keys)?, name: name(keys)? },
            "folder_deleted" => AccountFact::FolderDeleted { folder: folder(keys)? },
            "quiet_hours_set" => AccountFact::QuietHoursSet { hours: quiet_hours(keys)? },
            _ => return Ok(None),
        }))
    }

    fn modified(&mut self, keys: &mut Object<'_>) -> Parsed<Fact> {
        let target = target(keys)?;
        let version = keys.need(Key::Version)?.integer(EDIT_VERSION)?;
        let (text, custom) = (string(keys, Key::Text)?, bytes(keys, Key::Custom)?);
        let cloud_custom = bytes(keys, Key::CloudCustom)?;
        let mentions = keys.take(Key::Mentions).map(|value| self.mentions(value)).transpose()?;
        Ok(Fact::MessageModified { target, edit: Edit { version, text, custom, cloud_custom, mentions } })
    }

    fn membership(&mut self, keys: &mut Object<'_>) -> Parsed<Fact> {
        const STATE: &str = "one of joined, invited, left, removed and dissolved";
        let value = keys.need(Key::State)?;
        let state = named(&MEMBERSHIPS, &value.text(STATE)?).ok_or_else(|| value.fault(STATE))?;
        let user = match state {
            Membership::Dissolved => keys.take(Key::User),
            _ => Some(keys.need(Key::User)?),
        };
        Ok(Fact::MembershipSet { state, user: user.map(|user| self.user(user)).transpose()? })
    }

    fn profile(&mut self, keys: &mut Object<'_>) -> Parsed<AccountFact> {
        if let Some(group) = keys.take(Key::Group) {
            if let Some(user) = keys.take(Key::User) {
                return Err(user.fault("either user or group"));
            }
            let group: GroupId = group.parse("a group id of 1 to 128 bytes without control characters")?;
            let (name, face_url) = (string(keys, Key::Name)?, string(keys, Key::FaceUrl)?);
            return Ok(AccountFact::GroupProfileChanged {
                group,
                name,
                face_url,
                group_type: group_type(keys)?,
            });
        }
        let Some(user) = keys.take(Key::User) else {
            return Err(keys.missing("the key \"user\" or \"group\""));
        };
        let user = self.user(user)?;
        let (nickname, remark) = (string(keys, Key::Nickname)?, string(keys, Key::Remark)?);
        Ok(AccountFact::UserProfileChanged { user, nickname, remark, face_url: string(keys, Key::FaceUrl)? })
    }
}

fn shared_fact(type_name: &str, keys: &mut Object<'_>) -> Parsed<Option<Fact>> {
    Ok(Some(match type_name {
        "conversation_opened" => Fact::Opened { group_type: group_type(keys)? },
        "message_recalled" => {
            Fact::MessageRecalled { target: target(keys)?, reason: string(keys, Key::Reason)? }
        }
        "message_read_by" => Fact::MessageReadBy { targets: targets(keys)? },
        "peer_read" => Fact::PeerRead { through: through(keys)? },
        "reaction_set" => Fact::ReactionSet {
            target: target(keys)?,
            reaction: keys.need(Key::Reaction)?.text(STRING)?.into_owned(),
            on: on(keys)?,
        },
        "extension_set" => Fact::ExtensionSet {
            target: target(keys)?,
            key: keys.need(Key::Extension)?.text(STRING)?.into_owned(),
            value: nullable(keys, Key::Value)?,
            seq: keys.need(Key::Seq)?.integer(SEQ)?,
        },
        "extensions_cleared" => {
            Fact::ExtensionsCleared { target: target(keys)?, seq: keys.need(Key::Seq)?.integer(SEQ)? }
        }
        "message_pinned" => Fact::MessagePinned { target: target(keys)?, on: on(keys)? },
        _ => return Ok(None),
    }))
}

fn personal_fact(type_name: &str, keys: &mut Object<'_>) -> Parsed<Option<Fact>> {
    Ok(Some(match type_name {
        "message_sent" => Fact::MessageSent {
            target: target(keys)?,
            sent_at: keys.need(Key::SentAt)?.parse(TIME)?,
            seq: keys.take(Key::Seq).map(|seq| seq.integer(SEQ)).transpose()?,
            members: keys.take(Key::Members).map(|members| members.integer(COUNT)).transpose()?,
        },
        "message_failed" => Fact::MessageFailed { target: target(keys)?, reason: string(keys, Key::Reason)? },
        "messages_deleted" => Fact::MessagesDeleted { targets: targets(keys)? },
        "history_cleared" => {
            Fact::HistoryCleared { through: watermark(keys, Key::Through)?, also: also(keys)? }
        }
        "conversation_read" => Fact::Read { through: through(keys)? },
        "messages_read" => Fact::MessagesRead { targets: targets(keys)?, on: on(keys)? },
        "marked_unread_from" => Fact::MarkedUnreadFrom { target: target(keys)? },
        "conversation_pinned" => Fact::Pinned { on: on(keys)? },
        "draft_set" => Fact::DraftSet {
            text: nullable(keys, Key::Text)?,
            replaces: keys.take(Key::Replaces).map(|event| event.parse(EVENT_ID)).transpose()?,
        },
        "mark_set" => Fact::MarkSet { mark: mark(keys)?, on: on(keys)? },
        "custom_data_set" => Fact::CustomDataSet { data: base64(keys.need(Key::Data)?)? },
        "receive_option_set" => Fact::ReceiveOptionSet {
            option: receive_option(keys.need(Key::Option)?)?,
            until: keys.take(Key::Until).map(|until| until.parse(TIME)).transpose()?,
        },
        "conversation_archived" => Fact::Archived { on: on(keys)?, stay: flag(keys, Key::Stay)? },
        "folder_member_set" => Fact::FolderMemberSet { folder: folder(keys)?, on: on(keys)? },
        "conversation_deleted" => Fact::Deleted {
            through: watermark(keys, Key::Through)?,
            keep_messages: flag(keys, Key::KeepMessages)?,
            also: also(keys)?,
        },
        "unread_reported" => Fact::UnreadReported(Box::new(report::unread(keys)?)),
        "history_complete" => Fact::HistoryComplete {
            from: watermark(keys, Key::From)?,
            through: watermark(keys, Key::Through)?,
        },
        "history_window" => Fact::HistoryWindow {
            after: watermark(keys, Key::After)?,
            through: optional_watermark(keys, Key::Through)?,
        },
        _ => return Ok(None),
    }))
}

fn target(keys: &mut Object<'_>) -> Parsed<MessageId> {
    keys.need(Key::Target)?.parse(MESSAGE_ID)
}

fn targets(keys: &mut Object<'_>) -> Parsed<Vec<MessageId>> {
    message_ids(keys.need(Key::Targets)?)
}

/// What a clearing or deletion takes besides; nothing where it is absent.
fn also(keys: &mut Object<'_>) -> Parsed<Vec<MessageId>> {
    keys.take(Key::Also).map_or(Ok(Vec::new()), message_ids)
}

fn message_ids(value: Value<'_>) -> Parsed<Vec<MessageId>> {
    value.array("a list of message ids", |target| target.parse(MESSAGE_ID))
}

fn on(keys: &mut Object<'_>) -> Parsed<bool> {
    keys.need(Key::On)?.boolean()
}

fn folder(keys: &mut Object<'_>) -> Parsed<FolderId> {
    keys.need(Key::Folder)?.parse(FOLDER_ID)
}

fn name(keys: &mut Object<'_>) -> Parsed<String> {
    Ok(keys.need(Key::Name)?.text(STRING)?.into_owned())
}

/// A string that has to be written out even where it is null.
fn nullable(keys: &mut Object<'_>, key: Key) -> Parsed<Option<String>> {
    let value = keys.need(key)?;
    if value.is_null() { Ok(None) } else { Ok(Some(value.text("a string or null")?.into_owned())) }
}

fn group_type(keys: &mut Object<'_>) -> Parsed<Option<GroupType>> {
    const GROUP_TYPE: &str = "one of work, public, meeting, avchatroom and community";
    let Some(value) = keys.take(Key::GroupType) else {
        return Ok(None);
    };
    named(&GROUP_TYPES, &value.text(GROUP_TYPE)?).map(Some).ok_or_else(|| value.fault(GROUP_TYPE))
}

fn receive_option(value: Value<'_>) -> Parsed<ReceiveOption> {
    const OPTION: &str =
        "one of receive, not_receive, receive_not_notify, not_notify_except_at and not_receive_except_at";
    named(&RECEIVE_OPTIONS, &value.text(OPTION)?).ok_or_else(|| value.fault(OPTION))
}

fn mark(keys: &mut Object<'_>) -> Parsed<Mark> {
    const MARK: &str = "a mark, an integer with a single bit set";
    let value = keys.need(Key::Mark)?;
    Mark::from_bits(value.integer(MARK)?).ok_or_else(|| value.fault(MARK))
}

fn quiet_hours(keys: &mut Object<'_>) -> Parsed<Option<QuietHours>> {
    let daily = keys.take(Key::Daily);
    let once = keys.take(Key::Once);
    let (hours, fields) = match (daily, once) {
        (None, None) => return Ok(None),
        (Some(_), Some(once)) => return Err(once.fault("either daily or once")),
        (Some(daily), None) => {
            const SECONDS: &str = "a number of seconds, less than a day";
            let mut fields = daily.object("an object of start, duration_s and utc_offset_s or zone")?;
            let start_s = time_of_day(fields.need(Key::Start)?)?;
            let duration_s = fields.need(Key::DurationS)?.integer(SECONDS)?;
            let hours = match fields.take(Key::Zone) {
                Some(zone) => QuietHours::DailyIn { start_s, duration_s, zone: zone_name(zone)? },
                None => {
                    let offset = fields.take(Key::UtcOffsetS);
                    let missing = || fields.missing("the key \"utc_offset_s\" or \"zone\"");
                    let utc_offset_s = offset.ok_or_else(missing)?.integer(SECONDS)?;
                    QuietHours::Daily { start_s, duration_s, utc_offset_s }
                }
            };
            (hours, fields)
        }
        (None, Some(once)) => {
            let mut fields = once.object("an object of start and duration_s")?;
            let hours = QuietHours::Once {
                start: fields.need(Key::Start)?.parse(TIME)?,
                duration_s: fields.need(Key::DurationS)?.integer(COUNT)?,
            };
            (hours, fields)
        }
    };
    fields.finish("quiet hours")?;
    Ok(Some(hours))
}

fn zone_name(value: Value<'_>) -> Parsed<ZoneName> {
    value.parse("the name of a time zone such as Europe/Berlin")
}

/// Seconds after midnight, written `HH:MM:SS`.
fn time_of_day(value: Value<'_>) -> Parsed<u32> {
    const TIME_OF_DAY: &str = "a time of day as \"HH:MM:SS\"";
    let text = value.text(TIME_OF_DAY)?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text.as_bytes() else {
        return Err(value.fault(TIME_OF_DAY));
    };
    let mut seconds = 0;
    for (tens, ones, below) in [(h1, h2, 24), (m1, m2, 60), (s1, s2, 60)] {
        let digit = |byte: u8| char::from(byte).to_digit(10);
        match (digit(*tens), digit(*ones)) {
            (Some(tens), Some(ones)) if tens * 10 + ones < below => seconds = seconds * 60 + tens * 10 + ones,
            _ => return Err(value.fault(TIME_OF_DAY)),
        }
    }
    Ok(seconds)
}
