//! The binding: convert, hand over, wrap. Nothing about HTTP is decided here, and no thread of the core ever waits for the interpreter.

mod answered;
mod awaitable;
mod cache;
mod error;
mod etag;
mod fields;
mod inventory;
mod jury;
mod naming;
mod open;
mod plan;
mod preconditions;
mod request;
mod response;
mod selection;
mod session;
mod sharing;
mod stats;
mod words;

use pyo3::prelude::*;

/// The table of contents of `notmodified._core`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<cache::PyCache>()?;
    module.add_class::<etag::PyETag>()?;
    module.add_class::<inventory::PyEntries>()?;
    module.add_class::<inventory::PyEntry>()?;
    module.add_class::<inventory::PyStoredResponse>()?;
    module.add_class::<plan::PyPlan>()?;
    module.add_class::<plan::PyResend>()?;
    module.add_class::<request::PyRequest>()?;
    module.add_class::<response::PyResponse>()?;
    module.add_class::<session::PyEngine>()?;
    module.add_function(wrap_pyfunction!(preconditions::evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(words::explain, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    let names = [
        "Cache",
        "ETag",
        "Engine",
        "Entries",
        "Entry",
        "Plan",
        "Request",
        "Resend",
        "Response",
        "StoredResponse",
        "__version__",
        "evaluate",
        "explain",
    ];
    module.add("__all__", names)
}
