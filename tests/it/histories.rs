//! Random histories: every event type, over ids, instants and numbers from pools so small that facts collide,
//! wait, tie and contradict each other. One seed, one history.

mod report;
mod rng;
pub mod tally;
mod types;

use chatfold::event::{
    AccountFact, Body, Edit, Fact, GroupType, Mark, Mentions, MessageKind, ReceiveOption, Through, Watermark,
};
use chatfold::{
    ConversationId, Envelope, Event, EventId, FolderId, GroupId, Message, MessageId, Policy, Timestamp,
    UserId,
};

pub use self::rng::Rng;
use self::types::{TYPES, Type};

/// How large a history is, and how it is spread.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub min_events: usize,
    pub max_events: usize,
    pub conversations: usize,
    /// Message ids to choose from in each conversation.
    pub messages: usize,
    /// Seconds to choose instants from.
    pub seconds: usize,
    /// The greatest seq.
    pub seqs: usize,
    /// Messages mostly come in order, each with an id of its own.
    pub drift: bool,
}

/// Up to sixty events over all conversations.
pub const USUAL: Shape = Shape {
    min_events: 5,
    max_events: 60,
    conversations: 5,
    messages: 7,
    seconds: 20,
    seqs: 8,
    drift: false,
};

/// Few events, so that every prefix can be looked at.
pub const SHORT: Shape = Shape { min_events: 1, max_events: 24, conversations: 3, messages: 4, ..USUAL };

/// One crowded conversation.
pub const DENSE: Shape = Shape { conversations: 1, messages: 6, seconds: 12, ..USUAL };

/// More messages than any block of the engine holds.
pub const LONG: Shape = Shape {
    min_events: 1_500,
    max_events: 3_000,
    conversations: 2,
    messages: 0,
    seconds: 0,
    seqs: 0,
    drift: true,
};

/// A history and the inbox it is folded into.
#[derive(Clone, Debug)]
pub struct History {
    pub seed: u64,
    pub owner: UserId,
    pub policy: Policy,
    pub events: Vec<Event>,
}

const NAMES: [&str; 9] =
    ["Ann", "", "  \t", "\u{3000}", "Bo", "李雷", "Zoë 👩‍🚀", "\u{200b}\u{2800} \u{e0041}", "\u{feff}Ida"];
const TEXTS: [&str; 7] = ["hi", "", "lunch?", "好的 👍", " ", "naïve\nline", "\u{0}"];
const FOLDER_NAMES: [&str; 3] = ["work", "Ünïcode", "a"];
const BYTES: [&[u8]; 4] = [b"", b"x", b"{\"a\":1}", &[0, 255, 254]];

/// The users of every history; the first is the owner, unless another is asked for.
pub const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// The history of `seed`.
pub fn history(seed: u64, shape: Shape) -> History {
    history_of(USERS[0], seed, shape)
}

/// The history of `seed` as another of [`USERS`] has it.
pub fn history_of(owner: &str, seed: u64, shape: Shape) -> History {
    let mut rng = Rng::new(seed);
    let policy =
        Policy::default().with_meeting_unread(rng.percent(30)).with_own_message_reads(rng.percent(35));
    let mut maker = Maker::new(rng, shape);
    maker.owner = UserId::parse(owner).unwrap();
    let length = shape.min_events + maker.rng.below(shape.max_events - shape.min_events + 1);
    maker.preamble();
    while maker.events.len() < length {
        maker.one_more();
    }
    History { seed, owner: maker.owner, policy, events: maker.events }
}

/// The conversations of every history: two or three direct chats (one with oneself), three groups.
pub fn conversation_ids() -> Vec<ConversationId> {
    let ids = ["group_g", "c2c_bob", "group_meeting", "group_live", "c2c_alice", "c2c_carol"];
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

/// The message id number `n` of a conversation.
pub fn message_id(n: usize) -> MessageId {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&(n as u32).to_be_bytes());
    bytes[0] = 0xa0;
    MessageId::from_bytes(bytes)
}

/// Folder number `n`.
pub fn folder_id(n: usize) -> FolderId {
    FolderId::from_bytes([0xf0 + n as u8; 16])
}

fn time(millis: usize) -> Timestamp {
    Timestamp::from_millis(millis as i64).unwrap()
}

struct Maker {
    rng: Rng,
    shape: Shape,
    owner: UserId,
    users: Vec<UserId>,
    conversations: Vec<ConversationId>,
    weights: Vec<(Type, usize)>,
    /// Percentage of events under the id of one before.
    twins: usize,
    /// What was made, and as what.
    events: Vec<Event>,
    made: Vec<(Type, ConversationId)>,
    /// Introductions so far, for histories that drift.
    introduced: usize,
}

