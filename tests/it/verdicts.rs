//! What the caller says of content: pages that come to the same, and pages that are none.

use bytes::Bytes;
use notmodified::digest::Digest;
use notmodified::entry::{Consumer, Record};
use notmodified::exchange::answer::Answer;
use notmodified::exchange::outcome::{Outcome, Reason};
use notmodified::exchange::plan::{Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::verdict::{Verdict, conclude};
use notmodified::exchange::{Fingerprinting, Freshness, Policy};
use notmodified::fields::Fields;
use notmodified::identity::Secret;
use notmodified::request::Request;

const SECRET: Secret = Secret([9; 32]);

/// A poller of one page whose caller has a say.
struct Poller {
    record: Record,
    policy: Policy,
    now: u64,
}

impl Poller {
    fn new(fingerprint: Fingerprinting, consumer: Option<&str>) -> Self {
        let ask = Request::new("GET", "http://origin/page", [("x", "")].into_iter().collect()).unwrap().ask(&SECRET);
        let record = Record::new(&ask.key.url, ask.key.partition);
        let consumer = consumer.map(Consumer::named);
        Self { record, policy: Policy { fingerprint, consumer, ..Policy::default() }, now: 1_000_000 }
    }

    /// The answer to a GET that brings `reply`, judged by `verdict`, or by nobody where nobody is to be asked.
    fn get(&mut self, reply: Reply, verdict: Verdict) -> Answer {
        self.now += 60;
        let request = Request::new("GET", "http://origin/page", [("x", "")].into_iter().collect()).unwrap();
        let planned = plan(request.ask(&SECRET), Some(self.record.clone()), None, &self.policy, &SECRET, self.now);
        let Plan::Send(pending) = planned else { panic!("nothing is fresh") };
        let reply = Reply { request_time: self.now, response_time: self.now, ..reply };
        let answer = match settle(&pending, reply, &self.policy, &SECRET) {
            Settlement::Answer(answer) => *answer,
            Settlement::Judge(unjudged) => conclude(&pending, *unjudged, verdict, &self.policy, &SECRET),
            Settlement::Resend(reason, _) => panic!("{reason:?}"),
        };
        for write in &answer.writes {
            write.change.apply(&mut self.record);
        }
        answer
    }

    fn acknowledge(&mut self, answer: &Answer) {
        let change = notmodified::entry::change::Change::Acknowledge(answer.acknowledgement.unwrap());
        change.apply(&mut self.record);
    }
}

fn page(tag: &str, content: &str) -> Reply {
    Reply {
        status: 200,
        fields: [("ETag", tag), ("Content-Type", "text/html")].into_iter().collect(),
        body: Bytes::copy_from_slice(content.as_bytes()),
        undone: None,
        completeness: Completeness::Whole,
        wire_bytes: 100,
        request_time: 0,
        response_time: 0,
    }
}

fn not_modified(tag: &str) -> Reply {
    Reply { status: 304, body: Bytes::new(), ..page(tag, "") }
}

fn print(of: &str) -> Verdict {
    Verdict { is_storable: true, fingerprint: Some(Digest::of(of.as_bytes())) }
}

#[test]
fn content_that_comes_to_the_same_is_the_same_and_replaces_what_is_stored() {
    let mut poller = Poller::new(Fingerprinting::Callers, None);
    assert_eq!(poller.get(page("\"1\"", "text 1"), print("text")).outcome, Outcome::New);
    let same = poller.get(page("\"2\"", "text 2"), print("text"));
    assert_eq!((same.outcome, same.is_changed), (Outcome::SameContent, false));
    let [stored] = &poller.record.variants[..] else { panic!("{:?}", poller.record) };
    assert_eq!(stored.entity_tag().unwrap().as_bytes(), b"\"2\"");
    assert_eq!(stored.content, Digest::of(b"text 2"));
    let other = poller.get(page("\"3\"", "other 3"), print("other"));
    assert_eq!((other.outcome, other.is_changed), (Outcome::Changed, true));
}

#[test]
fn without_a_fingerprint_the_content_decides() {
    let mut poller = Poller::new(Fingerprinting::Callers, None);
    poller.get(page("\"1\"", "text"), print("text"));
    assert_eq!(poller.get(page("\"2\"", "text"), Verdict::NONE).outcome, Outcome::SameContent);
    // It is the same content, so it still comes to the same.
    assert_eq!(poller.get(page("\"3\"", "text 3"), print("text")).outcome, Outcome::SameContent);
    assert_eq!(poller.get(page("\"4\"", "text 4"), Verdict::NONE).outcome, Outcome::Changed);
    assert_eq!(poller.get(page("\"5\"", "text 5"), Verdict::NONE).outcome, Outcome::Changed);
}

#[test]
fn a_consumer_compares_with_what_its_content_came_to() {
    let mut poller = Poller::new(Fingerprinting::Callers, Some("c"));
    let first = poller.get(page("\"1\"", "text 1"), print("text"));
    assert!(first.is_changed);
    poller.acknowledge(&first);
    assert!(!poller.get(page("\"2\"", "text 2"), print("text")).is_changed);
    assert!(!poller.get(not_modified("\"2\""), Verdict::NONE).is_changed);
    let other = poller.get(page("\"3\"", "other 3"), print("other"));
    assert!(other.is_changed && poller.get(not_modified("\"3\""), Verdict::NONE).is_changed);
    assert!(!poller.get(page("\"4\"", "text 4"), print("text")).is_changed, "it is back, and was acknowledged");
}

#[test]
fn a_consumer_that_acknowledged_before_there_were_fingerprints_is_not_told_again() {
    let mut poller = Poller::new(Fingerprinting::None, Some("c"));
    let first = poller.get(page("\"1\"", "text 1"), Verdict::NONE);
    poller.acknowledge(&first);
    poller.policy.fingerprint = Fingerprinting::Callers;
    let same = poller.get(page("\"2\"", "text 1"), print("text"));
    assert!(!same.is_changed);
    poller.acknowledge(&same);
    assert!(!poller.get(page("\"3\"", "text 3"), print("text")).is_changed);
}

#[test]
fn what_is_not_storable_leaves_everything_as_it_was() {
    for consumer in [None, Some("c")] {
        let mut poller = Poller::new(Fingerprinting::None, consumer);
        poller.policy.asks_storable = true;
        let banned = poller.get(page("\"0\"", "are you human?"), Verdict::NOT_STORABLE);
        assert_eq!((banned.outcome, banned.reason), (Outcome::Passed, Some(Reason::NotStorable)));
        assert!(!banned.is_changed && banned.acknowledgement.is_none() && banned.writes.is_empty());
        let first = poller.get(page("\"1\"", "text"), Verdict::NONE);
        assert!(first.is_changed);
        if consumer.is_some() {
            poller.acknowledge(&first);
        }
        let before = poller.record.clone();
        let banned = poller.get(page("\"0\"", "are you human?"), Verdict::NOT_STORABLE);
        assert!(!banned.is_changed && banned.acknowledgement.is_none());
        assert_eq!(poller.record, before);
        assert!(!poller.get(not_modified("\"1\""), Verdict::NONE).is_changed, "it never went");
        assert!(!poller.get(page("\"2\"", "text"), Verdict::NONE).is_changed);
    }
}

#[test]
fn only_a_page_to_keep_ends_a_wait_that_the_origin_asked_for() {
    let mut poller = Poller::new(Fingerprinting::None, None);
    poller.policy.asks_storable = true;
    poller.policy.floors.retry_after = true;
    poller.get(page("\"1\"", "text"), Verdict::NONE);
    let busy: Fields = [("Retry-After", "60")].into_iter().collect();
    poller.get(Reply { status: 503, fields: busy, ..page("", "busy") }, Verdict::NONE);
    let until = poller.record.not_before;
    // As a request does that will not be answered from the store.
    poller.policy.floors.retry_after = false;
    let request = Request::new("GET", "http://origin/page", Fields::new()).unwrap();
    let planned =
        plan(request.ask(&SECRET), Some(poller.record.clone()), None, &poller.policy, &SECRET, poller.now + 1);
    let Plan::Send(pending) = planned else { panic!("nothing is fresh") };
    poller.policy.floors.retry_after = true;
    for (verdict, expected) in [(Verdict::NOT_STORABLE, until), (Verdict::NONE, 0)] {
        let reply = Reply { request_time: poller.now + 1, response_time: poller.now + 1, ..page("\"2\"", "text 2") };
        let Settlement::Judge(unjudged) = settle(&pending, reply, &poller.policy, &SECRET) else { panic!("not asked") };
        let answer = conclude(&pending, *unjudged, verdict, &poller.policy, &SECRET);
        for write in &answer.writes {
            write.change.apply(&mut poller.record);
        }
        assert_eq!(poller.record.not_before, expected);
    }
}

#[test]
fn what_is_no_page_is_compared_as_it_is() {
    let mut poller = Poller::new(Fingerprinting::Callers, None);
    poller.policy.freshness = Freshness::Rfc9111;
    let moved = |to| {
        let fields =
            [("Location", to), ("ETag", "\"1\""), ("Cache-Control", "public, max-age=0")].into_iter().collect();
        Reply { status: 301, fields, ..page("", "moved") }
    };
    assert_eq!(poller.get(moved("/a"), print("moved")).outcome, Outcome::New);
    assert_eq!(poller.get(moved("/b"), print("moved")).outcome, Outcome::Changed);
    assert_eq!(poller.get(page("\"2\"", "moved"), print("moved")).outcome, Outcome::Changed);
}

#[test]
fn nobody_is_asked_about_what_would_not_be_stored() {
    let mut poller = Poller::new(Fingerprinting::Callers, None);
    poller.policy.asks_storable = true;
    let missing = poller.get(Reply { status: 404, ..page("\"1\"", "gone") }, Verdict::NOT_STORABLE);
    assert_eq!(missing.reason, Some(Reason::Status));
    let cut = poller.get(Reply { completeness: Completeness::Cut, ..page("\"1\"", "te") }, Verdict::NOT_STORABLE);
    assert_eq!(cut.reason, Some(Reason::Incomplete));
}
