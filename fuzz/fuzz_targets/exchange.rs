//! `plan` and `settle` over any record, request and answer: what must hold whatever an origin says and a store holds.

#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use notmodified::digest::Digest;
use notmodified::entry::change::Change;
use notmodified::entry::codec::{decode, encode};
use notmodified::entry::learned::Rung;
use notmodified::entry::{BodyRef, Consumer, Record, StoredResponse};
use notmodified::exchange::answer::{Answer, AnswerBody};
use notmodified::exchange::outcome::{Outcome, Reason};
use notmodified::exchange::plan::{Pending, Plan, Treatment, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::verdict::{Verdict, conclude};
use notmodified::exchange::{Ask, Freshness, Policy};
use notmodified::fields::Fields;
use notmodified::identity::{Partition, Secret};
use notmodified::key::{Key, Method};
use notmodified::rfc::coding::{ACCEPTED, codings, digest};
use notmodified_fuzz::{Section, Stored};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    method: u8,
    request: Section,
    has_content: bool,
    record: Option<Stored>,
    lessons: Option<Stored>,
    is_ours_to_accept: bool,
    is_rfc9111: bool,
    consumer: Option<u8>,
    max_age: Option<u64>,
    now: u64,
    replies: [Answered<'a>; 2],
    verdict: Option<(bool, Option<u8>)>,
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
    let ask = Ask { method, url: key.url.clone(), key, fields: input.request.0, has_content: input.has_content };
    let policy = Policy {
        freshness: if input.is_rfc9111 { Freshness::Rfc9111 } else { Freshness::Revalidate },
        consumer: input.consumer.map(|consumer| Consumer([consumer; 16])),
        accept_encoding: input.is_ours_to_accept.then_some(ACCEPTED),
        max_body: 100,
        max_age: input.max_age,
        asks_storable: input.verdict.is_some(),
        ..Policy::default()
    };
    let record = input.record.map(|stored| stored.0);
    let lessons = input.lessons.map(|stored| Arc::new(stored.0.lessons));
    let mut pending = match plan(ask, record.clone(), lessons, &policy, &SECRET, input.now) {
        Plan::Send(pending) => pending,
        Plan::Serve(answer, otherwise) => {
            assert_served(&answer, &otherwise, &policy);
            otherwise
        }
    };
    for answered in input.replies {
        assert_conditions(&pending);
        let reply = answered.reply();
        match settle(&pending, reply.clone(), &policy, &SECRET) {
            Settlement::Answer(answer) => {
                assert_answer(&answer, &pending, &reply, &policy);
                assert_writes(&answer, &reply, &policy, record.as_ref());
                return;
            }
            Settlement::Judge(unjudged) => {
                let (is_storable, fingerprint) = input.verdict.expect("nobody has a say in it");
                let verdict = Verdict { is_storable, fingerprint: fingerprint.map(|made| Digest([made; 32])) };
                let answer = conclude(&pending, *unjudged, verdict, &policy, &SECRET);
                assert_answer(&answer, &pending, &reply, &policy);
                assert_writes(&answer, &reply, &policy, record.as_ref());
                let is_untouched = answer.writes.is_empty() && answer.acknowledgement.is_none() && !answer.is_changed;
                assert!(is_storable || is_untouched, "a page that is none left a trace");
                return;
            }
            Settlement::Resend(reason, named) => {
                assert!(reply.status == 304 && !pending.is_resend, "asked again without need");
                pending = Box::new(pending.after(reason, named));
            }
        }
    }
    panic!("asked a third time");
});

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
    assert!(!pending.is_resend || pending.rung.is_err());
}

