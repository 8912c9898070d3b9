//! The laws of section 1 on random histories: whatever the order, the repetition and the split of a log, the
//! inbox shows what the model makes of the set of its events.

use std::sync::atomic::{AtomicUsize, Ordering};

use chatfold::check::MergeError;
use chatfold::event::{AccountFact, Body};
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, Event, Inbox, Policy, UserId};

use crate::harness::{
    FEW, MANY, MIX, apply_each, cases, ensure, hold, replay, same, same_digest, shuffled, subset,
};
use crate::histories::tally::{EVERY_CASE, Tally};
use crate::histories::{DENSE, History, SHORT, USUAL, history};
use crate::model;
use crate::shown::{Names, shown};

fn expected(history: &History, events: &[Event]) -> model::Shown {
    model::shown(&history.owner, history.policy, events).without_void()
}

/// R04 and the rest would hold of nothing, if the histories lacked what is hard.
#[test]
fn the_histories_contain_every_hard_case() {
    let mut tally = Tally::default();
    for seed in 0..cases(3_000).max(12_000) {
        let shape = [USUAL, DENSE, SHORT][(seed % 3) as usize];
        let history = history(seed, shape);
        let shown = model::shown(&history.owner, history.policy, &history.events);
        tally.observe(&history, &shown);
    }
    let rare: Vec<_> = EVERY_CASE.iter().filter(|case| tally.of(case) < 50).collect();
    assert!(rare.is_empty(), "too rare: {rare:?}\n{}", tally.report());
}

#[test]
fn r01_r02_r03_any_order_and_repetition_shows_what_the_model_shows() {
    hold("R01, R02, R03", MIX, cases(1_000), &|history| {
        let names = Names::of(&history.events);
        let model = expected(history, &history.events);
        let forward = replay(history, &history.events);
        let same_as_model = |what: &str, inbox: &Inbox| {
            same(what, &model, &shown(inbox, &names))?;
            same_digest(what, &forward, inbox)?;
            inbox.audit().map_err(|fault| format!("{what}: {fault}"))
        };
        same_as_model("replayed", &forward)?;
        same_as_model("applied one by one", &apply_each(history, &history.events))?;
        let mut events = history.events.clone();
        events.reverse();
        same_as_model("replayed backwards", &replay(history, &events))?;
        same_as_model("applied backwards", &apply_each(history, &events))?;
        same_as_model("replayed shuffled", &replay(history, &shuffled(&events, history.seed)))?;
        same_as_model("applied shuffled", &apply_each(history, &shuffled(&events, !history.seed)))?;
        events.extend(shuffled(&history.events, history.seed ^ 0xd0b1));
        same_as_model("replayed twice over", &replay(history, &events))?;
        same_as_model("applied twice over", &apply_each(history, &events))?;
        let mut again = forward.clone();
        let changes = again.apply_batch(&events);
        same_as_model("everything once more", &again)?;
        ensure(changes.is_empty(), || format!("everything once more told {changes:?}"))
    });
}

#[test]
fn r03_every_prefix_shows_what_the_model_shows() {
    hold("R03", FEW, cases(750), &|history| {
        let names = Names::of(&history.events);
        let mut inbox = Inbox::new(history.owner.clone(), history.policy);
        for end in 0..=history.events.len() {
            let (prefix, _) = history.events.split_at(end);
            if let Some(event) = prefix.last() {
                inbox.apply(event);
            }
            let what = format!("after {end} events");
            same(&what, &expected(history, prefix), &shown(&inbox, &names))?;
            same_digest(&what, &replay(history, prefix), &inbox)?;
        }
        Ok(())
    });
}

fn merged(left: &Inbox, right: &Inbox) -> Result<Inbox, String> {
    let mut inbox = left.clone();
    inbox.merge(right).map_err(|error| error.to_string())?;
    inbox.audit().map_err(|fault| format!("merged: {fault}"))?;
    let mut absorbed = left.clone();
    absorbed.absorb(right.clone()).map_err(|error| error.to_string())?;
    absorbed.audit().map_err(|fault| format!("absorbed: {fault}"))?;
    same_digest("absorbed", &inbox, &absorbed)?;
    Ok(inbox)
}

