//! What an account decides over shared histories is what it would decide over an inbox that holds all that it may see (R120).

use chatfold::command::{ReadScope, ReadUpTo, Role};
use chatfold::decide;
use chatfold::event::Watermark;
use chatfold::id::ConversationKind;
use chatfold::shared::{Member, Memberships, SharedId};
use chatfold::{Command, Context, ConversationId, Event, Inbox, MessageId, Timestamp};

use super::Server;
use super::world::{World, union};
use crate::harness::{cases, first_seed, told};
use crate::histories::Rng;
use crate::shown::Names;

/// Some command that asks for messages, about conversations of an account.
fn command(rng: &mut Rng, ids: &[ConversationId], names: &Names) -> Command {
    let conversation = rng.pick(ids).clone();
    let known: Vec<MessageId> = names.messages(&conversation).collect();
    let message = match known.is_empty() || rng.percent(5) {
        true => MessageId::from_bytes([0xee; 16]),
        false => *rng.pick(&known),
    };
    let messages: Vec<MessageId> = known.iter().copied().filter(|_| rng.percent(40)).collect();
    let some = || ids.to_vec();
    match rng.below(9) {
        0 | 1 => {
            let up_to = match rng.below(4) {
                0 => ReadUpTo::Message(message),
                1 if conversation.kind() == ConversationKind::Group => {
                    ReadUpTo::Position(Watermark::Seq(rng.below(12) as u64))
                }
                1 => {
                    let at = Timestamp::from_millis(rng.below(20_000) as i64).unwrap();
                    ReadUpTo::Position(Watermark::Time(at))
                }
                2 => ReadUpTo::Second(rng.below(20) as u64),
                _ => ReadUpTo::Newest,
            };
            Command::MarkRead { conversation, up_to }
        }
        2 => {
            let scope = *rng.pick(&[ReadScope::Direct, ReadScope::Groups, ReadScope::Everything]);
            Command::MarkAllRead { scope }
        }
        3 => Command::ReadMessages { conversation, messages, on: rng.percent(60) },
        4 => Command::MarkUnreadFrom { conversation, message },
        5 => Command::ClearHistory { conversation },
        6 => Command::DeleteConversations { conversations: some(), keep_messages: rng.percent(50) },
        7 => Command::DeleteMessages { conversation, messages },
        _ => Command::Archive { conversations: some(), on: rng.percent(80), stay: rng.percent(30) },
    }
}

/// Times before, among and after the messages, and tolerances that put some of these out of reach (R66).
fn context(rng: &mut Rng, member: &Memberships) -> Context {
    let time = Timestamp::from_millis(rng.below(40_000) as i64).unwrap();
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&rng.next().to_be_bytes());
    let mut context = Context::new(member.owner().clone(), Role::Member, time, seed);
    context.seqs_are_instants = rng.percent(10);
    if rng.percent(50) {
        context.limits.clock_tolerance_s = rng.below(8) as u64;
    }
    context
}

/// What events say, whatever their ids and their order.
fn said(events: &[Event]) -> Vec<String> {
    let mut said: Vec<_> = events.iter().map(|event| format!("{} {:?}", event.at(), event.body())).collect();
    said.sort();
    said
}

#[test]
fn r120_a_member_decides_as_over_an_inbox_of_its_own() {
    let (mut decided, mut refused) = (0, 0);
    for seed in first_seed()..first_seed() + cases(600) {
        let (world, mut rng) = (World::new(seed), Rng::new(seed ^ 0x5eed));
        let server = Server::of(&world, seed % 8);
        for (at, member) in server.members.iter().enumerate() {
            // Conversations that the account's own facts do not name are none of its own.
            let mut events = union(&world, at);
            events.retain(|event| {
                event.conversation().is_none_or(|id| member.inbox().conversation(id).is_some())
            });
            let inbox = Inbox::replay(member.owner().clone(), world.policy, &events);
            let names = Names::of(&events);
            let views = server.views(member);
            let own = |view: &&Member<'_>| member.inbox().conversation(view.id()).is_some();
            let ids: Vec<ConversationId> = views.iter().filter(own).map(|view| view.id().clone()).collect();
            if ids.is_empty() {
                continue;
            }
            for _ in 0..6 {
                let (command, context) = (command(&mut rng, &ids, &names), context(&mut rng, member));
                let timeline = |id: &SharedId| server.timelines.iter().find(|timeline| timeline.id() == id);
                let expected = decide(&inbox, &command, &context);
                let found = member.decide(&command, &context, timeline, &server.directory);
                if let (Command::MarkAllRead { .. }, Ok(found), Ok(expected)) = (&command, &found, &expected)
                {
                    // Of many conversations in any order, and ids count events.
                    decided += expected.events.len();
                    assert_eq!(said(&found.events), said(&expected.events), "seed {seed}: {command:?}");
                    continue;
                }
                match &expected {
                    Ok(decision) => decided += decision.events.len(),
                    Err(_) => refused += 1,
                }
                assert_eq!(
                    found,
                    expected,
                    "seed {seed}, {}: {command:?} at {:?}\n{}",
                    member.owner(),
                    context.time,
                    told(&events)
                );
            }
        }
    }
    assert!(decided > 1_000 && refused > 100, "{decided} events, {refused} refused");
}
