//! What the check lets through and what it does not, by bits that are flipped one at a time.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use pollster::block_on;
use proptest::prelude::*;

use super::{BRANCH, DEEPEST, HEADER, METAS, Meta, NO_PAGE, NODE, Page, Tree, Verdict, check, u16_at, u32_at, u64_at};
use crate::digest::Digest;
use crate::entry::StoredResponse;
use crate::entry::change::Change;
use crate::entry::learned::Learned;
use crate::identity::Partition;
use crate::key::{Key, Method};
use crate::rfc::vary::Selecting;
use crate::store::Store;
use crate::store::body::Body;
use crate::store::lmdb::{Limits, LmdbStore, Options};

/// A store that many pages were written to, replaced in, and forgotten in.
fn grown(directory: &Path, seed: u64, max_size: Option<u64>) {
    let limits = Limits { max_size, max_age: None, linger: 0 };
    let store = LmdbStore::open(directory, Options { limits, ..Options::default() }).unwrap();
    for number in 0..400 {
        let mut content = vec![0; usize::try_from((number * 7919 + seed * 104_729) % 30_000).unwrap()];
        blake3::Hasher::new().update(&(number + seed).to_le_bytes()).finalize_xof().fill(&mut content);
        let body = Body::from_wire(content.into());
        let response = StoredResponse {
            status: 200,
            fields: [("etag", "\"1\"")].into_iter().collect(),
            request_time: number,
            response_time: number,
            response_millis: 0,
            received_at: number,
            selecting: Selecting::default(),
            accept_encoding: None,
            coding: None,
            content: Digest::of(body.wire()),
            fingerprint: None,
            body: body.reference(),
            wire_bytes: 0,
            is_invalidated: false,
            other_tags: Vec::new(),
            learned: Learned::default(),
            is_shared: false,
        };
        let url = format!("http://a/{}", (number * seed) % 300);
        let key = Key::new(Method::Get, url.as_str().into(), Partition::ANONYMOUS);
        block_on(store.write(&key, Change::Store(Box::new(response)), Some(body))).unwrap();
        if number % 11 == 0 {
            block_on(store.flush()).unwrap();
        }
    }
}

#[test]
fn what_the_store_writes_is_sound_also_compacted() {
    for seed in 1..8 {
        let directory = tempfile::tempdir().unwrap();
        grown(directory.path(), seed, (seed % 2 == 0).then_some(2 << 20));
        let data = directory.path().join("data.mdb");
        assert_eq!(check(&data).unwrap(), Verdict::Sound, "seed {seed}");
        let store = LmdbStore::open(directory.path(), Options::default()).unwrap();
        block_on(store.compact()).unwrap();
        drop(store);
        assert_eq!(check(&data).unwrap(), Verdict::Sound, "seed {seed}, compacted");
    }
}

#[test]
fn what_is_no_data_file_is_foreign_and_none_is_sound() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("data.mdb");
    fs::write(&file, b"").unwrap();
    assert_eq!(check(&file).unwrap(), Verdict::Sound);
    for content in [b"x".to_vec(), vec![0; 4096], vec![7; 100_000]] {
        fs::write(&file, content).unwrap();
        assert_eq!(check(&file).unwrap(), Verdict::Foreign);
    }
}

#[test]
fn a_file_that_was_cut_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    grown(directory.path(), 3, None);
    let data = directory.path().join("data.mdb");
    let length = fs::metadata(&data).unwrap().len();
    for part in 1..10 {
        fs::File::options().write(true).open(&data).unwrap().set_len(length / 10 * (10 - part)).unwrap();
        assert!(matches!(check(&data).unwrap(), Verdict::Damaged(_)), "{part} tenths cut");
    }
}

/// Where a page of `WHOLE` begins.
fn start_of(page: u64) -> usize {
    usize::try_from(page).unwrap() * Meta::read(&WHOLE).unwrap().page_size as usize
}

fn page(number: u64) -> Page {
    Page::read(number, WHOLE[start_of(number)..start_of(number + 1)].to_vec()).unwrap()
}

