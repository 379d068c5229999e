//! What the targets draw from: field sections that look like HTTP often enough to get past the first look, and records made of them.

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;
use notmodified::digest::Digest;
use notmodified::entry::corroboration::{
    Candidate, Corroboration, Doubt, Field, Latest, Promise, Reconsidering, Witness,
};
use notmodified::entry::learned::{Learned, Lesson, Lessons, Place, Rung, Rungs, Suffix};
use notmodified::entry::testified::{Saying, Testified, What};
use notmodified::entry::{Acknowledged, BodyRef, Consumer, Record, StoredResponse};
use notmodified::fields::Fields;
use notmodified::identity::{Credentials, Exit, Partition};
use notmodified::rfc::vary::Selecting;

/// Names that some rule asks for.
const NAMES: [&[u8]; 34] = [
    b"ETag",
    b"Last-Modified",
    b"Cache-Control",
    b"Vary",
    b"Date",
    b"Age",
    b"Expires",
    b"Content-Encoding",
    b"content-length",
    b"Connection",
    b"Set-Cookie",
    b"Location",
    b"Content-Location",
    b"If-None-Match",
    b"If-Modified-Since",
    b"Range",
    b"Accept-Encoding",
    b"Cookie",
    b"Authorization",
    b"Host",
    b"Content-Type",
    b"Content-Range",
    b"Transfer-Encoding",
    b"Keep-Alive",
    b"Proxy-Authenticate",
    b"If-Match",
    b"If-Range",
    b"x-a",
    b"X-B",
    b"Accept-Language",
    b"",
    b"Trailer",
    b"Retry-After",
    b"If-Unmodified-Since",
];

/// Values, or parts of them, that some rule understands.
const VALUES: [&[u8]; 50] = [
    b"\"1\"",
    b"W/\"1\"",
    b"\"1-gzip\"",
    b"\"1-br\"",
    b"*",
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sunday, 06-Nov-94 08:49:37 GMT",
    b"Sun Nov  6 08:49:37 1994",
    b"1623456789000",
    b"no-store",
    b"no-cache",
    b"max-age=60",
    b"max-age=\"60\"",
    b"max-stale",
    b"max-stale=7",
    b"min-fresh=5",
    b"must-revalidate",
    b"private=\"a, b\"",
    b"gzip",
    b"deflate",
    b"br",
    b"zstd",
    b"identity",
    b"x-gzip",
    b"Accept-Encoding",
    b"Cookie",
    b"accept-language, *",
    b"0",
    b"3",
    b"99999999999999999999",
    b"-1",
    b"close, X-A",
    b"/elsewhere?q=1#f",
    b"//other.example/",
    b"http://127.0.0.1/page",
    b"a=1; Path=/",
    b"bytes=0-1",
    b"bytes=-2",
    b"bytes=1-",
    b"only-if-cached",
    b"stale-if-error=60",
    b"immutable",
    b"must-understand",
    b"public",
    b"no-cache=\"etag, x-a\"",
    b"\"a, b\"",
    b"Wed, 21 Oct 2015 07:28:00 GMT",
    b",",
    b"\\\"",
    b" \t",
];

/// A field section.
#[derive(Debug)]
pub struct Section(pub Fields);

impl<'a> Arbitrary<'a> for Section {
    fn arbitrary(from: &mut Unstructured<'a>) -> Result<Self> {
        let mut lines = Vec::new();
        while lines.len() < 24 && from.ratio(3, 4)? {
            let name = if from.ratio(1, 16)? { some_bytes(from, 20)? } else { from.choose(&NAMES)?.to_vec() };
            lines.push((name, value(from)?));
        }
        Ok(Self(lines.into_iter().collect()))
    }
}

/// Known words and any bytes, joined as lists join them.
fn value(from: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut value = Vec::new();
    for index in 0..from.int_in_range(0..=3)? {
        if index > 0 {
            value.extend_from_slice(b", ");
        }
        if from.ratio(2, 3)? {
            value.extend_from_slice(from.choose(&VALUES)?);
        } else {
            value.extend(some_bytes(from, 40)?);
        }
    }
    Ok(value)
}

fn some_bytes(from: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let length = from.int_in_range(0..=most)?.min(from.len());
    Ok(from.bytes(length)?.to_vec())
}

/// A record, of variants that hold any of a few contents.
#[derive(Debug)]
pub struct Stored(pub Record);

impl<'a> Arbitrary<'a> for Stored {
    fn arbitrary(from: &mut Unstructured<'a>) -> Result<Self> {
        let variants = (0..from.int_in_range(0..=3)?).map(|_| variant(from)).collect::<Result<_>>()?;
        let acknowledged = (0..from.int_in_range(0..=2)?)
            .map(|_| {
                let [consumer, selecting, content] = from.arbitrary()?;
                Ok(Acknowledged {
                    consumer: Consumer([consumer; 16]),
                    selecting: Selecting([selecting; 16]),
                    content: Digest([content; 32]),
                })
            })
            .collect::<Result<_>>()?;
        let url = String::from_utf8_lossy(&some_bytes(from, 30)?).into_owned();
        let partition = Partition { exit: Exit(from.arbitrary()?), credentials: Credentials(from.arbitrary()?) };
        let (version, last_used) = (from.arbitrary()?, from.arbitrary()?);
        let lessons = lessons(from)?;
        let not_before = from.arbitrary()?;
        let unconfirmed = if from.arbitrary()? { Some(Digest([from.arbitrary()?; 32])) } else { None };
        Ok(Self(Record {
            url,
            partition,
            version,
            last_used,
            not_before,
            unconfirmed,
            variants,
            acknowledged,
            lessons,
            corroboration: corroboration(from)?,
            testified: testified(from)?,
        }))
    }
}

