//! The store of several processes, and of processes that are killed.

use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::Duration;

use notmodified::entry::change::Change;
use notmodified::store::Store;
use notmodified::store::lmdb::{Durability, Limits, LmdbStore, Options};
use pollster::block_on;

use crate::child::{run, said, say, start};
use crate::sample::{body, change, flush, freshening, key, noise, put, response, served};
use crate::scan::{self, scan};

/// A map that soon is too small.
pub const TINY: usize = 1 << 20;

const PAGES: u64 = 40;

/// Of one process; LMDB's default is 126 for all of them.
const READERS: usize = 50;

/// Content of a page at a version: more than a page of memory, in part shared with another URL, half of it packed.
fn content(page: u64, version: u64) -> Vec<u8> {
    let page = if version.is_multiple_of(3) { page / 2 } else { page };
    let mut content = noise(page * 1_000_003 + version, 3000);
    content.extend(b"<p>text</p>".repeat(usize::try_from(page).unwrap() * 90));
    content
}

fn url(page: u64) -> String {
    format!("http://page/{page}")
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Writes and reads pages that others write and read.
pub fn company(path: &Path) {
    let options = Options { map_size: TINY, durability: Durability::Relaxed, ..Options::default() };
    let store = LmdbStore::open(path, options).unwrap();
    say("open");
    let number = u64::from(std::process::id());
    for round in 0..150 {
        for page in 0..PAGES {
            // The time goes forth for all of them alike, so that each now and then writes the newest.
            put(&store, &url(page), &content(page, round), round);
            // What another process replaced between the two reads has no body any longer: that is a miss.
            let newest = block_on(store.record(&key(&url(page)))).unwrap().unwrap();
            if let Some(variant) = newest.variants.first() {
                let body = block_on(store.body(variant.body)).unwrap();
                assert!(body.is_none_or(|body| *body.wire() == content(page, variant.request_time)));
            }
        }
        put(&store, &format!("http://own/{number}/{round}"), &noise(number * 1000 + round, 2000), round);
        if round % 10 == 0 {
            flush(&store);
        }
    }
    flush(&store);
    assert_eq!(store.health(), notmodified::store::Health::default());
}

#[test]
fn four_processes_share_a_store_and_one_more_is_killed_now_and_then() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut children: Vec<Child> = (0..4).map(|_| start("company", path, "")).collect();
    let pids: Vec<u32> = children.iter().map(Child::id).collect();
    for round in 0..4 {
        let mut victim = start("company", path, "");
        let mut lines = said(&mut victim);
        assert_eq!(lines.next().unwrap(), "open");
        thread::sleep(Duration::from_millis(50 + round * 30));
        kill(victim);
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    scan(path);
    let store = LmdbStore::open(path, Options::default()).unwrap();
    for page in 0..PAGES {
        assert_eq!(served(&store, &url(page)).unwrap(), content(page, 149));
    }
    for pid in pids {
        for round in 0..150 {
            let content = noise(u64::from(pid) * 1000 + round, 2000);
            assert_eq!(served(&store, &format!("http://own/{pid}/{round}")).unwrap(), content);
        }
    }
}

/// Writes far more than the map of whoever else has the store open.
pub fn grow(path: &Path) {
    let store = LmdbStore::open(path, Options { map_size: TINY, ..Options::default() }).unwrap();
    for number in 0..8 {
        put(&store, &format!("http://grown/{number}"), &noise(number, TINY), 1);
    }
    flush(&store);
}

#[test]
fn another_process_grows_the_map_and_reads_and_writes_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(directory.path(), Options { map_size: TINY, ..Options::default() }).unwrap();
    put(&store, "http://mine/", b"mine", 1);
    flush(&store);
    run("grow", directory.path(), "");
    assert_eq!(served(&store, "http://grown/7").unwrap(), noise(7, TINY));
    assert_eq!(served(&store, "http://mine/").unwrap(), "mine");
    put(&store, "http://mine/", &noise(9, TINY), 2);
    flush(&store);
    assert_eq!(served(&store, "http://mine/").unwrap(), noise(9, TINY));
}

