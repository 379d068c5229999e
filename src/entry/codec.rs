//! The bytes of a record. The first byte is the version: another version, a wrong checksum or a length that does not add up is no record,
//! which is a miss and never an error. Old formats are not parsed, only ignored.
//!
//! # Format
//! `version (u8), checksum of all that follows (u64)`, then the fields of [`Record`] in order. Numbers are little-endian; what has no fixed
//! size has its length (u32) in front.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::digest::Digest;
use crate::entry::corroboration::{Candidate, Corroboration, Doubt, Field, Latest, Promise, Reconsidering, Witness};
use crate::entry::learned::{Learned, Lesson, Lessons, Place, Rung, Rungs, Suffix};
use crate::entry::testified::{Saying, Testified, What};
use crate::entry::{Acknowledged, BodyRef, Consumer, Record, StoredResponse};
use crate::fields::Fields;
use crate::identity::{Credentials, Exit, Partition};
use crate::rfc::vary::Selecting;

/// The version of this format.
pub const VERSION: u8 = 4;

const HEADER: usize = 9;

/// The bytes of `record`.
#[must_use]
pub fn encode(record: &Record) -> Bytes {
    let mut payload = BytesMut::with_capacity(512);
    put_sized(&mut payload, record.url.as_bytes());
    payload.put_slice(&record.partition.exit.0);
    payload.put_slice(&record.partition.credentials.0);
    payload.put_u64_le(record.version);
    payload.put_u64_le(record.last_used);
    payload.put_u64_le(record.not_before);
    put_digest(&mut payload, record.unconfirmed);
    put_count(&mut payload, record.variants.len());
    for variant in &record.variants {
        encode_variant(&mut payload, variant);
    }
    put_count(&mut payload, record.acknowledged.len());
    for one in &record.acknowledged {
        payload.put_slice(&one.consumer.0);
        payload.put_slice(&one.selecting.0);
        payload.put_slice(&one.content.0);
    }
    encode_lessons(&mut payload, &record.lessons);
    encode_corroboration(&mut payload, &record.corroboration);
    encode_testified(&mut payload, &record.testified);
    let mut bytes = BytesMut::with_capacity(HEADER + payload.len());
    bytes.put_u8(VERSION);
    bytes.put_u64_le(xxhash_rust::xxh3::xxh3_64(&payload));
    bytes.put_slice(&payload);
    bytes.freeze()
}

fn encode_lessons(into: &mut BytesMut, lessons: &Lessons) {
    put_count(into, lessons.lessons.len());
    for lesson in &lessons.lessons {
        encode_place(into, &lesson.place, lesson.rung);
        put_count(into, lesson.witnesses.len());
        for witness in &lesson.witnesses {
            into.put_u64_le(*witness);
        }
        into.put_u64_le(lesson.at);
    }
    put_count(into, lessons.suffixes.len());
    for one in &lessons.suffixes {
        encode_suffix(into, one);
    }
}

fn encode_place(into: &mut BytesMut, place: &Place, rung: Rung) {
    put_sized(into, &place.prefix);
    into.put_u8(u8::from(place.is_coded));
    into.put_u8(rung.bit());
}

fn encode_suffix(into: &mut BytesMut, suffix: &Suffix) {
    put_sized(into, &suffix.coding);
    put_sized(into, &suffix.suffix);
}

fn encode_testified(into: &mut BytesMut, testified: &Testified) {
    put_count(into, testified.sayings.len());
    for saying in &testified.sayings {
        let (kind, what) = match &saying.what {
            What::Fails(place, rung) => (0, Ok((place, rung))),
            What::Holds(place, rung) => (1, Ok((place, rung))),
            What::Marks(suffix) => (2, Err(suffix)),
        };
        into.put_u8(kind);
        match what {
            Ok((place, rung)) => encode_place(into, place, *rung),
            Err(suffix) => encode_suffix(into, suffix),
        }
        encode_witnesses(into, &saying.exits);
        put_count(into, saying.urls.len());
        for url in &saying.urls {
            into.put_u64_le(*url);
        }
    }
}

