//! The command line: every command, option and help text.

mod action;
mod common;
mod devices;
mod files;
mod import;
mod tui;

use std::path::PathBuf;

use self::action::DO_EXAMPLES;
pub use self::action::{DoArgs, FolderWish, MessageArgs, QuietWish, ScopeFlag, SendArgs, Target, Wish};
use self::common::parse_mark;
pub use self::common::{DialectArgs, LogArgs, LookArgs, TimeArgs, TimeStyle};
use self::devices::{CLOUD_EXAMPLES, DIFF_EXAMPLES, MERGE_EXAMPLES};
pub use self::devices::{CloudArgs, DiffArgs, MergeArgs, Plan};
use self::files::{COMPACT_EXAMPLES, CONVERT_EXAMPLES, RECOVER_EXAMPLES, REDACT_EXAMPLES, STORE_EXAMPLES};
pub use self::files::{
    CompactArgs, ConvertArgs, FormFlag, RecoverArgs, RedactArgs, StoreAction, StoreArgs, StoreCheckArgs,
    StoreMigrateArgs, StoreOutboxArgs, StoreTrimArgs, StoreUnarchiveArgs, WriteArgs,
};
use self::import::ADAPTER_EXAMPLES;
pub use self::import::ImportArgs;
#[cfg(feature = "adapters")]
pub use self::import::{AdapterArgs, ImportFrom, PayloadArgs, SystemFlag, V2timArgs};
use self::tui::TUI_EXAMPLES;
pub use self::tui::TuiArgs;

use chatfold::event::{Mark, Membership};
use chatfold::list::MembershipFilter;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::instant::Span;

const EXAMPLES: &str = "\
Examples:
  chatfold inbox team.jsonl                    the conversation list
  chatfold inbox team.jsonl --unread --json    the unread ones, for a program
  chatfold inbox - --at 2026-03-01 < team.jsonl
                                               the list as it stood at the end of that day
  chatfold show team.jsonl group_design        one conversation, and why it stands so
  chatfold check *.jsonl.zst                   are these logs sound, and does order not matter?
  chatfold stats team.jsonl                    what is in the log
  chatfold cloud team.jsonl --now 2026-03-08   what the cloud still holds of it, and why
  chatfold diff phone.jsonl laptop.jsonl       in what two devices differ
  chatfold merge phone.jsonl laptop.jsonl > both.jsonl
                                               the events of both, in one log
  chatfold convert team.jsonl team.chatfold    a third of the size, checked and chained
  chatfold import adapter matrix sync.jsonl --owner @alice:example.org > alice.jsonl
                                               a log of what another system's server said
  chatfold import v2tim callbacks.jsonl --owner alice > alice.jsonl
                                               a log of what V2TIM's listeners were called with
  chatfold tui team.jsonl                      the list in the terminal, through time
  chatfold do my.jsonl --as alice pin group_dev
                                               append what a command decides

A log is a file of JSON Lines: a header that names the owner, then one event a line; or the same in binary \
form (chatfold convert). Which of them it is shows by its content. It may be packed with gzip or zstd, \
whatever its name, and - stands for standard input. An inbox in a store may stand for a log: sqlite:PATH#OWNER \
or postgres://…#OWNER. All times are UTC.

Exit codes: 0 done; 1 the input has faults, or compared things differ; 2 usage; 3 no such conversation \
or folder, or refused; 4 input or output failed.";

/// The conversation list of a chat, folded from a log of events.
#[derive(Debug, Parser)]
#[command(name = "chatfold", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What a packed log may unpack to, in bytes [default: 64 MiB and 100 times its packed length]
    #[arg(long, global = true, value_name = "BYTES", help_heading = "What is read")]
    pub max_unpacked: Option<u64>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the conversation list
    #[command(after_help = INBOX_EXAMPLES)]
    Inbox(InboxArgs),
    /// Print one conversation: its attributes, its last messages, and why each value is what it is
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// Validate logs, and fold them in many orders to see that the result is the same
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Count what is in a log
    #[command(after_help = STATS_EXAMPLES)]
    Stats(StatsArgs),
    /// Print what the cloud still holds of an inbox, and what it evicted and why
    #[command(after_help = CLOUD_EXAMPLES)]
    Cloud(CloudArgs),
    /// Print in what two logs of one owner differ, and which events each lacks
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(DiffArgs),
    /// Write the events of several logs of one owner as one log
    #[command(after_help = MERGE_EXAMPLES)]
    Merge(MergeArgs),
    /// Fold a log and keep the inbox as a snapshot, to go on from later
    #[command(after_help = SNAPSHOT_EXAMPLES)]
    Snapshot(SnapshotArgs),
    /// Make a log of what another system's server said
    #[command(after_help = ADAPTER_EXAMPLES)]
    Import(ImportArgs),
    /// Write a log anew, as text or binary
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(ConvertArgs),
    /// Write what is valid of a damaged log as a new one, and report what is not
    #[command(after_help = RECOVER_EXAMPLES)]
    Recover(RecoverArgs),
    /// Write a log anew without what some messages say
    #[command(after_help = REDACT_EXAMPLES)]
    Redact(RedactArgs),
    /// Write a log anew without the old messages of a conversation: it shows the same, and what is missing is a gap
    #[command(after_help = COMPACT_EXAMPLES)]
    Compact(CompactArgs),
    /// See the list in the terminal, move it through time, ask why, act
    #[command(after_help = TUI_EXAMPLES)]
    Tui(TuiArgs),
    /// Say whether a message pushes, arrives silently or does not arrive, and why
    #[command(after_help = NOTIFY_EXAMPLES)]
    Notify(NotifyArgs),
    /// Open a log to try things on: a copy in a temporary place, in the terminal inbox or as a list
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Look after a store of inboxes
    #[command(after_help = STORE_EXAMPLES)]
    Store(StoreArgs),
    /// Carry out a command: append the events it makes to a log
    #[command(after_help = DO_EXAMPLES)]
    Do(Box<DoArgs>),
}

