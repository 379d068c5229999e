//! What is hashed: text with its white space collapsed, tags with the attributes that count, nothing in between.
//!
//! It is a sequence that can be read back: a NUL, which no page has in it, begins whatever is not text.

use blake3::Hasher;

use crate::fingerprint::noise::Rules;
use crate::fingerprint::tag::Tag;

/// Bytes that are hashed at once: it is made for long inputs.
const AT_ONCE: usize = 16 * 1024;

/// A page on its way into a hash.
pub(super) struct Canonical {
    hasher: Hasher,
    waiting: Vec<u8>,
    /// White space was read and nothing after it.
    is_space_due: bool,
}

impl Canonical {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self { hasher, waiting: Vec::with_capacity(AT_ONCE * 2), is_space_due: false }
    }

    /// The hash of it all. White space at the end is none that anybody sees.
    pub(super) fn finish(mut self) -> Hasher {
        self.hasher.update(&self.waiting);
        self.hasher
    }

    /// Bytes as they are.
    pub(super) fn put(&mut self, part: &[u8]) {
        self.waiting.extend_from_slice(part);
        if self.waiting.len() >= AT_ONCE {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    /// Of several white spaces one is left, wherever between them something was left out.
    pub(super) fn put_due_space(&mut self) {
        if std::mem::take(&mut self.is_space_due) {
            self.put(b" ");
        }
    }

    /// Text in which white space is what it is.
    pub(super) fn put_verbatim(&mut self, text: &[u8]) {
        self.put_due_space();
        self.put(text);
    }

    /// Text in which there is white space or is not.
    pub(super) fn put_text(&mut self, text: &[u8]) {
        for (index, word) in text.split(u8::is_ascii_whitespace).enumerate() {
            self.is_space_due |= index > 0;
            if !word.is_empty() {
                self.put_due_space();
                self.put(word);
            }
        }
    }

    /// A tag, with the attributes that count.
    pub(super) fn put_tag(&mut self, tag: &Tag) {
        let rules = Rules::of(tag);
        self.put_due_space();
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
    }
}
