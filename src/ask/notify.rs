//! Notifying: does a message push, arrive in silence, or not arrive (R90)?

use crate::inbox::views::for_queries::Standing;
use crate::inbox::{Inbox, MessageStatus, MessageView};
use crate::model::event::{GroupType, QuietHours, ReceiveOption, ZoneName};
use crate::model::id::{ConversationId, MessageId, UserId};
use crate::model::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// What a message does to its owner's attention (R90).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notification {
    /// It does not arrive.
    Nothing,
    /// It arrives without a sound.
    Silent,
    /// It notifies.
    Push,
}

/// Whether a message notifies at the instant `at` (R90). The first line that fits decides:
///
/// | when | result |
/// |---|---|
/// | receive option `NotReceive`; or `NotReceiveExceptAt` and the message mentions neither the owner nor everybody | `Nothing` |
/// | the owner's own; online-only; recalled, deleted, cleared away or already read; in a live room; without a position from the server | `Silent` |
/// | receive option `ReceiveNotNotify`; or `NotNotifyExceptAt` without such a mention | `Silent` |
/// | the owner's quiet hours are in force at `at` | `Silent` |
/// | otherwise, also when it counts neither as unread nor as last message | `Push` |
///
/// A message read by name is read (R59). Whom it mentions, its introduction says: an edit notifies nobody anew (R40).
///
/// A message that is not known, or was targeted at others, has not arrived: `Nothing`. One that a deletion of its
/// conversation covers is deleted here also where the deletion kept the messages: it can no longer be unread.
///
/// A receive option that was to end at `at` or before is taken as `Receive`, though no event ended it yet (R57). Quiet hours
/// in a named zone lie in the clock of the zone as the feature `zones` knows it; without it, or of a zone that it does not
/// know, in that of UTC: who knows zones asks [`explain_in_zone`].
///
/// Pure: the instant is the caller's, and asking changes nothing.
///
/// ```
/// use chatfold::notify::Notification;
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy};
/// use chatfold::event::QuietHours;
/// use chatfold::notify::judge;
/// use chatfold::{Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let mut inbox = Inbox::new(alice.clone(), Policy::default());
/// let (chat, lunch) = (ConversationId::direct(&bob), MessageId::from_bytes([1; 16]));
/// let at: Timestamp = "2026-03-01T21:30:00.000Z".parse()?;
/// let envelope = Envelope::new(EventId::from_bytes([2; 16]), at, bob);
/// inbox.apply(&envelope.message_received(chat.clone(), Message::text(lunch, "Lunch?"))?);
/// assert_eq!(judge(&inbox, &chat, lunch, at), Notification::Push);
///
/// // From ten at night to seven in the morning, an hour east of Greenwich.
/// let night = QuietHours::Daily { start_s: 22 * 3600, duration_s: 9 * 3600, utc_offset_s: 3600 };
/// inbox.apply(&Envelope::new(EventId::from_bytes([3; 16]), at, alice).quiet_hours_set(Some(night))?);
/// assert_eq!(judge(&inbox, &chat, lunch, at), Notification::Silent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn judge(
    inbox: &Inbox,
    conversation: &ConversationId,
    message: MessageId,
    at: Timestamp,
) -> Notification {
    explain(inbox, conversation, message, at).notification()
}

/// Which line of the table of [`judge`] decides what a message does (R90).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotificationReason {
    /// The message is not known, or was targeted at others.
    Unknown,
    /// The receive option is `NotReceive`.
    NotReceived,
    /// The receive option is `NotReceiveExceptAt`, and the message mentions neither the owner nor everybody.
    NotReceivedUnmentioned,
    /// It is deleted or cleared away, alone or with its conversation.
    PutAway,
    /// It is the owner's own.
    Own,
    /// It is read already.
    Read,
    /// It was for those online only.
    OnlineOnly,
    /// It is recalled.
    Recalled,
    /// It has no position from the server: it is imported, queued or failed.
    NotDelivered,
    /// It stands in a live room.
    InLiveRoom,
    /// The receive option is `ReceiveNotNotify`.
    NotNotified,
    /// The receive option is `NotNotifyExceptAt`, and the message mentions neither the owner nor everybody.
    NotNotifiedUnmentioned,
    /// The owner's quiet hours are in force.
    QuietHours,
    /// Nothing speaks against it.
    Notifies,
}

