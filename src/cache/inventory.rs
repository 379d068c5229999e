//! Looking into the store, and forgetting some of it: without a request, and while others go on asking.

use std::thread;
use std::time::Duration;

use crate::cache::Cache;
use crate::clock;
use crate::entry::Record;
use crate::entry::change::Change;
use crate::error::{Error, Kind, Result};
use crate::fields::Fields;
use crate::identity::{Exit, Proxy};
use crate::key::{Key, KeyHash};
use crate::request::Request;
use crate::selection::{Selection, is_for_a_url};
use crate::store::Store;
use crate::store::walk::{Met, Stretch};

/// A walk through some of what is stored, a bounded stretch at a time.
#[derive(Debug)]
pub struct Walk {
    selection: Selection,
    after: Option<KeyHash>,
    is_over: bool,
    is_entombed: bool,
    unreadable: u64,
}

/// What a clock that is read in milliseconds may still show afterwards.
const ONE_TICK: Duration = Duration::from_millis(2);

impl Walk {
    /// One that has not begun.
    #[must_use]
    pub const fn new(selection: Selection) -> Self {
        Self { selection, after: None, is_over: false, is_entombed: false, unreadable: 0 }
    }

    /// How many records it met that could not be read: damaged, or of another format. Whose they are is not known.
    #[must_use]
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    async fn next(&mut self, cache: &Cache) -> Result<Option<Stretch>> {
        if self.is_over {
            return Ok(None);
        }
        let stretch = cache.store.records(self.after).await?;
        self.is_over = stretch.end.is_none();
        self.after = stretch.end;
        self.unreadable += stretch.met.iter().filter(|met| met.record.is_none()).count() as u64;
        Ok(Some(stretch))
    }
}

/// Is that something stored for a URL? Not where it is no more than what was said of what others received.
fn is_entry(met: &Met) -> bool {
    let is_word_of_others = |record: &Record| {
        record.variants.is_empty() && record.unconfirmed.is_none() && !record.corroboration.is_empty()
    };
    is_for_a_url(&met.key) && !met.record.as_ref().is_some_and(is_word_of_others)
}

impl Cache {
    /// What is stored for URLs in the next stretch of a walk, which may be nothing; `None` at its end.
    ///
    /// # Errors
    /// [`Kind::Store`] when the store cannot be read.
    pub async fn look(&self, walk: &mut Walk) -> Result<Option<Vec<(Key, Record)>>> {
        let Some(stretch) = walk.next(self).await? else { return Ok(None) };
        let meant = stretch.met.into_iter().filter(|met| is_entry(met) && walk.selection.covers(&met.key));
        Ok(Some(meant.filter_map(|met| Some((met.key, met.record?))).collect()))
    }

    /// Forgets what is meant in the next stretch of a walk, with acknowledgements and lessons, and what the exits that are meant said to others:
    /// for how many URLs something was stored; `None` at its end. Then it is durable, and whatever was asked for before, by any process, does not
    /// bring it back.
    ///
    /// # Errors
    /// [`Kind::Store`] when the store cannot be read or written.
    pub async fn forget(&self, walk: &mut Walk) -> Result<Option<u64>> {
        if !walk.is_entombed {
            // What was settled before is met by the walk, and what others write during it could lie behind it.
            self.store.flush().await?;
            self.entomb(walk).await?;
            walk.is_entombed = true;
        }
        let Some(stretch) = walk.next(self).await? else {
            self.store.flush().await?;
            // Once more: who planned by what was still there during the walk comes too late as well.
            self.entomb(walk).await?;
            self.store.flush().await?;
            // Whoever asks from now on does so after that, also by this clock.
            thread::sleep(ONE_TICK);
            return Ok(None);
        };
        let mut forgotten = 0;
        for met in &stretch.met {
            forgotten += u64::from(self.forget_one(met, &walk.selection).await?);
        }
        Ok(Some(forgotten))
    }

    async fn entomb(&self, walk: &Walk) -> Result<()> {
        let scopes = walk.selection.scopes(self.store.secret());
        if scopes.is_empty() {
            return Ok(());
        }
        self.store.entomb(scopes, clock::moment().since_epoch()).await
    }

    /// `true`: something was stored for a URL.
    async fn forget_one(&self, met: &Met, selection: &Selection) -> Result<bool> {
        if selection.covers(&met.key) {
            self.store.write(&met.key, Change::Forget, None).await?;
            self.lessons.forget(&met.key);
            return Ok(is_entry(met));
        }
        let Some(record) = &met.record else { return Ok(false) };
        for witness in selection.witnesses().filter(|witness| record.has_word_of(*witness)) {
            self.store.write(&met.key, Change::Disown(witness), None).await?;
            self.lessons.forget_all();
        }
        Ok(false)
    }

    /// The exit of requests by that name, or by that proxy.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] as for a request.
    pub fn exit(&self, name: Option<&str>, proxy: Option<&str>) -> Result<Exit> {
        let mut request = Request::new("GET", "http://localhost/", Fields::new())?.named(name)?;
        request.proxy = proxy.map(Proxy::parse).transpose()?;
        let ask = self.ask(&request)?;
        if ask.is_fleeting {
            let message = "each request of that proxy is an identity of its own: nothing is kept for it, and nothing is to be forgotten";
            return Err(Error::new(Kind::InvalidRequest, message));
        }
        Ok(ask.identity.exit)
    }
}
