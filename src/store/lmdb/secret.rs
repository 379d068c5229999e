//! The key of the keyed hashes, in a file beside the database: whoever gets a copy of the database alone cannot tell
//! whose partitions it holds.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::identity::Secret;
use crate::store::lmdb::failure;
use crate::store::lmdb::place::{Place, private};

/// Its name.
pub const NAME: &str = "secret";

/// The secret of the store at `place`; made when there is none.
pub fn open(place: &Place) -> Result<Secret> {
    let path = place.file(NAME);
    match fs::read(&path) {
        Ok(bytes) => parse(&path, &bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(place, &path)?;
            parse(&path, &fs::read(&path).map_err(|error| failure::of_file(&path, error))?)
        }
        Err(error) => Err(failure::of_file(&path, error)),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Secret> {
    bytes.try_into().map(Secret).map_err(|_| {
        let message = format!(
            "{} does not hold 32 bytes; remove it, and responses stored for identities are asked for anew",
            path.display()
        );
        Error::new(Kind::Store, message)
    })
}

/// Whole under a name of its own first, then linked: of several processes one wins, and no other ever sees half a
/// secret.
fn make(place: &Place, path: &Path) -> Result<()> {
    let Secret(nonce) = Secret::random()?;
    let nonce = nonce.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let draft = place.file(&format!("{NAME}.{nonce:016x}"));
    let linked = write_new(&draft).and_then(|()| fs::hard_link(&draft, path));
    // What cannot be removed does no harm: a draft is read by nobody.
    drop(fs::remove_file(&draft));
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failure::of_file(path, error)),
        Ok(()) | Err(_) => place.sync(),
    }
}

fn write_new(draft: &Path) -> io::Result<()> {
    let Secret(key) = Secret::random().map_err(io::Error::other)?;
    let mut file = private().write(true).create_new(true).open(draft)?;
    file.write_all(&key)?;
    file.sync_all()
}
