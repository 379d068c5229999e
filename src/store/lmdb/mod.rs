//! The store in a directory of this machine: LMDB, for any number of processes, made to survive being killed at any
//! moment.
//!
//! ```text
//! record, body ─▶ pending ──not there──▶ environment (read transaction)
//! write ─▶ pending ─▶ queue ─▶ writer thread ─▶ environment (one write transaction for a group)
//! ```
//!
//! Only the files in this directory name LMDB. It is sound behind these walls, and each has one file that upholds it:
//!
//! 1. one environment per file and process, never closed while in use, and closed for good: `registry`, `environment`;
//! 2. a transaction lives inside one call, what is read is copied out, no cursor is handed out: `environment`,
//!    `transaction`, `upkeep`;
//! 3. the map moves only while no transaction is open: `environment`;
//! 4. one writer thread per process, in groups of bounded size; where the map is full it grows, or what is used least is forgotten, and
//!    the group is written again: `writer`;
//! 5. use in a forked child is refused, and closing there touches nothing: this file, `registry`, `promises`;
//! 6. far more reader slots than LMDB's 126, those of killed readers given up, and a clear error when they run out: [`Options`], `writer`,
//!    `failure`;
//! 7. keys of fixed size, the URL and partition in the record compared on every read, the name of a body in its checksum: `databases`,
//!    `transaction`, [`crate::store::body`];
//! 8. no file is opened whose structure may be damaged, or that is on another machine: `health`, `structure`, `filesystem`;
//! 9. no file is replaced that another process has open: `claim`, `compact`.
//!
//! What a store forgets by itself, and when, is in `upkeep`; what stays forgotten whoever comes late, in `refusals`; what of it is read only when
//! somebody asks, in `promises`; whether that waits for a disk, in `warmth`.

mod claim;
mod compact;
mod copy;
mod databases;
mod environment;
mod failure;
mod filesystem;
mod health;
mod native;
mod pending;
mod place;
mod progress;
mod promises;
mod refusals;
mod registry;
mod secret;
mod shared;
mod structure;
mod transaction;
mod upkeep;
mod walk;
mod warmth;
mod writer;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::entry::change::Change;
use crate::entry::forgotten::Scope;
use crate::entry::{BodyRef, Record};
use crate::error::{Error, Kind, Result};
use crate::identity::Secret;
use crate::key::{Key, KeyHash};
use crate::process;
use crate::store::body::Body;
use crate::store::lmdb::pending::{Counters, Write};
use crate::store::lmdb::promises::Promise;
use crate::store::lmdb::shared::Shared;
use crate::store::lmdb::transaction::Found;
pub use crate::store::lmdb::upkeep::Limits;
use crate::store::walk::Stretch;
use crate::store::{Health, Kept, Store};

/// Address space costs nothing where there are 64 bits of it, and a map that need not grow need not move.
#[cfg(target_pointer_width = "64")]
const MAP_SIZE: usize = 16 << 30;

#[cfg(not(target_pointer_width = "64"))]
const MAP_SIZE: usize = 256 << 20;

/// When a write is on the disk. A flush always waits until it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Each group of writes is synced as it is committed. Nothing that a flush confirmed is lost, whatever happens.
    #[default]
    Group,
    /// The operating system writes when it likes. Killing the process loses nothing that is committed; a power loss
    /// between two flushes can cost the whole store.
    Relaxed,
}

/// How a store is opened. Of several handles in one process, the first one's options hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// When a write is on the disk.
    pub durability: Durability,
    /// Is it an error when there is no store yet? Else it is made.
    pub must_exist: bool,
    /// Address space to begin with. It grows by itself; where there is less, it begins with less.
    pub map_size: usize,
    /// Most transactions that read at the same time, over all processes. The first process to open the store decides.
    pub max_readers: u32,
    /// Most changes that wait to be written.
    pub queue_changes: usize,
    /// Most bytes of bodies that wait to be written.
    pub queue_bytes: u32,
    /// What may be kept, and for how long.
    pub limits: Limits,
    /// How long the writer may stand still before those who wait for it are told. Another process can hold the write lock for ever: one that
    /// was stopped in the middle of writing.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Group,
            must_exist: false,
            map_size: MAP_SIZE,
            max_readers: 4096,
            queue_changes: 4096,
            queue_bytes: 64 << 20,
            limits: Limits { max_size: None, max_age: None, linger: 120 },
            patience: Duration::from_secs(30),
        }
    }
}

/// A handle to a store. Dropping the last handle in a process writes what was accepted and closes the store.
#[derive(Debug)]
pub struct LmdbStore {
    shared: Arc<Shared>,
    counters: Arc<Counters>,
    process: u32,
    set_aside: Option<String>,
}

