//! `ETag`: an entity tag as Python handles one, made for an origin or read from a field.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::python::error::invalid;
use crate::python::fields;
use crate::rfc::etag::{EntityTag, made_of};

/// See `_core.pyi`.
#[pyclass(name = "ETag", module = "notmodified", frozen, eq, hash)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PyETag {
    /// Weakness and quotes included.
    field_value: Vec<u8>,
}

#[pymethods]
impl PyETag {
    #[new]
    #[pyo3(signature = (value, *, weak=false))]
    fn new(value: &Bound<'_, PyAny>, weak: bool) -> PyResult<Self> {
        let refuse = || {
            let remedy = "give what stands between the quotes, without spaces, quotes and control characters; \
                          ETag.parse reads a whole field value";
            invalid(value.py(), format!("an entity tag cannot be made of that; {remedy}"))
        };
        made_of(&fields::bytes(value)?, weak).map(|field_value| Self { field_value }).ok_or_else(refuse)
    }

    #[staticmethod]
    fn parse(field_value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes = fields::bytes(field_value)?;
        let refuse = || invalid(field_value.py(), "no entity tag: it is empty, \"*\", or holds a control character");
        EntityTag::new(&bytes).map(|tag| Self { field_value: tag.as_bytes().to_vec() }).ok_or_else(refuse)
    }

    #[getter]
    fn weak(&self) -> bool {
        self.tag().is_some_and(EntityTag::is_weak)
    }

    #[getter]
    fn value(&self) -> String {
        text(self.tag().map(EntityTag::value).unwrap_or_default())
    }

    fn strongly_equals(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.compared(other, EntityTag::strongly_equals)
    }

    fn weakly_equals(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.compared(other, EntityTag::weakly_equals)
    }

    fn __str__(&self) -> String {
        text(&self.field_value)
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.field_value)
    }

    fn __repr__(&self) -> String {
        format!("<ETag {}>", text(&self.field_value))
    }
}

impl PyETag {
    /// An `ETag`, or a field value as text or bytes.
    pub(super) fn read(etag: &Bound<'_, PyAny>) -> PyResult<Self> {
        match etag.cast::<Self>() {
            Ok(etag) => Ok(etag.get().clone()),
            Err(_) => Self::parse(etag),
        }
    }

    /// The tag; it was one when it was made.
    pub(super) fn tag(&self) -> Option<EntityTag<'_>> {
        EntityTag::new(&self.field_value)
    }

    fn compared<'a>(
        &'a self,
        other: &Bound<'_, PyAny>,
        equals: fn(EntityTag<'a>, EntityTag<'_>) -> bool,
    ) -> PyResult<bool> {
        let other = Self::read(other)?;
        Ok(self.tag().zip(other.tag()).is_some_and(|(one, other)| equals(one, other)))
    }
}

/// Bytes as latin-1: every byte has a character.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
