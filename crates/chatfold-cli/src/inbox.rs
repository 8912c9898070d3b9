//! `chatfold inbox`: the conversation list, for people or as JSON.

use std::io::Write;

use chatfold::id::ConversationKind;
use chatfold::list::{ArchiveFilter, BadgeRule, FolderFilter, ListCursor, MarkFilter, MembershipFilter};
use chatfold::{ConversationView, Filter, FolderId, Inbox, Timestamp, v2tim};

use crate::args::{BadgeFlag, FilterArgs, InboxArgs, KindFlag, MembershipFlag, TimeArgs, TimeStyle};
use crate::failure::{Failure, Verdict};
use crate::folded::{Asked, fold, print};
use crate::input::Source;
use crate::instant::{ago, minute};
use crate::list::{DIM, List};
use crate::log::{Tally, count};
use crate::snapshot;
use crate::text::{Look, escape};

/// Rows fetched at once.
const PAGE_LEN: usize = 1000;

/// Runs the command.
pub fn run(args: &InboxArgs) -> Result<Verdict, Failure> {
    let dialect = args.dialect.dialect()?;
    let source = Source::from(args.log.as_path());
    let (choice, policy) = (args.reading.choice(), args.reading.policy());
    let (inbox, tally) = match &args.snapshot {
        Some(snapshot) => snapshot::resume(&source, snapshot, &choice, policy)?,
        None if snapshot::is_one(&source) => snapshot::open(&source, &choice, policy)?,
        None => fold(&source, &choice, policy)?,
    };
    tally.report_skipped(&source);
    let asked = Asked { source: &source, snapshot: args.snapshot.as_deref(), choice: &choice, policy };
    print(asked, (inbox, tally), |out, inbox, tally| {
        let filter = filter(&args.filter, inbox)?;
        if args.json {
            json(out, (args, dialect), inbox, tally, &filter)
        } else {
            people(out, args, inbox, tally, &filter)
        }
    })
}

/// The filter that the options describe; folders are looked up by id, then by name.
fn filter(args: &FilterArgs, inbox: &Inbox) -> Result<Filter, Failure> {
    Ok(Filter::default()
        .with_kind(args.kind.map(|kind| match kind {
            KindFlag::Direct => ConversationKind::Direct,
            KindFlag::Group => ConversationKind::Group,
        }))
        .with_folder(match (&args.folder, args.no_folder) {
            (Some(name), _) => FolderFilter::In(folder(name, inbox)?),
            (None, true) => FolderFilter::InNone,
            (None, false) => FolderFilter::Any,
        })
        .with_mark(match (args.mark, args.no_mark) {
            (Some(mark), _) => MarkFilter::With(mark),
            (None, true) => MarkFilter::Unmarked,
            (None, false) => MarkFilter::Any,
        })
        .with_has_unread(args.unread)
        .with_has_mention(args.mention)
        .with_unread_or_marked(args.unread_or_marked)
        .without_marks(args.without_mark.iter().fold(0, |bits, mark| bits | mark.bits()))
        .with_archived(match (args.archived, args.no_archived) {
            (true, _) => ArchiveFilter::Only,
            (false, true) => ArchiveFilter::LeaveOut,
            (false, false) => ArchiveFilter::Any,
        })
        .with_membership(args.member.map_or(MembershipFilter::Any, MembershipFlag::filter)))
}

