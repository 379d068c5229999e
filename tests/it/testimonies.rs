//! What an origin teaches one exit, and when the others go by it. No I/O, and time is a number.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use notmodified::entry::Record;
use notmodified::entry::corroboration::Quorum;
use notmodified::entry::learned::DECAY;
use notmodified::entry::spread::Spread;
use notmodified::exchange::answer::Answer;
use notmodified::exchange::learn::{self, origin_key};
use notmodified::exchange::outcome::Outcome;
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::sharing::{Known, Sharing, common_key};
use notmodified::exchange::{Ask, FullEvery, Policy};
use notmodified::fields::Fields;
use notmodified::identity::Secret;
use notmodified::key::{Key, KeyHash};
use notmodified::request::Request;

const SECRET: Secret = Secret([9; 32]);
const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const NOW: u64 = 785_000_000;

/// What an origin says: status, fields, body.
type Said = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// Clients of one origin that come by exits of their own and have one store.
struct Clients {
    records: HashMap<KeyHash, Record>,
    policy: Policy,
    now: u64,
    fresh: u32,
}

impl Clients {
    fn new(k: u8) -> Self {
        let policy = Policy { sharing: Sharing::Corroborated(Quorum { k, ttl: None }), ..Policy::default() };
        Self { records: HashMap::new(), policy, now: NOW, fresh: 0 }
    }

    /// By a named exit, or by none.
    fn ask(&self, exit: &str, path: &str, lines: &[(&str, &str)]) -> Ask {
        let request = Request::new("GET", &format!("http://origin/{path}"), lines.iter().copied().collect()).unwrap();
        request.named(Some(exit).filter(|exit| !exit.is_empty())).unwrap().ask(&SECRET).shared_by(self.policy.sharing)
    }

    fn known(&self, own: &Key, common: Option<&Key>) -> Known {
        let record = |key: &Key| self.records.get(&key.hash).cloned();
        Known { own: record(own), common: common.filter(|common| common.hash != own.hash).and_then(record) }
    }

    fn plan(&self, ask: Ask) -> Box<Pending> {
        let known = self.known(&ask.key, common_key(&ask));
        let (own, common) = (origin_key(&ask.key), common_key(&ask).map(origin_key));
        let lessons = learn::lessons(&ask, self.known(&own, common.as_ref()), &self.policy, self.now);
        match plan(ask, known, Some(Arc::new(lessons)), &self.policy, &SECRET, self.now) {
            Plan::Send(pending) => pending,
            Plan::Serve(answer, _) => panic!("served: {answer:?}"),
        }
    }

    fn answered(&mut self, pending: &Pending, (status, lines, body): Said, completeness: Completeness) -> Answer {
        let reply = Reply {
            status,
            fields: lines.into_iter().collect(),
            wire_bytes: 100 + body.len() as u64,
            body: Bytes::from(body),
            undone: None,
            completeness,
            request_time: self.now,
            response_time: self.now,
        };
        let Settlement::Answer(answer) = settle(pending, reply, &self.policy, &SECRET) else { panic!("no answer") };
        for write in &answer.writes {
            let new = || Record::new(&write.key.url, write.key.partition);
            write.change.apply(self.records.entry(write.key.hash).or_insert_with(new));
        }
        *answer
    }

    fn get(&mut self, exit: &str, path: &str, origin: &dyn Fn(&Fields) -> Said) -> Answer {
        let pending = self.plan(self.ask(exit, path, &[]));
        let said = origin(&pending.conditions);
        self.answered(&pending, said, Completeness::Whole)
    }

    /// By an exit that nobody came by before.
    fn get_anew(&mut self, path: &str, origin: &dyn Fn(&Fields) -> Said) -> Answer {
        self.fresh += 1;
        self.get(&format!("fresh-{}", self.fresh), path, origin)
    }

    /// What an exit that nobody came by would send: If-None-Match and If-Modified-Since.
    fn shown(&self, path: &str) -> (Option<String>, Option<String>) {
        let conditions = self.plan(self.ask("nobody", path, &[])).conditions;
        let line = |name: &[u8]| conditions.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
        (line(b"if-none-match"), line(b"if-modified-since"))
    }

