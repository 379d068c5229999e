//! What exits share of one page, case by case: who asks with what, and what it costs when the page changes.

use notmodified::entry::corroboration::Quorum;
use notmodified::exchange::answer::Answer;
use notmodified::exchange::outcome::Outcome;
use notmodified::exchange::settle::Reply;
use notmodified::exchange::sharing::Sharing;
use notmodified::exchange::{Freshness, Policy, Wish};

use crate::sharing_world::{Came, Errand, World, conditions, reply};

const DATE: &str = "Thu, 01 Jan 1970 00:00:01 GMT";

pub fn corroborated(k: u8) -> Sharing {
    Sharing::Corroborated(Quorum { k, ttl: None })
}

pub fn world() -> World {
    World::sharing(corroborated(2))
}

pub fn page(tag: &str, content: &str) -> Reply {
    reply(200, &[("ETag", tag)], content.as_bytes())
}

pub fn by_freshness(lines: &[(&str, &str)]) -> (World, Reply) {
    let policy = Policy { sharing: corroborated(2), freshness: Freshness::Rfc9111, ..Policy::default() };
    (World::new(policy), reply(200, &[&[("ETag", "\"1\"")], lines].concat(), b"page"))
}

/// A request of an exit that never came before.
pub fn newcomer() -> Errand {
    Errand { is_fleeting: true, ..Errand::get(1) }
}

/// A request for the content whatever is stored.
pub fn whole(errand: Errand) -> Errand {
    Errand { wish: Wish { is_full: true, ..Wish::default() }, ..errand }
}

/// What a request would carry if it went out now.
pub fn carries(world: &mut World, errand: &Errand) -> Vec<(String, String)> {
    conditions(&world.plan(errand).unwrap())
}

pub fn tags(list: &str) -> Vec<(String, String)> {
    vec![("If-None-Match".to_owned(), list.to_owned())]
}

pub fn date(value: &str) -> Vec<(String, String)> {
    vec![("If-Modified-Since".to_owned(), value.to_owned())]
}

pub fn nothing() -> Vec<(String, String)> {
    Vec::new()
}

/// Each of these exits asks and gets the same.
pub fn each(world: &mut World, exits: impl IntoIterator<Item = u32>, reply: &Reply) {
    for exit in exits {
        world.visit(&Errand::get(exit), reply);
    }
}

pub fn content(world: &World, answer: &Answer) -> String {
    String::from_utf8(world.stored_content(answer).unwrap().to_vec()).unwrap()
}

/// An origin that tells the truth: a 304 to its current tag, or all of its page.
pub fn honestly(world: &mut World, errand: &Errand, version: u32) -> u16 {
    let tag = format!("\"{version}\"");
    let flight = world.plan(errand).unwrap();
    let is_known = conditions(&flight).iter().any(|(_, value)| value.contains(&tag));
    let reply = if is_known { reply(304, &[("ETag", &tag)], b"") } else { page(&tag, &format!("version {version}")) };
    let status = reply.status;
    let Came::Answer(answer) = world.settle(flight, reply) else { panic!("asked once more") };
    assert!(status == 200 || content(world, &answer) == format!("version {version}"));
    status
}

#[test]
fn what_k_exits_were_given_is_sent_by_the_next_and_stands_for_what_they_were_given() {
    for k in 1..=4 {
        let mut world = World::sharing(corroborated(k));
        for exit in 1..=u32::from(k) {
            assert_eq!(carries(&mut world, &newcomer()), nothing());
            // Twice is once, where it is the same exit.
            each(&mut world, [exit], &page("\"1\"", "page"));
            world.visit(&whole(Errand::get(exit)), &page("\"1\"", "page"));
        }
        assert_eq!(carries(&mut world, &newcomer()), tags("\"1\""));
        let answer = world.visit(&newcomer(), &reply(304, &[], b""));
        assert_eq!((answer.outcome, answer.status), (Outcome::NotModified, 200));
        assert_eq!(content(&world, &answer), "page");
    }
}

#[test]
fn whoever_goes_directly_is_an_exit_like_the_others() {
    let mut world = world();
    each(&mut world, [0, 1], &page("\"1\"", "page"));
    assert_eq!(carries(&mut world, &newcomer()), tags("\"1\""));
    let mut world = self::world();
    each(&mut world, [1, 2], &page("\"1\"", "page"));
    assert_eq!(carries(&mut world, &Errand::get(0)), tags("\"1\""));
}

