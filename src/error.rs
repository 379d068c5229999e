//! The one error type of the core: a kind to act on, a sentence to read, the cause behind it.
//!
//! No sentence here ever holds a credential: URLs are written without userinfo, proxies as `scheme://host:port`.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, as something a caller can act on. Each kind is one exception class in Python, of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request, or an option, was refused before anything was sent.
    InvalidRequest,
    /// No connection: refused, unreachable, name not resolved.
    Connect,
    /// The proxy could not be reached, or refused to carry the request.
    Proxy,
    /// TLS failed: certificate, handshake, trust store.
    Tls,
    /// No connection within the connect timeout.
    ConnectTimeout,
    /// The origin fell silent for longer than the read timeout.
    ReadTimeout,
    /// The request took longer than its total timeout.
    TotalTimeout,
    /// What came back is not HTTP.
    Protocol,
    /// The connection ended before an answer came.
    Disconnected,
    /// The body ended before it was whole.
    IncompleteBody,
    /// The body is larger than `max_body`.
    BodyTooLarge,
    /// More redirects than `max_redirects`.
    TooManyRedirects,
    /// `304` in answer to a request without a condition, twice.
    UnexpectedNotModified,
    /// The content could not be decoded as its Content-Encoding says.
    Decoding,
    /// The store could not be opened, read or written.
    Store,
    /// The session or cache is closed.
    Closed,
    /// Used in a process other than the one that opened it.
    Forked,
    /// A plan was settled, failed or abandoned before.
    PlanSettled,
}

impl Kind {
    /// Did the origin fail to answer, or what stands between it and us? An answer that is refused here is one.
    #[must_use]
    pub const fn is_no_answer(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Proxy
                | Self::Tls
                | Self::ConnectTimeout
                | Self::ReadTimeout
                | Self::TotalTimeout
                | Self::Protocol
                | Self::Disconnected
                | Self::IncompleteBody
        )
    }

    /// The name of the exception class in `notmodified.exceptions`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "InvalidRequestError",
            Self::Connect => "ConnectError",
            Self::Proxy => "ProxyError",
            Self::Tls => "TlsError",
            Self::ConnectTimeout => "ConnectTimeout",
            Self::ReadTimeout => "ReadTimeout",
            Self::TotalTimeout => "TotalTimeout",
            Self::Protocol => "ProtocolError",
            Self::Disconnected => "DisconnectedError",
            Self::IncompleteBody => "IncompleteBodyError",
            Self::BodyTooLarge => "BodyTooLargeError",
            Self::TooManyRedirects => "TooManyRedirectsError",
            Self::UnexpectedNotModified => "UnexpectedNotModifiedError",
            Self::Decoding => "DecodingError",
            Self::Store => "StoreError",
            Self::Closed => "SessionClosedError",
            Self::Forked => "ForkError",
            Self::PlanSettled => "PlanSettledError",
        }
    }
}

/// A failure of the core.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The core's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` names the value and the remedy.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to act on.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|source| source as &dyn StdError);
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
