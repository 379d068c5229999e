//! The rule of sharing, searched for a way around it: many exits and credentials, and an origin that says at will whatever could link them.
//! What the store does is judged by an oracle that saw only what went over the wire.
//!
//! That the search can find one is shown by mutants, each of which leaves out one word of the rule. They bend what is written, or are told
//! another rule than they are judged by: the store itself knows nothing of them.

use std::sync::atomic::{AtomicU64, Ordering};

use notmodified::digest::Digest;
use notmodified::entry::change::Change;
use notmodified::entry::corroboration::Quorum;
use notmodified::entry::page::page;
use notmodified::exchange::Freshness;
use notmodified::exchange::sharing::Sharing;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};

use crate::sharing_oracle::Rule;
use crate::sharing_search::{Checked, Rules, SENDS, Search};
use crate::sharing_steps::{Step, steps};

const STEPS: usize = 60;

fn corroborated(k: u8, ttl: Option<u64>) -> Rules {
    let (sharing, judged_by) = (Sharing::Corroborated(Quorum { k, ttl }), Rule::Corroborated { k: k.into(), ttl });
    Rules { sharing, judged_by, freshness: Freshness::Revalidate, stale_if_error: None }
}

fn rules() -> impl Strategy<Value = Rules> {
    let isolated = Rules { sharing: Sharing::Isolated, judged_by: Rule::Isolated, ..corroborated(2, None) };
    let central = Rules { sharing: Sharing::Central, judged_by: Rule::Central, ..isolated };
    let k_and_ttl = (1..=3_u8, prop::sample::select(vec![None, Some(100)]));
    let rules = prop_oneof![
        6 => k_and_ttl.prop_map(|(k, ttl)| corroborated(k, ttl)),
        1 => Just(isolated),
        1 => Just(central),
    ];
    let freshness = prop::sample::select(vec![Freshness::Revalidate, Freshness::Rfc9111]);
    let stale_if_error = prop::sample::select(vec![None, Some(10_000)]);
    (rules, freshness, stale_if_error).prop_map(|(rules, freshness, stale_if_error)| Rules {
        freshness,
        stale_if_error,
        ..rules
    })
}

fn search(rules: Rules, is_one_variant: bool, bend: fn(&mut Change), steps: &[Step]) -> Checked {
    let mut search = Search::new(rules, is_one_variant, bend);
    steps.iter().try_for_each(|step| search.take(step))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_an_origin_says_nobody_sends_what_too_few_others_were_given(
        rules in rules(), steps in steps(false, STEPS),
    ) {
        search(rules, true, |_| {}, &steps)?;
    }

    #[test]
    fn whatever_a_page_varies_by_nobody_sends_what_too_few_others_were_given(
        rules in rules(), steps in steps(true, STEPS),
    ) {
        search(rules, false, |_| {}, &steps)?;
    }
}

/// Does the search find a violation of `k` = 2 in a store whose changes are bent?
fn finds(bend: fn(&mut Change), told: u8) -> bool {
    let config =
        ProptestConfig { cases: 2000, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let rules = Rules { sharing: corroborated(told, None).sharing, ..corroborated(2, None) };
    let found = runner.run(&steps(false, STEPS), |steps| search(rules, true, bend, &steps));
    match found {
        Ok(()) => false,
        Err(TestError::Fail(why, _)) => {
            // Not by a slip of some other kind.
            assert!(why.message().contains(SENDS), "{why}");
            true
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[test]
fn a_store_that_does_as_it_is_told_is_not_found_guilty() {
    assert!(!finds(|_| {}, 2));
}

#[test]
fn a_store_that_ignores_k_is_found_out() {
    assert!(finds(|_| {}, 1));
}

#[test]
fn a_store_that_ignores_the_content_is_found_out() {
    assert!(finds(
        |change| {
            if let Change::Sight(sighting) = change
                && let Some(response) = &mut sighting.response
            {
                response.content = Digest::of(b"any");
            }
        },
        2
    ));
}

#[test]
fn a_store_that_ignores_the_exit_is_found_out() {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    assert!(finds(
        |change| {
            if let Change::Sight(sighting) = change {
                sighting.exit = NEXT.fetch_add(1, Ordering::Relaxed);
                sighting.way = sighting.exit;
            }
        },
        2
    ));
}

#[test]
fn a_store_that_counts_prompted_answers_is_found_out() {
    assert!(finds(
        |change| {
            if let Change::Sight(sighting) = change {
                sighting.asked = None;
            }
        },
        2
    ));
}

#[test]
fn a_store_that_withdraws_nothing_is_found_out() {
    assert!(finds(
        |change| {
            if let Change::Sight(sighting) = change
                && let (Some(asked), Some(response)) = (&mut sighting.asked, &sighting.response)
            {
                asked.page = page(response);
            }
        },
        2
    ));
}
