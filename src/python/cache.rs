//! `Cache`, `Plan`, `Resend`: the heart without a wire, for whoever has a downloader already.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::cache::{Cache, Effort, Planned, Settled};
use crate::clock::{self, Stopwatch};
use crate::error::{Error, Kind, Result};
use crate::exchange::Ask;
use crate::exchange::plan::Pending;
use crate::exchange::settle::{Completeness, Reply};
use crate::fields::Fields;
use crate::identity::Proxy;
use crate::python::awaitable::off_the_loop;
use crate::python::error::raise;
use crate::python::fields;
use crate::python::open::{self, CacheOptions};
use crate::python::response::PyResponse;
use crate::request::Request;

/// See `_core.pyi`.
#[pyclass(name = "Cache", module = "notmodified", frozen)]
#[derive(Debug)]
pub(super) struct PyCache {
    cache: Mutex<Option<Arc<Cache>>>,
}

#[pymethods]
impl PyCache {
    #[new]
    #[pyo3(signature = (store, *, consumer=None, freshness="revalidate", max_body=67_108_864, strict=false))]
    fn new(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        consumer: Option<&str>,
        freshness: &str,
        max_body: u64,
        strict: bool,
    ) -> PyResult<Self> {
        let options = CacheOptions::read(py, store, consumer, freshness, max_body, strict)?;
        let cache = py.detach(|| options.open()).map_err(|error| raise(py, &error))?;
        Ok(Self { cache: Mutex::new(Some(Arc::new(cache))) })
    }

    #[pyo3(signature = (method, url, headers=None, *, identity=None, proxy=None, cookie_jar=None, has_content=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn plan(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        identity: Option<&str>,
        proxy: Option<&str>,
        cookie_jar: Option<&str>,
        has_content: bool,
    ) -> PyResult<PyPlan> {
        let cache = self.open(py)?;
        let request = read_request(method, url, fields::read(headers)?, identity, proxy, cookie_jar);
        let planned = py.detach(|| {
            let ask = Ask { has_content, ..cache.ask(&request?) };
            pollster::block_on(cache.plan(ask))
        });
        PyPlan::new(py, planned.map_err(|error| raise(py, &error))?, cache)
    }

    #[pyo3(
        signature = (*arguments, **options),
        text_signature = "(self, method, url, headers=None, *, identity=None, proxy=None, cookie_jar=None, has_content=False)"
    )]
    fn aplan<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("plan")?, arguments, options)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        stats(py, &*self.open(py)?)
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let cache = self.open(py)?;
        py.detach(|| pollster::block_on(cache.flush())).map_err(|error| raise(py, &error))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(cache) = self.held().take() else { return Ok(()) };
        py.detach(move || pollster::block_on(cache.flush())).map_err(|error| raise(py, &error))
    }

    fn aflush<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("flush")?, &PyTuple::empty(slf.py()), None)
    }

    fn aclose<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("close")?, &PyTuple::empty(slf.py()), None)
    }

    #[getter]
    fn closed(&self) -> bool {
        self.held().is_none()
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }
}

impl PyCache {
    fn held(&self) -> MutexGuard<'_, Option<Arc<Cache>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, py: Python<'_>) -> PyResult<Arc<Cache>> {
        self.held().clone().ok_or_else(|| raise(py, &Error::new(Kind::Closed, "the cache is closed; open another")))
    }
}

fn read_request(
    method: &str,
    url: &str,
    fields: Fields,
    identity: Option<&str>,
    proxy: Option<&str>,
    jar: Option<&str>,
) -> Result<Request> {
    let mut request = Request::new(method, url, fields)?.named(identity)?;
    request.proxy = proxy.map(Proxy::parse).transpose()?;
    request.jar = jar.map(str::to_owned);
    Ok(request)
}

/// See `_core.pyi`.
#[pyclass(name = "Plan", module = "notmodified", frozen)]
#[derive(Debug)]
pub(super) struct PyPlan {
    cache: Arc<Cache>,
    response: Option<Py<PyResponse>>,
    headers: Fields,
    conditions: Fields,
    sent: Mutex<Sent>,
}

