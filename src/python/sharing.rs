//! From `sharing=`, `k=` and `identity_key=` to who may use what an identity received, and by what key identities are hashed.

use pyo3::prelude::*;

use crate::entry::corroboration::{MOST_WITNESSES, Quorum};
use crate::exchange::sharing::Sharing;
use crate::identity::Secret;
use crate::python::error::{invalid, raise};

/// Who may use what an identity received, as Python says it.
pub(super) struct Identifying<'a> {
    pub(super) sharing: &'a str,
    pub(super) k: i64,
    pub(super) key: Option<&'a [u8]>,
}

impl Identifying<'_> {
    /// The caller's own key of the hashes.
    pub(super) fn secret(&self, py: Python<'_>) -> PyResult<Option<Secret>> {
        self.key.map(Secret::of).transpose().map_err(|error| raise(py, &error))
    }

    pub(super) fn read(&self, py: Python<'_>) -> PyResult<Sharing> {
        let is_counted = |k: &u8| (1..=MOST_WITNESSES).contains(&usize::from(*k));
        let k = u8::try_from(self.k).ok().filter(is_counted).ok_or_else(|| {
            invalid(py, format!("k={}; it must be a number of exits from 1 to {MOST_WITNESSES}", self.k))
        })?;
        match self.sharing {
            "isolated" => Ok(Sharing::Isolated),
            "corroborated" => Ok(Sharing::Corroborated(Quorum { k, ttl: None })),
            "central" => Ok(Sharing::Central),
            other => {
                let message = format!("sharing={other:?} is none of \"isolated\", \"corroborated\" and \"central\"");
                Err(invalid(py, message))
            }
        }
    }
}
