//! Identities (what an origin can recognise as one client) and the partitions that keep them apart.
//!
//! An identity never leaves this module but as a [`Partition`]: a keyed hash, from which neither a proxy user nor a cookie can be read.
//! `Debug` shows nothing of it, and there is no `Display`.

use std::fmt;

use url::Url;

use crate::error::{Error, Kind, Result};

/// The key of the keyed hashes. It lies beside the database, never in it, or is the caller's own and lies nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// [`Kind::Store`] when the machine gives no randomness.
    pub fn random() -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| Error::new(Kind::Store, "no random bytes from the operating system").with_source(error))?;
        Ok(Self(key))
    }

    /// Fewest bytes that a caller gives as a key.
    pub const SHORTEST: usize = 16;

    /// Most of them.
    pub const LONGEST: usize = 4096;

    /// One made of the caller's own key.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] with its length where it is too short to be a secret, or longer than one.
    pub fn of(key: &[u8]) -> Result<Self> {
        if !(Self::SHORTEST..=Self::LONGEST).contains(&key.len()) {
            let (length, least, most) = (key.len(), Self::SHORTEST, Self::LONGEST);
            let message = format!("identity_key of {length} bytes; give {least} to {most} bytes that nobody can guess");
            return Err(Error::new(Kind::InvalidRequest, message));
        }
        Ok(Self(blake3::derive_key("notmodified 2026 key of identities", key)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// By which address an origin sees a request come, as a keyed hash: a proxy and its user, or a name that the caller gave for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Exit(pub [u8; 16]);

impl Exit {
    /// No proxy, and no name.
    pub const DIRECT: Self = Self([0; 16]);

    /// Whichever: where all exits share what is stored.
    pub const ANY: Self = Self([0xff; 16]);

    /// One that no other request has.
    ///
    /// # Errors
    /// [`Kind::Store`] when the machine gives no randomness.
    pub fn of_one_request() -> Result<Self> {
        let Secret(random) = Secret::random()?;
        Ok(Self(random.first_chunk().copied().unwrap_or_default()))
    }

    /// The word by which it is counted among those that saw the same. Two exits of one word count as one, which is too few and does no harm.
    #[must_use]
    pub fn witness(self) -> u64 {
        self.0.first_chunk().map_or(0, |half| u64::from_le_bytes(*half))
    }
}

/// By what an origin can recognise a client whatever its address is, as a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Credentials(pub [u8; 16]);

impl Credentials {
    /// Nothing.
    pub const NONE: Self = Self([0; 16]);
}

/// The set of stored responses that one identity may use without telling the origin anything about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Partition {
    /// By which way it goes.
    pub exit: Exit,
    /// As whom.
    pub credentials: Credentials,
}

impl Partition {
    /// Requests that carry nothing by which they could be told apart.
    pub const ANONYMOUS: Self = Self { exit: Exit::DIRECT, credentials: Credentials::NONE };

    /// A short word for it, for people to tell it from others by; `None` for requests that carry nothing. It is part of a keyed hash.
    #[must_use]
    pub fn word(self) -> Option<String> {
        let mix = |at: usize| self.exit.0.get(at).unwrap_or(&0) ^ self.credentials.0.get(at).unwrap_or(&0);
        (self != Self::ANONYMOUS).then(|| format!("{:02x}{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2), mix(3)))
    }
}

/// A proxy: where it is and who we are to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    url: Url,
}

impl Proxy {
    /// Schemes that a proxy may have.
    pub const SCHEMES: [&'static str; 5] = ["http", "https", "socks4", "socks5", "socks5h"];

    /// Where a SOCKS proxy listens whose URL has no port; the others have those of their schemes, 80 and 443.
    const PORT_OF_SOCKS: u16 = 1080;

    /// Reads a proxy URL, with userinfo or without.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`], naming the value where it is no more than `host:port`.
    pub fn parse(text: &str) -> Result<Self> {
        // Lists of proxies write credentials at any place: only what is no more than host:port is shown.
        let shown = || {
            let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
            let is_bare = !rest.contains('@') && rest.matches(':').count() < 2 && rest.len() < 80;
            let port = rest.rsplit_once(':').is_none_or(|(_, port)| port.chars().all(|digit| digit.is_ascii_digit()));
            let rest = if is_bare && port { rest } else { "…" };
            scheme.map_or_else(|| rest.to_owned(), |scheme| format!("{scheme}://{rest}"))
        };
        let mut url = Url::parse(text).map_err(|error| {
            let message = format!("proxy {:?} is not a URL; write it as http://user:password@host:port", shown());
            Error::new(Kind::InvalidRequest, message).with_source(error)
        })?;
        let known = Self::SCHEMES.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty());
        if !known {
            let message = format!("proxy {:?} needs a host, and a scheme out of {}", shown(), Self::SCHEMES.join(", "));
            return Err(Error::new(Kind::InvalidRequest, message));
        }
        if url.scheme().starts_with("socks") {
            // What URLs of http have by themselves: one way to write an endpoint.
            let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
            let port = url.port().unwrap_or(Self::PORT_OF_SOCKS);
            let is_set = url.set_host(Some(&host)).is_ok() && url.set_port(Some(port)).is_ok();
            debug_assert!(is_set, "a URL with a host may have another, and a port");
        }
        Ok(Self { url })
    }

    /// `scheme://host:port`, without userinfo: for people.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let port = self.url.port_or_known_default().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }

    /// User and password without their escapes, if there is either.
    #[must_use]
    pub fn login(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (user, password) = (self.url.username(), self.url.password());
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect();
        (!user.is_empty() || password.is_some()).then(|| (decoded(user), decoded(password.unwrap_or_default())))
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

/// By what cookies a request can be recognised.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Cookies {
    /// None are sent.
    #[default]
    None,
    /// A Cookie field of the caller's: each value is a client of its own.
    Value(Vec<u8>),
    /// A jar, whose cookies come and go: the jar is the client.
    Jar(String),
}

/// What the origin can recognise as one client.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// A name that the caller gave to whoever goes: in place of the proxy.
    pub name: Option<String>,
    /// The proxy by which the request leaves; user and password are part of the exit (gateways put the session into either).
    pub proxy: Option<Proxy>,
    /// The value of Authorization.
    pub authorization: Option<Vec<u8>>,
    /// Cookies.
    pub cookies: Cookies,
}

impl Identity {
    /// The partition of this identity under `secret`.
    #[must_use]
    pub fn partition(&self, secret: &Secret) -> Partition {
        Partition { exit: self.exit(secret), credentials: self.credentials(secret) }
    }

    /// By which way it goes. A name of the caller's says who goes, whichever proxy carries it.
    fn exit(&self, secret: &Secret) -> Exit {
        let Some(name) = &self.name else {
            let Some(proxy) = &self.proxy else { return Exit::DIRECT };
            let (endpoint, url) = (proxy.endpoint(), proxy.url());
            let (user, password) = (url.username().as_bytes(), url.password().map(str::as_bytes));
            return Exit(hash(secret, b"proxy", [Some(endpoint.as_bytes()), Some(user), password]));
        };
        Exit(hash(secret, b"name", [Some(name.as_bytes())]))
    }

    /// As whom it goes.
    fn credentials(&self, secret: &Secret) -> Credentials {
        let (value, jar) = match &self.cookies {
            Cookies::None => (None, None),
            Cookies::Value(value) => (Some(value.as_slice()), None),
            Cookies::Jar(jar) => (None, Some(jar.as_bytes())),
        };
        if self.authorization.is_none() && value.is_none() && jar.is_none() {
            return Credentials::NONE;
        }
        Credentials(hash(secret, b"credentials", [self.authorization.as_deref(), value, jar]))
    }
}

fn hash<const N: usize>(secret: &Secret, kind: &[u8], parts: [Option<&[u8]>; N]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(&secret.0);
    hasher.update(kind);
    for part in parts {
        // Presence, then length, then bytes: no two identities run into one.
        hasher.update(&[u8::from(part.is_some())]);
        let part = part.unwrap_or_default();
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identity(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Cookies, Identity, Partition, Proxy, Secret};

    const SECRET: Secret = Secret([3; 32]);

    fn proxied(url: &str) -> Identity {
        Identity { proxy: Some(Proxy::parse(url).unwrap()), ..Identity::default() }
    }

    #[test]
    fn whoever_can_be_told_apart_has_a_partition_of_its_own() {
        let identities = [
            Identity::default(),
            Identity { name: Some("a".into()), ..Identity::default() },
            Identity { authorization: Some(b"a".to_vec()), ..Identity::default() },
            Identity { cookies: Cookies::Value(b"a".to_vec()), ..Identity::default() },
            Identity { cookies: Cookies::Jar("a".into()), ..Identity::default() },
            proxied("http://proxy:1"),
            proxied("http://proxy:2"),
            proxied("http://a@proxy:1"),
            proxied("http://a:one@proxy:1"),
            proxied("http://a:two@proxy:1"),
            proxied("socks5://proxy:1"),
        ];
        let partitions: std::collections::HashSet<Partition> =
            identities.iter().map(|one| one.partition(&SECRET)).collect();
        assert_eq!(partitions.len(), identities.len());
    }

    #[test]
    fn a_bad_proxy_is_named_without_its_password() {
        for text in
            ["ftp://user:hunter2@host:1", "user:hunter2@host", "http://", "h:1:user:hunter2", "http://h:1:user:hunter2"]
        {
            let message = Proxy::parse(text).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
        assert!(!format!("{:?}", Proxy::parse("http://user:hunter2@host").unwrap()).contains("hunter2"));
    }
}
