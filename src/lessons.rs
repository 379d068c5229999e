//! What origins taught, at hand: looked up for every request to something stored, and so held in memory for a minute.
//!
//! The store keeps it ([`crate::entry::learned`], [`crate::entry::testified`]); other processes may have added to it since. What is held is
//! what a request goes by: what its identity was taught, and enough of the others.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::entry::learned::Lessons as Learned;
use crate::exchange::Ask;
use crate::exchange::learn::origin;
use crate::exchange::sharing::common_key;
use crate::identity::Partition;
use crate::key::Key;

/// Most origins held, for all who ask.
const MOST_ORIGINS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Seconds after which the store is asked again.
const TRUSTED_FOR: u64 = 60;

/// What origins taught, those that were asked last.
#[derive(Debug)]
pub struct Lessons {
    table: Mutex<LruCache<u64, Held>>,
}

/// Whose lessons a request goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pupil {
    /// Those of this one; `None`: of nobody in particular, for what goes by an exit of one request has none of its own.
    own: Option<Partition>,
    /// Those that exits agree on.
    is_sharing: bool,
}

#[derive(Debug)]
struct Held {
    origin: Box<str>,
    pupil: Pupil,
    /// Nothing, for most.
    learned: Option<Arc<Learned>>,
    since: u64,
}

impl Default for Lessons {
    fn default() -> Self {
        Self { table: Mutex::new(LruCache::new(MOST_ORIGINS)) }
    }
}

impl Lessons {
    /// What is at hand for the origin of `ask` at `now`: `None` where the store is to be asked.
    pub fn get(&self, ask: &Ask, now: u64) -> Option<Option<Arc<Learned>>> {
        let (origin, pupil) = (origin(&ask.key.url), Pupil::of(ask));
        let mut table = self.table();
        let held = table.get(&pupil.place(origin))?;
        let is_valid = now.saturating_sub(held.since) < TRUSTED_FOR && held.pupil == pupil && *held.origin == *origin;
        is_valid.then(|| held.learned.clone())
    }

    /// Holds what the store said at `now`.
    pub fn hold(&self, ask: &Ask, learned: Learned, now: u64) -> Option<Arc<Learned>> {
        let learned = (!learned.is_empty()).then(|| Arc::new(learned));
        let (origin, pupil) = (origin(&ask.key.url), Pupil::of(ask));
        let held = Held { origin: origin.into(), pupil, learned: learned.clone(), since: now };
        self.table().put(pupil.place(origin), held);
        learned
    }

    /// Something was learned about the origin of `key`, which is one of its records. Who goes by others as well hears of it within a minute.
    pub fn forget(&self, key: &Key) {
        let mut table = self.table();
        for pupil in Pupil::taught_by(key.partition) {
            table.pop(&pupil.place(origin(&key.url)));
        }
    }

    /// An exit was forgotten, on whose word others may have gone.
    pub fn forget_all(&self) {
        self.table().clear();
    }

    fn table(&self) -> MutexGuard<'_, LruCache<u64, Held>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pupil {
    fn of(ask: &Ask) -> Self {
        let own = ask.keeps(&ask.key).then_some(ask.key.partition);
        Self { own, is_sharing: common_key(ask).is_some() }
    }

    /// Those who go first by the record of that partition.
    fn taught_by(partition: Partition) -> impl Iterator<Item = Self> {
        let own = [false, true].map(|is_sharing| Self { own: Some(partition), is_sharing });
        let nobody = (partition == Partition::ANONYMOUS).then_some(Self { own: None, is_sharing: true });
        own.into_iter().chain(nobody)
    }

    /// Two of one place drive each other out, and are told apart by what is held.
    fn place(self, origin: &str) -> u64 {
        let exit = self.own.map_or(u64::MAX, |own| own.exit.witness());
        xxhash_rust::xxh3::xxh3_64_with_seed(origin.as_bytes(), exit.wrapping_add(u64::from(self.is_sharing)))
    }
}

#[cfg(test)]
mod tests {
    use super::Lessons;
    use crate::entry::corroboration::Quorum;
    use crate::entry::learned::{Lessons as Learned, Suffix, Teaching};
    use crate::exchange::Ask;
    use crate::exchange::learn::origin_key;
    use crate::exchange::sharing::Sharing;
    use crate::fields::Fields;
    use crate::identity::{Exit, Secret};
    use crate::request::Request;

    const CORROBORATED: Sharing = Sharing::Corroborated(Quorum { k: 2, ttl: None });

    fn ask(name: Option<&str>, authorization: Option<&str>, sharing: Sharing) -> Ask {
        let fields: Fields = authorization.map(|value| ("Authorization", value)).into_iter().collect();
        let request = Request::new("GET", "http://origin/page", fields).unwrap();
        request.named(name).unwrap().ask(&Secret([1; 32])).shared_by(sharing)
    }

    /// By an exit of its own.
    fn fleeting(number: u8, authorization: Option<&str>, sharing: Sharing) -> Ask {
        let mut ask = ask(Some(&number.to_string()), authorization, Sharing::Isolated);
        (ask.is_fleeting, ask.is_named) = (true, false);
        assert_ne!(ask.identity.exit, Exit::DIRECT);
        ask.shared_by(sharing)
    }

    fn learned() -> Learned {
        let mut learned = Learned::default();
        learned.take(&Teaching::Marks(Suffix { coding: "gzip".into(), suffix: "-gz".into() }), 1);
        learned
    }

    #[test]
    fn whoever_goes_by_other_lessons_is_not_given_these() {
        let [own, other] = [Some("own"), Some("other")].map(|name| ask(name, None, CORROBORATED));
        let direct = ask(None, None, CORROBORATED);
        let with_key = Ask { fields: [("X-Api-Key", "a")].into_iter().collect(), ..direct.clone() };
        let central = ["a", "b"].map(|authorization| fleeting(1, Some(authorization), Sharing::Central));
        let all =
            [own, other, direct, with_key, fleeting(1, None, CORROBORATED), central[0].clone(), central[1].clone()];
        for (place, one) in all.iter().enumerate() {
            let lessons = Lessons::default();
            lessons.hold(one, learned(), 10);
            let given = all.iter().map(|one| lessons.get(one, 11).is_some());
            assert_eq!(given.collect::<Vec<_>>(), (0..all.len()).map(|other| other == place).collect::<Vec<_>>());
        }
    }

    #[test]
    fn exits_of_one_request_have_theirs_in_common_until_something_new_is_said() {
        let lessons = Lessons::default();
        lessons.hold(&fleeting(1, None, CORROBORATED), learned(), 10);
        let next = fleeting(2, None, CORROBORATED);
        assert_eq!(lessons.get(&next, 69).flatten().as_deref(), Some(&learned()));
        assert!(lessons.get(&next, 70).is_none());
        lessons.forget(&origin_key(&next.key));
        assert!(lessons.get(&next, 69).is_some());
        lessons.forget(&origin_key(next.common.as_ref().unwrap()));
        assert!(lessons.get(&next, 69).is_none());
    }
}
