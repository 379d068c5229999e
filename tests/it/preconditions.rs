//! The precedence of RFC 9110 §13.2.2 as a table: what each condition says by itself, which of two is heard, and which methods hear none.

use notmodified::fields::Fields;
use notmodified::rfc::etag::EntityTag;
use notmodified::rfc::preconditions::Evaluation::{self, IgnoreRange, NotModified, PreconditionFailed, Proceed};
use notmodified::rfc::preconditions::{LastModified, Validators, evaluate};
use proptest::prelude::*;

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const MODIFIED_AT: u64 = 784_111_777;

fn given(method: &str, lines: &[(&str, &str)], selected: Option<(Option<&str>, Option<LastModified>)>) -> Evaluation {
    let request: Fields = lines.iter().copied().collect();
    let validators = selected.map(|(etag, last_modified)| Validators {
        etag: etag.and_then(|etag| EntityTag::new(etag.as_bytes())),
        last_modified,
    });
    evaluate(method.as_bytes(), &request, validators.as_ref())
}

/// Against a page with the strong tag `"a"` and a strong date.
fn page(method: &str, lines: &[(&str, &str)]) -> Evaluation {
    given(method, lines, Some((Some("\"a\""), Some(LastModified { at: MODIFIED_AT, is_strong: true }))))
}

#[test]
fn if_match_is_strong_and_an_etag_list_or_star() {
    for (value, expected) in [
        ("\"a\"", Proceed),
        ("\"b\", \"a\"", Proceed),
        ("*", Proceed),
        ("\"b\"", PreconditionFailed),
        ("W/\"a\"", PreconditionFailed),
        ("a", PreconditionFailed),
        ("", PreconditionFailed),
        ("\"b\", *", PreconditionFailed),
        ("\"b, \"a\"", Proceed),
    ] {
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "PROPPATCH"] {
            assert_eq!(page(method, &[("If-Match", value)]), expected, "{method} {value}");
        }
    }
    let weak = |value| given("PUT", &[("If-Match", value)], Some((Some("W/\"a\""), None)));
    assert_eq!(weak("W/\"a\""), PreconditionFailed);
    assert_eq!(weak("*"), Proceed);
}

#[test]
fn if_match_without_a_representation_fails() {
    for value in ["*", "\"a\""] {
        assert_eq!(given("PUT", &[("If-Match", value)], None), PreconditionFailed, "{value}");
    }
}

#[test]
fn if_none_match_is_weak_and_says_304_to_readers_and_412_to_writers() {
    for (value, is_named) in [
        ("\"a\"", true),
        ("W/\"a\"", true),
        ("\"b\" , W/\"a\"", true),
        ("*", true),
        ("\"b\", *", true),
        ("\"b\"", false),
        ("w/\"a\"", false),
        ("a", false),
        ("\"A\"", false),
        ("", false),
        ("\"b, \"a\"", true),
    ] {
        for method in ["GET", "HEAD"] {
            assert_eq!(
                page(method, &[("If-None-Match", value)]),
                if is_named { NotModified } else { Proceed },
                "{value}"
            );
        }
        for method in ["PUT", "POST", "DELETE", "PATCH"] {
            let expected = if is_named { PreconditionFailed } else { Proceed };
            assert_eq!(page(method, &[("If-None-Match", value)]), expected, "{method} {value}");
        }
    }
}

#[test]
fn if_none_match_without_a_representation_is_true() {
    for value in ["*", "\"a\""] {
        for method in ["GET", "PUT"] {
            assert_eq!(given(method, &[("If-None-Match", value)], None), Proceed, "{method} {value}");
        }
    }
    let no_tag = Some((None, Some(LastModified { at: MODIFIED_AT, is_strong: true })));
    assert_eq!(given("GET", &[("If-None-Match", "\"a\"")], no_tag), Proceed);
    assert_eq!(given("GET", &[("If-None-Match", "*")], no_tag), NotModified);
}

#[test]
fn tags_hold_what_real_tags_hold() {
    for etag in ["\"a,b\"", "\"a b\"", "W/\"\u{e9}\"", "\"\"", "unquoted", "un,quoted", "\"\\\"", "W/unquoted"] {
        let list = format!("\"x\", {etag} ,\"y\"");
        for value in [etag, &list] {
            if value == etag || etag != "un,quoted" {
                let selected = Some((Some(etag), None));
                assert_eq!(given("GET", &[("If-None-Match", value)], selected), NotModified, "{value}");
                let strong = if etag.starts_with("W/") { PreconditionFailed } else { Proceed };
                assert_eq!(given("PUT", &[("If-Match", value)], selected), strong, "{value}");
            }
        }
    }
}

#[test]
fn several_lines_are_one_list() {
    assert_eq!(page("GET", &[("If-None-Match", "\"b\""), ("if-none-match", "\"a\"")]), NotModified);
    assert_eq!(page("PUT", &[("If-Match", "\"b\""), ("IF-MATCH", "\"a\"")]), Proceed);
}

