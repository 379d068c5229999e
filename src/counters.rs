//! Counters, fed by outcomes alone.
//!
//! ```text
//! bytes saved = Σ over 304s of (wire bytes of the stored 200 − wire bytes of the 304)
//! 304 ratio   = 304 responses / requests sent
//! ```

pub mod trackers;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::counters::trackers::Trackers;
use crate::exchange::outcome::{Outcome, Reason};

/// One counter. Only its own total matters, so no ordering is needed.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What was counted.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that a cache counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests that went to an origin.
    pub requests: Counter,
    /// 304s among their answers.
    pub not_modified: Counter,
    /// Requests that got no answer.
    pub errors: Counter,
    /// Bytes of header sections and bodies received.
    pub wire_bytes: Counter,
    /// Bytes that 304s spared.
    pub bytes_saved: Counter,
    /// Requests sent once more, unconditionally.
    pub resends: Counter,
    /// Callers that shared the flight of another.
    pub coalesced: Counter,
    /// Reads and writes that the store refused.
    pub store_errors: Counter,
    /// Hosts that tell clients apart by validators.
    pub trackers: Trackers,
    outcomes: [Counter; Outcome::ALL.len()],
    reasons: [Counter; Reason::ALL.len()],
}

impl Counters {
    /// Counts an outcome, and its reason if it has one.
    pub fn count(&self, outcome: Outcome, reason: Option<Reason>) {
        let counted =
            Outcome::ALL.iter().zip(&self.outcomes).filter(|(one, _)| **one == outcome).map(|(_, counter)| counter);
        let because =
            Reason::ALL.iter().zip(&self.reasons).filter(|(one, _)| Some(**one) == reason).map(|(_, counter)| counter);
        counted.chain(because).for_each(|counter| counter.add(1));
    }

    /// 304s of the requests sent; 0 before the first.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio of counts far below 2^52")]
    pub fn not_modified_ratio(&self) -> f64 {
        let requests = self.requests.get().max(1);
        self.not_modified.get() as f64 / requests as f64
    }

    /// Each outcome with its count.
    pub fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL.into_iter().zip(&self.outcomes).map(|(outcome, counter)| (outcome, counter.get()))
    }

    /// Each reason with its count.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(&self.reasons).map(|(reason, counter)| (reason, counter.get()))
    }
}
