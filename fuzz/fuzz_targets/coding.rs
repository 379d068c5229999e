//! Content codings over any bytes: bounded content, and the digest that is taken on the way is that of the content.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use notmodified::digest::Digest;
use notmodified::rfc::coding::{Coding, CodingError, Limits, RATIO_FREE, decode, digest};

const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    codings: u8,
    more: [u8; 2],
    bytes: u32,
    wire: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let mut codings = vec![CODINGS[usize::from(input.codings % 4)]];
    codings.extend(input.more.iter().filter_map(|one| CODINGS.get(usize::from(*one / 4))));
    let limits = Limits { bytes: u64::from(input.bytes % (1 << 20)), ratio: 200 };
    let content = decode(&codings, input.wire, limits);
    match (&content, digest(&codings, input.wire, limits)) {
        (Ok(content), Ok(digest)) => {
            assert_eq!(digest, Digest::of(content));
            assert!(content.len() as u64 <= limits.bytes.min(RATIO_FREE));
        }
        (Err(CodingError::TooLarge(_)), Err(CodingError::TooLarge(_))) => {}
        (Err(CodingError::Malformed(_)), Err(CodingError::Malformed(_))) => {}
        (content, digest) => panic!("decoded: {content:?}, digested: {digest:?}"),
    }
});
