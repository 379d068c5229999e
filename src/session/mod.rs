//! The cache with a wire of its own: `plan`, send, `settle`, for each hop of a request.
//!
//! [`engine`] runs it on a thread of its own and hands answers back in batches.

pub mod behind;
pub mod completions;
pub mod departures;
pub mod engine;
pub mod flights;
pub mod questions;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::cache::{Cache, Effort, Planned, Sending, Settled};
use crate::error::{Error, Kind, Result};
use crate::exchange::Freshness;
use crate::exchange::early::Familiar;
use crate::exchange::outcome::Reason;
use crate::exchange::plan::Pending;
use crate::exchange::settle::{Completeness, Reply};
use crate::exchange::sharing::unseen_under;
use crate::exchange::verdict::{Page, Verdict};
use crate::key::Method;
use crate::redirect;
use crate::request::Request;
use crate::response::Response;
use crate::selection::Selection;
use crate::session::behind::{Backlog, Behind};
use crate::session::questions::Questions;
use crate::wire::{Delimited, Incoming, Outgoing, Wire};

/// A cache and a wire.
#[derive(Debug)]
pub struct Session {
    /// The heart.
    pub cache: Arc<Cache>,
    wire: Wire,
    max_redirects: usize,
    /// Places for large pages that are being read.
    reading: Semaphore,
    backlog: Backlog,
}

/// Large pages that are read at once: the caller's own code wants the machine as well.
const MOST_READ_AT_ONCE: usize = 2;

impl Session {
    /// A session that sends over `wire` what `cache` plans, and follows at most `max_redirects`.
    #[must_use]
    pub fn new(cache: Arc<Cache>, wire: Wire, max_redirects: usize) -> Self {
        let reading = Semaphore::const_new(MOST_READ_AT_ONCE);
        Self { cache, wire, max_redirects, reading, backlog: Backlog::default() }
    }

    /// Forgets what the wire has of the exits that are meant, if exits are: cookies and connections. What is stored, [`Cache::forget`] forgets.
    pub fn forget(&self, selection: &Selection) {
        if let Selection::Exits(exits) = selection {
            self.wire.forget(exits);
        }
    }

    /// The response to `request`, after redirects. `timeout` bounds each hop, from the moment it has its place on the wire. What the caller
    /// is to judge is put to `questions`; where there are none, nobody is asked. What was served stale is left in `behind`, to be validated.
    ///
    /// # Errors
    /// What the wire says; [`Kind::TooManyRedirects`]; [`Kind::UnexpectedNotModified`]; [`Kind::Store`] where the cache is strict.
    pub async fn fetch(
        &self,
        request: &Request,
        timeout: Duration,
        questions: Option<&Questions>,
        behind: &mut Vec<Behind>,
    ) -> Result<Response> {
        let mut response = self.exchange(request, timeout, questions, behind).await?;
        let mut next = redirect::next(request, response.status, &response.fields).filter(|_| self.max_redirects > 0);
        let mut followed = 0;
        while let Some(hop) = next {
            if followed == self.max_redirects {
                let message =
                    format!("{followed} redirects from {}; raise max_redirects= if that is right", request.url);
                return Err(Error::new(Kind::TooManyRedirects, message));
            }
            followed += 1;
            response = self.exchange(&hop, timeout, questions, behind).await?;
            next = redirect::next(&hop, response.status, &response.fields);
        }
        Ok(response)
    }

    /// One hop. A second attempt follows a 304 that cannot be used; there is no third.
    async fn exchange(
        &self,
        request: &Request,
        timeout: Duration,
        questions: Option<&Questions>,
        behind: &mut Vec<Behind>,
    ) -> Result<Response> {
        let mut ask = self.cache.ask(request)?;
        // Who is never known again has no jar.
        let has_jar = request.jar.is_some() && !ask.is_fleeting;
        if let Some(cookies) = has_jar.then(|| self.wire.cookies(ask.identity, &request.url)).flatten() {
            // Whoever decides has to see them: a response can vary by Cookie. The jar stays the client.
            ask.fields = ask.fields.with(b"Cookie", &cookies);
        }
        let key = unseen_under(&ask).hash;
        let mut response = match self.cache.plan(ask).await? {
            Planned::Serve(response, stale) => {
                behind.extend(stale.map(|sending| Behind { request: request.clone(), sending }));
                *response
            }
            Planned::Send(sending) => self.conclude(request, sending, timeout, questions).await?,
        };
        let policy = self.cache.policy();
        let may_be_news = policy.freshness == Freshness::Rfc9111 && policy.consumer.is_none();
        response.is_changed |= may_be_news && self.backlog.take(key);
        Ok(response)
    }

