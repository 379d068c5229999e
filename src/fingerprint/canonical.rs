//! From tokens to what is hashed: text with its white space collapsed, tags with the attributes that count, nothing in between.
//!
//! The hash is of a sequence that can be read back: a NUL, which no page has in it, begins whatever is not text.

use std::convert::Infallible;

use blake3::Hasher;
use html5gum::{Emitter, Error, State};

use crate::fingerprint::noise::{self, Rules};
use crate::fingerprint::tag::Tag;

/// Bytes that are hashed at once: it is made for long inputs.
const AT_ONCE: usize = 16 * 1024;

/// What a comment that is none begins with, as the tokenizer tells it: XHTML, SVG and `MathML` have text in it.
const CDATA: &[u8] = b"[CDATA[";

/// Takes tokens, and hashes what counts of them.
pub(super) struct Canonical {
    hasher: Hasher,
    waiting: Vec<u8>,
    tag: Tag,
    /// For the tokenizer: only the end tag of the same name ends a script.
    last_start_tag: Vec<u8>,
    comment: Comment,
    /// White space was read and nothing after it.
    is_space_due: bool,
    /// Elements that are open in which white space is what it is.
    preformatted: u32,
    element: Element,
    last: Last,
}

/// The element whose text is being read, where that makes a difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    /// Markup, or text that is like any other.
    Any,
    /// A script, a style sheet: until its end tag.
    LeftOut,
    /// Data in a script element: until its end tag.
    Data,
}

/// The comment that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comment {
    /// Nothing of it is read yet.
    Begun,
    /// One that nobody reads.
    LeftOut,
    /// Text in disguise.
    Text,
}

/// What was read last: a page that ends within it may be cut, or be read otherwise by another parser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A whole token.
    Whole,
    /// The start of a tag.
    Tag,
    /// A comment, which the tokenizer ends where the page does.
    Comment,
    /// The same of a document type.
    Doctype,
}

