//! Options of the commands that write a log anew.

use std::path::PathBuf;

use chatfold::store::OutboxCursor;
use chatfold::{ConversationId, MessageId, Policy, UserId};
use clap::{Args, Subcommand, ValueEnum};

use super::common::{PolicyFlag, parse_owner, policy};

pub const CONVERT_EXAMPLES: &str = "\
Examples:
  chatfold convert team.jsonl team.chatfold      text to binary: a third of the size, checked and chained
  chatfold convert team.chatfold team.jsonl      and back
  chatfold convert team.chatfold - --to text | head
  chatfold convert live.chatfold dense.chatfold  many small appends become few records
  chatfold convert old.jsonl new.jsonl           lines of an older version become lines of this one

The form is told by the name, .jsonl or .chatfold, or by --to. What is not known is kept as it is.";

pub const RECOVER_EXAMPLES: &str = "\
Examples:
  chatfold recover broken.chatfold --out sound.chatfold
  chatfold recover broken.jsonl --out sound.jsonl

Everything valid is written, before a fault and behind it, and every fault is reported with its place. Records in a \
damaged stretch that nothing proves to be the log's are counted and left out, unless --unproven takes them. The \
damaged log is not touched. Exit code 1 says that something was lost.";

pub const REDACT_EXAMPLES: &str = "\
Examples:
  chatfold redact team.jsonl --author bob --out redacted.jsonl
  chatfold redact team.chatfold --message group_dev/018f0e2a-0000-7000-8000-0000000000a1 --out redacted.chatfold

The text, custom payload and cloud data of the chosen messages, and of every edit of them, become empty; ids, \
instants, counts and order stay, so the list differs in the content shown and in nothing else. Drafts, names and \
lines of unknown types stay as they are. The old log is not touched: delete it, its copies and its snapshots.";

pub const COMPACT_EXAMPLES: &str = "\
Examples:
  chatfold compact team.jsonl group_dev --through 41000 --out smaller.jsonl
  chatfold compact phone.chatfold Bob --through 2026-01-31 --out smaller.chatfold

Left out are the messages that the server has up to there, and what is about nothing but them; a report of what was \
unread stands in their place, so the list stays as it is, and a server can fill the gap again. The last message stays. \
POSITION is a seq in a group, in a direct chat an instant (a date, minute or second covers all of itself). What is older than \
the report and arrives later is taken as counted in: compact a log that has heard from the other devices. The old log \
is not touched.";

/// The form of a log to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormFlag {
    /// JSON Lines
    Text,
    /// The binary log
    Binary,
}

/// How a new log is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is written")]
pub struct WriteArgs {
    /// The form of the new log, whatever its name
    #[arg(long, value_enum, value_name = "FORM")]
    pub to: Option<FormFlag>,
    /// Pack with zstd: each record of a binary log, all of a text log, with checksums
    #[arg(long)]
    pub pack: bool,
    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

/// Options of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The log; - for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// The new log; - for standard output
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    #[command(flatten)]
    pub writing: WriteArgs,
    #[command(flatten)]
    pub reading: ReadArgs,
}

/// Which events of a log are written anew.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is read")]
pub struct ReadArgs {
    /// Write only the first N event lines (skipped ones count)
    #[arg(long, value_name = "N")]
    pub first: Option<u64>,
    /// Name this owner in the new log, whatever the old one says
    #[arg(long = "as", value_name = "OWNER", value_parser = parse_owner)]
    pub owner: Option<UserId>,
    /// Pass faults over: list them on standard error, write the rest, exit with 1 all the same
    #[arg(long)]
    pub keep_going: bool,
}

/// Options of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// The damaged log
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// The new log
    #[arg(long, value_name = "NEW")]
    pub out: PathBuf,
    #[command(flatten)]
    pub writing: WriteArgs,
    /// Take whole records behind a fault too which nothing proves to be the log's: they may have come within a message
    #[arg(long)]
    pub unproven: bool,
    /// The owner, where the header is lost
    #[arg(long = "as", value_name = "OWNER", value_parser = parse_owner)]
    pub owner: Option<UserId>,
}

