//! What all handles to one store of one process have in common.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::entry::{BodyRef, Record};
use crate::error::Result;
use crate::identity::Secret;
use crate::key::Key;
use crate::store::lmdb::databases::{body_key, get};
use crate::store::lmdb::environment::Environment;
use crate::store::lmdb::native;
use crate::store::lmdb::pending::{Pending, of_key};
use crate::store::lmdb::promises::Promises;
use crate::store::lmdb::refusals::Refusals;
use crate::store::lmdb::transaction::{self, Found};
use crate::store::lmdb::warmth::{ENOUGH, Warmth};

/// What is larger takes longer to copy and to check than to hand over to another thread.
const LARGEST_AT_HAND: u64 = 256 << 10;

/// What all handles to a store have in common.
#[derive(Debug)]
pub struct Shared {
    /// The process that opened it.
    pub process: u32,
    /// Is it held to a size? Then other processes may remove what nothing refers to at once.
    pub is_bounded: bool,
    /// The key of the keyed hashes.
    pub secret: Secret,
    /// The database.
    pub environment: Environment,
    /// What is not in it yet.
    pub pending: Pending,
    /// What was promised of it.
    pub promises: Arc<Promises>,
    /// What is not written any more, because it was forgotten.
    pub refusals: Refusals,
    /// Whether lookups wait for a disk.
    pub warmth: Warmth,
    /// Held while a group is written, and by whoever wants none to be.
    pub writing: Mutex<()>,
}

impl Shared {
    /// The bytes of a body in the database, where they are whole.
    pub fn bytes(&self, reference: BodyRef) -> Result<Option<Bytes>> {
        self.read_body(reference, Bytes::copy_from_slice).map(|found| match found {
            Found::Whole(bytes) => Some(bytes),
            Found::Nothing | Found::Unreadable => None,
        })
    }

    /// Looks here and there into a store that was just opened, until a look has to wait for the disk: keys are hashes, and spread evenly.
    pub fn look_around(&self) {
        for number in 0..ENOUGH {
            let place = number * (u8::MAX / ENOUGH);
            let look_up = || {
                self.environment.read(|transaction, databases| {
                    get(transaction, databases.entries, &[place; 16])?;
                    get(transaction, databases.bodies, &[place; 40]).map(|_| ())
                })
            };
            if self.warmth.note(look_up).is_err() || self.warmth.has_just_waited() {
                return;
            }
        }
    }

    /// Can a body be read without waiting for a disk, or for long? One that is not there at all can.
    pub fn is_at_hand(&self, reference: BodyRef) -> bool {
        if reference.length > LARGEST_AT_HAND {
            return false;
        }
        if self.pending.body(reference).is_some() {
            return true;
        }
        let look_up = || {
            self.environment.read(|transaction, databases| {
                Ok(get(transaction, databases.bodies, &body_key(reference))?.is_none_or(native::is_resident))
            })
        };
        // An error is for whoever reads it.
        self.warmth.is_warm() && self.warmth.watch(look_up).unwrap_or(true)
    }

    /// What is accepted and not committed yet under `key`; `None`: nothing.
    pub fn accepted(&self, key: &Key) -> Option<Found<Record>> {
        Some(match self.pending.record(key.hash)? {
            None => Found::Nothing,
            record => of_key(record, key).map_or(Found::Unreadable, Found::Whole),
        })
    }

    /// What `read` makes of the bytes of a body, where they lie.
    pub fn read_body<T>(&self, reference: BodyRef, read: impl Fn(&[u8]) -> T) -> Result<Found<T>> {
        let found = self
            .environment
            .read(|transaction, databases| Ok(transaction::body(transaction, databases, reference)?.map(&read)))?;
        match found {
            Found::Whole(_) => self.promises.saw(reference),
            Found::Nothing | Found::Unreadable => self.promises.missed(reference),
        }
        Ok(found)
    }
}
