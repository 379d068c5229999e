//! Freshness (RFC 9111 §4.2): may this stored response be served without asking?

use crate::fields::Fields;
use crate::rfc::cache_control::{CacheControl, delta_seconds};
use crate::rfc::date;

/// What §4.2 needs to know of a stored response. All times in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
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
        // > The no-cache response directive, in its unqualified form (without an argument), indicates that the response MUST NOT be used to satisfy any other request without
        // > forwarding it for validation (RFC 9111 §5.2.2.4).
        if response.no_cache || request.no_cache {
            return false;
        }
        let (age, lifetime) = (self.age(now), self.lifetime(&response));
        if request.max_age.is_some_and(|most| age > most) {
            return false;
        }
        let needed = age.saturating_add(request.min_fresh.unwrap_or(0));
        // > If a value is present, then the client is willing to accept a response that has exceeded its freshness lifetime by no more
        // > than the specified number of seconds (RFC 9111 §5.2.1.2). must-revalidate outweighs it (§4.2.4).
        let allowed = if response.must_revalidate { 0 } else { request.max_stale.unwrap_or(0) };
        // > response_is_fresh = (freshness_lifetime > current_age) (RFC 9111 §4.2).
        lifetime > needed || (allowed > 0 && needed.saturating_sub(lifetime) <= allowed)
    }

    /// > If the max-age response directive is present, use its value, or if the Expires response header field is present, use its value
    /// > minus the value of the Date response header field […], or otherwise, no explicit expiration time is present in the response. A
    /// > heuristic freshness lifetime might be applicable (RFC 9111 §4.2.1).
    #[must_use]
    fn lifetime(&self, response: &CacheControl) -> u64 {
        if let Some(seconds) = response.max_age {
            return seconds;
        }
        let date = self.date();
        if let Some(expires) = self.fields.get(b"expires") {
            // > A cache recipient MUST interpret invalid date formats, especially the value "0", as representing a time in the past
            // > (RFC 9111 §5.3).
            return date::parse(expires).map_or(0, |expires| expires.saturating_sub(date));
        }
        // > A typical setting of this fraction might be 10% (RFC 9111 §4.2.2).
        self.fields.get(b"last-modified").and_then(date::parse).map_or(0, |modified| date.saturating_sub(modified) / 10)
    }

    /// > corrected_initial_age = max(apparent_age, corrected_age_value); current_age = corrected_initial_age + resident_time
    /// > (RFC 9111 §4.2.3).
    #[must_use]
    pub fn age(&self, now: u64) -> u64 {
        let apparent = self.response_time.saturating_sub(self.date());
        let response_delay = self.response_time.saturating_sub(self.request_time);
        let corrected = self.fields.get(b"age").map_or(0, delta_seconds).saturating_add(response_delay);
        apparent.max(corrected).saturating_add(now.saturating_sub(self.response_time))
    }

    fn date(&self) -> u64 {
        self.fields.get(b"date").and_then(date::parse).unwrap_or(self.response_time)
    }
}

#[cfg(test)]
mod tests {
    use super::{CacheControl, Fields, Stored};

    const DATE: u64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    fn fresh_for(lines: &[(&str, &str)], request: &str, after: u64) -> bool {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let fields: Fields = lines.iter().copied().chain([date]).collect();
        let request = CacheControl::of(&[("cache-control", request)].into_iter().collect());
        Stored { fields: &fields, request_time: DATE, response_time: DATE }.is_fresh(&request, DATE + after)
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
    fn the_age_field_counts() {
        assert!(!fresh_for(&[("cache-control", "max-age=60"), ("age", "50")], "", 10));
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
}
