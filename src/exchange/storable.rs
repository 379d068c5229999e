//! May this response be stored, and what is its content? (RFC 9111 §3, as a private cache.)

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::BodyRef;
use crate::exchange::Policy;
use crate::exchange::outcome::Reason;
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::settle::{Completeness, Reply};
use crate::fields::Fields;
use crate::key::Method;
use crate::rfc::cache_control::CacheControl;
use crate::rfc::coding::{self, CodingError};
use crate::rfc::status;

/// What a response that may be stored holds.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its content, decoded.
    pub content: Digest,
    /// What that comes to, where somebody says what matters in it.
    pub fingerprint: Option<Digest>,
    /// The coding in which the origin sent it: its tag can be marked with it.
    pub coding: Option<Bytes>,
    /// Its body, as it came.
    pub body: BodyRef,
}

/// What is in a response that may be stored; the reason of one that may not.
///
/// # Errors
/// The first rule that forbids it.
pub fn judge(pending: &Pending, reply: &Reply, policy: &Policy) -> Result<Judged, Reason> {
    match pending.treatment {
        Treatment::Passed(reason) => return Err(reason),
        Treatment::Unsafe => return Err(Reason::Method),
        Treatment::Ours | Treatment::Callers => {}
    }
    is_allowed(pending, reply, policy)?;
    if reply.body.len() as u64 > policy.max_body {
        return Err(Reason::TooLarge);
    }
    is_whole(pending, reply)?;
    if pending.ask.method == Method::Head {
        let content = metadata(&reply.fields).ok_or(Reason::NoValidator)?;
        return Ok(Judged { content, fingerprint: None, coding: reply.coding(), body: BodyRef::of(&[]) });
    }
    let codings = match coding::codings(&reply.fields) {
        // What is coded as only others know is content as it stands.
        Err(CodingError::Unknown(_)) => Vec::new(),
        known => known.map_err(|_| Reason::Undecodable)?,
    };
    let decoded = coding::digest(&codings, &reply.body, policy.limits).map_err(|_| Reason::Undecodable)?;
    let content = described(reply, decoded);
    // > A response that has neither chunked transfer coding nor Content-Length is terminated by closure of the connection and, if the header
    // > section was received intact, is considered complete unless an error was indicated by the underlying connection (RFC 9112 §8).
    //
    // A connection that breaks on its way looks the same. So it is whole if its coding says so by its own end, or the same came before.
    let is_stored = || pending.stored().is_some_and(|stored| stored.content == content);
    let came_before = || is_stored() || pending.record.as_ref().is_some_and(|one| one.unconfirmed == Some(content));
    if reply.completeness == Completeness::Unknown && codings.is_empty() && !came_before() {
        return Err(Reason::CompletenessUnknown);
    }
    let is_content = codings.is_empty();
    let body = if is_content {
        BodyRef { digest: decoded, length: reply.body.len() as u64 }
    } else {
        BodyRef::of(&reply.body)
    };
    Ok(Judged { content, fingerprint: None, coding: reply.coding(), body })
}

/// > […] if the response status code is 206 or 304, or the must-understand cache directive is present: the cache understands the response
/// > status code; the no-store cache directive is not present in the response […] (RFC 9111 §3).
fn is_allowed(pending: &Pending, reply: &Reply, policy: &Policy) -> Result<(), Reason> {
    let control = CacheControl::of(&reply.fields);
    if reply.status != 200 {
        if pending.treatment == Treatment::Callers {
            return Err(Reason::CallersCondition);
        }
        if !policy.goes_by_freshness(&pending.ask) || !is_worth_keeping(pending, reply, &control) {
            return Err(Reason::Status);
        }
    }
    // > When a cache that implements the must-understand directive receives a response that includes it, the cache SHOULD ignore the
    // > no-store directive if it understands and implements the status code's caching requirements (RFC 9111 §5.2.2.3).
    if control.must_understand && !status::is_understood(reply.status) {
        return Err(Reason::Status);
    }
    if control.no_store && !control.must_understand { Err(Reason::NoStore) } else { Ok(()) }
}

/// Is a response with another status than 200 one to answer with again, or to ask about?
///
/// > the response contains at least one of the following: a public response directive; […] an Expires header field; a max-age response
/// > directive; […] or a status code that is defined as heuristically cacheable (RFC 9111 §3).
///
/// Without a lifetime it needs what a guess is made of, or a validator: else nothing could ever be done with it. What belongs to a single
/// exchange is never kept: parts, and answers to a condition.
fn is_worth_keeping(pending: &Pending, reply: &Reply, control: &CacheControl) -> bool {
    let is_of_this_exchange = matches!(reply.status, ..200 | 206 | 304 | 412 | 416);
    let has_lifetime = control.max_age.is_some() || reply.fields.contains(b"expires");
    let may_guess = control.public || status::is_heuristically_cacheable(reply.status);
    let has_validator = reply.fields.contains(b"last-modified") || reply.fields.contains(b"etag");
    pending.ask.method == Method::Get && !is_of_this_exchange && (has_lifetime || may_guess && has_validator)
}

/// What tells the content of one response from that of another: with a status of its own, also that and where it points.
pub(super) fn described(reply: &Reply, content: Digest) -> Digest {
    if reply.status == 200 {
        return content;
    }
    let location = reply.fields.get(b"location").unwrap_or_default();
    Digest::of(&[&reply.status.to_be_bytes()[..], &content.0, location].concat())
}

/// A body of another length than Content-Length announced (RFC 9110 §8.6) is not the one that was meant.
fn is_whole(pending: &Pending, reply: &Reply) -> Result<(), Reason> {
    let announced =
        reply.fields.get(b"content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
    let is_short =
        announced.is_some_and(|length| length != reply.body.len() as u64) && pending.ask.method != Method::Head;
    let is_cut = matches!(reply.completeness, Completeness::Cut | Completeness::Stopped);
    if is_short || is_cut { Err(Reason::Incomplete) } else { Ok(()) }
}

/// What stands for the content of a HEAD response: the fields that describe it. Without a validator nothing does.
fn metadata(fields: &Fields) -> Option<Digest> {
    let described: Vec<Option<&[u8]>> =
        [&b"etag"[..], b"last-modified", b"content-length"].map(|name| fields.get(name)).into();
    let has_validator = described.iter().take(2).any(Option::is_some);
    has_validator.then(|| {
        let lines: Fields = described.iter().map(|value| ("", value.unwrap_or_default())).collect();
        Digest::of(lines.packed())
    })
}
