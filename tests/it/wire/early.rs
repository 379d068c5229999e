//! Answers that are not read to their end: what the origin sees of it, and what the connection is good for afterwards.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notmodified::exchange::early::Familiar;
use notmodified::fields::Fields;
use notmodified::wire::{Delimited, Incoming, Options, Outgoing, Wire};

use super::http2::{DATA, END_HEADERS, END_STREAM, HEADERS, OK, RST_STREAM, SETTINGS, frame};
use super::secure::Authority;
use super::{fetch, get, run, wire};
use crate::origin::{Link, Origin, hear};
use crate::sample;

const MIB: usize = 1 << 20;
const LENGTH: usize = 60 * MIB;
const CANCEL: u32 = 8;
const WINDOW_UPDATE: u8 = 8;
const PIECE: usize = 1000;
const TIMES: usize = 200;

/// A stored page of that length, as the one who asks again knows it.
fn familiar(length: usize) -> Option<Familiar> {
    let fields: Fields = head(length).into_iter().collect();
    let mut stored = sample::response(0, b"", 1);
    (stored.fields, stored.body.length) = (fields, length as u64);
    Familiar::by(&stored)
}

fn head(length: usize) -> [(String, String); 2] {
    [("etag".to_owned(), "\"1\"".to_owned()), ("content-length".to_owned(), length.to_string())]
}

fn expecting(length: usize, url: &str) -> Outgoing {
    let familiar = familiar(length);
    assert!(familiar.is_some());
    Outgoing { familiar, ..get(url) }
}

/// An origin that sends a page for as long as it is taken, and how much of it that was.
fn generous(tag: &'static str, length: usize) -> (Origin, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let origin = Origin::raw(None, move |link, connection| {
        while hear(link, connection)?.is_some() {
            link.write_all(format!("HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Length: {length}\r\n\r\n").as_bytes())?;
            for _ in 0..length / 10_000 {
                link.write_all(&[b'x'; 10_000])?;
                count.fetch_add(10_000, Ordering::SeqCst);
            }
        }
        Ok(())
    });
    (origin, sent)
}

fn is_stopped(incoming: &Incoming) -> bool {
    incoming.delimited == Delimited::Stopped && incoming.body.is_empty() && incoming.status == 200
}

#[test]
fn a_familiar_page_is_not_read_and_its_connection_closed() {
    let (origin, sent) = generous("\"1\"", LENGTH);
    let incoming = fetch(&wire(Options::default()), expecting(LENGTH, &origin.url("/"))).unwrap();
    assert!(is_stopped(&incoming), "{incoming:?}");
    assert!(incoming.wire_bytes > 40 && incoming.wire_bytes < 4 * MIB as u64, "{}", incoming.wire_bytes);
    assert!(origin.is_left_alone());
    assert!(sent.load(Ordering::SeqCst) < 30 * MIB as u64, "the system's buffers hold less than that");
}

#[test]
fn what_arrived_of_a_stopped_page_is_counted() {
    let origin = Origin::raw(None, |link, connection| {
        hear(link, connection)?;
        let head = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {LENGTH}\r\n\r\n");
        link.write_all(&[head.as_bytes(), b"beginning"].concat())?;
        hear(link, connection).map(drop)
    });
    let incoming = fetch(&wire(Options::default()), expecting(LENGTH, &origin.url("/"))).unwrap();
    let head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 62914560\r\n\r\n".len();
    assert!(is_stopped(&incoming));
    assert_eq!(incoming.wire_bytes, (head + "beginning".len()) as u64);
}

#[test]
fn another_page_is_read_to_its_end() {
    for (tag, length) in [("\"2\"", MIB), ("W/\"1\"", MIB), ("\"1\"", MIB / 2)] {
        let (origin, _) = generous(tag, length / 10_000 * 10_000);
        let outgoing = expecting(MIB / 10_000 * 10_000, &origin.url("/"));
        let incoming = fetch(&wire(Options::default()), outgoing).unwrap();
        assert_eq!((incoming.delimited, incoming.body.len()), (Delimited::ByLength, length / 10_000 * 10_000));
        assert_eq!(origin.connections(), 1);
    }
}

/// What an HTTP/2 origin has sent, and which streams were taken back from it.
#[derive(Default)]
struct Told {
    sent: usize,
    resets: Vec<u32>,
}

