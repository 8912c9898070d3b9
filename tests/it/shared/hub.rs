//! The hub beside rows made anew: whatever comes when, lists and totals are what the views say, and what is told is what
//! differs (R60 for shared histories).

use std::collections::{BTreeMap, BTreeSet};

use chatfold::change::{Attribute, ChangeKind, OrderKeys};
use chatfold::event::ReceiveOption;
use chatfold::id::ConversationKind;
use chatfold::shared::{Delivery, Directory, Hub, Memberships, Session, SharedId, StreamId, Timeline};
use chatfold::snapshot::LogPrefix;
use chatfold::{ConversationId, Event, Filter, Inbox, UserId};

use super::seen;
use super::world::World;
use crate::changes::attribute;
use crate::harness::{cases, ensure, first_seed, told};
use crate::histories::Rng;
use crate::model::Row;
use crate::model::badge::rules;
use crate::shown::Names;

/// One step of a server: events of one stream, a connection that begins or ends, or a stream that was erased and begins anew.
#[derive(Clone, Debug)]
enum Step {
    Events(StreamId, Vec<Event>),
    Connect(usize),
    Disconnect(usize),
    Erase(usize),
    EraseDirectory,
}

/// The same personal facts from the bytes of a snapshot.
fn restored(member: &Memberships) -> Memberships {
    let bytes = member.inbox().snapshot(LogPrefix::EMPTY).unwrap();
    let (inbox, _) = Inbox::restore(bytes, member.owner(), member.inbox().policy()).unwrap();
    Memberships::of(inbox).unwrap()
}

/// A hub and, beside it, the streams' folds that it should agree with.
struct Beside<'a> {
    world: &'a World,
    hub: Hub,
    timelines: BTreeMap<SharedId, Timeline>,
    directory: Directory,
    members: Vec<Memberships>,
    sessions: BTreeMap<usize, Session>,
    names: Names,
}

type Rows = BTreeMap<(UserId, ConversationId), Row>;

impl<'a> Beside<'a> {
    fn new(world: &'a World) -> Self {
        let new = |(owner, _): &(UserId, Vec<Event>)| Memberships::new(owner.clone(), world.policy).unwrap();
        let all: Vec<Event> = world.streams().flat_map(|(_, events)| events.to_vec()).collect();
        Self {
            world,
            hub: Hub::new(Directory::new()),
            timelines: BTreeMap::new(),
            directory: Directory::new(),
            members: world.members.iter().map(new).collect(),
            sessions: BTreeMap::new(),
            names: Names::of(&all),
        }
    }

    /// The rows of all connected accounts, made anew.
    fn rows(&self) -> Rows {
        let connected = self.sessions.keys().map(|at| &self.members[*at]);
        let rows = connected.flat_map(|member| {
            let ids = member.conversations().collect::<Vec<_>>();
            ids.into_iter().filter_map(|id| {
                let view = member.member(self.timelines.get(&id)?, &self.directory)?;
                Some(((member.owner().clone(), view.id().clone()), seen::row(&view, &self.names)))
            })
        });
        rows.collect()
    }

    /// Loads what the hub needs, from what was folded beside it.
    fn load(&mut self) {
        for stream in self.hub.needs().collect::<Vec<_>>() {
            let StreamId::Conversation(id) = stream else { panic!("{stream} is there") };
            let timeline = self.timelines.entry(id.clone()).or_insert_with(|| Timeline::new(&id));
            self.hub.provide(timeline.clone());
        }
    }

