//! A command on an inbox in a store: an account carries it out.

use chatfold::{Decision, Inbox, decide};
use chatfold_account::{Account, Options};

use super::clock::{now, seed};
use super::command;
use crate::args::DoArgs;
use crate::failure::Failure;
use crate::output::say;
use crate::sentence::refusal;
use crate::store::StoreAddress;
use crate::store::account::failure;

/// Decides and, unless in a dry run, appends: the inbox before, and what was decided.
pub fn run(args: &DoArgs, place: &StoreAddress) -> Result<(Inbox, Decision), Failure> {
    let owner = place.owner()?;
    if args.owner.as_ref().is_some_and(|named| *named != owner) {
        return Err(Failure::Usage(format!("{place}: the inbox is {owner}'s, whatever --as says")));
    }
    let store = place.open(!args.dry_run)?;
    let account = Account::open(store, owner.clone(), Options::default());
    let mut account = account.map_err(|error| failure(place, error))?;
    let inbox = account.inbox().clone();
    let now = args.instant(now)?;
    let seed = args.seed.map_or_else(seed, Ok)?;
    let command = command::command(args, &inbox, now, seed)?;
    let context = args.context(owner, now, seed);
    let decision = if args.dry_run {
        decide(&inbox, &command, &context).map_err(|why| Failure::Refused(refusal(&why)))?
    } else {
        let executed = account.execute(command, context).map_err(|error| failure(place, error))?;
        Decision { events: executed.events, refused: executed.refused }
    };
    account.take_reports().iter().for_each(|report| say(&format!("{place}: {report}")));
    Ok((inbox, decision))
}
