//! `chatfold stats`: what is in a log.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use chatfold::event::{Body, Fact};
use chatfold::id::ConversationKind;
use chatfold::jsonl::LoggedEvent;
use chatfold::{ConversationId, Event, Inbox, MessageId, Replay, Timestamp, UserId};
use serde_json::{Value, json};

use crate::args::StatsArgs;
use crate::failure::{Failure, Verdict};
use crate::future_messages::Ahead;
use crate::input::Source;
use crate::list::{BOLD, DIM, PLAIN};
use crate::log::{OpenLog, Tally, count};
use crate::output::{Output, stdout};
use crate::text::{Line, Look, cut, escape, one_line, width};

/// A name in a chart takes at most this many cells.
const MAX_NAME: usize = 32;

/// A bar takes at most this many cells.
const MAX_BAR: usize = 40;

const MILLIS_PER_HOUR: i64 = 3_600_000;

const BAR: Style = AnsiColor::Cyan.on_default();

/// Runs the command.
pub fn run(args: &StatsArgs) -> Result<Verdict, Failure> {
    let source = Source::from(args.log.as_path());
    let log = OpenLog::open(&source, &args.reading.choice())?;
    let owner = log.owner().clone();
    let mut replay = Replay::new(owner.clone(), args.reading.policy());
    let mut counts = Counts::new(owner);
    let tally = log.read(|line, event| {
        if let LoggedEvent::Known(event) = &event {
            counts.ahead.note(line, event);
            counts.count(event);
            replay.push(event);
        }
    })?;
    let inbox = replay.finish();
    tally.report_skipped(&source);
    let mut out = stdout();
    if args.json {
        let object = json(&inbox, &counts, &tally, args.top);
        crate::output::write_json(&mut out, &object)?;
        out.write_all(b"\n")?;
    } else {
        let mut page = Page { out: &mut out, look: args.looks.look() };
        page.write(&inbox, &counts, &tally, args.top)?;
    }
    out.flush()?;
    Ok(tally.verdict())
}

/// What is counted event by event. A message counts where an event introduces it; one of the owner's own,
/// queued here and echoed by the server, counts once.
#[derive(Debug)]
struct Counts {
    owner: UserId,
    types: BTreeMap<&'static str, u64>,
    conversations: HashMap<ConversationId, u64>,
    people: HashMap<UserId, u64>,
    hours: [u64; 24],
    messages: u64,
    own: HashSet<(ConversationId, MessageId)>,
    span: Option<(Timestamp, Timestamp)>,
    ahead: Ahead,
}

impl Counts {
    fn new(owner: UserId) -> Self {
        Self {
            owner,
            types: BTreeMap::new(),
            conversations: HashMap::new(),
            people: HashMap::new(),
            hours: [0; 24],
            messages: 0,
            own: HashSet::new(),
            span: None,
            ahead: Ahead::default(),
        }
    }

    fn count(&mut self, event: &Event) {
        *self.types.entry(event.type_name()).or_default() += 1;
        let (from, to) = self.span.unwrap_or((event.at(), event.at()));
        self.span = Some((from.min(event.at()), to.max(event.at())));
        add(&mut self.people, event.by(), 0);
        let Body::Conversation(id, fact) = event.body() else {
            return;
        };
        add(&mut self.conversations, id, 0);
        let (author, message) = match fact {
            Fact::MessageReceived(message) | Fact::MessageQueued(message) => (event.by(), message),
            Fact::MessageImported { sender, message } => (sender.as_ref().unwrap_or(event.by()), message),
            _ => return,
        };
        if *author == self.owner && !self.own.insert((id.clone(), message.id)) {
            return;
        }
        self.messages += 1;
        add(&mut self.people, author, 1);
        add(&mut self.conversations, id, 1);
        let hour = event.at().as_millis() / MILLIS_PER_HOUR % 24;
        if let Some(count) = usize::try_from(hour).ok().and_then(|hour| self.hours.get_mut(hour)) {
            *count += 1;
        }
    }

    fn conversations_of(&self, kind: ConversationKind) -> u64 {
        self.conversations.keys().filter(|id| id.kind() == kind).count() as u64
    }
}

fn add<K: Eq + Hash + Clone>(counts: &mut HashMap<K, u64>, key: &K, more: u64) {
    match counts.get_mut(key) {
        Some(count) => *count += more,
        None => {
            counts.insert(key.clone(), more);
        }
    }
}

