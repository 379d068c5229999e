//! The caller's own conditions and ranges: answered from the store where the stored response may be served as it is, else the origin's
//! business. What the origin then says is handed through; a 304 that speaks of the stored response freshens it on the way.

use bytes::Bytes;

use crate::entry::StoredResponse;
use crate::entry::change::Change;
use crate::exchange::answer::{Answer, AnswerBody, Write};
use crate::exchange::ladder::is_same_tag;
use crate::exchange::not_modified::{freshening, kept};
use crate::exchange::outcome::Reason;
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::settle::Reply;
use crate::exchange::{Policy, freshen};
use crate::fields::Fields;
use crate::identity::Secret;
use crate::key::Method;
use crate::rfc::accept_encoding::names_codings;
use crate::rfc::date;
use crate::rfc::etag::EntityTag;
use crate::rfc::etag_list::EntityTagList;
use crate::rfc::preconditions::{Evaluation, LastModified, Validators, evaluate};
use crate::rfc::range::{ByteRange, Part};

/// > Cache-Control, Content-Location, Date, ETag, Expires, and Vary […] a sender SHOULD NOT generate representation metadata other than the
/// > above listed fields unless said metadata exists for the purpose of guiding cache updates (e.g., Last-Modified might be useful if the
/// > response does not have an ETag field) (RFC 9110 §15.4.5).
///
/// Age belongs to every answer that nothing was asked for (RFC 9111 §4).
const OF_A_304: [&[u8]; 7] = [b"cache-control", b"content-location", b"date", b"etag", b"expires", b"vary", b"age"];

/// What describes the whole content, and is another for a part. The other fields describe the representation and stay, also beside If-Range,
/// where a 206 should leave them out to be short: here nothing goes over a wire.
const OF_THE_WHOLE: [&[u8]; 3] = [b"content-length", b"content-range", b"content-digest"];

impl Pending {
    /// Can a stored response answer this request, if it may be served at all?
    #[must_use]
    pub fn can_be_served(&self) -> bool {
        match self.treatment {
            // Who asks for the content whole and now is not answered with what is stored.
            _ if self.ask.wish.is_full => false,
            Treatment::Ours => true,
            Treatment::Callers => self.is_within_a_cache(),
            Treatment::Passed(_) | Treatment::Unsafe => false,
        }
    }

    /// > the If-Match and If-Unmodified-Since conditional header fields are not applicable to a cache (RFC 9111 §4.3.2),
    ///
    /// and several ranges, or other units than bytes, are for an origin that knows them. A part of a coded body is only for a caller who asked
    /// for the coding: where the choice is ours, a range asks for plain bytes.
    fn is_within_a_cache(&self) -> bool {
        let fields = &self.ask.fields;
        let is_part = self.ask.method == Method::Get && fields.contains(b"range");
        let is_readable = || self.stored().is_none_or(|stored| names_codings(fields, &stored.fields));
        let is_for_the_origin = fields.contains(b"if-match") || fields.contains(b"if-unmodified-since");
        let is_understood = || ByteRange::of(fields).is_some() && is_readable();
        !is_for_the_origin && (!is_part || is_understood())
    }
}

/// What the caller's own conditions make of the answer that the stored response would be without them.
pub(super) fn answered(pending: &Pending, whole: Answer) -> Answer {
    // > a conditional GET or HEAD request has been received and would have resulted in a 200 (OK) response if it were not for the fact that
    // > the condition evaluated to false (RFC 9110 §15.4.5). What came instead of a page has no condition, and no parts.
    let stored = pending.stored().filter(|_| pending.treatment == Treatment::Callers && whole.status == 200);
    let Some(stored) = stored else { return whole };
    let method: &[u8] = if pending.ask.method == Method::Head { b"HEAD" } else { b"GET" };
    match evaluate(method, &pending.ask.fields, Some(&validators(stored))) {
        Evaluation::NotModified => not_modified(whole),
        Evaluation::Proceed if pending.ask.method == Method::Get => match ByteRange::of(&pending.ask.fields) {
            Some(range) => partial(whole, stored, range),
            None => whole,
        },
        // If-Match and If-Unmodified-Since went to the origin, so that nothing here fails.
        Evaluation::Proceed | Evaluation::IgnoreRange | Evaluation::PreconditionFailed => whole,
    }
}

/// > If a request contains an If-Modified-Since header field and the Last-Modified header field is not present in a stored response, a cache
/// > SHOULD use the stored response's Date field value (or, if no Date field is present, the time that the stored response was received) to
/// > evaluate the conditional (RFC 9111 §4.3.2).
fn validators(stored: &StoredResponse) -> Validators<'_> {
    let date = stored.fields.get(b"date").and_then(date::parse);
    let last_modified = match stored.fields.get(b"last-modified") {
        // Date moves on with each 304, and says nothing then about the second in which the content was made.
        Some(modified) => date::parse(modified)
            .map(|at| LastModified::dated(at, date.map_or(stored.received_at, |date| date.min(stored.received_at)))),
        None => Some(LastModified { at: date.unwrap_or(stored.received_at), is_strong: false }),
    };
    Validators { etag: stored.entity_tag(), last_modified }
}

