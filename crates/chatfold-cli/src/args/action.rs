//! What `do` can be told to do.

use std::path::PathBuf;

use chatfold::command::Role;
use chatfold::event::{Mark, MessageKind, ReceiveOption};
use chatfold::{Context, Timestamp, UserId};
use clap::{Args, Subcommand, ValueEnum};

use super::common::{parse_mark, parse_owner};
use crate::failure::Failure;
use crate::instant::Span;

pub const DO_EXAMPLES: &str = "\
Examples:
  chatfold do my.jsonl --as alice pin group_dev          made if it is not there
  chatfold do my.jsonl send group_dev \"hello\"
  chatfold do my.jsonl read c2c_bob
  chatfold do my.jsonl recall group_dev last \"wrong chat\" --role admin
  chatfold do my.jsonl folder create Work group_dev c2c_bob
  chatfold do my.jsonl draft Bob \"See you\" --dry-run
  chatfold do my.jsonl send --new c2c_carol \"hello\"
  chatfold do my.jsonl archive group_dev --stay
  chatfold do my.jsonl mute c2c_bob --until 2026-03-01T17:00
  chatfold do my.jsonl import c2c_bob \"Lunch?\" --sender bob --time 2026-02-01T12:00

What is decided is appended to the log in one write and synced; the log is locked meanwhile. A last line that \
a crash tore is reported and moved to LOG.torn. CONVERSATION is an id (c2c_bob, group_dev), or the user id, \
group id or shown name of exactly one conversation; one that the log does not know is made only with --new, \
by its id, or where the log knows none at all. MESSAGE is a message id, or the word last for the last \
message shown. The clock and chance are read for every command, unless --now and --seed say otherwise.

Exit codes: 0 done, also where nothing was left to do; 1 the log has faults; 2 usage; 3 refused; 4 input or \
output failed.";

/// Options of `do`.
#[derive(Debug, Args)]
pub struct DoArgs {
    /// The log: a plain file
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// Make the log for this owner if it is not there
    #[arg(long = "as", value_name = "OWNER", value_parser = parse_owner, global = true)]
    pub owner: Option<UserId>,
    /// Make a conversation that the log does not know
    #[arg(long = "new", global = true)]
    pub make: bool,
    /// Your role in the group
    #[arg(long, value_enum, value_name = "ROLE", default_value_t = RoleFlag::Member, global = true)]
    pub role: RoleFlag,
    /// Act at TIME; of a date, minute or second, at its end, as --at [default: the clock]
    #[arg(long, value_name = "TIME", value_parser = Span::parse_or_now, global = true)]
    pub now: Option<Span>,
    /// Derive fresh ids from these 16 bytes, written as 32 hexadecimal digits [default: chance]
    #[arg(long, value_name = "HEX", value_parser = parse_seed, global = true)]
    pub seed: Option<[u8; 16]>,
    /// The seqs of groups are instants in milliseconds: one ahead of the clock is named, and nothing reaches up to it
    #[arg(long, global = true)]
    pub seqs_are_instants: bool,
    /// Say what would be appended, and append nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Write the events as lines of JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub wish: Wish,
}

/// A role in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleFlag {
    /// Any member
    Member,
    /// An admin
    Admin,
    /// The group's owner
    Owner,
}

impl From<RoleFlag> for Role {
    fn from(role: RoleFlag) -> Self {
        match role {
            RoleFlag::Member => Self::Member,
            RoleFlag::Admin => Self::Admin,
            RoleFlag::Owner => Self::Owner,
        }
    }
}

/// A conversation and a message in it.
#[derive(Debug, Args)]
pub struct Target {
    /// The conversation
    pub conversation: String,
    /// The message: its id, or last
    pub message: String,
}