/// Options of `redact`.
#[derive(Debug, Args)]
pub struct RedactArgs {
    /// The log
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// The new log
    #[arg(long, value_name = "NEW")]
    pub out: PathBuf,
    /// Leave out everything this user wrote; may be given more than once
    #[arg(long = "author", value_name = "USER", value_parser = parse_owner, required_unless_present = "messages")]
    pub authors: Vec<UserId>,
    /// Leave out what this message says; may be given more than once
    #[arg(long = "message", value_name = "CONVERSATION/ID", value_parser = parse_message)]
    pub messages: Vec<(ConversationId, MessageId)>,
    #[command(flatten)]
    pub writing: WriteArgs,
}

/// Options of `compact`.
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// The log
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// The conversation: its id, or the user id, group id or shown name of exactly one
    #[arg(value_name = "CONVERSATION")]
    pub conversation: String,
    /// Give messages up as far as here
    #[arg(long, value_name = "POSITION")]
    pub through: String,
    /// The new log
    #[arg(long, value_name = "NEW", visible_alias = "output")]
    pub out: PathBuf,
    #[command(flatten)]
    pub writing: WriteArgs,
    /// How the fold counts; several with commas
    #[arg(long, value_name = "POLICY", value_delimiter = ',', help_heading = "What is read")]
    pub policy: Vec<PolicyFlag>,
}

impl CompactArgs {
    /// How the log is folded.
    pub fn policy(&self) -> Policy {
        policy(&self.policy)
    }
}

fn parse_message(text: &str) -> Result<(ConversationId, MessageId), String> {
    let (conversation, message) =
        text.rsplit_once('/').ok_or("expected CONVERSATION/ID, such as c2c_bob/018f…")?;
    let conversation = conversation.parse().map_err(|error: chatfold::id::IdError| error.to_string())?;
    Ok((conversation, message.parse().map_err(|error: chatfold::id::IdError| error.to_string())?))
}

pub const STORE_EXAMPLES: &str = "\
Examples:
  chatfold store check sqlite:chat.db               every inbox: events, snapshots, what finds them, the file itself
  chatfold store check sqlite:chat.db --repair      and mend what follows from the logs
  chatfold store check 'postgres://host/db#alice'   one inbox

Exit codes: 0 all of it is sound, or was mended; 1 something is wrong with it.";

pub const MIGRATE_EXAMPLES: &str = "\
Examples:
  chatfold store migrate sqlite:chat.db --dry-run   from which schema to which, by which steps
  chatfold store migrate sqlite:chat.db             and do it, in one transaction
  chatfold store migrate postgres://host/db         make the tables if they are not there

Exit codes: 0 the schema is the newest now, or would be; 4 it is newer than this program knows, or cannot be written.";

pub const TRIM_EXAMPLES: &str = "\
Examples:
  chatfold store trim 'sqlite:chat.db#alice' --archive alice.chatfold
                         what the newest snapshot stands for leaves the store, once it is in the archive
  chatfold store trim 'sqlite:chat.db#alice' --archive alice.chatfold --through 100000
                         what the newest snapshot of at most so many events stands for
  chatfold store unarchive 'sqlite:chat.db#alice' --archive alice.chatfold
                         put it back
  chatfold stats alice.chatfold
                         an archive is a binary log, from the first event on

The snapshot is held against a replay of all that it stands for before anything leaves. Keep copies of the archive: \
what stays in the store is the snapshot, and ids by which doubles are told. To trim further, name the same file again.

Exit codes: 0 moved, or there is nothing to move; 1 the store is damaged; 3 no snapshot is verified; 4 the archive or \
the store cannot be read or written.";

pub const OUTBOX_EXAMPLES: &str = "\
Examples:
  chatfold store outbox sqlite:chat.db --on         from now on every change of every log is told, in one order
  chatfold store outbox sqlite:chat.db              what happened since, and at the end where to go on
  chatfold store outbox sqlite:chat.db --after 5b0f… --limit 100 --json
                         the next hundred behind a cursor, an object a line
  chatfold store outbox sqlite:chat.db --after 5b0f… --status
                         how many there are, and how many wait for open transactions
  chatfold store outbox sqlite:chat.db --forget 5b0f…
                         remove what every consumer has taken
  chatfold store outbox sqlite:chat.db --off        and remove all of it

