//! Origins that misbehave: one kind of error each, in bounded time and memory.

use std::net::TcpListener;
use std::time::Duration;

use notmodified::clock::Stopwatch;
use notmodified::error::{Error, Kind};
use notmodified::wire::{Options, Outgoing};

use super::{fetch, get, hasty, run, wire};
use crate::origin::{Origin, Step, send};

/// What a GET of this origin comes to.
fn failure(script: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> Error {
    let origin = Origin::http(move |_| script());
    let error = fetch(&hasty(), get(&origin.url("/page?q=1"))).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("GET {}: ", origin.url("/page?q=1"))), "{text}");
    assert_eq!(text.matches("/page").count(), 1, "{text}");
    assert!(origin.is_left_alone(), "{text}");
    error
}

fn kind_of(answer: &'static str) -> Kind {
    failure(move || vec![send(answer), Step::Close]).kind()
}

#[test]
fn a_body_that_breaks_off_is_incomplete() {
    assert_eq!(kind_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Kind::IncompleteBody);
    assert_eq!(kind_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), Kind::IncompleteBody);
    assert_eq!(kind_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), Kind::IncompleteBody);
    let text = failure(|| vec![send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Step::Close]).to_string();
    assert!(text.contains("after 4 bytes"), "{text}");
}

#[test]
fn what_is_no_http_is_a_protocol_error() {
    assert_eq!(kind_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"), Kind::Protocol);
    assert_eq!(kind_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), Kind::Protocol);
    assert_eq!(kind_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi"), Kind::Protocol);
    assert_eq!(kind_of("220 mail.example ESMTP\r\n"), Kind::Protocol);
    assert_eq!(kind_of("HTTP/1.1 200 OK\r\nX: y\r\n"), Kind::Disconnected);
    assert_eq!(kind_of(""), Kind::Disconnected);
}

#[test]
fn endless_header_sections_are_cut() {
    let many = failure(|| vec![send("HTTP/1.1 200 OK\r\n"), Step::Repeat(b"X-Filler: y\r\n".repeat(100))]);
    assert_eq!(many.kind(), Kind::Protocol);
    let long = failure(|| vec![send("HTTP/1.1 200 OK\r\nX: "), Step::Repeat(vec![b'y'; 10_000])]);
    assert_eq!(long.kind(), Kind::Protocol);
}

#[test]
fn endless_interim_responses_end_with_the_read_timeout() {
    let started = Stopwatch::start();
    let flood = failure(|| vec![Step::Repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(100))]);
    assert_eq!(flood.kind(), Kind::ReadTimeout);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn silence_ends_with_the_read_timeout() {
    for answer in ["", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"] {
        let started = Stopwatch::start();
        let error = failure(move || vec![send(answer), Step::Hang]);
        assert_eq!(error.kind(), Kind::ReadTimeout);
        assert!(error.to_string().contains("read_timeout=500ms"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_drip_ends_with_the_total_timeout() {
    let origin = Origin::http(|_| {
        let mut steps = vec![send("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")];
        steps.extend(std::iter::repeat_n([Step::Pause(Duration::from_millis(100)), send("x")], 50).flatten());
        steps
    });
    let timeout = Duration::from_millis(700);
    let error = fetch(&hasty(), Outgoing { timeout, ..get(&origin.url("/page")) }).unwrap_err();
    assert_eq!(error.kind(), Kind::TotalTimeout);
    assert!(error.to_string().starts_with(&format!("GET {}: ", origin.url("/page"))), "{error}");
}

#[test]
fn a_slow_body_is_no_silence() {
    let slow = || {
        let part = [Step::Pause(Duration::from_millis(200)), send("x")];
        let mut steps = vec![send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")];
        steps.extend(std::iter::repeat_n(part, 5).flatten());
        steps
    };
    let origin = Origin::http(move |_| slow());
    assert_eq!(fetch(&hasty(), get(&origin.url("/"))).unwrap().body, "xxxxx");
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let wire = wire(Options { max_body: 1000, ..Options::default() });
    for start in ["\r\n", "Content-Length: 1001\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n"] {
        let origin =
            Origin::http(move |_| vec![send(format!("HTTP/1.1 200 OK\r\n{start}")), Step::Repeat(vec![b'x'; 100])]);
        let error = fetch(&wire, get(&origin.url("/"))).unwrap_err();
        assert_eq!(error.kind(), Kind::BodyTooLarge);
        assert!(error.to_string().contains("max_body=1000"), "{error}");
        assert!(origin.is_left_alone());
    }
    let origin = Origin::http(|_| vec![send("HTTP/1.1 200 OK\r\n\r\n"), send([b'x'; 1000]), Step::Close]);
    assert_eq!(fetch(&wire, get(&origin.url("/"))).unwrap().body.len(), 1000);
}

#[test]
fn a_length_alone_is_enough_to_refuse() {
    let origin = Origin::http(|_| vec![send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), Step::Hang]);
    let error = fetch(&hasty(), get(&origin.url("/"))).unwrap_err();
    assert_eq!(error.kind(), Kind::BodyTooLarge);
}

#[test]
fn nobody_there_is_a_connect_error() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = fetch(&hasty(), get(&format!("http://127.0.0.1:{port}/"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    let error = fetch(&hasty(), get("http://name.invalid/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
}

#[test]
fn a_handshake_without_an_answer_ends_with_the_connect_timeout() {
    let origin = Origin::http(|_| vec![]);
    let error = fetch(&hasty(), get(&origin.url("/").replace("http:", "https:"))).unwrap_err();
    assert_eq!(error.kind(), Kind::ConnectTimeout);
    assert!(error.to_string().contains("connect_timeout=300ms"), "{error}");
}

#[test]
fn a_long_url_is_shown_in_part() {
    let origin = Origin::http(|_| vec![Step::Close]);
    let error = fetch(&hasty(), get(&origin.url(&format!("/{}", "x".repeat(10_000))))).unwrap_err();
    assert!(error.to_string().len() < 1000);
}

#[test]
fn a_dropped_request_hangs_up() {
    let origin = Origin::http(|_| vec![Step::Hang]);
    let wire = wire(Options::default());
    run(async {
        let request = wire.send(get(&origin.url("/")));
        assert!(tokio::time::timeout(Duration::from_millis(300), request).await.is_err());
        assert_eq!(origin.connections(), 1);
        tokio::task::spawn_blocking(move || assert!(origin.is_left_alone())).await.unwrap();
    });
}
