//! Reading a body: how its end is told, and up to which size.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use reqwest::{Method, Response, StatusCode, Version};

use crate::exchange::early::Familiar;

/// Most bytes that are set aside on a stranger's word.
const ON_TRUST: u64 = 1 << 20;

/// How we know that a body is whole (RFC 9112 §6.3, RFC 9113 §8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delimited {
    /// Content-Length said how long it is, and so long it was.
    ByLength,
    /// The last chunk came.
    Chunked,
    /// The connection was closed: nobody can tell a whole body from a cut one.
    ByClose,
    /// The stream was ended (HTTP/2).
    Stream,
    /// There is none: HEAD, 1xx, 204, 304.
    None,
    /// It was not read to its end, because the header section said that it is known.
    Stopped,
}

/// A body as far as it was read.
#[derive(Debug)]
pub(super) enum Read {
    /// All of it.
    Whole(Bytes),
    /// So many bytes; the rest is left to whoever sends it. Over HTTP/2 dropping the response resets the stream, over HTTP/1.1 it closes
    /// the connection.
    Stopped { after: usize },
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) enum Cut {
    /// It is larger than `max_body`.
    TooLarge,
    /// It broke off after so many bytes.
    Broken { after: usize, error: reqwest::Error },
}

/// How the body of this response ends; `Err` with the value of a Transfer-Encoding that was not asked for and cannot be undone.
pub(super) fn delimited(method: &Method, response: &Response) -> Result<Delimited, String> {
    let status = response.status();
    let is_bodiless = status.is_informational() || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    if *method == Method::HEAD || is_bodiless {
        return Ok(Delimited::None);
    }
    if response.version() == Version::HTTP_2 {
        return Ok(Delimited::Stream);
    }
    let coded = transfer_coding(response.headers())?;
    Ok(coded.unwrap_or_else(|| {
        if response.headers().contains_key(CONTENT_LENGTH) { Delimited::ByLength } else { Delimited::ByClose }
    }))
}

/// > If a Transfer-Encoding header field is present in a response and the chunked transfer coding is not the final encoding, the message
/// > body length is determined by reading the connection until it is closed by the server. (RFC 9112 §6.3)
fn transfer_coding(fields: &HeaderMap) -> Result<Option<Delimited>, String> {
    let mut last = None;
    for line in fields.get_all(TRANSFER_ENCODING) {
        for coding in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            last = match last {
                None if coding.eq_ignore_ascii_case(b"chunked") => Some(Delimited::Chunked),
                // Obsolete, and no coding at all.
                None if coding.eq_ignore_ascii_case(b"identity") => Some(Delimited::ByClose),
                _ => return Err(line.as_bytes().escape_ascii().take(80).map(char::from).collect()),
            };
        }
    }
    Ok(last)
}

/// Reads the body into one buffer of its own: parts of hyper's read buffer would keep all of that alive. Of a body that is
/// `familiar` only what is here already, if much is left after that.
pub(super) async fn read(
    response: &mut Response,
    expected: Option<u64>,
    max_body: u64,
    familiar: Option<&Familiar>,
) -> Result<Read, Cut> {
    if expected.is_some_and(|length| length > max_body) {
        return Err(Cut::TooLarge);
    }
    let set_aside = expected.unwrap_or_default().min(ON_TRUST);
    let mut body = Vec::with_capacity(usize::try_from(set_aside).unwrap_or_default());
    if let Some(familiar) = familiar {
        while let Some(part) = arrived(response).await.map_err(|error| Cut::Broken { after: body.len(), error })? {
            append(&mut body, &part, max_body)?;
        }
        if familiar.is_worth_stopping(body.len() as u64) {
            return Ok(Read::Stopped { after: body.len() });
        }
    }
    while let Some(part) = response.chunk().await.map_err(|error| Cut::Broken { after: body.len(), error })? {
        append(&mut body, &part, max_body)?;
    }
    body.shrink_to_fit();
    Ok(Read::Whole(body.into()))
}

fn append(body: &mut Vec<u8>, part: &[u8], max_body: u64) -> Result<(), Cut> {
    if (body.len() + part.len()) as u64 > max_body {
        return Err(Cut::TooLarge);
    }
    body.extend_from_slice(part);
    Ok(())
}

/// The next part, if it is here already. Asking for a part and not waiting for it loses nothing.
async fn arrived(response: &mut Response) -> reqwest::Result<Option<Bytes>> {
    let mut next = pin!(response.chunk());
    let ready = |context: &mut Context<'_>| match next.as_mut().poll(context) {
        Poll::Ready(part) => Poll::Ready(part),
        Poll::Pending => Poll::Ready(Ok(None)),
    };
    poll_fn(ready).await
}
