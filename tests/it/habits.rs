//! What origins do: which validators they give, which conditions they honour and how, how many machines answer for them; and what happens to
//! their pages. Any of it, in any combination.

use proptest::prelude::*;

/// 304s below the tag's rung after which the content is fetched whole once.
pub const SECOND_BEST: u32 = 20;

/// What an entity tag is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagOf {
    Content,
    /// How many times the page was written.
    Version,
    /// When it was: as much as a tag of time and size tells, where all sizes are the same.
    Date,
}

impl TagOf {
    /// Does each content have a tag of its own?
    pub fn is_true(self) -> bool {
        self != Self::Date
    }
}

/// What a date is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    Ignored,
    Exact,
    NotBefore,
}

/// What becomes of a tag beside a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// The tag counts, as RFC 9110 §13.2.2 says.
    Tag,
    /// Nothing does.
    Neither,
    /// Both have to match.
    Both,
    /// One of them has to.
    Either,
}

/// What an origin does.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "an origin has any of them")]
pub struct Habits {
    pub tag: Option<TagOf>,
    pub is_weak: bool,
    pub has_date: bool,
    /// Each has tags of its own.
    pub machines: u64,
    pub do_they_take_turns: bool,
    pub is_coded: bool,
    /// What its coding adds to tags.
    pub suffix: Option<&'static str>,
    pub honours_tag: bool,
    pub honours_unmarked_tag: bool,
    pub honours_lists: bool,
    pub dates: Dates,
    pub beside: Beside,
    /// Does it take one condition alone for none?
    pub needs_both: bool,
    /// What its 304s name: a tag, marked or not; a date.
    pub names: (bool, bool, bool),
}

impl Habits {
    /// What its coding adds to tags.
    pub fn suffix(&self) -> Option<&'static str> {
        self.suffix.filter(|_| self.is_coded)
    }

    /// Is there a way of asking that gets a 304 for an unchanged page, each time?
    pub fn is_304_reachable(&self) -> bool {
        let is_one = self.machines == 1;
        let has_tag = self.tag.is_some() && (self.honours_tag || self.suffix().is_none() && self.honours_unmarked_tag);
        let can_cut = self.tag.is_some() && self.honours_unmarked_tag && self.suffix() == Some("-br");
        let can_list = self.honours_lists && self.do_they_take_turns;
        let by_tag = (has_tag || can_cut) && is_one || has_tag && can_list;
        // A date is no name for a page whose tag is another each time, unless the 304 names it as well.
        let is_told_apart = is_one || self.tag.is_none() || !self.names.0 || self.names.2;
        let by_date = self.has_date && self.dates != Dates::Ignored && is_told_apart;
        let by_both = is_one && has_tag && by_date && self.beside != Beside::Neither;
        // What no comparison can tell is cut off is another tag: a 304 that names it speaks of something else.
        let is_named_otherwise = self.tag.is_some() && self.names.0 && !self.names.1 && self.suffix() == Some("!z");
        !is_named_otherwise && (!self.needs_both && (by_tag || by_date) || by_both)
    }
}

/// Any habits.
pub fn habits() -> impl Strategy<Value = Habits> {
    let tag = prop::sample::select(vec![None, Some(TagOf::Content), Some(TagOf::Version), Some(TagOf::Date)]);
    let suffix = prop::sample::select(vec![None, Some("-br"), Some("!z")]);
    let dates = prop::sample::select(vec![Dates::Ignored, Dates::Exact, Dates::NotBefore]);
    let beside = prop::sample::select(vec![Beside::Tag, Beside::Neither, Beside::Both, Beside::Either]);
    let machines = prop::sample::select(vec![1, 1, 1, 2, 3]);
    let honours = any::<(bool, bool, bool)>();
    let flags = any::<(bool, bool, bool)>();
    (
        tag,
        suffix,
        dates,
        beside,
        machines,
        honours,
        flags,
        any::<(bool, bool, bool)>(),
        (any::<bool>(), prop::bool::weighted(0.1)),
    )
        .prop_map(|(tag, suffix, dates, beside, machines, honours, flags, names, (is_coded, needs_both))| Habits {
            tag,
            is_weak: flags.0,
            has_date: flags.1,
            machines,
            do_they_take_turns: flags.2,
            is_coded,
            suffix,
            honours_tag: honours.0,
            honours_unmarked_tag: honours.1,
            honours_lists: honours.2,
            dates,
            beside,
            needs_both,
            names,
        })
}

/// What happens to a page between two polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Nothing,
    Edit,
    /// New content under the date of before.
    EditInTheSameSecond,
    /// A new date for the content of before.
    Touch,
    /// The content and the date of before.
    Rollback,
}

/// Any event; most of the time nothing happens.
pub fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Nothing),
        2 => Just(Event::Edit),
        1 => Just(Event::EditInTheSameSecond),
        1 => Just(Event::Touch),
        1 => Just(Event::Rollback),
    ]
}