/// Answers each request with the page, in small frames, as far as the client's windows allow.
fn pour(link: &mut dyn Link, length: usize, told: &Mutex<Told>) -> io::Result<()> {
    link.read_exact(&mut [0; 24])?;
    link.write_all(&frame(SETTINGS, 0, [0; 4], &[]))?;
    // What HTTP/2 grants until the client says more; its streams have windows of two megabytes.
    let mut window: usize = 65_535;
    let mut open: Vec<([u8; 4], usize)> = Vec::new();
    let fields = head(length);
    let section = [OK, &literal(34, &fields[0].1), &literal(28, &fields[1].1)].concat();
    loop {
        let (kind, flags, stream, payload) = heed(link)?;
        match kind {
            HEADERS => {
                link.write_all(&frame(HEADERS, END_HEADERS, stream, &section))?;
                open.push((stream, length));
            }
            WINDOW_UPDATE if stream == [0; 4] => window += number(&payload) as usize,
            RST_STREAM => {
                told.lock().unwrap().resets.push(number(&payload));
                open.retain(|(one, _)| *one != stream);
            }
            SETTINGS if flags == 0 => link.write_all(&frame(SETTINGS, 1, [0; 4], &[]))?,
            _ => {}
        }
        for (stream, left) in &mut open {
            while *left > 0 && window >= PIECE && length - *left < MIB {
                let piece = PIECE.min(*left);
                (window, *left) = (window - piece, *left - piece);
                let flags = if *left == 0 { END_STREAM } else { 0 };
                told.lock().unwrap().sent += piece;
                link.write_all(&frame(DATA, flags, *stream, &[b'x'; PIECE][..piece]))?;
            }
        }
        link.flush()?;
    }
}

fn number(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// A field of HPACK's static table with a value of its own, not indexed.
fn literal(index: u8, value: &str) -> Vec<u8> {
    [&[0x0f, index - 15, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
}

fn heed(link: &mut dyn Link) -> io::Result<(u8, u8, [u8; 4], Vec<u8>)> {
    let mut header = [0; 9];
    link.read_exact(&mut header)?;
    let mut payload = vec![0; u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize];
    link.read_exact(&mut payload)?;
    Ok((header[3], header[4], [header[5], header[6], header[7], header[8]], payload))
}

fn http2(authority: &Authority, length: usize) -> (Origin, Arc<Mutex<Told>>) {
    let told = Arc::<Mutex<Told>>::default();
    let log = Arc::clone(&told);
    let tls = Some(Arc::new(authority.server(&["h2"])));
    (Origin::raw(tls, move |link, _| pour(link, length, &log)), told)
}

#[test]
fn over_http2_the_stream_is_reset_and_the_connection_kept() {
    let authority = Authority::new();
    let (origin, told) = http2(&authority, LENGTH);
    let wire = wire(authority.trusting());
    run(async {
        for _ in 0..3 {
            let incoming = wire.send(expecting(LENGTH, &origin.url("/"))).await.unwrap();
            assert!(is_stopped(&incoming), "{incoming:?}");
            assert!(incoming.wire_bytes <= told.lock().unwrap().sent as u64 + 100);
        }
        // The last reset leaves with the connection's next turn.
        while told.lock().unwrap().resets.len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(origin.connections(), 1);
    assert_eq!(told.lock().unwrap().resets, [CANCEL; 3]);
    assert!(told.lock().unwrap().sent < 4 * MIB, "of sixty each");
}

#[test]
fn a_connection_of_http2_outlives_any_number_of_familiar_pages() {
    let authority = Authority::new();
    let length = 300_000;
    let (origin, told) = http2(&authority, length);
    let wire = Arc::new(wire(authority.trusting()));
    let fetched = |wire: &Arc<Wire>| {
        let (wire, outgoing) = (Arc::clone(wire), expecting(length, &origin.url("/")));
        async move { wire.send(outgoing).await.unwrap() }
    };
    let incoming = run(async {
        // The others find the connection open.
        fetched(&wire).await;
        let tasks: tokio::task::JoinSet<_> = (0..TIMES).map(|_| fetched(&wire)).collect();
        tasks.join_all().await
    });
    assert_eq!(origin.connections(), 1);
    assert!(incoming.iter().any(is_stopped));
    assert!(incoming.iter().all(|one| is_stopped(one) || one.body.len() == length));
    assert!(told.lock().unwrap().resets.iter().all(|code| *code == CANCEL));
}
