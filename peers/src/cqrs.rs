//! An aggregate a conversation in cqrs-es, with its memory store.
//!
//! That store prints a line for every load and commit; who runs this sends standard output away.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use cqrs_es::event_sink::EventSink;
use cqrs_es::mem_store::{MemStore, MemStoreAggregateContext};
use cqrs_es::{Aggregate, CqrsFramework, DomainEvent, EventStore};
use futures_executor::block_on;

use crate::chat::{Chat, page};
use crate::facts::Fact;
use crate::measure::{Done, Outcome, Peak, Work, median, spent};

impl DomainEvent for Fact<String> {
    fn event_type(&self) -> String {
        "fact".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Chat {
    const TYPE: &'static str = "chat";
    type Command = Fact<String>;
    type Event = Fact<String>;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        sink.write(command, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        Self::apply(self, &event);
    }
}

type Facts<'a> = BTreeMap<&'a str, Vec<Fact<String>>>;

/// The events by conversation.
fn by_conversation(work: &Work) -> Outcome<Facts<'_>> {
    let mut facts = Facts::new();
    for event in &work.events {
        let (id, fact) = Fact::of(&work.owner, event).ok_or("an event that no peer models")?;
        facts.entry(id).or_default().push(fact.owned());
    }
    Ok(facts)
}

async fn load(store: &MemStore<Chat>, id: &str) -> Outcome<Chat> {
    Ok(store.load_aggregate(id).await?.aggregate)
}

/// Every aggregate rehydrated from the events that the store holds; these were put there before.
pub fn rehydrate(work: &Work) -> Outcome<Done> {
    let store = MemStore::<Chat>::default();
    let facts = by_conversation(work)?;
    let ids: Vec<String> = facts.keys().map(|id| (*id).to_owned()).collect();
    for (id, facts) in facts {
        let context = MemStoreAggregateContext {
            aggregate_id: id.to_owned(),
            aggregate: Chat::default(),
            current_sequence: 0,
        };
        block_on(store.commit(facts, context, HashMap::new()))?;
    }
    let peak = Peak::start()?;
    let (chats, fold) = spent(|| {
        let load = |id: &String| Ok((id.clone(), block_on(load(&store, id))?));
        ids.iter().map(load).collect::<Outcome<HashMap<_, _>>>()
    })?;
    done(work, &chats, fold, &peak)
}

/// A command for every event: the store loads the aggregate, and keeps one event more.
pub fn commands(work: &Work) -> Outcome<Done> {
    let store = MemStore::<Chat>::default();
    let framework = CqrsFramework::new(store.clone(), vec![], ());
    let facts: Vec<_> = work.events.iter().filter_map(|event| Fact::of(&work.owner, event)).collect();
    let peak = Peak::start()?;
    let ((), fold) = spent(|| {
        for (id, fact) in &facts {
            block_on(framework.execute(id, fact.clone().owned()))?;
        }
        Ok(())
    })?;
    let mut chats = HashMap::new();
    for (id, _) in &facts {
        if !chats.contains_key(*id) {
            chats.insert((*id).to_owned(), block_on(load(&store, id))?);
        }
    }
    done(work, &chats, fold, &peak)
}

fn done(
    work: &Work,
    chats: &HashMap<String, Chat>,
    fold: crate::measure::Spent,
    peak: &Peak,
) -> Outcome<Done> {
    let list = |most| page(chats.iter().map(|(id, chat)| (id.as_str(), chat)), most);
    Ok(Done {
        fold,
        events: work.events.len(),
        peak_bytes: peak.bytes()?,
        page: median(|| Ok((list(20), chats.values().map(Chat::unread).sum::<u64>())))?,
        cold: None,
        list: list(usize::MAX),
        expected: work.expected(),
    })
}