impl Canonical {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self {
            hasher,
            waiting: Vec::with_capacity(AT_ONCE * 2),
            tag: Tag::default(),
            last_start_tag: Vec::new(),
            comment: Comment::Begun,
            is_space_due: false,
            preformatted: 0,
            element: Element::Any,
            last: Last::Whole,
        }
    }

    /// The hash of it all. `None` where the page ends amid what is left out, for then nobody knows how much was: a comment that is not
    /// closed hides the page from one parser and not from another.
    pub(super) fn finish(mut self, page: &[u8]) -> Option<Hasher> {
        let is_whole = match self.last {
            Last::Whole => true,
            Last::Tag => false,
            // One that is not closed has none of these in it, or it would be.
            Last::Comment => page.ends_with(b"-->") || page.ends_with(b"--!>"),
            Last::Doctype => page.ends_with(b">"),
        };
        if !is_whole || self.element == Element::LeftOut {
            return None;
        }
        self.hasher.update(&self.waiting);
        Some(self.hasher)
    }

    fn put(&mut self, part: &[u8]) {
        self.waiting.extend_from_slice(part);
        if self.waiting.len() >= AT_ONCE {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    /// Of several white spaces one is left, wherever between them something was left out.
    fn put_due_space(&mut self) {
        if std::mem::take(&mut self.is_space_due) {
            self.put(b" ");
        }
    }

    fn put_text(&mut self, text: &[u8]) {
        if self.preformatted > 0 || self.element == Element::Data {
            self.put_due_space();
            return self.put(text);
        }
        for (index, word) in text.split(u8::is_ascii_whitespace).enumerate() {
            self.is_space_due |= index > 0;
            if !word.is_empty() {
                self.put_due_space();
                self.put(word);
            }
        }
    }

    fn put_tag(&mut self) {
        self.put_due_space();
        let tag = std::mem::take(&mut self.tag);
        let rules = Rules::of(&tag);
        self.put(if tag.is_end { b"\0/" } else { b"\0<" });
        self.put(tag.name());
        for (name, value) in tag.attributes() {
            if let Some(value) = rules.counted(name, value) {
                self.put(b"\0a");
                self.put(name);
                self.put(b"\0=");
                value.for_each(|part| self.put(part));
            }
        }
        self.put(b"\0>");
        self.tag = tag;
    }

    fn end_tag(&mut self) {
        let is_left_out = self.element == Element::LeftOut;
        // Within a script and its like, the tokenizer knows no other end tag than the one that ends it.
        self.element = Element::Any;
        if is_left_out {
            return;
        }
        if is_preformatted(self.tag.name()) {
            self.preformatted = self.preformatted.saturating_sub(1);
        }
        self.put_tag();
    }

    /// What a browser knows by the element's name: how the text in it is to be read.
    ///
    /// `noscript` is markup, as it is for whoever runs no scripts. A tag that closes itself begins nothing in XHTML and SVG, and in HTML it
    /// does: what follows it is not left out then, whatever it is.
    fn start_tag(&mut self) -> Option<State> {
        if noise::is_element_left_out(&self.tag) {
            return None;
        }
        let is_open = !self.tag.is_self_closing;
        let state = match self.tag.name() {
            b"script" => Some(State::ScriptData),
            b"style" | b"xmp" | b"iframe" | b"noembed" | b"noframes" => Some(State::RawText),
            b"title" | b"textarea" => Some(State::RcData),
            b"plaintext" => Some(State::PlainText),
            _ => None,
        }
        .filter(|_| is_open);
        if is_open && is_preformatted(self.tag.name()) {
            self.preformatted = self.preformatted.saturating_add(1);
        }
        match self.tag.name() {
            b"script" if !noise::is_data(&self.tag) => self.element = Element::LeftOut,
            b"style" => self.element = Element::LeftOut,
            b"script" => {
                self.put_tag();
                self.element = Element::Data;
            }
            _ => self.put_tag(),
        }
        if !is_open {
            self.element = Element::Any;
        }
        state
    }
}

/// Elements in which white space is seen as it is.
fn is_preformatted(name: &[u8]) -> bool {
    matches!(name, b"pre" | b"textarea" | b"listing" | b"xmp" | b"plaintext")
}

impl Emitter for &mut Canonical {
    type Token = Infallible;

    fn set_last_start_tag(&mut self, last_start_tag: Option<&[u8]>) {
        self.last_start_tag = last_start_tag.unwrap_or_default().to_vec();
    }

    fn emit_eof(&mut self) {}

    fn emit_error(&mut self, _: Error) {}

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn pop_token(&mut self) -> Option<Infallible> {
        None
    }

    fn emit_string(&mut self, text: &[u8]) {
        self.last = Last::Whole;
        if self.element != Element::LeftOut {
            self.put_text(text);
        }
    }

    fn init_start_tag(&mut self) {
        self.last = Last::Tag;
        self.tag.begin(false);
    }

    fn init_end_tag(&mut self) {
        self.last = Last::Tag;
        self.tag.begin(true);
    }

    fn init_comment(&mut self) {
        self.last = Last::Comment;
        self.comment = Comment::Begun;
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        self.last = Last::Whole;
        if self.tag.is_end {
            self.end_tag();
            return None;
        }
        self.last_start_tag.clear();
        self.last_start_tag.extend_from_slice(self.tag.name());
        self.start_tag()
    }

    fn emit_current_comment(&mut self) {
        if self.comment == Comment::Text {
            self.put(b"\0>");
        }
    }

    fn emit_current_doctype(&mut self) {
        self.put(b"\0>");
    }

    fn set_self_closing(&mut self) {
        self.tag.is_self_closing = true;
    }

    fn set_force_quirks(&mut self) {}

    fn push_tag_name(&mut self, part: &[u8]) {
        self.tag.push_name(part);
    }

    fn push_comment(&mut self, part: &[u8]) {
        match self.comment {
            Comment::Begun if part == CDATA => {
                self.comment = Comment::Text;
                self.put_due_space();
                self.put(b"\0c");
            }
            Comment::Begun => self.comment = Comment::LeftOut,
            Comment::LeftOut => {}
            Comment::Text => self.put(part),
        }
    }

    fn push_doctype_name(&mut self, part: &[u8]) {
        self.put(part);
    }

    fn init_doctype(&mut self) {
        self.last = Last::Doctype;
        self.put_due_space();
        self.put(b"\0d");
    }

    fn init_attribute(&mut self) {
        self.tag.begin_attribute();
    }

    fn push_attribute_name(&mut self, part: &[u8]) {
        self.tag.push_attribute_name(part);
    }

    fn push_attribute_value(&mut self, part: &[u8]) {
        self.tag.push_attribute_value(part);
    }

    fn set_doctype_public_identifier(&mut self, value: &[u8]) {
        self.put(b"\0p");
        self.put(value);
    }

    fn set_doctype_system_identifier(&mut self, value: &[u8]) {
        self.put(b"\0s");
        self.put(value);
    }

    fn push_doctype_public_identifier(&mut self, part: &[u8]) {
        self.put(part);
    }

    fn push_doctype_system_identifier(&mut self, part: &[u8]) {
        self.put(part);
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.tag.is_end && !self.last_start_tag.is_empty() && self.tag.name() == self.last_start_tag
    }
}
