//! Status codes (RFC 9110 §15): which of them a cache may keep, and on what terms.

/// > the cache understands the response status code (RFC 9111 §3):
///
/// the final ones of RFC 9110, but those that are about one exchange alone (206 and 304, 412 and 416, 421).
#[must_use]
pub const fn is_understood(status: u16) -> bool {
    matches!(
        status,
        200..=205 | 300..=303 | 305 | 307 | 308 | 400..=411 | 413..=415 | 417 | 422 | 426 | 500..=505
    )
}

/// > Responses with status codes that are defined as heuristically cacheable (e.g., 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414,
/// > and 501 in this specification) can be reused by a cache with heuristic expiration (RFC 9110 §15.1).
///
/// 206 is left out: parts are not stored here.
#[must_use]
pub const fn is_heuristically_cacheable(status: u16) -> bool {
    matches!(status, 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// > an error is any situation that would result in a 500, 502, 503, or 504 HTTP response status code being returned (RFC 5861 §4).
#[must_use]
pub const fn is_failure(status: u16) -> bool {
    matches!(status, 500 | 502 | 503 | 504)
}
