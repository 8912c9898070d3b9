//! The notation of the rule tests: a log as readable lines.
//!
//! ```text
//! policy own_message_reads
//! 10 bob in group_dev: received m1 #3 'Lunch?' @me
//! 10.250~b bob in group_dev: recalled m1 'oops'
//! 13 me in group_dev: read #3
//! 14 me: folder work 'Work'
//! ```
//!
//! A line is a time in seconds since 1970, the actor, the conversation where there is one, what happened, and its
//! arguments. The inbox is the one of `me`. Ids are their own names in ASCII, so they sort as they read; an event
//! without a name after its time is named by the number of its line, which sorts before every letter.

use std::collections::VecDeque;

use chatfold::event::{
    AccountFact, Body, Edit, Fact, GroupType, Mark, Membership, Mentions, MessageKind, QuietHours,
    ReceiveOption, ReportedMention, ReportedMentions, Through, UnreadReport, Watermark,
};
use chatfold::{
    ConversationId, Envelope, Event, EventId, FolderId, GroupId, Message, MessageId, Policy, Timestamp,
    UserId,
};

/// Whose inbox every case is about.
pub const OWNER: &str = "me";

/// A log as the notation gives it.
pub struct Given {
    pub policy: Policy,
    pub events: Vec<Event>,
}

/// Reads a log in the notation.
pub fn given(text: &str) -> Given {
    let mut given = Given { policy: Policy::default(), events: Vec::new() };
    for (number, line) in lines(text).enumerate() {
        match line.strip_prefix("policy ") {
            Some(names) => given.policy = policy(names),
            None => given.events.push(event(line, &format!("{:04}", number + 1))),
        }
    }
    given
}

/// The lines that say something: neither blank nor a comment.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// The words of a line: split at blanks outside of quotes and brackets.
pub fn words(line: &str) -> VecDeque<String> {
    let (mut words, mut word) = (VecDeque::new(), String::new());
    let (mut quoted, mut depth) = (false, 0);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            _ => {}
        }
        if c == ' ' && !quoted && depth == 0 {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
        } else {
            word.push(c);
        }
    }
    assert!(!quoted && depth == 0, "a quote or bracket is left open: {line}");
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// The 16 bytes of a name.
fn bytes(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    assert!(name.is_ascii() && (1..=16).contains(&name.len()), "an id is 1 to 16 ASCII characters: {name:?}");
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

/// The name of 16 bytes.
pub fn name(bytes: &[u8; 16]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()
}

/// The message of this name.
pub fn message_id(name: &str) -> MessageId {
    MessageId::from_bytes(bytes(name))
}

/// The event of this name.
pub fn event_id(name: &str) -> EventId {
    EventId::from_bytes(bytes(name))
}

/// The folder of this name.
pub fn folder_id(name: &str) -> FolderId {
    FolderId::from_bytes(bytes(name))
}

pub fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub fn conversation(id: &str) -> ConversationId {
    id.parse().unwrap_or_else(|error| panic!("{id}: {error}"))
}

/// A time in seconds since 1970, with or without milliseconds.
pub fn time(seconds: &str) -> Timestamp {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "000"));
    assert_eq!(part.len(), 3, "three decimals or none: {seconds}");
    let number = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("not a time: {seconds}"));
    Timestamp::from_millis(number(whole) * 1000 + number(part)).unwrap()
}

fn policy(names: &str) -> Policy {
    let mut policy = Policy::default();
    for name in names.split(' ') {
        match name {
            "meeting_unread" => policy.meeting_unread = true,
            "own_message_reads" => policy.own_message_reads = true,
            _ => panic!("no such policy: {name}"),
        }
    }
    policy
}

/// Reads one line of a log; `fallback` names the event if the line does not.
fn event(line: &str, fallback: &str) -> Event {
    let (head, tail) = line.split_once(": ").or(line.split_once(':')).expect(line);
    let head = words(head);
    let (at, name) = head[0].split_once('~').unwrap_or((&head[0], fallback));
    let envelope = Envelope::new(event_id(name), time(at), user(&head[1]));
    let mut args = Args { line, words: words(tail) };
    let body = match head.iter().skip(2).map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Body::Account(account_fact(&mut args)),
        ["in", id] => Body::Conversation(conversation(id), fact(&mut args)),
        _ => panic!("expected `time actor [in conversation]: …`: {line}"),
    };
    assert!(args.words.is_empty(), "left over: {:?} in {line}", args.words);
    Event::new(envelope, body).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// What stands after the colon.
