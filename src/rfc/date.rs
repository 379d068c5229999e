//! HTTP-dates (RFC 9110 §5.6.7), read for comparing. A date is never written: what an origin gave is echoed as the bytes it gave.

use std::time::UNIX_EPOCH;

/// Names of days as two of the three formats write them, and as the third one does.
const DAYS: [(&str, &str); 7] = [
    ("Mon", "Monday"),
    ("Tue", "Tuesday"),
    ("Wed", "Wednesday"),
    ("Thu", "Thursday"),
    ("Fri", "Friday"),
    ("Sat", "Saturday"),
    ("Sun", "Sunday"),
];

/// Bytes of the longest date: `Wednesday, 06-Nov-94 08:49:37 GMT`.
const LONGEST: usize = 33;

/// Seconds by which Last-Modified must lie before Date for the date to tell two edits apart (RFC 9110 §8.8.2.2).
pub const STRONG_AFTER: u64 = 60;

/// Seconds since the Unix epoch of an HTTP-date in any of its three formats; `None` for everything else.
#[must_use]
pub fn parse(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value.trim_ascii()).ok().filter(|text| text.len() <= LONGEST)?;
    strictly(text).or_else(|| forgivingly(&as_specified(text)))
}

fn strictly(text: &str) -> Option<u64> {
    httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// > Although all date formats are specified to be case-sensitive, a cache recipient SHOULD match day, week, and time-zone names
/// > case-insensitively (RFC 9111 §4.2).
fn as_specified(text: &str) -> String {
    let mut is_first = true;
    let mut in_case = |letter: char| {
        let cased = if is_first { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        is_first = !letter.is_ascii_alphabetic();
        cased
    };
    let named: String = text.chars().map(&mut in_case).collect();
    named.strip_suffix(" Gmt").map_or_else(|| named.clone(), |rest| format!("{rest} GMT"))
}

/// A name of a day that does not belong to the date changes nothing about the moment: the one that does is looked for.
fn forgivingly(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_alphabetic())?;
    let (day, rest) = text.split_at_checked(end)?;
    let is_short = DAYS.iter().any(|(short, _)| *short == day);
    let is_day = is_short || DAYS.iter().any(|(_, long)| *long == day);
    let mut names = DAYS.iter().filter(|_| is_day).map(|(short, long)| if is_short { short } else { long });
    names.find_map(|name| strictly(&format!("{name}{rest}")))
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
    fn days_are_counted_as_the_calendar_does() {
        let rows = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ];
        for (date, seconds) in rows {
            assert_eq!(parse(date.as_bytes()), Some(seconds), "{date}");
        }
    }

    #[test]
    fn neither_case_nor_the_name_of_the_day_makes_another_moment() {
        for date in ["SUN, 06 nov 1994 08:49:37 gmt", "Tue, 06 Nov 1994 08:49:37 GMT", "MONDAY, 06-NOV-94 08:49:37 Gmt"]
        {
            assert_eq!(parse(date.as_bytes()), Some(784_111_777), "{date}");
        }
    }

    #[test]
    fn what_is_no_http_date_is_none() {
        let rows = [
            "1623456789000",
            "2021-06-12T00:00:00Z",
            "",
            "0",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 06  Nov  1994 08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 30 Feb 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Someday, 06 Nov 1994 08:49:37 GMT",
        ];
        for date in rows {
            assert_eq!(parse(date.as_bytes()), None, "{date}");
        }
        assert_eq!(parse(b"\xff"), None);
    }
}
