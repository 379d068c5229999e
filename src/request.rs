//! A request as a caller makes it: checked at the door, with the identity that its fields give away.

use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::exchange::{Ask, Wish};
use crate::fields::Fields;
use crate::identity::{self, Cookies, Exit, Exits, Identity, Partition, Proxy, Rule, Secret};
use crate::key::{Key, Method, parse_target};

/// Most bytes of an identity's name.
const LONGEST_NAME: usize = 4096;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// The method, as it goes on the wire.
    pub method: String,
    /// The target, without fragment and userinfo.
    pub url: Url,
    /// The caller's fields, with the Authorization that userinfo became.
    pub fields: Fields,
    /// Content to send.
    pub content: Option<Bytes>,
    /// The caller's name for the identity.
    pub name: Option<String>,
    /// The proxy to leave by.
    pub proxy: Option<Proxy>,
    /// The jar that the Cookie field comes from; then the jar is the client, not the value.
    pub jar: Option<String>,
    /// What it wishes otherwise than the cache's rules say.
    pub wish: Wish,
}

impl Request {
    /// Reads and checks a request.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`], naming the value and the remedy.
    pub fn new(method: &str, url: &str, fields: Fields) -> Result<Self> {
        check_method(method)?;
        check_fields(&fields)?;
        check_host(&fields)?;
        let mut url = parse_target(url)?;
        let fields = authorized(&mut url, fields);
        let method = standard_method(method);
        Ok(Self { method, url, fields, content: None, name: None, proxy: None, jar: None, wish: Wish::default() })
    }

    /// The same request in the name of an identity of the caller's.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] when the name is empty or longer than 4096 bytes.
    pub fn named(mut self, name: Option<&str>) -> Result<Self> {
        if let Some(name) = name {
            check_identity(name)?;
            self.name = Some(name.to_owned());
        }
        Ok(self)
    }

    /// What the origin can recognise this request's client by.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let cookies = match &self.jar {
            Some(jar) => Cookies::Jar(jar.clone()),
            None => self.joined(b"cookie").map_or(Cookies::None, Cookies::Value),
        };
        let authorization = self.joined(b"authorization");
        Identity { name: self.name.clone(), proxy: self.proxy.clone(), authorization, cookies }
    }

    /// All lines of a field as one value: whatever they add up to is what the origin recognises.
    fn joined(&self, name: &[u8]) -> Option<Vec<u8>> {
        let lines: Vec<&[u8]> = self.fields.get_all(name).collect();
        (!lines.is_empty()).then(|| lines.join(&b'\n'))
    }

    /// > The "Host" header field in a request provides the host and port information from the target URI (RFC 9110 §7.2):
    ///
    /// a caller who writes another one there asks for another resource, wherever the connection goes.
    fn target_by_host(&self) -> Option<Arc<str>> {
        let host = std::str::from_utf8(self.fields.get(b"host")?).ok()?;
        let path = &self.url[url::Position::BeforePath..];
        let target = Url::parse(&format!("{}://{host}{path}", self.url.scheme())).ok()?;
        Some(Arc::from(target.as_str()))
    }

    /// The request as the exchange needs it, where a proxy is one exit.
    #[must_use]
    pub fn ask(&self, secret: &Secret) -> Ask {
        let partition = self.identity().partition(Rule::Proxy, secret);
        self.asked_as(partition, secret.way(self.way(partition.exit, secret)), false)
    }

    /// The same where `exits` says what is one.
    ///
    /// # Errors
    /// [`Kind::Store`] where the machine gives no randomness for an exit of one request.
    pub fn ask_by(&self, exits: &Exits, secret: &Secret) -> Result<Ask> {
        let identity = self.identity();
        let partition = identity.partition(exits.rule, secret);
        if exits.are_fleeting(&identity) {
            let exit = Exit::of_one_request()?;
            return Ok(self.asked_as(Partition { exit, ..partition }, secret.way(exit), true));
        }
        Ok(self.asked_as(partition, secret.way(self.way(partition.exit, secret)), false))
    }

    /// By which way it goes, whatever `exit` is made of: a name that goes by no proxy of ours has one of its own, as far as anybody knows. A jar
    /// that goes by none leaves by the address that all of them have.
    fn way(&self, exit: Exit, secret: &Secret) -> Exit {
        match &self.proxy {
            Some(proxy) => identity::way(proxy, secret),
            None if self.name.is_some() => exit,
            None => Exit::DIRECT,
        }
    }

    fn asked_as(&self, identity: Partition, way: u64, is_fleeting: bool) -> Ask {
        let method = Method::of(&self.method);
        let stored_under = if method == Method::Head { Method::Head } else { Method::Get };
        let url: Arc<str> = Arc::from(self.url.as_str());
        let target = self.target_by_host().unwrap_or_else(|| Arc::clone(&url));
        let key = Key::new(stored_under, target, identity);
        Ask {
            method,
            key,
            common: None,
            identity,
            way,
            is_named: self.name.is_some(),
            is_fleeting,
            url,
            fields: self.fields.clone(),
            has_content: self.content.as_ref().is_some_and(|content| !content.is_empty()),
            wish: self.wish,
        }
    }
}

