//! What the wire keeps apart: connections, cookies and proxies of different identities.

use std::net::TcpListener;

use notmodified::error::Kind;
use notmodified::identity::Partition;
use notmodified::wire::{Options, Outgoing};

use super::{fetch, get_by, get_in, hasty, run, wire, with_cookies};
use crate::origin::{Origin, Step, ok, send};

/// Planted wherever a credential may stand; nothing may ever show it.
const PASSWORD: &str = "hunter2";

#[test]
fn two_partitions_never_share_a_connection() {
    let origin = Origin::http(|_| ok(""));
    let wire = wire(Options::default());
    run(async {
        for partition in [1, 2, 1, 2, 1] {
            wire.send(get_in(partition, &origin.url("/"))).await.unwrap();
        }
    });
    let connections: Vec<_> = origin.heard().iter().map(|heard| heard.connection).collect();
    assert_eq!(connections, [0, 1, 0, 1, 0]);
}

#[test]
fn two_passwords_of_one_proxy_never_share_a_connection() {
    let proxy = Origin::http(|_| ok(""));
    let wire = wire(Options::default());
    run(async {
        for password in ["one", "two", "one"] {
            let url = proxy.url("").replace("http://", &format!("http://user:{password}@"));
            wire.send(get_by(&url, "http://origin.invalid/")).await.unwrap();
        }
    });
    let connections: Vec<_> = proxy.heard().iter().map(|heard| heard.connection).collect();
    assert_eq!(connections, [0, 1, 0]);
}

#[test]
fn each_partition_has_a_jar_and_without_leave_none() {
    let origin = Origin::http(|heard| {
        let visitor = heard.field("x-visitor").unwrap();
        let visitor = String::from_utf8_lossy(&visitor);
        vec![send(format!("HTTP/1.1 204 No Content\r\nSet-Cookie: id={visitor}\r\nSet-Cookie: b=2\r\n\r\n"))]
    });
    for (cookies, expected) in [(true, [None, None, Some("1"), Some("2")]), (false, [None; 4])] {
        let wire = wire(Options { cookies, ..Options::default() });
        let before = origin.heard().len();
        run(async {
            for partition in [1, 2, 1, 2] {
                let fields = [("X-Visitor", partition.to_string())].into_iter().collect();
                let outgoing = with_cookies(&wire, Outgoing { fields, ..get_in(partition, &origin.url("/")) });
                let incoming = wire.send(outgoing).await.unwrap();
                assert_eq!(incoming.fields.get_all(b"set-cookie").count(), 2, "a jar takes no lines away");
            }
        });
        for (heard, expected) in origin.heard()[before..].iter().zip(expected) {
            let cookie = heard.field("cookie").map(|value| String::from_utf8(value).unwrap());
            assert_eq!(cookie.is_some(), expected.is_some());
            assert!(expected.is_none_or(|id| cookie.unwrap().contains(&format!("id={id}"))));
        }
    }
}

#[test]
fn a_cookie_that_came_since_a_request_was_decided_upon_is_not_sent_with_it() {
    let origin = Origin::http(|_| vec![send("HTTP/1.1 204 No Content\r\nSet-Cookie: jar=1\r\n\r\n")]);
    let wire = wire(Options { cookies: true, ..Options::default() });
    run(async {
        let decided = with_cookies(&wire, get_in(1, &origin.url("/")));
        wire.send(get_in(1, &origin.url("/"))).await.unwrap();
        wire.send(decided).await.unwrap();
        wire.send(with_cookies(&wire, get_in(1, &origin.url("/")))).await.unwrap();
    });
    let sent: Vec<_> = origin.heard().iter().map(|heard| heard.field("cookie")).collect();
    assert_eq!(sent, [None, None, Some(b"jar=1".to_vec())]);
}

