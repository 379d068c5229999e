//! The one LMDB environment of a file in this process, behind a gate.
//!
//! LMDB's map may only be moved while no transaction of this process is open: a value read from a map that was moved is
//! a fault, not an error. So every transaction holds the gate's read side from beginning to end, lives inside one call,
//! and hands out copies only; whoever moves the map holds the write side.
//!
//! # What is handled here, unseen by callers
//! - `MapFull`: the work is undone, the map doubled, the work done again;
//! - `MapResized` (another process grew the map): its size is taken over, the work done again;
//! - a map that could not be moved (LMDB has let go of the old one by then and would fault), or a fatal error: the
//!   environment is opened anew.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;
use std::time::Duration;

use lmdb::{EnvironmentFlags, RoTransaction, RwTransaction, Transaction};

use crate::clock::Stopwatch;
use crate::error::{Error, Kind, Result};
use crate::store::lmdb::databases::{self, Databases, FORMAT, Refusal};
use crate::store::lmdb::place::Place;
use crate::store::lmdb::progress::stalled;
use crate::store::lmdb::{Durability, Options};
use crate::store::lmdb::{copy, failure, native};

/// The smallest map: room for the empty databases and a first change.
const SMALLEST_MAP: usize = 1 << 20;

/// A step by which a map that may not grow does so all the same.
const SMALLEST_STEP: usize = 1 << 18;

/// Where falling back for want of address space ends.
const SMALLEST_FALLBACK: usize = 16 << 20;

/// Maps are whole multiples of this, which every page size divides.
const GRAIN: usize = 1 << 16;

/// How often one piece of work is tried while the map moves under it. A map that doubles each time has reached any size
/// before that.
const ATTEMPTS: usize = 64;

/// An environment, open for as long as its store.
#[derive(Debug)]
pub struct Environment {
    directory: PathBuf,
    options: Options,
    gate: RwLock<Gate>,
    is_suspect: AtomicBool,
}

#[derive(Debug)]
struct Gate {
    place: Place,
    /// `None` when it is closed, or could not be opened anew.
    opened: Option<Opened>,
    /// Closed for good.
    is_closed: bool,
    /// How many times the map was moved: whoever waited for the gate sees whether another has done it.
    moves: u64,
}

#[derive(Debug)]
struct Opened {
    environment: lmdb::Environment,
    databases: Databases,
    /// The map with which it began; a larger one than was asked for, where the file was larger.
    first_map: usize,
}

