//! What is done inside a transaction: reading a record, a body, and making a change together with everything that hangs
//! on it.

use bytes::Bytes;
use lmdb::{RwTransaction, Transaction, WriteFlags};

use crate::entry::{BodyRef, Record, codec};
use crate::key::{Key, KeyHash};
use crate::store::body::Body;
use crate::store::lmdb::databases::{Databases, body_key, get, number};
use crate::store::lmdb::pending::{Write, of_key};

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

/// The record under `key`, without variants whose body is not there.
pub fn record<T: Transaction>(transaction: &T, databases: Databases, key: &Key) -> lmdb::Result<Found<Record>> {
    let Some(bytes) = get(transaction, databases.entries, &key.hash.0)? else { return Ok(Found::Nothing) };
    let Some(mut record) = of_key(codec::decode(Bytes::copy_from_slice(bytes)), key) else {
        return Ok(Found::Unreadable);
    };
    let mut present = Vec::with_capacity(record.variants.len());
    for variant in record.variants {
        if is_present(transaction, databases, variant.body)? {
            present.push(variant);
        }
    }
    record.variants = present;
    Ok(Found::Whole(record))
}

/// The record under a hash as it is stored, whichever URL it is of; a damaged one is none.
pub fn stored<T: Transaction>(transaction: &T, databases: Databases, hash: KeyHash) -> lmdb::Result<Option<Record>> {
    let bytes = get(transaction, databases.entries, &hash.0)?;
    Ok(bytes.and_then(|bytes| codec::decode(Bytes::copy_from_slice(bytes))))
}

/// A body.
pub fn body<T: Transaction>(transaction: &T, databases: Databases, reference: BodyRef) -> lmdb::Result<Found<Body>> {
    let Some(bytes) = get(transaction, databases.bodies, &body_key(reference))? else { return Ok(Found::Nothing) };
    Ok(Body::decode(Bytes::copy_from_slice(bytes), reference).map_or(Found::Unreadable, Found::Whole))
}

/// Is there a body of that name? Its count says so, without a look at the body.
pub fn is_present<T: Transaction>(transaction: &T, databases: Databases, reference: BodyRef) -> lmdb::Result<bool> {
    Ok(get(transaction, databases.references, &body_key(reference))?.is_some())
}

/// Makes a change: the record, the body that it brings, and the counts of the bodies that it refers to more or less
/// than before.
///
/// A record that cannot be read counts as none and is overwritten: that is how it heals. What it referred to is not
/// known, so the counts of those bodies stay one too high, and the bodies may stay for good: space lost, never a wrong
/// body.
pub fn apply(transaction: &mut RwTransaction<'_>, databases: Databases, write: &Write) -> lmdb::Result<()> {
    let before = stored(transaction, databases, write.key.hash)?;
    let held = bodies_of(before.as_ref());
    let mut record = of_key(before, &write.key).unwrap_or_else(|| Record::new(&write.key.url, write.key.partition));
    if !write.change.apply(&mut record) {
        return Ok(());
    }
    let holds = bodies_of(Some(&record));
    if let Some(body) = write.body.as_ref().filter(|body| holds.contains(&body.reference())) {
        keep(transaction, databases, body)?;
    }
    // Gains first: a body that both refer to is never without a reference.
    for gained in less(&holds, &held) {
        gain(transaction, databases, gained)?;
    }
    for lost in less(&held, &holds) {
        lose(transaction, databases, lost)?;
    }
    transaction.put(databases.entries, &write.key.hash.0, &codec::encode(&record), WriteFlags::empty())
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
/// from.
fn keep(transaction: &mut RwTransaction<'_>, databases: Databases, body: &Body) -> lmdb::Result<()> {
    if matches!(self::body(transaction, databases, body.reference())?, Found::Whole(_)) {
        return Ok(());
    }
    transaction.put(databases.bodies, &body_key(body.reference()), &body.encode(), WriteFlags::empty())
}

fn gain(transaction: &mut RwTransaction<'_>, databases: Databases, reference: BodyRef) -> lmdb::Result<()> {
    let key = body_key(reference);
    // Without its body a reference is not counted: a count says that the body is there.
    if get(transaction, databases.bodies, &key)?.is_none() {
        return Ok(());
    }
    let count = get(transaction, databases.references, &key)?.map_or(0, number).saturating_add(1);
    transaction.put(databases.references, &key, &count.to_le_bytes(), WriteFlags::empty())
}

fn lose(transaction: &mut RwTransaction<'_>, databases: Databases, reference: BodyRef) -> lmdb::Result<()> {
    let key = body_key(reference);
    let Some(count) = get(transaction, databases.references, &key)?.map(number) else { return Ok(()) };
    if count > 1 {
        return transaction.put(databases.references, &key, &(count - 1).to_le_bytes(), WriteFlags::empty());
    }
    for database in [databases.references, databases.bodies] {
        match transaction.del(database, &key, None) {
            Ok(()) | Err(lmdb::Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
