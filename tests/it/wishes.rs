//! What one request wishes otherwise than the cache's rules say: a clock set by hand, and properties of the rules. No I/O.

use std::time::Duration;

use bytes::Bytes;
use notmodified::entry::Record;
use notmodified::exchange::answer::Answer;
use notmodified::exchange::ladder::Whole;
use notmodified::exchange::outcome::{Outcome, Reason};
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::{Floors, Freshness, FullEvery, Policy, Wish};
use notmodified::identity::Secret;
use notmodified::request::Request;
use proptest::prelude::*;

const SECRET: Secret = Secret([6; 32]);
const START: u64 = 1_800_000_000;
const FULL: Wish = Wish { freshness: None, is_full: true };

const fn by(freshness: Freshness) -> Wish {
    Wish { freshness: Some(freshness), is_full: false }
}

fn going_by_freshness() -> Policy {
    Policy { freshness: Freshness::Rfc9111, ..Policy::default() }
}

/// A poller of one URL, whose clock is set by hand.
struct Poller {
    record: Option<Record>,
    policy: Policy,
    now: u64,
}

impl Poller {
    fn new(policy: Policy) -> Self {
        Self { record: None, policy, now: START }
    }

    /// One that has this page.
    fn with(policy: Policy, lines: &[(&str, &str)]) -> Self {
        let mut poller = Self::new(policy);
        poller.asks(Wish::default(), 200, lines, b"page");
        poller
    }

    fn plan(&self, wish: Wish, lines: &[(&str, &str)]) -> Plan {
        let request = Request::new("GET", "http://origin/page", lines.iter().copied().collect()).unwrap();
        let ask = Request { wish, ..request }.ask(&SECRET);
        plan(ask, self.record.clone(), None, &self.policy, &SECRET, self.now)
    }

    fn served(&self, wish: Wish, lines: &[(&str, &str)]) -> Option<Answer> {
        match self.plan(wish, lines) {
            Plan::Serve(answer, _) => Some(*answer),
            Plan::Send(_) => None,
        }
    }

    fn pending(&self, wish: Wish, lines: &[(&str, &str)]) -> Pending {
        match self.plan(wish, lines) {
            Plan::Send(pending) => *pending,
            Plan::Serve(answer, _) => panic!("served: {answer:?}"),
        }
    }

    /// Asks, gets this answer at once, and remembers what is to be written.
    fn asks(&mut self, wish: Wish, status: u16, lines: &[(&str, &str)], body: &'static [u8]) -> Answer {
        let pending = self.pending(wish, &[]);
        let settlement = settle(&pending, reply(self.now, status, lines, body), &self.policy, &SECRET);
        let Settlement::Answer(answer) = settlement else { panic!("asked again") };
        for write in &answer.writes {
            let record = self.record.get_or_insert_with(|| Record::new(&write.key.url, write.key.partition));
            write.change.apply(record);
        }
        *answer
    }
}

fn reply(now: u64, status: u16, lines: &[(&str, &str)], body: &'static [u8]) -> Reply {
    Reply {
        status,
        fields: lines.iter().copied().collect(),
        body: Bytes::from_static(body),
        undone: None,
        completeness: Completeness::Whole,
        wire_bytes: 100,
        request_time: now,
        response_time: now,
    }
}

const FRESH: [(&str, &str); 2] = [("etag", "\"1\""), ("cache-control", "max-age=100")];

#[test]
fn whoever_wishes_the_whole_content_is_answered_by_the_origin_alone() {
    let held = Policy { min_interval: Some(Duration::from_secs(60)), ..Policy::default() };
    let floors = Policy { floors: Floors { retry_after: true, max_age: true }, ..Policy::default() };
    let while_revalidating = Policy { validates_behind: true, ..going_by_freshness() };
    let swr = [("etag", "\"1\""), ("cache-control", "max-age=0, stale-while-revalidate=100")];
    for (policy, lines) in [(going_by_freshness(), FRESH), (held, FRESH), (floors, FRESH), (while_revalidating, swr)] {
        let mut poller = Poller::with(policy, &lines);
        poller.now += 5;
        assert!(poller.served(Wish::default(), &[]).is_some());
        let pending = poller.pending(FULL, &[]);
        assert_eq!(pending.rung, Err(Whole::Due));
        assert!(pending.conditions.is_empty());
    }
}

