//! Which answers need not be read to their end, and what is made of one that was not. No I/O: header sections as tables and as properties.

use bytes::Bytes;
use notmodified::entry::Record;
use notmodified::entry::change::Change;
use notmodified::exchange::answer::{Answer, AnswerBody};
use notmodified::exchange::early::Familiar;
use notmodified::exchange::outcome::{Outcome, Reason};
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::{Policy, Wish};
use notmodified::fields::Fields;
use notmodified::identity::Secret;
use notmodified::request::Request;
use proptest::prelude::*;

const SECRET: Secret = Secret([3; 32]);
const LENGTH: usize = 300_000;
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn policy() -> Policy {
    Policy { stops_early: true, ..Policy::default() }
}

fn head() -> Vec<(&'static str, &'static str)> {
    vec![("etag", "\"1\""), ("content-length", "300000"), ("last-modified", DATE), ("x-a", "1")]
}

fn reply(lines: &[(&str, &str)], completeness: Completeness) -> Reply {
    let body = if completeness == Completeness::Whole { vec![b'x'; LENGTH] } else { Vec::new() };
    Reply {
        status: 200,
        fields: lines.iter().copied().collect(),
        wire_bytes: 100 + body.len() as u64,
        body: Bytes::from(body),
        undone: None,
        completeness,
        request_time: 1_000_000,
        response_time: 1_000_000,
    }
}

fn pending(record: Option<Record>, lines: &[(&str, &str)], policy: &Policy) -> Pending {
    let request = Request::new("GET", "http://origin/page", lines.iter().copied().collect()).unwrap();
    match plan(request.ask(&SECRET), record, None, policy, &SECRET, 1_000_000) {
        Plan::Send(pending) => *pending,
        Plan::Serve(answer, _) => panic!("served: {answer:?}"),
    }
}

fn answered(pending: &Pending, reply: Reply) -> Answer {
    match settle(pending, reply, &policy(), &SECRET) {
        Settlement::Answer(answer) => *answer,
        Settlement::Resend(reason, _) => panic!("resend: {reason:?}"),
        Settlement::Judge(_) => panic!("nobody is to be asked"),
    }
}

/// What lies in the store after a 200 with this header section.
fn stored(lines: &[(&str, &str)]) -> Record {
    let answer = answered(&pending(None, &[], &policy()), reply(lines, Completeness::Whole));
    let mut record = Record::new(&answer.writes[0].key.url, answer.writes[0].key.partition);
    answer.writes.iter().for_each(|write| assert!(write.change.apply(&mut record)));
    record
}

fn familiar(lines: &[(&str, &str)]) -> Option<Familiar> {
    Familiar::of(&pending(Some(stored(lines)), &[], &policy()), &policy())
}

fn is_announced(stored: &[(&str, &str)], then: &[(&str, &str)]) -> bool {
    let fields: Fields = then.iter().copied().collect();
    familiar(stored).is_some_and(|one| one.is_announced_by(200, &fields, Some(LENGTH as u64)))
}

/// The header section with a field changed, or left out.
fn head_but(name: &'static str, value: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    let others = head().into_iter().filter(|(one, _)| *one != name);
    others.chain(value.map(|value| (name, value))).collect()
}

#[test]
fn the_same_section_announces_the_same_body() {
    assert!(is_announced(&head(), &head()));
    assert!(is_announced(&head(), &head_but("x-a", Some("2"))));
    assert!(is_announced(&head_but("last-modified", None), &head_but("last-modified", None)));
}

#[test]
fn one_of_the_fields_that_tell_bodies_apart_is_enough_to_read_on() {
    for (name, value) in [
        ("etag", Some("\"2\"")),
        ("etag", Some("W/\"1\"")),
        ("etag", None),
        ("content-length", None),
        ("content-length", Some("300001")),
        ("last-modified", Some("Sun, 06 Nov 1994 08:49:38 GMT")),
        ("last-modified", None),
    ] {
        assert!(!is_announced(&head(), &head_but(name, value)), "{name} {value:?}");
    }
    let coded = [head(), vec![("content-encoding", "gzip")]].concat();
    assert!(!is_announced(&head(), &coded));
}

#[test]
fn only_a_strong_tag_announces_anything() {
    for tag in [Some("W/\"1\""), Some("*"), Some(""), None] {
        let lines = head_but("etag", tag);
        assert!(!is_announced(&lines, &lines), "{tag:?}");
    }
}

#[test]
fn a_body_that_may_not_be_stored_any_more_is_read() {
    assert!(!is_announced(&head(), &[head(), vec![("cache-control", "private, no-store")]].concat()));
}

#[test]
fn another_status_or_another_framing_announces_nothing() {
    let familiar = familiar(&head()).unwrap();
    let fields: Fields = head().into_iter().collect();
    for (status, length) in [(206, Some(300_000)), (404, Some(300_000)), (200, None), (200, Some(299_999))] {
        assert!(!familiar.is_announced_by(status, &fields, length), "{status} {length:?}");
    }
}

#[test]
fn what_could_not_be_settled_as_stopped_is_not_announced() {
    let unmeasured = head_but("content-length", None);
    assert!(!is_announced(&unmeasured, &unmeasured));
    let pending = pending(Some(stored(&unmeasured)), &[], &policy());
    let settlement = settle(&pending, reply(&unmeasured, Completeness::Stopped), &policy(), &SECRET);
    assert!(matches!(settlement, Settlement::Resend(..)));
}

#[test]
fn little_that_is_left_is_read() {
    let familiar = familiar(&head()).unwrap();
    assert!(familiar.is_worth_stopping(0) && familiar.is_worth_stopping(300_000 - 262_145));
    assert!(!familiar.is_worth_stopping(300_000 - 262_144) && !familiar.is_worth_stopping(u64::MAX));
}

