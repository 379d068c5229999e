//! Values that were damaged in the file: whatever a flipped bit, a lost or a foreign end makes of a record, a body or a count,
//! nobody is handed a wrong body, and the next that is stored is served.

use std::path::Path;

use notmodified::digest::Digest;
use notmodified::store::Store;
use notmodified::store::lmdb::{Durability, LmdbStore, Options};
use pollster::block_on;

use crate::sample::{flush, noise, put, record};
use crate::scan::{damage, keys};

const SEEDS: u64 = 200;

const PAGES: u64 = 12;

fn open(path: &Path) -> LmdbStore {
    LmdbStore::open(path, Options { durability: Durability::Relaxed, ..Options::default() }).unwrap()
}

fn url(page: u64) -> String {
    format!("http://page/{page}")
}

/// From nothing to several pages of memory; each third is that of another page.
fn content(page: u64) -> Vec<u8> {
    let subject = if page.is_multiple_of(3) { 0 } else { page };
    noise(subject, usize::try_from(subject).unwrap() * 1000)
}

/// Numbers that look drawn, the same for each seed.
struct Draw(blake3::OutputReader);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof())
    }

    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % end.max(1) as u64).unwrap()
    }

    fn harm(&mut self, value: &mut Vec<u8>) {
        let at = self.below(value.len());
        match self.below(5) {
            0 => value.truncate(at),
            1 => value.extend(noise(1, at + 1)),
            2 => value[at..].fill(0),
            _ if value.is_empty() => value.push(1),
            _ => value[at] ^= 1 << self.below(8),
        }
    }
}

/// Whether the page is there; what is there is right.
fn is_served(store: &LmdbStore, page: u64) -> bool {
    let Some(record) = record(store, &url(page)) else { return false };
    assert_eq!(record.url, url(page));
    let Some(variant) = record.variants.first() else { return false };
    assert_eq!(variant.content, Digest::of(&content(page)), "another's validator");
    let Some(body) = block_on(store.body(variant.body)).unwrap() else { return false };
    assert_eq!(Digest::of(body.wire()), variant.content, "another's body");
    true
}

#[test]
fn damaged_values_give_no_wrong_body_and_heal() {
    let mut missed = 0;
    for seed in 0..SEEDS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let store = open(path);
        (0..PAGES).for_each(|page| put(&store, &url(page), &content(page), 1));
        drop(store);
        let mut draw = Draw::new(seed);
        for _ in 0..=draw.below(4) {
            let name = ["entries", "bodies", "bodies", "references", "uses"][draw.below(5)];
            let keys = keys(path, name);
            damage(path, name, &keys[draw.below(keys.len())], |value| draw.harm(value));
        }
        let store = open(path);
        missed += (0..PAGES).filter(|page| !is_served(&store, *page)).count();
        for round in 2..4 {
            (0..PAGES).for_each(|page| put(&store, &url(page), &content(page), round));
            flush(&store);
            assert!((0..PAGES).all(|page| is_served(&store, page)), "seed {seed}");
        }
        drop(store);
        let store = open(path);
        assert!((0..PAGES).all(|page| is_served(&store, page)), "seed {seed}, opened again");
        assert_eq!(store.health().corrupt_records, 0, "seed {seed}");
    }
    assert!(missed > 0, "they are no damage that nobody notices");
}
