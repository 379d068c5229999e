//! Bodies that are promised and not read: most callers of a page that has not changed never look at it.
//!
//! A response holds a [`Promise`] in place of the bytes. The promise is kept whatever happens to the store in this process: a body is
//! handed over before it is removed, and before the store is closed. Only another process can break it, by removing a body that nothing
//! refers to any more; it leaves those alone for a while, see [`super::upkeep`].
//!
//! A body is promised only if this process has seen it whole: damage is found while there is still time to ask the origin.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;

use crate::entry::BodyRef;
use crate::process;

/// The promises of one store in one process.
#[derive(Debug)]
pub struct Promises {
    process: u32,
    made: Mutex<HashMap<BodyRef, Weak<Promise>>>,
    seen: Seen,
}

/// One promised body.
#[derive(Debug)]
pub struct Promise {
    reference: BodyRef,
    promises: Arc<Promises>,
    /// Its bytes, when they had to be handed over.
    bytes: OnceLock<Bytes>,
}

impl Promises {
    /// None yet.
    pub fn new() -> Self {
        Self { process: process::id(), made: Mutex::default(), seen: Seen::new() }
    }

    /// A poisoned lock is taken all the same: the table is changed in single steps.
    fn made(&self) -> MutexGuard<'_, HashMap<BodyRef, Weak<Promise>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Promises a body, if it was seen whole.
    pub fn promise(self: &Arc<Self>, reference: BodyRef) -> Option<Arc<Promise>> {
        if !self.seen.has(reference) {
            return None;
        }
        let mut made = self.made();
        if let Some(promise) = made.get(&reference).and_then(Weak::upgrade) {
            return Some(promise);
        }
        let promise = Arc::new(Promise { reference, promises: Arc::clone(self), bytes: OnceLock::new() });
        made.insert(reference, Arc::downgrade(&promise));
        Some(promise)
    }

    /// Notes that a body lies in the store, whole.
    pub fn saw(&self, reference: BodyRef) {
        self.seen.set(reference, true);
    }

    /// Was it seen whole, and not missed since?
    pub fn has_seen(&self, reference: BodyRef) -> bool {
        self.seen.has(reference)
    }

    /// Notes that a body is not there, or not whole.
    pub fn missed(&self, reference: BodyRef) {
        self.seen.set(reference, false);
    }

    /// A body is about to be removed: `bytes` are handed to whoever was promised it.
    pub fn removing(&self, reference: BodyRef, bytes: impl FnOnce() -> Option<Bytes>) {
        self.seen.set(reference, false);
        let promise = self.made().get(&reference).and_then(Weak::upgrade);
        if let Some(promise) = promise {
            promise.hand_over(bytes);
        }
    }

    /// The store is about to be closed: every promise is kept now.
    pub fn closing(&self, bytes: impl Fn(BodyRef) -> Option<Bytes>) {
        let all: Vec<_> = self.made().values().filter_map(Weak::upgrade).collect();
        for promise in all {
            promise.hand_over(|| bytes(promise.reference));
        }
    }
}

impl Promise {
    /// The name of the body.
    pub const fn reference(&self) -> BodyRef {
        self.reference
    }

    /// The bytes, if they were handed over.
    pub fn bytes(&self) -> Option<&Bytes> {
        self.bytes.get()
    }

    fn hand_over(&self, bytes: impl FnOnce() -> Option<Bytes>) {
        if self.bytes.get().is_none()
            && let Some(bytes) = bytes()
        {
            // Whoever was faster handed over the same.
            let _ = self.bytes.set(bytes);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        // In a forked child the lock may be held by a thread that is not there.
        if self.promises.process != process::id() {
            return;
        }
        let mut made = self.promises.made();
        // Another may have been made since.
        if made.get(&self.reference).is_some_and(|promise| promise.strong_count() == 0) {
            made.remove(&self.reference);
        }
    }
}

/// Which bodies were seen whole: a table of fixed size that forgets by being written over. What it forgets is looked at once more.
#[derive(Debug)]
struct Seen(Box<[AtomicU64]>);

impl Seen {
    /// A mebibyte, touched as it is used.
    const PLACES: usize = 1 << 17;

    fn new() -> Self {
        Self((0..Self::PLACES).map(|_| AtomicU64::new(0)).collect())
    }

    /// Where a body is noted, and as what. Digests are as good as random.
    fn place(&self, reference: BodyRef) -> Option<(&AtomicU64, u64)> {
        let (place, rest) = reference.digest.0.split_first_chunk::<8>()?;
        let (note, _) = rest.split_first_chunk::<8>()?;
        let index = u64::from_le_bytes(*place) % self.0.len() as u64;
        let note = u64::from_le_bytes(*note) ^ reference.length;
        Some((self.0.get(usize::try_from(index).ok()?)?, note | 1))
    }

    fn has(&self, reference: BodyRef) -> bool {
        self.place(reference).is_some_and(|(place, note)| place.load(Ordering::Relaxed) == note)
    }

    fn set(&self, reference: BodyRef, is_whole: bool) {
        let Some((place, note)) = self.place(reference) else { return };
        if is_whole {
            place.store(note, Ordering::Relaxed);
        } else {
            // Only if it is this one that is noted there.
            let _ = place.compare_exchange(note, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}
