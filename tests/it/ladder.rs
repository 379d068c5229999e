//! The ladder against origins with habits of their own: what is asked, poll after poll, and that every answer is the right one.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use notmodified::entry::change::Change;
use notmodified::entry::learned::DECAY;
use notmodified::entry::{BodyRef, Record};
use notmodified::exchange::answer::{Answer, AnswerBody};
use notmodified::exchange::learn::origin_key;
use notmodified::exchange::outcome::{Outcome, Reason};
use notmodified::exchange::plan::{Pending, Plan, plan};
use notmodified::exchange::settle::{Completeness, Reply, Settlement, settle};
use notmodified::exchange::{Ask, Policy};
use notmodified::fields::Fields;
use notmodified::identity::Secret;
use notmodified::key::KeyHash;
use notmodified::request::Request;

const SECRET: Secret = Secret([9; 32]);
const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const OLD_SECONDS: u64 = 784_111_777;

/// A client with many URLs, that asks an origin and believes nothing else.
struct Client {
    records: HashMap<KeyHash, Record>,
    policy: Policy,
    now: u64,
    /// Every content that came whole, by its name.
    bodies: HashMap<BodyRef, Bytes>,
    asked: Vec<Fields>,
    /// The coding that the caller wants.
    ask_for: Option<&'static str>,
    /// Does somebody undo codings before the answers are settled?
    is_decoded: bool,
}

/// What an origin says: status, fields, body.
type Said = (u16, Vec<(&'static str, String)>, &'static [u8]);

impl Client {
    fn new() -> Self {
        Self {
            records: HashMap::new(),
            policy: Policy::default(),
            now: OLD_SECONDS + 1_000_000,
            bodies: HashMap::new(),
            is_decoded: false,
            asked: Vec::new(),
            ask_for: None,
        }
    }

    fn ask(url: &str) -> Ask {
        Request::new("GET", url, Fields::new()).unwrap().ask(&SECRET)
    }

    fn own_ask(&self, url: &str) -> Ask {
        let fields = self.ask_for.map(|coding| ("Accept-Encoding", coding.to_owned())).into_iter().collect();
        Request::new("GET", url, fields).unwrap().ask(&SECRET)
    }

    fn plan(&self, url: &str) -> Box<Pending> {
        let ask = self.own_ask(url);
        let record = self.records.get(&ask.key.hash).cloned();
        let lessons = self.records.get(&origin_key(&ask.key).hash).map(|record| Arc::new(record.lessons.clone()));
        match plan(ask, record, lessons, &self.policy, &SECRET, self.now) {
            Plan::Send(pending) => pending,
            Plan::Serve(answer, _) => panic!("served: {answer:?}"),
        }
    }

    /// One poll; the answer, and the content that the caller gets.
    fn poll(&mut self, url: &str, origin: &mut impl FnMut(&Fields) -> Said) -> (Answer, Bytes) {
        let mut pending = self.plan(url);
        loop {
            let conditions = pending.conditions.clone();
            self.asked.push(conditions.clone());
            let (status, lines, body) = origin(&conditions);
            let reply = Reply {
                status,
                fields: lines.into_iter().collect(),
                body: Bytes::from_static(body),
                undone: None,
                completeness: Completeness::Whole,
                wire_bytes: 100 + body.len() as u64,
                request_time: self.now,
                response_time: self.now,
            };
            self.now += 1;
            let reply = if self.is_decoded { reply.decoded() } else { reply };
            match settle(&pending, reply, &self.policy, &SECRET) {
                Settlement::Judge(_) => panic!("nobody is to be asked"),
                Settlement::Resend(reason, named) => *pending = pending.after(reason, named),
                Settlement::Answer(answer) => {
                    for write in &answer.writes {
                        let new = || Record::new(&write.key.url, write.key.partition);
                        let record = self.records.entry(write.key.hash).or_insert_with(new);
                        if let (Change::Store(stored), AnswerBody::Received(bytes)) = (&write.change, &answer.body) {
                            self.bodies.insert(stored.body, bytes.clone());
                        }
                        write.change.apply(record);
                    }
                    let content = match &answer.body {
                        AnswerBody::Received(bytes) => bytes.clone(),
                        AnswerBody::Stored(reference) | AnswerBody::Part(reference, _) => {
                            self.bodies[reference].clone()
                        }
                    };
                    return (*answer, content);
                }
            }
        }
    }

    fn outcomes(&mut self, url: &str, polls: usize, origin: &mut impl FnMut(&Fields) -> Said) -> Vec<Outcome> {
        (0..polls).map(|_| self.poll(url, origin).0.outcome).collect()
    }

    /// What the next poll of `url` would carry: If-None-Match and If-Modified-Since.
    fn next(&self, url: &str) -> (Option<String>, Option<String>) {
        let conditions = self.plan(url).conditions;
        let line = |name: &[u8]| conditions.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
        (line(b"if-none-match"), line(b"if-modified-since"))
    }
}

fn line<'a>(conditions: &'a Fields, name: &str) -> Option<&'a str> {
    conditions.get(name.as_bytes()).map(|value| std::str::from_utf8(value).unwrap())
}

