//! chatfold itself.

use std::sync::Arc;

use chatfold::binary::{Header, Log, Writer};
use chatfold::snapshot::LogPrefix;
use chatfold::{Filter, Inbox, Policy, Replay};

use crate::measure::{Done, Outcome, Peak, Row, Spent, Work, least_cold, median, rows, spent};

/// The bytes of a snapshot, which the inbox restored from it holds on to.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Decoded events replayed in bulk.
pub fn replay(work: &Work) -> Outcome<Done> {
    let peak = Peak::start()?;
    let (inbox, fold) = spent(|| Ok(Inbox::replay(work.owner.clone(), Policy::default(), &work.events)))?;
    done(work, &inbox, fold, &peak)
}

/// A binary log read and replayed.
pub fn binary(work: &Work) -> Outcome<Done> {
    let mut writer = Writer::new(Vec::new(), &Header::new(work.owner.clone()))?;
    for event in &work.events {
        writer.write_event(event)?;
    }
    writer.flush()?;
    let bytes = writer.into_inner();
    let peak = Peak::start()?;
    let (inbox, fold) = spent(|| {
        let log = Log::open(&bytes)?;
        let mut replay = Replay::new(log.owner().clone(), Policy::default());
        log.fold(&mut replay)?;
        Ok(replay.finish())
    })?;
    done(work, &inbox, fold, &peak)
}

/// Events applied one by one, with order, totals and change set up to date after each.
pub fn live(work: &Work) -> Outcome<Done> {
    let peak = Peak::start()?;
    let (inbox, fold) = spent(|| {
        let mut inbox = Inbox::new(work.owner.clone(), Policy::default());
        for event in &work.events {
            std::hint::black_box(inbox.apply(event));
        }
        Ok(inbox)
    })?;
    done(work, &inbox, fold, &peak)
}

fn page(inbox: &Inbox) -> Vec<Row> {
    let page = inbox.page(&Filter::default(), None, 20);
    let last = |row: &chatfold::ConversationView<'_>| {
        row.last_message().and_then(|message| message.text().map(str::to_owned))
    };
    page.conversations.iter().map(|row| (row.id().to_string(), row.unread_count(), last(row))).collect()
}

fn done(work: &Work, inbox: &Inbox, fold: Spent, peak: &Peak) -> Outcome<Done> {
    let peak_bytes = peak.bytes()?;
    let median = median(|| Ok((page(inbox), inbox.totals())))?;
    let bytes = Shared(Arc::new(inbox.snapshot(LogPrefix::EMPTY)?));
    let (first, cold) = least_cold(|| {
        let (cold, _) = Inbox::restore(Shared(Arc::clone(&bytes.0)), &work.owner, Policy::default())?;
        Ok((page(&cold), cold.totals()))
    })?;
    assert_eq!(first, (page(inbox), inbox.totals()), "what was kept was read");
    Ok(Done {
        fold,
        events: work.events.len(),
        page: median,
        cold: Some(cold),
        peak_bytes,
        list: rows(inbox),
        expected: work.expected(),
    })
}
