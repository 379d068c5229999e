//! `Plan` and `Resend`: one request on its way through a foreign downloader.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::IntoPyObjectExt;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::cache::{Cache, Effort, Planned, Sending, Settled, Undecided};
use crate::clock::{self, Stopwatch};
use crate::error::{Error, Kind, Result};
use crate::exchange::early::Familiar;
use crate::exchange::settle::{Completeness, Reply};
use crate::exchange::verdict::Verdict;
use crate::fields::Fields;
use crate::python::answered::{self, Answered};
use crate::python::awaitable::off_the_loop;
use crate::python::error::raise;
use crate::python::fields;
use crate::python::jury::Jury;
use crate::python::response::PyResponse;

/// See `_core.pyi`.
#[pyclass(name = "Plan", module = "notmodified", frozen)]
#[derive(Debug)]
pub(super) struct PyPlan {
    cache: Arc<Cache>,
    response: Option<Py<PyResponse>>,
    headers: Fields,
    conditions: Fields,
    jury: Jury,
    sent: Mutex<Sent>,
}

/// Where a plan stands.
#[derive(Debug)]
struct Sent {
    sending: Option<Box<Sending>>,
    effort: Effort,
    request_time: u64,
    stopwatch: Stopwatch,
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

    #[pyo3(signature = (headers, *, status=200, length=None))]
    fn may_stop(&self, py: Python<'_>, headers: &Bound<'_, PyAny>, status: i64, length: Option<u64>) -> PyResult<bool> {
        let (status, fields) = (answered::status(py, status)?, fields::read(Some(headers))?);
        let length = length.or_else(|| std::str::from_utf8(fields.get(b"content-length")?).ok()?.parse().ok());
        let sent = self.sent();
        let familiar = sent.sending.as_ref().and_then(|one| Familiar::of(&one.pending, self.cache.policy()));
        Ok(familiar.is_some_and(|familiar| familiar.is_announced_by(status, &fields, length)))
    }

    #[pyo3(signature = (status, headers=None, body=None, *, complete=true, stopped=false, decoded=false, wire_bytes=None, elapsed=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn settle(
        &self,
        py: Python<'_>,
        status: i64,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
        complete: bool,
        stopped: bool,
        decoded: bool,
        wire_bytes: Option<i64>,
        elapsed: Option<f64>,
    ) -> PyResult<Py<PyAny>> {
        let completeness = match (stopped, complete) {
            (true, _) => Completeness::Stopped,
            (false, true) => Completeness::Whole,
            (false, false) => Completeness::Cut,
        };
        let given = Answered::read(py, status, headers, body, completeness, decoded, wire_bytes, elapsed)?;
        let (sending, reply, effort) = self.answered(given).map_err(|error| raise(py, &error))?;
        let settled = py.detach(|| pollster::block_on(self.cache.settle(sending, reply, effort)));
        self.settled(py, settled, effort)
    }

    #[pyo3(
        signature = (*arguments, **options),
        text_signature = "(self, status, headers=None, body=None, *, complete=True, stopped=False, decoded=False, wire_bytes=None, elapsed=None)"
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
        let (sending, effort) = {
            let mut sent = self.sent();
            (sent.take().map_err(|error| raise(py, &error))?, sent.effort)
        };
        self.cache.fail();
        let stand_in = py.detach(|| pollster::block_on(self.cache.stand_in(&sending, effort)));
        let response = stand_in.map_err(|error| raise(py, &error))?;
        response.map(|response| Py::new(py, PyResponse::own(response, &self.cache))).transpose()
    }

    #[getter]
    fn at_hand(&self) -> bool {
        self.sent().sending.as_ref().is_none_or(|sending| self.cache.is_at_hand(sending))
    }

    /// Callables may lead back to the plan.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.jury.traverse(&visit)
    }

    fn abandon(&self) {
        // To let go twice, or of what is settled, is no mistake.
        drop(self.sent().take());
    }
}

impl PyPlan {
    pub(super) fn new(py: Python<'_>, planned: Planned, cache: Arc<Cache>, jury: Jury) -> PyResult<Self> {
        let (response, sending) = match planned {
            // Only a session validates behind anybody's back.
            Planned::Serve(response, _) => (Some(response), None),
            Planned::Send(sending) => (None, Some(sending)),
        };
        let headers = sending.as_ref().map(|sending| sending.pending.fields()).unwrap_or_default();
        let conditions = sending.as_ref().map(|sending| sending.pending.conditions.clone()).unwrap_or_default();
        let sent =
            Sent { sending, effort: Effort::default(), request_time: clock::now(), stopwatch: Stopwatch::start() };
        let response = response.map(|response| Py::new(py, PyResponse::own(response, &cache))).transpose()?;
        Ok(Self { cache, response, headers, conditions, jury, sent: Mutex::new(sent) })
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the pending request, and turns what was given into a reply to it.
    fn answered(&self, given: Answered) -> Result<(Box<Sending>, Reply, Effort)> {
        let mut sent = self.sent();
        let sending = sent.take()?;
        let elapsed = given.elapsed.map_or_else(|| sent.stopwatch.elapsed(), Duration::from_secs_f64);
        let reply = given.reply(sent.request_time);
        let effort =
            Effort { wire_bytes: sent.effort.wire_bytes + reply.wire_bytes, elapsed: sent.effort.elapsed + elapsed };
        Ok((sending, reply, effort))
    }

    /// What we say of a page that could be stored, and what the caller's code does, here and now.
    fn judge(&self, py: Python<'_>, undecided: &Undecided) -> PyResult<Verdict> {
        let (ours, question) = py.detach(|| undecided.page().examine(self.cache.policy()));
        let Some(question) = question else { return Ok(ours) };
        Ok(ours.and(self.jury.judge(py, &question)?))
    }

    fn settled(&self, py: Python<'_>, settled: Result<Settled>, effort: Effort) -> PyResult<Py<PyAny>> {
        match settled.map_err(|error| raise(py, &error))? {
            Settled::Response(response) => PyResponse::own(response, &self.cache).into_py_any(py),
            Settled::Undecided(undecided) => {
                let verdict = self.judge(py, &undecided)?;
                let concluded = py.detach(|| pollster::block_on(self.cache.conclude(undecided, verdict)));
                self.settled(py, concluded, effort)
            }
            Settled::Resend(sending, reason) => {
                let resend = PyResend { headers: sending.pending.fields(), reason: reason.as_str() };
                let (request_time, stopwatch) = (clock::now(), Stopwatch::start());
                *self.sent() = Sent { sending: Some(sending), effort, request_time, stopwatch };
                resend.into_py_any(py)
            }
        }
    }
}

impl Sent {
    fn take(&mut self) -> Result<Box<Sending>> {
        let message = "this plan was settled, failed or abandoned before, or had nothing to send; plan again";
        self.sending.take().ok_or_else(|| Error::new(Kind::PlanSettled, message))
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