/// A page with a tag and an old date.
fn page(tag: &str, body: &'static [u8]) -> Said {
    (200, vec![("ETag", tag.to_owned()), ("Last-Modified", OLD.to_owned())], body)
}

/// The 304 of it.
fn same(tag: &str) -> Said {
    (304, vec![("ETag", tag.to_owned())], b"")
}

/// Marks its coded tags and knows them only unmarked.
fn marks_its_tags(conditions: &Fields) -> Said {
    if line(conditions, "if-none-match") == Some("\"1\"") {
        return same("\"1\"");
    }
    let (status, mut lines, _) = page("\"1-br\"", b"");
    // One brotli block, uncompressed: `page`.
    lines.push(("Content-Encoding", "br".to_owned()));
    (status, lines, b"\x8b\x01\x80page\x03")
}

fn honours_dates_only(conditions: &Fields) -> Said {
    let is_same = line(conditions, "if-modified-since") == Some(OLD) && line(conditions, "if-none-match").is_none();
    if is_same { (304, vec![], b"") } else { page("\"1\"", b"page") }
}

fn ignores_conditions(_: &Fields) -> Said {
    page("\"1\"", b"page")
}

#[test]
fn an_origin_that_marks_its_tags_is_asked_with_them_unmarked_from_the_third_poll_on() {
    let mut client = Client::new();
    let outcomes = client.outcomes("http://a/1", 4, &mut marks_its_tags);
    assert_eq!(outcomes, [Outcome::New, Outcome::SameContent, Outcome::NotModified, Outcome::NotModified]);
    assert_eq!(client.next("http://a/1"), (Some("\"1\"".into()), None));
}

#[test]
fn an_origin_that_marks_its_tags_is_understood_where_somebody_has_decoded_its_answers() {
    let mut client = Client::new();
    client.is_decoded = true;
    let outcomes = client.outcomes("http://a/1", 3, &mut |conditions| match marks_its_tags(conditions) {
        (200, lines, _) => (200, lines, b"page"),
        confirmed => confirmed,
    });
    assert_eq!(outcomes, [Outcome::New, Outcome::SameContent, Outcome::NotModified]);
}

#[test]
fn the_date_of_the_very_second_is_asked_about_when_the_same_came_twice() {
    let mut client = Client::new();
    client.now = OLD_SECONDS;
    let mut dated = |conditions: &Fields| {
        let is_same = line(conditions, "if-modified-since") == Some(OLD);
        let lines = vec![("Last-Modified", OLD.to_owned()), ("Date", OLD.to_owned())];
        if is_same { (304, vec![], &b""[..]) } else { (200, lines, &b"page"[..]) }
    };
    let outcomes = client.outcomes("http://a/1", 3, &mut dated);
    assert_eq!(outcomes, [Outcome::New, Outcome::SameContent, Outcome::NotModified]);
}

#[test]
fn an_origin_that_ignores_tags_is_asked_with_the_date() {
    let mut client = Client::new();
    let outcomes = client.outcomes("http://a/1", 3, &mut honours_dates_only);
    assert_eq!(outcomes, [Outcome::New, Outcome::SameContent, Outcome::NotModified]);
    assert_eq!(client.next("http://a/1"), (None, Some(OLD.into())));
}

#[test]
fn a_date_that_two_edits_can_share_is_no_substitute_for_a_tag() {
    let mut client = Client::new();
    client.now = OLD_SECONDS + 58;
    client.outcomes("http://a/1", 2, &mut |_| page("\"1\"", b"page"));
    assert_eq!(client.next("http://a/1"), (None, None));
    // The answer to that came more than a minute after the edit.
    client.outcomes("http://a/1", 1, &mut |_| page("\"1\"", b"page"));
    assert_eq!(client.next("http://a/1"), (None, Some(OLD.into())));
}

