//! What can happen to a record, as one pure function. Every backend applies changes through it, inside its own write transaction, so that
//! two processes that write the same key agree on the result.

use crate::digest::Digest;
use crate::entry::learned::{Learned, Teaching};
use crate::entry::sighting::{self, Sighting};
use crate::entry::testified::Testimony;
use crate::entry::{Acknowledged, BodyRef, Consumer, MOST_ACKNOWLEDGED, MOST_VARIANTS, Record, StoredResponse};
use crate::fields::Fields;
use crate::rfc::vary::Selecting;

/// One change to the record of one key.
#[derive(Debug, Clone)]
pub enum Change {
    /// A 200 arrived: it replaces the variant of the same selecting fields.
    Store(Box<StoredResponse>),
    /// A 304 arrived: freshen the variant it validated.
    Freshen(Box<Freshening>),
    /// An unsafe request succeeded (RFC 9111 §4.4): nothing here is served again before it was validated.
    Invalidate,
    /// A consumer has seen this content through to its end.
    Acknowledge(Acknowledgement),
    /// The body of a variant is gone or damaged: so is the variant.
    Drop(BodyRef),
    /// Content came that may have been cut off.
    Unconfirmed(Digest, u64),
    /// An answer taught something about its origin.
    Learn(Teaching, u64),
    /// An exit without credentials was taught this about the origin.
    Testify(Box<Testimony>),
    /// The origin asked not to be asked before this time (seconds since the epoch); 0: it can be asked again.
    Pause(u64),
    /// It was of use at this time (seconds since the epoch), and nothing else has to be written.
    Use(u64),
    /// An exit was given this, without credentials.
    Sight(Box<Sighting>),
    /// All of it is forgotten: what was stored, what was acknowledged, what was learned.
    Forget,
    /// An exit is forgotten, by its word ([`crate::identity::Exit::witness`]): it is a witness of nothing any more.
    Disown(u64),
}

/// What a 304 says about a stored response.
#[derive(Debug, Clone)]
pub struct Freshening {
    /// The variant that was validated.
    pub selecting: Selecting,
    /// Is it the one that exits share?
    pub is_shared: bool,
    /// What selects it from now on: another, where the 304 added to its Vary, or came to another request than brought it.
    pub selecting_now: Selecting,
    /// Is it then selected as before as well?
    pub is_for_another: bool,
    /// Its body: if that was replaced meanwhile, the 304 speaks of something that is no longer stored.
    pub body: BodyRef,
    /// The merged field section.
    pub fields: Fields,
    /// When the 304 was asked for.
    pub request_time: u64,
    /// When it arrived.
    pub response_time: u64,
    /// Milliseconds of that second.
    pub response_millis: u16,
    /// What was learned by it.
    pub learned: Learned,
}

/// What a consumer acknowledges.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledgement {
    /// Who.
    pub consumer: Consumer,
    /// Which variant.
    pub selecting: Selecting,
    /// Which content.
    pub content: Digest,
    /// When that arrived; seconds since the epoch.
    pub at: u64,
}

impl Change {
    /// Applies this change. `false`: the record is as it was, and need not be written. One that is empty afterwards goes
    /// ([`Record::is_empty`]).
    pub fn apply(&self, record: &mut Record) -> bool {
        let changed = match self {
            Self::Store(response) => store(record, response),
            Self::Freshen(freshening) => freshen(record, freshening),
            Self::Invalidate => invalidate(record),
            Self::Acknowledge(acknowledgement) => acknowledge(record, *acknowledgement),
            Self::Drop(body) => drop_body(record, *body),
            Self::Unconfirmed(content, _) => record.unconfirmed.replace(*content) != Some(*content),
            Self::Learn(teaching, at) => record.lessons.take(teaching, *at),
            Self::Testify(testimony) => record.testified.take(testimony),
            Self::Pause(until) => pause(record, *until),
            Self::Use(_) => !record.variants.is_empty() && self.used_since(record).is_some(),
            Self::Sight(sighting) => sighting.apply(record),
            Self::Forget => forget(record),
            Self::Disown(exit) => sighting::disown(record, *exit),
        };
        if changed {
            record.version += 1;
            record.last_used = self.used_since(record).unwrap_or(record.last_used);
        }
        changed
    }