    /// Makes a page common: as many exits get it as have to agree, and none of them asks with a validator.
    fn publish(&mut self, path: &str, origin: &dyn Fn(&Fields) -> Said) {
        for _ in 0..self.policy.quorum().unwrap().k {
            self.get_anew(path, origin);
        }
    }

    /// The common record of the origin, and what of it are lessons of somebody's own.
    fn common(&self) -> Option<&Record> {
        self.records.values().find(|one| !one.testified.is_empty())
    }
}

fn page(tag: &str) -> Said {
    (200, vec![("ETag", tag.to_owned()), ("Last-Modified", OLD.to_owned())], b"page".to_vec())
}

fn tagged(tag: &str) -> Said {
    (200, vec![("ETag", tag.to_owned())], b"page".to_vec())
}

/// Says 304 to a date, and knows no tag.
fn ignores_tags(conditions: &Fields) -> Said {
    let is_current = conditions.get(b"if-modified-since") == Some(OLD.as_bytes());
    if is_current { (304, Vec::new(), Vec::new()) } else { page("\"1\"") }
}

/// Knows what it gave.
fn honours(conditions: &Fields) -> Said {
    let is_current = conditions.contains(b"if-none-match") || conditions.contains(b"if-modified-since");
    if is_current { (304, vec![("ETag", "\"1\"".to_owned())], Vec::new()) } else { page("\"1\"") }
}

const TAG: Option<&str> = Some("\"1\"");

fn tag() -> (Option<String>, Option<String>) {
    (TAG.map(str::to_owned), None)
}

fn date() -> (Option<String>, Option<String>) {
    (None, Some(OLD.to_owned()))
}

/// Two have to agree, and several learned at three pages that this origin ignores tags; a fourth page is stored.
fn taught_to_ask_by_date() -> Clients {
    let mut clients = Clients::new(2);
    for path in ["a", "b", "c", "d"] {
        clients.publish(path, &ignores_tags);
    }
    for path in ["a", "b", "c"] {
        clients.get_anew(path, &ignores_tags);
    }
    clients
}

#[test]
fn three_urls_and_k_exits_teach_everybody_that_tags_are_ignored() {
    let mut clients = Clients::new(2);
    for path in ["a", "b", "c", "d"] {
        clients.publish(path, &ignores_tags);
    }
    // Two URLs were seen to ignore the tag by as many exits: a habit of theirs, not of the origin.
    for path in ["a", "b"] {
        assert_eq!(clients.shown(path), tag());
        clients.get_anew(path, &ignores_tags);
    }
    assert_eq!(clients.shown("d"), tag());
    clients.get_anew("c", &ignores_tags);
    assert_eq!(clients.shown("d"), date());
    let outcomes: Vec<Outcome> = (0..9).map(|_| clients.get_anew("d", &ignores_tags).outcome).collect();
    assert!(outcomes.iter().filter(|one| **one == Outcome::NotModified).count() >= 7, "{outcomes:?}");
    clients.now += DECAY;
    assert_eq!(clients.shown("d"), tag());
}

#[test]
fn what_one_exit_was_taught_shows_in_nobody_elses_requests() {
    let all = ["a", "b", "c", "d"];
    // The direct one as well, whose own lessons lie in the record of what is common.
    for pupil in ["pupil", ""] {
        let mut clients = Clients::new(2);
        for path in all {
            clients.publish(path, &honours);
        }
        let before: Vec<_> = all.map(|path| clients.shown(path)).into();
        // Every lesson that there is, for one exit alone, and time and again.
        for _ in 0..5 {
            for path in all {
                clients.get(pupil, path, &ignores_tags);
            }
        }
        assert_eq!(all.map(|path| clients.shown(path)).to_vec(), before);
        // It goes by them itself.
        let own = clients.plan(clients.ask(pupil, "d", &[])).conditions;
        assert_eq!(own.get(b"if-modified-since"), Some(OLD.as_bytes()));
    }
    // With three exits to agree, a second one changes nothing either.
    let mut clients = Clients::new(3);
    for path in all {
        clients.publish(path, &honours);
    }
    for exit in ["one", "two"] {
        for path in all {
            clients.get(exit, path, &ignores_tags);
        }
    }
    assert_eq!(clients.shown("d"), tag());
    clients.get("three", "a", &ignores_tags);
    assert_eq!(clients.shown("d"), date());
}

