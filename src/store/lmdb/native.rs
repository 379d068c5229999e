//! The calls of LMDB that its wrapper does not offer. This file alone may say `unsafe`, and each use says why it is none.

use lmdb::Environment;

/// Gives up the reader slots of processes that were killed in the middle of a read. What such a reader saw would otherwise never become
/// free: the file would grow with every write.
#[expect(unsafe_code, reason = "the wrapper has no mdb_reader_check")]
pub fn clear_dead_readers(environment: &Environment) -> lmdb::Result<()> {
    // SAFETY: `env()` is the handle that opening `environment` made; it is freed when `environment` is dropped, which the borrow keeps from
    // happening before the call is over. LMDB lets any thread call this at any time and takes the reader table's lock itself. It accepts a
    // null pointer for the count, which is not wanted.
    let code = unsafe { lmdb_sys::mdb_reader_check(environment.env(), std::ptr::null_mut()) };
    if code == 0 { Ok(()) } else { Err(lmdb::Error::from_err_code(code)) }
}
