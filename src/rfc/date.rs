//! HTTP-dates (RFC 9110 §5.6.7), read for comparing. A date is never written: what an origin gave is echoed as the bytes it gave.

use std::time::UNIX_EPOCH;

/// Seconds by which Last-Modified must lie before Date for the date to tell two edits apart (RFC 9110 §8.8.2.2).
pub const STRONG_AFTER: u64 = 60;

/// Seconds since the Unix epoch of an HTTP-date in any of its three formats; `None` for everything else.
#[must_use]
pub fn parse(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value.trim_ascii()).ok()?;
    let time = httpdate::parse_http_date(text).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn all_three_formats_are_the_same_moment() {
        for date in
            [&b"Sun, 06 Nov 1994 08:49:37 GMT"[..], b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse(date), Some(784_111_777));
        }
    }

    #[test]
    fn what_is_no_http_date_is_none() {
        for date in [&b"1623456789000"[..], b"2021-06-12T00:00:00Z", b"", b"\xff"] {
            assert_eq!(parse(date), None);
        }
    }
}
