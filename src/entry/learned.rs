//! What asking taught: which ways of asking "only if it changed" an origin does not honour.
//!
//! An answer teaches about the URL it answered ([`Learned`], with the stored response), and several that agree about their origin
//! ([`Lessons`], in a record of the origin's own).

use bytes::Bytes;

/// Most lessons kept for one origin; the oldest gives way.
pub const MOST_LESSONS: usize = 32;

/// URLs of one origin that must agree before others are asked as they are.
pub const AGREEMENT: usize = 3;

/// Seconds after which what was learned is tried again.
pub const DECAY: u64 = 24 * 3600;

/// A way of asking "only if it changed".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rung {
    /// If-None-Match with several tags.
    List,
    /// If-None-Match with the tag as it came.
    Tag,
    /// If-None-Match with the tag without the suffix that its coding gave it.
    CutTag,
    /// If-Modified-Since alone.
    Date,
    /// Both, each as it came.
    Both,
}

impl Rung {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::List, Self::Tag, Self::CutTag, Self::Date, Self::Both];

    /// The rung that a bit stands for.
    #[must_use]
    pub fn from_bit(bit: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|rung| rung.bit() == bit)
    }

    /// Its bit.
    #[must_use]
    pub const fn bit(self) -> u8 {
        match self {
            Self::List => 1,
            Self::Tag => 2,
            Self::CutTag => 4,
            Self::Date => 8,
            Self::Both => 16,
        }
    }
}

/// Some of the rungs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rungs(u8);

impl Rungs {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Those that `bits` names; `None` where it names others.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits < 32 { Some(Self(bits)) } else { None }
    }

    /// A bit for each.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// These and that one.
    #[must_use]
    pub const fn with(self, rung: Rung) -> Self {
        Self(self.0 | rung.bit())
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Is it one of them?
    #[must_use]
    pub const fn contains(self, rung: Rung) -> bool {
        self.0 & rung.bit() != 0
    }

    /// Are there none?
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What was learned about one stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Learned {
    /// Rungs that were seen not to hold.
    pub barred: Rungs,
    /// When the last of them was; seconds since the epoch.
    pub barred_at: u64,
    /// 304s since the content last came whole. Counted only where somebody asks for it: see [`crate::exchange::Policy`].
    pub polls: u32,
    /// How many times in a row the validator was new.
    pub changes: u32,
    /// Did one content come with one of several tags, each of which came back? Then they are offered together.
    pub do_tags_alternate: bool,
    /// Did the same content come again under its date? Then that is asked about however young it is, where there is nothing else.
    pub is_date_confirmed: bool,
    /// Did a strong tag stay while the content changed? Then it is not taken for the content any more.
    pub did_tag_lie: bool,
}

/// Everything that was learned about one origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lessons {
    /// By path and kind of tag.
    pub lessons: Vec<Lesson>,
    /// What codings add to tags: seen by comparing the tags of one content.
    pub suffixes: Vec<Suffix>,
}

/// A rung that does not hold, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// Where.
    pub place: Place,
    /// The rung.
    pub rung: Rung,
    /// Hashes of the URLs that showed it, at most [`AGREEMENT`]. Empty: it was seen to hold there.
    pub witnesses: Vec<u64>,
    /// When the last of them did; seconds since the epoch.
    pub at: u64,
}

/// What lessons are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The first segment of the path: servers stand behind one another by it.
    pub prefix: Bytes,
    /// Of tags that a coding has marked, or of others?
    pub is_coded: bool,
}

/// What a coding adds to a tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Suffix {
    /// Content-Encoding, in lower case.
    pub coding: Bytes,
    /// What stands before the closing quote.
    pub suffix: Bytes,
}

/// Most suffixes kept for one origin.
pub const MOST_SUFFIXES: usize = 8;

/// Something that one answer teaches about its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Teaching {
    /// A URL, by its hash, showed that a rung does not hold.
    Fails(Place, Rung, u64),
    /// A rung holds.
    Holds(Place, Rung),
    /// A coding marks tags so.
    Marks(Suffix),
}

