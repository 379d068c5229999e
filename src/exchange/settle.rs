//! What an answer means: the stored response, confirmed; new content, stored; or a request to ask once more.

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::change::Acknowledgement;
use crate::exchange::answer::Answer;
use crate::exchange::callers::of_their_304;
use crate::exchange::not_modified::{confirmed, not_modified};
use crate::exchange::outcome::{Handling, Reason};
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::received::{passed, stored};
use crate::exchange::verdict::{Unjudged, is_judged};
use crate::exchange::{Policy, early, interval, stand_in, storable};
use crate::fields::Fields;
use crate::identity::Secret;
use crate::rfc::vary::Selecting;

/// What came back over the wire.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status code.
    pub status: u16,
    /// Its field section.
    pub fields: Fields,
    /// Its body, not decoded.
    pub body: Bytes,
    /// The Content-Encoding that somebody has undone already.
    pub undone: Option<Bytes>,
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
        let undone = self.fields.get(b"content-encoding").map(Bytes::copy_from_slice);
        Self { fields: self.fields.filtered(|name, _| !describes_wire(name)), undone, ..self }
    }

    /// The coding in which the origin sent it.
    #[must_use]
    pub fn coding(&self) -> Option<Bytes> {
        let coding = self.fields.get(b"content-encoding").filter(|coding| !coding.is_empty());
        coding.map(Bytes::copy_from_slice).or_else(|| self.undone.clone())
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
    /// No: we stopped reading, for the header section said enough (see [`early`]).
    Stopped,
}

/// What to do about an answer.
#[derive(Debug)]
pub enum Settlement {
    /// Hand this out.
    Answer(Box<Answer>),
    /// Ask what is to be made of this, and [`conclude`](crate::exchange::verdict::conclude).
    Judge(Box<Unjudged>),
    /// Ask once more, with [`Pending::after`] these: the 304 cannot be used, and named this tag; or what was not read to its end is not
    /// what is stored.
    Resend(Reason, Option<Bytes>),
}

/// Says what `reply` means for the request that is `pending`.
#[must_use]
pub fn settle(pending: &Pending, reply: Reply, policy: &Policy, secret: &Secret) -> Settlement {
    let pause = interval::pause(pending, &reply, policy);
    let mut settlement = understood(pending, reply, policy, secret);
    if let Settlement::Answer(answer) = &mut settlement {
        answer.writes.extend(pause);
    }
    settlement
}

fn understood(pending: &Pending, reply: Reply, policy: &Policy, secret: &Secret) -> Settlement {
    if reply.status == 304 && !pending.is_callers_to_judge() {
        return match confirmed(pending, &reply) {
            Ok(stored) => Settlement::Answer(Box::new(not_modified(pending, stored, &reply, policy, secret))),
            Err(reason) if !pending.is_resend => {
                Settlement::Resend(reason, reply.fields.get(b"etag").map(Bytes::copy_from_slice))
            }
            Err(reason) => Settlement::Answer(Box::new(passed(pending, reply, reason, policy))),
        };
    }
    // Only what we asked for ourselves can be the stored page again, and is asked for once more: a POST never is.
    if reply.completeness == Completeness::Stopped && pending.treatment == Treatment::Ours {
        return match early::stopped(pending, &reply, policy, secret) {
            Some(answer) => Settlement::Answer(Box::new(answer)),
            None if !pending.is_resend => Settlement::Resend(Reason::Incomplete, None),
            None => Settlement::Answer(Box::new(passed(pending, reply, Reason::Incomplete, policy))),
        };
    }
    if let Some(answer) = stand_in::for_failure(pending, &reply, policy) {
        return Settlement::Answer(Box::new(answer));
    }
    match storable::judge(pending, &reply, policy) {
        Ok(judged) if is_judged(pending, policy) => Settlement::Judge(Box::new(Unjudged::new(reply, judged))),
        Ok(judged) => Settlement::Answer(Box::new(stored(pending, reply, judged, policy, secret))),
        Err(reason) => {
            let freshening = of_their_304(pending, &reply, policy, secret);
            let mut answer = passed(pending, reply, reason, policy);
            answer.writes.extend(freshening);
            Settlement::Answer(Box::new(answer))
        }
    }
}

pub(super) fn forwarded(pending: &Pending, reply: &Reply, is_stored: bool) -> Handling {
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
