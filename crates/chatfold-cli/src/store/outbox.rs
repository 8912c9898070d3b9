//! `chatfold store outbox`: what happened to all logs of a store, in one order.

use std::io::Write;

use chatfold::store::{Outbox, OutboxEntry, OutboxError, OutboxStatus};
use serde_json::json;

use super::{Store, StoreAddress, StoreError};
use crate::args::StoreOutboxArgs;
use crate::failure::{Failure, Verdict};
use crate::output::{stdout, write_json};
use crate::text::escape;

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// Runs the command.
pub fn run(args: &StoreOutboxArgs) -> Result<Verdict, Failure> {
    let place = StoreAddress::of_store(&args.store)?;
    if !place.owner.is_empty() {
        let what = "an outbox is of all inboxes of a store: name it without #OWNER";
        return Err(Failure::Usage(format!("{place}: {what}")));
    }
    let is_changed = args.on || args.off || args.forget.is_some();
    let mut store = place.open(is_changed)?;
    let failed = |error: StoreError| place.failed("the outbox cannot be switched", error);
    let mut out = stdout();
    if args.on {
        let beginning = store.outbox_on().map_err(failed)?;
        say(&mut out, &place, args.json, &json!({ "next": beginning.to_string() }), || {
            format!("on; follow it from {beginning}")
        })?;
    } else if args.off {
        store.outbox_off().map_err(failed)?;
        say(&mut out, &place, args.json, &json!({ "off": true }), || "off".to_owned())?;
    } else if let Some(through) = &args.forget {
        let forgotten = store.outbox_forget(through).map_err(|error| refused(&place, error))?;
        say(&mut out, &place, args.json, &json!({ "forgotten": forgotten }), || {
            format!("{} forgotten", entries(forgotten))
        })?;
    } else if args.status {
        let status = store.outbox_status(args.after.as_ref()).map_err(|error| refused(&place, error))?;
        let OutboxStatus { first, behind, held, .. } = status;
        let told = json!({ "first": first.to_string(), "behind": behind, "held": held });
        say(&mut out, &place, args.json, &told, || {
            format!(
                "{} to read, {held} held back by open transactions; the oldest is behind {first}",
                entries(behind)
            )
        })?;
    } else {
        follow(&mut store, &place, args, &mut out)?;
    }
    out.flush()?;
    Ok(Verdict::Sound)
}

fn entries(many: u64) -> String {
    if many == 1 { "1 entry".to_owned() } else { format!("{many} entries") }
}

fn say(
    out: &mut impl Write,
    place: &StoreAddress,
    is_json: bool,
    value: &serde_json::Value,
    words: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if is_json {
        write_json(out, value)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{place}: {}", words())?;
    }
    Ok(())
}

/// Shows the entries behind a cursor, and at the end where to go on.
fn follow(
    store: &mut Store,
    place: &StoreAddress,
    args: &StoreOutboxArgs,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut next = match args.after {
        Some(after) => after,
        None => store.outbox_status(None).map_err(|error| refused(place, error))?.first,
    };
    let mut left = args.limit;
    loop {
        let asked = left.min(PAGE);
        let page = store.outbox_after(&next, asked).map_err(|error| refused(place, error))?;
        for entry in &page.entries {
            show(out, entry, args.json)?;
        }
        next = page.next;
        left -= page.entries.len().min(left);
        if page.entries.is_empty() || left == 0 {
            break;
        }
    }
    if args.json {
        write_json(out, &json!({ "next": next.to_string() }))?;
        writeln!(out)?;
    } else {
        writeln!(out, "next {next}")?;
    }
    Ok(())
}

fn show(out: &mut impl Write, entry: &OutboxEntry, is_json: bool) -> Result<(), Failure> {
    let OutboxEntry { cursor, stream, change, .. } = entry;
    let what = if stream.account().is_some() { "inbox" } else { "stream" };
    let named = format!("{stream:#}");
    let (word, first, last) = change.parts();
    if is_json {
        let mut told = json!({ "cursor": cursor.to_string(), what: named, "change": word });
        if let Some(told) = told.as_object_mut().filter(|_| last > 0) {
            told.insert("first".to_owned(), first.into());
            told.insert("last".to_owned(), last.into());
        }
        write_json(out, &told)?;
        writeln!(out)?;
        return Ok(());
    }
    let owner = escape(&named);
    match last {
        0 => writeln!(out, "{cursor} {word} {owner}")?,
        _ => writeln!(out, "{cursor} {word} {owner} {first} to {last}")?,
    }
    Ok(())
}

/// Why there is nothing to read: exit code 3, unless the store failed.
fn refused(place: &StoreAddress, error: OutboxError<StoreError>) -> Failure {
    match error {
        OutboxError::Store(error) => place.failed("the outbox cannot be read", error),
        OutboxError::Off => {
            Failure::Refused(format!("{place}: the outbox is switched off: chatfold store outbox … --on"))
        }
        refused => Failure::Refused(format!("{place}: {refused}")),
    }
}
