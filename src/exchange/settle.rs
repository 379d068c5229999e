//! What an answer means: the stored response, confirmed; new content, stored; or a request to ask once more.

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::StoredResponse;
use crate::entry::change::{Acknowledgement, Change, Freshening};
use crate::exchange::answer::{Answer, AnswerBody, Write};
use crate::exchange::outcome::{Handling, Outcome, Reason};
use crate::exchange::plan::{Pending, Treatment, Validator};
use crate::exchange::storable::Judged;
use crate::exchange::{Freshness, Policy, freshen, storable};
use crate::fields::Fields;
use crate::identity::Secret;
use crate::key::{Key, Method};
use crate::rfc::date;
use crate::rfc::etag::EntityTag;
use crate::rfc::vary::{self, Selecting};

/// What came back over the wire.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status code.
    pub status: u16,
    /// Its field section.
    pub fields: Fields,
    /// Its body, not decoded.
    pub body: Bytes,
    /// Did all of the body arrive?
    pub completeness: Completeness,
    /// Header section and body as transferred, bytes.
    pub wire_bytes: u64,
    /// When the request was sent; seconds since the epoch.
    pub request_time: u64,
    /// When the answer arrived.
    pub response_time: u64,
}

impl Reply {
    /// The same reply with its body decoded already: not coded any more, nor as long as it was on the wire.
    #[must_use]
    pub fn decoded(self) -> Self {
        let describes_wire = |name: &[u8]| {
            [&b"content-encoding"[..], b"content-length"].iter().any(|one| one.eq_ignore_ascii_case(name))
        };
        Self { fields: self.fields.filtered(|name, _| !describes_wire(name)), ..self }
    }
}

/// Did a body arrive whole?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Yes: by its length, its chunks, its stream.
    Whole,
    /// It ended with the connection, so nobody knows.
    Unknown,
    /// No.
    Cut,
}

/// What to do about an answer.
#[derive(Debug)]
pub enum Settlement {
    /// Hand this out.
    Answer(Box<Answer>),
    /// Ask once more, with [`Pending::unconditional`].
    Resend(Reason),
}

/// Says what `reply` means for the request that is `pending`.
#[must_use]
pub fn settle(pending: &Pending, reply: Reply, policy: &Policy, secret: &Secret) -> Settlement {
    if reply.status == 304 && !pending.is_callers_to_judge() {
        return match confirmed(pending, &reply) {
            Ok(stored) => Settlement::Answer(Box::new(not_modified(pending, stored, &reply, policy, secret))),
            Err(reason) if !pending.is_resend => Settlement::Resend(reason),
            Err(reason) => Settlement::Answer(Box::new(passed(pending, reply, reason, policy))),
        };
    }
    match storable::judge(pending, &reply, policy) {
        Ok(judged) => Settlement::Answer(Box::new(stored(pending, reply, judged, policy, secret))),
        Err(reason) => Settlement::Answer(Box::new(passed(pending, reply, reason, policy))),
    }
}

/// The stored response that a 304 speaks of.
///
/// A 304 without any validator confirms the one that was asked about. One that names another tag, or answers a date with another date,
/// speaks of something else: it must not update what is stored (RFC 9111 §4.3.4), and what is stored must not be served for it.
fn confirmed<'a>(pending: &'a Pending, reply: &Reply) -> Result<&'a StoredResponse, Reason> {
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

