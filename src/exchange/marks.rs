//! What codings add to tags, as far as an origin's own answers show it.

use bytes::Bytes;

use crate::entry::learned::{Suffix, Teaching};
use crate::exchange::answer::Write;
use crate::exchange::learn::note;
use crate::exchange::plan::Pending;
use crate::exchange::storable::Judged;
use crate::fields::Fields;
use crate::rfc::etag::EntityTag;

/// What codings add to tags shows where one content comes in two of them, or after a 304 that left it out.
pub(super) fn learned(pending: &Pending, fields: &Fields, judged: &Judged, now: u64) -> Vec<Write> {
    let suffix = new_suffix(pending, fields, judged);
    suffix.map(|suffix| note(pending, Teaching::Marks(suffix), now)).unwrap_or_default()
}

fn new_suffix(pending: &Pending, fields: &Fields, judged: &Judged) -> Option<Suffix> {
    let came = Tagged { tag: fields.get(b"etag").and_then(EntityTag::new)?, coding: judged.coding.as_deref() };
    let same = pending.record.iter().flat_map(|record| &record.variants).filter(|one| one.content == judged.content);
    let mut others = same.filter_map(|one| Some(Tagged { tag: one.entity_tag()?, coding: one.coding.as_deref() }));
    let is_stored = || pending.stored().is_some_and(|stored| stored.content == judged.content);
    let suffix = others
        .find_map(|one| between(came, one).or_else(|| between(one, came)))
        .or_else(|| left_out(pending, fields, came.coding).filter(|_| is_stored()))?;
    let is_known = pending.lessons.as_ref().is_some_and(|lessons| lessons.suffixes.contains(&suffix));
    (!is_known).then_some(suffix)
}

/// A tag, and the coding of what it came with.
#[derive(Clone, Copy)]
struct Tagged<'a> {
    tag: EntityTag<'a>,
    coding: Option<&'a [u8]>,
}

/// What the tag of a coded response has more than that of a plain one.
fn between(coded: Tagged<'_>, plain: Tagged<'_>) -> Option<Suffix> {
    if plain.coding.is_some() { None } else { marked(coded, plain.tag) }
}

/// What the tag of a coded response has more than the one that a 304 for it named.
pub(super) fn left_out(pending: &Pending, fields: &Fields, coding: Option<&[u8]>) -> Option<Suffix> {
    let tag = fields.get(b"etag").and_then(EntityTag::new)?;
    let named = EntityTag::new(pending.doubted.as_ref()?.1.as_ref()?)?;
    marked(Tagged { tag, coding }, named)
}

fn marked(coded: Tagged<'_>, unmarked: EntityTag<'_>) -> Option<Suffix> {
    let suffix = coded.tag.suffix_over(unmarked)?;
    Some(Suffix { coding: coded.coding?.to_ascii_lowercase().into(), suffix: Bytes::copy_from_slice(suffix) })
}