    /// Validates what was served stale. What comes of it is for the store, and for the next who asks.
    pub async fn validate(&self, behind: Behind, timeout: Duration, questions: Option<&Questions>) {
        let Some(under_way) = self.backlog.begin(behind.key()) else { return };
        let Behind { request, mut sending } = behind;
        sending.pending.is_behind = true;
        // Who asks next and gets no answer either will hear of it.
        let answered = self.conclude(&request, sending, timeout, questions).await;
        if answered.is_ok_and(|response| response.is_stored() && response.is_changed) {
            under_way.changed();
        }
    }

    /// Sends, as often as it takes.
    async fn conclude(
        &self,
        request: &Request,
        mut sending: Box<Sending>,
        timeout: Duration,
        questions: Option<&Questions>,
    ) -> Result<Response> {
        let mut effort = Effort::default();
        loop {
            let incoming = match self.send(request, &sending.pending, timeout).await {
                Ok(incoming) => incoming,
                Err(error) if error.kind().is_no_answer() => {
                    return self.cache.stand_in(&sending, effort).await?.map(|response| *response).ok_or(error);
                }
                Err(error) => return Err(error),
            };
            effort.wire_bytes += incoming.wire_bytes;
            effort.elapsed += incoming.elapsed;
            let mut settled = self.cache.settle(sending, reply(incoming), effort).await?;
            sending = loop {
                match settled {
                    Settled::Response(response) => return usable(request, *response),
                    Settled::Resend(again, _) => break again,
                    Settled::Undecided(undecided) => {
                        let verdict = self.judge(undecided.page(), questions).await?;
                        settled = self.cache.conclude(undecided, verdict).await?;
                    }
                }
            };
        }
    }

    /// What is said of a page that could be stored: by us, on another thread where it would keep other flights waiting, and by the caller.
    async fn judge(&self, page: Page, questions: Option<&Questions>) -> Result<Verdict> {
        let policy = self.cache.policy();
        let (ours, question) = if page.is_large() {
            let policy = policy.clone();
            // Never closed, so that there always is a place.
            let _place = self.reading.acquire().await;
            match tokio::task::spawn_blocking(move || page.examine(&policy)).await {
                Ok(examined) => examined,
                Err(failure) => match failure.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => return Err(questions::unanswered()),
                },
            }
        } else {
            page.examine(policy)
        };
        let (Some(question), Some(questions)) = (question, questions) else { return Ok(ours) };
        Ok(ours.and(questions.ask(question).await?))
    }

    /// Sends, and sends once more where a connection ended before an answer came: servers close connections that are kept alive at a moment
    /// of their own choice, which can be that of the next request. The second time goes over a new connection, for the others that are kept
    /// may be closing as well.
    async fn send(&self, request: &Request, pending: &Pending, timeout: Duration) -> Result<Incoming> {
        let outgoing = |is_afresh| Outgoing {
            method: request.method.clone(),
            url: request.url.clone(),
            fields: pending.fields(),
            content: request.content.clone(),
            partition: pending.ask.identity,
            proxy: request.proxy.clone(),
            is_afresh,
            is_fleeting: pending.ask.is_fleeting,
            timeout,
            familiar: Familiar::of(pending, self.cache.policy()),
        };
        let mut answer = self.wire.send(outgoing(false)).await;
        if answer.as_ref().is_err_and(|error| error.kind() == Kind::Disconnected) && is_repeatable(request) {
            self.cache.fail();
            answer = self.wire.send(outgoing(true)).await;
        }
        answer.inspect_err(|_| self.cache.fail())
    }
}

/// > When an inbound connection is closed prematurely, a client MAY open a new connection and automatically retransmit an aborted sequence
/// > of requests if all of those requests have idempotent methods. […] A client SHOULD NOT automatically retry a failed automatic retry
/// > (RFC 9112 §9.3.1).
fn is_repeatable(request: &Request) -> bool {
    matches!(Method::of(&request.method), Method::Get | Method::Head | Method::OtherSafe)
}

fn reply(incoming: Incoming) -> Reply {
    let completeness = match incoming.delimited {
        Delimited::ByClose => Completeness::Unknown,
        Delimited::Stopped => Completeness::Stopped,
        Delimited::ByLength | Delimited::Chunked | Delimited::Stream | Delimited::None => Completeness::Whole,
    };
    Reply {
        status: incoming.status,
        fields: incoming.fields,
        body: incoming.body,
        undone: None,
        completeness,
        wire_bytes: incoming.wire_bytes,
        request_time: incoming.request_time,
        response_time: incoming.response_time,
    }
}

/// What the exchange could make nothing of is never handed to a parser.
fn usable(request: &Request, response: Response) -> Result<Response> {
    if response.reason.is_some_and(Reason::is_unusable) {
        let message = format!("{} answered 304 to a request without a condition, twice", request.url);
        return Err(Error::new(Kind::UnexpectedNotModified, message));
    }
    Ok(response)
}
