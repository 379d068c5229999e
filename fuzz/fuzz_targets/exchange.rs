//! `plan` and `settle` over any record, request and answer: what must hold whatever an origin says and a store holds.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use notmodified::digest::Digest;
use notmodified::entry::change::Change;
use notmodified::entry::codec::{decode, encode};
use notmodified::entry::learned::Rung;
use notmodified::entry::{BodyRef, Consumer, Record, StoredResponse};
use notmodified::exchange::answer::{Answer, AnswerBody};
use notmodified::exchange::interval::Moment;
use notmodified::exchange::outcome::{Outcome, Reason};
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::verdict::{Verdict, conclude};
use notmodified::exchange::{Ask, Fingerprinting, Floors, Freshness, FullEvery, Policy, Wish};
use notmodified::fields::Fields;
use notmodified::identity::{Partition, Secret};
use notmodified::key::{Key, Method};
use notmodified::rfc::cache_control::{CacheControl, no_cache_fields};
use notmodified::rfc::coding::{ACCEPTED, CodingError, codings, digest};
use notmodified::rfc::etag::EntityTag;
use notmodified::rfc::vary;
use notmodified_fuzz::{Section, Stored};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    method: u8,
    request: Section,
    has_content: bool,
    wish: (Option<bool>, bool),
    record: Option<Stored>,
    lessons: Option<Stored>,
    is_ours_to_accept: bool,
    options: Options,
    now: (u64, u16),
    replies: [Answered<'a>; 2],
    verdict: Option<(bool, Option<u8>)>,
}

#[derive(Debug, Arbitrary)]
struct Options {
    is_rfc9111: bool,
    consumer: Option<u8>,
    max_age: Option<u64>,
    full_every: Option<(bool, u32)>,
    min_interval: Option<u32>,
    floors: (bool, bool),
    stale_if_error: Option<u64>,
    stops_early: bool,
    fingerprint: u8,
}

#[derive(Debug, Arbitrary)]
struct Answered<'a> {
    status: u16,
    fields: Section,
    body: &'a [u8],
    completeness: u8,
    wire_bytes: u64,
    times: [u64; 2],
}

impl Answered<'_> {
    fn reply(self) -> Reply {
        // Half of them are the two that matter.
        let status = [200, 304].get(usize::from(self.status % 4)).copied().unwrap_or(self.status / 4);
        Reply {
            status,
            fields: self.fields.0,
            body: Bytes::copy_from_slice(self.body),
            undone: None,
            completeness: [Completeness::Whole, Completeness::Unknown, Completeness::Cut, Completeness::Stopped]
                [usize::from(self.completeness % 4)],
            wire_bytes: self.wire_bytes,
            request_time: self.times[0],
            response_time: self.times[1],
        }
    }
}

const SECRET: Secret = Secret([7; 32]);

fuzz_target!(|input: Input<'_>| {
    let method = [Method::Get, Method::Head, Method::OtherSafe, Method::Other][usize::from(input.method % 4)];
    let stored_under = if method == Method::Head { Method::Head } else { Method::Get };
    let key = Key::new(stored_under, "http://127.0.0.1/page".into(), Partition::ANONYMOUS);
    let policy = policy(&input);
    let wished = |is_rfc9111| if is_rfc9111 { Freshness::Rfc9111 } else { Freshness::Revalidate };
    let wish = Wish { freshness: input.wish.0.map(wished), is_full: input.wish.1 };
    let (identity, way) = (key.partition, key.partition.exit.witness());
    let ask = Ask {
        method,
        url: key.url.clone(),
        key,
        common: None,
        identity,
        way,
        is_named: false,
        is_fleeting: false,
        fields: input.request.0,
        has_content: input.has_content,
        wish,
    }
    .shared_by(policy.sharing);
    let now = Moment { seconds: input.now.0, millis: input.now.1 };
    let record = input.record.map(|stored| stored.0);
    let lessons = input.lessons.map(|stored| Arc::new(stored.0.lessons));
    let mut pending = match plan(ask, record.clone(), lessons, &policy, &SECRET, now) {
        Plan::Send(pending) => pending,
        Plan::Serve(answer, otherwise) => {
            assert_served(&answer, &otherwise, &policy);
            otherwise
        }
    };
    if let Some(answer) = pending.for_no_answer(&policy, now.seconds) {
        assert_stands_in(&answer, &pending, &policy);
    }
    for answered in input.replies {
        assert_conditions(&pending);
        let reply = answered.reply();
        match settle(&pending, reply.clone(), &policy, &SECRET) {
            Settlement::Answer(answer) => {
                assert_answer(&answer, &pending, &reply, &policy);
                assert_writes(&answer, &pending, &reply, &policy, record.as_ref());
                return;
            }
            Settlement::Judge(unjudged) => {
                assert!(policy.asks(), "nobody has a say in it");
                let (is_storable, fingerprint) = input.verdict.unwrap_or((true, None));
                let callers = Verdict { is_storable, fingerprint: fingerprint.map(|made| Digest([made; 32])) };
                let verdict = unjudged.page(&pending).examine(&policy).0.and(callers);
                let answer = conclude(&pending, *unjudged, verdict, &policy, &SECRET);
                assert_answer(&answer, &pending, &reply, &policy);
                assert_writes(&answer, &pending, &reply, &policy, record.as_ref());
                let is_untouched = answer.writes.is_empty() && answer.acknowledgement.is_none() && !answer.is_changed;
                assert!(is_storable || is_untouched, "a page that is none left a trace");
                return;
            }
            Settlement::Resend(reason, named) => {
                let is_of_use = reply.status == 304 || reply.completeness == Completeness::Stopped;
                assert!(is_of_use && !pending.is_resend, "asked again without need");
                pending = Box::new(pending.after(reason, named));
            }
        }
    }
    panic!("asked a third time");
});

