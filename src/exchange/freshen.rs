//! What a 304 does to the stored field section (RFC 9111 §3.2, §4.3.4), and which fields a store keeps at all (§3.1).

use crate::fields::Fields;

/// > [Connection,] Proxy-Connection, Keep-Alive, TE, Transfer-Encoding, Upgrade […] (RFC 9110 §7.6.1), and the Proxy- fields that
/// > RFC 9111 §3.1 names. Trailer speaks of one message only.
const CONNECTION: [&[u8]; 11] = [
    b"connection",
    b"proxy-connection",
    b"keep-alive",
    b"te",
    b"transfer-encoding",
    b"upgrade",
    b"trailer",
    b"proxy-authenticate",
    b"proxy-authentication-info",
    b"proxy-authorization",
    b"http2-settings",
];

/// What a 304 never touches. Content-Length, -Encoding, -Type and -Range describe the stored body, and servers put wrong ones on their 304s.
/// The stored tag was given with the stored content; a tag learned from a 304 was not, and would pair the body with a validator of another.
const BODYS: [&[u8]; 5] = [b"content-length", b"content-encoding", b"content-type", b"content-range", b"etag"];

/// Lines from which on a 304 adds none.
const MOST_LINES: usize = 128;

/// Lines of Vary, likewise.
const MOST_VARY_LINES: usize = 8;

fn is_any(name: &[u8], of: &[&[u8]]) -> bool {
    of.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// > Caches MUST include all received response header fields -- including unrecognized ones -- when storing a response (RFC 9111 §3.1)
///
/// but those that belong to the connection, and Set-Cookie: a cookie is for the one who was given it, once.
#[must_use]
pub fn storable_fields(received: &Fields) -> Fields {
    let is_storable = storable(received);
    received.filtered(|name, _| is_storable(name))
}

/// Which names of that section a store keeps.
fn storable(received: &Fields) -> impl Fn(&[u8]) -> bool + '_ {
    let lines = received.get_all(b"connection").flat_map(|line| line.split(|byte| *byte == b','));
    let named: Vec<&[u8]> = lines.map(<[u8]>::trim_ascii).collect();
    move |name| !is_any(name, &CONNECTION) && !name.eq_ignore_ascii_case(b"set-cookie") && !is_any(name, &named)
}

/// > the cache MUST add each header field in the provided response to the stored response, replacing field values that are already
/// > present (RFC 9111 §3.2)
///
/// with the exceptions above. Last-Modified is taken only where `is_tag_confirmed`: the tag says that the content is the stored one,
/// whatever its date; without it, the stored date is what was asked about. Vary is only added to: a 304 that leaves it out, as many do,
/// does not take it back.
#[must_use]
pub fn freshened(stored: &Fields, not_modified: &Fields, is_tag_confirmed: bool) -> Fields {
    let is_storable = storable(not_modified);
    let is_news = |(name, _): &(&[u8], &[u8])| {
        let is_kept = is_any(name, &BODYS) || name.eq_ignore_ascii_case(b"vary");
        !is_kept && (is_tag_confirmed || !name.eq_ignore_ascii_case(b"last-modified")) && is_storable(name)
    };
    let news: Vec<(&[u8], &[u8])> = not_modified.iter().filter(is_news).collect();
    let is_new = |name: &[u8]| news.iter().any(|(new, _)| new.eq_ignore_ascii_case(name));
    // Each field stays in its place, so that a 304 that says nothing new leaves the same bytes.
    let mut lines: Vec<(&[u8], &[u8])> = Vec::with_capacity(24);
    for (name, value) in stored {
        if !is_new(name) {
            lines.push((name, value));
        } else if !lines.iter().any(|(placed, _)| placed.eq_ignore_ascii_case(name)) {
            lines.extend(news.iter().copied().filter(|(new, _)| new.eq_ignore_ascii_case(name)));
        }
    }
    // Each 304 could bring a name of its own.
    if lines.len() < MOST_LINES {
        lines.extend(news.iter().copied().filter(|(name, _)| !stored.contains(name)).take(MOST_LINES));
    }
    let has_room = stored.get_all(b"vary").count() < MOST_VARY_LINES;
    let added: Vec<&[u8]> =
        not_modified.get_all(b"vary").filter(|line| has_room && !is_in_vary(stored, line)).collect();
    lines.extend(added.iter().map(|line| (&b"vary"[..], *line)));
    lines.into_iter().collect()
}

/// What of it others may notice: a 304 can be made for one client, with a link that only this client was given, a Vary that parts it from
/// the others, or a lifetime in which nobody asks. How old the response is, is all that those take from it.
#[must_use]
pub fn aged(stored: &Fields, not_modified: &Fields) -> Fields {
    const AGE: [&[u8]; 2] = [b"date", b"age"];
    freshened(stored, &not_modified.filtered(|name, _| is_any(name, &AGE)), false)
}

