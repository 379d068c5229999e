//! From `url=`, `host=`, `identity=`, `proxy=` and `everything=` to what is meant by them; and forgetting that.

use pyo3::prelude::*;

use crate::cache::Cache;
use crate::cache::inventory::Walk;
use crate::error::Result;
use crate::python::error::{invalid, raise};
use crate::selection::Selection;

/// What is named, as Python names it.
#[derive(Default)]
pub(super) struct Named<'a, 'py> {
    pub(super) url: Option<&'a Bound<'py, PyAny>>,
    pub(super) host: Option<&'a str>,
    pub(super) identity: Option<&'a Bound<'py, PyAny>>,
    pub(super) proxy: Option<&'a Bound<'py, PyAny>>,
    pub(super) is_all: bool,
}

impl Named<'_, '_> {
    /// What is selected; `None` where more or less than one thing was named.
    pub(super) fn selection(&self, py: Python<'_>, cache: &Cache) -> PyResult<Option<Selection>> {
        let selected = match (self.url, self.host, self.identity, self.proxy, self.is_all) {
            (Some(url), None, None, None, false) => {
                Selection::urls(texts("url", "a URL", url)?.iter().map(String::as_str))
            }
            (None, Some(host), None, None, false) => Selection::host(host),
            (None, None, Some(names), None, false) => {
                let names = texts("identity", "a name", names)?;
                names.iter().map(|name| cache.exit(Some(name), None)).collect::<Result<_>>().map(Selection::Exits)
            }
            (None, None, None, Some(proxies), false) => {
                let proxies = texts("proxy", "the URL of a proxy", proxies)?;
                proxies.iter().map(|proxy| cache.exit(None, Some(proxy))).collect::<Result<_>>().map(Selection::Exits)
            }
            (None, None, None, None, true) => Ok(Selection::All),
            _ => return Ok(None),
        };
        selected.map(Some).map_err(|error| raise(py, &error))
    }

    /// Forgets what is selected and waits until that is durable; for how many URLs something was stored. `also`: what else is to be forgotten.
    pub(super) fn forget(&self, py: Python<'_>, cache: &Cache, also: impl FnOnce(&Selection)) -> PyResult<u64> {
        let Some(selection) = self.selection(py, cache)? else {
            let message =
                "forget() takes one of url=, host=, identity=, proxy= and everything=True, and no two of them";
            return Err(invalid(py, message));
        };
        let mut walk = Walk::new(selection.clone());
        let mut forgotten = 0;
        while let Some(more) =
            py.detach(|| pollster::block_on(cache.forget(&mut walk))).map_err(|error| raise(py, &error))?
        {
            forgotten += more;
            py.check_signals()?;
        }
        also(&selection);
        Ok(forgotten)
    }
}

/// A text, or several.
fn texts(name: &str, what: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if let Ok(text) = value.extract::<String>() {
        return Ok(vec![text]);
    }
    let refuse = |_| invalid(value.py(), format!("{name} must be {what} as str, or an iterable of such"));
    value.try_iter().map_err(refuse)?.map(|one| one?.extract::<String>().map_err(&refuse)).collect()
}
