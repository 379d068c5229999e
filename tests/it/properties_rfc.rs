//! The laws of what the RFCs say about single values: comparing tags, reading directives and dates, being fresh.

use notmodified::fields::Fields;
use notmodified::rfc::cache_control::CacheControl;
use notmodified::rfc::date;
use notmodified::rfc::etag::{EntityTag, made_of};
use notmodified::rfc::freshness::Stored;
use proptest::prelude::*;

use crate::calendar::{imf_fixdate, other_formats};

fn section(name: &str, lines: &[String]) -> Fields {
    lines.iter().map(|line| (name, line)).collect()
}

/// A few tags that equal one another often: weak or not, quoted or not, with commas, spaces and obs-text.
fn tags() -> impl Strategy<Value = Vec<u8>> {
    let opaque = prop::sample::select(vec![&b"\"a\""[..], b"\"a, b\"", b"\"\"", b"a", b"\"\xe9 \"", b"\"a-gzip\""]);
    (any::<bool>(), opaque).prop_map(|(is_weak, opaque)| [if is_weak { &b"W/"[..] } else { b"" }, opaque].concat())
}

/// Directives that some rule acts on, with arguments good and bad.
fn directive() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "no-store",
        "no-cache",
        "must-revalidate",
        "must-understand",
        "public",
        "immutable",
        "only-if-cached",
        "max-age",
        "min-fresh",
        "max-stale",
        "stale-if-error",
        "private",
        "s-maxage",
        "x-unknown",
    ]);
    let arguments = prop::sample::select(vec![
        "",
        "=0",
        "=5",
        "=60",
        "=\"60\"",
        "=-1",
        "=1.5",
        "=x",
        "=99999999999999999999",
        "=\"a, no-store, max-age=7\"",
        "=",
    ]);
    (names, arguments).prop_map(|(name, argument)| format!("{name}{argument}"))
}

