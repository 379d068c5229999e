//! What every store promises, held to by each backend.

use std::thread;

use notmodified::entry::Consumer;
use notmodified::entry::change::Change;
use notmodified::entry::corroboration::Quorum;
use notmodified::entry::forgotten::{KEPT_FOR, Scope};
use notmodified::entry::sighting::Sighting;
use notmodified::identity::{Exit, Partition, Secret};
use notmodified::key::{Key, Method};
use notmodified::rfc::vary::Selecting;
use notmodified::store::lmdb::{Limits, LmdbStore, Options};
use notmodified::store::memory::MemoryStore;
use notmodified::store::walk::Met;
use notmodified::store::{AnyStore, Store};
use pollster::block_on;
use proptest::prelude::*;

use crate::sample::{
    acknowledgement, body, change, flush, freshening, key, noise, put, put_variant, record, response, served, wire,
};
use crate::walks::{met, urls};

/// Runs `check` twice: on what is still pending, and, in another store, with every write flushed before the next step.
fn pending_and_flushed<S: Store>(open: impl Fn() -> S, check: impl Fn(&S, &dyn Fn())) {
    let pending = open();
    check(&pending, &|| {});
    let flushed = open();
    check(&flushed, &|| flush(&flushed));
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(#[test] fn $name() { super::pending_and_flushed(|| super::MemoryStore::new(None).unwrap(), super::$name); })*
        }
        mod lmdb {
            $(#[test] fn $name() {
                let directory = tempfile::tempdir().unwrap();
                let number = std::cell::Cell::new(0);
                let open = || {
                    number.set(number.get() + 1);
                    let path = directory.path().join(number.get().to_string());
                    super::LmdbStore::open(&path, super::without_linger()).unwrap()
                };
                super::pending_and_flushed(open, super::$name);
            })*
        }
    };
}

contract! {
    nothing_stored_is_a_miss
    a_stored_response_comes_back_with_its_body
    a_304_keeps_the_body
    a_304_for_a_replaced_body_changes_nothing
    an_older_answer_leaves_neither_record_nor_body
    a_replaced_body_is_gone
    a_shared_body_goes_with_the_last_that_refers_to_it
    the_same_content_again_stays
    a_dropped_body_takes_its_variant_along
    variants_stand_side_by_side
    partitions_and_methods_do_not_meet
    acknowledgements_are_kept
    bodies_of_every_size_come_back_whole
    writers_of_one_key_lose_nothing
    one_handle_has_one_secret
    what_is_forgotten_is_gone_with_its_body_and_comes_back_as_new
    a_walk_meets_each_record_with_its_key
    what_was_asked_for_before_it_was_forgotten_stays_so
    everything_is_forgotten_at_once_and_a_clock_that_was_wrong_refuses_nothing
    a_late_witness_is_refused_and_one_for_another_exit_is_not
    nothing_is_refused_that_no_request_asked_for
}

fn nothing_stored_is_a_miss<S: Store>(store: &S, flushed: &dyn Fn()) {
    flushed();
    assert_eq!(record(store, "http://a/"), None);
    assert_eq!(wire(store, b"x"), None);
    change(store, "http://a/", Change::Invalidate);
    flushed();
    assert_eq!(record(store, "http://a/"), None);
}

fn a_stored_response_comes_back_with_its_body<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"content", 1);
    flushed();
    let record = record(store, "http://a/").unwrap();
    assert_eq!((record.url.as_str(), record.version), ("http://a/", 1));
    assert_eq!(record.variants, [response(0, b"content", 1)]);
    assert_eq!(served(store, "http://a/").unwrap(), "content");
}

fn a_304_keeps_the_body<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"content", 1);
    flushed();
    change(store, "http://a/", freshening(&response(0, b"content", 1), 9));
    flushed();
    let variant = record(store, "http://a/").unwrap().variants.remove(0);
    assert_eq!((variant.response_time, variant.fields.get(b"etag")), (9, Some(b"\"fresh\"".as_slice())));
    assert_eq!(served(store, "http://a/").unwrap(), "content");
}

fn a_304_for_a_replaced_body_changes_nothing<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"old", 1);
    put(store, "http://a/", b"new", 2);
    flushed();
    change(store, "http://a/", freshening(&response(0, b"old", 1), 9));
    flushed();
    assert_eq!(record(store, "http://a/").unwrap().variants, [response(0, b"new", 2)]);
}

fn an_older_answer_leaves_neither_record_nor_body<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"new", 5);
    put(store, "http://a/", b"old", 3);
    flushed();
    assert_eq!(served(store, "http://a/").unwrap(), "new");
    assert_eq!(wire(store, b"old"), None);
}