#[test]
fn a_date_is_shared_as_a_tag_is_and_neither_vouches_for_the_other() {
    let mut world = world();
    each(&mut world, [1, 2], &reply(200, &[("Last-Modified", DATE)], b"page"));
    assert_eq!(carries(&mut world, &newcomer()), date(DATE));
    let mut world = self::world();
    for exit in 1..3 {
        let tag = format!("\"{exit}\"");
        world.visit(&Errand::get(exit), &reply(200, &[("ETag", &tag), ("Last-Modified", DATE)], b"page"));
    }
    assert_eq!(carries(&mut world, &newcomer()), date(DATE));
}

#[test]
fn the_tags_of_machines_behind_a_balancer_go_out_as_a_list() {
    let mut world = world();
    let mut poll = |turn: usize| {
        world.now += 60;
        let tag = format!("\"{}\"", [0, 1, 2, 1, 0, 2, 2, 0, 1][turn % 9]);
        let flight = world.plan(&newcomer()).unwrap();
        let sent = conditions(&flight);
        let is_known = sent.iter().any(|(_, value)| value.contains(&tag));
        let Came::Answer(answer) =
            world.settle(flight, if is_known { reply(304, &[("ETag", &tag)], b"") } else { page(&tag, "page") })
        else {
            panic!("asked once more")
        };
        assert!(!is_known || content(&world, &answer) == "page");
        (is_known, sent)
    };
    let polls: Vec<_> = (0..40).map(&mut poll).collect();
    assert!(polls[20..].iter().all(|(is_known, _)| *is_known), "{polls:?}");
    assert_eq!(polls[39].1[0].1.matches(',').count(), 2);
}

#[test]
fn tags_and_dates_of_one_client_each_are_sent_by_that_client_alone() {
    let mut world = world();
    for exit in 1..=10 {
        assert_eq!(carries(&mut world, &Errand::get(exit)), nothing());
        let (tag, date) = (format!("\"{exit}\""), format!("Thu, 01 Jan 1970 00:00:{exit:02} GMT"));
        world.visit(&Errand::get(exit), &reply(200, &[("ETag", &tag), ("Last-Modified", &date)], b"page"));
    }
    assert_eq!(carries(&mut world, &newcomer()), nothing());
    assert_eq!(carries(&mut world, &Errand::get(7)), tags("\"7\""));
}

#[test]
fn one_tag_with_two_pages_is_shared_by_nobody_and_each_has_its_own() {
    let mut world = world();
    let countries = [(1, "Deutschland"), (2, "France"), (3, "Deutschland"), (4, "France")];
    let flights = countries.map(|(exit, _)| world.plan(&Errand::get(exit)).unwrap());
    for (flight, (_, country)) in flights.into_iter().zip(countries) {
        world.settle(flight, page("\"1\"", country));
    }
    assert_eq!(carries(&mut world, &newcomer()), nothing());
    for (exit, country) in countries {
        let answer = world.visit(&Errand::get(exit), &reply(304, &[("ETag", "\"1\"")], b""));
        assert_eq!(content(&world, &answer), country);
    }
}

#[test]
fn a_false_page_under_the_true_tag_reaches_nobody_else() {
    let mut world = world();
    each(&mut world, [1], &page("\"1\"", "false"));
    each(&mut world, [2], &page("\"1\"", "true"));
    assert_eq!(carries(&mut world, &newcomer()), nothing());
}

#[test]
fn what_a_304_names_is_sent_by_nobody_else() {
    let mut world = world();
    each(&mut world, [1, 2], &page("\"1\"", "page"));
    for exit in 3..6 {
        let date = format!("Thu, 01 Jan 1970 00:00:{exit:02} GMT");
        world.visit(&Errand::get(exit), &reply(304, &[("ETag", "\"1\""), ("Last-Modified", &date)], b""));
    }
    assert_eq!(carries(&mut world, &newcomer()), tags("\"1\""));
    let flight = world.plan(&Errand::get(6)).unwrap();
    let Came::Again(again) = world.settle(flight, reply(304, &[("ETag", "\"unique\"")], b"")) else { panic!() };
    assert_eq!(conditions(&again), nothing());
    world.settle(*again, page("\"unique\"", "page"));
    // It came to one exit alone, and that one was asking about something else.
    each(&mut world, [7, 8], &page("\"1\"", "page"));
    assert_eq!(carries(&mut world, &newcomer()), tags("\"1\""));
}

#[test]
fn what_was_given_to_a_validator_counts_for_nothing() {
    let mut world = world();
    each(&mut world, 1..=3, &page("\"1\"", "page"));
    world.now += 60;
    each(&mut world, [1], &page("\"2\"", "other"));
    // Those after it ask without one.
    assert_eq!(carries(&mut world, &Errand::get(2)), nothing());
    each(&mut world, [2], &page("\"2\"", "other"));
    assert_eq!(carries(&mut world, &newcomer()), nothing());
    each(&mut world, [3], &page("\"2\"", "other"));
    assert_eq!(carries(&mut world, &newcomer()), tags("\"2\""));
}

