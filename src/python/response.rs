//! `Response`: one class for Session and Cache. What is costly (headers as objects, content decoded) is made when it is asked for, once.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::cache::Cache;
use crate::error::{Error, Kind};
use crate::python::error::raise;
use crate::python::fields;
use crate::python::request::PyRequest;
use crate::python::words;
use crate::response::Response;
use crate::session::engine::Outcome;

/// See `_core.pyi`.
#[pyclass(name = "Response", module = "notmodified", frozen, weakref)]
pub(super) struct PyResponse {
    response: Shared,
    /// Weak: a response that is kept does not keep a store open.
    cache: Weak<Cache>,
    request: Option<Py<PyRequest>>,
    headers: PyOnceLock<Py<PyAny>>,
    content: PyOnceLock<Py<PyBytes>>,
}

/// A response of one's own, or one shared with everybody on the same flight.
#[derive(Debug)]
enum Shared {
    Own(Box<Response>),
    Flight(Outcome),
}

impl PyResponse {
    pub(super) fn own(response: Box<Response>, cache: &Arc<Cache>) -> Self {
        Self::new(Shared::Own(response), cache, None)
    }

    /// The response of a flight that ended with one.
    pub(super) fn of_flight(outcome: Outcome, cache: &Arc<Cache>, request: Option<Py<PyRequest>>) -> Self {
        Self::new(Shared::Flight(outcome), cache, request)
    }

    fn new(response: Shared, cache: &Arc<Cache>, request: Option<Py<PyRequest>>) -> Self {
        let (headers, content) = (PyOnceLock::new(), PyOnceLock::new());
        Self { response, cache: Arc::downgrade(cache), request, headers, content }
    }

    fn get(&self, py: Python<'_>) -> PyResult<&Response> {
        match &self.response {
            Shared::Own(response) => Ok(response),
            Shared::Flight(outcome) => outcome.as_ref().as_ref().map_err(|error| raise(py, error)),
        }
    }

    /// Runs `read` off the interpreter's lock.
    fn read(&self, py: Python<'_>, read: fn(&Response) -> crate::error::Result<Bytes>) -> PyResult<Py<PyBytes>> {
        let response = self.get(py)?;
        let bytes = py.detach(|| read(response)).map_err(|error| raise(py, &error))?;
        Ok(PyBytes::new(py, &bytes).unbind())
    }
}

#[pymethods]
impl PyResponse {
    #[getter]
    fn status(&self, py: Python<'_>) -> PyResult<u16> {
        Ok(self.get(py)?.status)
    }

    #[getter]
    fn status_code(&self, py: Python<'_>) -> PyResult<u16> {
        self.status(py)
    }

    #[getter]
    fn ok(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.status(py)? < 400)
    }

    #[getter]
    fn url(&self, py: Python<'_>) -> PyResult<&str> {
        Ok(&self.get(py)?.url)
    }

    #[getter]
    const fn request(&self) -> Option<&Py<PyRequest>> {
        self.request.as_ref()
    }

    #[getter]
    fn headers(&self, py: Python<'_>) -> PyResult<&Py<PyAny>> {
        self.headers.get_or_try_init(py, || Ok(fields::write(py, &self.get(py)?.fields)?.unbind()))
    }

    #[getter]
    fn content(&self, py: Python<'_>) -> PyResult<&Py<PyBytes>> {
        self.content.get_or_try_init(py, || {
            // Straight from where it lies into Python's own memory, where it has to be anyway.
            let uncoded = self.get(py)?.read_uncoded(|bytes| PyBytes::new(py, bytes).unbind());
            match uncoded.map_err(|error| raise(py, &error))? {
                Some(content) => Ok(content),
                None => self.read(py, Response::content),
            }
        })
    }

    #[getter]
    fn wire_content(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        self.read(py, Response::wire_content)
    }

    #[getter]
    fn at_hand(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.get(py)?.is_at_hand())
    }

    #[getter]
    fn encoding<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let content = self.content(py)?;
        py.import("notmodified.text")?.call_method1("encoding", (self.headers(py)?, content))
    }

    #[getter]
    fn text<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let encoding = self.encoding(py)?;
        self.content(py)?.bind(py).call_method1("decode", (encoding, "replace"))
    }

    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.content(py)?,))
    }

    #[getter]
    fn not_modified(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.get(py)?.is_not_modified())
    }

    #[getter]
    fn changed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.get(py)?.is_changed)
    }

    #[getter]
    fn outcome(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        words::outcome(py, self.get(py)?.outcome)
    }

    #[getter]
    fn stored(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.get(py)?.is_stored())
    }

    #[getter]
    fn reason(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.get(py)?.reason.map(|reason| words::reason(py, reason)).transpose()
    }

    #[getter]
    fn cache_status(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.get(py)?.cache_status())
    }

    #[getter]
    fn elapsed(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.get(py)?.elapsed.as_secs_f64())
    }

    #[getter]
    fn wire_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.get(py)?.wire_bytes)
    }

    #[getter]
    fn bytes_saved(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.get(py)?.bytes_saved)
    }

    fn acknowledge(&self, py: Python<'_>) -> PyResult<()> {
        let Some((key, acknowledgement, asked)) = &self.get(py)?.acknowledgement else { return Ok(()) };
        let Some(cache) = self.cache.upgrade() else {
            let message = "acknowledged after the session or cache was closed; acknowledge before, or the page comes as changed once more";
            return Err(raise(py, &Error::new(Kind::Closed, message)));
        };
        let acknowledged = py.detach(|| pollster::block_on(cache.acknowledge(key, *acknowledgement, *asked)));
        acknowledged.map_err(|error| raise(py, &error))
    }

    fn raise_for_status(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Self>> {
        let response = slf.get();
        if response.ok(py)? {
            return Ok(slf);
        }
        let message = format!("{} from {}", response.status(py)?, response.url(py)?);
        let exception = py.import("notmodified.exceptions")?.getattr("StatusError")?.call1((message, slf))?;
        Err(PyErr::from_value(exception))
    }

    /// The request's context is the caller's, and may lead back here.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.request)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let response = self.get(py)?;
        Ok(format!("<Response [{}] {} {}>", response.status, response.outcome.as_str(), response.url))
    }
}