#[test]
fn an_origin_that_honours_nothing_is_asked_for_nothing_and_the_reason_is_said() {
    let mut client = Client::new();
    let outcomes = client.outcomes("http://a/1", 5, &mut ignores_conditions);
    assert_eq!(outcomes[1..], [Outcome::SameContent; 4]);
    let sent: Vec<_> =
        client.asked.iter().map(|one| (one.contains(b"if-none-match"), one.contains(b"if-modified-since"))).collect();
    assert_eq!(sent, [(false, false), (true, false), (false, true), (true, true), (false, false)]);
    let (answer, _) = client.poll("http://a/1", &mut ignores_conditions);
    assert_eq!(answer.reason, Some(Reason::ConditionIgnored));
    client.now += DECAY;
    assert_eq!(client.next("http://a/1"), (Some("\"1\"".into()), None), "tried again after a day");
}

#[test]
fn a_new_url_begins_where_three_of_its_origin_agree() {
    let mut client = Client::new();
    for url in ["http://a/1", "http://a/2", "http://a/3"] {
        client.poll("http://a/4", &mut honours_dates_only);
        assert_eq!(client.next("http://a/4"), (Some("\"1\"".into()), None));
        client.records.remove(&Client::ask("http://a/4").key.hash);
        client.outcomes(url, 2, &mut honours_dates_only);
    }
    client.poll("http://a/4", &mut honours_dates_only);
    assert_eq!(client.next("http://a/4"), (None, Some(OLD.into())));
    client.poll("http://b/1", &mut honours_dates_only);
    assert_eq!(client.next("http://b/1"), (Some("\"1\"".into()), None), "another origin");
    client.poll("http://a/behind/1", &mut honours_dates_only);
    assert_eq!(client.next("http://a/behind/1"), (Some("\"1\"".into()), None), "perhaps another server");
}

#[test]
fn that_nothing_holds_a_url_has_to_show_itself() {
    let mut client = Client::new();
    let mut mixed = |conditions: &Fields| match line(conditions, "if-none-match") {
        Some("\"static\"") => same("\"static\""),
        _ => (200, vec![("ETag", "\"static\"".to_owned())], &b"static"[..]),
    };
    let mut dynamic = |_: &Fields| (200, vec![("ETag", "\"1\"".to_owned())], &b"page"[..]);
    client.poll("http://a/style.css", &mut mixed);
    client.poll("http://a/static/style.css", &mut mixed);
    // Three behind one prefix, and three behind as many.
    for url in ["http://a/1", "http://a/2", "http://a/3", "http://a/x/1", "http://a/y/1", "http://a/z/1"] {
        client.outcomes(url, 2, &mut dynamic);
    }
    for url in ["http://a/style.css", "http://a/static/style.css"] {
        assert_eq!(client.outcomes(url, 2, &mut mixed), [Outcome::NotModified; 2], "{url}");
    }
    // Once is enough to show it.
    client.outcomes("http://a/w/1", 2, &mut dynamic);
    assert_eq!(client.next("http://a/w/1"), (None, None));
}

#[test]
fn below_the_tag_every_twentieth_poll_is_a_full_one() {
    let mut client = Client::new();
    let outcomes = client.outcomes("http://a/1", 2 + 19 + 1 + 19 + 1, &mut honours_dates_only);
    let full: Vec<usize> =
        outcomes.iter().enumerate().filter(|(_, one)| **one != Outcome::NotModified).map(|(index, _)| index).collect();
    assert_eq!(full, [0, 1, 21, 41]);
}

#[test]
fn one_wrong_304_removes_the_rung() {
    let mut client = Client::new();
    client.outcomes("http://a/1", 3, &mut honours_dates_only);
    let mut edited_in_the_same_second = |conditions: &Fields| match line(conditions, "if-modified-since") {
        Some(OLD) => (304, vec![], &b""[..]),
        _ => page("\"2\"", b"edited"),
    };
    let answers: Vec<(Answer, Bytes)> =
        (0..20).map(|_| client.poll("http://a/1", &mut edited_in_the_same_second)).collect();
    let (told, content) = answers.iter().find(|(answer, _)| answer.outcome == Outcome::Changed).unwrap();
    assert_eq!((told.reason, &content[..]), (Some(Reason::MissedChange), &b"edited"[..]));
    assert_eq!(client.next("http://a/1").1, None, "the date is not believed any more");
}

