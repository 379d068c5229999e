//! What a 304 confirms: which stored response, and whether it can be believed.

use crate::entry::StoredResponse;
use crate::entry::change::{Change, Freshening};
use crate::entry::learned::{Learned, Rung};
use crate::exchange::answer::{Answer, AnswerBody, Write};
use crate::exchange::ladder::is_same_tag;
use crate::exchange::outcome::{Outcome, Reason};
use crate::exchange::plan::Pending;
use crate::exchange::settle::{Reply, acknowledgement, forwarded};
use crate::exchange::{Policy, freshen, interval, learn};
use crate::fields::Fields;
use crate::identity::Secret;
use crate::rfc::date;
use crate::rfc::etag::EntityTag;
use crate::rfc::vary;

/// The stored response that a 304 speaks of.
///
/// > If the new response contains one or more strong validators, then each of those strong validators identifies a selected representation
/// > for update. […] If none of the initial set contains at least one of the same strong validators, then the cache MUST NOT use the new
/// > response to update any stored responses (RFC 9111 §4.3.4).
///
/// Nor is what is stored served for a 304 that names another tag than was sent, or answers a date with another date: it speaks of something
/// else. Servers that code on the fly mark the tag of a 200 with the coding and leave the mark off their 304s; many name no validator.
pub(super) fn confirmed<'a>(pending: &'a Pending, reply: &Reply) -> Result<&'a StoredResponse, Reason> {
    let rung = pending.rung.map_err(|_| Reason::Unexpected304)?;
    let lessons = pending.lessons.as_deref();
    let named = reply.fields.get(b"etag").and_then(EntityTag::new);
    let is_meant = |stored: &&StoredResponse| match named {
        Some(named) if stored.entity_tag().is_some() => {
            stored.entity_tags().any(|known| is_same_tag(named, known, stored, lessons))
                || rung == Rung::Date && is_another_machine(stored, &reply.fields)
        }
        Some(_) | None => rung != Rung::Date || is_same_date(stored, &reply.fields),
    };
    let mut meant = pending.offered().filter(is_meant);
    let first = meant.next().ok_or(Reason::Mismatched304)?;
    // Without a tag it has to be the only one that it can mean.
    if named.is_none() && meant.next().is_some() { Err(Reason::Mismatched304) } else { Ok(first) }
}

/// Where each machine behind a name gives tags of its own, one may be named that none of them gave yet. What they share is the date, and
/// that has to be named.
fn is_another_machine(asked: &StoredResponse, reply: &Fields) -> bool {
    asked.learned.do_tags_alternate && reply.contains(b"last-modified") && is_same_date(asked, reply)
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
    let (learned, told) = learn::by_not_modified(pending, stored, policy, reply.response_time);
    confirmation(pending, stored, reply, Lesson { learned, told }, policy, secret)
}

/// What the confirmation of a stored response taught, and what its origin's other URLs are to know of it.
pub(super) struct Lesson {
    pub(super) learned: Learned,
    pub(super) told: Vec<Write>,
}

/// A stored response, freshened by the answer that confirmed it.
pub(super) fn confirmation(
    pending: &Pending,
    stored: &StoredResponse,
    reply: &Reply,
    lesson: Lesson,
    policy: &Policy,
    secret: &Secret,
) -> Answer {
    let Lesson { learned, told } = lesson;
    // What one of them was taught is no lesson for the others.
    let learned = if stored.is_shared { stored.learned } else { learned };
    let fields = freshen::freshened(&stored.fields, &reply.fields, pending.rung != Ok(Rung::Date));
    let kept = kept(stored, &fields, &reply.fields);
    let is_for_another = pending.candidate.is_none();
    let is_worth_a_write = stored.is_invalidated
        || policy.is_time_worth_a_write(&pending.ask)
        || is_for_another
        || learned != stored.learned
        || policy.stale_if_error.is_some()
        || freshen::is_worth_a_write(&stored.fields, &kept);
    let selecting_now = vary::selecting(&fields, &pending.ask.fields, &secret.0);
    let write = is_worth_a_write.then(|| {
        let plain = freshening(pending, stored, kept, reply, secret);
        let freshening = Freshening { is_for_another: is_for_another && !stored.is_shared, learned, ..plain };
        Write { key: pending.key_of(stored).clone(), change: Change::Freshen(Box::new(freshening)) }
    });
    // Another variant's content is news to a consumer who has not seen it, and to nobody else.
    let known = pending.known(selecting_now, policy).or_else(|| pending.known(stored.selecting, policy));
    let is_known = known.is_some_and(|mark| stored.is_marked(mark)) || is_for_another && policy.consumer.is_none();
    Answer {
        outcome: Outcome::NotModified,
        reason: None,
        handling: forwarded(pending, reply, false),
        status: stored.status,
        fields: fields.extended(&cookies(&reply.fields)),
        body: AnswerBody::Stored(stored.body),
        is_changed: !is_known,
        bytes_saved: stored.wire_bytes.saturating_sub(reply.wire_bytes),
        acknowledgement: acknowledgement(stored.selecting, Some(stored.mark()), reply.response_time, policy),
        spread: None,
        writes: write
            .or_else(|| pending.note_of_use(policy, reply.response_time))
            .into_iter()
            .chain(pending.note_of_handing_over(stored, policy, reply.response_time))
            .chain(told)
            .collect(),
    }
}

/// What is kept of them for the next who asks.
pub(super) fn kept(stored: &StoredResponse, freshened: &Fields, reply: &Fields) -> Fields {
    if stored.is_shared { freshen::aged(&stored.fields, reply) } else { freshened.clone() }
}

/// What gives `stored` these fields, because of an answer that confirmed it.
pub(super) fn freshening(
    pending: &Pending,
    stored: &StoredResponse,
    fields: Fields,
    reply: &Reply,
    secret: &Secret,
) -> Freshening {
    let selecting_now = vary::selecting(&fields, &pending.ask.fields, &secret.0);
    Freshening {
        selecting: stored.selecting,
        is_shared: stored.is_shared,
        // What enough exits were given for one variant says nothing of another.
        selecting_now: if stored.is_shared { stored.selecting } else { selecting_now },
        is_for_another: false,
        body: stored.body,
        fields,
        request_time: reply.request_time,
        response_time: reply.response_time,
        response_millis: interval::response_millis(pending, reply),
        learned: stored.learned,
    }
}

/// Set-Cookie of an answer goes to the caller, and nowhere else.
fn cookies(reply: &Fields) -> Fields {
    reply.filtered(|name, _| name.eq_ignore_ascii_case(b"set-cookie"))
}
