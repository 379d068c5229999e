//! From Python's options to an opened cache.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::cache::Cache;
use crate::entry::Consumer;
use crate::error::{Error, Kind, Result};
use crate::exchange::{Fingerprinting, Floors, Freshness, FullEvery, Policy};
use crate::identity::{Exits, Rule, Secret};
use crate::python::error::{invalid, raise};
use crate::python::sharing::Identifying;
use crate::store::AnyStore;
use crate::store::lmdb::{Durability, Limits, Options};

/// A hundred years. What is longer is a mistake, and more seconds than a `Duration` holds would be a panic.
pub(super) const LONGEST_SECONDS: f64 = 3.2e9;

/// The options that `Session` and `Cache` share.
#[derive(Debug, Clone)]
pub(super) struct CacheOptions {
    pub(super) store: String,
    pub(super) kept: Options,
    pub(super) policy: Policy,
    pub(super) secret: Option<Secret>,
    pub(super) is_strict: bool,
}

/// How a store keeps what it is given, as Python says it.
pub(super) struct Keeping<'a> {
    pub(super) durability: &'a str,
    pub(super) max_size: Option<i64>,
    pub(super) max_age: Option<f64>,
    pub(super) must_exist: bool,
}

/// How often is asked, and what counts as a change, as Python says it.
pub(super) struct Polling<'a, 'py> {
    pub(super) full_every: Option<&'a Bound<'py, PyAny>>,
    pub(super) min_interval: Option<f64>,
    pub(super) floors: Option<&'a Bound<'py, PyAny>>,
    pub(super) stale_if_error: Option<f64>,
    pub(super) stop_early: bool,
    pub(super) fingerprint: Option<&'a Bound<'py, PyAny>>,
    pub(super) storable: Option<&'a Bound<'py, PyAny>>,
}

impl CacheOptions {
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    pub(super) fn read(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        consumer: Option<&str>,
        freshness: &str,
        max_body: i64,
        keeping: &Keeping<'_>,
        polling: &Polling<'_, '_>,
        identifying: &Identifying<'_, '_>,
        rule: Rule,
        is_strict: bool,
    ) -> PyResult<Self> {
        let max_body = count(py, "max_body", max_body, 1)? as u64;
        let kept = keeping.read(py)?;
        let store = py
            .import("os")?
            .call_method1("fspath", (store,))?
            .extract::<String>()
            .map_err(|_| invalid(py, "store must be a directory as str or os.PathLike, or \":memory:\""))?;
        let polling = polling.read(py)?;
        let sharing = identifying.sharing(py)?;
        let exits = Exits { rule, rotating: identifying.rotating(py)? };
        let identity_ttl = identifying.ttl(py)?;
        let secret = identifying.secret(py)?;
        let checked = || {
            if store.is_empty() {
                return Err(Error::new(Kind::InvalidRequest, "store is empty; name a directory, or \":memory:\""));
            }
            if store.contains("://") {
                let message = format!(
                    "store={:?}; that is a URL, and this version keeps stores in directories",
                    redacted(&store)
                );
                return Err(Error::new(Kind::InvalidRequest, message));
            }
            Ok(Policy {
                freshness: read_freshness(freshness)?,
                // One body must not drive out all others.
                max_body: kept.limits.max_size.map_or(max_body, |most| max_body.min(most / 4)),
                max_age: kept.limits.max_age,
                limits: Policy::limits_for(max_body),
                consumer: consumer.map(read_consumer).transpose()?,
                sharing,
                exits,
                identity_ttl,
                ..polling
            })
        };
        let policy = checked().map_err(|error| raise(py, &error))?;
        Ok(Self { store, kept, policy, secret, is_strict })
    }

    /// Opens the store. Reads and writes the disk: not for an event loop's thread.
    pub(super) fn open(self) -> Result<Cache> {
        Ok(Cache::new(AnyStore::open(&self.store, self.kept)?, self.policy, self.is_strict).keyed(self.secret))
    }
}

/// Tells in the log, once, that a damaged store was set aside.
pub(super) fn report(py: Python<'_>, cache: &Cache) -> PyResult<()> {
    if let Some(told) = cache.health().set_aside {
        py.import("logging")?.call_method1("getLogger", ("notmodified",))?.call_method1("warning", ("%s", told))?;
    }
    Ok(())
}

impl Polling<'_, '_> {
    /// A policy with these rules.
    fn read(&self, py: Python<'_>) -> PyResult<Policy> {
        Ok(Policy {
            full_every: self.full_every.map(|value| full_every(py, value)).transpose()?,
            min_interval: check_seconds(py, "min_interval", self.min_interval)?,
            floors: self.floors.map_or(Ok(Floors::default()), |words| floors(py, words))?,
            stale_if_error: check_seconds(py, "stale_if_error", self.stale_if_error)?.map(whole_seconds),
            stops_early: self.stop_early,
            fingerprint: self.fingerprint.map_or(Ok(Fingerprinting::None), |value| fingerprinting(py, value))?,
            asks_storable: self.storable.map_or(Ok(false), |value| callable(py, "storable", value))?,
            ..Policy::default()
        })
    }
}

