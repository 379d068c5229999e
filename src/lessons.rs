//! What origins taught, at hand: looked up for every request to something stored, and so held in memory for a minute.
//!
//! The store keeps it ([`crate::entry::learned`]); other processes may have added to it since.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::entry::learned::Lessons as Learned;
use crate::exchange::learn::origin;
use crate::identity::Partition;
use crate::key::Key;

/// Most origins held.
const MOST_ORIGINS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Seconds after which the store is asked again.
const TRUSTED_FOR: u64 = 60;

/// What origins taught, those that were asked last.
#[derive(Debug)]
pub struct Lessons {
    table: Mutex<LruCache<u64, Held>>,
}

#[derive(Debug)]
struct Held {
    origin: Box<str>,
    partition: Partition,
    /// Nothing, for most.
    learned: Option<Arc<Learned>>,
    since: u64,
}

impl Default for Lessons {
    fn default() -> Self {
        Self { table: Mutex::new(LruCache::new(MOST_ORIGINS)) }
    }
}

impl Lessons {
    /// What is at hand for the origin of `key` at `now`: `None` where the store is to be asked.
    pub fn get(&self, key: &Key, now: u64) -> Option<Option<Arc<Learned>>> {
        let mut table = self.table();
        let held = table.get(&place(key))?;
        let is_valid = now.saturating_sub(held.since) < TRUSTED_FOR
            && held.partition == key.partition
            && *held.origin == *origin(&key.url);
        is_valid.then(|| held.learned.clone())
    }

    /// Holds what the store said at `now`.
    pub fn hold(&self, key: &Key, learned: Option<Learned>, now: u64) -> Option<Arc<Learned>> {
        let learned = learned.filter(|learned| !learned.is_empty()).map(Arc::new);
        let held =
            Held { origin: origin(&key.url).into(), partition: key.partition, learned: learned.clone(), since: now };
        self.table().put(place(key), held);
        learned
    }

    /// Something was learned about the origin of `key`.
    pub fn forget(&self, key: &Key) {
        self.table().pop(&place(key));
    }

    fn table(&self) -> MutexGuard<'_, LruCache<u64, Held>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Two origins in one place drive each other out, and are told apart by what is held.
fn place(key: &Key) -> u64 {
    let seed = key.partition.exit.witness();
    xxhash_rust::xxh3::xxh3_64_with_seed(origin(&key.url).as_bytes(), seed)
}
