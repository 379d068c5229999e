//! What reqwest's errors mean.
//!
//! Told by types, never by texts: reqwest's own questions (`is_timeout`, `is_connect`) and the errors of rustls and std in the chain of
//! causes. No text shows a credential: the proxy is named by its endpoint, the target has no userinfo, and reqwest's own copy of the URL
//! is taken out before it could be shown twice.

use std::error::Error as StdError;
use std::io;
use std::iter::successors;
use std::time::Duration;

use reqwest::{Method, Response};
use url::Url;

use crate::clock::Stopwatch;
use crate::error::{Error, Kind};

use super::body::Cut;
use super::exit::Exit;
use super::options::Options;

/// Most bytes of a URL in an error text.
const SHOWN: usize = 500;

/// One request on its way: what its answer is measured by, and what an error about it says.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) method: &'a Method,
    pub(super) exit: &'a Exit,
    pub(super) options: &'a Options,
    pub(super) request_time: u64,
    pub(super) stopwatch: Stopwatch,
}

impl Attempt<'_> {
    /// No header section came back.
    pub(super) fn unanswered(&self, error: reqwest::Error) -> Error {
        let kind = self.kind(&error);
        let said = match kind {
            Kind::ConnectTimeout => format!("no connection within connect_timeout={:?}", self.options.connect_timeout),
            Kind::ReadTimeout => format!("no answer within read_timeout={:?}", self.options.read_timeout),
            Kind::Proxy => format!("the proxy {} did not carry the request", self.endpoint()),
            Kind::Tls => "TLS failed".to_owned(),
            Kind::Connect => "no connection".to_owned(),
            Kind::InvalidRequest => "the request cannot be sent".to_owned(),
            Kind::Disconnected => "the connection ended before an answer came".to_owned(),
            _ => "no HTTP response came back".to_owned(),
        };
        self.failed(kind, error.url(), &said).with_source(error.without_url())
    }

    /// The header section came, the body did not come whole.
    pub(super) fn cut(&self, cut: Cut, response: &Response) -> Error {
        let url = Some(response.url());
        match cut {
            Cut::TooLarge => {
                let max_body = self.options.max_body;
                self.failed(Kind::BodyTooLarge, url, &format!("the body is larger than max_body={max_body} bytes"))
            }
            Cut::Broken { after, error } if error.is_timeout() => {
                let said = format!("nothing came for read_timeout={:?} after {after} bytes", self.options.read_timeout);
                self.failed(Kind::ReadTimeout, url, &said).with_source(error.without_url())
            }
            Cut::Broken { after, error } => {
                let kind = if is_garbage(&error) { Kind::Protocol } else { Kind::IncompleteBody };
                self.failed(kind, url, &format!("the body broke off after {after} bytes"))
                    .with_source(error.without_url())
            }
        }
    }

    /// It took longer than it may.
    pub(super) fn late(&self, timeout: Duration, url: &Url) -> Error {
        self.failed(Kind::TotalTimeout, Some(url), &format!("not finished within timeout={timeout:?}"))
    }

    /// The proxy wants other credentials than it got.
    pub(super) fn unauthorized(&self, response: &Response) -> Error {
        let said = format!("the proxy {} answered 407: it wants credentials, or other ones", self.endpoint());
        self.failed(Kind::Proxy, Some(response.url()), &said)
    }

    /// What follows is no HTTP any more. The connection is given up along with the answer.
    pub(super) fn switched(&self, response: &Response) -> Error {
        self.failed(Kind::Protocol, Some(response.url()), "101 switches to a protocol that was not asked for")
    }

    /// A body that nobody can read.
    pub(super) fn undecodable(&self, coding: &str, response: &Response) -> Error {
        let said = format!("Transfer-Encoding \"{coding}\" was not asked for and cannot be undone");
        self.failed(Kind::Protocol, Some(response.url()), &said)
    }

    fn kind(&self, error: &reqwest::Error) -> Kind {
        let is_connect = error.is_connect();
        if error.is_timeout() {
            return if is_connect { Kind::ConnectTimeout } else { Kind::ReadTimeout };
        }
        if error.is_builder() {
            return Kind::InvalidRequest;
        }
        if causes(error).any(<dyn StdError>::is::<rustls::Error>) {
            // Where TLS ends at the proxy, it was the proxy's.
            let is_proxys = error.url().is_some_and(|url| self.exit.is_forwarded(url));
            return if is_proxys { Kind::Proxy } else { Kind::Tls };
        }
        match (is_connect, &self.exit.proxy) {
            // The errors of tunnels and SOCKS are private types of hyper-util, so whatever fails on the way through a proxy is the proxy's.
            (true, Some(_)) => Kind::Proxy,
            // A handshake that is hung up upon is no rustls error; connecting itself never meets the end of a stream.
            (true, None) if self.exit.is_secure && ends_early(error) => Kind::Tls,
            (true, None) => Kind::Connect,
            (false, _) if is_hung_up(error) => Kind::Disconnected,
            (false, _) => Kind::Protocol,
        }
    }

    fn endpoint(&self) -> String {
        self.exit.proxy.as_ref().map_or_else(String::new, crate::identity::Proxy::endpoint)
    }

    fn failed(&self, kind: Kind, url: Option<&Url>, said: &str) -> Error {
        let text = url.map_or("", Url::as_str);
        // URLs are ASCII, so any place is a good one to cut at.
        let shown = text.get(..SHOWN).map_or_else(|| text.to_owned(), |start| format!("{start}…"));
        Error::new(kind, format!("{} {shown}: {said}", self.method))
    }
}

/// An error and what caused it, all the way down.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>() {
        // `source` of an io::Error skips the error that it wraps.
        Some(error) => error.get_ref().map(|inner| inner as _),
        None => error.source(),
    }
}

fn io_kinds(error: &reqwest::Error) -> impl Iterator<Item = io::ErrorKind> {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind)
}

/// Closed or reset before the header section was whole. HTTP that is none has an error of hyper's as well, of another sort.
fn is_hung_up(error: &reqwest::Error) -> bool {
    let by_hyper = causes(error).filter_map(<dyn StdError>::downcast_ref::<hyper::Error>);
    let lost = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::NotConnected,
    ];
    by_hyper.into_iter().any(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
        || io_kinds(error).any(|kind| lost.contains(&kind))
}

fn ends_early(error: &reqwest::Error) -> bool {
    io_kinds(error).any(|kind| kind == io::ErrorKind::UnexpectedEof)
}

/// The framing is wrong, not merely cut: hyper's decoder says so with these two kinds.
fn is_garbage(error: &reqwest::Error) -> bool {
    io_kinds(error).any(|kind| matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
}
