//! Which stores this process has open. A file is opened once, however many handles there are: closing a second
//! environment on the same file would give up the first one's locks, and another process would write over what its
//! readers see.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;

use crate::entry::BodyRef;
use crate::error::Result;
use crate::identity::Secret;
use crate::store::lmdb::environment::Environment;
use crate::store::lmdb::pending::Pending;
use crate::store::lmdb::place::{FileId, Place};
use crate::store::lmdb::promises::Promises;
use crate::store::lmdb::transaction::{self, Found};
use crate::store::lmdb::{Options, secret, writer};

/// The stores of one process. A fork can leave the lock held by a thread that the child does not have, so each process has a registry of its
/// own, found at the end of a chain; what the parent had open stays the parent's.
#[derive(Debug)]
struct Registry {
    process: u32,
    open: Mutex<BTreeMap<FileId, Registered>>,
    forked: OnceLock<Box<Registry>>,
}

static FIRST: OnceLock<Registry> = OnceLock::new();

#[derive(Debug)]
struct Registered {
    shared: Arc<Shared>,
    handles: usize,
    writer: JoinHandle<()>,
}

/// What all handles to a store have in common.
#[derive(Debug)]
pub struct Shared {
    /// The data file, and the process that opened it.
    pub file: FileId,
    /// The key of the keyed hashes.
    pub secret: Secret,
    /// The database.
    pub environment: Environment,
    /// What is not in it yet.
    pub pending: Pending,
    /// What was promised of it.
    pub promises: Arc<Promises>,
}

/// Counts one handle more, opening the store if it is the first. The first one's options hold.
pub fn acquire(path: &Path, options: Options) -> Result<Arc<Shared>> {
    let mut open = registry();
    let place = Place::prepare(path)?;
    let file = place.file_id();
    if let Some(registered) = open.get_mut(&file) {
        registered.handles += 1;
        return Ok(Arc::clone(&registered.shared));
    }
    let secret = secret::open(&place)?;
    let shared = Arc::new(Shared {
        file,
        secret,
        pending: Pending::new(&options),
        promises: Arc::new(Promises::new()),
        environment: Environment::open(place, options)?,
    });
    let writer = writer::start(&shared, options.limits).inspect_err(|_| shared.environment.close())?;
    open.insert(file, Registered { shared: Arc::clone(&shared), handles: 1, writer });
    Ok(shared)
}

/// Counts one handle less. With the last the store is closed: everything accepted is written first. All of it happens
/// inside the lock, so that nobody opens the file again before it is closed.
pub fn release(shared: &Shared) {
    let mut open = registry();
    let Some(registered) = open.get_mut(&shared.file) else { return };
    registered.handles -= 1;
    if registered.handles > 0 {
        return;
    }
    let Some(last) = open.remove(&shared.file) else { return };
    shared.pending.close();
    // A writer that panicked has ended too.
    drop(last.writer.join());
    shared.promises.closing(|reference| shared.bytes(reference).ok().flatten());
    shared.environment.close();
}

impl Shared {
    /// The bytes of a body in the database, where they are whole.
    pub fn bytes(&self, reference: BodyRef) -> Result<Option<Bytes>> {
        self.read_body(reference, Bytes::copy_from_slice).map(|found| match found {
            Found::Whole(bytes) => Some(bytes),
            Found::Nothing | Found::Unreadable => None,
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

impl Registry {
    fn new() -> Self {
        Self { process: std::process::id(), open: Mutex::default(), forked: OnceLock::new() }
    }
}

/// A poisoned lock is taken all the same: the map is changed in single steps.
fn registry() -> MutexGuard<'static, BTreeMap<FileId, Registered>> {
    let mut registry = FIRST.get_or_init(Registry::new);
    while registry.process != std::process::id() {
        registry = registry.forked.get_or_init(|| Box::new(Registry::new()));
    }
    registry.open.lock().unwrap_or_else(PoisonError::into_inner)
}
