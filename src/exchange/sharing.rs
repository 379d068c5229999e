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

use crate::digest::Digest;
use crate::entry::change::Change;
use crate::entry::corroboration::{Corroboration, Quorum};
use crate::entry::page::page;
use crate::entry::sighting::{Asked, Sighting};
use crate::entry::spread::Spread;
use crate::entry::{Record, StoredResponse};
use crate::exchange::answer::Write;
use crate::exchange::bare::{is_bare, says_who_asks};
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
    pub(super) fn outlived(&mut self, policy: &Policy, now: u64) -> Vec<(Selecting, Digest)> {
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

/// Under what a change is remembered that nobody saw: for that exit, or for whoever asks next where it will never ask again.
#[must_use]
pub fn unseen_under(ask: &Ask) -> &Key {
    if ask.keeps(&ask.key) { &ask.key } else { common_key(ask).unwrap_or(&ask.key) }
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
            // Whoever sends what may be a key is not taken for another who does.
            Sharing::Central if !says_who_asks(&self.fields) => {}
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
        self.common.as_ref().is_some_and(|common| common.corroboration.doubts(stored, now))
    }

    /// What the answer with `response` says to the other exits.
    pub(super) fn sighting(&self, response: Option<&StoredResponse>, reply: &Reply) -> Option<Write> {
        let common = self.common.as_ref().filter(|_| self.treatment == Treatment::Ours)?;
        let is_prompted = self.rung.is_ok() || self.is_resend;
        let asked = self.stored().filter(|_| is_prompted);
        let asked = asked.map(|stored| Asked { selecting: stored.selecting, page: page(stored) });
        // An answer to a validator says what it is worth; one to the second attempt, or to a list for another variant, says nothing.
        if is_prompted && asked.is_none() || response.is_none() && asked.is_none() {
            return None;
        }
        let exit = self.ask.identity.exit.witness();
        let (response, at) = (response.cloned(), reply.response_time);
        let (way, quorum, is_seen) = (self.ask.way, common.quorum, !self.is_behind);
        let sighting = Sighting { exit, way, asked, response, is_seen, at, quorum };
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
