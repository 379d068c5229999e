//! A body as a store keeps it: as it came over the wire when it came coded, else compressed where that pays.
//!
//! # Format
//! `version (u8), form (u8), length on the wire (u64), checksum of the kept bytes (u64), kept bytes`.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::entry::BodyRef;
use crate::error::{Error, Kind, Result};

const VERSION: u8 = 1;
const HEADER: usize = 18;

/// Compression is tried from this size on: below it a store saves no page.
const WORTH_COMPRESSING: usize = 4096;

/// zstd's fastest ordinary level; higher ones are not separable from it on pages (measured), only slower.
const LEVEL: i32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The bytes as they came over the wire.
    Wire,
    /// Those, compressed by zstd.
    Zstd,
}

/// A body in the form in which it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    reference: BodyRef,
    form: Form,
    kept: Bytes,
}

impl Body {
    /// The body that came over the wire as `wire`, kept as it is. `reference` is its name, [`BodyRef::of`] the same bytes.
    #[must_use]
    pub const fn new(reference: BodyRef, wire: Bytes) -> Self {
        Self { reference, form: Form::Wire, kept: wire }
    }

    /// The body that came over the wire as `wire`, named here.
    #[must_use]
    pub fn from_wire(wire: Bytes) -> Self {
        Self::new(BodyRef::of(&wire), wire)
    }

    /// The body in the form in which a store should keep it: what came coded (`is_coded`) is small already.
    #[must_use]
    pub fn packed(self, is_coded: bool) -> Self {
        if is_coded || self.form == Form::Zstd || self.kept.len() < WORTH_COMPRESSING {
            return self;
        }
        match zstd::bulk::compress(&self.kept, LEVEL) {
            // A fifth must be gained, else every read pays for next to nothing.
            Ok(small) if small.len() <= self.kept.len() / 5 * 4 => {
                Self { form: Form::Zstd, kept: small.into(), ..self }
            }
            Ok(_) | Err(_) => self,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn reference(&self) -> BodyRef {
        self.reference
    }

    /// Bytes that it takes up.
    #[must_use]
    pub fn kept_length(&self) -> usize {
        self.kept.len()
    }

    /// The bytes as they came over the wire.
    ///
    /// # Errors
    /// [`Kind::Store`] when they cannot be unfolded, which a checksum over the kept bytes rules out.
    pub fn wire(&self) -> Result<Bytes> {
        match self.form {
            Form::Wire => Ok(self.kept.clone()),
            Form::Zstd => {
                let length = usize::try_from(self.reference.length).unwrap_or(usize::MAX);
                let wire = zstd::bulk::decompress(&self.kept, length).map_err(|error| {
                    Error::new(Kind::Store, "a stored body could not be unfolded").with_source(error)
                })?;
                Ok(wire.into())
            }
        }
    }

    /// The bytes for a store.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEADER + self.kept.len());
        bytes.put_u8(VERSION);
        bytes.put_u8(match self.form {
            Form::Wire => 0,
            Form::Zstd => 1,
        });
        bytes.put_u64_le(self.reference.length);
        bytes.put_u64_le(xxhash_rust::xxh3::xxh3_64(&self.kept));
        bytes.put_slice(&self.kept);
        bytes.freeze()
    }

    /// The body in the bytes that a store kept under `reference`; `None` when they are damaged or of another format.
    #[must_use]
    pub fn decode(mut bytes: Bytes, reference: BodyRef) -> Option<Self> {
        let version = bytes.try_get_u8().ok()?;
        let form = match bytes.try_get_u8().ok()? {
            0 => Form::Wire,
            1 => Form::Zstd,
            _ => return None,
        };
        let length = bytes.try_get_u64_le().ok()?;
        let checksum = bytes.try_get_u64_le().ok()?;
        let is_whole =
            version == VERSION && length == reference.length && checksum == xxhash_rust::xxh3::xxh3_64(&bytes);
        let fits = form == Form::Zstd || bytes.len() as u64 == length;
        (is_whole && fits).then_some(Self { reference, form, kept: bytes })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Body;

    #[test]
    fn a_body_comes_back_as_it_came() {
        for (wire, is_coded) in
            [(b"x".repeat(50_000), false), (b"x".repeat(50_000), true), (b"short".to_vec(), false), (Vec::new(), false)]
        {
            let body = Body::from_wire(wire.clone().into()).packed(is_coded);
            let read = Body::decode(body.encode(), body.reference()).unwrap();
            assert_eq!(read.wire().unwrap(), wire);
            assert_eq!(read.kept_length() < wire.len(), wire.len() > 4096 && !is_coded);
        }
    }

    #[test]
    fn a_flipped_bit_is_no_body() {
        let body = Body::from_wire(b"some bytes".to_vec().into());
        let whole = body.encode();
        for index in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[index] ^= 4;
            assert_eq!(Body::decode(Bytes::from(bytes), body.reference()), None, "byte {index}");
        }
    }
}
