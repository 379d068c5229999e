//! The only reader of the clock. Drivers read it once per step and pass `now` down; decisions never ask.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::exchange::interval::Moment;

/// Seconds since the Unix epoch, as HTTP-dates count them.
#[must_use]
pub fn now() -> u64 {
    moment().seconds
}

/// The same, as fine as the intervals between two requests for one URL.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
#[must_use]
pub fn moment() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { seconds: since.as_secs(), millis: u16::try_from(since.subsec_millis()).unwrap_or_default() }
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