impl Lessons {
    /// Has nothing been learned?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lessons.is_empty() && self.suffixes.is_empty()
    }

    /// What was learned in the last `seconds`. Of suffixes that is not known.
    #[must_use]
    pub fn learned_within(mut self, seconds: u64, now: u64) -> Self {
        self.lessons.retain(|one| now.saturating_sub(one.at) < seconds);
        self.suffixes.clear();
        self
    }

    /// What `coding` adds to tags here, as far as that was seen.
    pub fn suffixes_of<'a>(&'a self, coding: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + 'a {
        let is_of = move |one: &&Suffix| one.coding.eq_ignore_ascii_case(coding);
        self.suffixes.iter().filter(is_of).map(|one| &*one.suffix)
    }

    /// The rungs that do not hold at `place`, at `now`: those that enough URLs of that place agree on, or of several places where none says
    /// otherwise.
    #[must_use]
    pub fn barred(&self, place: &Place, now: u64) -> Rungs {
        let is_barred = |rung: &Rung| {
            let valid = |one: &&Lesson| {
                one.rung == *rung && one.place.is_coded == place.is_coded && now.saturating_sub(one.at) < DECAY
            };
            let known = || self.lessons.iter().filter(valid);
            match known().find(|one| one.place.prefix == place.prefix) {
                Some(here) if here.witnesses.is_empty() => false,
                Some(here) if here.witnesses.len() >= AGREEMENT => true,
                _ => {
                    let places = known().filter(|one| !one.witnesses.is_empty()).count();
                    let witnesses: usize = known().map(|one| one.witnesses.len()).sum();
                    places > 1 && witnesses >= AGREEMENT
                }
            }
        };
        Rung::ALL.into_iter().filter(is_barred).fold(Rungs::NONE, Rungs::with)
    }

    /// These, and what `others` say at `now` where these say nothing against it.
    #[must_use]
    pub fn and(mut self, others: Self, now: u64) -> Self {
        for other in others.lessons {
            let same = |one: &&mut Lesson| one.rung == other.rung && one.place == other.place;
            match self.lessons.iter_mut().find(same) {
                None => self.lessons.push(other),
                Some(own) if now.saturating_sub(own.at) >= DECAY => *own = other,
                // Whatever the others say: it was seen to hold.
                Some(own) if own.witnesses.is_empty() => {}
                Some(own) => {
                    let further = other.witnesses.into_iter().filter(|url| !own.witnesses.contains(url));
                    own.witnesses = own.witnesses.iter().copied().chain(further).take(AGREEMENT).collect();
                    own.at = own.at.max(other.at);
                }
            }
        }
        for suffix in others.suffixes {
            if !self.suffixes.contains(&suffix) {
                self.suffixes.push(suffix);
            }
        }
        self
    }

    /// Does a rung hold at `place`, as far as was noted?
    #[must_use]
    pub fn is_known_to_hold(&self, place: &Place, rung: Rung) -> bool {
        self.lessons.iter().any(|one| one.rung == rung && one.place == *place && one.witnesses.is_empty())
    }

    /// Takes a teaching in. `false`: nothing new.
    pub fn take(&mut self, teaching: &Teaching, at: u64) -> bool {
        match teaching {
            Teaching::Marks(suffix) => {
                if self.suffixes.contains(suffix) {
                    return false;
                }
                if self.suffixes.len() >= MOST_SUFFIXES {
                    self.suffixes.remove(0);
                }
                self.suffixes.push(suffix.clone());
                true
            }
            Teaching::Fails(place, rung, witness) => self.note(place, *rung, Some(*witness), at),
            Teaching::Holds(place, rung) => self.note(place, *rung, None, at),
        }
    }

    /// What was said longer ago than [`DECAY`] is said anew, by whoever says it now.
    fn note(&mut self, place: &Place, rung: Rung, witness: Option<u64>, at: u64) -> bool {
        let same = |one: &Lesson| one.rung == rung && one.place == *place;
        let position = self.lessons.iter().position(same);
        let before = position.map(|position| self.lessons.remove(position));
        let mut lesson =
            before.clone().unwrap_or_else(|| Lesson { place: place.clone(), rung, witnesses: Vec::new(), at });
        if at.saturating_sub(lesson.at) >= DECAY {
            lesson.witnesses.clear();
        }
        lesson.at = at;
        match witness {
            None => lesson.witnesses.clear(),
            Some(witness) if !lesson.witnesses.contains(&witness) => {
                lesson.witnesses.push(witness);
                lesson.witnesses.truncate(AGREEMENT);
            }
            Some(_) => {}
        }
        if self.lessons.len() >= MOST_LESSONS {
            self.lessons.remove(0);
        }
        let is_new = before.as_ref() != Some(&lesson);
        self.lessons.push(lesson);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::{AGREEMENT, DECAY, Lessons, MOST_LESSONS, Place, Rung, Rungs, Teaching};

    fn place(prefix: &str) -> Place {
        Place { prefix: prefix.to_owned().into(), is_coded: false }
    }

    fn taught(witnesses: &[(&str, u64)]) -> Lessons {
        let mut lessons = Lessons::default();
        for (prefix, witness) in witnesses {
            lessons.take(&Teaching::Fails(place(prefix), Rung::Tag, *witness), 1_000);
        }
        lessons
    }

    #[test]
    fn three_urls_of_one_place_bar_a_rung_there_and_nowhere_else() {
        let lessons = taught(&[("a", 1), ("a", 2), ("a", 3)]);
        assert_eq!(lessons.barred(&place("a"), 1_000), Rungs::NONE.with(Rung::Tag));
        assert!(lessons.barred(&place("b"), 1_000).is_empty());
        assert!(lessons.barred(&Place { is_coded: true, ..place("a") }, 1_000).is_empty());
        assert!(taught(&[("a", 1), ("a", 2), ("a", 1)]).barred(&place("a"), 1_000).is_empty());
    }

    #[test]
    fn several_places_that_agree_speak_for_the_origin_but_not_for_one_that_says_otherwise() {
        let mut lessons = taught(&[("a", 1), ("b", 2), ("c", 3)]);
        assert!(lessons.barred(&place("d"), 1_000).contains(Rung::Tag));
        assert!(lessons.take(&Teaching::Holds(place("d"), Rung::Tag), 1_000));
        assert!(lessons.barred(&place("d"), 1_000).is_empty());
        assert!(lessons.barred(&place("e"), 1_000).contains(Rung::Tag));
    }

    #[test]
    fn what_others_say_adds_to_what_was_learned_and_does_not_overrule_it() {
        let mut own = taught(&[("a", 1), ("a", 2), ("b", 1)]);
        own.take(&Teaching::Holds(place("c"), Rung::Tag), 1_000);
        let both = own.clone().and(taught(&[("a", 3), ("c", 1), ("c", 2), ("c", 3)]), 1_000);
        let barred = |prefix: &str| both.barred(&place(prefix), 1_000).contains(Rung::Tag);
        assert!(barred("a") && !barred("c"));
        // What was learned long ago is no word against it.
        let later = 1_000 + DECAY;
        let mut others = Lessons::default();
        for url in 1..=3 {
            others.take(&Teaching::Fails(place("c"), Rung::Tag, url), later);
        }
        assert!(own.and(others, later).barred(&place("c"), later).contains(Rung::Tag));
    }

    #[test]
    fn a_lesson_decays() {
        let mut lessons = taught(&[("a", 1), ("a", 2), ("a", 3)]);
        assert!(lessons.barred(&place("a"), 1_000 + DECAY).is_empty());
        lessons.take(&Teaching::Fails(place("a"), Rung::Tag, 4), 1_000 + DECAY);
        assert!(lessons.barred(&place("a"), 1_000 + DECAY).is_empty());
    }

    #[test]
    fn lessons_are_bounded() {
        let mut lessons = Lessons::default();
        for number in 0..1_000_u64 {
            lessons.take(&Teaching::Fails(place(&(number % 100).to_string()), Rung::Date, number), number);
        }
        assert_eq!(lessons.lessons.len(), MOST_LESSONS);
        assert!(lessons.lessons.iter().all(|one| one.witnesses.len() <= AGREEMENT));
    }
}
