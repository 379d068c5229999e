//! Looking into the store, and forgetting some of it: without a request, and while others go on asking.

use crate::cache::Cache;
use crate::entry::Record;
use crate::entry::change::Change;
use crate::error::Result;
use crate::key::{Key, KeyHash};
use crate::selection::{Selection, is_for_a_url};
use crate::store::Store;
use crate::store::walk::Stretch;

/// A walk through some of what is stored, a bounded stretch at a time.
#[derive(Debug)]
pub struct Walk {
    selection: Selection,
    after: Option<KeyHash>,
    is_over: bool,
    unreadable: u64,
}

impl Walk {
    /// One that has not begun.
    #[must_use]
    pub const fn new(selection: Selection) -> Self {
        Self { selection, after: None, is_over: false, unreadable: 0 }
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

impl Cache {
    /// What is stored for URLs in the next stretch of a walk, which may be nothing; `None` at its end.
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] when the store cannot be read.
    pub async fn look(&self, walk: &mut Walk) -> Result<Option<Vec<(Key, Record)>>> {
        let Some(stretch) = walk.next(self).await? else { return Ok(None) };
        let is_meant = |key: &Key| is_for_a_url(key) && walk.selection.covers(key);
        let meant = stretch.met.into_iter().filter(|met| is_meant(&met.key));
        Ok(Some(meant.filter_map(|met| Some((met.key, met.record?))).collect()))
    }

    /// Forgets what is meant in the next stretch of a walk, with acknowledgements and lessons: for how many URLs something was stored;
    /// `None` at its end. It is durable after [`Cache::flush`].
    ///
    /// # Errors
    /// [`crate::error::Kind::Store`] when the store cannot be read or written.
    pub async fn forget(&self, walk: &mut Walk) -> Result<Option<u64>> {
        let Some(stretch) = walk.next(self).await? else { return Ok(None) };
        let mut forgotten = 0;
        for met in stretch.met.into_iter().filter(|met| walk.selection.covers(&met.key)) {
            self.store.write(&met.key, Change::Forget, None).await?;
            self.lessons.forget(&met.key);
            forgotten += u64::from(is_for_a_url(&met.key));
        }
        Ok(Some(forgotten))
    }
}
