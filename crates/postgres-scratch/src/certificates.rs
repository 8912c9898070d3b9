//! A server that encrypts, with certificates of its own.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};

use crate::Server;

impl Server {
    /// Encrypts from now on, with a certificate for this host's name that an authority made for it has signed. Returns the
    /// file of the authority's certificate, which is gone with the server.
    pub fn encrypt(&self, host: &str) -> PathBuf {
        let (authority, certificate, key) =
            signed(host).unwrap_or_else(|error| panic!("a certificate for {host}: {error}"));
        self.put("server.crt", certificate.as_bytes());
        self.put("server.key", key.as_bytes());
        let file = self.socket_folder().join("authority.pem");
        fs::write(&file, authority).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.set(&["ssl = on"]);
        self.until("SHOW ssl", "on");
        file
    }
}

/// The certificate of an authority, and what it signed: a certificate for a host, and its key; all as PEM.
fn signed(host: &str) -> Result<(String, String, String), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "An authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![host.to_owned()])?.signed_by(&key, &authority)?;
    Ok((authority.pem(), certificate.pem(), key.serialize_pem()))
}
