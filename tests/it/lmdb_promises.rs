//! Bodies that were promised to a response and not read yet, and what happens to the store meanwhile.

use std::path::Path;

use notmodified::error::Kind;
use notmodified::store::lmdb::{Limits, LmdbStore, Options};
use notmodified::store::{Kept, Store};

use crate::sample::{body, flush, noise, put, served, wire};
use crate::scan::{body_key, damage};

fn open(path: &Path) -> LmdbStore {
    let options = Options::default();
    LmdbStore::open(path, Options { limits: Limits { linger: 0, ..options.limits }, ..options }).unwrap()
}

/// A promise of the body of `content`, which lies in the database and nowhere else.
fn promised(store: &LmdbStore, content: &[u8]) -> Kept {
    flush(store);
    let kept = store.promise(body(content).reference()).unwrap();
    assert!(matches!(kept, Kept::Lmdb(_)));
    kept
}

#[test]
fn only_a_body_that_was_seen_whole_is_promised() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    assert!(store.promise(body(b"x").reference()).is_none());
    put(&store, "http://a/", b"x", 1);
    assert_eq!(promised(&store, b"x").bytes().unwrap(), "x");
    drop(store);
    let store = open(directory.path());
    assert!(store.promise(body(b"x").reference()).is_none());
    assert_eq!(served(&store, "http://a/").unwrap(), "x");
    assert_eq!(promised(&store, b"x").bytes().unwrap(), "x");
}

#[test]
fn a_promise_outlives_its_body_in_the_store_and_the_store_itself() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let (old, new) = (noise(1, 50_000), noise(2, 50_000));
    put(&store, "http://a/", &old, 1);
    let of_old = [promised(&store, &old), promised(&store, &old)];
    put(&store, "http://a/", &new, 2);
    flush(&store);
    assert_eq!(wire(&store, &old), None);
    let of_new = promised(&store, &new);
    assert!(of_old.iter().all(|kept| kept.bytes().unwrap() == old));
    drop(store);
    assert!(of_old.iter().all(|kept| kept.read(<[u8]>::len).unwrap() == 50_000));
    assert_eq!(of_new.bytes().unwrap(), new);
    // Closed is closed: the file may be opened again while promises are held.
    put(&open(directory.path()), "http://a/", b"third", 3);
    assert_eq!(of_new.bytes().unwrap(), new);
}

#[test]
fn a_body_damaged_after_it_was_promised_is_an_error_once_and_a_miss_from_then_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put(&store, "http://a/", b"content", 1);
    let kept = promised(&store, b"content");
    // Another process would do this past us; here the environment is opened by hand in this one, which has no reader at the moment.
    damage(directory.path(), "bodies", &body_key(body(b"content").reference()), |bytes| bytes[12] ^= 1);
    assert_eq!(kept.bytes().unwrap_err().kind(), Kind::Store);
    assert_eq!(store.health().corrupt_records, 1);
    assert!(store.promise(body(b"content").reference()).is_none());
    put(&store, "http://a/", b"content", 2);
    flush(&store);
    assert_eq!(served(&store, "http://a/").unwrap(), "content");
    assert_eq!(kept.bytes().unwrap(), "content");
}

#[test]
fn a_closed_store_is_not_opened_again_by_who_still_holds_a_promise() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put(&store, "http://a/", b"content", 1);
    let kept = promised(&store, b"content");
    damage(directory.path(), "bodies", &body_key(body(b"content").reference()), |bytes| bytes[12] ^= 1);
    drop(store);
    assert_eq!(kept.bytes().unwrap_err().kind(), Kind::Closed);
    assert!(directory.path().join("closed").exists());
    put(&open(directory.path()), "http://a/", b"anew", 2);
    assert_eq!(kept.bytes().unwrap_err().kind(), Kind::Closed);
}
