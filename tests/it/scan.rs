//! A look into a store's file past the store: is what lies there in order? And a hand to damage it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ::lmdb::{Cursor, Database, Environment, EnvironmentFlags, Transaction, WriteFlags};
use bytes::Bytes;
use notmodified::digest::Digest;
use notmodified::entry::{BodyRef, Record, codec};
use notmodified::store::body::Body;

/// Opens the file itself. No handle to that store may be open in this process: closing this one would take its locks.
pub fn open(path: &Path) -> Environment {
    let mut builder = Environment::new();
    builder.set_flags(EnvironmentFlags::NO_TLS).set_max_dbs(6).set_max_readers(4096).set_map_size(1 << 30);
    builder.open(path).unwrap()
}

fn pairs(environment: &Environment, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let database = environment.open_db(Some(name)).unwrap();
    let transaction = environment.begin_ro_txn().unwrap();
    let mut cursor = transaction.open_ro_cursor(database).unwrap();
    cursor.iter().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

/// Reads the whole store: every record and body is whole and has its place among the uses, no variant is without its body, counts are what
/// a count gives, and a body that nothing refers to waits among the orphans.
pub fn scan(path: &Path) -> Vec<Record> {
    let environment = open(path);
    let entries: Vec<(Vec<u8>, Record)> = pairs(&environment, "entries")
        .into_iter()
        .map(|(key, bytes)| (key, codec::decode(Bytes::from(bytes)).expect("a damaged record")))
        .collect();
    let uses: HashSet<Vec<u8>> = pairs(&environment, "uses").into_iter().map(|(key, _)| key).collect();
    let place = |(key, record): &(Vec<u8>, Record)| [&record.last_used.to_be_bytes()[..], key].concat();
    assert_eq!(uses, entries.iter().map(place).collect(), "uses");
    let records: Vec<Record> = entries.into_iter().map(|(_, record)| record).collect();
    let mut counted: HashMap<Vec<u8>, u32> = HashMap::new();
    for variant in records.iter().flat_map(|record| &record.variants) {
        *counted.entry(body_key(variant.body)).or_default() += 1;
    }
    let references = pairs(&environment, "references");
    let count = |value: &[u8]| u32::from_le_bytes(value[..4].try_into().unwrap());
    let orphans: HashSet<Vec<u8>> = pairs(&environment, "orphans").into_iter().map(|(key, _)| key).collect();
    for (key, value) in &references {
        let none_since = u64::from_le_bytes(value[4..].try_into().unwrap());
        assert!(count(value) > 0 || orphans.contains(&[&none_since.to_be_bytes()[..], key].concat()), "a lost body");
    }
    let bodies = pairs(&environment, "bodies");
    // One reference is not written down.
    let of_one = bodies.iter().map(|(key, _)| (key.clone(), 1));
    let counts = of_one.chain(references.iter().map(|(key, value)| (key.clone(), count(value))));
    let counts: HashMap<Vec<u8>, u32> = counts.collect();
    assert_eq!(counts.len(), bodies.len(), "counts without a body");
    let kept: HashMap<Vec<u8>, u32> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(kept, counted, "reference counts");
    for (key, bytes) in bodies {
        let reference = BodyRef {
            digest: Digest(key[..32].try_into().unwrap()),
            length: u64::from_le_bytes(key[32..].try_into().unwrap()),
        };
        let wire = Body::decode(&Bytes::from(bytes), reference).expect("a damaged body").wire().clone();
        assert_eq!(Digest::of(&wire), reference.digest, "a body under another's name");
    }
    records
}

pub fn body_key(body: BodyRef) -> Vec<u8> {
    [body.digest.0.as_slice(), &body.length.to_le_bytes()].concat()
}

/// The keys of a database.
pub fn keys(path: &Path, name: &str) -> Vec<Vec<u8>> {
    pairs(&open(path), name).into_iter().map(|(key, _)| key).collect()
}

/// Replaces a value by what `how` makes of it.
pub fn damage(path: &Path, name: &str, key: &[u8], how: impl FnOnce(&mut Vec<u8>)) {
    let environment = open(path);
    let database: Database = environment.open_db(Some(name)).unwrap();
    let mut transaction = environment.begin_rw_txn().unwrap();
    let mut value = transaction.get(database, &key).unwrap().to_vec();
    how(&mut value);
    transaction.put(database, &key, &value, WriteFlags::empty()).unwrap();
    transaction.commit().unwrap();
}
