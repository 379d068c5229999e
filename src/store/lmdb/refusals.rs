//! What comes too late, because it was asked for before it was forgotten: told from the tombstones in the database, inside the transaction that
//! would write it. A group of writes costs one lookup; where none of it was asked for before something was forgotten, no more is read.
//!
//! What this process knows of them is at hand for the view of what is accepted and not committed: that does not show for a moment what the writer
//! will refuse. What another process forgot is known from the next group on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lmdb::Transaction;

use crate::entry::change::Change;
use crate::entry::forgotten::Tombstones;
use crate::identity::Secret;
use crate::key::Key;
use crate::store::lmdb::databases::{Databases, tombstones};
use crate::store::lmdb::pending::{Group, Write};

/// The tombstones as this process last saw them.
#[derive(Debug, Default)]
pub struct Refusals {
    newest: AtomicU64,
    known: Mutex<Arc<Tombstones>>,
}

impl Refusals {
    /// Those that are stored now.
    pub fn know(&self, known: Tombstones) {
        let newest = known.newest();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        self.newest.store(newest, Ordering::Release);
    }

    /// Is this one of them, as far as this process knows?
    pub fn refuse(&self, key: &Key, change: &Change, asked: Option<u64>, secret: &Secret) -> bool {
        let Some(asked) = asked.filter(|asked| *asked <= self.newest.load(Ordering::Acquire)) else { return false };
        let known = Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner));
        known.refuse(key, change, asked, secret)
    }

    /// The tombstones that may stand against something in `group`; `None`: nothing of it was asked for before the newest.
    pub fn against<T: Transaction>(
        &self,
        transaction: &T,
        databases: Databases,
        group: &Group,
    ) -> lmdb::Result<Option<Tombstones>> {
        let stored = tombstones(transaction, databases)?;
        let newest = Tombstones::newest_in(stored);
        if newest != self.newest.load(Ordering::Acquire) {
            self.know(Tombstones::decode(stored));
        }
        let is_late = |write: &Write| write.asked.is_some_and(|asked| asked <= newest);
        if !group.writes.iter().any(is_late) {
            return Ok(None);
        }
        Ok(Some(Tombstones::decode(stored)))
    }
}
