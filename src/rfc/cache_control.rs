//! Cache-Control (RFC 9111 §5.2): directives out of field lines. What follows from them is decided elsewhere.

use crate::fields::Fields;

/// > If a cache receives a delta-seconds value greater than the greatest integer it can represent […] the cache MUST consider the value
/// > to be 2147483648 (2^31) or the greatest positive integer it can conveniently represent (RFC 9111 §1.2.2).
const GREATEST_DELTA: u64 = 2_147_483_648;

/// The directives of a request or a response that a private cache acts on. Unknown ones are ignored (RFC 9111 §5.2.3), and so are those
/// that speak to shared caches: `private`, `s-maxage`, `proxy-revalidate`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a directive is there or not, and they come in any combination")]
pub struct CacheControl {
    /// `no-store`: keep nothing of this exchange.
    pub no_store: bool,
    /// `no-cache` without an argument: do not use without successful validation.
    pub no_cache: bool,
    /// `must-revalidate`: do not use once stale without successful validation.
    pub must_revalidate: bool,
    /// `must-understand`: store only where the status is understood, and then whatever `no-store` says.
    pub must_understand: bool,
    /// `public`: may be stored, whatever the status.
    pub public: bool,
    /// `immutable`: will not change while it is fresh (RFC 8246).
    pub immutable: bool,
    /// `only-if-cached` of a request: a stored response or none.
    pub only_if_cached: bool,
    /// `max-age`, seconds. A value that is no number counts as 0: stale.
    pub max_age: Option<u64>,
    /// `min-fresh` of a request, seconds.
    pub min_fresh: Option<u64>,
    /// `max-stale` of a request, seconds; without an argument, any staleness.
    pub max_stale: Option<u64>,
    /// `stale-if-error`, seconds (RFC 5861 §4).
    pub stale_if_error: Option<u64>,
    /// `stale-while-revalidate`, seconds (RFC 5861 §3).
    pub stale_while_revalidate: Option<u64>,
}

impl CacheControl {
    /// The directives of all Cache-Control lines of a section.
    ///
    /// > When there is more than one value present for a given directive (e.g., two Expires header field lines or multiple Cache-Control:
    /// > max-age directives), either the first occurrence should be used or the response should be considered stale (RFC 9111 §4.2.1).
    #[must_use]
    pub fn of(fields: &Fields) -> Self {
        let mut directives = Self::default();
        for (name, argument) in fields.get_all(b"cache-control").flat_map(elements) {
            directives.take(name, argument);
        }
        directives
    }

    fn take(&mut self, name: &[u8], argument: Option<&[u8]>) {
        let given = || argument.map_or(0, |argument| delta_seconds(unquoted(argument)).unwrap_or(0));
        match name.to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache |= argument.is_none_or(|argument| names(argument).next().is_none()),
            b"must-revalidate" => self.must_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"public" => self.public = true,
            b"immutable" => self.immutable = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => self.max_age = self.max_age.or_else(|| Some(given())),
            b"min-fresh" => self.min_fresh = self.min_fresh.or_else(|| Some(given())),
            b"max-stale" => {
                self.max_stale = self.max_stale.or_else(|| Some(argument.map_or(u64::MAX, |_| given())));
            }
            b"stale-if-error" => self.stale_if_error = self.stale_if_error.or_else(|| Some(given())),
            b"stale-while-revalidate" => {
                self.stale_while_revalidate = self.stale_while_revalidate.or_else(|| Some(given()));
            }
            _ => {}
        }
    }
}

/// The fields that a `no-cache` with an argument speaks of.
///
/// > The qualified form of the no-cache response directive, with an argument that lists one or more field names, indicates that a cache
/// > MAY use the response to satisfy a subsequent request, subject to any other restrictions on caching, if the listed header fields are
/// > excluded from the subsequent response or the subsequent response has been successfully revalidated with the origin server
/// > (RFC 9111 §5.2.2.4).
#[must_use]
pub fn no_cache_fields(response: &Fields) -> Vec<&[u8]> {
    let directives = response.get_all(b"cache-control").flat_map(elements);
    let qualified = directives.filter(|(name, _)| name.eq_ignore_ascii_case(b"no-cache"));
    qualified.filter_map(|(_, argument)| argument).flat_map(names).collect()
}

/// The field names in an argument; in quotes, or as some send it, a single one without.
fn names(argument: &[u8]) -> impl Iterator<Item = &[u8]> {
    unquoted(argument).split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
}

