//! What came instead of a 304: a response to store, or one to hand through.

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::StoredResponse;
use crate::entry::change::Change;
use crate::entry::spread::Spread;
use crate::exchange::answer::{Answer, AnswerBody, Write};
use crate::exchange::invalidate::invalidations;
use crate::exchange::outcome::{Outcome, Reason};
use crate::exchange::plan::Pending;
use crate::exchange::settle::{Reply, acknowledgement, forwarded};
use crate::exchange::storable::{Judged, described};
use crate::exchange::{Policy, freshen, interval, learn};
use crate::identity::Secret;
use crate::key::Method;
use crate::rfc::vary;

/// A response that is stored.
pub(super) fn stored(pending: &Pending, reply: Reply, judged: Judged, policy: &Policy, secret: &Secret) -> Answer {
    let selecting = vary::selecting(&reply.fields, &pending.ask.fields, &secret.0);
    let taught = taught(pending, &reply, &judged);
    let outcome = outcome(pending, &reply, &judged);
    let Judged { content, fingerprint, coding, body } = judged;
    let response = StoredResponse {
        status: reply.status,
        fields: freshen::storable_fields(&reply.fields),
        request_time: reply.request_time,
        response_time: reply.response_time,
        response_millis: interval::response_millis(pending, &reply),
        received_at: reply.response_time,
        selecting,
        accept_encoding: pending.fields().get(b"accept-encoding").map(Bytes::copy_from_slice),
        coding,
        content,
        // The same content comes to the same, also where nobody could say so this time.
        fingerprint: fingerprint.or_else(|| pending.stored().filter(|before| before.content == content)?.fingerprint),
        body,
        wire_bytes: reply.wire_bytes,
        is_invalidated: false,
        other_tags: taught.other_tags,
        learned: taught.learned,
        is_shared: false,
    };
    let is_changed = !pending.knows(&response, policy);
    let acknowledgement = acknowledgement(selecting, Some(response.mark()), reply.response_time, policy);
    let handing_over = pending.note_of_handing_over(&response, policy, reply.response_time);
    let (writes, spread) = kept(pending, response, &reply);
    Answer {
        outcome,
        reason: taught.reason,
        handling: forwarded(pending, &reply, true),
        status: reply.status,
        is_changed,
        bytes_saved: 0,
        acknowledgement,
        spread,
        writes: writes.chain(handing_over).chain(taught.writes).collect(),
        fields: reply.fields,
        body: AnswerBody::Received(reply.body),
    }
}

/// What came is compared with what is stored.
fn outcome(pending: &Pending, reply: &Reply, judged: &Judged) -> Outcome {
    let Some(before) = pending.stored() else { return Outcome::New };
    let is_same = before.status == reply.status && before.is_same(judged.content, judged.fingerprint);
    if is_same { Outcome::SameContent } else { Outcome::Changed }
}

/// It is stored for this identity, and a page is a word to the others, and evidence.
fn kept(pending: &Pending, response: StoredResponse, reply: &Reply) -> (impl Iterator<Item = Write>, Option<Spread>) {
    let sighting = response.is_page().then(|| pending.sighting(Some(&response), reply)).flatten();
    let spread = sighting.as_ref().and_then(|sighting| pending.spread(sighting));
    let own = Write { key: pending.ask.key.clone(), change: Change::Store(Box::new(response)) };
    (std::iter::once(own).chain(sighting), spread)
}

/// What came instead of a page teaches nothing about asking for the page.
fn taught(pending: &Pending, reply: &Reply, judged: &Judged) -> learn::Taught {
    let is_of_a_kind = pending.stored().is_none_or(|before| before.status == reply.status);
    let taught = is_of_a_kind.then(|| learn::by_content(pending, &reply.fields, judged, reply.response_time));
    let taught = taught.unwrap_or_default();
    // Compared with what others received: of that, this identity keeps nothing.
    let is_others = pending.stored().is_some_and(|before| before.is_shared);
    if is_others {
        learn::Taught { reason: taught.reason, writes: taught.writes, ..learn::Taught::default() }
    } else {
        taught
    }
}

/// A response that is not.
pub(super) fn passed(pending: &Pending, reply: Reply, reason: Reason, policy: &Policy) -> Answer {
    let selecting = pending.stored().map(|stored| stored.selecting).unwrap_or_default();
    // A page that the caller would not keep says nothing of the page that was asked for: neither that it changed, nor that it is gone. A 304
    // says that it did not change.
    let is_of_page = reason != Reason::NotStorable && reply.status != 304;
    let delivered = delivered(pending, &reply, reason).filter(|_| policy.consumer.is_some() && is_of_page);
    Answer {
        outcome: Outcome::Passed,
        reason: Some(reason),
        handling: forwarded(pending, &reply, false),
        status: reply.status,
        is_changed: is_of_page && (delivered.is_none() || pending.known(selecting, policy) != delivered),
        bytes_saved: 0,
        acknowledgement: acknowledgement(selecting, delivered, reply.response_time, policy),
        spread: None,
        writes: invalidations(pending, &reply)
            .into_iter()
            .chain(unconfirmed(pending, &reply, reason))
            .chain(withdrawn(pending, &reply, reason))
            .collect(),
        fields: reply.fields,
        body: AnswerBody::Received(reply.body),
    }
}

/// A 200 that may not be kept says all the same that what the validator stood for is not current.
fn withdrawn(pending: &Pending, reply: &Reply, reason: Reason) -> Option<Write> {
    let is_page = reply.status == 200 && reason == Reason::NoStore;
    is_page.then(|| pending.sighting(None, reply)).flatten()
}

/// A note of content that may have been cut off, to know it again.
fn unconfirmed(pending: &Pending, reply: &Reply, reason: Reason) -> Option<Write> {
    let change = || Change::Unconfirmed(described(reply, Digest::of(&reply.body)), reply.response_time);
    (reason == Reason::CompletenessUnknown).then(|| Write { key: pending.ask.key.clone(), change: change() })
}

/// What stands for an answer that is not stored, in the memory of a consumer: it has seen a page go, and must be told when it is back, also
/// when it is back as it was. Of what must not be stored, only that it was there.
fn delivered(pending: &Pending, reply: &Reply, reason: Reason) -> Option<Digest> {
    if !matches!(pending.ask.method, Method::Get | Method::Head) || pending.is_callers_to_judge() {
        return None;
    }
    // Whoever saw it through has seen the same content when it comes again, and is stored.
    if reason == Reason::CompletenessUnknown {
        return Some(described(reply, Digest::of(&reply.body)));
    }
    let body: &[u8] = if reason == Reason::NoStore { &[] } else { &reply.body };
    Some(Digest::of(&[reason.as_str().as_bytes(), &reply.status.to_be_bytes(), body].concat()))
}
