//! How often a URL is asked: a clock set by hand, and properties of the rules. No I/O.

use std::time::Duration;

use bytes::Bytes;
use notmodified::entry::Record;
use notmodified::exchange::answer::Answer;
use notmodified::exchange::interval::Moment;
use notmodified::exchange::outcome::{Outcome, Reason};
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::{Floors, FullEvery, Policy};
use notmodified::identity::Secret;
use notmodified::request::Request;
use proptest::prelude::*;

const SECRET: Secret = Secret([5; 32]);
const START: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3600;

/// A poller of one URL, whose clock is set by hand.
struct Poller {
    record: Option<Record>,
    policy: Policy,
    /// Milliseconds since it began.
    now: u64,
}

impl Poller {
    fn new(policy: Policy) -> Self {
        Self { record: None, policy, now: 0 }
    }

    fn every(interval: Duration) -> Self {
        Self::new(Policy { min_interval: Some(interval), ..Policy::default() })
    }

    fn with_floors(retry_after: bool, max_age: bool) -> Self {
        Self::new(Policy { floors: Floors { retry_after, max_age }, ..Policy::default() })
    }

    fn moment(&self) -> Moment {
        Moment { seconds: START + self.now / 1000, millis: u16::try_from(self.now % 1000).unwrap() }
    }

    fn plan(&self, lines: &[(&str, &str)]) -> Plan {
        let request = Request::new("GET", "http://origin/page", lines.iter().copied().collect()).unwrap();
        plan(request.ask(&SECRET), self.record.clone(), None, &self.policy, &SECRET, self.moment())
    }

    /// What it is served instead of asking.
    fn served(&self, lines: &[(&str, &str)]) -> Option<Answer> {
        match self.plan(lines) {
            Plan::Serve(answer, _) => Some(*answer),
            Plan::Send(_) => None,
        }
    }

    fn reason(&self) -> Option<Reason> {
        self.served(&[]).and_then(|answer| answer.reason)
    }

    fn pending(&self) -> Pending {
        match self.plan(&[("Cache-Control", "no-cache")]) {
            Plan::Send(pending) => *pending,
            Plan::Serve(answer, _) => panic!("served: {answer:?}"),
        }
    }

    /// Asks, gets this answer at once, and remembers what is to be written.
    fn asks(&mut self, status: u16, lines: &[(&str, &str)], body: &'static [u8]) -> Answer {
        let reply = Reply {
            status,
            fields: lines.iter().copied().collect(),
            body: Bytes::from_static(body),
            undone: None,
            completeness: Completeness::Whole,
            wire_bytes: 100,
            request_time: self.moment().seconds,
            response_time: self.moment().seconds,
        };
        let Settlement::Answer(answer) = settle(&self.pending(), reply, &self.policy, &SECRET) else {
            panic!("asked again");
        };
        for write in &answer.writes {
            let record = self.record.get_or_insert_with(|| Record::new(&write.key.url, write.key.partition));
            write.change.apply(record);
        }
        *answer
    }

    fn stores(mut self, lines: &[(&str, &str)]) -> Self {
        self.asks(200, &[&[("etag", "\"1\"")], lines].concat(), b"page");
        self
    }

    fn confirms(&mut self) {
        assert_eq!(self.asks(304, &[("etag", "\"1\"")], b"").outcome, Outcome::NotModified);
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now += seconds * 1000;
        self
    }
}

#[test]
fn sooner_than_its_interval_the_stored_response_is_the_answer() {
    let mut poller = Poller::every(Duration::from_secs(60)).stores(&[]);
    let answer = poller.after(59).served(&[]).unwrap();
    assert_eq!((answer.outcome, answer.reason, answer.is_changed), (Outcome::Fresh, Some(Reason::MinInterval), false));
    assert_eq!(answer.fields.get(b"age"), Some(&b"59"[..]));
    assert!(poller.after(1).served(&[]).is_none());
}

#[test]
fn the_interval_begins_anew_with_a_304() {
    let mut poller = Poller::every(Duration::from_secs(60)).stores(&[]);
    poller.after(60).confirms();
    assert_eq!(poller.after(59).reason(), Some(Reason::MinInterval));
    assert!(poller.after(1).served(&[]).is_none());
}

#[test]
fn an_interval_is_as_fine_as_it_was_given() {
    let mut poller = Poller::every(Duration::from_millis(250));
    poller.now = 999;
    let mut poller = poller.stores(&[]);
    poller.now += 249;
    assert_eq!(poller.reason(), Some(Reason::MinInterval));
    poller.now += 1;
    assert_eq!(poller.reason(), None);
}

