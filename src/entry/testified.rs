//! What exits say that an origin taught them: which ways of asking it does not honour, and what its codings add to tags.
//!
//! ```text
//! an answer teaches one exit ─▶ its own lesson (crate::entry::learned), and a testimony here ─▶ k exits say so: a lesson for all of them
//! ```
//!
//! An origin can teach each client another lesson, and read it back from how the client asks. So what one exit was taught is used by others
//! only when as many say the same as have to be given a validator before others send it.
//!
//! # Scope
//! Kept in the origin's record of requests that carry nothing ([`Partition::ANONYMOUS`](crate::identity::Partition::ANONYMOUS)), and taken in by
//! [`Testified::take`] inside the store's transaction. No exit's own lessons are read or written here.

use crate::entry::corroboration::{MOST_WITNESSES, Quorum, Witness, apart};
use crate::entry::learned::{AGREEMENT, DECAY, Lesson, Lessons, Place, Rung, Suffix, Teaching};

/// Most sayings kept that too few agree on, and as many that enough do. Each kind gives way to its own: an origin that teaches each client
/// something new drives out nothing that several agree on.
pub const MOST_SAYINGS: usize = 32;

/// What exits testified about one origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Testified {
    /// The one that was said last at the end.
    pub sayings: Vec<Saying>,
}

/// Something that was said, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// What.
    pub what: What,
    /// The exits that were taught so.
    pub exits: Vec<Witness>,
    /// Hashes of the URLs that showed it, at most [`AGREEMENT`], where it takes several.
    pub urls: Vec<u64>,
}

/// What can be said of an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A rung does not hold at a place.
    Fails(Place, Rung),
    /// A rung holds there.
    Holds(Place, Rung),
    /// A coding marks tags so.
    Marks(Suffix),
}

/// One exit's word.
#[derive(Debug, Clone)]
pub struct Testimony {
    /// Who says so ([`Exit::witness`](crate::identity::Exit::witness)).
    pub exit: u64,
    /// By which way it goes.
    pub way: u64,
    /// What it was taught.
    pub teaching: Teaching,
    /// When; seconds since the epoch.
    pub at: u64,
    /// What has to agree.
    pub quorum: Quorum,
}

impl What {
    /// What a teaching says, and the URL that shows it.
    fn of(teaching: &Teaching) -> (Self, Option<u64>) {
        match teaching {
            Teaching::Fails(place, rung, url) => (Self::Fails(place.clone(), *rung), Some(*url)),
            Teaching::Holds(place, rung) => (Self::Holds(place.clone(), *rung), None),
            Teaching::Marks(suffix) => (Self::Marks(suffix.clone()), None),
        }
    }

    fn opposite(&self) -> Option<Self> {
        match self {
            Self::Fails(place, rung) => Some(Self::Holds(place.clone(), *rung)),
            Self::Holds(place, rung) => Some(Self::Fails(place.clone(), *rung)),
            Self::Marks(_) => None,
        }
    }

    /// How long a word counts: how an origin marks tags is no habit that is tried again.
    const fn decay(&self) -> u64 {
        match self {
            Self::Fails(..) | Self::Holds(..) => DECAY,
            Self::Marks(_) => u64::MAX,
        }
    }
}

impl Saying {
    fn voices(&self, quorum: Quorum, now: u64) -> usize {
        apart(&self.exits.iter().filter(|one| self.counts(**one, quorum, now)))
    }

    fn counts(&self, witness: Witness, quorum: Quorum, now: u64) -> bool {
        let age = now.saturating_sub(witness.at);
        age < self.what.decay() && quorum.ttl.is_none_or(|ttl| age < ttl)
    }

    fn is_agreed(&self, quorum: Quorum, now: u64) -> bool {
        self.voices(quorum, now) >= usize::from(quorum.k.max(1))
    }

    /// Is that enough to say that the opposite is not so any more?
    fn overrules(&self, quorum: Quorum, now: u64) -> bool {
        let is_shown = !matches!(self.what, What::Fails(..)) || self.urls.len() >= AGREEMENT;
        is_shown && self.is_agreed(quorum, now)
    }

    fn add(&mut self, testimony: &Testimony, url: Option<u64>) {
        let Testimony { exit, way, at, quorum, teaching: _ } = *testimony;
        let counting: Vec<Witness> = self.exits.iter().copied().filter(|one| self.counts(*one, quorum, at)).collect();
        if counting.is_empty() {
            // Said so long ago that it is said anew.
            self.urls.clear();
        }
        self.exits = counting.into_iter().filter(|one| one.exit != exit).collect();
        if self.exits.len() >= MOST_WITNESSES {
            self.exits.remove(0);
        }
        self.exits.push(Witness { exit, way, at });
        self.urls.extend(url.filter(|url| self.urls.len() < AGREEMENT && !self.urls.contains(url)));
    }
}

