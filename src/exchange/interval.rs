//! How often a URL is asked: sooner than its interval, the stored response is the answer.
//!
//! This is no freshness. Nobody says that the stored response is still the current one; the caller says that it does not want to know yet.
//! So what an origin says about caches (`no-cache`, `must-revalidate`) has no part in it, and the interval counts from the last answer that
//! brought or confirmed the stored response. A caller who does want to know says so with `Cache-Control: no-cache` or `max-age` on the
//! request.

use std::time::Duration;

use crate::entry::StoredResponse;
use crate::entry::change::Change;
use crate::exchange::answer::{Answer, Write};
use crate::exchange::outcome::Reason;
use crate::exchange::plan::Pending;
use crate::exchange::serve::{is_usable, served};
use crate::exchange::settle::Reply;
use crate::exchange::{FullEvery, Policy};
use crate::key::Method;
use crate::rfc::cache_control::CacheControl;
use crate::rfc::retry_after;

/// Seconds for which an origin is taken at its word: a day. What it says by mistake must not silence a poller for years.
const LONGEST: u64 = 24 * 3600;

/// A moment, as fine as intervals are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since the Unix epoch.
    pub seconds: u64,
    /// Milliseconds since then.
    pub millis: u16,
}

impl From<u64> for Moment {
    /// The beginning of a second.
    fn from(seconds: u64) -> Self {
        Self { seconds, millis: 0 }
    }
}

impl Moment {
    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn since_epoch(self) -> u64 {
        self.seconds.saturating_mul(1000).saturating_add(u64::from(self.millis))
    }

    /// Time since `earlier`; `None` where that is in the future: then a clock was wrong, and says nothing.
    fn since(self, earlier: Self) -> Option<Duration> {
        let from_epoch = |moment: Self| Duration::new(moment.seconds, u32::from(moment.millis.min(999)) * 1_000_000);
        from_epoch(self).checked_sub(from_epoch(earlier))
    }
}

/// The stored response, where it is too soon to ask about it.
pub(super) fn held(pending: &Pending, policy: &Policy) -> Option<Answer> {
    let is_on = policy.min_interval.is_some() || policy.floors.retry_after || policy.floors.max_age;
    let stored = pending.stored().filter(|stored| is_on && pending.can_be_served() && is_usable(stored))?;
    let now = pending.planned;
    let age = stored.age(now.seconds);
    let request = CacheControl::of(&pending.ask.fields);
    // > The max-age request directive indicates that the client prefers a response whose age is less than or equal to the specified number of
    // > seconds. […] The no-cache request directive indicates that the client prefers stored response not be used to satisfy the request
    // > without successful validation on the origin server (RFC 9111 §5.2.1.1, §5.2.1.4).
    if request.no_cache || request.max_age.is_some_and(|most| most == 0 || age > most) {
        return None;
    }
    let not_before = pending.record.as_ref().map_or(0, |record| record.not_before);
    let reason = too_soon(stored, not_before, policy, now)?;
    Some(served(pending, stored, Some(reason), policy, now.seconds))
}

/// Why it is too soon at `now` to ask about `stored`; the caller's own interval first.
fn too_soon(stored: &StoredResponse, not_before: u64, policy: &Policy, now: Moment) -> Option<Reason> {
    let elapsed = now.since(Moment { seconds: stored.response_time, millis: stored.response_millis });
    let is_within = |interval: Duration| elapsed.is_some_and(|elapsed| elapsed < interval);
    if policy.min_interval.is_some_and(is_within) {
        return Some(Reason::MinInterval);
    }
    let left = not_before.saturating_sub(now.seconds);
    if policy.floors.retry_after && (1..=LONGEST).contains(&left) {
        return Some(Reason::RetryAfter);
    }
    let lifetime = CacheControl::of(&stored.fields);
    let is_young = lifetime.max_age.is_some_and(|most| stored.age(now.seconds) < most) && !lifetime.no_cache;
    let is_floor = policy.floors.max_age && is_young && is_within(Duration::from_secs(LONGEST));
    is_floor.then_some(Reason::MaxAge)
}

/// What an answer says about asking again.
///
/// > Servers send the "Retry-After" header field to indicate how long the user agent ought to wait before making a follow-up request. When
/// > sent with a 503 (Service Unavailable) response, Retry-After indicates how long the service is expected to be unavailable to the client.
/// > When sent with any 3xx (Redirection) response, Retry-After indicates the minimum time that the user agent is asked to wait before issuing
/// > the redirected request. (RFC 9110 §10.2.3)
///
/// 429 has it from RFC 6585 §4. An answer that has content, or confirms it, without a word about waiting ends the wait.
pub(super) fn pause(pending: &Pending, reply: &Reply, policy: &Policy) -> Option<Write> {
    let is_read = matches!(pending.ask.method, Method::Get | Method::Head);
    // Where nothing is stored there is nothing to answer with instead of asking.
    let record = pending.record.as_ref().filter(|_| policy.floors.retry_after && is_read)?;
    pending.stored()?;
    let asks_to_wait = matches!(reply.status, 300..=399 | 429 | 503);
    let named = reply.fields.get(b"retry-after").filter(|_| asks_to_wait);
    let seconds = named.and_then(|value| retry_after::seconds(value, reply.fields.get(b"date"), reply.response_time));
    let until = match seconds {
        Some(0) => reply.response_time,
        // The second in which the answer came had begun before.
        Some(seconds) => reply.response_time.saturating_add(seconds.saturating_add(1).min(LONGEST)),
        None if matches!(reply.status, 200..=299 | 304) => 0,
        None => return None,
    };
    let is_news = until > reply.response_time || record.not_before > reply.response_time;
    is_news.then(|| Write { key: pending.ask.key.clone(), change: Change::Pause(until) })
}

/// Milliseconds of the second in which an answer came. An answer is dated in whole seconds: where it came in the second in which it was
/// planned to ask, it came no sooner than that; else in one that had just begun.
pub(super) fn response_millis(pending: &Pending, reply: &Reply) -> u16 {
    if pending.planned.seconds == reply.response_time { pending.planned.millis } else { 0 }
}

/// Is it time to fetch the content of `stored` whole, whatever its validators say?
pub(super) fn is_whole_due(stored: &StoredResponse, policy: &Policy, now: u64) -> bool {
    match policy.full_every {
        None => false,
        Some(FullEvery::Polls(polls)) => stored.learned.polls.saturating_add(1) >= polls,
        // Received in the future: by a clock that was wrong.
        Some(FullEvery::Seconds(seconds)) => now.checked_sub(stored.received_at).is_none_or(|since| since >= seconds),
    }
}