#[test]
fn what_the_origin_tells_caches_does_not_shorten_the_callers_interval() {
    for directives in ["no-cache", "max-age=0, must-revalidate", "private"] {
        let mut poller = Poller::every(Duration::from_secs(60)).stores(&[("cache-control", directives)]);
        assert_eq!(poller.after(10).reason(), Some(Reason::MinInterval), "{directives}");
    }
}

#[test]
fn a_request_that_wants_to_know_asks() {
    let mut poller = Poller::every(Duration::from_secs(60)).stores(&[("retry-after", "100")]);
    poller.policy.floors = Floors { retry_after: true, max_age: true };
    poller.after(10);
    for directive in ["no-cache", "max-age=0", "max-age=9"] {
        assert!(poller.served(&[("Cache-Control", directive)]).is_none(), "{directive}");
    }
    assert!(poller.served(&[("Cache-Control", "max-age=10")]).is_some());
}

#[test]
fn what_is_known_to_be_out_of_date_or_belongs_to_no_request_is_asked_about() {
    let mut poller = Poller::every(Duration::from_secs(60)).stores(&[]);
    poller.record.as_mut().unwrap().variants[0].is_invalidated = true;
    assert_eq!(poller.reason(), None);
    assert_eq!(Poller::every(Duration::from_secs(60)).stores(&[("vary", "*")]).reason(), None);
    assert!(Poller::every(Duration::from_secs(60)).served(&[]).is_none(), "nothing is stored");
}

#[test]
fn retry_after_of_a_refusal_is_waited_for_and_ends() {
    for (status, value) in [(503, "100"), (429, "100"), (302, "100"), (503, "Fri, 15 Jan 2027 08:01:40 GMT")] {
        let mut poller = Poller::with_floors(true, false).stores(&[]);
        let answer = poller.asks(status, &[("retry-after", value)], b"later");
        assert_eq!((answer.outcome, answer.status), (Outcome::Passed, status));
        assert_eq!(poller.after(100).reason(), Some(Reason::RetryAfter), "{status} {value}");
        assert!(poller.after(1).served(&[]).is_none());
    }
}

#[test]
fn retry_after_of_a_304_is_waited_for() {
    let mut poller = Poller::with_floors(true, false).stores(&[]);
    poller.asks(304, &[("etag", "\"1\""), ("retry-after", "100")], b"");
    assert_eq!(poller.after(100).reason(), Some(Reason::RetryAfter));
    assert_eq!(poller.after(1).reason(), None);
}

#[test]
fn retry_after_of_no_time_is_none() {
    let mut poller = Poller::with_floors(true, false).stores(&[]);
    assert!(poller.asks(503, &[("retry-after", "0")], b"later").writes.is_empty());
    assert_eq!(poller.reason(), None);
}

#[test]
fn an_answer_with_content_ends_the_wait() {
    let mut poller = Poller::with_floors(true, false).stores(&[]);
    poller.asks(503, &[("retry-after", "1000")], b"later");
    assert_eq!(poller.after(10).reason(), Some(Reason::RetryAfter));
    poller.confirms();
    assert_eq!(poller.reason(), None);
}

#[test]
fn retry_after_is_taken_for_a_day_at_most_and_only_on_request() {
    let mut poller = Poller::with_floors(true, false).stores(&[]);
    poller.asks(503, &[("retry-after", "99999999999999999999")], b"later");
    assert_eq!(poller.after(DAY - 1).reason(), Some(Reason::RetryAfter));
    assert_eq!(poller.after(1).reason(), None);
    for (policy, status, value) in [
        (Floors::default(), 503, "100"),
        (Floors { max_age: true, retry_after: false }, 503, "100"),
        (Floors { max_age: false, retry_after: true }, 500, "100"),
        (Floors { max_age: false, retry_after: true }, 503, "soon"),
    ] {
        let mut poller = Poller::new(Policy { floors: policy, ..Policy::default() }).stores(&[]);
        assert!(poller.asks(status, &[("retry-after", value)], b"later").writes.is_empty());
        assert_eq!(poller.reason(), None);
    }
}

#[test]
fn without_anything_stored_a_pause_is_not_even_noted() {
    let mut poller = Poller::with_floors(true, true);
    assert!(poller.asks(503, &[("retry-after", "100")], b"later").writes.is_empty());
    assert!(poller.served(&[]).is_none());
}

