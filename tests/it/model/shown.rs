//! Everything an inbox shows, as plain values to compare: the model makes it from the rules, the adaptor
//! reads it from the engine.

use std::collections::BTreeMap;

use chatfold::event::{GroupType, Membership, Mentions, MessageKind, QuietHours, ReceiveOption, Watermark};
use chatfold::id::ConversationKind;
use chatfold::time::Stamp;
use chatfold::{ConversationId, EventId, FolderId, MessageId, Timestamp, UserId};

/// A struct that can tell in which of its fields it differs from another.
macro_rules! comparable {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$about:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$about])* pub $field: $type,)* }

        impl $name {
            /// The fields in which the two differ, with both values.
            pub fn differences(&self, other: &Self) -> Vec<(&'static str, String, String)> {
                let mut found = Vec::new();
                $(if self.$field != other.$field {
                    found.push((stringify!($field), format!("{:?}", self.$field), format!("{:?}", other.$field)));
                })*
                found
            }

            /// The names of the fields in which the two differ.
            pub fn changed(&self, other: &Self) -> Vec<&'static str> {
                let mut found = Vec::new();
                $(if self.$field != other.$field {
                    found.push(stringify!($field));
                })*
                found
            }
        }
    };
}

/// Where the unread messages begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    Message(MessageId),
    /// In this gap, or behind it.
    Within(i64, i64, bool),
}

/// When it was written, its text, and the event of the draft it replaces.
pub type Draft = (Stamp, String, Option<EventId>);

/// The whole inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The listed conversations, in list order.
    pub list: Vec<ConversationId>,
    /// Unread over the listed conversations with receive option Receive.
    pub unread: u64,
    /// Unread over all listed conversations.
    pub unread_all: u64,
    /// Whether each of these two is a lower bound (R48).
    pub bounds: [bool; 2],
    /// The badge by each of [`badge::rules`](super::badge::rules).
    pub badges: [u64; 16],
    /// Whether each of these is a lower bound.
    pub badge_bounds: [bool; 16],
    /// The live folders.
    pub folders: Vec<(FolderId, String)>,
    pub quiet_hours: Option<QuietHours>,
    /// Every conversation that an event named, listed or not.
    pub rows: BTreeMap<ConversationId, Row>,
}

comparable! {
    /// One conversation.
    pub struct Row {
        pub id: ConversationId,
        pub kind: ConversationKind,
        pub listed: bool,
        pub show_name: String,
        pub face_url: Option<String>,
        pub group_type: Option<GroupType>,
        pub unread_count: u64,
        pub unread_is_lower_bound: bool,
        /// Where it is one, how many there may be at most; `None`: nothing bounds them.
        pub unread_at_most: Option<u64>,
        pub last: Option<Line>,
        pub last_is_older: bool,
        pub receive_option: ReceiveOption,
        pub receive_option_until: Option<Timestamp>,
        pub archived: bool,
        pub stays_archived: bool,
        pub membership: Option<Membership>,
        /// Message, if it is held, seq, and 1 me, 2 all, 3 both.
        pub mentions: Vec<(Option<MessageId>, u64, u8)>,
        pub mention_count: u64,
        pub mention_is_lower_bound: bool,
        pub mentions_at_most: Option<u64>,
        /// The stretches not held, the newest first: first and last, and whether it touches the number.
        pub gaps: Vec<(i64, i64, bool)>,
        /// When, the text, and which draft it replaces.
        pub draft: Option<Draft>,
        pub pinned: bool,
        pub marks: Vec<u64>,
        pub custom_data: Option<Vec<u8>>,
        pub folders: Vec<(FolderId, String)>,
        pub read_marker: Option<Watermark>,
        pub peer_read_marker: Option<Timestamp>,
        pub activity: Timestamp,
        pub order_key: u64,
        /// The messages counted, oldest first.
        pub unread: Vec<MessageId>,
        pub first_unread: Option<Begins>,
        pub drafts_kept: Vec<Draft>,
        pub pinned_messages: Vec<MessageId>,
        pub history: Vec<Line>,
        /// What can be looked up by id though no history shows it.
        pub online_only: Vec<Line>,
    }
}

comparable! {
    /// One message.
    pub struct Line {
        pub id: MessageId,
        pub author: UserId,
        pub own: bool,
        pub time: Timestamp,
        pub seq: u64,
        pub rank: u8,
        pub kind: MessageKind,
        pub text: Option<String>,
        pub custom: Option<Vec<u8>>,
        pub cloud_custom: Option<Vec<u8>>,
        pub mentions: Mentions,
        pub recipients: Vec<UserId>,
        pub reply_to: Option<MessageId>,
        /// 1 sending, 2 sent, 3 failed, 5 imported, 6 recalled.
        pub status: u8,
        pub recall: Option<(UserId, Option<String>, Stamp)>,
        pub edit_version: Option<u64>,
        pub failure_reason: Option<String>,
        pub read: bool,
        pub read_by_name: bool,
        pub peer_read: bool,
        pub readers: Vec<UserId>,
        pub unread_receipts: Option<u64>,
        pub reactions: Vec<(String, Vec<UserId>)>,
        pub extensions: Vec<(String, String, u64)>,
        pub pinned: bool,
        pub online_only: bool,
        pub excluded_from_unread: bool,
        pub excluded_from_last: bool,
        pub need_receipt: bool,
        pub supports_extensions: bool,
        pub members: Option<u64>,
        pub event: EventId,
        pub nickname: Option<String>,
        pub remark: Option<String>,
        pub face_url: Option<String>,
    }
}

