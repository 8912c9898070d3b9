//! A server on PostgreSQL: many accounts in bounded memory, commands of clients, changes of other servers.
#![allow(clippy::print_stdout)]

use chatfold::command::Role;
use chatfold::{Command, Envelope, EventId, Message, MessageId, Timestamp, UserId};
use chatfold_account::postgres::{Accounts, AccountsError};
use chatfold_account::{AccountError, Changes, Options, system_context};
use chatfold_postgres::PostgresStore;
use tokio_postgres::NoTls;

type Failure = Box<dyn std::error::Error>;

/// What a client asks of the server.
async fn handle(accounts: &Accounts, owner: &UserId, command: Command) -> Result<u16, Failure> {
    let context = system_context(owner.clone(), Role::Member)?;
    for _ in 0..3 {
        match accounts.execute(owner, command.clone(), context.clone()).await {
            Ok(executed) => {
                println!("{owner}: {} event(s)", executed.events.len());
                return Ok(200);
            }
            Err(AccountsError::Account(error)) => match &*error {
                AccountError::Rejected(rejection) => {
                    println!("{owner}: refused, {rejection}");
                    return Ok(409);
                }
                AccountError::Closed(closed) => {
                    println!("{owner}: {closed}"); // send the client to where it has moved
                    return Ok(421);
                }
                // The connection broke, say. In the same context it is done once, whatever had been written.
                error => println!("{owner}: {error}, trying again"),
            },
            Err(error) => println!("{owner}: {error}, trying again"),
        }
    }
    Ok(503)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let config =
        std::env::args().nth(1).unwrap_or("host=/var/run/postgresql user=chatfold dbname=chat".into());
    let store = PostgresStore::open(config.parse()?, NoTls, chatfold_postgres::Options::default()).await?;
    // Half a gigabyte of accounts; the least recently used are given up.
    let accounts = Accounts::new(store, Options::default(), 512 << 20);

    // What other servers append, as it happens.
    let followed = accounts.clone();
    let following = tokio::spawn(async move {
        loop {
            let heard =
                |owner: &UserId, changes: Changes| println!("{owner}: {} new event(s)", changes.events);
            let Err(error) = followed.keep_up(heard).await;
            println!("{error}, listening again");
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    });

    // Requests of clients come in here; two of them, for the example.
    for (name, id) in [("alice", 1), ("bob", 2)] {
        let owner = UserId::parse(name)?;
        let message = Message::text(MessageId::from_bytes([id; 16]), "Hello!");
        let command = Command::Send { conversation: "group_dev".parse()?, message: Box::new(message) };
        let status = handle(&accounts, &owner, command).await?;
        let rows =
            accounts.inbox(&owner).await?.page(&chatfold::Filter::default(), None, 20).conversations.len();
        println!("{owner}: status {status}, {rows} conversation(s)");
    }
    // A message of a group goes to all its members, of whom most are not held here and none is loaded for it.
    let carol = UserId::parse("carol")?;
    let members = [UserId::parse("alice")?, UserId::parse("bob")?, carol.clone()];
    let envelope =
        Envelope::new(EventId::from_bytes([3; 16]), Timestamp::from_millis(1_772_355_600_000)?, carol);
    let lunch = Message::text(MessageId::from_bytes([3; 16]), "Lunch?").with_seq(3);
    let event = envelope.message_received("group_dev".parse()?, lunch)?;
    for (member, delivered) in members.iter().zip(accounts.receive_many(&members, &[event]).await?) {
        println!("{member}: {:?}", delivered.received);
    }
    println!("{:?}", accounts.usage().await);
    following.abort();
    Ok(())
}