#[test]
fn a_proxy_carries_the_request_with_its_credentials() {
    let proxy = Origin::http(|_| ok("through"));
    let url = proxy.url("").replace("http://", &format!("http://us%65r:{PASSWORD}%20@"));
    let incoming = fetch(&hasty(), get_by(&url, "http://origin.invalid/page")).unwrap();
    assert_eq!(incoming.body, "through");
    let heard = &proxy.heard()[0];
    assert_eq!(heard.request_line(), "GET http://origin.invalid/page HTTP/1.1");
    // "user:hunter2 "
    assert_eq!(heard.field("proxy-authorization").unwrap(), b"Basic dXNlcjpodW50ZXIyIA==");
}

#[test]
fn a_proxy_that_fails_is_named_and_its_password_is_not() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusing = Origin::http(|_| vec![send("HTTP/1.1 407 Nope\r\nContent-Length: 0\r\n\r\n")]);
    let broken = Origin::http(|_| vec![send("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")]);
    let socks = Origin::raw(None, |link, _| {
        link.read_exact(&mut [0; 3])?;
        // Version 5, no method that you offer.
        link.write_all(&[5, 0xff])
    });
    let cases = [
        ("http", nobody.port(), "http://origin.invalid/"),
        ("http", nobody.port(), "https://origin.invalid/"),
        ("socks5h", nobody.port(), "https://origin.invalid/"),
        ("http", refusing.port(), "http://origin.invalid/"),
        ("http", refusing.port(), "https://origin.invalid/"),
        ("http", broken.port(), "https://origin.invalid/"),
        ("socks5h", socks.port(), "http://origin.invalid/"),
        ("socks5", socks.port(), "https://127.0.0.1/"),
    ];
    for (scheme, port, target) in cases {
        let proxy = format!("{scheme}://user:{PASSWORD}@127.0.0.1:{port}");
        let error = fetch(&hasty(), get_by(&proxy, target)).unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy, "{proxy} {target}: {error}");
        assert!(error.to_string().contains(&format!("{scheme}://127.0.0.1:{port}")), "{error}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
}

#[test]
fn other_failures_behind_a_proxy_do_not_show_its_password_either() {
    let answers: [(&[Step], Kind); 4] = [
        (&[Step::Close], Kind::Disconnected),
        (&[Step::Hang], Kind::ReadTimeout),
        (&[Step::Send(Vec::new()), Step::Close], Kind::Disconnected),
        (&[Step::Repeat(Vec::new())], Kind::ReadTimeout),
    ];
    for (steps, kind) in answers {
        let steps = steps.to_vec();
        let proxy = Origin::http(move |_| steps.clone());
        let url = proxy.url("").replace("http://", &format!("http://user:{PASSWORD}@"));
        let error = fetch(&hasty(), get_by(&url, "http://origin.invalid/")).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
}

#[test]
fn an_origins_own_407_is_an_answer() {
    let origin = Origin::http(|_| vec![send("HTTP/1.1 407 Nope\r\nContent-Length: 0\r\n\r\n")]);
    assert_eq!(fetch(&hasty(), get_in(1, &origin.url("/"))).unwrap().status, 407);
}

#[test]
fn a_proxy_that_cannot_be_used_is_never_gone_around() {
    let origin = Origin::http(|_| ok(""));
    for proxy in ["socks5://user:hunter2@ho%41st:1", "http://user:hunter2@host:1/^"] {
        let error = fetch(&hasty(), get_by(proxy, &origin.url("/"))).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidRequest);
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    // The variables are read when a client is made, and are those of the whole process: a child has its own.
    let origin = Origin::http(|_| ok("direct"));
    let program = std::env::current_exe().unwrap();
    let status = std::process::Command::new(program)
        .args(["--exact", "wire::identities::direct_whatever_the_environment_says", "--nocapture"])
        .envs(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:1")))
        .env("NOTMODIFIED_TEST_URL", origin.url("/"))
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    assert_eq!(origin.heard().len(), 1);
}

#[test]
fn direct_whatever_the_environment_says() {
    let Ok(url) = std::env::var("NOTMODIFIED_TEST_URL") else {
        return;
    };
    let outgoing = Outgoing { partition: Partition::ANONYMOUS, ..get_in(1, &url) };
    assert_eq!(fetch(&hasty(), outgoing).unwrap().body, "direct");
}