impl Maker {
    fn new(mut rng: Rng, shape: Shape) -> Self {
        let users: Vec<UserId> = USERS.iter().map(|id| UserId::parse(id).unwrap()).collect();
        let mut conversations = conversation_ids();
        rng.shuffle(&mut conversations);
        let few = if shape.drift { shape.conversations } else { 1 + rng.below(shape.conversations) };
        conversations.truncate(few);
        // Each history prefers some types and lacks others, so that rare meetings of facts become common in some.
        let weights = TYPES.iter().map(|&(kind, weight)| {
            let destroys = matches!(kind, Type::MessagesDeleted | Type::Cleared | Type::Deleted);
            let times = match kind {
                // In long histories most messages are to stay where they are.
                Type::Received if shape.drift => 16,
                _ if shape.drift => 1,
                _ if destroys => *rng.pick(&[0, 0, 1, 1, 2]),
                _ => *rng.pick(&[0, 1, 1, 1, 3, 6]),
            };
            let floor = usize::from(kind == Type::Received) * 15;
            (kind, (weight * times).max(floor))
        });
        let weights = weights.collect();
        let twins = if shape.drift { 1 } else { *rng.pick(&[0, 0, 0, 4, 12]) };
        let owner = users[0].clone();
        #[rustfmt::skip]
        let maker = Self {
            rng, shape, owner, users, conversations, weights, twins, events: Vec::new(), made: Vec::new(),
            introduced: 0,
        };
        maker
    }

    /// What makes a Meeting a Meeting and a live room one, mostly.
    fn preamble(&mut self) {
        for (id, group_type) in [("group_meeting", GroupType::Meeting), ("group_live", GroupType::AvChatRoom)]
        {
            let id: ConversationId = id.parse().unwrap();
            if self.conversations.contains(&id) && self.rng.percent(75) {
                let by = self.users[self.rng.below(4)].clone();
                let event = self.envelope(by).conversation_opened(id.clone(), Some(group_type)).unwrap();
                self.events.push(event);
                self.made.push((Type::Opened, id));
            }
        }
    }

    fn one_more(&mut self) {
        // R07: now and then another event under the id of one before it, mostly with its stamp and type too.
        let twin = !self.events.is_empty() && self.rng.percent(self.twins);
        let of = self.rng.below(self.events.len());
        let (kind, conversation) = match self.made.get(of).cloned() {
            Some(made) if twin && self.rng.percent(60) => made,
            // Of another type, but in the same conversation: what meets there under one stamp.
            Some((kind, conversation)) if twin => (self.partner(kind), conversation),
            _ => {
                let kind = self.kind();
                (kind, self.conversation_for(kind))
            }
        };
        let by = self.actor(kind, &conversation);
        let mut envelope = self.envelope(by);
        if twin {
            envelope.id = self.events[of].id();
            if self.rng.percent(80) {
                envelope.at = self.events[of].at();
            }
        }
        let body = self.body(kind, &conversation);
        if let Ok(event) = Event::new(envelope, body) {
            self.events.push(event);
            self.made.push((kind, conversation));
        }
    }

    fn kind(&mut self) -> Type {
        let total: usize = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut at = self.rng.below(total);
        for &(kind, weight) in &self.weights {
            if at < weight {
                return kind;
            }
            at -= weight;
        }
        Type::Received
    }

    /// A type whose facts are compared with those of `kind` by their stamps.
    fn partner(&mut self, kind: Type) -> Type {
        let partners: &[Type] = match kind {
            Type::Deleted => {
                &[Type::Draft, Type::Pinned, Type::Opened, Type::Queued, Type::Imported, Type::Archived]
            }
            Type::Draft | Type::Pinned | Type::Opened | Type::Archived => &[Type::Deleted],
            Type::Read => &[Type::MarkedUnread],
            Type::MarkedUnread => &[Type::Read],
            Type::Queued => &[Type::Failed, Type::Cleared, Type::Deleted],
            Type::Imported => &[Type::Cleared, Type::Deleted],
            Type::Failed => &[Type::Queued],
            Type::FolderCreated => &[Type::FolderDeleted, Type::FolderRenamed],
            _ => return self.kind(),
        };
        *self.rng.pick(partners)
    }

