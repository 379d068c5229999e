//! What a page says, apart from the noise in it: two contents with one fingerprint are the same to whoever reads them.
//!
//! ```text
//! content ─▶ html ─▶ tokens ─▶ reader ─▶ what counts, canonical ─▶ digest
//!                                      └▶ script, style, comments, hidden inputs, nonces, tokens: left out
//! ```
//!
//! # Scope
//! A page that changed and is called the same is lost to whoever polls it; one that is called changed costs a look at it. So only what is
//! noise by its nature or by its name is left out, everything else counts (also what nobody sees, and the order of attributes), and where
//! the page cannot be read with certainty there is no fingerprint, and the content itself decides.
//!
//! One pass over the bytes, and memory for the longest tag.

mod canonical;
mod noise;
mod reader;
mod tag;

use html5gum::Tokenizer;

use crate::digest::Digest;
use crate::fingerprint::canonical::Canonical;
use crate::fingerprint::reader::Reader;

/// A context for the hash, so that no two ways to a fingerprint have one in common. It changes whenever what is left out does: prints of
/// different rules must not meet.
const HTML: &str = "notmodified 2026-11 fingerprint of html";

/// The same for what a callable of the caller's says.
const GIVEN: &str = "notmodified 2026-11 fingerprint given by a callable";

/// The fingerprint of an HTML page; `None` where the content has to speak for itself.
///
/// Only ASCII is understood, whatever else is in the page: encodings that write something else with the bytes of ASCII have none.
#[must_use]
pub fn html(content: &[u8]) -> Option<Digest> {
    if !is_ascii_compatible(content) {
        return None;
    }
    let mut reader = Reader::new(Canonical::new(blake3::Hasher::new_derive_key(HTML)));
    let Ok(()) = Tokenizer::new_with_emitter(content, &mut reader).finish();
    let hasher = reader.finish(content)?.finish();
    Some(Digest(*hasher.finalize().as_bytes()))
}

/// The fingerprint that the caller made, of one kind with all others of the same session.
#[must_use]
pub fn given(made: &[u8]) -> Digest {
    Digest(*blake3::Hasher::new_derive_key(GIVEN).update(made).finalize().as_bytes())
}

/// UTF-16 and UTF-32 write ASCII with NULs; ISO-2022 switches by ESC to a table where `<` is half a character. Neither byte is in a page.
fn is_ascii_compatible(content: &[u8]) -> bool {
    !content.contains(&0) && !content.contains(&0x1b)
}
