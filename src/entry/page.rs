//! What a page is to others than the one who received it: its content and what is said of that, and the validators that stand for it.

use crate::digest::Digest;
use crate::entry::StoredResponse;
use crate::entry::corroboration::Field;

/// Bytes of the longest validator that is shared.
const LONGEST_VALIDATOR: usize = 512;

/// What is said of a page: as much a part of it as its content, for a link can be made for one client as well as a tag.
const SAID_OF_IT: [&[u8]; 5] =
    [b"content-type", b"content-language", b"content-location", b"content-disposition", b"link"];

/// What else is kept of a page that is shared: how its body is to be read, for how long it is fresh, and what selects it. Of any other field
/// only one client's word is there. Validators stand among the candidates, with their witnesses.
const KEPT_OF_IT: [&[u8]; 7] =
    [b"content-encoding", b"content-length", b"date", b"age", b"expires", b"cache-control", b"vary"];

/// What a validator has to come with to be the same pair: the decoded content, and what is said of it.
#[must_use]
pub fn page(response: &StoredResponse) -> Digest {
    let said = SAID_OF_IT.iter().flat_map(|name| response.fields.get_all(name).map(|value| (*name, value)));
    let lines = said.flat_map(|(name, value)| [name, b":", value, b"\n"]);
    let parts: Vec<&[u8]> = std::iter::once(&response.content.0[..]).chain(lines).collect();
    Digest::of(&parts.concat())
}

/// The validators of a response that others could send.
pub(super) fn validators(response: &StoredResponse) -> impl Iterator<Item = (Field, &[u8])> {
    let tag = response.entity_tag().map(|tag| (Field::Tag, tag.as_bytes()));
    // The date of an answer is no date of its content: it is another one each time.
    let date = response.last_modified().filter(|date| response.fields.get(b"date") != Some(date));
    let both = tag.into_iter().chain(date.map(|date| (Field::Date, date)));
    both.filter(|(_, validator)| validator.len() <= LONGEST_VALIDATOR)
}

/// Is this field of a page shown to others?
pub(super) fn is_shown(name: &[u8]) -> bool {
    SAID_OF_IT.iter().chain(&KEPT_OF_IT).any(|one| one.eq_ignore_ascii_case(name))
}
