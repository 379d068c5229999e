//! What a store forgets so that it does not grow without bound, and what it keeps.

use std::fs;
use std::path::Path;
use std::time::Duration;

use notmodified::clock::now;
use notmodified::entry::change::Change;
use notmodified::store::Store;
use notmodified::store::lmdb::{Limits, LmdbStore, Options};
use pollster::block_on;

use crate::sample::{body, change, flush, noise, put, record, served, wire};
use crate::scan::scan;

const MEGABYTE: u64 = 1 << 20;

fn open(path: &Path, limits: Limits) -> LmdbStore {
    LmdbStore::open(path, Options { limits, ..Options::default() }).unwrap()
}

fn bounded(max_size: u64) -> Limits {
    Limits { max_size: Some(max_size), max_age: None, linger: 120 }
}

fn file_size(path: &Path) -> u64 {
    fs::metadata(path.join("data.mdb")).unwrap().len()
}

/// Waits until `is_so`, which the writer makes so in its own time.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}");
}

#[test]
fn a_bounded_store_that_is_fed_without_end_keeps_its_size_and_what_was_used_last() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), bounded(8 * MEGABYTE));
    let begun = now() - 100_000;
    for number in 0..5_000 {
        put(&store, &format!("http://{number}/"), &noise(number, 20_000), begun + number);
        if number % 10 == 0 {
            change(&store, "http://0/", Change::Use(begun + number));
        }
        if number % 500 == 0 {
            flush(&store);
        }
    }
    flush(&store);
    assert!(served(&store, "http://0/").is_some() && served(&store, "http://4999/").is_some());
    assert_eq!(record(&store, "http://1/"), None);
    drop(store);
    let kept = scan(directory.path()).len();
    assert!(file_size(directory.path()) <= 9 * MEGABYTE, "{} bytes", file_size(directory.path()));
    assert!(kept > 200, "{kept} records");
}

#[test]
fn what_was_not_used_for_too_long_is_forgotten_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Limits { max_size: None, max_age: Some(1000), linger: 0 });
    put(&store, "http://old/", b"old", now() - 2000);
    put(&store, "http://new/", b"new", now() - 500);
    eventually("forgotten", || record(&store, "http://old/").is_none() && wire(&store, b"old").is_none());
    assert_eq!(served(&store, "http://new/").unwrap(), "new");
}

#[test]
fn a_body_that_nothing_refers_to_lingers_and_may_come_back_without_being_written() {
    let directory = tempfile::tempdir().unwrap();
    let limits = |linger| Limits { max_size: None, max_age: None, linger };
    let store = open(directory.path(), limits(1000));
    for (at, content) in [b"one", b"two", b"one"].into_iter().enumerate() {
        put(&store, "http://a/", content, at as u64);
        flush(&store);
        assert_eq!(wire(&store, b"one").unwrap(), "one");
    }
    drop(store);
    scan(directory.path());
    let store = open(directory.path(), limits(0));
    eventually("swept", || wire(&store, b"two").is_none());
    assert_eq!(served(&store, "http://a/").unwrap(), "one");
    drop(store);
    scan(directory.path());
}

#[test]
fn space_that_became_free_is_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Limits { max_size: None, max_age: None, linger: 0 });
    let mut sizes = Vec::new();
    for round in 0..40 {
        for number in 0..50 {
            put(&store, &format!("http://{number}/"), &noise(round * 50 + number, 20_000), round);
        }
        flush(&store);
        sizes.push(file_size(directory.path()));
    }
    // 40 MB went through, of which one is in use, one is being replaced, and one was replaced and not swept yet.
    assert!(sizes[39] <= 4 * MEGABYTE, "{sizes:?}");
    assert_eq!(block_on(store.body(body(&noise(0, 20_000)).reference())).unwrap(), None);
}

#[test]
fn a_full_store_that_is_held_to_less_than_it_is_makes_room_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let unbounded = Limits { max_size: None, ..bounded(0) };
    let store = open(directory.path(), unbounded);
    for number in 0..800 {
        put(&store, &format!("http://{number}/"), &noise(number, 20_000), 1_000 + number);
    }
    drop(store);
    let before = file_size(directory.path());
    let store = open(directory.path(), bounded(4 * MEGABYTE));
    put(&store, "http://new/", &noise(9_999, 100_000), 10_000);
    flush(&store);
    assert!(served(&store, "http://new/").is_some());
    eventually("forgotten", || record(&store, "http://600/").is_none());
    assert_eq!(store.health().failed_writes, 0);
    drop(store);
    assert!(file_size(directory.path()) <= before + MEGABYTE);
    let kept = scan(directory.path()).len();
    assert!((50..200).contains(&kept), "{kept} records");
}