A consumer keeps the cursor that it is told last, and goes on from it. Programs of a version that knows no outbox do not \
write to one: switch it on once none of them runs.

Exit codes: 0 shown or done; 1 the store is damaged; 3 it is off, or the cursor is of another outbox, forgotten or ahead; \
4 the store cannot be read or written.";

/// Options of `store`.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// What to do
    #[command(subcommand)]
    pub action: StoreAction,
}

/// What can be done with a store.
#[derive(Debug, Subcommand)]
pub enum StoreAction {
    /// Read all of a store and say what of it is not what was written
    #[command(after_help = STORE_EXAMPLES)]
    Check(StoreCheckArgs),
    /// Bring the tables of a store to the newest schema
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(StoreMigrateArgs),
    /// What happened to all logs of a store, in one order
    #[command(after_help = OUTBOX_EXAMPLES)]
    Outbox(StoreOutboxArgs),
    /// SQLite: move the older events of an inbox to an archive
    #[command(after_help = TRIM_EXAMPLES)]
    Trim(StoreTrimArgs),
    /// SQLite: put the events of an archive back
    #[command(after_help = TRIM_EXAMPLES)]
    Unarchive(StoreUnarchiveArgs),
}

/// Options of `store migrate`.
#[derive(Debug, Args)]
pub struct StoreMigrateArgs {
    /// sqlite:PATH or postgres://…
    #[arg(value_name = "STORE")]
    pub store: PathBuf,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `store outbox`.
#[derive(Debug, Args)]
pub struct StoreOutboxArgs {
    /// sqlite:PATH or postgres://…
    #[arg(value_name = "STORE")]
    pub store: PathBuf,
    /// Switch it on, and say where to begin
    #[arg(long, group = "what")]
    pub on: bool,
    /// Switch it off, and remove all entries
    #[arg(long, group = "what")]
    pub off: bool,
    /// Remove the entries up to this cursor
    #[arg(long, group = "what", value_name = "CURSOR")]
    pub forget: Option<OutboxCursor>,
    /// Say how many entries there are, and how many wait for open transactions
    #[arg(long, group = "what")]
    pub status: bool,
    /// Begin behind this cursor, and not with the oldest entry that is kept
    #[arg(long, value_name = "CURSOR", conflicts_with_all = ["on", "off", "forget"])]
    pub after: Option<OutboxCursor>,
    /// Show so many entries at most
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true, conflicts_with = "what")]
    pub limit: usize,
    /// Write an object a line
    #[arg(long)]
    pub json: bool,
}

/// Options of `store trim`.
#[derive(Debug, Args)]
pub struct StoreTrimArgs {
    /// sqlite:PATH#OWNER
    #[arg(value_name = "STORE")]
    pub store: PathBuf,
    /// The file to move them to: one that is not there yet, or the archive of this inbox
    #[arg(long, value_name = "FILE")]
    pub archive: PathBuf,
    /// Rest on the newest snapshot that stands for at most so many events
    #[arg(long, value_name = "POSITION", default_value_t = u64::MAX, hide_default_value = true)]
    pub through: u64,
}

/// Options of `store unarchive`.
#[derive(Debug, Args)]
pub struct StoreUnarchiveArgs {
    /// sqlite:PATH#OWNER
    #[arg(value_name = "STORE")]
    pub store: PathBuf,
    /// The archive, which stays
    #[arg(long, value_name = "FILE")]
    pub archive: PathBuf,
}

/// Options of `store check`.
#[derive(Debug, Args)]
pub struct StoreCheckArgs {
    /// sqlite:PATH or postgres://…, with #OWNER behind it for one inbox
    #[arg(value_name = "STORE")]
    pub store: PathBuf,
    /// SQLite: write what is missing and follows from the logs, and drop snapshots that are damaged
    #[arg(long)]
    pub repair: bool,
}