/// Does the stored Vary name every member of `line` already?
fn is_in_vary(stored: &Fields, line: &[u8]) -> bool {
    let members = |line: &[u8]| {
        line.split(|byte| *byte == b',').map(|one| one.trim_ascii().to_ascii_lowercase()).collect::<Vec<_>>()
    };
    let known: Vec<_> = stored.get_all(b"vary").flat_map(members).collect();
    members(line).iter().all(|member| member.is_empty() || known.contains(member))
}

/// Does `after` say more than `before`? The moment of the 304 alone (Date, Age, and the Expires that moves along with it where freshness is
/// not asked about) is not worth a write of its own.
#[must_use]
pub fn is_worth_a_write(before: &Fields, after: &Fields) -> bool {
    let is_lasting = |(name, _): &(&[u8], &[u8])| !is_any(name, &[b"date", b"age", b"expires"]);
    before != after && !before.iter().filter(is_lasting).eq(after.iter().filter(is_lasting))
}

#[cfg(test)]
mod tests {
    use super::{Fields, aged, freshened, is_worth_a_write, storable_fields};

    fn fields(lines: &[(&str, &str)]) -> Fields {
        lines.iter().copied().collect()
    }

    #[test]
    fn a_304_replaces_adds_and_never_takes_away() {
        let stored = fields(&[("Date", "1"), ("Link", "<a>"), ("Link", "<b>"), ("X-Kept", "k"), ("Server", "s")]);
        let news = fields(&[("date", "2"), ("link", "<c>"), ("x-new", "n")]);
        assert_eq!(
            freshened(&stored, &news, true),
            fields(&[("date", "2"), ("link", "<c>"), ("X-Kept", "k"), ("Server", "s"), ("x-new", "n")])
        );
    }

    #[test]
    fn what_describes_the_stored_body_stays() {
        let stored = fields(&[("content-type", "text/html"), ("content-length", "5"), ("etag", "W/\"1\"")]);
        let lies = fields(&[
            ("content-type", "text/plain"),
            ("content-length", "0"),
            ("content-encoding", "gzip"),
            ("content-range", "bytes 0-1/2"),
            ("etag", "\"1\""),
        ]);
        assert_eq!(freshened(&stored, &lies, true), stored);
    }

    #[test]
    fn vary_is_only_added_to() {
        let stored = fields(&[("vary", "Accept-Encoding, Cookie")]);
        assert_eq!(freshened(&stored, &fields(&[]), true), stored);
        assert_eq!(freshened(&stored, &fields(&[("vary", "cookie")]), true), stored);
        let more = freshened(&stored, &fields(&[("vary", "Origin")]), true);
        assert_eq!(more.get_all(b"vary").collect::<Vec<_>>(), [&b"Accept-Encoding, Cookie"[..], b"Origin"]);
    }

    #[test]
    fn a_date_is_taken_only_beside_a_confirmed_tag() {
        let (stored, news) = (fields(&[("last-modified", "old")]), fields(&[("last-modified", "new")]));
        assert_eq!(freshened(&stored, &news, false), stored);
        assert_eq!(freshened(&stored, &news, true), news);
    }

    #[test]
    fn others_take_nothing_but_its_age_from_a_304() {
        let stored = fields(&[("etag", "1"), ("link", "<a>"), ("cache-control", "max-age=1"), ("last-modified", "m")]);
        let lines = [("date", "2"), ("link", "<b>"), ("vary", "x"), ("x", "y"), ("last-modified", "n"), ("etag", "2")];
        assert_eq!(aged(&stored, &fields(&lines)), stored.with(b"date", b"2"));
        assert_eq!(aged(&stored, &fields(&[("cache-control", "max-age=2"), ("expires", "0")])), stored);
    }

    #[test]
    fn connection_fields_and_cookies_are_not_stored() {
        let received = fields(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("set-cookie", "a=1"),
            ("x-end", "1"),
        ]);
        assert_eq!(storable_fields(&received), fields(&[("x-end", "1")]));
    }

    #[test]
    fn a_section_does_not_grow_with_every_304() {
        let mut stored = fields(&[("x", "1")]);
        for number in 0..3000 {
            let name = format!("x-{number}");
            stored = freshened(&stored, &fields(&[(&name, "1"), ("vary", &name)]), true);
        }
        assert!(stored.iter().count() < 300);
    }

    #[test]
    fn the_moment_alone_is_not_worth_a_write() {
        let before = fields(&[("date", "1"), ("age", "1"), ("x", "1")]);
        assert!(!is_worth_a_write(&before, &freshened(&before, &fields(&[("date", "2"), ("age", "9")]), true)));
        assert!(is_worth_a_write(&before, &freshened(&before, &fields(&[("x", "2")]), true)));
    }
}