/// The name of an identity: some bytes, and not too many.
///
/// # Errors
/// [`Kind::InvalidRequest`] with its length, for the name itself may be a secret.
pub fn check_identity(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        let message =
            format!("an identity of {} bytes; give it a name of 1 to {LONGEST_NAME} bytes, or None", name.len());
        return Err(Error::new(Kind::InvalidRequest, message));
    }
    Ok(())
}

/// Methods are case-sensitive, and those that people mean by `get` are in upper case (RFC 9110 §9.1).
#[must_use]
pub fn standard_method(method: &str) -> String {
    const STANDARD: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];
    STANDARD.into_iter().find(|standard| standard.eq_ignore_ascii_case(method)).unwrap_or(method).to_owned()
}

/// > method = token (RFC 9110 §9.1)
fn check_method(method: &str) -> Result<()> {
    if is_token(method.as_bytes()) {
        return Ok(());
    }
    let shown: String = method.chars().take(40).collect();
    Err(Error::new(Kind::InvalidRequest, format!("method {shown:?} is not a token; write it as \"GET\"")))
}

/// > Field values containing CR, LF, or NUL characters are invalid and dangerous (RFC 9110 §5.5).
///
/// # Errors
/// [`Kind::InvalidRequest`] naming the field, never its value.
pub fn check_fields(fields: &Fields) -> Result<()> {
    for (name, value) in fields {
        let refuse = |what: &str| {
            let shown: String = String::from_utf8_lossy(name).chars().take(80).collect();
            Err(Error::new(Kind::InvalidRequest, format!("header field {shown:?} {what}")))
        };
        if !is_token(name) {
            return refuse("has a name that is not a token; leave out colons, spaces and line breaks");
        }
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return refuse("has a line break or NUL in its value; remove it");
        }
        if value.iter().any(|byte| (*byte < 32 && *byte != b'\t') || *byte == 127) {
            return refuse("has a control character in its value; remove it");
        }
    }
    Ok(())
}

/// > Host = uri-host [ ":" port ] (RFC 9110 §7.2)
fn check_host(fields: &Fields) -> Result<()> {
    let Some(host) = fields.get(b"host") else { return Ok(()) };
    let text = String::from_utf8_lossy(host);
    let is_plain = !text.contains(['/', '?', '#', '@', '\\']) && Url::parse(&format!("http://{text}/")).is_ok();
    if is_plain {
        return Ok(());
    }
    let shown: String = text.rsplit('@').next().unwrap_or_default().chars().take(80).collect();
    Err(Error::new(
        Kind::InvalidRequest,
        format!("header field \"Host\" with {shown:?}; write it as host or host:port"),
    ))
}

/// RFC 9110 §5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Moves userinfo to where it is a credential like any other: out of the URL, which is written to the store, into Authorization, which is
/// not. An Authorization of the caller's own stays.
fn authorized(url: &mut Url, fields: Fields) -> Fields {
    if url.username().is_empty() && url.password().is_none() {
        return fields;
    }
    let user = percent_decoded(url.username());
    let password = percent_decoded(url.password().unwrap_or_default());
    let pair = [user, password].join(&b':');
    // Both fail only for URLs without a host, which parse_target refuses.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if fields.contains(b"authorization") {
        return fields;
    }
    fields
        .with(b"Authorization", format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)).as_bytes())
}

