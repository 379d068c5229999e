//! The one record that a request is planned by: what its identity received, and what it may use of the others'.
//!
//! ```text
//! own record ──▶ what this identity received, as long as it is known by it ──┐
//!                                                                            ├─▶ View
//! common record ─▶ what enough exits agree on, and no more of it ────────────┘
//! ```

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::corroboration::{Candidate, Corroboration, Field, Promise, Quorum};
use crate::entry::learned::Learned;
use crate::entry::page::page;
use crate::entry::spread::Spread;
use crate::entry::{MOST_OTHER_TAGS, Record, StoredResponse};
use crate::exchange::sharing::{Common, Known, common_key};
use crate::exchange::{Ask, Policy};
use crate::fields::Fields;
use crate::rfc::cache_control::CacheControl;
use crate::rfc::vary::Selecting;

/// What a request is planned by.
#[derive(Debug, Default)]
pub(super) struct View {
    /// What its identity received, and what it may use of the others'.
    pub(super) record: Option<Record>,
    /// What exits have in common, where they do.
    pub(super) common: Option<Common>,
    /// What its identity received too long ago to be known by it ([`Policy::identity_ttl`]): nothing of it is sent, and it is no news when it comes
    /// again.
    pub(super) outlived: Vec<(Selecting, Digest)>,
}

/// See [`View`].
pub(super) fn view(ask: &Ask, mut known: Known, policy: &Policy, now: u64) -> View {
    let outlived = known.outlived(policy, now);
    let (record, common) = merged(ask, known, policy, now);
    View { record, common, outlived }
}

fn merged(ask: &Ask, known: Known, policy: &Policy, now: u64) -> (Option<Record>, Option<Common>) {
    let fresh = |record: Option<Record>| record.filter(|record| !policy.is_expired(record.last_used, now));
    let Known { own, common } = known;
    let mut own = fresh(own);
    let Some((key, quorum)) = common_key(ask).zip(policy.quorum()) else {
        if let Some(record) = &mut own {
            record.variants.retain(|one| !one.is_shared);
        }
        return (own, None);
    };
    let is_one = key.hash == ask.key.hash;
    let common = if is_one { own.take() } else { fresh(common) };
    let Some(mut common) = common else {
        let (corroboration, last_used) = (Corroboration::default(), 0);
        return (own, Some(Common { key: key.clone(), quorum, corroboration, last_used }));
    };
    let corroboration = std::mem::take(&mut common.corroboration);
    let last_used = common.last_used;
    let (shared, received) = std::mem::take(&mut common.variants).into_iter().partition(|one| one.is_shared);
    let shared: Vec<StoredResponse> = shared;
    let mut record = if is_one {
        Record { variants: received, ..common }
    } else {
        let own = own.unwrap_or_else(|| Record::new(&ask.key.url, ask.key.partition));
        let acknowledged = if ask.is_named { own.acknowledged } else { common.acknowledged };
        Record { acknowledged, ..own }
    };
    let is_timed = policy.goes_by_freshness(ask) || policy.floors.max_age || policy.stale_if_error.is_some();
    let usable = shared.into_iter().filter_map(|one| usable(one, &corroboration, quorum, is_timed, now));
    for mut one in usable {
        one.learned.polls = drawn_polls(ask, now);
        add(&mut record.variants, one, &corroboration);
    }
    (Some(record), Some(Common { key: key.clone(), quorum, corroboration, last_used }))
}

/// Of two pages for one request, what the identity received itself, unless that is behind what the others agree on. Where it is the same, it may
/// know more tags for it.
fn add(variants: &mut Vec<StoredResponse>, shared: StoredResponse, corroboration: &Corroboration) {
    let is_same = |one: &StoredResponse| one.is_page() && one.selecting == shared.selecting;
    let is_older =
        |own: &StoredResponse| own.content != shared.content && corroboration.is_behind(own, shared.received_at);
    match variants.iter().position(is_same) {
        Some(place) if variants.get(place).is_some_and(is_older) => {
            variants.remove(place);
            variants.push(shared);
        }
        Some(_) => {}
        None => variants.push(shared),
    }
}

