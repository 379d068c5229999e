//! The rule of sharing as it is told, over what went over the wire and nothing else: who was given what, and who may send and be served it.
//!
//! It knows no record, no candidate and no witness: only requests and answers, in the order in which they came.

use notmodified::fields::Fields;
use notmodified::key::Method;

/// One client, as it is: the number of its way out, and that of its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    pub exit: u32,
    /// 0: none.
    pub credentials: u8,
}

/// What a 304 can be asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator {
    pub is_tag: bool,
    pub value: Vec<u8>,
}

/// Content, and what it is said to be.
pub type Page = (Vec<u8>, Vec<u8>);

/// Who may send what others were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    Isolated,
    Corroborated { k: usize, ttl: Option<u64> },
    Central,
}

/// A request as it went out.
#[derive(Debug, Clone)]
pub struct Sent {
    pub who: Who,
    pub url: usize,
    pub method: Method,
    pub fields: Fields,
    /// Did an attempt with validators go before it?
    pub is_resend: bool,
}

/// One answer with content, to whomever.
#[derive(Debug)]
struct Receipt {
    who: Who,
    url: usize,
    validators: Vec<Validator>,
    page: Option<Page>,
    is_to_unprompted: bool,
    at: u64,
}

/// All that was ever received.
#[derive(Debug)]
pub struct Oracle {
    pub rule: Rule,
    receipts: Vec<Receipt>,
}

/// The conditions of RFC 9110 §13.1, and Range: whoever sends one has something already.
const PROMPTS: [&[u8]; 6] =
    [b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since", b"if-range", b"range"];

/// The validators that a request carries. No tag here has a comma in it.
pub fn presented(fields: &Fields) -> Vec<Validator> {
    let tags = fields.get_all(b"if-none-match").flat_map(|line| line.split(|byte| *byte == b','));
    let tags = tags.map(|tag| Validator { is_tag: true, value: tag.trim_ascii().to_vec() });
    let dates = fields.get_all(b"if-modified-since").map(|date| Validator { is_tag: false, value: date.to_vec() });
    tags.chain(dates).collect()
}

/// The validators that an answer names.
fn named(fields: &Fields) -> Vec<Validator> {
    let of = |name: &[u8], is_tag| fields.get(name).map(|value| Validator { is_tag, value: value.to_vec() });
    of(b"etag", true).into_iter().chain(of(b"last-modified", false)).collect()
}

/// What an answer with this content is.
pub fn page(fields: &Fields, content: &[u8]) -> Page {
    (content.to_vec(), fields.get(b"content-type").unwrap_or_default().to_vec())
}

impl Sent {
    /// Does it carry nothing by which its client could be known?
    pub fn is_bare(&self) -> bool {
        self.method == Method::Get && !self.fields.contains(b"cookie") && !self.fields.contains(b"authorization")
    }

    fn is_unprompted(&self) -> bool {
        self.is_bare() && !self.is_resend && PROMPTS.iter().all(|name| !self.fields.contains(name))
    }
}

impl Oracle {
    pub const fn new(rule: Rule) -> Self {
        Self { rule, receipts: Vec::new() }
    }

    /// An answer came.
    pub fn receive(&mut self, sent: &Sent, status: u16, fields: &Fields, content: &[u8], at: u64) {
        if matches!(sent.method, Method::OtherSafe | Method::Other) {
            return;
        }
        let page = (status != 304).then(|| page(fields, content));
        if sent.method == Method::Head {
            // It says as much about the page as a 304.
            self.receive(&Sent { method: Method::Get, ..sent.clone() }, 304, fields, &[], at);
        }
        let is_to_unprompted = status == 200 && sent.is_unprompted();
        let (who, url, validators) = (sent.who, sent.url, named(fields));
        self.receipts.push(Receipt { who, url, validators, page, is_to_unprompted, at });
    }

    /// Whoever sent it was served this page by a 304 before, and now content came that is another: nobody is to believe the pair.
    pub fn withdraw(&mut self, url: usize, validator: &Validator, page: &Page) {
        for one in self.receipts.iter_mut().filter(|one| one.url == url && one.page.as_ref() == Some(page)) {
            if one.validators.contains(validator) {
                one.is_to_unprompted = false;
            }
        }
    }

    /// All about a URL is forgotten.
    pub fn forget(&mut self, url: usize) {
        self.receipts.retain(|one| one.url != url);
    }

    /// May `sent` carry this validator, when a 304 to it is served as `page`?
    pub fn may_send(&self, sent: &Sent, validator: &Validator, page: &Page, now: u64) -> bool {
        self.is_own_pair(sent, validator, page)
            || self.is_agreed(sent, |one| one.validators.contains(validator) && one.page.as_ref() == Some(page), now)
    }

    /// Was this client, or one that counts as the same, given this validator itself?
    pub fn has_received(&self, sent: &Sent, validator: &Validator) -> bool {
        self.own(sent).any(|one| one.validators.contains(validator))
    }

    /// May this client be served this page without a 304 to any validator?
    pub fn may_be_served(&self, sent: &Sent, page: &Page, now: u64) -> bool {
        self.has_got(sent, page) || self.is_agreed(sent, |one| one.page.as_ref() == Some(page), now)
    }

    /// Did they come together, or the validator with a 304?
    fn is_own_pair(&self, sent: &Sent, validator: &Validator, page: &Page) -> bool {
        let is_given = |one: &Receipt| one.validators.contains(validator);
        let is_with =
            |one: &Receipt| one.page.as_ref().map_or_else(|| self.has_got(sent, page), |with| with.0 == page.0);
        self.own(sent).any(|one| is_given(one) && is_with(one))
    }

    fn has_got(&self, sent: &Sent, page: &Page) -> bool {
        self.own(sent).any(|one| one.page.as_ref() == Some(page))
    }

    fn own<'a>(&'a self, sent: &'a Sent) -> impl Iterator<Item = &'a Receipt> {
        let is_one = |one: &&Receipt| {
            let is_exit = self.rule == Rule::Central || one.who.exit == sent.who.exit;
            one.url == sent.url && one.who.credentials == sent.who.credentials && is_exit
        };
        self.receipts.iter().filter(is_one)
    }

    /// Were `k` exits given that, each of them unprompted and without credentials?
    fn is_agreed(&self, sent: &Sent, is_that: impl Fn(&Receipt) -> bool, now: u64) -> bool {
        let Rule::Corroborated { k, ttl } = self.rule else { return false };
        let counts = |one: &&Receipt| ttl.is_none_or(|ttl| now.saturating_sub(one.at) < ttl);
        let given = self.receipts.iter().filter(|one| one.url == sent.url && one.is_to_unprompted && is_that(one));
        let mut exits: Vec<u32> = given.filter(counts).map(|one| one.who.exit).collect();
        exits.sort_unstable();
        exits.dedup();
        sent.is_bare() && exits.len() >= k
    }
}
