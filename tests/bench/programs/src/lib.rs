//! What the bare clients share: the pages to ask for, the bodies they hold in memory, and the rounds they are told to run.
//!
//! ```text
//! PAGES CONCURRENCY ─▶ first visit, 200s ─▶ "ready" ─▶ "read 2000" ─▶ one round, 304s ─▶ what it cost as JSON ─▶ …
//! ```

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use cpu_time::ProcessTime;
use flate2::bufread::GzDecoder;
use hyper::header::HeaderValue;
use xxhash_rust::xxh3::xxh3_64;

/// Whatever went wrong; a benchmark that fails, fails.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// What a client remembers of a page.
pub struct Held {
    /// To be sent back.
    pub etag: HeaderValue,
    /// The content, decoded.
    pub content: Bytes,
}

/// One round: so many requests over the pages, one page after the other, and whether bodies are read.
pub struct Round {
    /// Are bodies read and their hashes checked?
    pub read: bool,
    pages: usize,
    requests: usize,
    begun: Cell<usize>,
    wrong: Cell<usize>,
}

impl Round {
    /// The number of the page to ask for next.
    pub fn next(&self) -> Option<usize> {
        let begun = self.begun.get();
        (begun < self.requests).then(|| {
            self.begun.set(begun + 1);
            begun % self.pages
        })
    }

    /// Hashes the content that was delivered, and counts it if it is not that of the page.
    pub fn check(&self, content: &[u8], digest: u64) {
        if xxh3_64(content) != digest {
            self.wrong.set(self.wrong.get() + 1);
        }
    }
}

/// What is held, by URL.
pub type Memory = RefCell<HashMap<String, Held>>;

/// The pages and the concurrency that the command line names: URLs, and the hashes of their contents.
///
/// # Errors
/// When there are none.
pub fn arguments() -> Outcome<(Vec<(String, u64)>, usize)> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(concurrency)) = (arguments.next(), arguments.next()) else {
        return Err("usage: PAGES CONCURRENCY".into());
    };
    let pages = std::fs::read_to_string(file)?
        .lines()
        .map(|line| {
            let (url, digest) = line.split_once(' ').ok_or("a line is not `URL HASH`")?;
            Ok((url.to_owned(), digest.parse()?))
        })
        .collect::<Outcome<_>>()?;
    Ok((pages, concurrency.parse()?))
}

/// Undoes the coding that a page came in.
///
/// # Errors
/// When it is none.
pub fn decoded(coding: Option<&HeaderValue>, body: Bytes) -> Outcome<Bytes> {
    if coding.is_none_or(|coding| coding != "gzip") {
        return Ok(body);
    }
    let mut content = Vec::new();
    GzDecoder::new(&*body).read_to_end(&mut content)?;
    Ok(content.into())
}

/// Visits all pages once, says so, and then does what it is told, round by round.
///
/// # Errors
/// When a round fails.
pub fn rounds(settings: &str, pages: usize, mut visit: impl FnMut(Rc<Round>) -> Outcome<()>) -> Outcome<()> {
    let round =
        |read, requests| Rc::new(Round { read, pages, requests, begun: Cell::default(), wrong: Cell::default() });
    visit(round(false, pages))?;
    orders(settings, |mode, requests| {
        let round = round(mode == "read", requests);
        visit(Rc::clone(&round))?;
        Ok(round.wrong.get())
    })
}

/// Says that it is ready, and with what; then carries out orders like `read 2000` from the standard input, and tells what each one cost.
/// `obey` returns how many bodies were not what they should be.
///
/// # Errors
/// When an order is none, or cannot be carried out.
pub fn orders(settings: &str, mut obey: impl FnMut(&str, usize) -> Outcome<usize>) -> Outcome<()> {
    tell(&format!(r#"{{"settings": "{settings}"}}"#))?;
    for line in stdin().lines() {
        let line = line?;
        let (order, number) = line.split_once(' ').ok_or("an order is not `WORD NUMBER`")?;
        let number = number.parse()?;
        let (begun, used) = (Instant::now(), ProcessTime::now());
        let wrong = obey(order, number)?;
        let (cpu, wall) = (used.elapsed().as_secs_f64(), begun.elapsed().as_secs_f64());
        tell(&format!(r#"{{"cpu": {cpu}, "wall": {wall}, "wrong": {wrong}}}"#))?;
    }
    Ok(())
}

fn tell(line: &str) -> Outcome<()> {
    writeln!(stdout(), "{line}")?;
    Ok(stdout().flush()?)
}
