//! The store in memory: the reference for what a store is, and `Session(":memory:")`. It forgets the least recently used keys first.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::entry::change::Change;
use crate::entry::forgotten::{Scope, Tombstones};
use crate::entry::{BodyRef, Record};
use crate::error::Result;
use crate::identity::Secret;
use crate::key::{Key, KeyHash};
use crate::store::body::Body;
use crate::store::walk::{Met, Stretch};
use crate::store::{Health, Kept, Store};

/// Most bytes of bodies that are kept, where nothing else is said.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// Most records that are kept, also of those with small bodies or none.
const MOST_RECORDS: usize = 1_000_000;

/// Most records in a stretch of a walk: everybody waits while it is made.
const MOST_AT_ONCE: usize = 256;

/// A store that lives as long as its process.
#[derive(Debug)]
pub struct MemoryStore {
    secret: Secret,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    records: LruCache<KeyHash, Record>,
    /// Those of the records, in the order in which walks meet them.
    hashes: BTreeSet<KeyHash>,
    bodies: HashMap<BodyRef, Shared>,
    bytes: usize,
    most_bytes: usize,
    tombstones: Tombstones,
}

#[derive(Debug)]
struct Shared {
    body: Body,
    references: usize,
}

impl MemoryStore {
    /// An empty store that keeps so many bytes of bodies; by default 256 MiB.
    ///
    /// # Errors
    /// When the machine gives no randomness for the key of the keyed hashes.
    pub fn new(most_bytes: Option<u64>) -> Result<Self> {
        let most_bytes = most_bytes.map_or(MOST_BYTES, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let (records, hashes, bodies) = (LruCache::unbounded(), BTreeSet::new(), HashMap::new());
        let held = Held { records, hashes, bodies, bytes: 0, most_bytes, tombstones: Tombstones::default() };
        Ok(Self { secret: Secret::random()?, held: Mutex::new(held) })
    }

    /// A poisoned lock is taken all the same: no step in here leaves the maps half changed where it could panic.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn change(&mut self, key: &Key, change: &Change, body: Option<Body>) {
        let before = self.records.get(&key.hash).filter(|record| is_of(record, key)).cloned();
        let mut after = before.clone().unwrap_or_else(|| Record::new(&key.url, key.partition));
        if !change.apply(&mut after) {
            return;
        }
        // New references first, so that a body that both refer to is never without one.
        if let Some(body) = body {
            self.keep(body, &after);
        }
        self.count(&after, 1);
        let replaced = if after.is_empty() {
            self.hashes.remove(&key.hash);
            self.records.pop(&key.hash)
        } else {
            self.hashes.insert(key.hash);
            self.records.put(key.hash, after)
        };
        if let Some(record) = replaced {
            self.count(&record, -1);
        }
        self.make_room();
    }

    fn keep(&mut self, body: Body, record: &Record) {
        let reference = body.reference();
        if record.variants.iter().any(|one| one.body == reference) && !self.bodies.contains_key(&reference) {
            self.bytes += body.wire().len();
            self.bodies.insert(reference, Shared { body, references: 0 });
        }
    }

    fn count(&mut self, record: &Record, by: isize) {
        for reference in record.variants.iter().map(|one| one.body) {
            let Some(shared) = self.bodies.get_mut(&reference) else { continue };
            shared.references = shared.references.saturating_add_signed(by);
            if shared.references == 0 {
                self.bytes -= shared.body.wire().len();
                self.bodies.remove(&reference);
            }
        }
    }

    fn make_room(&mut self) {
        while self.bytes > self.most_bytes || self.records.len() > MOST_RECORDS {
            let Some((hash, forgotten)) = self.records.pop_lru() else { return };
            self.hashes.remove(&hash);
            self.count(&forgotten, -1);
        }
    }
}

/// A hash is no proof.
fn is_of(record: &Record, key: &Key) -> bool {
    record.url == *key.url && record.partition == key.partition
}

impl Store for MemoryStore {
    async fn record(&self, key: &Key) -> Result<Option<Record>> {
        Ok(self.held().records.get(&key.hash).filter(|record| is_of(record, key)).cloned())
    }

    async fn two_records(&self, one: &Key, other: &Key) -> Result<(Option<Record>, Option<Record>)> {
        let mut held = self.held();
        let mut find = |key: &Key| held.records.get(&key.hash).filter(|record| is_of(record, key)).cloned();
        Ok((find(one), find(other)))
    }

    async fn body(&self, body: BodyRef) -> Result<Option<Body>> {
        Ok(self.held().bodies.get(&body).map(|shared| shared.body.clone()))
    }

    fn promise(&self, body: BodyRef) -> Option<Kept> {
        self.held().bodies.get(&body).map(|shared| Kept::Here(shared.body.clone()))
    }

    fn is_warm(&self) -> bool {
        true
    }

    fn is_at_hand(&self, _body: Option<BodyRef>) -> bool {
        true
    }

    async fn answer(&self, key: &Key, change: Change, body: Option<Body>, asked: Option<u64>) -> Result<()> {
        let mut held = self.held();
        if !asked.is_some_and(|asked| held.tombstones.refuse(key, &change, asked, &self.secret)) {
            held.change(key, &change, body);
        }
        Ok(())
    }

    async fn entomb(&self, scopes: Vec<Scope>, at: u64) -> Result<()> {
        self.held().tombstones.add(&scopes, at);
        Ok(())
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn records(&self, after: Option<KeyHash>) -> Result<Stretch> {
        let held = self.held();
        let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let mut hashes: Vec<KeyHash> = held.hashes.range(from).copied().take(MOST_AT_ONCE + 1).collect();
        let is_last = hashes.len() <= MOST_AT_ONCE;
        hashes.truncate(MOST_AT_ONCE);
        let end = hashes.last().copied().filter(|_| !is_last);
        let met = hashes.into_iter().map(|hash| Met::at(hash, held.records.peek(&hash).cloned())).collect();
        Ok(Stretch { met, end })
    }

    fn secret(&self) -> &Secret {
        &self.secret
    }

    fn health(&self) -> Health {
        Health::default()
    }
}