    /// A conversation in which such an event can be.
    fn conversation_for(&mut self, kind: Type) -> ConversationId {
        let fits = |id: &&ConversationId| match kind {
            Type::PeerRead => id.peer().is_some(),
            Type::ReadBy | Type::MessagePinned | Type::Membership => id.peer().is_none(),
            _ => true,
        };
        let fitting: Vec<_> = self.conversations.iter().filter(fits).cloned().collect();
        let all = &self.conversations;
        self.rng.pick(if fitting.is_empty() { all } else { &fitting }).clone()
    }

    /// Mostly who may do it, sometimes another (R17).
    fn actor(&mut self, kind: Type, conversation: &ConversationId) -> UserId {
        let shared = matches!(
            kind,
            Type::Opened
                | Type::Modified
                | Type::Recalled
                | Type::ReadBy
                | Type::Reaction
                | Type::Extension
                | Type::ExtensionsCleared
                | Type::MessagePinned
                | Type::Membership
                | Type::UserProfile
                | Type::GroupProfile
        );
        let peer = UserId::parse(conversation.target()).ok().filter(|peer| self.users.contains(peer));
        let anyone = self.users[self.rng.below(4)].clone();
        match kind {
            _ if self.rng.percent(8) => anyone,
            Type::PeerRead => peer.unwrap_or(anyone),
            Type::Received if self.rng.percent(25) => self.owner.clone(),
            Type::Received => peer.unwrap_or(anyone),
            _ if shared => anyone,
            _ => self.owner.clone(),
        }
    }

    fn envelope(&mut self, by: UserId) -> Envelope {
        let mut bytes = [0; 16];
        bytes[0] = self.rng.below(256) as u8;
        bytes[12..].copy_from_slice(&(self.events.len() as u32 + 1).to_be_bytes());
        if self.rng.percent(1) {
            bytes = [0; 16];
        }
        let at = self.instant();
        Envelope::new(EventId::from_bytes(bytes), at, by)
    }

    fn instant(&mut self) -> Timestamp {
        if self.shape.drift {
            let late = if self.rng.percent(10) { self.rng.below(self.events.len() + 1) } else { 0 };
            return time((self.events.len() - late) * 500 + self.rng.below(700));
        }
        let second = self.rng.below(self.shape.seconds) * 1_000;
        time(second + self.rng.pick(&[0, 0, 0, 0, 1, 500, 999]))
    }

    fn seq(&mut self, least: usize) -> u64 {
        if self.shape.drift {
            let back = if self.rng.percent(10) { self.rng.below(self.introduced + 1) } else { 0 };
            return (self.introduced - back).max(least) as u64;
        }
        (least + self.rng.below(self.shape.seqs + 1 - least)) as u64
    }

    fn target(&mut self) -> MessageId {
        let known = if self.shape.drift { self.introduced + 3 } else { self.shape.messages };
        message_id(1 + self.rng.below(known))
    }

    fn targets(&mut self) -> Vec<MessageId> {
        (0..self.rng.below(4)).map(|_| self.target()).collect()
    }

    /// What a clearing or deletion takes besides: mostly nothing.
    fn also(&mut self) -> Vec<MessageId> {
        if self.rng.percent(if self.shape.drift { 3 } else { 30 }) { self.targets() } else { Vec::new() }
    }

    fn mentions(&mut self) -> Mentions {
        let users = if self.rng.percent(60) { self.users() } else { Vec::new() };
        Mentions { users, all: self.rng.percent(25) }
    }

    fn text(&mut self) -> Option<String> {
        self.rng.percent(85).then(|| (*self.rng.pick(&TEXTS)).to_owned())
    }

    fn name(&mut self, chance: usize) -> Option<String> {
        self.rng.percent(chance).then(|| (*self.rng.pick(&NAMES)).to_owned())
    }

    fn bytes(&mut self, chance: usize) -> Option<Vec<u8>> {
        self.rng.percent(chance).then(|| self.rng.pick(&BYTES).to_vec())
    }

    fn group_type(&mut self) -> GroupType {
        use GroupType::{AvChatRoom, Community, Meeting, Public, Work};
        *self.rng.pick(&[Work, Public, Meeting, AvChatRoom, Community])
    }

    fn users(&mut self) -> Vec<UserId> {
        (0..1 + self.rng.below(2)).map(|_| self.users[self.rng.below(4)].clone()).collect()
    }

