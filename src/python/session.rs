//! `Engine`: what `notmodified.Session` drives. Requests go in one by one, answers come out in batches on the event loop's own thread.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{Error, Kind, Result};
use crate::exchange::verdict::Verdict;
use crate::fields::Fields;
use crate::identity::Proxy;
use crate::python::error::{instance, raise};
use crate::python::fields;
use crate::python::jury::Jury;
use crate::python::naming::{self, Naming};
use crate::python::open::{self, CacheOptions, Keeping, Polling, count, pause, seconds};
use crate::python::request::PyRequest;
use crate::python::response::PyResponse;
use crate::python::selection::Named;
use crate::python::sharing::Identifying;
use crate::python::stats::stats;
use crate::request::{Request, check_identity};
use crate::rfc::coding;
use crate::session::Session;
use crate::session::engine::{Engine, Errand, Outcome, Token};
use crate::session::questions::Questions;
use crate::wire::{self, Wire};

/// What a session sends where the request does not say.
#[derive(Debug)]
struct Defaults {
    fields: Fields,
    name: Option<String>,
    proxy: Option<Proxy>,
    /// As the caller wrote it.
    given_proxy: Option<String>,
    naming: Naming,
    jar: Option<String>,
    timeout: Duration,
}

/// See `_core.pyi`.
#[pyclass(name = "Engine", module = "notmodified._core", frozen, weakref)]
#[derive(Debug)]
pub(super) struct PyEngine {
    options: CacheOptions,
    jury: Jury,
    wire: wire::Options,
    max_redirects: usize,
    defaults: Defaults,
    running: Mutex<Option<Arc<Engine>>>,
    requests: Mutex<HashMap<Token, Py<PyRequest>>>,
}

