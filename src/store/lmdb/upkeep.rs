//! What is forgotten, so that a store does not grow without bound: bodies that nothing refers to, records that were not used for too long,
//! and, where the file may have only so many bytes, the records that were used longest ago.
//!
//! It is done in small steps, a bounded number of entries in a write transaction: at the end of the writer's groups, and alone when there
//! are none. What a step leaves, the next one finds.

use std::time::Duration;

use bytes::Bytes;
use lmdb::{Cursor, RwTransaction, Transaction};

use crate::entry::BodyRef;
use crate::entry::change::CLOCK_SKEW;
use crate::key::KeyHash;
use crate::store::lmdb::databases::{Databases, References, body_of, get, split_timed_key, timed_key};
use crate::store::lmdb::promises::Promises;
use crate::store::lmdb::transaction::{Found, body, delete, forget, stored};

/// Most entries that one step forgets of each kind.
const MOST: usize = 512;

/// Bytes that a record takes up, about.
const OF_A_RECORD: u64 = 512;

/// What a store may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub max_size: Option<u64>,
    /// Seconds without use.
    pub max_age: Option<u64>,
    /// Seconds that a body stays when nothing refers to it any more: other processes may still be about to read it. In a store that is held
    /// to a size it goes at once, and none is promised.
    pub linger: u64,
}

/// What one step is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    now: u64,
    /// Orphans since then and before go.
    orphaned_until: u64,
    /// Records last used then and before go.
    used_until: Option<u64>,
    /// Bytes that are to become free, of the records used longest ago.
    excess: u64,
}

impl Limits {
    /// How often to look while nothing is written.
    pub fn interval(self) -> Duration {
        Duration::from_secs(self.max_age.map_or(30, |age| (age / 8).clamp(1, 30)))
    }

    /// What is due at `now`. `used` tells how many bytes of the file are in use, or that they are no more than it is given.
    ///
    /// Eviction begins at seven eighths of the most and ends at six. The rest is for free space in pieces that are too small for what comes.
    pub fn due<E>(self, now: u64, used: impl FnOnce(u64) -> Result<u64, E>) -> Result<Due, E> {
        let mut due = Due {
            now,
            orphaned_until: now.saturating_sub(self.linger),
            used_until: self.max_age.map(|age| now.saturating_sub(age)),
            excess: 0,
        };
        if let Some(most) = self.max_size {
            let used = used(most / 8 * 7)?;
            due.orphaned_until = now;
            due.excess = if used > most / 8 * 7 { used - most / 8 * 6 } else { 0 };
        }
        Ok(due)
    }
}

impl Due {
    /// So much is to become free at once, whoever might still be about to read it.
    pub const fn at_once(now: u64, excess: u64) -> Self {
        Self { now, orphaned_until: now, used_until: None, excess }
    }
}

/// Is there anything to do?
pub fn is_any<T: Transaction>(transaction: &T, databases: Databases, due: Due) -> lmdb::Result<bool> {
    let is_orphan_due = !orphans(transaction, databases, due, 1)?.is_empty();
    let is_use_due = due.excess > 0 || !unused(transaction, databases, due.used_until, 1)?.is_empty();
    Ok(is_orphan_due || is_use_due)
}

/// Does one step. `true`: there is more.
pub fn step(
    transaction: &mut RwTransaction<'_>,
    databases: Databases,
    promises: &Promises,
    due: Due,
) -> lmdb::Result<bool> {
    let unused = unused(transaction, databases, due.used_until, MOST)?;
    let mut is_more = unused.len() == MOST;
    for (at, hash) in unused {
        forget_at(transaction, databases, at, hash, due.now)?;
    }
    if due.excess > 0 {
        is_more |= evict(transaction, databases, due)?;
    }
    is_more |= sweep(transaction, databases, promises, due)?;
    Ok(is_more)
}

/// Removes bodies that have been orphans for long enough.
fn sweep(
    transaction: &mut RwTransaction<'_>,
    databases: Databases,
    promises: &Promises,
    due: Due,
) -> lmdb::Result<bool> {
    let orphans = orphans(transaction, databases, due, MOST)?;
    let is_more = orphans.len() == MOST;
    for (since, key) in orphans {
        delete(transaction, databases.orphans, &timed_key(since, &key))?;
        let references = get(transaction, databases.references, &key)?.map(References::decode);
        // It may have found a reference since, and lost that again later.
        if references == Some(References { count: 0, none_since: since }) {
            promises.removing(body_of(&key), || copied(transaction, databases, body_of(&key)));
            delete(transaction, databases.references, &key)?;
            delete(transaction, databases.bodies, &key)?;
        }
    }
    Ok(is_more)
}

fn copied<T: Transaction>(transaction: &T, databases: Databases, reference: BodyRef) -> Option<Bytes> {
    match body(transaction, databases, reference) {
        Ok(Found::Whole(wire)) => Some(Bytes::copy_from_slice(wire)),
        Ok(Found::Nothing | Found::Unreadable) | Err(_) => None,
    }
}

/// Forgets the records that were used longest ago, until the excess is gone. `true`: it is not.
fn evict(transaction: &mut RwTransaction<'_>, databases: Databases, due: Due) -> lmdb::Result<bool> {
    let mut freed = 0;
    let oldest = unused(transaction, databases, Some(u64::MAX), MOST)?;
    let is_all = oldest.len() < MOST;
    for (at, hash) in oldest {
        if freed >= due.excess {
            return Ok(false);
        }
        freed += forget_at(transaction, databases, at, hash, due.now)?;
    }
    Ok(!is_all)
}

/// Forgets the record that `uses` has at this place; how many bytes that gives, about.
fn forget_at(
    transaction: &mut RwTransaction<'_>,
    databases: Databases,
    at: u64,
    hash: KeyHash,
    now: u64,
) -> lmdb::Result<u64> {
    delete(transaction, databases.uses, &timed_key(at, &hash.0))?;
    // One that could not be read when it was written anew has left its place behind.
    let Some(record) = stored(transaction, databases, hash)?.filter(|record| record.last_used == at) else {
        return Ok(0);
    };
    forget(transaction, databases, hash, &record, now)?;
    Ok(OF_A_RECORD + record.variants.iter().map(|one| one.body.length).sum::<u64>())
}

fn orphans<T: Transaction>(
    transaction: &T,
    databases: Databases,
    due: Due,
    most: usize,
) -> lmdb::Result<Vec<(u64, [u8; 40])>> {
    let mut cursor = transaction.open_ro_cursor(databases.orphans)?;
    let mut found = Vec::new();
    for pair in cursor.iter_start().take(most) {
        let Some((since, key)) = split_timed_key(pair?.0) else { continue };
        if since > due.orphaned_until {
            break;
        }
        found.push((since, key));
    }
    for pair in cursor.iter_from(timed_key(due.now.saturating_add(CLOCK_SKEW), &[])).take(most - found.len()) {
        found.extend(split_timed_key(pair?.0));
    }
    Ok(found)
}

fn unused<T: Transaction>(
    transaction: &T,
    databases: Databases,
    until: Option<u64>,
    most: usize,
) -> lmdb::Result<Vec<(u64, KeyHash)>> {
    let Some(until) = until else { return Ok(Vec::new()) };
    let mut cursor = transaction.open_ro_cursor(databases.uses)?;
    let mut found = Vec::new();
    for pair in cursor.iter_start().take(most) {
        let Some((at, hash)) = split_timed_key(pair?.0) else { continue };
        if at > until {
            break;
        }
        found.push((at, KeyHash(hash)));
    }
    Ok(found)
}
