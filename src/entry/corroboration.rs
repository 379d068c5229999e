//! What exits were given for one URL: which validator with which content, and by how many of them.
//!
//! ```text
//! a 200 to an unprompted request ─▶ one more witness ─▶ the k-th: a stored response for whoever asks without credentials
//! a 200 to a validator, with other content ─▶ that pair is withdrawn, and the next k exits ask without one
//! ```
//!
//! # Scope
//! Kept in the record of requests that carry nothing ([`Partition::ANONYMOUS`](crate::identity::Partition::ANONYMOUS)), and taken in by
//! [`Sighting::apply`] inside the store's transaction. Which of it may be used is said by [`crate::exchange::sharing`].

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::change::{CLOCK_SKEW, is_newer};
use crate::entry::learned::Learned;
use crate::entry::{MOST_VARIANTS, Record, StoredResponse};
use crate::identity::key_of_way;
use crate::rfc::vary::Selecting;

/// Most pairs kept for one URL that too few saw, and as many that enough did. Each kind gives way to its own: an origin that has a new tag
/// for each client drives out nothing that several agree on.
pub const MOST_CANDIDATES: usize = 16;

/// Most outdated pages known for one URL; the one that was longest ago gives way.
const MOST_OUTDATED: usize = 4;

/// Most witnesses kept for one pair; the oldest gives way.
pub const MOST_WITNESSES: usize = 16;

/// Bytes of the longest validator that is shared.
const LONGEST_VALIDATOR: usize = 512;

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
    /// The content and its type, see [`page`].
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

/// One answer with content to a request that carried no credentials.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// Who received it.
    pub exit: u64,
    /// By which way.
    pub way: u64,
    /// What the request's validator stood for; `None` where it carried none, and so prompted nothing.
    pub asked: Option<Asked>,
    /// What came, where it may be stored.
    pub response: Option<StoredResponse>,
    /// Does a caller see it? What nobody saw is news to the next.
    pub is_seen: bool,
    /// When it came; seconds since the epoch.
    pub at: u64,
    /// What has to agree.
    pub quorum: Quorum,
}

/// What a validator stood for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Of which variant it was.
    pub selecting: Selecting,
    /// The page that a 304 would have meant.
    pub page: Digest,
}

/// What is said of a page: as much a part of it as its content, for a link can be made for one client as well as a tag.
const SAID_OF_IT: [&[u8]; 5] =
    [b"content-type", b"content-language", b"content-location", b"content-disposition", b"link"];

/// What else is kept of a page that is shared: how its body is to be read, for how long it is fresh, and what selects it. Of any other field
/// only one client's word is there. Validators stand among the candidates, with their witnesses.
const KEPT_OF_IT: [&[u8]; 7] =
    [b"content-encoding", b"content-length", b"date", b"age", b"expires", b"cache-control", b"vary"];

/// What a validator has to come with to be the same pair: the decoded content, and what is said of it.
#[must_use]
pub fn page(response: &StoredResponse) -> Digest {
    let said = SAID_OF_IT.iter().flat_map(|name| response.fields.get_all(name).map(|value| (*name, value)));
    let lines = said.flat_map(|(name, value)| [name, b":", value, b"\n"]);
    let parts: Vec<&[u8]> = std::iter::once(&response.content.0[..]).chain(lines).collect();
    Digest::of(&parts.concat())
}

