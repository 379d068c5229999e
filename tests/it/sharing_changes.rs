//! What a change costs the exits that share a page, and who is told of it.

use crate::sharing::{corroborated, each, honestly, newcomer, page, world};
use crate::sharing_world::Came;
use crate::sharing_world::Errand;
use crate::sharing_world::World;
use crate::sharing_world::conditions;
use crate::sharing_world::reply;
use notmodified::entry::Consumer;
use notmodified::exchange::Freshness;
use notmodified::exchange::Policy;
use notmodified::exchange::settle::Reply;

#[test]
fn a_change_costs_k_full_fetches_and_one_whoever_asks() {
    for (k, is_fleeting) in [(1, false), (2, false), (3, false), (1, true), (2, true), (3, true)] {
        let mut world = World::sharing(corroborated(k));
        let mut round = |version| {
            let visits = 1..=10_u32;
            let full = visits.filter(|exit| {
                world.now += 60;
                honestly(&mut world, &Errand { is_fleeting, ..Errand::get(*exit) }, version) == 200
            });
            full.count()
        };
        assert_eq!(round(1), usize::from(k));
        assert_eq!(round(1), 0);
        assert_eq!(round(2), usize::from(k) + 1, "k = {k}, fleeting: {is_fleeting}");
        assert_eq!(round(2), 0);
    }
}

#[test]
fn a_touch_costs_k_full_fetches_and_one_for_whoever_asks_by_what_it_received_itself() {
    for (k, is_fleeting) in [(1, false), (2, false), (3, false), (1, true), (2, true), (3, true)] {
        let mut world = World::sharing(corroborated(k));
        let mut round = |tag: &str| {
            let visits = 1..=10_u32;
            let full = visits.filter(|exit| {
                world.now += 60;
                let flight = world.plan(&Errand { is_fleeting, ..Errand::get(*exit) }).unwrap();
                let is_known = conditions(&flight).iter().any(|(_, value)| value.contains(tag));
                let reply = if is_known { reply(304, &[("ETag", tag)], b"") } else { page(tag, "page") };
                world.settle(flight, reply);
                !is_known
            });
            full.count()
        };
        assert_eq!([round("\"1\""), round("\"1\"")], [usize::from(k), 0]);
        // Whoever keeps nothing asks by what is shared: one of them finds out for all.
        let askers = if is_fleeting { 1 } else { usize::from(k) };
        let full = [round("\"2\""), round("\"2\"")];
        assert_eq!(full, [usize::from(k) + askers, 0], "k = {k}, fleeting: {is_fleeting}");
    }
}

#[test]
fn what_changed_is_told_once_whichever_exit_asks() {
    let mut world = world();
    assert!(world.visit(&Errand::get(1), &page("\"1\"", "page")).is_changed);
    assert!(!world.visit(&Errand::get(2), &page("\"1\"", "page")).is_changed);
    assert!(!world.visit(&newcomer(), &reply(304, &[], b"")).is_changed);
    assert!(world.visit(&newcomer(), &page("\"2\"", "other")).is_changed);
    assert!(!world.visit(&Errand::get(1), &page("\"2\"", "other")).is_changed);
}

#[test]
fn what_a_consumer_has_seen_through_one_exit_is_no_news_through_another() {
    let consumer = Some(Consumer::named("prices"));
    let mut world = World::new(Policy { sharing: corroborated(2), consumer, ..Policy::default() });
    let first = world.visit(&Errand::get(1), &page("\"1\"", "page"));
    let second = world.visit(&Errand::get(2), &page("\"1\"", "page"));
    assert!(first.is_changed && second.is_changed, "nobody has seen it through");
    world.acknowledge(&Errand::get(1), &first);
    assert!(!world.visit(&Errand::get(3), &reply(304, &[], b"")).is_changed);
    let other = world.visit(&newcomer(), &page("\"2\"", "other"));
    world.acknowledge(&newcomer(), &other);
    assert!(other.is_changed && !world.visit(&Errand::get(4), &page("\"2\"", "other")).is_changed);
}

#[test]
fn a_clock_that_was_ahead_makes_nobody_ask_for_the_whole_page_for_ever() {
    let mut world = world();
    each(&mut world, [1, 2], &page("\"1\"", "page"));
    world.now += 1_000_000_000;
    each(&mut world, [1], &page("\"2\"", "other"));
    world.now -= 1_000_000_000;
    for _ in 0..3 {
        world.now += 60;
        for exit in 3..9 {
            honestly(&mut world, &Errand::get(exit), 2);
        }
    }
    assert!((3..9).all(|exit| honestly(&mut world, &Errand::get(exit), 2) == 304));
}

#[test]
fn whoever_asks_in_a_name_is_told_of_what_only_others_have_seen() {
    let policy = Policy { sharing: corroborated(2), ..Policy::default() };
    for freshness in [Freshness::Revalidate, Freshness::Rfc9111] {
        let mut world = World::new(Policy { freshness, ..policy.clone() });
        let shop = Errand { name: Some("shop-7"), ..Errand::get(7) };
        let told = |world: &mut World, reply: &Reply| match world.plan(&shop) {
            Ok(flight) => match world.settle(flight, reply.clone()) {
                Came::Answer(answer) => answer.is_changed,
                Came::Again(_) => panic!("asked once more"),
            },
            Err(served) => served.is_changed,
        };
        let fresh = |tag: &str, content: &str| {
            reply(200, &[("ETag", tag), ("Cache-Control", "max-age=600")], content.as_bytes())
        };
        let confirmed = reply(304, &[], b"");
        each(&mut world, [1, 2], &fresh("\"1\"", "page"));
        assert_eq!([(); 2].map(|()| told(&mut world, &confirmed)), [true, false], "it had seen nothing");
        world.now += 700;
        each(&mut world, [1, 2, 3], &fresh("\"2\"", "other"));
        assert_eq!([(); 2].map(|()| told(&mut world, &confirmed)), [true, false], "nor that");
        world.now += 700;
        assert!(told(&mut world, &fresh("\"3\"", "third")));
        world.now += 700;
        assert_eq!([(); 2].map(|()| told(&mut world, &confirmed)), [false, false]);
    }
}

/// How many of these exits, each asking in turn, download the page.
fn downloads(world: &mut World, exits: impl IntoIterator<Item = u32>, version: u32) -> usize {
    exits.into_iter().filter(|exit| honestly(world, &Errand::get(*exit), version) == 200).count()
}

#[test]
fn a_change_costs_no_more_where_exits_come_back_within_the_second() {
    let mut world = world();
    assert_eq!(downloads(&mut world, 1..=9, 1), 2);
    // Whoever has an old page of its own asks by what the others agree on.
    for version in 2..8 {
        assert_eq!(downloads(&mut world, 1..=9, version), 3, "version {version}");
        assert_eq!(downloads(&mut world, (1..=9).rev(), version), 0, "version {version}");
    }
}

#[test]
fn exits_of_two_countries_that_come_back_are_left_with_pages_of_their_own() {
    let mut world = world();
    let visit = |world: &mut World, exit: u32| honestly(world, &Errand::get(exit), exit % 2);
    for _ in 0..3 {
        for exit in 1..=8 {
            visit(&mut world, exit);
            world.now += 60;
        }
    }
    let downloads = (0..20).flat_map(|_| 1..=8).filter(|exit| {
        world.now += 60;
        visit(&mut world, *exit) == 200
    });
    assert_eq!(downloads.count(), 0);
}
