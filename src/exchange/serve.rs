//! What is answered from the store, without asking.

use crate::entry::StoredResponse;
use crate::exchange::answer::{Answer, AnswerBody};
use crate::exchange::outcome::{Handling, Outcome};
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::{Freshness, Policy, settle};
use crate::fields::Fields;
use crate::rfc::cache_control::CacheControl;
use crate::rfc::freshness::Stored;
use crate::rfc::vary;

/// The stored response, where it may be served without asking.
pub(super) fn fresh(pending: &Pending, policy: &Policy, now: u64) -> Option<Answer> {
    let may_serve = policy.freshness == Freshness::Rfc9111 && pending.treatment == Treatment::Ours;
    let stored = pending.stored().filter(|_| may_serve)?;
    let age = age_if_fresh(stored, &pending.ask.fields, now)?;
    Some(Answer {
        outcome: Outcome::Fresh,
        reason: None,
        handling: Handling::Hit,
        status: stored.status,
        // > When a stored response is used to satisfy a request without validation, a cache MUST generate an Age header field, replacing
        // > any present in the response with a value equal to the stored response's current_age (RFC 9111 §4).
        fields: stored.fields.with(b"age", age.to_string().as_bytes()),
        body: AnswerBody::Stored(stored.body),
        is_changed: !pending.knows(stored, policy),
        bytes_saved: 0,
        acknowledgement: settle::acknowledgement(stored.selecting, Some(stored.mark()), now, policy),
        writes: pending.note_of_use(policy, now).into_iter().collect(),
    })
}

/// The age of a stored response that may be served without asking.
fn age_if_fresh(stored: &StoredResponse, request: &Fields, now: u64) -> Option<u64> {
    if stored.is_invalidated || vary::is_star(&stored.fields) {
        return None;
    }
    let times =
        Stored { fields: &stored.fields, request_time: stored.request_time, response_time: stored.response_time };
    times.is_fresh(&CacheControl::of(request), now).then(|| times.age(now))
}
