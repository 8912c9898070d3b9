//! `chatfold show`: one conversation, its last messages, and why each value is what it is.

pub mod find;
mod json;
mod line_width;
mod message;
mod why;

use std::io::Write;

use chatfold::id::ConversationKind;
use chatfold::v2tim::Dialect;
use chatfold::view::{Direction, MentionKind};
use chatfold::{ConversationView, Inbox, MessageView, Timestamp};
use chatfold_words::why::{Detail, rows};

use self::line_width::room;
use crate::args::ShowArgs;
use crate::failure::{Failure, Verdict};
use crate::folded::{Asked, fold, print};
use crate::input::Source;
use crate::instant::minute;
use crate::list::{BOLD, DIM, PLAIN};
use crate::log::count;
use crate::text::{Line, Look, escape, one_line, wrap};
use crate::words;

/// Where the second column of attributes begins.
const COLUMN: usize = 18;

/// Mentions listed one by one.
const MAX_MENTIONS: usize = 5;

/// How many stretches that are not held are named.
const MAX_GAPS: usize = 5;

/// How many drafts that lost are listed, the latest.
const MAX_DRAFTS: usize = 20;

/// Runs the command.
pub fn run(args: &ShowArgs) -> Result<Verdict, Failure> {
    let dialect = args.dialect.dialect()?;
    let source = Source::from(args.log.as_path());
    let (choice, policy) = (args.reading.choice(), args.reading.policy());
    let (inbox, tally) = fold(&source, &choice, policy)?;
    tally.report_skipped(&source);
    let asked = Asked { source: &source, snapshot: None, choice: &choice, policy };
    print(asked, (inbox, tally), |out, inbox, _| show(out, args, dialect, &source, inbox))
}

fn show(
    out: &mut dyn Write,
    args: &ShowArgs,
    dialect: Dialect,
    source: &Source,
    inbox: &Inbox,
) -> Result<(), Failure> {
    let conversation = find::find(inbox, &args.conversation)?;
    let page = conversation.messages(Direction::NewestFirst, None, args.messages);
    let older = page.next.is_some();
    let mut messages = page.messages;
    messages.reverse();
    if args.json {
        let object = json::conversation(inbox, conversation, &messages, dialect);
        crate::output::write_json(out, &object)?;
        out.write_all(b"\n")?;
    } else {
        let mut page = Page { out, look: args.looks.look(), inbox, ids: args.ids };
        page.attributes(conversation)?;
        page.messages(conversation, &messages, older)?;
        page.why(source, conversation, args.why)?;
    }
    Ok(())
}

/// Text for people about one conversation. A page is read whole, so its lines are not cut but wrapped.
struct Page<'o, 'i> {
    out: &'o mut dyn Write,
    look: Look,
    inbox: &'i Inbox,
    /// Whether messages, events and folders are named by their ids too.
    ids: bool,
}

impl Page<'_, '_> {
    fn title(&mut self, text: &str) -> Result<(), Failure> {
        for line in wrap(text, self.look.width) {
            writeln!(self.out, "{}", self.look.paint(BOLD, &line))?;
        }
        Ok(())
    }

    fn row(&mut self, label: &str, text: &str) -> Result<(), Failure> {
        for (n, part) in wrap(text, room(self.look, COLUMN)).iter().enumerate() {
            let mut line = Line::new(Look { width: usize::MAX, ..self.look });
            line.to(2).push(DIM, if n == 0 { label } else { "" }).to(COLUMN).push(PLAIN, part);
            writeln!(self.out, "{}", line.finish())?;
        }
        Ok(())
    }

    fn attributes(&mut self, conversation: ConversationView<'_>) -> Result<(), Failure> {
        let group = conversation.kind() == ConversationKind::Group;
        let kind = words::kind(group, conversation.group_type());
        let id = escape(conversation.id().as_str()).into_owned();
        self.title(&format!("{}  {id}  {kind}", words::name(&conversation)))?;
        for (label, text) in attributes(self.inbox, conversation) {
            self.row(label, &text)?;
        }
        Ok(())
    }

