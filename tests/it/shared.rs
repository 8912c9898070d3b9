//! Shared histories beside the model: a member's view over its personal stream and the shared streams shows what the fold of all
//! that the member may see shows (R120).

mod commands;
mod hub;
mod rules;
mod seen;
mod world;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chatfold::event::{AccountFact, Body};
use chatfold::shared::{Directory, Member, Memberships, SharedId, Timeline};
use chatfold::snapshot::LogPrefix;
use chatfold::{Event, Inbox, Timestamp, UserId, notify};

use self::world::{World, union};
use crate::harness::{cases, first_seed, shuffled, told};
use crate::model::{self, Shown};
use crate::shown::Names;

/// What the streams' folds hold.
struct Server {
    timelines: Vec<Timeline>,
    directory: Directory,
    members: Vec<Memberships>,
}

impl Server {
    /// All streams folded, each in an order of its own, in bulk or live.
    fn of(world: &World, salt: u64) -> Self {
        let order = |events: &[Event]| match salt % 4 {
            0 => events.to_vec(),
            1 => events.iter().rev().cloned().collect(),
            2 => shuffled(events, salt),
            _ => [shuffled(events, salt), shuffled(events, !salt)].concat(),
        };
        let mut directory = Directory::new();
        order(&world.directory).iter().for_each(|event| drop(directory.apply(event)));
        let members = world.members.iter().map(|(owner, personal)| {
            let mut member = Memberships::new(owner.clone(), world.policy).unwrap();
            order(personal).iter().for_each(|event| member.apply(event));
            member
        });
        let members: Vec<Memberships> = members.collect();
        let mut ids: BTreeSet<SharedId> = world.shared.keys().cloned().collect();
        ids.extend(members.iter().flat_map(Memberships::conversations));
        ids.extend(world.directory.iter().filter_map(|event| match event.body() {
            Body::Account(AccountFact::GroupProfileChanged { group, .. }) => Some(SharedId::group(group)),
            _ => None,
        }));
        let timelines = ids.into_iter().map(|id| {
            let events = order(world.shared.get(&id).map_or(&[], Vec::as_slice));
            match (salt / 4).is_multiple_of(2) {
                true => {
                    let mut timeline = Timeline::new(&id);
                    events.iter().for_each(|event| drop(timeline.apply(event)));
                    timeline
                }
                false => Timeline::replay(&id, &events),
            }
        });
        let timelines = timelines.collect();
        Self { timelines, directory, members }
    }

    fn views<'a>(&'a self, member: &'a Memberships) -> Vec<Member<'a>> {
        self.timelines.iter().filter_map(|timeline| member.member(timeline, &self.directory)).collect()
    }

    /// What the views of a member show, put together as a list.
    fn shown(&self, member: &Memberships, names: &Names) -> Shown {
        seen::shown(member, &self.views(member), names)
    }
}

