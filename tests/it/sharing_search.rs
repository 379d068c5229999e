//! A store and its judge: what happens is done to both, and after each step the store's doings are held against what the judge saw.

use notmodified::entry::MOST_VARIANTS;
use notmodified::entry::change::Change;
use notmodified::entry::corroboration::{MOST_CANDIDATES, MOST_WITNESSES};
use notmodified::exchange::answer::Answer;
use notmodified::exchange::settle::{Completeness, Settlement};
use notmodified::exchange::sharing::Sharing;
use notmodified::exchange::{Freshness, Policy};
use notmodified::key::Method;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::sharing_oracle::{Oracle, Page, Rule, Sent, Validator, page, presented};
use crate::sharing_steps::{Says, Step, Visitor};
use crate::sharing_world::{Came, Flight, World, reply};

pub type Checked<T = ()> = Result<T, TestCaseError>;

/// What every violation says that is about a validator.
pub const SENDS: &str = "sends without leave";

/// What was asked of a search.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The rule that the store is told.
    pub sharing: Sharing,
    /// The rule by which it is judged.
    pub judged_by: Rule,
    pub freshness: Freshness,
    pub stale_if_error: Option<u64>,
}

/// The store and its judge.
pub struct Search {
    world: World,
    oracle: Oracle,
    under_way: Vec<UnderWay>,
    /// Validators that were given to nobody else.
    unique: u32,
    /// Do all requests select one variant? Only then it is told what a withdrawal withdraws.
    is_one_variant: bool,
}

/// A request that is not answered yet.
struct UnderWay {
    sent: Sent,
    flight: Flight,
    promised: Promised,
}

/// What it may be answered with out of the store, as far as was known when it went out.
struct Promised {
    /// What a 304 to each of its validators would be served as.
    meant: Vec<(Validator, Page)>,
    /// What would stand in for an origin that fails.
    stands_in: Option<Page>,
}

impl Search {
    pub fn new(rules: Rules, is_one_variant: bool, bend: fn(&mut Change)) -> Self {
        let Rules { sharing, judged_by, freshness, stale_if_error } = rules;
        let policy =
            Policy { sharing, freshness, stale_if_error, accept_encoding: Some(b"gzip, br"), ..Policy::default() };
        let (mut world, oracle) = (World::new(policy), Oracle::new(judged_by));
        world.bend = bend;
        Self { world, oracle, under_way: Vec::new(), unique: 0, is_one_variant }
    }

    pub fn take(&mut self, step: &Step) -> Checked {
        match step {
            Step::Ask(visitor) => self.asks(visitor)?,
            Step::Answer(which, says) if !self.under_way.is_empty() => {
                let one = self.under_way.swap_remove(which % self.under_way.len());
                self.answers(one, says)?;
            }
            Step::Answer(..) => {}
            Step::Visit(visitor, says) => {
                let before = self.under_way.len();
                self.asks(visitor)?;
                if self.under_way.len() > before {
                    let one = self.under_way.swap_remove(before);
                    self.answers(one, says)?;
                }
            }
            Step::Wait(seconds) => self.world.now += seconds,
            Step::Forget(url) => {
                // What a late answer may bring back is another question.
                self.under_way.retain(|one| one.sent.url != *url);
                self.world.forget(*url);
                self.oracle.forget(*url);
            }
        }
        self.check_bounds()
    }

    fn asks(&mut self, visitor: &Visitor) -> Checked {
        let errand = visitor.errand();
        match self.world.plan(&errand) {
            Ok(flight) => {
                let who = visitor.who(&mut self.unique);
                let fields = flight.pending.fields();
                let sent = Sent {
                    who,
                    url: errand.url,
                    method: Method::of(errand.method.unwrap_or("GET")),
                    fields,
                    is_resend: false,
                };
                let meant = self.check_sent(&sent, &flight)?;
                let stands_in = self.check_stand_in(&sent, &flight)?;
                self.under_way.push(UnderWay { sent, flight, promised: Promised { meant, stands_in } });
                Ok(())
            }
            Err(answer) => {
                let who = visitor.who(&mut self.unique);
                let lines = errand.lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let sent = Sent {
                    who,
                    url: errand.url,
                    method: Method::of(errand.method.unwrap_or("GET")),
                    fields: lines,
                    is_resend: false,
                };
                self.check_served(&sent, &answer)
            }
        }
    }

