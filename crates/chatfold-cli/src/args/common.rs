//! What several commands take.

use chatfold::event::Mark;
use chatfold::v2tim::{DataForm, Dialect, Language};
use chatfold::{Policy, UserId};
use clap::{Args, ColorChoice, ValueEnum};

use crate::failure::Failure;
use crate::instant::Span;
use crate::log::Choice;
use crate::output::look;
use crate::text::Look;

/// Options of every command that reads logs.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is read")]
pub struct LogArgs {
    /// Read only the first N event lines (skipped ones count)
    #[arg(long, value_name = "N")]
    pub first: Option<u64>,
    /// Read only events up to TIME; a date, minute or second covers all of itself
    #[arg(long, value_name = "TIME", value_parser = Span::parse)]
    pub at: Option<Span>,
    /// How the fold counts; several with commas
    #[arg(long, value_name = "POLICY", value_delimiter = ',')]
    pub policy: Vec<PolicyFlag>,
    /// Fold for this owner, whatever the header says
    #[arg(long = "as", value_name = "OWNER", value_parser = parse_owner)]
    pub owner: Option<UserId>,
    /// Pass faulty lines over: list them on standard error, use the rest, exit with 1 all the same
    #[arg(long)]
    pub keep_going: bool,
    /// Say on standard error what was read: a snapshot and the events behind it, or the whole log
    #[arg(short, long)]
    pub verbose: bool,
}

impl LogArgs {
    /// What is read of a log.
    pub fn choice(&self) -> Choice {
        Choice {
            first: self.first,
            until: self.at.map(|span| span.to),
            owner: self.owner.clone(),
            keep_going: self.keep_going,
            verbose: self.verbose,
            ..Choice::default()
        }
    }

    /// How it is folded.
    pub fn policy(&self) -> Policy {
        policy(&self.policy)
    }
}

/// The policy that flags name.
pub fn policy(flags: &[PolicyFlag]) -> Policy {
    let has = |flag| flags.contains(&flag);
    Policy::default()
        .with_own_message_reads(has(PolicyFlag::OwnMessageReads))
        .with_meeting_unread(has(PolicyFlag::MeetingUnread))
}

/// A part of the fold's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum PolicyFlag {
    /// The owner's own message reads everything before it
    OwnMessageReads,
    /// Messages in meeting groups count as unread
    MeetingUnread,
}

/// Options of every command that writes rows as JSON: whose classes they are shaped like.
#[derive(Debug, Args)]
#[command(next_help_heading = "How rows are written as JSON")]
pub struct DialectArgs {
    /// Write rows as this client of V2TIM knows them [default: flutter]
    #[arg(long, value_enum, value_name = "CLIENT", requires = "json")]
    pub dialect: Option<DialectFlag>,
    /// flutter: how custom data is written [default: base64]; the others write text
    #[arg(long, value_enum, value_name = "FORM", requires = "json")]
    pub data: Option<DataFlag>,
    /// web: the words for what is no text, such as an image [default: zh, which the UI kit translates]
    #[arg(long, value_enum, value_name = "LANGUAGE", requires = "json")]
    pub language: Option<LanguageFlag>,
}

impl DialectArgs {
    /// How rows are written.
    pub fn dialect(&self) -> Result<Dialect, Failure> {
        let dialect = self.dialect.unwrap_or(DialectFlag::Flutter);
        let usage = |what: &str| Err(Failure::Usage(what.to_owned()));
        match (dialect, self.data, self.language) {
            (DialectFlag::Flutter, data, None) => Ok(Dialect::Flutter(match data {
                Some(DataFlag::Text) => DataForm::Text,
                Some(DataFlag::Base64) | None => DataForm::Base64,
            })),
            (DialectFlag::Native, None, None) => Ok(Dialect::Native),
            (DialectFlag::Web, None, language) => Ok(Dialect::Web(match language {
                Some(LanguageFlag::En) => Language::English,
                Some(LanguageFlag::Zh) | None => Language::Chinese,
            })),
            (DialectFlag::Flutter | DialectFlag::Native, _, Some(_)) => {
                usage("--language says nothing of this dialect: only web has words for what is no text")
            }
            (DialectFlag::Native | DialectFlag::Web, Some(_), _) => {
                usage("--data says nothing of this dialect: only flutter writes base64")
            }
        }
    }
}

/// A client of V2TIM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DialectFlag {
    /// The class V2TimConversation of the Flutter plugin
    Flutter,
    /// What the interface in C writes, and the Flutter plugin reads on devices from version 8.5 on
    Native,
    /// The interface Conversation of the npm package @tencentcloud/chat
    Web,
}

/// How custom data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DataFlag {
    /// As base64
    Base64,
    /// As the text that it is, base64 where it is none
    Text,
}

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LanguageFlag {
    /// Chinese
    Zh,
    /// English
    En,
}

/// Options of every command: how text for people looks.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it looks")]
pub struct LookArgs {
    /// When to use colour; auto is on at a terminal unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", default_value_t)]
    pub color: ColorChoice,
    /// Draw signs and bars with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
}

impl LookArgs {
    /// How standard output looks.
    pub fn look(&self) -> Look {
        look(self.color, self.ascii)
    }
}

/// How instants are printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it looks")]
pub struct TimeArgs {
    /// Print how long ago things were, or when (UTC)
    #[arg(long, value_enum, value_name = "HOW", default_value_t = TimeStyle::Relative)]
    pub time: TimeStyle,
    /// Reckon from TIME (the end of a date, minute or second), or from the clock with the word now [default: the newest event that was read]
    #[arg(long, value_name = "TIME", value_parser = Span::parse_or_now)]
    pub now: Option<Span>,
}

/// How an instant is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TimeStyle {
    /// How long ago
    Relative,
    /// Date and time, UTC
    Absolute,
}

/// Parses the id of an owner.
pub fn parse_owner(text: &str) -> Result<UserId, String> {
    UserId::parse(text).map_err(|error| error.to_string())
}

/// Parses a mark: its name, its bit, or `1<<N`.
pub fn parse_mark(text: &str) -> Result<Mark, String> {
    let bits = match text {
        "star" => return Ok(Mark::STAR),
        "unread" => return Ok(Mark::UNREAD),
        "fold" => return Ok(Mark::FOLD),
        "hide" => return Ok(Mark::HIDE),
        _ => match text.strip_prefix("1<<") {
            Some(shift) => shift.parse().ok().and_then(|shift: u32| 1u64.checked_shl(shift)),
            None => text.parse().ok(),
        },
    };
    bits.and_then(Mark::from_bits)
        .ok_or_else(|| "expected star, unread, fold, hide, a number with exactly one bit, or 1<<N".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_names_and_numbers() {
        assert_eq!(parse_mark("fold"), Ok(Mark::FOLD));
        assert_eq!(parse_mark("8"), Ok(Mark::HIDE));
        assert_eq!(parse_mark("1<<40").map(Mark::bits), Ok(1 << 40));
        for bad in ["", "3", "0", "-1", "1<<64", "stars", "1<<"] {
            assert!(parse_mark(bad).is_err(), "{bad}");
        }
    }
}