    /// The body that goes with this change, where what arrived does.
    #[must_use]
    pub fn brings(&self) -> Option<BodyRef> {
        match self {
            Self::Store(response) => Some(response.body),
            Self::Sight(sighting) => sighting.response.as_ref().map(|response| response.body),
            _ => None,
        }
    }

    /// Does it bring anything of what an answer said? If it was asked for before that was forgotten, it comes too late.
    #[must_use]
    pub const fn brings_something(&self) -> bool {
        !matches!(self, Self::Invalidate | Self::Drop(_) | Self::Forget | Self::Disown(_))
    }

    /// The word of the exit that testifies by it, to others.
    #[must_use]
    pub fn witness(&self) -> Option<u64> {
        match self {
            Self::Sight(sighting) => Some(sighting.exit),
            Self::Testify(testimony) => Some(testimony.exit),
            _ => None,
        }
    }

    /// When this change used the record, if that is news. A clock that was far ahead when it was last used is not believed.
    fn used_since(&self, record: &Record) -> Option<u64> {
        let at = match self {
            Self::Store(response) => response.response_time,
            Self::Freshen(freshening) => freshening.response_time,
            Self::Acknowledge(acknowledgement) => acknowledgement.at,
            Self::Sight(sighting) => sighting.at,
            Self::Testify(testimony) => testimony.at,
            Self::Use(at) | Self::Learn(_, at) | Self::Unconfirmed(_, at) => *at,
            Self::Invalidate | Self::Drop(_) | Self::Pause(_) | Self::Forget | Self::Disown(_) => return None,
        };
        let is_news = at > record.last_used || record.last_used - at > CLOCK_SKEW;
        is_news.then_some(at)
    }
}

/// Seconds that a clock may have been ahead of the one that counts now; what is dated later was dated by a clock that was wrong.
pub const CLOCK_SKEW: u64 = 3600;

/// Was what is stored asked for later than what came? More than an hour later, a clock was wrong when it was stored: then what came counts,
/// or the record would be frozen until that time has come.
pub(super) fn is_newer(stored: &StoredResponse, request_time: u64) -> bool {
    (1..=CLOCK_SKEW).contains(&stored.request_time.saturating_sub(request_time))
}

/// An answer to an older request never replaces one to a newer. What came instead of a page (a 404, a redirect) stands beside the page and
/// never replaces it; the next page replaces both.
fn store(record: &mut Record, response: &StoredResponse) -> bool {
    let same = |one: &StoredResponse| !one.is_shared && one.selecting == response.selecting;
    if record.variants.iter().any(|one| same(one) && is_newer(one, response.request_time)) {
        return false;
    }
    if response.is_page() {
        // Whoever has content to give does not ask for patience.
        record.not_before = 0;
    }
    record.variants.retain(|one| !same(one) || one.is_page() && !response.is_page());
    add(record, response.clone());
    true
}

/// Adds a variant; at the bound, the one whose times were written longest ago gives way.
fn add(record: &mut Record, response: StoredResponse) {
    let of_kind = || record.variants.iter().enumerate().filter(|(_, one)| one.is_shared == response.is_shared);
    if of_kind().count() >= MOST_VARIANTS {
        let oldest = of_kind().min_by_key(|(_, one)| one.response_time).map(|(index, _)| index);
        oldest.map(|index| record.variants.remove(index));
    }
    record.variants.push(response);
}

fn freshen(record: &mut Record, freshening: &Freshening) -> bool {
    let is_of_kind = |one: &StoredResponse| one.is_shared == freshening.is_shared;
    let validated =
        |one: &StoredResponse| is_of_kind(one) && one.selecting == freshening.selecting && one.body == freshening.body;
    let Some(position) = record.variants.iter().position(validated) else { return false };
    if record.variants.get(position).is_none_or(|one| is_newer(one, freshening.request_time)) {
        return false;
    }
    let mut variant = record.variants.remove(position);
    let former = freshening.is_for_another.then(|| variant.clone());
    variant.selecting = freshening.selecting_now;
    variant.fields = freshening.fields.clone();
    variant.request_time = freshening.request_time;
    variant.response_time = freshening.response_time;
    variant.response_millis = freshening.response_millis;
    variant.is_invalidated = false;
    variant.learned = freshening.learned;
    let selecting = variant.selecting;
    // Whatever else was selected so gives way, also where it has the same body.
    record.variants.retain(|one| !is_of_kind(one) || one.selecting != selecting);
    record.variants.push(variant);
    if let Some(former) = former.filter(|former| former.selecting != selecting) {
        add(record, former);
    }
    true
}

