//! Where records and bodies lie: one trait, and an enum of its backends. A backend moves bytes; it decides nothing about HTTP.
//!
//! Every backend keeps these promises, and `tests/it/store_contract.rs` holds each to them:
//!
//! - a write is seen at once by the handle that made it, and by every other handle in the process;
//! - a record and its bodies are written together: in one transaction, no record refers to a body that is not there or damaged;
//! - a body is shared by every variant that refers to it, and goes with the last, at once or after a while;
//! - a body that was promised can be read for as long as the promise is held, whatever this process does to the store meanwhile;
//! - a record or body that cannot be read (damaged, of another format, of another URL under the same hash) is a counted miss;
//! - what was asked for before it was forgotten is not written afterwards, whichever handle or process forgot it;
//! - reads never wait for a write, or for a disk to sync one.

pub mod body;
pub mod lmdb;
pub mod memory;
pub mod walk;

use std::future::Future;

use bytes::Bytes;

use crate::entry::change::Change;
use crate::entry::forgotten::Scope;
use crate::entry::{BodyRef, Record};
use crate::error::Result;
use crate::identity::Secret;
use crate::key::{Key, KeyHash};
use crate::store::body::Body;
use crate::store::walk::Stretch;

/// What a backend counted since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Records and bodies that were there and could not be read.
    pub corrupt_records: u64,
    /// Writes that did not reach the store.
    pub failed_writes: u64,
    /// Why the last of them did not.
    pub last_failure: Option<String>,
    /// What was damaged when this handle opened the store, and what was done about it.
    pub set_aside: Option<String>,
}

/// A place for records and bodies. The futures of a local store are ready at once, unless its write queue is full.
pub trait Store: Send + Sync {
    /// The record under `key`.
    fn record(&self, key: &Key) -> impl Future<Output = Result<Option<Record>>> + Send;

    /// The records under two keys, as they are at one moment.
    fn two_records(
        &self,
        one: &Key,
        other: &Key,
    ) -> impl Future<Output = Result<(Option<Record>, Option<Record>)>> + Send;

    /// A body, whole and undamaged, or `None`.
    fn body(&self, body: BodyRef) -> impl Future<Output = Result<Option<Body>>> + Send;

    /// The body, where it is known to be there and whole, without reading it.
    fn promise(&self, body: BodyRef) -> Option<Kept>;

    /// Are records found without waiting for a disk, as far as the last ones tell?
    fn is_warm(&self) -> bool;

    /// Can this body, if any, be read, and an answer be written down, without waiting for a disk, or for long?
    fn is_at_hand(&self, body: Option<BodyRef>) -> bool;

    /// Makes a change to the record under `key`; a [`Change::Store`] brings its body along. Returns when the change is accepted, which is
    /// before it is durable: see [`Store::flush`]. Waits while the write queue is full.
    ///
    /// `asked` is when the request was planned whose answer says so (milliseconds since the epoch): what was forgotten since then stays
    /// forgotten, see [`Store::entomb`]. `None`: no request did, and nothing is refused.
    fn answer(
        &self,
        key: &Key,
        change: Change,
        body: Option<Body>,
        asked: Option<u64>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The same for what no request asked for.
    fn write(&self, key: &Key, change: Change, body: Option<Body>) -> impl Future<Output = Result<()>> + Send {
        self.answer(key, change, body, None)
    }

    /// Notes that `scopes` are forgotten at `at` (milliseconds since the epoch): of what was asked for before, nothing is written from here on.
    /// Forgets nothing by itself.
    fn entomb(&self, scopes: Vec<Scope>, at: u64) -> impl Future<Output = Result<()>> + Send;

    /// Returns when everything accepted before is durable; an error if any of it could not be written since the last flush.
    fn flush(&self) -> impl Future<Output = Result<()>> + Send;

    /// A bounded number of the records whose hashes come after `after`, in their order.
    fn records(&self, after: Option<KeyHash>) -> impl Future<Output = Result<Stretch>> + Send;

    /// The key of the keyed hashes; it lives as long as the store.
    fn secret(&self) -> &Secret;

    /// What was counted.
    fn health(&self) -> Health;
}

/// A body that a store keeps.
#[derive(Debug, Clone)]
pub enum Kept {
    /// It is here.
    Here(Body),
    /// It is read when somebody asks for it.
    Lmdb(lmdb::Promised),
}

impl Kept {
    /// Its name.
    #[must_use]
    pub fn reference(&self) -> BodyRef {
        match self {
            Self::Here(body) => body.reference(),
            Self::Lmdb(promised) => promised.reference(),
        }
    }

