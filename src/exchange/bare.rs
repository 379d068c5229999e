//! Whether a request says nothing of who asks, but by its exit.
//!
//! Cookie and Authorization are not the only credentials: a key can travel in any field. So what counts are the fields that are known to
//! carry none; whoever sends another one is taken for somebody.

use crate::exchange::Ask;
use crate::fields::Fields;

/// Fields of RFC 9110, of RFC 9111 and of browsers that many clients send alike. `Proxy-Authorization` is for the proxy, and part of the exit.
const HARMLESS: [&[u8]; 28] = [
    b"accept",
    b"accept-charset",
    b"accept-encoding",
    b"accept-language",
    b"cache-control",
    b"connection",
    b"dnt",
    b"host",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"origin",
    b"pragma",
    b"priority",
    b"proxy-authorization",
    b"range",
    b"referer",
    b"save-data",
    b"sec-ch-ua",
    b"sec-ch-ua-mobile",
    b"sec-ch-ua-platform",
    b"sec-gpc",
    b"te",
    b"upgrade-insecure-requests",
    b"user-agent",
    b"x-requested-with",
];

/// What browsers add to say what a request is for.
const FETCH: &[u8] = b"sec-fetch-";

/// Does this request say nothing of who asks, but by its exit?
#[must_use]
pub fn is_bare(ask: &Ask) -> bool {
    ask.fields.iter().all(|(name, _)| is_harmless(name))
}

/// Are its credentials all where credentials belong, so that requests with the same ones are one client's?
pub(super) fn says_who_asks(fields: &Fields) -> bool {
    let is_known = |name: &[u8]| [&b"cookie"[..], b"authorization"].iter().any(|one| one.eq_ignore_ascii_case(name));
    fields.iter().all(|(name, _)| is_harmless(name) || is_known(name))
}

fn is_harmless(name: &[u8]) -> bool {
    let is_for_fetch = || name.get(..FETCH.len()).is_some_and(|start| start.eq_ignore_ascii_case(FETCH));
    HARMLESS.iter().any(|one| one.eq_ignore_ascii_case(name)) || is_for_fetch()
}

#[cfg(test)]
mod tests {
    use super::is_harmless;

    #[test]
    fn whatever_is_not_known_may_be_a_credential() {
        for name in ["Accept", "user-agent", "Sec-Fetch-Mode", "Proxy-Authorization"] {
            assert!(is_harmless(name.as_bytes()), "{name}");
        }
        for name in ["Authorization", "Cookie", "X-Api-Key", "X-Client", "Sec-Fetch", "From"] {
            assert!(!is_harmless(name.as_bytes()), "{name}");
        }
    }
}
