//! `plan` and `settle` as a table of exchanges: what is sent, what the answer means, what is remembered. No I/O, and time is a number.

use std::sync::Arc;

use bytes::Bytes;
use notmodified::entry::change::Change;
use notmodified::entry::learned::Lessons;
use notmodified::entry::{Consumer, Record};
use notmodified::exchange::answer::{Answer, AnswerBody};
use notmodified::exchange::outcome::{Outcome, Reason};
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::{Freshness, Policy};
use notmodified::fields::Fields;
use notmodified::identity::Secret;
use notmodified::request::Request;

const SECRET: Secret = Secret([9; 32]);
const URL: &str = "http://origin/page";

/// A client of one origin: one record, a clock that is set by hand.
struct Client {
    record: Option<Record>,
    lessons: Lessons,
    policy: Policy,
    now: u64,
}

impl Client {
    fn new() -> Self {
        Self::with(Policy::default())
    }

    fn with(policy: Policy) -> Self {
        Self { record: None, lessons: Lessons::default(), policy, now: 1_000_000 }
    }

    fn plan(&self, method: &str, lines: &[(&str, &str)]) -> Plan {
        let request = Request::new(method, URL, lines.iter().copied().collect()).unwrap();
        let lessons = Some(Arc::new(self.lessons.clone())).filter(|lessons| !lessons.is_empty());
        plan(request.ask(&SECRET), self.record.clone(), lessons, &self.policy, &SECRET, self.now)
    }

    fn pending(&self, lines: &[(&str, &str)]) -> Box<Pending> {
        match self.plan("GET", lines) {
            Plan::Send(pending) => pending,
            Plan::Serve(answer, _) => panic!("served: {answer:?}"),
        }
    }

    /// Settles, and remembers what is to be written.
    fn settle(&mut self, pending: &Pending, reply: Reply) -> Settlement {
        let settlement = settle(pending, reply, &self.policy, &SECRET);
        if let Settlement::Answer(answer) = &settlement {
            for write in &answer.writes {
                if let Change::Learn(teaching, at) = &write.change {
                    self.lessons.take(teaching, *at);
                    continue;
                }
                let record = self.record.get_or_insert_with(|| Record::new(&write.key.url, write.key.partition));
                write.change.apply(record);
            }
        }
        settlement
    }

    fn get(&mut self, reply: Reply) -> Answer {
        self.get_with(&[], reply)
    }

    fn get_with(&mut self, lines: &[(&str, &str)], reply: Reply) -> Answer {
        let pending = self.pending(lines);
        answer(self.settle(&pending, reply))
    }

    /// What the next GET would carry.
    fn conditions(&self) -> Vec<(String, String)> {
        shown(&self.pending(&[]).conditions)
    }
}

fn answer(settlement: Settlement) -> Answer {
    match settlement {
        Settlement::Answer(answer) => *answer,
        Settlement::Resend(reason, _) => panic!("resend: {reason:?}"),
        Settlement::Judge(_) => panic!("nobody is to be asked"),
    }
}

fn shown(fields: &Fields) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| (String::from_utf8_lossy(name).into(), String::from_utf8_lossy(value).into()))
        .collect()
}

fn reply(status: u16, lines: &[(&str, &str)], body: &[u8]) -> Reply {
    Reply {
        status,
        fields: lines.iter().copied().collect(),
        body: Bytes::copy_from_slice(body),
        undone: None,
        completeness: Completeness::Whole,
        wire_bytes: 100 + body.len() as u64,
        request_time: 1_000_000,
        response_time: 1_000_000,
    }
}

fn if_none_match(tag: &str) -> Vec<(String, String)> {
    vec![("If-None-Match".into(), tag.into())]
}

#[test]
fn the_first_request_goes_without_a_condition() {
    assert!(Client::new().conditions().is_empty());
}