impl Testified {
    /// Has nobody said anything?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sayings.is_empty()
    }

    /// Is there anything that this exit said?
    #[must_use]
    pub fn has_word_of(&self, exit: u64) -> bool {
        self.sayings.iter().any(|one| one.exits.iter().any(|witness| witness.exit == exit))
    }

    /// What enough exits say at `now`.
    #[must_use]
    pub fn agreed(&self, quorum: Quorum, now: u64) -> Lessons {
        let mut lessons = Lessons::default();
        for saying in self.sayings.iter().filter(|one| one.is_agreed(quorum, now)) {
            let at = saying.exits.iter().map(|one| one.at).max().unwrap_or_default();
            let (place, rung, witnesses) = match &saying.what {
                What::Marks(suffix) => {
                    lessons.suffixes.push(suffix.clone());
                    continue;
                }
                // Of two that contradict each other, and none has overruled the other, the way is open.
                What::Fails(..) if self.says_otherwise(&saying.what, quorum, now) => continue,
                What::Fails(place, rung) => (place, rung, saying.urls.clone()),
                What::Holds(place, rung) => (place, rung, Vec::new()),
            };
            lessons.lessons.push(Lesson { place: place.clone(), rung: *rung, witnesses, at });
        }
        lessons
    }

    fn says_otherwise(&self, what: &What, quorum: Quorum, now: u64) -> bool {
        let opposite = what.opposite();
        self.sayings.iter().any(|one| Some(&one.what) == opposite.as_ref() && one.is_agreed(quorum, now))
    }

    /// Takes a testimony in. `false`: nothing new.
    pub fn take(&mut self, testimony: &Testimony) -> bool {
        let Testimony { teaching, at, quorum, .. } = testimony;
        let (what, url) = What::of(teaching);
        let before = self.sayings.iter().position(|one| one.what == what).map(|position| self.sayings.remove(position));
        let mut saying = before.clone().unwrap_or_else(|| Saying { what, exits: Vec::new(), urls: Vec::new() });
        saying.add(testimony, url);
        if saying.overrules(*quorum, *at) {
            let opposite = saying.what.opposite();
            self.sayings.retain(|one| Some(&one.what) != opposite.as_ref());
        }
        let is_new = before.as_ref() != Some(&saying);
        self.sayings.push(saying);
        self.trim(*quorum, *at);
        is_new
    }

    /// Takes the words of an exit back. `false`: it said nothing.
    pub fn forget(&mut self, exit: u64) -> bool {
        let count = |all: &Self| all.sayings.iter().map(|one| one.exits.len()).sum::<usize>();
        let before = count(self);
        for saying in &mut self.sayings {
            saying.exits.retain(|one| one.exit != exit);
        }
        self.sayings.retain(|one| !one.exits.is_empty());
        count(self) != before
    }

    /// Those that were said last are at the end.
    fn trim(&mut self, quorum: Quorum, now: u64) {
        for is_agreed in [false, true] {
            let is_of_kind = |one: &Saying| one.is_agreed(quorum, now) == is_agreed;
            let many = self.sayings.iter().filter(|one| is_of_kind(one)).count();
            let mut surplus = many.saturating_sub(MOST_SAYINGS);
            self.sayings.retain(|one| {
                let goes = surplus > 0 && is_of_kind(one);
                surplus -= usize::from(goes);
                !goes
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_SAYINGS, Testified, Testimony};
    use crate::entry::corroboration::{MOST_WITNESSES, Quorum};
    use crate::entry::learned::{AGREEMENT, DECAY, Place, Rung, Rungs, Suffix, Teaching};

    const QUORUM: Quorum = Quorum { k: 2, ttl: None };
    const NOW: u64 = 1_000_000;

    fn place(prefix: &str) -> Place {
        Place { prefix: prefix.to_owned().into(), is_coded: false }
    }

    fn fails(prefix: &str, url: u64) -> Teaching {
        Teaching::Fails(place(prefix), Rung::Tag, url)
    }

    fn holds(prefix: &str) -> Teaching {
        Teaching::Holds(place(prefix), Rung::Tag)
    }

    fn said(testified: &mut Testified, words: &[(u64, Teaching)], at: u64) {
        for (exit, teaching) in words {
            testified.take(&Testimony { exit: *exit, way: *exit, teaching: teaching.clone(), at, quorum: QUORUM });
        }
    }

    fn barred(testified: &Testified, prefix: &str, now: u64) -> Rungs {
        testified.agreed(QUORUM, now).barred(&place(prefix), now)
    }

    #[test]
    fn what_one_exit_says_is_nobody_elses_lesson_however_often_it_says_so() {
        let mut testified = Testified::default();
        said(&mut testified, &[(1, fails("a", 1)), (1, fails("a", 2)), (1, fails("a", 3)), (1, fails("b", 4))], NOW);
        assert!(testified.agreed(QUORUM, NOW).is_empty());
        said(&mut testified, &[(2, fails("a", 3))], NOW);
        assert!(barred(&testified, "a", NOW).contains(Rung::Tag));
        // That of the other place is still one exit's alone, and counts for nothing beside it.
        assert_eq!(testified.agreed(QUORUM, NOW).lessons.len(), 1);
    }

    #[test]
    fn enough_exits_have_to_agree_about_enough_urls() {
        let mut testified = Testified::default();
        said(&mut testified, &[(1, fails("a", 1)), (2, fails("a", 2)), (3, fails("a", 1))], NOW);
        assert!(barred(&testified, "a", NOW).is_empty());
        said(&mut testified, &[(1, fails("a", 3))], NOW);
        assert!(barred(&testified, "a", NOW).contains(Rung::Tag));
    }

    #[test]
    fn one_exit_flips_nothing_that_several_agree_on() {
        let mut testified = Testified::default();
        said(&mut testified, &[(1, fails("a", 1)), (2, fails("a", 2)), (2, fails("a", 3))], NOW);
        said(&mut testified, &[(9, holds("a")), (9, holds("a"))], NOW);
        assert!(barred(&testified, "a", NOW).contains(Rung::Tag));
        said(&mut testified, &[(8, holds("a"))], NOW);
        assert!(barred(&testified, "a", NOW).is_empty());
        assert!(testified.agreed(QUORUM, NOW).is_known_to_hold(&place("a"), Rung::Tag));
        // And back, by as many as it took before.
        said(&mut testified, &[(1, fails("a", 1)), (1, fails("a", 2)), (1, fails("a", 3))], NOW);
        assert!(barred(&testified, "a", NOW).is_empty());
        said(&mut testified, &[(2, fails("a", 1))], NOW);
        assert!(barred(&testified, "a", NOW).contains(Rung::Tag));
    }

    #[test]
    fn a_suffix_that_one_client_was_given_is_nobody_elses() {
        let mark = |suffix: &'static str| Teaching::Marks(Suffix { coding: "gzip".into(), suffix: suffix.into() });
        let mut testified = Testified::default();
        said(
            &mut testified,
            &[(1, mark("-gz")), (1, mark("-client-1")), (2, mark("-gz")), (2, mark("-client-2"))],
            NOW,
        );
        let agreed = testified.agreed(QUORUM, NOW + 10 * DECAY);
        assert_eq!(agreed.suffixes_of(b"gzip").collect::<Vec<_>>(), [b"-gz"]);
    }

    #[test]
    fn what_was_said_a_day_ago_is_said_anew() {
        let mut testified = Testified::default();
        said(&mut testified, &[(1, fails("a", 1)), (2, fails("a", 2)), (2, fails("a", 3))], NOW);
        assert!(barred(&testified, "a", NOW + DECAY).is_empty());
        said(&mut testified, &[(1, fails("a", 1)), (2, fails("a", 1))], NOW + DECAY);
        assert!(barred(&testified, "a", NOW + DECAY).is_empty());
        // A shorter life of identities counts here as well.
        let brief = Quorum { k: 2, ttl: Some(60) };
        assert!(testified.agreed(brief, NOW + DECAY + 60).is_empty());
    }

    #[test]
    fn whoever_is_forgotten_has_said_nothing() {
        let mut testified = Testified::default();
        said(&mut testified, &[(1, fails("a", 1)), (2, fails("a", 2)), (2, fails("a", 3)), (2, holds("b"))], NOW);
        assert!(testified.forget(2) && !testified.forget(2));
        assert!(testified.agreed(QUORUM, NOW).is_empty());
        assert_eq!(testified.sayings.len(), 1);
    }

    #[test]
    fn an_origin_that_teaches_each_client_something_else_drives_out_nothing() {
        let mut testified = Testified::default();
        said(&mut testified, &[(1, fails("a", 1)), (2, fails("a", 2)), (2, fails("a", 3))], NOW);
        for number in 0..1_000 {
            said(&mut testified, &[(number, fails(&number.to_string(), number)), (number, fails("a", number))], NOW);
        }
        assert!(barred(&testified, "a", NOW).contains(Rung::Tag));
        assert!(testified.sayings.len() <= 2 * MOST_SAYINGS);
        let is_bounded = |one: &super::Saying| one.exits.len() <= MOST_WITNESSES && one.urls.len() <= AGREEMENT;
        assert!(testified.sayings.iter().all(is_bounded));
    }
}
