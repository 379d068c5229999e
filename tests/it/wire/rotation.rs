//! Many exits one after the other: how much of them is kept open.

use std::time::Duration;

use notmodified::identity::{Exit, Partition};
use notmodified::wire::{Options, Outgoing};

use super::{get, run, wire};
use crate::origin::{Origin, Step, ok, send};

/// Connections that are kept, as the wire has it.
const KEPT: usize = 512;

fn of(number: u16, url: &str) -> Outgoing {
    let mut exit = [7; 16];
    exit[..2].copy_from_slice(&number.to_le_bytes());
    Outgoing { partition: Partition { exit: Exit(exit), ..Partition::ANONYMOUS }, ..get(url) }
}

#[test]
fn clients_with_connections_to_many_hosts_retire_before_there_are_too_many() {
    let origin = Origin::http(|_| ok("one"));
    let urls = [origin.url("/"), origin.url("/").replace("127.0.0.1", "localhost")];
    let wire = wire(Options::default());
    run(async {
        for number in 0..350 {
            for url in &urls {
                wire.send(of(number, url)).await.unwrap();
                assert!(origin.open() <= KEPT + 10, "{} after {number}", origin.open());
            }
        }
        assert_eq!(origin.connections(), 700);
        // The most recent ones were kept, and the oldest were not.
        for number in (340..350).chain(0..10) {
            wire.send(of(number, &urls[0])).await.unwrap();
        }
        assert_eq!(origin.connections(), 710);
        // One for each connection, and one for each client, which looks for idle ones.
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert!(tasks() <= 2 * KEPT, "{}", tasks());
        drop(wire);
        while tasks() + origin.open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_client_that_opened_too_many_connections_is_replaced_and_they_close() {
    // Where each answer ends its connection, more are opened than are open. That costs one connection to each of the other hosts, now and then.
    let origin = Origin::http(|_| ok("one"));
    let others = Origin::http(|_| vec![send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), Step::Close]);
    let wire = wire(Options::default());
    run(async {
        wire.send(get(&origin.url("/"))).await.unwrap();
        for _ in 0..600 {
            wire.send(get(&others.url("/"))).await.unwrap();
        }
        while origin.open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        wire.send(get(&origin.url("/"))).await.unwrap();
    });
    assert_eq!((origin.connections(), others.connections()), (2, 600));
}
