//! From tokens to what counts of them: the tokenizer's callbacks, which know where they are in the page.

use std::convert::Infallible;

use html5gum::{Emitter, Error, State};

use crate::fingerprint::canonical::Canonical;
use crate::fingerprint::noise;
use crate::fingerprint::tag::Tag;

/// What a comment that is none begins with, as the tokenizer tells it: XHTML, SVG and `MathML` have text in it.
const CDATA: &[u8] = b"[CDATA[";

/// Takes tokens, and puts down what counts.
pub(super) struct Reader {
    page: Canonical,
    tag: Tag,
    /// For the tokenizer: only the end tag of the same name ends a script.
    last_start_tag: Vec<u8>,
    comment: Comment,
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

impl Reader {
    pub(super) fn new(page: Canonical) -> Self {
        Self {
            page,
            tag: Tag::default(),
            last_start_tag: Vec::new(),
            comment: Comment::Begun,
            preformatted: 0,
            element: Element::Any,
            last: Last::Whole,
        }
    }

    /// All that counts in `page`. `None` where it ends amid what is left out, for then nobody knows how much was: a comment that is not
    /// closed hides the page from one parser and not from another.
    pub(super) fn finish(self, page: &[u8]) -> Option<Canonical> {
        let is_whole = match self.last {
            Last::Whole => true,
            Last::Tag => false,
            // One that is not closed has none of these in it, or it would be.
            Last::Comment => page.ends_with(b"-->") || page.ends_with(b"--!>"),
            Last::Doctype => page.ends_with(b">"),
        };
        (is_whole && self.element != Element::LeftOut).then_some(self.page)
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
        self.page.put_tag(&self.tag);
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
                self.page.put_tag(&self.tag);
                self.element = Element::Data;
            }
            _ => self.page.put_tag(&self.tag),
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

impl Emitter for &mut Reader {
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
        match self.element {
            Element::LeftOut => {}
            Element::Any if self.preformatted == 0 => self.page.put_text(text),
            Element::Any | Element::Data => self.page.put_verbatim(text),
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
            self.page.put(b"\0>");
        }
    }

    fn emit_current_doctype(&mut self) {
        self.page.put(b"\0>");
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
                self.page.put_due_space();
                self.page.put(b"\0c");
            }
            Comment::Begun => self.comment = Comment::LeftOut,
            Comment::LeftOut => {}
            Comment::Text => self.page.put(part),
        }
    }

    fn push_doctype_name(&mut self, part: &[u8]) {
        self.page.put(part);
    }

    fn init_doctype(&mut self) {
        self.last = Last::Doctype;
        self.page.put_due_space();
        self.page.put(b"\0d");
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
        self.page.put(b"\0p");
        self.page.put(value);
    }

    fn set_doctype_system_identifier(&mut self, value: &[u8]) {
        self.page.put(b"\0s");
        self.page.put(value);
    }

    fn push_doctype_public_identifier(&mut self, part: &[u8]) {
        self.page.put(part);
    }

    fn push_doctype_system_identifier(&mut self, part: &[u8]) {
        self.page.put(part);
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.tag.is_end && !self.last_start_tag.is_empty() && self.tag.name() == self.last_start_tag
    }
}
