//! What was counted, as plain data.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cache::Cache;

/// The dictionary that `Session.stats` and `Cache.stats` give.
pub(super) fn stats<'py>(py: Python<'py>, cache: &Cache) -> PyResult<Bound<'py, PyDict>> {
    let (counters, health) = (&cache.counters, cache.health());
    let counted = [
        ("requests", counters.requests.get()),
        ("not_modified", counters.not_modified.get()),
        ("errors", counters.errors.get()),
        ("wire_bytes", counters.wire_bytes.get()),
        ("bytes_saved", counters.bytes_saved.get()),
        ("resends", counters.resends.get()),
        ("coalesced", counters.coalesced.get()),
        ("store_errors", counters.store_errors.get() + health.failed_writes),
        ("corrupt_records", health.corrupt_records),
    ];
    let stats = PyDict::new(py);
    for (name, count) in counted {
        stats.set_item(name, count)?;
    }
    stats.set_item("not_modified_ratio", counters.not_modified_ratio())?;
    let outcomes = PyDict::new(py);
    for (outcome, count) in counters.outcomes() {
        outcomes.set_item(outcome.as_str(), count)?;
    }
    let reasons = PyDict::new(py);
    for (reason, count) in counters.reasons().filter(|(_, count)| *count > 0) {
        reasons.set_item(reason.as_str(), count)?;
    }
    stats.set_item("outcomes", outcomes)?;
    stats.set_item("reasons", reasons)?;
    stats.set_item("last_store_error", cache.last_store_error())?;
    let tracking = PyDict::new(py);
    for tracker in counters.trackers.told() {
        let shown = PyDict::new(py);
        shown.set_item("urls", tracker.urls)?;
        shown.set_item("validators", tracker.shown.validators)?;
        shown.set_item("exits", tracker.shown.exits)?;
        tracking.set_item(tracker.host, shown)?;
    }
    stats.set_item("tracking", tracking)?;
    Ok(stats)
}