#[test]
fn only_beside_a_validator_is_the_coding_of_the_stored_response_asked_for() {
    let policy = Policy { accept_encoding: Some(b"gzip"), ..Policy::default() };
    let mut poller = Poller::with(policy, &FRESH);
    poller.policy.accept_encoding = Some(b"zstd");
    let asked = |wish| poller.pending(wish, &[]).conditions.get(b"accept-encoding").map(<[u8]>::to_vec);
    assert_eq!(asked(Wish::default()), Some(b"gzip".to_vec()));
    // Whoever has nothing stored asks in the same words.
    assert_eq!(asked(FULL), Some(b"zstd".to_vec()));
}

#[test]
fn a_whole_content_is_compared_and_a_missed_change_told() {
    let mut poller = Poller::with(Policy::default(), &FRESH);
    assert_eq!(poller.asks(FULL, 200, &FRESH, b"page").outcome, Outcome::SameContent);
    let missed = poller.asks(FULL, 200, &FRESH, b"other");
    assert_eq!((missed.outcome, missed.reason), (Outcome::Changed, Some(Reason::MissedChange)));
    assert!(missed.is_changed);
}

#[test]
fn a_whole_content_begins_the_count_of_polls_anew() {
    let mut poller = Poller::with(Policy { full_every: Some(FullEvery::Polls(2)), ..Policy::default() }, &FRESH);
    poller.asks(Wish::default(), 304, &[("etag", "\"1\"")], b"");
    poller.asks(FULL, 200, &FRESH, b"page");
    assert!(poller.pending(Wish::default(), &[]).rung.is_ok());
}

#[test]
fn a_304_to_a_wish_for_the_whole_content_is_not_believed() {
    let poller = Poller::with(Policy::default(), &FRESH);
    let pending = poller.pending(FULL, &[]);
    let settlement = settle(&pending, reply(poller.now, 304, &FRESH, b""), &poller.policy, &SECRET);
    assert!(matches!(settlement, Settlement::Resend(Reason::Unexpected304, _)));
}

#[test]
fn what_the_caller_asks_the_origin_itself_stays_whatever_it_wishes() {
    let poller = Poller::with(going_by_freshness(), &FRESH);
    let own = [("If-None-Match", "\"0\"")];
    let fields = poller.pending(FULL, &own).fields();
    assert_eq!(fields.get_all(b"if-none-match").collect::<Vec<_>>(), [&b"\"0\""[..]]);
    let refused = poller.served(FULL, &[("Cache-Control", "only-if-cached")]).unwrap();
    assert_eq!((refused.status, refused.reason), (504, Some(Reason::OnlyIfCached)));
}

#[test]
fn a_request_goes_by_the_freshness_that_it_wishes() {
    for (policy, wish, is_served) in [
        (Policy::default(), by(Freshness::Rfc9111), true),
        (Policy::default(), by(Freshness::Revalidate), false),
        (going_by_freshness(), by(Freshness::Rfc9111), true),
        (going_by_freshness(), by(Freshness::Revalidate), false),
    ] {
        let poller = Poller::with(policy, &FRESH);
        assert_eq!(poller.served(wish, &[]).is_some(), is_served, "{wish:?}");
    }
}

#[test]
fn freshness_counts_from_the_last_304_whoever_asked() {
    for (policy, wish) in [
        (Policy::default(), by(Freshness::Rfc9111)),
        (going_by_freshness(), by(Freshness::Revalidate)),
        (going_by_freshness(), Wish::default()),
    ] {
        let mut poller = Poller::with(policy, &FRESH);
        poller.now += 150;
        poller.asks(wish, 304, &FRESH, b"");
        poller.now += 50;
        assert!(poller.served(by(Freshness::Rfc9111), &[]).is_some(), "{wish:?}");
    }
}

