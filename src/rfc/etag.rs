//! Entity tags (RFC 9110 §8.8.3): borrowed bytes, compared and never rebuilt.

use crate::rfc::is_sendable;

/// > entity-tag = [ weak ] opaque-tag; opaque-tag = DQUOTE *etagc DQUOTE; etagc = %x21 / %x23-7E / obs-text ; VCHAR except double quotes,
/// > plus obs-text (RFC 9110 §8.8.3)
///
/// The tag that an origin makes of `value`; `None` where a byte of it cannot be part of one.
#[must_use]
pub fn made_of(value: &[u8], is_weak: bool) -> Option<Vec<u8>> {
    let is_etagc = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff);
    let weakness: &[u8] = if is_weak { b"W/" } else { b"" };
    value.iter().all(is_etagc).then(|| [weakness, b"\"", value, b"\""].concat())
}

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

    /// What is tagged with: between the quotes, where there are any.
    #[must_use]
    pub fn value(self) -> &'a [u8] {
        unquoted(self.opaque())
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

    /// The tag as it would be without the name of `coding` at its end (`"x-gzip"` cut to `"x"`). Servers that code on the fly mark their tags so,
    /// and know them again only unmarked.
    #[must_use]
    pub fn without_coding(self, coding: &[u8]) -> Option<Cut<'a>> {
        let opaque = unquoted(self.opaque());
        let at = opaque.len().checked_sub(coding.len() + 1).filter(|_| !coding.is_empty())?;
        let (base, suffix) = opaque.split_at_checked(at)?;
        let (separator, name) = suffix.split_first()?;
        // Some set it off twice: `"x--gzip"`.
        let base = base.strip_suffix(&[*separator]).unwrap_or(base);
        let is_mark = !separator.is_ascii_alphanumeric() && name.eq_ignore_ascii_case(coding);
        if is_mark { self.cut_to(base.len()) } else { None }
    }

    /// The tag as it would be without `suffix` before its closing quote.
    #[must_use]
    pub fn without_suffix(self, suffix: &[u8]) -> Option<Cut<'a>> {
        let base = unquoted(self.opaque()).strip_suffix(suffix).filter(|_| !suffix.is_empty())?;
        self.cut_to(base.len())
    }

    /// What this tag has and `other` has not, before the closing quote: `-gzip` of `"x-gzip"`, beside `"x"`.
    #[must_use]
    pub fn suffix_over(self, other: EntityTag<'_>) -> Option<&'a [u8]> {
        let base = unquoted(other.opaque());
        let suffix = unquoted(self.opaque()).strip_prefix(base)?;
        (!suffix.is_empty() && !base.is_empty()).then_some(suffix)
    }

    fn cut_to(self, length: usize) -> Option<Cut<'a>> {
        let base = unquoted(self.opaque()).get(..length)?;
        (!base.is_empty()).then_some(Cut { tag: self, base })
    }
}

/// A tag that something was cut off at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut<'a> {
    tag: EntityTag<'a>,
    base: &'a [u8],
}

impl Cut<'_> {
    /// The bytes to send: weak and quoted as the whole tag was.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let weakness: &[u8] = if self.tag.is_weak() { b"W/" } else { b"" };
        let quote: &[u8] = if unquoted(self.tag.opaque()) == self.tag.opaque() { b"" } else { b"\"" };
        [weakness, quote, self.base, quote].concat()
    }

    /// By the weak comparison.
    #[must_use]
    pub fn weakly_equals(self, other: EntityTag<'_>) -> bool {
        self.base == unquoted(other.opaque())
    }
}

fn unquoted(opaque: &[u8]) -> &[u8] {
    opaque.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(opaque)
}

#[cfg(test)]
mod tests {
    use super::{EntityTag, made_of};

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
        let cut = |value: &'static str, coding: &str| {
            tag(value).without_coding(coding.as_bytes()).map(|cut| String::from_utf8(cut.to_bytes()).unwrap())
        };
        assert_eq!(cut(r#""x-gzip""#, "gzip").as_deref(), Some(r#""x""#));
        assert_eq!(cut(r#"W/"x;br""#, "BR").as_deref(), Some(r#"W/"x""#));
        assert_eq!(cut("x-gzip", "gzip").as_deref(), Some("x"));
        assert_eq!(cut(r#""x--gzip""#, "gzip").as_deref(), Some(r#""x""#));
        for (value, coding) in [(r#""x-gzip""#, "br"), (r#""xgzip""#, "gzip"), (r#""-gzip""#, "gzip"), (r#""x""#, "")] {
            assert_eq!(cut(value, coding), None, "{value} {coding}");
        }
        assert!(tag(r#""x-gzip""#).without_coding(b"gzip").unwrap().weakly_equals(tag(r#"W/"x""#)));
    }

    #[test]
    fn a_suffix_that_was_seen_is_cut_as_well() {
        assert_eq!(tag(r#""x!z""#).suffix_over(tag(r#"W/"x""#)), Some(&b"!z"[..]));
        assert_eq!(tag(r#""x!z""#).without_suffix(b"!z").unwrap().to_bytes(), br#""x""#);
        assert_eq!(tag(r#""x""#).suffix_over(tag(r#""x""#)), None);
        assert!(tag(r#""x""#).without_suffix(b"").is_none() && tag(r#""x""#).without_suffix(b"x").is_none());
    }

    #[test]
    fn what_would_break_a_request_is_no_tag() {
        for value in [&b"\"a\"\r\nX-Injected: 1"[..], b"\"a\r\n b\"", b"\"\0\"", b"\"\x7f\""] {
            assert!(EntityTag::new(value).is_none(), "{value:?}");
        }
        assert!(EntityTag::new(b"W/\"\xe9\t \"").is_some());
    }

    #[test]
    fn a_tag_is_made_of_what_can_be_part_of_one() {
        assert_eq!(made_of(b"a,b/\xe9", false).unwrap(), b"\"a,b/\xe9\"");
        assert_eq!(made_of(b"", true).unwrap(), b"W/\"\"");
        for value in [&b"a b"[..], b"\"", b"\t", b"\r\n", b"\0", b"\x7f"] {
            assert_eq!(made_of(value, false), None, "{value:?}");
        }
    }

    #[test]
    fn an_empty_value_is_no_tag() {
        assert!(EntityTag::new(b"  ").is_none());
        assert!(EntityTag::new(b"*").is_none());
    }
}
