//! The ladder against origins of any habits, and pages that change in any way: whatever is asked, no answer is a stale page unless the origin
//! said so, and an unchanged page costs 304s wherever any way of asking gets them.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use notmodified::entry::change::Change;
use notmodified::entry::{BodyRef, Record};
use notmodified::exchange::answer::{Answer, AnswerBody};
use notmodified::exchange::learn::origin_key;
use notmodified::exchange::outcome::Outcome;
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::{Ask, Policy};
use notmodified::fields::Fields;
use notmodified::identity::Secret;
use notmodified::key::KeyHash;
use notmodified::request::Request;
use notmodified::rfc::etag::EntityTag;
use proptest::prelude::*;

use crate::habits::{Event, SECOND_BEST, TagOf, events, habits};
use crate::habitual_origin::{Origin, Said};

const SECRET: Secret = Secret([9; 32]);

/// URLs of the one origin: enough that they agree on something.
const URLS: usize = 5;

/// A client that keeps its records in memory and asks one origin.
struct Client {
    records: HashMap<KeyHash, Record>,
    /// Every content that came whole, by its name.
    bodies: HashMap<BodyRef, Bytes>,
    /// The content that was last handed out, by URL.
    handed_out: [Option<Vec<u8>>; URLS],
    /// Polls in a row that a wrong 304 answered, by URL.
    stale: [u32; URLS],
}

/// What a poll came to.
struct Poll {
    answer: Answer,
    content: Vec<u8>,
    /// Was the last answer a 304?
    is_304: bool,
}

impl Client {
    fn new() -> Self {
        Self { records: HashMap::new(), bodies: HashMap::new(), handed_out: Default::default(), stale: [0; URLS] }
    }

    fn ask(page: usize) -> Ask {
        Request::new("GET", &format!("http://origin/directory/{page}"), Fields::new()).unwrap().ask(&SECRET)
    }

    fn plan(&self, page: usize, now: u64) -> Box<Pending> {
        let ask = Self::ask(page);
        let record = self.records.get(&ask.key.hash).cloned();
        let lessons = self.records.get(&origin_key(&ask.key).hash).map(|record| Arc::new(record.lessons.clone()));
        match plan(ask, record, lessons, &Policy::default(), &SECRET, now) {
            Plan::Send(pending) => pending,
            Plan::Serve(answer, _) => panic!("served: {answer:?}"),
        }
    }

    fn poll(&mut self, page: usize, origin: &mut Origin) -> Poll {
        let mut pending = self.plan(page, origin.now);
        let mut requests = 0;
        loop {
            requests += 1;
            assert!(requests <= 2, "a third request");
            assert_only_what_was_given(&pending.conditions, page, origin);
            let Said { status, fields, body } = origin.answer(page, &pending.conditions);
            let reply = Reply {
                status,
                fields,
                wire_bytes: 100 + body.len() as u64,
                body: body.into(),
                undone: None,
                completeness: Completeness::Whole,
                request_time: origin.now,
                response_time: origin.now,
            };
            match settle(&pending, reply, &Policy::default(), &SECRET) {
                Settlement::Judge(_) => panic!("nobody is to be asked"),
                Settlement::Resend(reason, named) => *pending = pending.after(reason, named),
                Settlement::Answer(answer) => {
                    let content = self.take(&answer);
                    return Poll { answer: *answer, content, is_304: status == 304 };
                }
            }
        }
    }

    /// Writes what is to be written; the content of the answer, decoded.
    fn take(&mut self, answer: &Answer) -> Vec<u8> {
        for write in &answer.writes {
            let new = || Record::new(&write.key.url, write.key.partition);
            let record = self.records.entry(write.key.hash).or_insert_with(new);
            if let (Change::Store(stored), AnswerBody::Received(bytes)) = (&write.change, &answer.body) {
                self.bodies.insert(stored.body, bytes.clone());
            }
            write.change.apply(record);
        }
        let wire = match &answer.body {
            AnswerBody::Received(bytes) => bytes.clone(),
            AnswerBody::Stored(reference) => self.bodies[reference].clone(),
            AnswerBody::Part(..) => panic!("nobody asked for a part"),
        };
        Origin::content_of(&wire)
    }

