//! Field sections to and from Python: mappings, pairs, or an object with `raw` pairs; text as latin-1, so that every byte has a character.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};

use crate::fields::Fields;
use crate::python::error::invalid;

/// Reads what a caller gives for headers: `None`, a mapping of names to values or lists of values, or an iterable of pairs.
pub(super) fn read(headers: Option<&Bound<'_, PyAny>>) -> PyResult<Fields> {
    let Some(headers) = headers.filter(|headers| !headers.is_none()) else { return Ok(Fields::new()) };
    // The usual first: what is not there would be looked for at the cost of an exception.
    let pairs = if headers.is_instance_of::<PyList>() || headers.is_instance_of::<PyTuple>() {
        headers.clone()
    } else if let Ok(dict) = headers.cast::<PyDict>() {
        dict.items().into_any()
    } else if let Ok(raw) = headers.getattr("raw") {
        raw
    } else if headers.hasattr("items")? {
        headers.call_method0("items")?
    } else {
        headers.clone()
    };
    let refuse =
        || invalid(headers.py(), "headers must be a mapping, or an iterable of (name, value) pairs, of str or bytes");
    let mut lines: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(16);
    for pair in pairs.try_iter().map_err(|_| refuse())? {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract().map_err(|_| refuse())?;
        let name = bytes(&name)?;
        if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            for one in value.try_iter()? {
                lines.push((name.clone(), bytes(&one?)?));
            }
        } else {
            lines.push((name, bytes(&value)?));
        }
    }
    Ok(lines.into_iter().collect())
}

/// The bytes of a name or a value.
pub(super) fn bytes(text: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = text.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    let Ok(string) = text.cast::<PyString>() else {
        let kind = text.get_type().name()?;
        return Err(invalid(text.py(), format!("a header of type {kind}; give names and values as str or bytes")));
    };
    // Characters up to U+00FF are bytes; there is no telling which bytes the others should be.
    let text = string
        .to_str()
        .map_err(|_| invalid(string.py(), "a header with a lone surrogate; encode it to bytes yourself"))?;
    text.chars()
        .map(|character| u8::try_from(u32::from(character)))
        .collect::<Result<_, _>>()
        .map_err(|_| invalid(string.py(), "a header with characters beyond latin-1; encode it to bytes yourself"))
}

/// The same as `notmodified.Headers`.
pub(super) fn write<'py>(py: Python<'py>, fields: &Fields) -> PyResult<Bound<'py, PyAny>> {
    static HEADERS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = HEADERS.import(py, "notmodified.headers", "Headers")?;
    class.call_method1(intern!(py, "of_raw"), (pairs(py, fields)?,))
}

/// The same as pairs of bytes.
fn pairs<'py>(py: Python<'py>, fields: &Fields) -> PyResult<Bound<'py, PyTuple>> {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| (PyBytes::new(py, name), PyBytes::new(py, value))).collect();
    PyTuple::new(py, pairs)
}
