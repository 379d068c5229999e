//! The bytes of records: none panics or reserves memory on a stranger's word, and what is a record has one spelling.

#![no_main]

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use notmodified::entry::codec::{VERSION, decode, encode};
use notmodified_fuzz::Stored;

/// Before what the checksum is of: version and checksum.
const HEADER: usize = 9;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// Any bytes.
    Raw(&'a [u8]),
    /// Any bytes, under a checksum that fits.
    Sealed(&'a [u8]),
    /// A record with some of its bytes written over, under a checksum that fits.
    Altered(Stored, Vec<(u16, u8)>),
    /// A record with one byte changed, and the checksum left as it was.
    Damaged(Stored, u16, u8),
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Raw(bytes) => has_one_spelling(bytes.to_vec()),
    Input::Sealed(payload) => has_one_spelling(sealed(payload)),
    Input::Altered(Stored(record), alterations) => {
        let whole = encode(&record);
        assert_eq!(decode(whole.clone()).as_ref(), Some(&record));
        let mut payload = whole[HEADER..].to_vec();
        for (position, byte) in alterations {
            let index = usize::from(position) % payload.len();
            payload[index] = byte;
        }
        has_one_spelling(sealed(&payload));
    }
    Input::Damaged(Stored(record), position, change) => {
        let mut bytes = encode(&record).to_vec();
        let index = usize::from(position) % bytes.len();
        bytes[index] ^= change;
        assert_eq!(decode(bytes.into()).is_some(), change == 0);
    }
});

fn sealed(payload: &[u8]) -> Vec<u8> {
    let checksum = xxhash_rust::xxh3::xxh3_64(payload).to_le_bytes();
    [&[VERSION], &checksum[..], payload].concat()
}

fn has_one_spelling(bytes: Vec<u8>) {
    let bytes = Bytes::from(bytes);
    if let Some(record) = decode(bytes.clone()) {
        assert_eq!(encode(&record), bytes);
        for variant in &record.variants {
            assert!(variant.last_modified() != Some(b""));
        }
    }
}
