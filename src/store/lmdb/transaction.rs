//! What is done inside a transaction: reading a record, a body, and making a change together with everything that hangs
//! on it.

use bytes::Bytes;
use lmdb::{Database, RwTransaction, Transaction, WriteFlags};

use crate::entry::{BodyRef, Record, codec};
use crate::key::{Key, KeyHash};
use crate::store::body::{self, Body};
use crate::store::lmdb::databases::{BodyKey, Databases, References, body_key, get, timed_key};
use crate::store::lmdb::pending::{Write, of_key};
use crate::store::lmdb::promises::Promises;

/// What was found under a key.
#[derive(Debug)]
pub enum Found<T> {
    /// Nothing.
    Nothing,
    /// Something that cannot be read: damaged, of another format, or of another URL.
    Unreadable,
    /// What was looked for.
    Whole(T),
}

impl<T> Found<T> {
    /// What `how` makes of what was looked for.
    pub fn map<U>(self, how: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::Nothing => Found::Nothing,
            Self::Unreadable => Found::Unreadable,
            Self::Whole(value) => Found::Whole(how(value)),
        }
    }
}

/// The record under `key`.
pub fn record<T: Transaction>(transaction: &T, databases: Databases, key: &Key) -> lmdb::Result<Found<Record>> {
    let Some(bytes) = get(transaction, databases.entries, &key.hash.0)? else { return Ok(Found::Nothing) };
    let record = of_key(codec::decode(Bytes::copy_from_slice(bytes)), key);
    Ok(record.map_or(Found::Unreadable, Found::Whole))
}

/// The record under a hash as it is stored, whichever URL it is of; a damaged one is none.
pub fn stored<T: Transaction>(transaction: &T, databases: Databases, hash: KeyHash) -> lmdb::Result<Option<Record>> {
    let bytes = get(transaction, databases.entries, &hash.0)?;
    Ok(bytes.and_then(|bytes| codec::decode(Bytes::copy_from_slice(bytes))))
}

/// The bytes of a body as they came over the wire, where they lie: they are gone with the transaction.
pub fn body<T: Transaction>(transaction: &T, databases: Databases, reference: BodyRef) -> lmdb::Result<Found<&[u8]>> {
    let Some(bytes) = get(transaction, databases.bodies, &body_key(reference))? else { return Ok(Found::Nothing) };
    Ok(body::checked(bytes, reference).map_or(Found::Unreadable, Found::Whole))
}

/// Makes a change at the time `now`: the record, the body that it brings, the counts of the bodies that it refers to more or less than
/// before, and its place among the uses.
///
/// A record that cannot be read counts as none and is overwritten: that is how it heals. What it referred to is not known, so the counts
/// of those bodies stay one too high, and the bodies may stay for good: space lost, never a wrong body.
pub fn apply(
    transaction: &mut RwTransaction<'_>,
    databases: Databases,
    promises: &Promises,
    write: &Write,
    now: u64,
) -> lmdb::Result<()> {
    let hash = write.key.hash;
    let before = stored(transaction, databases, hash)?;
    let used_before = before.as_ref().map(|record| record.last_used);
    let held = bodies_of(before.as_ref());
    let mut record = of_key(before, &write.key).unwrap_or_else(|| Record::new(&write.key.url, write.key.partition));
    if !write.change.apply(&mut record) {
        return Ok(());
    }
    let holds = bodies_of(Some(&record));
    let brought = write.body.as_ref().filter(|body| holds.contains(&body.reference()));
    let is_new = brought.map_or(Ok(false), |body| keep(transaction, databases, promises, body))?;
    let mut is_counted = brought.map(Body::reference).filter(|_| is_new);
    // Gains first: a body that both refer to is never without a reference.
    for gained in less(&holds, &held) {
        if is_counted == Some(gained) {
            is_counted = None;
        } else {
            gain(transaction, databases, gained)?;
        }
    }
    for lost in less(&held, &holds) {
        lose(transaction, databases, lost, now)?;
    }
    let used = (!record.is_empty()).then_some(record.last_used);
    if used_before != used {
        if let Some(at) = used_before {
            delete(transaction, databases.uses, &timed_key(at, &hash.0))?;
        }
        if let Some(at) = used {
            transaction.put(databases.uses, &timed_key(at, &hash.0), b"", WriteFlags::empty())?;
        }
    }
    if record.is_empty() {
        return delete(transaction, databases.entries, &hash.0);
    }
    transaction.put(databases.entries, &hash.0, &codec::encode(&record), WriteFlags::empty())
}

