//! A session on a thread of its own: requests go in and get a token, answers come out in batches.
//!
//! ```text
//! event loop ── submit ─▶ Departures ── call ─▶ dispatch ─▶ one task a flight ─▶ land ─▶ Completions ── ring ─▶ event loop
//! ```
//!
//! Both queues are filled without waking anybody. The event loop calls once for all that it submitted in one of its turns, and the runtime
//! rings once for all that landed in one of its own: however many requests are under way, a turn costs each thread one wake-up.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::ops::Range;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::Notify;

use crate::error::{Error, Kind, Result};
use crate::process;
use crate::request::Request;
use crate::response::Response;
use crate::session::Session;
use crate::session::completions::Completions;
use crate::session::departures::{Departures, Order};
use crate::session::flights::{FlightId, Flights};
use crate::session::questions::Questions;

/// Names one request of one engine.
pub type Token = u64;

/// What became of a request; shared by everybody who waited for the same flight.
pub type Outcome = Arc<Result<Response>>;

/// A request and how long it may take: what makes two requests one flight.
#[derive(Debug, PartialEq, Eq)]
pub struct Errand {
    /// The request.
    pub request: Request,
    /// The bound of each of its hops.
    pub timeout: Duration,
    hash: u64,
}

impl Errand {
    /// An errand. It is hashed here, once; the table of flights asks for its hash again and again.
    #[must_use]
    pub fn new(request: Request, timeout: Duration) -> Self {
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let hash = STATE.hash_one((&request, timeout));
        Self { request, timeout, hash }
    }
}

impl Hash for Errand {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

/// A session on a thread of its own.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    next: AtomicU64,
    process: u32,
}

#[derive(Debug)]
struct Shared {
    session: Session,
    departures: Departures,
    flights: Mutex<Flights>,
    done: Completions<(Token, Outcome)>,
    landed: Notify,
    /// Where the caller is asked about content.
    questions: Option<Questions>,
}

/// Rings when the thread has ended.
struct LastRing(Arc<Shared>);

