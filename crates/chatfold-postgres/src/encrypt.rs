//! What connections are made with.

use tokio_postgres::Socket;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};

/// What encrypts connections or leaves them plain, and may cross threads: [`NoTls`](tokio_postgres::NoTls), with the feature
/// `rustls` what `tls::connector` returns, and whatever else the driver takes. Nobody has to implement it.
pub trait Encrypt:
    MakeTlsConnect<Socket, Stream: Send + Sync, TlsConnect: TlsConnect<Socket, Future: Send> + Send + Sync>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<T> Encrypt for T
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
}
