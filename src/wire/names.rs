//! Names resolved here for a proxy that wants addresses.
//!
//! As reqwest resolves them, by the system and on another thread; but an IPv6 address in a URL is one already, and reqwest, which sees to that
//! wherever it connects by itself, hands it over as a name, in its brackets.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names.
#[derive(Debug)]
pub(super) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let literal = name.as_str().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            if let Some(address) = literal.and_then(|literal| literal.parse::<Ipv6Addr>().ok()) {
                let addresses: Addrs = Box::new(std::iter::once(SocketAddr::new(IpAddr::V6(address), 0)));
                return Ok(addresses);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}
