//! TLS: whom to trust, sessions that are never shared, and HTTP/2.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notmodified::error::Kind;
use notmodified::wire::{Delimited, Options, Wire};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

use super::{fetch, get, get_by, get_in, run, wire};
use crate::origin::{Link, Origin, Step, ok, send};

/// A certificate for loopback that signs itself, and the file that makes it trusted.
struct Authority {
    certified: rcgen::CertifiedKey<rcgen::KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certified.cert.pem()).unwrap();
        Self { certified, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A server that offers these protocols.
    fn server(&self, protocols: &[&str]) -> ServerConfig {
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

    fn trusting(&self) -> Options {
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
fn tunnel(port: u16) -> Origin {
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
fn http2_is_offered_unless_it_is_switched_off() {
    let authority = Authority::new();
    let origin = Origin::raw(Some(Arc::new(authority.server(&["h2"]))), |link, _| speak_http2(link, &[(0, 1, b"hi")]));
    let incoming = fetch(&wire(authority.trusting()), get(&origin.url("/"))).unwrap();
    assert_eq!((incoming.status, incoming.delimited, &incoming.body[..]), (200, Delimited::Stream, &b"hi"[..]));
    let error = fetch(&wire(Options { http2: false, ..authority.trusting() }), get(&origin.url("/"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "a server that speaks nothing else refuses: {error}");
}

#[test]
fn a_stream_that_is_reset_leaves_an_incomplete_body() {
    let authority = Authority::new();
    let cancel = 8_u32.to_be_bytes();
    let origin = Origin::raw(Some(Arc::new(authority.server(&["h2"]))), move |link, _| {
        speak_http2(link, &[(0, 0, b"half"), (3, 0, &cancel)])
    });
    let error = fetch(&wire(authority.trusting()), get(&origin.url("/"))).unwrap_err();
    assert_eq!(error.kind(), Kind::IncompleteBody, "{error}");
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

/// Answers one request with a 200 and these frames (type, flags, payload) on its stream.
fn speak_http2(link: &mut dyn Link, frames: &[(u8, u8, &[u8])]) -> std::io::Result<()> {
    link.read_exact(&mut [0; 24])?;
    let stream = loop {
        let mut header = [0; 9];
        link.read_exact(&mut header)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        link.read_exact(&mut vec![0; length])?;
        // HEADERS: the request is there.
        if header[3] == 1 {
            break [header[5], header[6], header[7], header[8]];
        }
    };
    let frame = |kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream, payload].concat()
    };
    // SETTINGS, then HEADERS that end here and say ":status: 200" (entry 8 of HPACK's static table).
    let mut answer = [frame(4, 0, [0; 4], &[]), frame(1, 4, stream, &[0x88])].concat();
    for (kind, flags, payload) in frames {
        answer.extend(frame(*kind, *flags, stream, payload));
    }
    link.write_all(&answer)?;
    link.flush()?;
    let mut rest = [0; 1024];
    while link.read(&mut rest)? > 0 {}
    Ok(())
}