/// `True` is a number to Python, and none that anybody means here.
fn full_every(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<FullEvery> {
    let polls = || value.extract::<u32>().ok().filter(|polls| *polls > 0).map(FullEvery::Polls);
    let time = || value.extract::<Duration>().ok().filter(|time| !time.is_zero());
    let read = || polls().or_else(|| Some(FullEvery::Seconds(whole_seconds(time()?))));
    read().filter(|_| !value.is_instance_of::<PyBool>()).ok_or_else(|| {
        let remedy = "it must be a number of polls above 0, or a datetime.timedelta above 0";
        invalid(py, format!("full_every={}; {remedy}", shown(value)))
    })
}

fn floors(py: Python<'_>, words: &Bound<'_, PyAny>) -> PyResult<Floors> {
    let refuse = |given: &Bound<'_, PyAny>| {
        let remedy = "it can be a tuple or set of \"retry-after\" and \"max-age\"";
        invalid(py, format!("floors has {}; {remedy}", shown(given)))
    };
    let mut floors = Floors::default();
    if words.is_instance_of::<PyString>() {
        return Err(refuse(words));
    }
    for word in words.try_iter().map_err(|_| refuse(words))? {
        let word = word?;
        match word.extract::<&str>() {
            Ok("retry-after") => floors.retry_after = true,
            Ok("max-age") => floors.max_age = true,
            _ => return Err(refuse(&word)),
        }
    }
    Ok(floors)
}

/// A value as Python writes it, and not at any length.
pub(super) fn shown(value: &Bound<'_, PyAny>) -> String {
    value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string_lossy().chars().take(80).collect())
}

fn fingerprinting(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Fingerprinting> {
    if value.extract::<&str>().is_ok_and(|word| word == "html") {
        return Ok(Fingerprinting::Html);
    }
    callable(py, "fingerprint", value)
        .map(|_| Fingerprinting::Callers)
        .map_err(|_| invalid(py, "fingerprint must be \"html\", a callable, or None"))
}

fn callable(py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_callable() { Ok(true) } else { Err(invalid(py, format!("{name} must be a callable, or None"))) }
}

/// Whole seconds, as all times of HTTP are; what is left over counts as one.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl Keeping<'_> {
    /// The least that a store can be told to make do with.
    const SMALLEST_SIZE: i64 = 1 << 20;

    fn read(&self, py: Python<'_>) -> PyResult<Options> {
        let durability = match self.durability {
            "group" => Durability::Group,
            "relaxed" => Durability::Relaxed,
            other => return Err(invalid(py, format!("durability={other:?} is neither \"group\" nor \"relaxed\""))),
        };
        let size = |bytes| count(py, "max_size", bytes, Self::SMALLEST_SIZE).map(|bytes| bytes as u64);
        let max_size = self.max_size.map(size).transpose()?;
        let age = self.max_age.map(|age| seconds(py, "max_age", age)).transpose()?;
        let default = Options::default();
        let limits = Limits { max_size, max_age: age.map(whole_seconds), ..default.limits };
        Ok(Options { durability, limits, must_exist: self.must_exist, ..default })
    }
}

/// The place that a URL names, without user, password and query, which may be secrets.
fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, beyond) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // An unescaped password may hold what ends an authority; then nobody can tell where the place begins.
    if beyond.contains('@') {
        return format!("{scheme}://...");
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = beyond.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

pub(super) fn read_freshness(word: &str) -> Result<Freshness> {
    match word {
        "revalidate" => Ok(Freshness::Revalidate),
        "rfc9111" => Ok(Freshness::Rfc9111),
        other => {
            let message = format!("freshness={other:?} is neither \"revalidate\" nor \"rfc9111\"");
            Err(Error::new(Kind::InvalidRequest, message))
        }
    }
}

fn read_consumer(name: &str) -> Result<Consumer> {
    if name.is_empty() {
        return Err(Error::new(Kind::InvalidRequest, "consumer is empty; give it a name, or None"));
    }
    Ok(Consumer::named(name))
}

/// What may be 0 or a number of seconds.
pub(super) fn pause(py: Python<'_>, name: &str, value: f64) -> PyResult<Duration> {
    if (0.0..=LONGEST_SECONDS).contains(&value) {
        return Ok(Duration::from_secs_f64(value));
    }
    Err(invalid(py, format!("{name}={value}; it must be 0 or a number of seconds")))
}

/// A whole number of things that must be there.
pub(super) fn count(py: Python<'_>, name: &str, value: i64, least: i64) -> PyResult<usize> {
    let refuse = || invalid(py, format!("{name}={value}; it must be at least {least}"));
    if value < least {
        return Err(refuse());
    }
    usize::try_from(value).map_err(|_| refuse())
}

/// A duration in seconds, more than zero.
pub(super) fn seconds(py: Python<'_>, name: &str, value: f64) -> PyResult<Duration> {
    if !(value > 0.0 && value <= LONGEST_SECONDS) {
        return Err(invalid(py, format!("{name}={value}; it must be a number of seconds greater than 0")));
    }
    Ok(Duration::from_secs_f64(value))
}

/// The same for one that may be absent.
pub(super) fn check_seconds(py: Python<'_>, name: &str, value: Option<f64>) -> PyResult<Option<Duration>> {
    value.map(|value| seconds(py, name, value)).transpose()
}
