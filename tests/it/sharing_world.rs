//! Clients of one store behind many exits: plan, settle and what is written, over records in maps. Answers come when a test says so, and in
//! the order that it says; the clock is a number.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use notmodified::entry::change::Change;
use notmodified::entry::{BodyRef, Record};
use notmodified::exchange::answer::{Answer, AnswerBody, Write};
use notmodified::exchange::learn::{self, origin_key};
use notmodified::exchange::outcome::Reason;
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::sharing::{Known, Sharing, acknowledged_under, common_key};
use notmodified::exchange::{Ask, Policy, Wish, head};
use notmodified::identity::{Exit, Partition, Proxy, Secret};
use notmodified::key::{Key, KeyHash};
use notmodified::request::Request;

pub const SECRET: Secret = Secret([9; 32]);

/// A request to make.
#[derive(Debug, Clone, Default)]
pub struct Errand {
    /// 0: none, directly.
    pub exit: u32,
    /// Is the exit of this request alone?
    pub is_fleeting: bool,
    pub method: Option<&'static str>,
    pub url: usize,
    pub lines: Vec<(&'static str, String)>,
    pub jar: Option<&'static str>,
    pub name: Option<&'static str>,
    pub wish: Wish,
}

/// A request under way.
#[derive(Debug)]
pub struct Flight {
    pub pending: Pending,
    sent_at: u64,
}

/// What became of a request, so far.
#[derive(Debug)]
pub enum Came {
    Answer(Box<Answer>),
    Again(Box<Flight>),
}

/// The store, the rules and the clock.
pub struct World {
    pub policy: Policy,
    pub records: HashMap<KeyHash, Record>,
    /// Every content that came, by its name.
    bodies: HashMap<BodyRef, Bytes>,
    pub now: u64,
    /// The key of the hashes of identities.
    pub secret: Secret,
    fleeting: u64,
    /// What becomes of a change before it is made.
    pub bend: fn(&mut Change),
}

impl Errand {
    pub fn get(exit: u32) -> Self {
        Self { exit, ..Self::default() }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.lines.push((name, value.to_owned()));
        self
    }

    fn request(&self) -> Request {
        let url = format!("http://origin/{}", self.url);
        let lines = self.lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut request = Request::new(self.method.unwrap_or("GET"), &url, lines).unwrap();
        if self.exit > 0 {
            request.proxy = Some(Proxy::parse(&format!("http://10.0.0.{}:8080", self.exit)).unwrap());
        }
        request.jar = self.jar.map(str::to_owned);
        request.wish = self.wish;
        request.named(self.name).unwrap()
    }
}

/// A reply; its times are those at which it is sent and settled.
pub fn reply(status: u16, lines: &[(&str, &str)], body: &[u8]) -> Reply {
    Reply {
        status,
        fields: lines.iter().copied().collect(),
        body: Bytes::copy_from_slice(body),
        undone: None,
        completeness: Completeness::Whole,
        wire_bytes: 100 + body.len() as u64,
        request_time: 0,
        response_time: 0,
    }
}

impl World {
    pub fn new(policy: Policy) -> Self {
        let (records, bodies) = (HashMap::new(), HashMap::new());
        Self { policy, records, bodies, now: 1_000_000, secret: SECRET, fleeting: 0, bend: |_| {} }
    }

    pub fn sharing(sharing: Sharing) -> Self {
        Self::new(Policy { sharing, ..Policy::default() })
    }

    fn ask(&mut self, errand: &Errand) -> Ask {
        let mut ask = errand.request().ask(&self.secret);
        if errand.is_fleeting {
            self.fleeting += 1;
            let exit = Exit(*blake3::hash(&self.fleeting.to_le_bytes()).as_bytes().first_chunk().unwrap());
            ask.identity = Partition { exit, ..ask.identity };
            ask.key = Key::new(ask.key.method, Arc::clone(&ask.key.url), ask.identity);
            (ask.way, ask.is_fleeting) = (self.secret.way(exit), true);
        }
        ask.shared_by(self.policy.sharing)
    }

    fn record(&self, key: &Key) -> Option<Record> {
        self.records.get(&key.hash).cloned()
    }

    /// What lies under a key of the asker's own, and under one that it has in common with others, where they are two.
    fn known(&self, ask: &Ask, own: &Key, common: Option<&Key>) -> Known {
        let common = common.filter(|common| common.hash != own.hash);
        let own = if ask.keeps(own) { self.record(own) } else { None };
        Known { own, common: common.and_then(|common| self.record(common)) }
    }

