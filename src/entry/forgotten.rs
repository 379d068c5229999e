//! What was forgotten, and when: a request that was planned before that and is settled after it must not bring it back.
//!
//! ```text
//! forget ─▶ tombstone, kept with the store ─▶ whatever was asked for before it is refused where it would be written
//! ```
//!
//! # Scope
//! Says what is refused; the store asks, inside its own transaction, so that what one process forgets no other writes. It names nothing that was
//! forgotten: exits are hashes already, URLs and hosts are hashed with the store's key. A tombstone is kept for as long as a request can take.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use url::Url;

use crate::entry::change::Change;
use crate::identity::{Exit, Secret};
use crate::key::Key;

/// Milliseconds for which a tombstone is kept. What was asked for longer before it than that was dated by a clock that was wrong.
pub const KEPT_FOR: u64 = 3_600_000;

/// Most tombstones kept. Beyond that the oldest become one for everything: it refuses too much, never too little.
pub const MOST_TOMBSTONES: usize = 1024;

/// What is forgotten at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything.
    All,
    /// What was received by this exit.
    Exit(Exit),
    /// What is stored for a URL, as its hash.
    Url([u8; 16]),
    /// What is stored for a host, as its hash.
    Host([u8; 16]),
}

/// What was forgotten of late.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tombstones {
    /// The newest last.
    list: Vec<Tombstone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tombstone {
    scope: Scope,
    /// Milliseconds since the epoch.
    at: u64,
}

impl Scope {
    /// The one of a URL, normalised as those of keys are.
    #[must_use]
    pub fn url(url: &str, secret: &Secret) -> Self {
        Self::Url(hash(secret, b"url", &[Some(url)]))
    }

    /// The one of a host: with any scheme and any port, or with those that are given.
    #[must_use]
    pub fn host(scheme: Option<&str>, name: &str, port: Option<u16>, secret: &Secret) -> Self {
        let port = port.map(|port| port.to_string());
        Self::Host(hash(secret, b"host", &[scheme, Some(name), port.as_deref()]))
    }

    /// Those of the hosts that `url` is of.
    fn hosts_of(url: &str, secret: &Secret) -> Vec<Self> {
        let Ok(url) = Url::parse(url) else { return Vec::new() };
        let (scheme, name, port) = (url.scheme(), url.host_str().unwrap_or_default(), url.port_or_known_default());
        let forms = [(None, None), (None, port), (Some(scheme), None), (Some(scheme), port)];
        forms.into_iter().map(|(scheme, port)| Self::host(scheme, name, port, secret)).collect()
    }

    const fn encoded(self) -> (u8, [u8; 16]) {
        match self {
            Self::All => (0, [0; 16]),
            Self::Exit(Exit(hash)) => (1, hash),
            Self::Url(hash) => (2, hash),
            Self::Host(hash) => (3, hash),
        }
    }

    const fn decoded(kind: u8, hash: [u8; 16]) -> Option<Self> {
        match kind {
            0 => Some(Self::All),
            1 => Some(Self::Exit(Exit(hash))),
            2 => Some(Self::Url(hash)),
            3 => Some(Self::Host(hash)),
            _ => None,
        }
    }
}

impl Tombstones {
    /// When something was last forgotten; 0: never, as far as is known. Whatever was asked for later than that is written.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.list.iter().map(|one| one.at).max().unwrap_or_default()
    }

    /// Notes what is forgotten at `at` (milliseconds since the epoch).
    pub fn add(&mut self, scopes: &[Scope], at: u64) {
        self.list.retain(|one| at.saturating_sub(one.at) <= KEPT_FOR && !scopes.contains(&one.scope));
        if scopes.contains(&Scope::All) {
            self.list.clear();
            self.list.push(Tombstone { scope: Scope::All, at });
            return;
        }
        self.list.extend(scopes.iter().map(|scope| Tombstone { scope: *scope, at }));
        if self.list.len() > MOST_TOMBSTONES {
            let surplus = self.list.len() - MOST_TOMBSTONES + 1;
            let at = self.list.drain(..surplus).map(|one| one.at).max().unwrap_or(at);
            self.list.insert(0, Tombstone { scope: Scope::All, at });
        }
    }

    /// Is `change` to the record under `key` one that was asked for, at `asked` (milliseconds since the epoch), before what it would bring back was
    /// forgotten?
    #[must_use]
    pub fn refuse(&self, key: &Key, change: &Change, asked: u64, secret: &Secret) -> bool {
        if !change.brings_something() {
            return false;
        }
        let is_late = |one: &&Tombstone| one.at.checked_sub(asked).is_some_and(|since| since <= KEPT_FOR);
        let scopes: Vec<Scope> = self.list.iter().filter(is_late).map(|one| one.scope).collect();
        if scopes.is_empty() {
            return false;
        }
        let is_by = |scope: &Scope| matches!(scope, Scope::Exit(exit) if change.witness() == Some(exit.witness()));
        let own = [Scope::All, Scope::Exit(key.partition.exit), Scope::url(&key.url, secret)];
        let has = |scope: &Scope| scopes.contains(scope);
        own.iter().any(has)
            || scopes.iter().any(is_by)
            || scopes.iter().any(|scope| matches!(scope, Scope::Host(_)))
                && Scope::hosts_of(&key.url, secret).iter().any(has)
    }

    /// As it is stored: when something was last forgotten, and then all of it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut into = BytesMut::new();
        into.put_u64_le(self.newest());
        for Tombstone { scope, at } in &self.list {
            let (kind, hash) = scope.encoded();
            into.put_u64_le(*at);
            into.put_u8(kind);
            into.put_slice(&hash);
        }
        into.freeze()
    }

    /// When something was last forgotten, of what is stored, without reading the rest.
    #[must_use]
    pub fn newest_in(mut stored: &[u8]) -> u64 {
        stored.try_get_u64_le().unwrap_or_default()
    }

    /// What is stored, as far as it can be read.
    #[must_use]
    pub fn decode(mut stored: &[u8]) -> Self {
        stored = stored.get(size_of::<u64>()..).unwrap_or_default();
        let one = || {
            let at = stored.try_get_u64_le().ok()?;
            let kind = stored.try_get_u8().ok()?;
            let mut hash = [0; 16];
            stored.try_copy_to_slice(&mut hash).ok()?;
            Some(Tombstone { scope: Scope::decoded(kind, hash)?, at })
        };
        Self { list: std::iter::from_fn(one).collect() }
    }
}