/// The `top` greatest counts above zero, ties by key.
fn busiest<K: Ord + Eq + Hash>(counts: &HashMap<K, u64>, top: usize) -> Vec<(&K, u64)> {
    let mut all: Vec<(&K, u64)> =
        counts.iter().map(|(key, count)| (key, *count)).filter(|(_, count)| *count > 0).collect();
    all.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    all.truncate(top);
    all
}

/// The `top` listed conversations with the most unread messages: id, name, count; and how many have any.
fn unread(inbox: &Inbox, top: usize) -> (Vec<(ConversationId, String, u64)>, u64) {
    let mut all: Vec<_> = inbox
        .conversations()
        .filter(|row| row.unread_count() > 0)
        .map(|row| (row.id(), row.show_name(), row.unread_count()))
        .collect();
    all.sort_by(|(a, _, m), (b, _, n)| n.cmp(m).then_with(|| a.cmp(b)));
    let with_any = all.len() as u64;
    let first = all.into_iter().take(top);
    (first.map(|(id, name, count)| (id.clone(), name.to_owned(), count)).collect(), with_any)
}

fn show_name(inbox: &Inbox, id: &ConversationId) -> String {
    inbox.conversation(id).map_or(id.target(), |row| row.show_name()).to_owned()
}

/// What a user is called in the direct conversation with them, if there is one.
fn user_name(inbox: &Inbox, user: &UserId) -> String {
    show_name(inbox, &ConversationId::direct(user))
}

fn json(inbox: &Inbox, counts: &Counts, tally: &Tally, top: usize) -> Value {
    let conversations: Vec<Value> = busiest(&counts.conversations, top)
        .into_iter()
        .map(|(id, messages)| {
            json!({"conversationID": id.as_str(), "showName": show_name(inbox, id), "messages": messages})
        })
        .collect();
    let people: Vec<Value> = busiest(&counts.people, top)
        .into_iter()
        .map(|(id, messages)| {
            json!({"userID": id.as_str(), "showName": user_name(inbox, id), "messages": messages})
        })
        .collect();
    let unread: Vec<Value> = unread(inbox, top)
        .0
        .into_iter()
        .map(|(id, name, count)| {
            json!({"conversationID": id.as_str(), "showName": name, "unreadCount": count})
        })
        .collect();
    let totals = inbox.totals();
    json!({
        "owner": inbox.owner().as_str(),
        "events": tally.events,
        "skippedEvents": tally.skipped,
        "eventsByType": counts.types,
        "messages": counts.messages,
        "messagesAhead": counts.ahead.lines().len(),
        "from": counts.span.map(|(from, _)| from.to_string()),
        "to": counts.span.map(|(_, to)| to.to_string()),
        "conversations": {
            "direct": counts.conversations_of(ConversationKind::Direct),
            "group": counts.conversations_of(ConversationKind::Group),
            "listed": inbox.listed(),
        },
        "people": counts.people.len(),
        "busiestConversations": conversations,
        "busiestPeople": people,
        "messagesByHour": counts.hours,
        "unread": unread,
        "totalUnreadCount": totals.unread,
        "totalUnreadCountAll": totals.unread_all,
        "digest": inbox.digest().to_string(),
    })
}

/// Text for people, a chart a subject.
struct Page<'o> {
    out: &'o mut Output,
    look: Look,
}

