//! What can happen to clients of one store: who asks for what, and whatever an origin that wants to know them again may say. Few tags, dates
//! and pages, so that they meet; and some that nobody else was ever given.

use notmodified::exchange::Wish;
use notmodified::exchange::settle::{Completeness, Reply};
use notmodified::fields::Fields;
use notmodified::key::Method;
use proptest::prelude::*;

use crate::sharing_oracle::{Sent, Who, presented};
use crate::sharing_world::{Errand, reply};

/// Exits with a number of their own; from here on those of one request.
const FLEETING: u32 = 1000;

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// A request goes out.
    Ask(Visitor),
    /// One of those under way is answered.
    Answer(usize, Says),
    /// Both at once.
    Visit(Visitor, Says),
    /// Seconds pass.
    Wait(u64),
    /// A URL is forgotten.
    Forget(usize),
}

/// Who asks, and for what.
#[derive(Debug, Clone)]
pub struct Visitor {
    exit: u32,
    is_fleeting: bool,
    credentials: Credentials,
    url: usize,
    language: Option<&'static str>,
    manner: Manner,
}

#[derive(Debug, Clone, Copy)]
enum Credentials {
    None,
    Cookie(&'static str),
    Authorization,
    /// A jar, and whether there is a cookie in it.
    Jar(bool),
}

#[derive(Debug, Clone, Copy)]
enum Manner {
    Get,
    Full,
    OnlyIfCached,
    Head,
    Post,
    Conditional(&'static str, &'static str),
}

/// What an origin says.
#[derive(Debug, Clone)]
pub struct Says {
    status: u16,
    tag: Given,
    date: Given,
    page: u8,
    is_text: bool,
    varies: bool,
    control: Option<&'static str>,
    completeness: Completeness,
}

/// A validator.
#[derive(Debug, Clone, Copy)]
enum Given {
    None,
    /// One of a few.
    Of(u32),
    /// One that nobody was ever given.
    Unique,
    /// The one that the request carries.
    Presented,
}

impl Visitor {
    pub fn errand(&self) -> Errand {
        let errand = Errand { exit: self.exit, is_fleeting: self.is_fleeting, url: self.url, ..Errand::default() };
        let errand = match self.language {
            Some(language) => errand.with("Accept-Language", language),
            None => errand,
        };
        let errand = match self.credentials {
            Credentials::None => errand,
            Credentials::Cookie(value) => errand.with("Cookie", value),
            Credentials::Authorization => errand.with("Authorization", "Basic eDp5"),
            Credentials::Jar(false) => Errand { jar: Some("jar"), ..errand },
            Credentials::Jar(true) => Errand { jar: Some("jar"), ..errand.with("Cookie", "a=jar") },
        };
        match self.manner {
            Manner::Get => errand,
            Manner::Full => Errand { wish: Wish { is_full: true, ..Wish::default() }, ..errand },
            Manner::OnlyIfCached => errand.with("Cache-Control", "only-if-cached, max-stale"),
            Manner::Head => Errand { method: Some("HEAD"), ..errand },
            Manner::Post => Errand { method: Some("POST"), ..errand },
            Manner::Conditional(name, value) => errand.with(name, value),
        }
    }

