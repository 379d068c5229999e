//! The only reader of the clock. Drivers read it once per step and pass `now` down; decisions never ask.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch, as HTTP-dates count them.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A time finer than those by which file systems date changes, to mark a file with.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
#[must_use]
pub fn unlike_any_other() -> SystemTime {
    SystemTime::now()
}

/// A point on the monotonic clock, for measuring.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the monotonic clock")]
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
