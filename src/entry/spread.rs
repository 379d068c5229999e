//! How the validators of one page are spread over the exits that were given it: by machine, or by client.
//!
//! Behind a balancer each machine may have a tag of its own: these are few, and sooner or later two exits are given the same. An origin that
//! wants to know its clients again gives each a validator of its own: there are as many as clients, and no two exits share one.
//!
//! # Scope
//! What it says is evidence, and grows better with each exit. That nobody sends what one client alone was given does not rest on it: for
//! that, exits have to agree ([`crate::entry::corroboration`]). Nor does it withdraw what they agree on, or a few of them could spoil every
//! page for the others.

use std::collections::BTreeSet;

use crate::entry::corroboration::{Candidate, Field};
use crate::entry::page::page;
use crate::entry::sighting::Sighting;

/// Exits that share no validator with another, from which on these are there to tell clients apart.
const TRACKED: usize = 4;

/// So many validators for one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread {
    /// Different ones.
    pub validators: usize,
    /// Exits that were given them.
    pub exits: usize,
    /// Those among them that share none with another exit.
    pub alone: usize,
}

impl Spread {
    /// That of these validators of one page.
    #[must_use]
    pub fn of<'a>(of_one_page: impl Iterator<Item = &'a Candidate>) -> Self {
        let (mut validators, mut agreeing, mut single) = (0, BTreeSet::new(), BTreeSet::new());
        for one in of_one_page {
            validators += 1;
            let exits = if is_one_exits(one) { &mut single } else { &mut agreeing };
            exits.extend(one.witnesses.iter().map(|one| one.exit));
        }
        let alone = single.difference(&agreeing).count();
        Self { validators, exits: agreeing.len() + alone, alone }
    }

    /// Do these validators of one page tell clients apart? For most pages that is seen at a glance.
    #[must_use]
    pub fn is_tracked<'a>(of_one_page: impl Iterator<Item = &'a Candidate> + Clone) -> bool {
        of_one_page.clone().filter(|one| is_one_exits(one)).count() >= TRACKED && Self::of(of_one_page).is_tracking()
    }

    /// Do they tell clients apart? Several exits, and nearly all of them, are alone with what they were given. That a few are not is no
    /// excuse.
    #[must_use]
    pub const fn is_tracking(self) -> bool {
        self.alone >= TRACKED && self.alone * 4 >= self.exits * 3
    }
}

fn is_one_exits(one: &Candidate) -> bool {
    one.witnesses.len() < 2
}

impl Sighting {
    /// How the validators of the page that came are spread, beside those of `candidates`: of the tags or the dates, whichever tells more.
    /// `None` where the answer was prompted, and so is no evidence.
    #[must_use]
    pub fn spread(&self, before: &[Candidate]) -> Option<Spread> {
        let response = self.response.as_ref().filter(|_| self.asked.is_none())?;
        let page = page(response);
        let candidates = self.noted(before, response, page);
        let of = |field: Field| {
            let is_of = move |one: &&Candidate| one.field == field && one.is_of(response.selecting, page);
            Spread::of(candidates.iter().filter(is_of))
        };
        [Field::Tag, Field::Date].map(of).into_iter().max_by_key(|one| (one.is_tracking(), one.alone))
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;
    use crate::digest::Digest;
    use crate::entry::corroboration::{Candidate, Field, Promise, Witness};
    use crate::rfc::vary::Selecting;

    fn spread(given: &[&[u64]]) -> Spread {
        let candidate = |(number, exits): (usize, &&[u64])| Candidate {
            selecting: Selecting::default(),
            field: Field::Tag,
            validator: number.to_string().into(),
            page: Digest::of(b"page"),
            promise: Promise { seconds: 0, cache_control: 0 },
            witnesses: exits.iter().map(|exit| Witness { exit: *exit, way: *exit, at: 1 }).collect(),
        };
        let candidates: Vec<Candidate> = given.iter().enumerate().map(candidate).collect();
        Spread::of(candidates.iter())
    }

    #[test]
    fn a_validator_for_each_exit_tells_clients_apart() {
        assert!(!spread(&[&[1], &[2], &[3]]).is_tracking());
        assert!(spread(&[&[1], &[2], &[3], &[4]]).is_tracking());
        // Two of them may have one in common.
        assert_eq!(spread(&[&[1], &[2], &[3], &[4], &[5], &[6, 7]]), Spread { validators: 6, exits: 7, alone: 5 });
        assert!(spread(&[&[1], &[2], &[3], &[4], &[5], &[6], &[7, 8]]).is_tracking());
    }

    #[test]
    fn a_validator_for_each_machine_does_not() {
        assert!(!spread(&[&[1, 5, 9], &[2, 6], &[3, 7], &[4]]).is_tracking());
        // Nor does one for each time that a page was touched, given to the few exits that there are.
        assert!(!spread(&[&[1, 2], &[3, 4], &[1, 3], &[2, 4], &[1], &[2], &[3], &[4]]).is_tracking());
    }

    #[test]
    fn an_exit_that_is_given_another_each_time_is_one_client() {
        assert!(!spread(&[&[1], &[1], &[1], &[1], &[1]]).is_tracking());
    }
}