#[test]
fn a_304_to_a_date_that_names_an_unknown_tag_is_not_believed() {
    let mut client = Client::new();
    client.outcomes("http://a/1", 3, &mut honours_dates_only);
    let mut overwritten = |conditions: &Fields| match line(conditions, "if-modified-since") {
        Some(OLD) => same("\"2\""),
        _ => page("\"2\"", b"overwritten"),
    };
    let (answer, content) = client.poll("http://a/1", &mut overwritten);
    assert_eq!((answer.outcome, &content[..]), (Outcome::Changed, &b"overwritten"[..]));
}

#[test]
fn a_304_to_the_date_that_leaves_out_an_unknown_mark_teaches_it() {
    let mut client = Client::new();
    let mut origin = |conditions: &Fields| {
        let tags = line(conditions, "if-none-match");
        let is_dated = tags.is_none() && line(conditions, "if-modified-since") == Some(OLD);
        if is_dated || tags == Some("\"1\"") {
            return same("\"1\"");
        }
        let (status, mut lines, _) = page("\"1!z\"", b"");
        lines.push(("Content-Encoding", "br".to_owned()));
        (status, lines, &b"\x8b\x01\x80page\x03"[..])
    };
    let outcomes = client.outcomes("http://a/1", 5, &mut origin);
    assert_eq!(outcomes[1..], [Outcome::SameContent, Outcome::SameContent, Outcome::NotModified, Outcome::NotModified]);
    assert_eq!(client.next("http://a/1"), (Some("\"1\"".into()), None));
}

#[test]
fn a_rung_whose_304_is_never_believed_is_left() {
    let mut client = Client::new();
    let mut number = 0;
    let mut origin = |conditions: &Fields| {
        number += 1;
        let is_dated = !conditions.contains(b"if-none-match") && conditions.contains(b"if-modified-since");
        if is_dated { same(&format!("\"of this answer {number}\"")) } else { page("\"1\"", b"page") }
    };
    client.outcomes("http://a/1", 4, &mut origin);
    let before = client.asked.len();
    assert_eq!(client.outcomes("http://a/1", 4, &mut origin), [Outcome::SameContent; 4]);
    assert_eq!(client.asked.len() - before, 4, "no poll takes two requests");
}

#[test]
fn a_304_that_always_names_another_validator_is_asked_for_once_and_not_at_every_poll() {
    let given = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    let mut names_another_tag = |conditions: &Fields| match line(conditions, "if-none-match") {
        Some(_) => same("\"of something else\""),
        None => (200, given("ETag", "\"1\""), &b"page"[..]),
    };
    let mut names_another_date = |conditions: &Fields| match line(conditions, "if-modified-since") {
        Some(_) => (304, given("Last-Modified", "Mon, 07 Nov 1994 08:49:37 GMT"), &b""[..]),
        None => (200, given("Last-Modified", OLD), &b"page"[..]),
    };
    let origins: [&mut dyn FnMut(&Fields) -> Said; 2] = [&mut names_another_tag, &mut names_another_date];
    for mut origin in origins {
        let mut client = Client::new();
        assert_eq!(client.outcomes("http://a/1", 4, &mut origin)[1..], [Outcome::SameContent; 3]);
        let is_conditional = |one: &&Fields| one.contains(b"if-none-match") || one.contains(b"if-modified-since");
        assert_eq!((client.asked.len(), client.asked.iter().filter(is_conditional).count()), (5, 1));
        assert_eq!(client.poll("http://a/1", &mut origin).0.reason, Some(Reason::ConditionIgnored));
    }
}

/// Two machines that take turns, each with a tag of its own for the one page.
fn balanced(knows_lists: bool) -> impl FnMut(&Fields) -> Said {
    let mut turn = 0;
    move |conditions| {
        turn += 1;
        let mine = if turn % 2 == 0 { "\"a\"" } else { "\"b\"" };
        let tags = line(conditions, "if-none-match").unwrap_or_default();
        let is_hit = if knows_lists { tags.contains(mine) } else { tags == mine };
        let is_dated = tags.is_empty() && line(conditions, "if-modified-since") == Some(OLD);
        if is_hit || is_dated { same(mine) } else { page(mine, b"page") }
    }
}

#[test]
fn tags_that_take_turns_are_offered_together() {
    let mut client = Client::new();
    let mut origin = balanced(true);
    assert_eq!(client.outcomes("http://a/1", 8, &mut origin)[2..], [Outcome::NotModified; 6]);
    assert_eq!(client.next("http://a/1").0, Some("\"a\", \"b\"".into()));
}

