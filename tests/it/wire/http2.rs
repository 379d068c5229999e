//! HTTP/2 (RFC 9113), frame by frame: an origin that breaks it is one kind of error, soon.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notmodified::clock::Stopwatch;
use notmodified::error::{Error, Kind};
use notmodified::wire::{Delimited, Options};

use super::secure::Authority;
use super::{fetch, get, wire};
use crate::origin::{Link, Origin};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// ":status: 200", entry 8 of HPACK's static table (RFC 7541 appendix A).
pub(super) const OK: &[u8] = &[0x88];

/// ":status: 103", its name out of the static table.
const EARLY_HINTS: &[u8] = b"\x08\x03103";

/// Which stream a frame is on.
#[derive(Clone, Copy)]
enum On {
    Connection,
    Request,
}

pub(super) fn frame(kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream, payload].concat()
}

/// What is sent once a request is there.
#[derive(Default)]
struct Script {
    steps: Vec<(On, u8, u8, Vec<u8>)>,
    /// Sent after those, again and again.
    forever: Vec<(On, u8, u8, Vec<u8>)>,
    /// Whether the connection ends then, or nothing more comes.
    ends: bool,
}

impl Script {
    fn then(mut self, on: On, kind: u8, flags: u8, payload: &[u8]) -> Self {
        self.steps.push((on, kind, flags, payload.to_vec()));
        self
    }

    /// A frame of the answer.
    fn answer(self, kind: u8, flags: u8, payload: &[u8]) -> Self {
        self.then(On::Request, kind, flags, payload)
    }

    fn forever(mut self, on: On, kind: u8, flags: u8, payload: &[u8]) -> Self {
        self.forever.push((on, kind, flags, payload.to_vec()));
        self
    }

    fn ends(mut self) -> Self {
        self.ends = true;
        self
    }

    fn speak(&self, link: &mut dyn Link) -> io::Result<()> {
        let stream = hear(link)?;
        let bytes = |steps: &[(On, u8, u8, Vec<u8>)]| {
            let frames = steps.iter().map(|(on, kind, flags, payload)| {
                let stream = if matches!(on, On::Connection) { [0; 4] } else { stream };
                frame(*kind, *flags, stream, payload)
            });
            frames.collect::<Vec<_>>().concat()
        };
        link.write_all(&frame(SETTINGS, 0, [0; 4], &[]))?;
        link.write_all(&bytes(&self.steps))?;
        link.flush()?;
        // Many at once, else this side is the slower one.
        let flood = bytes(&self.forever).repeat(500);
        while !flood.is_empty() {
            link.write_all(&flood)?;
        }
        let mut rest = [0; 1024];
        while !self.ends && link.read(&mut rest)? > 0 {}
        Ok(())
    }
}

/// Reads up to the request, and says its stream.
fn hear(link: &mut dyn Link) -> io::Result<[u8; 4]> {
    link.read_exact(&mut [0; 24])?;
    next_request(link)
}

fn next_request(link: &mut dyn Link) -> io::Result<[u8; 4]> {
    loop {
        let mut header = [0; 9];
        link.read_exact(&mut header)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        link.read_exact(&mut vec![0; length])?;
        if header[3] == HEADERS {
            return Ok([header[5], header[6], header[7], header[8]]);
        }
    }
}

/// Answers every request with an empty 200, and says so to `heard` with its connection.
pub(super) fn obliging(authority: &Authority, heard: &Arc<Mutex<Vec<(usize, bool)>>>) -> Origin {
    let heard = Arc::clone(heard);
    Origin::raw(Some(Arc::new(authority.server(&["h2"]))), move |link, connection| {
        link.read_exact(&mut [0; 24])?;
        link.write_all(&frame(SETTINGS, 0, [0; 4], &[]))?;
        loop {
            let stream = next_request(link)?;
            heard.lock().unwrap().push((connection, link.is_resumed()));
            link.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, stream, OK))?;
            link.flush()?;
        }
    })
}

fn origin(authority: &Authority, script: Script) -> Origin {
    Origin::raw(Some(Arc::new(authority.server(&["h2"]))), move |link, _| script.speak(link))
}

/// What a GET of an origin that keeps to this script comes to.
fn failure(script: Script) -> Error {
    let authority = Authority::new();
    let origin = origin(&authority, script);
    let hasty = Options { read_timeout: Duration::from_millis(700), max_body: 10_000, ..authority.trusting() };
    let started = Stopwatch::start();
    let error = fetch(&wire(hasty), get(&origin.url("/"))).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{error}");
    assert!(origin.is_left_alone(), "{error}");
    error
}

fn answered() -> Script {
    Script::default().answer(HEADERS, END_HEADERS, OK)
}