    fn message(&mut self, kind: Type, group: bool) -> Message {
        use MessageKind::{Custom, Face, File, GroupTips, Image, Location, Merger, Sound, Text, Video};
        let fresh = self.shape.drift && !self.rng.percent(8);
        self.introduced += usize::from(fresh);
        let id = if fresh { message_id(self.introduced) } else { self.target() };
        let mut message = Message::new(id);
        if group || self.rng.percent(40) {
            message.seq = Some(self.seq(usize::from(group && kind == Type::Received)));
        }
        if self.rng.percent(25) {
            message.kind =
                *self.rng.pick(&[Text, Custom, Image, Sound, Video, File, Location, Face, GroupTips, Merger]);
        }
        message.text = self.text();
        message.custom = self.bytes(10);
        message.cloud_custom = self.bytes(10);
        if self.rng.percent(if group { 40 } else { 10 }) {
            message.mentions.users = self.users();
        }
        message.mentions.all = self.rng.percent(if group { 20 } else { 5 });
        if self.rng.percent(10) {
            message.recipients = self.users();
        }
        if self.rng.percent(15) {
            message.reply_to = Some(self.target());
        }
        message.online_only = self.rng.percent(6);
        message.excluded_from_unread = self.rng.percent(10);
        message.excluded_from_last = self.rng.percent(10);
        message.need_receipt = self.rng.percent(10);
        message.supports_extensions = self.rng.percent(10);
        if group && self.rng.percent(30) {
            message.members = Some(self.rng.below(5) as u64);
        }
        message
    }

    /// In long histories, a place to read, clear or delete up to: mostly far back.
    fn far_back(&mut self) -> usize {
        let most = if self.rng.percent(98) { self.introduced / 4 } else { self.introduced };
        self.rng.below(most + 1)
    }

    fn watermark(&mut self, group: bool) -> Watermark {
        if self.shape.drift {
            let at = self.far_back();
            return if group { Watermark::Seq(at as u64) } else { Watermark::Time(time(at * 600)) };
        }
        if group { Watermark::Seq(self.seq(0)) } else { Watermark::Time(self.instant()) }
    }

    fn through(&mut self, group: bool) -> Through {
        if self.shape.drift && self.rng.percent(50) {
            Through::Message(message_id(self.far_back()))
        } else if !self.shape.drift && self.rng.percent(50) {
            Through::Message(self.target())
        } else {
            Through::Watermark(self.watermark(group))
        }
    }

    fn body(&mut self, kind: Type, conversation: &ConversationId) -> Body {
        match self.account_fact(kind, conversation) {
            Some(fact) => Body::Account(fact),
            None => {
                let group = conversation.peer().is_none();
                Body::Conversation(conversation.clone(), self.message_fact(kind, group))
            }
        }
    }

    fn account_fact(&mut self, kind: Type, conversation: &ConversationId) -> Option<AccountFact> {
        let folder = folder_id(self.rng.below(3));
        let fact = match kind {
            Type::UserProfile => AccountFact::UserProfileChanged {
                user: self.users[self.rng.below(4)].clone(),
                nickname: self.name(50),
                remark: self.name(50),
                face_url: self.name(40),
            },
            Type::GroupProfile => AccountFact::GroupProfileChanged {
                group: GroupId::parse(conversation.target()).unwrap(),
                name: self.name(50),
                face_url: self.name(40),
                group_type: self.rng.percent(25).then(|| self.group_type()),
            },
            Type::FolderCreated => {
                AccountFact::FolderCreated { folder, name: (*self.rng.pick(&FOLDER_NAMES)).to_owned() }
            }
            Type::FolderRenamed => {
                AccountFact::FolderRenamed { folder, name: (*self.rng.pick(&FOLDER_NAMES)).to_owned() }
            }
            Type::FolderDeleted => AccountFact::FolderDeleted { folder },
            Type::QuietHours => AccountFact::QuietHoursSet { hours: self.quiet_hours() },
            _ => return None,
        };
        Some(fact)
    }