/// What can be wished for.
#[derive(Debug, Subcommand)]
pub enum Wish {
    /// Put a conversation into the list
    Open { conversation: String },
    /// Queue a message for sending
    Send(SendArgs),
    /// Send copies of messages, or with --merged one bundle of them
    Forward {
        from: String,
        to: String,
        #[arg(required = true)]
        messages: Vec<String>,
        /// Send one bundle with this text for a preview
        #[arg(long, value_name = "TEXT")]
        merged: Option<String>,
    },
    /// Note that the server took a queued message
    Sent {
        #[command(flatten)]
        target: Target,
        /// The server's number for it, required in a group
        #[arg(long)]
        seq: Option<u64>,
        /// The server's time for it [default: now]
        #[arg(long, value_name = "TIME", value_parser = Span::parse)]
        sent_at: Option<Span>,
        /// The group's size
        #[arg(long)]
        members: Option<u64>,
    },
    /// Note that a queued message could not be sent
    Fail {
        #[command(flatten)]
        target: Target,
        reason: Option<String>,
    },
    /// Queue a failed message again
    Retry {
        #[command(flatten)]
        target: Target,
    },
    /// Put a message into the local history
    Import {
        conversation: String,
        text: String,
        /// Who wrote it [default: you]
        #[arg(long, value_name = "USER", value_parser = parse_owner)]
        sender: Option<UserId>,
        #[command(flatten)]
        about: MessageArgs,
    },
    /// Edit the text of a message
    Modify {
        #[command(flatten)]
        target: Target,
        text: String,
        /// The version the edit makes [default: the next]
        #[arg(long)]
        version: Option<u64>,
        /// Mention this user and nobody else; may be given more than once
        #[arg(long, value_name = "USER", value_parser = parse_owner)]
        mention: Vec<UserId>,
        /// Mention everybody
        #[arg(long)]
        mention_all: bool,
        /// Mention nobody any more
        #[arg(long, conflicts_with_all = ["mention", "mention_all"])]
        mention_nobody: bool,
    },
    /// Recall a message
    Recall {
        #[command(flatten)]
        target: Target,
        reason: Option<String>,
    },
    /// Delete messages of a conversation
    DeleteMessages {
        conversation: String,
        #[arg(required = true)]
        messages: Vec<String>,
    },
    /// Clear the history of a conversation
    Clear { conversation: String },
    /// Read a conversation, to its newest message or up to one
    Read { conversation: String, message: Option<String> },
    /// Read all conversations of a kind
    ReadAll {
        #[arg(value_enum, default_value_t = ScopeFlag::Everything)]
        scope: ScopeFlag,
    },
    /// Read messages one by one, wherever the read marker stands
    ReadMessages {
        conversation: String,
        #[arg(required = true)]
        messages: Vec<String>,
    },
    /// Take back that messages were read one by one
    UnreadMessages {
        conversation: String,
        #[arg(required = true)]
        messages: Vec<String>,
    },
    /// Make a message and what follows it unread again
    Unread {
        #[command(flatten)]
        target: Target,
    },
    /// Pin a conversation
    Pin { conversation: String },
    /// Unpin a conversation
    Unpin { conversation: String },
    /// Set the draft; an empty text clears it
    Draft { conversation: String, text: String },
    /// Mark conversations: star, unread, fold, hide, or 1<<N with N from 32 to 63
    Mark {
        #[arg(value_parser = parse_mark)]
        mark: Mark,
        #[arg(required = true)]
        conversations: Vec<String>,
    },
    /// Take a mark from conversations
    Unmark {
        #[arg(value_parser = parse_mark)]
        mark: Mark,
        #[arg(required = true)]
        conversations: Vec<String>,
    },
    /// Set the custom data of conversations; an empty text clears it
    Data {
        text: String,
        #[arg(required = true)]
        conversations: Vec<String>,
    },
    /// Set how you want to be told of the messages of conversations
    #[command(name = "option")]
    ReceiveOption {
        #[arg(value_enum)]
        option: OptionFlag,
        #[arg(required = true)]
        conversations: Vec<String>,
        /// When it is to end; of a date, minute or second, at its end
        #[arg(long, value_name = "TIME", value_parser = Span::parse)]
        until: Option<Span>,
    },
    /// Be told of no messages of conversations (not_receive); option receive ends it
    Mute {
        #[arg(required = true)]
        conversations: Vec<String>,
        /// When it is to end; of a date, minute or second, at its end
        #[arg(long, value_name = "TIME", value_parser = Span::parse)]
        until: Option<Span>,
    },
    /// End the receive options that were to end by now
    EndTimed,
    /// Put conversations into the archive, until a message comes
    Archive {
        #[arg(required = true)]
        conversations: Vec<String>,
        /// New messages leave them there
        #[arg(long)]
        stay: bool,
    },
    /// Take conversations out of the archive
    Unarchive {
        #[arg(required = true)]
        conversations: Vec<String>,
    },
    /// Set the quiet hours
    #[command(subcommand)]
    Quiet(QuietWish),
    /// Create, rename, delete or fill a folder; FOLDER is its name or id
    #[command(subcommand)]
    Folder(FolderWish),
    /// Delete conversations from the list
    Delete {
        #[arg(required = true)]
        conversations: Vec<String>,
        /// Keep their messages in the history
        #[arg(long)]
        keep_messages: bool,
    },
    /// Put a reaction on a message
    React {
        #[command(flatten)]
        target: Target,
        reaction: String,
    },
    /// Take a reaction away
    Unreact {
        #[command(flatten)]
        target: Target,
        reaction: String,
    },
    /// Set an extension of a message; without VALUE, delete it
    Extend {
        #[command(flatten)]
        target: Target,
        key: String,
        value: Option<String>,
        /// The number of the write that you saw [default: the latest]
        #[arg(long)]
        seen: Option<u64>,
    },
    /// Clear all extensions of a message
    ClearExtensions {
        #[command(flatten)]
        target: Target,
    },
    /// Pin a message in its group
    PinMessage {
        #[command(flatten)]
        target: Target,
    },
    /// Unpin a message
    UnpinMessage {
        #[command(flatten)]
        target: Target,
    },
    /// Tell the authors of messages of a group that you have read them
    Receipt {
        conversation: String,
        #[arg(required = true)]
        messages: Vec<String>,
    },
    /// Give a user a name of your own; an empty one takes it away
    Remark {
        #[arg(value_parser = parse_owner)]
        user: UserId,
        name: String,
    },
}

