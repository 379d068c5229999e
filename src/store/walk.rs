//! A walk through a store, a bounded stretch at a time: whoever looks at everything holds no transaction meanwhile, and a store of any size
//! needs no more memory than a small one.
//!
//! Records come in the order of their hashes. What is written during a walk may be met or not; what was there before and stays is met once.

use crate::entry::Record;
use crate::key::{Key, KeyHash};

/// Records that lie side by side.
#[derive(Debug, Default)]
pub struct Stretch {
    /// What was met.
    pub met: Vec<Met>,
    /// Where it ended, and the next one begins; `None`: there is no more.
    pub end: Option<KeyHash>,
}

/// What a walk meets.
#[derive(Debug)]
pub struct Met {
    /// Its key; of what cannot be read, see [`Key::unreadable`].
    pub key: Key,
    /// The record; `None`: it cannot be read.
    pub record: Option<Record>,
}

/// The first `most` of `hashes`, in order. There may be far more of them.
#[must_use]
pub fn first(mut hashes: Vec<KeyHash>, most: usize) -> Vec<KeyHash> {
    if hashes.len() > most {
        hashes.select_nth_unstable(most);
        hashes.truncate(most);
    }
    hashes.sort_unstable();
    hashes
}

impl Met {
    /// What lies under `hash`. A record that says to be of another URL is found by no request, and is as good as none.
    #[must_use]
    pub fn at(hash: KeyHash, record: Option<Record>) -> Self {
        let key = record.as_ref().and_then(|record| Key::found(hash, &record.url, record.partition));
        match key {
            Some(key) => Self { key, record },
            None => Self { key: Key::unreadable(hash), record: None },
        }
    }
}
