//! Looking through a store and forgetting parts of it, stretch by stretch, while others write.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use notmodified::cache::Cache;
use notmodified::cache::inventory::Walk;
use notmodified::entry::change::Change;
use notmodified::entry::learned::{Place, Rung, Teaching};
use notmodified::exchange::Policy;
use notmodified::exchange::learn::origin_key;
use notmodified::identity::{Exit, Partition};
use notmodified::key::{Key, Method};
use notmodified::selection::Selection;
use notmodified::store::lmdb::{Limits, LmdbStore, Options};
use notmodified::store::memory::MemoryStore;
use notmodified::store::walk::Met;
use notmodified::store::{AnyStore, Store};
use pollster::block_on;

use crate::sample::{acknowledgement, body, change, flush, key, noise, put, record, response, wire};
use crate::scan::{damage, scan};

fn open(path: &Path) -> LmdbStore {
    LmdbStore::open(path, Options::default()).unwrap()
}

/// Everything that a walk meets, from one end to the other.
pub fn met(store: &impl Store) -> Vec<Met> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let stretch = block_on(store.records(after)).unwrap();
        // Of what is committed, and of what is not yet, a bounded number each.
        assert!(stretch.met.len() <= 512, "{} at once", stretch.met.len());
        all.extend(stretch.met);
        after = stretch.end;
        if after.is_none() {
            return all;
        }
    }
}

/// The URLs that a walk meets, each once, in the order of the hashes.
pub fn urls(store: &impl Store) -> Vec<String> {
    let all = met(store);
    assert!(all.is_sorted_by(|one, next| one.key.hash < next.key.hash));
    all.iter().map(|met| met.record.as_ref().expect("a damaged record").url.clone()).collect()
}

fn cache(store: LmdbStore) -> Cache {
    Cache::new(AnyStore::Lmdb(store), Policy::default(), true)
}

fn forget(cache: &Cache, selection: Selection) -> u64 {
    let mut walk = Walk::new(selection);
    let mut forgotten = 0;
    while let Some(more) = block_on(cache.forget(&mut walk)).unwrap() {
        forgotten += more;
    }
    block_on(cache.flush()).unwrap();
    forgotten
}

fn seen(cache: &Cache, selection: Selection) -> (BTreeSet<String>, u64) {
    let mut walk = Walk::new(selection);
    let mut urls = BTreeSet::new();
    while let Some(more) = block_on(cache.look(&mut walk)).unwrap() {
        urls.extend(more.into_iter().map(|(_, record)| record.url));
    }
    (urls, walk.unreadable())
}

fn fill(store: &impl Store, hosts: u64, pages: u64) {
    for number in 0..hosts * pages {
        put(store, &format!("http://host{}/{number}", number % hosts), &noise(number, 300), 1 + number);
    }
}

#[test]
fn a_store_of_many_stretches_is_walked_from_end_to_end_by_every_backend() {
    let directory = tempfile::tempdir().unwrap();
    let (memory, lmdb) = (MemoryStore::new(None).unwrap(), open(directory.path()));
    for number in 0..9_000_u64 {
        let url = format!("http://a/{number}");
        put(&memory, &url, b"x", 1);
        put(&lmdb, &url, b"x", 1);
    }
    assert_eq!(urls(&memory).len(), 9_000);
    flush(&lmdb);
    assert_eq!(urls(&memory), urls(&lmdb));
}

#[test]
fn records_of_the_largest_kind_make_short_stretches() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for number in 0..60 {
        let mut large = response(0, b"x", 1);
        large.fields = [("x-large", "x".repeat(100_000))].into_iter().collect();
        let url = format!("http://a/{number}");
        block_on(store.write(&key(&url), Change::Store(Box::new(large)), Some(body(b"x")))).unwrap();
    }
    flush(&store);
    let stretch = block_on(store.records(None)).unwrap();
    assert!(stretch.met.len() < 20 && stretch.end.is_some(), "{}", stretch.met.len());
    assert_eq!(urls(&store).len(), 60);
}

#[test]
fn a_walk_meets_what_stays_exactly_once_while_others_store_replace_and_forget() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for number in 0..2_000_u64 {
        put(&store, &format!("http://stays/{number}"), &noise(number, 100), 1);
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Also where a walk fails: the writer would go on for ever.
        let _over = Over(&is_over);
        scope.spawn(|| {
            let mut round = 1;
            while !is_over.load(Ordering::Relaxed) {
                round += 1;
                for number in 0..200_u64 {
                    put(&store, &format!("http://stays/{number}"), &noise(number + round, 100), round);
                    put(&store, &format!("http://goes/{number}"), &noise(number, 100), round);
                }
                for number in 0..200_u64 {
                    change(&store, &format!("http://goes/{number}"), Change::Forget);
                }
            }
        });
        for _ in 0..30 {
            let met = urls(&store);
            let stays: BTreeSet<&String> = met.iter().filter(|url| url.starts_with("http://stays/")).collect();
            assert_eq!(stays.len(), 2_000);
            assert!(met.len() <= 2_200, "{}", met.len());
        }
    });
    drop(store);
    scan(directory.path());
}

