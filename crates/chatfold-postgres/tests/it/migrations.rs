//! Tables made and brought from older versions: whole or not at all, and by whom may.

use chatfold::shared::StreamId;
use chatfold::store::{Append, StoredSnapshot};
use chatfold_postgres::{Layout, Options, PostgresError, PostgresStore};
use postgres_scratch::Server;
use tokio_postgres::{Config, NoTls};

use crate::laws::{alice, append, event, log};

/// The tables as older versions made them, not partitioned and in three partitions.
const OLDER: [(i32, &str, Layout); 4] = [
    (1, include_str!("fixtures/version_1_plain.sql"), Layout::Plain),
    (1, include_str!("fixtures/version_1_partitioned.sql"), Layout::Partitioned(3)),
    (2, include_str!("fixtures/version_2_plain.sql"), Layout::Plain),
    (2, include_str!("fixtures/version_2_partitioned.sql"), Layout::Partitioned(3)),
];

fn config(server: &Server, user: &str) -> Config {
    let mut config: Config = server.config().parse().unwrap();
    config.user(user);
    config
}

fn options(schema: &str, layout: Layout) -> Options {
    Options { schema: Some(schema.into()), layout, seal_events: usize::MAX, ..Options::default() }
}

async fn open(server: &Server, schema: &str, layout: Layout) -> PostgresStore {
    PostgresStore::open(config(server, "chatfold"), NoTls, options(schema, layout)).await.unwrap()
}

fn owners() -> [StreamId; 4] {
    ["a", "B", "ä", "alice"].map(|name| StreamId::from_key(name).unwrap())
}

/// The same, its rows sealed by eight.
async fn open_sealing(server: &Server, schema: &str, user: &str) -> PostgresStore {
    let options = Options { seal_events: 8, ..options(schema, Layout::Plain) };
    PostgresStore::open(config(server, user), NoTls, options).await.unwrap()
}

/// Seals what eight rows of an inbox are, whoever comes first: the store's own task or this.
async fn seal(server: &Server, store: &PostgresStore, schema: &str, owner: &StreamId) {
    store.seal(owner).await.unwrap();
    let segments =
        format!("SELECT before, last FROM {schema}.chatfold_segment WHERE inbox = '{}'", owner.key());
    assert_eq!(server.sql(&segments), "0|8");
}

/// Fills a store with logs, commands and snapshots.
async fn fill(store: &PostgresStore) {
    for owner in owners() {
        for n in 0..4 {
            append(store, &owner, &[event(1, 2 * n), event(1, 2 * n + 1)]).await.unwrap();
        }
        let (with, command) = ([event(2, 1)], chatfold::id::CommandId::from_bytes([3; 16]));
        store.append(&owner, &Append::new(8, &with).with_command(Some(command))).await.unwrap();
        let prefix = store.head(&owner).await.unwrap().prefix;
        assert!(store.save(&owner, &StoredSnapshot::new(prefix, vec![5; 300])).await.unwrap());
    }
}

