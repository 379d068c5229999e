//! This test binary as another process: it runs itself again, with the one test `child::process` that plays the role it
//! is told.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use notmodified::store::Store;
use notmodified::store::lmdb::{Durability, LmdbStore, Options};
use pollster::block_on;

use crate::kills::confirm_each;
use crate::lmdb_processes::{TINY, company, grow, hold_a_reader, hold_many_readers, hold_the_write_lock};
use crate::sample::{body, flush, key, noise, put, response, served};

const ROLE: &str = "NOTMODIFIED_TEST_ROLE";
const STORE: &str = "NOTMODIFIED_TEST_STORE";

/// Starts this binary in `role` over the store at `path`. `limits`: what its shell does first.
pub fn start(role: &str, path: &Path, limits: &str) -> Child {
    let script = format!("{limits} exec \"$0\" --exact child::process --nocapture --test-threads=1");
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(ROLE, role)
        .env(STORE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a role to its end.
pub fn run(role: &str, path: &Path, limits: &str) {
    let output = start(role, path, limits).wait_with_output().unwrap();
    assert!(output.status.success(), "{role}: {}", String::from_utf8_lossy(&output.stdout));
}

/// The lines that a role says, without those of the test harness.
pub fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| line.split_once("said ").map(|(_, said)| said.to_owned()))
}

pub fn say(what: &str) {
    println!("said {what}");
    std::io::stdout().flush().unwrap();
}

#[test]
fn process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let path = PathBuf::from(std::env::var(STORE).unwrap());
    match role.as_str() {
        "confirm" => confirm_each(&path, false),
        "confirm-bounded" => confirm_each(&path, true),
        "company" => company(&path),
        "grow" => grow(&path),
        "reader" => hold_a_reader(&path),
        "writer" => hold_the_write_lock(&path),
        "many-readers" => hold_many_readers(&path),
        "full-disk" => full_disk(&path),
        "little-space" => little_space(&path),
        "exit" => exit_in_the_middle(&path),
        other => panic!("no role {other}"),
    }
}

/// The disk is full: what was stored before is still served, each failed write is counted, the first flush says so and
/// the next does not.
fn full_disk(path: &Path) {
    let store = LmdbStore::open(path, Options::default()).unwrap();
    put(&store, "http://small/", b"small", 1);
    flush(&store);
    put(&store, "http://large/", &noise(1, 4_000_000), 1);
    let error = block_on(store.flush()).unwrap_err().to_string();
    assert!(error.contains("no space left") && error.contains(path.to_str().unwrap()), "{error}");
    flush(&store);
    assert_eq!(store.health().failed_writes, 1);
    assert_eq!(served(&store, "http://large/"), None);
    assert_eq!(served(&store, "http://small/").unwrap(), "small");
    put(&store, "http://after/", b"after", 1);
    flush(&store);
    assert_eq!(served(&store, "http://after/").unwrap(), "after");
}

/// Little address space: the store opens with less, and goes on when it cannot grow.
fn little_space(path: &Path) {
    let store = LmdbStore::open(path, Options { durability: Durability::Relaxed, ..Options::default() }).unwrap();
    put(&store, "http://first/", b"first", 1);
    let mut failure = None;
    for number in 0..1000 {
        put(&store, &format!("http://{number}/"), &noise(number, 1 << 20), 1);
        failure = block_on(store.flush()).err();
        if failure.is_some() {
            break;
        }
    }
    let failure = failure.expect("the map grew without bound").to_string();
    assert!(failure.contains("address space"), "{failure}");
    assert_eq!(served(&store, "http://first/").unwrap(), "first");
    assert_eq!(served(&store, "http://0/").unwrap(), noise(0, 1 << 20));
    put(&store, "http://0/", &noise(0, 100), 2);
    put(&store, "http://1/", &noise(1, 100), 2);
    flush(&store);
}

/// The process ends while its writer is at work.
fn exit_in_the_middle(path: &Path) {
    let store = LmdbStore::open(path, Options { map_size: TINY, ..Options::default() }).unwrap();
    for number in 0..100 {
        let content = noise(number, 50_000);
        let change = notmodified::entry::change::Change::Store(Box::new(response(0, &content, 1)));
        block_on(store.write(&key(&format!("http://{number}/")), change, Some(body(&content)))).unwrap();
    }
    thread::sleep(Duration::from_millis(5));
    std::process::exit(0);
}