#[test]
fn r04_merging_at_every_cut_shows_the_union() {
    hold("R04", FEW, cases(400), &|history| {
        let names = Names::of(&history.events);
        let whole = replay(history, &history.events);
        let model = expected(history, &history.events);
        for cut in 0..=history.events.len() {
            let (head, tail) = history.events.split_at(cut);
            let (head, tail) = (replay(history, head), apply_each(history, tail));
            for (what, inbox) in
                [("head, tail", merged(&head, &tail)?), ("tail, head", merged(&tail, &head)?)]
            {
                let what = format!("{what} cut at {cut}");
                same(&what, &model, &shown(&inbox, &names))?;
                same_digest(&what, &whole, &inbox)?;
            }
        }
        Ok(())
    });
}

#[test]
fn r04_merging_is_a_join() {
    hold("R04", MIX, cases(500), &|history| {
        let names = Names::of(&history.events);
        let [one, two, three] = [1, 2, 3].map(|salt| subset(&history.events, history.seed ^ salt << 60, 50));
        let union: Vec<Event> = history
            .events
            .iter()
            .filter(|e| [&one, &two, &three].iter().any(|of| of.contains(e)))
            .cloned()
            .collect();
        let model = expected(history, &union);
        let whole = replay(history, &union);
        let [a, b, c] = [&one, &two, &three].map(|events| replay(history, events));
        let joins = [
            ("(a b) c", merged(&merged(&a, &b)?, &c)?),
            ("a (b c)", merged(&a, &merged(&b, &c)?)?),
            ("(c b) a", merged(&merged(&c, &b)?, &a)?),
            ("b (a c)", merged(&b, &merged(&a, &c)?)?),
        ];
        for (what, joined) in &joins {
            same(what, &model, &shown(joined, &names))?;
            same_digest(what, &whole, joined)?;
            for again in [&a, &b, &c, joined, &whole] {
                same_digest(&format!("{what}, again"), joined, &merged(joined, again)?)?;
            }
        }
        // What is merged goes on as what was folded.
        let (_, mut on) = joins.into_iter().next().ok_or("nothing joined")?;
        on.apply_batch(&history.events);
        same("merged, then the rest", &expected(history, &history.events), &shown(&on, &names))?;
        same_digest("merged, then the rest", &replay(history, &history.events), &on)
    });
}

/// What forked from one inbox and went apart comes together again; what was forked from stays as it was.
fn check_fork(history: &History) -> Result<(), String> {
    let names = Names::of(&history.events);
    let (base, rest) = history.events.split_at(history.events.len() / 2);
    let [one, two] = [1, 2].map(|salt| subset(rest, history.seed ^ salt << 60, 65));
    let root = replay(history, base);
    let before = (shown(&root, &names), root.digest());
    let fork = |events: &[Event]| {
        let mut inbox = root.clone();
        events.iter().for_each(|event| drop(inbox.apply(event)));
        inbox
    };
    let (left, right) = (fork(&one), fork(&two));
    let union = [base, one.as_slice(), two.as_slice()].concat();
    let (model, whole) = (expected(history, &union), replay(history, &union));
    for (what, joined) in [("left, right", merged(&left, &right)?), ("right, left", merged(&right, &left)?)] {
        same(what, &model, &shown(&joined, &names))?;
        same_digest(what, &whole, &joined)?;
    }
    same_digest("root taken in", &left, &merged(&left, &root)?)?;
    same_digest("taken in by the root", &left, &merged(&root, &left)?)?;
    same("left", &expected(history, &[base, one.as_slice()].concat()), &shown(&left, &names))?;
    same("the root", &before.0, &shown(&root, &names))?;
    ensure(root.digest() == before.1, || "the root's digest changed".to_owned())
}

#[test]
fn r04_forks_of_an_inbox_merge_and_leave_it_as_it_was() {
    hold("R04", MIX, cases(500), &check_fork);
    hold("R04", MANY, cases(8), &check_fork);
}

