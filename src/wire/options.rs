//! The wire's options, and what they may be.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// Longest timeout and delay. Who waits longer than a year waits forever.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How the wire behaves; the same for all requests of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long a connection may take: name, TCP, proxy, TLS.
    pub connect_timeout: Duration,
    /// How long an origin may keep silent: before the header section is whole, and between two parts of the body. Counted from the start
    /// of the request, so one that is shorter than `connect_timeout` bounds connecting too.
    pub read_timeout: Duration,
    /// Bytes of the largest body that is read, before decoding.
    pub max_body: u64,
    /// Offer HTTP/2 to origins that speak TLS.
    pub http2: bool,
    /// Check certificates. Without it, whoever sits on the path reads and writes everything.
    pub verify: bool,
    /// PEM file of the roots to trust, instead of the machine's own.
    pub ca_file: Option<PathBuf>,
    /// Keep one in-memory cookie jar per partition.
    pub cookies: bool,
    /// Requests at once.
    pub concurrency: usize,
    /// Requests at once to one host (scheme, name and port).
    pub concurrency_per_host: usize,
    /// Least time between the starts of two requests to one host.
    pub delay: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            max_body: 64 << 20,
            http2: true,
            verify: true,
            ca_file: None,
            cookies: false,
            concurrency: 256,
            concurrency_per_host: 64,
            delay: Duration::ZERO,
        }
    }
}

impl Options {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`], naming the option and its value.
    pub fn check(&self) -> Result<()> {
        for (name, timeout) in [("connect_timeout", self.connect_timeout), ("read_timeout", self.read_timeout)] {
            if timeout.is_zero() || timeout > LONGEST {
                return refuse(format!("{name}={timeout:?} must be more than zero and at most a year"));
            }
        }
        if self.delay > LONGEST {
            return refuse(format!("delay={:?} must be at most a year", self.delay));
        }
        for (name, places) in [("concurrency", self.concurrency), ("concurrency_per_host", self.concurrency_per_host)] {
            if places == 0 {
                return refuse(format!("{name}=0 would never send anything; give at least 1"));
            }
        }
        Ok(())
    }
}

fn refuse(message: String) -> Result<()> {
    Err(Error::new(Kind::InvalidRequest, message))
}
