//! Who may send now: places in all, places per host, and the time between two starts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notmodified::clock::Stopwatch;
use notmodified::error::Kind;
use notmodified::wire::{Options, Wire};

use super::{get, run, wire};
use crate::origin::{Origin, Step, ok};

/// An origin that takes its time, and the most requests that it ever had at once.
fn slow_origin() -> (Origin, Arc<AtomicUsize>) {
    let most = Arc::new(AtomicUsize::new(0));
    let (now, highest) = (AtomicUsize::new(0), Arc::clone(&most));
    let origin = Origin::http(move |_| {
        highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        now.fetch_sub(1, Ordering::SeqCst);
        ok("")
    });
    (origin, most)
}

/// Sends as many requests to each of these URLs, all at once.
async fn send_to(wire: &Arc<Wire>, urls: &[String], times: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for url in urls.iter().flat_map(|url| std::iter::repeat_n(url, times)) {
        let (wire, outgoing) = (Arc::clone(wire), get(url));
        tasks.spawn(async move { wire.send(outgoing).await.unwrap() });
    }
    tasks.join_all().await;
}

#[test]
fn a_host_gets_no_more_requests_at_once_than_it_may() {
    let (origin, most) = slow_origin();
    let wire = Arc::new(wire(Options { concurrency_per_host: 3, ..Options::default() }));
    run(send_to(&wire, &[origin.url("/")], 12));
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(origin.heard().len(), 12);
}

#[test]
fn all_hosts_together_get_no_more_than_the_total() {
    let (one, most_of_one) = slow_origin();
    let (other, most_of_other) = slow_origin();
    let wire = Arc::new(wire(Options { concurrency: 2, ..Options::default() }));
    run(send_to(&wire, &[one.url("/"), other.url("/")], 6));
    assert!(most_of_one.load(Ordering::SeqCst) + most_of_other.load(Ordering::SeqCst) <= 4);
    assert!(most_of_one.load(Ordering::SeqCst) <= 2 && most_of_other.load(Ordering::SeqCst) <= 2);
}

#[test]
fn who_waits_for_a_full_host_keeps_nobody_from_another() {
    let hanging = Origin::http(|_| vec![Step::Hang]);
    let (free, _) = slow_origin();
    let wire = Arc::new(wire(Options { concurrency: 3, concurrency_per_host: 2, ..Options::default() }));
    run(async {
        let stuck = tokio::spawn({
            let (wire, urls) = (Arc::clone(&wire), [hanging.url("/")]);
            async move { send_to(&wire, &urls, 20).await }
        });
        tokio::task::yield_now().await;
        send_to(&wire, &[free.url("/")], 5).await;
        stuck.abort();
    });
    assert_eq!(free.heard().len(), 5);
}

#[test]
fn two_starts_on_one_host_are_a_delay_apart() {
    let stopwatch = Stopwatch::start();
    let starts = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&starts);
    let origin = Origin::http(move |_| {
        log.lock().unwrap().push(stopwatch.elapsed());
        ok("")
    });
    let other = Origin::http(|_| ok(""));
    let delay = Duration::from_millis(150);
    let wire = Arc::new(wire(Options { delay, ..Options::default() }));
    run(send_to(&wire, &[origin.url("/"), other.url("/")], 4));
    assert!(stopwatch.elapsed() < delay * 6, "the delay of one host is not that of another");
    let starts = starts.lock().unwrap();
    for pair in starts.windows(2) {
        // The origin hears of a start a little later than it happens.
        assert!(pair[1] + Duration::from_millis(50) > pair[0] + delay, "{starts:?}");
    }
}

#[test]
fn whoever_gives_up_waiting_leaves_no_trace() {
    let origin = Origin::http(|heard| if heard.connection == 0 { vec![Step::Hang] } else { ok("") });
    let wire = Arc::new(wire(Options { concurrency: 1, concurrency_per_host: 1, ..Options::default() }));
    run(async {
        let first = tokio::spawn({
            let (wire, outgoing) = (Arc::clone(&wire), get(&origin.url("/")));
            async move { wire.send(outgoing).await }
        });
        tokio::task::yield_now().await;
        for _ in 0..10 {
            let waiting = tokio::time::timeout(Duration::from_millis(20), wire.send(get(&origin.url("/"))));
            assert!(waiting.await.is_err());
        }
        first.abort();
        wire.send(get(&origin.url("/"))).await.unwrap();
    });
    assert_eq!(origin.connections(), 2);
}

#[test]
fn options_that_cannot_be_meant_are_refused_by_name() {
    let refused = [
        ("concurrency=0", Options { concurrency: 0, ..Options::default() }),
        ("concurrency_per_host=0", Options { concurrency_per_host: 0, ..Options::default() }),
        ("connect_timeout=0ns", Options { connect_timeout: Duration::ZERO, ..Options::default() }),
        ("read_timeout", Options { read_timeout: Duration::MAX, ..Options::default() }),
        ("delay", Options { delay: Duration::MAX, ..Options::default() }),
    ];
    for (name, options) in refused {
        let error = Wire::new(options).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidRequest);
        assert!(error.to_string().contains(name), "{error}");
    }
    Wire::new(Options { concurrency: usize::MAX, concurrency_per_host: usize::MAX, ..Options::default() }).unwrap();
}