struct Args<'a> {
    line: &'a str,
    words: VecDeque<String>,
}

impl Args<'_> {
    fn next(&mut self) -> String {
        self.words.pop_front().unwrap_or_else(|| panic!("a word is missing: {}", self.line))
    }

    fn message(&mut self) -> MessageId {
        message_id(&self.next())
    }

    fn messages(&mut self) -> Vec<MessageId> {
        self.words.drain(..).map(|name| message_id(&name)).collect()
    }

    /// The next word without its quotes, if it has them.
    fn text(&mut self) -> Option<String> {
        self.next_if(|word| word.starts_with('\'')).map(|word| unquoted(&word))
    }

    fn next_if(&mut self, fits: impl Fn(&str) -> bool) -> Option<String> {
        self.words.front().is_some_and(|word| fits(word)).then(|| self.next())
    }

    /// The value of `key=value`, wherever it stands.
    fn value(&mut self, key: &str) -> Option<String> {
        let at =
            self.words.iter().position(|word| word.split('=').next() == Some(key) && word.contains('='))?;
        let word = self.words.remove(at)?;
        word.split_once('=').map(|(_, value)| unquoted(value))
    }

    /// The names of `key=[a b]`, wherever it stands.
    fn named(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.value(key)?;
        let names = value.trim_matches(['[', ']']).split(' ').filter(|name| !name.is_empty());
        Some(names.map(str::to_owned).collect())
    }

    fn number(&mut self) -> u64 {
        let word = self.next();
        word.trim_start_matches('#').parse().unwrap_or_else(|_| panic!("not a number, {word}: {}", self.line))
    }

    fn watermark(&mut self) -> Watermark {
        let word = self.next();
        watermark(&word).unwrap_or_else(|| panic!("not a watermark, {word}: {}", self.line))
    }

    fn through(&mut self) -> Through {
        let word = self.next();
        watermark(&word).map_or_else(|| Through::Message(message_id(&word)), Through::Watermark)
    }
}

fn watermark(word: &str) -> Option<Watermark> {
    match word.strip_prefix('#') {
        Some(seq) => Some(Watermark::Seq(seq.parse().ok()?)),
        None if word.starts_with(|c: char| c.is_ascii_digit()) => Some(Watermark::Time(time(word))),
        None => None,
    }
}

fn unquoted(word: &str) -> String {
    word.trim_matches('\'').to_owned()
}

fn group_type(name: &str) -> GroupType {
    match name {
        "work" => GroupType::Work,
        "public" => GroupType::Public,
        "meeting" => GroupType::Meeting,
        "avchatroom" => GroupType::AvChatRoom,
        "community" => GroupType::Community,
        _ => panic!("no such group type: {name}"),
    }
}

fn receive_option(name: &str) -> ReceiveOption {
    match name {
        "receive" => ReceiveOption::Receive,
        "not_receive" => ReceiveOption::NotReceive,
        "receive_not_notify" => ReceiveOption::ReceiveNotNotify,
        "not_notify_except_at" => ReceiveOption::NotNotifyExceptAt,
        "not_receive_except_at" => ReceiveOption::NotReceiveExceptAt,
        _ => panic!("no such receive option: {name}"),
    }
}

fn membership(name: &str) -> Membership {
    match name {
        "joined" => Membership::Joined,
        "invited" => Membership::Invited,
        "left" => Membership::Left,
        "removed" => Membership::Removed,
        _ => panic!("no such membership: {name}"),
    }
}

