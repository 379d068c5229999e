//! The wire: sends one request and reads the whole answer. The only module that names reqwest.
//!
//! # Flow
//! [`Wire::send`]: check the request, wait for a place, take the client of the exit, send, read the body under its limit.
//!
//! # Scope
//! - Bodies stay as they came: nothing is decoded, and no field line is dropped or joined.
//! - Redirects are answers like any other; whoever asked decides.
//! - Connections, TLS sessions and cookies belong to one partition and one proxy, credentials included, and are never shared.
//! - A wait has a timeout here (connecting, silence) or around here (the session's total timeout; dropping the future ends everything).
//! - No error text shows a credential.

mod body;
mod clients;
mod connections;
mod exit;
mod failure;
mod jar;
mod names;
mod options;
mod pace;
mod request;
mod resets;
mod tls;
mod unverified;

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Response, StatusCode, Version};
use url::Url;

pub use self::body::Delimited;
pub use self::exit::check_proxy;
pub use self::options::Options;
pub use self::request::{check_fields, check_method};

use self::body::Read;
use self::clients::Clients;
use self::exit::Exit;
use self::failure::Attempt;
use self::pace::{Pace, Place};
use crate::clock::{self, Stopwatch};
use crate::error::Result;
use crate::exchange::early::Familiar;
use crate::fields::Fields;
use crate::identity::{self, Partition, Proxy};

/// A request, ready to go.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The method, as it goes on the wire.
    pub method: String,
    /// The target: `http` or `https`, without userinfo.
    pub url: Url,
    /// The complete header section, but for what frames the message, Host and `Accept: */*`, which are added where missing.
    pub fields: Fields,
    /// Content to send.
    pub content: Option<Bytes>,
    /// For whom it goes.
    pub partition: Partition,
    /// By which proxy it goes.
    pub proxy: Option<Proxy>,
    /// On a connection of its own, instead of one that was kept alive and may be closing.
    pub is_afresh: bool,
    /// By an exit that no other request leaves by: nothing is kept of it, neither a connection nor a TLS session nor a cookie, and nothing
    /// that was kept before is used.
    pub is_fleeting: bool,
    /// How long it may take from the moment it has its place to the end of the body.
    pub timeout: Duration,
    /// What its answer may turn out to be a repetition of; that is then not read to its end.
    pub familiar: Option<Familiar>,
}

/// An answer, whole unless it was stopped.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The status code.
    pub status: u16,
    /// Every line, with every byte of its value. Names are in lower case, lines of one name stand together.
    pub fields: Fields,
    /// The body, coded as Content-Encoding says.
    pub body: Bytes,
    /// How we know that the body is whole, or else that it need not be.
    pub delimited: Delimited,
    /// Bytes of header section and body as transferred, in HTTP/1.1's notation and without the framing of chunks.
    pub wire_bytes: u64,
    /// From sending the request to the end of the body.
    pub elapsed: Duration,
    /// When the request was sent, after all waiting for a place.
    pub request_time: u64,
    /// When the header section had come.
    pub response_time: u64,
}

/// Sends requests.
#[derive(Debug)]
pub struct Wire {
    options: Options,
    clients: Clients,
    pace: Pace,
}

impl Wire {
    /// A wire with these options. Nothing is opened yet, and no trust store but `ca_file` is read.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::error::Kind::InvalidRequest) for an option that cannot be meant and a `ca_file` that is none.
    pub fn new(options: Options) -> Result<Self> {
        options.check()?;
        Ok(Self { clients: Clients::new(options.clone())?, pace: Pace::new(&options), options })
    }

    /// The value of Cookie that a partition's jar has for `url`; `None` without jars. Whoever sends adds it: what a request goes out with is
    /// what was decided upon, and no cookie that came meanwhile.
    #[must_use]
    pub fn cookies(&self, partition: Partition, url: &Url) -> Option<Vec<u8>> {
        Some(self.clients.cookies(partition, url)?.as_bytes().to_vec())
    }