/// Keeps a read transaction open until its standard input ends.
pub fn hold_a_reader(path: &Path) {
    let environment = scan::open(path);
    let _transaction = environment.begin_ro_txn().unwrap();
    say("reading");
    drop(std::io::stdin().read(&mut [0]));
}

pub fn hold_the_write_lock(path: &Path) {
    let environment = scan::open(path);
    let _transaction = environment.begin_rw_txn().unwrap();
    say("writing");
    drop(std::io::stdin().read(&mut [0]));
}

#[test]
fn a_process_that_stops_in_the_middle_of_writing_holds_nobody_up_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { queue_changes: 2, patience: Duration::from_millis(200), ..Options::default() };
    let store = LmdbStore::open(directory.path(), options).unwrap();
    put(&store, "http://before/", b"before", 1);
    flush(&store);
    let mut writer = start("writer", directory.path(), "");
    assert_eq!(said(&mut writer).next().unwrap(), "writing");
    put(&store, "http://a/", b"a", 1);
    let flushed = block_on(store.flush()).unwrap_err();
    assert!(flushed.to_string().contains("stopped"), "{flushed}");
    let mut refused = 0;
    for number in 0..5 {
        let content = noise(number, 100);
        let change = Change::Store(Box::new(response(0, &content, 1)));
        let written = block_on(store.write(&key(&format!("http://{number}/")), change, Some(body(&content))));
        refused += usize::from(written.is_err());
    }
    assert_eq!(refused, 4, "one had its place in the queue");
    assert_eq!(served(&store, "http://before/").unwrap(), "before");
    assert_eq!(served(&store, "http://a/").unwrap(), "a");
    drop(store);
    let error = LmdbStore::open(directory.path(), options).unwrap_err().to_string();
    assert!(error.contains("still being closed"), "{error}");
    kill(writer);
    // What was accepted is written when the lock is free.
    let store = (0..500)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            LmdbStore::open(directory.path(), options).ok()
        })
        .expect("closed at last");
    assert_eq!(served(&store, "http://a/").unwrap(), "a");
    assert_eq!(served(&store, "http://0/").unwrap(), noise(0, 100));
}

#[test]
fn compaction_that_removes_much_first_is_waited_for_like_the_rest_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let patience = Duration::from_millis(200);
    let store = LmdbStore::open(directory.path(), Options { patience, ..Options::default() }).unwrap();
    put(&store, "http://a/", &noise(1, 3000), 1);
    flush(&store);
    // As slow as a disk can be.
    let mut writer = start("writer", directory.path(), "");
    assert_eq!(said(&mut writer).next().unwrap(), "writing");
    thread::scope(|scope| {
        let compacted = scope.spawn(|| block_on(store.compact()));
        thread::sleep(patience);
        let flushed = scope.spawn(|| block_on(store.flush()));
        thread::sleep(5 * patience);
        kill(writer);
        flushed.join().unwrap().unwrap();
        compacted.join().unwrap().unwrap();
    });
    assert_eq!(served(&store, "http://a/").unwrap(), noise(1, 3000));
}

#[test]
fn no_reader_slot_left_is_a_clear_error_and_passes() {
    let directory = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(directory.path(), Options { max_readers: 1, ..Options::default() }).unwrap();
    put(&store, "http://a/", b"a", 1);
    flush(&store);
    let mut reader = start("reader", directory.path(), "");
    let mut lines = said(&mut reader);
    assert_eq!(lines.next().unwrap(), "reading");
    let error = block_on(store.record(&key("http://a/"))).unwrap_err().to_string();
    assert!(error.contains("reader slot") && error.contains("fewer processes"), "{error}");
    drop(reader.stdin.take());
    assert!(reader.wait().unwrap().success());
    assert_eq!(served(&store, "http://a/").unwrap(), "a");
}

