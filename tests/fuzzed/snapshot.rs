//! Snapshots: whatever is in them, with checksums that fit or not, nothing panics, and what is sound goes on.

use chatfold::command::{ReadScope, Role};
use chatfold::snapshot::{LogPrefix, SnapshotInfo};
use chatfold::view::Direction;
use chatfold::{
    Command, Context, ConversationId, Envelope, EventId, Filter, Inbox, Message, MessageId, Timestamp, decide,
};

use super::mend::mend;

/// Holds the laws against any bytes, as they are and with checksums that fit.
pub fn check(data: &[u8]) {
    restore(data.to_vec());
    let mut mended = data.to_vec();
    mend(&mut mended);
    restore(mended);
}

fn restore(bytes: Vec<u8>) {
    let Ok(info) = SnapshotInfo::read(&bytes) else { return };
    let Ok((mut inbox, prefix)) = Inbox::restore(bytes, &info.owner, info.policy) else { return };
    assert_eq!(prefix, info.prefix);
    look_at(&inbox);
    let frozen = inbox.clone();
    go_on(&mut inbox);
    look_at(&inbox);
    let _ = frozen.digest();
    let (sound, recounted) = (inbox.verify().is_ok(), inbox.audit().is_ok());
    assert_eq!(sound, inbox.faults().next().is_none());
    assert!(sound || !recounted, "what is faulty is not audited");
    if recounted {
        let again = inbox.snapshot(prefix).unwrap();
        let (again, _) = Inbox::restore(again, inbox.owner(), inbox.policy()).unwrap();
        assert_eq!(again.digest(), inbox.digest());
        again.audit().unwrap();
    } else if !sound {
        assert!(inbox.snapshot(LogPrefix::EMPTY).is_err());
        let empty = Inbox::new(info.owner, info.policy);
        if inbox.heal(&empty).is_ok() {
            assert_eq!(inbox.faults().count(), 0);
        }
    }
}

/// Everything that shows.
fn look_at(inbox: &Inbox) {
    let page = inbox.page(&Filter::default(), None, 5);
    for row in page.conversations.iter().chain(inbox.known_conversations().collect::<Vec<_>>().iter()) {
        let _ = (row.show_name(), row.last_message().map(|m| m.status()), row.fault(), row.drafts_lost());
        row.messages(Direction::OldestFirst, None, 20);
    }
    for id in inbox.known_conversations().map(|row| row.id().clone()) {
        let _ = inbox.explain(&id);
    }
    let _ = (inbox.totals(), inbox.totals_of(&Filter::default().with_has_unread(true)), inbox.folders());
}

/// A few events and commands.
fn go_on(inbox: &mut Inbox) {
    let at = Timestamp::from_millis(1_800_000_000_000).unwrap();
    let envelope = |n: u8| Envelope::new(EventId::from_bytes([n; 16]), at, inbox.owner().clone());
    let chats: Vec<ConversationId> =
        inbox.known_conversations().map(|row| row.id().clone()).take(4).collect();
    let mut events = Vec::new();
    for (n, chat) in (0u8..).zip(&chats) {
        let message = Message::text(MessageId::from_bytes([n; 16]), "hello").with_seq(7);
        events.extend(envelope(n).message_received(chat.clone(), message));
        events.extend(envelope(n + 9).conversation_deleted(
            chat.clone(),
            chatfold::event::Watermark::Seq(3),
            n % 2 == 0,
        ));
        events.extend(envelope(n + 19).draft_set(chat.clone(), Some("soon".into()), None));
    }
    let profile = envelope(99).user_profile_changed(inbox.owner().clone(), Some("me".into()), None, None);
    events.extend(profile);
    events.iter().for_each(|event| {
        inbox.apply(event);
    });
    let context = Context::new(inbox.owner().clone(), Role::Member, at, [9; 16]);
    let everything = Command::MarkAllRead { scope: ReadScope::Everything };
    if let Ok(decision) = decide(inbox, &everything, &context) {
        inbox.apply_batch(&decision.events);
    }
}
