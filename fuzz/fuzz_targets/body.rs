//! The bytes of stored bodies: no byte of them can change, go or be added unseen, in whatever form they are kept.

#![no_main]

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use notmodified::digest::Digest;
use notmodified::entry::BodyRef;
use notmodified::store::body::Body;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// Any bytes, asked for as a body of that length.
    Raw(&'a [u8], u64),
    /// A body, and what happened to its bytes in the store.
    Damaged(&'a [u8], Damage<'a>),
}

#[derive(Debug, Arbitrary)]
enum Damage<'a> {
    Changed(u32, u8),
    Cut(u32),
    Grown(&'a [u8]),
    Another(u64),
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Raw(bytes, length) => {
        let bytes = Bytes::copy_from_slice(bytes);
        let reference = BodyRef { digest: Digest([0; 32]), length };
        if let Some(body) = Body::decode(&bytes, reference) {
            assert_eq!((body.encode(), body.reference()), (bytes, reference));
            assert_eq!(body.wire().len() as u64, length);
        }
    }
    Input::Damaged(wire, damage) => {
        let body = Body::from_wire(Bytes::copy_from_slice(wire));
        let (reference, whole) = (body.reference(), body.encode());
        assert_eq!(Body::decode(&whole, reference), Some(body));
        let mut bytes = whole.to_vec();
        let mut asked = reference;
        match damage {
            Damage::Changed(position, change) => {
                let index = position as usize % bytes.len();
                bytes[index] ^= change;
            }
            Damage::Cut(length) => bytes.truncate(length as usize % bytes.len()),
            Damage::Grown(more) => bytes.extend_from_slice(more),
            Damage::Another(length) => asked.length = length,
        }
        let is_untouched = bytes == whole && asked == reference;
        assert_eq!(Body::decode(&bytes.into(), asked).is_some(), is_untouched);
    }
});
