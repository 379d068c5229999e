//! The caller's own code that has a say in what is stored: `storable=` and `fingerprint=`, called on the caller's own thread.
//!
//! Nothing that it does loses a page. What it raises is logged, and stands for the answer that does the least harm: a page that it cannot
//! judge does not replace one that it could, and content that it cannot read is compared as it is.

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBool, PyBoolMethods, PyBytes, PyString};

use crate::exchange::Fingerprinting;
use crate::exchange::verdict::{Question, Verdict};
use crate::fingerprint;
use crate::python::fields;
use crate::python::open::Polling;

/// The callables.
#[derive(Debug)]
pub(super) struct Jury {
    storable: Option<Py<PyAny>>,
    fingerprint: Option<Py<PyAny>>,
}

impl Jury {
    /// Those among the options, which were checked when they were read as `fingerprinting`.
    pub(super) fn of(polling: &Polling<'_, '_>, fingerprinting: Fingerprinting) -> Self {
        let owned = |callable: Option<&Bound<'_, PyAny>>| callable.map(|one| one.clone().unbind());
        let is_callers = fingerprinting == Fingerprinting::Callers;
        Self { storable: owned(polling.storable), fingerprint: owned(polling.fingerprint).filter(|_| is_callers) }
    }

    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        let same = |callable: &Option<Py<PyAny>>| callable.as_ref().map(|one| one.clone_ref(py));
        Self { storable: same(&self.storable), fingerprint: same(&self.fingerprint) }
    }

    /// What the caller says.
    ///
    /// # Errors
    /// What is not for us to keep: `KeyboardInterrupt`, `SystemExit`.
    pub(super) fn judge(&self, py: Python<'_>, question: &Question) -> PyResult<Verdict> {
        let content = PyBytes::new(py, &question.content);
        if let Some(callable) = &self.storable {
            let said = is_storable(callable.bind(py), question, &content);
            if !or_told(said, &content, question, "storable", "the page is not stored")?.unwrap_or(false) {
                return Ok(Verdict::NOT_STORABLE);
            }
        }
        let fingerprint = self.fingerprint.as_ref().filter(|_| question.is_compared);
        let Some(callable) = fingerprint else { return Ok(Verdict::NONE) };
        let made = print(callable.bind(py), &content);
        let fingerprint = or_told(made, &content, question, "fingerprint", "the content is compared as it is")?;
        Ok(Verdict { is_storable: true, fingerprint: fingerprint.map(|made| fingerprint::given(&made)) })
    }

    /// Callables may lead back to whoever has this.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.storable)?;
        visit.call(&self.fingerprint)
    }
}

fn is_storable(callable: &Bound<'_, PyAny>, question: &Question, content: &Bound<'_, PyBytes>) -> PyResult<bool> {
    let headers = fields::write(callable.py(), &question.fields)?;
    let said = callable.call1((question.status, headers, content))?;
    said.cast::<PyBool>().map(PyBoolMethods::is_true).map_err(|_| wrong_type("storable", &said, "True or False"))
}

fn print(callable: &Bound<'_, PyAny>, content: &Bound<'_, PyBytes>) -> PyResult<Vec<u8>> {
    let made = callable.call1((content,))?;
    if let Ok(bytes) = made.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    let text = made.cast::<PyString>().map_err(|_| wrong_type("fingerprint", &made, "bytes or str"))?;
    Ok(text.to_str()?.as_bytes().to_vec())
}

fn wrong_type(name: &str, said: &Bound<'_, PyAny>, wanted: &str) -> PyErr {
    let kind = said.get_type().name().map_or_else(|_| "unknown".to_owned(), |kind| kind.to_string());
    PyTypeError::new_err(format!("{name} returned {kind}; it must return {wanted}"))
}

/// What was said; nothing, and a line in the log with the traceback, where it was raised.
fn or_told<T>(
    said: PyResult<T>,
    content: &Bound<'_, PyBytes>,
    question: &Question,
    name: &str,
    consequence: &str,
) -> PyResult<Option<T>> {
    let py = content.py();
    let error = match said {
        Ok(said) => return Ok(Some(said)),
        Err(error) if !error.is_instance_of::<PyException>(py) => return Err(error),
        Err(error) => error,
    };
    let options = [("exc_info", error.into_value(py))].into_py_dict(py)?;
    let logger = py.import("logging")?.call_method1("getLogger", ("notmodified",))?;
    let told = logger.call_method("error", ("%s= failed on %s; %s", name, &*question.url, consequence), Some(&options));
    // A handler of the caller's that fails in turn is not worth the page.
    if let Err(failure) = told {
        failure.write_unraisable(py, Some(&logger));
    }
    Ok(None)
}