impl NotificationReason {
    /// What the message does then.
    pub const fn notification(self) -> Notification {
        match self {
            Self::Unknown | Self::NotReceived | Self::NotReceivedUnmentioned => Notification::Nothing,
            Self::Notifies => Notification::Push,
            _ => Notification::Silent,
        }
    }
}

/// Why a message notifies at the instant `at`, or why it does not: the first line of the table of [`judge`]
/// that fits (R90).
pub fn explain(
    inbox: &Inbox,
    conversation: &ConversationId,
    message: MessageId,
    at: Timestamp,
) -> NotificationReason {
    explain_in_zone(inbox, conversation, message, at, |zone| zone_offset_s(zone, at).unwrap_or(0))
}

/// The same, given by how many seconds a zone is ahead of UTC at `at`: it is asked where the owner's quiet hours lie in the
/// clock of a named zone, whose offset changes over a year (R57).
///
/// ```
/// use chatfold::notify::NotificationReason;
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy};
/// use chatfold::event::{QuietHours, ZoneName};
/// use chatfold::notify::explain_in_zone;
/// use chatfold::{Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let mut inbox = Inbox::new(alice.clone(), Policy::default());
/// let (chat, late) = (ConversationId::direct(&bob), MessageId::from_bytes([1; 16]));
/// // Half past ten on a summer evening in Berlin.
/// let at: Timestamp = "2026-07-01T20:30:00.000Z".parse()?;
/// inbox.apply(&Envelope::new(EventId::from_bytes([2; 16]), at, bob).message_received(chat.clone(), Message::new(late))?);
/// let night = QuietHours::DailyIn { start_s: 22 * 3600, duration_s: 9 * 3600, zone: ZoneName::parse("Europe/Berlin")? };
/// inbox.apply(&Envelope::new(EventId::from_bytes([3; 16]), at, alice).quiet_hours_set(Some(night))?);
/// let summer = |_: &ZoneName| 7_200;
/// assert_eq!(explain_in_zone(&inbox, &chat, late, at, summer), NotificationReason::QuietHours);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn explain_in_zone(
    inbox: &Inbox,
    conversation: &ConversationId,
    message: MessageId,
    at: Timestamp,
    offset_s: impl FnOnce(&ZoneName) -> i32,
) -> NotificationReason {
    let Some(conversation) = inbox.conversation(conversation) else { return NotificationReason::Unknown };
    let Some(Standing { message, put_away }) = conversation.standing(message) else {
        return NotificationReason::Unknown;
    };
    let arrived = Arrived {
        owner: inbox.owner(),
        quiet_hours: inbox.quiet_hours(),
        option: conversation.receive_option(),
        option_until: conversation.receive_option_until(),
        group_type: conversation.group_type(),
        message,
        put_away,
        is_read: message.is_read(),
    };
    arrived.explain(at, offset_s)
}

/// A message that is known, and what of its conversation and of the owner says whether it notifies.
pub(crate) struct Arrived<'a> {
    pub(crate) owner: &'a UserId,
    pub(crate) quiet_hours: Option<QuietHours>,
    pub(crate) option: ReceiveOption,
    pub(crate) option_until: Option<Timestamp>,
    pub(crate) group_type: Option<GroupType>,
    pub(crate) message: MessageView<'a>,
    /// Deleted, cleared away, or covered by a deletion of the conversation.
    pub(crate) put_away: bool,
    pub(crate) is_read: bool,
}

