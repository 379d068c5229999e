//! Walking through the records: a short read transaction for each stretch, and what is not committed yet laid over it.

use std::collections::BTreeMap;

use bytes::Bytes;
use lmdb::{Cursor, Transaction};

use crate::entry::{Record, codec};
use crate::key::KeyHash;
use crate::store::lmdb::databases::Databases;
use crate::store::walk::{Met, Stretch};

/// Most records in a stretch.
pub const MOST_RECORDS: usize = 256;

/// Bytes of records after which a stretch ends.
const MOST_BYTES: usize = 1 << 20;

/// The bytes of the records after a hash, and whether they are the last.
pub struct Stored {
    found: Vec<(KeyHash, Bytes)>,
    is_last: bool,
}

/// What the database holds after `after`, as far as a stretch goes.
pub fn stored<T: Transaction>(transaction: &T, databases: Databases, after: Option<KeyHash>) -> lmdb::Result<Stored> {
    let mut cursor = transaction.open_ro_cursor(databases.entries)?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    for pair in cursor.iter_from(after.map_or([0; 16], |hash| hash.0)) {
        let (key, value) = pair?;
        let Ok(hash) = key.try_into().map(KeyHash) else { continue };
        if Some(hash) <= after {
            continue;
        }
        if found.len() == MOST_RECORDS || bytes >= MOST_BYTES {
            return Ok(Stored { found, is_last: false });
        }
        bytes += value.len();
        found.push((hash, Bytes::copy_from_slice(value)));
    }
    Ok(Stored { found, is_last: true })
}

/// The stretch that both make, up to where both reach. What is pending counts: it was looked at first, so that nothing is missed that was
/// committed in between.
pub fn merged(pending: Vec<(KeyHash, Option<Record>)>, stored: Stored) -> Stretch {
    let last_pending = pending.last().filter(|_| pending.len() == MOST_RECORDS).map(|(hash, _)| *hash);
    let last_stored = stored.found.last().filter(|_| !stored.is_last).map(|(hash, _)| *hash);
    let end = [last_pending, last_stored].into_iter().flatten().min();
    let is_reached = |hash: &KeyHash| end.is_none_or(|end| *hash <= end);
    let mut met = BTreeMap::new();
    for (hash, bytes) in stored.found.into_iter().filter(|(hash, _)| is_reached(hash)) {
        met.insert(hash, Met::at(hash, codec::decode(bytes)));
    }
    for (hash, record) in pending.into_iter().filter(|(hash, _)| is_reached(hash)) {
        match record {
            Some(record) => met.insert(hash, Met::at(hash, Some(record))),
            None => met.remove(&hash),
        };
    }
    Stretch { met: met.into_values().collect(), end }
}