impl Environment {
    /// Opens the environment; with less address space than the options ask for, where there is no more.
    pub fn open(place: Place, options: Options) -> Result<Self> {
        let opened = open_fitting(&place, &options)?;
        let directory = place.directory().to_owned();
        let gate = RwLock::new(Gate { place, opened: Some(opened), is_closed: false, moves: 0 });
        Ok(Self { directory, options, gate, is_suspect: AtomicBool::new(false) })
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The same, with the data file that is there.
    pub fn place(&self) -> Place {
        self.together().place.clone()
    }

    /// Did LMDB say anything that a sound file gives no reason for?
    pub fn is_suspect(&self) -> bool {
        self.is_suspect.load(Ordering::Relaxed)
    }

    /// Does `work` in a read transaction. `work` must not come back here: the gate is held.
    pub fn read<T>(&self, work: impl Fn(&RoTransaction<'_>, Databases) -> lmdb::Result<T>) -> Result<T> {
        self.attempt(|opened| work(&opened.environment.begin_ro_txn()?, opened.databases))
    }

    /// Does `work` in a write transaction and commits it; as often as it takes for the map to be large enough. `None`: it is full, and may not
    /// grow. Only the writer thread calls this: a process has one write transaction at a time.
    pub fn write<T>(&self, work: impl Fn(&mut RwTransaction<'_>, Databases) -> lmdb::Result<T>) -> Result<Option<T>> {
        self.attempt(|opened| {
            let mut transaction = opened.environment.begin_rw_txn()?;
            let done = work(&mut transaction, opened.databases).and_then(|done| transaction.commit().map(|()| done));
            match done {
                Err(lmdb::Error::MapFull) if self.options.limits.max_size.is_some() => Ok(None),
                done => done.map(Some),
            }
        })
    }

    /// There is no room, and none could be made.
    pub fn full(&self) -> Error {
        let message = format!(
            "the store in {} has no room within its max_size, and a reader keeps what was forgotten from becoming free; raise max_size",
            self.directory.display()
        );
        Error::new(Kind::Store, message)
    }

    /// Gives a map that may not grow so much more that something can be forgotten in it; in all a quarter more than the bound, or where the
    /// file was larger than that, little more than the file.
    pub fn grow_a_little(&self) -> Result<()> {
        let seen = self.together().moves;
        let bound = self.options.limits.max_size.unwrap_or(u64::MAX);
        let most = usize::try_from(bound / 4 * 5).unwrap_or(usize::MAX);
        self.move_map(seen, |opened, size| match larger(size, SMALLEST_STEP) {
            larger if larger <= most.max(opened.first_map + SMALLEST_MAP) => opened.environment.set_map_size(larger),
            _ => Ok(()),
        })
    }

    /// How many bytes of the file are in use; where the file is no longer than `enough`, its length.
    pub fn used(&self, enough: u64) -> Result<u64> {
        self.attempt(|opened| {
            let page = u64::from(opened.environment.stat()?.page_size());
            let pages = opened.environment.info()?.last_pgno() as u64 + 1;
            if pages * page <= enough {
                return Ok(pages * page);
            }
            Ok(pages.saturating_sub(opened.environment.freelist()? as u64) * page)
        })
    }

    /// Gives up the reader slots of processes that were killed.
    pub fn clear_dead_readers(&self) -> Result<()> {
        self.attempt(|opened| native::clear_dead_readers(&opened.environment))
    }

    /// Returns when everything committed is on the disk.
    pub fn sync(&self) -> Result<()> {
        self.attempt(|opened| opened.environment.sync(true))
    }

    /// Copies everything into a new file in `directory`, without free space.
    pub fn copy(&self, directory: &Path) -> Result<()> {
        self.attempt(|opened| {
            let bytes =
                opened.environment.info()?.last_pgno().saturating_mul(opened.environment.stat()?.page_size() as usize);
            let transaction = opened.environment.begin_ro_txn()?;
            match copy::copy(&transaction, opened.databases, directory, bytes) {
                // What is copied does not add up to what is there.
                Err(lmdb::Error::MapFull) => Err(lmdb::Error::Corrupted),
                copied => copied,
            }
        })
    }

    /// Closes the environment, lets `how` put another file in the place of its own, and opens that.
    pub fn replace(&self, how: impl FnOnce(&Place) -> Result<()>) -> Result<()> {
        let mut gate = self.alone()?;
        gate.opened = None;
        gate.moves += 1;
        let replaced = how(&gate.place);
        gate.place = gate.place.anew()?;
        gate.opened = Some(open_fitting(&gate.place, &self.options)?);
        replaced
    }

    /// Closes the environment. Afterwards its file may be opened again.
    pub fn close(&self) -> Place {
        // The writer has ended, and reads are short.
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        gate.opened = None;
        gate.is_closed = true;
        gate.place.clone()
    }

    /// Whether a commit is on the disk when it returns.
    pub fn is_synced_by_commit(&self) -> bool {
        self.options.durability == Durability::Group
    }

    fn attempt<T>(&self, work: impl Fn(&Opened) -> lmdb::Result<T>) -> Result<T> {
        let mut last = lmdb::Error::MapResized;
        for _ in 0..ATTEMPTS {
            let (seen, result) = {
                let gate = self.together();
                (gate.moves, gate.opened.as_ref().map_or(Err(lmdb::Error::Panic), &work))
            };
            let error = match result {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match error {
                lmdb::Error::MapFull => self.grow(seen)?,
                lmdb::Error::MapResized => self.follow(seen)?,
                lmdb::Error::Panic if error != last => self.open_anew(seen)?,
                _ => return Err(self.failed(error)),
            }
            last = error;
        }
        Err(self.failed(last))
    }

    fn failed(&self, error: lmdb::Error) -> Error {
        if failure::is_of_structure(error) {
            self.is_suspect.store(true, Ordering::Relaxed);
        }
        failure::of_database(&self.directory, error)
    }

    fn together(&self) -> RwLockReadGuard<'_, Gate> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no transaction of this process is open. The writer's may be waiting for another process that was stopped: a lock that is
    /// waited for would then keep all readers out.
    fn alone(&self) -> Result<RwLockWriteGuard<'_, Gate>> {
        let begun = Stopwatch::start();
        loop {
            match self.gate.try_write() {
                Ok(gate) => return Ok(gate),
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if begun.elapsed() > self.options.patience => return Err(stalled()),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// Doubles the map.
    fn grow(&self, seen: u64) -> Result<()> {
        self.move_map(seen, |opened, size| opened.environment.set_map_size(larger(size, size)))
    }

    /// Takes over the size that another process gave to the map.
    fn follow(&self, seen: u64) -> Result<()> {
        self.move_map(seen, |opened, _| opened.environment.set_map_size(0))
    }

    fn move_map(&self, seen: u64, how: impl FnOnce(&Opened, usize) -> lmdb::Result<()>) -> Result<()> {
        let mut gate = self.alone()?;
        let Some(opened) = gate.opened.as_ref().filter(|_| gate.moves == seen) else { return Ok(()) };
        let size = opened.environment.info().map_err(|error| self.failed(error))?.map_size();
        let result = how(opened, size);
        gate.moves += 1;
        result.or_else(|_| self.open_larger(&mut gate, size))
    }

    /// After a map that could not be moved: a smaller step, in a fresh environment. At worst it has the size that it
    /// had.
    fn open_larger(&self, gate: &mut Gate, size: usize) -> Result<()> {
        for step in [size / 4, SMALLEST_FALLBACK] {
            gate.opened = None;
            gate.opened = open_at(&gate.place, &self.options, larger(size, step)).ok();
            if gate.opened.is_some() {
                return Ok(());
            }
        }
        gate.opened = open_at(&gate.place, &self.options, size).ok();
        Err(self.failed(lmdb::Error::MapFull))
    }

    /// After an error that LMDB calls fatal, and when there is no environment for want of memory.
    fn open_anew(&self, seen: u64) -> Result<()> {
        let mut gate = self.alone()?;
        if gate.is_closed {
            let message = format!("the store in {} is closed; open it again", self.directory.display());
            return Err(Error::new(Kind::Closed, message));
        }
        if gate.moves != seen {
            return Ok(());
        }
        // Closed first: two environments on one file would lose each other's locks.
        gate.opened = None;
        gate.moves += 1;
        gate.opened = Some(open_fitting(&gate.place, &self.options)?);
        Ok(())
    }
}

/// `size` and at least one grain `more`.
fn larger(size: usize, more: usize) -> usize {
    size.saturating_add(more.max(GRAIN)) / GRAIN * GRAIN
}

fn open_fitting(place: &Place, options: &Options) -> Result<Opened> {
    // The map of a store that is held to a size is the bound itself.
    let size = options.limits.max_size.map_or(options.map_size, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let mut size = size.max(SMALLEST_MAP) / GRAIN * GRAIN;
    loop {
        match open_at(place, options, size) {
            Err(Refusal::Database(error)) if is_out_of_memory(error) && size / 4 >= SMALLEST_FALLBACK => size /= 4,
            result => return result.map_err(|refusal| refused(place, &refusal)),
        }
    }
}

fn open_at(place: &Place, options: &Options, size: usize) -> Result<Opened, Refusal> {
    // The registry knows the file by its inode: another one under the same path is not this store.
    if !place.is_unchanged() {
        return Err(Refusal::Replaced);
    }
    let unsynced = match options.durability {
        Durability::Group => EnvironmentFlags::empty(),
        Durability::Relaxed => EnvironmentFlags::NO_SYNC,
    };
    let environment = lmdb::Environment::new()
        // A transaction belongs to its call, not to its thread.
        .set_flags(EnvironmentFlags::NO_TLS | unsynced)
        .set_max_readers(options.max_readers)
        .set_max_dbs(databases::COUNT)
        .set_map_size(size)
        .open_with_permissions(place.directory(), 0o600)?;
    for _ in 0..ATTEMPTS {
        match Databases::open(&environment) {
            // No transaction is open, and nobody else has this environment yet.
            Err(Refusal::Database(lmdb::Error::MapResized)) => environment.set_map_size(0)?,
            result => {
                let (databases, first_map) = (result?, environment.info()?.map_size());
                return Ok(Opened { environment, databases, first_map });
            }
        }
    }
    Err(lmdb::Error::MapResized.into())
}

fn is_out_of_memory(error: lmdb::Error) -> bool {
    matches!(error, lmdb::Error::Other(code) if io::Error::from_raw_os_error(code).kind() == io::ErrorKind::OutOfMemory)
}

fn refused(place: &Place, refusal: &Refusal) -> Error {
    let at = place.directory().display();
    let message = match refusal {
        Refusal::Database(error) => return failure::of_database(place.directory(), *error),
        Refusal::Replaced => format!("the store in {at} was removed or replaced; close it and open it again"),
        Refusal::Format(format) => {
            let remedy = if *format > FORMAT { "update" } else { "move it away" };
            format!(
                "the store in {at} is of format {format}, and this version reads format {FORMAT}; {remedy}, or choose another directory"
            )
        }
    };
    Error::new(Kind::Store, message)
}
