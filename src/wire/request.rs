//! From the caller's method, fields and content to a request that frames itself.
//!
//! What frames a message, switches its protocol or speaks to the next hop is the wire's, not the caller's: a field of that sort could make
//! two messages of one, or hand a proxy's password to an origin.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::fields::Fields;

/// Fields that a caller may not set, and what to do instead.
const OURS: [(&str, &str); 4] = [
    ("content-length", "is written from the content; leave it out"),
    ("transfer-encoding", "is the wire's to choose; leave it out"),
    ("upgrade", "would switch the protocol; leave it out"),
    ("proxy-authorization", "could reach the origin; write proxy=\"http://user:password@host:port\" instead"),
];

/// Can a request have this method?
///
/// # Errors
/// [`Kind::InvalidRequest`], naming it.
pub fn check_method(method: &str) -> Result<()> {
    read_method(method).map(drop)
}

/// Can a request have these fields?
///
/// # Errors
/// [`Kind::InvalidRequest`], naming the field and never its value, which may be a secret.
pub fn check_fields(fields: &Fields) -> Result<()> {
    header_map(fields).map(drop)
}

/// The request, with a URL that was parsed before.
pub(super) fn assemble(method: &str, url: Url, fields: &Fields, content: Option<Bytes>) -> Result<Request> {
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("a URL needs the scheme http or https, and credentials belong into Authorization"));
    }
    let mut request = Request::new(read_method(method)?, url);
    *request.headers_mut() = header_map(fields)?;
    *request.body_mut() = content.map(Into::into);
    Ok(request)
}

fn read_method(method: &str) -> Result<Method> {
    let shown = || method.escape_debug().take(40).collect::<String>();
    match Method::from_bytes(method.as_bytes()) {
        Ok(Method::CONNECT) => {
            Err(invalid("method CONNECT opens a tunnel and asks for nothing; use proxy= for tunnels"))
        }
        Ok(method) => Ok(method),
        Err(error) => {
            Err(invalid(format!("method \"{}\" is not a token; write it as GET", shown())).with_source(error))
        }
    }
}

/// Names are checked and lower-cased, values are checked and shared with `fields`, not copied.
fn header_map(fields: &Fields) -> Result<HeaderMap> {
    // No more than there are, with Accept: reqwest copies the map several times. Too many are refused below.
    let mut map = HeaderMap::with_capacity(fields.iter().take(31).count() + 1);
    for (name, value) in fields {
        let refuse = |what: &str| {
            let shown: String = String::from_utf8_lossy(name).escape_debug().take(80).collect();
            invalid(format!("header field \"{shown}\" {what}"))
        };
        let header = HeaderName::from_bytes(name).map_err(|_| refuse("has a name that is not a token"))?;
        if let Some((_, remedy)) = OURS.iter().find(|(ours, _)| *ours == header.as_str()) {
            return Err(refuse(remedy));
        }
        // RFC 9110 §10.1.4: codings that `TE` asks for would have to be undone; "trailers" asks for none.
        if header == "te" && !value.trim_ascii().eq_ignore_ascii_case(b"trailers") {
            return Err(refuse("may only say \"trailers\""));
        }
        if header == "host" && map.contains_key(&header) {
            return Err(refuse("is there twice"));
        }
        let mut shared = HeaderValue::from_maybe_shared(fields.packed().slice_ref(value))
            .map_err(|_| refuse("has a control character in its value, such as a line break or NUL; remove it"))?;
        // Neither shown by anybody's Debug nor put into the compression tables of HTTP/2.
        shared.set_sensitive(header == AUTHORIZATION || header == COOKIE);
        map.try_append(header, shared).map_err(|_| refuse("is one too many"))?;
    }
    Ok(map)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::{Fields, check_fields, check_method};

    fn refused(name: &str, value: &[u8]) -> String {
        check_fields(&[(name.as_bytes(), value)].into_iter().collect::<Fields>()).unwrap_err().to_string()
    }

    #[test]
    fn what_would_break_the_message_is_refused_by_its_name() {
        for (name, value) in [("x-a", &b"1\r\nhunter2: 2"[..]), ("Cookie", b"hunter2\0"), ("x-a", b"hunter2\x7f")] {
            let message = refused(name, value);
            assert!(message.contains(name) && !message.contains("hunter2"), "{message}");
        }
        for name in ["", "x a", "x\n", "x:", "Content-Length", "TRANSFER-ENCODING", "Upgrade", "Proxy-Authorization"] {
            assert!(refused(name, b"1").contains(&name.escape_debug().to_string()), "{name:?}");
        }
        assert!(refused("TE", b"gzip").contains("trailers"));
        assert!(check_fields(&[("Host", "a"), ("host", "b")].into_iter().collect()).is_err());
    }

    #[test]
    fn what_people_send_is_allowed() {
        let usual = [
            ("Host", &b"a"[..]),
            ("TE", b"trailers"),
            ("Connection", b"keep-alive"),
            ("x-a", b"\xe9\t ~"),
            ("x-a", b""),
        ];
        check_fields(&usual.into_iter().collect()).unwrap();
        for method in ["GET", "POST", "PURGE", "M-SEARCH"] {
            check_method(method).unwrap();
        }
        for method in ["", "CONNECT", "G T", "GET\r\n", "G\u{e9}T"] {
            check_method(method).unwrap_err();
        }
    }

    #[test]
    fn too_many_fields_are_refused() {
        let many: Fields = (0..40_000).map(|number| (format!("x-{number}"), "")).collect();
        assert!(check_fields(&many).unwrap_err().to_string().contains("too many"));
    }
}
