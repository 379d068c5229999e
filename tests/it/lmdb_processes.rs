//! The store of several processes, and of processes that are killed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use notmodified::store::Store;
use notmodified::store::lmdb::{Durability, LmdbStore, Options};
use pollster::block_on;

use crate::child::{run, said, say, start};
use crate::sample::{flush, freshening, key, noise, put, record, response, served};
use crate::scan::{self, scan};

/// A map that soon is too small.
pub const TINY: usize = 1 << 20;

const PAGES: u64 = 40;

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

/// Goes on storing versions of all pages, and says which are confirmed.
pub fn confirm_each(path: &Path) {
    let store = LmdbStore::open(path, Options { map_size: TINY, ..Options::default() }).unwrap();
    let first = record(&store, &url(0)).map_or(0, |record| record.variants[0].request_time);
    for version in first + 1.. {
        for page in 0..PAGES {
            put(&store, &url(page), &content(page, version), version);
            let response = response(0, &content(page, version), version);
            block_on(store.write(&key(&url(page)), freshening(&response, version), None)).unwrap();
            if page % 8 == 7 {
                flush(&store);
                say(&format!("{version} {page}"));
            }
        }
    }
}

#[test]
fn killed_in_the_middle_of_writing_nothing_confirmed_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut confirmed = BTreeMap::new();
    for round in 0..12 {
        let mut child = start("confirm", directory.path(), "");
        let (sender, receiver) = mpsc::channel();
        let lines = said(&mut child);
        let listener = thread::spawn(move || lines.for_each(|line| sender.send(line).unwrap()));
        // From the first confirmation on, so that each round is killed at work.
        let first = receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        thread::sleep(Duration::from_millis(40 + round * 17));
        kill(child);
        listener.join().unwrap();
        for line in [first].into_iter().chain(receiver.iter()) {
            let (version, page) = line.split_once(' ').unwrap();
            let (version, page): (u64, u64) = (version.parse().unwrap(), page.parse().unwrap());
            confirmed.extend((page - 7..=page).map(|page| (page, version)));
        }
        check(directory.path(), &confirmed);
    }
    assert_eq!(confirmed.len() as u64, PAGES);
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn check(path: &Path, confirmed: &BTreeMap<u64, u64>) {
    scan(path);
    let store = LmdbStore::open(path, Options { map_size: TINY, ..Options::default() }).unwrap();
    for (page, version) in confirmed {
        let found = record(&store, &url(*page)).unwrap().variants[0].request_time;
        assert!(found >= *version, "page {page} is back at version {found}, {version} was confirmed");
        assert_eq!(served(&store, &url(*page)).unwrap(), content(*page, found));
    }
    assert_eq!(store.health().corrupt_records, 0);
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
