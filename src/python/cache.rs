//! `Cache`: the heart without a wire, for whoever has a downloader already.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::cache::Cache;
use crate::error::{Error, Kind, Result};
use crate::exchange::{Ask, Wish};
use crate::fields::Fields;
use crate::identity::Proxy;
use crate::python::awaitable::off_the_loop;
use crate::python::error::{invalid, raise};
use crate::python::fields;
use crate::python::inventory::PyEntries;
use crate::python::jury::Jury;
use crate::python::naming::{self, Naming};
use crate::python::open::{self, CacheOptions, Keeping, Polling};
use crate::python::plan::PyPlan;
use crate::python::request::PyRequest;
use crate::python::selection::Named;
use crate::python::sharing::Identifying;
use crate::python::stats::stats;
use crate::request::Request;

/// See `_core.pyi`.
#[pyclass(name = "Cache", module = "notmodified", frozen)]
#[derive(Debug)]
pub(super) struct PyCache {
    cache: Mutex<Option<Arc<Cache>>>,
    jury: Jury,
    naming: Naming,
}

#[pymethods]
impl PyCache {
    #[new]
    #[pyo3(signature = (store, *, consumer=None, freshness="revalidate", max_body=67_108_864, durability="group", max_size=None, max_age=None,
                        full_every=None, min_interval=None, floors=Option::None, stale_if_error=None, stop_early=false,
                        fingerprint=None, storable=None, sharing=Option::None, k=Option::None, identity_by=None, rotating=Option::None,
                        identity_key=None, identity_ttl=None, strict=false, create=true))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        consumer: Option<&str>,
        freshness: &str,
        max_body: i64,
        durability: &str,
        max_size: Option<i64>,
        max_age: Option<f64>,
        full_every: Option<&Bound<'_, PyAny>>,
        min_interval: Option<f64>,
        floors: Option<&Bound<'_, PyAny>>,
        stale_if_error: Option<f64>,
        stop_early: bool,
        fingerprint: Option<&Bound<'_, PyAny>>,
        storable: Option<&Bound<'_, PyAny>>,
        sharing: Option<&Bound<'_, PyAny>>,
        k: Option<&Bound<'_, PyAny>>,
        identity_by: Option<&Bound<'_, PyAny>>,
        rotating: Option<&Bound<'_, PyAny>>,
        identity_key: Option<&[u8]>,
        identity_ttl: Option<f64>,
        strict: bool,
        create: bool,
    ) -> PyResult<Self> {
        let keeping = Keeping { durability, max_size, max_age, must_exist: !create };
        let polling = Polling { full_every, min_interval, floors, stale_if_error, stop_early, fingerprint, storable };
        let (rule, naming) = Naming::read(py, identity_by)?;
        let options = CacheOptions::read(
            py,
            store,
            consumer,
            freshness,
            max_body,
            &keeping,
            &polling,
            &Identifying { sharing, k, rotating, key: identity_key, ttl: identity_ttl },
            rule,
            strict,
        )?;
        let jury = Jury::of(&polling, options.policy.fingerprint);
        let cache = py.detach(|| options.open()).map_err(|error| raise(py, &error))?;
        open::report(py, &cache)?;
        Ok(Self { cache: Mutex::new(Some(Arc::new(cache))), jury, naming })
    }

    #[pyo3(signature = (method, url, headers=None, *, identity=None, proxy=None, cookie_jar=None, has_content=false, freshness=None,
                        full=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn plan(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        identity: Option<&Bound<'_, PyAny>>,
        proxy: Option<&Bound<'_, PyAny>>,
        cookie_jar: Option<&str>,
        has_content: bool,
        freshness: Option<&str>,
        full: bool,
    ) -> PyResult<PyPlan> {
        let cache = self.open(py)?;
        let (identity, proxy) = (naming::text(identity, "identity")?, naming::text(proxy, "proxy")?);
        let fields = fields::read(headers)?;
        let request = read_request(method, url, fields, identity.as_deref(), proxy.as_deref(), cookie_jar);
        let request = request.map_err(|error| raise(py, &error))?;
        let request = self.naming.named(py, request, |request| PyRequest::planned(request, url, proxy.as_deref()))?;
        let planned = py.detach(|| {
            let wish = Wish { freshness: freshness.map(open::read_freshness).transpose()?, is_full: full };
            let ask = Ask { has_content, wish, ..cache.ask(&request)? };
            pollster::block_on(cache.plan(ask))
        });
        PyPlan::new(py, planned.map_err(|error| raise(py, &error))?, cache, self.jury.clone_ref(py))
    }

    #[pyo3(
        signature = (*arguments, **options),
        text_signature = "(self, method, url, headers=None, *, identity=None, proxy=None, cookie_jar=None, has_content=False, freshness=None, full=False)"
    )]
    fn aplan<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("plan")?, arguments, options)
    }

    #[getter]
    fn at_hand(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.open(py)?.is_warm())
    }

    /// Callables may lead back to the cache.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.jury.traverse(&visit)?;
        self.naming.traverse(&visit)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        stats(py, &*self.open(py)?)
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let cache = self.open(py)?;
        py.detach(|| pollster::block_on(cache.flush())).map_err(|error| raise(py, &error))
    }

    fn compact(&self, py: Python<'_>) -> PyResult<u64> {
        let cache = self.open(py)?;
        py.detach(|| pollster::block_on(cache.compact())).map_err(|error| raise(py, &error))
    }

    #[pyo3(signature = (*, url=None, host=None))]
    fn entries(
        slf: Py<Self>,
        py: Python<'_>,
        url: Option<&Bound<'_, PyAny>>,
        host: Option<&str>,
    ) -> PyResult<PyEntries> {
        let named = Named { url, host, is_all: url.is_none() && host.is_none(), ..Named::default() };
        let selection = named.selection(py, &*slf.get().open(py)?)?;
        let selection = selection.ok_or_else(|| invalid(py, "entries() takes url= or host=, or neither; not both"))?;
        Ok(PyEntries::new(slf, selection))
    }

    #[pyo3(signature = (*, url=None, host=None, identity=None, proxy=None, everything=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn forget(
        &self,
        py: Python<'_>,
        url: Option<&Bound<'_, PyAny>>,
        host: Option<&str>,
        identity: Option<&Bound<'_, PyAny>>,
        proxy: Option<&Bound<'_, PyAny>>,
        everything: bool,
    ) -> PyResult<u64> {
        Named { url, host, identity, proxy, is_all: everything }.forget(py, &*self.open(py)?, |_| ())
    }

    #[pyo3(
        signature = (**options),
        text_signature = "(self, *, url=None, host=None, identity=None, proxy=None, everything=False)"
    )]
    fn aforget<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("forget")?, &PyTuple::empty(slf.py()), options)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(cache) = self.held().take() else { return Ok(()) };
        py.detach(move || pollster::block_on(cache.flush())).map_err(|error| raise(py, &error))
    }

    fn aflush<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("flush")?, &PyTuple::empty(slf.py()), None)
    }

    fn acompact<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("compact")?, &PyTuple::empty(slf.py()), None)
    }

    fn aclose<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("close")?, &PyTuple::empty(slf.py()), None)
    }

    #[getter]
    fn closed(&self) -> bool {
        self.held().is_none()
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        off_the_loop(slf.getattr("__enter__")?, &PyTuple::empty(slf.py()), None)
    }

    #[pyo3(signature = (*_error))]
    fn __aexit__<'py>(slf: &Bound<'py, Self>, _error: &Bound<'_, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        Self::aclose(slf)
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

    /// The cache, unless it is closed.
    pub(super) fn open(&self, py: Python<'_>) -> PyResult<Arc<Cache>> {
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
