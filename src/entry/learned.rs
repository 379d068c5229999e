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

    const fn bit(self) -> u8 {
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
    /// How many times in a row both tag and content were new.
    pub changes: u32,
}

/// Everything that was learned about one origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lessons {
    /// By path and kind of tag.
    pub lessons: Vec<Lesson>,
    /// What codings add to tags: seen by comparing the tags of one content.
    pub suffixes: Vec<Suffix>,
}

/// Which rungs do not hold, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// The first segment of the path: servers stand behind one another by it.
    pub prefix: Bytes,
    /// Of tags that a coding has marked, or of others?
    pub is_coded: bool,
    /// Rungs that do not hold.
    pub barred: Rungs,
    /// Hashes of the URLs that showed it, at most [`AGREEMENT`].
    pub witnesses: Vec<u64>,
    /// When the last of them did; seconds since the epoch.
    pub at: u64,
}

/// What a coding adds to a tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Suffix {
    /// Content-Encoding, in lower case.
    pub coding: Bytes,
    /// What stands before the closing quote.
    pub suffix: Bytes,
}
