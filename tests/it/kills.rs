//! A hundred kills of processes in the middle of heavy writes: two at a time write one store, and both are killed, one a
//! little after the other. Once in a store that forgets nothing, once in one that is far too small.
//!
//! What a page holds follows from its number and a version, its entity tag from the content, and its time is the version:
//! so what is found says by itself whether it is a pair that somebody stored.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use notmodified::digest::Digest;
use notmodified::entry::BodyRef;
use notmodified::entry::change::Change;
use notmodified::store::Store;
use notmodified::store::lmdb::{Limits, LmdbStore, Options};
use pollster::block_on;

use crate::child::{said, say, start};
use crate::lmdb_processes::TINY;
use crate::sample::{body, change, flush, freshening, key, noise, put, put_variant, record, response};
use crate::scan::scan;

const ROUNDS: u64 = 50;

/// Pages that are confirmed and stay.
const KEPT: u64 = 32;

/// Pages beside them that lose their variants again.
const PASSING: u64 = 8;

/// Bytes of the bounded store.
const MOST: u64 = 2 << 20;

/// How many pages are confirmed together.
const TOGETHER: u64 = 8;

/// From a few bytes to many pages of memory; in every third version two pages share theirs, in every fifth all do.
fn content(page: u64, version: u64) -> Vec<u8> {
    let subject = match version {
        _ if version.is_multiple_of(5) => 0,
        _ if version.is_multiple_of(3) => page / 2,
        _ => page,
    };
    let length = (subject * 7919 + version * 104_729) % 60_000;
    noise(subject * 1_000_003 + version, usize::try_from(length).unwrap())
}

/// With `bounded` the store holds about a third of what is written in one version.
fn open(path: &Path, bounded: bool) -> LmdbStore {
    let limits = Limits { max_size: bounded.then_some(MOST), max_age: None, linger: 0 };
    LmdbStore::open(path, Options { map_size: TINY, limits, ..Options::default() }).unwrap()
}

fn url(page: u64) -> String {
    format!("http://page/{page}")
}

/// Goes on storing versions of all pages, and says which are confirmed.
pub fn confirm_each(path: &Path, bounded: bool) {
    let store = open(path, bounded);
    let newest = |page| record(&store, &url(page)).map_or(0, |record| record.variants[0].request_time);
    let first = (0..KEPT).map(newest).max().unwrap();
    for version in first + 1.. {
        // Each version begins with other pages: few are written before the kill on a slow machine.
        for page in (0..KEPT).map(|page| (page + version * TOGETHER) % KEPT) {
            put(&store, &url(page), &content(page, version), version);
            let response = response(0, &content(page, version), version);
            block_on(store.write(&key(&url(page)), freshening(&response, version), None)).unwrap();
            if page % TOGETHER == TOGETHER - 1 {
                let passing = KEPT + version % PASSING;
                put_variant(&store, &url(passing), 0, &content(page, version), version);
                put_variant(&store, &url(passing), 1, &content(page, version + 1), version);
                change(&store, &url(passing), Change::Drop(body_of(page, version)));
                flush(&store);
                say(&format!("{version} {page}"));
            }
            if bounded {
                put(&store, &format!("http://once/{page}/{version}"), &noise(page * 7 + version, 50_000), version);
            }
        }
    }
}

fn body_of(page: u64, version: u64) -> BodyRef {
    body(&content(page, version)).reference()
}

/// A process that writes, and what it says.
struct Writer {
    child: Child,
    lines: Receiver<String>,
    listener: JoinHandle<()>,
}

impl Writer {
    fn start(path: &Path, bounded: bool) -> Self {
        let mut child = start(if bounded { "confirm-bounded" } else { "confirm" }, path, "");
        let (sender, lines) = mpsc::channel();
        let said = said(&mut child);
        let listener = thread::spawn(move || said.for_each(|line| sender.send(line).unwrap()));
        Self { child, lines, listener }
    }

    /// Waits until it is at work.
    fn first(&self, confirmed: &mut BTreeMap<u64, u64>) {
        note(&self.lines.recv_timeout(Duration::from_secs(20)).unwrap(), confirmed);
    }

    /// Kills it, and takes down what it confirmed before.
    fn kill(mut self, confirmed: &mut BTreeMap<u64, u64>) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.listener.join().unwrap();
        self.lines.iter().for_each(|line| note(&line, confirmed));
    }
}

/// Takes down which version of which pages a line confirms.
fn note(line: &str, confirmed: &mut BTreeMap<u64, u64>) {
    let (version, page) = line.split_once(' ').unwrap();
    let (version, page): (u64, u64) = (version.parse().unwrap(), page.parse().unwrap());
    for page in page + 1 - TOGETHER..=page {
        let newest = confirmed.entry(page).or_default();
        *newest = version.max(*newest);
    }
}

/// Runs the rounds; how many pages are there at the end.
fn kill_a_hundred(bounded: bool) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let mut confirmed = BTreeMap::new();
    let mut present = 0;
    for round in 0..ROUNDS {
        let [first, second] = [(); 2].map(|()| Writer::start(directory.path(), bounded));
        first.first(&mut confirmed);
        second.first(&mut confirmed);
        thread::sleep(Duration::from_millis(round * 13 % 60));
        first.kill(&mut confirmed);
        thread::sleep(Duration::from_millis(round * 7 % 30));
        second.kill(&mut confirmed);
        present = check(directory.path(), &confirmed, bounded);
    }
    assert_eq!(confirmed.len() as u64, KEPT);
    let length = std::fs::metadata(directory.path().join("data.mdb")).unwrap().len();
    assert!(!bounded || length <= MOST + MOST / 4, "{length} bytes");
    present
}

#[test]
fn killed_a_hundred_times_in_the_middle_of_writing_nothing_confirmed_is_lost() {
    assert_eq!(kill_a_hundred(false) as u64, KEPT);
}

#[test]
fn killed_a_hundred_times_in_the_middle_of_writing_and_forgetting_what_is_left_is_right() {
    assert!(kill_a_hundred(true) > 0);
}

/// Every page that is there is a pair that was stored; none is missing or older than confirmed, unless room had to be made.
fn check(path: &Path, confirmed: &BTreeMap<u64, u64>, bounded: bool) -> usize {
    scan(path);
    let store = open(path, bounded);
    let mut present = 0;
    for (page, version) in confirmed {
        let Some(variant) = record(&store, &url(*page)).and_then(|record| record.variants.first().cloned()) else {
            assert!(bounded, "page {page} is lost");
            continue;
        };
        let found = variant.request_time;
        assert!(bounded || found >= *version, "page {page} is back at version {found}, {version} was confirmed");
        // The store goes on forgetting while it is looked at.
        let Some(body) = block_on(store.body(variant.body)).unwrap() else {
            assert!(bounded, "page {page} has lost its body");
            continue;
        };
        assert_eq!(*body.wire(), content(*page, found));
        assert_eq!(variant.content, Digest::of(body.wire()));
        present += 1;
    }
    assert_eq!(store.health().corrupt_records, 0);
    present
}
