//! Range (RFC 9110 §14): the part of a representation that a request asks for. One range of bytes is understood; what else a Range can say
//! (several ranges, other units) is for the origin.

use crate::fields::Fields;

/// > int-range = first-pos "-" [ last-pos ]; suffix-range = "-" suffix-length (RFC 9110 §14.1.1)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// From a first to a last byte, both included.
    Between(u64, u64),
    /// From a first byte to the end.
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

/// The bytes that a satisfiable range comes to, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first byte.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl ByteRange {
    /// The one range of bytes that a request asks for; `None` where it asks for none, for several, or for something else.
    #[must_use]
    pub fn of(request: &Fields) -> Option<Self> {
        let mut lines = request.get_all(b"range");
        let line = lines.next().filter(|_| lines.next().is_none())?;
        let divider = line.iter().position(|byte| *byte == b'=')?;
        let (unit, set) = line.split_at_checked(divider)?;
        // > range unit names are case-insensitive (RFC 9110 §14.1).
        if !unit.trim_ascii().eq_ignore_ascii_case(b"bytes") {
            return None;
        }
        let mut specifiers =
            set.get(1..)?.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|one| !one.is_empty());
        let range = Self::parse(specifiers.next()?)?;
        specifiers.next().is_none().then_some(range)
    }

    /// > An int-range is invalid if the last-pos value is present and less than first-pos (RFC 9110 §14.1.1).
    fn parse(specifier: &[u8]) -> Option<Self> {
        let mut ends = specifier.splitn(2, |byte| *byte == b'-');
        match (ends.next()?, ends.next()?) {
            (b"", suffix) => Some(Self::Last(position(suffix)?)),
            (first, b"") => Some(Self::From(position(first)?)),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    /// The part of a representation of `length` bytes; `None` where the range cannot be satisfied.
    ///
    /// > An int-range is satisfiable if it is an int-range and first-pos is less than the current length of the selected representation,
    /// > or a suffix-range with a non-zero suffix-length. […] If the selected representation is shorter than the specified
    /// > suffix-length, the entire representation is used (RFC 9110 §14.1.2).
    #[must_use]
    pub fn within(self, length: u64) -> Option<Part> {
        let end = length.checked_sub(1)?;
        let part = match self {
            Self::Between(first, last) => Part { first, last: last.min(end) },
            Self::From(first) => Part { first, last: end },
            Self::Last(0) => return None,
            Self::Last(suffix) => Part { first: length.saturating_sub(suffix), last: end },
        };
        (part.first < length).then_some(part)
    }
}

impl Part {
    /// How many bytes it has.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// Its bytes, out of all.
    #[must_use]
    pub fn of(self, whole: &[u8]) -> &[u8] {
        let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
        whole.get(at(self.first)..=at(self.last)).unwrap_or_default()
    }

    /// > unsatisfied-range = "*/" complete-length (RFC 9110 §14.4)
    #[must_use]
    pub fn unsatisfied(complete: u64) -> String {
        format!("bytes */{complete}")
    }

    /// > Content-Range = range-unit SP ( range-resp / unsatisfied-range ) (RFC 9110 §14.4)
    #[must_use]
    pub fn content_range(self, complete: u64) -> String {
        format!("bytes {}-{}/{complete}", self.first, self.last)
    }
}

/// > first-pos = 1*DIGIT. […] a recipient […] MUST anticipate potentially large decimal numerals and prevent parsing errors due to integer
/// > conversion overflows (RFC 9110 §14.1.1).
fn position(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().map_or(Some(u64::MAX), Some)).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ByteRange, Fields, Part};

    fn range(line: &str) -> Option<ByteRange> {
        ByteRange::of(&[("Range", line)].into_iter().collect())
    }

    fn part(line: &str, length: u64) -> Option<(u64, u64)> {
        range(line).unwrap().within(length).map(|Part { first, last }| (first, last))
    }

    #[test]
    fn a_single_range_is_the_part_that_rfc_9110_14_1_2_says() {
        assert_eq!(part("bytes=0-499", 10_000), Some((0, 499)));
        assert_eq!(part("bytes=500-", 10_000), Some((500, 9999)));
        assert_eq!(part("bytes=-500", 10_000), Some((9500, 9999)));
        assert_eq!(part("Bytes= 9999-99999999999999999999999 ,", 10_000), Some((9999, 9999)));
        assert_eq!(part("bytes=-99999999999999999999999", 10_000), Some((0, 9999)));
    }

    #[test]
    fn what_lies_outside_cannot_be_satisfied() {
        assert_eq!(part("bytes=10000-", 10_000), None);
        assert_eq!(part("bytes=99999999999999999999999-", 10_000), None);
        assert_eq!(part("bytes=-0", 10_000), None);
        assert_eq!(part("bytes=0-", 0), None);
        assert_eq!(part("bytes=-1", 0), None);
    }

    #[test]
    fn several_ranges_other_units_and_what_is_malformed_are_not_understood() {
        for line in [
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=2-1",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0--1",
            "0-1",
        ] {
            assert_eq!(range(line), None, "{line}");
        }
        assert_eq!(ByteRange::of(&[("range", "bytes=0-1"), ("range", "bytes=0-1")].into_iter().collect()), None);
        assert_eq!(ByteRange::of(&Fields::new()), None);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_its_representation(first in any::<u64>(), last in any::<u64>(), length in 0_u64..1000) {
            for range in [ByteRange::Between(first.min(last), last.max(first)), ByteRange::From(first % 1500), ByteRange::Last(last % 1500)] {
                if let Some(part) = range.within(length) {
                    prop_assert!(part.first <= part.last && part.last < length && (1..=length).contains(&part.length()));
                }
            }
        }

        #[test]
        fn any_bytes_are_a_range_or_none(line in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = ByteRange::of(&[(&b"range"[..], &line[..])].into_iter().collect());
        }
    }
}
