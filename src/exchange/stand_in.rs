//! A stored response in place of an origin that fails: after an answer that says so, or no answer at all.

use crate::entry::StoredResponse;
use crate::exchange::answer::Answer;
use crate::exchange::outcome::{Handling, Outcome};
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::serve::{is_usable, served};
use crate::exchange::settle::{Reply, forwarded};
use crate::exchange::{Freshness, Policy};
use crate::rfc::cache_control::CacheControl;
use crate::rfc::status;

/// What stands in for an answer that says that the origin fails.
pub(super) fn for_failure(pending: &Pending, reply: &Reply, policy: &Policy) -> Option<Answer> {
    let handling = || forwarded(pending, reply, false);
    let is_failure = status::is_failure(reply.status) && !pending.is_resend;
    is_failure.then(|| stand_in(pending, policy, reply.response_time, handling))?
}

impl Pending {
    /// What stands in for an answer that never came.
    #[must_use]
    pub fn for_no_answer(&self, policy: &Policy, now: u64) -> Option<Answer> {
        stand_in(self, policy, now, || Handling::Unanswered { why: self.forward() })
    }
}

/// > When the stale-if-error Cache-Control extension is used in a response, it indicates that […] a cached stale response MAY be used to
/// > satisfy the request, regardless of other freshness information. […] its value indicates the upper limit to staleness (RFC 5861 §4).
///
/// The caller can say so for all responses, or in a request.
fn stand_in(pending: &Pending, policy: &Policy, now: u64, handling: impl Fn() -> Handling) -> Option<Answer> {
    let stored = pending.stored().filter(|stored| pending.treatment == Treatment::Ours && is_usable(stored))?;
    let request = CacheControl::of(&pending.ask.fields);
    let goes_by_freshness = pending.ask.freshness(policy) == Freshness::Rfc9111;
    let origins = CacheControl::of(&stored.fields).stale_if_error.filter(|_| goes_by_freshness);
    let allowed = [policy.stale_if_error, request.stale_if_error, origins].into_iter().flatten().max()?;
    let may = is_latest(pending, stored) && stored.times().may_stand_in(&request, allowed, now);
    may.then(|| Answer {
        outcome: Outcome::StaleIfError,
        handling: handling(),
        ..served(pending, stored, None, policy, now)
    })
}

/// A page that something else came instead of is not the last word of the origin.
fn is_latest(pending: &Pending, stored: &StoredResponse) -> bool {
    let others = pending.record.iter().flat_map(|record| &record.variants);
    others.filter(|one| one.selecting == stored.selecting).all(|one| one.response_time <= stored.response_time)
}