/// What happened to a conversation.
fn fact(args: &mut Args<'_>) -> Fact {
    let verb = args.next();
    match verb.as_str() {
        "opened" => Fact::Opened { group_type: args.words.pop_front().map(|name| group_type(&name)) },
        "peer-read" => Fact::PeerRead { through: args.through() },
        "cleared" => {
            let also = args.named("also").unwrap_or_default();
            Fact::HistoryCleared {
                through: args.watermark(),
                also: also.iter().map(|m| message_id(m)).collect(),
            }
        }
        "read" => Fact::Read { through: args.through() },
        "unread-from" => Fact::MarkedUnreadFrom { target: args.message() },
        "pinned" => Fact::Pinned { on: true },
        "unpinned" => Fact::Pinned { on: false },
        "draft" => {
            let replaces = args.value("replaces").map(|name| event_id(&name));
            Fact::DraftSet { text: args.text(), replaces }
        }
        "marked" => Fact::MarkSet { mark: Mark::from_bits(args.number()).unwrap(), on: true },
        "unmarked" => Fact::MarkSet { mark: Mark::from_bits(args.number()).unwrap(), on: false },
        "data" => Fact::CustomDataSet { data: args.text().unwrap().into_bytes() },
        "option" => {
            let until = args.value("until").map(|at| time(&at));
            Fact::ReceiveOptionSet { option: receive_option(&args.next()), until }
        }
        "reported" => Fact::UnreadReported(Box::new(report(args))),
        "complete" => Fact::HistoryComplete { from: args.watermark(), through: args.watermark() },
        "window" => Fact::HistoryWindow { after: args.watermark(), through: None },
        "archived" => Fact::Archived { on: true, stay: args.next_if(|word| word == "stay").is_some() },
        "unarchived" => Fact::Archived { on: false, stay: false },
        "dissolved" => Fact::MembershipSet { state: Membership::Dissolved, user: None },
        "member" => {
            let state = membership(&args.next());
            Fact::MembershipSet { state, user: Some(user(&args.next())) }
        }
        "filed" => Fact::FolderMemberSet { folder: folder_id(&args.next()), on: true },
        "unfiled" => Fact::FolderMemberSet { folder: folder_id(&args.next()), on: false },
        "removed" => {
            let also = args.named("also").unwrap_or_default();
            let through = args.watermark();
            let keep_messages = args.next_if(|word| word == "keep").is_some();
            Fact::Deleted { through, keep_messages, also: also.iter().map(|m| message_id(m)).collect() }
        }
        _ => message_fact(&verb, args),
    }
}

/// A report: `#40 37`, then in any order `read=#3`, `at-least`, `mentions=2` or `mentions=[12:1 13:3]`, `active=9`.
fn report(args: &mut Args<'_>) -> UnreadReport {
    let read = args
        .value("read")
        .map(|word| watermark(&word).map_or_else(|| Through::Message(message_id(&word)), Through::Watermark));
    let active_at = args.value("active").map(|at| time(&at));
    let listed = |word: &str| {
        let (seq, at_type) = word.split_once(':').unwrap();
        ReportedMention { seq: seq.parse().unwrap(), at_type: at_type.parse().unwrap() }
    };
    let mentions = args.value("mentions").map(|value| match value.strip_prefix('[') {
        Some(list) => {
            let words = list.trim_end_matches(']').split(' ').filter(|word| !word.is_empty());
            ReportedMentions::At(words.map(listed).collect())
        }
        None => ReportedMentions::Count(value.parse().unwrap()),
    });
    let (through, unread) = (args.watermark(), args.number());
    let at_least = args.next_if(|word| word == "at-least").is_some();
    UnreadReport { through, unread, read, at_least, mentions, active_at }
}