fn invalidate(record: &mut Record) -> bool {
    let mut changed = false;
    for variant in &mut record.variants {
        changed |= !variant.is_invalidated;
        variant.is_invalidated = true;
    }
    changed
}

/// Without anything stored there is nothing to answer with meanwhile.
fn pause(record: &mut Record, until: u64) -> bool {
    let is_news = !record.variants.is_empty() && record.not_before != until;
    if is_news {
        record.not_before = until;
    }
    is_news
}

/// Also where there seems to be nothing: what cannot be read is forgotten too.
fn forget(record: &mut Record) -> bool {
    let url = std::mem::take(&mut record.url);
    *record = Record { last_used: record.last_used, version: record.version, ..Record::new(&url, record.partition) };
    true
}

fn acknowledge(record: &mut Record, by: Acknowledgement) -> bool {
    let Acknowledgement { consumer, selecting, content, at: _ } = by;
    if record.acknowledged_by(consumer, selecting) == Some(content) {
        return false;
    }
    record.acknowledged.retain(|one| one.consumer != consumer || one.selecting != selecting);
    if record.acknowledged.len() >= MOST_ACKNOWLEDGED {
        record.acknowledged.remove(0);
    }
    record.acknowledged.push(Acknowledged { consumer, selecting, content });
    true
}

fn drop_body(record: &mut Record, body: BodyRef) -> bool {
    let before = record.variants.len();
    record.variants.retain(|one| one.body != body);
    record.variants.len() != before
}

#[cfg(test)]
mod tests {
    use super::{Acknowledgement, Change, Freshening};
    use crate::digest::Digest;
    use crate::entry::learned::Learned;
    use crate::entry::{BodyRef, Consumer, MOST_ACKNOWLEDGED, MOST_VARIANTS, Record, StoredResponse};
    use crate::fields::Fields;
    use crate::identity::Partition;
    use crate::rfc::vary::Selecting;

    fn response(variant: u8, content: &[u8], at: u64) -> StoredResponse {
        let digest = Digest::of(content);
        StoredResponse {
            status: 200,
            fields: Fields::new(),
            request_time: at,
            response_time: at,
            response_millis: 0,
            received_at: at,
            selecting: Selecting([variant; 16]),
            accept_encoding: None,
            coding: None,
            content: digest,
            fingerprint: None,
            body: BodyRef { digest, length: content.len() as u64 },
            wire_bytes: 0,
            is_invalidated: false,
            other_tags: Vec::new(),
            learned: Learned::default(),
            is_shared: false,
        }
    }

    fn stored(responses: impl IntoIterator<Item = StoredResponse>) -> Record {
        let mut record = Record::new("http://a/", Partition::ANONYMOUS);
        for one in responses {
            Change::Store(Box::new(one)).apply(&mut record);
        }
        record
    }

    fn freshening(of: &StoredResponse, at: u64) -> Change {
        let fields = [("x", "new")].into_iter().collect();
        Change::Freshen(Box::new(Freshening {
            selecting: of.selecting,
            is_shared: false,
            selecting_now: of.selecting,
            is_for_another: false,
            body: of.body,
            fields,
            request_time: at,
            response_time: at,
            response_millis: 0,
            learned: Learned::default(),
        }))
    }

    #[test]
    fn an_older_answer_never_replaces_a_newer_one() {
        let record = stored([response(0, b"new", 20), response(0, b"old", 10)]);
        assert_eq!(record.variants, [response(0, b"new", 20)]);
    }

