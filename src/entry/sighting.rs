//! One answer to a request without credentials, and what it says to the other exits.
//!
//! ```text
//! unprompted ─▶ one more witness of a pair ─▶ the k-th: a stored response for whoever asks without credentials
//! prompted, and another page ─▶ the pair is withdrawn, and the next k exits ask without a validator
//! ```

use crate::digest::Digest;
use crate::entry::change::is_newer;
use crate::entry::corroboration::{Candidate, Corroboration, Doubt, Latest, Quorum, Reconsidering};
use crate::entry::learned::Learned;
use crate::entry::page::{is_shown, page};
use crate::entry::{MOST_VARIANTS, Record, StoredResponse};
use crate::rfc::vary::Selecting;

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
        let mut changed = record.corroboration.outdate(came.map(|(_, page)| page), Some(asked.page));
        let is_other = came.is_none_or(|(_, page)| page != asked.page);
        let mut is_withdrawn = false;
        if is_other {
            let is_asked = |one: &StoredResponse| {
                one.is_shared && one.selecting == asked.selecting && self::page(one) == asked.page
            };
            let (variants, candidates) = (&mut record.variants, &mut record.corroboration.candidates);
            let before = variants.len() + candidates.len();
            variants.retain(|one| !is_asked(one));
            candidates.retain(|one| !one.is_of(asked.selecting, asked.page));
            is_withdrawn = before != variants.len() + candidates.len();
        }
        let corroboration = &mut record.corroboration;
        let is_agreed = came.is_some_and(|(response, page)| corroboration.knows_all(response, page, self));
        let is_open = corroboration.reconsidering.is_none_or(|one| !one.lasts(self.at));
        changed |= is_withdrawn;
        if !is_agreed && (is_withdrawn || is_open) {
            let doubt = if is_other { Doubt::Content } else { Doubt::Validator };
            corroboration.reconsidering = Some(Reconsidering { left: self.quorum.k, since: self.at, doubt });
            changed = true;
        }
        changed
    }
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
        corroboration.outdated.clear();
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