#[pymethods]
impl PyEngine {
    #[new]
    #[pyo3(signature = (store, *, consumer, freshness, cookies, headers, identity, proxy, timeout, connect_timeout, read_timeout, concurrency,
                        concurrency_per_host, delay, max_body, durability, max_size, max_age, full_every, min_interval, floors, stale_if_error,
                        stop_early, fingerprint, storable, sharing, k, identity_by, rotating, identity_key, identity_ttl,
                        max_redirects, ca_file, verify, http2, strict))]
    #[expect(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        consumer: Option<&str>,
        freshness: &str,
        cookies: bool,
        headers: Option<&Bound<'_, PyAny>>,
        identity: Option<&Bound<'_, PyAny>>,
        proxy: Option<&Bound<'_, PyAny>>,
        timeout: f64,
        connect_timeout: f64,
        read_timeout: f64,
        concurrency: i64,
        concurrency_per_host: i64,
        delay: f64,
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
        sharing: &Bound<'_, PyAny>,
        k: &Bound<'_, PyAny>,
        identity_by: Option<&Bound<'_, PyAny>>,
        rotating: Option<&Bound<'_, PyAny>>,
        identity_key: Option<&[u8]>,
        identity_ttl: Option<f64>,
        max_redirects: i64,
        ca_file: Option<PathBuf>,
        verify: bool,
        http2: bool,
        strict: bool,
    ) -> PyResult<Self> {
        let keeping = Keeping { durability, max_size, max_age, must_exist: false };
        let polling = Polling { full_every, min_interval, floors, stale_if_error, stop_early, fingerprint, storable };
        let (rule, naming) = Naming::read(py, identity_by)?;
        let mut options = CacheOptions::read(
            py,
            store,
            consumer,
            freshness,
            max_body,
            &keeping,
            &polling,
            &Identifying { sharing: Some(sharing), k: Some(k), rotating, key: identity_key, ttl: identity_ttl },
            rule,
            strict,
        )?;
        options.policy.accept_encoding = Some(coding::ACCEPTED);
        options.policy.validates_behind = true;
        let jury = Jury::of(&polling, options.policy.fingerprint);
        let wire = wire::Options {
            connect_timeout: seconds(py, "connect_timeout", connect_timeout)?,
            read_timeout: seconds(py, "read_timeout", read_timeout)?,
            max_body: count(py, "max_body", max_body, 1)? as u64,
            http2,
            verify,
            ca_file,
            cookies,
            concurrency: count(py, "concurrency", concurrency, 1)?,
            concurrency_per_host: count(py, "concurrency_per_host", concurrency_per_host, 1)?,
            delay: pause(py, "delay", delay)?,
        };
        let fields = with_user_agent(fields::read(headers)?);
        let (name, given_proxy) = (naming::text(identity, "identity")?, naming::text(proxy, "proxy")?);
        let checked = checked_defaults(&wire, &fields, name.as_deref(), given_proxy.as_deref());
        let proxy = checked.map_err(|error| raise(py, &error))?;
        let jar = cookies.then(String::new);
        let timeout = seconds(py, "timeout", timeout)?;
        let max_redirects = count(py, "max_redirects", max_redirects, 0)?;
        let defaults = Defaults { fields, name, proxy, given_proxy, naming, jar, timeout };
        let (running, requests) = (Mutex::default(), Mutex::default());
        Ok(Self { options, jury, wire, max_redirects, defaults, running, requests })
    }

    /// Opens the store and starts the thread. Waits for the disk, like `flush` and `close`: not for an event loop's thread.
    fn open(&self, py: Python<'_>) -> PyResult<()> {
        let start = || -> Result<Engine> {
            let cache = Arc::new(self.options.clone().open()?);
            Engine::start(Session::new(cache, Wire::new(self.wire.clone())?, self.max_redirects))
        };
        let engine = py.detach(start).map_err(|error| raise(py, &error))?;
        open::report(py, &engine.session().cache)?;
        *self.held() = Some(Arc::new(engine));
        Ok(())
    }

    /// Readable while `completed()` has something.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        Ok(self.engine(py)?.door())
    }

    fn submit(&self, py: Python<'_>, request: &Bound<'_, PyRequest>) -> PyResult<Token> {
        let errand = self.defaults.errand(py, request)?;
        let tokens = self.engine(py)?.submit([errand]).map_err(|error| raise(py, &error))?;
        self.requests().insert(tokens.start, request.clone().unbind());
        Ok(tokens.start)
    }

    /// The tokens of those that are on their way; and, of the first that cannot be, why. Those behind it were not looked at.
    #[expect(clippy::needless_pass_by_value, reason = "as pyo3 reads a list")]
    fn submit_many(&self, py: Python<'_>, requests: Vec<Py<PyRequest>>) -> PyResult<(Token, Token, Option<Py<PyAny>>)> {
        let engine = self.engine(py)?;
        let mut errands = Vec::with_capacity(requests.len());
        let mut refused = None;
        for request in &requests {
            match self.defaults.errand(py, request.bind(py)) {
                Ok(errand) => errands.push(errand),
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    refused = Some(error.into_value(py).into_any());
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let tokens = engine.submit(errands).map_err(|error| raise(py, &error))?;
        let held = requests.iter().map(|request| request.clone_ref(py));
        self.requests().extend(tokens.clone().zip(held));
        Ok((tokens.start, tokens.end, refused))
    }

    /// Lets everything that was submitted leave.
    fn call(&self, py: Python<'_>) -> PyResult<()> {
        self.engine(py)?.call();
        Ok(())
    }

    fn cancel(&self, py: Python<'_>, token: Token) -> PyResult<()> {
        self.engine(py)?.cancel(token);
        let request = self.requests().remove(&token);
        drop(request);
        Ok(())
    }

    /// At most `most` of what has come to its end: a token, and a response or an exception.
    fn completed<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Vec<(Token, Bound<'py, PyAny>)>> {
        let engine = self.engine(py)?;
        let completed = engine.completed(most);
        let mut requests = self.requests();
        let asked: Vec<_> = completed.iter().map(|(token, _)| requests.remove(token)).collect();
        drop(requests);
        let results = completed.into_iter().zip(asked);
        results.map(|((token, outcome), request)| Ok((token, result(py, &engine, outcome, request)?))).collect()
    }

    /// Readable while `judge()` has something to do; `None` where the caller has no say in what is stored.
    fn questions_fileno(&self, py: Python<'_>) -> PyResult<Option<i32>> {
        Ok(self.engine(py)?.questions().map(Questions::door))
    }

    /// Puts one question to the caller's code, and lets its flight go on with the answer.
    fn judge(&self, py: Python<'_>) -> PyResult<()> {
        let engine = self.engine(py)?;
        let Some(asked) = engine.questions().and_then(Questions::next) else { return Ok(()) };
        let verdict = self.jury.judge(py, &asked.question);
        // Also what goes through here, like KeyboardInterrupt, leaves nobody waiting.
        asked.answer(*verdict.as_ref().unwrap_or(&Verdict::NOT_STORABLE));
        verdict.map(|_| ())
    }

    /// Callables may lead back to the session.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.jury.traverse(&visit)?;
        self.defaults.naming.traverse(&visit)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        stats(py, &self.engine(py)?.session().cache)
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let engine = self.engine(py)?;
        py.detach(|| pollster::block_on(engine.session().cache.flush())).map_err(|error| raise(py, &error))
    }

    fn compact(&self, py: Python<'_>) -> PyResult<u64> {
        let engine = self.engine(py)?;
        py.detach(|| pollster::block_on(engine.session().cache.compact())).map_err(|error| raise(py, &error))
    }

    #[pyo3(signature = (*, url, host, identity, proxy, everything))]
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
        let engine = self.engine(py)?;
        let (session, named) = (engine.session(), Named { url, host, identity, proxy, is_all: everything });
        named.forget(py, &session.cache, |selection| session.forget(selection))
    }

    /// Stops the thread and makes what was stored durable.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let engine = self.held().clone();
        py.detach(|| engine.map_or(Ok(()), |engine| engine.close())).map_err(|error| raise(py, &error))
    }

    /// Closes at the interpreter's exit, and wakes nobody.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let engine = self.held().clone();
        py.detach(|| engine.map_or(Ok(()), |engine| engine.end())).map_err(|error| raise(py, &error))
    }

    /// Lets go of the store, after `close()` and after the last of `completed()`.
    fn release(&self, py: Python<'_>) {
        let engine = self.held().take();
        py.detach(move || drop(engine));
    }
}

