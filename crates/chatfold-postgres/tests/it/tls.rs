//! Encrypted connections, to a server whose certificate was made for the test.

use chatfold_postgres::tls::{Address, Authorities, TlsError, connector};
use chatfold_postgres::{Layout, Options, PostgresError, PostgresStore, TlsFault};
use postgres_scratch::Server;

use crate::laws::{alice, append, event, is_of_alice, log};

fn url(server: &Server, host: &str, rest: &str) -> String {
    let port = server.port();
    format!("postgres://chatfold@{host}:{port}/postgres?application_name=clients{rest}")
}

async fn open(url: &str) -> Result<PostgresStore, PostgresError> {
    let address = Address::parse(url).unwrap();
    let tls = connector(&address.authorities).unwrap();
    PostgresStore::open(address.config, tls, Options { layout: Layout::Plain, ..Options::default() }).await
}

/// How many connections of stores there are, and how many of them are encrypted.
fn connections(server: &Server) -> (u32, u32) {
    let sql = "SELECT count(*), count(*) FILTER (WHERE s.ssl) FROM pg_stat_activity AS a \
               JOIN pg_stat_ssl AS s USING (pid) WHERE a.application_name = 'clients'";
    let counts = server.sql(sql);
    let (all, encrypted) = counts.split_once('|').unwrap();
    (all.parse().unwrap(), encrypted.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_authority_and_its_name() {
    let Some(server) = postgres_scratch::server_on_tcp() else { return };
    let authority = server.encrypt("localhost");
    let trusted = format!("&sslmode=require&sslrootcert={}", authority.display());
    let store = open(&url(&server, "localhost", &trusted)).await.unwrap();
    let mut listener = store.listen().await.unwrap();
    append(&store, &alice(), &[event(1, 1)]).await.unwrap();
    assert!(is_of_alice(&listener.next().await.unwrap()));
    assert_eq!(log(&store, &alice()).await, [event(1, 1)]);
    let (all, encrypted) = connections(&server);
    assert!(all > 1 && encrypted == all, "{encrypted} of {all} are encrypted");
    for (host, rest, expected) in [
        ("localhost", "&sslmode=require", TlsFault::UnknownAuthority),
        ("localhost", "", TlsFault::UnknownAuthority),
        ("127.0.0.1", trusted.as_str(), TlsFault::OtherHost),
    ] {
        let refused = open(&url(&server, host, rest)).await;
        let Err(PostgresError::Tls { fault, source }) = refused else { panic!("{host}{rest}: {refused:?}") };
        assert_eq!(fault, expected, "{host}{rest}: {source}");
    }
    assert_eq!(connections(&server), (all, encrypted), "nobody else was let in");
    let plain = open(&url(&server, "127.0.0.1", "&sslmode=disable")).await.unwrap();
    assert_eq!(log(&plain, &alice()).await, [event(1, 1)]);
    assert!(connections(&server).0 > all && connections(&server).1 == encrypted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_encrypt_is_refused_where_that_is_required() {
    let Some(server) = postgres_scratch::server_on_tcp() else { return };
    let refused = open(&url(&server, "127.0.0.1", "&sslmode=require")).await;
    assert!(
        matches!(refused, Err(PostgresError::Tls { fault: TlsFault::NotOffered, .. })),
        "expected that it is refused, found {refused:?}"
    );
    let store = open(&url(&server, "127.0.0.1", "")).await.unwrap();
    append(&store, &alice(), &[event(1, 1)]).await.unwrap();
}

#[test]
fn a_file_of_authorities_that_is_none_is_told() {
    let Some(server) = postgres_scratch::server() else { return };
    let in_folder = |name: &str| server.socket_folder().join(name);
    let refused = |name: &str| connector(&Authorities::File(in_folder(name))).map(|_| ()).unwrap_err();
    assert!(matches!(refused("missing"), TlsError::Unreadable { .. }));
    std::fs::write(in_folder("empty"), "no certificate\n").unwrap();
    assert!(matches!(refused("empty"), TlsError::Empty { .. }));
    let cut = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n";
    std::fs::write(in_folder("cut"), cut).unwrap();
    assert!(matches!(refused("cut"), TlsError::Unusable { number: 1, .. }));
    assert!(refused("cut").to_string().contains("certificate 1"), "{}", refused("cut"));
}
