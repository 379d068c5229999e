//! Outcomes and reasons as members of the enumerations in `notmodified.outcomes`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::exchange::outcome::{Outcome, Reason};

type Members = PyOnceLock<Vec<Py<PyAny>>>;

/// See `_core.pyi`.
#[pyfunction]
pub(super) fn explain(word: &str) -> Option<String> {
    let outcome = Outcome::ALL.into_iter().find(|one| one.as_str() == word).map(|one| one.to_string());
    outcome.or_else(|| Reason::ALL.into_iter().find(|one| one.as_str() == word).map(|one| one.to_string()))
}

/// The member for an outcome.
pub(super) fn outcome(py: Python<'_>, outcome: Outcome) -> PyResult<Py<PyAny>> {
    static MEMBERS: Members = PyOnceLock::new();
    member(py, &MEMBERS, "Outcome", &Outcome::ALL.map(Outcome::as_str), outcome.as_str())
}

/// The member for a reason.
pub(super) fn reason(py: Python<'_>, reason: Reason) -> PyResult<Py<PyAny>> {
    static MEMBERS: Members = PyOnceLock::new();
    member(py, &MEMBERS, "Reason", &Reason::ALL.map(Reason::as_str), reason.as_str())
}

/// Looked up once for all of them: they are read again and again.
fn member(py: Python<'_>, members: &'static Members, class: &str, words: &[&str], word: &str) -> PyResult<Py<PyAny>> {
    let members = members.get_or_try_init(py, || {
        let class = py.import("notmodified.outcomes")?.getattr(class)?;
        words.iter().map(|word| class.call1((*word,)).map(Bound::unbind)).collect::<PyResult<Vec<_>>>()
    })?;
    let found = words.iter().zip(members).find(|(one, _)| **one == word).map(|(_, member)| member.clone_ref(py));
    Ok(found.unwrap_or_else(|| py.None()))
}