fn policy(input: &Input<'_>) -> Policy {
    let options = &input.options;
    let full_every = |(by_polls, every)| {
        if by_polls { FullEvery::Polls(every) } else { FullEvery::Seconds(u64::from(every)) }
    };
    Policy {
        freshness: if options.is_rfc9111 { Freshness::Rfc9111 } else { Freshness::Revalidate },
        consumer: options.consumer.map(|consumer| Consumer([consumer; 16])),
        accept_encoding: input.is_ours_to_accept.then_some(ACCEPTED),
        max_body: 100,
        max_age: options.max_age,
        full_every: options.full_every.map(full_every),
        min_interval: options.min_interval.map(|millis| Duration::from_millis(millis.into())),
        floors: Floors { retry_after: options.floors.0, max_age: options.floors.1 },
        stale_if_error: options.stale_if_error,
        stops_early: options.stops_early,
        fingerprint: [Fingerprinting::None, Fingerprinting::Html, Fingerprinting::Callers]
            [usize::from(options.fingerprint % 3)],
        asks_storable: input.verdict.is_some(),
        ..Policy::default()
    }
}

/// Only bytes that a stored response came with, or the head of its tag, and none that would break a request.
fn assert_conditions(pending: &Pending) {
    let ours = |name: &[u8]| pending.conditions.get_all(name).collect::<Vec<_>>();
    let (tags, dates) = (ours(b"if-none-match"), ours(b"if-modified-since"));
    let tag = || pending.stored().unwrap().entity_tag().unwrap().as_bytes();
    let date = || pending.stored().unwrap().last_modified().unwrap();
    match pending.rung {
        Err(_) => assert!(tags.is_empty() && dates.is_empty()),
        Ok(Rung::List) => assert!(tags.len() == 1 && dates.is_empty() && pending.offered().count() > 0),
        Ok(Rung::Tag) => assert_eq!((&tags[..], dates.len()), (&[tag()][..], 0)),
        Ok(Rung::CutTag) => assert!(dates.is_empty() && tags.len() == 1 && tags[0].len() < tag().len()),
        Ok(Rung::Date) => assert_eq!((&dates[..], tags.len()), (&[date()][..], 0)),
        Ok(Rung::Both) => assert_eq!((&tags[..], &dates[..]), (&[tag()][..], &[date()][..])),
    }
    assert!(!tags.contains(&&b"*"[..]), "any representation would do");
    for value in tags.iter().chain(&dates) {
        assert!(!value.is_empty());
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0')), "it would break a request: {value:?}");
    }
    assert!(!(pending.is_resend || pending.ask.wish.is_full) || pending.rung.is_err());
}

