//! How many connections the kept clients opened, and when that is too many.
//!
//! reqwest tells of no connection that it opens or closes. It does tell by which local port an answer came, and a port that a client was not
//! seen on before is a connection that it opened. What was opened is no less than what is open, and to retire a client that has closed its
//! connections already costs little: it is made again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::Response;

/// Connections that the kept clients may have opened. With as many under way as may be, a process stays below the 1024 descriptors that
/// most systems allow it.
const MOST: usize = 512;

/// The connections of all kept clients.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    in_all: Arc<AtomicUsize>,
}

impl Connections {
    /// Whoever sends more at once keeps more: a connection that is in use must not be the reason to part with a client.
    pub(super) fn new(concurrency: usize) -> Self {
        Self { most: MOST.max(concurrency.saturating_mul(2)), in_all: Arc::default() }
    }

    /// A client begins.
    pub(super) fn begin(&self) -> Arc<Opened> {
        Arc::new(Opened { ports: Mutex::default(), in_all: Arc::clone(&self.in_all) })
    }

    /// Is it time for clients to retire?
    pub(super) fn are_many(&self) -> bool {
        self.in_all.load(Ordering::Relaxed) > self.most
    }

    /// So many may be left when clients have retired: several retire at once, for each time all are looked at.
    pub(super) const fn enough(&self) -> usize {
        self.most / 4 * 3
    }

    /// So many are left.
    pub(super) fn recount(&self, left: usize) {
        self.in_all.store(left, Ordering::Relaxed);
    }
}

/// The connections that one client opened.
#[derive(Debug)]
pub(super) struct Opened {
    ports: Mutex<HashSet<u16>>,
    in_all: Arc<AtomicUsize>,
}

impl Opened {
    /// Counts the connection by which an answer came, if it is another one.
    pub(super) fn note(&self, response: &Response) {
        let Some(info) = response.extensions().get::<HttpInfo>() else { return };
        if self.ports().insert(info.local_addr().port()) {
            self.in_all.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were.
    pub(super) fn count(&self) -> usize {
        self.ports().len()
    }

    fn ports(&self) -> MutexGuard<'_, HashSet<u16>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