#[test]
fn without_a_date_a_tag_has_to_come_back_before_it_is_offered_with_another() {
    let mut client = Client::new();
    let mut turn = 0;
    let mut origin = |conditions: &Fields| {
        turn += 1;
        let mine = if turn % 2 == 0 { "\"a\"" } else { "\"b\"" };
        if line(conditions, "if-none-match").is_some_and(|tags| tags.contains(mine)) {
            return same(mine);
        }
        (200, vec![("ETag", mine.to_owned())], &b"page"[..])
    };
    client.outcomes("http://a/1", 2, &mut origin);
    assert_eq!(client.next("http://a/1").0, Some("\"a\"".into()), "a touched file looks like this");
    let (answer, _) = client.poll("http://a/1", &mut origin);
    assert_eq!((answer.outcome, answer.reason), (Outcome::SameContent, Some(Reason::AlternatingTag)));
    assert_eq!(client.outcomes("http://a/1", 4, &mut origin), [Outcome::NotModified; 4]);
}

#[test]
fn where_lists_are_not_understood_the_date_is_asked_about() {
    let mut client = Client::new();
    let mut origin = balanced(false);
    let outcomes = client.outcomes("http://a/1", 8, &mut origin);
    assert_eq!(outcomes[3..], [Outcome::NotModified; 5]);
    assert_eq!(client.next("http://a/1"), (None, Some(OLD.into())));
}

/// A page of two machines that take turns, mark their coded tags and know no list; it was modified at `date`.
fn balanced_and_coded(touches: usize, date: &'static str) -> impl FnMut(&Fields) -> Said {
    let mut turn = 0;
    move |conditions| {
        turn += 1;
        let machine = if turn % 2 == 0 { "a" } else { "b" };
        let lines = |tag: String| vec![("ETag", tag), ("Last-Modified", date.to_owned())];
        if !conditions.contains(b"if-none-match") && line(conditions, "if-modified-since") == Some(date) {
            return (304, lines(format!("\"{machine}{touches}\"")), b"");
        }
        let coded = vec![("Content-Encoding", "br".to_owned())];
        let fields = [lines(format!("\"{machine}{touches}-br\"")), coded].concat();
        (200, fields, &b"\x8b\x01\x80page\x03"[..])
    }
}

#[test]
fn one_of_several_tags_is_not_tried_unmarked() {
    let mut client = Client::new();
    let outcomes = client.outcomes("http://a/1", 6, &mut balanced_and_coded(0, OLD));
    assert_eq!(outcomes[3..], [Outcome::NotModified; 3]);
    assert_eq!(client.next("http://a/1"), (None, Some(OLD.into())));
}

#[test]
fn a_304_to_a_date_may_name_a_new_tag_of_another_machine_beside_that_date() {
    let mut client = Client::new();
    client.outcomes("http://a/1", 4, &mut balanced_and_coded(0, OLD));
    let outcomes = client.outcomes("http://a/1", 4, &mut balanced_and_coded(1, "Mon, 07 Nov 1994 08:49:37 GMT"));
    assert_eq!(outcomes[0], Outcome::SameContent);
    assert_eq!(outcomes[1..], [Outcome::NotModified; 3]);
    assert_eq!(client.asked.len(), 8, "no poll took two requests");
}

#[test]
fn a_touched_file_is_the_same_content_and_asked_about_with_its_new_tag() {
    let mut client = Client::new();
    client.poll("http://a/1", &mut |_| page("\"1\"", b"page"));
    let mut touched = |_: &Fields| {
        (
            200,
            vec![("ETag", "\"2\"".to_owned()), ("Last-Modified", "Mon, 07 Nov 1994 08:49:37 GMT".to_owned())],
            &b"page"[..],
        )
    };
    let (answer, _) = client.poll("http://a/1", &mut touched);
    assert_eq!((answer.outcome, answer.reason, answer.is_changed), (Outcome::SameContent, None, false));
    assert_eq!(client.next("http://a/1"), (Some("\"2\"".into()), None));
}

#[test]
fn a_tag_that_is_new_each_time_is_given_up_for_the_date() {
    let mut client = Client::new();
    let mut number = 0;
    let mut origin = |conditions: &Fields| {
        number += 1;
        if line(conditions, "if-modified-since") == Some(OLD) && line(conditions, "if-none-match").is_none() {
            return (304, vec![], &b""[..]);
        }
        page(&format!("\"{number}\""), b"page")
    };
    let outcomes = client.outcomes("http://a/1", 6, &mut origin);
    assert_eq!(outcomes[4..], [Outcome::NotModified; 2], "{outcomes:?}");
}

