//! Was the data file left as it was found? If not, its structure is checked before LMDB trusts it; a damaged file is set aside, and the store
//! begun anew.
//!
//! Whoever closes a store as the last notes what its file then looks like. A file that looks otherwise when it is opened next was left by a
//! process that was killed, or changed behind our back.

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

use crate::clock;
use crate::error::Result;
use crate::store::lmdb::place::{DATA, Place, private};
use crate::store::lmdb::structure::{self, Verdict};
use crate::store::lmdb::{compact, failure, secret};

/// Beside the data file: how that looked when it was closed.
const NOTE: &str = "closed";

/// The name of a damaged file; one is kept.
const DAMAGED: &str = "data.mdb.damaged";

/// Checks the data file, unless it is as it was left; nobody else may use it meanwhile. What was found and done, if it was damaged.
///
/// # Errors
/// [`crate::error::Kind::Store`] when it cannot be read, or not be set aside.
pub fn examine(place: &Place) -> Result<Option<String>> {
    // Where no store was ever opened, a file is not ours to judge: opening it says whether it is.
    if !place.file(secret::NAME).exists() {
        return Ok(None);
    }
    let path = place.file(DATA);
    let refuse = |error| failure::of_file(&path, error);
    compact::clear(place);
    let noted = fs::read_to_string(place.file(NOTE)).unwrap_or_default();
    // Whoever is killed from here on, or finds damage that this look does not, leaves no note.
    drop(fs::remove_file(place.file(NOTE)));
    if noted == look(&fs::metadata(&path).map_err(refuse)?) {
        return Ok(None);
    }
    if fs::metadata(&path).map_err(refuse)?.len() == 0 {
        return Ok(Some(format!(
            "the store in {} was empty, though it held one; it is begun anew",
            place.directory().display()
        )));
    }
    match structure::check(&path).map_err(refuse)? {
        Verdict::Sound => Ok(None),
        verdict => {
            let what = if let Verdict::Damaged(what) = verdict { what } else { "nothing of it is left".to_owned() };
            let aside = place.file(DAMAGED);
            fs::rename(&path, &aside).map_err(refuse)?;
            private().create(true).append(true).open(&path).map_err(refuse)?;
            place.sync()?;
            let (at, aside) = (place.directory().display(), aside.display());
            Ok(Some(format!("the store in {at} was damaged ({what}); it is set aside as {aside}, and begun anew")))
        }
    }
}

/// Notes that the data file was closed as it should be. Nobody else may use it meanwhile.
///
/// # Errors
/// When the note cannot be written; it is missed by nobody.
pub fn note(place: &Place) -> io::Result<()> {
    let file = private().append(true).open(place.file(DATA))?;
    // The clock that dates changes is coarse: one that follows at once could bear the same date. This date is finer than any of those.
    file.set_modified(clock::unlike_any_other())?;
    let mut note = private().create(true).write(true).truncate(true).open(place.file(NOTE))?;
    note.write_all(look(&file.metadata()?).as_bytes())
}

/// What tells a file from one that was changed.
fn look(file: &Metadata) -> String {
    format!("{} {} {}.{:09}", file.ino(), file.len(), file.mtime(), file.mtime_nsec())
}