impl DoArgs {
    /// Who does it, when, and by which chance.
    pub fn context(&self, owner: UserId, now: Timestamp, seed: [u8; 16]) -> Context {
        let context = Context::new(owner, self.role.into(), now, seed);
        if self.seqs_are_instants { context.with_seqs_as_instants() } else { context }
    }

    /// When it is done: at `clock` unless --now says otherwise, a message of another time at its own.
    pub fn instant(&self, clock: impl FnOnce() -> Result<Timestamp, Failure>) -> Result<Timestamp, Failure> {
        let about = match &self.wish {
            Wish::Send(args) => Some(&args.about),
            Wish::Import { about, .. } => Some(about),
            _ => None,
        };
        match (about.and_then(|about| about.written), self.now) {
            (Some(written), _) => Ok(written.from),
            (None, Some(now)) => Ok(now.to),
            (None, None) => clock(),
        }
    }
}

/// What is sent.
#[derive(Debug, Args)]
pub struct SendArgs {
    pub conversation: String,
    pub text: String,
    /// The message's id, by which sending it twice is sending it once [default: a fresh one]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Mention this user; may be given more than once
    #[arg(long, value_name = "USER", value_parser = parse_owner)]
    pub mention: Vec<UserId>,
    /// Mention everybody
    #[arg(long)]
    pub mention_all: bool,
    /// Only for this user; may be given more than once
    #[arg(long, value_name = "USER", value_parser = parse_owner)]
    pub to: Vec<UserId>,
    /// Answer this message
    #[arg(long, value_name = "MESSAGE")]
    pub reply_to: Option<String>,
    /// Only for those online
    #[arg(long)]
    pub online_only: bool,
    /// Ask for receipts
    #[arg(long)]
    pub need_receipt: bool,
    /// Let extensions be set on it
    #[arg(long)]
    pub extensible: bool,
    #[command(flatten)]
    pub about: MessageArgs,
}