/// The validators of a response that others could send.
fn validators(response: &StoredResponse) -> impl Iterator<Item = (Field, &[u8])> {
    let tag = response.entity_tag().map(|tag| (Field::Tag, tag.as_bytes()));
    // The date of an answer is no date of its content: it is another one each time.
    let date = response.last_modified().filter(|date| response.fields.get(b"date") != Some(date));
    let both = tag.into_iter().chain(date.map(|date| (Field::Date, date)));
    both.filter(|(_, validator)| validator.len() <= LONGEST_VALIDATOR)
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
        self.seen_by(quorum, now) >= usize::from(quorum.k.max(1))
    }

    pub(super) fn is_of(&self, selecting: Selecting, page: Digest) -> bool {
        self.selecting == selecting && self.page == page
    }

    fn is_seen_by(&self, exit: u64) -> bool {
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
    const fn is_before(&self, stored: &StoredResponse) -> bool {
        stored.received_at < self.since
    }

    /// A clock that was far ahead when it began is not believed: until that time had come, nothing would end it.
    const fn lasts(&self, now: u64) -> bool {
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
            Doubt::Content => !stored.is_shared && (reconsidering.is_before(stored) || self.is_outdated(stored)),
            Doubt::Validator => stored.is_shared,
        }
    }

    /// Was another page the answer when somebody asked about this one?
    #[must_use]
    pub fn is_outdated(&self, stored: &StoredResponse) -> bool {
        !self.outdated.is_empty() && self.outdated.contains(&page(stored))
    }

    /// Notes which page came, and which it came in place of.
    fn outdate(&mut self, came: Option<Digest>, asked: Option<Digest>) {
        self.outdated.retain(|one| Some(*one) != came && Some(*one) != asked);
        self.outdated.extend(asked.filter(|asked| Some(*asked) != came));
        let surplus = self.outdated.len().saturating_sub(MOST_OUTDATED);
        self.outdated.drain(..surplus);
    }

    /// Is there anything in it that this exit said?
    #[must_use]
    pub fn has_word_of(&self, exit: u64) -> bool {
        self.latest.is_some_and(|one| one.exit == exit) || self.candidates.iter().any(|one| one.is_seen_by(exit))
    }

    /// Takes back what an exit said.
    fn forget(&mut self, exit: u64) {
        for candidate in &mut self.candidates {
            candidate.witnesses.retain(|one| one.exit != exit);
        }
        self.candidates.retain(|one| !one.witnesses.is_empty());
        self.latest = self.latest.filter(|one| one.exit != exit);
    }

    fn note(&mut self, sighting: &Sighting, response: &StoredResponse, page: Digest) {
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

    fn is_agreed(&self, selecting: Selecting, page: Digest, sighting: &Sighting) -> bool {
        let is_of = |one: &&Candidate| one.is_of(selecting, page);
        self.candidates.iter().filter(is_of).any(|one| one.is_corroborated(sighting.quorum, sighting.at))
    }

    /// Are all validators that came agreed on?
    fn knows_all(&self, response: &StoredResponse, page: Digest, sighting: &Sighting) -> bool {
        validators(response).all(|(field, validator)| {
            let is_same = |one: &&Candidate| one.field == field && *one.validator == *validator;
            let mut same = self.candidates.iter().filter(|one| one.is_of(response.selecting, page)).filter(is_same);
            same.any(|one| one.is_corroborated(sighting.quorum, sighting.at))
        })
    }
}

impl Sighting {
    /// Those of `before`, and what came.
    pub(super) fn noted(&self, before: &[Candidate], response: &StoredResponse, page: Digest) -> Vec<Candidate> {
        let mut corroboration = Corroboration { candidates: before.to_vec(), ..Corroboration::default() };
        corroboration.note(self, response, page);
        corroboration.candidates
    }

    /// Takes it in. `false`: nothing new.
    pub(super) fn apply(&self, record: &mut Record) -> bool {
        let is_known =
            |one: &StoredResponse, known: Latest| (known.selecting, known.mark) == (one.selecting, one.mark());
        let known = record.corroboration.latest;
        let seen = self.response.as_ref().filter(|_| self.is_seen);
        let news = seen.filter(|one| known.is_none_or(|known| !is_known(one, known)));
        let news = news.map(|one| Latest { selecting: one.selecting, mark: one.mark(), exit: self.exit });
        let is_news = news.is_some();
        record.corroboration.latest = news.or(known);
        let changed = match (&self.asked, &self.response) {
            (None, Some(response)) => self.testify(record, response),
            (Some(asked), response) => self.contradict(record, *asked, response.as_ref()),
            (None, None) => false,
        };
        changed || is_news
    }

    /// The answer to an unprompted request.
    fn testify(&self, record: &mut Record, response: &StoredResponse) -> bool {
        let page = page(response);
        let corroboration = &mut record.corroboration;
        corroboration.outdate(Some(page), None);
        corroboration.note(self, response, page);
        // What was asked for before there was a doubt settles none.
        if let Some(one) = corroboration.reconsidering.filter(|one| response.request_time >= one.since) {
            let left = one.left.saturating_sub(1);
            corroboration.reconsidering = (left > 0).then_some(Reconsidering { left, ..one });
        }
        if corroboration.is_agreed(response.selecting, page, self) {
            share(record, response, page);
        }
        true
    }

