//! Validating behind the caller's back what was handed out stale (RFC 5861 §3).
//!
//! ```text
//! plan ─▶ Serve(response, sending) ─▶ the caller has the response
//!                            └─▶ Behind ─▶ wire ─▶ settle ─▶ store
//! ```
//!
//! Nobody sees that answer, so what it changes has to be told with the next one: a [`Backlog`] remembers it, as long as the session lives.
//! A named consumer hears of it anyway, through the store.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cache::Sending;
use crate::exchange::sharing::unseen_under;
use crate::key::KeyHash;
use crate::request::Request;

/// Changes that are remembered at most; of those beyond, only consumers hear.
const MOST_UNSEEN: usize = 100_000;

/// A request that is to be sent although its caller has a response already.
#[derive(Debug)]
pub struct Behind {
    /// The hop that it belongs to.
    pub request: Request,
    /// What to send.
    pub sending: Box<Sending>,
}

impl Behind {
    /// What it asks about.
    #[must_use]
    pub fn key(&self) -> KeyHash {
        unseen_under(&self.sending.pending.ask).hash
    }
}

/// What is being validated behind anybody's back, and what changed there.
#[derive(Debug, Default)]
pub struct Backlog {
    under_way: Mutex<HashSet<KeyHash>>,
    unseen: Mutex<HashSet<KeyHash>>,
}

/// One at a time: gone when this is dropped, however the request ends.
#[derive(Debug)]
pub struct UnderWay<'a> {
    backlog: &'a Backlog,
    key: KeyHash,
}

impl Backlog {
    /// Begins to validate `key`, unless that is under way.
    #[must_use]
    pub fn begin(&self, key: KeyHash) -> Option<UnderWay<'_>> {
        let is_first = locked(&self.under_way).insert(key);
        is_first.then(|| UnderWay { backlog: self, key })
    }

    /// Somebody is handed what `key` has now: is there a change that nobody saw?
    #[must_use]
    pub fn take(&self, key: KeyHash) -> bool {
        locked(&self.unseen).remove(&key)
    }
}

impl UnderWay<'_> {
    /// The content changed.
    pub fn changed(&self) {
        let mut unseen = locked(&self.backlog.unseen);
        if unseen.len() < MOST_UNSEEN {
            unseen.insert(self.key);
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        locked(&self.backlog.under_way).remove(&self.key);
    }
}

/// A set is whole between any two statements, whoever panicked.
fn locked(set: &Mutex<HashSet<KeyHash>>) -> MutexGuard<'_, HashSet<KeyHash>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Backlog, KeyHash};

    #[test]
    fn one_validation_at_a_time_and_each_change_is_told_once() {
        let backlog = Backlog::default();
        let key = KeyHash([1; 16]);
        let first = backlog.begin(key).unwrap();
        assert!(backlog.begin(key).is_none());
        first.changed();
        drop(first);
        assert!(backlog.begin(key).is_some());
        assert!(backlog.take(key) && !backlog.take(key));
    }
}
