//! Logs that once broke a law, made small: replayed for ever by every law, under every policy. Append only.

use chatfold::Policy;

use crate::histories::History;

/// Names the logs and takes in their text.
macro_rules! logs {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("regressions/", $name, ".jsonl")))),*]
    };
}

/// Each kept log with its name.
#[cfg(feature = "jsonl")]
const LOGS: &[(&str, &str)] = logs![
    "own_read_taken_back",
    "own_read_taken_back_by_an_import",
    "failed_under_a_recall",
    "cleared_and_failed_in_one_batch",
    "cleared_and_received_in_one_batch",
    "deleted_and_received_again_in_one_batch",
    "a_draft_that_lost",
    "a_draft_written_twice_under_one_id",
];

/// The kept logs, each under all four policies.
#[cfg(feature = "jsonl")]
pub fn histories() -> Vec<History> {
    let mut kept = Vec::new();
    for (name, log) in LOGS {
        let mut reader = chatfold::jsonl::Reader::new(log.as_bytes()).expect(name);
        let owner = reader.owner().clone();
        let records = std::iter::from_fn(|| reader.next_record());
        let events: Vec<_> = records
            .map(|record| match record.expect(name).event {
                chatfold::jsonl::LoggedEvent::Known(event) => event,
                skipped => panic!("{name}: {skipped:?}"),
            })
            .collect();
        for bits in 0..4 {
            let policy =
                Policy::default().with_meeting_unread(bits & 1 == 1).with_own_message_reads(bits & 2 == 2);
            kept.push(History { seed: 0, owner: owner.clone(), policy, events: events.clone() });
        }
    }
    kept
}

/// Without the text log there is nothing to read them with.
#[cfg(not(feature = "jsonl"))]
pub fn histories() -> Vec<History> {
    Vec::new()
}
