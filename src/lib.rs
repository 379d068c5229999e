//! # notmodified
//!
//! Ask "only if it changed", and pay only for what did.
//!
//! ```text
//! request ─▶ key ─▶ plan ─▶ wire ─▶ settle ─▶ response
//! ```
//!
//! The tree shows that way, from the ground up; a module uses only what stands above it in this list:
//!
//! 1. [`error`], [`fields`], [`digest`], [`fingerprint`], [`rfc`], [`identity`]: facts and the words of the RFCs
//! 2. [`key`], [`entry`]: what is stored, and under what
//! 3. [`exchange`], [`request`], [`selection`], [`redirect`], [`counters`]: `plan` and `settle`, the decisions, without any I/O
//! 4. [`clock`], [`process`], [`store`], [`wire`]: what moves bytes, and what the system is asked
//! 5. [`lessons`], [`response`], [`cache`]: plan and settle over a store, for whoever sends requests himself
//! 6. [`session`]: the cache with a wire of its own
//! 7. `python`: the binding, behind a feature

pub mod cache;
pub mod clock;
pub mod counters;
pub mod digest;
pub mod entry;
pub mod error;
pub mod exchange;
pub mod fields;
pub mod fingerprint;
pub mod identity;
pub mod key;
pub mod lessons;
pub mod process;
pub mod redirect;
pub mod request;
pub mod response;
pub mod rfc;
pub mod selection;
pub mod session;
pub mod store;
pub mod wire;

#[cfg(feature = "python")]
mod python;
