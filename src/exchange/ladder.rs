//! The ladder: the ways of asking "only if it changed", from the one that RFC 9110 means to those that some origins need.
//!
//! ```text
//! several tags ─▶ the tag ─▶ the tag without its coding's suffix ─▶ the date ─▶ both ─▶ nothing
//! ```
//!
//! A rung is left when an origin was seen not to honour it ([`crate::exchange::learn`] says when), for this URL at once, for the origin when
//! several URLs agree, and for a day. No server's name or habit is known here: only what its own answers showed.

use crate::entry::StoredResponse;
use crate::entry::learned::{DECAY, Lessons, Place, Rung, Rungs};
use crate::rfc::date;
use crate::rfc::etag::{Cut, EntityTag};
use crate::rfc::vary;

/// 304s below the tag's rung after which the content is fetched whole once.
const FULL_EVERY: u32 = 20;

/// Why content is asked for whole though something is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// There is no validator.
    NoValidator,
    /// Nothing that could be sent is honoured.
    NothingHolds,
    /// To see whether 304s tell the truth.
    Due,
    /// Exits do not agree on it any more, and what is said unprompted counts.
    Reconsidered,
}

/// How to ask about `stored` at `now`.
pub fn rung(stored: &StoredResponse, url: &str, lessons: Option<&Lessons>, now: u64) -> Result<Rung, Whole> {
    let rung = foothold(stored, url, lessons, now)?;
    if is_below_the_tag(stored, rung) && stored.learned.polls.saturating_add(1) >= FULL_EVERY {
        Err(Whole::Due)
    } else {
        Ok(rung)
    }
}

/// The highest rung that holds.
///
/// What other URLs showed says where to begin. That nothing holds, a URL has to show itself: dynamic pages beside static ones ignore what
/// those honour, and a condition that is ignored costs nothing.
pub fn foothold(stored: &StoredResponse, url: &str, lessons: Option<&Lessons>, now: u64) -> Result<Rung, Whole> {
    let mut possible = rungs(stored, lessons);
    let best = possible.clone().next().ok_or(Whole::NoValidator)?;
    let own = own_barred(stored, now);
    let barred = own.and(lessons.map_or(Rungs::NONE, |all| all.barred(&place(stored, url), now)));
    let untried = || Some(best).filter(|rung| !own.contains(*rung));
    possible.find(|rung| !barred.contains(*rung)).or_else(untried).ok_or(Whole::NothingHolds)
}

/// The rungs that were seen not to hold for this URL, not too long ago.
pub fn own_barred(stored: &StoredResponse, now: u64) -> Rungs {
    if now.saturating_sub(stored.learned.barred_at) < DECAY { stored.learned.barred } else { Rungs::NONE }
}

/// Is there a tag, and does this rung ask by something else than it?
pub fn is_below_the_tag(stored: &StoredResponse, rung: Rung) -> bool {
    stored.entity_tag().is_some() && matches!(rung, Rung::CutTag | Rung::Date | Rung::Both)
}

/// The rungs that the validators of `stored` can be asked by, the best first. Each is looked at only when it is its turn: nearly always the
/// first will do.
fn rungs<'a>(stored: &'a StoredResponse, lessons: Option<&'a Lessons>) -> impl Iterator<Item = Rung> + Clone + 'a {
    let has_tag = stored.entity_tag().is_some();
    let has_list = !stored.other_tags.is_empty();
    let are_many = stored.learned.do_tags_alternate && (has_list || stored.learned.barred.contains(Rung::List));
    let order = if are_many {
        // One tag of several, cut or not, is only known to the machine that it came from; whole it hits now and then.
        [Rung::List, Rung::Date, Rung::Both, Rung::Tag]
    } else {
        [Rung::Tag, Rung::CutTag, Rung::Date, Rung::Both]
    };
    order.into_iter().filter(move |rung| match rung {
        Rung::List => has_tag && has_list,
        Rung::Tag => has_tag,
        Rung::CutTag => cut_tag(stored, lessons).is_some(),
        Rung::Date if has_tag => is_date_strong(stored),
        Rung::Date => is_date_telling(stored),
        // Each of the two was given to several exits; the two together, perhaps, to one.
        Rung::Both => has_tag && !stored.is_shared && is_date_strong(stored),
    })
}

/// Where its lessons belong.
pub fn place(stored: &StoredResponse, url: &str) -> Place {
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let prefix = path.split_once('/').map_or("", |(first, _)| first);
    Place { prefix: prefix.to_owned().into(), is_coded: stored.coding.is_some() }
}

/// The tag without what its coding added to it. What that is, the Content-Encoding that it came with says, or was seen on this origin.
pub fn cut_tag<'a>(stored: &'a StoredResponse, lessons: Option<&Lessons>) -> Option<Cut<'a>> {
    let tag = stored.entity_tag()?;
    let coding = stored.coding.as_deref()?;
    let seen = || lessons.and_then(|all| all.suffixes_of(coding).find_map(|suffix| tag.without_suffix(suffix)));
    tag.without_coding(coding).or_else(seen)
}

/// > That cache entry includes a Date value which is at least one second after the Last-Modified value and the client has reason to believe
/// > […] that there's enough difference between the Last-Modified and Date values to make clock synchronization issues unlikely
/// > (RFC 9110 §8.8.2.2).
///
/// A minute is enough. Where a tag was given, a date is a second best, and has to be strong.
pub fn is_date_strong(stored: &StoredResponse) -> bool {
    age_of_date(stored).is_some_and(|age| age >= date::STRONG_AFTER)
}

/// A date is all there is: then a weak one will do, and one that is no date but that the origin may know again. Only the second in which the
/// response was made is not asked about, until the same came again: what changed later in that second has the same date.
fn is_date_telling(stored: &StoredResponse) -> bool {
    // A date says nothing about which of several representations was selected.
    !vary::is_star(&stored.fields)
        && stored.last_modified().is_some()
        && (age_of_date(stored) != Some(0) || stored.learned.is_date_confirmed)
}

/// Seconds from Last-Modified to Date; `None` where the former is missing, or either is no HTTP-date.
fn age_of_date(stored: &StoredResponse) -> Option<u64> {
    if vary::is_star(&stored.fields) {
        return None;
    }
    let modified = date::parse(stored.last_modified()?)?;
    // > A recipient with a clock that receives a response message without a Date header field MUST record the time it was received
    // > (RFC 9110 §6.6.1).
    // Of what exits share it moves on with each 304, and the origin chooses whose that is.
    let date = stored.fields.get(b"date").filter(|_| !stored.is_shared);
    let made = date.map_or(Some(stored.received_at), date::parse)?;
    made.checked_sub(modified)
}

/// Do these tags name one representation, in one coding or another?
pub fn is_same_tag(
    one: EntityTag<'_>,
    other: EntityTag<'_>,
    stored: &StoredResponse,
    lessons: Option<&Lessons>,
) -> bool {
    // > A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match (RFC 9110 §13.1.2).
    if one.weakly_equals(other) {
        return true;
    }
    let Some(coding) = stored.coding.as_deref() else { return false };
    let is_cut_to = |long: EntityTag<'_>, short: EntityTag<'_>| {
        let seen = || lessons.into_iter().flat_map(|all| all.suffixes_of(coding));
        long.without_coding(coding).is_some_and(|cut| cut.weakly_equals(short))
            || seen().any(|suffix| long.without_suffix(suffix).is_some_and(|cut| cut.weakly_equals(short)))
    };
    is_cut_to(one, other) || is_cut_to(other, one)
}