impl Arrived<'_> {
    /// The first line of the table of [`judge`] that fits.
    pub(crate) fn explain(
        &self,
        at: Timestamp,
        offset_s: impl FnOnce(&ZoneName) -> i32,
    ) -> NotificationReason {
        use NotificationReason as Why;
        let message = &self.message;
        let is_mentioned = || {
            let mentions = message.mentions_at_first();
            mentions.all || mentions.users.contains(self.owner)
        };
        let has_ended = self.option_until.is_some_and(|until| until <= at);
        let option = if has_ended { ReceiveOption::Receive } else { self.option };
        let is_quiet = || {
            self.quiet_hours.as_ref().is_some_and(|hours| match hours {
                QuietHours::DailyIn { zone, .. } => hours.is_quiet_at_offset(at, offset_s(zone)),
                QuietHours::Daily { .. } | QuietHours::Once { .. } => hours.is_quiet(at),
            })
        };
        let lines = [
            (option == ReceiveOption::NotReceive, Why::NotReceived),
            (option == ReceiveOption::NotReceiveExceptAt && !is_mentioned(), Why::NotReceivedUnmentioned),
            (self.put_away, Why::PutAway),
            (message.is_own(), Why::Own),
            (message.is_online_only(), Why::OnlineOnly),
            (message.status() == MessageStatus::Recalled, Why::Recalled),
            (message.rank() != 0, Why::NotDelivered),
            (self.group_type == Some(GroupType::AvChatRoom), Why::InLiveRoom),
            (self.is_read, Why::Read),
            (option == ReceiveOption::ReceiveNotNotify, Why::NotNotified),
            (option == ReceiveOption::NotNotifyExceptAt && !is_mentioned(), Why::NotNotifiedUnmentioned),
            (is_quiet(), Why::QuietHours),
        ];
        lines.into_iter().find_map(|(fits, why)| fits.then_some(why)).unwrap_or(Why::Notifies)
    }
}

/// By how many seconds a zone is ahead of UTC at `at`, as the time zone database of the feature `zones` has it; `None` of a
/// zone that it does not know, and always without the feature.
#[cfg(feature = "zones")]
pub(crate) fn zone_offset_s(zone: &ZoneName, at: Timestamp) -> Option<i32> {
    use chrono::{Offset as _, TimeZone as _};
    let zone: chrono_tz::Tz = zone.as_str().parse().ok()?;
    let at = chrono::DateTime::from_timestamp_millis(at.as_millis())?;
    Some(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}

/// Without the feature `zones` no zone is known.
#[cfg(not(feature = "zones"))]
pub(crate) fn zone_offset_s(_: &ZoneName, _: Timestamp) -> Option<i32> {
    None
}

impl QuietHours {
    /// Whether the hours are in force at `at`: their start is part of them, their end is not (R90).
    ///
    /// A daily window lies in the clock of its own offset from UTC and may go on past midnight; one of no length
    /// is never in force. Where it lies in the clock of a zone, the zone is taken to be at UTC:
    /// [`is_quiet_at_offset`](Self::is_quiet_at_offset) takes the offset that the zone has at `at`.
    ///
    /// ```
    /// use chatfold::event::QuietHours;
    /// let night = QuietHours::Daily { start_s: 23 * 3600, duration_s: 2 * 3600, utc_offset_s: 0 };
    /// assert!(night.is_quiet("2026-03-01T00:59:59.999Z".parse()?));
    /// assert!(!night.is_quiet("2026-03-01T01:00:00.000Z".parse()?));
    /// # Ok::<(), chatfold::time::TimestampError>(())
    /// ```
    pub fn is_quiet(&self, at: Timestamp) -> bool {
        self.is_quiet_at_offset(at, 0)
    }

    /// The same; a window in a named zone lies in its clock, which is `zone_offset_s` seconds ahead of UTC at `at`.
    /// The other forms do not look at the offset.
    pub fn is_quiet_at_offset(&self, at: Timestamp, zone_offset_s: i32) -> bool {
        let is_in_daily = |start_s: u32, duration_s: u32, offset_s: i32| {
            let local_ms = at.as_millis() + i64::from(offset_s) * 1000;
            let since_start_ms = (local_ms - i64::from(start_s) * 1000).rem_euclid(DAY_MS);
            since_start_ms < i64::from(duration_s) * 1000
        };
        match *self {
            Self::Daily { start_s, duration_s, utc_offset_s } => {
                is_in_daily(start_s, duration_s, utc_offset_s)
            }
            Self::DailyIn { start_s, duration_s, zone: _ } => is_in_daily(start_s, duration_s, zone_offset_s),
            Self::Once { start, duration_s } => {
                let since_start_ms = u64::try_from(at.as_millis() - start.as_millis());
                since_start_ms.is_ok_and(|passed_ms| passed_ms < duration_s.saturating_mul(1000))
            }
        }
    }
}
