//! What a 304 confirms: which stored response, and whether it can be believed.

use crate::entry::StoredResponse;
use crate::entry::change::{Change, Freshening};
use crate::exchange::answer::{Answer, AnswerBody, Write};
use crate::exchange::outcome::{Outcome, Reason};
use crate::exchange::plan::{Pending, Validator};
use crate::exchange::settle::{Reply, acknowledgement, forwarded};
use crate::exchange::{Freshness, Policy, freshen};
use crate::fields::Fields;
use crate::identity::Secret;
use crate::rfc::date;
use crate::rfc::etag::EntityTag;
use crate::rfc::vary;

/// The stored response that a 304 speaks of.
///
/// A 304 without any validator confirms the one that was asked about. One that names another tag, or answers a date with another date,
/// speaks of something else: it must not update what is stored (RFC 9111 §4.3.4), and what is stored must not be served for it.
pub(super) fn confirmed<'a>(pending: &'a Pending, reply: &Reply) -> Result<&'a StoredResponse, Reason> {
    let asked = pending.stored().filter(|_| pending.validator != Validator::None).ok_or(Reason::Unexpected304)?;
    let is_same = match pending.validator {
        Validator::EntityTag => is_same_tag(asked, &reply.fields),
        Validator::LastModified => is_same_date(asked, &reply.fields),
        Validator::None => false,
    };
    if is_same { Ok(asked) } else { Err(Reason::Mismatched304) }
}

/// > A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match (RFC 9110 §13.1.2).
///
/// Servers that code on the fly mark the tag of a 200 with the coding and leave the mark off their 304s.
fn is_same_tag(asked: &StoredResponse, reply: &Fields) -> bool {
    let (Some(sent), Some(named)) = (asked.entity_tag(), reply.get(b"etag").and_then(EntityTag::new)) else {
        return true;
    };
    let coding = asked.fields.get(b"content-encoding").unwrap_or_default();
    named.weakly_equals(sent) || sent.is_coded_form_of(named, coding) || named.is_coded_form_of(sent, coding)
}

fn is_same_date(asked: &StoredResponse, reply: &Fields) -> bool {
    let (Some(sent), Some(named)) = (asked.last_modified(), reply.get(b"last-modified")) else { return true };
    sent == named || date::parse(sent).is_some_and(|sent| date::parse(named) == Some(sent))
}

/// The stored response, freshened by the 304 that confirmed it.
pub(super) fn not_modified(
    pending: &Pending,
    stored: &StoredResponse,
    reply: &Reply,
    policy: &Policy,
    secret: &Secret,
) -> Answer {
    let fields = freshen::freshened(&stored.fields, &reply.fields, pending.validator == Validator::EntityTag);
    let is_worth_a_write = stored.is_invalidated
        || policy.freshness == Freshness::Rfc9111
        || freshen::is_worth_a_write(&stored.fields, &fields);
    let write = is_worth_a_write.then(|| {
        let freshening = Freshening {
            selecting: stored.selecting,
            selecting_now: vary::selecting(&fields, &pending.ask.fields, &secret.0),
            body: stored.body,
            fields: fields.clone(),
            request_time: reply.request_time,
            response_time: reply.response_time,
            learned: stored.learned,
        };
        Write { key: pending.ask.key.clone(), change: Change::Freshen(Box::new(freshening)) }
    });
    Answer {
        outcome: Outcome::NotModified,
        reason: None,
        handling: forwarded(pending, reply, false),
        status: stored.status,
        fields: fields.extended(&cookies(&reply.fields)),
        body: AnswerBody::Stored(stored.body),
        is_changed: pending.known(stored.selecting, policy) != Some(stored.content),
        bytes_saved: stored.wire_bytes.saturating_sub(reply.wire_bytes),
        acknowledgement: acknowledgement(stored.selecting, Some(stored.content), reply.response_time, policy),
        writes: write.or_else(|| pending.note_of_use(policy, reply.response_time)).into_iter().collect(),
    }
}

/// Set-Cookie of an answer goes to the caller, and nowhere else.
fn cookies(reply: &Fields) -> Fields {
    reply.filtered(|name, _| name.eq_ignore_ascii_case(b"set-cookie"))
}