impl PyEngine {
    /// Held for one statement, and never while Python objects are made or dropped: that may run any code, also ours.
    fn requests(&self) -> MutexGuard<'_, HashMap<Token, Py<PyRequest>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Engine>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self, py: Python<'_>) -> PyResult<Arc<Engine>> {
        let message = "the session is not open; enter it with async with";
        self.held().clone().ok_or_else(|| raise(py, &Error::new(Kind::Closed, message)))
    }
}

impl Defaults {
    fn errand(&self, py: Python<'_>, request: &Bound<'_, PyRequest>) -> PyResult<Errand> {
        let given = request.get();
        let timeout = given.timeout.map_or(self.timeout, Duration::from_secs_f64);
        let whole = |request| PyRequest::completed(py, given, request, self.given_proxy.as_deref());
        let named = self.naming.named(py, self.complete(&given.request), whole);
        let named = named.or_else(|error| {
            error.value(py).setattr("request", request)?;
            Err(error)
        })?;
        Ok(Errand::new(named, timeout))
    }

    /// The request as it goes out: the caller's word first, the session's where the caller is silent.
    fn complete(&self, given: &Request) -> Request {
        let missing = self.fields.filtered(|name, _| !given.fields.contains(name));
        let fields = given.fields.extended(&missing);
        Request {
            method: given.method.clone(),
            url: given.url.clone(),
            // Cookies of the caller's own are a client of their own, whatever the jar holds.
            jar: self.jar.clone().filter(|_| !fields.contains(b"cookie")),
            fields,
            content: given.content.clone(),
            name: given.name.clone().or_else(|| self.name.clone()),
            proxy: given.proxy.clone().or_else(|| self.proxy.clone()),
            wish: given.wish,
        }
    }
}

fn with_user_agent(fields: Fields) -> Fields {
    if fields.contains(b"user-agent") {
        return fields;
    }
    fields.with(b"User-Agent", concat!("notmodified/", env!("CARGO_PKG_VERSION")).as_bytes())
}

fn checked_defaults(
    wire: &wire::Options,
    fields: &Fields,
    identity: Option<&str>,
    proxy: Option<&str>,
) -> Result<Option<Proxy>> {
    wire.check()?;
    wire::check_fields(fields)?;
    identity.map_or(Ok(()), check_identity)?;
    let proxy = proxy.map(Proxy::parse).transpose()?;
    proxy.as_ref().map_or(Ok(()), wire::check_proxy)?;
    Ok(proxy)
}

fn result<'py>(
    py: Python<'py>,
    engine: &Engine,
    outcome: Outcome,
    request: Option<Py<PyRequest>>,
) -> PyResult<Bound<'py, PyAny>> {
    match outcome.as_ref() {
        Ok(_) => {
            let response = PyResponse::of_flight(outcome, &engine.session().cache, request);
            Ok(Bound::new(py, response)?.into_any())
        }
        Err(error) => {
            let exception = instance(py, error)?;
            exception.setattr("request", request)?;
            Ok(exception)
        }
    }
}
