//! The databases in the file, how keys are written in them, and the version of it all.
//!
//! # Format
//! | database | key | value |
//! |---|---|---|
//! | `meta` | `format` | version (u32) |
//! | `meta` | `forgotten` | what was forgotten of late, as [`crate::entry::forgotten`] writes it; not where nothing was |
//! | `entries` | key hash (16 bytes) | record, as [`crate::entry::codec`] writes it |
//! | `bodies` | digest (32 bytes), length on the wire (u64) | body, as [`crate::store::body`] writes it |
//! | `references` | the same as in `bodies` | how many stored variants refer to that body (u32), and since when that is none (u64); not for one |
//! | `uses` | when a record was last used (u64), key hash | nothing |
//! | `orphans` | since when nothing refers to a body (u64), its key in `bodies` | nothing |
//!
//! Numbers are little-endian, but times in keys, which sort by them. Counts lie apart from bodies, so that a body shared once more is not
//! written once more.

use lmdb::{Database, DatabaseFlags, Environment, RwTransaction, Transaction, WriteFlags};

use crate::digest::Digest;
use crate::entry::BodyRef;
use crate::entry::forgotten::{Scope, Tombstones};

/// The version of this layout. Records and bodies have versions of their own.
pub const FORMAT: u32 = 2;

/// How many named databases there are.
pub const COUNT: u32 = 6;

const FORMAT_KEY: &[u8] = b"format";

const FORGOTTEN_KEY: &[u8] = b"forgotten";

/// The handles of the databases that hold something.
#[derive(Debug, Clone, Copy)]
pub struct Databases {
    /// Records by key hash.
    pub entries: Database,
    /// Bodies by name.
    pub bodies: Database,
    /// Reference counts by the name of the body.
    pub references: Database,
    /// Key hashes by time of last use.
    pub uses: Database,
    /// Bodies that nothing refers to, by the time since when.
    pub orphans: Database,
    meta: Database,
}

/// Why the databases could not be opened.
pub enum Refusal {
    /// They are of this other format.
    Format(u32),
    /// Another file has taken the place of the one that was opened.
    Replaced,
    /// LMDB says so.
    Database(lmdb::Error),
}

impl From<lmdb::Error> for Refusal {
    fn from(error: lmdb::Error) -> Self {
        Self::Database(error)
    }
}

impl Databases {
    /// Opens them, making those that are not there. The format is looked at first: nothing is added to a store of
    /// another one.
    pub fn open(environment: &Environment) -> Result<Self, Refusal> {
        let meta = open(environment, "meta")?;
        match format(environment, meta)? {
            FORMAT => {}
            other => return Err(Refusal::Format(other)),
        }
        Ok(Self {
            entries: open(environment, "entries")?,
            bodies: open(environment, "bodies")?,
            references: open(environment, "references")?,
            uses: open(environment, "uses")?,
            orphans: open(environment, "orphans")?,
            meta,
        })
    }

    /// All of them, always in the same order.
    pub const fn all(self) -> [Database; COUNT as usize] {
        [self.meta, self.entries, self.bodies, self.references, self.uses, self.orphans]
    }
}

/// A database that is there is opened without the write lock, which another process may hold for a while.
fn open(environment: &Environment, name: &str) -> lmdb::Result<Database> {
    match environment.open_db(Some(name)) {
        Err(lmdb::Error::NotFound) => environment.create_db(Some(name), DatabaseFlags::empty()),
        result => result,
    }
}

fn format(environment: &Environment, meta: Database) -> lmdb::Result<u32> {
    let known = get(&environment.begin_ro_txn()?, meta, &FORMAT_KEY)?.map(number);
    if let Some(version) = known {
        return Ok(version);
    }
    let mut transaction = environment.begin_rw_txn()?;
    // Another process may have been faster.
    let version = get(&transaction, meta, &FORMAT_KEY)?.map_or(FORMAT, number);
    transaction.put(meta, &FORMAT_KEY, &version.to_le_bytes(), WriteFlags::empty())?;
    transaction.commit()?;
    Ok(version)
}

