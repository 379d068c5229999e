//! What RFC 9110 and RFC 9111 say, as values in and values out. Nothing here knows a clock, a store or a socket.

pub mod accept_encoding;
pub mod cache_control;
pub mod coding;
pub mod date;
pub mod etag;
pub mod etag_list;
pub mod freshness;
pub mod preconditions;
pub mod range;
pub mod retry_after;
pub mod status;
pub mod vary;

/// > Field values containing CR, LF, or NUL characters are invalid and dangerous, due to the varying ways that implementations might parse
/// > and interpret those characters (RFC 9110 §5.5).
///
/// What came in by somebody else's client can hold them; what goes out again as a condition must not, nor any other control character.
#[must_use]
pub fn is_sendable(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control())
}
