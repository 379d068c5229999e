//! Who uses a store: every process that has it open holds a shared lock on a file beside it, so that whoever wants it to himself, to check it
//! or to put another file in its place, knows whether he is alone.
//!
//! A lock that is turned from shared to exclusive is let go for a moment. That nobody slips in meanwhile is seen to by a second lock, the
//! door: it is on the directory itself, and is held while anybody comes, goes or looks around. Both are the operating system's (flock), and
//! go with their process.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::error::{Error, Kind, Result};
use crate::store::lmdb::failure;
use crate::store::lmdb::place::{Place, private};

const NAME: &str = "claim";

/// How long the door may be held by somebody else: longer than a check is let run.
const PATIENCE: Duration = Duration::from_secs(90);

/// This process uses the store.
#[derive(Debug)]
pub struct Claim {
    file: File,
    door: File,
}

/// The door is held, and whoever holds it may be alone.
#[derive(Debug)]
pub struct Door<'a> {
    claim: &'a Claim,
    is_alone: bool,
}

impl Claim {
    /// The files to lock; nothing is locked yet.
    pub fn open(place: &Place) -> Result<Self> {
        let path = place.file(NAME);
        let refuse = |error| failure::of_file(&path, error);
        let file = private().create(true).append(true).open(&path).map_err(refuse)?;
        let door = File::open(place.directory()).map_err(refuse)?;
        Ok(Self { file, door })
    }

    /// Takes the door, and sees whether anybody else uses the store. When the door is let go, this process does.
    ///
    /// # Errors
    /// [`Kind::Store`] when somebody else holds the door for too long.
    pub fn enter(&self, place: &Place) -> Result<Door<'_>> {
        let refuse = |error| failure::of_file(place.directory(), error);
        let begun = Stopwatch::start();
        while !is_locked(self.door.try_lock()).map_err(refuse)? {
            if begun.elapsed() > PATIENCE {
                let at = place.directory().display();
                let message =
                    format!("the store in {at} is being checked or compacted by another process; try again later");
                return Err(Error::new(Kind::Store, message));
            }
            thread::sleep(Duration::from_millis(5));
        }
        let mut door = Door { claim: self, is_alone: false };
        door.is_alone = is_locked(self.file.try_lock()).map_err(refuse)?;
        Ok(door)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A forked child has the same file open: closing ours would leave the lock to it.
        let _ = self.file.unlock();
    }
}

impl Door<'_> {
    /// Is nobody else using the store?
    pub const fn is_alone(&self) -> bool {
        self.is_alone
    }
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        // Whoever holds the door is the only one who may hold more than a shared lock: this cannot wait. Where it fails, nobody knows of us,
        // and nobody will: checks and compaction are all that it is for.
        let _ = self.claim.file.lock_shared();
        let _ = self.claim.door.unlock();
    }
}

fn is_locked(result: std::result::Result<(), TryLockError>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