    pub fn plan(&mut self, errand: &Errand) -> Result<Flight, Box<Answer>> {
        let ask = self.ask(errand);
        let common = common_key(&ask);
        let taught = self.known(&ask, &origin_key(&ask.key), common.map(origin_key).as_ref());
        let lessons = learn::lessons(&ask, taught, &self.policy, self.now);
        let known = self.known(&ask, &ask.key, common);
        match plan(ask, known, Some(Arc::new(lessons)), &self.policy, &self.secret, self.now) {
            Plan::Send(pending) => Ok(Flight { pending: *pending, sent_at: self.now }),
            Plan::Serve(answer, otherwise) => {
                self.write(&otherwise.ask, &answer);
                Err(answer)
            }
        }
    }

    /// What `reply` would mean if it came now. Nothing is written.
    pub fn foresee(&self, flight: &Flight, reply: Reply) -> Settlement {
        let reply = Reply { request_time: flight.sent_at, response_time: self.now, ..reply };
        settle(&flight.pending, reply, &self.policy, &self.secret)
    }

    pub fn settle(&mut self, flight: Flight, reply: Reply) -> Came {
        let reply = Reply { request_time: flight.sent_at, response_time: self.now, ..reply };
        let Flight { pending, .. } = flight;
        if let Some(key) = head::concerned(&pending, &reply, &self.policy)
            && let Some(record) = self.record(&key)
        {
            for write in head::effects(&pending, &reply, &record, &self.secret) {
                self.apply(write, None);
            }
        }
        match settle(&pending, reply, &self.policy, &self.secret) {
            Settlement::Answer(answer) => {
                self.write(&pending.ask, &answer);
                Came::Answer(answer)
            }
            Settlement::Resend(reason, named) => self.resend(pending, reason, named),
            Settlement::Judge(_) => panic!("nobody is to be asked"),
        }
    }

    fn resend(&self, pending: Pending, reason: Reason, named: Option<Bytes>) -> Came {
        Came::Again(Box::new(Flight { pending: pending.after(reason, named), sent_at: self.now }))
    }

    /// One request and its answer, with the same once more where it is asked again.
    pub fn visit(&mut self, errand: &Errand, reply: &Reply) -> Answer {
        let mut flight = self.plan(errand).unwrap();
        for _ in 0..2 {
            match self.settle(flight, reply.clone()) {
                Came::Answer(answer) => return *answer,
                Came::Again(again) => flight = *again,
            }
        }
        panic!("a third request");
    }

    /// The caller has seen it through.
    pub fn acknowledge(&mut self, errand: &Errand, answer: &Answer) {
        let key = acknowledged_under(&self.ask(errand)).unwrap().clone();
        self.apply(Write { key, change: Change::Acknowledge(answer.acknowledgement.unwrap()) }, None);
    }

    /// All that is known of a URL goes, whoever asked for it.
    pub fn forget(&mut self, url: usize) {
        let url = format!("http://origin/{url}");
        self.records.values_mut().filter(|record| record.url == url).for_each(|record| {
            Change::Forget.apply(record);
        });
    }

    fn write(&mut self, ask: &Ask, answer: &Answer) {
        let received = match &answer.body {
            AnswerBody::Received(bytes) => Some(bytes),
            AnswerBody::Stored(_) | AnswerBody::Part(..) => None,
        };
        for write in answer.writes.iter().filter(|write| ask.keeps(&write.key)) {
            self.apply(write.clone(), received);
        }
    }

    fn apply(&mut self, write: Write, received: Option<&Bytes>) {
        let Write { key, mut change } = write;
        if let (Some(body), Some(bytes)) = (change.brings(), received) {
            self.bodies.insert(body, bytes.clone());
        }
        (self.bend)(&mut change);
        let record = self.records.entry(key.hash).or_insert_with(|| Record::new(&key.url, key.partition));
        change.apply(record);
    }

    /// The content of an answer out of the store, the whole of it; `None` where the answer itself brought it.
    pub fn stored_content(&self, answer: &Answer) -> Option<Bytes> {
        match &answer.body {
            AnswerBody::Received(_) => None,
            AnswerBody::Stored(body) | AnswerBody::Part(body, _) => Some(self.bodies[body].clone()),
        }
    }
}

/// What we set over the caller's fields, as text.
pub fn conditions(flight: &Flight) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    flight.pending.conditions.iter().map(|(name, value)| (text(name), text(value))).collect()
}