/// What is served without asking: what the request selects and nothing forbids to use, or the part or the word that the caller's own
/// conditions ask for.
fn assert_served(answer: &Answer, pending: &Pending, policy: &Policy) {
    let only_if_cached = CacheControl::of(&pending.ask.fields).only_if_cached;
    if answer.outcome == Outcome::Passed {
        assert!(only_if_cached && answer.status == 504 && answer.reason == Some(Reason::OnlyIfCached));
        return;
    }
    assert_eq!(answer.outcome, Outcome::Fresh);
    assert!(!pending.ask.wish.is_full, "asked for whole and now");
    let goes_by_freshness = pending.ask.freshness(policy) == Freshness::Rfc9111;
    let is_allowed = match answer.reason {
        None | Some(Reason::CallersCondition) => goes_by_freshness || only_if_cached,
        Some(Reason::MinInterval) => policy.min_interval.is_some(),
        Some(Reason::RetryAfter) => policy.floors.retry_after,
        Some(Reason::MaxAge) => policy.floors.max_age,
        Some(_) => false,
    };
    assert!(is_allowed, "nothing allows to serve it: {:?}", answer.reason);
    assert!(matches!(pending.ask.method, Method::Get | Method::Head));
    let usable: Vec<&StoredResponse> = selected(pending).filter(|stored| !stored.is_invalidated).collect();
    match &answer.body {
        AnswerBody::Stored(body) => {
            let served = usable.iter().find(|stored| stored.body == *body && stored.status == answer.status);
            assert_unvalidated(answer, served.expect("not what the request selects"));
        }
        AnswerBody::Part(body, part) => {
            assert!(
                usable.iter().any(|stored| stored.body == *body) && part.last < body.length && answer.status == 206
            );
            assert!(answer.acknowledgement.is_none());
            assert_eq!(answer.fields.get(b"content-length"), Some(part.length().to_string().as_bytes()));
        }
        AnswerBody::Received(bytes) => {
            assert!(bytes.is_empty() && matches!(answer.status, 304 | 416) && !usable.is_empty());
            assert!(answer.acknowledgement.is_none() && !answer.fields.contains(b"content-type"));
        }
    }
}

/// The stored responses that the request selects.
fn selected(pending: &Pending) -> impl Iterator<Item = &StoredResponse> {
    let variants = pending.record.iter().flat_map(|record| &record.variants);
    variants.filter(|stored| {
        let selecting = vary::selecting(&stored.fields, &pending.ask.fields, &SECRET.0);
        selecting == stored.selecting && !vary::is_star(&stored.fields)
    })
}

/// Its age, and nothing that `no-cache` keeps for a validated one.
fn assert_unvalidated(answer: &Answer, stored: &StoredResponse) {
    assert_eq!(answer.fields.get_all(b"age").count(), 1);
    let withheld = no_cache_fields(&stored.fields);
    assert!(withheld.iter().all(|name| name.eq_ignore_ascii_case(b"age") || !answer.fields.contains(name)));
}

/// A stale response, where somebody allows it and the origin does not forbid it.
fn assert_stands_in(answer: &Answer, pending: &Pending, policy: &Policy) {
    assert_eq!(answer.outcome, Outcome::StaleIfError);
    let request = CacheControl::of(&pending.ask.fields);
    let is_it = |stored: &&StoredResponse| {
        let response = CacheControl::of(&stored.fields);
        let by_origin = pending.ask.freshness(policy) == Freshness::Rfc9111 && response.stale_if_error.is_some();
        let is_allowed = policy.stale_if_error.is_some() || request.stale_if_error.is_some() || by_origin;
        let is_prohibited = response.must_revalidate || response.no_cache || request.no_cache || stored.is_invalidated;
        answer.body == AnswerBody::Stored(stored.body) && is_allowed && !is_prohibited
    };
    // Several of what is selected can have one body.
    assert_unvalidated(answer, selected(pending).find(is_it).expect("not what the request selects, or may be given"));
}

fn assert_is_stored(answer: &Answer, pending: &Pending) {
    let stored = pending.stored().expect("served from nothing");
    assert_eq!(answer.body, AnswerBody::Stored(stored.body));
    assert_eq!(answer.status, stored.status);
    let described = [&b"etag"[..], b"content-encoding", b"content-type"];
    assert!(described.iter().all(|name| answer.fields.get_all(name).eq(stored.fields.get_all(name))));
}

fn assert_is_offered(answer: &Answer, pending: &Pending, reply: &Reply) {
    let is_it =
        |stored: &&StoredResponse| answer.body == AnswerBody::Stored(stored.body) && answer.status == stored.status;
    let offered: Vec<&StoredResponse> = pending.offered().filter(is_it).collect();
    assert!(!offered.is_empty(), "a body that was not asked about");
    // What the request does not select, it gets only by name.
    let named = reply.fields.get(b"etag").and_then(EntityTag::new);
    let is_named = |stored: &&StoredResponse| stored.entity_tag().is_some() && named.is_some();
    assert!(pending.candidate.is_some() || offered.iter().any(is_named), "a variant that nobody named");
}

