//! What the LMDB store promises beyond the contract: files, damage, growth, handles.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use notmodified::error::Kind;
use notmodified::store::Store;
use notmodified::store::lmdb::{Durability, Limits, LmdbStore, Options};
use pollster::block_on;

use crate::lmdb_processes::TINY;
use crate::sample::{body, change, flush, freshening, key, noise, put, record, response, served, wire};
use crate::scan::{body_key, damage, scan};

fn open(path: &Path) -> LmdbStore {
    LmdbStore::open(path, Options::default()).unwrap()
}

#[test]
fn an_opened_store_is_private_and_has_its_secret_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let secret = open(&path).secret().clone();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["data.mdb", "lock.mdb", "secret"] {
        assert_eq!(fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::read_dir(&path).unwrap().count(), 5, "data, lock, secret, claim, and how it was closed");
    assert_eq!(*open(&path).secret(), secret);
}

#[test]
fn a_dropped_handle_has_written_everything() {
    for durability in [Durability::Group, Durability::Relaxed] {
        let directory = tempfile::tempdir().unwrap();
        let store = LmdbStore::open(directory.path(), Options { durability, ..Options::default() }).unwrap();
        for number in 0..300 {
            put(&store, &format!("http://{number}/"), &noise(number, 5000), 1);
        }
        drop(store);
        assert_eq!(scan(directory.path()).len(), 300);
        assert_eq!(served(&open(directory.path()), "http://299/").unwrap(), noise(299, 5000));
    }
}

#[test]
fn all_handles_of_a_process_see_a_write_at_once_and_the_last_one_closes() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(directory.path(), &link).unwrap();
    let handles = [open(directory.path()), open(&link), open(&directory.path().join("."))];
    for (number, handle) in handles.iter().enumerate() {
        put(handle, "http://a/", &[u8::try_from(number).unwrap()], number as u64);
        assert!(handles.iter().all(|one| served(one, "http://a/").unwrap()[..] == [u8::try_from(number).unwrap()]));
    }
    for handle in handles {
        assert_eq!(served(&handle, "http://a/").unwrap()[..], [2]);
    }
    scan(directory.path());
}

#[test]
fn opened_and_closed_by_many_threads_at_once_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let path = directory.path();
            scope.spawn(move || {
                for round in 0..15 {
                    let store = open(path);
                    put(&store, &format!("http://{thread}/{round}"), &noise(thread * 100 + round, 3000), 1);
                }
            });
        }
    });
    assert_eq!(scan(directory.path()).len(), 60);
}

#[test]
fn a_tiny_map_grows_under_readers() {
    let directory = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(directory.path(), Options { map_size: TINY, ..Options::default() }).unwrap();
    put(&store, "http://first/", b"first", 1);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while served(&store, "http://299/").is_none() {
                assert_eq!(served(&store, "http://first/").unwrap(), "first");
            }
        });
        for number in 0..300 {
            put(&store, &format!("http://{number}/"), &noise(number, 60_000), 1);
        }
        flush(&store);
        reader.join().unwrap();
    });
    drop(store);
    assert_eq!(scan(directory.path()).len(), 301);
}

#[test]
fn a_full_queue_makes_writers_wait_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { queue_changes: 2, queue_bytes: 1000, ..Options::default() };
    let store = LmdbStore::open(directory.path(), options).unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            // Some bodies are larger than the whole queue.
            let length = |number| usize::try_from(number).unwrap() * 60;
            scope.spawn(move || {
                for number in 0..40 {
                    put(store, &format!("http://{thread}/{number}"), &noise(number, length(number)), 1);
                }
            });
        }
    });
    drop(store);
    assert_eq!(scan(directory.path()).len(), 160);
}

#[test]
fn a_damaged_record_is_a_counted_miss_that_heals() {
    let directory = tempfile::tempdir().unwrap();
    put(&open(directory.path()), "http://a/", b"content", 1);
    damage(directory.path(), "entries", &key("http://a/").hash.0, |record| record[20] ^= 1);
    let store = open(directory.path());
    assert_eq!(record(&store, "http://a/"), None);
    assert_eq!(store.health().corrupt_records, 1);
    change(&store, "http://a/", freshening(&response(0, b"content", 1), 2));
    flush(&store);
    assert_eq!(record(&store, "http://a/"), None);
    put(&store, "http://a/", b"content", 3);
    flush(&store);
    assert_eq!(served(&store, "http://a/").unwrap(), "content");
    assert_eq!(store.health().corrupt_records, 2);
}

#[test]
fn a_damaged_shared_body_is_a_counted_miss_that_heals_by_whoever_brings_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put(&store, "http://a/", b"content", 1);
    put(&store, "http://b/", b"content", 1);
    drop(store);
    damage(directory.path(), "bodies", &body_key(body(b"content").reference()), |body| {
        body.pop();
    });
    let store = open(directory.path());
    assert_eq!(wire(&store, b"content"), None);
    assert_eq!(store.health().corrupt_records, 1);
    change(&store, "http://a/", notmodified::entry::change::Change::Drop(body(b"content").reference()));
    put(&store, "http://a/", b"content", 2);
    flush(&store);
    assert_eq!(served(&store, "http://a/").unwrap(), "content");
    assert_eq!(served(&store, "http://b/").unwrap(), "content");
    drop(store);
    scan(directory.path());
}

