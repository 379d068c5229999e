//! The calls of LMDB that its wrapper does not offer. This file alone may say `unsafe`, and each use says why it is none.

use std::ffi::{CString, c_uint};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use lmdb::Environment;

/// Leaves free pages out of a copy; `lmdb.h` says 1, the bindings leave it out.
const MDB_CP_COMPACT: c_uint = 1;

/// Gives up the reader slots of processes that were killed in the middle of a read. What such a reader saw would otherwise never become
/// free: the file would grow with every write.
#[expect(unsafe_code, reason = "the wrapper has no mdb_reader_check")]
pub fn clear_dead_readers(environment: &Environment) -> lmdb::Result<()> {
    // SAFETY: `env()` is the handle that opening `environment` made; it is freed when `environment` is dropped, which the borrow keeps from
    // happening before the call is over. LMDB lets any thread call this at any time and takes the reader table's lock itself. It accepts a
    // null pointer for the count, which is not wanted.
    let code = unsafe { lmdb_sys::mdb_reader_check(environment.env(), std::ptr::null_mut()) };
    result(code)
}

/// Copies everything into a new file in `directory`, which is empty, and leaves out free space.
#[expect(unsafe_code, reason = "the wrapper has no mdb_env_copy2")]
pub fn copy(environment: &Environment, directory: &Path) -> lmdb::Result<()> {
    let Ok(path) = CString::new(directory.as_os_str().as_bytes()) else { return Err(lmdb::Error::Invalid) };
    // SAFETY: of the handle as above. `path` ends with a zero and outlives the call, which only reads it. LMDB copies in a read transaction of
    // its own, from any thread; the threads that it starts for it have ended when it returns.
    let code = unsafe { lmdb_sys::mdb_env_copy2(environment.env(), path.as_ptr(), MDB_CP_COMPACT) };
    result(code)
}

fn result(code: i32) -> lmdb::Result<()> {
    if code == 0 { Ok(()) } else { Err(lmdb::Error::from_err_code(code)) }
}
