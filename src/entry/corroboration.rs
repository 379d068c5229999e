//! What exits were given for one URL: which validator with which content, and by how many of them.
//!
//! ```text
//! a 200 to an unprompted request ─▶ one more witness ─▶ the k-th: a stored response for whoever asks without credentials
//! a 200 to a validator, with other content ─▶ that pair is withdrawn, and the next k exits ask without one
//! ```
//!
//! # Scope
//! Kept in the record of requests that carry nothing ([`Partition::ANONYMOUS`](crate::identity::Partition::ANONYMOUS)), and taken in by
//! [`crate::entry::sighting`] inside the store's transaction. Which of it may be used is said by [`crate::exchange::sharing`] and its view.

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::StoredResponse;
use crate::entry::change::CLOCK_SKEW;
use crate::entry::page::{page, validators};
use crate::entry::sighting::Sighting;
use crate::identity::key_of_way;
use crate::rfc::vary::Selecting;

/// Most pairs kept for one URL that too few saw, and as many that enough did. Each kind gives way to its own: an origin that has a new tag
/// for each client drives out nothing that several agree on.
pub const MOST_CANDIDATES: usize = 16;

/// Most outdated pages known for one URL; the one that was longest ago gives way.
const MOST_OUTDATED: usize = 4;

/// Most witnesses kept for one pair; the oldest gives way.
pub const MOST_WITNESSES: usize = 16;

/// Seconds for which exits ask without a validator because a pair was withdrawn: what is never answered must not last for ever.
const RECONSIDERED_FOR: u64 = 3600;

/// What the exits of requests without credentials were given for a URL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Corroboration {
    /// The pairs, the one that was seen last at the end.
    pub candidates: Vec<Candidate>,
    /// A pair was withdrawn, and no other is agreed on yet.
    pub reconsidering: Option<Reconsidering>,
    /// What came last that a caller saw, whoever received it.
    pub latest: Option<Latest>,
    /// Pages that were asked about, and answered by another; the last at the end. Times of HTTP are whole seconds, and a page can change twice
    /// in one.
    pub outdated: Vec<Digest>,
}

/// What came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// For which variant.
    pub selecting: Selecting,
    /// What tells the content from others ([`StoredResponse::mark`]).
    pub mark: Digest,
    /// Who received it first: with that exit it is forgotten.
    pub exit: u64,
}

/// A validator and the page that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Of which variant.
    pub selecting: Selecting,
    /// Which field it is in.
    pub field: Field,
    /// The validator, as received.
    pub validator: Bytes,
    /// The content, and what is said of it: see [`page`].
    pub page: Digest,
    /// Who was given this very pair.
    pub witnesses: Vec<Witness>,
    /// For how long the page is fresh by the word of all of them.
    pub promise: Promise,
}

/// For how long a page is fresh, as far as all agree who were given it: one of them alone could keep the others from asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Promise {
    /// The fewest seconds that anybody was told (RFC 9111 §4.2.1).
    pub seconds: u64,
    /// The hash of the Cache-Control that all of them were told; 0 where they were told different things.
    pub cache_control: u64,
}

/// In which field a validator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// `ETag`.
    Tag,
    /// `Last-Modified`.
    Date,
}

/// An exit that was given a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// [`Exit::witness`](crate::identity::Exit::witness).
    pub exit: u64,
    /// By which address it leaves, as far as that is known, and under which key: [`Ask::way`](crate::exchange::Ask::way). Two exits that go by one
    /// way count as one.
    pub way: u64,
    /// When it last was; seconds since the epoch.
    pub at: u64,
}

/// How many exits are still to ask without a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconsidering {
    /// So many.
    pub left: u8,
    /// Since when; seconds since the epoch.
    pub since: u64,
    /// What is in doubt.
    pub doubt: Doubt,
}

/// What is in doubt when exits do not agree any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Other content came: all that was received before, by whomever.
    Content,
    /// The same content came under another validator: whether the shared one still holds. What an exit received itself may well.
    Validator,
}

