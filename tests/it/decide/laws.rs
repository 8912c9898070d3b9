//! The laws of `decide`, on random states and commands.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use chatfold::command::Limits;
use chatfold::event::{Body, Fact};
use chatfold::id::ConversationKind;
use chatfold::view::Direction;
use chatfold::{
    Command, Context, Decision, Envelope, Event, EventId, Inbox, Message, Timestamp, UserId, decide,
};

use super::commands::{Commander, NAMES, name};
use super::outcome;
use crate::harness::{MIX, cases, ensure, hold, replay, same_digest, shuffled};
use crate::histories::{History, message_id};

/// Judges a command and holds what must hold of the verdict alone.
fn judge(inbox: &Inbox, command: &Command, context: &Context) -> Result<Option<Decision>, String> {
    let before = inbox.digest();
    let verdict = decide(inbox, command, context);
    ensure(inbox.digest() == before, || format!("{command:?} changed the inbox"))?;
    ensure(verdict == decide(inbox, command, context), || format!("{command:?} is not pure"))?;
    if let Err(rejection) = &verdict {
        ensure(!rejection.to_string().is_empty(), || format!("{rejection:?} says nothing"))?;
    }
    Ok(verdict.ok())
}

/// Takes the events in and holds what must hold then.
fn take_in(
    inbox: &Inbox,
    command: &Command,
    context: &Context,
    decision: &Decision,
) -> Result<Inbox, String> {
    let told = |what: String| format!("{command:?}\n{context:?}\n{decision:?}\n{what}");
    let mut after = inbox.clone();
    for event in &decision.events {
        let before = after.digest();
        after.apply(event);
        ensure(after.digest() != before, || told(format!("{event:?} has no effect")))?;
        // The end of an option for a time is written at one instant by all devices.
        let own_time = matches!(command, Command::EndTimedOptions);
        ensure(own_time || event.at() >= context.time, || told(format!("{event:?} is before its context")))?;
        ensure(*event.by() == context.actor, || told(format!("{event:?} is by another")))?;
        #[cfg(feature = "jsonl")]
        {
            use chatfold::jsonl::{LoggedEvent, decode_line, encode_event};
            let decoded = decode_line(encode_event(event).as_bytes());
            ensure(decoded == Ok(LoggedEvent::Known(event.clone())), || told(format!("{decoded:?}")))?;
        }
    }
    let ids: Vec<EventId> = decision.events.iter().map(Event::id).collect();
    ensure(ids.is_sorted_by(|a, b| a != b), || told("two events have one id".to_owned()))?;
    after.audit().map_err(|fault| told(fault.to_string()))?;
    let again = decide(&after, command, context);
    ensure(again.as_ref().is_ok_and(|again| again.events.is_empty()), || told(format!("again: {again:?}")))?;
    outcome::check(&after, command, context, &decision.events).map_err(told)?;
    Ok(after)
}

fn actor(commander: &mut Commander<'_>, owner: &UserId) -> UserId {
    if commander.rng.percent(12) { UserId::parse("bob").unwrap() } else { owner.clone() }
}

/// R65, and the laws of a single verdict: chains of commands by devices whose clocks are slow, right or fast.
#[test]
fn r65_an_accepted_command_wins_over_all_that_was_seen_and_is_then_a_no_op() {
    hold("R65", MIX, cases(1_500), &|history| {
        let mut inbox = replay(history, &history.events);
        let mut commander = Commander::new(history.seed, &history.events);
        for _ in 0..8 {
            let command = commander.command(&inbox);
            let by = actor(&mut commander, &history.owner);
            let context = commander.context(&by);
            if let Some(decision) = judge(&inbox, &command, &context)? {
                inbox = take_in(&inbox, &command, &context, &decision)?;
            }
        }
        Ok(())
    });
}

/// The laws would hold of nothing, if no command were ever accepted.
#[test]
fn every_command_is_accepted_refused_and_a_no_op_at_times() {
    let mut tally: BTreeMap<String, [u32; 3]> = BTreeMap::new();
    for seed in 0..6_000 {
        let history = crate::histories::history(seed, MIX[seed as usize % MIX.len()]);
        let mut inbox = replay(&history, &history.events);
        let mut commander = Commander::new(seed, &history.events);
        for _ in 0..8 {
            let command = commander.command(&inbox);
            let context = commander.context(&history.owner);
            let verdict = decide(&inbox, &command, &context);
            let column = match &verdict {
                Ok(decision) if decision.events.is_empty() => 1,
                Ok(_) => 0,
                Err(_) => 2,
            };
            tally.entry(name(&command)).or_default()[column] += 1;
            inbox.apply_batch(verdict.iter().flat_map(|decision| &decision.events));
        }
    }
    assert_eq!(tally.len(), NAMES, "{tally:?}");
    assert!(tally.values().all(|[accepted, ..]| *accepted >= 10), "{tally:?}");
    let (idle, refused): (u32, u32) =
        tally.values().fold((0, 0), |(i, r), [_, idle, refused]| (i + idle, r + refused));
    assert!(idle > 5_000 && refused > 5_000, "{tally:?}");
}

