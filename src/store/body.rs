//! A body as a store keeps it: the bytes as they came over the wire, under their name, with a checksum.
//!
//! They are not compressed here. Origins that care send text coded already, and what came plain is read far more often than it is
//! written: for a page of 20 KB unfolding zstd took 48 µs, more than the whole exchange that it was read for.
//!
//! # Format
//! `version (u8), checksum of the bytes (u64), the bytes`. The checksum begins with the name, so that a body is whole under no other.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::entry::BodyRef;

const VERSION: u8 = 2;

/// Bytes that the format adds.
const HEADER: usize = 9;

/// A body and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    reference: BodyRef,
    wire: Bytes,
}

impl Body {
    /// The body that came over the wire as `wire`. `reference` is its name, [`BodyRef::of`] the same bytes.
    #[must_use]
    pub const fn new(reference: BodyRef, wire: Bytes) -> Self {
        Self { reference, wire }
    }

    /// The body that came over the wire as `wire`, named here.
    #[must_use]
    pub fn from_wire(wire: Bytes) -> Self {
        Self::new(BodyRef::of(&wire), wire)
    }

    /// Its name.
    #[must_use]
    pub const fn reference(&self) -> BodyRef {
        self.reference
    }

    /// The bytes as they came over the wire.
    #[must_use]
    pub const fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// How long [`Body::encode`] is.
    #[must_use]
    pub fn encoded_length(&self) -> usize {
        HEADER + self.wire.len()
    }

    /// The bytes for a store.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.encoded_length());
        self.encode_into(&mut bytes);
        bytes.freeze()
    }

    /// Writes the bytes for a store: [`Body::encoded_length`] of them.
    pub fn encode_into(&self, into: &mut impl BufMut) {
        into.put_u8(VERSION);
        into.put_u64_le(checksum(&self.wire, self.reference));
        into.put_slice(&self.wire);
    }

    /// The body in the bytes that a store kept under `reference`; `None` when they are damaged or of another format.
    #[must_use]
    pub fn decode(bytes: &Bytes, reference: BodyRef) -> Option<Self> {
        checked(bytes, reference).map(|wire| Self::new(reference, bytes.slice_ref(wire)))
    }
}

/// The bytes on the wire in those that a store kept under `reference`, where they lie; `None` as in [`Body::decode`].
#[must_use]
pub fn checked(mut kept: &[u8], reference: BodyRef) -> Option<&[u8]> {
    let version = kept.try_get_u8().ok()?;
    let noted = kept.try_get_u64_le().ok()?;
    let is_whole = version == VERSION && kept.len() as u64 == reference.length;
    (is_whole && noted == checksum(kept, reference)).then_some(kept)
}

fn checksum(wire: &[u8], reference: BodyRef) -> u64 {
    let seed = reference.digest.0.first_chunk().map_or(0, |start| u64::from_le_bytes(*start));
    xxhash_rust::xxh3::xxh3_64_with_seed(wire, seed)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Body;

    #[test]
    fn a_body_comes_back_as_it_came() {
        for wire in [b"x".repeat(50_000), b"short".to_vec(), Vec::new()] {
            let body = Body::from_wire(wire.clone().into());
            let kept = body.encode();
            assert_eq!(kept.len(), body.encoded_length());
            assert_eq!(Body::decode(&kept, body.reference()).unwrap().wire(), &wire);
        }
    }

    #[test]
    fn a_flipped_bit_is_no_body() {
        let body = Body::from_wire(b"some bytes".to_vec().into());
        let whole = body.encode();
        for index in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[index] ^= 4;
            assert_eq!(Body::decode(&Bytes::from(bytes), body.reference()), None, "byte {index}");
        }
    }

    #[test]
    fn a_body_under_the_name_of_another_is_none() {
        let [one, other] = [b"one", b"two"].map(|wire| Body::from_wire(Bytes::from_static(wire)));
        assert_eq!(Body::decode(&one.encode(), other.reference()), None);
    }
}