#[test]
fn a_200_that_may_not_be_stored_withdraws_what_was_asked_by() {
    let mut world = world();
    each(&mut world, [1, 2], &page("\"1\"", "page"));
    each(&mut world, [3], &reply(200, &[("ETag", "\"1\""), ("Cache-Control", "no-store")], b"page"));
    assert_eq!(carries(&mut world, &newcomer()), nothing());
}

#[test]
fn what_is_given_to_credentials_or_to_head_is_not_shared() {
    let mut world = world();
    let somebody: [fn(Errand) -> Errand; 4] = [
        |errand| errand.with("Cookie", "a=1"),
        |errand| errand.with("Authorization", "Basic eDp5"),
        |errand| errand.with("X-Api-Key", "1"),
        |errand| Errand { method: Some("HEAD"), ..errand },
    ];
    for dressed in somebody {
        for exit in 1..=4 {
            world.visit(&dressed(Errand::get(exit)), &page("\"1\"", "page"));
        }
        assert_eq!(carries(&mut world, &newcomer()), nothing());
        assert_eq!(carries(&mut world, &dressed(newcomer())), nothing());
    }
    each(&mut world, [5, 6], &page("\"2\"", "page"));
    for dressed in somebody {
        assert_eq!(carries(&mut world, &dressed(newcomer())), nothing());
    }
}

#[test]
fn a_fresh_page_is_served_to_whoever_may_send_its_validator() {
    let (mut world, page) = by_freshness(&[("Cache-Control", "max-age=100")]);
    each(&mut world, [1], &page);
    assert!(world.plan(&newcomer()).is_ok());
    each(&mut world, [2], &page);
    let answer = world.plan(&newcomer()).unwrap_err();
    assert_eq!((answer.outcome, content(&world, &answer)), (Outcome::Fresh, "page".to_owned()));
    assert!(world.plan(&newcomer().with("Cookie", "a=1")).is_ok());
}

#[test]
fn after_a_post_what_is_shared_is_validated_before_it_is_served() {
    let (mut world, page) = by_freshness(&[("Cache-Control", "max-age=100")]);
    each(&mut world, [1, 2], &page);
    world.visit(&Errand { method: Some("POST"), ..Errand::get(3) }, &reply(200, &[], b"done"));
    assert_eq!(carries(&mut world, &newcomer()), tags("\"1\""));
    world.visit(&newcomer(), &reply(304, &[("Cache-Control", "max-age=100")], b""));
    assert!(world.plan(&newcomer()).is_err());
}

#[test]
fn a_shared_page_stands_in_for_an_origin_that_fails() {
    let (mut world, page) = by_freshness(&[("Cache-Control", "max-age=0, stale-if-error=100")]);
    each(&mut world, [1, 2], &page);
    world.now += 50;
    let answer = world.visit(&newcomer(), &reply(503, &[], b"down"));
    assert_eq!((answer.outcome, content(&world, &answer)), (Outcome::StaleIfError, "page".to_owned()));
    assert_eq!(world.visit(&newcomer().with("Cookie", "a=1"), &reply(503, &[], b"down")).outcome, Outcome::Passed);
}

#[test]
fn a_store_that_shared_more_gives_away_nothing_under_a_stricter_rule() {
    let modes = [corroborated(1), corroborated(2), Sharing::Central];
    let stricter = [corroborated(3), Sharing::Isolated];
    for (before, after) in modes.into_iter().flat_map(|before| stricter.map(|after| (before, after))) {
        let mut world = World::sharing(before);
        for exit in 0..2 {
            honestly(&mut world, &Errand::get(exit), 1);
        }
        assert_eq!(carries(&mut world, &Errand::get(5)), tags("\"1\""));
        world.policy.sharing = after;
        assert_eq!(carries(&mut world, &Errand::get(5)), nothing(), "{before:?}, then {after:?}");
    }
    let mut world = World::sharing(Sharing::Central);
    each(&mut world, 0..5, &page("\"1\"", "page"));
    world.policy.sharing = corroborated(2);
    assert_eq!(carries(&mut world, &newcomer()), nothing());
}

