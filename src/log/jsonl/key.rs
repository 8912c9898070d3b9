//! The keys of the format.

/// Names the keys of all objects of the format; the commonest first, for they are compared in this order.
macro_rules! keys {
    ($($key:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key {
            $($key,)*
        }

        impl Key {
            pub(crate) const COUNT: usize = [$($name),*].len();

            /// The key of this name.
            pub(crate) fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$key),)*
                    _ => None,
                }
            }

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }
        }
    };
}

keys! {
    V = "v",
    Id = "id",
    At = "at",
    By = "by",
    Conversation = "conversation",
    Type = "type",
    Meta = "meta",
    Message = "message",
    Target = "target",
    Targets = "targets",
    On = "on",
    Through = "through",
    Text = "text",
    Reason = "reason",
    Version = "version",
    Custom = "custom",
    CloudCustom = "cloud_custom",
    Seq = "seq",
    Time = "time",
    Kind = "kind",
    Mentions = "mentions",
    Users = "users",
    All = "all",
    Recipients = "recipients",
    ReplyTo = "reply_to",
    OnlineOnly = "online_only",
    ExcludedFromUnread = "excluded_from_unread",
    ExcludedFromLast = "excluded_from_last",
    NeedReceipt = "need_receipt",
    SupportsExtensions = "supports_extensions",
    Members = "members",
    Sender = "sender",
    SentAt = "sent_at",
    GroupType = "group_type",
    Reaction = "reaction",
    Extension = "key",
    Value = "value",
    Replaces = "replaces",
    Mark = "mark",
    Data = "data",
    Option = "option",
    Folder = "folder",
    KeepMessages = "keep_messages",
    User = "user",
    Group = "group",
    Nickname = "nickname",
    Remark = "remark",
    FaceUrl = "face_url",
    Name = "name",
    Daily = "daily",
    Once = "once",
    Start = "start",
    DurationS = "duration_s",
    UtcOffsetS = "utc_offset_s",
    Log = "log",
    Owner = "owner",
    Actor = "actor",
    Also = "also",
    State = "state",
    Until = "until",
    Stay = "stay",
    Zone = "zone",
    Unread = "unread",
    Read = "read",
    AtLeast = "at_least",
    ActiveAt = "active_at",
    From = "from",
    After = "after",
}

/// A set of keys: two words, for shifting one of 128 bits costs three times as much as one of 64.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeySet([u64; 2]);

const _: () = assert!(Key::COUNT <= 128);

impl KeySet {
    pub(crate) fn contains(self, key: Key) -> bool {
        let [low, high] = self.0;
        let word = if (key as u32) < u64::BITS { low } else { high };
        word & Self::bit(key) != 0
    }

    pub(crate) fn set(&mut self, key: Key, member: bool) {
        let [low, high] = &mut self.0;
        let word = if (key as u32) < u64::BITS { low } else { high };
        *word = if member { *word | Self::bit(key) } else { *word & !Self::bit(key) };
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == [0, 0]
    }

    /// The bit of a key within its word.
    fn bit(key: Key) -> u64 {
        1 << (key as u32 % u64::BITS)
    }
}
