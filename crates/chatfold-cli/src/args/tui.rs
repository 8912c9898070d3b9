//! Options of the terminal inbox.

use std::path::PathBuf;

use clap::Args;

use super::action::RoleFlag;
use super::common::{LogArgs, LookArgs};

pub const TUI_EXAMPLES: &str = "\
Examples:
  chatfold tui team.jsonl
  chatfold tui my.jsonl --follow               keep up with what others append
  chatfold tui sqlite:chat.db#alice           an inbox in a store
  chatfold tui team.jsonl.zst --ascii --mouse

The arrow keys left and right move through the log, up and down through the list; ? says why, h names all \
keys. What is done in it (pin, mark, read, send, …) is decided as by chatfold do, and appended to the log. It \
has no colour where NO_COLOR is set.";

/// Options of `tui`.
#[derive(Debug, Args)]
pub struct TuiArgs {
    /// The log; - for standard input
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// Follow the log from the start: what others append comes in (key f)
    #[arg(long)]
    pub follow: bool,
    /// Never append to the log
    #[arg(long)]
    pub read_only: bool,
    /// Use the mouse too: the wheel scrolls, a click selects or goes to a time. Text is then selected with Shift
    #[arg(long)]
    pub mouse: bool,
    /// Your role in groups
    #[arg(long, value_enum, value_name = "ROLE", default_value_t = RoleFlag::Member)]
    pub role: RoleFlag,
    #[command(flatten)]
    pub reading: LogArgs,
    #[command(flatten)]
    pub looks: LookArgs,
}