#[test]
fn a_record_of_another_url_under_the_same_hash_is_a_counted_miss_that_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let mut twin = key("http://a/");
    twin.url = "http://twin/".into();
    let store = open(directory.path());
    put(&store, "http://a/", b"content", 1);
    for is_flushed in [false, true] {
        if is_flushed {
            flush(&store);
        }
        assert_eq!(block_on(store.record(&twin)).unwrap(), None);
    }
    assert_eq!(store.health().corrupt_records, 2);
    let change = notmodified::entry::change::Change::Store(Box::new(response(0, b"twin", 1)));
    block_on(store.write(&twin, change, Some(body(b"twin")))).unwrap();
    assert_eq!(record(&store, "http://a/"), None);
    drop(store);
    assert_eq!(scan(directory.path())[0].url, "http://twin/");
}

#[test]
fn a_store_of_a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    put(&open(directory.path()), "http://a/", b"a", 1);
    damage(directory.path(), "meta", b"format", |format| *format = 3_u32.to_le_bytes().to_vec());
    let error = LmdbStore::open(directory.path(), Options::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    let message = error.to_string();
    assert!(message.contains("format 3") && message.contains(directory.path().to_str().unwrap()), "{message}");
    damage(directory.path(), "meta", b"format", |format| *format = 2_u32.to_le_bytes().to_vec());
    assert_eq!(served(&open(directory.path()), "http://a/").unwrap(), "a");
}

#[test]
fn what_is_no_store_is_refused_with_path_and_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    let foreign = directory.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("data.mdb"), vec![7; 20_000]).unwrap();
    let secretless = directory.path().join("secretless");
    drop(open(&secretless));
    fs::write(secretless.join("secret"), "short").unwrap();
    let cases = [
        (file.clone(), "give a directory"),
        (file.join("below"), "give a directory"),
        (foreign, "no store of ours"),
        (secretless, "remove it"),
        ("/proc/notmodified".into(), "the store at /proc/notmodified"),
        ("a\0b".into(), "the store at"),
    ];
    for (path, remedy) in cases {
        let error = LmdbStore::open(&path, Options::default()).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.kind(), Kind::Store, "{message}");
        assert!(message.contains(remedy), "{message}");
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
}

#[test]
fn a_store_that_was_removed_under_a_handle_is_begun_anew_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let old = open(&path);
    put(&old, "http://a/", b"old", 1);
    flush(&old);
    fs::remove_dir_all(&path).unwrap();
    let new = open(&path);
    assert_eq!(record(&new, "http://a/"), None);
    assert_eq!(served(&old, "http://a/").unwrap(), "old");
}

#[test]
fn a_compacted_store_holds_the_same_in_less() {
    let directory = tempfile::tempdir().unwrap();
    let size = || fs::metadata(directory.path().join("data.mdb")).unwrap().len();
    let options = Options::default();
    let options = Options { limits: Limits { linger: 0, ..options.limits }, ..options };
    let store = LmdbStore::open(directory.path(), options).unwrap();
    let second_handle = LmdbStore::open(directory.path(), options).unwrap();
    for number in 0..100 {
        put(&store, &format!("http://{number}/"), &noise(number, 50_000), 1);
    }
    flush(&store);
    for number in 0..80 {
        put(&store, &format!("http://{number}/"), b"short now", 2);
    }
    flush(&store);
    let before = size();
    let promised = store.promise(body(&noise(90, 50_000)).reference()).unwrap();
    let given_back = block_on(store.compact()).unwrap();
    assert_eq!(before - size(), given_back);
    let mode = fs::metadata(directory.path().join("data.mdb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!directory.path().join("compacting").exists());
    assert!(given_back > 1 << 20, "{given_back} bytes of {before}");
    assert_eq!(promised.bytes().unwrap(), noise(90, 50_000));
    put(&second_handle, "http://later/", b"later", 1);
    drop((store, second_handle));
    assert_eq!(scan(directory.path()).len(), 101);
    assert_eq!(served(&open(directory.path()), "http://99/").unwrap(), noise(99, 50_000));
}

#[test]
fn a_damaged_store_is_set_aside_once_and_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    put(&open(directory.path()), "http://a/", &noise(1, 50_000), 1);
    let data = directory.path().join("data.mdb");
    let whole = fs::read(&data).unwrap();
    for (how, damaged) in
        [("cut", whole[..whole.len() / 2].to_vec()), ("zeroed", vec![0; whole.len()]), ("noise", noise(9, whole.len()))]
    {
        fs::write(&data, &damaged).unwrap();
        let store = open(directory.path());
        let told = store.health().set_aside.expect(how);
        assert!(told.contains("data.mdb.damaged") && told.contains(directory.path().to_str().unwrap()), "{told}");
        assert_eq!(open(directory.path()).health().set_aside, None, "told once");
        assert_eq!(fs::read(directory.path().join("data.mdb.damaged")).unwrap(), damaged);
        put(&store, "http://a/", b"anew", 1);
        drop(store);
        assert_eq!(open(directory.path()).health().set_aside, None);
        assert_eq!(scan(directory.path()).len(), 1);
    }
}

#[test]
fn a_database_of_somebody_else_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data.mdb");
    {
        use ::lmdb::Transaction;
        let environment = ::lmdb::Environment::new().open(directory.path()).unwrap();
        let database = environment.open_db(None).unwrap();
        let mut transaction = environment.begin_rw_txn().unwrap();
        transaction.put(database, b"meta", b"of somebody else", ::lmdb::WriteFlags::empty()).unwrap();
        transaction.commit().unwrap();
    }
    let before = fs::read(&data).unwrap();
    for _ in 0..2 {
        let error = LmdbStore::open(directory.path(), Options::default()).unwrap_err().to_string();
        assert!(error.contains("no store of ours"), "{error}");
    }
    assert_eq!(fs::read(&data).unwrap(), before);
}
