//! Which process this is. After a fork, a child has nothing of its parent's threads, and must not touch what they left half done.
//!
//! Asking is a system call each time, and the hot path asks several times a request.

use std::cell::Cell;

thread_local! {
    static STAYS_IN: Cell<Option<u32>> = const { Cell::new(None) };
}

/// For a thread that never forks: a child has no other thread than the one that forked, so this one is in the same process until its end.
pub fn stay() {
    STAYS_IN.set(Some(std::process::id()));
}

/// The number of this process.
#[must_use]
pub fn id() -> u32 {
    STAYS_IN.get().unwrap_or_else(std::process::id)
}