/// When a message was written, what it is and where it counts.
#[derive(Debug, Args)]
pub struct MessageArgs {
    /// When it was written; a date, minute or second means its beginning. Where it could not be seen there (what was
    /// cleared away, for send also what came later), it gets the next instant at which it can [default: now]
    #[arg(long = "time", value_name = "TIME", value_parser = Span::parse)]
    pub written: Option<Span>,
    /// What it is
    #[arg(long, value_enum, value_name = "KIND", default_value_t = MessageKindFlag::Text)]
    pub kind: MessageKindFlag,
    /// It never counts as unread
    #[arg(long)]
    pub exclude_from_unread: bool,
    /// It neither shows as last message nor moves the conversation
    #[arg(long)]
    pub exclude_from_last: bool,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum MessageKindFlag {
    Text,
    Custom,
    Image,
    Sound,
    Video,
    File,
    Location,
    Face,
    GroupTips,
    Merger,
}

impl From<MessageKindFlag> for MessageKind {
    fn from(kind: MessageKindFlag) -> Self {
        match kind {
            MessageKindFlag::Text => Self::Text,
            MessageKindFlag::Custom => Self::Custom,
            MessageKindFlag::Image => Self::Image,
            MessageKindFlag::Sound => Self::Sound,
            MessageKindFlag::Video => Self::Video,
            MessageKindFlag::File => Self::File,
            MessageKindFlag::Location => Self::Location,
            MessageKindFlag::Face => Self::Face,
            MessageKindFlag::GroupTips => Self::GroupTips,
            MessageKindFlag::Merger => Self::Merger,
        }
    }
}

/// Which conversations are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScopeFlag {
    /// All direct chats
    Direct,
    /// All groups
    Groups,
    /// Everything
    Everything,
}

/// How to be told of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum OptionFlag {
    Receive,
    NotReceive,
    ReceiveNotNotify,
    NotNotifyExceptAt,
    NotReceiveExceptAt,
}

impl From<OptionFlag> for ReceiveOption {
    fn from(option: OptionFlag) -> Self {
        match option {
            OptionFlag::Receive => Self::Receive,
            OptionFlag::NotReceive => Self::NotReceive,
            OptionFlag::ReceiveNotNotify => Self::ReceiveNotNotify,
            OptionFlag::NotNotifyExceptAt => Self::NotNotifyExceptAt,
            OptionFlag::NotReceiveExceptAt => Self::NotReceiveExceptAt,
        }
    }
}

/// Quiet hours.
#[derive(Debug, Subcommand)]
pub enum QuietWish {
    /// Be notified at any hour
    Off,
    /// A window every day, which may cross midnight
    Daily {
        /// When it begins, such as 22:00 or 22:00:00
        #[arg(value_parser = parse_time_of_day)]
        start: u32,
        /// How many minutes it lasts
        minutes: u32,
        /// Minutes east of Greenwich that your clock is
        #[arg(long, value_name = "MINUTES", default_value_t = 0, allow_negative_numbers = true)]
        utc_offset: i32,
    },
    /// One window
    Once {
        /// When it begins
        #[arg(value_parser = Span::parse_or_now)]
        start: Span,
        /// How many minutes it lasts
        minutes: u32,
    },
}

/// What can be done to folders.
#[derive(Debug, Subcommand)]
pub enum FolderWish {
    /// Create a folder and put conversations into it
    Create { name: String, conversations: Vec<String> },
    /// Rename a folder
    Rename { folder: String, name: String },
    /// Delete a folder; its conversations stay
    Delete { folder: String },
    /// Put conversations into a folder
    Add {
        folder: String,
        #[arg(required = true)]
        conversations: Vec<String>,
    },
    /// Take conversations out of a folder
    Remove {
        folder: String,
        #[arg(required = true)]
        conversations: Vec<String>,
    },
}

fn parse_seed(text: &str) -> Result<[u8; 16], String> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    number.map(u128::to_be_bytes).ok_or_else(|| "expected 32 hexadecimal digits".to_owned())
}

fn parse_time_of_day(text: &str) -> Result<u32, String> {
    use chrono::Timelike as _;
    let time =
        ["%H:%M:%S", "%H:%M"].iter().find_map(|form| chrono::NaiveTime::parse_from_str(text, form).ok());
    time.map(|time| time.num_seconds_from_midnight())
        .ok_or_else(|| "expected a time such as 22:00".to_owned())
}
