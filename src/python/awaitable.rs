//! Awaitable twins of calls that may wait for a store: the same call on a thread of the event loop's own executor.
//!
//! A runtime of ours that finishes Python's futures from its own threads was tried (pyo3-async-runtimes): 4 of 60 interpreters that had
//! awaited it aborted at their exit, and after a fork its threads are missing and an await never ends. asyncio's executor knows both.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// A coroutine of `call(*positional, **named)`, run on another thread.
pub(super) fn off_the_loop<'py>(
    call: Bound<'py, PyAny>,
    positional: &Bound<'py, PyTuple>,
    named: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = call.py();
    let arguments: Vec<_> = std::iter::once(call).chain(positional.iter()).collect();
    py.import("asyncio")?.call_method("to_thread", PyTuple::new(py, arguments)?, named)
}
