//! Cache-Control (RFC 9111 §5.2): directives out of field lines. What follows from them is decided elsewhere.

use crate::fields::Fields;

/// > If a cache receives a delta-seconds value greater than the greatest integer it can represent […] the cache MUST consider the value
/// > to be 2147483648 (2^31) or the greatest positive integer it can conveniently represent (RFC 9111 §1.2.2).
const GREATEST_DELTA: u64 = 2_147_483_648;

/// The directives of a request or a response that a private cache acts on. Unknown ones are ignored (RFC 9111 §5.2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// `no-store`: keep nothing of this exchange.
    pub no_store: bool,
    /// `no-cache`: do not use without successful validation.
    pub no_cache: bool,
    /// `must-revalidate`: do not use once stale without successful validation.
    pub must_revalidate: bool,
    /// `max-age`, seconds. A value that is no number counts as 0: stale.
    pub max_age: Option<u64>,
    /// `min-fresh` of a request, seconds.
    pub min_fresh: Option<u64>,
    /// `max-stale` of a request, seconds; without an argument, any staleness.
    pub max_stale: Option<u64>,
}

impl CacheControl {
    /// The directives of all Cache-Control lines of a section. Where a directive is given twice, the first counts (RFC 9111 §4.2.1).
    #[must_use]
    pub fn of(fields: &Fields) -> Self {
        let mut directives = Self::default();
        for (name, argument) in fields.get_all(b"cache-control").flat_map(elements) {
            directives.take(name, argument);
        }
        directives
    }

    fn take(&mut self, name: &[u8], argument: Option<&[u8]>) {
        let seconds = || argument.map_or(0, delta_seconds);
        match name.to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            // A qualified no-cache or private restricts some fields only; held to be unqualified it errs on the side of asking.
            b"no-cache" => self.no_cache = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"max-age" => self.max_age = self.max_age.or_else(|| Some(seconds())),
            b"min-fresh" => self.min_fresh = self.min_fresh.or_else(|| Some(seconds())),
            b"max-stale" => self.max_stale = self.max_stale.or_else(|| Some(argument.map_or(u64::MAX, delta_seconds))),
            _ => {}
        }
    }
}

/// The elements of one field line: `name` or `name=argument`, the argument without its quotes. A comma within quotes does not divide.
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
        let mut halves = element.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default().trim_ascii();
        let argument = halves.next().map(|argument| {
            let argument = argument.trim_ascii();
            argument.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(argument)
        });
        (name, argument)
    })
}

/// Delta-seconds (RFC 9111 §1.2.2). What is no number counts as 0, so that a malformed lifetime is no lifetime.
pub(super) fn delta_seconds(value: &[u8]) -> u64 {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let digits = std::str::from_utf8(value).unwrap_or_default();
    digits.parse().map_or(GREATEST_DELTA, |seconds: u64| seconds.min(GREATEST_DELTA))
}

#[cfg(test)]
mod tests {
    use super::CacheControl;
    use crate::fields::Fields;

    fn parsed(lines: &[&str]) -> CacheControl {
        CacheControl::of(&lines.iter().map(|line| ("cache-control", line)).collect::<Fields>())
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
        assert_eq!(parsed(&["max-age=-1"]).max_age, Some(0));
        assert_eq!(parsed(&["max-age=1.5"]).max_age, Some(0));
        assert_eq!(parsed(&["max-age=99999999999999999999999"]).max_age, Some(2_147_483_648));
        assert_eq!(parsed(&["max-age=1, max-age=2"]).max_age, Some(1));
    }
}