/// Makes the tables of an older version in a schema and puts into them what another schema has, and a snapshot of each inbox.
fn make_older(server: &Server, schema: &str, sql: &str, from: &str) {
    server.sql(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {sql}; {}", copied(from)));
}

/// Puts what another schema has into the tables of an older version.
fn copied(from: &str) -> String {
    format!(
        "INSERT INTO chatfold_inbox SELECT inbox, closed, moved_to FROM {from}.chatfold_inbox; \
         INSERT INTO chatfold_event SELECT inbox, position, id, command, hash, encoded FROM {from}.chatfold_event; \
         INSERT INTO chatfold_snapshot SELECT inbox, position, hash, convert_to(repeat('5', 300), 'UTF8') \
         FROM {from}.chatfold_event WHERE position = 9"
    )
}

/// All that the catalogue says of the tables of a schema: columns with their collations, indexes, constraints, partitions.
fn catalogue(server: &Server, schema: &str) -> String {
    let of_schema = format!("n.nspname = '{schema}'");
    let columns = format!(
        "SELECT c.relname, c.relkind, a.attname, a.atttypid::regtype, a.attnotnull, l.collname FROM pg_class AS c \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid \
         LEFT JOIN pg_collation AS l ON l.oid = a.attcollation \
         WHERE {of_schema} AND a.attnum > 0 AND c.relkind IN ('r', 'p', 'v') ORDER BY 1, a.attnum"
    );
    let partitions = format!(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_class AS c \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {of_schema} AND c.relispartition \
         AND c.relkind = 'r' ORDER BY 1"
    );
    let indexes = format!(
        "SELECT tablename, regexp_replace(indexdef, '^CREATE (.*INDEX) \\S+ ', '\\1 ') FROM pg_indexes \
         WHERE schemaname = '{schema}' ORDER BY 1, 2"
    );
    let attached = format!(
        "SELECT p.relname, count(*) FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent \
         JOIN pg_namespace AS n ON n.oid = p.relnamespace WHERE {of_schema} GROUP BY 1 ORDER BY 1"
    );
    let view = format!("SELECT definition FROM pg_views WHERE schemaname = '{schema}'");
    let all = [columns, partitions, indexes, attached, view].map(|sql| server.sql(&sql));
    all.join("\n").replace(&format!("{schema}."), "")
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_older_versions_become_what_a_new_database_gets_and_keep_all_rows() {
    let Some(server) = postgres_scratch::server() else { return };
    server.sql("CREATE ROLE clerk LOGIN");
    for (number, (version, sql, layout)) in OLDER.into_iter().enumerate() {
        let (new, old) = (format!("new{number}"), format!("old{number}"));
        let fresh = open(&server, &new, layout).await;
        fill(&fresh).await;
        make_older(&server, &old, sql, &new);
        assert_ne!(catalogue(&server, &old), catalogue(&server, &new));
        server.sql(&format!(
            "GRANT USAGE ON SCHEMA {old} TO clerk; GRANT SELECT, INSERT ON {old}.chatfold_event TO clerk; \
             GRANT SELECT ON {old}.chatfold_event_text TO clerk WITH GRANT OPTION"
        ));
        let at = options(&old, Layout::Plain);
        let pending = PostgresStore::pending(config(&server, "chatfold"), NoTls, at.clone()).await.unwrap();
        assert_eq!((pending.from, pending.to), (version, 4));
        // Several at once, of which one does it.
        let migrating =
            (0..4).map(|_| PostgresStore::migrate(config(&server, "chatfold"), NoTls, at.clone()));
        for migrated in futures_util::future::join_all(migrating).await {
            let migrated = migrated.unwrap();
            assert!([version, 4].contains(&migrated.from) && migrated.to == 4, "{migrated:?}");
        }
        assert_eq!(catalogue(&server, &old), catalogue(&server, &new), "{layout:?}");
        let rights = format!(
            "SELECT has_table_privilege('clerk', '{old}.chatfold_event', 'INSERT'), \
             has_table_privilege('clerk', '{old}.chatfold_event', 'DELETE'), \
             has_table_privilege('clerk', '{old}.chatfold_event_text', 'SELECT WITH GRANT OPTION')"
        );
        assert_eq!(server.sql(&rights), "t|f|t");
        let store = open_sealing(&server, &old, "chatfold").await;
        for owner in owners() {
            assert_eq!(log(&store, &owner).await, log(&fresh, &owner).await);
            let snapshot = store.latest(&owner, 9).await.unwrap().unwrap();
            assert_eq!(snapshot.bytes, vec![b'5'; 300]);
            assert_eq!(snapshot.prefix, fresh.head(&owner).await.unwrap().prefix);
            append(&store, &owner, &[event(4, 1)]).await.unwrap();
            assert_eq!(store.latest(&owner, 9).await.unwrap(), Some(snapshot));
            // Rows that were there become segments with what is appended.
            seal(&server, &store, &old, &owner).await;
            assert_eq!(log(&store, &owner).await.len(), 10);
        }
        let pending = PostgresStore::pending(config(&server, "chatfold"), NoTls, at.clone()).await.unwrap();
        assert_eq!((pending.from, pending.to, pending.sql.as_str()), (4, 4, ""));
        // What is pending may be run by hand as well.
        let by_hand = format!("hand{number}");
        make_older(&server, &by_hand, sql, &new);
        let at = options(&by_hand, Layout::Plain);
        let pending = PostgresStore::pending(config(&server, "chatfold"), NoTls, at).await.unwrap();
        server.sql(&pending.sql);
        assert_eq!(catalogue(&server, &by_hand), catalogue(&server, &new), "{layout:?}");
    }
}

/// In a database whose locale sorts words, owners are in the order of their bytes.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_compared_as_bytes_whatever_the_locale() {
    let Some(server) = postgres_scratch::server() else { return };
    server.sql("CREATE DATABASE words TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'");
    let mut words = config(&server, "chatfold");
    words.dbname("words");
    let mut options = options("new", Layout::Partitioned(2));
    let store = PostgresStore::open(words.clone(), NoTls, options.clone()).await.unwrap();
    fill(&store).await;
    let mut expected = owners().to_vec();
    expected.sort();
    assert_eq!(store.streams(None, 10).await.unwrap(), expected);
    // As version 1 had it, and as it becomes.
    let (client, connection) = words.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let make = format!("CREATE SCHEMA old; SET search_path = old; {}; {}", OLDER[1].1, copied("new"));
    client.batch_execute(&make).await.unwrap();
    let sql = "SELECT inbox FROM chatfold_inbox ORDER BY inbox";
    let rows = client.query(sql, &[]).await.unwrap();
    let sorted: Vec<_> = rows.iter().map(|row| StreamId::from_key(row.get(0)).unwrap()).collect();
    assert_ne!(sorted, expected, "the locale sorts words");
    options.schema = Some("old".into());
    let store = PostgresStore::open(words, NoTls, options).await.unwrap();
    assert_eq!(store.streams(None, 10).await.unwrap(), expected);
    for (n, owner) in expected.iter().enumerate() {
        assert_eq!(store.streams(Some(owner), 10).await.unwrap(), expected[n + 1..]);
        assert_eq!(log(&store, owner).await.len(), 9);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_make_tables_is_told_and_changes_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    server.sql("CREATE ROLE clerk LOGIN; CREATE SCHEMA bare; GRANT USAGE ON SCHEMA bare TO clerk");
    let open_as_clerk = |schema: &'static str, migrate: bool| {
        let options = Options { migrate, ..options(schema, Layout::Partitioned(2)) };
        PostgresStore::open(config(&server, "clerk"), NoTls, options)
    };
    let needed = |refused: Result<PostgresStore, PostgresError>| match refused {
        Err(error @ PostgresError::MigrationNeeded { found, newest, .. }) => {
            let told = error.to_string();
            assert!(told.contains("chatfold store migrate"), "{told}");
            (found, newest, told)
        }
        other => panic!("expected that it may not, found {other:?}"),
    };
    for schema in ["bare", "nowhere"] {
        let (found, newest, told) = needed(open_as_clerk(schema, true).await);
        assert_eq!((found, newest), (0, 4));
        assert!(told.contains("42501"), "it says what the server said: {told}");
        needed(open_as_clerk(schema, false).await);
    }
    assert_eq!(server.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'chatfold%'"), "0");
    // Tables of version 1, which only their owner may change.
    let fresh = open(&server, "new", Layout::Partitioned(3)).await;
    fill(&fresh).await;
    make_older(&server, "old", OLDER[1].1, "new");
    let give = "GRANT USAGE ON SCHEMA old TO clerk; GRANT SELECT ON old.chatfold_schema TO clerk; \
                GRANT SELECT, INSERT, UPDATE, DELETE ON old.chatfold_inbox, old.chatfold_event, \
                old.chatfold_snapshot TO clerk";
    server.sql(give);
    let before = catalogue(&server, "old");
    for migrate in [true, false] {
        assert_eq!(needed(open_as_clerk("old", migrate).await).0, 1);
    }
    assert_eq!(catalogue(&server, "old"), before, "nothing was changed");
    let migrated =
        PostgresStore::migrate(config(&server, "chatfold"), NoTls, options("old", Layout::Plain)).await;
    assert_eq!(migrated.map(|migrated| (migrated.from, migrated.to)).unwrap(), (1, 4));
    // From then on these rights are all that a server needs.
    open_as_clerk("old", true).await.unwrap();
    let store = open_sealing(&server, "old", "clerk").await;
    assert_eq!(log(&store, &alice()).await, log(&fresh, &alice()).await);
    append(&store, &alice(), &[event(5, 1)]).await.unwrap();
    seal(&server, &store, "old", &alice()).await;
    let prefix = store.head(&alice()).await.unwrap().prefix;
    assert!(store.save(&alice(), &StoredSnapshot::new(prefix, vec![5; 3_000])).await.unwrap());
    store.receive_many(&owners(), &[event(6, 1)]).await.unwrap();
    store.rewrite(&alice(), &[(1, b"other".to_vec())]).await.unwrap();
    let beginning = store.outbox_on().await.unwrap();
    store.erase(&alice()).await.unwrap();
    let page = store.outbox_after(&beginning, 9).await.unwrap();
    assert_eq!(page.entries.len(), 1);
    assert_eq!(store.outbox_forget(&page.next).await.unwrap(), 1);
    store.outbox_off().await.unwrap();
}

/// What the server refuses in the middle of a migration leaves nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_in_the_middle_changes_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    let fresh = open(&server, "new", Layout::Partitioned(3)).await;
    fill(&fresh).await;
    make_older(&server, "old", OLDER[1].1, "new");
    server.sql("CREATE VIEW old.mine AS SELECT inbox, position FROM old.chatfold_event");
    let before = catalogue(&server, "old");
    let at = options("old", Layout::Plain);
    for _ in 0..2 {
        let refused = PostgresStore::migrate(config(&server, "chatfold"), NoTls, at.clone()).await;
        let Err(PostgresError::Postgres(error)) = refused else {
            panic!("expected that the view stands in the way, found {refused:?}")
        };
        let code = tokio_postgres::error::SqlState::DEPENDENT_OBJECTS_STILL_EXIST;
        assert_eq!(error.code(), Some(&code), "{error}");
        assert_eq!(catalogue(&server, "old"), before);
    }
    server.sql("DROP VIEW old.mine");
    let migrated = PostgresStore::migrate(config(&server, "chatfold"), NoTls, at).await.unwrap();
    assert_eq!((migrated.from, migrated.to), (1, 4));
    let store = open(&server, "old", Layout::Plain).await;
    assert_eq!(log(&store, &alice()).await, log(&fresh, &alice()).await);
}

/// A server of an older version that still runs knows nothing of what is sealed: it is kept from reading and from writing.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_an_older_version_reads_and_writes_no_events_after_a_migration() {
    let Some(server) = postgres_scratch::server() else { return };
    let fresh = open(&server, "new", Layout::Plain).await;
    fill(&fresh).await;
    make_older(&server, "old", OLDER[2].1, "new");
    let (client, connection) = config(&server, "chatfold").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    // As version 2 asks, prepared before.
    client.batch_execute("SET search_path = old").await.unwrap();
    let read = "SELECT position, id, command, hash, bytes FROM chatfold_event WHERE inbox = 'alice'";
    let write = "INSERT INTO chatfold_event (inbox, position, id, command, hash, bytes) \
                 VALUES ('alice', 10, gen_random_uuid(), NULL, '', '')";
    let prepared = [client.prepare(read).await.unwrap(), client.prepare(write).await.unwrap()];
    assert_eq!(client.query(&prepared[0], &[]).await.unwrap().len(), 9);
    let at = options("old", Layout::Plain);
    PostgresStore::migrate(config(&server, "chatfold"), NoTls, at).await.unwrap();
    for statement in &prepared {
        let refused = client.query(statement, &[]).await.unwrap_err();
        assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::UNDEFINED_COLUMN), "{refused}");
    }
    let store = open(&server, "old", Layout::Plain).await;
    assert_eq!(log(&store, &alice()).await, log(&fresh, &alice()).await);
}
