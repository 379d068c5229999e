//! What the store keeps for a key: the stored responses of its variants, and what each consumer has acknowledged.
//!
//! A record holds validators, fields and times; never a body. Bodies lie apart, under their own digest, so that a 304 moves none.

pub mod change;
pub mod codec;
pub mod corroboration;
pub mod forgotten;
pub mod learned;
pub mod page;
pub mod sighting;
pub mod spread;
pub mod testified;

use bytes::Bytes;

use crate::digest::Digest;
use crate::entry::corroboration::Corroboration;
use crate::entry::learned::{Learned, Lessons};
use crate::entry::testified::Testified;
use crate::fields::Fields;
use crate::identity::Partition;
use crate::rfc::etag::EntityTag;
use crate::rfc::freshness::Stored;
use crate::rfc::is_sendable;
use crate::rfc::vary::Selecting;

/// Most variants kept for one key, and as many shared ones; the one whose times were written longest ago gives way.
pub const MOST_VARIANTS: usize = 8;

/// Most further tags kept for one stored response; the oldest gives way.
pub const MOST_OTHER_TAGS: usize = 4;

/// Most acknowledgements kept for one key; the oldest gives way, and its consumer sees the page once more.
pub const MOST_ACKNOWLEDGED: usize = 64;

/// Everything that is known under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The target URI, compared on every read: a hash is no proof.
    pub url: String,
    /// The partition, likewise.
    pub partition: Partition,
    /// How many times this record was written.
    pub version: u64,
    /// When it was last of use, coarsely; seconds since the epoch. What was not for the longest time is forgotten first.
    pub last_used: u64,
    /// The origin asked not to be asked before; seconds since the epoch, 0 where it did not.
    pub not_before: u64,
    /// Content that ended with its connection, and so may have been cut off. A second time the same, it was not.
    pub unconfirmed: Option<Digest>,
    /// Stored responses: per [`Selecting`] at most one page, and at most one answer that came instead of it.
    pub variants: Vec<StoredResponse>,
    /// Acknowledgements, newest last.
    pub acknowledged: Vec<Acknowledged>,
    /// What was learned about an origin, where the key is that of one.
    pub lessons: Lessons,
    /// What the exits of requests without credentials were given, where the key is that of such requests.
    pub corroboration: Corroboration,
    /// What those exits say that an origin taught them, where the key is that of one.
    pub testified: Testified,
}

/// One stored response: a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// Its status code.
    pub status: u16,
    /// Its field section, freshened by every 304; without Set-Cookie and connection fields.
    pub fields: Fields,
    /// When the request was made that brought or last validated it; seconds since the epoch.
    pub request_time: u64,
    /// When the answer to that arrived.
    pub response_time: u64,
    /// Milliseconds of that second, as far as they are known.
    pub response_millis: u16,
    /// When its content last came whole.
    pub received_at: u64,
    /// What the request fields named by Vary were.
    pub selecting: Selecting,
    /// The Accept-Encoding that it was negotiated with: sent again with its validators where the choice is ours.
    pub accept_encoding: Option<Bytes>,
    /// The Content-Encoding that the origin sent it with, also where somebody undid it before it was stored.
    pub coding: Option<Bytes>,
    /// Its decoded content.
    pub content: Digest,
    /// What its content comes to, where somebody says what matters in it.
    pub fingerprint: Option<Digest>,
    /// Its body, as it came over the wire.
    pub body: BodyRef,
    /// Header section and content of the 200 that brought it, in bytes as transferred.
    pub wire_bytes: u64,
    /// An unsafe request went to its URI since (RFC 9111 §4.4): validate before use.
    pub is_invalidated: bool,
    /// Other tags that came with this very content, newest last: those of the machines behind a balancer.
    pub other_tags: Vec<Bytes>,
    /// What asking for it taught.
    pub learned: Learned,
    /// May it be used by other exits than the one that received it, as far as enough of them agree on it?
    pub is_shared: bool,
}

/// The name of a body: the digest of its bytes on the wire, and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BodyRef {
    /// Digest of the bytes as they came.
    pub digest: Digest,
    /// Their number.
    pub length: u64,
}

