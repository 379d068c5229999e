//! Which stores this process has open. A file is opened once, however many handles there are: closing a second
//! environment on the same file would give up the first one's locks, and another process would write over what its
//! readers see.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, Kind, Result};
use crate::store::lmdb::claim::Claim;
use crate::store::lmdb::environment::Environment;
use crate::store::lmdb::pending::Pending;
use crate::store::lmdb::place::{DATA, FileId, Place};
use crate::store::lmdb::promises::Promises;
use crate::store::lmdb::refusals::Refusals;
use crate::store::lmdb::shared::Shared;
use crate::store::lmdb::warmth::Warmth;
use crate::store::lmdb::{Options, compact, failure, health, secret, writer};

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
    claim: Claim,
}

/// Counts one handle more, opening the store if it is the first. The first one's options hold, and it alone is told what was damaged.
pub fn acquire(path: &Path, options: Options) -> Result<(Arc<Shared>, Option<String>)> {
    let mut open = registry();
    if options.must_exist {
        expect(path)?;
    }
    let place = Place::prepare(path)?;
    if open.get(&place.file_id()).is_some_and(|registered| registered.handles == 0) {
        finish(&mut open, &place)?;
    }
    if let Some(registered) = open.get_mut(&place.file_id()) {
        registered.handles += 1;
        return Ok((Arc::clone(&registered.shared), None));
    }
    let claim = Claim::open(&place)?;
    let (file, shared, writer, set_aside) = {
        let door = claim.enter(&place)?;
        let set_aside = if door.is_alone() { health::examine(&place)? } else { None };
        // Another file, if that one was set aside.
        let place = Place::prepare(path)?;
        // The environment first: where it is refused, nothing of ours is left there.
        let environment = Environment::open(place.clone(), options)?;
        let shared = Arc::new(Shared {
            process: std::process::id(),
            is_bounded: options.limits.max_size.is_some(),
            secret: secret::open(&place)?,
            environment,
            pending: Pending::new(&options),
            promises: Arc::new(Promises::new()),
            refusals: Refusals::default(),
            warmth: Warmth::default(),
            writing: Mutex::default(),
        });
        shared.look_around();
        let writer = writer::start(&shared, options.limits)?;
        (place.file_id(), shared, writer, set_aside)
    };
    open.insert(file, Registered { shared: Arc::clone(&shared), handles: 1, writer, claim });
    Ok((shared, set_aside))
}

/// Whoever only wants to look makes no store, and leaves nothing in a directory that is none.
fn expect(path: &Path) -> Result<()> {
    for name in [DATA, secret::NAME] {
        match fs::metadata(path.join(name)) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let message = format!("there is no store in {}; name the directory of one", path.display());
                return Err(Error::new(Kind::Store, message));
            }
            Err(error) => return Err(failure::of_file(path, error)),
        }
    }
    Ok(())
}

/// Counts one handle less. With the last the store is closed: everything accepted is written first. All of it happens
/// inside the lock, so that nobody opens the file again before it is closed.
pub fn release(shared: &Arc<Shared>) {
    let mut open = registry();
    let Some(file) = file_of(&open, shared) else { return };
    let Some(registered) = open.get_mut(&file) else { return };
    registered.handles -= 1;
    if registered.handles > 0 {
        return;
    }
    let Some(last) = open.remove(&file) else { return };
    shared.pending.close();
    if !shared.pending.progress.wait_until(|| last.writer.is_finished()) {
        // Its file must not be opened a second time: it stays registered, and whoever comes next sees whether it has ended by then.
        open.insert(file, last);
        return;
    }
    close(last);
}

/// Closes a store that could not be closed when its last handle went.
fn finish(open: &mut BTreeMap<FileId, Registered>, place: &Place) -> Result<()> {
    match open.remove(&place.file_id()) {
        Some(left) if !left.writer.is_finished() => {
            open.insert(place.file_id(), left);
            let message = format!(
                "the store in {} is still being closed: its writer waits for the disk, or for a process that was stopped",
                place.directory().display()
            );
            Err(Error::new(Kind::Store, message))
        }
        Some(left) => {
            close(left);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Closes a store whose writer has ended.
fn close(last: Registered) {
    let shared = last.shared;
    // A writer that panicked has ended too.
    drop(last.writer.join());
    shared.promises.closing(|reference| shared.bytes(reference).ok().flatten());
    let place = shared.environment.close();
    // Without a note the next one to open it looks more closely.
    if let Ok(door) = last.claim.enter(&place)
        && door.is_alone()
        && !shared.environment.is_suspect()
    {
        drop(health::note(&place));
    }
}

/// Puts a file without free space in the place of the store's; how many bytes that gave back. Nobody else may use the store meanwhile, and
/// nobody opens or closes one in this process.
pub fn compact(shared: &Arc<Shared>) -> Result<u64> {
    let mut open = registry();
    let file = file_of(&open, shared);
    let Some(registered) = file.and_then(|file| open.remove(&file)) else {
        return Err(Error::new(Kind::Closed, "the store is closed; open it again"));
    };
    let compacted = compact::compact(shared, &registered.claim);
    // The file is another one now, or the same.
    open.insert(shared.environment.place().file_id(), registered);
    compacted
}

fn file_of(open: &BTreeMap<FileId, Registered>, shared: &Arc<Shared>) -> Option<FileId> {
    open.iter().find(|(_, registered)| Arc::ptr_eq(&registered.shared, shared)).map(|(file, _)| *file)
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