#[test]
fn central_lifts_exits_and_never_credentials() {
    let mut world = World::sharing(Sharing::Central);
    each(&mut world, [1], &page("\"1\"", "page"));
    assert_eq!(carries(&mut world, &Errand::get(2)), tags("\"1\""));
    assert_eq!(carries(&mut world, &Errand::get(2).with("Cookie", "a=1")), nothing());
    world.visit(&Errand::get(1).with("Cookie", "a=1"), &page("\"2\"", "private"));
    assert_eq!(carries(&mut world, &Errand::get(2).with("Cookie", "a=1")), tags("\"2\""));
    assert_eq!(carries(&mut world, &Errand::get(2)), tags("\"1\""));
}

#[test]
fn what_a_304_tells_one_client_the_next_does_not_see() {
    let (mut world, page) = by_freshness(&[("Link", "</2>; rel=next"), ("Cache-Control", "max-age=1")]);
    each(&mut world, [1, 2], &page);
    world.now += 10;
    let lines = [("Link", "</2?client=3>; rel=next"), ("Vary", "User-Agent"), ("X-Client", "3")];
    let told = world.visit(&Errand::get(3), &reply(304, &lines, b""));
    assert_eq!(told.fields.get(b"link"), Some(&b"</2?client=3>; rel=next"[..]));
    world.now += 10;
    assert_eq!(carries(&mut world, &newcomer().with("User-Agent", "x")), tags("\"1\""));
    let next = world.visit(&newcomer(), &reply(304, &[], b""));
    assert_eq!(next.fields.get(b"link"), Some(&b"</2>; rel=next"[..]));
    assert!(!next.fields.contains(b"x-client") && !next.fields.contains(b"vary"));
}

#[test]
fn one_tag_among_those_of_two_variants_is_not_asked_about() {
    let mut world = world();
    let mut exit = 0;
    let mut given = |world: &mut World, language: &str, tag: &str| {
        for _ in 0..2 {
            exit += 1;
            world.now += 60;
            let lines = [("ETag", tag), ("Vary", "Accept-Language")];
            world.visit(
                &whole(Errand::get(exit)).with("Accept-Language", language),
                &reply(200, &lines, language.as_bytes()),
            );
        }
    };
    for (language, tag) in [("en", "\"both\""), ("en", "\"en\""), ("de", "\"both\""), ("de", "\"de\"")] {
        given(&mut world, language, tag);
    }
    assert_eq!(carries(&mut world, &newcomer().with("Accept-Language", "en")), tags("\"both\", \"en\""));
    assert_eq!(carries(&mut world, &newcomer().with("Accept-Language", "fr")), nothing());
}

/// What remains: exits agree on each pair by itself, and not on which of several they agree. An origin that gives two tags at random gets, from
/// each newcomer of one store, the one that this store's first exits happened to agree on: over many pages, a name for the store.
#[test]
fn an_origin_that_gives_one_of_two_tags_at_random_tells_one_store_from_another_though_not_one_exit() {
    const PAGES: usize = 64;
    let patterns = |store: u64| {
        let mut world = world();
        let mut random = store;
        let mut visits = || -> Vec<Option<String>> {
            let visit = |url| {
                world.now += 60;
                let errand = Errand { url, ..newcomer() };
                let sent = carries(&mut world, &errand).pop().map(|(_, value)| value);
                random = xxhash_rust::xxh3::xxh3_64(&random.to_le_bytes());
                let tag = if random.is_multiple_of(2) { "\"a\"" } else { "\"b\"" };
                world.visit(&errand, &if sent.is_some() { reply(304, &[], b"") } else { page(tag, "page") });
                sent
            };
            (0..PAGES).map(visit).collect()
        };
        (0..6).map(|_| visits()).collect::<Vec<_>>()
    };
    let (one, other) = (patterns(1), patterns(2));
    assert!(one[1].iter().all(Option::is_none), "too few were here before");
    assert!(one[3].iter().all(Option::is_some) && one[3] == one[5], "every newcomer of one store says the same");
    let apart = one[3].iter().zip(&other[3]).filter(|(one, other)| one != other).count();
    assert!(apart > PAGES / 4, "{apart}");
}

#[test]
fn one_exit_under_two_keys_is_one() {
    let mut world = world();
    each(&mut world, [1], &page("\"of 1\"", "page"));
    world.secret = notmodified::identity::Secret([8; 32]);
    each(&mut world, [1], &page("\"of 1\"", "page"));
    assert_eq!(carries(&mut world, &newcomer()), nothing());
    // Of those that are known under the new one, k agree as ever.
    each(&mut world, [2], &page("\"1\"", "page"));
    each(&mut world, [3], &page("\"1\"", "page"));
    assert_eq!(carries(&mut world, &newcomer()), tags("\"1\""));
}