/// The folder with this id, else the only one of this name.
pub fn folder(wanted: &str, inbox: &Inbox) -> Result<FolderId, Failure> {
    let folders = inbox.folders();
    let by_id = wanted.parse().ok().filter(|id| folders.iter().any(|folder| folder.id == *id));
    let mut named = folders.iter().filter(|folder| folder.name == wanted).map(|folder| folder.id);
    match (by_id.or_else(|| named.next()), named.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(Failure::NotFound(format!(
            "more than one folder is called {wanted:?}: give its id, one of {}",
            listed(folders.iter().filter(|folder| folder.name == wanted).map(|folder| folder.id.to_string()))
        ))),
        (None, _) if folders.is_empty() => {
            Err(Failure::NotFound(format!("no folder {wanted:?}: there are no folders")))
        }
        (None, _) => Err(Failure::NotFound(format!(
            "no folder {wanted:?}: there are {}",
            listed(folders.iter().map(|folder| format!("{:?}", folder.name)))
        ))),
    }
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn json(
    out: &mut dyn Write,
    (args, dialect): (&InboxArgs, v2tim::Dialect),
    inbox: &Inbox,
    tally: &Tally,
    filter: &Filter,
) -> Result<(), Failure> {
    let object =
        v2tim::InboxJson::new(inbox, tally.skipped, filter).with_limit(args.limit.unwrap_or(usize::MAX));
    let object = object.with_dialect(dialect);
    let object = if args.all_keys { object.with_all_keys() } else { object };
    crate::output::write_json(out, &object)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn people(
    out: &mut dyn Write,
    args: &InboxArgs,
    inbox: &Inbox,
    tally: &Tally,
    filter: &Filter,
) -> Result<(), Failure> {
    let look = args.looks.look();
    let now = now(&args.time, tally);
    let rows = pages(inbox, filter, args.limit.unwrap_or(usize::MAX));
    let list = List::new(look, inbox.owner().as_str(), rows, |row| when(&args.time, row.activity(), now));
    for line in list.lines() {
        writeln!(out, "{line}")?;
    }
    if list.len() > 0 {
        writeln!(out)?;
    }
    if let Some(flags) = &args.badge {
        writeln!(out, "{}", look.paint(DIM, &format!("badge {}", inbox.badge(badge_rule(flags)))))?;
    }
    for line in footer(look, inbox, tally, filter, list.len(), now) {
        writeln!(out, "{}", look.paint(DIM, &line))?;
    }
    Ok(())
}

/// The rule that the words after --badge describe.
fn badge_rule(flags: &[BadgeFlag]) -> BadgeRule {
    let has = |flag| flags.contains(&flag);
    BadgeRule::default()
        .with_chats(has(BadgeFlag::Chats))
        .with_archived(has(BadgeFlag::Archived))
        .with_hidden(has(BadgeFlag::Hidden))
        .without_muted_mentions(has(BadgeFlag::NoMutedMentions))
}

/// The instant that times are reckoned from: never the clock, unless the clock was asked for.
fn now(args: &TimeArgs, tally: &Tally) -> Timestamp {
    args.now.map(|span| span.to).or(tally.newest).unwrap_or(Timestamp::EPOCH)
}

fn when(args: &TimeArgs, at: Timestamp, now: Timestamp) -> String {
    match args.time {
        TimeStyle::Relative => ago(at, now),
        TimeStyle::Absolute => minute(at),
    }
}

/// At most so many of the rows that pass `filter`, in list order.
fn pages<'a>(
    inbox: &'a Inbox,
    filter: &'a Filter,
    limit: usize,
) -> impl Iterator<Item = ConversationView<'a>> {
    let mut next: Option<Option<ListCursor>> = Some(None);
    let rows = std::iter::from_fn(move || {
        let after = next.take()?;
        let page = inbox.page(filter, after.as_ref(), limit.clamp(1, PAGE_LEN));
        next = page.next.map(Some);
        Some(page.conversations)
    });
    rows.flatten().take(limit)
}

/// Totals, and what was read.
fn footer(
    look: Look,
    inbox: &Inbox,
    tally: &Tally,
    filter: &Filter,
    shown: usize,
    now: Timestamp,
) -> Vec<String> {
    let dot = look.dot();
    let (all, listed) = (inbox.totals(), inbox.listed());
    let unread = |totals: chatfold::list::Totals| match totals.unread_all - totals.unread {
        0 => format!("{} unread", totals.unread),
        _ => format!("{} unread ({} with muted)", totals.unread, totals.unread_all),
    };
    let filtered = *filter != Filter::default();
    let mut first = if filtered {
        let matching = pages(inbox, filter, usize::MAX).count();
        let total = count(listed as u64, "conversation");
        let here = unread(inbox.totals_of(filter));
        format!("{here}{dot} {matching} of {total}{dot} in all {}", unread(all))
    } else {
        format!("{}{dot} {}", unread(all), count(listed as u64, "conversation"))
    };
    if shown < if filtered { pages(inbox, filter, usize::MAX).count() } else { listed } {
        first.push_str(&format!("{dot} {shown} shown"));
    }
    let mut second = format!("{}{dot} {} read", escape(inbox.owner().as_str()), count(tally.events, "event"));
    for (number, what) in [(tally.skipped, "skipped"), (tally.later, "later"), (tally.faults, "faulty")] {
        if number > 0 {
            second.push_str(&format!(", {number} {what}"));
        }
    }
    if now != Timestamp::EPOCH {
        second.push_str(&format!("{dot} as of {} UTC", minute(now)));
    }
    vec![first, second]
}