fn assert_answer(answer: &Answer, pending: &Pending, reply: &Reply, policy: &Policy) {
    match answer.outcome {
        Outcome::Fresh => panic!("the origin was asked"),
        Outcome::StaleIfError => {
            assert!(matches!(reply.status, 500 | 502 | 503 | 504) && !pending.is_resend);
            assert_stands_in(answer, pending, policy);
        }
        Outcome::NotModified => {
            assert_eq!(reply.status, 304);
            assert!(pending.rung.is_ok());
            assert_is_offered(answer, pending, reply);
        }
        Outcome::StoppedEarly => {
            assert_eq!((reply.completeness, reply.status), (Completeness::Stopped, 200));
            assert!(!pending.ask.wish.is_full && !pending.is_resend);
            assert_is_stored(answer, pending);
        }
        Outcome::SameContent | Outcome::Changed | Outcome::New | Outcome::Passed => {
            assert_eq!((answer.status, &answer.body), (reply.status, &AnswerBody::Received(reply.body.clone())));
            // A 304 surfaces where the caller asked for it; else it is an error, and no page.
            let is_error = answer.reason.is_some_and(Reason::is_unusable);
            assert!(answer.status != 304 || pending.is_callers_to_judge() || is_error);
            assert!(answer.outcome != Outcome::Passed || answer.reason.is_some());
            let is_kept = reply.status == 200 || policy.goes_by_freshness(&pending.ask);
            assert!(answer.outcome == Outcome::Passed || is_kept);
        }
    }
    assert!(answer.acknowledgement.is_none() || policy.consumer.is_some());
}

fn assert_writes(answer: &Answer, pending: &Pending, reply: &Reply, policy: &Policy, before: Option<&Record>) {
    for write in &answer.writes {
        let mut record = before.cloned().unwrap_or_else(|| Record::new(&write.key.url, Partition::ANONYMOUS));
        // A counter that has run for longer than the world is a record's own trouble.
        record.version %= 1 << 60;
        if let Change::Store(stored) = &write.change {
            let is_of_this_exchange = matches!(reply.status, ..200 | 206 | 304 | 412 | 416);
            let is_kept = policy.goes_by_freshness(&pending.ask) && !is_of_this_exchange;
            assert!(reply.status == 200 || is_kept);
            assert!(matches!(reply.completeness, Completeness::Whole | Completeness::Unknown));
            assert!(reply.body.len() as u64 <= policy.max_body);
            assert_secretless(&stored.fields);
            if write.key.method == Method::Get {
                let codings = match codings(&stored.fields) {
                    Err(CodingError::Unknown(_)) => Vec::new(),
                    known => known.expect("content that nobody can read"),
                };
                let content = digest(&codings, &reply.body, policy.limits).unwrap();
                assert!(reply.status != 200 || stored.content == content);
                assert_eq!(stored.body, BodyRef::of(&reply.body));
            } else {
                assert_eq!(stored.body, BodyRef { digest: Digest::of(&[]), length: 0 });
            }
        }
        if let Change::Freshen(freshening) = &write.change {
            assert_secretless_but(&freshening.fields, before);
            assert!(record.variants.iter().any(|one| one.body == freshening.body));
        }
        let pairs = |record: &Record| record.variants.iter().map(|one| (one.body, one.content)).collect::<Vec<_>>();
        let known = pairs(&record);
        write.change.apply(&mut record);
        let received = match &write.change {
            Change::Store(stored) => Some((stored.body, stored.content)),
            _ => None,
        };
        assert!(pairs(&record).iter().all(|pair| known.contains(pair) || received == Some(*pair)), "a pair of another");
        assert_eq!(decode(encode(&record)), Some(record));
    }
}

fn assert_secretless(fields: &Fields) {
    assert!(!fields.contains(b"set-cookie") && !fields.contains(b"connection"));
}

/// What lay in the record before stays there; nothing of that sort is added.
fn assert_secretless_but(fields: &Fields, before: Option<&Record>) {
    let had = |name: &[u8]| before.is_some_and(|record| record.variants.iter().any(|one| one.fields.contains(name)));
    assert!([&b"set-cookie"[..], b"connection"].iter().all(|name| !fields.contains(name) || had(name)));
}
