//! Which of the stored responses are meant: those of some URLs, those of a host or an origin, those that an exit received, or all.

use std::collections::HashSet;

use url::Url;

use crate::entry::forgotten::Scope;
use crate::error::{Error, Kind, Result};
use crate::exchange::learn::origin;
use crate::fields::Fields;
use crate::identity::{Exit, Secret};
use crate::key::{Key, Method};
use crate::request::Request;

/// Some of what is stored, whoever it was stored for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of it.
    All,
    /// What is stored for these URLs, normalised as those of requests are.
    Urls(HashSet<String>),
    /// What is stored for all URLs of a host, and what their origins taught.
    Host(Host),
    /// What these exits received, under any credentials, and what they taught.
    Exits(HashSet<Exit>),
}

/// A host, with scheme and port where they matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    scheme: Option<String>,
    name: String,
    port: Option<u16>,
}

impl Selection {
    /// What is stored for `url`.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] as for a request.
    pub fn url(url: &str) -> Result<Self> {
        Self::urls([url])
    }

    /// What is stored for each of `urls`.
    ///
    /// # Errors
    /// As [`Selection::url`], for the first that is none.
    pub fn urls<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        // Userinfo goes where that of a request goes: it is no part of the URL.
        let read = |url| Request::new("GET", url, Fields::new()).map(|request| request.url.into());
        urls.into_iter().map(read).collect::<Result<_>>().map(Self::Urls)
    }

    /// What is stored for a host (`example.com`), a host and port (`example.com:8080`), or an origin (`https://example.com`).
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] where it is none of these.
    pub fn host(text: &str) -> Result<Self> {
        let refuse = || {
            // A user and password may stand before the host.
            let shown: String = if text.contains('@') { "…".into() } else { text.chars().take(120).collect() };
            let remedy = "write it as \"example.com\", \"example.com:8080\" or \"https://example.com\"";
            Error::new(Kind::InvalidRequest, format!("{shown:?} is no host; {remedy}"))
        };
        let (scheme, authority) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest.strip_suffix('/').unwrap_or(rest)),
            None => (None, text),
        };
        let is_foreign = |character: char| "/?#@\\".contains(character) || character <= ' ';
        if authority.contains(is_foreign) || scheme.as_ref().is_some_and(|scheme| scheme != "http" && scheme != "https")
        {
            return Err(refuse());
        }
        let read = |scheme: &str| Url::parse(&format!("{scheme}://{authority}/")).map_err(|_| refuse());
        // Each of the two leaves out its own default port.
        let (one, other) = (read("http")?, read("https")?);
        let default = || scheme.as_deref().and_then(default_port);
        let name = one.host_str().filter(|name| !name.is_empty()).ok_or_else(refuse)?.to_owned();
        let port = one.port().or_else(|| other.port()).or_else(default);
        Ok(Self::Host(Host { scheme, name, port }))
    }

    /// Is what is stored under `key` meant? What cannot be read is only where everything is.
    #[must_use]
    pub fn covers(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::Urls(urls) => is_for_a_url(key) && urls.contains(&*key.url),
            Self::Host(host) => host.is_of(&key.url),
            Self::Exits(exits) => exits.contains(&key.partition.exit),
        }
    }

    /// What is refused from the moment on at which it is forgotten.
    #[must_use]
    pub fn scopes(&self, secret: &Secret) -> Vec<Scope> {
        match self {
            Self::All => vec![Scope::All],
            Self::Urls(urls) => urls.iter().map(|url| Scope::url(url, secret)).collect(),
            Self::Host(Host { scheme, name, port }) => vec![Scope::host(scheme.as_deref(), name, *port, secret)],
            Self::Exits(exits) => exits.iter().copied().map(Scope::Exit).collect(),
        }
    }

    /// The words by which the exits that are meant testify to others; none, where not exits are meant.
    pub fn witnesses(&self) -> impl Iterator<Item = u64> {
        let exits = if let Self::Exits(exits) = self { Some(exits) } else { None };
        exits.into_iter().flatten().map(|exit| exit.witness())
    }
}

