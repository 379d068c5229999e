//! Entity tags (RFC 9110 §8.8.3): borrowed bytes, compared and never rebuilt.

use crate::rfc::is_sendable;

/// An entity tag as it was received, `W/` and quotes included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTag<'a>(&'a [u8]);

impl<'a> EntityTag<'a> {
    /// The tag that a field value holds; `None` when it is empty, the `*` that If-None-Match gives a meaning of its own, or could not be
    /// sent back. Unquoted tags are real, and kept as they are.
    #[must_use]
    pub fn new(value: &'a [u8]) -> Option<Self> {
        let value = value.trim_ascii();
        (!value.is_empty() && value != b"*" && is_sendable(value)).then_some(Self(value))
    }

    /// The bytes to send back.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// > An entity tag can be either a weak or strong validator, with strong being the default. […] the origin server MUST mark the entity
    /// > tag as weak by prefixing its opaque value with "W/" (case-sensitive) (RFC 9110 §8.8.3).
    #[must_use]
    pub fn is_weak(self) -> bool {
        self.0.starts_with(b"W/")
    }

    /// The tag without its weakness prefix, quotes included.
    #[must_use]
    pub fn opaque(self) -> &'a [u8] {
        self.0.strip_prefix(b"W/").unwrap_or(self.0)
    }

    /// > Strong comparison: two entity tags are equivalent if both are not weak and their opaque-tags match character-by-character
    /// > (RFC 9110 §8.8.3.2).
    #[must_use]
    pub fn strongly_equals(self, other: EntityTag<'_>) -> bool {
        !self.is_weak() && !other.is_weak() && self.0 == other.0
    }

    /// > Weak comparison: two entity tags are equivalent if their opaque-tags match character-by-character, regardless of either or both
    /// > being tagged as "weak" (RFC 9110 §8.8.3.2).
    #[must_use]
    pub fn weakly_equals(self, other: EntityTag<'_>) -> bool {
        self.opaque() == other.opaque()
    }

    /// Is this tag `other` with the name of `coding` added to it (`"x-gzip"` for `"x"`)? Servers that code on the fly mark their tags so and
    /// answer a 304 with the tag unmarked. Which coding, only the stored Content-Encoding says.
    #[must_use]
    pub fn is_coded_form_of(self, other: EntityTag<'_>, coding: &[u8]) -> bool {
        let (mine, theirs) = (unquoted(self.opaque()), unquoted(other.opaque()));
        let Some(suffix) = mine.strip_prefix(theirs) else { return false };
        let Some((separator, name)) = suffix.split_first() else { return false };
        !separator.is_ascii_alphanumeric() && !coding.is_empty() && name.eq_ignore_ascii_case(coding)
    }
}

fn unquoted(opaque: &[u8]) -> &[u8] {
    opaque.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(opaque)
}

#[cfg(test)]
mod tests {
    use super::EntityTag;

    fn tag(value: &str) -> EntityTag<'_> {
        EntityTag::new(value.as_bytes()).unwrap()
    }

    #[test]
    fn comparison_follows_the_table_of_rfc_9110_8_8_3_2() {
        let rows = [
            (r#"W/"1""#, r#"W/"1""#, false, true),
            (r#"W/"1""#, r#"W/"2""#, false, false),
            (r#"W/"1""#, r#""1""#, false, true),
            (r#""1""#, r#""1""#, true, true),
        ];
        for (one, other, strong, weak) in rows {
            assert_eq!(tag(one).strongly_equals(tag(other)), strong, "{one} {other}");
            assert_eq!(tag(one).weakly_equals(tag(other)), weak, "{one} {other}");
        }
    }

    #[test]
    fn the_weak_prefix_is_case_sensitive() {
        assert!(!tag(r#"w/"1""#).is_weak());
    }

    #[test]
    fn a_coding_suffix_counts_only_when_it_names_the_coding() {
        assert!(tag(r#""x-gzip""#).is_coded_form_of(tag(r#""x""#), b"gzip"));
        assert!(tag(r#"W/"x;br""#).is_coded_form_of(tag(r#""x""#), b"br"));
        assert!(!tag(r#""x-gzip""#).is_coded_form_of(tag(r#""x""#), b"br"));
        assert!(!tag(r#""xgzip""#).is_coded_form_of(tag(r#""x""#), b"gzip"));
        assert!(!tag(r#""x""#).is_coded_form_of(tag(r#""x""#), b""));
    }

    #[test]
    fn what_would_break_a_request_is_no_tag() {
        for value in [&b"\"a\"\r\nX-Injected: 1"[..], b"\"a\r\n b\"", b"\"\0\"", b"\"\x7f\""] {
            assert!(EntityTag::new(value).is_none(), "{value:?}");
        }
        assert!(EntityTag::new(b"W/\"\xe9\t \"").is_some());
    }

    #[test]
    fn an_empty_value_is_no_tag() {
        assert!(EntityTag::new(b"  ").is_none());
        assert!(EntityTag::new(b"*").is_none());
    }
}
