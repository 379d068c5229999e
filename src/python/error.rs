//! From the core's one error type to the classes of `notmodified.exceptions`, by name.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use crate::error::{Error, Kind};

/// The exception for `error`.
pub(super) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    match instance(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(broken) => broken,
    }
}

/// The exception for `error`, as an object.
pub(super) fn instance<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    static EXCEPTIONS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = EXCEPTIONS.get_or_try_init(py, || py.import("notmodified.exceptions").map(Bound::unbind))?;
    module.bind(py).getattr(error.kind().as_str())?.call1((error.to_string(),))
}

/// A value that was refused at the door.
pub(super) fn invalid(py: Python<'_>, message: impl Into<String>) -> PyErr {
    raise(py, &Error::new(Kind::InvalidRequest, message))
}