fn encode_witnesses(into: &mut BytesMut, witnesses: &[Witness]) {
    put_count(into, witnesses.len());
    for witness in witnesses {
        into.put_u64_le(witness.exit);
        into.put_u64_le(witness.way);
        into.put_u64_le(witness.at);
    }
}

fn encode_corroboration(into: &mut BytesMut, corroboration: &Corroboration) {
    put_count(into, corroboration.candidates.len());
    for candidate in &corroboration.candidates {
        into.put_slice(&candidate.selecting.0);
        into.put_u8(match candidate.field {
            Field::Tag => 0,
            Field::Date => 1,
        });
        put_sized(into, &candidate.validator);
        into.put_slice(&candidate.page.0);
        encode_witnesses(into, &candidate.witnesses);
        into.put_u64_le(candidate.promise.seconds);
        into.put_u64_le(candidate.promise.cache_control);
    }
    into.put_u8(u8::from(corroboration.reconsidering.is_some()));
    if let Some(Reconsidering { left, since, doubt }) = corroboration.reconsidering {
        into.put_u8(left);
        into.put_u64_le(since);
        into.put_u8(u8::from(doubt == Doubt::Validator));
    }
    into.put_u8(u8::from(corroboration.latest.is_some()));
    if let Some(Latest { selecting, mark, exit }) = corroboration.latest {
        into.put_slice(&selecting.0);
        into.put_slice(&mark.0);
        into.put_u64_le(exit);
    }
    put_count(into, corroboration.outdated.len());
    for page in &corroboration.outdated {
        into.put_slice(&page.0);
    }
}

fn encode_variant(into: &mut BytesMut, variant: &StoredResponse) {
    into.put_u16_le(variant.status);
    put_sized(into, variant.fields.packed());
    into.put_u64_le(variant.request_time);
    into.put_u64_le(variant.response_time);
    into.put_u16_le(variant.response_millis);
    into.put_u64_le(variant.received_at);
    into.put_slice(&variant.selecting.0);
    put_optional(into, variant.accept_encoding.as_deref());
    put_optional(into, variant.coding.as_deref());
    into.put_slice(&variant.content.0);
    put_digest(into, variant.fingerprint);
    into.put_slice(&variant.body.digest.0);
    into.put_u64_le(variant.body.length);
    into.put_u64_le(variant.wire_bytes);
    into.put_u8(u8::from(variant.is_invalidated));
    put_count(into, variant.other_tags.len());
    for tag in &variant.other_tags {
        put_sized(into, tag);
    }
    into.put_u8(variant.learned.barred.bits());
    into.put_u64_le(variant.learned.barred_at);
    into.put_u32_le(variant.learned.polls);
    into.put_u32_le(variant.learned.changes);
    into.put_u8(u8::from(variant.learned.do_tags_alternate));
    into.put_u8(u8::from(variant.learned.is_date_confirmed));
    into.put_u8(u8::from(variant.learned.did_tag_lie));
    into.put_u8(u8::from(variant.is_shared));
}

/// The record in `bytes`, or `None`. Field sections are shared with `bytes`, not copied.
#[must_use]
pub fn decode(mut bytes: Bytes) -> Option<Record> {
    let version = bytes.try_get_u8().ok()?;
    let checksum = bytes.try_get_u64_le().ok()?;
    if version != VERSION || checksum != xxhash_rust::xxh3::xxh3_64(&bytes) {
        return None;
    }
    let url = String::from_utf8(get_sized(&mut bytes)?.to_vec()).ok()?;
    let exit = Exit(get_array(&mut bytes)?);
    let partition = Partition { exit, credentials: Credentials(get_array(&mut bytes)?) };
    let version = bytes.try_get_u64_le().ok()?;
    let last_used = bytes.try_get_u64_le().ok()?;
    let not_before = bytes.try_get_u64_le().ok()?;
    let unconfirmed = get_digest(&mut bytes)?;
    let variants = get_many(&mut bytes, decode_variant)?;
    let acknowledged = get_many(&mut bytes, decode_acknowledged)?;
    let lessons = decode_lessons(&mut bytes)?;
    let corroboration = decode_corroboration(&mut bytes)?;
    let testified = decode_testified(&mut bytes)?;
    let record = Record {
        url,
        partition,
        version,
        last_used,
        not_before,
        unconfirmed,
        variants,
        acknowledged,
        lessons,
        corroboration,
        testified,
    };
    bytes.is_empty().then_some(record)
}

