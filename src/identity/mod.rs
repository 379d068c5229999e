//! Identities (what an origin can recognise as one client) and the partitions that keep them apart.
//!
//! An identity never leaves this module but as a [`Partition`]: a keyed hash, from which neither a proxy user nor a cookie can be read.
//! `Debug` shows nothing of it, and there is no `Display`.

mod proxy;
mod rotating;
mod rule;

use std::fmt;

use crate::error::{Error, Kind, Result};

pub use proxy::Proxy;
pub use rotating::Gateways;
pub use rule::{Exits, Rule, way};

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

    /// The word for a way that exits go by, and for this key: what another key made is of no exit that is known under this one.
    #[must_use]
    pub fn way(&self, way: Exit) -> u64 {
        let key = Exit(hash::<0>(self, b"ways", [])).witness();
        key & OF_KEY | way.witness() & !OF_KEY
    }
}

/// Which bits of a way's word are those of its key.
const OF_KEY: u64 = 0xffff_ff00_0000_0000;

/// What of a way's word ([`Secret::way`]) is that of its key alone.
#[must_use]
pub const fn key_of_way(way: u64) -> u64 {
    way & OF_KEY
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
    /// The partition of this identity under `secret`, where `rule` says what is one exit.
    #[must_use]
    pub fn partition(&self, rule: Rule, secret: &Secret) -> Partition {
        Partition { exit: rule.exit(self, secret), credentials: self.credentials(secret) }
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
    use super::{Cookies, Identity, Partition, Proxy, Rule, Secret};

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
            identities.iter().map(|one| one.partition(Rule::Proxy, &SECRET)).collect();
        assert_eq!(partitions.len(), identities.len());
    }
}