    /// The answer to a validator: if it is not what that stood for, nobody asks by it any more.
    fn contradict(&self, record: &mut Record, asked: Asked, response: Option<&StoredResponse>) -> bool {
        let came = response.map(|response| (response, page(response)));
        let mut changed = false;
        record.corroboration.outdate(came.map(|(_, page)| page), Some(asked.page));
        let is_other = came.is_none_or(|(_, page)| page != asked.page);
        if is_other {
            let is_asked = |one: &StoredResponse| {
                one.is_shared && one.selecting == asked.selecting && self::page(one) == asked.page
            };
            let (variants, candidates) = (&mut record.variants, &mut record.corroboration.candidates);
            let before = variants.len() + candidates.len();
            variants.retain(|one| !is_asked(one));
            candidates.retain(|one| !one.is_of(asked.selecting, asked.page));
            changed = before != variants.len() + candidates.len();
        }
        let corroboration = &mut record.corroboration;
        let is_agreed = came.is_some_and(|(response, page)| corroboration.knows_all(response, page, self));
        let is_open = corroboration.reconsidering.is_none_or(|one| !one.lasts(self.at));
        if !is_agreed && (changed || is_open) {
            let doubt = if is_other { Doubt::Content } else { Doubt::Validator };
            corroboration.reconsidering = Some(Reconsidering { left: self.quorum.k, since: self.at, doubt });
            changed = true;
        }
        changed
    }
}

fn is_shown(name: &[u8]) -> bool {
    SAID_OF_IT.iter().chain(&KEPT_OF_IT).any(|one| one.eq_ignore_ascii_case(name))
}

/// Takes back what an exit said. What it helped to share goes with that, and not only where too few are left: the stored response may be the one
/// that it received. Those who agree share it anew with the next of them. `false`: it said nothing.
pub(super) fn disown(record: &mut Record, exit: u64) -> bool {
    if !record.has_word_of(exit) {
        return false;
    }
    record.testified.forget(exit);
    let corroboration = &mut record.corroboration;
    let (variants, candidates) = (&mut record.variants, &corroboration.candidates);
    let is_by = |one: &StoredResponse| {
        candidates.iter().any(|pair| pair.is_seen_by(exit) && pair.is_of(one.selecting, page(one)))
    };
    variants.retain(|one| !one.is_shared || !is_by(one));
    corroboration.forget(exit);
    if corroboration.candidates.is_empty() && corroboration.latest.is_none() && variants.is_empty() {
        // Nobody else is known to have been here.
        corroboration.reconsidering = None;
        record.acknowledged.clear();
    }
    true
}

/// Keeps `response` for whoever asks without credentials. What only its own request shows stays behind.
fn share(record: &mut Record, response: &StoredResponse, page: Digest) {
    let is_same = |one: &StoredResponse| one.is_shared && one.selecting == response.selecting;
    let is_kept = |one: &StoredResponse| is_newer(one, response.request_time) || self::page(one) == page;
    if let Some(kept) = record.variants.iter_mut().find(|one| is_same(one) && is_kept(one)) {
        // It came whole again: who fetches it whole now and then need not do so for a while.
        if self::page(kept) == page {
            kept.received_at = kept.received_at.max(response.received_at);
        }
        return;
    }
    record.variants.retain(|one| !is_same(one));
    let shared = || record.variants.iter().enumerate().filter(|(_, one)| one.is_shared);
    if shared().count() >= MOST_VARIANTS {
        let oldest = shared().min_by_key(|(_, one)| one.response_time).map(|(place, _)| place);
        oldest.map(|place| record.variants.remove(place));
    }
    record.variants.push(StoredResponse {
        fields: response.fields.filtered(|name, _| is_shown(name)),
        is_shared: true,
        accept_encoding: None,
        other_tags: Vec::new(),
        learned: Learned::default(),
        ..response.clone()
    });
}