/// Where a plan stands.
#[derive(Debug)]
struct Sent {
    pending: Option<Box<Pending>>,
    effort: Effort,
    request_time: u64,
    stopwatch: Stopwatch,
}

/// An answer as a foreign downloader gives it.
struct Given {
    status: u16,
    fields: Fields,
    body: Bytes,
    is_complete: bool,
    is_decoded: bool,
    wire_bytes: Option<u64>,
    elapsed: Option<f64>,
}

#[pymethods]
impl PyPlan {
    #[getter]
    const fn response(&self) -> Option<&Py<PyResponse>> {
        self.response.as_ref()
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fields::write(py, &self.headers)
    }

    #[getter]
    fn conditions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fields::write(py, &self.conditions)
    }

    #[pyo3(signature = (status, headers=None, body=None, *, complete=true, decoded=false, wire_bytes=None, elapsed=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn settle(
        &self,
        py: Python<'_>,
        status: u16,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        complete: bool,
        decoded: bool,
        wire_bytes: Option<u64>,
        elapsed: Option<f64>,
    ) -> PyResult<Py<PyAny>> {
        let given = Given::read(py, status, headers, body, complete, decoded, wire_bytes, elapsed)?;
        let (pending, reply, effort) = self.answered(given).map_err(|error| raise(py, &error))?;
        let settled = py.detach(|| pollster::block_on(self.cache.settle(pending, reply, effort)));
        self.settled(py, settled, effort)
    }

    #[pyo3(
        signature = (*arguments, **options),
        text_signature = "(self, status, headers=None, body=None, *, complete=True, decoded=False, wire_bytes=None, elapsed=None)"
    )]
    fn asettle<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("settle")?, arguments, options)
    }

    #[pyo3(signature = (error=None))]
    fn fail(&self, py: Python<'_>, error: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Py<PyResponse>>> {
        // What went wrong is the caller's to report; here it only counts that it did.
        let _ = error;
        self.sent().take().map_err(|error| raise(py, &error))?;
        self.cache.fail();
        Ok(None)
    }

    fn abandon(&self) {
        // To let go twice, or of what is settled, is no mistake.
        drop(self.sent().take());
    }
}

impl Given {
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn read(
        py: Python<'_>,
        status: u16,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        is_complete: bool,
        is_decoded: bool,
        wire_bytes: Option<u64>,
        elapsed: Option<f64>,
    ) -> PyResult<Self> {
        let body = body.filter(|body| !body.is_none()).map_or(Ok(Bytes::new()), |body| {
            let bytes = body.extract::<std::borrow::Cow<'_, [u8]>>();
            bytes.map(|bytes| Bytes::copy_from_slice(&bytes)).map_err(|_| open::wrong_body(body))
        })?;
        if elapsed.is_some_and(|seconds| !(0.0..=open::LONGEST_SECONDS).contains(&seconds)) {
            return Err(crate::python::error::invalid(py, "elapsed must be a number of seconds, 0 or more"));
        }
        Ok(Self { status, fields: fields::read(headers)?, body, is_complete, is_decoded, wire_bytes, elapsed })
    }
}

impl Given {
    /// Header section and body, in HTTP/1.1's notation, where the downloader did not count them.
    fn wire_bytes(&self) -> u64 {
        const STATUS_LINE_AND_BLANK: u64 = 19;
        self.wire_bytes.unwrap_or_else(|| STATUS_LINE_AND_BLANK + self.fields.wire_length() + self.body.len() as u64)
    }

    fn reply(self, request_time: u64) -> Reply {
        let wire_bytes = self.wire_bytes();
        // A body that was decoded already is not coded any more, nor as long as it was.
        let describes_wire = |name: &[u8]| {
            [&b"content-encoding"[..], b"content-length"].iter().any(|one| one.eq_ignore_ascii_case(name))
        };
        let fields = if self.is_decoded { self.fields.filtered(|name, _| !describes_wire(name)) } else { self.fields };
        let completeness = if self.is_complete { Completeness::Whole } else { Completeness::Cut };
        Reply {
            status: self.status,
            fields,
            body: self.body,
            completeness,
            wire_bytes,
            request_time,
            response_time: clock::now(),
        }
    }
}

