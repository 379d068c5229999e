//! Which stored responses an identity may use beside those that it received itself.
//!
//! An entity tag is a cookie: an origin can give each client its own and know the client by it, whatever address it comes from. So what an
//! exit was given is sent by another only when that tells the origin nothing:
//!
//! - never, where it is [`Sharing::Isolated`];
//! - where it is [`Sharing::Corroborated`], as a pair (validator, page) that `k` exits were each given, by requests without Cookie, Authorization and
//!   validators: whoever sends it is served exactly that page;
//! - always, where it is [`Sharing::Central`]: all exits are one.
//!
//! What was answered to credentials is nobody else's in any of them.
//!
//! ```text
//! own record ──▶ what this identity received ──────┐
//!                                                  ├─▶ view ─▶ plan ─▶ settle ─▶ own record, and what was seen ─▶ common record
//! common record ─▶ what enough exits agree on ─────┘
//! ```

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::change::Change;
use crate::entry::corroboration::{self, Asked, Candidate, Corroboration, Field, Quorum, Sighting, page};
use crate::entry::learned::Learned;
use crate::entry::spread::Spread;
use crate::entry::{MOST_OTHER_TAGS, Record, StoredResponse};
use crate::exchange::answer::Write;
use crate::exchange::bare::is_bare;
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::settle::Reply;
use crate::exchange::{Ask, Policy};
use crate::identity::Partition;
use crate::key::Key;
use crate::rfc::vary::Selecting;

/// Who may use what an identity received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sharing {
    /// Nobody else.
    #[default]
    Isolated,
    /// Whoever has no credentials, once so many exits agree.
    Corroborated(Quorum),
    /// Whoever has the same credentials.
    Central,
}

/// What is stored for a request.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Under its own key.
    pub own: Option<Record>,
    /// Under [`Ask::common`], where that is another.
    pub common: Option<Record>,
}

impl From<Option<Record>> for Known {
    fn from(own: Option<Record>) -> Self {
        Self { own, common: None }
    }
}

/// What exits have in common for a request's URL.
#[derive(Debug, Clone)]
pub struct Common {
    /// Where it is kept.
    pub key: Key,
    /// What has to agree.
    pub quorum: Quorum,
    /// What they were given.
    pub corroboration: Corroboration,
    /// When its record was last of use.
    pub last_used: u64,
}

impl Known {
    /// Is there a stored response among it?
    #[must_use]
    pub fn has_something(&self) -> bool {
        [&self.own, &self.common].into_iter().flatten().any(|record| !record.variants.is_empty())
    }

    /// Leaves out what an identity received too long ago; what that was. How long the exits' agreement counts, the quorum says.
    fn outlived(&mut self, policy: &Policy, now: u64) -> Vec<(Selecting, Digest)> {
        let mut outlived = Vec::new();
        for record in [&mut self.own, &mut self.common].into_iter().flatten() {
            record.variants.retain(|one| {
                let goes = !one.is_shared && policy.is_outlived(one, now);
                outlived.extend(goes.then(|| (one.selecting, one.mark())));
                !goes
            });
        }
        outlived
    }
}

/// Where exits have something in common for `ask`.
#[must_use]
pub fn common_key(ask: &Ask) -> Option<&Key> {
    ask.common.as_ref().filter(|_| is_bare(ask))
}

/// Where it is noted what consumers have seen of what `ask` asks for: whichever exit brought it, unless the caller names who asks.
#[must_use]
pub fn acknowledged_under(ask: &Ask) -> Option<&Key> {
    Some(common_key(ask).filter(|_| !ask.is_named).unwrap_or(&ask.key)).filter(|key| ask.keeps(key))
}

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
    let usable = shared.into_iter().filter_map(|one| usable(one, &corroboration, quorum, now));
    let polls = drawn_polls(ask, now);
    for mut one in usable {
        one.learned.polls = polls;
        add(&mut record.variants, one);
    }
    (Some(record), Some(Common { key: key.clone(), quorum, corroboration, last_used }))
}

