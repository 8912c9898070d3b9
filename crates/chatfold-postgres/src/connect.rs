//! Connecting to one of several hosts.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, LoadBalanceHosts};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};

use crate::encrypt::Encrypt;

/// Connects to the first host that lets it in, beginning with the one that did so last.
///
/// The driver by itself bounds only how long a host takes to accept a connection: one that accepts and then says
/// nothing, as a stopped one does, would keep it from ever trying the next.
pub(crate) struct Connector<T> {
    /// An address for each host.
    hosts: Vec<Config>,
    tls: T,
    /// How long one host may take to let it in.
    bound: Duration,
    /// Whether connections are to be spread over the hosts.
    is_spread: bool,
    /// The host to begin with.
    first: AtomicUsize,
}

type Connected<T> = (Client, Connection<Socket, <T as MakeTlsConnect<Socket>>::Stream>);

impl<T> Connector<T>
where
    T: MakeTlsConnect<Socket> + Clone,
{
    pub(crate) fn new(config: &Config, tls: T, bound: Duration) -> Self {
        let is_spread = config.get_load_balance_hosts() == LoadBalanceHosts::Random;
        Self { hosts: one_by_one(config), tls, bound, is_spread, first: AtomicUsize::new(0) }
    }

    /// How long it takes at most until each host was tried.
    pub(crate) fn longest(&self) -> Duration {
        self.bound.saturating_mul(u32::try_from(self.hosts.len().max(1)).unwrap_or(u32::MAX))
    }

    /// Connects. The last host that is tried has no bound of its own: whoever calls this gives up after
    /// [`Connector::longest`].
    pub(crate) async fn connect(&self) -> Result<Connected<T>, Error> {
        let count = self.hosts.len();
        let step = usize::from(self.is_spread);
        let begin = self.first.fetch_add(step, Ordering::Relaxed);
        for (tried, (number, host)) in
            self.hosts.iter().enumerate().cycle().skip(begin % count.max(1)).take(count).enumerate()
        {
            let connecting = host.connect(self.tls.clone());
            let connected = if tried + 1 == count {
                connecting.await
            } else {
                match tokio::time::timeout(self.bound, connecting).await {
                    Ok(Ok(connected)) => Ok(connected),
                    Ok(Err(_)) | Err(_) => continue,
                }
            };
            if connected.is_ok() && !self.is_spread {
                self.first.store(number, Ordering::Relaxed);
            }
            return connected;
        }
        // An address without a host: the driver says so.
        Config::new().connect(self.tls.clone()).await
    }
}

impl<T> deadpool_postgres::Connect for Connector<T>
where
    T: Encrypt,
{
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(async {
            let (client, connection) = Self::connect(self).await?;
            // Whoever uses the connection is told what broke it.
            let driver = tokio::spawn(async move { drop(connection.await) });
            Ok((client, driver))
        })
    }
}

/// The same address for each of its hosts alone. One whose hosts, addresses and ports do not fit together stays as it
/// is, so that the driver refuses it.
fn one_by_one(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    let fits = |len: usize| len == 0 || len == count;
    if count < 2 || !fits(hosts.len()) || !fits(addresses.len()) || !(ports.len() < 2 || ports.len() == count)
    {
        return vec![config.clone()];
    }
    let one = |number: usize| {
        let mut one = without_hosts(config);
        match hosts.get(number) {
            Some(Host::Tcp(name)) => _ = one.host(name),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => _ = one.host_path(folder),
            None => {}
        }
        if let Some(address) = addresses.get(number) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(number).or(ports.first()) {
            one.port(*port);
        }
        one
    };
    (0..count).map(one).collect()
}

/// All that an address says but its hosts.
fn without_hosts(config: &Config) -> Config {
    let mut other = Config::new();
    config.get_user().map(|user| other.user(user));
    config.get_password().map(|password| other.password(password));
    config.get_dbname().map(|name| other.dbname(name));
    config.get_options().map(|options| other.options(options));
    config.get_application_name().map(|name| other.application_name(name));
    config.get_connect_timeout().map(|timeout| other.connect_timeout(*timeout));
    config.get_tcp_user_timeout().map(|timeout| other.tcp_user_timeout(*timeout));
    config.get_keepalives_interval().map(|interval| other.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| other.keepalives_retries(retries));
    other
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        // The addresses of one host's name.
        .load_balance_hosts(config.get_load_balance_hosts());
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_several_hosts_is_taken_apart_and_loses_nothing_else() {
        let common = "user=u password=p dbname=d options='-c a=b' application_name=n sslmode=require \
                      sslnegotiation=direct connect_timeout=7 tcp_user_timeout=8 keepalives=0 keepalives_idle=9 \
                      keepalives_interval=10 keepalives_retries=11 target_session_attrs=read-write \
                      channel_binding=require load_balance_hosts=random";
        let parsed = |hosts: &str| format!("{hosts} {common}").parse::<Config>().unwrap();
        let apart = one_by_one(&parsed("host=a,/b,c port=1,2,3"));
        assert_eq!(apart, ["host=a port=1", "host=/b port=2", "host=c port=3"].map(parsed));
        let apart = one_by_one(&parsed("host=a,b hostaddr=1.1.1.1,2.2.2.2 port=4"));
        assert_eq!(apart, ["host=a hostaddr=1.1.1.1 port=4", "host=b hostaddr=2.2.2.2 port=4"].map(parsed));
        for as_it_is in ["host=a", "host=a,b port=1,2,3", "host=a,b hostaddr=1.1.1.1", "port=1"] {
            assert_eq!(one_by_one(&parsed(as_it_is)), [parsed(as_it_is)]);
        }
    }
}
