//! `identity=` and `identity_by=`: who asks, in the caller's own words or by the caller's own code.
//!
//! The code is asked before anything is sent, on the thread that asks. What it raises is raised, as the cause of an error that names the code
//! and shows nothing of the request; without an answer nothing is sent in anybody's name.

use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::identity::Rule;
use crate::python::error::{invalid, raise};
use crate::python::request::PyRequest;
use crate::request::{Request, check_identity};

/// The words of `identity_by=`.
const RULES: [(&str, Rule); 4] =
    [("proxy", Rule::Proxy), ("proxy-subnet", Rule::Subnet), ("session", Rule::Session), ("request", Rule::Request)];

/// The caller's code, where there is some.
#[derive(Debug)]
pub(super) struct Naming(Option<Py<PyAny>>);

impl Naming {
    /// What `identity_by=` says: a rule, and whose word goes before it.
    pub(super) fn read(py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<(Rule, Self)> {
        let Some(given) = given else { return Ok((Rule::default(), Self(None))) };
        if let Some(word) = given.cast::<PyString>().ok().map(|word| word.to_string_lossy()) {
            let known = RULES.iter().find(|(known, _)| *known == word);
            return match known {
                Some((_, rule)) => Ok((*rule, Self(None))),
                None => Err(invalid(py, unknown_word(py, "identity_by", &word, &RULES.map(|(word, _)| word)))),
            };
        }
        if !given.is_callable() {
            let kind = given.get_type().name()?;
            return Err(invalid(py, format!("identity_by of type {kind}; {WANTED}")));
        }
        if is_async(given)? {
            let remedy = "it is asked before a request is sent, and cannot be waited for: write it with def";
            return Err(invalid(py, format!("identity_by={} is async; {remedy}", name_of(given))));
        }
        Ok((Rule::default(), Self(Some(given.clone().unbind()))))
    }

    /// The request with the name that the caller's code gives it, where the caller gave none. `whole` is the request as it goes out.
    pub(super) fn named(
        &self,
        py: Python<'_>,
        request: Request,
        whole: impl FnOnce(Request) -> PyRequest,
    ) -> PyResult<Request> {
        let Some(callable) = self.0.as_ref().filter(|_| request.name.is_none()) else { return Ok(request) };
        let callable = callable.bind(py);
        let said = callable.call1((Bound::new(py, whole(request.clone()))?,)).map_err(|cause| {
            // KeyboardInterrupt and SystemExit are nobody's mistake.
            let is_mistake = cause.is_instance_of::<PyException>(py);
            if is_mistake { refused(callable, "raised an exception", Some(cause)) } else { cause }
        })?;
        Ok(Request { name: name_said(callable, &said)?, ..request })
    }

    /// A callable may lead back to whoever has this.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

const WANTED: &str = "give it a callable, None, or one of \"proxy\", \"proxy-subnet\", \"session\" and \"request\"";

/// Text that the caller gives, which may be a secret: what is none is told by its type.
pub(super) fn text(given: Option<&Bound<'_, PyAny>>, what: &str) -> PyResult<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    let Ok(text) = given.cast::<PyString>() else {
        let kind = given.get_type().name()?;
        return Err(invalid(given.py(), format!("{what}= of type {kind}; give it as str, or None")));
    };
    let refuse = |_| invalid(given.py(), format!("{what}= with a lone surrogate; decode it with the right encoding"));
    text.to_str().map(|text| Some(text.to_owned())).map_err(refuse)
}

/// A word that is none of those that are known, and the one that it comes nearest to.
pub(super) fn unknown_word(py: Python<'_>, option: &str, word: &str, known: &[&str]) -> String {
    let near = || -> PyResult<Vec<String>> {
        py.import("difflib")?.call_method1("get_close_matches", (word, known.to_vec(), 1))?.extract()
    };
    let shown: String = word.chars().take(80).collect();
    let quoted: Vec<String> = known.iter().map(|word| format!("{word:?}")).collect();
    match near().unwrap_or_default().first() {
        Some(likely) => format!("{option}={shown:?}; did you mean {likely:?}? There are {}", quoted.join(", ")),
        None => format!("{option}={shown:?}; it must be one of {}", quoted.join(", ")),
    }
}

fn name_said(callable: &Bound<'_, PyAny>, said: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if said.is_none() {
        return Ok(None);
    }
    let Ok(name) = said.cast::<PyString>() else {
        let kind = said.get_type().name()?.to_string();
        if kind == "coroutine" {
            // Nobody waits for it, which Python would complain of a second time.
            said.call_method0("close")?;
        }
        return Err(refused(callable, &format!("returned {kind}"), None));
    };
    let name = name.to_str().map_err(|cause| refused(callable, "returned a lone surrogate", Some(cause)))?;
    check_identity(name).map_err(|error| {
        let what = format!("returned a name of {} bytes", name.len());
        refused(callable, &what, Some(raise(callable.py(), &error)))
    })?;
    Ok(Some(name.to_owned()))
}

fn refused(callable: &Bound<'_, PyAny>, what: &str, cause: Option<PyErr>) -> PyErr {
    let py = callable.py();
    let message = format!("identity_by={} {what}; it must return a name, or None for the proxy", name_of(callable));
    let error = invalid(py, message);
    error.set_cause(py, cause);
    error
}

/// `module.name`: what Python's own `repr` shows may be anything.
fn name_of(callable: &Bound<'_, PyAny>) -> String {
    let read = |one: &Bound<'_, PyAny>, name: &str| one.getattr(name).and_then(|text| text.extract::<String>()).ok();
    let of = |one: &Bound<'_, PyAny>| Some(format!("{}.{}", read(one, "__module__")?, read(one, "__qualname__")?));
    of(callable).or_else(|| of(&callable.get_type())).unwrap_or_else(|| "?".to_owned()).chars().take(200).collect()
}

fn is_async(callable: &Bound<'_, PyAny>) -> PyResult<bool> {
    let inspect = callable.py().import("inspect")?;
    let is_one = |one: &Bound<'_, PyAny>| inspect.call_method1("iscoroutinefunction", (one,))?.extract::<bool>();
    Ok(is_one(callable)? || callable.getattr("__call__").is_ok_and(|call| is_one(&call).unwrap_or(false)))
}
