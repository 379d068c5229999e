//! Lists of entity tags, as If-Match and If-None-Match carry them (RFC 9110 §13.1.1, §13.1.2): out of several field lines, with commas inside
//! of quotes, and with whatever real clients send for a list. A list is only read here; what is not a tag matches none.

use crate::fields::Fields;
use crate::rfc::etag::EntityTag;

/// > If-Match = "*" / #entity-tag (RFC 9110 §13.1.1)
///
/// All lines of one such field.
#[derive(Debug, Clone)]
pub struct EntityTagList<'a> {
    lines: Vec<&'a [u8]>,
}

impl<'a> EntityTagList<'a> {
    /// The lines of the field `name`; `None` where there are none. A field without a value is a list without members.
    #[must_use]
    pub fn of(fields: &'a Fields, name: &[u8]) -> Option<Self> {
        let lines: Vec<&[u8]> = fields.get_all(name).collect();
        (!lines.is_empty()).then_some(Self { lines })
    }

    /// Is it `*`, and nothing else?
    #[must_use]
    pub fn is_star(&self) -> bool {
        *self.lines == [b"*"]
    }

    /// Is one of its members `*`? Among tags that is malformed.
    #[must_use]
    pub fn has_star(&self) -> bool {
        self.members().any(|member| member == b"*")
    }

    /// The tags, in order.
    pub fn tags(&self) -> impl Iterator<Item = EntityTag<'a>> {
        self.members().filter_map(EntityTag::new)
    }

    /// Does one of them compare with `tag` as `equals` says?
    ///
    /// A line is compared as a whole as well: a tag that came without quotes can hold a comma, and is sent back as it came.
    #[must_use]
    pub fn names(&self, tag: EntityTag<'_>, equals: fn(EntityTag<'a>, EntityTag<'_>) -> bool) -> bool {
        let whole = self.lines.iter().filter_map(|line| EntityTag::new(line));
        self.tags().chain(whole).any(|listed| equals(listed, tag))
    }

    fn members(&self) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().flat_map(|line| Members { rest: line })
    }
}

/// The members of one field line.
#[derive(Debug, Clone)]
struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    /// > A recipient MUST parse and ignore a reasonable number of empty list elements (RFC 9110 §5.6.1.2).
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (member, rest) = self.rest.split_at_checked(length_of_first(self.rest))?;
            self.rest = rest.strip_prefix(b",").unwrap_or(rest);
            let member = member.trim_ascii();
            if !member.is_empty() {
                return Some(member);
            }
            if rest.is_empty() {
                return None;
            }
        }
    }
}

/// Bytes up to the first comma that stands outside of quotes. A quote that nothing closes hides no comma; there is no escape in a tag
/// (RFC 9110 §8.8.3).
fn length_of_first(line: &[u8]) -> usize {
    let mut is_quoted = false;
    let divides = |byte: &u8| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    };
    let outside = line.iter().position(divides);
    let first = || line.iter().position(|byte| *byte == b',').filter(|_| is_quoted);
    outside.or_else(first).unwrap_or(line.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EntityTag, EntityTagList, Fields};

    fn section(lines: &[&[u8]]) -> Fields {
        lines.iter().map(|line| ("If-None-Match", line)).collect()
    }

    fn members(lines: &[&[u8]]) -> Vec<Vec<u8>> {
        let fields = section(lines);
        let list = EntityTagList::of(&fields, b"if-none-match").unwrap();
        list.tags().map(|tag| tag.as_bytes().to_vec()).collect()
    }

    #[test]
    fn lines_add_up_and_empty_elements_are_nothing() {
        assert_eq!(members(&[b"\"a\" ,W/\"b\",", b", ,\t\"c\""]), [&b"\"a\""[..], b"W/\"b\"", b"\"c\""]);
        assert!(members(&[b""]).is_empty());
        assert!(EntityTagList::of(&Fields::new(), b"if-none-match").is_none());
    }

    #[test]
    fn a_tag_holds_commas_spaces_and_obs_text() {
        assert_eq!(members(&[b"\"a, b\", \"\xfc \\\", \"\""]), [&b"\"a, b\""[..], b"\"\xfc \\\"", b"\"\""]);
    }

    #[test]
    fn a_quote_that_nothing_closes_hides_no_member() {
        assert_eq!(members(&[b"\"a, \"b\", x"]), [&b"\"a"[..], b"\"b\"", b"x"]);
        assert_eq!(members(&[b"x, \"a, b"]), [&b"x"[..], b"\"a", b"b"]);
    }

    #[test]
    fn a_star_is_one_only_alone() {
        let (alone, among) = (section(&[b" * "]), section(&[b"\"a\"", b"*"]));
        let list = |fields| EntityTagList::of(fields, b"if-none-match").unwrap();
        assert!(list(&alone).is_star() && list(&alone).has_star());
        assert!(!list(&among).is_star() && list(&among).has_star());
    }

    #[test]
    fn an_unquoted_tag_with_a_comma_is_found_as_it_was_given() {
        let fields = section(&[b"a,b"]);
        let list = EntityTagList::of(&fields, b"if-none-match").unwrap();
        assert!(list.names(EntityTag::new(b"a,b").unwrap(), EntityTag::strongly_equals));
        assert!(list.names(EntityTag::new(b"b").unwrap(), EntityTag::strongly_equals));
        assert!(!list.names(EntityTag::new(b"\"b\"").unwrap(), EntityTag::weakly_equals));
    }

    proptest! {
        #[test]
        fn whatever_tags_are_listed_are_read_again(
            opaques in prop::collection::vec("[\\x20-\\x21\\x23-\\x7e]{0,6}", 0..6),
            weak in prop::collection::vec(any::<bool>(), 6),
            cut in 0_usize..6,
        ) {
            let tags: Vec<String> =
                opaques.iter().zip(&weak).map(|(one, weak)| format!("{}\"{one}\"", if *weak { "W/" } else { "" })).collect();
            let (first, second) = tags.split_at(cut.min(tags.len()));
            let lines = [first.join(", "), second.join(" ,")];
            let read = members(&[lines[0].as_bytes(), lines[1].as_bytes()]);
            prop_assert_eq!(read, tags.iter().map(|tag| tag.clone().into_bytes()).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_to_their_end(line in prop::collection::vec(any::<u8>(), 0..64)) {
            let read = members(&[&line]);
            prop_assert!(read.iter().map(Vec::len).sum::<usize>() <= line.len());
        }
    }
}
