//! A look into a store's file past the store: is what lies there in order? And a hand to damage it.

use std::collections::HashMap;
use std::path::Path;

use ::lmdb::{Cursor, Database, Environment, EnvironmentFlags, Transaction, WriteFlags};
use bytes::Bytes;
use notmodified::digest::Digest;
use notmodified::entry::{BodyRef, Record, codec};
use notmodified::store::body::Body;

/// Opens the file itself. No handle to that store may be open in this process: closing this one would take its locks.
pub fn open(path: &Path) -> Environment {
    let mut builder = Environment::new();
    builder.set_flags(EnvironmentFlags::NO_TLS).set_max_dbs(4).set_max_readers(4096).set_map_size(1 << 30);
    builder.open(path).unwrap()
}

fn pairs(environment: &Environment, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let database = environment.open_db(Some(name)).unwrap();
    let transaction = environment.begin_ro_txn().unwrap();
    let mut cursor = transaction.open_ro_cursor(database).unwrap();
    cursor.iter().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

/// Reads the whole store: every record and body is whole, no variant is without its body, counts are what a count
/// gives.
pub fn scan(path: &Path) -> Vec<Record> {
    let environment = open(path);
    let records: Vec<Record> = pairs(&environment, "entries")
        .into_iter()
        .map(|(_, bytes)| codec::decode(Bytes::from(bytes)).expect("a damaged record"))
        .collect();
    let mut counted: HashMap<Vec<u8>, u32> = HashMap::new();
    for variant in records.iter().flat_map(|record| &record.variants) {
        *counted.entry(body_key(variant.body)).or_default() += 1;
    }
    let kept: HashMap<Vec<u8>, u32> = pairs(&environment, "references")
        .into_iter()
        .map(|(key, count)| (key, u32::from_le_bytes(count.try_into().unwrap())))
        .collect();
    assert_eq!(kept, counted, "reference counts");
    let bodies = pairs(&environment, "bodies");
    assert_eq!(bodies.len(), counted.len(), "bodies that nobody refers to");
    for (key, bytes) in bodies {
        let reference = BodyRef {
            digest: Digest(key[..32].try_into().unwrap()),
            length: u64::from_le_bytes(key[32..].try_into().unwrap()),
        };
        let wire = Body::decode(Bytes::from(bytes), reference).expect("a damaged body").wire().unwrap();
        assert_eq!(Digest::of(&wire), reference.digest, "a body under another's name");
    }
    records
}

pub fn body_key(body: BodyRef) -> Vec<u8> {
    [body.digest.0.as_slice(), &body.length.to_le_bytes()].concat()
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
