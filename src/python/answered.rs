//! An answer as a foreign downloader gives it, read into what the exchange settles.

use bytes::Bytes;
use pyo3::prelude::*;

use crate::clock;
use crate::exchange::settle::{Completeness, Reply};
use crate::fields::Fields;
use crate::python::error::invalid;
use crate::python::fields;
use crate::python::open::LONGEST_SECONDS;

/// An answer as a foreign downloader gives it.
pub(super) struct Answered {
    status: u16,
    fields: Fields,
    body: Bytes,
    completeness: Completeness,
    is_decoded: bool,
    wire_bytes: Option<u64>,
    pub(super) elapsed: Option<f64>,
}

impl Answered {
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    pub(super) fn read(
        py: Python<'_>,
        status: i64,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        completeness: Completeness,
        is_decoded: bool,
        wire_bytes: Option<i64>,
        elapsed: Option<f64>,
    ) -> PyResult<Self> {
        let status = self::status(py, status)?;
        let refuse = |bytes| invalid(py, format!("wire_bytes={bytes}; it must be 0 or more"));
        let wire_bytes = wire_bytes.map(|bytes| u64::try_from(bytes).map_err(|_| refuse(bytes))).transpose()?;
        let body = body.filter(|body| !body.is_none()).map_or(Ok(Bytes::new()), |body| {
            let bytes = body.extract::<std::borrow::Cow<'_, [u8]>>();
            bytes.map(|bytes| Bytes::copy_from_slice(&bytes)).map_err(|_| wrong_body(body))
        })?;
        if elapsed.is_some_and(|seconds| !(0.0..=LONGEST_SECONDS).contains(&seconds)) {
            return Err(invalid(py, format!("elapsed={elapsed:?}; it must be a number of seconds, 0 or more")));
        }
        Ok(Self { status, fields: fields::read(headers)?, body, completeness, is_decoded, wire_bytes, elapsed })
    }

    /// Header section and body, in HTTP/1.1's notation, where the downloader did not count them.
    fn counted(&self) -> u64 {
        const STATUS_AND_BLANK_LINE: u64 = 19;
        self.wire_bytes.unwrap_or_else(|| STATUS_AND_BLANK_LINE + self.fields.wire_length() + self.body.len() as u64)
    }

    pub(super) fn reply(self, request_time: u64) -> Reply {
        let wire_bytes = self.counted();
        let reply = Reply {
            status: self.status,
            fields: self.fields,
            body: self.body,
            undone: None,
            completeness: self.completeness,
            wire_bytes,
            request_time,
            response_time: clock::now(),
        };
        if self.is_decoded { reply.decoded() } else { reply }
    }
}

/// A status code that an answer can have.
pub(super) fn status(py: Python<'_>, status: i64) -> PyResult<u16> {
    let known = u16::try_from(status).ok().filter(|status| (100..1000).contains(status));
    known.ok_or_else(|| invalid(py, format!("status={status}; it must be from 100 to 999")))
}

/// A body that is none.
fn wrong_body(body: &Bound<'_, PyAny>) -> PyErr {
    let kind = body.get_type().name().map_or_else(|_| "unknown".to_owned(), |name| name.to_string());
    invalid(body.py(), format!("a body of type {kind}; give it as bytes"))
}
