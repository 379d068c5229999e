//! A field section (RFC 9110 §5): names and values, in order, each byte as it was received.
//!
//! One packed buffer, cheaply cloned and written to a record as it stands: `name length (u16), value length (u32), name, value`, again and
//! again. Names keep the case they came in and compare without it. Values are bytes: obs-text is not text in any charset we could know.

use std::fmt;

use bytes::{BufMut, Bytes};

const LENGTHS: usize = 6;

/// Bytes of a section of ordinary size.
const USUAL: usize = 384;

/// Fields whose values are nobody's business: never shown by `Debug`.
const SECRET: [&[u8]; 4] = [b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"];

/// A field section.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Fields {
    packed: Bytes,
}

impl Fields {
    /// A section without fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { packed: Bytes::new() }
    }

    /// A section from its packed bytes; `None` when they are not whole.
    #[must_use]
    pub fn from_packed(packed: Bytes) -> Option<Self> {
        let mut rest: &[u8] = &packed;
        while !rest.is_empty() {
            (_, _, rest) = split(rest)?;
        }
        Some(Self { packed })
    }

    /// The packed bytes, for a record.
    #[must_use]
    pub const fn packed(&self) -> &Bytes {
        &self.packed
    }

    /// Every field line, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.packed }
    }

    /// The value of the first line of that name, without surrounding white space.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_ascii())
    }

    /// The values of all lines of that name, without surrounding white space.
    pub fn get_all<'a, 'n>(&'a self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_ascii())
    }

    /// Is there a line of that name?
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// No fields at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// The lines that `keep` wants, in order.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) -> Self {
        if self.iter().all(|(name, value)| keep(name, value)) {
            return self.clone();
        }
        self.iter().filter(|(name, value)| keep(name, value)).collect()
    }

    /// This section with all lines of that name replaced by one: set, never appended.
    #[must_use]
    pub fn with(&self, name: &[u8], value: &[u8]) -> Self {
        let kept = self.filtered(|have, _| !have.eq_ignore_ascii_case(name));
        kept.iter().chain([(name, value)]).collect()
    }

    /// These lines, then `more`.
    #[must_use]
    pub fn extended(&self, more: &Self) -> Self {
        match (self.is_empty(), more.is_empty()) {
            (_, true) => self.clone(),
            (true, false) => more.clone(),
            (false, false) => Self { packed: [&*self.packed, &*more.packed].concat().into() },
        }
    }

    /// Bytes of this section in HTTP/1.1 notation: `name: value CRLF` each.
    #[must_use]
    pub fn wire_length(&self) -> u64 {
        self.iter().map(|(name, value)| (name.len() + value.len() + 4) as u64).sum()
    }
}

/// Reads one line off the front: name, value, rest.
fn split(packed: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = packed.split_first_chunk::<LENGTHS>()?;
    let [n0, n1, v0, v1, v2, v3] = *lengths;
    let name_length = usize::from(u16::from_le_bytes([n0, n1]));
    let value_length = usize::try_from(u32::from_le_bytes([v0, v1, v2, v3])).ok()?;
    let (name, rest) = rest.split_at_checked(name_length)?;
    let (value, rest) = rest.split_at_checked(value_length)?;
    Some((name, value, rest))
}

/// The lines of a [`Fields`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value, rest) = split(self.rest)?;
        self.rest = rest;
        Some((name, value))
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Fields {
    /// Packs the lines. A name over 64 KiB or a value over 4 GiB cannot be a field line and is left out.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        // Reserved with the first line: many sections that are asked for turn out to have none.
        let mut packed = Vec::new();
        for (name, value) in lines {
            let (name, value) = (name.as_ref(), value.as_ref());
            let (Ok(name_length), Ok(value_length)) = (u16::try_from(name.len()), u32::try_from(value.len())) else {
                continue;
            };
            packed.reserve(if packed.is_empty() { USUAL } else { LENGTHS + name.len() + value.len() });
            packed.put_u16_le(name_length);
            packed.put_u32_le(value_length);
            packed.put_slice(name);
            packed.put_slice(value);
        }
        Self { packed: packed.into() }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = formatter.debug_map();
        for (name, value) in self {
            let shown = if SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(name)) {
                "…".into()
            } else {
                String::from_utf8_lossy(value)
            };
            map.entry(&String::from_utf8_lossy(name), &shown);
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    fn section() -> Fields {
        [("ETag", &b"W/\"\xe9\""[..]), ("Set-Cookie", b"a=1"), ("set-cookie", b"b=2")].into_iter().collect()
    }

    #[test]
    fn lines_keep_their_bytes_their_case_and_their_order() {
        let lines: Vec<_> = section().iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        assert_eq!(lines[0], (b"ETag".to_vec(), b"W/\"\xe9\"".to_vec()));
        assert_eq!(section().get_all(b"SET-COOKIE").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
    }

    #[test]
    fn setting_a_field_replaces_every_line_of_it() {
        let set = section().with(b"Set-Cookie", b"c=3");
        assert_eq!(set.get_all(b"set-cookie").collect::<Vec<_>>(), [b"c=3"]);
    }

    #[test]
    fn cut_off_bytes_are_no_section() {
        let packed = section().packed().clone();
        for length in 1..packed.len() {
            let cut = Fields::from_packed(packed.slice(..length));
            assert!(cut.is_none_or(|fields| fields.iter().count() < 3));
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", section()).contains("a=1"));
    }
}
