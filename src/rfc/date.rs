//! HTTP-dates (RFC 9110 §5.6.7), read for comparing. A date is never written: what an origin gave is echoed as the bytes it gave.
//!
//! Read here rather than by a library, because those ask for more than the moment depends on: names of days and months are found whatever
//! their case, and a name of a day that does not belong to the date changes nothing about it.

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Letters of the name of a day in two of the three formats.
const SHORT: usize = 3;

/// Seconds by which Last-Modified must lie before Date for the date to tell two edits apart (RFC 9110 §8.8.2.2).
pub const STRONG_AFTER: u64 = 60;

/// Seconds since the Unix epoch of an HTTP-date in any of its three formats; `None` for everything else.
///
/// > Although all date formats are specified to be case-sensitive, a cache recipient SHOULD match day, week, and time-zone names
/// > case-insensitively. […] a cache recipient SHOULD consider a date with a zone abbreviation other than "GMT" to be invalid for
/// > calculating expiration (RFC 9111 §4.2).
#[must_use]
pub fn parse(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value.trim_ascii()).ok()?.to_ascii_lowercase();
    imf_fixdate(&text).or_else(|| rfc850_date(&text)).or_else(|| asctime_date(&text))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<u64> {
    let (day_name, rest) = text.strip_suffix(" gmt")?.split_once(", ")?;
    let [day, month, year, time] = parts(rest, ' ')?;
    is_day(day_name, Some(SHORT)).then_some(())?;
    moment(number(year, 4)?, month, number(day, 2)?, time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850_date(text: &str) -> Option<u64> {
    let (day_name, rest) = text.strip_suffix(" gmt")?.split_once(", ")?;
    let [date, time] = parts(rest, ' ')?;
    let [day, month, year] = parts(date, '-')?;
    is_day(day_name, None).then_some(())?;
    // > Recipients of a timestamp value in rfc850-date format, which uses a two-digit year, MUST interpret a timestamp that appears to be
    // > more than 50 years in the future as representing the most recent year in the past that had the same last two digits (§5.6.7).
    let year = number(year, 2)?;
    moment(if year < 70 { 2000 + year } else { 1900 + year }, month, number(day, 2)?, time)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime_date(text: &str) -> Option<u64> {
    let (day_name, rest) = text.split_once(' ')?;
    let (month, rest) = rest.split_once(' ')?;
    let (day, rest) = (rest.get(..2)?, rest.get(2..)?.strip_prefix(' ')?);
    let [time, year] = parts(rest, ' ')?;
    is_day(day_name, Some(SHORT)).then_some(())?;
    let day = day.strip_prefix(' ').map_or_else(|| number(day, 2), |day| number(day, 1))?;
    moment(number(year, 4)?, month, day, time)
}

fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

fn is_day(name: &str, letters: Option<usize>) -> bool {
    DAYS.iter().any(|day| letters.map_or(Some(*day), |letters| day.get(..letters)) == Some(name))
}

fn number(text: &str, digits: usize) -> Option<u64> {
    let is_whole = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole { text.parse().ok() } else { None }
}

fn moment(year: u64, month: &str, day: u64, time: &str) -> Option<u64> {
    let [hour, minute, second] = parts(time, ':')?;
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    let month = MONTHS.iter().position(|name| *name == month)?;
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    // The 61st second of a minute is a leap second, and counts as the one before.
    let is_moment =
        year >= 1970 && (1..=*lengths.get(month)?).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let before = (year.checked_sub(1970)?) * 365 + leap_days(year - 1) - leap_days(1969);
    let days = before + lengths.iter().take(month).sum::<u64>() + day.checked_sub(1)?;
    is_moment.then_some(days * 86_400 + hour * 3600 + minute * 60 + second.min(59))
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
