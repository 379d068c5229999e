//! What RFC 9110 and RFC 9111 say, as values in and values out. Nothing here knows a clock, a store or a socket.

pub mod cache_control;
pub mod coding;
pub mod date;
pub mod etag;
pub mod freshness;
pub mod vary;
