//! Our store on its own: pages of 1 KB put in and looked up, as record and body; pages of 20 KB replaced, durably.

use std::path::Path;

use bench_programs::{Outcome, orders};
use bytes::Bytes;
use notmodified::entry::change::Change;
use notmodified::entry::learned::Learned;
use notmodified::entry::{BodyRef, StoredResponse};
use notmodified::fields::Fields;
use notmodified::identity::Partition;
use notmodified::key::{Key, Method};
use notmodified::rfc::vary::Selecting;
use notmodified::store::Store;
use notmodified::store::body::Body;
use notmodified::store::lmdb::{LmdbStore, Options};
use pollster::block_on;

const SMALL: usize = 1_000;
const LARGE: usize = 20_000;
// So far from each other that looking them up in this order is looking them up at random.
const STRIDE: usize = 7_368_787;

fn main() -> Outcome<()> {
    let directory = std::env::args().nth(1).ok_or("usage: DIRECTORY")?;
    let small = LmdbStore::open(&Path::new(&directory).join("small"), Options::default())?;
    let large = LmdbStore::open(&Path::new(&directory).join("large"), Options::default())?;
    let (mut pages, mut asked, mut round) = (0, 0, 0);
    orders("LMDB, durability group", |order, number| {
        match order {
            "insert" => {
                for page in pages..pages + number {
                    put(&small, page, &content(page, 0, SMALL))?;
                }
                block_on(small.flush())?;
                pages += number;
            }
            "lookup" => {
                asked += number;
                return wrong(&small, (asked - number..asked).map(|turn| turn * STRIDE % pages));
            }
            "change" => {
                round += 1;
                for page in 0..number {
                    put(&large, page, &content(page, round, LARGE))?;
                }
                block_on(large.flush())?;
            }
            _ => return Err(format!("unknown order {order}").into()),
        }
        Ok(0)
    })
}

/// How many pages are not what was put there.
fn wrong(store: &LmdbStore, pages: impl Iterator<Item = usize>) -> Outcome<usize> {
    let mut wrong = 0;
    for page in pages {
        let record = block_on(store.record(&key(page)))?.ok_or("a page without a record")?;
        let variant = record.variants.first().ok_or("a record without a response")?;
        let tag = variant.entity_tag().ok_or("a response without a tag")?;
        let body = block_on(store.body(variant.body))?.ok_or("a response without a body")?;
        wrong += usize::from(body.reference().length != SMALL as u64 || tag.as_bytes().is_empty());
    }
    Ok(wrong)
}

fn put(store: &LmdbStore, page: usize, content: &Bytes) -> Outcome<()> {
    let reference = BodyRef::of(content);
    let response = StoredResponse {
        status: 200,
        fields: fields(page, content.len()),
        request_time: 1_800_000_000,
        response_time: 1_800_000_000,
        response_millis: 0,
        received_at: 1_800_000_000,
        selecting: Selecting::default(),
        accept_encoding: None,
        coding: None,
        content: reference.digest,
        fingerprint: None,
        body: reference,
        wire_bytes: 250 + reference.length,
        is_invalidated: false,
        other_tags: Vec::new(),
        learned: Learned::default(),
        is_shared: false,
    };
    let body = Body::new(reference, content.clone());
    Ok(block_on(store.write(&key(page), Change::Store(Box::new(response)), Some(body)))?)
}

fn key(page: usize) -> Key {
    Key::new(Method::Get, format!("http://127.0.0.1:8080/page/{page}.html").into(), Partition::ANONYMOUS)
}

/// What nginx sends.
fn fields(page: usize, length: usize) -> Fields {
    [
        ("Server", "nginx/1.22.1".to_owned()),
        ("Date", "Sun, 22 Nov 2026 03:04:05 GMT".to_owned()),
        ("Content-Type", "text/html; charset=utf-8".to_owned()),
        ("Content-Length", length.to_string()),
        ("Last-Modified", "Sun, 22 Nov 2026 03:04:05 GMT".to_owned()),
        ("ETag", format!("\"{page:x}-{length:x}\"")),
        ("Cache-Control", "max-age=0".to_owned()),
    ]
    .into_iter()
    .collect()
}

/// The page as it is in this round.
fn content(page: usize, round: usize, length: usize) -> Bytes {
    let mut content = format!("<h1>{page} {round}</h1>").into_bytes();
    content.resize(length, b'.');
    content.into()
}