    /// Forgets the cookies of these exits, and closes their connections; those in use when they are free. No answer that is on its way brings a
    /// cookie back.
    pub fn forget(&self, exits: &HashSet<identity::Exit>) {
        self.clients.forget(exits);
    }

    /// Sends a request and reads its answer to the end. Belongs into a tokio runtime with time and I/O; to cancel it, drop it.
    ///
    /// # Errors
    /// By kind: `InvalidRequest`, `Connect`, `Proxy`, `Tls`, `ConnectTimeout`, `ReadTimeout`, `TotalTimeout`, `Protocol`,
    /// `Disconnected`, `IncompleteBody`, `BodyTooLarge`.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Incoming> {
        let Outgoing { method, url, fields, content, partition, proxy, is_afresh, is_fleeting, timeout, familiar } =
            outgoing;
        let exit = Exit::new(partition, proxy, &url);
        let request = request::assemble(&method, url.clone(), &fields, content)?;
        let jar = (!is_fleeting).then_some(partition);
        let before = jar.map(|jar| self.clients.jar_before(jar));
        let method = request.method().clone();
        let place = self.pace.place(request.url()).await?;
        let is_alone = is_afresh || is_fleeting;
        let sender = if is_alone { self.clients.fresh(&exit).await? } else { self.clients.client(&exit).await? };
        let (request_time, stopwatch) = (clock::now(), Stopwatch::start());
        let attempt = Attempt { method: &method, exit: &exit, options: &self.options, request_time, stopwatch };
        let exchange = pin!(async {
            let response = sender.execute(request).await.map_err(|error| attempt.unanswered(error))?;
            if let Some(before) = &before {
                self.clients.keep_cookies(before, response.headers(), &url);
            }
            receive(response, &attempt, familiar, &place).await
        });
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| Err(attempt.late(timeout, &url)))
    }
}

/// Reads what follows the header section.
async fn receive(
    mut response: Response,
    attempt: &Attempt<'_>,
    familiar: Option<Familiar>,
    place: &Place<'_>,
) -> Result<Incoming> {
    let response_time = clock::now();
    let status = response.status();
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && attempt.exit.is_forwarded(response.url()) {
        return Err(attempt.unauthorized(&response));
    }
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(attempt.switched(&response));
    }
    let delimited = match body::delimited(attempt.method, &response) {
        Ok(delimited) => delimited,
        Err(coding) => return Err(attempt.undecodable(&coding, &response)),
    };
    let fields: Fields = response.headers().iter().collect();
    // What HEAD and 304 say of a length is not about what follows them.
    let expected = if delimited == Delimited::None { Some(0) } else { response.content_length() };
    let may_stop = || response.version() != Version::HTTP_2 || place.may_reset();
    let familiar = familiar.filter(|one| one.is_announced_by(status.as_u16(), &fields, expected) && may_stop());
    let read = match body::read(&mut response, expected, attempt.options.max_body, familiar.as_ref()).await {
        Ok(read) => read,
        Err(cut) => return Err(attempt.cut(cut, &response)),
    };
    let (received, body, delimited) = match read {
        Read::Whole(body) => (body.len(), body, delimited),
        Read::Stopped { after } => (after, Bytes::new(), Delimited::Stopped),
    };
    let wire_bytes = status_line_length(response.version(), status) + fields.wire_length() + 2 + received as u64;
    let (request_time, elapsed) = (attempt.request_time, attempt.stopwatch.elapsed());
    Ok(Incoming { status: status.as_u16(), fields, body, delimited, wire_bytes, elapsed, request_time, response_time })
}

/// `HTTP/1.1 304 Not Modified CRLF`; HTTP/2 has the bare code in a field of its own.
fn status_line_length(version: Version, status: StatusCode) -> u64 {
    let reason = if version == Version::HTTP_2 { "" } else { status.canonical_reason().unwrap_or_default() };
    ("HTTP/1.1 200 \r\n".len() + reason.len()) as u64
}
