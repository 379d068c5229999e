//! What an answer teaches about asking.
//!
//! A 200 whose content and validator are the stored ones shows that the condition did not do its work. The same content under another tag
//! shows nothing of that kind: a touched file, or another machine behind the same name. Other content shows nothing, unless it came with the
//! validator of the stored one: then a 304 would have been wrong.

use bytes::Bytes;

use crate::entry::change::Change;
use crate::entry::learned::{Learned, Lessons, Rung, Teaching};
use crate::entry::testified::Testimony;
use crate::entry::{MOST_OTHER_TAGS, StoredResponse};
use crate::exchange::answer::Write;
use crate::exchange::ladder::{self, Whole};
use crate::exchange::marks;
use crate::exchange::outcome::Reason;
use crate::exchange::plan::Pending;
use crate::exchange::sharing::{Known, common_key};
use crate::exchange::storable::Judged;
use crate::exchange::{Ask, FullEvery, Policy};
use crate::fields::Fields;
use crate::key::{Key, Method};
use crate::rfc::etag::EntityTag;

/// Tags of one content beside the one that came, from which on tags are no use: there are more than can be offered.
const TOO_MANY_TAGS: usize = 3;

/// New validators in a row, of whatever content, from which on they are said to change each time.
const ALWAYS_NEW: u32 = 3;

/// What a 200 taught.
#[derive(Debug, Clone, Default)]
pub(super) struct Taught {
    /// About this URL, from now on.
    pub(super) learned: Learned,
    /// Tags that came with this content, but for the one that came now.
    pub(super) other_tags: Vec<Bytes>,
    /// Why the content came whole though it is the stored one, or no 304 could have told that it is not.
    pub(super) reason: Option<Reason>,
    /// What its origin's other URLs are to know.
    pub(super) writes: Vec<Write>,
}

/// What `fields` with the content that was `judged` teach, as the answer to `pending` at `now`.
pub(super) fn by_content(pending: &Pending, fields: &Fields, judged: &Judged, now: u64) -> Taught {
    let answered =
        pending.stored().map(|before| Answered { pending, before, fields, coding: judged.coding.as_deref(), now });
    let mut taught = match answered {
        // Another token in the same page is no other content: the condition could have done its work.
        Some(answered) if answered.before.is_same(judged.content, judged.fingerprint) => answered.unchanged(),
        Some(answered) => answered.changed(),
        None => Taught::default(),
    };
    // Of a variant that is new as well: it is compared with the others.
    taught.writes.extend(marks::learned(pending, fields, judged, now));
    taught
}

/// What a 304 teaches that confirmed `stored`: its rung holds.
pub(super) fn by_not_modified(
    pending: &Pending,
    stored: &StoredResponse,
    policy: &Policy,
    now: u64,
) -> (Learned, Vec<Write>) {
    let learned = Learned { polls: polls(pending, stored, policy), changes: 0, ..stored.learned };
    // Only where some other URL of the origin said otherwise is it worth a note.
    let place = || ladder::place(stored, &pending.ask.key.url);
    let doubted = pending.lessons.as_ref().filter(|lessons| !lessons.lessons.is_empty());
    let told = doubted.zip(pending.rung.ok()).and_then(|(lessons, rung)| {
        let place = place();
        (!lessons.is_known_to_hold(&place, rung)).then(|| note(pending, Teaching::Holds(place, rung), now))
    });
    (learned, told.unwrap_or_default())
}

/// What a 200 teaches whose header section said that its content is the stored one: as much as that content would have, but that nobody has
/// seen it.
pub(super) fn by_announcement(
    pending: &Pending,
    stored: &StoredResponse,
    fields: &Fields,
    policy: &Policy,
    now: u64,
) -> Taught {
    let announced = Judged {
        content: stored.content,
        fingerprint: stored.fingerprint,
        coding: stored.coding.clone(),
        body: stored.body,
    };
    let taught = by_content(pending, fields, &announced, now);
    Taught { learned: Learned { polls: polls(pending, stored, policy), ..taught.learned }, ..taught }
}

/// Polls since the content of `stored` came whole, with this one; 0 where nobody counts them.
fn polls(pending: &Pending, stored: &StoredResponse, policy: &Policy) -> u32 {
    let is_counted = matches!(policy.full_every, Some(FullEvery::Polls(_)))
        || pending.rung.is_ok_and(|rung| ladder::is_below_the_tag(stored, rung));
    if is_counted { stored.learned.polls.saturating_add(1) } else { 0 }
}

/// An answer with content, and what it is compared with.
struct Answered<'a> {
    pending: &'a Pending,
    before: &'a StoredResponse,
    fields: &'a Fields,
    coding: Option<&'a [u8]>,
    now: u64,
}

