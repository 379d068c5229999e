//! By which way a request leaves: the partition that it speaks for, and the proxy that carries it.
//!
//! A proxy that reqwest cannot read is no proxy to it: the request would leave directly and show who is behind. So what may be a proxy is
//! decided here, more strictly than anything below does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::identity::{Partition, Proxy};

/// Longest URL of a proxy.
const LONGEST: usize = 8192;

/// Most bytes of user and password together that a SOCKS5 proxy can be told: RFC 1929 has room for 255 of each, the messages that hyper-util
/// writes for one handshake, the address of an origin included, have room for 262 in all.
const LONGEST_LOGIN: usize = 234;

/// What a client is made for. Two requests share connections, TLS sessions and cookies only if they leave by the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Exit {
    pub(super) partition: Partition,
    /// With its credentials: another password must not use a connection that the first one opened.
    pub(super) proxy: Option<Proxy>,
    /// TLS is spoken to the origin or to the proxy. Without it no trust store is needed.
    pub(super) is_secure: bool,
}

impl Exit {
    pub(super) fn new(partition: Partition, proxy: Option<Proxy>, target: &Url) -> Self {
        let is_secure =
            target.scheme() == "https" || proxy.as_ref().is_some_and(|proxy| proxy.url().scheme() == "https");
        Self { partition, proxy, is_secure }
    }

    /// Does a proxy see this request itself, not only a tunnel? Then a `407` is the proxy's.
    pub(super) fn is_forwarded(&self, target: &Url) -> bool {
        target.scheme() == "http"
            && self.proxy.as_ref().is_some_and(|proxy| matches!(proxy.url().scheme(), "http" | "https"))
    }
}

/// Can the wire leave by this proxy?
///
/// # Errors
/// [`Kind::InvalidRequest`], naming the proxy without its credentials.
pub fn check_proxy(proxy: &Proxy) -> Result<()> {
    let refuse = |what: &str| {
        let shown: String = proxy.endpoint().chars().take(200).collect();
        Err(Error::new(Kind::InvalidRequest, format!("proxy {shown:?} {what}")))
    };
    let url = proxy.url();
    if url.as_str().len() > LONGEST {
        return refuse("has a URL longer than 8192 bytes");
    }
    if !url.host_str().is_some_and(is_plain_host) {
        return refuse("has a host that is no name in ASCII and no IP address");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return refuse("has a path; write it as scheme://user:password@host:port");
    }
    match (url.scheme(), proxy.login()) {
        ("socks4", Some(_)) => refuse("has a user or password, which SOCKS4 has no place for; write socks5://"),
        ("socks5" | "socks5h", Some((user, password))) => {
            if user.len() + password.len() > LONGEST_LOGIN {
                return refuse("has a user and password of more than 234 bytes, which do not fit into its handshake");
            }
            if [user, password].iter().any(|part| std::str::from_utf8(part).is_err()) {
                return refuse("has a user or password whose escapes are no UTF-8, and cannot be told it by SOCKS");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The same proxy for reqwest.
pub(super) fn carried_by(proxy: &Proxy) -> Result<reqwest::Proxy> {
    check_proxy(proxy)?;
    // The cause would show the URL with its credentials.
    let carrier = reqwest::Proxy::all(proxy.url().as_str())
        .map_err(|_| Error::new(Kind::InvalidRequest, format!("proxy {:?} cannot be used", proxy.endpoint())))?;
    match proxy.login() {
        Some((user, password)) if proxy.url().scheme().starts_with("http") => {
            // RFC 7617 §2: "user-pass = user-id ":" password". As bytes: reqwest would put a replacement for what is no UTF-8.
            let pair = STANDARD.encode([user, password].join(&b':'));
            let mut basic = HeaderValue::try_from(format!("Basic {pair}"))
                .map_err(|error| Error::new(Kind::InvalidRequest, "a login cannot be sent").with_source(error))?;
            basic.set_sensitive(true);
            Ok(carrier.custom_http_auth(basic))
        }
        _ => Ok(carrier),
    }
}

/// Does the proxy want addresses? Then names are resolved here.
pub(super) fn wants_addresses(proxy: &Proxy) -> bool {
    matches!(proxy.url().scheme(), "socks4" | "socks5")
}

/// Names and addresses as URLs of every scheme write them alike. URLs of SOCKS proxies allow more.
fn is_plain_host(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let (text, others) = address.map_or((host, &b".-_"[..]), |address| (address, &b":."[..]));
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{Proxy, carried_by, check_proxy};

    #[test]
    fn a_proxy_that_would_be_ignored_below_is_refused() {
        let long = format!("http://user:{}@host:1", "x".repeat(70_000));
        let refused =
            ["socks5://ho%41st:1", "socks5://hö.example:1", "http://h:1/^", "http://h:1/?q", "http://h:1/#f", &long];
        for text in refused {
            let message = check_proxy(&Proxy::parse(text).unwrap()).unwrap_err().to_string();
            assert!(message.contains("proxy") && message.len() < 400, "{message}");
        }
    }

    #[test]
    fn whatever_a_password_holds_the_proxy_is_used() {
        // A bare % is refused before.
        let odd = (' '..='~').collect::<String>().replace('%', "%25");
        for scheme in Proxy::SCHEMES {
            let mut url = url::Url::parse(&format!("{scheme}://[::1]:1080")).unwrap();
            if scheme != "socks4" {
                url.set_username(&odd).unwrap();
                url.set_password(Some(&odd)).unwrap();
            }
            let shown = format!("{:?}", carried_by(&Proxy::parse(url.as_str()).unwrap()).unwrap());
            assert!(shown.contains("::1"), "{shown}");
            // reqwest shows its matchers, and those that it could read: both for http and for https.
            let client = reqwest::Client::builder().proxy(carried_by(&Proxy::parse(url.as_str()).unwrap()).unwrap());
            let shown = format!("{client:?}");
            assert_eq!(shown.matches("Intercept {").count(), 2, "{shown}");
        }
    }
}
