//! The cache key: method, URL and partition (RFC 9111 §2). There is no key without a partition.

use std::sync::Arc;

use url::Url;

use crate::error::{Error, Kind, Result};
use crate::identity::Partition;

/// The methods of RFC 9110 that matter to a cache; all others are [`Method::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// OPTIONS or TRACE: safe, and never stored.
    OtherSafe,
    /// Any other: not safe.
    Other,
}

impl Method {
    /// The method that `token` names. Methods are case-sensitive (RFC 9110 §9.1).
    #[must_use]
    pub fn of(token: &str) -> Self {
        match token {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "OPTIONS" | "TRACE" => Self::OtherSafe,
            _ => Self::Other,
        }
    }

    const fn tag(self) -> u8 {
        match self {
            Self::Get => 0,
            Self::Head => 1,
            Self::OtherSafe => 2,
            Self::Other => 3,
        }
    }
}

/// What a stored response is found by. The hash finds it; URL and partition, kept in the record, prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// GET or HEAD, in practice.
    pub method: Method,
    /// The target URI: normalised, without fragment and userinfo.
    pub url: Arc<str>,
    /// Whose stored responses these are.
    pub partition: Partition,
    /// 128 bits of all three.
    pub hash: KeyHash,
}

/// The fixed-size form of a [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 16]);

impl Key {
    /// The key of `url` as asked for with `method` out of `partition`.
    #[must_use]
    pub fn new(method: Method, url: Arc<str>, partition: Partition) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&partition.exit.0)
            .update(&partition.credentials.0)
            .update(&[method.tag()])
            .update(url.as_bytes());
        let mut hash = [0; 16];
        hasher.finalize_xof().fill(&mut hash);
        Self { method, url, partition, hash: KeyHash(hash) }
    }

    /// The key of what lies under `hash` and says to be of `url` and `partition`; `None`: no request finds it there.
    #[must_use]
    pub fn found(hash: KeyHash, url: &str, partition: Partition) -> Option<Self> {
        let under = |method| Self::new(method, Arc::from(url), partition);
        [Method::Get, Method::Head, Method::OtherSafe].into_iter().map(under).find(|key| key.hash == hash)
    }

    /// The key of what lies under `hash` and does not say what it is: to forget it by.
    #[must_use]
    pub fn unreadable(hash: KeyHash) -> Self {
        Self { method: Method::Other, url: Arc::from(""), partition: Partition::ANONYMOUS, hash }
    }

    /// The same target under another method.
    #[must_use]
    pub fn under(&self, method: Method) -> Self {
        Self::new(method, Arc::clone(&self.url), self.partition)
    }
}

/// Reads a target URI: `http` or `https`, with a host, of bounded length. The fragment is dropped; userinfo stays for the caller to move.
///
/// # Errors
/// [`Kind::InvalidRequest`] naming the value (without userinfo) and the remedy.
pub fn parse_target(text: &str) -> Result<Url> {
    let refuse = |what: &str| {
        let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
        // A user and password can stand there without the @ that would tell them from a host and port.
        let is_bare = !rest.contains('@') && port.chars().all(|digit| digit.is_ascii_digit());
        let rest: String = if is_bare { rest.chars().take(120).collect() } else { "…".to_owned() };
        let shown = if scheme.is_empty() { rest } else { format!("{scheme}://{rest}") };
        Error::new(Kind::InvalidRequest, format!("URL {shown:?} {what}"))
    };
    if text.len() > 65_536 {
        return Err(refuse("is longer than 65536 bytes"));
    }
    let mut url = Url::parse(text).map_err(|error| {
        refuse("cannot be parsed; write it as http://host/path or https://host/path").with_source(error)
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("has a scheme other than http and https"));
    }
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{Key, Method, Partition, parse_target};
    use crate::identity::Exit;

    #[test]
    fn method_url_and_partition_each_make_a_key_of_their_own() {
        let key = Key::new(Method::Get, "http://a/".into(), Partition::ANONYMOUS);
        assert_ne!(key.hash, key.under(Method::Head).hash);
        assert_ne!(key.hash, Key::new(Method::Get, "http://b/".into(), Partition::ANONYMOUS).hash);
        assert_ne!(
            key.hash,
            Key::new(Method::Get, "http://a/".into(), Partition { exit: Exit([1; 16]), ..Partition::ANONYMOUS }).hash
        );
    }

    #[test]
    fn a_target_is_normalised_and_loses_its_fragment() {
        assert_eq!(parse_target("HTTP://Example.COM:80/a/../b?q=1#part").unwrap().as_str(), "http://example.com/b?q=1");
    }

    #[test]
    fn a_bad_target_is_named_without_its_password() {
        for text in ["ftp://u:hunter2@host/", "http://u:hunter2@:0:0/", "http://u:hunter2", "nonsense", "/path"] {
            let message = parse_target(text).unwrap_err().to_string();
            assert!(message.contains("URL") && !message.contains("hunter2"), "{message}");
        }
    }
}
