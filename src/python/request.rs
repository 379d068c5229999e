//! `Request`: checked when it is made, so that a mistake is told where it was made, and cheap to send again.

use bytes::Bytes;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::identity::Proxy;
use crate::python::error::{invalid, raise};
use crate::python::{fields, naming, open};
use crate::request::Request;
use crate::wire;

/// See `_core.pyi`.
#[pyclass(name = "Request", module = "notmodified", frozen)]
#[derive(Debug)]
pub(super) struct PyRequest {
    pub(super) request: Request,
    /// Seconds; `None`: the session's.
    pub(super) timeout: Option<f64>,
    url: String,
    proxy: Option<String>,
    context: Option<Py<PyAny>>,
}

#[pymethods]
impl PyRequest {
    #[new]
    #[pyo3(signature = (url, *, method="GET", headers=None, content=None, identity=None, proxy=None, timeout=None, full=false, context=None))]
    #[expect(clippy::too_many_arguments, clippy::similar_names, reason = "keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        url: &Bound<'_, PyAny>,
        method: &str,
        headers: Option<&Bound<'_, PyAny>>,
        content: Option<&Bound<'_, PyAny>>,
        identity: Option<&Bound<'_, PyAny>>,
        proxy: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        full: bool,
        context: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let url = text(url)?;
        let (identity, proxy) = (naming::text(identity, "identity")?, naming::text(proxy, "proxy")?);
        let fields = fields::read(headers)?;
        let checked = || {
            wire::check_method(method)?;
            wire::check_fields(&fields)?;
            let mut request = Request::new(method, &url, fields.clone())?.named(identity.as_deref())?;
            request.proxy = proxy.as_deref().map(Proxy::parse).transpose()?;
            request.proxy.as_ref().map_or(Ok(()), wire::check_proxy)?;
            Ok(request)
        };
        let mut request = checked().map_err(|error| raise(py, &error))?;
        request.content = content.map(read_content).transpose()?;
        request.wish.is_full = full;
        open::check_seconds(py, "timeout", timeout)?;
        Ok(Self { request, timeout, url, proxy, context })
    }

    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    #[getter]
    fn method(&self) -> &str {
        &self.request.method
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fields::write(py, &self.request.fields)
    }

    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.request.content.as_ref().map(|content| PyBytes::new(py, content))
    }

    #[getter]
    fn identity(&self) -> Option<&str> {
        self.request.name.as_deref()
    }

    #[getter]
    fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    #[getter]
    const fn timeout(&self) -> Option<f64> {
        self.timeout
    }

    #[getter]
    const fn full(&self) -> bool {
        self.request.wish.is_full
    }

    #[getter]
    const fn context(&self) -> Option<&Py<PyAny>> {
        self.context.as_ref()
    }

    /// The context is the caller's, and may lead back here.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.context)
    }

    fn __repr__(&self) -> String {
        format!("<Request {} {}>", self.request.method, self.request.url)
    }
}

impl PyRequest {
    /// What `given` becomes on its way: for whoever is to say who sends it.
    pub(super) fn completed(py: Python<'_>, given: &Self, request: Request, proxy: Option<&str>) -> Self {
        let proxy = given.proxy.as_deref().or(proxy).map(str::to_owned);
        let context = given.context.as_ref().map(|context| context.clone_ref(py));
        Self { request, timeout: given.timeout, url: given.url.clone(), proxy, context }
    }

    /// One that somebody else sends.
    pub(super) fn planned(request: Request, url: &str, proxy: Option<&str>) -> Self {
        Self { request, timeout: None, url: url.to_owned(), proxy: proxy.map(str::to_owned), context: None }
    }
}

/// A URL as `str`, or as an object whose `str()` is the URL (`yarl.URL`, `httpx.URL`).
fn text(url: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(url) = url.cast::<PyString>() {
        return utf8(url);
    }
    if url.is_none() || url.is_instance_of::<PyBytes>() || url.is_instance_of::<pyo3::types::PyInt>() {
        let kind = url.get_type().name()?;
        return Err(invalid(url.py(), format!("a URL of type {kind}; give it as str")));
    }
    utf8(&url.str()?)
}

/// Text that can go on a wire: a lone surrogate cannot.
fn utf8(text: &Bound<'_, PyString>) -> PyResult<String> {
    let refuse = |_| invalid(text.py(), "a URL or content with a lone surrogate; decode it with the right encoding");
    text.to_str().map(str::to_owned).map_err(refuse)
}

/// Content as bytes, or as text in UTF-8.
fn read_content(content: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(text) = content.cast::<PyString>() {
        return Ok(utf8(text)?.into_bytes().into());
    }
    match content.extract::<Vec<u8>>() {
        Ok(bytes) if !content.is_instance_of::<pyo3::types::PyList>() => Ok(bytes.into()),
        _ => {
            let kind = content.get_type().name()?;
            Err(invalid(content.py(), format!("content of type {kind}; give it as bytes or str")))
        }
    }
}