fn a_replaced_body_is_gone<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"one", 1);
    put(store, "http://a/", b"two", 2);
    flush(store);
    flushed();
    assert_eq!(served(store, "http://a/").unwrap(), "two");
    assert_eq!(wire(store, b"one"), None);
}

fn a_shared_body_goes_with_the_last_that_refers_to_it<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"shared", 1);
    put(store, "http://b/", b"shared", 1);
    put_variant(store, "http://b/", 1, b"shared", 1);
    flushed();
    put(store, "http://a/", b"a of its own", 2);
    flush(store);
    assert_eq!(served(store, "http://b/").unwrap(), "shared");
    put(store, "http://b/", b"b of its own", 2);
    flush(store);
    assert_eq!(wire(store, b"shared").unwrap(), "shared");
    put_variant(store, "http://b/", 1, b"another", 2);
    flush(store);
    assert_eq!(wire(store, b"shared"), None);
}

fn the_same_content_again_stays<S: Store>(store: &S, flushed: &dyn Fn()) {
    for at in 1..4 {
        put(store, "http://a/", b"same", at);
        flushed();
    }
    assert_eq!(served(store, "http://a/").unwrap(), "same");
    put(store, "http://a/", b"other", 9);
    flush(store);
    assert_eq!(wire(store, b"same"), None);
}

fn a_dropped_body_takes_its_variant_along<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"x", 1);
    put_variant(store, "http://a/", 1, b"y", 1);
    flushed();
    change(store, "http://a/", Change::Drop(body(b"x").reference()));
    flush(store);
    assert_eq!(record(store, "http://a/").unwrap().variants, [response(1, b"y", 1)]);
    assert_eq!(wire(store, b"x"), None);
    assert_eq!(wire(store, b"y").unwrap(), "y");
}

fn variants_stand_side_by_side<S: Store>(store: &S, flushed: &dyn Fn()) {
    for variant in 0..12 {
        put_variant(store, "http://a/", variant, &[variant], u64::from(variant));
        flushed();
    }
    flush(store);
    let variants = record(store, "http://a/").unwrap().variants;
    assert_eq!(variants.iter().map(|one| one.request_time).collect::<Vec<_>>(), (4..12).collect::<Vec<_>>());
    assert_eq!(wire(store, &[3]), None);
    assert_eq!(wire(store, &[4]).unwrap(), [4].as_slice());
}

fn partitions_and_methods_do_not_meet<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"mine", 1);
    flushed();
    let theirs = Key::new(Method::Get, "http://a/".into(), Partition { exit: Exit([7; 16]), ..Partition::ANONYMOUS });
    assert_eq!(block_on(store.record(&theirs)).unwrap(), None);
    assert_eq!(block_on(store.record(&key("http://a/").under(Method::Head))).unwrap(), None);
}

fn acknowledgements_are_kept<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"one", 1);
    change(store, "http://a/", acknowledgement("prices", b"one"));
    flushed();
    put(store, "http://a/", b"two", 2);
    flushed();
    let record = record(store, "http://a/").unwrap();
    let seen = record.acknowledged_by(Consumer::named("prices"), Selecting::default());
    assert_eq!(seen, Some(response(0, b"one", 1).content));
    assert_eq!(record.acknowledged_by(Consumer::named("stock"), Selecting::default()), None);
}

fn bodies_of_every_size_come_back_whole<S: Store>(store: &S, flushed: &dyn Fn()) {
    for (number, length) in [0, 1, 4095, 4096, 4097, 20_000, 142_000, 3_000_000].into_iter().enumerate() {
        for content in [noise(number as u64, length), b"<p>".iter().copied().cycle().take(length).collect()] {
            put(store, "http://a/", &content, number as u64);
            flushed();
            assert_eq!(served(store, "http://a/").unwrap(), content);
        }
    }
}

fn writers_of_one_key_lose_nothing<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"x", 1);
    thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                for round in 0..8 {
                    change(store, "http://a/", acknowledgement(&format!("{number}.{round}"), b"x"));
                }
            });
        }
    });
    flushed();
    assert_eq!(record(store, "http://a/").unwrap().acknowledged.len(), 64);
}

fn one_handle_has_one_secret<S: Store>(store: &S, flushed: &dyn Fn()) {
    flushed();
    assert_ne!(store.secret().0, [0; 32]);
}