    /// What names messages; the rest is [`Self::personal_fact`].
    fn message_fact(&mut self, kind: Type, group: bool) -> Fact {
        let target = self.target();
        match kind {
            Type::Opened => {
                Fact::Opened { group_type: (group && self.rng.percent(25)).then(|| self.group_type()) }
            }
            Type::Received => Fact::MessageReceived(Box::new(self.message(kind, group))),
            Type::Queued => Fact::MessageQueued(Box::new(self.message(kind, group))),
            Type::Imported => Fact::MessageImported {
                sender: self.rng.percent(60).then(|| self.users[self.rng.below(4)].clone()),
                message: Box::new(self.message(kind, group)),
            },
            Type::Modified => Fact::MessageModified {
                target,
                edit: Edit {
                    version: 1 + self.rng.below(4) as u64,
                    text: self.rng.percent(60).then(|| (*self.rng.pick(&TEXTS)).to_owned()),
                    custom: self.bytes(30),
                    cloud_custom: self.bytes(30),
                    mentions: self.rng.percent(30).then(|| self.mentions()),
                },
            },
            Type::Recalled => Fact::MessageRecalled { target, reason: self.name(50) },
            Type::ReadBy => Fact::MessageReadBy { targets: self.targets() },
            Type::PeerRead => Fact::PeerRead { through: self.through(group) },
            Type::Reaction => Fact::ReactionSet {
                target,
                reaction: (*self.rng.pick(&["+1", "🎉"])).to_owned(),
                on: self.rng.percent(65),
            },
            Type::Extension => Fact::ExtensionSet {
                target,
                key: (*self.rng.pick(&["k", "é"])).to_owned(),
                value: self.name(75),
                seq: self.rng.below(4) as u64,
            },
            Type::ExtensionsCleared => Fact::ExtensionsCleared { target, seq: self.rng.below(3) as u64 },
            Type::MessagePinned => Fact::MessagePinned { target, on: self.rng.percent(65) },
            Type::Sent => Fact::MessageSent {
                target,
                sent_at: self.instant(),
                seq: (group || self.rng.percent(30)).then(|| self.seq(1)),
                members: (group && self.rng.percent(40)).then(|| self.rng.below(6) as u64),
            },
            Type::Failed => Fact::MessageFailed { target, reason: self.name(50) },
            Type::MessagesDeleted => Fact::MessagesDeleted { targets: self.targets() },
            Type::MarkedUnread => Fact::MarkedUnreadFrom { target },
            Type::MessagesRead => Fact::MessagesRead { targets: self.targets(), on: self.rng.percent(70) },
            Type::Membership => self.membership(),
            _ => self.personal_fact(kind, group),
        }
    }

    fn personal_fact(&mut self, kind: Type, group: bool) -> Fact {
        match kind {
            Type::Cleared => Fact::HistoryCleared { through: self.watermark(group), also: self.also() },
            Type::Pinned => Fact::Pinned { on: self.rng.percent(65) },
            Type::Draft => Fact::DraftSet {
                text: self.rng.percent(80).then(|| (*self.rng.pick(&TEXTS)).to_owned()),
                replaces: (!self.events.is_empty() && self.rng.percent(40))
                    .then(|| self.rng.pick(&self.events).id()),
            },
            Type::Mark => Fact::MarkSet {
                mark: Mark::from_bits(*self.rng.pick(&[1, 2, 4, 8, 1 << 5, 1 << 32, 1 << 63])).unwrap(),
                on: self.rng.percent(65),
            },
            Type::CustomData => Fact::CustomDataSet { data: self.rng.pick(&BYTES).to_vec() },
            Type::ReceiveOption => {
                let all = [
                    ReceiveOption::Receive,
                    ReceiveOption::NotReceive,
                    ReceiveOption::ReceiveNotNotify,
                    ReceiveOption::NotNotifyExceptAt,
                    ReceiveOption::NotReceiveExceptAt,
                ];
                let option = *self.rng.pick(&all);
                let ends = option != ReceiveOption::Receive && self.rng.percent(40);
                Fact::ReceiveOptionSet { option, until: ends.then(|| self.instant()) }
            }
            Type::FolderMember => {
                Fact::FolderMemberSet { folder: folder_id(self.rng.below(3)), on: self.rng.percent(75) }
            }
            Type::Deleted => Fact::Deleted {
                through: self.watermark(group),
                keep_messages: self.rng.percent(35),
                also: self.also(),
            },
            Type::Archived => Fact::Archived { on: self.rng.percent(75), stay: self.rng.percent(30) },
            Type::Reported => Fact::UnreadReported(Box::new(self.report(group))),
            Type::Complete => {
                let ends = [self.watermark(group), self.watermark(group)];
                let [from, through] = [ends.iter().min(), ends.iter().max()].map(|end| *end.unwrap());
                match (from.first_field() + through.first_field()) % 6 {
                    1 => Fact::HistoryWindow { after: from, through: None },
                    2 => Fact::HistoryWindow { after: from, through: Some(through) },
                    _ => Fact::HistoryComplete { from, through },
                }
            }
            _ => Fact::Read { through: self.through(group) },
        }
    }
}
