//! `evaluate`: a request's own conditions, for origins and for whoever keeps representations.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyType};

use crate::python::error::invalid;
use crate::python::etag::PyETag;
use crate::python::fields;
use crate::request::standard_method;
use crate::rfc::date;
use crate::rfc::preconditions::{self, LastModified, Validators};

/// The last second of the year 9999: no HTTP-date is later.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// See `_core.pyi`.
#[pyfunction]
#[pyo3(signature = (method, request_headers, *, etag=None, last_modified=None, exists=true, date=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub(super) fn evaluate<'py>(
    py: Python<'py>,
    method: &str,
    request_headers: Option<&Bound<'py, PyAny>>,
    etag: Option<&Bound<'py, PyAny>>,
    last_modified: Option<&Bound<'py, PyAny>>,
    exists: bool,
    date: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    static EVALUATION: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let request = fields::read(request_headers)?;
    let etag = etag.map(PyETag::read).transpose()?;
    let modified = last_modified.map(|value| seconds("last_modified", value)).transpose()?;
    let date = date.map(|value| seconds("date", value)).transpose()?;
    let last_modified = modified.map(|at| match date {
        Some(date) => LastModified::dated(at, date),
        // > That origin server reliably knows that the associated representation did not change twice during the second covered by the
        // > presented validator (RFC 9110 §8.8.2.2): whoever gives no date vouches for it.
        None => LastModified { at, is_strong: true },
    });
    let validators = Validators { etag: etag.as_ref().and_then(PyETag::tag), last_modified };
    let method = standard_method(method);
    let evaluation = preconditions::evaluate(method.as_bytes(), &request, exists.then_some(&validators));
    EVALUATION.import(py, "notmodified.evaluation", "Evaluation")?.getattr(evaluation.as_str())
}

/// A moment as whole seconds since the epoch, as HTTP tells time. What lies before the epoch is the epoch.
fn seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let py = value.py();
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        let remedy = "give an HTTP-date (\"Sun, 06 Nov 1994 08:49:37 GMT\"), a datetime, or seconds since the epoch";
        return date::parse(&fields::bytes(value)?)
            .ok_or_else(|| invalid(py, format!("{name} is no HTTP-date; {remedy}")));
    }
    let is_number = value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>();
    let moment: f64 = if is_number && !value.is_instance_of::<PyBool>() {
        // An int that no float holds is beyond the bound below.
        value.extract().unwrap_or(f64::INFINITY)
    } else if value.is_instance(&py.import("datetime")?.getattr("datetime")?)? {
        if value.call_method0("utcoffset")?.is_none() {
            return Err(invalid(py, format!("{name} is a datetime without a time zone; give it one")));
        }
        value.call_method0("timestamp")?.extract()?
    } else {
        let kind = value.get_type().name()?;
        let remedy = "give an HTTP-date as str or bytes, a datetime with a time zone, or seconds since the epoch";
        return Err(invalid(py, format!("{name} of type {kind}; {remedy}")));
    };
    if moment.is_nan() || moment > LAST_SECOND {
        let remedy = "seconds since the epoch (not milliseconds) lie before the year 10000";
        return Err(invalid(py, format!("{name}={moment}; {remedy}")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the year 10000")]
    Ok(moment.max(0.0).floor() as u64)
}