fn corroboration(from: &mut Unstructured<'_>) -> Result<Corroboration> {
    let candidates = (0..from.int_in_range(0..=2)?)
        .map(|_| {
            Ok(Candidate {
                selecting: Selecting([from.arbitrary()?; 16]),
                field: *from.choose(&[Field::Tag, Field::Date])?,
                validator: Bytes::from(value(from)?),
                page: Digest([from.arbitrary()?; 32]),
                witnesses: witnesses(from)?,
                promise: Promise { seconds: from.arbitrary()?, cache_control: from.arbitrary()? },
            })
        })
        .collect::<Result<_>>()?;
    let reconsidering = if from.arbitrary()? {
        Some(Reconsidering {
            left: from.arbitrary()?,
            since: from.arbitrary()?,
            doubt: *from.choose(&[Doubt::Content, Doubt::Validator])?,
        })
    } else {
        None
    };
    let latest = if from.arbitrary()? {
        let (selecting, mark) = (Selecting([from.arbitrary()?; 16]), Digest([from.arbitrary()?; 32]));
        Some(Latest { selecting, mark, exit: from.arbitrary()? })
    } else {
        None
    };
    let outdated =
        (0..from.int_in_range(0..=2)?).map(|_| Ok(Digest([from.arbitrary()?; 32]))).collect::<Result<_>>()?;
    Ok(Corroboration { candidates, reconsidering, latest, outdated })
}

fn witnesses(from: &mut Unstructured<'_>) -> Result<Vec<Witness>> {
    (0..from.int_in_range(0..=3)?)
        .map(|_| Ok(Witness { exit: from.arbitrary()?, way: from.arbitrary()?, at: from.arbitrary()? }))
        .collect()
}

fn testified(from: &mut Unstructured<'_>) -> Result<Testified> {
    let sayings = (0..from.int_in_range(0..=2)?)
        .map(|_| {
            let what = match from.int_in_range(0..=2)? {
                0 => What::Fails(place(from)?, *from.choose(&Rung::ALL)?),
                1 => What::Holds(place(from)?, *from.choose(&Rung::ALL)?),
                _ => What::Marks(suffix(from)?),
            };
            let urls = (0..from.int_in_range(0..=3)?).map(|_| from.arbitrary()).collect::<Result<_>>()?;
            Ok(Saying { what, exits: witnesses(from)?, urls })
        })
        .collect::<Result<_>>()?;
    Ok(Testified { sayings })
}

fn place(from: &mut Unstructured<'_>) -> Result<Place> {
    Ok(Place { prefix: Bytes::from(some_bytes(from, 9)?), is_coded: from.arbitrary()? })
}

fn suffix(from: &mut Unstructured<'_>) -> Result<Suffix> {
    Ok(Suffix { coding: Bytes::from(value(from)?), suffix: Bytes::from(some_bytes(from, 6)?) })
}

fn lessons(from: &mut Unstructured<'_>) -> Result<Lessons> {
    let lessons = (0..from.int_in_range(0..=2)?)
        .map(|_| {
            Ok(Lesson {
                place: place(from)?,
                rung: *from.choose(&Rung::ALL)?,
                witnesses: (0..from.int_in_range(0..=3)?).map(|_| from.arbitrary()).collect::<Result<_>>()?,
                at: from.arbitrary()?,
            })
        })
        .collect::<Result<_>>()?;
    let suffixes = (0..from.int_in_range(0..=2)?).map(|_| suffix(from)).collect::<Result<_>>()?;
    Ok(Lessons { lessons, suffixes })
}

fn rungs(from: &mut Unstructured<'_>) -> Result<Rungs> {
    Ok(Rungs::from_bits(from.int_in_range(0..=31)?).unwrap_or_default())
}

fn variant(from: &mut Unstructured<'_>) -> Result<StoredResponse> {
    let Section(fields) = from.arbitrary()?;
    let accept_encoding = if from.arbitrary()? { Some(Bytes::from(value(from)?)) } else { None };
    Ok(StoredResponse {
        status: from.arbitrary()?,
        fields,
        request_time: from.arbitrary()?,
        response_time: from.arbitrary()?,
        response_millis: from.arbitrary()?,
        received_at: from.arbitrary()?,
        // The empty selection is that of every response without Vary.
        selecting: Selecting([from.int_in_range(0..=2)?; 16]),
        accept_encoding,
        coding: if from.arbitrary()? { Some(Bytes::from(value(from)?)) } else { None },
        content: Digest([from.arbitrary()?; 32]),
        fingerprint: if from.arbitrary()? { Some(Digest([from.arbitrary()?; 32])) } else { None },
        body: BodyRef { digest: Digest([from.arbitrary()?; 32]), length: from.arbitrary()? },
        wire_bytes: from.arbitrary()?,
        is_invalidated: from.arbitrary()?,
        other_tags: (0..from.int_in_range(0..=2)?).map(|_| Ok(Bytes::from(value(from)?))).collect::<Result<_>>()?,
        learned: Learned {
            barred: rungs(from)?,
            barred_at: from.arbitrary()?,
            polls: from.arbitrary()?,
            changes: from.arbitrary()?,
            do_tags_alternate: from.arbitrary()?,
            is_date_confirmed: from.arbitrary()?,
            did_tag_lie: from.arbitrary()?,
        },
        is_shared: from.arbitrary()?,
    })
}