fn decode_lessons(bytes: &mut Bytes) -> Option<Lessons> {
    let lesson = |bytes: &mut Bytes| {
        let (place, rung) = decode_place(bytes)?;
        Some(Lesson {
            place,
            rung,
            witnesses: get_many(bytes, |bytes| bytes.try_get_u64_le().ok())?,
            at: bytes.try_get_u64_le().ok()?,
        })
    };
    let lessons = get_many(bytes, lesson)?;
    let suffixes = get_many(bytes, decode_suffix)?;
    Some(Lessons { lessons, suffixes })
}

fn decode_place(bytes: &mut Bytes) -> Option<(Place, Rung)> {
    let place = Place { prefix: get_sized(bytes)?, is_coded: get_flag(bytes)? };
    Some((place, Rung::from_bit(bytes.try_get_u8().ok()?)?))
}

fn decode_suffix(bytes: &mut Bytes) -> Option<Suffix> {
    Some(Suffix { coding: get_sized(bytes)?, suffix: get_sized(bytes)? })
}

fn decode_testified(bytes: &mut Bytes) -> Option<Testified> {
    let saying = |bytes: &mut Bytes| {
        let what = match bytes.try_get_u8().ok()? {
            0 => decode_place(bytes).map(|(place, rung)| What::Fails(place, rung))?,
            1 => decode_place(bytes).map(|(place, rung)| What::Holds(place, rung))?,
            2 => What::Marks(decode_suffix(bytes)?),
            _ => return None,
        };
        let exits = get_many(bytes, decode_witness)?;
        let urls = get_many(bytes, |bytes| bytes.try_get_u64_le().ok())?;
        Some(Saying { what, exits, urls })
    };
    Some(Testified { sayings: get_many(bytes, saying)? })
}

fn decode_witness(bytes: &mut Bytes) -> Option<Witness> {
    Some(Witness {
        exit: bytes.try_get_u64_le().ok()?,
        way: bytes.try_get_u64_le().ok()?,
        at: bytes.try_get_u64_le().ok()?,
    })
}

fn decode_corroboration(bytes: &mut Bytes) -> Option<Corroboration> {
    let candidate = |bytes: &mut Bytes| {
        Some(Candidate {
            selecting: Selecting(get_array(bytes)?),
            field: if get_flag(bytes)? { Field::Date } else { Field::Tag },
            validator: get_sized(bytes)?,
            page: Digest(get_array(bytes)?),
            witnesses: get_many(bytes, decode_witness)?,
            promise: Promise { seconds: bytes.try_get_u64_le().ok()?, cache_control: bytes.try_get_u64_le().ok()? },
        })
    };
    let candidates = get_many(bytes, candidate)?;
    let reconsidering = if get_flag(bytes)? {
        Some(Reconsidering {
            left: bytes.try_get_u8().ok()?,
            since: bytes.try_get_u64_le().ok()?,
            doubt: if get_flag(bytes)? { Doubt::Validator } else { Doubt::Content },
        })
    } else {
        None
    };
    let latest = if get_flag(bytes)? {
        let (selecting, mark) = (Selecting(get_array(bytes)?), Digest(get_array(bytes)?));
        Some(Latest { selecting, mark, exit: bytes.try_get_u64_le().ok()? })
    } else {
        None
    };
    let outdated = get_many(bytes, |bytes| Some(Digest(get_array(bytes)?)))?;
    Some(Corroboration { candidates, reconsidering, latest, outdated })
}