fn hash(secret: &Secret, kind: &[u8], parts: &[Option<&str>]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(&secret.0);
    hasher.update(b"forgotten ").update(kind);
    for part in parts {
        hasher.update(&[u8::from(part.is_some())]);
        let part = part.unwrap_or_default();
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    hash
}

#[cfg(test)]
mod tests {
    use super::{KEPT_FOR, MOST_TOMBSTONES, Scope, Tombstones};
    use crate::entry::change::Change;
    use crate::identity::{Exit, Partition, Secret};
    use crate::key::{Key, Method};

    const SECRET: Secret = Secret([5; 32]);

    fn refused(tombstones: &Tombstones, url: &str, asked: u64) -> bool {
        let key = Key::new(Method::Get, url.into(), Partition::ANONYMOUS);
        tombstones.refuse(&key, &Change::Use(1), asked, &SECRET)
    }

    fn url(number: usize) -> String {
        format!("http://host/{number}")
    }

    #[test]
    fn what_is_stored_reads_back_and_names_nothing() {
        let mut tombstones = Tombstones::default();
        let host = Scope::host(Some("https"), "host.example", Some(443), &SECRET);
        let scopes = [Scope::url("http://host.example/secret", &SECRET), host, Scope::Exit(Exit([9; 16]))];
        tombstones.add(&scopes, 70);
        tombstones.add(&[Scope::url("http://other/", &SECRET)], 80);

        let stored = tombstones.encode();

        assert_eq!((Tombstones::decode(&stored), Tombstones::newest_in(&stored)), (tombstones, 80));
        assert!(!String::from_utf8_lossy(&stored).contains("host"));
        assert_eq!((Tombstones::decode(b""), Tombstones::newest_in(b"")), (Tombstones::default(), 0));
        assert_eq!(Tombstones::decode(&stored[..stored.len() - 1]).list.len(), 3);
    }

    #[test]
    fn the_same_once_more_counts_from_then_on() {
        let mut tombstones = Tombstones::default();
        for at in [10, 20] {
            tombstones.add(&[Scope::url(&url(1), &SECRET)], at);
        }
        assert!(refused(&tombstones, &url(1), 20) && !refused(&tombstones, &url(1), 21));
        assert_eq!(tombstones.list.len(), 1);
    }

    #[test]
    fn more_than_are_kept_become_one_for_everything_until_then() {
        let mut tombstones = Tombstones::default();
        for number in 0..MOST_TOMBSTONES + 10 {
            tombstones.add(&[Scope::url(&url(number), &SECRET)], 1000 + number as u64);
            assert!(tombstones.list.len() <= MOST_TOMBSTONES);
        }
        assert!(refused(&tombstones, &url(0), 1000));
        assert!(refused(&tombstones, "http://never/", 1000) && !refused(&tombstones, "http://never/", 1100));
        assert!((0..MOST_TOMBSTONES + 10).all(|number| refused(&tombstones, &url(number), 1000 + number as u64)));

        tombstones.add(&[Scope::Exit(Exit([1; 16]))], 5000 + KEPT_FOR);
        assert_eq!(tombstones.list.len(), 1);
        let scopes: Vec<Scope> = (0..5000).map(|number| Scope::url(&url(number), &SECRET)).collect();
        tombstones.add(&scopes, 6000 + KEPT_FOR);
        assert!((0..5000).all(|number| refused(&tombstones, &url(number), 6000 + KEPT_FOR)));
        tombstones.add(&[Scope::All], 7000 + KEPT_FOR);
        assert_eq!(tombstones.list.len(), 1);
        assert!(refused(&tombstones, "http://never/", 7000 + KEPT_FOR));
    }
}
