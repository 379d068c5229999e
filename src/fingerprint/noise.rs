//! What is noise: which elements, attributes and parts of URLs are another each time that the same page is asked for.
//!
//! By name where the name is clear; by name and look of the value together where the name alone could mean content. What is not known here
//! counts.

use crate::fingerprint::tag::Tag;

/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Made for one request: a nonce, a token against forgery.
    ForOneRequest,
    /// Names the request, or carries a token, if it is said of the whole page or looks like one: `data-request-id` may be an entry's in a
    /// list of requests.
    Token,
    /// Names the visitor, likewise.
    Visit,
    /// When the page was made, if it is said of the whole page; an article's own time is content.
    Moment,
    /// Anything else.
    Content,
}

/// Longer names mean nothing that is known here.
const LONGEST_NAME: usize = 64;

/// The shortest token of letters and digits. Shorter ones exist, and so do article numbers.
const SHORTEST_TOKEN: usize = 8;

/// The shortest of digits alone, or of letters alone.
const SHORTEST_PLAIN_TOKEN: usize = 16;

/// What is left out of the attributes of one tag.
pub(super) struct Rules {
    /// Of the attribute that holds the value of what the tag names itself: of `content` in `<meta name=…>`.
    of_value: Option<(&'static [u8], Meaning)>,
    is_of_page: bool,
}

/// Is the element, which has no text, left out with all of its attributes?
pub(super) fn is_element_left_out(tag: &Tag) -> bool {
    match tag.name() {
        b"input" => tag.get(b"type").is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"hidden")),
        b"link" => tag.get(b"rel").is_some_and(is_of_presentation),
        _ => false,
    }
}

/// Style sheets, and hints for the loading of what is named elsewhere. They say nothing, and their URLs change with each release.
fn is_of_presentation(rel: &[u8]) -> bool {
    const HINTS: [&[u8]; 5] = [b"preload", b"modulepreload", b"prefetch", b"preconnect", b"dns-prefetch"];
    let mut words = rel.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
    let is_style = words.clone().any(|word| word.eq_ignore_ascii_case(b"stylesheet"));
    let is_hint = |word: &[u8]| HINTS.iter().any(|hint| hint.eq_ignore_ascii_case(word));
    is_style || (words.peek().is_some() && words.all(is_hint))
}

/// Is a script element none that runs, but data: JSON-LD, or the state that a page is drawn from? That is read by whoever scrapes it.
///
/// > Setting the attribute to any other value means that the script is a data block, which is not processed by the user agent
/// > (WHATWG HTML, the `script` element).
pub(super) fn is_data(script: &Tag) -> bool {
    let Some(kind) = script.get(b"type").map(<[u8]>::trim_ascii).filter(|kind| !kind.is_empty()) else { return false };
    let words: [&[u8]; 3] = [b"module", b"importmap", b"speculationrules"];
    let languages: [&[u8]; 4] = [b"javascript", b"ecmascript", b"jscript", b"livescript"];
    let runs = |language: &&[u8]| kind.windows(language.len()).any(|part| part.eq_ignore_ascii_case(language));
    !words.iter().any(|word| word.eq_ignore_ascii_case(kind)) && !languages.iter().any(runs)
}

impl Rules {
    /// Looks at the tag once, however many attributes it has.
    pub(super) fn of(tag: &Tag) -> Self {
        let named = |names: &[&[u8]]| names.iter().find_map(|name| tag.get(name)).map_or(Meaning::Content, meaning);
        let of_value = match tag.name() {
            // > `<meta http-equiv="Content-Security-Policy" content="script-src 'nonce-…'">`
            b"meta" if tag.get(b"http-equiv").is_some_and(is_policy) => Some((&b"content"[..], Meaning::ForOneRequest)),
            b"meta" => Some((&b"content"[..], named(&[b"name", b"property", b"itemprop"]))),
            // What is hidden is left out anyway; what is seen is content, unless it is clear that nobody is meant to read it.
            b"input" | b"button" => Some((&b"value"[..], named(&[b"name", b"id"])))
                .filter(|(_, meaning)| *meaning == Meaning::ForOneRequest),
            _ => None,
        };
        Self { of_value, is_of_page: matches!(tag.name(), b"meta" | b"html" | b"body") }
    }