    /// Every validator that we set has to be this client's own, or one that enough exits were given, with what a 304 to it is served as.
    fn check_sent(&self, sent: &Sent, flight: &Flight) -> Checked<Vec<(Validator, Page)>> {
        let mut meant = Vec::new();
        let validators = presented(&flight.pending.conditions);
        for validator in &validators {
            let name = if validator.is_tag { "ETag" } else { "Last-Modified" };
            let value = String::from_utf8_lossy(&validator.value).into_owned();
            for lines in [vec![(name, value.as_str())], vec![]] {
                let Settlement::Answer(answer) = self.world.foresee(flight, reply(304, &lines, b"")) else { continue };
                let Some(content) = self.world.stored_content(&answer) else { continue };
                let page = page(&answer.fields, &content);
                let may = self.oracle.may_send(sent, validator, &page, self.world.now);
                prop_assert!(may, "{SENDS} {value}, and a 304 is served as {page:?}: {sent:?}; {:?}", self.oracle);
                meant.push((validator.clone(), page));
            }
            let is_meant = meant.iter().any(|(one, _)| one == validator);
            prop_assert!(
                is_meant || self.oracle.has_received(sent, validator),
                "{SENDS} {value} for nothing: {sent:?}"
            );
        }
        // Each of the two can have been given to many, and the two together to one.
        let is_own = |one| self.oracle.has_received(sent, one);
        let are_both = validators.iter().any(|one| one.is_tag) && validators.iter().any(|one| !one.is_tag);
        prop_assert!(!are_both || validators.iter().all(is_own), "{SENDS} a tag and a date: {sent:?}");
        let coding = flight.pending.conditions.get(b"accept-encoding");
        prop_assert!(coding.is_none_or(|coding| coding == b"gzip, br"), "told by its coding");
        Ok(meant)
    }

    /// What would be served if the origin failed is judged by what is known now: it may be withdrawn meanwhile.
    fn check_stand_in(&self, sent: &Sent, flight: &Flight) -> Checked<Option<Page>> {
        let Settlement::Answer(answer) = self.world.foresee(flight, reply(503, &[], b"")) else { return Ok(None) };
        self.check_served(sent, &answer)?;
        Ok(self.out_of_the_store(&answer))
    }

    /// What comes out of the store was given to whoever is served it, or to enough others.
    fn check_served(&self, sent: &Sent, answer: &Answer) -> Checked {
        let Some(page) = self.out_of_the_store(answer) else { return Ok(()) };
        let may = self.oracle.may_be_served(sent, &page, self.world.now);
        prop_assert!(may, "{sent:?} is served {page:?}; {:?}", self.oracle);
        Ok(())
    }

    /// A validator that was sent is answered by what it stood for then, whatever came to be known since.
    fn check_answer(&self, status: u16, answer: &Answer, promised: &Promised) -> Checked {
        let Some(page) = self.out_of_the_store(answer) else { return Ok(()) };
        let is_promised = match status {
            304 => promised.meant.iter().any(|(_, one)| *one == page),
            _ => promised.stands_in.as_ref() == Some(&page),
        };
        prop_assert!(is_promised, "a {status} is served as {page:?}, and nothing that was sent stood for it");
        Ok(())
    }

    fn out_of_the_store(&self, answer: &Answer) -> Option<Page> {
        self.world.stored_content(answer).map(|content| page(&answer.fields, &content))
    }
}

impl Search {
    fn answers(&mut self, one: UnderWay, says: &Says) -> Checked {
        let UnderWay { mut sent, mut flight, promised } = one;
        for _ in 0..2 {
            let reply = says.reply(&sent, &mut self.unique);
            let (status, is_whole) = (reply.status, reply.completeness == Completeness::Whole);
            let came = page(&reply.fields, &reply.body);
            if status == 200 && is_whole && self.is_one_variant {
                let others =
                    promised.meant.iter().filter(|(one, page)| *page != came && !self.oracle.has_received(&sent, one));
                let others: Vec<_> = others.collect();
                for (one, page) in others {
                    self.oracle.withdraw(sent.url, one, page);
                }
            }
            self.oracle.receive(&sent, status, &reply.fields, &reply.body, self.world.now);
            match self.world.settle(flight, reply) {
                Came::Again(again) => {
                    (flight, sent.is_resend) = (*again, true);
                    sent.fields = flight.pending.fields();
                    self.check_sent(&sent, &flight)?;
                }
                Came::Answer(answer) => {
                    self.check_answer(status, &answer, &promised)?;
                    return Ok(());
                }
            }
        }
        prop_assert!(false, "a third request");
        Ok(())
    }

    fn check_bounds(&self) -> Checked {
        for record in self.world.records.values() {
            let shared = record.variants.iter().filter(|one| one.is_shared).count();
            prop_assert!(shared <= MOST_VARIANTS && record.variants.len() - shared <= MOST_VARIANTS);
            let candidates = &record.corroboration.candidates;
            prop_assert!(candidates.len() <= 2 * MOST_CANDIDATES);
            prop_assert!(candidates.iter().all(|one| one.witnesses.len() <= MOST_WITNESSES));
        }
        Ok(())
    }
}
