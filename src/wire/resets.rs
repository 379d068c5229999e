//! How many streams of HTTP/2 may be reset now.
//!
//! What an origin has on its way when its stream is reset still arrives. h2 knows fifty streams by which it may ignore that, for a second each; on
//! those beyond it takes every frame for a fault of the origin's, and after a thousand of them it gives up the connection and all requests on
//! it. So no more are reset than it knows; the answers over that number are read to their end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Stopwatch;

/// For so long h2 remembers a stream.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Resets within that time, counted from the first: half of those that are remembered, for two such times can touch.
const MOST: u32 = 25;

/// The resets on the connections to one host.
#[derive(Debug, Default)]
pub(super) struct Resets(Mutex<Option<Recent>>);

#[derive(Debug, Clone, Copy)]
struct Recent {
    since: Stopwatch,
    count: u32,
}

impl Resets {
    /// May one more stream be reset? If so, it is counted.
    pub(super) fn claim(&self) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = match *recent {
            Some(one) if one.since.elapsed() < REMEMBERED => one,
            _ => Recent { since: Stopwatch::start(), count: 0 },
        };
        if now.count >= MOST {
            return false;
        }
        *recent = Some(Recent { count: now.count + 1, ..now });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Resets};

    #[test]
    fn as_many_as_are_remembered_may_be_reset_and_no_more() {
        let resets = Resets::default();
        assert!((0..MOST).all(|_| resets.claim()));
        assert!(!resets.claim());
    }
}
