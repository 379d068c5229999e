//! By what rule requests are of one exit, or of several.
//!
//! ```text
//! a name of the caller's ─▶ the name                        whoever says that knows
//! a rotating gateway     ─▶ one for each request            nobody sees which address it gets
//! else                   ─▶ by the rule: the proxy and its user, its subnet, the session's jar, or one for each request
//! ```

use url::Host;

use crate::identity::{Cookies, Exit, Gateways, Identity, Proxy, Secret, hash};

/// What is one exit, where the caller gives no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rule {
    /// A proxy and its user: gateways put the session into either user or password.
    #[default]
    Proxy,
    /// All proxies of one /24 of IPv4, or of one /48 of IPv6, at any port and for any user. A name has no subnet, and is one by itself.
    Subnet,
    /// A cookie jar, by whatever proxy it goes: which part of a proxy's user names the session, nobody can know.
    Session,
    /// Each request.
    Request,
}

/// What is one exit.
#[derive(Debug, Clone, Default)]
pub struct Exits {
    /// The rule.
    pub rule: Rule,
    /// Where it does not hold.
    pub rotating: Gateways,
}

impl Exits {
    /// Can any exit be that of one request? Most often none can, and nobody need look.
    #[must_use]
    pub fn may_be_fleeting(&self) -> bool {
        self.rule == Rule::Request || !self.rotating.is_empty()
    }

    /// Is the exit of `identity` that of one request, and of no other ever?
    #[must_use]
    pub fn are_fleeting(&self, identity: &Identity) -> bool {
        let is_rotating = || identity.proxy.as_ref().is_some_and(|proxy| self.rotating.has(proxy));
        identity.name.is_none() && (self.rule == Rule::Request || is_rotating())
    }
}

impl Rule {
    /// By which way `identity` goes. A name of the caller's says who goes, whichever proxy carries it.
    pub(super) fn exit(self, identity: &Identity, secret: &Secret) -> Exit {
        let hashed = |kind, part: &[u8]| Exit(hash(secret, kind, [Some(part)]));
        match (self, &identity.name, &identity.proxy) {
            (_, Some(name), _) => hashed(b"name", name.as_bytes()),
            (Self::Session, None, _) => match &identity.cookies {
                Cookies::Jar(jar) => hashed(b"session", jar.as_bytes()),
                Cookies::None | Cookies::Value(_) => hashed(b"session", b""),
            },
            (_, None, None) => Exit::DIRECT,
            (Self::Subnet, None, Some(proxy)) => match proxy.place() {
                Some(Host::Ipv4(address)) => {
                    let [first, second, third, _] = address.octets();
                    hashed(b"subnet", &[first, second, third])
                }
                Some(Host::Ipv6(address)) => {
                    let [first, second, third, ..] = address.segments();
                    hashed(b"subnet", &[first, second, third].map(u16::to_be_bytes).concat())
                }
                Some(Host::Domain(_)) | None => hashed(b"host", proxy.host().as_bytes()),
            },
            (Self::Proxy | Self::Request, None, Some(proxy)) => of_proxy(proxy, secret),
        }
    }
}

/// The way by which `proxy` takes a request: neither how it is spoken to nor a password makes it another.
#[must_use]
pub fn way(proxy: &Proxy, secret: &Secret) -> Exit {
    let (host, port) = (proxy.host(), proxy.port().unwrap_or_default());
    let user = proxy.login().map(|(user, _)| user);
    Exit(hash(secret, b"way", [Some(host.as_bytes()), Some(&port.to_be_bytes()), user.as_deref()]))
}

fn of_proxy(proxy: &Proxy, secret: &Secret) -> Exit {
    // Without escapes: who is written in two ways would count as two exits that saw the same.
    let (endpoint, (user, password)) = (proxy.endpoint(), proxy.login().unzip());
    Exit(hash(secret, b"proxy", [Some(endpoint.as_bytes()), user.as_deref(), password.as_deref()]))
}

#[cfg(test)]
mod tests {
    use super::{Cookies, Exit, Exits, Gateways, Identity, Proxy, Rule, Secret};