/// By how many exits a pair has to be seen, and for how long that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quorum {
    /// So many.
    pub k: u8,
    /// Seconds; `None`: for ever.
    pub ttl: Option<u64>,
}

/// How many witnesses there are that an origin cannot take for one another: neither by what is one exit to us, nor by the way that they go. One
/// exit has other words under another key, so that only those of one key are counted together.
pub(super) fn apart<'a>(witnesses: &(impl Iterator<Item = &'a Witness> + Clone)) -> usize {
    let different = |key: Option<u64>, of: fn(&Witness) -> u64| {
        let is_of = |one: &&Witness| key.is_none_or(|key| key_of_way(one.way) == key);
        let mut words: Vec<u64> = witnesses.clone().filter(is_of).map(of).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let keys = different(None, |one| key_of_way(one.way)).into_iter().map(Some);
    let of_one = |key| different(key, |one| one.exit).len().min(different(key, |one| one.way).len());
    keys.map(of_one).max().unwrap_or_default()
}

impl Candidate {
    /// By how many it was seen, as far as that still counts at `now`.
    #[must_use]
    pub fn seen_by(&self, quorum: Quorum, now: u64) -> usize {
        let counts = |one: &&Witness| quorum.ttl.is_none_or(|ttl| now.saturating_sub(one.at) < ttl);
        apart(&self.witnesses.iter().filter(counts))
    }

    /// Is it agreed on at `now`?
    #[must_use]
    pub fn is_corroborated(&self, quorum: Quorum, now: u64) -> bool {
        // Most are short of it by their number alone, and none of them is looked at more closely.
        let enough = usize::from(quorum.k.max(1));
        self.witnesses.len() >= enough && self.seen_by(quorum, now) >= enough
    }

    pub(super) fn is_of(&self, selecting: Selecting, page: Digest) -> bool {
        self.selecting == selecting && self.page == page
    }

    pub(super) fn is_seen_by(&self, exit: u64) -> bool {
        self.witnesses.iter().any(|one| one.exit == exit)
    }
}

impl Promise {
    /// What one response says.
    #[must_use]
    pub fn of(response: &StoredResponse) -> Self {
        let lines: Vec<&[u8]> = response.fields.get_all(b"cache-control").collect();
        let cache_control = xxhash_rust::xxh3::xxh3_64(&lines.join(&b","[..]));
        Self { seconds: response.times().promised(), cache_control }
    }

    /// What both say.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let is_one_word = self.cache_control == other.cache_control;
        Self {
            seconds: self.seconds.min(other.seconds),
            cache_control: if is_one_word { self.cache_control } else { 0 },
        }
    }
}

impl Reconsidering {
    /// A clock that was far ahead when it began is not believed: until that time had come, nothing would end it.
    pub(super) const fn lasts(&self, now: u64) -> bool {
        now.saturating_sub(self.since) < RECONSIDERED_FOR && self.since.saturating_sub(now) <= CLOCK_SKEW
    }
}

