//! Records, bodies and changes to test stores with.

use bytes::Bytes;
use notmodified::digest::Digest;
use notmodified::entry::change::{Acknowledgement, Change, Freshening};
use notmodified::entry::learned::Learned;
use notmodified::entry::{BodyRef, Consumer, Record, StoredResponse};
use notmodified::fields::Fields;
use notmodified::identity::Partition;
use notmodified::key::{Key, Method};
use notmodified::rfc::vary::Selecting;
use notmodified::store::Store;
use notmodified::store::body::Body;
use pollster::block_on;

pub fn key(url: &str) -> Key {
    Key::new(Method::Get, url.into(), Partition::ANONYMOUS)
}

pub fn body(content: &[u8]) -> Body {
    Body::from_wire(Bytes::copy_from_slice(content))
}

/// A stored response with `content`, uncoded, received at `at`; its entity tag is made of the content.
pub fn response(variant: u8, content: &[u8], at: u64) -> StoredResponse {
    let digest = Digest::of(content);
    StoredResponse {
        status: 200,
        fields: [("ETag".to_owned(), format!("\"{digest:?}\""))].into_iter().collect(),
        request_time: at,
        response_time: at,
        response_millis: 0,
        received_at: at,
        selecting: Selecting([variant; 16]),
        accept_encoding: None,
        coding: None,
        content: digest,
        fingerprint: None,
        body: BodyRef { digest, length: content.len() as u64 },
        wire_bytes: 100 + content.len() as u64,
        is_invalidated: false,
        other_tags: Vec::new(),
        learned: Learned::default(),
        is_shared: false,
    }
}

pub fn freshening(of: &StoredResponse, at: u64) -> Change {
    let fields: Fields = [("ETag", "\"fresh\"")].into_iter().collect();
    Change::Freshen(Box::new(Freshening {
        selecting: of.selecting,
        is_shared: false,
        selecting_now: of.selecting,
        is_for_another: false,
        body: of.body,
        fields,
        request_time: at,
        response_time: at,
        response_millis: 0,
        learned: Learned::default(),
    }))
}

pub fn acknowledgement(consumer: &str, content: &[u8]) -> Change {
    Change::Acknowledge(Acknowledgement {
        consumer: Consumer::named(consumer),
        selecting: Selecting::default(),
        content: Digest::of(content),
        at: 1,
    })
}

/// Stores `content` under `url`.
pub fn put(store: &impl Store, url: &str, content: &[u8], at: u64) {
    put_variant(store, url, 0, content, at);
}

pub fn put_variant(store: &impl Store, url: &str, variant: u8, content: &[u8], at: u64) {
    let change = Change::Store(Box::new(response(variant, content, at)));
    block_on(store.write(&key(url), change, Some(body(content)))).unwrap();
}

pub fn change(store: &impl Store, url: &str, change: Change) {
    block_on(store.write(&key(url), change, None)).unwrap();
}

pub fn record(store: &impl Store, url: &str) -> Option<Record> {
    block_on(store.record(&key(url))).unwrap()
}

pub fn flush(store: &impl Store) {
    block_on(store.flush()).unwrap();
}

/// The bytes on the wire of the body named by `content`'s digest.
pub fn wire(store: &impl Store, content: &[u8]) -> Option<Bytes> {
    block_on(store.body(body(content).reference())).unwrap().map(|body| body.wire().clone())
}

/// What a reader gets under `url`: the body of its only variant. Panics when a variant has no body.
pub fn served(store: &impl Store, url: &str) -> Option<Bytes> {
    let record = record(store, url)?;
    let variant = record.variants.first()?;
    let body = block_on(store.body(variant.body)).unwrap().expect("a variant without a body");
    let wire = body.wire().clone();
    assert_eq!(Digest::of(&wire), variant.content, "a body under another's validator");
    Some(wire)
}

/// `length` bytes that do not compress, another for each seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
