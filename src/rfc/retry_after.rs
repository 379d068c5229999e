//! Retry-After (RFC 9110 §10.2.3): for how long an origin asks not to be asked.

use crate::rfc::date;

/// > Retry-After = HTTP-date / delay-seconds; delay-seconds = 1*DIGIT (RFC 9110 §10.2.3).
///
/// Seconds to wait; `None` where the value is neither. A date counts from the origin's own `Date`, or else from `now`: its clock and ours may
/// differ.
#[must_use]
pub fn seconds(value: &[u8], date: Option<&[u8]>, now: u64) -> Option<u64> {
    let value = value.trim_ascii();
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        // More digits than a number holds are a long time all the same.
        return Some(std::str::from_utf8(value).ok()?.parse().unwrap_or(u64::MAX));
    }
    let from = date.and_then(date::parse).unwrap_or(now);
    date::parse(value).map(|until| until.saturating_sub(from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::seconds;

    const NOON: &[u8] = b"Sun, 06 Nov 1994 12:00:00 GMT";
    const NOW: u64 = 784_123_200 - 60; // A minute before.

    #[test]
    fn a_number_is_seconds_and_a_date_a_moment() {
        assert_eq!(seconds(b"120", None, NOW), Some(120));
        assert_eq!(seconds(b" 0 ", None, NOW), Some(0));
        assert_eq!(seconds(NOON, None, NOW), Some(60));
        assert_eq!(seconds(NOON, None, NOW + 120), Some(0));
    }

    #[test]
    fn a_date_counts_from_the_origins_own_clock() {
        assert_eq!(seconds(NOON, Some(b"Sun, 06 Nov 1994 11:50:00 GMT"), 5), Some(600));
        assert_eq!(seconds(NOON, Some(b"today"), NOW), Some(60));
    }

    #[test]
    fn what_is_neither_says_nothing_and_what_is_too_long_is_long() {
        for value in [&b""[..], b"-1", b"1.5", b"+5", b"soon", b"120, 240", b"\xff", b"1994-11-06T12:00:00Z"] {
            assert_eq!(seconds(value, None, NOW), None, "{value:?}");
        }
        assert_eq!(seconds(&b"9".repeat(99), None, NOW), Some(u64::MAX));
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_harm(value in prop::collection::vec(any::<u8>(), 0..40), now in any::<u64>()) {
            let digits = !value.trim_ascii().is_empty() && value.trim_ascii().iter().all(u8::is_ascii_digit);
            prop_assert!(!digits || seconds(&value, None, now).is_some());
        }
    }
}
