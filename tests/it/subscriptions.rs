//! Unread totals by filter: after every event the sum over the list, and told exactly when they change (R53, R60).

use std::collections::BTreeMap;

use chatfold::list::Totals;
use chatfold::live::{FilterTotals, UnreadSubscriptions};
use chatfold::{ChangeSet, Event, Filter, Inbox};

use crate::harness::{MIX, SPREAD, cases, ensure, hold, replay, subset};
use crate::histories::{History, Rng};
use crate::mirror::batches;
use crate::pages::{any_filter, passes, totals};
use crate::snapshot::restored;

/// R53, by definition.
fn sum(inbox: &Inbox, filter: &Filter) -> Totals {
    totals(inbox.conversations().filter(|row| passes(filter, row)))
}

struct Subscribed {
    engine: UnreadSubscriptions,
    /// How many hold a filter, and its totals as last told.
    held: BTreeMap<Filter, (usize, Totals)>,
}

impl Subscribed {
    fn new(inbox: &Inbox) -> Self {
        Self { engine: UnreadSubscriptions::new(inbox), held: BTreeMap::new() }
    }

    /// Somebody asks for a filter or lets go of one.
    fn shuffle(&mut self, rng: &mut Rng, inbox: &Inbox) -> Result<(), String> {
        let held: Vec<Filter> = self.held.keys().copied().collect();
        if held.is_empty() || rng.percent(60) {
            let known = !held.is_empty() && rng.percent(30);
            let filter = if known { *rng.pick(&held) } else { any_filter(rng) };
            let found = self.engine.subscribe(filter);
            let expected = sum(inbox, &filter);
            ensure(found == expected, || format!("subscribed {filter:?}: {expected:?}, told {found:?}"))?;
            self.held.entry(filter).or_insert((0, found)).0 += 1;
        } else {
            let filter = *rng.pick(&held);
            let more = self.engine.unsubscribe(&filter);
            let (holders, _) = self.held.get_mut(&filter).unwrap();
            *holders -= 1;
            ensure(more == (*holders > 0), || format!("{filter:?}: {holders} hold it, told {more}"))?;
            if *holders == 0 {
                self.held.remove(&filter);
                ensure(!self.engine.unsubscribe(&filter), || "let go of twice".into())?;
            }
        }
        Ok(())
    }

    fn follow(&mut self, inbox: &Inbox, changes: &ChangeSet) -> Result<(), String> {
        let told = self.engine.follow(inbox, changes);
        let mut expected = Vec::new();
        for (filter, (_, last)) in &mut self.held {
            let (before, after) = (*last, sum(inbox, filter));
            if before != after {
                expected.push((*filter, before, after));
            }
            *last = after;
            let found = self.engine.totals(filter);
            ensure(found == Some(after), || format!("{filter:?}: {after:?}, found {found:?}"))?;
            ensure(inbox.totals_of(filter) == after, || format!("{filter:?}: totals_of differs"))?;
        }
        let parts = |t: &FilterTotals| (t.filter, t.before, t.after);
        let told: Vec<_> = told.iter().map(parts).collect();
        ensure(told == expected, || format!("expected {expected:?}, told {told:?}"))?;
        let filters: Vec<Filter> = self.held.keys().copied().collect();
        ensure(self.engine.filters() == filters, || "other filters are held".into())
    }
}

fn totals_hold(history: &History, mut inbox: Inbox, events: &[Event], percent: usize) -> Result<(), String> {
    let mut rng = Rng::new(history.seed ^ 0x53);
    let mut subscribed = Subscribed::new(&inbox);
    for _ in 0..8 {
        subscribed.shuffle(&mut rng, &inbox)?;
    }
    for (n, batch) in batches(events, percent).into_iter().enumerate() {
        let changes = inbox.apply_batch(batch);
        subscribed.follow(&inbox, &changes).map_err(|fault| format!("batch {n}: {fault}\n{changes:?}"))?;
        let idle = subscribed.engine.follow(&inbox, &changes);
        ensure(idle.is_empty(), || format!("told twice: {idle:?}"))?;
        subscribed.shuffle(&mut rng, &inbox)?;
    }
    Ok(())
}

#[test]
fn r53_r60_totals_by_filter_hold_after_every_event() {
    hold("R53", SPREAD, cases(500), &|history| {
        let inbox = Inbox::new(history.owner.clone(), history.policy);
        totals_hold(history, inbox, &history.events, 0)
    });
}

#[test]
fn r53_r60_totals_by_filter_hold_after_every_batch() {
    hold("R53", MIX, cases(250), &|history| {
        let (front, back) = history.events.split_at(history.events.len() / 3);
        totals_hold(history, restored(&replay(history, front))?, back, 80)
    });
}

#[test]
fn r53_totals_by_filter_hold_after_a_merge_and_after_missed_change_sets() {
    hold("R53", MIX, cases(250), &|history| {
        let mut rng = Rng::new(history.seed ^ 0x54);
        let one = subset(&history.events, history.seed, 60);
        let two = subset(&history.events, !history.seed, 60);
        let mut inbox = replay(history, &one);
        let mut subscribed = Subscribed::new(&inbox);
        for _ in 0..8 {
            subscribed.shuffle(&mut rng, &inbox)?;
        }
        let changes = inbox.merge(&replay(history, &two)).map_err(|error| error.to_string())?;
        subscribed.follow(&inbox, &changes)?;
        for event in &history.events {
            let changes = inbox.apply(event);
            if rng.percent(20) {
                subscribed.follow(&inbox, &changes)?;
            }
        }
        subscribed.follow(&inbox, &ChangeSet::default())
    });
}
