//! Everything that reads a field section: packing, tags, dates, Cache-Control, freshness, Vary, freshening, Location.

#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use notmodified::exchange::freshen::{freshened, is_worth_a_write, storable_fields};
use notmodified::fields::Fields;
use notmodified::redirect;
use notmodified::request::Request;
use notmodified::rfc::cache_control::{CacheControl, no_cache_fields};
use notmodified::rfc::coding::codings;
use notmodified::rfc::date;
use notmodified::rfc::etag::EntityTag;
use notmodified::rfc::freshness::Stored;
use notmodified::rfc::preconditions::{Evaluation, LastModified, Validators, evaluate};
use notmodified::rfc::range::ByteRange;
use notmodified::rfc::retry_after;
use notmodified::rfc::vary;
use notmodified_fuzz::Section;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    packed: &'a [u8],
    response: Section,
    not_modified: Section,
    request: Section,
    times: [u64; 3],
    status: u16,
}

const SECRET: [u8; 32] = [7; 32];

fuzz_target!(|input: Input<'_>| {
    let Input { packed, response: Section(response), not_modified: Section(not_modified), request, times, status } =
        input;
    let Section(request) = request;
    if let Some(fields) = Fields::from_packed(Bytes::copy_from_slice(packed)) {
        assert_eq!(fields.iter().collect::<Fields>(), fields, "packed bytes have one spelling");
        read(&fields, &request, times);
    }
    read(&response, &request, times);
    assert_eq!(Fields::from_packed(response.packed().clone()).as_ref(), Some(&response));
    freshen(&response, &not_modified);
    follow(&request, &response, status);
});

fn read(response: &Fields, request: &Fields, [request_time, response_time, now]: [u64; 3]) {
    for (name, value) in response {
        assert!(response.contains(name) && response.get_all(name).any(|one| one == value.trim_ascii()));
        tag(value);
        if let Some(seconds) = date::parse(value) {
            let written = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(date::parse(written.as_bytes()), Some(seconds));
        }
    }
    drop(format!("{response:?}"));
    let directives = CacheControl::of(request);
    for seconds in [directives.max_age, directives.min_fresh] {
        assert!(seconds.is_none_or(|seconds| seconds <= 1 << 31));
    }
    let stored = Stored { status: 200, fields: response, request_time, response_time };
    let is_fresh = stored.is_fresh(&directives, now);
    assert!(!is_fresh || !CacheControl::of(response).no_cache);
    assert!(!is_fresh || stored.is_fresh(&directives, now / 2), "fresh again");
    assert!(no_cache_fields(response).iter().all(|name| !name.is_empty()));
    for value in response.get_all(b"retry-after") {
        let waits = [None, Some(&b""[..])].map(|date| retry_after::seconds(value, date, now));
        assert_eq!(waits[0], waits[1], "what is no date tells no time");
    }
    if let Ok(codings) = codings(response) {
        assert!(codings.len() <= 4);
    }
    let selecting = vary::selecting(response, request, &SECRET);
    let shouted: Fields = request.iter().map(|(name, value)| (name.to_ascii_uppercase(), value)).collect();
    assert_eq!(vary::selecting(response, &shouted, &SECRET), selecting, "names have no case");
    assert!(!vary::is_star(response) || response.contains(b"vary"));
    conditions(request, response, now);
}

/// A request that names what is there gets no content again, and a part lies within the whole.
fn conditions(request: &Fields, response: &Fields, length: u64) {
    let etag = response.get(b"etag").and_then(EntityTag::new);
    let last_modified = response.get(b"last-modified").and_then(date::parse).map(|at| LastModified::dated(at, length));
    let validators = Validators { etag, last_modified };
    for method in [&b"GET"[..], b"HEAD", b"PUT", b"OPTIONS"] {
        let evaluation = evaluate(method, request, Some(&validators));
        assert!(evaluation != Evaluation::NotModified || matches!(method, b"GET" | b"HEAD"));
        assert!(evaluation != Evaluation::IgnoreRange || request.contains(b"if-range"));
        assert_ne!(evaluate(method, request, None), Evaluation::NotModified, "there is nothing to be unmodified");
    }
    if let Some(tag) = etag {
        let echo = request.filtered(|name, _| !name.to_ascii_lowercase().starts_with(b"if-"));
        let echo = echo.with(b"If-None-Match", tag.as_bytes());
        assert_eq!(evaluate(b"GET", &echo, Some(&validators)), Evaluation::NotModified, "{tag:?}");
    }
    if let Some(part) = ByteRange::of(request).and_then(|range| range.within(length)) {
        assert!(part.first <= part.last && part.last < length && part.length() <= length);
    }
}

fn tag(value: &[u8]) {
    let Some(tag) = EntityTag::new(value) else { return };
    assert!(!tag.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0')), "it would break a request");
    assert!(tag.weakly_equals(tag) && tag.strongly_equals(tag) != tag.is_weak());
    // `W/W/x` is weak once: what follows is part of its name, as is what white space may stand there.
    if let Some(other) =
        EntityTag::new(tag.opaque()).filter(|other| other.as_bytes() == tag.opaque() && !other.is_weak())
    {
        assert!(other.weakly_equals(tag) && tag.weakly_equals(other));
    }
    let coded = [tag.opaque().strip_suffix(b"\"").unwrap_or(tag.opaque()), b"-gzip\""].concat();
    if tag.opaque().len() > 1 && tag.opaque().starts_with(b"\"") && tag.opaque().ends_with(b"\"") {
        let cut = EntityTag::new(&coded).and_then(|coded| coded.without_coding(b"gzip"));
        assert!(cut.is_some_and(|cut| cut.weakly_equals(tag) || tag.opaque().ends_with(b"-\"")));
    }
}

fn freshen(stored: &Fields, not_modified: &Fields) {
    let kept = storable_fields(stored);
    for name in [&b"set-cookie"[..], b"connection", b"transfer-encoding", b"proxy-authorization"] {
        assert!(!kept.contains(name));
    }
    assert_eq!(storable_fields(&kept), kept);
    for is_tag_confirmed in [false, true] {
        let once = freshened(&kept, not_modified, is_tag_confirmed);
        for name in [&b"etag"[..], b"content-encoding", b"content-length", b"content-type"] {
            assert!(once.get_all(name).eq(kept.get_all(name)), "what describes the stored body stays");
        }
        assert!(!once.contains(b"set-cookie"));
        // The first time adds lines in the order in which they came, the second may move those of one name together.
        let twice = freshened(&once, not_modified, is_tag_confirmed);
        let again = freshened(&twice, not_modified, is_tag_confirmed);
        assert!(!is_worth_a_write(&twice, &again), "the same 304 says something new:\n{twice:?}\n{again:?}");
    }
}

fn follow(fields: &Fields, answer: &Fields, status: u16) {
    let Ok(request) = Request::new("POST", "http://127.0.0.1/a/b?c", fields.clone()) else { return };
    for status in [status, 301, 303, 307] {
        if let Some(next) = redirect::next(&request, status, answer) {
            assert!(matches!(next.url.scheme(), "http" | "https") && next.url.fragment().is_none());
            assert!(next.url.username().is_empty() && next.url.password().is_none());
            let is_abroad = next.url.origin() != request.url.origin();
            for name in [&b"authorization"[..], b"cookie", b"host"] {
                assert!(!is_abroad || !next.fields.contains(name), "a credential leaves its origin");
            }
        }
    }
}
