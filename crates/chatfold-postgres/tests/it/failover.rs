//! Several hosts: one that is made read-only, one that says nothing, a standby that has not got what was written.

use std::time::Duration;

use chatfold::id::CommandId;
use chatfold::store::{Append, AppendError};
use chatfold_postgres::{Options, PostgresError, PostgresStore};
use postgres_scratch::Server;
use tokio_postgres::{Config, NoTls};

use crate::laws::{alice, append, event, is_of_alice, log};

/// An address of several hosts, of which the one that takes writes is used.
fn hosts(hosts: &[(String, u16)]) -> Config {
    let names: Vec<&str> = hosts.iter().map(|(host, _)| host.as_str()).collect();
    let ports: Vec<String> = hosts.iter().map(|(_, port)| port.to_string()).collect();
    let (names, ports) = (names.join(","), ports.join(","));
    let config = format!(
        "host={names} port={ports} user=chatfold dbname=postgres application_name=clients \
         target_session_attrs=read-write"
    );
    config.parse().unwrap()
}

fn host(server: &Server) -> (String, u16) {
    (server.socket_folder().display().to_string(), server.port())
}

fn connections(server: &Server) -> String {
    server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clients'")
}

/// Keeps several connections of a store busy at once.
async fn use_several(store: &PostgresStore) {
    let inbox = alice();
    let reads = (0..8).map(|_| store.head(&inbox));
    futures_util::future::try_join_all(reads).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_a_server_that_became_read_only_are_not_used_again() {
    let Some(primary) = postgres_scratch::server() else { return };
    let standby = tokio::task::block_in_place(|| primary.standby());
    let config = hosts(&[host(&primary), host(&standby)]);
    let options = Options { notify: false, ..Options::default() };
    let store = PostgresStore::open(config, NoTls, options).await.unwrap();
    append(&store, &alice(), &[event(1, 1)]).await.unwrap();
    use_several(&store).await;
    assert!(connections(&primary).parse::<u32>().unwrap() > 1);
    tokio::task::block_in_place(|| {
        primary.standby_has_all();
        primary.set(&["default_transaction_read_only = on"]);
        // Once a new connection has the setting, all others were told of it.
        while primary.sql("SHOW default_transaction_read_only") != "on" {
            std::thread::sleep(Duration::from_millis(5));
        }
        standby.promote();
    });
    let next = [event(1, 2)];
    let refused = store.append(&alice(), &Append::new(1, &next)).await;
    let Err(AppendError::Store(refused)) = refused else {
        panic!("expected that the old primary refuses, found {refused:?}")
    };
    let PostgresError::Postgres(error) = &refused else { panic!("{refused}") };
    assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::READ_ONLY_SQL_TRANSACTION));
    // One failure is all of them: the others were closed with it.
    assert!(!store.append(&alice(), &Append::new(1, &next)).await.unwrap().repeated);
    assert_eq!(log(&store, &alice()).await, [event(1, 1), event(1, 2)]);
    let gone = async {
        while connections(&primary) != "0" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("the old primary is left");
}

/// A host that takes the connection and says nothing keeps nobody from the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_host_is_passed_over() {
    let Some(server) = postgres_scratch::server() else { return };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let config = hosts(&[("127.0.0.1".into(), port), host(&server)]);
    let options = Options { connect_timeout: Duration::from_millis(500), ..Options::default() };
    let opened = tokio::time::timeout(Duration::from_secs(60), PostgresStore::open(config, NoTls, options));
    let store = opened.await.expect("it ends by itself").unwrap();
    use_several(&store).await;
    let mut listener = store.listen().await.unwrap();
    append(&store, &alice(), &[event(1, 1)]).await.unwrap();
    assert!(is_of_alice(&listener.next().await.unwrap()));
}

/// A commit that stopped waiting for the standby is there, and the standby does not have it: that it is found is not
/// yet that it is safe.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_standby_does_not_have_is_not_acknowledged_when_it_is_given_again() {
    let Some(primary) = postgres_scratch::server() else { return };
    let standby = tokio::task::block_in_place(|| {
        let standby = primary.standby();
        primary.wait_for_standby();
        standby
    });
    let answer_timeout = Duration::from_secs(2);
    let options = Options { answer_timeout, notify: false, ..Options::default() };
    let store = PostgresStore::open(hosts(&[host(&primary)]), NoTls, options).await.unwrap();
    append(&store, &alice(), &[event(1, 1)]).await.unwrap();
    tokio::task::block_in_place(|| standby.kill());
    let events = [event(1, 2)];
    let again = Append::new(1, &events).with_command(Some(CommandId::from_bytes([2; 16])));
    let inbox = alice();
    for attempt in 0..2 {
        let refused = store.append(&inbox, &again).await;
        let Err(AppendError::Store(PostgresError::NoAnswer(_))) = refused else {
            panic!("attempt {attempt}: expected that it waits for the standby, found {refused:?}")
        };
        // Whoever waits is stopped, by an operator say: what it committed can be seen from then on.
        let stop =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        assert_ne!(tokio::task::block_in_place(|| primary.sql(stop)), "0");
        let seen = async {
            while log(&store, &inbox).await.len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), seen).await.expect("it is there");
    }
    tokio::task::block_in_place(|| standby.up());
    let appended = loop {
        match store.append(&inbox, &again).await {
            Ok(appended) => break appended,
            Err(AppendError::Store(PostgresError::NoAnswer(_))) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert!(appended.repeated);
    let there = standby.sql("SELECT count(*) FROM chatfold_event");
    assert_eq!(there, "2", "what is acknowledged is on the standby");
}
