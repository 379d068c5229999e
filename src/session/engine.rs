//! A session on a thread of its own: requests go in and get a token, answers come out in batches.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::error::{Error, Kind, Result};
use crate::request::Request;
use crate::response::Response;
use crate::session::Session;
use crate::session::completions::Completions;
use crate::session::flights::{FlightId, Flights};

/// Names one request of one engine.
pub type Token = u64;

/// What became of a request; shared by everybody who waited for the same flight.
pub type Outcome = Arc<Result<Response>>;

/// A request and how long it may take: what makes two requests one flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Errand {
    /// The request.
    pub request: Request,
    /// The bound of each of its hops.
    pub timeout: Duration,
}

/// A session on a thread of its own.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    runtime: Handle,
    thread: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
    next: AtomicU64,
    process: u32,
}

#[derive(Debug)]
struct Shared {
    session: Session,
    done: Completions<(Token, Outcome)>,
    flights: Mutex<Flights>,
}

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Kind::Store`] when the operating system gives no thread or no sockets.
    pub fn start(session: Session) -> Result<Self> {
        let refuse = |error| Error::new(Kind::Store, "no thread for the session's runtime").with_source(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(refuse)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // Ends by the signal, or when the engine is gone.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("notmodified".into()).spawn(run).map_err(refuse)?;
        let shared = Shared { session, done: Completions::new()?, flights: Mutex::default() };
        Ok(Self {
            shared: Arc::new(shared),
            runtime: handle,
            thread: Mutex::new(Some((stop, thread))),
            next: AtomicU64::new(1),
            process: std::process::id(),
        })
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.shared.session
    }

    /// Readable while [`Engine::completed`] has something.
    #[must_use]
    pub fn door(&self) -> RawFd {
        self.shared.done.door()
    }

    /// At most `most` requests that have come to their end.
    #[must_use]
    pub fn completed(&self, most: usize) -> Vec<(Token, Outcome)> {
        self.shared.done.take(most)
    }

    /// Sends a request on its way.
    ///
    /// # Errors
    /// [`Kind::Closed`] after [`Engine::close`]; [`Kind::Forked`] in another process than the one that started the engine: its thread is
    /// not there.
    pub fn submit(&self, errand: Errand) -> Result<Token> {
        self.check_process()?;
        if self.thread().is_none() {
            return Err(closed());
        }
        let token = self.next.fetch_add(1, Ordering::Relaxed);
        let errand = Arc::new(errand);
        if self.shared.flights().join_or_enter(token, &errand) {
            self.shared.session.cache.counters.coalesced.add(1);
            return Ok(token);
        }
        // Without the lock: a runtime that is shutting down drops the task at once, and the landing takes the lock.
        let id = FlightId(token);
        let landing = Landing { shared: Arc::clone(&self.shared), id, is_done: false };
        let task = self.runtime.spawn(fly(landing, errand)).abort_handle();
        if !self.shared.flights().start(id, task.clone()) {
            task.abort();
        }
        Ok(token)
    }

    /// Nobody waits for `token` any more. The last to leave a flight calls it back.
    pub fn cancel(&self, token: Token) {
        let task = self.shared.flights().leave(token);
        if let Some(task) = task {
            task.abort();
        }
    }

    /// Stops the thread; whatever is in flight ends with [`Kind::Closed`]. What was stored is made durable. A second call does nothing.
    ///
    /// # Errors
    /// [`Kind::Store`] when some of it could not be written; [`Kind::Forked`] as in [`Engine::submit`].
    pub fn close(&self) -> Result<()> {
        self.check_process()?;
        let Some(running) = self.thread().take() else { return Ok(()) };
        stop(running);
        pollster::block_on(self.shared.session.cache.flush())
    }

    /// Closes at the end of the program: nobody is woken, for whoever still waits has no program left to go on with.
    ///
    /// # Errors
    /// As [`Engine::close`].
    pub fn end(&self) -> Result<()> {
        self.shared.done.silence();
        self.close()
    }

    fn check_process(&self) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        let message = "this session was opened by another process; open a session of its own after fork";
        Err(Error::new(Kind::Forked, message))
    }

    fn thread(&self) -> MutexGuard<'_, Option<(oneshot::Sender<()>, JoinHandle<()>)>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fly(landing: Landing, errand: Arc<Errand>) {
    let outcome = landing.shared.session.fetch(&errand.request, errand.timeout).await;
    landing.land(outcome);
}

/// A flight that has not landed. However its task ends, nobody is left waiting.
struct Landing {
    shared: Arc<Shared>,
    id: FlightId,
    is_done: bool,
}

impl Landing {
    fn land(mut self, outcome: Result<Response>) {
        self.is_done = true;
        self.shared.land(self.id, outcome);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if !self.is_done {
            let ended = if std::thread::panicking() { broken() } else { closed() };
            self.shared.land(self.id, Err(ended));
        }
    }
}

fn broken() -> Error {
    Error::new(
        Kind::Protocol,
        "the answer broke an assumption of this program; the message on standard error says which",
    )
}

fn closed() -> Error {
    Error::new(Kind::Closed, "the session is closed; open another")
}

fn stop((stop, thread): (oneshot::Sender<()>, JoinHandle<()>)) {
    // Fails when the thread has ended; a panic in there has been told on standard error already.
    let _ = stop.send(());
    let _ = thread.join();
}

impl Shared {
    /// A poisoned lock is taken all the same: what is behind it is a table of who waits, consistent between any two statements.
    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn land(&self, id: FlightId, outcome: Result<Response>) {
        let tokens = self.flights().land(id);
        let outcome = Arc::new(outcome);
        for token in tokens {
            self.done.push((token, Arc::clone(&outcome)));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(running) = self.thread().take() else { return };
        if std::process::id() == self.process {
            stop(running);
        } else {
            // The thread stayed behind in the parent: there is nothing here to stop or to wait for.
            std::mem::forget(running);
        }
    }
}