const INBOX_EXAMPLES: &str = "\
Examples:
  chatfold inbox team.jsonl
  chatfold inbox team.jsonl --folder Work --unread --limit 20
  chatfold inbox team.jsonl --first 100 --json
  chatfold inbox team.jsonl --json --dialect web
                                               rows as the client for the browser knows them
  chatfold inbox team.jsonl --no-archived --without-mark hide --badge=chats
  chatfold inbox team.jsonl --time absolute --color always | less -R

Signs: \u{1f4cc} pinned, \u{1f515} muted (not counted in the first total), \u{1f4e6} archived, \u{2b50} starred, \u{1f535} marked \
unread, \u{1f4c1} folded, \u{1f648} hidden, #40 custom mark 1<<40;
@ you are mentioned, @all everybody is; \u{23f3} your last message is being sent, \u{274c} it failed.
With --ascii: ^ pinned, - muted, a archived, * starred, o marked unread, > folded, . hidden, ~ being sent, ! failed.";

const SHOW_EXAMPLES: &str = "\
Examples:
  chatfold show team.jsonl c2c_bob
  chatfold show team.jsonl \"Design crew\" --messages 50
  chatfold show team.jsonl group_design --json | jq .explanation

CONVERSATION is a conversation id (c2c_bob, group_design), or the user id, group id or shown name of \
exactly one conversation.";

const CHECK_EXAMPLES: &str = "\
Examples:
  chatfold check team.jsonl
  chatfold check *.jsonl.gz --seed 7
  chatfold check broken.jsonl --keep-going     fold what is valid all the same

Every fault is listed on standard error, with line, column, what was expected and what was found. A log \
without faults is folded forwards, live (one event at a time; beyond a million events, a thousand at a \
time), backwards, shuffled from the seed, doubled, and split into parts that are merged again: the results \
have to agree. An event id that two different events bear is reported too.";

const SNAPSHOT_EXAMPLES: &str = "\
Examples:
  chatfold snapshot team.jsonl --out team.snapshot
  chatfold inbox team.snapshot
  chatfold inbox team.jsonl --snapshot team.snapshot

A snapshot stands for the events it was folded from and carries a hash of them, and the place in the log where \
they end. inbox --snapshot reads a binary log from that place on, if the checksum that stands before it is the \
same, and looks at nothing before it: damage there is told by chatfold check. Of a text log the bytes before the \
place are hashed. Where the place does not fit, all events are held against the hash; where they do not fit \
either, or the snapshot is damaged, the reason is told and the whole log is folded.";

const STATS_EXAMPLES: &str = "\
Examples:
  chatfold stats team.jsonl
  chatfold stats team.jsonl.zst --top 20
  chatfold stats team.jsonl --json | jq .eventsByType";

const NOTIFY_EXAMPLES: &str = "\
Examples:
  chatfold notify team.jsonl 018f0e2a-0000-7000-8000-0000000000a1 --now 2026-03-01T22:30
  chatfold notify team.jsonl 018f0e2a-0000-7000-8000-0000000000a1 --json | jq -r .notification

MESSAGE is a message id; chatfold show LOG CONVERSATION --ids names them.";

/// Options of `notify`.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// The log; - for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// The message's id
    #[arg(value_name = "MESSAGE")]
    pub message: String,
    /// Ask for this instant (the end of a date, minute or second), or the clock's with the word now [default: the
    /// newest event that was read]
    #[arg(long, value_name = "TIME", value_parser = Span::parse_or_now)]
    pub now: Option<Span>,
    /// Write one JSON object a conversation that has the message
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reading: LogArgs,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  chatfold demo                                the terminal inbox, on a copy that goes when it is left
  chatfold demo --out my.jsonl                 a copy that stays
  chatfold do my.jsonl send aiko hello         to try commands on";

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Write the log there instead of opening it
    #[arg(long, value_name = "LOG")]
    pub out: Option<PathBuf>,
}

