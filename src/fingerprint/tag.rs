//! A tag while it is read: its name and its attributes, in one buffer that is used again for the next.

/// A start or an end tag.
#[derive(Debug, Default)]
pub(super) struct Tag {
    pub(super) is_end: bool,
    pub(super) is_self_closing: bool,
    name: Vec<u8>,
    /// Names and values, one after the other.
    text: Vec<u8>,
    attributes: Vec<Span>,
}

/// Where an attribute ends in the text; it begins where the last one ends.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    name_end: usize,
    value_end: usize,
}

impl Tag {
    pub(super) fn begin(&mut self, is_end: bool) {
        self.is_end = is_end;
        self.is_self_closing = false;
        self.name.clear();
        self.text.clear();
        self.attributes.clear();
    }

    pub(super) fn push_name(&mut self, part: &[u8]) {
        self.name.extend_from_slice(part);
    }

    pub(super) fn begin_attribute(&mut self) {
        let start = self.text.len();
        self.attributes.push(Span { start, name_end: start, value_end: start });
    }

    pub(super) fn push_attribute_name(&mut self, part: &[u8]) {
        self.text.extend_from_slice(part);
        if let Some(last) = self.attributes.last_mut() {
            last.name_end = self.text.len();
            last.value_end = self.text.len();
        }
    }

    pub(super) fn push_attribute_value(&mut self, part: &[u8]) {
        self.text.extend_from_slice(part);
        if let Some(last) = self.attributes.last_mut() {
            last.value_end = self.text.len();
        }
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// Names and values, as they were written.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.attributes.iter().map(|span| {
            let name = self.text.get(span.start..span.name_end).unwrap_or_default();
            (name, self.text.get(span.name_end..span.value_end).unwrap_or_default())
        })
    }

    /// The value of an attribute: of the first, where it is given twice.
    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.attributes().find(|(one, _)| *one == name).map(|(_, value)| value)
    }
}