/// What happened to messages.
fn message_fact(verb: &str, args: &mut Args<'_>) -> Fact {
    match verb {
        "received" => Fact::MessageReceived(Box::new(message(args))),
        "queued" => Fact::MessageQueued(Box::new(message(args))),
        "imported" => {
            let sender = args.value("from").map(|name| user(&name));
            Fact::MessageImported { sender, message: Box::new(message(args)) }
        }
        "sent" => {
            let members = args.value("members").map(|members| members.parse().unwrap());
            let target = args.message();
            let sent_at = time(&args.next());
            Fact::MessageSent {
                target,
                sent_at,
                seq: (!args.words.is_empty()).then(|| args.number()),
                members,
            }
        }
        "failed" => Fact::MessageFailed { target: args.message(), reason: args.text() },
        "edited" => {
            let bytes = |value: Option<String>| value.map(String::into_bytes);
            let (custom, cloud_custom) = (bytes(args.value("custom")), bytes(args.value("cloud")));
            let mentions = args.named("mentions").map(|names| Mentions {
                all: names.iter().any(|name| name == "all"),
                users: names.iter().filter(|name| *name != "all").map(|name| user(name)).collect(),
            });
            let target = args.message();
            let version = args.next().trim_start_matches('v').parse().unwrap();
            Fact::MessageModified {
                target,
                edit: Edit { version, text: args.text(), custom, cloud_custom, mentions },
            }
        }
        "recalled" => Fact::MessageRecalled { target: args.message(), reason: args.text() },
        "saw" => Fact::MessageReadBy { targets: args.messages() },
        "deleted" => Fact::MessagesDeleted { targets: args.messages() },
        "read-by-name" => Fact::MessagesRead { targets: args.messages(), on: true },
        "unread-by-name" => Fact::MessagesRead { targets: args.messages(), on: false },
        "reacted" => Fact::ReactionSet { target: args.message(), reaction: args.next(), on: true },
        "unreacted" => Fact::ReactionSet { target: args.message(), reaction: args.next(), on: false },
        "extended" => {
            let (target, key) = (args.message(), args.next());
            Fact::ExtensionSet { target, key, value: args.text(), seq: args.number() }
        }
        "extensions-cleared" => Fact::ExtensionsCleared { target: args.message(), seq: args.number() },
        "message-pinned" => Fact::MessagePinned { target: args.message(), on: true },
        "message-unpinned" => Fact::MessagePinned { target: args.message(), on: false },
        _ => panic!("no such thing happens to a conversation: {}", args.line),
    }
}

/// A message: its name, then in any order `#seq`, `'text'`, `@user`, `@all`, `to=[bob carol]`, `re=m1`, flags and
/// a kind.
fn message(args: &mut Args<'_>) -> Message {
    let bytes = |value: Option<String>| value.map(String::into_bytes);
    let mut message = Message::new(args.message());
    message.custom = bytes(args.value("custom"));
    message.cloud_custom = bytes(args.value("cloud"));
    message.reply_to = args.value("re").map(|name| message_id(&name));
    message.members = args.value("members").map(|members| members.parse().unwrap());
    let recipients = args.value("to").unwrap_or_default();
    let recipients = recipients.trim_matches(['[', ']']).split(' ');
    message.recipients = recipients.filter(|name| !name.is_empty()).map(user).collect();
    while let Some(word) = args.words.pop_front() {
        match word.as_str() {
            "@all" => message.mentions.all = true,
            "online_only" => message.online_only = true,
            "no_unread" => message.excluded_from_unread = true,
            "no_last" => message.excluded_from_last = true,
            "receipt" => message.need_receipt = true,
            "extendable" => message.supports_extensions = true,
            "image" => message.kind = MessageKind::Image,
            "tips" => message.kind = MessageKind::GroupTips,
            word => match (word.strip_prefix('@'), word.strip_prefix('#')) {
                (Some(name), _) => message.mentions.users.push(user(name)),
                (_, Some(seq)) => message.seq = Some(seq.parse().unwrap()),
                _ if word.starts_with('\'') => message.text = Some(unquoted(word)),
                _ => panic!("a message has no {word}: {}", args.line),
            },
        }
    }
    message
}

/// What happened to the account.
fn account_fact(args: &mut Args<'_>) -> AccountFact {
    match args.next().as_str() {
        "user" => {
            let (nickname, remark) = (args.value("nickname"), args.value("remark"));
            let face_url = args.value("face");
            AccountFact::UserProfileChanged { user: user(&args.next()), nickname, remark, face_url }
        }
        "group" => {
            let (name, face_url) = (args.value("name"), args.value("face"));
            let group_type = args.value("type").map(|name| group_type(&name));
            let group = GroupId::parse(&args.next()).unwrap();
            AccountFact::GroupProfileChanged { group, name, face_url, group_type }
        }
        "folder" => {
            AccountFact::FolderCreated { folder: folder_id(&args.next()), name: args.text().unwrap() }
        }
        "folder-renamed" => {
            AccountFact::FolderRenamed { folder: folder_id(&args.next()), name: args.text().unwrap() }
        }
        "folder-deleted" => AccountFact::FolderDeleted { folder: folder_id(&args.next()) },
        "quiet" => {
            let start = (!args.words.is_empty()).then(|| time(&args.next()));
            let hours = start.map(|start| QuietHours::Once { start, duration_s: args.number() });
            AccountFact::QuietHoursSet { hours }
        }
        _ => panic!("no such thing happens to an account: {}", args.line),
    }
}
