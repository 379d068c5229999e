//! Awaitables for what is rare and may wait for a disk: opening, flushing, closing. The path of a request has [`crate::session::completions`].

use pyo3::prelude::*;

use crate::error::{Error, Kind, Result};
use crate::python::error::raise;

/// Runs what waits for a disk on a thread that may wait, and gives Python an awaitable of `None`.
pub(super) fn off_the_loop(
    py: Python<'_>,
    work: impl FnOnce() -> Result<()> + Send + 'static,
) -> PyResult<Bound<'_, PyAny>> {
    pyo3_async_runtimes::tokio::future_into_py(py, async move {
        let done = tokio::task::spawn_blocking(work).await;
        Python::attach(|py| match done {
            Ok(result) => result.map_err(|error| raise(py, &error)),
            Err(broken) => Err(raise(py, &Error::new(Kind::Store, "the work was not finished").with_source(broken))),
        })
    })
}