/// The elements of one field line: `name` or `name=argument`. A comma within quotes does not divide.
///
/// > cache-directive = token [ "=" ( token / quoted-string ) ] (RFC 9111 §5.2)
///
/// has no room for white space at the `=`: it stays with the argument, which is then no number, and a malformed lifetime is none.
fn elements(line: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut quoted = false;
    let mut escaped = false;
    let divides = move |byte: &u8| {
        if escaped {
            escaped = false;
            return false;
        }
        match *byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        *byte == b',' && !quoted
    };
    line.split(divides).map(|element| {
        let element = element.trim_ascii();
        let end = element.iter().position(|byte| matches!(byte, b'=' | b' ' | b'\t')).unwrap_or(element.len());
        let (name, argument) = element.split_at(end);
        (name, (!argument.is_empty()).then(|| argument.strip_prefix(b"=").unwrap_or(argument)))
    })
}

/// > For the directives defined below that define arguments, recipients ought to accept both forms [token and quoted-string], even if a
/// > specific form is required for generation (RFC 9111 §5.2).
fn unquoted(argument: &[u8]) -> &[u8] {
    argument.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(argument)
}

/// Delta-seconds (RFC 9111 §1.2.2); `None` where it is no number.
pub(super) fn delta_seconds(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = std::str::from_utf8(value).ok()?;
    Some(digits.parse().map_or(GREATEST_DELTA, |seconds: u64| seconds.min(GREATEST_DELTA)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CacheControl, no_cache_fields};
    use crate::fields::Fields;

    fn fields(lines: &[&str]) -> Fields {
        lines.iter().map(|line| ("cache-control", line)).collect()
    }

    fn parsed(lines: &[&str]) -> CacheControl {
        CacheControl::of(&fields(lines))
    }

    #[test]
    fn names_are_case_insensitive_and_lines_add_up() {
        let directives = parsed(&["No-Cache, MAX-AGE=60", "no-store"]);
        assert!(directives.no_cache && directives.no_store);
        assert_eq!(directives.max_age, Some(60));
    }

    #[test]
    fn a_directive_inside_a_quoted_argument_is_none() {
        let directives = parsed(&[r#"ext="a, no-store, \", max-age=5", max-age="7""#]);
        assert!(!directives.no_store);
        assert_eq!(directives.max_age, Some(7));
    }

    #[test]
    fn a_lifetime_that_is_no_number_is_none_and_a_huge_one_is_bounded() {
        for malformed in
            ["max-age=-1", "max-age=1.5", "max-age='60'", "max-age=a60", "max-age=60a", "max-age", "max-age="]
        {
            assert_eq!(parsed(&[malformed]).max_age, Some(0), "{malformed}");
        }
        assert_eq!(parsed(&["max-age =60"]).max_age, Some(0));
        assert_eq!(parsed(&["max-age= 60"]).max_age, Some(0));
        assert_eq!(parsed(&["max-age=0060"]).max_age, Some(60));
        assert_eq!(parsed(&["max-age=99999999999999999999999"]).max_age, Some(2_147_483_648));
    }

    #[test]
    fn of_several_lifetimes_the_first_counts() {
        assert_eq!(parsed(&["max-age=1, max-age=2"]).max_age, Some(1));
        assert_eq!(parsed(&["max-age=1800", "max-age=1"]).max_age, Some(1800));
    }

    #[test]
    fn no_cache_with_field_names_is_about_those_fields() {
        let lines = [r#"no-cache="a, B", max-age=5"#, "no-cache=c"];
        assert!(!parsed(&lines).no_cache);
        assert_eq!(no_cache_fields(&fields(&lines)), [&b"a"[..], b"B", b"c"]);
        assert!(parsed(&["no-cache=\"\""]).no_cache);
        assert!(parsed(&[r#"no-cache="a", no-cache"#]).no_cache);
    }

    #[test]
    fn what_speaks_to_shared_caches_and_what_nobody_knows_is_ignored() {
        let lines = ["private, s-maxage=9, proxy-revalidate, community=\"UCI\", =5, ,"];
        assert_eq!(parsed(&lines), CacheControl::default());
    }

    proptest! {
        #[test]
        fn lines_say_what_their_elements_say_on_one_line(
            elements in prop::collection::vec("[a-z-]{0,9}(=\"?[a-z0-9 -]{0,12}\"?)?", 0..5),
        ) {
            let whole = elements.iter().all(|one| one.matches('"').count() % 2 == 0);
            let lines: Vec<&str> = elements.iter().map(String::as_str).collect();
            prop_assume!(whole);
            prop_assert_eq!(parsed(&lines), parsed(&[&lines.join(", ")]));
        }

        #[test]
        fn no_line_gives_a_longer_lifetime_than_there_is(line in prop::collection::vec(any::<u8>(), 0..60)) {
            let fields: Fields = [(&b"cache-control"[..], [b"max-age=", &line[..]].concat())].into_iter().collect();
            prop_assert!(CacheControl::of(&fields).max_age.is_some_and(|seconds| seconds <= 1 << 31));
        }
    }
}