impl PyPlan {
    fn new(py: Python<'_>, planned: Planned, cache: Arc<Cache>) -> PyResult<Self> {
        let (response, pending) = match planned {
            Planned::Serve(response) => (Some(response), None),
            Planned::Send(pending) => (None, Some(pending)),
        };
        let headers = pending.as_ref().map(|pending| pending.fields()).unwrap_or_default();
        let conditions = pending.as_ref().map(|pending| pending.conditions.clone()).unwrap_or_default();
        let sent =
            Sent { pending, effort: Effort::default(), request_time: clock::now(), stopwatch: Stopwatch::start() };
        let response = response.map(|response| Py::new(py, PyResponse::own(response, &cache))).transpose()?;
        Ok(Self { cache, response, headers, conditions, sent: Mutex::new(sent) })
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the pending request, and turns what was given into a reply to it.
    fn answered(&self, given: Given) -> Result<(Box<Pending>, Reply, Effort)> {
        let mut sent = self.sent();
        let pending = sent.take()?;
        let elapsed = given.elapsed.map_or_else(|| sent.stopwatch.elapsed(), Duration::from_secs_f64);
        let reply = given.reply(sent.request_time);
        let effort =
            Effort { wire_bytes: sent.effort.wire_bytes + reply.wire_bytes, elapsed: sent.effort.elapsed + elapsed };
        Ok((pending, reply, effort))
    }

    fn settled(&self, py: Python<'_>, settled: Result<Settled>, effort: Effort) -> PyResult<Py<PyAny>> {
        match settled.map_err(|error| raise(py, &error))? {
            Settled::Response(response) => PyResponse::own(response, &self.cache).into_py_any(py),
            Settled::Resend(pending, reason) => {
                let resend = PyResend { headers: pending.fields(), reason: reason.as_str() };
                let (request_time, stopwatch) = (clock::now(), Stopwatch::start());
                *self.sent() = Sent { pending: Some(pending), effort, request_time, stopwatch };
                resend.into_py_any(py)
            }
        }
    }
}

impl Sent {
    fn take(&mut self) -> Result<Box<Pending>> {
        let message = "this plan was settled, failed or abandoned before, or had nothing to send; plan again";
        self.pending.take().ok_or_else(|| Error::new(Kind::PlanSettled, message))
    }
}

/// See `_core.pyi`.
#[pyclass(name = "Resend", module = "notmodified", frozen)]
#[derive(Debug)]
pub(super) struct PyResend {
    headers: Fields,
    #[pyo3(get)]
    reason: &'static str,
}

#[pymethods]
impl PyResend {
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fields::write(py, &self.headers)
    }
}

/// What was counted, as plain data.
pub(super) fn stats<'py>(py: Python<'py>, cache: &Cache) -> PyResult<Bound<'py, PyDict>> {
    let (counters, health) = (&cache.counters, cache.health());
    let counted = [
        ("requests", counters.requests.get()),
        ("not_modified", counters.not_modified.get()),
        ("errors", counters.errors.get()),
        ("wire_bytes", counters.wire_bytes.get()),
        ("bytes_saved", counters.bytes_saved.get()),
        ("resends", counters.resends.get()),
        ("coalesced", counters.coalesced.get()),
        ("store_errors", counters.store_errors.get() + health.failed_writes),
        ("corrupt_records", health.corrupt_records),
    ];
    let stats = PyDict::new(py);
    for (name, count) in counted {
        stats.set_item(name, count)?;
    }
    stats.set_item("not_modified_ratio", counters.not_modified_ratio())?;
    let outcomes = PyDict::new(py);
    for (outcome, count) in counters.outcomes() {
        outcomes.set_item(outcome.as_str(), count)?;
    }
    let reasons = PyDict::new(py);
    for (reason, count) in counters.reasons().filter(|(_, count)| *count > 0) {
        reasons.set_item(reason.as_str(), count)?;
    }
    stats.set_item("outcomes", outcomes)?;
    stats.set_item("reasons", reasons)?;
    stats.set_item("last_store_error", cache.last_store_error())?;
    Ok(stats)
}
