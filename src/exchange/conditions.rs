//! Which condition a request carries, and in which coding its answer is asked for.
//!
//! The entity tag alone where there is one, else the date alone, each byte for byte as it came. Never both (some servers answer 200 to a
//! tag that hits beside any date, some a wrong 304 to a date that hits beside a tag that does not), never `*`, never a date that the
//! origin did not give.

use crate::entry::StoredResponse;
use crate::exchange::plan::{Pending, Treatment, Validator};
use crate::exchange::{Ask, Policy};
use crate::fields::Fields;
use crate::rfc::vary;

/// The validator to send, and the fields to set over the caller's.
pub(super) fn conditions(pending: &Pending, policy: &Policy) -> (Validator, Fields) {
    let stored = pending.stored().filter(|_| pending.treatment == Treatment::Ours);
    let condition = stored.and_then(condition);
    let pinned = condition.as_ref().and_then(|_| stored?.accept_encoding.as_deref());
    let coding = coding(&pending.ask, policy).map(|default| pinned.unwrap_or(default));
    let lines = condition
        .iter()
        .map(|(_, name, value)| (*name, *value))
        .chain(coding.iter().map(|coding| (&b"Accept-Encoding"[..], *coding)))
        .collect();
    (condition.map_or(Validator::None, |(validator, ..)| validator), lines)
}

/// The Accept-Encoding that is ours to choose: not where the caller did, and not for a part, which nobody could decode by itself.
pub(super) fn coding(ask: &Ask, policy: &Policy) -> Option<&'static [u8]> {
    policy.accept_encoding.filter(|_| !ask.fields.contains(b"accept-encoding") && !ask.fields.contains(b"range"))
}

/// > When generating a conditional request for validation, a cache MUST send the relevant entity tags (using If-Match, If-None-Match, or
/// > If-Range) if the entity tags were provided in the stored response(s) being validated (RFC 9111 §4.3.1).
///
/// The same section says that it SHOULD send the Last-Modified value as well; beside a tag that costs 304s on some servers and brings
/// wrong ones on others, so here it is sent only where there is no tag.
fn condition(stored: &StoredResponse) -> Option<(Validator, &'static [u8], &[u8])> {
    if let Some(tag) = stored.entity_tag() {
        return Some((Validator::EntityTag, b"If-None-Match", tag.as_bytes()));
    }
    // A date says nothing about which of several representations was selected.
    let date = stored.last_modified().filter(|_| !vary::is_star(&stored.fields))?;
    Some((Validator::LastModified, b"If-Modified-Since", date))
}