    /// One poll, and what must hold of it at any origin.
    fn check(&mut self, page: usize, origin: &mut Origin) -> Poll {
        let poll = self.poll(page, origin);
        let current = origin.content(page);
        let is_current = poll.content == current;
        assert!(is_current || poll.is_304, "a stale page though the origin sent the current one");
        assert!(is_current || !origin.is_honest(), "a stale page from an origin that told the truth");
        self.stale[page] = if is_current { 0 } else { self.stale[page] + 1 };
        let is_found_out = origin.habits.tag.is_some_and(TagOf::is_true);
        assert!(!is_found_out || self.stale[page] <= SECOND_BEST, "stale for too long");

        let before = self.handed_out[page].replace(poll.content.clone());
        let is_same = before.as_ref() == Some(&poll.content);
        assert_eq!(poll.answer.is_changed, !is_same, "{:?}", poll.answer.outcome);
        let expected = match (poll.is_304, before) {
            (true, _) => Outcome::NotModified,
            (false, None) => Outcome::New,
            (false, Some(_)) if is_same => Outcome::SameContent,
            (false, Some(_)) => Outcome::Changed,
        };
        assert_eq!(poll.answer.outcome, expected);
        poll
    }
}

/// Tags that came with this page, or such a tag without what a coding added to it; dates that came with it.
fn assert_only_what_was_given(conditions: &Fields, page: usize, origin: &Origin) {
    let given = &origin.given[page];
    for name in [&b"if-none-match"[..], b"if-modified-since"] {
        assert!(conditions.get_all(name).count() <= 1, "two lines");
    }
    let tags = conditions.get(b"if-none-match").map(|line| line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii));
    for tag in tags.into_iter().flatten() {
        let is_cut = |whole: &Vec<u8>| {
            let (Some(whole), Some(tag)) = (EntityTag::new(whole), EntityTag::new(tag)) else { return false };
            origin.habits.suffix().is_some_and(|suffix| {
                whole.without_suffix(suffix.as_bytes()).is_some_and(|cut| cut.to_bytes() == tag.as_bytes())
            })
        };
        assert!(given.tags.iter().any(|whole| whole == tag || is_cut(whole)), "{tag:?} was not given");
    }
    if let Some(date) = conditions.get(b"if-modified-since") {
        assert!(given.dates.iter().any(|one| one == date), "{date:?} was not given");
    }
}

/// Polls of an unchanged page after which a way that gets 304s must have been found.
const FOUND_AFTER: usize = 8;

proptest! {
    #[test]
    fn whatever_an_origin_does_every_answer_is_its_current_page_unless_it_said_otherwise(
        habits in habits(), events in prop::collection::vec((0..URLS, events(), 0..5_u8), 1..80),
    ) {
        let (mut client, mut origin) = (Client::new(), Origin::new(habits, URLS));
        for (page, event, seconds) in events {
            origin.happens(page, event);
            origin.now += [1, 20, 90, 3600, 30 * 3600][usize::from(seconds)];
            client.check(page, &mut origin);
        }
    }

    #[test]
    fn an_unchanged_page_costs_304s_wherever_any_way_of_asking_gets_them(
        habits in habits(), events in prop::collection::vec((0..URLS, events()), 0..20),
    ) {
        let reachable = habits.is_304_reachable();
        let (mut client, mut origin) = (Client::new(), Origin::new(habits, URLS));
        for (page, event) in events {
            if !matches!(event, Event::EditInTheSameSecond | Event::Rollback) {
                origin.happens(page, event);
            }
            origin.now += 90;
            client.check(page, &mut origin);
        }
        origin.now += 2 * 24 * 3600;
        let polls: Vec<bool> = (0..FOUND_AFTER + 40).map(|_| {
            origin.now += 90;
            client.check(0, &mut origin).is_304
        }).collect();
        let full = polls[FOUND_AFTER..].iter().filter(|is_304| !**is_304).count();
        // Every twentieth is a full one where a second best has to do, and what that brings can be news to be learned anew.
        prop_assert!(!reachable || full <= 8, "{:?}", polls);
    }
}