    /// The parts of an attribute's value that count; `None` where the attribute is left out.
    pub(super) fn counted<'a>(&self, name: &[u8], value: &'a [u8]) -> Option<impl Iterator<Item = &'a [u8]>> {
        let meaning = match self.of_value {
            Some((holder, meaning)) if holder == name => meaning,
            _ => meaning(name),
        };
        let is_left_out = match meaning {
            Meaning::ForOneRequest => true,
            Meaning::Token | Meaning::Visit => self.is_of_page || is_opaque(value),
            Meaning::Moment => self.is_of_page,
            Meaning::Content => false,
        };
        let is_url = matches!(name, b"href" | b"src" | b"action" | b"formaction");
        let parts = value.split_inclusive(move |byte| is_url && matches!(byte, b'?' | b'&' | b';' | b'#'));
        let counted = parts.map(move |part| if is_url { without_noise(part) } else { part });
        (!is_left_out).then_some(counted)
    }
}

fn is_policy(directive: &[u8]) -> bool {
    directive.trim_ascii().to_ascii_lowercase().starts_with(b"content-security-policy")
}

/// A parameter of a URL, without a value that is another in each answer. A token under another name may say what is linked to.
fn without_noise(parameter: &[u8]) -> &[u8] {
    let Some(equals) = parameter.iter().position(|byte| *byte == b'=') else { return parameter };
    let (name, value) = parameter.split_at_checked(equals).unwrap_or((parameter, &[]));
    let value = value.trim_ascii_start();
    let is_noise = match meaning(name) {
        Meaning::ForOneRequest => true,
        Meaning::Visit => is_opaque(value),
        Meaning::Token | Meaning::Moment | Meaning::Content => false,
    };
    if is_noise { name } else { parameter }
}

/// Names are compared without case and without what joins their words: `csrfToken`, `csrf-token` and `_csrf_token` are one.
fn meaning(name: &[u8]) -> Meaning {
    let mut letters = [0; LONGEST_NAME];
    if name.len() > letters.len() {
        return Meaning::Content;
    }
    let mut length = 0;
    let joined = name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase);
    for (place, letter) in letters.iter_mut().zip(joined) {
        *place = letter;
        length += 1;
    }
    let name = letters.get(..length).unwrap_or_default();
    let has = |word: &[u8]| name.windows(word.len()).any(|part| part == word);
    let ends = |words: &[&[u8]]| words.iter().any(|word| name.ends_with(word));
    let is = |words: &[&[u8]]| words.contains(&name.strip_prefix(b"data").unwrap_or(name));
    if has(b"csrf") || has(b"xsrf") || ends(&[b"nonce", b"authenticitytoken", b"verificationtoken"]) {
        Meaning::ForOneRequest
    } else if ends(&[b"sessionid", b"sessid"]) || name == b"sid" {
        Meaning::Visit
    } else if ends(&[b"token", b"hmac", b"requestid", b"correlationid", b"traceid", b"spanid", b"traceparent"]) {
        Meaning::Token
    } else if is(&[b"timestamp", b"pagetimestamp", b"servertimestamp", b"requesttimestamp", b"requeststart"])
        || is(&[b"generated", b"generatedat", b"generatedon", b"generationtime", b"renderedat", b"rendertime"])
        || is(&[b"servertime", b"requesttime", b"responsetime"])
    {
        Meaning::Moment
    } else {
        Meaning::Content
    }
}

/// Does it look like a token: one word of letters and digits, or a long one of digits, or of capitals among small letters?
fn is_opaque(value: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_-.:~%|".contains(byte);
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let is_plain = has(u8::is_ascii_digit) || (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase));
    let is_long = value.len() >= SHORTEST_PLAIN_TOKEN;
    value.len() >= SHORTEST_TOKEN && value.iter().all(is_part) && (is_mixed || (is_long && is_plain))
}
