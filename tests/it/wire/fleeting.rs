//! Requests by an exit of their own: what the wire must not keep of them, and must not use for them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use notmodified::wire::{Options, Outgoing, Wire};

use super::secure::{Authority, tunnel};
use super::{get, get_by, http2, run, wire, with_cookies};
use crate::origin::{Origin, Step, ok, send};

fn fleeting(outgoing: Outgoing) -> Outgoing {
    Outgoing { is_fleeting: true, ..outgoing }
}

/// Sends one after the other, and waits until no more than `left` connections are open.
fn send_all(wire: &Wire, outgoing: impl IntoIterator<Item = Outgoing>, origin: &Origin, left: usize) {
    run(async {
        for one in outgoing {
            wire.send(with_cookies(wire, one)).await.unwrap();
        }
        while origin.open() > left {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

fn connections(origin: &Origin) -> Vec<usize> {
    origin.heard().iter().map(|heard| heard.connection).collect()
}

#[test]
fn a_fleeting_request_uses_no_kept_connection_and_keeps_none() {
    let origin = Origin::http(|_| ok("one"));
    let kept = || get(&origin.url("/"));
    let wire = wire(Options::default());
    send_all(&wire, [kept(), fleeting(kept()), fleeting(kept()), kept()], &origin, 1);
    assert_eq!(connections(&origin), [0, 1, 2, 0]);
}

#[test]
fn a_fleeting_request_keeps_no_connection_to_a_proxy() {
    let proxy = Origin::http(|_| ok("one"));
    let kept = || get_by(&proxy.url(""), "http://origin.invalid/");
    let wire = wire(Options::default());
    send_all(&wire, [kept(), fleeting(kept()), fleeting(kept()), kept()], &proxy, 1);
    assert_eq!(connections(&proxy), [0, 1, 2, 0]);
}

#[test]
fn a_fleeting_request_has_a_tunnel_of_its_own() {
    let authority = Authority::new();
    let origin = Origin::https(authority.server(&["http/1.1"]), |_| ok("one"));
    let proxy = tunnel(origin.port());
    let one = || fleeting(get_by(&proxy.url(""), &origin.url("/")));
    send_all(&wire(authority.trusting()), [one(), one(), one()], &proxy, 0);
    assert_eq!(proxy.connections(), 3);
    assert_eq!(connections(&origin), [0, 1, 2]);
    assert!(origin.heard().iter().all(|heard| !heard.is_resumed));
}

#[test]
fn a_fleeting_request_resumes_no_tls_session_and_leaves_none() {
    let authority = Authority::new();
    let origin = Origin::https(authority.server(&["http/1.1"]), |_| {
        vec![send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), Step::Close]
    });
    let kept = || get(&origin.url("/"));
    let outgoing = [fleeting(kept()), kept(), fleeting(kept()), fleeting(kept()), kept()];
    send_all(&wire(authority.trusting()), outgoing, &origin, 0);
    let resumed: Vec<_> = origin.heard().iter().map(|heard| heard.is_resumed).collect();
    assert_eq!(resumed, [false, false, false, false, true]);
}

#[test]
fn fleeting_requests_over_http2_have_a_connection_each() {
    let authority = Authority::new();
    let heard = Arc::<Mutex<Vec<(usize, bool)>>>::default();
    let origin = http2::obliging(&authority, &heard);
    let kept = || get(&origin.url("/"));
    let outgoing = [kept(), kept(), fleeting(kept()), fleeting(kept()), kept()];
    send_all(&wire(authority.trusting()), outgoing, &origin, 1);
    assert_eq!(*heard.lock().unwrap(), [0, 0, 1, 2, 0].map(|connection| (connection, false)));
}

#[test]
fn a_fleeting_request_takes_no_cookie_and_leaves_none() {
    let origin = Origin::http(|heard| {
        let path = heard.request_line().replace("GET /", "").replace(" HTTP/1.1", "");
        vec![send(format!("HTTP/1.1 204 No Content\r\nSet-Cookie: at={path}\r\n\r\n"))]
    });
    let at = |path: &str| get(&origin.url(path));
    let outgoing = [fleeting(at("/1")), at("/2"), fleeting(at("/3")), fleeting(at("/4")), at("/5")];
    send_all(&wire(Options { cookies: true, ..Options::default() }), outgoing, &origin, 1);
    let cookies: Vec<_> = origin.heard().iter().map(|heard| heard.field("cookie")).collect();
    assert_eq!(cookies, [None, None, None, None, Some(b"at=2".to_vec())]);
}
