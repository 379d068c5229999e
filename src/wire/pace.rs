//! Who may send now: so many requests at once in all, so many to one host, and so much time between two starts on one host.
//!
//! Waiting costs a place in a queue and nothing else, queues are first come first served, and whoever is dropped while waiting leaves no
//! trace. A wait has no timeout of its own; it ends because whoever has a place gives it back within the timeout of his request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use url::{Position, Url};

use crate::clock::Stopwatch;
use crate::error::{Error, Kind, Result};

use super::options::Options;
use super::resets::Resets;

/// Hosts known before the idle ones are looked for.
const HOSTS: usize = 1024;

/// The limits, and who is being sent to.
#[derive(Debug)]
pub(super) struct Pace {
    total: Semaphore,
    per_host: usize,
    delay: Duration,
    hosts: Mutex<Hosts>,
}

#[derive(Debug)]
struct Hosts {
    known: HashMap<Box<str>, Arc<Host>>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Host {
    places: Arc<Semaphore>,
    /// When the last request started. Whoever is next holds the lock until it has started too.
    last_start: tokio::sync::Mutex<Option<Stopwatch>>,
    resets: Resets,
}

/// The right to send one request, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _in_all: SemaphorePermit<'a>,
    _on_host: OwnedSemaphorePermit,
    /// A host that somebody sends to is not forgotten.
    host: Arc<Host>,
}

impl Place<'_> {
    /// May a stream of HTTP/2 to this host be reset?
    pub(super) fn may_reset(&self) -> bool {
        self.host.resets.claim()
    }
}

impl Pace {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            total: Semaphore::new(options.concurrency.min(Semaphore::MAX_PERMITS)),
            per_host: options.concurrency_per_host.min(Semaphore::MAX_PERMITS),
            delay: options.delay,
            hosts: Mutex::new(Hosts { known: HashMap::new(), sweep_at: HOSTS }),
        }
    }

    /// Waits until a request to `url` may start.
    ///
    /// The host's place comes first: whoever waits for a slow host must not keep others from theirs.
    pub(super) async fn place(&self, url: &Url) -> Result<Place<'_>> {
        let host = self.host(&url[..Position::BeforePath]);
        let on_host = Arc::clone(&host.places).acquire_owned().await.map_err(|_| closed())?;
        let in_all = if self.delay.is_zero() {
            self.total.acquire().await.map_err(|_| closed())?
        } else {
            let mut last_start = host.last_start.lock().await;
            if let Some(last) = *last_start {
                tokio::time::sleep(self.delay.saturating_sub(last.elapsed())).await;
            }
            let in_all = self.total.acquire().await.map_err(|_| closed())?;
            *last_start = Some(Stopwatch::start());
            in_all
        };
        Ok(Place { _in_all: in_all, _on_host: on_host, host })
    }

    /// The host of that scheme, name and port.
    fn host(&self, origin: &str) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.known.get(origin) {
            return Arc::clone(host);
        }
        if hosts.known.len() >= hosts.sweep_at {
            hosts.known.retain(|_, host| !host.is_idle(self.delay));
            // Twice what is in use: a sweep is paid for by as many new hosts as it looks at.
            hosts.sweep_at = HOSTS.max(hosts.known.len() * 2);
        }
        let places = Arc::new(Semaphore::new(self.per_host));
        let host = Arc::new(Host { places, last_start: tokio::sync::Mutex::new(None), resets: Resets::default() });
        hosts.known.insert(origin.into(), Arc::clone(&host));
        host
    }
}

impl Host {
    /// Nobody sends or waits, and the delay since the last start is over: a new one would behave the same.
    fn is_idle(self: &Arc<Self>, delay: Duration) -> bool {
        Arc::strong_count(self) == 1
            && self.last_start.try_lock().is_ok_and(|last| last.is_none_or(|last| last.elapsed() >= delay))
    }
}

/// Semaphores are never closed here; their type says that they could be.
fn closed() -> Error {
    Error::new(Kind::Closed, "the wire is closed")
}

#[cfg(test)]
mod tests {
    use super::{HOSTS, Options, Pace};

    #[test]
    fn idle_hosts_are_forgotten_and_busy_ones_are_not() {
        let pace = Pace::new(&Options::default());
        let busy = pace.host("http://busy");
        for number in 0..10 * HOSTS {
            pace.host(&format!("http://{number}"));
        }
        let hosts = pace.hosts.lock().unwrap();
        assert!(hosts.known.len() <= HOSTS);
        assert!(std::sync::Arc::ptr_eq(&hosts.known["http://busy"], &busy));
    }
}