    fn messages(
        &mut self,
        conversation: ConversationView<'_>,
        messages: &[MessageView<'_>],
        older: bool,
    ) -> Result<(), Failure> {
        let title = match (messages.len() as u64, older) {
            (0, _) => "No messages".to_owned(),
            (number, true) => format!("Last {} (there are older ones)", count(number, "message")),
            (number, false) => count(number, "message"),
        };
        writeln!(self.out)?;
        self.title(&title)?;
        let owner = self.inbox.owner().as_str();
        for message in messages {
            for line in message::lines(self.look, conversation, message, owner, self.ids) {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    fn why(
        &mut self,
        source: &Source,
        conversation: ConversationView<'_>,
        limit: usize,
    ) -> Result<(), Failure> {
        let Some(explanation) = self.inbox.explain(conversation.id()) else {
            return Ok(());
        };
        writeln!(self.out)?;
        self.title("Why")?;
        let places = why::places(source, &explanation, limit);
        let mut above = "";
        let detail = Detail { limit, ids: self.ids, ellipsis: self.look.ellipsis() };
        for row in rows(conversation, &explanation, detail) {
            self.row(
                if row.label == above { "" } else { row.label },
                &why::sentence(&row, &places, self.ids),
            )?;
            above = row.label;
        }
        Ok(())
    }
}

/// Every attribute that is set, with its name.
fn attributes(inbox: &Inbox, conversation: ConversationView<'_>) -> Vec<(&'static str, String)> {
    let marker = conversation.read_marker().map_or("nothing".to_owned(), |marker| marker.to_string());
    let mut rows = vec![
        ("listed", listed(inbox, conversation)),
        ("unread", format!("{} (read up to {marker})", unread(conversation))),
    ];
    rows.extend(not_held(conversation));
    if conversation.mention_count() > 0 || conversation.mention_is_lower_bound() {
        rows.push(("mentions", mentions(conversation)));
    }
    let until = conversation.receive_option_until().map(|until| format!(", until {until}"));
    let option = words::receive_option(conversation.receive_option());
    rows.push(("receive option", format!("{option}{}", until.unwrap_or_default())));
    if conversation.is_archived() {
        let stays = conversation.stays_archived();
        rows.push((
            "archived",
            if stays { "yes, whatever comes" } else { "yes, until a message comes" }.to_owned(),
        ));
    }
    if let Some(membership) = conversation.membership() {
        rows.push(("membership", membership.as_str().to_owned()));
    }
    if conversation.is_pinned() {
        rows.push(("pinned", "yes".to_owned()));
    }
    let marks: Vec<String> = conversation.marks().into_iter().map(words::mark).collect();
    if !marks.is_empty() {
        rows.push(("marks", marks.join(", ")));
    }
    let folders: Vec<String> = conversation.folders().iter().map(|folder| one_line(&folder.name)).collect();
    if !folders.is_empty() {
        rows.push(("folders", folders.join(", ")));
    }
    rows.extend(drafts(conversation));
    if let Some(peer) = conversation.peer_read_marker() {
        rows.push(("peer has read", format!("up to {peer}")));
    }
    for message in conversation.pinned_messages() {
        let content = words::content(&message, inbox.owner().as_str());
        rows.push(("pinned message", format!("{}: {content}", words::author(&message))));
    }
    if let Some(data) = conversation.custom_data() {
        rows.push((
            "custom data",
            format!("{} bytes: {}", data.len(), one_line(&String::from_utf8_lossy(data))),
        ));
    }
    if let Some(url) = conversation.face_url() {
        rows.push(("face", escape(url).into_owned()));
    }
    if conversation.activity() != Timestamp::EPOCH {
        rows.push(("last active", conversation.activity().to_string()));
    }
    rows.push(("order key", conversation.order_key().to_string()));
    rows
}

fn listed(inbox: &Inbox, conversation: ConversationView<'_>) -> String {
    let all = inbox.listed();
    match inbox.conversations().position(|row| row.id() == conversation.id()) {
        Some(index) => format!("yes, number {} of {all}", index + 1),
        None => "no: nothing is there since it was last deleted".to_owned(),
    }
}

/// The stretches that are not held, the newest first, and whether the last message may be older than one of theirs.
fn not_held(conversation: ConversationView<'_>) -> Vec<(&'static str, String)> {
    let (gaps, more) = words::not_held(&conversation, MAX_GAPS);
    let mut rows: Vec<_> = gaps.into_iter().map(|gap| ("not held", gap)).collect();
    if more {
        let more = conversation.gaps().skip(MAX_GAPS).count();
        rows.push(("not held", format!("and {more} more")));
    }
    if conversation.last_message_is_older() {
        rows.push(("last message", "there may be a newer one that is not held".to_owned()));
    }
    rows
}

fn unread(conversation: ConversationView<'_>) -> String {
    let more = if conversation.unread_is_lower_bound() { "+" } else { "" };
    format!("{}{more}", conversation.unread_count())
}

fn mentions(conversation: ConversationView<'_>) -> String {
    let mentions = conversation.mentions();
    let mut parts: Vec<String> = mentions
        .iter()
        .take(MAX_MENTIONS)
        .map(|mention| {
            let whom = match mention.kind {
                MentionKind::Me => "you",
                MentionKind::All => "all",
                MentionKind::Both => "you and all",
            };
            format!("{whom} in seq {}", mention.seq)
        })
        .collect();
    if mentions.len() > MAX_MENTIONS {
        parts.push(format!("{} more", mentions.len() - MAX_MENTIONS));
    }
    let more = if conversation.mention_is_lower_bound() { "+" } else { "" };
    let count = conversation.mention_count();
    if parts.is_empty() { format!("{count}{more}") } else { format!("{count}{more} ({})", parts.join(", ")) }
}

/// The draft, and those that lost to it without their writer having seen it.
fn drafts(conversation: ConversationView<'_>) -> Vec<(&'static str, String)> {
    let shown = conversation.draft();
    let said = |draft: &chatfold::view::Draft<'_>| {
        format!("\"{}\" of {} UTC", one_line(words::head(draft.text)), minute(draft.stamp.at))
    };
    let mut rows: Vec<(&'static str, String)> = shown.iter().map(|draft| ("draft", said(draft))).collect();
    // A writer that never names what it replaces leaves any number of them.
    let kept = conversation.drafts_kept();
    let others: Vec<_> =
        kept.iter().filter(|draft| shown.as_ref().is_none_or(|shown| shown.stamp != draft.stamp)).collect();
    let earlier = others.len().saturating_sub(MAX_DRAFTS);
    rows.extend(others.iter().skip(earlier).map(|draft| ("other draft", said(draft))));
    if earlier > 0 {
        rows.push(("other drafts", format!("{earlier} earlier ones (--json lists all)")));
    }
    rows
}
