//! What to do about a request: which stored response it selects, whether that is served as it is, and what else is sent.

use std::sync::Arc;

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::change::{Acknowledgement, Change};
use crate::entry::learned::{Lessons, Rung};
use crate::entry::{Consumer, Record, StoredResponse};
use crate::exchange::answer::{Answer, Write};
use crate::exchange::callers::answered;
use crate::exchange::conditions::{Condition, conditions, tellable};
use crate::exchange::interval::{Moment, held};
use crate::exchange::ladder::Whole;
use crate::exchange::outcome::{Forward, Reason};
use crate::exchange::serve::{fresh, unsatisfied, while_revalidating};
use crate::exchange::sharing::{Common, Known};
use crate::exchange::view::{View, view};
use crate::exchange::{Ask, Policy};
use crate::fields::Fields;
use crate::identity::Secret;
use crate::key::Method;
use crate::rfc::cache_control::CacheControl;
use crate::rfc::vary::{self, Selecting};

/// What to do about a request.
#[derive(Debug)]
pub enum Plan {
    /// Answer at once; nothing is sent, unless the stored body turns out to be gone.
    Serve(Box<Answer>, Box<Pending>),
    /// Send [`Pending::fields`], and settle what comes back.
    Send(Box<Pending>),
}

/// A request under way: what `settle` needs to understand its answer.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The request.
    pub ask: Ask,
    /// How it is treated.
    pub treatment: Treatment,
    /// The fields that we set, over the caller's.
    pub conditions: Fields,
    /// By which rung of the ladder they ask, or why they do not.
    pub rung: Result<Rung, Whole>,
    /// What is stored that it may use.
    pub record: Option<Record>,
    /// What exits have in common, where they do.
    pub common: Option<Common>,
    /// What its identity received too long ago to be known by it.
    outlived: Vec<(Selecting, Digest)>,
    /// Which of the stored responses the request selects.
    pub candidate: Option<usize>,
    /// Stored responses that it does not select and that are asked about as well: one of them may be what it would get.
    pub others: Vec<usize>,
    /// What its origin taught.
    pub lessons: Option<Arc<Lessons>>,
    /// When this was planned.
    pub planned: Moment,
    /// Is this the second, unconditional attempt?
    pub is_resend: bool,
    /// Is it sent behind the caller's back, so that nobody sees its answer?
    pub is_behind: bool,
    /// By which rung the first asked, and the tag that its 304 named, where that was not believed.
    pub doubted: Option<(Rung, Option<Bytes>)>,
}

/// Whose business the answer to a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Ours: made conditional, its answer stored.
    Ours,
    /// The caller's, because of its own conditions; a complete 200 is stored all the same.
    Callers,
    /// Neither made conditional nor stored.
    Passed(Reason),
    /// Not safe: what it changes is invalidated.
    Unsafe,
}

