//! Which of several variants is served or confirmed: at an origin whose page depends on some request fields, no request gets what another
//! one would have got.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use notmodified::entry::change::Change;
use notmodified::entry::{BodyRef, MOST_VARIANTS, Record};
use notmodified::exchange::answer::{Answer, AnswerBody};
use notmodified::exchange::outcome::Outcome;
use notmodified::exchange::plan::{Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::{Freshness, Policy};
use notmodified::fields::Fields;
use notmodified::identity::Secret;
use notmodified::request::Request;
use proptest::prelude::*;

const SECRET: Secret = Secret([9; 32]);

/// An origin whose page depends on some fields, and says so.
#[derive(Debug, Clone)]
struct Origin {
    depends: (bool, bool),
    version: u64,
    /// Does each representation have a tag of its own, or one tag all of them?
    has_own_tags: bool,
    /// Does a 304 name the tag; does it say Vary?
    names: (bool, bool),
    /// What else its Vary names, each time another thing.
    also: Vec<&'static str>,
    turn: usize,
}

/// One request: two fields, and whether the page changed before.
type Asked = ((Option<&'static str>, Option<&'static str>), bool, u64);

impl Origin {
    /// What a request gets: without case and white space, where they say nothing.
    fn content(&self, request: &Fields) -> String {
        let value = |name: &str, is_on: bool| {
            let lines = request.get_all(name.as_bytes()).filter(|_| is_on);
            lines.map(|line| String::from_utf8_lossy(line).to_ascii_lowercase().replace(' ', "")).collect::<String>()
        };
        let (language, other) = self.depends;
        format!("{} {} {}", self.version, value("accept-language", language), value("x-kind", other))
    }

    fn answer(&mut self, request: &Fields) -> Reply {
        let content = self.content(request);
        let tag = if self.has_own_tags { &content } else { content.split(' ').next().unwrap() };
        let tag = format!("\"{}\"", tag.replace([' ', ','], "."));
        let asked = request.get(b"if-none-match").unwrap_or_default();
        let is_same = asked.split(|byte| *byte == b',').any(|one| one.trim_ascii() == tag.as_bytes());
        self.turn += 1;
        let (language, other) = self.depends;
        let also = self.also[self.turn % self.also.len()];
        let names = [(language, "Accept-Language"), (other, "x-kind"), (!also.is_empty(), also)];
        let vary: Vec<&str> = names.into_iter().filter(|(is_on, _)| *is_on).map(|(_, name)| name).collect();
        let mut lines = vec![("Cache-Control", "max-age=100".to_owned())];
        if !is_same || self.names.0 {
            lines.push(("ETag", tag));
        }
        if !vary.is_empty() && (!is_same || self.names.1) {
            lines.push(("Vary", vary.join(" , ")));
        }
        let (status, body) = if is_same { (304, Bytes::new()) } else { (200, content.into()) };
        Reply {
            status,
            fields: lines.into_iter().collect(),
            wire_bytes: 100 + body.len() as u64,
            body,
            undone: None,
            completeness: Completeness::Whole,
            request_time: 0,
            response_time: 0,
        }
    }
}

fn origin() -> impl Strategy<Value = Origin> {
    let also = prop::sample::select(vec!["", "", "", "X-Other", "accept-language", "*"]);
    (any::<(bool, bool)>(), any::<bool>(), any::<(bool, bool)>(), prop::collection::vec(also, 1..4)).prop_map(
        |(depends, has_own_tags, names, also)| Origin { depends, version: 0, has_own_tags, names, also, turn: 0 },
    )
}

fn asked() -> impl Strategy<Value = Asked> {
    let language = prop::sample::select(vec![None, Some("en"), Some("EN"), Some("de, en"), Some("de,en"), Some("fr")]);
    let kind = prop::sample::select(vec![None, Some("a"), Some("A"), Some("b")]);
    ((language, kind), prop::bool::weighted(0.15), prop::sample::select(vec![1, 1, 200]))
}

/// A client with one record.
struct Client {
    policy: Policy,
    record: Option<Record>,
    bodies: HashMap<BodyRef, Bytes>,
    now: u64,
}

impl Client {
    fn poll(&mut self, fields: &Fields, origin: &mut Origin) -> (Answer, Bytes) {
        let ask = Request::new("GET", "http://origin/page", fields.clone()).unwrap().ask(&SECRET);
        let mut pending = match plan(ask, self.record.clone(), None, &self.policy, &SECRET, self.now) {
            Plan::Serve(answer, _) => return self.take(*answer),
            Plan::Send(pending) => pending,
        };
        for _ in 0..2 {
            let times = Reply { request_time: self.now, response_time: self.now, ..origin.answer(&pending.fields()) };
            match settle(&pending, times, &self.policy, &SECRET) {
                Settlement::Answer(answer) => return self.take(*answer),
                Settlement::Resend(reason, named) => *pending = pending.after(reason, named),
                Settlement::Judge(_) => panic!("nobody is to be asked"),
            }
        }
        panic!("a third request");
    }

    fn take(&mut self, answer: Answer) -> (Answer, Bytes) {
        for write in answer.writes.iter().filter(|write| !matches!(write.change, Change::Learn(..))) {
            let record = self.record.get_or_insert_with(|| Record::new(&write.key.url, write.key.partition));
            if let (Change::Store(stored), AnswerBody::Received(bytes)) = (&write.change, &answer.body) {
                self.bodies.insert(stored.body, bytes.clone());
            }
            write.change.apply(record);
        }
        let content = match &answer.body {
            AnswerBody::Received(bytes) => bytes.clone(),
            AnswerBody::Stored(body) | AnswerBody::Part(body, _) => self.bodies[body].clone(),
        };
        (answer, content)
    }
}

proptest! {
    #[test]
    fn no_request_gets_what_another_would_have_got(
        mut origin in origin(), asked in prop::collection::vec(asked(), 1..60), goes_by_freshness in any::<bool>(),
    ) {
        let freshness = if goes_by_freshness { Freshness::Rfc9111 } else { Freshness::Revalidate };
        let policy = Policy { freshness, ..Policy::default() };
        let mut client = Client { policy, record: None, bodies: HashMap::new(), now: 1_000_000 };
        for ((language, kind), is_changed, seconds) in asked {
            // One tag for all is only seen through while the page stands still: later, two of them are tags of two versions.
            origin.version += u64::from(is_changed && origin.has_own_tags);
            client.now += seconds;
            let lines = [("Accept-Language", language), ("X-Kind", kind)];
            let fields: Fields = lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let current = origin.content(&fields);
            let (answer, content) = client.poll(&fields, &mut origin);
            let content = String::from_utf8_lossy(&content).into_owned();
            if answer.outcome == Outcome::Fresh {
                prop_assert!(goes_by_freshness);
                let after_version = |text: &str| text.split_once(' ').map(|(_, rest)| rest.to_owned());
                prop_assert_eq!(after_version(&content), after_version(&current), "served to another request");
            } else {
                prop_assert_eq!(content, current);
            }
            let variants = client.record.iter().flat_map(|record| &record.variants).map(|one| one.selecting);
            let selections: Vec<_> = variants.collect();
            let different: HashSet<_> = selections.iter().collect();
            prop_assert!(different.len() == selections.len() && selections.len() <= MOST_VARIANTS);
        }
    }
}