impl Row {
    /// A conversation of which nothing has been told.
    pub fn void(id: &ConversationId) -> Self {
        Self {
            id: id.clone(),
            kind: id.kind(),
            listed: false,
            show_name: id.target().to_owned(),
            face_url: None,
            group_type: None,
            unread_count: 0,
            unread_is_lower_bound: false,
            unread_at_most: None,
            last: None,
            last_is_older: false,
            receive_option: ReceiveOption::Receive,
            receive_option_until: None,
            archived: false,
            stays_archived: false,
            membership: None,
            mentions: Vec::new(),
            mention_count: 0,
            mention_is_lower_bound: false,
            mentions_at_most: None,
            gaps: Vec::new(),
            draft: None,
            pinned: false,
            marks: Vec::new(),
            custom_data: None,
            folders: Vec::new(),
            read_marker: None,
            peer_read_marker: None,
            activity: Timestamp::EPOCH,
            order_key: 0,
            unread: Vec::new(),
            first_unread: None,
            drafts_kept: Vec::new(),
            pinned_messages: Vec::new(),
            history: Vec::new(),
            online_only: Vec::new(),
        }
    }

    /// Whether nothing has been told that shows.
    pub fn is_void(&self) -> bool {
        *self == Self::void(&self.id)
    }

    /// The same, whatever is known of the peer of a direct chat.
    pub fn is_void_but_for_its_peer(&self) -> bool {
        let (show_name, face_url) = (self.show_name.clone(), self.face_url.clone());
        let direct = self.kind == ConversationKind::Direct;
        direct && *self == Self { show_name, face_url, ..Self::void(&self.id) }
    }
}

impl Shown {
    /// The same without conversations that show nothing.
    pub fn without_void(mut self) -> Self {
        self.rows.retain(|_, row| !row.is_void());
        self
    }

    /// Every difference, a line each, with the name of the conversation, message and attribute.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut note = |what: &str, left: String, right: String| {
            if left != right {
                found.push(format!("{what}:\n    left  {left}\n    right {right}"));
            }
        };
        note("list", format!("{:?}", self.list), format!("{:?}", other.list));
        note("total unread", self.unread.to_string(), other.unread.to_string());
        note("total unread of all", self.unread_all.to_string(), other.unread_all.to_string());
        note("bounds", format!("{:?}", self.bounds), format!("{:?}", other.bounds));
        note("badge bounds", format!("{:?}", self.badge_bounds), format!("{:?}", other.badge_bounds));
        note("badges", format!("{:?}", self.badges), format!("{:?}", other.badges));
        note("folders", format!("{:?}", self.folders), format!("{:?}", other.folders));
        note("quiet hours", format!("{:?}", self.quiet_hours), format!("{:?}", other.quiet_hours));
        let ids = self.rows.keys().chain(other.rows.keys()).collect::<std::collections::BTreeSet<_>>();
        for id in ids {
            match (self.rows.get(id), other.rows.get(id)) {
                (Some(left), Some(right)) => row_differences(left, right, &mut note),
                (left, right) => note(id.as_str(), format!("{left:?}"), format!("{right:?}")),
            }
        }
        found
    }
}

fn row_differences(left: &Row, right: &Row, note: &mut impl FnMut(&str, String, String)) {
    for (field, a, b) in left.differences(right) {
        match (field, &left.last, &right.last) {
            ("history", ..) => line_differences(&left.id, field, &left.history, &right.history, note),
            ("online_only", ..) => {
                line_differences(&left.id, field, &left.online_only, &right.online_only, note)
            }
            ("last", Some(a), Some(b)) if a.id == b.id => {
                line_differences(&left.id, field, std::slice::from_ref(a), std::slice::from_ref(b), note);
            }
            ("last", a, b) => {
                let id = |line: &Option<Line>| format!("{:?}", line.as_ref().map(|line| line.id));
                note(&format!("{} last", left.id), id(a), id(b));
            }
            _ => note(&format!("{} {field}", left.id), a, b),
        }
    }
}

fn line_differences(
    conversation: &ConversationId,
    field: &str,
    left: &[Line],
    right: &[Line],
    note: &mut impl FnMut(&str, String, String),
) {
    let ids = |lines: &[Line]| format!("{:?}", lines.iter().map(|line| line.id).collect::<Vec<_>>());
    note(&format!("{conversation} {field} (ids)"), ids(left), ids(right));
    for line in left {
        if let Some(twin) = right.iter().find(|twin| twin.id == line.id) {
            for (attribute, a, b) in line.differences(twin) {
                note(&format!("{conversation} {field} {} {attribute}", line.id), a, b);
            }
        }
    }
}