/// Writes what is there already, so that a transaction has taken place.
pub fn touch(transaction: &mut RwTransaction<'_>, databases: Databases) -> lmdb::Result<()> {
    transaction.put(databases.meta, &FORMAT_KEY, &FORMAT.to_le_bytes(), WriteFlags::empty())
}

/// What was forgotten of late, as it is stored: of no length where nothing was.
pub fn tombstones<T: Transaction>(transaction: &T, databases: Databases) -> lmdb::Result<&[u8]> {
    Ok(get(transaction, databases.meta, &FORGOTTEN_KEY)?.unwrap_or_default())
}

/// Notes what is forgotten.
pub fn entomb(
    transaction: &mut RwTransaction<'_>,
    databases: Databases,
    scopes: &[Scope],
    at: u64,
) -> lmdb::Result<Tombstones> {
    let mut known = Tombstones::decode(tombstones(transaction, databases)?);
    known.add(scopes, at);
    transaction.put(databases.meta, &FORGOTTEN_KEY, &known.encode(), WriteFlags::empty())?;
    Ok(known)
}

/// A value, or `None` where LMDB speaks of an error.
pub fn get<'t, T: Transaction>(
    transaction: &'t T,
    database: Database,
    key: &impl AsRef<[u8]>,
) -> lmdb::Result<Option<&'t [u8]>> {
    match transaction.get(database, key) {
        Ok(value) => Ok(Some(value)),
        Err(lmdb::Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number in a value of four bytes; one of another size is no number, and reads as the least.
fn number(value: &[u8]) -> u32 {
    value.try_into().map_or(0, u32::from_le_bytes)
}

/// How many stored variants refer to a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct References {
    /// Their number.
    pub count: u32,
    /// Since when it is none; seconds since the epoch.
    pub none_since: u64,
}

impl References {
    /// What is not written down.
    pub const ONE: Self = Self { count: 1, none_since: 0 };

    /// The value in `references`.
    pub fn encode(self) -> [u8; 12] {
        let mut value = [0; 12];
        let (count, none_since) = value.split_at_mut(4);
        count.copy_from_slice(&self.count.to_le_bytes());
        none_since.copy_from_slice(&self.none_since.to_le_bytes());
        value
    }

    /// What is in a value; one of another size is none.
    pub fn decode(value: &[u8]) -> Self {
        let Some((count, none_since)) = value.split_first_chunk::<4>() else { return Self::default() };
        let none_since = none_since.try_into().map_or(0, u64::from_le_bytes);
        Self { count: u32::from_le_bytes(*count), none_since }
    }
}

/// The key of a body in `bodies` and `references`.
pub type BodyKey = [u8; 40];

/// The key of a body, and of its count.
pub fn body_key(body: BodyRef) -> BodyKey {
    let mut key = [0; 40];
    let (digest, length) = key.split_at_mut(32);
    digest.copy_from_slice(&body.digest.0);
    length.copy_from_slice(&body.length.to_le_bytes());
    key
}

/// The body that a key names.
pub fn body_of(key: &BodyKey) -> BodyRef {
    let (digest, length) = key.split_at(32);
    BodyRef {
        digest: Digest(digest.try_into().unwrap_or_default()),
        length: length.try_into().map_or(0, u64::from_le_bytes),
    }
}

/// A key that sorts by time: in `uses` before a key hash, in `orphans` before the key of a body.
pub fn timed_key(at: u64, rest: &[u8]) -> Vec<u8> {
    [&at.to_be_bytes(), rest].concat()
}

/// The time in such a key, and what comes after it.
pub fn split_timed_key<const N: usize>(key: &[u8]) -> Option<(u64, [u8; N])> {
    let (at, rest) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*at), rest.try_into().ok()?))
}