#[test]
fn who_has_credentials_neither_teaches_nor_learns() {
    let mut clients = Clients::new(1);
    let lines = [("Authorization", "Bearer a")];
    for path in ["a", "b", "c"] {
        for _ in 0..2 {
            let pending = clients.plan(clients.ask("somebody", path, &lines));
            let said = ignores_tags(&pending.conditions);
            clients.answered(&pending, said, Completeness::Whole);
        }
    }
    assert!(clients.common().is_none());
    for path in ["a", "b", "c", "d"] {
        clients.publish(path, &ignores_tags);
        clients.get_anew(path, &ignores_tags);
    }
    assert_eq!(clients.shown("d"), date());
    let other = clients.ask("another", "d", &lines);
    let known = clients.known(&origin_key(&other.key), None);
    assert!(learn::lessons(&other, known, &clients.policy, clients.now).is_empty());
}

#[test]
fn one_exit_that_is_answered_by_tags_does_not_undo_what_several_were_taught() {
    let mut clients = taught_to_ask_by_date();
    // Whoever has a tag of its own, from a time before, tries no tag either, unless told to: the date holds here.
    assert_eq!(clients.shown("d"), date());
    clients.get_anew("d", &honours);
    assert_eq!(clients.shown("d"), date());
    let holds = |record: &Record| record.testified.sayings.len();
    // It was noted that dates hold, by one exit, and counts for nobody yet.
    assert_eq!(clients.common().map(holds), Some(2));
}

#[test]
fn stopping_early_teaches_nobody_else() {
    let mut clients = Clients::new(2);
    clients.policy.stops_early = true;
    let large = |_: &Fields| {
        let (status, mut lines, _) = page("\"1\"");
        lines.push(("Content-Length", (1 << 20).to_string()));
        (status, lines, vec![b'x'; 1 << 20])
    };
    clients.publish("a", &large);
    let shared = |clients: &Clients| {
        let variants = clients.records.values().flat_map(|record| &record.variants).filter(|one| one.is_shared);
        variants.map(|one| one.learned).collect::<Vec<_>>()
    };
    let before = shared(&clients);
    assert_eq!(before.len(), 1);
    // The tag was sent, and ignored: whoever saw that stops reading, and others send it as they did.
    let pending = clients.plan(clients.ask("pupil", "a", &[]));
    let (status, lines, _) = large(&pending.conditions);
    let answer = clients.answered(&pending, (status, lines, Vec::new()), Completeness::Stopped);
    assert_eq!(answer.outcome, Outcome::StoppedEarly);
    assert_eq!(shared(&clients).iter().map(|one| one.barred).collect::<Vec<_>>(), [before[0].barred]);
    assert_eq!(clients.shown("a"), tag());
}

#[test]
fn a_304_for_one_exit_makes_no_date_too_young_for_the_others() {
    let mut clients = taught_to_ask_by_date();
    assert_eq!(clients.shown("d"), date());
    // Ten seconds after the page was made, says the origin.
    let pending = clients.plan(clients.ask("pupil", "d", &[]));
    let young = (304, vec![("Date", OLD.replace(":37", ":47")), ("Cache-Control", "max-age=5".to_owned())], Vec::new());
    let answer = clients.answered(&pending, young, Completeness::Whole);
    assert_eq!(answer.outcome, Outcome::NotModified);
    assert!(!answer.writes.is_empty());
    clients.now += 1;
    assert_eq!(clients.shown("d"), date());
}

#[test]
fn below_the_tag_exits_fetch_whole_as_often_whoever_got_the_304s() {
    let mut clients = taught_to_ask_by_date();
    let mut whole = 0;
    for _ in 0..2_000 {
        clients.now += 1;
        clients.fresh += 1;
        let pending = clients.plan(clients.ask(&format!("fresh-{}", clients.fresh), "d", &[]));
        whole += u32::from(pending.rung.is_err());
    }
    // One in twenty, though not one of them was answered.
    assert!((60..=140).contains(&whole), "{whole}");
}