fn newest() -> (usize, Meta) {
    let metas = [0, start_of(1)].map(|at| (at, Meta::read(&WHOLE[at..]).unwrap()));
    metas.into_iter().max_by_key(|(_, meta)| meta.transaction).unwrap()
}

/// Where the nodes of the first leaf under `root` lie.
fn nodes_under(root: u64) -> Vec<usize> {
    let mut number = root;
    for _ in 0..DEEPEST {
        let page = page(number);
        if page.flags != BRANCH {
            break;
        }
        number = u64::from(u32_at(&page.bytes, page.nodes[0]).unwrap());
    }
    page(number).nodes.iter().map(|at| start_of(number) + at).collect()
}

/// Where the descriptions of the databases begin, each behind its node and its name.
fn descriptions() -> Vec<usize> {
    let nodes = nodes_under(newest().1.main.root);
    nodes.into_iter().map(|at| at + NODE + usize::from(u16_at(&WHOLE, at + 6).unwrap())).collect()
}

/// What comes of the check after a bit of one byte was flipped.
fn flipped(at: usize, bit: u8) -> Verdict {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data.mdb");
    let mut damaged = WHOLE.clone();
    damaged[at] ^= bit;
    fs::write(&data, &damaged).unwrap();
    check(&data).unwrap()
}

#[test]
fn a_node_whose_length_is_not_its_own_is_damage() {
    let trees = descriptions().into_iter().map(|at| Tree::read(&WHOLE[at..]).unwrap().1);
    for tree in trees.filter(|tree| tree.root != NO_PAGE) {
        let nodes = nodes_under(tree.root);
        for (at, bit) in nodes.iter().flat_map(|at| [2, 4, 8, 16, 32, 64].map(|bit| (*at, bit))) {
            let is_large = u16_at(&WHOLE, at + 4).unwrap() != 0;
            // That of a large value says no more than how many pages it takes.
            if !is_large {
                assert!(matches!(flipped(at, bit), Verdict::Damaged(_)), "bit {bit} of its data's length at {at}");
            }
            assert!(matches!(flipped(at + 6, bit), Verdict::Damaged(_)), "bit {bit} of its key's length at {at}");
        }
    }
}

#[test]
fn a_tree_of_another_kind_is_damage() {
    let (start, _) = newest();
    let kept_by_meta = [0, 1].map(|tree| start + HEADER + 24 + tree * Tree::SIZE);
    for tree in descriptions().into_iter().chain(kept_by_meta) {
        for (byte, bit) in (0..2).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
            assert!(matches!(flipped(tree + 4 + byte, 1 << bit), Verdict::Damaged(_)), "bit {bit} of byte {byte}");
        }
    }
    let nodes = nodes_under(newest().1.main.root);
    for (at, bit) in nodes.iter().flat_map(|at| (0..8).map(move |bit| (*at, bit))) {
        assert!(matches!(flipped(at + 4, 1 << bit), Verdict::Damaged(_)), "bit {bit} of a description's kind");
    }
}

#[test]
fn a_newest_state_on_the_page_of_the_other_is_damage() {
    let (start, meta) = newest();
    let at = start + HEADER + 24 + 2 * Tree::SIZE + 8;
    assert_eq!(u64_at(&WHOLE, at), Some(meta.transaction));
    // By so much that it stays the newest.
    let bit = if meta.transaction % METAS == 0 { 1 } else { 3 };
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data.mdb");
    let mut damaged = WHOLE.clone();
    damaged[at..at + 8].copy_from_slice(&(meta.transaction + bit).to_le_bytes());
    fs::write(&data, &damaged).unwrap();
    assert!(matches!(check(&data).unwrap(), Verdict::Damaged(_)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_harms_the_check(at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..64)) {
        let mut damaged = WHOLE.clone();
        let begin = at.index(damaged.len() - bytes.len());
        damaged[begin..begin + bytes.len()].copy_from_slice(&bytes);
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data.mdb");
        fs::write(&data, &damaged).unwrap();
        check(&data).unwrap();
    }
}

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    grown(directory.path(), 5, None);
    fs::read(directory.path().join("data.mdb")).unwrap()
});