    fn take(&mut self, step: &Step) -> Delivery {
        match step {
            Step::Events(StreamId::Account(user), events) => {
                let at = self.world.members.iter().position(|(owner, _)| owner == user).unwrap();
                events.iter().for_each(|event| self.members[at].apply(event));
                self.hub.personal(user, events)
            }
            Step::Events(StreamId::Conversation(id), events) => {
                let timeline = self.timelines.entry(id.clone()).or_insert_with(|| Timeline::new(id));
                events.iter().for_each(|event| drop(timeline.apply(event)));
                self.hub.shared(id, events)
            }
            Step::Events(StreamId::Directory, events) => {
                let mut all = Delivery::default();
                for event in events {
                    self.directory.apply(event);
                    all = self.hub.profile(event);
                }
                all
            }
            Step::Connect(at) => {
                // Every other time as a server has it: from a snapshot of which nothing was looked at.
                let member = &self.members[*at];
                let kept = member.inbox().conversations().count().is_multiple_of(2);
                let member = if kept { restored(member) } else { member.clone() };
                let session = self.hub.connect(member).unwrap();
                self.sessions.insert(*at, session);
                Delivery::default()
            }
            Step::Disconnect(at) => {
                let gone = self.hub.disconnect(self.sessions.remove(at).unwrap()).unwrap();
                assert_eq!(gone.inbox().digest(), self.members[*at].inbox().digest());
                Delivery::default()
            }
            Step::Erase(at) => {
                let owner = self.members[*at].owner().clone();
                let anew = Memberships::new(owner, self.world.policy).unwrap();
                self.members[*at] = anew.clone();
                assert_eq!(self.hub.replace(anew), self.sessions.contains_key(at));
                Delivery::default()
            }
            Step::EraseDirectory => {
                self.directory = Directory::new();
                self.hub.replace_directory(Directory::new());
                Delivery::default()
            }
        }
    }

