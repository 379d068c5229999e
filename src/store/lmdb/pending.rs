//! What was accepted and is not committed yet: the queue before the writer thread, and the view of it that readers get.
//!
//! A change is applied twice. Once here, at once, so that every reader in the process sees it; once by the writer
//! inside its transaction, on what the database holds by then, which counts. A view lasts until the group with its
//! change is committed or has failed, unless a later change to the same key has replaced it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::entry::change::Change;
use crate::entry::{BodyRef, Record};
use crate::error::{Error, Kind, Result};
use crate::key::{Key, KeyHash};
use crate::store::body::Body;
use crate::store::lmdb::Options;
use crate::store::lmdb::progress::Progress;
use crate::store::walk::first;

/// Most changes in one transaction.
const MOST_CHANGES: usize = 500;

/// Most bytes of bodies in one transaction, give or take the last; far fewer in a small store, which makes room between transactions.
const MOST_BYTES: u64 = 16 << 20;

/// So many times the places for changes are there for those that nobody may wait for.
const NOTES: usize = 8;

/// What is accepted and not committed.
#[derive(Debug)]
pub struct Pending {
    state: Mutex<State>,
    arrived: Condvar,
    room_for_changes: Arc<Semaphore>,
    room_for_bytes: Arc<Semaphore>,
    room_for_notes: Arc<Semaphore>,
    most_bytes: u32,
    most_bytes_at_once: u64,
    /// Whether the writer gets on.
    pub progress: Progress,
}

#[derive(Debug, Default)]
struct State {
    writes: VecDeque<Write>,
    waiting: VecDeque<Waiting>,
    records: HashMap<KeyHash, View>,
    bodies: HashMap<BodyRef, SharedBody>,
    /// That of the write accepted last.
    generation: u64,
    is_closing: bool,
    /// What the next flush is told.
    failure: Option<String>,
}

/// Whoever waits for all writes up to a generation.
#[derive(Debug)]
struct Waiting {
    generation: u64,
    told: oneshot::Sender<Result<()>>,
}

/// A record as it will be, `None` where there will be none, and the write that made it so.
#[derive(Debug)]
struct View {
    record: Option<Record>,
    generation: u64,
}

/// A body that some writes bring.
#[derive(Debug)]
struct SharedBody {
    body: Body,
    writes: usize,
}

/// A change on its way to the database.
#[derive(Debug)]
pub struct Write {
    /// The key whose record it changes.
    pub key: Key,
    /// The change.
    pub change: Change,
    /// The body that it brings.
    pub body: Option<Body>,
    /// When the request was planned whose answer says so.
    pub asked: Option<u64>,
    counters: Arc<Counters>,
    generation: u64,
    _room: Room,
}

impl Write {
    /// A change to the record under `key`; `counters` count it when it fails.
    pub fn new(key: Key, change: Change, body: Option<Body>, counters: Arc<Counters>, room: Room) -> Self {
        Self { key, change, body, asked: None, counters, generation: 0, _room: room }
    }

    /// The same as what the answer to a request says that was planned at `asked`.
    pub fn asked(self, asked: Option<u64>) -> Self {
        Self { asked, ..self }
    }
}

/// A place in the queue, given back with its write.
#[derive(Debug)]
pub struct Room {
    _change: OwnedSemaphorePermit,
    _bytes: Option<OwnedSemaphorePermit>,
}

/// What a handle counted.
#[derive(Debug, Default)]
pub struct Counters {
    /// Records and bodies that were there and could not be read.
    pub corrupt_records: AtomicU64,
    /// Writes that did not reach the store.
    pub failed_writes: AtomicU64,
    /// Why the last of them did not.
    pub last_failure: Mutex<Option<String>>,
}

impl Counters {
    fn count_failure(&self, error: &Error) {
        self.failed_writes.fetch_add(1, Ordering::Relaxed);
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }
}

/// Writes for one transaction, and who waits for them and all before them.
#[derive(Debug)]
pub struct Group {
    /// The writes, in the order in which they were accepted.
    pub writes: Vec<Write>,
    waiting: Vec<Waiting>,
}

impl Group {
    /// The bodies in it.
    pub fn bodies(&self) -> impl Iterator<Item = BodyRef> {
        self.writes.iter().filter_map(|write| write.body.as_ref()).map(Body::reference)
    }

    /// Bytes of them.
    pub fn bytes(&self) -> u64 {
        self.bodies().map(|body| body.length).sum()
    }

