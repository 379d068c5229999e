//! Hosts that tell clients apart by validators, and how it shows.
//!
//! # Scope
//! Counts what answers were evidence of ([`crate::entry::spread`]); evidence grows, and what does not look so any more is not counted any
//! more. No validator and no exit is kept here, only how many there were.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::entry::spread::Spread;
use crate::exchange::learn::origin;

/// Most hosts kept; the one whose last sign is oldest gives way.
const MOST_HOSTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Most URLs counted for one of them.
const MOST_URLS: usize = 128;

/// The hosts that were seen to tell clients apart.
#[derive(Debug)]
pub struct Trackers {
    /// Of each host the URLs, by their hashes, that show it.
    hosts: Mutex<LruCache<String, HashMap<u64, Spread>>>,
}

/// What shows that a host tells clients apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracker {
    /// The host, with its port where that is not its scheme's.
    pub host: String,
    /// URLs that showed it.
    pub urls: usize,
    /// Of the one that was given to most exits: its validators for one and the same content, and those exits.
    pub shown: Spread,
}

impl Default for Trackers {
    fn default() -> Self {
        Self { hosts: Mutex::new(LruCache::new(MOST_HOSTS)) }
    }
}

impl Trackers {
    /// Takes in how the validators of a page of `url` are spread, where an answer showed it.
    pub fn note(&self, url: &str, spread: Option<Spread>) {
        let Some(spread) = spread else { return };
        let mut hosts = self.hosts();
        if hosts.is_empty() && !spread.is_tracking() {
            return;
        }
        let (host, hash) = (host(url), xxhash_rust::xxh3::xxh3_64(url.as_bytes()));
        if !spread.is_tracking() {
            let is_last = hosts.peek_mut(host).is_some_and(|urls| urls.remove(&hash).is_some() && urls.is_empty());
            if is_last {
                hosts.pop(host);
            }
            return;
        }
        let urls = hosts.get_or_insert_mut_ref(host, HashMap::new);
        if urls.len() < MOST_URLS || urls.contains_key(&hash) {
            urls.insert(hash, spread);
        }
    }

    /// All of them, by name.
    #[must_use]
    pub fn told(&self) -> Vec<Tracker> {
        let hosts = self.hosts();
        let tracker = |(host, urls): (&String, &HashMap<u64, Spread>)| {
            let shown = urls.values().max_by_key(|one| one.exits).copied().unwrap_or_default();
            Tracker { host: host.clone(), urls: urls.len(), shown }
        };
        let mut told: Vec<Tracker> = hosts.iter().map(tracker).collect();
        told.sort_unstable_by(|one, other| one.host.cmp(&other.host));
        told
    }

    fn hosts(&self) -> MutexGuard<'_, LruCache<String, HashMap<u64, Spread>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn host(url: &str) -> &str {
    let origin = origin(url);
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::{MOST_HOSTS, MOST_URLS, Spread, Trackers};

    const TRACKING: Spread = Spread { validators: 5, exits: 5, alone: 5 };
    const BALANCED: Spread = Spread { validators: 5, exits: 9, alone: 2 };

    #[test]
    fn a_host_is_told_with_what_shows_it() {
        let trackers = Trackers::default();
        for (url, spread) in [
            ("http://a/1", TRACKING),
            ("http://a/2", Spread { validators: 9, exits: 9, alone: 9 }),
            ("http://b:81/", BALANCED),
        ] {
            trackers.note(url, Some(spread));
        }
        let told = trackers.told();
        assert_eq!(told.iter().map(|one| (&*one.host, one.urls, one.shown.exits)).collect::<Vec<_>>(), [("a", 2, 9)]);
    }

    #[test]
    fn what_looked_so_with_few_exits_and_does_not_with_more_is_not_told_any_more() {
        let trackers = Trackers::default();
        trackers.note("http://a/1", Some(TRACKING));
        trackers.note("http://a/2", Some(BALANCED));
        assert_eq!(trackers.told().len(), 1);
        trackers.note("http://a/1", Some(BALANCED));
        assert!(trackers.told().is_empty());
    }

    #[test]
    fn hosts_and_urls_are_bounded() {
        let trackers = Trackers::default();
        for number in 0..3_000 {
            trackers.note(&format!("http://{number}/"), Some(TRACKING));
            trackers.note(&format!("http://one/{number}"), Some(TRACKING));
        }
        let told = trackers.told();
        assert_eq!(told.len(), MOST_HOSTS.get());
        assert!(told.iter().any(|one| one.host == "one" && one.urls == MOST_URLS));
    }
}
