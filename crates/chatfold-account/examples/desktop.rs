//! A desktop client on SQLite: what it does when it starts, when the user acts, when the server delivers, when another
//! process of it writes, and when it shows the list.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use chatfold::command::Role;
use chatfold::{
    Command, ConversationId, Envelope, Event, EventId, Filter, Message, MessageId, Timestamp, UserId,
};
use chatfold_account::{Account, AccountError, Options, system_context};
use chatfold_sqlite::SqliteStore;

type Failure = Box<dyn std::error::Error>;

/// What a server would push: here, a message of Bob's.
fn delivery() -> Result<Event, Failure> {
    let bob = UserId::parse("bob")?;
    let sent_at = Timestamp::from_millis(1_772_355_600_000)?;
    let lunch = Message::text(MessageId::from_bytes([0xa1; 16]), "Lunch?");
    let envelope = Envelope::new(EventId::from_bytes([1; 16]), sent_at, bob.clone());
    Ok(envelope.message_received(ConversationId::direct(&bob), lunch)?)
}

fn show(account: &Account<SqliteStore>) {
    println!("{} unread", account.inbox().totals().unread);
    for row in account.inbox().page(&Filter::default(), None, 20).conversations {
        let last = row.last_message().and_then(|message| message.text());
        println!("  {} ({}): {}", row.show_name(), row.unread_count(), last.unwrap_or_default());
    }
}

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?; // a client's own folder, in life
    let path = folder.path().join("chat.db");
    let alice = UserId::parse("alice")?;
    let open = || -> Result<_, Failure> {
        let store = SqliteStore::open(&path, &chatfold_sqlite::Options::default())?;
        Ok(Account::open(store, alice.clone(), Options::default())?)
    };

    // Start: the newest snapshot that verifies, and the events after it.
    let mut account = open()?;
    for report in account.take_reports() {
        println!("noticed: {report}"); // a snapshot that did not verify, for instance: dealt with already
    }

    // The server delivers, and delivers again: it counts once.
    let message = delivery()?;
    account.receive([&message])?;
    account.receive([&message])?;
    show(&account);
    assert_eq!(account.inbox().totals().unread, 1);

    // The user acts. When `execute` returns, the events are on the disk.
    let chat: ConversationId = "c2c_bob".parse()?;
    let reply = Message::text(MessageId::from_bytes([0xa2; 16]), "At one.");
    let send = Command::Send { conversation: chat.clone(), message: Box::new(reply) };
    let context = system_context(alice.clone(), Role::Member)?;
    match account.execute(send.clone(), context.clone()) {
        Ok(executed) => println!("to be sent: {} event(s)", executed.events.len()),
        Err(AccountError::Rejected(rejection)) => println!("refused: {rejection}"),
        // The disk is full, say. Given again in the same context it is done once, whatever had been written.
        Err(error) => {
            println!("{error}, trying again");
            account.execute(send, context)?;
        }
    }

    // Another window of the client, in this process or another, reads; this one is told what changed.
    let mut window = open()?;
    let read = Command::MarkRead { conversation: chat, up_to: chatfold::command::ReadUpTo::Newest };
    window.execute(read, system_context(alice.clone(), Role::Member)?)?;
    let changes = account.wait(Duration::from_secs(5))?;
    for change in changes.set.conversations.iter() {
        println!("redraw {}: {:?}", change.id, change.attributes);
    }
    assert_eq!(account.inbox().totals().unread, 0);
    assert_eq!(account.inbox().digest(), window.inbox().digest());

    // Before it ends, so that the next start need not replay.
    account.save()?;
    Ok(())
}
