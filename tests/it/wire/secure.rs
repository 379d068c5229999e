//! TLS: whom to trust, and sessions that are never shared.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notmodified::error::Kind;
use notmodified::wire::{Options, Wire};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

use super::{fetch, get, get_by, get_in, run, wire};
use crate::origin::{Origin, Step, ok, send};

/// A certificate for loopback that signs itself, and the file that makes it trusted.
pub(super) struct Authority {
    certified: rcgen::CertifiedKey<rcgen::KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certified.cert.pem()).unwrap();
        Self { certified, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A server that offers these protocols.
    pub(super) fn server(&self, protocols: &[&str]) -> ServerConfig {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.certified.signing_key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certified.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    pub(super) fn trusting(&self) -> Options {
        let read_timeout = Duration::from_secs(5);
        Options { ca_file: Some(self.file()), read_timeout, ..Options::default() }
    }
}

#[test]
fn only_a_trusted_certificate_is_accepted_unless_told_otherwise() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let origin = Origin::https(authority.server(&["http/1.1"]), |_| ok("secret"));
    let fetched = |options: Options| fetch(&wire(options), get(&origin.url("/")));
    assert_eq!(fetched(authority.trusting()).unwrap().body, "secret");
    assert_eq!(fetched(Options { verify: false, ..Options::default() }).unwrap().body, "secret");
    for options in [stranger.trusting(), Options::default()] {
        let error = fetched(options).unwrap_err();
        assert_eq!(error.kind(), Kind::Tls, "{error}");
    }
}

#[test]
fn a_ca_file_that_is_none_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("empty.pem"), "").unwrap();
    std::fs::write(path("text.pem"), "not a certificate\n").unwrap();
    std::fs::write(path("cut.pem"), "-----BEGIN CERTIFICATE-----\nMIIB\n").unwrap();
    std::fs::write(path("odd.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for name in ["missing.pem", "empty.pem", "text.pem", "cut.pem", "odd.pem", ""] {
        let error = Wire::new(Options { ca_file: Some(path(name)), ..Options::default() }).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidRequest);
        assert!(error.to_string().contains(path(name).to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_server_that_speaks_no_tls_is_a_tls_error() {
    let hangs_up = Origin::raw(None, |link, _| link.read(&mut [0; 1]).map(drop));
    let shouts = Origin::raw(None, |link, _| link.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let wire = wire(Authority::new().trusting());
    for origin in [shouts, hangs_up] {
        let url = origin.url("/").replace("http:", "https:");
        let kinds = [Kind::Tls, Kind::Connect];
        // Closing with bytes unread resets the connection, which says nothing of TLS.
        let error = fetch(&wire, get(&url)).unwrap_err();
        assert!(kinds.contains(&error.kind()), "{error}");
    }
}

#[test]
fn a_partition_resumes_its_own_sessions_and_nobody_elses() {
    let authority = Authority::new();
    let origin = Origin::https(authority.server(&["http/1.1"]), |_| {
        vec![send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), Step::Close]
    });
    let wire = wire(authority.trusting());
    run(async {
        for partition in [1, 1, 2, 3, 2, 1] {
            wire.send(get_in(partition, &origin.url("/"))).await.unwrap();
        }
    });
    let resumed: Vec<_> = origin.heard().iter().map(|heard| heard.is_resumed).collect();
    assert_eq!(resumed, [false, true, false, false, true, true]);
}

#[test]
fn two_exits_of_one_partition_do_not_share_sessions() {
    let authority = Authority::new();
    let origin = Origin::https(authority.server(&["http/1.1"]), |_| {
        vec![send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), Step::Close]
    });
    let tunnel = tunnel(origin.port());
    let wire = wire(authority.trusting());
    run(async {
        wire.send(get(&origin.url("/"))).await.unwrap();
        wire.send(get_by(&tunnel.url(""), &origin.url("/"))).await.unwrap();
    });
    assert!(origin.heard().iter().all(|heard| !heard.is_resumed));
    assert_eq!(tunnel.connections(), 1);
}

/// A proxy that tunnels one exchange after the other to that port.
pub(super) fn tunnel(port: u16) -> Origin {
    Origin::raw(None, move |link, connection| {
        let asked = crate::origin::hear(link, connection)?;
        assert!(asked.unwrap().request_line().starts_with("CONNECT 127.0.0.1:"));
        link.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let mut onward = std::net::TcpStream::connect(("127.0.0.1", port))?;
        onward.set_read_timeout(Some(Duration::from_millis(50)))?;
        // A handshake and a request are a few turns of either side.
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = link.read(&mut buffer) {
            std::io::Write::write_all(&mut onward, &buffer[..length])?;
            while let Ok(length @ 1..) = onward.read(&mut buffer) {
                link.write_all(&buffer[..length])?;
            }
        }
        Ok(())
    })
}

#[test]
fn a_connection_that_ends_without_a_goodbye_leaves_an_incomplete_body() {
    let authority = Authority::new();
    let origin = Origin::https(authority.server(&["http/1.1"]), |_| {
        vec![send("HTTP/1.1 200 OK\r\n\r\nperhaps all of it"), Step::Close]
    });
    let error = fetch(&wire(authority.trusting()), get(&origin.url("/"))).unwrap_err();
    assert_eq!(error.kind(), Kind::IncompleteBody, "{error}");
}