#[test]
fn r04_inboxes_of_unlike_owner_or_policy_do_not_merge() {
    let alice = UserId::parse("alice").unwrap();
    let mut inbox = Inbox::new(alice.clone(), Policy::default());
    let other_owner = Inbox::new(UserId::parse("bob").unwrap(), Policy::default());
    let other_policy = Inbox::new(alice, Policy::default().with_meeting_unread(true));
    let before = inbox.digest();
    let _: MergeError = inbox.merge(&other_owner).unwrap_err();
    let _: MergeError = inbox.merge(&other_policy).unwrap_err();
    assert_eq!(inbox.digest(), before);
}

#[test]
fn r08_what_shows_another_thing_has_another_digest() {
    hold("R08", FEW, cases(500), &|history| {
        let subsets = [1, 2, 3, 4, 5, 6].map(|salt| subset(&history.events, history.seed ^ salt << 60, 80));
        let folded = subsets.each_ref().map(|events| (expected(history, events), replay(history, events)));
        for (left, one) in &folded {
            for (right, two) in &folded {
                ensure(left == right || one.digest() != two.digest(), || {
                    format!("one digest for two inboxes:\n  {}", left.differences(right).join("\n  "))
                })?;
            }
        }
        Ok(())
    });
}

#[test]
fn histories_of_thousands_of_messages_hold_the_laws() {
    hold("R03, R04", MANY, cases(12), &|history| {
        let names = Names::of(&history.events);
        let model = expected(history, &history.events);
        let forward = replay(history, &history.events);
        same("replayed", &model, &shown(&forward, &names))?;
        let shuffled = shuffled(&history.events, history.seed);
        let backwards: Vec<_> = history.events.iter().rev().cloned().collect();
        let (head, tail) = history.events.split_at(history.events.len() / 3);
        let halves = [1, 2].map(|salt| subset(&history.events, history.seed ^ salt << 60, 70));
        let [one, two] = halves.each_ref().map(|events| replay(history, events));
        let rest = history.events.iter().filter(|e| !halves.iter().any(|half| half.contains(e)));
        let mut overlapping = merged(&one, &two)?;
        overlapping.apply_batch(rest);
        for (what, inbox) in [
            ("applied", apply_each(history, &history.events)),
            ("backwards", apply_each(history, &backwards)),
            ("replayed shuffled", replay(history, &shuffled)),
            ("applied shuffled", apply_each(history, &shuffled)),
            ("head replayed, tail applied", {
                let mut inbox = replay(history, head);
                tail.iter().for_each(|event| drop(inbox.apply(event)));
                inbox
            }),
            ("merged", merged(&replay(history, tail), &replay(history, head))?),
            ("overlapping, then the rest", overlapping),
        ] {
            same(what, &model, &shown(&inbox, &names))?;
            same_digest(what, &forward, &inbox)?;
            inbox.audit().map_err(|fault| format!("{what}: {fault}"))?;
        }
        Ok(())
    });
}

/// Whether an event is about a conversation, or says what its group is called.
fn names(event: &Event, id: &ConversationId) -> bool {
    let profiled = match event.body() {
        Body::Account(AccountFact::GroupProfileChanged { group, .. }) => {
            id.kind() == ConversationKind::Group && id.target() == group.as_str()
        }
        _ => false,
    };
    profiled || event.conversation() == Some(id)
}

#[test]
fn r05_the_conversation_ids_of_events_are_all_that_is_known() {
    let unnamed = AtomicUsize::new(0);
    hold("R05", FEW, cases(100), &|history| {
        let inbox = replay(history, &history.events);
        for id in crate::histories::conversation_ids() {
            if history.events.iter().any(|event| names(event, &id)) {
                continue;
            }
            unnamed.fetch_add(1, Ordering::Relaxed);
            ensure(inbox.conversation(&id).is_none(), || format!("{id} is known though no event names it"))?;
            let listed = inbox.conversations().any(|view| *view.id() == id);
            ensure(!listed, || format!("{id} is listed though no event names it"))?;
        }
        Ok(())
    });
    assert!(unnamed.into_inner() > 0, "every history names every conversation: nothing was looked at");
}
