//! What lies in a store, for Python to look at: `Entries` walks, `Entry` is what is stored for a URL, `StoredResponse` one of its answers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::PyTuple;

use crate::cache::Cache;
use crate::cache::inventory::Walk;
use crate::entry::{Record, StoredResponse};
use crate::error::Result;
use crate::fields::Fields;
use crate::key::{Key, Method};
use crate::python::cache::PyCache;
use crate::python::error::raise;
use crate::python::fields;
use crate::selection::Selection;

/// See `_core.pyi`.
#[pyclass(name = "Entries", module = "notmodified", frozen)]
#[derive(Debug)]
pub(super) struct PyEntries {
    cache: Py<PyCache>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    walk: Walk,
    ready: VecDeque<(Key, Record)>,
    is_over: bool,
}

impl PyEntries {
    pub(super) fn new(cache: Py<PyCache>, selection: Selection) -> Self {
        let state = State { walk: Walk::new(selection), ready: VecDeque::new(), is_over: false };
        Self { cache, state: Mutex::new(state) }
    }

    /// Another thread may be reading the store meanwhile: it is waited for without the interpreter's lock.
    fn state(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// One stretch further.
    fn advance(&mut self, cache: &Cache) -> Result<()> {
        match pollster::block_on(cache.look(&mut self.walk))? {
            Some(met) => self.ready.extend(met),
            None => self.is_over = true,
        }
        Ok(())
    }
}

#[pymethods]
impl PyEntries {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<PyEntry>> {
        loop {
            let (ready, is_over) = {
                let mut state = self.state(py);
                (state.ready.pop_front(), state.is_over)
            };
            if let Some((key, record)) = ready {
                return Ok(Some(PyEntry::new(&key, record)));
            }
            if is_over {
                return Ok(None);
            }
            py.check_signals()?;
            let cache = self.cache.get().open(py)?;
            let advance = || self.state.lock().unwrap_or_else(PoisonError::into_inner).advance(&cache);
            py.detach(advance).map_err(|error| raise(py, &error))?;
        }
    }

    #[getter]
    fn unreadable(&self, py: Python<'_>) -> u64 {
        self.state(py).walk.unreadable()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.cache)
    }
}

/// See `_core.pyi`.
#[pyclass(name = "Entry", module = "notmodified", frozen)]
pub(super) struct PyEntry {
    method: &'static str,
    record: Record,
    responses: PyOnceLock<Py<PyTuple>>,
}

impl PyEntry {
    fn new(key: &Key, record: Record) -> Self {
        let method = if key.method == Method::Head { "HEAD" } else { "GET" };
        Self { method, record, responses: PyOnceLock::new() }
    }
}

#[pymethods]
impl PyEntry {
    #[getter]
    fn url(&self) -> &str {
        &self.record.url
    }

    #[getter]
    const fn method(&self) -> &'static str {
        self.method
    }

    #[getter]
    fn partition(&self) -> Option<String> {
        self.record.partition.word()
    }

    #[getter]
    fn responses(&self, py: Python<'_>) -> PyResult<&Py<PyTuple>> {
        self.responses.get_or_try_init(py, || {
            let made = self.record.variants.iter().map(|stored| Py::new(py, PyStoredResponse::of(stored.clone())));
            Ok(PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)?.unbind())
        })
    }

    #[getter]
    const fn acknowledgements(&self) -> usize {
        self.record.acknowledged.len()
    }

    #[getter]
    fn last_used<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Some(self.record.last_used).filter(|seconds| *seconds > 0).map(|seconds| moment(py, seconds)).transpose()
    }

    fn __repr__(&self) -> String {
        format!("<Entry {} {}>", self.method, self.record.url)
    }
}

/// See `_core.pyi`.
#[pyclass(name = "StoredResponse", module = "notmodified", frozen)]
#[derive(Debug)]
pub(super) struct PyStoredResponse {
    stored: StoredResponse,
}

impl PyStoredResponse {
    const fn of(stored: StoredResponse) -> Self {
        Self { stored }
    }
}

#[pymethods]
impl PyStoredResponse {
    #[getter]
    const fn status(&self) -> u16 {
        self.stored.status
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fields::write(py, &self.stored.fields)
    }

    #[getter]
    fn etag(&self) -> Option<String> {
        text(&self.stored.fields, b"etag")
    }

    #[getter]
    fn last_modified(&self) -> Option<String> {
        text(&self.stored.fields, b"last-modified")
    }

    #[getter]
    const fn size(&self) -> u64 {
        self.stored.body.length
    }

    #[getter]
    fn received_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        moment(py, self.stored.received_at)
    }

    #[getter]
    fn validated_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        moment(py, self.stored.response_time)
    }

    fn __repr__(&self) -> String {
        format!("<StoredResponse [{}] {} bytes>", self.stored.status, self.stored.body.length)
    }
}

/// The value of a field, every byte as the character of that number.
fn text(fields: &Fields, name: &[u8]) -> Option<String> {
    fields.get(name).map(|value| value.iter().map(|byte| char::from(*byte)).collect())
}

/// A time as a `datetime` in UTC; one that a clock gone wrong has set beyond its years is their last.
fn moment(py: Python<'_>, seconds: u64) -> PyResult<Bound<'_, PyAny>> {
    const LAST: u64 = 253_402_300_799;
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    datetime.getattr("datetime")?.call_method1("fromtimestamp", (seconds.min(LAST), utc))
}
