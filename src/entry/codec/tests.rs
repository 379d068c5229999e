//! What is written reads back, has one spelling, and no bytes make a reader panic.

use bytes::Bytes;
use proptest::prelude::*;

use super::{decode, encode};
use crate::digest::Digest;
use crate::entry::corroboration::{Candidate, Corroboration, Doubt, Field, Latest, Promise, Reconsidering, Witness};
use crate::entry::learned::{Learned, Lesson, Lessons, Place, Rung, Rungs, Suffix};
use crate::entry::testified::{Saying, Testified, What};
use crate::entry::{Acknowledged, BodyRef, Consumer, Record, StoredResponse};
use crate::identity::{Credentials, Exit, Partition};
use crate::rfc::vary::Selecting;

prop_compose! {
    fn variant()(
        lines in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..9), prop::collection::vec(any::<u8>(), 0..30)), 0..6),
        times in any::<(u64, u64)>(),
        hashes in any::<([u8; 16], [u8; 32], [u8; 32])>(),
        sizes in any::<(u64, u64)>(),
        accept_encoding in prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
        is_invalidated in any::<bool>(),
        received_at in any::<u64>(),
        response_millis in any::<u16>(),
        fingerprint in prop::option::of(any::<[u8; 32]>()),
        other_tags in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..3),
        learned in (0..32_u8, any::<(u64, u32, u32)>()),
    ) -> StoredResponse {
        let (barred, (barred_at, polls, changes)) = learned;
        StoredResponse {
            status: 200,
            fields: lines.into_iter().collect(),
            request_time: times.0,
            response_time: times.1,
            response_millis,
            received_at,
            selecting: Selecting(hashes.0),
            coding: accept_encoding.clone().map(Bytes::from),
            accept_encoding: accept_encoding.map(Bytes::from),
            content: Digest(hashes.1),
            fingerprint: fingerprint.map(Digest),
            body: BodyRef { digest: Digest(hashes.2), length: sizes.0 },
            wire_bytes: sizes.1,
            is_invalidated,
            other_tags: other_tags.into_iter().map(Bytes::from).collect(),
            learned: Learned { barred: Rungs::from_bits(barred).unwrap(), barred_at, polls, changes, do_tags_alternate: is_invalidated, is_date_confirmed: !is_invalidated, did_tag_lie: !is_invalidated },
            is_shared: is_invalidated,
        }
    }
}

prop_compose! {
    fn lesson()(
        prefix in prop::collection::vec(any::<u8>(), 0..9),
        is_coded in any::<bool>(),
        rung in 0..5_usize,
        witnesses in prop::collection::vec(any::<u64>(), 0..4),
        at in any::<u64>(),
    ) -> Lesson {
        Lesson { place: Place { prefix: prefix.into(), is_coded }, rung: Rung::ALL[rung], witnesses, at }
    }
}

prop_compose! {
    fn candidate()(
        hashes in any::<([u8; 16], [u8; 32])>(),
        is_date in any::<bool>(),
        validator in prop::collection::vec(any::<u8>(), 0..9),
        witnesses in prop::collection::vec(any::<(u64, u64, u64)>().prop_map(|(exit, way, at)| Witness { exit, way, at }), 0..3),
    ) -> Candidate {
        let field = if is_date { Field::Date } else { Field::Tag };
        let promise = Promise { seconds: u64::from(hashes.0[0]), cache_control: u64::from(hashes.0[1]) };
        Candidate { selecting: Selecting(hashes.0), field, validator: validator.into(), page: Digest(hashes.1), witnesses, promise }
    }
}

prop_compose! {
    fn saying()(
        kind in 0..3_u8,
        lesson in lesson(),
        suffix in any::<([u8; 4], [u8; 5])>(),
        exits in prop::collection::vec(any::<(u64, u64, u64)>().prop_map(|(exit, way, at)| Witness { exit, way, at }), 0..3),
    ) -> Saying {
        let Lesson { place, rung, witnesses: urls, .. } = lesson;
        let what = match kind {
            0 => What::Fails(place, rung),
            1 => What::Holds(place, rung),
            _ => What::Marks(Suffix { coding: Bytes::copy_from_slice(&suffix.0), suffix: Bytes::copy_from_slice(&suffix.1) }),
        };
        Saying { what, exits, urls }
    }
}

prop_compose! {
    fn record()(
        url in ".{0,40}",
        partition in any::<([u8; 16], [u8; 16])>(),
        numbers in any::<(u64, u64, u64)>(),
        lessons in prop::collection::vec(lesson(), 0..3),
        suffixes in prop::collection::vec(any::<([u8; 4], [u8; 5])>(), 0..3),
        variants in prop::collection::vec(variant(), 0..4),
        acknowledged in prop::collection::vec(any::<([u8; 16], [u8; 16], [u8; 32])>(), 0..4),
        (candidates, sayings) in (prop::collection::vec(candidate(), 0..3), prop::collection::vec(saying(), 0..3)),
        outdated in prop::collection::vec(any::<[u8; 32]>(), 0..3),
        latest in prop::option::of(any::<([u8; 16], [u8; 32], u64)>().prop_map(|(selecting, mark, exit)| Latest { selecting: Selecting(selecting), mark: Digest(mark), exit })),
        reconsidering in prop::option::of(any::<(u8, u64, bool)>().prop_map(|(left, since, is_validator)| Reconsidering { left, since, doubt: if is_validator { Doubt::Validator } else { Doubt::Content } })),
    ) -> Record {
        let acknowledged = acknowledged.into_iter().map(|(consumer, selecting, content)| Acknowledged {
            consumer: Consumer(consumer), selecting: Selecting(selecting), content: Digest(content),
        }).collect();
        let suffixes = suffixes.into_iter().map(|(coding, suffix)| Suffix {
            coding: Bytes::copy_from_slice(&coding), suffix: Bytes::copy_from_slice(&suffix),
        }).collect();
        Record {
            url, partition: Partition { exit: Exit(partition.0), credentials: Credentials(partition.1) }, version: numbers.0, last_used: numbers.1, not_before: numbers.2,
            unconfirmed: (numbers.2 % 2 == 0).then_some(Digest([7; 32])),
            variants, acknowledged, lessons: Lessons { lessons, suffixes }, corroboration: Corroboration { candidates, reconsidering, latest, outdated: outdated.into_iter().map(Digest).collect() },
            testified: Testified { sayings },
        }
    }
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(record in record()) {
        prop_assert_eq!(decode(encode(&record)), Some(record));
    }

    #[test]
    fn a_flipped_bit_is_no_record(record in record(), position in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = encode(&record).to_vec();
        let index = position.index(bytes.len());
        bytes[index] ^= 1 << bit;
        prop_assert_eq!(decode(Bytes::from(bytes)), None);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 9..400)) {
        // With a checksum that fits, so that the reader behind it is reached.
        bytes[0] = super::VERSION;
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[9..]);
        bytes[1..9].copy_from_slice(&checksum.to_le_bytes());
        drop(decode(Bytes::from(bytes)));
    }

    #[test]
    fn a_record_has_one_spelling(record in record(), position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(&record).to_vec();
        let index = 9 + position.index(bytes.len() - 9);
        bytes[index] = byte;
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[9..]);
        bytes[1..9].copy_from_slice(&checksum.to_le_bytes());
        if let Some(read) = decode(Bytes::from(bytes.clone())) {
            prop_assert_eq!(encode(&read), bytes);
        }
    }
}