fn percent_decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::{Exits, Fields, Proxy, Request, Rule, Secret};
    use crate::entry::corroboration::Quorum;
    use crate::exchange::sharing::Sharing;

    #[test]
    fn userinfo_becomes_authorization_and_leaves_the_url() {
        let request = Request::new("GET", "http://us%65r:p%3As@host/x", Fields::new()).unwrap();
        assert_eq!(request.url.as_str(), "http://host/x");
        assert_eq!(request.fields.get(b"authorization"), Some(&b"Basic dXNlcjpwOnM="[..]));
        let plain = Request::new("GET", "http://host/x", Fields::new()).unwrap();
        assert_ne!(request.ask(&Secret([0; 32])).key, plain.ask(&Secret([0; 32])).key);
    }

    #[test]
    fn bad_fields_and_methods_are_named_without_values() {
        let lines = [("x y", "a"), ("x", "a\r\nb: hunter2"), ("x", "a\0hunter2"), ("", "a")];
        for line in lines {
            let message = Request::new("GET", "http://host/", [line].into_iter().collect()).unwrap_err().to_string();
            assert!(message.contains(&format!("{:?}", line.0)) && !message.contains("hunter2"), "{message}");
        }
        assert!(Request::new("GE T", "http://host/", Fields::new()).is_err());
    }

    #[test]
    fn host_is_part_of_what_is_asked_for() {
        let key = |host: &str| {
            let fields = [("Host", host)].into_iter().collect();
            Request::new("GET", "http://127.0.0.1:1/x?y", fields).unwrap().ask(&Secret([0; 32])).key
        };
        assert_eq!(&*key("a.example").url, "http://a.example/x?y");
        assert_ne!(key("a.example"), key("b.example"));
        let plain = Request::new("GET", "http://127.0.0.1:1/x?y", Fields::new()).unwrap().ask(&Secret([0; 32])).key;
        assert_eq!(key("127.0.0.1:1"), plain);
        let odd = [("Host", "a/b")].into_iter().collect();
        assert!(Request::new("GET", "http://127.0.0.1/", odd).is_err());
    }

    #[test]
    fn an_exit_of_one_request_is_never_met_again_and_keeps_nothing_but_what_all_share() {
        let exits = Exits { rule: Rule::Request, ..Exits::default() };
        let request = Request::new("GET", "http://host/", Fields::new()).unwrap();
        let asked = |sharing| request.ask_by(&exits, &Secret([0; 32])).unwrap().shared_by(sharing);
        for sharing in [Sharing::Isolated, Sharing::Corroborated(Quorum { k: 2, ttl: None })] {
            let (first, second) = (asked(sharing), asked(sharing));
            assert!(first.key != second.key && first.identity != second.identity && first.is_fleeting);
            assert!(!first.keeps(&first.key) && first.common.iter().all(|common| first.keeps(common)));
        }
        let (first, second) = (asked(Sharing::Central), asked(Sharing::Central));
        assert!(first.key == second.key && first.identity != second.identity && first.keeps(&first.key));
        let named = request.named(Some("shop-7")).unwrap().ask_by(&exits, &Secret([0; 32])).unwrap();
        assert!(!named.is_fleeting && named.keeps(&named.key));
    }

    #[test]
    fn jars_that_go_by_no_proxy_leave_by_one_address() {
        let exits = Exits { rule: Rule::Session, ..Exits::default() };
        let asked = |jar: &str, proxy: Option<&str>| {
            let mut request = Request::new("GET", "http://host/", Fields::new()).unwrap();
            request.jar = Some(jar.to_owned());
            request.proxy = proxy.map(|url| Proxy::parse(url).unwrap());
            request.ask_by(&exits, &Secret([0; 32])).unwrap()
        };
        let (one, other) = (asked("a", None), asked("b", None));
        assert!(one.identity.exit != other.identity.exit && one.way == other.way);
        assert_ne!(asked("a", Some("http://proxy:1")).way, one.way);
    }

    #[test]
    fn every_cookie_line_tells_apart() {
        let partition = |lines: &[(&str, &str)]| {
            let fields = lines.iter().copied().collect();
            Request::new("GET", "http://host/", fields).unwrap().identity().partition(Rule::Proxy, &Secret([0; 32]))
        };
        assert_ne!(
            partition(&[("Cookie", "a=1"), ("Cookie", "b=1")]),
            partition(&[("Cookie", "a=1"), ("Cookie", "b=2")])
        );
        assert_ne!(partition(&[("Cookie", "a=1"), ("Cookie", "b=1")]), partition(&[("Cookie", "a=1")]));
    }

    #[test]
    fn an_empty_or_endless_identity_is_refused() {
        let request = || Request::new("GET", "http://host/", Fields::new()).unwrap();
        assert!(request().named(Some("")).is_err());
        assert!(request().named(Some(&"x".repeat(1 << 20))).is_err());
        assert!(request().named(Some("shop-7")).is_ok());
    }
}
