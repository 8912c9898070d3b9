//! A struct of hash maps with counters.

use std::collections::HashMap;

use crate::chat::{Chat, page};
use crate::facts::Fact;
use crate::measure::{Done, Outcome, Peak, Work, median, spent};

/// One event after the other; the list is sorted by whoever asks for it. Nothing is kept beyond the process.
pub fn run(work: &Work) -> Outcome<Done> {
    let peak = Peak::start()?;
    let (chats, fold) = spent(|| {
        let mut chats: HashMap<String, Chat> = HashMap::new();
        for event in &work.events {
            let (id, fact) = Fact::of(&work.owner, event).ok_or("an event that no peer models")?;
            match chats.get_mut(id) {
                Some(chat) => chat.apply(&fact),
                None => chats.entry(id.to_owned()).or_default().apply(&fact),
            }
        }
        Ok(chats)
    })?;
    let peak_bytes = peak.bytes()?;
    let list = |most| page(chats.iter().map(|(id, chat)| (id.as_str(), chat)), most);
    Ok(Done {
        fold,
        events: work.events.len(),
        page: median(|| Ok((list(20), chats.values().map(Chat::unread).sum::<u64>())))?,
        cold: None,
        peak_bytes,
        list: list(usize::MAX),
        expected: work.expected(),
    })
}