    /// Lists, totals and badges are those of the rows.
    fn agrees(&self, rows: &Rows) -> Result<(), String> {
        for (at, session) in &self.sessions {
            let owner = self.members[*at].owner();
            let mut listed: Vec<&Row> =
                rows.iter().filter(|((of, _), row)| of == owner && row.listed).map(|(_, row)| row).collect();
            listed.sort_by_key(|row| (std::cmp::Reverse(row.order_key), row.id.clone()));
            let mut cursor = None;
            let mut found = Vec::new();
            loop {
                let page = self.hub.list(*session, &Filter::default(), cursor.as_ref(), 2).unwrap();
                found.extend(page.members.iter().map(|member| seen::row(member, &self.names)));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            ensure(listed.iter().copied().eq(&found), || {
                let ids = |rows: &[&Row]| format!("{:?}", rows.iter().map(|row| &row.id).collect::<Vec<_>>());
                let differing = listed.iter().zip(&found).flat_map(|(row, found)| row.differences(found));
                let found: Vec<&Row> = found.iter().collect();
                format!("{owner}: list {} {} {:?}", ids(&listed), ids(&found), differing.collect::<Vec<_>>())
            })?;
            let groups = Filter::default().with_kind(Some(ConversationKind::Group)).with_has_unread(true);
            let page = self.hub.list(*session, &groups, None, usize::MAX).unwrap();
            let passing =
                listed.iter().filter(|row| row.kind == ConversationKind::Group && row.unread_count > 0);
            let passing = passing.map(|row| &row.id);
            ensure(passing.eq(page.members.iter().map(|member| member.id())), || {
                format!("{owner}: filtered")
            })?;
            let totals = self.hub.totals(*session).unwrap();
            let unread = |row: &&&Row| row.receive_option == ReceiveOption::Receive;
            let sums = (
                listed.iter().filter(unread).map(|row| row.unread_count).sum::<u64>(),
                listed.iter().map(|row| row.unread_count).sum::<u64>(),
            );
            ensure(sums == (totals.unread, totals.unread_all), || format!("{owner}: {sums:?} {totals:?}"))?;
            let badges =
                rules().map(|rule| listed.iter().map(|row| crate::model::badge::of(row, rule)).sum::<u64>());
            let found = rules().map(|rule| self.hub.badge(*session, rule).unwrap());
            ensure(badges == found, || format!("{owner}: badges {badges:?} {found:?}"))?;
        }
        Ok(())
    }
}

/// What is told is what differs: of each row that shows otherwise the attributes, and of no other.
fn tells(before: &Rows, after: &Rows, delivery: &Delivery) -> Result<(), String> {
    let mut found = BTreeMap::new();
    for told in &delivery.changes {
        let double = found.insert((told.account.clone(), told.change.id.clone()), told).is_some();
        ensure(!double, || format!("told twice: {told:?}"))?;
    }
    for (key, after) in after {
        let void = Row::void(&after.id);
        let is_new = !before.contains_key(key);
        let before = before.get(key).unwrap_or(&void);
        let fields = before.changed(after);
        let mut expected: BTreeSet<Attribute> = fields.iter().copied().filter_map(attribute).collect();
        let told = found.remove(key);
        let mut attributes: BTreeSet<Attribute> =
            told.map(|told| told.change.attributes.iter().collect()).unwrap_or_default();
        attributes.remove(&Attribute::History);
        // That the last message is read now the marker tells; whom it is by, the profile.
        let same_last = before.last.as_ref().map(|line| line.id) == after.last.as_ref().map(|line| line.id);
        if same_last && !attributes.contains(&Attribute::LastMessage) {
            let beside = ["read", "peer_read"];
            let only = before
                .last
                .iter()
                .zip(&after.last)
                .all(|(old, new)| old.changed(new).iter().all(|field| beside.contains(field)));
            ensure(only || !expected.contains(&Attribute::LastMessage), || {
                format!("{key:?}: last not told")
            })?;
            expected.remove(&Attribute::LastMessage);
        }
        // A message that shows otherwise may be the last, though what shows otherwise is not what the row has.
        if same_last && !expected.contains(&Attribute::LastMessage) {
            attributes.remove(&Attribute::LastMessage);
        }
        // Of a conversation that was not there before all is new.
        ensure(is_new || expected == attributes, || format!("{key:?}: {fields:?}, told {told:?}"))?;
        let key_of = |row: &Row| row.listed.then_some(row.order_key);
        let keys = OrderKeys { before: key_of(before), after: key_of(after) };
        let kind = match (keys.before, keys.after) {
            (None, Some(_)) => ChangeKind::New,
            (Some(_), None) => ChangeKind::Removed,
            (Some(_), Some(_)) => ChangeKind::Changed,
            (None, None) => ChangeKind::Unlisted,
        };
        if let Some(told) = told {
            ensure(told.change.order_keys == keys && told.change.kind == kind, || {
                format!("{told:?}: {keys:?}")
            })?;
        } else {
            ensure(keys.before == keys.after, || format!("{key:?} moved and nobody was told"))?;
        }
    }
    ensure(found.is_empty(), || format!("told of rows that are not there: {found:?}"))
}

fn steps(world: &World, rng: &mut Rng) -> Vec<Step> {
    let mut left: Vec<(StreamId, Vec<Event>)> = Vec::new();
    left.extend(
        world.members.iter().map(|(owner, events)| (StreamId::Account(owner.clone()), events.clone())),
    );
    left.extend(world.shared.iter().map(|(id, events)| (StreamId::Conversation(id.clone()), events.clone())));
    left.push((StreamId::Directory, world.directory.clone()));
    let mut steps = Vec::new();
    let mut connected = BTreeSet::new();
    loop {
        left.retain(|(_, events)| !events.is_empty());
        if left.is_empty() {
            return steps;
        }
        let at = rng.below(world.members.len());
        match rng.below(12) {
            0 | 1 if !connected.contains(&at) => {
                connected.insert(at);
                steps.push(Step::Connect(at));
            }
            2 if rng.percent(20) && connected.remove(&at) => steps.push(Step::Disconnect(at)),
            3 if rng.percent(10) => steps.push(Step::Erase(at)),
            4 if rng.percent(5) => steps.push(Step::EraseDirectory),
            _ => {
                let of = rng.below(left.len());
                let (stream, events) = &mut left[of];
                let many = *stream != StreamId::Directory && rng.percent(15);
                let count = if many { 1 + rng.below(4) } else { 1 };
                let batch = events.drain(..count.min(events.len())).collect();
                steps.push(Step::Events(stream.clone(), batch));
            }
        }
    }
}

#[test]
fn r60_r128_the_hub_keeps_every_row_current_and_tells_what_differs() {
    for seed in first_seed()..first_seed() + cases(500) {
        let world = World::new(seed);
        let mut beside = Beside::new(&world);
        let steps = steps(&world, &mut Rng::new(!seed));
        let mut before = Rows::new();
        for (at, step) in steps.iter().enumerate() {
            let delivery = beside.take(step);
            let after = beside.rows();
            let loaded = beside.hub.needs().next().is_none();
            let verdict = match step {
                Step::Events(..) if loaded => tells(&before, &after, &delivery),
                _ => Ok(()),
            };
            beside.load();
            let verdict = verdict.and_then(|()| beside.agrees(&beside.rows()));
            if let Err(broken) = verdict {
                let so_far = steps[..=at].iter().map(|step| match step {
                    Step::Events(stream, events) => format!("{stream}\n{}", told(events)),
                    other => format!("{other:?}\n"),
                });
                panic!(
                    "broken by seed {seed} at step {at}: {broken}\n{step:?}\n{}",
                    so_far.collect::<String>()
                );
            }
            before = beside.rows();
        }
    }
}
