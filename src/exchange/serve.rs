//! What is answered from the store, without asking.

use crate::entry::StoredResponse;
use crate::exchange::answer::{Answer, AnswerBody};
use crate::exchange::outcome::{Handling, Outcome, Reason};
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::{Freshness, Policy, settle};
use crate::fields::Fields;
use crate::key::Method;
use crate::rfc::cache_control::{CacheControl, no_cache_fields};
use crate::rfc::vary;

/// The stored response, where it may be served without asking: because the caller goes by freshness, or because this request forbids asking.
pub(super) fn fresh(pending: &Pending, policy: &Policy, now: u64) -> Option<Answer> {
    let goes_by_freshness = pending.ask.freshness(policy) == Freshness::Rfc9111 || pending.forbids_asking();
    let may_serve = goes_by_freshness && pending.can_be_served();
    let stored = pending.stored().filter(|stored| may_serve && is_usable(stored))?;
    stored
        .times()
        .is_fresh(&CacheControl::of(&pending.ask.fields), now)
        .then(|| served(pending, stored, None, policy, now))
}

/// The stored response, where it may be served stale because somebody validates it meanwhile.
///
/// > When present in an HTTP response, the stale-while-revalidate Cache-Control extension indicates that caches MAY serve the response in
/// > which it appears after it becomes stale, up to the indicated number of seconds (RFC 5861 §3).
pub(super) fn while_revalidating(pending: &Pending, policy: &Policy, now: u64) -> Option<Answer> {
    let goes_by_freshness = pending.ask.freshness(policy) == Freshness::Rfc9111;
    let may_serve = goes_by_freshness && policy.validates_behind && !pending.forbids_asking();
    let is_ours = pending.treatment == Treatment::Ours && pending.can_be_served();
    let is_asked_for = may_serve && is_ours && pending.ask.method == Method::Get;
    let stored = pending.stored().filter(|stored| is_asked_for && is_usable(stored))?;
    let allowed = CacheControl::of(&stored.fields).stale_while_revalidate?;
    let may = stored.times().may_stand_in(&CacheControl::of(&pending.ask.fields), allowed, now);
    may.then(|| served(pending, stored, Some(Reason::StaleWhileRevalidate), policy, now))
}

/// The answer to a request that forbids asking and that nothing stored satisfies.
///
/// > Caches that honor this request directive SHOULD, upon receiving it, respond with either a stored response consistent with the other
/// > constraints of the request or a 504 (Gateway Timeout) status code (RFC 9111 §5.2.1.7).
pub(super) fn unsatisfied(pending: &Pending) -> Option<Answer> {
    pending.forbids_asking().then(|| Answer {
        outcome: Outcome::Passed,
        reason: Some(Reason::OnlyIfCached),
        handling: Handling::Unsent,
        status: 504,
        fields: Fields::new(),
        body: AnswerBody::Received(bytes::Bytes::new()),
        is_changed: false,
        bytes_saved: 0,
        acknowledgement: None,
        spread: None,
        writes: Vec::new(),
    })
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
        fields: unvalidated_fields(stored, now),
        body: AnswerBody::Stored(stored.body),
        is_changed: !pending.knows(stored, policy),
        bytes_saved: 0,
        acknowledgement: settle::acknowledgement(stored.selecting, Some(stored.mark()), now, policy),
        spread: None,
        writes: pending
            .note_of_use(policy, now)
            .into_iter()
            .chain(pending.note_of_handing_over(stored, policy, now))
            .collect(),
    }
}

/// > When a stored response is used to satisfy a request without validation, a cache MUST generate an Age header field, replacing any
/// > present in the response with a value equal to the stored response's current_age (RFC 9111 §4),
///
/// and leave out what `no-cache` names.
fn unvalidated_fields(stored: &StoredResponse, now: u64) -> Fields {
    let withheld = no_cache_fields(&stored.fields);
    let fields = stored.fields.filtered(|name, _| !withheld.iter().any(|one| one.eq_ignore_ascii_case(name)));
    fields.with(b"age", stored.age(now).to_string().as_bytes())
}

/// Can a stored response be used at all before it was validated?
pub(super) fn is_usable(stored: &StoredResponse) -> bool {
    !stored.is_invalidated && !vary::is_star(&stored.fields)
}

impl Pending {
    /// Is the caller content with what is stored, or with nothing? Whatever changes something has to be sent.
    #[must_use]
    pub fn forbids_asking(&self) -> bool {
        matches!(self.ask.method, Method::Get | Method::Head) && CacheControl::of(&self.ask.fields).only_if_cached
    }

    /// What answers a request that forbids asking, once the stored body turned out to be gone.
    #[must_use]
    pub fn unsatisfied(&self) -> Option<Answer> {
        unsatisfied(self)
    }
}
