//! A 200 whose header section says already that its content is the stored one: the rest of it need not be read.
//!
//! An origin that ignores conditions sends the whole page each time, yet names it. Whoever believes that name for a 304 can believe it here:
//!
//! > A "strong validator" is representation metadata that changes value whenever a change occurs to the representation data that would be
//! > observable in the content of a 200 (OK) response to GET. (RFC 9110 §8.8.1)
//!
//! So nothing weaker will do: not a weak tag, not a date. Origins do give one strong tag to several codings of a page, so Content-Encoding,
//! Content-Length and Last-Modified have to be the stored ones as well. And it must be a tag that the same request could have brought
//! along: one that another identity was given says nothing here. A tag that once stayed while the content changed is not believed again.

use crate::entry::StoredResponse;
use crate::exchange::Policy;
use crate::exchange::answer::Answer;
use crate::exchange::ladder::Whole;
use crate::exchange::learn::{self, Taught};
use crate::exchange::not_modified::{Lesson, confirmation};
use crate::exchange::outcome::Outcome;
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::settle::Reply;
use crate::fields::Fields;
use crate::identity::Secret;
use crate::key::Method;
use crate::rfc::cache_control::CacheControl;
use crate::rfc::etag::EntityTag;

/// Bytes that must be left to read, or more: to read fewer is cheaper than a connection that has to be made again.
const LEAST: u64 = 256 * 1024;

/// The fields that have to be the stored ones, line by line, or missing in both.
const SAME: [&[u8]; 4] = [b"etag", b"content-length", b"content-encoding", b"last-modified"];

/// What a stored response is recognised by when it comes again.
#[derive(Debug, Clone)]
pub struct Familiar {
    stored: Fields,
    length: u64,
}

impl Familiar {
    /// How to recognise the stored response that a request selects; `None` where its answer has to be read in any case.
    #[must_use]
    pub fn of(pending: &Pending, policy: &Policy) -> Option<Self> {
        // A content that is asked for whole to see whether its validators tell the truth is not taken on their word.
        let is_read_whole = pending.is_resend || matches!(pending.rung, Err(Whole::Due | Whole::Reconsidered));
        let is_ours = pending.treatment == Treatment::Ours && pending.ask.method == Method::Get;
        let stored = pending.stored().filter(|_| policy.stops_early && is_ours && !is_read_whole)?;
        Self::by(stored)
    }

    /// How to recognise this stored response; `None` where nothing about it is proof enough, or where it is small.
    #[must_use]
    pub fn by(stored: &StoredResponse) -> Option<Self> {
        let length = stored.body.length;
        let is_strong = stored.entity_tag().is_some_and(|tag| !tag.is_weak());
        let is_known = is_strong && !stored.learned.did_tag_lie && stored.status == 200 && length > LEAST;
        is_known.then(|| Self { stored: stored.fields.clone(), length })
    }

    /// Does this header section, of an answer whose framing announces `length` bytes, say that what follows is the stored body? Without a
    /// Content-Length it does not: nobody could see that again in what was stopped.
    #[must_use]
    pub fn is_announced_by(&self, status: u16, fields: &Fields, length: Option<u64>) -> bool {
        status == 200
            && length == Some(self.length)
            && fields.contains(b"content-length")
            && SAME.iter().all(|name| fields.get_all(name).eq(self.stored.get_all(name)))
            && is_same_tag(&self.stored, fields)
            // What may not be stored any more is read, and not replaced by what was.
            && !CacheControl::of(fields).no_store
    }

    /// Was it this that `reply` began to bring, and that was not read? Whoever stopped may not have seen all of its header section; what it
    /// announces is its Content-Length.
    fn is_begun_by(&self, reply: &Reply) -> bool {
        self.is_announced_by(reply.status, &reply.fields, Some(self.length))
    }

    /// Is there so much left, after so many bytes, that it is worth a connection?
    #[must_use]
    pub const fn is_worth_stopping(&self, received: u64) -> bool {
        self.length.saturating_sub(received) > LEAST
    }
}

fn is_same_tag(stored: &Fields, announced: &Fields) -> bool {
    let tag = |fields| Fields::get(fields, b"etag").and_then(EntityTag::new);
    let (Some(stored), Some(announced)) = (tag(stored), tag(announced)) else { return false };
    stored.strongly_equals(announced)
}

/// What a 200 comes to that was not read to its end: the stored response, freshened by it.
///
/// > if the stored response and HEAD response have matching values for any received validator fields (ETag and Last-Modified) and, if the
/// > HEAD response has a Content-Length header field, the value of Content-Length matches that of the stored response, the cache SHOULD
/// > update the stored response (RFC 9111 §4.3.5).
///
/// A 200 of which only the header section was read says as much as one to HEAD. `None` where the stored response is not what it announced.
pub(super) fn stopped(pending: &Pending, reply: &Reply, policy: &Policy, secret: &Secret) -> Option<Answer> {
    Familiar::of(pending, policy).filter(|familiar| familiar.is_begun_by(reply))?;
    let stored = pending.stored()?;
    let Taught { learned, reason, writes: told, .. } =
        learn::by_announcement(pending, stored, &reply.fields, policy, reply.response_time);
    let confirmation = confirmation(pending, stored, reply, Lesson { learned, told }, policy, secret);
    Some(Answer { outcome: Outcome::StoppedEarly, reason, ..confirmation })
}