impl BodyRef {
    /// The name of the body that came over the wire as `wire`.
    #[must_use]
    pub fn of(wire: &[u8]) -> Self {
        Self { digest: Digest::of(wire), length: wire.len() as u64 }
    }
}

/// What a consumer has seen through to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who.
    pub consumer: Consumer,
    /// Which variant.
    pub selecting: Selecting,
    /// Which content.
    pub content: Digest,
}

/// A consumer's name, as a fixed-size hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Consumer(pub [u8; 16]);

impl Consumer {
    /// Whoever asks in a name of the caller's, where no consumer says what it has seen: what it was handed last, which others received.
    pub const UNNAMED: Self = Self([0; 16]);

    /// The consumer of that name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut hash = [0; 16];
        blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut hash);
        Self(hash)
    }
}

impl StoredResponse {
    /// The entity tag, as received.
    #[must_use]
    pub fn entity_tag(&self) -> Option<EntityTag<'_>> {
        self.fields.get(b"etag").and_then(EntityTag::new)
    }

    /// That tag, and the others that came with this very content.
    pub fn entity_tags(&self) -> impl Iterator<Item = EntityTag<'_>> {
        self.entity_tag().into_iter().chain(self.other_tags.iter().filter_map(|tag| EntityTag::new(tag)))
    }

    /// Is that the same content, or does it come to the same?
    #[must_use]
    pub fn is_same(&self, content: Digest, fingerprint: Option<Digest>) -> bool {
        self.content == content || (fingerprint.is_some() && self.fingerprint == fingerprint)
    }

    /// Does `mark` stand for its content? One that was made before anybody said what matters in it does as well.
    #[must_use]
    pub fn is_marked(&self, mark: Digest) -> bool {
        mark == self.mark() || mark == self.content
    }

    /// What RFC 9111 §4.2 needs to know of it.
    #[must_use]
    pub const fn times(&self) -> Stored<'_> {
        Stored {
            status: self.status,
            fields: &self.fields,
            request_time: self.request_time,
            response_time: self.response_time,
        }
    }

    /// Its age at `now`, seconds (RFC 9111 §4.2.3).
    #[must_use]
    pub fn age(&self, now: u64) -> u64 {
        self.times().age(now)
    }

    /// Is it the page itself, not what came instead of it?
    #[must_use]
    pub const fn is_page(&self) -> bool {
        self.status == 200
    }

    /// What tells its content from others: what it comes to, or else all of it.
    #[must_use]
    pub fn mark(&self) -> Digest {
        self.fingerprint.unwrap_or(self.content)
    }

    /// The Last-Modified value, as received, date or not; `None` where it could not be sent back.
    #[must_use]
    pub fn last_modified(&self) -> Option<&[u8]> {
        self.fields.get(b"last-modified").filter(|value| !value.is_empty() && is_sendable(value))
    }
}

impl Record {
    /// A record with nothing in it.
    #[must_use]
    pub fn new(url: &str, partition: Partition) -> Self {
        Self {
            url: url.to_owned(),
            partition,
            version: 0,
            last_used: 0,
            not_before: 0,
            unconfirmed: None,
            variants: Vec::new(),
            acknowledged: Vec::new(),
            lessons: Lessons::default(),
            corroboration: Corroboration::default(),
            testified: Testified::default(),
        }
    }

    /// Is nothing left in it that would be missed?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.variants.is_empty()
            && self.acknowledged.is_empty()
            && self.unconfirmed.is_none()
            && self.lessons.is_empty()
            && self.corroboration.is_empty()
            && self.testified.is_empty()
    }

    /// Is there anything in it that this exit said to others, by its word ([`Exit::witness`](crate::identity::Exit::witness))?
    #[must_use]
    pub fn has_word_of(&self, exit: u64) -> bool {
        self.corroboration.has_word_of(exit) || self.testified.has_word_of(exit)
    }

    /// The content that `consumer` last acknowledged of the variant that `selecting` names.
    #[must_use]
    pub fn acknowledged_by(&self, consumer: Consumer, selecting: Selecting) -> Option<Digest> {
        self.acknowledged
            .iter()
            .rev()
            .find(|one| one.consumer == consumer && one.selecting == selecting)
            .map(|one| one.content)
    }
}
