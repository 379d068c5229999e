//! An origin of any habits, with some pages and a clock. It knows what it gave, and whether it can have said something untrue.

use notmodified::fields::Fields;
use notmodified::rfc::date;

use crate::calendar::imf_fixdate;
use crate::habits::{Beside, Dates, Event, Habits, TagOf};

/// When the pages were made.
const MADE: u64 = 784_111_777;

/// What an origin says.
pub struct Said {
    pub status: u16,
    pub fields: Fields,
    pub body: Vec<u8>,
}

/// Validators that came with a page.
#[derive(Default)]
pub struct Given {
    pub tags: Vec<Vec<u8>>,
    pub dates: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    content: u64,
    version: u64,
    modified: u64,
}

/// An origin with some pages, and a clock.
pub struct Origin {
    pub habits: Habits,
    pub now: u64,
    /// What it gave, by page.
    pub given: Vec<Given>,
    pages: Vec<Vec<State>>,
    count: u64,
    turn: u64,
    has_edited_in_the_same_second: bool,
    has_rolled_back: bool,
}

impl Origin {
    pub fn new(habits: Habits, pages: usize) -> Self {
        let page = |number: u64| vec![State { content: number, version: number, modified: MADE - number }];
        Self {
            habits,
            now: MADE + 1_000_000,
            given: (0..pages).map(|_| Given::default()).collect(),
            pages: (0..pages as u64).map(page).collect(),
            count: 100,
            turn: 0,
            has_edited_in_the_same_second: false,
            has_rolled_back: false,
        }
    }

    /// Was every 304 that it can have sent a true one?
    pub fn is_honest(&self) -> bool {
        let is_tag_true = self.habits.tag.is_none_or(TagOf::is_true) || !self.has_edited_in_the_same_second;
        let is_date_true = match self.habits.dates {
            Dates::Ignored => true,
            Dates::Exact => !self.has_edited_in_the_same_second,
            Dates::NotBefore => !self.has_edited_in_the_same_second && !self.has_rolled_back,
        };
        is_tag_true && is_date_true
    }

    pub fn happens(&mut self, page: usize, event: Event) {
        self.count += 1;
        let (count, now, states) = (self.count, self.now, &mut self.pages[page]);
        let State { content, modified, .. } = states[states.len() - 1];
        match event {
            Event::Nothing => {}
            Event::Edit => states.push(State { content: count, version: count, modified: now }),
            Event::EditInTheSameSecond => {
                self.has_edited_in_the_same_second = true;
                states.push(State { content: count, version: count, modified });
            }
            Event::Touch => states.push(State { content, version: count, modified: now }),
            Event::Rollback => {
                self.has_rolled_back = true;
                let last = states.pop();
                let before = states.last().copied().or(last);
                states.extend(before.map(|before| State { version: count, ..before }));
            }
        }
    }

    /// The content that a page has now.
    pub fn content(&self, page: usize) -> Vec<u8> {
        format!("{:04}", self.state(page).content).into_bytes()
    }

    /// The content of a body: one brotli block of four bytes, not compressed, or just these.
    pub fn content_of(wire: &[u8]) -> Vec<u8> {
        wire.strip_prefix(b"\x8b\x01\x80").and_then(|rest| rest.strip_suffix(b"\x03")).unwrap_or(wire).to_vec()
    }

    fn state(&self, page: usize) -> State {
        self.pages[page][self.pages[page].len() - 1]
    }

    pub fn answer(&mut self, page: usize, conditions: &Fields) -> Said {
        self.turn = self.turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.count += 1;
        let turn = if self.habits.do_they_take_turns { self.count } else { self.turn >> 33 };
        let machine = turn % self.habits.machines;
        let state = self.state(page);
        let (marked, unmarked) = self.tags(state, machine);
        let date = imf_fixdate(state.modified).into_bytes();
        let is_same = self.is_same(conditions, state, [&marked, &unmarked], &date);
        let (names_tag, names_marked, names_date) = self.habits.names;
        let mut lines: Vec<(&str, Vec<u8>)> = Vec::new();
        if self.habits.tag.is_some() && (!is_same || names_tag) {
            lines.push(("ETag", if is_same && !names_marked { unmarked } else { marked }));
        }
        if self.habits.has_date && (!is_same || names_date) {
            lines.push(("Last-Modified", date));
        }
        for (name, value) in &lines {
            let given = &mut self.given[page];
            let known = if *name == "ETag" { &mut given.tags } else { &mut given.dates };
            if !(known.contains(value) || is_same && *name == "ETag") {
                known.push(value.clone());
            }
        }
        if is_same {
            return Said { status: 304, fields: lines.into_iter().collect(), body: Vec::new() };
        }
        let mut body = self.content(page);
        if self.habits.is_coded {
            lines.push(("Content-Encoding", b"br".to_vec()));
            body = [b"\x8b\x01\x80", &body[..], b"\x03"].concat();
        }
        Said { status: 200, fields: lines.into_iter().collect(), body }
    }

    /// The tag as it goes out, and as it was before the coding marked it.
    fn tags(&self, state: State, machine: u64) -> (Vec<u8>, Vec<u8>) {
        let base = match self.habits.tag {
            Some(TagOf::Version) => state.version,
            Some(TagOf::Date) => state.modified,
            Some(TagOf::Content) | None => state.content,
        };
        let weakness = if self.habits.is_weak { "W/" } else { "" };
        let tag = |suffix: &str| format!("{weakness}\"{base}.{machine}{suffix}\"").into_bytes();
        (tag(self.habits.suffix().unwrap_or_default()), tag(""))
    }

    /// Is the condition answered by a 304?
    fn is_same(&self, conditions: &Fields, state: State, [marked, unmarked]: [&[u8]; 2], date: &[u8]) -> bool {
        let habits = &self.habits;
        let is_hit = |tag: &[u8]| habits.honours_tag && tag == marked || habits.honours_unmarked_tag && tag == unmarked;
        let by_tag = conditions.get(b"if-none-match").map(|line| {
            let is_list = line.contains(&b',');
            let mut tags = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            (habits.honours_lists || !is_list) && tags.any(is_hit)
        });
        let by_date = conditions.get(b"if-modified-since").map(|since| match habits.dates {
            Dates::Ignored => false,
            Dates::Exact => since == date,
            Dates::NotBefore => date::parse(since).is_some_and(|since| since >= state.modified),
        });
        match (by_tag, by_date) {
            (Some(tag), Some(date)) => match habits.beside {
                Beside::Tag => tag,
                Beside::Neither => false,
                Beside::Both => tag && date,
                Beside::Either => tag || date,
            },
            (Some(alone), None) | (None, Some(alone)) => alone && !habits.needs_both,
            (None, None) => false,
        }
    }
}