impl Answered<'_> {
    fn tag(&self) -> Option<EntityTag<'_>> {
        self.fields.get(b"etag").and_then(EntityTag::new)
    }

    /// The tag that came is the one that was stored last.
    fn has_same_tag(&self) -> bool {
        self.tag().zip(self.before.entity_tag()).is_some_and(|(now, before)| now.weakly_equals(before))
    }

    fn has_known_tag(&self) -> bool {
        self.tag().is_some_and(|tag| self.before.entity_tags().any(|known| known.weakly_equals(tag)))
    }

    fn has_same_date(&self) -> bool {
        self.before.last_modified().is_some_and(|date| self.fields.get(b"last-modified") == Some(date))
    }

    fn has_same_coding(&self) -> bool {
        self.coding == self.before.coding.as_deref()
    }

    /// Did what `rung` sends come back as it was?
    fn has_same_validator(&self, rung: Rung) -> bool {
        match rung {
            Rung::List => self.has_known_tag(),
            Rung::Tag | Rung::CutTag | Rung::Both => self.has_same_tag(),
            Rung::Date => self.has_same_date(),
        }
    }

    /// The rung whose 304 was not believed, for the tag that it named. Asked whole, the content was the stored one: it would be asked twice
    /// for ever. Where the 304 only left out the mark of the coding, that is learned instead.
    fn doubted(&self) -> Option<Rung> {
        let (rung, _) = self.pending.doubted.as_ref()?;
        marks::left_out(self.pending, self.fields, self.coding).is_none().then_some(*rung)
    }

    /// The barred rungs of before, as far as they have not decayed.
    fn kept(&self) -> Learned {
        let barred = ladder::own_barred(self.before, self.now);
        Learned { barred, polls: 0, ..self.before.learned }
    }

    /// The content is the stored one.
    fn unchanged(&self) -> Taught {
        let mut learned = self.kept();
        let has_tag = self.before.entity_tag().is_some();
        let is_same_tag = self.has_same_tag();
        let is_known = self.has_known_tag();
        let has_new_validator = match self.before.entity_tag() {
            Some(_) => self.tag().is_some() && !is_known,
            None => self.before.last_modified().is_some() && !self.has_same_date(),
        };
        learned.changes = if has_new_validator { learned.changes.saturating_add(1) } else { 0 };
        let other_tags = self.other_tags();
        // A file that was touched has a new tag once, and another date. The machines behind one name give each its own for the same date,
        // and come back to it; so does a server to each coding, which is another matter.
        let is_another_tag = !is_same_tag && self.tag().is_some() && self.has_same_coding();
        learned.do_tags_alternate |= is_another_tag && (is_known || self.has_same_date());
        learned.is_date_confirmed = self.has_same_date();
        let ignored = self.pending.rung.ok().filter(|rung| self.has_same_validator(*rung));
        // More tags of this very content than can be offered; a tag that hits seldom is still better than nothing.
        let are_too_many = has_new_validator && other_tags.len() >= TOO_MANY_TAGS;
        let is_hopeless = are_too_many && ladder::is_date_strong(self.before) && self.has_same_date();
        let hopeless = is_hopeless.then_some([Rung::List, Rung::Tag]);
        let doubted = self.doubted().filter(|rung| is_same_tag || !has_tag && self.has_same_validator(*rung));
        // A 304 to the date that named another tag was perhaps of another machine: that is given one chance.
        let is_first_doubt = has_tag && doubted == Some(Rung::Date) && !learned.do_tags_alternate;
        learned.do_tags_alternate |= is_first_doubt;
        let doubted = doubted.filter(|_| !is_first_doubt);
        let newly: Vec<Rung> = ignored.into_iter().chain(doubted).chain(hopeless.into_iter().flatten()).collect();
        for rung in &newly {
            learned.barred = learned.barred.with(*rung);
            learned.barred_at = self.now;
        }
        let reason = match self.pending.rung {
            _ if ignored.is_some() => Some(Reason::ConditionIgnored),
            Err(Whole::NothingHolds) => Some(Reason::ConditionIgnored),
            _ if learned.changes >= ALWAYS_NEW => Some(Reason::ChangingValidator),
            Ok(_) if is_known && !is_same_tag => Some(Reason::AlternatingTag),
            Ok(_) | Err(_) => None,
        };
        Taught { learned, other_tags, reason, writes: ignored.map(|rung| self.told(rung)).unwrap_or_default() }
    }

    /// The tags that came with this content before, the stored one among them, but for the one that came now. Those of before a touch
    /// come no more.
    fn other_tags(&self) -> Vec<Bytes> {
        let has_dates = self.before.last_modified().is_some() && self.fields.contains(b"last-modified");
        if has_dates && !self.has_same_date() && !self.has_known_tag() {
            return Vec::new();
        }
        let mut tags = self.before.other_tags.clone();
        if !self.has_same_tag() {
            let came = |tag: &Bytes| self.tag().is_some_and(|now| now.as_bytes() == &**tag);
            tags.extend(self.before.entity_tag().map(|tag| Bytes::copy_from_slice(tag.as_bytes())));
            tags.retain(|tag| !came(tag));
            let excess = tags.len().saturating_sub(MOST_OTHER_TAGS);
            tags.drain(..excess);
        }
        tags
    }

    /// A rung did not hold: for the other URLs of the origin to know.
    fn told(&self, rung: Rung) -> Vec<Write> {
        let url = &self.pending.ask.key.url;
        let witness = xxhash_rust::xxh3::xxh3_64(url.as_bytes());
        note(self.pending, Teaching::Fails(ladder::place(self.before, url), rung, witness), self.now)
    }

    /// The content is another.
    fn changed(&self) -> Taught {
        let mut learned = self.kept();
        let has_same_tag = self.before.entity_tag().is_some() && self.has_same_tag();
        let is_new = match self.before.entity_tag() {
            Some(_) => !has_same_tag,
            None => self.before.last_modified().is_some() && !self.has_same_date(),
        };
        learned.changes = if is_new { learned.changes.saturating_add(1) } else { 0 };
        // What would have been sent, had the content not been asked for whole.
        let lessons = self.pending.lessons.as_deref();
        let rung = ladder::foothold(self.before, &self.pending.ask.key.url, lessons, self.now);
        let missed = rung.ok().filter(|rung| self.would_have_missed(*rung));
        if let Some(rung) = missed {
            learned.barred = learned.barred.with(rung);
            learned.barred_at = self.now;
            if rung == Rung::Date {
                learned.barred = learned.barred.with(Rung::Both);
            }
        }
        let is_always_new = learned.changes >= ALWAYS_NEW;
        let is_by_tag = matches!(rung, Ok(Rung::List | Rung::Tag | Rung::CutTag));
        let is_to_see = is_by_tag && self.pending.rung == Err(Whole::Due);
        // A strong tag that stays with other content breaks its promise, also where nobody would have sent it.
        let reason = match missed {
            Some(_) => Some(Reason::MissedChange),
            None if self.is_strongly_same_tag() => Some(Reason::MissedChange),
            // A weak tag breaks none, but would have brought a 304: whoever fetches the content whole to see wants to hear of it.
            None if is_to_see && has_same_tag => Some(Reason::MissedChange),
            None => is_always_new.then_some(Reason::ChangingValidator),
        };
        let did_tag_lie = learned.did_tag_lie || self.is_strongly_same_tag();
        let learned = Learned { is_date_confirmed: false, did_tag_lie, ..learned };
        Taught { learned, other_tags: Vec::new(), reason, writes: Vec::new() }
    }

    /// Would a 304 have been the answer to `rung`, by the validators that came? A weak tag may stand for contents that differ
    /// (RFC 9110 §8.8.1).
    fn would_have_missed(&self, rung: Rung) -> bool {
        match rung {
            Rung::Date => self.has_same_date(),
            Rung::Both => self.has_same_date() && self.is_strongly_same_tag(),
            Rung::List | Rung::Tag | Rung::CutTag => self.is_strongly_same_tag(),
        }
    }

    fn is_strongly_same_tag(&self) -> bool {
        self.tag().zip(self.before.entity_tag()).is_some_and(|(now, before)| now.strongly_equals(before))
    }
}