#[test]
fn http2_is_offered_unless_it_is_switched_off() {
    let authority = Authority::new();
    let origin = origin(&authority, answered().answer(DATA, END_STREAM, b"hi"));
    let incoming = fetch(&wire(authority.trusting()), get(&origin.url("/"))).unwrap();
    assert_eq!((incoming.status, incoming.delimited, &incoming.body[..]), (200, Delimited::Stream, &b"hi"[..]));
    let error = fetch(&wire(Options { http2: false, ..authority.trusting() }), get(&origin.url("/"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "a server that speaks nothing else refuses: {error}");
}

#[test]
fn a_body_that_breaks_off_is_incomplete() {
    let half = || answered().answer(DATA, 0, b"half");
    let internal_error = 2_u32.to_be_bytes();
    let cancel = 8_u32.to_be_bytes();
    let gone = [[0; 4], internal_error].concat();
    let cut = [
        half().answer(RST_STREAM, 0, &cancel),
        half().answer(RST_STREAM, 0, &internal_error),
        half().then(On::Connection, GOAWAY, 0, &gone).ends(),
        half().ends(),
    ];
    for script in cut {
        let error = failure(script);
        assert_eq!(error.kind(), Kind::IncompleteBody, "{error}");
    }
}

#[test]
fn a_body_of_another_length_than_announced_is_no_answer() {
    // content-length, entry 28.
    let nine = |fields: &[u8]| Script::default().answer(HEADERS, END_HEADERS, &[fields, b"\x0f\x0d\x019"].concat());
    for script in [nine(OK).answer(DATA, END_STREAM, b"half"), nine(OK).answer(DATA, END_STREAM, b"more than nine")] {
        let error = failure(script);
        assert_eq!(error.kind(), Kind::IncompleteBody, "{error}");
    }
}

#[test]
fn a_request_that_is_reset_or_hung_up_upon_has_no_answer() {
    let internal_error = 2_u32.to_be_bytes();
    let error = failure(Script::default().answer(RST_STREAM, 0, &internal_error));
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    let error = failure(Script::default().ends());
    assert_eq!(error.kind(), Kind::Disconnected, "{error}");
}

#[test]
fn what_is_no_http2_is_a_protocol_error() {
    let wrong = [
        // Without :status; with a name in upper case; a body before the headers; an index that nothing has; a settings
        // frame on a stream; a frame larger than allowed.
        Script::default().answer(HEADERS, END_HEADERS, b"\x00\x03x-a\x011"),
        Script::default().answer(HEADERS, END_HEADERS, &[OK, b"\x00\x03X-A\x011"].concat()),
        Script::default().answer(DATA, 0, b"early"),
        Script::default().answer(HEADERS, END_HEADERS, &[0xff, 0xff, 0xff, 0x7f]),
        Script::default().answer(SETTINGS, 0, &[]),
        Script::default().answer(DATA, 0, &vec![0; 100_000]),
    ];
    for (number, script) in wrong.into_iter().enumerate() {
        let error = failure(script);
        assert_eq!(error.kind(), Kind::Protocol, "{number}: {error}");
    }
}

#[test]
fn silence_ends_with_the_read_timeout() {
    let half_a_section = Script::default().answer(HEADERS, 0, OK);
    for script in [Script::default(), half_a_section, answered(), answered().answer(DATA, 0, b"half")] {
        let error = failure(script);
        assert_eq!(error.kind(), Kind::ReadTimeout, "{error}");
    }
}

#[test]
fn floods_end() {
    let filler = b"\x00\x03x-a\x041234".repeat(100);
    let (broken, late) = (Kind::Protocol, Kind::ReadTimeout);
    let floods = [
        (broken, Script::default().answer(HEADERS, 0, OK).forever(On::Request, CONTINUATION, 0, &filler)),
        (broken, Script::default().answer(HEADERS, 0, OK).forever(On::Request, CONTINUATION, 0, b"")),
        (late, Script::default().forever(On::Request, HEADERS, END_HEADERS, EARLY_HINTS)),
        (late, Script::default().forever(On::Connection, PING, 0, b"12345678")),
        (late, Script::default().forever(On::Connection, SETTINGS, 0, b"")),
    ];
    for (number, (kind, script)) in floods.into_iter().enumerate() {
        let error = failure(script);
        assert_eq!(error.kind(), kind, "{number}: {error}");
    }
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let error = failure(answered().forever(On::Request, DATA, 0, &[b'x'; 1000]));
    assert_eq!(error.kind(), Kind::BodyTooLarge, "{error}");
}

#[test]
fn a_small_section_that_unfolds_to_a_large_one_is_refused() {
    // One field of 4000 bytes into the dynamic table, and then its number, again and again.
    let field = [&b"\x40\x03x-a\x7f\xa1\x1e"[..], &[b'y'; 4000]].concat();
    let section = [OK, &field, &[0xbe; 8000]].concat();
    let error = failure(Script::default().answer(HEADERS, END_HEADERS | END_STREAM, &section));
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
}
