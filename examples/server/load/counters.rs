//! The same work as chat servers usually do it: every member has a row with a counter and the last message, and a message is
//! written into all of them.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls};

use crate::{Args, Failure, Measured, histogram, micros};

/// How many connections write; more would only wait for the group's row.
const WRITERS: usize = 8;

const TABLES: &str = "
    CREATE TABLE counted_groups (name text PRIMARY KEY, seq bigint NOT NULL);
    CREATE TABLE counted_messages (
        name text NOT NULL, seq bigint NOT NULL, author text NOT NULL, body text NOT NULL, at_ms bigint NOT NULL,
        PRIMARY KEY (name, seq));
    CREATE TABLE counted_rows (
        member text NOT NULL, name text NOT NULL, unread integer NOT NULL, last_seq bigint NOT NULL, activity_ms bigint NOT NULL,
        PRIMARY KEY (name, member));
    CREATE INDEX ON counted_rows (member, activity_ms DESC);
    INSERT INTO counted_groups VALUES ('everybody', 0);";

const MEMBERS: &str =
    "INSERT INTO counted_rows SELECT 'u' || n, 'everybody', 0, 0, 0 FROM generate_series(1, $1) AS n";

const SEQ: &str = "UPDATE counted_groups SET seq = seq + 1 WHERE name = 'everybody' RETURNING seq";

const MESSAGE: &str = "INSERT INTO counted_messages VALUES ('everybody', $1, $2, $3, $4)";

const ROWS: &str = "UPDATE counted_rows SET last_seq = $1, activity_ms = $3,
    unread = unread + CASE WHEN member = $2 THEN 0 ELSE 1 END WHERE name = 'everybody'";

/// Measures messages into a group of as many members. Nobody is told.
pub(crate) async fn measure(database: &str, args: &Args) -> Result<Measured, Failure> {
    let config: Config = database.parse()?;
    let client = connect(&config).await?;
    client.batch_execute(TABLES).await?;
    client.execute(MEMBERS, &[&i32::try_from(args.members)?]).await?;
    client.batch_execute("ANALYZE").await?;
    let begin = Instant::now();
    let until = begin + Duration::from_secs(args.seconds);
    let mut all = JoinSet::new();
    for n in 0..WRITERS {
        let mut client = connect(&config).await?;
        all.spawn(async move {
            let statements = [SEQ, MESSAGE, ROWS];
            let mut prepared = Vec::new();
            for statement in statements {
                prepared.push(client.prepare(statement).await?);
            }
            let [next, message, rows] = prepared.as_slice() else { return Err("three statements".into()) };
            let (author, mut times) = (format!("u{n}"), histogram()?);
            while Instant::now() < until {
                let due = Instant::now();
                let transaction = client.transaction().await?;
                let seq: i64 = transaction.query_one(next, &[]).await?.get(0);
                let body = "A line of some length, as people write.";
                let into_messages: [&(dyn ToSql + Sync); 4] = [&seq, &author, &body, &seq];
                let into_rows: [&(dyn ToSql + Sync); 3] = [&seq, &author, &seq];
                let (one, two) = tokio::join!(
                    transaction.execute(message, &into_messages),
                    transaction.execute(rows, &into_rows),
                );
                one?;
                two?;
                transaction.commit().await?;
                times.record(micros(due))?;
            }
            Ok::<_, Failure>(times)
        });
    }
    let mut sending = histogram()?;
    while let Some(done) = all.join_next().await {
        sending.add(done??)?;
    }
    let (seconds, sent) = (begin.elapsed().as_secs_f64(), sending.len());
    Ok(Measured { seconds, sent, told: 0, lists: 0, sending, delivery: histogram()? })
}

async fn connect(config: &Config) -> Result<tokio_postgres::Client, Failure> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