/// Says that it is over when it goes.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_url_is_forgotten_for_every_method_and_identity_and_nothing_else_is() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for url in ["http://a/", "http://a/x", "http://b/"] {
        put(&store, url, url.as_bytes(), 1);
        change(&store, url, acknowledgement("prices", url.as_bytes()));
    }
    let theirs = Key::new(Method::Get, "http://a/".into(), Partition { exit: Exit([7; 16]), ..Partition::ANONYMOUS });
    for other in [key("http://a/").under(Method::Head), theirs] {
        block_on(store.write(&other, Change::Store(Box::new(response(0, b"other", 1))), Some(body(b"other")))).unwrap();
    }
    let cache = cache(store);
    assert_eq!(forget(&cache, Selection::url("HTTP://A:80/#top").unwrap()), 3);
    assert_eq!(forget(&cache, Selection::url("http://a/").unwrap()), 0);
    assert_eq!(seen(&cache, Selection::All).0, BTreeSet::from(["http://a/x".to_owned(), "http://b/".to_owned()]));
    drop(cache);
    let store = open(directory.path());
    assert_eq!(record(&store, "http://a/"), None);
    assert_eq!(record(&store, "http://b/").unwrap().acknowledged.len(), 1);
}

#[test]
fn a_host_is_forgotten_with_what_its_origins_taught() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    fill(&store, 3, 400);
    let origins = ["http://host1/", "http://host2/"].map(|url| origin_key(&key(url)));
    for origin in &origins {
        let place = Place { prefix: "a".into(), is_coded: false };
        block_on(store.write(origin, Change::Learn(Teaching::Fails(place, Rung::Tag, 1), 1), None)).unwrap();
    }
    let cache = cache(store);
    assert_eq!(seen(&cache, Selection::host("host1").unwrap()).0.len(), 400, "a lesson is no URL");
    assert_eq!(forget(&cache, Selection::host("host1").unwrap()), 400);
    assert_eq!(seen(&cache, Selection::All).0.len(), 800);
    drop(cache);
    let store = open(directory.path());
    let lessons = origins.map(|origin| block_on(store.record(&origin)).unwrap());
    assert!(lessons[0].is_none() && lessons[1].is_some());
    drop(store);
    assert_eq!(scan(directory.path()).len(), 801);
}

#[test]
fn damaged_records_are_counted_and_go_with_everything() {
    let directory = tempfile::tempdir().unwrap();
    fill(&open(directory.path()), 1, 20);
    for number in 0..3 {
        let hash = key(&format!("http://host0/{number}")).hash.0;
        damage(directory.path(), "entries", &hash, |record| record[20] ^= 1);
    }
    let cache = cache(open(directory.path()));
    let (urls, unreadable) = seen(&cache, Selection::host("host0").unwrap());
    assert_eq!((urls.len(), unreadable), (17, 3));
    assert_eq!(forget(&cache, Selection::All), 17);
    assert_eq!(seen(&cache, Selection::All), (BTreeSet::new(), 0));
    drop(cache);
    assert!(met(&open(directory.path())).is_empty());
}

#[test]
fn what_was_forgotten_is_off_the_disk_after_compaction_and_what_was_promised_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { linger: 1_000, ..Options::default().limits };
    let store = LmdbStore::open(directory.path(), Options { limits, ..Options::default() }).unwrap();
    let (secret, other) = (noise(1, 50_000), noise(2, 50_000));
    put(&store, "http://a/", &secret, 1);
    put(&store, "http://b/", &other, 1);
    flush(&store);
    let promised = store.promise(body(&secret).reference()).unwrap();
    change(&store, "http://a/", Change::Forget);
    flush(&store);
    assert_eq!(record(&store, "http://a/"), None);
    assert!(wire(&store, &secret).is_some(), "another process may be about to read it");
    block_on(store.compact()).unwrap();
    assert_eq!(wire(&store, &secret), None);
    assert_eq!(promised.bytes().unwrap(), secret);
    let file = fs::read(directory.path().join("data.mdb")).unwrap();
    let holds = |content: &[u8]| file.windows(64).any(|part| part == &content[20_000..20_064]);
    assert!(holds(&other) && !holds(&secret));
    drop(store);
    assert_eq!(scan(directory.path()).len(), 1);
}

#[test]
fn a_store_that_must_exist_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { must_exist: true, ..Options::default() };
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for path in [directory.path().join("a/b"), file, empty.clone()] {
        let message = LmdbStore::open(&path, options).unwrap_err().to_string();
        assert!(message.contains("there is no store in") && message.contains(path.to_str().unwrap()), "{message}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
    put(&open(&empty), "http://a/", b"a", 1);
    assert_eq!(urls(&LmdbStore::open(&empty, options).unwrap()), ["http://a/"]);
}
