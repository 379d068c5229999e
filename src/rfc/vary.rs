//! Vary (RFC 9110 §12.5.5, RFC 9111 §4.1): which request fields selected a response, and with what values.
//!
//! The values can be secrets (`Vary: Cookie`), so only their keyed hash is kept.

use std::borrow::Cow;

use crate::fields::Fields;

/// The request fields that selected a variant, as one keyed hash of their names and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Selecting(pub [u8; 16]);

/// > A stored response with a Vary header field value containing a member "*" always fails to match (RFC 9111 §4.1).
#[must_use]
pub fn is_star(response: &Fields) -> bool {
    members(response).any(|name| name == b"*")
}

/// The hash of what in `request` the Vary of `response` names. Without a Vary it is the same for every request.
#[must_use]
pub fn selecting(response: &Fields, request: &Fields, secret: &[u8; 32]) -> Selecting {
    let mut names: Vec<Vec<u8>> = members(response).map(<[u8]>::to_ascii_lowercase).collect();
    if names.is_empty() {
        return Selecting::default();
    }
    names.sort_unstable();
    names.dedup();
    let mut hasher = blake3::Hasher::new_keyed(secret);
    for name in names {
        absorb(&mut hasher, &name);
        for value in normalised(request, &name) {
            absorb(&mut hasher, &value);
        }
        hasher.update(b"\n");
    }
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    Selecting(hash)
}

/// Fields whose values have no case: language ranges (RFC 4647 §2), codings and charsets (RFC 9110 §8.4.1, §8.3.2).
const WITHOUT_CASE: [&[u8]; 3] = [b"accept-language", b"accept-encoding", b"accept-charset"];

/// > The header fields from two requests are defined to match if and only if those in the first request can be transformed to those in
/// > the second request by […] adding or removing whitespace, where allowed in the header field's syntax; combining multiple header field
/// > lines with the same field name […]; normalizing both header field values in a way that is known to have identical semantics […]
/// > (e.g., reordering field values when order is not significant; case-normalization, where values are defined to be case-insensitive)
/// > (RFC 9111 §4.1).
///
/// The order of languages is significant to many servers, whatever its rank says (RFC 9110 §12.5.4): it stays.
fn normalised<'a>(request: &'a Fields, name: &'a [u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let has_case = !WITHOUT_CASE.contains(&name);
    let values = request.get_all(name).flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    values.map(move |value| if has_case { value.into() } else { value.to_ascii_lowercase().into() })
}

fn members(response: &Fields) -> impl Iterator<Item = &[u8]> {
    response
        .get_all(b"vary")
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
}

fn absorb(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
}

#[cfg(test)]
mod tests {
    use super::{Fields, is_star, selecting};

    fn of(vary: &[&str], request: &[(&str, &str)]) -> super::Selecting {
        let response: Fields = vary.iter().map(|line| ("vary", line)).collect();
        selecting(&response, &request.iter().copied().collect(), &[7; 32])
    }

    #[test]
    fn only_the_named_fields_select() {
        let one = of(&["Accept-Language"], &[("accept-language", "en"), ("cookie", "a")]);
        assert_eq!(one, of(&["accept-language"], &[("Accept-Language", "en"), ("cookie", "b")]));
        assert_ne!(one, of(&["accept-language"], &[("accept-language", "fr")]));
        assert_ne!(one, of(&["accept-language"], &[]));
    }

    #[test]
    fn white_space_and_line_breaks_do_not_select() {
        let one = of(&["A, B"], &[("a", "x,y"), ("b", "z")]);
        assert_eq!(one, of(&["b", "a"], &[("b", "z"), ("a", "x"), ("A", " y")]));
    }

    #[test]
    fn case_selects_only_where_values_have_one() {
        let language = |value| of(&["Accept-Language"], &[("accept-language", value)]);
        assert_eq!(language("en-US, de"), language("EN-us,De"));
        assert_ne!(language("en, de"), language("de, en"));
        assert_ne!(of(&["X"], &[("x", "a")]), of(&["X"], &[("x", "A")]));
    }

    #[test]
    fn values_do_not_run_into_each_other() {
        assert_ne!(of(&["a, b"], &[("a", "xy")]), of(&["a, b"], &[("a", "x"), ("b", "y")]));
    }

    #[test]
    fn a_star_is_found_among_others() {
        assert!(is_star(&[("vary", "accept, *")].into_iter().collect()));
        assert!(!is_star(&Fields::new()));
    }
}
