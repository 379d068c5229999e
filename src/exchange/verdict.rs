//! What the caller says of content before it is stored: whether it is a page to keep at all, and what it comes to.
//!
//! ```text
//! Reply ─▶ settle ─▶ Judge(Unjudged) ─▶ whoever may be asked ─▶ Verdict
//!                         Unjudged + Verdict ─▶ conclude ─▶ Answer
//! ```
//!
//! # Scope
//! Asked is only about what would be stored otherwise, and only where the policy says that somebody is to be asked. Who is asked, and on
//! which thread, is the driver's business; here nothing waits.

use std::sync::Arc;

use bytes::Bytes;

use crate::digest::Digest;
use crate::exchange::answer::Answer;
use crate::exchange::outcome::Reason;
use crate::exchange::plan::Pending;
use crate::exchange::received::{passed, stored};
use crate::exchange::settle::Reply;
use crate::exchange::storable::Judged;
use crate::exchange::{Fingerprinting, Policy, interval};
use crate::fields::Fields;
use crate::fingerprint;
use crate::identity::Secret;
use crate::key::Method;
use crate::rfc::coding::{self, CodingError, Limits};

/// Bytes of a body on the wire from which on it is work: some milliseconds of it.
const LARGE: usize = 64 * 1024;

/// What is said of a response that could be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Is it a page to keep? What is not, a captcha or a ban, replaces nothing.
    pub is_storable: bool,
    /// What its content comes to, where that can be said.
    pub fingerprint: Option<Digest>,
}

impl Verdict {
    /// That of nobody.
    pub const NONE: Self = Self { is_storable: true, fingerprint: None };

    /// This, and what another has to add.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { is_storable: self.is_storable && other.is_storable, fingerprint: self.fingerprint.or(other.fingerprint) }
    }

    /// That of whoever does not know the page.
    pub const NOT_STORABLE: Self = Self { is_storable: false, fingerprint: None };
}

/// A response that could be stored.
#[derive(Debug)]
pub struct Unjudged {
    reply: Reply,
    judged: Judged,
}

/// A question for the caller's own code.
#[derive(Debug, Clone)]
pub struct Question {
    /// What was asked for.
    pub url: Arc<str>,
    /// The status code.
    pub status: u16,
    /// The field section.
    pub fields: Fields,
    /// The content, decoded where its coding is known.
    pub content: Bytes,
    /// Is its fingerprint of any use?
    pub is_compared: bool,
}

impl Policy {
    /// Has anybody a say in what is stored?
    #[must_use]
    pub const fn asks(&self) -> bool {
        self.asks_storable || !matches!(self.fingerprint, Fingerprinting::None)
    }

    /// Is it the caller's own code that has?
    #[must_use]
    pub const fn asks_caller(&self) -> bool {
        self.asks_storable || matches!(self.fingerprint, Fingerprinting::Callers)
    }
}

impl Unjudged {
    pub(super) const fn new(reply: Reply, judged: Judged) -> Self {
        Self { reply, judged }
    }

    /// The page that it brought to `pending`, for whoever judges it; nothing is copied.
    #[must_use]
    pub fn page(&self, pending: &Pending) -> Page {
        let Reply { status, fields, body, .. } = &self.reply;
        Page { url: Arc::clone(&pending.ask.url), status: *status, fields: fields.clone(), body: body.clone() }
    }
}

/// A response on its way to who judges it.
#[derive(Debug, Clone)]
pub struct Page {
    url: Arc<str>,
    status: u16,
    fields: Fields,
    body: Bytes,
}

impl Page {
    /// Is it enough work to keep others waiting?
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.body.len() > LARGE
    }

    /// What our own code says of it, and what is to be asked of the caller's. All of the work is here; a large page takes its time.
    #[must_use]
    pub fn examine(&self, policy: &Policy) -> (Verdict, Option<Question>) {
        // It was decoded once already, for its digest, and can be again.
        let Ok((content, is_decoded)) = self.content(policy.limits) else { return (Verdict::NONE, None) };
        let is_read = policy.fingerprint == Fingerprinting::Html && self.is_html() && is_decoded;
        let fingerprint = is_read.then(|| fingerprint::html(&content)).flatten();
        let (url, status, fields) = (self.url.clone(), self.status, self.fields.clone());
        let is_compared = is_compared(status);
        let question = || Question { url, status, fields, content, is_compared };
        (Verdict { is_storable: true, fingerprint }, policy.asks_caller().then(question))
    }

    /// What is not declared as HTML is not read as HTML: `<script>` in a text is text.
    fn is_html(&self) -> bool {
        let declared = self.fields.get(b"content-type").unwrap_or_default();
        let essence = declared.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        [&b"text/html"[..], b"application/xhtml+xml"].iter().any(|one| one.eq_ignore_ascii_case(essence))
    }

    /// The content, and whether it is decoded: what is coded as only others know is content as it stands.
    fn content(&self, limits: Limits) -> Result<(Bytes, bool), CodingError> {
        match coding::codings(&self.fields) {
            Ok(codings) if codings.is_empty() => Ok((self.body.clone(), true)),
            Ok(codings) => Ok((coding::decode(&codings, &self.body, limits)?.into(), true)),
            Err(CodingError::Unknown(_)) => Ok((self.body.clone(), false)),
            Err(error) => Err(error),
        }
    }
}

/// Is a response compared by what its content comes to? A redirect or an error is by all that it is: its text is not what it says.
const fn is_compared(status: u16) -> bool {
    status == 200
}

/// Is somebody to be asked about the answer? That to a HEAD has no content to judge.
pub(super) fn is_judged(pending: &Pending, policy: &Policy) -> bool {
    policy.asks() && pending.ask.method == Method::Get
}

/// What `unjudged` means for the request that is `pending`, now that there is a verdict.
#[must_use]
pub fn conclude(pending: &Pending, unjudged: Unjudged, verdict: Verdict, policy: &Policy, secret: &Secret) -> Answer {
    let Unjudged { reply, judged } = unjudged;
    if !verdict.is_storable {
        // Nor does it end a wait that the origin asked for.
        return passed(pending, reply, Reason::NotStorable, policy);
    }
    let pause = interval::pause(pending, &reply, policy);
    let fingerprint = verdict.fingerprint.filter(|_| is_compared(reply.status));
    let mut answer = stored(pending, reply, Judged { fingerprint, ..judged }, policy, secret);
    answer.writes.extend(pause);
    answer
}