impl Corroboration {
    /// Is there nothing in it?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.reconsidering.is_none() && self.latest.is_none() && self.outdated.is_empty()
    }

    /// Is `stored` to be asked for without a validator at `now`?
    #[must_use]
    pub fn doubts(&self, stored: &StoredResponse, now: u64) -> bool {
        let Some(reconsidering) = self.reconsidering.filter(|one| one.lasts(now)) else { return false };
        match reconsidering.doubt {
            Doubt::Content => !stored.is_shared && self.is_behind(stored, reconsidering.since),
            Doubt::Validator => stored.is_shared,
        }
    }

    /// Did an exit receive `stored` too early to know what came at `since`? A page that somebody asked about and was answered by another is
    /// behind whenever it came; one that others are still given, as exits of one country are, is not.
    #[must_use]
    pub fn is_behind(&self, stored: &StoredResponse, since: u64) -> bool {
        let page = page(stored);
        let is_alive = || self.candidates.iter().any(|one| one.is_of(stored.selecting, page));
        self.outdated.contains(&page) || stored.received_at < since && !is_alive()
    }

    /// Notes which page came, and which it came in place of. `false`: that was known.
    pub(super) fn outdate(&mut self, came: Option<Digest>, asked: Option<Digest>) -> bool {
        let before = self.outdated.clone();
        self.outdated.retain(|one| Some(*one) != came && Some(*one) != asked);
        self.outdated.extend(asked.filter(|asked| Some(*asked) != came));
        let surplus = self.outdated.len().saturating_sub(MOST_OUTDATED);
        self.outdated.drain(..surplus);
        self.outdated != before
    }

    /// Is there anything in it that this exit said?
    #[must_use]
    pub fn has_word_of(&self, exit: u64) -> bool {
        self.latest.is_some_and(|one| one.exit == exit) || self.candidates.iter().any(|one| one.is_seen_by(exit))
    }

    /// Takes back what an exit said.
    pub(super) fn forget(&mut self, exit: u64) {
        for candidate in &mut self.candidates {
            candidate.witnesses.retain(|one| one.exit != exit);
        }
        self.candidates.retain(|one| !one.witnesses.is_empty());
        self.latest = self.latest.filter(|one| one.exit != exit);
    }

    pub(super) fn note(&mut self, sighting: &Sighting, response: &StoredResponse, page: Digest) {
        for (field, validator) in validators(response) {
            let is_same = |one: &Candidate| {
                one.field == field && one.is_of(response.selecting, page) && *one.validator == *validator
            };
            let known = self.candidates.iter().position(is_same).map(|position| self.candidates.remove(position));
            let mut candidate = known.unwrap_or_else(|| Candidate {
                selecting: response.selecting,
                field,
                validator: Bytes::copy_from_slice(validator),
                page,
                witnesses: Vec::new(),
                promise: Promise::of(response),
            });
            candidate.promise = candidate.promise.and(Promise::of(response));
            candidate.witnesses.retain(|one| one.exit != sighting.exit);
            if candidate.witnesses.len() >= MOST_WITNESSES {
                candidate.witnesses.remove(0);
            }
            candidate.witnesses.push(Witness { exit: sighting.exit, way: sighting.way, at: sighting.at });
            self.candidates.push(candidate);
        }
        self.trim(sighting.quorum, sighting.at);
    }

    /// Those that were seen last are at the end.
    fn trim(&mut self, quorum: Quorum, now: u64) {
        for is_agreed in [false, true] {
            let is_of_kind = |one: &Candidate| one.is_corroborated(quorum, now) == is_agreed;
            let many = self.candidates.iter().filter(|one| is_of_kind(one)).count();
            let mut surplus = many.saturating_sub(MOST_CANDIDATES);
            self.candidates.retain(|one| {
                let goes = surplus > 0 && is_of_kind(one);
                surplus -= usize::from(goes);
                !goes
            });
        }
    }

    pub(super) fn is_agreed(&self, selecting: Selecting, page: Digest, sighting: &Sighting) -> bool {
        let is_of = |one: &&Candidate| one.is_of(selecting, page);
        self.candidates.iter().filter(is_of).any(|one| one.is_corroborated(sighting.quorum, sighting.at))
    }

    /// Are all validators that came agreed on?
    pub(super) fn knows_all(&self, response: &StoredResponse, page: Digest, sighting: &Sighting) -> bool {
        validators(response).all(|(field, validator)| {
            let is_same = |one: &&Candidate| one.field == field && *one.validator == *validator;
            let mut same = self.candidates.iter().filter(|one| one.is_of(response.selecting, page)).filter(is_same);
            same.any(|one| one.is_corroborated(sighting.quorum, sighting.at))
        })
    }
}
