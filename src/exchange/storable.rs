//! May this response be stored, and what is its content? (RFC 9111 §3, as a private cache.)

use crate::digest::Digest;
use crate::entry::BodyRef;
use crate::exchange::Policy;
use crate::exchange::outcome::Reason;
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::settle::{Completeness, Reply};
use crate::fields::Fields;
use crate::key::Method;
use crate::rfc::cache_control::CacheControl;
use crate::rfc::coding;

/// What a response that may be stored holds.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// Its content, decoded.
    pub content: Digest,
    /// What that comes to, where somebody says what matters in it.
    pub fingerprint: Option<Digest>,
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
    // Only a 200 replaces what is stored: a 404 never replaces a good page, and a 206 is a part.
    if reply.status != 200 {
        let is_callers = pending.treatment == Treatment::Callers;
        return Err(if is_callers { Reason::CallersCondition } else { Reason::Status });
    }
    // > the no-store cache directive is not present in the response (RFC 9111 §3).
    if CacheControl::of(&reply.fields).no_store {
        return Err(Reason::NoStore);
    }
    if reply.body.len() as u64 > policy.max_body {
        return Err(Reason::TooLarge);
    }
    is_whole(pending, reply)?;
    if pending.ask.method == Method::Head {
        let content = metadata(&reply.fields).ok_or(Reason::NoValidator)?;
        return Ok(Judged { content, fingerprint: None, body: BodyRef::of(&[]) });
    }
    let codings = coding::codings(&reply.fields).map_err(|_| Reason::Undecodable)?;
    let content = coding::digest(&codings, &reply.body, policy.limits).map_err(|_| Reason::Undecodable)?;
    // > A response that has neither chunked transfer coding nor Content-Length is terminated by closure of the connection and, if the header
    // > section was received intact, is considered complete unless an error was indicated by the underlying connection (RFC 9112 §8).
    //
    // A connection that breaks on its way looks the same. So it is whole if its coding says so by its own end, or the same came before.
    let came_before = || pending.record.as_ref().is_some_and(|record| record.unconfirmed == Some(content));
    if reply.completeness == Completeness::Unknown && codings.is_empty() && !came_before() {
        return Err(Reason::CompletenessUnknown);
    }
    let is_content = codings.is_empty();
    let body = if is_content {
        BodyRef { digest: content, length: reply.body.len() as u64 }
    } else {
        BodyRef::of(&reply.body)
    };
    Ok(Judged { content, fingerprint: None, body })
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
