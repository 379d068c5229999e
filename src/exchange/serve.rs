//! What is answered from the store, without asking.

use crate::entry::StoredResponse;
use crate::exchange::answer::{Answer, AnswerBody};
use crate::exchange::outcome::{Handling, Outcome, Reason};
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::{Freshness, Policy, settle};
use crate::fields::Fields;
use crate::rfc::cache_control::CacheControl;
use crate::rfc::vary;

/// The stored response, where it may be served without asking.
pub(super) fn fresh(pending: &Pending, policy: &Policy, now: u64) -> Option<Answer> {
    let may_serve = policy.freshness == Freshness::Rfc9111 && pending.treatment == Treatment::Ours;
    let stored = pending.stored().filter(|_| may_serve)?;
    is_fresh(stored, &pending.ask.fields, now).then(|| served(pending, stored, None, policy, now))
}

/// A stored response as the answer to a request that nothing is sent for.
pub(super) fn served(
    pending: &Pending,
    stored: &StoredResponse,
    reason: Option<Reason>,
    policy: &Policy,
    now: u64,
) -> Answer {
    Answer {
        outcome: Outcome::Fresh,
        reason,
        handling: Handling::Hit,
        status: stored.status,
        // > When a stored response is used to satisfy a request without validation, a cache MUST generate an Age header field, replacing
        // > any present in the response with a value equal to the stored response's current_age (RFC 9111 §4).
        fields: stored.fields.with(b"age", stored.age(now).to_string().as_bytes()),
        body: AnswerBody::Stored(stored.body),
        is_changed: !pending.knows(stored, policy),
        bytes_saved: 0,
        acknowledgement: settle::acknowledgement(stored.selecting, Some(stored.mark()), now, policy),
        writes: pending.note_of_use(policy, now).into_iter().collect(),
    }
}

/// May a stored response be served without asking?
fn is_fresh(stored: &StoredResponse, request: &Fields, now: u64) -> bool {
    let is_usable = !stored.is_invalidated && !vary::is_star(&stored.fields);
    is_usable && stored.times().is_fresh(&CacheControl::of(request), now)
}
