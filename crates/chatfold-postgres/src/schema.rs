//! The tables.

use crate::error::PostgresError;
use crate::options::Layout;
use crate::pool::PostgresStore;

/// The schema that this version makes.
const SCHEMA: i32 = 1;

/// How often making the tables is tried while others make them too.
const ATTEMPTS: u32 = 10;

fn statements(layout: Layout) -> Vec<String> {
    let spread = match layout {
        Layout::Partitioned(_) => " PARTITION BY HASH (inbox)",
        Layout::Plain => "",
    };
    let mut statements = vec![
        "CREATE TABLE IF NOT EXISTS chatfold_inbox (inbox text PRIMARY KEY, closed text, moved_to text)"
            .into(),
        format!(
            "CREATE TABLE IF NOT EXISTS chatfold_event (inbox text NOT NULL, position bigint NOT NULL, \
             id uuid NOT NULL, command uuid, hash bytea NOT NULL, bytes bytea NOT NULL, \
             PRIMARY KEY (inbox, position), UNIQUE (inbox, id)){spread}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS chatfold_snapshot (inbox text NOT NULL, position bigint NOT NULL, \
             hash bytea NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (inbox, position)){spread}"
        ),
    ];
    if let Layout::Partitioned(partitions) = layout {
        for table in ["chatfold_event", "chatfold_snapshot"] {
            statements.extend((0..partitions.max(1)).map(|n| {
                let modulus = partitions.max(1);
                format!(
                    "CREATE TABLE IF NOT EXISTS {table}_{n} PARTITION OF {table} \
                     FOR VALUES WITH (MODULUS {modulus}, REMAINDER {n})"
                )
            }));
        }
    }
    statements.extend([
        "CREATE INDEX IF NOT EXISTS chatfold_event_command ON chatfold_event (inbox, command)".into(),
        "CREATE OR REPLACE VIEW chatfold_event_text AS SELECT inbox, position, id, \
         convert_from(bytes, 'UTF8') AS line FROM chatfold_event"
            .into(),
        "CREATE TABLE IF NOT EXISTS chatfold_schema (version integer PRIMARY KEY)".into(),
        format!("INSERT INTO chatfold_schema (version) VALUES ({SCHEMA}) ON CONFLICT DO NOTHING"),
    ]);
    statements
}

/// Makes what is not there.
pub(crate) async fn prepare(store: &PostgresStore) -> Result<(), PostgresError> {
    let taken = store.client().await?;
    let client = taken.client()?;
    let there = client.query_opt("SELECT to_regclass('chatfold_schema')::text", &[]).await?;
    if there.is_none_or(|row| row.get::<_, Option<String>>(0).is_none()) {
        for statement in statements(store.options.layout) {
            let mut attempt = 0;
            loop {
                attempt += 1;
                match client.batch_execute(&statement).await.map_err(PostgresError::from) {
                    // `IF NOT EXISTS` does not see what another transaction is just making.
                    Err(error) if error.is_made_already() && attempt < ATTEMPTS => {}
                    other => break other?,
                }
            }
        }
    }
    let row = client.query_one("SELECT max(version) FROM chatfold_schema", &[]).await?;
    let found: Option<i32> = row.try_get(0)?;
    taken.give_back();
    match found {
        Some(found) if found > SCHEMA => Err(PostgresError::NewerSchema { newest: SCHEMA, found }),
        _ => Ok(()),
    }
}
