//! From `url=`, `host=` and `everything=` to what is meant by them; and forgetting that.

use pyo3::prelude::*;

use crate::cache::Cache;
use crate::cache::inventory::Walk;
use crate::python::error::{invalid, raise};
use crate::selection::Selection;

/// What is selected; `None` where more or less than one thing was named.
pub(super) fn selection(
    py: Python<'_>,
    url: Option<&Bound<'_, PyAny>>,
    host: Option<&str>,
    is_all: bool,
) -> PyResult<Option<Selection>> {
    let selected = match (url, host, is_all) {
        (Some(url), None, false) => Selection::urls(texts(url)?.iter().map(String::as_str)),
        (None, Some(host), false) => Selection::host(host),
        (None, None, true) => Ok(Selection::All),
        _ => return Ok(None),
    };
    selected.map(Some).map_err(|error| raise(py, &error))
}

/// A text, or several.
fn texts(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if let Ok(text) = value.extract::<String>() {
        return Ok(vec![text]);
    }
    let refuse = |_| invalid(value.py(), "url must be a URL as str, or an iterable of such");
    value.try_iter().map_err(refuse)?.map(|one| one?.extract::<String>().map_err(&refuse)).collect()
}

/// Forgets what is selected and waits until that is durable; for how many URLs something was stored.
pub(super) fn forget(
    py: Python<'_>,
    cache: &Cache,
    url: Option<&Bound<'_, PyAny>>,
    host: Option<&str>,
    is_all: bool,
) -> PyResult<u64> {
    let Some(selection) = selection(py, url, host, is_all)? else {
        return Err(invalid(py, "forget() takes one of url=, host= and everything=True, and no two of them"));
    };
    let mut walk = Walk::new(selection);
    let mut forgotten = 0;
    while let Some(more) =
        py.detach(|| pollster::block_on(cache.forget(&mut walk))).map_err(|error| raise(py, &error))?
    {
        forgotten += more;
        py.check_signals()?;
    }
    py.detach(|| pollster::block_on(cache.flush())).map_err(|error| raise(py, &error))?;
    Ok(forgotten)
}
