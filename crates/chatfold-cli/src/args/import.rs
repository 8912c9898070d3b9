//! Options of `import`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::instant::Span;

pub const ADAPTER_EXAMPLES: &str = "\
Examples:
  chatfold import adapter matrix sync.jsonl --owner @alice:example.org > alice.jsonl
  chatfold import adapter slack web.jsonl events.jsonl --owner U061 --network slack/t024 > slack.jsonl
  chatfold import adapter telegram updates.jsonl --owner 4001 --username alice | chatfold inbox -
  chatfold import adapter xmpp stanzas.txt --owner juliet@capulet.example --at 2026-03-01

A line is a payload as the system's server sent it, or {\"received_at\": TIME, \"payload\": …}, where the payload may be an object \
or a text; for what is only found in a payload, such as a flag or a count, that is when it was found, else --at. What names stand for \
is learned from all payloads before any is taken. Lists of what is mapped are in the docs of chatfold-adapters.

A payload that cannot be read is told with its file, line and place. Without --keep-going nothing is written then.";

pub const V2TIM_EXAMPLES: &str = "\
Examples:
  chatfold import v2tim callbacks.jsonl --owner alice > alice.jsonl
  chatfold import v2tim callbacks.jsonl --owner alice | chatfold inbox -

A line is what a listener was called with, {\"callback\": NAME, \"args\": [...]}: an event of the npm package @tencentcloud/chat, \
a method of V2TIM's listeners, or a callback of the interface in C. {\"received_at\": TIME, \"payload\": …} around it says when it came. \
What is mapped is in the docs of chatfold-adapters; docs/V2TIM.md says what each callback does not carry.";

/// Options of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// From what.
    #[command(subcommand)]
    pub from: ImportFrom,
}

/// What is imported.
#[derive(Debug, Subcommand)]
pub enum ImportFrom {
    /// Make a log of payloads of another system's server, recorded as JSON Lines
    #[command(after_help = ADAPTER_EXAMPLES)]
    Adapter(AdapterArgs),
    /// Make a log of what V2TIM's listeners (Tencent Cloud Chat) were called with, recorded as JSON Lines
    #[command(after_help = V2TIM_EXAMPLES)]
    V2tim(V2timArgs),
}

/// Options of `import v2tim`.
#[derive(Debug, Args)]
pub struct V2timArgs {
    #[command(flatten)]
    pub payloads: PayloadArgs,
    /// Where ids are unique
    #[arg(long, value_name = "NETWORK", default_value = "tim")]
    pub network: String,
}

/// Options of every import: what is read, and whose it is.
#[derive(Debug, Args)]
pub struct PayloadArgs {
    /// Files of payloads, one a line, in the order in which they came; - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Whose inbox it is: the account as the system calls it
    #[arg(long, value_name = "ACCOUNT")]
    pub owner: String,
    /// When payloads came that do not say it, or now [default: now]
    #[arg(long, value_name = "TIME", value_parser = Span::parse_or_now)]
    pub at: Option<Span>,
    /// Pass faults over: list them on standard error, write the rest, exit with 1 all the same
    #[arg(long)]
    pub keep_going: bool,
}

/// Options of `import adapter`.
#[derive(Debug, Args)]
pub struct AdapterArgs {
    /// The system
    #[arg(value_enum, value_name = "SYSTEM")]
    pub system: SystemFlag,
    #[command(flatten)]
    pub payloads: PayloadArgs,
    /// Where ids are unique, such as slack/t024 [default: the system's name; Slack has none]
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Telegram: the account's username, whose mentions count
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Slack: with whom a direct channel is; may be given more than once
    #[arg(long = "direct", value_name = "CHANNEL=USER", value_parser = pair)]
    pub directs: Vec<(String, String)>,
    /// XMPP: by which occupant id or nick the account is known in a room; may be given more than once
    #[arg(long = "occupant", value_name = "ROOM=NAME", value_parser = pair)]
    pub occupants: Vec<(String, String)>,
}

/// A system that there is an adapter for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SystemFlag {
    /// Responses of /sync and /messages
    Matrix,
    /// Events, and answers of the Web API with what was asked
    Slack,
    /// Updates of the Bot API or of TDLib
    Telegram,
    /// Stanzas as XML or JSON
    Xmpp,
}

/// Parses two texts with an equals sign between them.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .ok_or("expected two texts with = between them")?;
    Ok((name.to_owned(), value.to_owned()))
}