    const SECRET: Secret = Secret([3; 32]);

    fn by(proxy: &str) -> Identity {
        Identity { proxy: Some(Proxy::parse(proxy).unwrap()), ..Identity::default() }
    }

    fn are_one(rule: Rule, first: &Identity, second: &Identity) -> bool {
        rule.exit(first, &SECRET) == rule.exit(second, &SECRET)
    }

    #[test]
    fn proxies_of_one_subnet_are_one_exit_at_any_port_and_for_any_user() {
        for (first, second) in [
            ("http://a:1@10.1.2.3:1", "socks5://b:2@10.1.2.250:2"),
            ("http://[2001:db8:7::1]:1", "http://[2001:db8:7:ffff::2]:2"),
            ("http://10.1.2.3:1", "http://[::ffff:10.1.2.4]:1"),
            ("http://a:1@gate.example:1", "http://b:2@GATE.example:2"),
        ] {
            assert!(are_one(Rule::Subnet, &by(first), &by(second)), "{first} {second}");
            assert!(!are_one(Rule::Proxy, &by(first), &by(second)), "{first} {second}");
        }
        for (first, second) in [
            ("http://10.1.2.3:1", "http://10.1.3.3:1"),
            ("http://[2001:db8:7::1]:1", "http://[2001:db8:8::1]:1"),
            ("http://gate.example:1", "http://other.example:1"),
        ] {
            assert!(!are_one(Rule::Subnet, &by(first), &by(second)), "{first} {second}");
        }
        assert_eq!(Rule::Subnet.exit(&Identity::default(), &SECRET), Exit::DIRECT);
    }

    #[test]
    fn an_exit_is_one_however_it_is_written() {
        for (first, second) in [
            ("http://PROXY:80", "http://proxy:80/"),
            ("socks5://PROXY:1080", "socks5://proxy:1080"),
            ("socks5h://[2001:DB8::1]:1", "socks5h://[2001:db8::1]:1"),
            ("http://al%69ce:p%3a@proxy:1", "http://alice:p%3A@proxy:1"),
            ("http://alice@proxy:1", "http://alice:@proxy:1"),
        ] {
            assert!(are_one(Rule::Proxy, &by(first), &by(second)), "{first} {second}");
        }
    }

    #[test]
    fn a_session_is_its_jar_by_whatever_proxy() {
        let jar = |jar: &str, proxy| Identity { cookies: Cookies::Jar(jar.to_owned()), ..by(proxy) };
        assert!(are_one(Rule::Session, &jar("a", "http://10.1.2.3:1"), &jar("a", "http://other:1")));
        assert!(!are_one(Rule::Session, &jar("a", "http://10.1.2.3:1"), &jar("b", "http://10.1.2.3:1")));
        assert!(are_one(Rule::Session, &by("http://10.1.2.3:1"), &Identity::default()));
    }

    #[test]
    fn a_name_wins_over_every_rule_and_over_rotating_gateways() {
        let named = |proxy| Identity { name: Some("shop-7".to_owned()), ..by(proxy) };
        let rotating = Gateways::parse(["gate:1"]).unwrap();
        for rule in [Rule::Proxy, Rule::Subnet, Rule::Session, Rule::Request] {
            assert!(are_one(rule, &named("http://gate:1"), &named("http://10.1.2.3:1")));
            assert!(!Exits { rule, rotating: rotating.clone() }.are_fleeting(&named("http://gate:1")));
        }
    }

    #[test]
    fn only_requests_by_a_rotating_gateway_are_exits_of_their_own_unless_all_are() {
        let exits = Exits { rule: Rule::Proxy, rotating: Gateways::parse(["gate:1"]).unwrap() };
        assert!(exits.are_fleeting(&by("http://user@gate:1")));
        assert!(!exits.are_fleeting(&by("http://gate:2")));
        assert!(!exits.are_fleeting(&Identity::default()));
        let exits = Exits { rule: Rule::Request, ..Exits::default() };
        assert!(exits.are_fleeting(&by("http://gate:2")) && exits.are_fleeting(&Identity::default()));
    }
}