#[test]
fn if_modified_since_asks_whether_it_is_later_and_only_for_readers() {
    for (value, expected) in [
        (BEFORE, Proceed),
        (MODIFIED, NotModified),
        (AFTER, NotModified),
        ("Sunday, 06-Nov-94 08:49:37 GMT", NotModified),
        ("Sun Nov  6 08:49:37 1994", NotModified),
        ("Sunday, 06-Nov-94 08:49:36 GMT", Proceed),
    ] {
        for method in ["GET", "HEAD"] {
            assert_eq!(page(method, &[("If-Modified-Since", value)]), expected, "{value}");
        }
        assert_eq!(page("PUT", &[("If-Modified-Since", value)]), Proceed, "{value}");
    }
}

#[test]
fn if_unmodified_since_asks_whether_it_is_not_later_for_every_method() {
    for (value, expected) in [(BEFORE, PreconditionFailed), (MODIFIED, Proceed), (AFTER, Proceed)] {
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            assert_eq!(page(method, &[("If-Unmodified-Since", value)]), expected, "{method} {value}");
        }
    }
}

#[test]
fn a_date_that_is_none_or_two_is_ignored() {
    for value in [
        "",
        "0",
        "784111777",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
    ] {
        assert_eq!(page("GET", &[("If-Modified-Since", value)]), Proceed, "{value}");
        assert_eq!(page("PUT", &[("If-Unmodified-Since", value)]), Proceed, "{value}");
    }
    assert_eq!(page("GET", &[("If-Modified-Since", AFTER), ("If-Modified-Since", AFTER)]), Proceed);
    assert_eq!(page("PUT", &[("If-Unmodified-Since", BEFORE), ("If-Unmodified-Since", BEFORE)]), Proceed);
    let two = format!("{AFTER}, {AFTER}");
    assert_eq!(page("GET", &[("If-Modified-Since", &two)]), Proceed);
}

#[test]
fn dates_are_ignored_without_a_modification_date() {
    for selected in [Some((Some("\"a\""), None)), None] {
        assert_eq!(given("GET", &[("If-Modified-Since", AFTER)], selected), Proceed);
        assert_eq!(given("PUT", &[("If-Unmodified-Since", BEFORE)], selected), Proceed);
    }
}

#[test]
fn a_tag_condition_silences_the_date_beside_it() {
    assert_eq!(page("GET", &[("If-None-Match", "\"b\""), ("If-Modified-Since", AFTER)]), Proceed);
    assert_eq!(page("GET", &[("If-None-Match", "\"a\""), ("If-Modified-Since", BEFORE)]), NotModified);
    assert_eq!(page("GET", &[("If-None-Match", ""), ("If-Modified-Since", AFTER)]), Proceed);
    assert_eq!(page("PUT", &[("If-Match", "\"a\""), ("If-Unmodified-Since", BEFORE)]), Proceed);
    assert_eq!(page("PUT", &[("If-Match", "\"b\""), ("If-Unmodified-Since", AFTER)]), PreconditionFailed);
}

#[test]
fn a_lost_update_is_told_before_what_is_unchanged() {
    assert_eq!(page("GET", &[("If-Match", "\"b\""), ("If-None-Match", "\"a\"")]), PreconditionFailed);
    assert_eq!(page("GET", &[("If-Match", "\"a\""), ("If-None-Match", "\"a\"")]), NotModified);
    assert_eq!(page("GET", &[("If-Unmodified-Since", BEFORE), ("If-None-Match", "\"a\"")]), PreconditionFailed);
    assert_eq!(page("GET", &[("If-Unmodified-Since", AFTER), ("If-Modified-Since", AFTER)]), NotModified);
    assert_eq!(page("PUT", &[("If-Match", "\"a\""), ("If-None-Match", "\"a\"")]), PreconditionFailed);
}

#[test]
fn if_range_is_strong_and_a_date_exact() {
    for (value, expected) in [
        ("\"a\"", Proceed),
        (MODIFIED, Proceed),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Proceed),
        ("W/\"a\"", IgnoreRange),
        ("\"b\"", IgnoreRange),
        ("\"a\", \"b\"", IgnoreRange),
        ("*", IgnoreRange),
        ("", IgnoreRange),
        (BEFORE, IgnoreRange),
        (AFTER, IgnoreRange),
        ("784111777", IgnoreRange),
    ] {
        assert_eq!(page("GET", &[("Range", "bytes=0-1"), ("If-Range", value)]), expected, "{value}");
        assert_eq!(page("GET", &[("If-Range", value)]), Proceed, "{value}");
        assert_eq!(page("HEAD", &[("Range", "bytes=0-1"), ("If-Range", value)]), Proceed, "{value}");
    }
    assert_eq!(page("GET", &[("Range", "bytes=0-1")]), Proceed);
    let twice = [("Range", "bytes=0-1"), ("If-Range", "\"a\""), ("If-Range", "\"a\"")];
    assert_eq!(page("GET", &twice), IgnoreRange);
}