impl Page<'_> {
    fn write(&mut self, inbox: &Inbox, counts: &Counts, tally: &Tally, top: usize) -> Result<(), Failure> {
        self.summary(inbox, counts, tally)?;
        let types = counts.types.iter().map(|(name, count)| ((*name).to_owned(), *count));
        let mut types: Vec<(String, u64)> = types.collect();
        types.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        self.chart("Events by type", &types)?;
        let named = |name: String, id: &str| {
            let name = one_line(&name);
            if name == id { name } else { format!("{name} ({})", escape(id)) }
        };
        let rows = busiest(&counts.conversations, top).into_iter();
        let rows: Vec<_> = rows.map(|(id, n)| (named(show_name(inbox, id), id.target()), n)).collect();
        self.chart("Busiest conversations, by messages", &rows)?;
        let rows = busiest(&counts.people, top).into_iter();
        let rows: Vec<_> = rows.map(|(id, n)| (named(user_name(inbox, id), id.as_str()), n)).collect();
        self.chart("Busiest people, by messages", &rows)?;
        if counts.messages > 0 {
            let hours = counts.hours.iter().enumerate();
            let rows: Vec<_> = hours.map(|(hour, count)| (format!("{hour:02}:00"), *count)).collect();
            self.chart("Messages by hour of the day, UTC", &rows)?;
        }
        let (unread, with_any) = unread(inbox, top);
        let rows: Vec<_> = unread.into_iter().map(|(_, name, count)| (one_line(&name), count)).collect();
        self.chart("Unread by conversation", &rows)?;
        if with_any > rows.len() as u64 {
            writeln!(
                self.out,
                "{}",
                self.look.paint(DIM, &format!("and {} more", with_any - rows.len() as u64))
            )?;
        }
        Ok(())
    }

    fn summary(&mut self, inbox: &Inbox, counts: &Counts, tally: &Tally) -> Result<(), Failure> {
        let direct = counts.conversations_of(ConversationKind::Direct);
        let group = counts.conversations_of(ConversationKind::Group);
        let totals = inbox.totals();
        let span = match counts.span {
            Some((from, to)) => format!("{from} to {to} ({})", length(from, to)),
            None => "no events".to_owned(),
        };
        let mut events = format!("{}, {} of them messages", tally.events, counts.messages);
        for (number, what) in [(tally.skipped, "skipped"), (tally.later, "later"), (tally.faults, "faulty")] {
            if number > 0 {
                events.push_str(&format!("; {number} more lines {what}"));
            }
        }
        let listed = inbox.listed();
        let ahead = counts.ahead.summary();
        for (label, text) in [
            ("Owner", escape(inbox.owner().as_str()).into_owned()),
            ("Time", span),
            ("Events", events),
            (
                "Conversations",
                format!("{} ({direct} direct, {}), {listed} listed", direct + group, count(group, "group")),
            ),
            ("People", counts.people.len().to_string()),
            ("Unread", format!("{} ({} with muted)", totals.unread, totals.unread_all)),
        ]
        .into_iter()
        .chain(ahead.map(|text| ("A clock ahead", text)))
        {
            let mut line = Line::new(self.look);
            line.push(BOLD, label).to(15).push(PLAIN, &text);
            writeln!(self.out, "{}", line.finish())?;
        }
        Ok(())
    }

    /// Bars as long as their numbers are great; nothing without rows.
    fn chart(&mut self, title: &str, rows: &[(String, u64)]) -> Result<(), Failure> {
        let greatest = rows.iter().map(|(_, count)| *count).max().unwrap_or(0);
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", self.look.paint(BOLD, title))?;
        let name_width = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0).min(MAX_NAME);
        let number_end = 2 + name_width + 2 + greatest.to_string().len();
        let bar_width = self.look.width.saturating_sub(number_end + 2).min(MAX_BAR);
        for (name, number) in rows {
            let mut line = Line::new(self.look);
            line.to(2).push(PLAIN, &cut(name, name_width, self.look.ellipsis()));
            line.right(number_end, PLAIN, &number.to_string());
            line.to(number_end + 2).push(BAR, &bar(*number, greatest, bar_width, self.look.ascii));
            writeln!(self.out, "{}", line.finish())?;
        }
        Ok(())
    }
}

/// A bar of at most `cells` cells, in eighths of a cell; anything above zero is seen.
fn bar(number: u64, greatest: u64, cells: usize, ascii: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if number == 0 || greatest == 0 {
        return String::new();
    }
    let scaled = (u128::from(number) * cells as u128 * 8 / u128::from(greatest)).max(1);
    let scaled = usize::try_from(scaled).unwrap_or(usize::MAX);
    if ascii {
        return "#".repeat(scaled.div_ceil(8));
    }
    let part = EIGHTHS.get(scaled % 8).copied().unwrap_or_default();
    "█".repeat(scaled / 8) + part
}

/// `3 h`, `12 d`.
fn length(from: Timestamp, to: Timestamp) -> String {
    let minutes = (to.as_millis() - from.as_millis()) / 60_000;
    match minutes {
        0..60 => format!("{minutes} min"),
        60..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_numbers_are_great() {
        assert_eq!(bar(8, 8, 4, false), "████");
        assert_eq!(bar(4, 8, 4, false), "██");
        assert_eq!(bar(5, 8, 4, false), "██▌");
        assert_eq!(bar(1, 1_000_000, 4, false), "▏");
        assert_eq!(bar(0, 8, 4, false), "");
        assert_eq!(bar(5, 8, 4, true), "###");
        assert_eq!(bar(u64::MAX, u64::MAX, 40, true), "#".repeat(40));
    }
}
