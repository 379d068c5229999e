//! From `sharing=`, `k=`, `rotating=`, `identity_ttl=` and `identity_key=` to who may use what an identity received, and what identities are known by.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::entry::corroboration::{MOST_WITNESSES, Quorum};
use crate::exchange::sharing::Sharing;
use crate::identity::{Gateways, Secret};
use crate::python::error::{invalid, raise};
use crate::python::naming::unknown_word;
use crate::python::open::{check_seconds, shown, whole_seconds};

/// Exits that have to agree, where the caller does not say.
const FEWEST: u8 = 2;

/// Who may use what an identity received, as Python says it. `None`: it does not say.
pub(super) struct Identifying<'a, 'py> {
    pub(super) sharing: Option<&'a Bound<'py, PyAny>>,
    pub(super) k: Option<&'a Bound<'py, PyAny>>,
    pub(super) rotating: Option<&'a Bound<'py, PyAny>>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) ttl: Option<f64>,
}

impl Identifying<'_, '_> {
    /// The caller's own key of the hashes.
    pub(super) fn secret(&self, py: Python<'_>) -> PyResult<Option<Secret>> {
        self.key.map(Secret::of).transpose().map_err(|error| raise(py, &error))
    }

    /// Seconds after which what an identity received is not its own any more.
    pub(super) fn ttl(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        Ok(check_seconds(py, "identity_ttl", self.ttl)?.map(whole_seconds))
    }

    /// `k` is checked also where nothing goes by it: it will, once the mode is another.
    pub(super) fn sharing(&self, py: Python<'_>) -> PyResult<Sharing> {
        let k = self.k.map_or(Ok(FEWEST), read_k)?;
        let corroborated = Sharing::Corroborated(Quorum { k, ttl: self.ttl(py)? });
        let Some(given) = self.sharing else { return Ok(corroborated) };
        match given.cast::<PyString>().map(|word| word.to_string_lossy()).as_deref() {
            Ok("isolated") => Ok(Sharing::Isolated),
            Ok("corroborated") => Ok(corroborated),
            Ok("central") => Ok(Sharing::Central),
            Ok(word) => Err(invalid(py, unknown_word(py, "sharing", word, &["isolated", "corroborated", "central"]))),
            Err(_) => {
                let remedy = "it must be \"isolated\", \"corroborated\" or \"central\"";
                Err(invalid(py, format!("sharing={}; {remedy}", shown(given))))
            }
        }
    }

    /// The gateways whose address changes with each request.
    pub(super) fn rotating(&self, py: Python<'_>) -> PyResult<Gateways> {
        let refuse = |given: &Bound<'_, PyAny>| {
            let kind = given.get_type().name().map_or_else(|_| "?".to_owned(), |kind| kind.to_string());
            let remedy = "it must be a list of gateways as str, each \"host:port\" or \"*.host\"";
            invalid(py, format!("rotating has a value of type {kind}; {remedy}"))
        };
        let Some(given) = self.rotating else { return Ok(Gateways::default()) };
        if given.is_instance_of::<PyString>() {
            return Err(refuse(given));
        }
        let mut patterns = Vec::new();
        for pattern in given.try_iter().map_err(|_| refuse(given))? {
            let pattern = pattern?;
            patterns.push(pattern.extract::<String>().map_err(|_| refuse(&pattern))?);
        }
        Gateways::parse(patterns.iter().map(String::as_str)).map_err(|error| raise(py, &error))
    }
}

/// `True` is a number to Python, and none that anybody means here.
fn read_k(given: &Bound<'_, PyAny>) -> PyResult<u8> {
    let is_counted = |k: &u8| (1..=MOST_WITNESSES).contains(&usize::from(*k));
    let read = given.extract::<u8>().ok().filter(is_counted).filter(|_| !given.is_instance_of::<PyBool>());
    read.ok_or_else(|| {
        let message = format!("k={}; it must be a number of exits from 1 to {MOST_WITNESSES}", shown(given));
        invalid(given.py(), message)
    })
}
