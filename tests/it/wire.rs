//! The wire against a scripted origin, over real sockets.

mod answers;
mod early;
mod fleeting;
mod http2;
mod identities;
mod limits;
mod rotation;
mod secure;
mod trouble;

use std::future::Future;
use std::time::Duration;

use notmodified::error::Result;
use notmodified::fields::Fields;
use notmodified::identity::{Exit, Partition, Proxy};
use notmodified::wire::{Incoming, Options, Outgoing, Wire};

/// Runs a future on a runtime like the session's, and not for ever.
fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), future).await }).unwrap()
}

/// A GET without fields, in nobody's name.
fn get(url: &str) -> Outgoing {
    Outgoing {
        method: "GET".to_owned(),
        url: url.parse().unwrap(),
        fields: Fields::new(),
        content: None,
        partition: Partition::ANONYMOUS,
        proxy: None,
        is_afresh: false,
        is_fleeting: false,
        timeout: Duration::from_secs(60),
        familiar: None,
    }
}

/// With the cookies that the jar has, unless it has one of its own.
fn with_cookies(wire: &Wire, outgoing: Outgoing) -> Outgoing {
    let own = outgoing.fields.contains(b"cookie") || outgoing.is_fleeting;
    let jar = wire.cookies(outgoing.partition, &outgoing.url).filter(|_| !own);
    let fields = jar.map_or_else(|| outgoing.fields.clone(), |cookies| outgoing.fields.with(b"Cookie", &cookies));
    Outgoing { fields, ..outgoing }
}

fn get_in(partition: u8, url: &str) -> Outgoing {
    Outgoing { partition: Partition { exit: Exit([partition; 16]), ..Partition::ANONYMOUS }, ..get(url) }
}

fn get_by(proxy: &str, url: &str) -> Outgoing {
    Outgoing { proxy: Some(Proxy::parse(proxy).unwrap()), ..get(url) }
}

/// A wire that soon loses patience.
fn hasty() -> Wire {
    wire(Options {
        connect_timeout: Duration::from_millis(300),
        read_timeout: Duration::from_millis(500),
        ..Options::default()
    })
}

fn wire(options: Options) -> Wire {
    Wire::new(options).unwrap()
}

/// One request over a wire of its own.
fn fetch(wire: &Wire, outgoing: Outgoing) -> Result<Incoming> {
    run(wire.send(outgoing))
}
