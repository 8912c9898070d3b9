//! Encrypted connections (feature `rustls`): whom to trust, and addresses that say so.
//!
//! ```no_run
//! use chatfold_postgres::tls::{Authorities, connector};
//! use chatfold_postgres::{Options, PostgresStore};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = "host=db.example user=chatfold dbname=chat sslmode=require".parse()?;
//! let tls = connector(&Authorities::File("/etc/chatfold/ca.pem".into()))?;
//! let store = PostgresStore::open(config, tls, Options::default()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A server's certificate is always verified, with the name of the host that was asked for; there is no way to encrypt
//! without that. With `sslmode=require` a server that does not encrypt is refused; with `prefer`, which is the driver's
//! default, one that does not is spoken to in plain text, and whoever sits in between can have it so.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// What connects by TLS.
pub use tokio_postgres_rustls::MakeRustlsConnect;

/// Whose signature makes a server's certificate one to trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorities {
    /// Whom the operating system trusts.
    #[default]
    System,
    /// Those whose certificates are in this file, as PEM, and nobody else.
    File(PathBuf),
}

/// Why connections cannot be encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file of authorities cannot be read, or is no PEM.
    #[error("{}: expected certificates as PEM: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate in the file of authorities cannot be used.
    #[error("{}: certificate {number} cannot be used: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Which one of it, from 1.
        number: usize,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The file of authorities has no certificate in it.
    #[error("{}: expected certificates as PEM, found none", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The protocol cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Protocol(#[from] rustls::Error),
}

/// Makes what encrypts connections and verifies that a server's certificate is signed by one of these authorities and is
/// for the host that was asked for.
///
/// # Errors
///
/// [`TlsError`] if the file of authorities cannot be read or has none.
pub fn connector(authorities: &Authorities) -> Result<MakeRustlsConnect, TlsError> {
    let roots = match authorities {
        Authorities::System => system(),
        Authorities::File(path) => in_file(path)?,
    };
    // The process may have another provider, or none, as its own.
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Where the system has none, or none that can be read, nobody is trusted, and a certificate is refused when it is seen.
fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn in_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    for (certificate, number) in certificates.zip(1..) {
        let unusable = |source| TlsError::Unusable { path: path.to_owned(), number, source };
        roots.add(certificate.map_err(unreadable)?).map_err(unusable)?;
    }
    if roots.is_empty() { Err(TlsError::Empty { path: path.to_owned() }) } else { Ok(roots) }
}

/// An address as a URL that may say more of encryption than the driver's own: `sslrootcert`, and all names of `sslmode`.
///
/// | in the URL | what it means |
/// |---|---|
/// | `sslmode=disable` | plain text |
/// | `sslmode=prefer`, or none | encrypted and verified if the server encrypts, else plain text |
/// | `sslmode=require`, `verify-full` | encrypted and verified, with the host's name, or not at all |
/// | `sslrootcert=PATH` | the authorities in this file are trusted, and no others |
/// | `sslrootcert=system`, or none | those of the operating system |
///
/// That is stricter than PostgreSQL's own library, which with `prefer` and `require` encrypts without verifying. The other
/// modes (`allow`, `verify-ca`) and client certificates (`sslcert`, `sslkey`) are refused.
#[derive(Clone)]
#[non_exhaustive]
pub struct Address {
    /// Where to connect to, and as whom.
    pub config: Config,
    /// Whom to trust.
    pub authorities: Authorities,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is not a URL of a PostgreSQL server. What it is instead is not said, since that may be part of a password.
    #[error("expected an address such as postgres://user@host/database")]
    Malformed,
    /// The `sslmode` is none that is supported.
    #[error(
        "sslmode: expected disable, prefer, require or verify-full (require verifies as verify-full does)"
    )]
    Mode,
    /// Something of encryption is asked for that is not supported.
    #[error("{0} is not supported: a server's certificate is verified by sslrootcert, and clients have none")]
    Unsupported(&'static str),
}

