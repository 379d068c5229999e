//! A response as the caller gets it. Its body stays as it came over the wire, or as the store keeps it, until somebody reads it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::entry::change::Acknowledgement;
use crate::error::{Error, Kind, Result};
use crate::exchange::outcome::{Handling, Outcome, Reason, cache_status};
use crate::fields::Fields;
use crate::key::Key;
use crate::rfc::coding::{self, CodingError, Limits};
use crate::rfc::range::Part;
use crate::store::Kept;

/// A response.
#[derive(Debug, Clone)]
pub struct Response {
    /// The URL that answered, without userinfo.
    pub url: Arc<str>,
    /// Its status: that of the stored response after a 304.
    pub status: u16,
    /// Its field section.
    pub fields: Fields,
    /// Its body.
    pub body: ResponseBody,
    /// Where it came from.
    pub outcome: Outcome,
    /// Why it was not stored, where it was not.
    pub reason: Option<Reason>,
    /// How it was come by.
    pub handling: Handling,
    /// Is the content another than was known before?
    pub is_changed: bool,
    /// Header section and body received for it, bytes; with those of a first attempt that had to be repeated.
    pub wire_bytes: u64,
    /// Bytes that a 304 spared.
    pub bytes_saved: u64,
    /// From sending the request to the end of the body.
    pub elapsed: Duration,
    /// What acknowledging it writes, and where; and when it was asked for, milliseconds since the epoch.
    pub acknowledgement: Option<(Key, Acknowledgement, u64)>,
    /// How far its body may unfold.
    pub limits: Limits,
}

/// Where the bytes of a body are.
#[derive(Debug, Clone)]
pub enum ResponseBody {
    /// As they were received.
    Received(Bytes),
    /// As the store keeps them.
    Kept(Kept),
    /// Some of those that the store keeps.
    Part(Kept, Part),
}

impl Response {
    /// Did the origin say 304?
    #[must_use]
    pub const fn is_not_modified(&self) -> bool {
        matches!(self.outcome, Outcome::NotModified)
    }

    /// The value of Cache-Status (RFC 9211).
    #[must_use]
    pub fn cache_status(&self) -> String {
        cache_status(self.handling, self.reason)
    }

    /// Was it stored, or confirmed in the store?
    #[must_use]
    pub const fn is_stored(&self) -> bool {
        !matches!(self.outcome, Outcome::Passed)
    }

    /// Can the body be read without waiting for a disk, or for long?
    #[must_use]
    pub fn is_at_hand(&self) -> bool {
        match &self.body {
            ResponseBody::Received(_) => true,
            ResponseBody::Kept(kept) | ResponseBody::Part(kept, _) => kept.is_at_hand(),
        }
    }

    /// The body as it came over the wire: coded as Content-Encoding says.
    ///
    /// # Errors
    /// [`Kind::Store`] when a stored body is not there any more, see [`Kept::read`].
    pub fn wire_content(&self) -> Result<Bytes> {
        match &self.body {
            ResponseBody::Received(bytes) => Ok(bytes.clone()),
            ResponseBody::Kept(kept) => kept.bytes(),
            ResponseBody::Part(kept, part) => kept.read(|whole| Bytes::copy_from_slice(part.of(whole))),
        }
    }

    /// What `read` makes of the content, where that lies as it is; `None` where it is coded.
    ///
    /// # Errors
    /// As [`Response::wire_content`].
    pub fn read_uncoded<T>(&self, read: impl Fn(&[u8]) -> T) -> Result<Option<T>> {
        if self.fields.contains(b"content-encoding") {
            return Ok(None);
        }
        match &self.body {
            ResponseBody::Received(bytes) => Ok(Some(read(bytes))),
            ResponseBody::Kept(kept) => kept.read(read).map(Some),
            ResponseBody::Part(kept, part) => kept.read(|whole| read(part.of(whole))).map(Some),
        }
    }

    /// The content. A coding that is not known is left as it is: the bytes are then for whoever knows it.
    ///
    /// # Errors
    /// [`Kind::Decoding`] when the body is not what Content-Encoding says, or unfolds beyond the limits.
    pub fn content(&self) -> Result<Bytes> {
        let wire = self.wire_content()?;
        match coding::codings(&self.fields) {
            Ok(codings) if codings.is_empty() => Ok(wire),
            Err(CodingError::Unknown(_)) => Ok(wire),
            Err(error) => Err(self.undecodable(error)),
            Ok(codings) => {
                coding::decode(&codings, &wire, self.limits).map(Bytes::from).map_err(|error| self.undecodable(error))
            }
        }
    }

    fn undecodable(&self, error: CodingError) -> Error {
        let remedy = match error {
            CodingError::TooLarge(_) => "raise max_body if that is right",
            CodingError::Unknown(_) | CodingError::TooMany | CodingError::Malformed(_) => {
                "read wire_content for the bytes; a client that has decoded them already says so with decoded=True"
            }
        };
        Error::new(Kind::Decoding, format!("content of {}; {remedy}", self.url)).with_source(error)
    }
}
