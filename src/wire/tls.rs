//! TLS configurations: one set of roots for all partitions, one store of TLS sessions for each.
//!
//! A cloned configuration shares its session store with the original, and an origin that resumes a session knows who comes back. So a
//! configuration never leaves this module with a session store that another one has.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use crate::error::{Error, Kind, Result};

use super::options::Options;
use super::unverified::Unverified;

/// Sessions that one client remembers; rustls keeps up to eight for one server.
const SESSIONS: usize = 256;

/// Makes the TLS configuration of a client.
#[derive(Debug)]
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    roots: Roots,
    http2: bool,
    base: OnceCell<ClientConfig>,
}

/// Whom to trust.
#[derive(Debug)]
enum Roots {
    /// The machine's own roots, loaded when first needed.
    Machine,
    /// Those of `ca_file`, and no others.
    Given(Arc<RootCertStore>),
    /// Anybody.
    Anybody,
}

impl Tls {
    /// Reads `ca_file`, and nothing else yet.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let roots = match (&options.ca_file, options.verify) {
            (Some(path), verify) => {
                let given = Arc::new(read(path)?);
                if verify { Roots::Given(given) } else { Roots::Anybody }
            }
            (None, true) => Roots::Machine,
            (None, false) => Roots::Anybody,
        };
        Ok(Self { provider: Arc::new(ring::default_provider()), roots, http2: options.http2, base: OnceCell::new() })
    }

    /// A configuration for a client that speaks TLS, with a session store of its own.
    pub(super) async fn secure(&self) -> Result<ClientConfig> {
        let base = self.base.get_or_try_init(|| self.load()).await?;
        let mut config = base.clone();
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(config)
    }

    /// A configuration for a client that never speaks TLS: it trusts nobody.
    pub(super) fn plain(&self) -> Result<ClientConfig> {
        self.trusting(RootCertStore::empty())
    }

    async fn load(&self) -> Result<ClientConfig> {
        match &self.roots {
            // Reading and parsing some hundred certificates takes milliseconds that others' requests should not wait for.
            Roots::Machine => match tokio::task::spawn_blocking(machine_roots).await {
                Ok(roots) => self.trusting(roots?),
                Err(error) => Err(Error::new(Kind::Tls, "the machine's certificates were not read").with_source(error)),
            },
            Roots::Given(roots) => self.trusting(Arc::clone(roots)),
            Roots::Anybody => {
                let anybody = Arc::new(Unverified(Arc::clone(&self.provider)));
                let config = self.versions()?.dangerous().with_custom_certificate_verifier(anybody);
                Ok(self.finished(config.with_no_client_auth()))
            }
        }
    }

    fn trusting(&self, roots: impl Into<Arc<RootCertStore>>) -> Result<ClientConfig> {
        Ok(self.finished(self.versions()?.with_root_certificates(roots).with_no_client_auth()))
    }

    /// The provider is named here, so that none has to be installed for the whole process, which is not ours.
    fn versions(&self) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
        ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(Kind::Tls, "no protocol version of TLS is available").with_source(error))
    }

    /// reqwest sets ALPN only in configurations that it makes itself.
    fn finished(&self, mut config: ClientConfig) -> ClientConfig {
        let offered: &[&[u8]] = if self.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        config.resumption = Resumption::disabled();
        config
    }
}

/// The roots of a PEM file, which replace the machine's: what is named is trusted, and nothing else.
fn read(path: &Path) -> Result<RootCertStore> {
    let refuse = |what: &str| Error::new(Kind::InvalidRequest, format!("ca_file={:?} {what}", path.display()));
    let pem = std::fs::read(path).map_err(|error| refuse("cannot be read").with_source(error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| refuse("is not PEM").with_source(error))?;
        roots.add(certificate).map_err(|error| refuse("holds a certificate that is none").with_source(error))?;
    }
    if roots.is_empty() {
        return Err(refuse("holds no certificate in PEM"));
    }
    Ok(roots)
}

/// Some stores hold certificates that cannot be parsed; the others are good nevertheless.
fn machine_roots() -> Result<RootCertStore> {
    let mut found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(std::mem::take(&mut found.certs));
    if roots.is_empty() {
        let message =
            "this machine has no trusted root certificates; install ca-certificates, or name a PEM file as ca_file=";
        let error = Error::new(Kind::Tls, message);
        return Err(match found.errors.into_iter().next() {
            Some(cause) => error.with_source(cause),
            None => error,
        });
    }
    Ok(roots)
}