fn decode_variant(bytes: &mut Bytes) -> Option<StoredResponse> {
    Some(StoredResponse {
        status: bytes.try_get_u16_le().ok()?,
        fields: Fields::from_packed(get_sized(bytes)?)?,
        request_time: bytes.try_get_u64_le().ok()?,
        response_time: bytes.try_get_u64_le().ok()?,
        response_millis: bytes.try_get_u16_le().ok()?,
        received_at: bytes.try_get_u64_le().ok()?,
        selecting: Selecting(get_array(bytes)?),
        accept_encoding: get_optional(bytes)?,
        coding: get_optional(bytes)?,
        content: Digest(get_array(bytes)?),
        fingerprint: get_digest(bytes)?,
        body: BodyRef { digest: Digest(get_array(bytes)?), length: bytes.try_get_u64_le().ok()? },
        wire_bytes: bytes.try_get_u64_le().ok()?,
        is_invalidated: get_flag(bytes)?,
        other_tags: get_many(bytes, get_sized)?,
        learned: Learned {
            barred: Rungs::from_bits(bytes.try_get_u8().ok()?)?,
            barred_at: bytes.try_get_u64_le().ok()?,
            polls: bytes.try_get_u32_le().ok()?,
            changes: bytes.try_get_u32_le().ok()?,
            do_tags_alternate: get_flag(bytes)?,
            is_date_confirmed: get_flag(bytes)?,
            did_tag_lie: get_flag(bytes)?,
        },
        is_shared: get_flag(bytes)?,
    })
}

fn decode_acknowledged(bytes: &mut Bytes) -> Option<Acknowledged> {
    Some(Acknowledged {
        consumer: Consumer(get_array(bytes)?),
        selecting: Selecting(get_array(bytes)?),
        content: Digest(get_array(bytes)?),
    })
}

fn put_count(into: &mut BytesMut, count: usize) {
    into.put_u32_le(u32::try_from(count).unwrap_or(u32::MAX));
}

fn put_digest(into: &mut BytesMut, digest: Option<Digest>) {
    into.put_u8(u8::from(digest.is_some()));
    if let Some(digest) = digest {
        into.put_slice(&digest.0);
    }
}

fn put_optional(into: &mut BytesMut, bytes: Option<&[u8]>) {
    into.put_u8(u8::from(bytes.is_some()));
    if let Some(bytes) = bytes {
        put_sized(into, bytes);
    }
}

fn put_sized(into: &mut BytesMut, bytes: &[u8]) {
    put_count(into, bytes.len());
    into.put_slice(bytes);
}

/// A record has one spelling, so that two of them are the same if their bytes are.
fn get_flag(bytes: &mut Bytes) -> Option<bool> {
    match bytes.try_get_u8().ok()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[expect(clippy::option_option, reason = "whether the bytes are whole, and whether there are any")]
fn get_optional(bytes: &mut Bytes) -> Option<Option<Bytes>> {
    if get_flag(bytes)? { Some(Some(get_sized(bytes)?)) } else { Some(None) }
}

#[expect(clippy::option_option, reason = "whether the bytes are whole, and whether there is one")]
fn get_digest(bytes: &mut Bytes) -> Option<Option<Digest>> {
    if get_flag(bytes)? { Some(Some(Digest(get_array(bytes)?))) } else { Some(None) }
}

fn get_count(bytes: &mut Bytes) -> Option<usize> {
    usize::try_from(bytes.try_get_u32_le().ok()?).ok()
}

fn get_sized(bytes: &mut Bytes) -> Option<Bytes> {
    let length = get_count(bytes)?;
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

fn get_array<const N: usize>(bytes: &mut Bytes) -> Option<[u8; N]> {
    let mut array = [0; N];
    bytes.try_copy_to_slice(&mut array).ok()?;
    Some(array)
}

/// Reads a count, then that many. Nothing is reserved for a count that the bytes cannot hold.
fn get_many<T>(bytes: &mut Bytes, mut one: impl FnMut(&mut Bytes) -> Option<T>) -> Option<Vec<T>> {
    let count = get_count(bytes)?;
    if count > bytes.len() {
        return None;
    }
    (0..count).map(|_| one(bytes)).collect()
}

#[cfg(test)]
mod tests;