/// Of two pages for one request, the one whose content came later. Where it is the same, or came at once, what the identity received itself:
/// it may know more tags for it.
fn add(variants: &mut Vec<StoredResponse>, shared: StoredResponse) {
    let is_same = |one: &StoredResponse| one.is_page() && one.selecting == shared.selecting;
    let is_older = |own: &StoredResponse| own.received_at < shared.received_at && own.content != shared.content;
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
    shared.learned = Learned { do_tags_alternate: !other_tags.is_empty(), ..Learned::default() };
    shared.other_tags = other_tags;
    Some(shared)
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

impl Policy {
    /// By how many a pair has to be seen to be shared; `None` where that is not the question.
    #[must_use]
    pub const fn quorum(&self) -> Option<Quorum> {
        match self.sharing {
            Sharing::Corroborated(quorum) => Some(quorum),
            Sharing::Isolated | Sharing::Central => None,
        }
    }
}

impl Ask {
    /// Is anything kept under `key`? Not where its exit is that of this request alone: nobody will ever ask by it again.
    #[must_use]
    pub fn keeps(&self, key: &Key) -> bool {
        !self.is_fleeting || key.partition.exit != self.identity.exit
    }

    /// The request as `sharing` lets it look things up.
    #[must_use]
    pub fn shared_by(mut self, sharing: Sharing) -> Self {
        match sharing {
            Sharing::Isolated => {}
            Sharing::Central => {
                let partition = Partition { exit: crate::identity::Exit::ANY, ..self.identity };
                self.key = Key::new(self.key.method, self.key.url, partition);
            }
            Sharing::Corroborated(_) => {
                let is_page = self.key.method == crate::key::Method::Get;
                let common = || Key::new(self.key.method, self.key.url.clone(), Partition::ANONYMOUS);
                self.common = is_page.then(common);
            }
        }
        self
    }
}

impl Pending {
    /// Where `stored` is kept.
    #[must_use]
    pub fn key_of(&self, stored: &StoredResponse) -> &Key {
        let common = self.common.as_ref().filter(|_| stored.is_shared);
        common.map_or(&self.ask.key, |common| &common.key)
    }

    /// Is this to be asked without a validator, because exits do not agree any more?
    pub(super) fn is_reconsidered(&self, stored: &StoredResponse, now: u64) -> bool {
        let reconsidering = self.common.as_ref().and_then(|common| common.corroboration.reconsidering);
        reconsidering.is_some_and(|one| one.doubts(stored, now))
    }

    /// What the answer with `response` says to the other exits.
    pub(super) fn sighting(&self, response: Option<&StoredResponse>, reply: &Reply) -> Option<Write> {
        let common = self.common.as_ref().filter(|_| self.treatment == Treatment::Ours)?;
        let is_prompted = self.rung.is_ok() || self.is_resend;
        let asked = self.stored().filter(|_| is_prompted);
        let asked = asked.map(|stored| Asked { selecting: stored.selecting, page: corroboration::page(stored) });
        // An answer to a validator says what it is worth; one to the second attempt, or to a list for another variant, says nothing.
        if is_prompted && asked.is_none() || response.is_none() && asked.is_none() {
            return None;
        }
        let exit = self.ask.identity.exit.witness();
        let (response, at) = (response.cloned(), reply.response_time);
        let sighting = Sighting { exit, way: self.ask.way, asked, response, at, quorum: common.quorum };
        Some(Write { key: common.key.clone(), change: Change::Sight(Box::new(sighting)) })
    }

    /// How what the answer brought is spread over exits, as far as it was evidence of that.
    pub(super) fn spread(&self, write: &Write) -> Option<Spread> {
        match &write.change {
            Change::Sight(sighting) => sighting.spread(&self.common.as_ref()?.corroboration.candidates),
            _ => None,
        }
    }
}