    /// Who that is to whoever looks on.
    pub fn who(&self, unique: &mut u32) -> Who {
        let credentials = match self.credentials {
            Credentials::None => 0,
            Credentials::Cookie("a") => 1,
            Credentials::Cookie(_) => 2,
            Credentials::Authorization => 3,
            Credentials::Jar(_) => 4,
        };
        *unique += 1;
        let exit = if self.is_fleeting { FLEETING + *unique } else { self.exit };
        Who { exit, credentials }
    }
}

impl Given {
    fn value(self, prefix: &str, suffix: &str, asked: Option<Vec<u8>>, unique: &mut u32) -> Option<String> {
        match self {
            Self::None => None,
            Self::Of(which) => Some(format!("{prefix}{which:02}{suffix}")),
            Self::Unique => {
                *unique += 1;
                Some(format!("{prefix}{:02}:{:02}{suffix}", 10 + *unique / 60 % 50, *unique % 60))
            }
            Self::Presented => asked.map(|value| String::from_utf8(value).unwrap()),
        }
    }
}

impl Says {
    /// The answer to a request.
    pub fn reply(&self, sent: &Sent, unique: &mut u32) -> Reply {
        let asked = |is_tag| presented(&sent.fields).into_iter().find(|one| one.is_tag == is_tag).map(|one| one.value);
        let date = |unique: &mut u32| {
            // Those that several are given are of another hour than those of one.
            let prefix =
                if matches!(self.date, Given::Unique) { "Thu, 01 Jan 1970 01:" } else { "Thu, 01 Jan 1970 00:00:" };
            self.date.value(prefix, " GMT", asked(false), unique)
        };
        let tag = self.tag.value("\"", "\"", asked(true), unique);
        let date = date(unique);
        let control = self.control.map(str::to_owned);
        let varies = self.varies.then(|| "Accept-Language".to_owned());
        let is_page = self.status != 304;
        let kind = is_page.then(|| if self.is_text { "text/plain" } else { "text/html" }.to_owned());
        let lines = [
            ("ETag", tag),
            ("Last-Modified", date),
            ("Cache-Control", control),
            ("Vary", varies),
            ("Content-Type", kind),
        ];
        let body = if is_page && sent.method != Method::Head { format!("page {}", self.page) } else { String::new() };
        let lines: Fields = lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Reply { fields: lines, completeness: self.completeness, ..reply(self.status, &[], body.as_bytes()) }
    }
}

fn visitor(varies: bool) -> impl Strategy<Value = Visitor> {
    let credentials = prop_oneof![
        10 => Just(Credentials::None),
        1 => prop::sample::select(vec!["a", "b"]).prop_map(Credentials::Cookie),
        1 => Just(Credentials::Authorization),
        1 => any::<bool>().prop_map(Credentials::Jar),
    ];
    let callers = prop::sample::select(vec![
        ("If-None-Match", "\"00\""),
        ("If-None-Match", "*"),
        ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("If-Match", "\"00\""),
        ("Range", "bytes=0-1"),
    ]);
    let manner = prop_oneof![
        16 => Just(Manner::Get),
        2 => Just(Manner::Full),
        1 => Just(Manner::OnlyIfCached),
        1 => Just(Manner::Head),
        1 => Just(Manner::Post),
        2 => callers.prop_map(|(name, value)| Manner::Conditional(name, value)),
    ];
    let languages = if varies { vec![None, Some("en"), Some("de")] } else { vec![None] };
    (0..5_u32, prop::bool::weighted(0.15), credentials, 0..2_usize, prop::sample::select(languages), manner).prop_map(
        |(exit, is_fleeting, credentials, url, language, manner)| Visitor {
            exit,
            is_fleeting,
            credentials,
            url,
            language,
            manner,
        },
    )
}

fn given() -> impl Strategy<Value = Given> {
    prop_oneof![
        4 => (0..3_u32).prop_map(Given::Of),
        2 => Just(Given::None),
        1 => Just(Given::Unique),
        1 => Just(Given::Presented),
    ]
}

fn says(varies: bool) -> impl Strategy<Value = Says> {
    let status = prop_oneof![12 => Just(200_u16), 8 => Just(304), 1 => Just(404), 1 => Just(503)];
    let control = prop_oneof![
        8 => Just(None),
        1 => Just(Some("no-store")),
        1 => Just(Some("max-age=100")),
        1 => Just(Some("max-age=100, stale-while-revalidate=1000")),
    ];
    let completeness =
        prop_oneof![10 => Just(Completeness::Whole), 1 => Just(Completeness::Unknown), 1 => Just(Completeness::Cut)];
    let varies = prop::bool::weighted(if varies { 0.4 } else { 0.0 });
    (status, given(), given(), 0..3_u8, any::<bool>(), varies, control, completeness).prop_map(
        |(status, tag, date, page, is_text, varies, control, completeness)| Says {
            status,
            tag,
            date,
            page,
            is_text,
            varies,
            control,
            completeness,
        },
    )
}

/// What happens, in order. `varies`: do some pages differ by language?
pub fn steps(varies: bool, most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (visitor(varies), says(varies)).prop_map(|(visitor, says)| Step::Visit(visitor, says)),
        5 => visitor(varies).prop_map(Step::Ask),
        4 => (any::<usize>(), says(varies)).prop_map(|(which, says)| Step::Answer(which, says)),
        2 => prop::sample::select(vec![1, 70, 4000]).prop_map(Step::Wait),
        1 => (0..2_usize).prop_map(Step::Forget),
    ];
    prop::collection::vec(step, 1..most)
}
