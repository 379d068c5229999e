//! Content codings (RFC 9110 §8.4): from the bytes that came over the wire to the content, under a bound.
//!
//! Bodies are kept as they came. They are decoded once when they arrive, streaming, for their digest, and again only when somebody reads them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::digest::Digest;
use crate::fields::Fields;

/// One coding that we can undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`, `x-gzip`.
    Gzip,
    /// `deflate`: zlib by the RFC, bare deflate by many servers.
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstd,
}

/// What the Session asks for when the caller leaves the choice to it: every coding that [`Coding`] undoes.
pub const ACCEPTED: &[u8] = b"gzip, deflate, br, zstd";

/// How far a small body may unfold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of content.
    pub bytes: u64,
    /// Most bytes of content per byte on the wire, once the content is larger than [`RATIO_FREE`].
    pub ratio: u64,
}

/// Content up to this size may have any ratio: a page of blanks is no bomb.
pub const RATIO_FREE: u64 = 8 * 1024 * 1024;

/// Most codings, one upon the other. Each takes a reader, and a level of the stack.
const MOST_CODINGS: usize = 4;

/// Most members of a gzip body. Each takes a decoder, whether it holds anything or not.
const MOST_MEMBERS: usize = 100_000;

/// Why content could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CodingError {
    /// A coding that is not in [`Coding`].
    #[error("the content coding {0:?} is not one of gzip, deflate, br, zstd")]
    Unknown(String),
    /// More codings, one upon the other, than anybody means.
    #[error("more than {MOST_CODINGS} content codings, one upon the other")]
    TooMany,
    /// The bytes are not what Content-Encoding says.
    #[error("the body is not what its Content-Encoding says")]
    Malformed(#[source] io::Error),
    /// More content than the limits allow, at the end or between two codings.
    #[error("the body unfolds to more than {0} bytes")]
    TooLarge(u64),
}

/// The codings of a section, in the order in which they were applied. `identity` is none.
///
/// # Errors
/// [`CodingError::Unknown`] names the first coding that is not known; [`CodingError::TooMany`].
pub fn codings(fields: &Fields) -> Result<Vec<Coding>, CodingError> {
    let codings: Vec<Coding> = fields
        .get_all(b"content-encoding")
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != b"identity")
        .map(|name| match name.as_slice() {
            b"gzip" | b"x-gzip" => Ok(Coding::Gzip),
            b"deflate" => Ok(Coding::Deflate),
            b"br" => Ok(Coding::Brotli),
            b"zstd" => Ok(Coding::Zstd),
            other => Err(CodingError::Unknown(String::from_utf8_lossy(other).into_owned())),
        })
        .take(MOST_CODINGS + 1)
        .collect::<Result<_, _>>()?;
    if codings.len() > MOST_CODINGS { Err(CodingError::TooMany) } else { Ok(codings) }
}

/// The content of a coded body.
///
/// # Errors
/// The bytes are not what `codings` says, or unfold beyond `limits`.
pub fn decode(codings: &[Coding], wire: &[u8], limits: Limits) -> Result<Vec<u8>, CodingError> {
    let mut content = Vec::with_capacity(wire.len().saturating_mul(4).min(1 << 20));
    unfold(codings, wire, limits, |part| content.extend_from_slice(part))?;
    Ok(content)
}