#[test]
fn a_page_that_one_exit_fetched_whole_is_not_due_to_the_others() {
    let mut clients = Clients::new(2);
    clients.policy.full_every = Some(FullEvery::Seconds(3_600));
    clients.publish("a", &honours);
    clients.now += 3_600;
    let asked = |clients: &Clients, exit: &str| clients.plan(clients.ask(exit, "a", &[])).rung.is_ok();
    assert!(!asked(&clients, "next"));
    clients.get("next", "a", &honours);
    assert!(asked(&clients, "another"));
}

#[test]
fn a_tag_for_each_client_shows_and_one_for_each_machine_does_not() {
    let mut clients = Clients::new(2);
    let spreads = |clients: &mut Clients, path: &str, tag: &dyn Fn(u32) -> String| -> Vec<Spread> {
        (0..12).filter_map(|number| clients.get_anew(path, &|_| tagged(&tag(number))).spread).collect()
    };
    let by_client = spreads(&mut clients, "client", &|number| format!("\"c{number}\""));
    assert_eq!(by_client.len(), 12);
    assert_eq!(by_client.iter().map(|one| one.is_tracking()).collect::<Vec<_>>()[..4], [false, false, false, true]);
    assert_eq!(by_client[11], Spread { validators: 12, exits: 12, alone: 12 });
    let by_machine = spreads(&mut clients, "machine", &|number| format!("\"m{}\"", number % 3));
    assert!(!by_machine.iter().any(|one| one.is_tracking()), "{by_machine:?}");
    // An exit that was given its own is no new evidence by asking with it.
    let prompted = clients.get("fresh-12", "client", &|_| tagged("\"c11\""));
    assert_eq!(prompted.spread, None);
}

#[test]
fn a_tracker_drives_out_nothing_that_exits_agree_on_nor_is_one_exit_of_it_enough() {
    let agreed = Some("\"everybody\"".to_owned());
    for (k, shown) in [(1, None), (2, agreed)] {
        let mut clients = Clients::new(k);
        for _ in 0..2 {
            let pending = clients.plan(clients.ask("sure", "a", &[]));
            clients.answered(&pending, tagged("\"everybody\""), Completeness::Whole);
            clients.get("too", "a", &|_| tagged("\"everybody\""));
        }
        for number in 0..30 {
            let mut pending = clients.plan(clients.ask(&format!("exit-{number}"), "a", &[]));
            pending.ask.wish.is_full = true;
            *pending = pending.unconditional();
            pending.is_resend = false;
            clients.answered(&pending, tagged(&format!("\"client-{number}\"")), Completeness::Whole);
        }
        assert_eq!(clients.shown("a"), (shown, None), "{k}");
    }
}

#[test]
fn a_clock_is_no_tracker() {
    let mut clients = Clients::new(2);
    for second in 10..30 {
        let now = format!("Sun, 06 Nov 1994 08:49:{second} GMT");
        let said = (200, vec![("Last-Modified", now.clone()), ("Date", now)], b"page".to_vec());
        let answer = clients.get_anew("clock", &|_| said.clone());
        assert!(!answer.spread.is_some_and(Spread::is_tracking));
    }
}

#[test]
fn a_date_for_each_client_shows_as_well() {
    let mut clients = Clients::new(2);
    let date = |second: u32| format!("Sun, 06 Nov 1994 08:49:{second} GMT");
    let said = |second| (200, vec![("ETag", "\"1\"".to_owned()), ("Last-Modified", date(second))], b"page".to_vec());
    let last = (10..20).filter_map(|second| clients.get_anew("date", &|_| said(second)).spread).last();
    assert!(last.is_some_and(Spread::is_tracking), "{last:?}");
    // The tag that they have in common is sent all the same, or nothing; a date never.
    assert!((0..20).all(|_| clients.shown("date").1.is_none()));
}