    /// Is there nothing to write and nobody to tell?
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.waiting.is_empty()
    }

    /// Does somebody wait for this group to be durable?
    pub fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Pending {
    /// An empty queue with the bounds of `options`.
    pub fn new(options: &Options) -> Self {
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            room_for_changes: Arc::new(Semaphore::new(options.queue_changes.clamp(1, Semaphore::MAX_PERMITS))),
            room_for_notes: Arc::new(Semaphore::new(
                NOTES.saturating_mul(options.queue_changes).clamp(1, Semaphore::MAX_PERMITS),
            )),
            progress: Progress::new(options.patience),
            room_for_bytes: Arc::new(Semaphore::new(options.queue_bytes as usize)),
            most_bytes: options.queue_bytes,
            most_bytes_at_once: options.limits.max_size.map_or(MOST_BYTES, |most| MOST_BYTES.min(most / 32)),
        }
    }

    /// A poisoned lock is taken all the same: a view that is not quite right lasts no longer than its group.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place in the queue; ready at once while there is one. A body larger than the whole queue waits until
    /// it has it alone.
    ///
    /// # Errors
    /// When nothing was written for as long as the options say.
    pub async fn room(&self, bytes: u64) -> Result<Room> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.most_bytes);
        if let Some(room) = self.room_at_once(bytes) {
            return Ok(room);
        }
        self.progress
            .while_it_gets_on(async {
                let change = Arc::clone(&self.room_for_changes).acquire_owned().await.map_err(|_| ended())?;
                let bytes = match bytes {
                    0 => None,
                    some => Some(Arc::clone(&self.room_for_bytes).acquire_many_owned(some).await.map_err(|_| ended())?),
                };
                Ok(Room { _change: change, _bytes: bytes })
            })
            .await
    }

    /// Is so much of the queue free that whoever comes next need hardly wait?
    pub fn has_room(&self) -> bool {
        let bytes = self.room_for_bytes.available_permits();
        self.room_for_changes.available_permits() > 0 && bytes >= self.most_bytes as usize / 4
    }

    /// A place in the queue, if there is one.
    fn room_at_once(&self, bytes: u32) -> Option<Room> {
        let change = Arc::clone(&self.room_for_changes).try_acquire_owned().ok()?;
        let bytes = match bytes {
            0 => None,
            some => Some(Arc::clone(&self.room_for_bytes).try_acquire_many_owned(some).ok()?),
        };
        Some(Room { _change: change, _bytes: bytes })
    }

    /// A place for a change without a body that nobody may wait for. There are many: each follows on a page that waited for its own place.
    ///
    /// # Errors
    /// When there is none.
    pub fn room_now(&self) -> Result<Room> {
        let place = Arc::clone(&self.room_for_notes).try_acquire_owned();
        place.map(|change| Room { _change: change, _bytes: None }).map_err(|_| {
            Error::new(Kind::Store, "the store writes more slowly than it is given; what was to be noted was not")
        })
    }

    /// Takes a write into the queue and into the view, unless it changes nothing. `stored` reads what the database
    /// holds under its key; it is asked only when nothing is pending there.
    pub fn accept(&self, mut write: Write, stored: impl FnOnce() -> Result<Option<Record>>) -> Result<()> {
        // Held over the read, so that of two changes to one key the second sees the first.
        let mut state = self.state();
        if state.is_closing {
            return Err(ended());
        }
        let before = match state.records.get(&write.key.hash) {
            Some(view) => view.record.clone(),
            None => stored()?,
        };
        let mut record = of_key(before, &write.key).unwrap_or_else(|| Record::new(&write.key.url, write.key.partition));
        if write.change.apply(&mut record) {
            state.generation += 1;
            write.generation = state.generation;
            state.show(&write, (!record.is_empty()).then_some(record));
            state.writes.push_back(write);
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// The record that is pending under `hash`.
    #[expect(clippy::option_option, reason = "whether anything is pending, and whether that is a record")]
    pub fn record(&self, hash: KeyHash) -> Option<Option<Record>> {
        self.state().records.get(&hash).map(|view| view.record.clone())
    }

    /// What is pending under the hashes after `after`: the first `most`, in order.
    pub fn records(&self, after: Option<KeyHash>, most: usize) -> Vec<(KeyHash, Option<Record>)> {
        let state = self.state();
        let hashes = state.records.keys().copied().filter(|hash| Some(*hash) > after).collect();
        let view = |hash: KeyHash| state.records.get(&hash).map(|view| (hash, view.record.clone()));
        first(hashes, most).into_iter().filter_map(view).collect()
    }

    /// A pending body.
    pub fn body(&self, body: BodyRef) -> Option<Body> {
        self.state().bodies.get(&body).map(|shared| shared.body.clone())
    }

    /// Returns when everything accepted before is durable, or has failed.
    pub async fn flush(&self) -> Result<()> {
        let (told, outcome) = oneshot::channel();
        {
            let mut state = self.state();
            if state.is_closing {
                return Err(ended());
            }
            let generation = state.generation;
            state.waiting.push_back(Waiting { generation, told });
        }
        self.arrived.notify_one();
        self.progress.while_it_gets_on(async { outcome.await.unwrap_or_else(|_| Err(ended())) }).await
    }

    /// The next group for the writer; an empty one when none has come in `patience`. `None`: there is none and will be none.
    pub fn next_group(&self, patience: Duration) -> Option<Group> {
        let is_idle = |state: &mut State| state.writes.is_empty() && state.waiting.is_empty() && !state.is_closing;
        let waited = self.arrived.wait_timeout_while(self.state(), patience, is_idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_closing && state.writes.is_empty() && state.waiting.is_empty() {
            return None;
        }
        Some(state.take_group(self.most_bytes_at_once))
    }

    /// Takes the outcome of a group: its views are over, whoever waits for it is told.
    pub fn settle(&self, group: Group, outcome: Result<()>) {
        self.progress.note();
        let Group { writes, waiting } = group;
        let mut state = self.state();
        for write in &writes {
            state.hide(write);
            if let Err(error) = &outcome {
                write.counters.count_failure(error);
            }
        }
        if let Err(error) = outcome {
            state.failure = Some(error.to_string());
        }
        state.tell(waiting);
        // The writes go when the lock is free: bodies are large, and each gives its room back.
        drop(state);
        drop(writes);
    }

    /// Nothing more is accepted; what was, is still written.
    pub fn close(&self) {
        self.state().is_closing = true;
        self.arrived.notify_all();
    }

    /// The writer has ended: nobody waits for it any longer.
    pub fn end(&self) {
        self.room_for_changes.close();
        self.room_for_bytes.close();
        self.room_for_notes.close();
        let left = std::mem::replace(&mut *self.state(), State { is_closing: true, ..State::default() });
        drop(left);
    }
}

impl State {
    fn show(&mut self, write: &Write, record: Option<Record>) {
        self.records.insert(write.key.hash, View { record, generation: write.generation });
        if let Some(body) = &write.body {
            self.bodies
                .entry(body.reference())
                .or_insert_with(|| SharedBody { body: body.clone(), writes: 0 })
                .writes += 1;
        }
    }

    fn hide(&mut self, write: &Write) {
        let hash = write.key.hash;
        if self.records.get(&hash).is_some_and(|view| view.generation == write.generation) {
            self.records.remove(&hash);
        }
        let Some(reference) = write.body.as_ref().map(Body::reference) else { return };
        if let Some(shared) = self.bodies.get_mut(&reference) {
            shared.writes = shared.writes.saturating_sub(1);
            if shared.writes == 0 {
                self.bodies.remove(&reference);
            }
        }
    }

    /// Writes up to the bounds of a transaction, and whoever waits for none after them.
    fn take_group(&mut self, most_bytes: u64) -> Group {
        let mut writes = Vec::new();
        let mut bytes = 0;
        while writes.len() < MOST_CHANGES && bytes < most_bytes {
            let Some(write) = self.writes.pop_front() else { break };
            bytes += write.body.as_ref().map_or(0, |body| body.reference().length);
            writes.push(write);
        }
        let reached = self.writes.front().map_or(self.generation, |next| next.generation - 1);
        let count = self.waiting.iter().take_while(|one| one.generation <= reached).count();
        Group { writes, waiting: self.waiting.drain(..count).collect() }
    }

    /// A failure is told once, to all who wait now; if all of them have gone away, to the next.
    fn tell(&mut self, waiting: Vec<Waiting>) {
        if waiting.is_empty() {
            return;
        }
        let failure = self.failure.take();
        let outcome = || failure.clone().map_or(Ok(()), |message| Err(Error::new(Kind::Store, message)));
        let heard = waiting.into_iter().filter_map(|one| one.told.send(outcome()).ok()).count();
        if heard == 0 {
            self.failure = failure;
        }
    }
}

/// `record`, if it is that of `key`: a hash is no proof.
pub fn of_key(record: Option<Record>, key: &Key) -> Option<Record> {
    record.filter(|record| record.url == *key.url && record.partition == key.partition)
}

fn ended() -> Error {
    Error::new(Kind::Store, "the writer of the store has ended; close the store and open it again")
}
