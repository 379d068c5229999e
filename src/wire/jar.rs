//! A cookie jar: what the origins of one partition asked to be told again. In memory, and gone with the wire.
//!
//! reqwest's own jar would do the same, and with it every request of every session would pay for reading its URL once more.

use std::sync::{Mutex, PoisonError};

use cookie_store::{CookieStore, RawCookie};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

/// The cookies of one partition.
#[derive(Debug, Default)]
pub(super) struct Jar(Mutex<CookieStore>);

impl Jar {
    /// Keeps what an answer from `url` sets. A line that is no cookie is none.
    pub(super) fn keep(&self, answer: &HeaderMap, url: &Url) {
        let read = |line: &HeaderValue| {
            let text = std::str::from_utf8(line.as_bytes()).ok()?;
            Some(RawCookie::parse(text).ok()?.into_owned())
        };
        let mut cookies = answer.get_all(SET_COOKIE).iter().filter_map(read).peekable();
        if cookies.peek().is_some() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).store_response_cookies(cookies, url);
        }
    }

    /// The value of Cookie for a request to `url`.
    pub(super) fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs: Vec<String> = store.get_request_values(url).map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { None } else { HeaderValue::from_maybe_shared(bytes::Bytes::from(pairs.join("; "))).ok() }
    }
}