#[test]
fn what_somebody_else_decides_is_read() {
    let record = || Some(stored(&head()));
    assert!(Familiar::of(&pending(record(), &[], &policy()), &Policy::default()).is_none(), "the option is off");
    assert!(Familiar::of(&pending(None, &[], &policy()), &policy()).is_none(), "nothing is stored");
    for line in [("If-None-Match", "\"1\""), ("Range", "bytes=0-9"), ("Cache-Control", "no-store")] {
        assert!(Familiar::of(&pending(record(), &[line], &policy()), &policy()).is_none(), "{line:?}");
    }
    let again = pending(record(), &[], &policy()).unconditional();
    assert!(Familiar::of(&again, &policy()).is_none(), "the body was missing");
}

#[test]
fn a_stopped_answer_is_the_stored_one_freshened() {
    let pending = pending(Some(stored(&head())), &[], &policy());
    let lines = [head_but("x-a", Some("2")), vec![("set-cookie", "s=1")]].concat();
    let answer = answered(&pending, reply(&lines, Completeness::Stopped));
    assert_eq!((answer.outcome, answer.status, answer.is_changed), (Outcome::StoppedEarly, 200, false));
    assert!(matches!(answer.body, AnswerBody::Stored(body) if body.length == LENGTH as u64));
    assert_eq!(answer.bytes_saved, LENGTH as u64);
    assert_eq!(answer.fields.get(b"set-cookie"), Some(&b"s=1"[..]));
    let mut record = stored(&head());
    assert!(answer.writes.iter().all(|write| write.change.apply(&mut record)));
    let kept = &record.variants[0].fields;
    assert_eq!((kept.get(b"x-a"), kept.get(b"set-cookie")), (Some(&b"2"[..]), None));
}

#[test]
fn a_stopped_answer_that_is_not_what_is_stored_is_asked_for_once_more_and_then_handed_through() {
    let known = pending(Some(stored(&head())), &[], &policy());
    let unknown = pending(None, &[], &policy());
    let rows = [
        (&known, 500, head()),
        (&known, 206, head()),
        (&known, 200, head_but("etag", Some("\"2\""))),
        (&known, 200, head_but("content-length", None)),
        (&known, 200, [head(), vec![("cache-control", "no-store")]].concat()),
        (&unknown, 200, head()),
    ];
    for (pending, status, lines) in rows {
        let stopped = || Reply { status, ..reply(&lines, Completeness::Stopped) };
        let settlement = settle(pending, stopped(), &policy(), &SECRET);
        assert!(matches!(settlement, Settlement::Resend(Reason::Incomplete, None)), "{status} {lines:?}");
        let again = pending.clone().after(Reason::Incomplete, None);
        assert!(!again.fields().contains(b"if-none-match"));
        let answer = answered(&again, stopped());
        assert_eq!((answer.outcome, answer.reason), (Outcome::Passed, Some(Reason::Incomplete)));
        assert!(answer.writes.is_empty());
    }
}

#[test]
fn what_is_not_ours_to_stop_is_never_asked_for_once_more() {
    let post = Request::new("POST", "http://origin/page", Fields::new()).unwrap().ask(&SECRET);
    let Plan::Send(post) = plan(post, Some(stored(&head())), None, &policy(), &SECRET, 1_000_000) else {
        panic!("served");
    };
    let own = pending(Some(stored(&head())), &[("if-none-match", "\"0\"")], &policy());
    for (pending, invalidates) in [(*post, true), (own, false)] {
        let answer = answered(&pending, reply(&head(), Completeness::Stopped));
        assert_eq!((answer.outcome, answer.status), (Outcome::Passed, 200));
        let is_invalidated = answer.writes.iter().any(|write| matches!(write.change, Change::Invalidate));
        assert_eq!(is_invalidated, invalidates);
    }
}

#[test]
fn what_is_wished_for_whole_is_read_to_its_end() {
    let full = Wish { is_full: true, ..Wish::default() };
    let request = Request::new("GET", "http://origin/page", Fields::new()).unwrap();
    let ask = Request { wish: full, ..request }.ask(&SECRET);
    let Plan::Send(pending) = plan(ask, Some(stored(&head())), None, &policy(), &SECRET, 1_000_000) else {
        panic!("served");
    };
    assert!(Familiar::of(&pending, &policy()).is_none());
}

proptest! {
    /// Whatever comes: what is announced has the stored tag, which is strong, and the fields that describe the stored body.
    #[test]
    fn nothing_is_announced_by_other_fields(
        stored in prop::collection::vec(("etag|content-length|content-encoding|last-modified", "(W/)?\"[12]\"|300000|gzip"), 0..5),
        then in prop::collection::vec(("etag|content-length|content-encoding|last-modified", "(W/)?\"[12]\"|300000|gzip"), 0..5),
        length in prop::option::of(prop_oneof![Just(300_000_u64), any::<u64>()]),
    ) {
        let mut response = crate::sample::response(0, b"", 1);
        response.fields = stored.into_iter().collect();
        response.body.length = 300_000;
        let fields: Fields = then.into_iter().collect();
        if let Some(familiar) = Familiar::by(&response).filter(|one| one.is_announced_by(200, &fields, length)) {
            let (sent, came) = (response.entity_tag().unwrap(), fields.get(b"etag").unwrap());
            prop_assert!(!sent.is_weak() && sent.as_bytes() == came);
            prop_assert_eq!(length, Some(300_000));
            for name in [&b"content-length"[..], b"content-encoding", b"last-modified"] {
                prop_assert_eq!(response.fields.get(name), fields.get(name));
            }
            prop_assert!(familiar.is_worth_stopping(0));
        }
    }
}
