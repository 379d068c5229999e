//! What goes out and what comes back, byte by byte.

use bytes::Bytes;
use notmodified::error::Kind;
use notmodified::wire::{Delimited, Options, Outgoing};

use super::{fetch, get, hasty, run, wire};
use crate::origin::{Origin, Step, ok, send};

#[test]
fn a_request_in_one_partition_keeps_its_connection() {
    let origin = Origin::http(|_| ok("hello"));
    let wire = wire(Options::default());
    run(async {
        for _ in 0..5 {
            assert_eq!(wire.send(get(&origin.url("/"))).await.unwrap().body, "hello");
        }
    });
    assert_eq!((origin.connections(), origin.heard().len()), (1, 5));
}

#[test]
fn obs_text_passes_both_ways() {
    let origin = Origin::http(|_| vec![send(b"HTTP/1.1 304 Not Modified\r\nETag: \"\xe9\xff\"\r\n\r\n")]);
    let fields = [("If-None-Match", &b"W/\"\xe9\xff\""[..]), ("X-Tab", b"a\tb")].into_iter().collect();
    let incoming = fetch(&hasty(), Outgoing { fields, ..get(&origin.url("/")) }).unwrap();
    assert_eq!(incoming.fields.get(b"etag"), Some(&b"\"\xe9\xff\""[..]));
    let heard = &origin.heard()[0];
    assert_eq!(heard.field("if-none-match").unwrap(), b"W/\"\xe9\xff\"");
    assert_eq!(heard.field("x-tab").unwrap(), b"a\tb");
}

#[test]
fn a_request_says_what_the_caller_said_and_no_more() {
    let origin = Origin::http(|_| ok(""));
    let fields = [("Host", "elsewhere.example"), ("User-Agent", "someone/1")].into_iter().collect();
    let outgoing = Outgoing { method: "PURGE".to_owned(), fields, ..get(&origin.url("/a?b=%20")) };
    fetch(&hasty(), outgoing).unwrap();
    let head = String::from_utf8(origin.heard()[0].head.clone()).unwrap();
    let mut lines: Vec<&str> = head.trim_end().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["PURGE /a?b=%20 HTTP/1.1", "accept: */*", "host: elsewhere.example", "user-agent: someone/1"]);
}

#[test]
fn content_is_sent_with_its_length() {
    let origin = Origin::http(|_| ok(""));
    let content = Some(Bytes::from_static(b"a=1"));
    fetch(&hasty(), Outgoing { method: "POST".to_owned(), content, ..get(&origin.url("/")) }).unwrap();
    assert_eq!(origin.heard()[0].content, b"a=1");
}

#[test]
fn several_lines_of_one_field_stay_several() {
    let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nVary: x\r\nset-cookie: b=2, c\r\nFolded: a\r\n  b\r\nContent-Length: 2\r\n\r\nhi";
    let origin = Origin::http(move |_| vec![send(answer)]);
    let incoming = fetch(&hasty(), get(&origin.url("/"))).unwrap();
    assert_eq!(incoming.fields.get_all(b"set-cookie").collect::<Vec<_>>(), [b"a=1".as_slice(), b"b=2, c"]);
    assert_eq!(incoming.fields.get(b"folded"), Some(&b"a b"[..]));
    // A fold counts as the one space that it stands for.
    assert_eq!(incoming.wire_bytes, answer.len() as u64 - 3);
    assert!(incoming.request_time <= incoming.response_time && !incoming.elapsed.is_zero());
}

#[test]
fn how_a_body_ended_is_told() {
    let cases = [
        ("GET", "200 OK\r\nContent-Length: 2\r\n\r\nhi", Delimited::ByLength, "hi"),
        (
            "GET",
            "200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nh\r\n1;x=y\r\ni\r\n0\r\nX: y\r\n\r\n",
            Delimited::Chunked,
            "hi",
        ),
        ("GET", "200 OK\r\n\r\nhi", Delimited::ByClose, "hi"),
        ("GET", "200 OK\r\nTransfer-Encoding: identity\r\n\r\nhi", Delimited::ByClose, "hi"),
        ("GET", "304 Not Modified\r\nContent-Length: 99\r\n\r\n", Delimited::None, ""),
        ("GET", "204 No Content\r\n\r\n", Delimited::None, ""),
        ("HEAD", "200 OK\r\nContent-Length: 99999999999\r\n\r\n", Delimited::None, ""),
        ("GET", "302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", Delimited::ByLength, ""),
    ];
    for (method, answer, delimited, body) in cases {
        let origin = Origin::http(move |_| vec![send(format!("HTTP/1.1 {answer}")), Step::Close]);
        let incoming = fetch(&hasty(), Outgoing { method: method.to_owned(), ..get(&origin.url("/")) }).unwrap();
        assert_eq!((incoming.delimited, &incoming.body[..]), (delimited, body.as_bytes()), "{answer}");
        assert_eq!(incoming.status.to_string(), answer[..3]);
        assert_eq!(origin.heard().len(), 1);
    }
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is_sent() {
    let origin = Origin::http(|_| ok(""));
    let url = origin.url("/");
    let field = |name: &str, value: &str| Outgoing { fields: [(name, value)].into_iter().collect(), ..get(&url) };
    let refused = [
        Outgoing { method: "GET /x HTTP/1.1\r\nX:".to_owned(), ..get(&url) },
        field("X-Injected", "a\r\nX-More: hunter2"),
        field("Content-Length", "0"),
        field("Proxy-Authorization", "Basic hunter2"),
        get(&url.replace("://", "://user:hunter2@")),
        get("ftp://127.0.0.1/"),
    ];
    for outgoing in refused {
        let error = fetch(&hasty(), outgoing).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidRequest);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    assert_eq!(origin.connections(), 0);
}