    /// Can it be read without waiting for a disk, or for long?
    #[must_use]
    pub fn is_at_hand(&self) -> bool {
        match self {
            Self::Here(_) => true,
            Self::Lmdb(promised) => promised.is_at_hand(),
        }
    }

    /// What `read` makes of its bytes, where they lie.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] when a promise was broken, see [`lmdb::Promised::read`].
    pub fn read<T>(&self, read: impl Fn(&[u8]) -> T) -> Result<T> {
        match self {
            Self::Here(body) => Ok(read(body.wire())),
            Self::Lmdb(promised) => promised.read(read),
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// As [`Kept::read`].
    pub fn bytes(&self) -> Result<Bytes> {
        match self {
            Self::Here(body) => Ok(body.wire().clone()),
            Self::Lmdb(promised) => promised.read(Bytes::copy_from_slice),
        }
    }
}

/// The name of a place that is none.
pub const MEMORY: &str = ":memory:";

/// The backends.
#[derive(Debug)]
pub enum AnyStore {
    /// In this process, for as long as it lives.
    Memory(memory::MemoryStore),
    /// In a directory of this machine.
    Lmdb(lmdb::LmdbStore),
}

/// Hands a call to the backend that is there.
macro_rules! each {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            AnyStore::Memory($store) => $call,
            AnyStore::Lmdb($store) => $call,
        }
    };
}

impl Store for AnyStore {
    async fn record(&self, key: &Key) -> Result<Option<Record>> {
        each!(self, store => store.record(key).await)
    }

    async fn two_records(&self, one: &Key, other: &Key) -> Result<(Option<Record>, Option<Record>)> {
        each!(self, store => store.two_records(one, other).await)
    }

    async fn body(&self, body: BodyRef) -> Result<Option<Body>> {
        each!(self, store => store.body(body).await)
    }

    fn promise(&self, body: BodyRef) -> Option<Kept> {
        each!(self, store => store.promise(body))
    }

    fn is_warm(&self) -> bool {
        each!(self, store => store.is_warm())
    }

    fn is_at_hand(&self, body: Option<BodyRef>) -> bool {
        each!(self, store => store.is_at_hand(body))
    }

    async fn answer(&self, key: &Key, change: Change, body: Option<Body>, asked: Option<u64>) -> Result<()> {
        each!(self, store => store.answer(key, change, body, asked).await)
    }

    async fn entomb(&self, scopes: Vec<Scope>, at: u64) -> Result<()> {
        each!(self, store => store.entomb(scopes, at).await)
    }

    async fn flush(&self) -> Result<()> {
        each!(self, store => store.flush().await)
    }

    async fn records(&self, after: Option<KeyHash>) -> Result<Stretch> {
        each!(self, store => store.records(after).await)
    }

    fn secret(&self) -> &Secret {
        each!(self, store => store.secret())
    }

    fn health(&self) -> Health {
        each!(self, store => store.health())
    }
}

impl AnyStore {
    /// Gives free space back to the disk; how many bytes that was.
    ///
    /// # Errors
    /// As [`lmdb::LmdbStore::compact`].
    pub async fn compact(&self) -> Result<u64> {
        match self {
            Self::Memory(_) => Ok(0),
            Self::Lmdb(store) => store.compact().await,
        }
    }

    /// Opens the store that `place` names: `":memory:"`, or a directory, made if it is not there.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] when it cannot be opened, with the remedy.
    pub fn open(place: &str, options: lmdb::Options) -> Result<Self> {
        if place == MEMORY {
            return Ok(Self::Memory(memory::MemoryStore::new(options.limits.max_size)?));
        }
        Ok(Self::Lmdb(lmdb::LmdbStore::open(place.as_ref(), options)?))
    }
}