    #[test]
    fn what_came_instead_of_a_page_never_replaces_it() {
        let with = |status, content, at| StoredResponse { status, ..response(0, content, at) };
        let mut record = stored([with(200, b"page", 1), with(404, b"gone", 2), with(410, b"gone for good", 3)]);
        assert_eq!(record.variants.iter().map(|one| one.status).collect::<Vec<_>>(), [200, 410]);
        assert!(freshening(&with(200, b"page", 1), 4).apply(&mut record));
        assert_eq!(record.variants.iter().map(|one| one.status).collect::<Vec<_>>(), [200]);
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_freeze_the_record() {
        let record = stored([response(0, b"from the future", 2_000_000_000), response(0, b"now", 1_000_000_000)]);
        assert_eq!(record.variants, [response(0, b"now", 1_000_000_000)]);
    }

    #[test]
    fn variants_stand_side_by_side_within_their_bound() {
        let record = stored((0..20).map(|variant| response(variant, b"x", u64::from(variant))));
        assert_eq!(record.variants.len(), MOST_VARIANTS);
        assert!(record.variants.iter().all(|one| one.request_time >= 12));
    }

    #[test]
    fn a_304_for_a_body_that_was_replaced_changes_nothing() {
        let mut record = stored([response(0, b"new", 5)]);
        assert!(!freshening(&response(0, b"old", 1), 9).apply(&mut record));
        assert!(freshening(&response(0, b"new", 5), 9).apply(&mut record));
        assert!(record.variants[0].fields.contains(b"x"));
    }

    #[test]
    fn a_304_that_selects_anew_leaves_no_second_one_behind() {
        let mut record = stored([response(0, b"x", 5), response(1, b"x", 5), response(2, b"y", 5)]);
        let Change::Freshen(plain) = freshening(&response(0, b"x", 5), 9) else { panic!("a freshening") };
        assert!(
            Change::Freshen(Box::new(Freshening { selecting_now: Selecting([1; 16]), ..*plain })).apply(&mut record)
        );
        let of = |one: &StoredResponse| (one.selecting.0[0], one.response_time);
        assert_eq!(record.variants.iter().map(of).collect::<Vec<_>>(), [(2, 5), (1, 9)]);
    }

    #[test]
    fn an_invalidated_response_is_valid_again_after_a_304() {
        let mut record = stored([response(0, b"x", 5)]);
        assert!(Change::Invalidate.apply(&mut record) && record.variants[0].is_invalidated);
        freshening(&response(0, b"x", 5), 9).apply(&mut record);
        assert!(!record.variants[0].is_invalidated);
    }

    #[test]
    fn acknowledgements_are_per_consumer_and_bounded() {
        let mut record = stored([]);
        for number in 0..100_u8 {
            let consumer = Consumer([number; 16]);
            let content = Digest::of(&[number]);
            let by = Acknowledgement { consumer, selecting: Selecting::default(), content, at: 1 };
            assert!(Change::Acknowledge(by).apply(&mut record));
            assert!(!Change::Acknowledge(by).apply(&mut record));
        }
        assert_eq!(record.acknowledged.len(), MOST_ACKNOWLEDGED);
        assert_eq!(record.acknowledged_by(Consumer([99; 16]), Selecting::default()), Some(Digest::of(&[99])));
        assert_eq!(record.acknowledged_by(Consumer([1; 16]), Selecting::default()), None);
    }

    #[test]
    fn a_variant_goes_with_its_body() {
        let mut record = stored([response(0, b"x", 1), response(1, b"y", 1)]);
        assert!(Change::Drop(response(0, b"x", 1).body).apply(&mut record));
        assert_eq!(record.variants.len(), 1);
    }

    #[test]
    fn a_pause_is_noted_where_something_is_stored_and_ends() {
        let mut record = stored([response(0, b"x", 1)]);
        assert!(Change::Pause(50).apply(&mut record) && record.not_before == 50);
        assert!(!Change::Pause(50).apply(&mut record));
        assert!(Change::Pause(0).apply(&mut record) && record.not_before == 0);
        assert!(
            Change::Pause(60).apply(&mut record) && Change::Store(Box::new(response(0, b"y", 2))).apply(&mut record)
        );
        assert_eq!(record.not_before, 0);
        assert!(!Change::Pause(50).apply(&mut stored([])));
    }

    #[test]
    fn a_use_is_noted_forwards_only_unless_the_clock_was_far_ahead() {
        let mut record = stored([response(0, b"x", 5_000)]);
        assert!(!Change::Use(4_000).apply(&mut record));
        assert!(Change::Use(9_000).apply(&mut record) && record.last_used == 9_000);
        assert!(Change::Use(4_000).apply(&mut record) && record.last_used == 4_000);
        assert!(!Change::Use(9_000).apply(&mut stored([])));
    }
}
