//! Plan and settle over a store: the heart without a wire, for whoever sends requests himself. `Session` is its first user.
//!
//! # Scope
//! This driver reads the clock, the record and the body, writes what the answer says is to be written, and counts. It decides nothing.
//! A store that cannot be read is a miss, and one that cannot be written keeps nothing; both are counted, and errors only where the caller
//! asked for strictness.

mod at_hand;
pub mod inventory;
mod respond;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::cache::respond::Assembled;
use crate::clock::{self, Stopwatch};
use crate::counters::Counters;
use crate::entry::change::{Acknowledgement, Change};
use crate::entry::learned::Lessons as Learned;
use crate::error::{Kind, Result};
use crate::exchange::answer::Write;
use crate::exchange::learn::{self, origin_key};
use crate::exchange::outcome::Reason;
use crate::exchange::plan::{Pending, Plan, plan};
use crate::exchange::settle::{Reply, Settlement, settle};
use crate::exchange::sharing::{Known, common_key};
use crate::exchange::verdict::{Page, Unjudged, Verdict, conclude};
use crate::exchange::{Ask, Policy, head};
use crate::identity::Secret;
use crate::key::Key;
use crate::lessons::Lessons;
use crate::request::Request;
use crate::response::Response;
use crate::store::body::Body;
use crate::store::{AnyStore, Health, Kept, Store};

/// How long a promised body is taken to be there: far less than a process lets one linger that nothing refers to any more. After that it is looked
/// for again.
const TRUSTED_FOR: Duration = Duration::from_secs(4);

/// A store, the caller's rules, and what was counted.
#[derive(Debug)]
pub struct Cache {
    store: AnyStore,
    policy: Policy,
    secret: Option<Secret>,
    lessons: Lessons,
    is_strict: bool,
    last_store_error: Mutex<Option<String>>,
    /// What was counted.
    pub counters: Counters,
}

/// What to do about a request.
#[derive(Debug)]
pub enum Planned {
    /// Nothing is sent on whose answer the caller waits; but what is served stale is validated by this.
    Serve(Box<Response>, Option<Box<Sending>>),
    /// Send [`Pending::fields`], and settle what comes back.
    Send(Box<Sending>),
}

/// A request to send, and what its answer will need.
#[derive(Debug)]
pub struct Sending {
    /// The request.
    pub pending: Pending,
    /// The stored body that a 304 will stand for, and since when it is known to be there.
    promised: Option<(Kept, Stopwatch)>,
}

/// What an answer came to.
#[derive(Debug)]
pub enum Settled {
    /// The response.
    Response(Box<Response>),
    /// Judge [`Undecided::page`], and conclude.
    Undecided(Box<Undecided>),
    /// Ask once more, without a condition.
    Resend(Box<Sending>, Reason),
}

/// An answer of which somebody is to say what it is.
#[derive(Debug)]
pub struct Undecided {
    pending: Pending,
    unjudged: Unjudged,
    effort: Effort,
}

impl Undecided {
    /// What is to be judged.
    #[must_use]
    pub fn page(&self) -> Page {
        self.unjudged.page(&self.pending)
    }
}

/// What one exchange took over the wire.
#[derive(Debug, Clone, Copy, Default)]
pub struct Effort {
    /// Bytes received, of all attempts.
    pub wire_bytes: u64,
    /// From sending the request to the end of the body.
    pub elapsed: Duration,
}