/// The five conditions of RFC 9110 §13.1, and Range: with one of them the caller speaks to the origin itself.
const CALLERS: [&[u8]; 6] =
    [b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since", b"if-range", b"range"];

/// Says what to send for `ask`, given what is stored for it and what its origin taught, at `now`.
#[must_use]
pub fn plan(
    ask: Ask,
    known: impl Into<Known>,
    lessons: Option<Arc<Lessons>>,
    policy: &Policy,
    secret: &Secret,
    now: impl Into<Moment>,
) -> Plan {
    let planned = now.into();
    let now = planned.seconds;
    let treatment = treatment(&ask);
    let View { record, common, outlived } = view(&ask, known.into(), policy, now);
    let candidate = record.as_ref().and_then(|record| candidate(record, &ask.fields, secret));
    let others = record.as_ref().filter(|_| candidate.is_none()).map(tellable).unwrap_or_default();
    let mut pending = Pending {
        ask,
        treatment,
        conditions: Fields::new(),
        rung: Err(Whole::NoValidator),
        record,
        common,
        outlived,
        candidate,
        others,
        lessons,
        planned,
        is_resend: false,
        is_behind: false,
        doubted: None,
    };
    let whole = fresh(&pending, policy, now)
        .or_else(|| held(&pending, policy))
        .or_else(|| while_revalidating(&pending, policy, now));
    let served = whole.map(|whole| answered(&pending, whole)).or_else(|| unsatisfied(&pending));
    pending.candidate = pending.page().or(pending.candidate);
    let Condition { rung, fields } = conditions(&pending, policy, now);
    (pending.rung, pending.conditions) = (rung, fields);
    match served {
        Some(answer) => Plan::Serve(Box::new(answer), Box::new(pending)),
        None => Plan::Send(Box::new(pending)),
    }
}

impl Pending {
    /// The stored response that the request selects.
    #[must_use]
    pub fn stored(&self) -> Option<&StoredResponse> {
        self.record.as_ref()?.variants.get(self.candidate?)
    }

    /// The stored responses that a 304 can mean.
    pub fn offered(&self) -> impl Iterator<Item = &StoredResponse> {
        let others = self.others.iter().filter_map(|index| self.record.as_ref()?.variants.get(*index));
        self.stored().into_iter().chain(others)
    }

    /// The page beside the selected response, where that came instead of it: what is asked about, once it is to be asked.
    fn page(&self) -> Option<usize> {
        let selected = self.stored().filter(|stored| !stored.is_page())?;
        let variants = &self.record.as_ref()?.variants;
        variants.iter().position(|one| one.is_page() && one.selecting == selected.selecting)
    }

    /// The whole field section to send: the caller's, and ours set over it.
    #[must_use]
    pub fn fields(&self) -> Fields {
        self.ask.fields.extended(&self.conditions)
    }

    /// The same request once more, without a condition.
    #[must_use]
    pub fn unconditional(self) -> Self {
        let ours = |name: &[u8]| name.eq_ignore_ascii_case(b"accept-encoding");
        let conditions = self.conditions.filtered(|name, _| ours(name));
        Self { conditions, rung: Err(Whole::Due), is_resend: true, ..self }
    }

    /// The same request once more, because of a 304 that was not believed, and the tag that it named.
    #[must_use]
    pub fn after(self, reason: Reason, named: Option<Bytes>) -> Self {
        let doubted = self.rung.ok().filter(|_| reason == Reason::Mismatched304).map(|rung| (rung, named));
        Self { doubted, ..self.unconditional() }
    }

    /// Can a 304 be what the caller asked for? Only with a condition of its own that a 304 answers (RFC 9110 §13.1), or with a method for
    /// which it means nothing.
    #[must_use]
    pub fn is_callers_to_judge(&self) -> bool {
        let answered_by_304: [&[u8]; 2] = [b"if-none-match", b"if-modified-since"];
        match self.ask.method {
            Method::Get | Method::Head => answered_by_304.iter().any(|name| self.ask.fields.contains(name)),
            Method::OtherSafe | Method::Other => true,
        }
    }

    /// What notes that the record was of use at `now`, where nothing else is written; seldom.
    #[must_use]
    pub fn note_of_use(&self, policy: &Policy, now: u64) -> Option<Write> {
        let is_shared = self.stored().is_some_and(|stored| stored.is_shared);
        let (key, last_used) = match &self.common {
            Some(common) if is_shared => (&common.key, common.last_used),
            _ => (&self.ask.key, self.record.as_ref()?.last_used),
        };
        let is_worth_it = policy.is_use_worth_a_write(last_used, now);
        is_worth_it.then(|| Write { key: key.clone(), change: Change::Use(now) })
    }

    /// Why the origin is asked, in RFC 9211's words.
    #[must_use]
    pub fn forward(&self) -> Forward {
        match (self.treatment, &self.record) {
            (Treatment::Unsafe | Treatment::Passed(Reason::Method), _) => Forward::Method,
            (Treatment::Callers | Treatment::Passed(_), _) => Forward::Bypass,
            (Treatment::Ours, Some(record)) if self.candidate.is_none() && !record.variants.is_empty() => {
                Forward::VaryMiss
            }
            (Treatment::Ours, _) if self.candidate.is_some() => Forward::Stale,
            (Treatment::Ours, _) => Forward::UriMiss,
        }
    }

    /// Is this content known already: to the consumer, or without a consumer to the store?
    #[must_use]
    pub fn knows(&self, response: &StoredResponse, policy: &Policy) -> bool {
        match policy.consumer {
            Some(_) => self.known(response.selecting, policy).is_some_and(|mark| response.is_marked(mark)),
            None => self.is_what_came_last(response),
        }
    }

    /// To this identity, or to another that may share it: the caller has seen it.
    fn is_what_came_last(&self, response: &StoredResponse) -> bool {
        let common = self.common.as_ref().filter(|_| !self.ask.is_named);
        let latest = common.and_then(|common| common.corroboration.latest);
        let is_latest = latest.is_some_and(|one| one.selecting == response.selecting && response.is_marked(one.mark));
        let is_outlived =
            |(selecting, mark): &(Selecting, Digest)| *selecting == response.selecting && response.is_marked(*mark);
        is_latest
            || self.outlived.iter().any(is_outlived)
            || self.handed_over(response.selecting).is_some_and(|mark| response.is_marked(mark))
            || self.is_by_what_is_stored(response.selecting)
                && self.stored().is_some_and(|stored| stored.is_same(response.content, response.fingerprint))
    }

    /// Is what is stored what the caller has seen? Whoever asks in a name has not seen what others received.
    fn is_by_what_is_stored(&self, selecting: Selecting) -> bool {
        let is_others = self.ask.is_named && self.stored().is_some_and(|stored| stored.is_shared);
        !is_others && self.handed_over(selecting).is_none()
    }

    /// What whoever asks in a name was handed last, where others received some of it.
    fn handed_over(&self, selecting: Selecting) -> Option<Digest> {
        self.common.as_ref().filter(|_| self.ask.is_named)?;
        self.record.as_ref()?.acknowledged_by(Consumer::UNNAMED, selecting)
    }

    /// What notes that `response` is handed to whoever asks in a name: of what others received, nothing else would tell.
    pub(super) fn note_of_handing_over(&self, response: &StoredResponse, policy: &Policy, at: u64) -> Option<Write> {
        let is_told_so = self.common.is_some() && self.ask.is_named && policy.consumer.is_none();
        let before = self.handed_over(response.selecting).filter(|_| is_told_so);
        let is_news = is_told_so && before != Some(response.mark()) && (response.is_shared || before.is_some());
        let (selecting, content) = (response.selecting, response.mark());
        let seen = || Acknowledgement { consumer: Consumer::UNNAMED, selecting, content, at };
        is_news.then(|| Write { key: self.ask.key.clone(), change: Change::Acknowledge(seen()) })
    }

    /// The content that `changed` compares with: what the consumer acknowledged last, or without a consumer what is stored.
    #[must_use]
    pub fn known(&self, selecting: Selecting, policy: &Policy) -> Option<Digest> {
        if let Some(consumer) = policy.consumer {
            return self.record.as_ref()?.acknowledged_by(consumer, selecting);
        }
        let stored = self.stored().filter(|_| self.is_by_what_is_stored(selecting));
        self.handed_over(selecting).or_else(|| stored.map(StoredResponse::mark))
    }
}

fn treatment(ask: &Ask) -> Treatment {
    match ask.method {
        Method::Other => Treatment::Unsafe,
        Method::OtherSafe => Treatment::Passed(Reason::Method),
        Method::Get | Method::Head if ask.has_content => Treatment::Passed(Reason::RequestContent),
        // > The no-store request directive indicates that a cache MUST NOT store any part of either this request or any response to it
        // > (RFC 9111 §5.2.1.5).
        Method::Get | Method::Head if CacheControl::of(&ask.fields).no_store => Treatment::Passed(Reason::NoStore),
        Method::Get | Method::Head if CALLERS.iter().any(|name| ask.fields.contains(name)) => Treatment::Callers,
        Method::Get | Method::Head => Treatment::Ours,
    }
}

/// > If multiple stored responses match, the cache will need to choose one to use. […] the most recent response […] is chosen
/// > (RFC 9111 §4.1).
///
/// A stored response with `Vary: *` matches no request, but its entity tag can still be asked about.
fn candidate(record: &Record, request: &Fields, secret: &Secret) -> Option<usize> {
    let selects = |stored: &StoredResponse| vary::selecting(&stored.fields, request, &secret.0) == stored.selecting;
    let matching = record.variants.iter().enumerate().filter(|(_, stored)| selects(stored));
    matching.max_by_key(|(_, stored)| stored.response_time).map(|(index, _)| index)
}