/// The stored response, or what the caller's own conditions make of it, or the word that nothing is stored.
fn assert_served(answer: &Answer, pending: &Pending, policy: &Policy) {
    if answer.reason == Some(Reason::OnlyIfCached) {
        assert!(answer.status == 504 && pending.forbids_asking());
        return;
    }
    assert_eq!(answer.outcome, Outcome::Fresh);
    assert!(policy.freshness == Freshness::Rfc9111 || pending.forbids_asking());
    let variants = &pending.record.as_ref().expect("served from nothing").variants;
    let is_own = pending.treatment == Treatment::Callers;
    match &answer.body {
        AnswerBody::Stored(body) => {
            assert!(variants.iter().any(|stored| stored.body == *body && stored.status == answer.status));
        }
        AnswerBody::Part(body, part) => {
            assert!(is_own && answer.status == 206 && answer.acknowledgement.is_none());
            assert!(variants.iter().any(|stored| stored.body == *body && stored.status == 200));
            assert!(part.first <= part.last && part.last < body.length);
            assert_eq!(answer.fields.get(b"content-length"), Some(part.length().to_string().as_bytes()));
        }
        AnswerBody::Received(body) => {
            assert!(is_own && matches!(answer.status, 304 | 416) && answer.acknowledgement.is_none());
            assert!(body.is_empty() && !answer.fields.contains(b"content-type"));
        }
    }
}

fn assert_is_stored(answer: &Answer, pending: &Pending) {
    let stored = pending.stored().expect("served from nothing");
    assert_eq!(answer.body, AnswerBody::Stored(stored.body));
    assert_eq!(answer.status, stored.status);
    let described = [&b"etag"[..], b"content-encoding", b"content-type"];
    assert!(described.iter().all(|name| answer.fields.get_all(name).eq(stored.fields.get_all(name))));
}

fn assert_is_offered(answer: &Answer, pending: &Pending) {
    let is_it =
        |stored: &&StoredResponse| answer.body == AnswerBody::Stored(stored.body) && answer.status == stored.status;
    assert!(pending.offered().any(|stored| is_it(&stored)), "a body that was not asked about");
}

fn assert_answer(answer: &Answer, pending: &Pending, reply: &Reply, policy: &Policy) {
    match answer.outcome {
        Outcome::Fresh | Outcome::StaleIfError => panic!("nothing here asks for that"),
        Outcome::NotModified => {
            assert_eq!(reply.status, 304);
            assert!(pending.rung.is_ok());
            assert_is_offered(answer, pending);
        }
        Outcome::StoppedEarly => {
            assert_eq!(reply.completeness, Completeness::Stopped);
            assert_is_stored(answer, pending);
        }
        Outcome::SameContent | Outcome::Changed | Outcome::New | Outcome::Passed => {
            assert_eq!((answer.status, &answer.body), (reply.status, &AnswerBody::Received(reply.body.clone())));
            // A 304 surfaces where the caller asked for it; else it is an error, and no page.
            let is_error = answer.reason.is_some_and(Reason::is_unusable);
            assert!(answer.status != 304 || pending.is_callers_to_judge() || is_error);
            assert!(answer.outcome != Outcome::Passed || answer.reason.is_some());
            assert!(answer.outcome == Outcome::Passed || reply.status == 200);
        }
    }
    assert!(answer.acknowledgement.is_none() || policy.consumer.is_some());
}

fn assert_writes(answer: &Answer, reply: &Reply, policy: &Policy, before: Option<&Record>) {
    for write in &answer.writes {
        let mut record = before.cloned().unwrap_or_else(|| Record::new(&write.key.url, Partition::ANONYMOUS));
        // A counter that has run for longer than the world is a record's own trouble.
        record.version %= 1 << 60;
        if let Change::Store(stored) = &write.change {
            assert!(reply.status == 200);
            assert!(matches!(reply.completeness, Completeness::Whole | Completeness::Unknown));
            assert!(reply.body.len() as u64 <= policy.max_body);
            assert_secretless(&stored.fields);
            if write.key.method == Method::Get {
                let codings = codings(&stored.fields).expect("content that nobody can read");
                assert_eq!(stored.content, digest(&codings, &reply.body, policy.limits).unwrap());
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