fn not_modified(pending: &Pending, stored: &StoredResponse, reply: &Reply, policy: &Policy, secret: &Secret) -> Answer {
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

fn stored(pending: &Pending, reply: Reply, judged: Judged, policy: &Policy, secret: &Secret) -> Answer {
    let Judged { content, body } = judged;
    let selecting = vary::selecting(&reply.fields, &pending.ask.fields, &secret.0);
    let outcome = match pending.stored() {
        Some(before) if before.content == content => Outcome::SameContent,
        Some(_) => Outcome::Changed,
        None => Outcome::New,
    };
    let response = StoredResponse {
        status: reply.status,
        fields: freshen::storable_fields(&reply.fields),
        request_time: reply.request_time,
        response_time: reply.response_time,
        selecting,
        accept_encoding: pending.fields().get(b"accept-encoding").map(Bytes::copy_from_slice),
        content,
        body,
        wire_bytes: reply.wire_bytes,
        is_invalidated: false,
    };
    Answer {
        outcome,
        reason: None,
        handling: forwarded(pending, &reply, true),
        status: reply.status,
        is_changed: pending.known(selecting, policy) != Some(content),
        bytes_saved: 0,
        acknowledgement: acknowledgement(selecting, Some(content), reply.response_time, policy),
        writes: vec![Write { key: pending.ask.key.clone(), change: Change::Store(Box::new(response)) }],
        fields: reply.fields,
        body: AnswerBody::Received(reply.body),
    }
}

fn passed(pending: &Pending, reply: Reply, reason: Reason, policy: &Policy) -> Answer {
    let selecting = pending.stored().map(|stored| stored.selecting).unwrap_or_default();
    let delivered = delivered(pending, &reply, reason).filter(|_| policy.consumer.is_some());
    Answer {
        outcome: Outcome::Passed,
        reason: Some(reason),
        handling: forwarded(pending, &reply, false),
        status: reply.status,
        is_changed: delivered.is_none() || pending.known(selecting, policy) != delivered,
        bytes_saved: 0,
        acknowledgement: acknowledgement(selecting, delivered, reply.response_time, policy),
        writes: invalidations(pending, &reply),
        fields: reply.fields,
        body: AnswerBody::Received(reply.body),
    }
}

/// What stands for an answer that is not stored, in the memory of a consumer: it has seen a page go, and must be told when it is back, also
/// when it is back as it was. Of what must not be stored, only that it was there.
fn delivered(pending: &Pending, reply: &Reply, reason: Reason) -> Option<Digest> {
    if !matches!(pending.ask.method, Method::Get | Method::Head) || pending.is_callers_to_judge() {
        return None;
    }
    let body: &[u8] = if reason == Reason::NoStore { &[] } else { &reply.body };
    Some(Digest::of(&[reason.as_str().as_bytes(), &reply.status.to_be_bytes(), body].concat()))
}

fn forwarded(pending: &Pending, reply: &Reply, is_stored: bool) -> Handling {
    Handling::Forwarded { why: pending.forward(), status: reply.status, is_stored }
}

/// What a consumer that has seen this content through would write.
pub(super) fn acknowledgement(
    selecting: Selecting,
    content: Option<Digest>,
    at: u64,
    policy: &Policy,
) -> Option<Acknowledgement> {
    Some(Acknowledgement { consumer: policy.consumer?, selecting, content: content?, at })
}

/// > A cache MUST invalidate the target URI when it receives a non-error status code in response to an unsafe request method
/// > (RFC 9111 §4.4),
///
/// and may invalidate what Location and Content-Location name on the same origin. Other partitions are left alone: that one identity
/// changed something is nothing that the others' requests should show.
fn invalidations(pending: &Pending, reply: &Reply) -> Vec<Write> {
    if pending.treatment != Treatment::Unsafe || !(200..400).contains(&reply.status) {
        return Vec::new();
    }
    let target = &pending.ask.key;
    let mut urls = vec![target.url.clone()];
    if let Ok(base) = url::Url::parse(&target.url) {
        for name in [&b"location"[..], b"content-location"] {
            let named = reply.fields.get(name).and_then(|value| base.join(std::str::from_utf8(value).ok()?).ok());
            urls.extend(named.filter(|url| url.origin() == base.origin()).map(|mut url| {
                url.set_fragment(None);
                url.as_str().into()
            }));
        }
    }
    urls.dedup();
    let keys = urls
        .iter()
        .flat_map(|url| [Method::Get, Method::Head].map(|method| Key::new(method, url.clone(), target.partition)));
    keys.map(|key| Write { key, change: Change::Invalidate }).collect()
}
