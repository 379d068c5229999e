//! The flow of one exchange, without any I/O.
//!
//! ```text
//! Ask + Record ─▶ plan ─▶ Serve(Answer)                     fresh: nothing to send
//!                      └▶ Send(Pending) ─▶ wire ─▶ Reply
//!                            Pending + Reply ─▶ settle ─▶ Answer(Answer)
//!                                                     ├▶ Judge(Unjudged)    ask the caller what it is, and conclude
//!                                                     └▶ Resend(Reason)     ask once more, without a condition
//! ```
//!
//! # Scope
//! `plan` says what to send, `settle` what the answer means. Neither reads a clock, a store or a socket: time, identity and the record are
//! arguments, and what is to be written is part of the answer. Whoever moves the bytes (Session, Scrapy, another client) goes through the
//! same two steps, so a rule of HTTP is written once.

pub mod answer;
pub mod bare;
pub mod callers;
pub mod conditions;
pub mod early;
mod explanation;
pub mod freshen;
pub mod head;
pub mod interval;
pub mod invalidate;
pub mod ladder;
pub mod learn;
mod marks;
pub mod not_modified;
pub mod outcome;
pub mod plan;
pub mod received;
pub mod serve;
pub mod settle;
pub mod sharing;
pub mod stand_in;
pub mod storable;
pub mod verdict;
mod view;

use std::sync::Arc;
use std::time::Duration;

use crate::entry::change::CLOCK_SKEW;
use crate::entry::{Consumer, StoredResponse};
use crate::exchange::sharing::Sharing;
use crate::fields::Fields;
use crate::identity::{Exits, Partition};
use crate::key::{Key, Method};
use crate::rfc::coding::Limits;

/// When a stored response may be served without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Freshness {
    /// Never: every GET is validated. What a poller wants.
    #[default]
    Revalidate,
    /// While it is fresh by RFC 9111 §4.2.
    Rfc9111,
}

/// Seconds between two notes that a record was of use.
const COARSE_USE: u64 = 3600;

/// The caller's rules, the same for every request of a cache.
#[derive(Debug, Clone)]
pub struct Policy {
    /// When to serve without asking.
    pub freshness: Freshness,
    /// The largest body, in bytes on the wire, that is stored.
    pub max_body: u64,
    /// Seconds without use after which what is stored is forgotten.
    pub max_age: Option<u64>,
    /// How far a body may unfold.
    pub limits: Limits,
    /// Whose acknowledgements `changed` compares with.
    pub consumer: Option<Consumer>,
    /// The Accept-Encoding to send where the caller leaves the choice to us; `None` where somebody else sends the request.
    pub accept_encoding: Option<&'static [u8]>,
    /// How often the content is fetched whole, whatever the validators say.
    pub full_every: Option<FullEvery>,
    /// Time between two requests for one URL; sooner, the stored response is the answer.
    pub min_interval: Option<Duration>,
    /// What else makes that longer.
    pub floors: Floors,
    /// Seconds for which a stored response may stand in for an origin that fails, counted from when it went stale.
    pub stale_if_error: Option<u64>,
    /// Is there somebody who validates, behind the caller's back, what is served stale?
    pub validates_behind: bool,
    /// Is a body left unread whose header section says that it is the stored one?
    pub stops_early: bool,
    /// What of the content counts.
    pub fingerprint: Fingerprinting,
    /// Is the caller asked what may be stored?
    pub asks_storable: bool,
    /// Who may use what an identity received.
    pub sharing: Sharing,
    /// What is one of them.
    pub exits: Exits,
    /// Seconds after which what an identity received is not sent any more, nor counts for others.
    pub identity_ttl: Option<u64>,
}

/// How often the content is fetched whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullEvery {
    /// Every so many polls.
    Polls(u32),
    /// Whenever it last came whole so many seconds ago.
    Seconds(u64),
}

/// What makes an interval longer than the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Floors {
    /// Retry-After of an answer.
    pub retry_after: bool,
    /// `max-age` of the stored response.
    pub max_age: bool,
}

/// What of the content counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fingerprinting {
    /// All of it.
    #[default]
    None,
    /// What of an HTML document a reader sees.
    Html,
    /// What the caller makes of it.
    Callers,
}