#[test]
fn a_page_that_changed_each_time_and_stands_still_is_asked_about_with_the_tags_of_all_machines() {
    let mut client = Client::new();
    for (tag, content) in [("\"a1\"", b"1"), ("\"b2\"", b"2"), ("\"a3\"", b"3")] {
        client.poll("http://a/1", &mut |_| page(tag, content));
    }
    let mut turn = 0;
    let mut origin = |conditions: &Fields| {
        turn += 1;
        let mine = if turn % 2 == 0 { "\"a4\"" } else { "\"b4\"" };
        let is_known = line(conditions, "if-none-match").is_some_and(|tags| tags.contains(mine));
        if is_known { same(mine) } else { page(mine, b"4") }
    };
    assert_eq!(client.outcomes("http://a/1", 6, &mut origin)[2..], [Outcome::NotModified; 4]);
}

#[test]
fn a_page_that_changes_each_time_says_so_and_is_asked_about_all_the_same() {
    let mut client = Client::new();
    let contents: [&'static [u8]; 10] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"];
    for (number, content) in contents.into_iter().enumerate() {
        let (answer, _) = client.poll("http://a/1", &mut |_| (200, vec![("ETag", format!("\"{number}\""))], content));
        assert_eq!(answer.reason == Some(Reason::ChangingValidator), number >= 3, "{number}");
    }
    let mut still = |conditions: &Fields| match line(conditions, "if-none-match") {
        Some("\"9\"") => same("\"9\""),
        _ => (200, vec![("ETag", "\"9\"".to_owned())], &b"9"[..]),
    };
    assert_eq!(client.outcomes("http://a/1", 2, &mut still), [Outcome::NotModified; 2]);
}

#[test]
fn the_suffix_of_a_coding_is_learned_by_comparing_the_tags_of_one_content() {
    let mut client = Client::new();
    // The mark does not name the coding: nothing but a comparison can tell it.
    let coded = |tag: &str| {
        let (status, mut lines, _) = page(tag, b"");
        lines.push(("Content-Encoding", "br".to_owned()));
        (status, lines, &b"\x8b\x01\x80page\x03"[..])
    };
    client.poll("http://a/1", &mut |_| page("\"1\"", b"page"));
    client.poll("http://a/1", &mut |_| coded("\"1!z\""));
    let mut origin = |conditions: &Fields| match line(conditions, "if-none-match") {
        Some("\"2\"") => same("\"2\""),
        _ => coded("\"2!z\""),
    };
    let outcomes = client.outcomes("http://a/2", 3, &mut origin);
    assert_eq!(outcomes, [Outcome::New, Outcome::SameContent, Outcome::NotModified]);
}

#[test]
fn the_suffix_of_a_coding_is_learned_from_the_first_answer_of_a_variant() {
    let mut client = Client::new();
    let varied = |(status, mut lines, body): Said| -> Said {
        lines.push(("Vary", "Accept-Encoding".to_owned()));
        (status, lines, body)
    };
    let coded = |tag: &str| {
        let (status, mut lines, _) = page(tag, b"");
        lines.push(("Content-Encoding", "br".to_owned()));
        varied((status, lines, &b"\x8b\x01\x80page\x03"[..]))
    };
    client.ask_for = Some("identity");
    client.poll("http://a/1", &mut |_| varied(page("\"1\"", b"page")));
    client.ask_for = Some("br");
    let (answer, _) = client.poll("http://a/1", &mut |_| coded("\"1!z\""));
    assert_eq!(answer.outcome, Outcome::New);
    let outcomes = client.outcomes("http://a/2", 2, &mut |_| coded("\"2!z\""));
    assert_eq!(outcomes, [Outcome::New, Outcome::SameContent]);
    assert_eq!(client.next("http://a/2"), (Some("\"2\"".into()), None));
}

#[test]
fn a_page_that_came_uncoded_once_has_no_tags_that_alternate() {
    let mut client = Client::new();
    assert_eq!(
        client.outcomes("http://a/1", 3, &mut marks_its_tags),
        [Outcome::New, Outcome::SameContent, Outcome::NotModified]
    );
    // As to a range that the origin did not care for.
    client.poll("http://a/1", &mut |_| page("\"1\"", b"page"));
    client.poll("http://a/1", &mut |_| marks_its_tags(&Fields::new()));
    assert_eq!(client.next("http://a/1").0.as_deref(), Some("\"1\""), "cut again, and no list");
}