/// Which reason of a view is another than that of an inbox which holds all that the member may see, or which message notifies
/// otherwise (R43, R90).
fn reasons_differ(views: &[Member<'_>], inbox: &Inbox, names: &Names, salt: u64) -> Option<String> {
    let instants = [4_000, 30_000 + salt as i64 % 3 * 20_000].map(|at| Timestamp::from_millis(at).unwrap());
    views.iter().find_map(|view| {
        let id = view.id();
        let (why, expected) = (view.explain(), inbox.explain(id)?);
        if why != expected {
            return Some(format!("{id}: explained by\n{expected:?}\n{why:?}"));
        }
        names.messages(id).find_map(|message| {
            instants.into_iter().find_map(|at| {
                let found = view.explain_notification(message, at);
                let expected = notify::explain(inbox, id, message, at);
                (found != expected)
                    .then(|| format!("{id}: {message} notifies at {at} as {expected:?}, {found:?}"))
            })
        })
    })
}

/// The union of what a member may see, as the model shows it.
fn expected(world: &World, member: usize) -> (Vec<Event>, Shown) {
    let (owner, _) = &world.members[member];
    let events = union(world, member);
    let shown = model::shown(owner, world.policy, &events).without_void();
    (events, shown)
}

/// How the law is broken in a world whose streams come in some order; `None`: it holds.
fn broken(world: &World, salt: u64) -> Option<String> {
    let verdict = || {
        let server = Server::of(world, salt);
        server.members.iter().enumerate().find_map(|(at, member)| {
            let (events, model) = expected(world, at);
            let mut found = server.shown(member, &Names::of(&events));
            // Of a chat in which nothing was said the model does not know the peer's profile either.
            found.rows.retain(|id, row| model.rows.contains_key(id) || !row.is_void_but_for_its_peer());
            let differ = || format!("{}:\n  {}", member.owner(), model.differences(&found).join("\n  "));
            if model != found {
                return Some(differ());
            }
            let inbox = Inbox::replay(member.owner().clone(), world.policy, &events);
            reasons_differ(&server.views(member), &inbox, &Names::of(&events), salt)
        })
    };
    catch_unwind(AssertUnwindSafe(verdict)).unwrap_or_else(|_| Some("a panic, told above".to_owned()))
}

/// Holds the law in a world, or makes it as small as it gets and tells it in full.
fn hold(seed: u64, world: World, salt: u64) {
    if broken(&world, salt).is_none() {
        return;
    }
    let mut small = world;
    loop {
        let before = small.len();
        for at in (0..before).rev() {
            let without = small.without(at);
            if broken(&without, salt).is_some() {
                small = without;
            }
        }
        if small.len() == before {
            break;
        }
    }
    let told = small.streams().map(|(stream, events)| format!("{stream}\n{}", told(events)));
    panic!(
        "R120 is broken by seed {seed}, salt {salt} (left: expected, right: found)\n{}\n{}",
        broken(&small, salt).unwrap_or_default(),
        told.collect::<String>(),
    );
}

#[test]
fn r120_a_member_sees_what_an_inbox_of_its_own_would_show() {
    for seed in first_seed()..first_seed() + cases(2_500) {
        for salt in [seed % 8, (seed + 3) % 8] {
            hold(seed, World::new(seed), salt);
        }
    }
}

/// R06 for timelines: of any prefix, in any split, joined or restored, the same is shown.
#[test]
fn r120_a_timeline_restored_or_joined_shows_the_same() {
    for seed in first_seed()..first_seed() + cases(250) {
        let world = World::new(seed);
        let whole = Server::of(&world, 0);
        for (id, events) in &world.shared {
            let (head, tail) = events.split_at(events.len() * (seed as usize % 5) / 4);
            let bytes = Timeline::replay(id, head).snapshot(LogPrefix::EMPTY).unwrap();
            let (mut restored, _) = Timeline::restore(bytes, id).unwrap();
            tail.iter().for_each(|event| drop(restored.apply(event)));
            let mut joined = Timeline::replay(id, tail);
            joined.merge(&Timeline::replay(id, head)).unwrap();
            let timeline = whole.timelines.iter().find(|timeline| timeline.id() == id).unwrap();
            for member in &whole.members {
                let names = Names::of(events);
                let shown = |timeline: &Timeline| {
                    let view = member.member(timeline, &whole.directory);
                    view.map(|view| seen::shown(member, &[view], &names))
                };
                assert_eq!(shown(timeline), shown(&restored), "restored, seed {seed}, {id}");
                assert_eq!(shown(timeline), shown(&joined), "joined, seed {seed}, {id}");
            }
        }
    }
}

/// Every byte of a snapshot that is otherwise is found out.
#[test]
fn r99_a_timeline_is_not_restored_from_other_bytes() {
    let world = World::new(4);
    let (id, events) = world.shared.iter().max_by_key(|(_, events)| events.len()).unwrap();
    let bytes = Timeline::replay(id, events).snapshot(LogPrefix::EMPTY).unwrap();
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (at % 8);
        assert!(Timeline::restore(&other, id).is_err(), "byte {at} of {} is not looked at", bytes.len());
        assert!(Timeline::restore(&bytes[..at], id).is_err(), "{at} bytes of {}", bytes.len());
    }
    let another = SharedId::direct(&UserId::parse("x").unwrap(), &UserId::parse("y").unwrap());
    assert!(Timeline::restore(&bytes, &another).is_err());
}
