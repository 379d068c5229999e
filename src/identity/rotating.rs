//! Gateways that hand out another address with each request: by their names, since nothing else tells them.

use std::sync::Arc;

use url::Host;

use crate::error::{Error, Kind, Result};
use crate::identity::Proxy;

/// Longest pattern: that of a host's name, its port and some room.
const LONGEST: usize = 300;

/// The gateways that the caller named.
#[derive(Debug, Clone, Default)]
pub struct Gateways(Arc<[Pattern]>);

/// `*` stands for any characters, `?` for one.
#[derive(Debug)]
struct Pattern {
    host: String,
    /// `None`: whichever.
    port: Option<String>,
}

impl Gateways {
    /// Reads patterns: `host:port` or `host`, with `*` and `?`.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`], naming the pattern where it holds no credentials.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        patterns.into_iter().map(Pattern::parse).collect::<Result<_>>().map(Self)
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is `proxy` one of them?
    #[must_use]
    pub fn has(&self, proxy: &Proxy) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let host = proxy.host();
        let port = proxy.port().map(|port| port.to_string()).unwrap_or_default();
        let is_it = |one: &Pattern| {
            is_like(&one.host, &host) && one.port.as_ref().is_none_or(|pattern| is_like(pattern, &port))
        };
        self.0.iter().any(is_it)
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self> {
        let refuse = |shown: &str, what: &str| {
            let message = format!("rotating has {shown}{what}; write a gateway as \"host:port\", or as \"*.host\"");
            Err(Error::new(Kind::InvalidRequest, message))
        };
        if text.is_empty() || text.len() > LONGEST {
            return refuse(&format!("a pattern of {} bytes", text.len()), "");
        }
        if text.contains('@') {
            return refuse("a pattern", " with a user or password, by which gateways are not told");
        }
        let behind_address = text.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match text.get(behind_address..).and_then(|rest| rest.find(':')) {
            Some(colon) => (text.get(..behind_address + colon), text.get(behind_address + colon + 1..)),
            None => (Some(text), None),
        };
        let host = host.unwrap_or_default();
        let is_pattern =
            |port: &str| port.bytes().all(|byte| byte.is_ascii_digit() || is_wild(byte)) && port.bytes().any(is_wild);
        let is_port = |port: &str| is_pattern(port) || port.parse::<u16>().is_ok_and(|port| port > 0);
        if !port.is_none_or(is_port) {
            // It may be the password of `user:password`, or the address of an unbracketed IPv6.
            return refuse(&format!("{host:?}"), " and a colon, with no port behind it");
        }
        if host.is_empty() || host.contains(['/', '?', '#', '\\']) && !host.bytes().any(is_wild) {
            return refuse(&format!("{text:?}"), ", which names no host");
        }
        let host = if host.bytes().any(is_wild) {
            let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte) || is_wild(byte);
            host.bytes().all(is_of_name).then(|| host.to_ascii_lowercase())
        } else {
            Host::parse(host).ok().map(|host| host.to_string())
        };
        let Some(host) = host else { return refuse(&format!("{text:?}"), ", which names no host") };
        Ok(Self { host: host.trim_end_matches('.').to_owned(), port: port.map(str::to_owned) })
    }
}

const fn is_wild(byte: u8) -> bool {
    matches!(byte, b'*' | b'?')
}

/// Is `text` like `pattern`? What a `*` stands for grows only until what follows it is found, and the last `*` takes the rest: no text takes
/// longer than both are long.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(seen) {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at + 1, seen));
                at += 1;
            }
            (Some(one), _) if *one == b'?' || one == byte => (at, seen) = (at + 1, seen + 1),
            (_, Some((behind, from))) => {
                star = Some((behind, from + 1));
                (at, seen) = (behind, from + 1);
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::{Gateways, Proxy, is_like};

    fn has(pattern: &str, proxy: &str) -> bool {
        Gateways::parse([pattern]).unwrap().has(&Proxy::parse(proxy).unwrap())
    }

    #[test]
    fn a_gateway_is_told_by_its_host_and_its_port() {
        for (pattern, proxy) in [
            ("gate.example:8000", "http://user:secret@GATE.example:8000"),
            ("gate.example", "socks5h://gate.example:1080"),
            ("*.example", "http://eu.gate.example:1"),
            ("GATE.example:80*", "http://gate.example:8081"),
            ("gate?.example:*", "http://gate7.example:1"),
            ("127.0.0.*:8000", "http://127.0.0.9:8000"),
            ("[2001:db8::1]:8000", "http://[2001:db8:0::1]:8000"),
            ("[2001:db8::1]", "http://[2001:db8::1]:9"),
            ("[2001:db8:*]", "http://[2001:db8::7]:9"),
            ("bücher.example:1", "http://xn--bcher-kva.example:1"),
        ] {
            assert!(has(pattern, proxy), "{pattern} {proxy}");
        }
        for (pattern, proxy) in [
            ("gate.example:8000", "http://gate.example:8001"),
            ("gate.example", "http://other.gate.example:1"),
            ("*.example", "http://example:1"),
            ("gate?.example:*", "http://gate.example:1"),
        ] {
            assert!(!has(pattern, proxy), "{pattern} {proxy}");
        }
    }

    #[test]
    fn a_pattern_that_names_no_gateway_is_refused_without_its_secret() {
        let long = "x".repeat(1 << 20);
        for text in [
            "",
            "@",
            "user:hunter2@gate:1",
            "http://user:hunter2@gate:1",
            "user:hunter2",
            "http://gate:1",
            "gate:",
            ":80",
            "gate:80:user:hunter2",
            "2001:db8::1",
            "a b",
            "gate/x",
            "*/x",
            &long,
        ] {
            let message = Gateways::parse(["good:1", text]).unwrap_err().to_string();
            let is_clear = message.contains("rotating has") && message.contains("host:port") && message.len() < 600;
            assert!(is_clear && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_pattern_made_to_take_long_takes_no_longer_than_others() {
        let pattern = "*a".repeat(140);
        assert!(!is_like(&pattern, &"a".repeat(139)));
        assert!(!is_like(&format!("{pattern}b"), &"a".repeat(250)));
        assert!(is_like(&pattern, &"a".repeat(250)));
    }
}