#[test]
fn max_age_is_waited_for_on_request_and_counts_age() {
    let mut poller = Poller::with_floors(false, true).stores(&[("cache-control", "max-age=100"), ("age", "40")]);
    assert_eq!(poller.after(59).reason(), Some(Reason::MaxAge));
    assert_eq!(poller.after(1).reason(), None);
    poller.confirms();
    assert_eq!(poller.reason(), Some(Reason::MaxAge), "the 304 had no Age");
    assert_eq!(Poller::with_floors(true, false).stores(&[("cache-control", "max-age=100")]).reason(), None);
    let never = Poller::with_floors(false, true).stores(&[("cache-control", "max-age=100, no-cache")]);
    assert_eq!(never.reason(), None);
    let mut long = Poller::with_floors(false, true).stores(&[("cache-control", "max-age=31536000")]);
    assert_eq!(long.after(DAY - 1).reason(), Some(Reason::MaxAge));
    assert_eq!(long.after(1).reason(), None);
}

#[test]
fn a_304_is_dated_in_the_store_only_where_something_counts_from_it() {
    for (policy, writes) in [
        (Policy::default(), 0),
        (Policy { floors: Floors { retry_after: true, max_age: false }, ..Policy::default() }, 0),
        (Policy { floors: Floors { retry_after: false, max_age: true }, ..Policy::default() }, 1),
        (Policy { min_interval: Some(Duration::from_millis(1)), ..Policy::default() }, 1),
    ] {
        let mut poller = Poller::new(policy).stores(&[]);
        poller.after(10);
        assert_eq!(poller.asks(304, &[("etag", "\"1\"")], b"").writes.len(), writes);
    }
}

/// Which of so many polls, one a second, went without a condition.
fn whole(full_every: FullEvery, polls: usize) -> Vec<usize> {
    let mut poller = Poller::new(Policy { full_every: Some(full_every), ..Policy::default() });
    let mut whole = Vec::new();
    for poll in 0..polls {
        let Plan::Send(pending) = poller.plan(&[]) else { panic!("served") };
        if pending.conditions.is_empty() {
            whole.push(poll);
            poller = poller.stores(&[]);
        } else {
            poller.confirms();
        }
        poller.after(1);
    }
    whole
}

#[test]
fn the_content_is_fetched_whole_every_so_many_polls_or_seconds() {
    assert_eq!(whole(FullEvery::Polls(1), 4), [0, 1, 2, 3]);
    assert_eq!(whole(FullEvery::Polls(3), 8), [0, 3, 6]);
    assert_eq!(whole(FullEvery::Seconds(4), 10), [0, 4, 8]);
}

#[test]
fn content_that_came_by_a_clock_that_was_ahead_is_fetched_whole() {
    let mut poller = Poller::new(Policy { full_every: Some(FullEvery::Seconds(DAY)), ..Policy::default() });
    poller.now = 1_000_000_000;
    poller = poller.stores(&[]);
    poller.now = 0;
    assert!(poller.pending().conditions.is_empty());
}

proptest! {
    /// From one whole answer to the next there are as many polls as was said.
    #[test]
    fn whole_answers_are_as_far_apart_as_was_said(every in 1..12_u32) {
        let apart = every as usize;
        let expected: Vec<usize> = (0..40).step_by(apart).collect();
        prop_assert_eq!(whole(FullEvery::Polls(every), 40), expected.clone());
        prop_assert_eq!(whole(FullEvery::Seconds(u64::from(every)), 40), expected);
    }

    /// Asked exactly from the interval on, whatever the milliseconds.
    #[test]
    fn the_interval_is_kept_to_the_millisecond(
        start in 0..5000_u64, interval in 1..100_000_u64, elapsed in 0..200_000_u64, confirmed in any::<bool>(),
    ) {
        let mut poller = Poller::every(Duration::from_millis(interval));
        poller.now = start;
        poller = poller.stores(&[]);
        if confirmed {
            poller.now += 70_000;
            poller.confirms();
        }
        poller.now += elapsed;
        prop_assert_eq!(poller.reason(), (elapsed < interval).then_some(Reason::MinInterval));
    }

    /// A clock that was ahead when an answer came, by however much, does not hold the page.
    #[test]
    fn a_clock_that_was_ahead_holds_nothing_back(ahead in 1..4_000_000_000_000_u64, retry_after in any::<u32>()) {
        let mut poller = Poller::every(Duration::from_secs(3600));
        poller.policy.floors = Floors { retry_after: true, max_age: true };
        poller.now = ahead + DAY * 1000;
        poller = poller.stores(&[("cache-control", "max-age=1000000")]);
        poller.asks(503, &[("retry-after", &retry_after.to_string())], b"later");
        poller.now = 0;
        let reason = poller.reason();
        prop_assert!(reason.is_none(), "{reason:?}");
    }
}
