//! Redaction: the fold of a redacted log differs in the content shown, and in nothing else.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Body, Fact};
use chatfold::redact::Redaction;
use chatfold::time::Stamp;
use chatfold::{ConversationId, Event, MessageId, UserId};

use crate::harness::{MIX, cases, ensure, hold, replay};
use crate::histories::{History, Rng};
use crate::model::Shown;
use crate::shown::{Names, shown};

type Chosen = BTreeSet<(ConversationId, MessageId)>;

/// The message that `event` introduces or edits, whoever wrote that, and whether it is an edit.
fn written(event: &Event) -> Option<(ConversationId, MessageId, UserId, bool)> {
    let Body::Conversation(conversation, fact) = event.body() else { return None };
    let by = event.by().clone();
    let (message, author) = match fact {
        Fact::MessageReceived(message) | Fact::MessageQueued(message) => (message.id, by),
        Fact::MessageImported { sender, message } => (message.id, sender.clone().unwrap_or(by)),
        Fact::MessageModified { target, .. } => (*target, by),
        _ => return None,
    };
    let is_edit = matches!(fact, Fact::MessageModified { .. });
    Some((conversation.clone(), message, author, is_edit))
}

/// A choice at random: an author, or some messages; what is chosen, and what the author only edited.
fn choice(history: &History) -> (Redaction, Chosen, Chosen) {
    let mut rng = Rng::new(history.seed ^ 0x5ec2e7);
    let written: Vec<_> = history.events.iter().filter_map(written).collect();
    let (mut redaction, mut chosen, mut edited) = (Redaction::default(), Chosen::new(), Chosen::new());
    if written.is_empty() {
        return (redaction, chosen, edited);
    }
    if rng.percent(50) {
        let author = rng.pick(&written).2.clone();
        redaction.choose_author(author.clone());
        for (conversation, message, by, is_edit) in written {
            if by == author {
                let set = if is_edit { &mut edited } else { &mut chosen };
                set.insert((conversation, message));
            }
        }
    } else {
        for _ in 0..=rng.below(3) {
            let (conversation, message, ..) = rng.pick(&written).clone();
            redaction.choose_message(conversation.clone(), message);
            chosen.insert((conversation, message));
        }
    }
    (redaction, chosen, edited)
}

/// Two different events of one stamp: which of them counts is settled by their values (R07), content too.
fn has_ties(events: &[Event]) -> bool {
    let mut by_stamp: BTreeMap<Stamp, &Event> = BTreeMap::new();
    events.iter().any(|event| *by_stamp.entry(event.stamp()).or_insert(event) != event)
}

/// Takes the content of chosen messages away from what shows; whether any of it was more than empty.
fn blank(shown: &mut Shown, chosen: &Chosen) -> bool {
    let mut any = false;
    for (conversation, row) in &mut shown.rows {
        for line in row.last.iter_mut().chain(&mut row.history).chain(&mut row.online_only) {
            if chosen.contains(&(conversation.clone(), line.id)) {
                let parts =
                    [line.text.take().map(String::into_bytes), line.custom.take(), line.cloud_custom.take()];
                any |= parts.into_iter().flatten().any(|part| !part.is_empty());
            }
        }
    }
    any
}

#[test]
fn the_fold_differs_in_the_content_shown_and_in_nothing_else() {
    let (mut compared, mut erased) = (0, 0);
    let counts = std::cell::RefCell::new((&mut compared, &mut erased));
    hold("redaction", MIX, cases(250), &|history| {
        if has_ties(&history.events) {
            return Ok(());
        }
        let (mut redaction, chosen, edited) = choice(history);
        history.events.iter().for_each(|event| redaction.note(event));
        let redacted: Vec<Event> = history
            .events
            .iter()
            .map(|event| redaction.redact(event).unwrap_or_else(|| event.clone()))
            .collect();
        let names = Names::of(&history.events);
        let mut before = shown(&replay(history, &history.events), &names);
        let mut after = shown(&replay(history, &redacted), &names);
        let there = blank(&mut before, &chosen);
        ensure(!blank(&mut after, &chosen), || format!("content of {chosen:?} still shows"))?;
        // Of messages that the author only edited, what others wrote of them shows.
        blank(&mut before, &edited);
        blank(&mut after, &edited);
        ensure(before == after, || format!("something else shows without {chosen:?}"))?;
        let mut counts = counts.borrow_mut();
        *counts.0 += 1;
        *counts.1 += u32::from(there);
        for event in &redacted {
            ensure(redaction.redact(event).is_none(), || "redacting again changes something".into())?;
        }
        Ok(())
    });
    assert!(compared > 100 && erased > 50, "{compared} compared, {erased} lost content");
}

#[cfg(feature = "binary")]
mod binary {
    use chatfold::UserId;
    use chatfold::binary::{Header, Log, Packing, RedactError, Writer, redact};
    use chatfold::jsonl::{LoggedEvent, Reader, encode_event};
    use chatfold::redact::Redaction;

    fn support_desk() -> (Vec<u8>, UserId) {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/v1/support-desk.jsonl");
        let text = std::fs::read(path).unwrap();
        let mut reader = Reader::new(&text[..]).unwrap();
        let owner = reader.owner().clone();
        let mut writer = Writer::new(Vec::new(), &Header::new(owner.clone())).unwrap();
        for (n, record) in reader.by_ref().enumerate() {
            writer.write(&record.unwrap().event).unwrap();
            if n % 20 == 0 {
                writer.flush().unwrap();
            }
        }
        writer.flush().unwrap();
        (writer.into_inner(), owner)
    }

    #[test]
    fn a_redacted_log_keeps_every_position_and_names_the_log_it_was_made_of() {
        let (bytes, _) = support_desk();
        let old = Log::open(&bytes).unwrap();
        let before: Vec<_> = old.events().map(Result::unwrap).collect();
        let author = before
            .iter()
            .filter_map(LoggedEvent::known)
            .find(|event| event.by() != old.owner() && event.type_name() == "message_received");
        let author = author.unwrap().by().clone();
        let mut redaction = Redaction::default();
        redaction.choose_author(author.clone());
        let (new, done) = redact(&old, &mut redaction, Vec::new(), Packing::Plain).unwrap();
        let log = Log::open(&new).unwrap();
        assert_eq!(log.header().redacted_from, Some(old.verify().unwrap()));
        assert_ne!(log.verify().unwrap().check, old.verify().unwrap().check, "sealed anew");
        let after: Vec<_> = log.events().map(Result::unwrap).collect();
        assert_eq!((after.len(), done.events), (before.len(), before.len() as u64));
        assert_eq!(done.kept_unknown, 3);
        let mut changed = 0;
        for (old, new) in before.iter().zip(&after) {
            match (old, new) {
                (LoggedEvent::Known(old), LoggedEvent::Known(new)) => {
                    assert_eq!((old.id(), old.stamp(), old.by()), (new.id(), new.stamp(), new.by()));
                    changed += u64::from(old != new);
                    if old != new {
                        assert!(encode_event(new).len() < encode_event(old).len());
                    }
                }
                _ => assert_eq!(old, new, "what is not known is kept"),
            }
        }
        assert!(changed > 0 && changed == done.redacted, "{changed}");
    }

    #[test]
    fn a_damaged_log_is_not_redacted() {
        let (mut bytes, owner) = support_desk();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        let mut redaction = Redaction::default();
        redaction.choose_author(owner);
        let done = redact(&Log::open(&bytes).unwrap(), &mut redaction, Vec::new(), Packing::Plain);
        assert!(matches!(done, Err(RedactError::Fault(_))));
    }
}
