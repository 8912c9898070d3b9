//! Random commands over the pools that random histories draw from, so that they meet what is there.

use chatfold::command::{ExtensionWrite, Limits, ReadScope, ReadUpTo, Replaces, Role};
use chatfold::event::{Edit, GroupType, Mark, QuietHours, ReceiveOption, Watermark};
use chatfold::view::MessageStatus;
use chatfold::{
    Command, Context, ConversationId, Event, Inbox, Message, MessageId, MessageView, Timestamp, UserId,
};

use crate::histories::{Rng, conversation_ids, folder_id, message_id};

const TEXTS: [&str; 4] = ["", "hi", "lunch?", "好的 👍"];

pub struct Commander<'a> {
    pub rng: Rng,
    conversations: Vec<ConversationId>,
    events: &'a [Event],
}

/// The command's name.
pub fn name(command: &Command) -> String {
    format!("{command:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// How many numbers [`Commander::command`] draws from: one names two commands, two name one.
const KINDS: usize = 36;
/// How many commands there are.
pub const NAMES: usize = 36;

impl<'a> Commander<'a> {
    pub fn new(seed: u64, events: &'a [Event]) -> Self {
        let mut conversations: Vec<_> = events.iter().filter_map(Event::conversation).cloned().collect();
        conversations.sort();
        conversations.dedup();
        if conversations.is_empty() {
            conversations = conversation_ids();
        }
        Self { rng: Rng::new(seed ^ 0xc0_ffee), conversations, events }
    }

    /// A context whose clock is slow, right or an hour fast: histories take place in the first half minute. With a slow
    /// one and little tolerance, much of what is there is ahead of it (R66).
    pub fn context(&mut self, owner: &UserId) -> Context {
        let hour = 3_600_000;
        let time = *self.rng.pick(&[0, 4, 9_500, 30_000, hour]);
        self.context_at(owner, time)
    }

    pub fn context_at(&mut self, owner: &UserId, time: i64) -> Context {
        let role = *self.rng.pick(&[Role::Member, Role::Admin, Role::Owner]);
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&self.rng.next().to_le_bytes());
        let context = Context::new(owner.clone(), role, Timestamp::from_millis(time).unwrap(), seed);
        let small = Limits::default()
            .with_pinned_conversations(2)
            .with_folders(3)
            .with_folder_members(2)
            .with_request_conversations(4)
            .with_anyone_modifies(true)
            .with_recall_s(5)
            .with_extensions(2)
            .with_reaction_kinds(1)
            .with_reaction_users(2)
            .with_pinned_messages(2);
        let mut context = if self.rng.percent(30) { context.with_limits(small) } else { context };
        if self.rng.percent(40) {
            context.limits.clock_tolerance_s = *self.rng.pick(&[0, 2]);
        }
        if self.rng.percent(30) { context.with_seqs_as_instants() } else { context }
    }

    fn conversation(&mut self) -> ConversationId {
        if self.rng.percent(4) {
            return "group_never".parse().unwrap();
        }
        self.rng.pick(&self.conversations).clone()
    }

    fn some_conversations(&mut self) -> Vec<ConversationId> {
        (0..1 + self.rng.below(4)).map(|_| self.conversation()).collect()
    }

    fn target(&mut self) -> MessageId {
        message_id(1 + self.rng.below(7))
    }

    fn targets(&mut self, most: usize) -> Vec<MessageId> {
        (0..self.rng.below(most + 1)).map(|_| self.target()).collect()
    }

    /// A message that shows and fits the command, where there is one: others are mostly refused.
    fn seen(&mut self, kind: usize, inbox: &Inbox, conversation: &ConversationId) -> MessageId {
        let target = self.target();
        let first = usize::from(target.as_bytes()[15]);
        let ids = || (0..7).map(|n| message_id(1 + (first + n) % 7));
        let Some(view) = inbox.conversation(conversation) else { return target };
        let fits = |message: &MessageView<'_>| match kind {
            3 | 4 => message.is_own() && message.rank() == 2,
            10 | 11 => message.supports_extensions(),
            31 => message.status() == MessageStatus::Failed,
            32 => message.need_receipt() && !message.is_own(),
            _ => true,
        };
        let shown = || ids().filter_map(|id| view.message(id));
        let fitting = shown().find(fits).or_else(|| shown().next());
        fitting.map_or(target, |message| message.id())
    }

    fn text(&mut self) -> String {
        (*self.rng.pick(&TEXTS)).to_owned()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let texts: [&[u8]; 3] = [b"", b"x", &[0, 255]];
        self.rng.pick(&texts).to_vec()
    }

    fn message(&mut self, fresh: bool) -> Message {
        let id = if fresh { message_id(100 + self.rng.below(1_000_000)) } else { self.target() };
        let mut message = Message::text(id, self.text());
        if self.rng.percent(20) {
            message.mentions.users.push(UserId::parse("bob").unwrap());
        }
        if self.rng.percent(8) {
            message.recipients.push(UserId::parse("bob").unwrap());
        }
        message.online_only = self.rng.percent(4);
        message.excluded_from_last = self.rng.percent(4);
        message
    }

    fn draft_base(&mut self) -> Replaces {
        match self.rng.below(4) {
            0 => Replaces::Nothing,
            1 if !self.events.is_empty() => Replaces::Draft(self.rng.pick(self.events).id()),
            _ => Replaces::Shown,
        }
    }

    fn up_to(&mut self) -> ReadUpTo {
        match self.rng.below(6) {
            0 => ReadUpTo::Message(self.target()),
            1 => ReadUpTo::Position(Watermark::Seq(self.rng.below(12) as u64)),
            2 => {
                let at = Timestamp::from_millis(self.rng.below(22_000) as i64).unwrap();
                ReadUpTo::Position(Watermark::Time(at))
            }
            3 => ReadUpTo::Second(self.rng.below(22) as u64),
            _ => ReadUpTo::Newest,
        }
    }

    pub fn command(&mut self, inbox: &Inbox) -> Command {
        let kind = self.rng.below(KINDS);
        let conversation = self.conversation();
        if let Some(command) = self.about_messages(kind, inbox, &conversation) {
            return command;
        }
        let folder = inbox.folders().first().map_or(folder_id(self.rng.below(4)), |folder| folder.id);
        let on = self.rng.percent(60);
        match kind {
            15 => Command::ClearHistory { conversation },
            16 => Command::MarkRead { conversation, up_to: self.up_to() },
            17 => Command::MarkAllRead {
                scope: *self.rng.pick(&[ReadScope::Direct, ReadScope::Groups, ReadScope::Everything]),
            },
            18 => Command::Pin { conversation, on },
            19 => Command::SetDraft { conversation, text: self.text(), replaces: self.draft_base() },
            20 => {
                let mark = Mark::from_bits(*self.rng.pick(&[1, 2, 4, 8, 1 << 5, 1 << 32, 1 << 63])).unwrap();
                Command::Mark { conversations: self.some_conversations(), mark, on }
            }
            21 => Command::SetCustomData { conversations: self.some_conversations(), data: self.bytes() },
            22 => {
                use ReceiveOption::{NotNotifyExceptAt, NotReceive, Receive};
                let option = *self.rng.pick(&[Receive, NotReceive, NotNotifyExceptAt]);
                let ends = option != Receive && self.rng.percent(50);
                let until = ends.then(|| Timestamp::from_millis(self.rng.below(40_000) as i64).unwrap());
                Command::SetReceiveOption { conversations: self.some_conversations(), option, until }
            }
            23 => {
                let daily = QuietHours::Daily { start_s: 79_200, duration_s: 3_600, utc_offset_s: 7_200 };
                Command::SetQuietHours { hours: Some(daily).filter(|_| on) }
            }
            24 => Command::CreateFolder { name: self.text(), conversations: self.some_conversations() },
            25 => Command::RenameFolder { folder, name: self.text() },
            26 => Command::DeleteFolder { folder },
            27 => Command::AddToFolder { folder, conversations: self.some_conversations() },
            28 => Command::RemoveFromFolder { folder, conversations: self.some_conversations() },
            29 => {
                Command::DeleteConversations { conversations: self.some_conversations(), keep_messages: on }
            }
            30 => Command::SetRemark { user: UserId::parse("bob").unwrap(), remark: self.text() },
            34 => {
                Command::Archive { conversations: self.some_conversations(), on, stay: self.rng.percent(30) }
            }
            35 => Command::EndTimedOptions,
            31 => Command::Retry { message: self.seen(kind, inbox, &conversation), conversation },
            _ => {
                let group = conversation.kind() == chatfold::id::ConversationKind::Group;
                let group_type = (group && self.rng.percent(30)).then_some(GroupType::Work);
                Command::Open { conversation, group_type }
            }
        }
    }

    fn about_messages(
        &mut self,
        kind: usize,
        inbox: &Inbox,
        conversation: &ConversationId,
    ) -> Option<Command> {
        let message = self.seen(kind, inbox, conversation);
        let shown = inbox.conversation(conversation).and_then(|view| view.message(message));
        let (conversation, on, fresh) = (conversation.clone(), self.rng.percent(65), self.rng.percent(70));
        Some(match kind {
            0 | 14 => Command::Send { conversation, message: Box::new(self.message(fresh)) },
            1 => Command::Forward { from: conversation, messages: self.targets(2), to: self.conversation() },
            2 => Command::ForwardMerged {
                from: conversation,
                messages: vec![message],
                to: self.conversation(),
                text: self.text(),
                custom: None,
            },
            3 => Command::Acknowledge {
                seq: on.then(|| 1 + self.rng.below(12) as u64),
                sent_at: Timestamp::from_millis(self.rng.below(22_000) as i64).unwrap(),
                members: None,
                conversation,
                message,
            },
            4 => Command::Fail { conversation, message, reason: None },
            5 => {
                let sender = [None, Some("bob"), Some("carol")][self.rng.below(3)];
                let sender = sender.map(|id| UserId::parse(id).unwrap());
                Command::Import { conversation, sender, message: Box::new(self.message(fresh)) }
            }
            6 => {
                let next = shown.and_then(|message| message.edit_version()).unwrap_or(0) + 1;
                let version = if on { next } else { self.rng.below(5) as u64 };
                let mentions = self.rng.percent(20).then(|| self.message(true).mentions);
                let edit = Edit { version, text: Some(self.text()), mentions, ..Edit::default() };
                Command::Modify { conversation, message, edit }
            }
            7 => Command::Recall { conversation, message, reason: None },
            8 => Command::DeleteMessages { conversation, messages: self.targets(2) },
            9 => Command::React {
                conversation,
                message,
                reaction: (*self.rng.pick(&["+1", "🎉"])).to_owned(),
                on,
            },
            10 => {
                let key = *self.rng.pick(&["k", "é"]);
                let known = shown.into_iter().flat_map(|message| message.extensions());
                let seen = known.filter(|extension| extension.key == key).map(|extension| extension.seq);
                let seen = if self.rng.percent(80) { seen.max() } else { Some(2) };
                let value = self.rng.percent(70).then(|| self.text());
                let write = ExtensionWrite { key: key.to_owned(), value, seen: seen.unwrap_or(0) };
                Command::SetExtensions { conversation, message, extensions: vec![write] }
            }
            11 => Command::ClearExtensions { conversation, message },
            12 => Command::PinMessage { conversation, message, on },
            13 => Command::MarkUnreadFrom { conversation, message },
            33 => {
                let messages = [vec![message], self.targets(2)].concat();
                Command::ReadMessages { conversation, messages, on }
            }
            32 if on => Command::SendReceipts { conversation, messages: vec![message] },
            _ => return None,
        })
    }
}
