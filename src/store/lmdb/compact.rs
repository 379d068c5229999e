//! A file without free space in the place of one that has much of it: LMDB uses free pages again, and never gives them back.
//!
//! Nothing is written meanwhile, by this process or another; this one goes on reading, but for the moment in which the files change places. A
//! process that is killed here leaves the old file or the new one, each whole. What nothing refers to any more is not copied: what was forgotten
//! before is gone from the file, to the last byte (see `copy`). What the disk itself keeps of the old one is beyond us.

use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::sync::PoisonError;

use lmdb::RwTransaction;

use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::store::lmdb::claim::Claim;
use crate::store::lmdb::failure;
use crate::store::lmdb::place::{DATA, DIRECTORY_MODE, FILE_MODE, Place};
use crate::store::lmdb::shared::Shared;
use crate::store::lmdb::upkeep::{self, Due};

/// Where the new file is made, beside the old one.
const WORKSHOP: &str = "compacting";

/// Puts a copy without free space in the place of the data file; how many bytes that gave back.
pub fn compact(shared: &Shared, claim: &Claim) -> Result<u64> {
    let place = shared.environment.place();
    let door = claim.enter(&place)?;
    if !door.is_alone() {
        let message = format!(
            "the store in {} is in use by another process; compact it when that has closed it",
            place.directory().display()
        );
        return Err(Error::new(Kind::Store, message));
    }
    let _nothing_is_written = shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
    let data = place.file(DATA);
    let length = || fs::metadata(&data).map_or(0, |metadata| metadata.len());
    let before = length();
    let made = shared.pending.progress.paused(|| sweep(shared).and_then(|()| make(shared, &place)));
    clear(&place);
    made?;
    Ok(before.saturating_sub(length()))
}

/// Removes the bodies that nothing refers to: nobody else can be about to read them.
fn sweep(shared: &Shared) -> Result<()> {
    let Shared { environment, promises, .. } = shared;
    let due = Due::at_once(clock::now(), 0);
    let step = |transaction: &mut RwTransaction<'_>, databases| upkeep::step(transaction, databases, promises, due);
    while environment.write(step)? == Some(true) {}
    Ok(())
}

/// Removes what an attempt that was killed has left.
pub fn clear(place: &Place) {
    drop(fs::remove_dir_all(place.file(WORKSHOP)));
}

fn make(shared: &Shared, place: &Place) -> Result<()> {
    let workshop = place.file(WORKSHOP);
    let refuse = |error| failure::of_file(&workshop, error);
    clear(place);
    DirBuilder::new().mode(DIRECTORY_MODE).create(&workshop).map_err(refuse)?;
    shared.environment.copy(&workshop)?;
    let made = workshop.join(DATA);
    let private = Permissions::from_mode(FILE_MODE);
    File::open(&made).and_then(|file| file.set_permissions(private).and_then(|()| file.sync_all())).map_err(refuse)?;
    shared.environment.replace(|place| {
        fs::rename(&made, place.file(DATA)).map_err(|error| failure::of_file(&made, error))?;
        place.sync()
    })
}