/// Is that the key of stored responses, and not of what an origin taught?
#[must_use]
pub const fn is_for_a_url(key: &Key) -> bool {
    matches!(key.method, Method::Get | Method::Head)
}

impl Host {
    /// Is it the host of `url`, which is normalised?
    fn is_of(&self, url: &str) -> bool {
        let Some((scheme, authority)) = origin(url).split_once("://") else { return false };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (name, port) = match authority.rsplit_once(':').filter(|(_, port)| is_number(port)) {
            Some((name, port)) => (name, port.parse().ok()),
            None => (authority, default_port(scheme)),
        };
        self.name == name
            && self.scheme.as_ref().is_none_or(|wanted| wanted == scheme)
            && (self.port.is_none() || self.port == port)
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Selection;
    use crate::identity::Partition;
    use crate::key::{Key, KeyHash, Method};

    const URLS: [&str; 6] = [
        "http://example.com/a",
        "http://example.com:8080/a",
        "https://example.com/a?b#c",
        "https://example.com:80/",
        "http://www.example.com/",
        "http://[::1]:8080/",
    ];

    fn covered(selection: &Selection) -> Vec<usize> {
        let is_covered = |url: &str| selection.covers(&Key::new(Method::Get, url.into(), Partition::ANONYMOUS));
        URLS.iter().enumerate().filter(|(_, url)| is_covered(url)).map(|(index, _)| index).collect()
    }

    #[test]
    fn a_host_is_meant_with_any_port_and_scheme_or_with_those_that_are_given() {
        for (host, expected) in [
            ("example.com", vec![0, 1, 2, 3]),
            ("EXAMPLE.com", vec![0, 1, 2, 3]),
            ("example.com:80", vec![0, 3]),
            ("example.com:443", vec![2]),
            ("example.com:8080", vec![1]),
            ("http://example.com", vec![0]),
            ("http://example.com:80/", vec![0]),
            ("HTTPS://Example.com", vec![2]),
            ("https://example.com:80", vec![3]),
            ("[::1]", vec![5]),
            ("[::1]:8080", vec![5]),
            ("[::1]:1", vec![]),
            ("com", vec![]),
        ] {
            assert_eq!(covered(&Selection::host(host).unwrap()), expected, "{host}");
        }
    }

    #[test]
    fn a_url_is_meant_as_a_request_for_it_would_be() {
        for url in ["HTTP://u:p@Example.com:80/x/../a", "http://example.com/a#part"] {
            assert_eq!(covered(&Selection::url(url).unwrap()), [0], "{url}");
        }
        assert_eq!(covered(&Selection::All).len(), URLS.len());
    }

    #[test]
    fn what_is_no_host_is_named_with_the_remedy_and_without_a_password() {
        for text in
            ["", "http://", "a/b", "http://a/b", "ftp://a", "a b", "a?b", "::1", "a:port", "u:hunter2@a", "a\\b"]
        {
            let message = Selection::host(text).unwrap_err().to_string();
            assert!(message.contains("https://example.com") && !message.contains("hunter2"), "{message}");
        }
        assert!(Selection::url("example.com/a").is_err());
    }

    #[test]
    fn what_cannot_be_read_is_meant_only_where_everything_is() {
        let key = Key::unreadable(KeyHash([1; 16]));
        assert!(Selection::All.covers(&key));
        assert!(!Selection::host("example.com").unwrap().covers(&key));
        assert!(!Selection::url("http://example.com/").unwrap().covers(&key));
    }

    #[test]
    fn what_an_origin_taught_belongs_to_its_host_and_to_no_url() {
        let key = Key::new(Method::OtherSafe, "http://example.com".into(), Partition::ANONYMOUS);
        assert!(Selection::host("example.com").unwrap().covers(&key));
        assert!(!Selection::url("http://example.com").unwrap().covers(&key));
    }
}