fn what_is_forgotten_is_gone_with_its_body_and_comes_back_as_new<S: Store>(store: &S, flushed: &dyn Fn()) {
    put(store, "http://a/", b"one", 1);
    put_variant(store, "http://a/", 1, b"shared", 1);
    put(store, "http://b/", b"shared", 1);
    change(store, "http://a/", acknowledgement("prices", b"one"));
    flushed();
    change(store, "http://a/", Change::Forget);
    change(store, "http://never/", Change::Forget);
    assert_eq!(record(store, "http://a/"), None);
    // Who was answered before it was forgotten does not bring it back.
    change(store, "http://a/", freshening(&response(0, b"one", 1), 9));
    flush(store);
    assert_eq!(record(store, "http://a/"), None);
    assert_eq!(wire(store, b"one"), None);
    assert_eq!(served(store, "http://b/").unwrap(), "shared");
    put(store, "http://a/", b"one", 2);
    flushed();
    let anew = record(store, "http://a/").unwrap();
    assert_eq!((anew.version, anew.variants.len(), anew.acknowledged.len()), (1, 1, 0));
    assert_eq!(served(store, "http://a/").unwrap(), "one");
}

fn a_walk_meets_each_record_with_its_key<S: Store>(store: &S, flushed: &dyn Fn()) {
    for number in 0..40 {
        put(store, &format!("http://{number}/"), b"x", 1);
    }
    let others = [
        key("http://1/").under(Method::Head),
        Key::new(Method::Get, "http://1/".into(), Partition { exit: Exit([7; 16]), ..Partition::ANONYMOUS }),
    ];
    for other in &others {
        block_on(store.write(other, Change::Store(Box::new(response(0, b"x", 1))), Some(body(b"x")))).unwrap();
    }
    flushed();
    change(store, "http://2/", Change::Forget);
    put(store, "http://3/", b"y", 2);
    flushed();
    let met = met(store);
    assert_eq!(met.len(), 41);
    assert!(others.iter().all(|other| met.iter().any(|met| met.key == *other)));
    for Met { key, record } in met {
        assert_eq!(record, block_on(store.record(&key)).unwrap());
    }
}

/// Stores `content` under `key`, as the answer to a request that was planned at `asked`.
fn answer(store: &impl Store, key: &Key, content: &[u8], asked: u64) {
    let change = Change::Store(Box::new(response(0, content, asked / 1000)));
    block_on(store.answer(key, change, Some(body(content)), Some(asked))).unwrap();
}

fn what_was_asked_for_before_it_was_forgotten_stays_so<S: Store>(store: &S, flushed: &dyn Fn()) {
    let exit = Exit([7; 16]);
    let own = Key::new(Method::Get, "http://b/own".into(), Partition { exit, ..Partition::ANONYMOUS });
    let forgotten = [
        (Scope::url("http://a/", store.secret()), key("http://a/")),
        (Scope::host(None, "h", None, store.secret()), key("https://h:8443/page")),
        (Scope::host(Some("http"), "i", Some(80), store.secret()), key("http://i/page")),
        (Scope::Exit(exit), own.clone()),
    ];
    for (scope, key) in forgotten {
        answer(store, &key, b"before", 10_000);
        flushed();
        block_on(store.entomb(vec![scope], 20_000)).unwrap();
        flushed();
        block_on(store.write(&key, Change::Forget, None)).unwrap();
        flushed();
        for late in [10_001, 20_000] {
            answer(store, &key, b"late", late);
            let unconfirmed = Change::Unconfirmed(response(0, b"late", 1).content, 20);
            for change in [acknowledgement("prices", b"late"), unconfirmed] {
                block_on(store.answer(&key, change, None, Some(late))).unwrap();
            }
            assert_eq!(block_on(store.record(&key)).unwrap(), None, "{scope:?}");
            flush(store);
            assert_eq!(block_on(store.record(&key)).unwrap(), None, "{scope:?}");
        }
        assert_eq!(wire(store, b"late"), None);
        answer(store, &key, b"anew", 20_001);
        flushed();
        assert_eq!(block_on(store.record(&key)).unwrap().unwrap().variants.len(), 1, "{scope:?}");
    }
    // Of anything else, nothing is refused.
    for other in [key("http://b/"), key("https://i/page"), key("http://i:8080/"), key("http://h.a/")] {
        answer(store, &other, b"other", 15_000);
        flushed();
        assert_eq!(block_on(store.record(&other)).unwrap().unwrap().variants.len(), 1, "{}", other.url);
    }
}

fn everything_is_forgotten_at_once_and_a_clock_that_was_wrong_refuses_nothing<S: Store>(store: &S, flushed: &dyn Fn()) {
    block_on(store.entomb(vec![Scope::All], 30_000)).unwrap();
    answer(store, &key("http://c/"), b"late", 29_999);
    // What was asked for so long before was dated by another clock than what was forgotten.
    block_on(store.entomb(vec![Scope::All], 30_000 + 2 * KEPT_FOR)).unwrap();
    answer(store, &key("http://d/"), b"dated otherwise", 31_000);
    flushed();
    assert_eq!(record(store, "http://c/"), None);
    assert_eq!(record(store, "http://d/").unwrap().variants.len(), 1);
}