/// The digest of the content of a body, without ever holding it.
///
/// # Errors
/// As [`decode`].
pub fn digest(codings: &[Coding], wire: &[u8], limits: Limits) -> Result<Digest, CodingError> {
    if codings.is_empty() || wire.is_empty() {
        return Ok(Digest::of(wire));
    }
    let mut hasher = blake3::Hasher::new();
    unfold(codings, wire, limits, |part| {
        hasher.update(part);
    })?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

fn unfold(codings: &[Coding], wire: &[u8], limits: Limits, mut sink: impl FnMut(&[u8])) -> Result<(), CodingError> {
    // An empty body is empty content under every coding: servers send Content-Encoding on them all the same.
    if wire.is_empty() {
        return Ok(());
    }
    if codings.is_empty() {
        sink(wire);
        return if wire.len() as u64 > limits.bytes { Err(CodingError::TooLarge(limits.bytes)) } else { Ok(()) };
    }
    let most = (wire.len() as u64).saturating_mul(limits.ratio).max(RATIO_FREE).min(limits.bytes);
    let undone = |error: io::Error| match error.kind() {
        io::ErrorKind::FileTooLarge => CodingError::TooLarge(most),
        _ => CodingError::Malformed(error),
    };
    let undo = |reader, coding| undo(reader, coding, most);
    let mut reader =
        codings.iter().rev().copied().try_fold(Box::new(wire) as Box<dyn BufRead + '_>, undo).map_err(undone)?;
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let count = reader.read(&mut buffer).map_err(undone)?;
        if count == 0 {
            return Ok(());
        }
        sink(buffer.get(..count).unwrap_or_default());
    }
}

fn undo<'a>(mut wire: Box<dyn BufRead + 'a>, coding: Coding, most: u64) -> io::Result<Box<dyn BufRead + 'a>> {
    let decoder: Box<dyn Read + 'a> = match coding {
        Coding::Gzip => Box::new(GzipMembers { member: GzDecoder::new(wire), left: MOST_MEMBERS }),
        // > Some non-conformant implementations send the "deflate" compressed data without the zlib wrapper (RFC 9110 §8.4.1.2).
        Coding::Deflate if is_zlib(wire.fill_buf()?) => Box::new(flate2::bufread::ZlibDecoder::new(wire)),
        Coding::Deflate => Box::new(flate2::bufread::DeflateDecoder::new(wire)),
        Coding::Brotli if has_large_window(wire.fill_buf()?) => return Err(io::ErrorKind::InvalidData.into()),
        Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(wire, 16 * 1024)),
        Coding::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(wire)?),
    };
    Ok(Box::new(io::BufReader::with_capacity(16 * 1024, Bounded { decoder, left: most })))
}

/// What one coding unfolds to, under the bound. Each coding has it, not the last alone: gigabytes of nothing, coded, are no content and
/// would be unfolded for ever.
struct Bounded<'a> {
    decoder: Box<dyn Read + 'a>,
    left: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

/// > A gzip file consists of a series of "members" (RFC 1952 §2.2).
///
/// What follows the last and is none, padding for the most part, ends the content.
struct GzipMembers<'a> {
    member: GzDecoder<Box<dyn BufRead + 'a>>,
    left: usize,
}

impl Read for GzipMembers<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.member.read(buffer)?;
            if count > 0 || !self.member.get_mut().fill_buf()?.starts_with(&[0x1f, 0x8b]) {
                return Ok(count);
            }
            self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::FileTooLarge)?;
            let rest = std::mem::replace(self.member.get_mut(), Box::new(io::empty()));
            self.member = GzDecoder::new(rest);
        }
    }
}

/// RFC 1950 §2.2: compression method 8, and the first two bytes together a multiple of 31.
fn is_zlib(start: &[u8]) -> bool {
    matches!(start, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31))
}