proptest! {
    #[test]
    fn tags_compare_alike_from_both_sides_and_strongly_equal_ones_weakly_too(one in tags(), other in tags(), third in tags()) {
        let [one, other, third] = [&one, &other, &third].map(|tag| EntityTag::new(tag).unwrap());
        prop_assert_eq!(one.weakly_equals(other), other.weakly_equals(one));
        prop_assert_eq!(one.strongly_equals(other), other.strongly_equals(one));
        prop_assert!(!one.strongly_equals(other) || one.weakly_equals(other));
        prop_assert!(one.weakly_equals(one) && one.strongly_equals(one) != one.is_weak());
        prop_assert!(!(one.weakly_equals(other) && other.weakly_equals(third)) || one.weakly_equals(third));
        prop_assert!(!one.strongly_equals(other) || one.as_bytes() == other.as_bytes());
    }

    #[test]
    fn a_tag_is_what_it_was_made_of_and_a_mark_on_it_can_be_cut_off(
        value in prop::collection::vec(any::<u8>(), 0..12), is_weak in any::<bool>(), coding in "[a-z]{1,8}", mark in "[-;:!.+]{1,2}",
    ) {
        let Some(made) = made_of(&value, is_weak) else { return Ok(()) };
        let tag = EntityTag::new(&made).unwrap();
        prop_assert_eq!((tag.value(), tag.is_weak()), (&value[..], is_weak));
        let coded = made_of(&[&value, mark.as_bytes(), coding.as_bytes()].concat(), is_weak).unwrap();
        let coded = EntityTag::new(&coded).unwrap();
        prop_assert!(!coded.weakly_equals(tag));
        if !value.is_empty() {
            let suffix = [mark.as_bytes(), coding.as_bytes()].concat();
            prop_assert_eq!(coded.suffix_over(tag), Some(&suffix[..]));
            prop_assert_eq!(coded.without_suffix(&suffix).unwrap().to_bytes(), made);
        }
        if let Some(cut) = coded.without_coding(coding.as_bytes()) {
            let cut = cut.to_bytes();
            prop_assert!(cut.len() < coded.as_bytes().len() && EntityTag::new(&cut).is_some_and(|cut| cut.is_weak() == is_weak));
        }
    }

    #[test]
    fn directives_say_the_same_on_one_line_or_many_in_either_case(directives in prop::collection::vec(directive(), 0..6)) {
        let together = CacheControl::of(&section("cache-control", &[directives.join(", ")]));
        prop_assert_eq!(CacheControl::of(&section("Cache-Control", &directives)), together);
        let shouted = directives.join(" ,, ").to_ascii_uppercase();
        prop_assert_eq!(CacheControl::of(&section("cache-control", &[shouted])), together);
    }

    #[test]
    fn the_order_of_directives_says_nothing_but_for_which_of_several_comes_first(
        directives in prop::collection::vec(directive(), 0..6).prop_shuffle(), again in directive(),
    ) {
        let name = |one: &String| one.split('=').next().unwrap_or_default().to_owned();
        let mut each = directives;
        let mut seen = Vec::new();
        each.retain(|one| !seen.contains(&name(one)) && { seen.push(name(one)); true });
        let read = CacheControl::of(&section("cache-control", &each));
        let backwards: Vec<String> = each.iter().rev().cloned().collect();
        prop_assert_eq!(CacheControl::of(&section("cache-control", &backwards)), read);
        if seen.contains(&name(&again)) && name(&again) != "no-cache" {
            each.push(again);
            prop_assert_eq!(CacheControl::of(&section("cache-control", &each)), read, "a second one counts");
        }
    }

    #[test]
    fn any_bytes_are_directives_within_bounds(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..3)) {
        let read = CacheControl::of(&lines.iter().map(|line| (&b"cache-control"[..], line)).collect());
        for seconds in [read.max_age, read.min_fresh, read.stale_if_error, read.stale_while_revalidate] {
            prop_assert!(seconds.is_none_or(|seconds| seconds <= 1 << 31));
        }
    }

    #[test]
    fn a_moment_is_read_alike_in_all_three_formats(seconds in 0..4_000_000_000_u64) {
        prop_assert_eq!(date::parse(imf_fixdate(seconds).as_bytes()), Some(seconds));
        let [rfc850, asctime] = other_formats(seconds);
        prop_assert_eq!(date::parse(asctime.as_bytes()), Some(seconds));
        // Two digits of a year are as good as four between 1970 and 2069.
        if seconds < 3_155_760_000 {
            prop_assert_eq!(date::parse(rfc850.as_bytes()), Some(seconds));
        }
    }

    #[test]
    fn what_is_almost_a_date_is_read_without_harm(seconds in 0..4_000_000_000_u64, position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = imf_fixdate(seconds).into_bytes();
        let at = position.index(text.len());
        text[at] = byte;
        let _ = date::parse(&text);
    }

    #[test]
    fn what_is_stale_stays_stale_and_a_request_narrows_or_widens_as_it_says(
        response in prop::collection::vec(directive(), 0..4),
        request in prop::collection::vec(directive(), 0..3),
        offsets in prop::array::uniform4(prop::option::of(0..100_000_u64)),
        age in prop::option::of("[0-9x]{0,4}"),
        status in prop::sample::select(vec![200_u16, 404, 500]),
        after in 0..100_000_u64,
        more in 0..100_000_u64,
    ) {
        const RECEIVED: u64 = 1_000_000_000;
        let [date, expires, modified, delay] = offsets;
        let dates = [
            ("Date", date.map(|offset| imf_fixdate(RECEIVED + 50_000 - offset))),
            ("Expires", expires.map(|offset| imf_fixdate(RECEIVED - 1000 + offset))),
            ("Last-Modified", modified.map(|offset| imf_fixdate(RECEIVED - offset))),
            ("Age", age),
        ];
        let given = dates.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let fields: Fields = given.chain(response.into_iter().map(|one| ("Cache-Control", one))).collect();
        let stored = Stored { status, fields: &fields, request_time: RECEIVED - delay.unwrap_or(0), response_time: RECEIVED };
        let control = CacheControl::of(&section("cache-control", &request));
        let is_fresh = |control: &CacheControl, after: u64| stored.is_fresh(control, RECEIVED + after);
        let plain = CacheControl::default();

        prop_assert!(stored.age(RECEIVED + after + more) >= stored.age(RECEIVED + after) + more);
        for control in [&plain, &control] {
            prop_assert!(!is_fresh(control, after + more) || is_fresh(control, after), "fresh again");
        }
        let narrowed = CacheControl { max_stale: None, ..control };
        prop_assert!(!is_fresh(&narrowed, after) || is_fresh(&plain, after), "wider without max-stale");
        let widened = CacheControl { max_stale: control.max_stale.or(Some(100)), ..CacheControl::default() };
        prop_assert!(!is_fresh(&plain, after) || is_fresh(&widened, after), "narrower by max-stale");
        let own = CacheControl::of(&fields);
        prop_assert!(!is_fresh(&control, after) || !own.no_cache && !control.no_cache);
        let is_stale = !is_fresh(&plain, after);
        prop_assert!(!(own.must_revalidate && is_stale && is_fresh(&control, after)), "stale against must-revalidate");

        let stands_in = |allowed: u64, after: u64| stored.may_stand_in(&control, allowed, RECEIVED + after);
        prop_assert!(!stands_in(60, after) || stands_in(60 + more, after), "not by a wider bound");
        prop_assert!(!stands_in(60, after + more) || stands_in(60, after), "again after it could not");
        prop_assert!(!(own.must_revalidate || own.no_cache) || !stands_in(u64::MAX, after));
    }
}
