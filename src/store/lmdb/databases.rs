//! The four databases in the file, how keys are written in them, and the version of it all.
//!
//! # Format
//! | database | key | value |
//! |---|---|---|
//! | `meta` | `format` | version (u32) |
//! | `entries` | key hash (16 bytes) | record, as [`crate::entry::codec`] writes it |
//! | `bodies` | digest (32 bytes), length on the wire (u64) | body, as [`crate::store::body`] writes it |
//! | `references` | the same as in `bodies` | how many stored variants refer to that body (u32) |
//!
//! Numbers are little-endian. Counts lie apart from bodies, so that a body shared once more is not written once more.

use lmdb::{Database, DatabaseFlags, Environment, Transaction, WriteFlags};

use crate::entry::BodyRef;

/// The version of this layout. Records and bodies have versions of their own.
pub const FORMAT: u32 = 1;

/// How many named databases there are.
pub const COUNT: u32 = 4;

const FORMAT_KEY: &[u8] = b"format";

/// The handles of the databases that hold something.
#[derive(Debug, Clone, Copy)]
pub struct Databases {
    /// Records by key hash.
    pub entries: Database,
    /// Bodies by name.
    pub bodies: Database,
    /// Reference counts by the name of the body.
    pub references: Database,
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
        match format(environment, open(environment, "meta")?)? {
            FORMAT => {}
            other => return Err(Refusal::Format(other)),
        }
        Ok(Self {
            entries: open(environment, "entries")?,
            bodies: open(environment, "bodies")?,
            references: open(environment, "references")?,
        })
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
pub fn number(value: &[u8]) -> u32 {
    value.try_into().map_or(0, u32::from_le_bytes)
}

/// The key of a body, and of its count.
pub fn body_key(body: BodyRef) -> [u8; 40] {
    let mut key = [0; 40];
    let (digest, length) = key.split_at_mut(32);
    digest.copy_from_slice(&body.digest.0);
    length.copy_from_slice(&body.length.to_le_bytes());
    key
}