fn not_modified(whole: Answer) -> Answer {
    let has_tag = whole.fields.contains(b"etag");
    let is_kept = |name: &[u8]| {
        let is_date = !has_tag && name.eq_ignore_ascii_case(b"last-modified");
        is_date || OF_A_304.iter().any(|one| one.eq_ignore_ascii_case(name))
    };
    let fields = whole.fields.filtered(|name, _| is_kept(name));
    without_content(whole, 304, fields)
}

/// The part that was asked for, or the word that there is none.
fn partial(whole: Answer, stored: &StoredResponse, range: ByteRange) -> Answer {
    let length = stored.body.length;
    // Of nothing there is no part, and no way to say so.
    if length == 0 {
        return whole;
    }
    let Some(part) = range.within(length) else { return unsatisfiable(whole, length) };
    let fields = whole.fields.filtered(|name, _| !OF_THE_WHOLE.iter().any(|one| one.eq_ignore_ascii_case(name)));
    Answer {
        reason: whole.reason.or(Some(Reason::CallersCondition)),
        status: 206,
        fields: fields
            .with(b"Content-Range", part.content_range(length).as_bytes())
            .with(b"Content-Length", part.length().to_string().as_bytes()),
        body: AnswerBody::Part(stored.body, part),
        // A consumer that has seen a part has not seen the page.
        acknowledgement: None,
        ..whole
    }
}

/// > A server that generates a 416 response to a byte-range request SHOULD generate a Content-Range header field specifying the current
/// > length of the selected representation (RFC 9110 §15.5.17).
fn unsatisfiable(whole: Answer, length: u64) -> Answer {
    let kept: [&[u8]; 2] = [b"date", b"age"];
    let fields = whole.fields.filtered(|name, _| kept.iter().any(|one| one.eq_ignore_ascii_case(name)));
    let fields = fields.with(b"Content-Range", Part::unsatisfied(length).as_bytes());
    without_content(whole, 416, fields)
}

fn without_content(whole: Answer, status: u16, fields: Fields) -> Answer {
    Answer {
        reason: whole.reason.or(Some(Reason::CallersCondition)),
        status,
        fields,
        body: AnswerBody::Received(Bytes::new()),
        is_changed: false,
        acknowledgement: None,
        ..whole
    }
}

/// What a 304 to the caller's own condition does to the stored response, where it speaks of that.
pub(super) fn of_their_304(pending: &Pending, reply: &Reply, policy: &Policy, secret: &Secret) -> Option<Write> {
    let is_theirs = pending.treatment == Treatment::Callers && reply.status == 304;
    let stored = pending.stored().filter(|_| is_theirs)?;
    let is_by_tag = is_named(pending, stored, &reply.fields)?;
    let fields = freshen::freshened(&stored.fields, &reply.fields, is_by_tag);
    let fields = kept(stored, &fields, &reply.fields);
    let is_worth_a_write = stored.is_invalidated
        || policy.is_time_worth_a_write(&pending.ask)
        || freshen::is_worth_a_write(&stored.fields, &fields);
    let freshened = is_worth_a_write.then(|| freshening(pending, stored, fields, reply, secret))?;
    Some(Write { key: pending.key_of(stored).clone(), change: Change::Freshen(Box::new(freshened)) })
}

/// Does the 304 speak of `stored`, and if so by its tag? By the validator that it names; without one, by the only one that was asked about.
///
/// > If the new response contains one or more strong validators, then each of those strong validators identifies a selected representation
/// > for update. […] If the new response contains no strong validators but does contain one or more weak validators, and if those validators
/// > correspond to one of the cache's stored responses, then the most recent of those matching stored responses is identified for update
/// > (RFC 9111 §4.3.4).
fn is_named(pending: &Pending, stored: &StoredResponse, reply: &Fields) -> Option<bool> {
    let lessons = pending.lessons.as_deref();
    let is_stored_tag = |named| stored.entity_tag().is_some_and(|own| is_same_tag(named, own, stored, lessons));
    if let Some(named) = reply.get(b"etag").and_then(EntityTag::new) {
        return is_stored_tag(named).then_some(true);
    }
    if let Some(list) = EntityTagList::of(&pending.ask.fields, b"if-none-match") {
        let mut tags = list.tags().peekable();
        let is_asked = tags.peek().is_some() && !list.has_star() && tags.all(is_stored_tag);
        return is_asked.then_some(true);
    }
    let own = date::parse(stored.last_modified()?)?;
    let is_own = |fields: &Fields, name: &[u8]| fields.get(name).map(|value| date::parse(value) == Some(own));
    let is_asked = is_own(&pending.ask.fields, b"if-modified-since") == Some(true);
    (is_asked && is_own(reply, b"last-modified") != Some(false)).then_some(false)
}
