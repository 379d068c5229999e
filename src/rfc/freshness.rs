//! Freshness (RFC 9111 §4.2): may this stored response be served without asking, and how stale is it otherwise?

use crate::fields::Fields;
use crate::rfc::cache_control::{CacheControl, delta_seconds};
use crate::rfc::{date, status};

/// The longest that a response counts as fresh whose origin said nothing about it: a week. A tenth of the age of an old page would be years.
const LONGEST_HEURISTIC: u64 = 7 * 24 * 3600;

/// What §4.2 needs to know of a stored response. All times in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its status.
    pub status: u16,
    /// The stored field section.
    pub fields: &'a Fields,
    /// When the request was made that brought, or last validated, the response.
    pub request_time: u64,
    /// When its answer arrived.
    pub response_time: u64,
}

impl Stored<'_> {
    /// Is the response fresh at `now`, and fresh enough for what the request's own directives ask?
    #[must_use]
    pub fn is_fresh(&self, request: &CacheControl, now: u64) -> bool {
        let response = CacheControl::of(self.fields);
        // > The no-cache response directive, in its unqualified form (without an argument), indicates that the response MUST NOT be used to
        // > satisfy any other request without forwarding it for validation and receiving a successful response (RFC 9111 §5.2.2.4).
        //
        // So does that of a request (§5.2.1.4). Pragma, which §5.4 deprecates, says nothing.
        if response.no_cache || request.no_cache {
            return false;
        }
        let (age, lifetime) = (self.age(now), self.lifetime(&response));
        // > Clients SHOULD NOT issue a conditional request during the response's freshness lifetime (e.g., upon a reload) unless explicitly
        // > overridden by the user (RFC 8246 §2): by no-cache, that is.
        let is_settled = response.immutable && lifetime > age;
        if !is_settled && request.max_age.is_some_and(|most| age > most || most == 0) {
            return false;
        }
        let needed = age.saturating_add(request.min_fresh.unwrap_or(0));
        // > If a value is present, then the client is willing to accept a response that has exceeded its freshness lifetime by no more
        // > than the specified number of seconds (RFC 9111 §5.2.1.2). must-revalidate outweighs it (§4.2.4).
        let allowed = if response.must_revalidate { 0 } else { request.max_stale.unwrap_or(0) };
        // > response_is_fresh = (freshness_lifetime > current_age) (RFC 9111 §4.2).
        lifetime > needed || (allowed > 0 && needed.saturating_sub(lifetime) <= allowed)
    }

    /// For how many seconds it is fresh from when it was made (§4.2.1); 0 where it has to be validated each time.
    #[must_use]
    pub fn promised(&self) -> u64 {
        let response = CacheControl::of(self.fields);
        if response.no_cache { 0 } else { self.lifetime(&response) }
    }

    /// May the response be served for an origin that fails, when it went stale no more than `allowed` seconds ago?
    ///
    /// > A cache MUST NOT generate a stale response if it is prohibited by an explicit in-protocol directive (e.g., by a no-cache response
    /// > directive, a must-revalidate response directive […]) (RFC 9111 §4.2.4).
    #[must_use]
    pub fn may_stand_in(&self, request: &CacheControl, allowed: u64, now: u64) -> bool {
        let response = CacheControl::of(self.fields);
        let is_prohibited = response.no_cache || response.must_revalidate || request.no_cache;
        let is_too_old = request.max_age.is_some_and(|most| self.age(now) > most) || request.min_fresh.is_some();
        !is_prohibited && !is_too_old && self.age(now).saturating_sub(self.lifetime(&response)) <= allowed
    }

    /// > If the max-age response directive is present, use its value, or if the Expires response header field is present, use its value
    /// > minus the value of the Date response header field […], or otherwise, no explicit expiration time is present in the response. A
    /// > heuristic freshness lifetime might be applicable (RFC 9111 §4.2.1).
    #[must_use]
    fn lifetime(&self, response: &CacheControl) -> u64 {
        if let Some(seconds) = response.max_age {
            return seconds;
        }
        if let Some(expires) = self.fields.get(b"expires") {
            // > A cache recipient MUST interpret invalid date formats, especially the value "0", as representing a time in the past
            // > (RFC 9111 §5.3).
            return date::parse(expires).map_or(0, |expires| expires.saturating_sub(self.date()));
        }
        // > If the response has a Last-Modified header field, caches are encouraged to use a heuristic expiration value that is no more
        // > than some fraction of the interval since that time. A typical setting of this fraction might be 10%. […] a cache MUST NOT use
        // > heuristics to determine freshness when an explicit expiration time is present (RFC 9111 §4.2.2),
        //
        // nor for a status that is not defined as heuristically cacheable and not marked public.
        let may_guess = response.public || status::is_heuristically_cacheable(self.status);
        let modified = self.fields.get(b"last-modified").filter(|_| may_guess).and_then(date::parse);
        modified.map_or(0, |modified| (self.date().saturating_sub(modified) / 10).min(LONGEST_HEURISTIC))
    }

    /// > corrected_initial_age = max(apparent_age, corrected_age_value); current_age = corrected_initial_age + resident_time
    /// > (RFC 9111 §4.2.3).
    #[must_use]
    pub fn age(&self, now: u64) -> u64 {
        let apparent = self.response_time.saturating_sub(self.date());
        let response_delay = self.response_time.saturating_sub(self.request_time);
        let corrected = self.age_value().saturating_add(response_delay);
        apparent.max(corrected).saturating_add(now.saturating_sub(self.response_time))
    }

    /// > a cache encountering a message with a list-based Age header field value SHOULD use the first member […]. If the field value (after
    /// > discarding additional members, as per above) is invalid (e.g., contains something other than a non-negative integer), a cache
    /// > SHOULD ignore the field (RFC 9111 §5.1).
    fn age_value(&self) -> u64 {
        let first = self.fields.get(b"age").and_then(|line| line.split(|byte| *byte == b',').next());
        first.and_then(|value| delta_seconds(value.trim_ascii())).unwrap_or(0)
    }

    /// > A recipient with a clock that receives a response message without a Date header field MUST record the time it was received
    /// > (RFC 9110 §6.6.1). One that is no date says as little.
    fn date(&self) -> u64 {
        self.fields.get(b"date").and_then(date::parse).unwrap_or(self.response_time)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CacheControl, Fields, Stored};

    const DATE: u64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    fn directives(request: &str) -> CacheControl {
        CacheControl::of(&[("cache-control", request)].into_iter().collect())
    }

    fn with<T>(status: u16, lines: &[(&str, &str)], look: impl Fn(&Stored<'_>) -> T) -> T {
        let fields: Fields = lines.iter().copied().chain([("date", "Sun, 06 Nov 1994 08:49:37 GMT")]).collect();
        look(&Stored { status, fields: &fields, request_time: DATE, response_time: DATE })
    }

    fn fresh_for(lines: &[(&str, &str)], request: &str, after: u64) -> bool {
        with(200, lines, |stored| stored.is_fresh(&directives(request), DATE + after))
    }

    #[test]
    fn max_age_wins_over_expires() {
        let lines = [("cache-control", "max-age=60"), ("expires", "Thu, 01 Jan 1970 00:00:00 GMT")];
        assert!(fresh_for(&lines, "", 59));
        assert!(!fresh_for(&lines, "", 60));
    }

    #[test]
    fn expires_counts_from_date_and_a_malformed_one_is_in_the_past() {
        assert!(fresh_for(&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], "", 59));
        assert!(!fresh_for(&[("expires", "0")], "", 0));
    }

    #[test]
    fn without_an_explicit_lifetime_a_tenth_of_the_age_of_the_representation_is_used() {
        let lines = [("last-modified", "Sun, 06 Nov 1994 08:32:57 GMT")]; // 1000 s before
        assert!(fresh_for(&lines, "", 99));
        assert!(!fresh_for(&lines, "", 100));
        assert!(!fresh_for(&[], "", 0));
    }

    #[test]
    fn a_guess_is_bounded_and_not_made_for_every_status() {
        let lines = [("last-modified", "Sun, 06 Nov 1984 08:49:37 GMT")];
        assert!(fresh_for(&lines, "", 604_799));
        assert!(!fresh_for(&lines, "", 604_800));
        for (status, control, expected) in [(404, "", true), (403, "", false), (599, "", false), (599, "public", true)]
        {
            let lines = [lines[0], ("cache-control", control)];
            assert_eq!(with(status, &lines, |stored| stored.is_fresh(&directives(""), DATE)), expected, "{status}");
        }
    }

    #[test]
    fn the_age_field_counts() {
        assert!(!fresh_for(&[("cache-control", "max-age=60"), ("age", "50")], "", 10));
        assert!(!fresh_for(&[("cache-control", "max-age=60"), ("age", "70, 0")], "", 0));
        assert!(fresh_for(&[("cache-control", "max-age=60"), ("age", "0"), ("age", "70")], "", 0));
    }

    #[test]
    fn an_age_that_is_no_number_is_none() {
        for age in ["abc", "-7200", "7200.0", "7200;a=1", "", ", 7200"] {
            assert!(fresh_for(&[("cache-control", "max-age=60"), ("age", age)], "", 0), "{age}");
        }
    }

    #[test]
    fn a_reload_leaves_alone_what_is_immutable_while_it_is_fresh() {
        let lines = [("cache-control", "max-age=60, immutable")];
        assert!(fresh_for(&lines, "max-age=0", 59));
        assert!(!fresh_for(&lines, "max-age=0", 60));
        assert!(!fresh_for(&lines, "no-cache", 0));
    }

    #[test]
    fn a_stale_response_stands_in_within_its_bound_and_never_where_that_is_prohibited() {
        let stands_in = |control: &str, request: &str, after: u64| {
            with(200, &[("cache-control", control)], |stored| {
                stored.may_stand_in(&directives(request), 30, DATE + after)
            })
        };
        assert!(stands_in("max-age=60", "", 90));
        assert!(!stands_in("max-age=60", "", 91));
        for (response, request) in [
            ("max-age=60, must-revalidate", ""),
            ("max-age=60, no-cache", ""),
            ("max-age=60", "no-cache"),
            ("max-age=60", "max-age=5"),
            ("max-age=60", "min-fresh=5"),
        ] {
            assert!(!stands_in(response, request, 70), "{response} {request}");
        }
    }

    #[test]
    fn the_request_narrows_or_widens() {
        let lines = [("cache-control", "max-age=60")];
        assert!(!fresh_for(&lines, "no-cache", 0));
        assert!(!fresh_for(&lines, "max-age=5", 6));
        assert!(!fresh_for(&lines, "min-fresh=30", 40));
        assert!(fresh_for(&lines, "max-stale=10", 65));
        assert!(!fresh_for(&[("cache-control", "max-age=60, must-revalidate")], "max-stale", 65));
    }

    #[test]
    fn no_cache_is_never_fresh() {
        assert!(!fresh_for(&[("cache-control", "max-age=60, no-cache")], "", 0));
    }

    proptest! {
        #[test]
        fn what_is_stale_stays_stale_and_stands_in_no_longer_than_it_may(
            max_age in prop::option::of(0..200_u64),
            age in "[0-9a-z,;. -]{0,6}",
            after in 0..400_u64,
            allowed in 0..100_u64,
        ) {
            let control = max_age.map(|seconds| format!("max-age={seconds}")).unwrap_or_default();
            let lines = [("cache-control", control.as_str()), ("age", age.as_str())];
            let none = CacheControl::default();
            with(200, &lines, |stored| {
                let fresh = |at: u64| stored.is_fresh(&none, DATE + at);
                let stands_in = |at: u64| stored.may_stand_in(&none, allowed, DATE + at);
                assert!(!fresh(after + 1) || fresh(after));
                assert!(!stands_in(after + 1) || stands_in(after));
                assert!(!fresh(after) || stands_in(after));
            });
        }
    }
}
