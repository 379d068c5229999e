//! What an exchange comes to: the response for the caller, and what is to be written.

use bytes::Bytes;

use crate::entry::BodyRef;
use crate::entry::change::{Acknowledgement, Change};
use crate::entry::spread::Spread;
use crate::exchange::outcome::{Handling, Outcome, Reason};
use crate::fields::Fields;
use crate::key::Key;
use crate::rfc::range::Part;

/// The response for the caller.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Where it came from.
    pub outcome: Outcome,
    /// Why it was not stored, where it was not.
    pub reason: Option<Reason>,
    /// How it was come by.
    pub handling: Handling,
    /// Its status: that of the stored response after a 304.
    pub status: u16,
    /// Its field section: freshened after a 304, with the Set-Cookie of this exchange and of no other.
    pub fields: Fields,
    /// Where its body is.
    pub body: AnswerBody,
    /// Is the content another than the consumer, or the store, knew before?
    pub is_changed: bool,
    /// Bytes that a 304 spared.
    pub bytes_saved: u64,
    /// What acknowledging this response would write.
    pub acknowledgement: Option<Acknowledgement>,
    /// How the validators that came for this page are spread over exits, where the answer is evidence of that.
    pub spread: Option<Spread>,
    /// What is to be written, in order.
    pub writes: Vec<Write>,
}

/// Where the body of an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerBody {
    /// In the store.
    Stored(BodyRef),
    /// In the store, and more of it than was asked for.
    Part(BodyRef, Part),
    /// Here.
    Received(Bytes),
}

/// One write.
#[derive(Debug, Clone)]
pub struct Write {
    /// Under what.
    pub key: Key,
    /// What. A [`Change::Store`] goes with the body that was received.
    pub change: Change,
}
