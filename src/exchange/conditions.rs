//! Which condition a request carries, and in which coding its answer is asked for.
//!
//! What is sent are the bytes that the origin gave: never `*`, never a date that it did not give, and never a date beside a tag unless
//! nothing else was honoured (some servers answer 200 to a tag that hits beside any date, some a wrong 304 to a date that hits beside a tag
//! that does not).

use std::borrow::Cow;

use crate::entry::learned::Rung;
use crate::entry::{Record, StoredResponse};
use crate::exchange::ladder::{self, Whole};
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::{Ask, Policy, interval};
use crate::fields::Fields;
use crate::rfc::etag::EntityTag;

/// What to ask with.
pub(super) struct Condition {
    /// The rung of the ladder that was taken, or why none was.
    pub(super) rung: Result<Rung, Whole>,
    /// The fields to set over the caller's.
    pub(super) fields: Fields,
}

/// The condition to send, and the coding to ask for.
pub(super) fn conditions(pending: &Pending, policy: &Policy, now: u64) -> Condition {
    let is_ours = pending.treatment == Treatment::Ours;
    let stored = pending.stored().filter(|_| is_ours);
    let rung = match stored {
        _ if pending.ask.wish.is_full => Err(Whole::Due),
        Some(stored) if interval::is_whole_due(stored, policy, now) => Err(Whole::Due),
        Some(stored) if pending.is_reconsidered(stored, now) => Err(Whole::Reconsidered),
        Some(stored) => ladder::rung(stored, &pending.ask.key.url, pending.lessons.as_deref(), now),
        None if is_ours && !pending.others.is_empty() => Ok(Rung::List),
        None => Err(Whole::NoValidator),
    };
    let mut lines: Vec<(&[u8], Cow<'_, [u8]>)> = Vec::with_capacity(3);
    if let Ok(rung) = rung {
        validators(pending, rung, &mut lines);
    }
    // The coding that the stored response was negotiated with: another one can have other validators. Without a validator, an identity is
    // not to be told by it from one that has nothing stored.
    let pinned = stored.filter(|_| rung.is_ok()).and_then(|stored| stored.accept_encoding.as_deref());
    let coding = coding(&pending.ask, policy).map(|default| pinned.unwrap_or(default));
    lines.extend(coding.map(|coding| (&b"Accept-Encoding"[..], Cow::Borrowed(coding))));
    Condition { rung, fields: lines.into_iter().collect() }
}

/// The field lines of a rung.
///
/// > When generating a conditional request for validation, a cache MUST send the relevant entity tags (using If-Match, If-None-Match, or
/// > If-Range) if the entity tags were provided in the stored response(s) being validated (RFC 9111 §4.3.1).
///
/// The same section says that it SHOULD send the Last-Modified value as well; see above why that comes last here.
fn validators<'a>(pending: &'a Pending, rung: Rung, lines: &mut Vec<(&'static [u8], Cow<'a, [u8]>)>) {
    const TAGS: &[u8] = b"If-None-Match";
    const DATE: &[u8] = b"If-Modified-Since";
    let stored = pending.stored();
    let tag = || stored.and_then(StoredResponse::entity_tag).map(|tag| (TAGS, Cow::Borrowed(tag.as_bytes())));
    let date = || stored.and_then(StoredResponse::last_modified).map(|date| (DATE, Cow::Borrowed(date)));
    match rung {
        // One line: two of them are an error to some servers.
        Rung::List => {
            let tags: Vec<&[u8]> =
                pending.offered().flat_map(StoredResponse::entity_tags).map(EntityTag::as_bytes).collect();
            lines.push((TAGS, Cow::Owned(tags.join(&b", "[..]))));
        }
        Rung::Tag => lines.extend(tag()),
        Rung::CutTag => {
            let cut = stored.and_then(|stored| ladder::cut_tag(stored, pending.lessons.as_deref()));
            lines.extend(cut.map(|cut| (TAGS, Cow::Owned(cut.to_bytes()))));
        }
        Rung::Date => lines.extend(date()),
        Rung::Both => lines.extend(tag().into_iter().chain(date())),
    }
}

/// > If no stored response matches, the cache cannot satisfy the presented request. Typically, the request is forwarded to the origin server,
/// > potentially with preconditions added to describe what responses the cache has already stored (RFC 9111 §4.1).
///
/// Which of them are asked about: all, where each has a tag and a content of its own, so that this origin's tags were seen to tell its
/// variants apart. Servers that give one tag to several codings or languages are many; theirs would bring a 304 that means another one.
pub(super) fn tellable(record: &Record) -> Vec<usize> {
    let variants = &record.variants;
    let are_apart = |one: &StoredResponse, other: &StoredResponse| {
        let is_in_both = one.entity_tags().any(|tag| other.entity_tags().any(|same| tag.weakly_equals(same)));
        let have_tags = one.entity_tag().is_some() && other.entity_tag().is_some();
        one.content != other.content && have_tags && !is_in_both
    };
    let mut pairs =
        variants.iter().enumerate().flat_map(|(at, one)| variants.iter().skip(at + 1).map(move |other| (one, other)));
    if variants.len() < 2 || !pairs.all(|(one, other)| are_apart(one, other)) {
        return Vec::new();
    }
    (0..variants.len()).collect()
}

/// The Accept-Encoding that is ours to choose: not where the caller did, and not for a part, which nobody could decode by itself.
pub(super) fn coding(ask: &Ask, policy: &Policy) -> Option<&'static [u8]> {
    policy.accept_encoding.filter(|_| !ask.fields.contains(b"accept-encoding") && !ask.fields.contains(b"range"))
}