fn a_late_witness_is_refused_and_one_for_another_exit_is_not<S: Store>(store: &S, flushed: &dyn Fn()) {
    let quorum = Quorum { k: 2, ttl: None };
    let testify = |exit: Exit, asked| {
        let response = Some(response(0, b"page", 1));
        let (witness, way) = (exit.witness(), Secret([0; 32]).way(exit));
        let sighting = Sighting { exit: witness, way, asked: None, response, is_seen: true, at: 1, quorum };
        let change = Change::Sight(Box::new(sighting));
        block_on(store.answer(&key("http://a/"), change, Some(body(b"page")), Some(asked))).unwrap();
        flushed();
    };
    let seen = || record(store, "http://a/").map_or(0, |record| record.corroboration.candidates[0].witnesses.len());
    let shared = || record(store, "http://a/").map_or(0, |record| record.variants.len());
    let [one, other, third] = [Exit([1; 16]), Exit([2; 16]), Exit([3; 16])];
    testify(one, 10_000);
    testify(other, 10_000);
    assert_eq!((seen(), shared()), (2, 1));
    block_on(store.entomb(vec![Scope::Exit(one)], 20_000)).unwrap();
    change(store, "http://a/", Change::Disown(one.witness()));
    flush(store);
    assert_eq!((seen(), shared(), wire(store, b"page")), (1, 0, None));
    testify(one, 15_000);
    flush(store);
    assert_eq!((seen(), shared()), (1, 0));
    testify(third, 15_000);
    assert_eq!((seen(), shared()), (2, 1));
    testify(one, 20_001);
    assert_eq!((seen(), shared()), (3, 1));
}

fn nothing_is_refused_that_no_request_asked_for<S: Store>(store: &S, flushed: &dyn Fn()) {
    block_on(store.entomb(vec![Scope::All], 20_000)).unwrap();
    flushed();
    put(store, "http://a/", b"x", 1);
    flushed();
    // Invalidating brings nothing back.
    block_on(store.answer(&key("http://a/"), Change::Invalidate, None, Some(10_000))).unwrap();
    flushed();
    assert!(record(store, "http://a/").unwrap().variants[0].is_invalidated);
}

/// A step of a random history: URL, what happens, content, time.
type Step = (u8, u8, u8, u8, u64);

fn step(store: &impl Store, (url, what, variant, content, at): Step) {
    let url = format!("http://{url}/");
    let content = noise(u64::from(content), usize::from(content) * 1500);
    match what {
        0..4 => put_variant(store, &url, variant, &content, at),
        4 => change(store, &url, freshening(&response(variant, &content, 0), at)),
        5 => change(store, &url, Change::Invalidate),
        6 => change(store, &url, acknowledgement("c", &content)),
        7 => change(store, &url, Change::Drop(body(&content).reference())),
        8 => change(store, &url, Change::Forget),
        _ => flush(store),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn after_any_history_all_backends_hold_the_same(
        steps in prop::collection::vec((0..3_u8, 0..10_u8, 0..3_u8, 0..5_u8, 0..30_u64), 1..60)
    ) {
        let directory = tempfile::tempdir().unwrap();
        let memory = AnyStore::open(":memory:", without_linger()).unwrap();
        let lmdb = AnyStore::open(directory.path().to_str().unwrap(), without_linger()).unwrap();
        for one in steps {
            step(&memory, one);
            step(&lmdb, one);
            let url = format!("http://{}/", one.0);
            prop_assert_eq!(record(&memory, &url), record(&lmdb, &url), "pending");
            prop_assert_eq!(urls(&memory), urls(&lmdb), "pending");
        }
        flush(&lmdb);
        prop_assert_eq!(urls(&memory), urls(&lmdb), "committed");
        for url in ["http://0/", "http://1/", "http://2/"] {
            prop_assert_eq!(record(&memory, url), record(&lmdb, url), "committed");
        }
        for content in 0..5_u64 {
            let content = noise(content, usize::try_from(content).unwrap() * 1500);
            prop_assert_eq!(wire(&memory, &content), wire(&lmdb, &content));
        }
        drop(lmdb);
        crate::scan::scan(directory.path());
    }
}

/// A store in which a body goes at once with the last that refers to it.
fn without_linger() -> Options {
    let options = Options::default();
    Options { limits: Limits { linger: 0, ..options.limits }, ..options }
}
