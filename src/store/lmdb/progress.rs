//! Does the writer get on? Whoever waits for it waits as long as it does, and is told when it stands still: another process can hold the write
//! lock for ever, one that was stopped in the middle of writing.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures_timer::Delay;

use crate::clock::Stopwatch;
use crate::error::{Error, Kind, Result};

/// What the writer has done, as far as those who wait for it need it.
#[derive(Debug)]
pub struct Progress {
    patience: Duration,
    /// Does it stand still because it was asked to?
    is_paused: AtomicBool,
    groups: AtomicU64,
    /// How many groups had been written when somebody waited in vain.
    stalled_at: AtomicU64,
}

impl Progress {
    /// None yet; `patience` is how long it may stand still.
    pub fn new(patience: Duration) -> Self {
        Self {
            patience,
            is_paused: AtomicBool::new(false),
            groups: AtomicU64::new(0),
            stalled_at: AtomicU64::new(u64::MAX),
        }
    }

    /// A group was written, or has failed.
    pub fn note(&self) {
        self.groups.fetch_add(1, Ordering::Relaxed);
    }

    /// What `waited` comes to; an error when the writer stands still for too long. The first to have waited in vain spares the others that:
    /// they do not wait at all until something was written again.
    pub async fn while_it_gets_on<T>(&self, waited: impl Future<Output = Result<T>>) -> Result<T> {
        let mut waited = std::pin::pin!(waited);
        loop {
            let written = self.groups.load(Ordering::Relaxed);
            if self.stalled_at.load(Ordering::Relaxed) == written {
                return Err(stalled());
            }
            let mut limit = std::pin::pin!(Delay::new(self.patience));
            let ended = poll_fn(|context| match waited.as_mut().poll(context) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending => limit.as_mut().poll(context).map(|()| None),
            });
            if let Some(result) = ended.await {
                return result;
            }
            if self.groups.load(Ordering::Relaxed) == written && !self.is_paused.load(Ordering::Relaxed) {
                self.stalled_at.store(written, Ordering::Relaxed);
                return Err(stalled());
            }
        }
    }

    /// While `work` is done the writer stands still, and nobody who waits for it takes that for a hindrance.
    pub fn paused<T>(&self, work: impl FnOnce() -> T) -> T {
        self.is_paused.store(true, Ordering::Relaxed);
        let done = work();
        self.is_paused.store(false, Ordering::Relaxed);
        done
    }

    /// Waits until `is_over`, on this thread; `false`: the writer stood still for too long.
    pub fn wait_until(&self, is_over: impl Fn() -> bool) -> bool {
        let mut seen = (self.groups.load(Ordering::Relaxed), Stopwatch::start());
        while !is_over() {
            let written = self.groups.load(Ordering::Relaxed);
            if seen.0 != written || self.is_paused.load(Ordering::Relaxed) {
                seen = (written, Stopwatch::start());
            } else if seen.1.elapsed() > self.patience {
                return false;
            }
            thread::sleep(Duration::from_micros(200));
        }
        true
    }
}

/// The writer stands still, and whoever waited for it goes on without.
pub fn stalled() -> Error {
    let message = "the store has written nothing for too long: its disk hangs, or another process that was stopped holds its write lock";
    Error::new(Kind::Store, message)
}