impl Policy {
    /// Bytes that a stored body may have by default: 64 MiB.
    pub const MAX_BODY: u64 = 64 * 1024 * 1024;

    /// How far a body may unfold when the body itself may have `max_body` bytes: four times that, and two hundred times its own length.
    #[must_use]
    pub const fn limits_for(max_body: u64) -> Limits {
        Limits { bytes: max_body.saturating_mul(4), ratio: 200 }
    }

    /// Is a record that was last used at `last_used` to be forgotten?
    #[must_use]
    pub fn is_expired(&self, last_used: u64, now: u64) -> bool {
        self.max_age.is_some_and(|most| now.saturating_sub(last_used) > most)
    }

    /// Did the identity receive `stored` so long ago that it must not be known by it any more? A clock that was far ahead when it came is not
    /// believed.
    #[must_use]
    pub fn is_outlived(&self, stored: &StoredResponse, now: u64) -> bool {
        let is_from_future = stored.received_at > now.saturating_add(CLOCK_SKEW);
        self.identity_ttl.is_some_and(|ttl| is_from_future || now.saturating_sub(stored.received_at) >= ttl)
    }

    /// Is the time of a 304 to `ask` worth a write of its own? Where something counts from it.
    #[must_use]
    pub fn is_time_worth_a_write(&self, ask: &Ask) -> bool {
        self.goes_by_freshness(ask) || self.min_interval.is_some() || self.floors.max_age
    }

    /// Does this request, or any other, go by freshness?
    #[must_use]
    pub fn goes_by_freshness(&self, ask: &Ask) -> bool {
        self.freshness == Freshness::Rfc9111 || ask.wish.freshness == Some(Freshness::Rfc9111)
    }

    /// Is a use at `now` worth a write of its own? Once an hour is enough to tell what is used from what is not; a retention limit of
    /// minutes is kept to an eighth.
    #[must_use]
    pub fn is_use_worth_a_write(&self, last_used: u64, now: u64) -> bool {
        let step = self.max_age.map_or(COARSE_USE, |most| (most / 8).clamp(1, COARSE_USE));
        now.saturating_sub(last_used) >= step
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            freshness: Freshness::default(),
            max_body: Self::MAX_BODY,
            max_age: None,
            limits: Self::limits_for(Self::MAX_BODY),
            consumer: None,
            accept_encoding: None,
            full_every: None,
            min_interval: None,
            floors: Floors::default(),
            stale_if_error: None,
            validates_behind: false,
            stops_early: false,
            fingerprint: Fingerprinting::None,
            asks_storable: false,
            sharing: Sharing::default(),
            exits: Exits::default(),
            identity_ttl: None,
        }
    }
}

/// A request, as the decisions need it.
#[derive(Debug, Clone)]
pub struct Ask {
    /// How it is asked.
    pub method: Method,
    /// What is asked for; its own method is GET or HEAD.
    pub key: Key,
    /// Where what exits have in common for it is kept; `None`: nothing is. See [`sharing::common_key`].
    pub common: Option<Key>,
    /// Whose request it is: the wire keeps identities apart, whatever the store does.
    pub identity: Partition,
    /// The word for the way that it goes ([`Secret::way`](crate::identity::Secret::way)), by which exits are counted once more: names and passwords that share one proxy are one to an origin.
    pub way: u64,
    /// Did the caller name who asks? What one of those has seen, another has not.
    pub is_named: bool,
    /// Is it an identity of this request alone? Then nothing is kept for it.
    pub is_fleeting: bool,
    /// Where it is asked, as the caller wrote it; the key's own URL goes by Host.
    pub url: Arc<str>,
    /// The caller's fields.
    pub fields: Fields,
    /// Does the request carry content?
    pub has_content: bool,
    /// What it wishes otherwise than the cache's rules say.
    pub wish: Wish,
}

/// What one request wishes otherwise than the cache's rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Wish {
    /// When it may be answered without asking, in place of [`Policy::freshness`].
    pub freshness: Option<Freshness>,
    /// The content whole and now, whatever is stored, as when that is due by [`Policy::full_every`].
    pub is_full: bool,
}

impl Ask {
    /// When this request may be answered without asking.
    #[must_use]
    pub fn freshness(&self, policy: &Policy) -> Freshness {
        self.wish.freshness.unwrap_or(policy.freshness)
    }
}