/// What PostgreSQL's own library knows of encryption besides, and this does not.
const UNSUPPORTED: [&str; 8] = [
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcrl",
    "sslcrldir",
    "sslcertmode",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
];

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`]: it is no address, or says of encryption what is not supported.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        // As the driver reads it, what stands before an @ is a user and a password.
        let behind_user = url.find('@').map_or(0, |at| at + 1);
        let query = url[behind_user..].find('?').map(|at| behind_user + at);
        let (address, query) = query.map_or((url, ""), |at| (&url[..at], &url[at + 1..]));
        let (mut rest, mut mode, mut authorities) = (Vec::new(), SslMode::Prefer, Authorities::System);
        for setting in query.split('&').filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            match name {
                "sslmode" => mode = self::mode(value).ok_or(AddressError::Mode)?,
                "sslrootcert" => {
                    let path =
                        percent_decode_str(value).decode_utf8().map_err(|_| AddressError::Malformed)?;
                    authorities = match path.as_ref() {
                        "system" => Authorities::System,
                        path => Authorities::File(path.into()),
                    };
                }
                name => match UNSUPPORTED.into_iter().find(|unsupported| *unsupported == name) {
                    Some(name) => return Err(AddressError::Unsupported(name)),
                    None => rest.push(setting),
                },
            }
        }
        let others = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        let parsed = format!("{address}{others}").parse::<Config>();
        let mut config = parsed.map_err(|_| AddressError::Malformed)?;
        config.ssl_mode(mode);
        Ok(Self { config, authorities })
    }

    /// Whether connections to it may be encrypted: not where that is disabled, nor over the sockets of one machine.
    pub fn may_encrypt(&self) -> bool {
        let is_remote = |host: &Host| matches!(host, Host::Tcp(_));
        let remote = self.config.get_hosts().iter().any(is_remote) || !self.config.get_hostaddrs().is_empty();
        self.config.get_ssl_mode() != SslMode::Disable && remote
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("authorities", &self.authorities).finish_non_exhaustive()
    }
}

fn mode(name: &str) -> Option<SslMode> {
    match name {
        "disable" => Some(SslMode::Disable),
        "prefer" => Some(SslMode::Prefer),
        "require" | "verify-full" => Some(SslMode::Require),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_how_to_encrypt() {
        for (url, plain, mode, authorities, may_encrypt) in [
            ("postgres://u:p?w@h/d", "postgres://u:p?w@h/d", SslMode::Prefer, Authorities::System, true),
            (
                "postgres://h/d?sslmode=disable",
                "postgres://h/d",
                SslMode::Disable,
                Authorities::System,
                false,
            ),
            (
                "postgres://h/d?connect_timeout=5&sslrootcert=%2Fca%20x.pem&sslmode=require&user=u",
                "postgres://h/d?connect_timeout=5&user=u",
                SslMode::Require,
                Authorities::File("/ca x.pem".into()),
                true,
            ),
            (
                "postgres:///d?host=/run&sslmode=verify-full&sslrootcert=system",
                "postgres:///d?host=/run",
                SslMode::Require,
                Authorities::System,
                false,
            ),
        ] {
            let address = Address::parse(url).unwrap();
            let mut config: Config = plain.parse().unwrap();
            config.ssl_mode(mode);
            assert_eq!((&address.config, &address.authorities), (&config, &authorities), "{url}");
            assert_eq!(address.may_encrypt(), may_encrypt, "{url}");
        }
        for (url, error) in [
            ("postgres://h/d?sslmode=verify-ca", AddressError::Mode),
            ("postgres://h/d?sslmode", AddressError::Mode),
            ("postgres://h/d?sslkey=a", AddressError::Unsupported("sslkey")),
            ("postgres://h/d?secret=a", AddressError::Malformed),
            ("postgres://h:secret/d", AddressError::Malformed),
        ] {
            let refused = Address::parse(url).unwrap_err();
            assert_eq!(refused, error, "{url}");
            assert!(!refused.to_string().contains("secret"), "{url}");
        }
    }
}