impl Drop for LastRing {
    fn drop(&mut self) {
        self.0.done.ring();
    }
}

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Kind::Store`] when the operating system gives no thread or no sockets.
    pub fn start(session: Session) -> Result<Self> {
        let refuse = |error| Error::new(Kind::Store, "no thread for the session's runtime").with_source(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(refuse)?;
        let questions = session.cache.policy().asks_caller().then(Questions::new).transpose()?;
        let shared = Arc::new(Shared {
            session,
            questions,
            departures: Departures::default(),
            flights: Mutex::default(),
            done: Completions::new()?,
            landed: Notify::new(),
        });
        let of_thread = Arc::clone(&shared);
        let run = move || {
            process::stay();
            // Dropped in the reverse order, however this ends: whatever is in flight lands with the runtime, and then the bell is rung.
            let _last = LastRing(Arc::clone(&of_thread));
            let runtime = runtime;
            runtime.spawn(ring(Arc::clone(&of_thread)));
            runtime.block_on(dispatch(&of_thread));
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("notmodified".into()).spawn(run).map_err(refuse)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), next: AtomicU64::new(1), process: process::id() })
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

    /// What the caller is asked, where it is.
    #[must_use]
    pub fn questions(&self) -> Option<&Questions> {
        self.shared.questions.as_ref()
    }

    /// Puts requests on their way. They leave with the next [`Engine::call`], or when many wait for one.
    ///
    /// # Errors
    /// [`Kind::Closed`] after [`Engine::close`]; [`Kind::Forked`] in another process than the one that started the engine: its thread is
    /// not there.
    pub fn submit(
        &self,
        errands: impl IntoIterator<Item = Errand, IntoIter: ExactSizeIterator>,
    ) -> Result<Range<Token>> {
        self.check_process()?;
        let errands = errands.into_iter();
        let first = self.next.fetch_add(errands.len() as u64, Ordering::Relaxed);
        let tokens = first..first + errands.len() as u64;
        let orders = tokens.clone().zip(errands).map(|(token, errand)| Order::Submit(token, Arc::new(errand)));
        if self.shared.departures.push(orders) { Ok(tokens) } else { Err(closed()) }
    }

    /// Lets everything that was submitted leave: one wake-up of the thread.
    pub fn call(&self) {
        self.shared.departures.call();
    }

    /// Nobody waits for `token` any more. The last to leave a flight calls it back.
    pub fn cancel(&self, token: Token) {
        // After closing there is nothing left to call back.
        let _ = self.shared.departures.push([Order::Cancel(token)]);
        self.call();
    }

    /// Stops the thread; whatever is in flight ends with [`Kind::Closed`]. What was stored is made durable. A second call does nothing.
    ///
    /// # Errors
    /// [`Kind::Store`] when some of it could not be written; [`Kind::Forked`] as in [`Engine::submit`].
    pub fn close(&self) -> Result<()> {
        self.check_process()?;
        let Some(thread) = self.thread().take() else { return Ok(()) };
        self.stop(thread);
        pollster::block_on(self.shared.session.cache.flush())
    }

    /// Closes at the end of the program: nobody is woken, for whoever still waits has no program left to go on with.
    ///
    /// # Errors
    /// As [`Engine::close`].
    pub fn end(&self) -> Result<()> {
        self.shared.done.silence();
        self.shared.questions.iter().for_each(Questions::silence);
        self.close()
    }

    fn check_process(&self) -> Result<()> {
        if process::id() == self.process {
            return Ok(());
        }
        let message = "this session was opened by another process; open a session of its own after fork";
        Err(Error::new(Kind::Forked, message))
    }

    fn stop(&self, thread: JoinHandle<()>) {
        self.shared.departures.close();
        // A panic in there has been told on standard error already.
        let _ = thread.join();
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out orders until there will be no more. Those that came with the last call are turned away by the runtime's end.
async fn dispatch(shared: &Arc<Shared>) {
    loop {
        let called = shared.departures.take().await;
        for order in called.orders {
            match order {
                Order::Submit(token, errand) => shared.send(token, errand),
                Order::Cancel(token) => shared.call_back(token),
            }
        }
        if called.is_closed {
            return;
        }
    }
}

/// Rings for what landed. As a task like any other it has its turn after all that are ready to land now.
async fn ring(shared: Arc<Shared>) {
    loop {
        shared.landed.notified().await;
        shared.done.ring();
    }
}

async fn fly(landing: Landing, errand: Arc<Errand>) {
    let mut behind = Vec::new();
    let Shared { session, questions, .. } = &*landing.shared;
    let outcome = session.fetch(&errand.request, errand.timeout, questions.as_ref(), &mut behind).await;
    if behind.is_empty() {
        return landing.land(outcome);
    }
    let shared = Arc::clone(&landing.shared);
    landing.land(outcome);
    for stale in behind {
        shared.session.validate(stale, errand.timeout, shared.questions.as_ref()).await;
    }
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

impl Shared {
    /// A poisoned lock is taken all the same: what is behind it is a table of who waits, consistent between any two statements.
    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(self: &Arc<Self>, token: Token, errand: Arc<Errand>) {
        let is_alone = self.session.cache.is_fleeting(&errand.request);
        if self.flights().join_or_enter(token, &errand, is_alone) {
            self.session.cache.counters.coalesced.add(1);
            return;
        }
        let id = FlightId(token);
        let landing = Landing { shared: Arc::clone(self), id, is_done: false };
        // Boxed, because a task is moved several times on its way. Without the lock: the landing takes it.
        let task = tokio::spawn(Box::pin(fly(landing, errand))).abort_handle();
        self.flights().start(id, task);
    }

    fn call_back(&self, token: Token) {
        let task = self.flights().leave(token);
        if let Some(task) = task {
            task.abort();
        }
    }

    fn land(&self, id: FlightId, outcome: Result<Response>) {
        let tokens = self.flights().land(id);
        let outcome = Arc::new(outcome);
        for token in tokens {
            self.done.push((token, Arc::clone(&outcome)));
        }
        self.landed.notify_one();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(thread) = self.thread().take() else { return };
        if process::id() == self.process {
            self.stop(thread);
        } else {
            // The thread stayed behind in the parent: there is nothing here to stop or to wait for.
            std::mem::forget(thread);
        }
    }
}