#[test]
fn a_tag_goes_back_alone_and_byte_for_byte() {
    for tag in ["\"a\"", "W/\"a\"", "unquoted", "\"with, comma\"", "\"\""] {
        let mut client = Client::new();
        client.get(reply(200, &[("ETag", tag), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")], b"x"));
        assert_eq!(client.conditions(), if_none_match(tag));
    }
}

#[test]
fn without_a_tag_the_date_goes_back_byte_for_byte_even_when_it_is_none() {
    for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 +0000", "1623456789000"] {
        let mut client = Client::new();
        client.get(reply(200, &[("Last-Modified", date)], b"x"));
        assert_eq!(client.conditions(), [("If-Modified-Since".to_owned(), date.to_owned())]);
    }
}

#[test]
fn a_304_hands_out_the_stored_response_freshened() {
    let mut client = Client::new();
    client.get(reply(200, &[("etag", "\"1\""), ("content-type", "text/html"), ("x-a", "1")], b"page"));
    let answer = client.get(reply(304, &[("etag", "\"1\""), ("x-a", "2"), ("set-cookie", "s=1")], b""));
    assert_eq!((answer.outcome, answer.status, answer.is_changed), (Outcome::NotModified, 200, false));
    assert!(matches!(answer.body, AnswerBody::Stored(_)));
    assert_eq!(answer.fields.get(b"x-a"), Some(&b"2"[..]));
    assert_eq!(answer.fields.get(b"content-type"), Some(&b"text/html"[..]));
    assert_eq!(answer.fields.get(b"set-cookie"), Some(&b"s=1"[..]));
    assert_eq!(answer.bytes_saved, 4);
    let kept = &client.record.unwrap().variants[0].fields;
    assert_eq!(kept.get(b"x-a"), Some(&b"2"[..]));
    assert_eq!(kept.get(b"set-cookie"), None);
}

#[test]
fn a_304_that_says_nothing_new_writes_nothing() {
    let mut client = Client::new();
    client.get(reply(200, &[("etag", "\"1\""), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")], b"page"));
    let answer = client.get(reply(304, &[("etag", "\"1\""), ("date", "Sun, 06 Nov 1994 09:49:37 GMT")], b""));
    assert!(answer.writes.is_empty());
}

#[test]
fn a_304_without_a_tag_or_with_a_weakly_equal_one_is_believed() {
    for lines in [&[][..], &[("etag", "W/\"1\"")], &[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]] {
        let mut client = Client::new();
        client.get(reply(200, &[("etag", "\"1\"")], b"page"));
        assert_eq!(client.get(reply(304, lines, b"")).outcome, Outcome::NotModified);
        assert_eq!(client.conditions(), if_none_match("\"1\""), "the stored tag stays");
    }
}

#[test]
fn a_304_that_leaves_off_the_mark_of_the_coding_is_believed() {
    let mut client = Client::new();
    client.get(reply(200, &[("etag", "\"1-gzip\""), ("content-encoding", "gzip")], &gzip(b"page")));
    assert_eq!(client.get(reply(304, &[("etag", "\"1\"")], b"")).outcome, Outcome::NotModified);
}

#[test]
fn a_304_that_names_another_tag_or_date_is_asked_about_once_more() {
    let pairs = [
        ("etag", "\"1\"", "\"2\""),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"),
    ];
    for (name, given, other) in pairs {
        let mut client = Client::new();
        client.get(reply(200, &[(name, given)], b"page"));
        let pending = client.pending(&[]);
        let settlement = client.settle(&pending, reply(304, &[(name, other)], b""));
        assert!(matches!(settlement, Settlement::Resend(Reason::Mismatched304, _)), "{settlement:?}");
        let again = pending.unconditional();
        assert!(again.conditions.is_empty());
        let answer = answer(client.settle(&again, reply(200, &[(name, other)], b"new page")));
        assert_eq!(answer.outcome, Outcome::Changed);
    }
}

#[test]
fn a_304_out_of_the_blue_is_asked_about_once_and_not_twice() {
    let mut client = Client::new();
    let pending = client.pending(&[]);
    assert!(matches!(client.settle(&pending, reply(304, &[], b"")), Settlement::Resend(Reason::Unexpected304, _)));
    let again = pending.unconditional();
    let answer = answer(client.settle(&again, reply(304, &[], b"")));
    assert_eq!((answer.outcome, answer.status, answer.reason), (Outcome::Passed, 304, Some(Reason::Unexpected304)));
}

#[test]
fn equal_content_under_a_new_tag_is_the_same_content_and_the_new_tag_is_kept() {
    let mut client = Client::new();
    client.get(reply(200, &[("etag", "\"1\"")], b"page"));
    let answer = client.get(reply(200, &[("etag", "\"2\"")], b"page"));
    assert_eq!((answer.outcome, answer.is_changed), (Outcome::SameContent, false));
    assert_eq!(client.conditions(), if_none_match("\"2\""));
}

#[test]
fn content_is_compared_decoded() {
    let mut client = Client::new();
    client.get(reply(200, &[("etag", "\"1\"")], b"page"));
    let answer = client.get(reply(200, &[("etag", "\"1-gzip\""), ("content-encoding", "gzip")], &gzip(b"page")));
    assert_eq!(answer.outcome, Outcome::SameContent);
}

#[test]
fn what_may_not_be_stored_never_replaces_what_is() {
    let short = Reply { completeness: Completeness::Cut, ..reply(200, &[("etag", "\"2\"")], b"pa") };
    let by_close = Reply { completeness: Completeness::Unknown, ..reply(200, &[("etag", "\"2\"")], b"pa") };
    let large = reply(200, &[("etag", "\"2\"")], &[0; 2000]);
    let rows = [
        (reply(404, &[("etag", "\"2\"")], b"gone"), Reason::Status),
        (reply(206, &[("etag", "\"2\""), ("content-range", "bytes 0-1/9")], b"pa"), Reason::Status),
        (reply(200, &[("etag", "\"2\""), ("cache-control", "no-store")], b"secret"), Reason::NoStore),
        (reply(200, &[("etag", "\"2\""), ("content-length", "9")], b"pa"), Reason::Incomplete),
        (reply(200, &[("etag", "\"2\""), ("content-encoding", "gzip")], b"no gzip"), Reason::Undecodable),
        (short, Reason::Incomplete),
        (by_close, Reason::CompletenessUnknown),
        (large, Reason::TooLarge),
    ];
    for (bad, reason) in rows {
        let mut client = Client::with(Policy { max_body: 1000, ..Policy::default() });
        client.get(reply(200, &[("etag", "\"1\"")], b"page"));
        let answer = client.get(bad);
        assert_eq!((answer.outcome, answer.reason, answer.is_changed), (Outcome::Passed, Some(reason), true));
        assert_eq!(client.conditions(), if_none_match("\"1\""));
    }
}

#[test]
fn a_body_that_ends_with_its_connection_is_whole_when_its_coding_says_so() {
    let mut client = Client::new();
    let coded = reply(200, &[("etag", "\"1\""), ("content-encoding", "gzip")], &gzip(b"page"));
    let answer = client.get(Reply { completeness: Completeness::Unknown, ..coded });
    assert_eq!(answer.outcome, Outcome::New);
}

#[test]
fn a_body_that_ends_with_its_connection_is_whole_when_the_same_comes_again() {
    let mut client = Client::new();
    let by_close =
        |body: &[u8]| Reply { completeness: Completeness::Unknown, ..reply(200, &[("etag", "\"1\"")], body) };
    for body in [&b"pa"[..], b"page"] {
        assert_eq!(client.get(by_close(body)).reason, Some(Reason::CompletenessUnknown));
        assert!(client.conditions().is_empty());
    }
    assert_eq!(client.get(by_close(b"page")).outcome, Outcome::New);
    assert_eq!(client.conditions(), if_none_match("\"1\""));
    assert_eq!(
        client.get(by_close(b"pa")).reason,
        Some(Reason::CompletenessUnknown),
        "it never replaces what is whole"
    );
    assert_eq!(client.conditions(), if_none_match("\"1\""));
}

#[test]
fn a_body_that_ends_with_its_connection_is_whole_when_it_is_the_stored_one() {
    let mut client = Client::new();
    client.get(reply(200, &[("etag", "\"1\"")], b"page"));
    let by_close = Reply { completeness: Completeness::Unknown, ..reply(200, &[("etag", "\"2\"")], b"page") };
    let answer = client.get(by_close);
    assert_eq!((answer.outcome, answer.is_changed), (Outcome::SameContent, false));
    assert_eq!(client.conditions(), if_none_match("\"2\""));
}

#[test]
fn the_callers_own_conditions_are_the_callers() {
    for name in ["If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range"] {
        let mut client = Client::new();
        client.get(reply(200, &[("etag", "\"1\"")], b"page"));
        let pending = client.pending(&[(name, "\"theirs\"")]);
        assert!(pending.conditions.is_empty(), "{name}");
        let settlement = client.settle(&pending, reply(304, &[], b""));
        if !matches!(name, "If-None-Match" | "If-Modified-Since") {
            assert!(
                matches!(settlement, Settlement::Resend(Reason::Unexpected304, _)),
                "{name} is not answered by a 304"
            );
            continue;
        }
        let answer = answer(settlement);
        assert_eq!(
            (answer.outcome, answer.status, answer.reason),
            (Outcome::Passed, 304, Some(Reason::CallersCondition))
        );
    }
}

#[test]
fn variants_stand_side_by_side_and_the_right_one_is_asked_about() {
    let mut client = Client::new();
    for (language, tag) in [("en", "\"en\""), ("fr", "\"fr\"")] {
        client.get_with(
            &[("Accept-Language", language)],
            reply(200, &[("etag", tag), ("vary", "Accept-Language")], tag.as_bytes()),
        );
    }
    for (language, tag) in [("en", "\"en\""), ("fr", "\"fr\"")] {
        let pending = client.pending(&[("Accept-Language", language)]);
        assert_eq!(shown(&pending.conditions), if_none_match(tag));
    }
    let pending = client.pending(&[("Accept-Language", "de")]);
    assert_eq!(shown(&pending.conditions), if_none_match("\"en\", \"fr\""), "either may be what it would get");
}

#[test]
fn a_date_is_not_asked_about_under_vary_star_but_a_tag_is() {
    let mut client = Client::new();
    client.get(reply(200, &[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("vary", "*")], b"x"));
    assert!(client.conditions().is_empty());
    client.get(reply(200, &[("etag", "\"1\""), ("vary", "*")], b"x"));
    assert_eq!(client.conditions(), if_none_match("\"1\""));
}

#[test]
fn accept_encoding_is_the_one_that_the_stored_response_was_negotiated_with() {
    let mut client = Client::with(Policy { accept_encoding: Some(b"gzip"), ..Policy::default() });
    client.get(reply(200, &[("etag", "\"1\"")], b"x"));
    client.policy.accept_encoding = Some(b"gzip, br");
    let expected =
        [("If-None-Match".to_owned(), "\"1\"".to_owned()), ("Accept-Encoding".to_owned(), "gzip".to_owned())];
    assert_eq!(client.conditions(), expected);
    let part = client.pending(&[("range", "bytes=0-9")]);
    assert!(part.conditions.is_empty(), "a part of coded bytes cannot be decoded");
    let callers = client.pending(&[("accept-encoding", "identity")]);
    assert_eq!(shown(&callers.conditions), if_none_match("\"1\""), "the caller's choice stays");
}

#[test]
fn unsafe_requests_pass_and_invalidate() {
    let mut client = Client::with(Policy { freshness: Freshness::Rfc9111, ..Policy::default() });
    client.get(reply(200, &[("etag", "\"1\""), ("cache-control", "max-age=60")], b"x"));
    assert!(matches!(client.plan("GET", &[]), Plan::Serve(..)));
    let Plan::Send(pending) = client.plan("POST", &[]) else { panic!("a POST is sent") };
    let answer = answer(client.settle(&pending, reply(204, &[], b"")));
    assert_eq!(answer.reason, Some(Reason::Method));
    assert_eq!(client.conditions(), if_none_match("\"1\""), "asked again, and not forgotten");
}

#[test]
fn a_failed_unsafe_request_invalidates_nothing() {
    let mut client = Client::new();
    client.get(reply(200, &[("etag", "\"1\"")], b"x"));
    let Plan::Send(pending) = client.plan("DELETE", &[]) else { panic!("a DELETE is sent") };
    assert!(answer(client.settle(&pending, reply(500, &[], b""))).writes.is_empty());
}

#[test]
fn invalidation_reaches_location_on_the_same_origin_only() {
    let mut client = Client::new();
    let Plan::Send(pending) = client.plan("POST", &[]) else { panic!("a POST is sent") };
    let lines = [("location", "/made"), ("content-location", "http://elsewhere/page")];
    let urls: Vec<String> = answer(client.settle(&pending, reply(201, &lines, b"")))
        .writes
        .iter()
        .map(|one| one.key.url.to_string())
        .collect();
    assert!(urls.contains(&"http://origin/made".to_owned()) && urls.contains(&URL.to_owned()));
    assert!(!urls.iter().any(|url| url.contains("elsewhere")));
}

#[test]
fn fresh_responses_are_served_only_when_asked_for() {
    let stored = || reply(200, &[("etag", "\"1\""), ("cache-control", "max-age=60")], b"x");
    let mut poller = Client::new();
    poller.get(stored());
    assert_eq!(poller.conditions(), if_none_match("\"1\""));
    let mut cache = Client::with(Policy { freshness: Freshness::Rfc9111, ..Policy::default() });
    cache.get(stored());
    cache.now += 59;
    let Plan::Serve(answer, _) = cache.plan("GET", &[]) else { panic!("fresh") };
    assert_eq!((answer.outcome, answer.is_changed), (Outcome::Fresh, false));
    assert_eq!(answer.fields.get(b"age"), Some(&b"59"[..]));
    cache.now += 1;
    assert_eq!(cache.conditions(), if_none_match("\"1\""));
}

#[test]
fn changed_is_what_the_consumer_has_not_acknowledged() {
    let mut client = Client::with(Policy { consumer: Some(Consumer::named("prices")), ..Policy::default() });
    let first = client.get(reply(200, &[("etag", "\"1\"")], b"v1"));
    assert!(first.is_changed);
    assert!(client.get(reply(304, &[], b"")).is_changed, "not acknowledged: changed through any number of 304s");
    let acknowledgement = client.get(reply(304, &[], b"")).acknowledgement.unwrap();
    Change::Acknowledge(acknowledgement).apply(client.record.as_mut().unwrap());
    assert!(!client.get(reply(304, &[], b"")).is_changed);
    assert!(client.get(reply(200, &[("etag", "\"2\"")], b"v2")).is_changed);
    client.policy.consumer = Some(Consumer::named("stock"));
    assert!(client.get(reply(304, &[], b"")).is_changed, "another consumer has seen nothing");
}

#[test]
fn a_page_that_went_and_came_back_is_changed_for_who_saw_it_go() {
    let mut client = Client::with(Policy { consumer: Some(Consumer::named("prices")), ..Policy::default() });
    let acknowledged = |client: &mut Client, reply: Reply| {
        let answer = client.get(reply);
        Change::Acknowledge(answer.acknowledgement.unwrap()).apply(client.record.as_mut().unwrap());
        answer.is_changed
    };
    assert!(acknowledged(&mut client, reply(200, &[("etag", "\"1\"")], b"v1")));
    assert!(acknowledged(&mut client, reply(404, &[], b"gone")));
    assert!(!acknowledged(&mut client, reply(404, &[], b"gone")));
    assert!(acknowledged(&mut client, reply(304, &[], b"")), "back as it was");
    assert!(client.get(reply(503, &[], b"busy")).is_changed);
    assert!(!client.get(reply(304, &[], b"")).is_changed, "nobody acknowledged the 503");
}

#[test]
fn head_is_compared_by_what_describes_the_content() {
    let mut client = Client::new();
    let head = |client: &mut Client, tag: &str| {
        let Plan::Send(pending) = client.plan("HEAD", &[]) else { panic!("a HEAD is sent") };
        answer(client.settle(&pending, reply(200, &[("etag", tag), ("content-length", "500")], b"")))
    };
    assert_eq!(head(&mut client, "\"1\"").outcome, Outcome::New);
    assert_eq!(head(&mut client, "\"1\"").outcome, Outcome::SameContent);
    assert_eq!(head(&mut client, "\"2\"").outcome, Outcome::Changed);
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
