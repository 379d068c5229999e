//! Does what is read of the store come without waiting for a disk?
//!
//! LMDB reads a map of its file: what is not in memory of it is fetched from the disk in the middle of a read, and whoever reads on an event loop
//! makes everybody wait. Of a body it can be asked where it lies, [`super::native::is_resident`]. The tree above it is only known by going
//! down, so it is told from how the last lookups went: after one that had to wait, the store is taken to be cold until so many in a row did not
//! have to. Then at most one of that many lookups can wait. Opening a store begins with such a row, until one has to wait.
//!
//! To look costs two system calls, so that after the opening nobody does before somebody has asked.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::store::lmdb::native;

/// So many lookups without waiting make a store warm: those of a few dozen pages.
pub const ENOUGH: u8 = 64;

/// How the last lookups went.
#[derive(Debug, Default)]
pub struct Warmth {
    is_asked_for: AtomicBool,
    in_a_row: AtomicU8,
}

impl Warmth {
    /// Takes note of whether `look_up` had to wait, where that is of use to anybody.
    pub fn watch<T>(&self, look_up: impl FnOnce() -> T) -> T {
        if self.is_asked_for.load(Ordering::Relaxed) { self.note(look_up) } else { look_up() }
    }

    /// Takes note of whether `look_up` had to wait.
    pub fn note<T>(&self, look_up: impl FnOnce() -> T) -> T {
        let before = native::disk_waits();
        let found = look_up();
        if native::disk_waits() != before {
            self.in_a_row.store(0, Ordering::Relaxed);
        } else if self.in_a_row.load(Ordering::Relaxed) < ENOUGH {
            self.in_a_row.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Did the last lookup have to wait?
    pub fn has_just_waited(&self) -> bool {
        self.in_a_row.load(Ordering::Relaxed) == 0
    }

    /// Did none of the last lookups have to wait? Whoever asks wants the next ones watched.
    pub fn is_warm(&self) -> bool {
        // Written once: every lookup reads it.
        if !self.is_asked_for.load(Ordering::Relaxed) {
            self.is_asked_for.store(true, Ordering::Relaxed);
        }
        self.in_a_row.load(Ordering::Relaxed) >= ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::{ENOUGH, Warmth};

    #[test]
    fn a_store_is_cold_until_enough_lookups_went_without_waiting() {
        let warmth = Warmth::default();
        for _ in 0..ENOUGH {
            assert!(!warmth.is_warm());
            warmth.watch(|| ());
        }
        assert!(warmth.is_warm());
    }
    #[test]
    fn lookups_are_watched_once_somebody_has_asked() {
        let warmth = Warmth::default();
        (0..2 * ENOUGH).for_each(|_| warmth.watch(|| ()));
        assert!(!warmth.is_warm());
        (0..ENOUGH).for_each(|_| warmth.watch(|| ()));
        assert!(warmth.is_warm());
    }
}