/// An extension of br has windows of up to 1 GiB, and the decoder keeps one back before it gives out its first byte. RFC 7932 §9.1 has none
/// of these: what would begin so is invalid.
fn has_large_window(start: &[u8]) -> bool {
    start.first().is_some_and(|first| first & 0x7f == 0x11)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Coding, CodingError, Digest, Limits, codings, decode, digest};

    const LIMITS: Limits = Limits { bytes: 1 << 30, ratio: 200 };

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// "hello hello hello hello\n", coded by the reference encoder.
    const BROTLI: &[u8] = &[
        0x1b, 0x17, 0x00, 0xf8, 0x8d, 0x94, 0x6e, 0xde, 0x44, 0x55, 0x86, 0xd6, 0x0a, 0x20, 0x6c, 0x6f, 0x4a, 0x11,
        0x79, 0xe2, 0x80, 0xae, 0x16,
    ];

    #[test]
    fn each_coding_unfolds_and_digests_to_the_same_content() {
        let content = b"to be or not to be ".repeat(1000);
        let bodies = [
            (Coding::Gzip, gzip(&content)),
            (Coding::Deflate, zlib(&content)),
            (Coding::Deflate, zlib(&content)[2..].to_vec()),
            (Coding::Zstd, zstd::bulk::compress(&content, 1).unwrap()),
        ];
        for (coding, wire) in bodies {
            assert_eq!(decode(&[coding], &wire, LIMITS).unwrap(), content, "{coding:?}");
            assert_eq!(digest(&[coding], &wire, LIMITS).unwrap(), Digest::of(&content));
        }
    }

    #[test]
    fn brotli_unfolds() {
        assert_eq!(decode(&[Coding::Brotli], BROTLI, LIMITS).unwrap(), b"hello hello hello hello\n");
    }

    #[test]
    fn codings_are_undone_last_first() {
        let wire = zstd::bulk::compress(&gzip(b"twice"), 1).unwrap();
        assert_eq!(decode(&[Coding::Gzip, Coding::Zstd], &wire, LIMITS).unwrap(), b"twice");
    }

    #[test]
    fn a_cut_off_body_is_malformed_under_every_coding() {
        let content: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        let bodies = [
            (Coding::Gzip, gzip(&content)),
            (Coding::Deflate, zlib(&content)),
            (Coding::Zstd, zstd::bulk::compress(&content, 1).unwrap()),
            (Coding::Brotli, BROTLI.to_vec()),
        ];
        for (coding, wire) in bodies {
            let cut = &wire[..wire.len() - 3];
            assert!(matches!(digest(&[coding], cut, LIMITS), Err(CodingError::Malformed(_))), "{coding:?}");
        }
    }

    #[test]
    fn members_of_gzip_add_up_and_what_follows_them_is_padding() {
        let wire = [gzip(b"one, "), gzip(b"two"), vec![0; 100]].concat();
        assert_eq!(decode(&[Coding::Gzip], &wire, LIMITS).unwrap(), b"one, two");
    }

    #[test]
    fn a_pile_of_codings_is_refused_before_it_is_built() {
        for coding in ["zstd", "br", "gzip", "deflate"] {
            let fields = [("content-encoding", vec![coding; 100_000].join(","))].into_iter().collect();
            assert!(matches!(codings(&fields), Err(CodingError::TooMany)));
        }
    }

    #[test]
    fn a_bomb_stops_at_the_ratio() {
        let wire = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
        assert!(matches!(decode(&[Coding::Zstd], &wire, LIMITS), Err(CodingError::TooLarge(_))));
    }

    #[test]
    fn a_bomb_inside_a_coding_stops_at_the_ratio() {
        let nothing = gzip(&gzip(&[]).repeat((16 << 20) / 20));
        assert!(nothing.len() < 100_000);
        let content = decode(&[Coding::Gzip, Coding::Gzip], &nothing, LIMITS);
        assert!(matches!(content, Err(CodingError::TooLarge(_))), "{content:?}");
        let zeros = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
        let zeros = zstd::bulk::compress(&zeros, 1).unwrap();
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let content = decode(&[coding, Coding::Zstd, Coding::Zstd], &zeros, LIMITS);
            assert!(content.is_err(), "{coding:?}");
        }
    }

    #[test]
    fn a_window_of_a_gigabyte_is_no_br() {
        // 64 MiB of zeros, were it one.
        // 16 MiB of zeros to a decoder that knows the extension.
        let wire = [17, 30, 255, 255, 255, 1, 128, 0, 8, 252, 2, 192, 247, 244, 127];
        assert!(matches!(decode(&[Coding::Brotli], &wire, LIMITS), Err(CodingError::Malformed(_))));
    }

    #[test]
    fn members_without_content_are_bounded_too() {
        let members = gzip(&[]).repeat(100_002);
        assert!(matches!(digest(&[Coding::Gzip], &members, LIMITS), Err(CodingError::TooLarge(_))));
    }

    #[test]
    fn an_unknown_coding_is_named() {
        let fields = [("content-encoding", "gzip, aes128gcm")].into_iter().collect();
        assert_eq!(
            codings(&fields).unwrap_err().to_string(),
            "the content coding \"aes128gcm\" is not one of gzip, deflate, br, zstd"
        );
    }
}