/// R66: a clock that is an hour fast neither reads nor clears what comes later.
#[test]
fn r66_what_was_not_there_is_neither_read_nor_cleared() {
    hold("R66", MIX, cases(1_000), &|history| {
        let mut inbox = replay(history, &history.events);
        let mut commander = Commander::new(history.seed, &history.events);
        for _ in 0..6 {
            let command = commander.command(&inbox);
            let reads = matches!(
                command,
                Command::ClearHistory { .. }
                    | Command::MarkRead { .. }
                    | Command::MarkAllRead { .. }
                    | Command::DeleteConversations { .. }
            );
            let context = commander.context_at(&history.owner, 3_600_000);
            if reads && let Some(decision) = judge(&inbox, &command, &context)? {
                inbox.apply_batch(&decision.events);
            }
        }
        check_arrivals(history, &inbox)
    });
}

/// R66: whatever is ahead of the actor's clock, it takes nothing of what comes: a message with an honest clock is unread,
/// shows, lists its conversation and stands behind what was queued, wherever it would without the commands.
#[test]
fn r66_one_wrong_clock_never_swallows_what_comes() {
    let (named, checked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    hold("R66", MIX, cases(1_500), &|history| {
        let before = replay(history, &history.events);
        let mut inbox = before.clone();
        let mut commander = Commander::new(history.seed, &history.events);
        let time = *commander.rng.pick(&[4, 9_500]);
        let tolerance_s = *commander.rng.pick(&[0, 2]);
        let instants = commander.rng.percent(60);
        for _ in 0..6 {
            let command = commander.command(&inbox);
            let takes = matches!(
                command,
                Command::ClearHistory { .. }
                    | Command::MarkRead { .. }
                    | Command::MarkAllRead { .. }
                    | Command::MarkUnreadFrom { .. }
                    | Command::ReadMessages { .. }
                    | Command::Send { .. }
                    | Command::DeleteConversations { .. }
            );
            let mut context = commander.context_at(&history.owner, time);
            context.limits.clock_tolerance_s = tolerance_s;
            context.seqs_are_instants = instants;
            if takes && let Some(decision) = judge(&inbox, &command, &context)? {
                inbox = take_in(&inbox, &command, &context, &decision)?;
                let names = |event: &&Event| match event.body() {
                    Body::Conversation(_, Fact::MessagesRead { .. }) => true,
                    Body::Conversation(_, Fact::HistoryCleared { also, .. } | Fact::Deleted { also, .. }) => {
                        !also.is_empty()
                    }
                    _ => false,
                };
                named.fetch_add(decision.events.iter().filter(names).count(), Ordering::Relaxed);
            }
        }
        let horizon = time + 1_000 * tolerance_s as i64;
        let count = check_honest(history, (&before, &inbox), (horizon, instants))?;
        checked.fetch_add(count, Ordering::Relaxed);
        Ok(())
    });
    // Of many histories, that is; of few there may be none.
    let often = |count: AtomicUsize| 10 * count.into_inner() as u64 + 100 > cases(1_500);
    assert!(often(named) && often(checked), "the commands named too few messages, or too few were looked at");
}

/// Looks in each conversation at a message just behind the horizon, with the commands' events and without; how many were
/// to be seen.
fn check_honest(
    history: &History,
    (before, after): (&Inbox, &Inbox),
    (horizon, instants): (i64, bool),
) -> Result<usize, String> {
    let ids: Vec<_> = after.known_conversations().map(|view| view.id().clone()).collect();
    let mut checked = 0;
    for id in ids {
        let author = match id.kind() {
            ConversationKind::Direct if id.target() == history.owner.as_str() => continue,
            ConversationKind::Direct => UserId::parse(id.target()).unwrap(),
            ConversationKind::Group => UserId::parse("bob").unwrap(),
        };
        // A server that reports a position says that it is there: no clock of ours decides about it (R66).
        let reported = |event: &Event| match event.body() {
            Body::Conversation(of, Fact::UnreadReported(report)) if *of == id => report.through.first_field(),
            _ => -1,
        };
        if history.events.iter().any(|event| reported(event) > horizon) {
            continue;
        }
        let late = message_id(5_000_000);
        let seq = if instants { horizon as u64 + 2 } else { 1_000 };
        let envelope = Envelope::new(
            EventId::from_bytes([0xee; 16]),
            Timestamp::from_millis(horizon + 2).unwrap(),
            author,
        );
        let event =
            envelope.message_received(id.clone(), Message::text(late, "later").with_seq(seq)).unwrap();
        let [without, with] = [before, after].map(|inbox| {
            let mut inbox = inbox.clone();
            inbox.apply(&event);
            inbox
        });
        let seen = without.conversation(&id).and_then(|view| view.message(late));
        if seen.is_none_or(|message| message.is_read()) {
            continue;
        }
        checked += 1;
        let view = with.conversation(&id).ok_or("gone")?;
        // Deletions of the history's own may cover it and keep the messages.
        let own = |event: &&Event| matches!(event.body(), Body::Conversation(of, Fact::Deleted { .. }) if *of == id);
        let deletions: Vec<Event> =
            history.events.iter().filter(own).cloned().chain([event.clone()]).collect();
        let lists = replay(history, &deletions).conversation(&id).is_some_and(|view| view.is_listed());
        ensure(view.is_listed() || !lists, || format!("{id} is not listed"))?;
        let message = view.message(late).ok_or_else(|| format!("taken in {id}"))?;
        ensure(!message.is_read(), || format!("read in {id}"))?;
        let later = view.messages(Direction::OldestFirst, Some(&message.cursor()), usize::MAX).messages;
        let queued = later.iter().find(|m| m.id() >= message_id(100) && m.rank() == 2);
        let queued = queued.map(|message| message.id()).filter(|_| lists);
        ensure(queued.is_none(), || format!("{queued:?} stands behind what came later in {id}"))?;
    }
    Ok(checked)
}

/// A message that arrives in each conversation half a minute after the beginning, after all that was there.
fn check_arrivals(history: &History, inbox: &Inbox) -> Result<(), String> {
    let ids: Vec<_> = inbox.known_conversations().map(|view| view.id().clone()).collect();
    for id in ids {
        let author = match id.kind() {
            ConversationKind::Direct if id.target() == history.owner.as_str() => continue,
            ConversationKind::Direct => UserId::parse(id.target()).unwrap(),
            ConversationKind::Group => UserId::parse("bob").unwrap(),
        };
        let at = Timestamp::from_millis(30_000).unwrap();
        let envelope = Envelope::new(EventId::from_bytes([0xee; 16]), at, author);
        let message = Message::text(message_id(5_000_000), "later").with_seq(1_000);
        let event = envelope.message_received(id.clone(), message).unwrap();
        let mut after = inbox.clone();
        after.apply(&event);
        let view = after.conversation(&id).ok_or("gone")?;
        ensure(view.is_listed(), || format!("{id} is not listed"))?;
        let message = view.message(message_id(5_000_000)).ok_or_else(|| format!("cleared in {id}"))?;
        ensure(!message.is_read(), || format!("read in {id}"))?;
    }
    Ok(())
}

/// What two devices decide without knowing of each other comes to one state, in any order.
#[test]
fn concurrent_decisions_converge() {
    hold("R03, R04", MIX, cases(700), &|history| {
        let base = replay(history, &history.events);
        let devices = [1, 2].map(|device: u64| {
            let mut commander = Commander::new(history.seed ^ device << 50, &history.events);
            let (mut inbox, mut events) = (base.clone(), Vec::new());
            for _ in 0..4 {
                let command = commander.command(&inbox);
                let context = commander.context(&history.owner);
                if let Ok(decision) = decide(&inbox, &command, &context) {
                    inbox.apply_batch(&decision.events);
                    events.extend(decision.events);
                }
            }
            (inbox, events)
        });
        let [(left, one), (right, two)] = &devices;
        let mut merged = left.clone();
        merged.merge(right).map_err(|error| error.to_string())?;
        merged.audit().map_err(|fault| fault.to_string())?;
        let all = [history.events.as_slice(), one, two].concat();
        for (what, order) in [("in order", all.clone()), ("shuffled", shuffled(&all, history.seed))] {
            same_digest(what, &merged, &replay(history, &order))?;
        }
        Ok(())
    });
}

/// Limits are of commands: the strictest change nothing of what was decided before.
#[test]
fn limits_lowered_afterwards_change_no_history() {
    let none = Limits::default()
        .with_pinned_conversations(0)
        .with_folders(0)
        .with_folder_members(0)
        .with_folder_name_bytes(0)
        .with_request_conversations(0)
        .with_custom_data_bytes(0)
        .with_recall_s(0)
        .with_anyone_modifies(false)
        .with_clock_tolerance_s(0)
        .with_deleted_messages(0)
        .with_mentions(0)
        .with_recipients(0)
        .with_forwarded_messages(0)
        .with_extension_key_bytes(0)
        .with_extension_value_bytes(0)
        .with_extension_writes(0)
        .with_extensions(0)
        .with_reaction_kinds(0)
        .with_reaction_users(0)
        .with_pinned_messages(0);
    hold("limits", MIX, cases(300), &|history| {
        let mut inbox = replay(history, &history.events);
        let mut events = history.events.clone();
        let mut commander = Commander::new(history.seed, &history.events);
        for round in 0..8 {
            let command = commander.command(&inbox);
            let context = commander.context(&history.owner);
            let context = if round < 4 { context } else { context.with_limits(none) };
            if let Some(decision) = judge(&inbox, &command, &context)? {
                inbox.apply_batch(&decision.events);
                events.extend(decision.events);
            }
            same_digest("as decided", &inbox, &replay(history, &events))?;
        }
        Ok(())
    });
}

/// Nor could they: nothing of the fold names them.
#[test]
fn the_fold_reads_no_limits() {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in crate::house::sources(&src.join("inbox")).into_iter().chain([
        src.join("inbox.rs"),
        src.join("model/event.rs"),
        src.join("model/policy.rs"),
    ]) {
        let source = std::fs::read_to_string(&path).unwrap();
        assert!(!source.contains("Limits") && !source.contains("crate::decide"), "{}", path.display());
    }
}