/// Options of `inbox`.
#[derive(Debug, Args)]
pub struct InboxArgs {
    /// The log, - for standard input; or a snapshot
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// Go on from this snapshot of the log instead of folding all of it: of a binary log nothing before is looked at
    #[arg(long, value_name = "SNAPSHOT")]
    pub snapshot: Option<PathBuf>,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Print at most N conversations
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Write one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// With --json, write what V2TIM has no key for too: archived, membership, recvOptUntil, badge, mentionCount
    #[arg(long, requires = "json")]
    pub all_keys: bool,
    #[command(flatten)]
    pub dialect: DialectArgs,
    /// Say what a badge over all conversations shows; several rules with commas
    #[arg(
        long,
        value_enum,
        value_name = "RULE",
        value_delimiter = ',',
        num_args = 0..=1,
        default_missing_value = "default",
        require_equals = true,
        conflicts_with = "json"
    )]
    pub badge: Option<Vec<BadgeFlag>>,
    #[command(flatten)]
    pub reading: LogArgs,
    #[command(flatten)]
    pub looks: LookArgs,
    #[command(flatten)]
    pub time: TimeArgs,
}

/// Which conversations are listed; all conditions have to hold.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which conversations")]
pub struct FilterArgs {
    /// Only direct chats, or only groups
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub kind: Option<KindFlag>,
    /// Only those in this folder, by name or id
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_folder")]
    pub folder: Option<String>,
    /// Only those in no folder
    #[arg(long)]
    pub no_folder: bool,
    /// Only those with this mark: star, unread, fold, hide, a number with one bit, or 1<<N
    #[arg(long, value_name = "MARK", value_parser = parse_mark, conflicts_with = "no_mark")]
    pub mark: Option<Mark>,
    /// Only those without any mark
    #[arg(long)]
    pub no_mark: bool,
    /// Only those with unread messages
    #[arg(long)]
    pub unread: bool,
    /// Only those that mention you or everybody
    #[arg(long)]
    pub mention: bool,
    /// Only those with unread messages or the mark unread
    #[arg(long)]
    pub unread_or_marked: bool,
    /// Only those without this mark; may be given more than once
    #[arg(long, value_name = "MARK", value_parser = parse_mark)]
    pub without_mark: Vec<Mark>,
    /// Only archived ones
    #[arg(long, conflicts_with = "no_archived")]
    pub archived: bool,
    /// Only those that are not archived
    #[arg(long)]
    pub no_archived: bool,
    /// Only groups in which this became of you; unknown: those of which nobody said
    #[arg(long, value_enum, value_name = "MEMBERSHIP")]
    pub member: Option<MembershipFlag>,
}

/// What became of the owner as a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MembershipFlag {
    /// Nobody said
    Unknown,
    /// A member
    Joined,
    /// Invited, and no member yet
    Invited,
    /// Left
    Left,
    /// Removed by another
    Removed,
    /// The group is no more
    Dissolved,
}

impl MembershipFlag {
    /// The filter that asks for it.
    pub fn filter(self) -> MembershipFilter {
        let is = MembershipFilter::Is;
        match self {
            Self::Unknown => MembershipFilter::Unknown,
            Self::Joined => is(Membership::Joined),
            Self::Invited => is(Membership::Invited),
            Self::Left => is(Membership::Left),
            Self::Removed => is(Membership::Removed),
            Self::Dissolved => is(Membership::Dissolved),
        }
    }
}

/// How a badge counts otherwise than by the default rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BadgeFlag {
    /// As by the default rule
    Default,
    /// Conversations in place of messages
    Chats,
    /// Archived conversations too
    Archived,
    /// Hidden conversations too
    Hidden,
    /// Muted conversations give nothing for mentions
    NoMutedMentions,
}

/// A kind of conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindFlag {
    /// Between two people
    Direct,
    /// In a group
    Group,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The log; - for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// The conversation: its id, or a name that only one has
    #[arg(value_name = "CONVERSATION")]
    pub conversation: String,
    /// Print the last N messages
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub messages: usize,
    /// Name at most N events behind each value
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub why: usize,
    /// Name messages, events and folders by their ids too
    #[arg(long)]
    pub ids: bool,
    /// Write one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub dialect: DialectArgs,
    #[command(flatten)]
    pub reading: LogArgs,
    #[command(flatten)]
    pub looks: LookArgs,
}

/// Options of `snapshot`.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// The log; - for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// Where the snapshot goes; an older snapshot of this name is replaced
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub reading: LogArgs,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The logs; - for standard input
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,
    /// Where the shuffling and splitting start from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub reading: LogArgs,
    #[command(flatten)]
    pub looks: LookArgs,
}

/// Options of `stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// The log; - for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// List the N busiest of each
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,
    /// Write one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reading: LogArgs,
    #[command(flatten)]
    pub looks: LookArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