#[test]
fn an_error_that_may_be_kept_is_kept_for_who_goes_by_freshness() {
    let mut poller = Poller::new(Policy::default());
    let lines = [("cache-control", "max-age=100")];
    poller.asks(by(Freshness::Rfc9111), 404, &lines, b"gone");
    assert_eq!(poller.served(by(Freshness::Rfc9111), &[]).map(|answer| answer.status), Some(404));
    assert!(poller.served(Wish::default(), &[]).is_none());
    let mut poller = Poller::new(Policy::default());
    poller.asks(Wish::default(), 404, &lines, b"gone");
    assert!(poller.served(by(Freshness::Rfc9111), &[]).is_none());
}

#[test]
fn the_origins_stale_if_error_is_for_who_goes_by_freshness() {
    let lines = [("etag", "\"1\""), ("cache-control", "max-age=1, stale-if-error=100")];
    for (wish, status) in [(by(Freshness::Rfc9111), 200), (by(Freshness::Revalidate), 503), (Wish::default(), 503)] {
        let mut poller = Poller::with(Policy::default(), &lines);
        poller.now += 5;
        assert_eq!(poller.asks(wish, 503, &[], b"").status, status, "{wish:?}");
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    let freshness = prop::sample::select(vec![Freshness::Revalidate, Freshness::Rfc9111]);
    let interval = prop::option::of((0..200_u64).prop_map(Duration::from_secs));
    let full_every = prop::option::of((1..3_u32).prop_map(FullEvery::Polls));
    (freshness, interval, any::<(bool, bool, bool)>(), full_every).prop_map(
        |(freshness, min_interval, on, full_every)| {
            let floors = Floors { retry_after: on.0, max_age: on.1 };
            Policy { freshness, min_interval, floors, validates_behind: on.2, full_every, ..Policy::default() }
        },
    )
}

fn requests() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let line = prop::sample::select(vec![
        ("Cache-Control", "no-cache"),
        ("Cache-Control", "max-stale"),
        ("Cache-Control", "only-if-cached"),
        ("If-None-Match", "\"1\""),
        ("Range", "bytes=0-1"),
    ]);
    prop::collection::vec(line, 0..2)
}

proptest! {
    /// The whole content is never answered from the store, nor asked for with a condition of ours.
    #[test]
    fn a_wish_for_the_whole_content_holds_against_every_rule(
        policy in policies(), request in requests(), control in "(no-cache|max-age=(0|100))(, stale-while-revalidate=50)?",
        after in 0..300_u64, freshness in prop::option::of(prop::sample::select(vec![Freshness::Revalidate, Freshness::Rfc9111])),
    ) {
        let mut poller = Poller::with(policy, &[("etag", "\"1\""), ("cache-control", &control)]);
        poller.now += after;
        match poller.plan(Wish { freshness, is_full: true }, &request) {
            Plan::Send(pending) => {
                prop_assert!(pending.rung.is_err() && pending.conditions.is_empty());
            }
            Plan::Serve(answer, _) => prop_assert_eq!((answer.status, answer.reason), (504, Some(Reason::OnlyIfCached))),
        }
    }

    /// A request that wishes a freshness gets what it would get of a cache that has it.
    #[test]
    fn a_wished_freshness_is_that_of_a_cache_that_has_it(
        policy in policies(), request in requests(), control in "(no-cache|max-age=(0|100))(, stale-while-revalidate=50)?",
        after in 0..300_u64, wished in prop::sample::select(vec![Freshness::Revalidate, Freshness::Rfc9111]),
    ) {
        let mut poller = Poller::with(policy.clone(), &[("etag", "\"1\""), ("cache-control", &control)]);
        poller.now += after;
        let by_wish = poller.plan(by(wished), &request);
        poller.policy = Policy { freshness: wished, ..policy };
        match (by_wish, poller.plan(Wish::default(), &request)) {
            (Plan::Serve(one, _), Plan::Serve(other, _)) => prop_assert_eq!(format!("{one:?}"), format!("{other:?}")),
            (Plan::Send(one), Plan::Send(other)) => {
                prop_assert_eq!((one.rung, one.conditions), (other.rung, other.conditions));
            }
            (one, other) => prop_assert!(false, "{one:?} {other:?}"),
        }
    }
}
