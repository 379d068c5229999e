//! A proxy, read from its URL: where it is, and who we are to it.
//!
//! Lists of proxies write credentials at any place, so what is wrong with a URL is told without showing more of it than `host:port`.

use std::fmt;

use url::{Host, Url};

use crate::error::{Error, Kind, Result};

/// A proxy: where it is and who we are to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    url: Url,
}

impl Proxy {
    /// Schemes that a proxy may have.
    pub const SCHEMES: [&'static str; 5] = ["http", "https", "socks4", "socks5", "socks5h"];

    /// Reads a proxy URL, with userinfo or without.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`], naming the value where it is no more than `host:port`.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |what: &str| {
            let message = format!("proxy {:?} {what}; write it as http://user:password@host:port", shown(text));
            Err(Error::new(Kind::InvalidRequest, message))
        };
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return refuse("is not a URL").map_err(|refused| refused.with_source(error)),
        };
        if !Self::SCHEMES.contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
            return refuse(&format!("needs a host, and a scheme out of {}", Self::SCHEMES.join(", ")));
        }
        let beyond = &url[url::Position::BeforePath..];
        if beyond.contains('@') {
            return refuse("has a user or password with a / ? or #, which are written as %2F, %3F and %23");
        }
        if !names_port(text) {
            return refuse("names no port, which some programs take for 80 and others for 1080");
        }
        if [url.username(), url.password().unwrap_or_default()].into_iter().any(has_odd_escape) {
            return refuse("has a % in its user or password that begins no escape, and is written as %25");
        }
        Ok(Self { url })
    }

    /// `scheme://host:port`, without userinfo: for people, and one for however the host is written.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let port = self.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.url.scheme(), self.host())
    }

    /// User and password without their escapes, if there is either.
    #[must_use]
    pub fn login(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (user, password) = (self.url.username(), self.url.password());
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect();
        (!user.is_empty() || password.is_some()).then(|| (decoded(user), decoded(password.unwrap_or_default())))
    }

    /// Where it is, as URLs write it.
    #[must_use]
    pub fn host(&self) -> String {
        let as_written = || self.url.host_str().unwrap_or_default().to_owned();
        self.place().map_or_else(as_written, |place| place.to_string())
    }

    /// At which port.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.url.port_or_known_default()
    }

    /// An address, or a name in small letters; one, however it is written. `None`: nowhere that a wire could go to.
    #[must_use]
    pub fn place(&self) -> Option<Host<String>> {
        let host = match self.url.host()? {
            // URLs of SOCKS proxies have their hosts as they were written.
            Host::Domain(name) => Host::parse(name).ok()?,
            address => address.to_owned(),
        };
        Some(match host {
            Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
            // The same machine, seen from a socket for both.
            Host::Ipv6(address) => address.to_ipv4_mapped().map_or(Host::Ipv6(address), Host::Ipv4),
            Host::Ipv4(address) => Host::Ipv4(address),
        })
    }

    /// The whole URL with its credentials: for the wire, and for nobody else.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({})", self.endpoint())
    }
}

/// What of a proxy's URL can be shown: only what is no more than `host:port`, before it and behind a user.
fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    // Behind an unescaped password nobody can tell where the place begins.
    let place = match rest.split_once('@') {
        Some((user, place)) if !user.contains(['/', '?', '#']) && !place.contains('@') => place,
        Some(_) => "…",
        None => rest,
    };
    let is_short = place.matches(':').count() < 2 && place.len() < 80;
    let is_place = place.rsplit_once(':').is_none_or(|(_, port)| port.chars().all(|digit| digit.is_ascii_digit()));
    let place = if is_short && is_place { place } else { "…" };
    scheme.filter(|scheme| scheme.len() < 20).map_or_else(|| place.to_owned(), |scheme| format!("{scheme}://{place}"))
}

/// Does the URL say at which port, be it the usual one?
fn names_port(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().trim_end();
    let place = authority.rsplit('@').next().unwrap_or_default();
    place.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// > pct-encoded = "%" HEXDIG HEXDIG (RFC 3986 §2.1)
fn has_odd_escape(userinfo: &str) -> bool {
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    userinfo.split('%').skip(1).any(|rest| !is_escape(rest))
}

#[cfg(test)]
mod tests {
    use super::Proxy;

    fn refused(text: &str) -> String {
        let message = Proxy::parse(text).unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
        message
    }

    #[test]
    fn a_bad_proxy_is_named_without_its_password() {
        for text in [
            "ftp://user:hunter2@host:1",
            "user:hunter2@host",
            "http://",
            "h:1:user:hunter2",
            "http://h:1:user:hunter2",
            "http://user:hunter2",
            "http://user:hunter2@host",
            "http://user:%hunter2@host:1",
            "http://user:/hunter2@host:1",
            "http://user:1/hunter2@host:1",
            "http://user:a@hunter2@host",
        ] {
            refused(text);
        }
        assert!(!format!("{:?}", Proxy::parse("http://user:hunter2@host:1").unwrap()).contains("hunter2"));
    }

    #[test]
    fn a_proxy_without_a_port_is_refused_and_one_with_the_usual_port_is_not() {
        for text in
            ["http://host", "https://u:p@host/", "socks5://host", "http://[::1]", "http://host:", "http://u:1@host"]
        {
            let message = refused(text);
            assert!(message.contains("port") && message.contains("host:port"), "{message}");
        }
        for text in ["http://host:80", "https://u:p@host:443/", "socks5h://[::1]:1080", "HTTP://HOST:80"] {
            Proxy::parse(text).unwrap();
        }
    }

    #[test]
    fn an_odd_escape_is_refused_and_a_right_one_is_not() {
        for text in ["http://u:50%@host:1", "http://u%zz:p@host:1", "socks5://u:%2@host:1"] {
            assert!(refused(text).contains("%25"), "{text}");
        }
        for text in ["http://u:50%25@host:1", "http://u%3A:%C3%A9%e9@host:1"] {
            Proxy::parse(text).unwrap();
        }
    }

    #[test]
    fn one_proxy_has_one_endpoint_however_its_host_is_written() {
        let endpoint = |text: &str| Proxy::parse(text).unwrap().endpoint();
        assert_eq!(endpoint("socks5://HOST.example.:1"), endpoint("socks5://host.example:1"));
        assert_eq!(endpoint("socks5://127.0.0.1:1"), "socks5://127.0.0.1:1");
        assert_eq!(endpoint("http://[::ffff:127.0.0.1]:1"), endpoint("http://127.1:1"));
        assert_eq!(endpoint("socks5h://[0:0::1]:1"), "socks5h://[::1]:1");
    }
}
