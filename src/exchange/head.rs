//! What the answer to a HEAD says about the stored answer to a GET (RFC 9111 §4.3.5).

use crate::entry::change::Change;
use crate::entry::{Record, StoredResponse};
use crate::exchange::answer::Write;
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::settle::Reply;
use crate::exchange::{Policy, freshen, not_modified};
use crate::identity::Secret;
use crate::key::{Key, Method};
use crate::rfc::vary;

/// The record of the GET that this answer says something about. Where every GET is validated, it says nothing that would be used.
#[must_use]
pub fn concerned(pending: &Pending, reply: &Reply, policy: &Policy) -> Option<Key> {
    let is_telling = policy.goes_by_freshness(&pending.ask) && pending.treatment == Treatment::Ours;
    let is_head = pending.ask.method == Method::Head && reply.status == 200;
    (is_telling && is_head).then(|| pending.ask.key.under(Method::Get))
}

/// > When a cache makes an inbound HEAD request for a target URI and receives a 200 (OK) response, the cache SHOULD update or invalidate
/// > each of its stored GET responses that could have been chosen for that request. For each of the stored responses that could have been
/// > chosen, if the stored response and HEAD response have matching values for any received validator fields (ETag and Last-Modified)
/// > and, if the HEAD response has a Content-Length header field, the value of Content-Length matches that of the stored response, the
/// > cache SHOULD update the stored response […]; otherwise, the cache SHOULD consider the stored response to be stale (RFC 9111 §4.3.5).
#[must_use]
pub fn effects(pending: &Pending, reply: &Reply, stored: &Record, secret: &Secret) -> Vec<Write> {
    let request = &pending.ask.fields;
    let is_chosen = |one: &&StoredResponse| {
        one.is_page() && !one.is_shared && vary::selecting(&one.fields, request, &secret.0) == one.selecting
    };
    let key = pending.ask.key.under(Method::Get);
    let chosen = stored.variants.iter().filter(is_chosen);
    let changes = chosen
        .map(|one| if describes(reply, one) { freshening(pending, reply, one, secret) } else { Change::Invalidate });
    changes.map(|change| Write { key: key.clone(), change }).collect()
}

/// Does the answer describe the stored response?
fn describes(reply: &Reply, stored: &StoredResponse) -> bool {
    let is_same = |name: &[u8]| reply.fields.get(name).is_none_or(|value| stored.fields.get(name) == Some(value));
    let length = stored.body.length.to_string();
    let is_as_long = reply.fields.get(b"content-length").is_none_or(|value| value == length.as_bytes());
    is_same(b"etag") && is_same(b"last-modified") && is_as_long
}

fn freshening(pending: &Pending, reply: &Reply, stored: &StoredResponse, secret: &Secret) -> Change {
    let fields = freshen::freshened(&stored.fields, &reply.fields, true);
    Change::Freshen(Box::new(not_modified::freshening(pending, stored, fields, reply, secret)))
}