/// A shared response with the validators that enough exits were given with it, and no others; nor anything that one of them alone was taught.
fn usable(
    mut shared: StoredResponse,
    corroboration: &Corroboration,
    quorum: Quorum,
    is_timed: bool,
    now: u64,
) -> Option<StoredResponse> {
    let (page, selecting) = (page(&shared), shared.selecting);
    let agreed = |field| {
        let is_of = move |one: &&Candidate| one.field == field && one.selecting == selecting && one.page == page;
        // Where clients are told apart, one alone agrees with nobody, though one were enough.
        let is_tracked = Spread::is_tracked(corroboration.candidates.iter().filter(is_of));
        let may = move |one: &&Candidate| {
            let is_alone = is_tracked && one.witnesses.len() < 2;
            !is_alone && one.is_corroborated(quorum, now) && !is_ambiguous(one, corroboration)
        };
        corroboration.candidates.iter().rev().filter(is_of).filter(may)
    };
    // Those that were seen last, in an order that does not tell who was given which of them when.
    let mut tags: Vec<Bytes> = agreed(Field::Tag).map(|one| one.validator.clone()).take(1 + MOST_OTHER_TAGS).collect();
    tags.sort_unstable();
    let mut tags = tags.into_iter();
    let tag = tags.next();
    let other_tags: Vec<Bytes> = tags.collect();
    let date = agreed(Field::Date).map(|one| one.validator.clone()).next();
    if tag.is_none() && date.is_none() {
        return None;
    }
    for (name, validator) in [(&b"ETag"[..], tag), (b"Last-Modified", date)] {
        if shared.fields.get(name) != validator.as_deref() {
            let others = shared.fields.filtered(|field, _| !field.eq_ignore_ascii_case(name));
            shared.fields = validator.map_or(others.clone(), |validator| others.with(name, &validator));
        }
    }
    if is_timed {
        let promises = [Field::Tag, Field::Date].into_iter().flat_map(agreed).map(|one| one.promise);
        shared.fields = promised(&shared, promises.reduce(Promise::and)?);
    }
    shared.learned = Learned { do_tags_alternate: !other_tags.is_empty(), ..Learned::default() };
    shared.other_tags = other_tags;
    Some(shared)
}

/// The field section with a lifetime that all agree on: that of one of them alone could keep the others from asking, for years.
fn promised(shared: &StoredResponse, promise: Promise) -> Fields {
    let is_one_word = Promise::of(shared).cache_control == promise.cache_control;
    if is_one_word && CacheControl::of(&shared.fields).max_age.is_some() {
        return shared.fields.clone();
    }
    let others = shared.fields.filtered(|name, _| !name.eq_ignore_ascii_case(b"expires"));
    others.with(b"Cache-Control", format!("max-age={}", promise.seconds).as_bytes())
}

/// One validator with two pages: a 304 to it says nothing of which of them is meant for whom. So it is where a page differs by country, or a
/// proxy makes up content.
fn is_ambiguous(pair: &Candidate, corroboration: &Corroboration) -> bool {
    corroboration.candidates.iter().any(|other| {
        other.field == pair.field
            && other.selecting == pair.selecting
            && other.validator == pair.validator
            && other.page != pair.page
    })
}

/// How many polls a shared response is taken to have had since its content came whole. They are not counted: an origin decides how many of
/// one client's it answers by a 304, and could read the count from another. So one draw in so many polls says that they were so many.
fn drawn_polls(ask: &Ask, now: u64) -> u32 {
    let draw = xxhash_rust::xxh3::xxh3_64_with_seed(ask.key.url.as_bytes(), ask.identity.exit.witness() ^ now);
    // One number in n is at most the n-th part of the largest.
    let polls = (u64::MAX / draw.max(1)).saturating_sub(1);
    u32::try_from(polls).unwrap_or(u32::MAX)
}
