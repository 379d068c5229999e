//! What LMDB and the file system say went wrong, in our words: where, and what to do about it.

use std::io;
use std::path::Path;

use crate::error::{Error, Kind};

/// `EIO`, which has no [`io::ErrorKind`].
const INPUT_OUTPUT_ERROR: i32 = 5;

/// An error of the database in `directory`.
pub fn of_database(directory: &Path, error: lmdb::Error) -> Error {
    let at = directory.display();
    let message = match error {
        lmdb::Error::Other(code) => return of_file(directory, io::Error::from_raw_os_error(code)),
        lmdb::Error::ReadersFull => {
            format!("the store in {at} has no reader slot left; let fewer processes read it at the same time")
        }
        lmdb::Error::MapFull => {
            format!("the store in {at} cannot grow; give this process more address space (ulimit -v)")
        }
        lmdb::Error::Invalid | lmdb::Error::VersionMismatch | lmdb::Error::Incompatible => {
            format!("{at}/data.mdb is no store of ours; choose another directory, or move that file away")
        }
        lmdb::Error::Corrupted | lmdb::Error::PageNotFound => {
            format!("the store in {at} is damaged; move that directory away, and it is begun anew")
        }
        _ => format!("the store in {at} failed"),
    };
    Error::new(Kind::Store, message).with_source(error)
}

/// Does LMDB say this of a file whose structure is not what it wrote?
pub const fn is_of_structure(error: lmdb::Error) -> bool {
    use lmdb::Error;
    matches!(
        error,
        Error::Corrupted | Error::PageNotFound | Error::Panic | Error::Invalid | Error::CursorFull | Error::PageFull
    )
}

/// An error of the file or directory at `path`.
pub fn of_file(path: &Path, error: io::Error) -> Error {
    let remedy = match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => "there is a file in the way; give a directory",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "it cannot be written to; give a directory that this user may write to"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "there is no space left; free some"
        }
        // LMDB calls a write that was cut short an I/O error, and a disk that fills up cuts one short.
        _ if error.raw_os_error() == Some(INPUT_OUTPUT_ERROR) => "there is no space left, or the disk fails; free some",
        io::ErrorKind::OutOfMemory => "it cannot be mapped; give this process more address space (ulimit -v)",
        _ => "it cannot be used; see the cause",
    };
    Error::new(Kind::Store, format!("the store at {}: {remedy}", path.display())).with_source(error)
}