/// Forgets a whole record; its bodies, where nothing else refers to them, are orphans since `now`.
pub fn forget(
    transaction: &mut RwTransaction<'_>,
    databases: Databases,
    hash: KeyHash,
    record: &Record,
    now: u64,
) -> lmdb::Result<()> {
    for lost in bodies_of(Some(record)) {
        lose(transaction, databases, lost, now)?;
    }
    delete(transaction, databases.entries, &hash.0)
}

fn bodies_of(record: Option<&Record>) -> Vec<BodyRef> {
    record.map_or_else(Vec::new, |record| record.variants.iter().map(|one| one.body).collect())
}

/// `bodies` without `others`, each as many times fewer as it is there.
fn less(bodies: &[BodyRef], others: &[BodyRef]) -> Vec<BodyRef> {
    let mut left = others.to_vec();
    let is_new = |body: &BodyRef| match left.iter().position(|one| one == body) {
        Some(index) => {
            left.swap_remove(index);
            false
        }
        None => true,
    };
    bodies.iter().copied().filter(is_new).collect()
}

/// Writes a body, unless it is there and whole: a damaged one heals by the next that brings it, whichever URL it comes
/// from. `true`: it was not there, and is there for the first who refers to it.
fn keep(
    transaction: &mut RwTransaction<'_>,
    databases: Databases,
    promises: &Promises,
    body: &Body,
) -> lmdb::Result<bool> {
    let key = body_key(body.reference());
    let is_there = get(transaction, databases.bodies, &key)?.is_some();
    let is_whole =
        || self::body(transaction, databases, body.reference()).map(|found| matches!(found, Found::Whole(_)));
    if is_there && (promises.has_seen(body.reference()) || is_whole()?) {
        return Ok(false);
    }
    let mut room = transaction.reserve(databases.bodies, &key, body.encoded_length(), WriteFlags::empty())?;
    body.encode_into(&mut room);
    Ok(!is_there)
}

/// How often a body is referred to; `None`: it is not there. Most are referred to once, and that is not written down.
fn references<T: Transaction>(
    transaction: &T,
    databases: Databases,
    key: &BodyKey,
) -> lmdb::Result<Option<References>> {
    if let Some(value) = get(transaction, databases.references, key)? {
        return Ok(Some(References::decode(value)));
    }
    Ok(get(transaction, databases.bodies, key)?.map(|_| References::ONE))
}

fn set_references(
    transaction: &mut RwTransaction<'_>,
    databases: Databases,
    key: &BodyKey,
    references: References,
) -> lmdb::Result<()> {
    if references == References::ONE {
        return delete(transaction, databases.references, key);
    }
    transaction.put(databases.references, key, &references.encode(), WriteFlags::empty())
}

fn gain(transaction: &mut RwTransaction<'_>, databases: Databases, reference: BodyRef) -> lmdb::Result<()> {
    let key = body_key(reference);
    let Some(known) = references(transaction, databases, &key)? else { return Ok(()) };
    let more = References { count: known.count.saturating_add(1), none_since: 0 };
    set_references(transaction, databases, &key, more)
}

/// A body that nothing refers to any more stays for a while: another process may have been promised it.
fn lose(transaction: &mut RwTransaction<'_>, databases: Databases, reference: BodyRef, now: u64) -> lmdb::Result<()> {
    let key = body_key(reference);
    let Some(known) = references(transaction, databases, &key)? else { return Ok(()) };
    let count = known.count.saturating_sub(1);
    let none_since = if count == 0 { now } else { 0 };
    if count == 0 {
        transaction.put(databases.orphans, &timed_key(now, &key), b"", WriteFlags::empty())?;
    }
    set_references(transaction, databases, &key, References { count, none_since })
}

/// Deletes what is there, if it is.
pub fn delete(transaction: &mut RwTransaction<'_>, database: Database, key: &[u8]) -> lmdb::Result<()> {
    match transaction.del(database, &key, None) {
        Ok(()) | Err(lmdb::Error::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}
