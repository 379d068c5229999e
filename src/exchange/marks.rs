//! What codings add to tags, as far as an origin's own answers show it.

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::learned::{Suffix, Teaching};
use crate::exchange::answer::Write;
use crate::exchange::learn::note;
use crate::exchange::plan::Pending;
use crate::fields::Fields;
use crate::rfc::etag::EntityTag;

/// What codings add to tags shows where one content comes in two of them, or after a 304 that left it out.
pub(super) fn learned(pending: &Pending, fields: &Fields, content: Digest, now: u64) -> Option<Write> {
    let same = || pending.record.iter().flat_map(|record| &record.variants).filter(|one| one.content == content);
    let is_stored = || pending.stored().is_some_and(|stored| stored.content == content);
    let suffix = same()
        .find_map(|one| between(fields, &one.fields).or_else(|| between(&one.fields, fields)))
        .or_else(|| left_out(pending, fields).filter(|_| is_stored()))?;
    let is_known = pending.lessons.as_ref().is_some_and(|lessons| lessons.suffixes.contains(&suffix));
    (!is_known).then(|| note(&pending.ask.key, Teaching::Marks(suffix), now))
}

/// What the tag of a coded response has more than that of a plain one.
fn between(coded: &Fields, plain: &Fields) -> Option<Suffix> {
    let is_plain = plain.get(b"content-encoding").is_none_or(<[u8]>::is_empty);
    marked(coded, plain.get(b"etag").filter(|_| is_plain)?)
}

/// What the tag of a coded response has more than the one that a 304 for it named.
pub(super) fn left_out(pending: &Pending, fields: &Fields) -> Option<Suffix> {
    marked(fields, pending.doubted.as_ref()?.1.as_ref()?)
}

fn marked(coded: &Fields, unmarked: &[u8]) -> Option<Suffix> {
    let coding = coded.get(b"content-encoding").filter(|coding| !coding.is_empty())?;
    let tag = coded.get(b"etag").and_then(EntityTag::new)?;
    let suffix = tag.suffix_over(EntityTag::new(unmarked)?)?;
    Some(Suffix { coding: coding.to_ascii_lowercase().into(), suffix: Bytes::copy_from_slice(suffix) })
}