/// Keeps many read transactions open until its standard input ends.
pub fn hold_many_readers(path: &Path) {
    let environment = scan::open(path);
    let transactions: Vec<_> = (0..READERS).map(|_| environment.begin_ro_txn().unwrap()).collect();
    say("reading");
    drop(std::io::stdin().read(&mut [0]));
    drop(transactions);
}

#[test]
fn far_more_readers_than_the_default_of_lmdb_leave_room_for_another() {
    let directory = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(directory.path(), Options::default()).unwrap();
    put(&store, "http://a/", b"a", 1);
    flush(&store);
    let mut children: Vec<Child> = (0..4).map(|_| start("many-readers", directory.path(), "")).collect();
    let mut lines: Vec<_> = children.iter_mut().map(said).collect();
    assert!(lines.iter_mut().all(|lines| lines.next().unwrap() == "reading"));
    assert_eq!(served(&store, "http://a/").unwrap(), "a");
    put(&store, "http://a/", b"b", 2);
    flush(&store);
    assert_eq!(served(&store, "http://a/").unwrap(), "b");
    for mut child in children {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

/// Bytes by which the file grows while the same small page is freshened again and again.
fn growth(store: &LmdbStore, path: &Path) -> u64 {
    let length = || std::fs::metadata(path.join("data.mdb")).unwrap().len();
    let before = length();
    for at in 2..1500 {
        change(store, "http://a/", freshening(&response(0, b"a", 1), at));
        flush(store);
    }
    length() - before
}

#[test]
fn a_reader_that_was_killed_does_not_make_the_file_grow() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Relaxed, ..Options::default() };
    let store = LmdbStore::open(directory.path(), options).unwrap();
    put(&store, "http://a/", b"a", 1);
    flush(&store);
    let mut reader = start("reader", directory.path(), "");
    assert_eq!(said(&mut reader).next().unwrap(), "reading");
    kill(reader);
    let growth = growth(&store, directory.path());
    assert!(growth < 2 << 20, "the file grew by {growth} bytes");
}

#[test]
fn a_bounded_store_waits_for_a_slow_reader_and_forgets_no_more_than_it_must() {
    const MOST: u64 = 4 << 20;
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { max_size: Some(MOST), max_age: None, linger: 0 };
    let store = LmdbStore::open(directory.path(), Options { limits, ..Options::default() }).unwrap();
    let length = 20_000;
    let feed = |numbers: std::ops::Range<u64>| {
        for number in numbers {
            let at = number;
            put(&store, &format!("http://fed/{number}"), &noise(number, length), at);
        }
        block_on(store.flush())
    };
    feed(0..200).unwrap();
    let mut reader = start("reader", directory.path(), "");
    let mut lines = said(&mut reader);
    assert_eq!(lines.next().unwrap(), "reading");
    // While it reads, nothing of what it sees can be written over.
    let release = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        drop(reader.stdin.take());
        reader.wait().unwrap()
    });
    feed(200..400).unwrap();
    assert!(release.join().unwrap().success());
    feed(400..450).unwrap();
    assert_eq!(store.health().failed_writes, 0);
    let kept = (0..450).filter(|number| served(&store, &format!("http://fed/{number}")).is_some()).count() as u64;
    assert!(kept * length as u64 > MOST / 4, "{kept} of what was fed last are left");
    let size = std::fs::metadata(directory.path().join("data.mdb")).unwrap().len();
    // What was written while it read may come on top.
    assert!(size <= 3 * MOST, "{size} bytes");
}

#[test]
fn a_full_disk_fails_the_write_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    // In blocks of 512 bytes; without the trap the signal would end the process.
    run("full-disk", directory.path(), "trap '' XFSZ; ulimit -f 4000;");
    scan(directory.path());
}

#[test]
fn little_address_space_is_enough_to_open_and_to_go_on() {
    let directory = tempfile::tempdir().unwrap();
    run("little-space", directory.path(), "ulimit -v 500000;");
    scan(directory.path());
}

#[test]
fn a_process_that_ends_in_the_middle_leaves_a_whole_store() {
    let directory = tempfile::tempdir().unwrap();
    run("exit", directory.path(), "");
    scan(directory.path());
}