impl LmdbStore {
    /// Opens the store in the directory `path`; makes it when there is none, unless the options say otherwise.
    ///
    /// # Errors
    /// [`Kind::Store`], naming the path and the remedy.
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        let (shared, set_aside) = registry::acquire(path, options)?;
        Ok(Self { process: shared.process, shared, counters: Arc::default(), set_aside })
    }

    /// Gives the file's free space back to the disk; how many bytes that was. What was accepted before is in the new file. Takes as long as
    /// copying the store, and for as long nothing is written; reads go on.
    ///
    /// # Errors
    /// [`Kind::Store`] when another process has the store open, or there is no room for the copy.
    pub async fn compact(&self) -> Result<u64> {
        self.flush().await?;
        self.shared()?;
        registry::compact(&self.shared)
    }

    /// After a fork the child has none of the threads, and reader slots under another's name.
    fn shared(&self) -> Result<&Shared> {
        let process = process::id();
        if process == self.process {
            return Ok(&self.shared);
        }
        let message = format!(
            "the store was opened by process {}, and this is process {process}; open it again after a fork",
            self.process
        );
        Err(Error::new(Kind::Forked, message))
    }

    /// What was found; unreadable is a miss, and counted.
    fn counted<T>(&self, found: Found<T>) -> Option<T> {
        match found {
            Found::Nothing => None,
            Found::Whole(value) => Some(value),
            Found::Unreadable => {
                self.counters.corrupt_records.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

/// A body that is read when somebody asks for it.
#[derive(Debug, Clone)]
pub struct Promised {
    promise: Arc<Promise>,
    shared: Arc<Shared>,
    counters: Arc<Counters>,
}

impl Promised {
    /// The name of the body.
    #[must_use]
    pub fn reference(&self) -> BodyRef {
        self.promise.reference()
    }

    /// What `read` makes of the bytes of the body.
    ///
    /// # Errors
    /// [`Kind::Store`] when they are damaged, or were removed by another process; the next request brings them anew.
    pub fn read<T>(&self, read: impl Fn(&[u8]) -> T) -> Result<T> {
        if let Some(bytes) = self.promise.bytes() {
            return Ok(read(bytes));
        }
        if process::id() != self.shared.process {
            // The parent's store is not the child's to read. What it lies in is.
            let store = LmdbStore::open(self.shared.environment.directory(), Options::default())?;
            return store.shared.read_body(self.reference(), read).and_then(|found| self.told(found));
        }
        match self.shared.read_body(self.reference(), &read) {
            Ok(Found::Whole(value)) => Ok(value),
            // The store may have been closed, or the body removed, since the first look.
            missing => match self.promise.bytes() {
                Some(bytes) => Ok(read(bytes)),
                None => missing.and_then(|found| self.told(found)),
            },
        }
    }

    /// Can it be read without waiting for a disk? After a fork the store is opened anew for that.
    #[must_use]
    pub fn is_at_hand(&self) -> bool {
        let is_ours = || process::id() == self.shared.process;
        self.promise.bytes().is_some() || is_ours() && self.shared.is_at_hand(self.reference())
    }

    fn told<T>(&self, found: Found<T>) -> Result<T> {
        match found {
            Found::Whole(value) => Ok(value),
            Found::Nothing => Err(Error::new(
                Kind::Store,
                "the stored body was replaced by another process before it was read; ask again, and read it sooner",
            )),
            Found::Unreadable => {
                self.counters.corrupt_records.fetch_add(1, Ordering::Relaxed);
                Err(Error::new(Kind::Store, "the stored body was damaged after it was last seen whole; ask again"))
            }
        }
    }
}

impl Drop for LmdbStore {
    fn drop(&mut self) {
        if self.shared().is_ok() {
            registry::release(&self.shared);
        } else {
            // The parent's locks, threads and map are not the child's to give up.
            std::mem::forget(Arc::clone(&self.shared));
        }
    }
}

impl Store for LmdbStore {
    async fn record(&self, key: &Key) -> Result<Option<Record>> {
        let shared = self.shared()?;
        if let Some(found) = shared.accepted(key) {
            return Ok(self.counted(found));
        }
        let look_up =
            || shared.environment.read(|transaction, databases| transaction::record(transaction, databases, key));
        Ok(self.counted(shared.warmth.watch(look_up)?))
    }

    async fn two_records(&self, one: &Key, other: &Key) -> Result<(Option<Record>, Option<Record>)> {
        let shared = self.shared()?;
        let look_up = || {
            shared.environment.read(|transaction, databases| {
                let read = |key| transaction::record(transaction, databases, key);
                Ok((read(one)?, read(other)?))
            })
        };
        let (accepted_one, accepted_other) = (shared.accepted(one), shared.accepted(other));
        let (first, second) = shared.warmth.watch(look_up)?;
        Ok((self.counted(accepted_one.unwrap_or(first)), self.counted(accepted_other.unwrap_or(second))))
    }

    async fn body(&self, body: BodyRef) -> Result<Option<Body>> {
        let shared = self.shared()?;
        if let Some(body) = shared.pending.body(body) {
            return Ok(Some(body));
        }
        let found = shared.read_body(body, Bytes::copy_from_slice)?;
        Ok(self.counted(found).map(|wire| Body::new(body, wire)))
    }

    fn promise(&self, body: BodyRef) -> Option<Kept> {
        let shared = self.shared().ok()?;
        if let Some(body) = shared.pending.body(body) {
            return Some(Kept::Here(body));
        }
        if self.shared.is_bounded {
            return None;
        }
        let promise = shared.promises.promise(body)?;
        let (shared, counters) = (Arc::clone(&self.shared), Arc::clone(&self.counters));
        Some(Kept::Lmdb(Promised { promise, shared, counters }))
    }

    fn is_warm(&self) -> bool {
        self.shared().map_or(true, |shared| shared.warmth.is_warm())
    }

    fn is_at_hand(&self, body: Option<BodyRef>) -> bool {
        // What is refused is refused at once.
        let Ok(shared) = self.shared() else { return true };
        shared.pending.has_room() && body.is_none_or(|body| shared.is_at_hand(body))
    }

    async fn entomb(&self, scopes: Vec<Scope>, at: u64) -> Result<()> {
        writer::entomb(self.shared()?, &scopes, at)
    }

    async fn answer(&self, key: &Key, change: Change, body: Option<Body>, asked: Option<u64>) -> Result<()> {
        let shared = self.shared()?;
        if shared.refusals.refuse(key, &change, asked, &shared.secret) {
            return Ok(());
        }
        let room = match &change {
            // Told from an event loop's own thread. It is lost without harm: its page comes as changed once more.
            Change::Acknowledge(_) => shared.pending.room_now()?,
            _ => shared.pending.room(body.as_ref().map_or(0, |body| body.reference().length)).await?,
        };
        let write = Write::new(key.clone(), change, body, Arc::clone(&self.counters), room).asked(asked);
        let stored =
            || shared.environment.read(|transaction, databases| transaction::stored(transaction, databases, key.hash));
        shared.pending.accept(write, stored)
    }

    async fn flush(&self) -> Result<()> {
        self.shared()?.pending.flush().await
    }

    async fn records(&self, after: Option<KeyHash>) -> Result<Stretch> {
        let shared = self.shared()?;
        let pending = shared.pending.records(after, walk::MOST_RECORDS);
        let stored = shared.environment.read(|transaction, databases| walk::stored(transaction, databases, after))?;
        let stretch = walk::merged(pending, stored);
        let unreadable = stretch.met.iter().filter(|met| met.record.is_none()).count() as u64;
        self.counters.corrupt_records.fetch_add(unreadable, Ordering::Relaxed);
        Ok(stretch)
    }

    fn secret(&self) -> &Secret {
        &self.shared.secret
    }

    fn health(&self) -> Health {
        Health {
            corrupt_records: self.counters.corrupt_records.load(Ordering::Relaxed),
            failed_writes: self.counters.failed_writes.load(Ordering::Relaxed),
            set_aside: self.set_aside.clone(),
            last_failure: self.counters.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pollster::block_on;

    use super::{Kind, LmdbStore, Options, Store};
    use crate::entry::change::Change;
    use crate::identity::Partition;
    use crate::key::{Key, Method};

    #[test]
    fn in_a_forked_child_every_use_is_refused_and_closing_touches_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let parent = LmdbStore::open(directory.path(), Options::default()).unwrap();
        let shared = Arc::clone(&parent.shared);
        let child = LmdbStore { process: parent.process + 1, shared, counters: Arc::default(), set_aside: None };
        let key = Key::new(Method::Get, "http://a/".into(), Partition::ANONYMOUS);
        let errors = [
            block_on(child.record(&key)).unwrap_err(),
            block_on(child.write(&key, Change::Invalidate, None)).unwrap_err(),
            block_on(child.flush()).unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.kind() == Kind::Forked && error.to_string().contains("after a fork")));
        drop(child);
        block_on(parent.flush()).unwrap();
        assert_eq!(block_on(parent.record(&key)).unwrap(), None);
    }
}