impl Cache {
    /// A cache over `store`.
    #[must_use]
    pub fn new(store: AnyStore, policy: Policy, is_strict: bool) -> Self {
        Self {
            store,
            policy,
            secret: None,
            lessons: Lessons::default(),
            is_strict,
            last_store_error: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// The same with a key of the caller's for the hashes of identities, in place of the store's.
    #[must_use]
    pub fn keyed(self, secret: Option<Secret>) -> Self {
        Self { secret, ..self }
    }

    fn secret(&self) -> &Secret {
        self.secret.as_ref().unwrap_or_else(|| self.store.secret())
    }

    /// The rules.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The request's place in the store: its partition is derived with the key of the hashes.
    ///
    /// # Errors
    /// [`Kind::Store`] where the machine gives no randomness for an exit of one request.
    pub fn ask(&self, request: &Request) -> Result<Ask> {
        Ok(request.ask_by(&self.policy.exits, self.secret())?.shared_by(self.policy.sharing))
    }

    /// Is this request of an identity of its own, which no other request ever has?
    #[must_use]
    pub fn is_fleeting(&self, request: &Request) -> bool {
        let exits = &self.policy.exits;
        exits.may_be_fleeting() && exits.are_fleeting(&request.identity())
    }

    /// Says what to send.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] where the caller asked for strictness.
    pub async fn plan(&self, ask: Ask) -> Result<Planned> {
        // Before the store is looked at: what is forgotten from here on, an answer to this request does not bring back.
        let now = clock::moment();
        let known = self.known(&ask).await?;
        let lessons = if known.has_something() { self.lessons(&ask, now.seconds).await? } else { None };
        match plan(ask, known, lessons, &self.policy, self.secret(), now) {
            Plan::Send(pending) => Ok(Planned::Send(Box::new(self.sending(*pending)))),
            Plan::Serve(answer, otherwise) => {
                match self.respond(&otherwise, *answer, self.promise(&otherwise), Effort::default()).await? {
                    Assembled::Whole(response) => {
                        let is_behind = response.reason == Some(Reason::StaleWhileRevalidate);
                        Ok(Planned::Serve(response, is_behind.then(|| Box::new(self.sending(*otherwise)))))
                    }
                    Assembled::BodyMissing(body) => {
                        self.forget_body(&otherwise, body).await?;
                        self.without_body(*otherwise).await
                    }
                }
            }
        }
    }

    /// What is stored for a request.
    async fn known(&self, ask: &Ask) -> Result<Known> {
        self.both(ask, &ask.key, common_key(ask)).await
    }

    /// What lies under a key of the identity's that asks, and under one that it has in common with others: one lookup, or two in one.
    async fn both(&self, ask: &Ask, own: &Key, common: Option<&Key>) -> Result<Known> {
        let found = match common.filter(|common| common.hash != own.hash) {
            Some(common) if !ask.keeps(own) => {
                self.store.record(common).await.map(|common| Known { own: None, common })
            }
            Some(common) => self.store.two_records(own, common).await.map(|(own, common)| Known { own, common }),
            None if !ask.keeps(own) => Ok(Known::default()),
            None => self.store.record(own).await.map(Known::from),
        };
        Ok(self.tolerate(found)?.unwrap_or_default())
    }

    /// What to do about a request whose stored body turned out to be gone.
    async fn without_body(&self, pending: Pending) -> Result<Planned> {
        if let Some(refusal) = pending.unsatisfied()
            && let Assembled::Whole(response) = self.respond(&pending, refusal, None, Effort::default()).await?
        {
            return Ok(Planned::Serve(response, None));
        }
        Ok(Planned::Send(Box::new(self.sending(pending.unconditional()))))
    }

    /// Says what `reply` means. `effort` is that of this attempt and of those before it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] where the caller asked for strictness.
    pub async fn settle(&self, sending: Box<Sending>, reply: Reply, effort: Effort) -> Result<Settled> {
        let Sending { pending, promised } = *sending;
        let promised = promised.filter(|(_, since)| since.elapsed() < TRUSTED_FOR).map(|(kept, _)| kept);
        self.counters.requests.add(1);
        self.counters.not_modified.add(u64::from(reply.status == 304));
        self.counters.wire_bytes.add(reply.wire_bytes);
        self.learn_from_head(&pending, &reply).await?;
        let settlement = settle(&pending, reply, &self.policy, self.secret());
        self.settled(pending, settlement, promised, effort).await
    }

    /// Says what an answer means, now that it is judged.
    ///
    /// # Errors
    /// As [`Cache::settle`].
    pub async fn conclude(&self, undecided: Box<Undecided>, verdict: Verdict) -> Result<Settled> {
        let Undecided { pending, unjudged, effort } = *undecided;
        let answer = conclude(&pending, unjudged, verdict, &self.policy, self.secret());
        self.settled(pending, Settlement::Answer(Box::new(answer)), None, effort).await
    }

    async fn settled(
        &self,
        pending: Pending,
        settlement: Settlement,
        promised: Option<Kept>,
        effort: Effort,
    ) -> Result<Settled> {
        let (reason, named) = match settlement {
            Settlement::Resend(reason, named) => (reason, named),
            Settlement::Judge(unjudged) => {
                return Ok(Settled::Undecided(Box::new(Undecided { pending, unjudged: *unjudged, effort })));
            }
            Settlement::Answer(answer) => match self.respond(&pending, *answer, promised, effort).await? {
                Assembled::Whole(response) => return Ok(Settled::Response(response)),
                Assembled::BodyMissing(body) => {
                    self.forget_body(&pending, body).await?;
                    (Reason::BodyMissing, None)
                }
            },
        };
        self.counters.resends.add(1);
        Ok(Settled::Resend(Box::new(self.sending(pending.after(reason, named))), reason))
    }

    /// A HEAD can tell that a stored GET is still as it was, or is not.
    async fn learn_from_head(&self, pending: &Pending, reply: &Reply) -> Result<()> {
        let Some(key) = head::concerned(pending, reply, &self.policy) else { return Ok(()) };
        let Some(stored) = self.tolerate(self.store.record(&key).await)?.flatten() else { return Ok(()) };
        for Write { key, change } in head::effects(pending, reply, &stored, self.secret()) {
            self.write(&key, change, None, Some(pending.planned.since_epoch())).await?;
        }
        Ok(())
    }

    /// A request got no answer.
    pub fn fail(&self) {
        self.counters.requests.add(1);
        self.counters.errors.add(1);
    }

    /// The stored response that stands in for an answer that never came, where the caller or the response allows it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] where the caller asked for strictness.
    pub async fn stand_in(&self, sending: &Sending, effort: Effort) -> Result<Option<Box<Response>>> {
        let Some(answer) = sending.pending.for_no_answer(&self.policy, clock::now()) else { return Ok(None) };
        match self.respond(&sending.pending, answer, self.promise(&sending.pending), effort).await? {
            Assembled::Whole(response) => Ok(Some(response)),
            Assembled::BodyMissing(body) => {
                self.forget_body(&sending.pending, body).await?;
                Ok(None)
            }
        }
    }

    /// Notes that a consumer has seen a response through to its end, which was asked for at `asked` (milliseconds since the epoch).
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] where the caller asked for strictness.
    pub async fn acknowledge(&self, key: &Key, acknowledgement: Acknowledgement, asked: u64) -> Result<()> {
        self.write(key, Change::Acknowledge(acknowledgement), None, Some(asked)).await
    }

    /// Returns when everything that was stored or acknowledged before is durable.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] when some of it could not be written.
    pub async fn flush(&self) -> Result<()> {
        self.store.flush().await
    }

    /// Gives the store's free space back to the disk; how many bytes that was.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] when another process has the store open, or there is no room for a copy.
    pub async fn compact(&self) -> Result<u64> {
        self.store.compact().await
    }

    /// What the store said when it last failed.
    #[must_use]
    pub fn last_store_error(&self) -> Option<String> {
        let told = self.last_store_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let health = self.health();
        told.or(health.last_failure).or(health.set_aside)
    }

    /// What the origin of a request taught whoever asks, and enough others.
    async fn lessons(&self, ask: &Ask, now: u64) -> Result<Option<Arc<Learned>>> {
        if let Some(held) = self.lessons.get(ask, now) {
            return Ok(held);
        }
        let (own, common) = (origin_key(&ask.key), common_key(ask).map(origin_key));
        let known = self.both(ask, &own, common.as_ref()).await?;
        Ok(self.lessons.hold(ask, learn::lessons(ask, known, &self.policy, now), now))
    }

    /// What the store counted.
    #[must_use]
    pub fn health(&self) -> Health {
        self.store.health()
    }

    /// A request to send, with the promise of the body that a 304 would confirm.
    fn sending(&self, pending: Pending) -> Sending {
        let promised = self.promise(&pending).map(|kept| (kept, Stopwatch::start()));
        Sending { pending, promised }
    }

    fn promise(&self, pending: &Pending) -> Option<Kept> {
        pending.stored().and_then(|stored| self.store.promise(stored.body))
    }

    async fn write(&self, key: &Key, change: Change, body: Option<Body>, asked: Option<u64>) -> Result<()> {
        let is_lesson = matches!(change, Change::Learn(..) | Change::Testify(_));
        let written = self.tolerate(self.store.answer(key, change, body, asked).await).map(|_| ());
        if is_lesson {
            self.lessons.forget(key);
        }
        written
    }

    /// A store that fails is a miss, counted, unless the caller asked for strictness. A store that was opened by another process is a
    /// mistake of the caller's, and always told.
    fn tolerate<T>(&self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                self.counters.store_errors.add(1);
                if self.is_strict || error.kind() == Kind::Forked {
                    return Err(error);
                }
                *self.last_store_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                Ok(None)
            }
        }
    }
}