/// A lesson of this identity's own, and its word to the others, who need that of several.
pub(super) fn note(pending: &Pending, teaching: Teaching, at: u64) -> Vec<Write> {
    let told = pending.common.as_ref().map(|common| {
        let exit = pending.ask.identity.exit.witness();
        let (way, quorum) = (pending.ask.way, common.quorum);
        let testimony = Testimony { exit, way, teaching: teaching.clone(), at, quorum };
        Write { key: origin_key(&common.key), change: Change::Testify(Box::new(testimony)) }
    });
    let own = Write { key: origin_key(&pending.ask.key), change: Change::Learn(teaching, at) };
    std::iter::once(own).chain(told).collect()
}

/// What the origin of `ask` taught, given the records of [`origin_key`]: its identity, and enough exits.
#[must_use]
pub fn lessons(ask: &Ask, known: Known, policy: &Policy, now: u64) -> Lessons {
    let Known { own, common } = known;
    let quorum = policy.quorum().filter(|_| common_key(ask).is_some());
    let testified = || common.as_ref().or(own.as_ref()).map(|record| &record.testified);
    let agreed = quorum.and_then(|quorum| Some(testified()?.agreed(quorum, now))).unwrap_or_default();
    let own = own.map(|own| own.lessons).unwrap_or_default();
    // What it was taught longer ago would tell it from a new one as well as a validator.
    let own = match policy.identity_ttl {
        Some(ttl) => own.learned_within(ttl, now),
        None => own,
    };
    own.and(agreed, now)
}

/// Where what was learned about the origin of a key is kept. The same partition: an origin could teach each client another lesson, and
/// know it again by it.
#[must_use]
pub fn origin_key(of: &Key) -> Key {
    Key::new(Method::OtherSafe, origin(&of.url).into(), of.partition)
}

/// Scheme, host and port of a URL.
#[must_use]
pub fn origin(url: &str) -> &str {
    let slash = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    url.get(..slash).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (url, expected) in
            [("http://a/", "http://a"), ("https://a:8443/b/c?d=/e", "https://a:8443"), ("http://a", "http://a")]
        {
            assert_eq!(origin(url), expected);
        }
    }
}
