//! The calls of LMDB that its wrapper does not offer, and two questions to the system about its map. This file alone may say `unsafe`, and each
//! use says why it is none.

use std::ffi::c_long;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use lmdb::Environment;

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

/// Pages of the system that one question is about.
const PAGES_AT_ONCE: usize = 32;

/// Do these bytes lie in memory, so that reading them waits for no disk? Where the system does not tell, they do: reading them is never wrong.
#[expect(unsafe_code, reason = "neither the standard library nor the wrapper has mincore")]
pub fn is_resident(bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return true;
    }
    let page = page_size();
    let before = bytes.as_ptr().addr() % page;
    let pages = (before + bytes.len()).div_ceil(page);
    (0..pages).step_by(PAGES_AT_ONCE).all(|first| {
        let count = PAGES_AT_ONCE.min(pages - first);
        let start = bytes.as_ptr().wrapping_sub(before).wrapping_add(first * page);
        let mut told = [0; PAGES_AT_ONCE];
        // SAFETY: `start` is the beginning of a page of the system, and each of the `count` pages from there on holds some of `bytes`, so all of
        // them are mapped for as long as `bytes` is borrowed. The system only looks them up: nothing behind the address is read or written. It
        // writes one byte for each page to `told`, which has room for `count`.
        let code = unsafe { libc::mincore(start.cast_mut().cast(), count * page, told.as_mut_ptr().cast()) };
        code != 0 || told.iter().take(count).all(|one: &u8| one & 1 != 0)
    })
}

/// How often this thread has had to wait for a disk because what it read was not in memory; where the system counts for whole processes only,
/// any of its threads.
#[expect(unsafe_code, reason = "the standard library has no getrusage")]
pub fn disk_waits() -> c_long {
    #[cfg(target_os = "linux")]
    const WHO: i32 = libc::RUSAGE_THREAD;
    #[cfg(not(target_os = "linux"))]
    const WHO: i32 = libc::RUSAGE_SELF;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the system writes one `rusage` to where it has room, or nothing; it consists of integers, for which zeros are a value.
    let usage = unsafe {
        libc::getrusage(WHO, usage.as_mut_ptr());
        usage.assume_init()
    };
    usage.ru_majflt
}

#[expect(unsafe_code, reason = "the standard library has no sysconf")]
fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    // SAFETY: it takes a number and gives one.
    *SIZE.get_or_init(|| usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096))
}

fn result(code: i32) -> lmdb::Result<()> {
    if code == 0 { Ok(()) } else { Err(lmdb::Error::from_err_code(code)) }
}

#[cfg(test)]
mod tests {
    use super::is_resident;

    #[test]
    fn what_was_just_written_lies_in_memory_wherever_it_begins_and_ends() {
        let bytes = vec![1; 300_000];
        for (start, end) in [(0, 300_000), (1, 2), (4095, 4097), (5000, 5000), (299_999, 300_000)] {
            assert!(is_resident(&bytes[start..end]), "{start}..{end}");
        }
        assert!(is_resident(&[]));
    }
}