#[test]
fn a_range_is_not_continued_by_a_weak_validator() {
    let range = |value, etag, date| {
        let modified = LastModified::dated(MODIFIED_AT, date);
        given("GET", &[("Range", "bytes=0-1"), ("If-Range", value)], Some((Some(etag), Some(modified))))
    };
    assert_eq!(range("W/\"a\"", "W/\"a\"", MODIFIED_AT + 60), IgnoreRange);
    assert_eq!(range(MODIFIED, "W/\"a\"", MODIFIED_AT + 60), Proceed);
    assert_eq!(range(MODIFIED, "W/\"a\"", MODIFIED_AT + 59), IgnoreRange);
    assert_eq!(range(MODIFIED, "W/\"a\"", 0), IgnoreRange);
    assert_eq!(given("GET", &[("Range", "bytes=0-1"), ("If-Range", "\"a\"")], None), IgnoreRange);
}

#[test]
fn a_304_or_412_comes_before_a_range() {
    let range = ("Range", "bytes=0-1");
    assert_eq!(page("GET", &[range, ("If-Range", "\"b\""), ("If-None-Match", "\"a\"")]), NotModified);
    assert_eq!(page("GET", &[range, ("If-Range", "\"a\""), ("If-Match", "\"b\"")]), PreconditionFailed);
    assert_eq!(page("GET", &[range, ("If-Range", "\"b\""), ("If-None-Match", "\"b\"")]), IgnoreRange);
}

#[test]
fn methods_that_select_nothing_hear_no_condition() {
    let conditions =
        [("If-Match", "\"b\""), ("If-None-Match", "*"), ("If-Unmodified-Since", BEFORE), ("If-Modified-Since", AFTER)];
    for method in ["CONNECT", "OPTIONS", "TRACE"] {
        assert_eq!(page(method, &conditions), Proceed, "{method}");
    }
}

/// A value of one of the conditions: hits, misses and nonsense.
fn value() -> impl Strategy<Value = Option<&'static str>> {
    let values = vec!["\"a\"", "W/\"a\"", "\"b\"", "*", "", "\"b\", \"a\"", "a", BEFORE, MODIFIED, AFTER, "yesterday"];
    prop_oneof![2 => Just(None), 3 => prop::sample::select(values).prop_map(Some)]
}

proptest! {
    /// The steps of §13.2.2, as each condition alone answers them.
    #[test]
    fn together_they_say_what_each_says_alone_in_the_order_of_the_steps(
        method in prop::sample::select(vec!["GET", "HEAD", "PUT", "DELETE"]),
        values in prop::array::uniform5(value()),
        has_range in any::<bool>(),
        selected in prop::option::of((prop::option::of(prop::sample::select(vec!["\"a\"", "W/\"a\"", "\"c\""])), any::<bool>(), any::<bool>())),
    ) {
        let names = ["If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since", "If-Range"];
        let range = has_range.then_some(("Range", "bytes=0-1"));
        let lines: Vec<_> = names.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).chain(range).collect();
        let selected = selected.map(|(etag, has_date, is_strong)| {
            (etag, has_date.then_some(LastModified { at: MODIFIED_AT, is_strong }))
        });
        let alone = |name: &str| {
            let line: Vec<_> = lines.iter().copied().filter(|(have, _)| *have == name || *have == "Range").collect();
            given(method, &line, selected)
        };
        let [match_, unmodified, none_match, modified, _] = values.map(|value| value.is_some());
        let steps = [
            if match_ { alone("If-Match") } else if unmodified { alone("If-Unmodified-Since") } else { Proceed },
            if none_match { alone("If-None-Match") } else if modified { alone("If-Modified-Since") } else { Proceed },
            alone("If-Range"),
        ];
        let expected = steps.into_iter().find(|step| *step != Proceed).unwrap_or(Proceed);
        prop_assert_eq!(given(method, &lines, selected), expected);
    }

    #[test]
    fn any_bytes_are_evaluated(value in prop::collection::vec(any::<u8>(), 0..48), etag in prop::collection::vec(any::<u8>(), 0..8)) {
        let names = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"];
        let request: Fields = names.iter().map(|name| (name.as_bytes(), &value[..])).collect();
        let validators = Validators { etag: EntityTag::new(&etag), last_modified: None };
        let _ = evaluate(b"GET", &request, Some(&validators));
        // What was echoed byte for byte is found.
        if let Some(tag) = validators.etag {
            let echo: Fields = [(&b"if-none-match"[..], tag.as_bytes())].into_iter().collect();
            prop_assert_eq!(evaluate(b"GET", &echo, Some(&validators)), NotModified);
        }
    }
}
