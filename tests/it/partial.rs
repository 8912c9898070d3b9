//! The law of R46 and R47: what is known of the number of unread messages and of mentions where part of the history
//! is not held, asserted on worlds whose whole history is known.

mod log;
mod world;

use std::collections::BTreeMap;

use self::world::{Number, World};
use chatfold::view::Bounds;
use chatfold::{Inbox, Policy};

use crate::harness::cases;
use crate::histories::Rng;
use crate::model::bounds::{ENDLESS, Fault, Held, Interval, Named, Report, Said, interval};

const NUMBERS: [Number; 2] = [Number::Unread, Number::Mentions];

/// What the law says of one world, step by step, as it is filled up. `Err` says how it is broken.
fn law(seed: u64, fault: Fault, tally: &mut BTreeMap<&'static str, u64>) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut world = World::new(&mut rng);
    let mut before: BTreeMap<bool, Interval> = BTreeMap::new();
    loop {
        for number in NUMBERS.into_iter().filter(|number| world.group || *number == Number::Unread) {
            let held = world.held(number);
            let (truth, found) = (world.truth(number), interval(&held, fault));
            let told = || format!("{number:?} is {truth}, found {found:?}\n{held:#?}\n{world:#?}");
            if found.lo > truth || truth > found.hi {
                return Err(told());
            }
            *tally.entry(if found.lo == found.hi { "exact" } else { "bound" }).or_default() += 1;
            if let Some(old) = before.insert(number == Number::Unread, found) {
                if found.lo < old.lo || found.hi > old.hi {
                    return Err(format!("was {old:?}; {}", told()));
                }
                *tally.entry("steps").or_default() += 1;
            }
        }
        if !world.fill_up(&mut rng) {
            return whole(&world, fault);
        }
    }
}

/// With everything held the number is that of a log without a report.
fn whole(world: &World, fault: Fault) -> Result<(), String> {
    for number in NUMBERS.into_iter().filter(|number| world.group || *number == Number::Unread) {
        let found = interval(&world.held(number), fault);
        if world.read_known() && found != Interval::exactly(world.truth(number)) {
            return Err(format!("whole, and yet {found:?} is not {}\n{world:#?}", world.truth(number)));
        }
    }
    Ok(())
}

#[test]
fn r46_r47_bounds_hold_the_truth_and_only_ever_narrow() {
    let mut tally = BTreeMap::new();
    for seed in 0..cases(3_000).max(12_000) {
        if let Err(told) = law(seed, Fault::None, &mut tally) {
            panic!("seed {seed}: {told}");
        }
    }
    for kind in ["exact", "bound", "steps"] {
        assert!(tally.get(kind).is_some_and(|count| *count > 10_000), "{tally:?}");
    }
}

/// The same law of the fold: what an inbox says of such a world, live as it is filled up and folded anew.
fn law_of_the_fold(seed: u64, tally: &mut BTreeMap<&'static str, u64>) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut world = World::new(&mut rng);
    let mut events = world.events();
    let mut inbox = Inbox::replay(log::owner(), Policy::default(), &events);
    let mut before: BTreeMap<bool, Bounds> = BTreeMap::new();
    for step in 0.. {
        let replayed = Inbox::replay(log::owner(), Policy::default(), &events);
        let told = |what: &str| format!("{what}\n{}\n{world:#?}", crate::harness::told(&events));
        inbox.audit().map_err(|fault| told(&fault.to_string()))?;
        for number in NUMBERS.into_iter().filter(|number| world.group || *number == Number::Unread) {
            let [found, again] = [&inbox, &replayed].map(|inbox| bounds(inbox, &world, number));
            let (truth, is_unread) = (world.truth(number), number == Number::Unread);
            let (least, most) = (i128::from(found.least), found.most.map_or(ENDLESS, i128::from));
            if found != again {
                return Err(told(&format!("{number:?}: live {found:?}, folded anew {again:?}")));
            }
            if least > truth || truth > most {
                return Err(told(&format!("{number:?} is {truth}, found {found:?}")));
            }
            *tally.entry(if least == most { "exact" } else { "bound" }).or_default() += 1;
            if let Some(old) = before.insert(is_unread, found) {
                if found.least < old.least || most > old.most.map_or(ENDLESS, i128::from) {
                    return Err(told(&format!("{number:?} was {old:?}, is {found:?}")));
                }
                *tally.entry("steps").or_default() += 1;
            }
        }
        if step > 30 || !world.fill_up(&mut rng) {
            return Ok(());
        }
        events = world.events();
        events.iter().for_each(|event| drop(inbox.apply(event)));
    }
    Ok(())
}

fn bounds(inbox: &Inbox, world: &World, number: Number) -> Bounds {
    let view = inbox.conversation(&world.conversation()).unwrap();
    let (count, is_bound, bounds) = match number {
        Number::Unread => (view.unread_count(), view.unread_is_lower_bound(), view.unread_bounds()),
        Number::Mentions => (view.mention_count(), view.mention_is_lower_bound(), view.mention_bounds()),
    };
    assert_eq!((count, is_bound), (bounds.least, bounds.most != Some(bounds.least)), "the row is its bounds");
    bounds
}

#[test]
fn r46_r47_the_fold_holds_the_truth_and_only_ever_narrows() {
    let mut tally = BTreeMap::new();
    for seed in 0..cases(3_000).max(12_000) {
        if let Err(told) = law_of_the_fold(seed, &mut tally) {
            panic!("seed {seed}: {told}");
        }
    }
    for kind in ["exact", "bound", "steps"] {
        assert!(tally.get(kind).is_some_and(|count| *count > 10_000), "{tally:?}");
    }
}

#[test]
fn r46_r47_every_planted_fault_is_noticed() {
    for fault in FAULTS {
        let seeds = 0..cases(10_000).max(40_000);
        let noticed = seeds.into_iter().any(|seed| law(seed, fault, &mut BTreeMap::new()).is_err());
        assert!(noticed, "{fault:?} went unnoticed");
    }
}

const FAULTS: [Fault; 14] = [
    Fault::ReadsOnly,
    Fault::WaitingRemovals,
    Fault::LateRemovals,
    Fault::EarlyRemovals,
    Fault::WaitingMarks,
    Fault::WaitingReads,
    Fault::ClearingsBefore,
    Fault::ClearingsAfter,
    Fault::ShareAboveClearing,
    Fault::Places,
    Fault::ReadByNameSince,
    Fault::ReadByNameTaken,
    Fault::AtLeast,
    Fault::UnknownRead,
];

/// What was held below the marker is not taken from the upper end where a later clearing reaches over the report's
/// read: the law needs it. That a report is ignored where everything is held, no true report can show; a lying one does.
#[test]
fn r46_two_terms_that_are_rarely_needed_have_their_witnesses() {
    let known_below = Fault::KnownBelowDespiteClearing;
    assert!(law(2_476, known_below, &mut BTreeMap::new()).is_err(), "the seed is its witness");
    let message =
        Named { first: Some(1), delivered: true, countable: true, removed: None, switches: Vec::new() };
    let report = Report { through: 1, stamp: 1, read: Some(0), said: Said::Count(5), at_least: false };
    let held = Held {
        group: true,
        named: vec![message],
        reads: Vec::new(),
        waiting_reads: Vec::new(),
        marks: Vec::new(),
        waiting_marks: Vec::new(),
        coverage: None,
        report: Some(report),
        complete: Vec::new(),
    };
    assert_eq!(interval(&held, Fault::None), Interval::exactly(1));
    assert_eq!(interval(&held, Fault::ReportBesideAll), Interval { lo: 1, hi: ENDLESS });
}
