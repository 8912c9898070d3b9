//! Options of the commands about several devices: `cloud`, `diff` and `merge`.

use std::path::PathBuf;

use chatfold::UserId;
use chatfold::retention::RetentionPolicy;
use clap::{Args, ValueEnum};

use super::common::{LogArgs, LookArgs, parse_owner};
use crate::instant::Span;

pub const CLOUD_EXAMPLES: &str = "\
Examples:
  chatfold cloud team.jsonl
  chatfold cloud team.jsonl --now 2026-03-08 --plan ultimate
  chatfold cloud team.jsonl --idle-days 30 --max 50 --json | jq .evicted

What never reaches the cloud does not count there: drafts, imports, what is queued or failed, the deletion \
of messages and, without --deletes-conversations, of conversations. A pin protects nothing.";

pub const DIFF_EXAMPLES: &str = "\
Examples:
  chatfold diff phone.jsonl laptop.jsonl
  chatfold diff phone.jsonl.zst - < laptop.jsonl
  chatfold diff phone.jsonl laptop.jsonl --json | jq .lacks

Every conversation that differs is listed, with each attribute as A and as B shows it, and the events that \
each log lacks. Exit code 0 where nothing differs, 1 where something does. Logs that differ become one with \
chatfold merge.";

pub const MERGE_EXAMPLES: &str = "\
Examples:
  chatfold merge phone.jsonl laptop.jsonl > both.jsonl
  chatfold merge *.jsonl.gz - < today.jsonl | chatfold inbox -

Written is every event of any of the logs, each once, by time and id; two different events that bear one id \
are both kept, and so are lines of an unknown type or a newer version. Do not write to one of the logs read: \
the shell empties it first.";

/// Options of `cloud`.
#[derive(Debug, Args)]
pub struct CloudArgs {
    /// The log; - for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// Ask what is held at TIME, or by the clock with the word now [default: the newest event that was read]
    #[arg(long, value_name = "TIME", value_parser = Span::parse_or_now)]
    pub now: Option<Span>,
    /// How much is kept: 100 conversations, or 500
    #[arg(long, value_enum, value_name = "PLAN", default_value_t = Plan::Standard)]
    pub plan: Plan,
    /// Keep N conversations instead
    #[arg(long, value_name = "N")]
    pub max: Option<usize>,
    /// Keep them for N days without activity instead of 7
    #[arg(long, value_name = "N")]
    pub idle_days: Option<u32>,
    /// Deleting a conversation deletes it in the cloud too
    #[arg(long)]
    pub deletes_conversations: bool,
    /// Write one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reading: LogArgs,
    #[command(flatten)]
    pub looks: LookArgs,
}

impl CloudArgs {
    /// How much the cloud keeps.
    pub fn policy(&self) -> RetentionPolicy {
        let plan = match self.plan {
            Plan::Standard => RetentionPolicy::standard(),
            Plan::Ultimate => RetentionPolicy::ultimate(),
        };
        plan.with_max_conversations(self.max.unwrap_or(plan.max_conversations))
            .with_idle_s(self.idle_days.map_or(plan.idle_s, |days| u64::from(days) * 86_400))
            .with_deletes_conversations(self.deletes_conversations)
    }
}

/// A plan of the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plan {
    /// 100 conversations
    Standard,
    /// 500 conversations
    Ultimate,
}

/// Options of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// One log, called A; - for standard input
    #[arg(value_name = "LOG_A")]
    pub left: PathBuf,
    /// The other log, called B; - for standard input
    #[arg(value_name = "LOG_B")]
    pub right: PathBuf,
    /// List at most N messages of a conversation and N events that a log lacks
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Write one JSON object, with everything, instead of text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reading: LogArgs,
    #[command(flatten)]
    pub looks: LookArgs,
}

/// Options of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The logs; - for standard input
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,
    /// Write a log of this owner, whatever the headers say
    #[arg(long = "as", value_name = "OWNER", value_parser = parse_owner)]
    pub owner: Option<UserId>,
    /// Leave faulty lines out: list them on standard error, exit with 1 all the same
    #[arg(long)]
    pub keep_going: bool,
}
